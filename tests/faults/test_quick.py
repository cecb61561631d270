"""The quick part, in the ordinary suite: everything at once for some seconds, and what a scheduler finds after days."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hospital_rt.domain.clock import to_millisecond, utcnow
from models.app_context import AppContext
from tests.faults.compare import Counts, Records
from tests.faults.ground import Ground, Scenario, run
from tests.faults.ward import Due, Ward, daily, look_inside
from tests.support.processes import happens, open_system


async def a_bad_quarter_of_an_hour(ground: Ground) -> int:
    """In some seconds: each role killed, Redis emptied and killed, the line to MongoDB cut, a reply lost."""
    assert ground.mongo_proxy
    for role in ("worker", "web", "scheduler"):
        await ground.kill(ground.of(role))
    await ground.flush()
    ground.mongo_proxy.dropping = True
    await ground.rest(0.5)
    ground.mongo_proxy.reset()
    ground.mongo_proxy.heal()
    ground.kill_server("redis-server")
    await ground.kill(ground.of("worker"))
    await ground.restart_server("redis-server", empty=True)
    await ground.flush()
    while ground.time_left:
        await ground.rest(0.1)
    return 8


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_bad_quarter_of_an_hour_loses_and_doubles_nothing(tmp_path: Path, table: list[Counts]) -> None:
    counts = await run(
        Scenario(
            name="quick: roles killed, Redis lost, line cut",
            fault=a_bad_quarter_of_an_hour,
            over_s=8,
            slots=300,
            notes=30,
            repeats=2,
            snoozes=0.3,
            proxied=("mongo",),
            roles=("web", "web", "worker", "worker", "scheduler", "scheduler"),
        ),
        tmp_path,
    )
    table.append(counts)
    assert not counts.wrong, counts.found
    assert (counts.due, counts.notes) == (300, 30)


@pytest.mark.parametrize("steps", [400, pytest.param(5000, marks=pytest.mark.faults)])
async def test_after_three_days_without_a_scheduler_each_step_speaks_once(
    tmp_path: Path, mongo_url: str, redis_url: str, table: list[Counts], steps: int
) -> None:
    """Steps that were last reminded three days ago: one reminder for the newest slot, none for those in between."""
    counts = Counts(f"back after three days, {steps} steps")
    async with (
        open_system(tmp_path, mongo_url=mongo_url, redis_url=redis_url, reminder_tick_seconds=1) as system,
        look_inside(system) as app,
    ):
        ward = Ward(app, "")
        doctor = await ward.person("doctor")
        patients = await ward.patients(20, doctor=doctor)
        due: list[Due] = []
        now = utcnow()
        made = []
        for number in range(steps):
            patient = patients[number % len(patients)]
            newest = now - timedelta(seconds=30 + number / 10)
            step = daily(patient.id, doctor.id, first_at=newest - timedelta(days=3), number=number)
            assert step.course is not None
            made.append(replace(step, course=replace(step.course, passed=step.course.first)))
            due.append(Due(step.id, patient.id, to_millisecond(newest)))
        await ward.insert(made)
        due += await ward.plan(patients[:1], [now + timedelta(seconds=8)], doctor=doctor)  # the last to come
        await system.start("worker", "worker", "worker", "scheduler", "scheduler", "scheduler")
        await happens(lambda: _recorded(app, due), "every step is reminded", within_s=30)
        counts.injected = 1
        await Records(app).count_reminders(counts, due, now=utcnow())
        counts.late_s = 0.0  # days, as it should be
        table.append(counts)
        assert (counts.due, counts.recorded, counts.wrong) == (steps + 1, steps + 1, {})
        first = await app.store.steps.get(due[0].step_id)
        assert first and first.course and first.course.open_slot
        assert first.course.open_slot.at == due[0].at


async def _recorded(app: AppContext, due: list[Due]) -> bool:
    ledger = app.resources.database.collection("reminders")
    return bool(await ledger.count_documents({"step_id": {"$in": [one.step_id for one in due]}}) >= len(due))
