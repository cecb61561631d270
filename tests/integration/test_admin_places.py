"""Where `python main.py admin` finds its servers and keys, and when it asks before it acts."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hospital_rt.runtime.all_in_one import generate_once
from hospital_rt.runtime.embedded_servers import EmbeddedServers
from tests.support.admin_driver import ROOT, admin, environment_of, run
from tests.support.driver import PASSWORD, Clinic, Person, until


async def test_wrong_keys_are_a_setting_that_is_wrong(clinic: Clinic, other_key: str) -> None:
    wrong = clinic.app.settings.model_copy(update={"encryption_keys": (other_key,)})
    refused = await admin(wrong, "verify-audit", "--json")
    assert refused.code == 2 and "ENCRYPTION_KEYS" in refused.facts["error"]
    missing = await run(
        "admin",
        "verify-audit",
        environment={
            key: value for key, value in environment_of(clinic.app.settings).items() if key != "ENCRYPTION_KEYS"
        },
    )
    assert missing.code == 2 and missing.complained == "ENCRYPTION_KEYS: is required here\n"


@pytest.fixture
def other_key() -> str:
    return Fernet.generate_key().decode()


async def test_without_a_service_and_without_data_the_command_says_so(tmp_path: Path) -> None:
    bare = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    refused = await run("admin", "verify-audit", environment={**bare, "DATA_DIR": str(tmp_path / "x")}, cwd=tmp_path)
    assert refused.code == 2 and "nothing runs" in refused.complained
    assert not (tmp_path / "x").exists()
    unknown = await run("admin", "explode", environment={**bare, "DATA_DIR": str(tmp_path / "x")}, cwd=tmp_path)
    assert unknown.code == 2


@pytest.fixture
def own_servers(tmp_path: Path) -> Iterator[EmbeddedServers]:
    """Servers as a running `demo` has them, with its secrets, in a folder of their own."""
    folder = tmp_path / "data" / "demo"
    servers = EmbeddedServers(folder)
    servers.start()
    generate_once(folder / "secrets" / "secret_key", lambda: "s" * 40)
    generate_once(folder / "secrets" / "encryption_keys", lambda: Fernet.generate_key().decode())
    yield servers
    servers.stop()


@pytest.mark.long
async def test_beside_a_running_demo_and_after_it_the_command_finds_servers_and_keys(
    tmp_path: Path, own_servers: EmbeddedServers
) -> None:
    bare = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    arguments = ("admin", "create-doctor", "--name", "Dr A", "--email", "a@clinic.example", "--json")
    made = await run(
        *arguments, environment={**bare, "DATA_DIR": str(tmp_path / "data")}, typed=f"{PASSWORD}\n", cwd=tmp_path
    )
    assert made.code == 0, made.complained
    own_servers.stop()
    again = await run(
        *arguments,
        environment={**bare, "DATA_DIR": str(tmp_path / "data" / "demo")},
        typed=f"{PASSWORD}\n",
        cwd=tmp_path,
    )
    assert again.code == 1 and "has an account" in again.facts["error"]
    own_servers.start()
    assert own_servers.alive() == [], "the folder is free again"


def on_a_terminal(arguments: list[str], environment: dict[str, str], answer: bytes) -> tuple[int, str]:
    """Run a command on a terminal of its own and answer its question."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        command = [sys.executable, str(ROOT / "main.py"), *arguments]
        os.execve(sys.executable, command, environment)  # noqa: S606 - the command under test
    said = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
        if b"[y/N]" in chunk:
            os.write(terminal, answer)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


@pytest.mark.long
async def test_on_a_terminal_what_cannot_be_taken_back_is_asked_first(clinic: Clinic) -> None:
    patient: Person = await clinic.patient(name="Ruth Keller")
    environment = environment_of(clinic.app.settings)
    code, said = await asyncio.to_thread(on_a_terminal, ["admin", "erase", patient.id], environment, b"n\n")
    assert code == 1 and "Ruth Keller" in said and "Nothing was changed" in said
    assert (await patient.get("/api/me/")).status == 200
    code, said = await asyncio.to_thread(on_a_terminal, ["admin", "erase", patient.id, "--yes"], environment, b"")
    assert code == 0 and "[y/N]" not in said
    code, said = await asyncio.to_thread(on_a_terminal, ["admin", "new-epoch", "--json"], environment, b"y\n")
    assert code == 0 and json.loads(said.splitlines()[-1])["done"]

    async def gone() -> bool:
        return (await patient.get("/api/me/")).status == 401

    await until(gone)
