"""The documents: OpenAPI as served and printed, Swagger UI from local files, and a README whose commands exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema_rs

from handlers.routes import API, openapi_document
from main import make_parser
from tests.driver import Clinic

HERE = Path(__file__).resolve().parent.parent


def test_every_route_and_method_is_described() -> None:
    document = openapi_document()
    described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    served = {(route.path, method) for route in API for method in route.handler.operations}
    assert described == served
    assert document["openapi"].startswith("3.1")


def test_every_operation_says_who_may_call_it_and_how_it_refuses() -> None:
    for path, item in openapi_document()["paths"].items():
        for method, operation in item.items():
            assert operation["summary"] and operation["description"], (method, path)
            refusals = {status for status in operation["responses"] if status[0] in "45"}
            assert "503" in refusals, (method, path)
            assert ("401" in refusals) or "security" not in operation, (method, path)
            for status in refusals:
                assert "application/problem+json" in operation["responses"][status]["content"], (method, path, status)


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


def test_every_command_in_the_readme_exists() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    makefile = (HERE / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    lines = re.findall(r"^make ([a-z -]+?)(?: +#.*)?$", readme, re.MULTILINE)
    asked = {word for line in lines for word in line.split()}
    assert {"run", "test"} <= asked and asked - targets == set()
    usage = make_parser().format_help()
    for command in re.findall(r"`python main\.py ([a-z]+)", readme):
        assert re.search(rf"^ +{command}\b", usage, re.MULTILINE), command


def test_every_picture_and_file_the_readme_shows_is_there() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"!?\[[^\]]*\]\(([^)#]+)\)", readme):
        assert link.startswith("http") or (HERE / link).exists(), link
