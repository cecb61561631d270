"""The ground of one scenario: servers of its own, roles, people at work, and what may be broken."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hospital_rt.domain.clock import utcnow
from hospital_rt.runtime.embedded_servers import EmbeddedServers
from models.app_context import AppContext
from tests.faults.compare import SETTLED, Counts, Records
from tests.faults.load import Load, at_work
from tests.faults.proxy import Proxy, proxy_of
from tests.faults.replica_set import ReplicaSet
from tests.faults.ward import Due, Ward, look_inside, spread
from tests.support.driver import Person
from tests.support.processes import Role, System, open_system

SETTLE_WITHIN_S = 90.0
DOCTORS, PATIENTS, LISTENERS = 5, 30, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What breaks, and under which load. ``fault`` breaks things until it returns how often it did."""

    name: str
    fault: Callable[[Ground], Awaitable[int]]
    over_s: float = 20.0  # slots come due and notes are written over this time, from its beginning
    slots: int = 600
    notes: int = 60
    roles: tuple[str, ...] = ("web", "web", "worker", "worker", "scheduler")
    proxied: tuple[str, ...] = ()  # "mongo", "redis": the roles reach it through a proxy
    replica_set: bool = False
    repeats: int = 0  # how often an open slot is repeated
    snoozes: float = 0.0  # which share of the reminders that a page hears it puts off


class Ground:
    """What a fault may lay its hands on."""

    def __init__(
        self, scenario: Scenario, servers: EmbeddedServers, system: System, app: AppContext, load: Load
    ) -> None:
        self.scenario, self.servers, self.system, self.app, self.load = scenario, servers, system, app, load
        self.ward = Ward(app, system.webs[0].base if system.webs else "")
        self.mongo_proxy: Proxy | None = None
        self.redis_proxy: Proxy | None = None
        self.set: ReplicaSet | None = None
        self.random = random.Random(11)
        self.ends_at = 0.0
        self.due: list[Due] = []

    @property
    def time_left(self) -> bool:
        return time.monotonic() < self.ends_at

    async def kill(self, role: Role) -> Role:
        """kill -9, and start it again as a supervisor would."""
        role.kill()
        return await self.system.again(role)

    def of(self, name: str) -> Role:
        """Any process of a role."""
        return self.random.choice([role for role in self.system.roles if role.role == name])

    async def rest(self, seconds: float) -> None:
        """Let the load run on."""
        await asyncio.sleep(seconds)  # how long a fault lasts

    def kill_server(self, name: str) -> None:
        """kill -9 of the embedded mongod or redis-server."""
        self.signal_server(name, signal.SIGKILL).wait()

    def signal_server(self, name: str, number: int) -> subprocess.Popen[bytes]:
        process = next(one.process for one in self.servers._servers if one.name == name)
        assert process is not None
        process.send_signal(number)
        return process

    async def restart_server(self, name: str, *, empty: bool = False) -> None:
        """Start what was killed, where it was, with its data or without."""
        if empty:
            shutil.rmtree(self.servers.data_dir / "redis" / "db")
        assert name in await asyncio.to_thread(self.servers.restart_dead)

    def flush(self) -> Any:
        return self.app.resources.redis.flushall()


async def run(scenario: Scenario, folder: Path) -> Counts:
    """One scenario, from an empty house to its line of the table."""
    began = time.monotonic()
    counts = Counts(scenario.name)
    async with _open(scenario, folder) as ground:
        doctors = [await ground.ward.person("doctor") for _ in range(DOCTORS)]
        patients: list[Person] = []
        notes: list[tuple[Person, Person]] = []
        for doctor in doctors:
            patients += await ground.ward.patients(PATIENTS // DOCTORS, doctor=doctor)
            authors = await ground.ward.patients(scenario.notes // DOCTORS, doctor=doctor)
            notes += [(doctor, patient) for patient in authors]
        ground.random.shuffle(patients)
        ground.random.shuffle(notes)
        listeners = patients[:LISTENERS]
        await ground.load.listen([*listeners, *doctors])
        moments = spread(scenario.slots, over_s=scenario.over_s, begins_in_s=1.0)
        ground.due = await ground.ward.plan(patients, moments, doctor=doctors[0], repeats=scenario.repeats)
        ground.ends_at = time.monotonic() + scenario.over_s + 1.0
        writing = asyncio.create_task(ground.load.write_notes(notes, over_s=scenario.over_s))
        try:
            counts.injected = await scenario.fault(ground)
            await writing
        finally:
            writing.cancel()
        await settle(ground.app, ground.load, ground.due, repeats=scenario.repeats)
        await count_all(counts, ground.app, ground.load, ground.due, doctors=doctors, listeners=listeners)
        if scenario.repeats:
            await Records(ground.app).count_repeats(counts, ground.due, most=scenario.repeats)
        counts.broken += _unexcused(ground.system)
    counts.took_s = time.monotonic() - began
    return counts


@contextlib.asynccontextmanager
async def _open(scenario: Scenario, folder: Path) -> AsyncIterator[Ground]:
    async with contextlib.AsyncExitStack() as stack:
        servers = EmbeddedServers(folder / "servers", mongo=not scenario.replica_set)
        stack.callback(servers.stop, timeout_s=0)
        embedded = servers.start()
        replica_set = stack.enter_context(ReplicaSet(folder / "set")) if scenario.replica_set else None
        mongo_url = replica_set.url if replica_set else embedded.mongo_url or ""
        redis_url = embedded.redis_url or ""
        system = await stack.enter_async_context(
            open_system(folder / "system", mongo_url=mongo_url, redis_url=redis_url, reminder_tick_seconds=1)
        )
        app = await stack.enter_async_context(look_inside(system))
        proxies: dict[str, Proxy] = {}
        for name, url in (("mongo", mongo_url), ("redis", redis_url)):
            if name in scenario.proxied:
                proxies[name], leads = await stack.enter_async_context(proxy_of(url))
                system.put(f"{name}_url", leads)
        await system.start(*scenario.roles)
        load = await stack.enter_async_context(at_work(system, snoozes=scenario.snoozes))
        ground = Ground(scenario, servers, system, app, load)
        ground.mongo_proxy, ground.redis_proxy, ground.set = proxies.get("mongo"), proxies.get("redis"), replica_set
        yield ground


async def settle(app: AppContext, load: Load, due: list[Due], *, repeats: int = 0) -> None:
    """Wait until everything that was asked for is done and heard; what is not by then is counted as lost."""
    deadline = time.monotonic() + SETTLE_WITHIN_S
    await load.answered(within_s=SETTLE_WITHIN_S)
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            if await _is_repeated(app, due, repeats) and await _is_settled(app, load, due):
                return
        await asyncio.sleep(0.2)  # looks again, with a deadline


async def _is_repeated(app: AppContext, due: list[Due], repeats: int) -> bool:
    """Whether each slot that is open was repeated as often as it should be, and none is put off."""
    if not repeats:
        return True
    steps = await app.store.steps.by_ids([one.step_id for one in due])
    waiting = [step.course.open_slot for step in steps.values() if step.course]
    return all(slot is None or (slot.repeats_today >= repeats and not slot.snoozed_until) for slot in waiting)


async def _is_settled(app: AppContext, load: Load, due: list[Due]) -> bool:
    database, journal = app.resources.database, load.journal
    ledger = database.collection("reminders")
    steps = [one.step_id for one in due]
    if await ledger.count_documents({"step_id": {"$in": steps}, "recorded": True}) < len(due):
        return False
    notes = database.collection("notes")
    wanted = {"_id": {"$in": list(journal.notes.values())}, "status": {"$in": [*SETTLED, "failed"]}}
    if await notes.count_documents(wanted) < len(journal.notes):
        return False
    await load.answered(within_s=5)
    sent = load.at_rest_after()  # a reminder may be answered, and the answer is announced again
    newest = await app.store.events.newest_of(list(journal.heard))
    all_heard = all(heard.seq >= newest.get(id, 0) for id, heard in journal.heard.items())
    return all_heard and sent is not None and sent == load.at_rest_after()


async def count_all(
    counts: Counts, app: AppContext, load: Load, due: list[Due], *, doctors: list[Person], listeners: list[Person]
) -> None:
    """The journal of the load beside the records, once all is settled."""
    records, journal = Records(app), load.journal
    await records.count_reminders(counts, due, now=utcnow())
    await records.count_notes(counts, journal, doctors)
    await records.count_check_ins(counts, journal, listeners)
    await records.count_heard(counts, journal)
    counts.again, counts.slowest_s = journal.again, journal.slowest_s
    counts.broken = [*journal.broken, *journal.refused]


def _unexcused(system: System) -> list[str]:
    """What roles logged that no fault excuses: an error of the program's own."""
    excused = ("note.read_failed", "library.line", "request.failed")
    return [line for line in system.complaints() if not any(word in line for word in excused)]
