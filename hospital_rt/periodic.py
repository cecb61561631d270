"""Periodic background work during a block, such as renewing a lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any


@contextlib.asynccontextmanager
async def run_periodically(work: Callable[[], Awaitable[Any]], *, every_s: float, name: str) -> AsyncIterator[None]:
    """Call ``work`` every ``every_s`` seconds until the end of the block; an error does not end the calls."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(every_s)  # interval
            with contextlib.suppress(Exception):
                await work()

    task = asyncio.create_task(beat(), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
