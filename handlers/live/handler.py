"""The live channel: one WebSocket for each page, authenticated by its first message (contract, "The live channel")."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from handlers.base.base_handler import AccessTokenEnded, BaseHandler, authenticate
from handlers.base.context import HandlerContext, Principal
from hospital_rt.domain.clock import to_wire, utcnow
from hospital_rt.domain.errors import DomainError
from hospital_rt.logs import describe_error, log
from hospital_rt.realtime import protocol
from hospital_rt.realtime.hub import Connection, Hub
from hospital_rt.realtime.send_queue import SendQueue
from hospital_rt.realtime.strict_websocket import StrictProtocol
from hospital_rt.storage.database import is_unavailable
from hospital_rt.storage.field_encryption import Unreadable, WrongKeys
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import SOCKETS_ADDRESS
from models.services.check_in import StepOutcome, check_in
from models.services.snooze import snooze_slot
from models.visibility import reached_patients

AUTH_WITHIN_S = 5.0
EXPIRING_BEFORE = timedelta(seconds=60)
RATE, BURST = 20.0, 40.0
SEND_BUFFER = 64 * 1024
ABORT_AFTER_S = 1.0


class LiveHandler(BaseHandler, WebSocketHandler):
    """One socket: authenticates, receives its user's feed, and answers commands one after the other."""

    methods = frozenset({"GET"})

    def initialize(self, context: HandlerContext) -> None:
        super().initialize(context)
        self.hub: Hub = context.hub
        self.outbox: SendQueue | None = None
        self.listening: Connection | None = None
        self.who: Principal | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._joining: asyncio.Task[None] | None = None
        self._allowance, self._filled_at = BURST, time.monotonic()
        self._is_closing = False

    # The upgrade

    async def prepare(self) -> None:
        await super().prepare()
        if self.context.draining.is_set():
            raise Problem("unavailable", "This server is stopping.", retry_after_s=2)
        await self.resources.limits.count(SOCKETS_ADDRESS, self.client_hash)

    async def get(self, *args: str, **kwargs: str) -> None:
        """The upgrade; or a problem document where Tornado would answer with plain text."""
        headers = self.request.headers
        wanted = {word.strip().lower() for word in headers.get("Connection", "").split(",")}
        if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in wanted:
            raise Problem("bad-request", "Open a WebSocket here.")
        if headers.get("Sec-WebSocket-Version") != "13":
            self.set_lasting_header("Sec-WebSocket-Version", "13")
            self.set_lasting_header("Upgrade", "websocket")
            raise Problem("upgrade-required")
        if not headers.get("Sec-WebSocket-Key"):
            raise Problem("bad-request", "A WebSocket's key is missing.")
        if not self._origin_may_connect():
            raise Problem("cross-origin")
        await super().get(*args, **kwargs)

    def _origin_may_connect(self) -> bool:
        allowed = {value.lower() for value in self.settings_.allowed_origins}
        return self.request.headers.get("Origin", "").lower() in allowed or self.origin_is_ours()

    def check_origin(self, origin: str) -> bool:
        """Always true: ``get`` has already checked it more strictly, including scheme and port."""
        return True

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        found = super().get_websocket_protocol()
        return StrictProtocol(self, found.params, self.end) if isinstance(found, WebSocketProtocol13) else found

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return protocol.SUBPROTOCOL if protocol.SUBPROTOCOL in subprotocols else None

    def get_compression_options(self) -> None:
        """None: compression would need more memory for each connection than everything else together."""

    async def open(self, *args: str, **kwargs: str) -> None:
        self.context.in_flight.discard(self)
        self.set_nodelay(True)
        self.context.sockets.add(self)
        with contextlib.suppress(OSError, AttributeError):
            connection: Any = self.ws_connection
            connection.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._after("auth", AUTH_WITHIN_S, lambda: self.end(protocol.NO_AUTH, "no auth"))
        if self.context.draining.is_set():
            self.end(protocol.RESTARTING, "restarting")

    # Messages

    async def on_message(self, message: str | bytes) -> None:
        if self._is_closing:
            return
        if isinstance(message, bytes):
            self.end(protocol.BINARY, "text only")
            return
        if not self._within_rate():
            self.end(protocol.TOO_FAST, "too many messages")
            return
        try:
            await self._dispatch(protocol.read_message(message))
        except protocol.NotValid:
            self.end(protocol.UNAUTHENTICATED if self.who is None else protocol.NOT_VALID, "not a message")
        except protocol.CommandRefused as refused:
            if self.who is None:
                self.end(protocol.UNAUTHENTICATED, "auth first")
            else:
                self.send(protocol.reply(refused.id, problem=refused.problem))
        except Exception as error:
            self._fail(error)

    async def _dispatch(self, message: protocol.Message) -> None:
        if isinstance(message, protocol.Auth):
            await self._authenticate(message)
        elif self.who is None:
            self.end(protocol.UNAUTHENTICATED, "auth first")
        elif isinstance(message, (protocol.CheckIn, protocol.Snooze)):
            await self._command(message, self.who)
        elif isinstance(message, protocol.Ack):
            await self._acknowledge(message, self.who)
        else:
            self.send(protocol.pong(message.id))

    async def _acknowledge(self, message: protocol.Ack, who: Principal) -> None:
        try:
            await self.store.events.shown(who.id, message.seq)
        except Exception as error:
            if not is_unavailable(error):
                raise
            # The next ack covers this one: no reason to close the sockets while MongoDB is unavailable.

    def _within_rate(self) -> bool:
        if self.settings_.rate_limits == "off":
            return True
        now = time.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._filled_at) * RATE)
        self._filled_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    async def _authenticate(self, message: protocol.Auth) -> None:
        self._cancel("auth")  # arrived in time, however long its verification takes
        try:
            who = replace(await authenticate(self.context, message.token), row={})  # a socket need not hold it
        except AccessTokenEnded:
            self.end(protocol.TOKEN_ENDED, "token ended")
            return
        except DomainError:
            self.end(protocol.UNAUTHENTICATED, "not authenticated")
            return
        if who.lacks_factor:
            self.end(protocol.UNAUTHENTICATED, "a second factor is required")
            return
        if self._is_closing:
            return
        if self.who is not None:
            await self._renew(who)
            return
        if message.resume_after is not None and message.epoch is None and message.resume_after > 0:
            self.end(protocol.NOT_VALID, "epoch is required with resume_after")
            return
        self.who = who
        await self._begin(message, who)

    async def _begin(self, message: protocol.Auth, who: Principal) -> None:
        """Send ``ready``, then the requested past events, then live ones."""
        epoch, seq, after = await self._resume_point(message, who)
        await self.store.audit.write(self.actor_of(who), "live.joined", of=await reached_patients(self.store, who))
        if self._is_closing:
            return
        self.outbox = SendQueue(self._write, self.end)
        self.listening = Connection(user_id=who.id, session_id=who.session_id, outbox=self.outbox)
        self._send_ready(who, epoch=epoch, seq=seq)
        if after is None:
            self.send(protocol.reset(epoch=epoch, seq=seq))
        self._watch_expiry(who.expires_at)
        joining = self._join(self.listening, after=seq if after is None else after, newest=seq)
        self._joining = asyncio.create_task(joining, name="join")

    async def _resume_point(self, message: protocol.Auth, who: Principal) -> tuple[str, int, int | None]:
        """Epoch, newest ``seq``, and the ``seq`` to continue after: None when the client has to reload."""
        feeds, store = self.context.app.feeds, self.store
        if message.resume_after is None:
            return await store.epoch(), who.feed_position.seq, who.feed_position.seq
        try:
            epoch, seq = await feeds.resume(who.id, after=message.resume_after, epoch=message.epoch)
        except DomainError:
            epoch, seq = await store.epoch(), await store.events.newest(who.id)
            return epoch, seq, None
        return epoch, seq, message.resume_after

    async def _join(self, listening: Connection, *, after: int, newest: int) -> None:
        try:
            await self.hub.join(listening, after=after, newest=newest)
            self.hub.mark_seen(listening.user_id, at=self.now())
        except Exception as error:
            self._fail(error)
        self._joining = None

    async def _renew(self, who: Principal) -> None:
        if self.who is None or who.id != self.who.id or self.listening is None:
            self.end(protocol.UNAUTHENTICATED, "another user")
            return
        self.hub.renew(self.listening, who.session_id)
        self.who = who
        self._watch_expiry(who.expires_at)
        self._send_ready(who, epoch=await self.store.epoch(), seq=who.feed_position.seq)

    def _send_ready(self, who: Principal, *, epoch: str, seq: int) -> None:
        self.send(
            protocol.ready(user_id=who.id, role=who.role, epoch=epoch, seq=seq, expires_at=to_wire(who.expires_at))
        )

    async def _command(self, message: protocol.CheckIn | protocol.Snooze, who: Principal) -> None:
        """The same commands as POST /api/check-in/ and /api/snooze/."""
        try:
            if who.role == "admin":
                raise Problem("forbidden")
            answer: Callable[..., Awaitable[StepOutcome]]
            if isinstance(message, protocol.Snooze):
                answer = partial(snooze_slot, slot=message.slot, count=message.minutes)
            else:
                answer = partial(check_in, **message.model_dump(exclude={"type", "id", "step_id"}))
            shown = await self.answer_step(message.step_id, answer, who=who, actor=self.actor_of(who))
            self.send(protocol.reply(message.id, data=shown))
        except DomainError as error:
            self.send(protocol.reply(message.id, problem=Problem.of(error)))
        except Unreadable:  # erased during this command
            self.send(protocol.reply(message.id, problem=Problem("not-found")))
        except Exception as error:
            if not is_unavailable(error):
                log.error(f"live.{message.type}_failed", exc_info=error)
            slug = "unavailable" if is_unavailable(error) or isinstance(error, WrongKeys) else "internal"
            self.send(protocol.reply(message.id, problem=Problem(slug)))

    # Token expiry

    def _watch_expiry(self, expires_at: datetime) -> None:
        left_s = (expires_at - utcnow()).total_seconds()
        self._after("expiry", left_s - EXPIRING_BEFORE.total_seconds(), lambda: self._warn_then_close(expires_at))

    def _warn_then_close(self, expires_at: datetime) -> None:
        """Send ``expiring``; close with 4403 when the token ends, unless it is renewed before."""
        self.send(protocol.expiring(to_wire(expires_at)))
        left_s = (expires_at - utcnow()).total_seconds()
        self._after("expiry", left_s, lambda: self.end(protocol.TOKEN_ENDED, "token ended"))

    def _after(self, name: str, delay_s: float, act: Callable[[], Any]) -> None:
        """Schedule ``act``, replacing a timer of the same name."""
        self._cancel(name)
        self._timers[name] = asyncio.get_running_loop().call_later(max(0.0, delay_s), act)

    def _cancel(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    # Sending

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message that is not an event."""
        if self.outbox is not None:
            self.outbox.offer(protocol.encode(message), is_event=False)

    def _write(self, frame: bytes) -> asyncio.Future[None]:
        connection = self.ws_connection
        if not isinstance(connection, StrictProtocol) or connection.is_closing():
            raise ConnectionError
        return connection.send_text(frame)

    def _fail(self, error: Exception) -> None:
        """Close with 1012 after any exception, so that the client reconnects after a random wait.

        Logged as ``live.failed`` unless MongoDB is unavailable, which is reported elsewhere.
        """
        if not is_unavailable(error):
            log.error("live.failed", **describe_error(error))
        self.end(protocol.RESTARTING, "come back")

    def end(self, code: int, reason: str) -> None:
        """Close with a code, once."""
        if self._is_closing:
            return
        self._is_closing = True
        self.resources.metrics.sockets_closed.labels(str(code)).inc()
        connection: Any = self.ws_connection
        with contextlib.suppress(WebSocketClosedError, StreamClosedError):
            self.close(code, reason)
        if code == protocol.TOO_SLOW and connection is not None:
            # A client that reads nothing does not read a close frame either.
            self._after("abort", ABORT_AFTER_S, connection.stream.close)

    def on_close(self) -> None:
        self._is_closing = True
        self.context.sockets.discard(self)
        for name in list(self._timers):
            self._cancel(name)
        if self._joining is not None:
            self._joining.cancel()
        if self.listening is not None:
            self.hub.leave(self.listening)
        elif self.outbox is not None:
            self.outbox.stop()

    def on_finish(self) -> None:
        self.context.in_flight.discard(self)
        if self.get_status() != 101:
            super().on_finish()
