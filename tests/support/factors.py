"""A user's second factors, as tests set them up and answer them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from hospital_rt.domain.clock import utcnow
from tests.support.authenticator import Authenticator
from tests.support.driver import PASSWORD, Answer, Caller, Clinic, Person

FACTORS, STEP_TWO = "/api/me/second-factors/", "/api/token/second-factor/"


def code_of(secret: str, *, at: datetime | None = None, steps: int = 0) -> str:
    """What an authenticator app shows, ``steps`` half minutes from then."""
    moment = int((at or utcnow()).timestamp()) + 30 * steps
    return TOTP(base64.b32decode(secret), 6, SHA1(), 30).generate(moment).decode()  # noqa: S303 - RFC 6238


@dataclass
class App:
    """An authenticator app with one account in it."""

    id: str
    secret: str
    recovery_codes: list[str] = field(default_factory=list)


async def add_app(person: Person, *, steps: int = -1) -> App:
    """Set up an app and confirm it, by the code of the half minute before: the present one is still to be used."""
    begun = await person.post(FACTORS, {"kind": "totp"})
    assert begun.status == 201, begun.body
    app = App(begun.body["id"], begun.body["secret"])
    done = await person.post(f"{FACTORS}{app.id}/confirm/", {"code": code_of(app.secret, steps=steps)})
    assert done.status == 200, done.body
    app.recovery_codes = done.body["recovery_codes"] or []
    return app


def device(clinic: Clinic) -> Authenticator:
    """A device whose browser is at the clinic's page."""
    return Authenticator(origin=clinic.base, rp_id=urlsplit(clinic.base).hostname or "")


async def add_passkey(clinic: Clinic, person: Person) -> tuple[str, Authenticator, list[str]]:
    """Set up a passkey: its id, its device, and the recovery codes if it is the first factor."""
    begun = await person.post(FACTORS, {"kind": "passkey"})
    assert begun.status == 201, begun.body
    made = device(clinic)
    credential = made.create(begun.body["options"])
    done = await person.post(f"{FACTORS}{begun.body['id']}/confirm/", {"credential": credential})
    assert done.status == 200, done.body
    return begun.body["id"], made, done.body["recovery_codes"] or []


async def first_step(anyone: Caller, person: Person, password: str = PASSWORD) -> dict[str, Any]:
    """Address and password; the challenge with what comes with it."""
    answer = await anyone.post("/api/token/", {"email": person.email, "password": password})
    assert (answer.status, answer.slug) == (401, "second-factor"), answer.body
    found: dict[str, Any] = answer.body
    return found


async def second_step(anyone: Caller, challenge: str, **more: Any) -> Answer:
    return await anyone.post(STEP_TWO, {"challenge": challenge, **more})
