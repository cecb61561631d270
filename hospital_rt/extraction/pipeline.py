"""A note read from end to end: sentences, local reader, the model's where there is one, agreement, guard, account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date

from hospital_rt.domain.schedule import Kind
from hospital_rt.extraction.account import account
from hospital_rt.extraction.agreement import agree
from hospital_rt.extraction.api import MAX_ITEMS, Item, Kept, Note, PlanItem, Reader, Reading, Result, Sentence
from hospital_rt.extraction.classifier import sentence_scores
from hospital_rt.extraction.classifier.features import clear_caches, sentence_features
from hospital_rt.extraction.compose import beyond
from hospital_rt.extraction.guard import check, judge
from hospital_rt.extraction.lexicon import LANGUAGES
from hospital_rt.extraction.local import SHOW, LocalReader
from hospital_rt.extraction.sentences import read_sentences

_LOCAL = LocalReader()


async def read_note(text: str, *, day: date, reader: Reader, names: Sequence[str] = ()) -> Result:
    """Read a note written on the patient's local ``day``.

    The local reader always reads; ``reader`` reads beside it when it is another one. ``names`` are people to mask
    before the note is sent anywhere.

    Raises:
        ExtractionFailed: ``reader`` has no answer.
    """
    note = await asyncio.to_thread(read_sentences, text, day=day)
    if isinstance(reader, LocalReader):
        return await asyncio.to_thread(settle, note, reader.read_now(note), reader)
    local = await asyncio.to_thread(_LOCAL.read_now, note)
    model = await reader.read(note, names=names)
    return await asyncio.to_thread(_settle_both, note, local, model, reader.name)


def read_now(text: str, *, day: date, reader: LocalReader | None = None) -> Result:
    """Read a note with the local reader, in the calling thread."""
    local = reader or _LOCAL
    note = read_sentences(text, day=day)
    return settle(note, local.read_now(note), local)


def _settle_both(note: Note, local: Reading, model: Reading, name: str) -> Result:
    def passes(kind: Kind, item: Item) -> bool:
        return check(note, kind, item) is None

    both = agree(note, local, model, passes=passes) if note.language in LANGUAGES else model
    return settle(note, both, _LOCAL, extracted_by=name)


def _rest_score(note: Note, local: LocalReader) -> Callable[[Sentence], float]:
    """How likely a part of a sentence carries something, judged in its sentence's place."""

    def score(part: Sentence) -> float:
        at = part.number - 1
        around = [*note.sentences[:at], part, *note.sentences[at + 1 :]]
        return local.models["sentence"].probability(sentence_features(around, at, note.language))

    return score


def settle(note: Note, reading: Reading, local: LocalReader, *, extracted_by: str = "local") -> Result:
    """Guard a reading, and account for every sentence."""
    items: list[tuple[Kind, int, Item | PlanItem]] = [
        *(("checklist", n, item) for n, item in enumerate(reading.checklist)),
        *(("plan", n, item) for n, item in enumerate(reading.plan)),
    ]
    items = [(kind, n, item.model_copy(update={"detail": beyond(item.title, item.detail)})) for kind, n, item in items]
    items.sort(key=lambda row: (row[2].start, row[2].end))
    passed, refused = judge(note, [(kind, item) for kind, _, item in items])
    kept = [Kept(kind=items[n][0], item=item, sure=items[n][:2] in reading.sure) for n, item in passed]
    dropped = [d for d in refused if d.reason != "duplicate"]  # what is said twice is one step
    covered = [(k.item.start, k.item.end) for k in kept] + [
        (d.item.start, d.item.end) for d in refused if d.reason == "duplicate"
    ]
    readable = note.language in LANGUAGES
    scores: Sequence[float] = reading.scores or [0.0] * len(note.sentences)
    if readable and not reading.scores:
        scores = sentence_scores(note.sentences, local.models["sentence"], note.language)
    unmatched, entries = account(
        note,
        scores,
        steps=covered,
        questions=[(q.start, q.end) for q in reading.questions],
        dropped=[(d.item.start, d.item.end) for d in dropped],
        clinic=reading.clinic,
        understood=reading.understood,
        show=SHOW,
        rest_score=_rest_score(note, local) if readable else None,
    )
    clear_caches()
    return Result(
        kept=kept[:MAX_ITEMS],
        questions=list(reading.questions),
        dropped=dropped,
        unmatched=unmatched,
        account=entries,
        too_many=len(kept) > MAX_ITEMS,
        extracted_by=extracted_by,
        language=note.language,
        meta=reading.meta,
    )
