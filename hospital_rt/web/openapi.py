"""The OpenAPI 3.1 document, built with apispec from routes, their operations and typed bodies."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apispec import APISpec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import PUBLISHED

TITLES = {200: "Done", 201: "Made", 202: "Accepted", 204: "Done, nothing to say"}
ALWAYS = ("bad-host", "bad-request", "unavailable")
WITH_BODY = ("not-json", "too-large", "unsupported-media-type", "invalid")
FHIR = "application/fhir+json"
SIGNED_IN = ("unauthenticated", "forbidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOperation:
    """One operation with the path and the method to which it is bound; ``doc`` describes it, ``tag`` groups it."""

    path: str  # /api/notes/{note_id}/
    method: str
    doc: str
    tag: str
    operation: Operation


def build_openapi(
    described: Iterable[RouteOperation], *, version: str, problem: type[BaseModel], outcome: type[BaseModel]
) -> dict[str, Any]:
    """Build the document. Every named type appears once under ``components``."""
    operations = list(described)
    spec = APISpec(
        title="hospital_rt",
        version=version,
        openapi_version="3.1.0",
        plugins=[],
        info={
            "description": "What a doctor wrote becomes what a patient does. Sign in at `/api/token/`, then paste "
            "`access` under *Authorize*.\n\nNot operations, and so not listed below: `GET /api/live/` (a WebSocket: "
            "`/asyncapi/`); the pages `GET /api/oidc/start/?next=` and `GET /api/oidc/callback/` on the way to an "
            "identity provider and back, and its back channel `POST /api/oidc/logout/` (form-encoded `logout_token`); "
            "the private links `GET /calendar/<secret>.ics` and `/unsubscribe/<link>`; the probes `/healthz`, "
            "`/readyz` and `/metrics`."
        },
    )
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    _components(spec, operations, problem, outcome)
    for one in operations:
        spec.path(path=one.path, operations={one.method.lower(): _operation(one)})
    document: dict[str, Any] = spec.to_dict()
    return document


def _components(spec: APISpec, operations: list[RouteOperation], *refusals: type[BaseModel]) -> None:
    shapes: dict[str, tuple[type[BaseModel], Any]] = {one.__name__: (one, "serialization") for one in refusals}
    for operation in [one.operation for one in operations]:
        if operation.body:
            shapes[operation.body.__name__] = (operation.body, "validation")
        for response in operation.responses.values():
            if response:
                shapes[response.__name__] = (response, "serialization")
    _, definitions = models_json_schema(list(shapes.values()), ref_template="#/components/schemas/{model}")
    for name, schema in definitions.get("$defs", {}).items():
        spec.components.schema(name, schema)


def schema_ref(shape: type[BaseModel]) -> dict[str, str]:
    """A reference to the schema of a type, in OpenAPI and AsyncAPI."""
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def _operation(one: RouteOperation) -> dict[str, Any]:
    operation = one.operation
    name = one.path.strip("/").replace("/", "_").replace("{", "").replace("}", "")
    summary, _, rest = inspect.cleandoc(one.doc).partition(". ")
    who = {
        "anyone": "Anyone.",
        "user": "Anyone signed in.",
        "non_admin": "Patients, their doctors and carers.",
        "patient": "Patients.",
        "doctor": "Doctors.",
        "admin": "Administrators.",
    }[operation.allow]
    found: dict[str, Any] = {
        "summary": summary.rstrip("."),
        "description": f"{rest}\n\n{who}".strip(),
        "tags": [one.tag],
        "operationId": f"{one.method.lower()}_{name}",
        "parameters": _parameters(one),
        "responses": _responses(operation),
    }
    if operation.allow != "anyone":
        found["security"] = [{"bearer": []}]
    if operation.body:
        found["requestBody"] = {
            "required": not operation.body_optional,
            "content": {"application/json": {"schema": schema_ref(operation.body)}},
        }
    elif operation.fhir and one.method == "POST":
        form = {"type": "object", "additionalProperties": {"type": "string"}}
        found["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
    return found


def _parameters(one: RouteOperation) -> list[dict[str, Any]]:
    operation = one.operation
    found: list[dict[str, Any]] = [
        {
            "name": part[1:-1],
            "in": "path",
            "required": True,
            "schema": {"type": "string"} if operation.fhir else {"type": "string", "format": "uuid"},
        }
        for part in one.path.split("/")
        if part.startswith("{")
    ]
    if operation.query:
        schema = operation.query.model_json_schema()
        for name, member in schema["properties"].items():
            plain = {key: value for key, value in member.items() if key not in {"title", "default"}}
            choices = [choice for choice in plain.pop("anyOf", []) if choice.get("type") != "null"]
            plain = {**plain, **(choices[0] if choices else {})}
            if member.get("default") is not None:
                plain["default"] = member["default"]
            found.append(
                {
                    "name": name,
                    "in": "query",
                    "schema": plain,
                    "required": name in schema.get("required", []),
                }
            )
    if operation.idempotent:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[\\x21-\\x7e]+$"},
                "description": "The same key and body within 24 hours: the same answer, done once.",
            }
        )
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, shape in operation.responses.items():
        response: dict[str, Any] = {"description": TITLES[status]}
        if shape:
            schema: dict[str, Any] = dict(schema_ref(shape))
            if operation.paginated:
                schema = {
                    "type": "object",
                    "required": ["items", "next"],
                    "properties": {
                        "items": {"type": "array", "items": schema_ref(shape)},
                        "next": {"type": ["string", "null"]},
                    },
                }
            response["content"] = {FHIR if operation.fhir else "application/json": {"schema": schema}}
        if operation.feed:
            response["headers"] = {
                "X-Feed": {"schema": {"type": "string"}, "description": "epoch:seq, read before the data"}
            }
        found[str(status)] = response
    slugs = set(operation.problems) | set(ALWAYS)
    if operation.allow != "anyone":
        slugs |= set(SIGNED_IN)
        if not operation.allow_pending:
            slugs.add("doctor-pending")
        if not operation.allow_without_factor:
            slugs.add("second-factor-required")
    if operation.body:
        slugs |= set(WITH_BODY)
    if operation.query:
        slugs.add("invalid")
    if operation.idempotent:
        slugs.add("idempotency-mismatch")
    for slug in sorted(slugs, key=lambda slug: (PUBLISHED[slug][0], slug)):
        status = 400 if operation.fhir and slug == "invalid" else PUBLISHED[slug][0]
        entry = found.setdefault(str(status), {"description": "", "content": _refusal(fhir=operation.fhir)})
        entry["description"] = f"{entry['description']}, {slug}".lstrip(", ")
        if status in {429, 503}:
            entry["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}}
    if operation.fhir:
        found["406"] = {"description": "not-acceptable", "content": _refusal(fhir=True)}
    return found


def _refusal(*, fhir: bool) -> dict[str, Any]:
    name, media_type = ("OutcomeView", FHIR) if fhir else ("ProblemView", "application/problem+json")
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
