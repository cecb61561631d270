"""Encoding of schedules, courses and uses in a step's document: plain members, no clinical text."""

from __future__ import annotations

from datetime import date

from hospital_rt.domain.as_needed import Use, UseLimits
from hospital_rt.domain.course import Course, Slot
from hospital_rt.domain.repeats import RepeatRule
from hospital_rt.domain.schedule import Schedule
from hospital_rt.storage.database import Document
from hospital_rt.storage.documents import read_document, write_document

NEWER_MEMBERS = ("parts", "weekdays", "every_months", "on_day")
# The members of a slot, and their keys in a step's document.
SLOT_KEYS = {
    "number": "n",
    "key": "key",
    "at": "at",
    "state": "state",
    "recorded": "rec",
    "repeats": "rep",
    "answered_at": "ans",
}
REPEAT_KEYS = {"reminded_at": "told_at", "repeats_today": "within", "snoozed_until": "snoozed"}


def schedule_row(plan: Schedule) -> Document:
    """The members of a schedule; those that most have not are written only where they stand.

    A role of a version that does not know weekdays, months or parts of the day cannot read such a row, and leaves the
    step to those that can, rather than remind on days that the doctor did not name.
    """
    members = write_document(plan)
    return {
        **{name: value for name, value in members.items() if value or name not in NEWER_MEMBERS},
        **{name: list(members[name]) for name in ("times", "parts", "weekdays") if members[name]},
        "start_date": plan.start_date.isoformat(),
    }


def read_schedule(row: Document) -> Schedule:
    values = {**row, "start_date": date.fromisoformat(row["start_date"]), "times": tuple(row["times"])}
    for name in ("parts", "weekdays"):
        values[name] = tuple(row.get(name, ()))
    return Schedule(**values)


def course_row(course: Course) -> Document:
    rule = course.repeat
    repeat = {"every": rule.every_minutes, "most": rule.most, "since": rule.since} if rule else None
    return {
        **write_document(course, without=("schedule", "window", "repeat")),
        "window": [_slot_row(slot) for slot in course.window],
        **({"repeat": repeat} if repeat else {}),
    }


def _slot_row(slot: Slot) -> Document:
    """The members of a slot; those that only repeats and snoozes have are written where they stand."""
    row = {key: getattr(slot, name) for name, key in SLOT_KEYS.items()}
    if slot.last_repeat != slot.repeats:
        row["told"] = slot.last_repeat
    return row | {key: value for name, key in REPEAT_KEYS.items() if (value := getattr(slot, name))}


def _read_slot(row: Document) -> Slot:
    members: Document = {name: row[key] for name, key in (SLOT_KEYS | REPEAT_KEYS).items() if key in row}
    return Slot(**{"last_repeat": row.get("told", row["rep"]), **members})


def read_course(row: Document, schedule: Schedule) -> Course:
    rule = row.get("repeat")
    repeat = RepeatRule(every_minutes=rule["every"], most=rule["most"], since=rule["since"]) if rule else None
    window = tuple(_read_slot(slot) for slot in row["window"])
    return read_document(Course, row, schedule=schedule, window=window, repeat=repeat)


def limits_row(limits: UseLimits | None) -> Document | None:
    """As stored, and as shown: hours that are whole are written so."""
    if limits is None:
        return None
    hours = limits.min_gap_hours
    return {
        "min_gap_hours": int(hours) if hours is not None and hours == int(hours) else hours,
        "max_per_day": limits.max_per_day,
    }


def read_limits(row: Document | None) -> UseLimits | None:
    return UseLimits(min_gap_hours=row["min_gap_hours"], max_per_day=row["max_per_day"]) if row else None


def uses_row(uses: tuple[Use, ...]) -> list[Document]:
    return [write_document(use) for use in uses]


def read_uses(row: Document) -> tuple[Use, ...]:
    """The newest uses of a step, by time. A role of an earlier version writes ``last_use_at`` alone."""
    uses = [read_document(Use, one) for one in row.get("recent_uses") or ()]
    last = row.get("last_use_at")
    if last is not None and all(use.at < last for use in uses):
        uses.append(Use(at=last))
    return tuple(uses)
