"""Sections and numbered sentences, whatever the layout; offsets are those of the note."""

from __future__ import annotations

from datetime import date

import pytest

from hospital_rt.extraction.language import detect
from hospital_rt.extraction.sentences import read_sentences

DAY = date(2026, 3, 2)


def split(text: str) -> list[tuple[str, str]]:
    note = read_sentences(text, day=DAY)
    for number, sentence in enumerate(note.sentences, 1):
        assert sentence.number == number
        assert len(sentence.text) == sentence.end - sentence.start
        assert 0 <= sentence.start < sentence.end <= len(text)
    return [(sentence.section, " ".join(sentence.text.split())) for sentence in note.sentences]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "HISTORY OF PRESENT ILLNESS\n\nHe has a cough.\n\nPLAN\n\nOrder a CBC.",
            [("history", "He has a cough."), ("plan", "Order a CBC.")],
        ),
        ("DH: ramipril 5mg OD\r\nPlan: review 1/52\r\n", [("medications", "ramipril 5mg OD"), ("plan", "review 1/52")]),
        ("Take ramipril at 22:00. Book a scan.", [("", "Take ramipril at 22:00."), ("", "Book a scan.")]),
        ("Plan:\n1. Pregnancy test\n2. Urine dip", [("plan", "Pregnancy test"), ("plan", "Urine dip")]),
        (
            "PLAN\n1. Rest. 2. Ice the knee. 3. Return in 2 weeks.",
            [("plan", "Rest."), ("plan", "Ice the knee."), ("plan", "Return in 2 weeks.")],
        ),
        (
            "<p><b>Plan</b></p><ul><li>Start amlodipine&nbsp;5&nbsp;mg</li><li>BMP</li></ul>",
            [("plan", "Start amlodipine 5 mg"), ("plan", "BMP")],
        ),
        ("Drug\tDose\nAmoxicillin\t500mg", [("", "Drug Dose"), ("", "Amoxicillin 500mg")]),
        (
            "Seen by Dr. Smith. Take 1 tab. p.o. b.i.d. for 5 days.",
            [("", "Seen by Dr. Smith."), ("", "Take 1 tab. p.o. b.i.d. for 5 days.")],
        ),
        (
            "PLAN 12/02/2026:\nReview 1/52\n\nPLAN 02/03/2026:\nEmollient BD",
            [("previous", "Review 1/52"), ("plan", "Emollient BD")],
        ),
        (
            "lisinopril 10 mg tablet\nTake 1 tablet by mouth daily.",
            [("", "lisinopril 10 mg tablet Take 1 tablet by mouth daily.")],
        ),
        ("", []),
        (" \r\n\t\u200b", []),
    ],
)
def test_a_note_is_split(text: str, expected: list[tuple[str, str]]) -> None:
    assert split(text) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Take one tablet twice a day for the pain.", "en"),
        ("Tomar una tableta cada 8 horas durante 7 días si hay dolor.", "es"),
        ("Bitte kein Aspirin einnehmen, Kontrolle in 14 Tagen.", "de"),
        ("Une gélule par jour pendant 7 jours avant le repas.", "fr"),
        ("خذ قرصا مرتين في اليوم", "ar"),
        ("Ramipril 5mg OD", "en"),
        ("12/12 5/7", "und"),
    ],
)
def test_the_language_is_told_by_its_words(text: str, language: str) -> None:
    assert detect(text) == language
