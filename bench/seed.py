"""Users, steps and tokens, made directly through the models floor.

Every record is made by the code that makes it in the service (keys, sealing, blind index, courses); only the writes
are gathered and sent in thousands. About 4,000 steps a second and core.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from hospital_rt.domain.clock import to_millisecond, utcnow
from hospital_rt.domain.course import begin, time_passes
from hospital_rt.domain.schedule import Schedule
from hospital_rt.settings import Settings
from hospital_rt.storage.database import Database
from hospital_rt.storage.field_encryption import Vault
from hospital_rt.storage.session import Session
from hospital_rt.web.passwords import Passwords
from hospital_rt.web.tokens import Tokens
from models.assignments import Assignment
from models.steps import Step, StepText
from models.store import Store
from models.users import User

PASSWORD = "quiet-meadow-lantern-42"  # noqa: S105 - of seeded accounts
BATCH = 2000
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Account:
    """One who can sign in. ``others``: a patient's step ids, or a doctor's patients."""

    id: str
    email: str
    access: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seeded:
    patients: tuple[Account, ...]
    doctors: tuple[Account, ...]


class Gathered:
    """A collection whose inserts wait until there are many; everything else goes straight through."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self._rows: list[Any] = []
        self.is_gathering = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def insert_one(self, row: Any, session: Any = None) -> None:
        await self.insert_many([row])

    async def insert_many(self, rows: Any, session: Any = None, ordered: bool = True) -> None:
        self._rows.extend(rows)
        if not self.is_gathering:
            await self.flush()

    async def flush(self) -> None:
        rows, self._rows = self._rows, []
        for start in range(0, len(rows), BATCH):
            await self._collection.insert_many(rows[start : start + BATCH], ordered=False)


class GatheringDatabase:
    """The database, with every collection gathering its inserts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collections: dict[str, Gathered] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def collection(self, name: str) -> Gathered:
        return self._collections.setdefault(name, Gathered(self._database.collection(name)))

    def gather(self) -> None:
        for collection in self._collections.values():
            collection.is_gathering = True

    async def flush(self) -> None:
        for collection in self._collections.values():
            await collection.flush()


async def seed(
    settings: Settings,
    *,
    patients: int,
    steps: int,
    doctors: int = 0,
    due_at: datetime | None = None,
    open_now: bool = False,
) -> Seeded:
    """Make accounts with a session each; every patient gets a doctor (if there are any) and active plan steps.

    Args:
        steps: for each patient.
        due_at: when their first slot comes due; six hours from now without it.
        open_now: the slot that is due has been reminded of already and waits for its answer.
    """
    database = Database(settings.mongo_url or "", driver=settings.mongo_driver)
    group_commit: Any = GatheringDatabase(database)
    vault = Vault(group_commit.collection("keys"), settings.encryption_keys)
    store = Store(group_commit, vault, retention_days=settings.event_retention_days)
    tokens = Tokens(settings.secret_key, access_s=settings.access_token_seconds)
    passwords = Passwords()
    try:
        await store.open()
        group_commit.gather()
        hashed, now = await passwords.hash(PASSWORD), utcnow()
        found: dict[str, list[Account]] = {"doctor": [], "patient": []}
        under: dict[str, list[str]] = {}
        makes = list(_make_steps(steps, due_at=due_at or now + timedelta(hours=6), now=now, open_now=open_now))
        for number in range(doctors + patients):
            role: Any = "doctor" if number < doctors else "patient"
            user = User(
                id=str(uuid4()),
                role=role,
                status="active",
                name=f"{role.title()} {number}",
                email=f"{role}{number}@clinic.example",
                password_hash=hashed,
                timezone="UTC",
                reminder_time="09:00",
                language="en",
                created_at=now,
            )
            await store.users.insert(user, session=Session(None))
            session = await store.sessions.start(user_id=user.id, nonce=tokens.new_nonce(), now=now, refresh_s=86_400)
            access = tokens.issue_access(user_id=user.id, session_id=session.id, now=now)
            made: tuple[str, ...] = ()
            if role == "patient":
                doctor = found["doctor"][number % doctors].id if doctors else str(uuid4())
                if doctors:
                    under.setdefault(doctor, []).append(user.id)
                    await store.assignments.start(
                        Assignment(
                            id=str(uuid4()), patient_id=user.id, doctor_id=doctor, since=now, share_history=False
                        ),
                        session=Session(None),
                    )
                made = await _insert_steps(store, makes, patient_id=user.id, doctor_id=doctor, now=now)
            found[role].append(Account(user.id, user.email or "", access, made))
            if number % 1000 == 999:
                await group_commit.flush()
        await group_commit.flush()
    finally:
        passwords.close()
        await database.close()
    return Seeded(
        tuple(found["patient"]),
        tuple(Account(one.id, one.email, one.access, tuple(under.get(one.id, ()))) for one in found["doctor"]),
    )


def _make_steps(
    count: int, *, due_at: datetime, now: datetime, open_now: bool
) -> Iterator[tuple[StepText, Schedule, Any]]:
    """What the steps of every patient have in common: a drug once a day for a week, due at the same minute."""
    due_at = to_millisecond(due_at).replace(second=0, microsecond=0)
    active = min(now, due_at - timedelta(minutes=1))
    for number in range(count):
        schedule = Schedule(
            start_date=due_at.date(), times=(due_at.strftime("%H:%M"),), times_from="note", duration_days=7
        )
        course = begin(schedule, at=active, zone=UTC)
        if open_now:
            course = time_passes(course, now=now, zone=UTC).course
        words = StepText(
            title=f"Take amoxicillin {number} 500 mg",
            detail="With a glass of water, after a meal.",
            quote="Take amoxicillin 500 mg once a day for 7 days.",
            start=0,
            end=46,
        )
        yield words, schedule, course


async def _insert_steps(
    store: Store, makes: list[Any], *, patient_id: str, doctor_id: str, now: datetime
) -> tuple[str, ...]:
    note_id = str(uuid4())
    steps = [
        Step(
            id=str(uuid4()),
            sort=f"{int(now.timestamp() * 1000):015d}-{number:03d}-{note_id[:6]}",
            note_id=note_id,
            note_number=1,
            patient_id=patient_id,
            doctor_id=doctor_id,
            kind="plan",
            as_needed=False,
            by="extractor",
            status="active",
            created_at=now,
            timezone="UTC",
            words=words,
            schedule=schedule,
            course=course,
            activated_at=course.activated_at,
        )
        for number, (words, schedule, course) in enumerate(makes)
    ]
    await store.steps.insert(steps, session=Session(None))
    return tuple(step.id for step in steps)
