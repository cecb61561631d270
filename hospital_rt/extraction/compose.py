"""Titles for the patient: an order in plain words, from the fields of an act or from the note's own verb phrase."""

from __future__ import annotations

import re
from functools import cache

from hospital_rt.extraction.lexicon import LANGUAGES, load
from hospital_rt.extraction.second_person import ADDRESS, to_patient

MAX_TITLE = 90
_SPACE = re.compile(r"\s+")
_CUTS = (
    re.compile(r"\s*\([^()]*\)\s*$"),
    re.compile(r"(?:[;.:]\s|\s[-–—]\s)[^;.]*$"),
    re.compile(
        r",?\s+(?:because|since|so that|so|in order to|as well as|to help|to assess|to evaluate|to see|to ensure|due to|given|which|until|while|however)\b.*$",
        re.I,
    ),
    re.compile(r",\s[^,]*$"),
    re.compile(r"\s+(?:to|for|regarding|about|with|and|or|as|from|by)\s\S+(?:\s\S+){0,12}$"),
)


_OPEN_END = re.compile(
    r"(?:\s+(?:to (?:assess|evaluate|check|review|monitor|discuss|work|see)|for|to|of|a|an|the|with|and|or|by|your|if|when))+$",
    re.I,
)
"""Words at the end of a title that open something which is not there."""
_LINK = re.compile(
    rf"(?:\s*(?:[:(-]|\b(?:as per|via|at|on|from|per|see|using|the|this|following|link|website))\s*)*{ADDRESS.pattern}(?:\s*/\s*\S+)?\)?",
    re.I,
)


_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
CLOCK = r"(?:,? (?:at \d{1,2}(?:[:.]\d\d)?|\d{1,2}[:.]\d\d) ?(?:[ap]\.m\.|[ap]m\b)?)"
"""A time of day behind a date."""
_ON_DATE = re.compile(
    rf"\bon ((?:\w+day,? )?(?:(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?|"
    rf"\d{{1,2}}/\d{{1,2}}(?:/\d{{2,4}})?)\b{CLOCK}?)",
    re.I,
)
_LAST_PART = re.compile(r"(?:,?\s+(?:and|or|until|as)\s|,)(?:(?!\b(?:and|or|until|as)\b|,).)*$", re.I)
"""The last part of an act that can be left out."""


@cache
def _shorthand(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(p, re.I), r) for p, r in load(language, "shorthand")) if language in LANGUAGES else ()


def plain(text: str, language: str) -> str:
    """The same words with shorthand written out and white space single; web and mail addresses as they are."""
    parts = ADDRESS.split(text)
    for at in range(0, len(parts), 2):
        for pattern, replacement in _shorthand(language):
            parts[at] = pattern.sub(replacement, parts[at])
    text = "".join(parts)
    return _SPACE.sub(" ", text).strip(" ,.;:-–—")


@cache
def _opens(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(p, re.I), r) for p, r in load(language, "titles")["opens"])


def turn_to(words: str, language: str) -> str:
    """An order to turn to somebody: ``order``, with a verb where the note names only the place.

    >>> turn_to("ED", "en"), turn_to("ring us", "en")
    ('Go to the emergency department', 'Ring the clinic')
    """
    title = order(words, language)
    for pattern, opening in _opens(language):
        if match := pattern.match(title):
            low = title[:1].lower() + title[1:] if title[1:2].islower() else title
            match = pattern.match(low) or match
            return shorten(match.expand(opening) + low[match.end() :])
    return title


def with_condition(act: str, condition: str) -> str:
    """An act and its condition as a title: the act loses its last parts before the condition loses a word.

    What the act goes on to ("until ...", "and ring us") goes before one of the things that it is about.

    >>> with_condition("Give 6 puffs and come to the assessment unit the same day", "if you need salbutamol more often than every four hours")
    'Give 6 puffs if you need salbutamol more often than every four hours'
    >>> with_condition("Stop dapagliflozin and ramipril until you eat normally again and ring the clinic", "if you are sick and cannot drink")
    'Stop dapagliflozin and ramipril if you are sick and cannot drink'
    """
    while len(act) + 1 + len(condition) > MAX_TITLE and (shorter := _LAST_PART.sub("", act)) != act:
        act = shorter
    return shorten(f"{act} {condition}")


def beyond(title: str, detail: str | None) -> str | None:
    """A detail, or None where the title holds all of it.

    >>> beyond("Take metformin 500 mg twice a day with meals", "with meals"), beyond("Rest", "In bed")
    (None, 'In bed')
    """
    said, more = (" ".join(re.findall(r"[^\W_]+", words.casefold())) for words in (title, detail or ""))
    return detail if more and f" {more} " not in f" {said} " else None


def shorten(title: str, limit: int = MAX_TITLE) -> str:
    """A title cut at the end of a part of it, so that it keeps its sense; whole when it fits."""
    while len(title) > limit:
        for cut in _CUTS:
            shorter = cut.sub("", title)
            if shorter != title and len(shorter) >= 12:
                title = shorter
                break
        else:
            title = title[:limit].rsplit(" ", 1)[0]
    title = title.strip(" ,.;:-–—(")
    return _OPEN_END.sub("", title) or title


def order(words: str, language: str) -> str:
    """A verb phrase of the note as an order: pronouns to "you", shorthand out, capital first.

    >>> order("will follow up with me in 2 wks", "en")
    'Follow up with the doctor in 2 weeks'
    >>> order("follow up with me on January 12 at 3:30 pm", "en")
    'Follow up with the doctor (January 12 at 3:30 pm)'
    """
    words = _LINK.sub("", words)  # an address stands in the detail
    text = plain(to_patient(words) if language == "en" else words, language)
    text = re.sub(
        r"^(?:(?:also|please|kindly|then|that|you|and|to|will|should|can|may|must|are to|are going to|would)\s+)+",
        "",
        text,
        flags=re.I,
    )
    text = re.sub(r",?\s+and (?:is|was|has been|will be) .*$", "", text, flags=re.I)
    text = re.sub(r"\bon (?=\w+days\b)", "every ", re.sub(r"\bon (?=\w+day\b)", "this ", text, flags=re.I), flags=re.I)
    text = re.sub(r"\bon (?:your|the) (?=(?:left|right) )", "at the ", text, flags=re.I)
    text = _ON_DATE.sub(r"(\1)", text)
    # "on" reads as "every night" in British notes: it goes with its words, a condition behind them stays
    cut = re.sub(r"\s+on\b(?:(?!\s+(?:if|when|for|before|unless)\b).)*", "", text)
    text = cut if len(cut) >= 12 else text
    text = _SPACE.sub(" ", text).strip(" ,.;:-–—")
    return shorten(text[:1].upper() + text[1:])
