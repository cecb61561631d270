"""Reads notes with the extractor and makes steps of them. A sweep finds unfinished notes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

from taskiq import TaskiqDepends

from hospital_rt.domain.as_needed import use_limits
from hospital_rt.domain.clock import local_day
from hospital_rt.domain.schedule import DayTimes, Schedule, in_order, in_week_order
from hospital_rt.extraction.api import ExtractionFailed, Kept, PlanItem, Result
from hospital_rt.extraction.pipeline import read_note as read_text
from hospital_rt.logs import describe_error, log
from hospital_rt.periodic import run_periodically
from hospital_rt.storage.field_encryption import WrongKeys
from models.app_context import AppContext
from models.notes import MAX_ATTEMPTS, Note
from models.services.note_processing import NoteClaim, ReadNote, begin_note, fail_note, finish_note, propose_step
from models.steps import Step, StepText
from models.users import User
from tasks.dependencies import note_worker_of

READ, SWEEP = "read_note", "sweep_notes"
LEASE_S = 10.0
AT_ONCE = 64
RETRY_FIRST_S, RETRY_MAX_S = 30, 1800
RETRY_FOR = timedelta(hours=24)
RETRY_KEYS_AFTER = timedelta(seconds=10)


class NoteWorker:
    """Where one worker reads notes: at most ``AT_ONCE`` at a time, each under a lease that is renewed meanwhile."""

    def __init__(self, app: AppContext) -> None:
        self._app = app
        self._work: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def start(self, note_id: str) -> asyncio.Task[None] | None:
        """Begin to read a note here, unless it is being read already, ``AT_ONCE`` are, or our keys do not fit."""
        fits = self._app.resources.vault.fits
        if self._closed or not fits or note_id in self._work or len(self._work) >= AT_ONCE:
            return self._work.get(note_id)
        task = asyncio.create_task(read_note(self._app, note_id), name="note")
        self._work[note_id] = task
        task.add_done_callback(lambda _: self._work.pop(note_id, None))
        return task

    async def read(self, note_id: str) -> None:
        """Read a note here and wait until it is read."""
        task = self.start(note_id)
        if task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(task)

    @property
    def at_work(self) -> int:
        """How many notes are being read here."""
        return len(self._work)

    async def sweep(self) -> int:
        """Take up notes without a valid lease. Returns how many were found."""
        room = AT_ONCE - len(self._work)
        found = await self._app.store.notes.unfinished(self._app.now(), limit=max(1, room))
        for note_id in found:
            self.start(note_id)
        return len(found)

    async def close(self) -> None:
        """Hand back what is not finished, so that another worker takes it at once."""
        self._closed = True
        work = list(self._work.values())
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def read_note(app: AppContext, note_id: str) -> None:
    """Read one note. Calls may repeat: the lease lets one worker do it."""
    lease = uuid4().hex
    try:
        claim = NoteClaim(note_id=note_id, lease=lease, now=app.now(), lease_s=LEASE_S)
        begun = await begin_note(app.store, claim)
    except WrongKeys as error:  # nothing is written then
        log.error("note.keys_do_not_fit", note_id=note_id, **describe_error(error))
        return
    if begun is None:
        return
    note, wakeups = begun.note, app.resources.wakeups
    await wakeups.announce(begun.users)
    try:
        if note.attempts > MAX_ATTEMPTS:
            await wakeups.announce(await fail_note(app.store, note, failure="gave-up", now=app.now()))
            return
        async with run_periodically(
            lambda: app.store.notes.renew(note.id, lease=lease, now=app.now(), lease_s=LEASE_S),
            every_s=LEASE_S / 4,
            name="lease",
        ):
            users = await _read(app, note)
        await wakeups.announce(users)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            handing = app.store.notes.release(note.id, lease=lease, at=app.now())
            await asyncio.wait_for(asyncio.shield(handing), 3)
        raise
    except WrongKeys as error:
        # This node lacks the newest keys: the note itself is fine.
        log.error("note.keys_do_not_fit", note_id=note.id, **describe_error(error))
        with contextlib.suppress(Exception):
            await app.store.notes.release(note.id, lease=lease, at=app.now() + RETRY_KEYS_AFTER)
    except Exception as error:
        # The lease runs out by itself; the sweep tries again, at most MAX_ATTEMPTS times.
        log.error("note.read_failed", note_id=note.id, attempt=note.attempts, **describe_error(error))


async def _read(app: AppContext, note: Note) -> frozenset[str]:
    store, metrics = app.store, app.resources.metrics
    # The author of a failed note may have asked for the local reader.
    reader = app.resources.local_reader if note.reader == "local" else app.resources.reader
    patient, doctor = await store.users.pair(note.patient_id, note.doctor_id)
    text = await store.notes.text(note)
    if patient is None or text is None:
        return await fail_note(store, note, failure="patient-gone", now=app.now())
    day = local_day(note.created_at, patient.zone)
    names = [person.name for person in (patient, doctor) if person and person.name]
    began = time.monotonic()
    try:
        result = await read_text(text, day=day, reader=reader, names=names)
    except ExtractionFailed as failed:
        metrics.extraction.labels(failed.reason).observe(time.monotonic() - began)
        metrics.notes.labels("failed").inc()
        log.warning("note.failed", note_id=note.id, reason=failed.reason)
        return await fail_note(
            store,
            note,
            failure=failed.reason,
            extracted_by=reader.name,
            now=app.now(),
            retry_at=retry_at(note, failed, now=app.now()),
        )
    metrics.extraction.labels("ok").observe(time.monotonic() - began)
    review = review_of(result)
    now = app.now()
    if result.dropped and not result.kept and not result.questions:
        metrics.notes.labels("failed").inc()
        return await fail_note(
            store, note, failure="nothing-supported", extracted_by=result.extracted_by, review=review, now=now
        )
    steps = [
        make_step(kept, number=number, note=note, patient=patient, day=day, now=now)
        for number, kept in enumerate(result.kept)
    ]
    propose = waits_for_author(app.settings.step_review, note, result)
    reading = ReadNote(
        note=note,
        steps=steps,
        review=review,
        propose=propose,
        extracted_by=result.extracted_by,
        failure="too-many" if result.too_many else None,
        now=now,
        day_seconds=app.settings.day_seconds,
        measured=asdict(result.meta) if result.meta else None,
    )
    users = await finish_note(store, reading)
    outcome = "proposed" if propose and reading.needs_author else "ready"
    metrics.notes.labels(outcome).inc()
    log.info("note.read", note_id=note.id, status=outcome, steps=len(steps), dropped=len(result.dropped))
    return users


def waits_for_author(mode: str, note: Note, result: Result) -> bool:
    """Whether a note's steps wait for the author, by ``STEP_REVIEW`` (contract, "When steps become active").

    ``required``: always. ``unsure``: when a question is open, something was dropped or shown, or a step is not sure.
    ``auto``: when a question is open or something was dropped. What the local reader makes of a note for which a model
    is configured always waits.
    """
    if mode == "required" or note.reader == "local" or result.too_many or result.questions or result.dropped:
        return True
    return mode == "unsure" and (bool(result.unmatched) or not all(kept.sure for kept in result.kept))


def retry_at(note: Note, failed: ExtractionFailed, *, now: datetime) -> datetime | None:
    """When a note that failed for a passing reason is read again: for a day, at growing intervals.

    Meanwhile it stands as ``failed``, so that its author sees it, and can retry at once or write another.
    """
    if not failed.retry or now - note.created_at > RETRY_FOR:
        return None
    wait_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2**note.retries)
    return now + timedelta(seconds=max(wait_s, failed.retry_after_s or 0))


def review_of(result: Result) -> dict[str, Any]:
    """What the author is shown beside the steps: dropped, unmatched, questions, and what became of each sentence."""
    return {
        name: [one.model_dump(mode="json") for one in getattr(result, name)]
        for name in ("dropped", "unmatched", "questions", "account")
    }


def make_step(kept: Kept, *, number: int, note: Note, patient: User, day: date, now: datetime) -> Step:
    """A proposed step from an item that the guard let through. An as-needed step has no reminders."""
    item = kept.item
    schedule = make_schedule(item, day=day, day_times=patient.day) if isinstance(item, PlanItem) else None
    return propose_step(
        note,
        patient,
        number=number,
        by="extractor",
        kind="plan" if schedule else "checklist",
        words=StepText(title=item.title, detail=item.detail, quote=item.quote, start=item.start, end=item.end),
        schedule=schedule,
        as_needed=item.as_needed,
        limits=use_limits(item.limits) if item.as_needed else None,
        now=now,
    )


def make_schedule(item: PlanItem, *, day: date, day_times: DayTimes) -> Schedule:
    """When a plan item is due, on the patient's clock. The service chooses the clock times (contract, "Clock times").

    Clock times that the note gives are its own, also beside parts of the day; those alone follow the patient's day.
    """
    parts = in_order(item.parts or ())
    weekdays = in_week_order(item.weekdays or ())
    schedule = Schedule(
        start_date=day + timedelta(days=item.start_in_days),
        start_in_days=item.start_in_days,
        times_from="note" if item.times else "day_parts" if parts else "reminder_time",
        times_per_day=item.times_per_day,
        every_hours=item.every_hours,
        parts=parts,
        every_days=item.every_days if not weekdays or item.every_days % 7 == 0 else 1,
        weekdays=weekdays,
        every_months=None if weekdays else item.every_months,
        on_day=None if weekdays else item.on_day,
        duration_days=item.duration_days,
        miss_policy=item.miss_policy,
    )
    if item.times:
        return replace(schedule, times=tuple(sorted({*item.times, *day_times.of(parts)})))
    return schedule.at_day_times(day_times)


async def read_task(note_id: str, note_worker: Annotated[Any, TaskiqDepends(note_worker_of)]) -> None:
    await note_worker.read(note_id)


async def sweep_task(note_worker: Annotated[Any, TaskiqDepends(note_worker_of)]) -> None:
    await note_worker.sweep()
