"""The guard: judges every answer against the note, whoever gave it.

One promise: an item that comes through is quoted from the note word for word, from words that order something of the
patient, and none of its numbers, medicines or days is anybody's invention; everything else is listed with a reason.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from difflib import SequenceMatcher

from hospital_rt.extraction import figures, support, timetable
from hospital_rt.extraction.amounts import DOSE_UNITS, amounts
from hospital_rt.extraction.contrary import apart, contrary_doubt
from hospital_rt.extraction.evidence import Evidence, Note
from hospital_rt.extraction.interface import Dropped, Guarded, Kept, Unmatched
from hospital_rt.extraction.intrusion import is_intrusion
from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.memo import remembering
from hospital_rt.extraction.offline import instruction_like
from hospital_rt.extraction.schema import MAX_ITEMS, AnyItem, Extraction, Item, Kind, PlanItem
from hospital_rt.extraction.signs import signs_doubt
from hospital_rt.extraction.stance import WHY
from hospital_rt.extraction.support import Doubt
from hospital_rt.extraction.text import compose, find_quote, same_length_plain

_MAX_PLACES = 8
_MAX_SENTENCES = 3
_MAX_UNMATCHED = 40
_NEVER = frozenset({"negated", "prohibited", "past", "state", "someone-else", "undecided"})


def guard(text: str, extraction: Extraction, *, day: date) -> Guarded:
    """Judge an answer: what the note bears out, what it does not and why, and what has no step.

    ``day`` is the local day on which the note was written. Kept items carry their quote as the note writes it, stand in
    the order of the note, and are at most ``MAX_ITEMS``; clock times and ``every_hours`` that the note does not give
    are taken off them, since those are the service's to choose.
    """
    composed, places = compose(text)
    if composed != text:
        return _placed(guard(composed, _composed(extraction), day=day), text, places)
    with remembering():
        return _guard(text, extraction, day)


def _guard(text: str, extraction: Extraction, day: date) -> Guarded:
    note = Note.of(text, day)
    kept: list[Kept] = []
    dropped: list[Dropped] = []
    rows: list[tuple[Kind, Item | PlanItem]] = [("checklist", item) for item in extraction.checklist]
    rows += [("plan", item) for item in extraction.plan]
    touched: list[tuple[int, int]] = []
    for kind, item in rows:
        verdict = _judge(note, kind, item)
        if isinstance(verdict, Kept):
            double = _double_of(note, verdict, kept)
            if double is None:
                kept.append(verdict)
                continue
            if double.end <= verdict.start:  # the note says it again: its last word holds
                kept[kept.index(double)], item = verdict, double.item
            reason, why = "duplicate", "It says again what another step says."
        else:
            reason, why = verdict
        dropped.append(Dropped(kind=kind, item=item, reason=reason, detail=why))
        touched += find_quote(note.folded, item.quote)[:1]
    kept.sort(key=lambda k: (k.start, k.end))
    for late in kept[MAX_ITEMS:]:
        dropped.append(Dropped(kind=late.kind, item=late.item, reason="too-many", detail=_TOO_MANY))
    kept = kept[:MAX_ITEMS]
    touched += [(k.start, k.end) for k in kept]
    return Guarded(kept=kept, dropped=dropped, unmatched=_unmatched(note, touched), too_many=len(rows) > MAX_ITEMS)


def _composed(extraction: Extraction) -> Extraction:
    """An answer about a note that has characters which cannot be seen: it is read without them, too."""

    def seen(item: AnyItem) -> AnyItem:
        said = {name: getattr(item, name) for name in ("title", "detail", "quote")}
        return item.model_copy(update={name: words and compose(words)[0] for name, words in said.items()})

    return Extraction(checklist=[seen(i) for i in extraction.checklist], plan=[seen(p) for p in extraction.plan])


def _placed(found: Guarded, text: str, places: list[int]) -> Guarded:
    """What was found in the composed text, with its places in the text as it was written."""

    def moved(k: Kept) -> Kept:
        start, end = places[k.start], places[k.end]
        return replace(k, item=k.item.model_copy(update={"quote": text[start:end]}), start=start, end=end)

    unmatched = [
        Unmatched(quote=text[places[u.start] : places[u.end]], start=places[u.start], end=places[u.end])
        for u in found.unmatched
    ]
    return replace(found, kept=[moved(k) for k in found.kept], unmatched=unmatched)


_TOO_MANY = f"A note can have {MAX_ITEMS} steps; this one comes after them."


def _judge(note: Note, kind: Kind, item: Item | PlanItem) -> Kept | Doubt:
    """The item as it may be kept, or the reason why not. A quote that stands in several places is tried at each."""
    if not item.quote.strip():
        return "quote-missing", "It does not quote the note."
    places = find_quote(note.folded, item.quote)
    if not places:
        return "quote-not-in-note", "What it quotes is not in the note."
    if is_intrusion(f"{item.title} {item.detail or ''}"):
        return "software", WHY["software"]
    doubt = signs_doubt(item, note.text)
    if doubt is not None:
        return doubt
    first: Doubt | None = None
    for start, end in places[:_MAX_PLACES]:
        verdict = _judge_at(note, kind, item, start, end)
        if isinstance(verdict, Kept):
            return verdict
        first = first or verdict
    return first or ("quote-not-in-note", "What it quotes is not in the note.")


def _judge_at(note: Note, kind: Kind, item: Item | PlanItem, start: int, end: int) -> Kept | Doubt:
    if any(span.overlaps(start, end) for span in note.shut):
        return "software", WHY["software"]
    evidence = note.evidence(start, end)
    if evidence.sentences_spanned > _MAX_SENTENCES:
        return "quote-too-long", "It quotes so much of the note that nothing follows from it."
    doubt = support.quote_doubt(evidence)
    if doubt is not None:
        return doubt
    said = same_length_plain(f"{item.title} . {item.detail or ''}")
    evidence = evidence.narrowed(support.naming(said, evidence))
    evidence = evidence.for_doses({a.key for a in amounts(said) if a.unit in DOSE_UNITS})
    doubt = (
        _stance_doubt(kind, evidence)
        or support.words_doubt(item, evidence)
        or contrary_doubt(item, evidence)
        or support.order_doubt(item, evidence)
        or figures.numbers_doubt(item, evidence)
    )
    if doubt is None and isinstance(item, PlanItem):
        doubt = timetable.schedule_doubt(item, evidence)
    if doubt is not None:
        return doubt
    changes: dict[str, object] = {"quote": note.text[start:end]}
    if isinstance(item, PlanItem):
        changes["times"] = timetable.clock_kept(item, evidence)
        changes["every_hours"] = timetable.hours_kept(item, evidence)
    return Kept(kind=kind, item=item.model_copy(update=changes), start=start, end=end)


def _stance_doubt(kind: Kind, evidence: Evidence) -> Doubt | None:
    """The words quoted order nothing: they tell what was, is refused, somebody else does, or the like."""
    reasons = [r.why_not for r in evidence.readings]
    if not reasons or any(reason is None for reason in reasons):
        return None
    reason = reasons[0] or ""
    if reason in _NEVER or (reason == "stopped" and kind == "plan"):
        return reason, WHY[reason]
    return None


def _double_of(note: Note, new: Kept, kept: list[Kept]) -> Kept | None:
    """The step that says the same already: of the same schedule, and the same title for the same words, or the same
    medicine in the same clause or the same dose."""
    for old in kept:
        if old.kind != new.kind or _schedule(old.item) != _schedule(new.item):
            continue
        if old.item.as_needed != new.item.as_needed:
            continue
        a, b = same_length_plain(old.item.title), same_length_plain(new.item.title)
        overlap = min(old.end, new.end) > max(old.start, new.start)
        if overlap and (a == b or SequenceMatcher(None, a, b, autojunk=False).ratio() > 0.8):
            return old
        if _is_same_medicine(note, old, new, a, b):
            return old
    return None


def _is_same_medicine(note: Note, old: Kept, new: Kept, a: str, b: str) -> bool:
    """Whether two steps would have a patient take the same twice ("amoxicillin TDS" and "for 7/7" of one line)."""
    if {w for w in _words(a) if is_drug(w)} != {w for w in _words(b) if is_drug(w)} or not any(map(is_drug, _words(a))):
        return False
    if apart(a, b):
        return False
    doses = [{x.key for x in amounts(title) if x.unit in DOSE_UNITS} for title in (a, b)]
    clauses = [{r.clause.span for r in note.evidence(k.start, k.end).readings} for k in (old, new)]
    if clauses[0] & clauses[1]:
        return not (doses[0] and doses[1]) or bool(doses[0] & doses[1])
    return bool(doses[0]) and doses[0] == doses[1]


def _words(low: str) -> list[str]:
    return re.findall(r"[a-z][a-z-]{2,}", low)


def _schedule(item: Item | PlanItem) -> tuple[object, ...]:
    if not isinstance(item, PlanItem):
        return ()
    return item.start_in_days, item.times_per_day, item.every_days, item.duration_days, tuple(item.times or ())


def _unmatched(note: Note, touched: list[tuple[int, int]]) -> list[Unmatched]:
    """Clauses that read like an instruction and that no item, kept or dropped, is about."""
    found = []
    for r in note.readings:
        span = r.clause.span
        covered = sum(max(0, min(span.end, end) - max(span.start, start)) for start, end in touched)
        if covered * 3 < span.end - span.start and instruction_like(r):
            found.append(Unmatched(quote=span.text, start=span.start, end=span.end))
    return found[:_MAX_UNMATCHED]
