"""The effect of an answer on its step, computed before anything is written (contract, "Check-ins")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from hospital_rt.domain.as_needed import Use, is_over_limit, is_same_use, next_allowed_at
from hospital_rt.domain.clock import local_day, to_wire
from hospital_rt.domain.course import Outcome, Slot, answer, slot_id
from hospital_rt.domain.errors import Conflict, Invalid, NotFound
from hospital_rt.storage.database import Document, Session
from models.audit import AuditActor
from models.events import NewEvent
from models.idempotency import Claim
from models.reminders import LedgerEntry
from models.services.notifications import Audience, completed, ledger_entries
from models.services.record_reminders import pass_time
from models.steps import Step
from models.store import Store

AT_MOST_AGO = timedelta(hours=48)
CLOCKS_APART = timedelta(seconds=30)  # how far the clock of a patient's device may be ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInRequest:
    """A check-in as it was sent. ``at`` is when it really was, None: now; ``confirm`` lets it go over a limit; ``by``
    is id and name of the carer who answers.
    """

    patient_id: str
    step_id: str
    slot_at: datetime | None
    outcome: Outcome
    reason: str | None = field(repr=False)
    now: datetime
    at: datetime | None = None
    confirm: bool = False
    claim: Claim | None = None
    actor: AuditActor | None = None
    by: Document | None = field(default=None, repr=False)

    @property
    def by_id(self) -> str | None:
        return self.by["id"] if self.by else None

    @property
    def role(self) -> Literal["patient", "carer"]:
        return "carer" if self.by else "patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInChange:
    """What is to be written of it; ``also`` writes what belongs to this step alone."""

    before: Step
    after: Step
    entries: list[LedgerEntry] = field(default_factory=list)
    new_events: list[NewEvent] = field(default_factory=list)
    also: Callable[[Session], Awaitable[None]] | None = None

    @property
    def moves(self) -> bool:
        return self.after != self.before


def ledger_of(change: CheckInChange) -> list[LedgerEntry]:
    """The entries that are written with it: none while the step stands as it stood."""
    return change.entries if change.moves else []


async def change_for(
    store: Store, request: CheckInRequest, step: Step | None, audience: Audience, *, session: Session
) -> CheckInChange:
    """What this answer changes. Reads, and writes nothing.

    Raises:
        DomainError: as :func:`models.services.check_in.check_in` says.
    """
    if step is None or step.patient_id != request.patient_id or step.status == "rejected":
        raise NotFound()
    if step.status == "proposed":
        raise Conflict("step-proposed", "The doctor has not approved this step yet.")
    if step.status == "cancelled":
        return await _after_cancellation(store, step, request, session=session)
    if step.course is None:
        return _without_slots(store, step, request, audience)
    return await _with_slots(store, step, request, audience, session=session)


async def _with_slots(
    store: Store, step: Step, request: CheckInRequest, audience: Audience, *, session: Session
) -> CheckInChange:
    before, now, slot_at = step, request.now, request.slot_at
    step, entries, passed, _ = pass_time(step, now=now)
    new_events = audience.with_carers(passed, step)
    if step.course is None:
        raise ValueError("a step with slots has a course")
    recalled = None
    if slot_at is not None:
        recalled = await store.reminders.beyond_window(step.course, step.id, slot_at, session=session)
    change = answer(step.course, outcome=request.outcome, slot_at=slot_at, now=now, zone=step.zone, recalled=recalled)
    after = step.with_course(change.course)
    if change.counted and change.answered is not None:
        given = ledger_entries(
            after,
            change.touched,
            answered=change.answered,
            reason=request.reason,
            done_at=request.at,
            by_id=request.by_id,
        )
        entries = merge_entries(entries, given)
        new_events = new_events + audience.checked_in(
            after,
            slot_at=change.answered.at,
            outcome=request.outcome,
            now=now,
            key=f"check-in/{slot_id(step.id, change.answered.key)}/{before.version}",
            by=request.by,
        )
    if after.status == "completed" and before.status == "active":
        new_events = new_events + completed(audience, after, by=request.role if change.counted else "course", now=now)
    return CheckInChange(before=before, after=after, entries=entries, new_events=new_events)


def _without_slots(store: Store, step: Step, request: CheckInRequest, audience: Audience) -> CheckInChange:
    """A checklist step is done at once; each use of an as-needed step is recorded with the time at which it was.

    Raises:
        Conflict: 409 ``too-soon`` for a use over the limits that is not confirmed.
    """
    if request.slot_at is not None:
        raise Invalid("#/slot", "This step has no slots.")
    before, now = step, request.now
    step, _, new_events, _ = pass_time(step, now=now)
    if step.status != "active":
        if before.status == "active":
            new_events = new_events + completed(audience, step, by="course", now=now)
        return CheckInChange(before=before, after=step, new_events=new_events)
    at, key, done = request.at or now, request.claim.id if request.claim else None, request.outcome == "done"
    closes = done and not step.as_needed
    if not closes and is_same_use(step.recent_uses, at, key):
        return CheckInChange(before=before, after=before)
    is_over = done and step.as_needed and is_over_limit(step.limits, step.recent_uses, at)
    if is_over and not request.confirm:
        allowed = next_allowed_at(step.limits, step.recent_uses, now)
        raise Conflict(
            "too-soon",
            "This is more than the note allows. Send confirm to record that it happened all the same.",
            more={"next_allowed_at": to_wire(allowed)},
        )
    after = step.with_use(Use(at=at, done=done, key=key))
    if closes:
        after = replace(after, status="completed", completed_at=now, ended="done")

    async def record(session: Session) -> None:
        await store.reminders.record_use(
            step_id=step.id,
            patient_id=step.patient_id,
            use="as_needed" if step.as_needed else "checklist",
            version=step.version,
            at=at,
            now=now,
            day=local_day(at, step.zone),
            outcome=request.outcome,
            reason=request.reason,
            over_limit=is_over,
            by_id=request.by_id,
            session=session,
        )

    new_events = new_events + audience.checked_in(
        after,
        slot_at=None,
        outcome=request.outcome,
        now=now,
        key=f"check-in/{step.id}/{step.version}",
        over_limit=is_over,
        by=request.by,
    )
    if after.status == "completed":
        new_events = new_events + completed(audience, after, by=request.role, now=now)
    return CheckInChange(before=before, after=after, new_events=new_events, also=record)


async def _after_cancellation(store: Store, step: Step, request: CheckInRequest, *, session: Session) -> CheckInChange:
    """A slot that came due before its step was cancelled: the answer is kept and changes nothing else.

    It may have come due a moment before the cancellation, unrecorded by any tick.
    """
    slot_at, missing = request.slot_at, None
    too_late = Conflict("step-cancelled", "This step was cancelled before that time.")
    if step.course is None or step.cancelled_at is None:
        raise too_late
    if slot_at is None:
        waiting = [slot for slot in step.course.window if slot.state == "withdrawn"]
        if not waiting:
            raise too_late
        slot_at = waiting[-1].at
    held = await store.reminders.find(step.id, slot_at, session=session)
    if held is None:
        timeline = step.course.timeline(step.zone)
        number = timeline.find(slot_at)
        if number is None:
            raise Invalid("#/slot", "This step has no such slot.")
        if slot_at > step.cancelled_at:
            raise too_late
        slot = Slot(number=number, key=timeline.key(number), at=slot_at, state="withdrawn", recorded=False)
        missing = LedgerEntry(step_id=step.id, patient_id=step.patient_id, slot=slot, day=timeline.local_date(number))

    async def record(session: Session) -> None:
        if missing is not None:
            await store.reminders.write([missing], session=session)
        found = held or await store.reminders.find(step.id, slot_at, session=session)
        if found is not None and found.answered_at is None:
            await store.reminders.record_late(
                found,
                outcome=request.outcome,
                reason=request.reason,
                at=request.now,
                done_at=request.at,
                by_id=request.by_id,
                session=session,
            )

    return CheckInChange(before=step, after=step, also=record)


def merge_entries(earlier: list[LedgerEntry], later: list[LedgerEntry]) -> list[LedgerEntry]:
    """One entry a slot: when both time and the patient change a slot, one write with both changes."""
    merged = {entry.slot.key: entry for entry in earlier}
    for entry in later:
        if held := merged.get(entry.slot.key):
            entry = replace(
                entry,
                is_new=held.is_new or entry.is_new,
                answer=held.answer or entry.answer,
                reason=entry.reason if entry.answer else held.reason,
                done_at=entry.done_at if entry.answer else held.done_at,
                by_id=entry.by_id if entry.answer else held.by_id,
            )
        merged[entry.slot.key] = entry
    return list(merged.values())
