"""Wake-ups: announcing does not wait for Redis, and what failed is announced when Redis is back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio

from hospital_rt.ops.metrics import Metrics
from hospital_rt.realtime.pubsub import BATCH, CHANNEL, WakeUpPublisher
from hospital_rt.storage.redis_client import make_redis
from tests.faults.proxy import Proxy, proxy_of
from tests.support.driver import until
from tests.support.patience import allowed

METRICS = Metrics()


class Ears:
    """Another process that listens."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    def ids(self, kind: str) -> list[str]:
        return [id for message in self.heard for id in message.get(kind, [])]

    async def listen(self, url: str) -> None:
        async with redis.asyncio.Redis.from_url(url) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            async for message in pubsub.listen():
                if message["type"] == "message":
                    self.heard.append(json.loads(message["data"]))
                else:
                    self.heard.append({})


@pytest.fixture
async def ears(redis_url: str) -> AsyncIterator[Ears]:
    ears = Ears()
    listening = asyncio.create_task(ears.listen(redis_url))
    await until(lambda: _true(ears.heard))
    yield ears
    listening.cancel()
    await asyncio.wait({listening})


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[tuple[Proxy, WakeUpPublisher]]:
    """Wake-ups whose line to Redis can be broken."""
    async with proxy_of(redis_url) as (proxy, url):
        client = make_redis(url)
        wakeups = WakeUpPublisher(client, METRICS)
        yield proxy, wakeups
        await wakeups.close()
        await client.aclose()


async def _true(value: object) -> bool:
    return bool(value)


async def test_what_is_announced_is_heard_elsewhere(ears: Ears, line: tuple[Proxy, WakeUpPublisher]) -> None:
    _, wakeups = line
    await wakeups.announce(["ada", "bob"])
    await wakeups.revoke(["session"])
    await wakeups.announce_erased("carl")
    await until(lambda: _true(ears.ids("forget")))
    assert (ears.ids("news"), ears.ids("ended"), ears.ids("forget")) == (["ada", "bob"], ["session"], ["carl"])


@pytest.mark.parametrize("how", ["refused", "held", "reset"])
async def test_while_redis_is_away_nobody_waits_and_nothing_is_forgotten(
    ears: Ears, line: tuple[Proxy, WakeUpPublisher], how: str
) -> None:
    proxy, wakeups = line
    await wakeups.announce(["before"])
    await until(lambda: _true("before" in ears.ids("news")))
    if how == "refused":
        await proxy.refuse()
    elif how == "held":
        proxy.hold()
    else:
        proxy.reset()
    began = time.monotonic()
    for number in range(100):
        await wakeups.announce([f"user-{number % 10}"])
        await wakeups.revoke([f"session-{number}"])
    assert time.monotonic() - began < allowed(0.5)
    if how != "reset":
        await until(lambda: _true(METRICS.redis_up._value.get() == 0))  # a try has failed
    proxy.reset()
    proxy.heal()
    await proxy.accept()
    await until(lambda: _true(len(set(ears.ids("ended"))) == 100), within_s=8)
    assert set(ears.ids("news")) == {"before", *(f"user-{number}" for number in range(10))}


async def test_a_thousand_announcements_at_once_become_a_few_messages(
    ears: Ears, line: tuple[Proxy, WakeUpPublisher]
) -> None:
    _, wakeups = line
    for number in range(1000):
        await wakeups.announce([f"user-{number}"])
    await until(lambda: _true(len(ears.ids("news")) == 1000))
    assert len(ears.heard) <= 1 + 1000 // BATCH + 1
    assert max(len(message.get("news", [])) for message in ears.heard) <= BATCH


async def test_what_waits_is_still_said_when_the_process_ends(redis_url: str, ears: Ears) -> None:
    client = make_redis(redis_url)
    wakeups = WakeUpPublisher(client, Metrics())
    await wakeups.announce(["last"])
    await wakeups.close()
    await client.aclose()
    await until(lambda: _true("last" in ears.ids("news")))
