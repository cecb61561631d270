"""Application context: the resources and collections of a process, opened together and passed to handlers and tasks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import PyMongoError

from hospital_rt.bootstrap import Resources, open_resources
from hospital_rt.domain.clock import utcnow
from hospital_rt.logs import log
from hospital_rt.settings import Settings
from hospital_rt.storage.migrations import read_state
from models.feed_reader import FeedReader
from models.schema_versions import newest
from models.services.accounts import AccountClosed
from models.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What every handler and every task gets."""

    resources: Resources
    store: Store
    feeds: FeedReader
    now: Callable[[], datetime] = utcnow  # clock of clinical data; sign-in uses the real one

    @property
    def settings(self) -> Settings:
        return self.resources.settings

    async def announce_closed(self, closed: AccountClosed, *, erased: str | None = None) -> None:
        """Announce a closed account to every node. ``erased``: the user whose key is destroyed with it."""
        wakeups = self.resources.wakeups
        await wakeups.revoke(closed.sessions)
        if erased:
            await wakeups.announce_erased(erased)
        await wakeups.announce(closed.users)


async def stop_when_schema_is_newer(app: AppContext, stop: asyncio.Event, *, every_s: float = 5.0) -> None:
    """Set ``stop`` once the schema is newer than this version can serve: the process must not write any more."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)
            return
        try:
            state = await read_state(app.resources.database, newest=newest())
        except PyMongoError:
            continue  # requests report that the database is unreachable
        if state.readable_by > newest():
            log.warning("schema.too_new", version=state.version)
            stop.set()


@contextlib.asynccontextmanager
async def open_app_context(settings: Settings, *, now: Callable[[], datetime] = utcnow) -> AsyncIterator[AppContext]:
    """Open resources and collections; the indexes exist and the keys are verified when this returns.

    Raises:
        WrongKeys: ``ENCRYPTION_KEYS`` do not match this database.
    """
    async with open_resources(settings) as resources:
        store = Store(resources.database, resources.vault, retention_days=settings.event_retention_days, now=now)
        await store.open()
        yield AppContext(resources=resources, store=store, feeds=FeedReader(store), now=now)
