"""Wake-ups through Redis: who has news, whose session ended, whose key was destroyed. Ids only, nothing more.

The promise: losing any of them costs seconds. Whoever listens re-reads the truth from MongoDB when it could not hear.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import RedisError

from hospital_rt.telemetry import Metrics, describe_error, log

CHANNEL = "hospital_rt:wake"
BATCH = 500
PING_AFTER_S = 1.0                     # of silence
DEAF_AFTER_S = 3.0                     # without an answer


def make_redis(url: str) -> Redis:
    """A client whose every call ends within about a second when Redis is away."""
    return Redis.from_url(
        url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 1),
        health_check_interval=15, decode_responses=False, max_connections=64,
    )  # fmt: skip


class Wakeups:
    """Announces to every process. Never raises: what could not be said is found by the next sweep."""

    def __init__(self, redis: Redis, metrics: Metrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._here: list[Callable[[dict[str, Any]], None]] = []

    def hear_here(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Have a listener of this very process hear at once, Redis or not. It may hear a thing twice."""
        self._here.append(listener)

    async def announce(self, user_ids: Iterable[str]) -> None:
        """These users' feeds have something new."""
        ids = list(user_ids)
        for start in range(0, len(ids), BATCH):
            await self._say({"news": ids[start : start + BATCH]})

    async def revoke(self, session_ids: Iterable[str]) -> None:
        """These sessions have ended: their sockets close now, on every node."""
        ids = list(session_ids)
        if ids:
            await self._say({"ended": ids})

    async def forget(self, user_id: str) -> None:
        """This user's key is destroyed: no node may go on using a cached one."""
        await self._say({"forget": [user_id]})

    async def _say(self, message: dict[str, Any]) -> None:
        for listener in self._here:
            listener(message)
        try:
            await self._redis.publish(CHANNEL, json.dumps(message))
            self._metrics.redis_up.set(1)
        except (RedisError, OSError) as error:
            self._metrics.redis_up.set(0)
            log.warning("wakeups.not_sent", **describe_error(error))


class Listener:
    """One subscription for the whole process. ``on_back`` is called when it can hear again after it could not.

    It has a connection of its own that is never mended behind its back: a subscription made anew without ``on_back``
    would hide what was said in between.
    """

    def __init__(
        self, url: str, *, on_message: Callable[[dict[str, Any]], None], on_back: Callable[[], Awaitable[None]]
    ) -> None:
        self._redis = Redis.from_url(
            url, socket_timeout=1.0, socket_connect_timeout=1.0, retry=Retry(NoBackoff(), 0), max_connections=2
        )
        self._on_message = on_message
        self._on_back = on_back
        self._task: asyncio.Task[None] | None = None
        self.hears = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="wakeups")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _run(self) -> None:
        wait_s = 0.05
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    async for message in _heard(pubsub):
                        if message["type"] == "subscribe":
                            # Only now is nothing missed any more: what came before is looked for.
                            self.hears.set()
                            await self._on_back()
                            wait_s = 0.05
                        elif message["type"] == "message":
                            self._take(message["data"])
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if self.hears.is_set():
                    log.warning("wakeups.deaf", **describe_error(error))
                self.hears.clear()
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))
            wait_s = min(1.0, wait_s * 2)

    def _take(self, data: Any) -> None:
        try:
            message = json.loads(data)
        except ValueError:
            return
        if isinstance(message, dict):
            self._on_message(message)


async def _heard(pubsub: Any) -> AsyncIterator[dict[str, Any]]:
    """Whatever comes in; a connection that is silent is asked for a sign of life.

    Raises:
        ConnectionError: there was none, as from a server that hangs or a network that went away.
    """
    heard_at = time.monotonic()
    while True:
        message = await pubsub.get_message(timeout=PING_AFTER_S)
        if message is not None:
            heard_at = time.monotonic()
            yield message
        elif time.monotonic() - heard_at > DEAF_AFTER_S:
            raise ConnectionError("silent")
        else:
            await pubsub.ping()
