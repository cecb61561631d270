"""Carers, cover and administration under attack: guessed and replayed invitations, floods of mail, ids of others."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.support.driver import PASSWORD, Clinic
from tests.support.people import accept, admin_of, carer_of, cover_of, invite, token_of

pytestmark = pytest.mark.abuse
UNTIL = "2027-03-10T00:00:00Z"


@pytest.mark.settings(rate_limits="on")
async def test_guessing_invitations_is_stopped(clinic: Clinic) -> None:
    patient = await clinic.patient()
    sent = await invite(clinic, patient, "someone@clinic.example")
    statuses = [
        (await clinic.anyone.post("/api/carers/invitation/", {"token": f"{number:043d}"})).status
        for number in range(32)
    ]
    assert statuses[:30] == [400] * 30 and set(statuses[30:]) == {429}
    other = await clinic.patient()
    accepting = await other.post("/api/carers/accept/", {"token": await token_of(clinic, sent["id"])})
    assert accepting.status == 429, "the same limit, whichever door is tried"


@pytest.mark.settings(rate_limits="on")
async def test_invitations_to_one_address_are_limited(clinic: Clinic) -> None:
    first, second = await clinic.patient(), await clinic.patient()
    body = {"email": "victim@clinic.example", "may": "see"}
    by_first = [(await first.post("/api/me/carers/", body)).status for _ in range(4)]
    by_second = [(await second.post("/api/me/carers/", body)).status for _ in range(3)]
    assert by_first == [201] * 4 and by_second == [201, 429, 429], "five letters to one address in ten minutes"


@pytest.mark.parametrize("token", ["", "x", "é" * 40, "../..", "a" * 512, None, 7, {"$gt": ""}, ["x"], "\u0000"])
async def test_odd_tokens_are_refused(ward: Clinic, token: Any) -> None:
    other = await ward.patient()
    for answer in (
        await ward.anyone.post("/api/carers/invitation/", {"token": token}),
        await other.post("/api/carers/accept/", {"token": token}),
    ):
        assert answer.status in {400, 422}
    body = {"name": "X", "email": "x@clinic.example", "password": PASSWORD, "role": "carer", "invitation": token}
    assert (await ward.anyone.post("/api/signup/", body)).status == 422


async def test_of_many_who_present_one_invitation_at_once_one_becomes_the_carer(ward: Clinic) -> None:
    patient = await ward.patient()
    people = [await ward.patient() for _ in range(4)]
    token = await token_of(ward, (await invite(ward, patient, "shared@clinic.example"))["id"])
    answers = await asyncio.gather(*(one.post("/api/carers/accept/", {"token": token}) for one in people))
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
    (mine,) = (await patient.get("/api/me/carers/")).body["items"]
    assert mine["status"] == "active"
    seeing = [(await one.get(f"/api/steps/?patient_id={patient.id}")).status for one in people]
    assert sorted(seeing) == [200, 404, 404, 404]


async def test_an_invitation_to_a_strangers_address_tells_nothing_of_them(ward: Clinic) -> None:
    patient, stranger = await ward.patient(), await ward.patient(name="Known Already")
    known = await patient.post("/api/me/carers/", {"email": stranger.email, "may": "see"})
    unknown = await patient.post("/api/me/carers/", {"email": "unknown@clinic.example", "may": "see"})
    assert known.status == unknown.status == 201
    assert {**known.body, "id": 0, "email": 0} == {**unknown.body, "id": 0, "email": 0}
    assert "Known" not in str(known.body)


async def test_a_carer_cannot_widen_their_access(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await ward.plan_daily(doctor, patient, "Take amoxicillin")
    carer = await carer_of(ward, patient)
    (mine,) = (await patient.get("/api/me/carers/")).body["items"]
    for method, path, body in (
        ("PATCH", f"/api/me/carers/{mine['id']}/", {"alert_minutes": 30}),
        ("DELETE", f"/api/me/carers/{mine['id']}/", None),
        ("POST", "/api/me/carers/", {"email": carer.email, "may": "answer"}),
        ("POST", "/api/notes/", {"patient_id": patient.id, "text": "Rest."}),
        ("POST", f"/api/check-in/{step['id']}/", None),
        ("POST", f"/api/steps/{step['id']}/cancel/", None),
        ("GET", "/api/my-patients/", None),
        ("GET", "/api/admin/accounts/", None),
        ("GET", "/api/me/access-log/", None),
    ):
        assert (await carer.call(method, path, body)).status == 403, path
    widened = await carer.patch(f"/api/caring/{patient.id}/", {"alert_minutes": 30, "may": "answer"})
    assert widened.status == 422
    assert (await carer.post("/api/assign/", {"doctor_id": doctor.id})).status == 403


@pytest.mark.parametrize("minutes", [0, 4, 1441, -5, 1.5, "30", True])
async def test_alerts_have_bounds(ward: Clinic, minutes: Any) -> None:
    patient = await ward.patient()
    await carer_of(ward, patient)
    (mine,) = (await patient.get("/api/me/carers/")).body["items"]
    assert (await patient.patch(f"/api/me/carers/{mine['id']}/", {"alert_minutes": minutes})).status == 422


async def test_ids_of_others_lead_nowhere(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    other, stranger = await ward.patient(), await ward.doctor()
    await carer_of(ward, patient)
    cover = await cover_of(doctor, await ward.doctor(), until=UNTIL)
    (mine,) = (await patient.get("/api/me/carers/")).body["items"]
    for id in (mine["id"], cover["id"], str(uuid4()), "x", "%00"):
        assert (await other.delete(f"/api/me/carers/{id}/")).status == 404
        assert (await other.patch(f"/api/me/carers/{id}/", {"alert_minutes": 30})).status == 404
        assert (await stranger.delete(f"/api/me/cover/{id}/")).status == 404
    assert (await patient.delete(f"/api/me/carers/{cover['id']}/")).status == 404, "a cover is no carer"
    assert (await doctor.delete(f"/api/me/cover/{mine['id']}/")).status == 404
    assert len((await patient.get("/api/me/carers/")).body["items"]) == 1


@pytest.mark.parametrize(
    "until", ["", "tomorrow", "2027-03-05", "9999-99-99T00:00:00Z", 5, None, "2027-03-05T00:00:00"]
)
async def test_moments_that_are_none_are_refused(ward: Clinic, until: Any) -> None:
    doctor, colleague = await ward.doctor(), await ward.doctor()
    answer = await doctor.post("/api/me/cover/", {"doctor_id": colleague.id, "until": until})
    assert answer.status == 422 and answer.body["errors"][0]["pointer"] == "#/until"


async def test_people_who_left_open_no_invitation(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    sent = await invite(ward, patient, other.email)
    token = await token_of(ward, sent["id"])
    assert (await patient.delete("/api/me/", {"password": PASSWORD})).status == 204
    assert (await other.post("/api/carers/accept/", {"token": token})).slug == "invalid-token"
    assert (await ward.anyone.post("/api/carers/invitation/", {"token": token})).slug == "invalid-token"


async def test_an_administrator_cannot_become_a_carer_nor_be_signed_up(ward: Clinic) -> None:
    admin, patient = await admin_of(ward), await ward.patient()
    sent = await invite(ward, patient, admin.email)
    token = await token_of(ward, sent["id"])
    assert (await admin.post("/api/carers/accept/", {"token": token})).status == 403
    body = {"name": "X", "email": "x@clinic.example", "password": PASSWORD, "role": "admin"}
    assert (await ward.anyone.post("/api/signup/", body)).status == 422
    assert (await admin.get(f"/api/steps/?patient_id={patient.id}")).status == 403


async def test_an_administrator_without_a_second_factor_can_do_nothing(ward: Clinic) -> None:
    admin = await admin_of(ward)
    await ward.app.store.users.update(admin.id, {"second_factor": False})
    for path in ("/api/admin/overview/", "/api/admin/accounts/", "/api/admin/audit/"):
        assert (await admin.get(path)).slug == "second-factor-required"


async def test_patients_who_care_for_each_other_do_not_mix(ward: Clinic) -> None:
    (first, doctor), (second, _) = await ward.pair(), await ward.pair()
    await accept(ward, first, second, may="answer")
    await accept(ward, second, first, may="see")
    step = await ward.plan_daily(doctor, first, "Take amoxicillin")
    assert await second.steps() == [], "one's own list is one's own"
    assert [one["id"] for one in (await second.get(f"/api/steps/?patient_id={first.id}")).body["items"]] == [step["id"]]
    assert (await second.post(f"/api/steps/{step['id']}/cancel/")).status == 403
    assert (await first.post("/api/check-in/" + step["id"] + "/")).status == 200
    assert (await second.delete(f"/api/caring/{first.id}/")).status == 204
    assert (await second.get(f"/api/steps/{step['id']}/")).status == 404
    assert [one["patient"]["id"] for one in (await first.get("/api/caring/")).body["items"]] == [second.id]
