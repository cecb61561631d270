"""Something done again and again while something else is under way, such as keeping a lease."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any


@contextlib.asynccontextmanager
async def run_periodically(work: Callable[[], Awaitable[Any]], *, every_s: float, name: str) -> AsyncIterator[None]:
    """Do ``work`` every so many seconds until the end of the block. One that fails is done again at the next beat."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(every_s)  # the beat
            with contextlib.suppress(Exception):
                await work()

    task = asyncio.create_task(beat(), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
