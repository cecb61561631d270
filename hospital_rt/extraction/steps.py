"""From a clause to a step: what it orders, how often, how long, from when.

One promise: every number of a step comes from its own clause or, for a shared rhythm, from its own sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date

from hospital_rt.extraction.amounts import NUMBER, doses
from hospital_rt.extraction.clauses import Clause
from hospital_rt.extraction.dates import days_to, named_days
from hospital_rt.extraction.lasting import Due, Lasts, dues, durations
from hospital_rt.extraction.lexicon import (
    ACT_NOUNS,
    FORMS,
    NOT_VERBS_BEFORE,
    SYMPTOMS,
    VERBS,
    is_drug,
    is_medicine_word,
    names_visit,
)
from hospital_rt.extraction.often import Often, Rhythm, often, rhythm
from hospital_rt.extraction.stance import condition, order_at, stance
from hospital_rt.extraction.text import words_of


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


_SINGLE = re.compile(
    r"\b(?:single dose|one dose|a dose|1 dose|stat|once only|one[- ]off|today only|tonight only|only today|"
    r"just once|one time only|"
    r"dose unique|une seule dose|dosis unica|una sola dosis|en une (?:seule )?prise|unidosis|single application|"
    r"x ?1(?! ?/)|one single)\b"
)
CLOCK = re.compile(
    r"(?<![\d.,/])(?P<h>[01]?\d|2[0-3])(?:[:h](?P<m>[0-5]\d)(?!\d)\s?(?P<ap>am|pm|a\.m\.|p\.m\.)?|"
    r"\.(?P<m2>[0-5]\d)\s?(?P<ap3>am|pm|a\.m\.|p\.m\.)|\s?(?P<ap2>am|pm|a\.m\.|p\.m\.)(?!\w)|\s?h(?![\w/]))"
)
_KEEP = words_of("""
continue start begin increase reduce decrease lower raise double halve switch change restart resume commence initiate
titrate keep take use apply give move maintain carry
continuer continuez poursuivre poursuivez commencer commencez debuter augmenter augmentez reduire diminuer reprendre
prendre prenez passer continuar continue iniciar inicie comenzar aumentar aumente reducir reduzca seguir mantener
tomar tome
""")
_UNITS_ONLY = words_of(
    "mg ml mcg micrograms g the a an of to from by in on and or per for with at then dose increase reduce"
)
_AT_CONDITION = re.compile(
    r"^(?:call|ring|phone|dial|go|come|return|attend|see|seek|contact|present|visit|report|re-?attend|review|"
    r"consult\w*|"
    r"appel\w+|acud\w+|llam\w+|volver|"
    r"vuelva|aller|revenir|revenez)\b[^.]*?\b(?P<it>for|with|en cas d)\b[^.]*"
)
_URGENT = re.compile(
    r"\b(?:immediately|at once|straight|urgently|same day|a&e|emergency|ambulance|999|911|ed\b|er\b|ward|casualty|"
    r"urgences|urgencias)\b"
)
_FINDING = re.compile(
    r"\b(?:normal|clear|negative|positive|unremarkable|show(?:s|ed)|stable|satisfactory|raised|elevated|reduced|"
    r"intact|unchanged|explained|"
    r"reviewed|improved|improving|resolved|healed|seen|up to date|tolerat\w+|confirmed|reported|explique|normale?s?|"
    r"negativ[oa]s?)\b|= ?\d"
)
_COUNTED = re.compile(
    r"\b(?:first|second|third|fourth|fifth|sixth|several|many|few|lost|gained|weight|up|down|"
    r"since|attacks?|episodes?)\b"
)
_HAS_FORM = re.compile(
    r"\b(?:puffs?|tablets?|spray|ice pack|cream|drops?|gel|inhaler|sachets?|lozenges?|bouffees|"
    r"gotas|gouttes|patch|mouthwash|ointment)\b"
)
_ADVICE = re.compile(
    r"^(?:remember|try|aim|ensure|maintain)\b|^(?:finish|complete|keep|continue) (?:taking |using |on )?(?:with )?"
    r"(?:it|them|this|the (?:full |whole )?(?:course|rest|pack))\b"
)
_TITLED_ORDER = re.compile(r"[:,]\s(?:please )?(?=[a-z])")
_AT_AN_AGE = re.compile(
    r"\bat \d{1,2} (?:weeks|months)\b|\bat the end of\b|\bon completion\b|\b(?:before|at|for) (?:the |"
    r"your )?next (?:visit|appointment|review|clinic)\b"
)


def read(clause: Clause, day: date) -> Reading:
    """Read one clause."""
    low = clause.low
    why_not: str | None = stance(low)
    at = order_at(_main(low))
    main = _main(low)
    if at is None:
        at = _titled_order(main)
    verb_word = re.match(r"[a-z][\w-]*", main[at:]) if at is not None else None
    verb = verb_word.group() if verb_word else None
    facts = tuple(often(low))
    drug = _drug(low)
    dosed = bool(doses(low))
    pace = rhythm(list(facts))
    clock = clock_times(low)
    if pace is None and clock and (dosed or drug):
        pace = Rhythm(times=len(clock))
    lasting = _pick_lasting(low, durations(low, day), facts)
    moments = [d for d in dues(low, day) if not (lasting and d.start < lasting.end and lasting.start < d.end)]
    due = _pick_due(moments)
    single = _SINGLE.search(low) is not None
    if why_not is None and verb is None and not dosed and pace is not None and condition(low) is None:
        why_not = "state" if _is_complaint(low, facts) else None
    if clause.history and verb is None:
        why_not = why_not or "state"
    return Reading(
        clause=clause,
        verb=verb,
        drug=drug,
        facts=facts,
        rhythm=pace,
        lasts=lasting,
        due=due,
        condition=as_needed(low, verb, pace, due),
        dosed=dosed,
        single=single,
        why_not=why_not,
    )


def _titled_order(main: str) -> int | None:
    """The order after the name of a test or a visit ("Flu vaccine: book at reception")."""
    m = _TITLED_ORDER.search(main)
    if m and _names_visit(main[: m.start()]) and not often(main[: m.start()]) and order_at(main[m.end() :]) == 0:
        return m.end()
    return None


def _is_complaint(low: str, facts: tuple[Often, ...]) -> bool:
    """Whether a clause tells how often a complaint comes ("flushes ten times a day")."""
    words = re.findall(r"[a-z][\w-]*", low[: min(f.start for f in facts)] if facts else low)[:4]
    return any(w in SYMPTOMS for w in words) and not any(w in ACT_NOUNS or w in FORMS or is_drug(w) for w in words)


def _main(low: str) -> str:
    """The clause with its leading condition blanked, letter for letter."""
    span = condition(low)
    if span and not re.search(r"[a-z]{2}", low[: span[0]]):
        return low[span[1] :].lstrip(" ,:")
    return low


def as_needed(low: str, verb: str | None, pace: Rhythm | None, due: Due | None) -> tuple[int, int] | None:
    """The span of the condition on which a step depends; None when it does not depend on any."""
    span = condition(low)
    if span is not None:
        words = low[span[0] : span[1]]
        settled = pace is not None and due is not None and due.how in {"in", "from"} and due.end <= span[0]
        if settled or re.match(r"(?:when|once|quand|cuando) (?:finished|you get|home|done|the course)", words):
            return None
        return span
    urgent = _AT_CONDITION.match(low)
    if urgent and verb and pace is None and due is None:
        rest = low[urgent.start("it") :]
        told = any(w in SYMPTOMS for w in re.findall(r"[a-z]+", rest)) or re.search(
            r"\b(?:loss|worsening|severe|new|any|signs?|flashing|red flags?|increas\w+|difficulty|collapse|"
            r"confusion|chest|blood|lights)\b",
            rest,
        )
        if told and (_URGENT.search(low) or urgent["it"] != "with"):
            return urgent.start("it"), len(low)
    if re.search(r"\b(?:up to|maximum|max|hasta|jusqu'a)\b", low) and pace is None and any(f.limit for f in often(low)):
        return (0, 0)
    return None


def _drug(low: str) -> str | None:
    """What a clause that begins with a medicine, or orders one, is about; at most four words."""
    start = order_at(low) or 0
    found = doses(low)
    words = [(m.group(), m.start(), m.end()) for m in re.finditer(r"[a-z][\w'’-]*", low)]
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
        if 0 < len(head) <= 4:
            first = next(s for w, s, _ in words if w == head[0] and s >= start)
            return low[first : found[0].start].strip(" ,:(")
    return next(
        (
            w
            for w, _, _ in words
            if w in FORMS and w not in {"drop", "drops", "sachet", "patch", "tablet", "tablets", "puff", "puffs"}
        ),
        None,
    )


def _pick_lasting(low: str, found: list[Lasts], facts: tuple[Often, ...]) -> Lasts | None:
    """The duration of the act; a bare number of days counts only after a rhythm, a dose or at an end."""
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


def is_plan(r: Reading, *, in_plan: bool = False) -> bool:
    """Whether a clause orders something repeated. ``in_plan``: it stands after other orders, or under "Plan"."""
    if r.condition is not None or r.single:
        return False
    if r.rhythm is None:
        undated = r.due is None or r.due.how == "from" or r.dosed
        return bool(r.drug and r.verb in _KEEP and undated and not _is_test(r)) or bool(
            r.drug and r.dosed and r.lasts and r.verb is None
        )
    if r.verb is not None:
        return True
    if r.dosed or r.drug:
        return True
    return _acts(r, in_plan=in_plan)


def _acts(r: Reading, *, in_plan: bool) -> bool:
    """Whether a clause without a verb names an act, and not a complaint."""
    first = min((f.start for f in r.facts), default=len(r.clause.low))
    words = re.findall(r"[a-z][\w-]*", r.clause.low[:first])
    if not words or len(words) > 14:
        return False
    if any(w in SYMPTOMS for w in words) and not any(w in ACT_NOUNS or w in FORMS for w in words[:3]):
        return False
    if in_plan and len(words) <= 8 and not _FINDING.search(r.clause.low):
        return True
    return any(w in ACT_NOUNS or w in FORMS or w in VERBS for w in words)


def _is_test(r: Reading) -> bool:
    words = re.findall(r"[a-z][\w&/-]*", r.clause.low)
    return any(names_visit(w) for w in words[:5]) and not r.dosed


def is_single(r: Reading, *, in_plan: bool = False) -> bool:
    """Whether a clause orders something done once, or only when needed. ``in_plan`` as for ``is_plan``."""
    low = r.clause.low
    if r.condition is not None:
        span = r.condition
        main = low if span == (0, 0) else low[: span[0]] + " " + low[span[1] :]
        return bool(r.verb or r.dosed or r.drug or _names_visit(main) or _HAS_FORM.search(main))
    if r.single and (r.dosed or r.drug):
        return True
    if r.verb is not None:
        return not (r.verb in NOT_VERBS_BEFORE and len(low.split()) < 2) and not _ADVICE.match(low)
    if _names_visit(low) and _AT_AN_AGE.search(low):
        return not _FINDING.search(low)
    if r.clause.plan and r.rhythm is None and _names_visit(" ".join(low.split()[:4])) and not _FINDING.search(low):
        return True
    if (
        in_plan
        and r.due is not None
        and r.due.how == "in"
        and r.due.days > 1
        and _plain_appointment(low[: r.due.start])
    ):
        return True
    if r.due is not None and r.due.days >= 0 and _names_visit(low) and not _FINDING.search(low):
        return r.due.days > 0 or r.due.how == "by"
    return r.dosed and r.due is not None and r.due.days == 0 and r.drug is not None


def _plain_appointment(words: str) -> bool:
    """A few words without a number or a complaint before "in six months"."""
    found = words.split()
    return (
        0 < len(found) <= 6
        and not HAS_NUMBER.search(words)
        and not _COUNTED.search(words)
        and not any(w.strip(",.") in SYMPTOMS for w in found)
    )


def _names_visit(low: str) -> bool:
    words = re.findall(r"[a-z][\w&/-]*", low)
    return any(names_visit(w) for w in words)


def starts_in(r: Reading, day: date) -> list[int]:
    """The days on which a plan begins: one for each weekday that it names, else one."""
    if r.rhythm and r.rhythm.weekdays:
        first = r.due.days if r.due and r.due.how in {"from", "in"} else 0
        days = []
        for weekday in r.rhythm.weekdays:
            start = days_to(weekday, day)
            while start < first:
                start += 7
            days.append(start)
        return sorted(days)
    if r.rhythm and r.rhythm.every_days % 7 == 0:
        named = [
            n
            for n in named_days(r.clause.low, day)
            if n.weekday is not None and not (r.lasts and r.lasts.start <= n.start < r.lasts.end)
        ]
        if named:
            return [named[0].days]
    if r.due and r.due.how in {"from", "in", "on"} and not (r.due.how == "on" and r.due.days == 0):
        return [r.due.days]
    return [0]


def lasting_days(r: Reading, start: int) -> int | None:
    """``duration_days`` of a plan that begins on ``start``; None when it is open-ended."""
    if r.lasts is None:
        return None
    times = r.rhythm.times if r.rhythm else 1
    every = r.rhythm.every_days if r.rhythm else 1
    if r.lasts.count is not None:
        return min(730, -(-r.lasts.count // times) * every)
    if r.lasts.fixed:
        return max(1, r.lasts.days - start)
    return r.lasts.days


def clock_times(low: str) -> list[str] | None:
    """Clock times that a clause gives for a rhythm ("at 8 am and 8 pm"); None when it gives none."""
    found = []
    for m in CLOCK.finditer(low):
        half = (m["ap"] or m["ap2"] or m["ap3"] or "")[:1]
        hour = int(m["h"]) % 12 + (12 if half == "p" else 0) if half else int(m["h"])
        found.append(f"{hour:02d}:{int(m['m'] or 0):02d}")
    return sorted(dict.fromkeys(found)) or None


def inherit(r: Reading, drug: str | None, pace: Rhythm | None) -> Reading:
    """A reading that takes over the drug (a taper's next dose) or the rhythm (a shared one) of its neighbour."""
    return replace(r, drug=r.drug or drug, rhythm=r.rhythm or pace)


HAS_NUMBER = re.compile(NUMBER)
__all__ = [
    "Reading",
    "as_needed",
    "clock_times",
    "inherit",
    "is_medicine_word",
    "is_plan",
    "is_single",
    "lasting_days",
    "read",
    "starts_in",
]
