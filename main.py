"""The command line: which roles run here, and the small commands beside them."""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.argv[1:] == ["healthy"]:
    # Before all else is imported: a health check runs every few seconds.
    from hospital_rt.runtime import healthcheck

    sys.exit(healthcheck.main())

import argparse
import asyncio
import json
import os
import signal
from collections.abc import Coroutine
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from cli.admin_arguments import add_admin
from hospital_rt.settings import (
    ALL_IN_ONE_COMMANDS,
    Settings,
    SettingsError,
    drop_empty,
    load_settings,
    read_environment,
)
from hospital_rt.version import revision, version

ROLES = ("web", "worker", "scheduler")
WRONG_SETTINGS = 2


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="main.py", description="hospital_rt: what a doctor wrote becomes what a patient does."
    )
    parser.add_argument("--version", action="version", version=f"hospital_rt {version()} ({revision()})")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("all", help="the whole system in one command (the default)")
    commands.add_parser("demo", help="the whole system with demo accounts and a day of a minute")
    for role in ROLES:
        commands.add_parser(role, help=f"the {role} role alone; needs MONGO_URL and REDIS_URL")
    extract = commands.add_parser("extract", help="print the steps that the extractor finds in a note, as JSON")
    extract.add_argument("file", nargs="?", help="the note; standard input without it")
    extract.add_argument("--date", metavar="YYYY-MM-DD", help="the day of the note; NOTE_DATE, else today, without it")
    commands.add_parser("openapi", help="print the OpenAPI document")
    commands.add_parser("asyncapi", help="print the AsyncAPI document of the live channel")
    commands.add_parser("check", help="check the settings and reach every dependency")
    commands.add_parser("healthy", help="whether the role at PORT or OPS_PORT is alive: exit code 0 or 1")
    add_admin(commands)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = make_parser().parse_args(arguments)
    command = options.command or "all"
    if command in {"openapi", "asyncapi"}:
        return print_document(command)
    if command == "healthy":
        from hospital_rt.runtime import healthcheck

        return healthcheck.main()
    if command in ALL_IN_ONE_COMMANDS or command in ROLES:
        leave_on_signals()
    drop_empty(os.environ)
    try:
        values = read_environment(dotenv=Path(".env"))
        if command == "check":
            return check(values)
        if not values.get("LOG_FORMAT") and sys.stderr.isatty():
            values["LOG_FORMAT"] = "text"
        settings = load_settings(command, values)
    except SettingsError as wrong:
        for line in wrong.lines:
            sys.stderr.write(f"{line}\n")
        return 1 if command == "check" else WRONG_SETTINGS
    if command in ALL_IN_ONE_COMMANDS:
        from hospital_rt.runtime.all_in_one import run_together

        return run_together(command, settings, values, seed=seed_demo)
    if command == "extract":
        return extract_note(settings, options.file, options.date)
    if command == "admin":
        from cli.admin_run import run_admin

        return run_admin(options, settings)
    return run_one(command, settings)


def leave_on_signals() -> None:
    """Until the command listens by itself: SIGTERM and Ctrl-C end it at once, with exit code 0 and no traceback."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)


def run_one(role: str, settings: Settings) -> int:
    """One role, until a signal ends it."""
    from hospital_rt.logs import configure_logging
    from hospital_rt.runtime.child_process import raise_open_files
    from hospital_rt.runtime.role_process import run_role, stop_on_signals
    from hospital_rt.runtime.supervisor import announce_ready

    configure_logging(form=settings.log_format, level=settings.log_level)
    raise_open_files()
    if role == "scheduler":
        from tasks.worker import run_scheduler

        async def schedule() -> int:
            await run_scheduler(settings, stop=stop_on_signals(), ready=announce_ready)
            return 0

        return run_listening(schedule())

    from hospital_rt.storage.node_keys import published
    from models.app_context import AppContext, open_app_context, stop_when_schema_is_newer

    async def work(app: AppContext, stop: asyncio.Event) -> None:
        watching = asyncio.create_task(stop_when_schema_is_newer(app, stop), name="schema")
        async with published(app.resources.database, settings.encryption_keys, role=role):
            if role == "web":
                from handlers.server import run_web

                await run_web(app, stop=stop, ready=announce_ready)
            else:
                from tasks.worker import run_worker

                await run_worker(app, stop=stop, ready=announce_ready)
        watching.cancel()

    return run_listening(run_role(lambda: open_app_context(settings), work))


def run_listening(running: Coroutine[Any, Any, int]) -> int:
    """Run a role; one line and the code for wrong settings when it cannot listen where it should."""
    from hospital_rt.ops.health import CannotListen
    from hospital_rt.runtime.role_process import run_async

    try:
        return run_async(running)
    except CannotListen as refused:
        sys.stderr.write(f"{refused}\n")
        return WRONG_SETTINGS


def seed_demo(settings: Settings) -> list[str]:
    """Have the demo accounts; one line for each log-in."""
    from cli.seed_demo import seed

    return asyncio.run(seed(settings))


def extract_note(settings: Settings, file: str | None, day: str | None) -> int:
    """Print what the configured reader finds in one note. Needs no database."""
    from hospital_rt.extraction.api import ExtractionFailed
    from hospital_rt.extraction.command import run_extract_command
    from hospital_rt.extraction.readers import make_reader

    try:
        # The local day of this machine.
        note_day = date.fromisoformat(day or os.environ.get("NOTE_DATE") or date.today().isoformat())  # noqa: DTZ011
        text = Path(file).read_text(encoding="utf-8") if file else sys.stdin.buffer.read().decode("utf-8")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot read the note or its date ({type(error).__name__})\n")
        return WRONG_SETTINGS

    async def run() -> dict[str, Any]:
        reader = make_reader(
            api_key=settings.openai_api_key,
            base_url=settings.openai_base_url,
            model=settings.openai_model,
            timeout_s=settings.openai_timeout_seconds,
        )
        try:
            return await run_extract_command(text, day=note_day, reader=reader)
        finally:
            await reader.close()

    try:
        print(json.dumps(asyncio.run(run()), ensure_ascii=False, indent=2))
    except ExtractionFailed as failed:
        sys.stderr.write(f"the reader gave no answer: {failed.reason}\n")
        return 1
    return 0


def print_document(name: str) -> int:
    """Print the description of the API, or of the live channel."""
    from handlers.routes import asyncapi_document, openapi_document

    public_url = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
    document = openapi_document() if name == "openapi" else asyncapi_document(public_url)
    print(json.dumps(document, ensure_ascii=False, indent=2))
    return 0


def check(values: dict[str, str]) -> int:
    """Settings and dependencies, one line a finding."""
    from hospital_rt.runtime.preflight import check_everything

    findings = asyncio.run(check_everything(values))
    for is_fine, line in findings:
        print(f"{'ok  ' if is_fine else 'FAIL'} {line}")
    return 0 if all(is_fine for is_fine, _ in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
