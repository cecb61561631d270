"""Courses lived through by a state machine, beside a reference written from the contract ("Reminders")."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.course_machine import CourseMachine


@pytest.mark.long
def test_a_course_does_what_the_contract_says_whatever_happens_to_it() -> None:
    """The same lives each time; fresh ones by `make faults`."""
    lives = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(CourseMachine, settings=lives)


def test_undoing_an_early_answer_opens_the_slot_of_last_week_again() -> None:
    """The answer had completed the step, and what was open then is older than what a closed slot is kept for."""
    life = CourseMachine()
    plan = {
        "start_in_days": 0,
        "times_per_day": 1,
        "times": None,
        "days_of": {"every_days": 7},
        "duration_days": 1,
        "miss_policy": "extend",
        "day_seconds": None,
    }
    life.begin(plan, "UTC", "02:15", datetime(2027, 3, 27, 22, tzinfo=UTC), 120)
    for share in (2.3, 0.1, 2.3, 2.3):
        life.time_passes(share)
    life.a_slot_is_answered_before_its_time("done")
    life.the_same_is_seen()
    life.undo_the_last()
    life.the_same_is_seen()


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_course_does_what_the_contract_says_in_thousands_of_other_lives() -> None:
    lives = settings(max_examples=5000, stateful_step_count=60, deadline=None, derandomize=False)
    run_state_machine_as_test(CourseMachine, settings=lives)
