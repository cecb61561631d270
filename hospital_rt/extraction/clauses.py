"""From sentences to clauses: one act each, with the place where it stands.

One promise: a clause is a slice of the note; a condition and what it governs stay together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hospital_rt.extraction.amounts import doses
from hospital_rt.extraction.conditions import CONDITION
from hospital_rt.extraction.headings import Headings
from hospital_rt.extraction.intrusion import intrusions, without_blocks
from hospital_rt.extraction.joints import SOFT, THEN, parts
from hospital_rt.extraction.lexicon import (
    SYMPTOMS,
)
from hospital_rt.extraction.often import often
from hospital_rt.extraction.text import Span, same_length_plain, sentences


@dataclass(frozen=True, slots=True)
class Clause:
    """One act, or what else stands between two joints of a sentence. ``low`` is its text, plain, letter for letter."""

    span: Span
    low: str = field(repr=False)
    sentence: int
    then: bool = False
    joined: bool = False
    history: bool = False
    plan: bool = False
    others: bool = False


_HARD = re.compile(r"\s*;\s*(?:\(?[a-h]\)\s+)?|\s+/{2}\s+|\s*(?:->|=>|→)\s*(?=[a-z])|\s+[•|]\s+|\s+\d[.)]\s+(?=[a-z])")
_OPENS_THEN = re.compile(
    r"\s*(?:and |et |y )?(?:then|thereafter|after that|afterwards|followed by|puis|ensuite|"
    r"luego|subsequently)\b[,:]?\s+"
)
_COLON = re.compile(r"\s*:\s+(?=[a-z])")


def clauses(text: str) -> list[Clause]:
    """The clauses of a note in order, without those that address the software."""
    out: list[Clause] = []
    text = without_blocks(text)
    shut = intrusions(text)
    headings = Headings()
    last_end = 0
    for number, sentence in enumerate(sentences(text)):
        low = same_length_plain(sentence.text)
        at = headings.enter(low, text[last_end : sentence.start])
        last_end = sentence.end
        if at is None:
            continue
        if any(s.overlaps(sentence.start, sentence.end) for s in shut):
            continue
        for start, end, then, joined in _cut(low, at):
            part = sentence.part(start, end)
            if part.text:
                plain = low[part.start - sentence.start : part.end - sentence.start]
                named = {name: headings.section == name for name in ("history", "plan", "others")}
                out.append(Clause(span=part, low=plain, sentence=number, then=then, joined=joined, **named))
    return out


def _cut(low: str, start: int) -> Iterator[tuple[int, int, bool, bool]]:
    """(start, end, after a "then", joined to the one before without a stop) of every clause of a sentence."""
    opening = _OPENS_THEN.match(low, start)
    begin, then, joined = (opening.end(), True, False) if opening else (start, False, False)
    at = begin
    while at < len(low):
        joint = _next_joint(low, begin, at)
        if joint is None:
            break
        end, following, is_then, is_joined = joint
        yield begin, end, then, joined
        opening = _OPENS_THEN.match(low, following)
        begin = at = opening.end() if opening else following
        then, joined = is_then or opening is not None, is_joined
    yield begin, len(low), then, joined


def _next_joint(low: str, begin: int, at: int) -> tuple[int, int, bool, bool] | None:
    """The next place to cut: end of the left, begin of the right, whether "then", whether softly joined."""
    hard = next((m for m in _HARD.finditer(low, at) if not _points(m.group(), low[begin : m.start()])), None)
    limit = hard.start() if hard else len(low)
    spots = sorted(
        [(m.start(), m.end(), True) for m in THEN.finditer(low, at, limit) if m.start() > begin]
        + [(m.start(), m.end(), False) for m in SOFT.finditer(low, at, limit) if m.start() > begin]
        + [(m.start(), m.end(), False) for m in _COLON.finditer(low, at, limit) if m.start() > begin],
        key=lambda s: (s[0], -s[1]),
    )
    for start, end, is_then in spots:
        left = low[begin:start]
        if not low[end:limit].strip(" .,"):
            continue
        if CONDITION.match(left.lstrip(" ,")) and not is_then:
            continue
        right = low[end:limit]
        if is_then and CONDITION.search(left) and not often(left):
            continue
        if is_then or parts(low[start:end], left, right):
            return start, end, is_then, not is_then
    if hard:
        return hard.start(), hard.end(), False, False
    return None


def _points(joint: str, left: str) -> bool:
    """Whether an arrow leads from a complaint to what to do about it ("Fever or jaundice -> surgical unit")."""
    words = re.findall(r"[a-z][a-z-]*", left)
    arrow = any(sign in joint for sign in ("->", "=>", "→"))
    return (
        arrow and len(words) <= 6 and words[0:1] != [] and words[0] in SYMPTOMS and not doses(left) and not often(left)
    )
