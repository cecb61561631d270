"""What tells namesakes apart and where to call: given by the patient, shown to their doctor of now, sealed, erased; and
that a doctor called, and why a patient skipped, in the row.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.driver import PASSWORD, Clinic, Person, plan_item
from tests.support.people import carer_of, cover_of

BORN, PHONE = "1948-03-02", "+34 600 123 456"
WALK = plan_item("Walk 20 minutes", "Walk 20 minutes daily")
REASON = "My stomach hurts after it: woozlefeather."
WORD = "Will come on Monday: snorklebark."


async def row_of(doctor: Person, patient: Person) -> dict[str, Any]:
    items = (await doctor.get("/api/my-patients/")).body["items"]
    return next(row for row in items if row["id"] == patient.id)


async def give(patient: Person) -> None:
    answer = await patient.patch("/api/me/", {"birth_date": BORN, "phone": f" {PHONE}  ".replace(" 600", "  600")})
    assert answer.status == 422, "blanks around a number are refused"
    answer = await patient.patch("/api/me/", {"birth_date": BORN, "phone": PHONE})
    assert answer.status == 200 and (answer.body["birth_date"], answer.body["phone"]) == (BORN, PHONE)


async def called(doctor: Person, patient: Person, text: str | None = WORD) -> dict[str, Any]:
    answer = await doctor.post(f"/api/my-patients/{patient.id}/called/", {"text": text})
    assert answer.status == 200, answer
    return dict(answer.body)


async def test_two_namesakes_are_told_apart_and_called(ward: Clinic) -> None:
    first, doctor = await ward.pair(name="Dora Keller")
    second = await ward.patient(name="Dora Keller")
    await ward.assign(second, doctor)
    assert (await row_of(doctor, first))["birth_date"] is None
    await give(first)
    await second.patch("/api/me/", {"birth_date": "1980-12-24"})
    assert {row["birth_date"]: row["phone"] for row in (await doctor.get("/api/my-patients/")).body["items"]} == {
        BORN: PHONE,
        "1980-12-24": None,
    }
    answer = await first.patch("/api/me/", {"phone": None, "birth_date": None})
    assert (answer.body["birth_date"], answer.body["phone"]) == (None, None)
    assert (await row_of(doctor, first))["phone"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"birth_date": "1948-13-02"},
        {"birth_date": "02.03.1948"},
        {"birth_date": "19480302"},
        {"birth_date": "1870-01-01"},
        {"birth_date": "2400-01-01"},
        {"birth_date": 1948},
        {"phone": "call me"},
        {"phone": "--"},
        {"phone": "+34 600\n123"},
        {"phone": "9" * 40},
        {"phone": "javascript:alert(1)"},
    ],
    ids=str,
)
async def test_what_is_no_date_of_birth_and_no_number_is_refused(ward: Clinic, change: dict[str, Any]) -> None:
    patient = await ward.patient()
    assert (await patient.patch("/api/me/", change)).status == 422


async def test_a_doctor_has_no_date_of_birth_here(ward: Clinic) -> None:
    doctor = await ward.doctor()
    for change in ({"birth_date": BORN}, {"phone": PHONE}):
        assert (await doctor.patch("/api/me/", change)).status == 422
    assert (await doctor.patch("/api/me/", {"phone": None})).status == 200


async def test_only_the_doctor_of_now_and_who_covers_read_the_number(ward: Clinic) -> None:
    patient, former = await ward.pair()
    await give(patient)
    assert (await row_of(former, patient))["phone"] == PHONE
    doctor, covering = await ward.doctor(), await ward.doctor()
    await ward.assign(patient, doctor)
    await cover_of(doctor, covering, until="2027-03-20T00:00:00Z")
    carer = await carer_of(ward, patient, may="answer", notes=True)
    assert (await former.get("/api/my-patients/")).body["items"] == []
    for reader in (doctor, covering):
        assert (await row_of(reader, patient))["phone"] == PHONE
        found = (await reader.get(f"/fhir/Patient/{patient.id}")).body
        assert found["birthDate"] == BORN and {"system": "phone", "value": PHONE} in found["telecom"]
    [entry] = (await doctor.get("/fhir/Patient")).body["entry"]
    assert entry["resource"]["birthDate"] == BORN
    for path in (
        "/api/caring/",
        f"/fhir/Patient/{patient.id}",
        "/fhir/Patient",
        f"/api/steps/?patient_id={patient.id}",
    ):
        answer = await carer.get(path)
        assert answer.status == 200 and BORN not in str(answer.body) and PHONE not in str(answer.body), path


async def test_number_and_date_lie_sealed_and_go_with_the_patient(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await give(patient)
    await called(doctor, patient)
    database = ward.app.resources.database
    row = await database.collection("users").find_one({"_id": patient.id})
    assert BORN not in str(row) and PHONE not in str(row) and row is not None
    swapped = {"sealed_phone": row["sealed_birth_date"]}
    await database.collection("users").update_one({"_id": patient.id}, {"$set": swapped})
    assert (await patient.get("/api/me/")).body["phone"] is None, "what was moved to another field does not open"
    calls = database.collection("phone_calls")
    assert "snorklebark" not in str(await calls.find_one({"patient_id": patient.id}))
    assert (await patient.delete("/api/me/", {"password": PASSWORD})).status == 204
    row = await database.collection("users").find_one({"_id": patient.id})
    assert row is not None and not {"sealed_phone", "sealed_birth_date"} & set(row)
    assert await calls.count_documents({"patient_id": patient.id}) == 0


async def test_that_a_doctor_called_stands_in_the_row_and_in_the_patients_log(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    assert (await row_of(doctor, patient))["called"] is None
    first = await called(doctor, patient)
    assert first["text"] == WORD and first["by"]["id"] == doctor.id
    assert await called(doctor, patient) == first, "pressed twice, called once"
    assert (await row_of(doctor, patient))["called"] == first
    await clinic.tick("2027-03-02T10:00")
    later = await called(doctor, patient, None)
    assert later["text"] is None
    assert (await row_of(doctor, patient))["called"] == later
    log = (await patient.get("/api/me/access-log/")).body["items"]
    assert [one["act"] for one in log].count("patient.called") == 3
    assert "snorklebark" not in str(log)


async def test_a_call_is_known_to_who_covers_and_not_to_the_next_doctor(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    covering, other = await ward.doctor(), await ward.doctor()
    await cover_of(doctor, covering, until="2027-03-20T00:00:00Z")
    call = await called(covering, patient)
    assert (await row_of(doctor, patient))["called"] == call == (await row_of(covering, patient))["called"]
    await ward.assign(patient, other)
    assert (await row_of(other, patient))["called"] is None
    assert (await doctor.post(f"/api/my-patients/{patient.id}/called/")).status == 404


async def test_a_reason_for_skipping_shows_in_the_row_until_it_is_taken_back(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, plan=[WALK])
    await clinic.tick("2027-03-02T09:00")
    step = await patient.step("Walk")
    body = {"slot": step["open_slot"], "outcome": "skipped", "reason": REASON}
    assert (await patient.post(f"/api/check-in/{step['id']}/", body)).status == 200
    said = (await row_of(doctor, patient))["skip_reason"]
    assert (said["text"], said["title"], said["step_id"]) == (REASON, "Walk 20 minutes", step["id"])
    undone = await patient.delete(f"/api/check-in/{step['id']}/?slot={step['open_slot']}")
    assert undone.status == 200, undone
    assert (await row_of(doctor, patient))["skip_reason"] is None
    assert (await patient.post(f"/api/check-in/{step['id']}/", body)).status == 200
    other = await clinic.doctor()
    await clinic.tick("2027-03-02T10:00")
    await clinic.assign(patient, other)
    assert (await row_of(other, patient))["skip_reason"] is None, "said to another doctor"


async def test_each_medicine_is_answered_slot_by_slot_with_the_reasons(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, plan=[WALK])
    step = await patient.step("Walk")
    wanted = []
    for day, outcome in ((2, "done"), (3, "skipped"), (4, None), (5, None)):
        await clinic.tick(f"2027-03-{day:02d}T09:00")
        if outcome:
            reason = REASON if outcome == "skipped" else None
            body = {"slot": (await patient.step("Walk"))["open_slot"], "outcome": outcome, "reason": reason}
            assert (await patient.post(f"/api/check-in/{step['id']}/", body)).status == 200
            wanted.append((f"2027-03-{day:02d}", "09:00", outcome, reason))
        elif day == 4:
            wanted.append(("2027-03-04", "09:00", "missed", None))
    for reader in (patient, doctor):
        answer = await reader.get(f"/api/adherence/steps/?patient_id={patient.id}&days=90")
        [kept] = answer.body["items"]
        assert (kept["step_id"], kept["title"], kept["status"]) == (step["id"], "Walk 20 minutes", "active")
        assert [(one["date"], one["time"], one["state"], one["reason"]) for one in kept["slots"]] == wanted
    assert (await doctor.get("/api/adherence/steps/")).status == 422
    other = await clinic.doctor()
    await clinic.assign(patient, other)
    assert (await doctor.get(f"/api/adherence/steps/?patient_id={patient.id}")).status == 404
