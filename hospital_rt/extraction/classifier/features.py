"""Features of a sentence for the linear model: words and word pairs, section, heading, place, and neighbours."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

from hospital_rt.extraction.acts import act_terms, frames
from hospital_rt.extraction.api import Sentence
from hospital_rt.extraction.context.assertion import rows
from hospital_rt.extraction.sig.lexicon import medicines

_TOKEN = re.compile(r"\d+(?:[.,/]\d+)*|[^\W\d_]+(?:'[a-z]+)?|[?&+%]")
_FUNCTION = frozenset(["a", "an", "the", "of", "to", "and", "in", "is", "his", "her", "he", "she"])
MAX_TOKENS = 120


def tokens(text: str) -> list[str]:
    """Lower-case words; numbers become ``0``, fractions such as "5/7" ``0/0``."""
    found = []
    for match in _TOKEN.finditer(text.lower()[: MAX_TOKENS * 8]):
        word = match[0]
        found.append(re.sub(r"\d+", "0", word) if word[0].isdigit() else word)
    return found[:MAX_TOKENS]


_FRAMES = (
    "order",
    "future",
    "strong",
    "when",
    "condition",
    "contact",
    "visit",
    "medicine_order",
    "stop_order",
    "repeats",
    "dated",
    "books",
)
_NAME = re.compile(r"[^\W\d_]{4,}")


@cache
def _kinds(language: str) -> tuple[tuple[str, Callable[[str], object]], ...]:
    """Kinds of wording of a language, each with what finds it in lower-case text (faster than without regard to case)."""
    known, terms = frames(language), act_terms(language).groups
    found: list[tuple[str, Callable[[str], object]]] = []
    for name in _FRAMES:
        pattern = re.compile(getattr(known, name).pattern)
        found += [(f"g={name}", pattern.search), (f"g0={name}", pattern.match)]
    found += [(f"t={group}", re.compile(pattern.pattern).search) for group, pattern in terms.items()]
    found += [(f"v={act}", re.compile(verbs.pattern).match) for act, verbs in known.verbs]
    found += [(f"c={row.category}", re.compile(row.pattern.pattern).search) for row in rows(language)]
    return tuple(found)


@cache
def _medicine_names() -> frozenset[str]:
    return frozenset(medicines().names)


@lru_cache(1024)
def _grammar(text: str, language: str) -> frozenset[str]:
    """What the lexicon says of a sentence, by kind: these hold for words that no training note has."""
    text = text.lower()
    found = {name for name, finds in _kinds(language) if finds(text)}
    if not _medicine_names().isdisjoint(_NAME.findall(text)):
        found.add("g=medicine")
    return frozenset(found)


def clear_caches() -> None:
    """Forget the texts of the note just read."""
    _grammar.cache_clear()


def sentence_features(sentences: Sequence[Sentence], at: int, language: str) -> set[str]:
    """The features of ``sentences[at]``, as strings."""
    one = sentences[at]
    words = tokens(one.text)
    place = at * 5 // max(1, len(sentences))
    found = {f"s={one.section}", f"p={place}", f"s={one.section},p={place}", f"len={min(len(words), 40) // 4}"}
    found.add("short" if len(sentences) < 8 else "long" if len(sentences) > 30 else "middle")
    if one.bullet:
        found.add(f"b,s={one.section}")
    if one.text.rstrip().endswith(":"):
        found.add("colon")
    found.update(f"h={word}" for word in tokens(one.heading)[:5])
    found.update(words)
    found.update(f"{one.section[:4]}/{word}" for word in words if word not in _FUNCTION)
    padded = ["<", *words, ">"]
    found.update(f"{a} {b}" for a, b in itertools.pairwise(padded))
    content = [word for word in padded if word not in _FUNCTION]
    found.update(f"{a}_{b}" for a, b in itertools.pairwise(content))
    found.update(f"^{word}" for word in words[:1])
    found.update(f"~{word[:5]}" for word in words if len(word) > 6)
    for near in (at - 1, at + 1):
        if 0 <= near < len(sentences):
            found.add(f"n{near - at}s={sentences[near].section}")
    kinds = _grammar(one.text, language)
    found.update(kinds, (f"{one.section[:4]}/{name}" for name in kinds))
    return found


def candidate_features(cues: frozenset[str], text: str, start: int, end: int, likely: float, language: str) -> set[str]:
    """The features of a candidate: its cues, the words in and around it, and how likely its sentence is."""
    inside, before, after = (
        tokens(text[start:end]),
        tokens(text[max(0, start - 60) : start])[-4:],
        tokens(text[end : end + 50])[:4],
    )
    act = next((cue for cue in cues if cue.startswith("act=")), "")
    found = {*cues, *(f"{act},{cue}" for cue in cues if cue != act)}
    found.update(f"i={word}" for word in inside)
    found.update(f"{act},i={word}" for word in inside[:4])
    found.update(f"b={word}" for word in before)
    found.update(f"a={word}" for word in after)
    if before:
        found.add(f"b1={before[-1]}")
    found.update(f"b2={a} {b}" for a, b in itertools.pairwise(before))
    found.update(f"k:{act},{name}" for name in _grammar(text, language))
    for level in (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95):
        if likely >= level:
            found.add(f"p>={level}")
            found.add(f"{act},p>={level}")
    return found
