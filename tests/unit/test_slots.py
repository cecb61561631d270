"""Slots on every clock on earth: each local time once, in order, whatever its clocks do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hospital_rt.domain.clock import clock_times, from_wire, moment_at, start_of_day, to_wire, zone_names
from hospital_rt.domain.course import Slot, begin, next_reminder_at, time_passes, wake_at
from hospital_rt.domain.schedule import WEEKDAYS, DayTimes, Schedule, Timeline, in_week_order
from tests.support.slot_oracle import MINUTE, clock_changes, read_clock, rfc_moment, rfc_walls

ZONES = sorted(zone_names())
DAYS = 400
START = date(2027, 1, 1)
EPOCH = datetime(2026, 12, 31, tzinfo=UTC)
# Where clocks have done what clocks seldom do.
# Past days: what laws say of days to come may change with the data.
ODD: list[tuple[str, date]] = [
    ("Australia/Lord_Howe", date(2024, 4, 7)),  # half an hour back
    ("Australia/Lord_Howe", date(2024, 10, 6)),  # half an hour on
    ("Pacific/Apia", date(2011, 12, 30)),  # a date that never was
    ("Pacific/Kwajalein", date(1993, 8, 21)),  # another
    ("Pacific/Kwajalein", date(1969, 10, 1)),  # a date that was twice
    ("America/Sao_Paulo", date(2018, 11, 4)),  # no midnight
    ("America/Santiago", date(2024, 9, 8)),  # no midnight
    ("America/Havana", date(2024, 3, 10)),  # no midnight
    ("Asia/Beirut", date(2024, 3, 31)),  # no midnight
    ("Africa/Cairo", date(2024, 4, 26)),  # no midnight
    ("Africa/Cairo", date(2024, 10, 31)),  # 23:00 twice
    ("America/St_Johns", date(2010, 11, 7)),  # 00:00 twice, with 23:01 in between
    ("America/St_Johns", date(2010, 3, 14)),  # a day that begins twice skips
    ("Antarctica/Troll", date(2024, 3, 31)),  # two hours
    ("Asia/Pyongyang", date(2018, 5, 4)),  # half an hour, at 23:30
    ("Asia/Pyongyang", date(2015, 8, 15)),  # midnight twice
    ("America/Caracas", date(2016, 5, 1)),
    ("Asia/Kathmandu", date(1986, 1, 1)),  # a quarter of an hour at midnight
    ("Africa/Monrovia", date(1972, 1, 7)),  # 44 minutes and 30 seconds
    ("Europe/Dublin", date(2024, 3, 31)),  # winter time is the exception
    ("Africa/Casablanca", date(2024, 3, 10)),  # Ramadan
    ("Antarctica/Casey", date(2018, 3, 11)),  # three hours back
    ("America/Argentina/San_Luis", date(2008, 1, 21)),
]


def plan(**more: Any) -> Schedule:
    return Schedule(**{"start_date": START, "times": ("09:00",), **more})


@pytest.fixture(scope="module")
def kinds() -> dict[tuple[Any, ...], str]:
    """One zone for each way in which clocks run in these 400 days."""
    found: dict[tuple[Any, ...], str] = {}
    for name in ZONES:
        zone = ZoneInfo(name)
        changes = tuple(clock_changes(zone, EPOCH, DAYS))
        offsets = [(EPOCH, *changes)[number].astimezone(zone).utcoffset() for number in range(len(changes) + 1)]
        found.setdefault((changes, *offsets), name)
    return found


def test_every_zone_of_the_world_is_known() -> None:
    assert len(ZONES) > 550
    assert {"Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "UTC"} <= set(ZONES)


@pytest.mark.long
def test_clock_times_fall_where_an_independent_calendar_puts_them(kinds: dict[tuple[Any, ...], str]) -> None:
    """RFC 5545 by dateutil, 400 days, all kinds of zones. Where a time is skipped the contract differs, only there."""
    assert _agree_with_dateutil(kinds.values(), ("00:00", "02:30")) > 20


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_clock_times_fall_where_an_independent_calendar_puts_them_in_every_single_zone() -> None:
    assert _agree_with_dateutil(ZONES, ("00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "09:00", "23:59")) > 200


def _agree_with_dateutil(names: Iterable[str], times: tuple[str, ...]) -> int:
    """How many of the times were skipped, after comparing all of them."""
    walls = rfc_walls(START, times, 1, DAYS)
    assert len(walls) == DAYS * len(times)
    skipped = 0
    for name in names:
        timeline = Timeline(plan(times=times), EPOCH, ZoneInfo(name))
        for slot, wall in enumerate(walls):
            expected, exists = rfc_moment(wall, timeline.zone)
            moment = timeline.moment(slot)
            if exists:
                assert moment == expected, (name, wall)
            else:
                skipped += 1
                before = (moment - MINUTE).astimezone(timeline.zone).replace(tzinfo=None)
                after = moment.astimezone(timeline.zone).replace(tzinfo=None)
                assert before < wall < after and moment <= expected, (name, wall)
    return skipped


DAYS_OF: list[dict[str, Any]] = [
    {"weekdays": ("mon", "wed", "fri")},
    {"weekdays": ("sat", "sun")},
    {"weekdays": ("tue", "thu"), "every_days": 14},
    {"every_months": 1},
    {"every_months": 1, "on_day": 1},
    {"every_months": 1, "on_day": 31},
    {"every_months": 1, "on_day": "last"},
    {"every_months": 2, "on_day": 30},
    {"every_months": 3, "on_day": 29},
]


@pytest.mark.parametrize("days_of", DAYS_OF, ids=lambda given: "-".join(map(str, given.values())))
def test_weekdays_and_months_fall_where_an_independent_calendar_puts_them(
    kinds: dict[tuple[Any, ...], str], days_of: dict[str, Any]
) -> None:
    """RFC 5545 by dateutil, 400 days from the last of a January, all kinds of zones."""
    _days_agree_with_dateutil(kinds.values(), date(2027, 1, 31), 400, **days_of)


@pytest.mark.faults
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("days_of", DAYS_OF, ids=lambda given: "-".join(map(str, given.values())))
def test_weekdays_and_months_fall_where_an_independent_calendar_puts_them_in_every_single_zone(
    days_of: dict[str, Any],
) -> None:
    _days_agree_with_dateutil(ZONES, date(2027, 1, 31), 400, **days_of)
    _days_agree_with_dateutil(ZONES, date(2027, 11, 29), 400, **days_of)  # over the leap day of 2028


def _days_agree_with_dateutil(names: Iterable[str], start: date, days: int, **days_of: Any) -> None:
    times = ("02:30", "09:00")
    more = {name: value for name, value in days_of.items() if name != "every_days"}
    walls = rfc_walls(start, times, days_of.get("every_days", 1), days, **more)
    assert len(walls) >= 8
    for name in names:
        timeline = Timeline(plan(start_date=start, times=times, **days_of), EPOCH, ZoneInfo(name))
        for slot, wall in enumerate(walls):
            expected, exists = rfc_moment(wall, timeline.zone)
            moment = timeline.moment(slot)
            assert timeline.key(slot) == f"{wall.date()}#{slot % 2}", (name, wall)
            assert moment == expected if exists else expected - moment < timedelta(days=1, hours=1), (name, wall)


days_of_a_schedule = st.one_of(
    st.builds(lambda days: {"every_days": days}, st.integers(1, 366)),
    st.builds(
        lambda days, weeks: {"weekdays": in_week_order(days), "every_days": 7 * weeks if weeks > 1 else 1},
        st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True),
        st.sampled_from([1, 1, 2, 3]),
    ),
    st.builds(
        lambda months, day: {"every_months": months, "on_day": day},
        st.sampled_from([1, 1, 2, 3, 6, 12, 24]),
        st.one_of(st.none(), st.just("last"), st.integers(1, 31)),
    ),
)


@settings(max_examples=300, deadline=None)
@given(start=st.dates(date(1972, 1, 1), date(2096, 12, 31)), days_of=days_of_a_schedule, duration=st.integers(1, 1000))
@example(start=date(2028, 2, 29), days_of={"every_months": 12, "on_day": None}, duration=1000)
@example(start=date(2096, 2, 29), days_of={"every_months": 1, "on_day": 30}, duration=900)
@example(start=date(2027, 11, 29), days_of={"every_months": 1, "on_day": 1}, duration=31)
@pytest.mark.long
def test_the_days_of_a_schedule_are_those_of_its_rule(start: date, days_of: dict[str, Any], duration: int) -> None:
    """Over leap years: the schedule's rounds, an independent rule, and the rule that the step shows."""
    schedule = plan(start_date=start, **days_of)
    more = {name: value for name, value in days_of.items() if name != "every_days"}
    wanted = [wall.date() for wall in rfc_walls(start, ("09:00",), days_of.get("every_days", 1), 3000, **more)]
    rounds = [start + timedelta(days=schedule.day_of(number)) for number in range(len(wanted))]
    assert rounds == wanted
    shown = list(islice(rrulestr(schedule.rrule, dtstart=datetime.combine(start, time(9))), len(wanted)))
    assert [wall.date() for wall in shown] == wanted
    for number in {duration, 1, 2, 7, 31, 365}:
        before = sum((day - start).days < number for day in wanted)
        assert schedule.rounds_before(number) == before
    course = replace(schedule, duration_days=duration)
    assert course.occurrences == max(1, sum((day - start).days < duration for day in wanted))
    assert f"COUNT={course.rounds}" in course.rrule


def test_a_shorter_month_has_its_last_day_and_the_day_comes_back() -> None:
    monthly = plan(start_date=date(2028, 1, 31), every_months=1)
    days = [str(monthly.start_date + timedelta(days=monthly.day_of(number))) for number in range(5)]
    assert days == ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]
    assert monthly.rrule == "FREQ=MONTHLY;BYMONTHDAY=-1"


def test_on_shortened_days_the_first_slot_is_at_once_whatever_weekday_it_is() -> None:
    short = plan(start_date=date(2027, 3, 2), weekdays=("mon", "fri"), day_seconds=60)  # a Tuesday
    timeline = Timeline(short, EPOCH, ZoneInfo("UTC"))
    assert [(timeline.moment(slot) - EPOCH).total_seconds() for slot in range(4)] == [0, 180, 420, 600]
    assert [timeline.key(slot) for slot in range(3)] == ["d0#0", "d3#0", "d7#0"]


def test_parts_of_the_day_are_where_the_patient_has_them() -> None:
    evening = plan(parts=("noon", "bedtime"), times_from="day_parts", times=("12:30", "22:00"))
    assert evening.at_day_times(DayTimes(noon="13:15", bedtime="23:00")).times == ("13:15", "23:00")
    assert evening.at_day_times(DayTimes(noon="23:00", bedtime="23:00")).times == ("23:00", "23:00"), "number stays"
    assert replace(evening, times_from="note").at_day_times(DayTimes(noon="13:15")).times == ("12:30", "22:00")


def test_two_parts_of_the_day_at_one_time_are_one_reminder() -> None:
    schedule = plan(parts=("evening", "bedtime"), times_from="day_parts", times=("22:00", "22:00"), duration_days=3)
    assert schedule.occurrences == 3
    timeline = Timeline(schedule, EPOCH, ZoneInfo("UTC"))
    assert [timeline.after(-1), timeline.after(0), timeline.after(2)] == [0, 2, 4]


@pytest.mark.long
def test_around_every_clock_change_the_first_showing_counts_or_what_comes_first(
    kinds: dict[tuple[Any, ...], str],
) -> None:
    """The wall clock read minute by minute, around each change of each kind of zone."""
    changes = 0
    for (instants, *_), name in kinds.items():
        zone = ZoneInfo(name)
        for instant in instants:
            changes += 1
            _agrees_with_the_clock(zone, instant)
    assert changes > 40  # fewer from year to year, as countries give up summer time


@pytest.mark.parametrize(("name", "day"), ODD, ids=lambda value: str(value))
def test_clocks_that_did_something_odd(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    instants = list(clock_changes(zone, datetime.combine(day, time(0), UTC) - timedelta(days=3), 6))
    assert instants, "nothing happens here: the data has changed"
    for instant in instants:
        _agrees_with_the_clock(zone, instant)


def _agrees_with_the_clock(zone: ZoneInfo, instant: datetime) -> None:
    shown = read_clock(zone, instant)
    wrong = [
        (wall, first, moment_at(wall.date(), wall.time(), zone))
        for wall, first in list(shown.items())[60 * 2 :: 5]
        if not timedelta(0) <= first - moment_at(wall.date(), wall.time(), zone) < MINUTE
    ]
    assert not wrong, (zone.key, wrong[:3])


def test_a_date_that_never_was_is_reminded_when_the_next_begins() -> None:
    apia = ZoneInfo("Pacific/Apia")
    timeline = Timeline(plan(start_date=date(2011, 12, 29), times=("09:00", "21:00")), EPOCH, apia)
    fired = [timeline.moment(slot).astimezone(apia).strftime("%d %H:%M") for slot in range(6)]
    assert fired == ["29 09:00", "29 21:00", "31 00:00", "31 00:00", "31 09:00", "31 21:00"]
    assert [timeline.is_merged(slot) for slot in range(6)] == [False, False, False, True, False, False]
    assert timeline.key(2) == "2011-12-30#0"


def test_two_times_that_a_clock_change_puts_on_one_instant_are_one() -> None:
    timeline = Timeline(plan(start_date=date(2027, 3, 27), times=("02:15", "02:45")), EPOCH, ZoneInfo("Europe/Berlin"))
    assert timeline.moment(2) == timeline.moment(3) == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)
    assert timeline.after(1) == 2 and timeline.after(2) == 4


def test_a_slot_is_not_one_with_a_slot_that_does_not_exist() -> None:
    """The step became active between two times that the next clock change puts on one instant."""
    begun_at = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    course = begin(plan(start_date=date(2027, 3, 28), times=("02:15", "03:30")), at=begun_at, zone=ZoneInfo("UTC"))
    course = replace(course, first=1, passed=0)
    berlin = ZoneInfo("Europe/Berlin")
    moved = replace(course, schedule=replace(course.schedule, times=("02:15", "02:45")))
    assert next_reminder_at(moved, berlin) == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)


def test_names_of_slots_do_not_depend_on_the_zone() -> None:
    times = ("08:00", "20:00")
    timelines = [Timeline(plan(times=times), EPOCH, ZoneInfo(name)) for name in ZONES]
    keys = {tuple(timeline.key(slot) for slot in range(10)) for timeline in timelines}
    assert len(keys) == 1
    assert list(keys.pop()[:3]) == ["2027-01-01#0", "2027-01-01#1", "2027-01-02#0"]


@pytest.mark.parametrize(
    ("reminder_time", "times_per_day", "every_hours", "expected"),
    [
        ("09:00", 1, None, ("09:00",)),
        ("09:00", 2, None, ("09:00", "21:00")),
        ("22:00", 2, None, ("10:00", "22:00")),
        ("09:00", 3, None, ("09:00", "15:00", "21:00")),
        ("09:00", 4, None, ("09:00", "13:00", "17:00", "21:00")),
        ("07:30", 5, None, ("07:30", "10:30", "13:30", "16:30", "19:30")),
        ("09:00", 6, None, ("09:00", "11:25", "13:50", "16:10", "18:35", "21:00")),
        ("22:00", 3, None, ("04:00", "10:00", "22:00")),
        ("09:00", 3, 8, ("01:00", "09:00", "17:00")),
        ("09:00", 4, 6, ("03:00", "09:00", "15:00", "21:00")),
        ("09:00", 1, 24, ("09:00",)),
        ("09:00", 5, 5, ("03:00", "09:00", "15:00", "21:00")),  # never closer together than the note says
    ],
)
def test_the_service_chooses_the_clock_times_of_a_day(
    reminder_time: str, times_per_day: int, every_hours: int | None, expected: tuple[str, ...]
) -> None:
    assert clock_times(reminder_time, times_per_day=times_per_day, every_hours=every_hours) == expected


@given(
    minute=st.integers(0, 1439),
    times_per_day=st.integers(1, 24),
    every_hours=st.one_of(st.none(), st.integers(1, 24)),
)
def test_clock_times_are_sorted_distinct_and_as_far_apart_as_can_be(
    minute: int, times_per_day: int, every_hours: int | None
) -> None:
    start = f"{minute // 60:02d}:{minute % 60:02d}"
    times = clock_times(start, times_per_day=times_per_day, every_hours=every_hours)
    assert list(times) == sorted(set(times)) and start in times
    assert len(times) == (24 // every_hours if every_hours else times_per_day)
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in times]
    gaps = sorted(b - a for a, b in pairwise([*minutes, minutes[0] + 1440]))
    if every_hours:
        assert gaps[0] >= every_hours * 60 - 5
    elif times_per_day > 1:
        assert sum(gaps[:-1]) == 720
        assert gaps[-2] - gaps[0] <= 5


schedules = st.builds(
    lambda days_of, **given: plan(**given, **days_of),
    st.one_of(
        st.sampled_from([{"every_days": days} for days in (1, 1, 1, 2, 3, 7, 30)]),
        st.deferred(lambda: days_of_a_schedule),
    ),
    start_date=st.dates(date(1972, 1, 1), date(2036, 12, 31)),
    times=st.lists(
        st.one_of(
            st.sampled_from(["00:00", "00:01", "00:30", "02:00", "02:15", "02:45", "03:00", "09:00", "23:00", "23:59"]),
            st.times().map(lambda at: f"{at:%H:%M}"),
        ),
        min_size=1,
        max_size=4,
        unique=True,
    ).map(lambda found: tuple(sorted(found))),
    duration_days=st.sampled_from([None, 1, 3, 10, 30]),
    miss_policy=st.sampled_from(["extend", "fixed"]),
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
APIA = plan(start_date=date(2011, 12, 25), times=("00:00", "00:30", "23:59"))
JOHNS = plan(start_date=date(2010, 10, 30), times=("00:00", "23:30"))


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(schedule=schedules, zone=zones, hours=st.integers(-50, 900))
@example(schedule=APIA, zone=ZoneInfo("Pacific/Apia"), hours=110)
@example(schedule=JOHNS, zone=ZoneInfo("America/St_Johns"), hours=170)
def test_looking_for_a_slot_finds_what_counting_finds(schedule: Schedule, zone: ZoneInfo, hours: int) -> None:
    """Every search of a timeline against a plain walk through its slots."""
    timeline = Timeline(schedule, EPOCH, zone)
    count = min(120, schedule.occurrences or 120) if schedule.is_fixed else 120
    slots = list(range(count))
    moments = [timeline.moment(slot) for slot in slots]
    assert moments == sorted(moments), "later slots are never earlier"
    assert len({timeline.key(slot) for slot in slots}) == len(slots)
    own = [slot for slot in slots if slot == 0 or moments[slot] != moments[slot - 1]]
    assert [slot for slot in slots if not timeline.is_merged(slot)] == own
    walked, slot = [], timeline.after(-1)
    while slot is not None and slot < count:
        walked.append(slot)
        slot = timeline.after(slot)
    assert walked == own
    now = start_of_day(schedule.start_date, zone) + timedelta(hours=hours)
    due = [slot for slot in own if moments[slot] <= now]
    if moments[-1] > now or schedule.is_fixed:
        assert timeline.newest_due(now, after=-1) == (due[-1] if due else None)
    if moments[-1] >= now:
        assert timeline.first_from(now) == next(slot for slot in own if moments[slot] >= now)
    if schedule.is_fixed:
        assert timeline.last_slot() == own[-1]
    began, ends = timeline.today(now)
    today = [slot for slot in own if began <= moments[slot] < ends]
    if moments[-1] >= ends or schedule.is_fixed:
        assert timeline.slots_of_today(now) == today
    for slot in own[:40]:
        moment = Timeline(schedule, moments[0], zone).find(moments[slot])
        assert moment == slot
        assert to_wire(from_wire(to_wire(moments[slot]))) == to_wire(moments[slot])


@dataclass(frozen=True)
class Fired:
    """One reminder, and on which clock it came."""

    at: datetime
    slot: Slot
    repeat: int
    timeline: Timeline


def fired(schedule: Schedule, moves: list[tuple[datetime, ZoneInfo, str | None]], *, ends: datetime) -> Iterator[Fired]:
    """Remind whenever the course wants to be woken; move to each zone and reminder time when it comes."""
    (begun_at, zone, _), *moves = moves
    course = begin(schedule, at=begun_at, zone=zone)
    looks = 0
    while True:
        wake = wake_at(course, zone)
        if moves and (wake is None or moves[0][0] <= wake):
            now, zone, reminder_time = moves.pop(0)
            if reminder_time:
                course = replace(course, schedule=course.schedule.at_day_times(DayTimes(morning=reminder_time)))
            wake = wake_at(course, zone)
            wake = max(now, wake) if wake and wake <= now else None
            if wake is None:
                continue
        if wake is None or wake > ends:
            return
        change = time_passes(course, now=wake, zone=zone)
        course, looks = change.course, looks + 1
        following = wake_at(course, zone)
        assert following is None or following > wake, "a look that leaves something due would be repeated for ever"
        assert looks < 2000
        if change.reminded:
            timeline = Timeline(course.schedule, begun_at, zone)
            yield Fired(wake, change.reminded, change.repeat, timeline)


@pytest.mark.long
def test_four_hundred_days_in_every_zone_remind_each_day_once_in_order(kinds: dict[tuple[Any, ...], str]) -> None:
    for name in kinds.values():
        zone = ZoneInfo(name)
        begun_at = start_of_day(START, zone)
        found = list(fired(plan(times=("02:30",)), [(begun_at, zone, None)], ends=begun_at + timedelta(days=DAYS)))
        days = [one.slot.key for one in found]
        assert days[: DAYS - 1] == [f"{START + timedelta(days=day)}#0" for day in range(DAYS - 1)], name
        assert all(one.repeat == 0 and one.at == one.slot.at for one in found)


@pytest.mark.long
@settings(max_examples=120, deadline=None)
@given(
    start=st.dates(date(2010, 1, 1), date(2034, 12, 31)),
    home=zones,
    away=zones,
    back=zones,
    times_per_day=st.integers(1, 4),
    reminder_time=st.sampled_from(["00:00", "02:30", "09:00", "22:00"]),
    later=st.sampled_from([None, "00:00", "08:00", "14:00", "23:55"]),
    hours=st.lists(st.integers(1, 300), min_size=2, max_size=2, unique=True).map(sorted),
)
@example(
    start=date(2011, 12, 26),
    home=ZoneInfo("Pacific/Pago_Pago"),
    away=ZoneInfo("Pacific/Apia"),
    back=ZoneInfo("Pacific/Honolulu"),
    times_per_day=1,
    reminder_time="09:00",
    later="23:55",
    hours=[60, 130],
)
@example(
    start=date(2027, 6, 1),
    home=ZoneInfo("America/New_York"),
    away=ZoneInfo("Asia/Hong_Kong"),
    back=ZoneInfo("America/New_York"),
    times_per_day=2,
    reminder_time="09:00",
    later=None,
    hours=[40, 90],
)
def test_a_traveller_is_reminded_of_each_slot_once_and_in_order(
    start: date,
    home: ZoneInfo,
    away: ZoneInfo,
    back: ZoneInfo,
    times_per_day: int,
    reminder_time: str,
    later: str | None,
    hours: list[int],
) -> None:
    schedule = plan(start_date=start, times_per_day=times_per_day).at_day_times(DayTimes(morning=reminder_time))
    begun_at = start_of_day(start, home)
    moves = [
        (begun_at, home, None),
        (begun_at + timedelta(hours=hours[0]), away, None),
        (begun_at + timedelta(hours=hours[1]), back, later),
    ]
    found = list(fired(schedule, moves, ends=begun_at + timedelta(days=20)))
    firsts = [one for one in found if one.repeat == 0]
    numbers = [one.slot.number for one in firsts]
    assert numbers == sorted(set(numbers)), "each slot once, in order"
    assert numbers[-1] >= 17 * times_per_day
    names: set[datetime] = set()
    for before, one in pairwise([None, *firsts]):
        assert one and one.at >= one.slot.at, "never early"
        assert one.slot.at == one.timeline.moment(one.slot.number) and one.slot.at not in names, "a name of its own"
        names.add(one.slot.at)
        # Nothing is lost: a slot without a reminder became due with a newer one when the clock was put on, or it is
        # one with a slot whose instant it came to share.
        for number in range(before.slot.number + 1 if before else 0, one.slot.number):
            moment = one.timeline.moment(number)
            assert moment in names or (moment <= one.at and one.at in {moves[1][0], moves[2][0]}), (number, one)
