"""Batches concurrent reads: keys requested while a read is in flight go out together in the next one.

Each answer comes from a read that began after the request. A single request starts at once, without a delay to fill a
batch; under load one round trip serves all requests that arrived in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Any, Generic, TypeVar

from hospital_rt.storage.database import is_unavailable

K = TypeVar("K")
V = TypeVar("V")


class BatchLoader(Generic[K, V]):
    """Batches the reads of one kind.

    Args:
        read: loads many keys; a missing key has the value None.
        max_size: maximum number of keys of one read.
    """

    def __init__(self, read: Callable[[list[K]], Awaitable[Mapping[K, V]]], *, max_size: int = 100) -> None:
        self._read = read
        self._max_size = max_size
        self._pending: dict[K, asyncio.Future[V | None]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def __call__(self, key: K) -> V | None:
        """The value of one key. Raises what the read raised."""
        answer = self._pending.get(key)
        if answer is None:
            answer = self._pending[key] = asyncio.get_running_loop().create_future()
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read_on(), name="batch-loader")
        return await asyncio.shield(answer)  # other callers may wait for the same future

    async def _read_on(self) -> None:
        while self._pending:
            asked = {key: self._pending.pop(key) for key in list(islice(self._pending, self._max_size))}
            try:
                await self._answer(asked)
            except Exception as error:
                if len(asked) > 1 and not is_unavailable(error):
                    for key, answer in asked.items():
                        await self._alone(key, answer)
                else:
                    _refuse(asked, error)
            except BaseException as error:
                _refuse(asked, error)
                raise

    async def _answer(self, asked: Mapping[K, asyncio.Future[V | None]]) -> None:
        found = await self._read(list(asked))
        for key, answer in asked.items():
            if not answer.done():
                answer.set_result(found.get(key))

    async def _alone(self, key: K, answer: asyncio.Future[V | None]) -> None:
        """After a failed batch: read this key alone, so that only the faulty key fails."""
        try:
            await self._answer({key: answer})
        except Exception as error:
            _refuse({key: answer}, error)


def _refuse(asked: Mapping[Any, asyncio.Future[Any]], error: BaseException) -> None:
    for answer in asked.values():
        if not answer.done():
            answer.set_exception(error)
            answer.exception()  # mark as retrieved: the caller may be gone
