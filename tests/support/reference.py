"""Contract section 4 once more, as plainly as it can be written: what one plan step should do.

It shares nothing with ``course.py`` but the wall clock (which ``test_slots.py`` tries by itself). A slot is a pair
(day, place); all of them are walked through every time; nothing is forgotten, nothing is fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import moment_at, parse_clock_time

Place = tuple[int, int]


@dataclass
class Kept:
    """A slot that came due or was answered."""

    at: datetime
    state: str
    reminded: bool = False
    repeats: int = 0
    answered_at: datetime | None = None
    told: int = 0  # the number of its last reminder
    counted_from: datetime | None = None  # from when the next repeat within the day is counted
    soon: int = 0  # how many repeats within the day it had
    snoozed: datetime | None = None
    late: str | None = None  # what was answered after the step had been cancelled


class Refused(Exception):
    """The problem that the patient should be told."""


class Reference:
    """One plan step with slots, from the moment it became active."""

    def __init__(
        self,
        *,
        start: date,
        start_in_days: int,
        times: tuple[str, ...],
        every_days: int,
        days: int | None,
        fixed: bool,
        weekdays: tuple[str, ...] = (),
        every_months: int | None = None,
        on_day: int | str | None = None,
        at: datetime,
        zone: str,
        day_seconds: int | None = None,
    ) -> None:
        self.start, self.start_in_days, self.times = start, start_in_days, times
        self.every_days, self.days = every_days, days
        self.weekdays, self.every_months, self.on_day = weekdays, every_months, on_day
        self.fixed, self.began, self.zone, self.day_seconds = fixed and days is not None, at, zone, day_seconds
        self._days: list[int] = []
        self._looked = 0
        self.kept: dict[Place, Kept] = {}
        self.reminders: list[tuple[str, int]] = []
        self.status, self.ended, self.completed_at, self.cancelled_at = "active", "", at, at
        self.done, self.first = 0, (0, 0)
        self.every_minutes: int | None = None
        self.most, self.chosen_at = 0, at
        self.reached: Place | None = None
        self.first = next(slot for slot, instant in self.walk(bounded=False) if instant >= at)
        self.total: int | None = None
        if self.fixed:
            self.total = sum(self.is_own(slot) for slot, _ in self.walk())
            if self.total == 0:
                self._complete("fixed", at)
        elif days is not None:
            self.total = len(set(times)) * self.planned  # two on one instant are one

    # Slots

    def in_calendar(self, day: date) -> bool:
        """Whether a date is one of the step's."""
        since = (day - self.start).days
        if self.every_months:
            months = (day.year - self.start.year) * 12 + day.month - self.start.month
            wanted = 31 if self.on_day == "last" else int(self.on_day or self.start.day)
            is_last = (day + timedelta(days=1)).month != day.month
            return months % self.every_months == 0 and (day.day == wanted or (is_last and day.day < wanted))
        if self.weekdays:
            return f"{day:%a}".lower() in self.weekdays and since // 7 % max(1, self.every_days // 7) == 0
        return since % self.every_days == 0

    def day_on(self, place: int) -> int:
        """The step's days in order, counted from ``start``, found by looking at each date of the calendar.

        On shortened days the first of them is at once.
        """
        while len(self._days) <= place:
            while not self.in_calendar(self.start + timedelta(days=self._looked)):
                self._looked += 1
            self._days.append(self._looked)
            self._looked += 1
        return self._days[place] - (self._days[0] if self.day_seconds else 0)

    def next_day(self, after: int) -> int:
        place = 0
        while self.day_on(place) <= after:
            place += 1
        return self.day_on(place)

    def day_before(self, day: int) -> int:
        place = 0
        while self.day_on(place) < day:
            place += 1
        return self.day_on(place - 1) if place else -1

    @property
    def planned(self) -> int:
        """On how many days it is due as planned, one at least."""
        dates = (self.start + timedelta(days=day) for day in range(self.days or 0))
        return max(1, sum(map(self.in_calendar, dates)))

    @property
    def one_day(self) -> timedelta:
        return timedelta(seconds=self.day_seconds or 86_400)

    def instant(self, slot: Place, days_later: int = 0) -> datetime:
        day, place = slot
        if self.day_seconds:
            days = self.start_in_days + day + days_later + place / len(self.times)
            instant = self.began + timedelta(seconds=self.day_seconds) * days
            return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
        on = self.start + timedelta(days=day + days_later)
        return moment_at(on, parse_clock_time(self.times[place]), ZoneInfo(self.zone))

    def name(self, slot: Place) -> str:
        day, place = slot
        if self.day_seconds:
            return f"d{self.start_in_days + day}#{place}"
        return f"{self.start + timedelta(days=day)}#{place}"

    def walk(self, until: datetime | None = None, *, bounded: bool = True) -> Iterator[tuple[Place, datetime]]:
        """Every slot that exists, in order, up to a moment; of a fixed course all."""
        day, place = max(self.first, (self.day_on(0), 0))
        last = self.day_on(self.planned - 1) if bounded and self.fixed else None
        while last is None or day <= last:
            instant = self.instant((day, place))
            if until is not None and instant > until:
                return
            yield (day, place), instant
            day, place = (day, place + 1) if place + 1 < len(self.times) else (self.next_day(day), 0)

    def is_own(self, slot: Place) -> bool:
        """Not one with a slot on the same instant."""
        if slot in self.kept:
            return True
        instant = self.instant(slot)
        if any(kept.at == instant for kept in self.kept.values()):
            return False
        day, place = slot
        before = (day, place - 1) if place else (self.day_before(day), len(self.times) - 1)
        return before < self.first or before in self.kept or self.instant(before) != instant

    @property
    def open(self) -> Place | None:
        return next((slot for slot, kept in self.kept.items() if kept.state == "open"), None)

    def is_answered(self, slot: Place) -> bool:
        return slot in self.kept and self.kept[slot].state in {"done", "skipped"}

    def is_past(self, slot: Place) -> bool:
        return self.reached is not None and slot <= self.reached

    def ends_at(self) -> datetime | None:
        if self.fixed:
            own = [slot for slot, _ in self.walk() if self.is_own(slot)]
            return self.instant(own[-1]) + self.one_day if own else None
        if self.total is None or self.total <= 1 or self.days is None:
            return None
        day = self.first[0] + max(2 * self.days, self.days + 7)
        if self.day_seconds:
            return self.began + self.one_day * (self.start_in_days + day)
        return moment_at(self.start + timedelta(days=day), parse_clock_time("00:00"), ZoneInfo(self.zone))

    # What happens

    def tick(self, now: datetime) -> None:
        if self.status != "active":
            return
        due = [slot for slot, _ in self.walk(now) if self.is_own(slot) and not self.is_past(slot)]
        ends = self.ends_at()
        over = ends is not None and ends <= now
        waiting = self.open
        if due:
            self.reached = due[-1]
            if waiting:
                self._close(waiting, "missed")
                waiting = None
            if not over and self.reached not in self.kept:
                again = self.times_again(self.reached, now)
                instant = self.instant(self.reached)
                self.kept[self.reached] = Kept(instant, "open", reminded=True, repeats=again)
                self.kept[self.reached].counted_from = self._counted_from(instant, now)
                self.reminders.append((self.name(self.reached), 0))
        elif waiting and not over:
            self._repeat(waiting, now)
        if over:
            if waiting:
                self._close(waiting, "missed")
            self._complete("fixed" if self.fixed else "lapsed", now)
        else:
            self._complete_if_closed(now)

    def _close(self, slot: Place, state: str) -> None:
        self.kept[slot].state, self.kept[slot].snoozed = state, None

    def _minutes(self, count: int) -> timedelta:
        return timedelta(seconds=count * 60 * (self.day_seconds or 86_400) / 86_400)

    def _counted_from(self, instant: datetime, now: datetime) -> datetime:
        return instant if now - instant <= self._minutes(5) else now

    def soon(self, slot: Place) -> datetime | None:
        """The next repeat within the day: so many minutes after the last reminder, and none at night."""
        kept = self.kept[slot]
        if self.every_minutes is None or kept.soon >= self.most or kept.snoozed:
            return None
        last = max(kept.counted_from or kept.at, self.chosen_at)
        at = last + self._minutes(self.every_minutes)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        if not self.day_seconds and self._at_night(at) and not self._at_night(kept.at):
            return None
        return at

    def _at_night(self, at: datetime) -> bool:
        return not 7 <= at.astimezone(ZoneInfo(self.zone)).hour < 22

    def _repeat(self, slot: Place, now: datetime) -> None:
        """All that is due of it by now is one reminder."""
        kept = self.kept[slot]
        days, soon = self.times_again(slot, now), self.soon(slot)
        if kept.snoozed and kept.snoozed > now:
            return
        due = [kept.snoozed] if kept.snoozed else []
        number = kept.told + 1
        if days > kept.repeats:
            due.append(self.instant(slot, days))
            kept.repeats, number = days, max(number, days)
        if soon and soon <= now:
            due.append(soon)
            kept.soon += 1
        if due:
            kept.told, kept.snoozed = number, None
            kept.counted_from = self._counted_from(max(due), now)
            self.reminders.append((self.name(slot), number))

    def snooze(self, now: datetime, at: datetime, count: int) -> None:
        self.tick(now)
        slot = self._find(at)
        if slot is None:
            raise Refused("invalid")
        if self.status != "active" or slot not in self.kept or self.kept[slot].state != "open":
            raise Refused("slot-closed")
        until = now + self._minutes(count)
        until = until.replace(microsecond=until.microsecond // 1000 * 1000)
        longest = max(self.every_days, 31 * (self.every_months or 0), 14)
        far = now + (2 * longest + 3) * self.one_day
        coming = [instant for slot, instant in self.walk(far) if self.is_own(slot) and not self.is_past(slot)]
        coming += [ends] if (ends := self.ends_at()) else []
        if coming and until >= min(coming):
            raise Refused("invalid")
        self.kept[slot].snoozed = until

    def choose_repeats(self, now: datetime, every_minutes: int | None, most: int) -> None:
        if every_minutes != self.every_minutes:
            self.chosen_at = now
        self.every_minutes, self.most = every_minutes, most

    def times_again(self, slot: Place, now: datetime) -> int:
        """How often the time of a slot has come again on later days."""
        return max(day for day in range(400) if day == 0 or self.instant(slot, day) <= now)

    def _complete(self, ended: str, now: datetime) -> None:
        self.status, self.ended, self.completed_at = "completed", ended, now

    def _complete_if_closed(self, now: datetime) -> None:
        if self.status != "active" or self.total is None:
            return
        if self.fixed:
            left = [slot for slot, _ in self.walk() if self.is_own(slot) and not self.is_past(slot)]
            last = [slot for slot, _ in self.walk() if self.is_own(slot)][-1]
            if self.open is None and self.is_answered(last) and all(map(self.is_answered, left)):
                self._complete("done" if self.done >= self.total else "fixed", now)
        elif self.done >= self.total:
            self._complete("done", now)
            if self.open:
                self._close(self.open, "withdrawn")

    def check_in(self, now: datetime, at: datetime | None, outcome: str) -> bool:
        """Whether it counted."""
        if self.status == "cancelled":
            return self._answer_late(at, outcome, now)
        self.tick(now)
        slot = self.open if at is None else self._find(at)
        if slot is None:
            if at is not None:
                raise Refused("invalid")
            return False
        kept = self.kept.get(slot)
        if self.status == "completed" or (kept and kept.state in {"done", "skipped", "withdrawn"}):
            return False
        instant = kept.at if kept else self.instant(slot)
        if not self.is_past(slot) and instant >= self.today(now)[1]:
            raise Refused("slot-closed")
        if (kept is None or kept.state == "missed") and self.is_past(slot) and now - instant > 2 * self.one_day:
            raise Refused("slot-closed")
        kept = self.kept.setdefault(slot, Kept(instant, ""))
        kept.state, kept.answered_at, kept.snoozed = outcome, now, None
        self.done += outcome == "done"
        self._complete_if_closed(now)
        return True

    def _find(self, at: datetime) -> Place | None:
        for slot, kept in self.kept.items():
            if kept.at == at:
                return slot
        if at < self.began - timedelta(days=2):
            return None
        found = [slot for slot, instant in self.walk(at) if instant == at and self.is_own(slot)]
        return found[0] if found and found[0] not in self.kept else None

    def _answer_late(self, at: datetime | None, outcome: str, now: datetime) -> bool:
        if at is None:
            withdrawn = [slot for slot, kept in self.kept.items() if kept.state == "withdrawn" and kept.reminded]
            if not withdrawn:
                raise Refused("step-cancelled")
            slot: Place | None = max(withdrawn)
        else:
            slot = self._find(at)
        if slot is None:
            raise Refused("invalid")
        if slot not in self.kept:
            if self.instant(slot) > self.cancelled_at:
                raise Refused("step-cancelled")
            self.kept[slot] = Kept(self.instant(slot), "withdrawn")
        kept = self.kept[slot]
        if kept.answered_at is None:
            kept.answered_at, kept.late = now, outcome
        return False

    def undo(self, now: datetime, at: datetime | None) -> None:
        slot = self._answered(at)
        kept, is_cancelled = self.kept[slot], self.status == "cancelled"
        self.tick(now)
        answered_at = kept.answered_at
        if answered_at is None or now - answered_at > self.one_day:
            raise Refused("too-late")
        if kept.late:
            kept.late = kept.answered_at = None
            return
        self.done -= kept.state == "done"
        was = (self.ended, self.completed_at)
        ends = self.ends_at()
        days_over = self.ended == "lapsed" or (ends is not None and ends <= now)
        if self.status == "completed" and days_over:
            if self.total is not None and self.done < self.total:
                self.ended = "fixed" if self.fixed else "lapsed"
        elif self.status == "completed":
            self.status, self.ended = "active", ""
            if self.reached in self.kept and self.kept[self.reached].state == "withdrawn":
                self.kept[self.reached].state, self.kept[self.reached].counted_from = "open", now
        kept.answered_at = None
        self._reopen(slot, kept, answered_at, now, is_cancelled=is_cancelled)
        self._complete_if_closed(now)
        if self.status == "completed" and was[0]:
            self.completed_at = was[1]
        self.tick(now)

    def _answered(self, at: datetime | None) -> Place:
        """The slot whose answer is taken back."""
        slot: Place | None
        if at is None:
            answers = [(kept.answered_at, slot) for slot, kept in self.kept.items() if kept.answered_at]
            slot = max(answers)[1] if answers else None
        else:
            slot = self._find(at)
            if slot is None:
                raise Refused("invalid")
        if slot is None or slot not in self.kept or self.kept[slot].answered_at is None:
            raise Refused("conflict")
        return slot

    def _reopen(self, slot: Place, kept: Kept, answered_at: datetime, now: datetime, *, is_cancelled: bool) -> None:
        """What the slot becomes without its answer."""
        if slot == self.reached and self.status != "completed":
            kept.state, kept.counted_from = "withdrawn" if is_cancelled else "open", now
            if not kept.reminded:
                kept.repeats = self.times_again(slot, now)
            if not kept.reminded and not is_cancelled:
                self._complete_if_closed(now)
                if self.status == "active":
                    self.reminders.append((self.name(slot), 0))
                    kept.reminded = True
        elif self.is_past(slot) and (kept.reminded or answered_at < kept.at):
            kept.state = "missed"
        else:
            del self.kept[slot]

    def cancel(self, now: datetime) -> None:
        self.status, self.cancelled_at = "cancelled", now
        if self.open:
            self._close(self.open, "withdrawn")

    # What is seen

    def today(self, now: datetime) -> tuple[datetime, datetime]:
        if self.day_seconds:
            began = self.began + (now - self.began) // self.one_day * self.one_day
            return began, began + self.one_day
        zone = ZoneInfo(self.zone)
        day, midnight = now.astimezone(zone).date(), parse_clock_time("00:00")
        return moment_at(day, midnight, zone), moment_at(day + timedelta(days=1), midnight, zone)

    def page(self, now: datetime) -> list[tuple[datetime, str]]:
        """The slots of the patient's present day with their states."""
        if self.status == "cancelled":
            return []
        began, ends = self.today(now)
        found = {kept.at: kept.state for kept in self.kept.values() if began <= kept.at < ends}
        for slot, instant in self.walk(ends):
            if began <= instant < ends and self.is_own(slot):
                if slot in self.kept:
                    found[self.kept[slot].at] = self.kept[slot].state
                elif self.status == "active":
                    found[instant] = "missed" if self.is_past(slot) else "upcoming"
        return sorted((instant, state) for instant, state in found.items() if state != "withdrawn")

    def next_reminder(self, now: datetime) -> datetime | None:
        if self.status != "active":
            return None
        longest = max(self.every_days, 31 * (self.every_months or 0), 7)
        far = max(now + (3 * longest + 3) * self.one_day, self.instant(self.first) + longest * self.one_day)
        coming = [
            instant
            for slot, instant in self.walk(far)
            if self.is_own(slot) and not self.is_past(slot) and not self.is_answered(slot)
        ][:1]
        if self.open:
            kept, soon = self.kept[self.open], self.soon(self.open)
            repeats = [self.instant(self.open, kept.repeats + 1), *([soon] if soon else [])]
            coming.append(kept.snoozed or min(repeats))
        ends = self.ends_at()
        return min((at for at in coming if ends is None or at < ends), default=None)

    def ledger(self) -> dict[str, str]:
        return {self.name(slot): kept.late or kept.state for slot, kept in self.kept.items()}
