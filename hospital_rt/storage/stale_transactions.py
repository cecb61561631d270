"""Transactions whose process is gone.

MongoDB keeps an unfinished transaction, and with it the hold on every record it has written, for a minute or more
after its process was killed or cut off. Nobody else can write those records meanwhile: neither a patient's reminder
nor anything else that a doctor with many patients is told. So whoever is kept waiting looks for transactions of ours
that stand still, and ends them. Ending one that was only slow is harmless: it runs again.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from bson.binary import UUID_SUBTYPE, Binary
from pymongo.errors import PyMongoError

from hospital_rt.logs import describe_error, log

STILL_FOR_S = 3.0
LOOKS_APART_S = 0.5


class StaleTransactions:
    """Looks for transactions that stand still. It takes two looks, some seconds apart, to tell.

    Args:
        app_name: only what our own clients began is looked at.
    """

    def __init__(self, client: Any, app_name: str) -> None:
        self._client = client
        self._app_name = app_name
        self._standing: dict[UUID, tuple[tuple[int, int], float]] = {}
        self._looked_at = 0.0
        self._look = asyncio.Lock()

    async def end(self) -> int:
        """End what has stood still for too long; how many. A server that does not let us look is left alone."""
        if time.monotonic() - self._looked_at < LOOKS_APART_S or self._look.locked():
            return 0
        async with self._look:
            self._looked_at = time.monotonic()
            try:
                found = await self._idle()
            except (PyMongoError, KeyError):
                return 0
            now = time.monotonic()
            self._standing = {
                id: held if (held := self._standing.get(id)) and held[0] == place else (place, now)
                for id, place in found.items()
            }
            dead = [id for id, (_, since) in self._standing.items() if now - since >= STILL_FOR_S]
            if dead:
                log.warning("transactions.abandoned", count=len(dead))
                try:
                    sessions = [{"id": Binary(id.bytes, UUID_SUBTYPE)} for id in dead]
                    await self._client["admin"].command({"killSessions": sessions})
                except PyMongoError as error:
                    log.warning("transactions.not_ended", **describe_error(error))
            return len(dead)

    async def _idle(self) -> dict[UUID, tuple[int, int]]:
        """Our transactions at which nothing runs now: by session, which one it is and how far it has come."""
        cursor = self._client["admin"].aggregate(
            [
                {"$currentOp": {"allUsers": False, "idleSessions": True, "idleConnections": False}},
                {
                    "$match": {
                        "active": False,
                        "appName": self._app_name,
                        "transaction.parameters.autocommit": False,
                    }
                },
                {"$project": {"lsid.id": 1, "transaction.parameters.txnNumber": 1, "transaction.timeActiveMicros": 1}},
            ]
        )
        if asyncio.iscoroutine(cursor):
            cursor = await cursor
        return {
            row["lsid"]["id"]: (row["transaction"]["parameters"]["txnNumber"], row["transaction"]["timeActiveMicros"])
            for row in await cursor.to_list(None)
        }
