"""From what a model answers to items of the note: citations, quotes, members left out, questions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hospital_rt.extraction.api import Reading
from hospital_rt.extraction.guard import check
from hospital_rt.extraction.llm.answer import Answer, parse_answer, read_answer
from tests.extraction.notes import note_of

NOTE = note_of(
    "Chest infection.",
    "Take amoxicillin 500 mg\nthree times a day for 7 days.",
    "Paracetamol if feverish.",
    "Book a chest X-ray.",
    "Come back on Friday.",
    "Take care.",
)


def read(**lists: Any) -> Reading:
    answer = parse_answer(json.dumps(lists))
    assert isinstance(answer, Answer)
    return read_answer(answer, NOTE)


def test_a_quote_is_cut_from_the_note_as_it_stands() -> None:
    item = read(plan=[{"s": [2], "title": "Take amoxicillin 500 mg three times a day", "times_per_day": 3}]).plan[0]
    assert item.quote == "Take amoxicillin 500 mg\nthree times a day for 7 days."
    assert NOTE.text[item.start : item.end] == item.quote
    assert item.sentences == (2,)


def test_neighbouring_sentences_are_quoted_together_and_of_scattered_ones_the_nearest() -> None:
    together, scattered = read(
        checklist=[
            {"s": [5, 4], "title": "Have a chest X-ray and come back"},
            {"s": [1, 4, 4, 99], "title": "Have a chest X-ray"},
        ]
    ).checklist
    assert together.quote == "Book a chest X-ray. Come back on Friday."
    assert scattered.quote == "Book a chest X-ray."
    assert scattered.sentences == (1, 4)


def test_a_miscounted_sentence_is_found_by_the_words_of_the_title_when_only_one_holds_them() -> None:
    off_by_one, nowhere = read(
        checklist=[{"s": [3], "title": "Book a chest X-ray"}, {"s": [3], "title": "Have an eye test"}]
    ).checklist
    assert off_by_one.quote == "Book a chest X-ray."
    assert nowhere.quote == "Paracetamol if feverish."


@pytest.mark.parametrize("cited", [{"s": []}, {"s": [0]}, {"s": [-1]}, {"s": [7]}, {"s": [10**18]}, {"s": None}, {}])
def test_an_item_that_cites_no_sentence_of_the_note_is_dropped(cited: dict[str, Any]) -> None:
    item = {"title": "Take warfarin", **cited}
    found = read(checklist=[item, {"s": [4], "title": "Have a chest X-ray"}], plan=[{**item, "times_per_day": 1}, item])
    assert [i.title for i in found.checklist if check(NOTE, "checklist", i) is None] == ["Have a chest X-ray"]
    assert [i.title for i in found.plan if check(NOTE, "plan", i) is None] == []
    assert found.questions == []
    assert read(unclear=[{**cited, "text": "How often?"}]).questions == []


@pytest.mark.parametrize(
    ("members", "times_per_day"),
    [
        ({"times_per_day": 3}, 3),
        ({"parts": ["morning", "evening"]}, 2),
        ({"times": ["08:00", "14:00", "20:00"]}, 3),
        ({"every_hours": 6}, 4),
        ({"every_days": 7}, 1),
        ({"weekdays": ["mon", "thu"]}, 1),
        ({"every_months": 1, "on_day": "last"}, 1),
        ({"as_needed": True}, 1),
    ],
    ids=str,
)
def test_times_a_day_follow_from_what_is_given(members: dict[str, Any], times_per_day: int) -> None:
    found = read(plan=[{"s": [2], "title": "Take it", **members}])
    assert [p.times_per_day for p in found.plan] == [times_per_day]
    assert found.questions == []


def test_a_plan_item_without_any_frequency_is_asked_about_and_not_made_daily() -> None:
    found = read(plan=[{"s": [2], "title": "Take amoxicillin 500 mg", "duration_days": 7}])
    assert found.plan == []
    assert [o.item.title for q in found.questions for o in q.options] == ["Take amoxicillin 500 mg"]
    assert [(q.question, q.quote) for q in found.questions] == [
        ("how-often", "Take amoxicillin 500 mg\nthree times a day for 7 days.")
    ]


def test_a_visit_or_a_test_without_frequency_is_done_once() -> None:
    found = read(plan=[{"s": [4], "title": "Have a chest X-ray"}, {"s": [2], "title": "Have amoxicillin 500 mg"}])
    assert [i.title for i in found.checklist] == ["Have a chest X-ray"]
    assert [o.item.title for q in found.questions for o in q.options] == ["Have amoxicillin 500 mg"]


def test_parts_of_the_day_that_are_not_as_many_as_the_times_are_left_out() -> None:
    item = read(plan=[{"s": [2], "title": "Take it", "times_per_day": 3, "parts": ["morning"]}]).plan[0]
    assert (item.times_per_day, item.parts) == (3, None)


def test_what_is_unclear_is_a_question_with_the_sentence() -> None:
    found = read(plan=[], unclear=[{"s": [3], "question": "how-much", "text": "How much paracetamol?"}, {"s": [5]}])
    first = found.questions[0]
    assert (first.question, first.text, first.quote) == (
        "how-much",
        "How much paracetamol?",
        "Paracetamol if feverish.",
    )
    assert found.questions[1].question == "other"
    assert found.questions[1].text


def test_a_gap_of_no_hours_is_no_limit() -> None:
    limits = {"min_gap_hours": 0, "max_per_day": 4}
    first, second = read(
        checklist=[
            {"s": [3], "title": "Take paracetamol if feverish", "as_needed": True, "limits": limits},
            {"s": [3], "title": "Take paracetamol if feverish", "limits": {"min_gap_hours": 0}},
        ]
    ).checklist
    assert first.limits is not None
    assert (first.limits.min_gap_hours, first.limits.max_per_day) == (None, 4)
    assert second.limits is None
