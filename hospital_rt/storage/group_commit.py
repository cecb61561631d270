"""Group commit: concurrent work of one kind is done together, in one transaction for many items.

An item that arrives alone runs at once, in its caller's task. While a group is running, later items queue and form the
next group; a slow group does not block the next. When a group fails (a write conflict, one faulty item), its items are
retried one by one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from hospital_rt.storage.database import is_away, is_conflict

A = TypeVar("A")
R = TypeVar("R")


class _Turn:
    """One running group."""

    def __init__(self) -> None:
        self.is_slow = False
        self.timer: asyncio.TimerHandle | None = None


class GroupCommit(Generic[A, R]):
    """Group commit for one kind of work.

    Args:
        work: processes many items; for each its result, or the exception for that item alone.
        apart: two items with the same key are never in one group.
        most: maximum size of a group.
        patience_s: once a group has run for longer, another may start, up to ``at_once``.
    """

    def __init__(
        self,
        work: Callable[[Sequence[A]], Awaitable[Sequence[R | Exception]]],
        *,
        apart: Callable[[A], Hashable],
        most: int = 32,
        patience_s: float = 0.1,
        at_once: int = 4,
    ) -> None:
        self._work, self._apart = work, apart
        self._most, self._patience_s, self._at_once = most, patience_s, at_once
        self._waiting: deque[tuple[A, asyncio.Future[R]]] = deque()
        self._turns: set[_Turn] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, asked: A) -> R:
        """The result of this item. Raises what it would have raised alone."""
        if not self._may_begin:
            result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
            self._waiting.append((asked, result))
            return await result
        turn = self._begin()
        try:
            return await self._alone(asked)
        except Exception as error:
            if is_away(error) and not is_conflict(error):
                self._refuse_waiting(error)
            raise
        finally:
            self._end(turn)

    @property
    def _may_begin(self) -> bool:
        return len(self._turns) < self._at_once and all(turn.is_slow for turn in self._turns)

    def _begin(self) -> _Turn:
        turn = _Turn()
        turn.timer = asyncio.get_running_loop().call_later(self._patience_s, self._lose_patience, turn)
        self._turns.add(turn)
        return turn

    def _lose_patience(self, turn: _Turn) -> None:
        turn.is_slow = True
        self._go_on()

    def _end(self, turn: _Turn) -> None:
        if turn.timer is not None:
            turn.timer.cancel()
        self._turns.discard(turn)
        self._go_on()

    def _refuse_waiting(self, error: Exception) -> None:
        """The database is unreachable: fail everything queued now, instead of one group after the other."""
        while self._waiting:
            _settle(self._waiting.popleft()[1], error)

    async def _alone(self, asked: A) -> R:
        [found] = await self._work([asked])
        if isinstance(found, Exception):
            raise found
        return found

    def _go_on(self) -> None:
        while self._waiting and self._may_begin:
            task = asyncio.create_task(self._do(self._next_group(), self._begin()), name="gathering", context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next_group(self) -> list[tuple[A, asyncio.Future[R]]]:
        """The oldest queued items, each key once; the others keep their position."""
        group: list[tuple[A, asyncio.Future[R]]] = []
        names: set[Hashable] = set()
        left: list[tuple[A, asyncio.Future[R]]] = []
        while self._waiting and len(group) < self._most:
            asked, result = self._waiting.popleft()
            name = self._apart(asked)
            if result.done():  # its caller was cancelled
                continue
            if name in names:
                left.append((asked, result))
            else:
                names.add(name)
                group.append((asked, result))
        self._waiting.extendleft(reversed(left))
        return group

    async def _do(self, group: list[tuple[A, asyncio.Future[R]]], turn: _Turn) -> None:
        try:
            if group:
                await self._do_together(group)
        except BaseException as error:
            for _, result in group:
                _settle(result, error if isinstance(error, Exception) else asyncio.CancelledError())
            raise
        finally:
            self._end(turn)

    async def _do_together(self, group: list[tuple[A, asyncio.Future[R]]]) -> None:
        found: Sequence[R | BaseException]
        try:
            found = await self._work([asked for asked, _ in group])
        except Exception as error:
            if is_away(error) and not is_conflict(error):
                found = [error] * len(group)
                self._refuse_waiting(error)
            elif len(group) == 1:
                found = [error]
            else:
                found = await asyncio.gather(*(self._alone(asked) for asked, _ in group), return_exceptions=True)
        for (_, result), one in zip(group, found, strict=True):
            _settle(result, one)


def _settle(result: asyncio.Future[R], found: R | BaseException) -> None:
    if result.done():
        return
    if isinstance(found, BaseException):
        result.set_exception(found)
    else:
        result.set_result(found)
