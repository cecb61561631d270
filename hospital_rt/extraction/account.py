"""What became of each sentence: a step, a question, the clinic's own act, nothing, or shown to the author."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from hospital_rt.extraction.acts import ORDERS, frames
from hospital_rt.extraction.api import AccountEntry, Fate, Note, Sentence, Unmatched
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
    rest_score: Callable[[Sentence], float] | None = None,
) -> tuple[list[Unmatched], list[AccountEntry]]:
    """The sentences to show and the fate of every sentence, in order.

    ``scores``: how likely each sentence carries something for the patient; one of at least ``show`` that became
    nothing is shown, and so is one that opens as an order or a prohibition. ``rest_score`` judges what a step leaves of its
    sentence: a rest that is likely to carry something more is shown too. Linear in the sentences and spans, which are taken in order of their place.
    """
    fates: dict[int, Fate] = {}
    kinds = (("shown", [*dropped]), ("clinic", [*clinic]), ("question", [*questions]), ("step", [*steps]))
    told = sorted(span for _, spans in kinds for span in spans)
    for fate, spans in kinds:
        for number in _covered(note, spans):
            fates[number] = fate  # type: ignore[assignment]
    unmatched, entries = [], []
    must_show = frames(note.language).must_show if note.language in LANGUAGES else None
    for sentence, score in zip(note.sentences, scores, strict=True):
        became: Fate | None = fates.get(sentence.number)
        if became is None:
            likely = score >= show and sentence.number not in understood and _says_something(sentence.text)
            label = _LABEL.match(sentence.text)
            opens = (
                must_show and sentence.section in ORDERS and must_show.match(sentence.text, label.end() if label else 0)
            )
            # What was stopped is shown: the patient may have it at home.
            ended = sentence.section == "stopped" and _STOPPED.search(sentence.heading)
            shown = likely or bool(opens or ended)
            became = "shown" if shown else "nothing"
            if shown:
                quote = note.text[sentence.start : sentence.end]
                unmatched.append(Unmatched(quote=quote, start=sentence.start, end=sentence.end))
        elif became in ("step", "question") and rest_score is not None and score >= show:
            rests = _rests(note, sentence, told)
            unmatched += [
                Unmatched(quote=r.text, start=r.start, end=r.end) for r in rests if rest_score(r) >= SHOW_REST
            ]
        entries.append(AccountEntry(start=sentence.start, end=sentence.end, as_=became))
    return unmatched, entries


SHOW_REST = 0.6
"""The rest of a sentence of which a step was made is shown from here on."""
MIN_REST = 4
"""Words of a rest that can say something."""
_OPENS_ORDER = re.compile(
    r"(?:i|we|he|she|you|they|(?:the )?patient|pt)(?: (?:am|are|is|was|were|has|have|had|been|will|would|should|also|then|like|"
    r"going|need|needs|want|plan|planning|recommend\w*|advis\w+|ask\w*|told|instructed|him|her|them|you|that|he|she|to))*",
    re.I,
)
"""The opening of an order without what it orders: "We are going to"."""
_LABEL = re.compile(r"(?:[^:.,]{1,30}:\s+)?")
_STOPPED = re.compile(r"stop|discontinu|held|do not take", re.I)
_EDGE = re.compile(r"^\W*(?:(?:and|then|but|or|also|with|of|as)\b\W*)*|\W+$", re.I)


def _rests(note: Note, sentence: Sentence, told: Sequence[Span]) -> Iterator[Sentence]:
    """The stretches of a sentence that no step, question or dropped item covers, each as a sentence of its own."""
    at = sentence.start
    spans = [span for span in told if span[0] < sentence.end and span[1] > sentence.start]
    for start, end in [*sorted(spans), (sentence.end, sentence.end)]:
        if start > at:
            text = note.text[at:start]
            lead = _EDGE.match(text)
            begin = at + (lead.end() if lead else 0)
            stop = at + len(text.rstrip(" ,.;:-–—\n\t"))
            said = note.text[begin:stop]
            if len(said.split()) >= MIN_REST and not _OPENS_ORDER.fullmatch(said):
                yield replace(sentence, text=said, start=begin, end=stop)
        at = max(at, end)


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
