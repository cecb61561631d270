"""Items as a reader hands them to the guard, and its verdict on each."""

from __future__ import annotations

from datetime import date
from typing import Any

from hospital_rt.extraction.api import Dropped, Item, Note, PlanItem
from hospital_rt.extraction.guard import judge
from hospital_rt.extraction.sentences import read_sentences

TUESDAY = date(2026, 3, 10)


def item(note: str, title: str, *, quote: str | None = None, detail: str | None = None, **plan: Any) -> Item | PlanItem:
    """An item that cites ``quote`` (the whole note when None); with schedule fields a plan item."""
    quote = note if quote is None else quote
    at = max(note.find(quote), 0)
    fields: dict[str, Any] = {"title": title, "detail": detail, "quote": quote, "start": at, "end": at + len(quote)}
    return PlanItem(**fields, **plan) if set(plan) - {"as_needed"} else Item(**fields, **plan)


def judged(
    text: str, *items: Item | PlanItem, day: date = TUESDAY
) -> tuple[list[tuple[int, Item | PlanItem]], list[Dropped]]:
    note: Note = read_sentences(text, day=day)
    return judge(note, [("plan" if isinstance(i, PlanItem) else "checklist", i) for i in items])


def verdict(text: str, one: Item | PlanItem, day: date = TUESDAY) -> str:
    """ "kept", or the reason why not."""
    kept, dropped = judged(text, one, day=day)
    return "kept" if kept else dropped[0].reason
