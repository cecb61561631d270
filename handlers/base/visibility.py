"""Visibility policy: which notes, steps and quotes a reader may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from handlers.base.operation import Principal
from hospital_rt.domain.clock import to_wire
from hospital_rt.web.problems import Problem
from models.assignments import Assignment
from models.notes import UNREAD, Note
from models.steps import Step
from models.store import Store

HIDDEN_FROM_PATIENT = ("proposed", "rejected")


async def may_see_patient(store: Store, who: Principal, patient_id: str) -> Assignment | None:
    """The current assignment of a doctor to this patient; None for the patient themselves.

    Raises:
        Problem: 404 when the patient is not theirs.
    """
    if who.role == "patient":
        if patient_id != who.id:
            raise Problem("not-found")
        return None
    found = await store.assignments.between(patient_id, who.id)
    if found is None:
        raise Problem("not-found")
    return found


def quotes_for(who: Principal, step: Step, assignment: Assignment | None, withdrawn: frozenset[str]) -> bool:
    """Whether this reader may see the quote of the step."""
    if who.role == "patient":
        return step.note_id not in withdrawn
    return step.doctor_id == who.id or bool(assignment and assignment.share_history)


def sees_step(who: Principal, step: Step, assignment: Assignment | None) -> bool:
    """Whether this reader may see the step.

    Patients see no proposed or rejected steps. A doctor with the current assignment sees their own steps, and of other
    doctors' steps those that are active, ended during the assignment, or are shared by the patient.
    """
    if who.role == "patient":
        return step.patient_id == who.id and step.status not in HIDDEN_FROM_PATIENT
    if assignment is None or assignment.patient_id != step.patient_id:
        return False
    if step.doctor_id == who.id:
        return True
    if step.status in HIDDEN_FROM_PATIENT:
        return False
    ended_at = step.completed_at or step.cancelled_at
    return assignment.share_history or step.status == "active" or bool(ended_at and ended_at >= assignment.since)


async def visible_steps(
    store: Store, who: Principal, status: str, patient_id: str | None
) -> tuple[dict[str, Any], dict[str, Assignment]]:
    """A query for the steps this reader may see, and the assignments that give a doctor access.

    ``status`` is one of a step's, or ``all``.

    Raises:
        Problem: 404 when the patient is not theirs.
    """
    if who.role == "patient":
        if patient_id not in {None, who.id}:
            raise Problem("not-found")
        if status in HIDDEN_FROM_PATIENT:
            return {"patient_id": who.id, "status": {"$in": []}}, {}
        return {"patient_id": who.id, "status": {"$nin": list(HIDDEN_FROM_PATIENT)} if status == "all" else status}, {}
    if patient_id:
        held = await may_see_patient(store, who, patient_id)
        mine = [held] if held else []
    else:
        mine = await store.assignments.of_doctor(who.id)
    assignments = {one.patient_id: one for one in mine}
    wanted: dict[str, Any] = {"patient_id": {"$in": list(assignments)}}
    if status != "all":
        wanted["status"] = status
    if status in HIDDEN_FROM_PATIENT:
        wanted["doctor_id"] = who.id
    elif status != "active":
        wanted["$or"] = [{"doctor_id": who.id}, *await _of_others(store, who, mine)]
    return wanted, assignments


async def _of_others(store: Store, who: Principal, mine: Sequence[Assignment]) -> list[dict[str, Any]]:
    """A doctor's access to other doctors' steps: active ones, ones that ended during the assignment, and shared ones.

    Only for patients that have such steps: they are few, and a query with a clause for each of hundreds is slow.
    """
    others = await store.steps.patients_of_others(who.id, [one.patient_id for one in mine])
    visible: list[dict[str, Any]] = []
    for one in mine:
        if one.patient_id not in others:
            continue
        settled = {"patient_id": one.patient_id, "status": {"$nin": list(HIDDEN_FROM_PATIENT)}}
        if one.share_history:
            visible.append(settled)
        else:
            visible.append({"patient_id": one.patient_id, "status": "active"})
            visible.append({**settled, "completed_at": {"$gte": one.since}})
            visible.append({**settled, "cancelled_at": {"$gte": one.since}})
    return visible


async def readable_step(store: Store, who: Principal, step_id: str) -> tuple[Step, Assignment | None]:
    """The step, if this reader may see it, and a doctor's assignment to its patient.

    Raises:
        Problem: 404.
    """
    step = await store.steps.get(step_id)
    if step is None:
        raise Problem("not-found")
    assignment = await may_see_patient(store, who, step.patient_id)
    if not sees_step(who, step, assignment):
        raise Problem("not-found")
    return step, assignment


async def withdrawn_notes(store: Store, who: Principal) -> frozenset[str]:
    """The withdrawn notes whose text is closed to this reader."""
    return frozenset(await store.notes.withdrawn_ids(who.id)) if who.role == "patient" else frozenset()


async def visible_notes(store: Store, who: Principal, patient_id: str | None) -> dict[str, Any]:
    """A query for the notes this reader may see.

    Raises:
        Problem: 404 when the patient is not theirs.
    """
    if who.role == "patient":
        if patient_id not in {None, who.id}:
            raise Problem("not-found")
        return {"patient_id": who.id, "status": {"$ne": "withdrawn"}}
    if patient_id:
        assignment = await may_see_patient(store, who, patient_id)
        wanted: dict[str, Any] = {"patient_id": patient_id}
        if not (assignment and assignment.share_history):
            wanted["doctor_id"] = who.id
        return wanted
    mine = await store.assignments.of_doctor(who.id)
    return {"doctor_id": who.id, "patient_id": {"$in": [one.patient_id for one in mine]}}


def note_line(note: Note, who: Principal, names: dict[str, str | None]) -> dict[str, Any]:
    """A note without its text. To the patient a proposal reads as still being worked on."""
    line = _note_head(note, who, names)
    if who.id == note.doctor_id:
        line["questions"] = note.questions
    return line


def _note_head(note: Note, who: Principal, names: dict[str, str | None]) -> dict[str, Any]:
    status = "processing" if who.role == "patient" and note.status == "proposed" else note.status
    return {
        "id": note.id,
        "patient": {"id": note.patient_id, "name": names.get(note.patient_id)},
        "doctor": {"id": note.doctor_id, "name": names.get(note.doctor_id)},
        "status": status,
        "extracted_by": note.extracted_by,
        "failure": note.failure if status == note.status else None,
        "created_at": to_wire(note.created_at),
    }


async def note_view(store: Store, note: Note, who: Principal, *, now: datetime) -> dict[str, Any]:
    """A note with its text and steps, for its patient or its author (or a doctor with whom the history is shared)."""
    names = await store.users.names({note.patient_id, note.doctor_id})
    steps: Sequence[Step] = [] if note.status in UNREAD else await store.steps.of_note(note.id)
    if who.id != note.doctor_id:
        steps = [step for step in steps if step.status not in HIDDEN_FROM_PATIENT]
    view = _note_head(note, who, names)
    view["text"] = await store.notes.text(note)
    view["steps"] = [step.as_json(now=now) for step in steps]
    if who.id == note.doctor_id:
        review = await store.notes.review(note)
        view |= {name: review[name] for name in ("questions", "dropped", "unmatched", "account")}
    return view


async def readable_note(store: Store, who: Principal, note_id: str) -> Note:
    """The note, if this reader may read it.

    Raises:
        Problem: 404.
    """
    note = await store.notes.get(note_id)
    if note is None:
        raise Problem("not-found")
    if who.role == "patient":
        if note.patient_id != who.id or note.status == "withdrawn":
            raise Problem("not-found")
        return note
    assignment = await store.assignments.between(note.patient_id, who.id)
    if assignment is None or (note.doctor_id != who.id and not assignment.share_history):
        raise Problem("not-found")
    return note
