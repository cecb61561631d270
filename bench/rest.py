"""S1-S4: sign-in, reads, check-ins and notes over REST, each system on core 0, in pairs, round for round."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from argon2.low_level import Type, hash_secret

from bench.hospital import ROOT, Hospital, Servers, running_servers
from bench.load import Answers, Crowd, HttpClient, closed_loop, percentile, request
from bench.machine import GENERATOR, SYSTEM, Watch, free_port, pinned
from bench.peer import Peer
from bench.seed import PASSWORD, seed
from bench.site import Site, serving
from bench.sizes import Sizes
from bench.table import Row, median

STARTED_S = 5.0
Requests = Callable[[], Iterable[bytes]]


def _loop(base: str, requests: Iterable[bytes], *, connections: int, seconds: float) -> Answers:
    with pinned(GENERATOR):
        found = asyncio.run(closed_loop(base, requests, connections=connections, seconds=seconds))
    wrong = {status: count for status, count in found.statuses.items() if status >= 300}
    if wrong or found.errors:
        print(f"    not all were answered well: {wrong} {dict(found.errors)}", file=sys.stderr)
    return found


def closed(base: str, requests: Iterable[bytes], *, connections: int, seconds: float) -> float:
    """The middle latency of a closed loop, ms."""
    return percentile(_loop(base, requests, connections=connections, seconds=seconds).taken_s, 50)


def in_pairs(
    sizes: Sizes, uses: Callable[[], float], *, connections: int, **loops: tuple[str, Requests] | None
) -> dict[str, dict[str, float]]:
    """Each loop in turn, round after round: the median rate, latencies and CPU a request of each.

    Args:
        uses: the seconds of CPU that all systems have used so far; a system that is not asked idles.
    """
    found: dict[str, list[Answers]] = {}
    cpu_us: dict[str, list[float]] = {}
    for _ in range(sizes.rounds):
        for name, loop in loops.items():
            if loop is not None:
                before_s = uses()
                answers = _loop(loop[0], loop[1](), connections=connections, seconds=sizes.seconds)
                found.setdefault(name, []).append(answers)
                cpu_us.setdefault(name, []).append((uses() - before_s) / max(1, answers.all) * 1e6)
    return {
        name: {
            "per_s": median([one.per_s for one in rounds]),
            "p50_ms": median([percentile(one.taken_s, 50) for one in rounds]),
            "p99_ms": median([percentile(one.taken_s, 99) for one in rounds]),
            "cpu_us": round(median(cpu_us[name])),
        }
        for name, rounds in found.items()
    }


def hashes_per_s() -> float:
    with pinned(SYSTEM):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < 1:
            hash_secret(b"x" * 24, b"y" * 16, time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, type=Type.ID)
            count += 1
        return count / (time.perf_counter() - began)


def _row(id: str, what: str, unit: str, found: dict[str, dict[str, float]], name: str, **more: Any) -> Row:
    values = {system: found[system][name] for system in found}
    bare, peer = values.get("bare"), values.get("peer")
    if name == "per_s":
        more["cpu_us"] = {system: found[system]["cpu_us"] for system in found}
    return Row(id=id, what=what, unit=unit, ours=values["ours"], bare=bare, peer=peer, **more)


def reads_and_check_ins(sizes: Sizes, peer: Peer | None) -> list[Row]:
    """S1-S3."""
    with running_servers(SYSTEM) as servers:
        hospital = servers.hospital()
        site = serving(hospital, patients=sizes.patients, steps=10, doctors=100)
        bare = f"http://127.0.0.1:{start_bare(servers)}"
        theirs = peer.site(sizes.patients) if peer else None

        def uses() -> float:
            return sum(use.cpu_s for use in servers.processes.use().values()) + (peer.cpu_s() if peer else 0.0)

        rows = _sign_in(sizes, uses, site, theirs)
        for what, requests in (("/api/steps/", Site.steps), ("/api/my-patients/", Site.my_patients)):
            for connections in (32, 128):
                found = in_pairs(
                    sizes,
                    uses,
                    connections=connections,
                    ours=(site.base, partial(requests, site)),
                    bare=(bare, lambda: bare_requests("GET", "steps")) if requests is Site.steps else None,
                    peer=(theirs.base, partial(requests, theirs)) if theirs else None,
                )
                rows.append(
                    _row(
                        "S2",
                        f"GET {what}, {connections} connections",
                        "/s",
                        found,
                        "per_s",
                        reach="2.5x peer" if connections == 32 else "",
                        aim="5x peer" if connections == 32 else "",
                        more=found,
                    )
                )
                rows.append(
                    _row(
                        "S2",
                        f"the same, {connections} connections: p99",
                        "ms",
                        found,
                        "p99_ms",
                        aim="0.3x peer" if connections == 128 else "",
                    )
                )
        found = in_pairs(
            sizes,
            uses,
            connections=32,
            ours=(site.base, site.check_ins),
            bare=(bare, lambda: bare_requests("POST", "check-in")),
            peer=(theirs.base, theirs.check_ins) if theirs else None,
        )
        rows.append(
            _row(
                "S3",
                "POST /api/check-in/, 32 connections",
                "/s",
                found,
                "per_s",
                reach="1.8x peer",
                aim="2.5x peer",
                more=found,
            )
        )
        rows.append(_row("S3", "the same: p99", "ms", found, "p99_ms", aim="60"))
        hospital.stop("web", "bare")
    if peer:
        peer.stop()
    return rows


def _sign_in(sizes: Sizes, uses: Callable[[], float], site: Site, theirs: Site | None) -> list[Row]:
    found = in_pairs(
        sizes,
        uses,
        connections=8,
        ours=(site.base, site.sign_in),
        peer=(theirs.base, theirs.sign_in) if theirs else None,
    )
    found["bare"] = {"per_s": hashes_per_s()}

    async def with_reads() -> list[float]:
        """Reads while eight sign in."""
        taken_s: list[float] = []
        signing = asyncio.create_task(closed_loop(site.base, site.sign_in(), connections=8, seconds=sizes.seconds))
        client, reads = HttpClient(site.base), iter(site.steps())
        await asyncio.sleep(1)  # the load is under way
        while not signing.done():
            began = time.perf_counter()
            await client.send(next(reads))
            taken_s.append(time.perf_counter() - began)
            await asyncio.sleep(0.02)  # a reader now and then
        return taken_s

    with pinned(GENERATOR):
        taken_s = asyncio.run(with_reads())
    return [
        Row(
            id="S1",
            what="POST /api/token/, 8 at once (bare: argon2id hashes)",
            unit="/s",
            ours=found["ours"]["per_s"],
            bare=found["bare"]["per_s"],
            peer=found.get("peer", {}).get("per_s"),
            reach="35",
            aim="44",
            more=found,
        ),
        Row(id="S1", what="reads meanwhile: p99", unit="ms", ours=percentile(taken_s, 99), reach="100", aim="40"),
    ]


def start_bare(servers: Servers) -> int:
    port = free_port()
    servers.processes.start(
        "bare",
        [sys.executable, "-m", "bench.limits.rest", str(port), servers.database("bare_rest")],
        cores=SYSTEM,
        port=port,
        cwd=ROOT,
    )
    return port


def bare_requests(method: str, path: str) -> Iterable[bytes]:
    body: dict[str, Any] | None = {} if method == "POST" else None
    return itertools.cycle(
        [request(method, f"/{path}/{patient}", body=body, host="127.0.0.1") for patient in range(200)]
    )


# S4


async def _submit(site: Site, sizes: Sizes, *, at_once: int) -> dict[str, Any]:
    """So many doctors submit one note after the other; each waits on the live channel until its steps are there."""
    jobs = iter(
        [
            (doctor, number, patient)
            for row in range(max(len(one.others) for one in site.seeded.doctors))
            for number, doctor in enumerate(site.seeded.doctors)
            for patient in doctor.others[row : row + 1]
        ][: sizes.notes]
    )
    crowd = _Desks(site.base, [one.access for one in site.seeded.doctors])
    await crowd.connect()
    answered, ready, reads, statuses = [], [], [], []
    done = asyncio.Event()

    async def doctor() -> None:
        client = HttpClient(site.base)
        for account, _, patient in jobs:
            began = time.perf_counter()
            status, body = await client.send(site.note(account, patient))
            answered.append(time.perf_counter() - began)
            statuses.append(status)
            if status == 202 and await crowd.is_done(json.loads(body)["id"], within_s=60):
                ready.append(time.perf_counter() - began)

    async def reader() -> None:
        client, requests = HttpClient(site.base), iter(site.steps())
        while not done.is_set():
            began = time.perf_counter()
            await client.send(next(requests))
            reads.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)  # a reader now and then

    reading, began = asyncio.create_task(reader()), time.perf_counter()
    await asyncio.gather(*(doctor() for _ in range(at_once)))
    taken_s = time.perf_counter() - began
    done.set()
    await reading
    await crowd.leave()
    return {
        "notes": len(answered),
        "ready": len(ready),
        "per_s": round(len(ready) / taken_s, 1),
        "answer_p50_ms": percentile(answered, 50),
        "ready_p50_s": percentile(ready, 50) / 1000,
        "reads_p99_ms": percentile(reads, 99),
        "refused": sum(status != 202 for status in statuses),
    }


class _Desks(Crowd):
    """The doctors' live channels: which notes are settled."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settled: dict[str, asyncio.Event] = {}

    def take(self, index: int, body: bytes) -> None:
        if b'"event":"note.status"' in body[:80]:
            data = json.loads(body)["data"]
            if data.get("status") in {"ready", "proposed", "failed", "superseded"}:
                self._settled.setdefault(data["note_id"], asyncio.Event()).set()

    async def is_done(self, note_id: str, *, within_s: float) -> bool:
        try:
            await asyncio.wait_for(self._settled.setdefault(note_id, asyncio.Event()).wait(), within_s)
        except TimeoutError:
            return False
        return True


def notes(sizes: Sizes, peer: Peer | None) -> list[Row]:
    """S4: web, worker, MongoDB and Redis on core 0; a model that takes a second on core 1."""
    found: dict[int, dict[str, Any]] = {}
    with running_servers(SYSTEM) as servers:
        port = free_port()
        servers.processes.start(
            "model", [sys.executable, "-m", "bench.model", str(port), "1"], cores=GENERATOR, port=port, cwd=ROOT
        )
        hospital: Hospital = servers.hospital(
            openai_api_key="sk-bench", openai_base_url=f"http://127.0.0.1:{port}/v1", openai_model="bench"
        )
        seeded = asyncio.run(seed(hospital.settings, patients=max(512, sizes.notes * 2), steps=1, doctors=256))
        for role in ("web", "worker"):
            hospital.start(role, cores=SYSTEM)
        time.sleep(STARTED_S)  # what a role loads once it is ready is no part of it, here and at the peer
        site = Site(hospital.base, seeded, PASSWORD, "patient_id")
        for at_once in (64, 256):
            watch = Watch(servers.processes)
            with pinned(GENERATOR):
                found[at_once] = asyncio.run(_submit(site, sizes, at_once=at_once))
            found[at_once] |= {"cpu_s": watch.cpu_s(), "foreign_cores": watch.foreign_cores()}
        hospital.stop("web", "worker", "model")
    theirs = peer.notes(sizes) if peer else {}
    few, many = found[64], found[256]
    return [
        Row(
            id="S4",
            what="POST /api/notes/, a model that takes 1 s, 64 doctors: answer p50",
            unit="ms",
            ours=few["answer_p50_ms"],
            peer=theirs.get("answer_p50_ms"),
            reach="50",
            aim="15",
            more={**{str(at_once): row for at_once, row in found.items()}, "peer": theirs},
        ),
        Row(
            id="S4",
            what="the same: steps ready p50",
            unit="s",
            ours=few["ready_p50_s"],
            peer=theirs.get("ready_p50_s"),
            reach="1.3",
            aim="1.08",
        ),
        Row(id="S4", what="notes, 64 doctors", unit="/s", ours=few["per_s"], peer=theirs.get("per_s"), reach="45"),
        Row(id="S4", what="notes, 256 in flight", unit="/s", ours=many["per_s"], aim="80"),
        Row(
            id="S4",
            what="reads meanwhile: p99",
            unit="ms",
            ours=few["reads_p99_ms"],
            peer=theirs.get("reads_p99_ms"),
            aim="30",
        ),
    ]
