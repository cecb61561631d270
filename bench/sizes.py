"""How large a run is: ``quick`` says in minutes whether something broke, the README's table comes from ``full``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sizes:
    rounds: int
    seconds: float  # of one closed loop
    patients: int  # of the REST scenarios, with ten steps each
    due: int  # reminders that are due at once
    scheduled: int  # steps that wait for their time
    idle_s: float
    sockets: int
    steady_s: float
    notes: int
    peer_due: int
    grown: int  # users beside whom the same is measured again


SIZES = {
    "full": Sizes(
        rounds=5,
        seconds=4,
        patients=2000,
        due=60_000,
        scheduled=1_000_000,
        idle_s=60,
        sockets=10_000,
        steady_s=10,
        notes=512,
        peer_due=3000,
        grown=1_000_000,
    ),
    "quick": Sizes(
        rounds=1,
        seconds=3,
        patients=500,
        due=10_000,
        scheduled=100_000,
        idle_s=20,
        sockets=2_000,
        steady_s=5,
        notes=128,
        peer_due=1000,
        grown=20_000,
    ),
    "ratio": Sizes(
        rounds=3,
        seconds=1.2,
        patients=1000,
        due=2000,
        scheduled=5_000,
        idle_s=6,
        sockets=200,
        steady_s=2,
        notes=16,
        peer_due=200,
        grown=2000,
    ),
    "tiny": Sizes(
        rounds=1,
        seconds=1,
        patients=100,
        due=1000,
        scheduled=5_000,
        idle_s=6,
        sockets=200,
        steady_s=2,
        notes=16,
        peer_due=200,
        grown=2000,
    ),
}
