"""Activation of a plan: a ready note's steps replace all earlier ones, and earlier notes are superseded.

Handles several patients at once, with one call for each collection. Runs inside the caller's transaction; the old plan
runs on until the commit (contract, "A new note").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hospital_rt.domain.course import begin
from hospital_rt.domain.errors import NotFound
from hospital_rt.storage.database import Session
from models.events import NewEvent
from models.notes import IN_FLIGHT, UNSETTLED, Note, NoteTransition
from models.reminders import LedgerEntry
from models.services.check_in import cancelled_step
from models.services.notifications import Audience, note_status
from models.steps import Step
from models.store import Store
from models.users import User


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A note that is ready, and its steps.

    ``stored``: they are there already, proposed. ``keep``: ids of earlier active steps that run on beside them.
    """

    note: Note
    steps: Sequence[Step]
    stored: bool
    now: datetime
    day_seconds: int | None
    keep: frozenset[str] = frozenset()


async def activate(store: Store, plans: Sequence[NewPlan], *, session: Session) -> list[NewEvent]:
    """Make the steps their patients' plans (one note a patient): earlier active ones are cancelled, earlier unsettled
    notes superseded.

    Raises:
        DomainError: 404 when one of the patients is gone.
    """
    if not plans:
        return []
    new_plans = {plan.note.patient_id: plan for plan in plans}
    patients = await store.users.by_ids(list(new_plans), session=session)
    if any(id not in patients or patients[id].name is None for id in new_plans):
        raise NotFound()
    active = {
        id: [activated(step, patients[id], at=one.now, day_seconds=one.day_seconds) for step in one.steps]
        for id, one in new_plans.items()
    }
    closed: list[Step] = []
    kept: list[Step] = []
    entries: list[LedgerEntry] = []
    for step in await store.steps.with_status(list(new_plans), ["active"], session=session):
        new_plan = new_plans[step.patient_id]
        if step.id in new_plan.keep:
            kept.append(replace(step, kept_number=new_plan.note.number))
        elif step.note_id != new_plan.note.id:
            after, written = cancelled_step(step, now=new_plan.now)
            closed.append(after)
            entries += written
    await store.steps.insert(
        [step for id, one in new_plans.items() if not one.stored for step in active[id]], session=session
    )
    stored = [step for id, one in new_plans.items() if one.stored for step in active[id]]
    await store.steps.save([*stored, *closed, *kept], session=session)
    await store.reminders.write(entries, session=session)
    await store.patient_sequences.set_ready_notes(
        {id: one.note.number for id, one in new_plans.items()}, session=session
    )
    new_events: list[NewEvent] = []
    for note in await store.notes.with_status(list(new_plans), UNSETTLED, session=session):
        if note.number < new_plans[note.patient_id].note.number:
            new_events += await supersede(store, [note], session=session)
    audiences = await Audience.each(store, new_plans, session=session)
    for id, one in new_plans.items():
        new_events += audiences[id].steps_changed(
            note_id=one.note.id,
            created=active[id],
            cancelled=[step.id for step in closed if step.patient_id == id],
            completed=[step.id for step in active[id] if step.status == "completed"],
            kept=[step.id for step in kept if step.patient_id == id],
            by="note",
            why="note",
            key=f"plan/{one.note.id}",
            now=one.now,
        )
    return new_events


def activated(step: Step, patient: User, *, at: datetime, day_seconds: int | None) -> Step:
    """The step as activated at ``at``, with its course started on the patient's clock."""
    step = replace(step, status="active", activated_at=at, timezone=patient.timezone)
    if step.schedule is None:
        return step
    schedule = replace(step.schedule.at_day_times(patient.day), day_seconds=day_seconds)
    step = replace(step, schedule=schedule)
    if not step.has_slots:
        return step
    return step.with_course(begin(schedule, at=at, zone=patient.zone, repeat=patient.repeat_rule))


async def supersede(store: Store, notes: Sequence[Note], *, session: Session) -> list[NewEvent]:
    new_events: list[NewEvent] = []
    for note in notes:
        if await store.notes.settle([NoteTransition(note=note, status="superseded")], session=session):
            await reject_proposed(store, note.id, session=session)
            new_events += note_status(note, "superseded", discriminator=str(note.attempts))
    return new_events


async def reject_proposed(store: Store, note_id: str, *, session: Session) -> None:
    """Reject the proposed steps of a note that can no longer be approved."""
    steps = await store.steps.of_note(note_id, session=session)
    await store.steps.save(
        [replace(step, status="rejected") for step in steps if step.status == "proposed"], session=session
    )


async def supersede_in_flight(store: Store, *, patient_id: str, doctor_id: str, session: Session) -> list[NewEvent]:
    """Supersede the unsettled notes of a doctor who is no longer the patient's."""
    notes = await store.notes.with_status([patient_id], IN_FLIGHT, doctor_id=doctor_id, session=session)
    return await supersede(store, notes, session=session)
