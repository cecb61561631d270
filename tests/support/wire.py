"""Bytes by hand: requests that no HTTP library would send, and frames that RFC 6455 forbids.

The socket is read only when a test asks for it, so that a test can be a reader that takes nothing in.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import socket
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.patience import allowed

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


@dataclass(frozen=True)
class RawAnswer:
    """A response as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def slug(self) -> str | None:
        """Which problem it is, if it is a problem document, or FHIR's."""
        if self.headers.get("content-type") == "application/fhir+json":
            return str(json.loads(self.body)["issue"][0]["details"]["coding"][0]["code"])
        if self.headers.get("content-type") != "application/problem+json":
            return None
        return str(json.loads(self.body)["type"]).removeprefix("/problems/")


class Wire:
    """One TCP connection to a server."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._held = b""

    @classmethod
    async def open(cls, base: str, *, receive_buffer: int | None = None) -> Self:
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        host = urlsplit(base)
        await asyncio.get_running_loop().sock_connect(sock, (host.hostname, host.port))
        return cls(sock)

    def close(self) -> None:
        self.socket.close()

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def _more(self, deadline: float) -> bool:
        """Take in what comes next. False at the end, however it came."""
        left_s = deadline - time.monotonic()
        try:
            data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 65536), max(0.01, left_s))
        except ConnectionError:
            data = b""
        self._held += data
        return bool(data)

    async def take(self, count: int, *, within_s: float = 5.0) -> bytes | None:
        """So many bytes, or None at the end."""
        return await self._take(count, time.monotonic() + allowed(within_s))

    async def _take(self, count: int, deadline: float) -> bytes | None:
        while len(self._held) < count:
            if not await self._more(deadline):
                return None
        found, self._held = self._held[:count], self._held[count:]
        return found

    async def rest(self, *, within_s: float = 5.0) -> bytes:
        """Everything until the server closes."""
        deadline = time.monotonic() + allowed(within_s)
        while await self._more(deadline):
            pass
        found, self._held = self._held, b""
        return found

    async def answer(self, *, within_s: float = 5.0, to: str = "GET") -> RawAnswer | None:
        """One response, or None when the server closes without one. ``to``: the method that was asked with."""
        deadline = time.monotonic() + allowed(within_s)
        while b"\r\n\r\n" not in self._held:
            if not await self._more(deadline):
                return None
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin1").split("\r\n")
        status = int(first.split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if 100 <= status < 200:
            return RawAnswer(status, headers, b"") if status == 101 else await self.answer(within_s=within_s, to=to)
        length = 0 if to == "HEAD" or status in {204, 304} else int(headers.get("content-length", "0"))
        assert "transfer-encoding" not in headers
        body = await self.take(length, within_s=within_s)
        assert body is not None, "the connection ended within a body"
        return RawAnswer(status, headers, body)


def http(
    method: str,
    target: str,
    *,
    host: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    version: str = "1.1",
    lines: tuple[bytes, ...] = (),
) -> bytes:
    """A request. ``lines`` are sent as they are, after the headers."""
    given = {"Host": host, **(headers or {})}
    if body and not {"content-length", "transfer-encoding"} & {name.lower() for name in given}:
        given["Content-Length"] = str(len(body))
    head = [f"{method} {target} HTTP/{version}".encode("latin1")]
    head += [f"{name}: {value}".encode("latin1") for name, value in given.items()]
    return b"\r\n".join([*head, *lines]) + b"\r\n\r\n" + body


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    masked: bool = True,
    rsv: int = 0,
    length: int | None = None,
) -> bytes:
    """A frame of a client. ``length``: the one it claims to have."""
    claimed = len(payload) if length is None else length
    size = claimed if claimed < 126 else 126 if claimed < 65536 else 127
    head = struct.pack("!BB", final << 7 | rsv << 4 | opcode, masked << 7 | size)
    head += b"" if size < 126 else struct.pack("!H" if size == 126 else "!Q", claimed)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


class RawChannel(Wire):
    """A live channel, frame by frame."""

    async def upgrade(self, host: str, **headers: str) -> RawAnswer | None:
        """Ask for the upgrade. A name is written with ``_`` for ``-``; one that is empty is left out."""
        given = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Protocol": "hospital-rt.v1",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        await self.send(http("GET", "/api/live/", host=host, headers={k: v for k, v in given.items() if v}))
        return await self.answer()

    async def say(self, message: Any) -> None:
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        await self.send(frame(TEXT, text))

    async def auth(self, token: str | None, **more: Any) -> dict[str, Any]:
        await self.say({"type": "auth", "token": token, **more})
        found = await self.hear()
        assert found is not None and found["type"] == "ready", found
        return found

    async def frame(self, *, within_s: float = 5.0) -> tuple[int, bytes] | None:
        """The next frame: opcode and payload; None at the end."""
        return await self._frame(time.monotonic() + allowed(within_s))

    async def _frame(self, deadline: float) -> tuple[int, bytes] | None:
        head = await self._take(2, deadline)
        if head is None:
            return None
        length = head[1] & 0x7F
        if length >= 126:
            more = await self._take(2 if length == 126 else 8, deadline)
            if more is None:
                return None
            length = int.from_bytes(more, "big")
        payload = await self._take(length, deadline)
        return None if payload is None else (head[0] & 0x0F, payload)

    async def hear(self, *, within_s: float = 5.0) -> dict[str, Any] | None:
        """The next message; None when the server closes."""
        while True:
            found = await self.frame(within_s=within_s)
            if found is None or found[0] == CLOSE:
                return None
            if found[0] == TEXT:
                message: dict[str, Any] = json.loads(found[1])
                return message

    async def close_code(self, *, within_s: float = 5.0) -> int | None:
        """The code with which the server closes, whatever comes before; None when it only hangs up."""
        deadline = time.monotonic() + allowed(within_s)
        while (found := await self._frame(deadline)) is not None:
            if found[0] == CLOSE:
                return int.from_bytes(found[1][:2], "big") if found[1] else 1005
        return None


@contextlib.asynccontextmanager
async def wire(base: str, **more: Any) -> AsyncIterator[Wire]:
    opened = await Wire.open(base, **more)
    try:
        yield opened
    finally:
        opened.close()


@contextlib.asynccontextmanager
async def raw_channel(base: str, **more: Any) -> AsyncIterator[RawChannel]:
    """A channel that is upgraded and not signed in."""
    opened = await RawChannel.open(base, **more)
    try:
        answer = await opened.upgrade(urlsplit(base).netloc)
        assert answer is not None and answer.status == 101, answer
        yield opened
    finally:
        opened.close()


def metric(text: str, name: str, **labels: str) -> float:
    """One figure of ``/metrics``, 0 when it is not there yet."""
    wanted = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    found = re.search(rf"^{re.escape(name + ('{' + wanted + '}' if wanted else ''))} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0
