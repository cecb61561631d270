"""Notes over REST: written, read, tried again, approved, rejected, withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

from handlers.api.schemas import (
    ApproveBody,
    ApprovedStepBody,
    NoteBody,
    NoteLineView,
    NotesQuery,
    NoteView,
    NothingBody,
    ReasonBody,
    RetryBody,
    ScheduleBody,
    WithdrawnNoteView,
)
from handlers.base.cursors import cut_page, page, read_time_cursor, write_time_cursor
from handlers.base.idempotent_handler import IdempotentHandler
from hospital_rt.domain.as_needed import use_limits
from hospital_rt.domain.clock import clock_times, local_day, to_wire
from hospital_rt.domain.errors import Invalid
from hospital_rt.domain.schedule import Schedule, in_order, in_week_order
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import NOTES_ACCOUNT
from models.audit import Act
from models.idempotency import StoredResponse
from models.notes import UNREAD, Note
from models.services.note_processing import propose_step
from models.services.note_review import (
    NoteOutcome,
    Submission,
    approve_note,
    reject_note,
    retry_note,
    submit_note,
    withdraw_note,
)
from models.steps import Step, StepText
from models.users import User, fold
from models.visibility import (
    Access,
    access_to_note,
    acts_as_author,
    notes_filter,
    readable_note,
    shown_status,
    statuses_shown_as,
    steps_beside_note,
)

NOTE_BODY = 256 * 1024
MAX_DAYS = 1000
MAX_TIMES = 24  # of a day


def _note_line(note: Note, access: Access, names: dict[str, str | None]) -> dict[str, Any]:
    """A note without its text."""
    line = _note_head(note, access, names)
    if acts_as_author(access, note):
        line["questions"] = note.questions
    return line


def _note_head(note: Note, access: Access, names: dict[str, str | None]) -> dict[str, Any]:
    status = shown_status(access, note)
    head = {
        "id": note.id,
        "patient": {"id": note.patient_id, "name": names.get(note.patient_id)},
        "doctor": {"id": note.doctor_id, "name": names.get(note.doctor_id)},
        "status": status,
        "extracted_by": note.extracted_by,
        "failure": note.failure if status == note.status else None,
        "created_at": to_wire(note.created_at),
    }
    if note.written_by:
        head["written_by"] = {"id": note.written_by, "name": names.get(note.written_by)}
    return head


class NoteHandlerBase(IdempotentHandler):
    status: ClassVar[int] = 200  # of an answer with a note

    async def reply(self, note: Note) -> StoredResponse:
        return StoredResponse(self.status, await self._view(note), about=note.patient_id)

    async def _view(self, note: Note) -> dict[str, Any]:
        """A readable note with its text and the steps that the viewer may see; its account is for the author."""
        access = await access_to_note(self.store, self.who, note)
        names = await self.store.users.names(note.people_ids)
        steps = [] if note.status in UNREAD else await self.store.steps.of_note(note.id)
        view = _note_head(note, access, names)
        view["text"] = await self.store.notes.text(note)
        view["steps"] = [step.as_json(now=self.now()) for step in steps_beside_note(access, note, steps)]
        if acts_as_author(access, note):
            review = await self.store.notes.review(note)
            view |= {name: review[name] for name in ("questions", "dropped", "unmatched", "account")}
        return view

    async def announce_and_reply(self, outcome: NoteOutcome) -> StoredResponse:
        await self.announce(outcome.users)
        return await self.reply(outcome.note)

    async def lost_response(self, *ids: str) -> StoredResponse:
        return await self.reply(await readable_note(self.store, self.who, *ids))

    async def still_readable(self, body: Any) -> Any:
        """A note answered before, if it may still be read."""
        await readable_note(self.store, self.who, body["id"])
        return body


class NotesHandler(NoteHandlerBase):
    status = 202

    @Operation(
        allow="non_admin",
        responses={200: NoteLineView},
        problems=("not-found",),
        paginated=True,
        feed=True,
        audit="notes.listed",
    )
    async def get(self, query: NotesQuery) -> None:
        """Notes, newest first, without their texts: a patient's own; a doctor's for patients now assigned."""
        readable, accesses = await notes_filter(self.store, self.who, query.patient_id)
        wanted: dict[str, Any] = {"$and": [readable]}
        if query.status:
            wanted["status"] = {"$in": statuses_shown_as(self.who, query.status)}
        if words := fold(query.q).split():
            called = await self.store.users.names(set(accesses))
            found = [id for id, name in called.items() if all(word in fold(name or "") for word in words)]
            wanted["patient_id"] = {"$in": found}
        before = read_time_cursor(query.cursor, str)
        notes = await self.store.notes.page(wanted, before=before, limit=query.limit + 1)
        shown, following = cut_page(notes, query.limit, lambda last: write_time_cursor(last.created_at, last.id))
        names = await self.store.users.names({id for note in shown for id in note.people_ids})
        await self.audit_read(of=[note.patient_id for note in shown] or [self.who.id])
        self.respond(page([_note_line(note, accesses[note.patient_id], names) for note in shown], following))

    async def before_claim(self) -> None:
        key = self.context.tokens.keyed_hash(b"notes", self.who.id.encode())
        await self.resources.limits.count(NOTES_ACCOUNT, key)

    @Operation(
        allow="doctor",
        responses={202: NoteView},
        problems=("not-found", "conflict", "rate-limited"),
        idempotent=True,
        max_body_bytes=NOTE_BODY,
        audit="note.written",
    )
    async def post(self, body: NoteBody) -> StoredResponse:
        """Write a note. It is stored, sealed, before this answers; its steps come when it is read."""
        submission = Submission(
            id=self.claim.subject_id if self.claim else str(uuid4()),
            doctor_id=self.who.id,
            patient_id=body.patient_id,
            text=body.text,
            now=self.now(),
            claim=self.claim,
            actor=self.actor,
        )
        outcome = await submit_note(self.store, submission)
        await self.context.dispatcher.read_note(outcome.note.id)
        return await self.announce_and_reply(outcome)

    async def lost_response(self, *ids: str) -> StoredResponse:
        return await super().lost_response(*([self.claim.subject_id] if self.claim else ids))


class NoteHandler(NoteHandlerBase):
    @Operation(allow="non_admin", responses={200: NoteView}, problems=("not-found",), feed=True, audit="note.read")
    async def get(self, note_id: str) -> None:
        """A note with its text and steps."""
        note = await readable_note(self.store, self.who, note_id)
        await self.audit_read(of=[note.patient_id], item=note.id)
        self.respond((await self.reply(note)).body)


def _author_act(
    audit: Act,
    *,
    responses: dict[int, type[NoteView] | None],
    problems: tuple[str, ...] = ("not-found", "conflict", "superseded"),
    idempotent: bool = False,
) -> Operation:
    """What the author does with one note; the answer is the note."""
    return Operation(
        allow="doctor",
        body_optional=True,
        responses=responses,
        problems=problems,
        idempotent=idempotent,
        audit=audit,
    )


class RetryHandler(NoteHandlerBase):
    status = 202

    @_author_act("note.retried", responses={202: NoteView}, idempotent=True)
    async def post(self, note_id: str, body: RetryBody) -> StoredResponse:
        """Have a failed note read again, by the local reader if the body says so."""
        outcome = await retry_note(
            self.store,
            note_id=note_id,
            doctor_id=self.who.id,
            reader=body.reader,
            now=self.now(),
            claim=self.claim,
            actor=self.actor,
        )
        await self.context.dispatcher.read_note(note_id)
        return await self.announce_and_reply(outcome)


class ApproveHandler(NoteHandlerBase):
    @_author_act("note.approved", responses={200: NoteView}, idempotent=True)
    async def post(self, note_id: str, body: ApproveBody) -> StoredResponse:
        """Let proposed steps become the patient's plan: all of them, or those listed, edited or added to."""
        note = await readable_note(self.store, self.who, note_id)
        outcome = await approve_note(
            self.store,
            note_id=note_id,
            doctor_id=self.who.id,
            chosen=await self._chosen(note, body.steps) if body.steps is not None else None,
            keep=body.keep or (),
            now=self.now(),
            day_seconds=self.settings_.day_seconds,
            claim=self.claim,
            actor=self.actor,
        )
        return await self.announce_and_reply(outcome)

    async def _chosen(self, note: Note, listed: list[ApprovedStepBody]) -> list[Step]:
        if not acts_as_author(await access_to_note(self.store, self.who, note), note):
            raise Problem("not-found")
        if note.status != "proposed":
            raise Problem("superseded" if note.status == "superseded" else "conflict")
        patient = await self.store.users.get(note.patient_id)
        if patient is None:
            raise Problem("not-found")
        text = await self.store.notes.text(note) or ""
        proposed = {step.id: step for step in await self.store.steps.of_note(note.id) if step.status == "proposed"}
        chosen: list[Step] = []
        for number, wanted in enumerate(listed):
            at = f"#/steps/{number}"
            if wanted.id is None:
                words = _words(wanted, at=at, text=text)
                chosen.append(_new_step(wanted, words, number=number, note=note, patient=patient, now=self.now()))
                continue
            step = proposed.get(wanted.id)
            if step is None:
                raise Problem("not-found", "This note proposes no such step.")
            if any(one.id == wanted.id for one in chosen):
                raise Invalid(f"{at}/id", "This step is listed twice.")
            chosen.append(_edited(step, wanted, at=at, note=note, patient=patient))
        return chosen


def _edited(step: Step, wanted: ApprovedStepBody, *, at: str, note: Note, patient: User) -> Step:
    """A proposed step as the author changed it. ``at`` is the pointer to ``wanted``, for what is wrong in it."""
    given = wanted.model_fields_set
    words = step.words
    if "title" in given:
        if wanted.title is None:
            raise Invalid(f"{at}/title", "A step needs a title.")
        words = replace(words, title=wanted.title)
    if "detail" in given:
        words = replace(words, detail=wanted.detail)
    if wanted.quote is not None:
        raise Invalid(f"{at}/quote", "A proposed step keeps its quote.")
    if wanted.kind is not None and wanted.kind != step.kind:
        raise Invalid(f"{at}/kind", "A proposed step keeps its kind.")
    changed = replace(
        step,
        words=words,
        as_needed=step.as_needed if wanted.as_needed is None else wanted.as_needed,
        limits=use_limits(wanted.limits) if "limits" in given else step.limits,
    )
    if changed.limits and not changed.as_needed:
        raise Invalid(f"{at}/limits", "Only what is done as needed has limits.")
    if wanted.schedule is not None:
        if step.kind != "plan":
            raise Invalid(f"{at}/schedule", "A checklist step has no schedule.")
        schedule = _schedule(wanted.schedule, at=f"{at}/schedule", note=note, patient=patient, was=step.schedule)
        changed = replace(changed, schedule=schedule)
    return changed


def _words(wanted: ApprovedStepBody, *, at: str, text: str) -> StepText:
    """The words of a new step. Its quote, if any, stands in the note."""
    if wanted.title is None:
        raise Invalid(f"{at}/title", "A new step needs a title.")
    if wanted.limits and not wanted.as_needed:
        raise Invalid(f"{at}/limits", "Only what is done as needed has limits.")
    if wanted.quote is None:
        return StepText(title=wanted.title, detail=wanted.detail, quote=None)
    start = text.find(wanted.quote)
    if start < 0:
        raise Invalid(f"{at}/quote", "Quote the note as it stands, or leave this out.")
    end = start + len(wanted.quote)
    return StepText(title=wanted.title, detail=wanted.detail, quote=wanted.quote, start=start, end=end)


def _new_step(
    wanted: ApprovedStepBody, words: StepText, *, number: int, note: Note, patient: User, now: datetime
) -> Step:
    at = f"#/steps/{number}/schedule"
    kind = wanted.kind or ("plan" if wanted.schedule else "checklist")
    if (kind == "plan") != (wanted.schedule is not None):
        raise Invalid(at, "A plan step needs a schedule, a checklist step has none.")
    schedule = _schedule(wanted.schedule, at=at, note=note, patient=patient, was=None) if wanted.schedule else None
    return propose_step(
        note,
        patient,
        number=100 + number,
        by="doctor",
        kind=kind,
        words=words,
        schedule=schedule,
        as_needed=bool(wanted.as_needed),
        limits=use_limits(wanted.limits),
        now=now,
    )


def _schedule(wanted: ScheduleBody, *, at: str, note: Note, patient: User, was: Schedule | None) -> Schedule:
    """The schedule that the author set; one that comes back as the step showed it is what it ``was``.

    Args:
        at: the pointer to ``wanted``, for what is wrong in it.
    """
    _check_days(wanted, at=at)
    day = local_day(note.created_at, patient.zone)
    start_in_days = _days_from(day, wanted.start_date, at=at) if wanted.start_date else wanted.start_in_days
    found = Schedule(
        start_date=day + timedelta(days=start_in_days),
        start_in_days=start_in_days,
        every_days=wanted.every_days,
        weekdays=in_week_order(wanted.weekdays or ()),
        every_months=wanted.every_months,
        on_day=wanted.on_day,
        duration_days=wanted.duration_days,
        miss_policy=wanted.miss_policy,
        **_times(wanted, at=at, patient=patient, was=was),
    )
    if wanted.occurrences is not None:
        found = _lasting(found, wanted.occurrences, at=at, was=was)
    elif found.duration_days is not None and not found.rounds_before(found.duration_days):
        raise Invalid(f"{at}/duration_days", "None of its days lies within so many days from the start.")
    if wanted.rrule is not None and wanted.rrule not in {found.rrule, was.rrule if was else ""}:
        raise Invalid(f"{at}/rrule", "The rule follows from the other members: change those.")
    return found


def _check_days(wanted: ScheduleBody, *, at: str) -> None:
    """That the members which say on which days fit together."""
    given = wanted.model_fields_set
    for one, other in (("start_date", "start_in_days"), ("occurrences", "duration_days")):
        if one in given and other in given:
            raise Invalid(f"{at}/{one}", f"Give this or {other}, not both.")
    if wanted.weekdays and wanted.every_months:
        raise Invalid(f"{at}/every_months", "Give this or weekdays, not both.")
    if wanted.weekdays and wanted.every_days != 1 and wanted.every_days % 7:
        raise Invalid(f"{at}/every_days", "With weekdays give 1, or the days of whole weeks.")
    if wanted.every_months and wanted.every_days != 1:
        raise Invalid(f"{at}/every_days", "Give this or every_months, not both.")
    if wanted.on_day is not None and not wanted.every_months:
        raise Invalid(f"{at}/on_day", "A day of the month needs every_months.")


def _times(wanted: ScheduleBody, *, at: str, patient: User, was: Schedule | None) -> dict[str, Any]:
    """The members of a schedule that say at which times of a day."""
    times = tuple(sorted(set(wanted.times))) if wanted.times else ()
    if wanted.times_from == "note" and not times:
        raise Invalid(f"{at}/times", "Times of the note's own have to be given.")
    if wanted.parts:
        return _times_of_parts(wanted, times, at=at, patient=patient, was=was)
    if wanted.times_from == "day_parts":
        raise Invalid(f"{at}/parts", "Say which parts of the day.")
    per_day, every_hours = wanted.times_per_day, wanted.every_hours
    if times and wanted.times_from == "reminder_time":
        was_these = was is not None and was.times_from == "reminder_time" and was.times == times
        per_day, every_hours = len(times), was.every_hours if was is not None and was_these else None
    usual = clock_times(patient.reminder_time, times_per_day=per_day, every_hours=every_hours)
    follows = not times or (wanted.times_from == "reminder_time" and times == usual)
    return {
        "times": usual if follows else times,
        "times_from": "reminder_time" if follows else "note",
        "times_per_day": per_day,
        "every_hours": every_hours,
    }


def _times_of_parts(
    wanted: ScheduleBody, times: tuple[str, ...], *, at: str, patient: User, was: Schedule | None
) -> dict[str, Any]:
    """Times that follow the patient's day; given beside parts of the day, those of the note come as well."""
    parts = in_order(wanted.parts or [])
    usual = patient.day.of(parts)
    if wanted.times_from == "reminder_time":
        raise Invalid(f"{at}/times_from", "Parts of the day have times of their own.")
    if wanted.every_hours is not None:
        raise Invalid(f"{at}/every_hours", "Give this or parts, not both.")
    if not times and "times_per_day" in wanted.model_fields_set and wanted.times_per_day != len(parts):
        raise Invalid(f"{at}/times_per_day", "This is not how many parts of the day there are.")
    was_these = was is not None and was.parts == parts and tuple(sorted(set(was.times))) == times
    if wanted.times_from != "note" and (not times or was_these or times == tuple(sorted(set(usual)))):
        return {"times": usual, "times_from": "day_parts", "times_per_day": len(parts), "parts": parts}
    if wanted.times_from == "day_parts":  # the author has written other times over them
        return {"times": times, "times_from": "note", "times_per_day": len(times)}
    if wanted.times_from is None:
        times = tuple(sorted({*times, *usual}))
    if len(times) > MAX_TIMES:
        raise Invalid(f"{at}/times", f"With the parts of the day these are more than {MAX_TIMES} times.")
    return {"times": times, "times_from": "note", "times_per_day": len(times), "parts": parts}


def _days_from(day: date, start_date: str, *, at: str) -> int:
    """Days from the note's own day to the one given."""
    try:
        days = (date.fromisoformat(start_date) - day).days
    except ValueError:
        raise Invalid(f"{at}/start_date", "This is no day of the calendar.") from None
    if not 0 <= days <= 365:
        raise Invalid(f"{at}/start_date", "A step begins on the day of its note or up to 365 days later.")
    return days


def _lasting(schedule: Schedule, occurrences: int, *, at: str, was: Schedule | None) -> Schedule:
    """The schedule with the days that this many occurrences take."""
    if was is not None and was.duration_days is not None:
        same = replace(schedule, duration_days=was.duration_days)
        if same.occurrences == occurrences:
            return same
    rounds, left = divmod(occurrences, len(set(schedule.times)))
    if left or not 0 < rounds <= MAX_DAYS or schedule.day_of(rounds) > MAX_DAYS:
        raise Invalid(f"{at}/occurrences", f"Give as many as the times of whole days, of {MAX_DAYS} days at most.")
    return replace(schedule, duration_days=schedule.day_of(rounds))


class RejectHandler(NoteHandlerBase):
    @_author_act("note.rejected", responses={200: NoteView})
    async def post(self, note_id: str, body: NothingBody) -> None:
        """Let a proposal go. The patient's plan stays as it was."""
        outcome = await reject_note(
            self.store, note_id=note_id, doctor_id=self.who.id, now=self.now(), actor=self.actor
        )
        self.respond((await self.announce_and_reply(outcome)).body)


class WithdrawHandler(NoteHandlerBase):
    @_author_act("note.withdrawn", responses={200: WithdrawnNoteView}, problems=("not-found", "conflict"))
    async def post(self, note_id: str, body: ReasonBody) -> None:
        """Take a note back: its steps are cancelled and its words closed to the patient."""
        outcome = await withdraw_note(
            self.store, note_id=note_id, doctor_id=self.who.id, reason=body.reason, now=self.now(), actor=self.actor
        )
        reply = await self.announce_and_reply(outcome)
        self.respond({**reply.body, "left": outcome.left})
