"""Refusals: one shape, every one of them can be met, and nothing that a client sends is a fault of ours."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from handlers.routes import API, openapi_document
from hospital_rt.web.problems import PUBLISHED
from tests.support.driver import PASSWORD, Answer, Clinic, Person, item, plan_item

JSON = {"Content-Type": "application/json"}
# Not meant to occur; the tests' own client fails on it.
NEVER = {"internal"}


# The list of them


def test_every_problem_is_published_in_one_way() -> None:
    for slug, (status, title) in PUBLISHED.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) and 400 <= status <= 503
        assert title[0].isupper() and not title.endswith("."), title


def test_every_problem_is_described_of_some_operation() -> None:
    described: set[str] = set()
    for methods in openapi_document()["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                if "application/problem+json" in response.get("content", {}):
                    described |= set(response["description"].split(", "))
    # One is of paths rather than of operations, one of the live channel.
    assert described | {"method-not-allowed", "upgrade-required"} | NEVER == set(PUBLISHED)


async def test_the_type_of_a_problem_leads_to_what_it_means(ward: Clinic) -> None:
    for slug, (status, title) in PUBLISHED.items():
        answer = await ward.anyone.get(f"/problems/{slug}")
        assert answer.body == {"type": f"/problems/{slug}", "title": title, "status": status}
    assert (await ward.anyone.get("/problems/none-of-these")).status == 404


# Meeting each of them


async def _bad_request(ward: Clinic) -> Answer:
    return await (await ward.patient()).delete("/api/assign/", headers={"Idempotency-Key": "two words"})


async def _forbidden(ward: Clinic) -> Answer:
    return await (await ward.patient()).get("/api/my-patients/")


async def _wrong_password(ward: Clinic) -> Answer:
    return await (await ward.patient()).delete("/api/me/", {"password": "not it"})


async def _cross_origin(ward: Clinic) -> Answer:
    headers = {"Cookie": "hrt_refresh=x", "Origin": "https://evil.example"}
    return await ward.anyone.post("/api/token/refresh/", headers=headers)


async def _email_taken(ward: Clinic) -> Answer:
    user = await ward.sign_up("patient")
    body = {"name": "Eve", "email": user["email"], "password": PASSWORD, "role": "patient"}
    return await ward.anyone.post("/api/signup/", body)


async def _conflict(ward: Clinic) -> Answer:
    patient, doctor = await ward.pair()
    note = await ward.submit(doctor, patient, "Walk.")
    return await doctor.post(f"/api/notes/{note['id']}/retry/")


async def _superseded(ward: Clinic) -> Answer:
    patient, doctor = await ward.pair()
    note = await ward.submit(doctor, patient, "Walk.")
    await ward.assign(patient, await ward.doctor())
    await ward.assign(patient, doctor)
    return await doctor.post(f"/api/notes/{note['id']}/retry/")


async def _walking(ward: Clinic, **more: Any) -> tuple[Person, Person, str]:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[plan_item("Walk", "Walk daily")], **more)
    return patient, doctor, str(note["steps"][0]["id"])


async def _step_proposed(ward: Clinic) -> Answer:
    patient, doctor = await ward.pair()
    dropped = item("Take warfarin 5 mg", "nothing of the kind")
    note = await ward.note(
        doctor, patient, checklist=[item("Book a scan"), dropped], text="Book a scan.", expect="proposed"
    )
    return await patient.post(f"/api/check-in/{note['steps'][0]['id']}/")


async def _step_cancelled(ward: Clinic) -> Answer:
    patient, _, step_id = await _walking(ward)
    await patient.post(f"/api/steps/{step_id}/cancel/")
    return await patient.post(f"/api/check-in/{step_id}/")


async def _slot_closed(ward: Clinic) -> Answer:
    patient, _, step_id = await _walking(ward)
    return await patient.post(f"/api/check-in/{step_id}/", {"slot": "2027-03-05T09:00:00Z"})


async def _too_late(ward: Clinic) -> Answer:
    patient, _, step_id = await _walking(ward)
    await ward.tick("2027-03-02T09:00")
    await patient.post(f"/api/check-in/{step_id}/")
    ward.set_clock("2027-03-04T09:00")
    return await patient.delete(f"/api/check-in/{step_id}/")


async def _reset(ward: Clinic) -> Answer:
    return await (await ward.patient()).get("/api/events/?after=1&epoch=another")


async def _mismatch(ward: Clinic) -> Answer:
    patient, doctor = await ward.pair()
    headers = {"Idempotency-Key": "k"}
    await ward.submit(doctor, patient, "Walk.", headers=headers)
    return await doctor.post("/api/notes/", {"patient_id": patient.id, "text": "Run."}, headers=headers)


async def _busy(ward: Clinic) -> Answer:
    body = {"email": "nobody@clinic.example", "password": PASSWORD}
    answers = await asyncio.gather(*(ward.anyone.post("/api/token/", body) for _ in range(54)))
    assert {answer.status for answer in answers} == {401, 429}
    return next(answer for answer in answers if answer.status == 429)


MET: dict[str, Callable[[Clinic], Awaitable[Answer]]] = {
    "not-json": lambda ward: ward.anyone.post("/api/token/", raw=b"{", headers=JSON),
    "bad-request": _bad_request,
    "bad-host": lambda ward: ward.anyone.get("/api/me/", headers={"Host": "evil.example"}),
    "invalid-token": lambda ward: ward.anyone.post("/api/reset-password/", {"token": "x", "password": PASSWORD}),
    "unauthenticated": lambda ward: ward.anyone.get("/api/me/"),
    "wrong-credentials": lambda ward: ward.anyone.post("/api/token/", {"email": "x", "password": "x"}),
    "forbidden": _forbidden,
    "wrong-password": _wrong_password,
    "cross-origin": _cross_origin,
    "not-found": lambda ward: ward.anyone.get("/api/nothing/"),
    "not-assigned": lambda ward: _as_patient(ward, "/api/assign/"),
    "method-not-allowed": lambda ward: ward.anyone.call("PUT", "/api/me/"),
    "email-taken": _email_taken,
    "conflict": _conflict,
    "superseded": _superseded,
    "step-proposed": _step_proposed,
    "step-cancelled": _step_cancelled,
    "slot-closed": _slot_closed,
    "too-late": _too_late,
    "reset": _reset,
    "too-large": lambda ward: ward.anyone.post("/api/token/", raw=b" " * 65_537, headers=JSON),
    "unsupported-media-type": lambda ward: ward.anyone.post("/api/token/", raw=b"{}", headers={"Content-Type": "a/b"}),
    "invalid": lambda ward: ward.anyone.post("/api/token/", {}),
    "idempotency-mismatch": _mismatch,
    "busy": _busy,
    "upgrade-required": lambda ward: ward.anyone.get(
        "/api/live/", headers={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "8"}
    ),
}
# These need a server of their own, and are met in the tests named.
MET_ELSEWHERE = {
    "doctor-pending": "test_a_new_doctor_waits_for_approval",
    "email-unverified": "test_an_account_works_once_its_address_is_confirmed",
    "challenge-ended": "integration/test_second_factors.py",
    "password-sign-in-off": "integration/test_provider_sign_in.py",
    "proof-required": "integration/test_second_factors.py",
    "rate-limited": "unit/test_rate_limits.py",
    "second-factor": "integration/test_second_factors.py",
    "second-factor-required": "integration/test_second_factors.py",
    "too-soon": "test_too_soon_is_refused_unless_it_is_said_to_have_happened",
    "unavailable": "test_while_mongodb_is_away_every_request_is_told_to_come_back",
    "wrong-code": "integration/test_second_factors.py",
    "wrong-factor": "integration/test_second_factors.py",
}


async def _as_patient(ward: Clinic, path: str) -> Answer:
    return await (await ward.patient()).get(path)


def test_every_problem_is_met_somewhere() -> None:
    assert {*MET, *MET_ELSEWHERE} | NEVER == set(PUBLISHED) and not {*MET} & {*MET_ELSEWHERE}
    code = "".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    for slug, where in MET_ELSEWHERE.items():
        assert (Path(__file__).parents[1] / where).exists() or f"def {where}(" in code, slug


@pytest.mark.parametrize("slug", MET)
async def test_a_problem_says_what_it_is(ward: Clinic, slug: str) -> None:
    answer = await MET[slug](ward)
    status, title = PUBLISHED[slug]
    body = answer.body
    assert (answer.status, answer.slug, body["title"], body["status"]) == (status, slug, title, status)
    assert set(body) == {"type", "title", "status", "detail"} | ({"errors"} if answer.status == 422 else set())
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


# 400, 413, 415: the body


NOT_JSON = [
    b"",
    b"{",
    b"{}{}",
    b"{'a': 1}",
    b'{"a": 1, "a": 2}',
    b'{"a": NaN}',
    b'{"a": 1e999}',
    b"\xef\xbb\xbf{}",
    b"\xff\xfe",
    '{"a": "é"}'.encode("latin-1"),
    '{"a": 1}'.encode("utf-16"),
    b"[" * 60_000,
    b"1" * 5000,
    b"nul",
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"a": "\t"}',
    b"{}\x00",
]


@pytest.mark.parametrize("raw", NOT_JSON)
async def test_what_is_not_json_is_400(ward: Clinic, raw: bytes) -> None:
    answer = await ward.anyone.call("POST", "/api/token/", raw=raw, headers=JSON)
    assert (answer.status, answer.slug) == (400, "not-json")


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"{}"', b"1", b"true", b"  {} \r\n", b'{"email": {}}'])
async def test_json_of_a_wrong_shape_is_422(ward: Clinic, raw: bytes) -> None:
    assert (await ward.anyone.call("POST", "/api/token/", raw=raw, headers=JSON)).slug == "invalid"


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/merge-patch+json",
    ],
)
async def test_what_is_sent_as_something_else_is_415(ward: Clinic, media_type: str) -> None:
    body = json.dumps({"email": "x", "password": "x"}).encode()
    answer = await ward.anyone.post("/api/token/", raw=body, headers={"Content-Type": media_type})
    assert (answer.status, answer.slug) == (415, "unsupported-media-type")
    packed = await ward.anyone.post("/api/token/", raw=body, headers={**JSON, "Content-Encoding": "gzip"})
    assert packed.slug == "unsupported-media-type"


async def test_a_refused_body_says_what_was_sent_and_what_is_wanted(ward: Clinic) -> None:
    wanted = "send application/json in UTF-8, not compressed."
    for headers, sent in (
        ({"Content-Type": ""}, "No Content-Type was sent"),
        ({"Content-Type": "text/plain; charset=utf-8"}, 'Content-Type "text/plain" was sent'),
        ({"Content-Type": "application/json; charset=utf-16"}, 'The charset "utf-16" was sent'),
        ({**JSON, "Content-Encoding": "gzip"}, 'Content-Encoding "gzip" was sent'),
    ):
        answer = await ward.anyone.post("/api/token/", raw=b"{}", headers=headers)
        assert answer.body["detail"] == f"{sent}; {wanted}"
    marked = await ward.anyone.post("/api/token/", raw=b"\xef\xbb\xbf{}", headers=JSON)
    assert (marked.status, "byte order mark" in marked.body["detail"]) == (400, True)


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "APPLICATION/JSON", 'application/json; charset="UTF-8"', "application/json;charset=utf8"],
)
async def test_json_may_be_named_in_any_case(ward: Clinic, media_type: str) -> None:
    user = await ward.sign_up("patient")
    body = json.dumps({"email": user["email"], "password": PASSWORD}).encode()
    assert (await ward.anyone.post("/api/token/", raw=body, headers={"Content-Type": media_type})).status == 200


async def test_64_kib_are_taken_and_a_byte_more_is_413(ward: Clinic) -> None:
    user = await ward.sign_up("patient")
    body = json.dumps({"email": user["email"], "password": PASSWORD}).encode()
    assert (await ward.anyone.post("/api/token/", raw=body.ljust(65_536), headers=JSON)).status == 200
    assert (await ward.anyone.post("/api/token/", raw=body.ljust(65_537), headers=JSON)).slug == "too-large"


# 404, 405: the path and the method


@pytest.mark.parametrize("route", API, ids=lambda route: route.path)
async def test_a_route_says_which_methods_it_has(ward: Clinic, route: Any) -> None:
    path = re.sub(r"\{\w+\}", str(uuid4()), route.path)
    allowed = {*route.handler.operations, "OPTIONS"} | ({"HEAD"} if "GET" in route.handler.operations else set())
    for method in {"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "PROPFIND"} - allowed:
        answer = await ward.anyone.call(method, path)
        assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) == allowed, method
    options = await ward.anyone.call("OPTIONS", path)
    assert options.status == 204 and set(options.headers["Allow"].split(", ")) == allowed


async def test_paths_work_with_and_without_the_final_slash(ward: Clinic) -> None:
    patient = await ward.patient()
    for route in API:
        if "GET" in route.handler.operations and "{" not in route.path:
            with_slash, without = [(await patient.get(path)).status for path in (route.path, route.path.rstrip("/"))]
            assert with_slash == without != 405, route.path
    for path in ("/openapi.json", "/asyncapi.json", "/healthz", "/readyz", "/metrics", "/swagger"):
        assert (await patient.get(path)).status == (await patient.get(path + "/")).status == 200, path
    for path in ("/api", "/api/", "/api/me//", "//api/me/", "/api/me/x/", "/API/me/", "/api/notes//", "/swagger/x"):
        for method in ("GET", "POST", "PROPFIND"):
            assert (await patient.call(method, path)).status == 404, (method, path)


async def test_head_says_what_get_says(ward: Clinic) -> None:
    patient = await ward.patient()
    for path in ("/api/me/", "/api/steps/", "/healthz", "/swagger/", "/openapi.json"):
        got, asked = await patient.get(path), await patient.call("HEAD", path)
        assert (asked.status, asked.raw) == (200, b"")
        for name in ("Content-Type", "Content-Length"):
            assert asked.headers[name] == got.headers[name], path
    assert (await ward.anyone.call("HEAD", "/api/me/")).status == 401
