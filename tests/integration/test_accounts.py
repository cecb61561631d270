"""Accounts: signing up, confirming an address, a forgotten password, one's own account, leaving."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.account_words import OTHER, SIGN_UP, credentials_of, wrong
from tests.support.driver import PASSWORD, Caller, Clinic, Person, item, plan_item
from tests.support.mailbox import letters, link_token

# Signing up


async def test_signing_up_gives_an_account_with_defaults(ward: Clinic) -> None:
    user = await ward.sign_up("patient", name="  Ruth Keller ", email="Ruth.Keller@Clinic.Example")
    assert user == {
        "id": user["id"],
        "name": "Ruth Keller",
        "email": "ruth.keller@clinic.example",
        "role": "patient",
        "status": "active",
        "timezone": "UTC",
        "timezone_mode": "home",
        "reminder_time": "09:00",
        "day_times": {"noon": "12:30", "evening": "18:30", "bedtime": "22:00"},
        "repeat_minutes": None,
        "repeat_most": 3,
        "language": "en",
        "birth_date": None,
        "phone": None,
        "created_at": user["created_at"],
    }


async def test_signing_up_keeps_zone_and_language(ward: Clinic) -> None:
    user = await ward.sign_up("patient", timezone="America/Sao_Paulo", language="es")
    assert (user["timezone"], user["language"]) == ("America/Sao_Paulo", "es")


async def test_an_address_has_one_account_however_it_is_written(ward: Clinic) -> None:
    user = await ward.sign_up("patient", email="anna@bücher.example")
    for same in ("anna@bücher.example", " ANNA@BÜCHER.example", "anna@xn--bcher-kva.example"):
        answer = await ward.anyone.post("/api/signup/", {**SIGN_UP, "email": same})
        assert (answer.status, answer.slug) == (409, "email-taken"), same
    for same in ("Anna@Bücher.Example", "anna@xn--bcher-kva.example"):
        assert (await ward.sign_in({"email": same})).id == user["id"]


async def test_names_that_look_alike_are_alike(ward: Clinic) -> None:
    """Patients choose a doctor by the name that they see."""
    names = ["Zo\u00eb  Keller", "Zoe\u0308\u00a0Keller", " Zo\u00eb \u2003Keller "]
    assert {(await ward.sign_up("patient", name=name))["name"] for name in names} == {"Zo\u00eb Keller"}
    kept = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"  # a Persian name is written with a joiner
    assert (await ward.sign_up("patient", name=kept))["name"] == kept


async def test_look_alike_domains_are_other_people(ward: Clinic) -> None:
    """The letters of one must never go to the other: case folding would make one of the first two."""
    addresses = ["ada@stra\u00dfe.example", "ada@strasse.example", "ada@\u0435xample.example", "ada@example.example"]
    users = [await ward.sign_up("patient", email=email) for email in addresses]
    assert [user["email"].split("@")[1] for user in users] == [
        "xn--strae-oqa.example",
        "strasse.example",
        "xn--xample-2of.example",
        "example.example",
    ]
    for email, user in zip(addresses, users, strict=True):
        signed_in = await ward.anyone.post("/api/token/", {"email": email, "password": PASSWORD})
        assert signed_in.body["user"]["id"] == user["id"]


async def test_of_two_who_sign_up_with_one_address_at_once_one_gets_it(ward: Clinic) -> None:
    body = {**SIGN_UP, "email": "twice@clinic.example"}
    answers = await asyncio.gather(*(ward.anyone.post("/api/signup/", body) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": " \u200b "}, "#/name"),
        ({"name": "Ruth\nKeller"}, "#/name"),
        ({"name": "x" * 101}, "#/name"),
        ({"name": "Ruth \ud83d"}, "#/name"),
        ({"email": "ruth"}, "#/email"),
        ({"email": "ruth@localhost"}, "#/email"),
        ({"email": "ruth@clinic.example, eve@clinic.example"}, "#/email"),
        ({"email": f"{'r' * 250}@clinic.example"}, "#/email"),
        ({"password": "x7-short-on"}, "#/password"),
        ({"password": "x7-long." * 16 + "!"}, "#/password"),
        ({"password": "password1234"}, "#/password"),
        ({"name": "Ruth Marie Keller", "password": "ruth marie keller"}, "#/password"),
        ({"email": "brisk-otter-7@clinic.example", "password": "brisk-otter-7@clinic.example"}, "#/password"),
        ({"password": "abababababab"}, "#/password"),
        ({"role": "admin"}, "#/role"),
        ({"timezone": "Mars/Olympus"}, "#/timezone"),
        ({"timezone": "localtime"}, "#/timezone"),
        ({"language": "english!"}, "#/language"),
        ({"status": "active"}, "#/status"),
        ({"name": 7}, "#/name"),
    ],
)
async def test_signing_up_says_what_is_wrong(ward: Clinic, changes: dict[str, Any], pointer: str) -> None:
    answer = await ward.anyone.post("/api/signup/", {**SIGN_UP, "email": "wrong@clinic.example", **changes})
    assert wrong(answer) == [pointer]


async def test_signing_up_names_everything_that_is_missing(ward: Clinic) -> None:
    assert wrong(await ward.anyone.post("/api/signup/", {})) == ["#/name", "#/email", "#/password", "#/role"]


@pytest.mark.parametrize(
    "password", ["twelve chars", "x" + "yz" * 63 + "!", "пароль-ёлка1", "\U0001f422" * 5 + "turtles"]
)
async def test_a_password_may_be_anything_that_is_long_enough(ward: Clinic, password: str) -> None:
    await ward.sign_in(await ward.sign_up("patient", password=password), password)


@pytest.mark.settings(doctor_signup="approval")
async def test_a_new_doctor_waits_for_approval(clinic: Clinic) -> None:
    doctor, patient = await clinic.doctor(), await clinic.patient()
    assert doctor.user["status"] == "pending"
    assert (await doctor.get("/api/me/")).body["status"] == "pending"
    for path in ("/api/my-patients/", "/api/notes/", "/api/steps/"):
        assert (await doctor.get(path)).slug == "doctor-pending", path
    assert (await doctor.post("/api/notes/", {"patient_id": patient.id, "text": "Walk."})).slug == "doctor-pending"
    assert (await patient.get("/api/doctors/")).body["items"] == []
    assert (await patient.post("/api/assign/", {"doctor_id": doctor.id})).slug == "not-found"
    assert (await doctor.patch("/api/me/", {"name": "Dr Amara Osei"})).status == 200


# One's own account


async def test_one_changes_ones_settings(ward: Clinic) -> None:
    patient = await ward.patient()
    changes = {"name": "Zoë Ávila", "timezone": "Europe/Madrid", "reminder_time": "07:30", "language": "es"}
    for name, value in changes.items():
        answer = await patient.patch("/api/me/", {name: value})
        assert answer.status == 200 and answer.body[name] == value
    assert (await patient.get("/api/me/")).body == {**patient.user, **changes}
    assert (await patient.patch("/api/me/", {})).body == {**patient.user, **changes}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": None}, "#/name"),
        ({"timezone": "Berlin"}, "#/timezone"),
        ({"timezone": None}, "#/timezone"),
        ({"reminder_time": "9:00"}, "#/reminder_time"),
        ({"reminder_time": "24:00"}, "#/reminder_time"),
        ({"language": ""}, "#/language"),
        ({"email": "new@clinic.example"}, "#/email"),
        ({"role": "doctor"}, "#/role"),
    ],
)
async def test_settings_say_what_is_wrong(ward: Clinic, changes: dict[str, Any], pointer: str) -> None:
    patient = await ward.patient()
    assert wrong(await patient.patch("/api/me/", changes)) == [pointer]
    assert (await patient.get("/api/me/")).body == patient.user


async def test_a_new_password_signs_the_other_devices_out(ward: Clinic) -> None:
    patient = await ward.patient()
    tablet = await ward.sign_in(patient.user)
    change = "/api/me/password/"
    assert (await patient.post(change, {"current": OTHER, "password": OTHER})).slug == "wrong-password"
    assert wrong(await patient.post(change, {"current": PASSWORD, "password": "password1234"})) == ["#/password"]
    assert (await tablet.get("/api/me/")).status == 200
    assert (await patient.post(change, {"current": PASSWORD, "password": OTHER})).status == 204
    assert (await patient.get("/api/me/")).status == 200
    assert (await tablet.get("/api/me/")).status == 401
    assert (await ward.anyone.post("/api/token/refresh/", {"refresh": tablet.refresh})).status == 401
    assert (await ward.anyone.post("/api/token/refresh/", {"refresh": patient.refresh})).status == 200
    await ward.sign_in(patient.user, OTHER)


async def test_a_new_password_makes_mailed_links_useless(ward: Clinic) -> None:
    patient = await ward.patient()
    await ward.anyone.post("/api/forgot-password/", {"email": patient.email})
    token = await link_token(ward, patient.email)
    await patient.post("/api/me/password/", {"current": PASSWORD, "password": OTHER})
    answer = await ward.anyone.post("/api/reset-password/", {"token": token, "password": PASSWORD})
    assert answer.slug == "invalid-token"


# Leaving


async def test_a_patient_who_leaves_is_gone(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    assert (await patient.delete("/api/me/", {"password": OTHER})).slug == "wrong-password"
    assert (await patient.get("/api/me/")).status == 200
    assert (await patient.delete("/api/me/", {"password": PASSWORD})).status == 204
    assert (await patient.get("/api/me/")).status == 401
    assert (await ward.anyone.post("/api/token/", credentials_of(patient.user))).slug == "wrong-credentials"
    assert (await doctor.get("/api/my-patients/")).body["items"] == []
    assert (await doctor.get(f"/api/notes/{note['id']}/")).status == 404
    again = await ward.sign_in(await ward.sign_up("patient", email=patient.email))
    assert again.id != patient.id and await again.steps("?status=all") == []


async def test_a_doctor_who_leaves_leaves_the_plan_behind(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")])
    async with patient.live() as page:
        assert (await doctor.delete("/api/me/", {"password": PASSWORD})).status == 204
        told = await page.next("assignment.changed")
    assert told["data"] == {"patient": {"id": patient.id, "name": patient.user["name"]}, "doctor": None}
    assert (await patient.get("/api/assign/")).slug == "not-assigned"
    assert (await patient.step("Walk"))["status"] == "active"
    kept = (await patient.get(f"/api/notes/{note['id']}/")).body
    assert kept["doctor"] == {"id": doctor.id, "name": None} and kept["text"] == "Walk 20 minutes daily."
    names = [one["name"] for one in (await patient.get("/api/doctors/?limit=200")).body["items"]]
    assert doctor.user["name"] not in names


@pytest.mark.settings(erasure="request")
async def test_where_records_must_be_kept_leaving_closes_the_account(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    tablet = await clinic.sign_in(patient.user)
    await clinic.anyone.post("/api/forgot-password/", {"email": patient.email})
    token = await link_token(clinic, patient.email)
    assert (await patient.delete("/api/me/", {"password": PASSWORD})).status == 204
    await _shut_out(clinic, patient, tablet)
    assert (await clinic.anyone.post("/api/reset-password/", {"token": token, "password": OTHER})).status == 400
    assert (await clinic.anyone.post("/api/forgot-password/", {"email": patient.email})).status == 202
    assert len(await letters(clinic, patient.email)) == 1
    # The record is kept, and with it the address.
    held = await clinic.app.store.users.get(patient.id)
    assert held and held.status == "deactivated" and held.name == patient.user["name"]
    taken = await clinic.anyone.post("/api/signup/", {**SIGN_UP, "email": patient.email})
    assert taken.slug == "email-taken"


async def _shut_out(clinic: Clinic, *devices: Person) -> None:
    """A deactivated account is 401 everywhere."""
    for device in devices:
        assert (await device.get("/api/me/")).status == 401
        assert (await device.get("/api/steps/")).status == 401
        assert (await clinic.anyone.post("/api/token/refresh/", {"refresh": device.refresh})).status == 401
    answer = await Caller(clinic.base).post("/api/token/", credentials_of(devices[0].user))
    assert (answer.status, answer.slug) == (401, "wrong-credentials")
