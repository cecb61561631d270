"""Accounts by mail: address confirmation, forgotten passwords, and sign-ups without confirmation."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import time_machine

from hospital_rt.domain.clock import utcnow
from tasks.accounts import delete_expired_sign_ups
from tests.support.account_words import OTHER, SIGN_UP, credentials_of, wrong
from tests.support.driver import PASSWORD, Clinic
from tests.support.mailbox import letters, link_token, text


@pytest.mark.settings(email_verification="on")
async def test_an_account_works_once_its_address_is_confirmed(clinic: Clinic) -> None:
    signed_up = await clinic.anyone.post("/api/signup/", SIGN_UP)
    assert signed_up.status == 202
    credentials = {"email": SIGN_UP["email"], "password": PASSWORD}
    assert (await clinic.anyone.post("/api/token/", credentials)).slug == "email-unverified"
    # Without the password the answer does not reveal that the address waits.
    assert (await clinic.anyone.post("/api/token/", {**credentials, "password": OTHER})).slug == "wrong-credentials"

    token = await link_token(clinic, SIGN_UP["email"])
    verify = "/api/verify-email/"
    assert (await clinic.anyone.post(verify, {"token": token, "password": OTHER})).slug == "invalid-token"
    assert (await clinic.anyone.post(verify, {"token": token + "x", "password": PASSWORD})).slug == "invalid-token"
    assert (await clinic.anyone.post(verify, {"token": token, "password": PASSWORD})).status == 204
    assert (await clinic.anyone.post(verify, {"token": token, "password": PASSWORD})).slug == "invalid-token"
    assert (await clinic.sign_in(SIGN_UP)).user["name"] == "Ruth Keller"


@pytest.mark.settings(email_verification="on")
async def test_signing_up_does_not_tell_whether_an_address_is_known(clinic: Clinic) -> None:
    first = await clinic.anyone.post("/api/signup/", SIGN_UP)
    token = await link_token(clinic, SIGN_UP["email"])
    await clinic.anyone.post("/api/verify-email/", {"token": token, "password": PASSWORD})
    again = await clinic.anyone.post("/api/signup/", {**SIGN_UP, "name": "Eve", "password": OTHER})
    assert (again.status, again.raw) == (first.status, first.raw)
    told = await letters(clinic, SIGN_UP["email"])
    assert [letter["Subject"] for letter in told] == ["Confirm your address", "You already have an account"]
    assert (await clinic.sign_in(SIGN_UP)).user["name"] == "Ruth Keller"


@pytest.mark.settings(email_verification="on")
async def test_a_new_sign_up_for_an_unconfirmed_address_replaces_the_old_one(clinic: Clinic) -> None:
    await clinic.anyone.post("/api/signup/", {**SIGN_UP, "name": "Squatter", "password": OTHER})
    old = await link_token(clinic, SIGN_UP["email"])
    await clinic.anyone.post("/api/signup/", SIGN_UP)
    new = await link_token(clinic, SIGN_UP["email"])
    assert (await clinic.anyone.post("/api/verify-email/", {"token": old, "password": OTHER})).slug == "invalid-token"
    assert (await clinic.anyone.post("/api/verify-email/", {"token": new, "password": PASSWORD})).status == 204
    assert (await clinic.sign_in(SIGN_UP)).user["name"] == "Ruth Keller"
    assert (await clinic.anyone.post("/api/token/", {**credentials_of(SIGN_UP), "password": OTHER})).status == 401


@pytest.mark.settings(email_verification="on")
async def test_a_reset_by_mail_confirms_the_address_too(clinic: Clinic) -> None:
    await clinic.anyone.post("/api/signup/", SIGN_UP)
    first = await link_token(clinic, SIGN_UP["email"])
    await clinic.anyone.post("/api/forgot-password/", {"email": SIGN_UP["email"]})
    reset = await link_token(clinic, SIGN_UP["email"])
    # A link is for one use: that for resetting does not confirm, that for confirming does not reset.
    assert (await clinic.anyone.post("/api/verify-email/", {"token": reset, "password": PASSWORD})).status == 400
    assert (await clinic.anyone.post("/api/reset-password/", {"token": first, "password": OTHER})).status == 400
    assert (await clinic.anyone.post("/api/reset-password/", {"token": reset, "password": OTHER})).status == 204
    await clinic.sign_in(SIGN_UP, OTHER)


async def test_a_forgotten_password_is_replaced_by_the_mailed_link(ward: Clinic) -> None:
    patient = await ward.patient()
    answer = await ward.anyone.post("/api/forgot-password/", {"email": patient.email.upper()})
    unknown = await ward.anyone.post("/api/forgot-password/", {"email": "nobody-knows@clinic.example"})
    assert (answer.status, answer.raw) == (202, unknown.raw) and unknown.status == 202
    assert await letters(ward, "nobody-knows@clinic.example") == []
    token = await link_token(ward, patient.email)

    weak = await ward.anyone.post("/api/reset-password/", {"token": token, "password": "password1234"})
    assert wrong(weak) == ["#/password"]
    assert (await ward.anyone.post("/api/reset-password/", {"token": token, "password": OTHER})).status == 204
    assert (await patient.get("/api/me/")).status == 401
    assert (await ward.anyone.post("/api/token/refresh/", {"refresh": patient.refresh})).status == 401
    assert (await ward.anyone.post("/api/token/", credentials_of(patient.user))).slug == "wrong-credentials"
    await ward.sign_in(patient.user, OTHER)
    again = await ward.anyone.post("/api/reset-password/", {"token": token, "password": PASSWORD})
    assert (again.status, again.slug) == (400, "invalid-token")


async def test_of_two_uses_of_a_link_at_once_one_counts(ward: Clinic) -> None:
    patient = await ward.patient()
    await ward.anyone.post("/api/forgot-password/", {"email": patient.email})
    token = await link_token(ward, patient.email)
    passwords = [OTHER, "gentle-walrus-tango-9"]
    answers = await asyncio.gather(
        *(ward.anyone.post("/api/reset-password/", {"token": token, "password": password}) for password in passwords)
    )
    assert sorted(answer.status for answer in answers) == [204, 400]
    await ward.sign_in(patient.user, passwords[[answer.status for answer in answers].index(204)])


async def test_a_link_works_for_an_hour_and_only_the_newest(ward: Clinic) -> None:
    patient = await ward.patient()
    await ward.anyone.post("/api/forgot-password/", {"email": patient.email})
    older = await link_token(ward, patient.email)
    await ward.anyone.post("/api/forgot-password/", {"email": patient.email})
    newest = await link_token(ward, patient.email)
    reset = "/api/reset-password/"
    assert (await ward.anyone.post(reset, {"token": older, "password": OTHER})).slug == "invalid-token"
    with time_machine.travel(utcnow() + timedelta(minutes=61), tick=True):
        assert (await ward.anyone.post(reset, {"token": newest, "password": OTHER})).slug == "invalid-token"
    with time_machine.travel(utcnow() + timedelta(minutes=59), tick=True):
        assert (await ward.anyone.post(reset, {"token": newest, "password": OTHER})).status == 204


async def test_a_letter_tells_nothing_of_medicine_and_comes_in_the_patients_language(ward: Clinic) -> None:
    patient = await ward.patient(name="Tomás Rivera", language="es-MX")
    await ward.anyone.post("/api/forgot-password/", {"email": patient.email})
    [letter] = await letters(ward, patient.email)
    assert letter["Subject"] == "Elija una contraseña nueva"
    assert f"{ward.base}/#/reset?token=" in text(letter) and "Rivera" not in letter.as_string()


@pytest.mark.settings(email_verification="on")
async def test_an_unconfirmed_sign_up_is_removed_after_a_month(clinic: Clinic) -> None:
    users = clinic.app.resources.database.collection("users")
    store, ids = clinic.app.store, {}
    for name in ("old", "new", "confirmed"):
        assert (await clinic.anyone.post("/api/signup/", {**SIGN_UP, "email": f"{name}@clinic.example"})).status == 202
        user = await store.users.by_email(f"{name}@clinic.example")
        assert user
        ids[name] = user.id
    long_ago = utcnow() - timedelta(days=31)
    await users.update_many({"_id": {"$in": [ids["old"], ids["confirmed"]]}}, {"$set": {"created_at": long_ago}})
    await store.users.update(ids["confirmed"], {"email_confirmed": True})
    invited = {**(await users.find_one({"_id": ids["old"]})), "_id": "invited", "password_hash": ""}
    await users.insert_one({key: value for key, value in invited.items() if key != "email_index"})
    assert sorted(await asyncio.gather(*(delete_expired_sign_ups(clinic.app) for _ in range(3)))) == [0, 0, 1]
    assert {row["_id"] for row in await users.find({}).to_list(None)} == {ids["new"], ids["confirmed"], "invited"}
    assert ids["old"] not in {row["_id"] async for row in store.vault.wrapped_keys()}
    again = await clinic.anyone.post("/api/signup/", {**SIGN_UP, "email": "old@clinic.example"})
    assert again.status == 202 and (await store.users.by_email("old@clinic.example"))
