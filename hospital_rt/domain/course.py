"""The course of one step: what happens when time passes and when the patient answers.

A course is a value. Each rule takes one and gives the next with the slots it touched; nothing here reads a clock,
a database or a network, so that the same rules run in the service and in the model tests. The slots of the last
days are stored with the step (``window``); the ledger in MongoDB (:mod:`models.reminders`) has them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import to_wire
from hospital_rt.domain.errors import Conflict, Invalid
from hospital_rt.domain.repeats import RepeatRule, reminded_at, repeat_within_day
from hospital_rt.domain.schedule import Schedule, Timeline

SlotState = Literal["open", "done", "skipped", "missed", "withdrawn"]
Outcome = Literal["done", "skipped"]
Ended = Literal["done", "fixed", "lapsed"]
ANSWERED = frozenset({"done", "skipped"})


def slot_id(step_id: str, key: str) -> str:
    """The id of a slot's record in the ledger, such as ``<step_id>@2026-03-02#0``. ``key`` is that of the slot."""
    return f"{step_id}@{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One slot that came due or was answered. ``at`` is the instant under which it is in the ledger.

    Args:
        last_repeat: the ``repeat`` number of its last reminder.
        reminded_at: when that was, None: at ``at``.
        repeats_today: how many of its reminders were repeats within the day.
        snoozed_until: while open, when it is repeated next; nothing repeats it before.
    """

    number: int
    key: str
    at: datetime
    state: SlotState
    recorded: bool = True  # a reminder was sent; False: answered early, or coalesced by an outage
    repeats: int = 0  # the last day after its own on which it was due again
    answered_at: datetime | None = None
    last_repeat: int = 0
    reminded_at: datetime | None = None
    repeats_today: int = 0
    snoozed_until: datetime | None = None

    def closed(self, state: SlotState) -> Slot:
        return replace(self, state=state, snoozed_until=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A plan step that is or was active. ``passed`` is the newest slot that came due, ``first`` - 1 before any."""

    schedule: Schedule
    activated_at: datetime
    first: int
    passed: int
    done: int = 0
    total: int | None = None
    ended: Ended | None = None
    completed_at: datetime | None = None
    window: tuple[Slot, ...] = ()
    repeat: RepeatRule | None = None

    def timeline(self, zone: ZoneInfo) -> Timeline:
        kept = {slot.number: slot.at for slot in self.window}
        return Timeline(self.schedule, self.activated_at, zone, first=self.first, kept=kept)

    @property
    def open_slot(self) -> Slot | None:
        return next((slot for slot in self.window if slot.state == "open"), None)

    def known(self, number: int) -> Slot | None:
        return next((slot for slot in self.window if slot.number == number), None)


@dataclass(frozen=True, slots=True)
class CourseChange:
    """What one rule did. ``touched`` go to the ledger, ``reminded`` becomes ``reminder.due`` with ``repeat``.

    ``counted``: an answer was given or taken back, which becomes ``step.checked_in``; False for an answer that changes
    nothing.
    """

    course: Course
    touched: tuple[Slot, ...] = ()
    removed: tuple[Slot, ...] = ()
    reminded: Slot | None = None
    repeat: int = 0
    due_at: datetime | None = None  # when ``reminded`` was due
    answered: Slot | None = None
    counted: bool = False


def begin(schedule: Schedule, *, at: datetime, zone: ZoneInfo, repeat: RepeatRule | None = None) -> Course:
    """The course from the moment its step becomes active. Slots earlier than that do not exist (contract, "Slots")."""
    timeline = Timeline(schedule, at, zone)
    first = timeline.first_from(at)
    total = schedule.occurrences
    if schedule.is_fixed:
        total, slot = 0, first if timeline.in_bounds(first) else None
        while slot is not None:
            total += 1
            slot = timeline.after(slot)
    course = Course(schedule=schedule, activated_at=at, first=first, passed=first - 1, total=total, repeat=repeat)
    if total == 0:
        return replace(course, ended="fixed", completed_at=at)
    return course


def end_at(course: Course, zone: ZoneInfo) -> datetime | None:
    """When the course ends whatever is answered: 24 h after the last slot of a ``fixed`` one, or the lapse."""
    timeline, schedule = course.timeline(zone), course.schedule
    if schedule.is_fixed:
        last = timeline.last_slot()
        return timeline.moment(last) + schedule.one_day if last is not None else None
    if schedule.duration_days is None or course.total is None or course.total <= 1:
        return None
    planned = schedule.duration_days
    return timeline.start_of(timeline.day_number(course.first) + max(2 * planned, planned + 7))


def wake_at(course: Course, zone: ZoneInfo) -> datetime | None:
    """When this course must next be evaluated; None when it is over."""
    if course.ended:
        return None
    timeline = course.timeline(zone)
    following = timeline.after(course.passed)
    moments = [timeline.moment(following)] if following is not None else []
    waiting = course.open_slot
    if waiting:
        moments.append(_repeated_at(course, waiting, timeline))
    end = end_at(course, zone)
    if end is not None:
        moments.append(end)
    return min(moments) if moments else None


def next_reminder_at(course: Course, zone: ZoneInfo) -> datetime | None:
    """When the patient is next reminded if nothing is answered before; None when never."""
    if course.ended:
        return None
    timeline = course.timeline(zone)
    following = timeline.after(course.passed)
    while following is not None and (slot := course.known(following)) and slot.state in ANSWERED:
        following = timeline.after(following)
    moments = [timeline.moment(following)] if following is not None else []
    if waiting := course.open_slot:
        moments.append(_repeated_at(course, waiting, timeline))
    soonest, end = (min(moments) if moments else None), end_at(course, zone)
    return None if soonest is None or (end is not None and end <= soonest) else soonest


def _repeated_at(course: Course, waiting: Slot, timeline: Timeline) -> datetime:
    """When the open slot is repeated next."""
    if waiting.snoozed_until is not None:
        return waiting.snoozed_until
    next_day = timeline.moment(waiting.number, days_later=waiting.repeats + 1)
    soon = _within_day(course, waiting, timeline.zone)
    return min(next_day, soon) if soon is not None else next_day


def _within_day(course: Course, waiting: Slot, zone: ZoneInfo) -> datetime | None:
    rule = course.repeat
    if rule is None or waiting.repeats_today >= rule.most or waiting.snoozed_until is not None:
        return None
    last = waiting.reminded_at or waiting.at
    return repeat_within_day(rule, course.schedule, slot_at=waiting.at, reminded_at=last, zone=zone)


def _counted_from(course: Course, due_at: datetime, *, now: datetime) -> datetime | None:
    """``reminded_at`` of a reminder that was due then. Without repeats nothing is counted from it."""
    return reminded_at(due_at, course.schedule, now=now) if course.repeat else None


def _repeated(course: Course, waiting: Slot, timeline: Timeline, *, now: datetime) -> tuple[Slot, datetime] | None:
    """The open slot with one more reminder, and when that was due: several due by ``now`` are one."""
    if waiting.snoozed_until is not None and waiting.snoozed_until > now:
        return None
    days, soon = days_on(timeline, waiting.number, now=now), _within_day(course, waiting, timeline.zone)
    is_next_day = days > waiting.repeats
    due = [waiting.snoozed_until] if waiting.snoozed_until else []
    due += [timeline.moment(waiting.number, days_later=days)] if is_next_day else []
    if is_soon := soon is not None and soon <= now:
        due.append(soon)
    if not due:
        return None
    again = replace(
        waiting,
        repeats=max(days, waiting.repeats),
        last_repeat=max(waiting.last_repeat + 1, days if is_next_day else 0),
        reminded_at=_counted_from(course, max(due), now=now),
        repeats_today=waiting.repeats_today + is_soon,
        snoozed_until=None,
    )
    return again, max(due)


def time_passes(course: Course, *, now: datetime, zone: ZoneInfo) -> CourseChange:
    """Everything that is due by ``now``: at most one reminder, the newest; older ones are missed or coalesced."""
    if course.ended:
        return CourseChange(course)
    timeline = course.timeline(zone)
    touched: list[Slot] = []
    reminded: Slot | None = None
    repeat, due_at = 0, None
    waiting = course.open_slot
    end = end_at(course, zone)
    over = end is not None and end <= now
    newest = timeline.newest_due(now, after=course.passed)
    if newest is not None:
        if waiting:
            touched.append(waiting.closed("missed"))
        if course.known(newest) is None and not over:
            due_at = timeline.moment(newest)
            reminded = Slot(
                number=newest,
                key=timeline.key(newest),
                at=due_at,
                state="open",
                repeats=days_on(timeline, newest, now=now),
                reminded_at=_counted_from(course, due_at, now=now),
            )
            touched.append(reminded)
        course = replace(course, passed=newest)
    elif waiting and not over:
        if again := _repeated(course, waiting, timeline, now=now):
            reminded, due_at = again
            repeat = reminded.last_repeat
            touched.append(reminded)
    elif waiting and over:
        touched.append(waiting.closed("missed"))
    course = keep(course, touched, now=now)
    if over:
        course = replace(course, ended="fixed" if course.schedule.is_fixed else "lapsed", completed_at=now)
    else:
        course, more = finish(course, now=now, zone=zone)
        touched.extend(more)
    return CourseChange(course, tuple(touched), reminded=reminded, repeat=repeat, due_at=due_at)


def days_on(timeline: Timeline, number: int, *, now: datetime) -> int:
    """How many times the clock time of a slot has come again since its own day."""
    days = max(0, (now - timeline.moment(number)) // timeline.schedule.one_day - 1)
    while timeline.moment(number, days_later=days + 1) <= now:
        days += 1
    return days


def answer(
    course: Course,
    *,
    outcome: Outcome,
    slot_at: datetime | None,
    now: datetime,
    zone: ZoneInfo,
    recalled: Slot | None = None,
) -> CourseChange:
    """A check-in (contract, "Check-ins"). Without ``slot_at`` it answers the open slot.

    ``recalled`` is a ledger row beyond the window.

    The caller lets time pass first, so that a slot which has just come due can be answered at once.

    Raises:
        DomainError: 422 for a slot that is not this step's, 409 ``slot-closed`` for one too old or after today.
    """
    slot = course.open_slot if slot_at is None else _named(course, slot_at, now=now, zone=zone, recalled=recalled)
    if slot is None or slot.state in ANSWERED:
        return CourseChange(course, answered=slot)
    if course.ended or slot.state == "withdrawn":
        return CourseChange(course)
    closed = replace(slot.closed(outcome), answered_at=now)
    course = keep(course, [closed], now=now)
    course = replace(course, done=course.done + (outcome == "done"))
    course, more = finish(course, now=now, zone=zone)
    return CourseChange(course, (closed, *more), answered=closed, counted=True)


def withdraw(course: Course, *, now: datetime, never_reminded: bool = False) -> CourseChange:
    """The step is cancelled: its open slot no longer counts. ``never_reminded``: no reminder of that slot was sent."""
    waiting = course.open_slot
    if waiting is None:
        return CourseChange(course)
    closed = replace(waiting.closed("withdrawn"), recorded=not never_reminded)
    return CourseChange(keep(course, [closed], now=now), (closed,))


def describe_today(course: Course, *, now: datetime, zone: ZoneInfo) -> list[dict[str, str]]:
    """``today`` (contract, "Step"): each slot of the patient's present day with its state."""
    timeline = course.timeline(zone)
    began, ends = timeline.today(now)
    states: dict[datetime, str] = {}
    known = {slot.number: slot for slot in course.window}
    for number in timeline.slots_of_today(now):
        slot = known.get(number)
        if slot is None and course.ended:
            continue
        moment = slot.at if slot else timeline.moment(number)
        states[moment] = slot.state if slot else "upcoming" if number > course.passed else "missed"
    for slot in course.window:
        if began <= slot.at < ends:
            states.setdefault(slot.at, slot.state)
    return [
        {"slot": to_wire(moment), "state": state} for moment, state in sorted(states.items()) if state != "withdrawn"
    ]


def _named(course: Course, slot_at: datetime, *, now: datetime, zone: ZoneInfo, recalled: Slot | None) -> Slot | None:
    """The slot a client named by its instant, as it stands.

    Raises:
        DomainError: as :func:`answer` says.
    """
    timeline = course.timeline(zone)
    slot = next((kept for kept in course.window if kept.at == slot_at), recalled)
    if slot is None:
        number = timeline.find(slot_at)
        if number is None or ((held := course.known(number)) is not None and held.at != slot_at):
            raise Invalid("#/slot", "This step has no such slot.")
        state: SlotState = "missed" if number <= course.passed or slot_at <= now else "open"
        slot = Slot(number=number, key=timeline.key(number), at=slot_at, state=state, recorded=False)
    if slot.state in ANSWERED or slot.state == "withdrawn" or course.ended:
        return slot
    if slot.at >= timeline.today(now)[1] and slot.number > course.passed:
        raise Conflict("slot-closed", "This slot lies after today.")
    if slot.state == "missed" and now - slot.at > 2 * course.schedule.one_day:
        raise Conflict("slot-closed", "This slot was missed more than 48 hours ago.")
    return slot


def keep(course: Course, slots: list[Slot], *, now: datetime) -> Course:
    """The course with these slots in its window, without closed ones older than three days."""
    window = {slot.number: slot for slot in course.window}
    window.update({slot.number: slot for slot in slots})
    horizon = now - max(3 * course.schedule.one_day, timedelta(seconds=3))
    kept = [
        slot
        for slot in window.values()
        if slot.state == "open"
        or slot.at >= horizon
        or slot.number > course.passed
        or (slot.answered_at is not None and slot.answered_at >= horizon)
        or (slot.state == "withdrawn" and course.ended is not None)  # which an undo opens again
    ]
    return replace(course, window=tuple(sorted(kept, key=lambda slot: slot.number)))


def finish(course: Course, *, now: datetime, zone: ZoneInfo) -> tuple[Course, list[Slot]]:
    """Complete a course whose slots are done, or whose last slot is closed; its open slot no longer counts."""
    if course.ended or course.total is None:
        return course, []
    waiting = course.open_slot
    if course.schedule.is_fixed:
        if waiting or not _is_closed(course, zone):
            return course, []
        ended: Ended = "done" if course.done >= course.total else "fixed"
        return replace(course, ended=ended, completed_at=now), []
    if course.done < course.total:
        return course, []
    course = replace(course, ended="done", completed_at=now)
    if waiting is None:
        return course, []
    closed = waiting.closed("withdrawn")
    return keep(course, [closed], now=now), [closed]


def _is_closed(course: Course, zone: ZoneInfo) -> bool:
    """Whether the last slot of a ``fixed`` course is answered, and none of those before it is still to come."""
    timeline = course.timeline(zone)
    number = timeline.last_slot()
    following = timeline.after(course.passed)
    while number is not None and (slot := course.known(number)) is not None and slot.state in ANSWERED:
        if following is None:
            return True
        number, following = following, timeline.after(following)
    return False
