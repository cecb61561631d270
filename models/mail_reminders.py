"""Mail reminders: patients who asked for a letter when no page of theirs has displayed a reminder.

Each event of a feed is examined once, and a slot has at most one letter: ``examined_seq`` is the ``seq`` up to which
events were examined, ``last_slots`` has the newest slot of each step with a letter. Neither holds clinical text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from pymongo import ASCENDING, IndexModel

from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document

MAX_REFUSED = 3  # consecutive letters that the mail server refused for good
MAX_TOLD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReminder:
    """One patient's subscription. ``link_id`` is the id of the unsubscribe link."""

    user_id: str
    link_id: str
    since: datetime
    examined_seq: int
    last_slots: Mapping[str, str]  # step id to slot, in wire format


class MailReminders:
    """The collection ``mail_reminders``, by user."""

    INDEXES = [IndexModel([("link_id", ASCENDING)], unique=True)]

    def __init__(self, collection: Collection) -> None:
        self._subscriptions = collection

    async def get(self, user_id: str, *, session: Session | None = None) -> MailReminder | None:
        row = await self._subscriptions.find_one({"_id": user_id}, session=session)
        if row is None:
            return None
        return read_document(MailReminder, row, user_id=row["_id"], examined_seq=row["judged"], last_slots=row["told"])

    async def subscribe(self, user_id: str, *, seq: int, now: datetime, session: Session) -> None:
        """Subscribe from the newest ``seq`` on. Idempotent."""
        first = {"link_id": str(uuid4()), "since": now, "judged": seq, "told": {}, "refused": 0}
        await self._subscriptions.update_one({"_id": user_id}, {"$setOnInsert": first}, upsert=True, session=session)

    async def unsubscribe(self, user_id: str, *, session: Session | None = None) -> bool:
        return bool((await self._subscriptions.delete_one({"_id": user_id}, session=session)).deleted_count)

    async def of_link(self, link_id: str) -> str | None:
        """The user whose subscription an unsubscribe link ends; None when it has ended."""
        row: Document | None = await self._subscriptions.find_one({"link_id": link_id}, {"_id": 1})
        return row["_id"] if row else None

    async def subscribers(self, *, after: str, limit: int) -> list[str]:
        """A page of subscribed users, by id."""
        rows = self._subscriptions.find({"_id": {"$gt": after}}, {"_id": 1}).sort("_id", 1).limit(limit)
        return [row["_id"] async for row in rows]

    async def mark_examined(
        self, subscription: MailReminder, *, seq: int, letters_for: Mapping[str, str], session: Session
    ) -> None:
        """Record that events up to ``seq`` are examined, and that these slots have their letter."""
        kept = {step: slot for step, slot in subscription.last_slots.items() if step not in letters_for}
        newest = {**kept, **letters_for}
        while len(newest) > MAX_TOLD:
            newest.pop(next(iter(newest)))
        await self._subscriptions.update_one(
            {"_id": subscription.user_id}, {"$set": {"judged": seq, "told": newest}}, session=session
        )

    async def record_accepted(self, user_id: str) -> None:
        """The mail server accepted a letter."""
        await self._subscriptions.update_one({"_id": user_id}, {"$set": {"refused": 0}})

    async def record_refused(self, user_id: str) -> None:
        """The mail server refused this address for good; after several in a row the subscription ends."""
        await self._subscriptions.update_one({"_id": user_id}, {"$inc": {"refused": 1}})
        await self._subscriptions.delete_one({"_id": user_id, "refused": {"$gte": MAX_REFUSED}})
