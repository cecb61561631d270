"""An endpoint that is down for an hour loses no note, invents nothing, and is asked again when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from hospital_rt.extraction.llm.reader import ModelReader
from tests.support.driver import Clinic, item, plan_item

WAYS = (
    {"do": "status", "status": 500},
    {"do": "status", "status": 429, "retry_after": 0},
    {"do": "hang"},
    {"do": "drop", "early": True},
    {"do": "garbage"},
    {"do": "refuse"},
    {"do": "truncate"},
    {"do": "wrong"},
    {"do": "status", "status": 401},
    {"do": "status", "status": 302},
    {"do": "drop"},
    {"do": "envelope", "body": "<html>Back soon</html>"},
    {"do": "refuse", "plain": True},
    {"do": "filter"},
    {"do": "status", "status": 400},
)
PASSING = {"unavailable", "rate-limited", "timeout", "unauthorized"}


def model_of(clinic: Clinic) -> ModelReader:
    reader = clinic.app.resources.reader
    assert isinstance(reader, ModelReader)
    return reader


@pytest.fixture(autouse=True)
def on_the_clinics_clock(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The reader waits, and its circuit opens and closes, by the clock that the tests set."""
    reader = model_of(clinic)

    async def sleep(seconds: float) -> None:
        clinic.set_clock(clinic.now + timedelta(seconds=seconds))

    reader.breaker.succeeded()
    monkeypatch.setattr(reader, "_clock", lambda: clinic.now.timestamp())
    monkeypatch.setattr(reader, "_sleep", sleep)
    yield
    reader.breaker.succeeded()


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(str(part)[:5] for part in way.values()))
@pytest.mark.settings(openai_timeout_seconds=1)
async def test_an_hour_of_failure_touches_no_plan_and_loses_no_note(clinic: Clinic, way: dict[str, object]) -> None:
    patient, doctor = await clinic.pair()
    old = await clinic.plan_daily(doctor, patient, "Walk 20 minutes")
    clinic.model.default = way
    note = await clinic.submit(doctor, patient, "Drink water daily.")
    failures = set()
    for _ in range(3):
        await clinic.read_notes()
        seen = (await doctor.get(f"/api/notes/{note['id']}/")).body
        assert seen["status"] == "failed" and seen["steps"] == []
        failures.add(seen["failure"])
        clinic.set_clock(clinic.now + timedelta(minutes=20))
    assert [step["id"] for step in await patient.steps()] == [old["id"]]
    assert await clinic.tick("2027-03-02T09:00") == 1, "the old plan reminds on"

    clinic.model.default = {"do": "answer", "answer": {"checklist": [], "plan": [plan_item("Drink water daily")]}}
    clinic.set_clock(clinic.now + timedelta(minutes=31))
    await clinic.read_notes()
    seen = (await doctor.get(f"/api/notes/{note['id']}/")).body
    if failures & PASSING:
        assert seen["status"] == "ready", "it came back by itself"
        return
    assert seen["status"] == "failed", "what will not pass by itself waits for its author"
    assert (await doctor.post(f"/api/notes/{note['id']}/retry/")).status == 202
    await clinic.read_notes()
    assert (await doctor.get(f"/api/notes/{note['id']}/")).body["status"] == "ready"


async def test_a_failed_note_does_not_come_back_over_a_newer_one(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    clinic.model.will(*[{"do": "status", "status": 500}] * 6)
    first = await clinic.submit(doctor, patient, "Walk daily.")
    await clinic.read_notes()
    assert (await doctor.get(f"/api/notes/{first['id']}/")).body["status"] == "failed"
    clinic.model.script.clear()
    model_of(clinic).breaker.succeeded()  # it answered somebody else meanwhile
    await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    clinic.set_clock(clinic.now + timedelta(hours=2))
    await clinic.read_notes()
    assert (await doctor.get(f"/api/notes/{first['id']}/")).body["status"] == "superseded"
    assert [step["title"] for step in await patient.steps()] == ["Book a chest X-ray"]
