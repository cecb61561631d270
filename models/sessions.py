"""Sessions: signed-in devices, each a family of refresh tokens with one unspent token.

RFC 9700 section 4.14.2: a refresh token is spent once; reused within the grace time it gets the same successor (two
tabs, a lost answer), reused later it ends the family.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from pymongo import ASCENDING, IndexModel

from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document

GRACE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSession:
    """One signed-in device.

    Args:
        generation: of the unspent refresh token.
        provider: the identity provider's session that it began with, None for a sign-in here.
    """

    id: str
    user_id: str
    nonce: str = field(repr=False)
    generation: int
    rotated_at: datetime
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime
    ended_at: datetime | None = None
    provider: str | None = None
    sealed_device: str | None = field(default=None, repr=False)


class Sessions:
    """The collection ``sessions``."""

    INDEXES = [
        IndexModel([("user_id", ASCENDING), ("ended_at", ASCENDING)]),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
        IndexModel([("provider", ASCENDING)], partialFilterExpression={"provider": {"$type": "string"}}),
    ]

    def __init__(self, collection: Collection) -> None:
        self._sessions = collection

    @staticmethod
    def read(row: Document) -> DeviceSession:
        return read_document(DeviceSession, row)

    async def start(
        self,
        *,
        user_id: str,
        nonce: str,
        now: datetime,
        refresh_s: int,
        session_id: str | None = None,
        sealed_device: str | None = None,
        provider: str | None = None,
        session: Session | None = None,
    ) -> DeviceSession:
        row = {
            "_id": session_id or str(uuid4()),
            "user_id": user_id,
            "nonce": nonce,
            "generation": 0,
            "rotated_at": now,
            "created_at": now,
            "last_used_at": now,
            "expires_at": now + timedelta(seconds=refresh_s),
            "ended_at": None,
            "sealed_device": sealed_device,
            "provider": provider,
        }
        await self._sessions.insert_one(row, session=session)
        return self.read(row)

    async def get(self, session_id: str) -> DeviceSession | None:
        row = await self._sessions.find_one({"_id": session_id})
        return self.read(row) if row else None

    async def by_ids(self, session_ids: list[str]) -> dict[str, DeviceSession]:
        cursor = self._sessions.find({"_id": {"$in": session_ids}})
        return {row["_id"]: self.read(row) for row in await cursor.to_list(None)}

    async def rotate(self, session: DeviceSession, *, now: datetime, refresh_s: int, max_s: int) -> bool:
        """Spend the current refresh token. False when another request was first.

        Args:
            max_s: after so many seconds from its beginning the session ends, however often it is renewed.
        """
        until = min(now + timedelta(seconds=refresh_s), session.created_at + timedelta(seconds=max_s))
        return await self._sessions.update_if(
            {"_id": session.id, "generation": session.generation, "ended_at": None},
            {
                "$inc": {"generation": 1},
                "$set": {"rotated_at": now, "last_used_at": now, "expires_at": until},
            },
        )

    async def of_user(self, user_id: str, *, now: datetime) -> list[DeviceSession]:
        """The signed-in devices, last used first."""
        cursor = self._sessions.find({"user_id": user_id, "ended_at": None, "expires_at": {"$gt": now}})
        return [self.read(row) async for row in cursor.sort([("last_used_at", -1), ("_id", 1)])]

    async def lock(self, session_id: str, *, now: datetime, session: Session) -> bool:
        """Keep this session from ending before the transaction does. False when it has ended."""
        return await self._sessions.update_if(
            {"_id": session_id, "ended_at": None}, {"$set": {"last_used_at": now}}, session=session
        )

    async def revoke(self, session_id: str, *, user_id: str, now: datetime, session: Session | None = None) -> bool:
        """End the session of one device. False when it is not this user's or has already ended."""
        return await self._sessions.update_if(
            {"_id": session_id, "user_id": user_id, "ended_at": None}, {"$set": {"ended_at": now}}, session=session
        )

    async def revoke_all(
        self, user_id: str, *, now: datetime, but: str | None = None, session: Session | None = None
    ) -> list[str]:
        """End all sessions of the user except ``but``; their ids."""
        wanted: Document = {"user_id": user_id, "ended_at": None}
        if but:
            wanted["_id"] = {"$ne": but}
        ids = [row["_id"] async for row in self._sessions.find(wanted, {"_id": 1}, session=session)]
        if ids:
            await self._sessions.update_many({"_id": {"$in": ids}}, {"$set": {"ended_at": now}}, session=session)
        return ids

    async def revoke_of_provider(
        self, provider: str | None, *, user_id: str | None, now: datetime, session: Session
    ) -> dict[str, str]:
        """End what began with one session of the identity provider, or all of a user that began there at all. Ended
        sessions with their users.
        """
        wanted: Document = {"ended_at": None, "provider": provider or {"$type": "string"}}
        if user_id:
            wanted["user_id"] = user_id
        found = {row["_id"]: row["user_id"] async for row in self._sessions.find(wanted, session=session)}
        if found:
            await self._sessions.update_many(
                {"_id": {"$in": list(found)}}, {"$set": {"ended_at": now}}, session=session
            )
        return found

    async def alive(self, session_ids: list[str], *, now: datetime) -> set[str]:
        """Those of these sessions that have not ended."""
        cursor = self._sessions.find(
            {"_id": {"$in": session_ids}, "ended_at": None, "expires_at": {"$gt": now}}, {"_id": 1}
        )
        return {row["_id"] async for row in cursor}
