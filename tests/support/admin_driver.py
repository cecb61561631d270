"""The operator's words: ``python main.py admin ...``, with the settings of a test."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.admin_run import run_admin
from hospital_rt.settings import Settings
from main import make_parser

ROOT = Path(__file__).parents[2]
NAMES = ("mongo_url", "redis_url", "secret_key", "public_url", "mongo_driver", "email_verification", "erasure")


@dataclass
class Ran:
    """How a command ended and what it said."""

    code: int
    said: str
    complained: str

    @property
    def facts(self) -> Any:
        """What it said with ``--json``."""
        return json.loads(self.said)


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings of a test as a role is given them."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    given = {name.upper(): str(value) for name in NAMES if (value := getattr(settings, name))}
    keys = ",".join(settings.encryption_keys)
    return {**kept, **given, "ENCRYPTION_KEYS": keys, "DATA_DIR": str(settings.data_dir)}


async def run(*arguments: str, environment: dict[str, str], typed: str = "", cwd: Path = ROOT) -> Ran:
    """``python main.py`` with these arguments."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        *arguments,
        env=environment,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(typed.encode()), 60)
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def admin(settings: Settings, *arguments: str, typed: str = "") -> Ran:
    """One admin command beside a running service: the command itself, on a thread, with connections of its own."""

    def work() -> Ran:
        out, err, held = io.StringIO(), io.StringIO(), sys.stdin
        sys.stdin = io.StringIO(typed)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    code = run_admin(make_parser().parse_args(["admin", *arguments]), settings)
                except SystemExit as left:
                    code = int(left.code or 0)
        finally:
            sys.stdin = held
        return Ran(code, out.getvalue(), err.getvalue())

    return await asyncio.to_thread(work)
