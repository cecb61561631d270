"""``Idempotency-Key``: a repeated request is done once and gets the same answer (contract, "REST")."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.base.api_handler import ApiHandler
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import DomainError
from hospital_rt.web.problems import Problem
from models.idempotency import Claim, StoredAnswer

_KEY = re.compile(r"[\x21-\x7e]{1,128}\Z", re.ASCII)
SAME_KEY_WAIT_S = 8.0


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A method's answer: status, document and headers. ``about``: the user it concerns, when not the requester."""

    status: int
    body: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    about: str | None = None


class IdempotentHandler(ApiHandler):
    """A resource with methods that honour ``Idempotency-Key``."""

    async def once(
        self,
        work: Callable[[Claim | None], Awaitable[StoredReply]],
        again: Callable[[Claim], Awaitable[StoredReply]],
        anew: Callable[[Any], Awaitable[Any]],
    ) -> None:
        """Run ``work`` under the request's ``Idempotency-Key``, if it has one, and send its reply.

        Args:
            again: builds the reply when an earlier attempt committed the work but its reply was lost.
            anew: checks whether the requester may still read the body of a stored reply, and returns what they may
                read.
        """
        claim = await self._claim()
        if isinstance(claim, StoredAnswer):
            body = await anew(claim.body)
            await self._leave_trace_again(claim.about)
            self.respond(body, status=claim.status, headers=claim.headers)
            return
        if claim is None:
            reply = await work(None)
        else:
            try:
                reply = await (again(claim) if claim.done else work(claim))
            except DomainError:
                await self.store.idempotency.release(claim)
                raise
            about = reply.about or self.who.id
            await self._leave_trace_again(about)
            await self.store.idempotency.keep(
                claim, StoredAnswer(status=reply.status, about=about, body=reply.body, headers=dict(reply.headers))
            )
        self.respond(reply.body, status=reply.status, headers=reply.headers)

    async def _leave_trace_again(self, about: str) -> None:
        """Audit the repeated answer as another read."""
        if self.operation.audit and not self.trace.written:
            await self.store.audit.write(self.trace, "answer.repeated", of=[about])

    async def _claim(self) -> Claim | StoredAnswer | None:
        given = self.request.headers.get_list("Idempotency-Key")
        if not given:
            return None
        if len(given) != 1 or not _KEY.match(given[0]):
            raise Problem("bad-request", "An Idempotency-Key has 1 to 128 visible characters.")
        hashed = self.context.tokens.keyed_hash
        route = f"{self.request.method} {self.route_name} {'/'.join(self.path_args)}"
        id = hashed(b"key", self.who.id.encode(), route.encode(), given[0].encode())
        body_hash = hashed(b"body", self.request.query.encode(), self.raw_body)
        deadline = time.monotonic() + SAME_KEY_WAIT_S
        while True:
            claim = await self.store.idempotency.claim(id=id, user_id=self.who.id, body_hash=body_hash, now=utcnow())
            if claim is not None:
                return claim
            if time.monotonic() > deadline:
                raise Problem("conflict", "The same request is being answered.", retry_after_s=2)
            await asyncio.sleep(0.05)  # poll for the answer of the concurrent request
