"""The live channel across several web servers, with Redis between them, without it, and while it comes and goes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis

from hospital_rt.runtime.embedded_servers import EmbeddedServers
from hospital_rt.settings import Settings
from tests.support.admin_driver import admin
from tests.support.channel import Channel, open_channel
from tests.support.driver import PASSWORD, Clinic, Person, open_clinic, until
from tests.support.feeds import elsewhere, heard_up_to, seqs, tell
from tests.support.model_server import ModelServer
from tests.support.patience import allowed

pytestmark = pytest.mark.long

AT_ONCE_S = 1.0  # contract, "Details": on every node
WITHOUT_REDIS_S = 5.0
SLACK_S = 1.0  # a busy machine


class OwnRedis:
    """A Redis that a test may kill, freeze and start again."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        self._servers = EmbeddedServers(folder, mongo=False)
        self.url = self._servers.start().redis_url or ""

    def _signal(self, what: signal.Signals) -> None:
        for pid in self._servers.pids.values():
            os.kill(pid, what)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    async def start_again(self) -> None:
        await until(self._restarted, within_s=10)

    async def _restarted(self) -> bool:
        return bool(self._servers.restart_dead())

    def cut_subscriptions(self) -> int:
        """Hang up on everybody who listens."""
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            return int(client.client_kill_filter(_type="pubsub"))

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.thaw()
        self._servers.stop(timeout_s=0)


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    running = OwnRedis(tmp_path_factory.mktemp("redis"))
    yield running
    running.stop()


@pytest.fixture
def redis_url(own_redis: OwnRedis) -> str:
    return own_redis.url


Nodes = tuple[Clinic, Clinic]


@pytest.fixture
async def nodes(settings: Settings, model: ModelServer) -> AsyncIterator[Nodes]:
    """Two web servers on the same records, and a Redis of their own."""
    async with open_clinic(settings, model) as first, open_clinic(elsewhere(first), model) as second:
        yield first, second


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _second(_shared: Clinic) -> AsyncIterator[Clinic]:
    async with open_clinic(elsewhere(_shared), _shared.model) as opened:
        yield opened


@pytest.fixture
def wards(ward: Clinic, _second: Clinic) -> Nodes:
    """Two web servers that the tests of this module share."""
    return ward, _second


async def test_what_happens_at_one_server_is_heard_at_the_other(wards: Nodes) -> None:
    first, second = wards
    patient, doctor = await first.pair()
    async with patient.live(base=second.base) as page, doctor.live(base=first.base) as note_worker:
        began = time.monotonic()
        step = await first.plan_daily(doctor, patient, "Walk 20 minutes")
        assert (await page.next("steps.changed"))["data"]["created"][0]["id"] == step["id"]
        reply = await page.ask({"type": "check_in", "id": "1", "step_id": step["id"], "slot": "2027-03-01T21:00:00Z"})
        assert reply["error"]["status"] == 422
        await tell(second.app, doctor.id, ["from the second"])
        await heard_up_to(note_worker, note_worker.ready["seq"] + 5)
        assert time.monotonic() - began < allowed(5)


# Sessions that end


async def sign_out(wards: Nodes, person: Person) -> None:
    assert (await person.post("/api/token/revoke/", {"refresh": person.refresh})).status == 204


async def end_the_device(wards: Nodes, person: Person) -> None:
    other = await wards[1].sign_in(person.user)
    devices = (await other.get("/api/me/sessions/")).body["items"]
    mine = next(device["id"] for device in devices if not device["current"])
    assert (await other.delete(f"/api/me/sessions/{mine}/")).status == 204


async def change_the_password_elsewhere(wards: Nodes, person: Person) -> None:
    other = await wards[1].sign_in(person.user)
    async with other.live(base=wards[0].base) as kept:
        body = {"current": PASSWORD, "password": "another-quiet-meadow-7"}
        assert (await other.post("/api/me/password/", body)).status == 204
        await kept.nothing_more()


async def reset_the_password(wards: Nodes, person: Person) -> None:
    link = (await admin(wards[0].app.settings, "reset-link", person.email, "--json")).facts["link"]
    body = {"token": link.split("token=")[1], "password": "another-quiet-meadow-7"}
    assert (await wards[1].anyone.post("/api/reset-password/", body)).status == 204


async def deactivate(wards: Nodes, person: Person) -> None:
    assert (await admin(wards[0].app.settings, "deactivate", person.email)).code == 0


async def erase(wards: Nodes, person: Person) -> None:
    assert (await person.delete("/api/me/", {"password": PASSWORD})).status == 204


async def use_an_old_refresh(wards: Nodes, person: Person) -> None:
    stolen, spent = person.refresh, person.refresh
    for _ in range(2):
        spent = (await person.post("/api/token/refresh/", {"refresh": spent})).body["refresh"]
    assert (await person.post("/api/token/refresh/", {"refresh": stolen})).status == 401


ENDINGS = (
    sign_out,
    end_the_device,
    change_the_password_elsewhere,
    reset_the_password,
    deactivate,
    erase,
    use_an_old_refresh,
)


@contextlib.asynccontextmanager
async def at_both(wards: Nodes, person: Person) -> AsyncIterator[list[Channel]]:
    async with person.live(base=wards[0].base) as here, person.live(base=wards[1].base) as there:
        yield [here, there]


@pytest.mark.parametrize("end", ENDINGS, ids=[end.__name__ for end in ENDINGS])
async def test_a_session_that_ends_closes_its_channels_on_every_server_at_once(
    wards: Nodes, end: Callable[[Nodes, Person], Awaitable[None]]
) -> None:
    person, bystander = await wards[0].patient(), await wards[0].patient()
    async with at_both(wards, person) as channels, at_both(wards, bystander) as others:
        await end(wards, person)
        codes = await asyncio.gather(*(channel.closed(within_s=AT_ONCE_S + SLACK_S) for channel in channels))
        assert codes == [4401, 4401]
        for channel in others:
            await channel.nothing_more()
    late = await open_channel(wards[1].base)
    await late.send({"type": "auth", "token": person.access})
    assert await late.closed() == 4401


async def test_without_redis_a_session_that_ends_closes_its_channels_within_seconds(
    nodes: Nodes, own_redis: OwnRedis
) -> None:
    person = await nodes[0].patient()
    async with at_both(nodes, person) as channels:
        own_redis.kill()
        await sign_out(nodes, person)
        codes = await asyncio.gather(*(one.closed(within_s=WITHOUT_REDIS_S + SLACK_S) for one in channels))
        assert codes == [4401, 4401]


# Servers that stop


async def test_a_server_that_stops_sends_its_channels_to_the_others(nodes: Nodes, model: ModelServer) -> None:
    first, _ = nodes
    patient = await first.patient()
    async with contextlib.AsyncExitStack() as stack:
        third = await stack.enter_async_context(open_clinic(elsewhere(first), model))
        page = await stack.enter_async_context(patient.live(base=third.base))
        kept = await stack.enter_async_context(patient.live(base=first.base))
        silent = await open_channel(third.base)
        await tell(first.app, patient.id, ["one"])
        assert (await page.message("event"))["seq"] == 1
        began = time.monotonic()
        stopping = asyncio.create_task(third.stop())
        assert await page.closed(within_s=3) == 1012
        assert await silent.closed(within_s=3) == 1012
        await stopping
        assert time.monotonic() - began < allowed(5)
        with pytest.raises(OSError):
            await open_channel(third.base)
        await tell(first.app, patient.id, ["two"])
        assert await heard_up_to(kept, 2) == [1, 2]
        async with patient.live(resume_after=1, base=first.base) as again:
            assert await heard_up_to(again, 2) == [2]


# Redis away, and back


async def test_while_redis_is_away_and_when_it_is_back_everything_is_heard_once(
    nodes: Nodes, own_redis: OwnRedis
) -> None:
    first, second = nodes
    patient = await first.patient()
    async with patient.live(base=second.base) as page:
        await tell(first.app, patient.id, ["before"])
        assert await heard_up_to(page, 1) == [1]
        own_redis.kill()
        for number in range(2, 6):
            await tell(first.app, patient.id, [f"away {number}"])
        assert await heard_up_to(page, 5, within_s=WITHOUT_REDIS_S + SLACK_S) == [1, 2, 3, 4, 5]
        ready = (await second.anyone.get("/readyz")).body
        assert ready["status"] == "degraded" and ready["redis"] is False
        await own_redis.start_again()
        await tell(first.app, patient.id, ["just as it comes back"])
        await heard_up_to(page, 6, within_s=4)

        async def heard_at_once() -> bool:
            newest = page.events[-1]["seq"] + 1
            await tell(first.app, patient.id, ["back"])
            began = time.monotonic()
            await heard_up_to(page, newest, within_s=WITHOUT_REDIS_S)
            return time.monotonic() - began < 0.5

        await until(heard_at_once, within_s=15)
        assert seqs(page) == list(range(1, page.events[-1]["seq"] + 1))


async def test_a_redis_that_hangs_is_noticed_and_requests_do_not_wait_for_it(nodes: Nodes, own_redis: OwnRedis) -> None:
    first, second = nodes
    patient, doctor = await first.pair()
    step = await first.plan_daily(doctor, patient, "Walk 20 minutes")
    await first.tick("2027-03-02T09:00")
    async with patient.live(base=second.base) as page:
        seq = page.ready["seq"]
        own_redis.freeze()
        slowest = 0.0
        for body in ({}, {"outcome": "skipped"}):
            began = time.monotonic()
            assert (await patient.post(f"/api/check-in/{step['id']}/", body)).status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 3, f"a request waited {slowest:.1f} s for a Redis that hangs"
        await heard_up_to(page, seq + 1, within_s=10)
        own_redis.thaw()
        await tell(first.app, patient.id, ["back"])
        await heard_up_to(page, seq + 2, within_s=5)
        await page.nothing_more()


async def test_a_subscription_that_is_cut_hides_nothing(nodes: Nodes, own_redis: OwnRedis) -> None:
    first, second = nodes
    patient = await first.patient()
    async with patient.live(base=second.base) as page:
        for number in range(1, 5):
            await tell(first.app, patient.id, ["announced without a listener"], announce=False)
            assert own_redis.cut_subscriptions() >= 2, "both servers listen"
            await first.app.resources.wakeups.announce([patient.id])
            assert await heard_up_to(page, number, within_s=3) == list(range(1, number + 1))
            await until(lambda: listeners(own_redis), within_s=3)


async def listeners(own_redis: OwnRedis) -> bool:
    with contextlib.closing(redis.Redis.from_url(own_redis.url)) as client:
        return dict(client.pubsub_numsub("hospital_rt:wake"))[b"hospital_rt:wake"] == 2


async def test_a_server_that_starts_without_redis_serves_and_hears(
    nodes: Nodes, own_redis: OwnRedis, model: ModelServer
) -> None:
    first, _ = nodes
    patient = await first.patient()
    own_redis.kill()
    async with open_clinic(elsewhere(first), model) as third, patient.live(base=third.base) as page:
        await tell(first.app, patient.id, ["x"])
        assert await heard_up_to(page, 1, within_s=WITHOUT_REDIS_S + SLACK_S) == [1]
        await own_redis.start_again()
        await tell(first.app, patient.id, ["y"])
        assert await heard_up_to(page, 2, within_s=WITHOUT_REDIS_S) == [1, 2]


async def test_invalid_messages_on_the_wake_up_channel_are_ignored(nodes: Nodes, own_redis: OwnRedis) -> None:
    first, second = nodes
    patient = await first.patient()
    async with patient.live(base=second.base) as page:
        with contextlib.closing(redis.Redis.from_url(own_redis.url)) as client:
            for rubbish in (b"", b"\xff\x00", b"[]", b"7", b'{"news": [[]]}', b'{"ended": 1}', b"[" * 100_000):
                client.publish("hospital_rt:wake", rubbish)
        await tell(first.app, patient.id, ["x"])
        assert (await page.message("event", within_s=1.5))["seq"] == 1


async def connected(patient: Person, node: Clinic) -> Channel:
    channel = await open_channel(node.base)
    await channel.send({"type": "auth", "token": patient.access})
    await channel.message("ready")
    return channel


async def test_the_ninth_channel_ends_the_oldest_also_when_it_is_at_another_server(wards: Nodes) -> None:
    first, second = wards
    patient, other = await first.patient(), await first.patient()
    async with other.live(base=first.base) as theirs:
        channels = [await connected(patient, node) for node in [first] * 5 + [second] * 5]
        for channel in channels[:2]:
            assert await channel.closed(within_s=3) == 4409
        await tell(first.app, patient.id, ["hello"])
        for channel in channels[2:]:
            assert (await channel.message("event"))["seq"] == 1
        # Those that ended count no more: as many may come again.
        channels[9].close()
        await channels[9].closed()
        redis_ = first.app.resources.redis
        key = f"hospital_rt:live:{patient.id}"

        async def seven() -> bool:
            return int(await redis_.zcard(key)) == 7

        await until(seven)
        again = await connected(patient, first)
        await tell(first.app, patient.id, ["hello again"])
        for channel in [*channels[2:9], again]:
            assert (await channel.message("event"))["data"]
            channel.close()
        await theirs.nothing_more()


async def test_connections_of_a_server_that_was_killed_do_not_count(wards: Nodes) -> None:
    first, _ = wards
    patient = await first.patient()
    key = f"hospital_rt:live:{patient.id}"
    await first.app.resources.redis.zadd(key, {f"killed:{number}": 1.0 + number for number in range(8)})
    channel = await connected(patient, first)

    async def only_one() -> bool:
        return int(await first.app.resources.redis.zcard(key)) == 1

    await until(only_one)
    await tell(first.app, patient.id, ["hello"])
    assert (await channel.message("event"))["seq"] == 1
    channel.close()


async def test_while_redis_is_away_each_server_bounds_its_own(nodes: Nodes, own_redis: OwnRedis) -> None:
    first, _ = nodes
    patient = await first.patient()
    own_redis.kill()
    channels = [await connected(patient, first) for _ in range(9)]
    assert await channels[0].closed(within_s=3) == 4409
    await tell(first.app, patient.id, ["hello"])
    for channel in channels[1:]:
        assert (await channel.message("event", within_s=WITHOUT_REDIS_S + SLACK_S))["seq"] == 1
        channel.close()
