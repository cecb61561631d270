"""The steps by which the database's schema moves forward; ``hospital_rt/storage/migrations.py`` runs them.

Add a step when records that lie in a database must become something else before this code can serve them. New
members that may be missing, new collections and new indexes need none. Its ``readable_by`` is at most the version
before it: what an older role still reads stays until a later release takes it away.
"""

from __future__ import annotations

from hospital_rt.storage.migrations import FIRST, Migration

MIGRATIONS: tuple[Migration, ...] = ()


def newest() -> int:
    """The schema that this version brings."""
    return MIGRATIONS[-1].version if MIGRATIONS else FIRST
