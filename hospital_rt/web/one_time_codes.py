"""One-time codes of the second factor: time-based ones (RFC 6238) and recovery codes, without database access.

Parameters of the time-based ones are those that every authenticator app takes: SHA-1, 6 digits, 30 seconds. One step
before and one after the present one are accepted, since clocks differ.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP_S, DIGITS, SECRET_BYTES = 30, 6, 20
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1: they are taken for each other
_TOTP = re.compile(r"[0-9]{6}\Z", re.ASCII)


def new_secret() -> str:
    """A secret in base32, as authenticator apps take it (160 bits)."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _totp(secret: str) -> TOTP:
    # RFC 6238 with the hash function that all apps know; as HMAC it is not weakened by collisions.
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_S)  # noqa: S303


def provisioning_uri(secret: str, *, account: str, issuer: str) -> str:
    """``otpauth://``: what a QR code for an authenticator app contains."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def matching_step(secret: str, code: str, *, at: datetime) -> int | None:
    """The time step whose code this is, of the present one and its two neighbours; None when it is none of them.

    >>> from datetime import UTC
    >>> matching_step("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "287082", at=datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC))
    1
    """
    if not _TOTP.match(code):
        return None
    totp, now, found = _totp(secret), int(at.timestamp()) // STEP_S, None
    for step in (now - 1, now, now + 1):
        # All three are compared, whichever is right.
        if step >= 0 and hmac.compare_digest(totp.generate(step * STEP_S).decode(), code):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Ten codes of 49 bits each, in two groups for reading: ``k7mq2-x9wtn``."""

    def group() -> str:
        return "".join(secrets.choice(_ALPHABET) for _ in range(5))

    return [f"{group()}-{group()}" for _ in range(RECOVERY_CODES)]


def normal_code(code: str) -> str:
    """A code without what people put between its parts.

    >>> normal_code(" K7MQ2-X9WTN ")
    'k7mq2x9wtn'
    """
    return re.sub(r"[\s-]", "", code).lower()
