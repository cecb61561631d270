"""The AsyncAPI 3.0 document of the live channel, derived from the types that validate its messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hospital_rt.web.openapi import schema_ref

PATH = "/api/live/"


def build_asyncapi(
    *,
    client: Sequence[type[BaseModel]],
    server: Sequence[type[BaseModel]],
    envelope: type[BaseModel],
    events: Mapping[str, type[BaseModel]],
    close_codes: Mapping[int, str],
    version: str,
    subprotocol: str,
    public_url: str,
) -> dict[str, Any]:
    """Build the document.

    ``envelope`` is the frame of an event, ``events`` the types of its ``data`` by name, ``close_codes`` their meanings.
    """
    shapes: list[tuple[type[BaseModel], Any]] = [(one, "validation") for one in client]
    shapes += [(one, "serialization") for one in (*server, envelope, *events.values())]
    _, definitions = models_json_schema(shapes, ref_template="#/components/schemas/{model}")
    schemas = definitions.get("$defs", {})
    messages = {one.__name__: _message(one.__name__, one.__doc__, schema_ref(one)) for one in (*client, *server)}
    for name, data in events.items():
        payload = {
            "allOf": [
                schema_ref(envelope),
                {"type": "object", "properties": {"event": {"const": name}, "data": schema_ref(data)}},
            ]
        }
        messages[name] = _message(name, data.__doc__, payload)
    sent = [one.__name__ for one in client]
    parts = urlsplit(public_url)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "hospital_rt: the live channel",
            "version": version,
            "description": "JSON text frames up to 16 KiB. Send `auth` first, within 5 s.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "this": {"host": parts.netloc, "protocol": "wss" if parts.scheme == "https" else "ws"},
        },
        "channels": {
            "live": {
                "address": PATH,
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "bindingVersion": "0.1.0",
                        "headers": {
                            "type": "object",
                            "properties": {"Sec-WebSocket-Protocol": {"const": subprotocol}},
                        },
                    }
                },
                "x-close-codes": {str(code): meaning for code, meaning in close_codes.items()},
            }
        },
        "operations": {
            "send": _operation("receive", sent, "What a client may send"),
            "hear": _operation("send", [name for name in messages if name not in sent], "What the server sends"),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(name: str, doc: str | None, payload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "payload": payload}
    if doc and not doc.startswith("!!!"):
        found["summary"] = " ".join(doc.split())
    return found


def _operation(action: str, messages: list[str], summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/live"},
        "messages": [{"$ref": f"#/channels/live/messages/{name}"} for name in messages],
    }
