"""No question to MongoDB reads a whole collection: what the server itself wrote down of everything that was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hospital_rt.storage.database import Database
from models.audit import AuditActor
from models.services.accounts import close_account
from tasks.accounts import delete_expired_sign_ups
from tasks.audit import bind_audit
from tasks.mail import sweep_letters
from tasks.mail_reminders import sweep_mail_reminders
from tasks.push import sweep_push
from tests.support.driver import Clinic, Person, item, plan_item

# Small by nature, read whole: a handful of documents, whatever the number of users.
SMALL = {"meta", "system.profile"}


@pytest.fixture
async def watched(clinic: Clinic) -> AsyncIterator[Clinic]:
    database: Database = clinic.app.resources.database
    await database.command("create", "system.profile", capped=True, size=64 * 1024 * 1024)
    await database.command("profile", 2)
    yield clinic
    await database.command("profile", 0)


async def whole_scans(database: Database) -> list[str]:
    """Every query that went through a collection from end to end, as the server's profiler has it."""
    found = []
    async for row in database.collection("system.profile").find({"planSummary": {"$regex": "COLLSCAN"}}):
        name = row["ns"].partition(".")[2]
        if name not in SMALL:
            command: dict[str, Any] = row.get("command", {})
            found.append(f"{name}: {command.get('filter') or command.get('q') or command.get('pipeline') or command}")
    return found


async def everybody_asks(clinic: Clinic) -> None:
    """A day at the clinic: each thing that people and the night shift do."""
    patient, doctor = await clinic.pair()
    other = await clinic.doctor()
    await patient.call("PUT", "/api/me/email-reminders/")
    await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")], plan=[plan_item("Walk", "Walk daily")])
    await clinic.tick("2027-03-02T09:00")
    for step in await patient.steps():
        await patient.post(f"/api/check-in/{step['id']}/", None, headers={"Idempotency-Key": f"key-{step['id']}"})
        await patient.delete(f"/api/check-in/{step['id']}/")
    await _read_everything(patient)
    await _read_everything(doctor, of=patient)
    async with patient.live() as page:
        await page.send({"type": "ack", "seq": 1})
    note = await clinic.note(doctor, patient, plan=[plan_item("Rest", "Rest daily")])
    await patient.patch("/api/me/", {"timezone": "Asia/Tokyo"})
    await doctor.post(f"/api/notes/{note['id']}/withdraw/")
    await patient.post("/api/me/push/", {"endpoint": "https://push.example/x", "keys": {"p256dh": "x", "auth": "y"}})
    await clinic.assign(patient, other, share_history=True)
    await clinic.anyone.post("/api/forgot-password/", {"email": patient.user["email"]})
    clinic.set_clock("2027-03-03T09:30")
    assert await sweep_mail_reminders(clinic.app) == 0
    await sweep_letters(clinic.app)
    await sweep_push(clinic.app)
    await bind_audit(clinic.app)
    await delete_expired_sign_ups(clinic.app)
    await clinic.tick("2027-03-09T09:00")
    user = await clinic.app.store.users.get(patient.id)
    assert user
    await close_account(clinic.app.store, user, now=clinic.now, erase=True, actor=AuditActor(role="patient"))


async def _read_everything(reader: Person, *, of: Person | None = None) -> None:
    paths = [
        "/api/me/",
        "/api/me/sessions/",
        "/api/doctors/?q=doc",
        "/api/notes/",
        "/api/events/",
        "/api/steps/",
        "/api/steps/?status=all",
        "/api/steps/?status=completed",
    ]
    if of is None:
        paths += ["/api/assign/", "/api/adherence/", "/api/me/access-log/", "/api/me/push/", "/api/me/email-reminders/"]
    else:
        paths += [
            "/api/my-patients/",
            "/api/my-patients/?sort=name",
            f"/api/adherence/?patient_id={of.id}",
            f"/api/steps/?patient_id={of.id}",
            f"/api/notes/?patient_id={of.id}",
            "/api/notes/?status=waiting&q=a",
        ]
    for kind in ("Patient", "Practitioner", "CarePlan", "Task", "Communication"):
        found = (await reader.get(f"/fhir/{kind}")).body.get("entry", [])
        paths += [f"/fhir/{kind}?_id=x&_count=1", *(f"/fhir/{kind}/{one['resource']['id']}" for one in found)]
    for path in paths:
        answer = await reader.get(path)
        assert answer.status == 200, (path, answer.body)


@pytest.mark.long
async def test_every_question_goes_by_an_index(watched: Clinic) -> None:
    await everybody_asks(watched)
    asked = await watched.app.resources.database.collection("system.profile").count_documents({})
    assert asked > 300, "the profiler saw next to nothing"
    assert await whole_scans(watched.app.resources.database) == []


@pytest.mark.long
async def test_a_missing_index_is_noticed(watched: Clinic) -> None:
    database = watched.app.resources.database
    await database.collection("assignments").drop_indexes()
    await everybody_asks(watched)
    assert any(one.startswith("assignments") for one in await whole_scans(database))
