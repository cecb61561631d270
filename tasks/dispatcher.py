"""Dispatcher: background work started by a request that does not wait for it.

Either it wakes a worker: the work is already recorded in MongoDB, so that a lost message is a delay. Or it writes
something optional whose duration must not show in the response time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from taskiq import AsyncTaskiqDecoratedTask, SendTaskError

from hospital_rt.logs import describe_error, log
from tasks import mail, notes
from tasks.broker import ReliableStreamBroker
from tasks.middleware import request_labels

MAX_BACKGROUND = 200


class Dispatcher:
    """Sends tasks in the background and never fails: a sweep picks up what could not be sent."""

    def __init__(self, broker: ReliableStreamBroker) -> None:
        self._broker = broker
        self._background: set[asyncio.Task[None]] = set()

    async def read_note(self, note_id: str) -> None:
        self._send(notes.READ, note_id=note_id)

    async def send_letter(self, letter_id: str) -> None:
        self._send(mail.SEND, letter_id=letter_id)

    async def close(self) -> None:
        """Wait up to a second for what is in progress."""
        if self._background:
            await asyncio.wait(set(self._background), timeout=1.0)

    def run_in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run this after the answer. A failure has no effect on the answer."""
        if not self._begin(self._try(work)):
            work.close()

    def _send(self, name: str, **arguments: Any) -> None:
        task = self._broker.find_task(name)
        if task is None:
            raise LookupError(name)
        self._begin(self._kick(task, arguments))

    def _begin(self, work: Coroutine[Any, Any, None]) -> bool:
        if len(self._background) >= MAX_BACKGROUND:  # Redis or MongoDB does not answer
            work.close()
            return False
        begun = asyncio.create_task(work, name="background")
        self._background.add(begun)
        begun.add_done_callback(self._background.discard)
        return True

    async def _try(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:
            log.warning("task.not_done", **describe_error(error))

    async def _kick(self, task: AsyncTaskiqDecoratedTask[Any, Any], arguments: dict[str, Any]) -> None:
        try:
            await task.kicker().with_labels(**request_labels()).kiq(**arguments)
        except SendTaskError as error:
            log.warning("task.not_sent", task=task.task_name, **describe_error(error.__cause__ or error))
