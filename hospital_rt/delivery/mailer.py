"""Sends letters: by SMTP, or into ``DATA_DIR/mail`` where there is no mail server.

A letter's subject and text name no medicine, no doctor and no patient beyond the one it is addressed to.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from hospital_rt.settings import Settings

RETENTION_S = 24 * 3600
SMTP_TIMEOUT_S = 20.0


class MailRefused(Exception):
    """The server will never take this letter: sending it again is useless."""


class MailUnavailable(Exception):
    """The server did not take it now: try again later. ``in_doubt``: it may have, and only its answer is lost."""

    def __init__(self, *, in_doubt: bool) -> None:
        super().__init__()
        self.in_doubt = in_doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One letter, ready to go. ``id`` is the same each time it is tried, so that a mail system can drop the second."""

    id: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    unsubscribe: str | None = field(default=None, repr=False)


class Mailer:
    """Sends envelopes as the settings say."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.smtp_url
        self._from = settings.mail_from
        self._sender = parseaddr(settings.mail_from)[1] or settings.mail_from  # the Return-Path: bounces go there
        self._host = urlsplit(settings.public_url).hostname or "localhost"
        self._folder = settings.data_dir / "mail"

    def _message(self, envelope: Envelope) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._from, envelope.to, envelope.subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = make_msgid(envelope.id.replace("-", ""), self._host).replace("..", ".")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic replies
        message["X-Auto-Response-Suppress"] = "All"
        if envelope.unsubscribe:
            message["List-Unsubscribe"] = f"<{envelope.unsubscribe}>"
            if envelope.unsubscribe.startswith("https://"):
                message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
        message.set_content(envelope.text)
        return message

    async def send(self, envelope: Envelope) -> None:
        """Send one letter.

        Raises:
            MailUnavailable: the server cannot be reached, or refuses for now.
            MailRefused: the server refuses this letter for good.
        """
        message = self._message(envelope)
        if self._url is None:
            await asyncio.to_thread(self._write_file, message, envelope.id)
            return
        parts = urlsplit(self._url)
        options = {name: values[-1].lower() for name, values in parse_qs(parts.query).items()}
        try:
            await aiosmtplib.send(
                message,
                sender=self._sender,
                hostname=parts.hostname or "localhost",
                port=parts.port or (465 if parts.scheme == "smtps" else 587 if parts.username else 25),
                username=unquote(parts.username) if parts.username else None,
                password=unquote(parts.password) if parts.password else None,
                use_tls=parts.scheme == "smtps",
                start_tls=options.get("starttls") == "true",
                timeout=SMTP_TIMEOUT_S,
            )
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            codes = [reply.code for reply in getattr(error, "recipients", [])] or [getattr(error, "code", 0)]
            if all(code >= 500 for code in codes) and not isinstance(error, aiosmtplib.SMTPAuthenticationError):
                raise MailRefused from None
            raise MailUnavailable(in_doubt=False) from None
        except (aiosmtplib.SMTPConnectError, ConnectionRefusedError, ValueError):
            raise MailUnavailable(in_doubt=False) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            raise MailUnavailable(in_doubt=True) from None

    def _write_file(self, message: EmailMessage, id: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep_letters(self._folder)
        path = self._folder / f"{time.time_ns()}-{id}.eml"
        descriptor = os.open(path.with_suffix(".part"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes())
        path.with_suffix(".part").rename(path)


def sweep_letters(folder: Path) -> None:
    """Delete letters older than a day."""
    oldest = time.time() - RETENTION_S
    for path in folder.glob("*"):
        if path.is_file() and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
