"""Steps: what a patient is to do, with the course of each plan step. Their text is sealed.

``version`` counts the writes of a step; together with transactions it lets exactly one of two that race win.
``wake_at`` is when the step must next be evaluated; only active steps have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

from pymongo import ASCENDING, IndexModel, UpdateOne

from hospital_rt.domain.as_needed import DAY, MAX_KEPT, Use, UseLimits, changes_at, next_allowed_at
from hospital_rt.domain.clock import local_day, to_wire
from hospital_rt.domain.course import ANSWERED, Course, Slot, describe_today, next_reminder_at, wake_at
from hospital_rt.domain.schedule import Kind, Schedule, Timeline
from hospital_rt.storage.batch_loader import BatchLoader
from hospital_rt.storage.database import MAX_COUNTED, Collection, Document, Session
from hospital_rt.storage.documents import read_document, write_document
from hospital_rt.storage.field_encryption import Unreadable, Vault
from models.course_codec import (
    course_row,
    limits_row,
    read_course,
    read_limits,
    read_schedule,
    read_uses,
    schedule_row,
    uses_row,
)

LATE = timedelta(seconds=60)
MOVING = ("status", "timezone", "activated_at", "completed_at", "cancelled_at", "ended", "uses", "kept_number")
StepStatus = Literal["proposed", "active", "completed", "cancelled", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepText:
    """The clinical words of a step; all None once the patient is erased."""

    title: str | None = field(default=None, repr=False)
    detail: str | None = field(default=None, repr=False)
    quote: str | None = field(default=None, repr=False)
    start: int | None = None  # offsets of the quote in the note, in code points
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. ``course`` stands for an active or ended plan step that has slots, ``schedule`` for any plan step.

    Args:
        uses: how many check-ins a step that has no slots has.
        recent_uses: the newest of them, by time.
    """

    id: str
    sort: str
    note_id: str
    note_number: int
    patient_id: str
    doctor_id: str
    kind: Kind
    as_needed: bool
    by: Literal["extractor", "doctor"]
    status: StepStatus
    created_at: datetime
    timezone: str
    words: StepText = field(repr=False)
    schedule: Schedule | None = None
    course: Course | None = None
    activated_at: datetime | None = None
    completed_at: datetime | None = None
    cancelled_at: datetime | None = None
    ended: str | None = None
    limits: UseLimits | None = None
    uses: int = 0
    recent_uses: tuple[Use, ...] = ()
    kept_number: int | None = None  # the number of the newest note whose author let this step run on
    version: int = 0

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def has_slots(self) -> bool:
        return self.kind == "plan" and not self.as_needed

    @property
    def ends_at(self) -> datetime | None:
        """When the days of an as-needed step are over: counted from its first day, or a later approval's.

        A ``fixed`` one ends where the day of the note puts it.
        """
        plan = self.schedule
        if plan is None or plan.duration_days is None or self.activated_at is None:
            return None
        began_on = local_day(self.activated_at, self.zone)
        late = 0 if plan.is_fixed or plan.day_seconds else max(0, (began_on - plan.start_date).days)
        return Timeline(plan, self.activated_at, self.zone).start_of(late + plan.duration_days)

    def wake_at(self) -> datetime | None:
        if self.status != "active":
            return None
        if self.course is not None:
            return wake_at(self.course, self.zone)
        return self.ends_at if self.as_needed else None

    def is_waiting(self, slot: str) -> bool:
        """Whether this slot, in wire format, is open and not snoozed."""
        waiting = self.course.open_slot if self.course and self.status == "active" else None
        return waiting is not None and waiting.snoozed_until is None and to_wire(waiting.at) == slot

    def with_course(self, course: Course) -> Step:
        """The step after its course moved on: completed when the course ended."""
        if self.status == "cancelled":
            return replace(self, course=course)
        if course.ended:
            return replace(
                self, course=course, status="completed", completed_at=course.completed_at, ended=course.ended
            )
        return replace(self, course=course, status="active", completed_at=None, ended=None)

    def today_ends(self, now: datetime) -> datetime | None:
        """Until when :meth:`as_json` stays the same without an event; None when time alone changes nothing."""
        if self.as_needed:
            return changes_at(self.limits, self.recent_uses, now)
        return self.course.timeline(self.zone).today(now)[1] if self.course else None

    @property
    def last_use_at(self) -> datetime | None:
        return self.recent_uses[-1].at if self.recent_uses else None

    def with_use(self, use: Use) -> Step:
        """The step with one more use."""
        uses = tuple(sorted((*self.recent_uses, use), key=lambda one: one.at))[-MAX_KEPT:]
        return replace(self, recent_uses=uses, uses=self.uses + (use.done and self.as_needed))

    def without_use(self, at: datetime, *, done: bool) -> Step:
        """The step without a use of that time, which the patient took back."""
        uses = list(self.recent_uses)
        found = next((one for one in reversed(uses) if one.at == at and one.done == done), None)
        if found:
            uses.remove(found)
        return replace(self, recent_uses=tuple(uses), uses=max(0, self.uses - (done and self.as_needed)))

    def as_json(self, *, now: datetime, quotes: bool = True) -> Document:
        """**Step** (contract, "Step"). ``quotes`` False where the viewer is not given the doctor's words."""
        course, zone = self.course, self.zone
        done = course.done if course else self.uses if self.as_needed else int(self.status == "completed")
        total = (
            course.total if course else (None if self.as_needed else self.schedule.occurrences if self.schedule else 1)
        )
        active = self.status == "active"
        waiting = course.open_slot if course and active else None
        upcoming = next_reminder_at(course, zone) if course and active else None
        view: Document = {
            "id": self.id,
            "note_id": self.note_id,
            "patient_id": self.patient_id,
            "doctor_id": self.doctor_id,
            "kind": self.kind,
            "title": self.words.title,
            "detail": self.words.detail,
            "quote": self.words.quote if quotes else None,
            "by": self.by,
            "as_needed": self.as_needed,
            "status": self.status,
            "ended": self.ended,
            "created_at": to_wire(self.created_at),
            "completed_at": to_wire(self.completed_at),
            "cancelled_at": to_wire(self.cancelled_at),
            "schedule": self._schedule_json(),
            "progress": {"done": done, "total": total},
            "open_slot": to_wire(waiting.at) if waiting else None,
            "snoozed_until": to_wire(waiting.snoozed_until) if waiting else None,
            "today": describe_today(course, now=now, zone=zone) if course and self.status != "cancelled" else [],
            "next_reminder_at": to_wire(upcoming),
        }
        return {**view, **self._uses_json(now)} if self.as_needed else view

    def _uses_json(self, now: datetime) -> Document:
        """What an as-needed step shows beside the members of all: how often it may be used, and was."""
        done = [use.at for use in self.recent_uses if use.done]
        allowed = next_allowed_at(self.limits, self.recent_uses, now)
        return {
            "limits": limits_row(self.limits),
            "last_done_at": to_wire(done[-1]) if done else None,
            "next_allowed_at": to_wire(allowed),
            "done_24h": sum(now - DAY < at <= now for at in done),
        }

    def _schedule_json(self) -> Document | None:
        plan = self.schedule
        if plan is None:
            return None
        return {
            "start_date": plan.start_date.isoformat(),
            "times": sorted(set(plan.times)),
            "times_from": plan.times_from,
            "parts": list(plan.parts) or None,
            "every_days": plan.every_days,
            "weekdays": list(plan.weekdays) or None,
            "every_months": plan.every_months,
            "on_day": (plan.on_day or plan.start_date.day) if plan.every_months else None,
            "rrule": plan.rrule,
            "occurrences": plan.occurrences,
            "miss_policy": plan.miss_policy,
        }


def sort_key(noted_at: datetime, *, index: int) -> str:
    """Where a step comes in lists: by its note, then by its index in the note. Unique."""
    return f"{int(noted_at.timestamp() * 1000):015d}-{index:03d}-{uuid4().hex[:6]}"


class Steps:
    """The collection ``steps``."""

    INDEXES = [
        IndexModel([("patient_id", ASCENDING), ("status", ASCENDING), ("sort", ASCENDING)]),
        IndexModel([("patient_id", ASCENDING), ("sort", ASCENDING)]),
        IndexModel([("note_id", ASCENDING)]),
        IndexModel([("wake_at", ASCENDING)], name="due", partialFilterExpression={"wake_at": {"$exists": True}}),
    ]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._steps = collection
        self._vault = vault
        self._claiming = asyncio.Lock()  # concurrent calls of one process never take the same steps
        self._active_loader = BatchLoader(self._active_of_each, max_size=20)

    async def _read_all(self, rows: Sequence[Document]) -> list[Step]:
        await self._vault.load_keys({row["patient_id"] for row in rows})
        return [self._read(row) for row in rows]

    def _read(self, row: Document) -> Step:
        try:
            opened = self._vault.open_loaded(row["patient_id"], f"steps|{row['_id']}|words", row["sealed_words"])
        except Unreadable:
            opened = {}
        schedule = read_schedule(row["schedule"]) if row.get("schedule") else None
        course = read_course(row["course"], schedule) if row.get("course") and schedule else None
        return read_document(
            Step,
            row,
            words=read_document(StepText, opened),
            schedule=schedule,
            course=course,
            limits=read_limits(row.get("limits")),
            recent_uses=read_uses(row),
        )

    def _row(self, step: Step) -> Document:
        return {
            **write_document(step, without=("words",)),
            **self._moving(step)[0],
            "sealed_words": self._vault.seal_loaded(step.patient_id, f"steps|{step.id}|words", asdict(step.words)),
        }

    @staticmethod
    def _moving(step: Step) -> tuple[Document, Document]:
        """The members that change during a step's life: those to set and those to take away."""
        values: Document = {
            **{name: getattr(step, name) for name in MOVING},
            "last_use_at": step.last_use_at,
            "recent_uses": uses_row(step.recent_uses),
            "limits": limits_row(step.limits),
            "schedule": schedule_row(step.schedule) if step.schedule else None,
            "course": course_row(step.course) if step.course else None,
        }
        wake = step.wake_at()
        if wake is None:
            return values, {"wake_at": 1, "held_until": 1, "held_by": 1}
        values["wake_at"] = wake
        return values, {"held_until": 1, "held_by": 1}

    async def insert(self, steps: Sequence[Step], *, session: Session) -> None:
        if steps:
            session.mark_written(step.patient_id for step in steps)
            await self._vault.load_keys({step.patient_id for step in steps})
            await self._steps.insert_many([self._row(step) for step in steps], session=session)

    async def save(self, steps: Sequence[Step], *, session: Session) -> None:
        """Write what moved. Inside a transaction a step that another has written since makes it run again."""
        session.mark_written(step.patient_id for step in steps)
        writes = []
        for step in steps:
            values, gone = self._moving(step)
            writes.append(UpdateOne({"_id": step.id}, {"$set": values, "$unset": gone, "$inc": {"version": 1}}))
        if writes:
            await self._steps.bulk_write(writes, ordered=False, session=session)

    async def reword(self, steps: Sequence[Step], *, session: Session) -> None:
        """Seal new words: the author edited a proposed step."""
        session.mark_written(step.patient_id for step in steps)
        for step in steps:
            await self._steps.update_one(
                {"_id": step.id}, {"$set": {"sealed_words": self._row(step)["sealed_words"]}}, session=session
            )

    async def get(self, step_id: str, *, session: Session | None = None) -> Step | None:
        return (await self.by_ids([step_id], session=session)).get(step_id)

    async def by_ids(self, step_ids: Sequence[str], *, session: Session | None = None) -> dict[str, Step]:
        """These steps by their ids, as far as they are there."""
        rows = await self._steps.find({"_id": {"$in": list(step_ids)}}, session=session).to_list(None)
        return {step.id: step for step in await self._read_all(rows)}

    async def of_note(self, note_id: str, *, session: Session | None = None) -> list[Step]:
        rows = await self._steps.find({"note_id": note_id}, session=session).sort("sort", 1).to_list(None)
        return await self._read_all(rows)

    async def find(self, wanted: Document) -> list[Step]:
        """All steps that a query finds, in order."""
        return await self._read_all(await self._steps.find(wanted).sort("sort", 1).to_list(None))

    async def patients_of_others(self, doctor_id: str, patient_ids: list[str]) -> set[str]:
        """Which of these patients have steps of another doctor."""
        return set(
            await self._steps.distinct(
                "patient_id",
                {
                    "patient_id": {"$in": patient_ids},
                    "doctor_id": {"$ne": doctor_id},
                },
            )
        )

    async def ids(self, wanted: Document) -> list[str]:
        return [row["_id"] for row in await self._steps.find(wanted, {"_id": 1}).to_list(None)]

    async def with_status(
        self, patient_ids: Sequence[str], statuses: Sequence[StepStatus], *, session: Session
    ) -> list[Step]:
        wanted = {"patient_id": {"$in": list(patient_ids)}, "status": {"$in": list(statuses)}}
        cursor = self._steps.find(wanted, session=session)
        return await self._read_all(await cursor.sort("sort", 1).to_list(None))

    async def active_of(self, patient_id: str) -> list[Step]:
        """A patient's active steps, in order: all of them, since there are never many."""
        return await self._active_loader(patient_id) or []

    async def _active_of_each(self, patient_ids: list[str]) -> dict[str, list[Step]]:
        cursor = self._steps.find({"patient_id": {"$in": patient_ids}, "status": "active"}).sort("sort", 1)
        found: dict[str, list[Step]] = {}
        for step in await self._read_all(await cursor.to_list(None)):
            found.setdefault(step.patient_id, []).append(step)
        return found

    async def page(self, wanted: Document, *, after: str | None, limit: int) -> list[Step]:
        query = dict(wanted)
        if after:
            query["sort"] = {"$gt": after}
        rows = await self._steps.find(query).sort("sort", 1).limit(limit).to_list(limit)
        return await self._read_all(rows)

    async def open_counts(self, patient_ids: list[str]) -> dict[str, int]:
        """How many active steps each patient has."""
        counts = dict.fromkeys(patient_ids, 0)
        only = {"_id": 0, "patient_id": 1}  # which the index holds
        cursor = self._steps.find({"patient_id": {"$in": patient_ids}, "status": "active"}, only)
        for row in await cursor.to_list(None):
            counts[row["patient_id"]] += 1
        return counts

    # Due work

    async def claim_due(self, now: datetime, *, limit: int, lease_s: float) -> list[str]:
        """Due steps, held for a while so that two workers do not take the same.

        Two that did would do the work twice over; what makes a reminder happen once is the transaction that records
        it. Fewer than ``limit`` means that there were no more.
        """
        async with self._claiming:
            return await self._claim_due(now, limit=limit, lease_s=lease_s)

    async def _claim_due(self, now: datetime, *, limit: int, lease_s: float) -> list[str]:
        free = {"wake_at": {"$lte": now}, "$or": [{"held_until": None}, {"held_until": {"$lte": now}}]}
        claim = {"held_until": now + timedelta(seconds=lease_s), "held_by": uuid4().hex}
        mine: list[str] = []
        while True:
            found = self._steps.find(free, {"_id": 1}).sort("wake_at", 1).limit(limit - len(mine))
            ids = [row["_id"] for row in await found.to_list(None)]
            if not ids:
                return mine
            held = await self._steps.update_many({"_id": {"$in": ids}, **free}, {"$set": claim})
            if held.modified_count < len(ids):  # another was faster with some
                claimed = self._steps.find({"_id": {"$in": ids}, "held_by": claim["held_by"]}, {"_id": 1})
                mine += [row["_id"] for row in await claimed.to_list(None)]
            else:
                mine += ids
            if len(mine) == limit or held.modified_count == len(ids):
                return mine

    async def due_among(self, step_ids: Sequence[str], now: datetime, *, session: Session) -> list[Step]:
        cursor = self._steps.find(
            {"_id": {"$in": list(step_ids)}, "status": "active", "wake_at": {"$lte": now}}, session=session
        )
        return await self._read_all(await cursor.to_list(None))

    async def backlog(self, now: datetime) -> tuple[int, int, float]:
        """How many are due, how many of them are late, and for how many seconds the first has been due."""
        due = await self._steps.count_documents({"wake_at": {"$lte": now}}, limit=MAX_COUNTED)
        waited = await self._steps.count_documents({"wake_at": {"$lte": now - LATE}}, limit=MAX_COUNTED)
        first = await self._steps.find_one({"wake_at": {"$lte": now}}, {"wake_at": 1}, sort=[("wake_at", 1)])
        return due, waited, (now - first["wake_at"]).total_seconds() if first else 0.0

    async def defer(self, step_id: str, *, until: datetime) -> None:
        """Leave a step that cannot be worked on alone for a while, so that it does not hold the others up."""
        await self._steps.update_one({"_id": step_id}, {"$set": {"held_until": until}})


def answered(step: Step) -> list[Slot]:
    """The answers that still stand in the window of a step's course, oldest first."""
    slots: list[Any] = [slot for slot in step.course.window if slot.state in ANSWERED] if step.course else []
    return sorted(slots, key=lambda slot: slot.answered_at)
