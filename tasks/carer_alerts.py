"""Tells carers by mail of slots that stay open. A second channel, best effort, at most one letter for each slot."""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from models.app_context import AppContext
from models.services.carer_alerts import owe_alert
from tasks.broker import TICKS, ReliableStreamBroker
from tasks.dependencies import AppDep

SWEEP = "sweep_carer_alerts"
PAGE = 500
EVERY_S = 15


async def sweep_carer_alerts(app: AppContext) -> int:
    """Write the letters that are due to the outbox. Returns how many. Safe to run concurrently."""
    last, written = "", 0
    while grants := await app.store.grants.alerted(after=last, limit=PAGE):
        last = grants[-1].id
        for grant in grants:
            try:
                written += await owe_alert(app.store, grant, now=app.now()) is not None
            except DuplicateKeyError:
                continue  # another worker was faster
    return written


async def _sweep_task(app: AppDep) -> None:
    await sweep_carer_alerts(app)


def register(broker: ReliableStreamBroker, tick_s: int) -> None:
    broker.register_task(
        _sweep_task,
        task_name=SWEEP,
        queue_name=TICKS,
        tick_s=tick_s,
        ack_type="when_received",
        schedule=[{"interval": max(EVERY_S, tick_s), "schedule_id": SWEEP}],
    )
