"""Periodic work ends with its block."""

from __future__ import annotations

import asyncio

from hospital_rt.periodic import run_periodically


async def test_it_ends_also_where_the_work_takes_the_cancellation_for_a_timeout() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        if begun.is_set():
            return
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TimeoutError from None

    async with asyncio.timeout(10):
        async with run_periodically(work, every_s=0.001, name="swallows"):
            await begun.wait()
