"""Keys are rotated only where every living node can follow, and a node that cannot follow refuses requests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pymongo import MongoClient

from hospital_rt.storage.database import Database
from hospital_rt.storage.field_encryption import Vault
from hospital_rt.storage.node_keys import fingerprint, nodes_behind, published
from tests.support.driver import free_port
from tests.support.processes import System, fetch_json, happens, open_system, run_main

NOTE = "Take amoxicillin 500 mg once a day for 7 days. Book a chest X-ray."


@pytest.fixture
async def system(tmp_path: Path, mongo_url: str, redis_url: str) -> AsyncIterator[System]:
    """Roles that may complain: some of them have the wrong keys."""
    async with open_system(
        tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url, reminder_tick_seconds=1
    ) as opened:
        yield opened


def rotate(system: System) -> tuple[int, dict[str, Any]]:
    """``admin rotate-keys`` with the keys that lie in the file now."""
    ran = run_main("admin", "rotate-keys", "--json", environment=system.environment(), folder=system.folder)
    return ran.returncode, json.loads(ran.stdout)


@pytest.mark.long
async def test_keys_are_not_rotated_while_a_node_would_be_locked_out(system: System) -> None:
    old, new = system.encryption_key, Fernet.generate_key().decode()
    [behind] = await system.start("web")
    system.put("encryption_keys", f"{new},{old}")
    code, said = rotate(system)
    assert code == 1 and "1 web do not know the first key" in said["error"]
    [ahead] = await system.start("web")
    assert rotate(system)[0] == 1, "one of two"
    assert await behind.stop() == 0
    code, said = rotate(system)
    assert code == 0 and said["old_keys_removable"], said

    # One that knows the key and does not have it first can go on, and still wraps under the older one.
    system.put("encryption_keys", f"{old},{new}")
    await system.start("worker")
    system.put("encryption_keys", f"{new},{old}")
    code, said = rotate(system)
    assert code == 0 and not said["old_keys_removable"], said
    assert ahead.runs


async def test_a_node_is_known_by_fingerprints_until_it_stops(mongo_url: str) -> None:
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    database = Database(mongo_url, driver="motor")
    try:
        async with published(database, [first], role="web"):
            [row] = await database.collection("nodes").find({}).to_list(None)
            assert row["fingerprints"] == [fingerprint(first)] and first not in str(row)
            assert (await nodes_behind(database, second)).without == {"web": 1}
            assert not (await nodes_behind(database, first)).without
        assert not (await nodes_behind(database, second)).without
    finally:
        await database.close()


@pytest.mark.long
async def test_a_node_behind_a_rotation_is_not_ready_and_its_notes_wait_for_another(system: System) -> None:
    ops = free_port()
    [web] = await system.start("web")
    [worker] = await system.start("worker", ops_port=ops)
    people = system.front()
    patient, doctor = await people.pair()
    worker.pause()
    note = await people.submit(doctor, patient, NOTE)
    new = Fernet.generate_key().decode()
    database = Database(system.mongo_url, driver="motor")
    try:
        # As a version that does not ask would do it.
        done = await Vault(database.collection("keys"), [new, system.encryption_key]).rotate()
        assert done.unreadable == 0
    finally:
        await database.close()
    worker.resume()

    async def is_unready(base: str) -> bool:
        found = await fetch_json(f"{base}/readyz")
        return bool(found["status"] == "unavailable" and found["keys"] is False and found["mongodb"])

    for base in (web.base, f"http://127.0.0.1:{ops}"):
        await happens(partial(is_unready, base), "it is not ready", within_s=20)
    refused = await people.anyone.post("/api/token/", {"email": patient.email, "password": "does-not-matter-1"})
    assert refused.status != 500
    worker.kill()
    web.kill()
    system.roles.clear()
    system.put("encryption_keys", new)
    await system.start("web", "worker")
    doctor = await system.front().sign_in(doctor.user)

    async def is_read() -> bool:
        return bool((await doctor.get(f"/api/notes/{note['id']}/")).body["status"] == "ready")

    await happens(is_read, "the note is read", within_s=40)
    with MongoClient[Any](system.mongo_url) as client:
        row = client.get_default_database()["notes"].find_one({"_id": note["id"]})
    assert row and row["attempts"] == 1, "only the one that could read it"


async def test_a_request_that_a_node_behind_a_rotation_cannot_answer_may_be_sent_again(system: System) -> None:
    [web] = await system.start("web")
    people = system.front()
    patient, doctor = await people.pair()
    database = Database(system.mongo_url, driver="motor")
    try:
        await Vault(database.collection("keys"), [Fernet.generate_key().decode(), system.encryption_key]).rotate()
    finally:
        await database.close()

    async def refused() -> bool:
        # Keys are held for a minute at most; people who sign up now are new to this node.
        answer = await people.anyone.post(
            "/api/signup/",
            {
                "name": "Ada",
                "email": "ada@clinic.example",
                "password": "quiet-meadow-lantern-42",
                "role": "patient",
            },
        )
        listed = await patient.get(f"/api/doctors/?q={doctor.user['name'][:3]}")
        assert {answer.status, listed.status} & {500} == set()
        return bool((await people.anyone.get("/readyz")).status == 503)

    await happens(refused, "the node is not ready", within_s=20)
    assert web.runs
