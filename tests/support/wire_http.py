"""HTTP by hand: the bytes as they go over the wire, for what no proper client sends."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from tests.support.driver import Front
from tests.support.patience import allowed


@dataclass
class Heard:
    """What came back over one connection: the answers' status codes, all bytes, and whether the server closed it."""

    statuses: list[int]
    raw: bytes
    is_closed: bool


async def say(
    clinic: Front, *requests: bytes, within_s: float = 5.0, until_closed: bool = False, come_from: str | None = None
) -> Heard:
    """Send requests over one connection, one after the other's answer. ``{host}`` stands for the Host line."""
    host = clinic.base.removeprefix("http://")
    address, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(address, int(port), local_addr=(come_from, 0) if come_from else None)
    statuses: list[int] = []
    raw = b""
    is_closed = False
    try:
        for request in requests:
            with contextlib.suppress(ConnectionError):
                writer.write(request.replace(b"{host}", f"Host: {host}".encode()))
                await writer.drain()
            head = await asyncio.wait_for(_head(reader), allowed(within_s))
            if not head:
                is_closed = True
                break
            statuses.append(int(head.split(b" ", 2)[1]))
            raw += head + await asyncio.wait_for(_body(reader, head), allowed(within_s))
        if until_closed and not is_closed:
            try:
                is_closed = await asyncio.wait_for(reader.read(1), allowed(within_s)) == b""
            except ConnectionError:
                is_closed = True
    finally:
        writer.close()
    return Heard(statuses, raw, is_closed)


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    return await _head(reader) if head.split(b" ", 2)[1] == b"100" else head


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return await reader.readexactly(int(value))
    return b""
