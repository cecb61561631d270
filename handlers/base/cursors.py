"""Pagination cursors: opaque to clients, validated when they come back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from hospital_rt.domain.clock import from_wire, to_wire
from hospital_rt.domain.errors import Invalid

T = TypeVar("T")


def write_cursor(*parts: str | int) -> str:
    """A cursor for the position after the last item of a page."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(text: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The parts given to :func:`write_cursor`.

    Raises:
        Invalid: 422: not a cursor of this list.
    """
    if text is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if isinstance(found, list) and [type(part) for part in found] == list(kinds):
            return tuple(found)
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        pass
    raise Invalid("#/cursor", "Use the cursor as it was given.")


def write_time_cursor(at: datetime, *parts: str | int) -> str:
    """A cursor of a list that is ordered by time."""
    return write_cursor(to_wire(at), *parts)


def read_time_cursor(text: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The time and the parts given to :func:`write_time_cursor`.

    Raises:
        Invalid: 422: not a cursor of this list.
    """
    found = read_cursor(text, str, *kinds)
    try:
        return (from_wire(found[0]), *found[1:]) if found else None
    except ValueError:
        raise Invalid("#/cursor", "Use the cursor as it was given.") from None


def page(items: Sequence[Any], cursor: str | None) -> dict[str, Any]:
    """The document of one page."""
    return {"items": list(items), "next": cursor}


def cut_page(found: Sequence[T], limit: int, cursor: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """Of up to ``limit`` + 1 records the first ``limit``, and the cursor after the last of them if there are more."""
    shown = found[:limit]
    return shown, cursor(shown[-1]) if len(found) > limit else None


def page_of(everything: Sequence[Any], *, cursor: str | None, limit: int) -> tuple[Sequence[Any], str | None]:
    """One page of a list that is computed completely at each request: the items and the cursor of the next page."""
    found = read_cursor(cursor, int)
    start = max(0, found[0]) if found else 0
    following = start + limit
    return everything[start:following], write_cursor(following) if following < len(everything) else None
