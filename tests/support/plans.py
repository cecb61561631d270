"""Words for tests of plans: steps with any schedule, the reminders that came of them, and days that go by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.driver import Answer, Clinic, Person, item

MARCH = "2027-03-{:02d}T{}:00Z"
NINE = {day: MARCH.format(day, "09:00") for day in range(1, 32)}


async def proposal(clinic: Clinic, doctor: Person, patient: Person) -> dict[str, Any]:
    """A note that waits for its author: something in it could not be believed."""
    return await clinic.note(
        doctor,
        patient,
        checklist=[item("Rest"), item("Fly to the moon", "words that are not there")],
        text="Rest.",
        expect="proposed",
    )


async def approve(doctor: Person, note: dict[str, Any], *steps: dict[str, Any]) -> list[dict[str, Any]]:
    """Approve a proposal with just these steps, each a schedule or a whole step; as they now stand."""
    listed = [
        step if "title" in step else {"title": f"Step {number}", "schedule": step} for number, step in enumerate(steps)
    ]
    answer = await doctor.post(f"/api/notes/{note['id']}/approve/", {"steps": listed})
    assert answer.status == 200, answer.body
    titles = [step["title"] for step in listed]
    found = [step for step in answer.body["steps"] if step["title"] in titles]
    return sorted(found, key=lambda step: titles.index(step["title"]))


async def plan(clinic: Clinic, doctor: Person, patient: Person, *steps: dict[str, Any]) -> list[dict[str, Any]]:
    """Make these steps the patient's plan."""
    return await approve(doctor, await proposal(clinic, doctor, patient), *steps)


async def one_step(clinic: Clinic, patient: Person, doctor: Person, **schedule: Any) -> dict[str, Any]:
    """One plan step with this schedule: every day at the patient's reminder time unless said."""
    return (await plan(clinic, doctor, patient, schedule))[0]


async def events(person: Person, name: str | None = None) -> list[dict[str, Any]]:
    """The whole feed, or the events of one name; the feed is gapless."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["seq"] if found else 0
        epoch = (await person.get("/api/events/")).body["epoch"]
        page = (await person.get(f"/api/events/?after={after}&epoch={epoch}")).body["items"]
        if not page:
            break
        found += page
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    return [event for event in found if name in {None, event["event"]}]


async def reminders(patient: Person, step: dict[str, Any] | None = None) -> list[tuple[str, int]]:
    """The reminders of a step, or of all: slot and repetition, oldest first."""
    return [
        (event["data"]["slot"], event["data"]["repeat"])
        for event in await events(patient, "reminder.due")
        if step is None or event["data"]["step"]["id"] == step["id"]
    ]


async def read(patient: Person, step: dict[str, Any]) -> dict[str, Any]:
    """The step as it now stands."""
    answer = await patient.get(f"/api/steps/{step['id']}/")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.body
    return found


async def check_in(patient: Person, step: dict[str, Any], slot: str | None = None, **body: Any) -> Answer:
    """Answer a slot, or the open one."""
    return await patient.post(f"/api/check-in/{step['id']}/", {**body, **({"slot": slot} if slot else {})})


async def undo(patient: Person, step: dict[str, Any], slot: str | None = None) -> Answer:
    return await patient.delete(f"/api/check-in/{step['id']}/" + (f"?slot={slot}" if slot else ""))


async def let_pass(clinic: Clinic, until: datetime | str, *, every: timedelta = timedelta(hours=1)) -> int:
    """Time goes by with a tick every hour; how many reminders were recorded."""
    ends = datetime.fromisoformat(until).replace(tzinfo=UTC) if isinstance(until, str) else until
    recorded = 0
    while clinic.now < ends:
        recorded += await clinic.tick(min(clinic.now + every, ends))
    return recorded


async def days(person: Person, count: int, patient: Person | None = None) -> list[tuple[int, int, int, int]]:
    """Adherence of the last days: due, done, skipped, missed."""
    query = f"?days={count}" + (f"&patient_id={patient.id}" if patient else "")
    answer = await person.get(f"/api/adherence/{query}")
    assert answer.status == 200, answer.body
    return [(day["due"], day["done"], day["skipped"], day["missed"]) for day in answer.body["items"]]


async def outcomes(person: Person) -> list[tuple[str | None, str]]:
    """What the feed says of check-ins."""
    return [(event["data"]["slot"], event["data"]["outcome"]) for event in await events(person, "step.checked_in")]


async def keep_daily(clinic: Clinic, patient: Person, step: dict[str, Any], first: int, last: int) -> None:
    """From day to day: reminded at nine, done at once."""
    for day in range(first, last + 1):
        await clinic.tick(f"2027-03-{day:02d}T09:00")
        assert (await check_in(patient, step, NINE[day])).status == 200
