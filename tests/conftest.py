"""Real servers for the tests: one private MongoDB and Redis a test process, a database of its own for each test."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import pytest_asyncio
import redis
from pymongo import MongoClient

from hospital_rt.logs import configure_logging
from hospital_rt.runtime.embedded_servers import Embedded, EmbeddedServers
from hospital_rt.settings import Settings
from tests.support.driver import NOON, Clinic, free_port, open_clinic, test_settings
from tests.support.model_server import ModelServer
from tests.support.patience import allowed
from tests.support.processes import System, open_system

# The same examples in each run: what is found anew is found by `make faults`, which asks for fresh ones.
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.load_profile("same")
MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
ROOM_BYTES = 2 * 2**30


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    """Log as the service does, and only what is wrong."""
    configure_logging(form="json", level="error")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """The real mongod and redis-server of this test process."""
    with quick_folder(tmp_path_factory) as folder:
        running = EmbeddedServers(folder)
        yield running.start()
        running.stop(timeout_s=0)


@contextlib.contextmanager
def quick_folder(factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A private folder in memory where there is room, else on disk: each acknowledged write waits for its journal, and
    on a disk that others use too, that wait is most of a test. What lives through a power cut is tested elsewhere.

    The folder is locked while it is in use; those of test processes that were killed are removed.
    """
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        yield factory.mktemp("servers")
        return
    for left in MEMORY.glob("hospital_rt-tests-*"):
        with contextlib.suppress(OSError), locked(left):
            shutil.rmtree(left)
    folder = Path(mkdtemp(prefix="hospital_rt-tests-", dir=MEMORY))
    with locked(folder):
        yield folder
        shutil.rmtree(folder)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process.

    Raises:
        BlockingIOError: another process holds it.
    """
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(held)


@contextlib.contextmanager
def own_database(servers: Embedded) -> Iterator[str]:
    """The address of a database of its own; it is dropped afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    yield (servers.mongo_url or "").replace("/hospital_rt?", f"/{name}?")
    client: MongoClient[Any]
    with MongoClient(servers.mongo_url) as client:
        client.drop_database(name)


def asked_of(model: ModelServer) -> dict[str, Any]:
    """The settings that have this model asked."""
    return {
        "openai_api_key": "sk-test",
        "openai_base_url": model.base_url,
        "openai_model": "stand-in",
        "openai_timeout_seconds": allowed(5),
    }


LONG_FOLDERS = ("processes", "security", "ledger", "faults")


@pytest.fixture
def mongo_url(servers: Embedded) -> Iterator[str]:
    with own_database(servers) as url:
        yield url


@pytest.fixture
def redis_url(servers: Embedded) -> Iterator[str]:
    """An empty Redis."""
    yield servers.redis_url or ""
    client = redis.Redis.from_url(servers.redis_url or "")
    client.flushall()
    client.close()


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    """A language model's endpoint that answers as it is told; by the offline rules when it is not told."""
    async with ModelServer() as server:
        yield server


@pytest.fixture
def changes(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings that a test wants otherwise: ``@pytest.mark.settings(step_review="required")``."""
    found = request.node.get_closest_marker("settings")
    return dict(found.kwargs) if found else {}


@pytest.fixture
def settings(mongo_url: str, redis_url: str, tmp_path: Path, model: ModelServer, changes: dict[str, Any]) -> Settings:
    values = {"mongo_url": mongo_url, "redis_url": redis_url, **asked_of(model), **changes}
    if "openai_timeout_seconds" in changes:
        values["openai_timeout_seconds"] = allowed(changes["openai_timeout_seconds"])
    return test_settings(data_dir=tmp_path / "data", **values)


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Any:
    """Another machine: an empty database, a data folder and an address of its own, with the same secrets."""
    name, port = f"test_{uuid4().hex[:12]}", free_port()
    here = settings.mongo_url or ""
    url = here.replace(here.rsplit("/", 1)[1].split("?")[0], name)
    yield settings.model_copy(
        update={
            "mongo_url": url,
            "data_dir": tmp_path / "elsewhere",
            "port": port,
            "public_url": f"http://127.0.0.1:{port}",
        }
    )
    with MongoClient[dict[str, Any]](url) as client:
        client.drop_database(name)


@pytest.fixture
async def clinic(settings: Settings, model: ModelServer) -> AsyncIterator[Clinic]:
    """A web server with its records and a clock that is set: Monday 1 March 2027, noon UTC."""
    async with open_clinic(settings, model) as opened:
        yield opened


# A clinic that the tests of a module share: nearly all of them need nothing but people of their own.


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that uses the ward runs in the loop in which the ward's server runs. Some folders are long as a whole."""
    for item in items:
        if item.path.parent.name in LONG_FOLDERS and not item.get_closest_marker("helm"):
            item.add_marker(pytest.mark.long)
        if "ward" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _shared(servers: Embedded, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    async with ModelServer() as model:
        with own_database(servers) as mongo_url:
            settings = test_settings(
                mongo_url=mongo_url,
                redis_url=servers.redis_url or "",
                data_dir=tmp_path_factory.mktemp("ward"),
                **asked_of(model),
            )
            async with open_clinic(settings, model) as opened:
                yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def ward(_shared: Clinic) -> AsyncIterator[Clinic]:
    """The clinic that a module's tests share, its clock back at noon. Its people are each test's own, and what an
    earlier test left waiting waits for ever.
    """
    _shared.set_clock(NOON)
    _shared.model.script.clear()
    for name in ("notes", "steps"):
        await _shared.app.resources.database.collection(name).update_many(
            {"wake_at": {"$exists": True}}, {"$unset": {"wake_at": 1}}
        )
    yield _shared


@pytest.fixture
async def system(tmp_path: Path, mongo_url: str, redis_url: str) -> AsyncIterator[System]:
    """Roles of this test, on a database of its own."""
    async with open_system(tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url) as opened:
        yield opened
        assert not opened.complaints()
