"""The shape of an extractor's answer, whoever answers: a checklist and a plan.

One promise: what passes here is bounded in size and typed to the letter (no coercion, no unknown members),
and never shows clinical text in a ``repr`` or an error message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints

MAX_ITEMS = 40
"""How many items a note may have in all; the guard keeps the first ones and says that there were more."""

CLOCK_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
ClockTime = Annotated[str, StringConstraints(pattern=CLOCK_TIME)]
Kind = Literal["checklist", "plan"]


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What it took to get an answer. Kept with the note; holds no clinical text."""

    model: str
    prompt_version: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: int = 0


class Item(BaseModel):
    """One thing that the patient is to do."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)] = Field(repr=False)
    detail: Annotated[str, StringConstraints(max_length=500)] | None = Field(default=None, repr=False)
    quote: str = Field(repr=False)
    as_needed: bool = False


class PlanItem(Item):
    """A step with a schedule. Days are counted from the day of the note, which is day 0."""

    start_in_days: int = Field(default=0, ge=0, le=365)
    times_per_day: int = Field(default=1, ge=1, le=24)
    every_hours: int | None = Field(default=None, ge=1, le=24)
    times: list[ClockTime] | None = None
    every_days: int = Field(default=1, ge=1, le=366)
    duration_days: int | None = Field(default=None, ge=1, le=730)
    miss_policy: Literal["extend", "fixed"] = "extend"


AnyItem = TypeVar("AnyItem", Item, PlanItem)


class Extraction(BaseModel):
    """An answer. ``meta`` says how it came about and is not part of the JSON."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    checklist: list[Item]
    plan: list[PlanItem]

    _meta: Meta | None = PrivateAttr(default=None)

    @property
    def meta(self) -> Meta | None:
        return self._meta

    def with_meta(self, meta: Meta) -> Extraction:
        """The same answer, with its account."""
        self._meta = meta
        return self
