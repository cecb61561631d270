"""Visibility policy: who may see which steps, quotes, notes and events.

The rules for REST, FHIR, the live channel and notifications:

- :class:`Access` says how a viewer reaches one patient's records. A further way is one more value of ``via``, found by
  :func:`access_to`, :func:`accesses_of`, :func:`recipients` and :func:`reached_patients`.
- Access by cover and by care lasts as long as its grant (:mod:`models.people.grants`), which is read each time.
- One record: ``can_see_*`` decide, ``readable_*`` load and check. For a note :func:`can_see_note`,
  :func:`readable_note`.
- Lists: ``*_filter`` are the same rules as queries. For notes :func:`notes_filter`.
- Feeds: :func:`recipients` addresses an event, :func:`readable_events` checks it again when the feed is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from hospital_rt.domain.errors import DomainError, NotFound
from hospital_rt.storage.database import Document, Session
from models.assignments import Assignment
from models.events import FeedEvent
from models.notes import WAITING, Note, NoteStatus
from models.people.grants import Grant
from models.questions.patient_questions import PatientQuestion
from models.steps import Step
from models.store import Store
from models.users import Role

T = TypeVar("T")
UNAPPROVED = ("proposed", "rejected")  # the states of a step that its author alone sees


class Viewer(Protocol):
    """A user who reads, such as the principal of a request."""

    @property
    def id(self) -> str: ...

    @property
    def role(self) -> Role: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a viewer reaches the records of one patient.

    Args:
        via: ``self`` is the patient, ``assignment`` the patient's current doctor, ``cover`` who covers for that doctor,
            ``care`` a carer.
        doctor_id: the current doctor, as whom the viewer acts (``assignment``, ``cover``).
        since: steps of other authors that ended earlier stay closed, unless the patient shares the history.
        notes: of a carer: notes and quotes are open too.
        may_answer: whether the viewer may check in.
    """

    viewer_id: str
    patient_id: str
    via: Literal["self", "assignment", "cover", "care"]
    doctor_id: str | None = None
    since: datetime | None = None
    share_history: bool = False
    notes: bool = False
    may_answer: bool = False

    @property
    def is_doctors(self) -> bool:
        return self.via in {"assignment", "cover"}

    @property
    def event_via(self) -> str | None:
        """How an event is marked that this access addresses: it is open while the same way is (and its notes are)."""
        if self.via == "care":
            return "care-notes" if self.notes else "care"
        return "cover" if self.via == "cover" else None


def access_of_patient(patient_id: str) -> Access:
    """The patient's access to their own records."""
    return Access(viewer_id=patient_id, patient_id=patient_id, via="self", may_answer=True)


def access_of_doctor(assignment: Assignment, *, covered_by: str | None = None) -> Access:
    """The access that a current assignment gives the doctor, or who covers for them."""
    return Access(
        viewer_id=covered_by or assignment.doctor_id,
        patient_id=assignment.patient_id,
        via="cover" if covered_by else "assignment",
        doctor_id=assignment.doctor_id,
        since=assignment.since,
        share_history=assignment.share_history,
    )


def access_of_carer(grant: Grant) -> Access:
    """The access that a patient gives a carer."""
    return Access(
        viewer_id=grant.grantee_id or "",
        patient_id=grant.grantor_id,
        via="care",
        notes=grant.notes,
        may_answer=grant.may == "answer",
    )


# One record


def can_see_step(access: Access | None, step: Step) -> bool:
    """Whether the viewer may see the step.

    Patients and carers see no proposed or rejected steps. The doctor, and who covers for them, see the doctor's own
    steps, and of other authors' steps those that are active, ended during the assignment, or are shared by the patient.
    """
    if access is None or access.patient_id != step.patient_id:
        return False
    if access.is_doctors and step.doctor_id == access.doctor_id:
        return True
    if step.status in UNAPPROVED:
        return False
    if not access.is_doctors or access.share_history or step.status == "active":
        return True
    ended_at = step.completed_at or step.cancelled_at
    return bool(ended_at and access.since and ended_at >= access.since)


def can_see_quote(access: Access, step: Step, *, withdrawn: frozenset[str] = frozenset()) -> bool:
    """Whether the viewer may see the quote of a step that they may see.

    Patients see it until its note is withdrawn, and so do carers to whom notes are open; a doctor, and who covers for
    them, see quotes from the doctor's notes, and from those of others when the patient shares the history.

    Args:
        withdrawn: ids of notes that are closed to the viewer (:func:`withdrawn_notes`).
    """
    if access.is_doctors:
        return step.doctor_id == access.doctor_id or access.share_history
    return (access.via == "self" or access.notes) and step.note_id not in withdrawn


def can_see_note(access: Access | None, note: Note) -> bool:
    """Whether the viewer may read the note: patients until it is withdrawn, and carers to whom notes are open; doctors
    and who covers for them own and shared notes.
    """
    if access is None or access.patient_id != note.patient_id:
        return False
    if access.is_doctors:
        return note.doctor_id == access.doctor_id or access.share_history
    return (access.via == "self" or access.notes) and note.status != "withdrawn"


def acts_as_author(access: Access, note: Note) -> bool:
    """Whether the viewer approves, rejects, retries and withdraws this note: its doctor, and who covers for them."""
    return access.is_doctors and access.patient_id == note.patient_id and note.doctor_id == access.doctor_id


def shown_status(access: Access, note: Note) -> str:
    """The status of a readable note: to the patient and carers a proposal is still being worked on."""
    return "processing" if not access.is_doctors and note.status == "proposed" else note.status


def statuses_shown_as(viewer: Viewer, shown: NoteStatus | Literal["waiting"]) -> list[NoteStatus]:
    """The statuses of the notes that are ``shown`` to this viewer, as by :func:`shown_status`. ``waiting``: for the
    author.
    """
    found: list[NoteStatus] = list(WAITING) if shown == "waiting" else [shown]
    if viewer.role == "doctor":
        return found
    if shown == "processing":
        return ["processing", "proposed"]
    return [status for status in found if status != "proposed"]


def can_see_contact(access: Access | None) -> bool:
    """Whether the viewer may see the patient's date of birth and phone number: the patient, their current doctor, and
    who covers for that one. Carers are no part of it: the patient gives them a number or does not.
    """
    return access is not None and (access.is_doctors or access.via == "self")


def steps_beside_note(access: Access, note: Note, steps: Sequence[Step]) -> list[Step]:
    """The steps of a readable note: what was not approved is for its author alone."""
    as_author = acts_as_author(access, note)
    return [step for step in steps if as_author or step.status not in UNAPPROVED]


# Ways to a patient


async def access_to(store: Store, viewer: Viewer, patient_id: str) -> Access:
    """The viewer's access to this patient: the widest, when there are several.

    Raises:
        NotFound: there is none, as for a former doctor: steps, quotes and notes are then hidden.
    """
    if viewer.role == "patient" and patient_id == viewer.id:
        return access_of_patient(patient_id)
    if viewer.role == "doctor":
        found = await doctors_access(store, viewer.id, patient_id)
        if found is not None:
            return found
    grant = await _grant_of_care(store, viewer, patient_id)
    if grant is None:
        raise NotFound
    return access_of_carer(grant)


async def access_to_note(store: Store, viewer: Viewer, note: Note) -> Access:
    """The viewer's access to a note, after :func:`readable_note` has let them read it or after a write of their own.

    It looks up nothing for the note's doctor: ``readable_note`` has refused a former doctor before.
    """
    if note.doctor_id == viewer.id:
        return Access(viewer_id=viewer.id, patient_id=note.patient_id, via="assignment", doctor_id=viewer.id)
    return await access_to(store, viewer, note.patient_id)


async def doctors_access(
    store: Store, doctor_id: str, patient_id: str, *, session: Session | None = None
) -> Access | None:
    """The access of a doctor who is the patient's current one, or who covers for that one now."""
    found = await doctors_accesses(store, [(doctor_id, patient_id)], session=session)
    return found.get((doctor_id, patient_id))


async def doctors_accesses(
    store: Store, pairs: Iterable[tuple[str, str]], *, session: Session | None = None
) -> dict[tuple[str, str], Access]:
    """The same for several pairs of a doctor and a patient."""
    asked = list(pairs)
    assigned = await store.assignments.of_patients([patient_id for _, patient_id in asked], session=session)
    found: dict[tuple[str, str], Access] = {}
    others: list[tuple[str, str]] = []
    for doctor_id, patient_id in asked:
        held = assigned.get(patient_id)
        if held is not None and held.doctor_id == doctor_id:
            found[doctor_id, patient_id] = access_of_doctor(held)
        elif held is not None:
            others.append((doctor_id, patient_id))
    if others:
        now = store.now()
        grants = await store.grants.given_to({doctor_id for doctor_id, _ in others}, session=session)
        covered = {(one.grantee_id, one.grantor_id) for one in grants if one.kind == "cover" and one.is_active(now)}
        for doctor_id, patient_id in others:
            if (doctor_id, assigned[patient_id].doctor_id) in covered:
                found[doctor_id, patient_id] = access_of_doctor(assigned[patient_id], covered_by=doctor_id)
    return found


async def _grants_of_care(store: Store, viewer: Viewer) -> list[Grant]:
    if viewer.role == "admin":
        return []
    now = store.now()
    return [one for one in await store.grants.given_to([viewer.id]) if one.kind == "care" and one.is_active(now)]


async def _grant_of_care(store: Store, viewer: Viewer, patient_id: str) -> Grant | None:
    return next((one for one in await _grants_of_care(store, viewer) if one.grantor_id == patient_id), None)


async def covered_assignments(store: Store, doctor_id: str) -> list[Assignment]:
    """The assignments to the doctors for whom this one covers now, oldest first."""
    now = store.now()
    grants = [one for one in await store.grants.given_to([doctor_id]) if one.kind == "cover" and one.is_active(now)]
    return await store.assignments.of_doctors([one.grantor_id for one in grants]) if grants else []


async def cover_changes_at(store: Store, doctor_id: str) -> datetime | None:
    """When a cover by this doctor next begins or ends by itself; None: nothing is arranged."""
    now = store.now()
    grants = [one for one in await store.grants.given_to([doctor_id]) if one.kind == "cover"]
    return min((at for one in grants for at in (one.since, one.until) if at and at > now), default=None)


async def accesses_of(store: Store, viewer: Viewer, patient_id: str | None = None) -> dict[str, Access]:
    """The viewer's access to each patient they reach, by patient id; with ``patient_id`` to that one alone.

    Without it a patient reaches themselves, a doctor their patients and those of doctors for whom they cover, and a
    carer all for whom they care. Those for whom a patient or a doctor cares are reached by naming them.

    Raises:
        NotFound: ``patient_id`` is given, and is not one of them.
    """
    if patient_id is not None or viewer.role == "patient":
        found = await access_to(store, viewer, patient_id or viewer.id)
        return {found.patient_id: found}
    if viewer.role != "doctor":
        return {one.grantor_id: access_of_carer(one) for one in await _grants_of_care(store, viewer)}
    covered = [access_of_doctor(one, covered_by=viewer.id) for one in await covered_assignments(store, viewer.id)]
    mine = [access_of_doctor(one) for one in await store.assignments.of_doctor(viewer.id)]
    return {one.patient_id: one for one in (*covered, *mine)}


async def reached_patients(store: Store, viewer: Viewer) -> list[str]:
    """The patients whose data the viewer's live channel carries."""
    mine = [viewer.id] if viewer.role == "patient" else []
    if viewer.role == "doctor":
        assignments = [*await store.assignments_of(viewer.id), *await covered_assignments(store, viewer.id)]
        mine = [one.patient_id for one in assignments]
    return list(dict.fromkeys([*mine, *(one.grantor_id for one in await _grants_of_care(store, viewer))]))


async def recipients(store: Store, patient_ids: Iterable[str], *, session: Session) -> dict[str, list[Access]]:
    """The recipients of events about these patients, each once: the patient first, then their current
    doctor, who covers for that doctor now, and the carers.
    """
    ids = list(dict.fromkeys(patient_ids))
    assigned = await store.assignments.of_patients(ids, session=session)
    grants = await store.grants.given_by({*ids, *(one.doctor_id for one in assigned.values())}, session=session)
    now = store.now()
    given: dict[str, list[Grant]] = {}
    for one in grants:
        if one.is_active(now) and one.grantee_id:
            given.setdefault(one.grantor_id, []).append(one)
    found: dict[str, list[Access]] = {}
    for id in ids:
        accesses = {id: access_of_patient(id)}
        if id in assigned:
            accesses[assigned[id].doctor_id] = access_of_doctor(assigned[id])
            for one in given.get(assigned[id].doctor_id, ()):
                if one.kind == "cover" and one.grantee_id:
                    accesses.setdefault(one.grantee_id, access_of_doctor(assigned[id], covered_by=one.grantee_id))
        for one in given.get(id, ()):
            if one.kind == "care" and one.grantee_id:
                accesses.setdefault(one.grantee_id, access_of_carer(one))
        found[id] = list(accesses.values())
    return found


async def carers_to_notify(store: Store, patient_ids: Iterable[str], *, session: Session) -> dict[str, list[Access]]:
    """The carers who receive these patients' reminders, by patient; patients without one are missing."""
    ids = set(patient_ids)
    now = store.now()
    found: dict[str, list[Access]] = {}
    for one in await store.grants.given_by(ids, session=session) if ids else []:
        if one.kind == "care" and one.is_active(now):
            found.setdefault(one.grantor_id, []).append(access_of_carer(one))
    return found


async def readable_events(store: Store, events: Sequence[FeedEvent]) -> set[str]:
    """The ids of the events that the owners of their feeds may read now.

    An event about a patient is open while the owner of the feed reaches that patient in the way in which the event was
    addressed; the end of an assignment or of a grant stays open to who had it.
    """
    others = [event for event in events if event.about != event.user_id and not event.open_to_former]
    assigned = await store.assignments.of_patients(list({event.about for event in others})) if others else {}
    by_grant = [event for event in others if event.via is not None]
    grants = await store.grants.given_to({event.user_id for event in by_grant}) if by_grant else []
    now = store.now()
    open_ways: set[tuple[str | None, str, str]] = set()  # viewer, whose, and the way
    for one in grants:
        if one.is_active(now):
            open_ways.add((one.grantee_id, one.grantor_id, one.kind))
            if one.notes:
                open_ways.add((one.grantee_id, one.grantor_id, "care-notes"))

    def is_reached(event: FeedEvent) -> bool:
        doctor_id = assigned[event.about].doctor_id if event.about in assigned else None
        if doctor_id == event.user_id and event.via is None:
            return True
        if event.via == "cover":
            return doctor_id is not None and (event.user_id, doctor_id, "cover") in open_ways
        return event.via is not None and (event.user_id, event.about, event.via) in open_ways

    return {
        event.id
        for event in events
        if not event.withdrawn and (event.about == event.user_id or event.open_to_former or is_reached(event))
    }


# Answering


async def answering(
    store: Store, viewer: Viewer, step_id: str, answer: Callable[[Access], Awaitable[T]]
) -> tuple[T, Access]:
    """Run ``answer`` with the access by which the viewer may answer for the patient of this step.

    Patients' own steps are tried first, without a look at grants.

    Raises:
        DomainError: what ``answer`` raises; 404 when the step is not theirs; 403 ``forbidden`` for a doctor who is not
            the patient's carer, and for a carer who may see only.
    """
    if viewer.role == "patient":
        own = access_of_patient(viewer.id)
        try:
            return await answer(own), own
        except NotFound:
            pass  # it may be a step of a person for whom they care
    step = await store.steps.get(step_id)
    grant = await _grant_of_care(store, viewer, step.patient_id) if step is not None else None
    if step is None or grant is None or step.status in UNAPPROVED:
        raise DomainError("forbidden") if viewer.role == "doctor" else NotFound()
    access = access_of_carer(grant)
    if not access.may_answer:
        raise DomainError("forbidden", "You may see this person's steps, not answer for them.")
    return await answer(access), access


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
    clauses: list[Document] = []
    patients = [id for id, access in accesses.items() if not access.is_doctors]
    if patients and status not in UNAPPROVED:
        approved: Any = {"$nin": list(UNAPPROVED)} if status == "all" else status
        clauses.append({"patient_id": {"$in": patients}, "status": approved})
    for doctor_id, theirs in _by_doctor(accesses).items():
        clause: Document = {"patient_id": {"$in": list(theirs)}}
        if status != "all":
            clause["status"] = status
        if status in UNAPPROVED:
            clause["doctor_id"] = doctor_id
        elif status != "active":
            clause["$or"] = [{"doctor_id": doctor_id}, *await _steps_of_others(store, doctor_id, theirs)]
        clauses.append(clause)
    return either(clauses), accesses


def _by_doctor(accesses: Mapping[str, Access]) -> dict[str, dict[str, Access]]:
    """The accesses of a doctor, by the doctor as whom they act: themselves, and those for whom they cover."""
    found: dict[str, dict[str, Access]] = {}
    for patient_id, access in accesses.items():
        if access.is_doctors and access.doctor_id:
            found.setdefault(access.doctor_id, {})[patient_id] = access
    return found


def either(clauses: list[Document]) -> Document:
    """A query for what any of these finds; for nothing without one."""
    if not clauses:
        return {"patient_id": {"$in": []}}
    return clauses[0] if len(clauses) == 1 else {"$or": clauses}


async def _steps_of_others(store: Store, doctor_id: str, accesses: Mapping[str, Access]) -> list[Document]:
    """Clauses for the steps of other authors: active ones, those that ended since, and shared ones.

    Only for patients that have such steps: they are few, and a query with a clause for each of hundreds is slow.
    """
    others = await store.steps.patients_of_others(doctor_id, list(accesses))
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


async def notes_filter(store: Store, viewer: Viewer, patient_id: str | None) -> tuple[Document, dict[str, Access]]:
    """A query for the notes that :func:`can_see_note` lets the viewer read, and their access to each patient; of all
    patients, a doctor's own notes and those of doctors for whom they cover.

    Raises:
        NotFound: ``patient_id`` is not one of theirs, or notes are not open to a carer.
    """
    accesses = await accesses_of(store, viewer, patient_id)
    clauses: list[Document] = []
    patients = [id for id, access in accesses.items() if access.via == "self" or access.notes]
    if patients:
        clauses.append({"patient_id": {"$in": patients}, "status": {"$ne": "withdrawn"}})
    for doctor_id, theirs in _by_doctor(accesses).items():
        if patient_id is not None and theirs[patient_id].share_history:
            clauses.append({"patient_id": patient_id})
        else:
            clauses.append({"doctor_id": doctor_id, "patient_id": {"$in": list(theirs)}})
    if patient_id is not None and not clauses:
        raise NotFound
    return either(clauses), accesses


async def questions_filter(store: Store, viewer: Viewer, patient_id: str | None) -> Document:
    """A query for the patients' questions that the viewer may see: a patient's own; a doctor's those asked of them, or
    of the doctor for whom they cover, and shared ones. Carers see none.

    Raises:
        NotFound: ``patient_id`` is not one of theirs.
    """
    accesses = [one for one in (await accesses_of(store, viewer, patient_id)).values() if one.via != "care"]
    if patient_id is not None and not accesses:
        raise NotFound
    clauses: list[Document] = []
    for access in accesses:
        clause: Document = {"patient_id": access.patient_id}
        if access.is_doctors and not (patient_id is not None and access.share_history):
            clause["doctor_id"] = access.doctor_id
        clauses.append(clause)
    return either(clauses)


async def withdrawn_notes(store: Store, accesses: Iterable[Access], steps: Sequence[Step]) -> frozenset[str]:
    """The notes of these steps that are closed to the viewer: a doctor reads withdrawn notes, others do not.

    No active step is of a withdrawn note.
    """
    if all(step.status == "active" for step in steps):
        return frozenset()
    patients = [access.patient_id for access in accesses if not access.is_doctors]
    return frozenset(await store.notes.withdrawn_ids(patients)) if patients else frozenset()


# Loaded and checked


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


async def own_question(store: Store, viewer: Viewer, question_id: str) -> PatientQuestion:
    """The question, if it was asked of this doctor, or of the one for whom they cover, who still is its patient's.

    Raises:
        NotFound: there is no such question for them.
    """
    question = await store.patient_questions.get(question_id)
    if question is None:
        raise NotFound
    access = await access_to(store, viewer, question.patient_id)
    if not access.is_doctors or access.doctor_id != question.doctor_id:
        raise NotFound
    return question


async def step_as_seen(store: Store, access: Access, step: Step, *, now: datetime) -> dict[str, Any]:
    """The step in wire format, with its quote only where the viewer may see it."""
    withdrawn = await withdrawn_notes(store, [access], [step])
    return step.as_json(now=now, quotes=can_see_quote(access, step, withdrawn=withdrawn))
