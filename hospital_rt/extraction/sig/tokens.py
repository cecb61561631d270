"""Tokens of a dose instruction: numbers in all their spellings, clock times, dates, words.

One regular expression cuts the text; a second pass, with the language's word tables, joins what is one number or one
set of weekdays: "2 (two)", "one and a half", "4-6", "1½", "three times", "Mon/Wed/Fri". Linear in the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3}
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_LEXER = re.compile(
    r"""
    (?P<skip>\s+|&\#?\w{1,8};|</?[a-z][^<>]{0,80}>|[*_`•·]+)
  | (?P<dial>(?<![\w/.-])[\d½¼](?:/\d)?\s?-\s?[\d½¼](?:/\d)?\s?-\s?[\d½¼](?:/\d)?(?:\s?-\s?[\d½¼](?:/\d)?)?(?![\w/-]|\.\d))
  | (?P<arrow>-+>|→|=>)
  | (?P<iso>\b\d{4}-\d\d-\d\d\b)
  | (?P<dmy>(?<![\d/])\d{1,2}[/.]\d{1,2}[/.](?:20)?\d\d(?![\d/]))
  | (?P<clock>\b(?:[01]?\d|2[0-3]):[0-5]\d\s?(?:[ap]\.?m\b\.?|(?:hrs?|h)\b)?|\b(?:[01]?\d|2[0-3])\.[0-5]\d\s?[ap]\.?m\b\.?|\b(?:1[0-2]|0?[1-9])\s?[ap]\.?m\b\.?
             |\b(?:1[0-2]|[1-9])p\b|\b(?:[01]\d|2[0-3])[0-5]\d\s?(?:hrs|h)\b)
  | (?P<slash>(?<![\d/.,])\d{1,4}(?:-\d{1,2})?\s?/\s?\d{1,4}(?![\d/]|[.,]\d))
  | (?P<num>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:[.,]\d+)?[½¼¾⅓⅔]?|\.\d+|[½¼¾⅓⅔])
  | (?P<qh>\bq\.\s?(?=\d))
  | (?P<dotted>\b(?:[a-z]\.){1,4}[a-z]\b\.?|\b(?:[a-z]\.){2,4}|\b(?:alt|tab|cap|inj|wk|hr|hrs|approx|max|min)\.(?=\s*[a-z\d]))
  | (?P<word>[^\W\d_]{2,}(?=[x×]\d)|[^\W\d_]+(?:['’][^\W\d_]+)*)
  | (?P<punct>\S)
    """,
    re.I | re.X,
)


@dataclass(slots=True)
class Token:
    """A token of the text: ``kind`` is num, times, span, slash, dial, date, clock, weekdays, word or punct."""

    kind: str
    lower: str
    start: int
    end: int
    value: Any = None
    high: float | None = None  # upper end of a range
    slots: dict[str, Any] | None = None  # what it can stand for in a pattern; filled when asked for

    @property
    def number(self) -> float:
        return float(self.value)


def number(text: str) -> float:
    """The value of a number as written: "1,000", "2,5", "1½", "0.5".

    >>> number("50,000"), number("2,5"), number("1½")
    (50000.0, 2.5, 1.5)
    """
    extra = 0.0
    if text[-1] in FRACTIONS:
        extra, text = FRACTIONS[text[-1]], text[:-1]
    if not text:
        return extra
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    return float(text.replace(",", ".")) + extra


def _clock(text: str) -> str | None:
    digits = re.findall(r"\d+", text)
    hour, minute = int(digits[0]), int(digits[1]) if len(digits) > 1 else 0
    if len(digits[0]) == 4:
        hour, minute = divmod(hour, 100)
    low = text.lower()
    if "p" in low:
        hour = hour % 12 + 12
    elif "a" in low:
        hour %= 12
    return f"{hour:02d}:{minute:02d}" if hour < 24 else None


def _full_date(text: str) -> date | None:
    a, b, year = (int(part) for part in re.split(r"[/.]", text))
    year += 2000 if year < 100 else 0
    if a == b or a > 12 or b > 12:
        day, month = (b, a) if b > 12 else (a, b)
        try:
            return date(year, month, day)
        except ValueError:
            return None
    return None  # 3/4/2026 is two days


def cut(text: str) -> list[Token]:
    """The raw tokens of ``text``, white space and markup left out."""
    out: list[Token] = []
    for match in _LEXER.finditer(text):
        kind = match.lastgroup or "punct"
        if kind == "skip":
            continue
        raw = match.group()
        token = Token(kind, raw.lower().replace("’", "'"), match.start(), match.end())
        if kind == "num":
            token.value = number(raw)
        elif kind == "dial":
            token.value = [number(p) if "/" not in p else 0.5 for p in re.split(r"\s?-\s?", raw)]
        elif kind == "iso":
            try:
                token.kind, token.value = "date", date.fromisoformat(raw)
            except ValueError:
                token.kind = "punct"
        elif kind == "dmy":
            token.value = _full_date(raw)
            token.kind = "date" if token.value else "dmy"
        elif kind == "clock":
            token.value = _clock(raw)
        elif kind in ("dotted", "qh"):
            token.kind, token.lower = "word", token.lower.replace(".", "").strip()
        out.append(token)
    return out


class Joiner:
    """Joins raw tokens with one language's words for numbers, times and weekdays."""

    def __init__(self, words: dict[str, Any]) -> None:
        self.numbers: dict[str, float] = words["numbers"]
        self.halves: set[str] = set(words["halves"])
        self.wholes: set[str] = set(words["wholes"])
        self.then: set[str] = set(words["then"])
        self.forms: set[str] = set(words["forms"])
        self.times_words: set[str] = set(words["times_words"])
        self.times: dict[str, int] = words["times"]
        self.to: set[str] = {"-", "–", "—", *words["range"]}
        self.joins: set[str] = set(words["and"])
        self.articles: set[str] = set(words["articles"])
        self.weekdays: dict[str, str] = words["weekdays"]
        self.hours: set[str] = set(words["hours"])
        self.month: dict[str, int] = words["months"]
        self.ordinals: dict[str, int] = words["ordinals"]
        self.changes: set[str] = set(words.get("changes", ()))
        self.mass: set[str] = set(words["mass"])

    def join(self, text: str) -> list[Token]:
        tokens = cut(text)
        for step in (self._values, self._doubled, self._halves, self._ranges, self._times, self._dates, self._days):
            tokens = step(tokens)
        return tokens

    def _values(self, tokens: list[Token]) -> list[Token]:
        for i, t in enumerate(tokens):
            if t.kind == "slash":
                self._slash(t, tokens[i + 1] if i + 1 < len(tokens) else None)
            elif t.kind == "word" and t.lower in self.numbers:
                t.kind, t.value = "num", self.numbers[t.lower]
        return tokens

    def _slash(self, t: Token, after: Token | None) -> None:
        first, second = re.split(r"\s?/\s?", t.lower)[:2]
        low, _, high = first.partition("-")
        a, b = int(low), int(second)
        if a == b and after and after.lower in self.hours:  # 12/12h
            t.kind, t.value = "hourly", a
        elif (
            b in (7, 52, 12)
            and 0 < a <= 60
            and not (after and after.lower in ("mg", "mcg", "ml", "g", "tab", "tablet"))
        ):
            scale = {7: 1, 52: 7, 12: 30}[b]
            t.kind, t.value, t.high = "span", a * scale, int(high) * scale if high else None
        elif b in (2, 3, 4) and a < b:
            t.kind, t.value = "num", a / b

    def _doubled(self, tokens: list[Token]) -> list[Token]:
        out: list[Token] = []
        i = 0
        while i < len(tokens):
            t = tokens[i]
            inner = tokens[i + 1 : i + 4]
            if (
                t.kind == "num"
                and [x.lower for x in inner[::2]] == ["(", ")"]
                and inner[1].kind == "num"
                and inner[1].value == t.value
            ):
                t.end = inner[2].end
                i += 3
            out.append(t)
            i += 1
        return out

    def _halves(self, tokens: list[Token]) -> list[Token]:
        out: list[Token] = []
        i = 0
        while i < len(tokens):
            t = tokens[i]
            j = i + 1
            if t.kind == "num" and t.high is None:
                if t.value == 1 and j < len(tokens) and tokens[j].kind == "word" and tokens[j].lower in self.halves:
                    t.value, t.end, j = 0.5, tokens[j].end, j + 1  # one half
                elif (
                    j < len(tokens)
                    and tokens[j].kind == "num"
                    and tokens[j].value in (0.5, 0.25, 0.75)
                    and t.value >= 1
                ):
                    t.value, t.end = t.value + tokens[j].value, tokens[j].end  # 1 1/2
                    j += 1
                elif j < len(tokens) and tokens[j].lower in self.joins:
                    k = j + 1
                    while k < len(tokens) and tokens[k].lower in self.articles:
                        k += 1
                    if k < len(tokens) and (tokens[k].lower in self.halves or tokens[k].value == 0.5):
                        t.value, t.end, j = t.value + 0.5, tokens[k].end, k + 1  # one and a half
            elif t.lower in self.wholes and j < len(tokens) and tokens[j].lower in self.forms:
                t.kind, t.value = "num", 1
                if out and (out[-1].lower in self.articles or out[-1].value == 1):
                    t.start = out.pop().start  # a full tablet, one full tablet
            elif t.lower in self.articles and j < len(tokens) and tokens[j].lower in self.forms:
                if out and out[-1].lower in self.then:
                    t.kind, t.value = "num", 1  # half a tablet for a week, then a tablet
            elif t.kind == "word" and t.lower in self.halves:
                t.kind, t.value = "num", 0.5
                if j < len(tokens) and tokens[j].lower in self.articles:
                    j += 1
            out.append(t)
            i = j
        return out

    def _ranges(self, tokens: list[Token]) -> list[Token]:
        out: list[Token] = []
        i = 0
        while i < len(tokens):
            t = tokens[i]
            if (
                t.kind == "num"
                and i + 2 < len(tokens)
                and tokens[i + 1].lower in self.to
                and tokens[i + 2].kind == "num"
                and (tokens[i + 2].value > t.value or self._is_strength(tokens, i))
                and not (out and out[-1].lower == "-")
                and not self._is_change(tokens, i)
            ):
                t.high, t.end = max(t.number, tokens[i + 2].number), tokens[i + 2].end
                i += 2
            out.append(t)
            i += 1
        return out

    def _is_strength(self, tokens: list[Token], i: int) -> bool:
        """Whether "875-125 mg" is the strength of a combination: the larger number first, no space, no verb of change."""
        close = tokens[i].end == tokens[i + 1].start and tokens[i + 1].end == tokens[i + 2].start
        unit = tokens[i + 3].lower if i + 3 < len(tokens) else ""
        changed = any(t.lower in self.changes for t in tokens[max(0, i - 6) : i])
        return close and tokens[i + 1].lower == "-" and unit in self.mass and not changed

    def _is_change(self, tokens: list[Token], i: int) -> bool:
        """Whether "40 to 80 mg" says from which dose to which, behind a verb of change, and no range."""
        unit = tokens[i + 3].lower if i + 3 < len(tokens) else ""
        return (
            unit in self.mass
            and tokens[i + 1].kind == "word"
            and any(t.lower in self.changes for t in tokens[max(0, i - 6) : i])
        )

    def _times(self, tokens: list[Token]) -> list[Token]:
        out: list[Token] = []
        i = 0
        while i < len(tokens):
            t = tokens[i]
            after = tokens[i + 1] if i + 1 < len(tokens) else None
            third = tokens[i + 2] if i + 2 < len(tokens) else None
            if t.kind == "word" and t.lower in self.times:
                t.kind, t.value = "times", self.times[t.lower]
            elif (
                t.kind == "num"
                and after
                and after.lower in self.times_words
                and not (after.lower in "x×" and third and third.kind in ("num", "span"))
                and float(t.value).is_integer()
            ):
                t.kind, t.end = "times", after.end
                i += 1
            out.append(t)
            i += 1
        return out

    def _dates(self, tokens: list[Token]) -> list[Token]:
        """Day and month: "12 March", "March 12th", "Sept 21"; the value is (month, day)."""
        out: list[Token] = []
        i = 0
        while i < len(tokens):
            t = tokens[i]
            month = self.month.get(t.lower)
            rest = [x.lower for x in tokens[i + 1 : i + 4]]
            if t.kind == "num" and float(t.value).is_integer() and 1 <= t.value <= 31:
                j = 1 + (bool(rest) and rest[0] in ("st", "nd", "rd", "th"))
                j += len(rest) >= j and rest[j - 1] in ("of", "de", "du")
                if len(rest) >= j and rest[j - 1] in self.month and t.high is None:
                    t.kind, t.value, t.end = "date", (self.month[rest[j - 1]], int(t.value)), tokens[i + j].end
                    i += j
            elif month and rest and tokens[i + 1].kind == "num" and tokens[i + 1].value in range(1, 32):
                t.kind, t.value, t.end = "date", (month, int(tokens[i + 1].value)), tokens[i + 1].end
                i += 1
                if len(rest) > 1 and rest[1] in ("st", "nd", "rd", "th"):
                    t.end = tokens[i + 1].end
                    i += 1
            elif t.kind == "slash" and t.lower.count("/") == 1:
                a, b = (int(x) for x in re.split(r"\s?/\s?", t.lower.split("-")[-1]))
                if 1 <= a <= 12 < b <= 31 or 1 <= b <= 12 < a <= 31:
                    t.value = (min(a, b), max(a, b))
            out.append(t)
            i += 1
        return out

    def _days(self, tokens: list[Token]) -> list[Token]:
        """Runs of weekdays: "Mon/Wed/Fri", "Monday, Wednesday and Friday", "Mon to Fri"; the value is a sorted list."""
        out: list[Token] = []
        i = 0
        while i < len(tokens):
            t = tokens[i]
            if t.kind == "word" and t.lower in self.weekdays:
                found, between, last, j = [self.weekdays[t.lower]], [], t, i + 1
                while j < len(tokens):
                    k = j
                    while (
                        k < len(tokens)
                        and k - j < 3
                        and (
                            tokens[k].lower in self.joins
                            or tokens[k].lower in (",", "/", "-", "–", "on")
                            or tokens[k].lower in self.to
                        )
                    ):
                        k += 1
                    if k >= len(tokens) or tokens[k].lower not in self.weekdays:
                        break
                    between += [x.lower for x in tokens[j:k]]
                    found.append(self.weekdays[tokens[k].lower])
                    last, j = tokens[k], k + 1
                if len(found) == 2 and between and between[0] in self.to:
                    a, b = WEEK.index(found[0]), WEEK.index(found[1])
                    found = [WEEK[(a + d) % 7] for d in range((b - a) % 7 + 1)]
                t = Token("weekdays", t.lower, t.start, last.end, sorted(set(found), key=WEEK.index))
                i = j - 1
            out.append(t)
            i += 1
        return out
