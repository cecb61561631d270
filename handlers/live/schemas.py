"""Schemas of the live channel: the server's messages and the data of each event."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from handlers.api.schemas import (
    Failure,
    Id,
    Moment,
    PatientQuestionView,
    PersonView,
    ProblemView,
    StepView,
    View,
)
from models.notes import NoteStatus
from models.users import Role


class ReminderDueData(View):
    """To the patient and their carers: a slot has come due, or is repeated because it is still open."""

    step: StepView
    slot: Moment
    repeat: int = Field(ge=0)


class ReminderSnoozedData(View):
    """To the patient and their carers: an open slot is repeated at ``until``, and not before."""

    step: StepView
    slot: Moment
    until: Moment
    by: PersonView | None = Field(
        default=None, description="the carer who put it off; left out when it was the patient"
    )


class StepsChangedData(View):
    """To the patient, their doctor and carers: the plan is another one. ``kept``: earlier steps that run on beside new
    ones.
    """

    patient_id: Id
    note_id: Id
    created: list[StepView]
    cancelled: list[Id]
    completed: list[Id]
    kept: list[Id]
    by: Literal["note", "patient", "carer", "doctor", "course", "system"]
    why: Literal["note", "stopped", "withdrawn", "ended"]


class StepCheckedInData(View):
    """To the patient, their doctor and carers: a check-in, or its undoing."""

    step: StepView
    slot: Moment | None
    outcome: Literal["done", "skipped", "undone"]
    by: PersonView | None = Field(default=None, description="the carer who answered; left out when it was the patient")
    over_limit: bool = Field(default=False, description="a use beyond what the note allows, which was confirmed")


class NoteStatusData(View):
    """To the author at each status; to the patient when the note is ready. The counts are for the author."""

    note_id: Id
    status: NoteStatus
    failure: Failure | None
    dropped: int | None = None
    questions: int | None = None


class AssignmentChangedData(View):
    """To both: a doctor was chosen, or the assignment ended (``doctor`` null)."""

    patient: PersonView
    doctor: PersonView | None


class CarersChangedData(View):
    """To the patient and the carer: a grant of care began or ended."""

    patient: PersonView
    carer: PersonView
    state: Literal["active", "ended"]


class CoverChangedData(View):
    """To both doctors: a cover was arranged, or ended before its time."""

    doctor: PersonView
    covered_by: PersonView
    state: Literal["active", "ended"]


class QuestionChangedData(View):
    """To the patient and the doctor asked: a question was asked, answered or seen."""

    question: PatientQuestionView


class WithdrawnData(View):
    """An event that this user may no longer read: it keeps its ``seq`` and has no content."""


EVENTS: dict[str, type[View]] = {
    "reminder.due": ReminderDueData,
    "reminder.snoozed": ReminderSnoozedData,
    "steps.changed": StepsChangedData,
    "step.checked_in": StepCheckedInData,
    "note.status": NoteStatusData,
    "assignment.changed": AssignmentChangedData,
    "carers.changed": CarersChangedData,
    "cover.changed": CoverChangedData,
    "question.changed": QuestionChangedData,
    "withdrawn": WithdrawnData,
}


class Ready(View):
    """Authenticated (again): the newest ``seq`` of the feed and when the token ends."""

    type: Literal["ready"]
    user_id: Id
    role: Role
    epoch: str
    seq: int
    expires_at: Moment


class Reset(View):
    """The feed cannot be resumed from there: reload by REST."""

    type: Literal["reset"]
    epoch: str
    seq: int


class Event(View):
    """Something happened. ``seq`` counts 1, 2, 3, ... for each user, without gap or repeat."""

    type: Literal["event"]
    seq: int
    event: str
    at: Moment
    data: dict[str, Any]


class Reply(View):
    """The answer to a command: ``data`` when ``ok``, else ``error``."""

    type: Literal["reply"]
    id: str
    ok: bool
    data: StepView | None = None
    error: ProblemView | None = None


class Pong(View):
    type: Literal["pong"]
    id: str


class Expiring(View):
    """60 s before the token ends: send ``auth`` with a newer one."""

    type: Literal["expiring"]
    at: Moment


SERVER_MESSAGES: tuple[type[BaseModel], ...] = (Ready, Reset, Reply, Pong, Expiring)
