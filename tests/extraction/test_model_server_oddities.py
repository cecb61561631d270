"""What servers that call themselves compatible answer besides: nothing is invented, nothing lost, nobody blamed for
another's fault."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import time_machine

from hospital_rt.extraction.api import ExtractionFailed, Reading
from hospital_rt.extraction.llm.deidentify import deidentify
from hospital_rt.extraction.llm.reader import ModelReader
from tests.extraction.notes import NOTE, numbered
from tests.extraction.test_model_reader import Clock
from tests.support.model_server import ModelServer, completion

STEP = {"title": "Take amoxicillin 500 mg", "s": [1], "times_per_day": 3, "duration_days": 7}
RIGHT = json.dumps({"checklist": [], "plan": [STEP]})


@asynccontextmanager
async def asking(server: ModelServer, **words: Any) -> AsyncIterator[tuple[ModelReader, Clock]]:
    clock = Clock()
    words = {"timeout_s": 30, "clock": clock, "sleep": clock.sleep, "jitter": lambda: 1.0, **words}
    reader = ModelReader(api_key="key", base_url=server.base_url, model="stand-in", **words)
    try:
        yield reader, clock
    finally:
        await reader.close()


async def told(reader: ModelReader) -> Reading | tuple[str, bool]:
    """The answer, or the reason why there is none and whether asking later can help."""
    try:
        return await reader.read(numbered(NOTE))
    except ExtractionFailed as failed:
        return failed.reason, failed.retry


def says(content: Any, **message: Any) -> dict[str, Any]:
    """The server gives this as the model's message."""
    envelope = completion("")
    envelope["choices"][0]["message"].update(content=content, **message)
    return {"do": "envelope", "body": json.dumps(envelope)}


def body(text: str | bytes, **words: Any) -> dict[str, Any]:
    return {"do": "envelope", "body": text, **words}


TOOL = {"id": "1", "type": "function", "function": {"name": "steps", "arguments": RIGHT}}
REPAIRED = {
    "a byte order mark": says("\ufeff" + RIGHT),
    "words before": says("Here are the steps:\n" + RIGHT),
    "words after": says(RIGHT + "\nTake warfarin 5 mg as well."),
    "a comma too many": says(RIGHT.replace("}]", "},]")),
    "single quotes": says(RIGHT.replace('"', "'")),
    "a comment": says(RIGHT.replace("[]", "[] /* none */")),
    "a member twice": says(RIGHT.replace('"plan"', '"plan": [], "plan"')),
    "a title twice": says(RIGHT.replace('"title"', '"title": "Take warfarin", "title"')),
    "a list": says("[" + RIGHT + "]"),
    "a word": says('"none"'),
    "infinity": says(RIGHT.replace('day": 3', 'day": Infinity')),
    "a number without end": says(RIGHT.replace('day": 3', 'day": ' + "3" * 5000)),
    "a number with a point": says(RIGHT.replace('day": 3', 'day": 3.0')),
    "true as a number": says(RIGHT.replace('day": 3', 'day": true')),
    "no title": says(RIGHT.replace('"title"', '"name"')),
    "an order that does not exist": says(RIGHT.replace("}]", ', "miss_policy": "never"}]')),
    "a time that does not exist": says(RIGHT.replace("}]", ', "times": ["25:00"]}]')),
    "half a character": says(RIGHT.replace("500", "\\ud800")),
    "half a character in the envelope": says(RIGHT.replace("500", "\ud800")),
    "a tool's call": says(None, tool_calls=[TOOL]),
    "parts": says([{"type": "text", "text": RIGHT}]),
    "a number for an answer": says(7),
    "thoughts alone": says("", reasoning_content=RIGHT),
    "no message": body(json.dumps({"choices": [{"index": 0}]})),
    "a choice that is none": body('{"choices": ["x"]}'),
}


@pytest.mark.parametrize("odd", REPAIRED.values(), ids=REPAIRED)
async def test_an_odd_answer_is_mended_once_and_never_guessed_at(odd: dict[str, Any]) -> None:
    async with ModelServer() as server, asking(server) as (reader, _):
        server.will(odd)
        answer = await told(reader)
        assert isinstance(answer, Reading)
        assert [p.times_per_day for p in answer.plan] == [3]
        assert server.calls == 2
        server.will(odd, odd, odd)
        assert await told(reader) == ("invalid-answer", False)
        assert server.calls == 4
        assert reader.breaker.wait_s(0) == 0, "a model that answers is not down"


READ = {
    "another content type": body(json.dumps(completion(RIGHT)), content_type="text/plain"),
    "a mark before the envelope": body(b"\xef\xbb\xbf" + json.dumps(completion(RIGHT)).encode()),
    "blanks around": says(f"\n\n {RIGHT} \r\n"),
    "a fence": says(f"```json\n{RIGHT}\n```"),
    "another model's name": body(json.dumps({**completion(RIGHT), "model": "other-7b"})),
    "no usage": body(json.dumps({**completion(RIGHT), "usage": None})),
    "usage that is none": body(json.dumps({**completion(RIGHT), "usage": {"prompt_tokens": -1.5}})),
    "two choices": body(json.dumps({**completion(RIGHT), "choices": completion(RIGHT)["choices"] * 2})),
    "members that nobody knows": body(json.dumps({**completion(RIGHT), "warnings": [{}], "x": "<b>"})),
    "an end that is no word": body(json.dumps(completion(RIGHT, finish="eos"))),
}


@pytest.mark.parametrize("odd", READ.values(), ids=READ)
async def test_an_envelope_may_be_odd_around_a_right_answer(odd: dict[str, Any]) -> None:
    async with ModelServer() as server, asking(server) as (reader, _):
        server.will(odd)
        answer = await told(reader)
        assert isinstance(answer, Reading)
        assert [p.title for p in answer.plan] == [STEP["title"]]
        assert server.calls == 1


async def test_a_name_without_end_is_not_kept() -> None:
    async with ModelServer() as server, asking(server) as (reader, _):
        server.will(body(json.dumps({**completion(RIGHT), "model": "x" * 100_000})))
        answer = await told(reader)
        assert isinstance(answer, Reading)
        assert answer.meta is not None
        assert len(answer.meta.model) <= 200


PASSING = {
    "a page": (body("<!doctype html><html>Back soon</html>", content_type="text/html"), "unavailable"),
    "nothing": (body(""), "unavailable"),
    "null": (body("null"), "unavailable"),
    "an error with status 200": (body('{"error": {"message": "overloaded", "code": 503}}'), "unavailable"),
    "ten thousand levels": (body('{"choices": ' + "[" * 10_000 + "]" * 10_000 + "}"), "unavailable"),
    "a stream": (body('data: {"choices": [{"delta": {}}]}\n\ndata: [DONE]\n\n'), "unavailable"),
    "a redirect": (body("", status=302, headers={"Location": "https://sorry.example/"}), "unavailable"),
    "a redirect for good": (body("", status=308, headers={"Location": "//elsewhere.example/v1"}), "unavailable"),
    "a redirect to nowhere": (body("", status=301), "unavailable"),
    "too slow upstream": (body("", status=408), "unavailable"),
    "a page with 502": (body("<html>Bad gateway</html>", status=502, content_type="text/html"), "unavailable"),
    "529": (body('{"type": "overloaded_error"}', status=529), "unavailable"),
    "no key": (body('{"error": {"message": "Incorrect API key"}}', status=401), "unauthorized"),
    "no money": (body('{"error": "Insufficient Balance"}', status=402), "unauthorized"),
    "no right": (body("forbidden", status=403), "unauthorized"),
    "no such model": (body('{"error": {"code": "model_not_found"}}', status=404), "unauthorized"),
    "no such path": (body("", status=405), "unauthorized"),
    "gone": (body("", status=410), "unauthorized"),
}


@pytest.mark.parametrize(("odd", "reason"), PASSING.values(), ids=PASSING)
async def test_what_is_not_the_models_fault_is_tried_again_later(odd: dict[str, Any], reason: str) -> None:
    """An hour of it: nothing is lost, the endpoint is left alone, and once it is back notes are read again."""
    async with ModelServer(odd) as server, asking(server) as (reader, clock):
        until = clock.now + 3600
        while clock.now < until:
            assert await told(reader) == (reason, True)
            clock.now += max(20.0, reader.breaker.wait_s(clock.now))
        assert server.calls < 40
        server.default = {"do": "rules"}
        clock.now += 300
        assert isinstance(await told(reader), Reading)
        assert not reader.breaker.is_open


NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def in_(seconds: float) -> str:
    """An HTTP date, so many seconds from ``NOW``."""
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("90", 90),
        ("90.5", 90.5),
        (in_(90), 90),
        (in_(-90), 0),
        ("1e9", 3600),
        ("inf", 3600),
        (in_(10**8), 3600),
        ("-5", 0),
        ("0", 0),
    ],
)
async def test_a_wait_is_kept_in_every_form_and_for_an_hour_at_most(header: str, wait_s: float) -> None:
    """The calendar stands still, so that a date leaves the same wait on a slow machine as on a fast one."""
    busy = {"do": "status", "status": 429, "retry_after": header}
    async with ModelServer() as server, asking(server) as (reader, clock):
        server.will(busy)
        began = clock.now
        with time_machine.travel(NOW, tick=False):
            answer = await told(reader)
        if wait_s <= 30:
            assert isinstance(answer, Reading)
            assert clock.now - began == wait_s
            return
        assert answer == ("rate-limited", True)
        assert reader.breaker.wait_s(clock.now) == wait_s
        assert server.calls == 1


@pytest.mark.parametrize("header", ["soon", "nan", "", "1 minute", "Mon, 99 Foo 2026", "٣"])
async def test_a_wait_that_is_none_is_ours_to_choose(header: str) -> None:
    busy = {"do": "envelope", "status": 429, "body": "{}", "headers": {"Retry-After": header.encode()}}
    async with ModelServer() as server, asking(server) as (reader, clock):
        server.will(busy)
        assert isinstance(await told(reader), Reading)
        assert 0 < sum(clock.waits) < 10


async def test_a_redirect_does_not_carry_the_note_to_another_server() -> None:
    async with ModelServer() as elsewhere, ModelServer() as server, asking(server) as (reader, _):
        for status in (301, 302, 303, 307, 308):
            there = {"Location": f"{elsewhere.base_url}/chat/completions"}
            server.will(body("", status=status, headers=there))
            assert isinstance(await told(reader), Reading), "the next try answers"
        assert elsewhere.calls == 0


async def test_whatever_goes_wrong_while_the_circuit_is_open_the_next_call_may_try() -> None:
    class Broken:
        async def call(self, body: dict[str, Any], *, timeout_s: float) -> Any:
            raise MemoryError

        async def close(self) -> None:
            return None

    async with ModelServer() as server, asking(server, transport=Broken()) as (reader, clock):
        reader.breaker.failed(clock.now, reason="unavailable", at_once=True)
        clock.now += 300
        with pytest.raises(MemoryError):
            await reader.read(numbered(NOTE))
        assert reader.breaker.wait_s(clock.now) == 0


@pytest.mark.parametrize(
    "text", ["A" * 20_000, "A-" * 10_000, "a" * 20_000, "5x" * 10_000, "a1" * 10_000, "Mr A. " * 3333]
)
def test_masking_a_hostile_note_takes_no_time(text: str) -> None:
    begun = time.process_time()
    deidentify(text, ["Ada Obi"])
    assert time.process_time() - begun < 1
