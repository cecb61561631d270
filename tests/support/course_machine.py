"""A state machine that lives through courses: the service's rules beside the plain reference, compared at each turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hospital_rt.domain import course as rules
from hospital_rt.domain.clock import local_day, to_wire
from hospital_rt.domain.course_snooze import snooze
from hospital_rt.domain.course_undo import undo
from hospital_rt.domain.errors import DomainError
from hospital_rt.domain.repeats import RepeatRule
from hospital_rt.domain.schedule import PARTS, DayTimes, Schedule
from tests.support.reference import Reference, Refused

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Hong_Kong",
    "America/New_York",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "America/Santiago",
    "Pacific/Apia",
    "Asia/Kathmandu",
]
TIMES = ["00:00", "02:15", "09:00", "14:00", "22:00", "23:30"]
BEGINNINGS = [
    datetime(2027, 3, 1, 12, tzinfo=UTC),
    datetime(2027, 3, 27, 22, tzinfo=UTC),
    datetime(2027, 10, 30, 21, tzinfo=UTC),
    datetime(2027, 4, 3, 8, tzinfo=UTC),
    datetime(2027, 9, 4, 20, tzinfo=UTC),
    datetime(2011, 12, 28, 20, tzinfo=UTC),
]


@dataclass
class PureSubject:
    """A course moved by the functions of ``hospital_rt.domain.course`` alone, with a dictionary for a ledger."""

    course: rules.Course
    zone: ZoneInfo
    rows: dict[str, rules.Slot] = field(default_factory=dict)
    reminders: list[tuple[str, int]] = field(default_factory=list)
    cancelled: bool = False

    @classmethod
    def begin(cls, schedule: Schedule, at: datetime, zone: str) -> PureSubject:
        return cls(rules.begin(schedule, at=at, zone=ZoneInfo(zone)), ZoneInfo(zone))

    def _take(self, change: rules.CourseChange) -> None:
        self.course = change.course
        for slot in change.removed:
            del self.rows[slot.key]
        self.rows.update({slot.key: slot for slot in change.touched})
        if change.reminded:
            self.reminders.append((change.reminded.key, change.repeat))

    def tick(self, now: datetime) -> None:
        if not self.cancelled:
            self._take(rules.time_passes(self.course, now=now, zone=self.zone))

    def check_in(self, now: datetime, at: datetime | None, outcome: rules.Outcome) -> bool:
        self.tick(now)
        recalled = next((slot for slot in self.rows.values() if slot.at == at), None)
        change = rules.answer(self.course, outcome=outcome, slot_at=at, now=now, zone=self.zone, recalled=recalled)
        self._take(change)
        return change.counted

    def undo(self, now: datetime, at: datetime | None) -> None:
        answered = [slot for slot in self.rows.values() if slot.answered_at]
        if at is None:
            found = max(answered, key=lambda slot: slot.answered_at or now, default=None)
        else:
            found = next((slot for slot in self.rows.values() if slot.at == at), None)
            if found is None and self.course.timeline(self.zone).find(at) is None:
                raise DomainError("invalid")
        if found is None or found.answered_at is None:
            raise DomainError("conflict")
        key = found.key
        self.tick(now)
        self._take(undo(self.course, self.rows[key], now=now, zone=self.zone))
        self.tick(now)

    def move(self, zone: str, day_times: DayTimes) -> None:
        self.zone = ZoneInfo(zone)
        self.course = replace(self.course, schedule=self.course.schedule.at_day_times(day_times))

    def snooze(self, now: datetime, at: datetime, count: int) -> None:
        self.tick(now)
        recalled = next((slot for slot in self.rows.values() if slot.at == at), None)
        self._take(snooze(self.course, slot_at=at, count=count, now=now, zone=self.zone, recalled=recalled))

    def choose_repeats(self, now: datetime, every_minutes: int | None, most: int) -> None:
        before = self.course.repeat
        is_other = every_minutes != (before.every_minutes if before else None)
        since = now if is_other else before.since if before else None
        rule = RepeatRule(every_minutes=every_minutes, most=most, since=since) if every_minutes else None
        self.course = replace(self.course, repeat=rule)

    def cancel(self, now: datetime) -> None:
        self._take(rules.withdraw(self.course, now=now))
        self.cancelled = True

    def wake_at(self) -> datetime | None:
        return None if self.cancelled else rules.wake_at(self.course, self.zone)

    def view(self, now: datetime) -> dict[str, Any]:
        course, runs = self.course, not self.cancelled and not self.course.ended
        today = [] if self.cancelled else rules.describe_today(course, now=now, zone=self.zone)
        waiting = course.open_slot
        following = rules.next_reminder_at(course, self.zone) if runs else None
        return {
            "status": "cancelled" if self.cancelled else "completed" if course.ended else "active",
            "ended": course.ended or "",
            "done": course.done,
            "total": course.total,
            "open": to_wire(waiting.at) if waiting else None,
            "snoozed": to_wire(waiting.snoozed_until) if waiting and waiting.snoozed_until else None,
            "today": [(slot["slot"], slot["state"]) for slot in today],
            "next": to_wire(following) if following else None,
            "ledger": {key: slot.state for key, slot in self.rows.items()},
            "reminders": self.reminders,
        }

    def close(self) -> None:
        pass


def expected(reference: Reference, now: datetime) -> dict[str, Any]:
    """What the subject's ``view`` should be."""
    waiting, following = reference.open, reference.next_reminder(now)
    return {
        "status": reference.status,
        "ended": reference.ended,
        "done": reference.done,
        "total": reference.total,
        "open": to_wire(reference.kept[waiting].at) if waiting else None,
        "snoozed": to_wire(until) if waiting and (until := reference.kept[waiting].snoozed) else None,
        "today": [(to_wire(at), state) for at, state in reference.page(now)],
        "next": to_wire(following) if following else None,
        "ledger": reference.ledger(),
        "reminders": reference.reminders,
    }


DAYS_OF: list[dict[str, Any]] = [
    *({"every_days": days} for days in (1, 1, 1, 2, 7)),
    {"weekdays": ("mon", "wed", "fri")},
    {"weekdays": ("sun",)},
    {"weekdays": ("tue", "sat"), "every_days": 14},
    {"every_months": 1},
    {"every_months": 1, "on_day": 30},
    {"every_months": 2, "on_day": "last"},
]
schedules = st.fixed_dictionaries(
    {
        "start_in_days": st.sampled_from([0, 0, 0, 1, 3, -2]),
        "times_per_day": st.integers(1, 4),
        "times": st.sampled_from(
            [None, None, None, ("02:15", "02:45"), ("08:00", "20:00", "23:59"), ("noon",), ("morning", "bedtime")]
        ),
        "days_of": st.sampled_from(DAYS_OF),
        "duration_days": st.sampled_from([None, 1, 1, 2, 3, 7, 14]),
        "miss_policy": st.sampled_from(["extend", "fixed"]),
        "day_seconds": st.sampled_from([None, None, None, 60, 7]),
    }
)


class CourseMachine(RuleBasedStateMachine):
    """Time, ticks, answers, undone answers, journeys, a cancellation: the same to both, and the same must be seen."""

    begin_subject: Callable[..., Any] = staticmethod(PureSubject.begin)
    late_answers = False  # whether the subject takes answers to a cancelled step

    @initialize(
        plan=schedules,
        zone=st.sampled_from(ZONES),
        reminder_time=st.sampled_from(TIMES),
        at=st.sampled_from(BEGINNINGS),
        minutes=st.integers(0, 1500),
    )
    def begin(self, plan: dict[str, Any], zone: str, reminder_time: str, at: datetime, minutes: int) -> None:
        self.now = at + timedelta(minutes=minutes)
        self.zone, self.day_times = zone, DayTimes(morning=reminder_time)
        self.schedule = self._schedule(**plan)
        self.subject = type(self).begin_subject(self.schedule, self.now, zone)
        self.reference = Reference(
            start=self.schedule.start_date,
            start_in_days=self.schedule.start_in_days,
            times=self.schedule.times,
            every_days=self.schedule.every_days,
            weekdays=self.schedule.weekdays,
            every_months=self.schedule.every_months,
            on_day=self.schedule.on_day,
            days=self.schedule.duration_days,
            fixed=self.schedule.miss_policy == "fixed",
            at=self.now,
            zone=zone,
            day_seconds=self.schedule.day_seconds,
        )

    def _schedule(
        self, *, start_in_days: int, times: tuple[Any, ...] | None, days_of: dict[str, Any], **plan: Any
    ) -> Schedule:
        """A note of days ago is one that was approved late: its first day is past."""
        start = local_day(self.now, ZoneInfo(self.zone)) + timedelta(days=start_in_days)
        schedule = Schedule(start_date=start, start_in_days=max(0, start_in_days), **days_of, **plan)
        if times and times[0] in PARTS:
            schedule = replace(schedule, parts=times, times_from="day_parts")
        elif times:
            return replace(schedule, times=times, times_from="note", times_per_day=len(times))
        return schedule.at_day_times(self.day_times)

    def _both(self, act: str, *arguments: Any) -> None:
        """Do it to both: the same answer, or the same refusal."""
        answers = []
        for one in (self.reference, self.subject):
            try:
                answers.append(getattr(one, act)(*arguments))
            except (DomainError, Refused) as refused:
                answers.append(refused.code if isinstance(refused, DomainError) else str(refused))
        assert answers[0] == answers[1], f"{act}{arguments}: expected {answers[0]}, got {answers[1]}"

    def _some_slot(self, data: st.DataObject) -> datetime | None:
        """None, a slot that the patient has seen, one that is still far off, or one that never was."""
        seen = [at for at, _ in self.reference.page(self.now)]
        kept = [kept.at for kept in self.reference.kept.values()]
        coming = self.reference.next_reminder(self.now)
        others = [coming + self.reference.one_day * 2] if coming else []
        never = [self.now.replace(microsecond=0) + timedelta(minutes=7), self.now + self.reference.one_day * 90]
        drawn: datetime | None = data.draw(
            st.one_of(
                st.none(),
                *(st.sampled_from(some) for some in (seen[::-1], seen, kept[-6:][::-1]) if some),
                st.sampled_from([*([coming] if coming else []), *others, *never]),
            )
        )
        return drawn

    @property
    def _is_over(self) -> bool:
        return self.reference.status == "cancelled" and not self.late_answers

    @rule(share=st.sampled_from([0.001, 0.02, 0.1, 0.4, 0.9, 1.0, 1.05, 2.3, 9.0]))
    def time_passes(self, share: float) -> None:
        """No tick comes: the scheduler is down, or it is between two ticks."""
        passed = self.schedule.one_day * share
        self.now += passed - timedelta(microseconds=passed.microseconds % 1000)

    @rule()
    def tick(self) -> None:
        self._both("tick", self.now)
        wake = self.subject.wake_at()
        assert wake is None or wake > self.now, "a look that leaves something due would be repeated for ever"

    @rule(times=st.integers(1, 6))
    def ticks_come_on_time(self, times: int) -> None:
        for _ in range(times):
            wake = self.subject.wake_at()
            if wake is not None and wake < self.now + timedelta(days=60):
                self.now = max(self.now, wake)
            self.tick()

    @precondition(lambda self: not self._is_over)
    @rule(data=st.data(), outcome=st.sampled_from(["done", "done", "done", "skipped"]))
    def check_in(self, data: st.DataObject, outcome: str) -> None:
        self._both("check_in", self.now, self._some_slot(data), outcome)
        self.now += timedelta(milliseconds=1)

    @precondition(lambda self: self.reference.status == "active")
    @rule(outcome=st.sampled_from(["done", "done", "skipped"]))
    def the_next_reminder_is_answered(self, outcome: str) -> None:
        if self.reference.open is None:
            self.ticks_come_on_time(1)
        self._both("check_in", self.now, None, outcome)
        self.now += timedelta(milliseconds=1)

    @precondition(lambda self: self.reference.status == "active")
    @rule(outcome=st.sampled_from(["done", "done", "skipped"]))
    def a_slot_is_answered_before_its_time(self, outcome: str) -> None:
        coming = [at for at, state in self.reference.page(self.now) if state == "upcoming"]
        if coming:
            self._both("check_in", self.now, coming[0], outcome)
            self.now += timedelta(milliseconds=1)

    @precondition(lambda self: not self._is_over)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        self._both("undo", self.now, self._some_slot(data))
        self.now += timedelta(milliseconds=1)

    @precondition(lambda self: not self._is_over)
    @rule()
    def undo_the_last(self) -> None:
        self._both("undo", self.now, None)
        self.now += timedelta(milliseconds=1)

    @precondition(lambda self: self.reference.status != "cancelled")
    @rule(data=st.data(), count=st.sampled_from([5, 10, 60, 300, 720]), open_one=st.booleans())
    def snooze(self, data: st.DataObject, count: int, open_one: bool) -> None:
        waiting = self.reference.open
        at = self.reference.kept[waiting].at if open_one and waiting else self._some_slot(data)
        if at is not None:
            self._both("snooze", self.now, at, count)
            self.now += timedelta(milliseconds=1)

    @precondition(lambda self: self.reference.status == "active" and self.reference.fixed)
    @rule(chance=st.integers(1, 3))
    def the_last_slot_is_put_off_too_long(self, chance: int) -> None:
        """No slot follows, and the days of the course are over before the snooze would be."""
        if chance != 3:
            return
        self.now = max(self.now, *(instant for _, instant in self.reference.walk()))
        self.tick()
        if (waiting := self.reference.open) is not None:
            self.minutes_pass(780)
            self._both("snooze", self.now, self.reference.kept[waiting].at, 720)

    @precondition(lambda self: self.reference.status == "active")
    @rule(count=st.sampled_from([30, 60]), most=st.integers(1, 5))
    def what_is_repeated_is_put_off(self, count: int, most: int) -> None:
        """And the time of a repeat comes before the snooze is over."""
        self._both("choose_repeats", self.now, 10, most)
        if self.reference.open is None:
            self.ticks_come_on_time(1)
        if (waiting := self.reference.open) is not None:
            self._both("snooze", self.now, self.reference.kept[waiting].at, count)
            self.minutes_pass(11)
            self.tick()

    @precondition(lambda self: self.reference.status != "cancelled")
    @rule(every_minutes=st.sampled_from([None, 10, 15, 30, 60, 60]), most=st.integers(1, 5))
    def choose_how_often_it_is_repeated(self, every_minutes: int | None, most: int) -> None:
        self._both("choose_repeats", self.now, every_minutes, most)

    @precondition(lambda self: self.reference.status == "active")
    @rule(minutes=st.sampled_from([1, 9, 10, 11, 31, 60, 600]))
    def minutes_pass(self, minutes: int) -> None:
        passed = self.schedule.one_day * minutes / 1440
        self.now += passed - timedelta(microseconds=passed.microseconds % 1000)

    @precondition(lambda self: self.reference.status != "cancelled")
    @rule(zone=st.sampled_from(ZONES))
    def travel(self, zone: str) -> None:
        self._move(zone, self.day_times)

    @precondition(lambda self: self.reference.status != "cancelled")
    @rule(reminder_time=st.sampled_from(TIMES))
    def choose_another_time(self, reminder_time: str) -> None:
        self._move(self.zone, replace(self.day_times, morning=reminder_time))

    @precondition(lambda self: self.reference.status != "cancelled")
    @rule(noon=st.sampled_from(["12:00", "12:30", "14:00"]), bedtime=st.sampled_from(["21:00", "22:00", "23:30"]))
    def choose_other_parts_of_the_day(self, noon: str, bedtime: str) -> None:
        self._move(self.zone, replace(self.day_times, noon=noon, bedtime=bedtime))

    def _move(self, zone: str, day_times: DayTimes) -> None:
        self.zone, self.day_times = zone, day_times
        self.subject.move(zone, day_times)
        self.reference.zone = zone
        self.reference.times = self.schedule.at_day_times(day_times).times

    @precondition(lambda self: self.reference.status == "active")
    @rule(chance=st.integers(1, 12))
    def cancel(self, chance: int) -> None:
        if chance == 12:
            self.reference.cancel(self.now)
            self.subject.cancel(self.now)

    @invariant()
    def the_same_is_seen(self) -> None:
        if not hasattr(self, "reference"):
            return
        seen, wanted = self.subject.view(self.now), expected(self.reference, self.now)
        wrong = {name: (wanted[name], seen[name]) for name in wanted if wanted[name] != seen[name]}
        assert not wrong, f"expected, seen: {wrong}"

    @invariant()
    def what_must_always_hold(self) -> None:
        """The promises in so many words, beside the comparison."""
        if not hasattr(self, "reference"):
            return
        seen = self.subject.view(self.now)
        assert len(seen["reminders"]) == len(set(seen["reminders"])), "a reminder twice"
        states = list(seen["ledger"].values())
        assert states.count("open") == (1 if seen["open"] else 0), "one open slot at most"
        assert seen["done"] == states.count("done"), "the count of done slots is that of the ledger"
        if seen["status"] != "active":
            assert seen["open"] is None and self.subject.wake_at() is None
            held = getattr(self, "_when_over", None)
            over = (seen["status"], seen["reminders"][:])
            assert held is None or held[0] != over[0] or held[1] == over[1], "a reminder after the end"
            self._when_over: tuple[Any, Any] | None = over
        else:
            self._when_over = None
        if seen["status"] != "cancelled" and self.schedule.miss_policy == "extend" and seen["total"] is not None:
            assert (seen["done"] >= seen["total"]) == (seen["ended"] == "done"), "so many done slots end it, no fewer"

    def teardown(self) -> None:
        if hasattr(self, "subject"):
            self.subject.close()
