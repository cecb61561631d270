"""Backups on a schedule, and drills: what is kept, where, and that a backup that would not help is found in time."""

from __future__ import annotations

import asyncio
import gzip
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from cli.backup_schedule import KEYFILE, _due_in, backups_in
from cli.drill import scratch_of
from hospital_rt.domain.clock import utcnow
from hospital_rt.settings import Settings
from tasks.collect_metrics import count_backlog
from tests.integration.test_backup import lived_in, opened
from tests.support.admin_driver import ROOT, admin, environment_of
from tests.support.driver import Clinic, free_port
from tests.support.model_server import ModelServer
from tests.support.processes import happens

pytestmark = pytest.mark.long


class Places:
    """Two folders: one for records, one for keys."""

    def __init__(self, folder: Path) -> None:
        self.records, self.keys = folder / "records", folder / "keys"
        self.records.mkdir(parents=True)
        self.keys.mkdir()

    @property
    def said(self) -> tuple[str, ...]:
        return "--records", str(self.records), "--keys", str(self.keys)

    @property
    def files(self) -> list[Path]:
        return [path for _, path in backups_in(self.records)]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "places")


@pytest.fixture
def scratch(clinic: Clinic) -> Iterator[Any]:
    """The database that a drill uses, seen from outside."""
    url, name = scratch_of(clinic.app.settings.mongo_url or "")
    with MongoClient[dict[str, Any]](url) as client:
        yield client[name]
        client.drop_database(name)


async def test_the_newest_backups_stay_and_one_file_of_keys_opens_each_of_them(
    clinic: Clinic, elsewhere: Settings, places: Places, model: ModelServer
) -> None:
    patient, *_ = await lived_in(clinic)
    (places.records / "before-the-move.records").write_text("by hand")
    for _ in range(4):
        made = await admin(clinic.app.settings, "backup-scheduled", *places.said, "--keep", "2", "--json")
        assert made.code == 0, made
    assert made.facts["removed"] == 1 and len(places.files) == 2
    assert str(places.files[-1]) == made.facts["file"], "the newest is the last"
    assert (places.records / "before-the-move.records").exists(), "other files stay"
    assert [path.name for path in places.keys.iterdir()] == [KEYFILE], "no older keys beside the new ones"
    assert {path.suffix for path in places.records.iterdir()} == {".records"}
    older = await admin(elsewhere, "restore", str(places.files[0]), "--keys", str(places.keys / KEYFILE))
    assert older.code == 0, older
    async with opened(elsewhere, model, clinic) as there:
        assert (await (await there.sign_in(patient.user)).get("/api/notes/")).body["items"]


async def test_records_and_keys_in_one_place_are_refused(clinic: Clinic, tmp_path: Path) -> None:
    place = tmp_path / "one"
    (place / "keys").mkdir(parents=True)
    for keys in (place, place / "keys", place / "keys" / ".."):
        refused = await admin(clinic.app.settings, "backup-scheduled", "--records", str(place), "--keys", str(keys))
        assert refused.code == 1 and "two places" in refused.complained, refused
    assert [path.name for path in place.iterdir()] == ["keys"], "nothing was written"
    gone = await admin(clinic.app.settings, "backup-scheduled", "--records", str(place), "--keys", "/nowhere")
    assert gone.code == 1 and "no folder" in gone.complained


async def test_a_drill_opens_the_newest_backup_and_leaves_nothing_behind(
    clinic: Clinic, places: Places, scratch: Any
) -> None:
    await lived_in(clinic)
    settings, database = clinic.app.settings, clinic.app.resources.database
    await count_backlog(clinic.app)
    figure = clinic.app.resources.metrics.registry.get_sample_value
    assert figure("hospital_rt_drill_timestamp_seconds") == 0, "never"
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    scratch["users"].insert_one({"_id": "left by a drill that was killed"})
    users = await database.collection("users").count_documents({})
    for driver in ("motor", "pymongo"):
        by = settings.model_copy(update={"mongo_driver": driver})
        tried = await admin(by, "drill", *places.said, "--sample", "5", "--json")
        assert tried.code == 0, tried
        assert tried.facts["counts"]["notes"] == {"file": 1, "restored": 1, "live": 1}
        assert tried.facts["opened"] == {"users": users, "notes": 1, "steps": 2}
        assert scratch.list_collection_names() == [], "the scratch database is dropped"
    assert await database.collection("users").count_documents({}) == users
    await count_backlog(clinic.app)
    at = figure("hospital_rt_drill_timestamp_seconds")
    assert at is not None and utcnow().timestamp() - at < 60
    acts = [row["act"] async for row in database.collection("audit").find({})]
    assert acts.count("backup.drilled") == 2 and "backup.restored" not in acts
    said = await admin(settings, "drill", *places.said)
    assert "restores and opens" in said.said and "Ruth" not in said.said and "X-ray" not in said.said


async def test_a_backup_that_would_not_help_is_found_by_the_drill(clinic: Clinic, places: Places, scratch: Any) -> None:
    patient, *_ = await lived_in(clinic)
    settings, database = clinic.app.settings, clinic.app.resources.database

    async def refused(word: str, *more: str) -> None:
        tried = await admin(settings, "drill", *(more or places.said))
        assert tried.code == 1 and word in tried.complained and "Traceback" not in tried.complained, tried
        assert scratch.list_collection_names() == []

    await refused("there is no backup here")
    assert (await admin(settings, "drill", *places.said, "--sample", "0")).code == 2
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    [file] = places.files
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    await refused("damaged")
    file.write_bytes(gzip.compress(gzip.decompress(whole)[:-20]))
    await refused("")
    file.write_bytes(whole)
    keyfile = places.keys / KEYFILE
    keys = keyfile.read_text()
    keyfile.unlink()
    await refused("No such file")
    keyfile.write_text(keys.replace('"mac"', '"cam"'))
    await refused("not the keys")
    keyfile.write_text(keys)
    await database.collection("reminders").insert_many([{"_id": f"later-{number}"} for number in range(120)])
    await database.collection("reminders").delete_many({"step_id": {"$exists": True}})
    assert (await admin(settings, "drill", *places.said)).code == 0, "the service had some then"
    await database.collection("reminders").delete_many({})
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    await database.collection("reminders").insert_many([{"_id": f"later-{number}"} for number in range(120)])
    await refused("reminders: none in FILE, 120 in the service's database")
    await database.collection("notes").update_many({}, {"$set": {"sealed_text": "gAAAA"}})
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    await refused("notes: 1 of 1 do not open")
    strange = await database.collection("audit").find_one({"of": patient.id})
    await database.collection("audit").update_one({"_id": strange["_id"]}, {"$set": {"act": "note.listed"}})
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    await refused("audit: ")
    assert await clinic.app.store.last_drill_at() is not None, "by the one that was good"


async def test_an_erased_person_is_no_finding_of_a_drill(clinic: Clinic, places: Places, scratch: Any) -> None:
    patient, *_ = await lived_in(clinic)
    settings = clinic.app.settings
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    assert (await admin(settings, "erase", patient.id)).code == 0
    [monday] = places.files
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    for file, since in ((places.files[-1], 0), (monday, 1)):
        tried = await admin(settings, "drill", "--records", str(file), "--keys", str(places.keys), "--json")
        assert tried.code == 0 and tried.facts["erased_since"] == since, tried
        assert tried.facts["opened"]["notes"] == 0
    assert scratch.list_collection_names() == []


async def test_two_drills_do_not_meet(clinic: Clinic, places: Places) -> None:
    settings, store = clinic.app.settings, clinic.app.store
    assert (await admin(settings, "backup-scheduled", *places.said)).code == 0
    assert await store.claim_drill(at=utcnow()) and not await store.claim_drill(at=utcnow())
    refused = await admin(settings, "drill", *places.said)
    assert refused.code == 1 and "Another drill" in refused.complained
    assert await store.claim_drill(at=utcnow() + timedelta(minutes=4)), "one that was killed holds it for three minutes"
    await store.release_drill()
    assert (await admin(settings, "drill", *places.said)).code == 0


def test_the_scratch_database_has_the_users_and_options_of_the_real_one() -> None:
    for url, expected in (
        ("mongodb://a:1,b:2/clinic?replicaSet=rs0", ("mongodb://a:1,b:2/clinic_drill?replicaSet=rs0", "clinic_drill")),
        ("mongodb://u:p@a/clinic", ("mongodb://u:p@a/clinic_drill?authSource=clinic", "clinic_drill")),
        ("mongodb://u:p@a/clinic?authSource=admin", ("mongodb://u:p@a/clinic_drill?authSource=admin", "clinic_drill")),
        (
            "mongodb+srv://u:p@a/?tls=true",
            ("mongodb+srv://u:p@a/hospital_rt_drill?tls=true&authSource=admin", "hospital_rt_drill"),
        ),
        ("mongodb://u:p@a", ("mongodb://u:p@a/hospital_rt_drill?authSource=admin", "hospital_rt_drill")),
    ):
        assert scratch_of(url) == expected


async def test_the_schedule_goes_on_until_it_is_stopped(clinic: Clinic, places: Places, tmp_path: Path) -> None:
    every = ("--every-hours", "0.0003", "--drill-days", "0.00001", "--keep", "3")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        "admin",
        "backup-scheduled",
        *places.said,
        *every,
        env=environment_of(clinic.app.settings),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    seen: set[Path] = set()

    def four() -> bool:
        seen.update(places.files)
        return len(seen) >= 4

    await happens(four, "four backups were written", within_s=60)
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    assert len(places.files) <= 3 and b"restores and opens" in out and b"failed: " not in out, out
    assert timedelta(minutes=59) < _due_in(places.records, timedelta(hours=1)) < timedelta(hours=1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"MONGO_URL": f"mongodb://127.0.0.1:{free_port()}/x"}, b"MongoDB cannot be reached"),
        ({"ENCRYPTION_KEYS": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}, b"ENCRYPTION_KEYS do not open"),
    ],
    ids=["database away", "other keys"],
)
async def test_a_schedule_says_why_it_cannot_and_goes_on(
    clinic: Clinic, places: Places, tmp_path: Path, wrong: dict[str, str], said: bytes
) -> None:
    away = {**environment_of(clinic.app.settings), **wrong}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        "admin",
        "backup-scheduled",
        *places.said,
        "--every-hours",
        "0.0003",
        env=away,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines: list[bytes] = []
    while len([line for line in lines if said in line]) < 2:
        lines.append(await asyncio.wait_for(process.stdout.readline(), 60))
        assert lines[-1], "it ended"
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0 and places.files == []
