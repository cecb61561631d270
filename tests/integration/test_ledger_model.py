"""The ledger under races and crashes: the real acts, one database call at a time, on a stage (see ``tests/ledger``)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.ledger.explorer import PAIRS, Pair, explore
from tests.ledger.machine import LedgerMachine

pytestmark = pytest.mark.long

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def test_whatever_happens_at_once_and_whoever_dies_the_ledger_and_the_feeds_agree() -> None:
    """The same plays each time; fresh ones by `make faults`."""
    plays = settings(
        max_examples=60,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=SLOW,
    )
    run_state_machine_as_test(LedgerMachine, settings=plays)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_of_two_acts_each_may_break_into_the_other_or_die_anywhere(pair: Pair) -> None:
    assert explore(pair, every=4) > 15


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_of_two_acts_each_may_break_into_the_other_or_die_everywhere(pair: Pair) -> None:
    print(f"{pair.name:28} {explore(pair):4} schedules")


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_thousands_of_other_plays_come_out_as_well() -> None:
    plays = settings(
        max_examples=3000, stateful_step_count=40, deadline=None, derandomize=False, suppress_health_check=SLOW
    )
    run_state_machine_as_test(LedgerMachine, settings=plays)
