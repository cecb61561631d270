"""Field encryption: personal data is stored in MongoDB only as ciphertext under the key of the user it concerns.

Each user has a random 256-bit key, wrapped by ``ENCRYPTION_KEYS`` (MultiFernet) in the collection ``keys``. Each value
is encrypted with a Fernet key derived from it for one context (HKDF-SHA-256, RFC 5869): collection, record and field. A
ciphertext moved to another record, field or user does not decrypt, and once a user's key is destroyed none of their
values decrypts, in any copy.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from hospital_rt.storage.batch_loader import BatchLoader
from hospital_rt.storage.database import Collection, Document, Session

INDEX_KEY = "index"
INDEX_KEY_SECONDS = 0.5
CACHE_SIZE = 20_000
CACHE_SECONDS = 60.0
FEW = 4  # up to this many keys are loaded through the shared batch


class Unreadable(Exception):
    """A value does not decrypt: its key is destroyed, or it was sealed for another context."""


class WrongKeys(Exception):
    """``ENCRYPTION_KEYS`` do not unwrap the keys of this database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """Result of a rotation. While ``unreadable`` keys remain, no older key may be removed from the setting."""

    keys: int
    rewrapped: int
    unreadable: int


class Vault:
    """Encrypts and decrypts. Unwrapped keys are cached for at most a minute; clear text is never cached."""

    def __init__(self, keys: Collection, encryption_keys: Sequence[str]) -> None:
        self._keys = keys
        self._key_loader = BatchLoader(self._load_each)
        self._ring = MultiFernet([Fernet(key) for key in encryption_keys])
        self._cache: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._gone: OrderedDict[str, float] = OrderedDict()
        self._first = Fernet(encryption_keys[0]) if encryption_keys else None
        self._index_key = b""
        self._index_key_until = 0.0
        self.fits = True  # what keys_fit() found last

    async def open(self) -> None:
        """Load or create the key of the blind index. This also verifies ``ENCRYPTION_KEYS``.

        Raises:
            WrongKeys: the database was sealed under other keys.
        """
        self._index_key = await self.secret(INDEX_KEY, lambda: os.urandom(32))

    async def follow_index_key(self) -> None:
        """Load the current key of the blind index: a restore beside the running service replaces it.

        At most one read in ``INDEX_KEY_SECONDS`` for all callers. While a restore has removed it, the last one stays
        in use.
        """
        if time.monotonic() < self._index_key_until:
            return
        self._index_key_until = time.monotonic() + INDEX_KEY_SECONDS
        try:
            found = await self._keys.find_one({"_id": INDEX_KEY})
        except BaseException:
            self._index_key_until = 0.0
            raise
        with contextlib.suppress(InvalidToken):
            self._index_key = self._ring.decrypt(found["wrapped"]) if found else self._index_key

    def set_index_key(self, wrapped: str) -> None:
        """Use the index key of a backup before it is stored in the database.

        Raises:
            WrongKeys: it was wrapped under other keys.
        """
        try:
            self._index_key = self._ring.decrypt(wrapped)
        except InvalidToken:
            raise WrongKeys from None

    async def keys_fit(self) -> bool:
        """Whether ``ENCRYPTION_KEYS`` still open this database: a rotation may have left this node's keys behind.

        Of a database without an index key, as while it is being restored, nothing can be said: then they do.
        """
        found = await self._keys.find_one({"_id": INDEX_KEY})
        try:
            if found:
                self._ring.decrypt(found["wrapped"])
            self.fits = True
        except InvalidToken:
            self.fits = False
        return self.fits

    # Keys

    def wrapped_keys(self) -> AsyncIterable[Document]:
        """Every key as stored: ``_id`` and ``wrapped``."""
        found: AsyncIterable[Document] = self._keys.find({}, {"wrapped": 1})
        return found

    async def create_key(self, user_id: str, *, session: Session | None = None) -> None:
        """Create the key of a new user."""
        key = os.urandom(32)
        wrapped = self._ring.encrypt(key).decode()
        await self._keys.insert_one({"_id": user_id, "wrapped": wrapped}, session=session)
        self._remember(user_id, key)

    async def destroy_key(self, user_id: str, *, session: Session | None = None) -> None:
        """Crypto-erase: nothing sealed for this user decrypts any more. After the commit, :meth:`drop_cached_key`."""
        await self._keys.delete_one({"_id": user_id}, session=session)
        self._cache.pop(user_id, None)

    def drop_cached_key(self, user_id: str) -> None:
        """Drop a destroyed key (destroyed here or on another node) from the cache, including a load in progress."""
        self._cache.pop(user_id, None)
        self._gone[user_id] = time.monotonic() + CACHE_SECONDS
        while len(self._gone) > CACHE_SIZE or next(iter(self._gone.values())) < time.monotonic():
            self._gone.popitem(last=False)

    async def load_keys(self, user_ids: Iterable[str]) -> None:
        """Load the keys of many users into the cache by one read. A destroyed key is absent afterwards.

        Raises:
            WrongKeys: a key is wrapped under a key that ``ENCRYPTION_KEYS`` no longer contain.
        """
        now = time.monotonic()
        wanted = {id for id in user_ids if (held := self._cache.get(id)) is None or held[0] < now}
        if len(wanted) <= FEW:
            await asyncio.gather(*(self._key_loader(id) for id in wanted))
        else:
            await self._read_keys(wanted)

    async def _read_keys(self, wanted: set[str]) -> None:
        for row in await self._keys.find({"_id": {"$in": list(wanted)}}).to_list(None):
            self._remember(row["_id"], self._unwrap(row["wrapped"]))
            wanted.discard(row["_id"])
        # Replace only after the read: a concurrent caller may be between loading a key and using it.
        for id in wanted:
            self._cache.pop(id, None)

    def _unwrap(self, wrapped: str) -> bytes:
        try:
            return self._ring.decrypt(wrapped)
        except InvalidToken:
            # Distinct from a destroyed key: a wrong setting must not look like an erasure.
            raise WrongKeys("a user's key is wrapped under a key that is no longer given") from None

    def _remember(self, user_id: str, key: bytes) -> None:
        if self._gone.get(user_id, 0.0) > time.monotonic():
            return
        self._cache[user_id] = (time.monotonic() + CACHE_SECONDS, key)
        self._cache.move_to_end(user_id)
        while len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)

    async def _load_each(self, user_ids: list[str]) -> dict[str, bool]:
        await self._read_keys(set(user_ids))
        return {}

    async def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A secret of the installation, created once and wrapped like any key."""
        found = await self._keys.find_one({"_id": name})
        if found is None:
            with contextlib.suppress(DuplicateKeyError):
                await self._keys.insert_one({"_id": name, "wrapped": self._ring.encrypt(make()).decode()})
            found = await self._keys.find_one({"_id": name})
        return self._unwrap(found["wrapped"] if found else "")

    # Values

    def _fernet(self, user_id: str, context: str) -> Fernet:
        """For one context, derived from a key that is loaded."""
        held = self._cache.get(user_id)
        if held is None:
            raise Unreadable("no key")
        info = f"hospital_rt/1|{user_id}|{context}".encode()
        derived = HKDFExpand(algorithm=hashes.SHA256(), length=32, info=info)
        return Fernet(base64.urlsafe_b64encode(derived.derive(held[1])))

    def seal_loaded(self, user_id: str, context: str, value: Any) -> str:
        """Encrypt with a key that :meth:`load_keys` has just loaded.

        Raises:
            Unreadable: the user has no key, or no longer has one.
        """
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return self._fernet(user_id, context).encrypt(text.encode()).decode()

    def open_text(self, user_id: str, context: str, token: str) -> str:
        """The sealed JSON text, with a loaded key. Raises the errors of :meth:`open_value`."""
        try:
            return self._fernet(user_id, context).decrypt(token).decode()
        except InvalidToken:
            raise Unreadable("not sealed here") from None

    def open_loaded(self, user_id: str, context: str, token: str) -> Any:
        """Decrypt with a key that :meth:`load_keys` has just loaded. Raises the errors of :meth:`open_value`."""
        return json.loads(self.open_text(user_id, context, token))

    async def seal(self, user_id: str, context: str, value: Any) -> str:
        """Encrypt a JSON value for one context: ``collection|record id|field``."""
        await self.load_keys([user_id])
        return self.seal_loaded(user_id, context, value)

    async def open_value(self, user_id: str, context: str, token: str) -> Any:
        """The JSON value that was sealed for exactly this context.

        Raises:
            Unreadable: the key is destroyed, or the ciphertext belongs to another context.
        """
        await self.load_keys([user_id])
        return self.open_loaded(user_id, context, token)

    async def open_if_readable(self, user_id: str, context: str, token: str | None) -> Any:
        """Like :meth:`open_value`; None where nothing is sealed, or it can no longer be read."""
        if token is None:
            return None
        try:
            return await self.open_value(user_id, context, token)
        except Unreadable:
            return None

    async def open_text_if_readable(self, user_id: str, context: str, token: str | None) -> str | None:
        """Like :meth:`open_if_readable`, of a text."""
        found = await self.open_if_readable(user_id, context, token)
        return None if found is None else str(found)

    def blind_index(self, value: str, *, use: str) -> str:
        """A keyed hash: equal values can be found without being stored."""
        return hmac.new(self._index_key, f"{use}|{value}".encode(), hashlib.sha256).hexdigest()

    # Rotation

    async def rotate(self, *, batch: int = 500) -> Rotated:
        """Wrap every key again under the first of ``ENCRYPTION_KEYS`` while the service keeps running.

        Repeats until nothing is left: a node without the new setting may have wrapped a new user's key under an old
        one in the meantime. Only then may the old keys be removed from the setting.
        """
        keys = rewrapped = 0
        while True:
            keys, changed, unreadable = await self._rotate_once(batch)
            rewrapped += changed
            if not changed:
                return Rotated(keys=keys, rewrapped=rewrapped, unreadable=unreadable)

    async def _rotate_once(self, batch: int) -> tuple[int, int, int]:
        """The number of keys, of keys wrapped again, and of keys that none of ours unwraps."""
        keys = rewrapped = unreadable = 0
        last = ""
        while rows := await self._keys.find({"_id": {"$gt": last}}).sort("_id", 1).limit(batch).to_list(batch):
            changes = []
            for row in rows:
                if self._is_under_first(row["wrapped"]):
                    continue
                try:
                    wrapped = self._ring.rotate(row["wrapped"]).decode()
                except InvalidToken:
                    unreadable += 1
                    continue
                as_it_was = {"_id": row["_id"], "wrapped": row["wrapped"]}
                changes.append(UpdateOne(as_it_was, {"$set": {"wrapped": wrapped}}))
            if changes:
                rewrapped += (await self._keys.bulk_write(changes, ordered=False)).modified_count
            keys, last = keys + len(rows), rows[-1]["_id"]
        return keys, rewrapped, unreadable

    def _is_under_first(self, wrapped: str) -> bool:
        if self._first is None:
            return False
        try:
            self._first.decrypt(wrapped)
        except InvalidToken:
            return False
        return True
