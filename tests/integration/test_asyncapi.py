"""The document of the live channel says what really comes over it."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from handlers.routes import asyncapi_document
from tests.support.driver import Clinic, plan_item


def validator(document: dict[str, Any], name: str) -> jsonschema_rs.Draft202012Validator:
    """The schema of one message; references point into the whole document."""
    payload = document["components"]["messages"][name]["payload"]
    return jsonschema_rs.Draft202012Validator({**payload, "components": document["components"]})


async def test_every_message_of_a_day_is_as_the_document_says(clinic: Clinic) -> None:
    document = asyncapi_document(clinic.base)
    served = (await clinic.anyone.get("/asyncapi.json")).body
    assert served == document
    patient, doctor = await clinic.patient(), await clinic.doctor()
    async with patient.live() as page, doctor.live() as note_worker:
        assert not list(validator(document, "Ready").iter_errors(page.ready))
        await clinic.assign(patient, doctor)
        await clinic.note(doctor, patient, plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")])
        await clinic.tick("2027-03-02T09:00")
        due = await page.next("reminder.due")
        reply = await page.ask({"type": "check_in", "id": "1", "step_id": due["data"]["step"]["id"]})
        refused = await page.ask({"type": "check_in", "id": "2", "step_id": "nobody's"})
        await note_worker.next("step.checked_in")
        if "step.checked_in" not in [event["event"] for event in page.events]:
            await page.next("step.checked_in")
        assert not refused["ok"]
        for message, name in ((reply, "Reply"), (refused, "Reply")):
            assert not list(validator(document, name).iter_errors(message))
        seen = {event["event"] for event in page.events + note_worker.events}
        assert seen == {"assignment.changed", "note.status", "steps.changed", "reminder.due", "step.checked_in"}
        for event in page.events + note_worker.events:
            errors = list(validator(document, event["event"]).iter_errors(event))
            assert not errors, (event["event"], errors[0].message)


def test_the_validator_finds_what_the_document_does_not_allow() -> None:
    document = asyncapi_document("http://127.0.0.1:8000")
    wrong = {"type": "event", "seq": 1, "event": "reminder.due", "at": "2027-03-01T00:00:00Z", "data": {"slot": 1}}
    assert list(validator(document, "reminder.due").iter_errors(wrong))
