"""Binds new audit entries into pages at each tick. Safe to run concurrently."""

from __future__ import annotations

from tasks.broker import ReliableStreamBroker
from tasks.dependencies import AppDep

NAME = "bind_audit"


async def bind_audit(app: AppDep) -> int:
    """Bind all unbound entries; how many there were."""
    return await app.store.audit.bind()


def register(broker: ReliableStreamBroker, tick_s: int) -> None:
    broker.register_tick(bind_audit, NAME, tick_s=tick_s)
