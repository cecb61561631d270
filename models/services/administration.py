"""Changes of accounts by an administrator, and the overview of the service. Opens no note, step or feed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import Conflict, NotFound
from hospital_rt.storage.database import Document, Session
from hospital_rt.storage.migrations import read_state
from hospital_rt.storage.node_keys import living_nodes
from models import schema_versions
from models.audit import AuditActor
from models.services.accounts import AccountClosed, close_account, close_within
from models.store import Store, transactional
from models.users import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many wait, and for how many seconds the first has."""

    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Backlogs, delays, running nodes, and when a backup was last written and tried."""

    doctors: int
    notes: dict[str, Waiting]
    letters: Waiting
    reminders_due: int
    reminders_late: Waiting
    nodes: list[tuple[str, str | None, int]]  # role, version, how many
    schema: int
    schema_known: int
    backup_at: datetime | None
    drill_at: datetime | None


async def read_overview(store: Store, *, now: datetime) -> Overview:
    """The state of the service, by counts alone."""
    due, late, oldest_s = await store.steps.backlog(now)
    letters, waited_s = await store.letters.backlog(utcnow())
    nodes = await living_nodes(store.database)
    known = schema_versions.newest()
    return Overview(
        doctors=await store.users.count_pending(),
        notes={
            status: Waiting(count=count, oldest_s=age_s)
            for status, (count, age_s) in (await store.notes.backlog(now)).items()
        },
        letters=Waiting(count=letters, oldest_s=waited_s),
        reminders_due=due,
        reminders_late=Waiting(count=late, oldest_s=oldest_s if late else 0.0),
        nodes=sorted((role, version, count) for (role, version), count in nodes.items()),
        schema=(await read_state(store.database, newest=known)).version,
        schema_known=known,
        backup_at=await store.last_backup_at(),
        drill_at=await store.last_drill_at(),
    )


@transactional
async def approve(
    store: Store, session: Session, user_id: str, *, unverified: bool, verifies_email: bool, actor: AuditActor
) -> tuple[User, str | None]:
    """Approve a pending doctor, and write them a letter. Idempotent: repeated, it writes no letter.

    Raises:
        DomainError: 404 no such account; 409 it is no doctor's, it is closed, or its address is not confirmed.
    """
    user = await _get(store, user_id, session=session)
    if user.role != "doctor" or user.status == "deactivated":
        raise Conflict("conflict", "Only a doctor who waits can be approved.")
    if user.status == "active":
        await store.audit.write(actor, "doctor.approved", of=[user.id], session=session)
        return user, None
    if verifies_email and not user.email_confirmed and not unverified:
        raise Conflict("conflict", "The address is not confirmed. Wait for that, or send unverified.")
    changed = await store.users.compare_and_update(
        user.id, {"status": "pending"}, {"status": "active"}, session=session
    )
    if not changed:
        raise Conflict("conflict", "The account has changed meanwhile.")
    await store.audit.write(actor, "doctor.approved", of=[user.id], session=session)
    letter_id = await store.letters.write(user_id=user.id, kind="doctor-approved", now=utcnow(), session=session)
    return await _get(store, user_id, session=session), letter_id


@transactional
async def refuse(
    store: Store, session: Session, user_id: str, *, now: datetime, actor: AuditActor
) -> tuple[User, AccountClosed, str]:
    """Close the account of a pending doctor, and write them a letter.

    Raises:
        DomainError: 404 no such account, 409 it does not wait.
    """
    user = await _get(store, user_id, session=session)
    if user.role != "doctor" or user.status != "pending":
        raise Conflict("conflict", "Only a doctor who waits can be refused.")
    await store.audit.write(actor, "doctor.refused", of=[user.id], session=session)
    closed = await close_within(store, user, now=now, erase=False, actor=actor, session=session)
    letter_id = await store.letters.write(user_id=user.id, kind="doctor-refused", now=utcnow(), session=session)
    return await _get(store, user_id, session=session), closed, letter_id


async def deactivate(
    store: Store, user_id: str, *, by: str, now: datetime, actor: AuditActor
) -> tuple[User, AccountClosed | None]:
    """Close an account at once. Its records stay. Again is the same.

    Raises:
        DomainError: 404 no such account, 409 it is the administrator's own.
    """
    user = await _get(store, user_id)
    if user.id == by:
        raise Conflict("conflict", "Ask another administrator to close your account.")
    if user.status == "deactivated":
        await store.audit.write(actor, "account.closed", of=[user.id])
        return user, None
    closed = await close_account(store, user, now=now, erase=False, actor=actor)
    return await _get(store, user_id), closed


async def accounts_page(
    store: Store, *, status: str | None, query: str, before: tuple[datetime, str] | None, limit: int
) -> tuple[list[User], tuple[datetime, str] | None]:
    """Accounts that are not erased, the newest first; ``query`` is an address or the beginning of a name or of a word
    of it. Returns a page and where the next begins.
    """
    found: list[User] = []
    while True:
        rows: list[Document] = await store.users.account_rows(status=status, before=before, limit=500)
        for row in rows:
            user = await store.users.read_row(row)
            if user.matches(query):
                if len(found) == limit:
                    last = found[-1]
                    return found, (last.created_at, last.id)
                found.append(user)
            before = (user.created_at, user.id)
        if len(rows) < 500:
            return found, None


async def _get(store: Store, user_id: str, *, session: Session | None = None) -> User:
    user = await store.users.get(user_id, session=session)
    if user is None or user.email is None:  # an erased account is not there
        raise NotFound()
    return user
