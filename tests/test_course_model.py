"""Courses lived through by a state machine, beside a reference that follows contract section 4 to the letter."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.course_machine import CourseMachine


def test_a_course_does_what_the_contract_says_whatever_happens_to_it() -> None:
    """The same lives each time; fresh ones by `make faults`."""
    lives = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(CourseMachine, settings=lives)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_course_does_what_the_contract_says_in_thousands_of_other_lives() -> None:
    lives = settings(max_examples=5000, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(CourseMachine, settings=lives)
