"""Web Push subscriptions of a user's devices, and the one-time tokens in the messages to them.

Endpoints and keys are stored encrypted, tokens as hashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pymongo import ASCENDING, IndexModel, ReturnDocument

from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document
from hospital_rt.storage.field_encryption import Vault

MAX_EACH = 10
ANSWER_TOKEN_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One device. ``pushed`` is the ``seq`` up to which it has received a push; ``failures`` counts the pushes
    since then that were not taken.
    """

    id: str
    user_id: str
    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)
    created_at: datetime
    pushed: int
    failures: int = 0


class Subscriptions:
    """The collection ``subscriptions``."""

    INDEXES = [IndexModel([("user_id", ASCENDING)])]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._subscriptions = collection
        self._vault = vault

    async def _read(self, row: Document) -> Subscription | None:
        context = f"subscriptions|{row['_id']}|device"
        held = await self._vault.open_if_readable(row["user_id"], context, row["sealed_device"])
        return read_document(Subscription, row, **held) if held else None

    async def add(
        self,
        *,
        id: str,
        user_id: str,
        endpoint: str,
        p256dh: str,
        auth: str,
        pushed: int,
        now: datetime,
        session: Session | None = None,
    ) -> bool:
        """Add a device, or update its keys. False when the user has too many."""
        if (
            await self._subscriptions.count_documents({"user_id": user_id, "_id": {"$ne": id}}, session=session)
            >= MAX_EACH
        ):
            return False
        sealed = await self._vault.seal(
            user_id, f"subscriptions|{id}|device", {"endpoint": endpoint, "p256dh": p256dh, "auth": auth}
        )
        await self._subscriptions.replace_one(
            {"_id": id},
            {
                "_id": id,
                "user_id": user_id,
                "sealed_device": sealed,
                "created_at": now,
                "pushed": pushed,
                "held_until": now,
            },
            upsert=True,
            session=session,
        )
        return True

    async def of_user(self, user_id: str) -> list[Subscription]:
        cursor = self._subscriptions.find({"user_id": user_id}).sort("created_at", 1)
        return [found async for row in cursor if (found := await self._read(row))]

    async def delete(self, id: str, *, user_id: str | None = None) -> bool:
        wanted = {"_id": id} if user_id is None else {"_id": id, "user_id": user_id}
        return bool((await self._subscriptions.delete_one(wanted)).deleted_count)

    async def delete_all(self, user_id: str, *, session: Session | None = None) -> None:
        await self._subscriptions.delete_many({"user_id": user_id}, session=session)

    async def subscribers(self, *, after: str, limit: int) -> list[str]:
        """A page of users with a device, by id."""
        pipeline_cursor = self._subscriptions.find({"user_id": {"$gt": after}}, {"user_id": 1}).sort("user_id", 1)
        return sorted({row["user_id"] async for row in pipeline_cursor.limit(limit)})

    async def claim(self, subscription: Subscription, *, now: datetime, lease_s: float) -> bool:
        """Claim a device for a push. False when another worker has it, or has just pushed."""
        return await self._subscriptions.update_if(
            {"_id": subscription.id, "pushed": subscription.pushed, "held_until": {"$lte": now}},
            {"$set": {"held_until": now + timedelta(seconds=lease_s)}},
        )

    async def pushed(self, id: str, *, seq: int) -> None:
        await self._subscriptions.update_one({"_id": id}, {"$max": {"pushed": seq}, "$unset": {"failures": ""}})

    async def defer(self, id: str, *, until: datetime) -> None:
        """Leave a device alone until then, after a push that was not taken."""
        await self._subscriptions.update_one({"_id": id}, {"$set": {"held_until": until}, "$inc": {"failures": 1}})


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerToken:
    """One slot that may be answered once. ``claimed_before``: an earlier request began with the same outcome;
    ``finished``: and completed it.
    """

    user_id: str
    step_id: str
    slot_at: datetime
    claimed_before: bool
    finished: bool = False


class AnswerTokens:
    """The collection ``answer_tokens``, by hash."""

    INDEXES = [
        IndexModel([("user_id", ASCENDING)]),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expired"),
    ]

    def __init__(self, collection: Collection) -> None:
        self._tokens = collection

    async def make(self, token_hash: str, *, user_id: str, step_id: str, slot_at: datetime, now: datetime) -> None:
        await self._tokens.insert_one(
            {
                "_id": token_hash,
                "user_id": user_id,
                "step_id": step_id,
                "slot_at": slot_at,
                "expires_at": now + ANSWER_TOKEN_LIFE,
            }
        )

    async def claim(self, token_hash: str, *, outcome: str, now: datetime) -> AnswerToken | None:
        """Bind the token to its first outcome. None when it is unknown, has expired, or has another outcome."""
        row = await self._tokens.find_one_and_update(
            {"_id": token_hash, "expires_at": {"$gt": now}, "outcome": {"$in": [None, outcome]}},
            {"$set": {"outcome": outcome}},
            return_document=ReturnDocument.BEFORE,
        )
        if row is None:
            return None
        return read_document(AnswerToken, row, claimed_before=row.get("outcome") == outcome)

    async def finish(self, token_hash: str) -> None:
        await self._tokens.update_one({"_id": token_hash}, {"$set": {"finished": True}})

    async def revoke(self, token_hash: str) -> None:
        await self._tokens.delete_one({"_id": token_hash})

    async def revoke_all(self, user_id: str, *, session: Session | None = None) -> None:
        await self._tokens.delete_many({"user_id": user_id}, session=session)
