"""Group commit: concurrent items are committed together, and a faulty one does not fail the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from hospital_rt.domain.errors import DomainError
from hospital_rt.storage.group_commit import GroupCommit


class Counter:
    """Doubles numbers, one group at a time, when it is let; says which groups there were."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go, self.second = asyncio.Event(), asyncio.Event()

    async def work(self, asked: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(asked))
        if len(self.groups) == 2:
            self.second.set()
        await self.go.wait()
        if -1 in asked and len(asked) > 1:
            raise OperationFailure("lost", 112, {"errorLabels": ["TransientTransactionError"]})
        if -2 in asked:
            raise ServerSelectionTimeoutError("away")
        return [DomainError("not-found") if one < 0 else 2 * one for one in asked]


async def ask(counter: Counter, *asked: int, most: int = 4) -> list[int | BaseException]:
    group_commit: GroupCommit[int, int] = GroupCommit(
        counter.work, apart=lambda one: one, max_size=most, slow_after_s=60
    )
    tasks = [asyncio.create_task(group_commit(one)) for one in asked]
    for _ in asked:
        await asyncio.sleep(0)  # lets the others go on
    counter.go.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_comes_while_others_are_at_work_is_served_with_the_next_group() -> None:
    counter = Counter()
    assert await ask(counter, 1, 2, 3, 4, 5, 6) == [2, 4, 6, 8, 10, 12]
    assert counter.groups == [[1], [2, 3, 4, 5], [6]]


async def test_two_of_one_name_are_never_in_one_group_and_keep_their_turn() -> None:
    counter = Counter()
    assert await ask(counter, 1, 2, 2, 3, 2) == [2, 4, 4, 6, 4]
    assert counter.groups == [[1], [2, 3], [2], [2]]


async def test_who_is_refused_does_not_spoil_the_others() -> None:
    counter = Counter()
    first, second, third = await ask(counter, 1, -5, 3)
    assert (first, third) == (2, 6) and isinstance(second, DomainError)


async def test_a_group_that_loses_a_race_is_done_one_by_one() -> None:
    counter = Counter()
    found = await ask(counter, 1, 2, -1, 3)
    assert [found[0], found[1], found[3]] == [2, 4, 6] and isinstance(found[2], DomainError)
    assert counter.groups == [[1], [2, -1, 3], [2], [-1], [3]]


async def test_without_a_database_nobody_is_tried_again() -> None:
    counter = Counter()
    found = await ask(counter, 1, 2, -2, 3, 4, most=3)
    assert found[0] == 2 and all(isinstance(one, ServerSelectionTimeoutError) for one in found[1:])
    assert counter.groups == [[1], [2, -2, 3]], "who waited behind them waits for nothing"


async def test_who_goes_away_is_left_out_and_the_others_are_served() -> None:
    counter = Counter()
    group_commit = GroupCommit[int, int](counter.work, apart=lambda one: one, slow_after_s=60)
    tasks = [asyncio.create_task(group_commit(one)) for one in (1, 2, 3)]
    for _ in tasks:
        await asyncio.sleep(0)  # lets the others go on
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    counter.go.set()
    assert list(await asyncio.gather(tasks[0], tasks[2])) == [2, 6]
    assert counter.groups == [[1], [3]]


async def test_a_group_that_takes_long_is_not_waited_for() -> None:
    counter = Counter()
    group_commit: GroupCommit[int, int] = GroupCommit(
        counter.work, apart=lambda one: one, slow_after_s=0, max_running=2
    )
    tasks = [asyncio.create_task(group_commit(one)) for one in (1, 2, 3)]
    await asyncio.wait_for(counter.second.wait(), 5)
    assert counter.groups == [[1], [2, 3]], "while the first is still at work"
    late = asyncio.create_task(group_commit(4))
    await asyncio.sleep(0)  # lets it ask
    counter.go.set()
    assert await asyncio.gather(*tasks, late) == [2, 4, 6, 8]
    assert counter.groups == [[1], [2, 3], [4]], "no more than two at once"
