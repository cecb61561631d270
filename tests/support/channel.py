"""A live channel as the tests have it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.support.patience import allowed


class Channel:
    """A live channel as a client has it. ``events`` are all that came, in order."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.events: list[dict[str, Any]] = []
        self.ready: dict[str, Any] = {}

    async def send(self, message: Any) -> None:
        await self.connection.write_message(json.dumps(message))

    async def receive(self, *, within_s: float = 5.0) -> dict[str, Any] | None:
        """The next message, or None when the channel is closed."""
        return await self._receive(time.monotonic() + allowed(within_s))

    async def _receive(self, deadline: float) -> dict[str, Any] | None:
        left_s = max(0.01, deadline - time.monotonic())
        text = await asyncio.wait_for(self.connection.read_message(), left_s)
        if text is None:
            return None
        message: dict[str, Any] = json.loads(text)
        if message["type"] == "event":
            self.events.append(message)
        return message

    async def message(self, type: str, *, within_s: float = 5.0) -> dict[str, Any]:
        """The next message of a type; others before it are remembered or passed over."""
        return await self._message(type, time.monotonic() + allowed(within_s))

    async def _message(self, type: str, deadline: float) -> dict[str, Any]:
        while True:
            found = await self._receive(deadline)
            assert found is not None, f"closed with {self.connection.close_code} while waiting for {type}"
            if found["type"] == type:
                return found

    async def next(self, event: str, *, within_s: float = 5.0) -> dict[str, Any]:
        """The next event of a name."""
        deadline = time.monotonic() + allowed(within_s)
        while True:
            found = await self._message("event", deadline)
            if found["event"] == event:
                return found

    async def ask(self, message: dict[str, Any], *, within_s: float = 5.0) -> dict[str, Any]:
        """Send a command and get its reply."""
        await self.send(message)
        while True:
            found = await self.message("reply", within_s=within_s)
            if found["id"] == message["id"]:
                return found

    async def nothing_more(self) -> None:
        """Everything that was on its way has come, and it was no event."""
        before = len(self.events)
        await self.send({"type": "ping", "id": "nothing-more"})
        await self.message("pong")
        assert len(self.events) == before, self.events[before:]

    async def closed(self, *, within_s: float = 8.0) -> int | None:
        """The code with which the server closes."""
        deadline = time.monotonic() + allowed(within_s)
        while await self._receive(deadline) is not None:
            pass
        return self.connection.close_code

    def close(self) -> None:
        self.connection.close()


async def open_channel(base: str, *, headers: dict[str, str] | None = None) -> Channel:
    """A channel that has not authenticated yet."""
    address = base.replace("http", "ws", 1) + "/api/live/"
    request = HTTPRequest(address, headers=headers or {}, request_timeout=allowed(10))
    return Channel(await websocket_connect(request, subprotocols=["hospital-rt.v1"]))
