"""Reads feeds as a user may see them, in wire format.

Access is checked at each read, by ``models.visibility``: an event is decrypted only if the feed's owner may read it
now. Other events keep their ``seq`` and come as ``withdrawn`` with empty data.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hospital_rt.domain.clock import to_wire, utcnow
from hospital_rt.domain.errors import Conflict
from hospital_rt.realtime.feed_port import Rendered
from hospital_rt.storage.field_encryption import Unreadable
from models.events import FeedEvent
from models.store import Store
from models.visibility import readable_events


class FeedReader:
    """Access to events for the hub and REST."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def _render(self, events: Sequence[FeedEvent]) -> list[tuple[FeedEvent, str]]:
        """Each event as the JSON text ``{"seq", "event", "at", "data"}`` without its opening brace."""
        await self._store.events.load_keys(events)
        readable = await readable_events(self._store, events)
        rendered = []
        for event in events:
            name, data = "withdrawn", "{}"
            if event.id in readable:
                with contextlib.suppress(Unreadable):
                    data, name = self._store.events.open_text(event), event.event
            rendered.append((event, f'"seq":{event.seq},"event":"{name}","at":"{to_wire(event.at)}","data":{data}}}'))
        return rendered

    async def after(self, user_id: str, seq: int, *, limit: int) -> list[Rendered]:
        """A page of the events after ``seq``, as frames."""
        events = await self._store.events.after(user_id, seq, limit=limit)
        return [_frame(event, text) for event, text in await self._render(events)]

    async def after_each(self, heads: dict[str, int], *, limit: int) -> dict[str, list[Rendered]]:
        """The events after each user's ``seq``, as frames: ``limit`` in all; a full batch may have more to follow."""
        found: dict[str, list[Rendered]] = {}
        for event, text in await self._render(await self._store.events.after_each(heads, limit=limit)):
            found.setdefault(event.user_id, []).append(_frame(event, text))
        return found

    async def page(self, user_id: str, seq: int, *, limit: int) -> tuple[list[Any], list[str]]:
        """A page of the events after ``seq``, as documents for REST, and the users whose data they show."""
        rendered = await self._render(await self._store.events.after(user_id, seq, limit=limit))
        items = [json.loads("{" + text) for _, text in rendered]
        about = [event.about for (event, _), item in zip(rendered, items, strict=True) if item["data"]]
        return items, about

    async def newest_of(self, user_ids: list[str]) -> dict[str, int]:
        return await self._store.events.newest_of(user_ids)

    async def dead_sessions(self, session_ids: list[str]) -> set[str]:
        return set(session_ids) - await self._store.sessions.alive(session_ids, now=utcnow())

    async def mark_seen(self, user_ids: list[str], *, at: datetime) -> None:
        await self._store.users.mark_seen(user_ids, at=at)

    async def epoch(self) -> str:
        return await self._store.epoch(fresh=True)

    def drop_cached_key(self, user_id: str) -> None:
        self._store.vault.drop_cached_key(user_id)

    async def resume(self, user_id: str, *, after: int, epoch: str | None) -> tuple[str, int]:
        """``(epoch, newest seq)`` of the feed, if it can be resumed after ``after``.

        Raises:
            DomainError: ``reset``: another epoch, ahead of the feed, or older than the retention.
        """
        present = await self._store.epoch(fresh=True)
        newest = await self._store.events.newest(user_id)
        if (epoch != present and (after > 0 or epoch is not None)) or after > newest:
            raise Conflict("reset")
        if after < newest:
            following = await self._store.events.after(user_id, after, limit=1)
            if not following or following[0].seq != after + 1:
                raise Conflict("reset")
        return present, newest


def _frame(event: FeedEvent, text: str) -> Rendered:
    return Rendered(event.seq, ('{"type":"event",' + text).encode())
