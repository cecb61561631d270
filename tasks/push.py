"""Web Push: a neutral message to devices when no page has displayed a reminder for a while. Best effort.

A page acknowledges how far it has displayed its feed (``ack``); what it has displayed is not pushed.
"""

from __future__ import annotations

import json
from datetime import timedelta

from hospital_rt.delivery.web_push import PushSender
from hospital_rt.domain.clock import to_wire
from hospital_rt.logs import log
from models.app_context import AppContext
from models.subscriptions import Subscription
from tasks.broker import ReliableStreamBroker
from tasks.dependencies import AppDep

SWEEP = "sweep_push"
PATIENCE = timedelta(seconds=20)
HOLD_S = 30.0  # and the first wait after a push that was not taken; each further one is twice as long
LONGEST_WAIT_S = 3600.0
PAGE = 500
NEUTRAL = json.dumps({"type": "reminder"}).encode()


async def push_sender(app: AppContext) -> PushSender:
    """The sender with this installation's VAPID key."""
    key = await app.resources.vault.secret("vapid", PushSender.new_private_key)
    return PushSender(private_key=key, subject=app.settings.push_subject, hosts=app.settings.push_hosts)


async def sweep_push(app: AppContext) -> int:
    """Push to every device with an undisplayed reminder. Returns how many pushes were accepted."""
    store, last, sent = app.store, "", 0
    sender: PushSender | None = None
    try:
        while users := await store.subscriptions.subscribers(after=last, limit=PAGE):
            last = users[-1]
            for user_id, shown in (await store.events.unshown(users)).items():
                for device in await store.subscriptions.of_user(user_id):
                    seq = await _owed(app, device, shown=shown)
                    if seq is None or not await store.subscriptions.hold(device, now=app.now(), hold_s=HOLD_S):
                        continue
                    sender = sender or await push_sender(app)
                    sent += await _push(app, sender, device, seq)
        return sent
    finally:
        if sender is not None:
            await sender.close()


async def _owed(app: AppContext, device: Subscription, *, shown: int) -> int | None:
    """The ``seq`` of the newest reminder that no page has displayed for a while and whose slot is open; else None."""
    due = await app.store.events.newest_named(
        device.user_id, "reminder.due", after=max(shown, device.pushed), until=app.now() - PATIENCE
    )
    if due is None:
        return None
    await app.store.events.load_keys([due])
    data = json.loads(app.store.events.open_text(due))
    step = await app.store.steps.get(data["step"]["id"])
    waiting = step.course.open_slot if step and step.status == "active" and step.course else None
    return due.seq if waiting and to_wire(waiting.at) == data["slot"] else None


async def _push(app: AppContext, sender: PushSender, device: Subscription, seq: int) -> int:
    outcome = await sender.send(endpoint=device.endpoint, p256dh=device.p256dh, auth=device.auth, data=NEUTRAL)
    app.resources.metrics.pushes.labels(outcome.status).inc()
    if outcome.result == "gone":
        await app.store.subscriptions.remove(device.id)
    elif outcome.result == "sent":
        await app.store.subscriptions.pushed(device.id, seq=seq)
    else:
        wait_s = max(outcome.retry_after_s, min(HOLD_S * 2 ** min(device.failures, 10), LONGEST_WAIT_S))
        await app.store.subscriptions.postpone(device.id, until=app.now() + timedelta(seconds=wait_s))
        if not device.failures:
            log.warning("push.refused", status=outcome.status, delay_s=wait_s)
    return int(outcome.result == "sent")


async def _sweep_task(app: AppDep) -> None:
    await sweep_push(app)


def register(broker: ReliableStreamBroker, tick_s: int) -> None:
    broker.register_tick(_sweep_task, SWEEP, tick_s=tick_s, every_s=max(5, tick_s))
