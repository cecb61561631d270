"""A doctor's patients, those who need them first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from handlers.base import ApiHandler, as_text
from handlers.operation import Operation
from handlers.paging import page_of
from handlers.shapes import MyPatientView, NeedQuery
from hospital_rt.adherence import Mark, picture
from hospital_rt.clock import local_day, start_of_day, to_wire
from hospital_rt.kept import Ready
from models.assignments import Assignment
from models.reminders import Counted
from models.store import Held
from models.users import fold

DAYS = 30
RANKS = {"silent": 0, "slipping": 1, "on_course": 2}


class Rank(NamedTuple):
    """Where a patient comes in the list: by need, then by how long they have been silent, then by name."""

    need: int
    answered: int
    name: str
    id: str


class MyPatientsHandler(ApiHandler):
    operations = {
        "GET": Operation(
            who="doctor", query=NeedQuery, answers={200: MyPatientView}, listed=True, feed=True,
            audit="patients.listed",
        )
    }

    async def get(self) -> None:
        """Your patients, those who need you first."""
        query = self.query(NeedQuery)
        await self.set_feed()
        rows = await self._rows(await self.store.held_by(self.who.id))
        rows.sort(key=(lambda row: row.rank[2:]) if query.sort == "name" else (lambda row: row.rank))
        shown, following = page_of(rows, cursor=query.cursor, limit=query.limit)
        await self.leave_trace(of=[row.rank.id for row in shown])
        items = b",".join([row.text for row in shown])
        self.respond_text(b'{"items":[%b],"next":%b}' % (items, as_text(following)))

    async def _rows(self, patients: Sequence[Held]) -> list[Ready]:
        """Each patient as text, kept ready while nothing that it is made of has moved."""
        now, epoch, kept = self.now(), await self.store.epoch(), self.doors.kept
        keys = {
            one.assignment.patient_id: (epoch, one.assignment, one.mark, tuple(one.user.items())) for one in patients
        }
        found = {id: kept.get(("patient", self.who.id, id), key, now=now) for id, key in keys.items()}
        missing = [one.assignment for one in patients if found[one.assignment.patient_id] is None]
        if missing:
            for id, ready in (await self._anew(missing, now=now)).items():
                kept.put(("patient", self.who.id, id), keys[id], ready)
                found[id] = ready
        return [ready for ready in found.values() if ready]

    async def _anew(self, assignments: Sequence[Assignment], *, now: datetime) -> dict[str, Ready]:
        ids = [one.patient_id for one in assignments]
        people = await self.store.users.people(set(ids))
        today = {id: local_day(now, ZoneInfo(people[id].timezone)) for id in ids}
        # Two days more: whoever answered on one date may have been due on another, as their zone has it.
        first = min(today.values()) - timedelta(days=DAYS + 1)
        ledger, open_counts = await asyncio.gather(
            self.store.reminders.counted_since(ids, first), self.store.steps.open_counts(ids)
        )
        mine: dict[str, list[Counted]] = {id: [] for id in ids}
        for row in ledger:
            mine[row.patient_id].append(row)
        found = {}
        for one in assignments:
            id, person = one.patient_id, people[one.patient_id]
            oldest = today[id] - timedelta(days=DAYS)
            marks = [
                Mark(row.step_id, row.day, row.slot_at, row.state)
                for row in mine[id] if row.is_slot and row.day > oldest
            ]  # fmt: skip
            answered_at = max((row.answered_at for row in mine[id] if row.answered_at), default=None)
            seen_at = max((at for at in (person.seen_at, answered_at) if at), default=None)
            seen = picture(marks, last=today[id], days=DAYS)
            item: dict[str, Any] = {
                "id": id, "name": person.name, "since": to_wire(one.since), "steps_open": open_counts[id],
                "last_check_in_at": to_wire(answered_at) if answered_at else None,
                "last_seen_at": to_wire(seen_at) if seen_at else None,
                "missed_in_a_row": seen.missed_in_a_row,
                "adherence": round(seen.adherence, 4) if seen.adherence is not None else None,
                "days": [{"due": day.due, "done": day.done, "skipped": day.skipped} for day in seen.days],
                "need": seen.need, "reason": seen.why,
            }  # fmt: skip
            rank = Rank(RANKS[seen.need], -seen.unanswered_in_a_row, fold(person.name or ""), id)
            zone = ZoneInfo(person.timezone)
            found[id] = Ready(as_text(item), now, start_of_day(today[id] + timedelta(days=1), zone), rank)
        return found
