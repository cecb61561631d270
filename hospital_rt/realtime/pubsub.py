"""Wake-ups through Redis pub/sub: users with new events, ended sessions, connections to close, destroyed keys.

Messages hold ids only.

A lost message delays delivery by seconds; publishers never wait for Redis. After a time without a connection,
listeners read the state from MongoDB again.
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
SILENT_AFTER_S = 3.0  # without an answer


class WakeUpPublisher:
    """Publishes to all processes: messages are queued here and sent in the background, batched under load.

    Never raises and never blocks. While Redis is away messages are kept and sent later.
    """

    def __init__(self, redis: Redis, metrics: Metrics) -> None:
        self._redis = redis
        self._metrics = metrics
        self._here: list[Callable[[dict[str, Any]], None]] = []
        self._waiting: dict[str, dict[str, None]] = {"ended": {}, "over": {}, "forget": {}, "news": {}}
        self._more = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._closing = False

    def subscribe_local(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call ``listener`` in this process at once, with or without Redis. It may get a message twice."""
        self._here.append(listener)

    async def announce(self, user_ids: Iterable[str]) -> None:
        """The feeds of these users have new events."""
        self._enqueue("news", user_ids)

    async def revoke(self, session_ids: Iterable[str]) -> None:
        """These sessions have ended: every node closes their sockets."""
        self._enqueue("ended", session_ids)

    async def close_connections(self, connection_ids: Iterable[str]) -> None:
        """A user has newer connections enough: whichever node holds these closes them."""
        self._enqueue("over", connection_ids)

    async def announce_erased(self, user_id: str) -> None:
        """This user's key is destroyed: every node drops its cached copy."""
        self._enqueue("forget", [user_id])

    async def close(self) -> None:
        """Send what is queued, if Redis accepts it within a second."""
        self._closing = True
        self._more.set()
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=1.0)
            self._sender.cancel()
            await asyncio.wait({self._sender}, timeout=1.0)

    def _enqueue(self, kind: str, ids: Iterable[str]) -> None:
        found = list(ids)
        if not found:
            return
        for listener in self._here:
            listener({kind: found})
        waiting = self._waiting[kind]
        if len(waiting) < MAX_WAITING:  # beyond the limit, listeners re-read everything anyway
            waiting.update(dict.fromkeys(found))
        self._more.set()
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="wakeups-out")

    async def _send(self) -> None:
        wait_s = 0.05
        while True:
            message = self._next_message()
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

    def _next_message(self) -> dict[str, list[str]]:
        """The next message: as many of the queued ids as one message may hold."""
        message: dict[str, list[str]] = {}
        for kind, waiting in self._waiting.items():
            ids = list(islice(waiting, BATCH))
            if ids:
                message[kind] = ids
                for id in ids:
                    del waiting[id]
        return message


class WakeUpListener:
    """One subscription for the whole process. ``on_back`` is called when messages arrive again after an interruption.

    It uses a connection of its own without automatic reconnects: a subscription renewed without ``on_back`` would hide
    the messages lost in between.
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
        self.connected = asyncio.Event()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="wakeups")

    async def stop(self) -> None:
        """Cancel the task until it ends: redis-py may swallow a cancellation while it drops a connection."""
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
                    async for message in _messages_of(pubsub):
                        if message["type"] == "subscribe":
                            # Set only now, when no message is missed any more; what came before is read by
                            # ``on_back``.
                            self.connected.set()
                            await self._on_back()
                            wait_s = 0.05
                        elif message["type"] == "message":
                            self._handle(message["data"])
            except asyncio.CancelledError:
                raise
            except Exception as error:
                if self.connected.is_set():
                    log.warning("wakeups.deaf", **describe_error(error))
                self.connected.clear()
            await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # backoff
            wait_s = min(1.0, wait_s * 2)

    def _handle(self, data: Any) -> None:
        try:
            message = json.loads(data)
        except ValueError:
            return
        if isinstance(message, dict):
            self._on_message(message)


async def _messages_of(pubsub: Any) -> AsyncIterator[dict[str, Any]]:
    """Messages as they arrive; a silent connection is pinged.

    Raises:
        ConnectionError: no answer to the ping, as from a server that hangs or a lost network.
    """
    heard_at = time.monotonic()
    while True:
        message = await pubsub.get_message(timeout=PING_AFTER_S)
        if message is not None:
            heard_at = time.monotonic()
            yield message
        elif time.monotonic() - heard_at > SILENT_AFTER_S:
            raise ConnectionError("silent")
        else:
            await pubsub.ping()
