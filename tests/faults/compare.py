"""What came of it: the clients' journal beside the records, as counts."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hospital_rt.domain.clock import from_wire, to_wire
from models.app_context import AppContext
from tests.faults.load import STEPS_OF_NOTE, Journal
from tests.faults.ward import REPEATED_AFTER, Due
from tests.support.driver import Person

SETTLED = {"ready", "superseded"}
NOUGHT = (
    "doubled",
    "early",
    "lost",
    "notes_doubled",
    "notes_lost",
    "check_ins_doubled",
    "check_ins_lost",
    "gaps",
    "missed",
)
# As wide as its rows.
HEAD = """\
                                          |    | slots                           | notes       | check-ins   | heard by pages | requests       |
fault                                     |   x|  due  rec. dbl early lost late s| ack dbl lost| ack dbl lost|  events gap mis| again 5xx  slow|  s"""  # noqa: E501


@dataclass
class Counts:
    """One line of the table; :data:`NOUGHT` are the columns in which only 0 is right."""

    fault: str
    injected: int = 0
    due: int = 0
    recorded: int = 0
    doubled: int = 0
    early: int = 0
    lost: int = 0
    late_s: float = 0.0  # the latest, from its moment to a page
    notes: int = 0
    notes_doubled: int = 0
    notes_lost: int = 0
    check_ins: int = 0
    check_ins_doubled: int = 0
    check_ins_lost: int = 0
    heard: int = 0
    gaps: int = 0
    missed: int = 0
    again: Counter[str] = field(default_factory=Counter)
    """Tries that got no answer, or were told to come back, and were sent again."""
    slowest_s: float = 0.0  # answer, be it a refusal
    found: list[str] = field(default_factory=list)  # where the noughts are none
    broken: list[str] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def wrong(self) -> dict[str, Any]:
        found: dict[str, Any] = {name: getattr(self, name) for name in NOUGHT if getattr(self, name)}
        return found | ({"broken": dict(Counter(self.broken))} if self.broken else {})

    def line(self) -> str:
        return (
            f"{self.fault[:42]:<42}|{self.injected:>4}|{self.due:>5}{self.recorded:>6}{self.doubled:>4}{self.early:>6}"
            f"{self.lost:>5}{self.late_s:>7.1f}|{self.notes:>4}{self.notes_doubled:>4}{self.notes_lost:>5}"
            f"|{self.check_ins:>4}{self.check_ins_doubled:>4}{self.check_ins_lost:>5}|{self.heard:>8}{self.gaps:>4}"
            f"{self.missed:>4}|{self.again.total():>6}{len(self.broken):>4}{self.slowest_s:>6.1f}|{self.took_s:>4.0f}"
        )


class Records:
    """The records of a system that is at rest, each feed read and opened once."""

    def __init__(self, app: AppContext) -> None:
        self.app = app
        self._feeds: dict[str, list[dict[str, Any]]] = {}

    async def feed(self, user_id: str) -> list[dict[str, Any]]:
        if user_id not in self._feeds:
            events = self.app.store.events
            found: list[dict[str, Any]] = []
            while page := await events.after(user_id, found[-1]["seq"] if found else 0, limit=500):
                await events.load_keys(page)
                for one in page:
                    data = json.loads(events.open_text(one))
                    found.append({"seq": one.seq, "event": one.event, "at": one.at, "data": data})
            self._feeds[user_id] = found
        return self._feeds[user_id]

    async def count_reminders(self, counts: Counts, due: list[Due], *, now: datetime) -> None:
        """Each slot is one event in its patient's feed and one row of the ledger, and never before its time."""
        told: Counter[tuple[str, str]] = Counter()
        at: dict[tuple[str, str], datetime] = {}
        for patient_id in {one.patient_id for one in due}:
            for event in await self.feed(patient_id):
                if event["event"] == "reminder.due" and event["data"]["repeat"] == 0:
                    name = (event["data"]["step"]["id"], event["data"]["slot"])
                    told[name] += 1
                    at.setdefault(name, event["at"])
        wanted = {(one.step_id, to_wire(one.at)): one.at for one in due if one.at <= now}
        counts.due, counts.recorded = len(wanted), sum(1 for name in wanted if told[name])
        counts.lost = counts.due - counts.recorded
        counts.doubled = sum(count - 1 for count in told.values()) + sum(1 for name in told if name not in wanted)
        late = [(at[name] - moment).total_seconds() for name, moment in wanted.items() if name in at]
        counts.early = sum(1 for one in late if one < 0)
        counts.late_s = max(counts.late_s, max(late, default=0.0))
        rows = await self._collection("reminders").count_documents(
            {"step_id": {"$in": [one.step_id for one in due]}, "recorded": True}
        )
        counts.doubled += max(0, rows - counts.recorded)
        counts.lost += max(0, counts.recorded - rows)

    async def count_repeats(self, counts: Counts, due: list[Due], *, most: int) -> None:
        """Each repeat is one event, numbered 1, 2, ..., none before its time; an open slot has all of them."""
        told: dict[tuple[str, str], list[tuple[int, datetime]]] = defaultdict(list)
        for patient_id in {one.patient_id for one in due}:
            for event in await self.feed(patient_id):
                if event["event"] == "reminder.due":
                    name = (event["data"]["step"]["id"], event["data"]["slot"])
                    told[name].append((event["data"]["repeat"], event["at"]))
        for (_, slot), found in told.items():
            numbers = [number for number, _ in found]
            counts.doubled += len(numbers) - len(set(numbers))
            counts.lost += max(numbers) + 1 - len(set(numbers))
            counts.early += sum(at < from_wire(slot) + number * REPEATED_AFTER for number, at in found)
        steps = await self.app.store.steps.by_ids([one.step_id for one in due])
        for one in due:
            course = steps[one.step_id].course
            waiting = course.open_slot if course else None
            counts.lost += waiting is not None and waiting.repeats_today < most
            counts.doubled += waiting is not None and waiting.repeats_today > most
        counts.lost += not any(number for found in told.values() for number, _ in found)

    async def count_notes(self, counts: Counts, journal: Journal, doctors: list[Person]) -> None:
        """Each acknowledged note is there once and read once: its steps made once, its being ready told once."""
        rows = await self._collection("notes").find({}).to_list(None)
        by_id = {row["_id"]: row for row in rows}
        made = Counter([row["note_id"] async for row in self._collection("steps").find({}, {"note_id": 1})])
        told: Counter[str] = Counter()
        for doctor in doctors:
            told.update(
                event["data"]["note_id"]
                for event in await self.feed(doctor.id)
                if event["event"] == "note.status" and event["data"]["status"] == "ready"
            )
        counts.notes = len(journal.notes)
        counts.notes_doubled = len(rows) - len({row["patient_id"] for row in rows})
        for id in journal.notes.values():
            settled = id in by_id and by_id[id]["status"] in SETTLED
            counts.notes_lost += not settled or made[id] < STEPS_OF_NOTE or told[id] < 1
            counts.notes_doubled += made[id] > STEPS_OF_NOTE or told[id] > 1

    async def count_check_ins(self, counts: Counts, journal: Journal, people: list[Person]) -> None:
        """Each acknowledged check-in has closed its slot, and is told once."""
        told: Counter[tuple[str, str]] = Counter()
        for person in people:
            for event in await self.feed(person.id):
                if event["event"] == "step.checked_in":
                    told[event["data"]["step"]["id"], event["data"]["slot"]] += 1
        counts.check_ins = len(journal.check_ins)
        counts.check_ins_doubled = sum(count - 1 for count in told.values())
        for step_id, slot in journal.check_ins:
            found = await self.app.store.reminders.find(step_id, from_wire(slot))
            counts.check_ins_lost += found is None or found.state != "done" or not told[step_id, slot]

    async def count_heard(self, counts: Counts, journal: Journal) -> None:
        """Pages were sent all that stands in their feeds, once and in order; every feed counts 1, 2, 3, ..."""
        for user_id, heard in journal.heard.items():
            stands = {event["seq"] for event in await self.feed(user_id) if event["seq"] >= (heard.first or 1)}
            seen = [event["seq"] for event in heard.events]
            counts.heard += len(seen)
            counts.late_s = max(counts.late_s, heard.late_s)
            counts.gaps += heard.gaps + heard.resets
            counts.missed += len(stands ^ set(seen)) + len(seen) - len(set(seen))
            if heard.gaps or heard.resets or stands ^ set(seen):
                odd = sorted(stands ^ set(seen))
                counts.found.append(f"{user_id}: {heard.gaps=} {heard.resets=} {heard.seq=} {odd=}")
        async for row in self._collection("feeds").find({}):
            seqs = [event["seq"] for event in await self.feed(row["_id"])]
            # Read after its row, a feed may have grown meanwhile.
            if len(seqs) < row["seq"] or seqs != list(range(1, len(seqs) + 1)):
                counts.gaps += 1
                counts.found.append(f"{row['_id']}: a feed with holes")

    def _collection(self, name: str) -> Any:
        return self.app.resources.database.collection(name)
