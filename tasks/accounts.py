"""Removes sign-ups not confirmed within a month, with their keys; the address can be used again."""

from __future__ import annotations

from datetime import timedelta

from hospital_rt.domain.clock import utcnow
from hospital_rt.logs import log
from models.services.accounts import delete_expired_sign_up
from tasks.dependencies import AppDep

KEPT = timedelta(days=30)
BATCH = 200


async def delete_expired_sign_ups(app: AppDep) -> int:
    """Remove expired sign-ups; how many. Safe to run concurrently."""
    before, forgotten = utcnow() - KEPT, 0
    while ids := await app.store.users.never_confirmed(before=before, limit=BATCH):
        done = [await delete_expired_sign_up(app.store, id, before=before) for id in ids]
        forgotten += sum(done)
        if not any(done):
            break  # other workers are removing them
    if forgotten:
        log.info("sign_ups.forgotten", count=forgotten)
    return forgotten
