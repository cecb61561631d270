"""The OpenAI extractor, against a real HTTP server that answers well, badly, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
import pytest_asyncio

from hospital_rt.extraction import ExtractionFailed, OpenAIExtractor, make_extractor
from hospital_rt.extraction.breaker import Breaker
from hospital_rt.extraction.interface import REASONS
from tests.patience import allowed
from tests.support.model_server import ModelServer

DAY = date(2026, 3, 10)
NOTE = "Take amoxicillin 500 mg three times a day for 7 days."
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


@pytest_asyncio.fixture
async def extractor(server: ModelServer, clock: Clock) -> AsyncIterator[OpenAIExtractor]:
    made = OpenAIExtractor(
        api_key="key",
        base_url=server.base_url,
        model="stand-in",
        timeout_s=30,
        clock=clock,
        sleep=clock.sleep,
        chance=lambda: 1.0,
    )
    yield made
    await made.close()


async def failing(extractor: OpenAIExtractor, text: str = NOTE) -> ExtractionFailed:
    with pytest.raises(ExtractionFailed) as failed:
        await extractor.extract(text, day=DAY)
    assert failed.value.reason in REASONS
    assert not any(word in str(failed.value).casefold() for word in ("amoxicillin", "warfarin", "500"))
    return failed.value


async def test_the_steps_come_with_an_account_of_the_call(extractor: OpenAIExtractor) -> None:
    answer = await extractor.extract(NOTE, day=DAY)
    assert [(p.title, p.times_per_day, p.duration_days) for p in answer.plan] == [(NOTE.rstrip("."), 3, 7)]
    assert answer.meta is not None
    assert (answer.meta.model, answer.meta.tokens_in, answer.meta.tokens_out) == ("stand-in-1", 100, 20)
    assert answer.meta.prompt_version
    assert "amoxicillin" not in repr(answer)
    assert extractor.name == "openai:stand-in"


async def test_the_note_is_sent_as_data_with_its_day_and_a_schema(
    server: ModelServer, extractor: OpenAIExtractor
) -> None:
    await extractor.extract(NOTE, day=DAY)
    body = server.requests[0]["body"]
    assert "2026-03-10, Tuesday" in body["messages"][-1]["content"]
    assert NOTE not in body["messages"][0]["content"]
    schema = body["response_format"]["json_schema"]
    assert schema["strict"] is True
    item = schema["schema"]["$defs"]["PlanItem"]
    assert item["additionalProperties"] is False
    assert sorted(item["required"]) == sorted(item["properties"])
    assert next(iter(item["properties"])) == "quote"


async def test_no_name_address_or_number_of_a_person_leaves_and_the_answer_has_them_again(
    server: ModelServer, extractor: OpenAIExtractor
) -> None:
    note = (
        "Zanele Mokoena, 54, DOB 12/03/1971, MRN 4482913. E-mail: canary@example.org. Seen with Dr Okonkwo-Smith. "
        "Call Mrs Thistlewood on 0161 496 0000 if the rash spreads. Take cetirizine 10 mg daily for 5 days."
    )
    answer = await extractor.extract(note, day=DAY, names=["Ngozi Eze"])
    sent = server.requests[0]["body"]["messages"][-1]["content"]
    for word in ("Zanele", "Mokoena", "1971", "4482913", "canary", "Okonkwo", "Thistlewood", "0161", "496"):
        assert word not in sent
    assert "cetirizine 10 mg daily for 5 days" in sent
    assert answer.checklist[0].quote == "Call Mrs Thistlewood on 0161 496 0000 if the rash spreads"


async def test_names_that_the_house_knows_are_masked_wherever_they_stand(
    server: ModelServer, extractor: OpenAIExtractor
) -> None:
    await extractor.extract("Told eze, ngozi to rest. Ngozi agreed. Eze's knee.", day=DAY, names=["Eze Ngozi"])
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
    server: ModelServer, extractor: OpenAIExtractor, clock: Clock, behaviour: dict[str, Any]
) -> None:
    server.will(behaviour, behaviour)
    answer = await extractor.extract(NOTE, day=DAY)
    assert len(answer.plan) == 1
    assert server.calls == 3
    assert all(wait >= behaviour.get("retry_after", 0) for wait in clock.waits)
    assert sum(clock.waits) < 35


async def test_a_lasting_failure_is_handed_back_after_six_tries_at_most(
    server: ModelServer, extractor: OpenAIExtractor
) -> None:
    server.default = {"do": "status", "status": 503}
    extractor.breaker.threshold = 100
    failure = await failing(extractor)
    assert (failure.reason, failure.retry) == ("unavailable", True)
    assert server.calls <= 6


async def test_a_long_retry_after_holds_no_worker_and_no_call_goes_out_before(
    server: ModelServer, extractor: OpenAIExtractor, clock: Clock
) -> None:
    server.will({"do": "status", "status": 429, "retry_after": 120})
    failure = await failing(extractor)
    assert (failure.reason, failure.retry, failure.retry_after_s) == ("rate-limited", True, 120)
    assert clock.waits == []
    clock.now += 60
    assert (await failing(extractor, "Another note.")).retry_after_s == 60
    assert server.calls == 1
    clock.now += 60
    assert len((await extractor.extract(NOTE, day=DAY)).plan) == 1


@pytest.mark.parametrize(
    "behaviour",
    [{"do": "hang"}, {"do": "drip", "every_s": 0.05}, {"do": "rules", "delay_s": 30}],
    ids=lambda behaviour: behaviour["do"],
)
async def test_a_server_that_takes_for_ever_costs_the_budget_and_no_more(
    server: ModelServer, behaviour: dict[str, Any]
) -> None:
    server.default = behaviour
    least_s = allowed(0.2)  # time enough to ask
    extractor = OpenAIExtractor(
        api_key=None, base_url=server.base_url, model="stand-in", timeout_s=least_s, total_s=least_s * 1.25
    )
    async with asyncio.timeout(allowed(5)):
        failure = await failing(extractor)
    assert (failure.reason, failure.retry) == ("timeout", True)
    assert server.calls == 1
    await extractor.close()


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
    server: ModelServer, extractor: OpenAIExtractor, behaviour: dict[str, Any], reason: str
) -> None:
    server.default = behaviour
    failure = await failing(extractor)
    assert (failure.reason, failure.retry) == (reason, False)
    assert server.calls == 1


DEEP = '{"checklist": ' + "[" * 10_000 + "]" * 10_000 + ', "plan": []}'
INVALID = {
    "prose": {"do": "garbage"},
    "wrong shape": {"do": "wrong"},
    "two objects": {"do": "answer", "content": '{"checklist": [], "plan": []} {"checklist": [], "plan": []}'},
    "NaN": {"do": "answer", "content": WARFARIN.replace("}]", ', "quote": "x", "times_per_day": NaN}]')},
    "a number as text": {"do": "answer", "content": WARFARIN.replace("}]", ', "quote": "x", "times_per_day": "3"}]')},
    "days beyond bounds": {"do": "answer", "content": WARFARIN.replace("}]", ', "quote": "x", "start_in_days": 400}]')},
    "an unknown member": {"do": "answer", "content": WARFARIN.replace("}]", ', "quote": "x", "patient": "y"}]')},
    "a title without end": {"do": "answer", "answer": {"checklist": [{"title": "x" * 5000, "quote": "x"}], "plan": []}},
    "nested without end": {"do": "answer", "content": DEEP},
    "no choices": {"do": "envelope", "body": '{"choices": []}'},
}


@pytest.mark.parametrize("behaviour", INVALID.values(), ids=INVALID)
async def test_an_invalid_answer_is_repaired_once_or_the_note_fails(
    server: ModelServer, extractor: OpenAIExtractor, behaviour: dict[str, Any]
) -> None:
    server.will(behaviour)
    assert len((await extractor.extract(NOTE, day=DAY)).plan) == 1
    assert server.calls == 2
    server.will(behaviour, behaviour, behaviour)
    failure = await failing(extractor)
    assert (failure.reason, failure.retry) == ("invalid-answer", False)
    assert server.calls == 4


async def test_a_thousand_steps_are_an_answer_for_the_guard_to_cut(
    server: ModelServer, extractor: OpenAIExtractor
) -> None:
    items = [{"title": f"Buy {n}", "quote": "Buy"} for n in range(1000)]
    server.will({"do": "answer", "answer": {"checklist": items, "plan": []}})
    assert len((await extractor.extract(NOTE, day=DAY)).checklist) == 1000


async def test_a_fenced_answer_is_read(server: ModelServer, extractor: OpenAIExtractor) -> None:
    server.will({"do": "answer", "content": '```json\n{"checklist": [], "plan": []}\n```'})
    assert (await extractor.extract(NOTE, day=DAY)).plan == []
    assert server.calls == 1


@pytest.mark.parametrize("behaviour", [{"do": "huge", "bytes": 50_000_000}, {"do": "huge", "gzip": True}])
async def test_an_answer_without_end_is_cut(
    server: ModelServer, extractor: OpenAIExtractor, behaviour: dict[str, Any]
) -> None:
    server.default = behaviour
    assert (await failing(extractor)).reason == "invalid-answer"
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
    server: ModelServer, extractor: OpenAIExtractor, refuses: list[str], status: int
) -> None:
    server.default = {"do": "picky", "refuses": refuses, "status": status}
    assert len((await extractor.extract(NOTE, day=DAY)).plan) == 1
    before = server.calls
    assert len((await extractor.extract(NOTE, day=DAY)).plan) == 1
    assert server.calls == before + 1


async def test_a_revoked_key_opens_the_circuit_at_once_and_a_new_one_closes_it(
    server: ModelServer, extractor: OpenAIExtractor, clock: Clock
) -> None:
    server.default = {"do": "status", "status": 401}
    failure = await failing(extractor)
    assert (failure.reason, failure.retry) == ("unauthorized", True)
    for _ in range(20):
        clock.now += 2
        assert (await failing(extractor)).reason == "unauthorized"
    assert server.calls == 1
    server.default = {"do": "rules"}
    clock.now += failure.retry_after_s or 0
    assert len((await extractor.extract(NOTE, day=DAY)).plan) == 1


async def test_an_endpoint_that_is_down_for_an_hour_is_left_alone_and_comes_back_by_itself(
    server: ModelServer, extractor: OpenAIExtractor, clock: Clock
) -> None:
    server.default = {"do": "drop", "early": True}
    until = clock.now + 3600
    asked = 0
    while clock.now < until:
        failure = await failing(extractor)
        assert failure.retry
        clock.now += max(1.0, failure.retry_after_s or 0)
        asked += 1
    assert server.calls < 40
    assert asked >= 10
    server.default = {"do": "rules"}
    clock.now += 300
    assert len((await extractor.extract(NOTE, day=DAY)).plan) == 1
    assert not extractor.breaker.is_open


async def test_only_one_call_probes_an_open_circuit() -> None:
    breaker = Breaker(threshold=1)
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
    extractor = OpenAIExtractor(
        api_key=None, base_url=url, model="m", timeout_s=30, clock=clock, sleep=clock.sleep, chance=lambda: 0.0
    )
    failure = await failing(extractor)
    assert (failure.reason, failure.retry) == ("unavailable", True)
    await extractor.close()


async def test_a_call_given_up_leaves_the_circuit_as_it_was(server: ModelServer, extractor: OpenAIExtractor) -> None:
    server.default = {"do": "hang"}
    call = asyncio.create_task(extractor.extract(NOTE, day=DAY))
    await server.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert extractor.breaker.wait_s(0) == 0


async def test_a_redirect_does_not_carry_the_note_elsewhere(server: ModelServer, extractor: OpenAIExtractor) -> None:
    server.default = {"do": "status", "status": 307}
    assert (await failing(extractor)).reason in {"rejected", "unavailable"}


async def test_settings_choose_the_extractor() -> None:
    assert make_extractor(api_key=None, base_url=None, model=None, timeout_s=30).name == "offline"
    model = make_extractor(api_key="k", base_url=None, model="gpt", timeout_s=30)
    assert model.name == "openai:gpt"
    await model.close()
    with pytest.raises(ValueError, match="model"):
        make_extractor(api_key="k", base_url=None, model=None, timeout_s=30)
