"""Notes: what a doctor wrote, sealed under the patient's key, and how far it has come.

A note is worked on under a lease: every later write names the lease it was made under, so that a worker that woke
up late cannot write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument

from hospital_rt.database import Collection, Document, Session
from hospital_rt.vault import Unreadable, Vault

NoteStatus = Literal[
    "queued", "processing", "proposed", "ready", "failed", "superseded", "rejected", "withdrawn"
]  # fmt: skip
IN_FLIGHT: tuple[NoteStatus, ...] = ("queued", "processing", "proposed")
UNSETTLED: tuple[NoteStatus, ...] = ("queued", "processing", "proposed", "failed")
MOST_COUNTED = 10_000                  # of what waits: beyond that the figure stands
MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note. ``number`` is its place among the patient's notes, in the order they were submitted."""

    id: str
    patient_id: str
    doctor_id: str
    number: int
    status: NoteStatus
    created_at: datetime
    extracted_by: str | None = None
    failure: str | None = None
    attempts: int = 0                  # workers that began to read it
    retries: int = 0                   # times that it failed and was to be taken up again by itself
    lease: str | None = field(default=None, repr=False)
    sealed_text: str = field(repr=False)
    sealed_review: str | None = field(default=None, repr=False)
    dropped: int = 0


WAITING = ("queued", "processing", "failed", "proposed")


class Notes:
    """The collection ``notes``."""

    INDEXES = [
        IndexModel([("patient_id", ASCENDING), ("created_at", DESCENDING), ("_id", ASCENDING)]),
        IndexModel([("doctor_id", ASCENDING), ("created_at", DESCENDING), ("_id", ASCENDING)]),
        IndexModel(
            [("wake_at", ASCENDING)], name="unfinished", partialFilterExpression={"wake_at": {"$exists": True}}
        ),
        IndexModel([("created_at", ASCENDING)], name="proposed", partialFilterExpression={"status": "proposed"}),
    ]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._notes = collection
        self._vault = vault

    @staticmethod
    def _read(row: Document) -> Note:
        return Note(
            id=row["_id"], patient_id=row["patient_id"], doctor_id=row["doctor_id"], number=row["number"],
            status=row["status"], created_at=row["created_at"], extracted_by=row.get("extracted_by"),
            failure=row.get("failure"), attempts=row.get("attempts", 0), retries=row.get("retries", 0),
            lease=row.get("lease"),
            sealed_text=row["sealed_text"], sealed_review=row.get("sealed_review"), dropped=row.get("dropped", 0),
        )  # fmt: skip

    async def insert(
        self, *, note_id: str, patient_id: str, doctor_id: str, number: int, text: str, at: datetime, session: Session
    ) -> Note:
        row = {
            "_id": note_id, "patient_id": patient_id, "doctor_id": doctor_id, "number": number, "status": "queued",
            "created_at": at, "wake_at": at, "attempts": 0,
            "sealed_text": await self._vault.seal(patient_id, f"notes|{note_id}|text", text),
        }  # fmt: skip
        await self._notes.insert_one(row, session=session)
        return self._read(row)

    async def get(self, note_id: str, *, session: Session = None) -> Note | None:
        row = await self._notes.find_one({"_id": note_id}, session=session)
        return self._read(row) if row else None

    async def text(self, note: Note) -> str | None:
        """What the doctor wrote; None once the patient is erased."""
        try:
            return str(await self._vault.open_value(note.patient_id, f"notes|{note.id}|text", note.sealed_text))
        except Unreadable:
            return None

    async def review(self, note: Note) -> dict[str, Any]:
        """What the guard said, for the author: ``dropped`` and ``unmatched``."""
        empty: dict[str, Any] = {"dropped": [], "unmatched": []}
        if note.sealed_review is None:
            return empty
        try:
            found: dict[str, Any] = await self._vault.open_value(
                note.patient_id, f"notes|{note.id}|review", note.sealed_review
            )
        except Unreadable:
            return empty
        return found

    async def page(
        self, wanted: Document, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[Note]:
        """Newest first, without their texts opened. ``before``: the last one that the client has."""
        query = dict(wanted)
        if before:
            at, id = before
            query["$or"] = [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$gt": id}}]
        cursor = self._notes.find(query).sort([("created_at", -1), ("_id", 1)]).limit(limit)
        return [self._read(row) async for row in cursor]

    # The work on a note

    async def unfinished(self, now: datetime, *, limit: int) -> list[str]:
        """Notes that wait for a worker, or whose worker's lease has run out: their ids, oldest first."""
        cursor = self._notes.find({"wake_at": {"$lte": now}}, {"_id": 1}).sort("wake_at", 1).limit(limit)
        return [row["_id"] async for row in cursor]

    async def standing(self, now: datetime) -> dict[str, tuple[int, float]]:
        """How many wait for a worker or for their author, by status; and the age of the oldest in seconds."""
        found: dict[str, tuple[int, float]] = {}
        for wanted in ({"wake_at": {"$exists": True}}, {"status": "proposed"}):
            cursor = self._notes.find(wanted, {"status": 1, "created_at": 1}).sort("created_at", 1).limit(MOST_COUNTED)
            async for row in cursor:
                count, oldest_s = found.get(row["status"], (0, (now - row["created_at"]).total_seconds()))
                found[row["status"]] = (count + 1, max(0.0, oldest_s))
        return found

    async def claim(self, note_id: str, *, lease: str, now: datetime, lease_s: float) -> Note | None:
        """Take a note to work on. None when it is done, or another worker has it."""
        row = await self._notes.find_one_and_update(
            {"_id": note_id, "status": {"$in": ["queued", "processing", "failed"]}, "wake_at": {"$lte": now}},
            {
                "$set": {"status": "processing", "lease": lease, "wake_at": now + timedelta(seconds=lease_s)},
                "$inc": {"attempts": 1},
            },
            return_document=ReturnDocument.AFTER,
        )
        return self._read(row) if row else None

    async def renew(self, note_id: str, *, lease: str, now: datetime, lease_s: float) -> bool:
        """Keep the lease while the model is thinking. False when it is lost."""
        result = await self._notes.update_one(
            {"_id": note_id, "lease": lease, "status": "processing"},
            {"$set": {"wake_at": now + timedelta(seconds=lease_s)}},
        )
        return bool(result.matched_count)

    async def hand_back(self, note_id: str, *, lease: str, now: datetime) -> None:
        """Stop working on it without an outcome, so that another worker may take it at once."""
        await self._notes.update_one(
            {"_id": note_id, "lease": lease, "status": "processing"},
            {"$set": {"wake_at": now}, "$unset": {"lease": 1}, "$inc": {"attempts": -1}},
        )

    async def settle(
        self, note: Note, status: NoteStatus, *, lease: str | None, session: Session, failure: str | None = None,
        extracted_by: str | None = None, review: dict[str, Any] | None = None, measured: Document | None = None,
        again_at: datetime | None = None,
    ) -> bool:  # fmt: skip
        """Give a note its next status. False when the lease under which this is written is lost.

        ``lease`` None: not a worker's write; then the note must still have the status it was read with. ``again_at``
        is when a failed note is taken up again by itself.
        """
        wanted: Document = {"_id": note.id, "status": note.status}
        if lease is not None:
            wanted["lease"] = lease
        change: Document = {"$set": {"status": status, "failure": failure}, "$unset": {"lease": 1, "wake_at": 1}}
        if again_at is not None:
            change["$set"] |= {"wake_at": again_at, "attempts": 0}
            change["$inc"] = {"retries": 1}
            del change["$unset"]["wake_at"]
        if extracted_by:
            change["$set"]["extracted_by"] = extracted_by
        if measured:
            change["$set"]["measured"] = measured
        if review is not None:
            change["$set"]["dropped"] = len(review["dropped"])
            change["$set"]["sealed_review"] = await self._vault.seal(
                note.patient_id, f"notes|{note.id}|review", review
            )
        result = await self._notes.update_one(wanted, change, session=session)
        return bool(result.matched_count)

    async def requeue(self, note: Note, *, at: datetime, session: Session) -> bool:
        """Send a failed note round again."""
        result = await self._notes.update_one(
            {"_id": note.id, "status": "failed"},
            {"$set": {"status": "queued", "failure": None, "wake_at": at, "attempts": 0, "retries": 0}},
            session=session,
        )
        return bool(result.matched_count)

    async def with_status(
        self, patient_id: str, statuses: Sequence[NoteStatus], *, before_number: int | None = None,
        doctor_id: str | None = None, session: Session,
    ) -> list[Note]:  # fmt: skip
        query: Document = {"patient_id": patient_id, "status": {"$in": list(statuses)}}
        if before_number is not None:
            query["number"] = {"$lt": before_number}
        if doctor_id is not None:
            query["doctor_id"] = doctor_id
        return [self._read(row) async for row in self._notes.find(query, session=session)]

    async def withdrawn_ids(self, patient_id: str) -> set[str]:
        """The patient's notes whose words are closed to them."""
        cursor = self._notes.find({"patient_id": patient_id, "status": "withdrawn"}, {"_id": 1})
        return {row["_id"] async for row in cursor}
