"""Carers: a patient invites a carer, who accepts by the mailed link; either side ends the access at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import Conflict, DomainError, NotFound
from hospital_rt.storage.database import Document, Session
from models.audit import Act, AuditActor
from models.events import NewEvent
from models.people.grants import Grant, GrantKind
from models.store import Store, transactional
from models.users import User

MAX_CARERS = 10


@dataclass(frozen=True, slots=True)
class GrantOutcome:
    """A grant as it now stands, and the users to wake."""

    grant: Grant
    users: frozenset[str] = frozenset()


@transactional
async def invite_carer(
    store: Store, session: Session, grant: Grant, *, email: str, token_hash: str, actor: AuditActor
) -> str:
    """Store an invitation and its letter. Returns the id of the letter.

    Raises:
        DomainError: 409 when the patient has as many carers and invitations as are allowed.
    """
    patient_id, now = grant.grantor_id, grant.created_at
    # Of two concurrent invitations, the second counts the first.
    await store.patient_sequences.advance(patient_id, session=session)
    standing = await carers_of(store, patient_id, now=now, session=session)
    if len(standing) >= MAX_CARERS:
        raise Conflict("conflict", f"You can have {MAX_CARERS} carers and invitations. End one first.")
    await store.grants.insert(grant, email=email, token_hash=token_hash, session=session)
    await store.audit.write(actor, "carer.invited", of=[patient_id], item=grant.id, session=session)
    return await store.letters.write(
        user_id=patient_id, kind="carer-invitation", link_id=grant.id, now=utcnow(), session=session
    )


async def carers_of(store: Store, patient_id: str, *, now: datetime, session: Session | None = None) -> list[Grant]:
    """The patient's carers and open invitations, oldest first."""
    found = await store.grants.not_ended(patient_id, session=session)
    mine = [one for one in found if one.kind == "care" and one.grantor_id == patient_id]
    return sorted((one for one in mine if one.is_active(now) or one.is_open(now)), key=lambda one: one.created_at)


async def cared_for_by(store: Store, carer_id: str, *, now: datetime) -> list[Grant]:
    """The grants of care that this user has now, oldest first."""
    found = [one for one in await store.grants.given_to([carer_id]) if one.kind == "care" and one.is_active(now)]
    return sorted(found, key=lambda one: (one.since, one.id))


async def accept_within(
    store: Store, session: Session, grant: Grant, *, carer: User, now: datetime, actor: AuditActor
) -> GrantOutcome:
    """Make an invitation a grant for ``carer``. An earlier grant of the same two is replaced.

    Raises:
        DomainError: 400 ``invalid-token`` when the invitation was answered or the patient has left; 403 for an
            administrator; 409 when it is the carer's own.
    """
    if carer.role == "admin":
        raise DomainError("forbidden", "An administrator cannot be a carer.")
    if carer.id == grant.grantor_id:
        raise Conflict("conflict", "You cannot be your own carer.")
    patient = await store.users.row(grant.grantor_id, session=session)
    if patient is None or patient["status"] != "active":
        raise DomainError("invalid-token")
    earlier = [
        one
        for one in await store.grants.given_to([carer.id], session=session)
        if one.kind == "care" and one.grantor_id == grant.grantor_id
    ]
    if not await store.grants.accept(grant, grantee_id=carer.id, at=now, session=session):
        raise DomainError("invalid-token")
    await store.grants.end(earlier, at=now, session=session)
    await store.audit.write(actor, "carer.accepted", of=[grant.grantor_id], item=grant.id, session=session)
    after = replace(grant, state="active", grantee_id=carer.id, since=now)
    names = {**await store.users.names({grant.grantor_id}), carer.id: carer.name}
    new_events = [
        grant_changed(after, user_id=user_id, names=names, state="active") for user_id in (grant.grantor_id, carer.id)
    ]
    return GrantOutcome(after, await store.events.append(new_events, at=now, session=session))


accept_invitation = transactional(accept_within)


@transactional
async def change_alert(
    store: Store, session: Session, grant: Grant, *, alert_minutes: int | None, actor: AuditActor
) -> GrantOutcome:
    """Set after how many minutes the carer is told of an open slot; None: not at all."""
    await store.grants.change(grant.id, {"alert_minutes": alert_minutes}, session=session)
    await store.audit.write(actor, "carer.changed", of=[grant.grantor_id], item=grant.id, session=session)
    return GrantOutcome(replace(grant, alert_minutes=alert_minutes))


@transactional
async def end_grant(
    store: Store, session: Session, grant_id: str, *, kind: GrantKind, user_id: str, now: datetime, actor: AuditActor
) -> frozenset[str]:
    """End a cover, or a grant of care or its invitation, by either side, and write it down. Returns the users to wake.

    Raises:
        DomainError: 404 when it is not theirs or was ended.
    """
    grant = await store.grants.get(grant_id, session=session)
    if grant is None or grant.kind != kind or grant.state == "ended":
        raise NotFound()
    if user_id not in {grant.grantor_id, grant.grantee_id}:
        raise NotFound()
    act: Act = "carer.ended" if kind == "care" else "cover.ended"
    of = [grant.grantor_id] if kind == "care" else [id for id in (grant.grantor_id, grant.grantee_id) if id]
    await store.audit.write(actor, act, of=of, item=grant.id, session=session)
    new_events = await end_grants(store, [grant], now=now, session=session)
    return await store.events.append(new_events, at=now, session=session)


async def end_grants(
    store: Store, grants: list[Grant], *, now: datetime, session: Session, erased: str | None = None
) -> list[NewEvent]:
    """End grants within a transaction, with an event for both sides. ``erased``: the one being erased, if any."""
    await store.grants.end(grants, at=now, session=session)
    ids = {id for one in grants for id in (one.grantor_id, one.grantee_id) if id}
    names = await store.users.names(ids - {erased} if erased else ids)
    new_events: list[NewEvent] = []
    for one in grants:
        if one.grantee_id is None:
            continue  # an invitation without an answer
        for user_id in (one.grantor_id, one.grantee_id):
            if user_id != erased:
                about = user_id if erased == one.grantor_id else one.grantor_id
                new_events.append(grant_changed(one, user_id=user_id, about=about, names=names, state="ended"))
    return new_events


def grant_changed(
    grant: Grant, *, user_id: str, names: Mapping[str, str | None], state: str, about: str | None = None
) -> NewEvent:
    """``carers.changed`` or ``cover.changed``; readable also for a user whose access it ends."""
    sides = ("patient", "carer") if grant.kind == "care" else ("doctor", "covered_by")
    data: Document = {
        sides[0]: {"id": grant.grantor_id, "name": names.get(grant.grantor_id)},
        sides[1]: {"id": grant.grantee_id, "name": names.get(grant.grantee_id or "")},
        "state": state,
    }
    return NewEvent(
        user_id=user_id,
        about=about or grant.grantor_id,
        event="carers.changed" if grant.kind == "care" else "cover.changed",
        key=f"grant/{grant.id}/{state}",
        data=data,
        open_to_former=True,
    )
