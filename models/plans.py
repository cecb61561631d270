"""Plans: one small record for each patient, written by every change of their plan.

It numbers notes in the order of submission and remembers the newest ready one. Because changes of one patient's notes,
assignments and settings all write it, two concurrent ones conflict and one is run again: none acts on outdated data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymongo import ReturnDocument, UpdateOne

from hospital_rt.storage.database import Collection, Session


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
        """Serialize with other changes of this patient's plan. With ``new_note``, ``notes`` is the note's number."""
        row = await self._plans.find_one_and_update(
            {"_id": patient_id},
            {"$inc": {"changes": 1, "notes": 1 if new_note else 0}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return Plan(notes=row["notes"], ready_note=row.get("ready_note", 0))

    async def touch_each(
        self, patient_ids: Sequence[str], *, new_note: bool = False, session: Session
    ) -> dict[str, Plan]:
        """The same for several patients, each listed once."""
        if len(patient_ids) == 1:
            return {id: await self.touch(id, new_note=new_note, session=session) for id in patient_ids}
        change = {"$inc": {"changes": 1, "notes": 1 if new_note else 0}}
        await self._plans.bulk_write(
            [UpdateOne({"_id": id}, change, upsert=True) for id in patient_ids], ordered=False, session=session
        )
        rows = await self._plans.find({"_id": {"$in": list(patient_ids)}}, session=session).to_list(None)
        return {row["_id"]: Plan(notes=row["notes"], ready_note=row.get("ready_note", 0)) for row in rows}

    async def notes_ready(self, numbers: Mapping[str, int], *, session: Session) -> None:
        """Record the newest ready note of each of these patients."""
        await self._plans.bulk_write(
            [UpdateOne({"_id": id}, {"$max": {"ready_note": number}}) for id, number in numbers.items()],
            ordered=False,
            session=session,
        )

    async def ready_note(self, patient_id: str, *, session: Session) -> int:
        row = await self._plans.find_one({"_id": patient_id}, session=session)
        return row.get("ready_note", 0) if row else 0
