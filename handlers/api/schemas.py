"""What goes over REST, typed: bodies, queries and answers. Requests are validated by these, documents made of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from hospital_rt.domain.clock import is_clock_time
from hospital_rt.domain.normalize import BLANK, normal_name, visible

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def _clock_time(value: str) -> str:
    if not is_clock_time(value):
        raise ValueError("Write a time such as 09:00.")
    return value


def _readable(value: str) -> str:
    if BLANK.fullmatch(value):
        raise ValueError("Write something that can be seen.")
    return value


Id = Annotated[str, StringConstraints(pattern=_UUID)]
GivenId = Annotated[str, StringConstraints(pattern=_UUID.replace("a-f", "a-fA-F"), to_lower=True)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(normal_name)]
ClockTime = Annotated[str, AfterValidator(_clock_time)]
Role = Literal["doctor", "patient"]
Moment = Annotated[
    str,
    Field(
        description="RFC 3339, UTC, milliseconds at most",
        examples=["2026-03-02T08:00:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
Slot = Annotated[str, Field(max_length=40, description="A slot as it was given", examples=["2026-03-02T08:00:00Z"])]
Reason = Annotated[str, Field(max_length=200)]


class Body(BaseModel):
    """A body: closed, strict about types, and never shown: it may hold a note, a name or a password."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    __str__ = __repr__


class View(BaseModel):
    """An answer."""

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


class AssignmentView(View):
    id: Id
    doctor: PersonView
    since: Moment
    share_history: bool


class DayView(View):
    due: int
    done: int
    skipped: int


class MyPatientView(View):
    id: Id
    name: str | None
    since: Moment
    steps_open: int
    last_check_in_at: Moment | None
    last_seen_at: Moment | None
    missed_in_a_row: int
    adherence: float | None
    days: list[DayView]
    need: Literal["silent", "slipping", "on_course"]
    reason: Literal["two-unanswered", "under-60", "down-20", "skipped-3"] | None


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
    every_days: int = Field(default=1, ge=1, le=366)
    duration_days: int | None = Field(default=None, ge=1, le=730)
    miss_policy: Literal["extend", "fixed"] = "extend"
    start_date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")] | None = Field(
        default=None, description="instead of start_in_days"
    )
    times_from: Literal["reminder_time", "note"] | None = Field(
        default=None, description="reminder_time: times that differ from those of the reminder time stay as given"
    )
    occurrences: int | None = Field(default=None, ge=1, le=17_520, description="instead of duration_days")


class ApprovedStepBody(Body):
    """One step to approve: with ``id`` a proposed one, edited or not; without, a new step by the doctor."""

    id: GivenId | None = None
    kind: Literal["checklist", "plan"] | None = None
    title: Annotated[str, Field(min_length=1, max_length=120), AfterValidator(visible)] | None = None
    detail: Annotated[str, Field(max_length=500)] | None = None
    as_needed: bool | None = None
    schedule: ScheduleBody | None = None


class ApproveBody(Body):
    steps: Annotated[list[ApprovedStepBody], Field(min_length=1, max_length=80)] | None = None


class ReasonBody(Body):
    reason: Reason | None = None


class CheckInBody(Body):
    slot: Slot | None = None
    outcome: Literal["done", "skipped"] = "done"
    reason: Reason | None = None


class ScheduleView(View):
    start_date: str
    times: list[str]
    times_from: Literal["reminder_time", "note"]
    every_days: int
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
    kind: Literal["checklist", "plan"]
    title: str | None
    detail: str | None
    quote: str | None
    by: Literal["extractor", "doctor"]
    as_needed: bool
    status: Literal["proposed", "active", "completed", "cancelled", "rejected"]
    ended: Literal["done", "fixed", "lapsed"] | None
    created_at: Moment
    completed_at: Moment | None
    cancelled_at: Moment | None
    schedule: ScheduleView | None
    progress: ProgressView
    open_slot: Moment | None
    today: list[TodayView]
    next_reminder_at: Moment | None


class CheckInView(View):
    slot: Moment | None
    at: Moment
    outcome: Literal["done", "skipped"]
    reason: str | None


class StepWithCheckInsView(StepView):
    check_ins: list[CheckInView]


class DroppedView(View):
    kind: Literal["checklist", "plan"]
    item: dict[str, Any]
    reason: str
    detail: str


class UnmatchedView(View):
    quote: str
    start: int
    end: int


NoteStatus = Literal["queued", "processing", "proposed", "ready", "failed", "superseded", "rejected", "withdrawn"]


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


class NoteLineView(View):
    """A note in a list: everything but its text."""

    id: Id
    patient: PersonView
    doctor: PersonView
    status: NoteStatus
    extracted_by: str | None
    failure: Failure | None
    created_at: Moment


class NoteView(NoteLineView):
    text: str | None
    steps: list[StepView]
    dropped: list[DroppedView] | None = None
    unmatched: list[UnmatchedView] | None = None


# Feeds and figures


class EventView(View):
    seq: int
    event: Literal["reminder.due", "steps.changed", "step.checked_in", "note.status", "assignment.changed", "withdrawn"]
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


class ProblemErrorView(View):
    pointer: str
    detail: str


class ProblemView(View):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemErrorView] | None = None


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


class StepsQuery(PatientPageQuery):
    status: Literal["active", "all", "completed", "cancelled", "proposed", "rejected"] = "active"


class NeedQuery(PageQuery):
    sort: Literal["need", "name"] = "need"


class SlotQuery(Query):
    slot: Slot | None = None


class EventsQuery(Query):
    after: int = Field(default=0, ge=0, le=2**53)
    epoch: str | None = Field(default=None, max_length=64)
    limit: int = Field(default=200, ge=1, le=200)


class AdherenceQuery(Query):
    patient_id: GivenId | None = None
    days: int = Field(default=30, ge=1, le=365)
