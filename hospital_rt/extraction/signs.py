"""The characters of an answer: what cannot be seen, markup, links, letters of another script.

One promise: none of them is taken for granted; a link or a letter of another script comes through only where the note
has it, and markup and what cannot be seen never do.
"""

from __future__ import annotations

import re
import unicodedata

from hospital_rt.extraction.schema import Item
from hospital_rt.extraction.support import Doubt
from hospital_rt.extraction.text import unseen

_LINK = re.compile(
    r"[a-z][a-z0-9+.-]{1,10}://[^\s<>\"')]*|www\.[^\s<>\"')]+|\b(?:tel|sms|mailto|data|file):[^\s]+|"
    r"\b[\w.+-]+@[\w-]+\.[\w.]+|"
    r"\b\w+ ?[(\[] ?(?:at|dot|arobase|punto) ?[)\]] ?\w+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,12}/[^\s]*|"
    r"\b[\w-]+\.(?:com|org|net|io|example|ru|info|co|uk|fr|es|de|eu|xyz|top|site|online|shop|app|biz|click|link)\b"
    r"[^\s]*",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<[/!a-z][^>]*>?|\]\([^)]*\)|```|\{\{|\}\}|&(?:#\d+|[a-z]+);|javascript:|\$\{", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_AT_HOME = frozenset("ªºµμ")
_MOST_MARKS = 2


def signs_doubt(item: Item, note: str) -> Doubt | None:
    """Characters of title and detail that have no place in a step, or that the note does not have."""
    said = unicodedata.normalize("NFC", f"{item.title}\n{item.detail or ''}")
    low = note.casefold()
    if any(unseen(c) for c in said if c not in "\n\t") or _heaped(said):
        return "markup", "It holds characters that cannot be seen."
    for m in _MARKUP.finditer(said):
        if m.group().casefold() not in low or m.group().startswith("<"):
            return "markup", "It holds markup, which has no place in a step."
    for m in _LINK.finditer(said):
        if m.group().casefold().rstrip(".,;") not in low:
            return "link-not-in-note", "It holds a link or an address that the note does not give."
    for m in _WORD.finditer(said):
        if _is_foreign(m.group()) and m.group().casefold() not in low:
            return "words-not-in-note", "It holds letters of another script, in words that the note does not have."
    return None


def _heaped(said: str) -> bool:
    """Whether more marks sit on a letter than any language writes, or a mark strikes through a figure."""
    marks = 0
    for before, char in zip(" " + said, said, strict=False):
        marks = marks + 1 if unicodedata.combining(char) or unicodedata.category(char) == "Me" else 0
        if marks > _MOST_MARKS or (marks and before.isdigit()):
            return True
    return False


def _is_foreign(word: str) -> bool:
    """Whether a word has letters that are not Latin (a lone Greek letter, as in "β-blocker", is no word)."""
    return len(word) > 1 and any(not unicodedata.name(c, "").startswith("LATIN ") and c not in _AT_HOME for c in word)
