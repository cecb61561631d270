"""Holds every answer that a test gets to what the OpenAPI document says of that request.

``Caller`` asks this after each call, so that every test of the house is also a test of its document.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from handlers.routes import openapi_document
from hospital_rt.web.problems import PUBLISHED

PROBLEM = "application/problem+json"
FHIR = "application/fhir+json"
# What any address may answer, whatever is described of it.
ANYWHERE = frozenset({"bad-host", "bad-request", "method-not-allowed", "unavailable"})


# Every described success that was met so far, for the test that wants them all.
met: set[tuple[str, str]] = set()


class Described:
    """One operation of the document: the status codes it knows, with their slugs and shapes."""

    def __init__(self, document: dict[str, Any], operation: dict[str, Any]) -> None:
        self.id = str(operation["operationId"])
        self.slugs: dict[str, set[str]] = {}
        self.shapes: dict[str, Draft202012Validator | None] = {}
        self.has_feed = False
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            told = PROBLEM in content or (FHIR in content and status[0] in "45")
            self.slugs[status] = set(response["description"].split(", ")) if told else set()
            shape = content.get("application/json", content.get(FHIR, {})).get("schema")
            self.shapes[status] = _validator(document, shape) if shape else None
            self.has_feed = self.has_feed or "X-Feed" in response.get("headers", {})


def _validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]}, validate_formats=True)


@cache
def problem_shape() -> Draft202012Validator:
    return _validator(openapi_document(), {"$ref": "#/components/schemas/ProblemView"})


@cache
def operations() -> dict[tuple[str, re.Pattern[str]], Described]:
    document = openapi_document()
    return {
        (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path.rstrip("/")) + "/?")): Described(document, one)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }


def find(method: str, path: str) -> Described | None:
    """What the document says of a request, if anything."""
    bare = path.partition("?")[0]
    for (known, pattern), described in operations().items():
        if known == method and pattern.fullmatch(bare):
            return described
    return None


def check(method: str, path: str, status: int, headers: Mapping[str, str], raw: bytes) -> None:
    """Whether an answer is as its document says.

    Raises:
        AssertionError: it is not.
    """
    asked = f"{method} {path.partition('?')[0]} -> {status}"
    assert status != 500, f"{asked}: a fault of ours"
    if status in {101, 304, 599}:
        return
    assert headers.get("X-Request-ID"), f"{asked}: no X-Request-ID"
    described = find(method, path)
    if headers.get("Content-Type", "").startswith(PROBLEM):
        _check_problem(asked, status, headers, raw, described, has_body=method != "HEAD")
        return
    if status >= 400 and headers.get("Content-Type") == FHIR:
        _check_outcome(asked, status, headers, raw, described, has_body=method != "HEAD")
        return
    # Pages on the way to an identity provider and back are read by people, its back channel by the provider; a browser
    # that was sent to an address that does not exist is shown a page.
    is_page = described is None and status == 404 and headers.get("Content-Type", "").startswith("text/html")
    elsewhere = path.startswith(("/readyz", "/api/oidc/")) or is_page
    assert status < 400 or elsewhere, f"{asked}: not told as a problem"
    if described is None:
        return
    assert str(status) in described.shapes, f"{asked}: not described"
    met.add((described.id, str(status)))
    shape = described.shapes[str(status)]
    if headers.get("Content-Encoding") == "gzip":
        raw = gzip.decompress(raw)
    if shape is None:
        assert not raw, f"{asked}: a body where none is described"
        return
    wrong = [f"{error.instance_path}: {error.message}" for error in shape.iter_errors(json.loads(raw))]
    assert not wrong, f"{asked}: {wrong}"
    assert headers["Cache-Control"] == "no-store", asked
    if described.has_feed:
        assert re.fullmatch(r"[0-9a-f]+:\d+", headers.get("X-Feed", "")), f"{asked}: no X-Feed"


@cache
def outcome_shape() -> Draft202012Validator:
    return _validator(openapi_document(), {"$ref": "#/components/schemas/OutcomeView"})


def _check_outcome(
    asked: str, status: int, headers: Mapping[str, str], raw: bytes, described: Described | None, *, has_body: bool
) -> None:
    for code, name in ((401, "WWW-Authenticate"), (405, "Allow"), (429, "Retry-After"), (503, "Retry-After")):
        assert status != code or headers.get(name), f"{asked}: no {name}"
    if not has_body:
        return
    body = json.loads(raw)
    wrong = [error.message for error in outcome_shape().iter_errors(body)]
    assert not wrong, f"{asked}: {wrong}"
    slug = body["issue"][0]["details"]["coding"][0]["code"]
    if described is not None and slug not in ANYWHERE:
        assert slug in described.slugs.get(str(status), set()), f"{asked}: {slug} is not described"


def _check_problem(
    asked: str, status: int, headers: Mapping[str, str], raw: bytes, described: Described | None, *, has_body: bool
) -> None:
    assert status >= 400, asked
    for code, name in ((401, "WWW-Authenticate"), (405, "Allow"), (429, "Retry-After"), (503, "Retry-After")):
        assert status != code or headers.get(name), f"{asked}: no {name}"
    if not has_body:
        return
    body = json.loads(raw)
    wrong = [error.message for error in problem_shape().iter_errors(body)]
    assert not wrong, f"{asked}: {wrong}"
    slug = body["type"].removeprefix("/problems/")
    assert body["type"] == f"/problems/{slug}" and (status, body["title"]) == PUBLISHED[slug], body
    assert body["status"] == status and ("errors" in body) == (status == 422), body
    if described is not None and slug not in ANYWHERE:
        assert slug in described.slugs.get(str(status), set()), f"{asked}: {slug} is not described"
