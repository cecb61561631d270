"""Undo: what becomes of a slot and its step when an answer is taken back (contract, "Check-ins")."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.driver import Clinic
from tests.support.plans import (
    MARCH,
    NINE,
    check_in,
    days,
    events,
    keep_daily,
    let_pass,
    one_step,
    outcomes,
    plan,
    read,
    reminders,
    undo,
)


async def test_undo_opens_the_slot_again_and_says_so_to_both(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await keep_daily(ward, patient, step, 2, 2)
    undone = await undo(patient, step)
    assert (undone.body["open_slot"], undone.body["progress"]["done"]) == (NINE[2], 0)
    for reader in (patient, doctor):
        assert await outcomes(reader) == [(NINE[2], "done"), (NINE[2], "undone")]
    assert (await undo(patient, step)).slug == "conflict"
    assert (await check_in(patient, step, NINE[2], outcome="skipped")).status == 200
    assert [one["outcome"] for one in (await read(patient, step))["check_ins"]] == ["skipped"]
    assert await reminders(patient) == [(NINE[2], 0)], "it was reminded before"


async def test_undo_of_an_older_slot_leaves_it_missed(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await keep_daily(ward, patient, step, 2, 2)
    await ward.tick("2027-03-03T09:00")
    undone = await undo(patient, step, NINE[2])
    assert (undone.body["open_slot"], undone.body["progress"]["done"]) == (NINE[3], 0)
    assert (await days(patient, 2))[0] == (1, 0, 0, 1)


async def test_undo_of_an_early_answer_leaves_the_slot_to_come(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times_per_day=2)
    await check_in(patient, step, MARCH.format(1, "21:00"))
    undone = await undo(patient, step)
    assert undone.body["next_reminder_at"] == MARCH.format(1, "21:00")
    assert undone.body["today"] == [{"slot": MARCH.format(1, "21:00"), "state": "upcoming"}]
    assert await ward.tick("2027-03-01T21:00") == 1


async def test_undo_of_an_early_answer_after_its_time_reminds_of_the_slot(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times_per_day=2)
    await check_in(patient, step, MARCH.format(1, "21:00"))
    assert await ward.tick("2027-03-01T21:30") == 0
    undone = await undo(patient, step)
    assert undone.body["open_slot"] == MARCH.format(1, "21:00")
    assert await reminders(patient) == [(MARCH.format(1, "21:00"), 0)]
    assert await ward.tick() == 0


async def test_undo_of_the_last_answer_makes_the_step_active_again(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    once, taper = await plan(
        ward, doctor, patient, {"duration_days": 1}, {"duration_days": 2, "miss_policy": "fixed", "start_in_days": 1}
    )
    await ward.tick("2027-03-02T09:00")
    done = await check_in(patient, once)
    assert (done.body["status"], done.body["ended"], done.body["completed_at"]) == ("completed", "done", NINE[2])
    again = await undo(patient, once)
    assert (again.body["status"], again.body["ended"], again.body["open_slot"]) == ("active", None, NINE[2])
    # A taper whose last slot is skipped is over as well, and runs again too; in the meantime a slot came due.
    await ward.tick("2027-03-03T09:00")
    skipped = await check_in(patient, taper, outcome="skipped")
    assert (skipped.body["status"], skipped.body["ended"]) == ("completed", "fixed")
    assert (await undo(patient, taper)).body["open_slot"] == NINE[3]
    assert (await check_in(patient, once)).body["status"] == "completed"
    ward.set_clock("2027-03-04T09:00")
    assert (await undo(patient, once)).body["open_slot"] == NINE[4], "time had gone on"
    assert (await reminders(patient, once))[-1] == (NINE[4], 0)


async def test_undo_gives_back_the_slot_that_was_open_at_the_end(ward: Clinic) -> None:
    """The dose of tonight, taken early, was the last that was needed while this morning's was open."""
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times_per_day=2, duration_days=1)
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, step, NINE[2])
    await ward.tick("2027-03-02T21:00")
    await ward.tick("2027-03-03T09:00")
    over = await check_in(patient, step, MARCH.format(3, "21:00"))
    assert (over.body["status"], over.body["open_slot"]) == ("completed", None)
    undone = await undo(patient, step)
    assert (undone.body["status"], undone.body["open_slot"]) == ("active", NINE[3])


@pytest.mark.parametrize("how", ["a newer plan", "the note was withdrawn"])
async def test_undo_after_the_plan_was_replaced_does_not_bring_the_step_back(ward: Clinic, how: str) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=1)
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, step)
    if how == "a newer plan":
        await plan(ward, doctor, patient, {"start_in_days": 3})
    else:
        await doctor.post(f"/api/notes/{step['note_id']}/withdraw/")
    undone = await undo(patient, step)
    assert (undone.status, undone.body["status"], undone.body["progress"]["done"]) == (200, "cancelled", 0)
    assert step["id"] in (await events(doctor, "steps.changed"))[-1]["data"]["cancelled"]
    told = len(await events(patient))
    assert await let_pass(ward, "2027-03-04T08:00", every=timedelta(hours=6)) == 0
    assert len(await events(patient)) == told
    assert (await days(patient, 3))[0] == (0, 0, 0, 0), "withdrawn"
    assert (await check_in(patient, step, NINE[2])).status == 200, "it came due before"


async def test_undo_of_a_step_that_was_cancelled_since_takes_the_answer_away(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await keep_daily(ward, patient, step, 2, 3)
    await patient.post(f"/api/steps/{step['id']}/cancel/")
    assert await days(patient, 2) == [(1, 1, 0, 0), (1, 1, 0, 0)]
    assert (await undo(patient, step)).body["progress"]["done"] == 1
    assert await days(patient, 2) == [(1, 1, 0, 0), (0, 0, 0, 0)], "the slot that was open is withdrawn"
    assert (await undo(patient, step)).body["progress"]["done"] == 0
    assert await days(patient, 2) == [(1, 0, 0, 1), (0, 0, 0, 0)], "the one before it is missed"
    assert (await outcomes(doctor))[-2:] == [(NINE[3], "undone"), (NINE[2], "undone")]


async def test_a_check_in_can_be_undone_until_a_day_has_passed(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, every_days=7, start_in_days=1)
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, step)
    ward.set_clock("2027-03-03T09:00:00.001")
    assert (await undo(patient, step)).slug == "too-late"
    ward.set_clock("2027-03-03T09:00")
    undone = await undo(patient, step)
    assert undone.body["open_slot"] == NINE[2]
    assert await reminders(patient) == [(NINE[2], 0), (NINE[2], 1)], "the second day's comes with it"
