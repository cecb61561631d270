"""Client of OpenAI's chat completions, and the one module that imports the ``openai`` package (a slow import).

A call ends within ``timeout_s``, reads at most ``MAX_ANSWER_BYTES``, follows no redirect (the note would go along), and
fails as ``CallFailed`` whatever the package, the network or the server raised.
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
from hospital_rt.extraction.llm.transport import CallFailed, Completion

MAX_ANSWER_BYTES = 256 * 1024
MAX_MODEL_CHARS = 100
_CONFIGURATION = frozenset({401, 402, 403, 404, 405, 407, 410})
"""Statuses that an operator must look into: key, account, model or address."""


class AnswerTooLarge(Exception):
    """The answer exceeds ``MAX_ANSWER_BYTES``, or is compressed although ``identity`` was asked for."""


class _Capped(httpx2.AsyncByteStream):
    """A body that raises once it is too long."""

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
    """The package's HTTP client (with its proxies and trust store), each body capped."""

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


class OpenAITransport:
    """Chat completions at one endpoint."""

    def __init__(self, *, api_key: str | None, base_url: str | None, timeout_s: float) -> None:
        self._client = openai.AsyncOpenAI(
            api_key=api_key or "none",
            base_url=base_url or "https://api.openai.com/v1",
            timeout=timeout_s,
            max_retries=0,
            http_client=_CappedClient(timeout=timeout_s, follow_redirects=False),
            default_headers={"Accept-Encoding": "identity"},
        )

    async def call(self, body: dict[str, Any], *, timeout_s: float) -> Completion:
        """One call: connecting, waiting and reading within ``timeout_s``.

        Raises:
            CallFailed: there is no usable answer.
        """
        try:
            async with asyncio.timeout(timeout_s):
                # Untyped: the typed method copies every member of the body first.
                response = await self._client.post(
                    "/chat/completions", cast_to=httpx2.Response, body=body, options={"timeout": timeout_s}
                )
                return parse_completion(response.content)
        except (TimeoutError, openai.APITimeoutError):
            raise CallFailed("timeout") from None
        except openai.APIStatusError as error:
            raise _of_status(error) from None
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, AnswerTooLarge):
                raise CallFailed("invalid-answer") from None
            raise CallFailed("unavailable") from None
        except AnswerTooLarge:
            raise CallFailed("invalid-answer") from None
        except (openai.OpenAIError, httpx2.HTTPError):
            raise CallFailed("unavailable") from None

    async def close(self) -> None:
        await self._client.close()


def parse_completion(body: bytes) -> Completion:
    """The completion in a response body; one without a message is empty.

    Raises:
        CallFailed: ``unavailable``: the body is no chat completion but a page, an error or a stream.
    """
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise CallFailed("unavailable") from None
    if not isinstance(envelope, dict) or "choices" not in envelope:
        raise CallFailed("unavailable")
    try:
        choice = envelope["choices"][0]
        message = choice["message"]
    except (KeyError, IndexError, TypeError):
        return Completion()
    if not isinstance(message, dict):
        return Completion()
    usage = envelope.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Completion(
        content=_text(message.get("content")),
        refusal=_text(message.get("refusal")),
        finish=_text(choice.get("finish_reason")),
        model=(_text(envelope.get("model")) or "")[:MAX_MODEL_CHARS] or None,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
    )


def _text(value: object) -> str | None:
    """A string that can be encoded (no lone surrogate), or None."""
    if not isinstance(value, str) or not value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _of_status(error: openai.APIStatusError) -> CallFailed:
    """A status as a reason. The server's message is kept only to find out which parameter it refused."""
    status = error.status_code
    message = str(error.message).casefold()[:2000]
    wait_s = _retry_after(error.response.headers)
    if status == 429:
        return CallFailed("rate-limited", retry_after_s=wait_s, at_quota="insufficient_quota" in message)
    if status in _CONFIGURATION:
        return CallFailed("unauthorized")
    if status < 400 or status in {408, 409, 425} or status >= 500:
        return CallFailed("unavailable", retry_after_s=wait_s, hint=message)
    return CallFailed("rejected", hint=message)


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
