"""When a plan step is due: its slots as numbers, and each number's moment.

Slot ``k`` of a step with ``n`` clock times a day is place ``k mod n`` of day ``every_days * (k div n)``, counted from
``start_date``. The number never depends on a time zone, so that a slot keeps its identity when the patient travels;
its moment does. Moments never go back as numbers go up. With ``day_seconds`` a day is that many seconds from
activation and the zone has no effect (contract 4.9). Everything here is a pure function of its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import clock_times, local_day, moment_at, parse_clock_time, start_of_day, to_millisecond

MissPolicy = Literal["extend", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What the note said about when. ``times`` are sorted ``HH:MM`` in the patient's own zone."""

    start_date: date
    start_in_days: int = 0
    times: tuple[str, ...] = ("09:00",)
    times_from: Literal["reminder_time", "note"] = "reminder_time"
    times_per_day: int = 1
    every_hours: int | None = None
    every_days: int = 1
    duration_days: int | None = None
    miss_policy: MissPolicy = "extend"
    day_seconds: int | None = None

    @property
    def occurrences(self) -> int | None:
        """How many slots the course has, or None when it runs until it is cancelled (contract section 7)."""
        if self.duration_days is None:
            return None
        return len(self.times) * -(-self.duration_days // self.every_days)

    @property
    def is_fixed(self) -> bool:
        return self.miss_policy == "fixed" and self.duration_days is not None

    @property
    def one_day(self) -> timedelta:
        """What contract section 4 calls 24 hours: a day, or ``day_seconds``."""
        return timedelta(seconds=self.day_seconds) if self.day_seconds else timedelta(days=1)

    def at_reminder_time(self, reminder_time: str) -> Schedule:
        """The schedule for another reminder time, where its clock times came from it. Their number stays."""
        if self.times_from != "reminder_time":
            return self
        times = clock_times(reminder_time, times_per_day=self.times_per_day, every_hours=self.every_hours)
        return replace(self, times=times)


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
        return self.schedule.every_days * (slot // len(self.schedule.times))

    def local_date(self, slot: int) -> date:
        """The slot's own date: on the patient's calendar, or with ``day_seconds`` the date it falls on."""
        if self.schedule.day_seconds:
            return local_day(self.moment(slot), self.zone)
        return self.schedule.start_date + timedelta(days=self.day_number(slot))

    def key(self, slot: int) -> str:
        """``2026-03-02#0``: local date and place in ``times``; ``d4#0`` for a shortened day. Never changes."""
        place = slot % len(self.schedule.times)
        if self.schedule.day_seconds:
            return f"d{self.schedule.start_in_days + self.day_number(slot)}#{place}"
        return f"{self.local_date(slot).isoformat()}#{place}"

    def moment(self, slot: int, *, days_later: int = 0) -> datetime:
        """When the slot is due, or its repetition that many days later."""
        schedule = self.schedule
        place = slot % len(schedule.times)
        if schedule.day_seconds:
            days = schedule.start_in_days + self.day_number(slot) + days_later + place / len(schedule.times)
            return to_millisecond(self.activated_at + days * schedule.one_day)
        day = schedule.start_date + timedelta(days=self.day_number(slot) + days_later)
        return moment_at(day, parse_clock_time(schedule.times[place]), self.zone)

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
        schedule, per_day = self.schedule, len(self.schedule.times)
        if schedule.day_seconds:
            days = (moment - self.activated_at) / schedule.one_day - schedule.start_in_days
        else:
            days = (local_day(moment, self.zone) - schedule.start_date).days - 1
        slot = max(0, int(days // schedule.every_days) * per_day - per_day)
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
        schedule = self.schedule
        return -(-(schedule.duration_days or 0) // schedule.every_days) * len(schedule.times)

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
