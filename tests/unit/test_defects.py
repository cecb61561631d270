"""The tests notice defects: each is put in, and what must find it finds it. The table of all is printed at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.ledger.defects import DEFECTS, Defect
from tests.ledger.explorer import PAIRS, explore
from tests.ledger.machine import LedgerMachine
from tests.support.course_machine import CourseMachine
from tests.unit import test_slots

QUICK: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
    "report_multiple_bugs": False,
}
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"]


def slots() -> None:
    """Slots against dateutil, and against a clock read minute by minute."""
    test_slots._agree_with_dateutil(ZONES, ("01:30", "02:30", "09:00"))
    test_slots.test_a_date_that_never_was_is_reminded_when_the_next_begins()
    test_slots.test_two_times_that_a_clock_change_puts_on_one_instant_are_one()
    for days_of in test_slots.DAYS_OF:
        test_slots._days_agree_with_dateutil(ZONES[:2], date(2027, 1, 31), 400, **days_of)
    test_slots.test_parts_of_the_day_are_where_the_patient_has_them()


def courses() -> None:
    """Courses beside the reference."""
    run_state_machine_as_test(CourseMachine, settings=settings(max_examples=150, stateful_step_count=40, **QUICK))


def pairs() -> None:
    """Each pair of acts, every third schedule."""
    for pair in PAIRS:
        explore(pair, every=3)


def plays() -> None:
    """The whole ledger on the stage."""
    run_state_machine_as_test(LedgerMachine, settings=settings(max_examples=120, stateful_step_count=30, **QUICK))


WAYS: dict[str, Callable[[], None]] = {"slots": slots, "courses": courses, "pairs": pairs, "plays": plays}
ONE_PAIR = {pair.name: pair for pair in PAIRS}


def notices(defect: Defect, way: str) -> str | None:
    """What this way says of the defect, or None when it sees nothing."""
    with pytest.MonkeyPatch.context() as patch:
        defect.put_in(patch)
        try:
            if way in ONE_PAIR:
                explore(ONE_PAIR[way])
            else:
                WAYS[way]()
        except Exception as noticed:
            return str(noticed).splitlines()[0][:100] or type(noticed).__name__
    return None


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    lines: list[str] = []
    yield lines
    print("\n" + "\n".join(lines))


@pytest.mark.long
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_defect_is_noticed(defect: Defect, table: list[str]) -> None:
    way, began = defect.found_by[0], time.process_time()
    said = notices(defect, way)
    table.append(f"{defect.name:60} {way:27}{time.process_time() - began:5.1f} s  {said or 'NOT NOTICED'}")
    assert said is not None, f"{way} does not notice: {defect.name}"


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_every_defect_by_every_way(table: list[str]) -> None:
    """The whole table: which way notices what, and that none gets past all of them."""
    found = {defect: {way: notices(defect, way) is not None for way in WAYS} for defect in DEFECTS}
    table.append(f"{'defect':60} " + " ".join(f"{way:8}" for way in WAYS))
    for defect, ways in found.items():
        table.append(f"{defect.name:60} " + " ".join(f"{'found' if seen else '-':8}" for seen in ways.values()))
    for defect, ways in found.items():
        assert any(ways.values()), f"nothing notices: {defect.name}"
