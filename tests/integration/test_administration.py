"""Administration: accounts, the overview and the audit, for administrators alone, and nothing clinical."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tasks.mail import sweep_letters
from tests.support.driver import Clinic, Person, item
from tests.support.people import admin_of


@pytest.mark.settings(doctor_signup="approval")
async def test_doctors_who_wait_are_approved_or_refused_with_a_letter(clinic: Clinic) -> None:
    admin = await admin_of(clinic)
    first, second = await clinic.sign_up("doctor", name="Dr One"), await clinic.sign_up("doctor", name="Dr Two")
    waiting = (await admin.get("/api/admin/accounts/?status=pending")).body["items"]
    assert {(one["name"], one["email"]) for one in waiting} == {("Dr One", first["email"]), ("Dr Two", second["email"])}
    assert (await admin.get("/api/admin/overview/")).body["waiting"]["doctors"] == 2
    yes = await admin.post(f"/api/admin/accounts/{first['id']}/approve/")
    assert yes.status == 200 and yes.body["status"] == "active"
    assert (await admin.post(f"/api/admin/accounts/{first['id']}/approve/")).status == 200
    no = await admin.post(f"/api/admin/accounts/{second['id']}/refuse/")
    assert no.status == 200 and no.body["status"] == "deactivated"
    assert (await admin.post(f"/api/admin/accounts/{second['id']}/refuse/")).slug == "conflict"
    assert (await admin.post(f"/api/admin/accounts/{second['id']}/approve/")).slug == "conflict"
    await sweep_letters(clinic.app)
    letters = [path.read_text() for path in (clinic.app.settings.data_dir / "mail").glob("*")]
    assert [sum(user["email"] in letter for letter in letters) for user in (first, second)] == [1, 1]
    doctor = await clinic.sign_in(first)
    assert (await doctor.get("/api/my-patients/")).status == 200


async def test_a_doctor_who_is_approved_and_refused_at_once_is_one_of_the_two(ward: Clinic) -> None:
    admin, doctor = await admin_of(ward), await ward.doctor()
    await ward.app.store.users.update(doctor.id, {"status": "pending"})
    path = f"/api/admin/accounts/{doctor.id}"
    answers = await asyncio.gather(*(admin.post(f"{path}/{act}/") for act in ("refuse", "approve") for _ in range(3)))
    done = [one.body["status"] for one in answers if one.status == 200]
    (now,) = (await admin.get(f"/api/admin/accounts/?q={doctor.email}")).body["items"]
    assert done and set(done) == {now["status"]}, "nobody is told of what is not so"
    letters = await ward.app.resources.database.collection("letters").find({"user_id": doctor.id}).to_list(None)
    assert [one["kind"] for one in letters] == ["doctor-approved" if now["status"] == "active" else "doctor-refused"], (
        "and gets one letter"
    )


async def test_accounts_are_found_by_name_and_by_address(ward: Clinic) -> None:
    admin, patient = await admin_of(ward), await ward.patient(name="Zoë van der Quartz")
    await ward.doctor()

    async def found(q: str) -> list[str]:
        answer = await admin.get(f"/api/admin/accounts/?q={q}")
        assert answer.status == 200
        return [one["id"] for one in answer.body["items"]]

    assert await found("zoe") == await found("QUARTZ") == await found(patient.email) == [patient.id]
    assert await found("oart") == []
    page: dict[str, Any] = (await admin.get("/api/admin/accounts/?limit=1")).body
    following = (await admin.get(f"/api/admin/accounts/?limit=1&cursor={page['next']}")).body
    assert page["items"][0]["id"] != following["items"][0]["id"]


async def test_an_account_is_closed_at_once_and_never_ones_own(ward: Clinic) -> None:
    admin, patient = await admin_of(ward), await ward.patient()
    async with patient.live() as channel:
        answer = await admin.post(f"/api/admin/accounts/{patient.id}/deactivate/")
        assert answer.status == 200 and answer.body["status"] == "deactivated"
        assert await channel.closed() == 4401
    assert (await patient.get("/api/me/")).status == 401
    assert (await admin.post(f"/api/admin/accounts/{admin.id}/deactivate/")).slug == "conflict"


async def test_a_reset_link_goes_by_mail_alone(ward: Clinic) -> None:
    admin, doctor = await admin_of(ward), await ward.doctor()
    answer = await admin.post(f"/api/admin/accounts/{doctor.id}/reset-link/")
    assert answer.status == 202 and "token" not in str(answer.body) and "http" not in str(answer.body)
    found = await ward.app.resources.database.collection("letters").find_one({"user_id": doctor.id})
    assert found is not None and found["kind"] == "reset-by-hospital"


async def test_an_administrator_reads_nothing_clinical(ward: Clinic) -> None:
    admin = await admin_of(ward)
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, checklist=[item("Book a canary X-ray")])
    for path in (
        "/api/steps/",
        f"/api/steps/?patient_id={patient.id}",
        f"/api/notes/{note['id']}/",
        f"/api/steps/{note['steps'][0]['id']}/",
        f"/api/adherence/?patient_id={patient.id}",
        f"/fhir/Patient/{patient.id}",
        "/api/caring/",
    ):
        assert (await admin.get(path)).status == 403, path
    for path in ("/api/admin/overview/", f"/api/admin/audit/?of={patient.id}", "/api/admin/accounts/", "/api/events/"):
        answer = await admin.get(path)
        assert answer.status == 200 and b"canary" not in answer.raw, path
    async with admin.live() as channel:
        reply = await channel.ask({"type": "check_in", "id": "1", "step_id": note["steps"][0]["id"]})
        assert reply["error"]["status"] == 403


async def test_the_audit_is_read_by_person_and_time_and_the_reading_is_in_it(ward: Clinic) -> None:
    admin = await admin_of(ward)
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    entries = (await admin.get(f"/api/admin/audit/?of={doctor.id}&limit=200")).body["items"]
    written = next(one for one in entries if one["act"] == "note.written")
    assert written["by"]["id"] == doctor.id and [one["id"] for one in written["of"]] == [patient.id]
    again = (await admin.get(f"/api/admin/audit/?of={doctor.id}")).body["items"]
    assert again[0]["act"] == "audit.read" and again[0]["by"]["id"] == admin.id
    assert (await admin.get("/api/admin/audit/?from=2126-01-01T00:00:00Z")).body["items"] == []
    assert (await admin.get("/api/admin/audit/?from=never")).status == 422
    log = (await patient.get("/api/me/access-log/?limit=200")).body["items"]
    assert {one["act"] for one in log if one["role"] == "admin"} == set()
    await admin.get(f"/api/admin/audit/?of={patient.id}")
    log = (await patient.get("/api/me/access-log/?limit=200")).body["items"]
    assert [one["act"] for one in log if one["by"] and one["by"]["id"] == admin.id] == ["audit.read"]


async def test_the_overview_counts_what_waits_and_shows_the_nodes(ward: Clinic) -> None:
    admin = await admin_of(ward)
    patient, doctor = await ward.pair()
    await ward.submit(doctor, patient, "Rest well.")
    seen = (await admin.get("/api/admin/overview/")).body
    assert seen["waiting"]["notes"]["queued"]["count"] >= 1
    assert seen["schema_version"] == seen["schema_known"]
    assert set(seen["late"]["reminders"]) == {"due", "late", "oldest_seconds"}
    assert isinstance(admin, Person)
