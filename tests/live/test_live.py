"""The live channel: what is said over it, and to whom (contract, "The live channel")."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt

from hospital_rt.domain.clock import from_wire
from tests.support.channel import open_channel
from tests.support.driver import Clinic, Person, item, plan_item
from tests.support.feeds import tell


async def test_ready_says_who_it_is_and_where_the_feed_stands(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    feed = (await patient.get("/api/assign/")).headers["X-Feed"]
    async with patient.live() as page, doctor.live() as note_worker:
        assert page.ready["user_id"] == patient.id and page.ready["role"] == "patient"
        assert note_worker.ready["user_id"] == doctor.id and note_worker.ready["role"] == "doctor"
        assert f"{page.ready['epoch']}:{page.ready['seq']}" == feed
        ends = jwt.decode(patient.access or "", options={"verify_signature": False})["exp"]
        assert from_wire(page.ready["expires_at"]) == datetime.fromtimestamp(ends, UTC)
        assert page.connection.selected_subprotocol == "hospital-rt.v1"


async def test_nothing_is_said_before_a_valid_auth(ward: Clinic) -> None:
    patient = await ward.patient()
    channel = await open_channel(ward.base)
    await tell(ward.app, patient.id, ["too early for this socket"])
    await channel.send({"type": "auth", "token": patient.access, "resume_after": None})
    assert await channel.receive() == {**channel.ready, **(await _next_ready(patient)), "type": "ready"}
    await channel.nothing_more()
    channel.close()


async def _next_ready(person: Person) -> dict[str, Any]:
    async with person.live() as other:
        return other.ready


# What is told, and to whom


async def test_only_the_patient_gets_a_reminder_repeated_until_it_is_answered(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, plan=[plan_item("Weigh yourself", "Weigh yourself weekly", every_days=7)])
    step = await patient.step("Weigh")
    async with patient.live() as page, doctor.live() as note_worker:
        await clinic.tick("2027-03-08T09:00")
        first = await page.next("reminder.due")
        assert first["at"] == "2027-03-08T09:00:00Z"
        assert first["data"]["slot"] == "2027-03-08T09:00:00Z" and first["data"]["repeat"] == 0
        whole = (await patient.get(f"/api/steps/{step['id']}/")).body
        assert first["data"]["step"] == {name: value for name, value in whole.items() if name != "check_ins"}
        await clinic.tick("2027-03-09T09:00")
        again = await page.next("reminder.due")
        assert again["data"]["slot"] == "2027-03-08T09:00:00Z" and again["data"]["repeat"] == 1
        await note_worker.nothing_more()


async def test_the_author_gets_an_event_at_each_status_of_a_note_and_the_patient_when_it_is_ready(
    clinic: Clinic,
) -> None:
    patient, doctor = await clinic.pair()
    async with patient.live() as page, doctor.live() as note_worker:
        first = await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
        told = [await note_worker.next("note.status") for _ in range(3)]
        assert [one["data"]["status"] for one in told] == ["queued", "processing", "ready"]
        counts = {"dropped": 0, "questions": 0}
        assert told[2]["data"] == {"note_id": first["id"], "status": "ready", "failure": None, **counts}
        ready = await page.next("note.status")
        assert ready["data"] == {"note_id": first["id"], "status": "ready", "failure": None}

        second = await clinic.note(doctor, patient, plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")])
        changed, mirrored = await page.next("steps.changed"), await note_worker.next("steps.changed")
        assert changed["data"]["cancelled"] == [first["steps"][0]["id"]] and changed["data"]["by"] == "note"
        assert changed["data"]["created"] == second["steps"] == mirrored["data"]["created"]
        assert changed["data"]["completed"] == []

        assert (await doctor.post(f"/api/notes/{second['id']}/withdraw/")).status == 200
        taken = await page.next("steps.changed")
        assert taken["data"]["cancelled"] == [second["steps"][0]["id"]] and taken["data"]["by"] == "doctor"
        await page.nothing_more()
        assert [one["event"] for one in page.events].count("note.status") == 2, "a patient hears of ready notes alone"


async def test_only_the_author_gets_the_event_of_a_failed_or_proposed_note(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    async with patient.live() as page, doctor.live() as note_worker:
        await clinic.note(
            doctor,
            patient,
            text="Book a chest X-ray.",
            expect="proposed",
            checklist=[item("Book a chest X-ray"), item("Call the clinic", "words that are not there")],
        )
        waits = [await note_worker.next("note.status") for _ in range(3)][-1]
        assert (waits["data"]["status"], waits["data"]["dropped"]) == ("proposed", 1)
        await clinic.note(
            doctor, patient, checklist=[item("Call the clinic", "not there")], text="Nothing.", expect="failed"
        )
        failed = [await note_worker.next("note.status") for _ in range(3)][-1]
        assert failed["data"]["status"] == "failed" and failed["data"]["failure"] == "nothing-supported"
        await page.nothing_more()


async def test_patient_and_doctor_get_the_event_of_a_check_in_by_rest_and_by_the_channel(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    step = await clinic.plan_daily(doctor, patient, "Walk 20 minutes")
    async with patient.live() as page, patient.live() as other_page, doctor.live() as note_worker:
        await clinic.tick("2027-03-02T09:00")
        due = await page.next("reminder.due")
        slot = due["data"]["slot"]
        reply = await page.ask(
            {
                "type": "check_in",
                "id": "a",
                "step_id": step["id"],
                "slot": slot,
                "outcome": "skipped",
                "reason": "It rained.",
                "what this service does not know": [1, 2],
            }
        )
        assert reply["ok"] and reply["data"] == await patient.step("Walk")
        for channel in (page, other_page, note_worker):
            told = await channel.next("step.checked_in")
            assert (told["data"]["slot"], told["data"]["outcome"]) == (slot, "skipped")
            assert told["data"]["step"]["id"] == step["id"] and "It rained" not in json.dumps(told)
        await patient.delete(f"/api/check-in/{step['id']}/")
        assert (await note_worker.next("step.checked_in"))["data"]["outcome"] == "undone"
        await patient.post(f"/api/check-in/{step['id']}/", {"slot": slot})
        assert (await note_worker.next("step.checked_in"))["data"]["outcome"] == "done"
        again = await page.ask({"type": "check_in", "id": "a", "step_id": step["id"], "slot": slot})
        assert again["ok"] and again["data"]["progress"]["done"] == 1
        await note_worker.nothing_more()


async def test_patient_and_doctor_get_the_event_of_a_cancelled_and_of_a_completed_step(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray"), item("Call the clinic")])
    booking, call = await patient.step("Book"), await patient.step("Call")
    async with patient.live() as page, doctor.live() as note_worker:
        await doctor.post(f"/api/steps/{booking['id']}/cancel/")
        for channel in (page, note_worker):
            cancelled = (await channel.next("steps.changed"))["data"]
            assert (cancelled["cancelled"], cancelled["by"]) == ([booking["id"]], "doctor")
        await patient.post(f"/api/check-in/{call['id']}/")
        for channel in (page, note_worker):
            completed = (await channel.next("steps.changed"))["data"]
            assert (completed["completed"], completed["by"]) == ([call["id"]], "patient")


async def test_choosing_changing_and_leaving_a_doctor_sends_events_to_all_sides(ward: Clinic) -> None:
    patient, first, second = await ward.patient(), await ward.doctor(), await ward.doctor()
    me = {"id": patient.id, "name": patient.user["name"]}

    def named(doctor: Person) -> dict[str, Any]:
        return {"patient": me, "doctor": {"id": doctor.id, "name": doctor.user["name"]}}

    async with patient.live() as page, first.live() as note_worker, second.live() as other_desk:
        await ward.assign(patient, first)
        assert (await page.next("assignment.changed"))["data"] == named(first)
        assert (await note_worker.next("assignment.changed"))["data"] == named(first)
        await ward.assign(patient, second)
        assert (await page.next("assignment.changed"))["data"] == named(second)
        assert (await other_desk.next("assignment.changed"))["data"] == named(second)
        assert (await note_worker.next("assignment.changed"))["data"] == {"patient": me, "doctor": None}
        await patient.delete("/api/assign/")
        assert (await page.next("assignment.changed"))["data"] == {"patient": me, "doctor": None}
        assert (await other_desk.next("assignment.changed"))["data"] == {"patient": me, "doctor": None}
        await note_worker.nothing_more()


# Commands


async def test_a_ping_is_answered_with_its_own_id_and_an_ack_is_kept(ward: Clinic) -> None:
    patient = await ward.patient()
    await tell(ward.app, patient.id, ["one", "two", "three"])
    async with patient.live() as page:
        await page.send({"type": "ping", "id": "x" * 64, "more": {"is": "ignored"}})
        assert await page.receive() == {"type": "pong", "id": "x" * 64}
        for seq in (2, 1, 99):
            await page.send({"type": "ack", "seq": seq})
        await page.nothing_more()
        row = await ward.app.resources.database.collection("feeds").find_one({"_id": patient.id})
        assert row["shown"] == 2, "neither back nor beyond what there is"


REFUSED: tuple[tuple[dict[str, Any], int], ...] = (
    ({"step_id": str(uuid4())}, 404),
    ({"step_id": "{theirs}"}, 404),
    ({"step_id": "x" * 300}, 404),
    ({"step_id": "\x00"}, 404),
    ({"step_id": {"$gt": ""}}, 422),
    ({"step_id": None}, 422),
    ({"slot": "09:00"}, 422),
    ({"slot": "2027-03-01T09:01:00Z"}, 422),
    ({"slot": 5}, 422),
    ({"outcome": "perhaps"}, 422),
    ({"reason": "x" * 201}, 422),
    ({"reason": "\x00"}, 422),
    ({"reason": "\ud800"}, 422),
    ({"reason": ["x"]}, 422),
)


async def test_a_check_in_that_rest_would_refuse_is_refused_in_its_reply_and_the_channel_goes_on(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await ward.plan_daily(doctor, patient, "Walk 20 minutes")
    other, other_doctor = await ward.pair()
    theirs = await ward.plan_daily(other_doctor, other, "Swim")
    async with patient.live() as page, other.live() as their_page:
        for changes, status in REFUSED:
            name, value = next(iter(changes.items()))
            command = {"type": "check_in", "id": "7", "step_id": step["id"], **changes}
            reply = await page.ask({**command, "step_id": theirs["id"]} if value == "{theirs}" else command)
            assert not reply["ok"] and reply["error"]["status"] == status, (changes, reply)
            if status == 422:
                assert [error["pointer"] for error in reply["error"]["errors"]] == [f"#/{name}"]
        await page.nothing_more()
        await their_page.nothing_more()
        assert await patient.step("Walk") == step


async def test_a_doctor_does_not_check_in(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    step = await ward.plan_daily(doctor, patient, "Walk 20 minutes")
    async with doctor.live() as note_worker:
        reply = await note_worker.ask({"type": "check_in", "id": "1", "step_id": step["id"]})
        assert reply["error"]["status"] == 403
        assert (await patient.step("Walk"))["progress"]["done"] == 0


async def test_a_slot_is_snoozed_over_the_channel_as_by_rest(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    step = await clinic.plan_daily(doctor, patient, "Walk 20 minutes")
    ask = {"type": "snooze", "id": "a", "step_id": step["id"], "slot": "2027-03-02T09:00:00Z", "minutes": 30}
    async with patient.live() as page, patient.live() as other_page, doctor.live() as note_worker:
        await clinic.tick("2027-03-02T09:00")
        reply = await page.ask(ask)
        assert reply["ok"] and reply["data"]["snoozed_until"] == "2027-03-02T09:30:00Z"
        told = await other_page.next("reminder.snoozed")
        assert told["data"] == {"step": reply["data"], "slot": ask["slot"], "until": "2027-03-02T09:30:00Z"}
        await clinic.tick("2027-03-02T09:30")
        again = await other_page.next("reminder.due")
        assert (again["data"]["slot"], again["data"]["repeat"]) == (ask["slot"], 1)
        assert again["data"]["step"]["snoozed_until"] is None
        refused = await page.ask({**ask, "id": "b", "minutes": 1})
        assert refused["error"]["errors"] == [
            {"pointer": "#/minutes", "detail": refused["error"]["errors"][0]["detail"]}
        ]
        unknown = await page.ask({**ask, "id": "c", "step_id": str(uuid4())})
        assert unknown["error"]["type"] == "/problems/not-found"
        assert (await note_worker.ask({**ask, "id": "d"}))["error"]["type"] == "/problems/forbidden"
        assert [one["event"] for one in note_worker.events].count("reminder.snoozed") == 0
