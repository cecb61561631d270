"""Task metrics and log context: arrival of ticks, duration, and the request that a task belongs to.

A task sent by a request carries the request's id as a label; the worker's log lines about it then have both ids.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from taskiq import TaskiqMessage, TaskiqMiddleware, TaskiqResult

from hospital_rt.logs import log
from hospital_rt.ops.metrics import Metrics
from tasks.broker import TICKS

REQUEST_ID = "request_id"


def request_labels() -> dict[str, str]:
    """The labels that link a task to the current request, if there is one."""
    request_id = structlog.contextvars.get_contextvars().get(REQUEST_ID)
    return {REQUEST_ID: request_id} if isinstance(request_id, str) else {}


class TaskMetrics(TaskiqMiddleware):
    """For a worker. ``last_arrival`` is when each task last arrived, by the monotonic clock."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self.last_arrival: dict[str, float] = {}
        self._metrics = metrics
        self._began: dict[str, float] = {}

    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        """Each task runs in a context of its own: what is bound here does not leak."""
        self.last_arrival[message.task_name] = self._began[message.task_id] = time.monotonic()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(task=message.task_name, task_id=message.task_id)
        if is_tick(message):
            self._metrics.tick_seen.set(time.time())
        elif request_id := message.labels.get(REQUEST_ID):
            structlog.contextvars.bind_contextvars(request_id=str(request_id))
        return message

    def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:
        took_s = time.monotonic() - self._began.pop(message.task_id, time.monotonic())
        outcome = "failed" if result.is_err else "done"
        self._metrics.task_seconds.labels(message.task_name, outcome).observe(took_s)
        if result.is_err:
            log.warning("task.failed", duration_ms=round(took_s * 1000, 1))
        elif not is_tick(message):
            log.info("task.done", duration_ms=round(took_s * 1000, 1))


class TickMetrics(TaskiqMiddleware):
    """For a scheduler: the number of ticks sent."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def post_send(self, message: TaskiqMessage) -> None:
        self._metrics.ticks_sent.labels(message.task_name).inc()


def is_tick(message: TaskiqMessage) -> bool:
    return message.labels.get("queue_name") == TICKS
