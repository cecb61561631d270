"""The ledger and the feeds on the real MongoDB, while their writers are killed at any call."""

from __future__ import annotations

import pytest

from tests.ledger.storm import Storm


@pytest.mark.long
@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_acts_that_die_at_any_call_leave_nothing_half_done(mongo_url: str, driver: str) -> None:
    async with Storm(mongo_url, driver=driver, seed=1).open() as storm:
        await storm.rage(15)
        while storm.crashes <= 8 or storm.acts <= 40:  # a storm in which too few died shows nothing
            await storm.rage(3)


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 140))
async def test_many_storms(mongo_url: str, seed: int) -> None:
    async with Storm(mongo_url, driver="pymongo" if seed % 2 else "motor", seed=seed).open() as storm:
        await storm.rage(40)
        events, slots = len(storm.all("events")), len(storm.all("reminders"))
    print(f"storm {seed}: {storm.acts} acts, {storm.crashes} died, {slots} slots, {events} events, all agree")
