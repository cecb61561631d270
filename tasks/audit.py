"""Binds new audit entries into pages at each tick. Safe to run concurrently."""

from __future__ import annotations

from tasks.dependencies import AppDep


async def bind_audit(app: AppDep) -> int:
    """Bind all unbound entries; how many there were."""
    return await app.store.audit.bind()
