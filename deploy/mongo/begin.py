"""Begin the replica set and give the service its user: once, and again harmlessly.

Runs in the service's own image, so that nobody needs a database shell. It comes as the set itself, by the key file,
which may do what nobody else may before there is a user. A password that was changed in its file is changed here too.

``SECRETS`` names the folder of the secrets (/run/secrets), ``MEMBERS`` the members (mongo1:27017,...).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

SET = "rs0"
DATABASE = "hospital_rt"
ROLES = [{"role": role, "db": DATABASE} for role in ("readWrite", "dbAdmin")]
WITHIN_S = float(os.environ.get("WITHIN_S", "120"))
NOT_YET_BEGUN, NO_CONFIG, ALREADY_BEGUN, USER_EXISTS = 94, 93, 23, 51003


def main() -> int:
    folder = Path(os.environ.get("SECRETS", "/run/secrets"))
    members = os.environ.get("MEMBERS", "mongo1:27017,mongo2:27017,mongo3:27017").split(",")
    names = ("mongo_keyfile", "mongo_user", "mongo_password")
    key, user, password = ((folder / name).read_text(encoding="utf-8").strip() for name in names)
    deadline = time.monotonic() + WITHIN_S
    for member in members:
        with client(member, key) as one:
            again(lambda one=one: one.admin.command("ping"), deadline, f"{member} answers")
    with client(members[0], key) as first:
        begin(first, members, deadline)
    with client(",".join(members), key, replicaSet=SET) as whole:
        again(lambda: give_user(whole, user, password), deadline, "the service has its user")
    # A script's only words.
    print(f"{SET}: {len(members)} members, and a user who may use {DATABASE} and nothing else")  # noqa: T201
    return 0


def client(where: str, key: str, **options: Any) -> MongoClient[dict[str, Any]]:
    """A client of one member, or with ``replicaSet`` of them all, that comes as the set itself."""
    return MongoClient(
        f"mongodb://{where}",
        username="__system",
        password=key,
        authSource="local",
        serverSelectionTimeoutMS=2000,
        directConnection="replicaSet" not in options,
        **options,
    )


def begin(first: MongoClient[dict[str, Any]], members: list[str], deadline: float) -> None:
    """Make a set of these members, unless there is one."""
    try:
        first.admin.command("replSetGetStatus")
        return
    except OperationFailure as error:
        if error.code not in {NOT_YET_BEGUN, NO_CONFIG}:
            raise
    wanted = {"_id": SET, "members": [{"_id": number, "host": host} for number, host in enumerate(members)]}

    def initiate() -> None:
        try:
            first.admin.command("replSetInitiate", wanted)
        except OperationFailure as error:
            if error.code != ALREADY_BEGUN:
                raise

    again(initiate, deadline, "the set is begun")


def give_user(whole: MongoClient[dict[str, Any]], user: str, password: str) -> None:
    try:
        whole.admin.command("createUser", user, pwd=password, roles=ROLES)
    except OperationFailure as error:
        if error.code != USER_EXISTS:
            raise
        whole.admin.command("updateUser", user, pwd=password, roles=ROLES)


def again(step: Callable[[], Any], deadline: float, what: str) -> None:
    """Do a step until it succeeds.

    Raises:
        SystemExit: it did not in time; the sentence names the step and the kind of error, and no secret.
    """
    while True:
        try:
            step()
            return
        except PyMongoError as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"within {WITHIN_S:.0f} s not so: {what} ({type(error).__name__})") from None
            time.sleep(0.3)  # tries again


if __name__ == "__main__":
    sys.exit(main())
