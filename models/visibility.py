"""Visibility policy: who may see which steps, quotes, notes and events.

REST, FHIR, the live channel and notifications all ask here, and the rules stand nowhere else:

- :class:`Access` says how a viewer reaches one patient's records. A further way is one more value of ``via``, found by
  :func:`access_to`, :func:`accesses_of`, :func:`recipients` and :func:`reached_patients`.
- ``can_see_*`` judge one record, ``*_filter`` are the same rules as queries, ``readable_*`` load and judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from hospital_rt.domain.errors import NotFound
from hospital_rt.storage.database import Document, Session
from models.assignments import Assignment
from models.events import FeedEvent
from models.notes import Note
from models.steps import Step
from models.store import Store

UNAPPROVED = ("proposed", "rejected")  # the states of a step that its author alone sees


class Viewer(Protocol):
    """A user who reads, such as the principal of a request."""

    @property
    def id(self) -> str: ...

    @property
    def role(self) -> Literal["doctor", "patient"]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a viewer reaches the records of one patient.

    Args:
        via: ``self`` is the patient, ``assignment`` the patient's current doctor.
        since: steps of other authors that ended earlier stay closed, unless the patient shares the history.
    """

    viewer_id: str
    patient_id: str
    via: Literal["self", "assignment"]
    since: datetime | None = None
    share_history: bool = False


def access_of_patient(patient_id: str) -> Access:
    """The patient's access to their own records."""
    return Access(viewer_id=patient_id, patient_id=patient_id, via="self")


def access_of_doctor(assignment: Assignment) -> Access:
    """The access that a current assignment gives."""
    return Access(
        viewer_id=assignment.doctor_id,
        patient_id=assignment.patient_id,
        via="assignment",
        since=assignment.since,
        share_history=assignment.share_history,
    )


# One record


def can_see_step(access: Access | None, step: Step) -> bool:
    """Whether the viewer may see the step.

    Patients see no proposed or rejected steps. Their doctor sees the doctor's own steps, and of other authors' steps
    those that are active, ended during the assignment, or are shared by the patient.
    """
    if access is None or access.patient_id != step.patient_id:
        return False
    if access.via != "self" and step.doctor_id == access.viewer_id:
        return True
    if step.status in UNAPPROVED:
        return False
    if access.via == "self" or access.share_history or step.status == "active":
        return True
    ended_at = step.completed_at or step.cancelled_at
    return bool(ended_at and access.since and ended_at >= access.since)


def can_see_quote(access: Access, step: Step, *, withdrawn: frozenset[str] = frozenset()) -> bool:
    """Whether the viewer may see the quote of a step that they may see.

    Patients see it until its note is withdrawn; a doctor sees quotes from own notes, and from those of others when the
    patient shares the history.

    Args:
        withdrawn: ids of notes that are closed to the viewer (:func:`withdrawn_notes`).
    """
    if access.via == "self":
        return step.note_id not in withdrawn
    return step.doctor_id == access.viewer_id or access.share_history


def can_see_note(access: Access | None, note: Note) -> bool:
    """Whether the viewer may read the note: patients until it is withdrawn, doctors own and shared notes."""
    if access is None or access.patient_id != note.patient_id:
        return False
    if access.via == "self":
        return note.status != "withdrawn"
    return note.doctor_id == access.viewer_id or access.share_history


def steps_beside_note(viewer_id: str, note: Note, steps: Sequence[Step]) -> list[Step]:
    """The steps of a readable note: what was not approved is for its author alone."""
    return [step for step in steps if viewer_id == note.doctor_id or step.status not in UNAPPROVED]


# Ways to a patient


async def access_to(store: Store, viewer: Viewer, patient_id: str) -> Access:
    """The viewer's access to this patient.

    Raises:
        NotFound: there is none, as for a former doctor: steps, quotes and notes are then hidden.
    """
    if viewer.role == "patient":
        if patient_id != viewer.id:
            raise NotFound
        return access_of_patient(patient_id)
    found = await store.assignments.between(patient_id, viewer.id)
    if found is None:
        raise NotFound
    return access_of_doctor(found)


async def accesses_of(store: Store, viewer: Viewer, patient_id: str | None = None) -> dict[str, Access]:
    """The viewer's access to each patient they reach, by patient id; with ``patient_id`` to that one alone.

    Raises:
        NotFound: ``patient_id`` is given, and is not one of them.
    """
    if patient_id is not None or viewer.role == "patient":
        found = await access_to(store, viewer, patient_id or viewer.id)
        return {found.patient_id: found}
    return {one.patient_id: access_of_doctor(one) for one in await store.assignments.of_doctor(viewer.id)}


async def reached_patients(store: Store, viewer: Viewer) -> list[str]:
    """The patients whose data the viewer's live channel carries."""
    return [viewer.id] if viewer.role == "patient" else [one.patient_id for one in await store.panel(viewer.id)]


async def recipients(store: Store, patient_ids: Iterable[str], *, session: Session) -> dict[str, list[Access]]:
    """The users who are told of what happens to these patients: the patient first, then their current doctor."""
    ids = list(dict.fromkeys(patient_ids))
    assigned = await store.assignments.of_patients(ids, session=session)
    found = {id: [access_of_patient(id)] for id in ids}
    for id, assignment in assigned.items():
        found[id].append(access_of_doctor(assignment))
    return found


async def readable_events(store: Store, events: Sequence[FeedEvent]) -> set[str]:
    """The ids of the events that the owners of their feeds may read now.

    An event about a patient is open while the owner of the feed reaches that patient; the end of an assignment stays
    open to the former doctor.
    """
    others = {event.about for event in events if event.about != event.user_id and not event.open_to_former}
    assigned = await store.assignments.of_patients(list(others)) if others else {}
    return {
        event.id
        for event in events
        if not event.withdrawn
        and (
            event.about == event.user_id
            or event.open_to_former
            or (event.about in assigned and assigned[event.about].doctor_id == event.user_id)
        )
    }


# Queries


async def steps_filter(
    store: Store, viewer: Viewer, status: str, patient_id: str | None
) -> tuple[Document, dict[str, Access]]:
    """A query for the steps that :func:`can_see_step` lets the viewer see, and their access to each patient.

    ``status`` is one of a step's, or ``all``.

    Raises:
        NotFound: ``patient_id`` is not one of theirs.
    """
    accesses = await accesses_of(store, viewer, patient_id)
    if viewer.role == "patient":
        if status in UNAPPROVED:
            return {"patient_id": viewer.id, "status": {"$in": []}}, accesses
        wanted = {"$nin": list(UNAPPROVED)} if status == "all" else status
        return {"patient_id": viewer.id, "status": wanted}, accesses
    query: Document = {"patient_id": {"$in": list(accesses)}}
    if status != "all":
        query["status"] = status
    if status in UNAPPROVED:
        query["doctor_id"] = viewer.id
    elif status != "active":
        query["$or"] = [{"doctor_id": viewer.id}, *await _steps_of_others(store, viewer, accesses)]
    return query, accesses


async def _steps_of_others(store: Store, viewer: Viewer, accesses: Mapping[str, Access]) -> list[Document]:
    """Clauses for the steps of other authors: active ones, those that ended since, and shared ones.

    Only for patients that have such steps: they are few, and a query with a clause for each of hundreds is slow.
    """
    others = await store.steps.patients_of_others(viewer.id, list(accesses))
    clauses: list[Document] = []
    for patient_id, access in accesses.items():
        if patient_id not in others:
            continue
        approved: Document = {"patient_id": patient_id, "status": {"$nin": list(UNAPPROVED)}}
        if access.share_history:
            clauses.append(approved)
        else:
            clauses.append({"patient_id": patient_id, "status": "active"})
            clauses.append({**approved, "completed_at": {"$gte": access.since}})
            clauses.append({**approved, "cancelled_at": {"$gte": access.since}})
    return clauses


async def notes_filter(store: Store, viewer: Viewer, patient_id: str | None) -> Document:
    """A query for the notes that :func:`can_see_note` lets the viewer read; of all patients, a doctor's own.

    Raises:
        NotFound: ``patient_id`` is not one of theirs.
    """
    accesses = await accesses_of(store, viewer, patient_id)
    if viewer.role == "patient":
        return {"patient_id": viewer.id, "status": {"$ne": "withdrawn"}}
    if patient_id is None:
        return {"doctor_id": viewer.id, "patient_id": {"$in": list(accesses)}}
    if accesses[patient_id].share_history:
        return {"patient_id": patient_id}
    return {"patient_id": patient_id, "doctor_id": viewer.id}


async def withdrawn_notes(store: Store, viewer: Viewer, steps: Sequence[Step]) -> frozenset[str]:
    """The notes that are closed to the viewer among those of these steps. No active step is of a withdrawn note."""
    if viewer.role != "patient" or all(step.status == "active" for step in steps):
        return frozenset()
    return frozenset(await store.notes.withdrawn_ids(viewer.id))


# Loaded and judged


async def readable_step(store: Store, viewer: Viewer, step_id: str) -> tuple[Step, Access]:
    """The step, if the viewer may see it, and their access to its patient.

    Raises:
        NotFound: there is no such step for them.
    """
    step = await store.steps.get(step_id)
    if step is None:
        raise NotFound
    access = await access_to(store, viewer, step.patient_id)
    if not can_see_step(access, step):
        raise NotFound
    return step, access


async def readable_note(store: Store, viewer: Viewer, note_id: str) -> Note:
    """The note, if the viewer may read it.

    Raises:
        NotFound: there is no such note for them.
    """
    note = await store.notes.get(note_id)
    if note is None or not can_see_note(await access_to(store, viewer, note.patient_id), note):
        raise NotFound
    return note


async def step_as_seen(store: Store, viewer: Viewer, access: Access, step: Step, *, now: datetime) -> dict[str, Any]:
    """The step in wire format, with its quote only where the viewer may see it."""
    withdrawn = await withdrawn_notes(store, viewer, [step])
    return step.as_json(now=now, quotes=can_see_quote(access, step, withdrawn=withdrawn))
