"""What the account tests have in common."""

from __future__ import annotations

from typing import Any

from tests.support.driver import PASSWORD

OTHER = "brisk-otter-umbrella-7"
SIGN_UP = {"name": "Ruth Keller", "email": "ruth@clinic.example", "password": PASSWORD, "role": "patient"}


def wrong(answer: Any) -> list[str]:
    """Which members a 422 points at."""
    assert answer.status == 422, answer
    return [error["pointer"] for error in answer.body["errors"]]


def credentials_of(user: dict[str, Any]) -> dict[str, Any]:
    return {"email": user["email"], "password": PASSWORD}
