"""Snooze: the open slot of a course is reminded later (contract, "Snooze")."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import to_millisecond
from hospital_rt.domain.course import Course, CourseChange, Slot, end_at
from hospital_rt.domain.errors import Conflict, Invalid
from hospital_rt.domain.repeats import minutes


def snooze(
    course: Course,
    *,
    slot_at: datetime,
    count: int,
    now: datetime,
    zone: ZoneInfo,
    recalled: Slot | None = None,
) -> CourseChange:
    """Repeat the open slot in ``count`` minutes, and not before. The caller lets time pass first.

    The minutes count from ``now``, or from a repeat within the day that was recorded since: a request may wait while
    the database is away.
    ``recalled`` is a ledger row beyond the window.

    Raises:
        DomainError: 422 no such slot, or too long: its next slot or the end of the course comes first; 409
            ``slot-closed`` for a slot that is not open.
    """
    timeline, waiting = course.timeline(zone), course.open_slot
    if waiting is None or waiting.at != slot_at:
        is_kept = recalled is not None or any(kept.at == slot_at for kept in course.window)
        if not is_kept and timeline.find(slot_at) is None:
            raise Invalid("#/slot", "This step has no such slot.")
        raise Conflict("slot-closed", "Only a slot that is open can be put off.")
    until = to_millisecond(max(now, waiting.reminded_at or waiting.at) + minutes(count, course.schedule))
    following, end = timeline.after(course.passed), end_at(course, zone)
    if following is not None and until >= timeline.moment(following):
        raise Invalid("#/minutes", "This step is due again before then.")
    if end is not None and until >= end:
        raise Invalid("#/minutes", "The days of this step are over by then.")
    later = replace(waiting, snoozed_until=until)
    window = tuple(later if slot.number == later.number else slot for slot in course.window)
    return CourseChange(replace(course, window=window), (later,))
