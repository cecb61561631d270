"""Rows of the assertion rules: each example and counterexample runs, and names its row."""

from __future__ import annotations

import pytest

from hospital_rt.extraction.context.assertion import Row, assertions, rows
from hospital_rt.extraction.lexicon import LANGUAGES


def cases(kind: str) -> list[pytest.ParameterSet]:
    return [
        pytest.param(language, row, example, id=f"{language}-{row.id}-{number}")
        for language in LANGUAGES
        for row in rows(language)
        for number, example in enumerate(getattr(row, kind))
    ]


def has_category(language: str, row: Row, example: str) -> bool:
    before, judged, after = example.split("|", 2)
    start, end = len(before), len(before) + len(judged)
    return any(
        name == row.id and min(stop, end) - max(begin, start) >= max(1, (end - start) // 2)
        for _, begin, stop, name in assertions(before + judged + after, language)
    )


@pytest.mark.parametrize(("language", "row", "example"), cases("examples"))
def test_a_row_judges_its_example(language: str, row: Row, example: str) -> None:
    assert has_category(language, row, example), f"{row.id}: {example}"


@pytest.mark.parametrize(("language", "row", "example"), cases("counterexamples"))
def test_a_row_leaves_its_counterexample_alone(language: str, row: Row, example: str) -> None:
    assert not has_category(language, row, example), f"{row.id}: {example}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_row_has_an_example_and_a_name_of_its_own(language: str) -> None:
    found = rows(language)
    assert all(row.examples for row in found)
    assert len({row.id for row in found}) == len(found)
