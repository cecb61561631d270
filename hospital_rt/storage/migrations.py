"""Schema versions: which version the database has, and how it is migrated, once, whichever process starts first.

A role serves only a schema that it knows. Roles of a newer version migrate an older database before they serve: one
holds a lease, the others wait. An expired lease is taken over. Every write of a migration checks its fencing token, so
that a process whose lease has expired cannot write. An interrupted migration is run again, so it must be safe to run
twice.

Old and new versions run side by side in a rolling update: a migration first widens the schema (``readable_by`` names
the oldest version that can still serve the result), and only a later release removes what is unused. A role older than
``readable_by`` does not start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from hospital_rt.domain.clock import utcnow
from hospital_rt.logs import log
from hospital_rt.periodic import run_periodically
from hospital_rt.storage.database import Collection, Database, Document, NotServable, Session, is_unavailable

FIRST = 1
SCHEMA = "schema"
LEASE_S = 30.0
LOOK_EVERY_S = 0.25


class SchemaTooNew(NotServable):
    """The database has a schema newer than this version can serve."""

    def __init__(self, state: State, known: int) -> None:
        super().__init__(
            f"MONGO_URL: the database has schema {state.version}, which versions from schema {state.readable_by} on "
            f"can serve; this one knows schema {known}. Run the newer version, or restore a backup of this one"
        )


class MigrationFailed(NotServable):
    """A migration failed with an error that is not a temporary one of the database."""

    def __init__(self, migration: Migration, error: BaseException) -> None:
        super().__init__(
            f"MONGO_URL: the step to schema {migration.version} failed ({type(error).__name__}); nothing is served. "
            "What it has not changed yet is as before; run the version before this one, or mend it"
        )


class Fenced(Exception):
    """Another process has taken over the migration: this one must not write any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The schema version of a database. ``readable_by``: the oldest version that can serve it."""

    version: int
    readable_by: int
    moving: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One migration. ``run`` gets a :class:`MigrationWriter`; run again after a crash, it does only what is left.

    Args:
        version: the resulting schema version: the previous one plus one.
        readable_by: the oldest version that can serve during and after it; below ``version`` where a rolling update
            is possible.
    """

    version: int
    about: str
    readable_by: int
    run: Callable[[MigrationWriter], Awaitable[None]]


class MigrationWriter:
    """Writes of a migration: each is a transaction that fails once another process holds the lease."""

    def __init__(self, database: Database, fence: int, lease_s: float) -> None:
        self.database = database
        self._meta: Collection = database.collection("meta")
        self._fence = fence
        self._lease_s = lease_s

    async def write(self, work: Callable[[Session], Awaitable[Any]]) -> Any:
        """Run one transaction that checks the fencing token.

        Raises:
            Fenced: another process holds the lease.
        """

        async def fenced(session: Session) -> Any:
            await self._hold({}, session=session)
            return await work(session)

        return await self.database.transaction(fenced)

    async def done(self, migration: Migration) -> None:
        """Record that the database now has this version."""
        values = {"version": migration.version, "readable_by": migration.readable_by, "moved_at": utcnow()}
        await self._hold(values)

    async def renew(self) -> None:
        await self._hold({})

    async def release(self) -> None:
        with contextlib.suppress(Fenced):
            await self._hold({"lease_until": None})

    async def _hold(self, values: Document, *, session: Session | None = None) -> None:
        lease = {"lease_until": utcnow() + timedelta(seconds=self._lease_s)}
        result = await self._meta.update_one(
            {"_id": SCHEMA, "fence": self._fence}, {"$set": {**lease, **values}}, session=session
        )
        if not result.matched_count:
            raise Fenced


async def read_state(database: Database, *, newest: int) -> State:
    """The schema version of the database; an empty one counts as the newest."""
    meta = database.collection("meta")
    row = await meta.find_one({"_id": SCHEMA})
    if row is None:
        # A database without a version predates versions, unless it is empty.
        lived_in = await meta.find_one({"_id": "epoch"}) or await database.collection("users").find_one({}, {"_id": 1})
        version = FIRST if lived_in else newest
        return State(version=version, readable_by=version, moving=False)
    until = row.get("lease_until")
    return State(version=row["version"], readable_by=row["readable_by"], moving=bool(until and until > utcnow()))


async def migrate(database: Database, migrations: Sequence[Migration], *, lease_s: float = LEASE_S) -> State:
    """Migrate the database to the newest of these versions, unless it has a later one that can be served.

    Any number of processes may call this at once: one migrates, the others wait.

    Raises:
        SchemaTooNew: the schema is newer than this version can serve.
        MigrationFailed: a migration failed.
    """
    newest = migrations[-1].version if migrations else FIRST
    meta = database.collection("meta")
    state = await read_state(database, newest=newest)
    with contextlib.suppress(DuplicateKeyError):
        if not await meta.find_one({"_id": SCHEMA}, {"_id": 1}):
            versions = {"version": state.version, "readable_by": state.readable_by}
            await meta.insert_one({"_id": SCHEMA, **versions, "fence": 0, "lease_until": None})
    waits = False
    while True:
        state = await read_state(database, newest=newest)
        if state.readable_by > newest:
            raise SchemaTooNew(state, newest)
        if state.version >= newest:
            return state
        hand = await _take(database, lease_s)
        if hand is None:
            if not waits:
                log.info("schema.waits", version=state.version)
            waits = True
            await asyncio.sleep(LOOK_EVERY_S)  # poll: is the other node done?
            continue
        with contextlib.suppress(Fenced):
            try:
                async with run_periodically(hand.renew, every_s=lease_s / 3, name="schema"):
                    await _move(database, hand, migrations)
            finally:
                await hand.release()


async def _take(database: Database, lease_s: float) -> MigrationWriter | None:
    """Acquire the lease with a new fencing token; None while another process holds it."""
    now = utcnow()
    row = await database.collection("meta").find_one_and_update(
        {"_id": SCHEMA, "$or": [{"lease_until": None}, {"lease_until": {"$lte": now}}]},
        {"$set": {"lease_until": now + timedelta(seconds=lease_s), "owner": uuid4().hex}, "$inc": {"fence": 1}},
        return_document=ReturnDocument.AFTER,
    )
    return MigrationWriter(database, row["fence"], lease_s) if row else None


async def _move(database: Database, hand: MigrationWriter, migrations: Sequence[Migration]) -> None:
    newest = migrations[-1].version
    at = (await read_state(database, newest=newest)).version
    for migration in migrations:
        if migration.version <= at:
            continue
        log.warning("schema.moves", version=migration.version)
        try:
            await migration.run(hand)
        except (Fenced, asyncio.CancelledError):
            raise
        except Exception as error:
            if is_unavailable(error):
                raise
            raise MigrationFailed(migration, error) from error
        await hand.done(migration)
        log.warning("schema.moved", version=migration.version)
