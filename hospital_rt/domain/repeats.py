"""Repeats of an open slot within the day: how often, how many, and the hours in which none comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import to_millisecond
from hospital_rt.domain.schedule import Schedule

NIGHT_BEGINS, NIGHT_ENDS = time(22), time(7)
PUNCTUAL_MINUTES = 5  # a reminder recorded within so many minutes counts from the time at which it was due


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatRule:
    """What the patient chose.

    Args:
        every_minutes: the time from one reminder of a slot to its next.
        most: how many such repeats a slot has at most.
        since: when ``every_minutes`` was chosen while the step ran: repeats are counted from then.
    """

    every_minutes: int
    most: int
    since: datetime | None = None


def minutes(count: int, schedule: Schedule) -> timedelta:
    """So many minutes; with ``day_seconds`` the same share of that day.

    >>> from datetime import date
    >>> minutes(30, Schedule(start_date=date(2027, 3, 1), day_seconds=1440))
    datetime.timedelta(seconds=30)
    """
    return schedule.one_day * count / 1440


def is_night(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the patient's clock is between 22:00 and 07:00."""
    at = moment.astimezone(zone).time()
    return at >= NIGHT_BEGINS or at < NIGHT_ENDS


def repeat_within_day(
    rule: RepeatRule, schedule: Schedule, *, slot_at: datetime, reminded_at: datetime, zone: ZoneInfo
) -> datetime | None:
    """When a slot is repeated after the reminder at ``reminded_at``; None where that is at night.

    A slot that is due at night is repeated at night. Shortened days have no night.
    """
    last = max(reminded_at, rule.since) if rule.since else reminded_at
    at = to_millisecond(last + minutes(rule.every_minutes, schedule))
    if schedule.day_seconds is None and is_night(at, zone) and not is_night(slot_at, zone):
        return None
    return at


def reminded_at(due_at: datetime, schedule: Schedule, *, now: datetime) -> datetime:
    """From when the next repeat is counted: from the time at which the reminder was due, or from now if it is late."""
    return due_at if now - due_at <= minutes(PUNCTUAL_MINUTES, schedule) else now
