"""Change tracking: which users' steps or reminders a transaction writes, so that cached copies can be validated.

Most changes add an event to the patient's feed and increase its ``seq``. For the few without an event (another time
zone, an answer to a cancelled step, a proposal) the same transaction increments the feed's ``moved``. A patient's
steps and reminders, and a doctor's list of patients, are therefore unchanged as long as ``(seq, moved)`` of their own
feed is unchanged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class TransactionChanges:
    """The users whose records one transaction wrote, and the users whose feeds it advanced."""

    written: set[str] = field(default_factory=set)
    announced: set[str] = field(default_factory=set)

    @property
    def unannounced(self) -> set[str]:
        return self.written - self.announced


_present: ContextVar[TransactionChanges | None] = ContextVar("moved", default=None)


@contextlib.contextmanager
def track_changes() -> Iterator[TransactionChanges]:
    """Collect the changes written inside the block."""
    found = TransactionChanges()
    mark = _present.set(found)
    try:
        yield found
    finally:
        _present.reset(mark)


def mark_written(user_ids: Iterable[str]) -> None:
    """Record that steps or reminders of these patients, or the patient lists of these doctors, are being written."""
    found = _present.get()
    if found is not None:
        found.written.update(user_ids)


def mark_announced(user_ids: Iterable[str]) -> None:
    """Record that the feeds of these users advance."""
    found = _present.get()
    if found is not None:
        found.announced.update(user_ids)
