"""The audit of doors themselves: who came in and went, who tried to, and that trying without end leaves little."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from handlers.api.account_handler import AUDIT_ONCE_EVERY_S
from hospital_rt.domain.clock import utcnow
from hospital_rt.web.rate_limits import LOG_IN_ACCOUNT
from tasks.audit import bind_audit
from tests.support.admin_driver import admin
from tests.support.driver import PASSWORD, Clinic, until
from tests.support.mailbox import link_token

WRONG = "brisk-otter-umbrella-7"


def entries(clinic: Clinic) -> Any:
    return clinic.app.resources.database.collection("audit")


async def acts(clinic: Clinic, user_id: str) -> list[str]:
    """What the audit says about this user, in order."""
    return [row["act"] async for row in entries(clinic).find({"of": user_id}).sort("at", 1)]


async def sign_in(clinic: Clinic, email: str, password: str = PASSWORD) -> int:
    return (await clinic.anyone.post("/api/token/", {"email": email, "password": password})).status


async def test_coming_in_and_going_out_is_written_down(clinic: Clinic) -> None:
    patient = await clinic.patient()
    tablet, phone = [await clinic.sign_in(patient.user) for _ in range(2)]
    assert await acts(clinic, patient.id) == ["account.created", *["session.begun"] * 3]
    for row in await entries(clinic).find({"act": "session.begun"}).to_list(None):
        assert (row["who"], row["role"]) == (patient.id, "patient") and row["session"] and row["request"]
        place = f"audit|{row['_id']}|from"
        assert await clinic.app.store.vault.open_value(patient.id, place, row["sealed_from"]) == "127.0.0.1"
    for _ in range(2):  # the second has nothing left to end
        assert (await clinic.anyone.post("/api/token/revoke/", {"refresh": tablet.refresh})).status == 204
    devices = (await patient.get("/api/me/sessions/")).body["items"]
    [other] = [one["id"] for one in devices if not one["current"]]
    assert (await patient.delete(f"/api/me/sessions/{other}/")).status == 204
    ended = await entries(clinic).find({"act": "session.ended"}).sort("at", 1).to_list(None)
    assert len(ended) == 2 and ended[1]["item"] == other and ended[1]["session"] != other
    assert (await phone.get("/api/me/")).status == 401


async def test_a_stolen_refresh_is_written_down(clinic: Clinic) -> None:
    patient = await clinic.patient()
    assert (await clinic.anyone.post("/api/token/refresh/", {"refresh": patient.refresh})).status == 200
    with time_machine.travel(utcnow() + timedelta(seconds=31), tick=True):
        for _ in range(3):
            assert (await clinic.anyone.post("/api/token/refresh/", {"refresh": patient.refresh})).status == 401
    assert (await acts(clinic, patient.id))[2:] == ["session.reused"], "once for each family"
    [row] = await entries(clinic).find({"act": "session.reused"}).to_list(None)
    assert (row["who"], row["role"]) == (None, "stranger")


async def test_guessing_without_end_leaves_one_entry_in_a_while(clinic: Clinic) -> None:
    patient = await clinic.patient()
    before = len(await acts(clinic, patient.id))
    for _ in range(3):
        assert set(await asyncio.gather(*(sign_in(clinic, patient.email, WRONG) for _ in range(8)))) == {401}
    await until(lambda: entries(clinic).find_one({"act": "sign_in.failed"}))
    assert (await patient.post("/api/me/password/", {"current": WRONG, "password": WRONG})).status == 403
    with time_machine.travel(utcnow() + timedelta(seconds=AUDIT_ONCE_EVERY_S + 1), tick=True):
        assert await sign_in(clinic, patient.email, WRONG) == 401

        async def second() -> bool:
            return (await acts(clinic, patient.id))[before:] == ["sign_in.failed"] * 2

        await until(second)
    fresh = await clinic.sign_in(patient.user)
    log = (await fresh.get("/api/me/access-log/")).body["items"]
    failed = [one for one in log if one["act"] == "sign_in.failed"]
    assert [(one["role"], one["by"]) for one in failed] == [("stranger", None)] * 2, "the patient sees it"
    await bind_audit(clinic.app)
    assert (await admin(clinic.app.settings, "verify-audit")).code == 0


async def test_nothing_is_stored_about_unknown_addresses(clinic: Clinic) -> None:
    for number in range(4):
        assert await sign_in(clinic, f"nobody{number}@clinic.example", WRONG) == 401
        body = {"email": f"nobody{number}@clinic.example"}
        assert (await clinic.anyone.post("/api/forgot-password/", body)).status == 202
    await clinic.patient()  # what would have been written is written by now
    assert await entries(clinic).count_documents({"role": "stranger"}) == 0


@pytest.mark.settings(rate_limits="on")
async def test_too_many_guesses_are_written_down_as_such(clinic: Clinic) -> None:
    doctor = await clinic.sign_up("doctor")
    for _ in range(LOG_IN_ACCOUNT.most):
        assert await sign_in(clinic, doctor["email"], WRONG) == 401
    for _ in range(3):
        assert await sign_in(clinic, doctor["email"]) == 429
    await until(lambda: entries(clinic).find_one({"act": "sign_in.locked"}))
    assert sorted(await acts(clinic, doctor["id"])) == ["account.created", "sign_in.failed", "sign_in.locked"]
    metrics = (await clinic.anyone.get("/metrics")).raw.decode()
    assert 'sign_ins_total{outcome="wrong"} 10.0' in metrics and 'sign_ins_total{outcome="locked"} 3.0' in metrics


async def test_links_and_new_passwords_are_written_down(clinic: Clinic) -> None:
    patient = await clinic.patient()
    for _ in range(3):
        assert (await clinic.anyone.post("/api/forgot-password/", {"email": patient.email})).status == 202
    await until(lambda: entries(clinic).find_one({"act": "reset.asked"}))
    token = await link_token(clinic, patient.email)
    assert (await clinic.anyone.post("/api/reset-password/", {"token": token, "password": WRONG})).status == 204
    assert (await acts(clinic, patient.id))[2:] == ["reset.asked", "password.reset"]


@pytest.mark.settings(email_verification="on")
async def test_a_confirmed_address_is_written_down(clinic: Clinic) -> None:
    body = {"name": "Ruth", "email": "ruth@clinic.example", "password": PASSWORD, "role": "patient"}
    assert (await clinic.anyone.post("/api/signup/", body)).status == 202
    token = await link_token(clinic, "ruth@clinic.example")
    assert (await clinic.anyone.post("/api/verify-email/", {"token": token, "password": PASSWORD})).status == 204
    rows = await entries(clinic).find({}).sort("at", 1).to_list(None)
    assert [row["act"] for row in rows] == ["account.created", "address.confirmed"]


async def test_who_comes_in_unwritten_does_not_come_in_and_who_is_refused_is_refused_alike(clinic: Clinic) -> None:
    patient = await clinic.patient()
    expected = await clinic.anyone.post("/api/token/", {"email": patient.email, "password": WRONG})
    sessions = clinic.app.resources.database.collection("sessions")
    held = await sessions.count_documents({})
    await clinic.app.resources.database.command("collMod", "audit", validator={"none": {"$exists": True}})
    refused = await clinic.anyone.post("/api/token/", {"email": patient.email, "password": PASSWORD})
    assert (refused.status, refused.slug) == (503, "unavailable")
    assert (await clinic.anyone.post("/api/token/revoke/", {"refresh": patient.refresh})).status == 503
    assert await sessions.count_documents({"ended_at": None}) == held
    with time_machine.travel(utcnow() + timedelta(seconds=AUDIT_ONCE_EVERY_S + 1), tick=True):
        wrong = await clinic.anyone.post("/api/token/", {"email": patient.email, "password": WRONG})
    assert (wrong.status, wrong.raw) == (401, expected.raw), "a failure is noted after the answer"
