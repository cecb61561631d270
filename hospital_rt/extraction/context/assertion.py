"""ConText: triggers with a direction and a scope (Harkema et al. 2009), read from ``lexicon/<language>/context.yaml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from hospital_rt.extraction.lexicon import LANGUAGES, load

CATEGORIES = tuple(
    "negated refused stopped past state considered other-person supply software clinic conditional".split()
)
_BREAK = re.compile(
    r";|\bbut\b|\bhowever\b|\balthough\b|,? then\b|\bpero\b|\bluego\b|(?<!\btab)(?<!\bcap)(?<!\binj)(?<!\bsyp)(?<!\bdr)[.!?]\s+(?=[A-Z])",
    re.I,
)
_COMMA = re.compile(
    r",|\b(?:and|y) (?:will|should|to|then|start|continue|take|return|follow|call|use|we|i|empezar|tomar)\b", re.I
)
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Row:
    """One trigger of the data."""

    id: str
    category: str
    direction: str
    pattern: re.Pattern[str]
    words: int | None
    comma: bool
    examples: tuple[str, ...]
    counterexamples: tuple[str, ...]


@cache
def rows(language: str) -> tuple[Row, ...]:
    """The triggers of a language."""
    return tuple(
        Row(
            id=raw["id"],
            category=raw["category"],
            direction=raw["direction"],
            pattern=re.compile(raw["pattern"], re.I),
            words=raw.get("words"),
            comma=raw.get("stop") == "comma",
            examples=tuple(raw["examples"]),
            counterexamples=tuple(raw["counterexamples"]),
        )
        for raw in load(language if language in LANGUAGES else "en", "context")
    )


def assertions(sentence: str, language: str) -> list[tuple[str, int, int, str]]:
    """Every scope in a sentence as (category, start, end, row id)."""
    found = []
    breaks = [match.start() for match in _BREAK.finditer(sentence)]
    for row in rows(language):
        for match in row.pattern.finditer(sentence):
            start, end = _scope(sentence, row, match, breaks)
            found.append((row.category, start, end, row.id))
    return found


def _scope(sentence: str, row: Row, match: re.Match[str], breaks: list[int]) -> tuple[int, int]:
    if row.direction == "sentence":
        return 0, len(sentence)
    if row.direction == "backward":
        start = max([at for at in breaks if at < match.start()], default=0)
        if row.words is not None:
            words = list(_WORD.finditer(sentence, start, match.start()))
            start = words[-row.words].start() if len(words) > row.words else start
        return start, match.start()
    end = min([at for at in breaks if at >= match.end()], default=len(sentence))
    if row.comma and (comma := _COMMA.search(sentence, match.end(), end)):
        end = comma.start()
    if row.words is not None:
        for count, word in enumerate(_WORD.finditer(sentence, match.end(), end), 1):
            if count == row.words:
                end = word.end()
                break
    return match.end(), end


def categories_at(scopes: list[tuple[str, int, int, str]], start: int, end: int) -> set[str]:
    """The categories whose scope holds at least half of ``start``..``end``."""
    half = max(1, (end - start) // 2)
    return {category for category, begin, stop, _ in scopes if min(stop, end) - max(begin, start) >= half}
