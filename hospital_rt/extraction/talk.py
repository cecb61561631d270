"""What passes between the OpenAI extractor and the wire.

One promise: neither an answer nor a failure shows its words when printed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a server said to one call. All None: nothing that could be read."""

    content: str | None = field(default=None, repr=False)
    refusal: str | None = field(default=None, repr=False)
    finish: str | None = None
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None


class WireFailed(Exception):
    """A call without an answer. ``hint`` is the server's message: for us to look things up in, never to show."""

    def __init__(
        self, reason: str, *, retry_after_s: float | None = None, hint: str = "", at_quota: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.hint = hint
        self.at_quota = at_quota


class Caller(Protocol):
    """The wire, as the extractor sees it."""

    async def call(self, body: dict[str, Any], *, time_s: float) -> Said: ...

    async def close(self) -> None: ...
