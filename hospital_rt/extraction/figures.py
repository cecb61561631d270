"""Whether the note bears out every number that an item says: its doses, rhythms, lengths, dates.

One promise: a number is borne out with its unit and for its medicine, or it is doubted; what cannot be read as a number
must stand in the note as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hospital_rt.extraction.amounts import DOSE_UNITS, WORDS, Amount, amounts, unit_of
from hospital_rt.extraction.courses import lengths_elsewhere
from hospital_rt.extraction.evidence import Evidence, Key, Scope
from hospital_rt.extraction.lexicon import VERBS
from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.often import rhythm
from hospital_rt.extraction.reading import CLOCK, Reading
from hospital_rt.extraction.schema import Item, PlanItem
from hospital_rt.extraction.support import Doubt, known, names, own_drug, vocabulary
from hospital_rt.extraction.text import same_length_plain, words_of

_FORM = (
    r"tablets?|tabs?|pills?|capsules?|caps|puffs?|inhalations?|drops?|sprays?|sachets?|patch(?:es)?|ampoules?|vials?|"
    r"spoonfuls?|teaspoons?|doses?|comprimes?|gelules?|comprimidos?|capsulas?|gouttes?|gotas?"
)
_FORM_AHEAD = re.compile(rf" (?P<of>[a-z][\w-]*(?: [a-z][\w-]*)?) (?P<form>{_FORM})\b")
_NO_MEDICINE = VERBS | frozenset(WORDS) | words_of("and or to at for then with half a an the hour hours")
_ROMAN = re.compile(rf"\b(?:i{{1,3}}|iv|vi{{0,3}}|ix|x{{1,2}})\b(?= (?:{_FORM})\b)")
_PER = re.compile(r"/[a-z]+")
_NEXT_WORD = re.compile(r"[ -]?([a-z]{2,})")
_PLAIN_NEXT = words_of("""
of to in and or at for with then per if when as by on from a an the more days day each every once twice de et y en le la
les el los las pour para por con avec si
""")
_OFTEN_NEXT = frozenset({"times", "fois", "veces"})
_BEFORE_CHANGE = re.compile(
    r"\b(?:from|instead of|rather than|previously|formerly|was|were|not|au lieu de|en vez de|by) ?$"
)
_IN_A_DAY = re.compile(
    r"\b(?:in|within|per|a|every|en|dans|por|par)?[ /]*(?:24 ?(?:h|hrs?|hours|heures|horas)|day|j)\b|/ ?24 ?h"
)
_SAYS_OLD = re.compile(r"\b(?:from|instead|rather|previously|formerly|was|by|not|lieu|vez)\b")


def numbers_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """Numbers in title and detail that the quote and its sentences do not give."""
    for said in (item.title, item.detail or ""):
        low = same_length_plain(said)
        scope = Scope(low, evidence.note.day)
        doubt = _times_doubt(item, scope, evidence) or _spans_doubt(item, scope, evidence)
        if doubt:
            return doubt
        left = _without_facts(scope)
        doubt = _strange_doubt(left, evidence.wide.low) or _pairs_doubt(left, evidence)
        if doubt:
            return doubt
        own, near = _keys((evidence.own or evidence.narrow).low), _keys(evidence.wide.low)
        own_doses = {key for key in own if key[1] in DOSE_UNITS}
        for amount in _with_forms(left):
            allowed = own if amount.unit in DOSE_UNITS and own_doses else near
            if amount.key in allowed if amount.unit else _is_given_bare(amount, left, own, near, evidence):
                continue
            if any(number == amount.number for number, _ in near) and amount.key not in near:
                return "unit-not-in-quote", "It gives a number with a unit that the words quoted do not give."
            return "number-not-in-quote", "It gives a number that the words quoted do not give."
    return None


def _times_doubt(item: Item, said: Scope, evidence: Evidence) -> Doubt | None:
    """A frequency in the words of an item that neither the note nor its own (checked) schedule has."""
    found = rhythm(said.often)
    if found is None:
        stated = {(f.times, f.every_days) for f in said.often}
        allowed = evidence.wide.rhythms(with_limits=True)
        if stated - allowed:
            return "frequency-not-in-quote", "It gives a limit that the words quoted do not give."
        return None
    pair = (found.times, found.every_days)
    hours = {f.every_hours for f in said.often if f.every_hours} - {f.every_hours for f in evidence.wide.often}
    scheduled = isinstance(item, PlanItem) and pair == (item.times_per_day, item.every_days)
    if hours or not (scheduled or pair in evidence.wide.rhythms(with_limits=True)):
        return "frequency-not-in-quote", "It says how often in a way that the words quoted do not."
    return None


def _spans_doubt(item: Item, said: Scope, evidence: Evidence) -> Doubt | None:
    """Durations, dates and clock times in the words of an item that the note does not give."""
    wide = evidence.wide
    lengths = {n for s in (evidence.shared, evidence.lengths) for d in s.durations for n in d.allowed}
    if isinstance(item, PlanItem):
        lengths |= lengths_elsewhere(evidence, times=item.times_per_day, start=item.start_in_days)
    lengths |= {n for s in (wide, evidence.narrow) for d in s.dues for n in (d.days, *d.allowed)}
    for d in said.durations:
        if not d.allowed & lengths and d.count is None:
            return "duration-not-in-quote", "It gives a length of time that the words quoted do not give."
    starts = wide.named_starts() | lengths | evidence.taper_starts()
    for due in said.dues:
        if _IN_A_DAY.fullmatch(said.low[due.start : due.end]) and _IN_A_DAY.search(wide.low):
            continue
        if due.days not in starts and due.days != 0 and not due.allowed & starts:
            return (
                "date-not-in-quote",
                "It gives a date that does not follow from the words quoted.",
            )
    if set(said.clock) - set(wide.clock):
        return "number-not-in-quote", "It gives a clock time that the words quoted do not give."
    return None


def _without_facts(scope: Scope) -> str:
    """The words without the expressions of time, which are compared by what they mean."""
    text = list(scope.low)
    spans = [(f.start, f.end) for f in scope.often] + [(d.start, d.end) for d in scope.durations if d.count is None]
    spans += [(d.start, d.end) for d in scope.dues]
    spans += [m.span() for m in CLOCK.finditer(scope.low)]
    for start, end in spans:
        text[start:end] = " " * (end - start)
    return "".join(text)


def _with_forms(low: str) -> Iterator[Amount]:
    """The amounts of a text; "2 paracetamol tablets" are 2 tablets."""
    for amount in amounts(low):
        ahead = None if amount.unit else _FORM_AHEAD.match(low, amount.end)
        of_it = ahead is not None and _NO_MEDICINE.isdisjoint(ahead["of"].split())
        yield replace(amount, unit=unit_of(ahead["form"])) if ahead and of_it else amount


def _keys(low: str) -> set[Key]:
    return {a.key for a in amounts(low)} | {a.key for a in _with_forms(low)}


def _is_given_bare(amount: Amount, low: str, own: set[Key], near: set[Key], evidence: Evidence) -> bool:
    """Whether a number without a unit is one of the note's: after a medicine, one of its own clause; and not with
    another unit, of a kind that we do not know, than the note has it with."""
    before = re.search(r"([a-z][a-z-]{3,}) ?$", low[: amount.start])
    given = near
    if before and is_drug(before[1]):
        naming = [r for r in evidence.readings if names(r, [before[1]])]
        given = {key for r in naming for key in _keys(r.clause.low)} if naming else own
    if not any(number == amount.number for number, _ in given):
        return False
    after = _NEXT_WORD.match(low, amount.end)
    if after is None or after[1] in _PLAIN_NEXT:
        return True
    if (amount.number, "") in given and after[1] not in _OFTEN_NEXT:
        return True
    return known(after[1], vocabulary(evidence.wide.low))


def _strange_doubt(low: str, note: str) -> Doubt | None:
    """Figures that cannot be read as a number ("5k", "1e3", Roman or other numerals) and are not in the note."""
    found = list(amounts(low))
    read = {at for a in found for at in range(a.start, a.end)}
    glued = {a.end - 1 for a in found if not a.unit and low[a.end : a.end + 1].isalpha()}
    words = [m.span() for m in _ROMAN.finditer(low)]
    for m in re.finditer(r"\S+", low):
        signed = m.group()[0] in "-+−" and m.group()[1:2].isdigit()
        if signed or any(low[at].isnumeric() and (at not in read or at in glued) for at in range(*m.span())):
            words.append(m.span())
    for a in found:
        per = _PER.match(low, a.end) if a.unit else None
        if per and per.group() not in note:
            return "unit-not-in-quote", "It gives a number with a unit that the words quoted do not give."
    for start, end in words:
        token = low[start:end].strip(".,;:()[]\"'!?")
        if token and not re.search(rf"(?<!\w){re.escape(token)}(?!\w)", note):
            return "number-not-in-quote", "It gives a figure that cannot be read and that the words quoted do not have."
    return None


def _pairs_doubt(low: str, evidence: Evidence) -> Doubt | None:
    """A dose that the sentence gives for another medicine, or that it only changes from."""
    if low.strip(" .\n") in evidence.wide.low:
        return None
    around = sorted([*evidence.readings, *evidence.beside()], key=lambda r: r.clause.span.start)
    medicines = {word for r in around if own_drug(r) for word in (r.drug or "").split()}
    for amount in _with_forms(low):
        drug = _medicine_of(amount, low, medicines) if amount.unit in DOSE_UNITS else None
        if drug is None:
            continue
        now, before = _doses_of(drug, around)
        if (now or before) and amount.key not in now | before:
            return "number-not-in-quote", "It gives a dose that the words quoted do not give for this medicine."
        if amount.key in before - now and not _SAYS_OLD.search(low):
            return "number-not-in-quote", "It gives the dose before a change, or the change, as the dose."
    return None


def _doses_of(drug: str, around: list[Reading]) -> tuple[set[Key], set[Key]]:
    """The doses that clauses give for a medicine, as they are to be, and those that they only change from or by."""
    now: set[Key] = set()
    before: set[Key] = set()
    taking = False
    for r in around:
        taking = names(r, [drug]) or (taking and not own_drug(r))
        if not taking:
            continue
        low = r.clause.low
        old = {a.key for a in amounts(low) if _BEFORE_CHANGE.search(low[: a.start])}
        before |= {key for key in old if key[1] in DOSE_UNITS}
        now |= {key for key in _keys(low) - old if key[1] in DOSE_UNITS}
    return now, before


def _medicine_of(amount: Amount, low: str, medicines: set[str]) -> str | None:
    """The medicine that a dose is given for: the one right after it, else the last one before, else the next."""

    def named(text: str) -> list[str]:
        return [w for w in re.findall(r"[a-z][a-z-]{2,}", text) if is_drug(w) or w in medicines]

    next_word = re.match(r" ?(?:of |de |d')?[a-z][a-z-]{2,}", low[amount.end :])
    close = named(next_word.group()) if next_word else []
    return next(iter(close or named(low[: amount.start])[-1:] or named(low[amount.end :])), None)
