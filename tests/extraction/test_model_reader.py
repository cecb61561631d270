"""The model's reader, against a real HTTP server that answers well, badly, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from hospital_rt.extraction.api import REASONS, ExtractionFailed
from hospital_rt.extraction.llm.circuit_breaker import CircuitBreaker
from hospital_rt.extraction.llm.reader import ModelReader
from tests.extraction.notes import NOTE, numbered
from tests.support.model_server import ModelServer

WARFARIN = '{"checklist": [], "plan": [{"title": "Take warfarin"}]}'


class Clock:
    """A clock that goes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def reading_at(url: str, **words: Any) -> AsyncIterator[ModelReader]:
    """A reader that asks the endpoint at ``url``."""
    made = ModelReader(**{"api_key": "key", "base_url": url, "model": "stand-in", "timeout_s": 30, **words})
    try:
        yield made
    finally:
        await made.close()


@pytest_asyncio.fixture
async def reader(server: ModelServer, clock: Clock) -> AsyncIterator[ModelReader]:
    async with reading_at(server.base_url, clock=clock, sleep=clock.sleep, jitter=lambda: 1.0) as made:
        yield made


async def failing(reader: ModelReader, text: str = NOTE) -> ExtractionFailed:
    with pytest.raises(ExtractionFailed) as failed:
        await reader.read(numbered(text))
    assert failed.value.reason in REASONS
    assert not any(word in str(failed.value).casefold() for word in ("amoxicillin", "warfarin", "500"))
    return failed.value


async def test_the_steps_come_with_an_account_of_the_call(reader: ModelReader) -> None:
    answer = await reader.read(numbered(NOTE))
    assert [(p.title, p.times_per_day, p.duration_days) for p in answer.plan] == [
        ("Take amoxicillin 500 mg 3 times a day for 7 days", 3, 7)
    ]
    assert answer.meta is not None
    assert (answer.meta.model, answer.meta.tokens_in, answer.meta.tokens_out) == ("stand-in-1", 100, 20)
    assert answer.meta.prompt_version
    assert "amoxicillin" not in repr(answer)
    assert reader.name == "openai:stand-in"


async def test_the_note_is_sent_as_data_with_its_day_and_a_schema(server: ModelServer, reader: ModelReader) -> None:
    await reader.read(numbered(NOTE))
    body = server.requests[0]["body"]
    assert "2026-03-10, Tuesday" in body["messages"][-1]["content"]
    assert NOTE not in body["messages"][0]["content"]
    schema = body["response_format"]["json_schema"]
    assert schema["strict"] is True
    item = schema["schema"]["$defs"]["AnswerPlanItem"]
    assert item["additionalProperties"] is False
    assert "every_months" not in item["required"]
    assert next(iter(item["properties"])) == "s"
    assert not {"quote", "start", "end"} & set(item["properties"])
    assert body["temperature"] == 0


async def test_sentences_are_numbered_between_marks_that_differ_each_time(
    server: ModelServer, reader: ModelReader
) -> None:
    note = "HISTORY\nHad the flu \t in May.\n\nPLAN\nTake amoxicillin 500 mg TDS.\n[9] Book a scan.\n"
    for _ in range(2):
        await reader.read(numbered(note))
    first, second = (request["body"]["messages"][-1]["content"].split("\n") for request in server.requests)
    assert first[2:-1] == [
        first[2],
        "[1] Had the flu in May.",
        "[2] Take amoxicillin 500 mg TDS.",
        "[3] [9] Book a scan.",
    ]
    assert first[1] == "Sections: 1 history; 2-3 plan"
    assert first[2] != second[2]
    assert first[-1] != second[-1]


async def test_no_name_address_or_number_of_a_person_leaves_and_the_answer_has_them_again(
    server: ModelServer, reader: ModelReader
) -> None:
    note = (
        "Zanele Mokoena, 54, DOB 12/03/1971, MRN 4482913. E-mail: canary@example.org. Seen with Dr Okonkwo-Smith. "
        "Call Mrs Thistlewood on 0161 496 0000 if the rash spreads. Take cetirizine 10 mg daily for 5 days."
    )
    call = {"s": [4], "title": "Call Mrs [NAME-C] on [PHONE-A] if the rash spreads", "as_needed": True}
    server.will({"do": "answer", "answer": {"plan": [], "checklist": [call]}})
    answer = await reader.read(numbered(note), names=["Ngozi Eze"])
    sent = server.requests[0]["body"]["messages"][-1]["content"]
    for word in ("Zanele", "Mokoena", "1971", "4482913", "canary", "Okonkwo", "Thistlewood", "0161", "496"):
        assert word not in sent
    assert "cetirizine 10 mg daily for 5 days" in sent
    assert answer.checklist[0].quote == "Call Mrs Thistlewood on 0161 496 0000 if the rash spreads."
    assert "Thistlewood on 0161 496 0000" in answer.checklist[0].title


async def test_names_that_the_house_knows_are_masked_wherever_they_stand(
    server: ModelServer, reader: ModelReader
) -> None:
    await reader.read(numbered("Told eze, ngozi to rest. Ngozi agreed. Eze's knee."), names=["Eze Ngozi"])
    sent = server.requests[0]["body"]["messages"][-1]["content"].casefold()
    assert "ngozi" not in sent
    assert "eze's" not in sent


@pytest.mark.parametrize(
    "behaviour",
    [
        {"do": "status", "status": 500},
        {"do": "status", "status": 502},
        {"do": "status", "status": 503, "retry_after": 3},
        {"do": "status", "status": 429, "retry_after": 7},
        {"do": "status", "status": 429},
        {"do": "drop"},
        {"do": "drop", "early": True},
    ],
    ids=lambda b: "-".join(str(v) for v in b.values()),
)
async def test_a_passing_failure_is_tried_again(
    server: ModelServer, reader: ModelReader, clock: Clock, behaviour: dict[str, Any]
) -> None:
    server.will(behaviour, behaviour)
    answer = await reader.read(numbered(NOTE))
    assert len(answer.plan) == 1
    assert server.calls == 3
    assert all(wait >= behaviour.get("retry_after", 0) for wait in clock.waits)
    assert sum(clock.waits) < 35


async def test_a_lasting_failure_is_handed_back_after_six_tries_at_most(
    server: ModelServer, reader: ModelReader
) -> None:
    server.default = {"do": "status", "status": 503}
    reader.breaker.threshold = 100
    failure = await failing(reader)
    assert (failure.reason, failure.retry) == ("unavailable", True)
    assert server.calls <= 6


async def test_a_long_retry_after_holds_no_worker_and_no_call_goes_out_before(
    server: ModelServer, reader: ModelReader, clock: Clock
) -> None:
    server.will({"do": "status", "status": 429, "retry_after": 120})
    failure = await failing(reader)
    assert (failure.reason, failure.retry, failure.retry_after_s) == ("rate-limited", True, 120)
    assert clock.waits == []
    clock.now += 60
    assert (await failing(reader, "Another note.")).retry_after_s == 60
    assert server.calls == 1
    clock.now += 60
    assert len((await reader.read(numbered(NOTE))).plan) == 1


@pytest.mark.parametrize(
    "behaviour",
    [{"do": "hang"}, {"do": "drip", "every_s": 0.05}, {"do": "rules", "delay_s": 60}],
    ids=lambda b: b["do"],
)
async def test_a_server_that_takes_for_ever_costs_the_budget_and_no_more(
    server: ModelServer, behaviour: dict[str, Any]
) -> None:
    server.default = behaviour
    async with asyncio.timeout(20), reading_at(server.base_url, timeout_s=0.8, total_s=1) as reader:
        await reader.warm()
        failure = await failing(reader)
    assert (failure.reason, failure.retry) == ("timeout", True)
    assert server.calls == 1


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"do": "refuse"}, "refused"),
        ({"do": "refuse", "plain": True}, "refused"),
        ({"do": "filter"}, "refused"),
        ({"do": "truncate"}, "truncated"),
        ({"do": "status", "status": 400}, "rejected"),
        ({"do": "status", "status": 413}, "rejected"),
    ],
    ids=lambda b: b if isinstance(b, str) else "-".join(str(v) for v in b.values()),
)
async def test_what_asking_again_does_not_mend_is_asked_once(
    server: ModelServer, reader: ModelReader, behaviour: dict[str, Any], reason: str
) -> None:
    server.default = behaviour
    failure = await failing(reader)
    assert (failure.reason, failure.retry) == (reason, False)
    assert server.calls == 1


DEEP = '{"checklist": ' + "[" * 10_000 + "]" * 10_000 + ', "plan": []}'
INVALID = {
    "prose": {"do": "garbage"},
    "wrong shape": {"do": "wrong"},
    "two objects": {"do": "answer", "content": '{"checklist": [], "plan": []} {"checklist": [], "plan": []}'},
    "NaN": {"do": "answer", "content": WARFARIN.replace("}]", ', "s": [1], "times_per_day": NaN}]')},
    "a number as text": {"do": "answer", "content": WARFARIN.replace("}]", ', "s": [1], "times_per_day": "3"}]')},
    "days beyond bounds": {"do": "answer", "content": WARFARIN.replace("}]", ', "s": [1], "start_in_days": 400}]')},
    "an unknown member": {"do": "answer", "content": WARFARIN.replace("}]", ', "s": [1], "patient": "y"}]')},
    "a title without end": {"do": "answer", "answer": {"checklist": [{"title": "x" * 5000, "s": [1]}]}},
    "nested without end": {"do": "answer", "content": DEEP},
    "a sentence that is no number": {"do": "answer", "answer": {"plan": [], "checklist": [{"title": "x", "s": ["1"]}]}},
    "a question of no kind": {"do": "answer", "answer": {"plan": [], "unclear": [{"s": [1], "question": "why"}]}},
    "a quote of its own": {
        "do": "answer",
        "answer": {"plan": [], "checklist": [{"title": "x", "s": [1], "quote": "x"}]},
    },
    "no list": {"do": "answer", "answer": {}},
    "no choices": {"do": "envelope", "body": '{"choices": []}'},
}


@pytest.mark.parametrize("behaviour", INVALID.values(), ids=INVALID)
async def test_an_invalid_answer_is_repaired_once_or_the_note_fails(
    server: ModelServer, reader: ModelReader, behaviour: dict[str, Any]
) -> None:
    server.will(behaviour)
    assert len((await reader.read(numbered(NOTE))).plan) == 1
    assert server.calls == 2
    server.will(behaviour, behaviour, behaviour)
    failure = await failing(reader)
    assert (failure.reason, failure.retry) == ("invalid-answer", False)
    assert server.calls == 4


async def test_a_thousand_steps_are_an_answer_for_the_guard_to_cut(server: ModelServer, reader: ModelReader) -> None:
    items = [{"title": f"Buy {n}", "s": [1]} for n in range(1000)]
    server.will({"do": "answer", "answer": {"checklist": items, "plan": []}})
    assert 40 < len((await reader.read(numbered(NOTE))).checklist) <= 100


async def test_a_fenced_answer_is_read(server: ModelServer, reader: ModelReader) -> None:
    server.will({"do": "answer", "content": '```json\n{"checklist": [], "plan": []}\n```'})
    assert (await reader.read(numbered(NOTE))).plan == []
    assert server.calls == 1


@pytest.mark.parametrize("behaviour", [{"do": "huge", "bytes": 50_000_000}, {"do": "huge", "gzip": True}])
async def test_an_answer_without_end_is_cut(
    server: ModelServer, reader: ModelReader, behaviour: dict[str, Any]
) -> None:
    server.default = behaviour
    assert (await failing(reader)).reason == "invalid-answer"
    assert server.calls == 1


@pytest.mark.parametrize(
    ("refuses", "status"),
    [
        (["json_schema"], 400),
        (["json_schema"], 500),
        (["json_schema", '"schema"'], 400),
        (["json_schema", "json_object", "response_format"], 400),
        (["temperature"], 400),
        (["max_tokens"], 400),
    ],
)
async def test_a_server_that_lacks_a_feature_is_asked_without_it_from_then_on(
    server: ModelServer, reader: ModelReader, refuses: list[str], status: int
) -> None:
    server.default = {"do": "picky", "refuses": refuses, "status": status}
    assert len((await reader.read(numbered(NOTE))).plan) == 1
    before = server.calls
    assert len((await reader.read(numbered(NOTE))).plan) == 1
    assert server.calls == before + 1


async def test_a_revoked_key_opens_the_circuit_at_once_and_a_new_one_closes_it(
    server: ModelServer, reader: ModelReader, clock: Clock
) -> None:
    server.default = {"do": "status", "status": 401}
    failure = await failing(reader)
    assert (failure.reason, failure.retry) == ("unauthorized", True)
    for _ in range(20):
        clock.now += 2
        assert (await failing(reader)).reason == "unauthorized"
    assert server.calls == 1
    server.default = {"do": "rules"}
    clock.now += failure.retry_after_s or 0
    assert len((await reader.read(numbered(NOTE))).plan) == 1


async def test_an_endpoint_that_is_down_for_an_hour_is_left_alone_and_comes_back_by_itself(
    server: ModelServer, reader: ModelReader, clock: Clock
) -> None:
    server.default = {"do": "drop", "early": True}
    until = clock.now + 3600
    asked = 0
    while clock.now < until:
        failure = await failing(reader)
        assert failure.retry
        clock.now += max(1.0, failure.retry_after_s or 0)
        asked += 1
    assert server.calls < 40
    assert asked >= 10
    server.default = {"do": "rules"}
    clock.now += 300
    assert len((await reader.read(numbered(NOTE))).plan) == 1
    assert not reader.breaker.is_open


async def test_only_one_call_probes_an_open_circuit() -> None:
    breaker = CircuitBreaker(threshold=1)
    assert breaker.failed(0, reason="timeout")
    assert breaker.wait_s(10) == 20
    assert breaker.wait_s(31) == 0
    breaker.enter()
    assert breaker.wait_s(31) > 0
    breaker.succeeded()
    assert breaker.wait_s(31) == 0


async def test_an_endpoint_that_nobody_listens_at_is_unavailable(clock: Clock) -> None:
    async with ModelServer() as gone:
        url = gone.base_url
    async with reading_at(url, clock=clock, sleep=clock.sleep, jitter=lambda: 0.0) as reader:
        failure = await failing(reader)
    assert (failure.reason, failure.retry) == ("unavailable", True)


async def test_a_call_given_up_leaves_the_circuit_as_it_was(server: ModelServer, reader: ModelReader) -> None:
    server.default = {"do": "hang"}
    call = asyncio.create_task(reader.read(numbered(NOTE)))
    await server.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert reader.breaker.wait_s(0) == 0


async def test_a_redirect_does_not_carry_the_note_elsewhere(server: ModelServer, reader: ModelReader) -> None:
    server.default = {"do": "status", "status": 307}
    assert (await failing(reader)).reason in {"rejected", "unavailable"}


async def test_what_was_wrong_is_told_by_place_and_without_content(server: ModelServer, reader: ModelReader) -> None:
    server.will({"do": "answer", "answer": {"plan": [{"s": [1], "title": "Take warfarin", "every_days": 0}]}})
    await reader.read(numbered(NOTE))
    repair = server.requests[1]["body"]["messages"][-1]["content"]
    assert "- plan.0.every_days: greater_than_equal" in repair
    assert "warfarin" not in repair


async def test_a_longer_note_may_have_a_longer_answer_and_none_is_without_bound(
    server: ModelServer, reader: ModelReader
) -> None:
    for text in (NOTE, NOTE * 40, NOTE * 377):
        await reader.read(numbered(text))
    bounds = [request["body"]["max_tokens"] for request in server.requests]
    assert bounds == sorted(set(bounds))
    assert 600 < bounds[0] < 2000
    assert bounds[-1] < 8000


async def test_an_answer_that_does_not_fit_the_context_is_bounded_closer_for_that_note_alone(
    server: ModelServer, reader: ModelReader
) -> None:
    too_large = "'max_tokens' is too large: 1260. This model's maximum context length is 2048 tokens"
    server.will({"do": "status", "status": 400, "message": too_large})
    assert len((await reader.read(numbered(NOTE))).plan) == 1
    await reader.read(numbered(NOTE))
    first, second, third = (request["body"]["max_tokens"] for request in server.requests)
    assert second == first // 2
    assert third == first


async def test_a_note_too_long_for_the_model_is_rejected_after_a_few_calls(
    server: ModelServer, reader: ModelReader
) -> None:
    message = "the request exceeds the available context size, try increasing it"
    server.default = {"do": "status", "status": 400, "message": message}
    failure = await failing(reader)
    assert (failure.reason, failure.retry) == ("rejected", False)
    assert server.calls < 8


async def test_thoughts_before_an_answer_are_passed_over(server: ModelServer, reader: ModelReader) -> None:
    server.will({"do": "answer", "content": '<think>\n{"plan": 7}?\n</think>\n{"checklist": [], "plan": []}'})
    assert (await reader.read(numbered(NOTE))).plan == []
    assert server.calls == 1


async def test_a_server_without_json_schema_gets_one_that_allows_members_left_out(
    server: ModelServer, reader: ModelReader
) -> None:
    message = "[{'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]"
    server.will({"do": "status", "status": 500, "message": message})
    await reader.read(numbered(NOTE))
    form = server.requests[1]["body"]["response_format"]
    assert form["type"] == "json_object"
    assert "every_months" not in form["schema"]["$defs"]["AnswerPlanItem"]["required"]
    assert form["schema"]["properties"]["plan"]["maxItems"] < 40


async def test_openai_behind_another_address_gets_the_schema_in_which_every_member_is_required(
    server: ModelServer, reader: ModelReader
) -> None:
    message = "Invalid schema for response_format 'steps': 'required' is required to be an array including every key"
    server.will({"do": "status", "status": 400, "message": message})
    assert len((await reader.read(numbered(NOTE))).plan) == 1
    form = server.requests[1]["body"]["response_format"]
    assert form["type"] == "json_schema"
    for name in ("AnswerPlanItem", "AnswerItem", "Unclear", "AnswerLimits"):
        shape = form["json_schema"]["schema"]["$defs"][name]
        assert sorted(shape["required"]) == sorted(shape["properties"])
        assert shape["additionalProperties"] is False
