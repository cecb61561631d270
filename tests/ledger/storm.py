"""The storm: the same acts on the real MongoDB, a handful at a time, where any may die before or after any call.

What the stage cannot show is here: the driver, the server, its conflicts and locks, and acts that share a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pymongo.errors import PyMongoError
from pytest import MonkeyPatch

import hospital_rt.storage.database
from hospital_rt.domain.clock import to_wire
from hospital_rt.domain.errors import DomainError
from hospital_rt.storage.database import Database, is_unavailable
from hospital_rt.storage.field_encryption import Vault
from models.store import Store
from tests.ledger import checks
from tests.ledger.acts import KINDS, Act, Acts, Journal
from tests.ledger.memory_server import Document
from tests.ledger.world import BEGAN, KEYS

COLLECTIONS = ("events", "feeds", "notes", "plans", "reminders", "steps", "assignments")
ZONES = ("UTC", "Asia/Hong_Kong", "America/New_York", "Pacific/Kiritimati")
SPANS = [timedelta(seconds=5), timedelta(minutes=1), timedelta(hours=6), timedelta(hours=12), timedelta(days=1)]


class Crashed(BaseException):
    """The act is gone, wherever it stood."""


@dataclass
class Fate:
    """How many calls an act makes before it dies; after the call or before it."""

    calls: int | None
    strikes: int = field(default=0, init=False)

    def strike(self) -> None:
        self.strikes += 1
        if self.calls is not None and self.strikes > self.calls:
            raise Crashed


_fate: ContextVar[Fate | None] = ContextVar("fate", default=None)


def strike() -> None:
    fate = _fate.get()
    if fate is not None:
        fate.strike()


class _Deadly:
    """A collection or a cursor: each call may be the last, before it is made or after."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name in {"find", "sort", "skip", "limit", "batch_size"}:
            return lambda *a, **more: _Deadly(found(*a, **more))

        async def call(*a: Any, **more: Any) -> Any:
            strike()
            result = await found(*a, **more)
            strike()
            return result

        return call

    async def __aiter__(self) -> AsyncIterator[Document]:
        strike()
        async for row in self._real:
            yield row
        strike()


class DeadlyDatabase(Database):
    def collection(self, name: str) -> Any:
        return super().collection(name) if name in {"keys", "meta"} else _Deadly(super().collection(name))


class Storm(Acts):
    """A small hospital on a real database, used by several processes at once."""

    def __init__(self, url: str, *, driver: str, seed: int, processes: int = 3) -> None:
        self.choose = random.Random(seed)
        self.now, self.journal = BEGAN, Journal()
        self.doctors, self.patients = [str(uuid4()), str(uuid4())], [str(uuid4()) for _ in range(3)]
        self._databases = [DeadlyDatabase(url, driver=driver) for _ in range(processes)]
        self._stores: list[Store] = []
        self._rows: dict[str, list[Document]] = defaultdict(list)
        self._heard: dict[str, list[int]] = {id: [] for id in (*self.doctors, *self.patients)}
        self.acts = self.crashes = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Storm]:
        with MonkeyPatch.context() as patch:
            commit = hospital_rt.storage.database._commit

            async def deadly_commit(session: Any) -> None:
                strike()
                await commit(session)
                strike()

            patch.setattr(hospital_rt.storage.database, "_commit", deadly_commit)
            for database in self._databases:
                store = Store(database, Vault(database.collection("keys"), KEYS), retention_days=30)
                await store.open()
                self._stores.append(store)
            await self.admit(self._stores[0])
            try:
                yield self
            finally:
                for database in self._databases:
                    await database.close()

    def all(self, name: str) -> list[Document]:
        return self._rows[name]

    async def look(self) -> None:
        """Read the records and the feeds while no actor runs."""
        database = self._databases[0]
        for name in COLLECTIONS:
            self._rows[name] = await Database.collection(database, name).find({}).to_list(None)
        for user_id, seen in self._heard.items():
            self._hear(user_id, seen, self._rows["events"])

    def _hear(self, user_id: str, seen: list[int], events: list[Document]) -> None:
        after = seen[-1] if seen else 0
        seen += sorted(row["seq"] for row in events if row["user_id"] == user_id and row["seq"] > after)

    async def _listen(self) -> None:
        """A client that reads on and on while others write."""
        events = Database.collection(self._databases[0], "events")
        for user_id, seen in self._heard.items():
            after = seen[-1] if seen else 0
            rows = await events.find({"user_id": user_id, "seq": {"$gt": after}}).sort("seq", 1).to_list(None)
            self._hear(user_id, seen, rows)

    async def _do(self, act: Act, fate: Fate) -> None:
        _fate.set(fate)
        self.acts += 1
        try:
            await act(self.choose.choice(self._stores))
        except Crashed:
            self.crashes += 1
        except DomainError:
            self.journal.refused += 1
        except PyMongoError as error:
            if not is_unavailable(error):
                raise

    def _some_act(self) -> Act:
        choose = self.choose
        patient_id = choose.choice(self.patients)
        unread, proposed = self.notes("queued", "processing"), self.notes("proposed")
        steps = [row for row in self.all("steps") if row["status"] in {"active", "cancelled", "completed"}]
        menu = [
            self.dispatcher(limit=choose.choice([1, 2, 50])),
            self.dispatcher(),
            self.submit(patient_id, choose.choice(sorted(KINDS))),
        ]
        if unread:
            menu += [self.worker(choose.choice(unread)["_id"])] * 2
        if proposed:
            menu.append(self.judge(choose.choice(proposed), choose.choice(["approve", "approve", "reject"])))
        for _ in range(min(4, len(steps))):
            step = choose.choice(steps)
            named = [to_wire(slot["at"]) for slot in (step["course"] or {"window": []})["window"][-2:]]
            menu.append(self.check_in(step, choose.choice([None, *named]), choose.choice(["done", "done", "skipped"])))
            menu.append(self.undo(step))
        if steps and choose.random() < 0.15:
            menu.append(self.cancel(choose.choice(steps)))
        if choose.random() < 0.3:
            menu.append(self.move(patient_id, timezone=choose.choice(ZONES)))
            menu.append(self.change_doctor(patient_id, choose.choice(self.doctors)))
        return choose.choice(menu)

    async def rage(self, rounds: int) -> None:
        """So many rounds of a few acts at once, each of which may die; after each the records agree."""
        for _ in range(rounds):
            await self.look()
            checks.at_every_moment(self._rows)
            dies = [self.choose.choice([None, self.choose.randrange(40)]) for _ in range(self.choose.randint(2, 7))]
            await asyncio.gather(*(self._do(self._some_act(), Fate(calls)) for calls in dies), self._listen())
            self.now += self.choose.choice(SPANS)
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(4):
            self.now += timedelta(minutes=3)
            await self.look()
            for note in self.notes("queued", "processing"):
                await self._do(self.worker(note["_id"]), Fate(None))
            await self._do(self.dispatcher(limit=50), Fate(None))
        await self.look()
        vault = self._stores[0].vault
        await vault.load_keys([*self.doctors, *self.patients])
        checks.all_of_it(self._rows, vault, now=self.now, journal=self.journal, heard=self._heard)
