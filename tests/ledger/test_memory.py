"""The MongoDB in memory does what the real one does: random programs of concurrent transactions on both."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pymongo import ASCENDING, DeleteOne, IndexModel, InsertOne, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError, PyMongoError

from hospital_rt.storage.database import Database, Session, _begin
from tests.ledger.memory_database import MemoryDatabase
from tests.ledger.memory_server import Server

INDEXES = [IndexModel([("owner", ASCENDING), ("seq", ASCENDING)], unique=True)]


class Program:
    """A few sessions that read and write the same few documents by turns; what each call said."""

    def __init__(self, database: Database, collection: str, seed: int) -> None:
        self.database, self.rows = database, database.collection(collection)
        self.choose = random.Random(seed)
        self.said: list[Any] = []

    async def run(self, steps: int) -> list[Any]:
        sessions = [await self._session() for _ in range(3)]
        running = [False] * 3
        for _ in range(steps):
            number = self.choose.randrange(4)
            act = self._act()
            if number == 3:  # outside of transactions; it would wait for those that hold something
                if not any(running):
                    self.said.append(await self._say(act, None))
                continue
            session = sessions[number]
            if not running[number]:
                await _begin(session)
                running[number] = True
            fate = self.choose.random()
            if fate < 0.2:
                self.said.append(await self._say(type(session).commit_transaction, session))
                running[number] = False
            elif fate < 0.25:
                self.said.append(await self._say(type(session).abort_transaction, session))
                running[number] = False
            else:
                said = await self._say(act, Session(session))
                self.said.append(said)
                if isinstance(said, str):
                    running[number] = False
                    await session.abort_transaction()
        for number, session in enumerate(sessions):
            if running[number]:
                await session.abort_transaction()
            await session.__aexit__(None, None, None)
        self.said.append(sorted(await self.rows.find({}).to_list(None), key=lambda row: str(row["_id"])))
        return self.said

    async def _session(self) -> Any:
        opened = self.database.client.start_session()
        session = opened if hasattr(opened, "__aenter__") else await opened
        return await session.__aenter__()

    async def _say(self, act: Any, session: Any) -> Any:
        try:
            found = await act(session)
        except PyMongoError as error:
            codes = {one["code"] for one in (getattr(error, "details", None) or {}).get("writeErrors", [])}
            known = isinstance(error, DuplicateKeyError) or codes == {11000}
            return "refused" if known or error.has_error_label("TransientTransactionError") else repr(error)
        if isinstance(found, dict | list):
            return found
        if not hasattr(found, "matched_count"):
            return None
        return found.matched_count, found.modified_count

    def _act(self) -> Any:
        choose, rows = self.choose, self.rows
        id, owner, seq = choose.choice("abcde"), choose.choice("xy"), choose.randrange(3)
        row = {"_id": id, "owner": owner, "seq": seq, "n": 0}
        change: dict[str, Any] = choose.choice(
            [{"$inc": {"n": 1}}, {"$set": {"n": seq, "at": None}}, {"$unset": {"n": 1}}, {"$max": {"n": seq}}]
        )
        wanted = choose.choice(
            [
                {"_id": id},
                {"owner": owner, "n": {"$gte": 1}},
                {"n": {"$in": [0, 2]}},
                {"at": None},
                {"$or": [{"n": {"$exists": False}}, {"seq": {"$lt": 1}}]},
                {"_id": id, "n": {"$ne": 0}},
            ]
        )
        upserted = {"$inc": {"n": 1}, "$setOnInsert": {key: row[key] for key in ("owner", "seq")}}
        other = {"_id": choose.choice("abcde")}
        bulk = [InsertOne(row), UpdateOne(other, change), DeleteOne({"_id": choose.choice("abcde")})]
        choose.shuffle(bulk)
        bulk = bulk[: choose.randint(1, 3)]
        after = ReturnDocument.AFTER
        return choose.choice(
            [
                lambda session: rows.find(wanted, session=session).sort("_id", -1).to_list(None),
                lambda session: rows.find_one({"_id": id}, session=session),
                lambda session: (
                    rows.find(wanted, {"n": 1}, session=session).sort("_id", 1).skip(1).limit(2).to_list(None)
                ),
                lambda session: rows.insert_one(dict(row), session=session),
                lambda session: rows.update_one({"_id": id}, change, session=session),
                lambda session: rows.update_many(wanted, change, session=session),
                lambda session: rows.find_one_and_update(
                    {"_id": id}, upserted, upsert=True, return_document=after, session=session
                ),
                lambda session: rows.update_one({"_id": id}, upserted, upsert=True, session=session),
                lambda session: rows.delete_one({"_id": id}, session=session),
                lambda session: rows.bulk_write(bulk, session=session),
            ]
        )


async def _compare(mongo_url: str, seeds: range) -> None:
    real = Database(mongo_url, driver="pymongo")
    try:
        for seed in seeds:
            name = f"program{seed}"
            await real.create_collection(name)
            await real.create_indexes(name, INDEXES)
            memory = MemoryDatabase(Server())
            await memory.create_indexes(name, INDEXES)
            expected = await Program(real, name, seed).run(30)
            found = await Program(memory, name, seed).run(30)
            differs = [pair for pair in zip(found, expected, strict=False) if pair[0] != pair[1]]
            assert not differs and len(found) == len(expected), (seed, differs[0])
    finally:
        await real.close()


async def test_the_server_in_memory_answers_as_the_real_one(mongo_url: str) -> None:
    await _compare(mongo_url, range(30))


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_the_server_in_memory_answers_as_the_real_one_to_many_more_programs(mongo_url: str) -> None:
    await _compare(mongo_url, range(1000, 1600))


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_record_that_another_has_just_made_is_found_at_the_next_try(mongo_url: str, driver: str) -> None:
    """One write or many at once: a unique index that strikes ends the attempt, not the act."""
    database = Database(mongo_url, driver=driver)
    rows = database.collection("rows")
    await database.create_collection("rows")
    await rows.insert_one({"_id": 1})
    for write in (
        lambda session: rows.insert_one({"_id": 1}, session=session),
        lambda session: rows.insert_many([{"_id": 1}], session=session),
        lambda session: rows.bulk_write([InsertOne({"_id": 1})], session=session),
    ):
        tries: list[int] = []

        async def work(session: Any, write: Any = write, tries: list[int] = tries) -> str:
            tries.append(1)
            if len(tries) == 1:
                await write(session)
            return "found"

        assert await database.transaction(work) == "found" and len(tries) == 2
    await database.close()
