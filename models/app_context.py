"""The house: the resources of a process and its records, opened together and handed to handlers and tasks."""

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
from models.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What every door and every task is given."""

    resources: Resources
    store: Store
    feeds: FeedReader
    now: Callable[[], datetime] = utcnow  # the clock of everything clinical; sign-in goes by the real one

    @property
    def settings(self) -> Settings:
        return self.resources.settings


async def stop_when_overtaken(app: AppContext, stop: asyncio.Event, *, every_s: float = 5.0) -> None:
    """Set ``stop`` once the schema has moved beyond what this version can serve: it must not write on as before."""
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)
            return
        try:
            state = await read_state(app.resources.database, newest=newest())
        except PyMongoError:
            continue  # whoever asks is told that the database is away
        if state.readable_by > newest():
            log.warning("schema.too_new", version=state.version)
            stop.set()


@contextlib.asynccontextmanager
async def open_app_context(settings: Settings, *, now: Callable[[], datetime] = utcnow) -> AsyncIterator[AppContext]:
    """Open resources and records; the indexes exist and the keys are right when this returns.

    Raises:
        WrongKeys: ``ENCRYPTION_KEYS`` are not this database's.
    """
    async with open_resources(settings) as resources:
        store = Store(resources.database, resources.vault, retention_days=settings.event_retention_days)
        await store.open()
        yield AppContext(resources=resources, store=store, feeds=FeedReader(store), now=now)
