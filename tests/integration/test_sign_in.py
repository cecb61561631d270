"""Signing in and staying signed in: tokens, cookies, devices."""

from __future__ import annotations

import asyncio
import unicodedata
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from hospital_rt.domain.clock import utcnow
from hospital_rt.web.tokens import InvalidToken, Tokens
from tests.support.driver import PASSWORD, SECRET, Answer, Clinic, Person, pages
from tests.support.mailbox import letters

REFRESH, REVOKE = "/api/token/refresh/", "/api/token/revoke/"


async def refresh(ward: Clinic, token: Any, **more: Any) -> Answer:
    return await ward.anyone.post(REFRESH, {"refresh": token}, **more)


async def is_in(ward: Clinic, access: str) -> bool:
    return (await ward.anyone.get("/api/me/", token=access)).status == 200


# Signing in


async def test_signing_in_gives_tokens_and_the_account(ward: Clinic) -> None:
    user = await ward.sign_up("patient", email="ruth@clinic.example")
    answer = await ward.anyone.post("/api/token/", {"email": " Ruth@Clinic.Example", "password": PASSWORD})
    assert answer.status == 200 and answer.body["user"] == user and answer.body["expires_in"] == 900
    assert await is_in(ward, answer.body["access"])
    assert "Set-Cookie" not in answer.headers


async def test_a_wrong_password_and_an_unknown_address_are_the_same_answer(ward: Clinic) -> None:
    user = await ward.sign_up("patient")
    credentials = {"email": user["email"], "password": PASSWORD + "!"}
    wrong = await ward.anyone.post("/api/token/", credentials)
    unknown = await ward.anyone.post("/api/token/", {**credentials, "email": "nobody@clinic.example"})
    nonsense = await ward.anyone.post("/api/token/", {**credentials, "email": "not an address"})
    assert (wrong.status, wrong.slug) == (401, "wrong-credentials")
    assert wrong.raw == unknown.raw == nonsense.raw


async def test_a_password_is_the_same_on_every_keyboard(ward: Clinic) -> None:
    user = await ward.sign_up("patient", password=unicodedata.normalize("NFC", "Zoë-Ångström-été"))
    await ward.sign_in(user, unicodedata.normalize("NFD", "Zoë-Ångström-été"))


async def test_a_password_of_wide_digits_is_the_same_in_narrow_ones(ward: Clinic) -> None:
    wide, narrow = "ひみつのことば１２３４５６", "ひみつのことば123456"
    await ward.sign_in(await ward.sign_up("patient", password=wide), narrow)
    # Hashed as it was written, as earlier versions did: it goes on being right, and is hashed anew.
    user = await ward.sign_up("patient", password=narrow)
    users = ward.app.resources.database.collection("users")
    former = ward.app.resources.passwords._context.hash(wide)
    await users.update_one({"_id": user["id"]}, {"$set": {"password_hash": former}})
    await ward.sign_in(user, wide)
    await ward.sign_in(user, narrow)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic {}", "Bearer {}x", "Bearer {} {}", "Bearer é{}", "Bearer {}=", "bearer{}", "{}"],
)
async def test_only_a_whole_bearer_token_lets_in(ward: Clinic, header: str) -> None:
    patient = await ward.patient()
    headers = {"Authorization": header.format(patient.access, patient.access)}
    assert (await ward.anyone.get("/api/me/", headers=headers)).slug == "unauthenticated"


async def test_the_word_bearer_may_be_written_in_any_case(ward: Clinic) -> None:
    patient = await ward.patient()
    assert (await ward.anyone.get("/api/me/", headers={"Authorization": f"bearer {patient.access}"})).status == 200


async def test_a_refresh_token_is_no_access_token_and_the_other_way_round(ward: Clinic) -> None:
    patient = await ward.patient()
    assert not await is_in(ward, str(patient.refresh))
    assert (await refresh(ward, patient.access)).slug == "unauthenticated"


@pytest.mark.settings(access_token_seconds=60, refresh_token_seconds=600)
async def test_tokens_end_when_they_say(clinic: Clinic) -> None:
    patient = await clinic.patient()
    access = str(patient.access)
    with time_machine.travel(utcnow() + timedelta(seconds=57), tick=True):
        assert await is_in(clinic, access)
    with time_machine.travel(utcnow() + timedelta(seconds=61), tick=True):
        assert not await is_in(clinic, access)
        newer = (await refresh(clinic, patient.refresh)).body
    with time_machine.travel(utcnow() + timedelta(seconds=650), tick=True):
        newer = (await refresh(clinic, newer["refresh"])).body
    with time_machine.travel(utcnow() + timedelta(seconds=1260), tick=True):
        assert (await refresh(clinic, newer["refresh"])).slug == "unauthenticated"


@pytest.mark.settings(access_token_seconds=60, refresh_token_seconds=600, session_max_seconds=1000)
async def test_a_session_has_a_longest_life_however_often_it_is_renewed(clinic: Clinic) -> None:
    patient = await clinic.patient()
    token = patient.refresh
    for seconds in (400, 800, 980):
        with time_machine.travel(utcnow() + timedelta(seconds=seconds), tick=True):
            newer = (await refresh(clinic, token)).body
            token = newer["refresh"]
    with time_machine.travel(utcnow() + timedelta(seconds=1001), tick=True):
        assert not await is_in(clinic, newer["access"])
        assert (await refresh(clinic, token)).slug == "unauthenticated"


async def test_a_shorter_longest_life_holds_for_sessions_that_exist(ward: Clinic) -> None:
    patient = await ward.patient()
    sessions = ward.app.resources.database.collection("sessions")
    begun = utcnow() - timedelta(days=31)
    await sessions.update_one({"user_id": patient.id, "ended_at": None}, {"$set": {"created_at": begun}})
    assert (await refresh(ward, patient.refresh)).slug == "unauthenticated"


async def test_password_managers_find_the_page_for_changing_a_password(ward: Clinic) -> None:
    answer = await ward.anyone.get("/.well-known/change-password")
    assert (answer.status, answer.headers["Location"]) == (302, "/#/me")


# Staying signed in


async def test_a_refresh_gives_a_new_pair(ward: Clinic) -> None:
    patient = await ward.patient()
    answer = await refresh(ward, patient.refresh)
    assert answer.status == 200 and answer.body["refresh"] != patient.refresh
    assert await is_in(ward, answer.body["access"])
    assert (await refresh(ward, answer.body["refresh"])).status == 200


async def test_two_tabs_that_refresh_at_once_both_stay_signed_in(ward: Clinic) -> None:
    patient = await ward.patient()
    answers = await asyncio.gather(*(refresh(ward, patient.refresh) for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    [successor] = {answer.body["refresh"] for answer in answers}
    assert (await refresh(ward, successor)).status == 200


async def test_a_refresh_whose_answer_was_lost_is_answered_alike_for_half_a_minute(ward: Clinic) -> None:
    patient = await ward.patient()
    lost = (await refresh(ward, patient.refresh)).body["refresh"]
    with time_machine.travel(utcnow() + timedelta(seconds=28), tick=True):
        again = (await refresh(ward, patient.refresh)).body
        assert again["refresh"] == lost and await is_in(ward, again["access"])


async def _family_is_over(ward: Clinic, patient: Person, *tokens: str) -> None:
    assert not await is_in(ward, str(patient.access))
    for token in tokens:
        assert (await refresh(ward, token)).slug == "unauthenticated"
    told = await letters(ward, patient.email)
    assert [letter["Subject"] for letter in told] == ["A device was signed out"]


async def test_an_old_refresh_used_later_ends_the_whole_family(ward: Clinic) -> None:
    patient = await ward.patient()
    newer = (await refresh(ward, patient.refresh)).body
    with time_machine.travel(utcnow() + timedelta(seconds=31), tick=True):
        assert (await refresh(ward, patient.refresh)).slug == "unauthenticated"
        await _family_is_over(ward, patient, newer["refresh"])
    assert not await is_in(ward, newer["access"])


async def test_an_old_refresh_used_after_its_successor_was_spent_ends_the_whole_family(ward: Clinic) -> None:
    patient = await ward.patient()
    tablet = await ward.sign_in(patient.user)
    second = (await refresh(ward, patient.refresh)).body["refresh"]
    third = (await refresh(ward, second)).body["refresh"]
    assert (await refresh(ward, patient.refresh)).slug == "unauthenticated"
    await _family_is_over(ward, patient, second, third)
    assert await is_in(ward, str(tablet.access)), "another device is another family"


async def test_a_forged_refresh_does_no_harm(ward: Clinic) -> None:
    patient = await ward.patient()
    prefix, session, generation, mac = str(patient.refresh).split(".")
    forged = [
        f"{prefix}.{session}.{generation}.{mac[::-1]}",
        f"{prefix}.{session}.7.{mac}",
        f"{prefix}.{uuid4()}.0.{mac}",
        f"{prefix}.{session}.{generation}",
        f"{prefix}.{session}.-1.{mac}",
        "rt1...",
        "x" * 512,
    ]
    for token in forged:
        assert (await refresh(ward, token)).slug == "unauthenticated", token
    assert (await refresh(ward, patient.refresh)).status == 200


# Signing out


async def test_signing_out_ends_the_device_with_its_live_channel(ward: Clinic) -> None:
    patient = await ward.patient()
    tablet = await ward.sign_in(patient.user)
    async with patient.live() as page:
        assert (await ward.anyone.post(REVOKE, {"refresh": patient.refresh})).status == 204
        assert await page.closed(within_s=2) == 4401
    assert not await is_in(ward, str(patient.access))
    assert (await refresh(ward, patient.refresh)).slug == "unauthenticated"
    assert await is_in(ward, str(tablet.access))


async def test_signing_out_twice_or_with_nonsense_is_no_matter(ward: Clinic) -> None:
    patient = await ward.patient()
    for token in (patient.refresh, patient.refresh, "nonsense", f"rt1.{uuid4()}.0.x"):
        assert (await ward.anyone.post(REVOKE, {"refresh": token})).status == 204
    assert (await ward.anyone.post(REVOKE)).slug == "unauthenticated"


async def test_a_forged_refresh_token_ends_no_session(ward: Clinic) -> None:
    patient = await ward.patient()
    forged = str(patient.refresh).rsplit(".", 1)[0] + ".forged"
    assert (await ward.anyone.post(REVOKE, {"refresh": forged})).status == 204
    assert await is_in(ward, str(patient.access))


# With a cookie


async def cookie_of(ward: Clinic, user: dict[str, Any], **more: Any) -> tuple[Answer, str]:
    """Sign in as a browser page does; the answer and the cookie to send back."""
    body = {"email": user["email"], "password": PASSWORD, "session": "cookie"}
    answer = await ward.anyone.post("/api/token/", body, **more)
    assert answer.status == 200
    return answer, sent_back(answer)


def sent_back(answer: Answer) -> str:
    return answer.headers["Set-Cookie"].partition(";")[0]


async def test_a_page_gets_its_refresh_token_where_no_script_can_read_it(ward: Clinic) -> None:
    answer, _ = await cookie_of(ward, await ward.sign_up("patient"))
    assert "refresh" not in answer.body
    [found] = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert found.key == "hrt_refresh" and found["httponly"] and not found["secure"]
    assert (found["samesite"], found["path"], found["max-age"]) == ("Strict", "/api/token/", "1209600")


@pytest.mark.settings(public_url="https://care.example")
async def test_behind_tls_the_cookie_never_travels_in_clear(clinic: Clinic) -> None:
    answer, _ = await cookie_of(clinic, await clinic.sign_up("patient"), headers={"Host": "care.example"})
    [found] = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert found["secure"] and "Strict-Transport-Security" in answer.headers


async def test_a_page_stays_signed_in_by_its_cookie_and_signs_out(ward: Clinic) -> None:
    first, cookie = await cookie_of(ward, await ward.sign_up("patient"))
    own = {"Cookie": cookie, "Origin": ward.base}
    answer = await ward.anyone.post(REFRESH, headers=own)
    assert answer.status == 200 and "refresh" not in answer.body and sent_back(answer) != cookie
    own["Cookie"] = sent_back(answer)
    away = await ward.anyone.post(REVOKE, headers=own)
    assert away.status == 204
    [cleared] = SimpleCookie(away.headers["Set-Cookie"]).values()
    assert cleared.value == "" and cleared["path"] == "/api/token/"
    assert not await is_in(ward, answer.body["access"]) and not await is_in(ward, first.body["access"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_another_origin_cannot_use_the_cookie(ward: Clinic, headers: dict[str, str]) -> None:
    first, cookie = await cookie_of(ward, await ward.sign_up("patient"))
    for path in (REFRESH, REVOKE):
        answer = await ward.anyone.post(path, headers={"Cookie": cookie, **headers})
        assert (answer.status, answer.slug) == (403, "cross-origin")
    assert await is_in(ward, first.body["access"])
    assert (await ward.anyone.post(REFRESH, headers={"Cookie": cookie})).status == 200


async def test_no_other_endpoint_reads_the_cookie(ward: Clinic) -> None:
    answer, cookie = await cookie_of(ward, await ward.sign_up("patient"))
    for header in (cookie, f"{cookie}; access={answer.body['access']}"):
        assert (await ward.anyone.get("/api/me/", headers={"Cookie": header})).status == 401


async def test_a_dead_cookie_is_taken_away(ward: Clinic) -> None:
    _, cookie = await cookie_of(ward, await ward.sign_up("patient"))
    await ward.anyone.post(REVOKE, headers={"Cookie": cookie})
    answer = await ward.anyone.post(REFRESH, headers={"Cookie": cookie})
    assert answer.slug == "unauthenticated"
    [cleared] = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert cleared.value == "" and cleared["path"] == "/api/token/"


# Devices


async def test_one_sees_the_devices_and_signs_one_out(ward: Clinic) -> None:
    patient = await ward.patient()
    body = {"email": patient.email, "password": PASSWORD}
    agent = {"User-Agent": "Mozilla/5.0 (Tablet; ü)"}
    tablet = (await ward.anyone.post("/api/token/", body, headers=agent)).body["access"]
    listed = (await patient.get("/api/me/sessions/")).body["items"]
    assert [one["current"] for one in listed] == [False, True]
    assert listed[0]["device"].startswith("Mozilla/5.0 (Tablet;")
    assert (await patient.delete(f"/api/me/sessions/{listed[0]['id']}/")).status == 204
    assert not await is_in(ward, tablet)
    assert (await patient.delete(f"/api/me/sessions/{listed[0]['id']}/")).slug == "not-found"
    assert [one["id"] for one in (await patient.get("/api/me/sessions/")).body["items"]] == [listed[1]["id"]]


async def test_one_signs_this_very_device_out(ward: Clinic) -> None:
    patient = await ward.patient()
    [own] = (await patient.get("/api/me/sessions/")).body["items"]
    assert (await patient.delete(f"/api/me/sessions/{own['id']}/")).status == 204
    assert (await patient.get("/api/me/")).status == 401


async def test_a_user_cannot_end_anothers_session(ward: Clinic) -> None:
    patient, eve = await ward.patient(), await ward.patient()
    [own] = (await patient.get("/api/me/sessions/")).body["items"]
    theirs = await eve.delete(f"/api/me/sessions/{own['id']}/")
    nobodys = await eve.delete(f"/api/me/sessions/{uuid4()}/")
    assert (theirs.status, theirs.raw) == (404, nobodys.raw)
    assert await is_in(ward, str(patient.access))


async def test_many_devices_come_in_pages(ward: Clinic) -> None:
    patient = await ward.patient()
    for _ in range(3):
        await ward.sign_in(patient.user)
    whole = await pages(patient, "/api/me/sessions/?")
    found = await pages(patient, "/api/me/sessions/?limit=3")
    assert [len(page) for page in whole] == [4] and [len(page) for page in found] == [3, 1]
    assert found[0] + found[1] == whole[0]


def test_a_token_of_a_server_whose_clock_is_ahead_is_taken_and_its_end_is_exact() -> None:
    tokens, now = Tokens(SECRET, access_s=900, leeway_s=30), utcnow().replace(microsecond=0)
    ahead = tokens.issue_access(user_id="u", session_id="s", now=now + timedelta(seconds=20))
    assert tokens.read_access(ahead).user_id == "u"
    assert tokens.read_access(ahead).user_id == "u", "and taken again"
    ended = tokens.issue_access(user_id="u", session_id="s", now=now - timedelta(seconds=901))
    too_far = tokens.issue_access(user_id="u", session_id="s", now=now + timedelta(seconds=60))
    for token in (ended, too_far):
        with pytest.raises(InvalidToken):
            tokens.read_access(token)


def test_an_access_token_that_was_good_once_is_judged_by_the_clock_again() -> None:
    tokens, now = Tokens(SECRET, access_s=900), utcnow()
    token = tokens.issue_access(user_id="u", session_id="s", now=now)
    assert tokens.read_access(token).user_id == "u"
    for moved_s in (901, -60):
        with time_machine.travel(now + timedelta(seconds=moved_s)), pytest.raises(InvalidToken):
            tokens.read_access(token)
    assert tokens.read_access(token).user_id == "u"
