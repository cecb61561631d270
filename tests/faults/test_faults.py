"""Every scenario, a test each. ``python -m tests.faults`` runs them and prints the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.compare import Counts
from tests.faults.ground import Scenario, run
from tests.faults.scenarios import SCENARIOS


@pytest.mark.faults
@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.name for one in SCENARIOS])
async def test_nothing_is_lost_doubled_or_early(scenario: Scenario, tmp_path: Path, table: list[Counts]) -> None:
    counts = await run(scenario, tmp_path)
    table.append(counts)
    assert not counts.wrong, counts.found
