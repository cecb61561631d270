"""What moved: whose steps or ledger a transaction writes, told or not, so that whoever keeps a copy can see its age.

Most changes are told in the patient's feed and move its ``seq`` on. For the few that are told to nobody (another time
zone, an answer to a cancelled step, a proposal) the same transaction counts the feed's ``moved`` on. So a patient's
steps and ledger, and a doctor's list of patients, are as they were while ``(seq, moved)`` of their own feed is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class TransactionChanges:
    """The users whose records one transaction wrote, and those whose feeds it moved on."""

    written: set[str] = field(default_factory=set)
    announced: set[str] = field(default_factory=set)

    @property
    def unannounced(self) -> set[str]:
        return self.written - self.announced


_present: ContextVar[TransactionChanges | None] = ContextVar("moved", default=None)


@contextlib.contextmanager
def track_changes() -> Iterator[TransactionChanges]:
    """What is written inside."""
    found = TransactionChanges()
    mark = _present.set(found)
    try:
        yield found
    finally:
        _present.reset(mark)


def mark_written(user_ids: Iterable[str]) -> None:
    """Steps or ledger entries of these patients are being written, or who these doctors' patients are."""
    found = _present.get()
    if found is not None:
        found.written.update(user_ids)


def mark_announced(user_ids: Iterable[str]) -> None:
    """The feeds of these users move on."""
    found = _present.get()
    if found is not None:
        found.announced.update(user_ids)
