"""Child processes that end with their parent and are identified beyond their pid.

This file, run as a script, asks the kernel for a signal at its parent's death, raises the limit on open files, and
executes the command (same pid). It is a program of its own, not code between fork and exec, so it is safe with any
threads in the parent. It imports only the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_MAX_OPEN_FILES = 1_048_576


def end_with_parent(command: Sequence[str]) -> list[str]:
    """The same command, ended by SIGTERM when this process dies.

    The kernel watches the *thread* that starts a child. From another thread than the main one the command therefore
    gets the limit on open files, but no signal.
    """
    watched = threading.current_thread() is threading.main_thread()
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()) if watched else "0", *command]


def identity(pid: int) -> str | None:
    """Identifies a process among all that have or had its pid (boot id and start time); None when it is not running."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None if Path("/proc/self/stat").exists() else _identity_by_ps(pid)
    state, *rest = stat.rpartition(")")[2].split()
    if state in "ZX":
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{rest[18]}"  # the 22nd field: start time in ticks since this boot


def _identity_by_ps(pid: int) -> str | None:
    """For systems without /proc (macOS)."""
    ps = subprocess.run(  # noqa: S603 - a command of our own, no shell
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = ps.stdout.strip().partition(" ")
    return started.strip() if ps.returncode == 0 and not state.startswith("Z") else None


def raise_open_files() -> None:
    """Raise this process's soft limit on open files as far as the hard one allows: each live channel is a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_OPEN_FILES)
    with contextlib.suppress(OSError, ValueError):  # else the limit that we have must do
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _become(parent: int, command: list[str]) -> None:
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before prctl
            raise SystemExit(128 + signal.SIGTERM)
    raise_open_files()
    try:
        os.execvp(command[0], command)  # noqa: S606 - a command of our own, no shell
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        raise SystemExit(127) from None


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
