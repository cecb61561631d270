"""Whatever a client sends, proper HTTP or not: never a fault of ours, and the next client is served."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from handlers.routes import API, Route
from hospital_rt.domain.clock import utcnow
from hospital_rt.settings import Settings
from tests.support.driver import Caller, Clinic, open_clinic, plan_item
from tests.support.model_server import ModelServer
from tests.support.patience import allowed
from tests.support.people import admin_of
from tests.support.wire_http import say

pytestmark = pytest.mark.abuse

# HTTP by hand

CHUNKS = (b"10000\r\n" + b" " * 0x10000 + b"\r\n") * 40 + b"0\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\n{host}\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /api/token/ HTTP/1.1\r\n{host}\r\n%sContent-Length: 300000\r\n\r\n" + b" " * 300_000, 413),
        (b"POST /api/token/ HTTP/1.1\r\n{host}\r\n%sTransfer-Encoding: chunked\r\n\r\n" + CHUNKS, 413),
        (b"POST /api/me/password/ HTTP/1.1\r\n{host}\r\n%sContent-Length: 100000\r\n\r\n" + b" " * 100_000, 401),
        (b"POST /api/nothing/ HTTP/1.1\r\n{host}\r\n%sContent-Length: 100000\r\n\r\n" + b" " * 100_000, 404),
        (b"PUT /api/me/ HTTP/1.1\r\n{host}\r\n%sContent-Length: 100000\r\n\r\n" + b" " * 100_000, 405),
        (b"DELETE /api/me/ HTTP/1.1\r\n{host}\r\n%sContent-Length: 2\r\n\r\n{}", 401),
    ],
)
async def test_a_refusal_leaves_the_connection_usable(ward: Clinic, request_: bytes, status: int) -> None:
    heard = await say(ward, request_.replace(b"%s", b"Content-Type: application/json\r\n"), HEALTH)
    assert heard.statuses == [status, 200]


async def test_a_body_beyond_all_measure_is_not_even_asked_for(ward: Clinic) -> None:
    start = b"POST /api/token/ HTTP/1.1\r\n{host}\r\nContent-Type: application/json\r\n"
    for more in (b"Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n", b"Content-Length: 9000000000\r\n\r\n"):
        heard = await say(ward, start + more, until_closed=True)
        assert heard.statuses == [413] and b"Connection: close" in heard.raw and heard.is_closed


@pytest.mark.parametrize(
    "request_",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /api/me/ HTTP/1.1\r\n\r\n",
        b"GET /api/me/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /api/token/ HTTP/1.1\r\n{host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /api/token/ HTTP/1.1\r\n{host}\r\nContent-Length: -5\r\n\r\nabcde",
        b"POST /api/token/ HTTP/1.1\r\n{host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\nabc",
        b"POST /api/token/ HTTP/1.1\r\n{host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET /api/me/ HTTP/1.1\r\n{host}\r\nAuthorization: Bearer " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_bytes_that_are_not_http_disturb_no_other_request(ward: Clinic, request_: bytes) -> None:
    heard = await say(ward, request_, until_closed=True)
    assert heard.statuses in ([400], [431], []) and heard.is_closed
    assert (await ward.anyone.get("/healthz")).status == 200


async def test_a_client_that_went_away_in_the_middle_holds_nothing_up(settings: Settings, model: ModelServer) -> None:
    async with open_clinic(settings, model) as clinic:
        half = b"POST /api/token/ HTTP/1.1\r\n{host}\r\nContent-Length: 100\r\n\r\n{"
        with pytest.raises(TimeoutError):
            await say(clinic, half, within_s=0.3)
        began = time.monotonic()
    assert time.monotonic() - began < allowed(3), "the stop waited for a request that will never end"


# Whatever a client sends


def everywhere(value: Any) -> dict[str, Any]:
    """A body with this value for every name that any body has."""
    names = """email password token refresh current name role timezone language session reminder_time patient_id
    doctor_id share_history text steps slot outcome reason titles endpoint keys may notes until from alert_minutes
    invitation unverified"""
    return dict.fromkeys(names.split(), value)


NASTY: list[Any] = [
    [],
    None,
    True,
    1,
    "x",
    {"": ""},
    {"__proto__": {}, "$where": "1"},
    {"a/b~c": 1},
    everywhere({"$gt": ""}),
    everywhere([{"x": None}]),
    everywhere("\x00"),
    everywhere("\ud800"),
    everywhere(-(2**62)),
    everywhere(1.5),
    everywhere(False),
    everywhere(""),
    everywhere("\u202e" * 256),
    {"slot": "9999-12-31T23:59:59.999Z"},
    {"slot": "0001-01-01T00:00:00Z"},
    {"slot": "2027-13-45T99:99:99Z"},
    {"steps": [{"schedule": {"times": ["09:00"] * 30}}]},
    {"steps": [{"id": None, "title": "x", "schedule": []}]},
    {"timezone": "../../etc/passwd"},
    {"reminder_time": "٠٩:٠٠"},
    {"language": "x" * 60_000},
    {"email": "a@" + "b." * 120 + "example", "password": "x"},
    {"email": "\U0001f600@x.example", "password": "x"},
    {"email": "ſ@clinic.example", "password": "x" * 1024},
    {"token": "x", "password": "\U0001f600" * 128},
]
QUERIES = [
    "limit=" + "9" * 400,
    "limit=1&limit=2",
    "cursor=" + "A" * 400,
    "cursor=bnVsbA",
    "cursor=WyJ4Il0",
    "cursor=WyJ4IiwieCJd",
    "cursor=WyIyMDI3LTAzLTAxVDEyOjAwOjAwWiIsIlx1MDAwMCJd",
    "cursor=Wy01XQ",
    "cursor=WzllOTldXQ",
    "cursor=WzEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MF0",
    "q=%00",
    "q=" + "%F0%9F%98%80" * 90,
    "patient_id[$ne]=x",
    "slot=%ff",
    "after=99999999999999999999999&epoch=x",
    "days=1e3",
    "&&==%",
]


@pytest.mark.parametrize("route", API, ids=lambda route: route.path)
async def test_no_request_is_a_fault_of_ours(ward: Clinic, route: Route) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[plan_item("Walk", "Walk daily")])
    ids = {"step_id": note["steps"][0]["id"], "note_id": note["id"], "user_id": patient.id}
    path = re.sub(r"\{(\w+)\}", lambda found: ids.get(found.group(1), str(uuid4())), route.path)
    for method, operation in route.handler.operations.items():
        users: dict[str, list[Caller]] = {
            "patient": [patient],
            "doctor": [doctor],
            "user": [patient, doctor],
            "non_admin": [patient, doctor],
            "admin": [await admin_of(ward)] if operation.allow == "admin" else [],
            "anyone": [ward.anyone],
        }
        for user in users[operation.allow]:
            for query in QUERIES if operation.query else QUERIES[-1:]:
                await user.call(method, f"{path}?{query}", {} if method != "GET" else None)
            for body in NASTY if operation.body else []:
                answer = await user.call(method, path, raw=json.dumps(body).encode())
                assert answer.status in {200, 202, 204, 400, 401, 403, 404, 409, 422}, body


async def test_a_token_of_long_ago_is_no_fault_of_ours(ward: Clinic) -> None:
    patient = await ward.patient()
    with time_machine.travel(utcnow().replace(year=2099), tick=True):
        assert (await patient.get("/api/me/")).slug == "unauthenticated"
