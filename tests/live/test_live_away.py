"""The live channel while MongoDB is away: open channels stay, and get everything when it is back."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import hospital_rt.storage.database
from hospital_rt.runtime.embedded_servers import EmbeddedServers
from tests.conftest import asked_of
from tests.support.channel import open_channel
from tests.support.driver import Clinic, open_clinic, test_settings
from tests.support.feeds import heard_up_to, seqs, tell
from tests.support.model_server import ModelServer
from tests.support.patience import allowed

pytestmark = pytest.mark.long

Fragile = tuple[Clinic, EmbeddedServers]


@pytest.fixture
async def fragile(servers: object, redis_url: str, tmp_path: Path, model: ModelServer) -> AsyncIterator[Fragile]:
    """A clinic on a mongod of its own."""
    folder = tmp_path / "servers"
    folder.mkdir(mode=0o700)
    own = EmbeddedServers(folder, redis=False)
    try:
        settings = test_settings(
            mongo_url=own.start().mongo_url or "", redis_url=redis_url, data_dir=tmp_path / "data", **asked_of(model)
        )
        async with open_clinic(settings, model) as clinic:
            yield clinic, own
    finally:
        own.stop(timeout_s=0)


async def test_while_mongodb_is_away_channels_stay_and_miss_nothing(fragile: Fragile) -> None:
    clinic, servers = fragile
    patient, doctor = await clinic.pair()
    step = await clinic.plan_daily(doctor, patient, "Walk 20 minutes")
    async with patient.live() as page, doctor.live() as note_worker:
        first = page.ready["seq"]
        os.kill(servers.pids["mongod"], signal.SIGKILL)
        began = time.monotonic()
        await page.nothing_more()
        assert time.monotonic() - began < allowed(1), "a ping waits for no record"
        await note_worker.send({"type": "ack", "seq": note_worker.ready["seq"]})
        reply = page.ask({"type": "check_in", "id": "1", "step_id": step["id"]}, within_s=30)
        with pytest.MonkeyPatch.context() as impatient:
            impatient.setattr(hospital_rt.storage.database, "TRANSACTION_WITHIN_S", 1.0)
            late = await open_channel(clinic.base)
            await late.send({"type": "auth", "token": patient.access})
            code, answered = await asyncio.gather(late.closed(within_s=30), reply)
        assert code == 1012, "come back after a random wait"
        assert not answered["ok"] and answered["error"]["status"] == 503
        assert servers.restart_dead() == ["mongod"]
        await tell(clinic.app, patient.id, ["back"])
        assert await heard_up_to(page, first + 1) == [first + 1]
        again = await page.ask({"type": "check_in", "id": "1", "step_id": step["id"]}, within_s=10)
        assert again["ok"]
        await note_worker.nothing_more()
        assert seqs(page) == list(range(first + 1, page.events[-1]["seq"] + 1))


async def test_a_server_stops_in_time_though_mongodb_is_away(fragile: Fragile) -> None:
    clinic, servers = fragile
    patient = await clinic.patient()
    async with patient.live() as page:
        os.kill(servers.pids["mongod"], signal.SIGKILL)
        began = time.monotonic()
        stopping = asyncio.create_task(clinic.stop())
        assert await page.closed(within_s=3) == 1012
        await stopping
        assert time.monotonic() - began < allowed(6)
