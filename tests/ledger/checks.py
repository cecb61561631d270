"""What must be true of the records, whatever happened: at every moment, and when all has come to rest."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hospital_rt.domain.clock import from_wire
from hospital_rt.domain.course import time_passes
from hospital_rt.storage.database import Collection
from hospital_rt.storage.field_encryption import Vault
from models.steps import Steps
from tests.ledger.acts import Journal

Document = dict[str, Any]
Rows = Mapping[str, Sequence[Document]]
OVER = ("cancelled", "completed", "rejected")


def at_every_moment(rows: Rows) -> None:
    """Of what readers can see between any two calls."""
    feeds_are_gapless(rows)
    steps_agree_with_the_ledger(rows)
    each_reminder_was_told_once(rows)
    courses_repeat_as_was_chosen(rows)
    notes_agree_with_their_steps(rows)


def feeds_are_gapless(rows: Rows) -> None:
    seqs: dict[str, list[int]] = defaultdict(list)
    for event in rows["events"]:
        seqs[event["user_id"]].append(event["seq"])
    newest = {feed["_id"]: feed["seq"] for feed in rows["feeds"] if feed["seq"]}
    for user_id, found in seqs.items():
        assert sorted(found) == list(range(1, newest[user_id] + 1)), f"a gap or a repeat in a feed: {sorted(found)}"
    assert set(newest) == set(seqs), "a feed counts what is not there"


def steps_agree_with_the_ledger(rows: Rows) -> None:
    ledger: dict[str, dict[str, Document]] = defaultdict(dict)
    for row in rows["reminders"]:
        if row["use"] == "slot":
            assert row["_id"] == f"{row['step_id']}@{row['key']}", "an id that does not follow from the facts"
            ledger[row["step_id"]][row["key"]] = row
    for step in rows["steps"]:
        held, course = ledger.pop(step["_id"], {}), step["course"]
        states = Counter(row["state"] for row in held.values())
        assert "wake_at" not in step or step["status"] == "active", "it is over and would be woken"
        if course is None:
            assert not held
            continue
        assert states["open"] <= (step["status"] == "active"), f"open slots: {states}, {step['status']}"
        assert course["done"] == states["done"], f"done: {course['done']} in the step, {states['done']} in the ledger"
        window = {slot["key"]: slot for slot in course["window"]}
        for key, slot in window.items():
            entry = held.get(key)
            assert entry is not None, f"a slot that the ledger does not have: {key} {slot['state']}"
            seen = (entry["state"], entry["recorded"], entry["repeats"], entry["told"], entry["slot_at"])
            told = slot.get("told", slot["rep"])
            assert seen == (slot["state"], slot["rec"], slot["rep"], told, slot["at"]), f"{key}: {seen}, {slot}"
            assert slot["state"] == "open" or "snoozed" not in slot, f"{key} is {slot['state']} and snoozed"
        for key, row in held.items():
            assert row["state"] != "open" or key in window, f"{key} is open in the ledger alone"
            assert row["number"] >= course["first"], "a slot that does not exist"
        names = [row["slot_at"] for row in held.values()]
        assert len(names) == len(set(names)), "two slots of one name"
    assert not ledger, "slots of a step that is not there"


def each_reminder_was_told_once(rows: Rows) -> None:
    """The ledger and the feeds say the same: a first reminder for each recorded slot, a repetition at most once."""
    told: dict[str, list[int]] = defaultdict(list)
    for event in rows["events"]:
        if event["event"] == "reminder.due":
            name, _, repeat = event["_id"].partition("/reminder/")[2].rpartition("/")
            told[name].append(int(repeat))
    recorded = {row["_id"] for row in rows["reminders"] if row["use"] == "slot" and row["recorded"]}
    assert {name for name, repeats in told.items() if 0 in repeats} == recorded, "recorded and told differ"
    for name, repeats in told.items():
        assert len(repeats) == len(set(repeats)), f"{name} twice: {repeats}"
    newest = {row["_id"]: row["told"] for row in rows["reminders"] if row["use"] == "slot"}
    for name, repeats in told.items():
        assert max(repeats) == newest[name], f"{name}: {repeats} were told, {newest[name]} stands in the ledger"


def courses_repeat_as_was_chosen(rows: Rows) -> None:
    """What the patient chose stands in each course that runs."""
    chosen = {row["_id"]: (row.get("repeat_minutes"), row.get("repeat_most", 3)) for row in rows["users"]}
    for step in rows["steps"]:
        # The storm has no accounts, so nothing was chosen there.
        if step["status"] == "active" and step["course"] and step["patient_id"] in chosen:
            every, most = chosen[step["patient_id"]]
            rule = step["course"].get("repeat")
            seen = (rule["every"], rule["most"]) if rule else (None, most)
            assert seen == (every, most), f"repeats {seen}, chosen {every, most}"


def notes_agree_with_their_steps(rows: Rows) -> None:
    plans = {plan["_id"]: plan for plan in rows["plans"]}
    steps: dict[str, list[Document]] = defaultdict(list)
    for step in rows["steps"]:
        steps[step["note_id"]].append(step)
    for found in steps.values():
        assert len({step["sort"] for step in found}) == len(found), "a note's steps are written twice"
    for note in rows["notes"]:
        statuses = Counter(step["status"] for step in steps[note["_id"]])
        alive = statuses["active"] + statuses["proposed"]
        if note["status"] == "proposed":
            assert statuses and set(statuses) == {"proposed"}, statuses
        elif note["status"] == "ready":
            assert not statuses["proposed"], statuses
            if plans[note["patient_id"]].get("ready_note", 0) > note["number"]:
                assert not alive, "an older note's step is active beside the newer plan"
        else:
            assert not alive, f"{statuses} of a note that is {note['status']}"
        assert "wake_at" not in note or note["status"] in {"queued", "processing"}, "settled, and would be taken up"


class Ages:
    """Cached copies of a patient's steps and ledger are keyed by ``(seq, moved)`` of the feed: one key, one content."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int, int], str] = {}

    def check(self, rows: Rows, patient_ids: Sequence[str]) -> None:
        marks = {feed["_id"]: (feed["seq"], feed.get("moved", 0)) for feed in rows["feeds"]}
        for id in patient_ids:
            mine = [
                {name: value for name, value in row.items() if name not in {"held_until", "held_by"}}
                for name in ("steps", "reminders")
                for row in rows[name]
                if row["patient_id"] == id
            ]
            content = json.dumps(sorted(mine, key=lambda row: row["_id"]), default=str, sort_keys=True)
            held = self._seen.setdefault((id, *marks.get(id, (0, 0))), content)
            assert held == content, "a patient's steps or ledger moved and their feed does not tell"


def at_rest(rows: Rows, vault: Vault, *, now: datetime) -> None:
    """When no actor runs and all due work is done."""
    at_every_moment(rows)
    nothing_is_left_to_do(rows, vault, now=now)
    no_reminder_after_the_end(rows, vault)


def all_of_it(rows: Rows, vault: Vault, *, now: datetime, journal: Journal, heard: Mapping[str, Sequence[int]]) -> None:
    """At rest, with what was acknowledged and what clients have heard."""
    at_rest(rows, vault, now=now)
    nothing_acknowledged_is_lost(rows, journal)
    everybody_heard_everything(rows, heard)


def nothing_is_left_to_do(rows: Rows, vault: Vault, *, now: datetime) -> None:
    assert not [note["status"] for note in rows["notes"] if note["status"] in {"queued", "processing"}]
    reader = Steps(Collection(None), vault)
    for row in rows["steps"]:
        step = reader._read(row)
        assert row.get("wake_at") == step.wake_at(), "it would not be woken when it is due"
        if step.status != "active" or step.course is None:
            continue
        change, newest = time_passes(step.course, now=now, zone=step.zone), step.course.passed
        assert not change.touched and change.course.passed == newest, "something is due and not done"
        if newest >= step.course.first:
            assert any(one["step_id"] == step.id and one["number"] == newest for one in rows["reminders"]), "lost"


def no_reminder_after_the_end(rows: Rows, vault: Vault) -> None:
    """In the order in which the patient hears of it: nothing of a step that is cancelled or completed."""
    over: dict[str, bool] = {}
    for event in sorted(rows["events"], key=lambda event: (event["user_id"], event["seq"])):
        if event["user_id"] != event["about"]:
            continue
        data = json.loads(vault.open_text(event["about"], f"events|{event['_id']}|data", event["sealed"]))
        if event["event"] == "steps.changed":
            over |= {step["id"]: step["status"] in OVER for step in data["created"]}
            over |= dict.fromkeys((*data["cancelled"], *data["completed"]), True)
        elif event["event"] == "step.checked_in":
            over[data["step"]["id"]] = data["step"]["status"] in OVER
        elif event["event"] == "reminder.due":
            assert over.get(data["step"]["id"]) is False, "a reminder of a step that is over, or was never announced"
            assert data["step"]["open_slot"] == data["slot"], "a reminder of a slot that is not open"
    statuses = {step["_id"]: step["status"] in OVER for step in rows["steps"] if step["status"] != "proposed"}
    assert {id: is_over for id, is_over in statuses.items() if id in over} == over, "the feed tells of another end"


def nothing_acknowledged_is_lost(rows: Rows, journal: Journal) -> None:
    assert set(journal.notes) <= {note["_id"] for note in rows["notes"]}, "a note that was accepted is gone"
    held = {(row["step_id"], row["slot_at"]): row for row in rows["reminders"]}
    for step_id, slot, outcome in journal.answers:
        if step_id in journal.undone:
            continue
        row = held.get((step_id, from_wire(slot)))
        assert row is not None and row["state"] == row["outcome"] == outcome, f"an answer is gone: {slot} {outcome}"
        assert row["done_at"] == journal.times.get((step_id, slot)), f"the time of an answer is gone: {slot}"


def everybody_heard_everything(rows: Rows, heard: Mapping[str, Sequence[int]]) -> None:
    newest = {feed["_id"]: feed["seq"] for feed in rows["feeds"]}
    for user_id, seqs in heard.items():
        assert list(seqs) == list(range(1, newest.get(user_id, 0) + 1)), f"missed or heard twice: {list(seqs)}"
