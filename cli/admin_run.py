"""Runs one ``admin`` command: finds the servers and keys, opens the application context, prints the result.

Beside a running ``all`` or ``demo`` they are found in DATA_DIR; where one has run and does not now, its servers are
started for as long as the command takes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import getpass
import json
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe

from pymongo.errors import PyMongoError

from cli import admin
from cli.admin import AdminRefused, CommandResult
from cli.backup import back_up, restore
from cli.backup_arguments import COMMANDS, run_backup_command
from hospital_rt.domain.errors import DomainError
from hospital_rt.domain.normalize import normal_email
from hospital_rt.logs import configure_logging
from hospital_rt.runtime.all_in_one import generate_once
from hospital_rt.runtime.embedded_servers import EmbeddedRefused, EmbeddedServers, private_dir, running
from hospital_rt.settings import Settings
from hospital_rt.storage.database import Database, Document, NotServable, is_unavailable, why_unavailable
from hospital_rt.storage.field_encryption import WrongKeys
from hospital_rt.web.problems import Problem
from models.app_context import open_app_context
from models.audit import AuditActor

DONE, REFUSED, WRONG = 0, 1, 2


class WrongSettings(Exception):
    """Settings or arguments will not do: one line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def run_admin(options: argparse.Namespace, settings: Settings) -> int:
    """Run one command; its exit code."""
    configure_logging(form="text", level="error")
    try:
        check_arguments(options)
        with servers_of(options, settings) as found:
            done = asyncio.run(run_command(options, found))
    except WrongSettings as wrong:
        return fail(options, WRONG, *wrong.lines)
    except (EmbeddedRefused, NotServable) as refused:
        return fail(options, WRONG, str(refused))
    except WrongKeys:
        return fail(options, WRONG, "ENCRYPTION_KEYS: these keys do not open this database or backup")
    except AdminRefused as refused:
        return fail(options, REFUSED, str(refused))
    except DomainError as error:
        return fail(options, REFUSED, Problem.of(error).detail)
    except PyMongoError as error:
        if not is_unavailable(error):
            raise
        return fail(options, REFUSED, why_unavailable(error))
    if options.json:
        say({"done": True, **done.facts})
    else:
        sys.stdout.write("".join(f"{line}\n" for line in done.lines))
    return DONE


def say(document: Document) -> None:
    sys.stdout.write(f"{json.dumps(document, ensure_ascii=False)}\n")


def fail(options: argparse.Namespace, code: int, *lines: str) -> int:
    if options.json:
        say({"done": False, "error": "\n".join(lines)})
    else:
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return code


def check_arguments(options: argparse.Namespace) -> None:
    """Addresses and names in the form in which they are stored.

    Raises:
        WrongSettings: one of them is none, or two files are one.
    """
    for name, form in (("email", normal_email), ("name", admin.name_of_person)):
        given = getattr(options, name, None)
        if given is None:
            continue
        try:
            setattr(options, name, form(given))
        except ValueError as wrong:
            raise WrongSettings(f"{name}: {wrong}") from None
    if hasattr(options, "keys") and options.file.absolute() == options.keys.absolute():
        raise WrongSettings("FILE and KEYFILE are the same file.")


@contextlib.contextmanager
def servers_of(options: argparse.Namespace, settings: Settings) -> Iterator[Settings]:
    """The settings with servers and secrets, wherever they are.

    Raises:
        WrongSettings: nothing runs here and nothing ever has, or a secret is missing.
    """
    if settings.mongo_url:
        yield complete(settings, settings.data_dir / "secrets")
        return
    for folder in (settings.data_dir, settings.data_dir / "demo"):
        found = running(folder)
        if found:
            given = {"mongo_url": found.mongo_url, "redis_url": settings.redis_url or found.redis_url}
            yield complete(settings.model_copy(update={**given, "data_dir": folder}), folder / "secrets")
            return
    folder = settings.data_dir
    is_new = not any((folder / name / "db").exists() for name in ("mongo", "secantus"))
    if is_new and options.admin != "restore":
        raise WrongSettings(f"MONGO_URL: is not given, and nothing runs in {folder}")
    private_dir(folder)
    if is_new and not settings.secret_key:
        generate_once(folder / "secrets" / "secret_key", lambda: token_urlsafe(48))
    settings = complete(settings, folder / "secrets")
    servers = EmbeddedServers(folder, redis=settings.redis_url is None)
    started = servers.start()
    try:
        given = {"mongo_url": started.mongo_url, "redis_url": settings.redis_url or started.redis_url}
        yield settings.model_copy(update=given)
    finally:
        servers.stop()


def complete(settings: Settings, folder: Path) -> Settings:
    """The settings with the secrets that ``all`` has made, where none are given."""
    changes: dict[str, object] = {}
    with contextlib.suppress(OSError):
        if not settings.secret_key:
            changes["secret_key"] = (folder / "secret_key").read_text(encoding="utf-8").strip()
    with contextlib.suppress(OSError):
        if not settings.encryption_keys:
            text = (folder / "encryption_keys").read_text(encoding="utf-8")
            changes["encryption_keys"] = tuple(key.strip() for key in text.split(",") if key.strip())
    settings = settings.model_copy(update=changes)
    if settings.missing_secrets:
        raise WrongSettings(*(f"{name}: is required here" for name in settings.missing_secrets))
    return settings


def make_confirm(*, without: bool) -> Callable[[str], bool]:
    """Ask on the terminal before something is done; ``without`` and where there is no terminal, the answer is yes."""

    def ask(question: str) -> bool:
        if without or not sys.stdin.isatty():
            return True
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    return ask


async def run_command(options: argparse.Namespace, settings: Settings) -> CommandResult:
    """Run one command; ``restore`` and ``schema`` on the bare database, which need not be servable yet."""
    actor = AuditActor(role="admin", operator=f"{getpass.getuser()}@{socket.gethostname()}")
    confirm = make_confirm(without=options.yes)
    if options.admin == "restore":
        return await restore(settings, actor, file=options.file, keyfile=options.keys, confirm=confirm)
    if options.admin in COMMANDS:
        return await run_backup_command(options, settings, actor)
    if options.admin == "schema":
        async with Database(settings.mongo_url or "", driver=settings.mongo_driver) as database:
            return await admin.show_schema(database)
    async with open_app_context(settings) as app:
        match options.admin:
            case "create-doctor" | "create-admin":
                password = None if options.mail_link else read_password()
                return await admin.create_account(
                    app,
                    actor,
                    role="admin" if options.admin == "create-admin" else "doctor",
                    name=options.name,
                    email=options.email,
                    password=password,
                )
            case "accounts":
                return await admin.show_accounts(app, most=max(1, options.most))
            case "approve-doctor":
                return await admin.approve_doctor(
                    app, actor, email=options.email, unverified=options.unverified, confirm=confirm
                )
            case "deactivate":
                return await admin.deactivate(app, actor, email=options.email, confirm=confirm)
            case "erase":
                return await admin.erase(app, actor, user_id=options.id.lower(), confirm=confirm)
            case "reset-link":
                return await admin.reset_link(app, actor, email=options.email, confirm=confirm)
            case "reset-second-factor":
                after = timedelta(hours=0 if options.now else options.hours)
                return await admin.reset_second_factor(app, actor, email=options.email, after=after, confirm=confirm)
            case "rotate-keys":
                return await admin.rotate_keys(app, actor)
            case "verify-audit":
                return await admin.verify_audit(app, head=options.head)
            case "backup":
                return await back_up(app, actor, file=options.file, keyfile=options.keys)
            case _:
                return await admin.new_epoch(app, actor, confirm=confirm)


def read_password() -> str:
    """The password: the first line of standard input; on a terminal hidden, and entered twice.

    Raises:
        AdminRefused: there is none, or the two differ.
    """
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise AdminRefused("The two differ.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise AdminRefused("There is no password on standard input. With --mail-link a link is sent instead.")
    return password
