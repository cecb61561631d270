"""Many at once: the patients of one doctor all check in at nine, and all their news goes into one feed."""

from __future__ import annotations

import asyncio

import pytest

from hospital_rt.settings import Settings
from hospital_rt.storage.database import Session
from hospital_rt.storage.write_locks import LockTaken, LockTimeout, TransactionLocks, WriteLocks
from models.app_context import open_app_context
from models.services.check_in import check_in
from tasks.reminders import remind_due
from tests.faults.ward import Ward, spread

pytestmark = pytest.mark.long

CROWD = 60


async def test_a_doctors_patients_all_check_in_at_once_and_each_is_answered(settings: Settings) -> None:
    """On two nodes. Without locks each pair of writers conflicts: 60 took 10 s and 900 tries, 300 mostly failed."""
    async with open_app_context(settings) as here, open_app_context(settings) as there:
        tries = 0

        def counted(work: object) -> object:
            async def tried(session: Session) -> object:
                nonlocal tries
                tries += 1
                return await work(session)  # type: ignore[operator]  # whatever work a transaction is given

            return tried

        for app in (here, there):
            once = app.store.database.transaction
            # Counts the tries.
            app.store.transaction = lambda work, once=once, **how: once(counted(work), **how)  # type: ignore[method-assign]
        ward = Ward(here, "")
        doctor = await ward.person("doctor")
        patients = await ward.patients(CROWD, doctor=doctor)
        due = await ward.plan(patients, spread(CROWD, over_s=0.1, begins_in_s=-1), doctor=doctor)
        assert await remind_due(here) == CROWD
        before = await here.store.events.newest(doctor.id)
        tries = 0
        await asyncio.gather(
            *[
                check_in(
                    app.store,
                    patient_id=one.patient_id,
                    step_id=one.step_id,
                    slot=None,
                    outcome="done",
                    reason=None,
                    now=app.now(),
                )
                for one, app in zip(due, [here, there] * CROWD, strict=False)
            ]
        )
        assert await here.store.events.newest(doctor.id) == before + CROWD
        assert tries < 6 * CROWD


async def test_who_waits_for_a_record_gets_it_in_the_order_of_coming() -> None:
    locks, order = WriteLocks(), []

    async def write(number: int) -> None:
        await locks.wait_for("feed")
        order.append(number)
        await asyncio.sleep(0)  # lets the others go on
        locks.release("feed")

    writers = [asyncio.create_task(write(number)) for number in range(5)]
    await asyncio.sleep(0)  # lets the others go on
    writers[2].cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    assert order == [0, 1, 3, 4]
    assert locks.acquire("feed")


async def test_one_who_is_cancelled_as_the_turn_comes_passes_it_on() -> None:
    locks = WriteLocks()
    assert locks.acquire("feed")
    second, third = (asyncio.create_task(locks.wait_for("feed")) for _ in range(2))
    await asyncio.sleep(0)  # lets the others go on
    locks.release("feed")
    second.cancel()
    await asyncio.wait({second, third}, timeout=1)
    assert second.cancelled() and third.done() and not third.cancelled()


async def test_a_transaction_that_waits_too_long_for_a_lock_times_out() -> None:
    locks = WriteLocks()
    first, second = TransactionLocks(locks), TransactionLocks(locks, within_s=0.01)
    async with first.attempt():
        first.acquire(["feed"])
        with pytest.raises(LockTaken):
            async with second.attempt():
                second.acquire(["feed"])
        with pytest.raises(LockTimeout):
            async with second.attempt():
                pass
    async with second.attempt():
        second.acquire(["feed"])
