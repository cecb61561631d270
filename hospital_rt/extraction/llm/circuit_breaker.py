"""Circuit breaker of one endpoint, with the wait that the endpoint asked for (``Retry-After``).

While ``wait_s`` is above zero no call goes out; after that a single call probes, and its outcome decides.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class CircuitBreaker:
    """Opens after ``threshold`` failures in a row, for ``open_s``, doubling up to ``max_open_s``.

    Moments are seconds of a monotonic clock, given by the caller.
    """

    threshold: int = 5
    open_s: float = 30.0
    max_open_s: float = 300.0
    reason: str = "unavailable"
    _failures: int = 0
    _openings: int = 0
    _until: float = float("-inf")
    _probing: bool = False

    @property
    def is_open(self) -> bool:
        return self._openings > 0

    def wait_s(self, now: float) -> float:
        """Seconds until the next call may go out; 0: now."""
        if now < self._until:
            return self._until - now
        return 1.0 if self.is_open and self._probing else 0.0

    def enter(self) -> None:
        """A call goes out. While the circuit is open it is the only one."""
        self._probing = self.is_open

    def leave(self) -> None:
        """A call ended without an outcome (it was cancelled)."""
        self._probing = False

    def succeeded(self) -> None:
        """The endpoint answered."""
        self._failures = self._openings = 0
        self._until = float("-inf")
        self._probing = False

    def failed(self, now: float, *, reason: str, at_once: bool = False) -> bool:
        """The endpoint did not answer. Returns whether the circuit opened with this; ``at_once``: without counting."""
        self._failures += 1
        self._probing = False
        if not (at_once or self.is_open or self._failures >= self.threshold):
            return False
        self.reason = reason
        open_s = max(self.open_s, 60.0) if at_once else self.open_s
        self._until = max(self._until, now + min(self.max_open_s, open_s * 2**self._openings))
        self._openings = min(self._openings + 1, 16)
        return True

    def hold(self, now: float, wait_s: float) -> None:
        """The endpoint asked for a pause: no call goes out before its end."""
        self._until = max(self._until, now + wait_s)
        self._probing = False
