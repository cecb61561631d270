"""The evaluation fails when a figure is below its floor, or when notes were left out."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.__main__ import worse

FLOOR: dict[str, Any] = {"notes": 10, "f1": 0.9, "silent": 0.05, "must_not": 1}


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({**FLOOR, "f1": 0.8}, "f1"),
        ({**FLOOR, "silent": 0.2}, "silent"),
        ({**FLOOR, "must_not": 2}, "must_not"),
        ({**FLOOR, "notes": 9}, "notes"),
    ],
)
def test_a_worse_figure_is_named(row: dict[str, Any], named: str) -> None:
    said = worse(row, FLOOR)
    assert len(said) == 1
    assert said[0].startswith(named)


def test_figures_at_their_floor_pass() -> None:
    assert worse(FLOOR, FLOOR) == []
