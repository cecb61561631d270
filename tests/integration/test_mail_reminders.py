"""Reminders by letter: one at most for a slot, in neutral words, and none for what was seen on a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hospital_rt.domain.clock import utcnow
from hospital_rt.settings import Settings
from tasks.mail import send_letter, sweep_letters
from tasks.mail_reminders import sweep_mail_reminders
from tests.support.driver import Caller, Clinic, Person, free_port, open_clinic, plan_item
from tests.support.mailbox import mail_server, text
from tests.support.model_server import ModelServer

pytestmark = pytest.mark.long

PATH = "/api/me/email-reminders/"


@pytest.fixture
def smtp_port() -> int:
    return free_port()


@pytest.fixture
async def post_clinic(settings: Settings, model: ModelServer, smtp_port: int) -> AsyncIterator[Clinic]:
    """A clinic that sends its letters to a real mail server, which may not be up."""
    changes = {
        "smtp_url": f"smtp://127.0.0.1:{smtp_port}",
        "email_verification": "off",
        "mail_from": "Aftercare <bounces@clinic.example>",
    }
    async with open_clinic(settings.model_copy(update=changes), model) as clinic:
        yield clinic


async def subscribed(clinic: Clinic, **more: Any) -> tuple[Person, dict[str, Any]]:
    """A patient who asked for letters, with a daily step that is due in the morning."""
    patient, doctor = await clinic.pair(**more)
    answer = await patient.call("PUT", PATH)
    assert (answer.status, answer.body["on"]) == (200, True)
    return patient, await clinic.plan_daily(doctor, patient, "Take amoxicillin")


async def letters_of(clinic: Clinic) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = await clinic.app.resources.database.collection("letters").find({}).to_list(None)
    return rows


async def again(clinic: Clinic) -> None:
    """The time of every letter that waits has come."""
    await clinic.app.resources.database.collection("letters").update_many(
        {"wake_at": {"$exists": True}}, {"$set": {"wake_at": utcnow()}}
    )
    await sweep_letters(clinic.app)


async def due(clinic: Clinic, day: int = 2) -> int:
    """The number of letters for a morning's reminder that was not seen for a while."""
    await clinic.tick(f"2027-03-{day:02d}T09:00")
    clinic.set_clock(f"2027-03-{day:02d}T09:11")
    return await sweep_mail_reminders(clinic.app)


async def test_one_letter_in_neutral_words_comes_for_a_slot(post_clinic: Clinic, smtp_port: int) -> None:
    clinic = post_clinic
    patient, _ = await subscribed(clinic)
    with mail_server(smtp_port) as post:
        await clinic.tick("2027-03-02T09:00")
        clinic.set_clock("2027-03-02T09:09")
        assert await sweep_mail_reminders(clinic.app) == 0, "a page has a moment to show it"
        clinic.set_clock("2027-03-02T09:11")
        found = await asyncio.gather(*(sweep_mail_reminders(clinic.app) for _ in range(4)))
        assert sorted(found) == [0, 0, 0, 1]
        await asyncio.gather(*(sweep_letters(clinic.app) for _ in range(3)))
        assert await sweep_mail_reminders(clinic.app) == 0
        (letter,) = post.got
        assert await due(clinic, day=3) == 1, "the next slot has its own"
    assert letter["To"] == patient.email and post.senders == ["bounces@clinic.example"]
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Unsubscribe"].startswith(f"<{clinic.base}/unsubscribe/")
    whole = letter.as_string() + text(letter)
    assert not any(word in whole.lower() for word in ("amoxicillin", "doctor", "patient 1"))
    assert "/unsubscribe/" in text(letter)


async def test_a_slot_that_speaks_again_has_no_second_letter(post_clinic: Clinic) -> None:
    clinic = post_clinic
    patient, doctor = await clinic.pair()
    await patient.call("PUT", PATH)
    await clinic.note(doctor, patient, plan=[plan_item("Weigh yourself", "Weigh yourself every 7 days", every_days=7)])
    made = [await due(clinic, day) for day in range(2, 16)]
    assert sum(made) == 2 and made[0] + made[6] + made[7] + made[13] == 2, made


async def test_what_was_seen_or_answered_makes_no_letter(post_clinic: Clinic) -> None:
    clinic = post_clinic
    patient, step = await subscribed(clinic)
    async with patient.live() as page:
        await clinic.tick("2027-03-02T09:00")
        event = await page.next("reminder.due")
        await page.send({"type": "ack", "seq": event["seq"]})
        await page.nothing_more()
    assert await due(clinic, 2) == 0, "shown on a page"
    await clinic.tick("2027-03-03T09:00")
    assert (await patient.post(f"/api/check-in/{step['id']}/")).status == 200
    assert await due(clinic, 3) == 0, "answered"
    await clinic.tick("2027-03-04T09:00")
    clinic.set_clock("2027-03-04T09:05")
    await clinic.sign_in(patient.user)
    assert await due(clinic, 4) == 0, "a page was opened since"
    assert await due(clinic, 5) == 1


async def test_what_was_seen_before_a_late_letter_went_out_is_not_sent(post_clinic: Clinic, smtp_port: int) -> None:
    clinic = post_clinic
    _, step = await subscribed(clinic)
    assert await due(clinic) == 1
    await sweep_letters(clinic.app)
    (letter,) = await letters_of(clinic)
    assert letter["wake_at"] > utcnow() and "outcome" not in letter, "the server is away: put off"
    patient_id = letter["user_id"]
    patient = next(one for one in [await clinic.app.store.users.get(patient_id)] if one)
    signed_in = await clinic.sign_in({"email": patient.email})
    assert (await signed_in.post(f"/api/check-in/{step['id']}/")).status == 200
    with mail_server(smtp_port) as post:
        await again(clinic)
        assert post.got == []
    assert (await letters_of(clinic))[0]["outcome"] == "given-up"


async def test_a_server_that_is_away_or_busy_gets_it_later_once(post_clinic: Clinic, smtp_port: int) -> None:
    clinic = post_clinic
    await subscribed(clinic)
    assert await due(clinic) == 1
    await sweep_letters(clinic.app)
    with mail_server(smtp_port) as post:
        post.says = "451 try again later"
        await again(clinic)
        assert post.got == []
        post.says = "250 OK"
        for _ in range(3):
            await again(clinic)
        assert len(post.got) == 1
    assert [one["outcome"] for one in await letters_of(clinic)] == ["sent"]


async def test_a_letter_that_may_have_gone_out_is_not_sent_again(
    post_clinic: Clinic, smtp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = post_clinic
    await subscribed(clinic)
    with mail_server(smtp_port) as post:
        # The answer is lost.
        assert await due(clinic) == 1
        post.hangs_up = True
        await sweep_letters(clinic.app)
        post.hangs_up = False
        await again(clinic)
        assert len(post.got) == 1 and (await letters_of(clinic))[0]["outcome"] == "unknown"
        # The worker dies while it sends.
        assert await due(clinic, day=3) == 1
        send = clinic.app.resources.mailer.send

        async def die(envelope: Any) -> None:
            await send(envelope)
            raise asyncio.CancelledError

        monkeypatch.setattr(clinic.app.resources.mailer, "send", die)
        letter = next(one for one in await letters_of(clinic) if "outcome" not in one)
        with pytest.raises(asyncio.CancelledError):
            await send_letter(clinic.app, letter["_id"])
        monkeypatch.undo()
        await again(clinic)
        assert len(post.got) == 2


async def test_an_address_that_takes_nothing_is_left_alone(post_clinic: Clinic, smtp_port: int) -> None:
    clinic = post_clinic
    patient, _ = await subscribed(clinic)
    with mail_server(smtp_port) as post:
        post.to_address = "550 no such user"
        for day in (2, 3, 4):
            assert (await patient.get(PATH)).body["on"]
            assert await due(clinic, day) == 1
            await sweep_letters(clinic.app)
    assert (await patient.get(PATH)).body == {"on": False, "since": None}


async def test_the_link_in_a_letter_ends_them(post_clinic: Clinic, smtp_port: int) -> None:
    clinic = post_clinic
    patient, _ = await subscribed(clinic, language="es")
    with mail_server(smtp_port) as post:
        assert await due(clinic) == 1
        await sweep_letters(clinic.app)
        link = post.got[0]["List-Unsubscribe"].strip("<>").removeprefix(clinic.base)
    stranger: Caller = clinic.anyone
    shown = await stranger.get(link)
    assert shown.status == 200 and b'<form method="post">' in shown.raw and b'lang="es"' in shown.raw
    assert "form-action 'self'" in shown.headers["Content-Security-Policy"]
    assert (await patient.get(PATH)).body["on"], "looking at a link ends nothing"
    click: dict[str, Any] = {
        "raw": b"List-Unsubscribe=One-Click",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    }
    assert (await stranger.call("POST", link[:-2] + "AA", **click)).slug == "not-found"
    assert (await patient.get(PATH)).body["on"]
    for _ in range(2):
        assert (await stranger.call("POST", link, **click)).status == 200
    assert not (await patient.get(PATH)).body["on"]
    assert await due(clinic, day=3) == 0
    log = (await patient.get("/api/me/access-log/")).body["items"]
    assert ("link", "account.changed") in {(one["role"], one["act"]) for one in log}
    assert (await stranger.call("DELETE", link)).slug == "method-not-allowed"
    await patient.call("PUT", PATH)
    assert (await stranger.call("POST", link, **click)).status == 200
    assert (await patient.get(PATH)).body["on"], "an old letter's link does not end a new wish"


async def test_only_what_comes_after_the_wish_makes_letters(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    assert (await patient.get(PATH)).body == {"on": False, "since": None}
    await ward.plan_daily(doctor, patient, "Walk")
    assert await due(ward) == 0
    since = (await patient.call("PUT", PATH)).body["since"]
    assert await sweep_mail_reminders(ward.app) == 0
    ward.set_clock("2027-03-02T12:00")
    assert (await patient.call("PUT", PATH)).body["since"] == since, "asking again changes nothing"
    assert await due(ward, day=3) == 1
    assert [(await patient.delete(PATH)).status for _ in range(2)] == [204, 204]
    assert await due(ward, day=4) == 0


async def test_who_left_or_never_confirmed_gets_none(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.app.store.users.update(patient.id, {"email_confirmed": False})
    assert (await patient.call("PUT", PATH)).slug == "email-unverified"
    await ward.app.store.users.update(patient.id, {"email_confirmed": True})
    await patient.call("PUT", PATH)
    await ward.plan_daily(doctor, patient, "Walk")
    await ward.tick("2027-03-02T09:00")
    assert (await patient.delete("/api/me/", {"password": patient.password})).status == 204
    assert await due(ward) == 0
    assert await ward.app.store.mail_reminders.get(patient.id) is None
