"""Reference pages made from the code: settings, operator commands, problems, close codes and metrics.

``python -m docs.generate`` writes them; ``--check`` fails when one differs from what the code says.
"""

from __future__ import annotations

import argparse
import sys
import typing
from pathlib import Path

from pydantic.fields import FieldInfo

from hospital_rt.ops.metrics import NAME, Metrics
from hospital_rt.realtime.protocol import CLOSE_CODES
from hospital_rt.settings import Settings
from hospital_rt.web.problems import PUBLISHED
from main import make_parser

REFERENCE = Path(__file__).parent / "reference"
MADE = "<!-- Made by `make docs` from the code: change it there. -->"


def settings_page() -> str:
    """Every field of :class:`Settings` with its default, its bounds and its meaning."""
    rows = ["| name | default | values | meaning |", "| --- | --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        meaning = " ".join((field.description or "").split()).replace("|", "\\|")
        rows.append(f"| `{name.upper()}` | {_default(field)} | {_values(field)} | {meaning} |")
    return "\n".join(
        [
            "# Settings",
            "",
            MADE,
            "",
            "Settings are read from the environment and from `.env`; each can also be given as `NAME_FILE`, the path "
            "of a file that holds the value. `python main.py check` names the wrong ones. A wrong value ends the start "
            "with one line a setting and exit code 2.",
            "",
            *rows,
            "",
        ]
    )


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value == "" or value == ():
        return "none"
    return f"`{','.join(value) if isinstance(value, tuple) else value}`"


def _values(field: FieldInfo) -> str:
    kinds = [kind for kind in _flat(field.annotation) if kind is not type(None)]
    texts: list[str] = []
    for kind in kinds:
        if typing.get_origin(kind) is typing.Literal:
            texts += [f"`{word}`" for word in typing.get_args(kind)]
        elif kind is tuple or typing.get_origin(kind) is tuple:
            texts.append("list, separated by commas")
        else:
            texts.append({int: "whole number", float: "number", Path: "path"}.get(kind, "text"))
    bounds = {type(one).__name__: one for one in field.metadata}
    low = next((getattr(bounds[name], name.lower()) for name in ("Ge", "Gt") if name in bounds), None)
    high = next((getattr(bounds[name], name.lower()) for name in ("Le", "Lt") if name in bounds), None)
    if low is not None or high is not None:
        texts.append(f"{low if low is not None else ''} to {high if high is not None else ''}".strip())
    return ", ".join(dict.fromkeys(texts))


def _flat(kind: typing.Any) -> list[typing.Any]:
    if typing.get_origin(kind) is typing.Annotated:
        return _flat(typing.get_args(kind)[0])
    if typing.get_origin(kind) in {typing.Union, getattr(__import__("types"), "UnionType", None)}:
        return [inner for one in typing.get_args(kind) for inner in _flat(one)]
    return [kind]


def commands_page() -> str:
    """The help of every command of ``main.py`` and of ``main.py admin``."""
    parser = make_parser()
    parts = ["# Commands", "", MADE, ""]
    for name, command in _subparsers(parser):
        parts += [f"## `python main.py {name}`", "", "```text", command.format_help().rstrip(), "```", ""]
        for inner_name, inner in _subparsers(command):
            parts += [f"### `{name} {inner_name}`", "", "```text", inner.format_help().rstrip(), "```", ""]
    return "\n".join(parts)


def _subparsers(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update(action.choices)
    return list(found.items())


def problems_page() -> str:
    """Every published problem type, and every close code of the live channel."""
    rows = [f"| `{slug}` | {status} | {title} |" for slug, (status, title) in PUBLISHED.items()]
    codes = [f"| {code} | {meaning} |" for code, meaning in sorted(CLOSE_CODES.items())]
    return "\n".join(
        [
            "# Problems and close codes",
            "",
            MADE,
            "",
            "Refusals are `application/problem+json` (RFC 9457); `type` is `/problems/<slug>` and never changes once "
            "it is published.",
            "",
            "| slug | status | title |",
            "| --- | --- | --- |",
            *rows,
            "",
            "## Close codes of the live channel",
            "",
            "| code | meaning |",
            "| --- | --- |",
            *codes,
            "",
        ]
    )


def metrics_page() -> str:
    """Every metric that a role exports."""
    rows = []
    for family in sorted(Metrics().registry.collect(), key=lambda one: one.name):
        if family.name.startswith(NAME):
            rows.append(f"| `{family.name}` | {family.type} | {family.documentation} |")
    return "\n".join(
        [
            "# Metrics",
            "",
            MADE,
            "",
            "Every role answers `/metrics` in the Prometheus text format to the addresses of `OPS_ALLOW`. Labels are "
            "routes, states, tasks and codes, never people. What stands and waits in MongoDB is counted by every "
            "worker for the whole installation: read it with `max`. All else is of one process: sum it.",
            "",
            "| metric | type | meaning |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


PAGES = {
    "settings.md": settings_page,
    "cli.md": commands_page,
    "problems.md": problems_page,
    "metrics.md": metrics_page,
}


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m docs.generate", description="Write the reference pages.")
    words.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is not up to date")
    check = words.parse_args().check
    stale = [name for name, make in PAGES.items() if _write(REFERENCE / name, make(), check=check)]
    for name in stale:
        sys.stdout.write(f"docs/reference/{name} {'is not up to date: run make docs' if check else 'written'}\n")
    return int(check and bool(stale))


def _write(path: Path, text: str, *, check: bool) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    if not check:
        path.write_text(text, encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
