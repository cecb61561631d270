"""Session: one transaction, handed by the service that runs it to every repository that takes part.

It holds the driver's session, the write locks of the transaction, and which users' steps or reminders it writes, so
that cached copies can be validated. Most changes add an event to the patient's feed and increase its ``seq``. For the
few without an event (another time zone, an answer to a cancelled step, a proposal) the same transaction increments the
feed's ``moved``. A patient's steps and reminders, and a doctor's list of patients, are therefore unchanged as long as
``(seq, moved)`` of their own feed is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hospital_rt.storage.write_locks import TransactionLocks


class Session:
    """One attempt of a transaction, or a snapshot.

    Args:
        driver: the driver's session; collections pass it on.
        locks: those of the transaction; None for a snapshot, which writes nothing.
    """

    def __init__(self, driver: Any, locks: TransactionLocks | None = None) -> None:
        self.driver = driver
        self._locks = locks
        self._written: set[str] = set()
        self._announced: set[str] = set()

    def lock(self, names: Iterable[str]) -> None:
        """Lock contended records before they are written.

        Raises:
            LockTaken: ends this attempt; the transaction runs again once it has the lock.
        """
        if self._locks is not None:
            self._locks.acquire(names)

    def mark_written(self, user_ids: Iterable[str]) -> None:
        """Record that steps or reminders of these patients, or the patient lists of these doctors, are written."""
        self._written.update(user_ids)

    def mark_announced(self, user_ids: Iterable[str]) -> None:
        """Record that the feeds of these users advance."""
        self._announced.update(user_ids)

    @property
    def unannounced(self) -> set[str]:
        """The users whose records were written and whose feeds did not advance."""
        return self._written - self._announced
