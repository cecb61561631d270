"""A doctor's patients, those who need them first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from handlers.api.schemas import CalledBody, CallView, MyPatientView, NeedQuery
from handlers.base.api_handler import ApiHandler, as_text
from handlers.base.cursors import page_of
from hospital_rt.domain.adherence import TOGETHER, SlotResult, summarize
from hospital_rt.domain.clock import local_day, start_of_day, to_wire
from hospital_rt.storage.response_cache import FOR_EVER, MAX_USER_BYTES, CachedResponse, CachedRows
from hospital_rt.web.operation import Operation
from models.notes import WaitingNotes
from models.people.phone_calls import PhoneCall
from models.questions.patient_questions import OpenQuestions
from models.reminders import LedgerCount, Reminder
from models.services.people.record_call import record_call
from models.users import fold
from models.visibility import cover_changes_at, covered_assignments

DAYS = 30
REASON_DAYS = 7  # a reason for skipping is news for so long
A_DAY_S = 86_400
RANKS = {"silent": 0, "slipping": 1, "on_course": 2}


class Rank(NamedTuple):
    """Where a patient comes in the list: by need, those who ask first, then by how long they have been silent, then by
    name.
    """

    need: int
    asks: int
    answered: int
    name: str
    id: str


class Joined(NamedTuple):
    """When a patient became the doctor's; ``covering`` is the doctor for whom this one covers."""

    since: datetime
    doctor_id: str
    covering: str | None = None


class PatientList(NamedTuple):
    """A doctor's patients, how each of them became one, and from when until when this holds."""

    ids: tuple[str, ...]
    joined: tuple[Joined, ...]
    since: datetime
    until: datetime = FOR_EVER

    @property
    def size(self) -> int:
        return MAX_USER_BYTES + 150 * len(self.ids)


class MyPatientsHandler(ApiHandler):
    operations = {
        "GET": Operation(
            allow="doctor",
            query=NeedQuery,
            responses={200: MyPatientView},
            paginated=True,
            feed=True,
            audit="patients.listed",
        )
    }

    async def get(self) -> None:
        """Your patients, those who need you first."""
        query = self.query(NeedQuery)
        await self.set_feed()
        rows: Sequence[CachedResponse] = await self._rows()
        if query.need:
            rows = [row for row in rows if row.rank.need == RANKS[query.need]]
        if words := fold(query.q).split():
            rows = [row for row in rows if all(word in row.rank.name for word in words)]
        if query.sort == "name":
            rows = sorted(rows, key=lambda row: row.rank[3:])
        shown, following = page_of(rows, cursor=query.cursor, limit=query.limit)
        await self.audit_read(of=[row.rank.id for row in shown])
        items = b",".join([row.text for row in shown])
        self.respond_long(b'{"items":[%b],"next":%b}' % (items, as_text(following)))

    async def _rows(self) -> tuple[CachedResponse, ...]:
        """Each patient as text, by need, kept ready while nothing that it is made of has moved."""
        me, now, kept, epoch = self.who.id, self.now(), self.context.cache, await self.store.epoch()
        patients = await self._patient_list(epoch)
        states = await self.store.states(patients.ids)
        key = (epoch, patients.ids, patients.joined, states)
        whole: CachedRows | None = kept.get(("list", me), key, now=now)
        if whole is None:
            keys = {id: (epoch, *rest) for id, *rest in zip(patients.ids, patients.joined, states, strict=True)}
            found = {id: kept.get(("patient", me, id), keys[id], now=now) for id in patients.ids}
            joined = {id: at for id, at in zip(patients.ids, patients.joined, strict=True) if found[id] is None}
            if joined:
                for id, ready in (await self._build_rows(joined, now=now)).items():
                    kept.put(("patient", me, id), keys[id], ready)
                    found[id] = ready
            rows = sorted(found.values(), key=lambda row: row.rank)
            whole = CachedRows(tuple(rows), now, min([row.until for row in rows], default=FOR_EVER))
            kept.put(("list", me), key, whole)
        return whole.rows

    async def _patient_list(self, epoch: str) -> PatientList:
        """The doctor's patients, read again when the position of the doctor's feed has changed."""
        what, key, now = ("patients", self.who.id), (epoch, self.who.feed_position), self.now()
        patients: PatientList | None = self.context.cache.get(what, key, now=now)
        if patients is None:
            found = {
                one.patient_id: Joined(one.since, one.doctor_id, one.doctor_id)
                for one in await covered_assignments(self.store, self.who.id)
            }
            for one in await self.store.assignments_of(self.who.id):
                found[one.patient_id] = Joined(one.since, one.doctor_id)
            until = await cover_changes_at(self.store, self.who.id) or FOR_EVER
            patients = PatientList(tuple(found), tuple(found.values()), now, until)
            self.context.cache.put(what, key, patients)
        return patients

    async def _build_rows(self, joined: Mapping[str, Joined], *, now: datetime) -> dict[str, CachedResponse]:
        ids = list(joined)
        covered = {one.covering for one in joined.values() if one.covering}
        people = await self.store.users.people({*ids, *covered}, contact=True)
        today = {id: local_day(now, ZoneInfo(people[id].timezone)) for id in ids}
        # Two days more: an answer may count to another date in the patient's time zone.
        first = min(today.values()) - timedelta(days=DAYS + 1)
        ledger, open_counts, waiting, asking, said, called = await asyncio.gather(
            self.store.reminders.counted_since(ids, first),
            self.store.steps.open_counts(ids),
            self.store.notes.waiting({one.doctor_id for one in joined.values()}, ids),
            self.store.patient_questions.open_of({one.doctor_id for one in joined.values()}, ids),
            self._skip_reasons(joined, min(today.values()) - timedelta(days=REASON_DAYS - 1)),
            self._calls(joined, now=now),
        )
        mine: dict[str, list[LedgerCount]] = {id: [] for id in ids}
        for row in ledger:
            mine[row.patient_id].append(row)
        together = TOGETHER * (self.settings_.day_seconds or A_DAY_S) / A_DAY_S
        found = {}
        for id in ids:
            person = people[id]
            oldest = today[id] - timedelta(days=DAYS)
            results = [
                SlotResult(row.step_id, row.day, row.slot_at, row.state)
                for row in mine[id]
                if row.is_slot and row.day > oldest
            ]
            answered_at = max((row.answered_at for row in mine[id] if row.answered_at), default=None)
            seen_at = max((at for at in (person.seen_at, answered_at) if at), default=None)
            asks = asking.get(id, OpenQuestions())
            waits = waiting.get(id, WaitingNotes())
            seen = summarize(results, last=today[id], days=DAYS, together=together)
            # Without active steps there is nothing to answer: ``steps_open`` is 0, and the patient is not silent.
            need = seen.need if open_counts[id] or seen.need != "silent" else "on_course"
            item: dict[str, Any] = {
                "id": id,
                "name": person.name,
                "birth_date": person.birth_date,
                "phone": person.phone,
                "since": to_wire(joined[id].since),
                **({"covering": {"id": other, "name": people[other].name}} if (other := joined[id].covering) else {}),
                "steps_open": open_counts[id],
                "notes_waiting": waits.notes,
                "questions_open": waits.questions,
                "asks": asks.how_many,
                "asks_since": to_wire(asks.since) if asks.since else None,
                "last_check_in_at": to_wire(answered_at) if answered_at else None,
                "last_seen_at": to_wire(seen_at) if seen_at else None,
                "missed_in_a_row": seen.missed_in_a_row,
                "adherence": round(seen.adherence, 4) if seen.adherence is not None else None,
                "days": [{"due": day.due, "done": day.done, "skipped": day.skipped} for day in seen.days],
                "need": need,
                "reason": seen.why if need == seen.need else None,
                "skip_reason": said.get(id),
                "called": called.get(id),
            }
            rank = Rank(RANKS[need], 0 if asks.how_many else 1, -seen.unanswered_in_a_row, fold(person.name or ""), id)
            zone = ZoneInfo(person.timezone)
            found[id] = CachedResponse(as_text(item), now, start_of_day(today[id] + timedelta(days=1), zone), rank)
        return found

    async def _skip_reasons(self, joined: Mapping[str, Joined], first: date) -> dict[str, dict[str, Any]]:
        """Of each patient the newest reason for skipping since ``first`` and since they became the doctor's."""
        newest: dict[str, Reminder] = {}
        for row in await self.store.reminders.skipped_with_reason(list(joined), first):
            if row.answered_at and row.answered_at >= joined[row.patient_id].since:
                newest[row.patient_id] = row
        steps = await self.store.steps.by_ids([row.step_id for row in newest.values()]) if newest else {}
        found: dict[str, dict[str, Any]] = {}
        for id, row in newest.items():
            text = await self.store.reminders.reason(row)
            if text is not None and row.answered_at and row.step_id in steps:
                title = steps[row.step_id].words.title
                found[id] = {"step_id": row.step_id, "title": title, "text": text, "at": to_wire(row.answered_at)}
        return found

    async def _calls(self, joined: Mapping[str, Joined], *, now: datetime) -> dict[str, dict[str, Any]]:
        """Of each patient the last call that their doctor, or who covers for that one, noted."""
        last: dict[str, PhoneCall] = {}
        for call in await self.store.phone_calls.since(list(joined), now - timedelta(days=DAYS)):
            if call.doctor_id == joined[call.patient_id].doctor_id and call.at >= joined[call.patient_id].since:
                last[call.patient_id] = call
        names = await self.store.users.names({call.by_id for call in last.values()}) if last else {}
        return {id: call.as_json(by=names[call.by_id]) for id, call in last.items()}


class CalledHandler(ApiHandler):
    operations = {
        "POST": Operation(
            allow="doctor",
            body=CalledBody,
            body_optional=True,
            responses={200: CallView},
            problems=("not-found",),
            audit="patient.called",
        )
    }

    async def post(self, patient_id: str) -> None:
        """Note that you called a patient of yours, with a few words of what came of it. It stands in their row."""
        body = self.body(CalledBody)
        id = self.id_from_path(patient_id)
        call = await record_call(
            self.store, by_id=self.who.id, patient_id=id, text=body.text, now=self.now(), actor=self.actor
        )
        names = await self.store.users.names({call.by_id})
        self.respond(call.as_json(by=names[call.by_id]))
