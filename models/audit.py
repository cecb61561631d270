"""Audit log: which user read or changed which data of which user, when and from where. Append-only, without content.

A request writes one entry, inside its transaction where it has one, without waiting for other entries: entries are not
chained as they are written, which would serialize the whole service on one record. Each carries a keyed hash of itself,
so that none can be forged or altered. At every tick the unbound entries are bound into the next page: a page has the
hash of the previous page and of the entries it binds, and a separate, keyed head has the number of pages. A missing,
altered, moved or inserted entry or page is thus detected, also at the end. A keyed chain cannot detect that the whole
database was set back to an earlier day: for that :class:`AuditVerification` returns the head, to be stored elsewhere
and compared later; every backup does so.

The hash key is derived from the random key of the blind index: it outlives ``ENCRYPTION_KEYS`` and ``SECRET_KEY``, and
is not readable from the database alone. The client address is sealed under the acting user's key, the reason for a
change under the patient's: erasure makes both unreadable, and the entry remains.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError, PyMongoError

from hospital_rt.domain.audit_types import Act as Act
from hospital_rt.domain.audit_types import AuditActor as AuditActor
from hospital_rt.domain.audit_types import AuditVerification as AuditVerification
from hospital_rt.domain.clock import to_wire, utcnow
from hospital_rt.domain.errors import Unavailable
from hospital_rt.logs import log
from hospital_rt.storage.database import Collection, Database, Document, Session, is_unavailable
from hospital_rt.storage.documents import read_document
from hospital_rt.storage.field_encryption import Unreadable, Vault
from hospital_rt.storage.group_commit import GroupCommit

PAGE = 1000
HEAD = "audit"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry: what ``user_id`` did to the data of the users ``of``."""

    id: str
    at: datetime
    user_id: str | None
    role: str
    act: str
    item_id: str | None
    of: tuple[str, ...]

    def as_json(self, names: Mapping[str, str | None]) -> Document:
        return {
            "at": to_wire(self.at),
            "by": {"id": self.user_id, "name": names[self.user_id]} if self.user_id else None,
            "role": self.role,
            "act": self.act,
            "item_id": self.item_id,
        }


class Audit:
    """The collections ``audit`` and ``audit_pages``, and the head in ``meta``."""

    INDEXES = [
        IndexModel([("of", ASCENDING), ("_id", DESCENDING)]),
        IndexModel([("who", ASCENDING), ("_id", DESCENDING)]),
        IndexModel([("page", ASCENDING), ("_id", ASCENDING)]),
    ]

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._entries: Collection = database.collection("audit")
        self._pages: Collection = database.collection("audit_pages")
        self._meta: Collection = database.collection("meta")
        self._vault = vault
        self._insert_together = GroupCommit(self._insert, apart=lambda row: row["_id"], max_size=1000)

    async def begin(self) -> None:
        """Create the head in a database without users. A head that is missing later is a finding."""
        users = self._database.collection("users")
        if await self._meta.find_one({"_id": HEAD}) or await users.find_one({}, {"_id": 1}):
            return
        with contextlib.suppress(DuplicateKeyError):
            await self._meta.insert_one(self._head(0, ""))

    def _hash(self, *parts: Any) -> str:
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_plain)
        return self._vault.blind_index(text, use="audit")

    # Writing

    async def write(
        self,
        actor: AuditActor | None,
        act: Act,
        *,
        of: Iterable[str],
        item: str | None = None,
        reason: str | None = None,
        session: Session | None = None,
    ) -> None:
        """Add one entry: in the transaction of ``session``, or alone, batched with concurrent ones.

        Args:
            of: the users whose data it was; a ``reason`` is sealed under the key of the first.

        Raises:
            DomainError: 503 when it cannot be written: then nothing is changed and nothing is shown.
        """
        if actor is None:
            return
        row = await self._row(_new_id(utcnow()), actor, act, list(dict.fromkeys(of)), item, reason)
        with _or_unavailable():
            if session is not None:
                await self._entries.insert_one(row, session=session)
            else:
                await self._insert_together(row)
        actor.written = True

    async def write_each(
        self, of: Iterable[tuple[AuditActor | None, str, str | None]], act: Act, *, session: Session
    ) -> None:
        """One entry for each ``(actor, subject, item)``, in one transaction. Raises as :meth:`write` does."""
        actors = [(actor, whose, item) for actor, whose, item in of if actor is not None]
        rows = [await self._row(_new_id(utcnow()), actor, act, [whose], item, None) for actor, whose, item in actors]
        if rows:
            with _or_unavailable():
                await self._entries.insert_many(rows, ordered=False, session=session)
        for actor, _, _ in actors:
            actor.written = True

    async def write_once(self, actor: AuditActor, act: Act, *, of: str, every_s: int) -> bool:
        """Add an entry about one user unless there is one of its kind in the current interval of ``every_s`` seconds.

        Bounds the entries that unauthenticated requests can cause. Returns whether it was added; a failure is no reason
        to refuse a request.
        """
        span = int(utcnow().timestamp()) // every_s
        id = f"{span * every_s * 1000:012x}{self._hash('once', act, of, span)[:20]}"
        try:
            await self._entries.insert_one(await self._row(id, actor, act, [of], None, None))
        except DuplicateKeyError:
            return False
        return True

    async def _row(
        self, id: str, actor: AuditActor, act: Act, of: list[str], item: str | None, reason: str | None
    ) -> Document:
        row: Document = {
            "_id": id,
            "at": utcnow(),
            "who": actor.user_id,
            "role": actor.role,
            "act": act,
            "of": of,
            "item": item,
            "session": actor.session_id,
            "request": actor.request_id,
        }
        if actor.operator:
            row["operator"] = actor.operator
        with contextlib.suppress(Unreadable):
            if actor.address and (actor.user_id or of):
                whose = actor.user_id or of[0]
                row["sealed_from"] = await self._vault.seal(whose, f"audit|{id}|from", actor.address)
        with contextlib.suppress(Unreadable):
            if reason and of:
                row["sealed_reason"] = await self._vault.seal(of[0], f"audit|{id}|reason", reason)
        await self._vault.follow_index_key()
        return {**row, "mac": self._hash(row), "page": 0}

    async def _insert(self, rows: Sequence[Document]) -> list[None]:
        await self._entries.insert_many(rows, ordered=False)
        return [None] * len(rows)

    # Reading

    async def about(self, user_id: str, *, before: str | None, limit: int) -> list[AuditEntry]:
        """Entries about this user, newest first."""
        return await self._page({"of": user_id}, before=before, limit=limit)

    async def entries(
        self, *, of: str | None, since: datetime | None, before: str | None, limit: int
    ) -> list[AuditEntry]:
        """Entries, newest first: about or by this user, from a moment on."""
        wanted: Document = {"$or": [{"of": of}, {"who": of}]} if of else {}
        if since is not None:
            wanted["at"] = {"$gte": since}
        return await self._page(wanted, before=before, limit=limit)

    async def _page(self, wanted: Document, *, before: str | None, limit: int) -> list[AuditEntry]:
        found = self._entries.find({**wanted, **({"_id": {"$lt": before}} if before else {})})
        return [
            read_document(AuditEntry, row, user_id=row["who"], item_id=row["item"], of=tuple(row["of"]))
            async for row in found.sort("_id", -1).limit(limit)
        ]

    # Binding

    def _head(self, pages: int, last: str) -> Document:
        return {"_id": HEAD, "pages": pages, "last": last, "mac": self._hash("head", pages, last)}

    def is_head(self, row: Document | None) -> TypeGuard[Document]:
        return row is not None and row.get("mac") == self._head(row.get("pages", -1), row.get("last", ""))["mac"]

    async def read_head(self) -> Document | None:
        """The head of the chain, as stored; see :meth:`is_head`."""
        row: Document | None = await self._meta.find_one({"_id": HEAD})
        return row

    async def head(self) -> str | None:
        """The head of the chain of pages, to be stored elsewhere; None when it is missing."""
        held = await self.read_head()
        return f"{held['pages']}:{held['last']}" if held else None

    async def bind(self) -> int:
        """Bind the unbound entries into pages; how many were bound. Safe to run concurrently."""
        bound = 0
        while True:
            if not await self._entries.find_one({"page": 0}, {"_id": 1}):
                return bound
            some = await self._database.transaction(self._bind_page)
            bound += some
            if some < PAGE:
                return bound

    async def _bind_page(self, session: Session) -> int:
        head = await self._meta.find_one({"_id": HEAD}, session=session)
        if head is None:
            log.error("audit.head_missing")
            return 0
        found = self._entries.find({"page": 0}, {"mac": 1}, session=session).sort("_id", 1).limit(PAGE)
        rows = await found.to_list(PAGE)
        if not rows:
            return 0
        number = head["pages"] + 1
        page: Document = {
            "_id": number,
            "at": utcnow(),
            "previous": head["last"],
            "entries": len(rows),
            "digest": _digest(rows),
        }
        page["mac"] = self._hash(page)
        after = self._head(number, page["mac"])
        await self._meta.replace_one({"_id": HEAD, "pages": head["pages"]}, after, session=session)
        await self._pages.insert_one(page, session=session)
        ids = [row["_id"] for row in rows]
        await self._entries.update_many({"_id": {"$in": ids}}, {"$set": {"page": number}}, session=session)
        return len(rows)

    # Verifying

    async def verify(self, *, known_head: str | None = None) -> AuditVerification:
        """Verify every entry and every page. The service may keep running.

        Args:
            known_head: a head returned earlier: it must still be part of the chain.
        """
        findings: list[str] = []
        head = await self.read_head()
        if not self.is_head(head):
            findings.append("the head is missing or altered: pages at the end may be gone")
            newest = await self._pages.find({}, {"_id": 1}).sort("_id", -1).limit(1).to_list(1)
            head = {"pages": newest[0]["_id"] if newest else 0, "last": None}
        number, previous, entries = 0, "", 0
        known_number, _, known_mac = (known_head or "0:").partition(":")
        async for number, page, rows in self.bound(head["pages"]):
            entries += len(rows)
            findings += self.check_page(number, page, rows, previous)
            previous = page["mac"] if page else ""
            if str(number) == known_number and previous != known_mac:
                findings.append(f"page {number} is not the one that the given head names")
        if head["last"] is not None and previous != head["last"]:
            findings.append("the last page is not the one that the head names")
        if known_number.isdigit() and int(known_number) > number:
            findings.append(f"the given head names page {known_number}, and there are only {number}")
        loose, wrong = await self._check_loose(head["pages"])
        findings += wrong
        return AuditVerification(
            entries=entries + loose, pages=number, loose=loose, findings=tuple(findings), head=f"{number}:{previous}"
        )

    async def bound(self, pages: int, first: int = 1) -> AsyncIterator[tuple[int, Document | None, list[Document]]]:
        """Every page from ``first`` to ``pages``, None where it is missing, with the entries that name it."""
        found = self._pages.find({"_id": {"$gte": first, "$lte": pages}}).sort("_id", 1).batch_size(200)
        rows = self._entries.find({"page": {"$gte": first, "$lte": pages}}).sort([("page", 1), ("_id", 1)])
        page, row = await anext(found, None), await anext(rows, None)
        for number in range(first, pages + 1):
            held: list[Document] = []
            while row is not None and row["page"] <= number:
                held.append(row)
                row = await anext(rows, None)
            this = None
            if page is not None and page["_id"] == number:
                this, page = page, await anext(found, None)
            yield number, this, held

    def check_page(self, number: int, page: Document | None, rows: list[Document], previous: str) -> list[str]:
        findings = [f"entry {row['_id']} is altered or inserted" for row in rows if not self._is_whole(row)]
        if page is None:
            return [*findings, f"page {number} is missing"]
        if page.get("mac") != self._hash({key: value for key, value in page.items() if key != "mac"}):
            return [*findings, f"page {number} is altered"]
        if page["previous"] != previous:
            findings.append(f"page {number} does not follow the page before it")
        missing = page["entries"] - len(rows)
        if missing > 0:
            findings.append(f"page {number}: {missing} of {page['entries']} entries removed, {to_wire(page['at'])}")
        elif missing < 0 or (page["digest"] != _digest(rows) and not findings):
            findings.append(f"page {number}: an entry is replaced, inserted or moved")
        return findings

    def _is_whole(self, row: Document) -> bool:
        return bool(row.get("mac") == self._hash({k: v for k, v in row.items() if k not in {"mac", "page"}}))

    async def _check_loose(self, pages: int) -> tuple[int, list[str]]:
        """The number of unbound entries, and findings: altered entries, and entries or pages outside of the chain."""
        loose, findings = 0, []
        async for row in self._entries.find({"page": 0}):
            loose += 1
            if not self._is_whole(row):
                findings.append(f"entry {row['_id']} is altered or inserted")
        within = {"$gte": 0, "$lte": pages}
        strays = [row async for row in self._entries.find({"page": {"$not": within}}, {"page": 1})]
        beyond = [page async for page in self._pages.find({"_id": {"$not": {**within, "$gte": 1}}}, {"_id": 1})]
        # Read after the entries: what was bound meanwhile is covered by this head.
        head = await self._meta.find_one({"_id": HEAD})
        newest = max(pages, head["pages"] if head else 0)
        findings += [f"entry {row['_id']} is in no page" for row in strays if not _is_page(row.get("page"), newest)]
        findings += [f"page {page['_id']} is beyond the head" for page in beyond if not _is_page(page["_id"], newest)]
        return loose, findings


@contextlib.contextmanager
def _or_unavailable() -> Iterator[None]:
    """An audit entry that cannot be written aborts the operation (503)."""
    try:
        yield
    except PyMongoError as error:
        if is_unavailable(error):
            raise
        log.error("audit.not_written", exc_info=error)
        raise Unavailable("Try again in a moment.", retry_after_s=5) from None


def _is_page(number: Any, newest: int) -> bool:
    return isinstance(number, int) and 1 <= number <= newest


def _digest(rows: Iterable[Document]) -> str:
    return hashlib.sha256("".join(str(row.get("mac")) for row in rows).encode()).hexdigest()


def _new_id(at: datetime) -> str:
    """An id that sorts by time."""
    return f"{int(at.timestamp() * 1000):012x}{secrets.token_hex(10)}"


def _plain(value: Any) -> str:
    """Values that JSON lacks, for the hash: a moment, or any value that an altered record holds."""
    return to_wire(value) if isinstance(value, datetime) else repr(value)
