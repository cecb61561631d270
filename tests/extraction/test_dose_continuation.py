"""Dose instructions that go on: over sentences, days and clock times, with each dose at its own place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hospital_rt.extraction import sig
from hospital_rt.extraction.api import PlanItem, Result
from hospital_rt.extraction.local import LocalReader
from hospital_rt.extraction.pipeline import settle
from hospital_rt.extraction.sentences import read_sentences

MONDAY = date(2026, 3, 2)


def read(text: str) -> Result:
    """The note as the local reader and the guard leave it, every candidate taken for likely."""
    reader = LocalReader({})
    note = read_sentences(text, day=MONDAY)
    return settle(note, reader.read_now(note), LocalReader())


def plan(text: str) -> list[tuple[Any, ...]]:
    items = [kept.item for kept in read(text).kept if isinstance(kept.item, PlanItem)]
    return [(item.title, item.start_in_days, item.times_per_day, item.every_days, item.duration_days) for item in items]


@pytest.mark.parametrize(
    ("text", "doses"),
    [
        (
            "Methylprednisolone 4 mg dose pack: day 1 six tablets, day 2 five, day 3 four.",
            ["4 mg dose, six tablets", "five", "four"],
        ),
        ("Prednisone day 1: 60 mg, day 2: 40 mg, day 3: 20 mg", ["60 mg", "40 mg", "20 mg"]),
    ],
)
def test_each_day_of_a_pack_has_its_own_dose(text: str, doses: list[str]) -> None:
    found = sig.find(text, day=MONDAY, language="en")
    assert [m.dose for m in found] == doses
    assert [(m.start_in_days, m.duration_days) for m in found] == [(0, 1), (1, 1), (2, 1)]


def test_doses_at_clock_times_are_one_instruction() -> None:
    (found,) = sig.find("Hydrocortisone 10 mg at 8 am, 5 mg at noon, 5 mg at 4 pm.", day=MONDAY, language="en")
    assert found.times == ("08:00", "12:00", "16:00")
    assert found.doses_by_part == (("10 mg", "08:00"), ("5 mg", "12:00"), ("5 mg", "16:00"))


def test_a_sentence_goes_on_with_the_medicine_of_the_one_before() -> None:
    assert plan("Start sertraline 50 mg daily for 1 week. Then 100 mg daily.") == [
        ("Take sertraline 50 mg once a day for 1 week", 0, 1, 1, 7),
        ("Take sertraline 100 mg once a day starting in 7 days", 7, 1, 1, None),
    ]


def test_a_strength_and_its_count_in_two_sentences_are_one_step() -> None:
    assert plan("Metformin 500 mg tablets. Take one twice a day with meals.") == [
        ("Take Metformin 500 mg tablets, one twice a day with meals", 0, 2, 1, None)
    ]


def test_two_doses_of_the_medicine_before_are_both_read() -> None:
    titles = [row[0] for row in plan("Warfarin 2 mg tabs. Take 4 mg on Wednesdays; 2 mg all other days.")]
    assert titles[0] == "Take Warfarin 4 mg every Wednesday"
    assert titles[1].startswith("Take Warfarin 2 mg every Monday, Tuesday")


def test_an_act_of_its_own_does_not_go_on_with_a_medicine() -> None:
    assert [row[0] for row in plan("Start lisinopril 10 mg daily. Check the blood pressure daily.")] == [
        "Take lisinopril 10 mg once a day",
        "Check the blood pressure daily",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "You must not stop aspirin or ticagrelor without asking us. Diet advised, 150 min of exercise a week.",
        "Start a daily fiber supplement and increase water consumption to at least 48 ounces daily.",
        "Prednisone 40 mg daily for 5 days; saline mouth rinse 6 times a day.",
    ],
)
def test_what_is_of_something_else_is_not_of_the_medicine_before(text: str) -> None:
    assert not [row for row in plan(text) if row[0].startswith("Take") and not row[0].startswith("Take Prednisone 40")]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("Hold metformin today, restart on Thursday at 500 mg twice daily.", 3),
        ("Hold metformin for 48 hours then resume 500 mg BID.", 2),
    ],
)
def test_a_restart_begins_on_its_day(text: str, start: int) -> None:
    assert plan(text) == [(f"Take metformin 500 mg twice a day starting in {start} days", start, 2, 1, None)]


def test_a_step_down_ends_the_first_dose() -> None:
    assert plan("Carbimazole 20 mg once daily reducing by 5 mg every 4 weeks.") == [
        ("Take Carbimazole 20 mg once a day for 4 weeks", 0, 1, 1, 28)
    ]


def test_tablets_without_a_name_are_asked_about() -> None:
    read_ = read("Take a pill at 09:00 and 21:00.")
    assert not read_.kept
    assert [q.question for q in read_.questions] == ["which-medicine"]


def test_two_schedules_in_one_clause_are_asked_with_both_as_answers() -> None:
    (question,) = read("Ramipril 5 mg daily at 08:00 and 22:00.").questions
    assert question.question == "contradiction"
    assert [option.label for option in question.options] == ["Once a day", "At 08:00 and 22:00"]


def test_days_of_the_week_that_are_not_named_are_asked_with_usual_ones_as_answers() -> None:
    (question,) = read("Digoxin 125 mcg 3 times a week.").questions
    assert question.question == "which-day"
    assert [option.item.weekdays for option in question.options if isinstance(option.item, PlanItem)] == [
        ["mon", "wed", "fri"],
        ["tue", "thu", "sat"],
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Timolol 0.25% 1 drop OS BID", "Use Timolol 0.25%, 1 drop in the left eye twice a day"),
        ("Prednisolone acetate 1% 1 drop OD QID", "Use Prednisolone acetate 1%, 1 drop in the right eye 4 times a day"),
        ("Latanoprost 1 gtt OU qhs", "Use Latanoprost 1 drop in both eyes at bedtime"),
    ],
)
def test_a_title_says_which_eye(text: str, title: str) -> None:
    assert [row[0] for row in plan(text)] == [title]


def test_a_medicine_of_attacks_is_as_needed_for_a_complaint() -> None:
    (kept,) = read("Use the GTN spray for chest pain.").kept
    assert kept.item.as_needed
