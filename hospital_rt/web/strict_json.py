"""Strict JSON: RFC 8259 without the parts on which parsers disagree.

UTF-8 without a byte order mark, no duplicate members, no NaN or infinity, at most 32 levels, no number that does not
fit a double. Strings with NUL or lone surrogates are valid JSON and refused as values.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from hospital_rt.domain.errors import FieldError
from hospital_rt.web.problems import Problem

MAX_DEPTH = 32
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class NotJson(Exception):
    """The text is not JSON that this service accepts."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson
    return found


def _refuse(_text: str) -> Any:
    raise NotJson


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJson
    return value


def _short_integer(text: str) -> int:
    if len(text) > 20:
        raise NotJson
    return int(text)


def parse_json(body: bytes) -> Any:
    """Parse bytes as JSON.

    Raises:
        NotJson: not UTF-8, not JSON, too deep, or ambiguous between parsers.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_members,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_short_integer,
        )
    except (ValueError, RecursionError):
        raise NotJson from None
    _check_depth(value, 0)
    return value


def _check_depth(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotJson
    if isinstance(value, dict):
        for inner in value.values():
            _check_depth(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_depth(inner, depth + 1)


def is_storable(text: str) -> bool:
    """Whether the string can be stored and encrypted (no NUL, no lone surrogates)."""
    return not _UNSTORABLE.search(text)


def check_storable(value: Any, pointer: str = "#") -> None:
    """Refuse strings that cannot be stored or encrypted.

    Raises:
        Problem: 422 with a pointer to the first of them.
    """
    if isinstance(value, str):
        if not is_storable(value):
            detail = "Contains a character that cannot be stored."
            raise Problem("invalid", errors=(FieldError(pointer, detail),))
    elif isinstance(value, dict):
        for key, inner in value.items():
            shown = key.replace("~", "~0").replace("/", "~1")
            if not is_storable(key):
                raise Problem("invalid", errors=(FieldError(pointer, "A member's name cannot be stored."),))
            check_storable(inner, f"{pointer}/{shown}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            check_storable(inner, f"{pointer}/{number}")
