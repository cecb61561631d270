"""The demo accounts: made on the first start, the patients with their doctor chosen."""

from __future__ import annotations

from uuid import uuid4

from hospital_rt.clock import utcnow
from hospital_rt.database import Session
from hospital_rt.demo import PEOPLE, DemoPerson, demo_passwords
from hospital_rt.settings import Settings
from models.acts.assign import assign_doctor
from models.house import House, open_house
from models.users import User


async def seed(settings: Settings) -> list[str]:
    """Have every demo account; the lines that tell how to sign in."""
    passwords = demo_passwords(settings.data_dir)
    async with open_house(settings) as house:
        doctor_id = ""
        for person in PEOPLE:
            user_id = await _account(house, person, passwords[person.email])
            if person.role == "doctor":
                doctor_id = user_id
            elif await house.store.assignments.current(user_id) is None:
                await assign_doctor(
                    house.store, patient_id=user_id, doctor_id=doctor_id, share_history=False, now=utcnow()
                )
    lines = ["", "  Sign in as:"]
    lines += [f"    {person.role:8}{person.email:24}{passwords[person.email]}" for person in PEOPLE]
    return [*lines, "", f"  A day lasts {settings.day_seconds} s here, so a reminder comes round in no time.", ""]


async def _account(house: House, person: DemoPerson, password: str) -> str:
    held = await house.store.users.by_email(person.email)
    if held:
        return held.id
    user = User(
        id=str(uuid4()), role=person.role, status="active", name=person.name, email=person.email,
        password_hash=await house.resources.passwords.hash(password), timezone=house.settings.default_timezone,
        reminder_time="09:00", language="en", created_at=utcnow(),
    )  # fmt: skip

    async def work(session: Session) -> None:
        await house.store.users.insert(user, session=session)

    await house.store.transaction(work)
    return user.id
