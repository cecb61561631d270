"""Bare Tornado and PyMongo: ten documents, and one transaction with a check-in's writes. No sign-in, no rules.

``python -m bench.limits.rest PORT MONGO_URL``: GET /steps/<patient>, POST /check-in/<patient>.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from itertools import count
from typing import Any

import tornado.web
import uvloop
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

PATIENTS, STEPS = 200, 10


async def main(port: int, url: str) -> None:
    client: Any = AsyncMongoClient(url, w="majority", journal=True)
    base = client.get_default_database().with_options(write_concern=WriteConcern("majority", j=True))
    now = datetime.now(UTC)
    await base.steps.insert_many(
        [
            {
                "_id": f"{patient}-{number}",
                "patient": str(patient),
                "status": "active",
                "sealed": "x" * 400,
                "done": 0,
                "course": {"activated_at": now, "first": 0, "window": [{"n": 0, "at": now, "state": "open"}]},
                "wake_at": now,
            }
            for patient in range(PATIENTS)
            for number in range(STEPS)
        ]
    )
    await base.steps.create_index([("patient", 1), ("status", 1)])
    await base.steps.create_index("wake_at")
    await base.feeds.insert_many([{"_id": str(patient), "seq": 0} for patient in range(2 * PATIENTS)])
    for name in ("ledger", "events"):
        await base.create_collection(name)
    numbers = count()

    class Steps(tornado.web.RequestHandler):
        async def get(self, patient: str) -> None:
            rows = await base.steps.find({"patient": patient, "status": "active"}).to_list()
            self.set_header("Content-Type", "application/json")
            self.finish(json.dumps({"items": rows}, default=str))

    class CheckIn(tornado.web.RequestHandler):
        async def post(self, patient: str) -> None:
            number = next(numbers)
            id, doctor = f"{patient}-{number % STEPS}", str(PATIENTS + int(patient) % PATIENTS)
            async with client.start_session() as session, await session.start_transaction():
                row = await base.steps.find_one({"_id": id}, session=session)
                await base.steps.update_one(
                    {"_id": id},
                    {"$inc": {"done": 1}, "$set": {"course": row["course"], "wake_at": now}},
                    session=session,
                )
                ledger = {"_id": f"{id}@{number}", "state": "done", "at": now}
                await base.ledger.insert_one(ledger, session=session)
                for feed in (patient, doctor):
                    await base.feeds.update_one({"_id": feed}, {"$inc": {"seq": 1}}, session=session)
                events = [
                    {"_id": f"{feed}/{number}", "user_id": feed, "seq": number, "sealed": "x" * 1500, "at": now}
                    for feed in (patient, doctor)
                ]
                await base.events.insert_many(events, session=session)
            self.finish(json.dumps(row, default=str))

    app = tornado.web.Application(
        [(r"/steps/(\d+)", Steps), (r"/check-in/(\d+)", CheckIn)], log_function=lambda handler: None
    )
    app.listen(port, "127.0.0.1", backlog=4096)
    await asyncio.Event().wait()


uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
