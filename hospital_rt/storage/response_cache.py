"""Response cache in this process's memory, for at most a minute, valid only while nothing has changed.

The cache key contains everything that the answer depends on and is read from MongoDB at each request, so that no
answer outlives a change; answers that expire with time alone have ``until``. Never written to disk.
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
    """Valid from ``since`` until before ``until``; ``size`` is approximate, in bytes."""

    @property
    def since(self) -> datetime: ...

    @property
    def until(self) -> datetime: ...

    @property
    def size(self) -> int: ...


class CachedResponse(NamedTuple):
    """JSON text that is valid from ``since`` until before ``until``; ``rank`` is its sort key in a list."""

    text: bytes
    since: datetime
    until: datetime
    rank: Any = None

    @property
    def size(self) -> int:
        return len(self.text) + MAX_USER_BYTES


class CachedRows(NamedTuple):
    """Several responses in order, valid while all of them are."""

    rows: tuple[CachedResponse, ...]
    since: datetime
    until: datetime

    @property
    def size(self) -> int:
        return MAX_USER_BYTES + sum(row.size for row in self.rows)


class ResponseCache:
    """The newest answer for each subject; the least recently used are evicted when the size limit is exceeded."""

    def __init__(self) -> None:
        self._held: TTLCache[Hashable, tuple[Hashable, Cacheable]] = TTLCache(
            MAX_TOTAL_BYTES, ttl=MAX_AGE_S, getsizeof=lambda held: held[1].size
        )

    def get(self, what: Hashable, key: Hashable, *, now: datetime) -> Any:
        """The answer stored under this ``key``, unless it has expired; else None."""
        held = self._held.get(what)
        if held is None or held[0] != key or not held[1].since <= now < held[1].until:
            return None
        return held[1]

    def put(self, what: Hashable, key: Hashable, ready: Cacheable) -> None:
        if ready.size < MAX_TOTAL_BYTES // 100:
            self._held[what] = (key, ready)
