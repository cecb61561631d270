"""The client module and the examples of the documents, against a real service."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from clients import hospital_rt_client
from clients.hospital_rt_client import ApiError, Client, Event, LiveEnded
from handlers.server import run_web
from tests.support.driver import PASSWORD, Clinic, Person, free_port, plan_item
from tests.support.factors import add_app, code_of
from tests.support.patience import allowed

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a client that tests need not sit out."""
    monkeypatch.setattr(hospital_rt_client, "RESTART_SPREAD_S", 0.2)
    monkeypatch.setattr(hospital_rt_client, "_growing", lambda _attempt: 0.05)


def client_of(person: Person, base: str | None = None, **more: Any) -> Client:
    return Client(base or person.base, person.email, PASSWORD, **more)


async def take(live: Any, name: str, *, within_s: float = 10) -> Event:
    """The next event of a name."""
    async with asyncio.timeout(allowed(within_s)):
        while True:
            event: Event = await anext(live)
            if event.name == name:
                return event


async def test_the_client_takes_the_second_step(clinic: Clinic) -> None:
    patient = await clinic.patient()
    app = await add_app(patient)
    with pytest.raises(ApiError) as refused:
        async with client_of(patient):
            pass
    assert refused.value.slug == "second-factor", "who has no code is told so"

    async def asked() -> str:
        return app.recovery_codes[0]

    with pytest.raises(ApiError) as refused:
        async with client_of(patient, code=lambda: "000000"):
            pass
    assert refused.value.slug == "wrong-code"
    codes: list[Callable[[], str | Awaitable[str]]] = [lambda: code_of(app.secret), asked]
    for code in codes:
        async with client_of(patient, code=code) as client:
            assert client.user["id"] == patient.id and await client.items("/api/steps/") == []


async def test_a_patients_day_with_the_client(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    async with client_of(patient) as page, client_of(doctor) as note_worker:
        assert page.user["role"] == "patient"
        async with page.live() as live:
            clinic.model.will({"do": "answer", "answer": {"checklist": [], "plan": [plan_item("Walk", "Walk daily")]}})
            note = await note_worker.submit_note(patient.id, "Walk daily.")
            await clinic.read_notes()
            assert (await take(live, "steps.changed")).data["note_id"] == note["id"]
            await clinic.tick("2027-03-02T09:00")
            due = await take(live, "reminder.due")
            step = await live.check_in(due.data["step"]["id"], slot=due.data["slot"])
            assert step["progress"]["done"] == 1
            await live.ack(due.seq)
            assert (page.seq, bool(page.epoch)) == (due.seq, True)
        with pytest.raises(ApiError) as refused:
            await page.check_in(note["id"])
        assert (refused.value.status, refused.value.slug) == (404, "not-found")
        for number in range(5):
            await note_worker.submit_note(patient.id, f"Walk {number}.")
        assert len(await note_worker.items("/api/notes/", limit=2)) == 6
    assert (await patient.get("/api/me/sessions/")).body["items"][1:] == [], "leaving signs the device out"


async def test_an_access_token_that_ran_out_is_renewed_once_for_all(clinic: Clinic) -> None:
    patient = await clinic.patient()
    async with client_of(patient) as client:
        client._access = "run out"
        found = await asyncio.gather(*(client.get("/api/me/") for _ in range(8)))
        assert {one["id"] for one in found} == {patient.id}
        rows = await clinic.app.resources.database.collection("sessions").find({}).to_list(None)
        assert sorted(row["generation"] for row in rows) == [0, 1]
        client._access = "run out"
        async with client.live() as live:
            await clinic.assign(patient, await clinic.doctor())
            assert (await take(live, "assignment.changed")).seq == 1
        await patient.post("/api/me/password/", {"current": PASSWORD, "password": PASSWORD})
        with pytest.raises(ApiError) as refused:
            await client.get("/api/me/")
        assert refused.value.status == 401


@contextlib.asynccontextmanager
async def losing(base: str, what: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A line to the service that loses the answer to the first request that begins so; every request's first line."""
    port, asked = free_port(), list[bytes]()
    host, _, service = base.removeprefix("http://").partition(":")
    lost = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal lost
        there_reader, there_writer = await asyncio.open_connection(host, int(service))
        drop = False

        async def forth() -> None:
            nonlocal drop, lost
            while data := await reader.read(65536):
                if data.split(b" ")[0] in {b"GET", b"POST", b"DELETE"}:
                    asked.append(data.split(b"\r\n")[0])
                    if not lost and data.startswith(what):
                        lost = drop = True
                there_writer.write(data.replace(f"127.0.0.1:{port}".encode(), f"127.0.0.1:{service}".encode()))
            there_writer.close()

        async def back() -> None:
            while data := await there_reader.read(65536):
                if drop:
                    writer.transport.abort()
                    return
                writer.write(data)
            writer.close()

        with contextlib.suppress(OSError):
            await asyncio.gather(forth(), back())

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{port}", asked
    finally:
        server.close()


async def test_a_note_whose_answer_was_lost_is_sent_again_and_stored_once(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    async with losing(clinic.base, b"POST /api/notes/") as (base, asked), client_of(doctor, base) as client:
        note = await client.submit_note(patient.id, "Walk daily.")
        assert asked.count(b"POST /api/notes/ HTTP/1.1") == 2
        assert [one["id"] for one in await client.items("/api/notes/")] == [note["id"]]


async def test_a_renewal_whose_answer_was_lost_does_not_sign_out(clinic: Clinic) -> None:
    patient = await clinic.patient()
    async with losing(clinic.base, b"POST /api/token/refresh/") as (base, asked), client_of(patient, base) as client:
        client._access = "run out"
        assert (await client.get("/api/me/"))["id"] == patient.id
        assert asked.count(b"POST /api/token/refresh/ HTTP/1.1") == 2


async def test_a_server_that_restarts_costs_no_event(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.plan_daily(doctor, patient, "Walk")
    async with client_of(patient) as client, client.live() as live:
        await clinic.tick("2027-03-02T09:00")
        first = await take(live, "reminder.due")
        await clinic.stop()
        await clinic.tick("2027-03-03T09:00")
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(run_web(clinic.app, stop=stop, ready=ready.set))
        try:
            second = await take(live, "reminder.due", within_s=20)
            await clinic.tick("2027-03-04T09:00")
            third = await take(live, "reminder.due")
            assert [second.seq, third.seq] == [first.seq + 1, first.seq + 2]
            # Another process goes on where this one was.
            async with client_of(patient, seq=first.seq, epoch=first.epoch) as other, other.live() as again:
                assert [(await take(again, "reminder.due")).seq for _ in range(2)] == [second.seq, third.seq]
        finally:
            stop.set()
            await serving


async def test_a_feed_that_cannot_be_resumed_is_reset_and_an_ended_session_ends_the_channel(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    async with client_of(patient, seq=1, epoch="another") as client, client.live() as live:
        reset = await take(live, "reset")
        assert (reset.seq, client.seq) == (1, 1) and client.epoch == reset.epoch != "another"
        await patient.post("/api/me/password/", {"current": PASSWORD, "password": PASSWORD})
        with pytest.raises(LiveEnded) as ended:
            await take(live, "never")
        assert ended.value.code == 4401
    assert doctor.id


async def test_a_renewal_that_is_not_possible_for_a_while_does_not_end_the_channel(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient, doctor = await clinic.pair()
    monkeypatch.setattr(hospital_rt_client, "MAX_WAIT_S", 0.2)
    monkeypatch.setattr(clinic.app.resources.tokens, "access_s", 3)
    async with client_of(patient) as client, client.live() as live:
        renewing = client._once
        refused: list[str] = []
        long_enough = asyncio.Event()

        async def away(method: str, path: str, *more: Any, **named: Any) -> Any:
            if path == "/api/token/refresh/" and not long_enough.is_set():
                refused.append(path)
                if len(refused) == 2 * hospital_rt_client.TRIES:
                    long_enough.set()
                raise ApiError(503, {"retry_after_s": 0.2})
            return await renewing(method, path, *more, **named)

        monkeypatch.setattr(client, "_once", away)
        await asyncio.wait_for(long_enough.wait(), 20)
        await clinic.assign(patient, await clinic.doctor())
        assert (await take(live, "assignment.changed", within_s=20)).data["patient"]["id"] == patient.id
    assert doctor.id


async def test_a_line_that_went_silent_is_noticed_and_the_feed_resumed(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hospital_rt_client, "SILENCE_S", 3.0)
    patient, silent = await clinic.patient(), asyncio.Event()
    host, _, service = clinic.base.removeprefix("http://").partition(":")
    lines: list[asyncio.StreamWriter] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes bytes on; once it is told to be silent, the first live line hears nothing more, and no end."""
        there_reader, there_writer = await asyncio.open_connection(host, int(service))
        mine: list[bool] = []

        async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                if data.startswith(b"GET /api/live/"):
                    mine.append(not lines)
                    lines.append(writer)
                if not (silent.is_set() and mine == [True]):
                    target.write(data.replace(f"127.0.0.1:{port}".encode(), f"127.0.0.1:{service}".encode()))
            target.close()

        with contextlib.suppress(OSError):
            await asyncio.gather(pass_on(reader, there_writer), pass_on(there_reader, writer))

    port = free_port()
    server = await asyncio.start_server(relay, "127.0.0.1", port)
    try:
        async with client_of(patient, f"http://127.0.0.1:{port}") as client, client.live() as live:
            silent.set()
            await clinic.assign(patient, await clinic.doctor())
            assert (await take(live, "assignment.changed", within_s=20)).seq == 1
            assert len(lines) == 2, "the first line never said that it had ended"
    finally:
        server.close()


# The examples


class Example:
    """A running example: its lines as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self, words: str) -> str:
        assert self.process.stdout
        async with asyncio.timeout(allowed(20)):
            while line := (await self.process.stdout.readline()).decode():
                if words in line:
                    return line
        raise AssertionError(f"ended without saying {words!r}")

    async def ended(self) -> int:
        async with asyncio.timeout(allowed(20)):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def running(person: Person, *command: str) -> AsyncIterator[Example]:
    environment = {"PATH": os.environ["PATH"], "BASE": person.base, "EMAIL": person.email, "PASSWORD": PASSWORD}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=None, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        yield Example(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_the_curl_example_runs(clinic: Clinic) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    patient, doctor = await clinic.pair()
    await clinic.plan_daily(doctor, patient, "Walk")
    await clinic.tick("2027-03-02T09:00")
    async with running(patient, "sh", str(EXAMPLES / "reminders.sh")) as example:
        assert await example.says("To do: ") == "To do: Walk\n"
        assert [await example.says("done") for _ in range(2)] == ["{'done': 1, 'total': None}\n"] * 2
        await example.says("Task")
        await example.says("Signed out.")
        assert await example.ended() == 0


NODE = ["node", "--experimental-websocket", "--no-warnings"]


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, str(EXAMPLES / "reminders.py")],
        [*NODE, str(EXAMPLES / "reminders.mjs")],
    ],
    ids=["python", "javascript"],
)
async def test_an_example_that_listens_runs(clinic: Clinic, command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    patient, doctor = await clinic.pair()
    await clinic.plan_daily(doctor, patient, "Walk")
    async with running(patient, *command) as example:
        await example.says("To do: Walk")
        if command[0] == "node":
            await example.says("Ready.")
        await clinic.tick("2027-03-02T09:00")
        assert await example.says("Done:") == "Done: 1\n"
        assert await example.ended() == 0
    (step,) = await patient.steps()
    assert step["progress"]["done"] == 1


async def test_the_live_channel_has_a_page_to_read(clinic: Clinic) -> None:
    page = await clinic.anyone.get("/asyncapi/")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    text = page.raw.decode()
    document = (await clinic.anyone.get("/asyncapi.json")).body
    for name in document["components"]["messages"]:
        assert f'id="{name}"' in text, name
    for words in ("resume_after", "data.step", "4409", "hospital-rt.v1", "/api/live/"):
        assert words in text, words
    assert "http://" not in text and "https://" not in text, "nothing from elsewhere"
