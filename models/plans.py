"""Plans: one small record a patient, which every change of their plan writes.

It hands out the order in which notes were submitted and remembers the newest ready one. Because notes, assignments
and settings of one patient all write it, two that race conflict and one is run again: none acts on what the other
has just changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymongo import ReturnDocument

from hospital_rt.database import Collection, Session


@dataclass(frozen=True, slots=True)
class Plan:
    notes: int
    ready_note: int


class Plans:
    """The collection ``plans``, by patient."""

    INDEXES: list[object] = []

    def __init__(self, collection: Collection) -> None:
        self._plans = collection

    async def touch(self, patient_id: str, *, new_note: bool = False, session: Session) -> Plan:
        """Take part in the order of this patient's changes. With ``new_note``, ``notes`` is its number."""
        row = await self._plans.find_one_and_update(
            {"_id": patient_id},
            {"$inc": {"changes": 1, "notes": 1 if new_note else 0}},
            upsert=True, return_document=ReturnDocument.AFTER, session=session,
        )  # fmt: skip
        return Plan(notes=row["notes"], ready_note=row.get("ready_note", 0))

    async def note_ready(self, patient_id: str, number: int, *, session: Session) -> None:
        await self._plans.update_one({"_id": patient_id}, {"$max": {"ready_note": number}}, session=session)

    async def ready_note(self, patient_id: str, *, session: Session) -> int:
        row = await self._plans.find_one({"_id": patient_id}, session=session)
        return row.get("ready_note", 0) if row else 0
