"""Moments, days and clock times: from a patient's wall clock to UTC, across clock changes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import overload
from zoneinfo import ZoneInfo, available_timezones

_WIRE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?Z\Z", re.ASCII)
_CLOCK_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d\Z", re.ASCII)


def utcnow() -> datetime:
    """This moment, aware and UTC, to the millisecond that MongoDB keeps."""
    return to_millisecond(datetime.now(UTC))


def to_millisecond(moment: datetime) -> datetime:
    """The moment cut to whole milliseconds, so that what is stored equals what was decided."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@overload
def to_wire(moment: datetime) -> str: ...
@overload
def to_wire(moment: datetime | None) -> str | None: ...
def to_wire(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, with milliseconds only when there are any; None stays None.

    >>> to_wire(datetime(2026, 3, 2, 8, tzinfo=UTC))
    '2026-03-02T08:00:00Z'
    """
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z"


def from_wire(text: str) -> datetime:
    """The moment that a client sent back.

    Raises:
        ValueError: not a moment in the form of :func:`to_wire`.
    """
    found = _WIRE.match(text)
    if not found:
        raise ValueError("not a moment such as 2026-03-02T08:00:00Z")
    *parts, fraction = found.groups()
    micro = int((fraction or "0").ljust(6, "0"))
    # The pattern gives year to second.
    return datetime(*(int(part) for part in parts), microsecond=micro, tzinfo=UTC)  # type: ignore[arg-type, misc]


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """The IANA names that an account may carry."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def is_clock_time(text: str) -> bool:
    """Whether it reads as ``HH:MM`` of one day."""
    return bool(_CLOCK_TIME.match(text))


@lru_cache(maxsize=8192)
def moment_at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment, UTC, at which clocks in ``zone`` show ``at`` on ``day``.

    A time that the clocks skip moves to the first minute that exists, also where a whole date is skipped;
    a time shown twice is its first showing.

    >>> moment_at(date(2026, 3, 29), time(2, 30), ZoneInfo("Europe/Berlin"))
    datetime.datetime(2026, 3, 29, 1, 0, tzinfo=datetime.timezone.utc)
    """
    wall = datetime.combine(day, at)
    guess = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if guess.astimezone(zone).replace(tzinfo=None) == wall:
        return guess
    # In a gap: fold 1 reads the wall with the offset after the change, so the change lies between the two.
    early, late = sorted((guess, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)))
    early -= timedelta(minutes=1)
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle <= early:
            break
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The patient's date at that moment."""
    return moment.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of that date, UTC."""
    return moment_at(day, time(0, 0), zone)


@lru_cache(maxsize=1440)
def parse_clock_time(text: str) -> time:
    """``"09:00"`` as a time of day."""
    return time(int(text[:2]), int(text[3:5]))


def clock_times(reminder_time: str, *, times_per_day: int, every_hours: int | None = None) -> tuple[str, ...]:
    """The clock times of a day's slots, from the patient's reminder time (contract, "Clock times").

    >>> clock_times("09:00", times_per_day=3)
    ('09:00', '15:00', '21:00')
    >>> clock_times("09:00", times_per_day=3, every_hours=8)
    ('01:00', '09:00', '17:00')
    """
    first = int(reminder_time[:2]) * 60 + int(reminder_time[3:5])
    if every_hours:
        count = max(1, 24 // every_hours)
        gap = 24 * 60 / count
    else:
        count = times_per_day
        gap = 720.0 if count == 2 else 720 / max(1, count - 1)
    minutes = [first + (round(number * gap / 5) * 5 if number else 0) for number in range(count)]
    return tuple(sorted(f"{minute // 60 % 24:02d}:{minute % 60:02d}" for minute in minutes))
