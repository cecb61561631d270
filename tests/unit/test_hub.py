"""The hub under every order in which things may happen: each socket gets 1, 2, 3, ... once, as others join and leave.

Here feeds lie in memory and every read takes a random number of turns of the loop, so that thousands of interleavings
pass in a second. ``test_live_resume.py`` does the like with real feeds and real sockets.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

import hospital_rt.realtime.hub
import hospital_rt.realtime.send_queue
from hospital_rt.ops.metrics import Metrics
from hospital_rt.realtime.feed_port import Rendered
from hospital_rt.realtime.hub import Connection, Hub
from hospital_rt.realtime.send_queue import SendQueue
from tests.support.patience import allowed
from tests.support.processes import happens

USERS = ("ada", "ben")


class MemoryFeeds:
    """Feeds as MongoDB keeps them, with reads that take their time."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.newest = dict.fromkeys(USERS, 0)
        self.dead: set[str] = set()

    async def turns(self, most: int = 6) -> None:
        for _ in range(self.chance.randrange(most)):
            await asyncio.sleep(0)  # lets the others go on

    def _rendered(self, user_id: str, after: int, upto: int) -> list[Rendered]:
        return [Rendered(seq, f'{{"user":"{user_id}","seq":{seq}}}'.encode()) for seq in range(after + 1, upto + 1)]

    async def after(self, user_id: str, seq: int, *, limit: int) -> list[Rendered]:
        await self.turns()
        found = self._rendered(user_id, seq, min(self.newest[user_id], seq + limit))
        await self.turns()
        return found

    async def after_each(self, heads: dict[str, int], *, limit: int) -> dict[str, list[Rendered]]:
        await self.turns()
        found: dict[str, list[Rendered]] = {}
        left = limit
        for user_id, head in sorted(heads.items()):
            events = self._rendered(user_id, head, min(self.newest[user_id], head + left))
            left -= len(events)
            if events:
                found[user_id] = events
        await self.turns()
        return found

    async def newest_of(self, user_ids: list[str]) -> dict[str, int]:
        await self.turns()
        return {id: self.newest[id] for id in user_ids}

    async def dead_sessions(self, session_ids: list[str]) -> set[str]:
        await self.turns()
        return self.dead & set(session_ids)

    async def mark_seen(self, user_ids: list[str], *, at: datetime) -> None:
        await self.turns()

    async def epoch(self) -> str:
        return "e"

    def drop_cached_key(self, user_id: str) -> None:
        """Nothing is cached here."""


@dataclass
class Client:
    """A socket's other end: what it got, and with which code it was closed."""

    user_id: str
    first: int
    got: list[int] = field(default_factory=list)
    code: int | None = None

    def expected(self) -> list[int]:
        return list(range(self.first + 1, self.first + 1 + len(self.got)))


class Room:
    """A hub, its feeds, and clients that come, resume and leave."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.feeds = MemoryFeeds(self.chance)
        self.hub = Hub(self.feeds, Metrics())
        self.clients: list[Client] = []
        self.hears = asyncio.Event()
        self.hears.set()
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def write(self, user_id: str) -> None:
        """An event of a user, announced to all nodes, sometimes late or twice."""
        self.feeds.newest[user_id] += self.chance.choice((1, 1, 1, 2, 30))

        async def say() -> None:
            await self.feeds.turns(12)
            self.hub.handle_message({"news": [user_id]})

        for _ in range(self.chance.choice((1, 1, 1, 2))):
            self.start(say())

    async def visit(self, client: Client, stay: int | None) -> None:
        """Join, hear for a while, leave, as the handler does it; without ``stay`` until the room is closed."""

        def write(frame: bytes) -> asyncio.Future[None]:
            message = json.loads(frame)
            assert message["user"] == client.user_id, "another user's event"
            client.got.append(message["seq"])
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if self.chance.random() < 0.5:
                done.set_result(None)
            else:
                self.start(take(done))
            return done

        async def take(done: asyncio.Future[None]) -> None:
            await self.feeds.turns(8)
            if not done.done():
                done.set_result(None)

        def close(code: int, _reason: str) -> None:
            client.code = code

        self.clients.append(client)
        newest = self.feeds.newest[client.user_id]
        await self.feeds.turns()
        session_id = f"{client.user_id}-{self.chance.randrange(4)}"
        socket = Connection(user_id=client.user_id, session_id=session_id, outbox=SendQueue(write, close))
        joining = asyncio.create_task(self.hub.join(socket, after=client.first, newest=newest))
        try:
            for _ in range(10**9 if stay is None else stay):
                await asyncio.sleep(0)  # lets the others go on
                if self.chance.random() < 0.02:
                    self.hub.renew(socket, f"{client.user_id}-{self.chance.randrange(4)}")
        finally:
            joining.cancel()
            self.hub.leave(socket)

    def come(self, *, stays: bool) -> Client:
        """A client joins, from where it was last."""
        user_id = self.chance.choice(USERS)
        newest = self.feeds.newest[user_id]
        client = Client(user_id, self.chance.choice((newest, newest, max(0, newest - 60), max(0, newest - 3))))
        self.start(self.visit(client, None if stays else self.chance.randrange(40)))
        return client

    async def episode(self) -> list[Client]:
        """A few come and go while a few things happen; then it is quiet. Those who stayed."""
        staying: list[Client] = []
        for _ in range(self.chance.randint(2, 12)):
            what = self.chance.randrange(4)
            if what == 0:
                staying.append(self.come(stays=True))
            elif what == 1:
                self.come(stays=False)
            else:
                self.write(self.chance.choice(USERS))
            await self.feeds.turns(self.chance.choice((1, 4, 25)))
        return staying

    def complete(self, clients: list[Client]) -> bool:
        return all(one.first + len(one.got) == self.feeds.newest[one.user_id] for one in clients)

    async def close(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a short run meets: pages, batches and outboxes of a few events."""
    monkeypatch.setattr(hospital_rt.realtime.hub, "REPLAY_PAGE", 4)
    monkeypatch.setattr(hospital_rt.realtime.hub, "AT_ONCE", 9)
    monkeypatch.setattr(hospital_rt.realtime.send_queue, "MAX_EVENTS", 5)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
async def test_whoever_comes_and_goes_everybody_hears_each_event_once_and_in_order(small: None, seed: int) -> None:
    room = Room(seed)
    room.hub.start(room.hears)
    for number in range(700):
        staying = await room.episode()
        deadline = time.monotonic() + 5
        while not room.complete(staying) and time.monotonic() < deadline:  # noqa: ASYNC110 - turn by turn
            await asyncio.sleep(0)  # lets the others go on
        missed = [one for one in staying if not room.complete([one])]
        assert not missed, f"episode {number}: not told everything: {missed[0]}, newest {room.feeds.newest}"
        await room.close()
        for client in room.clients:
            assert client.got == client.expected(), (number, client)
            assert client.code in {None, 4409}, (number, client)
        room.clients.clear()
    await room.hub.stop()


@pytest.mark.parametrize("hears", [True, False])
async def test_a_wake_up_that_was_lost_is_made_good_by_the_sweep(monkeypatch: pytest.MonkeyPatch, hears: bool) -> None:
    monkeypatch.setattr(hospital_rt.realtime.hub, "SWEEP_S", 0.02)
    monkeypatch.setattr(hospital_rt.realtime.hub, "CALM_SWEEP_S", 0.05)
    room = Room(1)
    if not hears:
        room.hears.clear()
    room.hub.start(room.hears)
    client = Client("ada", 0)
    room.start(room.visit(client, None))
    await happens(lambda: any(one.is_live for one in room.hub.sockets), "it has joined: the sweep alone finds more")
    room.feeds.newest["ada"] = 3
    await happens(lambda: client.got == [1, 2, 3], "the sweep finds what was lost")
    await room.close()
    await room.hub.stop()


@pytest.mark.parametrize("how", ["said while it joins", "found by the sweep", "renewed into it"])
async def test_a_session_that_ends_takes_its_sockets_with_it(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(hospital_rt.realtime.hub, "SWEEP_S", 0.02)
    monkeypatch.setattr(hospital_rt.realtime.hub, "CALM_SWEEP_S", 0.02 if how == "found by the sweep" else 60)
    room = Room(1)
    room.hub.start(room.hears)
    closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    outbox = SendQueue(
        lambda frame: asyncio.get_running_loop().create_future(), lambda code, _: closed.set_result(code)
    )
    socket = Connection(user_id="ada", session_id="one", outbox=outbox)
    if how == "said while it joins":
        room.hub.handle_message({"ended": ["one"]})  # after its token was looked at, before it stands in the hub
        await room.hub.join(socket, after=0, newest=0)
    elif how == "renewed into it":
        await room.hub.join(socket, after=0, newest=0)
        room.hub.handle_message({"ended": ["two"]})
        room.hub.renew(socket, "two")
    else:
        await room.hub.join(socket, after=0, newest=0)
        room.feeds.dead = {"one"}
    assert await asyncio.wait_for(closed, allowed(2)) == 4401
    room.hub.leave(socket)
    await room.hub.stop()


async def test_what_comes_through_redis_and_is_no_wake_up_is_passed_over() -> None:
    hub = Hub(MemoryFeeds(random.Random(1)), Metrics())
    for message in ({}, {"news": None}, {"news": [[], {}, 7]}, {"ended": {"a": 1}}, {"forget": "ada"}, {"x": [None]}):
        hub.handle_message(message)
