"""The comparison system: the same service built without this project, run by its own ``run_all.py``.

Only its servers, its seeder and its pusher are used; the clients that measure it are ours, so that both systems are
asked in the same way. What each part needs is written down in the peer's own README.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any, cast

from bench.load import Crowd, HttpClient, percentile, request
from bench.machine import GENERATOR, pinned
from bench.seed import Account, Seeded
from bench.site import Site
from bench.sizes import Sizes


class Peer:
    """The peer's stack in ``folder``; whatever is started by it is stopped by it."""

    def __init__(self, folder: Path) -> None:
        spec = importlib.util.spec_from_file_location("peer_run_all", folder / "run_all.py")
        assert spec and spec.loader
        self._run = cast(Any, importlib.util.module_from_spec(spec))
        sys.path.insert(0, str(folder))
        spec.loader.exec_module(self._run)
        self._run.NICE = 0
        self._run.QUICK = True
        self._said: list[tuple[str, Any]] = []
        self._run.emit = lambda part, line: self._said.append((part, line))
        Path(self._run.DATA).mkdir(parents=True, exist_ok=True)

    def stop(self) -> None:
        self._run.stop(*reversed(list(self._run.procs)))

    def cpu_s(self) -> float:
        """Seconds of CPU that its processes have used so far."""
        return sum(float(self._run.pss(name)["cpu_s"]) for name in list(self._run.procs))

    def _seed(self, patients: int, steps: int, *, doctors: int = 100) -> tuple[Seeded, str, Path]:
        path = Path(self._run.seed(patients, steps, doctors))
        found = json.loads(path.read_text())
        seeded = Seeded(
            tuple(Account(one["id"], one["email"], one["access"], tuple(one["steps"])) for one in found["patients"]),
            tuple(Account(one["id"], one["email"], one["access"], tuple(one["patients"])) for one in found["doctors"]),
        )
        return seeded, found["patients"][0]["password"], path

    def _databases(self, cores: tuple[int, ...] = (0,)) -> None:
        self._run.start_pg(cores)
        self._run.start_redis(cores)

    def site(self, patients: int) -> Site:
        """Its REST, ready for S1-S3."""
        self._databases()
        seeded, password, _ = self._seed(patients, 10)
        self._run.web()
        return Site(f"http://127.0.0.1:{self._run.WEB}", seeded, password, "patient")

    def due(self, count: int) -> float:
        """Its reminders a second: Celery with two processes, on both cores."""
        self._databases((0, 1))
        self._seed(max(200, count // 10), 10)
        self._run.redis_cli("flushall")
        self._run.manage("bench", "due", "--n", count)
        self._run.celery()
        deadline, found = time.monotonic() + 300, {"sent": 0, "first": 0.0, "last": 0.0}
        while found["sent"] < count and time.monotonic() < deadline:
            time.sleep(0.5)  # looks again; counting costs the peer
            found = json.loads(self._run.sh(self._run.COUNT).strip().splitlines()[-1])
        self.stop()
        return round(found["sent"] / (found["last"] - found["first"]), 1)

    def hold(self) -> dict[str, Any]:
        """What scheduled reminders cost it while they wait, by its own scenario (20,000 of them)."""
        self._said.clear()
        self._run.hold()
        lines = [line for _, line in self._said if isinstance(line, dict) and line.get("scenario") == "S5-hold"]
        return dict(lines[0])

    def live(self, sizes: Sizes, rate: int) -> dict[str, Any]:
        """Its sockets: uvicorn and the layer that was the fastest of those it knows (Redis pub/sub)."""
        self._databases()
        count = sizes.sockets
        seeded, _, path = self._seed(count, 1)
        layer = {"CHANNEL_LAYER": "pubsub", "CHANNEL_CAPACITY": ""}
        self._run.start(
            "ws",
            [
                self._run.PY + "uvicorn",
                "hospital.asgi:application",
                "--port",
                str(self._run.WS),
                "--log-level",
                "warning",
                "--backlog",
                "4096",
            ],
            env=layer,
            cwd=self._run.PEER,
            port=self._run.WS,
        )
        time.sleep(1)  # settles before it is measured
        try:
            return asyncio.run(self._live(seeded, path, layer, seconds=sizes.steady_s, rate=rate))
        finally:
            self.stop()

    async def _live(
        self, seeded: Seeded, path: Path, layer: dict[str, str], *, seconds: float, rate: int
    ) -> dict[str, Any]:
        crowd = _PeerCrowd(f"http://127.0.0.1:{self._run.WS}", [one.access for one in seeded.patients])
        before = self._run.pss("ws")["pss_mb"]
        taken_s = await crowd.connect()
        await asyncio.sleep(2)  # as for ours: memory is read at rest
        count = max(1, len(crowd.sockets))
        memory_kb = (self._run.pss("ws")["pss_mb"] - before) * 1024
        found: dict[str, Any] = {
            "connect": {
                "connected": count,
                "per_s": round(count / taken_s, 1),
                "kb": round(memory_kb / count, 1),
                "refused": dict(crowd.refused),
            }
        }
        loop = asyncio.get_running_loop()

        async def push(number: int, at_rate: int) -> list[float]:
            crowd.came.clear()
            push = loop.run_in_executor(
                None,
                lambda: self._run.manage(
                    "bench", "push", "--n", number, "--rate", at_rate, "--seed-file", str(path), env=layer, cores=(0,)
                ),
            )
            quiet_at, seen = time.monotonic(), 0
            while len(crowd.came) < number and (not push.done() or time.monotonic() - quiet_at < 5):
                await asyncio.sleep(0.02)  # looks again
                if len(crowd.came) != seen:
                    quiet_at, seen = time.monotonic(), len(crowd.came)
            await push
            return [moment - json.loads(body)["ts"] for _, moment, body in crowd.came]

        await push(count, 0)
        sent = [json.loads(body)["ts"] for _, _, body in crowd.came]
        reached = len({index for index, _, _ in crowd.came})
        found["burst"] = {
            "all_s": round(max(moment for _, moment, _ in crowd.came) - min(sent), 3) if sent else float("nan"),
            "lost": count - reached,
        }
        late = await push(int(rate * seconds), rate)
        found["steady"] = {"p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99)}
        await crowd.leave()
        return found

    def notes(self, sizes: Sizes) -> dict[str, Any]:
        """S4: its web with 2 processes of 32 threads, the model asked within the request, as its users would."""
        self._databases()
        self._run.start(
            "llm",
            [sys.executable, f"{self._run.HERE}/fake_openai.py", "--port", str(self._run.LLM), "--latency-ms", "1000"],
            (1,),
            port=self._run.LLM,
        )
        seeded, password, _ = self._seed(max(512, sizes.notes * 2), 1, doctors=256)
        self._run.web(workers=2, threads=32)
        self._run.celery(cores=(0,))
        time.sleep(5)  # Celery's start is no part of it
        site = Site(f"http://127.0.0.1:{self._run.WEB}", seeded, password, "patient")
        try:
            with pinned(GENERATOR):
                return asyncio.run(self._notes(site, sizes))
        finally:
            self.stop()

    async def _notes(self, site: Site, sizes: Sizes) -> dict[str, Any]:
        tokens = {one.id: one.access for one in site.seeded.patients}
        pairs = [(doctor, doctor.others[0]) for doctor in site.seeded.doctors]
        jobs = iter((pairs * (sizes.notes // len(pairs) + 1))[: sizes.notes])
        answered: list[float] = []
        ready: list[float] = []
        reads: list[float] = []
        done = asyncio.Event()

        async def doctor() -> None:
            client = HttpClient(site.base)
            for account, patient in jobs:
                began = time.perf_counter()
                status, body = await client.send(site.note(account, patient))
                answered.append(time.perf_counter() - began)
                while status in {201, 202} and time.perf_counter() - began < 60:
                    note = json.loads(body)["id"]
                    _, text = await client.send(request("GET", "/api/steps/", token=tokens[patient], host=site.host))
                    if note.encode() in text:
                        ready.append(time.perf_counter() - began)
                        break
                    await asyncio.sleep(0.05)  # how often this client asks: the peer has no push

        async def reader() -> None:
            client, requests = HttpClient(site.base), iter(site.steps())
            while not done.is_set():
                began = time.perf_counter()
                await client.send(next(requests))
                reads.append(time.perf_counter() - began)
                await asyncio.sleep(0.05)  # a reader now and then

        reading, began = asyncio.create_task(reader()), time.perf_counter()
        await asyncio.gather(*(doctor() for _ in range(64)))
        taken_s = time.perf_counter() - began
        done.set()
        await reading
        return {
            "notes": len(answered),
            "per_s": round(len(ready) / taken_s, 1),
            "answer_p50_ms": percentile(answered, 50),
            "ready_p50_s": percentile(ready, 50) / 1000,
            "reads_p99_ms": percentile(reads, 99),
        }


class _PeerCrowd(Crowd):
    """Its sockets: the token in the address, no first message."""

    def path(self, index: int) -> str:
        return f"/ws/reminders/?token={self.tokens[index]}"

    def hello(self, index: int) -> bytes | None:
        return None

    def take(self, index: int, body: bytes) -> None:
        self.came.append((index, time.time(), body))
