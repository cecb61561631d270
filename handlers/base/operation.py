"""Declarations of handler methods: who may call a method, what it takes and what it answers.

Closed by default: a method without an operation does not exist. The OpenAPI document, the access tests and the base
handler use the same declaration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from hospital_rt.ops.health import Readiness
from hospital_rt.realtime.hub import Hub
from hospital_rt.storage.response_cache import ResponseCache
from hospital_rt.web.tokens import Tokens
from models.app_context import AppContext
from models.audit import Act
from models.events import FeedPosition
from models.users import Role
from tasks.dispatcher import Dispatcher

Caller = Literal["anyone", "user", "reader", "patient", "doctor", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route.

    Args:
        who: ``user`` is anyone signed in, ``reader`` anyone but an administrator; a doctor pending approval is admitted
            only with ``pending_too``.
        body: its type; ``body_optional`` when it may be empty.
        answers: status to type, None for no content; ``listed`` wraps it in ``items`` and ``next``.
        problems: slugs of its errors, beyond those of every operation.
        without_factor: admitted before a second factor that the account must have is set up.
        once: it honours ``Idempotency-Key``; ``feed``: it answers ``X-Feed``.
        audit: the entry that must be in the audit before it answers.
        fhir: it uses FHIR's media type, and OperationOutcome for errors.
    """

    who: Caller
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    problems: tuple[str, ...] = ()
    listed: bool = False
    once: bool = False
    feed: bool = False
    pending_too: bool = False
    without_factor: bool = False
    audit: Act | None = None
    largest_body: int = 64 * 1024
    fhir: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerContext:
    """The dependencies of every handler."""

    app: AppContext
    dispatcher: Dispatcher
    hub: Hub
    sockets: set[Any]  # live channels open in this process
    in_flight: set[Any]  # requests in progress
    draining: asyncio.Event  # set when this process is stopping
    readiness: Readiness  # dependencies checked by readiness probes
    cache: ResponseCache = field(default_factory=ResponseCache)

    @property
    def tokens(self) -> Tokens:
        return self.app.resources.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The authenticated user with their session.

    Args:
        mark: the position of their feed at authentication.
        lacks_factor: a second factor is required of this account, and none is set up.
    """

    id: str
    role: Role
    status: str
    session_id: str
    timezone: str
    expires_at: datetime
    mark: FeedPosition
    lacks_factor: bool = False
    row: Mapping[str, Any] = field(repr=False)
