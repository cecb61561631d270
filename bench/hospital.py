"""The system under test: its embedded servers and its roles, each a process, on the cores it is given."""

from __future__ import annotations

import contextlib
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from bench.machine import Processes, free_port, pinned
from hospital_rt.runtime.embedded_servers import EmbeddedServers
from hospital_rt.runtime.supervisor import READY_FD
from hospital_rt.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


class Hospital:
    """One database of the running servers, and the roles that work on it."""

    def __init__(self, mongo_url: str, redis_url: str, processes: Processes, folder: Path, **changes: Any) -> None:
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.host = f"127.0.0.1:{port}"
        self.processes = processes
        self.settings = Settings.model_validate(
            {
                "port": port,
                "public_url": self.base,
                "data_dir": folder / "data",
                "mongo_url": mongo_url,
                "redis_url": redis_url,
                "secret_key": secrets.token_urlsafe(48),
                "encryption_keys": (Fernet.generate_key().decode(),),
                "rate_limits": "off",
                "access_token_seconds": 86_400,
                "doctor_signup": "open",
                "step_review": "auto",
                **changes,
            }
        )

    def start(self, role: str, *, cores: set[int], name: str = "") -> float:
        """Start a role; the seconds until it says that it is ready."""
        given = self.settings.model_dump(mode="json", exclude_none=True)
        env = {
            key.upper(): ",".join(value) if isinstance(value, list | tuple) else str(value)
            for key, value in given.items()
            if value != [] and value != ""
        }
        return self.processes.start(
            name or role,
            [sys.executable, str(ROOT / "main.py"), role],
            cores=cores,
            env=env,
            cwd=ROOT,
            ready_fd=READY_FD,
        )

    def stop(self, *names: str) -> None:
        self.processes.stop(*names)


class Servers:
    """A private MongoDB and Redis for one group of scenarios."""

    def __init__(self, folder: Path, processes: Processes, servers: EmbeddedServers, mongo: str, redis: str) -> None:
        self.folder, self.processes, self._servers = folder, processes, servers
        self.mongo_url, self.redis_url = mongo, redis
        self._count = 0

    def hospital(self, **changes: Any) -> Hospital:
        """An empty database of its own."""
        self._count += 1
        return Hospital(self.database(f"bench_{self._count}"), self.redis_url, self.processes, self.folder, **changes)

    def database(self, name: str) -> str:
        return self.mongo_url.replace("/hospital_rt?", f"/{name}?")


@contextlib.contextmanager
def running_servers(cores: set[int]) -> Iterator[Servers]:
    """MongoDB and Redis in a folder of their own; gone afterwards, and with them every role that was started."""
    with tempfile.TemporaryDirectory(prefix="hospital-bench-") as name:
        folder = Path(name)
        processes = Processes(folder / "logs")
        servers = EmbeddedServers(folder / "servers")
        with pinned(cores):
            embedded = servers.start()
        processes.others = {("mongod" if "mongo" in key.lower() else "redis"): pid for key, pid in servers.pids.items()}
        try:
            yield Servers(folder, processes, servers, embedded.mongo_url or "", embedded.redis_url or "")
        finally:
            processes.stop()
            servers.stop()
