"""The course of one step: what happens when time passes and when the patient answers.

A course is a value. Each rule takes one and gives the next with the slots it touched; nothing here reads a clock,
a database or a network, so that the same rules run in the service and in the model tests. The slots of the last
days travel in ``window``; the ledger in MongoDB keeps them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from hospital_rt.clock import to_wire
from hospital_rt.problems import Problem, invalid
from hospital_rt.schedule import Schedule, Timeline

SlotState = Literal["open", "done", "skipped", "missed", "withdrawn"]
Outcome = Literal["done", "skipped"]
Ended = Literal["done", "fixed", "lapsed"]
ANSWERED = frozenset({"done", "skipped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One slot that came due or was answered. ``at`` is the instant it was recorded or answered under."""

    number: int
    key: str
    at: datetime
    state: SlotState
    recorded: bool = True          # a reminder stands in the ledger; False: answered early, or coalesced by an outage
    repeats: int = 0               # the last day after its own on which it was due again
    answered_at: datetime | None = None


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

    def timeline(self, zone: ZoneInfo) -> Timeline:
        kept = {slot.number: slot.at for slot in self.window}
        return Timeline(self.schedule, self.activated_at, zone, first=self.first, kept=kept)

    @property
    def open_slot(self) -> Slot | None:
        return next((slot for slot in self.window if slot.state == "open"), None)

    def known(self, number: int) -> Slot | None:
        return next((slot for slot in self.window if slot.number == number), None)


@dataclass(frozen=True, slots=True)
class Change:
    """What one rule did. ``touched`` go to the ledger, ``reminded`` becomes ``reminder.due`` with ``repeat``."""

    course: Course
    touched: tuple[Slot, ...] = ()
    removed: tuple[Slot, ...] = ()
    reminded: Slot | None = None
    repeat: int = 0
    answered: Slot | None = None
    counted: bool = False


def begin(schedule: Schedule, *, at: datetime, zone: ZoneInfo) -> Course:
    """The course from the moment its step becomes active. Slots earlier than that do not exist (contract 4.1)."""
    timeline = Timeline(schedule, at, zone)
    first = timeline.first_from(at)
    total = schedule.occurrences
    if schedule.is_fixed:
        total, slot = 0, first if timeline.in_bounds(first) else None
        while slot is not None:
            total += 1
            slot = timeline.after(slot)
    course = Course(schedule=schedule, activated_at=at, first=first, passed=first - 1, total=total)
    if total == 0:
        return replace(course, ended="fixed", completed_at=at)
    return course


def end_at(course: Course, zone: ZoneInfo) -> datetime | None:
    """When the course ends whatever is answered: 24 h after the last slot of a ``fixed`` one, or the lapse."""
    timeline, schedule = course.timeline(zone), course.schedule
    if schedule.is_fixed:
        last = timeline.last_slot()
        return timeline.moment(last) + schedule.one_day if last is not None else None
    if schedule.duration_days is None or (schedule.occurrences or 0) <= 1:
        return None
    planned = schedule.duration_days
    return timeline.start_of(timeline.day_number(course.first) + max(2 * planned, planned + 7))


def wake_at(course: Course, zone: ZoneInfo) -> datetime | None:
    """When this course next needs a look; None when it is over."""
    if course.ended:
        return None
    timeline = course.timeline(zone)
    following = timeline.after(course.passed)
    moments = [timeline.moment(following)] if following is not None else []
    waiting = course.open_slot
    if waiting:
        moments.append(timeline.moment(waiting.number, days_later=waiting.repeats + 1))
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
        moments.append(timeline.moment(waiting.number, days_later=waiting.repeats + 1))
    soonest, end = (min(moments) if moments else None), end_at(course, zone)
    return None if soonest is None or (end is not None and end <= soonest) else soonest


def time_passes(course: Course, *, now: datetime, zone: ZoneInfo) -> Change:
    """Everything that is due by ``now``: at most one reminder, the newest; older ones are missed or coalesced."""
    if course.ended:
        return Change(course)
    timeline = course.timeline(zone)
    touched: list[Slot] = []
    reminded: Slot | None = None
    repeat = 0
    waiting = course.open_slot
    end = end_at(course, zone)
    over = end is not None and end <= now
    newest = timeline.newest_due(now, after=course.passed)
    if newest is not None:
        if waiting:
            touched.append(replace(waiting, state="missed"))
        if course.known(newest) is None and not over:
            reminded = Slot(
                number=newest, key=timeline.key(newest), at=timeline.moment(newest), state="open",
                repeats=_days_on(timeline, newest, now=now),
            )  # fmt: skip
            touched.append(reminded)
        course = replace(course, passed=newest)
    elif waiting and not over:
        days = _days_on(timeline, waiting.number, now=now)
        if days > waiting.repeats:
            reminded, repeat = replace(waiting, repeats=days), days
            touched.append(reminded)
    elif waiting and over:
        touched.append(replace(waiting, state="missed"))
    course = _keep(course, touched, now=now)
    if over:
        course = replace(course, ended="fixed" if course.schedule.is_fixed else "lapsed", completed_at=now)
    else:
        course, more = _finish(course, now=now, zone=zone)
        touched.extend(more)
    return Change(course, tuple(touched), reminded=reminded, repeat=repeat)


def _days_on(timeline: Timeline, number: int, *, now: datetime) -> int:
    """How many times the clock time of a slot has come again since its own day."""
    days = max(0, (now - timeline.moment(number)) // timeline.schedule.one_day - 1)
    while timeline.moment(number, days_later=days + 1) <= now:
        days += 1
    return days


def answer(
    course: Course, *, outcome: Outcome, slot_at: datetime | None, now: datetime, zone: ZoneInfo,
    recalled: Slot | None = None,
) -> Change:  # fmt: skip
    """A check-in (contract 4.3). Without ``slot_at`` the open slot; ``recalled`` is a ledger row beyond the window.

    The caller lets time pass first, so that a slot which has just come due can be answered at once.

    Raises:
        Problem: 422 for a slot that is not this step's, 409 ``slot-closed`` for one too old or after today.
    """
    slot = course.open_slot if slot_at is None else _named(course, slot_at, now=now, zone=zone, recalled=recalled)
    if slot is None or slot.state in ANSWERED:
        return Change(course, answered=slot)
    if course.ended or slot.state == "withdrawn":
        return Change(course)
    closed = replace(slot, state=outcome, answered_at=now)
    course = _keep(course, [closed], now=now)
    course = replace(course, done=course.done + (outcome == "done"))
    course, more = _finish(course, now=now, zone=zone)
    return Change(course, (closed, *more), answered=closed, counted=True)


def undo(course: Course, slot: Slot, *, now: datetime, zone: ZoneInfo) -> Change:
    """Take back the answer to ``slot``: it is open again when no newer came due, missed otherwise, or still to come.

    A course that the answer had completed runs again, with the slot that was open then; one that ended by its days
    stays ended. A slot that was answered early and is open now is reminded: it never was. The caller lets time pass
    before, and after, since slots may have come due while the course was over.

    Raises:
        Problem: 409 ``too-late`` 24 h after the answer, 409 ``conflict`` when there is none.
    """
    if slot.state not in ANSWERED or slot.answered_at is None:
        raise Problem("conflict", "There is no check-in to undo.")
    if now - slot.answered_at > course.schedule.one_day:
        raise Problem("too-late", "A check-in can be undone within 24 hours.")
    before, is_newest = course, slot.number == course.passed
    course = replace(course, done=max(0, course.done - (slot.state == "done")))
    touched: list[Slot] = []
    if course.ended and not _ended_by_days(course, zone):
        course = replace(course, ended=None, completed_at=None)
        closed = course.known(course.passed)
        if closed and closed.state == "withdrawn":
            touched.append(replace(closed, state="open"))
    if is_newest and course.ended is None:
        days = slot.repeats if slot.recorded else _days_on(course.timeline(zone), slot.number, now=now)
        touched.append(replace(slot, state="open", answered_at=None, recorded=True, repeats=days))
    elif slot.number <= course.passed and (slot.recorded or slot.answered_at < slot.at):
        touched.append(replace(slot, state="missed", answered_at=None))
    removed = () if any(kept.number == slot.number for kept in touched) else (slot,)
    window = tuple(kept for kept in course.window if kept.number != slot.number)
    course = _keep(replace(course, window=window), touched, now=now)
    course, more = _finish(course, now=now, zone=zone)
    if course.ended and before.completed_at:
        course = replace(course, completed_at=before.completed_at)
    waiting = course.open_slot
    reminded = waiting if is_newest and not slot.recorded else None
    latest = {kept.number: kept for kept in (*touched, *more)}
    answered = latest.get(slot.number, slot)
    return Change(course, tuple(latest.values()), removed, reminded=reminded, answered=answered, counted=True)


def _ended_by_days(course: Course, zone: ZoneInfo) -> bool:
    """Whether it ended because its time was over, not because of what was answered."""
    if not course.schedule.is_fixed:
        return course.ended == "lapsed"
    end = end_at(course, zone)
    return end is None or course.completed_at is None or course.completed_at >= end


def withdraw(course: Course, *, now: datetime) -> Change:
    """The step is cancelled: its open slot no longer counts."""
    waiting = course.open_slot
    if waiting is None:
        return Change(course)
    closed = replace(waiting, state="withdrawn")
    return Change(_keep(course, [closed], now=now), (closed,))


def describe_today(course: Course, *, now: datetime, zone: ZoneInfo) -> list[dict[str, str]]:
    """``today`` of contract section 3: each slot of the patient's present day with its state."""
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


def _named(
    course: Course, slot_at: datetime, *, now: datetime, zone: ZoneInfo, recalled: Slot | None
) -> Slot | None:
    """The slot a client named by its instant, as it stands.

    Raises:
        Problem: as :func:`answer` says.
    """
    timeline = course.timeline(zone)
    slot = next((kept for kept in course.window if kept.at == slot_at), recalled)
    if slot is None:
        number = timeline.find(slot_at)
        if number is None or ((held := course.known(number)) is not None and held.at != slot_at):
            raise invalid("#/slot", "This step has no such slot.")
        state: SlotState = "missed" if number <= course.passed or slot_at <= now else "open"
        slot = Slot(number=number, key=timeline.key(number), at=slot_at, state=state, recorded=False)
    if slot.state in ANSWERED or slot.state == "withdrawn" or course.ended:
        return slot
    if slot.at >= timeline.today(now)[1] and slot.number > course.passed:
        raise Problem("slot-closed", "This slot lies after today.")
    if slot.state == "missed" and now - slot.at > 2 * course.schedule.one_day:
        raise Problem("slot-closed", "This slot was missed more than 48 hours ago.")
    return slot


def _keep(course: Course, slots: list[Slot], *, now: datetime) -> Course:
    """The course with these slots in its window, and what is older than three days and closed let go."""
    window = {slot.number: slot for slot in course.window}
    window.update({slot.number: slot for slot in slots})
    horizon = now - max(3 * course.schedule.one_day, timedelta(seconds=3))
    kept = [
        slot
        for slot in window.values()
        if slot.state == "open" or slot.at >= horizon or slot.number > course.passed
        or (slot.answered_at is not None and slot.answered_at >= horizon)
    ]  # fmt: skip
    return replace(course, window=tuple(sorted(kept, key=lambda slot: slot.number)))


def _finish(course: Course, *, now: datetime, zone: ZoneInfo) -> tuple[Course, list[Slot]]:
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
    closed = replace(waiting, state="withdrawn")
    return _keep(course, [closed], now=now), [closed]


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
