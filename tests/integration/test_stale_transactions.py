"""What a killed process had begun to write is free again within seconds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from hospital_rt.settings import Settings
from hospital_rt.storage.database import APP_NAME, Session
from hospital_rt.storage.stale_transactions import IDLE_S
from models.app_context import AppContext, open_app_context
from tests.faults.ward import Ward
from tests.support.patience import allowed
from tests.support.processes import Command

pytestmark = pytest.mark.long

BEGIN = """
import sys, time
from pathlib import Path
from pymongo import MongoClient
client = MongoClient(Path(sys.argv[1]).read_text().strip(), appname=sys.argv[2])
with client.start_session() as session, session.start_transaction():
    for name, id in (("feeds", sys.argv[3]), ("plans", sys.argv[4])):
        client.get_default_database()[name].update_one({"_id": id}, {"$inc": {"touched": 1}}, session=session)
    print("begun", flush=True)
    time.sleep(600)      # stands still until it is killed
"""


async def die_in_the_middle(app: AppContext, folder: Path, *ids: str) -> None:
    """A process of ours is killed with a transaction begun that has written these people's records."""
    url = folder / "mongo_url"
    url.write_text(app.settings.mongo_url or "")
    url.chmod(0o600)
    process = Command(["-c", BEGIN, str(url), APP_NAME, *ids], folder=folder, environment={}, name="dying")
    await process.says("begun")
    process.kill()


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_what_a_dead_process_holds_is_written_by_others_within_seconds(
    settings: Settings, tmp_path: Path, driver: str
) -> None:
    async with open_app_context(settings.model_copy(update={"mongo_driver": driver})) as app:
        ward = Ward(app, "")
        doctor = await ward.person("doctor")
        (patient,) = await ward.patients(1, doctor=doctor)
        await die_in_the_middle(app, tmp_path, doctor.id, patient.id)
        began = time.monotonic()
        await ward.patients(1, doctor=doctor)  # the doctor is told of another patient
        took_s = time.monotonic() - began
        assert IDLE_S / 2 < took_s < allowed(IDLE_S + 5)


async def test_a_slow_transaction_is_left_alone_as_long_as_it_moves(settings: Settings) -> None:
    async with open_app_context(settings) as app:
        tries = 0

        async def work(session: Session) -> None:
            nonlocal tries
            tries += 1
            until = time.monotonic() + IDLE_S + 1
            while time.monotonic() < until:
                await app.store.patient_sequences.advance("somebody", session=session)
                assert await app.resources.database.abandoned.end() == 0
                await asyncio.sleep(0.6)  # so that each look finds it moved on

        await app.store.transaction(work)
        assert tries == 1
