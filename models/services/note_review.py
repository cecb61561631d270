"""What the author does with a note: submit, retry, approve, reject, withdraw. Each is one transaction.

The old plan runs on until the new one replaces it in the transaction that makes the note ready (contract, "A new
note"): a patient is never without a plan because a model is slow or down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from hospital_rt.domain.errors import Conflict, DomainError, NotFound
from hospital_rt.storage.database import Session
from models.audit import AuditActor
from models.idempotency import Claim
from models.notes import NewNote, Note, NoteTransition, Reader
from models.services.activate_plan import NewPlan, activate, reject_proposed, supersede
from models.services.check_in import cancel_steps
from models.services.grouped import grouped
from models.services.notifications import Audience, note_status
from models.steps import Step
from models.store import Store, transactional
from models.visibility import UNAPPROVED, acts_as_author, doctors_access, doctors_accesses


@dataclass(frozen=True, slots=True)
class NoteOutcome:
    """A note after one transaction, and the users to wake."""

    note: Note
    users: frozenset[str]
    left: int | None = None  # after a withdrawal: how many active steps the patient has now


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(NewNote):
    """A note with the request that sent it. Of a covering doctor ``doctor_id`` is at first who wrote it."""

    claim: Claim | None = None
    actor: AuditActor | None = None


@grouped(apart=lambda one: one.patient_id)
async def submit_note(store: Store, sent: Sequence[Submission], session: Session) -> list[NoteOutcome | Exception]:
    """Store a note, sealed and queued, before any worker is woken.

    Notes for different patients share a transaction; one that is refused does not stop the others.

    Raises:
        DomainError: 404 when the patient is not assigned now to this doctor, or to one for whom they cover.
    """
    pairs = [(one.doctor_id, one.patient_id) for one in sent]
    accesses = await doctors_accesses(store, pairs, session=session)
    refused: dict[str, DomainError] = {}
    taken: list[Submission] = []
    for one in sent:
        held = accesses.get((one.doctor_id, one.patient_id))
        try:
            if held is None or held.doctor_id is None:
                raise NotFound()
            await store.idempotency.commit(one.claim, session=session)
            if held.via == "cover":  # the note is of the doctor for whom its writer covers
                one = replace(one, doctor_id=held.doctor_id, written_by=one.doctor_id)
            taken.append(one)
        except DomainError as problem:
            refused[one.id] = problem
    outcomes = await _store(store, taken, session=session) if taken else {}
    return [refused.get(one.id) or outcomes[one.id] for one in sent]


async def _store(store: Store, taken: Sequence[Submission], *, session: Session) -> dict[str, NoteOutcome]:
    # Lock feeds first: waiting restarts the transaction.
    session.lock(f"feeds/{one.doctor_id}" for one in taken)
    await store.audit.write_each(
        [(one.actor, one.patient_id, one.id) for one in taken], "note.written", session=session
    )
    sequences = await store.patient_sequences.advance_each(
        [one.patient_id for one in taken], new_note=True, session=session
    )
    numbers = {id: sequence.last_note for id, sequence in sequences.items()}
    notes = await store.notes.insert(taken, numbers=numbers, session=session)
    new_events = [one for note in notes for one in note_status(note, "queued", discriminator="0")]
    users = await store.events.append(new_events, at=max(one.now for one in taken), session=session)
    return {note.id: NoteOutcome(note, users & {note.doctor_id, note.written_by or ""}) for note in notes}


@transactional
async def approve_note(
    store: Store,
    session: Session,
    *,
    note_id: str,
    doctor_id: str,
    chosen: Sequence[Step] | None,
    keep: Sequence[str] = (),
    now: datetime,
    day_seconds: int | None,
    claim: Claim | None = None,
    actor: AuditActor | None = None,
) -> NoteOutcome:
    """The author lets proposed steps become active: all, or ``chosen`` (edited, or new); the others are rejected.

    A note without any step is then ready with nothing to do, and the old plan runs on.

    Args:
        keep: ids of the patient's earlier active steps that run on beside the new ones.

    Raises:
        DomainError: 404 not theirs, 409 ``superseded`` or ``conflict`` when it is not proposed, or when a step to keep
            was cancelled.
    """
    note = await _of_author(store, note_id, doctor_id, session=session)
    if note.status == "superseded":
        raise Conflict("superseded")
    if note.status != "proposed":
        raise Conflict("conflict", "This note does not wait for approval.")
    await store.idempotency.commit(claim, session=session)
    await store.audit.write(actor, "note.approved", of=[note.patient_id], item=note.id, session=session)
    sequence = await store.patient_sequences.advance(note.patient_id, session=session)
    held = await store.steps.of_note(note.id, session=session)
    proposed = [step for step in held if step.status == "proposed"]
    if sequence.ready_note > note.number:
        new_events = await supersede(store, [note], session=session)
        users = await store.events.append(new_events, at=now, session=session)
        return NoteOutcome(replace(note, status="superseded"), users)
    kept = await _kept(store, note, keep, session=session)
    steps = proposed if chosen is None else list(chosen)
    ids = {step.id for step in steps}
    known = {step.id for step in proposed}
    rejected = [replace(step, status="rejected") for step in proposed if step.id not in ids]
    await store.steps.save(rejected, session=session)
    if chosen is not None:
        await store.steps.reword([step for step in steps if step.id in known], session=session)
        await store.steps.insert([step for step in steps if step.id not in known], session=session)
    await store.notes.settle([NoteTransition(note=note, status="ready")], session=session)
    new_events = []
    if steps:
        plan_of = NewPlan(note, steps, stored=True, now=now, day_seconds=day_seconds, keep=kept)
        new_events += await activate(store, [plan_of], session=session)
    new_events += note_status(note, "ready", discriminator="approved", dropped=note.dropped)
    users = await store.events.append(new_events, at=now, session=session)
    return NoteOutcome(replace(note, status="ready", failure=None), users)


async def _kept(store: Store, note: Note, ids: Sequence[str], *, session: Session) -> frozenset[str]:
    """The steps that are to run on. One that was completed meanwhile has nothing to run on for.

    Raises:
        NotFound: one is no earlier step of this patient.
        Conflict: it was cancelled.
    """
    found = await store.steps.by_ids(ids, session=session)
    for id in ids:
        step = found.get(id)
        if step is None or step.patient_id != note.patient_id or step.note_id == note.id or step.status in UNAPPROVED:
            raise NotFound("The patient has no such earlier step.")
        if step.status == "cancelled":
            raise Conflict("conflict", "A step to keep was stopped meanwhile.")
    return frozenset(ids)


@transactional
async def retry_note(
    store: Store,
    session: Session,
    *,
    note_id: str,
    doctor_id: str,
    reader: Reader | None,
    now: datetime,
    claim: Claim | None,
    actor: AuditActor,
) -> NoteOutcome:
    """Read a failed note again, by the configured reader or by the one that its author names.

    Raises:
        DomainError: 404 not theirs, 409 when it did not fail.
    """
    note = await _of_author(store, note_id, doctor_id, session=session)
    if note.status == "superseded":
        raise Conflict("superseded")
    await store.idempotency.commit(claim, session=session)
    if note.status != "failed" or not await store.notes.requeue(note, at=now, reader=reader, session=session):
        raise Conflict("conflict", "Only a failed note can be tried again.")
    await store.audit.write(actor, "note.retried", of=[note.patient_id], item=note.id, session=session)
    note = replace(note, status="queued", failure=None, reader=reader)
    new_events = note_status(note, "queued", discriminator=uuid4().hex)
    return NoteOutcome(note, await store.events.append(new_events, at=now, session=session))


@transactional
async def reject_note(
    store: Store, session: Session, *, note_id: str, doctor_id: str, now: datetime, actor: AuditActor | None
) -> NoteOutcome:
    """The author rejects a proposal: the old plan stays.

    Raises:
        DomainError: 404 not theirs, 409 when it is not proposed.
    """
    note = await _of_author(store, note_id, doctor_id, session=session)
    if note.status != "proposed":
        raise Conflict("superseded" if note.status == "superseded" else "conflict")
    await store.audit.write(actor, "note.rejected", of=[note.patient_id], item=note.id, session=session)
    await store.notes.settle([NoteTransition(note=note, status="rejected")], session=session)
    await reject_proposed(store, note.id, session=session)
    users = await store.events.append(note_status(note, "rejected", discriminator="0"), at=now, session=session)
    return NoteOutcome(replace(note, status="rejected"), users)


@transactional
async def withdraw_note(
    store: Store,
    session: Session,
    *,
    note_id: str,
    doctor_id: str,
    reason: str | None,
    now: datetime,
    actor: AuditActor | None = None,
) -> NoteOutcome:
    """The author takes a note back: its steps are cancelled, its words closed to the patient. Again is the same.

    Raises:
        DomainError: 404 not theirs.
    """
    note = await _of_author(store, note_id, doctor_id, session=session)
    await store.audit.write(actor, "note.withdrawn", of=[note.patient_id], item=note.id, reason=reason, session=session)
    if note.status == "withdrawn":
        active = await store.steps.with_status([note.patient_id], ["active"], session=session)
        return NoteOutcome(note, frozenset(), left=len(active))
    await store.patient_sequences.advance(note.patient_id, session=session)
    await store.notes.settle([NoteTransition(note=note, status="withdrawn")], session=session)
    await reject_proposed(store, note.id, session=session)
    steps = await store.steps.of_note(note.id, session=session)
    active = [step for step in steps if step.status == "active"]
    closed = await cancel_steps(store, active, now=now, session=session)
    await store.events.withdraw_note(note.id, user_id=note.patient_id, session=session)
    new_events = note_status(note, "withdrawn", discriminator="0")
    if closed:
        audience = await Audience.of(store, note.patient_id, session=session)
        new_events += audience.steps_changed(
            note_id=note.id,
            cancelled=[step.id for step in closed],
            by="doctor",
            why="withdrawn",
            key=f"withdrawn/{note.id}",
            now=now,
        )
    users = await store.events.append(new_events, at=now, session=session)
    left = await store.steps.with_status([note.patient_id], ["active"], session=session)
    return NoteOutcome(replace(note, status="withdrawn"), users, left=len(left))


async def _of_author(store: Store, note_id: str, doctor_id: str, *, session: Session) -> Note:
    note = await store.notes.get(note_id, session=session)
    access = await doctors_access(store, doctor_id, note.patient_id, session=session) if note else None
    if note is None or access is None or not acts_as_author(access, note):
        raise NotFound()
    return note
