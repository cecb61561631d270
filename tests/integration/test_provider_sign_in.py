"""Signing in through the hospital's identity provider: a certified one, and one that lies."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa

from hospital_rt.domain.clock import utcnow
from hospital_rt.settings import Settings
from hospital_rt.web.identity_provider import LOGOUT_EVENT
from tests.support.driver import PASSWORD, Clinic, open_clinic, until
from tests.support.model_server import ModelServer
from tests.support.provider import (
    CLIENT,
    SECRET,
    Forged,
    Provider,
    begin,
    browser,
    certified,
    come_back,
    enter,
    tokens_after,
    why_not,
    with_provider,
)

pytestmark = pytest.mark.long

needs_node = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")
REFUSED = b"You are not signed in"
OVER = b"This sign-in is over"


@pytest.fixture
async def provider(settings: Settings, tmp_path: Path) -> AsyncIterator[Provider]:
    async with certified(tmp_path / "provider", settings.public_url) as running:
        yield running


@pytest.fixture
async def house(settings: Settings, provider: Provider, model: ModelServer) -> AsyncIterator[Clinic]:
    """A clinic whose people come from the certified provider."""
    async with open_clinic(with_provider(settings, provider.issuer), model) as opened:
        yield opened


@pytest.fixture
async def forged() -> AsyncIterator[Forged]:
    async with Forged().listening() as running:
        yield running


@pytest.fixture
async def deceived(settings: Settings, forged: Forged, model: ModelServer) -> AsyncIterator[Clinic]:
    """A clinic whose provider sends whatever a test wants."""
    async with open_clinic(with_provider(settings, forged.issuer), model) as opened:
        yield opened


# A certified provider


@needs_node
async def test_people_of_the_hospital_sign_in_and_have_the_role_of_their_group(
    house: Clinic, provider: Provider
) -> None:
    assert (await house.anyone.get("/api/sign-in/")).body == {
        "password": True,
        "provider": {"name": "St Elsewhere", "start": "/api/oidc/start/"},
    }
    doctor, patient = await enter(house, provider, "noor"), await enter(house, provider, "ines")
    me, mine = (await doctor.get("/api/me/")).body, (await patient.get("/api/me/")).body
    assert (me["role"], me["name"], me["email"]) == ("doctor", "Dr Noor Haddad", "noor@hospital.example")
    assert (mine["role"], mine["name"], me["status"]) == ("patient", "Ines Ortega", "active")
    assert (await patient.post("/api/assign/", {"doctor_id": me["id"]})).status == 201
    again = await enter(house, provider, "noor")
    assert (await again.get("/api/me/")).body["id"] == me["id"], "the same account"
    # It has no password: neither guessing one nor a mailed link leads to it.
    guess = await house.anyone.post("/api/token/", {"email": "noor@hospital.example", "password": PASSWORD})
    assert guess.slug == "wrong-credentials"


@needs_node
async def test_a_provider_may_tell_roles_at_its_userinfo_endpoint(
    settings: Settings, tmp_path: Path, model: ModelServer
) -> None:
    async with (
        certified(tmp_path / "provider", settings.public_url, claims_by_userinfo=True) as provider,
        open_clinic(with_provider(settings, provider.issuer), model) as house,
    ):
        doctor = await enter(house, provider, "noor")
        assert (await doctor.get("/api/me/")).body["role"] == "doctor"


@needs_node
async def test_whoever_has_no_role_is_told_whom_to_ask(house: Clinic, provider: Provider) -> None:
    async with browser() as page:
        began = await begin(house.anyone)
        there = await provider.sign_in(page, began.there, "visitor")
        answer = await come_back(house.anyone, began, there)
    assert answer.status == 403 and b"service desk" in answer.raw and "hrt_refresh" not in str(answer.headers)
    assert await house.app.resources.database.collection("users").count_documents({}) == 0


@needs_node
async def test_signing_out_at_the_provider_ends_the_session_here_within_a_second(
    house: Clinic, provider: Provider
) -> None:
    async with browser() as page, browser() as other:
        doctor = await enter(house, provider, "noor", page)
        elsewhere = await enter(house, provider, "noor", other)
        await provider.sign_out(page)
        ended = time.monotonic()

        async def out() -> bool:
            return (await doctor.get("/api/me/")).status == 401

        await until(out, within_s=1)
        assert time.monotonic() - ended < 5
        assert (await elsewhere.get("/api/me/")).status == 200, "another session of the provider goes on"


@needs_node
async def test_while_the_provider_is_away_whoever_is_in_stays_in(house: Clinic, provider: Provider) -> None:
    doctor = await enter(house, provider, "noor")
    began = await begin(house.anyone)
    async with browser() as page:
        there = await provider.sign_in(page, began.there, "ines")
    for trouble in ("away", "slow"):
        await provider.tell(trouble)
        started = time.monotonic()
        answer = await come_back(house.anyone, began, there)
        assert answer.status == 503 and b"does not answer" in answer.raw and answer.headers["Retry-After"]
        assert time.monotonic() - started < 15
        assert (await doctor.get("/api/my-patients/")).status == 200
        await provider.tell("back")
        await enter(house, provider, "noor")
        began = await begin(house.anyone)
        async with browser() as page:
            there = await provider.sign_in(page, began.there, "ines")


@needs_node
async def test_the_provider_changes_its_keys(house: Clinic, provider: Provider) -> None:
    await enter(house, provider, "noor")
    await provider.tell("new-keys")
    with time_machine.travel(utcnow() + timedelta(seconds=0), tick=True):
        house.app.resources.identity_provider._look_again_at = 0.0  # type: ignore[union-attr]  # half a minute later
        await enter(house, provider, "noor")


@needs_node
@pytest.mark.settings(second_factor="all")
async def test_the_providers_people_need_no_second_factor_here_and_leave_without_a_password(
    house: Clinic, provider: Provider
) -> None:
    patient = await enter(house, provider, "ines")
    assert (await patient.get("/api/steps/")).status == 200
    with time_machine.travel(utcnow() + timedelta(minutes=11), tick=True):
        assert (await patient.delete("/api/me/", {})).slug == "invalid", "not signed in just now"
    assert (await patient.delete("/api/me/", {})).status == 204
    newer = await enter(house, provider, "ines")
    assert (await newer.get("/api/me/")).status == 200


async def test_without_passwords_the_provider_is_the_only_way(
    settings: Settings, forged: Forged, model: ModelServer
) -> None:
    without = with_provider(settings, forged.issuer, password_sign_in="off")
    async with open_clinic(settings, model) as before:
        patient = await before.patient()
    async with open_clinic(without, model) as house:
        assert (await house.anyone.get("/api/sign-in/")).body["password"] is False
        body = {"name": "Ruth", "email": "r@clinic.example", "password": PASSWORD, "role": "patient"}
        assert (await house.anyone.post("/api/signup/", body)).slug == "password-sign-in-off"
        credentials = {"email": patient.email, "password": PASSWORD}
        assert (await house.anyone.post("/api/token/", credentials)).slug == "password-sign-in-off"
        wrong = await house.anyone.post("/api/token/", {**credentials, "password": PASSWORD + "!"})
        assert wrong.slug == "wrong-credentials"
        assert (await house.anyone.get("/api/me/", token=patient.access)).status == 200, "sessions go on"
        answer = await forged.come_back(house.anyone, await begin(house.anyone))
        assert (await tokens_after(house.anyone, answer)).status == 200


# One that lies


async def test_the_way_there_has_state_nonce_and_pkce(deceived: Clinic, forged: Forged) -> None:
    began = await begin(deceived.anyone, "/#/patients")
    query = began.query
    assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == f"{deceived.base}/api/oidc/callback/"
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    answer = await forged.come_back(deceived.anyone, began)
    assert answer.status == 302 and answer.headers["Location"] == "/#/patients"
    [asked] = forged.asked
    digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == query["code_challenge"]
    assert (await tokens_after(deceived.anyone, answer)).status == 200


@pytest.mark.abuse
@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/a\r\nX: y", "x" * 600, ""]
)
async def test_the_way_back_stays_at_home(deceived: Clinic, forged: Forged, there: str) -> None:
    answer = await forged.come_back(deceived.anyone, await begin(deceived.anyone, there))
    assert (answer.status, answer.headers["Location"]) == (302, "/")


OTHER_KEY = rsa.generate_private_key(65537, 2048)
NOW = int(time.time())
LIES: dict[str, Any] = {
    "another audience": lambda at, right: at.sign({**right, "aud": "another-client"}),
    "two audiences, for another": lambda at, right: at.sign({**right, "aud": [CLIENT, "other"], "azp": "other"}),
    "two audiences, no authorized party": lambda at, right: at.sign({**right, "aud": [CLIENT, "other"]}),
    "another issuer": lambda at, right: at.sign({**right, "iss": "https://evil.example"}),
    "expired": lambda at, right: at.sign({**right, "exp": right["iat"] - 60}),
    "no end": lambda at, right: at.sign({k: v for k, v in right.items() if k != "exp"}),
    "from the future": lambda at, right: at.sign({**right, "iat": right["iat"] + 3600}),
    "no subject": lambda at, right: at.sign({k: v for k, v in right.items() if k != "sub"}),
    "another nonce": lambda at, right: at.sign({**right, "nonce": "x"}),
    "no nonce": lambda at, right: at.sign({k: v for k, v in right.items() if k != "nonce"}),
    "no signature": lambda at, right: jwt.encode(right, "", algorithm="none", headers={"kid": "one"}),
    "a signature cut off": lambda at, right: at.sign(right).rpartition(".")[0] + ".",
    "another key": lambda at, right: at.sign(right, key=OTHER_KEY),
    "an unknown key": lambda at, right: at.sign(right, key=OTHER_KEY, kid="two"),
    "the client's secret as key": lambda at, right: at.sign(right, key=SECRET * 2, algorithm="HS256"),
    "a shared key of the set": lambda at, right: at.sign(
        right,
        key=base64.urlsafe_b64decode("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="),
        algorithm="HS256",
        kid="shared",
    ),
    "no token": lambda at, right: "",
    "words": lambda at, right: "a.b.c",
}


@pytest.mark.abuse
@pytest.mark.parametrize("lie", LIES)
async def test_an_invalid_token_is_refused(deceived: Clinic, forged: Forged, lie: str) -> None:
    forged.id_token = lambda right: str(LIES[lie](forged, right))
    answer = await forged.come_back(deceived.anyone, await begin(deceived.anyone))
    assert answer.status == 400 and REFUSED in answer.raw and "hrt_refresh" not in str(answer.headers)
    assert await deceived.app.resources.database.collection("users").count_documents({}) == 0


@pytest.mark.abuse
async def test_an_answer_works_once_and_in_the_browser_that_asked(deceived: Clinic, forged: Forged) -> None:
    began, other = await begin(deceived.anyone), await begin(deceived.anyone)
    query = urlencode({"code": "a-code", "state": began.query["state"]})
    without = await deceived.anyone.get(f"/api/oidc/callback/?{query}")
    crossed = await come_back(deceived.anyone, other, f"/api/oidc/callback/?{query}")
    assert without.status == crossed.status == 400 and OVER in without.raw and OVER in crossed.raw
    assert (await forged.come_back(deceived.anyone, began)).status == 302
    assert OVER in (await forged.come_back(deceived.anyone, began)).raw, "replayed"
    late = await begin(deceived.anyone)
    with time_machine.travel(utcnow() + timedelta(minutes=11), tick=True):
        assert OVER in (await forged.come_back(deceived.anyone, late)).raw
    assert len(forged.asked) == 1, "no code was handed on"


@pytest.mark.abuse
async def test_an_answer_of_another_provider_is_not_taken_for_ours(deceived: Clinic, forged: Forged) -> None:
    mixed = await forged.come_back(deceived.anyone, await begin(deceived.anyone), iss="https://evil.example")
    assert mixed.status == 400 and REFUSED in mixed.raw and forged.asked == []
    right = await forged.come_back(deceived.anyone, await begin(deceived.anyone), iss=forged.issuer)
    assert right.status == 302


@pytest.mark.abuse
@pytest.mark.settings(oidc_scopes="openid")
async def test_a_provider_that_names_itself_always_must(deceived: Clinic, forged: Forged) -> None:
    forged.about = {"authorization_response_iss_parameter_supported": True}
    silent = await forged.come_back(deceived.anyone, await begin(deceived.anyone))
    assert silent.status == 400 and forged.asked == []


@pytest.mark.abuse
async def test_a_discovery_document_of_another_issuer_is_not_followed(deceived: Clinic, forged: Forged) -> None:
    forged.about = {"issuer": "https://evil.example"}
    assert (await deceived.anyone.get("/api/oidc/start/")).status == 503


@pytest.mark.abuse
async def test_an_account_is_found_by_issuer_and_subject_never_by_its_address(deceived: Clinic, forged: Forged) -> None:
    victim = await deceived.sign_in(await deceived.sign_up("doctor", email="noor@hospital.example"))
    forged.id_token = lambda right: forged.sign({**right, "sub": "eve", "email_verified": True})
    answer = await forged.come_back(deceived.anyone, await begin(deceived.anyone))
    renewed = await tokens_after(deceived.anyone, answer)
    stranger = (await deceived.anyone.get("/api/me/", token=renewed.body["access"])).body
    assert stranger["id"] != victim.id and stranger["email"] == victim.email
    # The address leads to its own account still.
    assert (await deceived.sign_in(victim.user)).id == victim.id


async def test_the_role_of_today_counts(deceived: Clinic, forged: Forged) -> None:
    async def arrive(*groups: str) -> Any:
        forged.id_token = lambda right: forged.sign({**right, "groups": list(groups)})
        return await forged.come_back(deceived.anyone, await begin(deceived.anyone))

    first = (await tokens_after(deceived.anyone, await arrive("clinicians"))).body["access"]
    patient = await deceived.patient()
    me = (await deceived.anyone.get("/api/me/", token=first)).body
    assert (await patient.post("/api/assign/", {"doctor_id": me["id"]})).status == 201
    second = (await tokens_after(deceived.anyone, await arrive("patients"))).body["access"]
    now = (await deceived.anyone.get("/api/me/", token=second)).body
    assert (now["id"], now["role"]) == (me["id"], "patient")
    assert (await deceived.anyone.get("/api/me/", token=first)).status == 401, "what was seen as a doctor is over"
    assert (await patient.get("/api/assign/")).slug == "not-assigned"
    assert (await arrive("guests")).status == 403
    assert (await deceived.anyone.get("/api/me/", token=second)).status == 401, "without a role the session is over"


async def test_a_deactivated_account_is_reported_as_such(deceived: Clinic, forged: Forged) -> None:
    arrived = await forged.come_back(deceived.anyone, await begin(deceived.anyone))
    token = (await tokens_after(deceived.anyone, arrived)).body
    me = (await deceived.anyone.get("/api/me/", token=token["access"])).body
    await deceived.app.store.users.update(me["id"], {"status": "deactivated"})
    answer = await forged.come_back(deceived.anyone, await begin(deceived.anyone))
    assert answer.status == 403 and b"closed" in answer.raw


def logout(forged: Forged, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    right = {"iss": forged.issuer, "aud": CLIENT, "sub": "noor", "iat": now, "exp": now + 120, "jti": str(now)}
    found = {**right, "events": {LOGOUT_EVENT: {}}, **changes}
    return {name: value for name, value in found.items() if value is not None}


async def send_logout(clinic: Clinic, token: str) -> int:
    body = urlencode({"logout_token": token}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await clinic.anyone.call("POST", "/api/oidc/logout/", raw=body, headers=headers)
    assert json.loads(answer.raw) in ({}, {"error": "invalid_request"})
    return answer.status


@pytest.mark.abuse
async def test_only_a_right_logout_token_ends_anything_and_once(deceived: Clinic, forged: Forged) -> None:
    arrived = await forged.come_back(deceived.anyone, await begin(deceived.anyone))
    token = (await tokens_after(deceived.anyone, arrived)).body["access"]
    local = await deceived.patient()
    wrong = [
        forged.sign(logout(forged, aud="another")),
        forged.sign(logout(forged, iss="https://evil.example")),
        forged.sign(logout(forged, exp=1)),
        forged.sign(logout(forged, events={})),
        forged.sign(logout(forged, events=None)),
        forged.sign(logout(forged, nonce="x")),
        forged.sign(logout(forged, sub=None)),
        forged.sign(logout(forged, jti=None)),
        forged.sign(logout(forged), key=OTHER_KEY),
        forged.sign(logout(forged), key=SECRET * 2, algorithm="HS256"),
        forged.sign(forged.claims()),
        jwt.encode(logout(forged), "", algorithm="none"),
        "",
        "x",
    ]
    assert [await send_logout(deceived, one) for one in wrong] == [400] * len(wrong)
    assert await send_logout(deceived, forged.sign(logout(forged, sub="somebody else", jti="a"))) == 200
    assert (await deceived.anyone.get("/api/me/", token=token)).status == 200
    right = forged.sign(logout(forged))
    assert await send_logout(deceived, right) == 200
    assert (await deceived.anyone.get("/api/me/", token=token)).status == 401
    assert (await local.get("/api/me/")).status == 200
    assert await send_logout(deceived, right) == 400, "replayed"


async def test_without_a_provider_its_pages_do_not_exist(ward: Clinic) -> None:
    assert (await ward.anyone.get("/api/sign-in/")).body == {"password": True, "provider": None}
    for method, path in (("GET", "/api/oidc/start/"), ("GET", "/api/oidc/callback/"), ("POST", "/api/oidc/logout/")):
        assert (await ward.anyone.call(method, path, raw=b"" if method == "POST" else None)).slug == "not-found"
