"""Defects put in on purpose: each is a plausible mistake, and a test must find it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from pymongo.errors import OperationFailure, PyMongoError
from pytest import MonkeyPatch

import hospital_rt.domain.course
import hospital_rt.domain.course_snooze
import hospital_rt.domain.course_undo
import hospital_rt.domain.repeats
import hospital_rt.domain.schedule
import hospital_rt.storage.database
import models.services.accounts
import models.services.check_in
import models.services.check_in_rules
import models.services.notifications
import models.services.snooze
import models.services.undo_check_in
from hospital_rt.domain.clock import moment_at
from hospital_rt.domain.course import Course, CourseChange, Slot
from hospital_rt.domain.schedule import WEEKDAYS, OnDay, Schedule, Timeline, Weekday
from hospital_rt.storage.session import Session
from models.events import Events
from models.notes import Notes, NoteTransition
from models.patient_sequences import PatientSequence, PatientSequences
from models.steps import Steps
from models.store import Store


@dataclass(frozen=True)
class Defect:
    """``found_by`` is what must notice it: slots, courses, plays, or a pair of acts by its name."""

    name: str
    put_in: Callable[[MonkeyPatch], None]
    found_by: tuple[str, ...]


DEFECTS: list[Defect] = []


def defect(name: str, *found_by: str) -> Callable[[Callable[[MonkeyPatch], None]], Callable[[MonkeyPatch], None]]:
    def keep(put_in: Callable[[MonkeyPatch], None]) -> Callable[[MonkeyPatch], None]:
        DEFECTS.append(Defect(name, put_in, found_by))
        return put_in

    return keep


class _Loose:
    """The records without transactions: each call by itself."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def transaction(self, work: Any) -> Any:
        return await work(Session(None))


def _loosen(patch: MonkeyPatch, module: Any, act: str) -> None:
    whole = getattr(module, act)
    patch.setattr(module, act, lambda store, *a, **more: whole(_Loose(store), *a, **more))


def _outside(patch: MonkeyPatch, owner: Any, name: str) -> None:
    whole = getattr(owner, name)

    def loosened(self: Any, *a: Any, session: Session, **more: Any) -> Any:
        outside = copy(session)
        outside.driver = None
        return whole(self, *a, session=outside, **more)

    patch.setattr(owner, name, loosened)


# Writing


@defect("the seq is counted outside of the transaction", "dispatcher / dispatcher")
def _(patch: MonkeyPatch) -> None:
    _outside(patch, Events, "_count_on")


@defect("events are written outside of the transaction", "dispatcher / dispatcher")
def _(patch: MonkeyPatch) -> None:
    _outside(patch, Events, "append")


@defect("the step is moved on first, the reminder written later", "dispatcher / dispatcher")
def _(patch: MonkeyPatch) -> None:
    _outside(patch, Steps, "save")


@defect("check, insert and advance without a transaction", "dispatcher / dispatcher")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(Store, "transaction", _Loose.transaction)


@defect("no transaction, and ids that do not follow from the facts", "dispatcher / dispatcher")
def _(patch: MonkeyPatch) -> None:
    key = Timeline.key
    patch.setattr(Store, "transaction", _Loose.transaction)
    patch.setattr(Timeline, "key", lambda self, slot: f"{key(self, slot)}#{uuid4().hex}")


@defect("a check-in is read first and written later", "check-in / check-in")
def _(patch: MonkeyPatch) -> None:
    _loosen(patch, models.services.check_in.check_in_group, "together")


@defect("an undo is read first and written later", "undo / dispatcher")
def _(patch: MonkeyPatch) -> None:
    _loosen(patch, models.services.undo_check_in, "undo_check_in")


@defect("a change of zone is read first and written later", "dispatcher / move")
def _(patch: MonkeyPatch) -> None:
    _loosen(patch, models.services.accounts, "change_settings")


@defect("changes without an event do not advance a feed's position", "dispatcher / move")
def _(patch: MonkeyPatch) -> None:
    async def nothing(self: Events, patient_ids: set[str], *, session: Any) -> None:
        pass

    patch.setattr(Events, "advance_positions", nothing)


@defect("a commit without an answer is done anew from the start", "submit / worker")
def _(patch: MonkeyPatch) -> None:
    async def commit(session: Any) -> None:
        try:
            await session.commit_transaction()
        except PyMongoError:
            raise OperationFailure("again", 251, {"errorLabels": ["TransientTransactionError"]}) from None

    patch.setattr(hospital_rt.storage.database, "_commit", commit)


# Notes


def _unfenced(patch: MonkeyPatch) -> None:
    whole = Notes.settle

    async def settle(self: Notes, settled: Sequence[NoteTransition], *, session: Any) -> int:
        rows = await self._notes.find({"_id": {"$in": [one.note.id for one in settled]}}, session=session).to_list(None)
        status = {row["_id"]: row["status"] for row in rows}
        unfenced = [
            replace(one, note=replace(one.note, status=status.get(one.note.id, one.note.status)), lease=None)
            for one in settled
        ]
        return await whole(self, unfenced, session=session)

    patch.setattr(Notes, "settle", settle)


@defect("a lease without fencing", "worker / worker, one note")
def _(patch: MonkeyPatch) -> None:
    _unfenced(patch)


@defect("a late extraction is accepted", "worker / worker, two notes")
def _(patch: MonkeyPatch) -> None:
    _unfenced(patch)
    whole = PatientSequences.advance

    async def advance(self: PatientSequences, patient_id: str, **more: Any) -> PatientSequence:
        return PatientSequence(last_note=(await whole(self, patient_id, **more)).last_note, ready_note=0)

    patch.setattr(PatientSequences, "advance", advance)


@defect("an undo brings back a step whose plan was replaced", "undo / worker")
def _(patch: MonkeyPatch) -> None:
    async def revived(_store: Any, _before: Any, after: Any, **_more: Any) -> Any:
        return after

    patch.setattr(models.services.undo_check_in, "_revived", revived)


@defect("the open slot of a cancelled step stays open", "dispatcher / cancel")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(models.services.check_in, "withdraw", lambda course, *, now: CourseChange(course))


# Slots


@defect("24 hours on instead of the same wall time", "slots", "courses")
def _(patch: MonkeyPatch) -> None:
    def moment(self: Timeline, slot: int, *, days_later: int = 0) -> datetime:
        clock = self.schedule.times[slot % len(self.schedule.times)]
        first = moment_at(self.schedule.start_date, time.fromisoformat(clock), self.zone)
        return first + timedelta(days=self.day_number(slot) + days_later)

    patch.setattr(Timeline, "moment", moment)


@defect("the second showing of a time that is shown twice", "slots")
def _(patch: MonkeyPatch) -> None:
    def second(day: date, at: time, zone: ZoneInfo) -> datetime:
        first = moment_at(day, at, zone)
        later = datetime.combine(day, at).replace(tzinfo=zone, fold=1).astimezone(first.tzinfo)
        return max(first, later) if later.astimezone(zone).time() == at else first

    patch.setattr(hospital_rt.domain.schedule, "moment_at", second)


@defect("a skipped time is moved on by what was skipped", "slots")
def _(patch: MonkeyPatch) -> None:
    def shifted(day: date, at: time, zone: ZoneInfo) -> datetime:
        return datetime.combine(day, at).replace(tzinfo=zone).astimezone(ZoneInfo("UTC"))

    patch.setattr(hospital_rt.domain.schedule, "moment_at", shifted)


@defect("two times on one instant are two slots", "slots", "courses")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(Timeline, "is_merged", lambda self, slot: False)


@defect("slots before the step became active exist", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.course.begin
    patch.setattr(hospital_rt.domain.course, "begin", lambda *a, **more: replace(whole(*a, **more), first=0, passed=-1))


@defect("a slot is known by its instant, not by its date", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = Timeline.newest_due

    def newest_due(self: Timeline, now: datetime, *, after: int) -> int | None:
        slot = whole(self, now, after=self.first - 1)
        return None if slot is None or self.moment(slot) in self.kept.values() else slot

    patch.setattr(Timeline, "newest_due", newest_due)


# Days


@defect("weekdays are counted from Monday, whatever day a course begins on", "slots", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.schedule._week_offsets
    patch.setattr(hospital_rt.domain.schedule, "_week_offsets", lambda first, weekdays: whole(0, weekdays))


@defect("weekdays in the order in which the note has them", "slots")
def _(patch: MonkeyPatch) -> None:
    def offsets(first: int, weekdays: tuple[Weekday, ...]) -> tuple[int, ...]:
        return tuple((WEEKDAYS.index(day) - first) % 7 for day in weekdays)

    patch.setattr(hospital_rt.domain.schedule, "_week_offsets", offsets)


@defect("every other week is every week", "slots", "courses")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(Schedule, "_week_days", 7)


@defect("a month is 30 days", "slots", "courses")
def _(patch: MonkeyPatch) -> None:
    def month_day(start: date, every_months: int, on_day: OnDay | None, round_number: int) -> int:
        return 30 * every_months * round_number

    patch.setattr(hospital_rt.domain.schedule, "_month_day", month_day)


@defect("after a shorter month its last day stays", "slots", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.schedule._month_day

    def month_day(start: date, every_months: int, on_day: OnDay | None, round_number: int) -> int:
        lowest = min(
            (start + timedelta(days=whole(start, every_months, on_day, number))).day
            for number in range(round_number + 1)
        )
        return whole(start, every_months, lowest, round_number)

    patch.setattr(hospital_rt.domain.schedule, "_month_day", month_day)


@defect("a day of the month that is past is reminded at once", "slots", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.schedule._month_day

    def month_day(start: date, every_months: int, on_day: OnDay | None, round_number: int) -> int:
        return whole(start, every_months, on_day, round_number) if round_number else 0

    patch.setattr(hospital_rt.domain.schedule, "_month_day", month_day)


@defect("a course of weekdays counts all its days", "courses")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(Schedule, "rounds", property(lambda self: self.duration_days))


@defect("parts of the day stay where they were", "slots")
def _(patch: MonkeyPatch) -> None:
    whole = Schedule.at_day_times
    patch.setattr(
        Schedule,
        "at_day_times",
        lambda self, day_times: self if self.times_from == "day_parts" else whole(self, day_times),
    )


# Courses


@defect("a reminder for each day that was missed", "courses")
def _(patch: MonkeyPatch) -> None:
    def oldest_due(self: Timeline, now: datetime, *, after: int) -> int | None:
        slot = self.after(after)
        return slot if slot is not None and self.moment(slot) <= now else None

    patch.setattr(Timeline, "newest_due", oldest_due)


@defect("a slot that was answered early is reminded all the same", "courses")
def _(patch: MonkeyPatch) -> None:
    known = Course.known

    def forgets(self: Course, number: int) -> Slot | None:
        slot = known(self, number)
        return None if slot and number > self.passed and slot.state == "done" else slot

    patch.setattr(Course, "known", forgets)


@defect("a course never lapses and a taper has no end", "courses")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(hospital_rt.domain.course, "end_at", lambda course, zone: None)


@defect("a skipped slot counts as done", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.course.answer

    def answer(*a: Any, **more: Any) -> CourseChange:
        change = whole(*a, **more)
        done = change.course.done + (change.counted and more["outcome"] == "skipped")
        return replace(change, course=replace(change.course, done=done))

    patch.setattr(hospital_rt.domain.course, "answer", answer)


@defect("an undone answer leaves the step completed", "courses")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(hospital_rt.domain.course_undo, "_runs_again", lambda course, *, now, zone: (course, []))


# Repeats within the day, and what was put off


def _repeated(patch: MonkeyPatch, changed: Callable[[Slot, Slot], Slot]) -> None:
    """The slot after a repeat is another one: of the slot before and the right one."""
    whole = hospital_rt.domain.course._repeated

    def repeated(course: Course, waiting: Slot, timeline: Timeline, **more: Any) -> tuple[Slot, datetime] | None:
        again = whole(course, waiting, timeline, **more)
        return (changed(waiting, again[0]), again[1]) if again else None

    patch.setattr(hospital_rt.domain.course, "_repeated", repeated)


@defect("repeats are numbered by days alone", "courses", "repeat / repeat")
def _(patch: MonkeyPatch) -> None:
    _repeated(patch, lambda waiting, again: replace(again, last_repeat=max(1, again.repeats)))


@defect("a slot is repeated more often than the patient chose", "courses")
def _(patch: MonkeyPatch) -> None:
    _repeated(patch, lambda waiting, again: replace(again, repeats_today=0))


@defect("a slot that was put off is put off for ever", "courses")
def _(patch: MonkeyPatch) -> None:
    _repeated(patch, lambda waiting, again: replace(again, snoozed_until=waiting.snoozed_until))


@defect("what is put off is repeated all the same", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.course._repeated

    def repeated(course: Course, waiting: Slot, *a: Any, **more: Any) -> tuple[Slot, datetime] | None:
        return whole(course, replace(waiting, snoozed_until=None), *a, **more) or whole(course, waiting, *a, **more)

    patch.setattr(hospital_rt.domain.course, "_repeated", repeated)


@defect("a late repeat is followed at once by the next", "courses")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(hospital_rt.domain.course, "reminded_at", lambda due_at, schedule, *, now: due_at)


@defect("the night is that of Greenwich", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.repeats.is_night
    patch.setattr(hospital_rt.domain.repeats, "is_night", lambda moment, zone: whole(moment, ZoneInfo("UTC")))


@defect("a slot that is due at night is not repeated", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.repeats.repeat_within_day

    def quiet(*a: Any, zone: ZoneInfo, **more: Any) -> datetime | None:
        at = whole(*a, zone=zone, **more)
        return None if at is not None and hospital_rt.domain.repeats.is_night(at, zone) else at

    patch.setattr(hospital_rt.domain.course, "repeat_within_day", quiet)


@defect("another choice is counted from the last reminder", "courses")
def _(patch: MonkeyPatch) -> None:
    whole = hospital_rt.domain.repeats.repeat_within_day
    patch.setattr(
        hospital_rt.domain.course,
        "repeat_within_day",
        lambda rule, *a, **more: whole(replace(rule, since=None), *a, **more),
    )


@defect("a slot may be put off beyond the days of its course", "courses")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(hospital_rt.domain.course_snooze, "end_at", lambda course, zone: None)


@defect("an answer leaves the slot put off", "courses", "snooze / check-in")
def _(patch: MonkeyPatch) -> None:
    patch.setattr(Slot, "closed", lambda self, state: replace(self, state=state))


@defect("a snooze is read first and written later", "snooze / check-in")
def _(patch: MonkeyPatch) -> None:
    _loosen(patch, models.services.snooze, "snooze_slot")


@defect("another choice holds for new steps alone", "repeat / another choice")
def _(patch: MonkeyPatch) -> None:
    whole = models.services.accounts._moved

    def moved(step: Any, patient: Any, since: datetime | None) -> Any:
        after = whole(step, patient, since)
        return replace(after, course=replace(after.course, repeat=step.course.repeat)) if after.course else after

    patch.setattr(models.services.accounts, "_moved", moved)


@defect("a late answer loses its time", "end of a snooze / late check-in")
def _(patch: MonkeyPatch) -> None:
    whole = models.services.notifications.ledger_entries
    patch.setattr(
        models.services.check_in_rules, "ledger_entries", lambda *a, **more: whole(*a, **{**more, "done_at": None})
    )
