"""How long something may take here: what is promised for a quiet machine, times how busy or slow this one is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from functools import cache
from pathlib import Path

CORES = os.cpu_count() or 1
QUIET_MS = 60.0
"""What ``_work`` takes on one quiet core of a machine of 2020; a slower machine gets more time."""


def allowed(seconds: float) -> float:
    """The seconds within which something has to happen on this machine at this moment; never less than ``seconds``.

    On a quiet machine this is ``seconds``, times 2 for the two test processes themselves. Where ten processes wait for
    two cores, whatever is measured by the clock takes five times as long, and so it may.
    """
    return seconds * max(1.0, _slowness(), _running() / CORES)


def _running() -> float:
    """How many processes want a core: the last minute's mean, or at this moment."""
    mean = os.getloadavg()[0]
    with contextlib.suppress(OSError, ValueError, IndexError):
        return max(mean, float(Path("/proc/loadavg").read_text().split()[3].split("/")[0]))
    return mean


@cache
def _slowness() -> float:
    """How much longer a piece of work takes here than on a machine of 2020, by its own CPU."""
    began = time.process_time()
    hashlib.pbkdf2_hmac("sha256", b"patience", b"tests", 100_000)
    return (time.process_time() - began) * 1000 / QUIET_MS
