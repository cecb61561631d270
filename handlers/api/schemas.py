"""Schemas of REST: bodies, queries and responses. They validate requests and make the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from hospital_rt.domain.clock import from_wire, is_clock_time, to_millisecond
from hospital_rt.domain.normalize import BLANK, normal_name, visible
from hospital_rt.domain.schedule import Kind, OnDay, Part, TimesFrom, Weekday
from hospital_rt.extraction.api import Fate, QuestionKind
from models.notes import NoteStatus
from models.questions.patient_questions import QuestionState
from models.steps import StepStatus

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def _clock_time(value: str) -> str:
    if not is_clock_time(value):
        raise ValueError("Write a time such as 09:00.")
    return value


def _on_day(value: Any) -> OnDay | None:
    if value is None or value == "last" or (type(value) is int and 1 <= value <= 31):
        return value  # type: ignore[no-any-return]
    raise ValueError('Give a day from 1 to 31, or "last".')


def _moment(value: Any) -> datetime:
    try:
        return to_millisecond(from_wire(value if isinstance(value, str) else ""))
    except (ValueError, OverflowError):
        raise ValueError("Write a moment such as 2026-03-02T08:00:00Z.") from None


def _readable(value: str) -> str:
    if BLANK.fullmatch(value):
        raise ValueError("Write something that can be seen.")
    return value


Id = Annotated[str, StringConstraints(pattern=_UUID)]
GivenId = Annotated[str, StringConstraints(pattern=_UUID.replace("a-f", "a-fA-F"), to_lower=True)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(normal_name)]
OnDayGiven = Annotated[
    Any,
    AfterValidator(_on_day),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"const": "last"}]}),
]
ClockTime = Annotated[str, AfterValidator(_clock_time)]
Moment = Annotated[
    str,
    Field(
        description="RFC 3339, UTC, milliseconds at most",
        examples=["2026-03-02T08:00:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
GivenMoment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T08:00:00Z"]}),
]
Slot = Annotated[str, Field(max_length=40, description="A slot as it was given", examples=["2026-03-02T08:00:00Z"])]
Reason = Annotated[str, Field(max_length=200)]
QuestionText = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_readable)]


class Body(BaseModel):
    """A body: closed, strict about types, and never shown: it may hold a note, a name or a password."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    __str__ = __repr__


class View(BaseModel):
    """A response."""

    model_config = ConfigDict(extra="forbid")


class NothingBody(Body):
    """Nothing: an empty body, or ``{}``."""


# Assignments


class AssignBody(Body):
    doctor_id: GivenId
    share_history: bool | None = Field(default=None, description="false for a doctor newly chosen; else as it was")


class PersonView(View):
    id: Id
    name: str | None


class CoveringView(PersonView):
    until: Moment


class AssignmentView(View):
    id: Id
    doctor: PersonView
    since: Moment
    share_history: bool
    cover: list[CoveringView] | None = Field(
        default=None, description="who covers for your doctor now, and until when; left out without a cover"
    )


class DayView(View):
    due: int
    done: int
    skipped: int


class CalledBody(Body):
    """What came of a call, in a few words."""

    text: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_readable)] | None = None


class CallView(View):
    at: Moment
    by: PersonView
    text: str | None


class SkipReasonView(View):
    step_id: Id
    title: str | None
    text: str
    at: Moment


class MyPatientView(View):
    id: Id
    name: str | None
    birth_date: str | None = Field(description="as the patient gave it: tells namesakes apart")
    phone: str | None = Field(description="as the patient gave it")
    since: Moment
    covering: PersonView | None = Field(
        default=None, description="the doctor for whom you cover; left out for your own patients"
    )
    steps_open: int
    notes_waiting: int = Field(description="notes of yours that wait for your approval")
    questions_open: int = Field(description="questions asked in them")
    asks: int = Field(description="questions of the patient to you that are open")
    asks_since: Moment | None = Field(description="since when the oldest of them waits")
    last_check_in_at: Moment | None
    last_seen_at: Moment | None
    missed_in_a_row: int
    adherence: float | None
    days: list[DayView]
    need: Literal["silent", "slipping", "on_course"]
    reason: Literal["two-unanswered", "under-60", "down-20", "skipped-3"] | None
    skip_reason: SkipReasonView | None = Field(description="the newest reason for skipping, of the last 7 days")
    called: CallView | None = Field(description="the last call that you or who covers for you noted, of 30 days")


# Notes and steps


class NoteBody(Body):
    patient_id: GivenId
    text: Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(_readable)]


class ScheduleBody(Body):
    """When a plan step is due, as the author sets it: in the words of an item of a note, or as a step shows it."""

    start_in_days: int = Field(default=0, ge=0, le=365)
    times_per_day: int = Field(default=1, ge=1, le=24)
    every_hours: int | None = Field(default=None, ge=1, le=24)
    times: Annotated[list[ClockTime], Field(min_length=1, max_length=24)] | None = None
    parts: Annotated[list[Part], Field(min_length=1, max_length=4)] | None = Field(
        default=None, description="times are the patient's own of these parts of the day"
    )
    every_days: int = Field(default=1, ge=1, le=366, description="with weekdays: 1, or whole weeks such as 14")
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)] | None = None
    every_months: int | None = Field(default=None, ge=1, le=24)
    on_day: OnDayGiven | None = Field(
        default=None, description="with every_months; null: the day of the start; a shorter month: its last day"
    )
    rrule: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="as the step shows it: it follows from the other members"
    )
    duration_days: int | None = Field(default=None, ge=1, le=1000)
    miss_policy: Literal["extend", "fixed"] = "extend"
    start_date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")] | None = Field(
        default=None, description="instead of start_in_days"
    )
    times_from: TimesFrom | None = Field(
        default=None,
        description="reminder_time, day_parts: times that differ from those of the patient's day stay as given",
    )
    occurrences: int | None = Field(default=None, ge=1, le=24_000, description="instead of duration_days")


class LimitsBody(Body):
    """How often an as-needed step may be used."""

    min_gap_hours: float | None = Field(default=None, gt=0, le=168)
    max_per_day: int | None = Field(default=None, ge=1, le=48, description="of any 24 hours")


class ApprovedStepBody(Body):
    """One step to approve: with ``id`` a proposed one, edited or not; without, a new step by the doctor."""

    id: GivenId | None = None
    kind: Kind | None = None
    title: Annotated[str, Field(min_length=1, max_length=120), AfterValidator(visible)] | None = None
    detail: Annotated[str, Field(max_length=500)] | None = None
    as_needed: bool | None = None
    limits: LimitsBody | None = None
    schedule: ScheduleBody | None = None
    quote: Annotated[str, Field(min_length=1, max_length=20_000)] | None = Field(
        default=None, description="of a new step: words of the note, as they stand there"
    )


class ApproveBody(Body):
    """Nothing: all proposed steps. ``steps``: these, the others are rejected. ``keep``: earlier steps that run on."""

    steps: Annotated[list[ApprovedStepBody], Field(min_length=1, max_length=80)] | None = None
    keep: Annotated[list[GivenId], Field(max_length=500)] | None = None


class RetryBody(Body):
    reader: Literal["local"] | None = Field(
        default=None, description="local: read by the rules instead of the language model; its steps wait for approval"
    )


class ReasonBody(Body):
    reason: Reason | None = None


class CheckInBody(Body):
    slot: Slot | None = None
    outcome: Literal["done", "skipped"] = "done"
    reason: Reason | None = None
    at: Slot | None = Field(default=None, description="when it really was: up to 48 h ago, not ahead; null: now")
    confirm: bool = Field(default=False, description="as needed: record it though it is over the limits")


class SnoozeBody(Body):
    slot: Slot
    minutes: int = Field(ge=5, le=720, description="from now; with DAY_SECONDS the same share of that day")


class LimitsView(View):
    """How often an as-needed step may be used; ``max_per_day`` is of any 24 hours."""

    min_gap_hours: float | None
    max_per_day: int | None


class ScheduleView(View):
    start_date: str
    times: list[str]
    times_from: TimesFrom
    parts: list[Part] | None
    every_days: int
    weekdays: list[Weekday] | None
    every_months: int | None
    on_day: OnDay | None
    rrule: str = Field(description="the days as an RFC 5545 rule from start_date on; COUNT counts days")
    occurrences: int | None
    miss_policy: Literal["extend", "fixed"]


class ProgressView(View):
    done: int
    total: int | None


class TodayView(View):
    slot: Moment
    state: Literal["open", "done", "skipped", "missed", "upcoming"]


class StepView(View):
    id: Id
    note_id: Id
    patient_id: Id
    doctor_id: Id
    kind: Kind
    title: str | None
    detail: str | None
    quote: str | None
    by: Literal["extractor", "doctor"]
    as_needed: bool
    status: StepStatus
    ended: Literal["done", "fixed", "lapsed"] | None
    created_at: Moment
    completed_at: Moment | None
    cancelled_at: Moment | None
    schedule: ScheduleView | None
    progress: ProgressView
    open_slot: Moment | None
    snoozed_until: Moment | None
    today: list[TodayView]
    next_reminder_at: Moment | None
    limits: LimitsView | None = Field(default=None, description="of as-needed steps, as the three that follow")
    last_done_at: Moment | None = None
    next_allowed_at: Moment | None = Field(default=None, description="null: within the limits now")
    done_24h: int | None = None


class CheckInView(View):
    slot: Moment | None
    at: Moment
    outcome: Literal["done", "skipped"]
    reason: str | None
    by: PersonView | None = Field(default=None, description="the carer who answered; left out when it was the patient")
    over_limit: bool = False


class StepWithCheckInsView(StepView):
    check_ins: list[CheckInView]


class OptionView(View):
    """A ready answer: what it would make a step of, as an item of the extraction."""

    label: str
    kind: Kind
    item: dict[str, Any]


class QuestionView(View):
    """What the note leaves open, asked of its author. Offsets are code points in the note."""

    quote: str
    start: int
    end: int
    question: QuestionKind
    text: str
    options: Annotated[list[OptionView], Field(max_length=4)]


class AccountView(View):
    """What became of one sentence of the note."""

    start: int
    end: int
    as_: Fate = Field(alias="as")


class DroppedView(View):
    kind: Kind
    item: dict[str, Any]
    reason: str
    detail: str


class UnmatchedView(View):
    quote: str
    start: int
    end: int


Failure = Literal[
    "refused",
    "invalid-answer",
    "truncated",
    "rejected",
    "rate-limited",
    "unavailable",
    "timeout",
    "unauthorized",
    "nothing-supported",
    "too-many",
    "gave-up",
    "patient-gone",
]


class NoteHeadView(View):
    id: Id
    patient: PersonView
    doctor: PersonView
    written_by: PersonView | None = Field(
        default=None, description="who wrote it while covering for the doctor; left out when it was the doctor"
    )
    status: NoteStatus
    extracted_by: str | None
    failure: Failure | None
    created_at: Moment


class NoteLineView(NoteHeadView):
    """A note in a list: everything but its text. ``questions`` is how many were asked, for the author."""

    questions: int | None = None


class NoteView(NoteHeadView):
    """A whole note. ``questions``, ``dropped``, ``unmatched`` and ``account`` are for the author."""

    text: str | None
    steps: list[StepView]
    questions: list[QuestionView] | None = None
    dropped: list[DroppedView] | None = None
    unmatched: list[UnmatchedView] | None = None
    account: list[AccountView] | None = None


class WithdrawnNoteView(NoteView):
    left: int = Field(description="how many active steps the patient has now")


# Feeds and figures


class AskBody(Body):
    step_id: GivenId
    text: QuestionText


class QuestionAnswerBody(Body):
    text: QuestionText


class PatientQuestionView(View):
    """A patient's question about a step. ``closed``: the assignment ended before it was answered."""

    id: Id
    patient_id: Id
    doctor_id: Id
    step_id: Id
    state: QuestionState
    text: str | None
    answer: str | None
    asked_at: Moment
    settled_at: Moment | None


class EventView(View):
    seq: int
    event: Literal[
        "reminder.due",
        "reminder.snoozed",
        "steps.changed",
        "step.checked_in",
        "note.status",
        "assignment.changed",
        "carers.changed",
        "cover.changed",
        "question.changed",
        "withdrawn",
    ]
    at: Moment
    data: dict[str, Any]


class EventsView(View):
    items: list[EventView]
    epoch: str
    seq: int


class AdherenceView(View):
    date: str
    due: int
    done: int
    skipped: int
    missed: int


class AdherenceListView(View):
    items: list[AdherenceView]


class SlotAnswerView(View):
    slot: Moment
    date: str = Field(description="the patient's local date")
    time: str = Field(description="the patient's clock")
    state: Literal["done", "skipped", "missed"]
    done_at: Moment | None
    reason: str | None


class StepAnswersView(View):
    """One step, and its slots that count in the period, oldest first."""

    step_id: Id
    title: str | None
    status: Literal["active", "completed", "cancelled"]
    slots: list[SlotAnswerView]


class StepAnswersListView(View):
    items: list[StepAnswersView]


class ProblemErrorView(View):
    pointer: str
    detail: str


class ProblemView(View):
    """RFC 9457; ``next_allowed_at`` is of ``too-soon``, the last three are of ``second-factor``."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemErrorView] | None = None
    next_allowed_at: Moment | None = None
    challenge: str | None = None
    kinds: list[Literal["totp", "passkey", "recovery"]] | None = None
    options: dict[str, Any] | None = Field(default=None, description="PublicKeyCredentialRequestOptions")


# Queries: what stands after the question mark, still text


class Query(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class PageQuery(Query):
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=400)


class DoctorsQuery(PageQuery):
    q: str = Field(default="", max_length=100)


class PatientPageQuery(PageQuery):
    patient_id: GivenId | None = None


class NotesQuery(PatientPageQuery):
    q: str = Field(default="", max_length=100, description="parts of the patient's name, case and accents folded")
    status: NoteStatus | Literal["waiting"] | None = Field(
        default=None, description="`waiting`: those that wait for their author, `proposed` or `failed`"
    )


class StepsQuery(PatientPageQuery):
    status: Literal["active", "all", "completed", "cancelled", "proposed", "rejected"] = "active"


class QuestionsQuery(PatientPageQuery):
    state: Literal["open", "all"] = "open"


class NeedQuery(PageQuery):
    sort: Literal["need", "name"] = "need"
    q: str = Field(default="", max_length=100, description="parts of the name, case and accents folded")
    need: Literal["silent", "slipping", "on_course"] | None = None


class SlotQuery(Query):
    slot: Slot | None = None


class EventsQuery(Query):
    after: int = Field(default=0, ge=0, le=2**53)
    epoch: str | None = Field(default=None, max_length=64)
    limit: int = Field(default=200, ge=1, le=200)


class AdherenceQuery(Query):
    patient_id: GivenId | None = None
    days: int = Field(default=30, ge=1, le=365)
