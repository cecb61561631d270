"""What the rest of the house knows of an extractor, and of what the guard made of its answer.

One promise: nothing here prints clinical text; a failure says why in a published slug, never in a quotation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from hospital_rt.extraction.schema import Extraction, Item, Kind, PlanItem

REASONS: dict[str, str] = {
    "refused": "The language model declined to answer for this note.",
    "invalid-answer": "The language model did not answer in the agreed form, twice.",
    "truncated": "The language model's answer was cut off before its end.",
    "rejected": "The language model's service did not accept the request.",
    "rate-limited": "The language model's service is busy and asks us to wait.",
    "unavailable": "The language model's service could not be reached.",
    "timeout": "The language model's service did not answer in time.",
    "unauthorized": "The language model's service does not accept our key or model; an operator must look.",
}
"""Every reason why a call can fail, with a sentence for the doctor."""


class ExtractionFailed(Exception):
    """No answer, and nothing invented in its place.

    ``reason`` is one of ``REASONS``; ``retry`` says whether asking again later can help; ``retry_after_s`` is how long
    to wait at least, where that is known.
    """

    def __init__(self, reason: str, *, retry: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.retry_after_s = retry_after_s


class Extractor(Protocol):
    """Turns the text of a note into an answer that the guard has yet to judge."""

    name: str

    async def extract(self, text: str, *, day: date, names: Sequence[str] = ()) -> Extraction:
        """The steps in ``text``, a note written on the patient's local ``day``.

        ``names`` are people whom the house knows to be meant (the patient, the doctor): an extractor that sends the
        note elsewhere masks them first.

        Raises:
            ExtractionFailed: there is no answer.
        """
        ...

    async def warm(self) -> None:
        """Load what the first note would otherwise wait for. Nothing is asked of anybody."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An item that the note bears out; ``start`` and ``end`` are where its quote lies in the text (code points)."""

    kind: Kind
    item: Item | PlanItem = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """An item that the note does not bear out, with the reason: a slug, and a sentence for the doctor."""

    kind: Kind
    item: Item | PlanItem = field(repr=False)
    reason: str
    detail: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Unmatched:
    """Words of the note that read like an instruction and have no step."""

    quote: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """What the guard made of an answer."""

    kept: list[Kept]
    dropped: list[Dropped]
    unmatched: list[Unmatched]
    too_many: bool
