"""Reminders (contract, "Reminders"): when slots come due, and that each is reminded once."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hospital_rt.settings import Settings
from models.app_context import AppContext, open_app_context
from tasks.reminders import remind_due
from tests.support.driver import Clinic, plan_item
from tests.support.plans import approve, check_in, days, events, let_pass, one_step, plan, proposal, read, reminders

MARCH = "2027-03-{:02d}T{}:00Z"


def slots(*moments: tuple[int, str]) -> list[tuple[str, int]]:
    return [(MARCH.format(day, clock), 0) for day, clock in moments]


@pytest.mark.parametrize(
    ("schedule", "times", "times_from"),
    [
        ({}, ["09:00"], "reminder_time"),
        ({"times_per_day": 2}, ["09:00", "21:00"], "reminder_time"),
        ({"times_per_day": 3}, ["09:00", "15:00", "21:00"], "reminder_time"),
        ({"times_per_day": 4}, ["09:00", "13:00", "17:00", "21:00"], "reminder_time"),
        ({"times_per_day": 3, "every_hours": 8}, ["01:00", "09:00", "17:00"], "reminder_time"),
        ({"times_per_day": 2, "times": ["22:15", "07:30"]}, ["07:30", "22:15"], "note"),
    ],
)
async def test_each_time_of_the_day_is_reminded_at_its_minute(
    ward: Clinic, schedule: dict[str, Any], times: list[str], times_from: str
) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, **schedule)
    assert (step["schedule"]["times"], step["schedule"]["times_from"]) == (times, times_from)
    while ward.now < datetime(2027, 3, 3, tzinfo=UTC):
        coming = datetime.fromisoformat((await read(patient, step))["next_reminder_at"])
        assert await ward.tick(coming - timedelta(minutes=1)) == 0
        assert await ward.tick(coming) == 1
    day_one = [(1, clock) for clock in times if clock >= "12:00"]
    expected = slots(*day_one, *((2, clock) for clock in times), (3, times[0]))
    assert await reminders(patient, step) == expected


async def test_a_reminder_bears_the_whole_step_as_it_stands(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times_per_day=2, duration_days=7)
    await ward.tick("2027-03-01T21:00")
    (event,) = await events(patient, "reminder.due")
    assert event["data"] == {
        "slot": MARCH.format(1, "21:00"),
        "repeat": 0,
        "step": {
            **step,
            "open_slot": MARCH.format(1, "21:00"),
            "next_reminder_at": MARCH.format(2, "09:00"),
            "today": [{"slot": MARCH.format(1, "21:00"), "state": "open"}],
        },
    }
    assert not await events(doctor, "reminder.due")


async def test_slots_before_the_step_became_active_do_not_exist(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times=["08:00", "20:00"], times_per_day=2)
    assert step["today"] == [{"slot": MARCH.format(1, "20:00"), "state": "upcoming"}]
    assert (await check_in(patient, step, MARCH.format(1, "08:00"))).status == 422
    assert step["next_reminder_at"] == MARCH.format(1, "20:00")


async def test_every_other_day_and_from_a_later_day(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, start_in_days=2, every_days=2)
    await let_pass(ward, "2027-03-08T00:00")
    assert step["schedule"]["start_date"] == "2027-03-03"
    firsts = [slot for slot, repeat in await reminders(patient) if repeat == 0]
    assert firsts == [MARCH.format(day, "09:00") for day in (3, 5, 7)]


# Once


async def test_many_ticks_and_many_steps_remind_each_slot_once(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    steps = await plan(ward, doctor, patient, *({"times_per_day": number} for number in (1, 2, 3)))
    ward.set_clock("2027-03-01T21:00")
    assert sum(await asyncio.gather(*(remind_due(ward.app) for _ in range(8)))) == 2
    assert sum(await asyncio.gather(*(remind_due(ward.app) for _ in range(8)))) == 0
    assert [len(await reminders(patient, step)) for step in steps] == [0, 1, 1]


async def test_after_an_outage_of_days_one_reminder_for_the_newest_slot(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times_per_day=2)
    await ward.tick("2027-03-01T21:00")
    assert await ward.tick("2027-03-05T15:30") == 1
    assert await ward.tick("2027-03-05T15:31") == 0
    assert await reminders(patient) == slots((1, "21:00"), (5, "09:00"))
    # Only the slot that had been recorded was missed; those of the outage count nowhere.
    assert await days(patient, 5) == [(1, 0, 0, 1), *[(0, 0, 0, 0)] * 4]
    assert (await read(patient, step))["open_slot"] == MARCH.format(5, "09:00")


async def test_after_an_outage_a_weekly_step_is_reminded_once_too(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await one_step(ward, patient, doctor, every_days=7, start_in_days=1)
    assert await ward.tick("2027-03-05T12:00") == 1
    assert await ward.tick("2027-03-05T12:01") == 0
    assert await reminders(patient) == [(MARCH.format(2, "09:00"), 0)]
    assert await ward.tick("2027-03-06T09:00") == 1
    assert (await reminders(patient))[1:] == [(MARCH.format(2, "09:00"), 4)]
    assert await ward.tick("2027-03-08T12:00") == 1, "two repetitions in an outage are one"


async def test_a_weekly_step_speaks_daily_until_it_is_answered(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, every_days=7, start_in_days=1)
    await let_pass(ward, "2027-03-05T12:00")
    slot = MARCH.format(2, "09:00")
    assert await reminders(patient) == [(slot, 0), (slot, 1), (slot, 2), (slot, 3)]
    assert (await check_in(patient, step, slot)).body["open_slot"] is None
    await let_pass(ward, "2027-03-10T12:00")
    assert (await reminders(patient))[4:] == [(MARCH.format(9, "09:00"), 0), (MARCH.format(9, "09:00"), 1)]
    assert await days(patient, 10) == [*[(0, 0, 0, 0)] * 1, (1, 1, 0, 0), *[(0, 0, 0, 0)] * 8]


async def test_when_a_newer_slot_comes_due_the_older_is_missed(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, times_per_day=3)
    await ward.tick("2027-03-02T09:00")
    await ward.tick("2027-03-02T15:00")
    stands = await read(patient, step)
    assert stands["open_slot"] == MARCH.format(2, "15:00")
    assert [slot["state"] for slot in stands["today"]] == ["missed", "open", "upcoming"]


async def test_clocks_that_go_back_remind_nothing_twice(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await one_step(ward, patient, doctor)
    assert await ward.tick("2027-03-02T09:00") == 1
    for moment in ("2027-03-02T08:00", "2027-03-01T13:00", "2027-03-02T09:00", "2027-03-02T23:00"):
        assert await ward.tick(moment) == 0, moment
    assert await ward.tick("2027-03-03T09:00") == 1


@contextlib.asynccontextmanager
async def more_houses(settings: Settings, count: int, now: datetime) -> Any:
    """As many processes as there could be, each with its own connections to one database."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_app_context(settings, now=lambda: now)) for _ in range(count)]


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_many_dispatchers_at_once_record_five_hundred_due_slots_once_each(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    patients = [patient, *await asyncio.gather(*(clinic.patient() for _ in range(6)))]
    for patient in patients:
        await clinic.assign(patient, doctor)
        await plan(clinic, doctor, patient, *({} for _ in range(72)))
    due = datetime(2027, 3, 2, 9, 0, tzinfo=UTC)
    async with more_houses(clinic.app.settings, 4, due) as houses:

        async def dispatch(app: AppContext, batch: int) -> int:
            return await remind_due(app, batch=batch)

        recorded = await asyncio.gather(
            *(dispatch(app, batch) for app in houses for batch in (7, 40, 200)), return_exceptions=True
        )
        assert not [one for one in recorded if isinstance(one, BaseException)], recorded
        assert sum(one for one in recorded if isinstance(one, int)) == 504
        assert await remind_due(houses[0]) == 0
    clinic.set_clock(due)
    for patient in patients:
        found = [event["data"] for event in await events(patient, "reminder.due")]
        assert len({one["step"]["id"] for one in found}) == len(found) == 72
        assert {(one["slot"], one["repeat"]) for one in found} == {(MARCH.format(2, "09:00"), 0)}


# Clocks and journeys


async def test_times_follow_the_patients_clock_across_its_changes(ward: Clinic) -> None:
    patient, doctor = await ward.pair(timezone="Europe/Berlin")
    ward.set_clock("2027-03-26T12:00")
    await one_step(ward, patient, doctor, times=["02:30"])
    await let_pass(ward, "2027-03-30T00:00", every=timedelta(minutes=30))
    assert await reminders(patient) == slots((27, "01:30"), (28, "01:00"), (29, "00:30"))
    # In the autumn 02:30 comes twice, and is reminded at the first.
    await ward.tick("2027-10-30T12:00")
    before = len(await reminders(patient))
    await let_pass(ward, "2027-11-01T02:00", every=timedelta(minutes=30))
    assert [slot for slot, _ in (await reminders(patient))[before:]] == [
        "2027-10-31T00:30:00Z",
        "2027-11-01T01:30:00Z",
    ]


async def test_a_journey_moves_what_is_not_recorded_and_repeats_nothing(ward: Clinic) -> None:
    patient, doctor = await ward.pair(timezone="Europe/Berlin")
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T08:00")
    assert await reminders(patient) == slots((2, "08:00"))
    # West: the same date and place never comes again; the next is at nine over there.
    ward.set_clock("2027-03-02T10:00")
    await patient.patch("/api/me/", {"timezone": "America/New_York"})
    stands = await read(patient, step)
    assert (stands["open_slot"], stands["next_reminder_at"]) == (MARCH.format(2, "08:00"), MARCH.format(3, "14:00"))
    assert await ward.tick("2027-03-02T14:00") == 0
    assert await ward.tick("2027-03-03T14:00") == 1
    # East: nine o'clock of the fourth is past over there, and comes due at once.
    ward.set_clock("2027-03-04T02:00")
    await patient.patch("/api/me/", {"timezone": "Pacific/Auckland"})
    assert await ward.tick("2027-03-04T02:00") == 1
    assert (await reminders(patient))[-1] == (MARCH.format(3, "20:00"), 0)
    assert await ward.tick("2027-03-04T14:00") == 0
    assert await ward.tick("2027-03-04T20:00") == 1
    # A client sends back the string that it got, wherever it got it.
    assert (await check_in(patient, step, MARCH.format(3, "14:00"))).body["progress"]["done"] == 1


async def test_a_slot_that_a_journey_puts_on_the_instant_of_another_is_one_with_it(ward: Clinic) -> None:
    """New York to Hong Kong is twelve hours: tonight's dose there is the one just taken here."""
    patient, doctor = await ward.pair(timezone="America/New_York")
    ward.set_clock("2027-06-01T00:30")
    step = await one_step(ward, patient, doctor, times_per_day=2)
    await ward.tick("2027-06-01T13:00")
    await check_in(patient, step, "2027-06-01T13:00:00Z")
    await patient.patch("/api/me/", {"timezone": "Asia/Hong_Kong"})
    assert await ward.tick("2027-06-01T13:30") == 0
    stands = await read(patient, step)
    assert stands["next_reminder_at"] == "2027-06-02T01:00:00Z"
    assert {"slot": "2027-06-01T13:00:00Z", "state": "done"} in stands["today"]


async def test_another_reminder_time_moves_the_steps_whose_times_came_from_it(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    own, note = await plan(ward, doctor, patient, {"times_per_day": 2}, {"times": ["10:00"]})
    await ward.tick("2027-03-02T10:00")
    await patient.patch("/api/me/", {"reminder_time": "11:30"})
    moved = await read(patient, own)
    assert moved["schedule"]["times"] == ["11:30", "23:30"]
    assert (moved["open_slot"], moved["next_reminder_at"]) == (MARCH.format(2, "09:00"), MARCH.format(2, "23:30"))
    assert (await read(patient, note))["next_reminder_at"] == MARCH.format(3, "10:00")
    assert await ward.tick("2027-03-02T11:30") == 0
    assert await ward.tick("2027-03-02T23:30") == 1


async def test_a_proposal_takes_the_reminder_time_of_its_approval(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(
        doctor,
        patient,
        checklist=[{"title": "Fly", "detail": None, "quote": "not there", "as_needed": False}],
        plan=[
            plan_item("Walk", "Walk every day"),
        ],
        text="Walk every day.",
        expect="proposed",
    )
    await patient.patch("/api/me/", {"reminder_time": "18:00", "timezone": "Europe/Paris"})
    await doctor.post(f"/api/notes/{note['id']}/approve/")
    assert (await patient.step("Walk"))["next_reminder_at"] == MARCH.format(1, "17:00")


# Shortened days


@pytest.mark.settings(day_seconds=60)
async def test_in_a_shortened_day_the_first_is_due_at_once_and_the_others_evenly(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair(timezone="Asia/Tokyo")
    thrice, later = await plan(clinic, doctor, patient, {"times_per_day": 3}, {"start_in_days": 2, "every_days": 3})
    assert thrice["next_reminder_at"] == MARCH.format(1, "12:00")
    assert [slot["slot"][11:19] for slot in thrice["today"]] == ["12:00:00", "12:00:20", "12:00:40"]
    assert await clinic.tick() == 1
    await patient.patch("/api/me/", {"timezone": "America/New_York", "reminder_time": "20:00"})
    await let_pass(clinic, "2027-03-01T12:06", every=timedelta(seconds=1))
    found = [slot[11:19] for slot, _ in await reminders(patient, thrice)]
    assert found == [f"12:{minute:02d}:{second:02d}" for minute in range(6) for second in (0, 20, 40)] + ["12:06:00"]
    repeated = [(slot[11:19], repeat) for slot, repeat in await reminders(patient, later)]
    assert repeated == [("12:02:00", 0), ("12:02:00", 1), ("12:02:00", 2), ("12:05:00", 0), ("12:05:00", 1)]


@pytest.mark.settings(day_seconds=60)
async def test_in_a_shortened_day_a_day_is_a_minute_for_answers_and_ends_too(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    daily, seven = await plan(clinic, doctor, patient, {}, {"duration_days": 7})
    await let_pass(clinic, "2027-03-01T12:03:30", every=timedelta(seconds=5))
    assert (await check_in(patient, daily, "2027-03-01T12:01:00Z")).slug == "slot-closed"
    assert (await check_in(patient, daily, "2027-03-01T12:02:00Z")).status == 200
    assert (await check_in(patient, daily, "2027-03-01T12:04:00Z")).slug == "slot-closed"
    await clinic.tick("2027-03-01T12:04:31")
    undone = await patient.delete(f"/api/check-in/{daily['id']}/?slot=2027-03-01T12:02:00Z")
    assert undone.slug == "too-late"
    await let_pass(clinic, "2027-03-01T12:13:59", every=timedelta(seconds=5))
    assert (await read(patient, seven))["status"] == "active"
    await clinic.tick("2027-03-01T12:14:00")
    ended = await read(patient, seven)
    assert (ended["status"], ended["ended"]) == ("completed", "lapsed")


@pytest.mark.settings(day_seconds=2)
async def test_slots_closer_together_than_ticks_are_one_reminder(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    step = await one_step(clinic, patient, doctor, times_per_day=24)
    for second in range(5):
        assert await clinic.tick(datetime(2027, 3, 1, 12, 0, second, tzinfo=UTC)) == 1
    found = [slot for slot, _ in await reminders(patient, step)]
    assert found == [f"2027-03-01T12:00:0{second}Z" for second in range(5)]


async def test_a_late_approval_leaves_what_is_left(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    ward.set_clock("2027-03-04T10:00")
    fixed, extended = await approve(doctor, note, {"duration_days": 5, "miss_policy": "fixed"}, {"duration_days": 5})
    assert (fixed["progress"]["total"], extended["progress"]["total"]) == (1, 5)
    assert fixed["schedule"]["start_date"] == extended["schedule"]["start_date"] == "2027-03-01"
    assert fixed["next_reminder_at"] == extended["next_reminder_at"] == MARCH.format(5, "09:00")
