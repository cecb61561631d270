"""What ``python main.py extract`` prints: a note's reading as JSON."""

from __future__ import annotations

from datetime import date
from typing import Any

from hospital_rt.extraction.api import Reader, Result
from hospital_rt.extraction.pipeline import read_note


async def run_extract_command(text: str, *, day: date, reader: Reader) -> dict[str, Any]:
    """Read a note and give the answer of the contract's section "From note to steps".

    Raises:
        ExtractionFailed: the reader has no answer.
    """
    return result_json(await read_note(text, day=day, reader=reader))


def result_json(result: Result) -> dict[str, Any]:
    """A result as it is printed."""
    answer: dict[str, Any] = {"checklist": [], "plan": []}
    for kept in result.kept:
        answer[kept.kind].append(kept.item.model_dump(mode="json"))
    for name in ("questions", "dropped", "unmatched", "account"):
        answer[name] = [row.model_dump(mode="json") for row in getattr(result, name)]
    answer["extracted_by"], answer["too_many"] = result.extracted_by, result.too_many
    return answer
