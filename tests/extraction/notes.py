"""Notes as the tests of the readers use them."""

from __future__ import annotations

from datetime import date

from hospital_rt.extraction.api import Note, Sentence
from hospital_rt.extraction.sentences import read_sentences

DAY = date(2026, 3, 10)  # a Tuesday
NOTE = "Take amoxicillin 500 mg three times a day for 7 days."


def numbered(text: str, *, day: date = DAY) -> Note:
    """The note as numbered sentences."""
    return read_sentences(text, day=day)


def note_of(*sentences: str, day: date = DAY, section: str = "") -> Note:
    """A note of just these sentences, with a space between."""
    text = " ".join(sentences)
    rows: list[Sentence] = []
    for number, sentence in enumerate(sentences, 1):
        start = rows[-1].end + 1 if rows else 0
        rows.append(Sentence(number=number, text=sentence, start=start, end=start + len(sentence), section=section))
    return Note(text=text, day=day, language="en", sentences=tuple(rows))
