"""Sealing: what lies in the stores opens for nobody without the keys, nowhere but where it was sealed, never after."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import pytest
import redis
from cryptography.fernet import Fernet
from pymongo import MongoClient
from tornado.httpclient import AsyncHTTPClient

from hospital_rt import vault as vault_module
from hospital_rt.database import Database
from hospital_rt.embedded import Embedded, EmbeddedServers
from hospital_rt.settings import Settings
from hospital_rt.vault import Unreadable, Vault, WrongKeys
from tests.admin_driver import admin
from tests.driver import Clinic, Front, Person, free_port, item, open_clinic, plan_item
from tests.model_server import ModelServer
from tests.processes import happens, open_system

K1, K2, K3 = (base64.urlsafe_b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))


async def test_a_ciphertext_opens_only_where_it_was_sealed(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair(name="Ruth Keller")
    other = await clinic.patient(name="Tomas Rivera")
    await clinic.assign(other, doctor)
    notes = [
        await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")]),
        await clinic.note(doctor, patient, checklist=[item("Weigh yourself")]),
        await clinic.note(doctor, other, checklist=[item("Drink water")]),
    ]
    database = clinic.house.resources.database
    rows = [await database.collection("notes").find_one({"_id": note["id"]}) for note in notes]
    kept = [row["sealed_text"] for row in rows]

    async def texts(place: int, ciphertext: str) -> str | None:
        """What the note at a place reads as, with this ciphertext moved there."""
        await database.collection("notes").update_one(
            {"_id": notes[place]["id"]}, {"$set": {"sealed_text": ciphertext}}
        )
        text: str | None = (await doctor.get(f"/api/notes/{notes[place]['id']}/")).body["text"]
        return text

    assert await texts(0, kept[0]) == "Book a chest X-ray."
    assert await texts(0, kept[1]) is None, "another note of the same patient"
    assert await texts(0, kept[2]) is None, "a note of another patient"
    assert await texts(0, rows[0]["sealed_review"]) is None, "another field of the same note"
    steps = database.collection("steps")
    step = await steps.find_one({"note_id": notes[1]["id"]})
    assert await texts(0, step["sealed_words"]) is None, "a record of another kind"
    assert await texts(0, kept[0][:-4] + "AAA=") is None, "altered"
    assert await texts(0, kept[0]) == "Book a chest X-ray."

    users = database.collection("users")
    row = await users.find_one({"_id": patient.id})
    await users.update_one({"_id": patient.id}, {"$set": {"sealed_name": row["sealed_email"]}})
    assert (await patient.get("/api/me/")).body["name"] is None, "an address does not pass for a name"
    await users.update_one({"_id": patient.id}, {"$set": {"sealed_name": row["sealed_name"]}})
    keys = database.collection("keys")
    mine, theirs = await keys.find_one({"_id": patient.id}), await keys.find_one({"_id": other.id})
    await keys.update_one({"_id": patient.id}, {"$set": {"wrapped": theirs["wrapped"]}})
    clinic.house.store.vault._cache.clear()
    assert (await patient.get("/api/me/")).body["name"] is None, "another's key opens nothing"
    await keys.update_one({"_id": patient.id}, {"$set": {"wrapped": mine["wrapped"]}})
    clinic.house.store.vault._cache.clear()
    assert (await patient.get("/api/me/")).body["name"] == "Ruth Keller"


@pytest.fixture
async def database(mongo_url: str) -> Any:
    opened = Database(mongo_url, driver="motor")
    yield opened
    await opened.close()


async def test_a_destroyed_key_is_gone_also_where_it_was_in_use(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (Vault(database.collection("keys"), [K1]) for _ in range(2))
    await here.create_key("ruth")
    sealed = await here.seal("ruth", "notes|1|text", "Book a chest X-ray")
    await there.load_keys(["ruth"])
    await here.destroy_key("ruth")
    here.forget("ruth")
    with pytest.raises(Unreadable):
        await here.open_value("ruth", "notes|1|text", sealed)
    assert await there.open_value("ruth", "notes|1|text", sealed) == "Book a chest X-ray", "until it hears of it"
    began = time.monotonic()
    monkeypatch.setattr(vault_module.time, "monotonic", lambda: began + 61)  # the minute that a key is kept is over
    await there.load_keys(["ruth"])
    with pytest.raises(Unreadable):
        there.open_loaded("ruth", "notes|1|text", sealed)


async def test_a_key_that_is_being_read_while_it_is_destroyed_is_not_kept(database: Database) -> None:
    here, there = (Vault(database.collection("keys"), [K1]) for _ in range(2))
    await here.create_key("ruth")
    sealed = await here.seal("ruth", "notes|1|text", "Book a chest X-ray")
    reading = asyncio.create_task(there.load_keys(["ruth"]))
    await asyncio.sleep(0)
    there.forget("ruth")  # the word comes in before the answer of the read
    await reading
    with pytest.raises(Unreadable):
        there.open_loaded("ruth", "notes|1|text", sealed)


async def test_a_key_that_was_removed_too_early_is_a_fault_and_not_an_erasure(database: Database) -> None:
    here = Vault(database.collection("keys"), [K1])
    await here.open()
    await here.create_key("ruth")
    with pytest.raises(WrongKeys):
        await Vault(database.collection("keys"), [K2]).open()
    with pytest.raises(WrongKeys):
        await Vault(database.collection("keys"), [K2]).load_keys(["ruth"])
    lost = await Vault(database.collection("keys"), [K3, K2]).rotate()
    assert (lost.keys, lost.rewrapped, lost.unreadable) == (2, 0, 2)
    done = await Vault(database.collection("keys"), [K2, K1]).rotate()
    assert (done.keys, done.rewrapped, done.unreadable) == (2, 2, 0)
    await Vault(database.collection("keys"), [K2]).open()
    assert (await Vault(database.collection("keys"), [K2]).rotate()).rewrapped == 0


async def test_keys_are_rotated_under_load_and_the_old_ones_are_needed_no_more(
    clinic: Clinic, settings: Settings, model: ModelServer
) -> None:
    people = [await clinic.patient(name=f"Patient {number}") for number in range(6)]
    doctor = await clinic.doctor()
    for person in people:
        await clinic.assign(person, doctor)
    await clinic.note(doctor, people[0], plan=[plan_item("Drink water", "Drink water daily")])
    (old,), port = settings.encryption_keys, free_port()

    def node(*keys: str) -> Settings:
        return settings.model_copy(
            update={"encryption_keys": keys, "port": port, "public_url": f"http://127.0.0.1:{port}"}
        )

    before = [(await person.get("/api/me/")).body for person in people]
    seen = {"reads": 0, "newcomers": 0}
    async with open_clinic(node(K2, old), model, at=clinic.now) as both:
        over = asyncio.Event()

        async def read() -> None:
            while not over.is_set():
                for person, known in zip(people, before, strict=True):
                    both.house.store.vault._cache.clear()  # each read meets the keys as they now are
                    answer = await both.anyone.get("/api/me/", token=person.access)
                    assert answer.status == 200 and answer.body == known
                    steps = await both.anyone.get("/api/steps/", token=people[0].access)
                    assert [step["title"] for step in steps.body["items"]] == ["Drink water"]
                    seen["reads"] += 1

        async def come() -> None:
            while not over.is_set():
                await both.sign_up("patient")
                seen["newcomers"] += 1

        load = [asyncio.create_task(read()), asyncio.create_task(come())]
        try:
            for keys in ((K2, old), (old, K2), (K2, old)):
                rotated = await admin(node(*keys), "rotate-keys", "--json")
                assert rotated.code == 0 and rotated.facts["old_keys_removable"], rotated
                assert rotated.facts["rewrapped"] >= len(people)
        finally:
            over.set()
            await asyncio.gather(*load)
    assert seen["reads"] > 6 and seen["newcomers"] > 0
    async with open_clinic(node(K2), model, at=clinic.now) as new:
        for person, known in zip(people, before, strict=True):
            assert (await new.anyone.get("/api/me/", token=person.access)).body == known
            assert (await new.sign_in(person.user)).id == person.id


# Canaries


WORDS = {
    "patient's name": "Zanzibarine", "doctor's name": "Ostrowhistle", "e-mail": "quillfeather", "note": "mumblewort",
    "step": "zorblaxine", "reason to skip": "thirstledown", "reason to cancel": "gribblenotch",
    "reason to withdraw": "drizzlepatch", "password": "velvet-okapi-lagoon-77",
    "new password": "hollow-tapir-citadel-88", "failed password": "wrongwickerbasket-12", "device": "Frobnicator",
    "address": "203.0.113.77",
}  # fmt: skip


@pytest.fixture
def own_servers(tmp_path: Path) -> Iterator[tuple[EmbeddedServers, Embedded]]:
    """Servers whose files are this test's alone."""
    servers = EmbeddedServers(tmp_path / "servers")
    yield servers, servers.start()
    servers.stop(timeout_s=5)


async def everything(front: Front) -> list[str]:
    """A life with every canary word in it; the tokens that came up."""
    agent = {"User-Agent": WORDS["device"], "X-Forwarded-For": WORDS["address"]}
    people: list[Person] = []
    tokens: list[str] = []
    for role, name in (("patient", WORDS["patient's name"]), ("doctor", WORDS["doctor's name"])):
        body = {
            "name": f"{name} K", "email": f"{WORDS['e-mail']}.{role}@clinic.example", "password": WORDS["password"],
            "role": role,
        }  # fmt: skip
        assert (await front.anyone.post("/api/signup/", body)).status == 201
        body = {"email": body["email"], "password": WORDS["failed password"]}
        assert (await front.anyone.post("/api/token/", body, headers=agent)).status == 401
        answer = await front.anyone.post("/api/token/", {**body, "password": WORDS["password"]}, headers=agent)
        people.append(Person(front.base, answer.body["user"], answer.body, WORDS["password"]))
        tokens += [answer.body["access"], answer.body["refresh"]]
    patient, doctor = people
    tokens.append((await patient.post("/api/me/calendar/", {"titles": True})).body["url"].rsplit("/", 1)[1][:-4])
    await front.assign(patient, doctor)
    text = f"Take {WORDS['step']} 500 mg twice a day for 7 days. Book a chest X-ray. Seen for {WORDS['note']}."
    async with patient.live() as page:
        sent = {"patient_id": patient.id, "text": text}
        note = await doctor.post("/api/notes/", sent, headers={**agent, "Idempotency-Key": "canary"})
        await page.next("steps.changed", within_s=20)
        await doctor.post(f"/api/notes/{note.body['id']}/approve/")
        steps = await patient.steps()
        assert any(WORDS["step"] in step["title"] for step in steps), steps
        for step in steps:
            if step["kind"] == "plan":
                skipped = {"outcome": "skipped", "reason": WORDS["reason to skip"], "slot": step["today"][-1]["slot"]}
                reply = await page.ask({"type": "check_in", "id": "1", "step_id": step["id"], **skipped})
                assert reply["ok"], reply
            else:
                cancelled = await doctor.post(f"/api/steps/{step['id']}/cancel/", {"reason": WORDS["reason to cancel"]})
                assert cancelled.status == 200
    withdrawn = {"reason": WORDS["reason to withdraw"]}
    assert (await doctor.post(f"/api/notes/{note.body['id']}/withdraw/", withdrawn)).status == 200
    refreshed = await front.anyone.post("/api/token/refresh/", {"refresh": patient.refresh}, headers=agent)
    tokens += [refreshed.body["access"], refreshed.body["refresh"]]
    changed = {"current": WORDS["password"], "password": WORDS["new password"]}
    assert (await patient.post("/api/me/password/", changed)).status == 204
    assert (await front.anyone.post("/api/forgot-password/", {"email": patient.email})).status == 202
    # Bodies that will not do, and paths that quote: what is refused is not written down either.
    broken = {"patient_id": WORDS["note"], "text": WORDS["step"], WORDS["step"]: 1}
    assert (await doctor.post("/api/notes/", broken)).status == 422
    assert (await doctor.get(f"/api/notes/{WORDS['note']}/?q={WORDS['step']}")).status == 404
    assert (await doctor.get(f"/api/doctors/?q={WORDS['doctor' + chr(39) + 's name']}")).status == 200
    return tokens


def in_mongo(url: str, keyfile: Path) -> bytes:
    """Every document of every database, the log of operations included."""
    port = int(url.split("@")[1].split(":")[1].split("/")[0])
    found: list[bytes] = []
    with MongoClient(
        "127.0.0.1", port, username="__system", password=keyfile.read_text().strip(), authSource="local",
        directConnection=True, document_class=bson.raw_bson.RawBSONDocument,
    ) as client:  # fmt: skip
        client.admin.command("fsync")
        for database in client.list_database_names():
            for name in client[database].list_collection_names():
                found += [document.raw for document in client[database][name].find()]
    return b"".join(found)


def in_redis(url: str) -> bytes:
    """Every key with its value as Redis keeps it."""
    client: Any = redis.Redis.from_url(url)
    keys = list(client.scan_iter(count=1000))
    found = b"".join(key + (client.dump(key) or b"") for key in keys)
    client.close()
    return found


def in_files(*folders: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder.parent)): path.read_bytes()
        for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


async def test_no_word_of_anybody_is_found_in_what_is_stored_said_or_queued(
    own_servers: tuple[EmbeddedServers, Embedded], tmp_path: Path
) -> None:
    servers, found = own_servers
    mongo_url, redis_url = found.mongo_url or "", found.redis_url or ""
    control = "plainlyvisiblecontrolword"
    async with open_system(
        tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url, log_level="debug", trusted_proxies="127.0.0.1"
    ) as system:
        await system.start("web", "worker", "scheduler")
        front = system.front()
        tokens = await everything(front)
        audit = MongoClient(mongo_url)["hospital_rt"]["audit"]
        await happens(lambda: audit.find_one({"page": {"$gt": 0}}), "the worker binds the audit's entries")
        metrics = (await AsyncHTTPClient().fetch(f"{front.base}/metrics")).body
        mail = system.folder / "data" / "mail"

        async def posted() -> bool:
            return await asyncio.to_thread(lambda: any(mail.glob("*.eml")))

        await happens(posted, "the letter is written")
        letter = next(mail.glob("*.eml")).read_text().replace("=\n", "").replace("=3D", "=")
        tokens.append(letter.split("token=")[1].split()[0])
        with MongoClient(mongo_url) as client:
            client["scratch"]["control"].insert_one({"text": f"A note with {control} in it, as others are kept."})
        stored = await asyncio.to_thread(in_mongo, mongo_url, tmp_path / "servers" / "mongo" / "keyfile")
        queued = in_redis(redis_url)
        said = b"".join(path.read_bytes() for path in system.folder.glob("*.[eo][ru][rt]"))
        for role in system.roles:
            await role.stop()
    servers.stop()
    places = {
        "MongoDB": stored, "Redis": queued, "logs": said, "metrics": metrics, **in_files(tmp_path / "servers"),
    }  # fmt: skip
    for token in tokens:
        assert len(token) > 30
    secrets = {**WORDS, **{f"token {number}": token.rsplit(".", 1)[-1] for number, token in enumerate(tokens)}}
    seen = {
        (name, place) for place, content in places.items() for name, word in secrets.items()
        if word.lower().encode() in content.lower()
    }  # fmt: skip
    assert seen == set()
    hits = {place for place, content in places.items() if control.encode() in content}
    assert "MongoDB" in hits and any("WiredTigerLog" in place or place.endswith(".wt") for place in hits), hits
    assert b"request" in said and b"hospital_rt_request_seconds" in metrics and len(queued) > 100
    sealed = Fernet(K1).encrypt(b"x")[:5]
    assert stored.count(sealed) > 20, "the records are there, sealed"
