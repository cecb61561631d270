"""Wake-ups: a process that stops, stops, whatever its connection to Redis was about at that moment."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from hospital_rt.wakeups import Listener


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_a_listener_stops_at_once_even_when_the_process_had_been_held_up(redis_url: str, turns: int) -> None:
    async def back() -> None: ...

    def hear(_message: dict[str, Any]) -> None: ...

    listeners = [Listener(redis_url, on_message=hear, on_back=back) for _ in range(5)]
    for one in listeners:
        one.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    # Nothing of the loop runs for a while: what was to time out meanwhile does so at the moment of the stop.
    time.sleep(1.1)  # noqa: ASYNC251
    for _ in range(turns % 3):
        await asyncio.sleep(0)
    began = time.monotonic()
    await asyncio.gather(*(one.stop() for one in listeners))
    assert time.monotonic() - began < 1.5
    left = [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "wakeups"]
    assert left == []
