"""The store: all collections, and operations that concern all of them.

Repositories do not import each other. Writes to several collections are in ``models/services``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar
from uuid import uuid4

from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError, OperationFailure

from hospital_rt.domain.clock import utcnow
from hospital_rt.storage.batch_loader import BatchLoader
from hospital_rt.storage.database import TRANSACTION_WITHIN_S, Collection, Database, Document, HalfRestored, Session
from hospital_rt.storage.field_encryption import Vault
from hospital_rt.storage.group_commit import GroupCommit
from hospital_rt.storage.migrations import migrate
from models import schema_versions
from models.assignments import Assignment, Assignments
from models.audit import Audit
from models.calendars import Calendars
from models.events import Events, FeedPosition
from models.idempotency import Idempotency
from models.identity.challenges import Challenges
from models.identity.identities import Identities
from models.identity.second_factors import SecondFactors
from models.letters import Letters
from models.mail_reminders import MailReminders
from models.notes import Notes
from models.patient_sequences import PatientSequences
from models.people.grants import Grants
from models.people.phone_calls import PhoneCalls
from models.questions.patient_questions import PatientQuestions
from models.reminders import Reminders
from models.sessions import DeviceSession, Sessions
from models.steps import Steps
from models.subscriptions import AnswerTokens, Subscriptions
from models.users import Users

T = TypeVar("T")
P = ParamSpec("P")
INDEX_OPTIONS_CONFLICT = 85
RESTORING, DRILL = "restoring", "drill"
DRILL_LEASE = timedelta(minutes=3)
EPOCH_KEPT_S = 1.0
INITIAL_POSITION = FeedPosition()


@dataclass(frozen=True, slots=True)
class SessionWithUser:
    """A session, its user's record (still sealed) and the position of the user's feed."""

    session: DeviceSession
    user: Document = field(repr=False)
    feed_position: FeedPosition


# Position of a user's records, and the fields others may see of their account: equal while nothing has changed.
State: TypeAlias = tuple[FeedPosition, tuple[Any, ...]]


class Store:
    """All collections. ``open`` creates the indexes and reads the epoch before anything is served."""

    def __init__(
        self, database: Database, vault: Vault, *, retention_days: int, now: Callable[[], datetime] = utcnow
    ) -> None:
        self._indexes: dict[str, list[IndexModel]] = {"audit": Audit.INDEXES}

        def collection(name: str, indexes: Sequence[IndexModel] = ()) -> Collection:
            if indexes:
                self._indexes[name] = list(indexes)
            return database.collection(name)

        self.database = database
        self.vault = vault
        self.retention_days = retention_days
        self.now = now  # by which grants begin and end
        self.users = Users(collection("users", Users.INDEXES), vault)
        self.sessions = Sessions(collection("sessions", Sessions.INDEXES))
        self.assignments = Assignments(collection("assignments", Assignments.INDEXES))
        self.patient_sequences = PatientSequences(collection("plans"))
        self.notes = Notes(collection("notes", Notes.INDEXES), vault)
        self.steps = Steps(collection("steps", Steps.INDEXES), vault)
        self.reminders = Reminders(collection("reminders", Reminders.INDEXES), vault)
        self.events = Events(collection("events"), collection("feeds"), vault)
        self.calendars = Calendars(collection("calendars", Calendars.INDEXES))
        self.subscriptions = Subscriptions(collection("subscriptions", Subscriptions.INDEXES), vault)
        self.answer_tokens = AnswerTokens(collection("answer_tokens", AnswerTokens.INDEXES))
        self.letters = Letters(collection("letters", Letters.INDEXES), collection("links", Letters.LINK_INDEXES))
        self.mail_reminders = MailReminders(collection("mail_reminders", MailReminders.INDEXES))
        self.grants = Grants(collection("grants", Grants.INDEXES), collection("alerts", Grants.ALERT_INDEXES), vault)
        self.idempotency = Idempotency(collection("idempotency", Idempotency.INDEXES), vault)
        self.second_factors = SecondFactors(
            collection("second_factors", SecondFactors.INDEXES), collection("recovery_codes")
        )
        self.challenges = Challenges(collection("challenges", Challenges.INDEXES))
        self.identities = Identities(collection("identities", Identities.INDEXES), vault)
        self.patient_questions = PatientQuestions(collection("patient_questions", PatientQuestions.INDEXES), vault)
        self.phone_calls = PhoneCalls(collection("phone_calls", PhoneCalls.INDEXES), vault)
        self.audit = Audit(database, vault)
        self._meta = database.collection("meta")
        self._epoch, self._epoch_until = "", 0.0
        self._sign_in_loader = BatchLoader(self._read_signed_in)
        self._group_commits: dict[Any, GroupCommit[Any, Any]] = {}
        self._assignments_loader = BatchLoader(self._read_assignments_of)
        self._states_loader = BatchLoader(self._read_states, max_size=20)
        self._epoch_loader = BatchLoader(self._read_epoch)

    async def open(self, *, restoring: bool = False) -> None:
        """Create the indexes and the epoch. Safe on several nodes at once.

        Raises:
            WrongKeys: ``ENCRYPTION_KEYS`` do not match this database.
            HalfRestored: a restore is incomplete (not raised with ``restoring``).
            NotServable: the schema is newer than this version can serve, or could not be migrated.
        """
        if not restoring and await self._meta.find_one({"_id": RESTORING}):
            raise HalfRestored
        await migrate(self.database, schema_versions.MIGRATIONS)
        for name, indexes in self._indexes.items():
            await self.database.create_indexes(name, indexes)
        try:
            await self.database.create_indexes("events", Events.indexes(self.retention_days))
        except OperationFailure as error:
            if error.code != INDEX_OPTIONS_CONFLICT:
                raise
            seconds = self.retention_days * 86_400
            await self.database.command("collMod", "events", index={"name": "retention", "expireAfterSeconds": seconds})
            await self.database.create_indexes("events", Events.indexes(self.retention_days))
        # Not every server can create a collection inside a transaction: create them beforehand.
        for name in ("feeds", "plans", "keys", "audit_pages", "recovery_codes"):
            await self.database.create_collection(name)
        await self.vault.open()
        await self.audit.begin()
        await self.epoch()

    async def signed_in(self, session_id: str, user_id: str) -> SessionWithUser | None:
        """A session, its user and the position of their feed; None without session or user."""
        return await self._sign_in_loader((session_id, user_id))

    async def _read_signed_in(self, pairs: list[tuple[str, str]]) -> dict[tuple[str, str], SessionWithUser]:
        user_ids = list({user_id for _, user_id in pairs})
        sessions, users, feeds = await asyncio.gather(
            self.sessions.by_ids([session_id for session_id, _ in pairs]),
            self.users.rows(user_ids),
            self.events.positions_of(user_ids),
        )
        return {
            (session_id, user_id): SessionWithUser(
                sessions[session_id], users[user_id], feeds.get(user_id, FeedPosition())
            )
            for session_id, user_id in pairs
            if session_id in sessions and user_id in users
        }

    async def assignments_of(self, doctor_id: str) -> list[Assignment]:
        """The current assignments to a doctor, oldest first. Unchanged while the position of the doctor's feed is."""
        return await self._assignments_loader(doctor_id) or []

    async def _read_assignments_of(self, doctor_ids: list[str]) -> dict[str, list[Assignment]]:
        found: dict[str, list[Assignment]] = {}
        for one in await self.assignments.of_doctors(doctor_ids):
            found.setdefault(one.doctor_id, []).append(one)
        return found

    async def states(self, user_ids: tuple[str, ...]) -> tuple[State, ...]:
        """The state of each of these users. Data read afterwards is never older."""
        return await self._states_loader(user_ids) or ()

    async def _read_states(self, groups: list[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[State, ...]]:
        ids = list({id for group in groups for id in group})
        positions, users = await asyncio.gather(self.events.positions_of(ids), self.users.shown_rows(ids))
        states = {id: (positions.get(id, INITIAL_POSITION), tuple(users.get(id, {}).values())) for id in ids}
        return {group: tuple([states[id] for id in group]) for group in groups}

    async def epoch(self, *, fresh: bool = False) -> str:
        """The epoch of all feeds: a restore changes it, so that no client resumes with a ``seq`` of another history.

        Cached for at most a second: a client that gets an outdated one reloads when it resumes. Use ``fresh`` to judge
        a resume.
        """
        if not fresh and time.monotonic() < self._epoch_until:
            return self._epoch
        return await self._epoch_loader("epoch") or ""

    async def _read_epoch(self, names: list[str]) -> dict[str, str]:
        [name] = names
        row = await self._meta.find_one({"_id": name})
        if row is None:
            with contextlib.suppress(DuplicateKeyError):  # another node was first
                await self._meta.insert_one({"_id": name, "value": uuid4().hex[:16]})
            row = await self._meta.find_one({"_id": name})
        self._epoch, self._epoch_until = str(row["value"]) if row else "", time.monotonic() + EPOCH_KEPT_S
        return {name: self._epoch}

    def group_commit(
        self, work: Callable[[Store, Sequence[Any]], Awaitable[Sequence[Any]]], *, apart: Callable[[Any], Hashable]
    ) -> GroupCommit[Any, Any]:
        """A group commit for this work on these collections (see ``group_commit``)."""
        if work not in self._group_commits:
            self._group_commits[work] = GroupCommit(partial(work, self), apart=apart)
        return self._group_commits[work]

    async def new_epoch(self) -> str:
        """Start a new epoch: every client reloads."""
        value = uuid4().hex[:16]
        await self._meta.update_one({"_id": "epoch"}, {"$set": {"value": value}}, upsert=True)
        self._epoch_until = 0.0
        return value

    async def count_backup(self) -> tuple[str, int]:
        """The id of this installation and the number of the backup that starts now."""
        named = await self._meta.find_one_and_update(
            {"_id": "installation"},
            {"$setOnInsert": {"value": uuid4().hex}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        counted = await self._meta.find_one_and_update(
            {"_id": "backups"}, {"$inc": {"number": 1}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return str(named["value"]), int(counted["number"])

    async def record_backup(self, *, at: datetime) -> None:
        """Record that a backup was completed."""
        await self._meta.update_one({"_id": "backups"}, {"$set": {"at": at}})

    async def last_backup_at(self) -> datetime | None:
        """When the last backup was completed."""
        return (await self._meta.find_one({"_id": "backups"}) or {}).get("at")

    async def claim_drill(self, *, at: datetime, renew: bool = False) -> bool:
        """Take or renew the lease of drills, for three minutes; False while another drill holds it."""
        free = {} if renew else {"until": {"$not": {"$gt": at}}}
        with contextlib.suppress(DuplicateKeyError):
            await self._meta.update_one({"_id": DRILL, **free}, {"$set": {"until": at + DRILL_LEASE}}, upsert=True)
            return True
        return False

    async def release_drill(self) -> None:
        await self._meta.update_one({"_id": DRILL}, {"$set": {"until": None}})

    async def record_drill(self, *, at: datetime) -> None:
        """A backup was restored elsewhere, and it was whole."""
        await self._meta.update_one({"_id": DRILL}, {"$set": {"at": at}}, upsert=True)

    async def last_drill_at(self) -> datetime | None:
        """When a backup was last found to be whole by a drill."""
        return (await self._meta.find_one({"_id": DRILL}) or {}).get("at")

    async def resume_counting_backups(self, number: int) -> None:
        """After a restore: number later backups above every existing file."""
        await self._meta.update_one({"_id": "backups"}, {"$max": {"number": number}}, upsert=True)

    async def transaction(
        self, work: Callable[[Session], Awaitable[T]], *, within_s: float = TRANSACTION_WITHIN_S
    ) -> T:
        """Run ``work(session)`` as one transaction, retried on conflicts for up to ``within_s``."""

        async def counted(session: Session) -> T:
            result = await work(session)
            await self.events.advance_positions(session.unannounced, session=session)
            return result

        return await self.database.transaction(counted, within_s=within_s)


def transactional(
    service: Callable[Concatenate[Store, Session, P], Awaitable[T]],
) -> Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]:
    """Declare a service: called without its session, it runs as one transaction of :meth:`Store.transaction`."""

    @wraps(service)
    async def run(store: Store, /, *arguments: P.args, **options: P.kwargs) -> T:
        return await store.transaction(lambda session: service(store, session, *arguments, **options))

    return run
