"""Questions of patients to their doctor: a short text about one step, open until it is answered or marked as seen.

Question and answer are sealed under the patient's key. It is no conversation: one question, and one answer at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pymongo import ASCENDING, DESCENDING, IndexModel

from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document, to_json, write_document
from hospital_rt.storage.field_encryption import Vault

QuestionState = Literal["open", "answered", "seen", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientQuestion:
    """One question. ``closed``: the assignment to its doctor ended before it was answered."""

    id: str
    patient_id: str
    doctor_id: str
    step_id: str
    state: QuestionState
    asked_at: datetime
    settled_at: datetime | None = None
    text: str | None = field(default=None, repr=False)  # None: the patient's key is destroyed
    answer: str | None = field(default=None, repr=False)

    def as_json(self) -> Document:
        return to_json(self)


class OpenQuestions(NamedTuple):
    """The open questions of one patient to one doctor: how many, and since when the oldest waits."""

    how_many: int = 0
    since: datetime | None = None


class PatientQuestions:
    """The collection ``patient_questions``."""

    INDEXES = [
        IndexModel([("patient_id", ASCENDING), ("asked_at", DESCENDING), ("_id", ASCENDING)]),
        IndexModel(
            [("doctor_id", ASCENDING), ("patient_id", ASCENDING)],
            name="open",
            partialFilterExpression={"state": "open"},
        ),
    ]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._questions = collection
        self._vault = vault

    async def _read(self, row: Document) -> PatientQuestion:
        async def opened(name: str) -> Any:
            context = f"patient_questions|{row['_id']}|{name}"
            return await self._vault.open_if_readable(row["patient_id"], context, row.get(f"sealed_{name}"))

        return read_document(PatientQuestion, row, text=await opened("text"), answer=await opened("answer"))

    async def insert(self, question: PatientQuestion, *, session: Session) -> None:
        session.mark_written([question.patient_id])
        context = f"patient_questions|{question.id}|text"
        row = write_document(question, without=("settled_at", "text", "answer"))
        row["sealed_text"] = await self._vault.seal(question.patient_id, context, question.text)
        await self._questions.insert_one(row, session=session)

    async def get(self, id: str, *, session: Session | None = None) -> PatientQuestion | None:
        row = await self._questions.find_one({"_id": id}, session=session)
        return await self._read(row) if row else None

    async def asked_since(self, patient_id: str, since: datetime, *, session: Session) -> list[PatientQuestion]:
        """What this patient asked at or after ``since``, oldest first."""
        cursor = self._questions.find({"patient_id": patient_id, "asked_at": {"$gte": since}}, session=session)
        return [await self._read(row) for row in await cursor.sort("asked_at", 1).to_list(None)]

    async def page(self, wanted: Document, *, before: tuple[datetime, str] | None, limit: int) -> list[PatientQuestion]:
        """The questions of a query by the visibility policy, newest first, after the one at ``before``."""
        if before:
            at, id = before
            wanted = {"$and": [wanted, {"$or": [{"asked_at": {"$lt": at}}, {"asked_at": at, "_id": {"$gt": id}}]}]}
        rows = await self._questions.find(wanted).sort([("asked_at", -1), ("_id", 1)]).to_list(limit)
        await self._vault.load_keys({row["patient_id"] for row in rows})
        return [await self._read(row) for row in rows]

    async def settle(
        self, question: PatientQuestion, *, state: QuestionState, at: datetime, answer: str | None, session: Session
    ) -> None:
        session.mark_written([question.patient_id])
        changes: Document = {"state": state, "settled_at": at}
        if answer is not None:
            context = f"patient_questions|{question.id}|answer"
            changes["sealed_answer"] = await self._vault.seal(question.patient_id, context, answer)
        await self._questions.update_one({"_id": question.id, "state": "open"}, {"$set": changes}, session=session)

    async def close_open(self, patient_id: str, doctor_id: str, *, at: datetime, session: Session) -> None:
        """The assignment ended: what this doctor has not answered stays unanswered."""
        await self._questions.update_many(
            {"patient_id": patient_id, "doctor_id": doctor_id, "state": "open"},
            {"$set": {"state": "closed", "settled_at": at}},
            session=session,
        )

    async def open_of(self, doctor_ids: set[str], patient_ids: Sequence[str]) -> dict[str, OpenQuestions]:
        """The open questions to these doctors by patient: those who asked."""
        wanted = {"doctor_id": {"$in": list(doctor_ids)}, "state": "open", "patient_id": {"$in": list(patient_ids)}}
        found: dict[str, OpenQuestions] = {}
        for row in await self._questions.find(wanted, {"patient_id": 1, "asked_at": 1}).to_list(None):
            before = found.get(row["patient_id"], OpenQuestions())
            since = min(before.since or row["asked_at"], row["asked_at"])
            found[row["patient_id"]] = OpenQuestions(before.how_many + 1, since)
        return found

    async def delete_all(self, patient_id: str, *, session: Session) -> None:
        """Delete an erased patient's questions."""
        await self._questions.delete_many({"patient_id": patient_id}, session=session)
