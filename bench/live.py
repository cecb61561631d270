"""L1-L3: sockets, a reminder to each of them, and a steady stream. Web, MongoDB and Redis share core 0."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from bench.hospital import ROOT, Hospital, Servers, running_servers
from bench.load import BareCrowd, Crowd, percentile
from bench.machine import SYSTEM, Watch, free_port, pinned
from bench.peer import Peer
from bench.seed import seed
from bench.sizes import Sizes
from bench.table import Row
from hospital_rt.domain.clock import utcnow

RATE, TURNS_A_SECOND = 2000, 50


class Pusher:
    """The process of :mod:`bench.push`."""

    def __init__(self, hospital: Hospital, users: list[str]) -> None:
        settings = hospital.settings.model_dump(mode="json")
        with pinned(SYSTEM):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.push"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        hospital.processes.others["pusher"] = self._process.pid
        self._others = hospital.processes.others
        self._say({"settings": settings, "users": users})

    def _say(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    async def do(self, **order: Any) -> dict[str, Any]:
        return await asyncio.get_running_loop().run_in_executor(None, self._say, order)

    def stop(self) -> None:
        self._others.pop("pusher", None)
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


async def _connected(crowd: Crowd, servers: Servers, name: str) -> dict[str, Any]:
    """Connect everyone: how fast, and what a socket costs the server."""
    before = servers.processes.use(name)[name]
    watch = Watch(servers.processes)
    taken_s = await crowd.connect()
    cpu_s = watch.cpu_s()
    await asyncio.sleep(2)  # what connecting left behind is collected before memory is read
    after, count = servers.processes.use(name)[name], max(1, len(crowd.sockets))
    return {
        "connected": len(crowd.sockets),
        "per_s": round(count / taken_s, 1),
        "refused": dict(crowd.refused),
        "kb": round((after.memory_kb - before.memory_kb) / count, 1),
        "cpu_us": {key: round(value / count * 1e6) for key, value in cpu_s.items()},
        "foreign_cores": watch.foreign_cores(),
    }


async def _burst(crowd: Crowd, pusher: Pusher, watched: Servers) -> dict[str, Any]:
    """One reminder to each, recorded before and announced at once."""
    crowd.came.clear()
    await pusher.do(do="record")
    watch = Watch(watched.processes)
    began = (await pusher.do(do="announce"))["at"]
    await crowd.until(len(crowd.sockets), within_s=60)
    late = [moment - began for _, moment, _ in crowd.came]
    reached = len({index for index, _, _ in crowd.came})
    return {
        "all_s": round(max(late, default=float("nan")), 3),
        "reached": reached,
        "came": len(crowd.came),
        "lost": len(crowd.sockets) - reached,
        "cpu_s": watch.cpu_s(),
        "foreign_cores": watch.foreign_cores(),
    }


async def _steady(crowd: Crowd, pusher: Pusher, watched: Servers, *, seconds: float) -> dict[str, Any]:
    """Recorded and announced one batch after the other, at a steady rate."""
    crowd.came.clear()
    watch = Watch(watched.processes)
    pushed = (await pusher.do(do="steady", rate=RATE, seconds=seconds))["pushed"]
    await crowd.until(len(pushed), within_s=30)
    waiting: dict[int, list[tuple[float, float]]] = {}
    for index, start, announced in pushed:
        waiting.setdefault(index, []).append((start, announced))
    late, whole = [], []
    for index, moment, _ in crowd.came:
        if waiting.get(index):
            start, announced = waiting[index].pop(0)
            late.append(moment - announced)
            whole.append(moment - start)
    taken_s = pushed[-1][2] - pushed[0][1]
    return {
        "rate": round(len(pushed) / taken_s),
        "p50_ms": percentile(late, 50),
        "p99_ms": percentile(late, 99),
        "with_recording_p50_ms": percentile(whole, 50),
        "with_recording_p99_ms": percentile(whole, 99),
        "lost": len(pushed) - len(crowd.came),
        "cpu_us": {key: round(value / max(1, len(pushed)) * 1e6) for key, value in watch.cpu_s().items()},
        "foreign_cores": watch.foreign_cores(),
    }


async def _ours(servers: Servers, hospital: Hospital, sizes: Sizes, people: list[Any]) -> dict[str, Any]:
    crowd = Crowd(hospital.base, [one.access for one in people])
    found = {"connect": await _connected(crowd, servers, "web")}
    pusher = Pusher(hospital, [one.id for one in people])
    try:
        found["burst"] = await _burst(crowd, pusher, servers)
        found["steady"] = await _steady(crowd, pusher, servers, seconds=sizes.steady_s)
    finally:
        pusher.stop()
    crowd.came.clear()
    due = len(people)
    hospital.start("worker", cores=SYSTEM)
    await crowd.until(due, within_s=60)
    moments = sorted(moment for _, moment, _ in crowd.came)
    found["due"] = {
        "all_s": round(moments[-1] - moments[0], 3) if moments else float("nan"),
        "lost": due - len({index for index, _, _ in crowd.came}),
        "sockets_lost": crowd.lost,
        "closed": dict(crowd.closed),
    }
    await crowd.leave()
    return found


async def _bare(servers: Servers, port: int, sizes: Sizes) -> dict[str, Any]:
    users = [f"user-{number:031d}" for number in range(sizes.sockets)]
    crowd = BareCrowd(f"http://127.0.0.1:{port}", users)
    found = {"connect": await _connected(crowd, servers, "bare")}
    redis = Redis.from_url(servers.redis_url)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for start in range(0, len(users), 500):
        await redis.publish("bare", json.dumps(users[start : start + 500]))
    await crowd.until(len(users), within_s=60)
    found["burst"] = {"all_s": round(loop.time() - began, 3), "came": len(crowd.came)}
    crowd.came.clear()
    sent: list[float] = []
    watch = Watch(servers.processes)
    began, batch = loop.time(), RATE // TURNS_A_SECOND
    for turn in range(int(sizes.steady_s * TURNS_A_SECOND)):
        await asyncio.sleep(max(0.0, began + turn / TURNS_A_SECOND - loop.time()))  # the beat of the load
        sent += [time.time()] * batch
        chosen = [users[(turn * batch + number) % len(users)] for number in range(batch)]
        await redis.publish("bare", json.dumps(chosen))
    await crowd.until(len(sent), within_s=30)
    late = [moment - at for (_, moment, _), at in zip(crowd.came, sent, strict=False)]
    cpu_us = {key: round(value / max(1, len(sent)) * 1e6) for key, value in watch.cpu_s().items()}
    found["steady"] = {"p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99), "cpu_us": cpu_us}
    await redis.aclose()
    await crowd.leave()
    return found


def sockets(sizes: Sizes, peer: Peer | None) -> list[Row]:
    """L1-L3, ours, bare and the peer's one after the other."""
    with running_servers(SYSTEM) as servers:
        hospital = servers.hospital()
        due_at = utcnow() - timedelta(minutes=2)
        people = list(asyncio.run(seed(hospital.settings, patients=sizes.sockets, steps=1, due_at=due_at)).patients)
        hospital.start("web", cores=SYSTEM)
        ours = asyncio.run(_ours(servers, hospital, sizes, people))
        hospital.stop("web", "worker")
        port = free_port()
        servers.processes.start(
            "bare",
            [sys.executable, "-m", "bench.limits.live", str(port), servers.redis_url],
            cores=SYSTEM,
            port=port,
            cwd=ROOT,
        )
        bare = asyncio.run(_bare(servers, port, sizes))
    theirs = peer.live(sizes, RATE) if peer else {}
    more = {"ours": ours, "bare": bare, "peer": theirs}

    def peers(part: str, name: str) -> float | None:
        found = theirs.get(part, {}).get(name)
        return None if found is None else float(found)

    def row(id: str, what: str, unit: str, part: str, name: str, **targets: Any) -> Row:
        return Row(
            id=id,
            what=what,
            unit=unit,
            ours=ours[part][name],
            bare=bare.get(part, {}).get(name),
            peer=peers(part, name),
            **targets,
        )

    def cpu(part: str) -> dict[str, float]:
        found = {"ours": ours, "bare": bare}
        return {name: sum(one[part].get("cpu_us", {}).values()) for name, one in found.items() if one.get(part)}

    count = f"{ours['connect']['connected']:,}"
    return [
        row(
            "L1",
            f"{count} sockets on one web process: connects",
            "/s",
            "connect",
            "per_s",
            reach="700",
            aim="1,100",
            cpu_us=cpu("connect"),
            more=more,
        ),
        row("L1", "memory a socket", "KB", "connect", "kb", reach="25", aim="18"),
        row("L2", "a reminder announced to each: all have it", "s", "burst", "all_s", reach="2", aim="1"),
        row("L2", "due reminders recorded and pushed to each, first to last", "s", "due", "all_s"),
        Row(
            id="L2",
            what="lost",
            unit="",
            ours=ours["burst"]["lost"] + ours["due"]["lost"],
            reach="0",
            aim="0",
            peer=peers("burst", "lost"),
        ),
        row(
            "L3",
            f"{ours['steady']['rate']:,} pushes/s, announced to received: p50",
            "ms",
            "steady",
            "p50_ms",
            reach="5",
            cpu_us=cpu("steady"),
        ),
        row("L3", "the same: p99", "ms", "steady", "p99_ms", reach="50"),
        Row(
            id="L3",
            what="recorded on the way, from the write's begin to received: p50",
            unit="ms",
            ours=ours["steady"]["with_recording_p50_ms"],
        ),
    ]
