"""One system under load: where it is, who its people are, and the requests that a scenario sends."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from bench.hospital import Hospital
from bench.load import request
from bench.machine import SYSTEM
from bench.model import NOTE
from bench.seed import PASSWORD, Seeded, seed
from hospital_rt.domain.clock import utcnow


class Site:
    """One system under load: where it is, and its requests."""

    def __init__(self, base: str, seeded: Seeded, password: str, patient_member: str) -> None:
        self.base, self.host = base, base.removeprefix("http://")
        self.seeded, self.password, self._patient = seeded, password, patient_member
        pairs = [(one.access, step) for one in seeded.patients for step in one.others]
        random.Random(1).shuffle(pairs)
        self._check_ins = iter(pairs)  # every step is answered once

    def sign_in(self) -> Iterable[bytes]:
        people = self.seeded.patients[:200]
        return itertools.cycle(
            [
                request("POST", "/api/token/", body={"email": one.email, "password": self.password}, host=self.host)
                for one in people
            ]
        )

    def steps(self) -> Iterable[bytes]:
        people = self.seeded.patients[:1000]
        return itertools.cycle([request("GET", "/api/steps/", token=one.access, host=self.host) for one in people])

    def my_patients(self) -> Iterable[bytes]:
        return itertools.cycle(
            [request("GET", "/api/my-patients/", token=one.access, host=self.host) for one in self.seeded.doctors]
        )

    def check_ins(self) -> Iterable[bytes]:
        return (
            request("POST", f"/api/check-in/{step}/", token=token, body={}, host=self.host)
            for token, step in self._check_ins
        )

    def note(self, doctor: Any, patient_id: str) -> bytes:
        body = {self._patient: patient_id, "text": NOTE}
        return request("POST", "/api/notes/", token=doctor.access, body=body, host=self.host)


def serving(hospital: Hospital, *, patients: int, steps: int, doctors: int) -> Site:
    """People whose every step waits for its answer, and a web process for them on core 0."""
    due_at = utcnow() - timedelta(minutes=2)
    seeded = asyncio.run(
        seed(hospital.settings, patients=patients, steps=steps, doctors=doctors, due_at=due_at, open_now=True)
    )
    hospital.start("web", cores=SYSTEM)
    return Site(hospital.base, seeded, PASSWORD, "patient_id")
