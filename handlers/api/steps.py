"""Steps over REST: listed, read, answered, cancelled; and adherence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from handlers.api.schemas import (
    AdherenceListView,
    AdherenceQuery,
    CheckInBody,
    ReasonBody,
    SlotQuery,
    SnoozeBody,
    StepAnswersListView,
    StepsQuery,
    StepView,
    StepWithCheckInsView,
)
from handlers.base.api_handler import ApiHandler, as_text
from handlers.base.context import Principal
from handlers.base.cursors import cut_page, page, read_cursor, write_cursor
from handlers.base.idempotent_handler import IdempotentHandler
from hospital_rt.domain.adherence import COUNTED, SlotResult, count_days
from hospital_rt.domain.clock import local_day, to_wire
from hospital_rt.domain.errors import Invalid
from hospital_rt.storage.documents import to_json
from hospital_rt.storage.response_cache import CachedResponse
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from models.idempotency import StoredResponse
from models.services.check_in import StepOutcome, cancel_step, check_in
from models.services.snooze import snooze_slot
from models.services.undo_check_in import undo_check_in
from models.visibility import (
    access_to,
    can_see_quote,
    readable_step,
    step_as_seen,
    steps_filter,
    withdrawn_notes,
)


class StepsHandler(ApiHandler):
    @Operation(
        allow="non_admin",
        responses={200: StepView},
        problems=("not-found",),
        paginated=True,
        feed=True,
        audit="steps.listed",
    )
    async def get(self, query: StepsQuery) -> None:
        """Steps in the order of their notes: a patient's own; a doctor's patients' of now."""
        found = read_cursor(query.cursor, str)
        if self.who.role == "patient" and query.status == "active" and not found and not query.patient_id:
            await self._answer_own_active(query.limit)
            return
        wanted, accesses = await steps_filter(self.store, self.who, query.status, query.patient_id)
        steps = await self.store.steps.page(wanted, after=found[0] if found else None, limit=query.limit + 1)
        shown, following = cut_page(steps, query.limit, lambda last: write_cursor(last.sort))
        withdrawn = await withdrawn_notes(self.store, accesses.values(), shown)
        await self.audit_read(of=[step.patient_id for step in shown] or [self.who.id])
        now = self.now()
        items = [
            step.as_json(now=now, quotes=can_see_quote(accesses[step.patient_id], step, withdrawn=withdrawn))
            for step in shown
        ]
        self.respond(page(items, following))

    async def _answer_own_active(self, limit: int) -> None:
        """The request that a patient's page repeats: cached until the patient's records change."""
        what, key, now = ("steps", self.who.id, limit), (await self.store.epoch(), self.who.feed_position), self.now()
        ready = self.context.cache.get(what, key, now=now)
        if ready is None:
            steps = await self.store.steps.active_of(self.who.id)
            shown, following = cut_page(steps, limit, lambda last: write_cursor(last.sort))
            text = as_text(page([step.as_json(now=now) for step in shown], following))
            ends = [moment for step in shown if (moment := step.today_ends(now))]
            ready = CachedResponse(text, now, min(ends, default=now + timedelta(days=1)))
            self.context.cache.put(what, key, ready)
        await self.audit_read(of=[self.who.id])
        self.respond_text(ready.text)


class StepHandler(ApiHandler):
    @Operation(
        allow="non_admin", responses={200: StepWithCheckInsView}, problems=("not-found",), feed=True, audit="step.read"
    )
    async def get(self, step_id: str) -> None:
        """A step with its check-ins."""
        step, access = await readable_step(self.store, self.who, step_id)
        await self.audit_read(of=[step.patient_id], item=step.id)
        view = await step_as_seen(self.store, access, step, now=self.now())
        answers = [one for one in await self.store.reminders.answers(step.id) if one.answered_at]
        names = await self.store.users.names({one.by_id for one in answers if one.by_id})
        view["check_ins"] = [
            {
                "slot": to_wire(one.slot_at) if one.use == "slot" else None,
                "at": to_wire(one.done_at or one.answered_at),
                "outcome": one.outcome,
                "reason": await self.store.reminders.reason(one),
                **({"by": {"id": one.by_id, "name": names[one.by_id]}} if one.by_id else {}),
                **({"over_limit": True} if one.over_limit else {}),
            }
            for one in answers
        ]
        self.respond(view)


class CancelStepHandler(ApiHandler):
    @Operation(
        allow="non_admin",
        body_optional=True,
        responses={200: StepView},
        problems=("forbidden", "not-found", "conflict"),
        audit="step.cancelled",
    )
    async def post(self, step_id: str, body: ReasonBody) -> None:
        """Cancel a step by hand; again is the same answer."""
        step, access = await readable_step(self.store, self.who, step_id)
        if access.via == "care":
            raise Problem("forbidden", "A carer cannot stop a step.")
        done = await cancel_step(
            self.store, step, by=self.who.role, reason=body.reason, now=self.now(), actor=self.actor
        )
        await self.announce(done.users)
        self.respond(await step_as_seen(self.store, access, done.step, now=self.now()))


class CheckInHandler(IdempotentHandler):
    @Operation(
        allow="non_admin",
        body_optional=True,
        responses={200: StepView},
        idempotent=True,
        problems=("forbidden", "not-found", "step-proposed", "step-cancelled", "slot-closed", "too-soon", "conflict"),
        audit="step.checked_in",
    )
    async def post(self, step_id: str, body: CheckInBody) -> StoredResponse:
        """Check in to a step. The same check-in again gets the same answer."""
        return await self._answer(step_id, partial(check_in, **body.model_dump()))

    @Operation(
        allow="non_admin",
        responses={200: StepView},
        idempotent=True,
        problems=("forbidden", "not-found", "too-late", "conflict"),
        audit="step.undone",
    )
    async def delete(self, step_id: str, query: SlotQuery) -> StoredResponse:
        """Undo a check-in, the last one or that of ``slot``, within 24 hours."""
        return await self._answer(step_id, partial(undo_check_in, slot=query.slot))

    async def _answer(self, step_id: str, answer: Callable[..., Awaitable[StepOutcome]]) -> StoredResponse:
        claimed = partial(answer, claim=self.claim)
        shown = await self.answer_step(step_id, claimed, who=self.who, actor=self.actor)
        return StoredResponse(200, shown, about=shown["patient_id"])

    async def lost_response(self, *ids: str) -> StoredResponse:
        step, access = await readable_step(self.store, self.who, *ids)
        shown = await step_as_seen(self.store, access, step, now=self.now())
        return StoredResponse(200, shown, about=step.patient_id)

    async def still_readable(self, body: Any) -> Any:
        """The step as it was answered, without its quote if the note was withdrawn since."""
        return {**body, "quote": (await self.lost_response(body["id"])).body["quote"]}


class SnoozeHandler(ApiHandler):
    @Operation(
        allow="non_admin",
        responses={200: StepView},
        problems=("forbidden", "not-found", "step-proposed", "slot-closed"),
        audit="step.snoozed",
    )
    async def post(self, step_id: str, body: SnoozeBody) -> None:
        """Be reminded of an open slot later, and not before. Not beyond the step's next slot."""
        answer = partial(snooze_slot, slot=body.slot, count=body.minutes)
        self.respond(await self.answer_step(step_id, answer, who=self.who, actor=self.actor))


class AdherenceHandler(ApiHandler):
    @Operation(allow="non_admin", responses={200: AdherenceListView}, problems=("not-found",), audit="adherence.read")
    async def get(self, query: AdherenceQuery) -> None:
        """How a patient's steps were kept, one item a local day."""
        patient_id = _whose(query, self.who)
        await access_to(self.store, self.who, patient_id)
        await self.audit_read(of=[patient_id])
        people = await self.store.users.people({patient_id})
        today = local_day(self.now(), ZoneInfo(people[patient_id].timezone))
        rows = await self.store.reminders.counted_since([patient_id], today - timedelta(days=query.days - 1))
        results = [SlotResult(row.step_id, row.day, row.slot_at, row.state) for row in rows if row.is_slot]
        self.respond(
            {
                "items": [
                    {"date": day.day.isoformat(), **to_json(day, "due", "done", "skipped", "missed")}
                    for day in count_days(results, last=today, days=query.days)
                ]
            }
        )


class StepAnswersHandler(ApiHandler):
    @Operation(allow="non_admin", responses={200: StepAnswersListView}, problems=("not-found",), audit="adherence.read")
    async def get(self, query: AdherenceQuery) -> None:
        """How each step of a patient was kept, slot by slot, with the reasons for skipping: up to 2,000 slots."""
        patient_id = _whose(query, self.who)
        wanted, _ = await steps_filter(self.store, self.who, "all", patient_id)
        await self.audit_read(of=[patient_id])
        zone = ZoneInfo((await self.store.users.people({patient_id}))[patient_id].timezone)
        first = local_day(self.now(), zone) - timedelta(days=query.days - 1)
        slots: dict[str, list[dict[str, Any]]] = {}
        for row in await self.store.reminders.slots_since(patient_id, first):
            if row.state in COUNTED:
                slots.setdefault(row.step_id, []).append(
                    {
                        "slot": to_wire(row.slot_at),
                        "date": row.day.isoformat(),
                        "time": row.slot_at.astimezone(zone).strftime("%H:%M"),
                        "state": row.state,
                        "done_at": to_wire(row.done_at or row.answered_at) if row.answered_at else None,
                        "reason": await self.store.reminders.reason(row),
                    }
                )
        steps = await self.store.steps.find({"$and": [wanted, {"_id": {"$in": list(slots)}}]})
        self.respond(
            {
                "items": [
                    {"step_id": step.id, "title": step.words.title, "status": step.status, "slots": slots[step.id]}
                    for step in steps
                ]
            }
        )


def _whose(query: AdherenceQuery, who: Principal) -> str:
    if who.role != "patient" and query.patient_id is None:
        raise Invalid("#/patient_id", "Say whose.")
    return query.patient_id or who.id
