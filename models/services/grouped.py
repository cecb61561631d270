"""``@grouped``: a service whose concurrent calls are committed together, in one transaction (see ``group_commit``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from hospital_rt.storage.database import TRANSACTION_WITHIN_S, Session
from models.store import Store

A = TypeVar("A")
R = TypeVar("R")
GROUP_WITHIN_S = 2.0


class Grouped(Generic[A, R]):
    """Called with one item, it is done with those of concurrent calls.

    Args:
        work: does many items within a transaction; for each its result, or the exception for that item alone.
        apart: two items with the same key are never in one group.
    """

    def __init__(
        self,
        work: Callable[[Store, Sequence[A], Session], Awaitable[Sequence[R | Exception]]],
        *,
        apart: Callable[[A], Hashable],
    ) -> None:
        self._work, self._apart = work, apart
        self.__doc__ = work.__doc__

    async def __call__(self, store: Store, item: A) -> R:
        """The result of this item. Raises what it would have raised alone."""
        result: R = await store.group_commit(self.together, apart=self._apart)(item)
        return result

    async def together(self, store: Store, items: Sequence[A]) -> Sequence[R | Exception]:
        """One transaction for these items. A group has little time, since each of its items is then tried alone."""

        async def work(session: Session) -> Sequence[R | Exception]:
            return await self._work(store, items, session)

        within_s = GROUP_WITHIN_S if len(items) > 1 else TRANSACTION_WITHIN_S
        return await store.transaction(work, within_s=within_s)


class grouped:  # noqa: N801 - a decorator
    """Declare a service for many items, to be called with one.

    A class, since a function could not take over the types of what it decorates.
    """

    def __init__(self, *, apart: Callable[[Any], Hashable]) -> None:
        self._apart = apart

    def __call__(
        self, work: Callable[[Store, Sequence[A], Session], Awaitable[Sequence[R | Exception]]]
    ) -> Grouped[A, R]:
        return Grouped(work, apart=self._apart)
