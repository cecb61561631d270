"""Ready answers, kept in this process's memory for a minute at most, and only while they are the newest.

Whoever keeps one says what it was made from: the key holds everything that it depends on and is read from MongoDB anew
at each request, so that nothing here can outlive a change; what lapses with time alone has its ``until``. Never
written anywhere.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from cachetools import TTLCache

MAX_AGE_S = 60.0
MAX_TOTAL_BYTES = 32 * 1024 * 1024
MAX_USER_BYTES = 500
FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Cacheable(Protocol):
    """What is right from ``since`` until before ``until``; ``size`` in bytes, roughly."""

    @property
    def since(self) -> datetime: ...

    @property
    def until(self) -> datetime: ...

    @property
    def size(self) -> int: ...


class CachedResponse(NamedTuple):
    """JSON text that is right from ``since`` until before ``until``; ``rank`` is its place among others."""

    text: bytes
    since: datetime
    until: datetime
    rank: Any = None

    @property
    def size(self) -> int:
        return len(self.text) + MAX_USER_BYTES


class CachedRows(NamedTuple):
    """Several of them in their order, right while all of them are."""

    rows: tuple[CachedResponse, ...]
    since: datetime
    until: datetime

    @property
    def size(self) -> int:
        return MAX_USER_BYTES + sum(row.size for row in self.rows)


class ResponseCache:
    """Ready answers by what they are of: one each, the newest; the longest unused go first when there are too many."""

    def __init__(self) -> None:
        self._held: TTLCache[Hashable, tuple[Hashable, Cacheable]] = TTLCache(
            MAX_TOTAL_BYTES, ttl=MAX_AGE_S, getsizeof=lambda held: held[1].size
        )

    def get(self, what: Hashable, key: Hashable, *, now: datetime) -> Any:
        """The answer stored for this ``key``, if its time is not over; else None."""
        held = self._held.get(what)
        if held is None or held[0] != key or not held[1].since <= now < held[1].until:
            return None
        return held[1]

    def put(self, what: Hashable, key: Hashable, ready: Cacheable) -> None:
        if ready.size < MAX_TOTAL_BYTES // 100:
            self._held[what] = (key, ready)
