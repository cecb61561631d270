"""Calls: that a doctor called a patient, with a few words of what came of it, sealed under the patient's key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pymongo import ASCENDING, DESCENDING, IndexModel

from hospital_rt.domain.clock import to_wire
from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document, write_document
from hospital_rt.storage.field_encryption import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCall:
    """One call. ``doctor_id`` is the patient's doctor, ``by_id`` that one or who covered for them."""

    id: str
    patient_id: str
    doctor_id: str
    by_id: str
    at: datetime
    text: str | None = field(default=None, repr=False)

    def as_json(self, *, by: str | None) -> Document:
        return {"at": to_wire(self.at), "by": {"id": self.by_id, "name": by}, "text": self.text}


class PhoneCalls:
    """The collection ``phone_calls``."""

    INDEXES = [IndexModel([("patient_id", ASCENDING), ("at", DESCENDING)])]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._calls = collection
        self._vault = vault

    @staticmethod
    def _context(id: str) -> str:
        return f"phone_calls|{id}|text"

    async def insert(self, call: PhoneCall, *, session: Session) -> None:
        session.mark_written([call.patient_id])
        sealed = await self._vault.seal(call.patient_id, self._context(call.id), call.text) if call.text else None
        row = {**write_document(call, without=("text",)), "sealed_text": sealed}
        await self._calls.insert_one(row, session=session)

    async def since(
        self, patient_ids: Sequence[str], begin: datetime, *, session: Session | None = None
    ) -> list[PhoneCall]:
        """The calls to these patients from then on, oldest first."""
        wanted = {"patient_id": {"$in": list(patient_ids)}, "at": {"$gte": begin}}
        rows = await self._calls.find(wanted, session=session).sort("at", 1).to_list(None)
        await self._vault.load_keys({row["patient_id"] for row in rows})
        return [await self._read(row) for row in rows]

    async def _read(self, row: Document) -> PhoneCall:
        text = await self._vault.open_if_readable(row["patient_id"], self._context(row["_id"]), row["sealed_text"])
        return read_document(PhoneCall, row, text=text)

    async def delete_all(self, patient_id: str, *, session: Session) -> None:
        """Delete what was noted of an erased patient."""
        await self._calls.delete_many({"patient_id": patient_id}, session=session)
