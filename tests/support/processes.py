"""The system as it really runs: each role a process of its own, started, watched, paused, killed and stopped by pid.

``System`` has one database, one Redis, one set of keys and as many roles as a test wants; ``Command`` is any
``python main.py ...``. Secrets go in by file, and nothing of the developer's own environment or ``.env`` gets in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from hospital_rt.runtime.child_process import end_with_parent
from hospital_rt.runtime.supervisor import READY_FD
from tests.support.driver import SECRET, Front, free_port
from tests.support.patience import allowed

ROOT = Path(__file__).parents[2]
START_WITHIN_S = 30.0
STOP_WITHIN_S = 10.0
"""What the contract promises."""


async def happens(check: Callable[[], Any], what: str, *, within_s: float = 10.0) -> Any:
    """Wait until ``check``, plain or asynchronous, gives something true, and give it back."""
    deadline = time.monotonic() + allowed(within_s)
    while True:
        found = check()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"did not happen within {within_s} s: {what}"
        await asyncio.sleep(0.02)  # looks again, with a deadline


class Command:
    """One running ``python ...``, or another program. What it says and what it logs lie in two files."""

    def __init__(
        self,
        arguments: list[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        name: str = "command",
        program: str = sys.executable,
    ) -> None:
        self.name = name
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        reader, writer = os.pipe()
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                end_with_parent([program, *arguments]),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **environment, READY_FD: str(writer)},
                pass_fds=[writer],
                start_new_session=True,
            )
        os.close(writer)
        os.set_blocking(reader, False)
        self._ready_fd: int | None = reader

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def said(self) -> str:
        """What stands on its terminal so far."""
        return self.out.read_text(errors="replace")

    @property
    def logged(self) -> str:
        """What it wrote to standard error so far."""
        return self.err.read_text(errors="replace")

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    async def says(self, words: str, *, within_s: float = START_WITHIN_S) -> str:
        """Wait for these words on its terminal; the line they stand in."""

        def line() -> str | None:
            found = next((one for one in self.said.splitlines() if words in one), None)
            assert found or self.runs, f"{self.name} ended with {self.process.returncode}:\n{self.said}\n{self.logged}"
            return found

        return str(await happens(line, f"{self.name} says {words!r}", within_s=within_s))

    async def ready(self, *, within_s: float = START_WITHIN_S) -> None:
        """Wait until the role says, as it does to its supervisor, that it serves."""

        def spoke() -> bool:
            if self._ready_fd is None:
                return True
            with contextlib.suppress(BlockingIOError):
                if os.read(self._ready_fd, 16):
                    self._close_pipe()
                    return True
            assert self.runs, f"{self.name} ended with {self.process.returncode}:\n{self.logged}"
            return False

        await happens(spoke, f"{self.name} is ready", within_s=within_s)

    async def ended(self, *, within_s: float = STOP_WITHIN_S) -> int:
        """Wait for its end; the exit code."""
        await happens(lambda: not self.runs, f"{self.name} ends", within_s=within_s)
        self._close_pipe()
        return int(self.process.returncode)

    async def stop(self, *, within_s: float = STOP_WITHIN_S) -> int:
        """SIGTERM, and the exit code."""
        self.send(signal.SIGTERM)
        return await self.ended(within_s=within_s)

    def send(self, number: int) -> None:
        if self.runs:
            self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, at once and without a last word."""
        self.send(signal.SIGKILL)
        self.process.wait()
        self._close_pipe()

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def end_for_good(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.runs:
            self.resume()
            self.send(signal.SIGTERM)
            try:
                self.process.wait(allowed(3))
            except subprocess.TimeoutExpired:
                self.send(signal.SIGKILL)
        self.process.wait()
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._ready_fd is not None:
            os.close(self._ready_fd)
            self._ready_fd = None


class Role(Command):
    """A web, worker or scheduler process; ``base`` is where a web process listens."""

    def __init__(self, role: str, *, folder: Path, environment: Mapping[str, str], name: str, base: str = "") -> None:
        super().__init__([str(ROOT / "main.py"), role], folder=folder, environment=environment, name=name)
        self.role, self.base = role, base


class Model:
    """The stand-in language model as a process; told what to do over HTTP."""

    def __init__(self, folder: Path, port: int) -> None:
        self.command = Command(
            ["-m", "tests.support.model_server", "--port", str(port)],
            folder=folder,
            name="model",
            environment={"PYTHONPATH": str(ROOT)},
        )
        self.base = f"http://127.0.0.1:{port}"

    async def _control(self, body: dict[str, Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = await fetch_json(f"{self.base}/control", body)
        return found

    async def started(self) -> Model:
        await self.command.says("stand-in model")
        return self

    async def will(self, *script: dict[str, Any]) -> None:
        """The next answers, one a call; then the default again."""
        await self._control({"script": list(script)})

    async def always(self, behaviour: dict[str, Any]) -> None:
        await self._control({"default": behaviour})

    async def calls(self) -> int:
        return int((await self._control())["calls"])


class System:
    """Roles on one database and one Redis, as compose would run them."""

    def __init__(self, folder: Path, *, mongo_url: str, redis_url: str, **changes: Any) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.mongo_url, self.redis_url = mongo_url, redis_url
        self.encryption_key = Fernet.generate_key().decode()
        self.first_port = free_port()
        self.roles: list[Role] = []
        self.model: Model | None = None
        self._count = 0
        self._settings = {"log_level": "warning", "rate_limits": "off", "doctor_signup": "open", **changes}
        for key, value in (
            ("secret_key", SECRET),
            ("encryption_keys", self.encryption_key),
            ("mongo_url", mongo_url),
            ("redis_url", redis_url),
        ):
            self.put(key, value)

    def put(self, setting: str, value: str) -> Path:
        """The file that a secret setting is read from."""
        path = self.folder / setting
        path.write_text(value + "\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def environment(self, **changes: Any) -> dict[str, str]:
        """Every setting of a role, the secret ones by file. A setting that is None is left out."""
        values: dict[str, Any] = {
            "data_dir": self.folder / "data",
            "public_url": f"http://127.0.0.1:{self.first_port}",
            "step_review": "auto",
            **self._settings,
        }
        for key in ("secret_key", "encryption_keys", "mongo_url", "redis_url"):
            values[f"{key}_file"] = self.folder / key
        if self.model is not None:
            values |= {"openai_base_url": f"{self.model.base}/v1", "openai_model": "stand-in"}
        values |= changes
        return {key.upper(): str(value) for key, value in values.items() if value is not None}

    async def with_model(self) -> Model:
        """Have the notes of roles that start from now on read by a stand-in model in a process of its own."""
        self.model = Model(self.folder, free_port())
        return await self.model.started()

    def launch(self, role: str, **changes: Any) -> Role:
        """Start a role; it is not ready yet."""
        self._count += 1
        base = ""
        if role == "web":
            port = changes.setdefault("port", self.first_port if not self.webs else free_port())
            base = f"http://127.0.0.1:{port}"
        started = Role(
            role, folder=self.folder, environment=self.environment(**changes), name=f"{role}-{self._count}", base=base
        )
        self.roles.append(started)
        return started

    async def start(self, *roles: str, **changes: Any) -> list[Role]:
        """Start roles at once and wait until each is ready."""
        started = [self.launch(role, **changes) for role in roles]
        for one in started:
            await one.ready()
        return started

    async def again(self, role: Role) -> Role:
        """Start a role that has died, where it was."""
        self.roles.remove(role)
        changes = {"port": role.base.rpartition(":")[2]} if role.role == "web" else {}
        started = self.launch(role.role, **changes)
        await started.ready()
        return started

    @property
    def webs(self) -> list[Role]:
        return [role for role in self.roles if role.role == "web"]

    @property
    def workers(self) -> list[Role]:
        return [role for role in self.roles if role.role == "worker"]

    def front(self, number: int = 0) -> Front:
        """What people do at the door of the first web process, or of another."""
        return Front(self.webs[number].base)

    def complaints(self) -> list[str]:
        """Tracebacks and errors that any role has logged, which none should."""
        found = []
        for path in sorted(self.folder.glob("*.err")):
            for line in path.read_text(errors="replace").splitlines():
                if "Traceback" in line or '"level": "error"' in line or '"level": "critical"' in line:
                    found.append(f"{path.stem}: {line}")
        return found

    def close(self) -> None:
        for role in self.roles:
            role.end_for_good()
        # What a killed role had begun would keep the database from being dropped for a minute.
        with contextlib.suppress(PyMongoError), MongoClient[Any](self.mongo_url, timeoutMS=2000) as client:
            client.admin.command("killAllSessions", [])
        if self.model is not None:
            self.model.command.end_for_good()


@contextlib.asynccontextmanager
async def open_system(folder: Path, *, mongo_url: str, redis_url: str, **changes: Any) -> AsyncIterator[System]:
    """A system with no role running yet; whatever it started is gone afterwards."""
    system = System(folder, mongo_url=mongo_url, redis_url=redis_url, **changes)
    try:
        yield system
    finally:
        system.close()


async def fetch_json(url: str, body: Any = None) -> Any:
    """GET, or POST a body; the JSON of the answer."""
    request = HTTPRequest(
        url,
        method="GET" if body is None else "POST",
        body=None if body is None else json.dumps(body),
        request_timeout=allowed(10),
    )
    response = await AsyncHTTPClient().fetch(request, raise_error=False)
    return json.loads(response.body)


def run_main(
    *arguments: str, environment: Mapping[str, str], folder: Path, stdin: str | None = None, timeout_s: float = 60
) -> subprocess.CompletedProcess[str]:
    """A command of ``main.py`` from start to end, as from a shell that has only these settings."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        cwd=folder,
        env={**kept, **environment},
        text=True,
        input=stdin if stdin is not None else "",
        capture_output=True,
        timeout=allowed(timeout_s),
        check=False,
    )


def plain_settings(folder: Path, **more: Any) -> dict[str, str]:
    """The settings of ``all`` and ``demo``: almost none."""
    values = {"data_dir": folder / "data", "port": free_port(), "log_level": "warning", "step_review": "auto", **more}
    return {key.upper(): str(value) for key, value in values.items()}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
