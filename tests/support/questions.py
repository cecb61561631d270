"""A note that asks its author something: the outcome of a reading, written as the worker writes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from hospital_rt.domain.clock import local_day
from hospital_rt.domain.schedule import Schedule
from models.notes import Note
from models.services.note_processing import NoteClaim, ReadNote, begin_note, finish_note
from models.steps import Step, StepText, sort_key
from models.users import User
from tests.support.driver import Clinic, Person, item, plan_item

WALK = "Walk 20 minutes daily."
DOSE = "Continue metoprolol 25-50 mg depending on pulse."
TEST = "We will order a stress test."
FINE = "She is doing well."
TEXT = " ".join((FINE, WALK, DOSE, TEST))


def span(words: str, text: str = TEXT) -> dict[str, Any]:
    start = text.index(words)
    return {"quote": words, "start": start, "end": start + len(words)}


def option(label: str, **schedule: Any) -> dict[str, Any]:
    """A ready answer to the dose's question: a plan item."""
    return {"label": label, "kind": "plan", "item": {**plan_item(label, DOSE, **schedule), **span(DOSE)}}


def question(*options: dict[str, Any], kind: str = "how-much", words: str = DOSE) -> dict[str, Any]:
    return {**span(words), "question": kind, "text": "Which dose is to be taken?", "options": list(options)}


def booked(label: str) -> dict[str, Any]:
    """A ready answer without a schedule."""
    return {"label": label, "kind": "checklist", "item": {**item(label, TEST), **span(TEST)}}


QUESTIONS = [
    question(
        option("Take metoprolol 25 mg once a day", duration_days=30, detail="With food."),
        option("Take metoprolol 50 mg once a day", times=["08:00"]),
    ),
    {
        **span(TEST),
        "question": "which-day",
        "text": "By when is the test to be done?",
        "options": [booked("Go to your stress test")],
    },
]
FATES = ((FINE, "nothing"), (WALK, "step"), (DOSE, "question"), (TEST, "question"))
ACCOUNT = [{**{name: place for name, place in span(words).items() if name != "quote"}, "as": fate}
           for words, fate in FATES]  # fmt: skip


def walk_step(note: Note, person: User, now: datetime) -> Step:
    """The proposed step that the note is sure of."""
    place = span(WALK)
    schedule = Schedule(
        start_date=local_day(note.created_at, person.zone),
        start_in_days=0,
        times=("09:00",),
        times_from="reminder_time",
        times_per_day=1,
        every_hours=None,
        every_days=1,
        duration_days=None,
        miss_policy="extend",
    )
    return Step(
        id=str(uuid4()),
        sort=sort_key(note.created_at, index=0),
        note_id=note.id,
        note_number=note.number,
        patient_id=note.patient_id,
        doctor_id=note.doctor_id,
        kind="plan",
        as_needed=False,
        by="extractor",
        status="proposed",
        created_at=now,
        timezone=person.timezone,
        schedule=schedule,
        words=StepText(title="Walk 20 minutes", detail=None, **place),
    )


async def asking_note(
    clinic: Clinic, doctor: Person, patient: Person, *, walk: bool = True, **review: Any
) -> dict[str, Any]:
    """A note with one proposed step (``walk``) and two questions, as its author sees it."""
    submitted = await clinic.submit(doctor, patient, TEXT)
    store, lease = clinic.app.store, uuid4().hex
    begun = await begin_note(store, NoteClaim(note_id=submitted["id"], lease=lease, now=clinic.now, lease_s=60))
    person = await store.users.get(patient.id)
    assert begun is not None and person is not None
    steps = [walk_step(begun.note, person, clinic.now)] if walk else []
    whole = {"dropped": [], "unmatched": [], "questions": QUESTIONS, "account": ACCOUNT, **review}
    reading = ReadNote(
        note=begun.note,
        steps=steps,
        review=whole,
        propose=True,
        extracted_by="local",
        failure=None,
        now=clinic.now,
        day_seconds=None,
    )
    await clinic.app.resources.wakeups.announce(await finish_note(store, reading))
    answer = await doctor.get(f"/api/notes/{submitted['id']}/")
    assert answer.body["status"] == "proposed", answer.body
    found: dict[str, Any] = answer.body
    return found


def answered(one: dict[str, Any]) -> dict[str, Any]:
    """A ready answer as a new step of an approval."""
    made = one["item"]
    step = {"title": made["title"], "detail": made["detail"], "quote": made["quote"], "kind": one["kind"]}
    if one["kind"] == "plan":
        names = ("start_in_days", "times_per_day", "times", "every_days", "duration_days", "miss_policy")
        step["schedule"] = {name: made[name] for name in names if made[name] is not None}
    return step
