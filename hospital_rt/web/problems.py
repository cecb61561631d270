"""The one error family and its RFC 9457 shape.

A refusal is raised where it is known and answered in one place. A ``slug`` never changes once published; ``detail``
helps a person and holds no clinical text, name or address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Every slug that clients may meet, with its status and title. Tests keep the list whole.
PUBLISHED: dict[str, tuple[int, str]] = {
    "not-json": (400, "The body is not JSON"),
    "bad-request": (400, "The request cannot be understood"),
    "bad-host": (400, "This host name is not ours"),
    "invalid-token": (400, "This link is not valid any more"),
    "unauthenticated": (401, "Sign in first"),
    "wrong-credentials": (401, "The address or the password is wrong"),
    "forbidden": (403, "Your role may not do this"),
    "doctor-pending": (403, "Your account waits for approval"),
    "email-unverified": (403, "Your address is not confirmed yet"),
    "wrong-password": (403, "The current password is wrong"),
    "cross-origin": (403, "This origin may not do this"),
    "not-found": (404, "There is nothing here"),
    "not-assigned": (404, "No doctor is chosen"),
    "method-not-allowed": (405, "This method is not allowed here"),
    "email-taken": (409, "This address has an account"),
    "conflict": (409, "This does not fit the present state"),
    "superseded": (409, "A newer note took this one's place"),
    "step-proposed": (409, "This step is not active yet"),
    "step-cancelled": (409, "This step was cancelled"),
    "slot-closed": (409, "This time can no longer be answered"),
    "too-soon": (409, "The note allows this only later"),
    "too-late": (409, "It is too late to undo this"),
    "reset": (409, "The feed cannot be resumed from there"),
    "too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "Send JSON"),
    "invalid": (422, "Some of this is not valid"),
    "idempotency-mismatch": (422, "This key was used for another body"),
    "upgrade-required": (426, "Upgrade to a WebSocket"),
    "rate-limited": (429, "Too many requests"),
    "busy": (429, "Too much to do at the moment"),
    "internal": (500, "Something went wrong on our side"),
    "unavailable": (503, "Not available at the moment"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong member of a body: an RFC 6901 pointer as a fragment, and a sentence."""

    pointer: str
    detail: str


class Problem(Exception):
    """A refusal that a client understands.

    Args:
        slug: a key of ``PUBLISHED``.
        detail: a sentence for a person, without clinical text.
        errors: for a 422 only.
        retry_after_s: whole seconds for ``Retry-After``.
        more: extension members of the document (RFC 9457, 3.2).
    """

    def __init__(
        self,
        slug: str,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.status, self.title = PUBLISHED[slug]
        super().__init__(slug)
        self.slug = slug
        self.detail = detail or f"{self.title}."
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.more = dict(more or {})

    def document(self) -> dict[str, Any]:
        """The ``application/problem+json`` body."""
        body: dict[str, Any] = {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        if self.errors:
            body["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors]
        return body


def invalid(pointer: str, detail: str) -> Problem:
    """A 422 about one member: ``pointer`` such as ``#/email``."""
    return Problem("invalid", errors=(FieldError(pointer, detail),))
