"""Which reader the settings ask for."""

from __future__ import annotations

from hospital_rt.extraction.api import Reader
from hospital_rt.extraction.llm.reader import ModelReader
from hospital_rt.extraction.local import LocalReader


def make_reader(*, api_key: str | None, base_url: str | None, model: str | None, timeout_s: float) -> Reader:
    """A language model's reader, or the local one when there is neither key nor base URL.

    Raises:
        ValueError: a key or a base URL without a model.
    """
    if not api_key and not base_url:
        return LocalReader()
    if not model:
        raise ValueError("a model must be named with a key or a base URL")
    return ModelReader(api_key=api_key, base_url=base_url, model=model, timeout_s=timeout_s)
