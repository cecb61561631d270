"""The lexicon of dose instructions, compiled once a language: a trie over tokens, with slots for numbers, units and days."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from hospital_rt.extraction.lexicon import LANGUAGES, load
from hospital_rt.extraction.sig.tokens import Joiner, Token, cut

_SLOT_OF = {"times": "x", "span": "s", "weekdays": "wd", "date": "date", "clock": "clock", "hourly": "q"}
_ALTERNATIVES = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")


def fold(text: str) -> str:
    """Lower case, without accents."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


@dataclass(slots=True)
class Row:
    """A row of the lexicon: what its words say, and the fields they give."""

    id: str
    kind: str
    value: dict[str, Any]
    needs: str | None
    examples: dict[str, Any]
    say: list[str]


@dataclass(slots=True)
class Node:
    """A node of the trie: the next token's text or slot, and the rows that end here, those with conditions first."""

    words: dict[str, Node] = field(default_factory=dict)
    slots: dict[str, Node] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)


def _expand(say: str) -> Iterator[str]:
    """Every wording of a pattern: ``(a|b)`` one of these, ``[a|b]`` one of these or nothing."""
    parts: list[list[str]] = []
    at = 0
    for match in _ALTERNATIVES.finditer(say):
        parts.append([say[at : match.start()]])
        parts.append(match[1].split("|") if match[1] is not None else ["", *match[2].split("|")])
        at = match.end()
    parts.append([say[at:]])
    for choice in itertools.product(*parts):
        yield "".join(choice)


class Lexicon:
    """One language's words of dose instructions."""

    def __init__(self, language: str) -> None:
        data = load(language, "dose")
        words = data["words"]
        self.language = language
        self.joiner = Joiner(words)
        self.units: dict[str, int] = words["units"]
        self.mass = set(words["mass"])
        self.forms = set(words["forms"])
        self.amounts = set(words["amounts"])
        self.bare = set(words["forms_bare"])
        self.hours = set(words["hours"])
        self.minutes = frozenset(words.get("minutes", ()))
        self.apart = frozenset(words.get("apart", ()))
        self.words = words
        self.countable = self.forms | self.amounts
        self.measured = self.mass | self.countable
        self.verbs = {kind: set(words["verbs"][kind]) for kind in ("same", "begin", "new")}
        self.describe, self.risk, self.elsewhere = (set(words[k]) for k in ("describe", "risk", "elsewhere"))
        self.opens = set().union(*self.verbs.values())
        self.taken = frozenset(words.get("taken", ()))
        self.applied = frozenset(words.get("applied", ()))
        self.prefixes = frozenset(words.get("prefixes", ()))
        self.events = frozenset(words.get("events", ()))
        self.never_names = frozenset(words.get("never_names", ()))
        self.contact = frozenset(words.get("contact", ()))
        self.changes = frozenset(words.get("changes", ()))
        self.release = frozenset(words.get("release", ()))
        self.instead = frozenset(tuple(said.split()) for said in words.get("instead", ()))
        self.from_to: tuple[str, str] = tuple(words["from_to"])
        self.lengths = frozenset(words.get("lengths", ()))
        self.of = frozenset(words.get("of", ()))
        self.off = frozenset(words.get("off", ()))
        self.behind = frozenset(words.get("behind", ()))
        self.no_reasons = frozenset(words.get("no_reasons", ()))
        self.on_top = frozenset(words.get("on_top", ()))
        self.negations = frozenset(words.get("negations", ()))
        self.plain = self.describe | self.risk | self.opens
        self.root = Node()
        self.rows = [
            Row(r["id"], r["as"], r.get("value") or {}, r.get("needs"), r.get("examples") or {}, r["say"])
            for r in data["rows"]
        ]
        for row in self.rows:
            for say in row.say:
                for text in _expand(say):
                    self._add(text.split(), row)

    def _add(self, words: list[str], row: Row) -> None:
        node = self.root
        for word in words:
            if word == "-":
                continue
            if word[0] == "{" and word[-1] == "}":
                node = node.slots.setdefault(word[1:-1], Node())
            else:
                for part in re.split(r"(?<=\w)[-](?=\w)", word):
                    node = node.words.setdefault(part, Node())
        if node is not self.root and row not in node.rows:
            node.rows.insert(0 if row.needs else len(node.rows), row)

    def match(
        self, tokens: list[Token], at: int, allowed: Callable[[Row, int], bool]
    ) -> tuple[Row, int, dict[str, Any]] | None:
        """The longest allowed row that begins at token ``at``: the row, the token after it, what the slots held."""
        first = tokens[at]
        if first.lower not in self.root.words and not self._slots(first):
            return None
        best: tuple[Row, int, dict[str, Any]] | None = None
        stack: list[tuple[Node, int, dict[str, Any]]] = [(self.root, at, {})]
        while stack:
            node, i, got = stack.pop()
            if node.rows and (best is None or i > best[1]):
                row = next((row for row in node.rows if allowed(row, i)), None)
                best = (row, i, got) if row is not None else best
            if i >= len(tokens):
                continue
            token = tokens[i]
            if token.lower == "-" and i > at and tokens[i - 1].kind != "punct":
                stack.append((node, i + 1, got))
            following = node.words.get(token.lower)
            if following is not None:
                stack.append((following, i + 1, got))
            if node.slots:
                for slot, value in self._slots(token).items():
                    child = node.slots.get(slot)
                    if child is not None:
                        stack.append((child, i + 1, {**got, slot: value}))
        return best

    def _slots(self, t: Token) -> dict[str, Any]:
        """What a token can stand for in a pattern, found once a token."""
        if t.slots is None:
            slots: dict[str, Any] = {}
            t.slots = slots
            if t.kind == "num":
                slots["n"] = slots["m"] = (t.value, t.high)
                if t.high is None and t.value >= 24 and t.value % 24 == 0:
                    slots["h"] = int(t.value // 24)
            elif t.kind in _SLOT_OF:
                slots[_SLOT_OF[t.kind]] = (t.value, t.high) if t.kind in ("times", "span") else t.value
            elif t.kind == "slash" and t.value:
                slots["date"] = t.value
            if t.lower in self.units:
                slots["unit"] = self.units[t.lower]
            if t.lower in self.joiner.ordinals:
                slots["o"] = self.joiner.ordinals[t.lower]
            if t.lower in self.mass:
                slots["mass"] = t.lower
        return t.slots


@cache
def lexicon(language: str) -> Lexicon | None:
    """The lexicon of a BCP 47 language, or None when there is none."""
    language = language.split("-")[0].lower()
    return Lexicon(language) if language in LANGUAGES else None


def _variants(word: str) -> Iterator[str]:
    """The word, and the word without each one of its letters: two words that share one differ by one slip."""
    yield word
    for n in range(1, len(word)):
        yield word[:n] + word[n + 1 :]


class Medicines:
    """Names of medicines: listed names, and stems of names that are not listed."""

    def __init__(self) -> None:
        data = load("medicines")
        self.names: dict[str, list[tuple[tuple[str, ...], bool]]] = {}
        for kind in ("names", "classes"):
            for name in data[kind].split(","):
                parts = tuple(t.lower for t in cut(fold(name.strip())) if t.lower not in "-/")
                if parts:
                    self.names.setdefault(parts[0], []).append((parts, kind == "names"))
        for options in self.names.values():
            options.sort(key=lambda o: -len(o[0]))
        self.stem = re.compile(r"[a-z]{2,}(?:" + "|".join(data["stems"]) + r")s?$")
        self.never = set(data["never"])
        self.rescue = re.compile(data["rescue"])
        self._like = lru_cache(4096)(self._unlisted)
        long = [
            p[0] for options in self.names.values() for p, named in options if named and len(p) == 1 and len(p[0]) > 6
        ]
        self.near: set[str] = {v for name in long for v in _variants(name)}

    def match(self, tokens: list[Token], at: int) -> tuple[int, bool] | None:
        """The token after the medicine that begins at ``at``, and whether it is a name (not a class); None: no medicine."""
        word = fold(tokens[at].lower)
        for parts, named in self.names.get(word, ()):
            j = at + 1
            for part in parts[1:]:
                if j < len(tokens) and tokens[j].lower in "-/" and j + 1 < len(tokens):
                    j += 1
                if j >= len(tokens) or fold(tokens[j].lower) != part:
                    break
                j += 1
            else:
                return j, named
        if tokens[at].kind != "word" or len(word) < 6 or word in self.never:
            return None
        if self._like(word):
            return at + 1, True
        return None

    def knows(self, word: str) -> bool:
        """Whether this word alone names a medicine or a class of them."""
        return self.match(cut(word), 0) is not None

    def _unlisted(self, word: str) -> bool:
        return bool(self.stem.match(word)) or (
            len(word) > 6 and not word.endswith("ing") and any(v in self.near for v in _variants(word))
        )


@cache
def medicines() -> Medicines:
    """The names of medicines, read once."""
    return Medicines()
