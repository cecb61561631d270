"""Operator commands on accounts, keys, the audit and the schema. Each change is audited in its transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from pymongo.errors import DuplicateKeyError
from redis.exceptions import RedisError

from hospital_rt.domain.clock import to_wire, utcnow
from hospital_rt.domain.errors import Conflict, NotFound
from hospital_rt.domain.normalize import normal_name
from hospital_rt.storage.database import Database, Document, Session
from hospital_rt.storage.migrations import read_state
from hospital_rt.storage.node_keys import GONE_AFTER_S, nodes_behind
from hospital_rt.web.passwords import is_common
from models import schema_versions
from models.app_context import AppContext
from models.audit import Act, AuditActor
from models.services.accounts import close_account
from models.services.administration import approve
from models.services.second_factors import plan_reset
from models.users import User

Confirm = Callable[[str], bool]
MAX_NAME, SHORTEST_PASSWORD, MAX_PASSWORD = 100, 12, 128


class AdminRefused(Exception):
    """The command was refused and changed nothing; ``str()`` is the reason, for the operator."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command did: lines for a person, and the same as a document."""

    lines: tuple[str, ...] = field(repr=False)
    facts: Document = field(repr=False)


def name_of_person(value: str) -> str:
    """A name as an account may carry it.

    Raises:
        ValueError: empty, invisible or too long.
    """
    name = normal_name(value)
    if len(name) > MAX_NAME:
        raise ValueError(f"A name has {MAX_NAME} characters at most.")
    return name


async def create_account(
    app: AppContext, actor: AuditActor, *, role: Literal["doctor", "admin"], name: str, email: str, password: str | None
) -> CommandResult:
    """An approved doctor's or an administrator's account. Without a password a letter with a link to choose one goes
    out.

    Raises:
        AdminRefused: the address has an account, or the password will not do.
    """
    store = app.store
    hashed = ""
    if password is not None:
        if not SHORTEST_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise AdminRefused(f"A password has {SHORTEST_PASSWORD} to {MAX_PASSWORD} characters.")
        if is_common(password, email=email, name=name):
            raise AdminRefused("Many people use this password. Choose another one.")
        hashed = await app.resources.passwords.hash(password)
    user = User(
        id=str(uuid4()),
        role=role,
        status="active",
        name=name,
        email=email,
        password_hash=hashed,
        timezone=app.settings.default_timezone,
        created_at=utcnow(),
        email_confirmed=password is not None,
    )

    async def work(session: Session) -> None:
        await store.users.insert(user, session=session)
        act: Act = "admin.created" if role == "admin" else "doctor.created"
        await store.audit.write(actor, act, of=[user.id], session=session)
        if password is None:
            await _letter_with_link(app, user.id, session=session)

    try:
        await store.transaction(work)
    except DuplicateKeyError:
        raise AdminRefused("This address has an account already.") from None
    lines = [f"The account {user.id} is made."]
    if role == "admin":
        lines.append("An administrator sets up a second factor at the first sign-in.")
    if password is None:
        lines.append("A letter with a link to choose a password is on its way.")
    return CommandResult(tuple(lines), {"user_id": user.id, "letter": password is None})


async def show_accounts(app: AppContext, *, most: int) -> CommandResult:
    """What the operator has to do: doctors for approval, and accounts that are closed and not erased, oldest first."""
    users = app.store.users
    pending = [await users.read_row(row) for row in await users.with_status("pending", limit=most)]
    closed = await users.with_status("deactivated", limit=most)
    doctors: list[Document] = [
        {
            "user_id": user.id,
            "name": user.name,
            "email": user.email,
            "signed_up_at": to_wire(user.created_at),
            "email_confirmed": user.email_confirmed,
        }
        for user in pending
    ]
    left: list[Document] = [
        {
            "user_id": row["_id"],
            "role": row["role"],
            "closed_at": to_wire(row["deactivated_at"]) if "deactivated_at" in row else None,
        }
        for row in closed
    ]
    lines = [f"{len(doctors)} doctors wait for approval."]
    lines += [
        f"  {one['email']}  {one['name']}, signed up {one['signed_up_at']}, "
        f"address {'confirmed' if one['email_confirmed'] else 'not confirmed'}"
        for one in doctors
    ]
    lines.append(f"{len(left)} accounts are closed and not erased.")
    lines += [f"  {one['user_id']}  {one['role']}, closed {one['closed_at'] or 'long ago'}" for one in left]
    return CommandResult(tuple(lines), {"pending": doctors, "closed": left})


async def approve_doctor(
    app: AppContext, actor: AuditActor, *, email: str, unverified: bool, confirm: Confirm
) -> CommandResult:
    """Approve a waiting doctor. A worker sends them a letter.

    Raises:
        AdminRefused: no such doctor, not waiting, or the address is not confirmed.
    """
    user = await _by_email(app, email)
    if user.role != "doctor":
        raise AdminRefused("This account is not a doctor's.")
    facts = {
        "user_id": user.id,
        "name": user.name,
        "signed_up_at": to_wire(user.created_at),
        "email_confirmed": user.email_confirmed,
        "status": user.status,
    }
    confirmed = "confirmed" if user.email_confirmed else "not confirmed"
    shown = (f"{user.name}", f"signed up {to_wire(user.created_at)}, address {confirmed}")
    if user.status == "active":
        return CommandResult((*shown, "Approved already."), {**facts, "changed": False})
    if user.status == "deactivated":
        raise AdminRefused("This account is deactivated.")
    if app.settings.verifies_email and not user.email_confirmed and not unverified:
        raise AdminRefused(
            f"{user.name}, signed up {to_wire(user.created_at)}: the address is not confirmed. "
            "Wait for that, or add --unverified."
        )
    _ask(confirm, "\n".join((*shown, "Approve this doctor?")))
    try:
        _, letter_id = await approve(
            app.store, user.id, unverified=unverified, verifies_email=app.settings.verifies_email, actor=actor
        )
    except (Conflict, NotFound) as error:
        raise AdminRefused("The account has changed meanwhile: look again.") from error
    if letter_id is None:  # active already: approved by another request meanwhile
        return CommandResult((*shown, "Approved already."), {**facts, "status": "active", "changed": False})
    return CommandResult((*shown, "Approved."), {**facts, "status": "active", "changed": True})


async def deactivate(app: AppContext, actor: AuditActor, *, email: str, confirm: Confirm) -> CommandResult:
    """Close an account at once, on every node. Its records stay.

    Raises:
        AdminRefused: no such account.
    """
    user = await _by_email(app, email)
    if user.status == "deactivated":
        return CommandResult(("Deactivated already.",), {"user_id": user.id, "changed": False})
    _ask(confirm, f"{user.name} ({user.role}) is signed out everywhere and cannot sign in again. Deactivate?")
    ended = await _close(app, actor, user, erase=False)
    return CommandResult(
        (f"{user.id} is deactivated; {ended} signed-in devices ended.", *await _redis_warning(app)),
        {"user_id": user.id, "changed": True, "sessions_ended": ended},
    )


async def erase(app: AppContext, actor: AuditActor, *, user_id: str, confirm: Confirm) -> CommandResult:
    """Destroy a user's key: nothing of theirs can be read again. The answer is the receipt.

    Raises:
        AdminRefused: no such account.
    """
    row = await app.store.users.row(user_id)
    if row is None:
        raise AdminRefused("There is no such account.")
    if "erased_at" not in row:
        user = await app.store.users.read_row(row)
        about = f"{user.name} ({user.role}, {user.status})"
        _ask(confirm, f"{about}: everything about them becomes unreadable for ever. Erase?")
        await _close(app, actor, user, erase=True)
        row = await app.store.users.row(user_id) or row
    at: datetime = row["erased_at"]
    return CommandResult(
        (
            f"{user_id}: the key was destroyed {to_wire(at)}.",
            "Replace KEYFILE by a new backup now: with it, no FILE of any day opens this user again.",
            *await _redis_warning(app),
        ),
        {"user_id": user_id, "role": row["role"], "erased_at": to_wire(at)},
    )


async def reset_link(app: AppContext, actor: AuditActor, *, email: str, confirm: Confirm) -> CommandResult:
    """A link to choose a password, for a user whom the hospital has identified. The user gets a letter about it too.

    Raises:
        AdminRefused: no such account, or it is deactivated.
    """
    user = await _open_account(app, email)
    _ask(confirm, f"The link lets its holder sign in as {user.name} ({user.role}). Make one?")

    async def work(session: Session) -> str:
        await app.store.audit.write(actor, "reset.linked", of=[user.id], session=session)
        return await _letter_with_link(app, user.id, session=session)

    link_id = await app.store.transaction(work)
    token = app.resources.tokens.link_token(use="reset", link_id=link_id)
    link = f"{app.settings.public_url}/#/reset?token={token}"
    return CommandResult(
        (link, "It works once, within one hour. The user gets a letter about it."), {"user_id": user.id, "link": link}
    )


async def reset_second_factor(
    app: AppContext, actor: AuditActor, *, email: str, after: timedelta, confirm: Confirm
) -> CommandResult:
    """Have lost second factors of an account end, after a time in which their owner can object by signing
    in with one. They get a letter about it.

    Raises:
        AdminRefused: no such account, it is deactivated, or it has no second factor.
    """
    user = await _open_account(app, email)
    if not await app.store.second_factors.of_user(user.id):
        raise AdminRefused("This account has no second factor.")
    when = f"in {after.total_seconds() / 3600:g} hours" if after else "at once"
    _ask(confirm, f"The second factors of {user.name} ({user.role}) end {when}: then the password signs in. Go on?")
    at, ended, _ = await plan_reset(app.store, user.id, after=after, actor=actor)
    await app.resources.wakeups.revoke(ended)
    line = f"The second factors of {user.id} end {to_wire(at)}, unless the user signs in with one before."
    if not after:
        line = f"The second factors of {user.id} have ended; {len(ended)} signed-in devices ended."
    facts = {"user_id": user.id, "ends_at": to_wire(at), "sessions_ended": len(ended)}
    return CommandResult(
        (line, "The user gets a letter about it.", *(await _redis_warning(app) if ended else ())), facts
    )


async def rotate_keys(app: AppContext, actor: AuditActor) -> CommandResult:
    """Wrap every user's key under the first of ``ENCRYPTION_KEYS``, while the service runs.

    Raises:
        AdminRefused: a living node does not know that key, and nothing was done; or some keys cannot be opened, so
            that no old one may be removed.
    """
    behind = await nodes_behind(app.resources.database, app.settings.encryption_keys[0])
    if behind.without:
        raise AdminRefused(
            f"Nothing was changed: {_count(behind.without)} do not know the first key of ENCRYPTION_KEYS and could "
            "open nothing any more. Give every node the key (`sh deploy/roll.sh`) and come back. A node that was "
            f"killed counts for {GONE_AFTER_S} s."
        )
    rotated = await app.store.vault.rotate()
    await app.store.audit.write(actor, "keys.rotated", of=[])
    if rotated.unreadable:
        raise AdminRefused(
            f"{rotated.unreadable} of {rotated.keys} keys are wrapped under a key that is not in ENCRYPTION_KEYS. "
            "Put it back; remove none."
        )
    behind = await nodes_behind(app.resources.database, app.settings.encryption_keys[0])
    removable = not (behind.without or behind.not_first)
    return CommandResult(
        (
            f"{rotated.rewrapped} of {rotated.keys} keys were wrapped anew, so that all are under the first one.",
            "The other keys can be removed now. Make a new backup KEYFILE."
            if removable
            else f"{_count(behind.without + behind.not_first)} still wrap under another key: once each has this one "
            "first, run this again; only then can the others be removed.",
        ),
        {"keys": rotated.keys, "rewrapped": rotated.rewrapped, "old_keys_removable": removable},
    )


def _count(nodes: Counter[str]) -> str:
    """``2 web and 1 worker``, of nodes by role."""
    return " and ".join(f"{count} {role}" for role, count in sorted(nodes.items()))


async def verify_audit(app: AppContext, *, head: str | None) -> CommandResult:
    """Look whether the audit is whole.

    Raises:
        AdminRefused: it is not; the message lists what was found.
    """
    verdict = await app.store.audit.verify(known_head=head)
    if verdict.findings:
        raise AdminRefused("\n".join(("The audit is not whole:", *(f"  {one}" for one in verdict.findings))))
    bound = await app.store.audit.bind()
    now = await app.store.audit.head() or verdict.head
    return CommandResult(
        (
            f"{verdict.entries} entries in {verdict.pages} pages are whole; {bound} more are bound now.",
            f"Keep this elsewhere, and give it as --head next time: {now}",
        ),
        {"entries": verdict.entries, "pages": verdict.pages, "loose": verdict.loose, "head": now},
    )


async def show_schema(database: Database) -> CommandResult:
    """Which schema the database has. Nothing is changed."""
    known = schema_versions.newest()
    state = await read_state(database, newest=known)
    waiting = [step for step in schema_versions.MIGRATIONS if step.version > state.version]
    lines = [
        f"The database has schema {state.version}; this version brings schema {known}.",
        f"Versions from schema {state.readable_by} on can serve it.",
    ]
    if state.readable_by > known:
        lines.append("This version cannot serve it: run the newer one.")
    if state.moving:
        lines.append("It is being moved right now.")
    lines += [f"When a role of this version starts: {step.version}, {step.about}." for step in waiting]
    facts = {
        "version": state.version,
        "readable_by": state.readable_by,
        "brings": known,
        "moving": state.moving,
        "servable": state.readable_by <= known,
        "waiting": [step.version for step in waiting],
    }
    return CommandResult(tuple(lines), facts)


async def new_epoch(app: AppContext, actor: AuditActor, *, confirm: Confirm) -> CommandResult:
    """After a restore by other means: every client reloads instead of resuming into the wrong past."""
    _ask(confirm, "Every connected client reloads everything. Begin a new epoch?")
    epoch = await app.store.new_epoch()
    await app.store.audit.write(actor, "epoch.begun", of=[])
    return CommandResult((f"Epoch {epoch} has begun.",), {"epoch": epoch})


def _ask(confirm: Confirm, question: str) -> None:
    if not confirm(question):
        raise AdminRefused("Nothing was changed.")


async def _by_email(app: AppContext, email: str) -> User:
    user = await app.store.users.by_email(email)
    if user is None:
        raise AdminRefused("No account has this address.")
    return user


async def _open_account(app: AppContext, email: str) -> User:
    user = await _by_email(app, email)
    if user.status == "deactivated":
        raise AdminRefused("This account is deactivated.")
    return user


async def _close(app: AppContext, actor: AuditActor, user: User, *, erase: bool) -> int:
    """Close the account and announce it to every node; how many sessions ended."""
    left = await close_account(app.store, user, now=app.now(), erase=erase, actor=actor)
    await app.announce_closed(left, erased=user.id if erase else None)
    return len(left.sessions)


async def _redis_warning(app: AppContext) -> tuple[str, ...]:
    """A warning for the operator when Redis is away, so that nodes hear of the change later."""
    try:
        await app.resources.redis.ping()
    except (RedisError, OSError):
        return ("REDIS_URL: Redis cannot be reached from here: open pages may stay open for up to 20 seconds.",)
    return ()


async def _letter_with_link(app: AppContext, user_id: str, *, session: Session) -> str:
    """Put the letter into the outbox, where the worker finds it; the id of its link."""
    _, link_id = await app.store.letters.write_with_link(
        app.resources.tokens, user_id=user_id, kind="reset-by-hospital", use="reset", now=utcnow(), session=session
    )
    return link_id
