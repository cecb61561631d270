"""As-needed steps: each use with its time, the limits of the note, and uses beyond them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from hospital_rt.domain.as_needed import Use, UseLimits, is_over_limit, next_allowed_at
from tests.support.driver import Answer, Clinic, Person
from tests.support.plans import MARCH, events, one_step, plan, proposal, read, undo

LIMITED = {
    "title": "Paracetamol",
    "kind": "plan",
    "as_needed": True,
    "schedule": {},
    "limits": {"min_gap_hours": 6, "max_per_day": 4},
}


async def use(patient: Person, step: dict[str, Any], key: str | None = None, **body: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key else None
    return await patient.post(f"/api/check-in/{step['id']}/", body, headers=headers)


async def limited(ward: Clinic, **limits: Any) -> tuple[Person, Person, dict[str, Any]]:
    patient, doctor = await ward.pair()
    (step,) = await plan(ward, doctor, patient, {**LIMITED, **({"limits": limits} if limits else {})})
    return patient, doctor, step


async def test_a_step_shows_when_it_was_last_used_and_may_be_used_again(ward: Clinic) -> None:
    patient, doctor, step = await limited(ward)
    assert step["limits"] == {"min_gap_hours": 6, "max_per_day": 4}
    assert (step["last_done_at"], step["next_allowed_at"], step["done_24h"]) == (None, None, 0)
    used = (await use(patient, step)).body
    noon, six = MARCH.format(1, "12:00"), MARCH.format(1, "18:00")
    assert (used["last_done_at"], used["next_allowed_at"], used["done_24h"]) == (noon, six, 1)
    ward.set_clock("2027-03-01T17:59")
    for reader in (patient, doctor):
        (listed,) = await reader.steps()
        assert listed["next_allowed_at"] == six
    ward.set_clock("2027-03-01T18:00")
    assert [one["next_allowed_at"] for one in await patient.steps()] == [None], "allowed now, and nothing has happened"
    ward.set_clock("2027-03-02T12:00")
    assert [(one["done_24h"], one["last_done_at"]) for one in await patient.steps()] == [(0, noon)]


async def test_too_soon_is_refused_unless_it_is_said_to_have_happened(ward: Clinic) -> None:
    patient, doctor, step = await limited(ward)
    await use(patient, step)
    ward.set_clock("2027-03-01T14:00")
    refused = await use(patient, step, key="one")
    assert (refused.status, refused.slug) == (409, "too-soon")
    assert refused.body["next_allowed_at"] == MARCH.format(1, "18:00")
    assert (await read(patient, step))["progress"]["done"] == 1
    taken = await use(patient, step, key="one", confirm=True)
    assert (taken.status, taken.body["progress"]["done"]) == (200, 2), "the key of what was refused is free"
    assert [one.get("over_limit", False) for one in (await read(doctor, step))["check_ins"]] == [False, True]
    for reader in (patient, doctor):
        told = await events(reader, "step.checked_in")
        assert [one["data"].get("over_limit", False) for one in told] == [False, True]
    assert (await use(patient, step, outcome="skipped", at=MARCH.format(1, "13:00"))).status == 200, "none was taken"


async def test_fhir_speaks_of_the_limits(ward: Clinic) -> None:
    patient, _, _ = await limited(ward)
    (entry,) = (await patient.get("/fhir/Task")).body["entry"]
    given = {one["type"]["text"]: one for one in entry["resource"]["input"]}
    assert (given["min-gap"]["valueDuration"]["value"], given["max-per-day"]["valuePositiveInt"]) == (6, 4)
    assert given["as-needed"]["valueBoolean"] and "timing" not in given


async def test_the_limit_of_a_day_is_that_of_any_24_hours(ward: Clinic) -> None:
    patient, _, step = await limited(ward, max_per_day=2)
    for at in ("12:00", "20:00"):
        ward.set_clock(f"2027-03-01T{at}")
        assert (await use(patient, step)).status == 200
    ward.set_clock("2027-03-02T11:59")
    assert (await use(patient, step)).body["next_allowed_at"] == MARCH.format(2, "12:00")
    ward.set_clock("2027-03-02T12:00")
    assert (await use(patient, step, key="this")).status == 200
    assert (await use(patient, step, confirm=True, key="other")).body["done_24h"] == 3


async def test_doses_that_were_noted_without_a_network_keep_their_times(ward: Clinic) -> None:
    patient, doctor, step = await limited(ward)
    ward.set_clock("2027-03-02T12:00")
    early, late = MARCH.format(1, "22:00"), MARCH.format(2, "09:00")
    answers = [await use(patient, step, key="b", at=late)]
    ward.set_clock("2027-03-02T12:00:01")
    answers.append(await use(patient, step, key="a", at=early))
    assert [one.body["progress"]["done"] for one in answers] == [1, 2]
    seen = await read(doctor, step)
    assert (seen["last_done_at"], seen["next_allowed_at"]) == (late, MARCH.format(2, "15:00"))
    assert sorted(one["at"] for one in seen["check_ins"]) == [early, late]
    between = await use(patient, step, at=MARCH.format(2, "05:00"))
    assert (between.status, between.slug) == (409, "too-soon"), "less than six hours before the next"
    assert (await undo(patient, step)).body["progress"]["done"] == 1
    assert (await read(patient, step))["check_ins"] == [
        {"slot": None, "at": late, "outcome": "done", "reason": None},
    ], "what was told last is taken back"


async def test_two_in_one_minute_are_one_unless_their_keys_differ(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    (step,) = await plan(ward, doctor, patient, {**LIMITED, "limits": None})
    at = MARCH.format(1, "11:30")
    counts = [(await use(patient, step, key=key, at=at)).body["progress"]["done"] for key in ("a", "b", "a", None)]
    assert counts == [1, 2, 1, 2], "under the same key the first answer again"
    assert (await read(patient, step))["done_24h"] == 2
    assert [(await use(patient, step)).body["progress"]["done"] for _ in range(2)] == [3, 3]


@pytest.mark.parametrize("at", ["2027-03-01T12:01:00Z", "2027-02-27T11:59:00Z", "yesterday", "2027-03-01T11:00:00", 7])
async def test_a_time_that_cannot_be_is_pointed_at(ward: Clinic, at: object) -> None:
    patient, _, step = await limited(ward)
    answer = await use(patient, step, at=at)
    assert (answer.status, [error["pointer"] for error in answer.body["errors"]]) == (422, ["#/at"])


async def test_a_clock_a_little_ahead_is_put_right(ward: Clinic) -> None:
    patient, _, step = await limited(ward)
    used = await use(patient, step, at="2027-03-01T12:00:20Z")
    assert used.body["last_done_at"] == MARCH.format(1, "12:00")


async def test_a_reminder_answered_late_says_when_it_was_done(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await one_step(ward, patient, doctor)
    await ward.tick("2027-03-02T09:00")
    ward.set_clock("2027-03-02T11:00")
    await use(patient, step, at=MARCH.format(2, "09:10"))
    assert [(one["slot"], one["at"]) for one in (await read(doctor, step))["check_ins"]] == [
        (MARCH.format(2, "09:00"), MARCH.format(2, "09:10"))
    ]
    ward.set_clock("2027-03-03T10:00")
    assert (await undo(patient, step)).status == 200, "24 hours from when it was told"


@pytest.mark.parametrize(
    ("limits", "pointer"),
    [
        ({"min_gap_hours": 0}, "#/steps/0/limits/min_gap_hours"),
        ({"max_per_day": 0}, "#/steps/0/limits/max_per_day"),
        ({"per_week": 1}, "#/steps/0/limits/per_week"),
    ],
)
async def test_limits_that_cannot_be_are_pointed_at(ward: Clinic, limits: dict[str, Any], pointer: str) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    answer = await doctor.post(f"/api/notes/{note['id']}/approve/", {"steps": [{**LIMITED, "limits": limits}]})
    assert (answer.status, [error["pointer"] for error in answer.body["errors"]]) == (422, [pointer])
    listed = {"title": "Walk", "limits": {"max_per_day": 2}}
    answer = await doctor.post(f"/api/notes/{note['id']}/approve/", {"steps": [listed]})
    assert [error["pointer"] for error in answer.body["errors"]] == ["#/steps/0/limits"], "it is not as needed"


def uses(*clocks: str) -> tuple[Use, ...]:
    return tuple(Use(at=datetime.fromisoformat(MARCH.format(1, clock))) for clock in clocks)


def test_a_use_between_others_counts_in_every_day_that_it_lies_in() -> None:
    limits = UseLimits(max_per_day=3)
    known = uses("08:00", "12:00", "20:00")
    (between,) = uses("10:00")
    assert is_over_limit(limits, known, between.at)
    assert not is_over_limit(UseLimits(max_per_day=4), known, between.at)
    assert is_over_limit(UseLimits(min_gap_hours=2.5), known, between.at)
    assert not is_over_limit(UseLimits(min_gap_hours=2), known, between.at)
    assert next_allowed_at(None, known, between.at) is None
