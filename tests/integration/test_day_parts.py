"""Parts of the day, weekdays and months: how they are set, reminded, moved and shown (contract, "Clock times")."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import icalendar
import pytest
from dateutil.rrule import rrulestr

from hospital_rt.domain.schedule import DayTimes, Schedule
from hospital_rt.extraction.api import PlanItem
from models.course_codec import read_schedule, read_uses, schedule_row
from models.users import REPEAT_MOST
from tasks.notes import make_schedule
from tests.support.driver import Clinic, Person
from tests.support.plans import MARCH, approve, check_in, let_pass, one_step, plan, proposal, read, reminders

USUAL = {"noon": "12:30", "evening": "18:30", "bedtime": "22:00"}


async def test_a_patient_says_when_the_parts_of_the_day_are(ward: Clinic) -> None:
    patient = await ward.patient()
    me = (await patient.get("/api/me/")).body
    assert (me["reminder_time"], me["day_times"]) == ("09:00", USUAL)
    assert (me["timezone_mode"], me["repeat_minutes"], me["repeat_most"]) == ("home", None, 3)
    changed = await patient.patch(
        "/api/me/",
        {"day_times": {"noon": "13:00"}, "timezone_mode": "follow", "repeat_minutes": 15, "repeat_most": 2},
    )
    assert changed.status == 200
    for seen in (changed.body, (await patient.get("/api/me/")).body):
        assert seen["day_times"] == {**USUAL, "noon": "13:00"}
        assert (seen["timezone_mode"], seen["repeat_minutes"], seen["repeat_most"]) == ("follow", 15, 2)
    assert (await patient.patch("/api/me/", {"day_times": {"bedtime": "23:15"}})).body["day_times"]["noon"] == "13:00"
    assert (await patient.patch("/api/me/", {"repeat_minutes": None})).body["repeat_minutes"] is None


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"day_times": {"noon": "1pm"}}, "#/day_times/noon"),
        ({"day_times": {"night": "23:00"}}, "#/day_times/night"),
        ({"day_times": {"noon": None}}, "#/day_times/noon"),
        ({"day_times": None}, "#/day_times"),
        ({"timezone_mode": "away"}, "#/timezone_mode"),
        ({"repeat_minutes": 20}, "#/repeat_minutes"),
        ({"repeat_most": 6}, "#/repeat_most"),
        ({"repeat_most": None}, "#/repeat_most"),
    ],
)
async def test_a_setting_that_cannot_be_is_pointed_at(ward: Clinic, change: dict[str, Any], pointer: str) -> None:
    patient = await ward.patient()
    answer = await patient.patch("/api/me/", change)
    assert (answer.status, [error["pointer"] for error in answer.body["errors"]]) == (422, [pointer])


async def test_a_new_evening_step_is_due_tonight(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    ward.set_clock("2027-03-01T17:00")
    step = await one_step(ward, patient, doctor, parts=["evening"])
    assert (step["schedule"]["parts"], step["schedule"]["times"]) == (["evening"], ["18:30"])
    assert (step["schedule"]["times_from"], step["next_reminder_at"]) == ("day_parts", MARCH.format(1, "18:30"))
    await let_pass(ward, "2027-03-02T20:00", every=timedelta(minutes=30))
    assert await reminders(patient) == [(MARCH.format(day, "18:30"), 0) for day in (1, 2)]


async def test_other_parts_of_the_day_move_the_steps_whose_times_came_from_them(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    noon, clock, morning = await plan(
        ward, doctor, patient, {"parts": ["bedtime", "noon"]}, {"times": ["12:30"]}, {"parts": ["morning"]}
    )
    await ward.tick("2027-03-01T12:30")
    assert [one[0] for one in await reminders(patient, noon)] == [MARCH.format(1, "12:30")]
    await patient.patch("/api/me/", {"day_times": {"noon": "13:00", "bedtime": "23:00"}, "reminder_time": "07:00"})
    times = [(await read(patient, step))["schedule"]["times"] for step in (noon, clock, morning)]
    assert times == [["13:00", "23:00"], ["12:30"], ["07:00"]]
    await let_pass(ward, "2027-03-02T14:00")
    slots = [one[0] for one in await reminders(patient, noon)]
    assert slots == [MARCH.format(1, "12:30"), MARCH.format(1, "23:00"), MARCH.format(2, "13:00")], "none twice"


async def test_a_proposal_takes_the_day_of_its_approval(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    await patient.patch("/api/me/", {"day_times": {"evening": "17:45"}})
    (step,) = await approve(doctor, note, {"parts": ["evening"]})
    assert step["schedule"]["times"] == ["17:45"]


async def test_three_days_of_the_week_are_one_step(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, weekdays=["fri", "mon", "wed"], duration_days=14)
    shown = step["schedule"]
    assert (shown["weekdays"], shown["occurrences"]) == (["mon", "wed", "fri"], 6)
    assert shown["rrule"] == "FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=6"
    days = [1, 3, 5, 8, 10, 12, 15]
    for day in days[1:]:
        await ward.tick(f"2027-03-{day:02d}T09:00")
        await check_in(patient, step)
    over = await read(patient, step)
    assert (over["status"], over["progress"]) == ("completed", {"done": 6, "total": 6})
    assert await reminders(patient) == [(MARCH.format(day, "09:00"), 0) for day in days[1:]], "on no other day"


async def test_every_month_is_the_calendars_month(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    first, last, day = await plan(
        ward,
        doctor,
        patient,
        {"every_months": 1, "on_day": 1, "start_in_days": 1},
        {"every_months": 1, "on_day": "last"},
        {"every_months": 3, "on_day": 31},
    )
    assert [one["next_reminder_at"] for one in (first, last, day)] == [
        "2027-04-01T09:00:00Z",
        "2027-03-31T09:00:00Z",
        "2027-03-31T09:00:00Z",
    ]
    for at in ("03-31", "04-30", "06-30"):
        await ward.tick(f"2027-{at}T09:00")
    named = [one["schedule"]["rrule"] for one in (first, last, day)]
    assert named == [
        "FREQ=MONTHLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1",
    ]
    for step in (first, last, day):
        dates = {slot[:10] for slot, _ in await reminders(patient, step)}
        starts = datetime.fromisoformat(step["schedule"]["start_date"])
        days = rrulestr(step["schedule"]["rrule"], dtstart=starts, cache=True)
        expected = [f"{at:%Y-%m-%d}" for at in islice(days, 9)]
        assert dates <= set(expected) and dates


async def test_what_a_step_shows_of_its_days_goes_back_as_it_is(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    given: list[dict[str, Any]] = [
        {"parts": ["noon", "bedtime"], "duration_days": 10},
        {"weekdays": ["tue", "thu"], "every_days": 14},
        {"every_months": 2, "on_day": 30, "duration_days": 200, "parts": ["morning"]},
        {"times": ["08:00"], "parts": ["bedtime"]},
    ]
    steps = await plan(ward, doctor, patient, *given)
    again = await plan(ward, doctor, patient, *(step["schedule"] for step in steps))
    assert [step["schedule"] for step in again] == [step["schedule"] for step in steps]
    assert steps[0]["schedule"]["occurrences"] == 20
    assert steps[1]["schedule"]["rrule"] == "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=MO"
    assert steps[2]["schedule"]["occurrences"] == 3
    mixed = steps[3]["schedule"]
    assert (mixed["times"], mixed["times_from"], mixed["parts"]) == (["08:00", "22:00"], "note", ["bedtime"])


@pytest.mark.parametrize(
    ("schedule", "member"),
    [
        ({"weekdays": ["monday"]}, "weekdays/0"),
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": ["mon"], "every_months": 1}, "every_months"),
        ({"weekdays": ["mon"], "every_days": 3}, "every_days"),
        ({"weekdays": ["sun"], "duration_days": 3}, "duration_days"),
        ({"every_months": 25}, "every_months"),
        ({"every_months": 1, "every_days": 30}, "every_days"),
        ({"on_day": 3}, "on_day"),
        ({"every_months": 1, "on_day": 32}, "on_day"),
        ({"every_months": 1, "on_day": "first"}, "on_day"),
        ({"every_months": 1, "on_day": True}, "on_day"),
        ({"every_months": 6, "occurrences": 9}, "occurrences"),
        ({"parts": ["breakfast"]}, "parts/0"),
        ({"parts": ["noon"], "every_hours": 6}, "every_hours"),
        ({"parts": ["noon"], "times_per_day": 3}, "times_per_day"),
        ({"parts": ["noon"], "times_from": "reminder_time"}, "times_from"),
        ({"times_from": "day_parts"}, "parts"),
        ({"duration_days": 1001}, "duration_days"),
        ({"weekdays": ["mon"], "rrule": "FREQ=WEEKLY;BYDAY=TU"}, "rrule"),
    ],
)
async def test_days_that_do_not_fit_together_are_pointed_at(
    ward: Clinic, schedule: dict[str, Any], member: str
) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    answer = await doctor.post(
        f"/api/notes/{note['id']}/approve/", {"steps": [{"title": "Walk", "schedule": schedule}]}
    )
    pointers = [error["pointer"] for error in answer.body["errors"]]
    assert (answer.status, pointers) == (422, [f"#/steps/0/schedule/{member}"])


@pytest.mark.parametrize(
    ("item", "times", "times_from", "rule"),
    [
        ({"parts": ["bedtime", "noon"], "times_per_day": 2}, ("13:00", "22:00"), "day_parts", "FREQ=DAILY"),
        ({"times": ["12:00"]}, ("12:00",), "note", "FREQ=DAILY"),
        ({"times": ["08:00"], "parts": ["bedtime"]}, ("08:00", "22:00"), "note", "FREQ=DAILY"),
        ({"weekdays": ["fri", "mon"]}, ("07:00",), "reminder_time", "FREQ=WEEKLY;BYDAY=MO,FR"),
        ({"every_months": 3, "on_day": 1}, ("07:00",), "reminder_time", "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=1"),
        ({"times_per_day": 2, "duration_days": 7}, ("07:00", "19:00"), "reminder_time", "FREQ=DAILY;COUNT=7"),
    ],
)
def test_an_item_of_a_note_becomes_a_schedule(
    item: dict[str, Any], times: tuple[str, ...], times_from: str, rule: str
) -> None:
    read = PlanItem(title="x", quote="x", start=0, end=1, **item)
    found = make_schedule(read, day=date(2027, 3, 1), day_times=DayTimes(morning="07:00", noon="13:00"))
    assert (found.times, found.times_from, found.rrule) == (times, times_from, rule)


# The calendar file


async def calendar(clinic: Clinic, patient: Person) -> str:
    made = await patient.post("/api/me/calendar/", {"titles": True})
    path: str = made.body["url"].removeprefix(clinic.base)
    return path


async def test_the_calendar_file_is_in_utc_and_the_same_until_something_changes(ward: Clinic) -> None:
    patient, doctor = await ward.pair(timezone="Europe/Berlin")
    await one_step(ward, patient, doctor, weekdays=["mon"], parts=["noon"])
    path = await calendar(ward, patient)
    first = await ward.anyone.get(path)
    starts = [event.decoded("dtstart") for event in icalendar.Calendar.from_ical(first.raw).walk("VEVENT")]
    assert [f"{at:%m-%d %H:%M}" for at in starts[:6]] == [
        "03-08 11:30",
        "03-15 11:30",
        "03-22 11:30",
        "03-29 10:30",
        "04-05 10:30",
        "04-12 10:30",
    ], "summer time has come"
    assert b"VTIMEZONE" not in first.raw and b"DTSTART:20270308T113000Z" in first.raw
    ward.set_clock("2027-03-03T12:00")
    same = await ward.anyone.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert same.status == 304, "two days later nothing has changed"
    await patient.patch("/api/me/", {"day_times": {"noon": "13:00"}})
    moved = await ward.anyone.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert moved.status == 200 and b"DTSTART:20270308T120000Z" in moved.raw
    assert b"DTSTAMP:20270303T120000Z" in moved.raw


async def test_what_is_past_or_answered_stays_in_the_calendar_file(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor, duration_days=3)
    path = await calendar(ward, patient)
    before = {str(event["uid"]) for event in icalendar.Calendar.from_ical((await ward.anyone.get(path)).raw).events}
    for day in (2, 3, 4):
        await ward.tick(f"2027-03-{day:02d}T09:00")
        await check_in(patient, step)
    assert (await read(patient, step))["status"] == "completed"
    events = icalendar.Calendar.from_ical((await ward.anyone.get(path)).raw).events
    assert {str(event["uid"]) for event in events} == before
    assert {str(event["summary"]) for event in events} == {step["title"]}
    assert not any(event.walk("VALARM") for event in events), "what is answered does not ring"


async def test_an_empty_calendar_file_has_a_component(ward: Clinic) -> None:
    patient = await ward.patient()
    answer = await ward.anyone.get(await calendar(ward, patient))
    assert b"BEGIN:VTIMEZONE" in answer.raw and b"VEVENT" not in answer.raw


# FHIR


async def test_fhir_speaks_of_parts_weekdays_and_months(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await plan(
        ward,
        doctor,
        patient,
        {"parts": ["noon", "bedtime"]},
        {"weekdays": ["mon", "fri"], "times": ["08:00"]},
        {"every_months": 3, "on_day": 15},
    )
    tasks = (await patient.get("/fhir/Task")).body["entry"]
    found = [one["resource"]["input"][0]["valueTiming"]["repeat"] for one in tasks]
    parts, week, months = sorted(found, key=lambda repeat: ["d", "wk", "mo"].index(repeat["periodUnit"]))
    assert (parts["when"], parts["frequency"], "timeOfDay" in parts) == (["NOON", "HS"], 2, False)
    assert (week["dayOfWeek"], week["frequency"], week["period"]) == (["mon", "fri"], 2, 1)
    assert week["timeOfDay"] == ["08:00:00"]
    assert (months["period"], months["boundsPeriod"]["start"]) == (3, "2027-03-15")
    assert months["extension"][0]["valuePositiveInt"] == 15


# Records of earlier versions

OLD = {
    "start_date": "2027-03-01",
    "start_in_days": 0,
    "times": ["09:00", "21:00"],
    "times_from": "reminder_time",
    "times_per_day": 2,
    "every_hours": None,
    "every_days": 1,
    "duration_days": 7,
    "miss_policy": "extend",
    "day_seconds": None,
}


def test_a_stored_schedule_of_an_earlier_version_is_read_and_written_as_it_was() -> None:
    """While old and new roles run side by side, both read what either writes."""
    found = read_schedule(dict(OLD))
    assert (found.occurrences, found.weekdays, found.parts, found.every_months) == (14, (), (), None)
    assert schedule_row(found) == OLD


async def test_who_was_here_before_repeats_and_parts_of_the_day_goes_on(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await ward.plan_daily(doctor, patient, "Walk")
    await ward.tick("2027-03-02T09:00")
    database = ward.app.resources.database
    for name, id, members in (
        ("users", patient.id, "day_times timezone_mode repeat_minutes repeat_most day_changed_at second_factor"),
        ("steps", step["id"], "limits recent_uses kept_number course.repeat schedule.parts schedule.weekdays"),
        ("notes", step["note_id"], "written_by questions reader"),
    ):
        await database.collection(name).update_one({"_id": id}, {"$unset": dict.fromkeys(members.split(), 1)})
    me = (await patient.get("/api/me/")).body
    assert me["day_times"] == {"noon": "12:30", "evening": "18:30", "bedtime": "22:00"}
    assert (me["repeat_minutes"], me["repeat_most"], me["timezone_mode"]) == (None, REPEAT_MOST, "home")
    door, slot = f"/api/snooze/{step['id']}/", MARCH.format(2, "09:00")
    assert (await patient.post(door, {"slot": slot, "minutes": 30})).body["snoozed_until"] == MARCH.format(2, "09:30")
    assert (await patient.patch("/api/me/", {"repeat_minutes": 15, "day_times": {"noon": "13:00"}})).status == 200
    assert await ward.tick("2027-03-02T09:30") == 1
    assert (await patient.post(f"/api/check-in/{step['id']}/", {"slot": slot})).body["progress"]["done"] == 1
    assert (await doctor.get(f"/api/notes/{step['note_id']}/")).status == 200
    assert (await ward.sign_in(patient.user)).id == patient.id


def test_a_schedule_of_weekdays_and_parts_is_stored_whole() -> None:
    week = Schedule(
        start_date=date(2027, 3, 1),
        times=("12:30",),
        times_from="day_parts",
        parts=("noon",),
        weekdays=("mon", "fri"),
    )
    months = Schedule(start_date=date(2027, 3, 1), every_months=2, on_day="last")
    assert [read_schedule(schedule_row(one)) for one in (week, months)] == [week, months]


def test_the_last_use_that_an_earlier_version_recorded_counts() -> None:
    at = datetime(2027, 3, 1, 12, tzinfo=UTC)
    known = [{"at": at - timedelta(hours=5), "done": True, "key": None}]
    assert [use.at for use in read_uses({"recent_uses": known, "last_use_at": at})] == [at - timedelta(hours=5), at]
    assert [use.at for use in read_uses({"last_use_at": at})] == [at]
    assert read_uses({"last_use_at": None}) == ()
