"""`make run` and `make test` where there is nothing but git, make and Python: Debian 12 (3.11) and 13 (3.13)."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bare.machine import HOME, Machine, missing, open_machine
from tests.support.driver import Front, free_port, until

ROOT = Path(__file__).resolve().parents[2]
WHY_NOT = missing()
NOTE = "Take amoxicillin 500 mg three times a day for 7 days."
INSTALL_WITHIN_S, DEMO_WITHIN_S, STOP_WITHIN_S, TESTS_WITHIN_S = 900.0, 120.0, 10.0, 2400.0
NOT_THERE = re.compile(r"not installed|no Chromium|makes the table|clinic notes", re.IGNORECASE)
"""What a skipped test says when it needs a program or notes that a bare machine has not."""

pytestmark = [
    pytest.mark.bare,
    pytest.mark.timeout(4500),
    pytest.mark.skipif(WHY_NOT is not None, reason=f"no bare machine can be had: {WHY_NOT}"),
]
TABLE: list[str] = []


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with open_machine(request.param, tmp_path_factory.mktemp("bare"), ROOT) as opened:
        opened.run("git", "clone", "-q", "/srv/hospital_rt.git", opened.checkout, where=HOME, within_s=60)
        yield opened


@pytest.fixture
def line(machine: Machine, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """What a check says of itself, on the terminal at once."""
    said: list[str] = []
    yield said
    with capfd.disabled():
        print(f"\n{machine.root.name:9} {request.node.originalname.removeprefix('test_')}: {'; '.join(said)}")


def log_ins(said: str) -> dict[str, str]:
    return dict(re.findall(r"^ *(?:doctor|patient) +(\S+@demo\.example) +(\S+)$", said, re.MULTILINE))


async def test_make_run_shows_the_demonstration_and_ctrl_c_ends_it(machine: Machine, line: list[str]) -> None:
    port = free_port()
    with contextlib.closing(machine.start("make", "run", PORT=str(port))) as demo:
        ready_s = demo.says("so a reminder comes round", within_s=INSTALL_WITHIN_S)
        await a_note_becomes_steps(f"http://127.0.0.1:{port}", log_ins(demo.said))
        began = time.monotonic()
        demo.types(b"\x03")
        demo.ended(within_s=STOP_WITHIN_S)
        assert "Traceback" not in demo.said and "Error" not in demo.said, demo.said[-2000:]
        line.append(f"{ready_s:.0f} s until the demonstration is ready, stopped in {time.monotonic() - began:.1f} s")
    # GNU make itself always ends by Ctrl-C as a signal; what it runs ends with 0, and finds its data again.
    with contextlib.closing(machine.start(".venv/bin/python", "main.py", "demo", PORT=str(port))) as again:
        ready_s = again.says("so a reminder comes round", within_s=DEMO_WITHIN_S)
        assert log_ins(again.said) == log_ins(demo.said)
        again.types(b"\x03")
        assert again.ended(within_s=STOP_WITHIN_S) == 0, again.said[-2000:]
        line.append(f"the second start takes {ready_s:.0f} s, Ctrl-C ends it with exit code 0")


async def a_note_becomes_steps(base: str, passwords: dict[str, str]) -> None:
    front = Front(base)
    doctor, patient = [
        await front.sign_in({"email": f"{who}@demo.example"}, passwords[f"{who}@demo.example"])
        for who in ("doctor", "patient")
    ]
    note = await front.submit(doctor, patient, NOTE)

    async def stand() -> bool:
        return any(step["note_id"] == note["id"] for step in await patient.steps())

    await until(stand, within_s=30)


def test_make_test_passes(machine: Machine, line: list[str]) -> None:
    tests = machine.run("make", "test", within_s=INSTALL_WITHIN_S + TESTS_WITHIN_S)
    skipped = re.findall(r"^SKIPPED \[\d+\] (.*)$", tests.said, re.MULTILINE)
    line.append(tests.said.strip().splitlines()[-1].strip("= "))
    line.extend(f"skipped: {one}" for one in skipped)
    assert [one for one in skipped if not NOT_THERE.search(one)] == []
