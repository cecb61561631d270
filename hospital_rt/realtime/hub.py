"""Fan-out of the live channel in one web process: each socket gets every event of its user once, in order.

``Hub`` holds the sockets of this process by user. It reads each user's feed once and queues new events for all of
their sockets. A socket that is still replaying the past reads by itself, at its own pace, until it has caught up. A
socket whose send queue is full returns to replaying; if its client then reads nothing, it is closed, and resumes later
from MongoDB without a loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from hospital_rt.logs import describe_error, log
from hospital_rt.ops.metrics import Metrics
from hospital_rt.realtime import protocol
from hospital_rt.realtime.connection_counter import MAX_SOCKETS, ConnectionCounter
from hospital_rt.realtime.feed_port import Feeds, Rendered
from hospital_rt.realtime.send_queue import SendQueue
from hospital_rt.storage.database import is_unavailable

REPLAY_PAGE = 100
REPLAY_PATIENCE_S = 20.0  # a client may load the page over a slow network
SLOW_S = 4.0  # with a full send queue from which nothing was sent
READERS = 100  # feeds read by one query
AT_ONCE = 500  # events read by one query: decrypting them blocks the event loop
ENDED_KEPT_S = 30.0  # longer than the time from authentication of a socket to its registration here
SWEEP_S = 2.0  # while Redis is away
CALM_SWEEP_S = 20.0  # otherwise: catches lost wake-ups
FINAL_WRITE_WITHIN_S = 1.0


@dataclass(slots=True, kw_only=True, eq=False)
class Connection:
    """One authenticated socket: its user, its position in the feed, and its send queue."""

    user_id: str
    session_id: str
    outbox: SendQueue
    id: str = field(default_factory=lambda: uuid4().hex)
    cursor: int = 0
    is_live: bool = False
    catching_up: asyncio.Task[None] | None = None


@dataclass(slots=True, eq=False)
class _LocalFeed:
    """One user's feed in this process: the ``seq`` up to which it is read, and the sockets that receive it."""

    head: int
    sockets: list[Connection] = field(default_factory=list)


class Hub:
    """The sockets of this process, and the feeds that they receive. ``counter`` counts over all processes."""

    def __init__(self, feeds: Feeds, metrics: Metrics, counter: ConnectionCounter | None = None) -> None:
        self._feeds = feeds
        self._metrics = metrics
        self._counter = counter
        self._by_id: dict[str, Connection] = {}
        self._local_feeds: dict[str, _LocalFeed] = {}
        self._by_session: dict[str, set[Connection]] = {}
        self._ended: OrderedDict[str, float] = OrderedDict()
        self._dirty: set[str] = set()
        self._seen: dict[str, datetime] = {}
        self._epoch = ""
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._connected: asyncio.Event | None = None

    def start(self, connected: asyncio.Event) -> None:
        """Start reading feeds. While ``connected`` is unset (no wake-ups arrive), feeds are polled more often."""
        self._connected = connected
        self._tasks = [
            asyncio.create_task(self._read_on(), name="hub"),
            asyncio.create_task(self._sweep(), name="sweep"),
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._write_seen(), FINAL_WRITE_WITHIN_S)

    # Sockets

    @property
    def sockets(self) -> list[Connection]:
        return [socket for feed in self._local_feeds.values() for socket in feed.sockets]

    async def join(self, socket: Connection, *, after: int, newest: int) -> None:
        """Register a socket for everything after ``after``: first the past, in pages, then live.

        ``newest`` is the newest ``seq`` of the feed a moment ago: a socket that was up to date then has nothing to
        replay and gets later events together with the other sockets.
        """
        feed = self._local_feeds.get(socket.user_id)
        if feed is None:
            feed = self._local_feeds[socket.user_id] = _LocalFeed(head=after)
        socket.cursor = after
        feed.sockets.append(socket)
        self._by_id[socket.id] = socket
        self._metrics.sockets.inc()
        if self._counter:
            self._counter.joined(socket.user_id, socket.id)
        self._bind(socket, socket.session_id)
        for oldest in feed.sockets[:-MAX_SOCKETS]:
            oldest.outbox.give_up(protocol.TOO_MANY, "too many connections")
        if feed.head <= after == newest:
            socket.is_live = True
            self.wake([socket.user_id])
        else:
            await self._replay(socket, feed, patience_s=REPLAY_PATIENCE_S)

    def mark_seen(self, user_id: str, *, at: datetime) -> None:
        """Record that the user was seen; written in batches a little later."""
        self._seen[user_id] = at

    def leave(self, socket: Connection) -> None:
        """Unregister a socket that was closed."""
        socket.is_live = False
        socket.outbox.stop()
        if socket.catching_up:
            socket.catching_up.cancel()
        self._unbind(socket)
        feed = self._local_feeds.get(socket.user_id)
        if feed is None or socket not in feed.sockets:
            return
        feed.sockets.remove(socket)
        self._by_id.pop(socket.id, None)
        if self._counter:
            self._counter.left(socket.user_id, socket.id)
        if not feed.sockets:
            del self._local_feeds[socket.user_id]
        self._metrics.sockets.dec()

    def renew(self, socket: Connection, session_id: str) -> None:
        """Move the socket to another session of the same user, or keep it under the same one."""
        self._unbind(socket)
        self._bind(socket, session_id)

    def _bind(self, socket: Connection, session_id: str) -> None:
        socket.session_id = session_id
        self._by_session.setdefault(session_id, set()).add(socket)
        if session_id in self._ended:
            # The session ended between the check of its token and the registration of the socket.
            socket.outbox.give_up(protocol.UNAUTHENTICATED, "signed out")

    def _unbind(self, socket: Connection) -> None:
        held = self._by_session.get(socket.session_id)
        if held:
            held.discard(socket)
            if not held:
                del self._by_session[socket.session_id]

    async def _replay(self, socket: Connection, feed: _LocalFeed, *, patience_s: float) -> None:
        """Replay the past in pages, each sent before the next is read, until the socket has caught up."""
        while socket in feed.sockets:
            page = await self._feeds.after(socket.user_id, socket.cursor, limit=REPLAY_PAGE)
            for event in page:
                if event.seq != socket.cursor + 1:
                    socket.outbox.give_up(protocol.RESTARTING, "resume")
                    return
                if not await socket.outbox.room_for(event.frame, patience_s=patience_s):
                    socket.outbox.give_up(protocol.TOO_SLOW, "too slow")
                    return
                if not self._send(socket, event):
                    return
            if not await socket.outbox.drained(patience_s=patience_s):
                socket.outbox.give_up(protocol.TOO_SLOW, "too slow")
                return
            if len(page) == REPLAY_PAGE:
                continue
            if socket.cursor >= feed.head:
                # No await from this comparison on: events that the feed takes later follow this cursor.
                if not any(other.is_live for other in feed.sockets):
                    feed.head = socket.cursor
                socket.is_live = True
                self.wake([socket.user_id])
                return
            if not page:
                # Events that the feed has passed are missing: the feed was emptied.
                socket.outbox.give_up(protocol.RESTARTING, "resume")
                return

    def _fall_behind(self, socket: Connection, feed: _LocalFeed) -> None:
        """The send queue is full: from here on the socket reads by itself, as fast as its client accepts data."""

        async def catch_up() -> None:
            try:
                await self._replay(socket, feed, patience_s=SLOW_S)
            except Exception as error:
                log.warning("live.read_failed", count=1, **describe_error(error))
                socket.outbox.give_up(protocol.RESTARTING, "come back")

        socket.is_live = False
        self._metrics.outbox_overflows.inc()
        socket.catching_up = asyncio.create_task(catch_up(), name="catch-up")

    def _send(self, socket: Connection, event: Rendered) -> bool:
        if event.seq <= socket.cursor:
            return True
        if not socket.outbox.offer(event.frame):
            return False
        socket.cursor = event.seq
        self._metrics.events_sent.inc()
        return True

    # News

    def handle_message(self, message: dict[str, Any]) -> None:
        """Handle a pub/sub message."""
        self.wake(_ids(message, "news"))
        self._end_sessions(_ids(message, "ended"))
        for connection_id in _ids(message, "over"):
            if socket := self._by_id.get(connection_id):
                socket.outbox.give_up(protocol.TOO_MANY, "too many connections")
        for user_id in _ids(message, "forget"):
            self._feeds.drop_cached_key(user_id)

    def wake(self, user_ids: list[str]) -> None:
        """Read these feeds further where they have a socket here."""
        wanted = self._local_feeds.keys() & set(user_ids)
        if wanted:
            self._dirty |= wanted
            self._woken.set()

    def _end_sessions(self, session_ids: Iterable[str]) -> None:
        now = time.monotonic()
        while self._ended and next(iter(self._ended.values())) < now - ENDED_KEPT_S:
            self._ended.popitem(last=False)
        for session_id in session_ids:
            self._ended[session_id] = now
            self._ended.move_to_end(session_id)
            for socket in list(self._by_session.get(session_id, ())):
                socket.outbox.give_up(protocol.UNAUTHENTICATED, "signed out")

    async def rescan(self) -> None:
        """Compare the newest ``seq`` of each feed with the position here, after a time without wake-ups."""
        epoch = await self._feeds.epoch()
        if self._epoch not in {"", epoch}:
            for socket in self.sockets:  # the database was replaced: clients that resume get a reset
                socket.outbox.give_up(protocol.RESTARTING, "resume")
        self._epoch = epoch
        ids = list(self._local_feeds)
        for start in range(0, len(ids), 1000):
            some = ids[start : start + 1000]
            newest = await self._feeds.newest_of(some)
            self.wake([id for id in some if (feed := self._local_feeds.get(id)) and newest.get(id, 0) > feed.head])
        sessions = list(self._by_session)
        for start in range(0, len(sessions), 1000):
            self._end_sessions(await self._feeds.dead_sessions(sessions[start : start + 1000]))

    async def _read_on(self) -> None:
        wait_s = 0.0
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._dirty:
                batch = [self._dirty.pop() for _ in range(min(READERS, len(self._dirty)))]
                try:
                    await self._deliver(batch)
                    wait_s = 0.0
                except Exception as error:
                    log.warning("live.read_failed", count=len(batch), **describe_error(error))
                    if is_unavailable(error):
                        self._dirty |= set(batch) & self._local_feeds.keys()
                        wait_s = min(2.0, wait_s * 2 + 0.1)
                        await asyncio.sleep(wait_s)  # backoff
                    else:
                        await self._deliver_apart(batch)

    async def _deliver_apart(self, user_ids: list[str]) -> None:
        """After a failed batch: read these feeds one by one, so that only the faulty one is delayed."""
        for user_id in user_ids:
            try:
                await self._deliver([user_id])
            except Exception as error:
                if is_unavailable(error):
                    self.wake([user_id])
                    continue
                log.error("live.feed_unreadable", user_id=user_id, **describe_error(error))
                for socket in list(feed.sockets if (feed := self._local_feeds.get(user_id)) else ()):
                    socket.outbox.give_up(protocol.RESTARTING, "come back")

    async def _deliver(self, user_ids: list[str]) -> None:
        heads = {
            id: feed.head
            for id in user_ids
            if (feed := self._local_feeds.get(id)) and any(socket.is_live for socket in feed.sockets)
        }
        if not heads:
            return
        found = await self._feeds.after_each(heads, limit=AT_ONCE)
        for user_id, events in found.items():
            self._deliver_to(user_id, heads[user_id], events)
        if sum(map(len, found.values())) >= AT_ONCE:
            self.wake(user_ids)  # the batch was full: more follows

    def _deliver_to(self, user_id: str, head: int, events: list[Rendered]) -> None:
        feed = self._local_feeds.get(user_id)
        if feed is None or feed.head < head:
            return  # the sockets of this read are gone; newer ones started their own
        for event in events:
            if event.seq <= feed.head:
                continue
            if event.seq != feed.head + 1:
                # A feed has no gaps; if one is found, the clients resume and get a reset.
                for socket in list(feed.sockets):
                    socket.outbox.give_up(protocol.RESTARTING, "resume")
                return
            feed.head = event.seq
            for socket in list(feed.sockets):
                if not socket.is_live:
                    continue
                if event.seq > socket.cursor and not socket.outbox.fits(event.frame):
                    self._fall_behind(socket, feed)
                else:
                    self._send(socket, event)

    async def _write_seen(self) -> None:
        while self._seen:
            some = [self._seen.popitem() for _ in range(min(1000, len(self._seen)))]
            await self._feeds.mark_seen([user_id for user_id, _ in some], at=max(at for _, at in some))

    async def _sweep(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(SWEEP_S)  # interval of the sweep
            try:
                await self._write_seen()
            except Exception as error:
                log.warning("live.seen_failed", **describe_error(error))
            disconnected = self._connected is not None and not self._connected.is_set()
            if not disconnected and time.monotonic() - last < CALM_SWEEP_S:
                continue
            last = time.monotonic()
            try:
                await self.rescan()
            except Exception as error:
                log.warning("live.sweep_failed", **describe_error(error))


def _ids(message: dict[str, Any], name: str) -> list[str]:
    """Validate the ids of a message from Redis."""
    found = message.get(name)
    return [id for id in found if isinstance(id, str)] if isinstance(found, list) else []
