"""A ward: many people and steps, made directly in the records, and a look at what the system has made of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import to_millisecond
from hospital_rt.domain.course import begin
from hospital_rt.domain.repeats import RepeatRule
from hospital_rt.domain.schedule import Schedule
from hospital_rt.settings import Settings, load_settings, read_environment
from hospital_rt.storage.database import Session
from models.app_context import AppContext, open_app_context
from models.services.assignments import assign_doctor
from models.steps import Step, StepText
from models.users import Role, User
from tests.support.driver import PASSWORD, Person
from tests.support.processes import System

ZONE = ZoneInfo("UTC")
DAY = 86_400
DAY_OF_REPEATS = 864  # a shortened day, on which 10 minutes are 6 s
REPEATED_AFTER = timedelta(seconds=6)


@contextlib.asynccontextmanager
async def look_inside(system: System) -> AsyncIterator[AppContext]:
    """The records of a running system, opened with its own settings and past every proxy."""
    async with open_app_context(inside_settings(system)) as app:
        yield app


def inside_settings(system: System) -> Settings:
    environment = {**system.environment(), "MONGO_URL": system.mongo_url, "REDIS_URL": system.redis_url}
    environment = {key: value for key, value in environment.items() if key not in {"MONGO_URL_FILE", "REDIS_URL_FILE"}}
    return load_settings("worker", read_environment(environment))


@dataclass(frozen=True, slots=True)
class Due:
    """One slot that comes due once, at ``at``."""

    step_id: str
    patient_id: str
    at: datetime

    @property
    def name(self) -> tuple[str, str]:
        return self.step_id, self.patient_id


class Ward:
    """Patients with one doctor. Their accounts are real, and inserted directly."""

    def __init__(self, app: AppContext, base: str) -> None:
        self.app, self.base = app, base
        self._hash = ""

    async def person(self, role: Role, *, number: int = 0) -> Person:
        """A new account, signed in."""
        resources, store = self.app.resources, self.app.store
        self._hash = self._hash or await resources.passwords.hash(PASSWORD)
        now = self.app.now()
        user = User(
            id=str(uuid4()),
            role=role,
            status="active",
            name=f"{role.title()} {number}",
            email=f"{role}-{uuid4().hex[:10]}@ward.example",
            password_hash=self._hash,
            timezone="UTC",
            reminder_time="09:00",
            language="en",
            created_at=now,
        )

        async def insert(session: Session) -> None:
            await store.users.insert(user, session=session)

        await store.transaction(insert)
        sign_in = await store.sessions.start(
            user_id=user.id, nonce=resources.tokens.new_nonce(), now=now, refresh_s=DAY
        )
        access = resources.tokens.issue_access(user_id=user.id, session_id=sign_in.id, now=now)
        return Person(self.base, user.as_json(), {"access": access}, PASSWORD)

    async def patients(self, count: int, *, doctor: Person) -> list[Person]:
        found = []
        for number in range(count):
            patient = await self.person("patient", number=number)
            await assign_doctor(
                self.app.store, patient_id=patient.id, doctor_id=doctor.id, share_history=None, now=self.app.now()
            )
            found.append(patient)
        return found

    async def plan(
        self, patients: list[Person], moments: list[datetime], *, doctor: Person, repeats: int = 0
    ) -> list[Due]:
        """Active plan steps, one a moment, dealt to the patients in turn: each has one slot due, at that moment.

        Args:
            repeats: how often an open slot is repeated, every 6 s.
        """
        due: list[Due] = []
        steps: list[Step] = []
        for number, moment in enumerate(moments):
            patient = patients[number % len(patients)]
            step = daily(patient.id, doctor.id, first_at=moment, number=number, repeats=repeats)
            steps.append(step)
            due.append(Due(step.id, patient.id, to_millisecond(moment)))
        await self.insert(steps)
        return due

    async def insert(self, steps: list[Step]) -> None:
        for start in range(0, len(steps), 500):
            batch = steps[start : start + 500]

            async def insert(session: Session, batch: list[Step] = batch) -> None:
                await self.app.store.steps.insert(batch, session=session)

            await self.app.store.transaction(insert)


def daily(patient_id: str, doctor_id: str, *, first_at: datetime, number: int = 0, repeats: int = 0) -> Step:
    """A step that is due every 24 hours, for the first time at that moment; with ``repeats`` every 864 s."""
    schedule = Schedule(start_date=first_at.date(), start_in_days=1, day_seconds=DAY_OF_REPEATS if repeats else DAY)
    began = to_millisecond(first_at) - schedule.one_day
    rule = RepeatRule(every_minutes=10, most=repeats) if repeats else None
    step = Step(
        id=str(uuid4()),
        sort=f"{number:06d}",
        note_id=str(uuid4()),
        note_number=0,
        patient_id=patient_id,
        doctor_id=doctor_id,
        kind="plan",
        as_needed=False,
        by="doctor",
        status="active",
        created_at=began,
        activated_at=began,
        timezone="UTC",
        schedule=schedule,
        words=StepText(title=f"Step {number}", detail=None, quote="q"),
    )
    return replace(step, course=begin(schedule, at=began, zone=ZONE, repeat=rule))


def spread(count: int, *, over_s: float, begins_in_s: float = 0.0) -> list[datetime]:
    """That many moments, evenly over the coming seconds."""
    now = datetime.now(UTC) + timedelta(seconds=begins_in_s)
    return [now + timedelta(seconds=over_s * number / max(1, count - 1)) for number in range(count)]
