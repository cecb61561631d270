"""What passes between the model's reader and the client that calls the endpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Completion:
    """A chat completion. ``content`` None: nothing that could be read."""

    content: str | None = field(default=None, repr=False)
    refusal: str | None = field(default=None, repr=False)
    finish: str | None = None
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


class CallFailed(Exception):
    """A call without a completion. ``hint`` is the server's message: to find a refused parameter in, never to show."""

    def __init__(
        self, reason: str, *, retry_after_s: float | None = None, hint: str = "", at_quota: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.hint = hint
        self.at_quota = at_quota


class Transport(Protocol):
    """Calls the chat completions of one endpoint."""

    async def call(self, body: dict[str, Any], *, timeout_s: float) -> Completion: ...

    async def close(self) -> None: ...
