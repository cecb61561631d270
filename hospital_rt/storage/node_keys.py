"""Records which encryption keys each running node has, so that a rotation does not lock a node out.

Each web and worker node writes fingerprints of its ``ENCRYPTION_KEYS`` into the collection ``nodes`` every few seconds
and takes them away when it stops; the keys themselves are written nowhere. ``admin rotate-keys`` asks for the nodes
that would not open what it writes. It is kept in MongoDB, not in Redis: where MongoDB is away nothing can be rotated
anyway, and with Redis away everything here goes on. Moments are the database's own, whatever the nodes' clocks say.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from pymongo import IndexModel

from hospital_rt.periodic import run_periodically
from hospital_rt.storage.database import Database, Document
from hospital_rt.version import version

COLLECTION = "nodes"
PUBLISH_EVERY_S = 10.0
GONE_AFTER_S = 60
"""A node that was killed counts as alive for so long."""
INDEXES = [IndexModel([("seen_at", 1)], name="gone", expireAfterSeconds=3600)]


def fingerprint(key: str) -> str:
    """A fingerprint of a key: a hash, which reveals nothing about 256 random bits."""
    return hashlib.sha256(b"hospital_rt/key|" + base64.urlsafe_b64decode(key)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Behind:
    """Running nodes that are behind, by role: those without a key, and those that do not have it first."""

    without: Counter[str]
    not_first: Counter[str]


async def publish(database: Database, node_id: str, keys: Sequence[str], *, role: str) -> None:
    """Record that this node is alive, and the fingerprints of its keys, in their order."""
    facts: Document = {"role": role, "version": version(), "fingerprints": [fingerprint(key) for key in keys]}
    await database.collection(COLLECTION).update_one(
        {"_id": node_id}, {"$set": facts, "$currentDate": {"seen_at": True}}, upsert=True
    )


@contextlib.asynccontextmanager
async def published(database: Database, keys: Sequence[str], *, role: str) -> AsyncIterator[None]:
    """Have this node's keys published from before it serves until it has stopped."""
    node_id = uuid4().hex
    await database.create_indexes(COLLECTION, INDEXES)
    await publish(database, node_id, keys, role=role)
    try:
        async with run_periodically(
            lambda: publish(database, node_id, keys, role=role), every_s=PUBLISH_EVERY_S, name="node-keys"
        ):
            yield
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(database.collection(COLLECTION).delete_one({"_id": node_id}), 1)


async def _living(database: Database) -> list[Document]:
    since = {"$subtract": ["$$NOW", GONE_AFTER_S * 1000]}
    found = database.collection(COLLECTION).find({"$expr": {"$gte": ["$seen_at", since]}})
    return [node async for node in found]


async def living_nodes(database: Database) -> Counter[tuple[str, str]]:
    """The living web and worker nodes, by role and version."""
    return Counter([(node["role"], node.get("version", "")) for node in await _living(database)])


async def nodes_behind(database: Database, first: str) -> Behind:
    """The living nodes for which ``first`` is not the first key."""
    wanted = fingerprint(first)
    behind = Behind(Counter(), Counter())
    for node in await _living(database):
        known: list[str] = node["fingerprints"]
        if wanted not in known:
            behind.without[node["role"]] += 1
        elif known[0] != wanted:
            behind.not_first[node["role"]] += 1
    return behind
