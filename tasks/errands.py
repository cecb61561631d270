"""Errands: how the web role wakes a worker. What it is about already lies in MongoDB: losing one is a pause."""

from __future__ import annotations

from typing import Any

from taskiq import SendTaskError

from hospital_rt.telemetry import describe_error, log
from tasks import mail, notes
from tasks.broker import ReliableStreamBroker


class Errands:
    """Sends tasks and never fails: a sweep does what could not be sent."""

    def __init__(self, broker: ReliableStreamBroker) -> None:
        self._broker = broker

    async def read_note(self, note_id: str) -> None:
        await self._send(notes.READ, note_id=note_id)

    async def send_letter(self, letter_id: str) -> None:
        await self._send(mail.SEND, letter_id=letter_id)

    async def _send(self, name: str, **arguments: Any) -> None:
        task = self._broker.find_task(name)
        if task is None:
            raise LookupError(name)
        try:
            await task.kicker().kiq(**arguments)
        except SendTaskError as error:
            log.warning("errand.not_sent", task=name, **describe_error(error.__cause__ or error))
