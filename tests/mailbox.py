"""The letters that somebody got, as the post brings them."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from tasks.mail import sweep_letters
from tests.driver import Clinic


async def letters(clinic: Clinic, email: str) -> list[EmailMessage]:
    """Have what waits in the outbox sent; the letters to this address, oldest first."""
    await sweep_letters(clinic.house)
    folder = clinic.house.settings.data_dir / "mail"
    found = [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(folder.glob("*.eml"))]
    return [letter for letter in found if letter["To"] == email]


async def link_token(clinic: Clinic, email: str) -> str:
    """The secret in the newest letter to this address."""
    body = text(list(await letters(clinic, email))[-1])
    found = re.search(r"\?token=([\w-]+)", body)
    assert found, body
    return found.group(1)


def text(letter: EmailMessage) -> str:
    body = letter.get_body()
    return str(body.get_content()) if body else ""
