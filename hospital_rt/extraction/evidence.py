"""The evidence for an item: the clauses that its quote lies in, their sentences, and the rest of the note.

One promise: what a scope offers (amounts, rhythms, durations, starts) is read from those words and the day of the note
alone; where the nearest words say nothing of a kind, the next wider ones are asked, and no further than the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property

from hospital_rt.extraction.amounts import DOSE_UNITS, Amount, amounts
from hospital_rt.extraction.carry import readings
from hospital_rt.extraction.clauses import Clause
from hospital_rt.extraction.dates import days_to, named_days
from hospital_rt.extraction.intrusion import intrusions, without_blocks
from hospital_rt.extraction.lasting import Due, Lasts, dues, durations
from hospital_rt.extraction.often import Often, all_rhythms, often
from hospital_rt.extraction.orders import order_at
from hospital_rt.extraction.reading import KEEP, Reading, clock_times
from hospital_rt.extraction.steps import changes_dose, follows_on, is_later_still
from hospital_rt.extraction.text import Folded, Span, around, fold, same_length_plain, sentences

_A_WEEK = re.compile(
    r"\b(?:times|x|twice|thrice|days|fois|veces|jours|dias) ?(?:a|per|par|por|a la|each)? ?(?:week|weekly|sem)"
)
_LEADS_TO_A_LENGTH = re.compile(
    r"(?:[^\w]*(?:for|x|over|during|up|to|a|an|the|total|of|course|duration|treatment|treat|then|and|in|all|at|least|"
    r"minimum|max|maximum|next|first|only|initially|approx|about|around|pendant|durante|por|pour|duree|duracion|"
    r"traitement|tratamiento|de|du|les|los|las|un|une|una|with|food|after|before|meals|until|till))*[^\w]*"
)
_JOINS = re.compile(r"(?:[,;&+]|\b(?:and|with|plus|then|et|avec|puis|y|con|luego))\s*$")
_FOR_ALL = re.compile(r"\b(?:both|all (?:three|four|of these|of them|for)|tous les (?:deux|trois)|ambos)\b")
Key = tuple[Fraction, str]


@dataclass(frozen=True)
class Note:
    """A note, read once for all of its items."""

    text: str = field(repr=False)
    day: date
    folded: Folded = field(repr=False)
    sentences: list[Span] = field(repr=False)
    shut: list[Span] = field(repr=False)
    readings: list[Reading] = field(repr=False)
    asked: dict[tuple[int, int], Evidence] = field(default_factory=dict, repr=False)

    def evidence(self, start: int, end: int) -> Evidence:
        """The evidence for a place, gathered once."""
        if (start, end) not in self.asked:
            self.asked[start, end] = Evidence.at(self, start, end)
        return self.asked[start, end]

    @classmethod
    def of(cls, text: str, day: date) -> Note:
        return cls(
            text,
            day,
            fold(text),
            sentences(without_blocks(text)),
            intrusions(text),
            readings(text, day),
        )


@dataclass(frozen=True)
class Scope:
    """Some words of the note and what they say of numbers."""

    low: str = field(repr=False)
    day: date

    @cached_property
    def amounts(self) -> list[Amount]:
        return list(amounts(self.low))

    @cached_property
    def doses(self) -> set[Key]:
        return {a.key for a in self.amounts if a.unit in DOSE_UNITS}

    @cached_property
    def often(self) -> list[Often]:
        return often(self.low)

    @cached_property
    def durations(self) -> list[Lasts]:
        return durations(self.low, self.day)

    @cached_property
    def dues(self) -> list[Due]:
        return list(dues(self.low, self.day))

    @cached_property
    def clock(self) -> list[str]:
        return clock_times(self.low) or []

    def rhythms(self, *, with_limits: bool) -> set[tuple[int, int]]:
        """Every (times_per_day, every_days) that the words allow; limits too, for what is only taken when needed."""
        found = set(all_rhythms(self.often))
        if self.clock:
            found.add((len(self.clock), 1))
        if any(f.slot == "daytime" for f in self.often):
            found |= {(max(1, 16 // f.every_hours), 1) for f in self.often if f.every_hours}
        if with_limits:
            found |= {(f.times, f.every_days) for f in self.often}
        for _, every in list(found):
            if every in {2, 3} and _A_WEEK.search(self.low):  # has no exact step: the next ones are as good
                found |= {(1, every + 1), (1, 7)}
            if every in {30, 60, 90, 180}:
                found |= {(1, every // 30 * n) for n in (28, 31)} | {(1, every // 30 * 61 // 2), (1, every + 1)}
        return found

    def named_starts(self) -> set[int]:
        """The days on which something can begin: dates, weekdays, "tomorrow", "in 3 weeks"."""
        found = {d.days for d in self.dues} | {n for d in self.dues for n in d.allowed}
        for named in named_days(self.low, self.day):
            found.add(named.days)
            if named.weekday is not None:
                found.add(named.days + 7)
        for fact in self.often:
            for weekday in fact.weekdays:
                start = days_to(weekday, self.day)
                found |= {start, start + 7}
        return found

    def lasting(self, *, times: int, every: int, start: int) -> set[int]:
        """Every ``duration_days`` that the words allow for such a rhythm."""
        found: set[int] = set()
        for d in self.durations:
            if d.count is not None:
                found.add(-(-d.count // times) * every)
            elif d.fixed:
                found |= {max(1, n - start) for n in d.allowed}
            else:
                found |= d.allowed
        return found


@dataclass(frozen=True)
class Evidence:
    """What bears on one place of the note: the narrow scope is its clauses, the wide one its sentences."""

    note: Note
    start: int
    end: int
    readings: list[Reading] = field(repr=False)
    narrow: Scope
    wide: Scope
    quote: Scope

    @classmethod
    def at(cls, note: Note, start: int, end: int) -> Evidence:
        near = [r for r in note.readings if _share(r.clause, start, end) > 0]
        main = [r for r in near if _share(r.clause, start, end) >= 0.5] or near
        lying = around(note.sentences, start, end)
        return cls(
            note=note,
            start=start,
            end=end,
            readings=main,
            narrow=Scope(" . ".join(r.clause.low for r in main), note.day),
            wide=Scope(" . ".join(same_length_plain(s.text) for s in lying), note.day),
            quote=Scope(same_length_plain(note.text[start:end]), note.day),
        )

    def for_doses(self, wanted: set[Key]) -> Evidence:
        """The same place, narrowed to the clauses that give the wanted doses, where some do and others do not."""
        if not wanted:
            return self
        giving = [r for r in self.readings if wanted <= {a.key for a in amounts(r.clause.low)}]
        return self.narrowed(giving)

    def narrowed(self, readings: list[Reading]) -> Evidence:
        """The same place, narrowed to some of its clauses; the same when these are none or all."""
        if not readings or len(readings) == len(self.readings):
            return self
        narrow = Scope(" . ".join(r.clause.low for r in readings), self.note.day)
        return Evidence(self.note, self.start, self.end, readings, narrow, self.wide, self.quote)

    @cached_property
    def shared(self) -> Scope:
        """The wide scope without what other acts of the sentence keep to themselves: a dose with its own duration.

        "Both for 14 days" is for all; "50 mg at night" has no share in "25 mg at night for 2 weeks".
        """
        if not any(r.rhythm is not None and r.dosed for r in self.readings):
            return self.wide
        words = [self.lengths.low]
        for r in self.beside():
            if not _keeps_its_length(r) and (not r.dosed or r.rhythm is None or _FOR_ALL.search(r.clause.low)):
                words.append(r.clause.low)
        return Scope(" . ".join(words), self.note.day)

    @cached_property
    def lengths(self) -> Scope:
        """The narrow scope without the complaints that a quote takes in ("ill for 5 days"), where it has an act."""
        own = [r for r in self.readings if not _keeps_its_length(r)]
        if len(own) == len(self.readings) or not any(r.dosed or r.drug for r in own):
            return self.narrow
        return Scope(" . ".join(r.clause.low for r in own), self.note.day)

    @cached_property
    def own(self) -> Scope | None:
        """The quote alone, where it ends a clause after an act with a rhythm of its own ("with senna at night")."""

        if len(self.readings) != 1 or not self.quote.often or not (self.quote.doses or order_at(self.quote.low) == 0):
            return None
        [r] = self.readings
        span = r.clause.span
        before = same_length_plain(self.note.text[span.start : self.start])
        if not _JOINS.search(before) or re.search(r"\w", self.note.text[self.end : span.end]):
            return None
        limited = any(f.limit and f.start >= len(before) for f in r.facts)
        return None if limited or not Scope(before, self.note.day).often else self.quote

    def beside(self) -> list[Reading]:
        """The other clauses of the sentences that it lies in."""
        lying = around(self.note.sentences, self.start, self.end)
        return [
            r
            for r in self.note.readings
            if r not in self.readings and any(s.overlaps(r.clause.span.start, r.clause.span.end) for s in lying)
        ]

    @property
    def sentences_spanned(self) -> int:
        return len(around(self.note.sentences, self.start, self.end))

    def before(self, count: int) -> str:
        """The sentences just before, plain: where the drug of a taper's next dose is named."""
        ahead = [s for s in self.note.sentences if s.end <= self.start]
        return " . ".join(same_length_plain(s.text) for s in ahead[-count:])

    def until_next_dose(self, start: int) -> set[int]:
        """How long a dose without an end of its own can last: until the next dose of the same drug begins."""
        if not self.readings:
            return set()
        last = self.readings[-1]
        after = [r for r in self.note.readings if r.clause.span.start > last.clause.span.start][:1]
        return {
            r.due.days if is_later_still(r) else r.due.days - start
            for r in after
            if r.due
            and r.due.how in {"in", "from"}
            and r.dosed
            and _same_drug(last, r)
            and (changes_dose(r) or r.clause.then or r.clause.joined)
        }

    def earlier_starts(self) -> set[int]:
        """The days on which doses in the clauses just before begin."""
        first = self.readings[0].clause.span.start if self.readings else 0
        before = [r for r in self.note.readings if r.clause.span.start < first][-2:]
        return {0} | {r.due.days for r in before if r.due and r.due.how in {"in", "from"}}

    def course_before(self) -> list[Reading]:
        """The earlier doses of a taper, from its first; empty when this is no later dose of one."""
        if not any(r.clause.then or r.clause.joined or follows_on(r.clause.low) for r in self.readings):
            return []
        first = self.readings[0]
        chain: list[Reading] = []
        for r in self.note.readings:
            if r is first:
                break
            if r.why_not is None and (r.lasts is not None) and first.clause.sentence - r.clause.sentence <= 3:
                chain.append(r)
        begun = [at for at, r in enumerate(chain) if not _goes_on(r)]
        return chain[begun[-1] :] if begun else chain

    def taper_starts(self) -> set[int]:
        """The days on which the earlier doses of a taper end; empty when this is no later dose of one."""
        chain = self.course_before()
        if not chain:
            return set()
        due = None if _goes_on(chain[0]) else chain[0].due
        total = sum(r.lasts.days for r in chain if r.lasts and r.lasts.count is None)
        return {total + (due.days if due and due.how in {"from", "on", "in"} else 0)}


def _goes_on(r: Reading) -> bool:
    """Whether a clause is a later dose of what the one before it begins."""
    return r.clause.then or (r.clause.joined and r.drug is None) or follows_on(r.clause.low)


def _keeps_its_length(r: Reading) -> bool:
    """Whether a clause's length is that of a complaint or of another act, and not of a medicine beside it."""
    if r.lasts is None or r.drug or r.dosed or r.rhythm is not None or _FOR_ALL.search(r.clause.low):
        return False
    if r.verb is not None:
        return r.verb not in KEEP
    return not _LEADS_TO_A_LENGTH.fullmatch(r.clause.low[: r.lasts.start])


def _same_drug(one: Reading, other: Reading) -> bool:
    return other.drug is None or (one.drug is not None and one.drug.split(" ")[0] == other.drug.split(" ")[0])


def _share(clause: Clause, start: int, end: int) -> float:
    """How much of the shorter of clause and quote lies in the other."""
    common = min(clause.span.end, end) - max(clause.span.start, start)
    return max(0, common) / max(1, min(clause.span.end - clause.span.start, end - start))


def keys(found: Iterable[Amount]) -> set[Key]:
    return {a.key for a in found}
