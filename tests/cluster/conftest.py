"""One cluster for all checks of the module, and the table that they end in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.cluster.topology import Cluster, open_cluster

HEAD = f"{'check':<58}|{'tried':>7}|{'wrong':>6}| seen"


@dataclass
class Line:
    """One line of the table. ``wrong`` is right only when it is 0."""

    what: str
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    seen: str = ""
    took_s: float = 0.0

    def hold(self, holds: object, otherwise: str) -> None:
        """Something that has to hold."""
        self.tried += 1
        if not holds:
            self.wrong.append(otherwise)

    def __str__(self) -> str:
        return f"{self.what[:58]:<58}|{self.tried:>7}|{len(self.wrong):>6}| {self.seen} ({self.took_s:.0f} s)"


LINES: list[Line] = []


@pytest.fixture
def line(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Iterator[Line]:
    """The line of one check; the check fails when anything in it was wrong."""
    began = time.monotonic()
    words = request.node.name.removeprefix("test_").replace("_", " ")
    found = Line(words)
    yield found
    found.took_s = time.monotonic() - began
    with capfd.disabled():
        if not LINES:
            print(f"\n{HEAD}")
        LINES.append(found)
        print(found, flush=True)
    assert not found.wrong, found.wrong[:10]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LINES:
        terminalreporter.section("cluster")
        for one in [HEAD, *LINES]:
            terminalreporter.write_line(str(one))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with open_cluster(tmp_path_factory.mktemp("cluster")) as opened:
        yield opened
