"""What a note leaves to others, to later or to nobody becomes no step; what it leaves open is asked."""

from __future__ import annotations

from datetime import date

import pytest

from hospital_rt.extraction.compose import order
from hospital_rt.extraction.pipeline import read_now
from hospital_rt.extraction.second_person import to_patient

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    "note",
    [
        "Plan: Podiatry referral made, they will write to him.",
        "Plan: I have asked our dietitian to write to you with an appointment within four weeks.",
        "Diabetes clinic. He walks the dog twice a day.",
        "Plan: Husband on Tab. Metformin 500 BD.",
        "Plan: Acamprosate to be thought about once dry.",
        "Plan: We are going to add levothyroxine next month once the TSH is back.",
        "Call 555-0147, open 24 hours a day.",
        ">>> pasted from 03/02 >>> nurofen 400 tds 1/52 >>> end paste >>>\nknee pain better",
    ],
)
def test_what_others_do_or_may_come_is_no_step(note: str) -> None:
    assert [kept.item.title for kept in read_now(note, day=DAY).kept] == []


def test_a_season_is_asked_about_and_not_taken_for_now() -> None:
    result = read_now("Plan: Add Symbicort 2 puffs twice a day during the summer.", day=DAY)
    assert not result.kept
    assert [question.question for question in result.questions] == ["which-day"]


def test_i_am_is_no_morning() -> None:
    [kept] = read_now("Plan: I am going to start him on Naprosyn 500 mg twice a day.", day=DAY).kept
    assert kept.item.title == "Take Naprosyn 500 mg twice a day"


def test_two_tests_of_one_order_are_two_steps() -> None:
    kept = read_now("Plan: We will order a lipid panel and an echocardiogram.", day=DAY).kept
    assert len(kept) == 2


def test_a_web_address_is_not_rewritten() -> None:
    assert to_patient("the patient reads www.patient.info/my-advice") == "you read www.patient.info/my-advice"
    assert "patient" not in order("Read about tinnitus via www.patient.info/tinnitus", "en")


def test_the_question_names_the_language_that_is_not_read() -> None:
    note = "Amoxicillin 1 g morgens und abends für 6 Tage. Kontrolle in 10 Tagen beim Arzt, bitte nicht rauchen."
    result = read_now(note, day=DAY)
    assert not result.kept
    assert "German" in result.questions[0].text
