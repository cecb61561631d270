"""Dose instructions ("sig"): what a clause says of medicine, dose and schedule. See ``parse`` for how it reads."""

from __future__ import annotations

import re
from datetime import date

from hospital_rt.extraction.sig.build import build
from hospital_rt.extraction.sig.lexicon import lexicon, medicines
from hospital_rt.extraction.sig.match import SigMatch
from hospital_rt.extraction.sig.parse import Parser

__all__ = ["SigMatch", "find", "lexicon", "medicines", "schedule"]

_ABOUT = re.compile(
    r"\b(?:about|around|approximately|roughly)\b(?= (?:an?|one|two|three|four|six|\d+) (?:days?|weeks?|months?|years?)\b)",
    re.I,
)
_I_AM = re.compile(r"\bI am\b", re.I)


def find(text: str, *, day: date, language: str, after: SigMatch | None = None) -> list[SigMatch]:
    """Every medicine and every frequency of a sentence, in order. Empty for a language without a lexicon.

    ``after``: the last match of the sentence before, which a sentence such as "Then 20 mg daily" goes on from; its medicine
    then has no span in this sentence.

    >>> [m] = find("Amoxicillin 500 mg three times a day for 7 days", day=date(2026, 3, 2), language="en")
    >>> m.medicine, m.dose, m.times_per_day, m.duration_days, m.complete
    ('Amoxicillin', '500 mg', 3, 7, True)
    """
    lex = lexicon(language)
    if lex is None:
        return []
    text = _I_AM.sub("will", text)  # "am" is no morning here; four letters as well
    text = _ABOUT.sub(lambda m: " " * len(m[0]), text)
    parser = Parser(lex, text, day, after)
    return build(parser, parser.parse())


def schedule(clause: str, *, day: date, language: str) -> SigMatch | None:
    """How often, on which days and how long a clause says something is to be done, with or without a medicine.

    None when it says nothing of that kind. Two different schedules in one clause are a conflict.
    """
    found = [
        m
        for m in find(clause, day=day, language=language)
        if m.scheduled or m.as_needed or m.duration_days or m.start_in_days
    ]
    return found[0] if found else None
