"""Answers from a notification: the token in a push message answers its one slot, without sign-in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from handlers.api.schemas import Body, Slot
from handlers.base.api_handler import ApiHandler
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import ANSWER_ADDRESS
from hospital_rt.web.tokens import Tokens
from models.services.answer_tokens import answer_by_token


class AnswerBody(Body):
    token: Annotated[str, Field(min_length=1, max_length=200)]
    outcome: Literal["done", "snooze"]
    at: Slot | None = Field(default=None, description="when it was done: up to 48 h ago, not ahead; null: now")


class AnswerHandler(ApiHandler):
    @Operation(allow="anyone", responses={204: None}, problems=("invalid-token", "rate-limited"))
    async def post(self, body: AnswerBody) -> None:
        """Answer a pushed reminder by its token: done, or again in 30 minutes. The same again is the same answer."""
        await self.resources.limits.count(ANSWER_ADDRESS, self.client_hash)
        actor = self.actor_as("link")
        users = await answer_by_token(
            self.store, Tokens.hash_link(body.token), outcome=body.outcome, at=body.at, now=self.now(), actor=actor
        )
        if users is None:
            raise Problem("invalid-token")
        await self.announce(users)
        self.respond(status=204)
