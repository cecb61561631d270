"""What a note leaves open is asked of its author: seen by them alone, counted, answered, never guessed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.test_reviews import REST, SCAN, WALK, act, active
from tests.support.driver import Clinic, plan_item
from tests.support.plans import events
from tests.support.questions import ACCOUNT, DOSE, QUESTIONS, answered, asking_note


async def test_questions_and_account_are_the_authors_alone(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await asking_note(ward, doctor, patient)
    assert note["questions"] == QUESTIONS and note["account"] == ACCOUNT
    assert note["text"][note["questions"][0]["start"] : note["questions"][0]["end"]] == DOSE
    theirs = (await patient.get(f"/api/notes/{note['id']}/")).body
    listed = (await patient.get("/api/notes/")).body["items"]
    for hidden in ("questions", "account", "dropped", "unmatched"):
        assert hidden not in theirs and all(hidden not in line for line in listed)
    # A doctor with whom the history is shared reads the note without them; the former one nothing.
    other = await ward.doctor()
    await ward.assign(patient, other, share_history=True)
    shared = await other.get(f"/api/notes/{note['id']}/")
    assert shared.status == 200 and "questions" not in shared.body and "account" not in shared.body
    assert (await doctor.get(f"/api/notes/{note['id']}/")).slug == "not-found"


async def test_an_older_note_has_no_questions(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[WALK])
    collection = ward.app.resources.database.collection("notes")
    await collection.update_one({"_id": note["id"]}, {"$unset": {"questions": 1, "reader": 1, "sealed_review": 1}})
    again = (await doctor.get(f"/api/notes/{note['id']}/")).body
    assert (again["questions"], again["account"], again["dropped"], again["unmatched"]) == ([], [], [], [])
    assert (await doctor.get("/api/notes/")).body["items"][0]["questions"] == 0


async def test_what_waits_is_counted_where_the_doctor_looks(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    [calm] = (await doctor.get("/api/my-patients/")).body["items"]
    assert (calm["notes_waiting"], calm["questions_open"]) == (0, 0)
    note = await asking_note(ward, doctor, patient)
    [waits] = (await doctor.get("/api/my-patients/")).body["items"]
    assert (waits["notes_waiting"], waits["questions_open"]) == (1, 2)
    assert [line["questions"] for line in (await doctor.get("/api/notes/")).body["items"]] == [2]
    told = (await events(doctor, "note.status"))[-1]["data"]
    assert (told["status"], told["questions"], told["dropped"]) == ("proposed", 2, 0)
    assert (await act(doctor, note, "reject")).status == 200
    [calm] = (await doctor.get("/api/my-patients/")).body["items"]
    assert (calm["notes_waiting"], calm["questions_open"]) == (0, 0)


async def test_another_doctors_waiting_notes_are_not_counted(ward: Clinic) -> None:
    patient, former = await ward.pair()
    await asking_note(ward, former, patient)
    doctor = await ward.doctor()
    await ward.assign(patient, doctor)
    [line] = (await doctor.get("/api/my-patients/")).body["items"]
    assert (line["notes_waiting"], line["questions_open"]) == (0, 0)


async def test_answers_become_steps_with_the_words_of_the_note(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await asking_note(ward, doctor, patient)
    [walk] = note["steps"]
    dose, test = (one["options"][0] for one in note["questions"])
    answer = await act(doctor, note, "approve", {"steps": [{"id": walk["id"]}, answered(dose), answered(test)]})
    assert (answer.status, answer.body["status"]) == (200, "ready"), answer.body
    steps = {step["title"]: step for step in await patient.steps()}
    assert list(steps) == ["Walk 20 minutes", "Take metoprolol 25 mg once a day", "Go to your stress test"]
    taken = steps["Take metoprolol 25 mg once a day"]
    assert (taken["by"], taken["quote"], taken["detail"]) == ("doctor", DOSE, "With food.")
    assert (taken["schedule"]["times"], taken["schedule"]["occurrences"]) == (["09:00"], 30)
    assert (steps["Go to your stress test"]["kind"], steps["Go to your stress test"]["schedule"]) == ("checklist", None)


@pytest.mark.parametrize(
    ("steps", "pointer"),
    [
        ([{"title": "Rest", "quote": "Take warfarin"}], "#/steps/0/quote"),
        ([{"title": "Rest", "quote": ""}], "#/steps/0/quote"),
        ([{"id": "walk", "quote": DOSE}], "#/steps/0/quote"),
    ],
)
async def test_only_words_of_the_note_are_quoted(ward: Clinic, steps: list[dict[str, Any]], pointer: str) -> None:
    patient, doctor = await ward.pair()
    note = await asking_note(ward, doctor, patient)
    listed = [{**one, "id": note["steps"][0]["id"]} if "id" in one else one for one in steps]
    answer = await act(doctor, note, "approve", {"steps": listed})
    assert answer.status == 422 and [one["pointer"] for one in answer.body["errors"]] == [pointer]
    assert await active(patient) == []


async def test_a_note_that_only_asks_waits_and_can_turn_out_to_hold_nothing_to_do(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[REST])
    note = await asking_note(ward, doctor, patient, walk=False)
    assert note["steps"] == [] and (await patient.get(f"/api/notes/{note['id']}/")).body["status"] == "processing"
    assert (await act(doctor, note, "approve", {"steps": []})).status == 422
    answer = await act(doctor, note, "approve")
    assert (answer.status, answer.body["status"], answer.body["steps"]) == (200, "ready", [])
    assert await active(patient) == ["Rest 30 minutes"], "the old plan runs on"
    assert (await act(doctor, note, "approve")).slug == "conflict"


async def test_a_note_that_only_asks_is_approved_with_its_answers(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[REST])
    note = await asking_note(ward, doctor, patient, walk=False)
    answer = await act(doctor, note, "approve", {"steps": [answered(note["questions"][0]["options"][1])]})
    assert answer.status == 200 and await active(patient) == ["Take metoprolol 50 mg once a day"]


# Earlier steps that run on


async def test_earlier_steps_run_on_where_the_author_says_so(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[REST], checklist=[SCAN])
    rest, scan = await patient.step("Rest"), await patient.step("Book")
    note = await asking_note(ward, doctor, patient)
    answer = await act(doctor, note, "approve", {"keep": [rest["id"], rest["id"].upper()]})
    assert answer.status == 200, answer.body
    assert set(await active(patient)) == {"Rest 30 minutes", "Walk 20 minutes"}
    for person in (patient, doctor):
        told = (await events(person, "steps.changed"))[-1]["data"]
        assert (told["kept"], told["cancelled"], told["why"]) == ([rest["id"]], [scan["id"]], "note")
    # It goes on being reminded, and an answer taken back does not end it.
    await ward.tick("2027-03-02T09:00")
    held = await patient.step("Rest")
    assert held["open_slot"] == "2027-03-02T09:00:00Z"
    # The next plan ends it like any other.
    await ward.note(doctor, patient, checklist=[SCAN])
    assert await active(patient) == ["Book a chest X-ray"]


async def test_a_kept_step_that_is_completed_comes_back_when_that_is_undone(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, checklist=[SCAN])
    scan = await patient.step("Book")
    note = await asking_note(ward, doctor, patient)
    assert (await act(doctor, note, "approve", {"keep": [scan["id"]]})).status == 200
    assert (await patient.post(f"/api/check-in/{scan['id']}/")).body["status"] == "completed"
    assert (await patient.delete(f"/api/check-in/{scan['id']}/")).body["status"] == "active"


async def test_what_is_kept_has_to_be_an_earlier_active_step_of_this_patient(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    other = await ward.patient()
    await ward.assign(other, doctor)
    await ward.note(doctor, other, plan=[REST])
    await ward.note(doctor, patient, plan=[REST], checklist=[SCAN])
    rest, scan = await patient.step("Rest"), await patient.step("Book")
    note = await asking_note(ward, doctor, patient)
    for id in (str(uuid4()), (await other.step("Rest"))["id"], note["steps"][0]["id"]):
        assert (await act(doctor, note, "approve", {"keep": [id]})).slug == "not-found"
    await doctor.post(f"/api/steps/{rest['id']}/cancel/")
    assert (await act(doctor, note, "approve", {"keep": [rest["id"]]})).slug == "conflict"
    assert (await act(doctor, note, "approve", {"keep": ["that one"]})).status == 422
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["status"] == "proposed"
    # What was completed meanwhile has nothing to run on for.
    await patient.post(f"/api/check-in/{scan['id']}/")
    assert (await act(doctor, note, "approve", {"keep": [scan["id"]]})).status == 200


async def test_a_withdrawal_says_how_much_is_left(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[REST])
    rest = await patient.step("Rest")
    note = await asking_note(ward, doctor, patient)
    assert (await act(doctor, note, "approve", {"keep": [rest["id"]]})).status == 200
    taken = await act(doctor, note, "withdraw")
    assert (taken.body["status"], taken.body["left"]) == ("withdrawn", 1)
    assert (await events(patient, "steps.changed"))[-1]["data"]["why"] == "withdrawn"
    assert (await act(doctor, note, "withdraw")).body["left"] == 1
    assert (await doctor.post(f"/api/steps/{rest['id']}/cancel/")).status == 200
    assert (await events(patient, "steps.changed"))[-1]["data"]["why"] == "stopped"
    assert (await act(doctor, note, "withdraw")).body["left"] == 0


# The local reader instead of a model that fails


async def test_the_author_of_a_failed_note_takes_the_local_readers_proposal(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[REST])
    ward.model.will({"do": "refuse"})
    note = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    await ward.read_notes()
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["failure"] == "refused"
    assert (await act(doctor, note, "retry", {"reader": "another"})).status == 422
    asked = len(ward.model.requests)
    answer = await act(doctor, note, "retry", {"reader": "local"})
    assert (answer.status, answer.body["status"]) == (202, "queued")
    await ward.read_notes()
    read = (await doctor.get(f"/api/notes/{note['id']}/")).body
    assert len(ward.model.requests) == asked, "the model is not asked"
    assert read["extracted_by"] in {"offline", "local"}
    assert read["status"] == "proposed" and [step["title"] for step in read["steps"]], "it waits, whatever the settings"
    assert await active(patient) == ["Rest 30 minutes"]
    assert (await act(doctor, note, "approve")).status == 200 and len(await active(patient)) == 1


async def test_a_plain_retry_asks_the_model_again(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    ward.model.will({"do": "refuse"}, {"do": "answer", "answer": {"checklist": [], "plan": [plan_item("Walk")]}})
    note = await ward.submit(doctor, patient, "Walk.")
    await ward.read_notes()
    for body in (None, {}, {"reader": None}):
        if (await doctor.get(f"/api/notes/{note['id']}/")).body["status"] == "failed":
            assert (await act(doctor, note, "retry", body)).status == 202
            await ward.read_notes()
    read = (await doctor.get(f"/api/notes/{note['id']}/")).body
    assert read["status"] == "ready" and read["extracted_by"].startswith("openai:")


# When it goes live


@pytest.mark.settings(step_review="unsure")
async def test_in_unsure_a_note_waits_when_something_in_it_has_no_step(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, plan=[WALK])
    assert await active(patient) == ["Walk 20 minutes"]
    note = await clinic.note(
        doctor, patient, plan=[WALK], text="Walk 20 minutes daily. Keep a food diary.", expect="proposed"
    )
    assert note["questions"]
