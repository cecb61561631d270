"""MongoDB or Redis is away: what still answers, and how the rest is told to come back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from hospital_rt.runtime.embedded_servers import EmbeddedServers
from hospital_rt.storage.database import Database, Session, is_unavailable
from tests.conftest import asked_of
from tests.faults.replica_set import ReplicaSet
from tests.support.driver import PASSWORD, Clinic, open_clinic, plan_item, test_settings, until
from tests.support.model_server import ModelServer


@pytest.fixture
async def fragile(tmp_path: Path, model: ModelServer) -> AsyncIterator[tuple[Clinic, EmbeddedServers]]:
    """A clinic on servers of its own, that may be killed."""
    folder = tmp_path / "servers"
    folder.mkdir(mode=0o700)
    servers = EmbeddedServers(folder)
    try:
        found = servers.start()
        settings = test_settings(
            mongo_url=found.mongo_url or "",
            redis_url=found.redis_url or "",
            data_dir=tmp_path / "data",
            rate_limits="on",
            **asked_of(model),
        )
        async with open_clinic(settings, model) as clinic:
            yield clinic, servers
    finally:
        servers.stop(timeout_s=0)


@pytest.mark.long
async def test_while_mongodb_is_away_every_request_is_told_to_come_back(
    fragile: tuple[Clinic, EmbeddedServers],
) -> None:
    clinic, servers = fragile
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, plan=[plan_item("Walk", "Walk daily")])
    step = await patient.step("Walk")
    [mongo] = servers.pids.keys() - {"redis-server"}
    os.kill(servers.pids[mongo], signal.SIGKILL)
    key = {"Idempotency-Key": "while-away"}
    answers = await asyncio.gather(
        patient.get("/api/me/"),
        patient.get("/api/steps/"),
        doctor.get("/api/my-patients/"),
        patient.post(f"/api/check-in/{step['id']}/", headers=key),
        doctor.post("/api/notes/", {"patient_id": patient.id, "text": "Rest."}, headers=key),
        clinic.anyone.post("/api/token/", {"email": patient.email, "password": PASSWORD}),
        clinic.anyone.post("/api/token/refresh/", {"refresh": patient.refresh}),
        clinic.anyone.post("/api/forgot-password/", {"email": patient.email}),
    )
    assert {(answer.status, answer.slug) for answer in answers} == {(503, "unavailable")}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    ready = await clinic.anyone.get("/readyz")
    assert (ready.status, ready.body["status"]) == (503, "unavailable") and int(ready.headers["Retry-After"]) >= 1
    assert (ready.body["mongodb"], ready.body["redis"]) == (False, True)
    assert (await clinic.anyone.get("/healthz")).status == 200
    # What needs no record is answered as ever.
    assert (await clinic.anyone.get("/openapi.json")).status == 200
    assert (await clinic.anyone.get("/api/me/")).status == 401
    assert servers.restart_dead() == [mongo]
    assert (await patient.get("/api/steps/")).body["items"] == [step]
    assert (await clinic.anyone.get("/readyz")).body["status"] == "ready"


async def test_while_redis_is_away_everything_is_answered(fragile: tuple[Clinic, EmbeddedServers]) -> None:
    clinic, servers = fragile
    patient, doctor = await clinic.pair()
    os.kill(servers.pids["redis-server"], signal.SIGKILL)
    await clinic.note(doctor, patient, plan=[plan_item("Walk", "Walk daily")])
    ready = await clinic.anyone.get("/readyz")
    assert (ready.status, ready.body["status"], ready.body["redis"]) == (200, "degraded", False)
    step = await patient.step("Walk")
    assert await clinic.tick("2027-03-02T09:00") == 1
    async with doctor.live() as note_worker:
        assert (await patient.post(f"/api/check-in/{step['id']}/")).status == 200
        assert (await note_worker.next("step.checked_in"))["data"]["outcome"] == "done"
    assert (await clinic.sign_in(patient.user)).id == patient.id
    assert servers.restart_dead() == ["redis-server"]

    async def is_ready() -> bool:
        return bool((await clinic.anyone.get("/readyz")).body["status"] == "ready")

    await until(is_ready)


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_mongod_that_does_not_know_its_set_yet_is_away_and_nothing_worse(tmp_path: Path, driver: str) -> None:
    """So it is for a moment after each start. Taken for a fault of ours, it put reminders off by minutes."""
    alone = ReplicaSet(tmp_path / "set")
    alone.start(alone.ports[0])
    database = Database(f"mongodb://127.0.0.1:{alone.ports[0]}/?directConnection=true", driver=driver)

    async def work(session: Session) -> None:
        await database.collection("steps").find_one({}, session=session)

    try:
        with pytest.raises(PyMongoError) as refused:
            while True:  # until it listens, it is away in the ordinary way
                try:
                    await database.transaction(work)
                except ServerSelectionTimeoutError:
                    continue
        assert is_unavailable(refused.value), repr(refused.value)
    finally:
        await database.close()
        alone.__exit__(None, None, None)
