"""Canaries: words that nothing else has are given to the service everywhere, and looked for wherever it leaves traces.

A word of a person, a password or a token must be found in no place; and in each place something harmless must be
found, which shows that the search would have found the others.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import bson
import pytest
import redis
from pymongo import MongoClient
from tornado.httpclient import AsyncHTTPClient

from hospital_rt.runtime.embedded_servers import Embedded, EmbeddedServers
from tests.support.driver import Answer, Person
from tests.support.processes import System, fetch_json, happens, open_system, run_main

PEOPLE = {
    "patient": "Zanzibarine",
    "doctor": "Ostrowhistle",
    "e-mail": "quillfeather",
    "phone": "20 7946 0958",
    "record number": "8675309421",
}
CLINICAL = {
    "note": "mumblewort",
    "step": "zorblaxine",
    "reason to skip": "thirstledown",
    "reason to cancel": "gribblenotch",
    "reason to withdraw": "drizzlepatch",
    "refused body": "snarfblatt",
    "path": "wobblequartz",
}
SECRETS = {
    "password": "velvet-okapi-lagoon-77",
    "new password": "hollow-tapir-citadel-88",
    "failed password": "wrongwickerbasket-12",
    "device": "Frobnicator",
    "address": "203.0.113.77",
    "push endpoint": "gurgleplimsoll",
}
WORDS = {**PEOPLE, **CLINICAL, **SECRETS}
CONTROL = "plainlyvisiblecontrolword"


class Eavesdropper:
    """Everything that is said to Redis, wake-ups and tasks included, which leave nothing in its files."""

    def __init__(self, url: str) -> None:
        self._client = cast(Any, redis.Redis.from_url(url, socket_timeout=None))  # whose end would close the connection
        self._connection = self._client.connection_pool.get_connection()
        self._connection.send_command("MONITOR")
        assert self._connection.read_response() in {b"OK", "OK"}
        self.heard: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                self.heard.append(str(self._connection.read_response(disconnect_on_error=False)))
            except (redis.RedisError, OSError, ValueError):
                return  # Redis has been stopped


@pytest.fixture
def own_servers(tmp_path: Path) -> Iterator[tuple[EmbeddedServers, Embedded]]:
    """Servers whose files are this test's alone."""
    servers = EmbeddedServers(tmp_path / "servers")
    yield servers, servers.start()
    servers.stop(timeout_s=5)


async def everything(system: System) -> tuple[list[str], list[bytes]]:
    """A life with every canary in it; the tokens that came up, and what every refusal said."""
    front = system.front()
    agent = {"User-Agent": WORDS["device"], "X-Forwarded-For": WORDS["address"]}
    people: list[Person] = []
    tokens: list[str] = []
    refusals: list[bytes] = []

    def refused(answer: Answer, status: int) -> None:
        assert answer.status == status, answer
        refusals.append(str(list(answer.headers.get_all())).encode() + answer.raw)

    for role, name in (("patient", WORDS["patient"]), ("doctor", WORDS["doctor"])):
        body = {
            "name": f"{name} K",
            "email": f"{WORDS['e-mail']}.{role}@clinic.example",
            "password": WORDS["password"],
            "role": role,
        }
        assert (await front.anyone.post("/api/signup/", body)).status == 201
        refused(await front.anyone.post("/api/signup/", body), 409)
        body = {"email": body["email"], "password": WORDS["failed password"]}
        refused(await front.anyone.post("/api/token/", body, headers=agent), 401)
        answer = await front.anyone.post("/api/token/", {**body, "password": WORDS["password"]}, headers=agent)
        people.append(Person(front.base, answer.body["user"], answer.body, WORDS["password"]))
        tokens += [answer.body["access"], answer.body["refresh"]]
    patient, doctor = people
    tokens.append((await patient.post("/api/me/calendar/", {"titles": True})).body["url"].rsplit("/", 1)[1][:-4])
    device = {"endpoint": f"https://1.1.1.1/{WORDS['push endpoint']}", "keys": {"p256dh": "B" * 87, "auth": "A" * 22}}
    assert (await patient.post("/api/me/push/", device)).status == 201
    assert (await patient.patch("/api/me/", {"timezone": daytime_zone(datetime.now(UTC))})).status == 200
    await front.assign(patient, doctor)
    text = (
        f"Patient: {WORDS['patient']} K, MRN {WORDS['record number']}, tel +44 {WORDS['phone']}, "
        f"{patient.email}. Seen by: Dr {WORDS['doctor']}, {doctor.email}.\n"
        f"Take {WORDS['step']} 500 mg twice a day for 7 days. Book a chest X-ray. Seen for {WORDS['note']}."
    )
    async with patient.live() as page:
        sent = {"patient_id": patient.id, "text": text}
        note = await doctor.post("/api/notes/", sent, headers={**agent, "Idempotency-Key": "canary"})
        await page.next("steps.changed", within_s=20)
        refused(await doctor.post(f"/api/notes/{note.body['id']}/approve/"), 409)
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
    for who in people:
        for kind in ("Patient", "CarePlan", "Task", "Communication"):
            assert (await who.get(f"/fhir/{kind}")).status == 200
    withdrawn = {"reason": WORDS["reason to withdraw"]}
    assert (await doctor.post(f"/api/notes/{note.body['id']}/withdraw/", withdrawn)).status == 200
    refreshed = await front.anyone.post("/api/token/refresh/", {"refresh": patient.refresh}, headers=agent)
    tokens += [refreshed.body["access"], refreshed.body["refresh"]]
    # A model that fails, quoting the note in its error, and one that answers with no JSON.
    assert system.model is not None
    for failure in (
        {"do": "status", "status": 400, "message": text},
        {"do": "garbage", "content": f"I think {WORDS['step']}"},
    ):
        await system.model.always(failure)
        failing = await front.submit(doctor, patient, text)

        async def failed(id: str = failing["id"]) -> bool:
            return bool((await doctor.get(f"/api/notes/{id}/")).body["status"] == "failed")

        await happens(failed, "the note fails")
    # Bodies that will not do, and paths that quote: what is refused is neither written down nor said again.
    word, quoted = WORDS["refused body"], WORDS["path"]
    wrong = ({"patient_id": word, "text": word, "more": word}, {"patient_id": patient.id, "text": [word]}, [word], word)
    for given in wrong:
        refused(await doctor.post("/api/notes/", given), 422)
    refused(await doctor.post("/api/notes/", raw=f'{{"text": "{word}'.encode()), 400)
    refused(await doctor.post("/api/notes/", raw=f'"{word}"'.encode(), headers={"Content-Type": "text/plain"}), 415)
    refused(await doctor.get(f"/api/notes/{quoted}/?q={quoted}"), 404)
    refused(await doctor.get(f"/{quoted}/"), 404)
    refused(await doctor.get(f"/api/steps/?status={quoted}&cursor={quoted}"), 422)
    refused(await doctor.get(f"/fhir/Task?_count={quoted}&{quoted}=1"), 400)
    refused(await doctor.get("/api/me/", headers={"Authorization": f"Bearer {quoted}"}), 401)
    assert (await doctor.get(f"/api/doctors/?q={WORDS['doctor']}")).status == 200
    async with patient.live() as page:
        reply = await page.ask({"type": "check_in", "id": "1", "step_id": word, "reason": word, "outcome": word})
        assert not reply["ok"]
        refusals.append(json.dumps(reply).encode())
    changed = {"current": WORDS["password"], "password": WORDS["new password"]}
    assert (await patient.post("/api/me/password/", changed)).status == 204
    assert (await front.anyone.post("/api/forgot-password/", {"email": patient.email})).status == 202
    return tokens, refusals


def daytime_zone(now: datetime) -> str:
    """A zone in which it is morning now, so that the day still has a slot to come. Signs of Etc/GMT are reversed."""
    behind = max(-10, min(12, now.hour - 8))
    return f"Etc/GMT{behind:+d}"


def in_mongo(url: str, keyfile: Path) -> bytes:
    """Every document of every database, the log of operations included."""
    port = int(url.split("@")[1].split(":")[1].split("/")[0])
    found: list[bytes] = []
    with MongoClient(
        "127.0.0.1",
        port,
        username="__system",
        password=keyfile.read_text().strip(),
        authSource="local",
        directConnection=True,
        document_class=bson.raw_bson.RawBSONDocument,
    ) as client:
        client.admin.command("fsync")
        for database in client.list_database_names():
            for name in client[database].list_collection_names():
                found += [bytes(document.raw) for document in client[database][name].find()]
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
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def command_line(pid: int) -> bytes:
    """What any user of the machine sees of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def unpacked(folder: Path) -> bytes:
    """What backup files show without their keys."""
    found = [path.read_bytes() for path in sorted(folder.iterdir())]
    return b"".join(gzip.decompress(one) if one.startswith(b"\x1f\x8b") else one for one in found)


def found_in(places: dict[str, bytes], words: dict[str, str]) -> set[tuple[str, str]]:
    """Which word lies in which place."""
    return {
        (name, place)
        for place, content in places.items()
        for name, word in words.items()
        if word.lower().encode() in content.lower()
    }


async def test_no_word_of_anybody_is_found_in_what_is_stored_said_queued_or_sent(
    own_servers: tuple[EmbeddedServers, Embedded], tmp_path: Path
) -> None:
    servers, found = own_servers
    mongo_url, redis_url = found.mongo_url or "", found.redis_url or ""
    eavesdropper = Eavesdropper(redis_url)
    async with open_system(
        tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url, log_level="debug", trusted_proxies="127.0.0.1"
    ) as system:
        model = await system.with_model()
        await system.start("web", "worker", "scheduler")
        tokens, refusals = await everything(system)
        base, mail = system.front().base, system.folder / "data" / "mail"
        audit = MongoClient[dict[str, Any]](mongo_url)["hospital_rt"]["audit"]
        await happens(lambda: audit.find_one({"page": {"$gt": 0}}), "the worker binds the audit's entries")
        await happens(lambda: any(mail.glob("*.eml")), "the letter is written")
        probes = [await AsyncHTTPClient().fetch(f"{base}{path}") for path in ("/metrics", "/readyz", "/healthz")]
        letter = next(mail.glob("*.eml")).read_text().replace("=\n", "").replace("=3D", "=")
        token = letter.split("token=")[1].split()[0]
        kept = tmp_path / "kept"
        kept.mkdir()
        backup = await asyncio.to_thread(
            run_main,
            "admin",
            "backup",
            str(kept / "records"),
            "--keys",
            str(kept / "keys.json"),
            folder=tmp_path,
            environment=system.environment(),
        )
        assert backup.returncode == 0, backup.stderr
        with MongoClient[dict[str, Any]](mongo_url) as client:
            client["scratch"]["control"].insert_one({"text": f"A note with {CONTROL} in it, as others are kept."})
        redis.Redis.from_url(redis_url).set("control", CONTROL)
        await happens(lambda: any(CONTROL in command for command in eavesdropper.heard), "the eavesdropper hears")
        stored = await asyncio.to_thread(in_mongo, mongo_url, tmp_path / "servers" / "mongo" / "keyfile")
        queued = in_redis(redis_url)
        asked = (await fetch_json(f"{model.base}/requests"))["requests"]
        lines = {role.name: command_line(role.pid) for role in system.roles}
        for role in system.roles:
            await role.stop()
    servers.stop()
    logs = {path.name: path.read_bytes() for path in system.folder.glob("*.[eo][ru][rt]") if "model" not in path.name}
    places = {
        "MongoDB": stored,
        "Redis": queued,
        "said to Redis": "\n".join(eavesdropper.heard).encode(),
        "probes": b"".join(probe.body for probe in probes),
        "refusals": b"".join(refusals),
        "backup": unpacked(kept),
        "backup's terminal": (backup.stdout + backup.stderr).encode(),
        **lines,
        **logs,
        **in_files(tmp_path / "servers"),
    }
    assert all(len(token) > 30 for token in [*tokens, token])
    secrets = {f"token {number}": one.rsplit(".", 1)[-1] for number, one in enumerate([*tokens, token])}
    assert found_in(places, {**WORDS, **secrets}) == set()
    assert found_in({"letter": letter.encode()}, {**CLINICAL, **SECRETS}) == set(), "a letter knows no more than whom"
    # What left for the model: the medicine, and instead of people what stands for them.
    assert len(asked) >= 3
    left = json.dumps(asked, ensure_ascii=False).encode()
    assert found_in({"model": left}, {**PEOPLE, **SECRETS, **secrets}) == set()
    for mask in ("[NAME-A]", "[NAME-B]", "[EMAIL-A]", "[EMAIL-B]", "[PHONE-A]", "[RECORD-A]", WORDS["step"]):
        assert mask.encode() in left, mask
    # Each place would have shown it.
    shown = {place for place, content in places.items() if CONTROL.encode() in content}
    assert {"MongoDB", "Redis", "said to Redis"} <= shown, shown
    assert any(place.endswith(".wt") or "WiredTigerLog" in place for place in shown), shown
    assert any(place.endswith(".aof") for place in shown), shown
    assert {name.partition("-")[0] for name in logs} == {"web", "worker", "scheduler"}
    assert all(content for name, content in logs.items() if name.startswith("w") and name.endswith(".err"))
    assert b"hospital_rt_request_seconds" in places["probes"] and b'"mongodb": true' in places["probes"]
    assert places["refusals"].count(b"/problems/") > 8 and b"sealed_text" in places["backup"]
    assert any("XADD" in command for command in eavesdropper.heard), "tasks were queued"
    assert any("PUBLISH" in command for command in eavesdropper.heard), "wake-ups were sent"
    assert stored.count(b"gAAAA") > 40, "the records are there, sealed"
