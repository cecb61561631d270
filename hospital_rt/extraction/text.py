"""Text with its places: folding that keeps offsets, and sentences.

One promise: every span that comes from here is a slice of the original text, so that a quote can be shown in the note.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` of the note, in code points."""

    start: int
    end: int
    text: str = field(repr=False)

    def overlaps(self, start: int, end: int) -> bool:
        return self.start < end and start < self.end

    def part(self, start: int, end: int) -> Span:
        """A part of this span, by offsets inside it, trimmed of white space and loose punctuation at its ends."""
        while start < end and self.text[start] in _LOOSE_LEFT:
            start += 1
        while end > start and self.text[end - 1] in _LOOSE_RIGHT:
            end -= 1
        return Span(self.start + start, self.start + end, self.text[start:end])


_LOOSE_LEFT = " \t\r\n\u00a0,;:.-–—•*>·"
_LOOSE_RIGHT = " \t\r\n\u00a0,;:.-–—"


@dataclass(frozen=True, slots=True)
class Folded:
    """A text after NFC, case and white-space folding; ``starts[i]``, ``ends[i]`` say where a folded character was."""

    text: str = field(repr=False)
    starts: tuple[int, ...] = field(repr=False)
    ends: tuple[int, ...] = field(repr=False)


def fold(text: str) -> Folded:
    """Fold composition (NFC), case and runs of white space, keeping each character's place.

    >>> fold("Cafe\\u0301  NOIR").text
    'café noir'
    """
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        piece = text[start:end]
        if piece.isspace():
            if out and out[-1] == " ":
                ends[-1] = end
                continue
            folded = " "
        else:
            folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", piece).casefold())
        for char in folded:
            out.append(char)
            starts.append(start)
            ends.append(end)
    return Folded("".join(out), tuple(starts), tuple(ends))


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """A character with the marks that belong to it."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not unicodedata.combining(text[at]):
            yield start, at
            start = at


def compose(text: str) -> tuple[str, list[int]]:
    """The text after NFC, without what cannot be seen, and where each of its characters (and its end) was before.

    Soft hyphens, zero-width spaces and the like come with what is pasted; a reader sees "250" and "ignore" in spite of
    them, and so must we.

    >>> compose("e\u0301t")
    ('ét', [0, 2, 3])
    >>> compose("2\u200b50")
    ('250', [0, 2, 3, 4])
    """
    if text.isascii() or (unicodedata.is_normalized("NFC", text) and not any(_is_dropped(c) for c in text)):
        return text, list(range(len(text) + 1))
    out: list[str] = []
    places: list[int] = []
    seen = [at for at, char in enumerate(text) if not _is_dropped(char)]
    bare = "".join(text[at] for at in seen)
    for start, end in _clusters(bare):
        for char in unicodedata.normalize("NFC", bare[start:end]):
            out.append(char)
            places.append(seen[start])
    return "".join(out), [*places, len(text)]


def unseen(char: str) -> bool:
    """Whether a character shows nothing, or nothing that is agreed on: controls, joiners, fillers, private use.

    >>> [unseen(c) for c in ("\u200e", "\u00ad", "\x9b", "\ue000", " ", "é")]
    [True, True, True, True, False, False]
    """
    return unicodedata.category(char) in _UNSEEN_KINDS or _is_dropped(char) or char in _FILLERS


_UNSEEN_KINDS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def _is_dropped(char: str) -> bool:
    """Whether a character changes nothing of what is read: format characters and variation selectors."""
    return not char.isascii() and (
        unicodedata.category(char) == "Cf" or char == "\u034f" or "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0100"
    )


def plain(text: str) -> str:
    """Lower case without accents, for looking words up (never for offsets).

    >>> plain("Pédale ÉTÉ")
    'pedale ete'
    """
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def same_length_plain(text: str) -> str:
    """``plain``, but one character for each of the original, so that offsets agree.

    >>> len(same_length_plain("naïve ½ ß")) == len("naïve ½ ß")
    True
    """
    return text.lower() if text.isascii() else "".join(_plain_char(c) for c in text)


@lru_cache(maxsize=1024)
def _plain_char(char: str) -> str:
    if char.isascii():
        return char.lower()
    base = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)).casefold()
    if len(base) == 1:
        return _LOOKS_LIKE.get(base, base)
    return {"’": "'", "‘": "'", "–": "-", "—": "-"}.get(char, char)


_LOOKS_LIKE = dict(zip("аеорсухіѕјкмтнвһԁɡονραικτυε", "aeopcyxisjkmthbhdgovpaiktue", strict=True))
"""Cyrillic and Greek letters by the Latin ones that they cannot be told from."""


_SPACED_OUT = re.compile(r"(?<!\w)(?:[^\W\d_][-. ]{1,2}){3,}[^\W\d_](?!\w)")
_MIXED = re.compile(
    r"(?<!\w)(?!\d+[a-z]+(?!\w))(?=[a-z\d@$]*[a-z][a-z\d@$]*[a-z])(?=[a-z@$]*[\d@$])[a-z\d@$]{4,}(?!\w)"
)
_LEET = str.maketrans("013457@$", "oieastas")


def respelt(low: str) -> str:
    """Text made by ``same_length_plain``, with words that were spelt apart or with figures written as words again.

    >>> respelt("w-a-r-f-a-r-i-n"), respelt("1gn0re b12")
    ('warfarin', 'ignore b12')
    """
    low = _SPACED_OUT.sub(lambda m: re.sub(r"[-. ]", "", m.group()), low)
    return _MIXED.sub(lambda m: m.group().translate(_LEET), low)


def find_quote(note: Folded, quote: str) -> list[tuple[int, int]]:
    """Every place of ``quote`` in the note, as offsets of the original text.

    A place that begins or ends inside a word or a number does not count: "5 mg" is not in "15 mg" nor in "2.5 mg".
    """
    wanted = fold(quote.strip()).text
    if not any(c.isalnum() for c in wanted):
        return []
    places = []
    at = note.text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not _cuts(note.text, at) and not _cuts(note.text, end):
            places.append((note.starts[at], note.ends[end - 1]))
        at = note.text.find(wanted, at + 1)
    return places


def _cuts(text: str, at: int) -> bool:
    """Whether a cut at ``at`` would go through a word or a number."""
    if at <= 0 or at >= len(text):
        return False
    left, right = text[at - 1], text[at]
    if left.isalnum() and right.isalnum():
        return True
    in_number = left in ".,/" and right.isdigit() and at >= 2 and text[at - 2].isdigit()
    return in_number or (left.isdigit() and right in ".,/" and at + 1 < len(text) and text[at + 1].isdigit())


def words_of(listing: str) -> frozenset[str]:
    """The words of a listing, as a set."""
    return frozenset(listing.split())


_ABBREVIATED = words_of(
    "alt wkly pt pts dr mr mrs ms prof st no nr vs approx "
    "tab tabs cap caps inj mg ml min hr hrs wk wks mth mths yr yrs temp resp "
    "e.g i.e eg ie etc p.o b.i.d t.i.d q.i.d q.d o.d b.d t.d.s q.d.s p.r.n a.m p.m h.s a.c p.c o.m o.n i.m i.v s.c "
    "mme mlle m sr sra srta dra av env comp cp ud aprox max min"
)
_BEFORE_A_NAME = words_of("tab tabs cap caps inj syp syr susp neb ref rev mio")
_COUNTS = words_of("a an one two three four half each every per this the last next first second")
_ENDS = re.compile(
    r"[.!?]+(?=[\s\"')\]]|$)|\n+|\r+|(?<=[.!?])(?=[A-Z][a-z])|(?<=[a-z0-9)/][a-z0-9)]\.)(?=(?!com|org|"
    r"net|io|uk|fr|es|co|gov|edu|info|example)"
    r"[a-z&]{2,12}(?:[ \d]|\Z))|(?<=[.:;,])[ \t]{1,4}(?=\d{1,2}[.)] [A-Za-z])"
)


def sentences(text: str) -> list[Span]:
    """The sentences of a note: ended by a full stop (not that of an abbreviation), by a line break, or by the note.

    >>> [s.text for s in sentences("Dr. Ada saw him. Take 0.5 mg p.o. daily\\nRest.")]
    ['Dr. Ada saw him.', 'Take 0.5 mg p.o. daily', 'Rest.']
    """
    found: list[Span] = []
    start = 0
    for mark in _ENDS.finditer(text):
        end = mark.end()
        start = _cut_long(found, text, start, end)
        if mark.group().startswith(".") and _is_abbreviation(text, start, mark.start(), end):
            continue
        _add(found, text, start, end)
        start = end
    start = _cut_long(found, text, start, len(text))
    _add(found, text, start, len(text))
    return found


_LONGEST = 1000


def _cut_long(found: list[Span], text: str, start: int, end: int) -> int:
    """Cut what is no sentence any more after ``_LONGEST`` characters, at a space, so that no note costs more than its
    length; returns where the rest begins."""
    while end - start > _LONGEST:
        at = text.rfind(" ", start + 1, start + _LONGEST)
        at = at if at > start else start + _LONGEST
        _add(found, text, start, at)
        start = at
    return start


def _is_abbreviation(text: str, start: int, dot: int, end: int) -> bool:
    word = re.split(r"[\s(,;:/]", text[start:dot])[-1].casefold()
    after = text[end:].lstrip(" \t\"')")
    if not after or after[0] == "\n":
        return False
    if re.fullmatch(r"\d{1,2}", word) and not text[start:dot].strip()[: -len(word)].strip():
        return True  # "1. Take ...": the number of a list
    if word in _ABBREVIATED or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
        title = word in {"dr", "mr", "mrs", "ms", "mme", "mlle", "sr", "sra", "srta", "dra", "prof", "st"}
        return title or not after[0].isupper() or _before_a_name(text, start, dot - len(word), word)
    return word in _BEFORE_A_NAME and _before_a_name(text, start, dot - len(word), word)


def _before_a_name(text: str, start: int, at: int, word: str) -> bool:
    """ "Tab. Metformin", "on Inj. Insulin", "Ref. Eye OPD", but not "take one tab. Review in May"."""
    before = text[start:at].split()
    if word in {"ref", "rev"}:
        return not any(c.isalpha() for c in "".join(before))
    number = bool(before) and (before[-1][-1:].isdigit() or before[-1].casefold() in _COUNTS)
    return word in _BEFORE_A_NAME and (not number or word == "mio")


def _add(found: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    if right > left:
        found.append(Span(start + left, start + right, piece[left:right]))


def around(spans: list[Span], start: int, end: int) -> list[Span]:
    """The sentences that ``start``-``end`` lies in."""
    return [span for span in spans if span.overlaps(start, end)]
