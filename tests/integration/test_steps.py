"""Steps over REST: listed, read, answered, undone, cancelled."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.support.driver import Answer, Clinic, Person, item, pages, plan_item

WALK = plan_item("Walk 20 minutes", "Walk 20 minutes daily")
SCAN = item("Book a chest X-ray")
DROPS = plan_item("Use the drops", "Use the drops if the eyes itch", as_needed=True)


async def check_in(patient: Person, step: dict[str, Any], body: Any = None) -> Answer:
    return await patient.post(f"/api/check-in/{step['id']}/", body)


async def undo(patient: Person, step: dict[str, Any], query: str = "") -> Answer:
    return await patient.delete(f"/api/check-in/{step['id']}/{query}")


async def cancel(user: Person, step: dict[str, Any], body: Any = None) -> Answer:
    return await user.post(f"/api/steps/{step['id']}/cancel/", body)


def titles(steps: list[dict[str, Any]]) -> list[str]:
    return [step["title"] for step in steps]


# Lists


async def test_steps_are_listed_by_how_they_stand(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[plan_item("Rest", "Rest daily")])
    ward.set_clock("2027-03-01T13:00")
    await ward.note(doctor, patient, checklist=[SCAN], plan=[WALK])
    await check_in(patient, await patient.step("Book"))
    for reader in (patient, doctor):
        assert titles(await reader.steps()) == ["Walk 20 minutes"]
        assert titles(await reader.steps("?status=active")) == ["Walk 20 minutes"]
        assert titles(await reader.steps("?status=completed")) == ["Book a chest X-ray"]
        assert titles(await reader.steps("?status=cancelled")) == ["Rest"]
        assert titles(await reader.steps("?status=all")) == ["Rest", "Book a chest X-ray", "Walk 20 minutes"]


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=WzFd",
        "cursor=%F0%9F%98%80",
        "patient_id=",
        "patient_id=ruth",
        "status=%ff",
    ],
)
async def test_a_list_says_what_is_wrong_with_a_question(ward: Clinic, query: str) -> None:
    patient = await ward.patient()
    answer = await patient.get(f"/api/steps/?{query}")
    assert answer.status == 422
    assert [error["pointer"] for error in answer.body["errors"]] == [f"#/{query.partition('=')[0]}"]


async def test_many_steps_come_in_pages_in_the_order_of_the_note(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    places = ("clinic", "ward", "dentist", "school", "optician", "hospital", "pharmacy")
    words = [f"Call the {place}" for place in places]
    await ward.note(doctor, patient, checklist=[item(word) for word in words])
    for reader in (patient, doctor):
        found = await pages(reader, "/api/steps/?limit=3")
        assert [titles(page) for page in found] == [words[:3], words[3:6], words[6:]]
        assert [len(page) for page in await pages(reader, "/api/steps/?limit=7")] == [7]


async def test_a_page_stays_where_it_is_when_steps_go_meanwhile(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    words = [f"Call {name}" for name in ("the clinic", "the ward", "the dentist", "the school")]
    await ward.note(doctor, patient, checklist=[item(word) for word in words])
    first = (await patient.get("/api/steps/?limit=2")).body
    await check_in(patient, first["items"][0])
    second = (await patient.get(f"/api/steps/?limit=2&cursor={first['next']}")).body
    assert titles(second["items"]) == words[2:] and second["next"] is None


async def test_a_doctor_sees_the_steps_of_all_patients_or_of_one(ward: Clinic) -> None:
    (ruth, doctor), tom, stranger = await ward.pair(), await ward.patient(), await ward.patient()
    await ward.assign(tom, doctor)
    await ward.note(doctor, ruth, checklist=[item("Call the ward")])
    await ward.note(doctor, tom, checklist=[item("Call the clinic")])
    assert sorted(titles(await doctor.steps())) == ["Call the clinic", "Call the ward"]
    assert titles(await doctor.steps(f"?patient_id={tom.id}")) == ["Call the clinic"]
    assert titles(await ruth.steps(f"?patient_id={ruth.id}")) == ["Call the ward"]
    for user, id in ((doctor, stranger.id), (doctor, str(uuid4())), (ruth, tom.id), (stranger, ruth.id)):
        assert (await user.get(f"/api/steps/?patient_id={id}")).slug == "not-found"


async def test_a_proposed_step_is_for_its_author_alone(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(
        doctor,
        patient,
        plan=[WALK, plan_item("Run 9 km", "Run 9 km")],
        text="Walk 20 minutes daily.",
        expect="proposed",
    )
    [walk] = note["steps"]
    assert await doctor.steps("?status=proposed") == [walk] == await doctor.steps("?status=all")
    assert (await doctor.get(f"/api/steps/{walk['id']}/")).body == {**walk, "check_ins": []}
    for status in ("proposed", "rejected", "all", "active"):
        assert await patient.steps(f"?status={status}") == []
    assert (await patient.get(f"/api/steps/{walk['id']}/")).slug == "not-found"
    assert (await check_in(patient, walk)).slug == "step-proposed"
    assert (await undo(patient, walk)).slug == "not-found"
    assert (await cancel(patient, walk)).slug == "not-found"
    await doctor.post(f"/api/notes/{note['id']}/reject/")
    assert titles(await doctor.steps("?status=rejected")) == ["Walk 20 minutes"]
    assert (await check_in(patient, walk)).slug == "not-found"
    # Another doctor never sees what was not approved, shared history or not.
    new = await ward.doctor()
    await ward.assign(patient, new, share_history=True)
    assert await new.steps("?status=all") == [] == await new.steps("?status=rejected")
    assert (await new.get(f"/api/steps/{walk['id']}/")).slug == "not-found"


async def test_a_step_with_an_unknown_id_is_not_found(ward: Clinic) -> None:
    patient = await ward.patient()
    for id in (str(uuid4()), "nobody's", str(uuid4()).upper(), "%00", "..", "%F0%9F%98%80"):
        for method, path in (
            ("GET", f"/api/steps/{id}/"),
            ("POST", f"/api/steps/{id}/cancel/"),
            ("POST", f"/api/check-in/{id}/"),
            ("DELETE", f"/api/check-in/{id}/"),
        ):
            answer = await patient.call(method, path)
            assert (answer.status, answer.slug) == (404, "not-found"), path


async def test_ids_in_capitals_are_the_same_ids(ward: Clinic) -> None:
    patient, doctor = await ward.patient(), await ward.doctor()
    assert (await patient.post("/api/assign/", {"doctor_id": doctor.id.upper()})).body["doctor"]["id"] == doctor.id
    big = patient.id.upper()
    await ward.note(doctor, patient, checklist=[SCAN, item("Drink water")])
    scan, water = await patient.steps()
    assert (await doctor.get(f"/api/steps/?patient_id={big}")).body["items"] == await doctor.steps()
    assert (await patient.get(f"/api/steps/{scan['id'].upper()}/")).body["id"] == scan["id"]
    assert (await patient.post(f"/api/check-in/{scan['id'].upper()}/")).body["status"] == "completed"
    async with patient.live() as page:
        reply = await page.ask({"type": "check_in", "id": "a", "step_id": water["id"].upper()})
        assert reply["ok"] and reply["data"]["id"] == water["id"]
    note = await doctor.post("/api/notes/", {"patient_id": big, "text": "Rest."})
    assert (note.status, note.body["patient"]["id"]) == (202, patient.id)
    assert note.body["id"] in [one["id"] for one in (await doctor.get(f"/api/notes/?patient_id={big}")).body["items"]]


# Checking in


async def test_a_step_tells_its_check_ins(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[{**WALK, "times_per_day": 2, "quote": "Walk 20 minutes twice daily"}])
    step = await patient.step("Walk")
    await ward.tick("2027-03-01T21:05")
    assert (await check_in(patient, step, {"outcome": "skipped", "reason": "Rain, and a föhn"})).status == 200
    await ward.tick("2027-03-02T09:10")
    done = await check_in(patient, step, {"slot": "2027-03-02T09:00:00Z"})
    assert done.body["progress"] == {"done": 1, "total": None}
    first = {"slot": "2027-03-01T21:00:00Z", "at": "2027-03-01T21:05:00Z"}
    second = {"slot": "2027-03-02T09:00:00Z", "at": "2027-03-02T09:10:00Z"}
    expected = [
        {**first, "outcome": "skipped", "reason": "Rain, and a föhn"},
        {**second, "outcome": "done", "reason": None},
    ]
    for reader in (patient, doctor):
        read = (await reader.get(f"/api/steps/{step['id']}/")).body
        assert read == {**done.body, "check_ins": expected}
    assert read["today"] == [
        {"slot": "2027-03-02T09:00:00Z", "state": "done"},
        {"slot": "2027-03-02T21:00:00Z", "state": "upcoming"},
    ]


async def test_a_checklist_step_is_done_once_and_for_all(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, checklist=[SCAN])
    step = await patient.step("Book")
    skipped = await check_in(patient, step, {"outcome": "skipped"})
    assert (skipped.status, skipped.body["status"]) == (200, "active")
    done = await check_in(patient, step)
    assert (done.body["status"], done.body["ended"]) == ("completed", "done")
    assert done.body["progress"] == {"done": 1, "total": 1}
    assert (await check_in(patient, step)).body == done.body
    assert (await check_in(patient, step, {"slot": "2027-03-01T12:00:00Z"})).status == 422
    assert (await undo(patient, step)).body["status"] == "active"
    assert [one["outcome"] for one in (await patient.get(f"/api/steps/{step['id']}/")).body["check_ins"]] == ["skipped"]


async def test_what_is_taken_as_needed_is_recorded_at_most_once_a_minute(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[DROPS])
    step = await patient.step("Use")
    counts = []
    for moment in ("12:00", "12:00:30", "12:01", "15:00"):
        ward.set_clock(f"2027-03-01T{moment}")
        answer = await check_in(patient, step)
        assert answer.status == 200 and answer.body["status"] == "active"
        counts.append(answer.body["progress"]["done"])
    assert counts == [1, 1, 2, 3]
    read = (await patient.get(f"/api/steps/{step['id']}/")).body
    assert [one["at"][11:16] for one in read["check_ins"]] == ["12:00", "12:01", "15:00"]
    assert (await undo(patient, step)).body["progress"]["done"] == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"outcome": "half"}, "#/outcome"),
        ({"outcome": None}, "#/outcome"),
        ({"slot": "yesterday"}, "#/slot"),
        ({"slot": "2027-03-01T09:30:00Z"}, "#/slot"),
        ({"slot": "2027-02-30T09:00:00Z"}, "#/slot"),
        ({"slot": "2027-02-28T09:00:00Z"}, "#/slot"),
        ({"slot": 1}, "#/slot"),
        ({"reason": "x" * 201}, "#/reason"),
        ({"done": True}, "#/done"),
        ([], "#"),
        ("done", "#"),
        (None, ""),
    ],
)
async def test_a_check_in_says_what_is_wrong_and_records_nothing(ward: Clinic, body: Any, pointer: str) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    step = await patient.step("Walk")
    await ward.tick("2027-03-02T10:00")
    answer = (
        await patient.post(f"/api/check-in/{step['id']}/", raw=b"null")
        if body is None
        else (await check_in(patient, step, body))
    )
    assert answer.status == 422 and [error["pointer"] for error in answer.body["errors"]] == [pointer or "#"]
    assert (await patient.get(f"/api/steps/{step['id']}/")).body["check_ins"] == []


async def test_a_slot_can_be_answered_from_today_until_two_days_later(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    step = await patient.step("Walk")
    for day in (2, 3, 4, 5):
        await ward.tick(f"2027-03-{day:02d}T09:00")
    ward.set_clock("2027-03-05T10:00")
    slots = {day: {"slot": f"2027-03-{day:02d}T09:00:00Z"} for day in (2, 3, 4, 5, 6)}
    for day in (2, 6):
        closed = await check_in(patient, step, slots[day])
        assert (closed.status, closed.slug) == (409, "slot-closed"), day
    late = await check_in(patient, step, slots[4])
    assert (late.status, late.body["progress"]["done"], late.body["open_slot"]) == (200, 1, slots[5]["slot"])
    assert (await check_in(patient, step)).body["open_slot"] is None
    # A slot that is closed stays as it was; with none open nothing is counted.
    assert (await check_in(patient, step, {**slots[5], "outcome": "skipped"})).body["progress"]["done"] == 2
    assert (await check_in(patient, step)).body["progress"]["done"] == 2


async def test_a_check_in_can_be_undone_for_a_day(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    step = await patient.step("Walk")
    assert (await undo(patient, step)).slug == "conflict", "there is nothing to undo"
    await ward.tick("2027-03-02T09:00")
    await check_in(patient, step)
    undone = await undo(patient, step, "?slot=2027-03-02T09:00:00Z")
    assert (undone.status, undone.body["open_slot"]) == (200, "2027-03-02T09:00:00Z")
    assert undone.body["progress"]["done"] == 0
    assert (await undo(patient, step)).slug == "conflict"
    for query in ("?slot=yesterday", "?slot=2027-03-02T09:30:00Z"):
        assert (await undo(patient, step, query)).status == 422
    await check_in(patient, step)
    ward.set_clock("2027-03-03T09:01")
    assert (await undo(patient, step)).slug == "too-late"


async def test_only_the_patient_answers_their_step(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    step, other = await patient.step("Walk"), await ward.patient()
    assert ((await check_in(doctor, step)).slug, (await undo(doctor, step)).slug) == ("forbidden", "forbidden")
    assert ((await check_in(other, step)).slug, (await undo(other, step)).slug) == ("not-found", "not-found")


# Cancelling


async def test_a_step_is_cancelled_by_its_patient_or_their_doctor(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK, DROPS])
    for user, title, by in ((patient, "Walk", "patient"), (doctor, "Use", "doctor")):
        step = await patient.step(title)
        async with doctor.live() as note_worker:
            answer = await cancel(user, step, {"reason": "It hurts."})
            told = (await note_worker.next("steps.changed"))["data"]
        assert answer.status == 200 and answer.body == {
            **step,
            "status": "cancelled",
            "cancelled_at": "2027-03-01T12:00:00Z",
            "next_reminder_at": None,
            "today": [],
        }
        assert (told["cancelled"], told["by"]) == ([step["id"]], by)
        again = await cancel(user, step)
        assert (again.status, again.body) == (200, answer.body)
        assert (await check_in(patient, step)).slug == "step-cancelled"


async def test_others_cannot_cancel_and_what_is_done_stays_done(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK], checklist=[SCAN])
    walk, scan = await patient.step("Walk"), await patient.step("Book")
    assert (await cancel(await ward.patient(), walk)).slug == "not-found"
    assert (await cancel(await ward.doctor(), walk)).slug == "not-found"
    assert (await cancel(patient, walk, {"reason": "x" * 201})).status == 422
    await check_in(patient, scan)
    assert (await cancel(doctor, scan)).slug == "conflict"
    assert titles(await patient.steps()) == ["Walk 20 minutes"]


async def test_an_open_slot_of_a_cancelled_step_can_still_be_answered(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    step = await patient.step("Walk")
    await ward.tick("2027-03-02T09:00")
    ward.set_clock("2027-03-02T10:00")
    cancelled = (await cancel(doctor, step)).body
    late = await check_in(patient, step, {"slot": "2027-03-02T09:00:00Z"})
    assert (late.status, late.body) == (200, cancelled)
    read = (await patient.get(f"/api/steps/{step['id']}/")).body
    assert [one["outcome"] for one in read["check_ins"]] == ["done"]
    assert (await check_in(patient, step, {"slot": "2027-03-03T09:00:00Z"})).slug == "step-cancelled"
