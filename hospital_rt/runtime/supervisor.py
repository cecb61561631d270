"""Several roles in one command: started together, restarted when they die, stopped together.

No role outlives the supervisor: on a stop it waits for each role and then kills what is left; when the supervisor
itself is killed, the kernel sends the roles SIGTERM (see ``child_process``).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from hospital_rt.runtime.child_process import end_with_parent

READY_FD = "HOSPITAL_RT_READY_FD"
WRONG_SETTINGS = 2

_FIRST_WAIT_S = 0.2
_MAX_WAIT_S = 10.0
_GOOD_LIFE_S = 30.0
_CHECK_EVERY_S = 1.0
_IMPATIENT_AFTER_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role to run. ``environment`` is added to ours. The command line is visible to other users: no secrets in it."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


@dataclass(slots=True)
class _Child:
    """A role and its current process."""

    role: Role
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    started_at: float = 0.0  # monotonic, as all times here
    start_at: float = 0.0
    deaths: int = 0  # since its last long run
    ready_fd: int | None = None
    was_ready: bool = False


class Supervisor:
    """Runs roles until stopped. Use it in the main thread, as signals and ``child_process`` require."""

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        say: Callable[[str], None],
        check: Callable[[], None] | None = None,
        stop_within_s: float = 8.0,
    ) -> None:
        self._children = [_Child(role) for role in roles]
        self._output = say
        self._check = check
        self._stop_within_s = stop_within_s

    def run(self, on_ready: Callable[[], None] | None = None) -> int:
        """Run the roles until SIGTERM or SIGINT: 0. When a role finds wrong settings at its first start: 2.

        ``check`` is called about every second; ``on_ready`` once, when every role has announced itself. Their
        exceptions stop the roles and propagate.
        """
        check_at = time.monotonic() + _CHECK_EVERY_S
        with _signals() as signals:
            try:
                while not signals.stop_asked_at:
                    for child in self._children:
                        if child.process is None and child.start_at <= time.monotonic():
                            self._start(child)
                    self._sleep(signals, check_at)
                    for child in self._children:
                        self._read_ready(child)
                    if on_ready and all(child.was_ready for child in self._children):
                        on_ready()
                        on_ready = None
                    for child in self._children:
                        if self._reap(child) == WRONG_SETTINGS and child.starts == 1 and not child.was_ready:
                            return WRONG_SETTINGS
                    if self._check and check_at <= time.monotonic() and not signals.stop_asked_at:
                        self._check()
                        check_at = time.monotonic() + _CHECK_EVERY_S
                return 0
            finally:
                self._stop(signals)

    def _start(self, child: _Child) -> None:
        reader, writer = os.pipe()
        try:
            child.process = subprocess.Popen(  # noqa: S603 - a command of our own, no shell
                end_with_parent(child.role.command),
                env={**os.environ, **child.role.environment, READY_FD: str(writer)},
                stdin=subprocess.DEVNULL,
                pass_fds=[writer],
                start_new_session=True,  # Ctrl-C reaches the supervisor alone
            )
        finally:
            os.close(writer)
        child.ready_fd = reader
        child.starts += 1
        child.started_at = time.monotonic()

    def _sleep(self, signals: _Signals, check_at: float) -> None:
        """Sleep until a signal arrives (a child's death is one), a role becomes ready, or something is due."""
        due = [child.start_at for child in self._children if child.process is None]
        if self._check:
            due.append(check_at)
        timeout_s = max(0.0, min(due) - time.monotonic()) if due else None
        signals.sleep(timeout_s, [child.ready_fd for child in self._children if child.ready_fd is not None])

    def _read_ready(self, child: _Child) -> None:
        if child.ready_fd is None or not select.select([child.ready_fd], [], [], 0)[0]:
            return
        is_ready = bool(os.read(child.ready_fd, 16))  # no data: it died or closed the pipe
        self._close_pipe(child)
        if is_ready:
            self._say(f"{child.role.name} is ready{' again' if child.was_ready else ''}")
            child.was_ready = True

    def _reap(self, child: _Child) -> int | None:
        """The exit code of a role that has died, after scheduling its restart."""
        if child.process is None or (code := child.process.poll()) is None:
            return None
        self._close_pipe(child)
        if time.monotonic() - child.started_at >= _GOOD_LIFE_S:
            child.deaths = 0
        wait_s = min(_FIRST_WAIT_S * 2**child.deaths, _MAX_WAIT_S)
        child.deaths += 1
        child.process, child.start_at = None, time.monotonic() + wait_s
        if code == WRONG_SETTINGS and child.starts == 1 and not child.was_ready:
            self._say(f"{child.role.name} ended with exit code {code}: its settings are wrong")
        else:
            self._say(f"{child.role.name} ended ({_how(code)}) and starts again in {wait_s:g} s")
        return code

    def _stop(self, signals: _Signals) -> None:
        """SIGTERM to all at once; after the time-out SIGKILL to the process groups of those that are left."""
        left = [child.process for child in self._children if child.process is not None]
        for process in left:
            process.terminate()
        began = time.monotonic()
        while left := [process for process in left if process.poll() is None]:
            remains_s = began + self._stop_within_s - time.monotonic()
            if remains_s <= 0 or signals.impatient:
                break
            signals.sleep(min(remains_s, 0.5), [])
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        names = [child.role.name for child in self._children if child.process in left]
        if names:
            self._say(f"{', '.join(names)} did not stop in time and had to be killed")
        for child in self._children:
            child.process = None
            self._close_pipe(child)

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the terminal is gone: continue
            self._output(line)

    @staticmethod
    def _close_pipe(child: _Child) -> None:
        if child.ready_fd is not None:
            os.close(child.ready_fd)
            child.ready_fd = None


def announce_ready() -> None:
    """Notify the supervisor, if there is one, that this role is serving. Idempotent."""
    number = os.environ.pop(READY_FD, "")
    if not number.isdecimal():
        return
    with contextlib.suppress(OSError):
        os.write(int(number), b"1")
        os.close(int(number))


class _Signals:
    """Signals as awaitable state. The handler only records and wakes; everything else happens in the loop."""

    def __init__(self, wakeup: int) -> None:
        self._wakeup = wakeup
        self.stop_asked_at: float | None = None
        self.impatient = False  # asked to stop again, some time after the first: stop waiting

    def note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGCHLD:
            return
        now = time.monotonic()
        if self.stop_asked_at is None:
            self.stop_asked_at = now
        elif now - self.stop_asked_at > _IMPATIENT_AFTER_S:  # not the same Ctrl-C forwarded by make or npm
            self.impatient = True

    def sleep(self, timeout_s: float | None, descriptors: Sequence[int]) -> None:
        readable, _, _ = select.select([self._wakeup, *descriptors], [], [], timeout_s)
        if self._wakeup in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wakeup, 4096)


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signals = _Signals(reader)
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # ignored: started with nohup
        numbers.append(signal.SIGHUP)
    earlier_wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    earlier = {number: signal.signal(number, signals.note) for number in numbers}
    try:
        yield signals
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier_wakeup)
        os.close(reader)
        os.close(writer)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"exit code {code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"exit code {code}"
