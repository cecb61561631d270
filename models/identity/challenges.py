"""Challenges: a sign-in that has its first factor and waits for its second, or that begins with a passkey.

Stored under the hash of what the client holds. Five wrong responses end one; each is counted before it is verified, so
that concurrent ones are no more than five.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from hospital_rt.storage.database import Collection, Session
from hospital_rt.storage.documents import read_document

LIFE = timedelta(minutes=5)
TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One challenge.

    Args:
        user_id: whose first factor was right; None: the passkey identifies the user.
        password_mark: of the password that was right, so that a changed one ends the challenge.
        tries_left: after the present one.
    """

    id: str
    user_id: str | None
    password_mark: str | None
    tries_left: int


class Challenges:
    """The collection ``challenges``."""

    INDEXES = [IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0), IndexModel([("user_id", ASCENDING)])]

    def __init__(self, collection: Collection) -> None:
        self._challenges = collection

    async def open(self, id: str, *, user_id: str | None, password_mark: str | None, now: datetime) -> None:
        await self._challenges.insert_one(
            {
                "_id": id,
                "user_id": user_id,
                "password_mark": password_mark,
                "tries_left": TRIES,
                "expires_at": now + LIFE,
            }
        )

    async def attempt(self, id: str, *, now: datetime) -> Challenge | None:
        """Count one try at it. None when it is unknown, over, answered, or has no try left."""
        row = await self._challenges.find_one_and_update(
            {"_id": id, "tries_left": {"$gt": 0}, "expires_at": {"$gt": now}},
            {"$inc": {"tries_left": -1}},
            return_document=ReturnDocument.AFTER,
        )
        return read_document(Challenge, row) if row else None

    async def close(self, id: str, *, session: Session | None = None) -> bool:
        """It is answered. False when another request was first."""
        return bool((await self._challenges.delete_one({"_id": id}, session=session)).deleted_count)

    async def burn(self, id: str, *, until: datetime) -> bool:
        """Note that something was used, such as the state of a sign-in elsewhere. False when it had been."""
        with contextlib.suppress(DuplicateKeyError):
            await self._challenges.insert_one({"_id": id, "user_id": None, "tries_left": 0, "expires_at": until})
            return True
        return False

    async def close_open(self, id: str, *, now: datetime, session: Session) -> bool:
        """Answer a challenge that is of no particular user. False when it is unknown, over or answered."""
        wanted = {"_id": id, "user_id": None, "tries_left": {"$gt": 0}, "expires_at": {"$gt": now}}
        return bool((await self._challenges.delete_one(wanted, session=session)).deleted_count)

    async def revoke_all(self, user_id: str, *, session: Session) -> None:
        """End all challenges of this user."""
        await self._challenges.delete_many({"user_id": user_id}, session=session)
