"""Clients that send nothing, or a byte now and then, are disconnected in time and delay no other client."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

import hospital_rt.bootstrap
from hospital_rt.settings import Settings
from tests.support.driver import Clinic, open_clinic
from tests.support.model_server import ModelServer
from tests.support.patience import allowed
from tests.support.wire import Wire, http, wire

pytestmark = pytest.mark.abuse

WITHIN_S = 0.6
SLACK_S = 2.0


@pytest.fixture
def within_s() -> float:
    """How long the impatient server waits: time enough for what a test sends in it."""
    return allowed(WITHIN_S)


@pytest.fixture
async def impatient(
    settings: Settings, model: ModelServer, monkeypatch: pytest.MonkeyPatch, within_s: float
) -> AsyncIterator[Clinic]:
    """A clinic whose server waits for no more than a moment."""
    assert (hospital_rt.bootstrap.IDLE_S, hospital_rt.bootstrap.BODY_S) == (60, 20)
    monkeypatch.setattr(hospital_rt.bootstrap, "IDLE_S", within_s)
    monkeypatch.setattr(hospital_rt.bootstrap, "BODY_S", within_s)
    async with open_clinic(settings, model) as opened:
        yield opened


async def drip(line: Wire, data: bytes, *, every_s: float = 0.1) -> None:
    """Send a byte now and then until the connection is closed."""
    with contextlib.suppress(OSError):
        for place in range(len(data)):
            await line.send(data[place : place + 1])
            await asyncio.sleep(every_s)  # the slowness under test


async def is_cut_off(line: Wire, dripping: bytes = b"") -> bytes:
    """Wait until the server hangs up; what it said before."""
    began = time.monotonic()
    sending = asyncio.create_task(drip(line, dripping))
    said = await line.rest(within_s=WITHIN_S + SLACK_S)
    sending.cancel()
    assert time.monotonic() - began < allowed(WITHIN_S + SLACK_S)
    return said


START = b"POST /api/token/ HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b""),
        (b"", b"G" * 100),
        (b"GET /api/me/ HTTP/1.1\r\n", b"X-Slow: " + b"y" * 100),
        (START + b"Content-Length: 200\r\n\r\n", b""),
        (START + b"Content-Length: 200\r\n\r\n{", b" " * 100),
        (START + b"Content-Length: 5\r\n\r\n{}", b""),
        (START + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n" * 20),
        (START + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{", b" " * 100),
        (START + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 100),
    ],
    ids=[
        "nothing",
        "a request line",
        "headers",
        "a body that never comes",
        "a body byte by byte",
        "a body cut short",
        "chunks",
        "a chunk byte by byte",
        "the length of a chunk",
    ],
)
async def test_whoever_drips_is_cut_off_and_others_are_served(impatient: Clinic, first: bytes, then: bytes) -> None:
    host = urlsplit(impatient.base).netloc
    async with wire(impatient.base) as line:
        await line.send(first.replace(b"{host}", host.encode()))
        cutting = asyncio.create_task(is_cut_off(line, then))
        served = await impatient.anyone.get("/healthz")
        assert served.status == 200
        assert b"200 OK" not in await cutting


async def test_an_idle_connection_is_closed_and_a_used_one_goes_on(impatient: Clinic, within_s: float) -> None:
    request = http("GET", "/healthz", host=urlsplit(impatient.base).netloc)
    async with wire(impatient.base) as line:
        for _ in range(4):
            await asyncio.sleep(within_s / 2)  # the slowness under test
            await line.send(request)
            answer = await line.answer()
            assert answer is not None and answer.status == 200
        assert await is_cut_off(line) == b""


async def test_many_slow_clients_delay_no_other(impatient: Clinic) -> None:
    async with contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(wire(impatient.base)) for _ in range(100)]
        for line in lines:
            await line.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        patient = await impatient.patient()
        assert (await patient.get("/api/me/")).status == 200
        assert time.monotonic() - began < allowed(3)
        assert await asyncio.gather(*(line.rest(within_s=WITHIN_S + SLACK_S) for line in lines)) == [b""] * 100


async def test_a_client_that_reads_nothing_of_a_large_answer_delays_no_other(ward: Clinic) -> None:
    """Swagger UI's script is over a megabyte; requests pile up behind answers that are not read."""
    host = urlsplit(ward.base).netloc
    request = http("GET", "/swagger/files/swagger-ui-bundle.js", host=host)
    async with wire(ward.base, receive_buffer=4096) as line:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(line.send(request * 2000), 0.5)
        began = time.monotonic()
        for _ in range(5):
            assert (await ward.anyone.get("/healthz")).status == 200
        assert time.monotonic() - began < allowed(2)


async def test_requests_sent_at_once_are_answered_in_order(ward: Clinic) -> None:
    host = urlsplit(ward.base).netloc
    requests = [http("GET", path, host=host) for path in ("/healthz", "/api/me/", "/api/nothing/", "/readyz")]
    async with wire(ward.base) as line:
        await line.send(b"".join(requests))
        answers = [await line.answer() for _ in requests]
    assert [answer and answer.status for answer in answers] == [200, 401, 404, 200]
