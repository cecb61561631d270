"""A doctor's review of what was read from their note: approve, edit, add, reject, withdraw."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.support.driver import Answer, Clinic, Person, item, plan_item

WALK = plan_item("Walk 20 minutes", "Walk 20 minutes daily")
REST = plan_item("Rest 30 minutes", "Rest 30 minutes daily")
SCAN = item("Book a chest X-ray")
INVENTED = item("Take warfarin 5 mg", "Take warfarin 5 mg at night")


async def proposal(ward: Clinic, doctor: Person, patient: Person) -> dict[str, Any]:
    """A note of which one item was dropped, so that it waits: a chest X-ray and a daily walk."""
    return await ward.note(
        doctor,
        patient,
        checklist=[SCAN, INVENTED],
        plan=[WALK],
        text="Book a chest X-ray. Walk 20 minutes daily.",
        expect="proposed",
    )


async def act(doctor: Person, note: dict[str, Any], name: str, body: Any = None) -> Answer:
    return await doctor.post(f"/api/notes/{note['id']}/{name}/", body)


async def active(patient: Person) -> list[str]:
    return [step["title"] for step in await patient.steps()]


# Approving


@pytest.mark.parametrize("body", [None, {}, {"steps": None}])
async def test_a_proposal_is_approved_whole(ward: Clinic, body: Any) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[REST])
    note = await proposal(ward, doctor, patient)
    ward.set_clock("2027-03-01T13:00")
    async with patient.live() as page:
        answer = await act(doctor, note, "approve", body)
        assert (await page.next("steps.changed"))["data"]["note_id"] == note["id"]
        assert (await page.next("note.status"))["data"] == {"note_id": note["id"], "status": "ready", "failure": None}
    assert (answer.status, answer.body["status"]) == (200, "ready")
    assert [step["status"] for step in answer.body["steps"]] == ["active", "active"]
    assert await active(patient) == ["Book a chest X-ray", "Walk 20 minutes"]
    assert (await patient.step("Walk"))["next_reminder_at"] == "2027-03-02T09:00:00Z"
    assert (await act(doctor, note, "approve")).slug == "conflict"
    assert (await act(doctor, note, "reject")).slug == "conflict"


async def test_steps_are_edited_added_and_left_out(ward: Clinic) -> None:
    patient, doctor = await ward.pair(timezone="Europe/Berlin")
    note = await proposal(ward, doctor, patient)
    scan, walk = note["steps"]
    answer = await act(
        doctor,
        note,
        "approve",
        {
            "steps": [
                {
                    "id": walk["id"],
                    "title": "Walk to the park",
                    "detail": "Slowly.",
                    "schedule": {"times": ["18:00", "08:00"], "duration_days": 3, "miss_policy": "fixed"},
                },
                {"title": "Call the ward", "detail": "Extension 7."},
                {"title": "Stretch", "schedule": {"times_per_day": 2, "every_days": 2, "start_in_days": 1}},
                {"title": "Use the inhaler", "kind": "plan", "as_needed": True, "schedule": {}},
            ]
        },
    )
    assert answer.status == 200
    steps = {step["title"]: step for step in await patient.steps()}
    assert list(steps) == ["Walk to the park", "Call the ward", "Stretch", "Use the inhaler"]
    edited = steps["Walk to the park"]
    assert (edited["id"], edited["by"], edited["detail"], edited["quote"]) == (
        walk["id"],
        "extractor",
        "Slowly.",
        "Walk 20 minutes daily",
    )
    assert edited["schedule"] == {
        "start_date": "2027-03-01",
        "times": ["08:00", "18:00"],
        "times_from": "note",
        "parts": None,
        "every_days": 1,
        "weekdays": None,
        "every_months": None,
        "on_day": None,
        "rrule": "FREQ=DAILY;COUNT=3",
        "occurrences": 6,
        "miss_policy": "fixed",
    }
    assert edited["next_reminder_at"] == "2027-03-01T17:00:00Z"
    added = steps["Call the ward"]
    assert (added["kind"], added["by"], added["quote"], added["schedule"]) == ("checklist", "doctor", None, None)
    assert added["note_id"] == note["id"]
    assert steps["Stretch"]["schedule"] == {
        "start_date": "2027-03-02",
        "times": ["09:00", "21:00"],
        "times_from": "reminder_time",
        "parts": None,
        "every_days": 2,
        "weekdays": None,
        "every_months": None,
        "on_day": None,
        "rrule": "FREQ=DAILY;INTERVAL=2",
        "occurrences": None,
        "miss_policy": "extend",
    }
    assert steps["Use the inhaler"]["as_needed"] and steps["Use the inhaler"]["next_reminder_at"] is None
    # What was left out is rejected: the author sees it, the patient does not.
    assert (await doctor.get(f"/api/steps/{scan['id']}/")).body["status"] == "rejected"
    assert (await patient.get(f"/api/steps/{scan['id']}/")).slug == "not-found"


async def test_a_schedule_goes_back_as_the_step_showed_it(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    drug = plan_item("Take the drug", "Take the drug every 3 days for 10 days", every_days=3, duration_days=10)
    hourly = plan_item("Drink", "Drink every 6 hours", times_per_day=4, every_hours=6)
    note = await ward.note(
        doctor,
        patient,
        plan=[drug, hourly, plan_item("Run", "Run 9 km")],
        text="Take the drug every 3 days for 10 days. Drink every 6 hours. Walk daily.",
        expect="proposed",
    )
    titled = {step["title"]: step for step in note["steps"]}
    taken, drunk = titled["Take the drug"], titled["Drink"]
    new = {"start_date": "2027-03-03", "times": ["11:00"], "every_days": 2, "occurrences": 4, "miss_policy": "fixed"}
    answer = await act(
        doctor,
        note,
        "approve",
        {
            "steps": [
                {"id": taken["id"], "schedule": taken["schedule"]},
                {"id": drunk["id"], "schedule": {**drunk["schedule"], "times": ["10:00", "20:00"], "occurrences": 6}},
                {"title": "Stretch", "schedule": new},
            ]
        },
    )
    assert answer.status == 200, answer.body
    same, edited, added = (step["schedule"] for step in answer.body["steps"] if step["status"] == "active")
    assert same == taken["schedule"] and same["occurrences"] == 4
    assert (edited["times"], edited["times_from"], edited["occurrences"]) == (["10:00", "20:00"], "note", 6)
    assert {name: added[name] for name in new} == new and added["times_from"] == "note"
    assert (await patient.patch("/api/me/", {"reminder_time": "08:00"})).status == 200
    moved = {step["title"]: step["schedule"]["times"] for step in await patient.steps()}
    assert moved == {"Take the drug": ["08:00"], "Drink": ["10:00", "20:00"], "Stretch": ["11:00"]}


async def test_an_edit_that_is_not_given_leaves_the_step_as_it_was(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(
        doctor,
        patient,
        plan=[plan_item("Walk", "Walk daily", detail="Take it slowly"), plan_item("Run", "Run 9 km")],
        text="Walk daily. Take it slowly.",
        expect="proposed",
    )
    [walk] = [step for step in note["steps"] if step["title"] == "Walk"]
    answer = await act(doctor, note, "approve", {"steps": [{"id": walk["id"], "title": "Stroll"}]})
    [step] = [step for step in answer.body["steps"] if step["status"] == "active"]
    kept = ("id", "detail", "quote", "schedule", "kind", "as_needed")
    assert step["title"] == "Stroll" and all(step[name] == walk[name] for name in kept)


@pytest.mark.parametrize(
    ("steps", "pointer"),
    [
        ([], "#/steps"),
        ([{}], "#/steps/0/title"),
        ([{"id": "scan", "title": ""}], "#/steps/0/title"),
        ([{"id": "scan", "title": None}], "#/steps/0/title"),
        ([{"id": "scan", "title": "x" * 121}], "#/steps/0/title"),
        ([{"id": "scan", "detail": "x" * 501}], "#/steps/0/detail"),
        ([{"id": "scan", "schedule": {}}], "#/steps/0/schedule"),
        ([{"id": "scan", "kind": "plan"}], "#/steps/0/kind"),
        ([{"id": "scan"}, {"id": "scan"}], "#/steps/1/id"),
        ([{"title": "Stretch", "kind": "plan"}], "#/steps/0/schedule"),
        ([{"title": "Stretch", "kind": "checklist", "schedule": {}}], "#/steps/0/schedule"),
        ([{"title": "Stretch", "schedule": {"times": ["25:00"]}}], "#/steps/0/schedule/times/0"),
        ([{"title": "Stretch", "schedule": {"times": []}}], "#/steps/0/schedule/times"),
        ([{"title": "Stretch", "schedule": {"times_from": "note"}}], "#/steps/0/schedule/times"),
        ([{"title": "Stretch", "schedule": {"start_date": "2027-02-28"}}], "#/steps/0/schedule/start_date"),
        ([{"title": "Stretch", "schedule": {"start_date": "2027-02-30"}}], "#/steps/0/schedule/start_date"),
        ([{"title": "Stretch", "schedule": {"start_date": "2028-03-02"}}], "#/steps/0/schedule/start_date"),
        (
            [{"title": "Stretch", "schedule": {"times": ["09:00", "10:00"], "occurrences": 3}}],
            "#/steps/0/schedule/occurrences",
        ),
        ([{"title": "Stretch", "schedule": {"duration_days": 3, "occurrences": 3}}], "#/steps/0/schedule/occurrences"),
        (
            [{"title": "Stretch", "schedule": {"every_months": 24, "occurrences": 24_000}}],
            "#/steps/0/schedule/occurrences",
        ),
        (
            [{"title": "Stretch", "schedule": {"times": [f"{hour:02}:00" for hour in range(24)], "parts": ["noon"]}}],
            "#/steps/0/schedule/times",
        ),
        ([{"title": "Stretch", "schedule": {"every_days": 0}}], "#/steps/0/schedule/every_days"),
        ([{"title": "Stretch", "schedule": {"duration_days": 1001}}], "#/steps/0/schedule/duration_days"),
        ([{"title": "Stretch", "schedule": {"times_per_day": 25}}], "#/steps/0/schedule/times_per_day"),
        ([{"title": "Stretch", "schedule": {"start_in_days": 366}}], "#/steps/0/schedule/start_in_days"),
        ([{"title": "Stretch", "status": "active"}], "#/steps/0/status"),
        ([{"title": "Stretch"}] * 81, "#/steps"),
        ("all", "#/steps"),
    ],
)
async def test_an_approval_says_what_is_wrong_and_changes_nothing(ward: Clinic, steps: Any, pointer: str) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    if isinstance(steps, list):
        steps = [{**one, "id": note["steps"][0]["id"]} if one.get("id") == "scan" else one for one in steps]
    answer = await act(doctor, note, "approve", {"steps": steps})
    assert answer.status == 422 and [error["pointer"] for error in answer.body["errors"]] == [pointer]
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body == note and await active(patient) == []


async def test_only_steps_that_this_note_proposes_can_be_approved(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    other = await ward.note(doctor, patient, plan=[REST])
    note = await proposal(ward, doctor, patient)
    for id in (other["steps"][0]["id"], str(uuid4())):
        answer = await act(doctor, note, "approve", {"steps": [{"id": id}]})
        assert (answer.status, answer.slug) == (404, "not-found")
    assert await active(patient) == ["Rest 30 minutes"]


async def test_only_the_author_reviews(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    stranger = await ward.doctor()
    for name in ("approve", "reject", "withdraw", "retry"):
        assert (await act(patient, note, name)).slug == "forbidden"
        assert (await act(stranger, note, name)).slug == "not-found"
        assert (await doctor.post(f"/api/notes/{uuid4()}/{name}/")).slug == "not-found"
        assert (await doctor.post(f"/api/notes/that-one/{name}/")).slug == "not-found"
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["status"] == "proposed"


async def test_of_an_approval_and_a_rejection_at_once_one_stands(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await proposal(ward, doctor, patient)
    answers = await asyncio.gather(*(act(doctor, note, name) for name in ("approve", "reject", "approve", "reject")))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    status = (await doctor.get(f"/api/notes/{note['id']}/")).body["status"]
    assert await active(patient) == (["Book a chest X-ray", "Walk 20 minutes"] if status == "ready" else [])


# Rejecting


async def test_a_rejected_proposal_leaves_the_old_plan(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[REST])
    note = await proposal(ward, doctor, patient)
    answer = await act(doctor, note, "reject")
    assert (answer.status, answer.body["status"]) == (200, "rejected")
    assert [step["status"] for step in answer.body["steps"]] == ["rejected", "rejected"]
    assert await active(patient) == ["Rest 30 minutes"]
    theirs = (await patient.get(f"/api/notes/{note['id']}/")).body
    assert (theirs["status"], theirs["steps"]) == ("rejected", [])
    for name in ("approve", "reject", "retry"):
        assert (await act(doctor, note, name)).slug == "conflict"


async def test_only_what_waits_can_be_approved_or_rejected(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    queued = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    ready = await ward.note(doctor, patient, plan=[WALK])
    for note in (queued, ready):
        for name in ("approve", "reject"):
            assert (await act(doctor, note, name)).status == 409


# Withdrawing


async def test_a_withdrawn_note_stops_its_steps_and_closes_its_words_to_the_patient(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[WALK], checklist=[SCAN])
    scan = await patient.step("Book")
    await patient.post(f"/api/check-in/{scan['id']}/")
    async with patient.live() as page:
        answer = await act(doctor, note, "withdraw", {"reason": "Wrong patient."})
        told = (await page.next("steps.changed"))["data"]
    assert (answer.status, answer.body["status"], answer.body["text"]) == (200, "withdrawn", note["text"])
    assert {step["title"]: step["status"] for step in answer.body["steps"]} == {
        "Book a chest X-ray": "completed",
        "Walk 20 minutes": "cancelled",
    }
    assert told["by"] == "doctor" and len(told["cancelled"]) == 1
    assert (await patient.get(f"/api/notes/{note['id']}/")).slug == "not-found"
    assert (await patient.get("/api/notes/")).body["items"] == []
    assert await active(patient) == []
    assert [step["quote"] for step in await patient.steps("?status=all")] == [None, None]
    assert (await patient.get(f"/api/steps/{scan['id']}/")).body["quote"] is None
    past = [(one["event"], one["data"]) for one in (await patient.get("/api/events/")).body["items"]]
    assert "Walk 20 minutes daily" not in str(past) and ("withdrawn", {}) in past
    # Its author keeps it.
    assert [one["status"] for one in (await doctor.get("/api/notes/")).body["items"]] == ["withdrawn"]
    again = await act(doctor, note, "withdraw")
    assert (again.status, again.body) == (200, answer.body)
    for name in ("approve", "reject", "retry"):
        assert (await act(doctor, note, name)).slug == "conflict"


@pytest.mark.parametrize("kind", ["queued", "failed", "proposed", "superseded"])
async def test_a_note_can_be_withdrawn_whatever_came_of_it(ward: Clinic, kind: str) -> None:
    patient, doctor = await ward.pair()
    if kind == "proposed":
        note = await proposal(ward, doctor, patient)
    else:
        ward.model.will({"do": "refuse"})
        note = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
        if kind != "queued":
            await ward.read_notes()
        if kind == "superseded":
            await ward.note(doctor, patient, plan=[REST])
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["status"] == kind
    assert (await act(doctor, note, "withdraw")).body["status"] == "withdrawn"
    ward.model.script.clear()
    await ward.read_notes()
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["status"] == "withdrawn", "it is not read any more"
    assert await active(patient) == (["Rest 30 minutes"] if kind == "superseded" else [])


async def test_the_reason_of_a_withdrawal_is_short(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[WALK])
    answer = await act(doctor, note, "withdraw", {"reason": "x" * 201})
    assert answer.status == 422 and await active(patient) == ["Walk 20 minutes"]
