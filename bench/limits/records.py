"""Bare loops beside the worker: PyMongo transactions of a reminder's writes with an announcement, and Redis pub/sub.

``python -m bench.limits.records MONGO_URL REDIS_URL COUNT MONGOD_PID`` prints the reminders and the announced ids a
second, and the CPU of this process and of MongoDB for a reminder.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import uvloop
from pymongo import AsyncMongoClient, InsertOne, UpdateOne
from pymongo.write_concern import WriteConcern
from redis.asyncio import Redis

BATCH, STEPS = 200, 10


def _cpu_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return time.process_time() + float(times.user + times.system)


async def record(url: str, redis: Redis, count: int, pid: int) -> tuple[float, float]:
    """Record ``count`` reminders in batches, one transaction each, and announce them: a second, and CPU us of one."""
    client: Any = AsyncMongoClient(url, w="majority", journal=True)
    base = client.get_default_database().with_options(write_concern=WriteConcern("majority", j=True))
    now = datetime.now(UTC)
    course = {"activated_at": now, "first": 0, "passed": -1, "done": 0, "total": 7, "ended": None, "window": []}
    for start in range(0, count, 5000):
        await base.steps.insert_many(
            [
                {
                    "_id": f"step-{number:030d}",
                    "patient": f"patient-{number // STEPS:028d}",
                    "status": "active",
                    "sealed": "x" * 400,
                    "course": course,
                    "wake_at": now,
                }
                for number in range(start, min(count, start + 5000))
            ]
        )
    await base.steps.create_index("wake_at")
    await base.steps.create_index([("patient", 1), ("status", 1)])
    await base.ledger.create_index([("step", 1), ("at", -1)])
    await base.events.create_index([("user_id", 1), ("seq", 1)])
    await base.create_collection("feeds")
    later = now + timedelta(days=1)
    began, cpu_s = time.perf_counter(), _cpu_s(pid)
    while due := await base.steps.find({"wake_at": {"$lte": now}}, {"_id": 1}).limit(BATCH).to_list():
        ids = [row["_id"] for row in due]
        async with client.start_session() as session, await session.start_transaction():
            rows = await base.steps.find({"_id": {"$in": ids}}, session=session).to_list()
            moved = {**course, "window": [{"n": 0, "key": "2026-03-02#0", "at": now, "state": "open", "rep": 0}]}
            await base.steps.bulk_write(
                [UpdateOne({"_id": id}, {"$set": {"course": moved, "wake_at": later}}) for id in ids],
                ordered=False,
                session=session,
            )
            await base.ledger.bulk_write(
                [InsertOne({"_id": f"{id}@2026-03-02#0", "step": id, "at": now, "state": "open"}) for id in ids],
                ordered=False,
                session=session,
            )
            patients = {row["patient"] for row in rows}
            await base.feeds.bulk_write(
                [UpdateOne({"_id": id}, {"$inc": {"seq": STEPS}}, upsert=True) for id in patients],
                ordered=False,
                session=session,
            )
            await base.feeds.find({"_id": {"$in": list(patients)}}, session=session).to_list()
            await base.events.insert_many(
                [
                    {
                        "_id": f"{row['patient']}/{row['_id']}",
                        "user_id": row["patient"],
                        "seq": number,
                        "at": now,
                        "sealed": "x" * 1500,
                    }
                    for number, row in enumerate(rows)
                ],
                ordered=False,
                session=session,
            )
        await redis.publish("bare", json.dumps(list(patients)))
    taken_s, cpu_s = time.perf_counter() - began, _cpu_s(pid) - cpu_s
    await client.close()
    return count / taken_s, cpu_s / count * 1e6


async def announce(redis: Redis, url: str, count: int) -> float:
    """Publish lists of ids and hear them in the same process; ids a second."""
    message = json.dumps([f"{number:036d}" for number in range(BATCH)])
    async with Redis.from_url(url).pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe("pairs")
        began, heard = time.perf_counter(), 0
        while heard < count:
            await redis.publish("pairs", message)
            while (got := await pubsub.get_message(timeout=1)) is None:
                pass
            heard += len(json.loads(got["data"]))
        return heard / (time.perf_counter() - began)


async def main(mongo_url: str, redis_url: str, count: int, pid: int) -> None:
    redis = Redis.from_url(redis_url)
    recorded, cpu_us = await record(mongo_url, redis, count, pid)
    announced = await announce(redis, redis_url, count)
    await redis.aclose()
    print(
        json.dumps(
            {
                "recorded_per_s": round(recorded),
                "announced_per_s": round(announced),
                "cpu_us": round(cpu_us),
            }
        )
    )


uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
