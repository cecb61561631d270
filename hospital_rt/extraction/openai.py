"""The extractor that asks a language model, at any server that speaks OpenAI's chat completions.

One promise: a note leaves masked, and comes back as a whole answer in the agreed form or as an ``ExtractionFailed``
that says why; within ``total_s``, and without a call while the endpoint is down or asks for patience.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date
from typing import Any

import structlog
from pydantic import ValidationError

from hospital_rt.extraction import prompt
from hospital_rt.extraction.breaker import Breaker
from hospital_rt.extraction.interface import ExtractionFailed
from hospital_rt.extraction.masking import Masked, mask
from hospital_rt.extraction.schema import AnyItem, Extraction, Meta
from hospital_rt.extraction.talk import Caller, Said, WireFailed

MAX_TRIES = 6
MAX_TOKENS = 6000
MAX_ANSWER_CHARS = 128 * 1024
_BACKOFF_S, _MAX_BACKOFF_S = 0.5, 8.0
_REFUSAL = re.compile(
    r"\s*(?:i['’]?m sorry|i am sorry|sorry[,.]|i can(?:no|['’])t|i am unable|i['’]m unable|i won['’]t|as an ai\b|"
    r"je suis désolé|désolé[,.]|je ne peux pas|lo siento|no puedo)",
    re.IGNORECASE,
)
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(?P<it>.*?)\n?```\s*", re.DOTALL | re.IGNORECASE)
_FORMATS = ("json_schema", "json_object+schema", "json_object", "none")
log = structlog.get_logger(__name__)


class OpenAIExtractor:
    """Asks ``model`` at ``base_url`` (OpenAI itself when None).

    ``timeout_s`` is the whole budget of one call, dripping servers included. Quick failures (429, 5xx, refused or
    dropped connections) are tried again with backoff and jitter, ``Retry-After`` kept, while ``total_s`` (the budget
    and 5 s) allows it; what has used its time, and what asks for more patience than is left, goes back to the caller's
    queue with ``retry`` set, so that no worker is held. ``wire``, ``clock``, ``sleep`` and ``chance`` are for tests.
    """

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None,
        model: str,
        timeout_s: float,
        total_s: float | None = None,
        breaker: Breaker | None = None,
        wire: Caller | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = f"openai:{model}"
        self.breaker = breaker or Breaker()
        self._api_key, self._base_url, self._model = api_key, base_url, model
        self._timeout_s = timeout_s
        self._total_s = total_s if total_s is not None else timeout_s + 5.0
        self._wire = wire
        self._opening = asyncio.Lock()
        self._clock, self._sleep, self._chance = clock, sleep, chance
        self._format = 0
        self._tokens_word = "max_tokens" if base_url else "max_completion_tokens"
        self._optional: dict[str, Any] = {"temperature": 0, self._tokens_word: MAX_TOKENS}

    async def extract(self, text: str, *, day: date, names: Sequence[str] = ()) -> Extraction:
        """See ``Extractor``.

        Raises:
            ExtractionFailed: refused, invalid (after one repair), truncated, unavailable, ...
        """
        started = self._clock()
        deadline = started + self._total_s
        masked = mask(text, names)
        messages = prompt.ask(masked.text, day)
        said = await self._ask(messages, deadline)
        spent = [said]
        answer = _read(said)
        if isinstance(answer, list):
            said = await self._ask(prompt.ask_again(messages, said.content or "", answer), deadline)
            spent.append(said)
            answer = _read(said)
            if isinstance(answer, list):
                raise ExtractionFailed("invalid-answer", retry=False)
        return _unmasked(answer, masked).with_meta(
            Meta(
                model=said.model or self._model,
                prompt_version=prompt.PROMPT_VERSION,
                tokens_in=_sum(s.tokens_in for s in spent),
                tokens_out=_sum(s.tokens_out for s in spent),
                latency_ms=round((self._clock() - started) * 1000),
            )
        )

    async def warm(self) -> None:
        """See ``Extractor``."""
        await self._opened()

    async def _opened(self) -> Caller:
        async with self._opening:
            if self._wire is None:
                self._wire = await _open_wire(self._api_key, self._base_url, self._timeout_s)
            return self._wire

    async def close(self) -> None:
        if self._wire is not None:
            await self._wire.close()

    async def _ask(self, messages: list[dict[str, str]], deadline: float) -> Said:
        """One answer, tried for as long as that makes sense before ``deadline``."""
        tries = 0
        while True:
            await self._my_turn(deadline)
            tries += 1
            try:
                said = await self._call(messages, deadline)
            except WireFailed as failure:
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
            return said

    async def _my_turn(self, deadline: float) -> None:
        """Wait while the endpoint asks for patience, or give the note back when that takes too long."""
        while (wait_s := self.breaker.wait_s(self._clock())) > 0:
            if self.breaker.is_open or not self._fits(wait_s, deadline):
                raise ExtractionFailed(self.breaker.reason, retry=True, retry_after_s=wait_s)
            await self._sleep(wait_s)

    async def _call(self, messages: list[dict[str, str]], deadline: float) -> Said:
        self.breaker.enter()
        try:
            wire = await self._opened()
            time_s = max(0.01, min(self._timeout_s, deadline - self._clock()))
            return await wire.call(self._body(messages), time_s=time_s)
        except WireFailed:
            raise
        except BaseException:
            self.breaker.leave()
            raise

    def _body(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model, "messages": messages, **self._optional}
        form = _FORMATS[self._format]
        if form == "json_schema":
            named = {"name": "steps", "strict": True, "schema": prompt.answer_schema()}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif form == "json_object+schema":
            body["response_format"] = {"type": "json_object", "schema": prompt.answer_schema()}
        elif form == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def _adapt(self, hint: str) -> bool:
        """Whether the server refused a parameter that we can do without; then it is left out from now on."""
        if not hint:
            return False
        for word in list(self._optional):
            if word in hint:
                value = self._optional.pop(word)
                if word == "max_tokens" and "max_completion_tokens" in hint:
                    self._optional["max_completion_tokens"] = value
                return True
        words = ("response_format", "json_schema", "json_object", "response format", "schema")
        if self._format < len(_FORMATS) - 1 and any(word in hint for word in words):
            self._format += 1
            log.info("extraction.format", attempt=self._format)
            return True
        return False

    def _judge(self, failure: WireFailed, tries: int) -> float | None:
        """Tell the breaker, and say how long to wait before the next try; None: no next try."""
        now = self._clock()
        if failure.reason == "rate-limited":
            wait_s = failure.retry_after_s if failure.retry_after_s is not None else self._backoff_s(tries)
            if failure.at_quota:
                wait_s = max(wait_s, 60.0)
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
        return longest * (0.5 + self._chance() / 2)

    def _fits(self, wait_s: float, deadline: float) -> bool:
        """Whether after that wait enough is left of the budget to be worth a call."""
        return self._clock() + wait_s + min(1.0, self._timeout_s / 4) <= deadline

    def _given_up(self, failure: WireFailed) -> ExtractionFailed:
        retry = failure.reason in {"rate-limited", "unavailable", "timeout", "unauthorized"}
        wait_s = self.breaker.wait_s(self._clock()) or failure.retry_after_s
        return ExtractionFailed(failure.reason, retry=retry, retry_after_s=wait_s if retry else None)


async def _open_wire(api_key: str | None, base_url: str | None, time_s: float) -> Caller:
    """The wire, its heavy import made off the loop."""
    module = await asyncio.to_thread(importlib.import_module, "hospital_rt.extraction.wire")
    wire: Caller = module.Wire(api_key=api_key, base_url=base_url, time_s=time_s)
    return wire


def _read(said: Said) -> Extraction | list[str]:
    """The answer, or what is wrong with its form (places and rules, no content).

    Raises:
        ExtractionFailed: a refusal or a cut answer, which asking again does not mend.
    """
    if said.refusal or said.finish == "content_filter":
        raise ExtractionFailed("refused", retry=False)
    if said.finish == "length":
        raise ExtractionFailed("truncated", retry=False)
    if not said.content:
        return ["there is no answer"]
    if _REFUSAL.match(said.content):
        raise ExtractionFailed("refused", retry=False)
    if len(said.content) > MAX_ANSWER_CHARS:
        return ["the answer is too long"]
    fenced = _FENCED.fullmatch(said.content)
    content = fenced["it"] if fenced else said.content
    try:
        answer = Extraction.model_validate_json(content)
        json.loads(content, object_pairs_hook=_once)
    except _Twice:
        return ["JSON: a member is given twice"]
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [f"{'.'.join(str(part)[:40] for part in e['loc']) or 'JSON'}: {e['type']}" for e in found]
    return answer


class _Twice(Exception):
    """A member stands twice in an object: whichever is taken, the other is lost."""


def _once(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise _Twice


def _unmasked(answer: Extraction, masked: Masked) -> Extraction:
    """The answer with the masks undone. A text that grows past its limit is cut at a word."""
    if not masked.originals:
        return answer

    def whole(item: AnyItem) -> AnyItem:
        detail = None if item.detail is None else _within(masked.restore(item.detail), 500)
        title = _within(masked.restore(item.title), 120)
        return item.model_copy(update={"title": title, "detail": detail, "quote": masked.restore(item.quote)})

    return Extraction(checklist=[whole(i) for i in answer.checklist], plan=[whole(p) for p in answer.plan])


def _within(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0]


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [c for c in counts if c is not None]
    return sum(known) if known else None
