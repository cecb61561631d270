"""Oracles for slots that share no code with the service: a clock read minute by minute, and python-dateutil."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil import rrule, tz

MINUTE = timedelta(minutes=1)


def clock_changes(zone: ZoneInfo, began: datetime, days: int) -> Iterator[datetime]:
    """The instants, to the second, at which clocks of a zone are put forward or back."""
    step = timedelta(hours=6)
    at, ends = began, began + timedelta(days=days)
    while at < ends:
        following = at + step
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            early, late = at, following
            while late - early > timedelta(seconds=1):
                middle = (early + (late - early) / 2).replace(microsecond=0)
                if middle.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset():
                    early = middle
                else:
                    late = middle
            yield late
        at = following


def read_clock(zone: ZoneInfo, around: datetime, *, hours: int = 30) -> dict[datetime, datetime]:
    """For each minute of the wall clock around an instant: when it is first shown, or, never shown, what comes first.

    Found by looking at the clock once a minute. Walls before the first look are not in it.
    """
    shown: dict[datetime, datetime] = {}
    at = around.replace(second=0, microsecond=0) - timedelta(hours=hours)
    lowest = at.astimezone(zone).replace(tzinfo=None)
    if lowest.second:
        lowest = lowest.replace(second=0) + MINUTE
    wanted = lowest
    while at <= around + timedelta(hours=hours):
        wall = at.astimezone(zone).replace(tzinfo=None)
        while wanted <= wall:
            shown[wanted] = at
            wanted += MINUTE
        at += MINUTE
    return shown


@lru_cache(maxsize=64)
def rfc_walls(
    start: date,
    times: Sequence[str],
    every_days: int,
    days: int,
    *,
    weekdays: Sequence[str] = (),
    every_months: int | None = None,
    on_day: int | str | None = None,
) -> tuple[datetime, ...]:
    """The wall times of a schedule as RFC 5545 has them: one rule for each clock time, expanded by dateutil.

    A month that is too short for its day RFC 5545 leaves out: of the days from the 28th to the one that is meant, the
    last that there is (BYSETPOS) is the contract's.
    """
    rules = rrule.rruleset()
    for text in times:
        hour, minute = map(int, text.split(":"))
        first = datetime.combine(start, time(hour, minute))
        last = datetime.combine(start, time(0)) + timedelta(days=days) - MINUTE
        if every_months:
            day = 31 if on_day == "last" else int(on_day or start.day)
            rule = rrule.rrule(
                rrule.MONTHLY,
                interval=every_months,
                dtstart=first,
                until=last,
                bymonthday=range(min(day, 28), day + 1),
                bysetpos=-1,
            )
        elif weekdays:
            rule = rrule.rrule(
                rrule.WEEKLY,
                interval=max(1, every_days // 7),
                dtstart=first,
                until=last,
                byweekday=[getattr(rrule, day[:2].upper()) for day in weekdays],
                wkst=start.weekday(),
            )
        else:
            rule = rrule.rrule(rrule.DAILY, interval=every_days, dtstart=first, until=last)
        rules.rrule(rule)
    return tuple(rules)


def rfc_moment(wall: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """The instant that dateutil gives to a wall time, and whether clocks show that wall time at all.

    A skipped time it moves on by what was skipped (02:30 becomes 03:30), as RFC 5545 says; the contract says the
    first minute that exists (03:00). On a time shown twice both mean the first.
    """
    aware = wall.replace(tzinfo=zone, fold=0)
    exists = tz.datetime_exists(aware)
    return tz.resolve_imaginary(aware).astimezone(UTC), exists
