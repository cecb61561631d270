"""Undo of a check-in within a day. A step that it had completed becomes active again, if its plan is still current."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hospital_rt.domain.course import ANSWERED, Slot, slot_id, withdraw
from hospital_rt.domain.course_undo import undo
from hospital_rt.domain.errors import Conflict, Invalid, NotFound
from hospital_rt.storage.database import Document, Session
from models.audit import AuditActor
from models.events import NewEvent
from models.idempotency import Claim
from models.reminders import LedgerEntry, Reminder
from models.services.check_in import StepOutcome, read_slot
from models.services.check_in_rules import merge_entries
from models.services.notifications import Audience, completed, ledger_entries, reminder_due
from models.services.record_reminders import pass_time
from models.steps import Step
from models.store import Store, transactional
from models.visibility import UNAPPROVED

WITHIN = timedelta(hours=24)


@transactional
async def undo_check_in(
    store: Store,
    session: Session,
    *,
    patient_id: str,
    step_id: str,
    slot: str | None,
    now: datetime,
    claim: Claim | None = None,
    actor: AuditActor | None = None,
    by: Document | None = None,
) -> StepOutcome:
    """Undo a check-in: the last one, or that of ``slot``.

    Raises:
        DomainError: 404 not theirs; 409 ``too-late`` after 24 hours, ``conflict`` when there is nothing to undo.
    """
    slot_at = read_slot(slot)
    step = await store.steps.get(step_id, session=session)
    if step is None or step.patient_id != patient_id or step.status in UNAPPROVED:
        raise NotFound()
    found = await _answer_to(store, step, slot_at, session=session)
    await store.idempotency.commit(claim, session=session)
    await store.audit.write(actor, "step.undone", of=[patient_id], item=step.id, session=session)
    if step.course is None:
        return await _undo_use(store, step, found, now=now, by=by, session=session)
    if found.state not in ANSWERED:
        return await _undo_late_answer(store, step, found, now=now, session=session)
    return await _undo_slot(store, step, found, now=now, by=by, session=session)


async def _answer_to(store: Store, step: Step, slot_at: datetime | None, *, session: Session) -> Reminder:
    if slot_at is None:
        found = await store.reminders.newest_answer(step.id, session=session)
    else:
        found = await store.reminders.find(step.id, slot_at, session=session) if step.course else None
        if found is None and (step.course is None or step.course.timeline(step.zone).find(slot_at) is None):
            raise Invalid("#/slot", "This step has no such slot.")
    if found is None or found.answered_at is None:
        raise Conflict("conflict", "There is no check-in to undo.")
    return found


async def _undo_slot(
    store: Store, before: Step, found: Reminder, *, now: datetime, by: Document | None, session: Session
) -> StepOutcome:
    """Advance to ``now``, remove the answer, advance again: slots may have come due while the course was over."""
    step, entries, passed, _ = pass_time(before, now=now)
    if step.course is None:
        raise ValueError("a step with slots has a course")
    change = undo(step.course, step.course.known(found.number) or found.as_slot(), now=now, zone=step.zone)
    after = await _revived(store, step, step.with_course(change.course), now=now, session=session)
    entries = merge_entries(entries, ledger_entries(after, change.touched, answered=change.answered))
    reminders: list[NewEvent] = []
    if after.status == "cancelled" and after.course is not None:
        closed = withdraw(after.course, now=now, never_reminded=change.reminded is not None)
        after = replace(after, course=closed.course)
        entries = merge_entries(entries, ledger_entries(after, closed.touched))
    elif change.reminded is not None:
        reminders.append(reminder_due(after, change.reminded, repeat=0, now=now))
    after, more, later_reminders, _ = pass_time(after, now=now)
    audience = await Audience.of(store, step.patient_id, session=session)
    new_events = audience.with_carers(passed, step) + audience.checked_in(
        after,
        slot_at=found.slot_at,
        outcome="undone",
        now=now,
        key=f"undo/{slot_id(step.id, found.key)}/{step.version}",
        by=by,
    )
    new_events += audience.with_carers(reminders + later_reminders, after) + _ended(audience, before, after, now=now)
    entries, removed = _settled(merge_entries(entries, more), change.removed)
    await store.steps.save([after], session=session)
    await store.reminders.write(entries, [(step.id, slot) for slot in removed], session=session)
    users = await store.events.append(new_events, at=now, session=session)
    return StepOutcome(after, users)


def _settled(entries: list[LedgerEntry], removed: tuple[Slot, ...]) -> tuple[list[LedgerEntry], list[Slot]]:
    """A slot whose answer is removed and which is due by now keeps its record: one write for each slot."""
    gone = {slot.key: slot for slot in removed}
    kept = [replace(entry, is_new=False, answer=True) if gone.pop(entry.slot.key, None) else entry for entry in entries]
    return kept, list(gone.values())


async def _undo_late_answer(
    store: Store, step: Step, found: Reminder, *, now: datetime, session: Session
) -> StepOutcome:
    """Remove an answer given after the step was cancelled; nothing else changes."""
    _in_time(step, found, now=now)
    await store.reminders.undo_answer(found, session=session)
    return StepOutcome(step, frozenset())


async def _undo_use(
    store: Store, step: Step, found: Reminder, *, now: datetime, by: Document | None, session: Session
) -> StepOutcome:
    """Reopen a checklist step, or subtract a use of an as-needed step."""
    _in_time(step, found, now=now)
    await store.reminders.undo_answer(found, session=session)
    after = step.without_use(found.slot_at, done=found.outcome == "done")
    if not step.as_needed and step.status == "completed" and found.outcome == "done":
        revived = replace(after, status="active", completed_at=None, ended=None)
        after = await _revived(store, step, revived, now=now, session=session)
    audience = await Audience.of(store, step.patient_id, session=session)
    new_events = audience.checked_in(
        after, slot_at=None, outcome="undone", now=now, key=f"undo/{step.id}/{step.version}", by=by
    )
    new_events += _ended(audience, step, after, now=now)
    await store.steps.save([after], session=session)
    users = await store.events.append(new_events, at=now, session=session)
    return StepOutcome(after, users)


def _in_time(step: Step, found: Reminder, *, now: datetime) -> None:
    within = step.schedule.one_day if step.schedule else WITHIN
    if found.answered_at is None or now - found.answered_at > within:
        raise Conflict("too-late", "A check-in can be undone within 24 hours.")


async def _revived(store: Store, before: Step, after: Step, *, now: datetime, session: Session) -> Step:
    """The step as an undo reactivates it; cancelled instead when its plan was replaced or withdrawn."""
    if before.status != "completed" or after.status != "active":
        return after
    sequence = await store.patient_sequences.advance(before.patient_id, session=session)
    note = await store.notes.get(before.note_id, session=session)
    newest = max(before.note_number, before.kept_number or 0)
    if sequence.ready_note > newest or note is None or note.status == "withdrawn":
        return replace(after, status="cancelled", cancelled_at=now, completed_at=None, ended=None)
    return after


def _ended(audience: Audience, before: Step, after: Step, *, now: datetime) -> list[NewEvent]:
    """Events for what the undo, or the time since, ended."""
    if after.status == before.status or after.status == "active":
        return []
    if after.status == "completed":
        return completed(audience, after, by="course", now=now)
    return audience.steps_changed(
        note_id=after.note_id,
        cancelled=[after.id],
        by="note",
        why="note",
        key=f"cancelled/{after.id}/{after.version}",
        now=now,
    )
