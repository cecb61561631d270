"""A fuzzer reads the OpenAPI document and finds no answer that it does not describe, and never a 5xx."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.driver import Clinic, Person, item, plan_item

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "3"))
# What a fuzzer cannot know: a 404 or 409 for ids that it invents is as described; only these checks judge the service.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


async def fuzz(clinic: Clinic, person: Person, folder: Path) -> tuple[int, str]:
    """Run schemathesis as this person against the running server; exit code and report."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")),
        "run",
        f"{clinic.base}/openapi.json",
        "--checks",
        CHECKS,
        "--max-examples",
        str(EXAMPLES),
        "--phases",
        "examples,coverage,fuzzing",
        "--seed",
        "20270301",
        "--no-color",
        "--header",
        f"Authorization: Bearer {person.access}",
        "--request-timeout",
        "20",
        # Sign-up with made-up passwords costs a hash each time and finds nothing new after a few.
        "--exclude-path",
        "/api/signup/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("role", ["patient", "doctor"])
@pytest.mark.long
async def test_no_answer_is_undescribed_and_none_is_a_5xx(clinic: Clinic, tmp_path: Path, role: str) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(
        doctor,
        patient,
        checklist=[item("Book a chest X-ray")],
        plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")],
    )
    code, report = await fuzz(clinic, patient if role == "patient" else doctor, tmp_path)
    assert code == 0, report[-6000:]
