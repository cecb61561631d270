"""The documents: OpenAPI as served and printed, Swagger UI from local files, pages whose commands and links exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from handlers.identity.provider import OidcCallbackHandler, OidcLogoutHandler, OidcStartHandler
from handlers.live.handler import LiveHandler
from handlers.routes import API, openapi_document
from hospital_rt.domain.clock import from_wire, utcnow
from hospital_rt.settings import Settings
from hospital_rt.web.problems import Problem
from hospital_rt.web.tokens import Tokens
from main import make_parser
from tests.support import described
from tests.support.admin_driver import environment_of, run
from tests.support.documentation import documentation, pages
from tests.support.driver import PASSWORD, Clinic, item
from tests.support.mailbox import link_token

pytestmark = pytest.mark.long

HERE = Path(__file__).resolve().parents[2]


def test_every_route_and_method_is_described() -> None:
    document = openapi_document()
    told = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {(route.path, method) for route in API for method in route.handler.operations}
    assert told == served
    assert document["openapi"].startswith("3.1")


def test_what_is_no_operation_is_named_in_the_introduction() -> None:
    introduction = openapi_document()["info"]["description"]
    for handler in (LiveHandler, OidcStartHandler, OidcCallbackHandler, OidcLogoutHandler):
        assert not hasattr(handler, "operations")
    for path in ("/api/live/", "/api/oidc/start/", "/api/oidc/callback/", "/api/oidc/logout/", "/calendar/", "/readyz"):
        assert path in introduction, path


def test_every_operation_says_who_may_call_it_and_how_it_refuses() -> None:
    for path, methods in openapi_document()["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] and operation["description"], (method, path)
            refusals = {status for status in operation["responses"] if status[0] in "45"}
            assert "503" in refusals, (method, path)
            assert ("401" in refusals) or "security" not in operation, (method, path)
            for status in refusals:
                media_type = described.FHIR if path.startswith("/fhir/") else described.PROBLEM
                assert media_type in operation["responses"][status]["content"], (method, path, status)


def test_the_document_is_openapi_3_1_and_names_each_operation_once() -> None:
    document = openapi_document()
    OPENAPI_31_VALIDATOR.validate(document)
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere_and_every_schema_is_one() -> None:
    document = openapi_document()
    schemas = document["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in schemas, name
    for name in schemas:
        jsonschema_rs.meta.validate({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


async def test_the_document_is_served_as_it_is_printed(clinic: Clinic) -> None:
    served = await clinic.anyone.get("/openapi.json")
    assert served.status == 200 and served.headers["Content-Type"].startswith("application/json")
    printed = subprocess.run(  # noqa: ASYNC221 - a short command, and nothing else runs meanwhile
        [sys.executable, "main.py", "openapi"], capture_output=True, text=True, cwd=HERE, check=True
    )
    assert served.body == json.loads(printed.stdout) == openapi_document()


DROPPED = item("Take warfarin 5 mg", "nothing of the kind")
# Where addresses are confirmed; met in test_account_mail.py.
ELSEWHERE = {("post_api_signup", "202")}
# Met in test_administration, test_carers, test_cover, test_patient_questions and test_second_factors.
IN_TESTS_OF_THEIR_OWN = re.compile(
    "^[a-z]+_api_(admin|carers|caring|me_carers|me_cover|me_recovery-codes|me_second-factors|passkeys|questions|sign-in"
    "|token_second-factor)(_|$)"
)


@pytest.mark.settings(push_hosts=("push.example",))
async def test_every_success_is_as_its_document_says(clinic: Clinic) -> None:
    """Each is met once here; that its body is of the described shape is seen to by every call of every test."""
    described.met.clear()
    patient, doctor = await clinic.patient(), await clinic.doctor()
    anyone = clinic.anyone
    await clinic.assign(patient, doctor)
    await clinic.assign(patient, doctor)
    proposed = await clinic.note(
        doctor, patient, checklist=[item("Book a scan"), DROPPED], text="Book a scan.", expect="proposed"
    )
    note = f"/api/notes/{proposed['id']}"
    await doctor.post(f"{note}/approve/")
    again = await clinic.note(
        doctor, patient, checklist=[item("Book a test"), DROPPED], text="Book a test.", expect="proposed"
    )
    await doctor.post(f"/api/notes/{again['id']}/reject/")
    clinic.model.will({"do": "refuse"})
    failed = await clinic.submit(doctor, patient, "Walk.")
    await clinic.read_notes()
    await doctor.post(f"/api/notes/{failed['id']}/retry/")
    walk = await clinic.plan_daily(doctor, patient, "Walk")
    await clinic.tick("2027-03-02T09:00")
    step = f"/api/steps/{walk['id']}/"
    for user in (patient, doctor):
        for path in (
            "/api/notes/",
            f"{note}/",
            "/api/steps/?status=all",
            step,
            "/api/events/",
            "/api/doctors/",
            f"/api/adherence/?patient_id={patient.id}",
            f"/api/adherence/steps/?patient_id={patient.id}",
            "/api/me/",
            "/api/me/sessions/",
        ):
            assert (await user.get(path)).status == 200, path
        for kind in ("metadata", "Patient", "Practitioner", "CarePlan", "Task", "Communication"):
            found = (await user.get(f"/fhir/{kind}")).body
            if kind != "metadata":
                assert (await user.call("POST", f"/fhir/{kind}/_search")).body == found
            for entry in found.get("entry", []):
                assert (await user.get(f"/fhir/{kind}/{entry['resource']['id']}")).status == 200
    await patient.post(f"/api/check-in/{walk['id']}/")
    assert (await doctor.post(f"/api/my-patients/{patient.id}/called/", {"text": "Well."})).status == 200
    assert (await patient.get(step)).body["check_ins"]
    await patient.delete(f"/api/check-in/{walk['id']}/")
    slot = (await patient.get(step)).body["open_slot"]
    await patient.post(f"/api/snooze/{walk['id']}/", {"slot": slot, "minutes": 30})
    whose: dict[str, Any] = {"user_id": patient.id, "step_id": walk["id"], "slot_at": from_wire(slot)}
    await clinic.app.store.answer_tokens.make(Tokens.hash_link("pushed"), now=clinic.now, **whose)
    await anyone.post("/api/answer/", {"token": "pushed", "outcome": "snooze"})
    assert (await doctor.get("/api/my-patients/")).body["items"]
    await doctor.post(f"{step}cancel/")
    await doctor.post(f"{note}/withdraw/")
    await patient.get("/api/assign/")
    assert (await patient.get("/api/me/access-log/")).body["items"]
    await patient.delete("/api/assign/")
    await patient.patch("/api/me/", {"reminder_time": "08:00"})
    await patient.post("/api/me/calendar/")
    await patient.delete("/api/me/calendar/")
    keys = {"p256dh": "B" + "A" * 86, "auth": "A" * 22}
    await patient.post("/api/me/push/", {"endpoint": "https://push.example/device", "keys": keys})
    [device] = (await patient.get("/api/me/push/")).body["items"]
    await patient.delete("/api/me/push/", {"id": device["id"]})
    await patient.call("PUT", "/api/me/email-reminders/")
    await patient.get("/api/me/email-reminders/")
    await patient.delete("/api/me/email-reminders/")
    tablet = await clinic.sign_in(patient.user)
    [session] = [one for one in (await tablet.get("/api/me/sessions/")).body["items"] if not one["current"]]
    await tablet.delete(f"/api/me/sessions/{session['id']}/")
    newer = (await anyone.post("/api/token/refresh/", {"refresh": tablet.refresh})).body["refresh"]
    await anyone.post("/api/token/revoke/", {"refresh": newer})
    await anyone.post("/api/forgot-password/", {"email": patient.email})
    token = await link_token(clinic, patient.email)
    await anyone.post("/api/reset-password/", {"token": token, "password": PASSWORD})
    patient = await clinic.sign_in(patient.user)
    await patient.post("/api/me/password/", {"current": PASSWORD, "password": PASSWORD})
    await patient.delete("/api/me/", {"password": PASSWORD})
    await anyone.post("/api/verify-email/", {"token": await unverified(clinic), "password": PASSWORD})
    every = {
        (operation["operationId"], status)
        for methods in openapi_document()["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status.startswith("2")
    }
    assert {one for one in every - described.met if not IN_TESTS_OF_THEIR_OWN.match(one[0])} == ELSEWHERE


async def unverified(clinic: Clinic) -> str:
    """The link of a sign-up made while addresses were still confirmed."""
    user = await clinic.sign_up("patient")
    await clinic.app.store.users.update(user["id"], {"email_confirmed": False})
    tokens = clinic.app.resources.tokens
    _, link_id = await clinic.app.store.letters.write_with_link(
        tokens, user_id=user["id"], kind="verify", use="verify", now=utcnow()
    )
    return tokens.link_token(use="verify", link_id=link_id)


SUPERSEDED = json.dumps(Problem("superseded").document()).encode()
WRONG_ANSWERS = [
    ("GET", "/api/me/", 500, {}, b"{}"),
    ("GET", "/api/me/", 404, {"Content-Type": "text/html"}, b"<h1>"),
    ("GET", "/api/me/", 200, {}, b'{"id": "x"}'),
    ("GET", "/api/me/", 201, {}, b"{}"),
    ("DELETE", "/api/assign", 204, {}, b"{}"),
    ("GET", "/api/doctors?q=x", 200, {}, b'{"items": [], "next": 7}'),
    ("GET", "/api/steps/", 200, {}, b'{"items": [], "next": null}'),
    ("GET", "/api/me/", 401, {"Content-Type": described.PROBLEM}, b"{}"),
    ("GET", "/api/me/", 409, {"Content-Type": described.PROBLEM}, SUPERSEDED),
]


@pytest.mark.parametrize(("method", "path", "status", "headers", "raw"), WRONG_ANSWERS)
def test_an_answer_that_is_not_as_its_document_says_is_noticed(
    method: str, path: str, status: int, headers: dict[str, str], raw: bytes
) -> None:
    usual = {"X-Request-ID": "x", "Cache-Control": "no-store", "Content-Type": "application/json"}
    with pytest.raises(AssertionError):
        described.check(method, path, status, {**usual, **headers}, raw)


async def test_swagger_ui_comes_whole_from_this_server(clinic: Clinic) -> None:
    page = await clinic.anyone.get("/swagger/")
    assert page.status == 200
    text = page.raw.decode()
    linked = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert linked and all(link.startswith("/") for link in linked), linked
    for link in linked:
        answer = await clinic.anyone.get(link)
        assert answer.status == 200, link
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "http" not in policy
    assert b"SwaggerUIBundle" in (await clinic.anyone.get("/swagger/files/swagger-ui-bundle.js")).raw
    schemes = openapi_document()["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer", "a token pasted in is enough"


def test_every_command_in_the_documentation_exists() -> None:
    readme = documentation()
    makefile = (HERE / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    lines = re.findall(r"^make ([a-z -]+?)(?: +#.*)?$", readme, re.MULTILINE)
    asked = {word for line in lines for word in line.split()}
    assert {"run", "test"} <= asked and asked - targets == set()
    usage = make_parser().format_help()
    for command in re.findall(r"`python main\.py ([a-z]+)", readme):
        assert re.search(rf"^ +{command}\b", usage, re.MULTILINE), command


async def test_the_operators_commands_of_the_documentation_run_as_they_stand(
    clinic: Clinic, elsewhere: Settings, tmp_path: Path
) -> None:
    readme = documentation()
    lines = re.findall(r"^ *python main\.py (admin .+?)(?: +#.*)?$", readme, re.MULTILINE)
    assert {"backup", "restore", "schema", "verify-audit"} <= {line.split()[1] for line in lines}
    await clinic.note(*reversed(await clinic.pair()), checklist=[item("Book a scan")])
    for line in lines:
        there = "restore" in line or "new-epoch" in line
        environment = environment_of(elsewhere if there else clinic.app.settings)
        ran = await run(*line.split(), environment=environment, cwd=tmp_path)
        assert ran.code == 0, (line, ran)


def test_every_picture_and_file_that_a_page_links_is_there() -> None:
    links = [
        (page, link)
        for page in pages()
        for link in re.findall(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if not link.startswith("http")
    ]
    assert len(links) > 40
    assert [(page.name, link) for page, link in links if not (page.parent / link).exists()] == []
