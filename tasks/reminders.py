"""Records due reminders. A tick only starts the query; the ``reminders`` collection is authoritative."""

from __future__ import annotations

import asyncio

from models.app_context import AppContext
from models.services.record_reminders import record_due
from tasks.dependencies import AppDep

NAME = "remind_due"
BATCH = 200
AT_ONCE = 2  # one batch is prepared while the database writes the other


async def remind_due(app: AppDep, *, batch: int = BATCH) -> int:
    """Record every due reminder and wake its recipients. Returns how many were recorded."""
    batches = [_record_batches(app, batch=batch) for _ in range(AT_ONCE)]
    found = await asyncio.gather(*batches, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return sum(one for one in found if isinstance(one, int))


async def _record_batches(app: AppContext, *, batch: int) -> int:
    recorded = 0
    while True:
        now = app.now() - await app.resources.database.ahead_by()
        done = await record_due(app.store, now=now, limit=batch)
        if done.users:
            await app.resources.wakeups.announce(done.users)
        recorded += len(done.lags_s)
        app.resources.metrics.reminders_recorded.inc(len(done.lags_s))
        for lag_s in done.lags_s:
            app.resources.metrics.reminder_lag.observe(max(0.0, lag_s))
        if done.steps < batch:
            return recorded
