"""Shapes of the reading of a note: what a reader answers, what the guard leaves of it, and what becomes of each sentence.

Nothing here shows clinical text in a ``repr`` or in an error message. Offsets are code points in the note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hospital_rt.domain.schedule import Kind, Part, Weekday

MAX_ITEMS = 40
"""Items that a note may have in all; the first ones are kept and the note is marked ``too_many``."""

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
QuestionKind = Literal[
    "how-often",
    "how-long",
    "how-much",
    "which-medicine",
    "which-day",
    "contradiction",
    "implausible",
    "readers-differ",
    "other",
]
Fate = Literal["step", "question", "clinic", "nothing", "shown"]

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
"""Reasons why a reader can fail, each with a sentence for the doctor."""


class ExtractionFailed(Exception):
    """There is no answer, and nothing is invented in its place.

    ``reason`` is one of ``REASONS``; ``retry``: whether asking again later can help; ``retry_after_s``: how long to
    wait at least, where that is known.
    """

    def __init__(self, reason: str, *, retry: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.retry_after_s = retry_after_s


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Limits(_Shape):
    """Bounds on a medicine taken when needed: hours between two doses, doses in a day."""

    min_gap_hours: float | None = Field(default=None, gt=0, le=168)
    max_per_day: int | None = Field(default=None, ge=1, le=48)


class Item(_Shape):
    """One thing that the patient is to do."""

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] = Field(repr=False)
    detail: Annotated[str, StringConstraints(max_length=500)] | None = Field(default=None, repr=False)
    as_needed: bool = False
    limits: Limits | None = None
    quote: str = Field(repr=False)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    sentences: tuple[int, ...] = Field(default=(), exclude=True)


class PlanItem(Item):
    """An item with a schedule. Days count from the day of the note, which is day 0.

    With ``parts``, ``times_per_day`` is their number. An as-needed item has no reminders.
    """

    start_in_days: int = Field(default=0, ge=0, le=365)
    times_per_day: int = Field(default=1, ge=1, le=24)
    every_hours: int | None = Field(default=None, ge=1, le=24)
    times: list[ClockTime] | None = None
    parts: list[Part] | None = None
    every_days: int = Field(default=1, ge=1, le=366)
    weekdays: list[Weekday] | None = None
    every_months: int | None = Field(default=None, ge=1, le=24)
    on_day: Annotated[int, Field(ge=1, le=31)] | Literal["last"] | None = None
    duration_days: int | None = Field(default=None, ge=1, le=1000)
    miss_policy: Literal["extend", "fixed"] = "extend"


class Option(_Shape):
    """A ready answer to a question."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=80)] = Field(repr=False)
    kind: Kind
    item: PlanItem | Item = Field(repr=False)


class Question(_Shape):
    """What the note leaves open, to its author, with up to four ready answers, the likeliest first."""

    quote: str = Field(repr=False)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    question: QuestionKind
    text: str = Field(repr=False)
    options: list[Option] = Field(default_factory=list, max_length=4)


class Dropped(_Shape):
    """An item that the note does not bear out: a slug, and a sentence for the doctor."""

    kind: Kind
    item: PlanItem | Item = Field(repr=False)
    reason: str
    detail: str = Field(repr=False)


class Unmatched(_Shape):
    """Words of the note that read like an instruction and have no step."""

    quote: str = Field(repr=False)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class AccountEntry(_Shape):
    """What became of one sentence."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        serialize_by_alias=True,
    )

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    as_: Fate = Field(alias="as")


class Kept(_Shape):
    """An item that passed the guard. ``sure``: its whole clause was understood, and all readers say the same."""

    kind: Kind
    item: PlanItem | Item = Field(repr=False)
    sure: bool


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What it took to get a model's answer. Kept with the note; holds no clinical text."""

    model: str
    prompt_version: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """One sentence of a note: its number from 1, its text, where it stands, and under which heading."""

    number: int
    text: str = field(repr=False)
    start: int
    end: int
    section: str  # a name of sentences.SECTIONS, "" when unknown
    heading: str = field(default="", repr=False)  # the heading as written, e.g. a problem's name
    bullet: bool = False
    paragraph: int = 0  # the block of lines it stands in, from 0


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note as numbered sentences, written on the patient's local ``day``."""

    text: str = field(repr=False)
    day: date
    language: str  # BCP 47, "und" when unknown
    sentences: tuple[Sentence, ...] = field(repr=False)

    def sentence(self, number: int) -> Sentence | None:
        """The sentence with this number, or None."""
        return self.sentences[number - 1] if 1 <= number <= len(self.sentences) else None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a reader answers, before the guard. ``sure`` holds the items whose whole clause was understood."""

    checklist: list[Item] = field(default_factory=list, repr=False)
    plan: list[PlanItem] = field(default_factory=list, repr=False)
    questions: list[Question] = field(default_factory=list, repr=False)
    clinic: list[tuple[int, int]] = field(default_factory=list)  # spans of the clinic's own acts
    understood: frozenset[int] = frozenset()  # numbers of sentences that need not be shown
    scores: tuple[float, ...] = ()  # how likely each sentence carries something, where the reader judged it
    sure: frozenset[tuple[Kind, int]] = frozenset()  # (list, index in it)
    meta: Meta | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A note read, guarded and accounted for."""

    kept: list[Kept] = field(default_factory=list, repr=False)
    questions: list[Question] = field(default_factory=list, repr=False)
    dropped: list[Dropped] = field(default_factory=list, repr=False)
    unmatched: list[Unmatched] = field(default_factory=list, repr=False)
    account: list[AccountEntry] = field(default_factory=list)
    too_many: bool = False
    extracted_by: str = "local"
    language: str = "und"
    meta: Meta | None = None


class Reader(Protocol):
    """Reads the numbered sentences of a note; its answer is judged by the guard afterwards."""

    name: str

    async def read(self, note: Note, *, names: Sequence[str] = ()) -> Reading:
        """What the patient is to do. ``names`` are people to mask before the note is sent anywhere.

        Raises:
            ExtractionFailed: there is no answer.
        """
        ...

    async def warm(self) -> None:
        """Load what the first note would otherwise wait for."""
        ...

    async def close(self) -> None: ...
