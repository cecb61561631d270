"""Collections and the database of the service, on the server in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar

from pymongo import DeleteOne, IndexModel, InsertOne, ReturnDocument, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from hospital_rt.storage.database import Collection as StoreCollection
from hospital_rt.storage.database import Database
from hospital_rt.storage.write_locks import WriteLocks
from tests.ledger.memory_server import Document, Server, Session, matches, stored, updated

T = TypeVar("T")


class Cursor:
    def __init__(
        self, collection: Collection, wanted: Document, only: Document | None, session: Session | None
    ) -> None:
        self._collection, self._wanted, self._only, self._session = collection, wanted, only, session
        self._order: list[tuple[str, int]] = []
        self._skip, self._limit = 0, 0

    def sort(self, by: str | list[tuple[str, int]], direction: int = 1) -> Cursor:
        self._order = [(by, direction)] if isinstance(by, str) else by
        return self

    def skip(self, count: int) -> Cursor:
        self._skip = count
        return self

    def limit(self, count: int) -> Cursor:
        self._limit = count
        return self

    def _find(self) -> list[Document]:
        rows = [
            row
            for row in self._collection.server.view(self._collection.name, self._session)
            if matches(row, self._wanted)
        ]
        for name, direction in reversed(self._order):
            rows.sort(key=lambda row: (row.get(name) is not None, row.get(name)), reverse=direction < 0)
        rows = rows[self._skip :][: self._limit or None]
        if self._only is None:
            return [stored(row) for row in rows]
        kept = {name for name, wish in self._only.items() if wish} | ({"_id"} if self._only.get("_id", 1) else set())
        return [stored({name: value for name, value in row.items() if name in kept}) for row in rows]

    async def to_list(self, _length: int | None = None) -> list[Document]:
        return await self._collection.server.call(f"{self._collection.name}.find", self._session, self._find)

    async def __aiter__(self) -> AsyncIterator[Document]:
        for row in await self.to_list():
            yield row


class Collection:
    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name

    def find(
        self, wanted: Document | None = None, only: Document | None = None, *, session: Session | None = None
    ) -> Cursor:
        return Cursor(self, wanted or {}, only, session)

    async def find_one(
        self, wanted: Document, only: Document | None = None, *, session: Session | None = None
    ) -> Document | None:
        found = await self.find(wanted, only, session=session).limit(1).to_list()
        return found[0] if found else None

    def _insert(self, row: Document, session: Session | None) -> None:
        self.server.write(self.name, row["_id"], stored(row), session, new=True)

    def _update(
        self, wanted: Document, change: Document, session: Session | None, *, upsert: bool = False, many: bool = False
    ) -> tuple[SimpleNamespace, Document | None, Document | None]:
        """How many matched and changed, and the first before and after."""
        found = [row for row in self.server.view(self.name, session) if matches(row, wanted)]
        before = found[0] if found else None
        after, modified = None, 0
        found = found if many else found[:1]
        for row in found:
            changed = updated(row, change)
            if changed != row:  # what changes nothing is not written, and conflicts with nothing
                self.server.write(self.name, row["_id"], changed, session)
                modified += 1
            after = after or changed
        if not found and upsert:
            made = {name: value for name, value in wanted.items() if not isinstance(value, dict)}
            after = updated(made, change, inserted=True)
            self.server.write(self.name, after["_id"], stored(after), session, new=True)
        return SimpleNamespace(matched_count=len(found), modified_count=modified), before, after

    def _delete(self, wanted: Document, session: Session | None, *, many: bool = False) -> int:
        found = [row for row in self.server.view(self.name, session) if matches(row, wanted)]
        for row in found if many else found[:1]:
            self.server.write(self.name, row["_id"], None, session)
        return len(found)

    async def _call(self, act: str, session: Session | None, work: Callable[[], T]) -> T:
        return await self.server.call(f"{self.name}.{act}", session, work)

    async def insert_one(self, row: Document, *, session: Session | None = None) -> None:
        await self._call("insert_one", session, lambda: self._insert(row, session))

    async def insert_many(self, rows: list[Document], *, ordered: bool = True, session: Session | None = None) -> None:
        await self.bulk_write([InsertOne(row) for row in rows], session=session)

    async def update_one(
        self, wanted: Document, change: Document, *, upsert: bool = False, session: Session | None = None
    ) -> SimpleNamespace:
        work = partial(self._update, wanted, change, session, upsert=upsert)
        return (await self._call("update_one", session, work))[0]

    async def update_many(
        self, wanted: Document, change: Document, *, session: Session | None = None
    ) -> SimpleNamespace:
        work = partial(self._update, wanted, change, session, many=True)
        return (await self._call("update_many", session, work))[0]

    async def find_one_and_update(
        self,
        wanted: Document,
        change: Document,
        *,
        upsert: bool = False,
        return_document: bool = ReturnDocument.BEFORE,
        session: Session | None = None,
    ) -> Document | None:
        work = partial(self._update, wanted, change, session, upsert=upsert)
        _, before, after = await self._call("find_one_and_update", session, work)
        found: Document | None = stored(after if return_document == ReturnDocument.AFTER else before)
        return found

    async def delete_one(self, wanted: Document, *, session: Session | None = None) -> None:
        await self._call("delete_one", session, lambda: self._delete(wanted, session))

    async def delete_many(self, wanted: Document, *, session: Session | None = None) -> None:
        await self._call("delete_many", session, lambda: self._delete(wanted, session, many=True))

    async def bulk_write(
        self, writes: list[Any], *, ordered: bool = True, session: Session | None = None
    ) -> SimpleNamespace:
        def work() -> SimpleNamespace:
            matched = modified = 0
            for number, one in enumerate(writes):
                try:
                    found = self._write_one(one, session)
                    matched, modified = matched + found.matched_count, modified + found.modified_count
                except DuplicateKeyError as error:
                    failed = {"index": number, "code": 11000, "errmsg": str(error)}
                    raise BulkWriteError({"writeErrors": [failed], "writeConcernErrors": []}) from None
            return SimpleNamespace(matched_count=matched, modified_count=modified)

        return await self._call("bulk_write", session, work)

    def _write_one(self, one: Any, session: Session | None) -> SimpleNamespace:
        """How many records it matched and changed, inserted ones not counted."""
        if isinstance(one, InsertOne):
            self._insert(one._doc, session)
        elif isinstance(one, UpdateOne):
            assert isinstance(one._doc, dict), "a change, no pipeline"
            return self._update(dict(one._filter), one._doc, session, upsert=bool(one._upsert))[0]
        elif isinstance(one, DeleteOne):
            self._delete(dict(one._filter), session)
        else:
            raise NotImplementedError(type(one).__name__)
        return SimpleNamespace(matched_count=0, modified_count=0)


class MemoryDatabase(Database):
    """The service's database on such a server: one for each process of the service."""

    def __init__(self, server: Server) -> None:
        self._locks = WriteLocks()
        self.abandoned = SimpleNamespace(end=self._nothing)  # type: ignore[assignment]  # all that is called of it
        self.server = server
        self.client = SimpleNamespace(start_session=lambda: Session(server))

    async def _nothing(self) -> None:
        """The stage itself ends what a killed process had begun."""

    def collection(self, name: str) -> StoreCollection:
        return StoreCollection(Collection(self.server, name))

    async def create_indexes(self, collection: str, indexes: Any) -> None:
        for index in indexes:
            assert isinstance(index, IndexModel)
            described = index.document
            if described.get("unique"):
                fields = tuple(described["key"])
                partial = described.get("partialFilterExpression", {})
                if described.get("sparse"):
                    partial = {**partial, **{field: {"$exists": True} for field in fields}}
                held = self.server.uniques.setdefault(collection, [])
                if (fields, partial) not in held:
                    held.append((fields, partial))

    async def create_collection(self, name: str) -> None:
        self.server.rows.setdefault(name, {})

    async def close(self) -> None:
        pass
