"""Check in, and cancel by hand: the patient's answers. REST and the live channel call the same functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hospital_rt.domain.clock import from_wire, to_millisecond
from hospital_rt.domain.course import Outcome, withdraw
from hospital_rt.domain.errors import Conflict, DomainError, Invalid, NotFound
from hospital_rt.storage.database import Document, Session
from models.audit import AuditActor
from models.idempotency import Claim
from models.reminders import LedgerEntry
from models.services.check_in_rules import (
    AT_MOST_AGO,
    CLOCKS_APART,
    CheckInChange,
    CheckInRequest,
    change_for,
    ledger_of,
)
from models.services.grouped import grouped
from models.services.notifications import Audience, ledger_entries
from models.steps import Step
from models.store import Store, transactional
from models.visibility import UNAPPROVED


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """The step as it now stands, and the users to wake."""

    step: Step
    users: frozenset[str]


def read_slot(text: str | None) -> datetime | None:
    """The slot that a client named.

    Raises:
        DomainError: 422 when it is not a moment as we write them.
    """
    if text is None:
        return None
    try:
        return from_wire(text)
    except ValueError:
        raise Invalid("#/slot", "Send the slot as it was given, such as 2026-03-02T08:00:00Z.") from None


def read_at(text: str | None, *, now: datetime) -> datetime | None:
    """When it really was. A device clock that is slightly ahead is corrected.

    Raises:
        DomainError: 422 when it is no moment, ahead, or longer ago than a patient remembers.
    """
    if text is None:
        return None
    try:
        at = to_millisecond(from_wire(text))
    except ValueError:
        raise Invalid("#/at", "Write a moment such as 2026-03-02T08:00:00Z.") from None
    if at > now + CLOCKS_APART:
        raise Invalid("#/at", "This moment is still to come.")
    if at < now - AT_MOST_AGO:
        raise Invalid("#/at", "This is more than 48 hours ago.")
    return min(at, now)


async def check_in(
    store: Store,
    *,
    patient_id: str,
    step_id: str,
    slot: str | None,
    outcome: Outcome,
    reason: str | None,
    now: datetime,
    at: str | None = None,
    confirm: bool = False,
    claim: Claim | None = None,
    actor: AuditActor | None = None,
    by: Document | None = None,
) -> StepOutcome:
    """Answer a slot of the patient's own step (contract, "Check-ins"). The same check-in again changes nothing.

    Args:
        at: when it really was, as the client wrote it.
        confirm: record a use of an as-needed step over its limits too.
        by: id and name of the carer who answers for the patient; the caller has checked access.

    Raises:
        DomainError: 404 not theirs; 409 proposed, cancelled before that slot, the slot is closed, or ``too-soon``;
            422 no such slot, or ``at`` ahead or more than 48 hours ago.
    """
    request = CheckInRequest(
        patient_id=patient_id,
        step_id=step_id,
        slot_at=read_slot(slot),
        outcome=outcome,
        reason=reason,
        now=now,
        at=read_at(at, now=now),
        confirm=confirm,
        claim=claim,
        actor=actor,
        by=by,
    )
    return await check_in_group(store, request)


@grouped(apart=lambda request: request.step_id)
async def check_in_group(
    store: Store, requests: Sequence[CheckInRequest], session: Session
) -> list[StepOutcome | Exception]:
    """Answer slots of different steps in one transaction; one that is refused does not stop the others."""
    steps = await store.steps.by_ids([request.step_id for request in requests], session=session)
    audiences = await Audience.each(store, [request.patient_id for request in requests], session=session)
    # Lock feeds first: waiting restarts the transaction.
    session.lock(
        f"feeds/{id}"
        for request in requests
        if request.step_id in steps
        for id in audiences[request.patient_id].user_ids
    )
    changes: list[tuple[CheckInRequest, CheckInChange]] = []
    refused: dict[str, DomainError] = {}
    for request in requests:
        try:
            change = await change_for(
                store, request, steps.get(request.step_id), audiences[request.patient_id], session=session
            )
            await store.idempotency.commit(request.claim, session=session)
            changes.append((request, change))
        except DomainError as problem:
            refused[request.step_id] = problem
    woken = await _write(store, changes, session=session) if changes else frozenset()
    answered: dict[str, StepOutcome | Exception] = {
        request.step_id: StepOutcome(change.after, woken & {one.user_id for one in change.new_events})
        for request, change in changes
    }
    return [(refused | answered)[request.step_id] for request in requests]


async def _write(
    store: Store, changes: Sequence[tuple[CheckInRequest, CheckInChange]], *, session: Session
) -> frozenset[str]:
    """All that these answers write, one call a collection. Returns the users to wake."""
    await store.audit.write_each(
        [(request.actor, request.patient_id, request.step_id) for request, _ in changes],
        "step.checked_in",
        session=session,
    )
    for _, change in changes:
        if change.also is not None:
            await change.also(session)
    await store.steps.save([change.after for _, change in changes if change.moves], session=session)
    await store.reminders.write([one for _, change in changes for one in ledger_of(change)], session=session)
    new_events = [one for _, change in changes for one in change.new_events]
    return await store.events.append(new_events, at=max(request.now for request, _ in changes), session=session)


@transactional
async def cancel_step(
    store: Store, session: Session, step: Step, *, by: str, reason: str | None, now: datetime, actor: AuditActor | None
) -> StepOutcome:
    """Cancel an active step by hand; again is the same answer. The caller has checked access.

    Raises:
        DomainError: 404 when it is not active, completed or cancelled.
    """
    held = await store.steps.get(step.id, session=session)
    if held is None or held.status in UNAPPROVED:
        raise NotFound()
    await store.audit.write(actor, "step.cancelled", of=[held.patient_id], item=held.id, reason=reason, session=session)
    if held.status == "cancelled":
        return StepOutcome(held, frozenset())
    if held.status == "completed":
        raise Conflict("conflict", "This step is completed.")
    [after] = await cancel_steps(store, [held], now=now, session=session)
    audience = await Audience.of(store, held.patient_id, session=session)
    new_events = audience.steps_changed(
        note_id=held.note_id,
        cancelled=[held.id],
        by="patient" if by == "patient" else "doctor",
        why="stopped",
        key=f"cancelled/{held.id}",
        now=now,
    )
    users = await store.events.append(new_events, at=now, session=session)
    return StepOutcome(after, users)


async def cancel_steps(store: Store, steps: Iterable[Step], *, now: datetime, session: Session) -> list[Step]:
    """Cancel active steps within a transaction."""
    changes = [cancelled_step(step, now=now) for step in steps]
    cancelled = [after for after, _ in changes]
    await store.steps.save(cancelled, session=session)
    await store.reminders.write([entry for _, entries in changes for entry in entries], session=session)
    return cancelled


def cancelled_step(step: Step, *, now: datetime) -> tuple[Step, list[LedgerEntry]]:
    """The step cancelled at ``now``, and the ledger entry of its open slot."""
    after = replace(step, status="cancelled", cancelled_at=now)
    if step.course is None:
        return after, []
    change = withdraw(step.course, now=now)
    after = replace(after, course=change.course)
    return after, ledger_entries(after, change.touched)
