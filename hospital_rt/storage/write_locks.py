"""Turns: within this process a record that many write is written by one transaction at a time, in order of coming.

Of two transactions that write one record MongoDB aborts one, which has to run again; where dozens write it, such as
the feed of a doctor whose patients all check in at nine, nearly all their work is thrown away, and more with each
that comes. So whoever finds a record taken ends its attempt at once, waits for its turn, and runs again. Processes
still conflict with each other, but they are few.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar

WITHIN_S = 10.0


class LockTaken(Exception):
    """Somebody else of this process is writing that record: wait for the turn, then run again."""


class LockTimeout(Exception):
    """The turn did not come in time."""


class WriteLocks:
    """Who writes what at the moment, and who waits for it."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def take(self, name: str) -> bool:
        """Take a record that nobody writes; False when somebody does."""
        if name in self._waiting:
            return False
        self._waiting[name] = deque()
        return True

    async def wait_for(self, name: str) -> None:
        """Take a record as soon as everybody before is through with it."""
        if self.take(name):
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[name].append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.leave(name)
            raise

    def leave(self, name: str) -> None:
        """Pass it on to the next who waits."""
        waiting = self._waiting[name]
        while waiting:
            following = waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        del self._waiting[name]


class TransactionLocks:
    """One transaction's part in it, over all its attempts: a later one begins by waiting for what earlier ones met."""

    def __init__(self, turns: WriteLocks, *, within_s: float = WITHIN_S) -> None:
        self._turns = turns
        self._ends_at = asyncio.get_running_loop().time() + within_s
        self._wanted: set[str] = set()
        self._held: set[str] = set()

    @contextlib.asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Hold what is wanted, taken in one order by all, until the attempt is over.

        Raises:
            Crowded: too many were before us, in this attempt and those before it.
        """
        try:
            try:
                async with asyncio.timeout_at(self._ends_at):
                    for name in sorted(self._wanted):
                        await self._turns.wait_for(name)
                        self._held.add(name)
            except TimeoutError:
                raise LockTimeout from None
            mark = _present.set(self)
            try:
                yield
            finally:
                _present.reset(mark)
        finally:
            for name in self._held:
                self._turns.leave(name)
            self._held.clear()

    def take(self, names: Iterable[str]) -> None:
        for name in set(names) - self._held:
            self._wanted.add(name)
            if not self._turns.take(name):
                raise LockTaken
            self._held.add(name)


_present: ContextVar[TransactionLocks | None] = ContextVar("turn", default=None)


def lock_for_write(names: Iterable[str]) -> None:
    """Within a transaction, before writing records that many write: have them for ourselves.

    Raises:
        Taken: ends this attempt; the transaction runs again when its turn has come.
    """
    turn = _present.get()
    if turn is not None:
        turn.take(names)
