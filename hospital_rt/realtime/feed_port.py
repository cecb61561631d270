"""What the live fan-out needs of the records: feeds as frames, and where they stand.

The kernel says what it needs; the records above give it (``models/feed_reader.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Feeds(Protocol):
    """What the hub needs of the records: rendered events for a viewer, and where feeds stand."""

    async def after(self, user_id: str, seq: int, *, limit: int) -> list[Rendered]: ...

    async def after_each(self, heads: dict[str, int], *, limit: int) -> dict[str, list[Rendered]]: ...

    async def newest_of(self, user_ids: list[str]) -> dict[str, int]: ...

    async def dead_sessions(self, session_ids: list[str]) -> set[str]: ...

    async def saw(self, user_ids: list[str], *, at: datetime) -> None: ...

    async def epoch(self) -> str: ...

    def forget(self, user_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """One event as its reader gets it: the frame's text, encoded once for all sockets."""

    seq: int
    frame: bytes = field(repr=False)
