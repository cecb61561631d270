"""A small hospital in memory: patients, doctors, and what each may do, by the service's own functions."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cryptography.fernet import Fernet
from pymongo.errors import PyMongoError

from hospital_rt.domain.errors import DomainError
from hospital_rt.storage.database import is_unavailable
from hospital_rt.storage.field_encryption import Vault
from models.store import Store
from tests.ledger import checks
from tests.ledger.acts import Act, Acts, Journal
from tests.ledger.memory_database import MemoryDatabase
from tests.ledger.memory_server import Document, Server
from tests.ledger.stage import Actor, Stage

KEYS = (Fernet.generate_key().decode(),)
BEGAN = datetime(2027, 3, 1, 8, 30, tzinfo=UTC)


class Reader:
    """A client: it reads its feed from time to time, after the newest ``seq`` that it has seen."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.seen: list[int] = []

    def read(self, server: Server) -> None:
        after = self.seen[-1] if self.seen else 0
        mine = [row for row in server.all("events") if row["user_id"] == self.user_id and row["seq"] > after]
        self.seen += sorted(row["seq"] for row in mine)


class World(Acts):
    """The records, the people, the time, and who is acting at the moment."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.server = Server()
        self.server.stage = self.stage
        self.now = BEGAN
        self.journal, self.ages = Journal(), checks.Ages()
        self.doctors, self.patients = [str(uuid4()), str(uuid4())], [str(uuid4()), str(uuid4())]
        self.readers = [Reader(id) for id in (*self.doctors, *self.patients)]
        self.store = self.stage.now_do(self._open())
        self.stage.now_do(self.admit(self.store))

    def close(self) -> None:
        self.stage.close()

    def again(self) -> World:
        """The same records at the same time, without running actors."""
        other = object.__new__(World)
        other.stage, other.server = Stage(), self.server.copy()
        other.server.stage = other.stage
        other.now, other.journal, other.ages = self.now, Journal(), checks.Ages()
        other.doctors, other.patients = self.doctors, self.patients
        other.readers = [Reader(reader.user_id) for reader in self.readers]
        other.store = other.stage.now_do(other._open())
        return other

    async def _open(self) -> Store:
        """The records as one more process of the service has them."""
        database = MemoryDatabase(self.server)
        store = Store(database, Vault(database.collection("keys"), KEYS), retention_days=30)
        if not self.server.rows:
            await store.open()
        else:
            await store.vault.open()
            await store.vault.load_keys([*self.doctors, *self.patients])
        return store

    # Acting

    def enter(self, name: str, act: Act, *, lose_answers: int = 0) -> Actor:
        """Start an actor, with a process of the service of its own."""
        store = self.stage.now_do(self._open())

        async def play() -> Any:
            try:
                return await act(store)
            except DomainError as refused:
                self.journal.refused += 1
                return refused

        return self.stage.enter(name, play, lose_answers=lose_answers)

    def do(self, name: str, act: Act) -> Any:
        """The same, from beginning to end without other actors."""
        return self.finish(self.enter(name, act))

    def finish(self, actor: Actor) -> Any:
        """Run an actor to its end: with its result, or with a refusal."""
        self.stage.finish(actor)
        return self.ended(actor)

    def ended(self, actor: Actor) -> Any:
        """What it came to. That others held it up for too long is an answer of 503, anything else is a fault."""
        if actor.error is None or (isinstance(actor.error, PyMongoError) and is_unavailable(actor.error)):
            return actor.result
        raise actor.error

    def all(self, name: str) -> list[Document]:
        return self.server.all(name)

    def settle(self) -> None:
        """Run all actors to their end, let leases run out, and run the sweeps."""
        for actor in list(self.stage.actors):
            self.finish(actor)
        for _ in range(6):
            self.now += timedelta(minutes=3)
            for row in self.notes("queued", "processing"):
                self.do("worker", self.worker(row["_id"]))
            self.do("dispatcher", self.dispatcher())
        for reader in self.readers:
            reader.read(self.server)

    def rows(self) -> dict[str, list[Document]]:
        """All records as readers see them."""
        return defaultdict(list, {name: list(rows.values()) for name, rows in self.server.rows.items()})

    def check(self) -> None:
        """What holds at every moment."""
        rows = self.rows()
        checks.at_every_moment(rows)
        self.ages.check(rows, self.patients)

    def check_at_rest(self) -> None:
        """Run all actors to their end, and check every invariant."""
        self.settle()
        self.ages.check(self.rows(), self.patients)
        heard = {reader.user_id: reader.seen for reader in self.readers}
        checks.all_of_it(self.rows(), self.store.vault, now=self.now, journal=self.journal, heard=heard)
