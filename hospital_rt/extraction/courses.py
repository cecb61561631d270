"""Lengths and starts for which the words quoted point elsewhere: to another course, a day that is counted, a supply.

One promise: every number here is counted from numbers that the note gives, for what the words quoted name; they only
allow, and where they point at nothing that is found, nothing is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hospital_rt.extraction.amounts import DOSE_UNITS, amounts
from hospital_rt.extraction.dates import named_days
from hospital_rt.extraction.evidence import Evidence
from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.reading import Reading
from hospital_rt.extraction.text import same_length_plain, words_of

_AS_LONG_AS = re.compile(
    r"\b(?:while|whilst|as long as|so long as|until|till?|during|throughout|tant que|mientras|pendant|durante|hasta)\b"
    r"(?P<it>[^,;.]{3,60})"
)
_ONCE_OVER = re.compile(
    r"\b(?:after|once|when|as soon as|following) (?:the |your |his |her |this )?(?P<it>[a-z][^,;.]{1,30}?) (?:is|are|"
    r"has "
    r"been|have been|course is) (?:all )?(?:completed?|finished|done|over|stopped|used up)\b"
)
_TO_DAY = re.compile(
    r"\b(?:until|till?|to|up to|through|jusqu'au?|hasta el) (?:and including )?(?:day|jour|j|dia) ?(\d{1,2})\b"
)
_DAY_NOW = re.compile(
    r"\b(?:today is|today|now|currently|today's) (?:on )?(?:day|d) ?(\d{1,2})\b|"
    r"\b(?:day|d) ?(\d{1,2}) (?:after|post|of|following|since|today)\b|\bpod ?#?(\d{1,2})\b"
)
_SUPPLY = re.compile(
    r"#\s?(?P<n>\d{1,3})\b|\b(?P<n2>\d{1,3}) (?P<form>capsules|caps|tablets|tabs|sachets|patches|doses) "
    r"(?:supplied|dispensed|issued|given|prescribed|to take home)\b|"
    r"\b(?:supply|dispense|disp|qty|quantity|issue):? ?(?P<n3>\d{1,3})\b"
)
_REFILLS = re.compile(r"\b(?:refills?|repeats?)[: ]*[1-9x]|\b(?:[1-9]|one|two|three) (?:refills?|repeats?)\b")
_THIS_WEEK = re.compile(r"\b(?:(?:all|the rest of) )?(?:this week|cette semaine|esta semana)\b")
_AGREED = re.compile(
    r"\b(?:the|your|his|her|that) (?P<what>(?!same|next|following|first|last|other|whole|previous|third|second|very|"
    r"entire|only|exact|due|working|week)[a-z]+) (?:date|day)\b"
)
_CLASSES = {
    "steroid": words_of("prednisolone prednisone dexamethasone hydrocortisone methylprednisolone betamethasone"),
    "opioid": words_of("codeine dihydrocodeine oxycodone morphine tramadol hydrocodone"),
    "antibiotic": words_of("""
    amoxicillin co-amoxiclav flucloxacillin penicillin phenoxymethylpenicillin doxycycline clarithromycin azithromycin
    erythromycin nitrofurantoin trimethoprim ciprofloxacin levofloxacin cefalexin cephalexin cefuroxime metronidazole
    clindamycin moxifloxacin amoxicilline amoxicilina
    """),
    "act": words_of("artemether artesunate lumefantrine"),
    "nsaid": words_of("ibuprofen naproxen diclofenac etoricoxib meloxicam celecoxib indometacin"),
}
_COUNTED_FORMS = frozenset({"tablet", "capsule", "sachet", "patch"})


def lengths_elsewhere(evidence: Evidence, *, times: int, start: int) -> set[int]:
    """Every ``duration_days`` that follows from what the words quoted point at, for a start and a number a day."""
    low = f"{evidence.narrow.low} . {evidence.quote.low}"
    found = {end - start for m in _AS_LONG_AS.finditer(low) for end in _ends_of(m["it"], evidence)}
    found |= _to_a_day(evidence)
    if all(r.lasts is None for r in evidence.readings) and evidence.narrow.often:
        found |= _supplied(low, evidence, times)
        if _THIS_WEEK.search(low):
            found |= {7, 7 - evidence.note.day.weekday()}
    return {n for n in found | pregnancy(evidence) if n > 0}


def starts_elsewhere(evidence: Evidence) -> set[int]:
    """Every ``start_in_days`` that follows from what the words quoted point at."""
    low = f"{evidence.narrow.low} . {evidence.quote.low}"
    found = agreed_days(low, evidence)
    for m in _ONCE_OVER.finditer(low):
        found |= _ends_of(m["it"], evidence)
    return found


def agreed_days(low: str, evidence: Evidence) -> set[int]:
    """The days that the note gives for a date by its name ("the quit date", which was set for Monday)."""
    found: set[int] = set()
    for m in _AGREED.finditer(low):
        named = re.compile(rf"\b{m['what']} (?:date|day)\b")
        for s in evidence.note.sentences:
            plain = same_length_plain(s.text)
            if named.search(plain):
                found |= {d.days for d in named_days(plain, evidence.note.day)}
    return found


def _ends_of(words: str, evidence: Evidence) -> set[int]:
    """The days on which the courses that some words name come to their end, each with its later doses."""
    wanted = [w for w in re.findall(r"[a-z][a-z-]{2,}", words) if w not in {"the", "your", "taking", "being", "taken"}]
    found = set()
    for at, r in enumerate(evidence.note.readings):
        if r in evidence.readings or r.why_not is not None or not _is_named(r, wanted):
            continue
        end = r.due.days if r.due and r.due.how in {"from", "in"} else 0
        lengths = [x.lasts.days for x in _course(evidence.note.readings, at) if x.lasts and x.lasts.count is None]
        if lengths:
            found.add(end + sum(lengths))
    return found


def _is_named(r: Reading, wanted: list[str]) -> bool:
    """Whether one of the words is the medicine of a clause, cut short ("dex"), or the class that it is of."""
    mine = [w for w in re.split(r"[ /]", r.drug or "") if is_drug(w)]
    return any(
        drug == w or (len(w) >= 3 and drug.startswith(w)) or drug in _CLASSES.get(w.rstrip("s"), ())
        for drug in mine
        for w in wanted
    )


def _course(all_read: list[Reading], at: int) -> Iterator[Reading]:
    """A clause and those that go on with its medicine."""
    yield all_read[at]
    for r in all_read[at + 1 :]:
        others = any(is_drug(w) for w in (r.drug or "").split())
        if others or r.why_not is not None or not (r.dosed or r.rhythm) or r.verb not in {None, "then", "reduce"}:
            return
        yield r


def _to_a_day(evidence: Evidence) -> set[int]:
    """Days to a day that is counted from one before the note ("until day 10", written on day 6)."""
    goals = [int(n) for n in _TO_DAY.findall(evidence.narrow.low)]
    now = [int(next(filter(None, n))) for n in _DAY_NOW.findall(same_length_plain(evidence.note.text))] if goals else []
    return {goal - day + more for goal in goals for day in now if goal > day for more in (0, 1)}


def _supplied(low: str, evidence: Evidence, times: int) -> set[int]:
    """How many days a supply lasts, where none is to follow."""
    if _REFILLS.search(evidence.wide.low):
        return set()
    found = set()
    for m in _SUPPLY.finditer(low):
        count = int(m["n"] or m["n2"] or m["n3"])
        dose = [a.number for a in amounts(low[: m.start()]) if a.unit in _COUNTED_FORMS & DOSE_UNITS]
        each = dose[-1] if dose else 1
        if each > 0 and count % (each * times) == 0:
            found.add(int(count / (each * times)))
    return found


def pregnancy(evidence: Evidence) -> set[int]:
    """Days to a week of pregnancy that the sentence names ("until 36 weeks"), counted from one that the note names."""
    goals = [
        int(n)
        for n in re.findall(
            r"\b(?:until|till|to|at|jusqu'a|hasta(?: las)?) (\d{2}) ?(?:weeks|semaines|"
            r"semanas)\b",
            evidence.wide.low,
        )
    ]
    now = [
        int(n)
        for n in re.findall(
            r"\b(\d{1,2}) ?(?:\+ ?\d )?(?:weeks|/40|semaines|"
            r"semanas)\b",
            same_length_plain(evidence.note.text),
        )
    ]
    return {(goal - week) * 7 for goal in goals for week in now if goal > week}
