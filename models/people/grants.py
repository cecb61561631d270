"""Grants: access that a patient gives a carer, or a doctor a colleague who covers for them.

A grant of care begins as an invitation: ``pending``, with the hash of its one-time token and the invited address,
sealed under the patient's key. A grant gives access only while it is ``active`` and its time lasts; nothing is derived
from the grants of others: cover is not passed on, and a carer has no access to the people whom a patient cares for.
``alerts`` is the ledger of letters about open slots: one document for each carer and slot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from pymongo import ASCENDING, IndexModel

from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document, write_document
from hospital_rt.storage.field_encryption import Vault

GrantKind = Literal["care", "cover"]
GrantState = Literal["pending", "active", "ended"]
May = Literal["see", "answer"]
INVITATION_LIFE = timedelta(days=7)
ALERTS_KEPT_S = 90 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Access that ``grantor_id`` gives ``grantee_id``: a patient their carer, a doctor the one who covers."""

    id: str
    kind: GrantKind
    state: GrantState
    grantor_id: str
    grantee_id: str | None
    since: datetime
    until: datetime | None
    created_at: datetime
    may: May = "see"
    notes: bool = False
    alert_minutes: int | None = None
    expires_at: datetime | None = None  # of an invitation

    @classmethod
    def invitation(
        cls,
        patient_id: str,
        *,
        may: May,
        notes: bool,
        until: datetime | None = None,
        alert_minutes: int | None = None,
        now: datetime,
    ) -> Grant:
        """What a patient offers a carer; it can be accepted for ``INVITATION_LIFE``."""
        return cls(
            id=str(uuid4()),
            kind="care",
            state="pending",
            grantor_id=patient_id,
            grantee_id=None,
            since=now,
            until=until,
            created_at=now,
            may=may,
            notes=notes,
            alert_minutes=alert_minutes,
            expires_at=now + INVITATION_LIFE,
        )

    def is_active(self, now: datetime) -> bool:
        return self.state == "active" and self.since <= now and (self.until is None or now < self.until)

    def is_open(self, now: datetime) -> bool:
        """Whether the invitation can still be accepted."""
        lasts = self.until is None or now < self.until
        return self.state == "pending" and lasts and self.expires_at is not None and now < self.expires_at


class Grants:
    """The collections ``grants`` and ``alerts``."""

    INDEXES = [
        IndexModel([("grantor_id", ASCENDING), ("state", ASCENDING)]),
        IndexModel([("grantee_id", ASCENDING), ("state", ASCENDING)]),
        IndexModel([("token_hash", ASCENDING)], unique=True, partialFilterExpression={"token_hash": {"$exists": True}}),
        IndexModel(
            [("alert_minutes", ASCENDING), ("_id", ASCENDING)],
            name="alerted",
            partialFilterExpression={"alert_minutes": {"$gt": 0}},
        ),
    ]
    ALERT_INDEXES = [IndexModel([("at", ASCENDING)], expireAfterSeconds=ALERTS_KEPT_S)]

    def __init__(self, grants: Collection, alerts: Collection, vault: Vault) -> None:
        self._grants = grants
        self._alerts = alerts
        self._vault = vault

    # Writing

    async def insert(
        self, grant: Grant, *, email: str | None = None, token_hash: str | None = None, session: Session
    ) -> None:
        """A new grant; an invitation has the invited address and the hash of its token."""
        row = write_document(grant)
        if email is not None:
            row["sealed_email"] = await self._vault.seal(grant.grantor_id, f"grants|{grant.id}|email", email)
        if token_hash is not None:
            row["token_hash"] = token_hash
        session.mark_written({grant.grantor_id, grant.grantee_id or grant.grantor_id})
        await self._grants.insert_one(row, session=session)

    async def accept(self, grant: Grant, *, grantee_id: str, at: datetime, session: Session) -> bool:
        """Make an invitation a grant, once. False when another request was first."""
        session.mark_written([grant.grantor_id, grantee_id])
        return await self._grants.update_if(
            {"_id": grant.id, "state": "pending"},
            {
                "$set": {"state": "active", "grantee_id": grantee_id, "since": at},
                "$unset": {"token_hash": 1, "sealed_email": 1, "expires_at": 1},
            },
            session=session,
        )

    async def change(self, grant_id: str, changes: Document, *, session: Session) -> None:
        await self._grants.update_one({"_id": grant_id}, {"$set": changes}, session=session)

    async def end(self, grants: Iterable[Grant], *, at: datetime, session: Session) -> None:
        """End grants. They are kept, without the invited address."""
        ended = list(grants)
        session.mark_written({id for one in ended for id in (one.grantor_id, one.grantee_id) if id})
        if ended:
            await self._grants.update_many(
                {"_id": {"$in": [one.id for one in ended]}, "state": {"$ne": "ended"}},
                {
                    "$set": {"state": "ended", "ended_at": at},
                    "$unset": {"token_hash": 1, "sealed_email": 1, "alert_minutes": 1},
                },
                session=session,
            )

    # Reading

    async def get(self, grant_id: str, *, session: Session | None = None) -> Grant | None:
        row = await self._grants.find_one({"_id": grant_id}, session=session)
        return read_document(Grant, row) if row else None

    async def by_token(self, token_hash: str, *, now: datetime) -> Grant | None:
        """The open invitation with this token."""
        row = await self._grants.find_one({"token_hash": token_hash})
        found = read_document(Grant, row) if row else None
        return found if found and found.is_open(now) else None

    async def invited_address(self, grant: Grant) -> str | None:
        """Where an invitation went; None once it is answered, or the patient is erased."""
        row = await self._grants.find_one({"_id": grant.id}, {"sealed_email": 1}) or {}
        context = f"grants|{grant.id}|email"
        return await self._vault.open_text_if_readable(grant.grantor_id, context, row.get("sealed_email"))

    async def not_ended(self, user_id: str, *, session: Session | None = None) -> list[Grant]:
        """Every grant of or to this user that has not been ended, whether its time has come or is over."""
        wanted = {"$or": [{"grantor_id": user_id}, {"grantee_id": user_id}], "state": {"$in": ["pending", "active"]}}
        return [read_document(Grant, row) for row in await self._grants.find(wanted, session=session).to_list(None)]

    async def given_by(self, grantor_ids: Iterable[str], *, session: Session | None = None) -> list[Grant]:
        """The accepted grants that these users give."""
        wanted = {"grantor_id": {"$in": list(grantor_ids)}, "state": "active"}
        return [read_document(Grant, row) for row in await self._grants.find(wanted, session=session).to_list(None)]

    async def given_to(self, grantee_ids: Iterable[str], *, session: Session | None = None) -> list[Grant]:
        """The accepted grants that these users have."""
        wanted = {"grantee_id": {"$in": list(grantee_ids)}, "state": "active"}
        return [read_document(Grant, row) for row in await self._grants.find(wanted, session=session).to_list(None)]

    # Alerts

    async def with_alerts(self, *, after: str, limit: int) -> list[Grant]:
        """A page of the grants with alerts about open slots, by id."""
        wanted = {"alert_minutes": {"$gt": 0}, "state": "active", "_id": {"$gt": after}}
        rows = await self._grants.find(wanted).sort("_id", 1).limit(limit).to_list(limit)
        return [read_document(Grant, row) for row in rows]

    async def recorded_alerts(self, alert_ids: Iterable[str]) -> set[str]:
        """Those of these alerts that were recorded already."""
        found = self._alerts.find({"_id": {"$in": list(alert_ids)}}, {"_id": 1})
        return {row["_id"] for row in await found.to_list(None)}

    async def record_alerts(self, alert_ids: Iterable[str], *, at: datetime, session: Session) -> None:
        """Record alerts.

        Raises:
            DuplicateKeyError: one is recorded already.
        """
        for id in alert_ids:
            await self._alerts.insert_one({"_id": id, "at": at}, session=session)
