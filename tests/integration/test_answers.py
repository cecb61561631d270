"""Answers from a notification: POST /api/answer/ with the token of a push message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tasks.push import sweep_push
from tests.integration.test_reminder_channels import Device
from tests.support.driver import Answer, Clinic, Person
from tests.support.plans import MARCH, NINE, check_in, one_step, outcomes, plan, read, reminders, undo

pytestmark = [pytest.mark.long, pytest.mark.settings(push_hosts=("127.0.0.1",))]


class Told:
    """A patient with a device that is told, and one step."""

    def __init__(self, clinic: Clinic, patient: Person, doctor: Person, step: dict[str, Any], device: Device) -> None:
        self.clinic, self.patient, self.doctor, self.step, self.device = clinic, patient, doctor, step, device

    async def push(self, moment: str) -> dict[str, Any]:
        """What the device is told of the reminder of that minute."""
        await self.clinic.tick(moment)
        self.clinic.set_clock(f"{moment}:30")
        assert await sweep_push(self.clinic.app) == 1
        said: dict[str, Any] = json.loads(self.device.received[-1]["data"])
        return said

    async def answer(self, token: str, outcome: str = "done", **more: Any) -> Answer:
        return await self.clinic.anyone.post("/api/answer/", {"token": token, "outcome": outcome, **more})


@pytest.fixture
async def told(clinic: Clinic) -> AsyncIterator[Told]:
    device = Device()
    patient, doctor = await clinic.pair()
    assert (await patient.post("/api/me/push/", device.subscription())).status == 201
    step = await one_step(clinic, patient, doctor)
    yield Told(clinic, patient, doctor, step, device)
    device.server.stop()


async def test_done_closes_the_slot_and_both_get_an_event(told: Told) -> None:
    token = (await told.push("2027-03-02T09:00"))["token"]
    async with told.patient.live() as page, told.doctor.live() as desk:
        assert (await told.answer(token)).status == 204
        assert (await page.next("step.checked_in"))["data"]["outcome"] == "done"
        assert (await desk.next("step.checked_in"))["data"]["slot"] == NINE[2]
    assert (await read(told.patient, told.step))["progress"]["done"] == 1
    audit = told.clinic.app.resources.database.collection("audit")
    (entry,) = await audit.find({"act": "step.checked_in"}).to_list(None)
    assert (entry["role"], entry["of"], entry["item"]) == ("link", [told.patient.id], told.step["id"])


async def test_the_same_answer_again_is_the_same_and_another_is_refused(told: Told) -> None:
    token = (await told.push("2027-03-02T09:00"))["token"]
    answers = await asyncio.gather(*(told.answer(token) for _ in range(5)))
    assert [answer.status for answer in answers] == [204] * 5
    assert (await told.answer(token, "snooze")).slug == "invalid-token"
    assert await outcomes(told.patient) == [(NINE[2], "done")]
    assert (await undo(told.patient, told.step)).status == 200
    assert (await told.answer(token)).status == 204, "it was answered, and is not answered anew"
    assert (await read(told.patient, told.step))["open_slot"] == NINE[2]


async def test_later_repeats_the_slot_with_a_token_of_its_own(told: Told) -> None:
    first = await told.push("2027-03-02T09:00")
    assert (await told.answer(first["token"], "snooze")).status == 204
    assert (await read(told.patient, told.step))["snoozed_until"] == "2027-03-02T09:30:30Z"
    assert (await told.answer(first["token"], "snooze")).status == 204
    again = await told.push("2027-03-02T09:31")
    assert again["token"] != first["token"] and again["tag"] == first["tag"]
    assert await reminders(told.patient) == [(NINE[2], 0), (NINE[2], 1)]
    assert (await told.answer(first["token"], "snooze")).status == 204
    assert (await read(told.patient, told.step))["snoozed_until"] is None, "an old answer puts nothing off"
    assert (await told.answer(again["token"])).status == 204


async def test_a_snoozed_slot_is_not_pushed_before_its_time(told: Told) -> None:
    await told.clinic.tick("2027-03-02T09:00")
    path = f"/api/snooze/{told.step['id']}/"
    assert (await told.patient.post(path, {"slot": NINE[2], "minutes": 60})).status == 200
    told.clinic.set_clock("2027-03-02T09:01")
    assert await sweep_push(told.clinic.app) == 0


async def test_later_just_before_the_next_slot_leaves_it_to_that(told: Told) -> None:
    step = await one_step(told.clinic, told.patient, told.doctor, times=["09:00", "09:20"], times_per_day=2)
    token = (await told.push("2027-03-02T09:00"))["token"]
    assert (await told.answer(token, "snooze")).status == 204
    assert (await read(told.patient, step))["snoozed_until"] is None
    await told.clinic.tick("2027-03-02T09:20")
    assert (await reminders(told.patient, step))[-1] == (MARCH.format(2, "09:20"), 0)


async def test_a_token_dies_with_its_slot(told: Told) -> None:
    token = (await told.push("2027-03-02T09:00"))["token"]
    await check_in(told.patient, told.step, NINE[2], outcome="skipped")
    assert (await told.answer(token)).slug == "invalid-token"
    missed = (await told.push("2027-03-03T09:00"))["token"]
    await told.clinic.tick("2027-03-04T09:00")
    assert (await told.answer(missed)).slug == "invalid-token", "a newer one is due"
    assert (await told.answer(token, "snooze")).slug == "invalid-token"
    assert (await read(told.patient, told.step))["open_slot"] == NINE[4]


async def test_a_token_dies_with_the_step(told: Told) -> None:
    token = (await told.push("2027-03-02T09:00"))["token"]
    await one_step(told.clinic, told.patient, told.doctor)
    assert (await told.answer(token)).slug == "invalid-token"


async def test_a_token_is_valid_for_a_day(told: Told) -> None:
    weekly = await one_step(told.clinic, told.patient, told.doctor, every_days=7, start_in_days=1)
    token = (await told.push("2027-03-02T09:00"))["token"]
    told.clinic.set_clock("2027-03-03T09:01")
    assert (await told.answer(token)).slug == "invalid-token"
    assert (await read(told.patient, weekly))["open_slot"] == NINE[2]


async def test_a_token_dies_with_the_account(told: Told) -> None:
    token = (await told.push("2027-03-02T09:00"))["token"]
    assert (await told.patient.delete("/api/me/", {"password": told.patient.password})).status == 204
    assert (await told.answer(token)).slug == "invalid-token"
    held = told.clinic.app.resources.database.collection("answer_tokens")
    assert await held.count_documents({}) == 0


async def test_a_token_lies_hashed(told: Told) -> None:
    token = (await told.push("2027-03-02T09:00"))["token"]
    rows = await told.clinic.app.resources.database.collection("answer_tokens").find({}).to_list(None)
    assert len(rows) == 1 and token not in str(rows)


async def test_an_answer_that_comes_late_says_when_it_was(told: Told) -> None:
    token = (await told.push("2027-03-02T09:00"))["token"]
    told.clinic.set_clock("2027-03-02T15:00")
    for wrong in ("2027-03-02T16:00:00Z", "2027-02-01T09:00:00Z", "this morning"):
        refused = await told.answer(token, at=wrong)
        assert [error["pointer"] for error in refused.body["errors"]] == ["#/at"]
    assert (await told.answer(token, at=MARCH.format(2, "09:10"))).status == 204
    (answered,) = (await read(told.patient, told.step))["check_ins"]
    assert answered["at"] == MARCH.format(2, "09:10")


async def test_several_that_are_due_at_one_time_are_one_message(told: Told) -> None:
    steps = await plan(told.clinic, told.doctor, told.patient, {}, {}, {})
    said = await told.push("2027-03-02T09:00")
    assert said["count"] == 3 and len(told.device.received) == 1
    assert (await told.answer(said["token"])).status == 204
    done = [(await read(told.patient, step))["progress"]["done"] for step in steps]
    assert sum(done) == 1, "a token answers one slot"


async def test_what_is_answered_elsewhere_does_not_hide_what_still_waits(told: Told) -> None:
    steps = await plan(told.clinic, told.doctor, told.patient, {}, {})
    await told.clinic.tick("2027-03-02T09:00")
    assert await reminders(told.patient)
    newest = steps[-1]
    await check_in(told.patient, newest, NINE[2])
    told.clinic.set_clock("2027-03-02T09:01")
    assert await sweep_push(told.clinic.app) == 1
    assert json.loads(told.device.received[-1]["data"])["count"] == 1


async def test_each_repeat_is_pushed_like_the_first(told: Told) -> None:
    await told.patient.patch("/api/me/", {"repeat_minutes": 15, "repeat_most": 2})
    tokens = [(await told.push(f"2027-03-02T09:{minute}"))["token"] for minute in ("00", "15", "30")]
    assert len(set(tokens)) == 3
    await told.clinic.tick("2027-03-02T09:45")
    told.clinic.set_clock("2027-03-02T09:46")
    assert await sweep_push(told.clinic.app) == 0
    assert (await told.answer(tokens[0])).status == 204, "an earlier message answers the same slot"
    assert (await told.answer(tokens[2])).slug == "invalid-token"


@pytest.mark.parametrize(
    "body", [{}, {"token": "x"}, {"token": "x", "outcome": "skipped"}, {"token": 1}, {"token": ""}]
)
async def test_a_malformed_answer_is_refused(clinic: Clinic, body: dict[str, Any]) -> None:
    assert (await clinic.anyone.post("/api/answer/", body)).status == 422


async def test_an_unknown_token_is_refused(clinic: Clinic) -> None:
    assert (await clinic.anyone.post("/api/answer/", {"token": "guess", "outcome": "done"})).slug == "invalid-token"
