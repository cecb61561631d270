"""Gauges of what is stored and waiting in MongoDB and Redis, counted every few seconds by each worker.

The counts use indexes that exist anyway. While MongoDB is away they do not change, and ``counted_timestamp`` shows
their age.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

from hospital_rt.domain.clock import utcnow
from hospital_rt.logs import describe_error, log
from hospital_rt.storage.database import is_unavailable
from hospital_rt.storage.redis_client import REDIS_AWAY
from models.app_context import AppContext
from models.notes import UNSETTLED
from tasks.broker import DEAD, QUEUE, TICKS

EVERY_S = 10.0
AUDIT_EVERY_S = 60.0
AUDIT_PAGES = 20


async def count_figures(app: AppContext) -> None:
    """Count until cancelled, at random intervals, so that many workers do not count at once."""
    audited = 0.0
    while True:
        try:
            await count_backlog(app)
            if time.monotonic() - audited > AUDIT_EVERY_S:
                audited = time.monotonic()
                app.resources.metrics.audit_wrong.set(await verify_sample(app, AUDIT_PAGES))
        except Exception as error:
            if not is_unavailable(error):
                log.warning("figures.not_counted", **describe_error(error))
        await asyncio.sleep(random.uniform(EVERY_S * 0.8, EVERY_S * 1.2))  # interval, randomized between workers


async def count_backlog(app: AppContext) -> None:
    """Count everything once."""
    metrics, store, now = app.resources.metrics, app.store, app.now()
    with contextlib.suppress(*REDIS_AWAY):
        for name, stream in (("tasks", QUEUE), ("ticks", TICKS), ("dead", DEAD)):
            metrics.queue.labels(name).set(await app.resources.redis.xlen(stream))
    due, late, oldest_s = await store.steps.backlog(now)
    metrics.reminders_due.set(due)
    metrics.reminders_late.set(late)
    metrics.oldest_due.set(oldest_s)
    notes = await store.notes.backlog(now)
    for status in UNSETTLED:
        count, oldest_s = notes.get(status, (0, 0.0))
        metrics.notes_waiting.labels(status).set(count)
        metrics.notes_age.labels(status).set(oldest_s)
    letters, oldest_s = await store.letters.backlog(utcnow())
    metrics.letters_waiting.set(letters)
    metrics.letters_age.set(oldest_s)
    written_at = await store.last_backup_at()
    metrics.backup_at.set(written_at.timestamp() if written_at else 0)
    last_drill_at = await store.last_drill_at()
    metrics.drill_at.set(last_drill_at.timestamp() if last_drill_at else 0)
    metrics.counted_at.set(time.time())


async def verify_sample(app: AppContext, most: int) -> int:
    """Verify the head and up to ``most`` consecutive pages from a random start; the number of faults.

    Cheap enough to run every minute.
    """
    audit = app.store.audit
    head = await audit.read_head()
    if not audit.is_head(head):
        return 1
    first = max(1, random.randint(2 - most, head["pages"])) if head["pages"] > most else 1
    wrong, previous = 0, ""
    async for number, page, rows in audit.bound(min(head["pages"], first + most - 1), max(1, first - 1)):
        if number >= first:
            wrong += len(audit.check_page(number, page, rows, previous))
        previous = page["mac"] if page else ""
    return wrong
