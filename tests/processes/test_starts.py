"""What does not start and says why, and the commands that end by themselves."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography.fernet import Fernet
from pymongo import MongoClient

from hospital_rt.runtime.embedded_servers import Embedded
from tests.support.driver import SECRET
from tests.support.patience import allowed
from tests.support.processes import ROOT, STOP_WITHIN_S, System, happens, listens, plain_settings, run_main

WRONG = {
    "PORT": "eighty",
    "PUBLIC_URL": "ftp://clinic.example",
    "MONGO_URL": "postgres://x",
    "REDIS_URL": "http://x",
    "MONGO_DRIVER": "odbc",
    "SECRET_KEY": "too-short-a-secret",
    "ENCRYPTION_KEYS": "no-fernet-key",
    "OPENAI_TIMEOUT_SECONDS": "soon",
    "SMTP_URL": "imap://x",
    "MAIL_FROM": "nobody",
    "VAPID_SUBJECT": "mailto:ops@hospital",
    "EMAIL_VERIFICATION": "perhaps",
    "DOCTOR_SIGNUP": "closed",
    "STEP_REVIEW": "never",
    "OIDC_ISSUER": "http://idp.hospital.example",
    "OIDC_ROLES": "clinicians=doctor",
    "PASSWORD_SIGN_IN": "perhaps",
    "SECOND_FACTOR": "nurses",
    "SESSION_MAX_SECONDS": "1",
    "ERASURE": "later",
    "ALLOWED_ORIGINS": "clinic.example",
    "TRUSTED_PROXIES": "the-proxy",
    "OPS_ALLOW": "me",
    "ACCESS_TOKEN_SECONDS": "4",
    "REFRESH_TOKEN_SECONDS": "x",
    "DEFAULT_TIMEZONE": "Mars/Olympus",
    "DAY_SECONDS": "0",
    "REMINDER_TICK_SECONDS": "-1",
    "RATE_LIMITS": "maybe",
    "CLOCK_LEEWAY_SECONDS": "-1",
    "EVENT_RETENTION_DAYS": "0",
    "LOG_FORMAT": "xml",
    "LOG_LEVEL": "loud",
}


@pytest.mark.parametrize("what", ["all", "web"])
def test_every_wrong_setting_is_reported_in_a_line_of_its_own(tmp_path: Path, what: str) -> None:
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
        ("all", {"MAIL_FROM": "no-reply@hospital"}, ["VAPID_SUBJECT"]),
        ("all", {"MAIL_FROM": "Clinic <ops@[10.0.0.5]>"}, ["VAPID_SUBJECT"]),
        ("all", {"OPENAI_API_KEY": "sk-x"}, ["OPENAI_MODEL is required with OPENAI_API_KEY or OPENAI_BASE_URL"]),
        ("web", {"SECRET_KEY_FILE": "/nowhere/at/all"}, ["SECRET_KEY_FILE"]),
        ("web", {"SECRET_KEY_FILE": "/dev/null", "SECRET_KEY": SECRET}, ["SECRET_KEY"]),
    ],
)
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


async def test_check_reports_wrong_settings_and_reachable_dependencies(system: System, tmp_path: Path) -> None:
    fine = run_main("check", environment=system.environment(), folder=tmp_path)
    assert fine.returncode == 0, fine.stdout
    assert [line[:4] for line in fine.stdout.splitlines()] == ["ok  "] * 3
    embedded = run_main("check", environment={"DATA_DIR": str(tmp_path / "new")}, folder=tmp_path)
    assert embedded.returncode == 0, embedded.stdout
    system.put("redis_url", "redis://127.0.0.1:1/0")
    system.put("mongo_url", "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=300")
    away = run_main(
        "check",
        environment=system.environment(
            smtp_url="smtp://127.0.0.1:1", openai_base_url="http://127.0.0.1:1/v1", openai_model="m"
        ),
        folder=tmp_path,
    )
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


def test_a_closed_terminal_does_not_stop_the_service(tmp_path: Path) -> None:
    """`main.py all | head -1`: the reader leaves, the house stays until it is told to stop."""
    reader, writer = os.pipe()
    os.close(reader)
    settings = plain_settings(tmp_path)
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    process = psutil.Popen(
        [sys.executable, str(ROOT / "main.py"), "all"],
        cwd=tmp_path,
        env={**kept, **settings},
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    try:
        deadline = time.monotonic() + allowed(30)
        while not listens(int(settings["PORT"])):
            assert process.poll() is None, process.returncode
            assert time.monotonic() < deadline
            time.sleep(0.05)  # looks again, with a deadline
        process.terminate()
        assert process.wait(STOP_WITHIN_S) == 0
    finally:
        for child in [*process.children(recursive=True), process] if process.poll() is None else []:
            child.kill()
