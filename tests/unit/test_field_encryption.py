"""Sealing: stored values open only with the keys, only in their place, and never after an erasure."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import pytest

from hospital_rt.settings import Settings
from hospital_rt.storage.database import Database
from hospital_rt.storage.field_encryption import Unreadable, Vault, WrongKeys
from tests.support.admin_driver import admin
from tests.support.driver import Clinic, free_port, item, open_clinic, plan_item
from tests.support.model_server import ModelServer

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
    database = clinic.app.resources.database
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
    clinic.app.store.vault._cache.clear()
    assert (await patient.get("/api/me/")).body["name"] is None, "another's key opens nothing"
    await keys.update_one({"_id": patient.id}, {"$set": {"wrapped": mine["wrapped"]}})
    clinic.app.store.vault._cache.clear()
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
    here.drop_cached_key("ruth")
    with pytest.raises(Unreadable):
        await here.open_value("ruth", "notes|1|text", sealed)
    assert await there.open_value("ruth", "notes|1|text", sealed) == "Book a chest X-ray", "until it hears of it"
    began = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: began + 61)  # the minute that a key is kept is over
    await there.load_keys(["ruth"])
    with pytest.raises(Unreadable):
        there.open_loaded("ruth", "notes|1|text", sealed)


async def test_a_key_that_is_being_read_while_it_is_destroyed_is_not_kept(database: Database) -> None:
    here, there = (Vault(database.collection("keys"), [K1]) for _ in range(2))
    await here.create_key("ruth")
    sealed = await here.seal("ruth", "notes|1|text", "Book a chest X-ray")
    reading = asyncio.create_task(there.load_keys(["ruth"]))
    await asyncio.sleep(0)  # lets the others go on
    there.drop_cached_key("ruth")  # the word comes in before the answer of the read
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


@pytest.mark.long
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
                    both.app.store.vault._cache.clear()  # each read meets the keys as they now are
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
