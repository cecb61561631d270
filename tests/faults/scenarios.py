"""What is broken, one function a fault. Each breaks things while the load lasts and returns how often it did."""

from __future__ import annotations

import asyncio
import signal

from hospital_rt.runtime.embedded_servers import EmbeddedRefused
from tests.faults.ground import Ground, Scenario
from tests.faults.proxy import Proxy
from tests.support.processes import Role


async def nothing(ground: Ground) -> int:
    """Only the load."""
    while ground.time_left:
        await ground.rest(0.2)
    return 0


async def kill_webs(ground: Ground) -> int:
    return await _kill(ground, "web")


async def kill_workers(ground: Ground) -> int:
    return await _kill(ground, "worker")


async def kill_schedulers(ground: Ground) -> int:
    return await _kill(ground, "scheduler")


async def kill_anything(ground: Ground) -> int:
    return await _kill(ground, "web", "worker", "scheduler")


async def _kill(ground: Ground, *names: str) -> int:
    """kill -9 of one after the other, each started again at once, with hardly a pause."""
    killed = 0
    while ground.time_left:
        await ground.kill(ground.of(ground.random.choice(names)))
        killed += 1
        await ground.rest(ground.random.uniform(0.1, 0.8))
    return killed


async def restart_webs(ground: Ground) -> int:
    """A rolling update: SIGTERM, one after the other."""
    stopped = 0
    while ground.time_left:
        for web in list(ground.system.webs):
            assert await web.stop() == 0, web.logged
            await ground.system.again(web)
            stopped += 1
    return stopped


async def flush_redis(ground: Ground) -> int:
    flushed = 0
    while ground.time_left:
        await ground.flush()
        flushed += 1
        await ground.rest(ground.random.uniform(0.05, 0.6))
    return flushed


async def kill_redis(ground: Ground) -> int:
    """Away for some seconds, then back with what it had."""
    return await _kill_redis(ground, empty=False)


async def lose_redis(ground: Ground) -> int:
    """Away for some seconds, then back with nothing."""
    return await _kill_redis(ground, empty=True)


async def _kill_redis(ground: Ground, *, empty: bool) -> int:
    killed = 0
    while ground.time_left:
        await ground.rest(2)
        ground.kill_server("redis-server")
        killed += 1
        await ground.rest(3)
        await ground.restart_server("redis-server", empty=empty)
    return killed


async def kill_mongod(ground: Ground) -> int:
    killed = 0
    while ground.time_left:
        await ground.rest(2)
        ground.kill_server("mongod")
        killed += 1
        await ground.rest(1)
        try:
            await ground.restart_server("mongod")
        except (EmbeddedRefused, AssertionError):
            await ground.restart_server("mongod")
        await ground.rest(2)
    return killed


async def freeze_redis(ground: Ground) -> int:
    """SIGSTOP: it takes connections and answers nothing."""
    return await _freeze(ground, "redis-server", for_s=4)


async def freeze_mongod(ground: Ground) -> int:
    return await _freeze(ground, "mongod", for_s=7)


async def _freeze(ground: Ground, name: str, *, for_s: float) -> int:
    frozen = 0
    while ground.time_left:
        await ground.rest(3)
        ground.signal_server(name, signal.SIGSTOP)
        frozen += 1
        await ground.rest(for_s)
        ground.signal_server(name, signal.SIGCONT)
    return frozen


async def step_down(ground: Ground) -> int:
    """The primary hands over, again and again."""
    assert ground.set
    stepped = 0
    while ground.time_left:
        await ground.rest(2)
        await asyncio.to_thread(ground.set.step_down)
        stepped += 1
        await asyncio.to_thread(ground.set.primary)
    return stepped


async def kill_primary(ground: Ground) -> int:
    assert ground.set
    killed = 0
    while ground.time_left:
        await ground.rest(2)
        port = await asyncio.to_thread(ground.set.kill_primary)
        killed += 1
        await asyncio.to_thread(ground.set.primary)
        ground.set.start(port)
        await ground.rest(3)
    return killed


async def freeze_workers(ground: Ground) -> int:
    """SIGSTOP of a worker for longer than any lease, in the middle of its work; then it wakes up and goes on."""
    frozen: list[Role] = []
    for _ in range(2):
        await ground.rest(2)
        worker = ground.system.workers[len(frozen)]
        worker.pause()
        frozen.append(worker)
        await ground.rest(LONGER_THAN_ANY_LEASE_S)
        worker.resume()
    while ground.time_left:
        await ground.rest(0.2)
    return len(frozen)


LONGER_THAN_ANY_LEASE_S = 35.0


async def bad_line_to_mongod(ground: Ground) -> int:
    assert ground.mongo_proxy
    return await _bad_line(ground, ground.mongo_proxy)


async def bad_line_to_redis(ground: Ground) -> int:
    assert ground.redis_proxy
    return await _bad_line(ground, ground.redis_proxy)


async def _bad_line(ground: Ground, proxy: Proxy) -> int:
    """Replies dropped, requests held, delays, resets, refusals, cuts: one after the other."""
    times = 0
    while ground.time_left:
        times += 1
        match times % 6:
            case 1:
                proxy.dropping = True
                await ground.rest(1.5)
                proxy.reset()
            case 2:
                proxy.delay_s = 0.05
                await ground.rest(2)
            case 3:
                proxy.hold()
                await ground.rest(2)
                proxy.reset()
            case 4:
                for _ in range(5):
                    proxy.reset()
                    await ground.rest(0.2)
            case 5:
                await proxy.refuse()
                await ground.rest(1.5)
                await proxy.accept()
            case 0:
                proxy.cut_after = 20_000
                await ground.rest(2)
        proxy.heal()
        await ground.rest(1)
    return times


SCENARIOS = (
    Scenario(name="nothing: the load alone", fault=nothing, over_s=10),
    Scenario(name="kill -9 of web processes", fault=kill_webs),
    Scenario(name="kill -9 of workers", fault=kill_workers),
    Scenario(name="kill -9 of the scheduler", fault=kill_schedulers),
    Scenario(
        name="kill -9 of anything; 3 workers, schedulers",
        fault=kill_anything,
        over_s=30,
        roles=("web", "web", "worker", "worker", "worker", "scheduler", "scheduler", "scheduler"),
    ),
    Scenario(
        name="3 schedulers and 3 workers at once",
        fault=nothing,
        over_s=10,
        slots=2000,
        roles=("web", "worker", "worker", "worker", "scheduler", "scheduler", "scheduler"),
    ),
    Scenario(
        name="repeats and snoozes: kill -9 of anything",
        fault=kill_anything,
        over_s=30,
        slots=400,
        repeats=2,
        snoozes=0.4,
        roles=("web", "web", "worker", "worker", "worker", "scheduler", "scheduler", "scheduler"),
    ),
    Scenario(
        name="repeats and snoozes: mongod killed", fault=kill_mongod, over_s=30, slots=400, repeats=2, snoozes=0.4
    ),
    Scenario(name="SIGTERM of web processes in turn", fault=restart_webs),
    Scenario(name="Redis emptied (FLUSHALL)", fault=flush_redis),
    Scenario(name="Redis killed, back after 3 s", fault=kill_redis),
    Scenario(name="Redis killed, back with nothing", fault=lose_redis),
    Scenario(name="Redis frozen for 4 s (SIGSTOP)", fault=freeze_redis),
    Scenario(name="mongod killed, back after 1 s", fault=kill_mongod),
    Scenario(name="mongod frozen for 7 s (SIGSTOP)", fault=freeze_mongod),
    Scenario(name="3 mongods: primary steps down", fault=step_down, replica_set=True),
    Scenario(name="3 mongods: primary killed", fault=kill_primary, replica_set=True),
    Scenario(name="worker frozen for 35 s (SIGSTOP)", fault=freeze_workers, over_s=75),
    Scenario(name="a bad line to mongod", fault=bad_line_to_mongod, proxied=("mongo",), over_s=30),
    Scenario(name="a bad line to Redis", fault=bad_line_to_redis, proxied=("redis",), over_s=30),
)
