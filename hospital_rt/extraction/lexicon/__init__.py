"""Data about language: one YAML file a subject, one folder a language. ``load("en", "sections")`` reads one."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "es", "fr")
"""Languages that have a lexicon. A note in another gives no steps."""

_FOLDER = Path(__file__).parent


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The C parser where there is one, with the booleans of YAML 1.2: "on" and "no" are words."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not (tag.endswith(":bool") and first in "oOyYnN")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@cache
def load(*path: str) -> Any:
    """The contents of a file: ``load("en", "dose")`` or ``load("medicines")``. Read once.

    Raises:
        FileNotFoundError: there is no such file.
    """
    text = _FOLDER.joinpath(*path).with_suffix(".yaml").read_text("utf-8")
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
