"""The stage: actors that go one database call at a time, in the order they are told, and die where they are told.

Each actor is a task that stops before every call. Between two calls of an actor any other may go, so a race is a list
of names and a crash is one that never goes on. No time passes but that of a clock which jumps over every sleep.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

from pymongo.errors import OperationFailure

T = TypeVar("T")
MAX_CALLS, PATIENCE = 2000, 5


class Crashed(BaseException):
    """The process of this actor is gone."""


class Deadlock(AssertionError):
    """All actors wait for each other."""


class _Jumping(selectors.SelectSelector):
    """Nothing comes from outside: instead of waiting, the clock goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise Deadlock("nothing can go on")
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class Actor:
    """One act under way. ``error`` is what it ended with, ``result`` what it gave."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = self.conflicts = 0
        self.is_done = self.is_blocked = self.is_dead = False
        self.lose_answers = 0
        self.result: Any = None
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None
        self.stopped, self.may_go = asyncio.Event(), asyncio.Event()
        self.labels: list[str] = []

    def __repr__(self) -> str:
        return f"{self.name}:{self.calls}"


_present: ContextVar[Actor | None] = ContextVar("actor", default=None)


class Stage:
    """Where actors stand, and what is done with them."""

    def __init__(self) -> None:
        self._loop = _Loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self.actors: list[Actor] = []

    def close(self) -> None:
        for actor in list(self.actors):
            self.kill(actor)
        self._loop.close()

    def now_do(self, work: Coroutine[Any, Any, T]) -> T:
        """Something that happens at once, outside of the play."""
        return self._loop.run_until_complete(work)

    # What actors meet (memory_server.Stage)

    async def before(self, label: str) -> None:
        actor = _present.get()
        if actor is None:
            return
        if actor.is_dead:
            raise Crashed
        if label.startswith(("keys.", "meta.")):
            return
        actor.labels.append(label)
        await self._stop(actor)

    async def blocked(self, label: str) -> None:
        actor = _present.get()
        if actor is None:
            raise Deadlock(f"{label}: a write outside of the play waits for a transaction of the play")
        actor.is_blocked = True
        await self._stop(actor)
        actor.is_blocked = False

    def refused(self) -> None:
        actor = _present.get()
        if actor is not None:
            actor.conflicts += 1

    async def after(self, label: str) -> None:
        actor = _present.get()
        if actor is None or label.startswith(("keys.", "meta.")):
            return
        actor.calls += 1
        if actor.lose_answers and label == "commit":
            actor.lose_answers -= 1
            raise OperationFailure("the answer is lost", 64, {"errorLabels": ["UnknownTransactionCommitResult"]})

    async def _stop(self, actor: Actor) -> None:
        actor.may_go.clear()
        actor.stopped.set()
        await actor.may_go.wait()
        if actor.is_dead:
            raise Crashed

    # What is done with them

    def enter(self, name: str, act: Callable[[], Awaitable[Any]], *, lose_answers: int = 0) -> Actor:
        """A new actor, stopped before its first call."""
        actor = Actor(name)
        actor.lose_answers = lose_answers

        async def play() -> None:
            _present.set(actor)
            try:
                actor.result = await act()
            except Crashed:
                actor.is_dead = True
            except BaseException as error:
                actor.error = error
            finally:
                actor.is_done = True
                actor.stopped.set()

        async def begin() -> None:
            actor.task = asyncio.create_task(play(), name=name)
            await actor.stopped.wait()

        self.now_do(begin())
        if not actor.is_done:
            self.actors.append(actor)
        return actor

    def go(self, actor: Actor, calls: int = 1) -> None:
        """Let it make so many calls, or until it is done or waits for another transaction."""
        for _ in range(calls):
            if actor.is_done:
                return
            self._let_go(actor)
            if actor.is_blocked:
                return

    def _let_go(self, actor: Actor) -> None:
        async def on() -> None:
            actor.stopped.clear()
            actor.may_go.set()
            await actor.stopped.wait()

        self.now_do(on())
        if actor.is_done:
            self.actors.remove(actor)

    def finish(self, actor: Actor) -> None:
        """Let it go on to its end; actors that it waits for, or conflicts with, go on as well."""
        for _ in range(MAX_CALLS):
            if actor.is_done:
                return
            self._let_go(actor)
            if actor.is_blocked or actor.conflicts > PATIENCE:
                for other in [one for one in self.actors if one is not actor and not one.is_blocked]:
                    self.go(other)
        raise Deadlock(f"{actor} does not come to an end: {actor.labels[-20:]}")

    def kill(self, actor: Actor) -> None:
        """Its process is gone, wherever it stands; the server forgets its transaction."""
        actor.is_dead = True
        for _ in range(50):
            if actor.is_done:
                return
            self._let_go(actor)
        raise Deadlock(f"{actor} cannot be killed")
