"""What one private MongoDB and Redis are like: what they can do, and who gets at them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import OperationFailure

from hospital_rt.runtime.embedded_servers import Embedded, EmbeddedRefused, EmbeddedServers, running


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedServers, Embedded]]:
    """Servers for the tests that only look."""
    os.environ["SECRET_KEY"] = "not-for-a-database"
    servers = EmbeddedServers(tmp_path_factory.mktemp("embedded") / "data")
    try:
        yield servers, servers.start()
    finally:
        servers.stop()
        del os.environ["SECRET_KEY"]


async def test_transactions_work_with_both_drivers(started: tuple[EmbeddedServers, Embedded]) -> None:
    _, embedded = started
    motor: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(embedded.mongo_url)
    async with await motor.start_session() as session, session.start_transaction():
        await motor.test.pairs.insert_one({"by": "motor"}, session=session)
        await motor.test.others.insert_one({"by": "motor"}, session=session)
    assert await motor.test.others.count_documents({"by": "motor"}) == 1
    motor.close()
    async with AsyncMongoClient[dict[str, Any]](embedded.mongo_url) as client, client.start_session() as its_session:
        async with await its_session.start_transaction():
            await client.test.pairs.insert_one({"by": "pymongo"}, session=its_session)
        assert await client.test.pairs.count_documents({}) == 2


def test_redis_keeps_what_it_is_given(started: tuple[EmbeddedServers, Embedded]) -> None:
    _, embedded = started
    with redis.Redis.from_url(embedded.redis_url or "") as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_client_without_the_password_is_refused(started: tuple[EmbeddedServers, Embedded]) -> None:
    _, embedded = started
    assert embedded.mongo_url
    assert embedded.redis_url
    host = embedded.mongo_url.partition("@")[2].partition("/")[0]
    with MongoClient[dict[str, Any]](f"mongodb://{host}/?directConnection=true") as client:
        with pytest.raises(OperationFailure, match="requires authentication"):
            client.test.kept.find_one()
        with pytest.raises(OperationFailure, match=r"requires authentication|not authorized"):
            client.admin.command("createUser", "intruder", pwd="x", roles=["root"])
    wrong = MongoClient[dict[str, Any]](f"mongodb://hospital_rt:wrong@{host}/?directConnection=true")
    with wrong, pytest.raises(OperationFailure, match="Authentication failed"):
        wrong.test.kept.find_one()
    without = redis.Redis.from_url("unix://" + embedded.redis_url.partition("@")[2])
    with without, pytest.raises(redis.AuthenticationError):
        without.ping()


def test_no_secret_is_on_a_command_line_or_in_an_environment(started: tuple[EmbeddedServers, Embedded]) -> None:
    servers, _ = started
    secrets = [
        path.read_text().strip() for path in servers.data_dir.glob("*/*") if path.name in ("password", "keyfile")
    ]
    assert len(secrets) == 3
    for pid in servers.pids.values():
        seen = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        assert not [secret for secret in [*secrets, os.environ["SECRET_KEY"]] if secret.encode() in seen]


def test_nothing_secret_is_printed(started: tuple[EmbeddedServers, Embedded]) -> None:
    servers, embedded = started
    secrets = [path.read_text().strip() for path in servers.data_dir.glob("*/password")]
    assert not [secret for secret in secrets if secret in repr(embedded) + " ".join(embedded.descriptions)]
    assert len(embedded.descriptions) == 2
    assert "for trying out" in embedded.descriptions[0]


def test_other_users_of_the_machine_can_read_nothing(started: tuple[EmbeddedServers, Embedded]) -> None:
    servers, _ = started
    assert servers.data_dir.stat().st_mode & 0o777 == 0o700
    open_to_others = [str(path) for path in servers.data_dir.rglob("*") if path.lstat().st_mode & 0o077]
    assert not open_to_others


def test_other_machines_can_reach_nothing(started: tuple[EmbeddedServers, Embedded]) -> None:
    servers, _ = started
    listening = {
        name: [
            connection.laddr.ip for connection in psutil.Process(pid).net_connections("inet") if not connection.raddr
        ]
        for name, pid in servers.pids.items()
    }
    assert listening == {"mongod": ["127.0.0.1"], "redis-server": []}


def test_a_second_instance_on_the_same_folder_is_refused(started: tuple[EmbeddedServers, Embedded]) -> None:
    servers, embedded = started
    with pytest.raises(EmbeddedRefused) as refused:
        EmbeddedServers(servers.data_dir).start()
    assert str(refused.value) == (
        f"{servers.data_dir} is in use by another instance (process {os.getpid()}): stop it, or choose another DATA_DIR"
    )
    assert running(servers.data_dir) == embedded, "and the first one goes on"
    assert servers.alive() == []
