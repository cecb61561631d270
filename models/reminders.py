"""The ledger: the collection ``reminders``, one record for each slot of a step and for each use without a slot.

- A *slot* is one moment at which a step is due. It gets a record once it came due, or was answered before.
- A *reminder* is what the patient was sent for a slot: the event ``reminder.due``.
- The *ledger* is all these records (:class:`Reminder`), with the outcomes of check-ins.
- ``recorded`` says whether a reminder was sent for the slot of a record. It is false for a slot that was answered early
  or came due during an outage, and for a use without a slot.

The id of a record is made of step, local date and index (:func:`hospital_rt.domain.course.slot_id`), so that writing a
slot twice collides. A record counts towards adherence by its state; uses of as-needed steps and answers given after
the step was cancelled do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from pymongo import ASCENDING, DESCENDING, DeleteOne, IndexModel, InsertOne, UpdateOne

from hospital_rt.domain.course import Course, Outcome, Slot, SlotState, slot_id
from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document
from hospital_rt.storage.field_encryption import Vault

LOOK_BACK = (timedelta(days=1), timedelta(days=14), None)
MAX_SLOTS, MAX_ANSWERS = 2000, 1000
Use = Literal["slot", "as_needed", "checklist"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """One record of the ledger: a slot that came due or was answered, or a use without a slot (``use``).

    ``slot_at`` is what clients call the slot.
    """

    id: str  # ``slot_id(step_id, key)``, such as "<step_id>@2026-03-02#0"
    step_id: str
    patient_id: str
    use: Use
    number: int
    key: str
    slot_at: datetime
    day: date  # the patient's local date
    state: SlotState
    recorded: bool  # a reminder was sent
    repeats: int
    outcome: Outcome | None = None
    answered_at: datetime | None = None
    sealed_reason: str | None = field(default=None, repr=False)
    done_at: datetime | None = None  # when it really was, if the patient said so
    over_limit: bool = False  # a use beyond what the note allows
    last_repeat: int = 0  # the ``repeat`` number of its last reminder
    by_id: str | None = None  # the carer who answered; None: the patient

    def as_slot(self) -> Slot:
        return Slot(
            number=self.number,
            key=self.key,
            at=self.slot_at,
            state=self.state,
            recorded=self.recorded,
            repeats=self.repeats,
            answered_at=self.answered_at,
            last_repeat=self.last_repeat,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """One write to the reminders: the new state of a slot."""

    step_id: str
    patient_id: str
    slot: Slot
    day: date
    is_new: bool = False  # the id must not exist yet
    answer: bool = False  # this write changes the outcome
    reason: str | None = field(default=None, repr=False)
    done_at: datetime | None = None
    by_id: str | None = None


class LedgerCount(NamedTuple):
    """One record reduced to what adherence needs; a use without a slot has no state that counts."""

    patient_id: str
    step_id: str
    is_slot: bool
    day: date
    slot_at: datetime
    state: SlotState
    answered_at: datetime | None


class Reminders:
    """The collection ``reminders``."""

    INDEXES = [
        IndexModel([("step_id", ASCENDING), ("slot_at", DESCENDING)]),
        IndexModel([("patient_id", ASCENDING), ("day", ASCENDING)]),
    ]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._reminders = collection
        self._vault = vault

    @staticmethod
    def _read(row: Document) -> Reminder:
        day, told = date.fromisoformat(row["day"]), row.get("told", row["repeats"])
        return read_document(Reminder, row, day=day, last_repeat=told)

    async def write(
        self, entries: Sequence[LedgerEntry], removed: Sequence[tuple[str, Slot]] = (), *, session: Session
    ) -> None:
        """Write the new states of slots.

        Raises:
            DuplicateKeyError: a new reminder is already recorded.
        """
        session.mark_written(entry.patient_id for entry in entries)
        writes: list[Any] = [DeleteOne({"_id": slot_id(step_id, slot.key)}) for step_id, slot in removed]
        for entry in entries:
            slot, id = entry.slot, slot_id(entry.step_id, entry.slot.key)
            fixed: Document = {
                "step_id": entry.step_id,
                "patient_id": entry.patient_id,
                "use": "slot",
                "number": slot.number,
                "key": slot.key,
                "slot_at": slot.at,
                "day": entry.day.isoformat(),
            }
            moving: Document = {
                "state": slot.state,
                "recorded": slot.recorded,
                "repeats": slot.repeats,
                "told": slot.last_repeat,
            }
            if entry.answer:
                moving["answered_at"] = slot.answered_at
                moving["outcome"] = slot.state if slot.answered_at else None
                moving["done_at"] = entry.done_at if slot.answered_at else None
                moving["by_id"] = entry.by_id if slot.answered_at else None
                moving["sealed_reason"] = await self._seal_reason(entry.patient_id, id, entry.reason)
            if entry.is_new:
                writes.append(InsertOne({"_id": id, **fixed, **moving}))
            else:
                writes.append(UpdateOne({"_id": id}, {"$set": moving, "$setOnInsert": fixed}, upsert=True))
        if writes:
            await self._reminders.bulk_write(writes, ordered=False, session=session)

    async def _seal_reason(self, patient_id: str, id: str, reason: str | None) -> str | None:
        return await self._vault.seal(patient_id, f"reminders|{id}|reason", reason) if reason else None

    async def record_use(
        self,
        *,
        step_id: str,
        patient_id: str,
        use: Use,
        version: int,
        at: datetime,
        now: datetime,
        day: date,
        outcome: Outcome,
        reason: str | None,
        over_limit: bool = False,
        by_id: str | None = None,
        session: Session,
    ) -> None:
        """A check-in without a slot: a checklist step, or one use of an as-needed step. ``version`` is the step's.

        Args:
            at: when it was; ``now``: when it was reported.
        """
        session.mark_written([patient_id])
        key = f"use-{at.isoformat()}-{version:06d}"
        id = slot_id(step_id, key)
        await self._reminders.insert_one(
            {
                "_id": id,
                "step_id": step_id,
                "patient_id": patient_id,
                "use": use,
                "number": -1,
                "key": key,
                "slot_at": at,
                "day": day.isoformat(),
                "state": outcome,
                "recorded": False,
                "repeats": 0,
                "outcome": outcome,
                "answered_at": now,
                "done_at": at,
                "over_limit": over_limit,
                "by_id": by_id,
                "sealed_reason": await self._seal_reason(patient_id, id, reason),
            },
            session=session,
        )

    async def record_late(
        self,
        reminder: Reminder,
        *,
        outcome: Outcome,
        reason: str | None,
        at: datetime,
        done_at: datetime | None = None,
        by_id: str | None = None,
        session: Session,
    ) -> None:
        """Record an answer to a slot of a cancelled step; it changes nothing else."""
        session.mark_written([reminder.patient_id])
        await self._reminders.update_one(
            {"_id": reminder.id},
            {
                "$set": {
                    "outcome": outcome,
                    "answered_at": at,
                    "done_at": done_at,
                    "by_id": by_id,
                    "sealed_reason": await self._seal_reason(reminder.patient_id, reminder.id, reason),
                }
            },
            session=session,
        )

    async def undo_answer(self, reminder: Reminder, *, session: Session) -> None:
        """Undo a check-in without a slot, or one made after its step was cancelled."""
        session.mark_written([reminder.patient_id])
        if reminder.use == "slot":
            await self._reminders.update_one(
                {"_id": reminder.id},
                {"$set": {"outcome": None, "answered_at": None, "sealed_reason": None, "by_id": None}},
                session=session,
            )
        else:
            await self._reminders.delete_one({"_id": reminder.id}, session=session)

    async def find(self, step_id: str, slot_at: datetime, *, session: Session | None = None) -> Reminder | None:
        row = await self._reminders.find_one({"step_id": step_id, "slot_at": slot_at}, session=session)
        return self._read(row) if row else None

    async def beyond_window(
        self, course: Course, step_id: str, slot_at: datetime, *, session: Session | None = None
    ) -> Slot | None:
        """The row of a slot that its course no longer keeps in its window; None for one it keeps, or no such row."""
        if any(slot.at == slot_at for slot in course.window):
            return None
        found = await self.find(step_id, slot_at, session=session)
        return found.as_slot() if found and found.use == "slot" else None

    async def get(self, id: str) -> Reminder | None:
        row = await self._reminders.find_one({"_id": id})
        return self._read(row) if row else None

    async def page(
        self, wanted: Document, *, from_: tuple[datetime, str] | None, now: datetime, limit: int
    ) -> list[Reminder]:
        """Reminders by slot, newest first. ``from_`` is the slot and id of the first record.

        Searches a short period first and longer ones only as needed: of hundreds of patients the newest few are
        requested, and sorting years of all of them would take seconds.
        """
        newest = from_[0] if from_ else now
        rows: list[Document] = []
        for back in LOOK_BACK:
            clauses: list[Document] = [wanted]
            if from_:
                at, id = from_
                clauses.append({"$or": [{"slot_at": {"$lt": at}}, {"slot_at": at, "_id": {"$lte": id}}]})
            if back is not None and newest.year > 1:
                clauses.append({"slot_at": {"$gte": newest - back}})
            cursor = self._reminders.find({"$and": clauses}).sort([("slot_at", -1), ("_id", -1)]).limit(limit)
            rows = await cursor.to_list(limit)
            if len(rows) == limit:
                break
        return [self._read(row) for row in rows]

    async def slots_since(self, patient_id: str, first_day: date) -> list[Reminder]:
        """A patient's slots that came due or were answered, from a local date on, the newest of them."""
        wanted = {"patient_id": patient_id, "use": "slot", "day": {"$gte": first_day.isoformat()}}
        rows = await self._reminders.find(wanted).sort([("day", -1), ("_id", -1)]).limit(MAX_SLOTS).to_list(None)
        return [self._read(row) for row in reversed(rows)]

    async def skipped_with_reason(self, patient_ids: list[str], first_day: date) -> list[Reminder]:
        """What these patients skipped from a local date on, with their reasons, oldest answer first."""
        wanted = {
            "patient_id": {"$in": patient_ids},
            "day": {"$gte": first_day.isoformat()},
            "state": "skipped",
            "sealed_reason": {"$type": "string"},
        }
        rows = await self._reminders.find(wanted).sort("answered_at", 1).to_list(None)
        await self._vault.load_keys({row["patient_id"] for row in rows})
        return [self._read(row) for row in rows]

    async def newest_answer(self, step_id: str, *, session: Session | None = None) -> Reminder | None:
        query: Document = {"step_id": step_id, "answered_at": {"$ne": None}}
        cursor = self._reminders.find(query, session=session).sort([("answered_at", -1), ("_id", -1)])
        rows = await cursor.limit(1).to_list(1)
        return self._read(rows[0]) if rows else None

    async def answers(self, step_id: str) -> list[Reminder]:
        """The check-ins of a step, the newest of them, oldest first."""
        cursor = self._reminders.find({"step_id": step_id, "answered_at": {"$ne": None}})
        rows = await cursor.sort([("answered_at", -1), ("_id", -1)]).limit(MAX_ANSWERS).to_list(None)
        return [self._read(row) for row in reversed(rows)]

    async def reason(self, reminder: Reminder) -> str | None:
        context = f"reminders|{reminder.id}|reason"
        return await self._vault.open_text_if_readable(reminder.patient_id, context, reminder.sealed_reason)

    async def counted_since(self, patient_ids: list[str], first_day: date) -> list[LedgerCount]:
        """The data for adherence: reminders of these patients from a local date on, oldest first."""
        wanted = {"patient_id": {"$in": patient_ids}, "day": {"$gte": first_day.isoformat()}}
        only = {"_id": 0, "patient_id": 1, "step_id": 1, "use": 1, "day": 1, "slot_at": 1, "state": 1, "answered_at": 1}
        rows = await self._reminders.find(wanted, only).sort("slot_at", 1).to_list(None)
        return [
            LedgerCount(
                row["patient_id"],
                row["step_id"],
                row["use"] == "slot",
                date.fromisoformat(row["day"]),
                row["slot_at"],
                row["state"],
                row.get("answered_at"),
            )
            for row in rows
        ]
