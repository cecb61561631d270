"""How often: frequency words and abbreviations, English, French and Spanish.

One promise: what is a limit ("at most four times a day") is never read as a rhythm, and what names a rhythm twice
("once WEEKLY, every Monday") is read once. Works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from hospital_rt.extraction.amounts import NUMBER, whole
from hospital_rt.extraction.dates import WEEKDAY, weekday_of
from hospital_rt.extraction.memo import remembered

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class Often:
    """One expression of frequency. ``slot`` is a part of the day or a meal that it names instead of a number."""

    times: int = 1
    every_days: int = 1
    every_hours: int | None = None
    weekdays: tuple[int, ...] = ()
    slot: str | None = None
    limit: bool = False
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What all expressions of a clause come to."""

    times: int = 1
    every_days: int = 1
    every_hours: int | None = None
    weekdays: tuple[int, ...] = ()


_A = r"(?:a|per|each|every|in the|the|/|par|chaque|por|al|cada|a la|in a|in)"
_TIMES = r"(?:x|times|time|fois|veces|vez)"
_N = rf"(?P<n>{NUMBER})"
_EVERY = r"(?:every|each|q\.?|chaque|tou(?:s|tes) les|cada|all)"


def _per_day(m: Match) -> Often:
    return Often(times=_count(m))


def _count(m: Match) -> int:
    groups = m.groupdict()
    word = groups.get("w") or ""
    if word:
        return {"once": 1, "one time": 1, "twice": 2, "thrice": 3}[word]
    return whole(groups.get("n") or "1")


def _per_week(m: Match) -> Often:
    n = _count(m)
    return Often(times=1, every_days=max(1, 7 // n)) if 0 < n <= 7 else Often(times=0)


def _hours(m: Match) -> Often:
    hours = whole(m["n"])
    if hours in {48, 72, 96, 168}:
        return Often(every_days=hours // 24)
    return Often(times=-(-24 // hours), every_hours=hours) if 0 < hours <= 24 else Often(times=0)


def _days(m: Match) -> Often:
    return Often(every_days=whole(m["n"]))


def _weeks(m: Match) -> Often:
    return Often(every_days=7 * whole(m["n"]))


def _months(m: Match) -> Often:
    return Often(every_days=30 * whole(m["n"]))


def _said(**words: Any) -> Callable[[Match], Often]:
    return lambda _m: Often(**words)


def _scheme(m: Match) -> Often:
    return Often(times=sum(part != "0" for part in re.split(r"\s?-\s?", m.group())))


def _daily_range(m: Match) -> Often:
    first, last = weekday_of(m["a"]), weekday_of(m["b"])
    if first is None or last is None:
        return Often(times=0)
    return Often(every_days=7, weekdays=tuple((first + n) % 7 for n in range((last - first) % 7 + 1)))


def _weekday_list(m: Match) -> Often:
    found = [weekday_of(w.group()) for w in re.finditer(rf"\b{WEEKDAY}\b", m.group())]
    return Often(every_days=7, weekdays=tuple(dict.fromkeys(d for d in found if d is not None)))


def _slot(name: str, **words: Any) -> Callable[[Match], Often]:
    return lambda _m: Often(slot=name, **words)


_ONCE = r"(?P<w>once|twice|thrice|one time)"
_DAY = r"(?:day|24 ?h(?:ours?|rs?)?|jours?|j|dia|24 heures|24 horas)"
_AT = rf"(?:in the|at|{_EVERY}|le|la|por la|a la|en la|de|todas las|toda|du|au|every single)"
_MEAL = (
    r"(?:with|w/?|before|after|at|and|avec|avant|apres|au|con|antes de(?:l| la)?|despues de(?:l| la)?|en el|en la|"
    r"a la|,|"
    r"&|\+|"
    r"y|et|each|every|your|the|el|la|le)"
)
_JOIN = r"\s?(?:,|/|-|&|and|et|y|,\s?and)\s?(?:on )?"
_LIST = rf"{WEEKDAY}(?:{_JOIN}{WEEKDAY})+"

_DOSE = ("mg", "mcg", "ml", "tab", "tabs", "units", r"\dg")


def _after(word: str, *before: str) -> str:
    """A word right after one of ``before``: looked for by the word, which is quicker than by what stands before it."""
    return rf"\b{word}\b(?:" + "|".join(rf"(?<={b} {word})" for b in before) + ")"


_PATTERNS: list[tuple[re.Pattern[str], Callable[[Match], Often]]] = [
    (re.compile(words), build)
    for words, build in (
        # every so many hours, days, weeks, months
        (rf"\b{_EVERY} ?{_N}(?: ?(?:-|to|or|a) ?\d+)? ?(?:hours?|hrs?|h|heures?|horas?)\b", _hours),
        (rf"\b{_N}[- ](?:hourly|hrly)\b|\bq ?\.?(?P<n2>\d+) ?(?:h|hr|hrs|hourly)\b", lambda m: _hours_of(m)),
        (r"\b(?:hourly|every ho?u?r|each ho?u?r|toutes les heures|cada hora)\b", _said(times=24, every_hours=1)),
        (r"\b(?:every other|every second|every 2nd|each alternate|alternate|alternating) days?\b", _said(every_days=2)),
        (
            r"\b(?:qod|eod|q2d|alt\.? days?|alt\.? d\b|un jour sur deux|1 jour sur 2|un dia si y otro no|"
            r"(?:en )?dias alternos)\b",
            _said(every_days=2),
        ),
        (r"\b(?:every other|alternate|alt\.?) (?:nights?|mornings?|evenings?)\b", _said(every_days=2)),
        (r"\b(?:every third|every 3rd) day\b", _said(every_days=3)),
        (r"\b(?:every other|every second|every 2nd|alternate) weeks?\b", _said(every_days=14)),
        (r"\b(?:every other|every second|alternate) months?\b", _said(every_days=60)),
        (rf"\b(?:{_EVERY} ?{_N} ?(?:days?|jours?|dias?|nights?)|q(?P<n2>\d)d)\b", lambda m: _days_of(m)),
        (rf"\b{_EVERY} ?{_N} ?(?:weeks?|wks?|semaines?|semanas?)\b|\b{_EVERY} (?P<n2>\d)/52\b", lambda m: _weeks_of(m)),
        (rf"\b{_EVERY} ?{_N} ?(?:months?|mois|meses)\b|\b{_EVERY} (?P<n2>\d)/12\b", lambda m: _months_of(m)),
        (rf"\b{_N}[- ](?:weekly)\b", _weeks),
        (rf"\b{_N}[- ](?:monthly)\b", _months),
        # so many times a week, month, day
        (
            rf"\b{_N} (?:days|nights|jours|dias|sessions?|seances?|sesiones) (?:a|per|each|every|out of 7|par|a la|"
            rf"por) ?(?:week|semaine|"
            rf"semana)?\b",
            _per_week,
        ),
        (rf"\b(?:{_ONCE}|{_N} ?{_TIMES}) ?(?:{_A} ?)?(?:weekly|week|wk|semaine|semana)\b", _per_week),
        (rf"\b(?:{_ONCE}|{_N} ?{_TIMES}) ?(?:{_A} ?)?(?:fortnight|quinzaine|quincena)\b", lambda m: _per_fortnight(m)),
        (rf"\b(?:{_ONCE}|{_N} ?{_TIMES}) ?(?:{_A} ?)?(?:monthly|month|mois|mes)\b", lambda m: _per_month(m)),
        (rf"\b(?:{_ONCE}|{_N} ?{_TIMES})[ -]?(?:{_A} ?)?(?:{_DAY}|daily|diari[oa]s?|quotidiennement)\b", _per_day),
        (rf"\b{_N} ?{_TIMES} ?/ ?d\b", _per_day),
        (
            rf"\b{_N} ?(?:doses?|prises?|dosis|tomas|applications?|aplicaciones|inhalations?) (?:a|per|par|al|in) ?"
            rf"{_DAY}\b",
            _per_day,
        ),
        (rf"\b(?:in|en|into) {_N} (?:equal |equally )?(?:divided )?(?:doses?|prises?|tomas|fois)\b", _per_day),
        (
            r"\b1 ?(?:inh\w*|comp\w*|cp|tab\w*|puff|caps?\w*|bouffee|sobre|amp\w*|gelule|sachet) ?/ ?(?:day|d|j|jour|"
            r"dia)\b",
            _said(times=1),
        ),
        (r"\bc/ ?(?P<n>\d{1,2}) ?h\w*", _hours),
        (rf"(?<![\d/]){_N} ?(?:/|/ )(?:day|d|j|jour|dia|24 ?h)\b", _per_day),
        (r"\b(?:o\.d\.?|od|q\.d\.?|qd|q24h|1x/d|od\.)(?!\w)", _said(times=1)),
        (r"\b(?:b\.?d\.?|b\.?i\.?d\.?|bds|q12h)(?!\w(?<!x)|x(?! ?\d))", _said(times=2)),
        (r"\b(?:t\.?d\.?s\.?|t\.?i\.?d\.?|tds|q8h)(?!\w(?<!x)|x(?! ?\d))", _said(times=3)),
        (r"\b(?:q\.?d\.?s\.?|q\.?i\.?d\.?|q6h)(?!\w(?<!x)|x(?! ?\d))", _said(times=4)),
        (r"(?<![\d/-])[0-3]\s?-\s?[0-3]\s?-\s?[0-3](?:\s?-\s?[0-3])?(?![\d/-])", _scheme),
        (
            r"\b(?:weekly|every week|each week|hebdomadaire|chaque semaine|toutes les semaines|semanal(?:mente)?|"
            r"cada semana|todas las semanas)\b",
            _said(every_days=7),
        ),
        (
            r"\b(?:fortnightly|(?:once )?(?:a|per) fortnight(?<!for a fortnight)(?<!in a fortnight)(?<!after a fortnight)|"  # noqa: E501
            r"every fortnight|bi-?weekly|each fortnight|quincenal|"
            r"toutes les quinzaines)\b",
            _said(every_days=14),
        ),
        (
            r"\b(?:monthly|every month|each month|mensuel(?:le)?|chaque mois|tous les mois|mensual(?:mente)?|"
            r"cada mes)\b",
            _said(every_days=30),
        ),
        (
            r"\b(?:yearly|annually|every year|each year|once a year|chaque annee|tous les ans|"
            r"cada ano)\b",
            _said(every_days=365),
        ),
        # weekdays
        (rf"\bon {WEEKDAY}(?:{_JOIN}{WEEKDAY})? (?:mornings|evenings|nights|afternoons)\b", _weekday_list),
        (rf"\b(?:(?:{_EVERY}|on|le|les|los|el) )?{_LIST}{_JOIN}{WEEKDAY}\b", _weekday_list),
        (rf"\b(?P<a>{WEEKDAY})\s?(?:-|to|through|thru|au|a) ?(?P<b>{WEEKDAY})\b(?!\s?[-,/]\s?{WEEKDAY})", _daily_range),
        (rf"\b(?:(?:{_EVERY}|on|le|les|los|el) )?{_LIST}\b", _weekday_list),
        (rf"\b(?:{_EVERY}|les|los|tous les|todos los) {WEEKDAY}\b", _weekday_list),
        (r"\b(?:on )?(?:mondays|tuesdays|wednesdays|thursdays|fridays|saturdays|sundays)\b", _weekday_list),
        (rf"\b(?:on )?{WEEKDAY} (?:mornings|lunchtimes|afternoons|evenings|nights)\b", _weekday_list),
        (
            r"\b(?:on )?(?:weekdays|work(?:ing)? ?days|every (?:working ?|week)day)\b",
            _said(every_days=7, weekdays=(0, 1, 2, 3, 4)),
        ),
        (r"\b(?:on |at )?weekends\b|\bevery weekend\b", _said(every_days=7, weekdays=(5, 6))),
        # parts of the day, and meals
        (_after("am", *_DOSE, "puffs", "each", "every", "in the"), _slot("morning")),
        (_after("pm", *_DOSE, "puffs", "each", "every", "in the"), _slot("evening")),
        # "ON": every night; the English word is followed by a day or a place
        (
            _after("on", *_DOSE, r"\d g", r"\d")
            + r"(?=\W*$|\W*[,;.()+&]|\s(?:for|x) ?\d|\s\d+/\d|\s(?:until|then|prn)\b)",
            _slot("night"),
        ),
        (
            r"\b(?:in the daytime|by day|during (?:the|waking) (?:day|hours)|while awake|dans la journee|"
            r"durante el dia)\b",
            _slot("daytime"),
        ),
        (
            rf"\b(?:{_AT} )?(?:mornings?|mane|qam|q\.a\.m\.?|om|matins?|mananas)\b(?! ?(?:urine|sample|specimen|"
            rf"cortisol|sickness|dip|stiffness|of\b|"
            rf"before (?!breakfast|food|meal)|after (?!breakfast|food|meal)))|"
            rf"\b(?:por|de|en) la manana\b|\bcada manana\b|\bmanana(?= y (?:tarde|noche))",
            _slot("morning"),
        ),
        (r"\b(?:at |at the )?(?:noon|midday|lunchtime|lunch time|midi)\b|\bal mediodia\b", _slot("noon")),
        (rf"\b(?:{_AT} )?(?:afternoons?|apres-midi|tardes?)\b", _slot("afternoon")),
        (
            rf"\b(?:{_AT} )?(?:evenings?|soirs?|teatime|qpm)\b(?! ?(?:before(?! (?:bed|food|dinner|meal))|of\b))",
            _slot("evening"),
        ),
        (
            rf"\b(?:{_AT} )?(?:nights?|noches?|nuits?)\b(?! ?(?:before(?! (?:bed|food))|of\b))|\b(?:nightly|nocte|noct|"
            rf"qhs|"
            rf"hs|h\.s\.|"
            rf"on retiring)(?!\w)",
            _slot("night"),
        ),
        (r"\b(?:bbf|abf)\b", _slot("breakfast")),
        (
            r"\b(?:(?:at|before|to|every|each|until) )?bed ?time\b|\b(?:before|at|to) bed\b(?! ?rest)|\b(?:au coucher|"
            r"avant le coucher|al acostarse|antes de (?:dormir|acostarse))\b",
            _slot("bedtime"),
        ),
        (rf"\b(?:{_MEAL} )+(?:breakfast|brekk[a-z]+|b.?fast|petit[- ]dejeuner|desayuno)\b", _slot("breakfast")),
        (rf"\b(?:{_MEAL} )+(?:lunch|dejeuner|comida|almuerzo)\b", _slot("lunch")),
        (
            rf"\b(?:{_MEAL} )+(?:dinner|supper|tea|evening meal|(?<!each )(?<!every )main meal|diner|cena)\b",
            _slot("dinner"),
        ),
        (
            r"\b(?:with|before|after|at|avant|apres|a|aux|con|antes de|despues de|during) ?(?:(?:each|every|main|the|your|"  # noqa: E501
            r"chaque|les|las|cada|all|3|three) ?){0,2}(?:meals?|mealtimes|repas|comidas?)\b|"
            r"\baux repas\b",
            _slot("meals", times=3),
        ),
        # the plain word
        (
            r"\b(?:daily|every day|each day|everyday|per day|once daily|every single day|par jour|chaque jour|"
            r"tous les jours|quotidien(?:ne|nement)?|(?<!el )(?<!un )diari[oa]s?(?! de)|diariamente|al dia|cada dia|"
            r"todos los dias|"
            r"por dia)\b",
            _said(times=1),
        ),
        (
            r"(?<=\w )(?<!for )(?<!in )(?<!get )(?<!on )a day\b(?! \d)|\b1 ?/ ?j\b|/ ?j(?:our)?\b|"
            r"/ ?day\b",
            _said(times=1),
        ),
    )
]
_LIMIT = re.compile(
    r"(?:\bmax(?:i|imum|imal)?(?![a-z])(?: of)?|\bat most|"
    r"(?<!build )(?<!goes )(?<!going )(?<!increase )(?<!go )(?<!titrate )(?<!work )\bup to|"
    r"\bno(?:t)? more(?: often)? than|\bmore(?: often)? than|"
    r"\bdo not exceed|\bnot exceed(?:ing)?|\bau maximum|\bau plus|\bjusqu'a|\bne pas depasser|\bsans depasser|"
    r"\bcomo maximo|\bmaximo(?: de)?|\bno mas de|\bhasta|\bless than|\bfewer than)[^.;]{0,18}$"
)
_NOT_A_PLAN = re.compile(
    r"\b(?:last|this|tomorrow|next|previous|that|not|than|yesterday|demain|hier|cette|ce|esta|ayer) $"
    rf"|\b{WEEKDAY},? $"
)
_PART_OF_DAY = {"breakfast": "morning", "lunch": "noon"}


def _second(m: Match) -> str:
    return m["n2"] or m["n"]


def _hours_of(m: Match) -> Often:
    hours = whole(_second(m))
    return Often(times=-(-24 // hours), every_hours=hours) if 0 < hours <= 24 else Often(times=0)


def _days_of(m: Match) -> Often:
    return Often(every_days=whole(_second(m)))


def _weeks_of(m: Match) -> Often:
    return Often(every_days=7 * whole(_second(m)))


def _months_of(m: Match) -> Often:
    return Often(every_days=30 * whole(_second(m)))


def _per_fortnight(m: Match) -> Often:
    n = _count(m)
    return Often(every_days=max(1, 14 // n)) if 0 < n <= 14 else Often(times=0)


def _per_month(m: Match) -> Often:
    n = _count(m)
    return Often(every_days=max(1, 30 // n)) if 0 < n <= 30 else Often(times=0)


@remembered
def often(text: str) -> list[Often]:
    """Every expression of frequency in the text, in order; of two that overlap the more telling one."""
    found: list[Often] = []
    for pattern, build in _PATTERNS:
        for m in pattern.finditer(text):
            if any(f.start < m.end() and m.start() < f.end for f in found):
                continue
            fact = build(m)
            if fact.times <= 0 or fact.every_days <= 0 or fact.every_days > 366 or fact.times > 24:
                continue
            before = text[: m.start()]
            if _NOT_A_PLAN.search(before):
                continue
            found.append(replace(fact, start=m.start(), end=m.end(), limit=_is_limit(before, m.group())))
    return sorted(found, key=lambda f: f.start)


def _is_limit(before: str, words: str) -> bool:
    """Whether the words before make a frequency a limit; "up to 80 mg bd" limits the dose, not how often."""
    m = _LIMIT.search(before[-60:])
    if m is None:
        return False
    return not (re.search(r"\d ?(?:mg|g|mcg|ml|units?)\s*$", m.group()) and re.fullmatch(r"[a-z.]{2,6}", words))


def rhythm(facts: list[Often]) -> Rhythm | None:
    """What the expressions of a clause come to; None when there is none but limits.

    >>> rhythm(often("once weekly, every monday"))
    Rhythm(times=1, every_days=7, every_hours=None, weekdays=(0,))
    >>> rhythm(often("in the morning and at noon")).times
    2
    """
    facts = [f for f in facts if not f.limit]
    if not facts:
        return None
    weekdays = tuple(dict.fromkeys(day for f in facts for day in f.weekdays))
    numbered = [f for f in facts if f.slot is None and not f.weekdays]
    every_days = max((f.every_days for f in numbered), default=1)
    if weekdays:
        every_days = max(7, every_days)
    hours = next((f.every_hours for f in numbered if f.every_hours), None)
    times = max((f.times for f in numbered), default=1)
    if not numbered or times == 1:
        times = max(times, slots_of(facts)) if not hours else times
    return Rhythm(times=times, every_days=every_days, every_hours=hours, weekdays=weekdays)


def slots_of(facts: list[Often]) -> int:
    """How many parts of the day are named; breakfast is one with the morning, and dinner with the evening."""
    named = {_PART_OF_DAY.get(f.slot, f.slot) for f in facts if f.slot and not f.limit}
    if "bedtime" in named and named & {"evening", "night"}:
        named.discard("bedtime")
    if "dinner" in named and named & {"evening", "night"}:
        named.discard("dinner")
    if "meals" in named and len(named) == 2 and named & {"bedtime", "night"}:
        return 4
    return len(named - {"meals"}) or (3 if "meals" in named else 1)


def all_rhythms(facts: list[Often]) -> Iterator[tuple[int, int]]:
    """Every (times, every_days) that the expressions could stand for, one by one and together."""
    together = rhythm(facts)
    if together is not None:
        yield together.times, together.every_days
    for fact in facts:
        if not fact.limit and fact.slot is None:
            yield fact.times, fact.every_days
