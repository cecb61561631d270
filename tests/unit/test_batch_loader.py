"""Questions asked at the same time share a read, and none is answered with what was read before it was asked."""

from __future__ import annotations

import asyncio

import pytest

from hospital_rt.storage.batch_loader import BatchLoader


async def test_who_asks_while_a_read_is_under_way_gets_what_the_next_one_finds() -> None:
    reads: list[list[str]] = []
    shelf = {"a": 1, "b": 1}
    going, gate = asyncio.Event(), asyncio.Event()

    async def read(keys: list[str]) -> dict[str, int]:
        reads.append(sorted(keys))
        found = {key: shelf[key] for key in keys if key in shelf}
        going.set()
        await gate.wait()
        return found

    ask = BatchLoader(read)
    first = asyncio.create_task(ask("a"))
    await going.wait()
    shelf["a"] = 2
    later = [asyncio.create_task(ask(key)) for key in ("a", "a", "b", "c")]
    await asyncio.sleep(0)  # lets the others go on
    gate.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2, 2, 1, None]
    assert reads == [["a"], ["a", "b", "c"]]


async def test_one_that_cannot_be_read_fails_alone_and_the_next_question_is_answered() -> None:
    async def read(keys: list[str]) -> dict[str, str]:
        await asyncio.sleep(0)  # lets the others go on
        if "broken" in keys:
            raise ValueError("cannot be read")
        return {key: key for key in keys}

    ask = BatchLoader(read)
    found = await asyncio.gather(*(ask(key) for key in ("a", "b", "broken", "c")), return_exceptions=True)
    assert [found[0], found[1], found[3]] == ["a", "b", "c"] and isinstance(found[2], ValueError)
    assert await ask("d") == "d"


async def test_whoever_stops_waiting_does_not_take_the_answer_from_the_others() -> None:
    gate = asyncio.Event()

    async def read(keys: list[str]) -> dict[str, str]:
        await gate.wait()
        return {key: key for key in keys}

    ask = BatchLoader(read)
    leaves, stays = asyncio.create_task(ask("a")), asyncio.create_task(ask("a"))
    await asyncio.sleep(0)  # lets the others go on
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    gate.set()
    assert await stays == "a"
