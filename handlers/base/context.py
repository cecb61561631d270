"""What every handler gets: the dependencies of the process, and the authenticated user of a request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hospital_rt.ops.health import Readiness
from hospital_rt.realtime.hub import Hub
from hospital_rt.storage.database import Document
from hospital_rt.storage.response_cache import ResponseCache
from hospital_rt.web.tokens import Tokens
from models.app_context import AppContext
from models.events import FeedPosition
from models.users import Role
from tasks.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerContext:
    """The dependencies of every handler."""

    app: AppContext
    dispatcher: Dispatcher
    hub: Hub
    readiness: Readiness  # dependencies checked by readiness probes
    sockets: set[Any] = field(default_factory=set)  # live channels open in this process
    in_flight: set[Any] = field(default_factory=set)  # requests in progress
    draining: asyncio.Event = field(default_factory=asyncio.Event)  # set when this process is stopping
    cache: ResponseCache = field(default_factory=ResponseCache)

    @property
    def tokens(self) -> Tokens:
        return self.app.resources.tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The authenticated user with their session.

    Args:
        feed_position: the position of their feed at authentication.
        lacks_factor: a second factor is required of this account, and none is set up.
    """

    id: str
    role: Role
    status: str
    session_id: str
    expires_at: datetime
    feed_position: FeedPosition
    lacks_factor: bool = False
    row: Document = field(repr=False)
