"""What a text says in quantities: doses, how often, how long, from when, on which days. The guard's own reading.

Deliberately not the dose grammar: a flat list of patterns over folded text, each of which yields facts. It need not know
what belongs to what; it need only know whether the note holds a fact at all, in the stretch of text that is cited.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from typing import Any

from hospital_rt.extraction.lexicon import load

_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75", "⅓": ".333", "⅔": ".667", "⅛": ".125"}
DAYS = {
    "d": 1,
    "day": 1,
    "night": 1,
    "evening": 1,
    "morning": 1,
    "dia": 1,
    "noche": 1,
    "jour": 1,
    "nuit": 1,
    "j": 1,
    "w": 7,
    "week": 7,
    "wk": 7,
    "semana": 7,
    "semaine": 7,
    "sem": 7,
    "month": 30,
    "mth": 30,
    "mo": 30,
    "mes": 30,
    "mese": 30,
    "moi": 30,
    "year": 365,
    "yr": 365,
    "ano": 365,
    "an": 365,
}
_UNIT = r"(?P<unit>days?|nights?|evenings?|mornings?|d|weeks?|wks?|w|months?|mths?|mo|years?|yrs?|dias?|noches?|semanas?|sem|mes(?:es)?|anos?|jours?|nuits?|j|semaines?|mois|ans?)\b"
_N = r"(?P<n>\d+(?:\.\d+)?)(?:\s?(?:-|to|or|a|o|ou)\s?(?P<m>\d+(?:\.\d+)?))?"


@cache
def words() -> dict[str, Any]:
    """The guard's words, from ``lexicon/guard.yaml``."""
    data: dict[str, Any] = load("", "guard")
    return data


@cache
def pattern(name: str) -> re.Pattern[str]:
    """A list of words of ``guard.yaml`` as a pattern of whole words."""
    return re.compile(rf"(?<![\w/-])(?:{words()[name]})(?!\w)")


@lru_cache(256)
def fold(text: str) -> str:
    """Lower case without accents, one spelling for numbers: "1½" is 1.5, "two (2)" is 2, "b.i.d." is bid, "5/7" is 5 days."""
    for mark, value in _FRACTIONS.items():
        text = re.sub(rf"(\d?)\s?{mark}", lambda m, v=value: f" {m[1] or 0}{v}", text)  # type: ignore[misc]
    text = unicodedata.normalize("NFKC", text.replace("·", ".").replace("’", "'")).casefold()
    text = "".join(
        c
        for c in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(c) and unicodedata.category(c) != "Cf"
    )
    text = re.sub(r"&[a-z]{2,6};|[\u2010-\u2015]", lambda m: " " if m[0][0] == "&" else "-", text)
    text = re.sub(r"\b(?:[a-z]\.){2,}(?:[a-z]\b)?|\bq\.\s?(?=\d)", lambda m: m[0].replace(".", ""), text)
    text = re.sub(r"\b([bo])\.([dmn])\b", r"\1\2", text)
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    numbers = words()["numbers"]
    text = re.sub(r"\b[a-z]+\b", lambda m: str(numbers.get(m[0], m[0])), text)
    text = re.sub(r"\b(\d+)\s(?:and|y|et)\s(?:an?\s)?0\.5\b|\b(\d+) 1/2\b", lambda m: f"{m[1] or m[2]}.5", text)
    text = re.sub(r"\b([1-9]) 100\b", lambda m: f"{m[1]}00", text)  # five hundred
    text = re.sub(r"(?<![\d/.])1/2\b(?!\s?(?:mg|g|ml))", "0.5", text)
    text = re.sub(r"\b(\d+)\s\(\1\)", r"\1", text)
    text = re.sub(r"\b(\d+(?:\.\d+)?) times \(\1\)", r"\1 times", text)
    text = re.sub(
        r"(?<![\d/.])(\d{1,2}(?:-\d{1,2})?)/(7|52|12)\b(?!/|\s?(?:mg|ml|mcg|g|h|hrs?|hours?|horas?)\b)",
        lambda m: f"{m[1]} {dict(zip(('7', '52', '12'), ('days', 'weeks', 'months'), strict=True))[m[2]]}",
        text,
    )
    text = re.sub(r"\b([a-z]{2,4})?x(?=\d)", lambda m: f"{m[1] or ''} x ", text)
    text = re.sub(r"\b24\s?/\s?7\b", " ", text)
    return re.sub(r"\s+", " ", text)


def clear_caches() -> None:
    """Forget the texts of the note just judged."""
    fold.cache_clear()
    read.cache_clear()


@dataclass(slots=True)
class Facts:
    """The quantities of a text. ``doses`` are (kind of unit, amount in its base unit)."""

    numbers: set[float] = field(default_factory=set)
    doses: set[tuple[str, float]] = field(default_factory=set)
    times: set[int] = field(default_factory=set)
    hours: set[int] = field(default_factory=set)
    every: set[int] = field(default_factory=set)
    per_week: set[int] = field(default_factory=set)
    weekdays: set[int] = field(default_factory=set)
    durations: list[int] = field(default_factory=list)
    starts: set[int] = field(default_factory=set)
    weekday_starts: set[int] = field(default_factory=set)  # the next two of each weekday that is named
    ends: set[int] = field(default_factory=set)  # days from the note on which something ends
    clocks: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    counts: set[int] = field(default_factory=set)  # doses in all
    limits: set[int] = field(default_factory=set)
    open: bool = False  # "long term", "until seen": an end that is no number of days
    text: str = field(default="", repr=False)


_TIMES = {
    1: r"od|qd|q\.? day|q\.? d\b|q ?24 ?h\w*|daily|dly|every day|each day|(?:a|per|al|por|par|/) ?(?:day|d|dia|jour|j)\b|nightly|diari[oa]|todos los dias|cada dia|tous les (?:jours|soirs|matins)|every (?:morning|evening|night|single day)|each (?:morning|evening|night)|chaque (?:jour|matin|soir)|todas las (?:mananas|noches)|cada (?:manana|noche)|cada 24 h\w*|stat|1 times|1 ?x|1 a day|mane|nocte|om|qhs|hs|qn|qam|at night|at bedtime|in the (?:morning|evening)",
    2: r"bid|bd|bds|q ?12 ?h\w*|2 times|12/12 ?h",
    3: r"tid|tds|q ?8 ?h\w*|8/8 ?h|before meals|after meals|each meal|every meal|each main meal|with meals|chaque repas|cada comida",
    4: r"qid|qds|q ?6 ?h\w*|6/6 ?h",
}
_EVERY = {
    2: r"every other (?:day|night|morning|evening)|alt(?:ernate|ernating|\.)? (?:days?|nights?|mornings?|evenings?)|qod|eod|every 2nd day|every second day|dias alternos|dia por medio|un jour sur 2|cada 2 dias",
    3: r"every third day",
    4: r"every fourth day",
    7: r"weekly|(?<!for )(?<!in )(?<!over )(?<!within )(?<!than )(?:a|per|each|every|/|q) ?(?:week|wk)\b|semanal|(?:por|a la|cada) semana|par semaine|chaque semaine",
    14: r"fortnightly|every (?:other|second) week|(?:a|every|each) 2 weeks|biweekly|alternate weeks|quincenal|every second \w+day",
    30: r"monthly|(?<!for )(?<!in )(?<!over )(?<!within )(?:a|per|each|every) month|mensual|al mes|cada mes|par mois|chaque mois|of (?:each|every|the) month|de cada mes",
    365: r"yearly|annually|(?:a|per|every) year",
}
_OPEN = re.compile(
    r"\b(?:until|till|while|whilst|as long as|throughout|during|long[- ]term|lifelong|for life|indefinite\w*|ongoing|hasta|mientras|jusqu|tant que)\b"
)


def _rows(text: str, regex: str) -> Any:
    return re.finditer(regex, text)


@lru_cache(256)
def read(text: str, day: date) -> Facts:
    """The facts of a text that was written on ``day``; ``text`` as ``fold`` leaves it."""
    f = Facts(text=text)
    f.numbers = {float(n) for n in re.findall(r"(?<![a-z\d.])-?\d+(?:\.\d+)?|(?<=[a-z])\d+(?:\.\d+)?|\.\d+", text)}
    _doses(f, text)
    _times(f, text)
    _intervals(f, text)
    _parts(f, text)
    _durations(f, text)
    _weekdays(f, text, day)
    _dates(f, text, day)
    _labelled_days(f, text)
    _clocks(f, text)
    f.open = bool(_OPEN.search(text))
    for m in _rows(text, r"(?:max\w*|no more than|not more than|up to|at most|maximo|no mas de|limit) ?(?:of )?(\d+)"):
        f.limits.add(int(m[1]))
    return f


def _times(f: Facts, text: str) -> None:
    """How often a day, a week or a month."""
    for n, row in _TIMES.items():
        if re.search(rf"(?<![\w.])(?:{row})(?!\w)", text):
            f.times.add(n)
    for m in _rows(
        text,
        rf"{_N} ?(?:times?|x|veces|vez|fois|doses|tomas|prises)(?! ?\d)(?: ?(?:a|per|each|every|in|/|al|por|par|cada|a la|the)* ?(?P<p>daily|day|d|24|dia|jour|j|weekly|week|wk|monthly|semana|semaine|month|mes|mois)\b)?",
    ):
        numbers = {int(float(m[k])) for k in ("n", "m") if m[k]}
        if not m["p"] and re.search(r"doses|tomas|prises", m[0]):
            continue
        if (m["p"] or "day")[0] in "wWs":
            f.per_week |= numbers
        elif (m["p"] or "day")[0] == "m":
            f.every |= {30 // n for n in numbers if 0 < n <= 30}
        else:
            f.times |= numbers
    for m in _rows(
        text,
        rf"{_N} ?(?:days|nights|sessions|dias|sesiones|seances) ?(?:a|per|each|/|every|a la|por|par|of the) ?(?:week|wk|semana|semaine)",
    ):
        f.per_week |= {int(float(m[k])) for k in ("n", "m") if m[k]}
    for m in _rows(text, r"(?<![\d.])(\d{1,2}) ?/ ?(?:day|d|dia|jour|j)\b|\ben (\d) (?:prises|tomas)\b"):
        f.times.add(int(m[1] or m[2]))
    if re.search(r"(?:cp|comprimes?|gelules?|inhalations?|bouffees?|sachets?|gouttes?)/ ?(?:jour|j)\b", text):
        f.times.add(1)


def _intervals(f: Facts, text: str) -> None:
    """Every so many hours, days, weeks or months."""
    for n, row in _EVERY.items():
        if re.search(rf"(?<!\w)(?:{row})(?!\w)", text):
            f.every.add(n)
    for m in _rows(
        text,
        rf"(?:every|each|q|cada|c ?/|toutes les) ?{_N} ?(?:hours?|hrs?|h|horas?|heures?|hourly|hrly)\b|\b(?P<k>\d+) ?-?(?:hourly|hrly|hly)\b|\b(\d+)/\4 ?(?:hrs?|h|hours?|horas?)\b",
    ):
        for n in {int(float(m[k])) for k in ("n", "m", "k", 4) if m[k]}:
            if n % 24 == 0:
                f.every.add(n // 24)
            f.hours.add(n)
    if re.search(r"\b(?:hourly|every hour|each hour|cada hora|1 times an hour)\b", text):
        f.hours.add(1)
    for m in _rows(
        text, rf"(?:every|each|q|cada|tous les|toutes les) ?{_N} ?-?{_UNIT}|\b(?P<k>\d+) (?P<p>weekly|monthly)\b"
    ):
        if m["k"]:
            f.every.add(int(m["k"]) * (7 if m["p"] == "weekly" else 30))
        else:
            f.every |= {days_of(m[k], m["unit"]) for k in ("n", "m") if m[k]}


def _parts(f: Facts, text: str) -> None:
    """Parts of the day, also as doses for each of them: 1-0-1."""
    for m in _rows(text, r"(?<![\w/.])([\d.]+)-([\d.]+)-([\d.]+)(?:-([\d.]+))?(?![\w/-])"):
        given = [
            p
            for p, n in zip(("morning", "noon", "evening", "bedtime"), m.groups(), strict=True)
            if n and float(n.strip(".") or 0)
        ]
        f.times.add(len(given))
        f.parts |= set(given)
    for part, row in words()["parts"].items():
        if re.search(rf"(?<!\w)(?:{row})(?!\w)", text):
            f.parts.add(part)


def _doses(f: Facts, text: str) -> None:
    for kind, factor, names in words()["units"]:
        row = "|".join(re.escape(n) for n in names.split())
        # "7 big tablets" are seven tablets
        word = (
            ""
            if kind in ("mass", "volume", "unit", "percent")
            else r"(?:(?!days?|weeks?|months?|hours?|times?|mg|ml|g|mcg|x|and|or|to|of)[a-z]+ )?"
        )
        for m in _rows(
            text,
            rf"(?<![a-z\d.])(\d+(?:\.\d+)?|\.\d+)(?: ?(?:-|to|or|a) ?(\d+(?:\.\d+)?))? ?-?{word}(?:{row})(?![a-z\d])(/(?:kg|m2|day))?",
        ):
            for n in m.groups()[:2]:
                if n:
                    f.doses.add((kind + (m[3] or "") if m[3] == "/kg" else kind, round(float(n) * factor, 6)))


def days_of(n: str, unit: str) -> int:
    unit = unit if unit in DAYS else unit.rstrip("s") if unit.rstrip("s") in DAYS else unit[:3]
    return round(float(n) * DAYS.get(unit, 1))


def _durations(f: Facts, text: str) -> None:
    for m in _rows(
        text, rf"(?P<before>\w+ )?(?<![\w.]){_N} ?-?(?:more |further |consecutive |full |of )*{_UNIT}(?P<after> \w+)?"
    ):
        before, after = (m["before"] or "").strip(), (m["after"] or "").strip()
        days = [days_of(m[k], m["unit"]) for k in ("n", "m") if m[k]]
        if before in ("in", "after", "dentro", "en", "dans") or after in ("later", "time", "from"):
            f.starts |= set(days)
            continue
        if (
            before in ("every", "each", "cada")
            or after in ("ago", "old")
            or re.match(r" ?(?:a|per|/) ?(?:week|wk)", text[m.end("unit") :])
        ):
            continue
        f.durations += days
    step = r"(?:increas|reduc|decreas|lower|taper|titrat|drop|go up|go down)\w*(?: [a-z]+)?(?: by [\d.]+ ?\w*)?\s+"
    for m in _rows(text, rf"\b{step}(?:every|each) (?:{_N} ?-?)?{_UNIT}"):
        f.durations.append(days_of(m["n"] or "1", m["unit"]))  # a step down each week: the first dose lasts a week
    for m in _rows(text, r"(?<![\d.])(24|48|72|96) ?(?:h|hrs?|hours|horas|heures)\b"):
        f.durations.append(int(m[1]) // 24)
    for m in _rows(
        text,
        rf"\b(?:a|an|the|another|next|first|following|this|un|una|la|le|premiere|primera|whole|following|coming|one)(?: full| whole| entire)? {_UNIT}(?! \w+ ago)",
    ):
        length = days_of("1", m["unit"])
        if length > 1:
            f.durations.append(length)
        f.starts.add(length)
    for m in _rows(
        text,
        r"#\s?(\d+)|(?:x|total of|disp\w*|supply|supplied|for) ?(\d+)(?= doses| tablets| capsules| sachets|\b(?! ?[a-z]))|(\d+) (?:more )?(?:doses|tablets|capsules|tabs|caps)\b",
    ):
        f.counts |= {int(g) for g in m.groups() if g}


def _weekdays(f: Facts, text: str, day: date) -> None:
    """Weekdays, and the days from the note on which they next are."""
    for m in _rows(text, r"\b(" + "|".join(words()["weekdays"]) + r")\b"):
        f.weekdays.add(words()["weekdays"][m[1]])
    if re.search(r"\b(?:weekdays|working days?|workdays?)\b", text):
        f.weekdays |= {0, 1, 2, 3, 4}
    if re.search(r"\bweekends?\b", text):
        f.weekdays |= {5, 6}
    if m := re.search(r"\b(mon|tue|wed|thu|fri|sat|sun)\w*(?: to | through | ?- ?)(mon|tue|wed|thu|fri|sat|sun)", text):
        a, b = words()["weekdays"][m[1]], words()["weekdays"][m[2]]
        f.weekdays |= {(a + n) % 7 for n in range((b - a) % 7 + 1)}
    if re.search(r"\b(?:except|not on|other days|excepto|salvo|rest of the week)\b", text):
        f.weekdays |= set(range(7))
    for weekday in f.weekdays:
        offset = (weekday - day.weekday()) % 7
        f.weekday_starts |= {offset, offset + 7}
        f.ends |= {offset or 7, offset + 7}


def _dates(f: Facts, text: str, day: date) -> None:
    """Dates and the next day or week, as days from the note."""
    if re.search(r"\b(?:tomorrow|manana|demain|next day|day after|following day)\b", text):
        f.starts.add(1)
        f.ends.add(1)
    if re.search(r"\b(?:next week|from next week)\b", text):
        f.starts |= {7, 7 - day.weekday()}
    months = words()["months"]
    names = "|".join(months)
    dates = [(months[m[2]], int(m[1])) for m in _rows(text, rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of |de )?({names})\b")]
    dates += [(months[m[1]], int(m[2])) for m in _rows(text, rf"\b({names}) (\d{{1,2}})(?:st|nd|rd|th)?\b")]
    for m in _rows(text, r"(?<![\d/.])(\d{1,2})[/.](\d{1,2})(?:[/.](?:20)?\d\d)?(?![\d/])"):
        dates += [(int(m[1]), int(m[2])), (int(m[2]), int(m[1]))]
    for month, number in dates:
        for year in (day.year, day.year + 1):
            try:
                days = (date(year, month, number) - day).days
            except ValueError:
                continue
            if 0 <= days <= 366:
                f.starts.add(days)
                f.ends.add(days)
    for m in _rows(text, r"\b(\d{4})-(\d\d)-(\d\d)\b"):
        try:
            f.ends.add((date(int(m[1]), int(m[2]), int(m[3])) - day).days)
            f.starts.add((date(int(m[1]), int(m[2]), int(m[3])) - day).days)
        except ValueError:
            continue


def _labelled_days(f: Facts, text: str) -> None:
    """Days and weeks with a number: "day 1 to 5"."""
    for m in _rows(text, r"\b(week|wk|day)s? (\d{1,3})(?: ?(?:-|to|through|until) ?(?:day |week )?(\d{1,3}))?"):
        scale = 1 if m[1] == "day" else 7
        first, last = int(m[2]), int(m[3] or m[2])
        f.starts |= {(first - 1) * scale, first * scale}
        f.durations.append((last - first + 1) * scale)
        f.ends |= {last * scale - 1}
    if re.search(r"from the (?:second|2nd) week", text):
        f.starts.add(7)


def _clocks(f: Facts, text: str) -> None:
    """Clock times."""
    f.clocks |= {_clock(m[1], m[2], m[3]) for m in _rows(text, r"(?<![\d/.])(\d{1,2})(?:[:.h](\d\d))? ?([ap])\.?m?\b")}
    halves = r"(?:at|around|about) (\d{1,2})(?: o'?clock)? (?:in the (morning|afternoon|evening)|at (night))\b"
    f.clocks |= {_clock(m[1], None, "a" if m[2] == "morning" else "p") for m in _rows(text, halves)}
    f.clocks |= {_clock(m[1], m[2], None) for m in _rows(text, r"(?<![\d/])(\d{1,2}):(\d\d)\b")}
    if re.search(r"\b(?:noon|mediodia|midi)\b", text):
        f.clocks.add("12:00")
    if re.search(r"\bmidnight\b", text):
        f.clocks.add("00:00")


def _clock(hour: str, minute: str | None, half: str | None) -> str:
    number = int(hour)
    if half:
        number = number % 12 + (12 if half == "p" else 0)
    return f"{number:02d}:{minute or '00'}"
