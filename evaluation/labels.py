"""Labelled notes: what a patient should get from each, and what must not be made of it.

A note that is mislabelled (a quote that is not in it, a block without a name) is refused on reading.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

FIELDS = ("times_per_day", "every_days", "duration_days", "start_in_days")
UNDATED = date(2026, 3, 4)
"""The day of a note whose label does not depend on one."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A step that the note orders. ``readings`` are the schedules that a clinician would accept, best first."""

    kind: str
    match: tuple[str, ...]
    quote: str
    optional: bool
    readings: tuple[dict[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A note with its labels."""

    id: str
    block: str
    language: str
    text: str = field(repr=False)
    day: date
    wanted: tuple[Wanted, ...]
    must_not: tuple[str, ...]
    forbidden: tuple[str, ...]


def read_labels(path: Path) -> list[Labelled]:
    """The labelled notes of a JSON-lines file.

    Raises:
        ValueError: a line is not a label, or contradicts its own note.
    """
    notes = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                notes.append(read_label(json.loads(line)))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path.name}:{number}: {error!r}") from error
    return notes


def read_label(row: dict[str, Any]) -> Labelled:
    """One labelled note from its JSON.

    Raises:
        KeyError, TypeError, ValueError: it is no label, or contradicts its own note.
    """
    text = row["note"]
    wanted = tuple(_wanted(kind, label) for kind in ("checklist", "plan") for label in row["expect"][kind])
    for quote in [w.quote for w in wanted] + list(row["must_not"]):
        if quote not in text:
            raise ValueError(f"{quote!r} is not in the note")
    return Labelled(
        id=row["id"],
        block=row["block"],
        language=row.get("language", "en"),
        text=text,
        day=date.fromisoformat(row["note_date"]) if row.get("note_date") else UNDATED,
        wanted=wanted,
        must_not=tuple(row["must_not"]),
        forbidden=tuple(row.get("forbidden", ())),
    )


def _wanted(kind: str, label: dict[str, Any]) -> Wanted:
    first = {"kind": kind, "as_needed": label["as_needed"], **{f: label[f] for f in FIELDS if f in label}}
    others = [{**first, **{k: v for k, v in other.items() if k != "why"}} for other in label.get("alternatives", ())]
    return Wanted(
        kind=kind,
        match=tuple(label["match"]),
        quote=label["quote"],
        optional=bool(label.get("optional")),
        readings=(first, *others),
    )
