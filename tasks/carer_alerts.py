"""Alerts carers by mail of slots that stay open. A second channel, best effort, at most one letter for each slot."""

from __future__ import annotations

from pymongo.errors import DuplicateKeyError

from models.services.carer_alerts import queue_carer_alert
from tasks.dependencies import AppDep

PAGE = 500


async def sweep_carer_alerts(app: AppDep) -> int:
    """Write the letters that are due to the outbox. Returns how many. Safe to run concurrently."""
    last, written = "", 0
    while grants := await app.store.grants.with_alerts(after=last, limit=PAGE):
        last = grants[-1].id
        for grant in grants:
            try:
                written += await queue_carer_alert(app.store, grant, now=app.now()) is not None
            except DuplicateKeyError:
                continue  # another worker was faster
    return written
