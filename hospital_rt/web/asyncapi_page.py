"""The AsyncAPI document rendered as plain HTML, once, without external resources."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem "
    ".75rem .25rem 0;border-bottom:1px solid #ddd}code{font:14px ui-monospace,monospace}h3{margin:2rem 0 .25rem}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}td,th{border-color:#444}a{color:#9cf}}"
)


def asyncapi_page(document: dict[str, Any]) -> str:
    """The HTML page. All of its content comes from the document."""
    info, channel = document["info"], document["channels"]["live"]
    server = document["servers"]["this"]
    subprotocol = channel["bindings"]["ws"]["headers"]["properties"]["Sec-WebSocket-Protocol"]["const"]
    parts = [
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>",
        f"<p><code>{escape(server['protocol'])}://{escape(server['host'])}{escape(channel['address'])}</code>, "
        f"subprotocol <code>{escape(subprotocol)}</code>. The document: "
        '<a href="/asyncapi.json">asyncapi.json</a>, AsyncAPI 3.0.</p>',
    ]
    for operation in document["operations"].values():
        parts.append(f"<h2>{escape(operation['summary'])}</h2>")
        for one in operation["messages"]:
            name = one["$ref"].rsplit("/", 1)[1]
            parts.append(_message(name, document["components"]["messages"][name], document["components"]["schemas"]))
    parts.append("<h2>Close codes</h2><table>")
    parts += [
        f"<tr><td><code>{escape(code)}</code></td><td>{escape(meaning)}</td></tr>"
        for code, meaning in channel["x-close-codes"].items()
    ]
    parts.append("</table>")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(info["title"])}</title>'
        f"<style>{_STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>"
    )


def _message(name: str, message: dict[str, Any], schemas: dict[str, Any]) -> str:
    rows = [
        f"<tr><td><code>{escape(member)}</code></td><td>{escape(kind)}</td></tr>"
        for member, kind in _members(message["payload"], schemas)
    ]
    summary = escape(message.get("summary", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{summary}</p><table>{"".join(rows)}</table>'


def _members(schema: dict[str, Any], schemas: dict[str, Any], depth: int = 0) -> list[tuple[str, str]]:
    """The members of a message with their types; those of an event's ``data`` by their path."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    found: dict[str, str] = {}
    for part in schema.get("allOf", []):
        found.update(_members(part, schemas, depth))
    for name, member in schema.get("properties", {}).items():
        found[name] = _kind(member)
        target = schemas.get(member.get("$ref", "").rsplit("/", 1)[-1])
        if target is not None and depth < 1:
            found.update({f"{name}.{inner}": kind for inner, kind in _members(target, schemas, depth + 1)})
    return list(found.items())


def _kind(member: dict[str, Any]) -> str:
    """A type in words: ``string``, ``integer or null``, ``list of Step``, ``one of "done", "skipped"``."""
    if "const" in member:
        return f'"{member["const"]}"'
    if "enum" in member:
        return "one of " + ", ".join(f'"{one}"' for one in member["enum"])
    if "$ref" in member:
        return str(member["$ref"].rsplit("/", 1)[1].removesuffix("View"))
    if "anyOf" in member:
        return " or ".join(_kind(one) for one in member["anyOf"])
    if member.get("type") == "array":
        return f"list of {_kind(member.get('items', {}))}"
    kind = str(member.get("format") or member.get("type", "anything"))
    return f"{kind}: {member['description']}" if "description" in member else kind
