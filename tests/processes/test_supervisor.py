"""The supervisor with real processes: what an operator sees when roles die, hang, or are stopped."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hospital_rt.runtime.child_process import identity
from hospital_rt.runtime.supervisor import announce_ready
from tests.support.patience import allowed

ROOT = Path(__file__).parents[2]

SERVES = """
    from hospital_rt.runtime.supervisor import announce_ready
    announce_ready()
    signal.pause()
"""


class Command:
    """A command that runs roles under the supervisor, as ``main.py all`` does; its lines can be waited for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.lines: queue.Queue[str] = queue.Queue()
        self.seen: list[str] = []

    def start(self, roles: dict[str, str], *, options: str = "", before: str = "") -> None:
        """Roles are Python code; each appends its pid to a file of its name."""
        names = {}
        for name, code in roles.items():
            note = f"open({str(self.folder / name)!r}, 'a').write(str(os.getpid()) + '\\n')"
            script = self.folder / f"{name}.py"
            script.write_text(f"import os, signal, sys, time\n{note}\n{textwrap.dedent(code)}\n")
            names[name] = str(script)
        main = self.folder / "main.py"
        main.write_text(
            "import os, sys\nfrom hospital_rt.runtime.supervisor import Role, Supervisor\n"
            "say = lambda line: os.write(1, (line + '\\n').encode())  # in one piece, beside what the roles write\n"
            f"{textwrap.dedent(before)}\n"
            f"roles = [Role(name=name, command=(sys.executable, path), environment={{'PYTHONPATH': {str(ROOT)!r}}})\n"
            f"         for name, path in {names!r}.items()]\n"
            f"sys.exit(Supervisor(roles, say=say, {options}).run(lambda: say('all ready')))\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, str(main)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def says(self, part: str, within_s: float = 10) -> str:
        """The next line that has this in it."""
        deadline = time.monotonic() + allowed(within_s)
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"never said {part!r}, only {self.seen}") from None
            self.seen.append(line)
            if part in line:
                return line

    def pids(self, name: str) -> list[int]:
        return [int(line) for line in (self.folder / name).read_text().split()]

    def stop(self, number: int = signal.SIGTERM) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def exit_code(self, within_s: float = 10) -> int:
        assert self.process is not None
        return self.process.wait(allowed(within_s))


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    if command.process is not None:
        command.process.kill()
        command.process.wait()
        if command.process.stdout is not None:
            command.process.stdout.close()
    for script in tmp_path.glob("*.py"):
        with contextlib.suppress(FileNotFoundError):
            for pid in command.pids(script.stem):
                until_ended(pid)


def until(happened: Callable[[], object], what: str, *, within_s: float = 5) -> None:
    deadline = time.monotonic() + allowed(within_s)
    while not happened():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.01)  # looks again, with a deadline


def until_ended(pid: int) -> None:
    try:
        until(lambda: identity(pid) is None, f"process {pid} ends")
    except AssertionError:
        os.kill(pid, signal.SIGKILL)  # leave nothing behind, whatever failed
        raise


def test_each_role_is_named_when_it_serves_and_all_when_the_last_does(command: Command) -> None:
    command.start({"web": SERVES, "worker": SERVES, "scheduler": SERVES})
    command.says("all ready")
    assert sorted(command.seen[:-1]) == ["scheduler is ready", "web is ready", "worker is ready"]
    command.stop()
    assert command.exit_code() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_every_role_and_counts_as_success(command: Command, number: int) -> None:
    command.start({"web": SERVES, "worker": SERVES})
    command.says("all ready")
    command.stop(number)
    assert command.exit_code() == 0
    assert all(identity(command.pids(name)[0]) is None for name in ("web", "worker"))


def test_roles_stop_side_by_side_and_may_finish_what_they_do(command: Command) -> None:
    slow = f"""
        from pathlib import Path
        from hospital_rt.runtime.supervisor import announce_ready
        folder = Path({str(command.folder)!r})
        def finish(*_):
            (folder / f"stopping-{{os.getpid()}}").touch()
            while len(list(folder.glob("stopping-*"))) < 3:     # none ends before all have been told to
                time.sleep(0.01)
            os.write(1, b"finished\\n")
            sys.exit(0)
        signal.signal(signal.SIGTERM, finish)
        announce_ready()
        while True:
            signal.pause()
    """
    command.start({"web": slow, "worker": slow, "scheduler": slow})
    command.says("all ready")
    command.stop()
    assert command.exit_code() == 0
    for _ in range(3):
        command.says("finished")


def test_a_role_that_will_not_stop_is_killed_when_the_time_is_over(command: Command) -> None:
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + textwrap.dedent(SERVES)
    command.start({"web": stubborn, "worker": SERVES}, options="stop_within_s=0.5")
    command.says("all ready")
    command.stop()
    command.says("web did not stop in time")
    assert command.exit_code() == 0
    assert identity(command.pids("web")[0]) is None


def test_a_role_that_is_killed_comes_back_and_the_others_do_not_notice(command: Command) -> None:
    command.start({"web": SERVES, "worker": SERVES})
    command.says("all ready")
    os.kill(command.pids("web")[0], signal.SIGKILL)
    assert command.says("web ended") == "web ended (exit code -9, SIGKILL) and starts again in 0.2 s"
    command.says("web is ready again")
    assert len(command.pids("web")) == 2
    assert len(command.pids("worker")) == 1
    command.stop()
    assert command.exit_code() == 0
    assert command.lines.empty(), "all ready is said once"


def test_a_role_that_keeps_dying_is_started_ever_more_rarely(command: Command) -> None:
    command.start({"web": SERVES, "worker": "sys.exit(7)"})
    waits = [
        command.says("worker ended").removeprefix("worker ended (exit code 7) and starts again in ") for _ in range(4)
    ]
    assert waits == ["0.2 s", "0.4 s", "0.8 s", "1.6 s"]
    assert len(command.pids("web")) == 1
    command.stop()
    assert command.exit_code() == 0, "also while it waits"


def test_wrong_settings_stop_everything_with_exit_code_2(command: Command) -> None:
    command.start({"web": SERVES, "worker": "os.write(1, b'PORT: not a number\\n')\nsys.exit(2)"})
    command.says("PORT: not a number")
    assert command.exit_code() == 2
    assert not (command.folder / "web").exists() or identity(command.pids("web")[0]) is None


def test_exit_code_2_of_a_role_that_has_served_is_one_death_among_others(command: Command) -> None:
    dies_once = f"""
        from hospital_rt.runtime.supervisor import announce_ready
        announce_ready()
        if len(open({str(command.folder / "worker")!r}).read().split()) == 1:
            sys.exit(2)
        signal.pause()
    """
    command.start({"worker": dies_once})
    command.says("worker ended (exit code 2)")
    command.says("worker is ready again")


def test_no_role_outlives_a_supervisor_that_is_killed(command: Command) -> None:
    command.start({"web": SERVES, "worker": SERVES})
    command.says("all ready")
    command.stop(signal.SIGKILL)
    assert command.exit_code() == -signal.SIGKILL
    for name in ("web", "worker"):
        until_ended(command.pids(name)[0])


def test_ctrl_c_reaches_the_supervisor_alone(command: Command) -> None:
    command.start({"web": SERVES})
    command.says("all ready")
    assert command.process is not None
    assert os.getsid(command.pids("web")[0]) != os.getsid(command.process.pid)


def test_the_caller_is_asked_every_second_whether_its_servers_live(command: Command) -> None:
    command.start({"web": SERVES}, options="check=lambda: say('checked')")
    command.says("all ready")
    began = time.monotonic()
    command.says("checked")
    command.says("checked")
    assert time.monotonic() - began < allowed(3)


def test_a_check_that_fails_takes_the_roles_down_with_it(command: Command) -> None:
    command.start({"web": SERVES}, options="check=lambda: 1 / 0")
    command.says("ZeroDivisionError")
    assert command.exit_code() == 1
    assert identity(command.pids("web")[0]) is None


def test_a_closed_terminal_changes_nothing(command: Command) -> None:
    command.start({"web": SERVES}, before="os.close(1)")
    until(lambda: (command.folder / "web").exists() and command.pids("web"), "the role starts")
    os.kill(command.pids("web")[0], signal.SIGKILL)
    until(lambda: len(command.pids("web")) == 2, "the role comes back")
    command.stop()
    assert command.exit_code() == 0


def test_announcing_without_a_supervisor_or_twice_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    announce_ready()
    reader, writer = os.pipe()
    monkeypatch.setenv("HOSPITAL_RT_READY_FD", str(writer))
    announce_ready()
    announce_ready()
    assert os.read(reader, 16) == b"1"
    assert os.read(reader, 16) == b"", "the pipe is closed"
    os.close(reader)
