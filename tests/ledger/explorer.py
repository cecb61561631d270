"""The explorer: of two acts, every way in which one breaks into the other, and every place at which one dies.

``A`` makes i calls, ``B`` makes j, ``A`` goes on to its end, then ``B``: all i and j. Or ``A`` dies after i calls,
``B`` acts, and ``A`` is asked again, as a client or the next tick would; or ``A`` stands still for longer than any
lease while ``B`` acts, and goes on. Rare conjunctions are not left to luck.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hospital_rt.domain.clock import to_wire
from models.store import Store
from tests.ledger.world import BEGAN, World

Act = Callable[[Store], Awaitable[Any]]
Maker = Callable[[World], Act]


@dataclass(frozen=True)
class Pair:
    """Two acts on the same records: how the records come about, and the acts themselves."""

    name: str
    ready: Callable[[World], None]
    first: Maker
    second: Maker


def with_plan(*kinds: str, at: datetime = BEGAN) -> Callable[[World], None]:
    """The first patient has submitted notes of these kinds read, one after the other; then it is ``at``."""

    def ready(world: World) -> None:
        for kind in kinds:
            _note(world, kind)
            for note in world.notes("queued"):
                world.do("worker", world.worker(note["_id"]))
        world.now = at

    return ready


def _note(world: World, kind: str) -> None:
    world.do("doctor", world.submit(world.patients[0], kind))


def waiting(*kinds: str, after: tuple[str, ...] = ("daily",), at: datetime = BEGAN) -> Callable[[World], None]:
    """A plan that is due, and notes that are not read yet."""

    def ready(world: World) -> None:
        with_plan(*after, at=at)(world)
        for kind in kinds:
            _note(world, kind)

    return ready


def worker(number: int) -> Maker:
    """Reads the patient's note of that number."""
    return lambda world: world.worker(next(row["_id"] for row in world.all("notes") if row["number"] == number))


def author(number: int, verdict: str) -> Maker:
    return lambda world: world.judge(next(row for row in world.all("notes") if row["number"] == number), verdict)


def dispatcher(world: World) -> Act:
    return world.dispatcher(limit=50)


def move(world: World) -> Act:
    return world.move(world.patients[0], timezone="Asia/Hong_Kong", reminder_time="21:30")


def patient(act: str, place: int = 0, **more: Any) -> Maker:
    """What the patient does with their plan step of that place."""

    def make(world: World) -> Act:
        step = [row for row in world.steps() if row["course"]][place]
        found: Act = getattr(world, act)(step, **more)
        return found

    return make


def answered(ready: Callable[[World], None], place: int = 0, *, at: datetime) -> Callable[[World], None]:
    """And the patient has answered what was open, at that time."""

    def then(world: World) -> None:
        ready(world)
        world.do("dispatcher", world.dispatcher())
        world.do("patient", patient("check_in", place, slot=None)(world))
        world.now = at

    return then


def choose(minutes: int | None, most: int = 3) -> Maker:
    return lambda world: world.move(world.patients[0], repeat_minutes=minutes, repeat_most=most)


def repeating(ready: Callable[[World], None], *, at: datetime) -> Callable[[World], None]:
    """And what is open is repeated within the day; then it is that time."""

    def then(world: World) -> None:
        world.do("patient", choose(30)(world))
        ready(world)
        world.do("dispatcher", world.dispatcher())
        world.now = at

    return then


def snoozed(ready: Callable[[World], None], minutes: int, *, at: datetime) -> Callable[[World], None]:
    """And the patient has put off what is open; then it is that time."""

    def then(world: World) -> None:
        ready(world)
        world.do("dispatcher", world.dispatcher())
        world.do("patient", patient("snooze", slot=NINE, minutes=minutes)(world))
        world.now = at

    return then


LONG = timedelta(seconds=40)  # leases are over, and the next tick has come
DUE = BEGAN + timedelta(hours=1)
ONCE_ANSWERED = answered(with_plan("once", at=DUE), at=DUE + timedelta(hours=1))
NINE = to_wire(BEGAN + timedelta(minutes=30))
PAIRS = [
    Pair("dispatcher / dispatcher", with_plan("plan", at=DUE), dispatcher, dispatcher),
    Pair("dispatcher / check-in", with_plan("daily", at=DUE), dispatcher, patient("check_in", slot=NINE)),
    Pair(
        "check-in / check-in",
        with_plan("daily", at=DUE),
        patient("check_in", slot=NINE),
        patient("check_in", slot=NINE, outcome="skipped"),
    ),
    Pair("dispatcher / worker", waiting("plan", at=DUE), dispatcher, worker(2)),
    Pair("worker / worker, one note", waiting("plan", at=DUE), worker(2), worker(2)),
    Pair("worker / worker, two notes", waiting("daily", "plan", at=DUE), worker(2), worker(3)),
    Pair("check-in / worker", waiting("daily", at=DUE), patient("check_in", slot=NINE), worker(2)),
    Pair("dispatcher / cancel", with_plan("daily", at=DUE), dispatcher, patient("cancel")),
    Pair("dispatcher / withdraw", with_plan("plan", at=DUE), dispatcher, author(1, "withdraw")),
    Pair("dispatcher / move", with_plan("daily", at=DUE), dispatcher, move),
    Pair("check-in / move", with_plan("plan", at=DUE), patient("check_in", slot=NINE), move),
    Pair("check-in / cancel", with_plan("daily", at=DUE), patient("check_in", slot=NINE), patient("cancel")),
    Pair("check-in / withdraw", with_plan("daily", at=DUE), patient("check_in", slot=NINE), author(1, "withdraw")),
    Pair("undo / undo", ONCE_ANSWERED, patient("undo"), patient("undo")),
    Pair("undo / check-in", ONCE_ANSWERED, patient("undo"), patient("check_in", slot=NINE, outcome="skipped")),
    Pair("undo / move", ONCE_ANSWERED, patient("undo"), move),
    Pair("undo / withdraw", ONCE_ANSWERED, patient("undo"), author(1, "withdraw")),
    Pair(
        "undo / dispatcher",
        answered(with_plan("daily", at=DUE), at=DUE + timedelta(hours=23, minutes=45)),
        patient("undo"),
        dispatcher,
    ),
    Pair(
        "undo / worker",
        answered(waiting("daily", after=("once",), at=DUE), at=DUE + timedelta(hours=1)),
        patient("undo"),
        worker(2),
    ),
    Pair(
        "repeat / repeat",
        repeating(with_plan("plan", at=DUE), at=DUE + timedelta(minutes=31)),
        dispatcher,
        dispatcher,
    ),
    Pair(
        "snooze / repeat",
        repeating(with_plan("daily", at=DUE), at=DUE + timedelta(minutes=31)),
        patient("snooze", slot=NINE, minutes=60),
        dispatcher,
    ),
    Pair(
        "snooze / check-in",
        repeating(with_plan("daily", at=DUE), at=DUE + timedelta(minutes=5)),
        patient("snooze", slot=NINE, minutes=60),
        patient("check_in", slot=NINE),
    ),
    Pair(
        "snooze / worker",
        repeating(waiting("plan", at=DUE), at=DUE + timedelta(minutes=5)),
        patient("snooze", slot=NINE, minutes=60),
        worker(2),
    ),
    Pair(
        "end of a snooze / move",
        snoozed(with_plan("daily", at=DUE), 60, at=DUE + timedelta(minutes=61)),
        dispatcher,
        move,
    ),
    Pair(
        "end of a snooze / late check-in",
        snoozed(with_plan("daily", at=DUE), 60, at=DUE + timedelta(minutes=61)),
        dispatcher,
        patient("check_in", slot=NINE, ago=timedelta(minutes=40)),
    ),
    Pair(
        "repeat / another choice",
        repeating(with_plan("daily", at=DUE), at=DUE + timedelta(minutes=31)),
        dispatcher,
        choose(10, 5),
    ),
    Pair("worker / another choice", waiting("plan", at=DUE), worker(2), choose(10, 5)),
    Pair("approve / worker", waiting("plan", after=("daily", "unsure"), at=DUE), author(2, "approve"), worker(3)),
    Pair("approve / reject", with_plan("daily", "unsure", at=DUE), author(2, "approve"), author(2, "reject")),
    Pair("approve / withdraw", with_plan("daily", "unsure", at=DUE), author(2, "approve"), author(2, "withdraw")),
    Pair("worker / move", waiting("plan", at=DUE), worker(2), move),
    Pair(
        "worker / another doctor",
        waiting("plan", at=DUE),
        worker(2),
        lambda world: world.change_doctor(world.patients[0], world.doctors[1]),
    ),
    Pair("submit / worker", waiting("plan", at=DUE), lambda world: world.submit(world.patients[0], "daily"), worker(2)),
]


def explore(pair: Pair, *, every: int = 1) -> int:
    """Try each schedule of a pair, or each ``every``-th of them; how many there were. A fault names its schedule."""
    begun = World()
    try:
        pair.ready(begun)
        calls = [_length(begun, act) for act in (pair.first, pair.second)]
        tried = 0
        for number, schedule in enumerate(_schedules(*calls)):
            if number % every:
                continue
            tried += 1
            world = begun.again()
            try:
                _play(world, pair, *schedule)
                world.check_at_rest()
            except Exception as fault:
                raise AssertionError(f"{pair.name}, {schedule}: {fault}") from fault
            finally:
                world.close()
        return tried
    finally:
        begun.close()


def _length(begun: World, act: Maker) -> int:
    world = begun.again()
    try:
        actor = world.enter("alone", act(world))
        world.finish(actor)
        return actor.calls
    finally:
        world.close()


def _schedules(first: int, second: int) -> Iterator[tuple[str, int, int]]:
    for i in range(first + 1):
        yield "dies", i, 0
        yield "stands still", i, 0
        yield "loses its answer", 1 + i % 2, 0
        for j in range(1, second + 1):
            yield "is broken into", i, j


def _play(world: World, pair: Pair, how: str, i: int, j: int) -> None:
    first = world.enter("first", pair.first(world), lose_answers=i if how == "loses its answer" else 0)
    if how == "loses its answer":
        world.finish(first)
        world.do("second", pair.second(world))
        return
    world.stage.go(first, i)
    world.check()
    for reader in world.readers:
        reader.read(world.server)
    if how == "dies":
        world.stage.kill(first)
        world.do("second", pair.second(world))
        world.now += LONG
        world.do("first again", pair.first(world))
        return
    if how == "stands still":
        world.now += LONG
        world.do("second", pair.second(world))
        world.finish(first)
        return
    second = world.enter("second", pair.second(world))
    world.stage.go(second, j)
    world.check()
    for reader in world.readers:
        reader.read(world.server)
    world.finish(first)
    world.check()
    world.finish(second)
