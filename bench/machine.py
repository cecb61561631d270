"""The machine under the bench: processes on their cores, what they use, and what else runs meanwhile."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SYSTEM, GENERATOR, EVERYWHERE = {0}, {1}, set(range(os.cpu_count() or 1))
if len(EVERYWHERE) < 2:
    GENERATOR = SYSTEM


def raise_file_limit() -> int:
    """As many open files as we may have, here and in whatever is started from here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def describe() -> str:
    """The machine in one line."""
    with Path("/proc/cpuinfo").open() as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    memory_gb = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} x {model}, {memory_gb:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Run on these cores, and with us whatever is started meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def on_all_cores(pid: int) -> Iterator[None]:
    """Let a process that was pinned have every core meanwhile, with all its threads."""
    before = os.sched_getaffinity(pid)

    def move(cores: set[int]) -> None:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cores)

    move(EVERYWHERE)
    try:
        yield
    finally:
        move(before)


@dataclass
class Processes:
    """Processes by name: those that were started here are ended here, by their id; others are only measured."""

    logs: Path
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        cores: set[int],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        port: int | None = None,
        ready_fd: str = "",
        within_s: float = 60,
    ) -> float:
        """Start a process; return once it is ready. The seconds that took.

        Args:
            port: it is ready when it listens here.
            ready_fd: it writes to the file descriptor that this variable names when it is ready.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        began = time.monotonic()
        with log.open("wb") as out, pinned(cores):
            process = subprocess.Popen(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=cwd,
                pass_fds=[writer],
                env={**os.environ, **(env or {}), **({ready_fd: str(writer)} if ready_fd else {})},
                start_new_session=True,
            )
        os.close(writer)
        self.started[name] = process
        try:
            while not (_was_told(reader) if ready_fd else port is None or _listens(port)):
                if process.poll() is not None or time.monotonic() - began > within_s:
                    raise SystemExit(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.01)  # looks again until the deadline: a process that starts gives no sign but its address
        finally:
            os.close(reader)
        return time.monotonic() - began

    def stop(self, *names: str) -> None:
        """End these, or all that were started here."""
        chosen = [(name, self.started.pop(name)) for name in names or list(self.started) if name in self.started]
        for _, process in chosen:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for _, process in chosen:
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # a session of its own: only what we started
                process.wait(5)

    @property
    def pids(self) -> dict[str, int]:
        return {**self.others, **{name: process.pid for name, process in self.started.items()}}

    def use(self, *names: str) -> dict[str, Use]:
        """What each process and its children have used so far."""
        return {name: _use(pid) for name, pid in self.pids.items() if not names or name in names}


@dataclass(frozen=True)
class Use:
    """Seconds of CPU since the start, and proportional memory now."""

    cpu_s: float
    memory_kb: float


def _use(pid: int) -> Use:
    cpu_s = memory_kb = 0.0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                cpu_s += times.user + times.system
                memory_kb += process.memory_full_info().pss / 1024
    return Use(cpu_s, memory_kb)


@dataclass
class Watch:
    """CPU of the processes and of everything else between two moments."""

    processes: Processes
    before: dict[str, Use] = field(init=False)

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.before = self.processes.use()
        self._busy, self._own = _busy_s(), _own_s()

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds of each process since the beginning."""
        now = self.processes.use()
        return {name: round(now[name].cpu_s - use.cpu_s, 3) for name, use in self.before.items() if name in now}

    def foreign_cores(self) -> float:
        """Cores that neither the system under test nor this generator used."""
        passed_s = max(0.001, time.monotonic() - self.began)
        foreign_s = _busy_s() - self._busy - (_own_s() - self._own) - sum(self.cpu_s().values())
        return round(max(0.0, foreign_s / passed_s), 2)


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)


def _own_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _was_told(reader: int) -> bool:
    try:
        return bool(os.read(reader, 16))
    except BlockingIOError:
        return False
