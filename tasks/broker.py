"""The broker: task and tick streams in Redis.

Redis Streams broker that reclaims a dead consumer's pending entries on a timer, renews the lease of entries in
progress, deletes finished ones, and moves entries that fail too often to a stream of their ids. An emptied or restarted
Redis causes a delay, not a loss. Delivery is at least once: tasks carry ids and may run twice.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError
from taskiq import AckableMessage, BrokerMessage
from taskiq_redis import RedisStreamBroker

from hospital_rt.logs import describe_error, log
from hospital_rt.storage.redis_client import REDIS_AWAY, try_once_more

QUEUE = "hospital_rt:tasks"
TICKS = "hospital_rt:ticks"
DEAD = "hospital_rt:dead"
GROUP = "workers"
IDLE_MS = 30_000
RECLAIM_S = 5.0
BLOCK_MS = 1000
ANSWER_WITHIN_S = 3.0
MAX_DELIVERIES = 5
MAX_TASK_S = 900.0
TICKS_KEPT = 20


class Tick(NamedTuple):
    """A scheduled task and its interval."""

    task: Callable[..., Awaitable[Any]]
    every_s: int


class ReliableStreamBroker(RedisStreamBroker):
    """Two streams: tasks, and scheduled ticks, of which only the newest few are kept."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            queue_name=QUEUE,
            consumer_group_name=GROUP,
            consumer_id="0",
            xread_block=BLOCK_MS,
            xread_count=10,
            idle_timeout=IDLE_MS,
            additional_streams={TICKS: ">"},
            socket_timeout=ANSWER_WITHIN_S,
            socket_connect_timeout=1.0,
            timeout=ANSWER_WITHIN_S,
            retry=try_once_more(),
        )
        self.ticks: dict[str, Tick] = {}
        self._at_work: dict[tuple[str, bytes], float] = {}
        self._is_closing = False
        self._renewing: asyncio.Task[None] | None = None

    async def _declare_consumer_group(self) -> None:
        """No-op: :meth:`listen` declares the group, whenever Redis has lost it."""

    def stop_listening(self) -> None:
        """Accept no more deliveries: :meth:`listen` ends at its next iteration, within a second while Redis answers.

        Its task is cancelled as well, but redis-py may swallow a cancellation.
        """
        self._is_closing = True

    async def shutdown(self) -> None:
        self.stop_listening()
        if self._renewing:
            self._renewing.cancel()
            await asyncio.wait({self._renewing}, timeout=1.0)
        await super().shutdown()

    async def kick(self, message: BrokerMessage) -> None:
        """Add a task to its stream. A tick that cannot be sent is dropped: workers also poll without ticks."""
        is_tick = message.labels.get("queue_name") == TICKS
        try:
            async with Redis(connection_pool=self.connection_pool) as redis:
                if is_tick:
                    # One tick per interval is enough, however many schedulers run.
                    spacing_ms = int(float(message.labels.get("tick_s", 1)) * 900)
                    if not await redis.set(f"{TICKS}:{message.task_name}", b"1", nx=True, px=spacing_ms):
                        return
                    await redis.xadd(TICKS, {b"data": message.message}, maxlen=TICKS_KEPT, approximate=False)
                else:
                    await redis.xadd(QUEUE, {b"data": message.message})
        except REDIS_AWAY as error:
            if not is_tick:
                raise
            log.warning("tick.not_sent", task=message.task_name, **describe_error(error))

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """Deliveries, until :meth:`stop_listening`."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew(), name="leases")
        declared, wait_s, reclaimed_at = False, 0.1, 0.0
        while not self._is_closing:
            found: list[tuple[str, bytes, Any]] = []
            try:
                async with Redis(connection_pool=self.connection_pool) as redis:
                    if not declared:
                        await self._declare(redis)
                        declared = True
                    if time.monotonic() - reclaimed_at >= RECLAIM_S:
                        reclaimed_at = time.monotonic()
                        found += await self._reclaim(redis)
                    found += await self._read(redis)
                wait_s = 0.1
            except ResponseError as error:
                declared = False
                if "NOGROUP" not in str(error):
                    log.warning("broker.refused", **describe_error(error))
                    await asyncio.sleep(wait_s)  # backoff
                    wait_s = min(2.0, wait_s * 2)
            except REDIS_AWAY as error:
                log.warning("broker.away", delay_s=round(wait_s, 2), **describe_error(error))
                declared = False
                await asyncio.sleep(random.uniform(wait_s / 2, wait_s))  # backoff
                wait_s = min(2.0, wait_s * 2)
            for stream, id, fields in found:
                if not fields or b"data" not in fields:
                    await self._finish(stream, id)
                    continue
                self._at_work[stream, id] = time.monotonic()
                yield AckableMessage(data=fields[b"data"], ack=self._acknowledge(stream, id))

    async def _declare(self, redis: Redis) -> None:
        for stream in (QUEUE, TICKS):
            try:
                await redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _read(self, redis: Redis) -> list[tuple[str, bytes, Any]]:
        reply: Any = await redis.xreadgroup(
            GROUP, self.consumer_name, {QUEUE: ">", TICKS: ">"}, block=self.block, count=self.count
        )
        pairs = reply.items() if isinstance(reply, dict) else reply or []
        return [(_text(stream), id, fields) for stream, entries in pairs for id, fields in entries]

    async def _reclaim(self, redis: Redis) -> list[tuple[str, bytes, Any]]:
        """Pending entries of dead workers, each claimed by one worker."""
        found: list[tuple[str, bytes, Any]] = []
        for stream in (QUEUE, TICKS):
            reply: Any = await redis.xautoclaim(
                stream, GROUP, self.consumer_name, min_idle_time=self.idle_timeout, count=50
            )
            for id, fields in reply[1]:
                if id is None or (stream, id) in self._at_work:
                    continue
                pending: Any = await redis.xpending_range(stream, GROUP, min=id, max=id, count=1)
                if pending and pending[0]["times_delivered"] > MAX_DELIVERIES:
                    log.error("task.set_aside", message_id=_text(id), delivery=pending[0]["times_delivered"])
                    await redis.xadd(DEAD, {b"id": id}, maxlen=1000)
                    await self._finish(stream, id)
                    continue
                found.append((stream, id, fields))
        await self._drop_dead_consumers(redis)
        return found

    async def _drop_dead_consumers(self, redis: Redis) -> None:
        for stream in (QUEUE, TICKS):
            consumers: Any = await redis.xinfo_consumers(stream, GROUP)
            for consumer in consumers:
                if consumer["idle"] > 3_600_000 and consumer["pending"] == 0:
                    await redis.xgroup_delconsumer(stream, GROUP, consumer["name"])

    async def _renew(self) -> None:
        """Renew the lease of entries in progress here, so that a long task is not run twice."""
        while True:
            await asyncio.sleep(IDLE_MS / 3000)  # well within the idle time of a reclaim
            oldest = time.monotonic() - MAX_TASK_S
            for key in [key for key, since in self._at_work.items() if since < oldest]:
                del self._at_work[key]
            try:
                async with Redis(connection_pool=self.connection_pool) as redis:
                    for stream in (QUEUE, TICKS):
                        ids: Any = [id for held, id in self._at_work if held == stream]
                        if ids:
                            await redis.xclaim(
                                stream, GROUP, self.consumer_name, min_idle_time=0, message_ids=ids, justid=True
                            )
            except REDIS_AWAY:
                continue

    def register_tick(self, task: Callable[..., Awaitable[Any]], name: str, *, tick_s: int, every_s: int) -> None:
        """Register a task that is started every ``every_s`` seconds. A lost message costs one tick."""
        self.ticks[name] = Tick(task, every_s)
        self.register_task(
            task,
            task_name=name,
            queue_name=TICKS,
            tick_s=tick_s,
            ack_type="when_received",
            schedule=[{"interval": every_s, "schedule_id": name}],
        )

    def _acknowledge(self, stream: str, id: bytes) -> Callable[[], Awaitable[None]]:
        async def acknowledge() -> None:
            self._at_work.pop((stream, id), None)
            await self._finish(stream, id)

        return acknowledge

    async def _finish(self, stream: str, id: bytes) -> None:
        """Acknowledge and delete. If Redis is away the task is delivered again and finds its work done."""
        try:
            async with Redis(connection_pool=self.connection_pool) as redis, redis.pipeline(transaction=True) as pipe:
                pipe.xack(stream, GROUP, id)
                pipe.xdel(stream, id)
                await pipe.execute()
        except REDIS_AWAY as error:
            log.warning("task.not_acknowledged", **describe_error(error))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
