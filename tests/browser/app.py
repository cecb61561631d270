"""The real system for the browser: ``python main.py demo`` in a process and a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.patience import allowed

ROOT = Path(__file__).parents[2]
PASSWORD = "a quiet walk by the sea"
START_WITHIN_S = 60.0


def eventually(look: Callable[[], Any], what: str, *, within_s: float = 20.0) -> Any:
    """What ``look`` finds, once it finds something."""
    deadline = time.monotonic() + allowed(within_s)
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"did not happen within {within_s} s: {what}"
        time.sleep(0.03)  # looks again, with a deadline


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Person:
    """A user with an account, and their REST calls for what a test only needs to have happened."""

    app: House
    id: str
    name: str
    email: str
    password: str
    access: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.app.call(method, path, body, token=self.access)

    @property
    def first(self) -> str:
        return self.name.split()[0]


class House:
    """One running system, by ``python main.py COMMAND``. ``settings``: environment variables beside a demo's own."""

    def __init__(self, folder: Path, command: str = "demo", **settings: str) -> None:
        self.folder = folder
        self.command = command
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
        with (self.folder / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "main.py"), self.command],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **kept,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "DATA_DIR": str(self.folder / "data"),
                    "PORT": str(self.port),
                    "RATE_LIMITS": "off",
                    **self.settings,
                },
            )
        eventually(self._ready, f"the system is ready: {self.log()[-2000:]}", within_s=START_WITHIN_S)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        with contextlib.suppress(OSError):
            return (self.folder / "demo.log").read_text(errors="replace")
        return ""

    def _ready(self) -> bool:
        assert self.process and self.process.poll() is None, f"the system has ended: {self.log()[-2000:]}"
        # Our own server.
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
        return False

    # People

    def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own server
            text = answer.read()
        return json.loads(text) if text else None

    def sign_in(self, email: str, password: str) -> Person:
        tokens = self.call("POST", "token/", {"email": email, "password": password})
        user = tokens["user"]
        return Person(self, user["id"], user["name"], email, password, tokens["access"])

    def sign_up(self, role: str, name: str, *, timezone: str = "Europe/Madrid") -> Person:
        email = f"{re.sub('[^a-z]', '', name.lower())[:20]}.{uuid4().hex[:8]}@example.org"
        self.call(
            "POST",
            "signup/",
            {
                "name": name,
                "email": email,
                "password": PASSWORD,
                "role": role,
                "timezone": timezone,
            },
        )
        return self.sign_in(email, PASSWORD)

    def demo_doctor(self) -> Person:
        """The doctor whom every demo has."""
        found = eventually(lambda: re.search(r"doctor\s+(\S+@\S+)\s+(\S+)", self.log()), "the log-ins are printed")
        return self.sign_in(found[1], found[2])

    def admin(self, *words: str) -> None:
        """``python main.py admin ...`` beside the running system."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
        subprocess.run(
            [sys.executable, str(ROOT / "main.py"), "admin", *words],
            cwd=self.folder,
            check=True,
            timeout=30,
            env={**kept, "DATA_DIR": str(self.folder / "data" / "demo"), **self.settings},
            stdout=subprocess.DEVNULL,
        )

    def letters(self, to: str) -> list[str]:
        """The letters written to this address, oldest first, as text."""
        folder = self.folder / "data" / "demo" / "mail"
        found = sorted(folder.glob("*"), key=lambda path: path.stat().st_mtime) if folder.exists() else []
        texts = [_decoded(path) for path in found if path.is_file()]
        return [text for text in texts if to in text]


def _decoded(path: Path) -> str:
    from email import message_from_bytes, policy

    letter = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = letter.get_body(("plain", "html"))
    return f"{letter['To']}\n{letter['Subject']}\n{body.get_content() if body else path.read_text(errors='replace')}"
