"""Schemathesis over the OpenAPI document, as a patient and as a doctor: no fault of ours, nothing undocumented."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from tests.support.driver import Clinic, free_port, item, plan_item

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance"
)
# What would end the caller's own account or session, and with it the run.
NOT_THESE = "me/$|me/password|token/|sessions/"
EXAMPLES = 6
pytestmark = pytest.mark.abuse


async def fuzz(base: str, token: str, folder: Path) -> tuple[int | None, str]:
    """Exit code and report: 0 is nothing found, 1 findings."""
    ran = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        f"{base}/openapi.json",
        "--header",
        f"Authorization: Bearer {token}",
        "--exclude-path-regex",
        NOT_THESE,
        "--checks",
        CHECKS,
        "--phases",
        "fuzzing",
        "--max-examples",
        str(EXAMPLES),
        "--no-color",
        "--generation-database",
        "none",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
    )
    said, _ = await ran.communicate()
    return ran.returncode, said.decode()


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("role", ["patient", "doctor"])
async def test_whatever_the_document_allows_is_answered_as_it_says(ward: Clinic, role: str, tmp_path: Path) -> None:
    patient, doctor = await ward.pair()
    await ward.note(doctor, patient, checklist=[item("Book an X-ray")], plan=[plan_item("Walk", "Walk daily")])
    who = patient if role == "patient" else doctor
    code, report = await fuzz(ward.base, who.access or "", tmp_path)
    assert code == 0 and "Tested:" in report, report
    assert (await who.get("/api/steps/")).status == 200, "the token was good until the end"


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "planted", "version": "1"},
    "paths": {
        "/api/thing/": {
            "get": {
                "parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "description": "fine",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["id"],
                                }
                            }
                        },
                    }
                },
            }
        }
    },
}


@pytest.mark.long
@pytest.mark.parametrize("planted", ["a fault", "another status", "another shape", "nothing"])
async def test_the_fuzzer_finds_what_is_planted(planted: str, tmp_path: Path) -> None:
    status = {"a fault": 500, "another status": 418}.get(planted, 200)

    class Document(RequestHandler):
        def get(self) -> None:
            self.finish(json.dumps(DOCUMENT))

    class Thing(RequestHandler):
        def get(self) -> None:
            self.set_status(status)
            body: dict[str, Any] = {} if planted == "another shape" else {"id": "x"}
            self.finish(body)

    port = free_port()
    server = HTTPServer(Application([("/openapi.json", Document), ("/api/thing/", Thing)]))
    server.listen(port, "127.0.0.1")
    try:
        code, report = await fuzz(f"http://127.0.0.1:{port}", "x", tmp_path)
    finally:
        server.stop()
    assert (code == 0) is (planted == "nothing"), report
