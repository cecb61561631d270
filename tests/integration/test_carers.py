"""Carers: invited by mail, accepted once, with just the access that the patient gave, and gone at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tasks.carer_alerts import sweep_carer_alerts
from tasks.mail import sweep_letters
from tests.support.driver import PASSWORD, Caller, Clinic, Person, item, plan_item
from tests.support.people import accept, carer_of, invite, token_of

LATER = "2027-03-05T12:00:00Z"


async def test_a_carer_signs_up_with_the_mailed_invitation(ward: Clinic) -> None:
    patient = await ward.patient(name="Ruth Keller")
    answer = await patient.post("/api/me/carers/", {"email": "Ana@Clinic.example", "may": "see"})
    assert answer.status == 201 and answer.body["status"] == "pending" and answer.body["carer"] is None
    assert answer.body["email"] == "ana@clinic.example" and answer.body["notes"] is False
    token = await token_of(ward, answer.body["id"])
    shown = await ward.anyone.post("/api/carers/invitation/", {"token": token})
    assert shown.status == 200 and shown.body["patient"] == "Ruth Keller"
    assert shown.body["email"] == "ana@clinic.example"
    carer = await ward.sign_in(await ward.sign_up("carer", email="ana@clinic.example", name="Ana", invitation=token))
    assert carer.user["role"] == "carer"
    caring = (await carer.get("/api/caring/")).body["items"]
    assert [(one["patient"], one["may"], one["notes"], one["until"]) for one in caring] == [
        ({"id": patient.id, "name": "Ruth Keller"}, "see", False, None)
    ]
    (mine,) = (await patient.get("/api/me/carers/")).body["items"]
    assert (mine["status"], mine["carer"]["name"], mine["email"]) == ("active", "Ana", None)
    again = await ward.anyone.post("/api/carers/invitation/", {"token": token})
    assert again.slug == "invalid-token", "an invitation works once"


async def test_the_letter_has_no_names_and_its_link_is_the_token(ward: Clinic) -> None:
    patient = await ward.patient(name="Ruth Keller")
    sent = await invite(ward, patient, "neighbour@clinic.example")
    await sweep_letters(ward.app)
    letters = [path.read_text() for path in (ward.app.settings.data_dir / "mail").glob("*") if path.is_file()]
    found = [letter for letter in letters if "neighbour@clinic.example" in letter]
    assert len(found) == 1 and "Ruth" not in found[0] and "Keller" not in found[0]
    assert (await token_of(ward, sent["id"]))[:20] in found[0].replace("=\n", "").replace("=3D", "=")


@pytest.mark.parametrize("role", ["patient", "doctor"])
async def test_anybody_signed_in_can_be_a_carer_too(ward: Clinic, role: str) -> None:
    patient = await ward.patient()
    carer = await (ward.patient() if role == "patient" else ward.doctor())
    await accept(ward, patient, carer)
    assert [one["patient"]["id"] for one in (await carer.get("/api/caring/")).body["items"]] == [patient.id]
    assert (await carer.get(f"/api/steps/?patient_id={patient.id}")).status == 200
    assert (await patient.get(f"/api/steps/?patient_id={carer.id}")).status == 404, "nothing goes the other way"


async def test_who_invites_cannot_accept(ward: Clinic) -> None:
    patient = await ward.patient()
    sent = await invite(ward, patient, patient.email)
    answer = await patient.post("/api/carers/accept/", {"token": await token_of(ward, sent["id"])})
    assert answer.slug == "conflict"
    assert (await patient.get("/api/caring/")).body["items"] == []


async def test_sign_up_as_a_carer_needs_a_valid_invitation_and_its_address(ward: Clinic) -> None:
    patient = await ward.patient()
    sent = await invite(ward, patient, "right@clinic.example")
    token = await token_of(ward, sent["id"])

    async def try_it(**more: Any) -> tuple[int, str | None]:
        body = {"name": "X", "email": "right@clinic.example", "password": PASSWORD, "role": "carer", **more}
        answer = await ward.anyone.post("/api/signup/", body)
        return answer.status, answer.body["errors"][0]["pointer"] if answer.status == 422 else None

    assert await try_it() == (422, "#/invitation")
    assert await try_it(invitation="x" * 43) == (422, "#/invitation")
    assert await try_it(invitation=token, email="other@clinic.example") == (422, "#/email")
    assert await try_it(invitation=token, role="patient") == (422, "#/invitation")
    assert await try_it(role="admin") == (422, "#/role")
    assert (await patient.delete(f"/api/me/carers/{sent['id']}/")).status == 204
    assert await try_it(invitation=token) == (422, "#/invitation"), "the invitation was withdrawn"


async def test_a_patient_has_few_carers_and_times_that_fit(ward: Clinic) -> None:
    patient = await ward.patient()
    past = await patient.post(
        "/api/me/carers/", {"email": "a@b.example", "may": "see", "until": "2027-02-01T00:00:00Z"}
    )
    assert past.status == 422 and past.body["errors"][0]["pointer"] == "#/until"
    for number in range(10):
        await invite(ward, patient, f"many{number}@clinic.example")
    assert (await patient.post("/api/me/carers/", {"email": "a@b.example", "may": "see"})).slug == "conflict"


async def test_what_a_carer_sees_is_what_the_patient_gave(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(
        doctor,
        patient,
        checklist=[item("Book a chest X-ray")],
        plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")],
    )
    carer, reader = await carer_of(ward, patient), await carer_of(ward, patient, notes=True)
    steps = (await carer.get(f"/api/steps/?patient_id={patient.id}")).body["items"]
    assert [step["title"] for step in steps] == ["Book a chest X-ray", "Walk 20 minutes"]
    assert [step["quote"] for step in steps] == [None, None]
    assert (await carer.get(f"/api/steps/{steps[0]['id']}/")).body["quote"] is None
    assert (await carer.get(f"/api/adherence/?patient_id={patient.id}")).status == 200
    assert (await carer.get(f"/api/notes/{note['id']}/")).status == 404
    assert (await carer.get(f"/api/notes/?patient_id={patient.id}")).status == 404
    assert (await carer.get(f"/fhir/CarePlan/{note['id']}")).status == 404
    assert (await carer.get(f"/fhir/Task?patient={patient.id}")).body["total"] == 2
    assert (await reader.get(f"/api/notes/{note['id']}/")).body["text"].startswith("Book")
    assert [one["id"] for one in (await reader.get(f"/api/notes/?patient_id={patient.id}")).body["items"]] == [
        note["id"]
    ]
    (first, _) = (await reader.get(f"/api/steps/?patient_id={patient.id}")).body["items"]
    assert first["quote"] == "Book a chest X-ray"
    stranger = await ward.patient()
    assert (await carer.get(f"/api/steps/?patient_id={stranger.id}")).status == 404
    log = (await patient.get("/api/me/access-log/?limit=200")).body["items"]
    assert {"carer.invited", "carer.accepted"} <= {one["act"] for one in log}
    assert any(one["act"] == "steps.listed" and one["by"] and one["by"]["id"] == carer.id for one in log)
    assert any(one["act"] == "note.read" and one["by"] and one["by"]["id"] == reader.id for one in log)


async def test_an_answer_by_a_carer_names_them_everywhere(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await ward.plan_daily(doctor, patient, "Take amoxicillin")
    carer, watcher = await carer_of(ward, patient, may="answer"), await carer_of(ward, patient, may="see")
    assert (await watcher.post(f"/api/check-in/{step['id']}/")).slug == "forbidden"
    assert (await doctor.post(f"/api/check-in/{step['id']}/")).slug == "forbidden"
    before = (await patient.get("/api/events/")).body
    await ward.tick("2027-03-02T09:00")
    async with patient.live() as channel, watcher.live() as other:
        answer = await carer.post(f"/api/check-in/{step['id']}/", {"reason": "with breakfast"})
        assert answer.status == 200 and answer.body["progress"]["done"] == 1 and answer.body["quote"] is None
        who = {"id": carer.id, "name": carer.user["name"]}
        for one in (channel, other):
            event = await one.next("step.checked_in")
            assert event["data"]["by"] == who
    history = (await patient.get(f"/api/steps/{step['id']}/")).body["check_ins"]
    assert [(one["by"], one["reason"]) for one in history] == [(who, "with breakfast")]
    assert before["seq"] < (await patient.get("/api/events/")).body["seq"]
    log = (await patient.get("/api/me/access-log/")).body["items"]
    assert any(one["act"] == "step.checked_in" and one["by"] == who and one["role"] == "carer" for one in log)
    async with carer.live() as channel:
        undone = await carer.delete(f"/api/check-in/{step['id']}/")
        assert undone.status == 200 and undone.body["progress"]["done"] == 0
        reply = await channel.ask({"type": "check_in", "id": "1", "step_id": step["id"]})
        assert reply["ok"] and reply["data"]["quote"] is None
    async with watcher.live() as channel:
        reply = await channel.ask({"type": "check_in", "id": "1", "step_id": step["id"]})
        assert reply["error"]["status"] == 403
    own = await patient.post(f"/api/check-in/{step['id']}/")
    assert own.status == 200


async def test_a_carer_hears_of_reminders_until_their_access_ends(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    carer = await carer_of(ward, patient)
    async with carer.live() as channel:
        step = await ward.plan_daily(doctor, patient, "Take amoxicillin")
        changed = await channel.next("steps.changed")
        assert [one["id"] for one in changed["data"]["created"]] == [step["id"]]
        assert changed["data"]["created"][0]["quote"] is None
        await ward.tick("2027-03-02T09:00")
        due = await channel.next("reminder.due")
        assert due["data"]["step"]["id"] == step["id"] and due["data"]["step"]["quote"] is None
        (mine,) = (await patient.get("/api/me/carers/")).body["items"]
        assert (await patient.delete(f"/api/me/carers/{mine['id']}/")).status == 204
        ended = await channel.next("carers.changed")
        assert ended["data"]["state"] == "ended"
        await ward.tick("2027-03-03T09:00")
    events = (await carer.get("/api/events/")).body["items"]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert {one["event"] for one in events} == {"withdrawn", "carers.changed"}
    assert (await carer.get(f"/api/steps/?patient_id={patient.id}")).status == 404
    assert (await carer.get(f"/api/steps/{step['id']}/")).status == 404
    assert (await carer.post(f"/api/check-in/{step['id']}/")).status == 404
    assert (await carer.get("/api/caring/")).body["items"] == []


async def test_access_ends_by_itself_when_its_time_is_over(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    carer = await carer_of(ward, patient, may="answer", until=LATER)
    step = await ward.plan_daily(doctor, patient, "Take amoxicillin")
    await ward.tick("2027-03-02T09:00")
    assert "reminder.due" in {one["event"] for one in (await carer.get("/api/events/")).body["items"]}
    ward.set_clock("2027-03-05T12:00")
    assert {one["event"] for one in (await carer.get("/api/events/")).body["items"]} <= {"withdrawn", "carers.changed"}
    assert (await carer.get(f"/api/steps/?patient_id={patient.id}")).status == 404
    assert (await carer.post(f"/api/check-in/{step['id']}/")).status == 404
    assert (await carer.get("/api/caring/")).body["items"] == []
    assert (await patient.get("/api/me/carers/")).body["items"] == []


@pytest.mark.parametrize("leaves", ["patient", "carer"])
async def test_erasure_of_either_ends_it_at_once(ward: Clinic, leaves: str) -> None:
    patient, doctor = await ward.pair()
    carer = await carer_of(ward, patient, may="answer")
    step = await ward.plan_daily(doctor, patient, "Take amoxicillin")
    left, stays = (patient, carer) if leaves == "patient" else (carer, patient)
    assert (await left.delete("/api/me/", {"password": PASSWORD})).status == 204
    if leaves == "patient":
        assert (await stays.get("/api/caring/")).body["items"] == []
        assert (await stays.get(f"/api/steps/{step['id']}/")).status == 404
        events = (await stays.get("/api/events/")).body["items"]
        assert {one["event"] for one in events} <= {"withdrawn", "carers.changed"}
        assert patient.user["name"] not in str(events)
    else:
        assert (await stays.get("/api/me/carers/")).body["items"] == []
        await ward.tick("2027-03-02T09:00")
        assert (await stays.step("Take"))["open_slot"] == "2027-03-02T09:00:00Z"


async def test_care_and_its_lack_are_not_passed_on(ward: Clinic) -> None:
    first, second, third = await ward.patient(), await ward.patient(), await ward.patient()
    await accept(ward, first, second)
    await accept(ward, second, third)
    await accept(ward, second, first)
    assert (await second.get(f"/api/steps/?patient_id={first.id}")).status == 200
    assert (await first.get(f"/api/steps/?patient_id={second.id}")).status == 200
    assert (await third.get(f"/api/steps/?patient_id={first.id}")).status == 404


async def test_a_second_invitation_of_the_same_two_replaces_the_first(ward: Clinic) -> None:
    patient = await ward.patient()
    carer = await carer_of(ward, patient, may="answer", notes=True)
    await accept(ward, patient, carer, may="see")
    (mine,) = (await patient.get("/api/me/carers/")).body["items"]
    assert (mine["may"], mine["notes"]) == ("see", False)
    assert len((await carer.get("/api/caring/")).body["items"]) == 1


async def letters_to(clinic: Clinic, person: Caller) -> list[dict[str, Any]]:
    assert isinstance(person, Person)
    found = clinic.app.resources.database.collection("letters").find({"user_id": person.id, "kind": "carer-alert"})
    rows: list[dict[str, Any]] = await found.to_list(None)
    return rows


async def test_a_carer_gets_one_letter_for_a_slot_that_stays_open(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    carer = await carer_of(clinic, patient, alert_minutes=30)
    step = await clinic.plan_daily(doctor, patient, "Take amoxicillin")
    await clinic.tick("2027-03-02T09:00")
    clinic.set_clock("2027-03-02T09:29")
    assert await sweep_carer_alerts(clinic.app) == 0
    clinic.set_clock("2027-03-02T09:30")
    assert sorted(await asyncio.gather(*(sweep_carer_alerts(clinic.app) for _ in range(4)))) == [0, 0, 0, 1]
    assert await sweep_carer_alerts(clinic.app) == 0
    await sweep_letters(clinic.app)
    (letter,) = await letters_to(clinic, carer)
    assert letter["outcome"] == "sent"
    (text,) = [
        path.read_text()
        for path in (clinic.app.settings.data_dir / "mail").glob("*")
        if "waited for an answer" in path.read_text()
    ]
    assert "amoxicillin" not in text and patient.user["name"] not in text
    changed = await carer.patch(f"/api/caring/{patient.id}/", {"alert_minutes": None})
    assert changed.status == 200 and changed.body["alert_minutes"] is None
    await clinic.tick("2027-03-03T09:00")
    clinic.set_clock("2027-03-03T10:00")
    assert await sweep_carer_alerts(clinic.app) == 0
    (mine,) = (await patient.get("/api/me/carers/")).body["items"]
    assert (await patient.patch(f"/api/me/carers/{mine['id']}/", {"alert_minutes": 60})).body["alert_minutes"] == 60
    assert await sweep_carer_alerts(clinic.app) == 1
    assert (await patient.post(f"/api/check-in/{step['id']}/")).status == 200
    await sweep_letters(clinic.app)
    assert sorted(one["outcome"] for one in await letters_to(clinic, carer)) == ["given-up", "sent"]
