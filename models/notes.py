"""Notes: what a doctor wrote, sealed under the patient's key, and how far it has come.

A note is worked on under a lease: every later write names the lease it was made under, so that a worker that woke
up late cannot write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne

from hospital_rt.storage.database import MAX_COUNTED, Collection, Document, Session
from hospital_rt.storage.documents import read_document
from hospital_rt.storage.field_encryption import Vault

Reader = Literal["local"]
NoteStatus = Literal["queued", "processing", "proposed", "ready", "failed", "superseded", "rejected", "withdrawn"]
UNREAD: tuple[NoteStatus, ...] = ("queued", "processing")  # no step has come of it
IN_FLIGHT: tuple[NoteStatus, ...] = ("queued", "processing", "proposed")
UNSETTLED: tuple[NoteStatus, ...] = ("queued", "processing", "proposed", "failed")
WAITING: tuple[NoteStatus, ...] = ("proposed", "failed")  # for their author
MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note. ``number`` is its place among the patient's notes, in the order they were submitted; ``doctor_id`` is
    the patient's doctor, whose note it is, also when a colleague covered and wrote it.
    """

    id: str
    patient_id: str
    doctor_id: str
    number: int
    status: NoteStatus
    created_at: datetime
    extracted_by: str | None = None
    failure: str | None = None
    attempts: int = 0  # workers that began to read it
    retries: int = 0  # failures after which it is read again without a request
    lease: str | None = field(default=None, repr=False)
    sealed_text: str = field(repr=False)
    sealed_review: str | None = field(default=None, repr=False)
    dropped: int = 0
    questions: int = 0  # asked of the author
    reader: Reader | None = None  # the reader that its author chose; None: the configured one
    written_by: str | None = None  # who wrote it while covering for its doctor

    @property
    def people_ids(self) -> set[str]:
        """The users whose names are shown with it."""
        return {id for id in (self.patient_id, self.doctor_id, self.written_by) if id}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """A note as it was sent."""

    id: str
    patient_id: str
    doctor_id: str
    text: str = field(repr=False)
    now: datetime
    written_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTransition:
    """A note's next status. ``lease`` None: not a worker's write; then the note must still have the status it was
    read with. ``retry_at`` is when a failed note is taken up again by itself.
    """

    note: Note
    status: NoteStatus
    lease: str | None = field(default=None, repr=False)
    failure: str | None = None
    extracted_by: str | None = None
    review: dict[str, Any] | None = field(default=None, repr=False)
    measured: Document | None = None
    retry_at: datetime | None = None


class WaitingNotes(NamedTuple):
    """Notes of one patient that wait for their author's approval, and the questions asked in them."""

    notes: int = 0
    questions: int = 0


class Notes:
    """The collection ``notes``."""

    INDEXES = [
        IndexModel([("patient_id", ASCENDING), ("created_at", DESCENDING), ("_id", ASCENDING)]),
        IndexModel([("doctor_id", ASCENDING), ("created_at", DESCENDING), ("_id", ASCENDING)]),
        IndexModel([("wake_at", ASCENDING)], name="unfinished", partialFilterExpression={"wake_at": {"$exists": True}}),
        IndexModel([("created_at", ASCENDING)], name="proposed", partialFilterExpression={"status": "proposed"}),
        IndexModel(
            [("doctor_id", ASCENDING), ("patient_id", ASCENDING)],
            name="for_approval",
            partialFilterExpression={"status": "proposed"},
        ),
    ]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._notes = collection
        self._vault = vault

    async def insert(self, written: Sequence[NewNote], *, numbers: Mapping[str, int], session: Session) -> list[Note]:
        """Store new notes of different patients. ``numbers``: the number of each, by patient."""
        await self._vault.load_keys({one.patient_id for one in written})
        rows = [
            {
                "_id": one.id,
                "patient_id": one.patient_id,
                "doctor_id": one.doctor_id,
                "number": numbers[one.patient_id],
                "status": "queued",
                "created_at": one.now,
                "wake_at": one.now,
                "attempts": 0,
                "sealed_text": self._vault.seal_loaded(one.patient_id, f"notes|{one.id}|text", one.text),
                **({"written_by": one.written_by} if one.written_by else {}),
            }
            for one in written
        ]
        await self._notes.insert_many(rows, ordered=False, session=session)
        return [read_document(Note, row) for row in rows]

    async def get(self, note_id: str, *, session: Session | None = None) -> Note | None:
        row = await self._notes.find_one({"_id": note_id}, session=session)
        return read_document(Note, row) if row else None

    async def text(self, note: Note) -> str | None:
        """What the doctor wrote; None once the patient is erased."""
        return await self._vault.open_text_if_readable(note.patient_id, f"notes|{note.id}|text", note.sealed_text)

    async def review(self, note: Note) -> dict[str, Any]:
        """What came of the reading, for the author: ``dropped``, ``unmatched``, ``questions`` and ``account``.

        A member that an older note's review does not have is empty.
        """
        empty: dict[str, Any] = {"dropped": [], "unmatched": [], "questions": [], "account": []}
        context = f"notes|{note.id}|review"
        found = await self._vault.open_if_readable(note.patient_id, context, note.sealed_review)
        return empty | (found or {})

    async def page(self, wanted: Document, *, before: tuple[datetime, str] | None, limit: int) -> list[Note]:
        """Newest first, without their texts opened. ``before``: the last one that the client has."""
        if before:
            at, id = before
            older: Document = {"$or": [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$gt": id}}]}
            wanted = {"$and": [wanted, older]}
        cursor = self._notes.find(wanted).sort([("created_at", -1), ("_id", 1)]).limit(limit)
        return [read_document(Note, row) async for row in cursor]

    # The work on a note

    async def unfinished(self, now: datetime, *, limit: int) -> list[str]:
        """Notes that wait for a worker, or whose worker's lease has run out: their ids, oldest first."""
        cursor = self._notes.find({"wake_at": {"$lte": now}}, {"_id": 1}).sort("wake_at", 1).limit(limit)
        return [row["_id"] async for row in cursor]

    async def backlog(self, now: datetime) -> dict[str, tuple[int, float]]:
        """How many wait for a worker or for their author, by status; and the age of the oldest in seconds."""
        found: dict[str, tuple[int, float]] = {}
        for wanted in ({"wake_at": {"$exists": True}}, {"status": "proposed"}):
            cursor = self._notes.find(wanted, {"status": 1, "created_at": 1}).sort("created_at", 1).limit(MAX_COUNTED)
            async for row in cursor:
                count, oldest_s = found.get(row["status"], (0, (now - row["created_at"]).total_seconds()))
                found[row["status"]] = (count + 1, max(0.0, oldest_s))
        return found

    async def claim(
        self, leases: Mapping[str, str], *, now: datetime, lease_s: float, session: Session | None = None
    ) -> dict[str, Note]:
        """Claim notes, each under its lease: those that are not done and that no other worker has claimed."""
        held = {"status": "processing", "wake_at": now + timedelta(seconds=lease_s)}
        result = await self._notes.bulk_write(
            [
                UpdateOne(
                    {"_id": id, "status": {"$in": ["queued", "processing", "failed"]}, "wake_at": {"$lte": now}},
                    {"$set": {**held, "lease": lease}, "$inc": {"attempts": 1}},
                )
                for id, lease in leases.items()
            ],
            ordered=False,
            session=session,
        )
        if not result.matched_count:
            return {}
        rows = await self._notes.find({"_id": {"$in": list(leases)}}, session=session).to_list(None)
        return {row["_id"]: read_document(Note, row) for row in rows if row.get("lease") == leases[row["_id"]]}

    async def renew(self, note_id: str, *, lease: str, now: datetime, lease_s: float) -> bool:
        """Extend the lease while the model responds. False when it is lost."""
        return await self._notes.update_if(
            {"_id": note_id, "lease": lease, "status": "processing"},
            {"$set": {"wake_at": now + timedelta(seconds=lease_s)}},
        )

    async def release(self, note_id: str, *, lease: str, at: datetime) -> None:
        """Stop working on it without an outcome, and without counting the attempt; another may take it from ``at``."""
        await self._notes.update_one(
            {"_id": note_id, "lease": lease, "status": "processing"},
            {"$set": {"wake_at": at}, "$unset": {"lease": 1}, "$inc": {"attempts": -1}},
        )

    async def settle(self, settled: Sequence[NoteTransition], *, session: Session) -> int:
        """Write the next status of notes, and return how many: a note with a lost lease or another status is left."""
        if not settled:
            return 0
        # A doctor's list of patients shows what waits.
        session.mark_written(one.note.patient_id for one in settled)
        writes = [UpdateOne(*await self._settling(one)) for one in settled]
        result = await self._notes.bulk_write(writes, ordered=False, session=session)
        return int(result.matched_count)

    async def _settling(self, one: NoteTransition) -> tuple[Document, Document]:
        note = one.note
        wanted: Document = {"_id": note.id, "status": note.status}
        if one.lease is not None:
            wanted["lease"] = one.lease
        change: Document = {
            "$set": {"status": one.status, "failure": one.failure},
            "$unset": {"lease": 1, "wake_at": 1},
        }
        if one.retry_at is not None:
            change["$set"] |= {"wake_at": one.retry_at, "attempts": 0}
            change["$inc"] = {"retries": 1}
            del change["$unset"]["wake_at"]
        if one.extracted_by:
            change["$set"]["extracted_by"] = one.extracted_by
        if one.measured:
            change["$set"]["measured"] = one.measured
        if one.review is not None:
            change["$set"]["dropped"] = len(one.review["dropped"])
            change["$set"]["questions"] = len(one.review.get("questions", ()))
            change["$set"]["sealed_review"] = await self._vault.seal(
                note.patient_id, f"notes|{note.id}|review", one.review
            )
        return wanted, change

    async def requeue(self, note: Note, *, at: datetime, reader: Reader | None = None, session: Session) -> bool:
        """Queue a failed note again, for the reader that its author chose."""
        session.mark_written([note.patient_id])
        return await self._notes.update_if(
            {"_id": note.id, "status": "failed"},
            {
                "$set": {
                    "status": "queued",
                    "failure": None,
                    "wake_at": at,
                    "attempts": 0,
                    "retries": 0,
                    "reader": reader,
                }
            },
            session=session,
        )

    async def waiting(self, doctor_ids: Iterable[str], patient_ids: Sequence[str]) -> dict[str, WaitingNotes]:
        """The proposed notes of these doctors by patient; patients without one are missing."""
        cursor = self._notes.find(
            {"doctor_id": {"$in": list(doctor_ids)}, "status": "proposed", "patient_id": {"$in": list(patient_ids)}},
            {"_id": 0, "patient_id": 1, "questions": 1},
        )
        found: dict[str, WaitingNotes] = {}
        for row in await cursor.to_list(None):
            before = found.get(row["patient_id"], WaitingNotes())
            found[row["patient_id"]] = WaitingNotes(before.notes + 1, before.questions + row.get("questions", 0))
        return found

    async def with_status(
        self,
        patient_ids: Sequence[str],
        statuses: Sequence[NoteStatus],
        *,
        doctor_id: str | None = None,
        session: Session,
    ) -> list[Note]:
        query: Document = {"patient_id": {"$in": list(patient_ids)}, "status": {"$in": list(statuses)}}
        if doctor_id is not None:
            query["doctor_id"] = doctor_id
        return [read_document(Note, row) for row in await self._notes.find(query, session=session).to_list(None)]

    async def withdrawn_ids(self, patient_ids: Sequence[str]) -> set[str]:
        """The notes of these patients whose words are closed to them."""
        cursor = self._notes.find({"patient_id": {"$in": list(patient_ids)}, "status": "withdrawn"}, {"_id": 1})
        return {row["_id"] async for row in cursor}
