"""What was: how steps were kept day by day, and the feed that a client reads after it was away."""

from __future__ import annotations

from tests.support.driver import Clinic, plan_item

WALK = plan_item("Walk 20 minutes", "Walk 20 minutes daily")


async def test_adherence_is_counted_day_by_day(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    step = await patient.step("Walk")
    for day, outcome in ((2, "done"), (3, "skipped"), (4, None), (5, None)):
        await ward.tick(f"2027-03-{day:02d}T09:00")
        if outcome:
            await patient.post(f"/api/check-in/{step['id']}/", {"outcome": outcome})
    days = [
        (one["date"], one["due"], one["done"], one["skipped"], one["missed"])
        for one in (await patient.get("/api/adherence/?days=4")).body["items"]
    ]
    assert days == [
        ("2027-03-02", 1, 1, 0, 0),
        ("2027-03-03", 1, 0, 1, 0),
        ("2027-03-04", 1, 0, 0, 1),
        ("2027-03-05", 0, 0, 0, 0),
    ]
    assert len((await patient.get("/api/adherence/")).body["items"]) == 30
    assert len((await patient.get("/api/adherence/?days=365")).body["items"]) == 365
    same = await doctor.get(f"/api/adherence/?days=4&patient_id={patient.id}")
    assert same.raw == (await patient.get(f"/api/adherence/?days=4&patient_id={patient.id}")).raw
    whose = await doctor.get("/api/adherence/")
    assert whose.status == 422 and whose.body["errors"][0]["pointer"] == "#/patient_id"
    for query in ("days=0", "days=366"):
        assert (await patient.get(f"/api/adherence/?{query}")).status == 422
    assert (await doctor.get(f"/api/adherence/?patient_id={(await ward.patient()).id}")).slug == "not-found"


async def test_a_client_that_read_by_rest_resumes_without_a_gap(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    for user, path in (
        (patient, "/api/steps/"),
        (patient, f"/api/steps/{(await patient.step('Walk'))['id']}/"),
        (patient, "/api/notes/"),
        (patient, "/api/assign/"),
        (doctor, "/api/my-patients/"),
        (doctor, "/api/steps/"),
    ):
        epoch, seq = (await user.get(path)).headers["X-Feed"].split(":")
        whole = (await user.get("/api/events/")).body
        assert (whole["epoch"], str(whole["seq"])) == (epoch, seq), path
        assert [one["seq"] for one in whole["items"]] == list(range(1, int(seq) + 1))
    await patient.post(f"/api/check-in/{(await patient.step('Walk'))['id']}/", {"slot": "2027-03-01T12:00:00Z"})
    await patient.post(f"/api/steps/{(await patient.step('Walk'))['id']}/cancel/")
    later = (await doctor.get(f"/api/events/?after={seq}&epoch={epoch}")).body
    assert [one["event"] for one in later["items"]] == ["steps.changed"]
    async with doctor.live(resume_after=int(seq), epoch=epoch) as note_worker:
        assert (await note_worker.message("event"))["seq"] == int(seq) + 1


async def test_the_feed_says_when_it_cannot_be_resumed(ward: Clinic) -> None:
    patient, _ = await ward.pair()
    epoch = (await patient.get("/api/events/")).body["epoch"]
    for query in (f"after=9&epoch={epoch}", "after=1&epoch=another"):
        answer = await patient.get(f"/api/events/?{query}")
        assert (answer.status, answer.slug) == (409, "reset"), query
    for query, pointer in (("after=1", "#/epoch"), (f"after=-1&epoch={epoch}", "#/after")):
        answer = await patient.get(f"/api/events/?{query}")
        assert [error["pointer"] for error in answer.body["errors"]] == [pointer]
    first = (await patient.get("/api/events/?limit=1")).body
    assert [one["seq"] for one in first["items"]] == [1] and first["seq"] == 1
    ahead = (await patient.get(f"/api/events/?after=1&epoch={epoch}")).body
    assert ahead == {"items": [], "epoch": epoch, "seq": 1}
