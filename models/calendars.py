"""Calendar links: a patient's secret link to their reminders. At most one each; only its hash is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from hospital_rt.storage.database import Collection, Document, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarLink:
    patient_id: str
    titles: bool  # whether entries show titles, or only a neutral text


class Calendars:
    """The collection ``calendars``, by patient."""

    INDEXES = [IndexModel([("token_hash", ASCENDING)], unique=True)]

    def __init__(self, collection: Collection) -> None:
        self._calendars = collection

    async def make(
        self, *, patient_id: str, token_hash: str, titles: bool, now: datetime, session: Session | None = None
    ) -> None:
        """Create a link; the previous one no longer works."""
        await self._calendars.replace_one(
            {"_id": patient_id},
            {"_id": patient_id, "token_hash": token_hash, "titles": titles, "created_at": now},
            upsert=True,
            session=session,
        )

    async def find(self, token_hash: str) -> CalendarLink | None:
        row: Document | None = await self._calendars.find_one({"token_hash": token_hash})
        return CalendarLink(patient_id=row["_id"], titles=row["titles"]) if row else None

    async def revoke(self, patient_id: str, *, session: Session | None = None) -> None:
        await self._calendars.delete_one({"_id": patient_id}, session=session)
