"""Check in, take a check-in back, cancel by hand: the patient's answers. REST and the live channel open this door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hospital_rt.clock import from_wire, local_day
from hospital_rt.course import Outcome, answer, undo, withdraw
from hospital_rt.database import Session
from hospital_rt.problems import Problem, invalid
from models.acts.remind import pass_time
from models.acts.telling import Audience, ledger_entries
from models.events import Happening
from models.idempotency import Claim
from models.reminders import Entry, Reminder
from models.steps import Step
from models.store import Store

UNDO_WITHIN = timedelta(hours=24)
USES_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Answered:
    """The step as it now stands, and whom to wake."""

    step: Step
    users: frozenset[str]


def read_slot(text: str | None) -> datetime | None:
    """The slot that a client named.

    Raises:
        Problem: 422 when it is not a moment as we write them.
    """
    if text is None:
        return None
    try:
        return from_wire(text)
    except ValueError:
        raise invalid("#/slot", "Send the slot as it was given, such as 2026-03-02T08:00:00Z.") from None


async def check_in(
    store: Store, *, patient_id: str, step_id: str, slot: str | None, outcome: Outcome, reason: str | None,
    now: datetime, claim: Claim | None = None,
) -> Answered:  # fmt: skip
    """Answer a slot of the patient's own step (contract 4.3). The same check-in again changes nothing.

    Raises:
        Problem: 404 not theirs; 409 proposed, cancelled before that slot, or the slot is closed; 422 no such slot.
    """
    slot_at = read_slot(slot)

    async def work(session: Session) -> Answered:
        step = await store.steps.get(step_id, session=session)
        if step is None or step.patient_id != patient_id or step.status == "rejected":
            raise Problem("not-found")
        if step.status == "proposed":
            raise Problem("step-proposed", "The doctor has not approved this step yet.")
        await store.idempotency.commit(claim, session=session)
        if step.status == "cancelled":
            return await _answer_late(store, step, slot_at, outcome, reason, now=now, session=session)
        if step.course is None:
            return await _answer_whole(store, step, slot_at, outcome, reason, now=now, session=session)
        return await _answer_slot(store, step, slot_at, outcome, reason, now=now, session=session)

    return await store.transaction(work)


async def _answer_slot(
    store: Store, step: Step, slot_at: datetime | None, outcome: Outcome, reason: str | None, *, now: datetime,
    session: Session,
) -> Answered:  # fmt: skip
    before = step
    step, entries, happenings = pass_time(step, now=now)
    if step.course is None:
        raise ValueError("a step with slots has a course")
    recalled = None
    if slot_at is not None and all(slot.at != slot_at for slot in step.course.window):
        found = await store.reminders.find(step.id, slot_at, session=session)
        recalled = found.as_slot() if found and found.use == "slot" else None
    change = answer(step.course, outcome=outcome, slot_at=slot_at, now=now, zone=step.zone, recalled=recalled)
    after = step.with_course(change.course, now=now)
    audience = await Audience.of(store, step.patient_id, session=session)
    if change.counted and change.answered is not None:
        entries = _later_wins(entries, ledger_entries(after, change.touched, answered=change.answered, reason=reason))
        happenings += audience.checked_in(
            after, slot_at=change.answered.at, outcome=outcome, now=now,
            key=f"check-in/{step.id}@{change.answered.key}/{before.version}",
        )  # fmt: skip
    if after.status == "completed" and before.status == "active":
        happenings += _completed(audience, after, by="patient" if change.counted else "course", now=now)
    if after != before:
        await store.steps.save([after], session=session)
        await store.reminders.write(entries, session=session)
    users = await store.events.append(happenings, at=now, session=session)
    return Answered(after, frozenset(users))


async def _answer_whole(
    store: Store, step: Step, slot_at: datetime | None, outcome: Outcome, reason: str | None, *, now: datetime,
    session: Session,
) -> Answered:  # fmt: skip
    """A checklist step is done at once; each use of an as-needed step is recorded, at most one a minute."""
    if slot_at is not None:
        raise invalid("#/slot", "This step has no slots.")
    if step.status != "active":
        return Answered(step, frozenset())
    use = "as_needed" if step.as_needed else "checklist"
    if step.as_needed and step.last_use_at is not None and now - step.last_use_at < USES_APART:
        return Answered(step, frozenset())
    after = replace(step, last_use_at=now)
    if step.as_needed:
        after = replace(after, uses=step.uses + (outcome == "done"))
    elif outcome == "done":
        after = replace(after, status="completed", completed_at=now, ended="done")
    await store.reminders.record_use(
        step_id=step.id, patient_id=step.patient_id, use=use, at=now,  # type: ignore[arg-type]
        day=local_day(now, step.zone), outcome=outcome, reason=reason, session=session,
    )  # fmt: skip
    audience = await Audience.of(store, step.patient_id, session=session)
    happenings = audience.checked_in(
        after, slot_at=None, outcome=outcome, now=now, key=f"check-in/{step.id}/{step.version}"
    )
    if after.status == "completed":
        happenings += _completed(audience, after, by="patient", now=now)
    await store.steps.save([after], session=session)
    users = await store.events.append(happenings, at=now, session=session)
    return Answered(after, frozenset(users))


async def _answer_late(
    store: Store, step: Step, slot_at: datetime | None, outcome: Outcome, reason: str | None, *, now: datetime,
    session: Session,
) -> Answered:  # fmt: skip
    """A slot that came due before its step was cancelled: the answer is kept and changes nothing else."""
    found: Reminder | None = None
    if slot_at is not None:
        found = await store.reminders.find(step.id, slot_at, session=session)
    elif step.has_slots:
        found = await store.reminders.newest(step.id, answered=False, session=session)
        if found is not None and found.state != "withdrawn":
            found = None
    if found is None or found.use != "slot":
        raise Problem("step-cancelled", "This step was cancelled before that time.")
    if found.answered_at is None:
        await store.reminders.record_late(found, outcome=outcome, reason=reason, at=now, session=session)
    return Answered(step, frozenset())


async def take_back(
    store: Store, *, patient_id: str, step_id: str, slot: str | None, now: datetime, claim: Claim | None = None
) -> Answered:
    """Undo a check-in, the last one or that of ``slot``.

    Raises:
        Problem: 404 not theirs; 409 ``too-late`` after 24 hours, ``conflict`` when there is nothing to undo.
    """
    slot_at = read_slot(slot)

    async def work(session: Session) -> Answered:
        step = await store.steps.get(step_id, session=session)
        if step is None or step.patient_id != patient_id or step.status in {"proposed", "rejected"}:
            raise Problem("not-found")
        if slot_at is not None:
            found = await store.reminders.find(step.id, slot_at, session=session)
            if found is None and not _knows(step, slot_at):
                raise invalid("#/slot", "This step has no such slot.")
        else:
            found = await store.reminders.newest(step.id, answered=True, session=session)
        if found is None or found.answered_at is None:
            raise Problem("conflict", "There is no check-in to undo.")
        await store.idempotency.commit(claim, session=session)
        if step.status == "cancelled" or step.course is None:
            return await _take_back_whole(store, step, found, now=now, session=session)
        step, entries, happenings = pass_time(step, now=now)
        if step.course is None:
            raise ValueError("a step with slots has a course")
        held = step.course.known(found.number)
        change = undo(step.course, held or found.as_slot(), now=now, zone=step.zone)
        after = await _revived(store, step, step.with_course(change.course, now=now), now=now, session=session)
        entries = _later_wins(entries, ledger_entries(after, change.touched, answered=change.answered))
        if after.status == "cancelled" and after.course is not None:
            closed = withdraw(after.course, now=now)
            after = replace(after, course=closed.course)
            entries = _later_wins(entries, ledger_entries(after, closed.touched))
        audience = await Audience.of(store, step.patient_id, session=session)
        happenings += audience.checked_in(
            after, slot_at=found.slot_at, outcome="undone", now=now,
            key=f"undo/{step.id}@{found.key}/{step.version}",
        )  # fmt: skip
        await store.steps.save([after], session=session)
        await store.reminders.write(entries, [(step.id, slot) for slot in change.removed], session=session)
        users = await store.events.append(happenings, at=now, session=session)
        return Answered(after, frozenset(users))

    return await store.transaction(work)


async def _take_back_whole(
    store: Store, step: Step, found: Reminder, *, now: datetime, session: Session
) -> Answered:
    if found.answered_at is None or now - found.answered_at > _undo_within(step):
        raise Problem("too-late", "A check-in can be undone within 24 hours.")
    await store.reminders.take_back(found, session=session)
    if step.status == "cancelled":
        return Answered(step, frozenset())
    after = step
    if step.as_needed:
        after = replace(step, uses=max(0, step.uses - (found.outcome == "done")), last_use_at=None)
    elif step.status == "completed" and found.outcome == "done":
        revived = replace(step, status="active", completed_at=None, ended=None)
        after = await _revived(store, step, revived, now=now, session=session)
    audience = await Audience.of(store, step.patient_id, session=session)
    happenings = audience.checked_in(
        after, slot_at=None, outcome="undone", now=now, key=f"undo/{step.id}/{step.version}"
    )
    await store.steps.save([after], session=session)
    users = await store.events.append(happenings, at=now, session=session)
    return Answered(after, frozenset(users))


async def _revived(store: Store, before: Step, after: Step, *, now: datetime, session: Session) -> Step:
    """A step that an undone check-in brings back; cancelled instead when a newer note has replaced its plan since."""
    if before.status == "completed" and after.status == "active":
        plan = await store.plans.touch(before.patient_id, session=session)
        if plan.ready_note > before.note_number:
            return replace(after, status="cancelled", cancelled_at=now)
    return after


async def cancel_step(
    store: Store, step: Step, *, by: str, reason: str | None, now: datetime
) -> Answered:
    """Cancel an active step by hand; again is the same answer. The caller has judged access.

    Raises:
        Problem: 404 when it is not active, completed or cancelled.
    """
    del reason  # kept by the audit

    async def work(session: Session) -> Answered:
        held = await store.steps.get(step.id, session=session)
        if held is None or held.status in {"proposed", "rejected"}:
            raise Problem("not-found")
        if held.status == "cancelled":
            return Answered(held, frozenset())
        if held.status == "completed":
            raise Problem("conflict", "This step is completed.")
        after, entries = cancelled(held, now=now)
        audience = await Audience.of(store, held.patient_id, session=session)
        happenings = audience.steps_changed(
            note_id=held.note_id, created=[], cancelled=[held.id], completed=[],
            by="patient" if by == "patient" else "doctor", key=f"cancelled/{held.id}", now=now,
        )  # fmt: skip
        await store.steps.save([after], session=session)
        await store.reminders.write(entries, session=session)
        users = await store.events.append(happenings, at=now, session=session)
        return Answered(after, frozenset(users))

    return await store.transaction(work)


def cancelled(step: Step, *, now: datetime) -> tuple[Step, list[Entry]]:
    """The step cancelled at ``now``, and the ledger entry of its open slot."""
    after = replace(step, status="cancelled", cancelled_at=now)
    if step.course is None:
        return after, []
    change = withdraw(step.course, now=now)
    after = replace(after, course=change.course)
    return after, ledger_entries(after, change.touched)


def _completed(audience: Audience, step: Step, *, by: str, now: datetime) -> list[Happening]:
    return audience.steps_changed(
        note_id=step.note_id, created=[], cancelled=[], completed=[step.id],
        by="patient" if by == "patient" else "course", key=f"completed/{step.id}/{step.version}", now=now,
    )  # fmt: skip


def _later_wins(earlier: list[Entry], later: list[Entry]) -> list[Entry]:
    """One entry a slot: when time and the patient touch the same slot, one write that says both."""
    merged = {entry.slot.key: entry for entry in earlier}
    for entry in later:
        held = merged.get(entry.slot.key)
        merged[entry.slot.key] = replace(entry, is_new=bool(held and held.is_new) or entry.is_new)
    return list(merged.values())


def _knows(step: Step, slot_at: datetime) -> bool:
    if step.course is None:
        return False
    return step.course.timeline(step.zone).find(slot_at, first=step.course.first) is not None


def _undo_within(step: Step) -> timedelta:
    return step.schedule.one_day if step.schedule else UNDO_WITHIN


