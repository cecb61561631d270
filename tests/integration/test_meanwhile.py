"""What is under way when an account is closed, erased or taken back by its owner: nothing comes up behind that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handlers.base.api_handler import ApiHandler
from hospital_rt.domain.clock import utcnow
from hospital_rt.web.passwords import Passwords
from tests.support.admin_driver import admin
from tests.support.driver import PASSWORD, Answer, Clinic, Person, item, plan_item
from tests.support.mailbox import link_token

pytestmark = [pytest.mark.long, pytest.mark.abuse]

NEWER = "brisk-otter-umbrella-7"
Between = Callable[[Callable[[], Awaitable[Any]]], None]


@pytest.fixture
def after_verifying(monkeypatch: pytest.MonkeyPatch) -> Between:
    """Has something happen once, just after a password was found right and before anything comes of it."""

    def arrange(new_event: Callable[[], Awaitable[Any]]) -> None:
        verify = Passwords.verify

        async def interrupted(self: Passwords, password: str, hashed: str | None) -> tuple[bool, str | None]:
            found = await verify(self, password, hashed)
            monkeypatch.setattr(Passwords, "verify", verify)
            await new_event()
            return found

        monkeypatch.setattr(Passwords, "verify", interrupted)

    return arrange


@pytest.fixture
def after_admitting(monkeypatch: pytest.MonkeyPatch, clinic: Clinic) -> Between:
    """Has something happen once, just after a request was let in by its token and before it does anything."""

    def arrange(new_event: Callable[[], Awaitable[Any]]) -> None:

        admit = ApiHandler._admit

        async def interrupted(self: ApiHandler) -> None:
            await admit(self)
            monkeypatch.setattr(ApiHandler, "_admit", admit)
            await new_event()

        monkeypatch.setattr(ApiHandler, "_admit", interrupted)

    return arrange


def sign_in(clinic: Clinic, person: Person) -> Awaitable[Answer]:
    return clinic.anyone.post("/api/token/", {"email": person.email, "password": PASSWORD})


async def reset(clinic: Clinic, person: Person) -> None:
    await clinic.anyone.post("/api/forgot-password/", {"email": person.email})
    token = await link_token(clinic, person.email)
    assert (await clinic.anyone.post("/api/reset-password/", {"token": token, "password": NEWER})).status == 204


@pytest.mark.parametrize("how", ["a new password", "a reset", "leaving", "deactivation"])
async def test_a_sign_in_with_the_old_password_does_not_outlive_it(
    clinic: Clinic, after_verifying: Between, how: str
) -> None:
    patient = await clinic.patient()

    async def ends() -> None:
        if how == "a new password":
            body = {"current": PASSWORD, "password": NEWER}
            assert (await patient.post("/api/me/password/", body)).status == 204
        elif how == "a reset":
            await reset(clinic, patient)
        elif how == "leaving":
            assert (await patient.delete("/api/me/", {"password": PASSWORD})).status == 204
        else:
            assert (await admin(clinic.app.settings, "deactivate", patient.email)).code == 0

    after_verifying(ends)
    refused = await sign_in(clinic, patient)
    assert (refused.status, refused.slug) == (401, "wrong-credentials")
    alive = await clinic.app.store.sessions.of_user(patient.id, now=utcnow())
    assert len(alive) == (how == "a new password"), "but for the one that changed it"


@pytest.mark.parametrize("what", ["a password", "a calendar link", "a device to push to"])
async def test_a_thief_gets_nothing_that_outlives_the_reset(
    clinic: Clinic, after_admitting: Between, what: str
) -> None:
    patient = await clinic.patient()
    thief = await clinic.sign_in(patient.user)
    after_admitting(lambda: reset(clinic, patient))
    if what == "a password":
        answer = await thief.post("/api/me/password/", {"current": PASSWORD, "password": "velvet-okapi-lagoon-77"})
        assert answer.status in {401, 403}
        assert (await clinic.sign_in(patient.user, NEWER)).id == patient.id
    elif what == "a calendar link":
        assert (await thief.post("/api/me/calendar/")).slug == "unauthenticated"
        assert await clinic.app.resources.database.collection("calendars").count_documents({}) == 0
    else:
        device = {"endpoint": "https://1.1.1.1/x", "keys": {"p256dh": "B" * 87, "auth": "A" * 22}}
        assert (await thief.post("/api/me/push/", device)).slug == "unauthenticated"
        assert await clinic.app.resources.database.collection("subscriptions").count_documents({}) == 0


async def test_who_is_erased_while_something_is_done_is_not_there(clinic: Clinic, after_admitting: Between) -> None:
    """Never a fault of ours, and nothing of theirs comes up again."""
    doctor = await clinic.doctor()
    for number in range(6):
        patient = await clinic.patient()
        await clinic.assign(patient, doctor)
        note = await clinic.note(
            doctor, patient, checklist=[item("Book an X-ray")], plan=[plan_item("Walk", "Walk daily")]
        )
        step = await patient.step("Walk")
        asks: list[tuple[Person, str, str, Any]] = [
            (patient, "POST", f"/api/check-in/{step['id']}/", {"outcome": "skipped", "reason": "tired"}),
            (patient, "PATCH", "/api/me/", {"name": "Ruth", "timezone": "Asia/Tokyo"}),
            (patient, "POST", "/api/assign/", {"doctor_id": doctor.id}),
            (doctor, "POST", "/api/notes/", {"patient_id": patient.id, "text": "Walk daily."}),
            (doctor, "POST", f"/api/steps/{step['id']}/cancel/", {"reason": "enough"}),
            (doctor, "POST", f"/api/notes/{note['id']}/withdraw/", {"reason": "wrong"}),
        ]
        who, method, path, body = asks[number]

        async def erased(patient: Person = patient) -> None:
            assert (await admin(clinic.app.settings, "erase", patient.id)).code == 0
            clinic.app.store.vault.drop_cached_key(patient.id)

        after_admitting(erased)
        answer = await who.call(method, path, body)
        assert answer.status in {401, 404, 409}, (path, answer.body)
        assert (await doctor.get("/api/my-patients/")).body["items"] == []
        assert [step.status for step in await clinic.app.store.steps.of_note(note["id"])] == ["cancelled"] * 2


async def test_no_patient_keeps_a_doctor_whose_account_is_closed(clinic: Clinic) -> None:
    for _ in range(4):
        doctor = await clinic.doctor()
        patients = [await clinic.patient() for _ in range(4)]
        answers = await asyncio.gather(
            *(one.post("/api/assign/", {"doctor_id": doctor.id}) for one in patients[:2]),
            doctor.delete("/api/me/", {"password": PASSWORD}),
            *(one.post("/api/assign/", {"doctor_id": doctor.id}) for one in patients[2:]),
        )
        assert answers[2].status == 204 and {one.status for one in answers} <= {201, 204, 404}
        assert [(await one.get("/api/assign/")).status for one in patients] == [404] * 4
