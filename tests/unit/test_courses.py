"""Courses (contract, "Reminders"): what answers do, how they are taken back, how a course ends, and how it counts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.support.driver import Clinic
from tests.support.plans import (
    MARCH,
    NINE,
    approve,
    check_in,
    days,
    events,
    keep_daily,
    let_pass,
    one_step,
    outcomes,
    plan,
    proposal,
    read,
    reminders,
    undo,
)

# Answers


async def test_a_slot_of_later_today_is_answered_early_and_not_reminded(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times_per_day=2)
    early = await check_in(patient, step, MARCH.format(1, "21:00"))
    assert (early.body["progress"]["done"], early.body["next_reminder_at"]) == (1, NINE[2])
    assert early.body["today"] == [{"slot": MARCH.format(1, "21:00"), "state": "done"}]
    assert (await check_in(patient, step, NINE[2])).slug == "slot-closed", "after today"
    await let_pass(ward, "2027-03-02T09:00")
    assert await reminders(patient) == [(NINE[2], 0)]
    assert await days(patient, 2) == [(1, 1, 0, 0), (0, 0, 0, 0)], "closed early counts"


async def test_an_answer_that_comes_before_the_tick_finds_its_slot_due(ward: Clinic) -> None:
    """One second past nine, before any tick: it is recorded, reminded and answered, in this order."""
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    ward.set_clock("2027-03-02T09:00:01")
    answered = await check_in(patient, step)
    assert (answered.body["progress"]["done"], answered.body["open_slot"]) == (1, None)
    assert [event["event"] for event in await events(patient)][-2:] == ["reminder.due", "step.checked_in"]
    assert await ward.tick() == 0


async def test_one_slot_answered_twice_and_differently_stays_as_it_was_first(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=7)
    await ward.tick("2027-03-02T09:00")
    answers = await asyncio.gather(
        *(check_in(patient, step, NINE[2], outcome=outcome) for outcome in ("done", "skipped", "done", "skipped"))
    )
    assert [answer.status for answer in answers] == [200] * 4
    assert len({answer.body["progress"]["done"] for answer in answers}) == 1
    assert len(await outcomes(patient)) == len(await outcomes(doctor)) == 1
    assert len((await read(patient, step))["check_ins"]) == 1


async def test_a_skipped_slot_is_not_reminded_again_and_not_done(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, every_days=7, start_in_days=1, duration_days=14)
    await ward.tick("2027-03-02T09:00")
    skipped = await check_in(patient, step, outcome="skipped", reason="Away")
    assert (skipped.body["progress"], skipped.body["open_slot"]) == ({"done": 0, "total": 2}, None)
    await let_pass(ward, "2027-03-09T08:00", every=timedelta(hours=5))
    assert await reminders(patient) == [(NINE[2], 0)]
    assert await outcomes(doctor) == [(NINE[2], "skipped")]


async def test_a_slot_of_an_outage_can_be_answered_too(ward: Clinic) -> None:
    """A slot came due and was not recorded. An answer counts; undone, no trace is left."""
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-04T10:00")
    assert await days(patient, 3) == [(0, 0, 0, 0)] * 3
    answered = await check_in(patient, step, NINE[3])
    assert (answered.body["progress"]["done"], answered.body["open_slot"]) == (1, NINE[4])
    assert await days(patient, 3) == [(0, 0, 0, 0), (1, 1, 0, 0), (0, 0, 0, 0)]
    assert (await undo(patient, step, NINE[3])).body["progress"]["done"] == 0
    assert await days(patient, 3) == [(0, 0, 0, 0)] * 3
    assert (await check_in(patient, step, NINE[2])).slug == "slot-closed"


# Ends


async def test_a_drug_for_seven_days_with_one_day_missed_is_reminded_for_eight(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=7)
    await keep_daily(ward, patient, step, 2, 4)
    await ward.tick("2027-03-05T09:00")
    await keep_daily(ward, patient, step, 6, 9)
    over = await read(patient, step)
    assert (over["status"], over["ended"], over["progress"]) == ("completed", "done", {"done": 7, "total": 7})
    await let_pass(ward, "2027-03-12T09:00", every=timedelta(hours=6))
    assert len(await reminders(patient)) == 8
    for reader in (patient, doctor):
        assert (await events(reader, "steps.changed"))[-1]["data"]["completed"] == [step["id"]]


@pytest.mark.parametrize(("duration", "lapses"), [(2, 11), (7, 16), (14, 30)])
async def test_a_course_without_answers_lapses(ward: Clinic, duration: int, lapses: int) -> None:
    """Twice its days, and at least seven more, from the day of its first slot."""
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=duration)
    await ward.tick(f"2027-03-{lapses - 1:02d}T23:59")
    assert (await read(patient, step))["status"] == "active"
    before = len(await reminders(patient))
    await ward.tick(f"2027-03-{lapses:02d}T00:00")
    over = await read(patient, step)
    assert (over["status"], over["ended"], over["open_slot"]) == ("completed", "lapsed", None)
    assert (await events(doctor, "steps.changed"))[-1]["data"] == {
        "note_id": step["note_id"],
        "patient_id": patient.id,
        "created": [],
        "cancelled": [],
        "completed": [step["id"]],
        "kept": [],
        "by": "course",
        "why": "ended",
    }
    assert await ward.tick(f"2027-03-{lapses:02d}T12:00") == 0 and len(await reminders(patient)) == before
    late = await check_in(patient, step, MARCH.format(lapses - 1, "09:00"))
    assert (late.status, late.body["progress"]["done"]) == (200, 0), "a completed step counts nothing"


async def test_a_taper_ends_where_the_day_of_the_note_puts_it(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    closed, missed = await plan(
        ward, doctor, patient, *({"duration_days": 4, "miss_policy": "fixed"} for _ in range(2))
    )
    assert closed["progress"]["total"] == missed["progress"]["total"] == 3, "nine o'clock of the first day was past"
    for day in (2, 3, 4):
        await ward.tick(f"2027-03-{day:02d}T09:00")
        if day != 3:
            await check_in(patient, closed)
    over = await read(patient, closed)
    assert (over["status"], over["ended"], over["progress"]) == ("completed", "fixed", {"done": 2, "total": 3})
    await ward.tick("2027-03-05T08:59")
    assert (await read(patient, missed))["status"] == "active"
    assert await ward.tick("2027-03-05T09:00") == 0
    over = await read(patient, missed)
    assert (over["status"], over["ended"]) == ("completed", "fixed")
    assert await days(patient, 4) == [(2, 1, 0, 1), (2, 0, 0, 2), (2, 1, 0, 1), (0, 0, 0, 0)]


async def test_a_taper_all_of_whose_slots_are_done_is_done(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=3, miss_policy="fixed")
    await keep_daily(ward, patient, step, 2, 3)
    assert (await read(patient, step))["ended"] == "done"


async def test_the_last_slot_answered_early_does_not_end_what_is_still_to_come_today(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=2, times_per_day=3, miss_policy="fixed")
    ward.set_clock("2027-03-02T08:00")
    early = await check_in(patient, step, MARCH.format(2, "21:00"))
    assert (early.body["status"], early.body["next_reminder_at"]) == ("active", NINE[2])
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, step)
    await ward.tick("2027-03-02T15:00")
    assert (await check_in(patient, step)).body["status"] == "completed"


async def test_a_taper_approved_after_its_days_is_over_at_once(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    ward.set_clock("2027-03-10T12:00")
    (step,) = await approve(doctor, note, {"duration_days": 5, "miss_policy": "fixed"})
    assert (step["status"], step["ended"], step["progress"]) == ("completed", "fixed", {"done": 0, "total": 0})
    assert await ward.tick("2027-03-11T12:00") == 0


async def test_one_occurrence_is_reminded_daily_until_it_is_answered(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=1)
    await let_pass(ward, "2027-03-20T12:00", every=timedelta(hours=12))
    assert len(await reminders(patient)) == 19
    assert (await check_in(patient, step)).body["ended"] == "done"
    await let_pass(ward, "2027-03-22T12:00", every=timedelta(hours=12))
    assert len(await reminders(patient)) == 19


async def test_without_an_end_a_step_runs_until_it_is_cancelled(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await keep_daily(ward, patient, step, 2, 30)
    stands = await read(patient, step)
    assert (stands["status"], stands["progress"]) == ("active", {"done": 29, "total": None})
    await patient.post(f"/api/steps/{step['id']}/cancel/")
    assert await ward.tick("2027-03-31T09:00") == 0


# Without slots


async def test_a_checklist_step_skipped_stays_and_done_ends(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    (step,) = await plan(ward, doctor, patient, {"title": "Book a scan", "kind": "checklist"})
    assert (step["schedule"], step["next_reminder_at"], step["progress"]) == (None, None, {"done": 0, "total": 1})
    for _ in range(2):
        assert (await check_in(patient, step, outcome="skipped", reason="No time")).body["status"] == "active"
    assert len(await outcomes(doctor)) == 1, "twice in a minute is once"
    assert (await check_in(patient, step)).body["status"] == "completed"
    assert (await undo(patient, step)).body["status"] == "active"
    assert (await check_in(patient, step)).body["status"] == "completed"
    ward.set_clock("2027-03-02T12:01")
    assert (await undo(patient, step)).slug == "too-late"
    assert await reminders(patient) == []


async def test_what_is_taken_as_needed_is_counted_and_ends_after_its_days(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    ward.set_clock("2027-03-03T12:00")
    needed = {"title": "Paracetamol", "as_needed": True, "schedule": {"duration_days": 3}}
    fixed = {**needed, "title": "Ibuprofen", "schedule": {"duration_days": 3, "miss_policy": "fixed"}}
    step, until = await approve(doctor, note, needed, fixed)
    assert (step["progress"], step["next_reminder_at"]) == ({"done": 0, "total": None}, None)
    await asyncio.gather(*(check_in(patient, step) for _ in range(4)))
    assert (await read(patient, step))["progress"]["done"] == 1, "one a minute"
    assert await ward.tick("2027-03-04T00:00") == 0
    assert (await read(patient, until))["ended"] == "fixed", "from the day of the note"
    await ward.tick("2027-03-05T23:59")
    assert (await read(patient, step))["status"] == "active", "three days from the day it became active"
    ward.set_clock("2027-03-06T00:00")
    ended = await check_in(patient, step)
    assert (ended.body["status"], ended.body["progress"]["done"]) == ("completed", 1)
    assert (await events(doctor, "steps.changed"))[-1]["data"]["completed"] == [step["id"]]
    assert await reminders(patient) == []


# A newer plan


async def test_a_newer_note_withdraws_open_slots_and_silences_the_old_steps(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    old, done, needed = await plan(
        ward, doctor, patient, {}, {"duration_days": 1}, {"title": "If it hurts", "as_needed": True, "schedule": {}}
    )
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, done)
    ward.set_clock("2027-03-02T10:00")
    (new,) = await plan(ward, doctor, patient, {"times": ["11:00"]})
    changed = (await events(patient, "steps.changed"))[-1]["data"]
    assert set(changed["cancelled"]) == {old["id"], needed["id"]}
    assert [step["id"] for step in changed["created"]] == [new["id"]]
    assert await days(patient, 1) == [(1, 1, 0, 0)], "the withdrawn slot is not due"
    await let_pass(ward, "2027-03-04T12:00", every=timedelta(hours=3))
    assert len(await reminders(patient, old)) == 1 and len(await reminders(patient, new)) == 3
    # What came due before is still recorded, and changes nothing.
    late = await check_in(patient, old, NINE[2])
    assert (late.status, late.body["status"], late.body["progress"]["done"]) == (200, "cancelled", 0)
    assert [one["outcome"] for one in (await read(patient, old))["check_ins"]] == ["done"]
    assert len(await outcomes(doctor)) == 1
    assert (await check_in(patient, old, NINE[3])).slug == "step-cancelled"
    assert (await check_in(patient, old, MARCH.format(3, "09:17"))).status == 422
    assert (await check_in(patient, needed)).slug == "step-cancelled"
    assert (await undo(patient, old)).status == 200
    assert (await read(patient, old))["check_ins"] == []


async def test_a_slot_due_a_second_before_its_step_was_cancelled_can_be_answered(ward: Clinic) -> None:
    """No tick had seen it: no reminder was recorded, and none is any more."""
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    ward.set_clock("2027-03-02T09:00:01")
    await doctor.post(f"/api/steps/{step['id']}/cancel/")
    assert (await check_in(patient, step)).slug == "step-cancelled"
    for _ in range(2):
        assert (await check_in(patient, step, NINE[2])).status == 200
    assert len((await read(patient, step))["check_ins"]) == 1
    assert await days(patient, 1) == [(0, 0, 0, 0)] and await reminders(patient) == []


# How it counts


async def test_adherence_counts_what_was_recorded_or_closed_early(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    morning, twice = await plan(ward, doctor, patient, {}, {"times_per_day": 2})
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, morning)
    await check_in(patient, twice, outcome="skipped")
    await check_in(patient, twice, MARCH.format(2, "21:00"))
    await ward.tick("2027-03-03T09:00")
    await ward.tick("2027-03-03T21:00")
    await ward.tick("2027-03-06T10:00")
    # 2 March: done, skipped, done early. 3 March: morning missed; twice missed at nine and at nine. 4, 5: the outage.
    expected = [(3, 2, 1, 0), (3, 0, 0, 3), (0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0)]
    assert await days(patient, 5) == await days(doctor, 5, patient) == expected
    (row,) = (await doctor.get("/api/my-patients/")).body["items"]
    assert [(day["due"], day["done"], day["skipped"]) for day in row["days"][-5:]] == [one[:3] for one in expected]
    assert (row["adherence"], row["missed_in_a_row"], row["need"]) == (round(2 / 6, 4), 3, "silent")


async def test_a_day_is_the_patients_own(ward: Clinic) -> None:
    patient, doctor = await ward.pair(timezone="Pacific/Auckland")
    step = await one_step(ward, patient, doctor, times=["00:30"])
    await ward.tick("2027-03-01T12:00")
    slot = step["next_reminder_at"]
    assert slot == MARCH.format(2, "11:30")
    await ward.tick("2027-03-02T11:30")
    await check_in(patient, step)
    today = (await patient.get("/api/adherence/?days=1")).body["items"]
    assert today == [{"date": "2027-03-03", "due": 1, "done": 1, "skipped": 0, "missed": 0}]


@pytest.mark.parametrize(
    "slot",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
        "2027-03-01T08:59:59Z",
        "2027-02-27T09:00:00Z",
        "9999-12-31T09:00:00Z",
    ],
)
async def test_a_slot_that_never_is_is_refused_wherever_it_lies(ward: Clinic, slot: str) -> None:
    patient, doctor = await ward.pair(timezone="Pacific/Kiritimati")
    schedules: tuple[dict[str, Any], ...] = ({}, {"duration_days": 3, "miss_policy": "fixed"}, {"every_days": 366})
    for step in await plan(ward, doctor, patient, *schedules):
        refused = await check_in(patient, step, slot)
        assert (refused.status, refused.slug) == (422, "invalid"), refused.body
        assert (await undo(patient, step, slot)).status == 422
