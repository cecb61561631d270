"""Write locks: within this process, a contended record is written by one transaction at a time, first come first
served.

Of two transactions that write one record MongoDB aborts one, which has to run again. Where dozens write it, such as
the feed of a doctor whose patients all check in at nine, nearly all of that work is repeated. So a transaction that
finds a record locked ends its attempt at once, waits for the lock, and runs again. Different processes still conflict
with each other, but they are few.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable

WITHIN_S = 10.0


class LockTaken(Exception):
    """Another transaction of this process is writing that record: wait for the lock, then run again."""


class LockTimeout(Exception):
    """The lock was not acquired in time."""


class WriteLocks:
    """The locks of this process: holder and queue of waiting transactions for each record."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def acquire(self, name: str) -> bool:
        """Acquire the lock without waiting; False when it is held."""
        if name in self._waiting:
            return False
        self._waiting[name] = deque()
        return True

    async def wait_for(self, name: str) -> None:
        """Acquire the lock after all earlier ones in the queue."""
        if self.acquire(name):
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[name].append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.release(name)
            raise

    def release(self, name: str) -> None:
        """Release the lock to the next in the queue."""
        waiting = self._waiting[name]
        while waiting:
            following = waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        del self._waiting[name]


class TransactionLocks:
    """The locks of one transaction over all its attempts: later attempts first wait for those that earlier ones met."""

    def __init__(self, locks: WriteLocks, *, within_s: float = WITHIN_S) -> None:
        self._locks = locks
        self._ends_at = asyncio.get_running_loop().time() + within_s
        self._wanted: set[str] = set()
        self._held: set[str] = set()

    @contextlib.asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Acquire the needed locks, in an order that is the same for all transactions, and hold them during the
        attempt.

        Raises:
            LockTimeout: the locks were not acquired within the time of all attempts together.
        """
        try:
            try:
                async with asyncio.timeout_at(self._ends_at):
                    for name in sorted(self._wanted):
                        await self._locks.wait_for(name)
                        self._held.add(name)
            except TimeoutError:
                raise LockTimeout from None
            yield
        finally:
            for name in self._held:
                self._locks.release(name)
            self._held.clear()

    def acquire(self, names: Iterable[str]) -> None:
        """Acquire these locks without waiting.

        Raises:
            LockTaken: one of them is held.
        """
        for name in set(names) - self._held:
            self._wanted.add(name)
            if not self._locks.acquire(name):
                raise LockTaken
            self._held.add(name)
