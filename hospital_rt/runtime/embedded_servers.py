"""A private MongoDB and Redis for ``all``, ``demo`` and the tests: find, start, wait, stop.

One instance for each data folder, held by a lock. However the last run was killed, the next start finds the data of
every acknowledged write and stops servers left over from it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hospital_rt.runtime.binaries import EmbeddedRefused, Engine, find_mongo, find_redis
from hospital_rt.runtime.child_process import identity
from hospital_rt.runtime.private_mongo import MongoServer, SecantusServer
from hospital_rt.runtime.private_server import PrivateServer, RedisServer, write_private

__all__ = ["Embedded", "EmbeddedRefused", "EmbeddedServers", "running"]

_START_WITHIN_S = 60.0  # replaying a journal on a slow disk takes long
_RESTART_WITHIN_S = 5.0
_ORPHAN_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """URLs of the embedded servers; None for a server that was not requested."""

    mongo_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    descriptions: tuple[str, ...]


class EmbeddedServers:
    """The servers of one data folder.

    Start them from the main thread: only then does the kernel end them when this process is killed (else the next start
    does).
    """

    def __init__(self, data_dir: Path, *, mongo: bool = True, redis: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self._wanted = (mongo, redis)
        self._servers: list[PrivateServer] = []
        self._lock: int | None = None

    @property
    def pids(self) -> dict[str, int]:
        return {server.name: server.process.pid for server in self._servers if server.process is not None}

    def start(self) -> Embedded:
        """Start the requested servers; return when mongod is a writable primary and Redis answers.

        Raises:
            EmbeddedRefused: the folder is in use, or no server can run; ``str()`` is for the operator.
        """
        private_dir(self.data_dir)
        self._take_lock()
        try:
            _stop_orphans(_read_run_file(self.data_dir))
            mongo, redis = self._wanted
            if mongo:
                self._servers.append(self._mongo_server())
            if redis:
                self._servers.append(RedisServer(self.data_dir / "redis", find_redis()))
            for server in self._servers:
                server.spawn()
                self._write_run_file(ready=False)
            for server in reversed(self._servers):  # both are starting by now; Redis is faster
                server.wait(_START_WITHIN_S, may_move=True)
            self._write_run_file(ready=True)
        except OSError as error:
            self.stop()
            raise EmbeddedRefused(f"cannot use {error.filename or self.data_dir}: {error.strerror}") from error
        except BaseException:
            self.stop()
            raise
        return self._embedded()

    def alive(self) -> list[str]:
        """The names of servers that have died; empty when all are running."""
        return [server.name for server in self._servers if server.died()]

    def restart_dead(self) -> list[str]:
        """Restart dead servers at the same address; the names of those that run again.

        Waits a few seconds at most. A server that cannot start yet (its port is taken, the disk is full) is tried again
        at the next call.
        """
        dead = [server for server in self._servers if server.died()]
        for server in dead:
            with contextlib.suppress(OSError):
                server.spawn()
                self._write_run_file(ready=True)
        for server in dead:
            with contextlib.suppress(EmbeddedRefused):
                server.wait(_RESTART_WITHIN_S)
        for server in self._servers:
            server.bound_log()
        return [server.name for server in dead if not server.died()]

    def stop(self, *, timeout_s: float = 6) -> None:
        """Stop all servers, gracefully if that succeeds within the time. Idempotent."""
        for server in self._servers:
            server.stop()
        deadline = time.monotonic() + timeout_s
        while any(not server.died() for server in self._servers) and time.monotonic() < deadline:
            time.sleep(0.02)  # poll
        for server in self._servers:
            server.stop(signal.SIGKILL)
            if server.process is not None:
                server.process.wait()
        self._servers.clear()
        if self._lock is not None:
            _run_file(self.data_dir).unlink(missing_ok=True)
            os.close(self._lock)  # last: the next holder finds nothing running
            self._lock = None

    def _mongo_server(self) -> PrivateServer:
        """mongod or its fallback; with existing data, the engine that wrote them."""
        engine: Engine | None = None
        if (self.data_dir / "mongo" / "db" / "WiredTiger").exists():
            engine = "mongod"
        elif (self.data_dir / "secantus" / "db").exists():
            engine = "secantus"
        binary = find_mongo(self.data_dir / "lib", engine=engine)
        if binary.engine == "secantus":
            return SecantusServer(self.data_dir / "secantus", binary)
        return MongoServer(self.data_dir / "mongo", binary)

    def _embedded(self) -> Embedded:
        urls = {isinstance(server, RedisServer): server.url for server in self._servers}
        descriptions = tuple(server.binary.description for server in self._servers)
        return Embedded(mongo_url=urls.get(False), redis_url=urls.get(True), descriptions=descriptions)

    def _take_lock(self) -> None:
        if self._lock is not None:
            raise EmbeddedRefused(f"the servers of {self.data_dir} are already started")
        lock = os.open(self.data_dir / "embedded.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
            os.close(lock)
            if not isinstance(error, BlockingIOError):
                raise EmbeddedRefused(f"cannot lock {self.data_dir}: {error.strerror}") from error
            by = f" (process {owner})" if owner else ""
            raise EmbeddedRefused(
                f"{self.data_dir} is in use by another instance{by}: stop it, or choose another DATA_DIR"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def _write_run_file(self, *, ready: bool) -> None:
        servers = [
            {"name": server.name, "pid": server.process.pid, "identity": identity(server.process.pid)}
            for server in self._servers
            if server.process is not None
        ]
        content: dict[str, Any] = {
            "owner": {"pid": os.getpid(), "identity": identity(os.getpid())},
            "servers": servers,
            "ready": ready,
        }
        if ready:
            embedded = self._embedded()
            content |= {"mongo_url": embedded.mongo_url, "redis_url": embedded.redis_url, "said": embedded.descriptions}
        write_private(_run_file(self.data_dir), json.dumps(content))


def running(data_dir: Path) -> Embedded | None:
    """The servers that another process runs in this folder now; None when there is no such process.

    One of them may be restarting at the moment; the URLs stay valid.
    """
    content = _read_run_file(data_dir)
    if not content.get("ready") or not _is(content["owner"]):
        return None
    return Embedded(mongo_url=content["mongo_url"], redis_url=content["redis_url"], descriptions=tuple(content["said"]))


def private_dir(path: Path) -> None:
    """A folder with mode 0700: created, or restricted when it evidently belongs to this service.

    Raises:
        EmbeddedRefused: it belongs to another user, or holds other files and is accessible to others.
    """
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
        found = path.stat()
        if found.st_uid != os.geteuid():
            raise EmbeddedRefused(f"{path} belongs to another user: choose another DATA_DIR")
        if not stat.S_ISDIR(found.st_mode):
            raise EmbeddedRefused(f"{path} is not a folder: choose another DATA_DIR")
        if found.st_mode & 0o077:
            if any(path.iterdir()) and not (path / "embedded.lock").exists():
                raise EmbeddedRefused(f"{path} is open to other users: chmod 700 {path}, or choose another DATA_DIR")
            path.chmod(0o700)
    except OSError as error:
        raise EmbeddedRefused(f"cannot use {path}: {error.strerror}") from error


def _run_file(data_dir: Path) -> Path:
    return data_dir / "embedded.json"


def _read_run_file(data_dir: Path) -> dict[str, Any]:
    try:
        content = json.loads(_run_file(data_dir).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is(process: dict[str, Any]) -> bool:
    """Whether the recorded process is still running, and not a later one with the same pid."""
    known = process.get("identity")
    return known is not None and identity(int(process["pid"])) == known


def _stop_orphans(content: dict[str, Any]) -> None:
    """Stop the servers of a dead owner (this process holds its lock)."""
    orphans = [process for process in content.get("servers", []) if _is(process)]
    for number, within_s in ((signal.SIGTERM, _ORPHAN_WITHIN_S), (signal.SIGKILL, _ORPHAN_WITHIN_S)):
        for process in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process["pid"], number)
        deadline = time.monotonic() + within_s
        while (orphans := [process for process in orphans if _is(process)]) and time.monotonic() < deadline:
            time.sleep(0.02)  # poll
        if not orphans:
            return
    raise EmbeddedRefused(f"process {orphans[0]['pid']} ({orphans[0]['name']}) of an earlier run does not end")
