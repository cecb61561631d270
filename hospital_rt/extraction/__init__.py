"""From a doctor's note to steps: extractors, and the guard that judges every answer.

One promise: nothing reaches a patient that the note does not say. Kernel: imports nothing from the floors above.
"""

from hospital_rt.extraction.command import run_extract_command
from hospital_rt.extraction.guard import guard
from hospital_rt.extraction.interface import (
    REASONS,
    Dropped,
    ExtractionFailed,
    Extractor,
    Guarded,
    Kept,
    Unmatched,
)
from hospital_rt.extraction.offline import OfflineExtractor
from hospital_rt.extraction.openai import OpenAIExtractor
from hospital_rt.extraction.schema import MAX_ITEMS, Extraction, Item, Kind, Meta, PlanItem

__all__ = [
    "MAX_ITEMS",
    "REASONS",
    "Dropped",
    "Extraction",
    "ExtractionFailed",
    "Extractor",
    "Guarded",
    "Item",
    "Kept",
    "Kind",
    "Meta",
    "OfflineExtractor",
    "OpenAIExtractor",
    "PlanItem",
    "Unmatched",
    "guard",
    "make_extractor",
    "run_extract_command",
]


def make_extractor(*, api_key: str | None, base_url: str | None, model: str | None, timeout_s: float) -> Extractor:
    """The extractor that the settings ask for: a language model, or the rules when there is neither key nor URL.

    Raises:
        ValueError: a key or a base URL without a model.
    """
    if not api_key and not base_url:
        return OfflineExtractor()
    if not model:
        raise ValueError("a model must be named with a key or a base URL")
    return OpenAIExtractor(api_key=api_key, base_url=base_url, model=model, timeout_s=timeout_s)
