"""A small hospital on a stage: patients, a doctor, and what anybody may do, each by the service's own act."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cryptography.fernet import Fernet
from pymongo.errors import PyMongoError

from hospital_rt.clock import from_wire, local_day
from hospital_rt.course import Outcome
from hospital_rt.database import Session, is_away
from hospital_rt.problems import Problem
from hospital_rt.schedule import Schedule
from hospital_rt.vault import Vault
from models.acts import accounts, assign, check_in, notes, remind, take_back
from models.notes import Note
from models.steps import Step, Words
from models.store import Store
from models.users import User
from tests.ledger import checks
from tests.ledger.memory_database import MemoryDatabase
from tests.ledger.memory_server import Document, Server
from tests.ledger.stage import Actor, Stage

KEYS = (Fernet.generate_key().decode(),)
BEGAN = datetime(2027, 3, 1, 8, 30, tzinfo=UTC)
LEASE_S = 20.0
REVIEW: Document = {"dropped": [], "unmatched": []}
DROPPED: Document = {"dropped": [{"kind": "checklist", "reason": "quote", "detail": "", "item": {}}], "unmatched": []}
# What a note holds, by its text: the schedules of its steps, None for a checklist step.
KINDS: dict[str, list[dict[str, Any] | None]] = {
    "daily": [{}],
    "once": [{"duration_days": 1}],
    "plan": [{"times_per_day": 2}, {"duration_days": 2}, None],
    "taper": [{"duration_days": 3, "miss_policy": "fixed"}, {"every_days": 7}],
    "unsure": [{"times_per_day": 3}, None],
    "nothing": [],
    "broken": [],
}


@dataclass
class Journal:
    """What was acknowledged: it must be there in the end."""

    notes: list[str] = field(default_factory=list)
    answers: list[tuple[str, str, str]] = field(default_factory=list)          # step, slot, outcome
    undone: set[str] = field(default_factory=set)
    refused: int = 0


class Reader:
    """A client: it reads its feed from time to time, after the newest ``seq`` that it has seen."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.seen: list[int] = []

    def read(self, server: Server) -> None:
        after = self.seen[-1] if self.seen else 0
        mine = [row for row in server.all("events") if row["user_id"] == self.user_id and row["seq"] > after]
        self.seen += sorted(row["seq"] for row in mine)


class World:
    """The records, the people, the time, and who is acting at the moment."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.server = Server()
        self.server.stage = self.stage
        self.now = BEGAN
        self.journal = Journal()
        self.doctors, self.patients = [str(uuid4()), str(uuid4())], [str(uuid4()), str(uuid4())]
        self.readers = [Reader(id) for id in (*self.doctors, *self.patients)]
        self.store = self.stage.now_do(self._open())
        self.stage.now_do(self._people())

    def close(self) -> None:
        self.stage.close()

    def again(self) -> World:
        """The same records at the same time, with nobody acting."""
        other = object.__new__(World)
        other.stage, other.server = Stage(), self.server.copy()
        other.server.stage = other.stage
        other.now, other.journal = self.now, Journal()
        other.doctors, other.patients = self.doctors, self.patients
        other.readers = [Reader(reader.user_id) for reader in self.readers]
        other.store = other.stage.now_do(other._open())
        return other

    async def _open(self) -> Store:
        """The records as one more process of the service has them."""
        database = MemoryDatabase(self.server)
        store = Store(database, Vault(database.collection("keys"), KEYS), retention_days=30)
        if not self.server.rows:
            await store.open()
        else:
            await store.vault.open()
            await store.vault.load_keys([*self.doctors, *self.patients])
        return store

    async def _people(self) -> None:
        for role, ids in (("doctor", self.doctors), ("patient", self.patients)):
            for number, id in enumerate(ids):
                user = User(
                    id=id, role=role, status="active", name=f"{role} {number}", email=f"{role}{number}@example.org",  # type: ignore[arg-type]
                    password_hash="", timezone="UTC", reminder_time="09:00", language="en", created_at=self.now,
                )  # fmt: skip

                async def work(session: Session, user: User = user) -> None:
                    await self.store.users.insert(user, session=session)

                await self.store.transaction(work)
        for patient_id in self.patients:
            await assign.assign_doctor(
                self.store, patient_id=patient_id, doctor_id=self.doctors[0], share_history=False, now=self.now
            )

    # Acting

    def enter(self, name: str, act: Callable[[Store], Awaitable[Any]], *, lose_answers: int = 0) -> Actor:
        """Somebody begins to act, through a process of the service of their own."""
        store = self.stage.now_do(self._open())

        async def play() -> Any:
            try:
                return await act(store)
            except Problem as refused:
                self.journal.refused += 1
                return refused

        return self.stage.enter(name, play, lose_answers=lose_answers)

    def do(self, name: str, act: Callable[[Store], Awaitable[Any]]) -> Any:
        """The same, from beginning to end with nobody else."""
        return self.finish(self.enter(name, act))

    def finish(self, actor: Actor) -> Any:
        """Let somebody come to an end: with what they wanted, or with a refusal."""
        self.stage.finish(actor)
        return self.ended(actor)

    def ended(self, actor: Actor) -> Any:
        """What it came to. That others held it up for too long is an answer of 503, anything else is a fault."""
        if actor.error is None or (isinstance(actor.error, PyMongoError) and is_away(actor.error)):
            return actor.result
        raise actor.error

    def steps(self, **wanted: Any) -> list[Document]:
        return [row for row in self.server.all("steps") if all(row[name] == value for name, value in wanted.items())]

    def notes(self, *statuses: str) -> list[Document]:
        return [row for row in self.server.all("notes") if row["status"] in statuses]

    def settle(self) -> None:
        """Everybody comes to an end, leases run out, and the night shift does what is left to do."""
        for actor in list(self.stage.actors):
            self.finish(actor)
        for _ in range(6):
            self.now += timedelta(minutes=3)
            for row in self.notes("queued", "processing"):
                self.do("worker", self.worker(row["_id"]))
            self.do("dispatcher", self.dispatcher())
        for reader in self.readers:
            reader.read(self.server)

    def rows(self) -> dict[str, list[Document]]:
        """All records as readers see them."""
        return defaultdict(list, {name: list(rows.values()) for name, rows in self.server.rows.items()})

    def check(self) -> None:
        """What holds at every moment."""
        checks.at_every_moment(self.rows())

    def check_at_rest(self) -> None:
        """Everybody comes to an end, and then all of it holds."""
        self.settle()
        rows = self.rows()
        checks.at_rest(rows, self.store.vault, now=self.now)
        checks.nothing_acknowledged_is_lost(
            rows, notes=self.journal.notes, answers=self.journal.answers, undone=self.journal.undone
        )
        checks.everybody_heard_everything(rows, {reader.user_id: reader.seen for reader in self.readers})

    # Acts

    def dispatcher(self, *, limit: int = 2) -> Callable[[Store], Awaitable[int]]:
        async def act(store: Store) -> int:
            looks = 0
            while (await remind.record_due(store, now=self.now, limit=limit)).steps == limit:
                looks += 1
                assert looks < 50, "the same steps are due again and again"
            return looks

        return act

    def submit(self, patient_id: str, kind: str) -> Callable[[Store], Awaitable[Any]]:
        async def act(store: Store) -> None:
            done = await notes.submit_note(
                store, doctor_id=self._doctor_of(patient_id), patient_id=patient_id, text=kind, now=self.now
            )
            self.journal.notes.append(done.note.id)

        return act

    def _doctor_of(self, patient_id: str) -> str:
        current = [row["doctor_id"] for row in self.server.all("assignments")
                   if row["patient_id"] == patient_id and row.get("current")]  # fmt: skip
        return current[0] if current else self.doctors[0]

    def worker(self, note_id: str) -> Callable[[Store], Awaitable[Any]]:
        async def act(store: Store) -> None:
            note = await store.notes.claim(note_id, lease=uuid4().hex, now=self.now, lease_s=LEASE_S)
            if note is None:
                return
            await notes.tell_processing(store, note, now=self.now)
            kind = await store.notes.text(note)
            patient = await store.users.get(note.patient_id)
            assert kind is not None and patient is not None
            if kind == "broken":
                await notes.fail_note(store, note, failure="invalid-answer", now=self.now)
                return
            await notes.finish_note(
                store, note, review=DROPPED if kind == "unsure" else REVIEW, propose=kind == "unsure",
                steps=[self._step(note, patient, place, schedule) for place, schedule in enumerate(KINDS[kind])],
                extracted_by="stand-in", failure=None, now=self.now, day_seconds=None,
            )  # fmt: skip

        return act

    def _step(self, note: Note, patient: User, place: int, schedule: dict[str, Any] | None) -> Step:
        plan = None
        if schedule is not None:
            day = local_day(note.created_at, patient.zone)
            plan = Schedule(start_date=day, **schedule).at_reminder_time(patient.reminder_time)
        return Step(
            id=str(uuid4()), sort=f"{note.number:06d}-{place}", note_id=note.id, note_number=note.number,
            patient_id=note.patient_id, doctor_id=note.doctor_id, kind="plan" if plan else "checklist",
            as_needed=False, by="extractor", status="proposed", created_at=self.now, timezone=patient.timezone,
            schedule=plan, words=Words(title="Walk", detail=None, quote="walk"),
        )  # fmt: skip

    def check_in(
        self, step: Document, slot: str | None, outcome: Outcome = "done"
    ) -> Callable[[Store], Awaitable[Any]]:
        async def act(store: Store) -> None:
            done = await check_in.check_in(
                store, patient_id=step["patient_id"], step_id=step["_id"], slot=slot, outcome=outcome, reason=None,
                now=self.now,
            )  # fmt: skip
            if done.users and slot and step["course"]:
                held = done.step.course.window if done.step.course else ()
                if any(one.at == from_wire(slot) and one.state == outcome for one in held):
                    self.journal.answers.append((step["_id"], slot, outcome))

        return act

    def undo(self, step: Document, slot: str | None = None) -> Callable[[Store], Awaitable[Any]]:
        self.journal.undone.add(step["_id"])

        async def act(store: Store) -> None:
            await take_back.take_back(
                store, patient_id=step["patient_id"], step_id=step["_id"], slot=slot, now=self.now
            )

        return act

    def cancel(self, step: Document) -> Callable[[Store], Awaitable[Any]]:
        async def act(store: Store) -> None:
            held = await store.steps.get(step["_id"])
            assert held is not None
            await check_in.cancel_step(store, held, by="patient", reason=None, now=self.now)

        return act

    def judge(self, note: Document, verdict: str) -> Callable[[Store], Awaitable[Any]]:
        """The author approves, rejects or withdraws."""

        async def act(store: Store) -> None:
            whose = {"note_id": note["_id"], "doctor_id": note["doctor_id"], "now": self.now}
            if verdict == "approve":
                await notes.approve_note(store, chosen=None, day_seconds=None, **whose)
            elif verdict == "reject":
                await notes.reject_note(store, **whose)
            else:
                await notes.withdraw_note(store, reason=None, **whose)

        return act

    def move(self, patient_id: str, **changes: str) -> Callable[[Store], Awaitable[Any]]:
        async def act(store: Store) -> None:
            await accounts.change_settings(store, patient_id, changes)

        return act

    def change_doctor(self, patient_id: str, doctor_id: str) -> Callable[[Store], Awaitable[Any]]:
        async def act(store: Store) -> None:
            await assign.assign_doctor(
                store, patient_id=patient_id, doctor_id=doctor_id, share_history=False, now=self.now
            )

        return act
