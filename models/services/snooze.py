"""Snooze: an open slot is repeated later, at the request of the patient or a carer."""

from __future__ import annotations

from datetime import datetime

from hospital_rt.domain.course_snooze import snooze
from hospital_rt.domain.errors import Conflict, Invalid, NotFound
from hospital_rt.storage.database import Document, Session
from models.audit import AuditActor
from models.services.check_in import StepOutcome, read_slot
from models.services.check_in_rules import merge_entries
from models.services.notifications import Audience, ledger_entries, reminder_snoozed
from models.services.record_reminders import pass_time
from models.store import Store, transactional


@transactional
async def snooze_slot(
    store: Store,
    session: Session,
    *,
    patient_id: str,
    step_id: str,
    slot: str,
    count: int,
    now: datetime,
    actor: AuditActor | None = None,
    by: Document | None = None,
) -> StepOutcome:
    """Repeat an open slot of the patient's own step in ``count`` minutes.

    Args:
        by: id and name of the carer who puts it off; the caller has checked access.

    Raises:
        DomainError: 404 not theirs; 409 proposed, or the slot is not open; 422 no such slot, or too long.
    """
    slot_at = read_slot(slot)
    before = await store.steps.get(step_id, session=session)
    if before is None or before.patient_id != patient_id or before.status == "rejected":
        raise NotFound()
    if before.status == "proposed":
        raise Conflict("step-proposed", "The doctor has not approved this step yet.")
    if before.course is None or slot_at is None:
        raise Invalid("#/slot", "This step has no slots.")
    step, entries, new_events, _ = pass_time(before, now=now)
    if step.course is None:
        raise ValueError("a step with slots has a course")
    recalled = await store.reminders.beyond_window(step.course, step_id, slot_at, session=session)
    change = snooze(step.course, slot_at=slot_at, count=count, now=now, zone=step.zone, recalled=recalled)
    after = step.with_course(change.course)
    entries = merge_entries(entries, ledger_entries(after, change.touched))
    version = before.version
    audience = await Audience.of(store, patient_id, session=session)
    snoozed = reminder_snoozed(after, change.touched[0], version=version, now=now, by=by)
    new_events = audience.with_carers([*new_events, snoozed], after)
    await store.audit.write(actor, "step.snoozed", of=[patient_id], item=step.id, session=session)
    await store.steps.save([after], session=session)
    await store.reminders.write(entries, session=session)
    users = await store.events.append(new_events, at=now, session=session)
    return StepOutcome(after, users)
