"""The demonstration has a past: calendars and bars show something before the first note is written."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cli.seed_demo import seed
from hospital_rt.domain.clock import utcnow
from hospital_rt.runtime.demo_data import demo_passwords
from tests.support.driver import Clinic, Person
from tests.support.processes import ROOT


async def sign_in(clinic: Clinic, name: str) -> Person:
    email = f"{name}@demo.example"
    return await clinic.sign_in({"email": email}, demo_passwords(clinic.app.settings.data_dir)[email])


def states_of(items: list[dict[str, Any]]) -> dict[str, set[str]]:
    return {step["title"]: {slot["state"] for slot in step["slots"]} for step in items}


@pytest.mark.settings(day_seconds=60)
async def test_the_demonstration_begins_with_weeks_of_answers(clinic: Clinic) -> None:
    clinic.app.settings.data_dir.mkdir(parents=True)
    lines = await seed(clinic.app.settings)
    assert [line.split()[0] for line in lines if "@demo.example" in line] == ["doctor", "patient", "patient", "carer"]
    words = (ROOT / "static/texts/en.js").read_text(encoding="utf-8")
    buttons = set(re.findall(r"press ([A-Z]\w*)(?: or ([A-Z]\w*))?", " ".join(lines)))
    assert len(buttons) == 2 and all(f'"{one}' in words for pair in buttons for one in pair if one), buttons
    clinic.set_clock(utcnow())
    doctor, ruth, carer = [await sign_in(clinic, name) for name in ("doctor", "patient", "carer")]
    rows = {row["name"]: row for row in (await doctor.get("/api/my-patients/")).body["items"]}
    assert (rows["Ruth Keller"]["steps_open"], rows["Ruth Keller"]["birth_date"]) == (0, "1948-03-02")
    assert rows["Tomás Rivera"]["need"] == "silent" and rows["Tomás Rivera"]["steps_open"] == 2
    for row in rows.values():
        days = row["days"]
        assert sum(1 for day in days if day["due"]) > 18 and 0.5 < row["adherence"] < 0.95, row["adherence"]
        assert sum(day["skipped"] for day in days) > 2 and any(day["done"] < day["due"] for day in days)

    kept = (await ruth.get("/api/adherence/steps/?days=90")).body["items"]
    assert {step["status"] for step in kept} == {"completed", "cancelled"}
    assert any(states >= {"done", "skipped", "missed"} for states in states_of(kept).values())
    assert any(slot["reason"] for step in kept for slot in step["slots"])
    assert (await ruth.get("/api/steps/")).body["items"] == []
    [note] = (await ruth.get("/api/notes/")).body["items"]
    assert (await ruth.get(f"/api/notes/{note['id']}/")).body["steps"]
    [cared] = (await carer.get("/api/caring/")).body["items"]
    assert cared["patient"]["id"] == ruth.id and cared["may"] == "answer"


@pytest.mark.settings(day_seconds=60)
@pytest.mark.long
async def test_a_second_start_changes_nothing_and_adds_who_is_missing(clinic: Clinic) -> None:
    settings = clinic.app.settings
    settings.data_dir.mkdir(parents=True)
    first = await seed(settings)
    collection = clinic.app.resources.database.collection
    counted = {name: await collection(name).count_documents({}) for name in ("users", "notes", "steps", "reminders")}
    assert await seed(settings) == first
    assert counted == {name: await collection(name).count_documents({}) for name in counted}

    # As an earlier version left it: without a carer.
    carer = await clinic.app.store.users.by_email("carer@demo.example")
    assert carer is not None
    await collection("users").delete_one({"_id": carer.id})
    await seed(settings)
    assert await collection("users").count_documents({}) == counted["users"]
