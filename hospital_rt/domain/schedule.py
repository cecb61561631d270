"""When a plan step is due: its slots as numbers, and each number's moment.

A schedule has *rounds*: its days in order, counted from 0. They are every ``every_days``-th day from ``start_date``,
or its ``weekdays``, or ``on_day`` of every ``every_months``-th month (contract, "Schedule"). Slot ``k`` of a step
with ``n`` clock times a day is time ``k mod n`` of round ``k div n``. The number never depends on a time zone, so
that a slot keeps its identity when the patient travels; its moment does. Moments never go back as numbers go up. With
``day_seconds`` a day is that many seconds from activation and the zone has no effect (contract, "Shortened days").
Everything here is a pure function of its arguments.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import clock_times, local_day, moment_at, parse_clock_time, start_of_day, to_millisecond

MissPolicy = Literal["extend", "fixed"]
TimesFrom = Literal["reminder_time", "day_parts", "note"]
Kind = Literal["checklist", "plan"]
"""What a step is: done once or on a condition, or repeated by a schedule."""
Part = Literal["morning", "noon", "evening", "bedtime"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
OnDay = int | Literal["last"]
PARTS: tuple[Part, ...] = get_args(Part)
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTimes:
    """When the parts of a patient's day are, as ``HH:MM``; ``morning`` is the reminder time."""

    morning: str = "09:00"
    noon: str = "12:30"
    evening: str = "18:30"
    bedtime: str = "22:00"

    def of(self, parts: tuple[Part, ...]) -> tuple[str, ...]:
        """The clock times of these parts, sorted: one for each, also where two are alike."""
        return tuple(sorted(getattr(self, part) for part in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What the note said about when. ``times`` are sorted ``HH:MM`` in the patient's own zone.

    Args:
        parts: the parts of the day that the note names, in the order of the day.
        weekdays: the days of the week, in the order of ``WEEKDAYS``; with them ``every_days`` is 1, or 7 for each
            week between two of them (14: every other week, weeks counted from ``start_date``).
        every_months: with it ``every_days`` has no effect; months are counted from that of ``start_date``.
        on_day: the day of the month, None: that of ``start_date``. In a shorter month it is the last day.
    """

    start_date: date
    start_in_days: int = 0
    times: tuple[str, ...] = ("09:00",)
    times_from: TimesFrom = "reminder_time"
    times_per_day: int = 1
    every_hours: int | None = None
    parts: tuple[Part, ...] = ()
    every_days: int = 1
    weekdays: tuple[Weekday, ...] = ()
    every_months: int | None = None
    on_day: OnDay | None = None
    duration_days: int | None = None
    miss_policy: MissPolicy = "extend"
    day_seconds: int | None = None

    @property
    def rounds(self) -> int | None:
        """On how many days the course is due as planned, at least one; None when it has no end."""
        if self.duration_days is None:
            return None
        return max(1, self._rounds_from_start(self.duration_days))

    @property
    def occurrences(self) -> int | None:
        """How many slots the course has, or None when it runs until it is cancelled (contract, "Schedule")."""
        return None if self.rounds is None else len(set(self.times)) * self.rounds

    @property
    def is_fixed(self) -> bool:
        return self.miss_policy == "fixed" and self.duration_days is not None

    @property
    def one_day(self) -> timedelta:
        """A day of this schedule: 24 hours, or ``day_seconds``."""
        return timedelta(seconds=self.day_seconds) if self.day_seconds else timedelta(days=1)

    def day_of(self, round_number: int) -> int:
        """Days from ``start_date`` to a round. On shortened days the first round is at once, whatever weekday it is.

        Raises:
            OverflowError: beyond the year 9999.
        """
        return self._day_from_start(round_number) - self._first_day

    def rounds_before(self, day_number: int) -> int:
        """How many rounds lie on earlier days than that one of the schedule."""
        return self._rounds_from_start(day_number + self._first_day)

    @property
    def _first_day(self) -> int:
        return self._day_from_start(0) if self.day_seconds else 0

    def _day_from_start(self, round_number: int) -> int:
        if self.every_months:
            return _month_day(self.start_date, self.every_months, self.on_day, round_number)
        if self.weekdays:
            offsets = _week_offsets(self.start_date.weekday(), self.weekdays)
            weeks, index = divmod(round_number, len(offsets))
            return weeks * self._week_days + offsets[index]
        return self.every_days * round_number

    def _rounds_from_start(self, day_number: int) -> int:
        if day_number <= 0:
            return 0
        if self.every_months:
            return _months_before(self.start_date, self.every_months, self.on_day, day_number)
        if self.weekdays:
            offsets = _week_offsets(self.start_date.weekday(), self.weekdays)
            weeks, days = divmod(day_number, self._week_days)
            return weeks * len(offsets) + bisect_left(offsets, days)
        return -(-day_number // self.every_days)

    @property
    def _week_days(self) -> int:
        """Days from a weekday to the next that counts: 7, or 14 for every other week."""
        return max(7, self.every_days // 7 * 7)

    @property
    def rrule(self) -> str:
        """The days as an RFC 5545 rule whose ``DTSTART`` is ``start_date``; ``COUNT`` counts days, as planned.

        >>> Schedule(start_date=date(2027, 3, 1), weekdays=("mon", "fri")).rrule
        'FREQ=WEEKLY;BYDAY=MO,FR'
        """
        if self.every_months:
            rule = "FREQ=MONTHLY" + (f";INTERVAL={self.every_months}" if self.every_months > 1 else "")
            rule += ";" + _by_month_day(self.on_day or self.start_date.day)
        elif self.weekdays:
            weeks = self._week_days // 7
            rule = "FREQ=WEEKLY" + (f";INTERVAL={weeks}" if weeks > 1 else "")
            rule += ";BYDAY=" + ",".join(day[:2].upper() for day in self.weekdays)
            if weeks > 1:
                rule += f";WKST={WEEKDAYS[self.start_date.weekday()][:2].upper()}"
        else:
            rule = "FREQ=DAILY" + (f";INTERVAL={self.every_days}" if self.every_days > 1 else "")
        return rule + (f";COUNT={self.rounds}" if self.rounds is not None else "")

    def at_day_times(self, day_times: DayTimes) -> Schedule:
        """The schedule for a patient's day, where its clock times came from that. Their number stays."""
        if self.times_from == "note":
            return self
        if self.times_from == "day_parts":
            return replace(self, times=day_times.of(self.parts))
        times = clock_times(day_times.morning, times_per_day=self.times_per_day, every_hours=self.every_hours)
        return replace(self, times=times)


def in_order(parts: list[Part] | tuple[Part, ...]) -> tuple[Part, ...]:
    """Parts of the day as the day has them, each once."""
    return tuple(part for part in PARTS if part in parts)


def in_week_order(weekdays: list[Weekday] | tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    """Weekdays from Monday on, each once."""
    return tuple(day for day in WEEKDAYS if day in weekdays)


@lru_cache(maxsize=1024)
def _week_offsets(first: int, weekdays: tuple[Weekday, ...]) -> tuple[int, ...]:
    """Days from a weekday (0 is Monday) to each of these in the seven days from it, in order."""
    return tuple(sorted((WEEKDAYS.index(day) - first) % 7 for day in weekdays))


@lru_cache(maxsize=8192)
def _month_day(start: date, every_months: int, on_day: OnDay | None, round_number: int) -> int:
    """Days from ``start`` to the day of the month of a round."""
    wanted = 31 if on_day == "last" else on_day or start.day
    late = min(wanted, monthrange(start.year, start.month)[1]) < start.day  # this month's is past: the next that counts
    year, month = divmod(start.year * 12 + start.month - 1 + every_months * (round_number + late), 12)
    if year > date.max.year:
        raise OverflowError("no such year")
    return (date(year, month + 1, min(wanted, monthrange(year, month + 1)[1])) - start).days


def _months_before(start: date, every_months: int, on_day: OnDay | None, day_number: int) -> int:
    end = start + timedelta(days=day_number)
    months = (end.year - start.year) * 12 + end.month - start.month
    found = max(0, months // every_months - 1)
    while _month_day(start, every_months, on_day, found) < day_number:
        found += 1
    return found


def _by_month_day(on_day: OnDay) -> str:
    """A shorter month has its last day: of the days that it has, the last (RFC 5545 leaves such months out)."""
    if on_day in ("last", 31):
        return "BYMONTHDAY=-1"
    if int(on_day) <= 28:
        return f"BYMONTHDAY={on_day}"
    return f"BYMONTHDAY={','.join(str(day) for day in range(28, int(on_day) + 1))};BYSETPOS=-1"


@dataclass(frozen=True, slots=True)
class Timeline:
    """A schedule laid out in time: from the moment it became active, on the patient's clock.

    Args:
        first: the first slot that exists; those before it were past when the step became active.
        kept: the instants of slots that came due or were answered, by number: no change of zone moves them.
    """

    schedule: Schedule
    activated_at: datetime
    zone: ZoneInfo
    first: int = 0
    kept: Mapping[int, datetime] = field(default_factory=dict)

    def day_number(self, slot: int) -> int:
        """Days from ``start_date`` to the slot's day."""
        return self.schedule.day_of(slot // len(self.schedule.times))

    def local_date(self, slot: int) -> date:
        """The slot's own date: on the patient's calendar, or with ``day_seconds`` the date it falls on."""
        if self.schedule.day_seconds:
            return local_day(self.moment(slot), self.zone)
        return self.schedule.start_date + timedelta(days=self.day_number(slot))

    def key(self, slot: int) -> str:
        """``2026-03-02#0``: local date and index in ``times``; ``d4#0`` for a shortened day. Never changes."""
        index = slot % len(self.schedule.times)
        if self.schedule.day_seconds:
            return f"d{self.schedule.start_in_days + self.day_number(slot)}#{index}"
        return f"{self.local_date(slot).isoformat()}#{index}"

    def moment(self, slot: int, *, days_later: int = 0) -> datetime:
        """When the slot is due, or its repetition that many days later."""
        schedule = self.schedule
        index = slot % len(schedule.times)
        if schedule.day_seconds:
            days = schedule.start_in_days + self.day_number(slot) + days_later + index / len(schedule.times)
            return to_millisecond(self.activated_at + days * schedule.one_day)
        day = schedule.start_date + timedelta(days=self.day_number(slot) + days_later)
        return moment_at(day, parse_clock_time(schedule.times[index]), self.zone)

    def is_merged(self, slot: int) -> bool:
        """Whether it is no slot of its own: two on one instant are one.

        It falls on the moment of the slot before it (both skipped by one clock change), or, after the patient's
        zone has changed, on the instant under which another slot was recorded: their name would be the same.
        """
        if slot in self.kept:
            return False
        moment = self.moment(slot)
        if moment in self.kept.values():
            return True
        before = slot - 1
        return before >= self.first and before not in self.kept and self.moment(before) == moment

    def in_bounds(self, slot: int) -> bool:
        """Whether a ``fixed`` course still runs on the slot's day. Others are ended by what is done."""
        return not self.schedule.is_fixed or slot < self._end

    def after(self, slot: int) -> int | None:
        """The next slot after that number, or None at the end of a ``fixed`` course."""
        following = slot + 1
        while self.is_merged(following):
            following += 1
        return following if self.in_bounds(following) else None

    def not_before(self, moment: datetime) -> int:
        """The lowest number whose moment is not earlier than ``moment``, counting from 0 (bounds not considered)."""
        schedule = self.schedule
        if schedule.day_seconds:
            days = (moment - self.activated_at) // schedule.one_day - schedule.start_in_days
        else:
            days = (local_day(moment, self.zone) - schedule.start_date).days - 1
        slot = max(0, schedule.rounds_before(days) - 1) * len(schedule.times)
        while self.moment(slot) < moment:
            slot += 1
        return slot

    def first_from(self, moment: datetime) -> int:
        """The number of the first slot not earlier than ``moment`` (bounds not considered)."""
        slot = max(self.first, self.not_before(moment))
        while self.is_merged(slot):
            slot += 1
        return slot

    def newest_due(self, now: datetime, *, after: int) -> int | None:
        """The newest slot due by ``now`` with a number above ``after``."""
        slot = self.not_before(now + timedelta(milliseconds=1)) - 1
        if self.schedule.is_fixed:
            slot = min(slot, self._end - 1)
        while slot > after and self.is_merged(slot):
            slot -= 1
        return slot if slot > after else None

    @property
    def _end(self) -> int:
        """The number after the last of a ``fixed`` course."""
        return (self.schedule.rounds or 0) * len(self.schedule.times)

    def last_slot(self) -> int | None:
        """The last slot of a ``fixed`` course, else None."""
        if not self.schedule.is_fixed:
            return None
        slot = self._end - 1
        while slot > self.first and self.is_merged(slot):
            slot -= 1
        return slot

    def today(self, now: datetime) -> tuple[datetime, datetime]:
        """The patient's present day: its first moment and the first of the next."""
        if self.schedule.day_seconds:
            day = self.schedule.one_day
            began = self.activated_at + (now - self.activated_at) // day * day
            return began, began + day
        day_now = local_day(now, self.zone)
        return start_of_day(day_now, self.zone), start_of_day(day_now + timedelta(days=1), self.zone)

    def slots_of_today(self, now: datetime) -> list[int]:
        """The numbers of the slots on the patient's present day."""
        began, ends = self.today(now)
        slot: int | None = self.first_from(began)
        if not self.in_bounds(slot or 0):
            return []
        found = []
        while slot is not None and self.moment(slot) < ends:
            found.append(slot)
            slot = self.after(slot)
        return found

    def find(self, moment: datetime) -> int | None:
        """The slot that is due exactly then, or None."""
        if moment < self.activated_at - timedelta(days=2):
            return None
        try:
            slot = self.first_from(moment)
        except OverflowError:
            return None
        return slot if self.in_bounds(slot) and self.moment(slot) == moment else None

    def start_of(self, day_number: int) -> datetime:
        """The first moment of that day of the schedule."""
        schedule = self.schedule
        if schedule.day_seconds:
            return to_millisecond(self.activated_at + (schedule.start_in_days + day_number) * schedule.one_day)
        return start_of_day(schedule.start_date + timedelta(days=day_number), self.zone)
