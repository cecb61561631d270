"""Users: patients, doctors, carers and administrators. Names and addresses are sealed under the user's own key."""

from __future__ import annotations

import asyncio
import contextlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pymongo import ASCENDING, IndexModel

from hospital_rt.domain.repeats import RepeatRule
from hospital_rt.domain.schedule import DayTimes
from hospital_rt.storage.batch_loader import BatchLoader
from hospital_rt.storage.database import Collection, Document, Session
from hospital_rt.storage.documents import read_document, to_json
from hospital_rt.storage.field_encryption import FEW, Unreadable, Vault

Role = Literal["doctor", "patient", "carer", "admin"]
Status = Literal["active", "pending", "deactivated"]
TimezoneMode = Literal["home", "follow"]
CHOSEN_PARTS = ("noon", "evening", "bedtime")  # the morning is the reminder time
REPEAT_MOST = 3
SEALED = ("name", "email", "birth_date", "phone")
CONTACT = ("birth_date", "phone")
SETTINGS = ("timezone", "timezone_mode", "reminder_time", "repeat_minutes", "repeat_most", "language")
AT_FIRST = ("role", "status", "password_hash", "timezone", "reminder_time", "language", "created_at", "email_confirmed")
SHOWN = ("id", "name", "email", "role", "status", *SETTINGS, *CONTACT, "created_at")  # to the user, as they are stored


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One account. ``name`` and ``email`` are None once its key is destroyed.

    Args:
        birth_date: a patient's, as ISO 8601 writes it; ``birth_date`` and ``phone`` are None unless they gave them.
        day_times: when ``noon``, ``evening`` and ``bedtime`` are; the morning is ``reminder_time``.
        repeat_minutes: how often an open slot is repeated, None: on the next day.
        day_changed_at: when the zone or a time of the day last changed: reminders to come moved then.
    """

    id: str
    role: Role
    status: Status
    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    password_hash: str = field(default="", repr=False)
    timezone: str
    reminder_time: str = "09:00"
    language: str = "en"
    created_at: datetime
    email_confirmed: bool = True
    seen_at: datetime | None = None
    day_times: Mapping[str, str] = field(default_factory=dict)
    timezone_mode: TimezoneMode = "home"
    repeat_minutes: int | None = None
    repeat_most: int = REPEAT_MOST
    day_changed_at: datetime | None = None
    birth_date: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def day(self) -> DayTimes:
        """The parts of this patient's day."""
        return day_of(self.reminder_time, self.day_times)

    @property
    def repeat_rule(self) -> RepeatRule | None:
        """How this patient's open slots are repeated within the day."""
        return RepeatRule(every_minutes=self.repeat_minutes, most=self.repeat_most) if self.repeat_minutes else None

    def matches(self, query: str) -> bool:
        """Whether this is the user's address, or the beginning of the name or of one of its words."""
        wanted = fold(query)
        if not wanted or wanted == (self.email or "").casefold():
            return True
        name = fold(self.name or "")
        return name.startswith(wanted) or any(word.startswith(wanted) for word in name.split())

    def as_json(self) -> Document:
        """**User** (contract, "User")."""
        return to_json(self, *SHOWN) | {"day_times": {part: getattr(self.day, part) for part in CHOSEN_PARTS}}


def day_of(reminder_time: str, day_times: Mapping[str, str]) -> DayTimes:
    """A day with the parts that were chosen, and the others as they usually are."""
    return DayTimes(morning=reminder_time, **{part: day_times[part] for part in CHOSEN_PARTS if part in day_times})


@dataclass(frozen=True, slots=True)
class Person:
    """What others may see of a user."""

    name: str | None = field(repr=False)
    timezone: str
    seen_at: datetime | None
    birth_date: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)


def accepts_patients(row: Document) -> bool:
    """Whether a bare record is that of a doctor whom patients may choose."""
    return bool(row["role"] == "doctor" and row["status"] == "active" and row.get("email_confirmed", True))


def fold(text: str) -> str:
    """Case and accents folded, for looking names up."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold().strip()


class Users:
    """The collection ``users``."""

    INDEXES = [
        IndexModel([("email_index", ASCENDING)], unique=True, sparse=True),
        IndexModel([("role", ASCENDING), ("status", ASCENDING)]),
        IndexModel([("created_at", -1), ("_id", ASCENDING)], name="newest"),
        IndexModel(
            [("created_at", ASCENDING)], name="never_confirmed", partialFilterExpression={"email_confirmed": False}
        ),
    ]

    def __init__(self, collection: Collection, vault: Vault) -> None:
        self._users = collection
        self._vault = vault
        self._row_loader, self._shown_loader = BatchLoader(self.rows), BatchLoader(self.shown_rows)

    def email_index(self, email: str) -> str:
        """The blind index of an address that :func:`handlers` normalised."""
        return self._vault.blind_index(email, use="email")

    async def read_row(self, row: Document) -> User:
        async def opened(name: str) -> Any:
            context = f"users|{row['_id']}|{name}"
            return await self._vault.open_if_readable(row["_id"], context, row.get(f"sealed_{name}"))

        return read_document(User, row, **{name: await opened(name) for name in SEALED})

    async def insert(self, user: User, *, session: Session, by_email: bool = True) -> None:
        """A new account with a key of its own. A taken address is a DuplicateKeyError.

        Args:
            by_email: False: it is not found by its address, which may be None; it belongs to an identity.
        """
        if user.name is None or (by_email and user.email is None):
            raise ValueError("a new account needs a name and an address")
        await self._vault.follow_index_key()
        await self._vault.create_key(user.id, session=session)
        row: Document = {name: getattr(user, name) for name in AT_FIRST}
        row |= {"_id": user.id, "sealed_name": await self._vault.seal(user.id, f"users|{user.id}|name", user.name)}
        if user.email is not None:
            row["sealed_email"] = await self._vault.seal(user.id, f"users|{user.id}|email", user.email)
            row |= {"email_index": self.email_index(user.email)} if by_email else {}
        await self._users.insert_one(row, session=session)

    async def get(self, user_id: str, *, session: Session | None = None) -> User | None:
        row = await self._users.find_one({"_id": user_id}, session=session)
        return await self.read_row(row) if row else None

    async def by_ids(self, user_ids: Sequence[str], *, session: Session) -> dict[str, User]:
        """These users, as far as they are there, by one read."""
        await self._vault.load_keys(set(user_ids))
        rows = await self._users.find({"_id": {"$in": list(user_ids)}}, session=session).to_list(None)
        return {row["_id"]: await self.read_row(row) for row in rows}

    async def pair(self, first: str, second: str) -> tuple[User | None, User | None]:
        """Two users at once, by a read that others share."""
        rows = await asyncio.gather(self._row_loader(first), self._row_loader(second))
        found = [await self.read_row(row) if row else None for row in rows]
        return found[0], found[1]

    async def row(self, user_id: str, *, session: Session | None = None) -> Document | None:
        """The bare record, nothing opened: status, role and zone, at the price of one read."""
        found: Document | None = await self._users.find_one({"_id": user_id}, session=session)
        return found

    async def rows(self, user_ids: list[str]) -> dict[str, Document]:
        """The bare records of these users."""
        return {row["_id"]: row for row in await self._users.find({"_id": {"$in": user_ids}}).to_list(None)}

    async def shown_rows(self, user_ids: list[str]) -> dict[str, Document]:
        """Of these users' records what others may see, still sealed; birth date and phone are for their doctor."""
        only = {"sealed_name": 1, "timezone": 1, "seen_at": 1, **{f"sealed_{name}": 1 for name in CONTACT}}
        found = self._users.find({"_id": {"$in": user_ids}}, only)
        return {row["_id"]: row for row in await found.to_list(None)}

    async def row_by_email(self, email: str) -> Document | None:
        """The bare record of an address, nothing opened: in the same time whether or not there is one."""
        await self._vault.follow_index_key()
        found: Document | None = await self._users.find_one({"email_index": self.email_index(email)})
        return found

    async def by_email(self, email: str, *, session: Session | None = None) -> User | None:
        await self._vault.follow_index_key()
        row = await self._users.find_one({"email_index": self.email_index(email)}, session=session)
        return await self.read_row(row) if row else None

    async def people(self, user_ids: set[str], *, contact: bool = False) -> dict[str, Person]:
        """Name, zone and last visit of these users, by one read; the name is None where a key is destroyed.

        Args:
            contact: with birth date and phone, where the viewer may see them (``can_see_contact``).
        """
        await self._vault.load_keys(user_ids)
        found = {id: Person(None, "UTC", None) for id in user_ids}
        if len(user_ids) <= FEW:
            rows = await asyncio.gather(*(self._shown_loader(id) for id in user_ids))
        else:
            rows = list((await self.shown_rows(list(user_ids))).values())
        for row in filter(None, rows):
            opened = {name: self._opened(row, name) for name in ("name", *(CONTACT if contact else ()))}
            found[row["_id"]] = Person(timezone=row["timezone"], seen_at=row.get("seen_at"), **opened)
        return found

    def _opened(self, row: Document, name: str) -> str | None:
        """A sealed member of a record whose key is loaded; None where there is none, or no key any more."""
        sealed = row.get(f"sealed_{name}")
        with contextlib.suppress(Unreadable):
            return str(self._vault.open_loaded(row["_id"], f"users|{row['_id']}|{name}", sealed)) if sealed else None
        return None

    async def names(self, user_ids: set[str]) -> dict[str, str | None]:
        """The names of these users; None where a key is destroyed or the user is gone."""
        return {id: person.name for id, person in (await self.people(user_ids)).items()}

    async def accepting_doctors(self) -> list[tuple[str, str]]:
        """``(id, name)`` of the doctors that patients may choose, by name."""
        wanted = {"role": "doctor", "status": "active", "email_confirmed": {"$ne": False}}
        ids = {row["_id"] async for row in self._users.find(wanted, {"_id": 1})}
        names = await self.names(ids)
        return sorted(
            ((id, name) for id, name in names.items() if name is not None), key=lambda item: (fold(item[1]), item[0])
        )

    async def update(self, user_id: str, changes: Document, *, session: Session | None = None) -> None:
        """Set plain members; those of a person are sealed on the way, None is kept as None. An address changed here
        finds no account.
        """
        values = dict(changes)
        for member in SEALED:
            if member in values:
                value = values.pop(member)
                context = f"users|{user_id}|{member}"
                values[f"sealed_{member}"] = await self._vault.seal(user_id, context, value) if value else None
        await self._users.update_one({"_id": user_id}, {"$set": values}, session=session)

    async def compare_and_update(self, user_id: str, wanted: Document, changes: Document, *, session: Session) -> bool:
        """Set members only where the record still is as ``wanted``."""
        return await self._users.update_if({"_id": user_id, **wanted}, {"$set": changes}, session=session)

    async def lock_accepting_doctor(self, user_id: str, *, session: Session) -> bool:
        """Have a doctor not stop accepting patients before the transaction ends. False when they do not now."""
        wanted = {"_id": user_id, "role": "doctor", "status": "active", "email_confirmed": {"$ne": False}}
        return await self._users.update_if(wanted, {"$inc": {"chosen": 1}}, session=session)

    async def erase(self, user_id: str, *, at: datetime, session: Session) -> None:
        """Keep the bare id and role; every other field is deleted."""
        await self._vault.destroy_key(user_id, session=session)
        await self._users.update_one(
            {"_id": user_id},
            {
                "$set": {"status": "deactivated", "erased_at": at, "password_hash": ""},
                "$unset": {**{f"sealed_{name}": 1 for name in SEALED}, "email_index": 1, "seen_at": 1},
            },
            session=session,
        )

    async def with_status(self, status: Status, *, limit: int) -> list[Document]:
        """The bare records of the accounts that have it and are not erased, oldest first."""
        wanted = {"status": status, "erased_at": None}
        # The drivers' collections have no type in common.
        return await self._users.find(wanted).sort("created_at", 1).limit(limit).to_list(limit)  # type: ignore[no-any-return]

    async def count_pending(self) -> int:
        """How many doctors wait for approval."""
        return int(await self._users.count_documents({"role": "doctor", "status": "pending", "erased_at": None}))

    async def account_rows(
        self, *, status: str | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[Document]:
        """The bare records of accounts that are not erased, the newest first, with their keys loaded."""
        wanted: Document = {"erased_at": None, **({"status": status} if status else {})}
        if before:
            at, id = before
            wanted["$or"] = [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$gt": id}}]
        rows = await self._users.find(wanted).sort([("created_at", -1), ("_id", 1)]).limit(limit).to_list(limit)
        await self._vault.load_keys({row["_id"] for row in rows})
        return list(rows)

    async def never_confirmed(self, *, before: datetime, limit: int) -> list[str]:
        """Sign-ups before then whose address was never confirmed; these accounts were never used."""
        wanted = {"email_confirmed": False, "created_at": {"$lt": before}, "password_hash": {"$nin": ["", None]}}
        rows = self._users.find(wanted, {"_id": 1}).sort("created_at", 1).limit(limit)
        return [row["_id"] async for row in rows]

    async def without_key(self) -> list[str]:
        """Users whose key is gone though they were never erased here: after a restore, those erased since."""
        ids = [row["_id"] async for row in self._users.find({"erased_at": None}, {"_id": 1})]
        held = {row["_id"] async for row in self._vault.wrapped_keys()}
        return [id for id in ids if id not in held]

    async def delete(self, user_id: str, *, session: Session) -> None:
        """Take an unconfirmed sign-up away, so that a newer one can have its address."""
        await self._vault.destroy_key(user_id, session=session)
        await self._users.delete_one({"_id": user_id}, session=session)

    async def mark_seen(self, user_ids: list[str], *, at: datetime) -> None:
        """Note that these users were here."""
        await self._users.update_many({"_id": {"$in": user_ids}}, {"$max": {"seen_at": at}})
