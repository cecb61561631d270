"""The worker and scheduler roles.

A worker runs the tasks that the streams deliver, and polls by itself when no tick has arrived for a while: with Redis
away, or all schedulers dead, reminders are late by seconds, not lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from taskiq import TaskiqScheduler
from taskiq.cli.scheduler.run import SchedulerLoop
from taskiq.receiver import Receiver
from taskiq.schedule_sources import LabelScheduleSource

from hospital_rt.logs import describe_error, log
from hospital_rt.ops.health import Readiness, serve_probes
from hospital_rt.ops.metrics import Metrics
from hospital_rt.settings import Settings
from hospital_rt.storage.redis_client import make_redis
from models.app_context import AppContext
from tasks import notes, reminders
from tasks.broker import ReliableStreamBroker, Tick
from tasks.collect_metrics import count_figures
from tasks.middleware import TaskMetrics, TickMetrics
from tasks.notes import NoteWorker
from tasks.registry import register_all

TASKS_AT_ONCE = 64
FINISH_WITHIN_S = 5.0
OVERDUE_AFTER_TICKS = 2.5  # then the worker polls by itself
NO_TICK_S = 15.0  # then the schedule counts as down, and readiness reports it


async def run_worker(app: AppContext, *, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Work until ``stop`` is set; then finish or release the tasks in progress."""
    tick_s = app.settings.tick_s
    broker = ReliableStreamBroker(app.settings.redis_url or "")
    resources = app.resources
    watch = TaskMetrics(resources.metrics)
    broker.add_middlewares(watch)
    register_all(broker, tick_s=tick_s)
    note_worker, began = NoteWorker(app), time.monotonic()
    broker.state.app = app
    broker.state.note_worker = note_worker
    await broker.startup()
    finish = asyncio.Event()
    listening = asyncio.create_task(_receive(broker, finish), name="receiver")
    polls = {name: partial(tick.task, app) for name, tick in broker.ticks.items()} | {notes.SWEEP: note_worker.sweep}
    polling = asyncio.create_task(poll_without_ticks(app, broker.ticks, polls, watch, tick_s=tick_s), name="polling")
    counting = asyncio.create_task(count_figures(app), name="figures")
    resources.metrics.notes_at_work.set_function(lambda: note_worker.at_work)

    async def schedule_is_alive() -> bool:
        return time.monotonic() - watch.last_arrival.get(reminders.NAME, began) < max(
            NO_TICK_S, tick_s * OVERDUE_AFTER_TICKS
        )

    readiness = Readiness(
        needed={"mongodb": resources.database.ping, "keys": resources.vault.keys_fit},
        wanted={"redis": resources.redis.ping, "schedule": schedule_is_alive},
    )
    try:
        async with serve_probes(app.settings, readiness, resources.metrics):
            ready()
            warming = asyncio.create_task(resources.reader.warm(), name="warming")
            await stop.wait()
            warming.cancel()
    finally:
        finish.set()
        broker.stop_listening()
        polling.cancel()
        counting.cancel()
        await note_worker.close()
        await asyncio.wait({listening, polling, counting}, timeout=FINISH_WITHIN_S + 1)
        listening.cancel()
        with contextlib.suppress(Exception):
            await broker.shutdown()


async def _receive(broker: ReliableStreamBroker, finish: asyncio.Event) -> None:
    """Process deliveries, with a new receiver if one fails."""
    while not finish.is_set():
        receiver = Receiver(
            broker,
            max_async_tasks=TASKS_AT_ONCE,
            run_startup=False,
            wait_tasks_timeout=FINISH_WITHIN_S,
            validate_params=False,
        )
        try:
            await receiver.listen(finish)
        except Exception as error:
            inner = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            log.error("receiver.failed", **describe_error(inner))
            await asyncio.sleep(1)  # backoff


async def poll_without_ticks(
    app: AppContext,
    ticks: Mapping[str, Tick],
    polls: Mapping[str, Callable[[], Awaitable[Any]]],
    watch: TaskMetrics,
    *,
    tick_s: float,
) -> None:
    """Run each scheduled task whose tick is overdue, and abort transactions that dead processes left behind."""
    began = time.monotonic()
    polled: dict[str, float] = {}
    while True:
        await asyncio.sleep(tick_s)  # interval of the tick
        await app.resources.database.abandoned.end()
        for name, (_, every_s) in ticks.items():
            now = time.monotonic()
            overdue = now - watch.last_arrival.get(name, began) >= every_s * OVERDUE_AFTER_TICKS
            if not overdue or now - polled.get(name, -math.inf) < every_s:
                continue
            polled[name] = now
            try:
                await polls[name]()
            except Exception as error:
                log.warning("poll.failed", task=name, **describe_error(error))


async def run_scheduler(settings: Settings, *, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Send ticks until ``stop`` is set. Any number of schedulers may run."""
    metrics = Metrics()
    broker = ReliableStreamBroker(settings.redis_url or "")
    broker.add_middlewares(TickMetrics(metrics))
    register_all(broker, tick_s=settings.tick_s)
    scheduler = TaskiqScheduler(broker, [LabelScheduleSource(broker)])
    for source in scheduler.sources:
        await source.startup()
    redis = make_redis(settings.redis_url or "")
    loop = asyncio.create_task(SchedulerLoop(scheduler).run(), name="schedule")
    stopping = asyncio.create_task(stop.wait())
    try:
        # Without Redis no tick is sent and workers poll by themselves: a restart of this role would not help.
        async with serve_probes(settings, Readiness(wanted={"redis": redis.ping}), metrics):
            ready()
            await asyncio.wait({loop, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if loop.done():
                loop.result()
    finally:
        for task in (loop, stopping):
            task.cancel()
        await asyncio.wait({loop, stopping}, timeout=1.0)  # redis-py may swallow the cancellation
        with contextlib.suppress(Exception):
            await redis.aclose()
            await broker.shutdown()
