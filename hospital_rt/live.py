"""The live fan-out of one web process: who listens here, and how each hears everything once, in order.

``Hub`` knows the sockets of this process by user. For each user it reads the feed once and offers what is new to all
of their sockets. ``Outbox`` is the bounded way to one socket: one writer that waits for the network, and a limit
beyond which the reader is too slow and is let go; it resumes later from MongoDB and misses nothing. A socket that
still replays the past is not offered anything: it reads on by itself until it has caught up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from hospital_rt.telemetry import Metrics, describe_error, log

OUTBOX_EVENTS = 256
OUTBOX_BYTES = 1 << 20
REPLAY_PAGE = 200
REPLAY_PATIENCE_S = 20.0
READERS = 100                          # feeds read by one query
SWEEP_S = 2.0                          # while Redis is away
CALM_SWEEP_S = 20.0                    # while it is not: repairs a wake-up that was lost
MOST_SOCKETS = 8


class Feeds(Protocol):
    """What the hub needs of the records: rendered events for a viewer, and where feeds stand."""

    async def after(self, user_id: str, seq: int, *, limit: int) -> list[Rendered]: ...

    async def after_each(self, heads: dict[str, int]) -> dict[str, list[Rendered]]: ...

    async def newest_of(self, user_ids: list[str]) -> dict[str, int]: ...

    async def dead_sessions(self, session_ids: list[str]) -> set[str]: ...

    def forget(self, user_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """One event as its reader gets it: the frame's text, encoded once for all sockets."""

    seq: int
    frame: bytes = field(repr=False)


class Outbox:
    """The bounded queue and the one writer of a socket.

    Args:
        write: writes one frame and returns when the network has taken it.
        close: closes the socket with a code.
    """

    def __init__(self, write: Callable[[bytes], Awaitable[None]], close: Callable[[int, str], None]) -> None:
        self._write = write
        self._close = close
        self._frames: deque[tuple[bytes, bool]] = deque()
        self._events = 0
        self._bytes = 0
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._over = False
        self._task = asyncio.create_task(self._run(), name="outbox")

    def offer(self, frame: bytes, *, is_event: bool = True) -> bool:
        """Queue a frame. False when it was too much for a slow reader: the socket is then closing with 1013."""
        if self._over:
            return False
        if self._events + is_event > OUTBOX_EVENTS or self._bytes + len(frame) > OUTBOX_BYTES:
            self.give_up(1013, "too slow")
            return False
        self._frames.append((frame, is_event))
        self._events += is_event
        self._bytes += len(frame)
        self._empty.clear()
        self._more.set()
        return True

    async def drained(self, *, within_s: float) -> bool:
        """Wait until everything queued is written."""
        try:
            await asyncio.wait_for(self._empty.wait(), within_s)
        except TimeoutError:
            return False
        return not self._over

    def give_up(self, code: int, reason: str) -> None:
        """Close the socket and queue nothing more."""
        if not self._over:
            self._over = True
            self._frames.clear()
            self._close(code, reason)

    def stop(self) -> None:
        self._over = True
        self._task.cancel()

    async def _run(self) -> None:
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._frames:
                    frame, is_event = self._frames[0]
                    await self._write(frame)
                    if not self._frames:
                        break
                    self._frames.popleft()
                    self._events -= is_event
                    self._bytes -= len(frame)
                self._empty.set()
        except asyncio.CancelledError:
            raise
        except Exception:
            self._over = True          # the socket is gone; its handler hears of that by itself
            self._empty.set()


class Listening:
    """One authenticated socket: whose it is, how far it has heard, and its outbox."""

    def __init__(self, *, user_id: str, session_id: str, outbox: Outbox) -> None:
        self.user_id = user_id
        self.session_id = session_id
        self.outbox = outbox
        self.cursor = 0
        self.is_live = False
        self.since = time.monotonic()


class _Reader:
    """One user's feed as far as this process has read it."""

    __slots__ = ("head", "sockets")

    def __init__(self, head: int) -> None:
        self.head = head
        self.sockets: list[Listening] = []


class Hub:
    """Who listens in this process, and one reader for each of their feeds."""

    def __init__(self, feeds: Feeds, metrics: Metrics) -> None:
        self._feeds = feeds
        self._metrics = metrics
        self._readers: dict[str, _Reader] = {}
        self._by_session: dict[str, set[Listening]] = {}
        self._dirty: set[str] = set()
        self._stir = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._hears: asyncio.Event | None = None

    def start(self, hears: asyncio.Event) -> None:
        """Begin to read feeds. ``hears`` tells whether wake-ups arrive; while not, feeds are swept."""
        self._hears = hears
        self._tasks = [
            asyncio.create_task(self._read_on(), name="hub"), asyncio.create_task(self._sweep(), name="sweep"),
        ]  # fmt: skip

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    # Sockets

    @property
    def sockets(self) -> list[Listening]:
        return [socket for reader in self._readers.values() for socket in reader.sockets]

    async def join(self, socket: Listening, *, after: int) -> None:
        """Let a socket hear everything after ``after``: first the past, in pages, then live."""
        reader = self._readers.get(socket.user_id)
        if reader is None:
            reader = self._readers[socket.user_id] = _Reader(head=after)
        socket.cursor = after
        reader.sockets.append(socket)
        self._by_session.setdefault(socket.session_id, set()).add(socket)
        self._metrics.sockets.inc()
        excess = len(reader.sockets) - MOST_SOCKETS
        for oldest in list(reader.sockets[:max(0, excess)]):
            oldest.outbox.give_up(4409, "too many connections")
        self.wake([socket.user_id])
        await self._replay(socket, reader)

    def leave(self, socket: Listening) -> None:
        """The socket is gone."""
        socket.is_live = False
        socket.outbox.stop()
        reader = self._readers.get(socket.user_id)
        if reader is None or socket not in reader.sockets:
            return
        reader.sockets.remove(socket)
        if not reader.sockets:
            del self._readers[socket.user_id]
        held = self._by_session.get(socket.session_id)
        if held:
            held.discard(socket)
            if not held:
                del self._by_session[socket.session_id]
        self._metrics.sockets.dec()

    def renew(self, socket: Listening, session_id: str) -> None:
        """The socket goes on under another session of the same user."""
        if session_id == socket.session_id:
            return
        held = self._by_session.get(socket.session_id)
        if held:
            held.discard(socket)
            if not held:
                del self._by_session[socket.session_id]
        socket.session_id = session_id
        self._by_session.setdefault(session_id, set()).add(socket)

    async def _replay(self, socket: Listening, reader: _Reader) -> None:
        """Read the past in pages, each written before the next is read, until nothing is left between it and live."""
        while socket in reader.sockets:
            page = await self._feeds.after(socket.user_id, socket.cursor, limit=REPLAY_PAGE)
            for event in page:
                if event.seq != socket.cursor + 1:
                    socket.outbox.give_up(1012, "resume")
                    return
                if not self._send(socket, event):
                    return
            if page and not await socket.outbox.drained(within_s=REPLAY_PATIENCE_S):
                socket.outbox.give_up(1013, "too slow")
                return
            if len(page) < REPLAY_PAGE and socket.cursor >= reader.head:
                # Nothing is awaited from the comparison on: what the reader takes later comes after this cursor.
                if not any(other.is_live for other in reader.sockets):
                    reader.head = socket.cursor
                socket.is_live = True
                self.wake([socket.user_id])
                return

    def _send(self, socket: Listening, event: Rendered) -> bool:
        if event.seq <= socket.cursor:
            return True
        if not socket.outbox.offer(event.frame):
            return False
        socket.cursor = event.seq
        self._metrics.events_sent.inc()
        return True

    # News

    def hear(self, message: dict[str, Any]) -> None:
        """A wake-up came in."""
        news, ended, forgotten = message.get("news"), message.get("ended"), message.get("forget")
        if isinstance(news, list):
            self.wake(news)
        for session_id in ended if isinstance(ended, list) else []:
            self._end_session(session_id)
        for user_id in forgotten if isinstance(forgotten, list) else []:
            self._feeds.forget(user_id)

    def wake(self, user_ids: list[str]) -> None:
        """Read these feeds on, as far as they have a socket here."""
        wanted = self._readers.keys() & set(user_ids)
        if wanted:
            self._dirty |= wanted
            self._stir.set()

    def _end_session(self, session_id: str) -> None:
        for socket in list(self._by_session.get(session_id, ())):
            socket.outbox.give_up(4401, "signed out")

    async def rescan(self) -> None:
        """Compare where each feed stands with what was read here: after a time in which nothing could be heard."""
        ids = list(self._readers)
        for start in range(0, len(ids), 1000):
            some = ids[start : start + 1000]
            newest = await self._feeds.newest_of(some)
            self.wake([
                id for id in some if (reader := self._readers.get(id)) and newest.get(id, 0) > reader.head
            ])  # fmt: skip
        sessions = list(self._by_session)
        for start in range(0, len(sessions), 1000):
            for session_id in await self._feeds.dead_sessions(sessions[start : start + 1000]):
                self._end_session(session_id)

    async def _read_on(self) -> None:
        wait_s = 0.0
        while True:
            await self._stir.wait()
            self._stir.clear()
            while self._dirty:
                batch = [self._dirty.pop() for _ in range(min(READERS, len(self._dirty)))]
                try:
                    await self._deliver(batch)
                    wait_s = 0.0
                except Exception as error:
                    self._dirty |= set(batch) & self._readers.keys()
                    wait_s = min(2.0, wait_s * 2 + 0.1)
                    log.warning("live.read_failed", count=len(batch), **describe_error(error))
                    await asyncio.sleep(wait_s)

    async def _deliver(self, user_ids: list[str]) -> None:
        heads = {
            id: reader.head for id in user_ids
            if (reader := self._readers.get(id)) and any(socket.is_live for socket in reader.sockets)
        }  # fmt: skip
        if not heads:
            return
        for user_id, events in (await self._feeds.after_each(heads)).items():
            reader = self._readers.get(user_id)
            if reader is None:
                continue
            for event in events:
                if event.seq != reader.head + 1:
                    # A feed has no gaps; should one be seen, the readers resume and are told to reload.
                    for socket in list(reader.sockets):
                        socket.outbox.give_up(1012, "resume")
                    break
                reader.head = event.seq
                for socket in list(reader.sockets):
                    if socket.is_live:
                        self._send(socket, event)

    async def _sweep(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_S)
            deaf = self._hears is not None and not self._hears.is_set()
            if not deaf and time.monotonic() - last < CALM_SWEEP_S:
                continue
            last = time.monotonic()
            try:
                await self.rescan()
            except Exception as error:
                log.warning("live.sweep_failed", **describe_error(error))


def frame(message: dict[str, Any]) -> bytes:
    """A message as the text of one frame."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
