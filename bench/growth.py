"""S7: the same work beside 1,000,000 users, 5,000,000 steps and 5,000,000 entries of the ledger.

A small hospital is measured; then it is filled up with copies of its own records under other ids, which the service
never asks for, and measured again. What grows with them has no index, or one that does not fit.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from bench.hospital import Hospital, running_servers
from bench.machine import SYSTEM, on_all_cores
from bench.rest import closed
from bench.site import Site, serving
from bench.sizes import Sizes
from bench.table import Row, median
from hospital_rt.domain.clock import utcnow

STEPS = 5
USERS_A_BATCH = 400
PATIENTS_A_DOCTOR = 20


def growth(sizes: Sizes) -> list[Row]:
    """Before and after, on core 0: the median of the rounds, eight connections."""
    with running_servers(SYSTEM) as servers:
        hospital = servers.hospital()
        patients = sizes.patients * 3  # each step is answered once
        site = serving(hospital, patients=patients, steps=STEPS, doctors=patients // PATIENTS_A_DOCTOR)
        small = _measure(sizes, site)
        with on_all_cores(servers.processes.others["mongod"]):
            took_s = fill(hospital, users=sizes.grown)
        large = _measure(sizes, site)
        filled = _counts(hospital)
        hospital.stop("web")
    print(f"    {filled} in {took_s:.0f} s", file=sys.stderr)
    return [
        Row(
            id="S7",
            what=f"{what} beside {filled['steps']:,} steps: p50, against {patients * STEPS:,}",
            unit="x",
            ours=large[what] / small[what],
            reach="1.5",
            aim="1.1",
            more={"small_ms": small[what], "large_ms": large[what], "filled_s": round(took_s), **filled},
        )
        for what in small
    ]


def _measure(sizes: Sizes, site: Site) -> dict[str, float]:
    """The middle latency of each request, ms."""
    loops: dict[str, Callable[[], Iterable[bytes]]] = {
        "GET /api/steps/": site.steps,
        "GET /api/my-patients/": site.my_patients,
        "POST /api/check-in/": site.check_ins,
    }
    return {
        name: median([closed(site.base, make(), connections=8, seconds=sizes.seconds) for _ in range(sizes.rounds)])
        for name, make in loops.items()
    }


def fill(hospital: Hospital, *, users: int) -> float:
    """Copies of the records of one patient, by two processes. Seconds it took."""
    began = time.monotonic()
    url, batches = hospital.settings.mongo_url or "", -(-users // USERS_A_BATCH)
    with ProcessPoolExecutor(2) as pool:
        for _ in pool.map(_fill_some, [url] * 2, [batches // 2 + batches % 2, batches // 2]):
            pass
    return time.monotonic() - began


def _fill_some(url: str, batches: int) -> None:
    with MongoClient[dict[str, Any]](url, tz_aware=True) as client:
        base = client.get_default_database().with_options(write_concern=WriteConcern(1))
        patient = base.users.find_one({"role": "patient"}) or {}
        steps = list(base.steps.find({"patient_id": patient["_id"]}))
        like = {name: base[name].find_one({}) or {} for name in ("keys", "sessions", "assignments")}
        for _ in range(batches):
            made: dict[str, list[dict[str, Any]]] = {}
            for number in range(USERS_A_BATCH):
                if number % PATIENTS_A_DOCTOR == 0:
                    doctor_id = str(uuid4())
                for name, row in _copies(patient, steps, like, doctor_id=doctor_id):
                    made.setdefault(name, []).append(row)
            for name, rows in made.items():
                base[name].insert_many(rows, ordered=False)


def _copies(
    patient: dict[str, Any], steps: list[dict[str, Any]], like: dict[str, dict[str, Any]], *, doctor_id: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """One more patient: all that the service would have of them."""
    id, note_id = str(uuid4()), str(uuid4())
    yield "users", {**patient, "_id": id, "email_index": uuid4().hex}
    yield "keys", {**like["keys"], "_id": id}
    yield "sessions", {**like["sessions"], "_id": str(uuid4()), "user_id": id}
    yield "assignments", {**like["assignments"], "_id": str(uuid4()), "patient_id": id, "doctor_id": doctor_id}
    yield "feeds", {"_id": id, "seq": STEPS}
    for seq, step in enumerate(steps, 1):
        step_id, wake_at = str(uuid4()), utcnow() + timedelta(days=1, seconds=seq)
        slot = step["course"]["window"][-1]
        yield (
            "steps",
            {
                **step,
                "_id": step_id,
                "patient_id": id,
                "note_id": note_id,
                "doctor_id": doctor_id,
                "wake_at": wake_at,
            },
        )
        yield (
            "reminders",
            {
                "_id": f"{step_id}@{slot['key']}",
                "step_id": step_id,
                "patient_id": id,
                "use": "slot",
                "number": slot["n"],
                "key": slot["key"],
                "slot_at": slot["at"],
                "day": slot["at"].date().isoformat(),
                "state": slot["state"],
                "recorded": True,
                "repeats": 0,
                "outcome": None,
                "answered_at": None,
                "sealed_reason": None,
            },
        )


def _counts(hospital: Hospital) -> dict[str, int]:
    with MongoClient[dict[str, Any]](hospital.settings.mongo_url) as client:
        base = client.get_default_database()
        return {name: base[name].estimated_document_count() for name in ("users", "steps", "reminders")}
