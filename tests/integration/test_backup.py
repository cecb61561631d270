"""Backups: two files that together serve the same answers elsewhere, and never bring an erased person back."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
import pytest
from cryptography.fernet import Fernet
from pymongo import MongoClient

from hospital_rt.settings import Settings
from models import schema_versions
from tests.support.admin_driver import admin, environment_of, run
from tests.support.driver import PASSWORD, Clinic, Person, item, open_clinic, plan_item
from tests.support.migrating import STEPS
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.long


@dataclass
class Files:
    """Where a test keeps its backups."""

    folder: Path

    def named(self, name: str) -> tuple[str, str, str]:
        """The arguments FILE and --keys KEYFILE; the keys lie elsewhere."""
        return str(self.folder / f"{name}.records"), "--keys", str(self.folder / "keys" / "keys.json")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "backup" / "keys").mkdir(parents=True)
    return Files(tmp_path / "backup")


def text(path: str | Path) -> str:
    return Path(path).read_text(encoding="utf-8")


@contextlib.asynccontextmanager
async def opened(settings: Settings, model: ModelServer, at: Clinic) -> AsyncIterator[Clinic]:
    async with open_clinic(settings, model, at=at.now) as clinic:
        yield clinic


PATHS = (
    "/api/me/",
    "/api/steps/?status=all",
    "/api/notes/",
    "/api/adherence/",
    "/api/assign/",
    "/api/my-patients/",
    "/api/doctors/",
    "/api/me/push/",
    "/api/me/email-reminders/",
    "/fhir/Patient",
    "/fhir/CarePlan",
    "/fhir/Task",
    "/fhir/Communication",
)


async def answers(who: Person, *more: str) -> dict[str, Any]:
    """What this person reads, page by page: status and body."""
    found: dict[str, Any] = {}
    for path in (*PATHS, *more):
        answer = await who.get(path)
        body = json.loads(answer.raw.replace(who.base.encode(), b""))  # Bundles say where they are
        for one in body.get("items", []):
            one.pop("last_seen_at", None)  # these very requests are a visit
        found[path] = (answer.status, body)
    events = (await who.get("/api/events/")).body
    return {**found, "events": (events["items"], events["seq"])}


async def lived_in(clinic: Clinic) -> tuple[Person, Person, dict[str, Any]]:
    """A patient and a doctor with some history."""
    patient, doctor = await clinic.pair(name="Ruth Keller")
    await patient.call("PUT", "/api/me/email-reminders/")
    note = await clinic.note(
        doctor, patient, checklist=[item("Book a chest X-ray")], plan=[plan_item("Drink water", "Drink water daily")]
    )
    await clinic.tick("2027-03-02T09:00")
    drink = await patient.step("Drink")
    said = {"outcome": "skipped", "reason": "no thirst"}
    assert (await patient.post(f"/api/check-in/{drink['id']}/", said)).status == 200
    await clinic.tick("2027-03-03T09:00")
    return patient, doctor, note


async def test_a_backup_restored_to_an_empty_machine_serves_the_same_answers(
    clinic: Clinic, elsewhere: Settings, files: Files, model: ModelServer
) -> None:
    patient, doctor, note = await lived_in(clinic)
    drink = await patient.step("Drink")
    more = (f"/api/notes/{note['id']}/", f"/api/steps/{drink['id']}/")
    before = {who.id: await answers(who, *more) for who in (patient, doctor)}
    made = await admin(clinic.app.settings, "backup", *files.named("monday"), "--json")
    assert made.code == 0 and made.facts["same_moment"] and made.facts["keys"] >= 3, made
    restored = await run("admin", "restore", *files.named("monday"), "--json", environment=environment_of(elsewhere))
    assert restored.code == 0, restored.complained
    assert restored.facts["records"] == made.facts["records"] and restored.facts["erased_since"] == 0
    async with opened(elsewhere, model, clinic) as there:
        assert (await there.anyone.get("/api/me/", token=patient.access)).status == 401, "everybody signs in again"
        for who in (patient, doctor):
            after = await answers(await there.sign_in(who.user), *more)
            assert after == before[who.id]
        again = await there.sign_in(patient.user)
        old = (await patient.get("/api/events/")).body
        assert (await again.get(f"/api/events/?after={old['seq']}&epoch={old['epoch']}")).slug == "reset"
        # It goes on from there: the next reminder comes once, a new note is read, the audit is whole.
        assert await there.tick("2027-03-04T09:00") == 1
        fresh = await there.sign_in(doctor.user)
        await there.note(fresh, again, checklist=[item("Walk a little")])
        assert [step["title"] for step in await again.steps()] == ["Walk a little"]
        assert (await admin(elsewhere, "verify-audit")).code == 0
        log = (await again.get("/api/me/access-log/")).body["items"]
        assert ("doctor", "note.read") in {(one["role"], one["act"]) for one in log}


async def test_a_service_that_runs_during_the_restore_finds_the_restored_users(
    clinic: Clinic, elsewhere: Settings, files: Files, model: ModelServer
) -> None:
    patient, _, _ = await lived_in(clinic)
    assert (await admin(clinic.app.settings, "backup", *files.named("monday"))).code == 0
    async with opened(elsewhere, model, clinic) as there:
        asked = {"email": patient.email, "password": patient.password}
        assert (await there.anyone.post("/api/token/", asked)).slug == "wrong-credentials", "no accounts yet"
        restored = await run("admin", "restore", *files.named("monday"), environment=environment_of(elsewhere))
        assert restored.code == 0, restored.complained
        again = await there.sign_in(patient.user)
        assert (await again.get("/api/steps/")).status == 200
        taken = {**asked, "name": "Again", "role": "patient"}
        assert (await there.anyone.post("/api/signup/", taken)).slug == "email-taken"
        assert (await admin(elsewhere, "verify-audit")).code == 0


async def test_who_was_erased_since_stays_erased_with_any_older_file(
    clinic: Clinic, elsewhere: Settings, files: Files, model: ModelServer
) -> None:
    patient, doctor, note = await lived_in(clinic)
    other = await clinic.patient()
    assert (await admin(clinic.app.settings, "backup", *files.named("monday"))).code == 0
    assert (await admin(clinic.app.settings, "erase", patient.id)).code == 0
    by_the_other_driver = clinic.app.settings.model_copy(update={"mongo_driver": "pymongo"})
    assert (await admin(by_the_other_driver, "verify-audit")).code == 0
    assert (await admin(by_the_other_driver, "backup", *files.named("tuesday"))).code == 0
    keyfile = Path(files.named("")[2])
    assert [path.name for path in keyfile.parent.iterdir()] == ["keys.json"], "no older keys beside the new ones"
    assert patient.id not in text(keyfile) and other.id in text(keyfile)

    elsewhere = elsewhere.model_copy(update={"mongo_driver": "pymongo"})
    restored = await admin(elsewhere, "restore", *files.named("monday"), "--json")
    assert restored.code == 0 and restored.facts["erased_since"] == 1, restored
    async with opened(elsewhere, model, clinic) as there:
        refused = await there.anyone.post("/api/token/", {"email": patient.email, "password": PASSWORD})
        assert refused.status == 401
        store = there.app.store
        held = await store.notes.get(note["id"])
        assert held is not None and await store.notes.text(held) is None
        assert all(step.words.title is None for step in await store.steps.of_note(note["id"]))
        user = await store.users.get(patient.id)
        assert user is not None and (user.name, user.email, user.password_hash) == (None, None, "")
        assert (await there.sign_in(other.user)).id == other.id
        note_worker = await there.sign_in(doctor.user)
        assert (await note_worker.get("/api/my-patients/")).body["items"] == []
        assert (await note_worker.get(f"/api/notes/{note['id']}/")).status == 404
        assert b"X-ray" not in (await note_worker.get("/api/events/")).raw
        again = await there.anyone.post(
            "/api/signup/", {"name": "R", "email": patient.email, "password": PASSWORD, "role": "patient"}
        )
        assert again.status == 201, "the address is free again"
        assert (await admin(elsewhere, "verify-audit")).code == 0
        kinds = [row["act"] async for row in there.app.resources.database.collection("audit").find({})]
        assert kinds.count("account.erased") == 1 and kinds.count("backup.restored") == 1


def contents(file: str) -> bytes:
    return Path(file).read_bytes()


def documents(file: str) -> bytes:
    return gzip.decompress(contents(file))


async def test_the_files_of_a_backup_show_nothing(clinic: Clinic, files: Files) -> None:
    patient, doctor, _ = await lived_in(clinic)
    assert (await admin(clinic.app.settings, "backup", *files.named("monday"))).code == 0
    records, _, keyfile = files.named("monday")
    raw = documents(records)
    assert patient.id.encode() in raw and doctor.id.encode() in raw
    index = clinic.app.store.users.email_index(patient.email)
    for word in ("Ruth", "X-ray", "thirst", patient.email, index):
        assert word.encode() not in raw and word not in text(keyfile), word
    row = await clinic.app.resources.database.collection("users").find_one({"_id": patient.id})
    assert row["email_index"] == index, "the search above looks for what is really there"
    for secret in (b'"wrapped"', b"refresh", b"nonce", b"token_hash"):
        assert secret not in raw
    wrapped = (await clinic.app.resources.database.collection("keys").find_one({"_id": patient.id}))["wrapped"]
    assert wrapped.encode() not in raw and wrapped in text(keyfile)
    assert [path.stat().st_mode & 0o077 for path in (Path(records), Path(keyfile))] == [0, 0]


async def test_a_damaged_or_wrong_pair_changes_nothing(
    clinic: Clinic, elsewhere: Settings, files: Files, tmp_path: Path
) -> None:
    await lived_in(clinic)
    records, _, keyfile = files.named("monday")
    assert (await admin(clinic.app.settings, "backup", *files.named("monday"))).code == 0
    whole, keys = contents(records), text(keyfile)
    old_keys = tmp_path / "old-keys.json"
    shutil.copy(keyfile, old_keys)
    assert (await admin(clinic.app.settings, "backup", *files.named("tuesday"))).code == 0
    raw = documents(records)
    changed = raw.replace(b"X", b"Y", 1) if b"X" in raw else raw.replace(b"a", b"b", 1)
    bad_file, bad_keys = tmp_path / "bad.records", tmp_path / "bad.json"
    cases: list[tuple[bytes, str, int, str]] = [
        (whole[: len(whole) // 2], keys, 1, "damaged"),
        (gzip.compress(raw[: raw.rfind(b"end") - 8]), keys, 1, ""),
        (gzip.compress(changed), keys, 1, "damaged"),
        (whole + gzip.compress(bson.encode({"in": "users", "is": {"_id": "x"}})), keys, 1, "added"),
        (b"not a backup", keys, 1, "not a backup"),
        (whole, keys.replace('"mac"', '"mac2"'), 1, "not the keys"),
        (whole, keys.replace("gAAAA", "gAAAB", 1), 1, ""),
        (whole, "{}", 1, "not the keys"),
        (documents(records), whole.hex(), 1, "not the keys"),
    ]
    for content, keytext, code, word in cases:
        bad_file.write_bytes(content)
        bad_keys.write_text(keytext)
        refused = await admin(elsewhere, "restore", str(bad_file), "--keys", str(bad_keys))
        assert refused.code in {code, 2} and word in refused.complained, (word, refused)
        assert "Traceback" not in refused.complained
    older = await admin(elsewhere, "restore", files.named("tuesday")[0], "--keys", str(old_keys))
    assert older.code == 1 and "older than FILE" in older.complained
    strange = elsewhere.model_copy(update={"encryption_keys": (Fernet.generate_key().decode(),)})
    assert (await admin(strange, "restore", *files.named("tuesday"))).code == 2
    gone = await admin(elsewhere, "restore", str(tmp_path / "none"), "--keys", keyfile)
    assert gone.code == 1 and "No such file" in gone.complained
    same = await admin(elsewhere, "restore", records, "--keys", records)
    assert same.code == 2
    with MongoClient[dict[str, Any]](elsewhere.mongo_url) as client:
        assert client.get_default_database().list_collection_names() == [], "nothing was written"
    full = await admin(clinic.app.settings, "restore", *files.named("tuesday"))
    assert full.code == 1 and "holds users" in full.complained


async def test_a_restore_that_was_interrupted_is_begun_again(
    clinic: Clinic, elsewhere: Settings, files: Files, model: ModelServer
) -> None:
    patient, *_ = await lived_in(clinic)
    assert (await admin(clinic.app.settings, "backup", *files.named("monday"))).code == 0
    with MongoClient[dict[str, Any]](elsewhere.mongo_url) as client:
        half = client.get_default_database()
        half["meta"].insert_one({"_id": "restoring"})
        half["users"].insert_one({"_id": patient.id, "email_index": "stale"})
        half["notes"].insert_one({"_id": "stale"})
    assert (await admin(elsewhere, "restore", *files.named("monday"))).code == 0
    async with opened(elsewhere, model, clinic) as there:
        again = await there.sign_in(patient.user)
        assert len((await again.get("/api/notes/")).body["items"]) == 1
    with MongoClient[dict[str, Any]](elsewhere.mongo_url) as client:
        client.get_default_database()["meta"].insert_one({"_id": "restoring"})
    assert (await admin(elsewhere, "verify-audit")).code == 2, "nothing is done with a half"
    served = await run("worker", environment=environment_of(elsewhere))
    assert served.code == 2 and "interrupted" in served.complained, "and nothing served from it"
    with MongoClient[dict[str, Any]](elsewhere.mongo_url) as client:
        client.get_default_database()["meta"].delete_one({"_id": "restoring"})
    full = await admin(elsewhere, "restore", *files.named("monday"))
    assert full.code == 1, "once it is done, the database is not empty any more"


async def test_a_backup_is_one_moment_though_the_service_writes(
    clinic: Clinic, elsewhere: Settings, files: Files, model: ModelServer
) -> None:
    """A check-in writes step, ledger, feeds and audit together: none of them is without the others."""
    patient, doctor, _ = await lived_in(clinic)
    over = asyncio.Event()

    async def write() -> int:
        count = 0
        while not over.is_set():
            step = await patient.step("Drink")
            await patient.post(f"/api/check-in/{step['id']}/")
            count += (await patient.delete(f"/api/check-in/{step['id']}/")).status == 200
        return count

    writing = asyncio.create_task(write())
    try:
        for name in ("monday", "tuesday", "wednesday"):
            assert (await admin(clinic.app.settings, "backup", *files.named(name))).code == 0
    finally:
        over.set()
    assert await writing > 3
    assert (await admin(elsewhere, "restore", *files.named("wednesday"))).code == 0
    async with opened(elsewhere, model, clinic) as there:
        database = there.app.resources.database
        feeds = {row["_id"]: row["seq"] async for row in database.collection("feeds").find({})}
        for id in (patient.id, doctor.id):
            seqs = [row["seq"] async for row in database.collection("events").find({"user_id": id}).sort("seq", 1)]
            assert seqs == list(range(1, feeds[id] + 1)), "no event without its number, no number without its event"
        assert (await there.app.store.audit.verify()).findings == ()


async def test_a_machine_that_has_never_run_takes_a_backup_into_its_own_servers(
    clinic: Clinic, files: Files, tmp_path: Path
) -> None:
    patient, *_ = await lived_in(clinic)
    assert (await admin(clinic.app.settings, "backup", *files.named("monday"))).code == 0
    bare = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    environment = {
        **bare,
        "DATA_DIR": str(tmp_path / "fresh"),
        "ENCRYPTION_KEYS": ",".join(clinic.app.settings.encryption_keys),
    }
    restored = await run("admin", "restore", *files.named("monday"), "--json", environment=environment, cwd=tmp_path)
    assert restored.code == 0, restored.complained
    again = await run("admin", "approve-doctor", patient.email, environment=environment, cwd=tmp_path)
    assert again.code == 1 and "not a doctor's" in again.complained, "the address is found there"


async def test_an_older_backup_moves_forward_as_it_is_restored(
    clinic: Clinic, elsewhere: Settings, files: Files, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, _, _ = await lived_in(clinic)
    before = await answers(patient)
    old = clinic.app.resources.database
    await old.collection("things").insert_many([{"_id": number} for number in range(10)])
    await old.collection("meta").delete_one({"_id": "schema"})  # from before there were versions
    assert (await admin(clinic.app.settings, "backup", *files.named("old"))).code == 0
    monkeypatch.setattr(schema_versions, "MIGRATIONS", STEPS)
    assert (await admin(elsewhere, "restore", *files.named("old"))).code == 0
    async with open_clinic(elsewhere, model, at=clinic.now) as there:
        things = there.app.resources.database.collection("things")
        assert await things.count_documents({"name": "thing", "colour": "red"}) == 10
        assert await answers(await there.sign_in(patient.user)) == before
        # ... and the other way: what the later version has written is refused by the earlier, before anything changes.
        assert (await admin(there.app.settings, "backup", *files.named("new"))).code == 0
    monkeypatch.setattr(schema_versions, "MIGRATIONS", ())
    for name in ("users", "meta"):
        await old.collection(name).delete_many({})
    refused = await admin(clinic.app.settings, "restore", *files.named("new"))
    assert refused.code == 1 and "Restore it with the newer version" in refused.complained
    assert await old.collection("users").find_one({}) is None
