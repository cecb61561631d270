"""What a worker writes about a note: begun, failed or finished; several notes in one transaction.

Each write names its lease: a worker whose lease has run out writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from hospital_rt.domain.as_needed import UseLimits
from hospital_rt.domain.schedule import Kind, Schedule
from hospital_rt.storage.database import Session
from models.audit import AuditActor
from models.notes import Note, NoteStatus, NoteTransition
from models.patient_sequences import PatientSequence
from models.services.activate_plan import NewPlan, activate
from models.services.grouped import grouped
from models.services.note_review import NoteOutcome
from models.services.notifications import note_status
from models.steps import Step, StepText, sort_key
from models.store import Store, transactional
from models.users import User


def propose_step(
    note: Note,
    patient: User,
    *,
    number: int,
    by: Literal["extractor", "doctor"],
    kind: Kind,
    words: StepText,
    schedule: Schedule | None,
    as_needed: bool,
    limits: UseLimits | None,
    now: datetime,
) -> Step:
    """The step, not yet stored. ``number`` orders it among those of its note."""
    return Step(
        id=str(uuid4()),
        sort=sort_key(note.created_at, index=number),
        note_id=note.id,
        note_number=note.number,
        patient_id=note.patient_id,
        doctor_id=note.doctor_id,
        kind=kind,
        as_needed=as_needed,
        by=by,
        status="proposed",
        created_at=now,
        timezone=patient.timezone,
        limits=limits,
        schedule=schedule,
        words=words,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteClaim:
    """A worker's claim on a note."""

    note_id: str
    lease: str = field(repr=False)
    now: datetime
    lease_s: float


@grouped(apart=lambda one: one.note_id)
async def begin_note(store: Store, taken: Sequence[NoteClaim], session: Session) -> list[NoteOutcome | None]:
    """Claim a note, with an event for its author. None: it is done, or another worker has claimed it.

    Of several in one transaction the clock and the lease are the same.
    """
    now, lease_s = max(one.now for one in taken), min(one.lease_s for one in taken)
    leases = {one.note_id: one.lease for one in taken}
    notes = await store.notes.claim(leases, now=now, lease_s=lease_s, session=session)
    session.lock(f"feeds/{note.doctor_id}" for note in notes.values())
    new_events = [
        one for note in notes.values() for one in note_status(note, "processing", discriminator=note.lease or "")
    ]
    users = await store.events.append(new_events, at=now, session=session)
    return [
        NoteOutcome(note, users & {note.doctor_id, note.written_by or ""}) if (note := notes.get(one.note_id)) else None
        for one in taken
    ]


@transactional
async def fail_note(
    store: Store,
    session: Session,
    note: Note,
    *,
    failure: str,
    now: datetime,
    extracted_by: str | None = None,
    review: dict[str, Any] | None = None,
    retry_at: datetime | None = None,
) -> frozenset[str]:
    """Record that reading failed, with the reason for the author. No step changes."""
    failed = NoteTransition(
        note=note,
        status="failed",
        lease=note.lease,
        failure=failure,
        extracted_by=extracted_by,
        review=review,
        retry_at=retry_at,
    )
    if not await store.notes.settle([failed], session=session):
        return frozenset()
    await _audit_reading(store, [note], session=session)
    new_events = note_status(note, "failed", discriminator=note.lease or "", failure=failure, **counts_of(review))
    return await store.events.append(new_events, at=now, session=session)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadNote(NoteTransition):
    """What came of a note; its status is decided in the transaction that writes it.

    Args:
        steps: proposed steps; none of them is stored yet.
        review: what the author is shown beside them (see :meth:`models.notes.Notes.review`).
        propose: they wait for the author's approval. A note that yields no step waits when it asks something or
            holds words that read like an instruction.
        failure: ``too-many`` beside a proposal, else None.
    """

    steps: Sequence[Step] = field(repr=False)
    propose: bool
    now: datetime
    day_seconds: int | None
    status: NoteStatus = "ready"

    def decided(self, sequence: PatientSequence) -> ReadNote:
        """With its status: superseded when a newer note is ready."""
        if sequence.ready_note > self.note.number:
            return replace(self, lease=self.note.lease, status="superseded", failure=None)
        status: NoteStatus = "proposed" if self.propose and self.needs_author else "ready"
        return replace(self, lease=self.note.lease, status=status)

    @property
    def needs_author(self) -> bool:
        """Whether there is something to judge: a step, a question, or words that became neither."""
        review = self.review or {}
        return bool(self.steps or review.get("questions") or review.get("unmatched"))


def counts_of(review: dict[str, Any] | None) -> dict[str, int]:
    """Counts of a review, for events."""
    return {name: len((review or {}).get(name, ())) for name in ("dropped", "questions")}


class LeaseLost(Exception):
    """One of several notes is another worker's by now."""


@grouped(apart=lambda one: one.note.patient_id)
async def finish_note(store: Store, readings: Sequence[ReadNote], session: Session) -> list[frozenset[str]]:
    """The worker's last write: ready, proposed or superseded, unless its lease is lost (then nothing).

    Raises:
        LeaseLost: of several: nothing is written, and each is to be tried by itself.
    """
    # Lock feeds first: waiting restarts the transaction.
    session.lock(f"feeds/{id}" for one in readings for id in (one.note.patient_id, one.note.doctor_id))
    sequences = await store.patient_sequences.advance_each([one.note.patient_id for one in readings], session=session)
    settled = [one.decided(sequences[one.note.patient_id]) for one in readings]
    if await store.notes.settle(settled, session=session) < len(settled):
        if len(settled) > 1:
            raise LeaseLost
        return [frozenset()]
    await _audit_reading(store, [one.note for one in settled], session=session)
    await store.steps.insert(
        [step for one in settled if one.status == "proposed" for step in one.steps], session=session
    )
    new_events = await activate(
        store,
        [
            NewPlan(one.note, one.steps, stored=False, now=one.now, day_seconds=one.day_seconds)
            for one in settled
            if one.status == "ready" and one.steps
        ],
        session=session,
    )
    for one in settled:
        new_events += note_status(
            one.note, one.status, discriminator=one.lease or "", failure=one.failure, **counts_of(one.review)
        )
    users = await store.events.append(new_events, at=max(one.now for one in readings), session=session)
    return [users & {event.user_id for event in new_events if event.about == one.note.patient_id} for one in readings]


async def _audit_reading(store: Store, notes: Sequence[Note], *, session: Session) -> None:
    """Audit that the service itself, and the model that it called, have read these notes."""
    await store.audit.write_each(
        [(AuditActor(role="system"), note.patient_id, note.id) for note in notes], "note.extracted", session=session
    )
