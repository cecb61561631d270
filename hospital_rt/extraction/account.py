"""What became of each sentence: a step, a question, the clinic's own act, nothing, or shown to the author."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hospital_rt.extraction.acts import ORDERS, frames
from hospital_rt.extraction.api import AccountEntry, Fate, Note, Unmatched
from hospital_rt.extraction.lexicon import LANGUAGES

Span = tuple[int, int]


def account(
    note: Note,
    scores: Sequence[float],
    *,
    steps: Iterable[Span],
    questions: Iterable[Span],
    dropped: Iterable[Span],
    clinic: Iterable[Span],
    understood: frozenset[int],
    show: float,
) -> tuple[list[Unmatched], list[AccountEntry]]:
    """The sentences to show and the fate of every sentence, in order.

    ``scores``: how likely each sentence carries something for the patient; one of at least ``show`` that became
    nothing is shown, and so is one that opens as an order or a prohibition. Linear in the sentences and spans, which are taken in order of their place.
    """
    fates: dict[int, Fate] = {}
    for fate, spans in (("shown", dropped), ("clinic", clinic), ("question", questions), ("step", steps)):
        for number in _covered(note, spans):
            fates[number] = fate  # type: ignore[assignment]
    unmatched, entries = [], []
    must_show = frames(note.language).must_show if note.language in LANGUAGES else None
    for sentence, score in zip(note.sentences, scores, strict=True):
        became: Fate | None = fates.get(sentence.number)
        if became is None:
            likely = score >= show and sentence.number not in understood and _says_something(sentence.text)
            opens = must_show and sentence.section in ORDERS and must_show.match(sentence.text)
            shown = likely or bool(opens)
            became = "shown" if shown else "nothing"
            if shown:
                quote = note.text[sentence.start : sentence.end]
                unmatched.append(Unmatched(quote=quote, start=sentence.start, end=sentence.end))
        entries.append(AccountEntry(start=sentence.start, end=sentence.end, as_=became))
    return unmatched, entries


def _says_something(text: str) -> bool:
    """Whether a sentence could be an instruction at all: a figure in it, or three words."""
    return any(c.isdigit() for c in text) or len(text.split()) > 2


def _covered(note: Note, spans: Iterable[Span]) -> set[int]:
    found: set[int] = set()
    at = 0
    for start, end in sorted(spans):
        while at < len(note.sentences) and note.sentences[at].end <= start:
            at += 1
        here = at
        while here < len(note.sentences) and note.sentences[here].start < end:
            found.add(note.sentences[here].number)
            here += 1
    return found
