"""Binds new audit entries into pages at each tick. Safe to run concurrently."""

from __future__ import annotations

from models.app_context import AppContext
from tasks.broker import ReliableStreamBroker
from tasks.dependencies import AppDep

NAME = "bind_audit"


async def bind_audit(app: AppContext) -> int:
    """Bind all unbound entries; how many there were."""
    return await app.store.audit.bind()


async def _task(app: AppDep) -> None:
    await bind_audit(app)


def register(broker: ReliableStreamBroker, tick_s: int) -> None:
    broker.register_tick(_task, NAME, tick_s=tick_s)
