"""Transactions whose process is gone.

MongoDB keeps an unfinished transaction, and with it the write lock of every record it has written, for a minute or
more after its process was killed or cut off. Until then no other transaction can write those records: reminders of the
patient and all events for a doctor with many patients are blocked. A process that is blocked therefore looks for idle
transactions of this service and aborts them. Aborting one that was only slow is harmless: it is retried.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from bson.binary import UUID_SUBTYPE, Binary
from pymongo.errors import PyMongoError

from hospital_rt.logs import describe_error, log

IDLE_S = 3.0  # after which a transaction counts as stale
MIN_INTERVAL_S = 0.5  # between two looks


async def awaited(value: Any) -> Any:
    """What a call of the driver gives: a coroutine of PyMongo, of Motor often the value itself."""
    return await value if asyncio.iscoroutine(value) else value


class StaleTransactions:
    """Finds idle transactions by comparing two looks some seconds apart.

    Args:
        app_name: only transactions of clients with this name are considered.
    """

    def __init__(self, client: Any, app_name: str) -> None:
        self._client = client
        self._app_name = app_name
        self._idle_since: dict[UUID, tuple[tuple[int, int], float]] = {}
        self._looked_at = 0.0
        self._look = asyncio.Lock()

    async def end(self) -> int:
        """Abort transactions idle for too long; how many. Does nothing without the privilege to list them."""
        if time.monotonic() - self._looked_at < MIN_INTERVAL_S or self._look.locked():
            return 0
        async with self._look:
            self._looked_at = time.monotonic()
            try:
                found = await self._idle()
            except (PyMongoError, KeyError):
                return 0
            now = time.monotonic()
            self._idle_since = {
                id: held if (held := self._idle_since.get(id)) and held[0] == place else (place, now)
                for id, place in found.items()
            }
            dead = [id for id, (_, since) in self._idle_since.items() if now - since >= IDLE_S]
            if dead:
                log.warning("transactions.abandoned", count=len(dead))
                try:
                    sessions = [{"id": Binary(id.bytes, UUID_SUBTYPE)} for id in dead]
                    await self._client["admin"].command({"killSessions": sessions})
                except PyMongoError as error:
                    log.warning("transactions.not_ended", **describe_error(error))
            return len(dead)

    async def _idle(self) -> dict[UUID, tuple[int, int]]:
        """Our transactions without a running operation, by session: the transaction number and its progress."""
        ours = {"active": False, "appName": self._app_name, "transaction.parameters.autocommit": False}
        only = {"lsid.id": 1, "transaction.parameters.txnNumber": 1, "transaction.timeActiveMicros": 1}
        operations = {"$currentOp": {"allUsers": False, "idleSessions": True, "idleConnections": False}}
        cursor = await awaited(self._client["admin"].aggregate([operations, {"$match": ours}, {"$project": only}]))
        return {
            row["lsid"]["id"]: (row["transaction"]["parameters"]["txnNumber"], row["transaction"]["timeActiveMicros"])
            for row in await cursor.to_list(None)
        }
