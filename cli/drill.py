"""The restore drill: restores a backup into a scratch database, verifies it, and drops the database.

The scratch database lies on the same server, is called like the service's own with ``_drill`` behind, and is dropped
before and after. What is opened is counted and never shown. A drill that found nothing wrong sets the time that
``hospital_rt_drill_timestamp_seconds`` tells.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pymongo.errors import PyMongoError

from cli.admin import AdminRefused, CommandResult
from cli.backup import restore
from hospital_rt.domain.clock import utcnow
from hospital_rt.periodic import run_periodically
from hospital_rt.settings import Settings
from hospital_rt.storage.backup_format import NotABackup, read_records
from hospital_rt.storage.database import Database
from hospital_rt.storage.field_encryption import Vault, WrongKeys
from models.app_context import AppContext, open_app_context
from models.audit import AuditActor
from models.store import Store

SUFFIX = "_drill"
DEFAULT_DATABASE = "hospital_rt"
# For good, and touched by no clean-up: as many after a restore as in FILE. The audit only grows.
SAME, MORE = ("users", "notes", "steps", "reminders"), ("audit", "audit_pages")
MANY = 100
LEASE_RENEWED_S = 30.0  # the lease outlives several of these
SAMPLE = 50


@dataclass
class Report:
    """What a drill has seen. ``wrong`` holds a sentence for each thing that should not be."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


async def drill(
    settings: Settings, actor: AuditActor, *, file: Path, keyfile: Path, sample: int = SAMPLE
) -> CommandResult:
    """Restore FILE into the scratch database, compare counts, open a sample, verify the audit, drop the database.

    Raises:
        AdminRefused: another drill is at work, the backup cannot be restored, or something in it is wrong.
    """
    report, began = Report(), utcnow()
    scratch_url, name = scratch_of(settings.mongo_url or "")
    scratch = settings.model_copy(update={"mongo_url": scratch_url})
    async with open_app_context(settings) as app, _alone(app):
        await _drop(scratch, name)
        try:
            restored = await restore(scratch, actor, file=file, keyfile=keyfile, confirm=lambda _: True)
            await _compare(report, scratch, file, app)
            await _open_sample(report, scratch, sample)
        except (NotABackup, WrongKeys) as error:
            raise AdminRefused(f"{file}: {error or 'ENCRYPTION_KEYS do not open this backup'}") from None
        finally:
            await _drop(scratch, name)
        if report.wrong:
            raise AdminRefused("\n".join((f"{file}: this backup is not good:", *(f"  {one}" for one in report.wrong))))
        await app.store.audit.write(actor, "backup.drilled", of=[])
        await app.store.record_drill(at=utcnow())
    took_s = round((utcnow() - began).total_seconds(), 1)
    lines = [f"{'records':<12}{'in FILE':>10}{'restored':>10}{'live':>10}"]
    for kind, one in report.counts.items():
        lines.append(f"{kind:<12}{one['file']:>10}{one['restored']:>10}{one['live']:>10}")
    lines.append("opened: " + ", ".join(f"{count} {kind}" for kind, count in report.opened.items()))
    lines.append(f"{file.name} of {restored.facts['made_at']} restores and opens ({took_s} s); {name} is dropped.")
    facts = {
        "file": str(file),
        "made_at": restored.facts["made_at"],
        "records": restored.facts["records"],
        "erased_since": restored.facts["erased_since"],
        "counts": report.counts,
        "opened": report.opened,
        "took_s": took_s,
    }
    return CommandResult(tuple(lines), facts)


def scratch_of(url: str) -> tuple[str, str]:
    """The URL of the scratch database beside the one that ``url`` names, and its name."""
    parts = urlsplit(url)
    own = unquote(parts.path.lstrip("/")) or DEFAULT_DATABASE
    query = parts.query
    names = {name.lower() for name, _ in parse_qsl(query)}
    # Without authSource the database of the URL is where the user lies: that stays.
    if "@" in parts.netloc and "authsource" not in names:
        source = own if parts.path.lstrip("/") else "admin"
        query += f"{'&' if query else ''}authSource={quote(source, safe='')}"
    name = own + SUFFIX
    return parts._replace(path=f"/{quote(name, safe='')}", query=query).geturl(), name


async def _drop(scratch: Settings, name: str) -> None:
    async with Database(scratch.mongo_url or "", driver=scratch.mongo_driver) as database:
        if name.endswith(SUFFIX):
            await database.client.drop_database(name)


@contextlib.asynccontextmanager
async def _alone(app: AppContext) -> AsyncIterator[None]:
    """Hold the lease of drills, renewed meanwhile.

    Raises:
        AdminRefused: another one holds it.
    """
    if not await app.store.claim_drill(at=utcnow()):
        raise AdminRefused("Another drill is at work.")

    try:
        async with run_periodically(
            lambda: app.store.claim_drill(at=utcnow(), renew=True), every_s=LEASE_RENEWED_S, name="drill"
        ):
            yield
    finally:
        with contextlib.suppress(PyMongoError):
            await app.store.release_drill()


async def _compare(report: Report, scratch: Settings, file: Path, app: AppContext) -> None:
    expected = await asyncio.to_thread(lambda: Counter(name for name, _ in read_records(file)))
    async with Database(scratch.mongo_url or "", driver=scratch.mongo_driver) as database:
        for name in (*SAME, *MORE):
            restored = int(await database.collection(name).count_documents({}))
            live = int(await app.resources.database.collection(name).estimated_document_count())
            report.counts[name] = {"file": expected[name], "restored": restored, "live": live}
            if restored < expected[name] or (name in SAME and restored != expected[name]):
                report.wrong.append(f"{name}: {expected[name]} in FILE, {restored} restored")
            if live >= MANY and not expected[name]:
                report.wrong.append(f"{name}: none in FILE, {live} in the service's database")


async def _open_sample(report: Report, scratch: Settings, sample: int) -> None:
    """Open records of each sealed kind, chosen at random, of users who have a key; verify the audit."""
    async with Database(scratch.mongo_url or "", driver=scratch.mongo_driver) as database:
        vault = Vault(database.collection("keys"), scratch.encryption_keys)
        store = Store(database, vault, retention_days=scratch.event_retention_days)
        await store.open()
        keyed = {row["_id"] async for row in vault.wrapped_keys()}
        for kind, owner in (("users", "_id"), ("notes", "patient_id"), ("steps", "patient_id")):
            rows = await database.aggregate(
                database.collection(kind), [{"$sample": {"size": sample}}, {"$project": {owner: 1}}]
            )
            ids = [row["_id"] for row in rows if row[owner] in keyed]
            opened = await _opened(store, kind, ids)
            report.opened[kind] = opened
            if opened < len(ids):
                report.wrong.append(f"{kind}: {len(ids) - opened} of {len(ids)} do not open")
        verdict = await store.audit.verify()
        report.wrong += [f"audit: {finding}" for finding in verdict.findings]


async def _opened(store: Store, kind: str, ids: list[str]) -> int:
    """How many of these records open."""
    if kind == "steps":
        return sum(step.words.title is not None for step in (await store.steps.by_ids(ids)).values())
    count = 0
    for id in ids:
        if kind == "users":
            user = await store.users.get(id)
            count += user is not None and user.name is not None and user.email is not None
        else:
            note = await store.notes.get(id)
            count += note is not None and await store.notes.text(note) is not None
    return count
