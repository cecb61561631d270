"""The people around a patient, for tests: carers, covering doctors, administrators."""

from __future__ import annotations

from itertools import count
from typing import Any
from uuid import uuid4

from tests.support.driver import Clinic, Person

_numbers = count(1)


async def invite(clinic: Clinic, patient: Person, email: str, **more: Any) -> dict[str, Any]:
    """An invitation; the answer."""
    answer = await patient.post("/api/me/carers/", {"email": email, "may": "see", **more})
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.body
    return found


async def token_of(clinic: Clinic, invitation_id: str) -> str:
    """The token in the letter of an invitation."""
    return clinic.app.resources.tokens.link_token(use="invitation", link_id=invitation_id)


async def accept(clinic: Clinic, patient: Person, carer: Person, **more: Any) -> dict[str, Any]:
    """Make a user with an account the patient's carer; the answer to their acceptance."""
    sent = await invite(clinic, patient, carer.email, **more)
    answer = await carer.post("/api/carers/accept/", {"token": await token_of(clinic, sent["id"])})
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


async def carer_of(clinic: Clinic, patient: Person, **more: Any) -> Person:
    """A carer of this patient, signed up by an invitation."""
    email = f"carer{next(_numbers)}-{uuid4().hex[:6]}@clinic.example"
    sent = await invite(clinic, patient, email, **more)
    token = await token_of(clinic, sent["id"])
    return await clinic.sign_in(await clinic.sign_up("carer", email=email, invitation=token))


async def cover_of(doctor: Person, colleague: Person, *, until: str, **more: Any) -> dict[str, Any]:
    """Have a colleague cover for a doctor; what the doctor was answered."""
    answer = await doctor.post("/api/me/cover/", {"doctor_id": colleague.id, "until": until, **more})
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.body
    return found


async def admin_of(clinic: Clinic) -> Person:
    """An administrator who has signed in and has a second factor."""
    user = await clinic.sign_up("patient", name="Ada Admin")
    users = clinic.app.store.users
    await users.update(user["id"], {"role": "admin"})
    admin = await clinic.sign_in(user)
    await users.update(user["id"], {"second_factor": True})
    return admin
