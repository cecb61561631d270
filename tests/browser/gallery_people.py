"""The people of the gallery: a doctor's patients, each with a month of their own, on an invented Thursday in May."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

NOW = datetime(2026, 5, 21, 11, 2, tzinfo=UTC)  # 13:02 in Madrid
MIDNIGHT = datetime(2026, 5, 20, 22, 0, tzinfo=UTC)  # there


def key(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def wire(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(day: int, clock: str) -> datetime:
    """A clock time so many days from today, in Madrid."""
    hour, minute = clock.split(":")
    return MIDNIGHT + timedelta(days=day, hours=int(hour), minutes=int(minute))


def days_of(count: int, *, joined: int, weak: float = 0.08, silent: int = 0, seed: int = 3) -> list[dict[str, Any]]:
    """How a patient, who joined so many days ago, kept their plan on the last days."""
    dice = random.Random(seed)
    found = []
    for back in range(count - 1, -1, -1):
        due = 3 if back < joined else 0
        done = due if dice.random() > weak else dice.choice([0, 1, 2])
        if back < silent:
            done = 0
        skipped = due - done if due - done > 0 and dice.random() < 0.2 else 0
        found.append(
            {
                "date": (moment(-back, "12:00")).date().isoformat(),
                "due": due,
                "done": done,
                "skipped": skipped,
                "missed": due - done - skipped,
            }
        )
    return found


def patients_of_doctor(ruth_id: str) -> list[dict[str, Any]]:
    people = [
        ("Ilse Brandt", "silent", "two-unanswered", 19, 0.1, 2, 27),
        ("Marguerite Petit", "silent", "two-unanswered", 3, 0, 3, None),
        ("Tomasz Nowak", "silent", "two-unanswered", 18, 0, 2, 63),
        ("Joaquín Ibarra", "slipping", "down-20", 30, 0.4, 0, 5),
        ("Dorothy Okafor", "slipping", "skipped-3", 30, 0.25, 0, 4),
        ("Henk de Vries", "slipping", "under-60", 21, 0.7, 0, 6),
        ("Ruth Alvarez", "on_course", None, 30, 0.06, 0, 3),
        ("Samuel Adeyemi", "on_course", None, 15, 0, 0, 3),
        ("Lucía Fernández", "on_course", None, 20, 0, 0, 6),
        ("Pavel Horák", "on_course", None, 30, 0.04, 0, 7),
        ("Oskar Lindqvist", "on_course", None, 29, 0.08, 0, 5),
        ("Aisha Rahman", "on_course", None, 4, 0, 0, 4),
        ("Émile Fournier", "on_course", None, 0, 0, 0, 171),
        ("Hana Sato", "on_course", None, 16, 0.1, 0, 4),
    ]
    rows = []
    for number, (name, need, reason, joined, weak, silent, hours) in enumerate(people):
        days = days_of(30, joined=joined, weak=weak, silent=silent, seed=number)
        if reason == "down-20":
            for back, day in enumerate(reversed(days)):
                day["done"] = day["due"] - (2 * (back % 2) if back < 14 else 0)
        if reason == "skipped-3":
            for day in days[2::7]:
                day["skipped"], day["done"] = 1, day["due"] - 1
        due, done = sum(day["due"] for day in days), sum(day["done"] for day in days)
        rows.append(
            {
                "id": ruth_id if name == "Ruth Alvarez" else key(name),
                "name": name,
                "since": wire(moment(-max(joined, 2) - 1, "09:00")),
                "steps_open": 2 + number % 5,
                "last_check_in_at": wire(NOW - timedelta(hours=hours, minutes=number * 7)) if hours else None,
                "last_seen_at": None,
                "missed_in_a_row": silent * 2 if need == "silent" else 0,
                "adherence": done / due if due else None,
                "days": [{k: day[k] for k in ("due", "done", "skipped")} for day in days],
                "need": need,
                "reason": reason,
                "birth_date": f"{1938 + number * 3}-0{1 + number % 9}-{10 + number}" if number % 3 else None,
                "phone": f"+34 600 123 4{number:02d}" if number % 2 == 0 else None,
                "skip_reason": {
                    "step_id": key("skipped"),
                    "title": "Take ramipril 5 mg",
                    "text": "My stomach hurts after it",
                    "at": wire(NOW - timedelta(hours=5)),
                }
                if reason == "skipped-3"
                else None,
                "called": {
                    "at": wire(NOW - timedelta(hours=2)),
                    "by": {"id": key("nobody"), "name": "Dr Chiara Lombardi"},
                    "text": "No answer",
                }
                if number == 0
                else None,
            }
        )
    return rows
