"""Domain errors: what a rule refuses, without HTTP. The handlers answer them as problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong member of a body: an RFC 6901 pointer as a fragment, and a sentence."""

    pointer: str
    detail: str


class DomainError(Exception):
    """A refusal that a client understands.

    Args:
        code: a slug of ``hospital_rt.web.problems.PUBLISHED``.
        detail: a sentence for a person, without clinical text.
        errors: for invalid members only.
        retry_after_s: whole seconds after which the same request may succeed.
        more: extension members of a problem document (RFC 9457, 3.2).
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_s: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retry_after_s = retry_after_s
        self.more = dict(more or {})


class NotFound(DomainError):
    """The record does not exist, or the caller may not see it: both are answered alike."""

    def __init__(self, detail: str = "", *, code: str = "not-found") -> None:
        super().__init__(code, detail)


class NotSignedIn(DomainError):
    """The account or the session of the caller is gone."""

    def __init__(self) -> None:
        super().__init__("unauthenticated")


class Conflict(DomainError):
    """The request does not fit the present state."""


class Invalid(DomainError):
    """One member has a value that cannot be used: ``pointer`` such as ``#/email``."""

    def __init__(self, pointer: str, detail: str, *, code: str = "invalid") -> None:
        super().__init__(code, errors=(FieldError(pointer, detail),))


class Unavailable(DomainError):
    """Something that the request needs cannot be reached at the moment."""

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__("unavailable", detail, retry_after_s=retry_after_s)
