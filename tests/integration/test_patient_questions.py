"""A patient's question about a step: asked, answered or seen, limited, sealed, and closed to a former doctor."""

from __future__ import annotations

from typing import Any

from tests.support.driver import PASSWORD, Answer, Clinic, Person, plan_item

WALK = plan_item("Walk 20 minutes", "Walk 20 minutes daily")
REST = plan_item("Rest an hour", "Rest an hour daily")
DIZZY = "It makes me dizzy: woozlefeather."
EVENING = "Take it in the evening: snorklebark."


async def asked(patient: Person, title: str = "Walk", text: str = DIZZY) -> Answer:
    step = await patient.step(title)
    return await patient.post("/api/questions/", {"step_id": step["id"], "text": text})


async def questions(user: Person, query: str = "") -> list[dict[str, Any]]:
    answer = await user.get(f"/api/questions/{query}")
    assert answer.status == 200, answer
    return list(answer.body["items"])


async def told(user: Person) -> list[dict[str, Any]]:
    events = (await user.get("/api/events/")).body["items"]
    return [one["data"]["question"] for one in events if one["event"] == "question.changed"]


async def row_of(doctor: Person, patient: Person) -> dict[str, Any]:
    items = (await doctor.get("/api/my-patients/")).body["items"]
    return next(row for row in items if row["id"] == patient.id)


async def test_a_question_stands_in_the_doctors_row_until_it_is_answered(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    question = await asked(patient)
    assert question.status == 201
    assert question.body["state"] == "open" and question.body["text"] == DIZZY
    row = await row_of(doctor, patient)
    assert (row["asks"], row["asks_since"]) == (1, question.body["asked_at"])
    assert await questions(doctor) == [question.body] == await questions(doctor, f"?patient_id={patient.id}")
    answer = await doctor.post(f"/api/questions/{question.body['id']}/answer/", {"text": EVENING})
    assert answer.status == 200 and answer.body["answer"] == EVENING and answer.body["state"] == "answered"
    assert (await row_of(doctor, patient))["asks"] == 0
    assert await questions(doctor) == []
    assert await questions(patient, "?state=all") == [answer.body]
    for user in (patient, doctor):
        assert await told(user) == [question.body, answer.body]


async def test_a_question_is_marked_as_seen_once_and_not_answered_after_it(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    path = f"/api/questions/{(await asked(patient)).body['id']}"
    first = await doctor.post(f"{path}/seen/")
    again = await doctor.post(f"{path}/seen/")
    assert first.status == again.status == 200 and first.body == again.body
    late = await doctor.post(f"{path}/answer/", {"text": EVENING})
    assert (late.status, late.slug) == (409, "conflict")
    assert [one["state"] for one in await told(patient)] == ["open", "seen"]


async def test_the_same_words_again_are_the_same_question(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    first, again = await asked(patient), await asked(patient)
    assert (first.status, again.status) == (201, 200)
    assert first.body == again.body
    assert len(await questions(doctor)) == 1


async def test_questions_are_limited_by_step_and_by_day(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    plan = [plan_item(f"Exercise {letter}", f"Exercise {letter} daily") for letter in "ABCD"]
    await ward.note(doctor, patient, plan=plan)
    for number in range(3):
        assert (await asked(patient, "Exercise A", f"Word {number}?")).status == 201
    fourth = await asked(patient, "Exercise A", "Word 3?")
    assert (fourth.status, fourth.slug) == (429, "rate-limited")
    assert int(fourth.headers["Retry-After"]) > 80_000
    for letter in "BCD":
        for number in range(3 if letter != "D" else 1):
            assert (await asked(patient, f"Exercise {letter}", f"Word {number}?")).status == 201
    assert (await asked(patient, "Exercise D", "One more?")).slug == "rate-limited"
    assert len(await questions(doctor)) == 10
    ward.set_clock("2027-03-02T12:01")
    assert (await asked(patient, "Exercise A", "A new day?")).status == 201


async def test_without_a_doctor_there_is_nobody_to_ask(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    await patient.delete("/api/assign/")
    assert (await asked(patient)).slug == "not-assigned"


async def test_a_question_has_words_that_can_be_seen(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    for text in ("", "   ", "x" * 501):
        assert (await asked(patient, text=text)).status == 422, text
    assert (await asked(patient, text="é" * 500)).status == 201


async def test_a_former_doctor_loses_the_questions_and_the_new_one_gets_none(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    question = (await asked(patient)).body
    other = await ward.doctor()
    await ward.assign(patient, other)
    assert await questions(doctor, "?state=all") == [] == await questions(other, "?state=all")
    assert (await doctor.post(f"/api/questions/{question['id']}/answer/", {"text": EVENING})).status == 404
    assert await told(doctor) == [], "its event has no content any more"
    [closed] = await questions(patient, "?state=all")
    assert closed["state"] == "closed" and closed["answer"] is None
    assert (await row_of(other, patient))["asks"] == 0


async def test_a_shared_history_holds_the_questions_but_not_the_pen(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    question = (await asked(patient)).body
    other = await ward.doctor()
    await ward.assign(patient, other, share_history=True)
    assert [one["id"] for one in await questions(other, f"?patient_id={patient.id}&state=all")] == [question["id"]]
    assert (await other.post(f"/api/questions/{question['id']}/seen/")).status == 404


async def test_questions_and_answers_lie_sealed_and_go_with_the_patient(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, plan=[WALK])
    question = (await asked(patient)).body
    await doctor.post(f"/api/questions/{question['id']}/answer/", {"text": EVENING})
    collection = ward.app.resources.database.collection("patient_questions")
    row = await collection.find_one({"_id": question["id"]})
    assert "woozlefeather" not in str(row) and "snorklebark" not in str(row)
    events = await ward.app.resources.database.collection("events").find({"about": patient.id}).to_list(None)
    assert events and not any("woozlefeather" in str(one) for one in events)
    log = (await patient.get("/api/me/access-log/")).body["items"]
    assert {"question.asked", "question.answered"} <= {one["act"] for one in log}
    assert (await patient.delete("/api/me/", {"password": PASSWORD})).status == 204
    assert await collection.count_documents({"patient_id": patient.id}) == 0
    assert await questions(doctor, "?state=all") == []


async def test_those_who_ask_come_first_among_their_like(ward: Clinic) -> None:
    first, doctor = await ward.pair(name="Abel Alder")
    second = await ward.patient(name="Zoe Zimmer")
    await ward.assign(second, doctor)
    await ward.note(doctor, second, plan=[WALK])
    names = [row["name"] for row in (await doctor.get("/api/my-patients/")).body["items"]]
    assert names == ["Abel Alder", "Zoe Zimmer"]
    await asked(second)
    names = [row["name"] for row in (await doctor.get("/api/my-patients/")).body["items"]]
    assert names == ["Zoe Zimmer", "Abel Alder"]
    by_name = (await doctor.get("/api/my-patients/?sort=name")).body["items"]
    assert [row["id"] for row in by_name] == [first.id, second.id]
