"""A note's way: submitted, read, judged, approved. Each turn of it is one transaction.

The old plan runs on until the new one takes its place in the transaction that makes the note ready (contract 4.6):
a patient is never without a plan because a model is slow or down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from hospital_rt.database import Document, Session
from hospital_rt.problems import Problem
from models.acts.check_in import cancelled
from models.acts.plan import activate, reject_proposed, supersede
from models.acts.telling import Audience, note_status
from models.audit import Trace
from models.events import Happening
from models.idempotency import Claim
from models.notes import Note, NoteStatus
from models.reminders import Entry
from models.steps import Step
from models.store import Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """A note after one turn, and whom to wake."""

    note: Note
    users: frozenset[str]


async def submit_note(
    store: Store, *, doctor_id: str, patient_id: str, text: str, now: datetime, claim: Claim | None = None,
    trace: Trace | None = None,
) -> Outcome:  # fmt: skip
    """Store a note, sealed and queued, before anything else hears of it.

    Raises:
        Problem: 404 when the patient is not assigned to this doctor now.
    """
    note_id = claim.subject_id if claim else str(uuid4())

    async def work(session: Session) -> Outcome:
        if not await store.assignments.between(patient_id, doctor_id, session=session):
            raise Problem("not-found")
        await store.idempotency.commit(claim, session=session)
        await store.audit.write(trace, "note.written", of=[patient_id], item=note_id, session=session)
        plan = await store.plans.touch(patient_id, new_note=True, session=session)
        note = await store.notes.insert(
            note_id=note_id, patient_id=patient_id, doctor_id=doctor_id, number=plan.notes, text=text, at=now,
            session=session,
        )  # fmt: skip
        users = await store.events.append(note_status(note, "queued", mark="0"), at=now, session=session)
        return Outcome(note, frozenset(users))

    return await store.transaction(work)


async def tell_processing(store: Store, note: Note, *, now: datetime) -> frozenset[str]:
    """The author's page shows that the note is being read. Only a courtesy: it may fail."""

    async def work(session: Session) -> frozenset[str]:
        happenings = note_status(note, "processing", mark=note.lease or "")
        return frozenset(await store.events.append(happenings, at=now, session=session))

    return await store.transaction(work)


async def fail_note(
    store: Store, note: Note, *, failure: str, now: datetime, extracted_by: str | None = None,
    review: dict[str, Any] | None = None, again_at: datetime | None = None,
) -> frozenset[str]:  # fmt: skip
    """Nothing came of it: the author is told why, and no step, earlier or later, is touched."""

    async def work(session: Session) -> frozenset[str]:
        kept = await store.notes.settle(
            note, "failed", lease=note.lease, failure=failure, extracted_by=extracted_by, review=review,
            again_at=again_at, session=session,
        )  # fmt: skip
        if not kept:
            return frozenset()
        await _read_by_system(store, note, session=session)
        dropped = len(review["dropped"]) if review else 0
        happenings = note_status(note, "failed", mark=note.lease or "", failure=failure, dropped=dropped)
        return frozenset(await store.events.append(happenings, at=now, session=session))

    return await store.transaction(work)


async def finish_note(
    store: Store, note: Note, *, steps: Sequence[Step], review: dict[str, Any], propose: bool, extracted_by: str,
    failure: str | None, now: datetime, day_seconds: int | None, measured: Document | None = None,
) -> frozenset[str]:  # fmt: skip
    """The worker's last write: ready, proposed or superseded, unless its lease is lost (then nothing).

    Args:
        steps: proposed steps; none of them is stored yet.
        propose: they wait for the author's approval.
        failure: ``too-many`` beside a proposal, else None.
    """

    async def work(session: Session) -> frozenset[str]:
        plan = await store.plans.touch(note.patient_id, session=session)
        dropped = len(review["dropped"])
        superseded = plan.ready_note > note.number
        status: NoteStatus = "superseded" if superseded else "proposed" if steps and propose else "ready"
        kept = await store.notes.settle(
            note, status, lease=note.lease, failure=None if superseded else failure, extracted_by=extracted_by,
            review=review, measured=measured, session=session,
        )  # fmt: skip
        if not kept:
            return frozenset()
        await _read_by_system(store, note, session=session)
        happenings: list[Happening] = []
        if status == "proposed":
            await store.steps.insert(steps, session=session)
        elif status == "ready" and steps:
            happenings += await activate(
                store, note, steps, stored=False, now=now, day_seconds=day_seconds, session=session
            )
        happenings += note_status(
            note, status, mark=note.lease or "", failure=None if superseded else failure, dropped=dropped
        )
        return frozenset(await store.events.append(happenings, at=now, session=session))

    return await store.transaction(work)


async def approve_note(
    store: Store, *, note_id: str, doctor_id: str, chosen: Sequence[Step] | None, now: datetime,
    day_seconds: int | None, claim: Claim | None = None, trace: Trace | None = None,
) -> Outcome:  # fmt: skip
    """The author lets proposed steps become active: all, or ``chosen`` (edited, or new); the others are rejected.

    Raises:
        Problem: 404 not theirs, 409 ``superseded`` or ``conflict`` when it is not proposed.
    """

    async def work(session: Session) -> Outcome:
        note = await _of_author(store, note_id, doctor_id, session=session)
        if note.status == "superseded":
            raise Problem("superseded")
        if note.status != "proposed":
            raise Problem("conflict", "This note does not wait for approval.")
        await store.idempotency.commit(claim, session=session)
        await store.audit.write(trace, "note.approved", of=[note.patient_id], item=note.id, session=session)
        plan = await store.plans.touch(note.patient_id, session=session)
        held = await store.steps.of_note(note.id, session=session)
        proposed = [step for step in held if step.status == "proposed"]
        if plan.ready_note > note.number:
            happenings = await supersede(store, [note], now=now, session=session)
            users = await store.events.append(happenings, at=now, session=session)
            return Outcome(replace(note, status="superseded"), frozenset(users))
        steps = proposed if chosen is None else list(chosen)
        ids = {step.id for step in steps}
        known = {step.id for step in proposed}
        rejected = [replace(step, status="rejected") for step in proposed if step.id not in ids]
        await store.steps.save(rejected, session=session)
        if chosen is not None:
            await store.steps.reword([step for step in steps if step.id in known], session=session)
            await store.steps.insert([step for step in steps if step.id not in known], session=session)
        await store.notes.settle(note, "ready", lease=None, failure=None, session=session)
        happenings = await activate(store, note, steps, stored=True, now=now, day_seconds=day_seconds, session=session)
        happenings += note_status(note, "ready", mark="approved", dropped=note.dropped)
        users = await store.events.append(happenings, at=now, session=session)
        return Outcome(replace(note, status="ready", failure=None), frozenset(users))

    return await store.transaction(work)


async def retry_note(
    store: Store, *, note_id: str, doctor_id: str, now: datetime, claim: Claim | None = None,
    trace: Trace | None = None,
) -> Outcome:  # fmt: skip
    """Read a failed note again.

    Raises:
        Problem: 404 not theirs, 409 when it did not fail.
    """

    async def work(session: Session) -> Outcome:
        note = await _of_author(store, note_id, doctor_id, session=session)
        if note.status == "superseded":
            raise Problem("superseded")
        await store.idempotency.commit(claim, session=session)
        if note.status != "failed" or not await store.notes.requeue(note, at=now, session=session):
            raise Problem("conflict", "Only a failed note can be tried again.")
        await store.audit.write(trace, "note.retried", of=[note.patient_id], item=note.id, session=session)
        note = replace(note, status="queued", failure=None)
        happenings = note_status(note, "queued", mark=uuid4().hex)
        return Outcome(note, frozenset(await store.events.append(happenings, at=now, session=session)))

    return await store.transaction(work)


async def reject_note(
    store: Store, *, note_id: str, doctor_id: str, now: datetime, trace: Trace | None = None
) -> Outcome:
    """The author lets a proposal go: the old plan stays.

    Raises:
        Problem: 404 not theirs, 409 when it is not proposed.
    """

    async def work(session: Session) -> Outcome:
        note = await _of_author(store, note_id, doctor_id, session=session)
        if note.status != "proposed":
            raise Problem("superseded" if note.status == "superseded" else "conflict")
        await store.audit.write(trace, "note.rejected", of=[note.patient_id], item=note.id, session=session)
        await store.notes.settle(note, "rejected", lease=None, session=session)
        await reject_proposed(store, note.id, session=session)
        users = await store.events.append(note_status(note, "rejected", mark="0"), at=now, session=session)
        return Outcome(replace(note, status="rejected"), frozenset(users))

    return await store.transaction(work)


async def withdraw_note(
    store: Store, *, note_id: str, doctor_id: str, reason: str | None, now: datetime, trace: Trace | None = None
) -> Outcome:
    """The author takes a note back: its steps are cancelled, its words closed to the patient. Again is the same.

    Raises:
        Problem: 404 not theirs.
    """

    async def work(session: Session) -> Outcome:
        note = await _of_author(store, note_id, doctor_id, session=session)
        await store.audit.write(
            trace, "note.withdrawn", of=[note.patient_id], item=note.id, reason=reason, session=session
        )
        if note.status == "withdrawn":
            return Outcome(note, frozenset())
        await store.plans.touch(note.patient_id, session=session)
        await store.notes.settle(note, "withdrawn", lease=None, session=session)
        await reject_proposed(store, note.id, session=session)
        closed: list[Step] = []
        entries: list[Entry] = []
        for step in await store.steps.of_note(note.id, session=session):
            if step.status == "active":
                after, written = cancelled(step, now=now)
                closed.append(after)
                entries += written
        await store.steps.save(closed, session=session)
        await store.reminders.write(entries, session=session)
        await store.events.withdraw_note(note.id, user_id=note.patient_id, session=session)
        happenings = note_status(note, "withdrawn", mark="0")
        if closed:
            audience = await Audience.of(store, note.patient_id, session=session)
            happenings += audience.steps_changed(
                note_id=note.id, created=[], cancelled=[step.id for step in closed], completed=[], by="doctor",
                key=f"withdrawn/{note.id}", now=now,
            )  # fmt: skip
        users = await store.events.append(happenings, at=now, session=session)
        return Outcome(replace(note, status="withdrawn"), frozenset(users))

    return await store.transaction(work)


async def _read_by_system(store: Store, note: Note, *, session: Session) -> None:
    """The audit hears that the service itself, and the model it asked, have read the note."""
    trace = Trace(role="system")
    await store.audit.write(trace, "note.extracted", of=[note.patient_id], item=note.id, session=session)


async def _of_author(store: Store, note_id: str, doctor_id: str, *, session: Session) -> Note:
    note = await store.notes.get(note_id, session=session)
    if note is None or note.doctor_id != doctor_id:
        raise Problem("not-found")
    if not await store.assignments.between(note.patient_id, doctor_id, session=session):
        raise Problem("not-found")
    return note
