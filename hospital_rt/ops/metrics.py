"""Prometheus metrics of one process. Labels are routes, states, tasks and codes, never people.

What is stored in MongoDB and Redis (due, waiting) is counted by each worker: these gauges describe the whole
installation, so aggregate them with ``max``; everything else is per process and is summed.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
)

NAME = "hospital_rt"
LAG_BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86400)


class Metrics:
    """All metrics that any role exports, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._histogram(
            "request_seconds",
            "Time to answer a request",
            "method",
            "route",
            "status",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self.sign_ins = self._counter("sign_ins", "Sign-ins", "outcome")
        self.in_flight = self._gauge("requests_in_flight", "Requests being answered")
        # Live channels
        self.sockets = self._gauge("sockets", "Live channels open")
        self.events_sent = self._counter("events_sent", "Events written to sockets")
        self.sockets_closed = self._counter("sockets_closed", "Live channels closed by us", "code")
        self.outbox_overflows = self._counter("outbox_overflows", "Times that an outbox was full and its reader behind")
        # Work
        self.reminders_recorded = self._counter("reminders_recorded", "Reminders")
        self.reminder_lag = self._histogram("reminder_lag_seconds", "From a slot to its record", buckets=LAG_BUCKETS)
        self.notes = self._counter("notes", "Notes that left the extractor", "status")
        self.notes_at_work = self._gauge("notes_at_work", "Notes being read by this worker")
        self.extraction = self._histogram(
            "extraction_seconds",
            "Time in the extractor, by its outcome: ok, or why not",
            "outcome",
            buckets=(0.01, 0.05, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
        )
        self.letters = self._counter("letters", "Tries to send a letter", "outcome")
        self.pushes = self._counter("pushes", "Tries to push to a device, by the push service's answer", "status")
        self.task_seconds = self._histogram(
            "task_seconds", "Time of a task", "task", "outcome", buckets=(0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120)
        )
        self.ticks_sent = self._counter("ticks_sent", "Ticks of the schedule, of those that send them", "task")
        self.tick_seen = self._gauge("tick_seen_timestamp_seconds", "When a worker last got a tick")
        # What stands and waits
        self.counted_at = self._gauge("counted_timestamp_seconds", "When a worker last counted what stands and waits")
        self.reminders_due = self._gauge("reminders_due", "Steps that are due and not looked at yet")
        self.reminders_late = self._gauge("reminders_late", "Steps that have been due for a minute or more")
        self.oldest_due = self._gauge("reminders_oldest_due_seconds", "How long the first of them has been due")
        self.notes_waiting = self._gauge("notes_waiting", "Notes that are not read, or wait for their author", "status")
        self.notes_age = self._gauge("notes_oldest_seconds", "Age of the oldest of them", "status")
        self.letters_waiting = self._gauge("letters_waiting", "Letters not sent yet")
        self.letters_age = self._gauge("letters_oldest_seconds", "Age of the oldest of them")
        self.queue = self._gauge("queue_messages", "Messages in a stream of Redis", "queue")
        self.audit_wrong = self._gauge("audit_wrong", "What a look at some pages of the audit found wrong")
        self.backup_at = self._gauge("backup_timestamp_seconds", "When the last backup was written; 0: never")
        self.drill_at = self._gauge("drill_timestamp_seconds", "When a drill last found a backup whole; 0: never")
        # Dependencies
        self.up = self._gauge("dependency_up", "1 while it answers", "dependency")
        self.redis_up = self.up.labels("redis")
        self.loop_lag = self._gauge("loop_lag_seconds", "How late the event loop came, at the last look")
        self.mongo_open = self._gauge("mongo_connections", "Connections to MongoDB", "state")
        self.mongo_refused = self._counter("mongo_checkouts_failed", "Times that no connection was to be had")

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"{NAME}_{name}", help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"{NAME}_{name}", help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"{NAME}_{name}", help_text, labels, registry=self.registry, buckets=buckets)


class PoolFigures(ConnectionPoolListener):
    """Counts connections to MongoDB. The driver calls it from its own threads."""

    def __init__(self, metrics: Metrics) -> None:
        self._open, self._used = metrics.mongo_open.labels("open"), metrics.mongo_open.labels("in_use")
        self._refused = metrics.mongo_refused

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        self._open.inc()

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        self._open.dec()

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        self._used.inc()

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        self._used.dec()

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        self._refused.inc()

    def _nothing(self, event: Any) -> None:
        """Ignored event."""

    pool_created = pool_ready = pool_cleared = pool_closed = _nothing
    connection_ready = connection_check_out_started = _nothing
