"""Backups on a schedule: records into one folder with a retention, the wrapped keys into another, always the newest.

One KEYFILE, replaced by every backup, opens each FILE that is kept, without the users erased since: so there is
no retention of keys, and the two folders must be two places.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pymongo.errors import PyMongoError

from cli.admin import AdminRefused, CommandResult
from cli.backup import back_up
from cli.drill import drill
from hospital_rt.domain.clock import to_wire, utcnow
from hospital_rt.settings import Settings
from hospital_rt.storage.database import NotServable, is_unavailable
from hospital_rt.storage.field_encryption import WrongKeys
from models.app_context import open_app_context
from models.audit import AuditActor

KEYFILE = "hospital_rt.keys.json"
NAME = re.compile(r"hospital_rt-(?P<at>\d{8}T\d{9})Z\.records")
STALE_PART_S = 86_400.0
RETRY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """Where backups go, how many are kept, and how often one is made and tried."""

    records: Path
    keys: Path
    keep: int
    every: timedelta | None = None
    drill_every: timedelta | None = None

    @property
    def keyfile(self) -> Path:
        return self.keys / KEYFILE


def backups_in(folder: Path) -> list[tuple[datetime, Path]]:
    """The backups that a schedule has written into this folder, oldest first; other files are none of ours.

    Raises:
        AdminRefused: the folder cannot be read.
    """
    found = []
    try:
        for path in folder.iterdir():
            if match := NAME.fullmatch(path.name):
                at = datetime.strptime(match["at"] + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
                found.append((at, path))
    except OSError as error:
        raise AdminRefused(f"{folder}: {error.strerror}") from None
    return sorted(found)


def newest_in(path: Path) -> Path:
    """A FILE itself, or the newest backup of a folder.

    Raises:
        AdminRefused: there is none.
    """
    if not path.is_dir():
        return path
    found = backups_in(path)
    if not found:
        raise AdminRefused(f"{path}: there is no backup here")
    return found[-1][1]


def keyfile_in(path: Path) -> Path:
    return path / KEYFILE if path.is_dir() else path


def check_places(plan: BackupPlan) -> list[str]:
    """Warnings about the two folders.

    Raises:
        AdminRefused: one is no folder, or one lies within the other.
    """
    records, keys = plan.records.resolve(), plan.keys.resolve()
    for folder in (records, keys):
        if not folder.is_dir():
            raise AdminRefused(f"{folder}: is no folder")
    if records == keys or records in keys.parents or keys in records.parents:
        raise AdminRefused("Records and keys need two places: both together open the records of erased users.")
    if records.stat().st_dev == keys.stat().st_dev:
        return ["Records and keys lie on one disk: have one of them on another machine."]
    return []


async def back_up_once(settings: Settings, actor: AuditActor, plan: BackupPlan) -> CommandResult:
    """Write a backup, then remove the oldest beyond ``keep``.

    Raises:
        AdminRefused: as :func:`cli.backup.back_up`; no older backup is removed then.
    """
    said = check_places(plan)
    file = plan.records / f"hospital_rt-{utcnow():%Y%m%dT%H%M%S%f}"[:-3]
    file = file.with_name(f"{file.name}Z.records")
    async with open_app_context(settings) as app:
        done = await back_up(app, actor, file=file, keyfile=plan.keyfile)
    removed = prune(plan.records, plan.keep)
    facts = {**done.facts, "file": str(file), "keyfile": str(plan.keyfile), "removed": removed}
    return CommandResult((*done.lines, f"{removed} older backups removed, {plan.keep} at most are kept.", *said), facts)


def prune(folder: Path, keep: int) -> int:
    """Remove the oldest backups beyond ``keep``, and what an interrupted backup left a day ago; how many backups."""
    old = backups_in(folder)[:-keep]
    for _, path in old:
        path.unlink(missing_ok=True)
    for part in folder.glob(".hospital_rt-*.records.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > STALE_PART_S:
                part.unlink()
    return len(old)


async def keep_backing_up(
    settings: Settings, actor: AuditActor, plan: BackupPlan, stop: asyncio.Event
) -> CommandResult:
    """Back up whenever the newest backup is ``every`` old, and drill after one when the last drill is that old.

    A failure is printed in one line and retried after ten minutes; ends when ``stop`` is set.
    """
    written = failed = 0
    every = plan.every or timedelta(days=1)
    for line in check_places(plan):
        _say(line)
    while not await _stopped(stop, _due_in(plan.records, every)):
        try:
            done = await back_up_once(settings, actor, plan)
            written += 1
            _say(done.lines[0])
            if plan.drill_every is not None and await _drill_is_due(settings, plan.drill_every):
                tried = await drill(settings, actor, file=newest_in(plan.records), keyfile=plan.keyfile)
                _say(tried.lines[-1])
        except (AdminRefused, NotServable, WrongKeys, PyMongoError, OSError) as error:
            failed += 1
            unavailable = isinstance(error, PyMongoError) and is_unavailable(error)
            said = "MongoDB cannot be reached" if unavailable else str(error) if isinstance(error, AdminRefused) else ""
            said = "ENCRYPTION_KEYS do not open this database" if isinstance(error, WrongKeys) else said
            _say(f"failed: {said or type(error).__name__}; tried again within {RETRY.seconds // 60} minutes")
            if await _stopped(stop, min(RETRY, every)):
                break
    return CommandResult(
        (f"{written} backups written, {failed} tries failed.",), {"written": written, "failed": failed}
    )


def _due_in(folder: Path, every: timedelta) -> timedelta:
    found = backups_in(folder)
    return max(timedelta(0), found[-1][0] + every - utcnow()) if found else timedelta(0)


async def _drill_is_due(settings: Settings, every: timedelta) -> bool:
    async with open_app_context(settings) as app:
        at = await app.store.last_drill_at()
    return at is None or utcnow() - at >= every


async def _stopped(stop: asyncio.Event, within: timedelta) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), within.total_seconds())
    return stop.is_set()


def _say(line: str) -> None:
    sys.stdout.write(f"{to_wire(utcnow())} {line}\n")
    sys.stdout.flush()
