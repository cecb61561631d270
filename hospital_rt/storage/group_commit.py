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

from hospital_rt.storage.database import is_conflict, is_unavailable

A = TypeVar("A")
R = TypeVar("R")


class _Group:
    """One running group."""

    def __init__(self) -> None:
        self.is_slow = False
        self.timer: asyncio.TimerHandle | None = None


class GroupCommit(Generic[A, R]):
    """Group commit for one kind of work.

    Args:
        work: processes many items; for each its result, or the exception for that item alone.
        apart: two items with the same key are never in one group.
        max_size: maximum size of a group.
        slow_after_s: once a group has run for longer, another may start, up to ``max_running``.
    """

    def __init__(
        self,
        work: Callable[[Sequence[A]], Awaitable[Sequence[R | Exception]]],
        *,
        apart: Callable[[A], Hashable],
        max_size: int = 32,
        slow_after_s: float = 0.1,
        max_running: int = 4,
    ) -> None:
        self._work, self._apart = work, apart
        self._max_size, self._slow_after_s, self._max_running = max_size, slow_after_s, max_running
        self._waiting: deque[tuple[A, asyncio.Future[R]]] = deque()
        self._running: set[_Group] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, item: A) -> R:
        """The result of this item. Raises what it would have raised alone."""
        if not self._may_start:
            result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
            self._waiting.append((item, result))
            return await result
        group = self._start()
        try:
            return await self._alone(item)
        except Exception as error:
            if is_unavailable(error) and not is_conflict(error):
                self._refuse_waiting(error)
            raise
        finally:
            self._end(group)

    @property
    def _may_start(self) -> bool:
        return len(self._running) < self._max_running and all(group.is_slow for group in self._running)

    def _start(self) -> _Group:
        group = _Group()
        group.timer = asyncio.get_running_loop().call_later(self._slow_after_s, self._mark_slow, group)
        self._running.add(group)
        return group

    def _mark_slow(self, group: _Group) -> None:
        group.is_slow = True
        self._start_next()

    def _end(self, group: _Group) -> None:
        if group.timer is not None:
            group.timer.cancel()
        self._running.discard(group)
        self._start_next()

    def _refuse_waiting(self, error: Exception) -> None:
        """The database is unreachable: fail everything queued now, instead of one group after the other."""
        while self._waiting:
            _settle(self._waiting.popleft()[1], error)

    async def _alone(self, item: A) -> R:
        [found] = await self._work([item])
        if isinstance(found, Exception):
            raise found
        return found

    def _start_next(self) -> None:
        while self._waiting and self._may_start:
            task = asyncio.create_task(
                self._do(self._next_group(), self._start()), name="group-commit", context=Context()
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next_group(self) -> list[tuple[A, asyncio.Future[R]]]:
        """The oldest queued items, each key once; the others keep their position."""
        group: list[tuple[A, asyncio.Future[R]]] = []
        names: set[Hashable] = set()
        left: list[tuple[A, asyncio.Future[R]]] = []
        while self._waiting and len(group) < self._max_size:
            item, result = self._waiting.popleft()
            name = self._apart(item)
            if result.done():  # its caller was cancelled
                continue
            if name in names:
                left.append((item, result))
            else:
                names.add(name)
                group.append((item, result))
        self._waiting.extendleft(reversed(left))
        return group

    async def _do(self, items: list[tuple[A, asyncio.Future[R]]], group: _Group) -> None:
        try:
            if items:
                await self._do_together(items)
        except BaseException as error:
            for _, result in items:
                _settle(result, error if isinstance(error, Exception) else asyncio.CancelledError())
            raise
        finally:
            self._end(group)

    async def _do_together(self, group: list[tuple[A, asyncio.Future[R]]]) -> None:
        found: Sequence[R | BaseException]
        try:
            found = await self._work([item for item, _ in group])
        except Exception as error:
            if is_unavailable(error) and not is_conflict(error):
                found = [error] * len(group)
                self._refuse_waiting(error)
            elif len(group) == 1:
                found = [error]
            else:
                found = await asyncio.gather(*(self._alone(item) for item, _ in group), return_exceptions=True)
        for (_, result), one in zip(group, found, strict=True):
            _settle(result, one)


def _settle(result: asyncio.Future[R], found: R | BaseException) -> None:
    if result.done():
        return
    if isinstance(found, BaseException):
        result.set_exception(found)
    else:
        result.set_result(found)
