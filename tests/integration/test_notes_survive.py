"""A note that was accepted is read, once, whatever happens to the workers, to Redis and to the line between them."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from hospital_rt.runtime.embedded_servers import EmbeddedServers
from models.app_context import AppContext
from tasks.notes import LEASE_S
from tests.faults.proxy import proxy_of
from tests.faults.ward import Ward, look_inside
from tests.support.driver import Person
from tests.support.patience import allowed
from tests.support.processes import Model, System, happens, open_system

pytestmark = pytest.mark.long

NOTE = "Take amoxicillin 500 mg once a day for 7 days. Book a chest X-ray."
STEPS = 2
A_LITTLE_S = 8.0
"""The sweep's tick, and a busy machine."""


@pytest.fixture
async def system(tmp_path: Path, mongo_url: str, redis_url: str) -> AsyncIterator[System]:
    """A web process, a scheduler, workers as a test starts them, and a model in a process of its own."""
    async with open_system(
        tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url, reminder_tick_seconds=1
    ) as opened:
        await opened.with_model()
        await opened.start("web", "scheduler")
        yield opened


@pytest.fixture
async def app(system: System) -> AsyncIterator[AppContext]:
    async with look_inside(system) as opened:
        yield opened


@pytest.fixture
async def people(system: System, app: AppContext) -> Ward:
    return Ward(app, system.webs[0].base)


async def submit(doctor: Person, patient: Person) -> str:
    answer = await doctor.post("/api/notes/", {"patient_id": patient.id, "text": NOTE})
    assert answer.status == 202, answer.body
    return str(answer.body["id"])


async def becomes_ready(doctor: Person, note_id: str, *, within_s: float) -> dict[str, Any]:
    async def ready() -> Any:
        body = (await doctor.get(f"/api/notes/{note_id}/")).body
        assert body["status"] in {"queued", "processing", "ready"}, body
        return body if body["status"] == "ready" else None

    found: dict[str, Any] = await happens(ready, "the note is ready", within_s=within_s)
    return found


async def times_told(doctor: Person) -> Counter[str]:
    """How often the doctor heard of each note that it is ready."""
    told: Counter[str] = Counter()
    after, epoch = 0, ""
    while True:
        page = (await doctor.get(f"/api/events/?after={after}" + (f"&epoch={epoch}" if epoch else ""))).body
        told.update(
            event["data"]["note_id"]
            for event in page["items"]
            if event["event"] == "note.status" and event["data"]["status"] == "ready"
        )
        if not page["items"]:
            return told
        after, epoch = page["items"][-1]["seq"], page["epoch"]


def model_of(system: System) -> Model:
    assert system.model
    return system.model


async def test_a_worker_killed_while_the_model_thinks_or_before_it_could_write(system: System, people: Ward) -> None:
    """The queue is idle: nothing but the lease and the sweep can bring another worker to these notes."""
    model = model_of(system)
    doctor = await people.person("doctor")
    thinking, writing, written = await people.patients(3, doctor=doctor)
    async with proxy_of(system.mongo_url) as (proxy, url):
        system.put("mongo_url", url)
        (first,) = await system.start("worker")

        # The model hangs over one note. It has answered for the other, and the answer is on its way into the database.
        await model.will({"do": "hang"})
        notes = [await submit(doctor, thinking)]
        await happens(lambda: calls(model, 1), "the model is asked")
        await model.will({"do": "rules", "delay_s": allowed(0.5)})
        notes.append(await submit(doctor, writing))
        await happens(lambda: calls(model, 2), "the model is asked again")
        proxy.hold_commit_of(b"sealed_review")
        await happens(lambda: proxy.has_struck, "the model has answered, and the worker writes")
        first.kill()
        proxy.reset()
        proxy.heal()
        (second,) = await system.start("worker")
        for note_id in notes:
            found = await becomes_ready(doctor, note_id, within_s=LEASE_S + A_LITTLE_S)
            assert len(found["steps"]) == STEPS
        assert await model.calls() == 4

        # This time it is written, and the worker dies before it hears so.
        await model.will({"do": "rules", "delay_s": allowed(0.5)})
        note_id = await submit(doctor, written)
        await happens(lambda: calls(model, 5), "the model is asked")
        proxy.drop_reply_to_commit_of(b"sealed_review")
        found = await becomes_ready(doctor, note_id, within_s=10)
        second.kill()
        proxy.heal()
    system.put("mongo_url", system.mongo_url)
    await system.start("worker")
    after = await submit(doctor, thinking)
    await becomes_ready(doctor, after, within_s=LEASE_S + A_LITTLE_S)
    assert (await doctor.get(f"/api/notes/{note_id}/")).body == found
    assert await times_told(doctor) == Counter([*notes, note_id, after])
    assert await model.calls() == 6


async def calls(model: Model, count: int) -> bool:
    return await model.calls() >= count


async def test_a_worker_that_is_asked_to_stop_hands_its_note_over_at_once(system: System, people: Ward) -> None:
    model = model_of(system)
    doctor = await people.person("doctor")
    (patient,) = await people.patients(1, doctor=doctor)
    (first,) = await system.start("worker")
    await model.will({"do": "hang"})
    note_id = await submit(doctor, patient)
    await happens(lambda: calls(model, 1), "the model is asked")
    await system.start("worker")
    began = time.monotonic()
    assert await first.stop() == 0
    await becomes_ready(doctor, note_id, within_s=LEASE_S)
    assert time.monotonic() - began < allowed(LEASE_S / 2)


async def test_redis_emptied_or_gone_between_submission_and_work_loses_nothing(tmp_path: Path, mongo_url: str) -> None:
    folder = tmp_path / "redis"
    folder.mkdir(mode=0o700)
    servers = EmbeddedServers(folder, mongo=False)
    redis_url = servers.start().redis_url or ""
    try:
        async with open_system(
            tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url, reminder_tick_seconds=1
        ) as system:
            await system.start("web", "scheduler")
            async with look_inside(system) as app:
                people = Ward(app, system.webs[0].base)
                doctor = await people.person("doctor")
                emptied, gone, away = await people.patients(3, doctor=doctor)
                notes = [await submit(doctor, emptied)]
                client = redis.asyncio.Redis.from_url(redis_url)
                await happens(lambda: client.xlen("hospital_rt:tasks"), "the errand is in Redis")
                await client.flushall()
                await client.aclose()
                await system.start("worker")
                await becomes_ready(doctor, notes[0], within_s=A_LITTLE_S)

                server = servers._servers[0]
                server.stop(9)
                await happens(server.died, "Redis is dead")
                began = time.monotonic()
                notes.append(await submit(doctor, gone))
                assert time.monotonic() - began < allowed(2)
                await becomes_ready(doctor, notes[1], within_s=A_LITTLE_S)
                async with away.live() as page:
                    notes.append(await submit(doctor, away))
                    await page.next("steps.changed", within_s=A_LITTLE_S)
                assert await times_told(doctor) == Counter(notes)
    finally:
        servers.stop(timeout_s=0)


async def test_two_hundred_notes_while_workers_are_killed_are_each_read_once(
    system: System, people: Ward, app: AppContext
) -> None:
    model = model_of(system)
    await model.always({"do": "rules", "delay_s": 0.3})
    doctor = await people.person("doctor")
    patients = await people.patients(200, doctor=doctor)
    await system.start("worker", "worker")
    dice = random.Random(5)
    notes: list[str] = []

    async def write() -> None:
        for patient in patients:
            notes.append(await submit(doctor, patient))

    writing = asyncio.create_task(write())
    killed = 0
    while not writing.done() or killed < 6:
        victim = dice.choice(system.workers)
        victim.kill()
        killed += 1
        await system.again(victim)
        await asyncio.sleep(dice.uniform(0.1, 0.6))  # the beat of the killing, uneven
    await writing
    rows = app.resources.database.collection("notes")

    async def all_ready() -> bool:
        return bool(await rows.count_documents({"status": "ready"}) == len(patients))

    await happens(all_ready, "all notes are ready", within_s=2 * LEASE_S + A_LITTLE_S)
    steps = Counter([row["note_id"] async for row in app.resources.database.collection("steps").find({})])
    assert steps == dict.fromkeys(notes, STEPS)
    assert await times_told(doctor) == Counter(notes)
