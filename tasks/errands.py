"""Errands: how the web role wakes a worker. What it is about already lies in MongoDB: losing one is a pause."""

from __future__ import annotations

import asyncio
from typing import Any

from taskiq import AsyncTaskiqDecoratedTask, SendTaskError

from hospital_rt.telemetry import describe_error, log
from tasks import mail, notes
from tasks.broker import ReliableStreamBroker

MOST_UNDER_WAY = 200


class Errands:
    """Sends tasks in the background and never fails: a sweep does what could not be sent."""

    def __init__(self, broker: ReliableStreamBroker) -> None:
        self._broker = broker
        self._under_way: set[asyncio.Task[None]] = set()

    async def read_note(self, note_id: str) -> None:
        self._send(notes.READ, note_id=note_id)

    async def send_letter(self, letter_id: str) -> None:
        self._send(mail.SEND, letter_id=letter_id)

    async def close(self) -> None:
        """Let what is under way arrive, for a second at most."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=1.0)

    def _send(self, name: str, **arguments: Any) -> None:
        task = self._broker.find_task(name)
        if task is None:
            raise LookupError(name)
        if len(self._under_way) >= MOST_UNDER_WAY:  # Redis does not answer
            return
        sending = asyncio.create_task(self._kick(task, arguments), name="errand")
        self._under_way.add(sending)
        sending.add_done_callback(self._under_way.discard)

    async def _kick(self, task: AsyncTaskiqDecoratedTask[Any, Any], arguments: dict[str, Any]) -> None:
        try:
            await task.kicker().kiq(**arguments)
        except SendTaskError as error:
            log.warning("errand.not_sent", task=task.task_name, **describe_error(error.__cause__ or error))
