"""From a reading to a step: whether it orders something, once or repeatedly, and on which days.

One promise: every number of a step comes from its own clause or, for a shared rhythm, from its own sentence.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from hospital_rt.extraction.amounts import NUMBER
from hospital_rt.extraction.dates import days_to, named_days
from hospital_rt.extraction.lexicon import ACT_NOUNS, FORMS, NOT_VERBS_BEFORE, SYMPTOMS, VERBS, names_visit
from hospital_rt.extraction.often import Rhythm
from hospital_rt.extraction.reading import KEEP, Reading, names_a_visit

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
_EMERGENCY = re.compile(r"\b(?:999|112|911|a&e|ambulance|emergency|hospital|urgences|urgencias)\b")
_ADVICE = re.compile(
    r"^(?:remember|try|aim|ensure|maintain)\b|^(?:finish|complete|keep|continue) (?:taking |using |on )?(?:with )?"
    r"(?:it|them|this|the (?:full |whole )?(?:course|rest|pack))\b"
)
_AT_AN_AGE = re.compile(
    r"\bat \d{1,2} (?:weeks|months)\b|\bat the end of\b|\bon completion\b|\b(?:before|at|for) (?:the |"
    r"your )?next (?:visit|appointment|review|clinic)\b"
)
_HAS_NUMBER = re.compile(NUMBER)


def is_plan(r: Reading, *, in_plan: bool = False) -> bool:
    """Whether a clause orders something repeated. ``in_plan``: it stands after other orders, or under "Plan"."""
    if r.condition is not None or r.single:
        return False
    if r.rhythm is None:
        undated = r.due is None or r.due.how == "from" or r.dosed
        return bool(r.drug and r.verb in KEEP and undated and not _is_test(r)) or bool(
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
    if not words and r.facts:  # "Weekly weight on Sundays"
        words = re.findall(r"[a-z][\w-]*", r.clause.low[r.facts[0].end :])[:6]
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
        return bool(
            r.verb or r.dosed or r.drug or names_a_visit(main) or _HAS_FORM.search(main) or _EMERGENCY.search(main)
        )
    if r.single and (r.dosed or r.drug):
        return True
    if r.verb is not None:
        return not (r.verb in NOT_VERBS_BEFORE and len(low.split()) < 2) and not _ADVICE.match(low)
    if names_a_visit(low) and _AT_AN_AGE.search(low):
        return not _FINDING.search(low)
    if r.clause.plan and r.rhythm is None and names_a_visit(" ".join(low.split()[:4])) and not _FINDING.search(low):
        return True
    if (
        in_plan
        and r.due is not None
        and r.due.how == "in"
        and r.due.days > 1
        and _plain_appointment(low[: r.due.start])
    ):
        return True
    if r.due is not None and r.due.days >= 0 and names_a_visit(low) and not _FINDING.search(low):
        return r.due.days > 0 or r.due.how == "by"
    return r.dosed and r.due is not None and r.due.days == 0 and r.drug is not None


def _plain_appointment(words: str) -> bool:
    """A few words without a number or a complaint before "in six months"."""
    found = words.split()
    return (
        0 < len(found) <= 6
        and not _HAS_NUMBER.search(words)
        and not _COUNTED.search(words)
        and not any(w.strip(",.") in SYMPTOMS for w in found)
    )


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


def inherit(r: Reading, drug: str | None, pace: Rhythm | None) -> Reading:
    """A reading that takes over the drug (a taper's next dose) or the rhythm (a shared one) of its neighbour."""
    return replace(r, drug=r.drug or drug, rhythm=r.rhythm or pace)
