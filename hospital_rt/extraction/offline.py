"""The offline extractor: rules over sentences. Deterministic, without a network, and a draft.

One promise: it orders nothing that a clause of the note does not order; where the rules do not understand, they keep
silent, and the guard lists the sentence for the doctor.
"""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hospital_rt.extraction import steps
from hospital_rt.extraction.asking import prescribed_from
from hospital_rt.extraction.carry import readings as read_clauses
from hospital_rt.extraction.often import Rhythm
from hospital_rt.extraction.orders import order_at
from hospital_rt.extraction.reading import Reading, clock_times
from hospital_rt.extraction.schema import Extraction, Item, Meta, PlanItem
from hospital_rt.extraction.text import Span, same_length_plain

RULES_VERSION = "rules-2"


class OfflineExtractor:
    """See ``Extractor``. The rules need no names: nothing leaves the house."""

    name = "offline"

    async def extract(self, text: str, *, day: date, names: Sequence[str] = ()) -> Extraction:
        started = time.monotonic()
        found = await asyncio.to_thread(read_note, text, day)
        spent_ms = round((time.monotonic() - started) * 1000)
        return found.with_meta(Meta(model="offline", prompt_version=RULES_VERSION, latency_ms=spent_ms))

    async def warm(self) -> None:
        """Nothing is to be loaded."""

    async def close(self) -> None:
        return None


def read_note(text: str, day: date) -> Extraction:
    """The steps of a note, by the rules."""
    text = unicodedata.normalize("NFC", text)
    readings = read_clauses(text, day)
    checklist: list[Item] = []
    plan: list[PlanItem] = []
    taper = _Taper()
    in_plan = False
    for n, r in enumerate(readings):
        if r.why_not is not None:
            taper.broken(r)
            continue
        r = taper.continued(r)
        quote = r.clause.span
        if r.rhythm is None and r.condition is None and not r.single and (r.drug or r.dosed):
            r, quote = _shared(text, r, readings[n + 1 :])
        if _is_header(r, n):
            continue
        if steps.is_plan(r, in_plan=in_plan or r.clause.plan) or taper.goes_on(r):
            in_plan = True
            found = _plan_items(r, quote, day, taper)
            if plan and taper.last is plan[-1] and taper.follows(r):
                plan[-1] = steps.ended_by(plan[-1], found[0].start_in_days)
            plan += found
            taper.extend(r, found[-1])
        elif steps.is_single(r, in_plan=in_plan or r.clause.plan):
            in_plan = True
            checklist.append(_item(r, quote))
            taper.broken(r)
        elif not r.clause.joined:
            taper.broken(r)
    return Extraction(checklist=checklist, plan=plan)


class _Taper:
    """What the next dose of a taper takes over: the drug, its rhythm, and the day on which the last one ends."""

    def __init__(self) -> None:
        self.drug: str | None = None
        self.sentence = -9
        self.last: PlanItem | None = None
        self.reading: Reading | None = None

    def broken(self, r: Reading) -> None:
        if r.clause.sentence != self.sentence:
            self.last = None

    def extend(self, r: Reading, item: PlanItem) -> None:
        drug = r.drug or (self.drug if self.follows(r) else None)
        self.drug, self.sentence, self.last, self.reading = drug, r.clause.sentence, item, r

    def continued(self, r: Reading) -> Reading:
        """The reading with what it takes over when it is the next dose of the drug before."""
        if not self.follows(r) or self.reading is None:
            return r
        return steps.inherit(r, self.drug, self.reading.rhythm)

    def follows(self, r: Reading) -> bool:
        near = self.last is not None and r.clause.sentence - self.sentence <= 1
        same = r.drug is None or (self.drug is not None and r.drug.split(" ")[0] == self.drug.split(" ")[0])
        here = r.clause.sentence == self.sentence
        paced = r.verb is None and r.drug in {None, self.drug} and r.rhythm is not None
        onward = r.clause.then or (here and r.clause.joined and (r.dosed or paced)) or steps.changes_dose(r)
        onward = onward or steps.follows_on(r.clause.low)
        doses_on = r.dosed or (r.clause.then and r.verb is None and r.rhythm is not None) or (paced and here)
        return bool(near and same and onward and doses_on and r.condition is None)

    def goes_on(self, r: Reading) -> bool:
        """ "... and then twice daily": a new rhythm for what was ordered before, without its name."""
        return r.clause.then and r.verb is None and r.rhythm is not None and r.condition is None and self.follows(r)

    def start(self, r: Reading) -> int | None:
        """The day on which this dose begins: when the last one ends."""
        if not self.follows(r) or self.last is None:
            return None
        if steps.is_later_still(r) and r.due is not None:
            return self.last.start_in_days + r.due.days
        if self.last.duration_days is None or steps.changes_dose(r):
            return None
        return self.last.start_in_days + self.last.duration_days


_DATED_AT_ITS_END = re.compile(
    r"(?!.*\d/(?:7|52|12)\W*$)(?<!\bon )(?<!\bby )\b\d{1,2}[./-]\d{1,2}(?:[./-]\d{2,4})?\W*$"
)


_CONTACT = re.compile(
    r"\W*(?:(?:tele)?phone|video|virtual|remote|home|online) (?:(?:visit|consult\w*|triage|review|encounter|"
    r"assessment)\b"
    r"(?! (?:in|after|within|with) )|clinic(?=[,.;:]|$))"
)


def _is_header(r: Reading, n: int) -> bool:
    """A first line like "BP review 12/3/26": when the note was written, not when to come."""
    if n == 0 and not r.clause.plan and _CONTACT.match(r.clause.low) and (r.due is None or r.due.how == "on"):
        return True
    short = n == 0 and r.verb is None and len(r.clause.low.split()) <= 5 and not r.dosed
    return short and _DATED_AT_ITS_END.search(r.clause.low) is not None


def _shared(text: str, r: Reading, following: list[Reading]) -> tuple[Reading, Span]:
    """A drug without a rhythm of its own, joined to one that has one ("A 1 g and B 400 mg three times a day")."""
    own = r.clause.span
    if not following:
        return r, own
    other = following[0]
    joined = other.clause.joined and other.clause.sentence == r.clause.sentence and bool(other.drug) and other.dosed
    if not (joined and other.rhythm and r.dosed and r.lasts is None):
        return r, own
    end = other.clause.span.end
    shared = replace(r, rhythm=other.rhythm, lasts=other.lasts)
    return shared, Span(own.start, end, text[own.start : end])


def _plan_items(r: Reading, quote: Span, day: date, taper: _Taper) -> list[PlanItem]:
    low = r.clause.low
    pace = r.rhythm or Rhythm()
    follows = taper.start(r)
    starts = [follows] if follows is not None else steps.starts_in(r, day)
    times = clock_times(low)
    clocked = times if times and (len(times) == pace.times or pace.times == 1) and len(times) > 0 else None
    drug = taper.drug if taper.follows(r) else None
    shown = _as_written(taper, drug) if drug or taper.goes_on(r) else None
    fixed = bool(r.lasts and r.lasts.fixed) or r.clause.then or taper.follows(r)
    items = []
    for start in starts:
        items.append(
            PlanItem(
                title=title(r, drug=shown),
                detail=_detail(r),
                quote=quote.text,
                start_in_days=min(365, start),
                times_per_day=len(clocked) if clocked else pace.times,
                every_hours=pace.every_hours,
                times=clocked,
                every_days=pace.every_days,
                duration_days=steps.lasting_days(r, start),
                miss_policy="fixed" if fixed else "extend",
            )
        )
    return items


def _item(r: Reading, quote: Span) -> Item:
    return Item(title=title(r), detail=_detail(r), quote=quote.text, as_needed=r.condition is not None)


def _as_written(taper: _Taper, drug: str | None) -> str | None:
    """The drug as the first dose of the taper writes it."""
    if taper.reading is None:
        return None
    clause = taper.reading.clause
    if drug is None:
        facts = taper.reading.facts
        return clause.span.text[: facts[0].start].strip(" ,:") if facts and facts[0].start > 3 else None
    at = clause.low.find(drug)
    return clause.span.text[at : at + len(drug)] if at >= 0 else drug


def title(r: Reading, *, drug: str | None = None) -> str:
    """The clause as an order of at most 120 characters."""
    words = re.sub(r"\s+", " ", r.clause.span.text[prescribed_from(r.clause.low) :]).strip()
    if drug and drug.casefold() not in words.casefold():
        words = f"{drug} {re.sub(r'^(?:to|at) ', '', words)}" if order_at(r.clause.low) is None else f"{drug}: {words}"
    if r.verb is None and r.condition is None and order_at(same_length_plain(words)) is None:
        words = _ordered(r, words)
    words = words[:1].upper() + words[1:]
    return words if len(words) <= 120 else words[:120].rsplit(" ", 1)[0].rstrip(" ,;:-")


_APPLY = re.compile(
    r"\b(?:creams?|ointments?|gel|lotion|emollients?|moisturi[sz]er|shampoo|creme|pommade|crema|pomada|patch|parche)\b"
)
_USE = re.compile(
    r"\b(?:drops?|spray|inhaler|puffs?|inhaled|nebuli[sz]er|mouthwash|pessar\w+|suppositor\w+|gouttes|gotas|"
    r"bouffees|enema|collyre|splint|ice)\b"
)
_FRENCH = re.compile(
    r"\b(?:par jour|pendant|matin|soir|jours|semaines|fois|toutes les|chaque|comprimes?|gouttes|dans)\b"
)
_SPANISH = re.compile(r"\b(?:cada|durante|dias|semanas|veces|al dia|noche|manana|comprimidos?|gotas|dentro de)\b")


def _ordered(r: Reading, words: str) -> str:
    """A clause without a verb, with the verb that its form asks for; in the language of the clause."""
    low = r.clause.low
    medicine = bool(r.dosed or r.drug)
    if not medicine:
        return words
    label = _LABEL.match(words)
    if label and order_at(same_length_plain(label["rest"])) is None:
        act = _with_verb(low, label["rest"])
        return f"{label['of']}: {act[0].lower()}{act[1:]}"
    return _with_verb(low, words)


_LABEL = re.compile(
    r"(?P<of>(?:[Ff]or (?:the )?)?[A-Za-z][A-Za-z/-]*(?: [A-Za-z/-]+){0,2})(?::| [-–]) (?P<rest>[A-Za-z]{3,}.*)"
)
"""What a line is for, before its medicine ("Pain: paracetamol 1 g")."""


def _with_verb(low: str, words: str) -> str:
    """A medicine's line after the verb that its form asks for."""
    first = words.split(" ")[0]
    rest = words[0].lower() + words[1:] if first[1:].islower() else words
    if _SPANISH.search(low):
        return f"{'Aplicar' if _APPLY.search(low) else 'Usar' if _USE.search(low) else 'Tomar'} {rest}"
    if _FRENCH.search(low):
        return f"{'Appliquer' if _APPLY.search(low) else 'Utiliser' if _USE.search(low) else 'Prendre'} {rest}"
    return f"{'Apply' if _APPLY.search(low) else 'Use' if _USE.search(low) else 'Take'} {rest}"


def _detail(r: Reading) -> str | None:
    """What the title had to leave out."""
    words = re.sub(r"\s+", " ", r.clause.span.text).strip()
    return words[:500] if len(words) > 110 else None


def instruction_like(r: Reading) -> bool:
    """Whether a clause reads like an instruction to the patient, step or not; prohibitions and orders to stop too."""
    if r.why_not == "prohibited":
        return len(r.clause.low.split()) > 2
    if r.why_not == "stopped":
        return order_at(r.clause.low) is not None
    return r.why_not is None and (steps.is_plan(r, in_plan=True) or steps.is_single(r) or bool(r.dosed and r.drug))
