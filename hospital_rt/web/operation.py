"""Declarations of handler methods: who may call a method, what it takes and how it responds.

Closed by default: a method without an operation does not exist. The OpenAPI document, the access tests and the base
handler use the same declaration::

    @Operation(allow="patient", responses={200: CarerView}, problems=("not-found",), audit="carer.changed")
    async def patch(self, grant_id: str, body: AlertBody) -> None: ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel

from hospital_rt.domain.audit_types import Act

Caller = Literal["anyone", "user", "non_admin", "patient", "doctor", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route.

    Args:
        allow: the callers: ``user`` is any user signed in, ``non_admin`` any but an administrator.
        responses: status to type, None for no content; ``paginated`` wraps the type in ``items`` and ``next``.
        body, query: their types, those of the method's parameters with these names; ``body_optional``: the body may be
            empty.
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

    def __call__(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
        """Declare a method of a handler: ``ApiHandler.run`` calls it."""

        @wraps(method)
        async def declared(handler: Any, *path: str) -> None:
            await handler.run(method, *path)

        types = get_type_hints(method)
        operation = replace(self, body=types.get("body", self.body), query=types.get("query", self.query))
        declared.operation = operation  # type: ignore[attr-defined]  # collected by ApiHandler.__init_subclass__
        return declared
