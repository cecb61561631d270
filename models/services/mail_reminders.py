"""Reminder letters: at most one for each slot, for a reminder that is open and undisplayed for a while."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from hospital_rt.domain.clock import utcnow
from hospital_rt.storage.database import Session
from hospital_rt.storage.field_encryption import Unreadable
from models.audit import AuditActor
from models.store import Store, transactional

AT_ONCE = 100


@transactional
async def set_mail_reminders(
    store: Store, session: Session, user_id: str, *, on: bool, now: datetime, actor: AuditActor | None
) -> None:
    """Turn a patient's letters on (for future reminders) or off."""
    if on:
        seq = await store.events.newest(user_id)
        await store.mail_reminders.subscribe(user_id, seq=seq, now=now, session=session)
    else:
        await store.mail_reminders.unsubscribe(user_id, session=session)
    await store.audit.write(actor, "account.changed", of=[user_id], session=session)


@transactional
async def queue_reminder_letter(store: Store, session: Session, user_id: str, *, until: datetime) -> str | None:
    """Examine what came due by ``until``: the id of a letter now in the outbox, or None.

    One transaction: despite crashes and concurrent runs, an event is examined once and a slot has one letter.
    """
    subscription = await store.mail_reminders.get(user_id, session=session)
    row = await store.users.row(user_id, session=session)
    if subscription is None or row is None:
        return None
    after = max(subscription.examined_seq, await store.events.shown_to(user_id))
    events = await store.events.named(user_id, "reminder.due", after=after, until=until, limit=AT_ONCE)
    if not events:
        return None
    await store.events.load_keys(events)
    owed: dict[str, str] = {}
    for event in events:
        if row.get("seen_at") and row["seen_at"] >= event.at:
            continue  # a page was opened since
        try:
            data = json.loads(store.events.open_text(event))
        except Unreadable:
            continue  # erased concurrently
        if subscription.last_slots.get(data["step"]["id"]) != data["slot"]:
            owed[data["step"]["id"]] = data["slot"]
    owed = await _open_slots(store, owed)
    await store.mail_reminders.mark_examined(subscription, seq=events[-1].seq, letters_for=owed, session=session)
    if not owed:
        return None
    return await store.letters.write(
        user_id=user_id,
        kind="reminder",
        link_id=subscription.link_id,
        seq=events[-1].seq,
        now=utcnow(),
        session=session,
    )


async def is_reminder_letter_due(store: Store, user_id: str, *, seq: int) -> bool:
    """Whether an earlier letter is still relevant: subscribed, not displayed meanwhile, and with an open slot."""
    subscription = await store.mail_reminders.get(user_id)
    if subscription is None or await store.events.shown_to(user_id) >= seq:
        return False
    return bool(await _open_slots(store, subscription.last_slots))


async def _open_slots(store: Store, slots: Mapping[str, str]) -> dict[str, str]:
    """Those of the slots that are still open, and not snoozed."""
    steps = await store.steps.find({"_id": {"$in": list(slots)}, "status": "active"}) if slots else []
    return {step.id: slots[step.id] for step in steps if step.is_waiting(slots[step.id])}
