"""As-needed steps: each use, and how often a note allows it (contract, "Checklist and as-needed steps").

Pure functions of their arguments.

Limits are in real hours, also where the days of reminders are shortened (``DAY_SECONDS``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

DAY = timedelta(hours=24)
SAME_USE_WITHIN = timedelta(minutes=1)  # closer ones are one use, unless they were sent under different keys
MAX_KEPT = 100  # uses that are stored with the step; the ledger has them all


@dataclass(frozen=True, slots=True, kw_only=True)
class UseLimits:
    """``max_per_day`` is of any 24 hours."""

    min_gap_hours: float | None = None
    max_per_day: int | None = None

    @property
    def gap(self) -> timedelta:
        return timedelta(hours=self.min_gap_hours or 0)


class GivenLimits(Protocol):
    """Limits as a note or its author gives them."""

    @property
    def min_gap_hours(self) -> float | None: ...

    @property
    def max_per_day(self) -> int | None: ...


def use_limits(given: GivenLimits | None) -> UseLimits | None:
    """What is given, or None when it limits nothing."""
    if given is None or not (given.min_gap_hours or given.max_per_day):
        return None
    return UseLimits(min_gap_hours=given.min_gap_hours, max_per_day=given.max_per_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use: when it was, whether it was done or skipped, and the hashed key under which it was sent."""

    at: datetime
    done: bool = True
    key: str | None = None


def is_same_use(uses: Sequence[Use], at: datetime, key: str | None) -> bool:
    """Whether a check-in is one that is recorded already: within a minute of it, and not under two keys."""
    return any(abs(use.at - at) < SAME_USE_WITHIN and (not key or not use.key or use.key == key) for use in uses)


def next_allowed_at(limits: UseLimits | None, uses: Sequence[Use], now: datetime) -> datetime | None:
    """When the next use is within the limits; None when it is now."""
    if limits is None:
        return None
    done = sorted((use.at for use in uses if use.done), reverse=True)
    moments = [done[0] + limits.gap] if done and limits.gap else []
    if limits.max_per_day and len(done) >= limits.max_per_day:
        moments.append(done[limits.max_per_day - 1] + DAY)
    soonest = max(moments, default=now)
    return soonest if soonest > now else None


def is_over_limit(limits: UseLimits | None, uses: Sequence[Use], at: datetime) -> bool:
    """Whether one more use at that time, perhaps earlier than others, is more than the limits allow."""
    if limits is None:
        return False
    done = [use.at for use in uses if use.done]
    if any(abs(other - at) < limits.gap for other in done):
        return True
    if not limits.max_per_day:
        return False
    together = sorted([*done, at])
    ends = [end for end in together if at <= end < at + DAY]
    return any(sum(end - DAY < other <= end for other in together) > limits.max_per_day for end in ends)


def changes_at(limits: UseLimits | None, uses: Sequence[Use], now: datetime) -> datetime | None:
    """The next moment at which time alone changes what is counted or allowed."""
    moments = [use.at + DAY for use in uses if use.done and use.at + DAY > now]
    allowed = next_allowed_at(limits, uses, now)
    return min([*moments, *([allowed] if allowed else [])], default=None)
