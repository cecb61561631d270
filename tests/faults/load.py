"""The load: people who listen, check in and write notes while something breaks, and the journal of what they saw.

A request is sent again, with the same ``Idempotency-Key`` and to whichever web process, until it is answered: an
error means that the outcome is unknown, not that nothing happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketError

from hospital_rt.domain.clock import from_wire
from tests.support.channel import Channel, open_channel
from tests.support.driver import Person
from tests.support.processes import System

NOTE = "Take amoxicillin 500 mg once a day for 7 days. Book a chest X-ray."
STEPS_OF_NOTE = 2
BUSY = frozenset({429, 503})


@dataclass
class Journal:
    """What the clients know: asked for, acknowledged, refused; and what each listener saw."""

    notes_sent: int = 0
    notes: dict[str, str] = field(default_factory=dict)  # patient id: note id, acknowledged
    check_ins_sent: int = 0
    check_ins: set[tuple[str, str]] = field(default_factory=set)  # (step id, slot), acknowledged
    snoozes_sent: int = 0
    refused: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # answers that no fault excuses
    again: Counter[str] = field(default_factory=Counter)  # tries that were not the last, by why
    slowest_s: float = 0.0  # of all answers, refusals too
    heard: dict[str, Heard] = field(default_factory=dict)


@dataclass
class Heard:
    """What one listener's page was sent, over all its connections."""

    first: int | None = None
    seq: int = 0
    epoch: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    gaps: int = 0
    again: int = 0
    resets: int = 0
    connections: int = 0
    closed: Counter[int | None] = field(default_factory=Counter)  # by code
    late_s: float = 0.0  # of all reminders, from its moment to this page


class Load:
    """People at work. ``close`` ends them; what has been asked for by then is asked to the end."""

    def __init__(self, system: System, *, seed: int = 7, snoozes: float = 0.0) -> None:
        self.system, self.journal, self._snoozes = system, Journal(), snoozes
        self._random = random.Random(seed)
        self._client = AsyncHTTPClient(force_instance=True, max_clients=500)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: set[asyncio.Task[None]] = set()

    def _base(self) -> str:
        return self._random.choice(self.system.webs).base

    # Requests

    async def ask(self, person: Person, method: str, path: str, body: Any, *, within_s: float = 60.0) -> Any:
        """Send until it is answered; the body of a 2xx, or None when it was refused."""
        key = uuid4().hex
        deadline = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < deadline:
            request = HTTPRequest(
                self._base() + path,
                method=method,
                body=json.dumps(body),
                request_timeout=30,
                connect_timeout=3,
                headers={
                    "Authorization": f"Bearer {person.access}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": key,
                },
            )
            began = time.monotonic()
            try:
                response = await self._client.fetch(request, raise_error=False)
                self.journal.slowest_s = max(self.journal.slowest_s, time.monotonic() - began)
            except (OSError, HTTPClientError) as error:
                self.journal.again[type(error).__name__] += 1
                await asyncio.sleep(self._random.uniform(0.05, 0.3))  # a client that comes again
                continue
            if response.code < 300:
                return json.loads(response.body)
            if response.code in BUSY or b'"/problems/conflict"' in response.body:
                self.journal.again[str(response.code)] += 1
                await asyncio.sleep(self._random.uniform(0.1, 0.5))  # a client that comes again
                continue
            if path.startswith("/api/snooze/") and b'"/problems/slot-closed"' in response.body:
                return None  # an earlier try got through, and its repeat was answered
            line = f"{method} {path.split('/')[2]} {response.code} {response.body[:120]!r}"
            (self.journal.broken if response.code >= 500 else self.journal.refused).append(line)
            return None
        self.journal.broken.append(f"{method} {path.split('/')[2]}: no answer within {within_s} s")
        return None

    async def _note(self, doctor: Person, patient: Person, text: str) -> None:
        self.journal.notes_sent += 1
        answer = await self.ask(doctor, "POST", "/api/notes/", {"patient_id": patient.id, "text": text})
        if answer is not None:
            self.journal.notes[patient.id] = answer["id"]

    async def _check_in(self, patient: Person, step_id: str, slot: str) -> None:
        self.journal.check_ins_sent += 1
        answer = await self.ask(patient, "POST", f"/api/check-in/{step_id}/", {"slot": slot})
        if answer is not None:
            self.journal.check_ins.add((step_id, slot))

    async def _snooze(self, patient: Person, step_id: str, slot: str) -> None:
        self.journal.snoozes_sent += 1
        await self.ask(patient, "POST", f"/api/snooze/{step_id}/", {"slot": slot, "minutes": 10})

    async def write_notes(self, notes: list[tuple[Person, Person]], *, over_s: float) -> None:
        """A note of each of these doctors for the patient beside them, evenly over some seconds."""
        for doctor, patient in notes:
            self._start(self._note(doctor, patient, NOTE))
            await asyncio.sleep(over_s / len(notes))  # the beat of the load

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def answered(self, *, within_s: float = 60.0) -> None:
        """Wait until every request that was sent has its answer."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within_s)

    def at_rest_after(self) -> int | None:
        """How many requests were sent in all, once each has its answer; None before."""
        return None if self._tasks else self._sent

    @property
    def _sent(self) -> int:
        return self.journal.notes_sent + self.journal.check_ins_sent + self.journal.snoozes_sent

    # Listeners

    async def listen(self, people: list[Person], *, checks_in: float = 0.5) -> None:
        """Open a page for each, and wait until all hear. A page that is closed comes back and resumes."""
        for person in people:
            heard = self.journal.heard[person.id] = Heard()
            task = asyncio.create_task(self._page(person, heard, checks_in))
            self._listeners.add(task)
        # Told by many pages, none has an event.
        while not all(heard.epoch for heard in self.journal.heard.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # looks again

    async def _page(self, person: Person, heard: Heard, checks_in: float) -> None:
        while True:
            with contextlib.suppress(OSError, HTTPClientError, WebSocketError, TimeoutError, AssertionError):
                await self._connection(person, heard, checks_in)
            await asyncio.sleep(self._random.uniform(0.05, 0.4))  # a page that comes again

    async def _connection(self, person: Person, heard: Heard, checks_in: float) -> None:
        channel: Channel = await open_channel(self._base())
        try:
            auth: dict[str, Any] = {"type": "auth", "token": person.access, "resume_after": None}
            if heard.epoch is not None:
                auth |= {"resume_after": heard.seq, "epoch": heard.epoch}
            await channel.send(auth)
            ready = await channel.message("ready", within_s=10)
            heard.connections += 1
            if heard.epoch is None:
                heard.epoch, heard.seq, heard.first = ready["epoch"], ready["seq"], ready["seq"] + 1
            while (message := await channel.receive(within_s=40)) is not None:
                if message["type"] == "reset":
                    heard.resets += 1
                if message["type"] == "event":
                    self._hear(person, heard, message, checks_in)
            heard.closed[channel.connection.close_code] += 1
        finally:
            channel.close()

    def _hear(self, person: Person, heard: Heard, message: dict[str, Any], checks_in: float) -> None:
        if message["seq"] <= heard.seq:
            heard.again += 1
            return
        heard.gaps += message["seq"] != heard.seq + 1
        heard.seq = message["seq"]
        heard.events.append(message)
        if message["event"] != "reminder.due":
            return
        step_id, slot = message["data"]["step"]["id"], message["data"]["slot"]
        if message["data"]["repeat"] == 0:
            late = datetime.now(UTC) - from_wire(message["data"]["slot"])
            heard.late_s = max(heard.late_s, late.total_seconds())
            if self._random.random() < self._snoozes:
                self._start(self._snooze(person, step_id, slot))
                return
        if self._random.random() < checks_in:
            self._start(self._check_in(person, step_id, slot))

    async def close(self) -> None:
        for task in [*self._listeners, *self._tasks]:
            task.cancel()
        await asyncio.gather(*self._listeners, *self._tasks, return_exceptions=True)
        self._client.close()


@contextlib.asynccontextmanager
async def at_work(system: System, **more: Any) -> AsyncIterator[Load]:
    load = Load(system, **more)
    try:
        yield load
    finally:
        await load.close()
