"""Notes: submitted, read, listed, failed and tried again; and which of several notes becomes the plan."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tasks.notes import read_note
from tests.support.driver import Clinic, Person, item, pages, plan_item

WALK = plan_item("Walk 20 minutes", "Walk 20 minutes daily")
REST = plan_item("Rest 30 minutes", "Rest 30 minutes daily")
SCAN = item("Book a chest X-ray")
INVENTED = item("Take warfarin 5 mg", "Take warfarin 5 mg at night")
AUTHORS = {"questions", "dropped", "unmatched", "account"}  # what the patient is not shown


async def status_of(user: Person, note: dict[str, Any]) -> str:
    return str((await user.get(f"/api/notes/{note['id']}/")).body["status"])


async def active(patient: Person) -> list[str]:
    return [step["title"] for step in await patient.steps()]


async def read(ward: Clinic, note: dict[str, Any], **answer: list[Any]) -> None:
    """Have this one note read now, whichever others wait; ``answer`` is what the model says to it."""
    ward.model.will({"do": "answer", "answer": {"checklist": [], "plan": [], **answer}})
    await read_note(ward.app, note["id"])


# Submitting and reading


async def test_a_note_is_stored_first_and_becomes_steps_when_it_is_read(ward: Clinic) -> None:
    patient, doctor = await ward.pair(name="Ruth Keller")
    note = await ward.submit(doctor, patient, "Book a chest X-ray. Walk 20 minutes daily.")
    people = {
        "patient": {"id": patient.id, "name": "Ruth Keller"},
        "doctor": {"id": doctor.id, "name": doctor.user["name"]},
    }
    assert note == {
        **people,
        "id": note["id"],
        "text": "Book a chest X-ray. Walk 20 minutes daily.",
        "status": "queued",
        "extracted_by": None,
        "failure": None,
        "created_at": "2027-03-01T12:00:00Z",
        "steps": [],
        "questions": [],
        "dropped": [],
        "unmatched": [],
        "account": [],
    }
    await read(ward, note, checklist=[SCAN], plan=[WALK])
    ready = (await doctor.get(f"/api/notes/{note['id']}/")).body
    assert (ready["status"], ready["extracted_by"]) == ("ready", "openai:stand-in")
    assert [(step["kind"], step["title"], step["quote"], step["by"], step["status"]) for step in ready["steps"]] == [
        ("checklist", "Book a chest X-ray", "Book a chest X-ray", "extractor", "active"),
        ("plan", "Walk 20 minutes", "Walk 20 minutes daily", "extractor", "active"),
    ]
    assert await patient.steps() == ready["steps"]
    # The patient reads the same, without the review.
    theirs = (await patient.get(f"/api/notes/{note['id']}/")).body
    assert theirs == {name: value for name, value in ready.items() if name not in AUTHORS}


@pytest.mark.settings(openai_api_key=None, openai_base_url=None, openai_model=None)
async def test_without_a_model_the_rules_read_and_every_note_says_so(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    note = await clinic.submit(doctor, patient, "Take one aspirin 100 mg every morning for 10 days.")
    await clinic.read_notes()
    read_note = (await patient.get(f"/api/notes/{note['id']}/")).body
    assert (read_note["status"], read_note["extracted_by"]) == ("ready", "local")
    assert [step["schedule"]["occurrences"] for step in read_note["steps"]] == [10]


@pytest.mark.parametrize("text", ["x", "é" * 20_000, "\U0001f600" * 20_000, "line\nline\r\n\ttab \u202e mirrored"])
async def test_any_text_is_kept_as_it_was_written(ward: Clinic, text: str) -> None:
    patient, doctor = await ward.pair()
    note = await ward.submit(doctor, patient, text)
    assert (await patient.get(f"/api/notes/{note['id']}/")).body["text"] == text


@pytest.mark.parametrize("text", ["", " \n\u200b", "x" * 20_001, "nul \x00", "half \ud83d", None, 7, ["x"]])
async def test_what_is_no_text_is_refused(ward: Clinic, text: Any) -> None:
    patient, doctor = await ward.pair()
    answer = await doctor.post("/api/notes/", {"patient_id": patient.id, "text": text})
    assert answer.status == 422 and answer.body["errors"][0]["pointer"] == "#/text"
    assert (await doctor.get("/api/notes/")).body["items"] == []


async def test_a_doctor_writes_only_for_patients_now_assigned(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    stranger = await ward.patient()
    for id in (stranger.id, doctor.id, str(uuid4())):
        answer = await doctor.post("/api/notes/", {"patient_id": id, "text": "Walk."})
        assert (answer.status, answer.slug) == (404, "not-found")
    assert (await patient.post("/api/notes/", {"patient_id": patient.id, "text": "Walk."})).slug == "forbidden"


async def test_a_note_may_hold_a_quarter_of_a_megabyte_and_no_more(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    body = '{"patient_id": "%s", "text": "%s"%s}'
    largest = body % (patient.id, "\\u00e9" * 20_000, " " * 100_000)
    assert (await doctor.post("/api/notes/", raw=largest.encode())).status == 202
    too_large = await doctor.post("/api/notes/", raw=(body % (patient.id, "x", " " * 262_144)).encode())
    assert (too_large.status, too_large.slug) == (413, "too-large")


# Lists


async def test_notes_are_listed_newest_first_without_their_texts(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    written = []
    for hour in range(5):
        ward.set_clock(f"2027-03-01T{12 + hour}:00")
        written.append(await ward.submit(doctor, patient, f"Note {hour}."))
    written.append(await ward.submit(doctor, patient, "At the same moment."))
    for reader in (doctor, patient):
        found = await pages(reader, "/api/notes/?limit=2")
        assert [len(page) for page in found] == [2, 2, 2]
        ids = [note["id"] for page in found for note in page]
        assert set(ids[:2]) == {note["id"] for note in written[4:]}
        assert ids[2:] == [note["id"] for note in reversed(written[:4])]
        assert "text" not in found[0][0] and "steps" not in found[0][0]


async def test_a_doctor_lists_the_notes_of_one_patient_or_of_all(ward: Clinic) -> None:
    (ruth, doctor), tom = await ward.pair(), await ward.patient()
    await ward.assign(tom, doctor)
    notes = {person.id: (await ward.submit(doctor, person, "Walk."))["id"] for person in (ruth, tom)}
    assert {note["id"] for note in (await doctor.get("/api/notes/")).body["items"]} == set(notes.values())
    for person in (ruth, tom):
        listed = (await doctor.get(f"/api/notes/?patient_id={person.id}")).body["items"]
        assert [note["id"] for note in listed] == [notes[person.id]]
    stranger = await ward.patient()
    assert (await doctor.get(f"/api/notes/?patient_id={stranger.id}")).slug == "not-found"
    assert (await ruth.get(f"/api/notes/?patient_id={tom.id}")).slug == "not-found"
    assert len((await ruth.get(f"/api/notes/?patient_id={ruth.id}")).body["items"]) == 1


async def test_a_doctor_finds_notes_by_the_name_of_the_patient_and_by_what_became_of_them(ward: Clinic) -> None:
    ruth, doctor = await ward.pair(name="Ruth Núñez Keller")
    tom, other = await ward.pair(name="Tom Keller")
    await ward.assign(tom, doctor)
    stranger = await ward.patient(name="Ruth Keller")
    await ward.assign(stranger, other)
    ready = await ward.note(doctor, ruth, plan=[WALK])
    waits = await ward.note(doctor, tom, plan=[WALK], checklist=[INVENTED], expect="proposed")
    await ward.note(other, stranger, plan=[WALK])

    async def found(query: str, reader: Person = doctor) -> list[str]:
        return [one["id"] for one in (await reader.get(f"/api/notes/?{query}")).body["items"]]

    assert set(await found("q=keller")) == {ready["id"], waits["id"]}, "nobody else's"
    assert await found("q=NUNEZ%20ruth") == [ready["id"]]
    assert await found("q=nobody") == []
    assert await found("status=waiting") == await found("status=proposed") == [waits["id"]]
    assert await found("status=ready&q=keller") == [ready["id"]]
    assert await found("status=ready&q=tom") == []
    assert await found(f"patient_id={tom.id}&status=waiting") == [waits["id"]]
    assert (await doctor.get("/api/notes/?status=gone")).status == 422


async def test_a_patient_cannot_tell_by_searching_that_a_note_waits_for_approval(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[WALK], checklist=[INVENTED], expect="proposed")
    found = {
        status: [one["id"] for one in (await patient.get(f"/api/notes/?status={status}")).body["items"]]
        for status in ("processing", "proposed", "waiting")
    }
    assert found == {"processing": [note["id"]], "proposed": [], "waiting": []}


# What came of reading it


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ([{"do": "refuse"}], "refused"),
        ([{"do": "truncate"}], "truncated"),
        ([{"do": "garbage"}, {"do": "wrong"}], "invalid-answer"),
        ([{"do": "status", "status": 400}], "rejected"),
    ],
)
async def test_a_note_that_fails_says_why_and_changes_nothing(ward: Clinic, script: list[Any], failure: str) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    ward.model.will(*script)
    note = await ward.submit(doctor, patient, "Rest 30 minutes daily.")
    async with doctor.live() as note_worker:
        await ward.read_notes()
        told = [await note_worker.next("note.status") for _ in range(2)]
    counts = {"dropped": 0, "questions": 0}
    assert told[-1]["data"] == {"note_id": note["id"], "status": "failed", "failure": failure, **counts}
    for reader in (doctor, patient):
        failed = (await reader.get(f"/api/notes/{note['id']}/")).body
        assert (failed["status"], failed["failure"], failed["steps"]) == ("failed", failure, [])
    assert await active(patient) == ["Walk 20 minutes"]


async def test_a_failed_note_is_tried_again(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    ward.model.will({"do": "refuse"})
    note = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    retry = f"/api/notes/{note['id']}/retry/"
    assert (await doctor.post(retry)).slug == "conflict"
    await ward.read_notes()
    again = await doctor.post(retry)
    assert (again.status, again.body["status"], again.body["failure"]) == (202, "queued", None)
    await read(ward, note, plan=[WALK])
    assert await active(patient) == ["Walk 20 minutes"]
    assert (await doctor.post(retry)).slug == "conflict"
    assert (await patient.post(retry)).slug == "forbidden"
    assert (await (await ward.doctor()).post(retry)).slug == "not-found"


async def test_an_endpoint_that_does_not_take_our_key_is_told_apart(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    clinic.model.will({"do": "status", "status": 401})
    note = await clinic.submit(doctor, patient, "Walk 20 minutes daily.")
    await clinic.read_notes()
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["failure"] == "unauthorized"


async def test_a_note_with_nothing_to_do_is_ready_and_cancels_nothing(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    note = await ward.note(doctor, patient, text="Wound looks clean. Stitches were removed yesterday.")
    assert note["steps"] == [] and await active(patient) == ["Walk 20 minutes"]


async def test_a_note_of_which_nothing_can_be_believed_fails(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    note = await ward.note(doctor, patient, checklist=[INVENTED], text="Wound looks clean.", expect="failed")
    assert note["failure"] == "nothing-supported" and note["steps"] == []
    [dropped] = note["dropped"]
    assert dropped["item"]["title"] == "Take warfarin 5 mg" and dropped["kind"] == "checklist" and dropped["reason"]
    assert await active(patient) == ["Walk 20 minutes"]


async def test_a_note_with_something_dropped_waits_for_its_author(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    text = "Book a chest X-ray. Keep a food diary."
    note = await ward.note(doctor, patient, checklist=[SCAN, INVENTED], text=text, expect="proposed")
    assert [step["status"] for step in note["steps"]] == ["proposed"] and len(note["dropped"]) == 1
    [asked] = note["questions"]
    assert text[asked["start"] : asked["end"]] == asked["quote"] == "Keep a food diary."
    # The patient keeps the plan they have and sees nothing of the proposal.
    assert await active(patient) == ["Walk 20 minutes"]
    theirs = (await patient.get(f"/api/notes/{note['id']}/")).body
    assert (theirs["status"], theirs["failure"], theirs["steps"]) == ("processing", None, [])
    listed = (await patient.get("/api/notes/")).body["items"]
    assert {one["id"]: one["status"] for one in listed}[note["id"]] == "processing"


async def test_of_more_than_forty_items_the_first_forty_wait_for_the_author(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    words = [f"Call clinic number {100 + n}" for n in range(41)]
    note = await ward.note(doctor, patient, checklist=[item(word) for word in words], expect="proposed")
    assert note["failure"] == "too-many" and [step["title"] for step in note["steps"]] == words[:40]
    assert (await patient.get(f"/api/notes/{note['id']}/")).body["failure"] is None


@pytest.mark.settings(step_review="required")
async def test_where_review_is_required_every_note_waits(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    note = await clinic.note(doctor, patient, plan=[WALK], expect="proposed")
    assert await patient.steps("?status=all") == []
    approved = await doctor.post(f"/api/notes/{note['id']}/approve/")
    assert approved.body["status"] == "ready" and await active(patient) == ["Walk 20 minutes"]
    # Nothing to do needs no review.
    await clinic.note(doctor, patient, text="Wound looks clean.")


# Which note becomes the plan (contract, "A new note")


async def test_a_new_note_replaces_the_plan_at_the_moment_it_is_ready(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    first = await ward.note(doctor, patient, plan=[WALK], checklist=[SCAN])
    second = await ward.submit(doctor, patient, "Rest 30 minutes daily.")
    assert await active(patient) == ["Book a chest X-ray", "Walk 20 minutes"]
    ward.set_clock("2027-03-02T09:30")
    await ward.tick()
    slot = (await patient.step("Walk"))["open_slot"]
    async with patient.live() as page:
        await read(ward, second, plan=[REST])
        changed = (await page.next("steps.changed"))["data"]
    assert await active(patient) == ["Rest 30 minutes"]
    old = {step["id"]: step for step in (await patient.get(f"/api/notes/{first['id']}/")).body["steps"]}
    assert set(changed["cancelled"]) == set(old) and changed["note_id"] == second["id"] and changed["by"] == "note"
    assert [step["title"] for step in changed["created"]] == ["Rest 30 minutes"]
    assert {(step["status"], step["cancelled_at"], step["open_slot"]) for step in old.values()} == {
        ("cancelled", "2027-03-02T09:30:00Z", None)
    }
    assert slot == "2027-03-02T09:00:00Z"
    days = (await patient.get("/api/adherence/?days=1")).body["items"]
    assert days == [{"date": "2027-03-02", "due": 0, "done": 0, "skipped": 0, "missed": 0}], "withdrawn, not missed"
    assert await status_of(doctor, first) == "ready"


async def test_a_note_overtaken_by_a_later_one_is_superseded(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    earlier = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    later = await ward.submit(doctor, patient, "Rest 30 minutes daily.")
    await read(ward, later, plan=[REST])
    assert [await status_of(doctor, note) for note in (earlier, later)] == ["superseded", "ready"]
    ward.model.will({"do": "answer", "answer": {"checklist": [], "plan": [WALK]}})
    await read_note(ward.app, earlier["id"])
    ward.model.script.clear()
    assert await active(patient) == ["Rest 30 minutes"] and await status_of(doctor, earlier) == "superseded"


async def test_a_note_at_work_while_a_later_one_gets_ready_changes_nothing_any_more(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    earlier = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    store = ward.app.store
    assert await store.notes.claim({earlier["id"]: "a-slow-worker"}, now=ward.now, lease_s=20)
    later = await ward.submit(doctor, patient, "Rest 30 minutes daily.")
    await read(ward, later, plan=[REST])
    assert await status_of(doctor, earlier) == "superseded"
    assert await active(patient) == ["Rest 30 minutes"]


async def test_a_failed_note_and_a_proposal_are_superseded_too(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    ward.model.will({"do": "refuse"})
    failed = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    await ward.read_notes()
    proposed = await ward.note(
        doctor, patient, checklist=[SCAN, INVENTED], text="Book a chest X-ray.", expect="proposed"
    )
    later = await ward.note(doctor, patient, plan=[REST])
    found = [await status_of(doctor, note) for note in (failed, proposed, later)]
    assert found == ["superseded", "superseded", "ready"]
    assert (await doctor.post(f"/api/notes/{failed['id']}/retry/")).slug == "superseded"
    for act in ("approve", "reject"):
        assert (await doctor.post(f"/api/notes/{proposed['id']}/{act}/")).slug == "superseded"
    edited = {"steps": [{"id": proposed["steps"][0]["id"]}]}
    assert (await doctor.post(f"/api/notes/{proposed['id']}/approve/", edited)).slug == "superseded"
    left = (await doctor.get(f"/api/notes/{proposed['id']}/")).body["steps"]
    assert [step["status"] for step in left] == ["rejected"]


async def test_a_failed_or_empty_note_supersedes_nothing(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    earlier = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    empty = await ward.submit(doctor, patient, "Wound looks clean.")
    failing = await ward.submit(doctor, patient, "Rest 30 minutes daily.")
    await read(ward, empty)
    ward.model.will({"do": "refuse"})
    await read_note(ward.app, failing["id"])
    assert [await status_of(doctor, note) for note in (earlier, empty, failing)] == ["queued", "ready", "failed"]
    await read(ward, earlier, plan=[WALK])
    assert await active(patient) == ["Walk 20 minutes"] and await status_of(doctor, earlier) == "ready"
