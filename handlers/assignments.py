"""Assignments: the doctors to choose from, the one chosen, and a doctor's patients by need."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from handlers.base import ApiHandler
from handlers.once import OnceHandler, Reply
from handlers.operation import Operation
from handlers.paging import page, page_of
from handlers.shapes import AssignBody, AssignmentView, DoctorsQuery, MyPatientView, NeedQuery, PersonView
from hospital_rt.adherence import Mark, Picture, picture
from hospital_rt.clock import local_day, to_wire
from hospital_rt.problems import Problem
from models.acts.assign import assign_doctor, leave_doctor
from models.assignments import Assignment
from models.idempotency import Claim
from models.users import Person, fold

DAYS = 30


class DoctorsHandler(ApiHandler):
    operations = {
        "GET": Operation(who="user", query=DoctorsQuery, answers={200: PersonView}, listed=True, pending_too=True)
    }

    async def get(self) -> None:
        """Doctors that accept patients; ``q`` is the beginning of a name or of one of its words."""
        query = self.query(DoctorsQuery)
        wanted = fold(query.q)
        found = [
            {"id": id, "name": name}
            for id, name in await self.store.users.accepting_doctors()
            if not wanted or fold(name).startswith(wanted)
            or any(word.startswith(wanted) for word in fold(name).split())
        ]  # fmt: skip
        items, following = page_of(found, cursor=query.cursor, limit=query.limit)
        self.respond(page(items, following))


class AssignHandler(OnceHandler):
    operations = {
        "GET": Operation(who="patient", answers={200: AssignmentView}, problems=("not-assigned",), feed=True),
        "POST": Operation(
            who="patient", body=AssignBody, answers={200: AssignmentView, 201: AssignmentView},
            problems=("not-found", "conflict"), once=True, audit="doctor.chosen",
        ),
        "DELETE": Operation(
            who="patient", answers={204: None}, problems=("not-assigned", "conflict"), once=True, audit="doctor.left"
        ),
    }  # fmt: skip

    async def _view(self, assignment: Assignment) -> dict[str, Any]:
        names = await self.store.users.names({assignment.doctor_id})
        return {
            "id": assignment.id, "doctor": {"id": assignment.doctor_id, "name": names[assignment.doctor_id]},
            "since": to_wire(assignment.since), "share_history": assignment.share_history,
        }  # fmt: skip

    async def get(self) -> None:
        """The doctor you have chosen."""
        await self.set_feed()
        current = await self.store.assignments.current(self.who.id)
        if current is None:
            raise Problem("not-assigned")
        self.respond(await self._view(current))

    async def post(self) -> None:
        """Choose a doctor. Another one takes the first one's place at once."""
        body = self.body(AssignBody)

        async def work(claim: Claim | None) -> Reply:
            done = await assign_doctor(
                self.store, patient_id=self.who.id, doctor_id=body.doctor_id, share_history=body.share_history,
                now=self.now(), claim=claim, trace=self.trace,
            )  # fmt: skip
            await self.announce(done.users)
            if done.assignment is None:
                raise Problem("not-assigned")
            return Reply(201 if done.is_new else 200, await self._view(done.assignment))

        async def again(claim: Claim) -> Reply:
            current = await self.store.assignments.current(self.who.id)
            if current is None:
                raise Problem("not-assigned")
            return Reply(201 if current.id == claim.subject_id else 200, await self._view(current))

        await self.once(work, again, _unchanged)

    async def delete(self) -> None:
        """Leave your doctor. Your steps run on."""

        async def work(claim: Claim | None) -> Reply:
            done = await leave_doctor(
                self.store, patient_id=self.who.id, now=self.now(), claim=claim, trace=self.trace
            )
            await self.announce(done.users)
            return Reply(204)

        async def again(_claim: Claim) -> Reply:
            return Reply(204)

        await self.once(work, again, _unchanged)


async def _unchanged(body: Any) -> Any:
    """Who asks about their own assignment may read what they were answered."""
    return body


class MyPatientsHandler(ApiHandler):
    operations = {
        "GET": Operation(
            who="doctor", query=NeedQuery, answers={200: MyPatientView}, listed=True, feed=True,
            audit="patients.listed",
        )
    }  # fmt: skip

    async def get(self) -> None:
        """Your patients, those who need you first."""
        query = self.query(NeedQuery)
        await self.set_feed()
        assignments = await self.store.assignments.of_doctor(self.who.id)
        ids = [one.patient_id for one in assignments]
        people = await self.store.users.people(set(ids))
        pictures = await self._pictures(people)
        first_day = self.now().date() - timedelta(days=DAYS + 1)
        answers = await self.store.reminders.last_answers(ids, first_day=first_day)
        open_counts = await self.store.steps.open_counts(ids)
        rows: list[tuple[Picture, dict[str, Any]]] = []
        for one in assignments:
            person, seen = people[one.patient_id], pictures[one.patient_id]
            answered_at = answers.get(one.patient_id)
            seen_at = max((at for at in (person.seen_at, answered_at) if at), default=None)
            rows.append((seen, {
                "id": one.patient_id, "name": person.name, "since": to_wire(one.since),
                "steps_open": open_counts[one.patient_id],
                "last_check_in_at": to_wire(answered_at) if answered_at else None,
                "last_seen_at": to_wire(seen_at) if seen_at else None,
                "missed_in_a_row": seen.missed_in_a_row,
                "adherence": round(seen.adherence, 4) if seen.adherence is not None else None,
                "days": [{"due": day.due, "done": day.done, "skipped": day.skipped} for day in seen.days],
                "need": seen.need, "reason": seen.why,
            }))  # fmt: skip
        ranks = {"silent": 0, "slipping": 1, "on_course": 2}
        if query.sort == "name":
            rows.sort(key=lambda row: (fold(row[1]["name"] or ""), row[1]["id"]))
        else:
            rows.sort(key=lambda row: (
                ranks[row[0].need], -row[0].unanswered_in_a_row, fold(row[1]["name"] or ""), row[1]["id"],
            ))  # fmt: skip
        items, following = page_of([row for _, row in rows], cursor=query.cursor, limit=query.limit)
        await self.leave_trace(of=[item["id"] for item in items])
        self.respond(page(items, following))

    async def _pictures(self, people: dict[str, Person]) -> dict[str, Picture]:
        now = self.now()
        today = {id: local_day(now, ZoneInfo(person.timezone)) for id, person in people.items()}
        if not people:
            return {}
        first = min(today.values()) - timedelta(days=DAYS - 1)
        marks: dict[str, list[Mark]] = {id: [] for id in people}
        for row in await self.store.reminders.since(list(people), first):
            if row.day > today[row.patient_id] - timedelta(days=DAYS):
                marks[row.patient_id].append(Mark(row.step_id, row.day, row.slot_at, row.state))
        return {id: picture(marks[id], last=today[id], days=DAYS) for id in people}

