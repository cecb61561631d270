"""Encoding of a schedule and a course in a step's record: plain members without clinical text."""

from __future__ import annotations

from datetime import date

from hospital_rt.domain.course import Course, Slot
from hospital_rt.domain.schedule import Schedule
from hospital_rt.storage.database import Document


def schedule_row(plan: Schedule) -> Document:
    return {
        "start_date": plan.start_date.isoformat(),
        "start_in_days": plan.start_in_days,
        "times": list(plan.times),
        "times_from": plan.times_from,
        "times_per_day": plan.times_per_day,
        "every_hours": plan.every_hours,
        "every_days": plan.every_days,
        "duration_days": plan.duration_days,
        "miss_policy": plan.miss_policy,
        "day_seconds": plan.day_seconds,
    }


def read_schedule(row: Document) -> Schedule:
    values = {**row, "start_date": date.fromisoformat(row["start_date"]), "times": tuple(row["times"])}
    return Schedule(**values)


def course_row(course: Course) -> Document:
    return {
        "activated_at": course.activated_at,
        "first": course.first,
        "passed": course.passed,
        "done": course.done,
        "total": course.total,
        "ended": course.ended,
        "completed_at": course.completed_at,
        "window": [
            {
                "n": slot.number,
                "key": slot.key,
                "at": slot.at,
                "state": slot.state,
                "rec": slot.recorded,
                "rep": slot.repeats,
                "ans": slot.answered_at,
            }
            for slot in course.window
        ],
    }


def read_course(row: Document, schedule: Schedule) -> Course:
    window = tuple(
        Slot(
            number=slot["n"],
            key=slot["key"],
            at=slot["at"],
            state=slot["state"],
            recorded=slot["rec"],
            repeats=slot["rep"],
            answered_at=slot["ans"],
        )
        for slot in row["window"]
    )
    return Course(
        schedule=schedule,
        activated_at=row["activated_at"],
        first=row["first"],
        passed=row["passed"],
        done=row["done"],
        total=row["total"],
        ended=row["ended"],
        completed_at=row["completed_at"],
        window=window,
    )
