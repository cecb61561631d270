"""The reader that asks a language model, at any server of OpenAI's chat completions.

A note leaves de-identified and comes back as a whole answer in the agreed form, or as an ``ExtractionFailed`` that says
why: within ``total_s``, and without a call while the endpoint is down or asked for a pause.
"""

from __future__ import annotations

import asyncio
import importlib
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog

from hospital_rt.extraction.api import ExtractionFailed, Meta, Note, Reading
from hospital_rt.extraction.llm import answer as answers
from hospital_rt.extraction.llm.circuit_breaker import CircuitBreaker
from hospital_rt.extraction.llm.deidentify import deidentify
from hospital_rt.extraction.llm.prompt import PROMPT_VERSION, build_messages, build_repair
from hospital_rt.extraction.llm.transport import CallFailed, Completion, Transport
from hospital_rt.extraction.sentences import clean

MAX_TRIES = 6
_BACKOFF_S, _MAX_BACKOFF_S = 0.5, 8.0
_QUOTA_WAIT_S = 60.0
_MIN_TOKENS = 256
_REFUSAL = re.compile(
    r"\s*(?:i['’]?m sorry|i am sorry|sorry[,.]|i can(?:no|['’])t|i am unable|i['’]m unable|i won['’]t|as an ai\b|"
    r"je suis désolé|désolé[,.]|je ne peux pas|lo siento|no puedo)",
    re.IGNORECASE,
)
_FORMATS = ("lean json_schema", "strict json_schema", "json_object+schema", "json_object", "none")
"""Ways to ask for structured output. llama.cpp's server, Ollama and vLLM take the first, in which members may be left
out, so that an answer is a third as long; OpenAI takes only the second; llama-cpp-python only the third. Servers that
refuse all are held to the form by ``parse_answer`` alone."""
_STRICT, _WITHOUT_JSON_SCHEMA = _FORMATS.index("strict json_schema"), _FORMATS.index("json_object+schema")
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "response format", "schema", "grammar")
_TOO_MANY_TOKENS = re.compile(r"context (?:length|window|size)|max_(?:completion_)?tokens\W+is too large|max_model_len")
log = structlog.get_logger(__name__)


class ModelReader:
    """Asks ``model`` at ``base_url`` (OpenAI itself when None).

    ``timeout_s`` is the budget of one call. Quick failures (429, 5xx, refused or dropped connections) are tried again
    with backoff and jitter, ``Retry-After`` kept, while ``total_s`` (the budget and 5 s) allows it. What has used its
    time, and what must wait longer than is left, goes back to the caller with ``retry`` set, so that no worker is held.
    ``transport``, ``clock``, ``sleep`` and ``jitter`` are for tests.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        model: str,
        timeout_s: float,
        total_s: float | None = None,
        breaker: CircuitBreaker | None = None,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = f"openai:{model}"
        self.breaker = breaker or CircuitBreaker()
        self._api_key, self._base_url, self._model = api_key, base_url, model
        self._timeout_s = timeout_s
        self._total_s = total_s if total_s is not None else timeout_s + 5.0
        self._transport = transport
        self._opening = asyncio.Lock()
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        # What this endpoint turned out to take, kept for all later notes.
        self._format = 0 if base_url else _STRICT
        self._tokens_name: str | None = "max_tokens" if base_url else "max_completion_tokens"
        self._sends_temperature = True

    async def read(self, note: Note, *, names: Sequence[str] = ()) -> Reading:
        """See ``Reader``.

        Raises:
            ExtractionFailed: refused, invalid (after one repair), truncated, unavailable, ...
        """
        started = self._clock()
        deadline = started + self._total_s
        masked = deidentify(clean(note.text), names)
        messages = build_messages(note, [masked.slice(s.start, s.end) for s in note.sentences])
        completion = await self._ask(messages, note, deadline)
        spent = [completion]
        answer = _parse(completion)
        if isinstance(answer, list):
            completion = await self._ask(build_repair(messages, completion.content or "", answer), note, deadline)
            spent.append(completion)
            answer = _parse(completion)
            if isinstance(answer, list):
                raise ExtractionFailed("invalid-answer", retry=False)
        meta = Meta(
            model=completion.model or self._model,
            prompt_version=PROMPT_VERSION,
            tokens_in=_sum(c.tokens_in for c in spent),
            tokens_out=_sum(c.tokens_out for c in spent),
            latency_ms=round((self._clock() - started) * 1000),
        )
        return replace(answers.read_answer(answer, note, restore=masked.restore), meta=meta)

    async def warm(self) -> None:
        """See ``Reader``."""
        await self.open_transport()

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.close()

    async def open_transport(self) -> Transport:
        """The client of the endpoint, its import made off the event loop."""
        async with self._opening:
            if self._transport is None:
                name = "hospital_rt.extraction.llm.openai_client"
                module = await asyncio.to_thread(importlib.import_module, name)  # the import takes a second
                self._transport = module.OpenAITransport(
                    api_key=self._api_key, base_url=self._base_url, timeout_s=self._timeout_s
                )
            return self._transport

    async def _ask(self, messages: list[dict[str, str]], note: Note, deadline: float) -> Completion:
        """One completion, tried for as long as that makes sense before ``deadline``."""
        tries = 0
        max_tokens = answers.max_tokens(note)
        while True:
            await self._wait_for_turn(deadline)
            tries += 1
            try:
                completion = await self._call(self._body(messages, note, max_tokens), deadline)
            except CallFailed as failure:
                if max_tokens > 2 * _MIN_TOKENS and _TOO_MANY_TOKENS.search(failure.hint):
                    max_tokens //= 2  # vLLM refuses prompt and answer that do not fit its context together
                    tries -= 1
                    continue
                if self._adapt(failure.hint):
                    tries -= 1
                    continue
                wait_s = self._judge(failure, tries)
                if wait_s is None or tries >= MAX_TRIES or not self._fits(wait_s, deadline):
                    raise self._given_up(failure) from None
                log.info("extraction.again", reason=failure.reason, attempt=tries)
                await self._sleep(wait_s)
                continue
            self.breaker.succeeded()
            return completion

    async def _wait_for_turn(self, deadline: float) -> None:
        """Wait while the endpoint asks for a pause, or give the note back when that takes too long."""
        while (wait_s := self.breaker.wait_s(self._clock())) > 0:
            if self.breaker.is_open or not self._fits(wait_s, deadline):
                raise ExtractionFailed(self.breaker.reason, retry=True, retry_after_s=wait_s)
            await self._sleep(wait_s)

    async def _call(self, body: dict[str, Any], deadline: float) -> Completion:
        self.breaker.enter()
        try:
            transport = await self.open_transport()
            timeout_s = max(0.01, min(self._timeout_s, deadline - self._clock()))
            return await transport.call(body, timeout_s=timeout_s)
        except CallFailed:
            raise
        except BaseException:
            self.breaker.leave()
            raise

    def _body(self, messages: list[dict[str, str]], note: Note, max_tokens: int) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "messages": messages}
        if self._sends_temperature:
            body["temperature"] = 0
        if self._tokens_name:
            body[self._tokens_name] = max_tokens
        form = _FORMATS[self._format]
        lean = answers.lean_schema(answers.max_items(note))
        if form.endswith("json_schema"):
            schema = answers.strict_schema() if self._format == _STRICT else lean
            named = {"name": "steps", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form == "json_object+schema":
            body["response_format"] = {"type": "json_object", "schema": lean}
        elif form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def _adapt(self, hint: str) -> bool:
        """Whether the server refused a parameter that is optional; then it is left out from now on."""
        if not hint:
            return False
        if self._sends_temperature and "temperature" in hint:
            self._sends_temperature = False
            return True
        if self._tokens_name and self._tokens_name in hint:
            # Newer models of OpenAI behind another address refuse the older name and tell the newer one.
            newer = self._tokens_name == "max_tokens" and "max_completion_tokens" in hint
            self._tokens_name = "max_completion_tokens" if newer else None
            return True
        if self._format < len(_FORMATS) - 1 and any(word in hint for word in _FORMAT_WORDS):
            # OpenAI, behind an address of its own, refuses a schema in which not all members are required.
            if self._format == 0 and "required" not in hint:
                self._format = _WITHOUT_JSON_SCHEMA
            else:
                self._format += 1
            log.info("extraction.format", attempt=self._format)
            return True
        return False

    def _judge(self, failure: CallFailed, tries: int) -> float | None:
        """Tell the breaker, and say how long to wait before the next try; None: no next try."""
        now = self._clock()
        if failure.reason == "rate-limited":
            wait_s = failure.retry_after_s if failure.retry_after_s is not None else self._backoff_s(tries)
            if failure.at_quota:
                wait_s = max(wait_s, _QUOTA_WAIT_S)
            self.breaker.reason = "rate-limited"
            self.breaker.hold(now, wait_s)
            return wait_s
        if failure.reason in {"unavailable", "timeout", "unauthorized"}:
            hopeless = failure.reason == "unauthorized"
            if self.breaker.failed(now, reason=failure.reason, at_once=hopeless):
                log.warning("extraction.circuit_open", reason=failure.reason)
                return None
            if failure.reason == "timeout":
                return None if self._timeout_s * 2 > self._total_s else self._backoff_s(tries)
            return max(failure.retry_after_s or 0.0, self._backoff_s(tries))
        self.breaker.succeeded()
        return None

    def _backoff_s(self, tries: int) -> float:
        """Doubling, capped, with jitter between half and all of it."""
        longest = min(_MAX_BACKOFF_S, _BACKOFF_S * 2.0 ** (tries - 1))
        return longest * (0.5 + self._jitter() / 2)

    def _fits(self, wait_s: float, deadline: float) -> bool:
        """Whether enough of the budget is left for a call after that wait."""
        return self._clock() + wait_s + min(1.0, self._timeout_s / 4) <= deadline

    def _given_up(self, failure: CallFailed) -> ExtractionFailed:
        retry = failure.reason in {"rate-limited", "unavailable", "timeout", "unauthorized"}
        wait_s = self.breaker.wait_s(self._clock()) or failure.retry_after_s
        return ExtractionFailed(failure.reason, retry=retry, retry_after_s=wait_s if retry else None)


def _parse(completion: Completion) -> answers.Answer | list[str]:
    """The answer, or what is wrong with its form.

    Raises:
        ExtractionFailed: a refusal or a cut answer, which asking again does not mend.
    """
    if completion.refusal or completion.finish == "content_filter":
        raise ExtractionFailed("refused", retry=False)
    if completion.finish == "length":
        raise ExtractionFailed("truncated", retry=False)
    if not completion.content:
        return ["there is no answer"]
    if _REFUSAL.match(completion.content):
        raise ExtractionFailed("refused", retry=False)
    return answers.parse_answer(completion.content)


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
