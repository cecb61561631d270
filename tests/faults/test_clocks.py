"""Machines whose clocks are wrong: nothing comes early, nothing twice, and nothing late for longer than it takes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hospital_rt.domain.clock import utcnow
from tests.faults.compare import Counts, Records
from tests.faults.ward import Ward, daily, look_inside, spread
from tests.support.driver import Clinic
from tests.support.processes import ROOT, Command, System, happens, open_system

TRAVEL = """
import runpy, sys
from datetime import UTC, datetime, timedelta
import time_machine
time_machine.travel(datetime.now(UTC) + timedelta(seconds=float(sys.argv[1])), tick=True).start()
main, sys.argv = sys.argv[2], ["main.py", "worker"]
runpy.run_path(main, run_name="__main__")
"""


def worker_at(system: System, offset_s: float) -> Command:
    """A worker on a machine whose clock is wrong by so much."""
    return Command(
        ["-c", TRAVEL, str(offset_s), str(ROOT / "main.py")],
        folder=system.folder,
        name=f"worker{offset_s:+.0f}",
        environment={**system.environment(), "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("offset_s", [300, -300], ids=["fast", "slow"])
async def test_a_worker_whose_clock_is_wrong_reminds_neither_early_nor_late(
    tmp_path: Path, mongo_url: str, redis_url: str, offset_s: float
) -> None:
    counts = Counts("clocks")
    async with (
        open_system(tmp_path / "system", mongo_url=mongo_url, redis_url=redis_url, reminder_tick_seconds=1) as system,
        look_inside(system) as app,
    ):
        worker = worker_at(system, offset_s)
        try:
            ward = Ward(app, "")
            doctor = await ward.person("doctor")
            patients = await ward.patients(10, doctor=doctor)
            await worker.ready()
            due = await ward.plan(patients, spread(100, over_s=3, begins_in_s=1), doctor=doctor)
            rows = app.resources.database.collection("reminders")

            async def all_recorded() -> bool:
                return bool(await rows.count_documents({}) >= len(due))

            await happens(all_recorded, "all are reminded", within_s=15)
            await Records(app).count_reminders(counts, due, now=utcnow())
            assert (counts.due, counts.recorded, counts.wrong) == (100, 100, {})
            assert counts.late_s < 10
        finally:
            worker.end_for_good()


async def test_a_clock_that_jumps_ahead_and_back_reminds_of_nothing_twice(clinic: Clinic) -> None:
    """The house's own clock: a day ahead by mistake, then right again, then an hour back."""
    ward = Ward(clinic.app, clinic.base)
    doctor = await ward.person("doctor")
    patients = await ward.patients(3, doctor=doctor)
    start = clinic.now
    await ward.insert(
        [
            daily(patient.id, doctor.id, first_at=start + timedelta(minutes=5 * number), number=number)
            for number, patient in enumerate(patients * 4)
        ]
    )
    assert await clinic.tick(start + timedelta(minutes=10)) == 3
    assert await clinic.tick(start + timedelta(days=1, minutes=2)) == 10  # nine first slots, and the first second one
    assert await clinic.tick(start + timedelta(minutes=11)) == 0
    assert await clinic.tick(start - timedelta(hours=1)) == 0
    assert await clinic.tick(start + timedelta(minutes=55)) == 0
    assert await clinic.tick(start + timedelta(days=1, minutes=2)) == 0
    assert await clinic.tick(start + timedelta(days=1, minutes=55)) == 11
    told = []
    for patient in patients:
        events = await Records(clinic.app).feed(patient.id)
        told += [
            (event["data"]["step"]["id"], event["data"]["slot"]) for event in events if event["event"] == "reminder.due"
        ]
    assert len(told) == len(set(told)) == 3 + 10 + 11
