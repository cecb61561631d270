"""Limits: who may do what how often, counted by account and by address, with Redis and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hospital_rt.web.rate_limits import (
    ANSWER_ADDRESS,
    CALENDAR_ADDRESS,
    LINK_ADDRESS,
    LOG_IN_ACCOUNT,
    LOG_IN_ADDRESS,
    MAIL_ACCOUNT,
    MAIL_ADDRESS,
    NOTES_ACCOUNT,
    REFRESH_ADDRESS,
    SIGN_UP_ADDRESS,
    Limit,
)
from tests.conftest import asked_of
from tests.support.driver import PASSWORD, Answer, Clinic, open_clinic, test_settings
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.abuse

limited = pytest.mark.settings(rate_limits="on", trusted_proxies=("127.0.0.1",))
OTHER = "brisk-otter-umbrella-7"
_addresses = iter(range(1, 250))


def elsewhere() -> dict[str, str]:
    """From an address of its own, as a trusted proxy tells."""
    return {"X-Forwarded-For": f"198.51.100.{next(_addresses)}"}


async def sign_in(clinic: Clinic, email: str, password: str = PASSWORD, **more: Any) -> Answer:
    return await clinic.anyone.post("/api/token/", {"email": email, "password": password}, **more)


def refused(answer: Answer, limit: Limit) -> bool:
    """Whether one was too many; then the answer says when to come again."""
    if answer.status != 429:
        return False
    assert answer.slug == "rate-limited" and 1 <= int(answer.headers["Retry-After"]) <= limit.window_s + 1
    return True


async def use_up(clinic: Clinic, limit: Limit, address: str, *, but: int = 0) -> None:
    """Use up the limit of this address, except for ``but`` times."""
    who = clinic.app.resources.tokens.keyed_hash(b"address", address.encode())
    for _ in range(limit.most - but):
        await clinic.app.resources.limits.count(limit, who)


@limited
async def test_guessing_one_accounts_password_ends_soon_from_wherever_it_comes(clinic: Clinic) -> None:
    patient, other = await clinic.sign_up("patient"), await clinic.sign_up("patient")
    for number in range(LOG_IN_ACCOUNT.most):
        email = patient["email"].upper() if number % 2 else patient["email"]
        assert (await sign_in(clinic, email, OTHER, headers=elsewhere())).status == 401
    assert refused(await sign_in(clinic, patient["email"], headers=elsewhere()), LOG_IN_ACCOUNT)
    assert (await sign_in(clinic, other["email"], headers=elsewhere())).status == 200
    # An address without an account is counted alike.
    for _ in range(LOG_IN_ACCOUNT.most):
        assert (await sign_in(clinic, "nobody@clinic.example", headers=elsewhere())).status == 401
    assert refused(await sign_in(clinic, "nobody@clinic.example", headers=elsewhere()), LOG_IN_ACCOUNT)


@limited
async def test_the_right_password_starts_the_count_anew(clinic: Clinic) -> None:
    patient = await clinic.sign_up("patient")
    for _ in range(2):
        for _ in range(LOG_IN_ACCOUNT.most - 1):
            assert (await sign_in(clinic, patient["email"], OTHER)).status == 401
        assert (await sign_in(clinic, patient["email"])).status == 200


@limited
@pytest.mark.long
async def test_guessing_the_current_password_ends_soon_too(clinic: Clinic) -> None:
    patient = await clinic.patient()
    for number in range(LOG_IN_ACCOUNT.most):
        if number % 2:
            answer = await patient.post("/api/me/password/", {"current": OTHER, "password": OTHER})
        else:
            answer = await patient.delete("/api/me/", {"password": OTHER})
        assert answer.slug == "wrong-password"
    assert refused(await patient.post("/api/me/password/", {"current": PASSWORD, "password": OTHER}), LOG_IN_ACCOUNT)
    assert refused(await patient.delete("/api/me/", {"password": PASSWORD}), LOG_IN_ACCOUNT)


SIGN_UP = {"name": "Ruth", "email": "ruth@clinic.example", "password": PASSWORD, "role": "patient"}
BY_ADDRESS = [
    (LOG_IN_ADDRESS, "/api/token/", {"email": "nobody@clinic.example", "password": PASSWORD}, 401),
    (SIGN_UP_ADDRESS, "/api/signup/", SIGN_UP, 201),
    (MAIL_ADDRESS, "/api/forgot-password/", {"email": "nobody@clinic.example"}, 202),
    (LINK_ADDRESS, "/api/reset-password/", {"token": "x", "password": PASSWORD}, 400),
    (LINK_ADDRESS, "/api/verify-email/", {"token": "x", "password": PASSWORD}, 400),
    (REFRESH_ADDRESS, "/api/token/refresh/", {"refresh": "x"}, 401),
    (REFRESH_ADDRESS, "/api/token/revoke/", {"refresh": "x"}, 204),
]


@limited
async def test_one_address_may_not_try_without_end(clinic: Clinic) -> None:
    for number, (limit, path, body, status) in enumerate(BY_ADDRESS):
        here = {"X-Forwarded-For": f"203.0.113.{number}"}
        await use_up(clinic, limit, f"203.0.113.{number}", but=1)
        assert (await clinic.anyone.post(path, body, headers=here)).status == status, path
        assert refused(await clinic.anyone.post(path, body, headers=here), limit), path
        assert not refused(await clinic.anyone.post(path, body, headers=elsewhere()), limit), path


@limited
async def test_guessing_calendar_links_ends_and_leaves_mailed_links_alone(clinic: Clinic) -> None:
    here, guess = {"X-Forwarded-For": "203.0.113.200"}, f"/calendar/{43 * 'A'}.ics"
    await use_up(clinic, CALENDAR_ADDRESS, "203.0.113.200", but=1)
    assert (await clinic.anyone.get(guess, headers=here)).status == 404
    assert refused(await clinic.anyone.get(guess, headers=here), CALENDAR_ADDRESS)
    body = {"token": "x", "password": PASSWORD}
    assert (await clinic.anyone.post("/api/reset-password/", body, headers=here)).status == 400


@limited
async def test_guessing_tokens_of_notifications_ends_and_leaves_mailed_links_alone(clinic: Clinic) -> None:
    here, guess = {"X-Forwarded-For": "203.0.113.201"}, {"token": 43 * "A", "outcome": "done"}
    await use_up(clinic, ANSWER_ADDRESS, "203.0.113.201", but=1)
    assert (await clinic.anyone.post("/api/answer/", guess, headers=here)).slug == "invalid-token"
    assert refused(await clinic.anyone.post("/api/answer/", guess, headers=here), ANSWER_ADDRESS)
    body = {"token": "x", "password": PASSWORD}
    assert (await clinic.anyone.post("/api/reset-password/", body, headers=here)).status == 400


@pytest.mark.settings(rate_limits="on", trusted_proxies=("127.0.0.1",), email_verification="on")
async def test_a_mailbox_is_not_flooded_by_sign_ups_either(clinic: Clinic) -> None:
    for number in range(MAIL_ACCOUNT.most):
        body = {**SIGN_UP, "name": f"Ruth {number}"}
        assert (await clinic.anyone.post("/api/signup/", body, headers=elsewhere())).status == 202
    last = await clinic.anyone.post("/api/signup/", {**SIGN_UP, "email": "RUTH@clinic.example"}, headers=elsewhere())
    assert refused(last, MAIL_ACCOUNT)


@limited
async def test_a_mailbox_is_not_flooded(clinic: Clinic) -> None:
    for email in ("nobody@clinic.example", (await clinic.sign_up("patient"))["email"]):
        for _ in range(MAIL_ACCOUNT.most):
            answer = await clinic.anyone.post("/api/forgot-password/", {"email": email}, headers=elsewhere())
            assert answer.status == 202
        last = await clinic.anyone.post("/api/forgot-password/", {"email": email.upper()}, headers=elsewhere())
        assert refused(last, MAIL_ACCOUNT)


@limited
async def test_a_doctor_writes_no_faster_than_anybody_could(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    other_patient, other_doctor = await clinic.pair()
    body = {"patient_id": patient.id, "text": "Walk 20 minutes daily."}
    who = clinic.app.resources.tokens.keyed_hash(b"notes", doctor.id.encode())
    for _ in range(NOTES_ACCOUNT.most - 1):
        await clinic.app.resources.limits.count(NOTES_ACCOUNT, who)
    assert (await doctor.post("/api/notes/", body)).status == 202
    assert refused(await doctor.post("/api/notes/", body), NOTES_ACCOUNT)
    await clinic.submit(other_doctor, other_patient, "Walk.")


@pytest.mark.settings(rate_limits="on")
async def test_only_a_trusted_proxy_says_where_a_request_comes_from(clinic: Clinic) -> None:
    await use_up(clinic, LINK_ADDRESS, "127.0.0.1")
    answer = await clinic.anyone.post("/api/reset-password/", {"token": "x", "password": PASSWORD}, headers=elsewhere())
    assert refused(answer, LINK_ADDRESS)


@limited
async def test_an_ipv6_neighbour_counts_as_the_same_and_a_forged_hop_as_nothing(clinic: Clinic) -> None:
    await use_up(clinic, LINK_ADDRESS, "2001:db8:1:2::/64")

    async def ask(forwarded: str) -> Answer:
        body = {"token": "x", "password": PASSWORD}
        return await clinic.anyone.post("/api/reset-password/", body, headers={"X-Forwarded-For": forwarded})

    assert refused(await ask("2001:db8:1:2:aaaa::1"), LINK_ADDRESS)
    assert refused(await ask("198.51.100.250, 2001:db8:1:2:bbbb::9"), LINK_ADDRESS), "the last hop is the proxy's word"
    assert not refused(await ask("2001:db8:1:2::1, 2001:db8:1:3::1"), LINK_ADDRESS)
    assert (await ask("not an address")).status == 400


@limited
async def test_two_servers_count_together(clinic: Clinic, model: ModelServer, tmp_path: Path) -> None:
    patient = await clinic.sign_up("patient")
    async with _second(clinic, model, tmp_path) as second:
        for number in range(LOG_IN_ACCOUNT.most):
            assert (await sign_in((clinic, second)[number % 2], patient["email"], OTHER)).status == 401
        assert refused(await sign_in(clinic, patient["email"]), LOG_IN_ACCOUNT)
        assert refused(await sign_in(second, patient["email"]), LOG_IN_ACCOUNT)


@pytest.mark.settings(rate_limits="on", redis_url="redis://127.0.0.1:1")
async def test_without_redis_each_server_counts_alone(clinic: Clinic, model: ModelServer, tmp_path: Path) -> None:
    patient = await clinic.sign_up("patient")
    for _ in range(LOG_IN_ACCOUNT.most):
        assert (await sign_in(clinic, patient["email"], OTHER)).status == 401
    assert refused(await sign_in(clinic, patient["email"]), LOG_IN_ACCOUNT)
    async with _second(clinic, model, tmp_path) as second:
        assert (await sign_in(second, patient["email"])).status == 200


def _second(clinic: Clinic, model: ModelServer, tmp_path: Path) -> Any:
    """Another web server on the same records."""
    held = clinic.app.settings
    settings = test_settings(
        mongo_url=held.mongo_url or "",
        redis_url=held.redis_url or "",
        data_dir=tmp_path / "second",
        rate_limits="on",
        secret_key=held.secret_key,
        encryption_keys=held.encryption_keys,
        **asked_of(model),
    )
    return open_clinic(settings, model)
