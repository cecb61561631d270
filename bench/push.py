"""A process that writes events into feeds and announces them, as the worker does, at a rate that is set.

It is told by JSON lines on standard input and answers each with one:

    {"settings": {...}, "users": [ids]}           first
    {"do": "record"}                              one reminder into everyone's feed, announced to no user
    {"do": "announce"}                            everyone at once: {"at": time}
    {"do": "steady", "rate": R, "seconds": S}     recorded and announced in turn, R a second:
                                                  {"pushed": [[user, began, announced]]}
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from itertools import count
from typing import Any
from uuid import uuid4

import uvloop

from hospital_rt.domain.clock import to_wire, utcnow
from hospital_rt.settings import Settings
from models.app_context import AppContext, open_app_context
from models.events import NewEvent

TURNS_A_SECOND = 50
numbers = count()


def _happening(user_id: str) -> NewEvent:
    """A reminder of the usual size."""
    now = to_wire(utcnow())
    step: dict[str, Any] = {
        "id": str(uuid4()),
        "note_id": str(uuid4()),
        "patient_id": user_id,
        "doctor_id": str(uuid4()),
        "kind": "plan",
        "title": "Take amoxicillin 500 mg",
        "detail": "With a glass of water, after a meal.",
        "quote": "Take amoxicillin 500 mg once a day for 7 days.",
        "by": "extractor",
        "as_needed": False,
        "status": "active",
        "ended": None,
        "created_at": now,
        "completed_at": None,
        "cancelled_at": None,
        "schedule": {
            "start_date": now[:10],
            "times": ["09:00"],
            "times_from": "note",
            "every_days": 1,
            "occurrences": 7,
            "miss_policy": "extend",
        },
        "progress": {"done": 0, "total": 7},
        "open_slot": now,
        "today": [{"slot": now, "state": "open"}],
        "next_reminder_at": now,
    }
    return NewEvent(
        user_id=user_id,
        about=user_id,
        event="reminder.due",
        key=f"bench/{next(numbers)}",
        note_id=step["note_id"],
        data={"step": step, "slot": now, "repeat": 0},
    )


async def _record(app: AppContext, users: Sequence[str]) -> None:
    new_events = [_happening(user) for user in users]

    async def work(session: Any) -> frozenset[str]:
        return await app.store.events.append(new_events, at=utcnow(), session=session)

    await app.store.transaction(work)


async def _steady(app: AppContext, users: list[str], *, rate: int, seconds: float) -> list[tuple[int, float, float]]:
    pushed: list[tuple[int, float, float]] = []
    batch, began = rate // TURNS_A_SECOND, time.time()
    for turn in range(int(seconds * TURNS_A_SECOND)):
        await asyncio.sleep(max(0.0, began + turn / TURNS_A_SECOND - time.time()))  # the beat of the load
        chosen = [(turn * batch + number) % len(users) for number in range(batch)]
        start = time.time()
        await _record(app, [users[index] for index in chosen])
        announced = time.time()
        await app.resources.wakeups.announce([users[index] for index in chosen])
        pushed += [(index, start, announced) for index in chosen]
    return pushed


async def main() -> None:
    loop = asyncio.get_running_loop()
    first = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    users: list[str] = first["users"]
    async with open_app_context(Settings.model_validate(first["settings"])) as app:
        print("{}", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            answer: dict[str, Any] = {}
            if order["do"] == "record":
                for start in range(0, len(users), 500):
                    await _record(app, users[start : start + 500])
            elif order["do"] == "announce":
                answer = {"at": time.time()}
                await app.resources.wakeups.announce(users)
            else:
                answer = {"pushed": await _steady(app, users, rate=order["rate"], seconds=order["seconds"])}
            print(json.dumps(answer), flush=True)


uvloop.run(main())
