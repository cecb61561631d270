"""The demo accounts: made on the first start, the patients with their doctor chosen and a past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from cli.demo_past import ENDED, RUNNING, care_for, write_history
from hospital_rt.domain.clock import utcnow
from hospital_rt.runtime.demo_data import PEOPLE, DemoPerson, demo_passwords
from hospital_rt.settings import Settings
from hospital_rt.storage.database import Session
from models.app_context import AppContext, open_app_context
from models.services.assignments import assign_doctor
from models.users import User

SINCE_DAYS = 41  # before the oldest note of the past
FIRST_NOTE = "Take amoxicillin 500 mg three times a day for 7 days. Book a chest X-ray."
OPEN_NOTE = "Continue metoprolol 25-50 mg depending on pulse."
PAGES = (
    ("/#/patients", "doctor: who needs you, and why"),
    ("/#/notes", "doctor: what waits for you; patient: whose words each step comes from"),
    ("/#/today", "patient: what is due now, later, done"),
    ("/#/calendar", "patient: how it went; a link for your own calendar"),
    ("/#/me", "patient: reminders, doctor, who read your notes, devices, erasing"),
    ("/#/caring", "carer: the day of whom one helps"),
    ("/#/signup", "anyone: a new account"),
    ("/#/forgot", "anyone: a new password, by a letter that is shown on this terminal"),
    ("/swagger/", "the API, to be tried"),
)


async def seed(settings: Settings) -> list[str]:
    """Have every demo account; the lines that tell how to sign in."""
    passwords = demo_passwords(settings.data_dir)
    async with open_app_context(settings) as app:
        users: dict[str, User] = {}
        for person in PEOPLE:
            known = await app.store.users.by_email(person.email)
            users[person.email] = known or await _account(app, person, passwords[person.email])
            if known is None:
                await _past(app, users[person.email], list(users.values()))
    lines = ["", "  Sign in as:"]
    lines += [f"    {person.role:8}{person.email:24}{passwords[person.email]}" for person in PEOPLE]
    return [*lines, "", *_what_to_try(settings), ""]


def _what_to_try(settings: Settings) -> list[str]:
    """The steps of the demonstration, as printed text."""
    doctor, patient, *_ = PEOPLE
    at = settings.public_url
    return [
        "  Then, in two browser windows, one of them private:",
        f"    1. As {doctor.name} choose {patient.name}, Write a note, and send:",
        f"       {FIRST_NOTE}",
        f"    2. As {patient.name} see the steps come in by themselves, and press Done or Skip.",
        f"       A day lasts {settings.day_seconds} s here, so a reminder comes round in no time.",
        "    3. As the doctor see the answers; write another note, and what changed is told to both.",
        "    4. Send a note that leaves something open, and approve what comes of it:",
        f"       {OPEN_NOTE}",
        "    5. Switch the network off, press Done, switch it on: the answer is sent by itself, once.",
        "",
        "  Pages:",
        *(f"    {at}{path:16}{what}" for path, what in PAGES),
        "  Ctrl-C stops everything; the next start finds it again.",
    ]


async def _past(app: AppContext, user: User, earlier: Sequence[User]) -> None:
    """What lies behind a new account: a patient has a doctor and weeks of answers, a carer has a patient."""
    doctor, now = earlier[0], utcnow()
    patients = [one for one in earlier if one.role == "patient"]
    if user.role == "patient":
        since = now - timedelta(days=SINCE_DAYS)
        await assign_doctor(app.store, patient_id=user.id, doctor_id=doctor.id, share_history=False, now=since)
        past = ENDED if user == patients[0] else RUNNING
        await write_history(app, past, patient=user, doctor_id=doctor.id, now=now)
    elif user.role == "carer":
        await care_for(app, patient=patients[0], carer=user, now=now)


async def _account(app: AppContext, person: DemoPerson, password: str) -> User:
    user = User(
        id=str(uuid4()),
        role=person.role,
        status="active",
        name=person.name,
        email=person.email,
        password_hash=await app.resources.passwords.hash(password),
        timezone=app.settings.default_timezone,
        created_at=utcnow() - timedelta(days=SINCE_DAYS),
    )
    contact = {"birth_date": person.birth_date, "phone": person.phone}

    async def work(session: Session) -> None:
        await app.store.users.insert(user, session=session)
        if person.role == "patient":
            await app.store.users.update(user.id, contact, session=session)

    await app.store.transaction(work)
    return user
