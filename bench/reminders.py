"""R1, R2: reminders recorded and announced a second, and what a great many scheduled ones cost while they wait."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

from pymongo import MongoClient
from redis.asyncio import Redis

from bench.hospital import ROOT, Hospital, Servers, running_servers
from bench.machine import EVERYWHERE, Watch, pinned
from bench.peer import Peer
from bench.seed import seed
from bench.sizes import Sizes
from bench.table import Row
from hospital_rt.domain.clock import utcnow
from hospital_rt.realtime.pubsub import CHANNEL

STEPS = 10


async def _heard(redis_url: str, *, within_s: float) -> tuple[float, float, int, int]:
    """Hear announcements until none has come for 4 s: the first, the last, users named, messages."""
    redis = Redis.from_url(redis_url)
    first = last = 0.0
    named, messages = 0, 0
    deadline = time.monotonic() + within_s
    async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(CHANNEL)
        while time.monotonic() < deadline and (not last or time.time() - last < 4):
            message = await pubsub.get_message(timeout=0.5)
            if message is None:
                continue
            users = json.loads(message["data"]).get("news", [])
            if users:
                last = time.time()
                first = first or last
                named, messages = named + len(users), messages + 1
    await redis.aclose()
    return first, last, named, messages


def _recorded(hospital: Hospital) -> dict[str, int]:
    """What the database says: reminders, events, and steps that are still due."""
    with MongoClient[dict[str, Any]](hospital.settings.mongo_url) as client:
        base = client.get_default_database()
        return {
            "reminders": base.reminders.count_documents({}),
            "events": base.events.count_documents({}),
            "still_due": base.steps.count_documents({"wake_at": {"$lte": utcnow()}}),
        }


def _drain(servers: Servers, *, workers: int, due: int) -> dict[str, Any]:
    """Have ``due`` reminders recorded by this many workers."""
    hospital = servers.hospital()
    due_at, at_start = utcnow() - timedelta(minutes=2), {}
    asyncio.run(seed(hospital.settings, patients=due // STEPS, steps=STEPS, due_at=due_at))

    async def drain() -> tuple[float, float, int, int]:
        hearing = asyncio.create_task(_heard(servers.redis_url, within_s=300))
        await asyncio.sleep(0.3)  # the subscription is made
        loop = asyncio.get_running_loop()

        def start() -> None:
            for number in range(workers):
                hospital.start("worker", cores=EVERYWHERE, name=f"worker{number}")
                at_start[f"worker{number}"] = servers.processes.use(f"worker{number}")[f"worker{number}"].cpu_s
            hospital.start("scheduler", cores=EVERYWHERE)

        await loop.run_in_executor(None, start)
        return await hearing

    with pinned(EVERYWHERE):
        watch = Watch(servers.processes)
        first, last, named, messages = asyncio.run(drain())
        # A worker's start is not part of it; what it costs is in S8.
        started = {name: use.cpu_s for name, use in servers.processes.use().items() if "worker" in name}
        cpu_s = {name: round(used_s - at_start[name], 2) for name, used_s in started.items()}
        cpu_s["mongod"] = watch.cpu_s()["mongod"]
    hospital.stop("scheduler", *(f"worker{number}" for number in range(workers)))
    found = _recorded(hospital)
    after_first = found["reminders"] * (messages - 1) / max(1, messages)
    per_s = after_first / (last - first) if last > first else float("nan")
    cpu_us = round(sum(cpu_s.values()) / max(1, found["reminders"]) * 1e6)
    return {
        "per_s": round(per_s),
        "cpu_us": cpu_us,
        **found,
        "due": due,
        "messages": messages,
        "named": named,
        "cpu_s": cpu_s,
    }


def _bare(servers: Servers, count: int) -> dict[str, Any]:
    with pinned(EVERYWHERE):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "bench.limits.records",
                servers.database("bare"),
                servers.redis_url,
                str(count),
                str(servers.processes.pids["mongod"]),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    bare: dict[str, Any] = json.loads(done.stdout)
    return bare


def recorded(sizes: Sizes, peer: Peer | None) -> list[Row]:
    """R1: both cores for everything."""
    with running_servers(EVERYWHERE) as servers:
        bare = _bare(servers, min(sizes.due, 20_000))
        found = {workers: _drain(servers, workers=workers, due=sizes.due) for workers in (1, 2)}
    peers = peer.due(sizes.peer_due) if peer else None
    lost = sum(abs(one["reminders"] - one["due"]) + one["still_due"] for one in found.values())
    return [
        *(
            Row(
                id="R1",
                what=f"reminders recorded and announced, {workers} worker{'s' * (workers > 1)}",
                unit="/s",
                ours=found[workers]["per_s"],
                bare=bare["recorded_per_s"],
                peer=peers,
                reach="1,500",
                aim="6,000",
                cpu_us={"ours": found[workers]["cpu_us"], "bare": bare["cpu_us"]},
                more=found[workers],
            )
            for workers in found
        ),
        Row(id="R1", what="lost, doubled or still due", unit="", ours=lost, reach="0", aim="0"),
        Row(
            id="R1",
            what="ids announced through Redis (bare only)",
            unit="",
            ours=float("nan"),
            bare=bare["announced_per_s"],
        ),
    ]


def idle(sizes: Sizes, peer: Peer | None) -> list[Row]:
    """R2: a worker and a scheduler, with nothing scheduled and with very much."""
    measured = {}
    with running_servers(EVERYWHERE) as servers:
        for name, patients in (("empty", 0), ("full", sizes.scheduled // 100)):
            hospital = servers.hospital()
            asyncio.run(seed(hospital.settings, patients=patients, steps=100))
            with pinned(EVERYWHERE):
                for role in ("worker", "scheduler"):
                    hospital.start(role, cores=EVERYWHERE)
            time.sleep(max(6.0, sizes.idle_s / 4))  # a first tick or two, and the checkpoint of what was seeded
            watch = Watch(servers.processes)
            time.sleep(sizes.idle_s)  # the idle time that is measured
            cpu_s = watch.cpu_s()
            measured[name] = {
                "worker_cpu_percent": round(cpu_s["worker"] / sizes.idle_s * 100, 2),
                "mongod_cpu_percent": round(cpu_s["mongod"] / sizes.idle_s * 100, 2),
                "worker_mb": round(servers.processes.use("worker")["worker"].memory_kb / 1024, 1),
                "foreign_cores": watch.foreign_cores(),
            }
            hospital.stop("worker", "scheduler")
    held = peer.hold() if peer else {}
    full, empty = measured["full"], measured["empty"]
    more = {"empty": empty, "full": full, "peer": held}
    return [
        Row(
            id="R2",
            what=f"a worker's idle CPU with {sizes.scheduled:,} scheduled reminders",
            unit="% of a core",
            ours=full["worker_cpu_percent"],
            bare=empty["worker_cpu_percent"],
            peer=held.get("worker_idle_cpu_pct"),
            reach="2",
            more=more,
        ),
        Row(
            id="R2",
            what="a worker's memory then (bare: with none scheduled)",
            unit="MB",
            ours=full["worker_mb"],
            bare=empty["worker_mb"],
            peer=held.get("worker_pss_mb"),
            reach="no more",
        ),
    ]
