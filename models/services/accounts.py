"""Accounts: settings that move slots, passwords that end sessions, and closing an account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import NotSignedIn
from hospital_rt.storage.database import Document, Session
from models.audit import Act, AuditActor
from models.events import NewEvent
from models.notes import UNSETTLED, NoteTransition
from models.services.activate_plan import reject_proposed
from models.services.assignments import end_assignment
from models.services.carers import end_grants
from models.services.check_in import cancel_steps
from models.steps import Step
from models.store import Store, transactional
from models.users import User


@dataclass(frozen=True, slots=True)
class AccountClosed:
    """Result of closing an account: the users to wake, and the ended sessions."""

    users: frozenset[str]
    sessions: tuple[str, ...]


MOVING = ("timezone", "reminder_time", "day_times")
REPEATING = ("repeat_minutes", "repeat_most")


@transactional
async def change_settings(
    store: Store, session: Session, user_id: str, changes: Document, *, now: datetime, actor: AuditActor | None
) -> User:
    """Change the user's own settings. A new time zone, reminder time or part of the day moves the slots not yet
    recorded (contract, "Slots"); how open slots are repeated holds for those that are open now too, counted from now.

    Args:
        changes: members of :class:`User`; of ``day_times`` those that change.
    """
    before = await store.users.get(user_id, session=session)
    if before is None or before.status == "deactivated":  # closed by a concurrent request
        raise NotSignedIn
    known = {name: value for name, value in changes.items() if name in User.__dataclass_fields__}
    if "day_times" in known:
        known["day_times"] = {**before.day_times, **known["day_times"]}
    after, at = replace(before, **known), now or utcnow()
    changed = {name for name in (*MOVING, *REPEATING) if getattr(after, name) != getattr(before, name)}
    if before.role == "patient" and not changed.isdisjoint(MOVING):
        known["day_changed_at"] = at
        after = replace(after, day_changed_at=at)
    if before.role == "patient" and changed:
        await store.patient_sequences.advance(user_id, session=session)
        steps = await store.steps.with_status([user_id], ["active", "completed"], session=session)
        since = at if "repeat_minutes" in changed else None
        await store.steps.save(
            [_moved(step, after, since) for step in steps if step.status == "active" or step.course],
            session=session,
        )
    await store.users.update(user_id, {**changes, **known}, session=session)
    await store.audit.write(actor, "account.changed", of=[user_id], session=session)
    return after


def _moved(step: Step, patient: User, repeated_since: datetime | None) -> Step:
    """The step on the patient's clock as it is now. ``repeated_since``: when the time between repeats changed."""
    step = replace(step, timezone=patient.timezone)
    plan, course = step.schedule.at_day_times(patient.day) if step.schedule else None, step.course
    if course is None or plan is None:
        return replace(step, schedule=plan)
    rule = patient.repeat_rule
    if rule:
        rule = replace(rule, since=repeated_since or (course.repeat.since if course.repeat else None))
    return replace(step, schedule=plan, course=replace(course, schedule=plan, repeat=rule))


async def close_account(store: Store, user: User, *, now: datetime, erase: bool, actor: AuditActor) -> AccountClosed:
    """Close an account: sessions, links and assignments end. With ``erase`` the key is destroyed too.

    A patient's steps are cancelled; a doctor's notes and steps stay with their patients.
    """
    left = await store.transaction(
        lambda session: close_within(store, user, now=now, erase=erase, actor=actor, session=session)
    )
    if erase:
        store.vault.drop_cached_key(user.id)
    return left


async def close_within(
    store: Store, user: User, *, now: datetime, erase: bool, actor: AuditActor, session: Session
) -> AccountClosed:
    """Close an account within a transaction. After an erasure the caller drops the cached key."""
    new_events: list[NewEvent] = []
    is_patient, erased = user.role == "patient", user.id if erase else None
    if is_patient:
        await store.patient_sequences.advance(user.id, session=session)
        active = await store.steps.with_status([user.id], ["active"], session=session)
        await cancel_steps(store, active, now=now, session=session)
        for note in await store.notes.with_status([user.id], UNSETTLED, session=session):
            if note.status == "proposed":
                await reject_proposed(store, note.id, session=session)
            await store.notes.settle([NoteTransition(note=note, status="superseded")], session=session)
    for assignment in await store.assignments.of_user(user.id, is_patient=is_patient, session=session):
        new_events += await end_assignment(store, assignment, now=now, session=session, erased=erased)
    grants = await store.grants.not_ended(user.id, session=session)
    new_events += await end_grants(store, grants, now=now, session=session, erased=erased)
    ended = await store.sessions.revoke_all(user.id, now=now, session=session)
    await store.letters.revoke_all(user.id, session=session)
    await store.second_factors.delete_all(user.id, session=session)
    await store.challenges.revoke_all(user.id, session=session)
    if erase:
        await store.identities.delete_all(user.id, session=session)
    await store.calendars.revoke(user.id, session=session)
    await store.subscriptions.delete_all(user.id, session=session)
    await store.answer_tokens.revoke_all(user.id, session=session)
    await store.mail_reminders.unsubscribe(user.id, session=session)
    await store.idempotency.delete_all(user.id, session=session)
    users = await store.events.append(new_events, at=now, session=session)
    act: Act = "account.erased" if erase else "account.closed"
    await store.audit.write(actor, act, of=[user.id], session=session)
    if erase:
        await store.events.delete_all(user.id, session=session)
        await store.patient_questions.delete_all(user.id, session=session)
        await store.phone_calls.delete_all(user.id, session=session)
        await store.users.erase(user.id, at=now, session=session)
    else:
        await store.users.update(user.id, {"status": "deactivated", "deactivated_at": now}, session=session)
    return AccountClosed(users, tuple(ended))


async def delete_unconfirmed(store: Store, user_id: str, *, session: Session) -> None:
    """Delete an account whose address was never confirmed, with its key, letters and links."""
    await store.letters.revoke_all(user_id, session=session)
    await store.users.delete(user_id, session=session)


async def delete_expired_sign_up(store: Store, user_id: str, *, before: datetime) -> bool:
    """Delete an unconfirmed sign-up with its key. False when it was confirmed or is already gone."""

    async def work(session: Session) -> bool:
        row = await store.users.row(user_id, session=session)
        if row is None or row.get("email_confirmed", True) or row["created_at"] >= before:
            return False
        await delete_unconfirmed(store, user_id, session=session)
        await store.audit.write(AuditActor(role="system"), "account.erased", of=[user_id], session=session)
        return True

    gone = await store.transaction(work)
    if gone:
        store.vault.drop_cached_key(user_id)
    return gone
