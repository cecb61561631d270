"""What ``python main.py extract`` prints: the steps that an extractor finds and the guard keeps."""

from __future__ import annotations

from datetime import date
from typing import Any

from hospital_rt.extraction.guard import guard
from hospital_rt.extraction.interface import Extractor


async def run_extract_command(text: str, *, day: date, extractor: Extractor) -> dict[str, Any]:
    """The kept items as ``{"checklist": [...], "plan": [...]}``, with what was dropped and what has no step.

    Raises:
        ExtractionFailed: there is no answer.
    """
    judged = guard(text, await extractor.extract(text, day=day), day=day)
    answer: dict[str, Any] = {"checklist": [], "plan": []}
    for kept in judged.kept:
        answer[kept.kind].append(kept.item.model_dump(mode="json"))
    answer["dropped"] = [
        {**d.item.model_dump(mode="json"), "kind": d.kind, "reason": d.reason, "why": d.detail} for d in judged.dropped
    ]
    answer["unmatched"] = [{"quote": u.quote, "start": u.start, "end": u.end} for u in judged.unmatched]
    answer["too_many"] = judged.too_many
    answer["extracted_by"] = extractor.name
    return answer
