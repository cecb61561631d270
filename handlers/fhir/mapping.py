"""Mapping of records to FHIR R4B: plain documents, built from what one viewer may see.

- **Patient**, **Practitioner**: the account's id and name. The e-mail address is shown only to the patient themselves.
- **CarePlan**: the steps of a note as a whole. ``status`` draft (proposed), active, completed, revoked
  or entered-in-error (withdrawn); ``activity.reference`` names each Task. The note's text is only in REST.
- **Task**: one step. ``code.text`` title, ``description`` detail, ``note`` the doctor's words (the quote),
  ``for`` and ``owner`` the patient, ``requester`` the doctor, ``businessStatus`` how it ended, ``groupIdentifier``
  and ``basedOn`` its note. When it is due is ``input`` ``timing`` (a Timing; ``timeOfDay`` in the zone that the
  extension tz-code on ``boundsPeriod.start`` names, or ``when`` for parts of the patient's day; ``dayOfWeek``; months
  as ``periodUnit`` mo) and ``restriction.repetitions``; how far it has come is ``output``
  (``done``, ``open-slot``, ``next-reminder``). A step taken as needed has ``input`` ``as-needed``, ``min-gap`` and
  ``max-per-day``, and no timing.
- **Communication**: what the ledger holds. ``category`` reminder: ``sent`` is the slot, ``status`` in-progress while it
  is repeated, completed once answered or missed, stopped when withdrawn. ``category`` check-in: ``sender`` the patient
  or the carer who answered (a RelatedPerson, by identifier and name),
  ``topic`` done or skipped, ``payload`` the reason, ``inResponseTo`` the reminder.

Our own codes use the system ``urn:hospital-rt:code``. ``fhir.resources`` validates these documents in the tests only:
validating a page of 50 Tasks blocks the event loop for 21 ms, serializing it for 0.2 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from hospital_rt.domain.clock import to_wire
from hospital_rt.domain.course import next_reminder_at, slot_id
from models.notes import Note, NoteStatus
from models.reminders import Reminder
from models.steps import Step, StepStatus

CODES = "urn:hospital-rt:code"
TZ_CODE = "http://hl7.org/fhir/StructureDefinition/tz-code"
DAY_OF_MONTH = "http://hl7.org/fhir/StructureDefinition/timing-dayOfMonth"
WHEN = {"morning": "MORN", "noon": "NOON", "evening": "EVE", "bedtime": "HS"}
Part = Literal["r", "a"]  # of a slot: the reminder, and its answer
Resource = dict[str, Any]
Names = Mapping[str, str | None]
TASK_STATUS: dict[StepStatus, str] = {
    "proposed": "draft",
    "active": "in-progress",
    "completed": "completed",
    "cancelled": "cancelled",
    "rejected": "rejected",
}
PLAN_STATUS: dict[NoteStatus, str] = {
    "proposed": "draft",
    "rejected": "revoked",
    "superseded": "revoked",
    "withdrawn": "entered-in-error",
}
SLOT_STATUS = {"open": "in-progress", "withdrawn": "stopped"}


def whole(document: Resource) -> Resource:
    """The document without empty members: FHIR has no null and no empty list."""
    found: Resource = _whole(document)
    return found


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kept for name, one in value.items() if (kept := _whole(one)) not in (None, {}, [], "")}
    if isinstance(value, list):
        return [kept for one in value if (kept := _whole(one)) not in (None, {}, [], "")]
    return value


def coded(code: str) -> Resource:
    return {"coding": [{"system": CODES, "code": code}], "text": code}


def reference(type: str, id: str, names: Names | None = None) -> Resource:
    return {"reference": f"{type}/{id}", "display": (names or {}).get(id)}


def patient(
    id: str,
    *,
    name: str | None,
    is_active: bool,
    doctor_id: str | None,
    names: Names,
    email: str | None = None,
    language: str | None = None,
    birth_date: str | None = None,
    phone: str | None = None,
) -> Resource:
    """A patient; ``email`` and ``language`` only for themselves, ``birth_date`` and ``phone`` for their doctor too."""
    telecom = [{"system": system, "value": value} for system, value in (("email", email), ("phone", phone)) if value]
    return whole(
        {
            "resourceType": "Patient",
            "id": id,
            "active": is_active,
            "name": [{"text": name}],
            "telecom": telecom,
            "birthDate": birth_date,
            "communication": [
                {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": language}]}, "preferred": True}
            ]
            if language
            else [],
            "generalPractitioner": [reference("Practitioner", doctor_id, names)] if doctor_id else [],
        }
    )


def practitioner(id: str, *, name: str | None, is_active: bool) -> Resource:
    """A doctor; without a name once their account is erased."""
    return whole(
        {
            "resourceType": "Practitioner",
            "id": id,
            "active": is_active,
            "name": [{"text": name}],
        }
    )


def care_plan_status(note: Note, steps: Iterable[Step]) -> str:
    if note.status in PLAN_STATUS:
        return PLAN_STATUS[note.status]
    seen = {step.status for step in steps}
    return "active" if "active" in seen else "revoked" if "cancelled" in seen else "completed"


def care_plan(note: Note, steps: Sequence[Step], names: Names) -> Resource:
    """The plan of a note: ``steps`` are those that this viewer may see."""
    return whole(
        {
            "resourceType": "CarePlan",
            "id": note.id,
            "status": care_plan_status(note, steps),
            "intent": "proposal" if note.status == "proposed" else "plan",
            "subject": reference("Patient", note.patient_id, names),
            "created": to_wire(note.created_at),
            "period": {"start": to_wire(note.created_at)},
            "author": reference("Practitioner", note.written_by or note.doctor_id, names),
            "activity": [
                {"reference": {"reference": f"Task/{step.id}", "display": step.words.title}} for step in steps
            ],
        }
    )


def _timing(step: Step) -> Resource | None:
    plan = step.schedule
    if plan is None or step.as_needed:
        return None
    zone = {"extension": [{"url": TZ_CODE, "valueCode": step.timezone}]}
    times = sorted(set(plan.times))
    follows_day = plan.times_from == "day_parts"
    repeat: Resource = {
        "boundsPeriod": {"start": plan.start_date.isoformat(), "_start": zone},
        "count": plan.occurrences,
        "frequency": len(times),
        "period": plan.every_days,
        "periodUnit": "d",
        "timeOfDay": [] if follows_day else [f"{time}:00" for time in times],
        "when": [WHEN[part] for part in plan.parts] if follows_day else [],  # one or the other (tim-10)
    }
    if plan.every_months:
        first = plan.start_date + timedelta(days=plan.day_of(0))
        day = plan.on_day or plan.start_date.day
        repeat |= {"period": plan.every_months, "periodUnit": "mo"}
        repeat["boundsPeriod"] = {"start": first.isoformat(), "_start": zone}
        if day != "last" and day <= 28:  # others move to the last day of a shorter month, which FHIR cannot say
            repeat["extension"] = [{"url": DAY_OF_MONTH, "valuePositiveInt": day}]
    elif plan.weekdays:
        weeks = max(1, plan.every_days // 7)
        repeat |= {"period": weeks, "periodUnit": "wk", "frequency": len(times) * len(plan.weekdays)}
        repeat["dayOfWeek"] = list(plan.weekdays)
    return {"repeat": repeat}


def _limits(step: Step) -> list[Resource | None]:
    """What a step that is taken as needed allows."""
    limits = step.limits
    if limits is None:
        return []
    hours = limits.min_gap_hours
    gap = {"value": hours, "unit": "h", "system": "http://unitsofmeasure.org", "code": "h"} if hours else None
    return [_valued("min-gap", "Duration", gap), _valued("max-per-day", "PositiveInt", limits.max_per_day)]


def _valued(code: str, kind: str, value: Any) -> Resource | None:
    return None if value is None else {"type": coded(code), f"value{kind}": value}


def task(step: Step, *, quotes: bool, names: Names, now: datetime) -> Resource:
    """A step. ``quotes``: this viewer may see the quote and read the note."""
    view = step.as_json(now=now, quotes=quotes)
    total, ended_at = view["progress"]["total"], step.completed_at or step.cancelled_at
    following = next_reminder_at(step.course, step.zone) if step.course and step.status == "active" else None
    return whole(
        {
            "resourceType": "Task",
            "id": step.id,
            "status": TASK_STATUS[step.status],
            "intent": "proposal" if step.status == "proposed" else "order",
            "businessStatus": coded(step.ended) if step.ended else None,
            "groupIdentifier": {"system": f"{CODES}:note", "value": step.note_id},
            "basedOn": [reference("CarePlan", step.note_id)] if quotes else [],
            "code": {"coding": [{"system": CODES, "code": step.kind}], "text": step.words.title},
            "description": step.words.detail,
            "for": reference("Patient", step.patient_id, names),
            "owner": reference("Patient", step.patient_id, names),
            "requester": reference("Practitioner", step.doctor_id, names),
            "authoredOn": to_wire(step.created_at),
            "executionPeriod": {
                "start": to_wire(step.activated_at),
                "end": to_wire(ended_at),
            },
            "note": [{"authorReference": reference("Practitioner", step.doctor_id), "text": view["quote"]}]
            if view["quote"]
            else [],
            "restriction": {"repetitions": total} if total and step.kind == "plan" else None,
            "input": [
                _valued("timing", "Timing", _timing(step)),
                _valued("miss-policy", "Code", step.schedule.miss_policy if step.schedule and step.has_slots else None),
                _valued("as-needed", "Boolean", True if step.as_needed else None),
                *_limits(step),
            ],
            "output": [
                _valued("done", "UnsignedInt", view["progress"]["done"]),
                _valued("open-slot", "Instant", view["open_slot"]),
                _valued("next-reminder", "Instant", to_wire(following)),
            ],
        }
    )


# Communications: up to two for each reminder


def parts_of(reminder: Reminder) -> list[Part]:
    """The parts of a record, the newest first."""
    answer: list[Part] = ["a"] if reminder.answered_at else []
    return answer + (["r"] if reminder.recorded else [])


def communication_id(reminder: Reminder, part: Part) -> str:
    """An id that FHIR allows, from which :func:`read_communication_id` finds the record."""
    if reminder.use == "slot":
        key = reminder.key.replace("#", ".")
    else:
        key = f"u{round(reminder.slot_at.timestamp() * 1000)}.{reminder.key.rpartition('-')[2]}"
    return f"{reminder.step_id}.{key}.{part}"


def read_communication_id(text: str) -> tuple[str, Part] | None:
    """The id of the record and its part; None when it is not one of ours."""
    pieces = text.split(".")
    if len(pieces) != 4 or len(text) > 64 or not text.isascii():
        return None
    step_id, first, second, part = pieces
    step_id = step_id.lower()
    if part not in ("r", "a"):
        return None
    if first.startswith("u"):
        try:
            at = datetime.fromtimestamp(int(first[1:]) // 1000, UTC)
            at = at.replace(microsecond=int(first[1:]) % 1000 * 1000)
        except (ValueError, OverflowError, OSError):
            return None
        return slot_id(step_id, f"use-{at.isoformat()}-{second}"), "r" if part == "r" else "a"
    return slot_id(step_id, f"{first}#{second}"), "r" if part == "r" else "a"


def _carer(id: str, names: Names) -> Resource:
    """A carer, of whom there is no resource here: by id and name."""
    return {"type": "RelatedPerson", "identifier": {"system": f"{CODES}:carer", "value": id}, "display": names.get(id)}


def communication(reminder: Reminder, part: Part, *, title: str | None, reason: str | None, names: Names) -> Resource:
    """A reminder as it was sent, or the patient's answer. ``title`` and ``reason`` are clinical."""
    who = reference("Patient", reminder.patient_id, names)
    common = {
        "resourceType": "Communication",
        "id": communication_id(reminder, part),
        "subject": who,
        "about": [{"reference": f"Task/{reminder.step_id}", "display": title}],
    }
    if part == "r":
        return whole(
            {
                **common,
                "status": SLOT_STATUS.get(reminder.state, "completed"),
                "category": [coded("reminder")],
                "sent": to_wire(reminder.slot_at),
                "recipient": [who],
                "payload": [{"contentString": title}],
            }
        )
    return whole(
        {
            **common,
            "status": "completed",
            "category": [coded("check-in")],
            "sender": _carer(reminder.by_id, names) if reminder.by_id else who,
            "sent": to_wire(reminder.answered_at),
            "topic": coded(reminder.outcome) if reminder.outcome else None,
            "payload": [{"contentString": reason}],
            "inResponseTo": [{"reference": f"Communication/{communication_id(reminder, 'r')}"}]
            if reminder.recorded
            else [],
        }
    )
