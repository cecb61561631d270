"""Backups: the records in one file, the wrapped keys in another, and both into an empty database again.

The promise: with a KEYFILE written after an erasure, no FILE of any day opens the erased user. So the keys are read
last, when the records are written already, and KEYFILE is written anew until no key in it has been destroyed since.
What must not come alive again stays out: sessions, mailed links and letters; and blind indexes of addresses, which
would let a guess be tested for an erased user: they are made again from the addresses themselves.
"""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from uuid import UUID

from pymongo.errors import OperationFailure

from cli.admin import AdminRefused, CommandResult, Confirm
from hospital_rt.domain.clock import to_wire, utcnow
from hospital_rt.settings import Settings
from hospital_rt.storage.backup_format import (
    BackupKeys,
    BackupLabel,
    NotABackup,
    RecordsWriter,
    SignBackup,
    check_records,
    read_keys,
    read_records,
    write_keys,
)
from hospital_rt.storage.database import Database, Document, Session
from hospital_rt.storage.field_encryption import INDEX_KEY, Unreadable, Vault
from hospital_rt.storage.migrations import SCHEMA, read_state
from models.app_context import AppContext
from models.audit import AuditActor
from models.schema_versions import newest
from models.services.accounts import close_account
from models.store import DRILL, RESTORING, Store

LEFT_OUT = frozenset({"keys", "sessions", "links", "letters", "nodes", "challenges"})
LEFT_OUT_OF_META = frozenset({"epoch", RESTORING, DRILL})
BATCH = 500
SNAPSHOT_TOO_OLD = 239


def _signing(vault: Vault) -> SignBackup:
    return partial(vault.blind_index, use="backup")


# Backing up


async def back_up(app: AppContext, actor: AuditActor, *, file: Path, keyfile: Path) -> CommandResult:
    """Write FILE, one moment's picture of all records, and replace KEYFILE. The service runs on.

    Raises:
        AdminRefused: a file cannot be written, or the picture took longer than MongoDB keeps one.
    """
    label = await _next_label(app)
    try:
        documents, same_moment = await _write_records(app, file, label)
        kept = await _write_keys(app, keyfile, label)
    except OSError as error:
        raise AdminRefused(f"{error.filename or file}: {error.strerror}") from None
    except OperationFailure as error:
        if error.code != SNAPSHOT_TOO_OLD:
            raise
        raise AdminRefused(
            "MongoDB kept the picture too short a time: raise minSnapshotHistoryWindowInSeconds."
        ) from None
    await app.store.audit.write(actor, "backup.written", of=[])
    await app.store.record_backup(at=utcnow())
    lines = [
        f"{documents} records in {file}, {kept} keys in {keyfile}.",
        "Keep the two apart, and no older KEYFILE. ENCRYPTION_KEYS are in neither.",
    ]
    if not same_moment:
        lines.append("This server gives no picture of one moment: what changed meanwhile may be half in it.")
    facts = {
        "number": label.number,
        "made_at": label.made_at,
        "records": documents,
        "keys": kept,
        "same_moment": same_moment,
    }
    return CommandResult(tuple(lines), facts)


async def _next_label(app: AppContext) -> BackupLabel:
    installation, number = await app.store.count_backup()
    state = await read_state(app.resources.database, newest=newest())
    if state.moving:
        raise AdminRefused("The schema of this database is being moved: back up once that is done.")
    return BackupLabel(
        installation=installation,
        number=number,
        made_at=to_wire(utcnow()),
        schema=state.version,
        readable_by=state.readable_by,
    )


async def _write_records(app: AppContext, file: Path, label: BackupLabel) -> tuple[int, bool]:
    database, vault = app.resources.database, app.store.vault
    names = sorted(set(await database.collection_names()) - LEFT_OUT)
    async with database.snapshot() as snapshot:
        same_moment = await _gives_snapshots(database, snapshot)
        with RecordsWriter(file, label) as writer:
            for name in names:
                found = database.collection(name).find({}, session=snapshot if same_moment else None)
                async for row in found.batch_size(BATCH):
                    if name == "meta" and row["_id"] in LEFT_OUT_OF_META:
                        continue
                    if name == "meta" and row["_id"] == SCHEMA:
                        row |= {"lease_until": None}
                    if name == "users":
                        row.pop("email_index", None)
                    writer.put(name, row)
            writer.commit(_signing(vault))
            return writer.documents, same_moment


async def _gives_snapshots(database: Database, snapshot: Session) -> bool:
    try:
        await database.collection("meta").find_one({}, session=snapshot)
    except OperationFailure as error:
        if error.code == SNAPSHOT_TOO_OLD:
            raise
        return False
    return True


async def _write_keys(app: AppContext, keyfile: Path, label: BackupLabel) -> int:
    """Write KEYFILE until it holds no key that was destroyed while it was being written."""
    vault = app.store.vault
    while True:
        head = (await app.store.audit.head()) or ""
        wrapped = {row["_id"]: row["wrapped"] async for row in vault.wrapped_keys()}
        keys = BackupKeys(label=label, wrapped=wrapped, audit_head=head)
        write_keys(keyfile, keys, _signing(vault))
        if wrapped.keys() <= {row["_id"] async for row in vault.wrapped_keys()}:
            return len(wrapped)


# Restoring


async def restore(
    settings: Settings, actor: AuditActor, *, file: Path, keyfile: Path, confirm: Confirm
) -> CommandResult:
    """Put a backup into an empty database, and begin a new epoch. Interrupted, it can be begun again.

    Users without a key in KEYFILE were erased since FILE was written, and are erased here.

    Raises:
        AdminRefused: the files do not fit or are damaged, or the database is not empty. Nothing was written then.
        WrongKeys: ``ENCRYPTION_KEYS`` are not those of the system that was backed up.
    """
    async with Database(settings.mongo_url or "", driver=settings.mongo_driver) as database:
        vault = Vault(database.collection("keys"), settings.encryption_keys)
        try:
            keys, is_whole = read_keys(keyfile)
            vault.set_index_key(keys.wrapped.get(INDEX_KEY, ""))
            if not is_whole(_signing(vault)):
                raise NotABackup(f"{keyfile}: damaged or touched")
            label, documents = check_records(file, _signing(vault))
        except NotABackup as found:
            raise AdminRefused(str(found)) from None
        if label.installation != keys.label.installation:
            raise AdminRefused("FILE and KEYFILE are of two installations.")
        if label.readable_by > newest():
            raise AdminRefused(
                f"This backup has schema {label.schema}, which versions from schema {label.readable_by} on can serve; "
                f"this one knows schema {newest()}. Restore it with the newer version."
            )
        if keys.label.number < label.number:
            raise AdminRefused(
                f"KEYFILE is of {keys.label.made_at}, older than FILE: people who came later would be lost. "
                "Use the KEYFILE of the newest backup."
            )
        await _check_empty(database)
        if not confirm(f"{documents} records of {label.made_at} go into this database. Restore?"):
            raise AdminRefused("Nothing was changed.")
        await _write_everything(database, vault, file, keys)
        store = Store(database, vault, retention_days=settings.event_retention_days)
        await store.open(restoring=True)
        erased = await _erase_keyless(store, actor)
        await store.resume_counting_backups(keys.label.number)
        epoch = await store.new_epoch()
        await store.audit.write(actor, "backup.restored", of=[])
        await database.collection("meta").delete_one({"_id": RESTORING})
    return CommandResult(
        (
            f"{documents} records of {label.made_at} are restored; {erased} users erased since stay erased.",
            "Everybody signs in again. Start the service anew where it was running beside this.",
        ),
        {"records": documents, "made_at": label.made_at, "erased_since": erased, "epoch": epoch},
    )


async def _check_empty(database: Database) -> None:
    if await database.collection("meta").find_one({"_id": RESTORING}):
        return
    if await database.collection("users").find_one({}, {"_id": 1}):
        raise AdminRefused("This database holds users. A backup goes into an empty one only.")


async def _write_everything(database: Database, vault: Vault, file: Path, keys: BackupKeys) -> None:
    """The records as they were, of the users' keys those whose users are among them, and the installation's own."""
    await database.collection("meta").replace_one({"_id": RESTORING}, {"at": utcnow()}, upsert=True)
    for name in await database.collection_names():
        await database.collection(name).delete_many({"_id": {"$ne": RESTORING}} if name == "meta" else {})
    own = [{"_id": id, "wrapped": key} for id, key in keys.wrapped.items() if not _is_user_id(id)]
    await database.collection("keys").insert_many(own)
    waiting: dict[str, list[Document]] = {}
    for name, row in read_records(file):
        rows = waiting.setdefault(name, [])
        rows.append(row)
        if len(rows) >= BATCH:
            await _write_batch(database, vault, name, waiting.pop(name), keys)
    for name, rows in waiting.items():
        await _write_batch(database, vault, name, rows, keys)


def _is_user_id(id: str) -> bool:
    try:
        return str(UUID(id)) == id
    except ValueError:
        return False


async def _write_batch(database: Database, vault: Vault, name: str, rows: list[Document], keys: BackupKeys) -> None:
    if name == "users":
        held = [{"_id": row["_id"], "wrapped": keys.wrapped[row["_id"]]} for row in rows if row["_id"] in keys.wrapped]
        if held:
            await database.collection("keys").insert_many(held, ordered=False)
        await vault.load_keys({row["_id"] for row in rows})
        for row in rows:
            with contextlib.suppress(Unreadable, KeyError):
                email = vault.open_loaded(row["_id"], f"users|{row['_id']}|email", row["sealed_email"])
                row["email_index"] = vault.blind_index(email, use="email")
    await database.collection(name).insert_many(rows, ordered=False)


async def _erase_keyless(store: Store, actor: AuditActor) -> int:
    """Finish here what was done elsewhere after FILE was written: how many were erased since."""
    erased = 0
    for user_id in await store.users.without_key():
        user = await store.users.get(user_id)
        if user is not None:
            await close_account(store, user, now=utcnow(), erase=True, actor=actor)
            erased += 1
    return erased
