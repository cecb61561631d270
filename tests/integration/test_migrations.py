"""Migrations run once, with several processes and crashes; old and new versions run side by side."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hospital_rt.storage.database import Database
from hospital_rt.storage.migrations import (
    Fenced,
    Migration,
    MigrationFailed,
    MigrationWriter,
    SchemaTooNew,
    _take,
    migrate,
    read_state,
)
from models import schema_versions
from tests.support.admin_driver import admin, environment_of, run
from tests.support.driver import Clinic, free_port, item, open_clinic
from tests.support.migrating import STEPS, THINGS, update_all
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def database(mongo_url: str) -> AsyncIterator[Database]:
    """A database from before there were versions, with some things in it."""
    opened = Database(mongo_url, driver="motor")
    await opened.collection("meta").insert_one({"_id": "epoch", "value": "x"})
    await opened.collection("things").insert_many([{"_id": number} for number in range(THINGS)])
    yield opened
    await opened.close()


async def process(url: str, *arguments: str) -> tuple[int, str]:
    """A node of the later version: how it ended and what it said."""
    ran = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.migrating",
        url,
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(ran.communicate(), 60)
    said = out.decode().splitlines()
    return ran.returncode or 0, said[-1] if said and not ran.returncode else err.decode()[-2000:]


async def check_all_once(database: Database) -> None:
    wanted = {"name": "thing", "named": 1, "colour": "red", "coloured": 1}
    assert await database.collection("things").count_documents(wanted) == THINGS
    row = await database.collection("meta").find_one({"_id": "schema"})
    assert (row["version"], row["readable_by"], row["lease_until"]) == (3, 2, None)


async def test_two_nodes_that_start_at_once_move_it_once(database: Database, mongo_url: str) -> None:
    ended = await asyncio.gather(*(process(mongo_url) for _ in range(3)))
    assert ended == [(0, "3")] * 3
    await check_all_once(database)


async def test_a_migration_whose_node_dies_is_completed_by_another(database: Database, mongo_url: str) -> None:
    code, _ = await process(mongo_url, "7")
    assert code == -9
    half = await database.collection("things").count_documents({"name": "thing"})
    assert 0 < half < THINGS
    assert (await read_state(database, newest=3)).moving
    assert await process(mongo_url) == (0, "3")
    await check_all_once(database)


async def test_one_that_wakes_up_late_writes_nothing(database: Database) -> None:
    await migrate(database, ())
    late = await _take(database, -1.0)
    fresh = await _take(database, 30.0)
    assert late and fresh and await _take(database, 30.0) is None

    async def spoil(session: Any) -> None:
        await database.collection("things").update_many({}, {"$set": {"name": "late"}}, session=session)

    for late_write in (
        late.write(spoil),
        update_all(late, "things", {"name": None}, {"$set": {"name": "late"}}),
        late.done(STEPS[0]),
    ):
        with pytest.raises(Fenced):
            await late_write
    await late.release()
    assert await database.collection("things").count_documents({"name": "late"}) == 0
    assert await _take(database, 30.0) is None, "the one who was late has not taken the lease from the other"
    await fresh.release()
    assert (await migrate(database, STEPS)).version == 3


async def test_a_failed_migration_is_reported_and_the_role_serves_nothing(database: Database) -> None:
    async def stumble(hand: MigrationWriter) -> None:
        raise LookupError("a patient's name")

    broken = Migration(version=2, about="stumbles", readable_by=1, run=stumble)
    with pytest.raises(MigrationFailed) as failed:
        await migrate(database, (broken,))
    assert "schema 2 failed (LookupError)" in str(failed.value) and "patient" not in str(failed.value)
    assert await read_state(database, newest=2) == await read_state(database, newest=1)
    assert (await migrate(database, STEPS)).version == 3, "the lease was given back"


async def test_an_empty_database_begins_with_the_newest(mongo_url: str) -> None:
    opened = Database(mongo_url, driver="motor")
    assert (await migrate(opened, STEPS)).version == 3
    await opened.close()


async def test_old_and_new_serve_side_by_side_and_what_is_too_old_says_so(database: Database) -> None:
    assert (await migrate(database, STEPS[:1])).version == 2
    assert (await migrate(database, ())).version == 2, "schema 2 can be served by the version before it"
    await migrate(database, STEPS)
    assert (await migrate(database, STEPS[:1])).version == 3
    with pytest.raises(SchemaTooNew) as refused:
        await migrate(database, ())
    assert "has schema 3, which versions from schema 2 on can serve; this one knows schema 1" in str(refused.value)


async def test_a_role_serves_on_and_starts_again_beside_a_newer_version(clinic: Clinic, model: ModelServer) -> None:
    """The newer one has widened the schema: the older serves what it finds, and does not turn it back."""
    meta = clinic.app.resources.database.collection("meta")
    wider = {"version": schema_versions.newest() + 1, "readable_by": schema_versions.newest()}
    await meta.update_one({"_id": "schema"}, {"$set": wider})
    patient, doctor = await clinic.pair()
    port = free_port()
    again = clinic.app.settings.model_copy(update={"port": port, "public_url": f"http://127.0.0.1:{port}"})
    async with open_clinic(again, model, at=clinic.now) as beside:
        await beside.note(await beside.sign_in(doctor.user), patient, checklist=[item("Book a scan")])
        assert len(await patient.steps()) == 1
    row = await meta.find_one({"_id": "schema"})
    assert {name: row[name] for name in wider} == wider


async def test_a_role_does_not_start_on_a_database_that_is_too_new(clinic: Clinic) -> None:
    meta = clinic.app.resources.database.collection("meta")
    beyond = schema_versions.newest() + 2
    await meta.update_one({"_id": "schema"}, {"$set": {"version": beyond, "readable_by": beyond - 1}})
    environment = environment_of(clinic.app.settings)
    for role in ("web", "worker"):
        ran = await run(role, environment=environment)
        assert ran.code == 2 and ran.complained.startswith(f"MONGO_URL: the database has schema {beyond}"), ran
        assert ran.complained.count("\n") == 1
    told = await admin(clinic.app.settings, "schema", "--json")
    assert (told.code, told.facts["servable"], told.facts["version"]) == (0, False, beyond)
    refused = await admin(clinic.app.settings, "verify-audit")
    assert refused.code == 2 and "this one knows" in refused.complained


async def test_the_operator_sees_where_the_schema_stands(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await admin(clinic.app.settings, "schema")
    assert told.code == 0 and told.said.startswith(f"The database has schema {schema_versions.newest()};")
    monkeypatch.setattr(schema_versions, "MIGRATIONS", STEPS)
    meta = clinic.app.resources.database.collection("meta")
    await meta.update_one({"_id": "schema"}, {"$set": {"version": 1, "readable_by": 1}})
    told = await admin(clinic.app.settings, "schema", "--json")
    assert told.facts == {
        "done": True,
        "version": 1,
        "readable_by": 1,
        "brings": 3,
        "moving": False,
        "servable": True,
        "waiting": [2, 3],
    }
    assert (await admin(clinic.app.settings, "schema")).said.count("When a role of this version starts") == 2


def test_every_step_lets_the_version_before_it_serve_on() -> None:
    """The rule of a rolling update: widen first, take away in a later release."""
    for number, step in enumerate(schema_versions.MIGRATIONS, start=2):
        assert step.version == number, "steps count on without a gap"
        assert 1 <= step.readable_by < step.version and step.about, step.about
