"""What FHIR shows of patients' records, read only: CarePlan (notes), Task (steps) and Communication (reminders and
answers). People are in ``handlers/fhir/people.py``.

Access rules are those of REST, by the same functions; ``handlers/fhir/mapping.py`` maps records to elements,
``handlers/fhir/handler.py`` implements searches and errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from handlers.base.cursors import cut_page, read_cursor, read_time_cursor, write_cursor, write_time_cursor
from handlers.fhir.handler import (
    CategoryQuery,
    FhirHandler,
    Search,
    StatusQuery,
    read_operation,
    search_operation,
)
from handlers.fhir.mapping import (
    TASK_STATUS,
    Part,
    Resource,
    care_plan,
    care_plan_status,
    communication,
    communication_id,
    parts_of,
    read_communication_id,
    task,
)
from hospital_rt.web.problems import Problem
from models.notes import Note, NoteStatus
from models.reminders import Reminder
from models.steps import Step
from models.visibility import (
    Access,
    access_to,
    acts_as_author,
    can_see_quote,
    can_see_step,
    either,
    notes_filter,
    readable_note,
    readable_step,
    steps_filter,
    withdrawn_notes,
)

PLANS: tuple[NoteStatus, ...] = ("ready", "withdrawn", "proposed", "rejected", "superseded")


class _CarePlans(FhirHandler):
    type_name = "CarePlan"

    @staticmethod
    def is_plan(note: Note, access: Access) -> bool:
        """Whether this viewer sees a plan: proposed, rejected and superseded notes only their author."""
        if acts_as_author(access, note):
            return note.status in PLANS
        return note.status == "ready" or (note.status == "withdrawn" and access.is_doctors)

    async def steps_of(self, notes: Sequence[Note], accesses: Mapping[str, Access]) -> dict[str, list[Step]]:
        found: dict[str, list[Step]] = {note.id: [] for note in notes}
        for step in await self.store.steps.find({"note_id": {"$in": list(found)}}):
            if can_see_step(accesses.get(step.patient_id), step):
                found[step.note_id].append(step)
        return found


class CarePlansHandler(_CarePlans):
    @search_operation(StatusQuery, "notes.listed")
    async def get(self) -> None:
        """The plans from notes, newest first."""
        search = self.search()
        filters = [await notes_filter(self.store, self.who, one) for one in self.patients(search)]
        accesses = {id: access for _, found in filters for id, access in found.items()}
        readable: list[dict[str, Any]] = [{"status": "ready"}]
        for doctor_id in {access.doctor_id for access in accesses.values() if access.is_doctors}:
            theirs = [id for id, access in accesses.items() if access.doctor_id == doctor_id]
            readable.append({"patient_id": {"$in": theirs}, "status": "withdrawn"})
            readable.append({"patient_id": {"$in": theirs}, "doctor_id": doctor_id, "status": {"$in": list(PLANS)}})
        query: dict[str, Any] = {"$and": [either([wanted for wanted, _ in filters]), {"$or": readable}]}
        if (ids := search.values.get("_id")) is not None:
            query["_id"] = {"$in": list(ids)}
        states = search.values.get("status")

        async def find(search: Search) -> tuple[list[tuple[Note, list[Step]]], str | None]:
            before = read_time_cursor(search.cursor, str)
            notes = await self.store.notes.page(query, before=before, limit=search.count + 1)
            shown, following = cut_page(notes, search.count, lambda last: write_time_cursor(last.created_at, last.id))
            steps = await self.steps_of(shown, accesses)
            plans = [(note, steps[note.id]) for note in shown]
            return [one for one in plans if states is None or care_plan_status(*one) in states], following

        shown, following, total = await self.page(search, find)
        names = await self.store.users.names({id for note, _ in shown for id in note.people_ids})
        await self.audit_read(of=[note.patient_id for note, _ in shown] or [self.who.id])
        self.respond_bundle(search, [care_plan(note, steps, names) for note, steps in shown], following, total)


class CarePlanHandler(_CarePlans):
    @read_operation("note.read")
    async def get(self, id: str) -> None:
        """The plan from one note."""
        note = await readable_note(self.store, self.who, self.id_from_path(id))
        access = await access_to(self.store, self.who, note.patient_id)
        if not self.is_plan(note, access):
            raise Problem("not-found")
        steps = await self.steps_of([note], {note.patient_id: access})
        names = await self.store.users.names(note.people_ids)
        await self.audit_read(of=[note.patient_id], item=note.id)
        self.respond(care_plan(note, steps[note.id], names))


class _OfSteps(FhirHandler):
    async def visible(self, search: Search) -> tuple[dict[str, Any], dict[str, Access]]:
        """A query for the steps of the search's patients that this viewer may see, and their access to each patient."""
        found = [await steps_filter(self.store, self.who, "all", one) for one in self.patients(search)]
        accesses = {id: access for _, theirs in found for id, access in theirs.items()}
        return either([wanted for wanted, _ in found]), accesses


class TasksHandler(_OfSteps):
    type_name = "Task"

    @search_operation(StatusQuery, "steps.listed")
    async def get(self) -> None:
        """Steps, in the order of their notes."""
        search = self.search()
        wanted, accesses = await self.visible(search)
        clauses: list[dict[str, Any]] = [wanted]
        if (states := search.values.get("status")) is not None:
            clauses.append({"status": {"$in": [ours for ours, theirs in TASK_STATUS.items() if theirs in states]}})
        if (ids := search.values.get("_id")) is not None:
            clauses.append({"_id": {"$in": list(ids)}})

        async def find(search: Search) -> tuple[Sequence[Step], str | None]:
            found = read_cursor(search.cursor, str)
            after = found[0] if found else None
            steps = await self.store.steps.page({"$and": clauses}, after=after, limit=search.count + 1)
            return cut_page(steps, search.count, lambda last: write_cursor(last.sort))

        shown, following, total = await self.page(search, find)
        withdrawn = await withdrawn_notes(self.store, accesses.values(), shown)
        names = await self.store.users.names({id for step in shown for id in (step.patient_id, step.doctor_id)})
        await self.audit_read(of=[step.patient_id for step in shown] or [self.who.id])
        now = self.now()
        tasks = [
            task(step, quotes=can_see_quote(accesses[step.patient_id], step, withdrawn=withdrawn), names=names, now=now)
            for step in shown
        ]
        self.respond_bundle(search, tasks, following, total)


class TaskHandler(FhirHandler):
    @read_operation("step.read")
    async def get(self, id: str) -> None:
        """A step."""
        step, access = await readable_step(self.store, self.who, self.id_from_path(id))
        await self.audit_read(of=[step.patient_id], item=step.id)
        withdrawn = await withdrawn_notes(self.store, [access], [step])
        quotes = can_see_quote(access, step, withdrawn=withdrawn)
        names = await self.store.users.names({step.patient_id, step.doctor_id})
        self.respond(task(step, quotes=quotes, names=names, now=self.now()))


class _Communications(_OfSteps):
    type_name = "Communication"
    categories: ClassVar[dict[Part, str]] = {"r": "reminder", "a": "check-in"}

    async def _resources(self, parts: Sequence[tuple[Reminder, Part]]) -> list[Resource]:
        wanted = {"_id": {"$in": list({reminder.step_id for reminder, _ in parts})}}
        steps = {step.id: step for step in await self.store.steps.find(wanted)}
        names = await self.store.users.names(
            {id for reminder, _ in parts for id in (reminder.patient_id, reminder.by_id) if id}
        )
        found = []
        for reminder, part in parts:
            step = steps.get(reminder.step_id)
            reason = await self.store.reminders.reason(reminder) if part == "a" else None
            title = step.words.title if step else None
            found.append(communication(reminder, part, title=title, reason=reason, names=names))
        return found


class CommunicationsHandler(_Communications):
    @search_operation(CategoryQuery, "events.read")
    async def get(self) -> None:
        """Reminders that were sent and the patients' answers, newest first."""
        search = self.search()
        visible, _ = await self.visible(search)
        wanted: dict[str, Any] = {"step_id": {"$in": await self.store.steps.ids(visible)}}
        ids = search.values.get("_id")
        if ids is not None:
            named = [found[0] for id in ids if (found := read_communication_id(id))]
            wanted["_id"] = {"$in": named}
        if search.sent is not None:
            ends = {"$gte": search.sent.since, "$lt": search.sent.until}
            span = {name: at for name, at in ends.items() if at}
            wanted = {"$and": [wanted, {"$or": [{"slot_at": span}, {"answered_at": span}]}]}

        async def find(search: Search) -> tuple[list[tuple[Reminder, Part]], str | None]:
            return await self._page(search, wanted, ids)

        parts, following, total = await self.page(search, find)
        await self.audit_read(of=[reminder.patient_id for reminder, _ in parts] or [self.who.id])
        self.respond_bundle(search, await self._resources(parts), following, total)

    async def _page(
        self, search: Search, wanted: dict[str, Any], ids: frozenset[str] | None
    ) -> tuple[list[tuple[Reminder, Part]], str | None]:
        """A page, and the start of the next one: a record, and the number of its parts already shown."""
        found = read_time_cursor(search.cursor, str, int)
        begin = (found[0], found[1]) if found else None
        rows = await self.store.reminders.page(wanted, from_=begin, now=self.now(), limit=search.count + 1)
        categories = search.values.get("category")
        skipped = found[2] if found else 0
        shown: list[tuple[Reminder, Part]] = []
        for row in rows:
            for number, part in enumerate(parts_of(row)):
                if begin and row.id == begin[1] and number < skipped:
                    continue
                if categories is not None and self.categories[part] not in categories:
                    continue
                sent_at = row.answered_at if part == "a" else row.slot_at
                if search.sent is not None and (sent_at is None or sent_at not in search.sent):
                    continue
                if ids is not None and communication_id(row, part) not in ids:
                    continue
                if len(shown) == search.count:
                    return shown, write_time_cursor(row.slot_at, row.id, number)
                shown.append((row, part))
        if len(rows) > search.count:
            return shown, write_time_cursor(rows[-1].slot_at, rows[-1].id, len(parts_of(rows[-1])))
        return shown, None


class CommunicationHandler(_Communications):
    @read_operation("step.read")
    async def get(self, id: str) -> None:
        """A reminder that was sent, or an answer."""
        named = read_communication_id(id)
        reminder = await self.store.reminders.get(named[0]) if named else None
        if named is None or reminder is None or named[1] not in parts_of(reminder):
            raise Problem("not-found")
        await readable_step(self.store, self.who, reminder.step_id)
        await self.audit_read(of=[reminder.patient_id], item=reminder.step_id)
        self.respond((await self._resources([(reminder, named[1])]))[0])
