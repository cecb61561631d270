"""A client of hospital_rt: REST with tokens that renew themselves, and the live channel that loses nothing.

One file that needs ``aiohttp`` and Python 3.11, and nothing of the service; take it as it is.

    async with Client("https://clinic.example", "ada@clinic.example", "...") as client:
        for step in await client.items("/api/steps/"):
            print(step["title"])
        async with client.live() as live:
            async for event in live:
                if event.name == "reminder.due":
                    await live.check_in(event.data["step"]["id"], slot=event.data["slot"])
                await live.ack(event.seq)

What it takes care of:

- **The second step.** With ``code=`` the client answers for an account that has a second factor.
- **Tokens.** An access token that has run out is renewed once for all who wait, and the request is sent again. A
  renewal whose answer was lost is asked for again: the service gives the same successor for 30 seconds.
- **Twice is once.** Notes, check-ins, a chosen doctor, approvals and retries carry an ``Idempotency-Key``; they and
  every GET are sent again when the connection broke and the answer may be lost. Whatever is answered with 429 or 503
  was not done, and is tried again after the time that the service asks for.
- **The channel** resumes after the last event that came, waits a random time when the server restarts (1012), comes
  back at once when it was too slow (1013), and after other troubles in growing steps. It renews its sign-in before the
  token ends; when that was not possible in time (4403) it renews it, for as long as that takes, and comes back. After
  4400, 4401 and 4409 it does not come back by itself: :class:`LiveEnded`. A line that is silent for 60 s though it was
  pinged is dead: the client resumes on another.
- An event named ``reset`` says that what came in between cannot be told any more: load everything anew by REST.

``Client.seq`` and ``Client.epoch`` say which event was given out last; keep them to resume in another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from uuid import uuid4

import aiohttp

__all__ = ["ApiError", "Client", "Event", "Live", "LiveEnded"]

SUBPROTOCOL = "hospital-rt.v1"
TRIES = 6
MAX_WAIT_S = 30.0
RESTART_SPREAD_S = 5.0
SILENCE_S = 60.0  # the service itself pings every 25 s
# What the service does once under one key.
_ONCE = re.compile(r"/api/(check-in/[^/]+|assign|notes|notes/[^/]+/(approve|retry))/?\Z")
STAYS_AWAY = frozenset({4400, 4401, 4409})
AT_ONCE = frozenset({1013})
RESTARTING, TOKEN_ENDED = 1012, 4403


class ApiError(Exception):
    """The service refused: ``status``, and ``problem`` as RFC 9457 has it. ``slug`` tells what to do about it."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title', '')}".strip())
        self.status = status
        self.problem = problem

    @property
    def slug(self) -> str:
        return str(self.problem.get("type", "")).removeprefix("/problems/")


class LiveEnded(Exception):
    """The channel closed for good, with ``code``: another sign-in is needed, or something is wrong with the client."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the live channel ended with {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. ``data`` is as the AsyncAPI document says for ``name``."""

    seq: int
    name: str
    at: str
    data: dict[str, Any] = field(repr=False)
    epoch: str = ""


class Client:
    """One user of the service. Open it with ``async with``.

    Args:
        base_url: where the service is, such as ``https://clinic.example``.
        code: gives a code of the authenticator app, or a recovery code, when the account has a second factor: a
            function, or a coroutine function. It is asked once for each sign-in.
        seq, epoch: where an earlier process left the feed; the live channel goes on from there.
    """

    def __init__(
        self,
        base_url: str,
        email: str,
        password: str,
        *,
        code: Callable[[], str | Awaitable[str]] | None = None,
        seq: int | None = None,
        epoch: str | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.seq, self.epoch = seq, epoch
        self.user: dict[str, Any] = {}
        self._email, self._password, self._code = email, password, code
        self._access, self._refresh = "", ""
        self._renewing = asyncio.Lock()
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        try:
            await self._sign_in()
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, actor: TracebackType | None
    ) -> None:
        """Sign this device out, as far as the service can be reached, and close the connections."""
        with contextlib.suppress(ApiError, aiohttp.ClientError, TimeoutError):
            await self._once("POST", "/api/token/revoke/", {"refresh": self._refresh}, {})
        if self._http is not None:
            await self._http.close()

    # REST

    async def get(self, path: str, **query: str | int) -> Any:
        """A document. ``client.get("/api/notes/", patient_id=id)``."""
        return await self.request("GET", path, query=query)

    async def items(self, path: str, **query: str | int) -> list[dict[str, Any]]:
        """A whole list, page after page."""
        return [item async for item in self.pages(path, **query)]

    async def pages(self, path: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """The items of a list, fetched as they are needed."""
        more = dict(query)
        while True:
            page = await self.get(path, **more)
            for item in page["items"]:
                yield item
            if page["next"] is None:
                return
            more["cursor"] = page["next"]

    async def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Do something. ``key`` is the Idempotency-Key: give your own to make two calls one."""
        return await self.request("POST", path, body, key=key)

    async def patch(self, path: str, body: Any) -> Any:
        return await self.request("PATCH", path, body)

    async def delete(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return await self.request("DELETE", path, body, key=key)

    async def check_in(
        self, step_id: str, *, slot: str | None = None, outcome: str = "done", reason: str | None = None
    ) -> dict[str, Any]:
        """Answer a reminder; the step as it then stands. Without ``slot`` the one that waits."""
        said = {"slot": slot, "outcome": outcome, "reason": reason}
        body = {name: value for name, value in said.items() if value is not None}
        found: dict[str, Any] = await self.post(f"/api/check-in/{step_id}/", body)
        return found

    async def snooze(self, step_id: str, *, slot: str, minutes: int) -> dict[str, Any]:
        """Have an open slot repeated in so many minutes (5-720), and not before; the step as it then stands."""
        body = {"slot": slot, "minutes": minutes}
        found: dict[str, Any] = await self.post(f"/api/snooze/{step_id}/", body)
        return found

    async def submit_note(self, patient_id: str, text: str) -> dict[str, Any]:
        """A doctor's note. It is stored when this returns; its steps come with the event ``steps.changed``."""
        found: dict[str, Any] = await self.post("/api/notes/", {"patient_id": patient_id, "text": text})
        return found

    async def request(
        self, method: str, path: str, body: Any = None, *, query: dict[str, Any] | None = None, key: str | None = None
    ) -> Any:
        """Any request: the document it is answered with, or None.

        Raises:
            ApiError: the service refused.
            aiohttp.ClientError, TimeoutError: it could not be reached in all tries.
        """
        is_once = method != "GET" and bool(_ONCE.fullmatch(path))
        headers = {"Idempotency-Key": key or uuid4().hex} if is_once else {}
        for attempt in range(1, TRIES + 1):
            token = self._access
            try:
                return await self._once(
                    method, path, body, {**headers, "Authorization": f"Bearer {token}"}, query=query
                )
            except ApiError as refused:
                if refused.status == 401 and attempt < TRIES and await self._renew(token):
                    continue
                if refused.status not in {429, 503} or attempt == TRIES:
                    raise
                wait_s = float(refused.problem.get("retry_after_s", 1))
            except (aiohttp.ClientError, TimeoutError):
                if not (is_once or method == "GET") or attempt == TRIES:
                    raise
                wait_s = _growing(attempt)
            await asyncio.sleep(min(wait_s, MAX_WAIT_S))  # the service said when to come again
        raise AssertionError("unreachable")

    async def _once(
        self, method: str, path: str, body: Any, headers: dict[str, str], *, query: dict[str, Any] | None = None
    ) -> Any:
        if self._http is None:
            raise RuntimeError("open the client with `async with` first")
        async with self._http.request(
            method, self.base_url + path, json=body, headers=headers, params=query, allow_redirects=False
        ) as answer:
            raw = await answer.read()
            document = json.loads(raw) if raw and "json" in answer.headers.get("Content-Type", "") else None
            if answer.status < 400:
                return document
            problem = document if isinstance(document, dict) else {}
            if "Retry-After" in answer.headers:
                problem["retry_after_s"] = float(answer.headers["Retry-After"])
            raise ApiError(answer.status, problem)

    # Signing in

    async def _sign_in(self) -> None:
        """By password, and by the second factor where the account has one.

        Raises:
            ApiError: ``second-factor`` when a code is needed and ``code`` was not given.
        """
        path, body = "/api/token/", {"email": self._email, "password": self._password}
        for attempt in range(1, TRIES + 1):
            try:
                found = await self._once("POST", path, body, {})
            except ApiError as refused:
                if refused.slug == "second-factor" and self._code is not None:
                    given = self._code()
                    code = given if isinstance(given, str) else await given
                    path, body = "/api/token/second-factor/", {"challenge": refused.problem["challenge"], "code": code}
                    continue
                if refused.status != 503 or attempt == TRIES:
                    raise
                await asyncio.sleep(float(refused.problem.get("retry_after_s", 1)))  # the service said when
                continue
            self._access, self._refresh, self.user = found["access"], found["refresh"], found["user"]
            return

    async def _renew(self, old: str) -> bool:
        """Replace the access token ``old``, by one request for all callers. False when the session has ended."""
        async with self._renewing:
            if self._access != old:
                return True
            for attempt in range(1, TRIES + 1):
                try:
                    found = await self._once("POST", "/api/token/refresh/", {"refresh": self._refresh}, {})
                except ApiError as refused:
                    if refused.status == 401:
                        return False
                    if refused.status not in {429, 503} or attempt == TRIES:
                        raise
                    await asyncio.sleep(float(refused.problem.get("retry_after_s", 1)))  # the service said when
                except (aiohttp.ClientError, TimeoutError):
                    if attempt == TRIES:
                        raise
                    await asyncio.sleep(_growing(attempt))  # backoff
                else:
                    self._access, self._refresh = found["access"], found["refresh"]
                    return True
        return False

    # The live channel

    def live(self) -> Live:
        """The live channel, from where the feed was left, else from now on. Open it with ``async with``."""
        return Live(self)

    async def token(self, *, anew: bool = False) -> str:
        """A token to sign in with elsewhere.

        Raises:
            ApiError: 401: the session has ended.
        """
        if anew and not await self._renew(self._access):
            raise ApiError(401, {"title": "Sign in again"})
        return self._access

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        if self._http is None:
            raise RuntimeError("open the client with `async with` first")
        return await self._http.ws_connect(
            self.base_url.replace("http", "ws", 1) + "/api/live/",
            protocols=[SUBPROTOCOL],
            max_msg_size=1024 * 1024,
            heartbeat=SILENCE_S * 2 / 3,  # a ping then, and half as long again for its pong
            timeout=aiohttp.ClientWSTimeout(ws_close=5),
        )


class Live:
    """The live channel of one user: iterate over it for events; it comes back by itself."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._seq, self._epoch = client.seq, client.epoch  # heard; the client's own is what was given out
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._events: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        self._replies: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._ready = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._renewing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Live:
        self._running = asyncio.create_task(self._run(), name="live channel")
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._running}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, actor: TracebackType | None
    ) -> None:
        for task in (self._running, *self._renewing):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if self._socket is not None:
            await self._socket.close()

    def __aiter__(self) -> Live:
        return self

    async def __anext__(self) -> Event:
        found = await self._events.get()
        if isinstance(found, BaseException):
            self._events.put_nowait(found)
            raise found
        self._client.seq, self._client.epoch = found.seq, found.epoch
        return found

    async def ack(self, seq: int) -> None:
        """Shown up to there: no push and no letter about it. Not sent while the channel is away."""
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            if self._socket is not None and self._ready.is_set():
                await self._socket.send_json({"type": "ack", "seq": seq})

    async def check_in(
        self, step_id: str, *, slot: str | None = None, outcome: str = "done", reason: str | None = None
    ) -> dict[str, Any]:
        """Answer a reminder over the channel, or by REST while it is away; the step as it then stands.

        Raises:
            ApiError: the service refused.
        """
        said = {"step_id": step_id, "slot": slot, "outcome": outcome, "reason": reason}
        message = {name: value for name, value in said.items() if value is not None}
        try:
            reply = await self._ask({"type": "check_in", **message})
        except (ConnectionError, aiohttp.ClientError, TimeoutError):
            # Whether it came through is not known: a check-in is the same however often it is sent.
            return await self._client.check_in(step_id, slot=slot, outcome=outcome, reason=reason)
        if not reply["ok"]:
            raise ApiError(reply["error"]["status"], reply["error"])
        found: dict[str, Any] = reply["data"]
        return found

    async def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._socket is None or not self._ready.is_set():
            raise ConnectionError
        id = uuid4().hex
        answered = self._replies[id] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({**message, "id": id})
            return await asyncio.wait_for(answered, 10)
        finally:
            self._replies.pop(id, None)

    async def _run(self) -> None:
        """Stay connected until the channel ends for good."""
        troubles = 0
        while True:
            began, code = time.monotonic(), 1006
            try:
                code = await self._stay()
            except (aiohttp.ClientError, OSError, TimeoutError):
                code = 1006
            except ApiError as refused:
                if refused.status < 500 and refused.status != 429:
                    self._events.put_nowait(refused)
                    return
            finally:
                self._ready.clear()
                for waiting in self._replies.values():
                    if not waiting.done():
                        waiting.set_exception(ConnectionError())
            if code in STAYS_AWAY:
                self._events.put_nowait(LiveEnded(code))
                return
            troubles = 0 if time.monotonic() - began > MAX_WAIT_S else troubles + 1
            if code == RESTARTING:
                await asyncio.sleep(random.uniform(0, RESTART_SPREAD_S))  # all clients of a restarted server, spread
            elif code not in AT_ONCE or troubles > 1:
                await asyncio.sleep(_growing(troubles))  # backoff

    async def _stay(self) -> int:
        """One connection, until it closes: the code."""
        client = self._client
        self._socket = socket = await client.connect()
        hello: dict[str, Any] = {"type": "auth", "token": await client.token()}
        if self._seq is not None and self._epoch is not None:
            hello |= {"resume_after": self._seq, "epoch": self._epoch}
        await socket.send_json(hello)
        fresh = False
        async for frame in socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                fresh = True
                self._hear(json.loads(frame.data))
        code = socket.close_code or 1006
        if code == TOKEN_ENDED or (code == 4401 and not fresh):
            # When the session has ended too, renewing the token says so.
            await client.token(anew=True)
            return 1013
        return code

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                if self._seq is None or self._epoch is None:
                    self._seq, self._epoch = message["seq"], message["epoch"]
                    self._client.seq, self._client.epoch = self._seq, self._epoch
                self._ready.set()
            case "reset":
                self._seq, self._epoch = message["seq"], message["epoch"]
                self._events.put_nowait(Event(message["seq"], "reset", "", {}, message["epoch"]))
            case "event":
                self._seq = message["seq"]
                self._events.put_nowait(
                    Event(message["seq"], message["event"], message["at"], message["data"], self._epoch or "")
                )
            case "reply":
                waiting = self._replies.get(message["id"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            case "expiring":
                task = asyncio.create_task(self._sign_in_again(), name="sign in again")
                self._renewing.add(task)
                task.add_done_callback(self._renewing.discard)

    async def _sign_in_again(self) -> None:
        """Before the token ends, with a new one, over the same connection."""
        with contextlib.suppress(ApiError, aiohttp.ClientError, ConnectionError, TimeoutError):
            token = await self._client.token(anew=True)
            if self._socket is not None:
                await self._socket.send_json({"type": "auth", "token": token})


def _growing(attempt: int) -> float:
    """Seconds to wait after the n-th trouble: longer each time, and never the same for all."""
    longest: float = min(MAX_WAIT_S, 0.25 * 2**attempt)
    return longest * random.uniform(0.5, 1.0)
