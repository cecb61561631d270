"""The live channel: who is let in, for how long, and with which code it ends (contract, "The live channel")."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from tornado.websocket import WebSocketClosedError

import handlers.live.handler
from hospital_rt.domain.clock import from_wire
from hospital_rt.web.tokens import Tokens
from tests.support.channel import open_channel
from tests.support.driver import Clinic, Person
from tests.support.feeds import tell, token_for
from tests.support.patience import allowed

pytestmark = pytest.mark.abuse

# Signing in, again, and no longer


def forged(ward: Clinic, patient: Person, doctor: Person) -> dict[str, Any]:
    """Tokens that are none, by what is wrong with them."""
    access = ward.app.resources.tokens.read_access(patient.access or "")
    claims = jwt.decode(patient.access or "", options={"verify_signature": False})
    head, _, signature = (patient.access or "").split(".")
    other_key = Tokens("another-secret-of-at-least-32-bytes!", access_s=900)
    return {
        "none": None,
        "a number": 7,
        "an object": {"$gt": ""},
        "empty": "",
        "words": "let me in",
        "dots": "..",
        "a refresh token": patient.refresh,
        "another key": other_key.issue_access(
            user_id=access.user_id, session_id=access.session_id, now=datetime.now(UTC)
        ),
        "unsigned": jwt.encode(claims, "", algorithm="none", headers={"typ": "at+jwt"}),
        "a changed body": ".".join([head, (doctor.access or "").split(".")[1], signature]),
        "too long": "a" * 9000,
    }


async def test_whoever_is_not_signed_in_hears_nothing_but_the_close(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    for what, token in forged(ward, patient, doctor).items():
        channel = await open_channel(ward.base)
        await channel.send({"type": "auth", "token": token})
        assert await channel.receive() is None, what
        assert channel.connection.close_code == 4401, what


@pytest.mark.parametrize(
    "first",
    [
        {"type": "ping", "id": "1"},
        {"type": "check_in", "id": "1", "step_id": "x"},
        {"type": "check_in", "id": "1"},
        {"type": "ack", "seq": 1},
        {"type": "nothing known"},
        {"type": "auth"},
        [],
        "auth",
        None,
    ],
)
async def test_anything_but_auth_first_is_the_end(ward: Clinic, first: Any) -> None:
    channel = await open_channel(ward.base)
    await channel.send(first)
    assert await channel.receive() is None
    assert channel.connection.close_code == 4401


async def test_whoever_does_not_sign_in_is_let_go(ward: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    assert handlers.live.handler.AUTH_WITHIN_S == 5
    patient = await ward.patient()
    async with patient.live() as page:
        monkeypatch.setattr(handlers.live.handler, "AUTH_WITHIN_S", 0.2)
        silent = await open_channel(ward.base)
        assert await silent.closed(within_s=3) == 4408
        await page.nothing_more()


async def test_a_channel_is_renewed_in_place_and_outlives_its_first_token(ward: Clinic) -> None:
    patient = await ward.patient()
    await tell(ward.app, patient.id, ["one", "two"])
    channel = await open_channel(ward.base)
    await channel.send({"type": "auth", "token": token_for(ward, patient, lasts_s=allowed(2.2))})
    first = await channel.message("ready")
    renewed = await ward.sign_in(patient.user)
    await channel.send({"type": "auth", "token": renewed.access, "resume_after": 0, "epoch": first["epoch"]})
    second = await channel.message("ready")
    assert from_wire(second["expires_at"]) > from_wire(first["expires_at"])
    assert (second["seq"], second["epoch"]) == (first["seq"], first["epoch"])
    while datetime.now(UTC) <= from_wire(first["expires_at"]):
        await channel.nothing_more()
        await asyncio.sleep(0.1)  # looks again: what it waits for is the clock
    await tell(ward.app, patient.id, ["three"])
    assert (await channel.message("event"))["seq"] == 3, "without a replay of what came before"
    channel.close()


async def test_a_renewed_channel_belongs_to_the_session_that_renewed_it(ward: Clinic) -> None:
    patient = await ward.patient()
    renewed = await ward.sign_in(patient.user)
    async with patient.live() as page:
        await page.send({"type": "auth", "token": renewed.access})
        await page.message("ready")
        await patient.post("/api/token/revoke/", {"refresh": patient.refresh})
        await page.nothing_more()
        await renewed.post("/api/token/revoke/", {"refresh": renewed.refresh})
        assert await page.closed(within_s=2) == 4401


@pytest.mark.parametrize("how", ["another user", "no token", "an ended session"])
async def test_a_channel_that_is_renewed_wrongly_ends(ward: Clinic, how: str) -> None:
    patient, other = await ward.patient(), await ward.patient()
    token = {"another user": other.access, "no token": "words", "an ended session": other.access}[how]
    if how == "an ended session":
        again = await ward.sign_in(patient.user)
        await again.post("/api/token/revoke/", {"refresh": again.refresh})
        token = again.access
    async with patient.live() as page:
        await page.send({"type": "auth", "token": token})
        assert await page.closed(within_s=2) == 4401
        assert page.events == []


async def test_a_minute_before_the_token_ends_the_client_gets_expiring(ward: Clinic) -> None:
    patient = await ward.patient()
    channel = await open_channel(ward.base)
    await channel.send({"type": "auth", "token": token_for(ward, patient, lasts_s=61.3)})
    ready = await channel.message("ready")
    told = await channel.message("expiring", within_s=4)
    assert told == {"type": "expiring", "at": ready["expires_at"]}
    left_s = (from_wire(told["at"]) - datetime.now(UTC)).total_seconds()
    assert 60 - allowed(2) < left_s <= 60.1
    channel.close()


async def test_when_the_token_ends_the_channel_does(ward: Clinic) -> None:
    patient = await ward.patient()
    channel = await open_channel(ward.base)
    await channel.send({"type": "auth", "token": token_for(ward, patient, lasts_s=allowed(2.2))})
    ends = from_wire((await channel.message("ready"))["expires_at"])
    assert await channel.closed(within_s=10) == 4403
    assert abs((datetime.now(UTC) - ends).total_seconds()) < allowed(1)
    late = await open_channel(ward.base)
    await late.send({"type": "auth", "token": token_for(ward, patient, lasts_s=-1)})
    assert await late.receive() is None
    assert late.connection.close_code == 4403, "renew and come back"


# The end


NO_MESSAGES = (
    "",
    "{",
    "null",
    "[]",
    "7",
    '"auth"',
    "{}",
    '{"type": "subscribe", "patient": "x"}',
    '{"type": ["ping"], "id": "1"}',
    '{"type": "ping"}',
    '{"type": "ping", "id": 1}',
    '{"type": "ping", "id": "' + "x" * 65 + '"}',
    '{"type": "ping", "id": "1", "id": "2"}',
    '{"type": "ping", "id": NaN}',
    '{"type": "ping", "id": "\\ud800"}',
    '{"type": "ack", "seq": -1}',
    '{"type": "ack", "seq": 1.5}',
    '{"type": "ack", "seq": "1"}',
    '{"type": "ack", "seq": 9223372036854775808}',
    '{"type": "ack", "seq": true}',
    '{"type": "ack", "seq": {"$gt": 0}}',
    '{"type": "check_in", "step_id": "x"}',
    '{"type": "check_in", "id": {}, "step_id": "x"}',
    '{"type": "auth"}',
    '{"type": "auth", "token": 1}',
    "[" * 10_000,
    '{"a":' * 2500 + "1" + "}" * 2500,
    "\ufeff{}",
)


async def test_what_is_no_message_ends_the_channel_with_4400(ward: Clinic) -> None:
    patient = await ward.patient()
    for message in NO_MESSAGES:
        async with patient.live() as page:
            await page.connection.write_message(message)
            assert await page.receive() is None
            assert page.connection.close_code == 4400, message[:60]


@pytest.mark.parametrize(
    "resume",
    [
        {"resume_after": -1, "epoch": "x"},
        {"resume_after": "1", "epoch": "x"},
        {"resume_after": 2**63, "epoch": "x"},
        {"resume_after": 1.5, "epoch": "x"},
        {"resume_after": {"$gt": 0}, "epoch": "x"},
        {"resume_after": 1, "epoch": 7},
    ],
)
async def test_a_position_that_is_none_is_refused_with_the_auth_that_holds_it(ward: Clinic, resume: Any) -> None:
    patient = await ward.patient()
    channel = await open_channel(ward.base)
    await channel.send({"type": "auth", "token": patient.access, **resume})
    assert await channel.closed(within_s=2) == 4401


async def test_a_position_without_its_epoch_is_refused(ward: Clinic) -> None:
    patient = await ward.patient()
    await tell(ward.app, patient.id, ["one", "two"])
    channel = await open_channel(ward.base)
    await channel.send({"type": "auth", "token": patient.access, "resume_after": 1})
    assert await channel.closed(within_s=2) == 4400


async def test_the_ninth_channel_of_a_user_ends_the_oldest(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    channels = []
    async with other.live() as theirs:
        for _ in range(10):
            channel = await open_channel(ward.base)
            await channel.send({"type": "auth", "token": patient.access})
            await channel.message("ready")
            channels.append(channel)
        for channel in channels[:2]:
            assert await channel.closed(within_s=2) == 4409
        await tell(ward.app, patient.id, ["hello"])
        for channel in channels[2:]:
            assert (await channel.message("event"))["seq"] == 1
            channel.close()
        await theirs.nothing_more()


@pytest.mark.settings(rate_limits="on")
async def test_a_flood_of_messages_ends_the_channel_and_a_burst_does_not(clinic: Clinic) -> None:
    patient = await clinic.patient()
    async with patient.live() as page:
        began = time.monotonic()
        for number in range(39):
            await page.send({"type": "ping", "id": str(number)})
        for number in range(39):
            assert (await page.message("pong"))["id"] == str(number)
        with contextlib.suppress(WebSocketClosedError):
            for number in range(200):
                await page.send({"type": "ping", "id": str(number)})
        assert await page.closed(within_s=3) == 4429
        assert time.monotonic() - began < allowed(8)


async def test_without_limits_a_flood_is_answered(ward: Clinic) -> None:
    patient = await ward.patient()
    async with patient.live() as page:
        for number in range(200):
            await page.send({"type": "ping", "id": str(number)})
        for number in range(200):
            assert (await page.message("pong"))["id"] == str(number)
