"""What people and the service do to the records, each by the service's own act."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import uuid4

from hospital_rt.domain.clock import from_wire, local_day, to_wire
from hospital_rt.domain.course import Outcome
from hospital_rt.domain.schedule import Schedule
from hospital_rt.storage.database import Session
from models.notes import Note
from models.services import (
    accounts,
    assignments,
    check_in,
    note_processing,
    note_review,
    record_reminders,
    snooze,
    undo_check_in,
)
from models.services.check_in import StepOutcome
from models.services.check_in_rules import CheckInRequest
from models.steps import Step, StepText
from models.store import Store
from models.users import Role, User
from tests.ledger.memory_server import Document

Act: TypeAlias = Callable[[Store], Awaitable[Any]]
LEASE_S = 20.0
REVIEW: Document = {"dropped": [], "unmatched": []}
DROPPED: Document = {"dropped": [{"kind": "checklist", "reason": "quote", "detail": "", "item": {}}], "unmatched": []}
# What a note holds, by its text: the schedules of its steps, None for a checklist step.
KINDS: dict[str, list[dict[str, Any] | None]] = {
    "daily": [{}],
    "once": [{"duration_days": 1}],
    "plan": [{"times_per_day": 2}, {"duration_days": 2}, None],
    "taper": [{"duration_days": 3, "miss_policy": "fixed"}, {"every_days": 7}],
    "week": [
        {"weekdays": ("mon", "thu"), "parts": ("noon", "bedtime"), "times_from": "day_parts"},
        {"every_months": 1, "on_day": "last"},
    ],
    "unsure": [{"times_per_day": 3}, None],
    "nothing": [],
    "broken": [],
}


@dataclass
class Journal:
    """What was acknowledged: it must be there in the end."""

    notes: list[str] = field(default_factory=list)
    answers: list[tuple[str, str, str]] = field(default_factory=list)  # step, slot, outcome
    times: dict[tuple[str, str], datetime] = field(default_factory=dict)  # when it really was, as the patient said
    undone: set[str] = field(default_factory=set)
    refused: int = 0


class Acts:
    """Whatever can be done, as functions of the records. Who and when come from the world in which it is done."""

    now: datetime
    journal: Journal
    doctors: list[str]
    patients: list[str]

    def all(self, name: str) -> list[Document]:
        """The records of a collection, as they were last seen."""
        raise NotImplementedError

    async def admit(self, store: Store) -> None:
        """The patients and doctors sign up, and each patient chooses the first doctor."""
        roles: list[tuple[Role, list[str]]] = [("doctor", self.doctors), ("patient", self.patients)]
        for role, ids in roles:
            for number, id in enumerate(ids):
                user = User(
                    id=id,
                    role=role,
                    status="active",
                    name=f"{role} {number}",
                    email=f"{role}{number}@example.org",
                    password_hash="",
                    timezone="UTC",
                    reminder_time="09:00",
                    language="en",
                    created_at=self.now,
                )

                async def work(session: Session, user: User = user) -> None:
                    await store.users.insert(user, session=session)

                await store.transaction(work)
        for patient_id in self.patients:
            await self.change_doctor(patient_id, self.doctors[0])(store)

    def steps(self, **wanted: Any) -> list[Document]:
        return [row for row in self.all("steps") if all(row[name] == value for name, value in wanted.items())]

    def notes(self, *statuses: str) -> list[Document]:
        return [row for row in self.all("notes") if row["status"] in statuses]

    def dispatcher(self, *, limit: int = 2) -> Act:
        async def act(store: Store) -> int:
            looks = 0
            while (await record_reminders.record_due(store, now=self.now, limit=limit)).steps == limit:
                looks += 1
                assert looks < 50, "the same steps are due again and again"
            return looks

        return act

    def submit(self, patient_id: str, kind: str) -> Act:
        async def act(store: Store) -> None:
            doctor_id = self._doctor_of(patient_id)
            sent = note_review.Submission(
                id=str(uuid4()), doctor_id=doctor_id, patient_id=patient_id, text=kind, now=self.now
            )
            done = await note_review.submit_note(store, sent)
            self.journal.notes.append(done.note.id)

        return act

    def _doctor_of(self, patient_id: str) -> str:
        current = [
            row["doctor_id"]
            for row in self.all("assignments")
            if row["patient_id"] == patient_id and row.get("current")
        ]
        return current[0] if current else self.doctors[0]

    def worker(self, note_id: str) -> Act:
        async def act(store: Store) -> None:
            claim = note_processing.NoteClaim(note_id=note_id, lease=uuid4().hex, now=self.now, lease_s=LEASE_S)
            begun = await note_processing.begin_note(store, claim)
            if begun is None:
                return
            note = begun.note
            kind = await store.notes.text(note)
            patient = await store.users.get(note.patient_id)
            assert kind is not None and patient is not None
            if kind == "broken":
                await note_processing.fail_note(store, note, failure="invalid-answer", now=self.now)
                return
            await note_processing.finish_note(store, self._reading(note, patient, kind))

        return act

    def worker_group(self, note_ids: list[str]) -> Act:
        """Notes that came at once, as far as they are of different patients: taken up together, finished together."""

        async def act(store: Store) -> None:
            taken = [
                note_processing.NoteClaim(note_id=id, lease=uuid4().hex, now=self.now, lease_s=LEASE_S)
                for id in note_ids
            ]
            begun = await note_processing.begin_note.together(store, taken)
            found = {one.note.patient_id: one.note for one in begun if one and not isinstance(one, Exception)}
            readings = []
            for note in found.values():
                kind, patient = await store.notes.text(note), await store.users.get(note.patient_id)
                assert kind is not None and patient is not None
                if kind != "broken":
                    readings.append(self._reading(note, patient, kind))
            try:
                if readings:
                    await note_processing.finish_note.together(store, readings)
            except note_processing.LeaseLost:
                for reading in readings:
                    await note_processing.finish_note.together(store, [reading])

        return act

    def submit_group(self, kinds: dict[str, str]) -> Act:
        """Notes for different patients, handed in at once."""

        async def act(store: Store) -> None:
            sent = [
                note_review.Submission(
                    id=str(uuid4()), doctor_id=self._doctor_of(id), patient_id=id, text=kind, now=self.now
                )
                for id, kind in kinds.items()
            ]
            for one, done in zip(sent, await note_review.submit_note.together(store, sent), strict=True):
                if isinstance(done, Exception):
                    self.journal.refused += 1
                else:
                    self.journal.notes.append(one.id)

        return act

    def _reading(self, note: Note, patient: User, kind: str) -> note_processing.ReadNote:
        return note_processing.ReadNote(
            note=note,
            review=DROPPED if kind == "unsure" else REVIEW,
            propose=kind == "unsure",
            steps=[self._step(note, patient, place, schedule) for place, schedule in enumerate(KINDS[kind])],
            extracted_by="stand-in",
            failure=None,
            now=self.now,
            day_seconds=None,
        )

    def _step(self, note: Note, patient: User, place: int, schedule: dict[str, Any] | None) -> Step:
        plan = None
        if schedule is not None:
            day = local_day(note.created_at, patient.zone)
            plan = Schedule(start_date=day, **schedule).at_day_times(patient.day)
        return Step(
            id=str(uuid4()),
            sort=f"{note.number:06d}-{place}",
            note_id=note.id,
            note_number=note.number,
            patient_id=note.patient_id,
            doctor_id=note.doctor_id,
            kind="plan" if plan else "checklist",
            as_needed=False,
            by="extractor",
            status="proposed",
            created_at=self.now,
            timezone=patient.timezone,
            schedule=plan,
            words=StepText(title="Walk", detail=None, quote="walk"),
        )

    def check_in(
        self, step: Document, slot: str | None, outcome: Outcome = "done", ago: timedelta | None = None
    ) -> Act:
        """``ago``: it was done so long before it is told."""

        async def act(store: Store) -> None:
            at = self.now - ago if ago is not None else None
            done = await check_in.check_in(
                store,
                patient_id=step["patient_id"],
                step_id=step["_id"],
                slot=slot,
                outcome=outcome,
                reason=None,
                now=self.now,
                at=to_wire(at) if at else None,
            )
            self._note_answer(step, slot, outcome, done, at=at)

        return act

    def snooze(self, step: Document, slot: str, minutes: int) -> Act:
        async def act(store: Store) -> None:
            whose = {"patient_id": step["patient_id"], "step_id": step["_id"]}
            await snooze.snooze_slot(store, slot=slot, count=minutes, now=self.now, **whose)

        return act

    def _note_answer(
        self, step: Document, slot: str | None, outcome: Outcome, done: StepOutcome, *, at: datetime | None = None
    ) -> None:
        if done.users and slot and step["course"]:
            held = done.step.course.window if done.step.course else ()
            if any(one.at == from_wire(slot) and one.state == outcome for one in held):
                self.journal.answers.append((step["_id"], slot, outcome))
                if at is not None:
                    self.journal.times[step["_id"], slot] = at

    def check_in_group(self, answers: list[tuple[Document, str | None, Outcome]]) -> Act:
        """Answers to different steps that came while others were at work: all in one transaction."""

        async def act(store: Store) -> None:
            asks = [
                CheckInRequest(
                    patient_id=step["patient_id"],
                    step_id=step["_id"],
                    slot_at=check_in.read_slot(slot),
                    outcome=outcome,
                    reason=None,
                    now=self.now,
                )
                for step, slot, outcome in answers
            ]
            checked = await check_in.check_in_group.together(store, asks)
            for (step, slot, outcome), done in zip(answers, checked, strict=True):
                if isinstance(done, Exception):
                    self.journal.refused += 1
                else:
                    self._note_answer(step, slot, outcome, done)

        return act

    def undo(self, step: Document, slot: str | None = None) -> Act:
        self.journal.undone.add(step["_id"])

        async def act(store: Store) -> None:
            await undo_check_in.undo_check_in(
                store, patient_id=step["patient_id"], step_id=step["_id"], slot=slot, now=self.now
            )

        return act

    def cancel(self, step: Document) -> Act:
        async def act(store: Store) -> None:
            held = await store.steps.get(step["_id"])
            assert held is not None
            await check_in.cancel_step(store, held, by="patient", reason=None, now=self.now, actor=None)

        return act

    def judge(self, note: Document, verdict: str) -> Act:
        """The author approves, rejects or withdraws."""

        async def act(store: Store) -> None:
            whose = {"note_id": note["_id"], "doctor_id": note["doctor_id"], "now": self.now}
            if verdict == "approve":
                await note_review.approve_note(store, chosen=None, day_seconds=None, **whose)
            elif verdict == "reject":
                await note_review.reject_note(store, actor=None, **whose)
            else:
                await note_review.withdraw_note(store, reason=None, **whose)

        return act

    def move(self, patient_id: str, **changes: Any) -> Act:
        async def act(store: Store) -> None:
            await accounts.change_settings(store, patient_id, changes, now=self.now, actor=None)

        return act

    def change_doctor(self, patient_id: str, doctor_id: str) -> Act:
        async def act(store: Store) -> None:
            await assignments.assign_doctor(
                store, patient_id=patient_id, doctor_id=doctor_id, share_history=False, now=self.now
            )

        return act
