"""``make cluster``: MongoDB and Redis by TLS alone, with the arguments of docker-compose.tls-data.yml."""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
import redis
import yaml
from pymongo.errors import PyMongoError

from tests.cluster.composed import DEPLOY, ROOT, make_secrets
from tests.cluster.conftest import Line
from tests.cluster.topology import Cluster, Servers, adapt_urls, hears
from tests.support.driver import Front, free_port
from tests.support.processes import happens, run_main
from tests.support.wire_http import say

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(420)]
NOTE = "Take amoxicillin 500 mg once a day for 7 days. Book a chest X-ray."
# `!override` is compose's own tag.
OVERRIDE = yaml.safe_load((ROOT / "docker-compose.tls-data.yml").read_text().replace("!override ", ""))


def arguments(service: str, secrets: Path, **changed: str) -> list[str]:
    """What the override adds to a server's command line, with the secrets where they are here."""
    words = [str(word).replace("/run/secrets", str(secrets)) for word in OVERRIDE["services"][service]["command"]]
    return [
        changed.get(words[place - 1].lstrip("-").replace("-", "_"), word) if place else word
        for place, word in enumerate(words)
    ]


def redis_with_tls() -> str | None:
    """A redis-server that was built with TLS: the wheel's was not. Debian's redis-tools has one under another name."""
    return shutil.which("redis-server") or shutil.which("redis-check-rdb")


def make_certificates(secrets: Path) -> None:
    made = [sys.executable, str(DEPLOY / "make_data_tls.py"), str(secrets)]
    subprocess.run(made, check=True, capture_output=True)


@pytest.fixture
async def by_tls(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Three members and a Redis that speak TLS alone, and no role yet."""
    port, redis_port = free_port(), free_port()
    mongods = [free_port() for _ in range(3)]
    secrets = make_secrets(tmp_path / "made", f"http://127.0.0.1:{port}")
    adapt_urls(secrets, mongods=mongods, redis=redis_port)
    make_certificates(secrets)
    servers = Servers(tmp_path / "servers", secrets)
    (servers.programs / "redis-server").unlink()
    (servers.programs / "redis-server").symlink_to(str(redis_with_tls()))
    for name in ("mongo_url", "redis_url"):  # as the override does
        shutil.copyfile(secrets / f"{name}_tls", secrets / f"{name}.new")
        (secrets / f"{name}.new").replace(secrets / name)
    cluster = Cluster(tmp_path / "roles", servers, port=port, webs=[port], mongods=mongods, redis=redis_port)
    try:
        for one in mongods:
            servers.mongod(one, *arguments("mongo1", secrets))
        servers.redis(redis_port, *arguments("redis", secrets, tls_port=str(redis_port)))
        began = servers.start(
            "begin",
            [str(DEPLOY / "mongo" / "begin.py")],
            program=sys.executable,
            MEMBERS=",".join(f"127.0.0.1:{one}" for one in mongods),
            DATA_CA_PATH=secrets / "data_ca",
        )
        assert await began.ended(within_s=120) == 0, began.logged
        await happens(lambda: hears(redis_port), "Redis listens")
        yield cluster
    finally:
        cluster.close()
        servers.close()


@pytest.mark.skipif(redis_with_tls() is None, reason="no Redis with TLS is installed: apt-get install redis-tools")
async def test_mongodb_and_redis_by_tls_alone(by_tls: Cluster, line: Line, tmp_path: Path) -> None:
    secrets = by_tls.servers.secrets
    ca = secrets / "data_ca"
    for role in [by_tls.launch(name, data_ca_path=ca) for name in ("web", "worker", "scheduler")]:
        await role.ready(within_s=90)
    people = Front(by_tls.webs[0].base)
    patient = await people.patient(name="Ada Brown")
    applicant = await people.sign_up("doctor")
    environment = by_tls.environment(data_ca_path=ca)
    approved = await asyncio.to_thread(
        run_main, "admin", "approve-doctor", applicant["email"], "--yes", environment=environment, folder=tmp_path
    )
    line.hold(approved.returncode == 0, f"admin: {approved.stderr}")
    doctor = await people.sign_in(applicant)
    await people.assign(patient, doctor)
    async with patient.live() as page:
        await people.submit(doctor, patient, NOTE)
        changed = await page.next("steps.changed", within_s=30)
        line.hold(len(changed["data"]["created"]) == 2, "not two steps")
        await page.next("reminder.due", within_s=30)
    for role in by_tls.roles:
        heard = await say(Front(role.base), b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        line.hold(b'{"status": "ready"' in heard.raw, f"{role.name}: {heard.raw!r}")
    for name in ("records", "keys"):
        await asyncio.to_thread((tmp_path / name).mkdir)
    places = ("--records", str(tmp_path / "records"), "--keys", str(tmp_path / "keys"))
    for command in ("backup-scheduled", "drill"):
        ran = await asyncio.to_thread(run_main, "admin", command, *places, environment=environment, folder=tmp_path)
        line.hold(ran.returncode == 0, f"{command}: {ran.stderr}")

    # Without TLS, or with another CA, connections are refused; a role says which setting is wrong.
    other = make_secrets(tmp_path / "other", "http://localhost:8080")
    make_certificates(other)
    for name, options in (("in clear", None), ("by another CA", other / "data_ca")):
        line.hold(not await asyncio.to_thread(reaches, by_tls, options), f"reached {name}")
    line.hold(await asyncio.to_thread(reaches, by_tls, ca), "the probe itself reaches nothing")
    for changes, word in (
        ({"data_ca_path": other / "data_ca"}, "cannot be reached"),
        ({"data_ca_path": None}, "cannot be reached"),
        ({"data_ca_path": tmp_path / "none"}, "DATA_CA_PATH: the file cannot be read"),
    ):
        checked = await asyncio.to_thread(run_main, "check", environment=by_tls.environment(**changes), folder=tmp_path)
        line.hold(checked.returncode == 1 and word in checked.stdout + checked.stderr, f"check said {checked.stdout}")
    context = ssl.create_default_context(cafile=str(ca))
    _, writer = await asyncio.open_connection("127.0.0.1", by_tls.redis_port, ssl=context)
    line.seen = f"{writer.get_extra_info('cipher')[1]} to Redis, and a drill"
    writer.close()


def reaches(cluster: Cluster, ca: Path | None) -> bool:
    """Whether either server answers a client that has the password and this CA, or one without TLS."""
    secrets = cluster.servers.secrets
    word = (secrets / "redis_password").read_text()
    tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(ca)} if ca else {}
    url = re.sub(r"[?&]tls=true", "", (secrets / "mongo_url").read_text())
    own: dict[str, Any] = {"tls": True, "tlsCAFile": str(ca)} if ca else {}
    found = []
    with redis.Redis(port=cluster.redis_port, password=word, socket_timeout=3, **tls) as client:
        try:
            found.append(bool(client.ping()))
        except (redis.RedisError, OSError):
            found.append(False)
    with pymongo.MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=2000, **own) as mongo:
        try:
            found.append(bool(mongo.get_default_database().command("ping")))
        except PyMongoError:
            found.append(False)
    assert len(set(found)) == 1, found
    return found[0]
