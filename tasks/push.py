"""Web Push: a neutral message to devices when no page has displayed a reminder for a while. Best effort.

A page acknowledges how far it has displayed its feed (``ack``); what it has displayed is not pushed. Several slots
that wait are one message. It carries a one-time token for the newest of them (``models/services/answer_tokens.py``).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from hospital_rt.delivery.web_push import PushSender
from hospital_rt.domain.clock import from_wire, to_wire
from hospital_rt.logs import log
from hospital_rt.web.tokens import Tokens
from models.app_context import AppContext
from models.subscriptions import Subscription
from tasks.dependencies import AppDep

PUSH_AFTER = timedelta(seconds=20)  # for which no page has displayed a reminder
LEASE_S = 30.0  # and the first wait after a push that was not taken; each further one is twice as long
LONGEST_WAIT_S = 3600.0
PAGE = 500
LOOKED_AT = 50  # of the reminders that a device may be owed, the newest


class OwedPush(NamedTuple):
    """One message: ``slots`` wait, and the newest of them can be answered by its token."""

    seq: int
    step_id: str
    slot_at: datetime
    slots: int


async def push_sender(app: AppContext) -> PushSender:
    """The sender with this installation's VAPID key."""
    key = await app.resources.vault.secret("vapid", PushSender.new_private_key)
    return PushSender(private_key=key, subject=app.settings.push_subject, hosts=app.settings.push_hosts)


async def sweep_push(app: AppDep) -> int:
    """Push to every device with an undisplayed reminder. Returns how many pushes were accepted."""
    store, last, sent = app.store, "", 0
    sender: PushSender | None = None
    try:
        while users := await store.subscriptions.subscribers(after=last, limit=PAGE):
            last = users[-1]
            for user_id, shown in (await store.events.unshown(users)).items():
                for device in await store.subscriptions.of_user(user_id):
                    owed = await _owed(app, device, shown=shown)
                    if owed is None or not await store.subscriptions.claim(device, now=app.now(), lease_s=LEASE_S):
                        continue
                    sender = sender or await push_sender(app)
                    sent += await _push(app, sender, device, owed)
        return sent
    finally:
        if sender is not None:
            await sender.close()


async def _owed(app: AppContext, device: Subscription, *, shown: int) -> OwedPush | None:
    """What is pushed to this device: reminders that no page has displayed for a while and whose slots are open."""
    after, until = max(shown, device.pushed), app.now() - PUSH_AFTER
    due = await app.store.events.named(
        device.user_id, "reminder.due", after=after, until=until, limit=LOOKED_AT, newest_first=True
    )
    await app.store.events.load_keys(due)
    told = [json.loads(app.store.events.open_text(one)) for one in due]
    slots = list(dict.fromkeys((data["step"]["id"], data["slot"]) for data in told))
    steps = await app.store.steps.by_ids([step_id for step_id, _ in slots]) if slots else {}
    waiting = [(step_id, slot) for step_id, slot in slots if (step := steps.get(step_id)) and step.is_waiting(slot)]
    if not waiting:
        return None
    return OwedPush(due[0].seq, waiting[0][0], from_wire(waiting[0][1]), len(waiting))


async def _push(app: AppContext, sender: PushSender, device: Subscription, owed: OwedPush) -> int:
    token = secrets.token_urlsafe(32)
    hashed = Tokens.hash_link(token)
    await app.store.answer_tokens.make(
        hashed, user_id=device.user_id, step_id=owed.step_id, slot_at=owed.slot_at, now=app.now()
    )
    data = json.dumps({"type": "reminder", "count": owed.slots, "token": token, "tag": _tag(owed)}).encode()
    outcome = await sender.send(endpoint=device.endpoint, p256dh=device.p256dh, auth=device.auth, data=data)
    app.resources.metrics.pushes.labels(outcome.status).inc()
    if outcome.result == "sent":
        await app.store.subscriptions.pushed(device.id, seq=owed.seq)
        return 1
    await app.store.answer_tokens.revoke(hashed)
    if outcome.result == "gone":
        await app.store.subscriptions.delete(device.id)
        return 0
    wait_s = max(outcome.retry_after_s, min(LEASE_S * 2 ** min(device.failures, 10), LONGEST_WAIT_S))
    await app.store.subscriptions.defer(device.id, until=app.now() + timedelta(seconds=wait_s))
    if not device.failures:
        log.warning("push.refused", status=outcome.status, delay_s=wait_s)
    return 0


def _tag(owed: OwedPush) -> str:
    """The same for each repeat of a slot, so that it replaces the notification before; it reveals nothing."""
    return hashlib.sha256(f"{owed.step_id}@{to_wire(owed.slot_at)}".encode()).hexdigest()[:16]
