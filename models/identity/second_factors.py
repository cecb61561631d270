"""Second factors: authenticator apps and passkeys of a user, and the recovery codes for when they are lost.

A secret and a public key are sealed under the user's key; of recovery codes only keyed hashes are stored. What is
spent is spent by a conditional write, so that it counts once on all nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pymongo import ASCENDING, IndexModel

from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document, to_json, write_document

FactorKind = Literal["totp", "passkey"]
SET_UP_WITHIN = timedelta(minutes=15)
MAX_FACTORS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """One factor. Until it is confirmed it protects nothing, and it is removed after ``SET_UP_WITHIN``.

    Args:
        sealed: the secret of an app, or the public key of a passkey; see :meth:`context`.
        spent_step: the newest time step whose code was used.
        challenge: what the authenticator of a new passkey has to answer.
    """

    id: str
    user_id: str
    kind: FactorKind
    created_at: datetime
    confirmed_at: datetime | None = None
    last_used_at: datetime | None = None
    sealed: str | None = field(default=None, repr=False)
    spent_step: int = 0
    credential_id: str | None = None
    sign_count: int = 0
    challenge: str | None = field(default=None, repr=False)

    @property
    def context(self) -> str:
        """The context for which its secret is sealed."""
        return f"second_factors|{self.id}|secret"

    def as_json(self) -> Document:
        return to_json(self, "id", "kind", "created_at", "last_used_at")


class SecondFactors:
    """The collections ``second_factors`` and ``recovery_codes``."""

    INDEXES = [
        IndexModel([("user_id", ASCENDING)]),
        IndexModel([("credential_id", ASCENDING)], unique=True, sparse=True),
        IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
    ]

    def __init__(self, factors: Collection, recovery: Collection) -> None:
        self._factors = factors
        self._recovery = recovery

    async def begin(self, factor: SecondFactor) -> None:
        """Store a factor that is to be confirmed; it replaces an unconfirmed one of its kind."""
        await self._factors.delete_many({"user_id": factor.user_id, "kind": factor.kind, "confirmed_at": None})
        # No ``credential_id`` yet: its index is unique among those that have one.
        row = write_document(factor, without=("last_used_at", "credential_id", "sign_count"))
        await self._factors.insert_one({**row, "expires_at": factor.created_at + SET_UP_WITHIN})

    async def get(self, factor_id: str, *, user_id: str) -> SecondFactor | None:
        row = await self._factors.find_one({"_id": factor_id, "user_id": user_id})
        return read_document(SecondFactor, row) if row else None

    async def of_user(self, user_id: str, *, session: Session | None = None) -> list[SecondFactor]:
        """The confirmed ones, oldest first."""
        wanted = {"user_id": user_id, "confirmed_at": {"$ne": None}}
        found = self._factors.find(wanted, session=session).sort([("created_at", 1), ("_id", 1)])
        return [read_document(SecondFactor, row) for row in await found.to_list(None)]

    async def by_credential(self, credential_id: str) -> SecondFactor | None:
        row = await self._factors.find_one({"credential_id": credential_id, "confirmed_at": {"$ne": None}})
        return read_document(SecondFactor, row) if row else None

    async def confirm(self, factor: SecondFactor, *, at: datetime, session: Session) -> bool:
        """Let a factor count from now on. False when it is confirmed already or gone.

        Raises:
            DuplicateKeyError: this passkey is in use already.
        """
        values: Document = {"confirmed_at": at, "spent_step": factor.spent_step, "sealed": factor.sealed}
        if factor.kind == "passkey":
            values |= {"credential_id": factor.credential_id, "sign_count": factor.sign_count}
        return await self._factors.update_if(
            {"_id": factor.id, "user_id": factor.user_id, "confirmed_at": None, "expires_at": {"$gt": at}},
            {"$set": values, "$unset": {"expires_at": 1, "challenge": 1}},
            session=session,
        )

    async def spend_time_step(self, factor: SecondFactor, step: int, *, at: datetime, session: Session) -> bool:
        """Use up the code of a time step and of every earlier one. False when that has happened."""
        return await self._factors.update_if(
            {"_id": factor.id, "confirmed_at": {"$ne": None}, "spent_step": {"$lt": step}},
            {"$set": {"spent_step": step, "last_used_at": at}},
            session=session,
        )

    async def count_signature(self, factor: SecondFactor, sign_count: int, *, at: datetime, session: Session) -> bool:
        """Keep the counter of a passkey that has just signed. False when it was used or removed meanwhile."""
        return await self._factors.update_if(
            {"_id": factor.id, "confirmed_at": {"$ne": None}, "sign_count": factor.sign_count},
            {"$set": {"sign_count": sign_count, "last_used_at": at}},
            session=session,
        )

    async def delete(self, factor_id: str, *, user_id: str, session: Session) -> bool:
        result = await self._factors.delete_one({"_id": factor_id, "user_id": user_id}, session=session)
        return bool(result.deleted_count)

    async def delete_all(self, user_id: str, *, session: Session) -> int:
        """All factors, confirmed or not, and the recovery codes; how many factors there were."""
        await self._recovery.delete_one({"_id": user_id}, session=session)
        result = await self._factors.delete_many({"user_id": user_id}, session=session)
        return int(result.deleted_count)

    # Recovery codes

    async def keep_recovery(self, user_id: str, hashes: Sequence[str], *, at: datetime, session: Session) -> bool:
        """Store the hashes of new recovery codes unless there are some. Whether they were stored."""
        if await self._recovery.find_one({"_id": user_id}, {"_id": 1}, session=session):
            return False
        await self._recovery.insert_one({"_id": user_id, "hashes": list(hashes), "created_at": at}, session=session)
        return True

    async def spend_recovery(self, user_id: str, code_hash: str, *, session: Session) -> bool:
        """Use up a recovery code. False when it is none of those left."""
        return await self._recovery.update_if(
            {"_id": user_id, "hashes": code_hash}, {"$pull": {"hashes": code_hash}}, session=session
        )

    async def recovery_left(self, user_id: str) -> int:
        row = await self._recovery.find_one({"_id": user_id})
        return len(row["hashes"]) if row else 0

    async def delete_recovery(self, user_id: str, *, session: Session) -> None:
        await self._recovery.delete_one({"_id": user_id}, session=session)
