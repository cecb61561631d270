"""The live channel and readers that are slow, or read nothing: others do not wait for them, and they lose nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path

import pytest

import hospital_rt.realtime.hub
from tests.support.driver import Clinic, until
from tests.support.feeds import heard_up_to, seqs, tell
from tests.support.patience import allowed
from tests.support.wire import CLOSE, TEXT, metric, raw_channel

KILOBYTE = "x" * 1024


async def closed_by(ward: Clinic, code: str) -> float:
    return metric((await ward.anyone.get("/metrics")).raw.decode(), "hospital_rt_sockets_closed_total", code=code)


async def test_a_client_that_never_reads_is_closed_and_delays_no_other(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    before = await closed_by(ward, "1013")
    async with raw_channel(ward.base, receive_buffer=4096) as stuck, patient.live() as page, other.live() as theirs:
        await stuck.auth(patient.access)
        began = time.monotonic()
        for _ in range(12):
            await tell(ward.app, patient.id, [KILOBYTE] * 50)
            await tell(ward.app, other.id, ["a short one"])
        assert await heard_up_to(page, 600) == list(range(1, 601))
        assert await heard_up_to(theirs, 12) == list(range(1, 13))
        assert time.monotonic() - began < allowed(6), "they waited for the one that does not read"

        async def is_let_go() -> bool:
            return await closed_by(ward, "1013") == before + 1

        await until(is_let_go, within_s=hospital_rt.realtime.hub.SLOW_S + 4)
        # What it had taken in is an unbroken beginning; it resumes after that.
        heard = 0
        while (found := await stuck.frame(within_s=3)) is not None and found[0] == TEXT:
            heard += 1
        assert found is None or (found[0], int.from_bytes(found[1][:2], "big")) == (CLOSE, 1013)
        assert heard < 600
        await page.nothing_more()
    async with patient.live(resume_after=heard) as again:
        assert await heard_up_to(again, 600) == list(range(heard + 1, 601))


async def test_a_reader_that_wakes_up_in_time_misses_nothing(ward: Clinic) -> None:
    patient = await ward.patient()
    async with raw_channel(ward.base, receive_buffer=4096) as sleepy:
        await sleepy.auth(patient.access)
        for _ in range(10):
            await tell(ward.app, patient.id, [KILOBYTE] * 60)
        for seq in range(1, 601):
            message = await sleepy.hear()
            assert message is not None and message["seq"] == seq
        await tell(ward.app, patient.id, ["and live again"])
        assert (await sleepy.hear() or {})["seq"] == 601


async def test_a_burst_larger_than_the_outbox_reaches_a_reader_that_reads(ward: Clinic) -> None:
    patient = await ward.patient()
    async with patient.live() as page, patient.live() as other:
        await tell(ward.app, patient.id, ["x"] * 1500)
        for channel in (page, other):
            assert await heard_up_to(channel, 1500) == list(range(1, 1501))
            await channel.nothing_more()


async def test_a_past_of_large_events_is_replayed_whole(ward: Clinic) -> None:
    patient = await ward.patient()
    for _ in range(10):
        await tell(ward.app, patient.id, [KILOBYTE * 40] * 12)
    async with patient.live(resume_after=0) as page:
        assert await heard_up_to(page, 120) == list(range(1, 121))
        await tell(ward.app, patient.id, ["live"])
        assert (await page.message("event"))["seq"] == 121


def resident_mb() -> float:
    """Memory of this very process, in which the server runs."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.long
async def test_readers_that_do_not_read_cost_little_memory(ward: Clinic) -> None:
    patient = await ward.patient()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(7):
            stuck = await stack.enter_async_context(raw_channel(ward.base, receive_buffer=4096))
            await stuck.auth(patient.access)
        page = await stack.enter_async_context(patient.live())
        before, most = resident_mb(), 0.0
        for number in range(1, 41):
            await tell(ward.app, patient.id, [KILOBYTE * 30] * 20)
            await heard_up_to(page, number * 20)
            page.events.clear()
            most = max(most, resident_mb())
        # 24 MB were sent; kept for seven who do not read they would be 168.
        assert most - before < 60


async def test_a_feed_that_cannot_be_read_holds_no_other_up(ward: Clinic) -> None:
    broken, well = await ward.patient(), await ward.patient()
    async with broken.live() as lost, well.live() as page:
        keys = ward.app.resources.database.collection("keys")
        held = await keys.find_one({"_id": broken.id})
        await keys.update_one({"_id": broken.id}, {"$set": {"wrapped": "not a key of ours"}})
        for person in (broken, well):
            await tell(ward.app, person.id, ["x"], announce=False)
        ward.app.store.vault._cache.clear()
        await ward.app.resources.wakeups.announce([broken.id, well.id])
        assert (await page.message("event", within_s=3))["seq"] == 1
        assert await lost.closed(within_s=3) == 1012
        await keys.update_one({"_id": broken.id}, {"$set": {"wrapped": held["wrapped"]}})
    async with broken.live(resume_after=0) as back:
        assert await heard_up_to(back, 1) == [1]


async def test_a_key_that_is_read_anew_closes_no_event(ward: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    patient, doctor = await ward.pair()
    await ward.plan_daily(doctor, patient, "Walk 20 minutes")
    monkeypatch.setattr("hospital_rt.storage.field_encryption.CACHE_SECONDS", 0.0)
    ward.app.store.vault._cache.clear()
    answers = await asyncio.gather(*(doctor.get("/api/events/") for _ in range(40)))
    names = {event["event"] for answer in answers for event in answer.body["items"]}
    assert names == {"assignment.changed", "note.status", "steps.changed"}


async def test_many_events_for_many_people_come_to_each_in_order(ward: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hospital_rt.realtime.hub, "AT_ONCE", 7)
    people = [await ward.patient() for _ in range(6)]
    channels = []
    for person in people:
        context = person.live()
        channels.append((context, await context.__aenter__()))
    for person in people:
        await tell(ward.app, person.id, list(range(20)), announce=False)
    await ward.app.resources.wakeups.announce([person.id for person in people])
    for context, channel in channels:
        assert await heard_up_to(channel, 20, within_s=3) == list(range(1, 21))
        assert seqs(channel) == list(range(1, 21))
        await context.__aexit__(None, None, None)
