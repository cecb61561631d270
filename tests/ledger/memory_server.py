"""As much of MongoDB as the acts use, in memory: documents, unique indexes, and transactions by snapshot isolation.

It stands in for MongoDB only where each single call is to be interleaved, crashed or left without an answer, thousands
of times; ``test_memory.py`` runs random programs on it and on the real server and compares. What it does not have
raises. The service's own ``Database.transaction``, with its retries and turns, runs on it unchanged.

Two things differ. Whether a taken key is a duplicate or a conflict depends on more than is kept here: a transaction
tries again after either. And partial unique indexes conflict more often on the real server, where a removal looks
also into those in which the document does not stand.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, TypeVar

from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

Document = dict[str, Any]
Key = tuple[str, Any]
T = TypeVar("T")


class Stage(Protocol):
    """Who decides when a call may go on, and whether its caller survives it."""

    async def before(self, label: str) -> None: ...

    async def blocked(self, label: str) -> None: ...

    def refused(self) -> None: ...

    async def after(self, label: str) -> None: ...


class Locked(Exception):
    """A write outside transactions waits until the transaction that holds the document is over."""


def conflict() -> OperationFailure:
    return OperationFailure("WriteConflict", 112, {"errorLabels": ["TransientTransactionError"]})


def stored(value: Any) -> Any:
    """A value as it comes back: lists for tuples, milliseconds, nothing shared."""
    if isinstance(value, dict):
        return {name: stored(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [stored(one) for one in value]
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(row: Document, wanted: Document) -> bool:
    for name, value in wanted.items():
        if name == "$or":
            if not any(matches(row, clause) for clause in value):
                return False
            continue
        if name.startswith("$") or "." in name:
            raise NotImplementedError(name)
        held = row.get(name)
        conditions = value if isinstance(value, dict) and any(key.startswith("$") for key in value) else {"$eq": value}
        if not all(_holds(name in row, held, condition, given) for condition, given in conditions.items()):
            return False
    return True


def _holds(present: bool, held: Any, condition: str, given: Any) -> bool:
    if condition in COMPARE:
        return present and held is not None and COMPARE[condition](held, given)
    found: dict[str, Callable[[], bool]] = {
        "$eq": lambda: held == given,
        "$ne": lambda: held != given,
        "$in": lambda: held in given,
        "$nin": lambda: held not in given,
        "$exists": lambda: present == given,
    }
    return found[condition]()


def updated(row: Document, change: Document, *, inserted: bool = False) -> Document:
    after = dict(row)
    for act, values in change.items():
        for name, value in values.items():
            if act == "$set" or (act == "$setOnInsert" and inserted):
                after[name] = stored(value)
            elif act == "$unset":
                after.pop(name, None)
            elif act == "$inc":
                after[name] = after.get(name, 0) + value
            elif act == "$max":
                after[name] = max(after.get(name, value), value)
            elif act != "$setOnInsert":
                raise NotImplementedError(act)
    return after


class Server:
    """The documents, by collection and id, and who holds which."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Any, Document]] = {}
        self.changed: dict[Key, int] = {}
        self.number = 0
        self.uniques: dict[str, list[tuple[tuple[str, ...], Document]]] = {}
        self.open: list[Session] = []
        self.stage: Stage | None = None

    def copy(self) -> Server:
        """The committed records alone, as a new server."""
        other = Server()
        other.rows = {name: dict(rows) for name, rows in self.rows.items()}
        other.changed, other.number, other.uniques = dict(self.changed), self.number, self.uniques
        return other

    def all(self, name: str) -> list[Document]:
        return list(self.rows.get(name, {}).values())

    def view(self, name: str, session: Session | None) -> Iterator[Document]:
        if session is None:
            yield from list(self.rows.get(name, {}).values())
            return
        rows = session.snapshot.get(name, {})
        for id, row in rows.items():
            held = session.writes.get((name, id), row)
            if held is not None:
                yield held
        yield from [row for (where, id), row in session.writes.items() if where == name and row and id not in rows]

    def write(self, name: str, id: Any, row: Document | None, session: Session | None, *, new: bool = False) -> None:
        """Put or take away one document. Entries of unique indexes conflict as documents do, one after the other."""
        held = next((held for held in self.view(name, session) if held["_id"] == id), None)
        before, after = self._entries(name, held), self._entries(name, row)
        touched = [(name, id), *(entry for entry in [*after, *before] if (entry in after) != (entry in before))]
        if new and held is not None:
            raise DuplicateKeyError(f"{name} {id}", 11000)
        for key in touched:
            if key in after and self._is_taken(name, id, key, session):
                raise DuplicateKeyError(f"{name} {id}", 11000)
            if any(key in other.touched for other in self.open if other is not session):
                raise conflict() if session else Locked
            if session and self.changed.get(key, 0) > session.number:
                raise conflict()
        if session:
            session.touched.update(touched)
            session.writes[name, id] = row
        else:
            self.number += 1
            self._put((name, id), row, touched)

    def _is_taken(self, name: str, id: Any, entry: Key, session: Session | None) -> bool:
        return any(entry in self._entries(name, one) for one in self.view(name, session) if one["_id"] != id)

    def _entries(self, name: str, row: Document | None) -> list[Key]:
        """A document's entries in the unique indexes of its collection."""
        return [
            (f"{name} by {fields}", tuple(row.get(field) for field in fields))
            for fields, partial in self.uniques.get(name, [])
            if row is not None and matches(row, partial)
        ]

    def _put(self, key: Key, row: Document | None, touched: Iterable[Key]) -> None:
        name, id = key
        self.changed.update(dict.fromkeys(touched, self.number))
        if row is None:
            self.rows.get(name, {}).pop(id, None)
        else:
            self.rows.setdefault(name, {})[id] = row

    def commit(self, session: Session) -> None:
        self.number += 1
        for key, row in session.writes.items():
            self._put(key, row, session.touched)

    async def call(self, label: str, session: Session | None, work: Callable[[], T]) -> T:
        """One trip to the server."""
        if self.stage:
            await self.stage.before(label)
        if session:
            session.begin()
        while True:
            try:
                result = work()
                break
            except Locked:
                if self.stage is None:
                    raise
                await self.stage.blocked(label)
            except PyMongoError:
                if session:
                    session.end()
                if self.stage:
                    self.stage.refused()
                raise
        if self.stage:
            await self.stage.after(label)
        return result


class Session:
    """A client session, with at most one transaction."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.in_transaction, self.is_open, self.committed = False, False, False
        self.snapshot: dict[str, dict[Any, Document]] = {}
        self.writes: dict[Key, Document | None] = {}
        self.touched: set[Key] = set()
        self.number = 0

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start_transaction(self, **_options: Any) -> Transaction:
        self.in_transaction, self.committed, self.is_open = True, False, False
        self.writes, self.touched = {}, set()
        return Transaction(self)

    def begin(self) -> None:
        """The first call of a transaction sees the records as they are now, and so do all others."""
        if not self.in_transaction:
            raise OperationFailure("NoSuchTransaction", 251, {"errorLabels": ["TransientTransactionError"]})
        if not self.is_open:
            self.is_open, self.number = True, self.server.number
            self.snapshot = {name: dict(rows) for name, rows in self.server.rows.items()}
            self.server.open.append(self)

    def end(self) -> None:
        """Forget what was not committed."""
        if self.is_open:
            self.server.open.remove(self)
        self.is_open, self.in_transaction, self.snapshot, self.writes, self.touched = False, False, {}, {}, set()

    async def commit_transaction(self) -> None:
        def work() -> None:
            if self.committed:
                return
            if not self.in_transaction:
                raise OperationFailure("NoSuchTransaction", 251, {"errorLabels": ["TransientTransactionError"]})
            self.server.commit(self)
            self.end()
            self.committed = True

        await self.server.call("commit", None, work)

    async def abort_transaction(self) -> None:
        self.end()


class Transaction:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def __aenter__(self) -> Transaction:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.end()
