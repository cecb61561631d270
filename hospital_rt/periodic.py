"""Periodic background work during a block, such as renewing a lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any


@contextlib.asynccontextmanager
async def run_periodically(work: Callable[[], Awaitable[Any]], *, every_s: float, name: str) -> AsyncIterator[None]:
    """Call ``work`` every ``every_s`` seconds until the end of the block; an error does not end the calls."""

    is_over = False

    async def beat() -> None:
        while not is_over:  # a client library may take a cancellation for a timeout of its own, and swallow it
            await asyncio.sleep(every_s)  # interval
            with contextlib.suppress(Exception):
                await work()

    task = asyncio.create_task(beat(), name=name)
    try:
        yield
    finally:
        is_over = True
        task.cancel()
        await asyncio.wait({task})
