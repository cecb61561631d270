"""Wake-ups through Redis: who has news, whose session ended, whose key was destroyed. Ids only, nothing more.

The promise: losing any of them costs seconds. Whoever listens re-reads the truth from MongoDB when it could not hear.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from hospital_rt.telemetry import Metrics, describe_error, log

CHANNEL = "hospital_rt:wake"
BATCH = 500
LISTEN_PATIENCE_S = 1.0


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
    """One subscription for the whole process. ``on_back`` is called when it can hear again after it could not."""

    def __init__(
        self, redis: Redis, *, on_message: Callable[[dict[str, Any]], None], on_back: Callable[[], Awaitable[None]]
    ) -> None:
        self._redis = redis
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

    async def _run(self) -> None:
        wait_s = 0.05
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    self.hears.set()
                    await self._on_back()
                    wait_s = 0.05
                    while True:
                        message = await pubsub.get_message(timeout=LISTEN_PATIENCE_S)
                        if message is not None:
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
