"""The only module that builds the MongoDB client.

Writes with majority and journal, majority reads in transactions, aware datetimes, time-outs on every call. Callers use
only what Motor and PyMongo's own asyncio client share; the differences (sessions, aggregation) are handled here, in
one function each.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeAlias, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, IndexModel, ReadPreference
from pymongo.errors import (
    BulkWriteError,
    CollectionInvalid,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from hospital_rt.logs import log
from hospital_rt.storage.session import Session as Session
from hospital_rt.storage.stale_transactions import StaleTransactions, awaited
from hospital_rt.storage.write_locks import LockTaken, LockTimeout, TransactionLocks, WriteLocks

Document: TypeAlias = dict[str, Any]
T = TypeVar("T")

CALL_TIMEOUT_MS = 5_000
TRANSACTION_WITHIN_S = 12.0
MAX_COUNTED = 10_000  # records of a backlog: a longer one is given as this many
CONFLICT_IS_ODD_AFTER_S = 1.0
SLOW_AFTER_S = 3.0
APP_NAME = "hospital_rt"
COMPARE_EVERY_S = 10.0
CLOSE_ENOUGH = timedelta(seconds=2)
NAMESPACE_EXISTS, DUPLICATE_KEY = 48, 11000
# ConfigurationError: a member that has just restarted and has not loaded its replica set reports no session support.
UNAVAILABLE = (
    ConfigurationError,
    ConnectionFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    NetworkTimeout,
    ExecutionTimeout,
    LockTimeout,
)
# The server is reachable but cannot do this now: stepping down, no primary, interrupted, majority not reached.
PASSING_CODES = frozenset({6, 7, 50, 64, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
REFUSED_CODES = frozenset({13, 18})


def is_unavailable(error: BaseException) -> bool:
    """Whether MongoDB cannot be used now (503): unreachable, without a primary, or its password is being changed."""
    if isinstance(error, UNAVAILABLE) or (isinstance(error, PyMongoError) and error.timeout) or is_refused(error):
        return True
    return isinstance(error, OperationFailure) and (
        error.code in PASSING_CODES or error.has_error_label("TransientTransactionError")
    )


def is_refused(error: BaseException) -> bool:
    """Whether MongoDB answers, and does not take the user or the password of its URL."""
    return isinstance(error, OperationFailure) and error.code in REFUSED_CODES


def why_unavailable(error: BaseException) -> str:
    """One line for the operator about an error that :func:`is_unavailable` accepts."""
    return f"MONGO_URL: MongoDB {'does not take this user or password' if is_refused(error) else 'cannot be reached'}"


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction failed only because of other transactions, so that a retry may succeed."""
    return isinstance(error, LockTimeout) or (
        isinstance(error, OperationFailure)
        and error.has_error_label("TransientTransactionError")
        and error.code not in PASSING_CODES
    )


class NotServable(Exception):
    """This database must not be served; ``str()`` is one line for the operator."""


class HalfRestored(NotServable):
    """A restore into this database was interrupted."""

    def __init__(self) -> None:
        super().__init__("MONGO_URL: a restore into this database was interrupted; run `admin restore` again")


class Collection:
    """A collection of Motor or of PyMongo's asyncio client. Its methods take our ``Session``."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._driver, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if options.get("session") is not None:
                options["session"] = options["session"].driver
            return method(*arguments, **options)

        return call

    async def update_if(self, wanted: Document, change: Document, *, session: Session | None = None) -> bool:
        """Update one document. False when none is as ``wanted``."""
        return bool((await self.update_one(wanted, change, session=session)).matched_count)


class Database:
    """One client, one database, and the way to run transactions on it.

    Args:
        driver: ``motor`` or ``pymongo``: the same code runs on either.
        listeners: event listeners of the driver, for metrics.
    """

    def __init__(self, url: str, *, driver: str, name: str = "hospital_rt", listeners: Sequence[Any] = ()) -> None:
        options: dict[str, Any] = {
            "tz_aware": True,
            "w": "majority",
            "journal": True,
            "retryWrites": True,
            "retryReads": True,
            "serverSelectionTimeoutMS": 3000,
            "connectTimeoutMS": 3000,
            "timeoutMS": CALL_TIMEOUT_MS,
            "appname": APP_NAME,
            "maxPoolSize": 100,
            "uuidRepresentation": "standard",
            "event_listeners": list(listeners),
        }
        self._driver = driver
        self._locks = WriteLocks()
        self.client: Any = AsyncIOMotorClient(url, **options) if driver == "motor" else AsyncMongoClient(url, **options)
        self._ahead, self._compared_at = timedelta(0), -math.inf
        self.abandoned = StaleTransactions(self.client, APP_NAME)
        default = self.client.get_default_database(name)
        self._database: Any = default.with_options(
            read_concern=ReadConcern("majority"), write_concern=WriteConcern("majority", j=True)
        )

    def collection(self, name: str) -> Collection:
        return Collection(self._database[name])

    async def ping(self) -> None:
        """Reach a primary, or raise an error that :func:`is_unavailable` accepts."""
        await self._database.command("ping", read_preference=ReadPreference.PRIMARY)

    async def ahead_by(self) -> timedelta:
        """How far this machine's clock is ahead of MongoDB's, as measured recently; zero below a few seconds.

        Several machines query due steps. All use MongoDB's clock, so that none of them is early.
        """
        if time.monotonic() - self._compared_at > COMPARE_EVERY_S:
            before = datetime.now(UTC)
            answer = await self.client["admin"].command("hello")
            after = datetime.now(UTC)
            took = after - before
            ahead = before + took / 2 - answer["localTime"].replace(tzinfo=UTC)
            self._ahead = ahead if abs(ahead) > CLOSE_ENOUGH + took / 2 else timedelta(0)
            self._compared_at = time.monotonic()
            if self._ahead:
                log.warning("clock.differs", delay_s=round(ahead.total_seconds(), 1))
        return self._ahead

    async def command(self, *arguments: Any, **options: Any) -> Any:
        return await self._database.command(*arguments, **options)

    async def aggregate(self, collection: Collection, pipeline: Sequence[Document]) -> list[Document]:
        cursor = await awaited(collection.aggregate(pipeline))
        rows: list[Document] = await cursor.to_list(None)
        return rows

    async def collection_names(self) -> list[str]:
        found: list[str] = await self._database.list_collection_names()
        return [name for name in found if not name.startswith("system.")]

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Session]:
        """A session whose reads all see one snapshot. A server without snapshot reads refuses the first read."""
        async with await awaited(self.client.start_session(snapshot=True)) as driver:
            yield Session(driver)

    async def transaction(
        self, work: Callable[[Session], Awaitable[T]], *, within_s: float = TRANSACTION_WITHIN_S
    ) -> T:
        """Run ``work(session)`` as one transaction and retry it on write conflicts: it must be safe to run twice.

        A duplicate key inside aborts the transaction and is retried too, since another writer may just have inserted
        the same record; ``work`` then finds it. Transactions of this process that would conflict with each other run
        one after the other (see ``write_locks``).
        """
        async with await awaited(self.client.start_session()) as driver:
            locks, began = TransactionLocks(self._locks), time.monotonic()
            for attempt in count():
                try:
                    async with locks.attempt(), await _begin(driver):
                        result = await work(Session(driver, locks))
                        await _commit(driver)
                    if time.monotonic() - began > SLOW_AFTER_S:
                        log.warning("transaction.slow", attempt=attempt + 1, delay_s=round(time.monotonic() - began, 1))
                    return result
                except LockTaken:
                    continue
                except PyMongoError as error:
                    waited_s = time.monotonic() - began
                    if attempt + 1 >= _tries(error) or waited_s > within_s:
                        raise
                    if waited_s > CONFLICT_IS_ODD_AFTER_S:
                        await self.abandoned.end()
                # Random wait, so that two conflicting transactions do not conflict again.
                await asyncio.sleep(random.uniform(0.001, 0.005) * min(attempt + 1, 20))
        raise AssertionError("unreachable")

    async def create_indexes(self, collection: str, indexes: Sequence[IndexModel]) -> None:
        if indexes:
            await self._database[collection].create_indexes(list(indexes))

    async def create_collection(self, name: str) -> None:
        """Create a collection if it is missing: created inside a transaction it would cause write conflicts."""
        try:
            await self._database.create_collection(name)
        except CollectionInvalid:
            return
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:
                raise

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        await awaited(self.client.close())


def _tries(error: PyMongoError) -> float:
    """The maximum number of attempts for a transaction that ends with this error, time permitting."""
    if _is_duplicate(error):
        return 4
    if not error.has_error_label("TransientTransactionError"):
        return 1
    return 3 if isinstance(error, UNAVAILABLE) else math.inf


def _is_duplicate(error: PyMongoError) -> bool:
    """Whether it is a duplicate key error; single and bulk writes raise different ones."""
    if isinstance(error, BulkWriteError):
        failed = (error.details or {}).get("writeErrors", [])
        return bool(failed) and all(one.get("code") == DUPLICATE_KEY for one in failed)
    return isinstance(error, DuplicateKeyError)


async def _begin(driver: Any) -> Any:
    concerns = {"read_concern": ReadConcern("snapshot"), "write_concern": WriteConcern("majority", j=True)}
    return await awaited(driver.start_transaction(**concerns))


async def _commit(driver: Any) -> None:
    """Commit, and repeat while the result is unknown: repeating a commit has no further effect."""
    for attempt in range(4):
        try:
            await driver.commit_transaction()
            return
        except PyMongoError as error:
            if attempt == 3 or not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            await asyncio.sleep(0.05 * (attempt + 1))  # an election may be in progress
