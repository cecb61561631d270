"""Repeats within the day and snoozed slots: contract, "Repeats within the day" and "Snooze"."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.services.record_reminders import record_due
from tasks.reminders import remind_due
from tests.support.driver import Answer, Clinic, Person
from tests.support.plans import (
    MARCH,
    NINE,
    check_in,
    events,
    let_pass,
    one_step,
    plan,
    proposal,
    read,
    reminders,
    undo,
)

pytestmark = pytest.mark.long

QUARTER = timedelta(minutes=15)


async def repeating(ward: Clinic, **settings: Any) -> tuple[Person, Person]:
    """A patient who is reminded again within the day, with their doctor."""
    patient, doctor = await ward.pair()
    assert (await patient.patch("/api/me/", settings)).status == 200
    return patient, doctor


async def snooze(patient: Person, step: dict[str, Any], slot: str, minutes: int = 30) -> Answer:
    return await patient.post(f"/api/snooze/{step['id']}/", {"slot": slot, "minutes": minutes})


def pointers(answer: Answer) -> list[str]:
    return [error["pointer"] for error in answer.body["errors"]]


async def at(ward: Clinic, patient: Person, *clocks: str, day: int = 2) -> list[int]:
    """The numbers of the reminders that come at these times, with a tick at each."""
    found = []
    for clock in clocks:
        before = len(await reminders(patient))
        await ward.tick(f"2027-03-{day:02d}T{clock}")
        found += [repeat for _, repeat in (await reminders(patient))[before:]]
    return found


# Repeats within the day


async def test_an_open_slot_is_repeated_as_often_as_the_patient_chose(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=15, repeat_most=3)
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T09:00")
    assert (await read(patient, step))["next_reminder_at"] == MARCH.format(2, "09:15")
    await let_pass(ward, "2027-03-02T21:00", every=timedelta(minutes=5))
    due = await events(patient, "reminder.due")
    assert [(event["data"]["slot"], event["data"]["repeat"], event["at"][11:16]) for event in due] == [
        (NINE[2], 0, "09:00"),
        (NINE[2], 1, "09:15"),
        (NINE[2], 2, "09:30"),
        (NINE[2], 3, "09:45"),
    ]


async def test_an_answer_ends_the_repeats(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=10)
    step = await one_step(ward, patient, doctor)
    assert await at(ward, patient, "09:00", "09:10") == [0, 1]
    await check_in(patient, step, NINE[2])
    assert await at(ward, patient, "09:20", "09:30", "12:00") == []
    assert await at(ward, patient, "09:00", "09:10", day=3) == [0, 1], "the next slot has its own"


async def test_many_ticks_at_once_repeat_once(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=10, repeat_most=5)
    await plan(ward, doctor, patient, {}, {}, {})
    await ward.tick("2027-03-02T09:00")
    for minute in (10, 20, 30):
        ward.set_clock(f"2027-03-02T09:{minute}")
        assert sum(await asyncio.gather(*(remind_due(ward.app) for _ in range(6)))) == 3
    assert sorted(repeat for _, repeat in await reminders(patient)) == sorted([0, 1, 2, 3] * 3)


async def test_after_an_outage_there_is_one_repeat_and_the_next_in_its_time(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=10, repeat_most=5)
    await one_step(ward, patient, doctor)
    assert await at(ward, patient, "09:00", "11:07", "11:08", "11:16", "11:17") == [0, 1, 2]


async def test_at_night_it_is_quiet_unless_the_slot_is_due_at_night(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=60, repeat_most=5)
    evening, night = await plan(ward, doctor, patient, {"times": ["20:30"]}, {"times": ["23:30"]})
    await let_pass(ward, "2027-03-02T12:00", every=QUARTER)
    due = [(event["data"]["step"]["id"], event["at"][11:16]) for event in await events(patient, "reminder.due")]
    assert [clock for id, clock in due if id == evening["id"]] == ["20:30", "21:30"]
    assert [clock for id, clock in due if id == night["id"]] == ["23:30", "00:30", "01:30", "02:30", "03:30", "04:30"]


async def test_a_weekly_step_goes_on_from_day_to_day_with_its_numbers(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=30, repeat_most=2)
    await one_step(ward, patient, doctor, every_days=7, start_in_days=1)
    await let_pass(ward, "2027-03-04T12:00", every=QUARTER)
    assert await reminders(patient) == [(NINE[2], number) for number in range(5)]
    assert [event["at"][8:16] for event in await events(patient, "reminder.due")] == [
        "02T09:00",
        "02T09:30",
        "02T10:00",
        "03T09:00",
        "04T09:00",
    ]


async def test_the_choice_can_change_while_a_slot_is_open(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    assert await at(ward, patient, "09:00", "12:00") == [0]
    await patient.patch("/api/me/", {"repeat_minutes": 30})
    assert (await read(patient, step))["next_reminder_at"] == MARCH.format(2, "12:30"), "counted from the change"
    assert await at(ward, patient, "12:29", "12:30") == [1]
    await patient.patch("/api/me/", {"repeat_minutes": 10, "repeat_most": 2})
    assert await at(ward, patient, "12:39", "12:40", "12:50", "13:50") == [2]
    await patient.patch("/api/me/", {"repeat_most": 5})
    assert await at(ward, patient, "13:51") == [3]
    await patient.patch("/api/me/", {"repeat_minutes": None})
    assert await at(ward, patient, "15:00") == []
    assert (await read(patient, step))["next_reminder_at"] == NINE[3]


async def test_repeats_stop_when_the_next_slot_comes_due(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=60, repeat_most=5)
    await one_step(ward, patient, doctor, times=["09:00", "10:30"], times_per_day=2)
    await let_pass(ward, "2027-03-02T12:00", every=QUARTER)
    second = MARCH.format(2, "10:30")
    assert await reminders(patient) == [(NINE[2], 0), (NINE[2], 1), (second, 0), (second, 1)]


@pytest.mark.settings(day_seconds=1440)
async def test_on_shortened_days_minutes_are_as_short(clinic: Clinic) -> None:
    """A day of 1440 s: a minute is a second, and there is no night."""
    patient, doctor = await repeating(clinic, repeat_minutes=10, repeat_most=2)
    step = await one_step(clinic, patient, doctor)
    began = clinic.now
    seen = []
    for second in range(60):
        if await clinic.tick(began + timedelta(seconds=second)):
            seen.append(second)
    assert seen == [0, 10, 20]
    slot = (await read(patient, step))["open_slot"]
    answer = await snooze(patient, step, slot, minutes=5)
    assert answer.body["snoozed_until"] == f"{clinic.now + timedelta(seconds=5):%Y-%m-%dT%H:%M:%SZ}"


# Snooze


async def test_a_snoozed_slot_stays_open_and_is_repeated_then(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T09:00")
    answer = await snooze(patient, step, NINE[2], 90)
    until = MARCH.format(2, "10:30")
    assert answer.status == 200
    assert (answer.body["open_slot"], answer.body["snoozed_until"]) == (NINE[2], until)
    assert answer.body["next_reminder_at"] == until
    (told,) = await events(patient, "reminder.snoozed")
    assert told["data"] == {"step": answer.body, "slot": NINE[2], "until": until}
    assert not await events(doctor, "reminder.snoozed")
    audit = ward.app.resources.database.collection("audit")
    (entry,) = await audit.find({"act": "step.snoozed", "item": step["id"]}).to_list(None)
    assert (entry["who"], entry["of"]) == (patient.id, [patient.id])
    assert await at(ward, patient, "10:29", "10:30", "10:31") == [1]
    assert (await read(patient, step))["snoozed_until"] is None


async def test_a_snooze_holds_the_repeats_back_and_they_go_on_after_it(ward: Clinic) -> None:
    patient, doctor = await repeating(ward, repeat_minutes=10, repeat_most=3)
    step = await one_step(ward, patient, doctor)
    assert await at(ward, patient, "09:00", "09:10") == [0, 1]
    await snooze(patient, step, NINE[2], 60)
    assert await at(ward, patient, "09:20", "09:30", "10:00", "10:10", "10:20", "10:30", "10:40") == [2, 3, 4]


async def test_a_snooze_that_waited_for_the_database_counts_from_the_reminder_recorded_meanwhile(ward: Clinic) -> None:
    """Asked for at 09:05, written at 09:10, behind a repeat."""
    patient, doctor = await repeating(ward, repeat_minutes=10, repeat_most=3)
    step = await one_step(ward, patient, doctor)
    assert await at(ward, patient, "09:00", "09:10") == [0, 1]
    ward.set_clock("2027-03-02T09:05")
    answer = await snooze(patient, step, NINE[2], 10)
    assert answer.body["snoozed_until"] == MARCH.format(2, "09:20")


async def test_what_ends_a_snooze(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    done, undone, gone = await plan(ward, doctor, patient, {}, {}, {})
    await ward.tick("2027-03-02T09:00")
    for step in (done, undone, gone):
        assert (await snooze(patient, step, NINE[2], 60)).status == 200
    assert (await check_in(patient, done, NINE[2])).body["snoozed_until"] is None
    await check_in(patient, undone, NINE[2])
    assert (await undo(patient, undone, NINE[2])).body["snoozed_until"] is None
    assert (await patient.post(f"/api/steps/{gone['id']}/cancel/")).body["snoozed_until"] is None
    assert await at(ward, patient, "10:00", "12:00") == []
    assert (await read(patient, undone))["next_reminder_at"] == NINE[3]


async def test_a_newer_note_and_a_withdrawn_one_end_what_was_snoozed(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T09:00")
    await snooze(patient, step, NINE[2], 60)
    note = await proposal(ward, doctor, patient)
    assert (await doctor.post(f"/api/notes/{note['id']}/approve/")).status == 200
    assert await at(ward, patient, "10:00") == []
    assert (await snooze(patient, step, NINE[2])).slug == "slot-closed"
    newer = await one_step(ward, patient, doctor, times=["11:00"])
    await ward.tick("2027-03-02T11:00")
    await snooze(patient, newer, MARCH.format(2, "11:00"), 60)
    assert (await doctor.post(f"/api/notes/{newer['note_id']}/withdraw/")).status == 200
    assert await at(ward, patient, "12:00") == []


async def test_a_snooze_keeps_its_moment_when_the_patient_travels(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T09:00")
    await snooze(patient, step, NINE[2], 60)
    await patient.patch("/api/me/", {"timezone": "America/Los_Angeles"})
    assert (await read(patient, step))["snoozed_until"] == MARCH.format(2, "10:00")
    assert await at(ward, patient, "09:59", "10:00") == [1]


async def test_a_snooze_may_be_moved(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T09:00")
    await snooze(patient, step, NINE[2], 60)
    assert (await snooze(patient, step, NINE[2], 5)).body["snoozed_until"] == MARCH.format(2, "09:05")
    assert await at(ward, patient, "09:05", "10:00") == [1]
    assert [event["data"]["until"][11:16] for event in await events(patient, "reminder.snoozed")] == ["10:00", "09:05"]


async def test_the_daily_repeat_waits_for_the_end_of_a_snooze(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, every_days=7, start_in_days=1)
    await ward.tick("2027-03-02T09:00")
    ward.set_clock("2027-03-03T08:45")
    await snooze(patient, step, NINE[2], 30)
    assert await at(ward, patient, "09:00", "09:15", "09:20", day=3) == [1]
    assert await at(ward, patient, "09:00", day=4) == [2]


async def test_what_cannot_be_snoozed(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    other, _ = await ward.pair()
    step = await one_step(ward, patient, doctor, times=["09:00", "11:00"], times_per_day=2)
    await ward.tick("2027-03-02T09:00")
    assert (await snooze(other, step, NINE[2])).status == 404
    assert (await snooze(doctor, step, NINE[2])).status == 403
    later = MARCH.format(2, "11:00")
    assert (await snooze(patient, step, later)).slug == "slot-closed", "it is not due yet"
    assert pointers(await snooze(patient, step, MARCH.format(2, "09:01"))) == ["#/slot"]
    assert pointers(await snooze(patient, step, "soon")) == ["#/slot"]
    assert pointers(await snooze(patient, step, NINE[2], 120)) == ["#/minutes"], "its next slot comes first"
    for minutes in (4, 721, 0, -5):
        assert pointers(await snooze(patient, step, NINE[2], minutes)) == ["#/minutes"]
    assert pointers(await patient.post(f"/api/snooze/{step['id']}/", {"slot": NINE[2]})) == ["#/minutes"]
    assert (await snooze(patient, step, NINE[2], 119)).status == 200
    await check_in(patient, step, NINE[2])
    assert (await snooze(patient, step, NINE[2])).slug == "slot-closed"
    assert await at(ward, patient, "10:59") == []


async def test_an_answered_slot_of_last_week_stays_closed_when_the_times_have_moved_since(ward: Clinic) -> None:
    """Its time is on no timetable any more; the ledger still knows it."""
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=14)
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, step, NINE[2])
    await patient.patch("/api/me/", {"reminder_time": "10:00"})
    await ward.tick("2027-03-10T10:00")
    assert (await snooze(patient, step, NINE[2])).slug == "slot-closed"


async def test_a_step_without_slots_cannot_be_snoozed(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    steps = (await doctor.post(f"/api/notes/{note['id']}/approve/")).body["steps"]
    rest = next(step for step in steps if step["title"] == "Rest")
    assert pointers(await snooze(patient, rest, NINE[2])) == ["#/slot"]


async def test_a_snoozed_slot_is_repeated_once_however_many_look(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T09:00")
    await snooze(patient, step, NINE[2], 30)
    ward.set_clock("2027-03-02T09:30")
    looks = [record_due(ward.app.store, now=ward.now, limit=10) for _ in range(6)]
    await asyncio.gather(*looks)
    assert await reminders(patient) == [(NINE[2], 0), (NINE[2], 1)]
