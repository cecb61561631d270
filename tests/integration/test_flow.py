"""The way of one note: from the doctor's hand to the patient's page and back."""

from __future__ import annotations

from tests.support.driver import Clinic, item, plan_item


async def test_what_a_doctor_wrote_becomes_what_a_patient_does(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    async with patient.live() as page, doctor.live() as note_worker:
        await clinic.note(
            doctor,
            patient,
            checklist=[item("Book a chest X-ray")],
            plan=[
                plan_item(
                    "Take amoxicillin 500 mg",
                    "Take amoxicillin 500 mg twice a day for 7 days",
                    times_per_day=2,
                    duration_days=7,
                )
            ],
        )
        changed = await page.next("steps.changed")
        titles = [step["title"] for step in changed["data"]["created"]]
        assert titles == ["Book a chest X-ray", "Take amoxicillin 500 mg"]
        assert (await note_worker.next("steps.changed"))["data"]["note_id"] == changed["data"]["note_id"]
        step = await patient.step("Take amoxicillin")
        assert step["schedule"]["times"] == ["09:00", "21:00"]
        assert step["next_reminder_at"] == "2027-03-01T21:00:00Z"

        assert await clinic.tick("2027-03-01T20:59") == 0
        assert await clinic.tick("2027-03-01T21:00") == 1
        due = await page.next("reminder.due")
        assert (due["data"]["slot"], due["data"]["repeat"]) == ("2027-03-01T21:00:00Z", 0)
        assert due["data"]["step"]["open_slot"] == "2027-03-01T21:00:00Z"

        reply = await page.ask({"type": "check_in", "id": "1", "step_id": step["id"], "slot": due["data"]["slot"]})
        assert reply["ok"] and reply["data"]["progress"] == {"done": 1, "total": 14}
        assert (await note_worker.next("step.checked_in"))["data"]["outcome"] == "done"
        assert await clinic.tick("2027-03-02T08:59") == 0
