"""FHIR R4B: what a hospital's systems read, in the shapes that HL7 describes, under the access rules of REST."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.task import Task
from pydantic import BaseModel

from handlers.base.cursors import write_cursor
from tests.support.driver import Answer, Caller, Clinic, Person, item, plan_item

MEDIA_TYPE = "application/fhir+json"
# The library's list of a Task's status ends with a "+": these are HL7's.
TASK_STATUS = [
    "draft",
    "requested",
    "received",
    "accepted",
    "rejected",
    "ready",
    "cancelled",
    "in-progress",
    "on-hold",
    "failed",
    "completed",
    "entered-in-error",
]
KINDS = ("Patient", "Practitioner", "CarePlan", "Task", "Communication")


def judge(model: Any) -> None:
    """What HL7 demands beyond shapes, and the library keeps beside its fields: codes, and what a reference may name."""
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        told = info.json_schema_extra or {}
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            allowed, kinds = told.get("enum_values") or [], told.get("enum_reference_types")
            allowed = TASK_STATUS if "+" in allowed else [] if "mime" in allowed else allowed
            assert not allowed or one in allowed, (type(model).__name__, name, one)
            if kinds and "Resource" not in kinds and one.reference:
                assert one.reference.split("/")[0] in kinds, (type(model).__name__, name, one.reference)
            if isinstance(one, BaseModel):
                judge(one)


def valid(answer: Answer, status: int = 200) -> dict[str, Any]:
    """The body of an answer, which is of the shape that its own ``resourceType`` names."""
    assert (answer.status, answer.headers["Content-Type"]) == (status, MEDIA_TYPE), answer.raw[:500]
    judge(get_fhir_model_class(answer.body["resourceType"]).model_validate(answer.body))
    found: dict[str, Any] = answer.body
    return found


def refused(answer: Answer, status: int, code: str) -> None:
    found = valid(answer, status)
    assert found["resourceType"] == "OperationOutcome" and found["issue"][0]["code"] == code, found


async def search(user: Caller, path: str, **more: Any) -> list[dict[str, Any]]:
    """All resources of a search, page after page by its links."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following:
        bundle = valid(await user.get(following, **more))
        assert bundle["type"] == "searchset"
        for entry in bundle.get("entry", []):
            if entry["resource"]["resourceType"] == "OperationOutcome":
                assert entry["search"] == {"mode": "outcome"}
                continue
            assert entry["search"] == {"mode": "match"}
            assert entry["fullUrl"].endswith(f"/{entry['resource']['resourceType']}/{entry['resource']['id']}")
            found.append(entry["resource"])
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert "self" in links
        following = links["next"].removeprefix(user.base) if "next" in links else None
    return found


async def only(user: Caller, path: str) -> dict[str, Any]:
    (found,) = await search(user, path)
    assert valid(await user.get(f"/fhir/{found['resourceType']}/{found['id']}")) == found, "read and search agree"
    return found


async def a_day(clinic: Clinic) -> tuple[Person, Person, dict[str, Any]]:
    """A patient who answered one reminder and was sent another."""
    patient, doctor = await clinic.pair(timezone="Europe/Madrid")
    clinic.set_clock("2027-03-01T12:00")
    note = await clinic.note(
        doctor,
        patient,
        checklist=[item("Book a chest X-ray")],
        plan=[
            plan_item(
                "Take amoxicillin 500 mg",
                "Take amoxicillin 500 mg twice a day for 7 days",
                times_per_day=2,
                duration_days=7,
            ),
            plan_item("Take paracetamol", "Take paracetamol as needed", as_needed=True),
        ],
    )
    await clinic.tick("2027-03-01T20:00")
    step = await patient.step("Take amoxicillin")
    answer = await patient.post(f"/api/check-in/{step['id']}/", {"outcome": "skipped", "reason": "felt sick"})
    assert answer.status == 200
    await clinic.tick("2027-03-02T08:00")
    return patient, doctor, note


async def test_anyone_may_ask_what_this_server_can_do(ward: Clinic) -> None:
    found = valid(await ward.anyone.get("/fhir/metadata"))
    assert found["resourceType"] == "CapabilityStatement" and found["fhirVersion"] == "4.3.0"
    assert [one["type"] for one in found["rest"][0]["resource"]] == list(KINDS)


async def test_every_published_search_parameter_is_supported(ward: Clinic) -> None:
    patient = await ward.patient()
    for kind in valid(await ward.anyone.get("/fhir/metadata"))["rest"][0]["resource"]:
        for parameter in kind["searchParam"]:
            value = "2027" if parameter["type"] == "date" else "x"
            value = patient.id if parameter["name"] in {"patient", "subject", "_id"} else value
            path = f"/fhir/{kind['type']}?{parameter['name']}={value}"
            assert isinstance(await search(patient, path, headers={"Prefer": "handling=strict"}), list)


async def test_a_note_becomes_a_care_plan_of_tasks(ward: Clinic) -> None:
    patient, doctor, note = await a_day(ward)
    for user in (patient, doctor):
        plan = await only(user, "/fhir/CarePlan?status=active")
        assert (plan["id"], plan["intent"], plan["subject"]["reference"]) == (
            note["id"],
            "plan",
            f"Patient/{patient.id}",
        )
        assert plan["author"] == {"reference": f"Practitioner/{doctor.id}", "display": doctor.user["name"]}
        tasks = await search(user, f"/fhir/Task?patient={patient.id}")
        assert [one["reference"]["reference"] for one in plan["activity"]] == [f"Task/{one['id']}" for one in tasks]
    book, drug, needed = tasks
    assert (book["status"], book["code"]["text"], "input" in book) == ("in-progress", "Book a chest X-ray", False)
    assert drug["note"][0]["text"] == "Take amoxicillin 500 mg twice a day for 7 days"
    assert drug["basedOn"] == [{"reference": f"CarePlan/{note['id']}"}]
    given = {one["type"]["text"]: one for one in drug["input"]}
    repeat = given["timing"]["valueTiming"]["repeat"]
    assert (repeat["frequency"], repeat["period"], repeat["periodUnit"], repeat["count"]) == (2, 1, "d", 14)
    assert repeat["timeOfDay"] == ["09:00:00", "21:00:00"]
    assert repeat["boundsPeriod"]["start"] == "2027-03-01"
    assert repeat["boundsPeriod"]["_start"]["extension"][0]["valueCode"] == "Europe/Madrid"
    assert drug["restriction"] == {"repetitions": 14} and given["miss-policy"]["valueCode"] == "extend"
    come = {one["type"]["text"]: one for one in drug["output"]}
    assert come["done"]["valueUnsignedInt"] == 0 and come["open-slot"]["valueInstant"] == "2027-03-02T08:00:00Z"
    assert come["next-reminder"]["valueInstant"] == "2027-03-02T20:00:00Z"
    assert [(one["type"]["text"], one["valueBoolean"]) for one in needed["input"]] == [("as-needed", True)]


async def test_reminders_and_answers_are_communications(ward: Clinic) -> None:
    patient, doctor, _ = await a_day(ward)
    drug = await patient.step("Take amoxicillin")
    book = await patient.step("Book")
    ward.set_clock("2027-03-02T08:01")
    await patient.post(f"/api/check-in/{book['id']}/")
    for user in (patient, doctor):
        booked, waiting, answer, reminder = await search(user, f"/fhir/Communication?subject=Patient/{patient.id}")
        for one in (booked, waiting, answer, reminder):
            assert valid(await user.get(f"/fhir/Communication/{one['id']}")) == one
    assert (waiting["status"], waiting["sent"]) == ("in-progress", "2027-03-02T08:00:00Z")
    assert waiting["category"][0]["text"] == "reminder"
    assert waiting["payload"] == [{"contentString": "Take amoxicillin 500 mg"}]
    assert (reminder["status"], reminder["sent"]) == ("completed", "2027-03-01T20:00:00Z")
    assert reminder["about"][0]["reference"] == f"Task/{drug['id']}"
    assert (answer["topic"]["text"], answer["payload"]) == ("skipped", [{"contentString": "felt sick"}])
    assert answer["inResponseTo"] == [{"reference": f"Communication/{reminder['id']}"}]
    assert booked["about"][0]["display"] == "Book a chest X-ray" and "inResponseTo" not in booked
    answers = await search(doctor, "/fhir/Communication?category=check-in")
    assert [one["id"] for one in answers] == [booked["id"], answer["id"]]
    wanted = f"/fhir/Communication?_id={answer['id']},{waiting['id']},nonsense"
    assert [one["id"] for one in await search(patient, wanted)] == [waiting["id"], answer["id"]]


@pytest.mark.parametrize(
    ("sent", "kinds"),
    [
        ("sent=2027-03-01", "ra"),
        ("sent=2027-03", "rra"),
        ("sent=2027", "rra"),
        ("sent=lt2027-03-01T20:00:00Z", ""),
        ("sent=ge2027-03-02", "r"),
        ("sent=gt2027-03-01", "r"),
        ("sent=le2027-03-01T20:00Z", "ra"),
        ("sent=ge2027-03-01T20:00:00Z&sent=lt2027-03-02", "ra"),
        ("sent=ge2027-03-01&sent=le2026", ""),
        ("sent=2027-03-02T09:00:00%2B01:00", "r"),
        ("sent=gt2027-03-01T16:00:00.1234567Z", "rra"),
        ("sent=gt2027-03-02T08:00:00.123456789Z", ""),
        ("sent=2027-03-02T09:00:00+01:00", "r"),
        ("sent=ge2027-03-02&category=check-in", ""),
        ("sent=eb2027-03-02&category=check-in&_count=1", "a"),
    ],
)
async def test_what_was_sent_is_found_by_its_time(ward: Clinic, sent: str, kinds: str) -> None:
    _, doctor, _ = await a_day(ward)
    found = await search(doctor, f"/fhir/Communication?{sent}")
    assert sorted({"reminder": "r", "check-in": "a"}[one["category"][0]["text"]] for one in found) == sorted(kinds)


async def test_pages_hold_everything_once(ward: Clinic) -> None:
    patient, doctor, _ = await a_day(ward)
    for number in range(4):
        await ward.doctor()
        await ward.note(doctor, patient, checklist=[item(f"Call desk {number}"), item(f"Call ward {number}")])
    for kind in ("CarePlan", "Task", "Communication", "Practitioner"):
        whole = [one["id"] for one in await search(patient, f"/fhir/{kind}?_count=200")]
        assert len(whole) == len(set(whole)) > 2
        for count in (1, 2, 3):
            path = f"/fhir/{kind}?_count={count}"
            assert [one["id"] for one in await search(patient, path)] == whole, path
            assert len(valid(await patient.get(path))["entry"]) == count
    own = await search(patient, "/fhir/CarePlan?_count=1&status=active")
    assert [one["status"] for one in own] == ["active"], "a filter goes through all pages"
    assert {one["status"] for one in await search(patient, "/fhir/Task?status=cancelled")} == {"cancelled"}


async def test_ids_in_capitals_are_the_same_ids_for_fhir(ward: Clinic) -> None:
    patient, _, _ = await a_day(ward)
    big = patient.id.upper()
    for kind in ("Patient", "CarePlan", "Task", "Communication"):
        first = (await search(patient, f"/fhir/{kind}"))[0]
        id = first["id"][:36].upper() + first["id"][36:]
        assert valid(await patient.get(f"/fhir/{kind}/{id}")) == first
        assert await search(patient, f"/fhir/{kind}?_id={id}") == [first]
        if kind != "Patient":
            assert first in await search(patient, f"/fhir/{kind}?patient={big}")
            assert first in await search(patient, f"/fhir/{kind}?subject=Patient/{big}")


async def test_a_search_by_name_and_id_finds_people(ward: Clinic) -> None:
    patient = await ward.patient(name="Zoë Quill")
    doctor = await ward.doctor(name="Ada Ørsted Vale")
    await ward.assign(patient, doctor)
    found = await only(doctor, "/fhir/Patient?name=quill")
    assert (found["id"], found["name"]) == (patient.id, [{"text": "Zoë Quill"}])
    assert found["generalPractitioner"][0]["reference"] == f"Practitioner/{doctor.id}"
    assert "telecom" not in found
    assert await search(doctor, "/fhir/Patient?name=zoe&name=nobody") == []
    assert (await only(patient, "/fhir/Patient"))["telecom"] == [{"system": "email", "value": patient.email}]
    named = await search(patient, "/fhir/Practitioner?name=vale")
    assert [one["name"][0]["text"] for one in named if one["id"] == doctor.id] == ["Ada Ørsted Vale"]
    by_id = await search(patient, f"/fhir/Practitioner?_id={doctor.id},{patient.id}")
    assert [one["id"] for one in by_id] == [doctor.id]


async def test_a_new_doctor_sees_active_tasks_without_the_words_of_the_former(ward: Clinic) -> None:
    patient, former, note = await a_day(ward)
    book = await patient.step("Book")
    await patient.post(f"/api/check-in/{book['id']}/")
    ward.set_clock("2027-03-02T08:01")
    doctor = await ward.doctor()
    await ward.assign(patient, doctor)
    drug, needed = await search(doctor, "/fhir/Task")
    for one in (drug, needed):
        assert "note" not in one and "basedOn" not in one
        assert one["groupIdentifier"]["value"] == note["id"]
    assert "Take amoxicillin 500 mg twice" not in json.dumps(await search(doctor, "/fhir/Communication"))
    assert await search(doctor, "/fhir/CarePlan") == []
    refused(await doctor.get(f"/fhir/CarePlan/{note['id']}"), 404, "not-found")
    for kind in KINDS:
        if kind != "Practitioner":
            assert await search(former, f"/fhir/{kind}") == []
    refused(await former.get(f"/fhir/Task/{drug['id']}"), 404, "not-found")
    refused(await former.get(f"/fhir/Task?patient={patient.id}"), 404, "not-found")
    await ward.assign(patient, doctor, share_history=True)
    assert (await only(doctor, f"/fhir/CarePlan?patient={patient.id}"))["id"] == note["id"]
    assert len(await search(doctor, "/fhir/Task")) == 3 and "note" in (await search(doctor, "/fhir/Task"))[0]


async def test_a_proposal_is_its_authors_alone(ward: Clinic) -> None:
    patient, doctor = await ward.pair()
    note = await ward.note(
        doctor,
        patient,
        checklist=[item("Drink water"), item("Take 500 mg of gold", "Drink water")],
        text="Drink water.",
        expect="proposed",
    )
    plan = await only(doctor, "/fhir/CarePlan?status=draft")
    assert (plan["intent"], (await only(doctor, "/fhir/Task?status=draft"))["intent"]) == ("proposal", "proposal")
    for kind in ("CarePlan", "Task"):
        assert await search(patient, f"/fhir/{kind}") == []
    await doctor.post(f"/api/notes/{note['id']}/reject/")
    assert (await only(doctor, "/fhir/CarePlan"))["status"] == "revoked"
    assert (await only(doctor, "/fhir/Task"))["status"] == "rejected"
    assert await search(patient, "/fhir/Task") == []


async def test_a_withdrawn_note_is_closed_to_its_patient(ward: Clinic) -> None:
    patient, doctor, note = await a_day(ward)
    await doctor.post(f"/api/notes/{note['id']}/withdraw/")
    assert await search(patient, "/fhir/CarePlan") == []
    refused(await patient.get(f"/fhir/CarePlan/{note['id']}"), 404, "not-found")
    for one in await search(patient, "/fhir/Task"):
        assert (one["status"], "note" in one, "basedOn" in one) == ("cancelled", False, False)
    assert (await only(doctor, "/fhir/CarePlan"))["status"] == "entered-in-error"


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("colour=red", {"Prefer": "handling=strict"}, 400, "invalid"),
        ("status:not=draft", {}, 400, "invalid"),
        ("_count=few", {}, 400, "invalid"),
        ("_cursor=nonsense", {}, 400, "invalid"),
        ("sent=soon", {}, 400, "invalid"),
        ("status=%ff", {}, 400, "invalid"),
        ("patient=nobody", {}, 404, "not-found"),
        ("patient=Device/1", {}, 404, "not-found"),
        ("_format=xml", {}, 406, "not-supported"),
        ("", {"Accept": "application/fhir+xml"}, 406, "not-supported"),
        ("", {"Authorization": "Bearer no"}, 401, "login"),
        ("sent=2027-02-30", {}, 400, "invalid"),
        ("sent=ne2027", {}, 400, "invalid"),
        ("sent=9999-12-31", {}, 400, "invalid"),
        ("sent=0001-01-01T00:00:00%2B14:00", {}, 400, "invalid"),
    ],
)
async def test_a_search_that_cannot_be_done_is_refused_as_fhir_says(
    ward: Clinic, query: str, headers: dict[str, str], status: int, code: str
) -> None:
    patient = await ward.patient()
    kind = "Communication" if query.startswith("sent") else "Task"
    refused(await patient.get(f"/fhir/{kind}?{query}", headers=headers), status, code)


async def test_what_is_not_known_is_passed_over(ward: Clinic) -> None:
    patient, _, _ = await a_day(ward)
    for query in (
        "colour=red",
        "_format=json",
        "_format=application/fhir+json",
        "subject:Patient=" + patient.id,
        f"patient={ward.base}/fhir/Patient/{patient.id}",
        "status=in-progress,draft",
        "_count=100000",
    ):
        assert len(await search(patient, f"/fhir/Task?{query}")) == 3, query
    bundle = valid(await patient.get("/fhir/Task?colour=red&status=in-progress&_count=7"))
    assert bundle["link"][0]["url"].endswith("/fhir/Task?status=in-progress&_count=7"), "only what was understood"


async def test_a_search_returns_the_total_without_entries(ward: Clinic) -> None:
    patient, doctor, _ = await a_day(ward)
    for user in (patient, doctor):
        for kind, number in (("Patient", 1), ("CarePlan", 1), ("Task", 3), ("Communication", 3)):
            for query in ("_count=0", "_summary=count", "_count=0&_total=accurate"):
                bundle = valid(await user.get(f"/fhir/{kind}?{query}"))
                assert (bundle["total"], "entry" in bundle) == (number, False), (kind, query)
            assert valid(await user.get(f"/fhir/{kind}"))["total"] == number, "seen on a page that is the whole"
            first = valid(await user.get(f"/fhir/{kind}?_count=1&_total=accurate"))
            assert (first["total"], len(first["entry"])) == (number, 1)
    assert valid(await patient.get("/fhir/Communication?category=check-in&_count=0"))["total"] == 1


async def test_a_search_may_come_in_a_form(ward: Clinic) -> None:
    patient, doctor, _ = await a_day(ward)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for kind in KINDS:
        path = f"/fhir/{kind}/_search"
        whole = valid(await doctor.get(f"/fhir/{kind}?_count=2"))
        assert valid(await doctor.call("POST", path, raw=b"_count=2", headers=form)) == whole
        assert valid(await doctor.call("POST", f"{path}?_count=2")) == whole
    named = f"patient=Patient/{patient.id}&status=in-progress".encode()
    assert valid(await doctor.call("POST", "/fhir/Task/_search", raw=named, headers=form))["total"] == 3
    stranger = await ward.patient()
    refused(await stranger.call("POST", "/fhir/Task/_search", raw=named, headers=form), 404, "not-found")
    refused(await doctor.call("POST", "/fhir/Task/_search", {"patient": patient.id}), 415, "not-supported")


async def test_several_patients_of_ones_own_are_searched_together(ward: Clinic) -> None:
    patient, doctor, _ = await a_day(ward)
    other = await ward.patient()
    await ward.assign(other, doctor)
    await ward.note(doctor, other, checklist=[item("Drink water")])
    both = f"patient={patient.id},Patient/{other.id}"
    assert len(await search(doctor, f"/fhir/Task?{both}")) == 4
    assert len(await search(doctor, f"/fhir/CarePlan?{both}")) == 2
    assert len(await search(doctor, f"/fhir/Communication?{both}")) == 3
    assert len(await search(doctor, f"/fhir/Task?patient:Patient={other.id}")) == 1
    stranger = await ward.patient()
    refused(await doctor.get(f"/fhir/Task?{both},{stranger.id}"), 404, "not-found")
    refused(await patient.get(f"/fhir/Task?{both}"), 404, "not-found")


async def test_an_ignored_parameter_is_reported(ward: Clinic) -> None:
    patient = await ward.patient()
    bundle = valid(await patient.get("/fhir/Patient?family=Nobody&birthdate=1970&_format=json&_count=5"))
    person, told = bundle["entry"]
    assert (person["resource"]["id"], told["search"]) == (patient.id, {"mode": "outcome"})
    (issue,) = told["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("warning", "not-supported")
    assert "family, birthdate" in issue["diagnostics"] and "Nobody" not in issue["diagnostics"]
    assert bundle["total"] == 1, "what is told is no match"


async def test_a_forged_cursor_is_refused_as_invalid(ward: Clinic) -> None:
    patient, _, _ = await a_day(ward)
    for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2027-01-01T00:00:00Z"):
        for kind, parts in (("Communication", (at, "x", -5)), ("CarePlan", (at, "x")), ("Task", (at,))):
            answer = await patient.get(f"/fhir/{kind}?_cursor={write_cursor(*parts)}")
            assert answer.status == 200, (kind, at)
    refused(await patient.get(f"/fhir/Communication?_cursor={write_cursor('2027', 'x', 1)}"), 400, "invalid")


async def test_it_is_read_only(ward: Clinic) -> None:
    patient, doctor, _ = await a_day(ward)
    step = await patient.step("Book")
    for method, path in (
        ("POST", "/fhir/Task"),
        ("PUT", f"/fhir/Task/{step['id']}"),
        ("PUT", "/fhir/Task/_search"),
        ("DELETE", f"/fhir/Patient/{patient.id}"),
        ("PATCH", f"/fhir/Task/{step['id']}"),
    ):
        refused(await doctor.call(method, path, {}), 405, "not-supported")
    for path in ("/fhir", "/fhir/Observation", "/fhir/Observation/1", "/fhir/Task/a/b", "/fhir/Task/no-id"):
        refused(await doctor.get(path), 404, "not-found")
    refused(await (await ward.patient()).get(f"/fhir/Patient/{patient.id}"), 404, "not-found")


RIGHT = {"resourceType": "Task", "status": "draft", "intent": "order", "for": {"reference": "Patient/1"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"status": "finished"},
        {"requester": {"reference": "CarePlan/1"}},
        {"authoredOn": "yesterday"},
        {"input": [{"type": {"text": "timing"}, "valueTiming": {"repeat": {"periodUnit": "days"}}}]},
        {"intent": None},
    ],
)
def test_a_wrong_shape_is_seen(wrong: dict[str, Any]) -> None:
    judge(Task.model_validate(RIGHT))
    with pytest.raises((AssertionError, ValueError)):
        judge(Task.model_validate({**RIGHT, **wrong}))


@pytest.mark.settings(rate_limits="on")
async def test_a_client_over_the_rate_limit_gets_a_retry_time(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = type("Limit", (), {"name": "f", "most": 2, "window_s": 60})
    monkeypatch.setattr("handlers.fhir.handler.FHIR_ACCOUNT", limit)
    patient = await clinic.patient()
    assert [(await patient.get("/fhir/Task")).status for _ in range(3)] == [200, 200, 429]
