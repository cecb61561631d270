"""The live channel below its messages: the upgrade, the frames, and violations of either."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.websocket import WebSocketHandler

from tests.support.driver import Clinic
from tests.support.feeds import tell
from tests.support.wire import BINARY, CLOSE, PING, PONG, TEXT, RawChannel, frame, http, raw_channel, wire

pytestmark = pytest.mark.abuse

CONTINUATION = 0x0
PING_MESSAGE = b'{"type":"ping","id":"1"}'
LARGEST = 16 * 1024


def host(ward: Clinic) -> str:
    return urlsplit(ward.base).netloc


def padded(size: int) -> bytes:
    """A ping message of so many bytes: unknown members are ignored."""
    head, tail = b'{"type":"ping","id":"1","more":"', b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


# The upgrade


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"Upgrade": "", "Connection": ""}, 400, "bad-request"),
        ({"Upgrade": "h2c"}, 400, "bad-request"),
        ({"Connection": "keep-alive"}, 400, "bad-request"),
        ({"Sec_WebSocket_Key": ""}, 400, "bad-request"),
        ({"Sec_WebSocket_Version": "8"}, 426, "upgrade-required"),
        ({"Sec_WebSocket_Version": ""}, 426, "upgrade-required"),
        ({"Host": "evil.example"}, 400, "bad-host"),
        ({"Origin": "http://evil.example"}, 403, "cross-origin"),
        ({"Origin": "null"}, 403, "cross-origin"),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403, "cross-origin"),
        ({"Origin": "{https}"}, 403, "cross-origin"),
        ({"Origin": "{base}.evil.example"}, 403, "cross-origin"),
        ({"Origin": "http://127.0.0.1:1"}, 403, "cross-origin"),
        ({"Origin": "http://evil.example", "Sec_Fetch_Site": "same-origin"}, 403, "cross-origin"),
        ({"Sec_Fetch_Site": "cross-site"}, 403, "cross-origin"),
    ],
)
async def test_an_upgrade_that_may_not_be_is_refused_with_a_problem(
    ward: Clinic, changes: dict[str, str], status: int, slug: str
) -> None:
    changes = {
        name: value.format(base=ward.base, https=ward.base.replace("http:", "https:"))
        for name, value in changes.items()
    }
    asked = changes.pop("Host", host(ward))
    channel = await RawChannel.open(ward.base)
    answer = await channel.upgrade(asked, **changes)
    assert answer is not None and (answer.status, answer.slug) == (status, slug)
    if status == 426:
        assert answer.headers["sec-websocket-version"] == "13"
    channel.close()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "{base}"},
        {"Origin": "{base}", "Sec_Fetch_Site": "same-origin"},
        {"Sec_WebSocket_Protocol": ""},
        {"Sec_WebSocket_Protocol": "other, hospital-rt.v1"},
        {"Sec_WebSocket_Extensions": "permessage-deflate"},
        {"Connection": "keep-alive, Upgrade"},
        {"Upgrade": "WebSocket"},
    ],
)
async def test_an_upgrade_of_our_own_page_or_of_no_browser_is_let_in(ward: Clinic, headers: dict[str, str]) -> None:
    patient = await ward.patient()
    channel = await RawChannel.open(ward.base)
    given = {name: value.format(base=ward.base) for name, value in headers.items()}
    answer = await channel.upgrade(host(ward), **given)
    assert answer is not None and answer.status == 101
    asked = headers.get("Sec_WebSocket_Protocol", "hospital-rt.v1")
    assert answer.headers.get("sec-websocket-protocol") == ("hospital-rt.v1" if asked else None)
    assert "sec-websocket-extensions" not in answer.headers, "nothing is compressed"
    assert (await channel.auth(patient.access))["user_id"] == patient.id
    channel.close()


@pytest.mark.settings(allowed_origins=("https://clinic.example",))
async def test_only_the_origins_that_are_allowed_may_open_a_channel_from_elsewhere(clinic: Clinic) -> None:
    expected = {
        "https://clinic.example": 101,
        clinic.base: 101,
        "http://clinic.example": 403,
        "https://clinic.example:8443": 403,
        "https://www.clinic.example": 403,
        "null": 403,
    }
    for origin, status in expected.items():
        channel = await RawChannel.open(clinic.base)
        answer = await channel.upgrade(host(clinic), Origin=origin)
        assert answer is not None and answer.status == status, origin
        channel.close()


@pytest.mark.parametrize(("method", "version"), [("POST", "1.1"), ("DELETE", "1.1"), ("GET", "1.0"), ("HEAD", "1.1")])
async def test_another_method_or_an_old_version_of_http_never_hangs(ward: Clinic, method: str, version: str) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
    async with wire(ward.base) as line:
        await line.send(http(method, "/api/live/", host=host(ward), headers=headers, version=version))
        answer = await line.answer(to=method)
        assert answer is not None
        if method != "GET":
            assert answer.status == 405 and answer.headers["allow"] == "GET"


# Frames


SENT: dict[str, tuple[list[bytes], int | None]] = {
    "a binary frame": ([frame(BINARY, PING_MESSAGE)], 1003),
    "an empty binary frame": ([frame(BINARY)], 1003),
    "not UTF-8": ([frame(TEXT, b'{"type":"ping","id":"\xff"}')], 1007),
    "overlong UTF-8": ([frame(TEXT, b'{"type":"ping","id":"\xc0\x80"}')], 1007),
    "a surrogate in UTF-8": ([frame(TEXT, b'{"type":"ping","id":"\xed\xa0\x80"}')], 1007),
    "not UTF-8, in parts": ([frame(TEXT, b'"\xe2', final=False), frame(CONTINUATION, b'"')], 1007),
    "one byte too many": ([frame(TEXT, padded(LARGEST + 1))], 1009),
    "a megabyte": ([frame(TEXT, padded(1 << 20))], 1009),
    "2^62 bytes, so it says": ([frame(TEXT, b"x" * 100, length=1 << 62)], 1009),
    "parts that are too much together": (
        [frame(TEXT, b"x" * 6000, final=False), *[frame(CONTINUATION, b"x" * 6000, final=False)] * 2],
        1009,
    ),
    "a frame that is not masked": ([frame(TEXT, PING_MESSAGE, masked=False)], 1002),
    "RSV1": ([frame(TEXT, PING_MESSAGE, rsv=4)], 1002),
    "RSV2": ([frame(TEXT, PING_MESSAGE, rsv=2)], 1002),
    "RSV3": ([frame(PING, b"", rsv=1)], 1002),
    "opcode 3": ([frame(0x3, PING_MESSAGE)], 1002),
    "opcode 11": ([frame(0xB)], 1002),
    "a long ping": ([frame(PING, b"x" * 126)], 1002),
    "a ping in parts": ([frame(PING, b"x", final=False)], 1002),
    "a continuation of nothing": ([frame(CONTINUATION, PING_MESSAGE)], 1002),
    "a message within a message": ([frame(TEXT, b"x", final=False), frame(TEXT, PING_MESSAGE)], 1002),
    "a close of one byte": ([frame(CLOSE, b"\x03")], 1002),
    "close 999": ([frame(CLOSE, (999).to_bytes(2, "big"))], 1002),
    "close 1005": ([frame(CLOSE, (1005).to_bytes(2, "big"))], 1002),
    "close 1006": ([frame(CLOSE, (1006).to_bytes(2, "big"))], 1002),
    "close 1015": ([frame(CLOSE, (1015).to_bytes(2, "big"))], 1002),
    "close 5000": ([frame(CLOSE, (5000).to_bytes(2, "big"))], 1002),
    "a reason that is not UTF-8": ([frame(CLOSE, b"\x03\xe8\xff")], 1007),
    "close 1000": ([frame(CLOSE, b"\x03\xe8bye")], 1000),
    "close 3000": ([frame(CLOSE, (3000).to_bytes(2, "big"))], 3000),
    "a bare close": ([frame(CLOSE)], 1005),
}


@pytest.mark.parametrize("authenticated", [True, False], ids=["signed in", "not signed in"])
async def test_whoever_breaks_the_protocol_is_told_by_the_close_code(ward: Clinic, authenticated: bool) -> None:
    patient, other = await ward.patient(), await ward.patient()
    async with other.live() as theirs:
        for what, (frames, code) in SENT.items():
            async with raw_channel(ward.base) as channel:
                if authenticated:
                    await channel.auth(patient.access)
                for one in frames:
                    await channel.send(one)
                assert await channel.close_code(within_s=2) == code, what
        await tell(ward.app, other.id, ["still here"])
        assert (await theirs.message("event"))["seq"] == 1


async def test_what_the_protocol_allows_is_taken(ward: Clinic) -> None:
    patient = await ward.patient()
    whole = padded(LARGEST)
    euro = '{"type":"ping","id":"€"}'.encode()
    place = euro.index(b"\xe2") + 1
    async with raw_channel(ward.base) as channel:
        await channel.auth(patient.access)
        taken: list[list[bytes]] = [
            [frame(TEXT, whole)],
            [frame(TEXT, euro[:place], final=False), frame(PING, b"between"), frame(CONTINUATION, euro[place:])],
            [
                frame(TEXT, b"", final=False),
                *[frame(CONTINUATION, b"", final=False)] * 50,
                frame(CONTINUATION, PING_MESSAGE),
            ],
            [frame(PONG, b"unsolicited")],
        ]
        for frames in taken:
            for one in frames:
                await channel.send(one)
        answers: list[tuple[int, bytes]] = []
        while len(answers) < 4:
            found = await channel.frame()
            assert found is not None
            answers.append(found)
        assert answers[1] == (PONG, b"between")
        assert [opcode for opcode, _ in answers] == [TEXT, PONG, TEXT, TEXT]
        assert "€" in answers[2][1].decode()


async def test_a_message_in_parts_does_not_grow_without_end(ward: Clinic) -> None:
    patient = await ward.patient()
    async with raw_channel(ward.base) as channel:
        await channel.auth(patient.access)
        await channel.send(frame(TEXT, b"x", final=False))
        await channel.send(b"".join(frame(CONTINUATION, b"x", final=False) for _ in range(LARGEST)))
        assert await channel.close_code(within_s=5) == 1009


async def test_a_flood_of_pings_delays_no_other_client(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    async with raw_channel(ward.base) as channel, other.live() as theirs:
        await channel.auth(patient.access)
        await channel.send(frame(PING, b"x" * 125) * 5000)
        await tell(ward.app, other.id, ["still here"])
        assert (await theirs.message("event", within_s=3))["seq"] == 1
        await channel.say(PING_MESSAGE)
        assert await channel.hear(within_s=5) == {"type": "pong", "id": "1"}


async def test_a_peer_that_has_vanished_is_let_go(ward: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebSocketHandler, "ping_interval", 0.2)
    monkeypatch.setattr(WebSocketHandler, "ping_timeout", 0.2)
    patient = await ward.patient()
    async with raw_channel(ward.base) as channel, raw_channel(ward.base) as alive:
        await channel.auth(patient.access)
        await alive.auth(patient.access)
        for _ in range(5):
            found: Any = await alive.frame(within_s=2)
            assert found == (PING, b"")
            await alive.send(frame(PONG, b""))
        assert await channel.close_code(within_s=2) == 1011, "which tells a client to come back"
        await alive.say(PING_MESSAGE)
        assert await alive.hear() == {"type": "pong", "id": "1"}


async def test_whoever_hangs_up_in_the_middle_of_a_frame_leaves_nothing_behind(ward: Clinic) -> None:
    patient = await ward.patient()
    whole = frame(TEXT, PING_MESSAGE)
    for piece in (whole[:1], whole[:4], whole[:-1], frame(TEXT, b"x", final=False)):
        async with raw_channel(ward.base) as channel:
            await channel.auth(patient.access)
            await channel.send(piece)
    async with patient.live() as page:
        await page.nothing_more()
