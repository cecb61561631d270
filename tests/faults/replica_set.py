"""Three real mongods as a replica set, without passwords and on loopback, to be stepped down and killed."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from hospital_rt.runtime.binaries import bare_environment, find_mongo
from hospital_rt.runtime.child_process import end_with_parent
from tests.support.driver import free_port

NAME = "ward"
ELECTION_MS = 2000


class ReplicaSet:
    """Started on entering, gone on leaving."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = [free_port() for _ in range(3)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True)
        self._binary = find_mongo(folder / "lib", engine="mongod")

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"mongodb://{hosts}/hospital_rt?replicaSet={NAME}"

    def __enter__(self) -> ReplicaSet:
        for port in self.ports:
            self.start(port)
        members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self.ports)]
        settings = {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": 500}
        deadline = time.monotonic() + 60
        while True:
            try:
                with self._client(self.ports[0]) as client:
                    client.admin.command("replSetInitiate", {"_id": NAME, "members": members, "settings": settings})
                break
            except PyMongoError:
                assert time.monotonic() < deadline
                time.sleep(0.1)  # tries again, with a deadline
        self.primary()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    def start(self, port: int) -> None:
        home = self.folder / str(port)
        home.mkdir(exist_ok=True)
        command = [
            *self._binary.command,
            "--dbpath",
            str(home),
            "--port",
            str(port),
            "--bind_ip",
            "127.0.0.1",
            "--nounixsocket",
            "--replSet",
            NAME,
            "--oplogSize",
            "64",
            "--wiredTigerCacheSizeGB",
            "0.25",
            "--setParameter",
            "diagnosticDataCollectionEnabled=false",
            "--logpath",
            str(home / "log"),
            "--quiet",
        ]
        self._processes[port] = subprocess.Popen(
            end_with_parent(command),
            env=bare_environment(self._binary.environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def primary(self, *, within_s: float = 60) -> int:
        """The port of the member that takes writes."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            for port, process in self._processes.items():
                if process.poll() is None:
                    try:
                        with self._client(port) as client:
                            if client.admin.command("hello").get("isWritablePrimary"):
                                return port
                    except PyMongoError:
                        continue
            time.sleep(0.1)  # tries again, with a deadline
        raise AssertionError("no primary")

    def step_down(self) -> None:
        with self._client(self.primary()) as client:
            client.admin.command({"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 3, "force": True})

    def kill_primary(self) -> int:
        port = self.primary()
        self._processes[port].send_signal(signal.SIGKILL)
        self._processes[port].wait()
        return port

    @staticmethod
    def _client(port: int) -> MongoClient[dict[str, Any]]:
        return MongoClient(
            "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1000, socketTimeoutMS=8000
        )
