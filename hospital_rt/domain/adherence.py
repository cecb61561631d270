"""Adherence: done of due by day and by month, and patients in order of need (contract, "Adherence")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Literal

Need = Literal["silent", "slipping", "on_course"]
Why = Literal["two-unanswered", "under-60", "down-20", "skipped-3"]
SAME_TIME_WITHIN = timedelta(minutes=60)  # slots this close count as one time to answer
COUNTED = frozenset({"done", "skipped", "missed"})


@dataclass(frozen=True, slots=True)
class SlotResult:
    """One slot of the ledger as it counts."""

    step_id: str
    day: date
    slot_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class DayCount:
    day: date
    due: int
    done: int
    skipped: int

    @property
    def missed(self) -> int:
        return self.due - self.done - self.skipped


@dataclass(frozen=True, slots=True)
class AdherenceSummary:
    """A patient's last days in figures."""

    days: tuple[DayCount, ...]
    adherence: float | None
    missed_in_a_row: int
    unanswered_in_a_row: int
    need: Need
    why: Why | None


def count_days(results: Iterable[SlotResult], *, last: date, days: int) -> tuple[DayCount, ...]:
    """One count a local day, oldest first, ending with ``last``."""
    tally: dict[date, list[str]] = {}
    for result in results:
        if result.state in COUNTED:
            tally.setdefault(result.day, []).append(result.state)
    found = []
    for back in range(days - 1, -1, -1):
        day = last - timedelta(days=back)
        states = tally.get(day, ())
        found.append(DayCount(day, len(states), states.count("done"), states.count("skipped")))
    return tuple(found)


def kept_share(days: Sequence[DayCount]) -> float | None:
    """Done of due, or None when nothing was due."""
    due = sum(day.due for day in days)
    return sum(day.done for day in days) / due if due else None


def summarize(
    results: Sequence[SlotResult], *, last: date, days: int = 30, same_time_within: timedelta = SAME_TIME_WITHIN
) -> AdherenceSummary:
    """What the doctor's list shows of a patient: ``results`` are those of the last ``days`` local days.

    Args:
        same_time_within: slots this close are one time to answer; less where a day is shortened.
    """
    counts = count_days(results, last=last, days=days)
    adherence = kept_share(counts)
    newest = sorted(
        (result for result in results if result.state != "withdrawn"), key=lambda result: result.slot_at, reverse=True
    )
    closed = (result.state for result in newest if result.state != "open")
    missed = sum(1 for _ in takewhile(lambda state: state == "missed", closed))
    unanswered = _unanswered(newest, same_time_within)
    need, why = _need(results, counts, adherence, unanswered)
    return AdherenceSummary(counts, adherence, missed, unanswered, need, why)


def _unanswered(newest: Sequence[SlotResult], same_time_within: timedelta) -> int:
    """How many of the newest due times went by without any answer.

    What is due within ``same_time_within`` of a due time is one time to answer: two doses minutes apart are not
    silence.
    """
    answered: list[bool] = []
    at: datetime | None = None
    for result in newest:
        if at is None or at - result.slot_at > same_time_within:
            at = result.slot_at
            answered.append(False)
        answered[-1] = answered[-1] or result.state in {"done", "skipped"}
    return sum(1 for _ in takewhile(lambda is_answered: not is_answered, answered))


def _need(
    results: Sequence[SlotResult], counts: Sequence[DayCount], adherence: float | None, unanswered: int
) -> tuple[Need, Why | None]:
    if unanswered >= 2:
        return "silent", "two-unanswered"
    if adherence is not None and adherence < 0.6:
        return "slipping", "under-60"
    lately, before = kept_share(counts[-14:]), kept_share(counts[-28:-14])
    if lately is not None and before is not None and round(before - lately, 9) >= 0.2:
        return "slipping", "down-20"
    skipped = Counter(result.step_id for result in results if result.state == "skipped")
    if skipped and max(skipped.values()) >= 3:
        return "slipping", "skipped-3"
    return "on_course", None
