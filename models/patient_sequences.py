"""Patient sequences: a counter document for each patient, which serializes the changes of one patient's records.

It numbers notes in the order of submission and has the number of the newest ready one. Changes of one patient's notes,
assignments and settings all write it: of two concurrent ones, one conflicts and is run again on current data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pymongo import ReturnDocument, UpdateOne

from hospital_rt.storage.database import Collection, Document, Session


@dataclass(frozen=True, slots=True)
class PatientSequence:
    """The numbers of a patient's last note and of the newest ready one, 0 when there is none."""

    last_note: int
    ready_note: int


class PatientSequences:
    """The collection ``plans``, by patient."""

    def __init__(self, collection: Collection) -> None:
        self._sequences = collection

    @staticmethod
    def _read(row: Document) -> PatientSequence:
        return PatientSequence(last_note=row["notes"], ready_note=row.get("ready_note", 0))

    async def advance(self, patient_id: str, *, new_note: bool = False, session: Session) -> PatientSequence:
        """Serialize with other changes of this patient's records. With ``new_note``, ``last_note`` is its number."""
        row = await self._sequences.find_one_and_update(
            {"_id": patient_id},
            {"$inc": {"changes": 1, "notes": 1 if new_note else 0}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return self._read(row)

    async def advance_each(
        self, patient_ids: Sequence[str], *, new_note: bool = False, session: Session
    ) -> dict[str, PatientSequence]:
        """The same for several patients, each listed once."""
        if len(patient_ids) == 1:
            return {id: await self.advance(id, new_note=new_note, session=session) for id in patient_ids}
        change = {"$inc": {"changes": 1, "notes": 1 if new_note else 0}}
        await self._sequences.bulk_write(
            [UpdateOne({"_id": id}, change, upsert=True) for id in patient_ids], ordered=False, session=session
        )
        rows = await self._sequences.find({"_id": {"$in": list(patient_ids)}}, session=session).to_list(None)
        return {row["_id"]: self._read(row) for row in rows}

    async def set_ready_notes(self, numbers: Mapping[str, int], *, session: Session) -> None:
        """Record the newest ready note of each of these patients."""
        await self._sequences.bulk_write(
            [UpdateOne({"_id": id}, {"$max": {"ready_note": number}}) for id, number in numbers.items()],
            ordered=False,
            session=session,
        )
