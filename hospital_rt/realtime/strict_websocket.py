"""Tornado's WebSocket protocol with strict RFC 6455 checks: a violation is answered with a close code.

Tornado accepts unmasked frames and drops the connection without a close code on most other violations, so that a
client cannot tell its own fault from a bad network. Here a protocol violation is 1002, invalid UTF-8 1007, a message
that is too long 1009. Incoming data is then read and discarded for a moment, since closing at once would reset the
connection and lose the close frame.
"""

from __future__ import annotations

import struct
from asyncio import Future
from collections.abc import Callable
from typing import Any, NoReturn

from tornado.util import _websocket_mask
from tornado.websocket import WebSocketProtocol13

LINGER_S = 1.0
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_MAX_CONTROL_BYTES = 125
PROTOCOL_ERROR, NOT_UTF8, TOO_BIG, SILENT = 1002, 1007, 1009, 1011


class _Breach(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def is_close_code(code: int) -> bool:
    """Whether a peer may close with this code (RFC 6455 section 7.4)."""
    return 3000 <= code <= 4999 or (1000 <= code <= 1014 and code not in {1004, 1005, 1006})


class StrictProtocol(WebSocketProtocol13):
    """Replaces Tornado's reading of frames; everything else is Tornado's.

    Args:
        end: closes with a code and a reason.
    """

    def __init__(self, handler: Any, params: Any, end: Callable[[int, str], None]) -> None:
        super().__init__(handler, False, params)
        self._end = end
        self._held: bytearray | None = None  # fragments so far of a fragmented message
        self._held_opcode = TEXT

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close; a peer that left a ping without answer is closed by Tornado with no code, here with 1011."""
        if code is None and reason == "ping timed out":
            self._end(SILENT, reason)
            return
        super().close(code, reason)

    def send_text(self, text: bytes) -> Future[None]:
        """Write one text frame without a task of its own; done when the network has accepted it."""
        length = len(text)
        if length < 126:
            head = struct.pack("!BB", 0x80 | TEXT, length)
        elif length <= 0xFFFF:
            head = struct.pack("!BBH", 0x80 | TEXT, 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | TEXT, 127, length)
        return self.stream.write(head + text)

    async def _receive_frame(self) -> None:
        try:
            found = await self._read_message()
        except _Breach as breach:
            self._end(breach.code, breach.reason)
            await self._discard_input()
        if found is not None and (handled := self._handle_message(*found)) is not None:
            await handled

    async def _read_message(self) -> tuple[int, bytes] | None:
        """Read one frame; its message, if it is complete."""
        first, second = await self._read_bytes(2)
        is_final, opcode, length = bool(first & 0x80), first & 0x0F, second & 0x7F
        is_control = bool(opcode & 0x8)
        if first & 0x70 or opcode not in _OPCODES:
            raise _Breach(PROTOCOL_ERROR, "no extension was agreed")
        if not second & 0x80:
            raise _Breach(PROTOCOL_ERROR, "frames of a client are masked")
        if is_control and (not is_final or length > _MAX_CONTROL_BYTES):
            raise _Breach(PROTOCOL_ERROR, "a control frame is short and whole")
        if not is_control and (opcode == CONTINUATION) == (self._held is None):
            raise _Breach(PROTOCOL_ERROR, "parts of a message follow each other")
        if length == 126:
            (length,) = struct.unpack("!H", await self._read_bytes(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._read_bytes(8))
        if not is_control and length + len(self._held or b"") > self.params.max_message_size:
            raise _Breach(TOO_BIG, "message too big")
        mask = await self._read_bytes(4)
        data = _websocket_mask(mask, await self._read_bytes(length))
        if is_control:
            if opcode == CLOSE:
                _check_close(data)
            return opcode, data
        if opcode != CONTINUATION:
            if is_final:
                return self._whole(opcode, data)
            self._held, self._held_opcode = bytearray(), opcode
        if self._held is None:
            raise AssertionError("a continuation has a beginning")
        self._held += data
        if not is_final:
            return None
        data, self._held = bytes(self._held), None
        return self._whole(self._held_opcode, data)

    def _whole(self, opcode: int, data: bytes) -> tuple[int, bytes] | None:
        if opcode == TEXT and not _is_utf8(data):
            # Frame boundaries are still known: the peer's own close frame can be awaited.
            self._end(NOT_UTF8, "not UTF-8")
            return None
        return opcode, data

    async def _discard_input(self) -> NoReturn:
        """Read and discard until the peer is gone or the time is over; ends with the error of the stream."""
        self.stream.io_loop.call_later(LINGER_S, self._abort)
        while True:
            await self.stream.read_bytes(65536, partial=True)


def _check_close(data: bytes) -> None:
    if not data:
        return
    if len(data) == 1 or not is_close_code(struct.unpack("!H", data[:2])[0]):
        raise _Breach(PROTOCOL_ERROR, "no such close code")
    if not _is_utf8(data[2:]):
        raise _Breach(NOT_UTF8, "not UTF-8")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
