"""Base class of the private servers, each in a folder of its own, and redis-server.

The password of each server is passed in a file, never on a command line or in the environment. Its port or socket is
kept, so that its URL stays valid after a restart.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import redis

from hospital_rt.runtime.binaries import Binary, EmbeddedRefused, bare_environment
from hospital_rt.runtime.child_process import end_with_parent

_POLL_S = 0.02
_MAX_LOG_BYTES = 16 * 1024 * 1024


class Exited(Exception):
    """The server process ended while starting."""


class PrivateServer(ABC):
    """A child process with a folder. ``spawn`` returns at once, ``wait`` once it serves."""

    name: ClassVar[str]
    port: int | None = None

    def __init__(self, home: Path, binary: Binary) -> None:
        self.home = home
        self.binary = binary
        self.process: subprocess.Popen[bytes] | None = None
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        self.password = secret_file(home / "password")

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL with user and password."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command line, without a secret; writes the files that it names."""

    @abstractmethod
    def until_ready(self, deadline: float) -> None:
        """Return when it serves with our password.

        Raises:
            Exited: the process has ended.
            TimeoutError: the deadline (monotonic) has passed.
        """

    @property
    def log(self) -> Path:
        return self.home / f"{self.name}.log"

    def spawn(self) -> None:
        command = end_with_parent(self.command())
        self.bound_log()
        write_private(self.home / f"{self.name}.out", "")
        with (self.home / f"{self.name}.out").open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603 - a command of our own, no shell
                command,
                cwd=self.home,
                env=bare_environment(self.binary.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the parent, which stops servers after roles
                umask=0o077,
            )

    def wait(self, within_s: float, *, may_move: bool = False) -> None:
        """Return when it serves. ``may_move``: take another port when another process has taken ours.

        Raises:
            EmbeddedRefused: it ended, or did not serve in time.
        """
        deadline = time.monotonic() + within_s
        while True:
            try:
                return self.until_ready(deadline)
            except TimeoutError:
                raise EmbeddedRefused(f"{self.name} is not ready after {within_s:.0f} s: see {self.log}") from None
            except Exited:
                if may_move and self.port and not port_is_free(self.port):
                    self.port = None
                    self.spawn()
                    continue
                code = self.process.returncode if self.process else None
                raise EmbeddedRefused(f"{self.name} ended at its start (exit code {code}): see {self.log}") from None

    def died(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal_number)

    def bound_log(self) -> None:
        """Rotate the log: one old file is kept, the current one stays below some megabytes."""
        try:
            if self.log.stat().st_size < _MAX_LOG_BYTES:
                return
            self.log.replace(self.log.with_suffix(".log.1"))
        except OSError:
            return
        self.reopen_log()

    def reopen_log(self) -> None:
        """Signal the server that its log was renamed; redis-server opens its log for each line anyway."""
        return

    def settle_port(self) -> int:
        """The previous port, or another when it is taken; below the range of ephemeral ports."""
        kept = self.home / "port"
        if self.port is None:
            text = kept.read_text().strip() if kept.exists() else ""
            self.port = int(text) if text.isdecimal() and port_is_free(int(text)) else free_port()
            write_private(kept, f"{self.port}\n")
        return self.port

    def pause(self, deadline: float) -> None:
        if self.died():
            raise Exited
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_POLL_S)  # poll

    def await_port(self, port: int, deadline: float) -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                self.pause(deadline)
            else:
                return


class RedisServer(PrivateServer):
    """redis-server on a Unix socket in its folder, or on loopback where such a socket is not possible."""

    name = "redis-server"

    def __init__(self, home: Path, binary: Binary) -> None:
        super().__init__(home, binary)
        self.socket: Path | None = home / "redis.sock"
        if not _can_hold_socket(home):
            self.socket = None

    @property
    def url(self) -> str:
        password = quote(self.password, safe="")
        if self.socket is not None:
            return f"unix://:{password}@{quote(str(self.socket))}?db=0"
        return f"redis://:{password}@127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        data = self.home / "db"
        data.mkdir(mode=0o700, exist_ok=True)
        lines = [
            f"port {0 if self.socket else self.settle_port()}",
            "bind 127.0.0.1",
            *([f"unixsocket {_quoted(self.socket)}", "unixsocketperm 600"] if self.socket else []),
            f"requirepass {self.password}",
            f"dir {_quoted(data)}",
            f"logfile {_quoted(self.log)}",
            "appendonly yes",
            'save ""',
            "maxmemory-policy noeviction",
            "set-proc-title no",
        ]
        write_private(self.home / "redis.conf", "\n".join(lines) + "\n")
        return [*self.binary.command, str(self.home / "redis.conf")]

    def until_ready(self, deadline: float) -> None:
        client = redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2)
        try:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    self.pause(deadline)
        finally:
            client.close()


def secret_file(path: Path) -> str:
    """The secret in that file; generated on first use. Letters and digits only, as a key file needs."""
    if path.exists() and (kept := path.read_text().strip()):
        path.chmod(0o600)
        return kept
    secret = secrets.token_hex(32)
    write_private(path, secret + "\n")
    return secret


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically, mode 0600; after a power failure it is the old or the new one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    for _ in range(200):
        if port_is_free(port := random.randrange(20_000, 32_000)):
            return port
    raise EmbeddedRefused("no free port on loopback between 20000 and 32000")


def _can_hold_socket(folder: Path) -> bool:
    """False when the path exceeds the 107 bytes of a socket address, or the file system has no sockets."""
    path = folder / "redis.sock.probe"  # slightly longer than the real name: errs on the safe side
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            path.unlink(missing_ok=True)
            probe.bind(str(path))
        except OSError:
            return False
        path.unlink()
        return True


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
