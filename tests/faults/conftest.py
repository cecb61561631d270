"""The table of a run: a line as each scenario ends, all of them at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.compare import HEAD, Counts

_LINES: list[str] = []


@pytest.fixture
def table(capfd: pytest.CaptureFixture[str]) -> Iterator[list[Counts]]:
    """Where a scenario puts its counts."""
    counts: list[Counts] = []
    yield counts
    with capfd.disabled():
        for one in counts:
            if not _LINES:
                print(f"\n{HEAD}")
            _LINES.append(one.line())
            print(one.line(), flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if len(_LINES) > 2:
        terminalreporter.section("faults")
        for line in [*HEAD.splitlines(), *_LINES]:
            terminalreporter.write_line(line)
