"""Undo: the course after the patient has withdrawn an answer (contract, "Check-ins")."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hospital_rt.domain.course import ANSWERED, Course, CourseChange, Slot, days_on, end_at, finish, keep
from hospital_rt.domain.errors import Conflict


def undo(course: Course, slot: Slot, *, now: datetime, zone: ZoneInfo) -> CourseChange:
    """Take back the answer to ``slot``: it is open again when no newer came due, missed otherwise, or still to come.

    A course that the answer had completed runs again, with the slot that was open then, unless its days are over by
    now. A slot that was answered early and is open now is reminded: it never was. One that is open again is repeated
    within the day from now on. The caller lets time pass before, and after, since slots may have come due while the
    course was over.

    Raises:
        DomainError: 409 ``too-late`` 24 h after the answer, 409 ``conflict`` when there is none.
    """
    if slot.state not in ANSWERED or slot.answered_at is None:
        raise Conflict("conflict", "There is no check-in to undo.")
    if now - slot.answered_at > course.schedule.one_day:
        raise Conflict("too-late", "A check-in can be undone within 24 hours.")
    is_newest, completed_at = slot.number == course.passed, course.completed_at
    course = replace(
        course,
        done=max(0, course.done - (slot.state == "done")),
        window=tuple(kept for kept in course.window if kept.number != slot.number),
    )
    touched: list[Slot] = []
    if course.ended:
        course, touched = _runs_again(course, now=now, zone=zone)
    if is_newest and course.ended is None:
        days = slot.repeats if slot.recorded else days_on(course.timeline(zone), slot.number, now=now)
        touched.append(replace(slot, state="open", answered_at=None, recorded=True, repeats=days, reminded_at=now))
    elif slot.number <= course.passed and (slot.recorded or slot.answered_at < slot.at):
        touched.append(replace(slot, state="missed", answered_at=None))
    removed = () if any(kept.number == slot.number for kept in touched) else (slot,)
    course, more = finish(keep(course, touched, now=now), now=now, zone=zone)
    if course.ended:
        course = replace(course, completed_at=completed_at)
    reminded = course.open_slot if is_newest and not slot.recorded else None
    latest = {kept.number: kept for kept in (*touched, *more)}
    answered = latest.get(slot.number, slot)
    return CourseChange(course, tuple(latest.values()), removed, reminded=reminded, answered=answered, counted=True)


def _runs_again(course: Course, *, now: datetime, zone: ZoneInfo) -> tuple[Course, list[Slot]]:
    """The course before it was completed, with the slot that was open then; over all the same when its days are."""
    end = end_at(course, zone)
    if course.ended == "lapsed" or (end is not None and end <= now):
        if course.ended == "done" and course.total is not None and course.done < course.total:
            course = replace(course, ended="fixed" if course.schedule.is_fixed else "lapsed")
        return course, []
    course = replace(course, ended=None, completed_at=None)
    closed = course.known(course.passed)
    return course, [replace(closed, state="open", reminded_at=now)] if closed and closed.state == "withdrawn" else []
