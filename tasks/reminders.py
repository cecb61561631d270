"""Reminders: look for what is due and record it. A tick only wakes this look; the ledger decides."""

from __future__ import annotations

import asyncio
from datetime import datetime

from models.app_context import House
from models.services.record_reminders import record_due
from tasks.broker import TICKS, ReliableStreamBroker
from tasks.dependencies import HouseDep

NAME = "remind_due"
BATCH = 200
LOOKS = 2                              # while the database writes one batch, the next is made


async def remind_due(house: House, *, now: datetime | None = None, batch: int = BATCH) -> int:
    """Record every reminder that is due and wake those it is for. Returns how many were recorded."""
    looks = [_look(house, now=now, batch=batch) for _ in range(LOOKS)]
    found = await asyncio.gather(*looks, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return sum(one for one in found if isinstance(one, int))


async def _look(house: House, *, now: datetime | None, batch: int) -> int:
    recorded = 0
    while True:
        moment = now or house.now() - await house.resources.database.ahead_by()
        done = await record_due(house.store, now=moment, limit=batch)
        if done.users:
            await house.resources.wakeups.announce(done.users)
        recorded += len(done.lags_s)
        house.resources.metrics.reminders_recorded.inc(len(done.lags_s))
        for lag_s in done.lags_s:
            house.resources.metrics.reminder_lag.observe(max(0.0, lag_s))
        if done.steps < batch:
            return recorded


async def _task(house: HouseDep) -> None:
    await remind_due(house)


def register(broker: ReliableStreamBroker, tick_s: int) -> None:
    broker.register_task(
        _task, task_name=NAME, queue_name=TICKS, tick_s=tick_s, ack_type="when_received",
        schedule=[{"interval": tick_s, "schedule_id": NAME}],
    )  # fmt: skip
