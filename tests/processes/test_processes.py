"""The system as separate processes: the whole way of a note, the commands, how they start, stop and refuse."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.driver import PASSWORD, Front, Person, free_port
from tests.support.mailbox import mail_server
from tests.support.patience import allowed
from tests.support.processes import ROOT, STOP_WITHIN_S, Command, System, happens, listens, plain_settings, run_main

NOTE = "Take amoxicillin 500 mg once a day for 2 days. Book a chest X-ray."
OPEN_ENDED = "Take aspirin 100 mg every day."


@pytest.fixture
async def command(tmp_path: Path) -> AsyncIterator[Any]:
    """Starts ``main.py`` as a newcomer does; nothing of it is left in the end."""
    started: list[Command] = []

    def start(what: str, environment: dict[str, str]) -> Command:
        name = f"{what}-{len(started)}"
        started.append(Command([str(ROOT / "main.py"), what], folder=tmp_path, environment=environment, name=name))
        return started[-1]

    yield start
    for one in started:
        left = offspring(one)
        one.end_for_good()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def offspring(command: Command) -> list[psutil.Process]:
    """Everything that a command has started: roles, mongod, redis-server."""
    try:
        found: list[psutil.Process] = psutil.Process(command.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def role_of(command: Command, word: str) -> psutil.Process | None:
    """The process of one role or server of a running ``all`` or ``demo``."""
    for process in offspring(command):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(part == word or part.endswith(f"/{word}") for part in process.cmdline()):
                return process
    return None


def kill(command: Command, word: str) -> None:
    process = role_of(command, word)
    assert process is not None, word
    process.kill()


# The whole way, each role a process


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_note_becomes_steps_through_separate_processes(system: System, driver: str) -> None:
    smtp = free_port()
    model = await system.with_model()
    await system.start(
        "web",
        "web",
        "worker",
        "scheduler",
        day_seconds=3,
        mongo_driver=driver,
        smtp_url=f"smtp://127.0.0.1:{smtp}",
        email_verification="off",
    )
    here, there = system.front(0), system.front(1)
    patient, other = await here.patient(name="Ada Brown"), await there.patient()
    doctor = await there.doctor()
    await here.assign(patient, doctor)
    await there.assign(other, doctor)

    async with patient.live(base=there.base) as page, other.live() as clock, doctor.live(base=here.base) as note_worker:
        await there.submit(doctor, other, OPEN_ENDED)
        note = await here.submit(doctor, patient, NOTE)
        changed = await page.next("steps.changed", within_s=15)
        assert sorted(step["kind"] for step in changed["data"]["created"]) == ["checklist", "plan"]
        assert changed["data"]["note_id"] == note["id"]
        first = await page.next("reminder.due", within_s=10)
        step = first["data"]["step"]
        assert (first["data"]["repeat"], step["progress"]) == (0, {"done": 0, "total": 2})

        message = {"type": "check_in", "id": "1", "step_id": step["id"], "slot": first["data"]["slot"]}
        reply = await page.ask(message)
        assert reply["ok"] and reply["data"]["progress"] == {"done": 1, "total": 2}
        assert (await note_worker.next("step.checked_in"))["data"]["step"]["id"] == step["id"]

        await here.anyone.post("/api/forgot-password/", {"email": patient.email})
        second = await page.next("reminder.due", within_s=15)
        assert second["data"]["slot"] > first["data"]["slot"]
        answer = await patient.post(f"/api/check-in/{step['id']}/", {"slot": second["data"]["slot"]})
        assert answer.status == 200
        assert answer.body["status"] == "completed" and answer.body["ended"] == "done"
        assert (await page.next("steps.changed"))["data"]["completed"] == [step["id"]]

        # Two more days pass for another patient; the patient who is done is not reminded.
        for _ in range(2):
            await clock.next("reminder.due", within_s=15)
        await page.nothing_more()
        assert [event["seq"] for event in page.events] == list(range(2, len(page.events) + 2))  # 1: the assignment
        assert await model.calls() == 2

        worker = system.workers[0]
        await happens(lambda: "letter.put_off" in worker.logged, "the letter is put off", within_s=20)
        with mail_server(smtp) as letters:
            letter = await happens(lambda: letters.got, "the letter comes once the mail server is back", within_s=30)
            assert letter[0]["To"] == patient.email
            token = re.search(r"token=([\w.-]+)", str(letter[0].get_payload(decode=True), "utf-8"))
            assert token
            reset = {"token": token[1], "password": "another-quiet-meadow-77"}
            assert (await there.anyone.post("/api/reset-password/", reset)).status == 204
            assert await page.closed() == 4401
            assert len(letters.got) == 1
    assert (await here.anyone.post("/api/token/", {"email": patient.email, "password": PASSWORD})).status == 401
    await there.sign_in(patient.user, "another-quiet-meadow-77")
    for role in list(system.roles):
        assert await role.stop() == 0, role.logged


# One command


def log_ins(said: str) -> dict[str, str]:
    """The printed accounts: password by address."""
    return dict(re.findall(r"^\s+(?:doctor|patient)\s+(\S+@\S+)\s+(\S+)$", said, re.MULTILINE))


async def sign_in_as(base: str, said: str, role: str) -> Person:
    email = f"{role}@demo.example"
    return await Front(base).sign_in({"email": email}, log_ins(said)[email])


async def test_the_demonstration_survives_what_a_machine_does_to_it(command: Any, tmp_path: Path) -> None:
    settings = plain_settings(tmp_path, day_seconds=5)
    base = f"http://127.0.0.1:{settings['PORT']}"
    demo = command("demo", settings)
    await demo.says(f"Open {base}")
    await demo.says("so a reminder comes round")
    lines = demo.said.splitlines()
    for role in ("web", "worker", "scheduler"):
        assert lines.count(f"{role} is ready") == 1
    assert [line for line in lines if "side by side" in line]
    assert sorted(log_ins(demo.said)) == ["doctor@demo.example", "patient@demo.example", "tomas@demo.example"]
    assert (tmp_path / "data" / "demo").stat().st_mode & 0o777 == 0o700

    doctor, patient = await sign_in_as(base, demo.said, "doctor"), await sign_in_as(base, demo.said, "patient")
    async with patient.live() as page:
        note = await Front(base).submit(doctor, patient, OPEN_ENDED)
        due = await page.next("reminder.due", within_s=20)
    step_id = due["data"]["step"]["id"]
    assert (await patient.post(f"/api/check-in/{step_id}/", {"slot": due["data"]["slot"]})).status == 200

    # A role is killed, then a server: both come back, and it says so.
    kill(demo, "worker")
    await demo.says("worker is ready again")
    assert "worker ended (exit code -9, SIGKILL) and starts again" in demo.said
    kill(demo, "mongod")
    await demo.says("mongod had died and runs again")

    # The power fails: everything at once, without a last word.
    everything = offspring(demo)
    for process in [psutil.Process(demo.pid), *everything]:
        process.kill()
    await demo.ended()
    again = command("demo", settings)
    await again.says("so a reminder comes round")
    assert log_ins(again.said) == log_ins(demo.said)
    patient = await sign_in_as(base, again.said, "patient")
    found = (await patient.get(f"/api/steps/{step_id}/")).body
    assert found["note_id"] == note["id"]
    assert [one["slot"] for one in found["check_ins"]] == [due["data"]["slot"]]
    async with patient.live() as page:
        assert (await page.next("reminder.due", within_s=20))["data"]["step"]["id"] == step_id
        began = time.monotonic()
        again.send(signal.SIGTERM)
        assert await page.closed() == 1012
    assert await again.ended() == 0
    assert time.monotonic() - began < allowed(STOP_WITHIN_S)
    assert not offspring(again)
    assert "Traceback" not in demo.logged + again.logged


async def test_all_is_for_one_instance_a_folder(command: Any, tmp_path: Path) -> None:
    settings = plain_settings(tmp_path)
    base = f"http://127.0.0.1:{settings['PORT']}"
    whole = command("all", settings)
    await whole.says("side by side")
    assert "demo.example" not in whole.said
    assert (await Front(base).anyone.get("/readyz")).body["status"] == "ready"
    assert (await Front(base).sign_up("doctor"))["status"] == "pending"
    patient = await Front(base).patient()

    second = run_main("all", environment={**settings, "PORT": str(free_port())}, folder=tmp_path)
    assert second.returncode == 2
    assert re.fullmatch(rf".*data is in use by another instance \(process {whole.pid}\): .*\n", second.stderr)
    assert second.stdout == ""

    taken = run_main("all", environment=plain_settings(tmp_path / "elsewhere", port=settings["PORT"]), folder=tmp_path)
    assert taken.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {settings['PORT']}" in taken.stderr
    assert "Traceback" not in taken.stderr

    secrets = [path.read_text().strip() for path in (tmp_path / "data" / "secrets").iterdir()]
    assert len(secrets) == 4
    for process in [psutil.Process(whole.pid), *offspring(whole)]:
        seen = " ".join(process.cmdline()) + " ".join(process.environ().values())
        assert not [one for one in secrets if one in seen]
    for path in (tmp_path / "data").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or not path.is_file(), path

    assert await whole.stop() == 0
    whole = command("all", settings)
    await whole.says("side by side")
    await Front(base).sign_in(patient.user)
    whole.send(signal.SIGINT)
    assert await whole.ended() == 0


# Stopping


async def test_each_role_stops_cleanly_when_asked(system: System) -> None:
    web, worker, scheduler = await system.start("web", "worker", "scheduler")
    patient = await system.front().patient()
    async with patient.live() as page:
        for role in (web, worker, scheduler):
            role.send(signal.SIGTERM)
        assert await page.closed() == 1012
    for role in (web, worker, scheduler):
        assert await role.ended() == 0, role.logged


async def test_a_request_that_is_being_answered_is_answered_before_the_server_stops(system: System) -> None:
    (web,) = await system.start("web")
    reader, writer = await asyncio.open_connection("127.0.0.1", system.first_port)
    body = json.dumps({"name": "Ada", "email": "ada@clinic.example", "password": PASSWORD, "role": "patient"}).encode()
    head = (
        f"POST /api/signup/ HTTP/1.1\r\nHost: 127.0.0.1:{system.first_port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:20])
    await writer.drain()
    # The server has read the head once it serves another request that came later.
    assert (await system.front().anyone.get("/healthz")).status == 200
    web.send(signal.SIGTERM)
    await happens(lambda: not listens(system.first_port), "the port is closed")
    writer.write(body[20:])
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 201")
    writer.close()
    assert await web.ended() == 0


async def test_a_line_that_a_proxy_keeps_open_is_answered_once_more_and_then_closed(system: System) -> None:
    """A proxy writes on it in the moment in which the server stops, and must not send a POST again."""
    [web] = await system.start("web")
    reader, writer = await asyncio.open_connection("127.0.0.1", system.first_port)
    for last in (False, True):
        if last:
            web.send(signal.SIGTERM)
            await happens(lambda: not listens(system.first_port), "the port is closed")
        host = f"Host: 127.0.0.1:{system.first_port}"
        writer.write(f"POST /api/token/ HTTP/1.1\r\n{host}\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
        length = re.search(r"Content-Length: (\d+)", head)
        assert head.startswith("HTTP/1.1 4") and length, head
        await reader.readexactly(int(length[1]))
        assert ("Connection: close" in head) == last
    assert await asyncio.wait_for(reader.read(1), 2) == b""
    writer.close()
    assert await web.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_during_the_start_leaves_nothing_behind(command: Any, tmp_path: Path, number: int) -> None:
    whole = command("all", plain_settings(tmp_path))
    await happens(lambda: role_of(whole, "mongod"), "mongod is starting", within_s=20)
    left = offspring(whole)
    whole.send(number)
    assert await whole.ended() == 0
    assert (whole.said, whole.logged) == ("", "")
    await happens(lambda: not any(process.is_running() for process in left), "its servers are gone")


async def test_a_signal_while_mongod_is_dead_stops_it_in_time(command: Any, tmp_path: Path) -> None:
    whole = command("all", plain_settings(tmp_path))
    await whole.says("side by side")
    mongod = role_of(whole, "mongod")
    assert mongod
    left = offspring(whole)
    mongod.kill()
    whole.send(signal.SIGTERM)
    assert await whole.ended() == 0
    await happens(lambda: not any(process.is_running() for process in left), "its servers are gone")
    assert "Traceback" not in whole.logged
