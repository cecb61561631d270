"""The same request sent twice under one Idempotency-Key is done once and answered alike."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from hospital_rt.domain.clock import utcnow
from tests.support.driver import PASSWORD, Answer, Clinic, Person, item, plan_item


def keyed(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or uuid4().hex}


async def notes_of(doctor: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await doctor.get("/api/notes/?limit=200")).body["items"]
    return found


async def lose_answers(ward: Clinic, user: Person, *, committed: bool) -> None:
    """As after a crash of the process that had this user's request at work: the claim stands, its answer was never
    kept, and its lease has run out.
    """
    changes: dict[str, Any] = {"lease_until": utcnow() - timedelta(seconds=1), "committed": committed}
    keys = ward.app.resources.database.collection("idempotency")
    found = await keys.update_many({"user_id": user.id}, {"$set": changes, "$unset": {"sealed_answer": 1}})
    assert found.matched_count == 1


async def test_a_note_sent_twice_is_one_note_with_one_answer(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    body, headers = {"patient_id": patient.id, "text": "Walk 20 minutes daily."}, keyed()
    first = await doctor.post("/api/notes/", body, headers=headers)
    await ward.read_notes()
    again = await doctor.post("/api/notes/", body, headers=headers)
    assert (first.status, first.raw) == (again.status, again.raw) == (202, first.raw)
    assert [note["id"] for note in await notes_of(doctor)] == [first.body["id"]]


async def test_without_a_key_two_notes_are_two(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    for _ in range(2):
        await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    assert len(await notes_of(doctor)) == 2


async def test_a_key_used_for_another_body_is_refused(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    headers = keyed()
    await ward.submit(doctor, patient, "Walk 20 minutes daily.", headers=headers)
    other = await doctor.post("/api/notes/", {"patient_id": patient.id, "text": "Run."}, headers=headers)
    assert (other.status, other.slug) == (422, "idempotency-mismatch")
    assert [error["pointer"] for error in other.body["errors"]] == ["#"], "a 422 says where, here too"
    assert len(await notes_of(doctor)) == 1


async def test_a_key_belongs_to_one_user_and_one_route(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    other_patient, other_doctor = await ward.pair()
    headers = keyed("1")
    await ward.submit(doctor, patient, "Walk 20 minutes daily.", headers=headers)
    await ward.submit(other_doctor, other_patient, "Run.", headers=headers)
    plan = [plan_item("Walk", "Walk daily"), plan_item("Rest", "Rest daily")]
    await ward.note(doctor, patient, plan=plan)
    for step in await patient.steps():
        assert (await patient.post(f"/api/check-in/{step['id']}/", headers=headers)).body["id"] == step["id"]


async def test_five_at_once_are_one_note(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    body, headers = {"patient_id": patient.id, "text": "Walk 20 minutes daily."}, keyed()
    answers = await asyncio.gather(*(doctor.post("/api/notes/", body, headers=headers) for _ in range(5)))
    assert {(answer.status, answer.raw) for answer in answers} == {(202, answers[0].raw)}
    assert len(await notes_of(doctor)) == 1


async def test_two_at_once_with_different_bodies_are_one_note_and_one_refusal(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    headers = keyed()
    answers = await asyncio.gather(
        *(
            doctor.post("/api/notes/", {"patient_id": patient.id, "text": text}, headers=headers)
            for text in ("A1", "B2")
        )
    )
    assert sorted(answer.status for answer in answers) == [202, 422]
    assert len(await notes_of(doctor)) == 1


@pytest.mark.parametrize("key", ["", "a b", "k" * 129, "schlüssel", "a\tb"])
async def test_a_key_is_1_to_128_visible_characters(ward: Clinic, key: str) -> None:
    patient, doctor = await ward.pair()
    body = {"patient_id": patient.id, "text": "Walk."}
    answer = await doctor.post("/api/notes/", body, headers={"Idempotency-Key": key})
    assert (answer.status, answer.slug) == (400, "bad-request")
    assert await notes_of(doctor) == []


async def test_the_longest_key_works(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    for _ in range(2):
        await ward.submit(doctor, patient, "Walk.", headers=keyed("!~" * 64))
    assert len(await notes_of(doctor)) == 1


async def test_a_refusal_is_not_kept(ward: Clinic) -> None:
    patient, doctor = await ward.patient(), await ward.doctor()
    body, headers = {"patient_id": patient.id, "text": "Walk 20 minutes daily."}, keyed()
    assert (await doctor.post("/api/notes/", body, headers=headers)).status == 404
    await ward.assign(patient, doctor)
    assert (await doctor.post("/api/notes/", body, headers=headers)).status == 202


# Every route that honours the key, and what a crash leaves


async def _note(ward: Clinic) -> tuple[Person, str, Any]:
    patient, doctor = await ward.pair()
    return doctor, "/api/notes/", {"patient_id": patient.id, "text": "Walk 20 minutes daily."}


async def _check_in(ward: Clinic) -> tuple[Person, str, Any]:
    patient, doctor = await ward.pair()
    drops = plan_item("Use the drops", "Use the drops if the eyes itch", as_needed=True)
    await ward.note(doctor, patient, plan=[drops])
    return patient, f"/api/check-in/{(await patient.step('Use'))['id']}/", {"outcome": "done"}


async def _assign(ward: Clinic) -> tuple[Person, str, Any]:
    patient, doctor = await ward.patient(), await ward.doctor()
    return patient, "/api/assign/", {"doctor_id": doctor.id}


async def _approve(ward: Clinic) -> tuple[Person, str, Any]:
    patient, doctor = await ward.pair()
    dropped = item("Take warfarin 5 mg", "nothing of the kind")
    note = await ward.note(
        doctor, patient, checklist=[item("Book a scan"), dropped], text="Book a scan.", expect="proposed"
    )
    return doctor, f"/api/notes/{note['id']}/approve/", {}


async def _retry(ward: Clinic) -> tuple[Person, str, Any]:
    patient, doctor = await ward.pair()
    ward.model.will({"do": "refuse"})
    note = await ward.submit(doctor, patient, "Walk 20 minutes daily.")
    await ward.read_notes()
    return doctor, f"/api/notes/{note['id']}/retry/", {}


ROUTES = pytest.mark.parametrize(
    ("scene", "status"), [(_note, 202), (_check_in, 200), (_assign, 201), (_approve, 200), (_retry, 202)]
)


async def things_done(ward: Clinic, user: Person) -> dict[str, Any]:
    """What a request of any of these routes leaves behind, once it was done."""
    feed = (await user.get("/api/events/")).body["items"]
    return {"events": [(one["event"], one["data"].get("status")) for one in feed], "feed": len(feed)}


@ROUTES
async def test_sent_twice_it_is_done_once(ward: Clinic, scene: Any, status: int) -> None:
    user, path, body = await scene(ward)
    headers = keyed()
    first: Answer = await user.post(path, body, headers=headers)
    done = await things_done(ward, user)
    again: Answer = await user.post(path, body, headers=headers)
    assert (first.status, again.status, again.raw) == (status, status, first.raw)
    assert await things_done(ward, user) == done


@ROUTES
async def test_an_answer_lost_after_the_work_was_done_is_made_again(ward: Clinic, scene: Any, status: int) -> None:
    user, path, body = await scene(ward)
    headers = keyed()
    first: Answer = await user.post(path, body, headers=headers)
    done = await things_done(ward, user)
    await lose_answers(ward, user, committed=True)
    again: Answer = await user.post(path, body, headers=headers)
    assert (first.status, again.status) == (status, status)
    assert again.body == first.body and await things_done(ward, user) == done
    assert (await user.post(path, body, headers=headers)).raw == again.raw


async def test_work_that_a_crash_left_undone_is_done_by_the_next_try(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    body, headers = {"patient_id": patient.id, "text": "Walk 20 minutes daily."}, keyed()
    note = await ward.submit(doctor, patient, body["text"], headers=headers)
    # The claim alone is left of it, as if the process had died before it wrote anything else.
    await ward.app.resources.database.collection("notes").delete_one({"_id": note["id"]})
    await ward.app.resources.database.collection("events").delete_many({"note_id": note["id"]})
    await lose_answers(ward, doctor, committed=False)
    answers = await asyncio.gather(*(doctor.post("/api/notes/", body, headers=headers) for _ in range(3)))
    assert {answer.status for answer in answers} == {202}
    assert [note["id"] for note in await notes_of(doctor)] == [answers[0].body["id"]]


# Access is judged anew


async def test_a_stored_answer_is_hidden_from_a_former_doctor(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    body, headers = {"patient_id": patient.id, "text": "Walk 20 minutes daily."}, keyed()
    await ward.submit(doctor, patient, body["text"], headers=headers)
    await ward.assign(patient, await ward.doctor())
    again = await doctor.post("/api/notes/", body, headers=headers)
    assert (again.status, again.slug) == (404, "not-found")
    await ward.assign(patient, doctor)
    assert (await doctor.post("/api/notes/", body, headers=headers)).status == 202


async def test_a_stored_answer_hides_the_quote_of_a_withdrawn_note(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[plan_item("Walk", "Walk daily")])
    path, headers = f"/api/check-in/{(await patient.step('Walk'))['id']}/", keyed()
    first = await patient.post(path, headers=headers)
    assert first.body["quote"] == "Walk daily"
    await doctor.post(f"/api/notes/{note['id']}/withdraw/")
    assert (await patient.post(path, headers=headers)).body == {**first.body, "quote": None}


async def test_a_stored_answer_is_unreadable_after_the_patients_erasure(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    body, headers = {"patient_id": patient.id, "text": "Walk 20 minutes daily."}, keyed()
    await ward.submit(doctor, patient, body["text"], headers=headers)
    await patient.delete("/api/me/", {"password": PASSWORD})
    again = await doctor.post("/api/notes/", body, headers=headers)
    assert (again.status, again.slug) == (404, "not-found")


async def test_a_key_is_forgotten_after_a_day(ward: Clinic) -> None:
    indexes = await ward.app.resources.database.collection("idempotency").index_information()
    assert [one["expireAfterSeconds"] for one in indexes.values() if "expireAfterSeconds" in one] == [86_400]
