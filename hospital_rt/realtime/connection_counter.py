"""How many connections a user has over all web processes, counted in Redis.

A sorted set for each user holds the connections by the time at which they began, each with its process. The oldest
beyond ``MAX_SOCKETS`` are closed wherever they are. Connections of a process that was killed count until its heartbeat
expires. While Redis is away nothing is counted here, and each process bounds its own (:mod:`hub`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from hospital_rt.logs import describe_error, log
from hospital_rt.periodic import run_periodically
from hospital_rt.storage.redis_client import REDIS_AWAY

MAX_SOCKETS = 8
ALIVE_S = 60  # how long a process counts as running without another heartbeat
HEARTBEAT_EVERY_S = 20.0
KEPT_S = 86_400


class ConnectionCounter:
    """The connections of this process, published to all. ``close`` closes connections by id, in whichever process."""

    def __init__(self, redis: Redis, close: Callable[[list[str]], Awaitable[None]]) -> None:
        self._redis = redis
        self._close = close
        self._node = uuid4().hex
        self._work: set[asyncio.Task[None]] = set()
        self._heartbeat: contextlib.AsyncExitStack | None = None

    async def start(self) -> None:
        """Begin to publish that this process runs."""
        self._heartbeat = contextlib.AsyncExitStack()
        await self._heartbeat.enter_async_context(
            run_periodically(self._beat, every_s=HEARTBEAT_EVERY_S, name="connections")
        )

    async def stop(self) -> None:
        if self._heartbeat is not None:
            await self._heartbeat.aclose()
        for task in list(self._work):
            task.cancel()
        with contextlib.suppress(*REDIS_AWAY):
            await self._redis.delete(_node_key(self._node))

    def joined(self, user_id: str, connection_id: str) -> None:
        """A connection began. The user's oldest beyond the limit are closed a moment later."""
        self._soon(self._count(user_id, f"{self._node}:{connection_id}"))

    def left(self, user_id: str, connection_id: str) -> None:
        """A connection ended."""
        self._soon(self._forget(user_id, f"{self._node}:{connection_id}"))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="connection-count")
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _beat(self) -> None:
        with contextlib.suppress(*REDIS_AWAY):
            await self._redis.set(_node_key(self._node), b"1", ex=ALIVE_S)

    async def _count(self, user_id: str, member: str) -> None:
        key = _user_key(user_id)
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.set(_node_key(self._node), b"1", ex=ALIVE_S)
            pipe.zadd(key, {member: time.time()})
            pipe.expire(key, KEPT_S)
            pipe.zrange(key, 0, -1)
            members = [found.decode() for found in (await pipe.execute())[-1]]
            if len(members) <= MAX_SOCKETS:
                return
            nodes = sorted({one.partition(":")[0] for one in members})
            running = await self._redis.mget([_node_key(node) for node in nodes])
            dead = {node for node, beat in zip(nodes, running, strict=True) if beat is None}
            alive = [one for one in members if one.partition(":")[0] not in dead]
            over = alive[:-MAX_SOCKETS]
            if gone := [one for one in members if one not in alive or one in over]:
                await self._redis.zrem(key, *gone)
        except REDIS_AWAY as error:
            log.warning("live.not_counted", **describe_error(error))
            return
        if over:
            await self._close([one.partition(":")[2] for one in over])

    async def _forget(self, user_id: str, member: str) -> None:
        with contextlib.suppress(*REDIS_AWAY):
            await self._redis.zrem(_user_key(user_id), member)


def _user_key(user_id: str) -> str:
    return f"hospital_rt:live:{user_id}"


def _node_key(node: str) -> str:
    return f"hospital_rt:web:{node}"
