"""The arguments of ``admin backup-scheduled`` and ``admin drill``, and how they are run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cli.admin import CommandResult
    from hospital_rt.settings import Settings
    from models.audit import AuditActor

COMMANDS = frozenset({"backup-scheduled", "drill"})


def add_backup_commands(add: Callable[..., Any]) -> None:
    scheduled = add(
        "backup-scheduled",
        "write a backup into two folders and remove the oldest ones",
        "The records go into FOLDER under the time of the backup, the wrapped keys into KEYFOLDER, where they replace "
        "the last ones. With --every-hours it goes on until it is stopped.",
    )
    scheduled.add_argument("--keep", type=_count, default=14, metavar="N", help="how many backups stay (14)")
    scheduled.add_argument("--every-hours", type=_hours, metavar="H", help="back up when the newest is H hours old")
    scheduled.add_argument("--drill-days", type=_hours, metavar="D", help="and drill when the last drill is D days old")
    tried = add(
        "drill",
        "restore the newest backup into a scratch database, compare, open a sample, and drop it",
        "The scratch database lies on the same server and is called like the service's own with _drill behind.",
    )
    tried.add_argument("--sample", type=_count, default=50, metavar="N", help="so many records of each kind (50)")
    for parser in (scheduled, tried):
        also = " (a file is taken too)" if parser is tried else ""
        parser.add_argument("--records", metavar="FOLDER", type=Path, required=True, help=f"the records{also}")
        parser.add_argument(
            "--keys",
            dest="key_folder",
            metavar="KEYFOLDER",
            type=Path,
            required=True,
            help=f"the wrapped keys, in another place{also}",
        )


def _count(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _hours(value: str) -> float:
    number = float(value)
    if not 0 < number <= 8784:
        raise argparse.ArgumentTypeError("must be above 0, and 8784 at most")
    return number


async def run_backup_command(options: argparse.Namespace, settings: Settings, actor: AuditActor) -> CommandResult:
    """One of the two, as its arguments say.

    Raises:
        AdminRefused: see :mod:`cli.backup_schedule` and :mod:`cli.drill`.
    """
    from cli.backup_schedule import BackupPlan, back_up_once, keep_backing_up, keyfile_in, newest_in
    from cli.drill import drill

    if options.admin == "drill":
        file, keyfile = newest_in(options.records), keyfile_in(options.key_folder)
        return await drill(settings, actor, file=file, keyfile=keyfile, sample=options.sample)
    plan = BackupPlan(
        records=options.records,
        keys=options.key_folder,
        keep=options.keep,
        every=timedelta(hours=options.every_hours) if options.every_hours else None,
        drill_every=timedelta(days=options.drill_days) if options.drill_days else None,
    )
    if plan.every is None:
        return await back_up_once(settings, actor, plan)
    from hospital_rt.runtime.role_process import stop_on_signals

    return await keep_backing_up(settings, actor, plan, stop_on_signals())
