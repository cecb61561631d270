"""Wake-ups through Redis: who has news, whose session ended, whose key was destroyed. Ids only, nothing more.

The promise: losing any of them costs seconds, and nobody who announces waits for Redis. Whoever listens re-reads the
truth from MongoDB when it could not hear.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from itertools import islice
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hospital_rt.logs import describe_error, log
from hospital_rt.ops.metrics import Metrics
from hospital_rt.storage.redis_client import REDIS_AWAY

CHANNEL = "hospital_rt:wake"
BATCH = 500
MAX_WAITING = 100_000
PING_AFTER_S = 1.0  # of silence
STOP_TRIES = 10
DEAF_AFTER_S = 3.0  # without an answer


class WakeUpPublisher:
    """Announces to every process: queued here, sent in the background, many at once when many come.

    Never raises and never waits. While Redis is away what is to be said is kept, and said when it is back.
    """

    def __init__(self, redis: Redis, metrics: Metrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._here: list[Callable[[dict[str, Any]], None]] = []
        self._waiting: dict[str, dict[str, None]] = {"ended": {}, "forget": {}, "news": {}}
        self._more = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._closing = False

    def hear_here(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Have a listener of this very process hear at once, Redis or not. It may hear a thing twice."""
        self._here.append(listener)

    async def announce(self, user_ids: Iterable[str]) -> None:
        """These users' feeds have something new."""
        self._say("news", user_ids)

    async def revoke(self, session_ids: Iterable[str]) -> None:
        """These sessions have ended: their sockets close now, on every node."""
        self._say("ended", session_ids)

    async def forget(self, user_id: str) -> None:
        """This user's key is destroyed: no node may go on using a cached one."""
        self._say("forget", [user_id])

    async def close(self) -> None:
        """Say what is still to be said, if Redis takes it within a second."""
        self._closing = True
        self._more.set()
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=1.0)
            self._sender.cancel()
            await asyncio.wait({self._sender}, timeout=1.0)

    def _say(self, kind: str, ids: Iterable[str]) -> None:
        found = list(ids)
        if not found:
            return
        for listener in self._here:
            listener({kind: found})
        waiting = self._waiting[kind]
        if len(waiting) < MAX_WAITING:  # beyond, every listener re-reads everything anyway
            waiting.update(dict.fromkeys(found))
        self._more.set()
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="wakeups-out")

    async def _send(self) -> None:
        wait_s = 0.05
        while True:
            message = self._take()
            if not message:
                if self._closing:
                    return
                self._more.clear()
                await self._more.wait()
                continue
            try:
                await self._redis.publish(CHANNEL, json.dumps(message))
            except REDIS_AWAY as error:
                self._metrics.redis_up.set(0)
                log.warning("wakeups.not_sent", **describe_error(error))
                for kind, ids in message.items():
                    self._waiting[kind] = {**dict.fromkeys(ids), **self._waiting[kind]}
                if self._closing:
                    return
                await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # backoff
                wait_s = min(1.0, wait_s * 2)
            else:
                self._metrics.redis_up.set(1)
                wait_s = 0.05

    def _take(self) -> dict[str, list[str]]:
        """The next message: as much of what waits as one may hold."""
        message: dict[str, list[str]] = {}
        for kind, waiting in self._waiting.items():
            ids = list(islice(waiting, BATCH))
            if ids:
                message[kind] = ids
                for id in ids:
                    del waiting[id]
        return message


class WakeUpListener:
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
        """Cancelled until it ends: a client that is about to give up on a connection takes the first for its own."""
        for _ in range(STOP_TRIES):
            if self._task is None or self._task.done():
                break
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=0.2)
        with contextlib.suppress(*REDIS_AWAY):
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
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # backoff
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
