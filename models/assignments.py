"""Assignments of a patient to a doctor. At most one is current; ended ones are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pymongo import ASCENDING, IndexModel

from hospital_rt.storage.database import Collection, Session
from hospital_rt.storage.documents import read_document, write_document


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    id: str
    patient_id: str
    doctor_id: str
    since: datetime
    share_history: bool
    ended_at: datetime | None = None


class Assignments:
    """The collection ``assignments``."""

    INDEXES = [
        IndexModel(
            [("patient_id", ASCENDING)],
            unique=True,
            name="one_current",
            partialFilterExpression={"current": True},
        ),
        IndexModel([("doctor_id", ASCENDING), ("current", ASCENDING), ("since", ASCENDING)]),
    ]

    def __init__(self, collection: Collection) -> None:
        self._assignments = collection

    async def current(self, patient_id: str, *, session: Session | None = None) -> Assignment | None:
        row = await self._assignments.find_one({"patient_id": patient_id, "current": True}, session=session)
        return read_document(Assignment, row) if row else None

    async def between(self, patient_id: str, doctor_id: str, *, session: Session | None = None) -> Assignment | None:
        """The current assignment of this patient if it is to this doctor."""
        found = await self.current(patient_id, session=session)
        return found if found and found.doctor_id == doctor_id else None

    async def of_doctor(self, doctor_id: str, *, session: Session | None = None) -> list[Assignment]:
        """The current assignments to a doctor, oldest first."""
        return await self.of_doctors([doctor_id], session=session)

    async def of_doctors(self, doctor_ids: list[str], *, session: Session | None = None) -> list[Assignment]:
        """The current assignments to any of these doctors, oldest first."""
        cursor = self._assignments.find({"doctor_id": {"$in": doctor_ids}, "current": True}, session=session)
        return [read_document(Assignment, row) for row in await cursor.sort([("since", 1), ("_id", 1)]).to_list(None)]

    async def of_user(self, user_id: str, *, is_patient: bool, session: Session) -> list[Assignment]:
        """The current assignments of a patient, or to a doctor."""
        if not is_patient:
            return await self.of_doctor(user_id, session=session)
        current = await self.current(user_id, session=session)
        return [current] if current else []

    async def of_patients(self, patient_ids: list[str], *, session: Session | None = None) -> dict[str, Assignment]:
        cursor = self._assignments.find({"patient_id": {"$in": patient_ids}, "current": True}, session=session)
        return {row["patient_id"]: read_document(Assignment, row) for row in await cursor.to_list(None)}

    async def start(self, assignment: Assignment, *, session: Session) -> None:
        session.mark_written([assignment.doctor_id])
        row = {**write_document(assignment, without=("ended_at",)), "current": True}
        await self._assignments.insert_one(row, session=session)

    async def end(self, assignment: Assignment, *, at: datetime, session: Session) -> None:
        session.mark_written([assignment.doctor_id])
        await self._assignments.update_one(
            {"_id": assignment.id}, {"$set": {"ended_at": at}, "$unset": {"current": 1}}, session=session
        )

    async def share(self, assignment_id: str, share_history: bool, *, session: Session) -> None:
        await self._assignments.update_one(
            {"_id": assignment_id}, {"$set": {"share_history": share_history}}, session=session
        )
