"""The tests' own words: a clinic of patients and doctors on a real server, a real database and a clock that is set."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import SystemRandom
from typing import Any
from uuid import uuid4

from cryptography.fernet import Fernet
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httputil import HTTPHeaders

from handlers.server import run_web
from hospital_rt.settings import Settings
from models.app_context import AppContext, open_app_context
from tasks.notes import NoteWorker
from tasks.reminders import remind_due
from tests.support import described
from tests.support.channel import Channel, open_channel
from tests.support.model_server import PLAN_DEFAULTS, ModelServer
from tests.support.patience import allowed

PASSWORD = "quiet-meadow-lantern-42"
SECRET = "a-secret-that-only-tests-know-0123456789"
NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
_numbers = count(1)
AsyncHTTPClient.configure(None, max_clients=500)


_handed_out: set[int] = set()


def free_port() -> int:
    """A port that is free at the moment, from below the range in which outgoing connections get theirs: one
    of that range may be taken by any of them before a server has bound it. None is handed out twice.
    """
    while True:
        port = SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            if port not in _handed_out:
                probe.bind(("127.0.0.1", port))
                _handed_out.add(port)
                return port


def test_settings(*, mongo_url: str, redis_url: str, data_dir: Path, **changes: Any) -> Settings:
    """Settings for a server of a test: limits off, everything else as it comes."""
    port = changes.pop("port", None) or free_port()
    values: dict[str, Any] = {
        "port": port,
        "public_url": f"http://127.0.0.1:{port}",
        "data_dir": data_dir,
        "mongo_url": mongo_url,
        "redis_url": redis_url,
        "secret_key": SECRET,
        "encryption_keys": (Fernet.generate_key().decode(),),
        "rate_limits": "off",
        "step_review": "auto",
        "doctor_signup": "open",
        "log_level": "error",
    }
    return Settings.model_validate({**values, **changes})


test_settings.__test__ = False  # type: ignore[attr-defined]  # pytest's mark on a function


async def until(check: Callable[[], Awaitable[Any]], *, within_s: float = 20.0) -> Any:
    """Wait until ``check`` gives something true, and give it back."""
    deadline = time.monotonic() + allowed(within_s)
    while True:
        found = await check()
        if found:
            return found
        assert time.monotonic() < deadline, f"did not happen within {within_s} s"
        await asyncio.sleep(0.02)  # looks again, with a deadline


@dataclass
class Answer:
    """A response: ``body`` is its JSON, or None."""

    status: int
    headers: HTTPHeaders
    raw: bytes = field(repr=False)

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def slug(self) -> str:
        """Which problem it is."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self.headers
        return str(self.body["type"]).removeprefix("/problems/")


class Caller:
    """Sends requests to one server, with or without a token."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.access: str | None = None

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        token: str | None = None,
    ) -> Answer:
        """Any request; never raises for a status, but where the answer is not as its document says."""
        sent = dict(headers or {})
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        bearer = token if token is not None else self.access
        if bearer and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {bearer}"
        request = HTTPRequest(
            self.base + path,
            method=method,
            headers=sent,
            body=data,
            allow_nonstandard_methods=True,
            request_timeout=allowed(30),
            follow_redirects=False,
            decompress_response=False,
        )
        response = await AsyncHTTPClient(force_instance=False).fetch(request, raise_error=False)
        answer = Answer(response.code, response.headers, response.body or b"")
        described.check(method, path, answer.status, answer.headers, answer.raw)
        return answer

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.call("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return await self.call("POST", path, body, **more)

    async def patch(self, path: str, body: Any = None, **more: Any) -> Answer:
        return await self.call("PATCH", path, body, **more)

    async def delete(self, path: str, body: Any = None, **more: Any) -> Answer:
        return await self.call("DELETE", path, body, **more)


class Person(Caller):
    """A signed-in user."""

    def __init__(self, base: str, user: dict[str, Any], tokens: dict[str, Any], password: str) -> None:
        super().__init__(base)
        self.user, self.id, self.password = user, str(user["id"]), password
        self.email, self.access, self.refresh = str(user["email"]), tokens["access"], tokens.get("refresh")

    @contextlib.asynccontextmanager
    async def live(
        self, *, resume_after: int | None = None, epoch: str | None = None, base: str | None = None
    ) -> AsyncIterator[Channel]:
        """An authenticated channel; ``resume_after`` without ``epoch`` takes the present one."""
        if resume_after is not None and epoch is None:
            epoch = (await self.get("/api/events/")).body["epoch"]
        channel = await open_channel(base or self.base)
        message = {"type": "auth", "token": self.access, "resume_after": resume_after}
        await channel.send({**message, "epoch": epoch} if resume_after is not None else message)
        channel.ready = await channel.message("ready")
        try:
            yield channel
        finally:
            channel.close()

    async def steps(self, query: str = "") -> list[dict[str, Any]]:
        """The steps that this user sees."""
        answer = await self.get(f"/api/steps/{query}")
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.body["items"]
        return found

    async def step(self, title: str, query: str = "") -> dict[str, Any]:
        """The one step whose title begins so."""
        found = [step for step in await self.steps(query) if (step["title"] or "").startswith(title)]
        assert len(found) == 1, [step["title"] for step in found]
        return found[0]


async def pages(user: Caller, path: str) -> list[list[Any]]:
    """A whole list, page by page; ``path`` has a question mark."""
    found: list[list[Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await user.get(path + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status == 200, answer.body
        found.append(answer.body["items"])
        cursor = answer.body["next"]
    return found


def item(title: str, quote: str | None = None, **more: Any) -> dict[str, Any]:
    """A checklist item as a model answers it; the quote is the title unless said."""
    return {"title": title, "detail": None, "quote": quote or title, "as_needed": False, **more}


def plan_item(title: str, quote: str | None = None, **more: Any) -> dict[str, Any]:
    """A plan item as a model answers it: once a day from today on, without end, unless said."""
    return {
        **item(title, quote),
        **PLAN_DEFAULTS,
        **more,
    }


class Front:
    """Requests to a web server without an account."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.anyone = Caller(base)

    async def sign_up(self, role: str, *, name: str | None = None, **more: Any) -> dict[str, Any]:
        number = next(_numbers)
        body = {
            "name": name or f"{role.title()} {number}",
            "email": f"{role}{number}-{uuid4().hex[:6]}@clinic.example",
            "password": PASSWORD,
            "role": role,
            **more,
        }
        answer = await self.anyone.post("/api/signup/", body)
        assert answer.status == 201, answer.body
        found: dict[str, Any] = answer.body
        return found

    async def sign_in(self, user: dict[str, Any], password: str = PASSWORD) -> Person:
        answer = await self.anyone.post("/api/token/", {"email": user["email"], "password": password})
        assert answer.status == 200, answer.body
        return Person(self.base, answer.body["user"], answer.body, password)

    async def patient(self, **more: Any) -> Person:
        return await self.sign_in(await self.sign_up("patient", **more))

    async def doctor(self, **more: Any) -> Person:
        return await self.sign_in(await self.sign_up("doctor", **more))

    async def assign(self, patient: Person, doctor: Person, **more: Any) -> dict[str, Any]:
        answer = await patient.post("/api/assign/", {"doctor_id": doctor.id, **more})
        assert answer.status in {200, 201}, answer.body
        found: dict[str, Any] = answer.body
        return found

    async def pair(self, **patient: Any) -> tuple[Person, Person]:
        """A patient and the doctor they have chosen."""
        first, second = await self.patient(**patient), await self.doctor()
        await self.assign(first, second)
        return first, second

    async def submit(self, doctor: Person, patient: Person, text: str, **more: Any) -> dict[str, Any]:
        """A note, accepted and not read yet."""
        answer = await doctor.post("/api/notes/", {"patient_id": patient.id, "text": text}, **more)
        assert answer.status == 202, answer.body
        found: dict[str, Any] = answer.body
        return found


class Clinic(Front):
    """A web server of this very process, with its records, a model that answers as told, and a clock that is set."""

    def __init__(self, app: AppContext, model: ModelServer, clock: list[datetime]) -> None:
        super().__init__(f"http://127.0.0.1:{app.settings.port}")
        self.app, self.model, self._clock = app, model, clock
        self.note_worker = NoteWorker(app)

    stopping: asyncio.Event
    serving: asyncio.Task[None]

    async def stop(self) -> None:
        """Stop the web server, as a signal does."""
        self.stopping.set()
        await self.serving

    @property
    def now(self) -> datetime:
        return self._clock[0]

    def set_clock(self, moment: datetime | str) -> None:
        """``2027-03-02T09:00`` is UTC."""
        self._clock[0] = datetime.fromisoformat(moment).replace(tzinfo=UTC) if isinstance(moment, str) else moment

    async def tick(self, moment: datetime | str | None = None) -> int:
        """Time has come: record what is due. Returns how many reminders were recorded."""
        if moment is not None:
            self.set_clock(moment)
        return await remind_due(self.app)

    async def read_notes(self) -> None:
        """Have every note that waits read, as the worker's sweep does."""
        while await self.app.store.notes.unfinished(self.now, limit=1):
            await self.note_worker.sweep()
            await asyncio.gather(*list(self.note_worker._work.values()))

    async def note(
        self,
        doctor: Person,
        patient: Person,
        *,
        checklist: list[Any] | None = None,
        plan: list[Any] | None = None,
        text: str | None = None,
        expect: str = "ready",
    ) -> dict[str, Any]:
        """A note whose text is what the items quote, read, with the model answering just these items."""
        items = [*(checklist or []), *(plan or [])]
        written = text or ". ".join(one["quote"] for one in items) + "."
        self.model.will({"do": "answer", "answer": {"checklist": checklist or [], "plan": plan or []}})
        note = await self.submit(doctor, patient, written)
        await self.read_notes()
        answer = await doctor.get(f"/api/notes/{note['id']}/")
        assert answer.status == 200, answer.body
        assert answer.body["status"] == expect, answer.body
        found: dict[str, Any] = answer.body
        return found

    async def plan_daily(self, doctor: Person, patient: Person, title: str, **more: Any) -> dict[str, Any]:
        """One plan step, every day at the patient's reminder time; the step as the patient sees it."""
        await self.note(doctor, patient, plan=[plan_item(title, f"{title} daily", **more)])
        return await patient.step(title)


@contextlib.asynccontextmanager
async def open_clinic(settings: Settings, model: ModelServer, *, at: datetime = NOON) -> AsyncIterator[Clinic]:
    """The clinic's web server in this loop, on a database of its own."""
    clock = [at]
    async with open_app_context(settings, now=lambda: clock[0]) as app:
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(run_web(app, stop=stop, ready=ready.set))
        started = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, started}, return_when=asyncio.FIRST_COMPLETED, timeout=allowed(30))
        if serving.done():
            serving.result()
        clinic = Clinic(app, model, clock)
        clinic.stopping, clinic.serving = stop, serving
        try:
            yield clinic
        finally:
            await clinic.note_worker.close()
            await clinic.stop()
