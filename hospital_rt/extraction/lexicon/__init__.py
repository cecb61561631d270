"""Data about language: one YAML file a subject, one folder a language. ``load("en", "sections")`` reads one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "es", "fr")
"""Languages that have a lexicon. A note in another gives no steps."""

_FOLDER = Path(__file__).parent


@cache
def load(language: str, name: str) -> Any:
    """The contents of ``lexicon/<language>/<name>.yaml``, read once.

    Raises:
        FileNotFoundError: the language has no such file.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((_FOLDER / language / f"{name}.yaml").read_text("utf-8"), Loader=loader)  # noqa: S506 safe loaders
