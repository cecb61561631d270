"""Received letters, and a mail server that accepts or refuses them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from tasks.mail import sweep_letters
from tests.support.driver import Clinic


async def letters(clinic: Clinic, email: str) -> list[EmailMessage]:
    """Have what waits in the outbox sent; the letters to this address, oldest first."""
    await sweep_letters(clinic.app)
    folder = clinic.app.settings.data_dir / "mail"
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


class Post:
    """A mail server; ``got`` are the letters that came, ``senders`` whom each envelope names as its sender.

    ``says`` is its answer to a letter, ``to_address`` that to an address; with ``hangs_up`` it takes a letter and
    ends the connection without a word.
    """

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.senders: list[str] = []
        self.says = self.to_address = "250 OK"
        self.hangs_up = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.to_address.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_address

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.says.startswith("250"):
            self.got.append(message_from_bytes(envelope.content, policy=default))
            self.senders.append(envelope.mail_from)
        if self.hangs_up:
            server.transport.abort()
        return self.says


@contextlib.contextmanager
def mail_server(port: int) -> Iterator[Post]:
    post = Post()
    controller = Controller(post, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield post
    finally:
        controller.stop()
