"""Idempotency keys: a repeated request is done once and gets the same response.

A key is claimed before the work; the work's own transaction marks the claim as committed, so that a crash between the
two is unambiguous. The response is kept for 24 hours, sealed under the key of the user it is about. ``subject_id`` is
the id of the record that the request creates.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from hospital_rt.domain.errors import Conflict, Invalid, NotFound
from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.field_encryption import Unreadable, Vault

LEASE_S = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The claim on a key. ``done``: an earlier attempt had committed, but its response was lost."""

    id: str
    user_id: str
    owner: str
    subject_id: str
    done: bool = False


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The response to the first request with a key. ``about``: the user whose key seals it, when not the requester."""

    status: int
    body: Any = field(default=None, repr=False)
    about: str | None = None


class Idempotency:
    """The collection ``idempotency``."""

    INDEXES = [
        IndexModel([("created_at", ASCENDING)], expireAfterSeconds=86_400),
        IndexModel([("user_id", ASCENDING)]),
    ]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._keys = collection
        self._vault = vault

    async def claim(self, *, id: str, user_id: str, body_hash: str, now: datetime) -> Claim | StoredResponse | None:
        """Claim a key, or return the response stored under it. None: another request holds it right now.

        Raises:
            DomainError: 422 ``idempotency-mismatch`` for another body; 404 when it was about a user erased since.
        """
        owner, subject_id = uuid4().hex, str(uuid4())
        lease = now + timedelta(seconds=LEASE_S)
        try:
            await self._keys.insert_one(
                {
                    "_id": id,
                    "user_id": user_id,
                    "body_hash": body_hash,
                    "owner": owner,
                    "subject_id": subject_id,
                    "lease_until": lease,
                    "created_at": now,
                    "committed": False,
                }
            )
            return Claim(id=id, user_id=user_id, owner=owner, subject_id=subject_id)
        except DuplicateKeyError:
            pass
        row: Document | None = await self._keys.find_one({"_id": id})
        if row is None:
            return None
        if row["body_hash"] != body_hash:
            raise Invalid("#", "Not the body that this key came with.", code="idempotency-mismatch")
        if "sealed_answer" in row:
            try:
                held = await self._vault.open_value(row["about"], f"idempotency|{id}|answer", row["sealed_answer"])
            except Unreadable:
                raise NotFound() from None
            return StoredResponse(status=held["status"], about=row["about"], body=held["body"])
        row = await self._keys.find_one_and_update(
            {"_id": id, "lease_until": {"$lte": now}},
            {"$set": {"owner": owner, "lease_until": lease}},
            return_document=ReturnDocument.AFTER,
        )
        if row is None:
            return None
        return Claim(id=id, user_id=user_id, owner=owner, subject_id=row["subject_id"], done=row["committed"])

    async def commit(self, claim: Claim | None, *, session: Session) -> None:
        """Mark the claim as committed within the work's transaction; only its owner can."""
        if claim is None:
            return
        result = await self._keys.update_one(
            {"_id": claim.id, "owner": claim.owner}, {"$set": {"committed": True}}, session=session
        )
        if not result.matched_count:
            raise Conflict("conflict", "This request is being answered already.", retry_after_s=1)

    async def store_response(self, claim: Claim, response: StoredResponse) -> None:
        held = {"status": response.status, "body": response.body, "headers": {}}  # headers: read by version 0.2.0
        about = response.about or claim.user_id
        sealed = await self._vault.seal(about, f"idempotency|{claim.id}|answer", held)
        await self._keys.update_one(
            {"_id": claim.id, "owner": claim.owner}, {"$set": {"sealed_answer": sealed, "about": about}}
        )

    async def release(self, claim: Claim) -> None:
        """Release the key after the request was refused."""
        await self._keys.delete_one({"_id": claim.id, "owner": claim.owner, "committed": False})

    async def delete_all(self, user_id: str, *, session: Session) -> None:
        await self._keys.delete_many({"user_id": user_id}, session=session)
