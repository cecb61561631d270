"""Watching the house: every role tells how it is, counts rightly, and a request can be followed to its tasks."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hospital_rt.domain.clock import utcnow
from hospital_rt.ops.health import figures
from hospital_rt.ops.metrics import Metrics
from hospital_rt.version import versions
from tasks.audit import bind_audit
from tasks.collect_metrics import count_backlog, verify_sample
from tests.support import deployed
from tests.support.driver import Clinic, Front, free_port, item, plan_item
from tests.support.processes import Role, System, happens, open_system
from tests.support.wire_http import say

NOTE = "Take amoxicillin 500 mg once a day for 2 days. Book a chest X-ray."


@pytest.fixture
async def system(tmp_path: Path, mongo_url: str, redis_url: str) -> AsyncIterator[System]:
    async with open_system(
        tmp_path / "system",
        mongo_url=mongo_url,
        redis_url=redis_url,
        log_level="info",
        ops_allow="127.0.0.1",
        reminder_tick_seconds=1,
        day_seconds=30,
    ) as opened:
        yield opened
        assert not opened.complaints()


async def probe(base: str, path: str, *, come_from: str = "127.0.0.1") -> tuple[int, bytes]:
    request = f"GET {path} HTTP/1.1\r\nHost: 10-1-2-3.pod.local\r\nConnection: close\r\n\r\n".encode()
    heard = await say(Front(base), request, come_from=come_from)
    return heard.statuses[0], heard.raw.partition(b"\r\n\r\n")[2]


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """By the name that a query asks for."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found.setdefault(one.name, []).append((one.labels, one.value))
    return found


async def test_every_role_can_be_watched_and_a_request_followed(system: System) -> None:
    ports = {"worker": free_port(), "scheduler": free_port()}
    await system.start("web")
    for role, port in ports.items():
        await system.start(role, ops_port=port)
    bases = {"web": system.webs[0].base, **{role: f"http://127.0.0.1:{port}" for role, port in ports.items()}}
    people = system.front()
    patient, doctor = await people.pair(name="Ruth Keller")
    async with patient.live() as page:
        sent = await people.submit(doctor, patient, NOTE, headers={"X-Request-ID": "follow-this-one"})
        await page.next("steps.changed", within_s=15)
        await page.next("reminder.due", within_s=15)
    await people.anyone.post("/api/forgot-password/", {"email": patient.email})

    # Alive and ready; details and figures for operators alone.
    both = {"mongodb", "keys", "redis"}
    reached = {"web": both | {"sockets"}, "worker": both | {"schedule"}, "scheduler": {"redis"}}
    for role, base in bases.items():
        status, body = await probe(base, "/healthz")
        assert (status, json.loads(body)) == (200, {"status": "alive", **versions()}), role
        status, body = await probe(base, "/readyz")
        assert (status, json.loads(body)["status"]) == (200, "ready"), (role, body)
        assert set(json.loads(body)) == {"status", *reached[role]}
        assert await probe(base, "/readyz", come_from="127.0.0.9") == (200, b'{"status": "ready"}'), role
        assert (await probe(base, "/metrics", come_from="127.0.0.9"))[0] == 404, role
        assert (await probe(base, "/nothing"))[0] == (400 if role == "web" else 404), role

    # What the alerts and the dashboard ask for is exported, labels and all, and tells nothing of a person.
    async def counted() -> bool:
        text = (await probe(bases["worker"], "/metrics"))[1].decode()
        return bool(re.search(r"^hospital_rt_counted_timestamp_seconds [1-9]", text, re.MULTILINE))

    await happens(counted, "the worker has counted", within_s=20)
    texts = {role: (await probe(base, "/metrics"))[1].decode() for role, base in bases.items()}
    exported: dict[str, list[tuple[dict[str, str], float]]] = {}
    for text in texts.values():
        for name, found in samples(text).items():
            exported.setdefault(name, []).extend(found)
        for secret in (patient.id, doctor.id, sent["id"], "Ruth", "amoxicillin", "clinic.example"):
            assert secret not in text
    assert not_exported(deployed.expressions(), exported) == []
    wrong = {"a": "sum(hospital_rt_reminders_lost)", "b": 'max(hospital_rt_dependency_up{dependenci="redis"})'}
    assert len(not_exported(wrong, exported)) == 2
    assert exported["hospital_rt_ticks_sent_total"] and exported["hospital_rt_tick_seen_timestamp_seconds"]

    # From the request to its tasks.
    worker = next(role for role in system.roles if role.role == "worker")
    await happens(lambda: "task.done" in worker.logged, "the worker has logged its task")
    [asked] = [one for one in lines(system.webs[0], "request") if one["request_id"] == "follow-this-one"]
    assert asked["route"] == "NotesHandler"
    read = await happens(
        lambda: [one for one in lines(worker, "note.read") if one["note_id"] == sent["id"]], "the note is logged"
    )
    # Work that another system left in the same Redis may be done here too: only this note's task counts.
    done = await happens(
        lambda: [one for one in lines(worker, "task.done") if one["task_id"] == read[0]["task_id"]], "it is logged"
    )
    assert {(one["task"], one["request_id"], one["task_id"]) for one in (*read, *done)} == {
        ("read_note", "follow-this-one", read[0]["task_id"])
    }
    assert read[0]["task_id"]
    letters = [one for one in lines(worker, "task.done") if one.get("task") == "send_letter"]
    assert all(one["request_id"] != "follow-this-one" for one in letters)

    # Without a scheduler the worker says so, and works on.
    scheduler = next(role for role in system.roles if role.role == "scheduler")
    assert await scheduler.stop() == 0
    taken = system.launch("scheduler", ops_port=ports["worker"])
    assert await taken.ended(within_s=20) == 2
    where = f"127.0.0.1 port {ports['worker']}"
    assert taken.logged == f"HOST, OPS_PORT: cannot listen on {where} (Address already in use)\n"

    async def degraded() -> bool:
        return bool(json.loads((await probe(bases["worker"], "/readyz"))[1])["status"] == "degraded")

    await happens(degraded, "the worker misses the schedule", within_s=30)
    status, body = await probe(bases["worker"], "/readyz")
    assert status == 200 and json.loads(body) == {
        "status": "degraded",
        "mongodb": True,
        "keys": True,
        "redis": True,
        "schedule": False,
    }


def lines(role: Role, event: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in role.logged.splitlines() if line.startswith("{")]
    return [one for one in found if one["event"] == event]


def not_exported(asked: dict[str, str], exported: dict[str, list[tuple[dict[str, str], float]]]) -> list[str]:
    """What is asked for and is not there: metrics, and labels of metrics that have some."""
    scraped = {"job", "instance"}
    declared = {name for family in Metrics().registry.collect() for name in (family.name, f"{family.name}_total")}
    missing = []
    for where, expression in asked.items():
        for name, labels in deployed.selected(expression):
            if name == "up":
                continue
            if name not in exported and name not in declared:
                missing.append(f"{where}: {name}")
            known = {label for one, _ in exported.get(name, []) for label in one}
            if known and set(labels) - known - scraped:
                missing.append(f"{where}: {name} has no label {set(labels) - known - scraped}")
    return missing


async def test_what_is_due_waits_or_is_wrong_is_counted(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    other = await clinic.patient()
    await clinic.assign(other, doctor)
    await clinic.plan_daily(doctor, patient, "Walk")
    await clinic.note(
        doctor,
        other,
        checklist=[item("Book a scan"), item("Take warfarin 5 mg", "nothing of the kind")],
        plan=[plan_item("Rest", "Rest daily")],
        text="Book a scan. Rest daily.",
        expect="proposed",
    )
    await clinic.submit(doctor, other, "Swim daily.")
    await clinic.app.store.letters.write(user_id=patient.id, kind="reset", now=utcnow() - timedelta(hours=1))
    clinic.set_clock("2027-03-02T09:00:30")
    await count_backlog(clinic.app)
    now = read(clinic)
    assert now["hospital_rt_reminders_due"] == 1 and now["hospital_rt_reminders_late"] == 0
    assert now["hospital_rt_reminders_oldest_due_seconds"] == 30
    assert now["hospital_rt_notes_waiting proposed"] == 1 and now["hospital_rt_notes_waiting queued"] == 1
    assert now["hospital_rt_notes_oldest_seconds proposed"] > 20 * 3600
    assert now["hospital_rt_letters_waiting"] == 1 and now["hospital_rt_letters_oldest_seconds"] >= 3600
    assert now["hospital_rt_backup_timestamp_seconds"] == 0

    clinic.set_clock("2027-03-02T09:05:00")
    await clinic.app.store.record_backup(at=utcnow())
    await clinic.app.store.count_backup()
    await clinic.app.store.record_backup(at=utcnow())
    await count_backlog(clinic.app)
    late = read(clinic)
    assert late["hospital_rt_reminders_late"] == 1 and late["hospital_rt_reminders_oldest_due_seconds"] == 300
    assert late["hospital_rt_backup_timestamp_seconds"] == pytest.approx(utcnow().timestamp(), abs=60)
    await clinic.tick()
    await clinic.read_notes()
    await count_backlog(clinic.app)
    done = read(clinic)
    assert done["hospital_rt_reminders_due"] == done["hospital_rt_notes_waiting queued"] == 0


def read(clinic: Clinic) -> dict[str, float]:
    _, text = figures(clinic.app.resources.metrics)
    return {
        " ".join([name, *labels.values()]): value
        for name, found in samples(text.decode()).items()
        for labels, value in found
    }


async def test_a_look_at_some_pages_of_the_audit_finds_what_was_done_to_them(clinic: Clinic) -> None:
    patient = await clinic.patient()
    audit = clinic.app.resources.database.collection("audit")
    for _ in range(3):
        await patient.get("/api/steps/")
        await bind_audit(clinic.app)
    for most in (1, 2, 50):
        assert await verify_sample(clinic.app, most) == 0
    await audit.update_one({"act": "steps.listed"}, {"$set": {"act": "notes.listed"}})
    assert await verify_sample(clinic.app, 50) >= 1
    await clinic.app.resources.database.collection("meta").delete_one({"_id": "audit"})
    assert await verify_sample(clinic.app, 1) == 1
