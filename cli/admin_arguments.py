"""The arguments of ``admin``. This module imports nothing of the service, so that ``--help`` is fast."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cli.backup_arguments import add_backup_commands

EPILOG = """\
Beside a running `all` or `demo` the servers and keys are found through DATA_DIR; else the settings of a role are
needed: MONGO_URL, REDIS_URL, SECRET_KEY, ENCRYPTION_KEYS. On a terminal, what cannot be taken back is asked first.
Exit codes: 0 done, 1 refused or not found, 2 wrong arguments or settings.
"""


def hours(text: str) -> int:
    """A waiting time in hours.

    Raises:
        ValueError: not from 1 to 720.
    """
    found = int(text)
    if not 1 <= found <= 720:
        raise ValueError(text)
    return found


def add_admin(commands: Any) -> None:
    """Add ``admin`` and its commands to the subparsers of ``main.py``."""
    admin = commands.add_parser(
        "admin",
        help="create and approve doctors, erase, back up, restore, verify; see `admin --help`",
        description="What an operator does. Every change is written into the audit.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = admin.add_subparsers(dest="admin", metavar="COMMAND", required=True)

    def add(name: str, about: str, more: str = "") -> Any:
        parser = kinds.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}. {more}".strip(),
            epilog="Exit codes: 0 done, 1 refused or not found, 2 wrong arguments or settings.",
        )
        parser.add_argument("--json", action="store_true", help="answer with one JSON document")
        parser.add_argument("--yes", action="store_true", help="do not ask on a terminal")
        return parser

    for name, about, seen in (
        ("create-doctor", "make a doctor's account", "as patients see it, up to 100 characters"),
        ("create-admin", "make an administrator's account, for the page of accounts", "up to 100 characters"),
    ):
        create = add(
            name,
            about,
            "The password is read from standard input; with --mail-link a letter with a link to choose one goes out.",
        )
        create.add_argument("--name", required=True, help=seen)
        create.add_argument("--email", required=True, help="the address to sign in with")
        create.add_argument("--mail-link", action="store_true", help="send a link instead of reading a password")

    accounts = add(
        "accounts",
        "show who waits: doctors for approval, closed accounts for erasure",
        "Names and addresses are shown of doctors who wait, of others the id alone.",
    )
    accounts.add_argument("--most", type=int, default=200, metavar="N", help="at most so many of each (200)")

    approve = add("approve-doctor", "let a doctor who waits for approval begin", "Shows who it is, and asks.")
    approve.add_argument("email", metavar="EMAIL", help="the address that the doctor signed up with")
    approve.add_argument("--unverified", action="store_true", help="although the address is not confirmed")

    close = add("deactivate", "close an account at once; its records stay")
    close.add_argument("email", metavar="EMAIL", help="the account's address")

    erase = add("erase", "destroy a user's key, so that nothing of theirs can be read again", "Prints the receipt.")
    erase.add_argument("id", metavar="ID", help="the account's id, as `accounts` and `deactivate` show it")

    link = add("reset-link", "make a link to choose a new password", "The user gets a letter about it.")
    link.add_argument("email", metavar="EMAIL", help="the account's address")

    factor = add(
        "reset-second-factor",
        "have lost second factors of an account end",
        "After a waiting time, so that the account's owner, who gets a letter, can object by signing in with one.",
    )
    factor.add_argument("email", metavar="EMAIL", help="the account's address")
    factor.add_argument("--hours", type=hours, default=24, metavar="N", help="the waiting time, 1-720 (24)")
    factor.add_argument("--now", action="store_true", help="at once: only when you have seen the person")

    add("rotate-keys", "wrap every key under the first of ENCRYPTION_KEYS, while the service runs")

    verify = add("verify-audit", "look whether an entry of the audit was removed, altered or inserted")
    verify.add_argument("--head", help="a head that was printed earlier: it must still be part of the audit")

    backup = add(
        "backup",
        "write the records to FILE and the wrapped keys to KEYFILE, while the service runs",
        "KEYFILE is replaced: an older one would still open accounts that were erased since. Keep the two apart.",
    )
    restore = add(
        "restore",
        "put a backup into an empty database",
        "Needs the ENCRYPTION_KEYS of the system that was backed up. An account without a key in KEYFILE stays erased.",
    )
    for parser in (backup, restore):
        parser.add_argument("file", metavar="FILE", type=Path, help="the records, sealed")
        parser.add_argument("--keys", metavar="KEYFILE", type=Path, required=True, help="the wrapped keys, kept apart")

    add_backup_commands(add)

    add(
        "schema",
        "show which schema the database has, and which one this version brings",
        "Changes nothing. Roles bring the database up when they start.",
    )

    add("new-epoch", "have every client reload, after a restore by other means")
