"""Check in, and cancel by hand: the patient's answers. REST and the live channel open this door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hospital_rt.clock import from_wire, local_day
from hospital_rt.course import Outcome, Slot, answer, withdraw
from hospital_rt.database import Session
from hospital_rt.problems import Problem, invalid
from models.acts.remind import pass_time
from models.acts.telling import Audience, ledger_entries
from models.audit import Trace
from models.events import Happening
from models.idempotency import Claim
from models.reminders import Entry
from models.steps import Step
from models.store import Store

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
    now: datetime, claim: Claim | None = None, trace: Trace | None = None,
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
        await store.audit.write(trace, "step.checked_in", of=[patient_id], item=step.id, session=session)
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
    step, entries, happenings, _ = pass_time(step, now=now)
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
        entries = later_wins(entries, ledger_entries(after, change.touched, answered=change.answered, reason=reason))
        happenings += audience.checked_in(
            after, slot_at=change.answered.at, outcome=outcome, now=now,
            key=f"check-in/{step.id}@{change.answered.key}/{before.version}",
        )  # fmt: skip
    if after.status == "completed" and before.status == "active":
        happenings += completed(audience, after, by="patient" if change.counted else "course", now=now)
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
    audience = await Audience.of(store, step.patient_id, session=session)
    before = step
    step, _, happenings, _ = pass_time(step, now=now)
    if step.status != "active":
        if before.status == "active":
            happenings += completed(audience, step, by="course", now=now)
            await store.steps.save([step], session=session)
        return Answered(step, frozenset(await store.events.append(happenings, at=now, session=session)))
    closes = outcome == "done" and not step.as_needed
    if not closes and step.last_use_at is not None and now - step.last_use_at < USES_APART:
        return Answered(step, frozenset())
    after = replace(step, last_use_at=now)
    if step.as_needed:
        after = replace(after, uses=step.uses + (outcome == "done"))
    elif closes:
        after = replace(after, status="completed", completed_at=now, ended="done")
    await store.reminders.record_use(
        step_id=step.id, patient_id=step.patient_id, use="as_needed" if step.as_needed else "checklist",
        version=step.version, at=now, day=local_day(now, step.zone), outcome=outcome, reason=reason, session=session,
    )  # fmt: skip
    happenings += audience.checked_in(
        after, slot_at=None, outcome=outcome, now=now, key=f"check-in/{step.id}/{step.version}"
    )
    if after.status == "completed":
        happenings += completed(audience, after, by="patient", now=now)
    await store.steps.save([after], session=session)
    users = await store.events.append(happenings, at=now, session=session)
    return Answered(after, frozenset(users))


async def _answer_late(
    store: Store, step: Step, slot_at: datetime | None, outcome: Outcome, reason: str | None, *, now: datetime,
    session: Session,
) -> Answered:  # fmt: skip
    """A slot that came due before its step was cancelled: the answer is kept and changes nothing else.

    It may have come due a moment before the cancellation, unrecorded by any tick.
    """
    too_late = Problem("step-cancelled", "This step was cancelled before that time.")
    if step.course is None or step.cancelled_at is None:
        raise too_late
    if slot_at is None:
        waiting = [slot for slot in step.course.window if slot.state == "withdrawn"]
        if not waiting:
            raise too_late
        slot_at = waiting[-1].at
    found = await store.reminders.find(step.id, slot_at, session=session)
    if found is None:
        timeline = step.course.timeline(step.zone)
        number = timeline.find(slot_at)
        if number is None:
            raise invalid("#/slot", "This step has no such slot.")
        if slot_at > step.cancelled_at:
            raise too_late
        slot = Slot(number=number, key=timeline.key(number), at=slot_at, state="withdrawn", recorded=False)
        entry = Entry(step_id=step.id, patient_id=step.patient_id, slot=slot, day=timeline.local_date(number))
        await store.reminders.write([entry], session=session)
        found = await store.reminders.find(step.id, slot_at, session=session)
    if found is not None and found.answered_at is None:
        await store.reminders.record_late(found, outcome=outcome, reason=reason, at=now, session=session)
    return Answered(step, frozenset())


async def cancel_step(
    store: Store, step: Step, *, by: str, reason: str | None, now: datetime, trace: Trace | None = None
) -> Answered:
    """Cancel an active step by hand; again is the same answer. The caller has judged access.

    Raises:
        Problem: 404 when it is not active, completed or cancelled.
    """
    async def work(session: Session) -> Answered:
        held = await store.steps.get(step.id, session=session)
        if held is None or held.status in {"proposed", "rejected"}:
            raise Problem("not-found")
        await store.audit.write(
            trace, "step.cancelled", of=[held.patient_id], item=held.id, reason=reason, session=session
        )
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


def completed(audience: Audience, step: Step, *, by: str, now: datetime) -> list[Happening]:
    return audience.steps_changed(
        note_id=step.note_id, created=[], cancelled=[], completed=[step.id],
        by="patient" if by == "patient" else "course", key=f"completed/{step.id}/{step.version}", now=now,
    )  # fmt: skip


def later_wins(earlier: list[Entry], later: list[Entry]) -> list[Entry]:
    """One entry a slot: when time and the patient touch the same slot, one write that says both."""
    merged = {entry.slot.key: entry for entry in earlier}
    for entry in later:
        if held := merged.get(entry.slot.key):
            entry = replace(
                entry, is_new=held.is_new or entry.is_new, answer=held.answer or entry.answer,
                reason=entry.reason if entry.answer else held.reason,
            )  # fmt: skip
        merged[entry.slot.key] = entry
    return list(merged.values())
