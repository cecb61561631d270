"""Letters: the outbox of mail, and the one-time links that some letters contain.

A letter stores its recipient's id and its kind; address and link are added only while it is being sent. Only the hash
of a link is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from pymongo import ASCENDING, IndexModel, ReturnDocument

from hospital_rt.storage.database import MAX_COUNTED, Collection, Session
from hospital_rt.storage.documents import read_document
from hospital_rt.web.tokens import Tokens

LetterKind = Literal[
    "verify",
    "already",
    "reset",
    "reset-by-hospital",
    "sign-in-reused",
    "reminder",
    "second-factor-added",
    "second-factor-removed",
    "second-factor-ends",
    "second-factor-guessed",
    "recovery-code-used",
    "recovery-codes-made",
    "carer-invitation",
    "carer-alert",
    "doctor-approved",
    "doctor-refused",
]
LinkUse = Literal["reset", "verify"]
LINK_LIFE: dict[LinkUse, timedelta] = {"reset": timedelta(hours=1), "verify": timedelta(days=2)}
MAX_TRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    id: str
    user_id: str
    kind: LetterKind
    link_id: str | None  # of its link; of a letter to a carer the grant
    tries: int
    seq: int | None = None  # of a reminder letter: its event
    in_doubt: bool = False  # its sender died, and it may have been sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    id: str
    user_id: str
    use: LinkUse
    expires_at: datetime


class Letters:
    """The collections ``letters`` and ``links``."""

    INDEXES = [
        IndexModel([("wake_at", ASCENDING)], partialFilterExpression={"wake_at": {"$exists": True}}, name="unsent"),
        IndexModel([("created_at", ASCENDING)], expireAfterSeconds=30 * 86_400),
    ]
    LINK_INDEXES = [
        IndexModel([("user_id", ASCENDING), ("use", ASCENDING)]),
        IndexModel([("token_hash", ASCENDING)], unique=True),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=86_400),
    ]

    def __init__(self, letters: Collection, links: Collection) -> None:
        self._letters = letters
        self._links = links

    async def write(
        self,
        *,
        user_id: str,
        kind: LetterKind,
        link_id: str | None = None,
        now: datetime,
        seq: int | None = None,
        session: Session | None = None,
    ) -> str:
        """Add a letter to the outbox; its id."""
        id = str(uuid4())
        await self._letters.insert_one(
            {
                "_id": id,
                "user_id": user_id,
                "kind": kind,
                "link_id": link_id,
                "created_at": now,
                "wake_at": now,
                "tries": 0,
                "seq": seq,
            },
            session=session,
        )
        return id

    async def claim(self, letter_id: str, *, now: datetime, lease_s: float) -> Letter | None:
        """Claim a letter for sending. None when it is sent, given up, or claimed by another worker."""
        row = await self._letters.find_one_and_update(
            {"_id": letter_id, "wake_at": {"$lte": now}},
            {"$set": {"wake_at": now + timedelta(seconds=lease_s)}, "$inc": {"tries": 1}},
            return_document=ReturnDocument.AFTER,
        )
        return read_document(Letter, row, in_doubt=row.get("sending", False)) if row else None

    async def sending(self, letter_id: str) -> None:
        """Record that sending begins: from here on it may have been sent."""
        await self._letters.update_one({"_id": letter_id}, {"$set": {"sending": True}})

    async def done(self, letter_id: str, *, outcome: Literal["sent", "given-up", "unknown"]) -> None:
        await self._letters.update_one({"_id": letter_id}, {"$set": {"outcome": outcome}, "$unset": {"wake_at": 1}})

    async def defer(self, letter_id: str, *, until: datetime) -> None:
        await self._letters.update_one({"_id": letter_id}, {"$set": {"wake_at": until}, "$unset": {"sending": 1}})

    async def unsent(self, now: datetime, *, limit: int) -> list[str]:
        cursor = self._letters.find({"wake_at": {"$lte": now}}, {"_id": 1}).sort("wake_at", 1).limit(limit)
        return [row["_id"] async for row in cursor]

    async def backlog(self, now: datetime) -> tuple[int, float]:
        """How many letters wait, and the age of the oldest in seconds."""
        cursor = self._letters.find({"wake_at": {"$exists": True}}, {"created_at": 1}).limit(MAX_COUNTED)
        written = [row["created_at"] async for row in cursor]
        return len(written), max(0.0, (now - min(written)).total_seconds()) if written else 0.0

    async def revoke_all(self, user_id: str, *, session: Session | None = None) -> None:
        """Cancel all unsent letters and all links of this user."""
        await self._letters.update_many(
            {"user_id": user_id, "wake_at": {"$exists": True}},
            {"$set": {"outcome": "given-up"}, "$unset": {"wake_at": 1}},
            session=session,
        )
        await self._links.delete_many({"user_id": user_id}, session=session)

    # Links

    async def write_with_link(
        self,
        tokens: Tokens,
        *,
        user_id: str,
        kind: LetterKind,
        use: LinkUse,
        now: datetime,
        session: Session | None = None,
    ) -> tuple[str, str]:
        """Add a letter with a new one-time link to the outbox; older links for the same use no longer work.

        Returns the ids of the letter and of the link.
        """
        link_id = str(uuid4())
        await self._links.delete_many({"user_id": user_id, "use": use}, session=session)
        await self._links.insert_one(
            {
                "_id": link_id,
                "user_id": user_id,
                "use": use,
                "token_hash": Tokens.hash_link(tokens.link_token(use=use, link_id=link_id)),
                "expires_at": now + LINK_LIFE[use],
            },
            session=session,
        )
        return await self.write(user_id=user_id, kind=kind, link_id=link_id, now=now, session=session), link_id

    async def find_link(self, token_hash: str, *, use: LinkUse, now: datetime) -> Link | None:
        row = await self._links.find_one({"token_hash": token_hash, "use": use, "expires_at": {"$gt": now}})
        return read_document(Link, row) if row else None

    async def spend_link(self, link_id: str, *, session: Session) -> bool:
        """Consume a link. False when another request was first."""
        result = await self._links.delete_one({"_id": link_id}, session=session)
        return bool(result.deleted_count)
