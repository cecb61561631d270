"""Alerts of carers: one neutral letter for each carer and slot that stays open for ``alert_minutes``.

The alert and its letter are written in one transaction, and the alert's id is made of grant, step and slot: despite
crashes and concurrent runs there is one letter. Without effect once the slot is answered or the access is over.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.course import slot_id
from hospital_rt.storage.database import Session
from models.people.grants import Grant
from models.store import Store


async def queue_carer_alert(store: Store, grant: Grant, *, now: datetime) -> str | None:
    """Examine the open slots of the patient: the id of a letter that is now in the outbox, or None.

    Several slots that wait make one letter.

    Raises:
        DuplicateKeyError: another run was faster.
    """
    if grant.kind != "care" or grant.grantee_id is None or grant.alert_minutes is None or not grant.is_active(now):
        return None
    carer_id, until = grant.grantee_id, now - timedelta(minutes=grant.alert_minutes)
    # Slots that came due before the grant began are not alerted.
    waiting = {id for id, at in (await _open_slots(store, grant)).items() if grant.since <= at <= until}
    waiting -= await store.grants.recorded_alerts(waiting)
    if not waiting:
        return None

    async def work(session: Session) -> str:
        await store.grants.record_alerts(sorted(waiting), at=now, session=session)
        return await store.letters.write(
            user_id=carer_id, kind="carer-alert", link_id=grant.id, now=utcnow(), session=session
        )

    return await store.transaction(work)


async def is_carer_alert_due(store: Store, grant_id: str, *, now: datetime) -> bool:
    """Whether an alerted slot is still open, and the carer still has access."""
    grant = await store.grants.get(grant_id)
    if grant is None or not grant.is_active(now):
        return False
    return bool(await store.grants.recorded_alerts(await _open_slots(store, grant)))


async def _open_slots(store: Store, grant: Grant) -> dict[str, datetime]:
    """The patient's open slots: the id of the alert of each, and when it came due."""
    return {
        f"{grant.id}/{slot_id(step.id, slot.key)}": slot.at
        for step in await store.steps.active_of(grant.grantor_id)
        if step.course and (slot := step.course.open_slot)
    }
