"""Port of the live fan-out to the records: feeds rendered as frames, and their newest ``seq``.

Implemented in ``models/feed_reader.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Feeds(Protocol):
    """What the hub needs from the records: events rendered for a viewer, and the newest ``seq`` of feeds."""

    async def after(self, user_id: str, seq: int, *, limit: int) -> list[Rendered]: ...

    async def after_each(self, heads: dict[str, int], *, limit: int) -> dict[str, list[Rendered]]: ...

    async def newest_of(self, user_ids: list[str]) -> dict[str, int]: ...

    async def dead_sessions(self, session_ids: list[str]) -> set[str]: ...

    async def mark_seen(self, user_ids: list[str], *, at: datetime) -> None: ...

    async def epoch(self) -> str: ...

    def drop_cached_key(self, user_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """One event rendered for its user: the text of the frame, encoded once for all sockets."""

    seq: int
    frame: bytes = field(repr=False)
