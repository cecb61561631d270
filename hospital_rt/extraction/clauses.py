"""From sentences to clauses: one act each, with the place where it stands.

One promise: a clause is a slice of the note; a condition and what it governs stay together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from hospital_rt.extraction.amounts import NUMBER, doses
from hospital_rt.extraction.intrusion import intrusions, without_blocks
from hospital_rt.extraction.lasting import durations
from hospital_rt.extraction.lexicon import ACT_NOUNS, SINGLE_NOUNS, is_medicine_word, names_visit
from hospital_rt.extraction.often import often
from hospital_rt.extraction.stance import CONDITION, order_at
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


_PLAN_HEADINGS = (
    r"to (?:arrange|book|get|order|organise|organize)|plan|rx|treatment|management|advice|advised|tx|p|a/p|actions?|"
    r"to do|today|discharge(?: (?:meds|medication|"
    r"medications|plan))?|"
    r"recommendations?|tto|ttos|prescription|prescribed|prescriptions|follow[- ]?up|f/u|safety[- ]?net(?:ting)?|"
    r"homework|for the patient|patient to|"
    r"new (?:meds|medication|medications|drugs)|conduite(?: a tenir)?|traitement|ttt|cat|ordonnance|conducta|"
    r"tratamiento|indicaciones|"
    r"plan de (?:accion|traitement|tratamiento)|instructions?|medication changes|changes|next steps"
)
_OTHER_HEADINGS = (
    r"assessment|impression|imp|diagnosis|diagnoses|dx|dg|problems?|s|o|a|examination|exam|o/e|on examination|ix|"
    r"investigations?|results?|bloods|obs|vitals|"
    r"complaint|pc|c/o|hpc|presenting complaint|reason for visit|summary|findings|diagnostic|diagnostico|examen|"
    r"exploracion|motif|motivo|conclusion"
)
_HISTORY_HEADINGS = (
    r"(?:[a-z]+ ){0,2}history|hx|(?:previous|prior|past|old|failed|former) [a-z]+|tried(?: so far| before|"
    r" already)?|already tried|"
    r"treatment so far|so far|"
    r"inpatient treatment|given (?:here|today)|before admission|on admission|"
    r"pmh|pmhx|past (?:medical )?history|dh|dhx|drug history|current (?:meds|medication|medications|"
    r"treatment|drugs)|"
    r"regular (?:meds|medication|medications)|medications? on admission|home (?:meds|medications)|meds on arrival|"
    r"usual (?:meds|medication)|"
    r"fh|fhx|family history|sh|social|social history|allerg(?:y|ies)|past meds|previous (?:meds|medication|treatment)|"
    r"antecedents?|antecedentes|traitement (?:actuel|habituel|en cours)|tratamiento (?:actual|habitual)|alergias|"
    r"allergies connues|atcd"
)
_HEADING = re.compile(
    rf"^\W*(?:(?P<plan>{_PLAN_HEADINGS})|(?P<other>{_OTHER_HEADINGS})|(?P<history>{_HISTORY_HEADINGS}))\s*(?::|"
    rf"\s[-–]\s|->|=>)\s*"
)
_BARE_HEADING = re.compile(rf"^\W*(?:(?P<plan>{_PLAN_HEADINGS})|(?P<history>{_HISTORY_HEADINGS}))\W*$")
_RX = re.compile(r"^\W*(?:rx|tx|imp(?:ression)?|plan|p)\b[.:\s]+")

_HARD = re.compile(r"\s*;\s*|\s+/{2}\s+|\s*(?:->|=>|→)\s*(?=[a-z])|\s+[•|]\s+|\s+\d[.)]\s+(?=[a-z])")
_THEN = re.compile(
    r"(?:[,:]?\s*(?:-\s*)?(?:\b(?:and|et|y|but)\s+)?\b(?:then|thereafter|after that|afterwards|followed by|puis|"
    r"ensuite|luego|despues(?! de)|"
    r"y luego|et puis|subsequently)\b[,:]?\s*)|"
    r",?\s+(?:and )?(?:reducing|decreasing|increasing|tapering|stepping|dropping|going|lowering|weaning)(?: down|"
    r" up)? to\s+(?=\d)"
)
_OPENS_THEN = re.compile(
    r"\s*(?:and |et |y )?(?:then|thereafter|after that|afterwards|followed by|puis|ensuite|"
    r"luego|subsequently)\b[,:]?\s+"
)
_COLON = re.compile(r"\s*:\s+(?=[a-z])")
_SOFT = re.compile(
    r"\s*,\s*(?:(?:and|et|y|but|also|plus|as well as)\s+)?|\s+(?:and|&|\+|et|y|plus|but|as well as|together with|"
    r"along with|with|avec|con)\s+(?:also\s+)?|"
    r"\s+[-–]\s+|\s*\.\s+"
)
_PROHIBITS = re.compile(
    r"(?:do not|don't|never|avoid|not (?!longer|more|less|later)|no (?!more|later|less|longer)|ne pas|n'|eviter|"
    r"evitar|but not|pas d|sin |"
    r"rather than|never )"
)
_BOOKS = re.compile(
    r"(?:book|arrange|make|ring|call|phone|ask|schedule|request|hand|drop|organise|organize|via|prendre|pedir|"
    r"solicitar)\b"
)
_HEAD = re.compile(r"(?:the |her |his |your |a |an |le |la |les |el |los |las |su |un |une |una )?[a-z][\w'’-]*")
_NO_HEAD = re.compile(
    r"(?:max|maximum|up|about|at|no|not|from|to|for|in|x|over|or|half|of|with|on|by|per|each|every|once|twice|then|"
    r"until|before|after|when|if|as|"
    r"days?|weeks?|months?|pour|pendant|durant|jusqu|max|durante|hasta|cada|chaque|par|por|con|avec|food|water|both|"
    r"under|into|through|"
    rf"morning|noon|evening|night|midday|breakfast|lunch|dinner|supper|bedtime|soir|matin|midi|noche|tarde|manana|"
    rf"today|tomorrow|increase\w*|{NUMBER})\b"
)


def clauses(text: str) -> list[Clause]:
    """The clauses of a note in order, without those that address the software."""
    out: list[Clause] = []
    text = without_blocks(text)
    shut = intrusions(text)
    section = ""
    section_lasts = False
    last_end = 0
    for number, sentence in enumerate(sentences(text)):
        gap = text[last_end : sentence.start]
        if "\n\n" in gap or ("\n" in gap and not section_lasts) or (section == "history" and not section_lasts):
            section, section_lasts = "", False
        last_end = sentence.end
        low = same_length_plain(sentence.text)
        bare = _BARE_HEADING.match(low)
        if bare:
            section, section_lasts = "history" if bare["history"] else "plan", True
            continue
        at = 0
        heading = _HEADING.match(low)
        if heading:
            section = "history" if heading["history"] else "plan" if heading["plan"] else "other"
            section_lasts = False
            at = heading.end()
        elif (rx := _RX.match(low)) is not None:
            at = rx.end()
        if any(s.overlaps(sentence.start, sentence.end) for s in shut):
            continue
        for start, end, then, joined in _cut(low, at):
            part = sentence.part(start, end)
            if part.text:
                plain = low[part.start - sentence.start : part.end - sentence.start]
                out.append(Clause(part, plain, number, then, joined, section == "history", section == "plan"))
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
    hard = _HARD.search(low, at)
    limit = hard.start() if hard else len(low)
    spots = sorted(
        [(m.start(), m.end(), True) for m in _THEN.finditer(low, at, limit) if m.start() > begin]
        + [(m.start(), m.end(), False) for m in _SOFT.finditer(low, at, limit) if m.start() > begin]
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
        if is_then or _cuts(low[start:end], left, right):
            return start, end, is_then, not is_then
    if hard:
        return hard.start(), hard.end(), False, False
    return None


def _cuts(joint: str, left: str, right: str) -> bool:
    """Whether a comma, an "and" or the like parts two acts."""
    if ":" in joint:
        named = any(is_medicine_word(w) or w in ACT_NOUNS for w in re.findall(r"[a-z][\w-]*", left))
        short = len(left.split()) <= 5 and not named and not _is_title(left)
        return order_at(right) == 0 and short and not doses(_chunk(right))
    comma = "," in joint or "-" in joint or "–" in joint
    if comma and _PROHIBITS.match(right):
        return True
    conditional = CONDITION.search(left) is not None
    order = order_at(right)
    if order == 0 and "with" not in joint:
        if conditional and not comma:
            return False
        if (
            re.match(
                r"[a-z-]+(?: \w+ing)?(?: off| down| up| on| out)? (?:it|them|this|these|"
                r"one)\b(?! ?is)",
                right,
            )
            and order_at(left) is not None
        ):
            return False
        if doses(left) and not often(left) and often(_chunk(right)) and not doses(_chunk(right)):
            return False
        return not (_is_title(left) and _BOOKS.match(right))
    if conditional and not often(left):
        return False
    if _next_dose(_chunk(right), left):
        return True
    head = _HEAD.match(right)
    if not head or _NO_HEAD.match(right):
        return False
    chunk = _chunk(right)
    return _own_dose(chunk, left) or _own_rhythm(chunk, left) or ((comma or "and" in joint) and _own_date(chunk, left))


def _is_title(left: str) -> bool:
    """Whether the left is a mere name of a test or a visit, which the right then orders."""
    words = re.findall(r"[a-z][\w&/-]*", left)
    return bool(words) and order_at(left) is None and not often(left) and any(names_visit(w) for w in words)


def _chunk(right: str) -> str:
    """The right up to its next joint."""
    m = _SOFT.search(right) or _THEN.search(right)
    return right[: m.start()] if m else right


def _own_dose(chunk: str, left: str) -> bool:
    """A drug of its own: "... and clarithromycin 500 mg ..."."""
    found = doses(chunk)
    if not found or not (doses(left) or often(left)):
        return False
    before = chunk[: found[0].start].strip()
    words = before.split()
    return (
        0 < len(words) <= 4
        and any(is_medicine_word(w) or len(w) > 4 for w in words)
        and (before.endswith(" up to") or not before.endswith((" to", " of")))
    )


def _next_dose(chunk: str, left: str) -> bool:
    """The next dose of a taper without a "then": "25 mg once daily for 14 days, 50 mg once daily for 14 days"."""
    found, before = doses(chunk), doses(left)
    if not found or found[0].start > 1 or not before or found[0].unit != before[-1].unit:
        return False
    return bool(durations(left, _ANY_DAY) and (often(chunk) or durations(chunk, _ANY_DAY)))


_ANY_DAY = date(2000, 1, 1)


def _own_rhythm(chunk: str, left: str) -> bool:
    """An act with a rhythm of its own, after one that has one."""
    found = [f for f in often(chunk) if not f.limit]
    if not found or not often(left):
        return False
    words = re.findall(r"[a-z][\w-]*", chunk[: found[0].start])
    return any(w in ACT_NOUNS or w in SINGLE_NOUNS or is_medicine_word(w) for w in words)


_DATED = re.compile(r"\b(?:in|within|dans|en|dentro de) (?:\w+ ){1,3}(?:days?|weeks?|months?|jours?|semaines?|mois|"
                    r"dias|semanas|meses)\b|\b\d/(?:7|52|12)\b|"
                    r"\b(?:tomorrow|next week|on \w+day|by \w+day)\b")  # fmt: skip


def _own_date(chunk: str, left: str) -> bool:
    """A test or visit with a date of its own, after one that has one or after a rhythm."""
    words = re.findall(r"[a-z][\w&/-]*", chunk)
    if not any(names_visit(w) for w in words[:4]) or not _DATED.search(chunk):
        return False
    return _DATED.search(left) is not None or bool(often(left)) or bool(doses(left))
