"""Record all due reminders. Safe to run concurrently, and to crash at any point.

One transaction writes, for a batch of steps, the reminders, the feeds and the steps' next due time: a reminder is
recorded completely or not at all, and concurrent runs conflict on the step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from pymongo.errors import DuplicateKeyError

from hospital_rt.domain.course import time_passes
from hospital_rt.logs import describe_error, log
from hospital_rt.storage.database import Session, is_unavailable
from models.events import NewEvent
from models.reminders import LedgerEntry
from models.services.notifications import Audience, completed, ledger_entries, reminder_due, reminders_for_carers
from models.steps import Step
from models.store import Store, transactional
from models.visibility import carers_to_notify

LEASE_S = 5.0
POISON_WAIT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """Result of one batch: the users to wake, the number of reminders, and the delay of each, in seconds."""

    users: frozenset[str]
    steps: int
    lags_s: tuple[float, ...]


class StepProgress(NamedTuple):
    """Effect of time on one step: the updated step, its reminder records, and the event for the patient, if any."""

    step: Step
    entries: list[LedgerEntry]
    new_events: list[NewEvent]
    due_at: datetime | None = None  # when the reminder was due


def pass_time(step: Step, *, now: datetime) -> StepProgress:
    """Advance one step to ``now``."""
    if step.status != "active":
        return StepProgress(step, [], [])
    if step.course is None:
        ends_at = step.ends_at
        if not step.as_needed or ends_at is None or ends_at > now:
            return StepProgress(step, [], [])
        return StepProgress(replace(step, status="completed", completed_at=now, ended="fixed"), [], [])
    change = time_passes(step.course, now=now, zone=step.zone)
    after = step.with_course(change.course)
    slot, repeat = change.reminded, change.repeat
    entries = ledger_entries(after, change.touched, new=None if repeat else slot)
    if slot is None:
        return StepProgress(after, entries, [])
    return StepProgress(after, entries, [reminder_due(after, slot, repeat=repeat, now=now)], change.due_at)


async def record_due(store: Store, *, now: datetime, limit: int) -> RecordedBatch:
    """Record one batch of due reminders, the longest overdue first.

    ``steps`` of the result is the number of steps examined: 0 when nothing is due.
    """
    ids = await store.steps.claim_due(now, limit=limit, lease_s=LEASE_S)
    if not ids:
        return RecordedBatch(frozenset(), 0, ())
    try:
        return await _record(store, ids, now=now)
    except Exception as error:
        if is_unavailable(error) and not isinstance(error, DuplicateKeyError):
            raise
        log.warning("reminders.batch_failed", count=len(ids), **describe_error(error))
    return await _record_singly(store, ids, now=now)


async def _record_singly(store: Store, ids: list[str], *, now: datetime) -> RecordedBatch:
    """One step at a time, so that a faulty one does not block the others."""
    users: set[str] = set()
    lags: list[float] = []
    for step_id in ids:
        try:
            one = await _record(store, [step_id], now=now)
        except Exception as error:
            if is_unavailable(error) and not isinstance(error, DuplicateKeyError):
                raise
            log.error("reminders.step_failed", step_id=step_id, **describe_error(error))
            await store.steps.defer(step_id, until=now + POISON_WAIT)
            continue
        users |= one.users
        lags.extend(one.lags_s)
    return RecordedBatch(frozenset(users), len(ids), tuple(lags))


@transactional
async def _record(store: Store, session: Session, ids: list[str], *, now: datetime) -> RecordedBatch:
    steps = await store.steps.due_among(ids, now, session=session)
    entries: list[LedgerEntry] = []
    new_events: list[NewEvent] = []
    advanced: list[Step] = []
    lags: list[float] = []
    for step in steps:
        passed = pass_time(step, now=now)
        advanced.append(passed.step)
        entries.extend(passed.entries)
        new_events.extend(passed.new_events)
        if passed.due_at is not None:
            lags.append((now - passed.due_at).total_seconds())
    due = {step.id: step for step in advanced}
    carers = await carers_to_notify(store, {event.about for event in new_events}, session=session)
    new_events.extend(reminders_for_carers(new_events, due, carers))
    over = [step for step in advanced if step.status == "completed"]
    if over:
        audiences = await Audience.each(store, [step.patient_id for step in over], session=session)
        for step in over:
            new_events += completed(audiences[step.patient_id], step, by="course", now=now)
    await store.steps.save(advanced, session=session)
    await store.reminders.write(entries, session=session)
    users = await store.events.append(new_events, at=now, session=session)
    return RecordedBatch(users, len(ids), tuple(lags))
