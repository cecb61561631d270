"""The past of the demonstration: some weeks of answers, misses and reasons, a plan that ended and one that runs.

It is made by the rules of the service itself: the notes are read by the local reader, and each step's course is run
from slot to slot. No events are written: no page was open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from hospital_rt.domain.clock import local_day
from hospital_rt.domain.course import Outcome, Slot, answer
from hospital_rt.extraction.pipeline import read_note
from hospital_rt.storage.database import Session
from models.app_context import AppContext
from models.audit import AuditActor
from models.notes import NewNote, NoteTransition
from models.people.grants import Grant
from models.reminders import LedgerEntry
from models.services.activate_plan import activated
from models.services.carers import accept_within
from models.services.check_in import cancelled_step
from models.services.notifications import ledger_entries
from models.services.record_reminders import pass_time
from models.steps import Step
from models.users import User
from tasks.notes import make_step, review_of

REASONS = ("My stomach hurts after it", "I was travelling", "It made me dizzy", "I forgot to buy more")
ANSWERED_AFTER = timedelta(minutes=7)


@dataclass(frozen=True, slots=True)
class PastNote:
    """A note so many days ago, and how its steps were kept.

    Args:
        missed: every so many slots one has no answer; ``skipped``: one is skipped with a reason; 0: none.
        silent_days: none of the last days has an answer.
        ended_days_ago: when what still ran was stopped; None: it runs on.
    """

    days_ago: int
    text: str = field(repr=False)
    missed: int
    skipped: int
    silent_days: int = 0
    ended_days_ago: int | None = None


ENDED = PastNote(
    days_ago=40,
    text=(
        "Her chest infection is better.\n\nTake doxycycline 100 mg twice a day for 7 days. "
        "Take ramipril 5 mg every morning. Walk 20 minutes every evening."
    ),
    missed=9,
    skipped=7,
    ended_days_ago=1,
)
RUNNING = PastNote(
    days_ago=21,
    text="Take metformin 500 mg twice a day. Measure your blood pressure every morning.",
    missed=5,
    skipped=11,
    silent_days=2,
)


async def write_history(app: AppContext, past: PastNote, *, patient: User, doctor_id: str, now: datetime) -> None:
    """Write this note and all that came of it until ``now``, as one transaction."""
    store, began = app.store, now - timedelta(days=past.days_ago)
    day = local_day(began, patient.zone)
    result = await read_note(past.text, day=day, reader=app.resources.local_reader, names=())
    written = NewNote(id=str(uuid4()), patient_id=patient.id, doctor_id=doctor_id, text=past.text, now=began)

    async def work(session: Session) -> None:
        sequence = await store.patient_sequences.advance(patient.id, new_note=True, session=session)
        [note] = await store.notes.insert([written], numbers={patient.id: sequence.last_note}, session=session)
        settled = NoteTransition(note=note, status="ready", extracted_by=result.extracted_by, review=review_of(result))
        await store.notes.settle([settled], session=session)
        await store.patient_sequences.set_ready_notes({patient.id: note.number}, session=session)
        steps: list[Step] = []
        entries: list[LedgerEntry] = []
        for number, kept in enumerate(result.kept):
            step = make_step(kept, number=number, note=note, patient=patient, day=day, now=began)
            lived, slots = _history_of(activated(step, patient, at=began, day_seconds=None), past, now=now)
            steps.append(lived)
            entries += slots
        await store.steps.insert(steps, session=session)
        await store.reminders.write(entries, session=session)
        author = AuditActor(role="doctor", user_id=doctor_id)
        await store.audit.write(author, "note.written", of=[patient.id], item=note.id, session=session)

    await store.transaction(work)


def _history_of(step: Step, past: PastNote, *, now: datetime) -> tuple[Step, Sequence[LedgerEntry]]:
    """The step after its days until ``now``, and each of its slots once, as it stands at the end."""
    ends = now - timedelta(days=past.ended_days_ago) if past.ended_days_ago is not None else now
    silent_from = now - timedelta(days=past.silent_days)
    known: dict[str, LedgerEntry] = {}

    def keep(entries: Sequence[LedgerEntry]) -> None:
        for entry in entries:
            before = known.get(entry.slot.key)
            if before and before.answer and not entry.answer:
                entry = replace(entry, answer=True, reason=before.reason, done_at=before.done_at)
            known[entry.slot.key] = replace(entry, is_new=False)

    while step.status == "active" and (at := step.wake_at()) is not None and at <= ends:
        passed = pass_time(step, now=at)
        step = passed.step
        keep(passed.entries)
        waiting = step.course.open_slot if step.course else None
        answered_at = at + ANSWERED_AFTER
        if waiting is None or waiting.at != at or answered_at > min(ends, silent_from):
            continue
        outcome, reason = _answer(past, waiting)
        if outcome is not None:
            step, entries = _answered(step, waiting, outcome, reason, at=answered_at)
            keep(entries)
    if past.ended_days_ago is not None and step.status == "active":
        step, entries = cancelled_step(step, now=ends)
        keep(entries)
    return step, list(known.values())


def _answer(past: PastNote, slot: Slot) -> tuple[Outcome | None, str | None]:
    if past.skipped and slot.number % past.skipped == past.skipped - 1:
        return "skipped", REASONS[slot.number // past.skipped % len(REASONS)]
    if past.missed and slot.number % past.missed == past.missed - 1:
        return None, None
    return "done", None


def _answered(
    step: Step, slot: Slot, outcome: Outcome, reason: str | None, *, at: datetime
) -> tuple[Step, list[LedgerEntry]]:
    if step.course is None:
        return step, []
    change = answer(step.course, outcome=outcome, slot_at=slot.at, now=at, zone=step.zone)
    after = step.with_course(change.course)
    return after, ledger_entries(after, change.touched, answered=change.answered, reason=reason)


async def care_for(app: AppContext, *, patient: User, carer: User, now: datetime) -> None:
    """Have ``carer`` care for the patient, as by an invitation that was accepted: they may answer and read notes."""
    store = app.store
    grant = Grant.invitation(patient.id, may="answer", notes=True, now=now)
    actor = AuditActor(role="carer", user_id=carer.id)

    async def work(session: Session) -> None:
        await store.grants.insert(grant, email=carer.email or "", token_hash=uuid4().hex, session=session)
        await accept_within(store, session, grant, carer=carer, now=now, actor=actor)

    await store.transaction(work)
