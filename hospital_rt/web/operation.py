"""Declarations of handler methods: who may call a method, what it takes and how it responds.

Closed by default: a method without an operation does not exist. The OpenAPI document, the access tests and the base
handler use the same declaration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from hospital_rt.domain.audit_types import Act

Caller = Literal["anyone", "user", "non_admin", "patient", "doctor", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route.

    Args:
        allow: the callers: ``user`` is any user signed in, ``non_admin`` any but an administrator.
        responses: status to type, None for no content; ``paginated`` wraps the type in ``items`` and ``next``.
        body: its type; ``body_optional`` when it may be empty.
        problems: slugs of its errors, beyond those of every operation.
        idempotent: it honours ``Idempotency-Key``.
        feed: it sends ``X-Feed``.
        allow_pending: a doctor pending approval is admitted too.
        allow_without_factor: admitted before a second factor that the account must have is set up.
        audit: the entry that must be in the audit before it responds.
        fhir: it uses FHIR's media type, and OperationOutcome for errors.
    """

    allow: Caller
    responses: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    problems: tuple[str, ...] = ()
    paginated: bool = False
    idempotent: bool = False
    feed: bool = False
    allow_pending: bool = False
    allow_without_factor: bool = False
    audit: Act | None = None
    max_body_bytes: int = 64 * 1024
    fhir: bool = False
