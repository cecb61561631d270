"""Each row of the lexicon of dose instructions reads its own examples as it says."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hospital_rt.extraction import sig
from hospital_rt.extraction.lexicon import LANGUAGES

MONDAY = date(2026, 3, 2)


def _examples() -> list[Any]:
    out = []
    for language in LANGUAGES:
        lexicon = sig.lexicon(language)
        assert lexicon is not None, language
        for row in lexicon.rows:
            for text, fields in row.examples.items():
                out.append(pytest.param(language, text, fields, id=f"{language}:{row.id}:{text}"))
    return out


@pytest.mark.parametrize(("language", "text", "fields"), _examples())
def test_a_row_reads_its_example(language: str, text: str, fields: dict[str, Any]) -> None:
    dose = {"en": "Ibuprofen 200 mg ", "es": "Ibuprofeno 200 mg ", "fr": "Ibuprofène 200 mg "}[language]
    found = sig.find(dose + text, day=MONDAY, language=language)
    assert found, "nothing read"
    for field, want in fields.items():
        got = getattr(found[0], field)
        assert (list(got) if isinstance(got, tuple) else got) == want, field


@pytest.mark.parametrize("language", LANGUAGES)
def test_row_names_are_unique(language: str) -> None:
    lexicon = sig.lexicon(language)
    assert lexicon is not None
    names = [row.id for row in lexicon.rows]
    assert len(names) == len(set(names))
