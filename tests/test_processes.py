"""The system as separate processes: the whole way of a note, the commands, how they start, stop and refuse."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # has no types
import pytest
from cryptography.fernet import Fernet
from pymongo import MongoClient

from hospital_rt.embedded import Embedded
from tests.driver import PASSWORD, SECRET, Front, Person, free_port
from tests.mailbox import mail_server
from tests.processes import ROOT, STOP_WITHIN_S, Command, System, happens, open_system, run_main

NOTE = "Take amoxicillin 500 mg once a day for 2 days. Book a chest X-ray."
OPEN_ENDED = "Take aspirin 100 mg every day."


@pytest.fixture
async def system(tmp_path: Path, mongo_url: str, redis_url: str) -> AsyncIterator[System]:
    """Roles of this test, on a database of its own."""
    async with open_system(tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url) as opened:
        yield opened
        assert not opened.complaints()


def plain_settings(folder: Path, **more: Any) -> dict[str, str]:
    """The settings of ``all`` and ``demo``: almost none."""
    values = {"data_dir": folder / "data", "port": free_port(), "log_level": "warning", **more}
    return {key.upper(): str(value) for key, value in values.items()}


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


# The whole way, each role a process


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_the_whole_way_of_a_note_through_separate_processes(system: System, driver: str) -> None:
    smtp = free_port()
    model = await system.with_model()
    await system.start(
        "web", "web", "worker", "scheduler", day_seconds=3, mongo_driver=driver, smtp_url=f"smtp://127.0.0.1:{smtp}",
        email_verification="off",
    )  # fmt: skip
    here, there = system.front(0), system.front(1)
    patient, other = await here.patient(name="Ada Brown"), await there.patient()
    doctor = await there.doctor()
    await here.assign(patient, doctor)
    await there.assign(other, doctor)

    async with patient.live(base=there.base) as page, other.live() as clock, doctor.live(base=here.base) as desk:
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
        assert (await desk.next("step.checked_in"))["data"]["step"]["id"] == step["id"]

        await here.anyone.post("/api/forgot-password/", {"email": patient.email})
        second = await page.next("reminder.due", within_s=15)
        assert second["data"]["slot"] > first["data"]["slot"]
        answer = await patient.post(f"/api/check-in/{step['id']}/", {"slot": second["data"]["slot"]})
        assert answer.status == 200
        assert answer.body["status"] == "completed" and answer.body["ended"] == "done"
        assert (await page.next("steps.changed"))["data"]["completed"] == [step["id"]]

        # Two more days pass for somebody else, and none of them reminds the one who is done.
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
    role_of(demo, "worker").kill()  # type: ignore[union-attr]
    await demo.says("worker is ready again")
    assert "worker ended (exit code -9, SIGKILL) and starts again" in demo.said
    role_of(demo, "mongod").kill()  # type: ignore[union-attr]
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
    assert time.monotonic() - began < STOP_WITHIN_S
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
async def test_told_to_stop_while_it_starts_it_leaves_nothing_behind(
    command: Any, tmp_path: Path, number: int
) -> None:
    whole = command("all", plain_settings(tmp_path))
    await happens(lambda: role_of(whole, "mongod"), "mongod is starting", within_s=20)
    left = offspring(whole)
    whole.send(number)
    assert await whole.ended() == 0
    assert (whole.said, whole.logged) == ("", "")
    await happens(lambda: not any(process.is_running() for process in left), "its servers are gone")


async def test_told_to_stop_while_mongod_is_dead_it_stops_in_time(command: Any, tmp_path: Path) -> None:
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


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# Refusals


WRONG = {
    "PORT": "eighty", "PUBLIC_URL": "ftp://clinic.example", "MONGO_URL": "postgres://x", "REDIS_URL": "http://x",
    "MONGO_DRIVER": "odbc", "SECRET_KEY": "too-short-a-secret", "ENCRYPTION_KEYS": "no-fernet-key",
    "OPENAI_TIMEOUT_SECONDS": "soon", "SMTP_URL": "imap://x", "MAIL_FROM": "nobody", "EMAIL_VERIFICATION": "perhaps",
    "DOCTOR_SIGNUP": "closed", "STEP_REVIEW": "never", "ERASURE": "later", "ALLOWED_ORIGINS": "clinic.example",
    "TRUSTED_PROXIES": "the-proxy", "OPS_ALLOW": "me", "ACCESS_TOKEN_SECONDS": "4", "REFRESH_TOKEN_SECONDS": "x",
    "DEFAULT_TIMEZONE": "Mars/Olympus", "DAY_SECONDS": "0", "REMINDER_TICK_SECONDS": "-1", "RATE_LIMITS": "maybe",
    "EVENT_RETENTION_DAYS": "0", "LOG_FORMAT": "xml", "LOG_LEVEL": "loud",
}  # fmt: skip


@pytest.mark.parametrize("what", ["all", "web"])
def test_every_wrong_setting_is_told_in_a_line_of_its_own(tmp_path: Path, what: str) -> None:
    ran = run_main(what, environment=WRONG, folder=tmp_path)
    assert ran.returncode == 2
    lines = ran.stderr.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(WRONG)
    assert not [line for line in lines if WRONG["SECRET_KEY"] in line or WRONG["ENCRYPTION_KEYS"] in line]
    checked = run_main("check", environment=WRONG, folder=tmp_path)
    assert checked.returncode == 1
    assert len(checked.stdout.splitlines()) == len(WRONG)
    assert "Traceback" not in ran.stderr + checked.stderr + checked.stdout


@pytest.mark.parametrize(
    ("what", "settings", "named"),
    [
        ("worker", {}, ["ENCRYPTION_KEYS", "MONGO_URL", "PUBLIC_URL", "REDIS_URL", "SECRET_KEY"]),
        ("scheduler", {}, ["ENCRYPTION_KEYS", "MONGO_URL", "PUBLIC_URL", "REDIS_URL", "SECRET_KEY"]),
        ("all", {"MONGO_URL": "mongodb://127.0.0.1:1/"}, ["ENCRYPTION_KEYS", "SECRET_KEY"]),
        ("all", {"OPENAI_API_KEY": "sk-x"}, ["OPENAI_MODEL is required with OPENAI_API_KEY or OPENAI_BASE_URL"]),
        ("web", {"SECRET_KEY_FILE": "/nowhere/at/all"}, ["SECRET_KEY_FILE"]),
        ("web", {"SECRET_KEY_FILE": "/dev/null", "SECRET_KEY": SECRET}, ["SECRET_KEY"]),
    ],
)  # fmt: skip
def test_a_setting_that_is_missing_or_given_twice_stops_the_start(
    tmp_path: Path, what: str, settings: dict[str, str], named: list[str]
) -> None:
    ran = run_main(what, environment={"DATA_DIR": str(tmp_path / "data"), **settings}, folder=tmp_path)
    assert ran.returncode == 2
    assert sorted(line.partition(":")[0] for line in ran.stderr.splitlines()) == named
    assert ran.stdout == ""


@pytest.mark.parametrize("role", ["web", "worker"])
async def test_a_role_does_not_start_with_the_keys_of_another_database(system: System, role: str) -> None:
    await system.start("web")
    system.put("encryption_keys", Fernet.generate_key().decode())
    wrong = system.launch(role, name=role)
    assert await wrong.ended(within_s=20) == 2
    assert wrong.logged == "ENCRYPTION_KEYS: these keys do not open this database\n"
    system.put("encryption_keys", f"{Fernet.generate_key().decode()},{system.encryption_key}")
    await system.start(role)


async def test_a_role_that_a_newer_schema_overtakes_stops_and_does_not_come_back(system: System) -> None:
    await system.start("web", "worker")
    with MongoClient[Any](system.mongo_url) as client:
        meta = client.get_default_database()["meta"]
        meta.update_one({"_id": "schema"}, {"$set": {"version": 99, "readable_by": 98}})
    for role in list(system.roles):
        assert await role.ended(within_s=20) == 0 and "schema.too_new" in role.logged
    system.roles.clear()
    again = system.launch("web")
    assert await again.ended(within_s=20) == 2
    assert again.logged.startswith("MONGO_URL: the database has schema 99, which versions from schema 98 on can serve")
    system.roles.clear()


async def test_a_web_role_does_not_start_on_a_port_that_is_taken(system: System) -> None:
    await system.start("web")
    second = system.launch("web", port=system.first_port)
    assert await second.ended(within_s=20) == 2
    assert second.logged.splitlines() == [
        f"HOST, PORT: cannot listen on 127.0.0.1 port {system.first_port} (Address already in use)"
    ]
    system.roles.remove(second)


async def test_a_role_waits_for_a_database_that_is_not_up_yet(system: System, servers: Embedded) -> None:
    system.put("mongo_url", "mongodb://127.0.0.1:1/hospital_rt?serverSelectionTimeoutMS=200")
    waiting = system.launch("web")
    await happens(lambda: "role.waits_for_database" in waiting.logged, "the role says that it waits", within_s=20)
    assert await waiting.stop() == 0


# Small commands


async def test_check_tells_what_is_wrong_and_what_answers(system: System, tmp_path: Path) -> None:
    fine = run_main("check", environment=system.environment(), folder=tmp_path)
    assert fine.returncode == 0, fine.stdout
    assert [line[:4] for line in fine.stdout.splitlines()] == ["ok  "] * 3
    embedded = run_main("check", environment={"DATA_DIR": str(tmp_path / "new")}, folder=tmp_path)
    assert embedded.returncode == 0, embedded.stdout
    system.put("redis_url", "redis://127.0.0.1:1/0")
    system.put("mongo_url", "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=300")
    away = run_main(
        "check", environment=system.environment(smtp_url="smtp://127.0.0.1:1", openai_base_url="http://127.0.0.1:1/v1",
                                                openai_model="m"), folder=tmp_path,
    )  # fmt: skip
    assert away.returncode == 1
    assert [line[:4] for line in away.stdout.splitlines()] == ["ok  "] + ["FAIL"] * 4
    assert "Traceback" not in fine.stderr + embedded.stderr + away.stderr


def test_a_note_on_standard_input_gives_its_steps_without_any_database(tmp_path: Path) -> None:
    note = "Take amoxicillin 500 mg twice a day until Friday. Book a chest X-ray."
    ran = run_main("extract", "--date", "2027-03-01", environment={}, folder=tmp_path, stdin=note)
    assert ran.returncode == 0, ran.stderr
    steps = json.loads(ran.stdout)
    assert [one["title"] for one in steps["checklist"]] == ["Book a chest X-ray"]
    (plan,) = steps["plan"]
    assert (plan["times_per_day"], plan["duration_days"], plan["miss_policy"]) == (2, 5, "fixed")
    dated = run_main("extract", environment={"NOTE_DATE": "2027-03-04"}, folder=tmp_path, stdin=note)
    assert json.loads(dated.stdout)["plan"][0]["duration_days"] == 2
    unread = run_main("extract", str(tmp_path / "nothing.txt"), environment={}, folder=tmp_path)
    assert (unread.returncode, unread.stdout) == (2, "")
    assert "Traceback" not in unread.stderr


def test_a_terminal_that_is_gone_does_not_stop_the_house(tmp_path: Path) -> None:
    """`main.py all | head -1`: the reader leaves, the house stays until it is told to stop."""
    reader, writer = os.pipe()
    os.close(reader)
    settings = plain_settings(tmp_path)
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    process = psutil.Popen(
        [sys.executable, str(ROOT / "main.py"), "all"], cwd=tmp_path, env={**kept, **settings}, stdout=writer,
        stderr=writer,
    )  # fmt: skip
    os.close(writer)
    try:
        deadline = time.monotonic() + 30
        while not listens(int(settings["PORT"])):
            assert process.poll() is None, process.returncode
            assert time.monotonic() < deadline
            time.sleep(0.05)  # looks again, with a deadline
        process.terminate()
        assert process.wait(STOP_WITHIN_S) == 0
    finally:
        for child in [*process.children(recursive=True), process] if process.poll() is None else []:
            child.kill()
