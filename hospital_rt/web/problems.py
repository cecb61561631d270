"""Problem documents (RFC 9457): the only form of an error answer.

An error is raised where it is detected and answered in one place. A ``slug`` never changes once published; ``detail``
helps a person and holds no clinical text, name or address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hospital_rt.domain.errors import DomainError, FieldError

# Every slug of a problem document, with its status and title. Tests check that the list is complete. FHIR has one more,
# ``not-acceptable`` (``handlers/fhir/handler.py``).
PUBLISHED: dict[str, tuple[int, str]] = {
    "not-json": (400, "The body is not JSON"),
    "bad-request": (400, "The request cannot be understood"),
    "bad-host": (400, "This host name is not ours"),
    "invalid-token": (400, "This link is not valid any more"),
    "unauthenticated": (401, "Sign in first"),
    "wrong-credentials": (401, "The address or the password is wrong"),
    "second-factor": (401, "The second factor is needed"),
    "wrong-code": (401, "This code or passkey is not right"),
    "challenge-ended": (401, "This sign-in is over: begin again"),
    "forbidden": (403, "Your role may not do this"),
    "doctor-pending": (403, "Your account waits for approval"),
    "email-unverified": (403, "Your address is not confirmed yet"),
    "wrong-password": (403, "The current password is wrong"),
    "proof-required": (403, "Show again who you are"),
    "wrong-factor": (403, "This code or passkey is not right"),
    "password-sign-in-off": (403, "Sign in through the hospital"),
    "second-factor-required": (403, "Set up a second factor first"),
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


class Problem(DomainError):
    """An error with its HTTP status and title.

    Args:
        slug: a key of ``PUBLISHED``; the others as in :class:`DomainError`.
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
        super().__init__(slug, detail or f"{self.title}.", errors=errors, retry_after_s=retry_after_s, more=more)

    @classmethod
    def of(cls, error: DomainError) -> Problem:
        """The problem that answers a domain error; a problem is returned unchanged."""
        if isinstance(error, Problem):
            return error
        return cls(error.code, error.detail, errors=error.errors, retry_after_s=error.retry_after_s, more=error.more)

    @property
    def slug(self) -> str:
        return self.code

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
