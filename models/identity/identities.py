"""Identities: which account a person of the identity provider has, by issuer and subject, never by e-mail address."""

from __future__ import annotations

from datetime import datetime

from pymongo import ASCENDING, IndexModel

from hospital_rt.storage.database import Collection, Session
from hospital_rt.storage.field_encryption import Vault


class Identities:
    """The collection ``identities``; an id is a keyed hash, since a subject may be a name or an address."""

    INDEXES = [IndexModel([("user_id", ASCENDING)])]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._identities = collection
        self._vault = vault

    def hash(self, issuer: str, value: str, *, use: str) -> str:
        """Under which a subject (``use`` ``subject``) or a session of a provider (``session``) is stored."""
        return self._vault.blind_index(f"{issuer}|{value}", use=f"oidc-{use}")

    async def user_of(self, issuer: str, subject: str, *, session: Session | None = None) -> str | None:
        await self._vault.follow_index_key()
        row = await self._identities.find_one({"_id": self.hash(issuer, subject, use="subject")}, session=session)
        return str(row["user_id"]) if row else None

    async def add(self, issuer: str, subject: str, *, user_id: str, at: datetime, session: Session) -> None:
        """Bind an account to a subject. Two at once: a DuplicateKeyError."""
        row = {"_id": self.hash(issuer, subject, use="subject"), "user_id": user_id, "created_at": at}
        await self._identities.insert_one(row, session=session)

    async def delete_all(self, user_id: str, *, session: Session) -> None:
        await self._identities.delete_many({"user_id": user_id}, session=session)
