"""With Redis away or all schedulers dead, workers run every scheduled task by themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from hospital_rt.ops.metrics import Metrics
from tasks.broker import TICKS, ReliableStreamBroker, Tick
from tasks.middleware import TaskMetrics
from tasks.registry import register_all
from tasks.worker import poll_without_ticks
from tests.support.processes import happens

NOWHERE = "redis://127.0.0.1:1/0"


class Abandoned:
    async def end(self) -> None:
        """No transaction is left behind here."""


APP: Any = SimpleNamespace(resources=SimpleNamespace(database=SimpleNamespace(abandoned=Abandoned())))


def test_every_scheduled_task_is_known_to_the_polls() -> None:
    broker = ReliableStreamBroker(NOWHERE)
    register_all(broker, tick_s=5)
    tasks = broker.get_all_tasks()
    assert set(broker.ticks) == {name for name, task in tasks.items() if task.labels.get("queue_name") == TICKS}
    assert {"remind_due", "sweep_carer_alerts", "forget_sign_ups"} <= set(broker.ticks)


@pytest.mark.asyncio
async def test_a_task_is_polled_when_its_tick_is_overdue_and_no_more_often_than_its_interval() -> None:
    ran: Counter[str] = Counter()

    async def fails() -> None:
        ran["fails"] += 1
        raise OSError

    async def works() -> None:
        ran["works"] += 1

    async def unused(app: Any) -> None:
        raise AssertionError

    ticks = {"fails": Tick(unused, 0), "works": Tick(unused, 0), "hourly": Tick(unused, 3600)}
    watch = TaskMetrics(Metrics())
    polling = asyncio.create_task(
        poll_without_ticks(APP, ticks, {"fails": fails, "works": works, "hourly": works}, watch, tick_s=0.001)
    )
    try:
        await happens(lambda: ran["works"] >= 3, "the task behind the one that fails runs again and again")
    finally:
        polling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polling
    assert ran["fails"] >= 3
    assert ran["works"] <= ran["fails"], "the hourly one is not overdue"
