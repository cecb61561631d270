"""A note as sections and numbered sentences.

Markup, line ends of any kind and odd spaces become spaces or line feeds of the same length, so that a sentence's text
is as long as its span and every offset in it is an offset in the note.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache

from hospital_rt.extraction.api import Note, Sentence
from hospital_rt.extraction.language import detect
from hospital_rt.extraction.lexicon import LANGUAGES, load

SECTIONS = (
    "",
    "history",
    "past",
    "medications",
    "stopped",
    "allergies",
    "exam",
    "results",
    "assessment",
    "plan",
    "instructions",
    "previous",
)
_LINE_ONLY = frozenset(("allergies", "medications", "past", "stopped", "previous"))
"""Sections that end with the line when the heading stands in the middle of it."""
_LABELS = frozenset(("results", "medications"))
"""Sections whose headings are labels within a plan where their line goes on: "Plan: ... Labs: FBC in 2 weeks"."""
_BACKGROUND = frozenset(("history", "past", "allergies", "exam"))
"""Where one of these follows a plan, the note's headings are all sections of their own."""
_PROSE = re.compile(
    r"[ \t]*(?:I|We) (?:\w+ )?(?:reviewed|saw|met|have|had|am|are|would|was|were|discussed|spoke|think|asked|advised)\b(?: [^\n ]+){4}"
)
"""A line of a letter that tells what its author did."""
MAX_SENTENCE = 1200  # characters; longer ones are cut at a space

_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]*)(?:\s[^<>]{0,300})?/?>|<!--.{0,300}?-->", re.S)
_BLOCK_TAGS = frozenset("p div br li ul ol tr table h1 h2 h3 h4 h5 h6 section td th body html head title".split())
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-zA-Z]{2,10});")
_SPACES = str.maketrans(
    dict.fromkeys(
        "\r\x0b\x0c\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
        "\u2009\u200a\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u202f\u205f"
        "\u2060\u2066\u2067\u2068\u2069\u3000\ufeff\x00",
        " ",
    )
    | {"\u2028": "\n", "\u2029": "\n"}
)
_BULLET = re.compile(r"[ \t]*(?:[•●▪◦‣·*–—○■□➢✓-]|\(?\d{1,2}[.)](?!\d)|\(?[a-hA-H][.)](?=\s))[ \t]*")
_ABBREVIATIONS = frozenset(
    (
        "dr mr mrs ms prof st vs e.g i.e eg ie approx appt no p.o b.i.d t.i.d q.i.d p.r.n q.d q.h.s q.6.h o.d o.m o.n "
        "a.m p.m a.c p.c h.s hr hrs wk wks mo mos yr yrs min mins tab tabs cap caps inj syp oint susp sol soln pt fig "
        "dept jr sr etc resp temp b.d q.d.s t.d.s t.d mg ml mcg kg oz lb lbs disp qty ref sig rf max sra dra ud uds "
        "aprox comp vo im iv sc"
    ).split()
)
_STOP = re.compile(
    r"(?<!\s)[.!?]+[\"'”’)\]]*(?=\s|$)|(?<=[a-z)])\.(?=[A-Z][a-z])|(?<=\d\d)\.(?=[A-Z][a-z])|\s[·¦]\s(?=\S)|;\s(?=[A-Z])"
)
_INLINE_NUMBER = re.compile(r"(?<=\s)\(?\d{1,2}[.)](?=\s?[A-Z])(?!\d)")
_COUNTED = re.compile(  # "from week 2.", "until September 9.": the number belongs to the word before it
    r"(?i)\b(?:days?|weeks?|wk|months?|until|till|through|to|cycle|day|stage|grade|type|jan\w*|feb\w*|mar|march|apr\w*|may|june?"
    r"|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*|semana|día|dia)\s+$"
)
_PASTE_OPENS = re.compile(
    r"\s*(?:>{2,}|-{4,}\s*(?=original message|forwarded|begin|start))(?P<goes_on>\s*(?:start|begin)\b)?", re.I
)
_PASTE_CLOSES = re.compile(r"<{2,}|\bend (?:of )?(?:paste|copy|fw|forwarded)|-{4,}\s*end\b", re.I)
_LAST_WORD = re.compile(r"[\w.]+$")
_FORMS = frozenset(("tab", "cap", "inj", "syp", "syr", "oint"))
_COUNT_BEFORE = re.compile(r"(?:\d|\b(?:one|two|three|half|a|per|each))[\s./-]*$", re.I)
_SIG_LINE = re.compile(r"\s*(?:take|use|inhale|apply|inject|instill|place|give|sig|1 tab|tome|tomar)\b", re.I)


def clean(text: str) -> str:
    """The same text at the same length: tags blank, entities resolved, line ends ``\\n``, spaces plain."""
    text = text.translate(_SPACES)
    if "<" in text:
        text = _TAG.sub(_blank_tag, text)
    if "&" in text:
        text = _ENTITY.sub(lambda m: (html.unescape(m[0])[:1].translate(_SPACES) or " ").ljust(len(m[0])), text)
    return text


def _blank_tag(match: re.Match[str]) -> str:
    return ("\n" if (match[1] or "").lower() in _BLOCK_TAGS else " ").ljust(len(match[0]))


@cache
def _headings(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    names = {"en": load("en", "sections")}
    if language != "en" and language in LANGUAGES:
        names[language] = load(language, "sections")
    table = {heading: section for sections in names.values() for section, rows in sections.items() for heading in rows}
    longest = sorted(table, key=len, reverse=True)
    words = "|".join(re.escape(heading).replace(r"\ ", r"[ ]+") for heading in longest)
    date_part = r"(?:\s*\(?\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}\)?)?"
    return re.compile(rf"({words}){date_part}\s*(?::+|[-–—=](?=\s|$)|$)", re.I), table


def read_sentences(text: str, *, day: date) -> Note:
    """The note's sentences in order, numbered from 1. Linear in the length of ``text``."""
    language = detect(text)
    working = clean(text)
    found: list[Sentence] = []
    dated: list[tuple[int, str]] = []  # index of the first sentence under a heading, the heading where it has a date
    section, heading, paragraph = "", "", 0
    pattern, table = _headings(language)
    lines = list(_lines(working))
    copying = False
    single = len(lines) == 1
    background = max(
        (start for start, end, _ in lines if _opens(pattern, table, working, start, end) in _BACKGROUND), default=0
    )
    whole = False  # whether the line of the heading said all that stands under it
    for start, end, blank_before in lines:
        if blank_before:
            paragraph += 1
        if whole and section in _LINE_ONLY and _PROSE.match(working, start, end):
            section, heading = "", ""
        line_section = section
        pasted, copying = _pasted(working[start:end], copying)
        for first, (begin, stop, bullet) in enumerate(_split(working, start, end)):
            match = pattern.match(working, begin, stop)
            if match and not (section == "plan" and match.end() >= stop and match[1].istitle() and ":" not in match[0]):
                name = table[re.sub(r"\s+", " ", match[1].lower())]
                under_plan = section in ("plan", "instructions") and not blank_before and (bullet or start > background)
                if under_plan and first == 0 and name in _LABELS and any(map(str.isalnum, working[match.end() : stop])):
                    name = section
                if name == "plan" and any(c.isdigit() for c in match[0]):
                    dated.append((len(found), match[0]))
                else:
                    dated.append((len(found), ""))
                heading = working[begin : match.end()].strip(" :-–—=")
                whole = any(map(str.isalnum, working[match.end() : stop]))
                line_section = name
                listed = name in ("allergies", "stopped") and any(map(str.isalnum, working[match.end() : stop]))
                if (first == 0 and not single and not listed) or name not in _LINE_ONLY:
                    section = name
                begin = match.end()
                while begin < stop and working[begin].isspace():
                    begin += 1
            elif (title := _title_end(working, begin, stop)) and first == 0:
                heading = working[begin:title].strip(" :.")
            elif first and line_section != section:
                line_section = section
            if begin < stop and any(c.isalnum() for c in working[begin:stop]):
                found.append(
                    Sentence(
                        number=len(found) + 1,
                        text=working[begin:stop],
                        start=begin,
                        end=stop,
                        section="previous" if pasted else line_section,
                        heading=heading,
                        bullet=bullet,
                        paragraph=paragraph,
                    )
                )
    return Note(text=text, day=day, language=language, sentences=tuple(_mark_previous(found, dated, day)))


def _opens(pattern: re.Pattern[str], table: dict[str, str], working: str, start: int, end: int) -> str:
    """The section that the heading opens with which a line begins; empty where it begins with none."""
    bullet = _BULLET.match(working, start, end)
    match = pattern.match(working, bullet.end() if bullet else start, end)
    return table[re.sub(r"\s+", " ", match[1].lower())] if match else ""


def _pasted(line: str, copying: bool) -> tuple[bool, bool]:
    """Whether a line was copied from elsewhere, by the marks around it, and whether the next ones are too."""
    opens, closes = _PASTE_OPENS.match(line), _PASTE_CLOSES.search(line)
    return bool(opens or copying), bool(((opens and opens["goes_on"]) or copying) and not closes)


def _mark_previous(found: list[Sentence], dated: list[tuple[int, str]], day: date) -> list[Sentence]:
    """Sentences under a plan of an earlier date, where a note holds several dated plans, are of an earlier visit."""
    plans = [(n, heading) for n, (_, heading) in enumerate(dated) if heading]
    if len(plans) < 2:
        return found
    today = [n for n, heading in plans if _is_dated(heading, day)] or [plans[-1][0]]
    for n, _ in plans:
        if n in today:
            continue
        first = dated[n][0]
        last = dated[n + 1][0] if n + 1 < len(dated) else len(found)
        found[first:last] = [replace(sentence, section="previous") for sentence in found[first:last]]
    return found


def _is_dated(heading: str, day: date) -> bool:
    numbers = [int(part) for part in re.findall(r"\d+", heading)]
    return day.day in numbers and day.month in numbers and (day.year in numbers or day.year % 100 in numbers)


def _title_end(working: str, begin: int, stop: int) -> int:
    """Where a short line that names a problem ends ("Hypertension.", "Right knee pain:"), else 0."""
    line = working[begin:stop]
    return stop if len(line) <= 60 and line.rstrip().endswith((".", ":")) and len(line.split()) <= 7 else 0


def _lines(working: str) -> Iterator[tuple[int, int, bool]]:
    """Spans of logical lines (wrapped ones joined), and whether a blank line stands before."""
    spans, at = [], 0
    for raw in working.split("\n"):
        spans.append((at, at + len(raw)))
        at += len(raw) + 1
    held: tuple[int, int, bool] | None = None
    blank = False
    for start, end in spans:
        line = working[start:end]
        if not line.strip():
            blank = True
            continue
        if held is not None and not blank and _continues(working[held[0] : held[1]], line):
            held = (held[0], end, held[2])
            continue
        if held is not None:
            yield held
        held, blank = (start, end, blank), False
    if held is not None:
        yield held


def _continues(before: str, line: str) -> bool:
    """Whether a line goes on with the sentence of the line before it."""
    tail, head = before.rstrip(), line.lstrip()
    if not tail or tail[-1] in ".!?:;|" or _BULLET.match(line) or len(before) > MAX_SENTENCE:
        return False
    if _SIG_LINE.match(line) and len(tail) < 90 and any(c.isdigit() for c in tail) and len(head) > 8:
        return "\t" not in tail and "|" not in tail
    last_line = tail.rsplit("\n", 1)[-1]
    return (len(last_line) >= 55 or tail[-1] == ",") and head[0].islower()


def _split(working: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Sentences of a line, each without its bullet and outer spaces; whether it had a bullet."""
    cuts = []
    for match in _STOP.finditer(working, start, end):
        if not _abbreviation(working, start, match, end):
            cuts.append(match.end())
    cuts += [
        match.start()
        for match in _INLINE_NUMBER.finditer(working, start, end)
        if not _COUNTED.search(working, max(start, match.start() - 14), match.start())
    ]
    at = start
    for cut in [*sorted(set(cuts)), end]:
        for begin, stop in _bounded(working, at, cut):
            bullet = _BULLET.match(working, begin, stop)
            while bullet and bullet.end() < stop:
                begin = bullet.end()
                again = _BULLET.match(working, begin, stop)
                if not again or working[begin].isdigit():
                    break
                bullet = again
            while begin < stop and working[begin].isspace():
                begin += 1
            while stop > begin and (working[stop - 1].isspace() or working[stop - 1] in "·|¦"):
                stop -= 1
            if begin < stop:
                yield begin, stop, bullet is not None
        at = cut


def _bounded(working: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_SENTENCE:
        cut = working.rfind(" ", start + MAX_SENTENCE // 2, start + MAX_SENTENCE)
        cut = cut if cut > 0 else start + MAX_SENTENCE
        yield start, cut
        start = cut
    yield start, end


def _abbreviation(working: str, start: int, match: re.Match[str], end: int) -> bool:
    """Whether a full stop belongs to a word ("Dr.", "p.r.n.") or a list's number and ends no sentence."""
    if working[match.start()] != "." or match.end() >= end:
        return False
    word = _LAST_WORD.search(working, max(start, match.start() - 12), match.start())
    if not word:
        return False
    token = word[0].lower().strip(".")
    following = working[match.end() : match.end() + 3].lstrip()
    if token in _FORMS and not _COUNT_BEFORE.search(working, max(start, word.start() - 8), word.start()):
        return True  # "Tab. Metformin": the form stands before the name
    if token in tuple(
        "mg ml mcg kg lb lbs tab tabs cap caps hr hrs wk wks min mins mo mos max etc oz vo im iv sc".split()
    ) or token.count("."):
        return not following[:1].isupper()
    if token in _ABBREVIATIONS:
        return token != "pt" or following[:1].islower() or working[word.start()].isupper()
    if token.isdigit() and len(token) <= 2:
        before = working[max(start, word.start() - 2) : word.start()].strip()
        if before[-1:] == ":" and before[:1].isdigit():
            return False  # "at 22:00.": a clock time ends its sentence
        return not before or before[-1] in ".;:"  # "2. PT to evaluate": the number opens the next sentence
    return len(token) == 1 and token.isalpha() and working[word.start()].isupper() and following[:1].isupper()
