"""A made-up later version of the house: two steps over the collection ``things``, run as a process of its own.

``python -m tests.support.migrating URL [BATCHES]`` brings the database up and prints what it reached; with BATCHES
it is killed after so many batches, in the middle of a step.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from hospital_rt.storage.database import Database, Document, Session
from hospital_rt.storage.migrations import Migration, MigrationWriter, migrate

THINGS = 2_300
BATCH = 500
left = -1


async def update_all(hand: MigrationWriter, collection: str, wanted: Document, update: Any) -> None:
    """Update all documents that match ``wanted``, in batches. Updated documents must no longer match."""
    rows = hand.database.collection(collection)
    while ids := [row["_id"] for row in await rows.find(wanted, {"_id": 1}).limit(BATCH).to_list(BATCH)]:

        async def batch(session: Session, ids: list[Any] = ids) -> None:
            await rows.update_many({"_id": {"$in": ids}, **wanted}, update, session=session)

        await hand.write(batch)


async def name_them(hand: MigrationWriter) -> None:
    """Give each thing a name, and count how often each was given one: more than once would show."""
    global left
    things = hand.database.collection("things")
    while ids := [row["_id"] for row in await things.find({"name": None}, {"_id": 1}).limit(100).to_list(100)]:

        async def batch(session: Session, ids: list[Any] = ids) -> None:
            update = {"$set": {"name": "thing"}, "$inc": {"named": 1}}
            await things.update_many({"_id": {"$in": ids}, "name": None}, update, session=session)

        await hand.write(batch)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def colour_them(hand: MigrationWriter) -> None:
    await update_all(hand, "things", {"colour": None}, {"$set": {"colour": "red"}, "$inc": {"coloured": 1}})


STEPS = (
    Migration(version=2, about="things have a name", readable_by=1, run=name_them),
    Migration(version=3, about="things have a colour", readable_by=2, run=colour_them),
)


async def main(url: str) -> None:
    database = Database(url, driver="pymongo")
    state = await migrate(database, STEPS, lease_s=2)
    print(state.version)
    await database.close()


if __name__ == "__main__":
    left = int(sys.argv[2]) if len(sys.argv) > 2 else -1
    asyncio.run(main(sys.argv[1]))
