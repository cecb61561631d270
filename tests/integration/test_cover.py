"""Cover: a colleague may do for a doctor's patients what the doctor may, for a time, and under their own name."""

from __future__ import annotations

import pytest

from tests.support.driver import PASSWORD, Clinic, item, pages, plan_item
from tests.support.people import cover_of

UNTIL = "2027-03-10T00:00:00Z"


async def test_who_covers_does_what_the_doctor_may_under_their_own_name(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")])
    colleague = await ward.doctor()
    assert (await colleague.get(f"/api/notes/{note['id']}/")).status == 404
    await cover_of(doctor, colleague, until=UNTIL)
    (line,) = (await colleague.get("/api/my-patients/")).body["items"]
    assert line["id"] == patient.id and line["covering"] == {"id": doctor.id, "name": doctor.user["name"]}
    (own,) = (await doctor.get("/api/my-patients/")).body["items"]
    assert "covering" not in own
    assert (await patient.get("/api/assign/")).body["cover"] == [
        {"id": colleague.id, "name": colleague.user["name"], "until": UNTIL}
    ]
    assert (await colleague.get(f"/api/notes/{note['id']}/")).body["text"].startswith("Walk")
    (step,) = (await colleague.get("/api/steps/")).body["items"]
    assert step["quote"] == "Walk 20 minutes daily"
    async with colleague.live() as channel:
        written = await ward.note(
            colleague,
            patient,
            checklist=[item("Drink water"), item("Take 500 mg of gold", "Drink water")],
            text="Drink water.",
            expect="proposed",
        )
        assert (await channel.next("note.status"))["data"]["note_id"] == written["id"]
        assert written["doctor"]["id"] == doctor.id and written["written_by"]["id"] == colleague.id
        approved = await colleague.post(f"/api/notes/{written['id']}/approve/")
        assert approved.status == 200 and approved.body["status"] == "ready"
        changed = await channel.next("steps.changed")
        assert changed["data"]["created"][0]["quote"] == "Drink water."
    seen = (await patient.get(f"/api/notes/{written['id']}/")).body
    assert seen["written_by"] == {"id": colleague.id, "name": colleague.user["name"]}
    log = (await patient.get("/api/me/access-log/?limit=200")).body["items"]
    by_colleague = {one["act"] for one in log if one["by"] and one["by"]["id"] == colleague.id}
    assert {"note.written", "note.approved", "note.read", "steps.listed", "patients.listed"} <= by_colleague
    assert (await doctor.get(f"/api/notes/{written['id']}/")).body["questions"] is not None, "it is the doctor's note"


@pytest.mark.long
async def test_who_covers_pages_through_their_own_notes_and_those_covered_and_no_others(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    own_patient, colleague = await ward.pair()
    stranger, other = await ward.pair()
    await cover_of(doctor, colleague, until=UNTIL)
    theirs = [
        (await ward.submit(author, of, "Drink water."))["id"]
        for author, of in ((doctor, patient), (colleague, own_patient), (doctor, patient), (other, stranger))
    ]
    found = await pages(colleague, "/api/notes/?limit=1")
    assert {one["id"] for shown in found for one in shown} == set(theirs[:3])


@pytest.mark.long
async def test_after_its_end_everything_is_withdrawn_like_a_former_doctors(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    colleague = await ward.doctor()
    cover = await cover_of(doctor, colleague, until=UNTIL)
    note = await ward.note(colleague, patient, plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")])
    await ward.tick("2027-03-02T09:00")
    step = await patient.step("Walk")
    assert (await patient.post(f"/api/check-in/{step['id']}/")).status == 200
    assert "step.checked_in" in {one["event"] for one in (await colleague.get("/api/events/")).body["items"]}
    assert (await colleague.delete(f"/api/me/cover/{cover['id']}/")).status == 204, "either of them ends it"
    events = (await colleague.get("/api/events/")).body["items"]
    assert [one["seq"] for one in events] == list(range(1, len(events) + 1))
    assert {one["event"] for one in events} == {"withdrawn", "cover.changed"}
    for path in (f"/api/notes/{note['id']}/", f"/api/steps/{step['id']}/", f"/api/steps/?patient_id={patient.id}"):
        assert (await colleague.get(path)).status == 404, path
    assert (await colleague.post("/api/notes/", {"patient_id": patient.id, "text": "Rest."})).status == 404
    assert (await colleague.get("/api/my-patients/")).body["items"] == []
    assert "cover" not in (await patient.get("/api/assign/")).body
    assert (await doctor.get(f"/api/notes/{note['id']}/")).status == 200
    assert (await doctor.delete(f"/api/me/cover/{cover['id']}/")).status == 404


async def test_cover_begins_and_ends_by_the_clock(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    colleague = await ward.doctor()
    answer = await cover_of(doctor, colleague, until="2027-03-03T12:00:00Z", **{"from": "2027-03-02T12:00:00Z"})
    assert answer["now"] is False

    async def seen() -> list[str]:
        return [one["id"] for one in (await colleague.get("/api/my-patients/")).body["items"]]

    assert await seen() == []
    ward.set_clock("2027-03-02T12:00")
    assert await seen() == [patient.id]
    assert (await colleague.get(f"/api/steps/?patient_id={patient.id}")).status == 200
    ward.set_clock("2027-03-03T12:00")
    assert await seen() == []
    assert (await colleague.get(f"/api/steps/?patient_id={patient.id}")).status == 404
    assert (await doctor.get("/api/me/cover/")).body["items"] == []


async def test_cover_is_not_transitive_also_in_a_circle(ward: Clinic) -> None:
    (first_patient, first), (second_patient, second) = await ward.pair(), await ward.pair()
    third = await ward.doctor()
    await cover_of(first, second, until=UNTIL)
    await cover_of(second, first, until=UNTIL)
    await cover_of(second, third, until=UNTIL)
    for doctor, patients in (
        (first, {first_patient.id, second_patient.id}),
        (second, {first_patient.id, second_patient.id}),
        (third, {second_patient.id}),
    ):
        assert {one["id"] for one in (await doctor.get("/api/my-patients/")).body["items"]} == patients
    assert (await third.get(f"/api/steps/?patient_id={first_patient.id}")).status == 404


async def test_a_doctor_can_name_neither_themselves_nor_an_inactive_colleague_as_cover(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    colleague, pending = await ward.doctor(), await ward.doctor()
    await ward.app.store.users.update(pending.id, {"status": "pending"})

    async def named(id: str, until: str = UNTIL) -> int:
        return (await doctor.post("/api/me/cover/", {"doctor_id": id, "until": until})).status

    assert await named(doctor.id) == 422
    assert await named(patient.id) == 404
    assert await named(pending.id) == 404
    assert await named(colleague.id, "2027-02-01T00:00:00Z") == 422
    assert await named(colleague.id, "2029-02-01T00:00:00Z") == 422
    assert await named(colleague.id) == 201
    assert await named(colleague.id) == 409, "the same colleague in the same days"


async def test_a_new_patient_of_the_doctor_appears_in_the_covering_doctors_list(ward: Clinic) -> None:
    doctor, colleague, patient = await ward.doctor(), await ward.doctor(), await ward.patient()
    await cover_of(doctor, colleague, until=UNTIL)
    assert (await colleague.get("/api/my-patients/")).body["items"] == []
    async with colleague.live() as channel:
        await ward.assign(patient, doctor)
        assert (await channel.next("assignment.changed"))["data"]["patient"]["id"] == patient.id
        assert [one["id"] for one in (await colleague.get("/api/my-patients/")).body["items"]] == [patient.id]
        assert (await patient.delete("/api/assign/")).status == 204
        assert (await channel.next("assignment.changed"))["data"]["doctor"] is None
    assert (await colleague.get("/api/my-patients/")).body["items"] == []


async def test_erasure_of_the_doctor_ends_the_cover(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    colleague = await ward.doctor()
    await cover_of(doctor, colleague, until=UNTIL)
    await ward.plan_daily(doctor, patient, "Take amoxicillin")
    assert (await doctor.delete("/api/me/", {"password": PASSWORD})).status == 204
    assert (await colleague.get("/api/my-patients/")).body["items"] == []
    assert {one["event"] for one in (await colleague.get("/api/events/")).body["items"]} <= {
        "withdrawn",
        "cover.changed",
        "assignment.changed",
    }
