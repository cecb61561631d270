"""Cached answers are never older than the records, whichever process changed them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hospital_rt.storage.response_cache import MAX_TOTAL_BYTES, CachedResponse, ResponseCache
from models.audit import AuditActor
from models.services import accounts, assignments, check_in
from tests.support.driver import Clinic, Person, item, plan_item

PILL = plan_item(
    "Take ramipril 5 mg", "Take ramipril 5 mg at 09:00 and 21:00", times_per_day=2, times=["09:00", "21:00"]
)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


async def listed(patient: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await patient.get("/api/steps/")).body["items"]
    return found


async def listed_ids(doctor: Person) -> list[str]:
    return [one["id"] for one in (await doctor.get("/api/my-patients/")).body["items"]]


async def row(doctor: Person) -> dict[str, Any]:
    [found] = (await doctor.get("/api/my-patients/")).body["items"]
    return dict(found)


async def test_a_change_by_another_node_without_an_announcement_shows_at_once(ward: Clinic) -> None:
    """The act is done behind the back of the process that answers: nothing is announced, no event is written."""
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[PILL])
    [before] = await listed(patient)
    store, now = ward.app.store, ward.app.now()
    await accounts.change_settings(store, patient.id, {"timezone": "Asia/Tokyo"}, now=now, actor=None)
    [after] = await listed(patient)
    assert before["next_reminder_at"] != after["next_reminder_at"]


async def test_a_check_in_without_an_announcement_shows_to_both(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    [step] = await listed(patient)
    assert (await row(doctor))["steps_open"] == 1
    await check_in.check_in(
        ward.app.store,
        patient_id=patient.id,
        step_id=step["id"],
        slot=None,
        outcome="done",
        reason=None,
        now=ward.app.now(),
    )
    assert await listed(patient) == []
    assert (await row(doctor))["steps_open"] == 0


async def test_the_day_turns_though_nothing_moved(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[PILL])
    ward.set_clock("2027-03-01T23:59")
    [today] = await listed(patient)
    seen = (await row(doctor))["days"]
    ward.set_clock("2027-03-02T00:01")
    [tomorrow] = await listed(patient)
    assert today["today"] != tomorrow["today"]
    assert len((await row(doctor))["days"]) == len(seen) == 30


async def test_a_new_name_and_a_shared_history_show_in_the_doctors_list(ward: Clinic) -> None:
    patient, doctor = await ward.pair(name="Ruth Keller")
    assert (await row(doctor))["name"] == "Ruth Keller"
    await patient.patch("/api/me/", {"name": "Ruth Meier"})
    assert (await row(doctor))["name"] == "Ruth Meier"


async def test_who_comes_and_who_leaves_shows_at_once_though_nobody_is_told(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    other = await ward.patient()
    store, now = ward.app.store, ward.app.now()
    assert await listed_ids(doctor) == [patient.id]
    await assignments.assign_doctor(store, patient_id=other.id, doctor_id=doctor.id, share_history=False, now=now)
    assert set(await listed_ids(doctor)) == {patient.id, other.id}
    await assignments.leave_doctor(store, patient_id=patient.id, now=now, claim=None, actor=AuditActor(role="patient"))
    assert await listed_ids(doctor) == [other.id]
    leaving = await store.users.get(other.id)
    assert leaving is not None
    await accounts.close_account(store, leaving, now=now, erase=True, actor=AuditActor(role="patient"))
    assert await listed_ids(doctor) == []


async def test_a_visit_that_moves_nothing_else_shows_in_the_doctors_list(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    before = (await row(doctor))["last_seen_at"]
    await ward.app.store.users.mark_seen([patient.id], at=ward.app.now() + timedelta(hours=1))
    assert (await row(doctor))["last_seen_at"] > before


def test_an_answer_is_given_for_its_key_and_its_time_only() -> None:
    kept, hour = ResponseCache(), timedelta(hours=1)
    kept.put("steps", 1, CachedResponse(b"[]", NOON, NOON + hour))
    assert kept.get("steps", 1, now=NOON) is not None
    assert kept.get("steps", 2, now=NOON) is None
    assert kept.get("steps", 1, now=NOON + hour) is None
    assert kept.get("steps", 1, now=NOON - hour) is None
    kept.put("large", 1, CachedResponse(b" " * (MAX_TOTAL_BYTES // 50), NOON, NOON + hour))
    assert kept.get("large", 1, now=NOON) is None
