"""``Idempotency-Key``: a repeated request is done once and gets the same response (contract, "REST").

A method is declared with ``@Operation(..., idempotent=True)`` and returns its response; the resource says how to
respond to a repeated request.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from handlers.base.api_handler import ApiHandler
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import DomainError
from hospital_rt.web.problems import Problem
from models.idempotency import Claim, StoredResponse

_KEY = re.compile(r"[\x21-\x7e]{1,128}\Z", re.ASCII)
SAME_KEY_WAIT_S = 8.0


class IdempotentHandler(ApiHandler):
    """A resource with methods that honour ``Idempotency-Key``."""

    claim: Claim | None = None
    """The claim on the request's key, if it has one: the service that does the work commits it."""

    async def before_claim(self) -> None:
        """Checks of a request that are made for a repeated one too."""

    async def lost_response(self, *ids: str) -> StoredResponse:
        """The response to a request that was done earlier, and whose response was lost."""
        raise NotImplementedError

    async def still_readable(self, body: Any) -> Any:
        """What the requester may still read of a stored response; all of what is their own."""
        return body

    async def run(self, method: Callable[..., Awaitable[Any]], *path: str) -> None:
        if not self.operation.idempotent:
            await super().run(method, *path)
            return
        arguments = self.arguments(path)
        await self.before_claim()
        found = await self._claim_key()
        if isinstance(found, StoredResponse):
            body = await self.still_readable(found.body)
            await self._audit_repeated(found.about or self.who.id)
            self.respond(body, status=found.status)
            return
        self.claim = found
        is_done = found is not None and found.done
        try:
            response: StoredResponse = await (
                self.lost_response(*arguments[: len(path)]) if is_done else method(self, *arguments)
            )
        except DomainError:
            if found:
                await self.store.idempotency.release(found)
            raise
        if found:
            await self._audit_repeated(response.about or self.who.id)
            await self.store.idempotency.store_response(found, response)
        self.respond(response.body, status=response.status)

    async def _claim_key(self) -> Claim | StoredResponse | None:
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
            await asyncio.sleep(0.05)  # poll for the response to the concurrent request

    async def _audit_repeated(self, about: str) -> None:
        """Audit the repeated response as another read."""
        if self.operation.audit and not self.actor.written:
            await self.store.audit.write(self.actor, "answer.repeated", of=[about])
