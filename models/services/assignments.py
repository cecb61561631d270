"""Assign: a patient chooses, changes or leaves a doctor. A former doctor loses read access at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from hospital_rt.domain.errors import NotFound, NotSignedIn
from hospital_rt.storage.database import Document, Session
from models.assignments import Assignment
from models.audit import AuditActor
from models.events import NewEvent
from models.idempotency import Claim
from models.services.activate_plan import supersede_in_flight
from models.store import Store, transactional


@dataclass(frozen=True, slots=True)
class AssignmentOutcome:
    """The current assignment, whether it is new, and the users to wake."""

    assignment: Assignment | None
    is_new: bool
    users: frozenset[str]


@transactional
async def assign_doctor(
    store: Store,
    session: Session,
    *,
    patient_id: str,
    doctor_id: str,
    share_history: bool | None,
    now: datetime,
    claim: Claim | None = None,
    actor: AuditActor | None = None,
) -> AssignmentOutcome:
    """Make this doctor the patient's only doctor. The same doctor again changes nothing, except ``share_history``.

    Raises:
        DomainError: 404 when there is no such doctor, or they do not accept patients.
    """
    subject_id = claim.subject_id if claim else str(uuid4())
    # Lock feeds first: waiting restarts the transaction.
    session.lock((f"feeds/{doctor_id}", f"feeds/{patient_id}"))
    if not await store.users.lock_accepting_doctor(doctor_id, session=session):
        raise NotFound("There is no such doctor.")
    await store.idempotency.commit(claim, session=session)
    await store.audit.write(actor, "doctor.chosen", of=[patient_id], item=doctor_id, session=session)
    await store.patient_sequences.advance(patient_id, session=session)
    patient = await store.users.row(patient_id, session=session)
    if patient is None or patient["status"] == "deactivated":  # closed by a concurrent request
        raise NotSignedIn()
    current = await store.assignments.current(patient_id, session=session)
    if current and current.doctor_id == doctor_id:
        if share_history is not None and current.share_history != share_history:
            await store.assignments.share(current.id, share_history, session=session)
            current = replace(current, share_history=share_history)
        return AssignmentOutcome(current, False, frozenset())
    new_events: list[NewEvent] = []
    if current:
        new_events += await _end(store, current, now=now, session=session, notify_patient=False)
    assignment = Assignment(
        id=subject_id, patient_id=patient_id, doctor_id=doctor_id, since=now, share_history=bool(share_history)
    )
    await store.assignments.start(assignment, session=session)
    data = {"patient": await _person(store, patient_id), "doctor": await _person(store, doctor_id)}
    key = f"assignment/{assignment.id}/began"
    began = NewEvent(user_id=patient_id, about=patient_id, event="assignment.changed", data=data, key=key)
    covering = await covering_for(store, doctor_id, now=now, session=session)
    new_events += [
        began,
        replace(began, user_id=doctor_id),
        *(
            replace(began, user_id=user_id, key=f"{key}/{doctor_id}", via="cover")
            for user_id in covering
            if user_id != patient_id
        ),
    ]
    return AssignmentOutcome(assignment, True, await store.events.append(new_events, at=now, session=session))


@transactional
async def leave_doctor(
    store: Store, session: Session, *, patient_id: str, now: datetime, claim: Claim | None, actor: AuditActor
) -> AssignmentOutcome:
    """End the patient's assignment. Active steps run on.

    Raises:
        DomainError: 404 ``not-assigned`` when there is none.
    """
    current = await store.assignments.current(patient_id, session=session)
    if current is None:
        raise NotFound(code="not-assigned")
    await store.idempotency.commit(claim, session=session)
    await store.audit.write(actor, "doctor.left", of=[patient_id], item=current.doctor_id, session=session)
    new_events = await end_assignment(store, current, now=now, session=session)
    return AssignmentOutcome(None, False, await store.events.append(new_events, at=now, session=session))


async def end_assignment(
    store: Store, assignment: Assignment, *, now: datetime, session: Session, erased: str | None = None
) -> list[NewEvent]:
    """End an assignment within a transaction, with an event for both. ``erased``: the one being erased, if any."""
    await store.patient_sequences.advance(assignment.patient_id, session=session)
    return await _end(store, assignment, now=now, session=session, notify_patient=True, erased=erased)


async def _end(
    store: Store,
    assignment: Assignment,
    *,
    now: datetime,
    session: Session,
    notify_patient: bool,
    erased: str | None = None,
) -> list[NewEvent]:
    patient_id, doctor_id = assignment.patient_id, assignment.doctor_id
    new_events = await supersede_in_flight(store, patient_id=patient_id, doctor_id=doctor_id, session=session)
    await store.assignments.end(assignment, at=now, session=session)
    await store.patient_questions.close_open(patient_id, doctor_id, at=now, session=session)
    key = f"assignment/{assignment.id}/ended"
    recipients: list[tuple[str, str]] = []
    if erased != doctor_id:
        # Data sealed under an erased patient's key is unreadable: use the doctor's key, with the bare id as data.
        recipients.append((doctor_id, doctor_id if erased == patient_id else patient_id))
    recipients += [
        (user_id, user_id if erased == patient_id else patient_id)
        for user_id in await covering_for(store, doctor_id, now=now, session=session)
        if user_id != erased
    ]
    if notify_patient and erased != patient_id:
        recipients.append((patient_id, patient_id))
    person = {"id": patient_id, "name": None} if erased == patient_id else await _person(store, patient_id)
    return new_events + [
        NewEvent(
            user_id=user_id,
            about=about,
            event="assignment.changed",
            key=key,
            open_to_former=True,
            data={"patient": person, "doctor": None},
        )
        for user_id, about in recipients
    ]


async def covering_for(store: Store, doctor_id: str, *, now: datetime, session: Session) -> list[str]:
    """Who covers for this doctor now."""
    given = await store.grants.given_by([doctor_id], session=session)
    return [one.grantee_id for one in given if one.kind == "cover" and one.grantee_id and one.is_active(now)]


async def _person(store: Store, user_id: str) -> Document:
    names = await store.users.names({user_id})
    return {"id": user_id, "name": names[user_id]}
