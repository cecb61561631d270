"""Weekdays and dates as notes write them, counted in days from the day of the note.

One promise: a day that is named lies on or after the day of the note, or it is not taken for a day to come.
Everything here works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from hospital_rt.extraction.memo import remembered

_WEEKDAYS = (
    "mondays?|mon|lundis?|lun|lunes",
    "tuesdays?|tues?|mardis?|mar|martes",
    "wednesdays?|weds?|mercredis?|mer|miercoles|mie",
    "thursdays?|thurs?|thu|jeudis?|jeu|jueves|jue",
    "fridays?|fri|vendredis?|ven|viernes|vie",
    "saturdays?|sat|samedis?|sam|sabados?|sab",
    "sundays?|sun|dimanches?|dim|domingos?|dom",
)
WEEKDAY = "(?:" + "|".join(_WEEKDAYS) + ")"
_WEEKDAY_OF = [re.compile(words) for words in _WEEKDAYS]
_MONTHS = (
    "january|jan|janvier|janv|enero|ene",
    "february|feb|fevrier|fev|febrero",
    "march|mar|mars|marzo",
    "april|apr|avril|avr|abril|abr",
    "may|mai|mayo",
    "june|jun|juin|junio",
    "july|jul|juillet|juil|julio",
    "august|aug|aout|agosto",
    "september|sept?|septembre|septiembre",
    "october|oct|octobre|octubre",
    "november|nov|novembre|noviembre",
    "december|dec|decembre|diciembre|dic",
)
MONTH = "(?:" + "|".join(_MONTHS) + ")"
_MONTH_OF = [re.compile(words) for words in _MONTHS]

_DATE = re.compile(
    rf"\b(?:{WEEKDAY},? (?:the )?)?(?:"
    rf"(?P<d1>\d{{1,2}})(?:st|nd|rd|th|er)? (?:of |de )?(?P<m1>{MONTH})\b\.?(?:,? (?:de )?(?P<y1>20\d\d))?"
    rf"|(?P<m2>{MONTH})\.? (?:the )?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?! ?(?:mg|ml|g|mcg|times|%|"
    rf"units?))(?:,? (?P<y2>20\d\d))?"
    r"|(?P<y3>20\d\d)-(?P<m3>\d{1,2})-(?P<d3>\d{1,2})"
    r"|(?P<d4>\d{1,2})[/.](?P<m4>\d{1,2})[/.](?P<y4>(?:20)?\d\d)"
    r"|(?:(?<=\bon )|(?<=\bof )|(?<=\bby )|(?<=until )|(?<=from )|(?<=due )|"
    r"(?<=till ))(?P<d6>\d{1,2})/(?P<m6>\d{1,2})(?![\d/]| (?:after|from|post)\b)"
    r"|(?:(?<=\bon )|(?<=\bam )|(?<=including )|(?<=until )|(?<=till )|(?<=through )|(?<=from )|(?<=due ))"
    r"(?P<d7>\d{1,2})\.(?P<m7>0[1-9]|1[0-2])(?=\.|,|\W*$)"
    r"|the (?P<d5>\d{1,2})(?:st|nd|rd|th)\b(?! (?:day|week|month|time|dose|toe|finger))"
    r")"
)
_ONE_WEEKDAY = re.compile(
    rf"\b(?P<next>next |coming |this )?(?P<it>{WEEKDAY})\b(?P<after> prochaine?| que viene| proximo)?"
)


@dataclass(frozen=True, slots=True)
class NamedDay:
    """A day that the text names: ``days`` after the note; where it stands; whether by its weekday alone."""

    days: int
    start: int
    end: int
    weekday: int | None = None


def weekday_of(word: str) -> int | None:
    """Monday is 0. None when the word is no weekday."""
    return next((n for n, words in enumerate(_WEEKDAY_OF) if words.fullmatch(word)), None)


def days_to(weekday: int, day: date, *, next_one: bool = False) -> int:
    """Days from ``day`` to the first such weekday on or after it (after it, with ``next_one``)."""
    days = (weekday - day.weekday()) % 7
    return 7 if days == 0 and next_one else days


@remembered
def named_days(text: str, day: date) -> Iterator[NamedDay]:
    """Every date and weekday in the text that may be meant for the future, in order."""
    taken: list[tuple[int, int]] = []
    for m in _DATE.finditer(text):
        taken.append(m.span())
        found = _date_of(m, day)
        if found is not None and 0 <= (found - day).days <= 730:
            yield NamedDay((found - day).days, *m.span())
    for m in _ONE_WEEKDAY.finditer(text):
        if any(s <= m.start() < e for s, e in taken) or _is_no_weekday(text, m):
            continue
        weekday = weekday_of(m["it"])
        if weekday is not None:
            next_one = bool(m["next"] and not m["next"].startswith("this")) or bool(m["after"])
            yield NamedDay(days_to(weekday, day, next_one=next_one), *m.span(), weekday=weekday)


def _is_no_weekday(text: str, m: re.Match[str]) -> bool:
    """ "mar", "sun", "sat", "dim" and their like are words too: short forms count beside their own kind only."""
    word = m["it"]
    if len(word) > 3 or word in {"mon", "tue", "wed", "thu", "fri"}:
        return False
    beside = text[max(0, m.start() - 12) : m.start()] + " " + text[m.end() : m.end() + 12]
    return not re.search(rf"\b{WEEKDAY}\b", beside)


def _date_of(m: re.Match[str], day: date) -> date | None:
    number = next(int(m[g]) for g in ("d1", "d2", "d3", "d4", "d5", "d6", "d7") if m[g])
    month_text = m["m1"] or m["m2"]
    if month_text:
        month = next((n for n, words in enumerate(_MONTH_OF, 1) if words.fullmatch(month_text)), 0)
    else:
        month = int(m["m3"] or m["m4"] or m["m6"] or m["m7"] or 0)
        if month > 12 >= number and not m["m3"]:  # "9/16" is September, in America
            number, month = month, number
    year_text = m["y1"] or m["y2"] or m["y3"] or m["y4"]
    year = int(year_text) + (2000 if year_text and len(year_text) == 2 else 0) if year_text else day.year
    try:
        if m["d5"]:
            return _next_number(number, day)
        found = date(year, month, number)
        if not year_text and found < day - timedelta(days=14):
            found = date(year + 1, month, number)
    except ValueError:
        return None
    return found


def _next_number(number: int, day: date) -> date | None:
    """The next day that is the ``number``-th of its month."""
    for ahead in range(62):
        candidate = day + timedelta(days=ahead)
        if candidate.day == number:
            return candidate
    return None
