"""People who ask without pause, each thing once: nothing is sent again, so that whatever fails is seen."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count

from tornado.httpclient import HTTPClientError

from tests.faults.load import Load
from tests.support.driver import Person

PAUSE_S = 0.1


class ThroughNginx(Load):
    """The load of the fault tests, all of it by the one door that people have."""

    def _base(self) -> str:
        base: str = self.system.base  # type: ignore[attr-defined]  # the cluster has one address, a system many
        return base


class Rush:
    """Answers by status; ``failed`` are those that must not occur."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.failed: list[str] = []

    @property
    def asked(self) -> int:
        return self.answers.total()

    async def run(self, person: Person) -> None:
        """Reads, changes, and changes that must not be sent twice, in turn."""
        for number in count():
            method, path, body = [
                ("GET", "/api/steps/", None),
                ("PATCH", "/api/me/", {"reminder_time": f"{number % 24:02}:00"}),
                ("POST", "/api/me/calendar/", {"titles": False}),
                ("GET", "/api/me/", None),
            ][number % 4]
            try:
                answer = await person.call(method, path, body)
                self.answers[str(answer.status)] += 1
                if answer.status >= 300:
                    self.failed.append(f"{method} {path} {answer.status}")
            except AssertionError as error:  # an answer that its document does not know
                self.answers["AssertionError"] += 1
                self.failed.append(f"{error} AssertionError")
            except (OSError, HTTPClientError) as error:
                self.answers[type(error).__name__] += 1
                self.failed.append(f"{method} {path} {type(error).__name__}")
            await asyncio.sleep(PAUSE_S)  # the beat of the load


@contextlib.asynccontextmanager
async def rushing(people: list[Person]) -> AsyncIterator[Rush]:
    rush = Rush()
    tasks = [asyncio.create_task(rush.run(person)) for person in people]
    try:
        yield rush
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for one in ended:
        if isinstance(one, Exception):
            raise one
