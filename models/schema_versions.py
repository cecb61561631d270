"""The migrations of the database schema; ``hospital_rt/storage/migrations.py`` runs them.

Add one when stored records must change before this code can serve them. Optional new members, new collections and new
indexes need none. Its ``readable_by`` is at most the previous version: what an older role still reads is removed only
by a later release.
"""

from __future__ import annotations

from hospital_rt.storage.migrations import FIRST, Migration

MIGRATIONS: tuple[Migration, ...] = ()


def newest() -> int:
    """The schema version of this code."""
    return MIGRATIONS[-1].version if MIGRATIONS else FIRST
