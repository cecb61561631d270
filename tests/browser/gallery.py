"""An invented Thursday in May for the README's pictures: the real page and sign-in, answers with a history that a new
system cannot have. The names and notes are invented."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, Route

from tests.browser.gallery_people import NOW, days_of, key, moment, patients_of_doctor, wire

NOTE = "\n\n".join(
    (
        "Recovering well from her chest infection. First course of antibiotics in April, finished.",
        "Take amoxicillin 500 mg three times a day for 7 days, with food. "
        "Measure blood pressure every morning for 7 days. "
        "She may walk 20 minutes every day at her own pace. Restart ramipril.",
        "Book a chest X-ray at the hospital desk this week. Use the salbutamol inhaler when short of breath. "
        "Paracetamol if she has a fever. No more ibuprofen, it is not good for her kidneys. "
        "Her daughter collects the prescription on Tuesday.",
    )
)


def place(words: str) -> dict[str, Any]:
    """Where these words stand in the note."""
    start = NOTE.index(words)
    return {"quote": words, "start": start, "end": start + len(words)}


class Gallery:
    """Answers in the place of the service's, for one reader."""

    def __init__(self, patient_id: str, doctor: dict[str, str]) -> None:
        self.patient = {"id": patient_id, "name": "Ruth Alvarez"}
        self.doctor = doctor
        self.reviewing = False  # the plan that runs is then the older one
        self.instead: dict[str, Any] = {}  # other answers, by path; None: 404
        self.note_id, self.old_note_id = key("note"), key("old note")
        at = ["08:00", "13:00", "20:00"]
        self.amoxicillin = self._step(
            "Take amoxicillin 500 mg",
            "With food.",
            "Take amoxicillin 500 mg three times a day for 7 days, with food",
            times=at,
            occurrences=21,
            day=-2,
        )
        self.pressure = self._step(
            "Measure blood pressure",
            None,
            "Measure blood pressure every morning for 7 days",
            times=["08:00"],
            occurrences=7,
            day=-3,
        )
        self.walk = self._step(
            "Walk 20 minutes", "At your own pace", "walk 20 minutes every day", times=["18:00"], day=-2
        )
        self.x_ray = self._step(
            "Book a chest X-ray", "At the hospital desk, this week", "Book a chest X-ray at the hospital desk this week"
        )
        self.inhaler = self._step(
            "Salbutamol inhaler",
            "Only if you are short of breath.",
            "Use the salbutamol inhaler when short of breath",
            as_needed=True,
        )
        self.active = [self.amoxicillin, self.pressure, self.walk, self.x_ray, self.inhaler]
        for day in (-2, -1):
            for clock in at:
                self._answer(self.amoxicillin, day, clock)
        self._answer(self.amoxicillin, 0, "08:00")
        for day, late in ((-3, 6), (-1, 9), (0, 11)):
            self._answer(self.pressure, day, "08:00", late)
        self._answer(self.walk, -1, "18:00")
        self.amoxicillin["open_slot"] = wire(moment(0, "13:00"))
        for step in self.active:
            self._today(step)
        self.past = [
            self._step(
                "Ibuprofen 400 mg", None, "", times=["09:00"], day=-20, note=self.old_note_id, status="cancelled"
            ),
            self._step(
                "Measure blood pressure",
                None,
                "",
                times=["08:00"],
                every=3,
                day=-20,
                note=self.old_note_id,
                status="cancelled",
            ),
            {
                **self._step(
                    "Walk 20 minutes",
                    "At your own pace",
                    "",
                    times=["18:00"],
                    day=-20,
                    note=self.old_note_id,
                    status="cancelled",
                )
            },
        ]
        for step in self.past:
            step["cancelled_at"] = wire(moment(-3, "07:00"))

    def _step(
        self,
        title: str,
        detail: str | None,
        quote: str,
        *,
        times: list[str] | None = None,
        occurrences: int | None = None,
        every: int = 1,
        as_needed: bool = False,
        day: int = -3,
        note: str | None = None,
        status: str = "active",
    ) -> dict[str, Any]:
        schedule = (
            {
                "start_date": (moment(day, "12:00")).date().isoformat(),
                "times": times,
                "times_from": "note",
                "every_days": every,
                "occurrences": occurrences,
                "miss_policy": "extend",
            }
            if times
            else None
        )
        return {
            "id": key(f"{title} {day} {note}"),
            "note_id": note or self.note_id,
            "patient_id": self.patient["id"],
            "doctor_id": self.doctor["id"],
            "kind": "plan" if times else "checklist",
            "title": title,
            "detail": detail,
            "quote": quote,
            "by": "extractor",
            "as_needed": as_needed,
            "status": status,
            "ended": None,
            "created_at": wire(moment(day, "06:30")),
            "completed_at": None,
            "cancelled_at": None,
            "schedule": schedule,
            "progress": {"done": 0, "total": occurrences if times else None if as_needed else 1},
            "open_slot": None,
            "today": [],
            "next_reminder_at": None,
            "check_ins": [],
        }

    def _answer(self, step: dict[str, Any], day: int, clock: str, late: int = 4) -> None:
        at = moment(day, clock)
        step["check_ins"].append(
            {"slot": wire(at), "at": wire(at + timedelta(minutes=late)), "outcome": "done", "reason": None}
        )
        step["progress"]["done"] += 1

    def _today(self, step: dict[str, Any]) -> None:
        for clock in (step["schedule"] or {"times": []})["times"]:
            slot = wire(moment(0, clock))
            answered = any(one["slot"] == slot for one in step["check_ins"])
            state = "done" if answered else "open" if step["open_slot"] == slot else "upcoming"
            step["today"].append({"slot": slot, "state": state})

    def _note(self, **more: Any) -> dict[str, Any]:
        return {
            "id": self.note_id,
            "patient": self.patient,
            "doctor": self.doctor,
            "status": "ready",
            "extracted_by": "offline",
            "failure": None,
            "created_at": wire(moment(-3, "16:40") - timedelta(hours=10)),
            **more,
        }

    def proposed(self) -> dict[str, Any]:
        steps = []
        for step in self.active:
            steps.append(
                {
                    **{k: v for k, v in step.items() if k != "check_ins"},
                    "id": key("new " + step["title"]),
                    "note_id": key("new note"),
                    "status": "proposed",
                    "open_slot": None,
                    "today": [],
                }
            )
        return self._note(
            id=key("new note"),
            status="proposed",
            created_at=wire(NOW - timedelta(minutes=2)),
            text=NOTE,
            steps=steps,
            dropped=[
                {
                    "kind": "checklist",
                    "reason": "number-not-in-quote",
                    "detail": "“500 mg” is not in your note.",
                    "item": {
                        "title": "Take paracetamol 500 mg",
                        "detail": None,
                        "quote": "Paracetamol if she has a fever.",
                        "as_needed": True,
                    },
                }
            ],
            unmatched=[
                {"quote": quote, "start": NOTE.index(quote), "end": NOTE.index(quote) + len(quote)}
                for quote in (
                    "No more ibuprofen, it is not good for her kidneys.",
                    "Her daughter collects the prescription on Tuesday.",
                )
            ],
            questions=[
                {
                    **place("Restart ramipril."),
                    "question": "how-much",
                    "text": "Which dose of ramipril, and how often?",
                    "options": [
                        {"label": words, "kind": "plan", "item": {"title": words, "times_per_day": times}}
                        for words, times in (
                            ("Take ramipril 5 mg once a day", 1),
                            ("Take ramipril 2.5 mg twice a day", 2),
                        )
                    ],
                }
            ],
            account=[
                {"start": found["start"], "end": found["end"], "as": fate}
                for found, fate in (
                    (place("Recovering well from her chest infection."), "nothing"),
                    (place("First course of antibiotics in April, finished."), "nothing"),
                    (place("Restart ramipril."), "question"),
                )
            ],
        )

    def answer(self, path: str, query: str) -> dict[str, Any] | None:
        def listed(items: list[Any]) -> dict[str, Any]:
            return {"items": items, "next": None}

        if path in self.instead:
            found = self.instead[path]
            return listed(found) if isinstance(found, list) else found
        every = self.active + self.past
        if path == "steps/":
            if "status=all" in query:
                return listed([{k: v for k, v in step.items() if k != "check_ins"} for step in every])
            steps = self.past if self.reviewing else self.active
            return listed([{k: v for k, v in step.items() if k != "check_ins"} for step in steps])
        if match := re.fullmatch(r"steps/([\w-]+)/", path):
            return next((step for step in every if step["id"] == match[1]), None)
        if path == "notes/":
            return listed([self._note(), self._note(id=self.old_note_id, created_at=wire(moment(-20, "10:00")))])
        if path == f"notes/{key('new note')}/":
            return self.proposed()
        if path.startswith("notes/"):
            return self._note(
                text=NOTE, steps=[{k: v for k, v in step.items() if k != "check_ins"} for step in self.active]
            )
        if path == "assign/":
            return {
                "id": key("assignment"),
                "doctor": self.doctor,
                "since": wire(moment(-31, "09:00")),
                "share_history": False,
            }
        lists: dict[str, Callable[[], list[Any]]] = {
            "adherence/": lambda: days_of(31, joined=21, weak=0.2, seed=8),
            "adherence/steps/": lambda: [self._kept(step, at) for at, step in enumerate(self.active[:3])],
            "my-patients/": lambda: patients_of_doctor(self.patient["id"]),
            "me/sessions/": self._devices,
            "me/access-log/": self._readers,
            "doctors/": self._doctors,
        }
        return listed(lists[path]()) if path in lists else None

    def _doctors(self) -> list[dict[str, Any]]:
        names = ("Amara Osei", "Bartholomew Featherstonehaugh-Whittington", "Chiara Lombardi", "Daniel Osei")
        return [
            {"id": self.doctor["id"] if not at else key(name), "name": f"Dr {name}"} for at, name in enumerate(names)
        ]

    def _kept(self, step: dict[str, Any], at: int) -> dict[str, Any]:
        """How a step was kept over 60 days: the second skipped and the third missed on some."""
        slots = []
        for day in range(-60, 0):
            for clock in step["schedule"]["times"]:
                state = "skipped" if at == 1 and day % 9 == 0 else "missed" if at == 2 and day % 4 == 0 else "done"
                slot = moment(day, clock)
                slots.append(
                    {
                        "slot": wire(slot),
                        "date": slot.date().isoformat(),
                        "time": clock,
                        "state": state,
                        "done_at": wire(slot) if state == "done" else None,
                        "reason": "I felt unwell" if state == "skipped" else None,
                    }
                )
        return {"step_id": step["id"], "title": step["title"], "status": step["status"], "slots": slots}

    def _devices(self) -> list[dict[str, Any]]:
        agents = ("Mozilla/5.0 (Linux; Android 14) Chrome/126.0", "Mozilla/5.0 (iPad; CPU OS 17_4) Safari/605.1", "")
        return [
            {
                "id": key(f"device {at}"),
                "device": agent,
                "current": at == 0,
                "created_at": wire(moment(-9, "10:00")),
                "last_used_at": wire(NOW - timedelta(hours=30 * at)),
            }
            for at, agent in enumerate(agents)
        ]

    def _readers(self) -> list[dict[str, Any]]:
        me, doctor = {"id": self.patient["id"], "name": "Ruth Alvarez"}, self.doctor
        seen = [
            (me, "patient", "note.read", 4),
            (doctor, "doctor", "note.read", 29),
            (doctor, "doctor", "steps.listed", 30),
            (None, "system", "note.extracted", 68),
            (doctor, "doctor", "note.written", 69),
        ]
        return [
            {
                "id": key(f"read {act} {hours}"),
                "at": wire(NOW - timedelta(hours=hours)),
                "by": by,
                "role": role,
                "act": act,
                "item_id": self.note_id,
            }
            for by, role, act, hours in seen
        ]

    def due(self, *steps: dict[str, Any]) -> None:
        """Have exactly these due now, each at its newest slot that is not answered."""
        for step in self.active:
            step["open_slot"] = None
            for slot in step["today"]:
                if slot["state"] == "open":
                    slot["state"] = "done" if slot["slot"] <= wire(NOW) else "upcoming"
        for step in steps:
            slot = next(slot for slot in step["today"] if slot["state"] != "done" or slot is step["today"][-1])
            slot["state"], step["open_slot"] = "open", slot["slot"]

    def hang(self, page: Page) -> None:
        """Put the pictures up in this page. Its clock stands still."""
        page.clock.set_fixed_time(NOW)

        def show(route: Route) -> None:
            found = re.search(r"/api/([^?]*)\??(.*)", route.request.url)
            asked = found and route.request.method == "GET"
            body = self.answer(found[1], found[2]) if found and asked else None
            if found and asked and found[1] in self.instead and body is None:
                route.fulfill(
                    status=404, content_type="application/problem+json", body='{"type": "/problems/not-found"}'
                )
            elif found and (step := re.fullmatch(r"check-in/([\w-]+)/", found[1])):
                self._take(next(one for one in self.active if one["id"] == step[1]))
                route.fulfill(
                    status=200,
                    content_type="application/json",
                    body=json.dumps(next(one for one in self.active if one["id"] == step[1])),
                )
            elif body is None:
                route.continue_()
            else:
                route.fulfill(
                    status=200, content_type="application/json", headers={"X-Feed": "none:0"}, body=json.dumps(body)
                )

        page.route(re.compile(r"/api/(steps|notes|assign|adherence|my-patients|doctors|me|check-in)/"), show)

    def _take(self, step: dict[str, Any]) -> None:
        for slot in step["today"]:
            if slot["slot"] == step["open_slot"]:
                slot["state"] = "done"
        step["open_slot"] = None
