"""Cover: a doctor on leave names a colleague, who may do for their patients what they may.

Cover is not passed on: who covers for a doctor does not get the patients for whom that doctor covers, so that two
doctors who cover for each other are no problem. A colleague who is deactivated or erased covers no more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from hospital_rt.domain.errors import Conflict, Invalid, NotFound
from hospital_rt.storage.database import Session
from models.audit import AuditActor
from models.people.grants import Grant
from models.services.carers import GrantOutcome, grant_changed
from models.store import Store, transactional

MAX_COVERS = 20
LONGEST = timedelta(days=366)


@transactional
async def begin_cover(
    store: Store,
    session: Session,
    *,
    doctor_id: str,
    colleague_id: str,
    since: datetime,
    until: datetime,
    now: datetime,
    actor: AuditActor,
) -> GrantOutcome:
    """Let a colleague cover for a doctor from ``since`` to ``until``.

    Raises:
        DomainError: 404 when there is no such doctor or they are not active, 422 when it is the doctor themselves or
            the times do not fit, 409 for the same colleague in the same days.
    """
    if colleague_id == doctor_id:
        raise Invalid("#/doctor_id", "Name a colleague.")
    if until <= since or until <= now:
        raise Invalid("#/until", "Choose a later moment.")
    if until - since > LONGEST:
        raise Invalid("#/until", "Cover lasts at most a year.")
    grant = Grant(
        id=str(uuid4()),
        kind="cover",
        state="active",
        grantor_id=doctor_id,
        grantee_id=colleague_id,
        since=since,
        until=until,
        created_at=now,
    )
    if not await store.users.lock_accepting_doctor(colleague_id, session=session):
        raise NotFound("There is no such doctor.")
    if not await store.users.lock_accepting_doctor(doctor_id, session=session):
        raise NotFound()
    standing = await covers_by(store, doctor_id, now=now, session=session)
    if len(standing) >= MAX_COVERS:
        raise Conflict("conflict", f"You can plan {MAX_COVERS} covers. End one first.")
    if any(
        one.grantee_id == colleague_id and one.since < until and one.until and since < one.until for one in standing
    ):
        raise Conflict("conflict", "This colleague covers for you in these days already.")
    await store.grants.insert(grant, session=session)
    await store.audit.write(actor, "cover.begun", of=[doctor_id, colleague_id], item=grant.id, session=session)
    names = await store.users.names({doctor_id, colleague_id})
    new_events = [
        grant_changed(grant, user_id=user_id, names=names, state="active") for user_id in (doctor_id, colleague_id)
    ]
    return GrantOutcome(grant, await store.events.append(new_events, at=now, session=session))


async def covers_by(store: Store, doctor_id: str, *, now: datetime, session: Session | None = None) -> list[Grant]:
    """The covers that a doctor has arranged and that are not over, by their beginning."""
    found = await store.grants.given_by([doctor_id], session=session)
    mine = [one for one in found if one.kind == "cover" and one.until and now < one.until]
    return sorted(mine, key=lambda one: (one.since, one.id))
