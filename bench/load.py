"""Clients that cost less than what they measure: asyncio protocols by hand, for HTTP and for WebSocket.

One process holds 10,000 sockets; a request or a message costs it 10-20 us, where a client library takes 100-300.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def percentile(values: Sequence[float], percent: float) -> float:
    """In milliseconds, of values in seconds; NaN without any."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000, 2)


# HTTP


def request(method: str, path: str, *, token: str | None = None, body: Any = None, host: str) -> bytes:
    """A whole request, as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    data = b"" if body is None else json.dumps(body).encode()
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class _HttpProtocol(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._data[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        whole = end + 4 + length
        if len(self._data) < whole:
            return
        body, self._data = self._data[end + 4 : whole], self._data[whole:]
        if self.answer and not self.answer.done():
            self.answer.set_result((int(head[9:12]), body))
        if b"connection: close" in head and self.transport:
            self.transport.close()
            self.transport = None


class HttpClient:
    """One connection, opened again when the server closes it."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._protocol: _HttpProtocol | None = None

    async def send(self, raw: bytes, *, within_s: float = 60) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        for attempt in (0, 1):
            if self._protocol is None or self._protocol.transport is None or self._protocol.transport.is_closing():
                _, self._protocol = await loop.create_connection(_HttpProtocol, self._host, self._port)
            assert self._protocol.transport is not None
            self._protocol.answer = loop.create_future()
            self._protocol.transport.write(raw)
            try:
                return await asyncio.wait_for(self._protocol.answer, within_s)
            except ConnectionError:
                if attempt:
                    raise
                self._protocol = None
        raise AssertionError("unreachable")

    def close(self) -> None:
        if self._protocol and self._protocol.transport:
            self._protocol.transport.close()


@dataclass
class Answers:
    """What a closed loop saw once it was warm."""

    seconds: float
    taken_s: list[float]
    statuses: Counter[int]
    errors: Counter[str]
    all: int  # with those of the warm-up

    @property
    def per_s(self) -> float:
        return round(len(self.taken_s) / self.seconds, 1)


async def closed_loop(
    base: str, requests: Iterable[bytes], *, connections: int, seconds: float, warm_s: float = 1.0
) -> Answers:
    """Each connection sends the next request when its last is answered. What comes in the warm-up is not counted."""
    source: Iterator[bytes] = iter(requests)
    taken_s: list[float] = []
    statuses: Counter[int] = Counter()
    errors: Counter[str] = Counter()
    began = time.perf_counter() + warm_s
    ends, count = began + seconds, [0]

    async def one() -> None:
        client = HttpClient(base)
        while time.perf_counter() < ends and (raw := next(source, None)) is not None:
            sent = time.perf_counter()
            try:
                status, _ = await client.send(raw)
            except (OSError, TimeoutError) as error:
                errors[type(error).__name__] += 1
                continue
            count[0] += 1
            if sent >= began:
                taken_s.append(time.perf_counter() - sent)
                statuses[status] += 1
        client.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return Answers(max(0.001, time.perf_counter() - began), taken_s, statuses, errors, count[0])


# WebSocket


class _Socket(asyncio.Protocol):
    """One WebSocket: upgrades, says hello, counts as ready once the server has said so, and notes what comes."""

    __slots__ = ("crowd", "data", "index", "is_up", "ready", "transport")

    def __init__(self, crowd: Crowd, index: int, ready: asyncio.Future[None]) -> None:
        self.crowd, self.index, self.ready = crowd, index, ready
        self.data, self.is_up = b"", False
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.crowd.upgrade(self.index))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before it was ready"))
        elif not self.crowd.is_leaving:
            self.crowd.lost += 1

    def data_received(self, data: bytes) -> None:
        self.data = self.data + data if self.data else data
        if not self.is_up and not self._upgraded():
            return
        while frame := _first_frame(self.data):
            kind, body, self.data = frame
            if kind == 1:
                self._take(body)
            elif kind == 9:
                self.send(10, body)
            elif kind == 8:
                self.crowd.closed[struct.unpack_from("!H", body)[0] if len(body) > 1 else 1005] += 1
                self.transport.close()

    def _upgraded(self) -> bool:
        """Read the answer to the upgrade and say hello; False while it is incomplete, or when it is a refusal."""
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return False
        if self.data[9:12] != b"101":
            if not self.ready.done():
                self.ready.set_exception(ConnectionError(self.data[:40].decode("latin1")))
            self.transport.close()
            return False
        self.is_up, self.data = True, self.data[end + 4 :]
        hello = self.crowd.hello(self.index)
        if hello is not None:
            self.send(1, hello)
        elif not self.ready.done():
            self.ready.set_result(None)
        return True

    def _take(self, body: bytes) -> None:
        if not self.ready.done() and self.crowd.is_ready(body):
            self.ready.set_result(None)
        else:
            self.crowd.take(self.index, body)

    def send(self, kind: int, body: bytes) -> None:
        """A frame, masked with zeros."""
        head = bytes([0x80 | len(body)]) if len(body) < 126 else b"\xfe" + struct.pack("!H", len(body))
        self.transport.write(bytes([0x80 | kind]) + head + bytes(4) + body)


def _first_frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Kind and body of the first frame, and what follows it; None while it is incomplete."""
    if len(data) < 2:
        return None
    kind, length, at = data[0] & 15, data[1] & 127, 2
    if length >= 126:
        form, at = ("!H", 4) if length == 126 else ("!Q", 10)
        if len(data) < at:
            return None
        length = struct.unpack_from(form, data, 2)[0]
    return (kind, data[at : at + length], data[at + length :]) if len(data) >= at + length else None


@dataclass
class Crowd:
    """Many sockets of one process. Subclasses know a system's path, first message and events."""

    base: str
    tokens: Sequence[str]
    came: list[tuple[int, float, bytes]] = field(default_factory=list)
    lost: int = 0
    closed: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    is_leaving: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.base)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self.sockets: list[_Socket] = []
        self.quiet = True

    def upgrade(self, index: int) -> bytes:
        return UPGRADE.format(path=self.path(index), host=self.host, port=self.port).encode()

    def path(self, index: int) -> str:
        return "/api/live/"

    def hello(self, index: int) -> bytes | None:
        """The first message; None when the server expects none."""
        return json.dumps({"type": "auth", "token": self.tokens[index], "resume_after": None}).encode()

    def is_ready(self, body: bytes) -> bool:
        return body.startswith(b'{"type":"ready"')

    def take(self, index: int, body: bytes) -> None:
        if body.startswith(b'{"type":"event"'):
            self.came.append((index, time.time(), body))

    async def connect(self, *, at_once: int = 100) -> float:
        """Connect everyone, so many at a time; the seconds until the last was ready."""
        loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(at_once)

        async def one(index: int) -> None:
            async with gate:
                ready: asyncio.Future[None] = loop.create_future()
                socket = _Socket(self, index, ready)
                try:  # several source addresses, so that ports never run out
                    await loop.create_connection(
                        lambda: socket, self.host, self.port, local_addr=(f"127.0.0.{2 + index % 8}", 0)
                    )
                    await asyncio.wait_for(ready, 60)
                    self.sockets.append(socket)
                except (OSError, TimeoutError) as error:
                    self.refused[f"{type(error).__name__}: {error}"[:60]] += 1

        began = time.perf_counter()
        await asyncio.gather(*(one(index) for index in range(len(self.tokens))))
        return time.perf_counter() - began

    async def until(self, count: int, *, within_s: float) -> None:
        """Wait until so many events have come, or the time is over."""
        deadline = time.perf_counter() + within_s
        while len(self.came) < count and time.perf_counter() < deadline:  # noqa: ASYNC110 - cheaper than an event each
            await asyncio.sleep(0.01)  # looks again

    async def leave(self) -> None:
        self.is_leaving = True
        for socket in self.sockets:
            with contextlib.suppress(Exception):
                socket.transport.abort()
        self.sockets.clear()
        await asyncio.sleep(0.2)  # the other side sees them gone


class BareCrowd(Crowd):
    """The bare server of ``limits/``: no first message; every message is an event."""

    def path(self, index: int) -> str:
        return f"/live?user={self.tokens[index]}"

    def hello(self, index: int) -> bytes | None:
        return None

    def take(self, index: int, body: bytes) -> None:
        self.came.append((index, time.time(), body))
