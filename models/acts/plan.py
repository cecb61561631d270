"""The turn of a plan: a ready note's steps take the place of all earlier ones, and earlier notes are overtaken.

Part of a transaction that somebody else runs; the old plan runs on until that commits (contract 4.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hospital_rt.course import begin
from hospital_rt.database import Session
from hospital_rt.problems import Problem
from models.acts.check_in import cancelled
from models.acts.telling import Audience, note_status
from models.events import Happening
from models.notes import IN_FLIGHT, UNSETTLED, Note
from models.reminders import Entry
from models.steps import Step
from models.store import Store
from models.users import User


async def activate(
    store: Store, note: Note, steps: Sequence[Step], *, stored: bool, now: datetime, day_seconds: int | None,
    session: Session,
) -> list[Happening]:  # fmt: skip
    """The steps become the patient's plan: earlier active ones are cancelled, earlier unsettled notes superseded."""
    patient = await store.users.get(note.patient_id, session=session)
    if patient is None or patient.name is None:
        raise Problem("not-found")
    active = [activated(step, patient, at=now, day_seconds=day_seconds) for step in steps]
    earlier = [
        step for step in await store.steps.with_status(note.patient_id, ["active"], session=session)
        if step.note_id != note.id
    ]  # fmt: skip
    closed: list[Step] = []
    entries: list[Entry] = []
    for step in earlier:
        after, written = cancelled(step, now=now)
        closed.append(after)
        entries += written
    if stored:
        await store.steps.save(active, session=session)
    else:
        await store.steps.insert(active, session=session)
    await store.steps.save(closed, session=session)
    await store.reminders.write(entries, session=session)
    await store.plans.note_ready(note.patient_id, note.number, session=session)
    overtaken = await store.notes.with_status(
        note.patient_id, UNSETTLED, before_number=note.number, session=session
    )
    happenings = await supersede(store, overtaken, now=now, session=session)
    audience = await Audience.of(store, note.patient_id, session=session)
    return happenings + audience.steps_changed(
        note_id=note.id, created=active, cancelled=[step.id for step in closed],
        completed=[step.id for step in active if step.status == "completed"], by="note",
        key=f"plan/{note.id}", now=now,
    )  # fmt: skip


def activated(step: Step, patient: User, *, at: datetime, day_seconds: int | None) -> Step:
    """The step from the moment it becomes active, with its course begun on the patient's clock."""
    step = replace(step, status="active", activated_at=at, timezone=patient.timezone)
    if step.schedule is None:
        return step
    schedule = replace(step.schedule.at_reminder_time(patient.reminder_time), day_seconds=day_seconds)
    step = replace(step, schedule=schedule)
    if not step.has_slots:
        return step
    return step.with_course(begin(schedule, at=at, zone=patient.zone), now=at)


async def supersede(store: Store, notes: Sequence[Note], *, now: datetime, session: Session) -> list[Happening]:
    happenings: list[Happening] = []
    for note in notes:
        if await store.notes.settle(note, "superseded", lease=None, session=session):
            await reject_proposed(store, note.id, session=session)
            happenings += note_status(note, "superseded", mark=str(note.attempts))
    return happenings


async def reject_proposed(store: Store, note_id: str, *, session: Session) -> None:
    """Proposed steps of a note that will not be approved any more."""
    steps = await store.steps.of_note(note_id, session=session)
    await store.steps.save(
        [replace(step, status="rejected") for step in steps if step.status == "proposed"], session=session
    )


async def supersede_in_flight(
    store: Store, *, patient_id: str, doctor_id: str, now: datetime, session: Session
) -> list[Happening]:
    """The notes of a doctor who is no longer the patient's, as far as they are not settled."""
    notes = await store.notes.with_status(patient_id, IN_FLIGHT, doctor_id=doctor_id, session=session)
    return await supersede(store, notes, now=now, session=session)
