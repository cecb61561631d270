"""The version of this code: ``version`` in pyproject.toml, and the revision that the image was built from."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path

UNKNOWN = "unknown"


@cache
def version() -> str:
    """The version of the nearest pyproject.toml above this file; ``unknown`` where there is none."""
    for folder in Path(__file__).resolve().parents:
        try:
            return str(tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
        except (OSError, KeyError, tomllib.TOMLDecodeError):
            continue
    return UNKNOWN


def revision() -> str:
    """The commit, from the build argument of the image."""
    return os.environ.get("HOSPITAL_RT_REVISION", "").strip() or UNKNOWN


def versions() -> dict[str, str]:
    """For operators: of ``/healthz`` and ``--version``."""
    return {"version": version(), "revision": revision()}
