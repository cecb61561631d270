"""A state machine over the whole ledger: people act, several at once, some die in the midst of it, and time goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hospital_rt.domain.clock import to_wire
from hospital_rt.domain.course import Outcome
from models.store import Store
from tests.ledger.acts import KINDS
from tests.ledger.memory_server import Document
from tests.ledger.stage import Actor
from tests.ledger.world import World

T = TypeVar("T")
OUTCOMES: tuple[Outcome, ...] = ("done", "skipped")

# How an act is done: to its end, so many calls and no further yet, so many and then its process dies, or so that the
# answer to its commit is lost once or twice.
HOW = st.one_of(
    st.just(("whole", 0)),
    st.just(("whole", 0)),
    st.tuples(st.just("parked"), st.integers(1, 14)),
    st.tuples(st.just("killed"), st.integers(1, 18)),
    st.tuples(st.just("unanswered"), st.integers(1, 2)),
)
SPANS = [
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=12),
    timedelta(days=1),
    timedelta(days=3),
]
ZONES = ["UTC", "Asia/Hong_Kong", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"]


def one_of(data: st.DataObject, some: Sequence[T]) -> T:
    return some[data.draw(st.integers(0, len(some) - 1))]


class LedgerMachine(RuleBasedStateMachine):
    """Each rule starts an actor in one of these ways, or lets a stopped one go on."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.parked: list[Actor] = []

    @initialize(kinds=st.lists(st.sampled_from(["daily", "plan", "taper", "week"]), min_size=2, max_size=2))
    def both_have_a_plan(self, kinds: list[str]) -> None:
        for patient_id, kind in zip(self.world.patients, kinds, strict=True):
            self.world.do("doctor", self.world.submit(patient_id, kind))
        for note in self.world.notes("queued"):
            self.world.do("worker", self.world.worker(note["_id"]))

    def _act(self, how: tuple[str, int], name: str, act: Callable[[Store], Awaitable[Any]]) -> None:
        way, count = how
        actor = self.world.enter(name, act, lose_answers=count if way == "unanswered" else 0)
        if way in {"whole", "unanswered"}:
            self.world.finish(actor)
            return
        self.world.stage.go(actor, count)
        if way == "killed":
            self.world.stage.kill(actor)
        elif not actor.is_done:
            self.parked.append(actor)

    def _some_step(self, data: st.DataObject, *statuses: str) -> Document | None:
        steps = [row for row in self.world.steps() if row["status"] in statuses]
        return one_of(data, steps) if steps else None

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span: timedelta) -> None:
        self.world.now += span

    @rule(how=HOW, limit=st.sampled_from([1, 2, 50]))
    def dispatcher(self, how: tuple[str, int], limit: int) -> None:
        self._act(how, "dispatcher", self.world.dispatcher(limit=limit))

    @rule(how=HOW, who=st.integers(0, 1), kind=st.sampled_from(sorted(KINDS)))
    def note(self, how: tuple[str, int], who: int, kind: str) -> None:
        self._act(how, "doctor", self.world.submit(self.world.patients[who], kind))

    @rule(data=st.data(), how=HOW)
    def worker(self, data: st.DataObject, how: tuple[str, int]) -> None:
        waiting = self.world.notes("queued", "processing")
        if waiting:
            self._act(how, "worker", self.world.worker(one_of(data, waiting)["_id"]))

    @rule(how=HOW, kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=2))
    def notes_together(self, how: tuple[str, int], kinds: list[str]) -> None:
        self._act(how, "doctor", self.world.submit_group(dict(zip(self.world.patients, kinds, strict=True))))

    @rule(how=HOW)
    def worker_of_many(self, how: tuple[str, int]) -> None:
        waiting = {row["patient_id"]: row["_id"] for row in self.world.notes("queued", "processing")}
        if len(waiting) > 1:
            self._act(how, "worker", self.world.worker_group(list(waiting.values())))

    @rule(data=st.data(), how=HOW, verdict=st.sampled_from(["approve", "approve", "reject", "withdraw"]))
    def author(self, data: st.DataObject, how: tuple[str, int], verdict: str) -> None:
        found = self.world.notes("proposed") or self.world.notes("ready", "superseded")
        if found:
            self._act(how, "author", self.world.judge(one_of(data, found), verdict))

    @rule(data=st.data(), how=HOW, most=st.integers(2, 4))
    def check_in_together(self, data: st.DataObject, how: tuple[str, int], most: int) -> None:
        steps = [row for row in self.world.steps() if row["status"] != "rejected"]
        chosen = {step["_id"]: step for step in (one_of(data, steps) for _ in range(most))} if steps else {}
        answers = [(step, self._some_slot(data, step), one_of(data, OUTCOMES)) for step in chosen.values()]
        if answers:
            self._act(how, "patients", self.world.check_in_group(answers))

    @rule(data=st.data(), how=HOW, outcome=st.sampled_from(["done", "done", "skipped"]), named=st.booleans())
    def check_in(self, data: st.DataObject, how: tuple[str, int], outcome: Any, named: bool) -> None:
        step = self._some_step(data, "active", "active", "cancelled", "completed")
        if step is None:
            return
        slot = self._some_slot(data, step) if named else None
        ago = one_of(data, [None, None, timedelta(minutes=20), timedelta(hours=5), timedelta(hours=60)])
        self._act(how, "patient", self.world.check_in(step, slot, outcome, ago))

    @rule(data=st.data(), how=HOW, minutes=st.sampled_from([5, 30, 180, 720]))
    def snooze(self, data: st.DataObject, how: tuple[str, int], minutes: int) -> None:
        step = self._some_step(data, "active", "active", "completed")
        slot = self._some_slot(data, step) if step is not None else None
        if step is not None and slot is not None:
            self._act(how, "patient", self.world.snooze(step, slot, minutes))

    @rule(how=HOW, who=st.integers(0, 1), minutes=st.sampled_from([None, 10, 30, 60]), most=st.integers(1, 5))
    def choose_repeats(self, how: tuple[str, int], who: int, minutes: int | None, most: int) -> None:
        wanted = {"repeat_minutes": minutes, "repeat_most": most}
        self._act(how, "patient", self.world.move(self.world.patients[who], **wanted))

    def _some_slot(self, data: st.DataObject, step: Document) -> str | None:
        if not step["course"]:
            return None
        names = [to_wire(one["at"]) for one in step["course"]["window"][-3:]]
        names += [to_wire(step["wake_at"])] if "wake_at" in step else []
        return one_of(data, names) if names else None

    @rule(data=st.data(), how=HOW)
    def undo(self, data: st.DataObject, how: tuple[str, int]) -> None:
        answered = {row["step_id"] for row in self.world.all("reminders") if row.get("answered_at")}
        steps = [row for row in self.world.steps() if row["_id"] in answered]
        if steps:
            self._act(how, "patient", self.world.undo(one_of(data, steps)))

    @rule(data=st.data(), how=HOW)
    def cancel(self, data: st.DataObject, how: tuple[str, int]) -> None:
        step = self._some_step(data, "active")
        if step is not None:
            self._act(how, "patient", self.world.cancel(step))

    @rule(how=HOW, who=st.integers(0, 1), zone=st.sampled_from(ZONES))
    def travel(self, how: tuple[str, int], who: int, zone: str) -> None:
        self._act(how, "patient", self.world.move(self.world.patients[who], timezone=zone))

    @rule(how=HOW, who=st.integers(0, 1), at=st.sampled_from(["07:00", "09:00", "21:30"]))
    def another_time(self, how: tuple[str, int], who: int, at: str) -> None:
        self._act(how, "patient", self.world.move(self.world.patients[who], reminder_time=at))

    @rule(how=HOW, who=st.integers(0, 1), doctor=st.integers(0, 1))
    def another_doctor(self, how: tuple[str, int], who: int, doctor: int) -> None:
        self._act(how, "patient", self.world.change_doctor(self.world.patients[who], self.world.doctors[doctor]))

    @precondition(lambda self: self.parked)
    @rule(data=st.data(), calls=st.integers(1, 12), dies=st.sampled_from([False, False, False, True]))
    def goes_on(self, data: st.DataObject, calls: int, dies: bool) -> None:
        actor = one_of(data, self.parked)
        if dies:
            self.world.stage.kill(actor)
        else:
            self.world.stage.go(actor, calls)
        self.parked = [one for one in self.parked if not one.is_done]
        self.world.ended(actor)

    @rule(who=st.integers(0, 3))
    def somebody_reads(self, who: int) -> None:
        self.world.readers[who].read(self.world.server)

    @invariant()
    def the_records_agree(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            self.world.check_at_rest()
        finally:
            self.world.close()
