"""The topology of docker-compose.yml as processes of this machine, started by the very files that compose mounts."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from hospital_rt.runtime.binaries import Binary, find_mongo, find_redis
from tests.cluster.composed import DEPLOY, environment_of_roles, make_secrets, write_mongod, write_nginx
from tests.support.driver import Front, free_port
from tests.support.processes import Command, Role, System, happens

DAY_SECONDS = 10


class Servers:
    """nginx, MongoDB and Redis, each as its own ``start.sh`` starts it."""

    def __init__(self, folder: Path, secrets: Path) -> None:
        self.folder, self.secrets = folder, secrets
        self.programs = folder / "bin"
        self.programs.mkdir(parents=True)
        mongod, redis = self._found(find_mongo(folder / "lib", engine="mongod")), self._found(find_redis())
        redis_cli = self.programs / "redis-cli"
        redis_cli.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).parent / "redis_cli.py"}" "$@"\n')
        redis_cli.chmod(0o700)
        self._environment = {**mongod, **redis, "PATH": f"{self.programs}:{os.environ['PATH']}"}
        self.running: dict[str, Command] = {}

    def _found(self, binary: Binary) -> dict[str, str]:
        (self.programs / Path(binary.command[0]).name).symlink_to(binary.command[0])
        return dict(binary.environment)

    def start(self, name: str, arguments: list[str], *, program: str = "/bin/sh", **environment: Any) -> Command:
        values = {**self._environment, "SECRETS": str(self.secrets), **{k: str(v) for k, v in environment.items()}}
        self.running[name] = Command(arguments, folder=self.folder, environment=values, name=name, program=program)
        return self.running[name]

    def mongod(self, port: int, *more: str) -> Command:
        """A member of the set, new or with the data that it has."""
        home = self.folder / f"mongod-{port}"
        conf = home / "mongod.conf" if home.exists() else write_mongod(home, port=port)
        return self.start(f"mongod-{port}", [str(DEPLOY / "mongo" / "start.sh"), *more], CONF=conf, RUN=home)

    async def begin(self, ports: list[int]) -> None:
        """What the service ``mongo-begin`` of compose does."""
        members = ",".join(f"127.0.0.1:{port}" for port in ports)
        script = [str(DEPLOY / "mongo" / "begin.py")]
        began = self.start(f"begin-{ports[0]}", script, program=sys.executable, MEMBERS=members)
        assert await began.ended(within_s=90) == 0, began.logged

    def redis(self, port: int, *more: str) -> Command:
        home = self.folder / "redis"
        home.mkdir(exist_ok=True)
        script = [str(DEPLOY / "redis" / "start.sh"), "--port", str(port), "--bind", "127.0.0.1", *more]
        return self.start("redis", script, DATA=home, RUN=home)

    async def redis_is_healthy(self, port: int) -> bool:
        asked = self.start("redis-healthy", [str(DEPLOY / "redis" / "healthy.sh"), "-p", str(port)])
        return await asked.ended() == 0

    def nginx(self, conf: Path) -> Command:
        program = nginx_program()
        assert program, "nginx is not installed: apt-get install nginx-light"
        return self.start("nginx", ["-c", str(conf), "-p", str(conf.parent), "-g", "daemon off;"], program=program)

    def close(self) -> None:
        for command in self.running.values():
            command.end_for_good()


def nginx_program() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def hears(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Cluster(System):
    """Roles with the settings that compose gives them, behind nginx, on three mongods and a Redis."""

    def __init__(
        self, folder: Path, servers: Servers, *, port: int, webs: list[int], mongods: list[int], redis: int
    ) -> None:
        self.servers, self.port, self.mongods = servers, port, mongods
        self.tls_port, self.web_ports, self.redis_port = free_port(), list(webs), redis
        secrets = servers.secrets
        super().__init__(
            folder, mongo_url=(secrets / "mongo_url").read_text(), redis_url=(secrets / "redis_url").read_text()
        )
        self._composed = environment_of_roles(secrets)

    @property
    def base(self) -> str:
        """Where nginx listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def people(self) -> Front:
        """What people do, through nginx."""
        return Front(self.base)

    def environment(self, **changes: Any) -> dict[str, str]:
        """As compose gives it; beyond that no limits for the load, a short day, and where to listen."""
        values = {
            "host": "127.0.0.1",
            "data_dir": self.folder / "data",
            "log_level": "warning",
            "rate_limits": "off",
            "day_seconds": DAY_SECONDS,
            "reminder_tick_seconds": 1,
            **changes,
        }
        return {**self._composed, **{key.upper(): str(value) for key, value in values.items() if value is not None}}

    def launch(self, role: str, **changes: Any) -> Role:
        if role == "web" and "port" not in changes:
            changes["port"] = self.web_ports[len(self.webs)]
        if role != "web":
            changes["ops_port"] = free_port()  # the image sets it
        started = super().launch(role, **changes)
        if role != "web":
            started.base = f"http://127.0.0.1:{changes['ops_port']}"
        return started

    async def replace(self, role: Role) -> Role:
        """Stop a role as compose does, and start another in its place."""
        assert await role.stop() == 0, role.logged
        return await self.again(role)

    def member(self, port: int) -> MongoClient[dict[str, Any]]:
        """One mongod, as the set itself sees it."""
        key = (self.servers.secrets / "mongo_keyfile").read_text()
        return MongoClient(
            "127.0.0.1",
            port,
            username="__system",
            password=key,
            authSource="local",
            directConnection=True,
            serverSelectionTimeoutMS=1000,
            socketTimeoutMS=8000,
        )

    def primary(self) -> int | None:
        """The port of the member that takes writes."""
        for port in self.mongods:
            with contextlib.suppress(PyMongoError), self.member(port) as client:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return port
        return None

    def step_down(self) -> int:
        """The primary hands over; which one it was."""
        port = self.primary()
        assert port
        with self.member(port) as client:
            client.admin.command({"replSetStepDown": 20, "secondaryCatchUpPeriodSecs": 5})
        return port


def adapt_urls(secrets: Path, *, mongods: list[int], redis: int) -> None:
    """Let the URLs lead to these ports, where compose has names."""
    members = ",".join(f"127.0.0.1:{port}" for port in mongods)
    for name, old, new in (
        ("mongo_url", "mongo1:27017,mongo2:27017,mongo3:27017", members),
        ("redis_url", "redis:6379", f"127.0.0.1:{redis}"),
    ):
        path = secrets / name
        text = path.read_text()
        assert f"@{old}" in text
        path.chmod(0o600)
        path.write_text(text.replace(f"@{old}", f"@{new}"))


@contextlib.asynccontextmanager
async def open_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Everything running: 3 mongods, Redis, nginx, and two of each role."""
    port, redis = free_port(), free_port()
    mongods, webs = [free_port() for _ in range(3)], [free_port(), free_port()]
    secrets = make_secrets(folder / "made", f"http://127.0.0.1:{port}")
    adapt_urls(secrets, mongods=mongods, redis=redis)
    make_certificate(secrets)
    servers = Servers(folder / "servers", secrets)
    cluster = Cluster(folder / "roles", servers, port=port, webs=webs, mongods=mongods, redis=redis)
    try:
        for one in mongods:
            servers.mongod(one)
        servers.redis(redis)
        nginx = servers.nginx(
            write_nginx(
                folder / "nginx",
                port=port,
                tls_port=cluster.tls_port,
                webs=webs,
                secrets=secrets,
                others=(free_port(), free_port()),
            )
        )
        await asyncio.gather(servers.begin(mongods), happens(lambda: hears(redis), "Redis listens"))
        assert await servers.redis_is_healthy(redis)
        await cluster.start("web", "web", "worker", "worker", "scheduler", "scheduler")
        await happens(lambda: hears(port) or not nginx.runs, "nginx listens")
        assert nginx.runs, nginx.logged
        yield cluster
    finally:
        cluster.close()
        servers.close()


def make_certificate(secrets: Path) -> None:
    """A certificate for this machine, signed by itself, where compose mounts it: tls/tls.crt and tls/tls.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (secrets / "tls/tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (secrets / "tls/tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
