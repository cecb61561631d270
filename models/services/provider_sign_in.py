"""Sign-in through the identity provider: the account of a subject, created at the first sign-in, and its role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.normalize import normal_email, normal_name
from hospital_rt.storage.database import Session
from models.audit import AuditActor
from models.events import NewEvent
from models.services.assignments import end_assignment
from models.store import Store, transactional
from models.users import Role, User

MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """The account, the users to wake, and the sessions that ended."""

    user: User = field(repr=False)
    woken: frozenset[str] = frozenset()
    ended: tuple[str, ...] = ()


def role_of(claims: Mapping[str, Any], rules: Sequence[str]) -> Role | None:
    """The role of the first rule that fits: ``claim:value=role``; a claim may be a text or a list of them.

    >>> role_of({"groups": ["staff", "clinicians"]}, ["groups:clinicians=doctor", "groups:staff=patient"])
    'doctor'
    """
    for rule in rules:
        left, _, role = rule.rpartition("=")
        claim, _, wanted = left.partition(":")
        held = claims.get(claim)
        if held == wanted or (isinstance(held, list) and wanted in held):
            return "doctor" if role == "doctor" else "patient"
    return None


def name_of(claims: Mapping[str, Any]) -> str:
    """A display name from the claims of the provider; ``?`` when there is none."""
    parts = (claims.get("given_name"), claims.get("family_name"))
    whole = " ".join(part for part in parts if isinstance(part, str))
    for found in (claims.get("name"), whole, claims.get("preferred_username")):
        try:
            if isinstance(found, str) and found.strip():
                return normal_name(found[:MAX_NAME])
        except ValueError:
            continue
    return "?"


def email_of(claims: Mapping[str, Any]) -> str | None:
    """The address for letters, if the provider vouches for it. It is never used to find an account."""
    found = claims.get("email")
    try:
        return normal_email(found) if isinstance(found, str) and claims.get("email_verified") is True else None
    except ValueError:
        return None


@transactional
async def account_of(
    store: Store,
    session: Session,
    claims: Mapping[str, Any],
    role: Role,
    *,
    issuer: str,
    timezone: str,
    actor: AuditActor,
    now: datetime,
) -> ProviderAccount | None:
    """The account of this subject, with the role, name and address of today. None when it is deactivated.

    A changed role ends assignments and sessions: what one might see as the other is over.
    """
    subject, name, email = str(claims["sub"]), name_of(claims), email_of(claims)
    user_id = await store.identities.user_of(issuer, subject, session=session)
    user = await store.users.get(user_id, session=session) if user_id else None
    if user is None:
        fresh = User(
            id=str(uuid4()),
            role=role,
            status="active",
            name=name,
            email=email,
            timezone=timezone,
            created_at=utcnow(),
        )
        await store.users.insert(fresh, session=session, by_email=False)
        await store.identities.add(issuer, subject, user_id=fresh.id, at=utcnow(), session=session)
        made = replace(actor, user_id=fresh.id, role=fresh.role)
        await store.audit.write(made, "account.created", of=[fresh.id], session=session)
        return ProviderAccount(fresh)
    if user.status == "deactivated":
        return None
    changes: dict[str, Any] = {}
    if user.name != name:
        changes["name"] = name
    if user.email != email:
        changes["email"] = email
    woken: frozenset[str] = frozenset()
    ended: list[str] = []
    if user.role != role:
        changes |= {"role": role, "status": "active"}
        ended = await store.sessions.revoke_all(user.id, now=utcnow(), session=session)
        woken = await _end_assignments(store, user, now=now, session=session)
        await store.audit.write(replace(actor, user_id=user.id), "account.changed", of=[user.id], session=session)
    if changes:
        await store.users.update(user.id, changes, session=session)
    return ProviderAccount(
        replace(user, name=name, email=email, role=role, status=changes.get("status", user.status)),
        woken,
        tuple(ended),
    )


async def _end_assignments(store: Store, user: User, *, now: datetime, session: Session) -> frozenset[str]:
    new_events: list[NewEvent] = []
    for assignment in await store.assignments.of_user(user.id, is_patient=user.role == "patient", session=session):
        new_events += await end_assignment(store, assignment, now=now, session=session, erased=None)
    return await store.events.append(new_events, at=now, session=session)


@transactional
async def end_provider_sessions(
    store: Store, session: Session, claims: Mapping[str, Any], *, issuer: str, actor: AuditActor
) -> list[str]:
    """What a back-channel logout ends: one session of the provider, or all of a subject's. The sessions that ended."""
    sid, subject = claims.get("sid"), claims.get("sub")
    user_id = await store.identities.user_of(issuer, subject, session=session) if subject else None
    if subject and user_id is None:
        return []
    provider = store.identities.hash(issuer, sid, use="session") if sid else None
    ended = await store.sessions.revoke_of_provider(provider, user_id=user_id, now=utcnow(), session=session)
    for id, whose in ended.items():
        await store.audit.write(replace(actor), "session.ended", of=[whose], item=id, session=session)
    return list(ended)
