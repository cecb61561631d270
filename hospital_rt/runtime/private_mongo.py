"""A private mongod, or SecantusDB where no mongod runs: a replica set of one member, with a user for the service.

A start completes whatever an interrupted one left undone: initiate the set, correct the host, create the user.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from hospital_rt.runtime.private_server import PrivateServer, secret_file, write_private

USER = "hospital_rt"


class MongoServer(PrivateServer):
    """mongod as a replica set of one member, for transactions and change streams."""

    name = "mongod"
    replica_set = "rs0"
    roles: ClassVar[list[str]] = ["readWriteAnyDatabase", "dbAdminAnyDatabase", "clusterAdmin"]

    @property
    def url(self) -> str:
        return _url(self, self.replica_set)

    def command(self) -> Sequence[str]:
        data = self.home / "db"
        data.mkdir(mode=0o700, exist_ok=True)
        self._key = secret_file(self.home / "keyfile")
        return [
            *self.binary.command,
            *("--dbpath", str(data), "--port", str(self.settle_port()), "--bind_ip", "127.0.0.1", "--nounixsocket"),
            *("--replSet", self.replica_set, "--auth", "--keyFile", str(self.home / "keyfile"), "--oplogSize", "128"),
            *("--wiredTigerCacheSizeGB", "0.25"),
            *("--wiredTigerEngineConfigString", "log=(file_max=8MB,prealloc=false)"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--networkMessageCompressors", "disabled"),  # CVE-2025-14847 affects zlib of 6.0.5
            *("--logpath", str(self.log), "--logappend", "--logRotate", "reopen", "--quiet"),
            *("--slowms", "10000"),  # the log quotes slow queries with their values
        ]

    def until_ready(self, deadline: float) -> None:
        assert self.port is not None  # noqa: S101 - for the type checker: it is started
        self.await_port(self.port, deadline)
        # The internal identity (key file) may initiate the set, reconfigure it and create the user.
        with _client(self.port, "__system", self._key, "local") as client:
            while not self._is_primary(client):
                self.pause(deadline)
            while not _accepts(self.port, self.password):
                with contextlib.suppress(PyMongoError):
                    _make_user(client, self.password, self.roles)
                self.pause(deadline)

    def _is_primary(self, client: MongoClient[dict[str, Any]]) -> bool:
        try:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            host = f"127.0.0.1:{self.port}"
            config = client.local["system.replset"].find_one()
            if config is None:
                new = {"_id": self.replica_set, "members": [{"_id": 0, "host": host}]}
                client.admin.command("replSetInitiate", new)
            elif config["members"][0]["host"] != host:  # the port has changed; mongod has tried the old one first
                config["members"][0]["host"] = host
                config["version"] += 1
                client.admin.command("replSetReconfig", config, force=True)
        except PyMongoError:
            pass  # still starting, or another reconfiguration is in progress: try again
        return False

    def reopen_log(self) -> None:
        self.stop(signal.SIGUSR1)


class SecantusServer(PrivateServer):
    """The fallback where no mongod runs. Always with --sync-on-commit: without, it loses acknowledged writes."""

    name = "SecantusDB"
    _guarded = False

    @property
    def url(self) -> str:
        return _url(self, "secantus")

    def command(self) -> Sequence[str]:
        settings = self.home / "secantus.toml"
        write_private(settings, "")  # else it reads one from the home folder or /etc
        self._guarded = (self.home / "user-made").exists()
        return [
            *self.binary.command,
            *("--config", str(settings), "--host", "127.0.0.1", "--port", str(self.settle_port())),
            *("--storage-path", str(self.home / "db"), "--sync-on-commit", "--cache-size", "256M"),
            *("--log-level", "WARNING", *(["--auth"] if self._guarded else [])),
        ]

    @property
    def log(self) -> Path:
        return self.home / f"{self.name}.out"

    def until_ready(self, deadline: float) -> None:
        assert self.port is not None  # noqa: S101 - for the type checker: it is started
        self.await_port(self.port, deadline)
        if not self._guarded:  # no localhost exception: create the user first, then enable auth
            self._make_first_user(deadline)
            self.spawn()
            self.await_port(self.port, deadline)
        while not _accepts(self.port, self.password):
            self.pause(deadline)

    def _make_first_user(self, deadline: float) -> None:
        assert self.port is not None and self.process is not None  # noqa: S101 - for the type checker: it is started
        with _client(self.port) as client:
            while True:
                try:
                    _make_user(client, self.password, ["root"])
                    break
                except PyMongoError:
                    self.pause(deadline)
        self.stop()
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        write_private(self.home / "user-made", "")


def _url(server: PrivateServer, replica_set: str) -> str:
    # Direct connection: the driver ignores the member list, which is out of date after a change of port.
    return (
        f"mongodb://{USER}:{quote(server.password, safe='')}@127.0.0.1:{server.port}/{USER}"
        f"?authSource=admin&replicaSet={replica_set}&directConnection=true"
    )


def _client(port: int, user: str | None = None, password: str | None = None, source: str = "admin") -> Any:
    """A short-lived client of one server, for setting it up."""
    credentials = {"username": user, "password": password, "authSource": source} if user else {}
    return MongoClient(
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=2000,
        socketTimeoutMS=10_000,
        **credentials,  # type: ignore[arg-type]  # a user and a password, or neither
    )


def _accepts(port: int, password: str) -> bool:
    with _client(port, USER, password) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
        return True


def _make_user(client: MongoClient[dict[str, Any]], password: str, roles: list[str]) -> None:
    """Create the service's user with this password, or update an existing one."""
    try:
        client.admin.command("createUser", USER, pwd=password, roles=roles)
    except OperationFailure as error:
        if error.code != 51003:  # user already exists
            raise
        client.admin.command("updateUser", USER, pwd=password, roles=roles)
