"""Choosing a doctor, changing and leaving them; what a former and a new doctor see; a doctor's patients by need."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.support.driver import Clinic, Person, item, pages, plan_item, until

WALK = plan_item("Walk 20 minutes", "Walk 20 minutes daily")


async def current(patient: Person) -> dict[str, Any] | None:
    answer = await patient.get("/api/assign/")
    assert answer.status == 200 or answer.slug == "not-assigned"
    return answer.body if answer.status == 200 else None


async def patients_of(doctor: Person, query: str = "") -> list[str]:
    return [one["id"] for one in (await doctor.get(f"/api/my-patients/{query}")).body["items"]]


async def feed(user: Person) -> list[tuple[str, dict[str, Any]]]:
    return [(one["event"], one["data"]) for one in (await user.get("/api/events/")).body["items"]]


# Choosing


async def test_a_patient_chooses_a_doctor(ward: Clinic) -> None:
    patient, doctor = await ward.patient(), await ward.doctor()
    assert await current(patient) is None
    answer = await patient.post("/api/assign/", {"doctor_id": doctor.id})
    assert answer.status == 201 and answer.body == await current(patient) == {
        "id": answer.body["id"],
        "doctor": {"id": doctor.id, "name": doctor.user["name"]},
        "since": "2027-03-01T12:00:00Z",
        "share_history": False,
    }
    assert await patients_of(doctor) == [patient.id]
    told = {"patient": {"id": patient.id, "name": patient.user["name"]}, "doctor": answer.body["doctor"]}
    assert await feed(patient) == await feed(doctor) == [("assignment.changed", told)]


async def test_choosing_the_same_doctor_again_changes_nothing(ward: Clinic) -> None:
    patient, doctor = await ward.patient(), await ward.doctor()
    first = await ward.assign(patient, doctor, share_history=True)
    ward.set_clock("2027-03-02T12:00")
    again = await patient.post("/api/assign/", {"doctor_id": doctor.id})
    assert again.status == 200 and again.body == first == await current(patient)
    assert len(await feed(doctor)) == 1


async def test_a_patient_shares_the_history_later_and_takes_it_back(ward: Clinic) -> None:
    patient, doctor = await ward.patient(), await ward.doctor()
    first = await ward.assign(patient, doctor)
    for share in (True, False):
        answer = await patient.post("/api/assign/", {"doctor_id": doctor.id, "share_history": share})
        assert answer.status == 200 and answer.body == {**first, "share_history": share} == await current(patient)


async def test_another_doctor_takes_the_first_ones_place(ward: Clinic) -> None:
    patient, first = await ward.pair()
    second = await ward.doctor()
    answer = await patient.post("/api/assign/", {"doctor_id": second.id})
    assert answer.status == 201 and answer.body["doctor"]["id"] == second.id
    assert (await patients_of(first), await patients_of(second)) == ([], [patient.id])
    assert (await feed(first))[-1][1]["doctor"] is None


async def test_a_patient_leaves_their_doctor(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    assert (await patient.delete("/api/assign/")).status == 204
    assert (await patient.delete("/api/assign/")).slug == "not-assigned"
    assert await current(patient) is None and await patients_of(doctor) == []
    assert (await patient.step("Walk"))["status"] == "active", "the plan runs on"
    left = {"patient": {"id": patient.id, "name": patient.user["name"]}, "doctor": None}
    assert (await feed(patient))[-1] == (await feed(doctor))[-1] == ("assignment.changed", left)


async def test_only_a_doctor_who_is_there_can_be_chosen(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    answers = [await patient.post("/api/assign/", {"doctor_id": id}) for id in (other.id, patient.id, str(uuid4()))]
    assert {(answer.status, answer.raw) for answer in answers} == {(404, answers[0].raw)}
    nonsense = await patient.post("/api/assign/", {"doctor_id": "dr-osei"})
    assert nonsense.body["errors"][0]["pointer"] == "#/doctor_id"
    assert await current(patient) is None


async def test_of_two_choices_at_once_one_stands(ward: Clinic) -> None:
    patient, doctors = await ward.patient(), [await ward.doctor() for _ in range(4)]
    answers = await asyncio.gather(*(patient.post("/api/assign/", {"doctor_id": one.id}) for one in doctors))
    assert {answer.status for answer in answers} == {201}
    held = await current(patient)
    assert held in [answer.body for answer in answers]
    assert [await patients_of(one) for one in doctors].count([patient.id]) == 1


# Doctors to choose from


async def listed(user: Person, q: str) -> list[str]:
    answer = await user.get(f"/api/doctors/?q={q}")
    assert answer.status == 200
    return [one["name"] for one in answer.body["items"]]


async def test_a_doctor_is_found_by_the_beginning_of_a_name_in_any_spelling(clinic: Clinic) -> None:
    patient = await clinic.patient()
    names = ["Dr Zoë Ávila-Groß", "Dr Amara Osei", "Dr Ömer Şahin", "Dr Ada Zorn"]
    doctors = [await clinic.doctor(name=name) for name in names]
    for q, found in {
        "zo": ["Dr Ada Zorn", "Dr Zoë Ávila-Groß"],
        "ZOE": ["Dr Zoë Ávila-Groß"],
        "zoë": ["Dr Zoë Ávila-Groß"],
        "avila-gross": ["Dr Zoë Ávila-Groß"],
        "dr+a": ["Dr Ada Zorn", "Dr Amara Osei"],
        "omer": ["Dr Ömer Şahin"],
        "sahin": ["Dr Ömer Şahin"],
        "vila": [],
        "sei": [],
        "%00": [],
        "dr": sorted(names, key=clinic_order),
        "": sorted(names, key=clinic_order),
        "+++": sorted(names, key=clinic_order),
    }.items():
        if q == "%00":
            assert (await patient.get("/api/doctors/?q=%00")).slug == "invalid"
        else:
            assert await listed(patient, q) == found, q
    assert await listed(doctors[0], "osei") == ["Dr Amara Osei"]
    one = (await patient.get("/api/doctors/?q=osei")).body["items"][0]
    assert one == {"id": doctors[1].id, "name": "Dr Amara Osei"}


def clinic_order(name: str) -> str:
    return name.replace("Ö", "O")


async def test_doctors_come_in_pages(clinic: Clinic) -> None:
    patient = await clinic.patient()
    for letter in "EDCBA":
        await clinic.sign_up("doctor", name=f"Dr {letter}")
    found = await pages(patient, "/api/doctors/?limit=2")
    assert [[one["name"] for one in page] for page in found] == [["Dr A", "Dr B"], ["Dr C", "Dr D"], ["Dr E"]]


# What a former and a new doctor see


async def test_a_former_doctor_loses_everything_at_once(ward: Clinic) -> None:
    patient, former = await ward.pair()
    note = await ward.note(former, patient, plan=[WALK], checklist=[item("Book a chest X-ray")])
    in_flight = await ward.submit(former, patient, "Rest for a week.")
    step = await patient.step("Walk")
    async with former.live() as note_worker:
        await ward.assign(patient, await ward.doctor())
        assert (await note_worker.next("assignment.changed"))["data"]["doctor"] is None
        await patient.post(f"/api/check-in/{step['id']}/")
        await note_worker.nothing_more()
    for path in (
        f"/api/notes/{note['id']}/",
        f"/api/notes/{in_flight['id']}/",
        f"/api/steps/{step['id']}/",
        f"/api/steps/?patient_id={patient.id}",
        f"/api/notes/?patient_id={patient.id}",
        f"/api/adherence/?patient_id={patient.id}",
    ):
        assert (await former.get(path)).slug == "not-found", path
    for path in (f"/api/steps/{step['id']}/cancel/", f"/api/notes/{note['id']}/withdraw/"):
        assert (await former.post(path)).slug == "not-found", path
    assert await former.steps("?status=all") == []
    assert (await former.get("/api/notes/")).body["items"] == []
    # What the feed told about the patient keeps its place and loses its content; only that it ended can be read.
    told = await feed(former)
    assert {event for event, data in told[:-1] if data == {}} == {"withdrawn"} and told[-1][0] == "assignment.changed"
    assert all(event == "withdrawn" for event, _ in told[:-1])
    assert (await patient.get(f"/api/notes/{in_flight['id']}/")).body["status"] == "superseded"
    assert (await patient.step("Walk"))["status"] == "active"


async def test_a_note_in_flight_when_the_doctor_changes_never_becomes_the_plan(ward: Clinic) -> None:
    patient, former = await ward.pair()
    ward.model.will({"do": "answer", "answer": {"checklist": [], "plan": [WALK]}})
    note = await ward.submit(former, patient, "Walk 20 minutes daily.")
    await ward.assign(patient, await ward.doctor())
    await ward.read_notes()
    assert (await patient.get(f"/api/notes/{note['id']}/")).body["status"] == "superseded"
    assert await patient.steps("?status=all") == []


async def test_a_new_doctor_sees_what_is_active_without_the_words_of_the_former(ward: Clinic) -> None:
    patient, former = await ward.pair()
    await ward.note(former, patient, checklist=[item("Book a chest X-ray")])
    old = await patient.step("Book")
    ward.set_clock("2027-03-02T12:00")
    note = await ward.note(former, patient, plan=[WALK])
    step = await patient.step("Walk")
    new = await ward.doctor()
    ward.set_clock("2027-03-03T12:00")
    await ward.assign(patient, new)
    step = await patient.step("Walk")
    assert await new.steps("?status=all") == [{**step, "quote": None}]
    assert (await new.get(f"/api/steps/{step['id']}/")).body["quote"] is None
    assert (await new.get(f"/api/steps/{old['id']}/")).slug == "not-found", "it was over before"
    assert (await new.get("/api/notes/")).body["items"] == []
    assert (await new.get(f"/api/notes/{note['id']}/")).slug == "not-found"
    async with new.live() as note_worker:
        await patient.post(f"/api/check-in/{step['id']}/", {"slot": "2027-03-01T12:00:00Z"})
        await patient.post(f"/api/steps/{step['id']}/cancel/")
        assert (await note_worker.next("steps.changed"))["data"]["cancelled"] == [step["id"]]
    assert [one["quote"] for one in await new.steps("?status=cancelled")] == [None], "it ended with them"


async def test_a_patient_may_share_the_history(ward: Clinic) -> None:
    patient, former = await ward.pair()
    await ward.note(former, patient, checklist=[item("Book a chest X-ray")])
    ward.set_clock("2027-03-02T12:00")
    note = await ward.note(former, patient, plan=[WALK])
    new = await ward.doctor()
    await ward.assign(patient, new, share_history=True)
    assert [one["quote"] for one in await new.steps("?status=all")] == ["Book a chest X-ray", "Walk 20 minutes daily"]
    read = (await new.get(f"/api/notes/{note['id']}/")).body
    assert read["text"] == note["text"] and "dropped" not in read
    assert len((await new.get(f"/api/notes/?patient_id={patient.id}")).body["items"]) == 2
    # Shared to read, not to act on: what the former wrote stays theirs.
    assert (await new.post(f"/api/notes/{note['id']}/withdraw/")).slug == "not-found"


async def test_coming_back_gives_the_doctor_their_own_notes_again(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[WALK])
    await ward.assign(patient, await ward.doctor())
    await ward.assign(patient, doctor)
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["text"] == note["text"]


# A doctor's patients


async def test_a_doctors_patients_are_named_with_what_is_open(ward: Clinic) -> None:
    patient, doctor = await ward.pair(name="Ruth Keller")
    [before] = (await doctor.get("/api/my-patients/")).body["items"]
    assert before == {
        "id": patient.id,
        "name": "Ruth Keller",
        "since": "2027-03-01T12:00:00Z",
        "steps_open": 0,
        "notes_waiting": 0,
        "questions_open": 0,
        "last_check_in_at": None,
        "last_seen_at": "2027-03-01T12:00:00Z",
        "missed_in_a_row": 0,
        "adherence": None,
        "days": [{"due": 0, "done": 0, "skipped": 0}] * 30,
        "asks": 0,
        "asks_since": None,
        "need": "on_course",
        "reason": None,
        "birth_date": None,
        "phone": None,
        "skip_reason": None,
        "called": None,
    }
    await ward.note(doctor, patient, plan=[WALK], checklist=[item("Book a chest X-ray")])
    ward.set_clock("2027-03-01T12:30")
    await patient.post(f"/api/check-in/{(await patient.step('Book'))['id']}/")
    [after] = (await doctor.get("/api/my-patients/")).body["items"]
    assert (after["steps_open"], after["last_check_in_at"]) == (1, "2027-03-01T12:30:00Z")
    assert after["last_seen_at"] == "2027-03-01T12:30:00Z"
    ward.set_clock("2027-03-01T13:00")

    async def seen_again() -> bool:
        [row] = (await doctor.get("/api/my-patients/")).body["items"]
        # Those seen within the same two seconds are written down together, at the latest of their times: on a ward
        # whose clock an earlier test had set further on, that may be later.
        return bool(row["last_seen_at"] >= "2027-03-01T13:00:00Z")

    async with patient.live():
        await until(seen_again)


DONE, SKIPPED, MISSED = "done", "skipped", None
# What each patient does on the last days, today last; "-" stands for a patient without a plan.
HABITS: dict[str, tuple[list[Any], tuple[str, str | None]]] = {
    "Amir stopped": ([DONE, DONE, MISSED, MISSED], ("silent", "two-unanswered")),
    "Bea stopped long ago": ([DONE, DONE, MISSED, MISSED, MISSED], ("silent", "two-unanswered")),
    "Carl keeps half": ([MISSED, DONE, MISSED, SKIPPED, DONE], ("slipping", "under-60")),
    "Dora fell off": (
        [DONE] * 14 + [MISSED, DONE, MISSED, DONE, DONE, MISSED, DONE, DONE, DONE, DONE, DONE, DONE, DONE, DONE],
        ("slipping", "down-20"),
    ),
    "Emil skips": ([SKIPPED, DONE, SKIPPED, DONE, DONE, SKIPPED, DONE, DONE], ("slipping", "skipped-3")),
    "Fay is well": ([DONE, MISSED, DONE, DONE], ("on_course", None)),
    "Gil has no plan": ([], ("on_course", None)),
}


@pytest.fixture
async def month(clinic: Clinic) -> tuple[Clinic, Person, dict[str, Person]]:
    """A month of a doctor's patients, each with a habit."""
    doctor = await clinic.doctor()
    people = {name: await clinic.patient(name=name) for name in HABITS}
    for person in people.values():
        await clinic.assign(person, doctor)
    steps: dict[str, str] = {}
    for day in range(1, 29):
        for name, (habit, _) in HABITS.items():
            if len(habit) == 29 - day:
                clinic.set_clock(f"2027-04-{day:02d}T06:00")
                steps[name] = (await clinic.plan_daily(doctor, people[name], "Walk"))["id"]
        await clinic.tick(f"2027-04-{day:02d}T09:00")
        for name, id in steps.items():
            outcome = HABITS[name][0][day - 29]
            if outcome:
                answer = await people[name].post(f"/api/check-in/{id}/", {"outcome": outcome})
                assert answer.body["open_slot"] is None
    return clinic, doctor, people


@pytest.mark.long
async def test_the_patients_who_need_a_look_come_first(month: tuple[Clinic, Person, dict[str, Person]]) -> None:
    _, doctor, people = month
    rows = {row["name"]: row for row in (await doctor.get("/api/my-patients/")).body["items"]}
    assert {name: (row["need"], row["reason"]) for name, row in rows.items()} == {
        name: expected for name, (_, expected) in HABITS.items()
    }
    order = [
        "Bea stopped long ago",
        "Amir stopped",
        "Carl keeps half",
        "Dora fell off",
        "Emil skips",
        "Fay is well",
        "Gil has no plan",
    ]
    assert list(rows) == order
    by_name = [row["name"] for row in (await doctor.get("/api/my-patients/?sort=name")).body["items"]]
    assert by_name == sorted(HABITS)
    # Today's slot is open still for those who did not answer: it is not due yet.
    assert rows["Amir stopped"]["adherence"] == round(2 / 3, 4) and rows["Amir stopped"]["missed_in_a_row"] == 1
    assert rows["Emil skips"]["adherence"] == 0.625
    assert rows["Emil skips"]["days"][-4:] == [
        {"due": 1, "done": 1, "skipped": 0},
        {"due": 1, "done": 0, "skipped": 1},
        {"due": 1, "done": 1, "skipped": 0},
        {"due": 1, "done": 1, "skipped": 0},
    ]
    assert sum(day["due"] for day in rows["Dora fell off"]["days"]) == 28
    found = await pages(doctor, "/api/my-patients/?limit=4")
    assert [[row["name"] for row in page] for page in found] == [order[:4], order[4:]]
    # The days of the patient's own page add up to the same.
    amir = people["Amir stopped"]
    days = (await amir.get("/api/adherence/?days=4")).body["items"]
    assert [(day["date"], day["due"], day["done"], day["missed"]) for day in days] == [
        ("2027-04-25", 1, 1, 0),
        ("2027-04-26", 1, 1, 0),
        ("2027-04-27", 1, 0, 1),
        ("2027-04-28", 0, 0, 0),
    ]
    assert (await doctor.get(f"/api/adherence/?days=4&patient_id={amir.id}")).body["items"] == days
