"""Begin the replica set and give the service its user: once, and again harmlessly.

Runs in the service's own image, so that no database shell is needed. It signs in as the set itself, by the key file:
until there is a user, only this identity may initiate the set. A password that was changed in its file is changed
here too.
A majority of the members is enough: one that cannot start is made a member all the same, and joins once it runs.

``SECRETS`` names the folder of the secrets (/run/secrets), ``MEMBERS`` the members (mongo1:27017,...). With ``--stay``
it leaves the file ``/tmp/begun`` and becomes an idle process, so that compose sees a running, healthy service.
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
# The second is the scratch database of `admin drill`.
ROLES = [{"role": role, "db": name} for name in (DATABASE, f"{DATABASE}_drill") for role in ("readWrite", "dbAdmin")]
MONITOR, MONITOR_ROLES = "monitor", [{"role": "clusterMonitor", "db": "admin"}]
WITHIN_S = float(os.environ.get("WITHIN_S", "120"))
WAIT_FOR_ALL_S = float(os.environ.get("WAIT_FOR_ALL_S", "45"))
# docker-compose.tls-data.yml names the CA, as it does for the roles.
CA = os.environ.get("DATA_CA_PATH")
TLS: dict[str, Any] = {"tls": True, "tlsCAFile": CA} if CA else {}
NOT_YET_BEGUN, NO_CONFIG, ALREADY_BEGUN, USER_EXISTS = 94, 93, 23, 51003
BEGUN = Path("/tmp/begun")  # noqa: S108 - the container's own tmpfs


def main() -> int:
    folder = Path(os.environ.get("SECRETS", "/run/secrets"))
    members = os.environ.get("MEMBERS", "mongo1:27017,mongo2:27017,mongo3:27017").split(",")
    names = ("mongo_keyfile", "mongo_user", "mongo_password")
    key, user, password = ((folder / name).read_text(encoding="utf-8").strip() for name in names)
    deadline = time.monotonic() + WITHIN_S
    answering = wait_for_members(members, key, deadline)
    begin(answering, members, key, deadline)
    with client(",".join(answering), key, replicaSet=SET) as whole:
        again(lambda: add_members(whole, members), deadline, "each member belongs to the set")
        again(lambda: give_user(whole, user, password), deadline, "the service has its user")
        monitor = folder / "mongo_monitor_password"
        if monitor.exists():  # who may look at the servers, and at no record
            word = monitor.read_text(encoding="utf-8").strip()
            again(lambda: give_user(whole, MONITOR, word, MONITOR_ROLES), deadline, "the monitor has its user")
    # A script's only words.
    print(
        f"{SET}: {len(members)} members, {len(answering)} of them answer, "
        f"and a user who may use {DATABASE} and nothing else",
        flush=True,
    )
    if "--stay" in sys.argv[1:]:
        BEGUN.touch()
        os.execvp("sleep", ["sleep", "infinity"])  # noqa: S606, S607 - without a shell, by the image's PATH
    return 0


def wait_for_members(members: list[str], key: str, deadline: float) -> list[str]:
    """The members that answer: all, or after ``WAIT_FOR_ALL_S`` a majority.

    Raises:
        SystemExit: fewer do; the sentence names one that does not.
    """
    patient_until = min(deadline, time.monotonic() + WAIT_FOR_ALL_S)
    found: dict[str, str] = {}
    while True:
        for member in members:
            if member in found:
                continue
            try:
                with client(member, key) as one:
                    one.admin.command("ping")
                found[member] = ""
            except PyMongoError as error:
                last, kind = member, type(error).__name__
        if len(found) == len(members):
            return members
        if len(found) > len(members) // 2 and time.monotonic() > patient_until:
            return [member for member in members if member in found]
        if time.monotonic() > deadline:
            raise SystemExit(f"within {WITHIN_S:.0f} s not so: {last} answers ({kind})")
        time.sleep(0.3)  # tries again


def client(where: str, key: str, **options: Any) -> MongoClient[dict[str, Any]]:
    """A client of one member, or with ``replicaSet`` of them all, that comes as the set itself."""
    return MongoClient(
        f"mongodb://{where}",
        username="__system",
        password=key,
        authSource="local",
        serverSelectionTimeoutMS=2000,
        directConnection="replicaSet" not in options,
        **TLS,
        **options,
    )


def begin(answering: list[str], members: list[str], key: str, deadline: float) -> None:
    """Make a set of the members that answer, unless one of them belongs to a set already."""
    for member in answering:
        with client(member, key) as one:
            try:
                one.admin.command("replSetGetStatus")
                return
            except OperationFailure as error:
                if error.code not in {NOT_YET_BEGUN, NO_CONFIG}:
                    raise
    wanted = {"_id": SET, "members": [{"_id": members.index(host), "host": host} for host in answering]}
    with client(answering[0], key) as first:

        def initiate() -> None:
            try:
                first.admin.command("replSetInitiate", wanted)
            except OperationFailure as error:
                if error.code != ALREADY_BEGUN:
                    raise

        again(initiate, deadline, "the set is begun")


def add_members(whole: MongoClient[dict[str, Any]], members: list[str]) -> None:
    """Make members of those that did not answer at the beginning, one at a time."""
    while True:
        config = whole.admin.command("replSetGetConfig")["config"]
        missing = [host for host in members if host not in {one["host"] for one in config["members"]}]
        if not missing:
            return
        config["members"].append({"_id": members.index(missing[0]), "host": missing[0]})
        config["version"] += 1
        whole.admin.command("replSetReconfig", config)


def give_user(
    whole: MongoClient[dict[str, Any]], user: str, password: str, roles: list[dict[str, str]] = ROLES
) -> None:
    try:
        whole.admin.command("createUser", user, pwd=password, roles=roles)
    except OperationFailure as error:
        if error.code != USER_EXISTS:
            raise
        whole.admin.command("updateUser", user, pwd=password, roles=roles)


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
