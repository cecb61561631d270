"""Events: each user's feed, numbered 1, 2, 3, ... without a gap, in the order in which they become visible.

Counter and events are written in one transaction, which locks the feed's counter until its commit, so that a higher
``seq`` is never visible before a lower one. An event's id is derived from what happened, so that it is recorded once.
Payloads are sealed under the key of the user they are about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne

from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document
from hospital_rt.storage.field_encryption import Unreadable, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event for one user: ``about`` is the user whose key seals it, ``key`` makes it unique."""

    user_id: str
    about: str
    event: str
    key: str
    data: Document = field(repr=False)
    note_id: str | None = None
    open_to_former: bool = False  # readable for a former doctor: the end of the assignment
    via: str | None = None  # of who reads by cover or care: see models/visibility.py


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """One event of a feed; ``data`` is decrypted by :meth:`Events.open_text`."""

    id: str
    user_id: str
    about: str
    seq: int
    event: str
    at: datetime
    sealed: str = field(repr=False)
    withdrawn: bool = False
    open_to_former: bool = False
    via: str | None = None


class FeedPosition(NamedTuple):
    """Position of a feed; while it is unchanged, so are the patient's steps and reminders."""

    seq: int = 0
    moved: int = 0


class Events:
    """The collections ``events`` and ``feeds``."""

    def __init__(self, events: Collection, feeds: Collection, vault: Vault) -> None:
        self._events = events
        self._feeds = feeds
        self._vault = vault

    @staticmethod
    def indexes(retention_days: int) -> list[IndexModel]:
        return [
            IndexModel([("user_id", ASCENDING), ("seq", ASCENDING)], unique=True),
            IndexModel([("at", ASCENDING)], expireAfterSeconds=retention_days * 86_400, name="retention"),
            IndexModel([("note_id", ASCENDING)], sparse=True),
        ]

    async def append(self, new_events: Sequence[NewEvent], *, at: datetime, session: Session) -> frozenset[str]:
        """Append events to the feeds of their recipients. Returns the users to wake.

        Loads the keys of all users the events are about; events about a user without a key (erased) are skipped.
        """
        if not new_events:
            return frozenset()
        session.lock(f"feeds/{one.user_id}" for one in new_events)
        await self._vault.load_keys({one.about for one in new_events})
        sealed: list[tuple[NewEvent, str, str]] = []
        for one in new_events:
            id = f"{one.user_id}/{one.key}"
            try:
                sealed.append((one, id, self._vault.seal_loaded(one.about, f"events|{id}|data", one.data)))
            except Unreadable:
                continue
        counts = Counter(one.user_id for one, _, _ in sealed)
        if not counts:
            return frozenset()
        session.mark_announced(counts)
        newest = await self._count_on(counts, session=session)
        following = {id: newest[id] - count for id, count in counts.items()}
        rows: list[Document] = []
        for one, id, token in sealed:
            following[one.user_id] += 1
            row: Document = {
                "_id": id,
                "user_id": one.user_id,
                "about": one.about,
                "seq": following[one.user_id],
                "event": one.event,
                "at": at,
                "sealed": token,
            }
            given = {"note_id": one.note_id, "open_to_former": one.open_to_former, "via": one.via}
            rows.append(row | {name: value for name, value in given.items() if value})
        await self._events.insert_many(rows, ordered=False, session=session)
        return frozenset(counts)

    async def _count_on(self, counts: Mapping[str, int], *, session: Session) -> dict[str, int]:
        """Advance the counters of these feeds; the newest ``seq`` of each."""
        if len(counts) <= 2:
            rows = [
                await self._feeds.find_one_and_update(
                    {"_id": id},
                    {"$inc": {"seq": count}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=session,
                )
                for id, count in counts.items()
            ]
        else:
            await self._feeds.bulk_write(
                [UpdateOne({"_id": id}, {"$inc": {"seq": count}}, upsert=True) for id, count in counts.items()],
                ordered=False,
                session=session,
            )
            rows = await self._feeds.find({"_id": {"$in": list(counts)}}, session=session).to_list(None)
        return {row["_id"]: row["seq"] for row in rows}

    async def advance_positions(self, user_ids: set[str], *, session: Session) -> None:
        """Increment ``moved`` for users whose records change without an event (see ``storage/session.py``)."""
        if user_ids:
            session.lock(f"feeds/{id}" for id in user_ids)
            await self._feeds.bulk_write(
                [UpdateOne({"_id": id}, {"$inc": {"seq": 0, "moved": 1}}, upsert=True) for id in sorted(user_ids)],
                ordered=False,
                session=session,
            )

    async def newest(self, user_id: str) -> int:
        """The newest ``seq`` of the user's feed, 0 when it is empty."""
        row = await self._feeds.find_one({"_id": user_id})
        return row["seq"] if row else 0

    async def positions_of(self, user_ids: list[str]) -> dict[str, FeedPosition]:
        """The positions of these users' feeds; users without a feed are missing."""
        rows = await self._feeds.find({"_id": {"$in": user_ids}}).to_list(None)
        return {row["_id"]: FeedPosition(row["seq"], row.get("moved", 0)) for row in rows}

    async def newest_of(self, user_ids: list[str]) -> dict[str, int]:
        rows = await self._feeds.find({"_id": {"$in": user_ids}}).to_list(None)
        return {row["_id"]: row["seq"] for row in rows}

    async def after(self, user_id: str, seq: int, *, limit: int = 200) -> list[FeedEvent]:
        """The events that follow ``seq``, in order."""
        cursor = self._events.find({"user_id": user_id, "seq": {"$gt": seq}}).sort("seq", 1).limit(limit)
        return [read_document(FeedEvent, row) for row in await cursor.to_list(None)]

    async def after_each(self, heads: dict[str, int], *, limit: int = 20_000) -> list[FeedEvent]:
        """The events that follow each user's ``seq``, in order for each user: one read for many feeds."""
        clauses = [{"user_id": id, "seq": {"$gt": seq}} for id, seq in heads.items()]
        cursor = self._events.find({"$or": clauses}).sort([("user_id", 1), ("seq", 1)]).limit(limit)
        return [read_document(FeedEvent, row) for row in await cursor.to_list(None)]

    def open_text(self, event: FeedEvent) -> str:
        """The event's data as JSON text. Call :meth:`load_keys` first.

        Raises:
            Unreadable: the key of the user it is about is destroyed.
        """
        return self._vault.open_text(event.about, f"events|{event.id}|data", event.sealed)

    async def load_keys(self, events: Sequence[FeedEvent]) -> None:
        await self._vault.load_keys({event.about for event in events})

    async def withdraw_note(self, note_id: str, *, user_id: str, session: Session) -> None:
        """Close the events about a withdrawn note for the patient and all carers: they keep their ``seq``, empty."""
        await self._events.update_many(
            {"note_id": note_id, "$or": [{"user_id": user_id}, {"via": {"$in": ["care", "care-notes"]}}]},
            {"$set": {"withdrawn": True}},
            session=session,
        )

    async def shown(self, user_id: str, seq: int) -> None:
        """Record that a page of the user has displayed the feed up to ``seq``."""
        await self._feeds.update_one({"_id": user_id, "seq": {"$gte": seq}}, {"$max": {"shown": seq}})

    async def unshown(self, user_ids: list[str]) -> dict[str, int]:
        """Of these users, those with undisplayed events: the ``seq`` up to which each has displayed the feed."""
        found: dict[str, int] = {}
        async for row in self._feeds.find({"_id": {"$in": user_ids}}):
            if row.get("shown", 0) < row.get("seq", 0):
                found[row["_id"]] = row.get("shown", 0)
        return found

    async def shown_to(self, user_id: str) -> int:
        """The ``seq`` up to which the user's pages have displayed the feed."""
        row = await self._feeds.find_one({"_id": user_id})
        return row.get("shown", 0) if row else 0

    async def named(
        self, user_id: str, event: str, *, after: int, until: datetime, limit: int, newest_first: bool = False
    ) -> list[FeedEvent]:
        """A user's own events of a name later than ``after`` and not younger than ``until``, in order."""
        wanted = {"user_id": user_id, "about": user_id, "seq": {"$gt": after}, "event": event, "at": {"$lte": until}}
        cursor = self._events.find(wanted).sort("seq", -1 if newest_first else 1).limit(limit)
        return [read_document(FeedEvent, row) for row in await cursor.to_list(limit)]

    async def delete_all(self, user_id: str, *, session: Session) -> None:
        """Empty an erased user's feed; its counter stays, so that no ``seq`` is reused."""
        await self._events.delete_many({"user_id": user_id}, session=session)
