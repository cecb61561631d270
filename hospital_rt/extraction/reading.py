"""A clause, read: what it is about, how often, how long, from when, on what condition, and why it may be no step.

One promise: a reading says only what its own clause says; what it takes over from neighbours is decided elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from hospital_rt.extraction.amounts import doses
from hospital_rt.extraction.asking import base
from hospital_rt.extraction.clauses import Clause
from hospital_rt.extraction.conditions import COMPANION, condition
from hospital_rt.extraction.joints import orders_the_left
from hospital_rt.extraction.lasting import Due, Lasts, dues, durations
from hospital_rt.extraction.lexicon import ACT_NOUNS, FORMS, SEEK_VERBS, SYMPTOMS, VERBS, names_visit
from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.often import Often, Rhythm, often, rhythm
from hospital_rt.extraction.orders import order_at
from hospital_rt.extraction.shorthand import name_of_line
from hospital_rt.extraction.stance import GOES_ON, stance_beside
from hospital_rt.extraction.telling import hangs_on_a_review, told
from hospital_rt.extraction.text import words_of
from hospital_rt.extraction.waiting import waits_for_a_visit

_SINGLE = re.compile(
    r"\b(?:single dose|one dose|a dose|1 dose|stat|once only|one[- ]off|today only|tonight only|only today|"
    r"just once|one time only|"
    r"dose unique|une seule dose|dosis unica|una sola dosis|en une (?:seule )?prise|unidosis|single application|"
    r"x ?1(?! ?/|\d| ?(?:week|day|month|year|wk|d\b|w\b|m\b|hour|hr|h\b))|one single)\b"
)
CLOCK = re.compile(
    r"(?<![\d.,/])(?P<h>[01]?\d|2[0-3])(?:[:h](?P<m>[0-5]\d)(?!\d)\s?(?P<ap>am|pm|a\.m\.|p\.m\.)?|"
    r"\.(?P<m2>[0-5]\d)\s?(?P<ap3>am|pm|a\.m\.|p\.m\.)|\s?(?P<ap2>am|pm|a\.m\.|p\.m\.)(?!\w)|\s?h(?![\w/]))"
)
KEEP = words_of("""
stay remain cont
build cut
continue start begin increase reduce decrease lower raise double halve switch change restart resume commence initiate
titrate keep take use apply give move maintain carry
continuer continuez poursuivre poursuivez commencer commencez debuter augmenter augmentez reduire diminuer reprendre
prendre prenez passer continuar continue iniciar inicie comenzar aumentar aumente reducir reduzca seguir mantener
tomar tome
""")
_COUNTED_FORMS = words_of(
    "drop drops sachet sachets patch patches tablet tablets puff puffs spray sprays capsule capsules injection"
)
_DIARY = re.compile(r"(?:\w+ ){0,3}(?:diary|chart|log|record|journal|diario)\b")
_ONLY_FOR = re.compile(r"\bonly (?:for|on) (?!the (?:first|next)|a\b|one|two|three|\w+day|\d)[a-z]+s\b")
_UNITS_ONLY = words_of(
    "day week mg ml mcg micrograms g the a an of to from by in on and or per for with at then dose increase reduce"
)
_AT_CONDITION = re.compile(
    r"^(?:call|ring|phone|dial|go|come|return|attend|see|seek|contact|present|visit|report|re-?attend|review|"
    r"consult\w*|"
    r"appel\w+|acud\w+|llam\w+|volver|"
    r"vuelva|aller|revenir|revenez)\b[^.]*?\b(?P<it>for|with|en cas d)\b[^.]*"
)
_FOR_COMPLAINT = re.compile(r"\bfor (?:(?!\d)[a-z]+ ){0,2}(?=[a-z])")
_URGENT = re.compile(
    r"\b(?:immediately|at once|straight|urgently|same day|a&e|emergency|ambulance|999|911|ed\b|er\b|ward|casualty|"
    r"urgences|urgencias)\b"
)
_COMPLAINT_FIRST = re.compile(
    rf"^(?P<of>[a-z][\w']*(?:,? [\w']+){{0,8}})(?::| ?[-–=]| ?->| ?=>) (?={'|'.join(sorted(SEEK_VERBS))})"
)
_NAMED = re.compile(r"([a-z]{4,})(?=\d+(?:\.\d+)?(?:mg|mcg|g|ml)\b)|([a-z][\w'’-]*)")
_UNABLE = re.compile(r"^(?:can't|cannot|unable to|too [a-z]+ to)\b")
_MAY = re.compile(r"\b(?:may|can) (?:also |still |then )?(?:take|use|try|apply|repeat)\b")
_THEN_EMERGENCY = re.compile(
    r"^[^:=→>]{4,80}(?::|=|→|[-=]>| -) (?:(?:go to|same day|straight|the|your|nearest) )*(?:999|112|911|111|a&e|ed\b|"
    r"er\b|ambulance|"
    r"emergency|hospital|casualty|surgical|eye casualty|assessment unit|urgences|urgencias|acute)"
)
_SPRAY = re.compile(r"\b(?:spray|inhaler)\b")
_TO_EMERGENCY = re.compile(r"(?:straight )?(?:to )?(?:the )?(?:er|ed|a&e|emergency(?: \w+)?|casualty) (?:for|if|with) ")
_DANGER = re.compile(
    r"\b(?:fewer|reduced|jaundice|dehydrat\w+|pauses|blue|loss|worsening|severe|new|any|signs?|flashing|red flags?|"
    r"increas\w+|difficulty|collapse|confusion|chest|blood|"
    r"lights)\b"
)
_TITLED_ORDER = re.compile(r"(?:[:,]|\s=(?=\s)|\s[-–]|\s?[-=]>|\s?→)\s(?:please )?(?=[a-z])")


@dataclass(frozen=True, slots=True)
class Reading:
    """A clause, read. ``drug`` is what it is about when it names a medicine; ``why_not`` why it is no step."""

    clause: Clause
    verb: str | None
    drug: str | None = field(repr=False)
    facts: tuple[Often, ...]
    rhythm: Rhythm | None
    lasts: Lasts | None
    due: Due | None
    condition: tuple[int, int] | None
    dosed: bool
    single: bool
    why_not: str | None


def read(clause: Clause, day: date) -> Reading:
    """Read one clause."""
    low = clause.low
    span = condition(low)
    why_not: str | None = stance_beside(low, span)
    main = _main(low, span)
    at = order_at(main)
    if at is None:
        at = _titled_order(main)
    verb_word = re.match(r"[a-z][\w-]*", main[at:]) if at is not None else None
    verb = (base(verb_word.group()) or verb_word.group()) if verb_word else None
    facts = tuple(often(low))
    drug = _drug(COMPANION.sub(lambda m: " " * len(m.group()), low))
    found = doses(low)
    line = name_of_line(main) if drug is None or not found else None
    dosed = any(a.unit != "%" or drug for a in found) or line is not None
    dosed = dosed or (clause.then and re.fullmatch(r"(?:up to )?\d{1,4}(?:\.\d+)?\W*", low) is not None)
    if line and (drug is None or drug in FORMS):
        drug = main[slice(*line)]
    pace = rhythm(list(facts))
    clock = clock_times(low)
    if pace is None and clock and (dosed or drug):
        pace = Rhythm(times=len(clock))
    lasting = _pick_lasting(low, durations(low, day), facts)
    moments = [d for d in dues(low, day) if not (lasting and d.start < lasting.end and lasting.start < d.end)]
    due = _pick_due(moments)
    single = _SINGLE.search(low) is not None
    if why_not is None and verb is None:
        why_not = told(
            _unconditional(low, span),
            *_extent(low, drug, facts, lasting, due),
            medicine=dosed or (drug is not None and pace is not None),
        )
    if why_not is None and verb not in SEEK_VERBS and waits_for_a_visit(low):
        why_not = "undecided"
    if why_not is None and verb is None and not dosed and hangs_on_a_review(low):
        why_not = "undecided"
    if why_not is None and verb is None and not dosed and pace is not None and span is None:
        why_not = "state" if _is_complaint(low, facts) else None
    if clause.others:
        why_not = "someone-else"
    if clause.history and (verb is None or clause.then):
        why_not = why_not or "state"
    return Reading(
        clause=clause,
        verb=verb,
        drug=drug,
        facts=facts,
        rhythm=pace,
        lasts=lasting,
        due=due,
        condition=as_needed(low, span, verb, pace, due),
        dosed=dosed,
        single=single,
        why_not=why_not,
    )


def _extent(
    low: str, drug: str | None, facts: tuple[Often, ...], lasting: Lasts | None, due: Due | None = None
) -> tuple[int, int]:
    """Where the drug, the doses and the rhythm of a clause (else its date) begin and end; its end twice without any."""
    spots = [(a.start, a.end) for a in doses(low)] + [(f.start, f.end) for f in facts]
    named = drug is not None and any(is_drug(w) for w in drug.split())
    if drug and named and (at := low.find(drug)) >= 0:
        spots.append((at, at + len(drug)))
    if lasting and spots:
        spots.append((lasting.start, lasting.end))
    if due and not spots:
        spots.append((due.start, due.end))
    return (min(s for s, _ in spots), max(e for _, e in spots)) if spots else (len(low), len(low))


def _unconditional(low: str, span: tuple[int, int] | None) -> str:
    """The clause with its condition blanked, letter for letter."""
    return low if span is None else low[: span[0]] + " " * (span[1] - span[0]) + low[span[1] :]


def first_fact(r: Reading) -> int:
    """Where the first of the drug, the doses and the rhythm of a reading begins."""
    return _extent(r.clause.low, r.drug, r.facts, r.lasts)[0]


def _titled_order(main: str) -> int | None:
    """The order after the name of a test or a visit ("Flu vaccine: book at reception")."""
    goes_on = GOES_ON.search(main)
    if goes_on and any(is_drug(w) for w in re.findall(r"[a-z][a-z-]+", main[: goes_on.start()])):
        return goes_on.start("it")
    for m in _TITLED_ORDER.finditer(main):
        at = order_at(main[m.end() :])
        if at is None:
            continue
        title = main[: m.start()]
        seek = (
            any(w in SYMPTOMS for w in re.findall(r"[a-z]+", title))
            and main[m.end() + at :].split(" ")[0] in SEEK_VERBS
        )
        named = (names_a_visit(title) and not often(title)) or orders_the_left(title, main[m.end() + at :])
        if seek or named:
            return m.end() + at
    return None


def _is_complaint(low: str, facts: tuple[Often, ...]) -> bool:
    """Whether a clause tells how often a complaint comes ("flushes ten times a day")."""
    words = re.findall(r"[a-z][\w-]*", low[: min(f.start for f in facts)] if facts else low)[:4]
    return any(w in SYMPTOMS for w in words) and not any(w in ACT_NOUNS or w in FORMS or is_drug(w) for w in words)


def _main(low: str, span: tuple[int, int] | None) -> str:
    """The clause with its leading condition blanked, letter for letter."""
    if span and not re.search(r"[a-z]{2}", low[: span[0]]):
        return low[span[1] :].lstrip(" ,:")
    return low


def as_needed(
    low: str, span: tuple[int, int] | None, verb: str | None, pace: Rhythm | None, due: Due | None
) -> tuple[int, int] | None:
    """The span of the condition on which a step depends; None when it depends on none.

    ``span`` is that of a condition in sight.
    """
    if span is not None:
        words = low[span[0] : span[1]]
        if re.search(r"\bor (?:sooner |earlier |before |else )?$", low[: span[0]]) and (due is not None or verb):
            return None
        if re.search(r"\b(?:sooner|earlier) $", low[: span[0]]) and due is not None:
            return None
        measured = re.search(r"[<>≥≤]|\b(?:above|over|below|under|more|less) ", words) is not None
        settled = (
            not measured and pace is not None and due is not None and due.how in {"in", "from"} and due.end <= span[0]
        )
        if settled or re.match(r"(?:when|once|quand|cuando) (?:finished|you get|home|done|the course)", words):
            return None
        return span
    urgent = _AT_CONDITION.match(low)
    if urgent and verb and pace is None and due is None:
        rest = low[urgent.start("it") :]
        if _is_danger(rest) and (_URGENT.search(low) or urgent["it"] != "with"):
            return urgent.start("it"), len(low)
    if _TO_EMERGENCY.match(low):
        return (0, 0)
    if verb in {"report", "mention", "flag"} and re.search(r"\b(?:any|new|worsening|severe|further)\b", low):
        return (0, 0)
    if verb in SEEK_VERBS and due is None and (first := _COMPLAINT_FIRST.match(low)) and _is_danger(first["of"]):
        return (0, 0)
    if verb in SEEK_VERBS and (_UNABLE.match(low) or (_URGENT.search(low) and due is None and len(low.split()) <= 4)):
        return (0, 0)
    if _ONLY_FOR.search(low) and verb is None:
        return (0, 0)
    if _MAY.search(low) or (_THEN_EMERGENCY.search(low) and _is_danger(low.split(":")[0])):
        return (0, 0)
    complaint = _FOR_COMPLAINT.search(low)
    if (
        complaint
        and pace is None
        and due is None
        and (verb not in KEEP or verb == "use")
        and (doses(low) or _SPRAY.search(low))
    ):
        named = re.findall(r"[a-z]+", low[complaint.start() :])
        return (0, 0) if any(w in SYMPTOMS for w in named) else None
    if re.search(r"\b(?:up to|maximum|max|hasta|jusqu'a)\b", low) and pace is None and any(f.limit for f in often(low)):
        return (0, 0)
    return None


def _is_danger(words: str) -> bool:
    """Whether words name a complaint or a sign to act on."""
    return any(w in SYMPTOMS for w in re.findall(r"[a-z]+", words)) or _DANGER.search(words) is not None


def _drug(low: str) -> str | None:
    """What a clause that begins with a medicine, or orders one, is about; at most four words."""
    start = order_at(low) or 0
    found = doses(low)
    words = [(m[1] or m[2], m.start(), m.start() + len(m[1] or m[2])) for m in _NAMED.finditer(low)]
    for word, at, end in words:
        if is_drug(word):
            nxt = [w for w in words if w[1] >= end][:2]
            while (
                nxt
                and (is_drug(nxt[0][0]) or nxt[0][0] in {"acid", "acide", "acido", "xr", "mr", "sr", "er", "cr"})
                and nxt[0][1] - end <= 1
            ):
                end = nxt[0][2]
                nxt = nxt[1:]
            before = [w for w in words if w[2] < at]
            if (
                before
                and before[-1][0] in {"folic", "ferrous", "sodium", "calcium", "isosorbide", "glyceryl"}
                and at - before[-1][2] == 1
            ):
                at = before[-1][1]
            return low[at:end]
    if found and found[0].start > start:
        head = [
            w for w, s, e in words if start <= s and e <= found[0].start and w not in VERBS and w not in _UNITS_ONLY
        ]
        percent = found[0].unit == "%" and not any(w in FORMS for w, _, _ in words)
        if 0 < len(head) <= 4 and not percent:
            first = next(s for w, s, _ in words if w == head[0] and s >= start)
            return low[first : found[0].start].strip(" ,:(")
    return next(
        (w for w, _, _ in words if w in FORMS and w not in _COUNTED_FORMS),
        None,
    )


def _pick_lasting(low: str, found: list[Lasts], facts: tuple[Often, ...]) -> Lasts | None:
    """The duration of the act; a bare number of days counts only after a rhythm, a dose or at an end."""
    if found and _DIARY.match(low):
        return found[0]
    sure = [f for f in found if not f.bare]
    if sure:
        return next((f for f in sure if f.count is None), sure[0])
    anchors = [f.end for f in facts] + [d.end for d in doses(low)]
    for fact in found:
        if anchors and fact.start >= min(anchors):
            return fact
        rest = low[fact.end :].strip()
        if facts and (fact.start == 0 or not rest):
            return fact
    return None


def _pick_due(found: list[Due]) -> Due | None:
    """The moment at which the act begins or is done."""
    starts = (
        [d for d in found if d.how == "from"]
        or [d for d in found if d.how == "in"]
        or [d for d in found if d.how == "on"]
    )
    return starts[0] if starts else next(iter(found), None)


def clock_times(low: str) -> list[str] | None:
    """Clock times that a clause gives for a rhythm ("at 8 am and 8 pm"); None when it gives none."""
    found = []
    for m in CLOCK.finditer(low):
        half = (m["ap"] or m["ap2"] or m["ap3"] or "")[:1]
        hour = int(m["h"]) % 12 + (12 if half == "p" else 0) if half else int(m["h"])
        found.append(f"{hour:02d}:{int(m['m'] or 0):02d}")
    return sorted(dict.fromkeys(found)) or None


def names_a_visit(low: str) -> bool:
    words = re.findall(r"[a-z][\w&/-]*", low)
    return any(names_visit(w) for w in words)
