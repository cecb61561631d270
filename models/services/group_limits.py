"""Time limits of services that use group commit."""

from __future__ import annotations

from hospital_rt.storage.database import TRANSACTION_WITHIN_S

GROUP_WITHIN_S = 2.0


def within_s(count: int) -> float:
    """Seconds: short for a group, since each of its members is then tried alone, and for longer."""
    return GROUP_WITHIN_S if count > 1 else TRANSACTION_WITHIN_S
