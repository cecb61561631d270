"""The live channel resumed: nothing missed, nothing twice, nothing of what may no longer be read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

import hospital_rt.realtime.hub
from tests.support.channel import Channel, open_channel
from tests.support.driver import Answer, Clinic, Person, item, open_clinic, plan_item
from tests.support.feeds import elsewhere, heard_up_to, seqs, tell


async def test_whole_numbers_may_be_written_with_a_point(ward: Clinic) -> None:
    patient = await ward.patient()
    await tell(ward.app, patient.id, ["one", "two"])
    first = await open_channel(ward.base)
    await first.send({"type": "auth", "token": patient.access, "resume_after": None})
    epoch = (await first.message("ready"))["epoch"]
    channel = await open_channel(ward.base)
    await channel.send({"type": "auth", "token": patient.access, "resume_after": 1.0, "epoch": epoch})
    assert (await channel.message("event"))["seq"] == 2
    await channel.send({"type": "ack", "seq": 2.0})
    await channel.nothing_more()
    await channel.send({"type": "ack", "seq": 1.5})
    assert await channel.closed() == 4400
    first.close()


async def test_a_channel_resumes_from_anywhere_and_goes_on_live(ward: Clinic) -> None:
    patient = await ward.patient()
    await tell(ward.app, patient.id, [f"number {number}" for number in range(1, 8)])
    whole = (await patient.get("/api/events/")).body["items"]
    for after in range(8):
        async with patient.live(resume_after=after) as page:
            assert page.ready["seq"] == 7
            assert await heard_up_to(page, 7) == list(range(after + 1, 8)) if after < 7 else True
            assert [{**event, "type": None} for event in page.events] == [{**e, "type": None} for e in whole[after:]]
            await page.nothing_more()
    async with patient.live() as fresh, patient.live(resume_after=5) as resumed:
        await tell(ward.app, patient.id, ["number 8"])
        assert await heard_up_to(resumed, 8) == [6, 7, 8]
        assert await heard_up_to(fresh, 8) == [8], "without a position nothing from before"


async def test_a_long_past_is_replayed_in_pages(ward: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hospital_rt.realtime.hub, "REPLAY_PAGE", 10)
    patient = await ward.patient()
    for count in (9, 10, 11, 20, 35):
        before = (await patient.get("/api/events/")).body["seq"]
        await tell(ward.app, patient.id, ["x"] * count)
        async with patient.live(resume_after=before) as page:
            assert await heard_up_to(page, before + count) == list(range(before + 1, before + count + 1))
            await page.nothing_more()


@contextlib.asynccontextmanager
async def resumed(person: Person, after: int, epoch: str) -> AsyncIterator[Channel]:
    """A channel that asked to resume there, and the first two messages that it got."""
    channel = await open_channel(person.base)
    await channel.send({"type": "auth", "token": person.access, "resume_after": after, "epoch": epoch})
    channel.ready = await channel.message("ready")
    try:
        yield channel
    finally:
        channel.close()


async def forget_up_to(ward: Clinic, person: Person, seq: int) -> None:
    """What the retention does: these events are gone."""
    await ward.app.resources.database.collection("events").delete_many({"user_id": person.id, "seq": {"$lte": seq}})


@pytest.mark.parametrize(
    ("after", "epoch", "gone", "resets"),
    [
        (6, "present", 0, True),
        (2**53, "present", 0, True),  # ahead
        (3, "another", 0, True),
        (5, "another", 0, True),
        (0, "another", 0, True),  # of another epoch
        (0, "present", 2, True),
        (1, "present", 2, True),
        (4, "present", 5, True),  # older than what is kept
        (2, "present", 2, False),
        (5, "present", 5, False),
        (0, "present", 0, False),
    ],
)
async def test_where_a_feed_cannot_be_resumed_the_client_is_told_to_reload(
    ward: Clinic, after: int, epoch: str, gone: int, resets: bool
) -> None:
    patient = await ward.patient()
    await tell(ward.app, patient.id, ["x"] * 5)
    await forget_up_to(ward, patient, gone)
    present = (await patient.get("/api/assign/")).headers["X-Feed"].partition(":")[0]
    given = present if epoch == "present" else "0123456789abcdef"
    rest = await patient.get(f"/api/events/?after={after}&epoch={given}")
    assert (rest.status, rest.status == 409 and rest.slug) == ((409, "reset") if resets else (200, False))
    async with resumed(patient, after, given) as channel:
        if resets:
            assert await channel.receive() == {"type": "reset", "epoch": present, "seq": 5}
        else:
            await heard_up_to(channel, 5) if after < 5 else None
            assert seqs(channel) == list(range(after + 1, 6))
        await channel.nothing_more()
        await tell(ward.app, patient.id, ["and on"])
        assert (await channel.message("event"))["seq"] == 6, "after a reset it goes on live"


@pytest.fixture
def quick_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hospital_rt.realtime.hub, "CALM_SWEEP_S", 0.0)
    monkeypatch.setattr(hospital_rt.realtime.hub, "SWEEP_S", 0.1)


async def test_an_open_channel_is_sent_to_reload_when_the_records_are_other_ones(
    quick_sweeps: None, clinic: Clinic
) -> None:
    patient = await clinic.patient()
    await tell(clinic.app, patient.id, ["x"] * 5)
    async with patient.live() as page:
        old = page.ready["epoch"]
        await clinic.app.store.new_epoch()
        assert await page.closed(within_s=5) == 1012
    async with resumed(patient, 5, old) as again:
        assert (await again.message("reset"))["epoch"] == again.ready["epoch"]
        assert again.ready["epoch"] != old


# What may no longer be read


def names(channel: Channel) -> list[str]:
    return [event["event"] for event in channel.events]


async def test_a_former_doctor_resumes_to_places_without_content(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.plan_daily(doctor, patient, "Walk 20 minutes")
    async with doctor.live(resume_after=0) as note_worker:
        newest = note_worker.ready["seq"]
        await heard_up_to(note_worker, newest)
        assert "withdrawn" not in names(note_worker)
    await ward.assign(patient, await ward.doctor())
    async with doctor.live(resume_after=0) as note_worker:
        assert await heard_up_to(note_worker, newest + 1) == list(range(1, newest + 2))
        assert names(note_worker) == ["withdrawn"] * newest + ["assignment.changed"]
        assert all(event["data"] == {} for event in note_worker.events[:-1])
        assert "Walk" not in str(note_worker.events)
        over_rest = (await doctor.get("/api/events/")).body["items"]
        assert [event["event"] for event in over_rest] == names(note_worker)
    await ward.assign(patient, doctor)
    async with doctor.live(resume_after=0) as note_worker:
        await heard_up_to(note_worker, newest + 2)
        assert names(note_worker)[0] == "assignment.changed", "chosen again, they may read again"


async def test_what_a_withdrawn_note_said_is_closed_to_the_patient_alone(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(doctor, patient, plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")])
    await ward.tick("2027-03-02T09:00")
    await doctor.post(f"/api/notes/{note['id']}/withdraw/")
    async with patient.live(resume_after=0) as page, doctor.live(resume_after=0) as note_worker:
        await heard_up_to(page, page.ready["seq"])
        await heard_up_to(note_worker, note_worker.ready["seq"])
        assert "Walk" not in str(page.events) and "Walk" in str(note_worker.events)
        assert names(page) == ["assignment.changed", "withdrawn", "withdrawn", "withdrawn", "steps.changed"]


async def test_nothing_of_an_erased_user_can_be_read(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.plan_daily(doctor, patient, "Walk 20 minutes")
    async with doctor.live() as note_worker:
        newest = note_worker.ready["seq"]
        assert (await patient.delete("/api/me/", {"password": patient.password})).status == 204
        told = await note_worker.next("assignment.changed")
        assert told["data"] == {"patient": {"id": patient.id, "name": None}, "doctor": None}
    async with doctor.live(resume_after=0) as note_worker:
        await heard_up_to(note_worker, note_worker.ready["seq"])
        assert set(names(note_worker)[:newest]) == {"withdrawn"}
        assert patient.user["name"] not in str(note_worker.events)


async def test_only_ones_own_feed_can_be_resumed(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    await tell(ward.app, patient.id, ["a secret"] * 3)
    channel = await open_channel(ward.base)
    await channel.send(
        {
            "type": "auth",
            "token": other.access,
            "resume_after": 0,
            "epoch": None,
            "user_id": patient.id,
            "patient": patient.id,
            "channel": patient.id,
        }
    )
    assert (await channel.message("ready"))["user_id"] == other.id
    await channel.nothing_more()
    channel.close()


# Without a gap between REST and the channel


@pytest.mark.parametrize("path", ["/api/steps/", "/api/notes/", "/api/assign/", "/api/steps/{step}/"])
async def test_what_happens_after_a_load_comes_over_the_channel_that_resumes_there(ward: Clinic, path: str) -> None:
    patient, doctor = await ward.pair()
    step = await ward.plan_daily(doctor, patient, "Walk 20 minutes")
    loaded = await patient.get(path.format(step=step["id"]))
    epoch, seq = loaded.headers["X-Feed"].split(":")
    await ward.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    async with resumed(patient, int(seq), epoch) as page:
        assert (await page.next("steps.changed"))["seq"] == int(seq) + 1
        await page.next("note.status")
        await page.nothing_more()


async def test_a_load_in_the_midst_of_changes_and_the_channel_together_give_the_whole(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    tasks = ("Book a chest X-ray", "Call the clinic", "Buy a thermometer", "Bring your insurance card")
    await ward.note(doctor, patient, checklist=[item(task) for task in tasks])
    steps = await patient.steps()
    answers = [asyncio.create_task(patient.post(f"/api/check-in/{step['id']}/")) for step in steps]
    loads: list[Answer] = []
    while not loads or not all(answer.done() for answer in answers):
        loads.append(await patient.get("/api/steps/?status=all"))
    for loaded in loads:
        epoch, seq = loaded.headers["X-Feed"].split(":")
        seen_open = {step["id"] for step in loaded.body["items"] if step["status"] == "active"}
        async with resumed(patient, int(seq), epoch) as page:
            if page.ready["seq"] > int(seq):
                await heard_up_to(page, page.ready["seq"])
            told = {id for event in page.events for id in event["data"].get("completed", [])}
        assert seen_open <= told, "loaded as open, and never told that it was done"
    assert {(await answer).status for answer in answers} == {200}


# Many at once


@pytest.mark.long
async def test_under_many_writers_every_socket_hears_each_event_once_and_in_order(ward: Clinic) -> None:
    """Two web servers on one database; sockets come, resume and leave while several writers write."""
    chance = random.Random(7)
    people = [await ward.patient() for _ in range(3)]
    written = {person.id: 0 for person in people}
    epoch = await ward.app.store.epoch()
    ends = time.monotonic() + 3.0

    def goes_on() -> bool:
        """For three seconds; longer where a slow machine has not written enough to tell anything."""
        return time.monotonic() < ends or sum(written.values()) <= 100

    async def write(node: Clinic) -> None:
        while goes_on():
            person, count = chance.choice(people), chance.choice((1, 1, 2, 5))
            written[person.id] += count
            await tell(node.app, person.id, [uuid4().hex] * count)
            await asyncio.sleep(chance.random() * 0.02)  # the beat of the load, uneven

    async def listen(person: Person, bases: list[str]) -> list[int]:
        """Come, hear a little, leave, and resume elsewhere until the end."""
        heard: list[int] = []
        while goes_on():
            channel = await open_channel(chance.choice(bases))
            await channel.send(
                {"type": "auth", "token": person.access, "resume_after": heard[-1] if heard else 0, "epoch": epoch}
            )
            stays_until = time.monotonic() + chance.random() * 0.6
            with contextlib.suppress(TimeoutError):
                while time.monotonic() < stays_until:
                    message = await channel.receive(within_s=max(0.01, stays_until - time.monotonic()))
                    assert message is not None, f"closed with {channel.connection.close_code}"
                    assert message["type"] in {"ready", "event"}, message
            heard += seqs(channel)
            channel.close()
        return heard

    async with open_clinic(elsewhere(ward), ward.model) as second, contextlib.AsyncExitStack() as stack:
        bases = [ward.base, second.base]
        steady = [
            (person, await stack.enter_async_context(person.live(base=base))) for person in people for base in bases
        ]
        visitors = [chance.choice(people) for _ in range(8)]
        writers = [asyncio.create_task(write(node)) for node in (ward, ward, second, second)]
        results = await asyncio.gather(*(listen(person, bases) for person in visitors))
        await asyncio.gather(*writers)
        for person, heard in zip(visitors, results, strict=True):
            async with person.live(resume_after=heard[-1] if heard else 0) as rest:
                if len(heard) < written[person.id]:
                    await heard_up_to(rest, written[person.id])
                assert heard + seqs(rest) == list(range(1, written[person.id] + 1))
        for person, channel in steady:
            await heard_up_to(channel, written[person.id])
            assert seqs(channel) == list(range(channel.ready["seq"] + 1, written[person.id] + 1))
