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
from hospital_rt.domain.adherence import SAME_TIME_WITHIN, SlotResult, summarize
from hospital_rt.domain.clock import local_day, start_of_day, to_wire
from hospital_rt.storage.response_cache import FOR_EVER, MAX_USER_BYTES, CachedResponse, CachedRows
from hospital_rt.web.operation import Operation
from models.notes import WaitingNotes
from models.people.phone_calls import PhoneCall
from models.questions.patient_questions import OpenQuestions
from models.reminders import LedgerCount, Reminder
from models.services.people.record_call import record_call
from models.users import Person, fold
from models.visibility import cover_changes_at, covered_assignments

DAYS = 30
REASON_DAYS = 7  # a reason for skipping is news for so long
A_DAY_S = 86_400
RANKS = {"silent": 0, "slipping": 1, "on_course": 2}


class Rank(NamedTuple):
    """The sort key of a patient in the list: by need, then patients with open questions, then the longest silence, then
    by name.

    Args:
        asks: 0 with open questions, else 1.
        negated_unanswered: ``-unanswered_in_a_row``, so that the longest silence comes first.
    """

    need: int
    asks: int
    negated_unanswered: int
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


class PatientRecords(NamedTuple):
    """The records from which the rows of the list are made, by patient; ``people`` has the doctors covered too."""

    people: Mapping[str, Person]
    ledger: Mapping[str, Sequence[LedgerCount]]
    open_steps: Mapping[str, int]
    notes: Mapping[str, WaitingNotes]
    questions: Mapping[str, OpenQuestions]
    skip_reasons: Mapping[str, dict[str, Any]]
    calls: Mapping[str, dict[str, Any]]


class MyPatientsHandler(ApiHandler):
    @Operation(allow="doctor", responses={200: MyPatientView}, paginated=True, feed=True, audit="patients.listed")
    async def get(self, query: NeedQuery) -> None:
        """Your patients, those who need you first."""
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
        records = await self._read_records(joined, now=now)
        same_time_within = SAME_TIME_WITHIN * (self.settings_.day_seconds or A_DAY_S) / A_DAY_S
        return {id: _row(id, joined[id], records, now=now, same_time_within=same_time_within) for id in joined}

    async def _read_records(self, joined: Mapping[str, Joined], *, now: datetime) -> PatientRecords:
        ids, doctor_ids = list(joined), {one.doctor_id for one in joined.values()}
        covered = {one.covering for one in joined.values() if one.covering}
        people = await self.store.users.people({*ids, *covered}, contact=True)
        today = min(local_day(now, ZoneInfo(people[id].timezone)) for id in ids)
        ledger, open_steps, notes, questions, skip_reasons, calls = await asyncio.gather(
            # Two days more: an answer may count to another date in the patient's time zone.
            self.store.reminders.counted_since(ids, today - timedelta(days=DAYS + 1)),
            self.store.steps.open_counts(ids),
            self.store.notes.waiting(doctor_ids, ids),
            self.store.patient_questions.open_of(doctor_ids, ids),
            self._skip_reasons(joined, today - timedelta(days=REASON_DAYS - 1)),
            self._calls(joined, now=now),
        )
        slots: dict[str, list[LedgerCount]] = {id: [] for id in ids}
        for row in ledger:
            slots[row.patient_id].append(row)
        return PatientRecords(people, slots, open_steps, notes, questions, skip_reasons, calls)

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


def _row(
    id: str, joined: Joined, records: PatientRecords, *, now: datetime, same_time_within: timedelta
) -> CachedResponse:
    """One patient in the list. ``same_time_within``: slots this close are one time to answer."""
    person, slots = records.people[id], records.ledger[id]
    zone = ZoneInfo(person.timezone)
    today = local_day(now, zone)
    results = [
        SlotResult(row.step_id, row.day, row.slot_at, row.state)
        for row in slots
        if row.is_slot and row.day > today - timedelta(days=DAYS)
    ]
    answered_at = max((row.answered_at for row in slots if row.answered_at), default=None)
    seen_at = max((at for at in (person.seen_at, answered_at) if at), default=None)
    notes, questions = records.notes.get(id, WaitingNotes()), records.questions.get(id, OpenQuestions())
    summary = summarize(results, last=today, days=DAYS, same_time_within=same_time_within)
    # Without active steps there is nothing to answer: ``steps_open`` is 0, and the patient is not silent.
    need = summary.need if records.open_steps[id] or summary.need != "silent" else "on_course"
    item: dict[str, Any] = {
        "id": id,
        "name": person.name,
        "birth_date": person.birth_date,
        "phone": person.phone,
        "since": to_wire(joined.since),
        "steps_open": records.open_steps[id],
        "notes_waiting": notes.notes,
        "questions_open": notes.questions,
        "asks": questions.how_many,
        "asks_since": to_wire(questions.since),
        "last_check_in_at": to_wire(answered_at),
        "last_seen_at": to_wire(seen_at),
        "missed_in_a_row": summary.missed_in_a_row,
        "adherence": round(summary.adherence, 4) if summary.adherence is not None else None,
        "days": [{"due": day.due, "done": day.done, "skipped": day.skipped} for day in summary.days],
        "need": need,
        "reason": summary.why if need == summary.need else None,
        "skip_reason": records.skip_reasons.get(id),
        "called": records.calls.get(id),
    }
    if joined.covering:
        item["covering"] = {"id": joined.covering, "name": records.people[joined.covering].name}
    asks_first = 0 if questions.how_many else 1
    rank = Rank(RANKS[need], asks_first, -summary.unanswered_in_a_row, fold(person.name or ""), id)
    return CachedResponse(as_text(item), now, start_of_day(today + timedelta(days=1), zone), rank)


class CalledHandler(ApiHandler):
    @Operation(
        allow="doctor", body_optional=True, responses={200: CallView}, problems=("not-found",), audit="patient.called"
    )
    async def post(self, patient_id: str, body: CalledBody) -> None:
        """Note that you called a patient of yours, with a few words of what came of it. It stands in their row."""
        call = await record_call(
            self.store, by_id=self.who.id, patient_id=patient_id, text=body.text, now=self.now(), actor=self.actor
        )
        names = await self.store.users.names({call.by_id})
        self.respond(call.as_json(by=names[call.by_id]))
