"""The house: the resources of a process and its records, opened together and handed to handlers and tasks."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from hospital_rt.assembly import Resources, open_resources
from hospital_rt.clock import utcnow
from hospital_rt.settings import Settings
from models.reading import FeedReader
from models.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What every door and every task is given."""

    resources: Resources
    store: Store
    feeds: FeedReader
    now: Callable[[], datetime] = utcnow       # the clock of everything clinical; sign-in goes by the real one

    @property
    def settings(self) -> Settings:
        return self.resources.settings


@contextlib.asynccontextmanager
async def open_house(settings: Settings, *, now: Callable[[], datetime] = utcnow) -> AsyncIterator[House]:
    """Open resources and records; the indexes exist and the keys are right when this returns.

    Raises:
        WrongKeys: ``ENCRYPTION_KEYS`` are not this database's.
    """
    async with open_resources(settings) as resources:
        store = Store(resources.database, resources.vault, retention_days=settings.event_retention_days)
        await store.open()
        yield House(resources=resources, store=store, feeds=FeedReader(store), now=now)
