"""Who may do what: one table, from which a test is made for each door and each kind of caller.

A row is a method and a path with whose object it names; a column is a caller; a cell is the status. ``D`` objects
belong to the patient's present doctor, ``F`` objects to the former one. The table must know every route.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from handlers.routes import API
from tests.support.channel import open_channel
from tests.support.documentation import documentation
from tests.support.driver import PASSWORD, Caller, Clinic, Person, item, plan_item
from tests.support.factors import code_of
from tests.support.people import admin_of, carer_of, cover_of

pytestmark = pytest.mark.long

CALLERS = (
    "anonymous",
    "patient",
    "other_patient",
    "doctor",
    "former_doctor",
    "stranger",
    "pending",
    "deactivated",
    "carer",  # may answer, and read no notes
    "watcher",  # a carer who may see, and read notes
    "covering",  # a doctor who covers for the patient's
    "admin",
)


def cells(*statuses: int) -> dict[str, int]:
    return dict(zip(CALLERS, statuses, strict=True))


# Kinds of doors, by what each caller gets. 0: not asked, because it would end the caller's own account.
ANYONE = "anyone"
USER = cells(401, 200, 200, 200, 200, 200, 200, 401, 200, 200, 200, 200)
OWN = cells(401, 200, 404, 200, 404, 404, 403, 401, 200, 200, 200, 403)
OWN_NOTES = {**OWN, "carer": 404}
OF_FORMER = {**OWN_NOTES, "doctor": 404, "covering": 404}
PROPOSED = {**OWN, "patient": 404, "carer": 404, "watcher": 404}
PATIENT = cells(401, 200, 200, 403, 403, 403, 403, 401, 403, 403, 403, 403)
THIS_PATIENT = cells(401, 200, 404, 403, 403, 403, 403, 401, 403, 403, 403, 403)
ANSWER = {**THIS_PATIENT, "carer": 200}
DOCTOR = cells(401, 403, 403, 200, 200, 200, 403, 401, 403, 403, 200, 403)
THIS_DOCTOR = cells(401, 403, 403, 200, 404, 404, 403, 401, 403, 403, 200, 403)
THIS_DOCTOR_ONCE = {**THIS_DOCTOR, "covering": 409}  # the doctor was first
NO_DOCTOR = {**THIS_DOCTOR, "doctor": 404, "covering": 404}
CLINICAL = cells(401, 200, 200, 200, 200, 200, 403, 401, 200, 200, 200, 403)
NO_ACCESS = cells(401, 404, 404, 404, 404, 404, 403, 401, 404, 404, 404, 403)
CARER = {**NO_ACCESS, "carer": 200, "watcher": 200}
ADMIN = cells(401, 403, 403, 403, 403, 403, 403, 401, 403, 403, 403, 200)

THIS_ACCOUNT = {**dict.fromkeys(CALLERS, 404), "anonymous": 401, "deactivated": 401, "patient": 200}
PROOF = {"password": PASSWORD}


PUSH: dict[str, Any] = {"endpoint": "https://127.0.0.1/x", "keys": {"p256dh": "B" * 87, "auth": "A" * 22}}


@dataclass(frozen=True)
class Row:
    """One door. ``{name}`` in path and body is filled from the scene."""

    method: str
    path: str
    expect: dict[str, int]
    body: Any = None
    success: int = 200
    only: tuple[str, ...] = field(default=CALLERS)
    late: str = ""
    """Who comes after all others, and finds done what could be done once."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


TABLE = (
    Row("GET", "/api/me/", USER),
    Row("PATCH", "/api/me/", USER, {"language": "es"}),
    Row("DELETE", "/api/me/", USER, {"password": PASSWORD}, 204),
    Row("POST", "/api/me/password/", USER, {"current": PASSWORD, "password": "another-quiet-meadow-7"}, 204),
    Row("GET", "/api/me/sessions/", USER),
    Row(
        "DELETE",
        "/api/me/sessions/{patient_session}/",
        {**dict.fromkeys(CALLERS, 404), "anonymous": 401, "deactivated": 401, "patient": 200},
        None,
        204,
    ),
    Row("GET", "/api/me/second-factors/", {**USER, "pending": 200}),
    Row("POST", "/api/me/second-factors/", {**USER, "pending": 200}, {"kind": "passkey"}, 201),
    Row("POST", "/api/me/second-factors/{factor}/confirm/", THIS_ACCOUNT, {"code": "{code}"}),
    Row("DELETE", "/api/me/second-factors/{factor}/", THIS_ACCOUNT, {"password": PASSWORD}, 204),
    Row(
        "POST", "/api/me/recovery-codes/", {**dict.fromkeys(CALLERS, 409), "anonymous": 401, "deactivated": 401}, PROOF
    ),
    Row("GET", "/api/me/access-log/", PATIENT),
    Row("POST", "/api/me/calendar/", PATIENT, None, 201),
    Row("DELETE", "/api/me/calendar/", PATIENT, None, 204),
    Row("GET", "/api/me/push/", PATIENT),
    Row("POST", "/api/me/push/", PATIENT, PUSH, 201),
    Row("DELETE", "/api/me/push/", {**PATIENT, "patient": 404, "other_patient": 404}, {"endpoint": PUSH["endpoint"]}),
    Row("GET", "/api/me/email-reminders/", PATIENT),
    Row("PUT", "/api/me/email-reminders/", PATIENT),
    Row("DELETE", "/api/me/email-reminders/", PATIENT, None, 204),
    Row("GET", "/api/doctors/", USER),
    Row("GET", "/api/assign/", {**PATIENT, "other_patient": 404}),
    Row("POST", "/api/assign/", PATIENT, {"doctor_id": "{doctor}"}, 201),
    Row("DELETE", "/api/assign/", {**PATIENT, "other_patient": 404}, None, 204),
    Row("GET", "/api/my-patients/", DOCTOR),
    Row("POST", "/api/my-patients/{patient}/called/", THIS_DOCTOR, {"text": "No answer."}),
    Row("GET", "/api/notes/", CLINICAL),
    Row("GET", "/api/notes/?patient_id={patient}", OWN_NOTES),
    Row("POST", "/api/notes/", THIS_DOCTOR, {"patient_id": "{patient}", "text": "Walk 20 minutes daily."}, 202),
    Row("GET", "/api/notes/{note}/", OWN_NOTES),
    Row("GET", "/api/notes/{former_note}/", OF_FORMER),
    Row("POST", "/api/notes/{failed}/retry/", THIS_DOCTOR_ONCE, None, 202, late="covering"),
    Row("POST", "/api/notes/{failed}/retry/", THIS_DOCTOR_ONCE, {"reader": "local"}, 202, late="covering"),
    Row("POST", "/api/notes/{former_note}/retry/", NO_DOCTOR),
    Row("POST", "/api/notes/{proposed}/approve/", THIS_DOCTOR_ONCE, late="covering"),
    Row("POST", "/api/notes/{former_note}/approve/", NO_DOCTOR),
    Row("POST", "/api/notes/{proposed}/reject/", THIS_DOCTOR_ONCE, late="covering"),
    Row("POST", "/api/notes/{note}/withdraw/", THIS_DOCTOR),
    Row("POST", "/api/notes/{former_note}/withdraw/", NO_DOCTOR),
    Row("GET", "/api/steps/", CLINICAL),
    Row("GET", "/api/steps/?patient_id={patient}&status=all", OWN),
    Row("GET", "/api/steps/{step}/", OWN),
    Row("POST", "/api/steps/{step}/cancel/", {**OWN, "carer": 403, "watcher": 403}),
    Row("GET", "/api/steps/{proposed_step}/", PROPOSED),
    Row("POST", "/api/steps/{proposed_step}/cancel/", NO_ACCESS),
    Row("POST", "/api/check-in/{step}/", ANSWER),
    Row("DELETE", "/api/check-in/{answered}/", {**ANSWER, "carer": 409}, late="carer"),
    Row(
        "POST",
        "/api/snooze/{step}/",
        {**ANSWER, "patient": 409, "carer": 409},  # the slot is still to come
        {"slot": "2027-03-02T09:00:00Z", "minutes": 10},
    ),
    Row("GET", "/api/questions/", CLINICAL),
    Row("GET", "/api/questions/?patient_id={patient}&state=all", {**OWN, "carer": 404, "watcher": 404}),
    Row("POST", "/api/questions/", THIS_PATIENT, {"step_id": "{step}", "text": "It makes me dizzy."}, 201),
    Row("POST", "/api/questions/{question}/answer/", THIS_DOCTOR, {"text": "Take it in the evening."}),
    Row("POST", "/api/questions/{question}/seen/", THIS_DOCTOR),
    Row("POST", "/api/questions/{former_question}/answer/", NO_DOCTOR, {"text": "Take it in the evening."}),
    Row("POST", "/api/questions/{former_question}/seen/", NO_DOCTOR),
    Row("GET", "/api/events/", USER),
    Row("GET", "/api/adherence/?patient_id={patient}", OWN),
    Row("GET", "/api/adherence/steps/?patient_id={patient}", OWN),
    Row("GET", "/api/me/carers/", PATIENT),
    Row("POST", "/api/me/carers/", PATIENT, {"email": "new@clinic.example", "may": "see"}, 201),
    Row("PATCH", "/api/me/carers/{care}/", THIS_PATIENT, {"alert_minutes": 30}),
    Row("DELETE", "/api/me/carers/{care}/", THIS_PATIENT, None, 204),
    Row(
        "POST",
        "/api/carers/accept/",
        {caller: 400 if status == 200 else status for caller, status in CLINICAL.items()},
        {"token": "guessed"},
    ),
    Row("GET", "/api/caring/", CLINICAL),
    Row("PATCH", "/api/caring/{patient}/", CARER, {"alert_minutes": 30}),
    Row("DELETE", "/api/caring/{patient}/", CARER, None, 204),
    Row("GET", "/api/me/cover/", DOCTOR),
    Row(
        "POST",
        "/api/me/cover/",
        {**DOCTOR, "stranger": 422},
        {"doctor_id": "{stranger}", "until": "2027-04-01T00:00:00Z"},
        201,
    ),
    Row("DELETE", "/api/me/cover/{cover}/", {**THIS_DOCTOR, "covering": 404}, None, 204, late="covering"),
    Row("GET", "/api/admin/accounts/", ADMIN),
    Row("POST", "/api/admin/accounts/{pending}/approve/", ADMIN),
    Row("POST", "/api/admin/accounts/{pending}/refuse/", ADMIN),
    Row("POST", "/api/admin/accounts/{patient}/deactivate/", ADMIN),
    Row("POST", "/api/admin/accounts/{patient}/reset-link/", ADMIN, None, 202),
    Row("GET", "/api/admin/overview/", ADMIN),
    Row("GET", "/api/admin/audit/?of={patient}", ADMIN),
    Row("GET", "/fhir/Patient", CLINICAL),
    Row("GET", "/fhir/Patient/{patient}", OWN),
    Row("GET", "/fhir/Practitioner", CLINICAL),
    Row("GET", "/fhir/Practitioner/{doctor}", CLINICAL),
    Row("GET", "/fhir/Practitioner/{patient}", NO_ACCESS),
    Row("GET", "/fhir/CarePlan", CLINICAL),
    Row("GET", "/fhir/CarePlan?patient={patient}", OWN_NOTES),
    Row("GET", "/fhir/CarePlan/{note}", OWN_NOTES),
    Row("GET", "/fhir/CarePlan/{former_note}", OF_FORMER),
    Row("GET", "/fhir/CarePlan/{proposed}", PROPOSED),
    Row("GET", "/fhir/Task", CLINICAL),
    Row("GET", "/fhir/Task?subject=Patient/{patient}", OWN),
    Row("GET", "/fhir/Task/{step}", OWN),
    Row("GET", "/fhir/Task/{proposed_step}", PROPOSED),
    Row("GET", "/fhir/Communication", CLINICAL),
    Row("GET", "/fhir/Communication?patient={patient}", OWN),
    Row("GET", "/fhir/Communication/{answer}", OWN),
    Row("POST", "/fhir/Patient/_search", CLINICAL),
    Row("POST", "/fhir/Practitioner/_search", CLINICAL),
    Row("POST", "/fhir/CarePlan/_search", CLINICAL),
    Row("POST", "/fhir/Task/_search", CLINICAL),
    Row("POST", "/fhir/Communication/_search", CLINICAL),
    Row("POST", "/fhir/Task/_search?patient={patient}", OWN),
)
# Doors without a sign-in: what they let through is tried in the tests of accounts.
OPEN_DOORS = {
    ("POST", "/api/signup/"),
    ("POST", "/api/verify-email/"),
    ("POST", "/api/token/"),
    ("POST", "/api/token/refresh/"),
    ("POST", "/api/token/revoke/"),
    ("POST", "/api/token/second-factor/"),
    ("POST", "/api/passkeys/options/"),
    ("GET", "/api/sign-in/"),
    ("POST", "/api/forgot-password/"),
    ("POST", "/api/reset-password/"),
    ("POST", "/api/carers/invitation/"),
    ("POST", "/api/answer/"),
    ("GET", "/fhir/metadata"),
}


class Scene:
    """A patient, their present and former doctor, and callers without access."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.people: dict[str, Caller] = {"anonymous": clinic.anyone}
        self.ids: dict[str, str] = {}

    async def set(self) -> Scene:
        clinic = self.clinic
        patient, doctor, former = await clinic.patient(), await clinic.doctor(), await clinic.doctor()
        await clinic.assign(patient, former)
        self.ids["former_note"] = (await clinic.note(former, patient, checklist=[item("Weigh yourself")]))["id"]
        self.ids["former_question"] = await self.ask_about(patient, "Weigh yourself")
        await clinic.assign(patient, doctor)
        note = await clinic.note(
            doctor,
            patient,
            checklist=[item("Book a chest X-ray"), item("Call the desk")],
            plan=[plan_item("Walk 20 minutes", "Walk 20 minutes daily")],
        )
        answered = await patient.step("Call the desk")
        assert (await patient.post(f"/api/check-in/{answered['id']}/")).status == 200
        clinic.model.will({"do": "refuse"})
        failed = await clinic.submit(doctor, patient, "Rest well.")
        await clinic.read_notes()
        proposed = await clinic.note(
            doctor,
            patient,
            checklist=[item("Drink water"), item("Take 500 mg of gold", "Drink water")],
            text="Drink water.",
            expect="proposed",
        )
        pending = await clinic.doctor()
        await clinic.app.store.users.update(pending.id, {"status": "pending"})
        deactivated = await clinic.patient()
        await clinic.app.store.users.update(deactivated.id, {"status": "deactivated"})
        carer = await carer_of(clinic, patient, may="answer")
        watcher = await carer_of(clinic, patient, may="see", notes=True)
        covering, stranger = await clinic.doctor(), await clinic.doctor()
        cover = await cover_of(doctor, covering, until="2027-03-20T00:00:00Z")
        self.people |= {
            "carer": carer,
            "watcher": watcher,
            "covering": covering,
            "admin": await admin_of(clinic),
            "patient": patient,
            "other_patient": await clinic.patient(),
            "doctor": doctor,
            "former_doctor": former,
            "stranger": stranger,
            "pending": pending,
            "deactivated": deactivated,
        }
        answers = (await patient.get("/fhir/Communication?category=check-in")).body["entry"]
        sessions = (await patient.get("/api/me/sessions/")).body["items"]
        factor = (await patient.post("/api/me/second-factors/", {"kind": "totp"})).body
        self.ids |= {
            "patient": patient.id,
            "doctor": doctor.id,
            "stranger": stranger.id,
            "pending": pending.id,
            "care": (await patient.get("/api/me/carers/")).body["items"][0]["id"],
            "cover": cover["id"],
            "note": note["id"],
            "failed": failed["id"],
            "proposed": proposed["id"],
            "proposed_step": proposed["steps"][0]["id"],
            "answered": answered["id"],
            "step": (await patient.step("Walk"))["id"],
            "patient_session": sessions[0]["id"],
            "factor": factor["id"],
            "code": code_of(factor["secret"]),
            "answer": answers[0]["resource"]["id"],
            "question": await self.ask_about(patient, "Walk"),
        }
        return self

    async def ask_about(self, patient: Person, title: str) -> str:
        step = await patient.step(title)
        asked = await patient.post("/api/questions/", {"step_id": step["id"], "text": "Which scales?"})
        assert asked.status == 201, asked
        return str(asked.body["id"])

    async def ask(self, row: Row, caller: str) -> int:
        body = row.body and {
            key: value.format(**self.ids) if isinstance(value, str) else value for key, value in row.body.items()
        }
        answer = await self.people[caller].call(row.method, row.path.format(**self.ids), body)
        return answer.status


def refused_first(row: Row) -> list[str]:
    """Those who are let in come last, so that what they change cannot explain a refusal."""
    return sorted(CALLERS, key=lambda caller: (caller == row.late, row.expect[caller] == 200, caller != "patient"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _seen(_shared: Clinic) -> Scene:
    """A scene for all doors that only show: nothing that is asked there changes it."""
    return await Scene(_shared).set()


@pytest.mark.parametrize("row", [row for row in TABLE if row.method == "GET"], ids=str)
async def test_each_reading_route_admits_the_callers_of_the_table(ward: Clinic, _seen: Scene, row: Row) -> None:
    await lets_in(_seen, row)


@pytest.mark.settings(push_hosts=("127.0.0.1",))
@pytest.mark.parametrize("row", [row for row in TABLE if row.method != "GET"], ids=str)
async def test_each_writing_route_admits_the_callers_of_the_table(clinic: Clinic, row: Row) -> None:
    await lets_in(await Scene(clinic).set(), row)


async def lets_in(scene: Scene, row: Row) -> None:
    got, wanted = {}, {}
    for caller in refused_first(row):
        expected = row.expect[caller]
        wanted[caller] = row.success if expected == 200 else expected
        got[caller] = await scene.ask(row, caller)
    if row.path == "/api/assign/" and row.method == "POST":
        assert got.pop("patient") == 200 and wanted.pop("patient") == 201  # already theirs
    assert got == wanted


def test_the_table_contains_every_route() -> None:
    known = {(row.method, _bare(row.path)) for row in TABLE} | OPEN_DOORS
    served = {(method, _bare(route.path)) for route in API for method in route.handler.operations}
    assert served - known == set(), "these doors are in no row"
    assert {door for door in known if door not in served} == set(), "these rows lead to no door"


def test_the_documentation_counts_access_cases_right() -> None:
    readme = documentation()
    said = re.search(r"deactivated user:\s+more than (\d+) cases", readme)
    assert said is not None
    cases = len(TABLE) * len(CALLERS) + len(CALLERS)  # the live channel's check-in besides
    assert int(said.group(1)) < cases < int(said.group(1)) + 100


def _bare(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("?")[0].split("/"))


async def test_a_check_in_on_the_live_channel_is_judged_like_rest(clinic: Clinic) -> None:
    scene = await Scene(clinic).set()
    for caller in refused_first(Row("POST", "/api/live/", ANSWER)):
        person, expected = scene.people[caller], ANSWER[caller]
        if expected == 401:
            channel = await open_channel(clinic.base)
            await channel.send({"type": "auth", "token": person.access or "none"})
            assert await channel.closed() == 4401
            continue
        assert isinstance(person, Person)
        async with person.live() as channel:
            reply = await channel.ask({"type": "check_in", "id": "1", "step_id": scene.ids["step"]})
        assert reply["ok"] is (expected == 200), caller
        if expected != 200:
            assert reply["error"]["status"] == expected, caller
