"""The one place that knows the ``openai`` package; imported only when a model is configured (its import takes long).

One promise: a call ends in ``time_s``, reads no more than ``MAX_ANSWER_BYTES``, follows no redirect with a note in its
hands, and fails as ``WireFailed`` whatever the package, the network or the server raised.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

from hospital_rt.domain.clock import utcnow
from hospital_rt.extraction.talk import Said, WireFailed

MAX_ANSWER_BYTES = 256 * 1024
MAX_MODEL_CHARS = 100
_CONFIGURATION = frozenset({401, 402, 403, 404, 405, 407, 410})
"""Statuses that an operator must look into: key, account, model or address. They are about no note."""


class AnswerTooLarge(Exception):
    """The answer was cut at ``MAX_ANSWER_BYTES``, or came packed although we asked for it plain."""


class _Capped(httpx2.AsyncByteStream):
    """A body that ends in an error once it is too long."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise AnswerTooLarge
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class _CappedClient(openai.DefaultAsyncHttpxClient):
    """The package's HTTP client (proxies and trust store included), with every body capped."""

    async def send(self, request: httpx2.Request, *, stream: bool = False, **words: Any) -> httpx2.Response:
        response = await super().send(request, stream=True, **words)
        try:
            if response.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
                raise AnswerTooLarge
            if isinstance(response.stream, httpx2.AsyncByteStream):
                response.stream = _Capped(response.stream)
            if not stream:
                await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


class Wire:
    """Chat completions at one endpoint."""

    def __init__(self, *, api_key: str | None, base_url: str | None, time_s: float) -> None:
        self._client = openai.AsyncOpenAI(
            api_key=api_key or "none",
            base_url=base_url or "https://api.openai.com/v1",
            timeout=time_s,
            max_retries=0,
            http_client=_CappedClient(timeout=time_s, follow_redirects=False),
            default_headers={"Accept-Encoding": "identity"},
        )

    async def call(self, body: dict[str, Any], *, time_s: float) -> Said:
        """One call, whole: connecting, waiting, reading.

        Raises:
            WireFailed: there is no usable answer.
        """
        try:
            async with asyncio.timeout(time_s):
                # The package's own way for bodies that are ready as they are: its typed one copies every member first.
                response = await self._client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=body, options={"timeout": time_s}
                )
                return read(response.content)
        except (TimeoutError, openai.APITimeoutError):
            raise WireFailed("timeout") from None
        except openai.APIStatusError as error:
            raise _of_status(error) from None
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, AnswerTooLarge):
                raise WireFailed("invalid-answer") from None
            raise WireFailed("unavailable") from None
        except AnswerTooLarge:
            raise WireFailed("invalid-answer") from None
        except (openai.OpenAIError, httpx2.HTTPError):
            raise WireFailed("unavailable") from None

    async def close(self) -> None:
        await self._client.close()


def read(body: bytes) -> Said:
    """What a chat completion says. One in which no message can be found says nothing.

    Raises:
        WireFailed: ``unavailable``: this is no chat completion but a page, an error, a stream; no model spoke.
    """
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise WireFailed("unavailable") from None
    if not isinstance(envelope, dict) or "choices" not in envelope:
        raise WireFailed("unavailable")
    try:
        choice = envelope["choices"][0]
        message = choice["message"]
    except (KeyError, IndexError, TypeError):
        return Said()
    if not isinstance(message, dict):
        return Said()
    usage = envelope.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Said(
        content=_text(message.get("content")),
        refusal=_text(message.get("refusal")),
        finish=_text(choice.get("finish_reason")),
        model=(_text(envelope.get("model")) or "")[:MAX_MODEL_CHARS] or None,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
    )


def _text(value: object) -> str | None:
    """A string that can be written down; one with half a surrogate pair cannot."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _of_status(error: openai.APIStatusError) -> WireFailed:
    """A status as our reason. The server's message is kept for one use, finding out which parameter it refused."""
    status = error.status_code
    message = str(error.message).casefold()[:2000]
    wait_s = _retry_after(error.response.headers)
    if status == 429:
        return WireFailed("rate-limited", retry_after_s=wait_s, at_quota="insufficient_quota" in message)
    if status in _CONFIGURATION:
        return WireFailed("unauthorized")
    if status < 400 or status in {408, 409, 425} or status >= 500:
        return WireFailed("unavailable", retry_after_s=wait_s, hint=message)
    return WireFailed("rejected", hint=message)


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds of a Retry-After header, which is a number or a date; None when it is neither."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        wait_s = float(value)
    except ValueError:
        try:
            wait_s = (parsedate_to_datetime(value) - utcnow()).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(wait_s, 0.0), 3600.0) if wait_s == wait_s else None
