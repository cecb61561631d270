"""The guard: judges every answer against the note, whoever gave it."""

from __future__ import annotations

import re
from datetime import date

from hospital_rt.extraction.interface import Dropped, Guarded, Kept
from hospital_rt.extraction.schema import MAX_ITEMS, Extraction, Item, Kind, PlanItem
from hospital_rt.extraction.text import around, find_quote, fold, sentences


def guard(text: str, extraction: Extraction, *, day: date) -> Guarded:
    note = fold(text)
    spans = sentences(text)
    kept: list[Kept] = []
    dropped: list[Dropped] = []
    rows: list[tuple[Kind, Item | PlanItem]] = [("checklist", i) for i in extraction.checklist]
    rows += [("plan", p) for p in extraction.plan]
    for kind, item in rows:
        places = find_quote(note, item.quote)
        if not places:
            dropped.append(
                Dropped(kind=kind, item=item, reason="quote-not-in-note", detail="Its quote is not in the note.")
            )
            continue
        start, end = places[0]
        evidence = " ".join(s.text for s in around(spans, start, end))
        numbers = set(re.findall(r"\d+", evidence))
        if set(re.findall(r"\d+", f"{item.title} {item.detail or ''}")) - numbers:
            dropped.append(
                Dropped(kind=kind, item=item, reason="number-not-in-quote", detail="A number is not in the note.")
            )
            continue
        kept.append(Kept(kind=kind, item=item.model_copy(update={"quote": text[start:end]}), start=start, end=end))
    kept.sort(key=lambda k: k.start)
    return Guarded(kept=kept[:MAX_ITEMS], dropped=dropped, unmatched=[], too_many=len(rows) > MAX_ITEMS)
