"""One engine and one deployment for all checks of the module, and the table that they end in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cluster.conftest import HEAD, Line
from tests.compose.deployment import Deployment
from tests.compose.engine import Engine, why_not

LINES: list[Line] = []
ABOUT: list[str] = []


@pytest.fixture
def line(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Iterator[Line]:
    """The line of one check; the check fails when anything in it was wrong."""
    began = time.monotonic()
    found = Line(request.node.name.removeprefix("test_").replace("_", " "))
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
        terminalreporter.section("compose")
        for one in [*ABOUT, HEAD, *LINES]:
            terminalreporter.write_line(str(one))


@pytest.fixture(scope="module")
def site() -> Iterator[Deployment]:
    """This checkout on an engine of its own; nothing runs there yet. Connections of these tests go to that host."""
    if reason := why_not():
        pytest.skip(reason)
    engine = Engine()
    try:
        ABOUT.append(f"{engine.versions()}; {datetime.now(UTC):%d %B %Y, %H:%M} UTC")
        with engine.network():
            yield Deployment(engine, "src")
    finally:
        engine.close()
