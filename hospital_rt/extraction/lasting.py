"""How long, how many, from when: durations, counts, starts, deadlines.

One promise: a stretch of time that lies in the past ("for the last 3 weeks", "2 days ago") is never a duration to
come. Works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from hospital_rt.extraction.amounts import NUMBER, whole
from hospital_rt.extraction.dates import MONTH, NamedDay, named_days
from hospital_rt.extraction.memo import remembered


@dataclass(frozen=True, slots=True)
class Lasts:
    """A duration: ``days``, and every length that the words allow; or a number of doses (``count``)."""

    days: int
    allowed: frozenset[int]
    start: int
    end: int
    fixed: bool = False
    count: int | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """A moment to come, ``days`` after the note: when it begins ("in", "from", "on") or by when it is done ("by")."""

    days: int
    how: Literal["in", "from", "on", "by"]
    start: int
    end: int
    allowed: frozenset[int] = frozenset()


_U = (
    r"(?P<u>days?|d|nights?|weeks?|wks?|w|fortnights?|months?|mths?|mo|years?|yrs?|hours?|hrs?|h|jours?|j|nuits?|"
    r"semaines?|sem|mois|ans?|annees?|heures?|quinzaine|dias?|noches|semanas?|mes|meses|anos?|horas?)\b"
)
_ONE = rf"(?:{NUMBER}|\b(?:an?|another|one more|un autre|otra|la|le)\b)"
_MORE = r"(?:more|further|full|consecutive|additional|whole|complete|other|calendar|autres?|mas)"
_TO = rf"(?:\s?(?:-|to|or|a|ou|o)\s?(?P<n2>{NUMBER}))?"
_FILL = (
    r"(?:the |a |an |about |at least |at most |up to |another |further |first |next |following |full |total |total of |"
    r"a total of |only |les |los |las |premiers? |primeros? |prochaine?s? |proximos? |proximas? |une duree de |"
    r"encore |otros? )*"
)
_FOR = r"(?:for|over|during|x|pendant|durant|pour|durante|por|sur)"
_FRACTION = r"(?P<f>\d{1,2})\s?/\s?(?P<of>7|52|12)(?![\d/]|[.,]\d| ?mg)"

_FORWARD = re.compile(rf"\b{_FOR}\s?{_FILL}(?P<n>{_ONE}){_TO}[\s-]?(?:{_MORE} )?{_U}")
_WEEK_N = re.compile(
    rf"^\W*(?:[a-z][a-z-]+ (?=from \w+ \d+:))?(?:(?P<from>from |from start of )|in |for |during )?"
    rf"(?P<u>weeks?|days?|wk|semaines?|semanas?|jours?|dias?) (?P<n>{NUMBER})"
    rf"(?:\s?(?:-|to|through|thru|until|till|and|&|a|au?|y)\s?(?P<n2>{NUMBER}))?(?P<on> onwards?| on)?(?:\s*(?::|-|,|"
    rf"=)\s|\s(?=\d+ (?:sachets?|tab(?:let)?s?|mg|mcg|ml|g|puffs?|drops?|units?|caps)\b))"
)
_AT_WEEK_N = re.compile(
    rf"(?:(?P<from>\bfrom )|\bon |\bfor |\bin )?\b(?P<u>weeks?|days?|wk|semaines?|semanas?|jours?|dias?) "
    rf"(?P<n>{NUMBER})(?:\s?(?:-|to|through|thru|until|till|and|&|a|au?|y)\s?(?P<n2>{NUMBER}))?"
    rf"(?P<on> onwards?| on)?(?:\W*$|, (?!then))"
)
_GOAL_BEFORE = re.compile(r"\b(?:hasta(?: la| el)?|until|till|to|jusqu'a(?: la)?|jusqu'au|through|by) $")
_DOSED = re.compile(r"\d ?(?:mg|g|mcg|ml|units?|tab(?:let)?s?|caps\w*|sachets?|puffs?|drops?|comp\w*)\b")
_NO_LONGER = re.compile(rf"\b(?:no|not) (?:longer|more) than (?P<n>{NUMBER}){_TO}[\s-]?{_U}")
_FOR_FRACTION = re.compile(rf"(?:\b{_FOR}\s?)?\b{_FRACTION}|\bx(?P<fx>\d{{1,2}})\s?/\s?(?P<ofx>7|52|12)(?!\d)")
_FIRST_ONE = re.compile(
    r"\b(?:(?:for|in|during) )?(?:the )?(?:first|1st|premiere?|primera?) (?P<n>)(?P<n2>)(?P<u>day|night|week|month|"
    r"fortnight|semaine|mois|semana|mes)\b(?=\W*$|\W+(?:then|only|thereafter|puis|luego)|,)"
)
_ON_DAY_N = re.compile(
    r"\b(?:(?:on|at|a|removal|out|retrait|ablation) (?:day |jour |j)|"
    r"j ?\+? ?(?=\d{1,2}\W*$))(?P<n>\d{1,2})\b"
)
_FROM_DAY_N = re.compile(
    r"\b(?:from|(?:start|beginn?)(?:ing|s)? on|a partir du|des le|desde el|a partir del) (?:day|jour|j|"
    r"dia) ?(?P<n>\d{1,2})\b"
)
_TO_DAY_N = re.compile(r"\b(?:to|until|till|through|jusqu'au|hasta el) (?:day|jour|j|dia) ?(?P<n>\d{1,2})\b")
_ORDINAL_WEEK = re.compile(
    r"\b(?P<from>from|in|during|for) the (?P<o>second|third|fourth|2nd|3rd|4th) (?P<u>week|month|day)\b"
)
_ORDINALS = {"second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
_NEXT_ONE = re.compile(
    r"\b(?:for|over|during|throughout) the (?:whole |entire )?(?:next|coming|following) "
    r"(?P<u>week|month|fortnight|year)\b"
)
_ONE_AFTER = re.compile(r"\b(?:for|over|during) the (?P<u>week|month|fortnight) (?:following|after(?: that| this)?)\b")
_TIMES_DAYS = re.compile(
    rf"(?:(?:\b|(?<=[bt]id)|(?<=qid)|(?<=[btq]ds)|(?<=bd)|(?<=od))x\s?|"
    rf"×\s?)(?P<n>\d+){_TO}[\s-]?{_U}"
)
_COURSE = re.compile(
    rf"\b(?P<n>{_ONE}){_TO}[\s-]{_U}(?='?s?'? (?:course|treatment|supply|cure|curso|tratamiento|trial|taper)\b)"
    rf"|\b(?:course|treatment|cure|traitement|tratamiento|total|totalling|duration|duree|duracion)(?: is| of| de|:)? "
    rf"(?P<n3>{_ONE})[\s-]{_U.replace('<u>', '<u3>')}"
)
_BARE = re.compile(rf"(?<![\w/.,-])(?P<n>{NUMBER}){_TO}[\s-]?(?:{_MORE} )?{_U}")
_UNTIL = re.compile(
    r"\b(?:until|till|til|'til|through|thru|up to(?: and including)?|up until|to|jusqu'au?|jusqu'a|hasta(?: el)?|"
    r"ending(?: on)?|"
    r"finishing(?: on)?|last (?:dose|day|one|tablet)(?: is| being| will be|:)?(?: on)?|(?:to )?(?:finish|complete|"
    r"end)(?: on)?|stopping(?: on)?|ends?(?: on)?)[ ]?(?:and including )?(?:the |le |el |on )?$"
)
_COUNT = re.compile(
    rf"\b(?P<n>{NUMBER}) (?:more |further |other |extra )?(?:doses?|treatments?|sessions?|applications?|injections?|"
    rf"prises|dosis|sesiones|seances)"
    r"(?= (?:in all|in total|altogether|only|total|en tout|au total|en total|starting|from|beginning|to take|left)|"
    r"\s*[,;.)]|\s*$)"
    rf"|\bfor (?:a total of )?(?P<n2>{NUMBER}) (?:doses|treatments|sessions|applications|injections)\b"
    rf"|\b(?:total(?: of)?|in all|en tout|en total) (?P<n3>{NUMBER}) (?:doses|treatments|sessions)\b"
)
_PAST_BEFORE = re.compile(
    r"(?:\b(?:last|past|previous|since|every|each|within|in|after|before|of|q|par|per|cada|dans|en|tous les|toutes les|"
    r"chaque|ces|derniers?|dernieres?|ultimos?|ultimas?|hace|depuis|at|aged?|(?<!a )(?<!per )(?<!each )(?<!every "
    r")(?<!/)(?:day|week|month)|or|than|dentro de|au bout de|"
    r"apres|tras|despues de|about|around|these|a l[oa]s|until|till|jusqu'a|hasta(?: las)?|(?:after|in|"
    r"within) (?:another|a further|further))|[/<>=~])\s*$"
)
_PAST_AFTER = re.compile(
    r"'?s?'?[\s-]*(?:ago\b|old\b|later\b|(?:check|review|appointment|visit|scan|wait)\b|history\b|hx\b|earlier\b|"
    r"before\b|prior\b|now\b|after\b|post\b|since\b|of age\b|from now|"
    r"(?:break|gap|interval|washout|pause|wait)\b|time\b|pregnant|gestation|into\b|previously|duration|apart\b|"
    r"hence\b|plus tard|despues\b|from today|d'age|de edad)"
)
_IN = re.compile(
    rf"\b(?P<how>in|after|within|dans|d'ici|en|dentro de|au bout de|apres|tras|despues de|a l[oa]s|by)\s"
    rf"(?:about |around |the next |the |les |los |las |another |a further |environ |unos? |unas? |approximately |~)*"
    rf"(?P<n>{_ONE}){_TO}[\s-]?(?:{_MORE} )?{_U}(?P<after>(?:'s?|'| )? ?(?:time|from now)\b)?"
    rf"|\b(?P<n3>{_ONE})(?:\s?(?:-|to)\s?\d+)? {_U.replace('<u>', '<u3>')} (?:from now|from today|hence|later)\b"
)
_IN_FRACTION = re.compile(
    r"\b(?:(?P<how>in|after|within|dans|at)\s)?(?P<f>\d{1,2})\s?/\s?(?P<of>7|52|12)(?![\d/]|[.,]\d| ?mg)"
)
_BACK = re.compile(
    rf"\b(?:rtc|rto|rtn|rv|r/v|review|f/u|fu|follow[- ]?up|recheck|return|back|tci|appt|appointment|control|"
    rf"controle)\b[^.,;\d]{{0,12}}?\b(?P<n>{NUMBER})[\s-]?{_U}"
)
_LATER = re.compile(
    rf"^\W*(?:(?!every|each|for|over|last|keep|stay|rest|wear|"
    rf"past)[a-z][\w&+/-]* ){{1,4}}(?P<n>{NUMBER}){_TO}[\s-]?{_U}\W*(?:\([^)]*\)\W*)?$"
)
_SOON = (
    (re.compile(r"\b(?:day after tomorrow|apres-demain|pasado manana)\b"), 2),
    (re.compile(r"\b(?:tomorrow|tomorow|tmrw|demain|(?<!la )(?<!las )(?<!cada )(?<!toda )manana(?! y ))\b"), 1),
    (
        re.compile(
            r"\b(?:today|tonight|this (?:morning|afternoon|evening)|(?<!from )now|stat|aujourd'hui|ce soir|hoy|"
            r"esta (?:noche|tarde))\b"
        ),
        0,
    ),
    (re.compile(r"\b(?:within|in|before the end of) the (?:coming |next )?month\b"), 30),
    (re.compile(r"\b(?:this week|(?:within|before the end of) the week|cette semaine|esta semana)\b"), 6),
    (re.compile(r"\b(?:(?<!the )next week|la semaine prochaine|la semana que viene|la proxima semana)\b"), 7),
    (re.compile(r"\b(?:(?<!the )next month|le mois prochain|el mes que viene|el proximo mes)\b"), 30),
)
_FROM = re.compile(
    r"\b(?:from|starting|start|starts|beginning|begin|begins|commencing|as of|as from|a partir de(?:l)?|a partir du|"
    r"des|desde(?: el)?|empezando|empezar|debut|a compter du|commencer)(?: on| from| the| le| el)*\s$"
)
_BY = re.compile(
    r"\b(?:by|before|no later than|not later than|avant(?: le)?|antes de(?:l)?|d'ici(?: a)?|para el)(?: the| le| el|"
    r" next)*\s$"
)

_DAYS = {"d": 1, "n": 1, "w": 7, "f": 14, "m": 30, "y": 365, "h": 0, "j": 1, "s": 7, "a": 365, "q": 15}


def _unit_days(unit: str) -> int:
    """Days of a unit; 0 for hours, which count apart."""
    if unit in {"horas", "hora", "heures", "heure"}:
        return 0
    if unit in {"mo", "mois", "mes", "meses"}:
        return 30
    if unit.startswith(("noche", "nuit")):
        return 1
    return _DAYS[unit[0]]


def _length(n: int, unit: str) -> tuple[int, frozenset[int]]:
    """The days of ``n`` units, and every length that the words allow; (0, ...) when it is none."""
    per = _unit_days(unit)
    if per == 0:
        days = n // 24 if n % 24 == 0 else 0
        return days, frozenset({days})
    if per == 30:
        return n * 30, frozenset({n * 28, n * 30, n * 31, -(-n * 61 // 2), n * 30 + n // 3, -(-n * 365 // 12)})
    if per == 15:
        return 14 * n, frozenset({14 * n, 15 * n})
    return n * per, frozenset({n * per})


def _number(text: str | None) -> int:
    if not text:
        return 0
    first = text.strip().split(" ")[0]
    return 1 if first in {"a", "an", "another", "one", "un", "otra", "la", "le"} else whole(text.strip())


def _lasting(m: re.Match[str], n: str, unit: str, n2: str | None, *, bare: bool = False) -> Lasts | None:
    days, allowed = _length(_number(n), unit)
    if n2:
        last_days, more = _length(_number(n2), unit)
        if last_days > days:
            days, allowed = last_days, allowed | more
    return Lasts(days, allowed, m.start(), m.end(), bare=bare) if 0 < days <= 730 else None


@remembered
def durations(text: str, day: date) -> list[Lasts]:
    """Every stretch of time or number of doses that something is to last, in order.

    >>> [d.days for d in durations("bd for 2 weeks; x5d; 3/7; a 7-day course", date(2026, 3, 2))]
    [14, 5, 3, 7]
    """
    found: list[Lasts] = []

    def add(fact: Lasts | None) -> None:
        if fact and not any(f.start < fact.end and fact.start < f.end for f in found):
            found.append(fact)

    for named in named_days(text, day):
        add(_until(text, named))
    for m in _COURSE.finditer(text):
        add(_lasting(m, m["n"] or m["n3"], m["u"] or m["u3"], m["n2"]))
    stage = _stage(text)
    if stage and stage[1]:
        add(stage[1])
    for m in _TO_DAY_N.finditer(text):
        if 0 < int(m["n"]) <= 90:
            add(Lasts(int(m["n"]), frozenset({int(m["n"])}), m.start(), m.end(), fixed=True))
    for m in _NEXT_ONE.finditer(text):
        add(_lasting(m, "1", m["u"], None))
    for m in _ONE_AFTER.finditer(text):
        add(_lasting(m, "1", m["u"], None))
    for m in _FIRST_ONE.finditer(text):
        add(_lasting(m, "1", m["u"], None))
    for pattern in (_FORWARD, _TIMES_DAYS, _NO_LONGER):
        for m in pattern.finditer(text):
            if not _PAST_AFTER.match(text, m.end()) and not re.search(r"\b(?:last|past|ces|ultimos)\b", m.group()):
                add(_lasting(m, m["n"], m["u"], m["n2"]))
    for m in _FOR_FRACTION.finditer(text):
        if not _PAST_BEFORE.search(text[: m.start()]) and not _PAST_AFTER.match(text, m.end()):
            n, of = m["f"] or m["fx"], m["of"] or m["ofx"]
            add(_lasting(m, n, {"7": "d", "52": "w", "12": "months"}[of], None, bare=m.start() == m.start("f")))
    for m in _COUNT.finditer(text):
        count = whole(m["n"] or m["n2"] or m["n3"])
        if 1 < count < 200:
            add(Lasts(count, frozenset({count}), m.start(), m.end(), count=count))
    for m in _BARE.finditer(text):
        if not _PAST_BEFORE.search(text[: m.start()]) and not _PAST_AFTER.match(text, m.end()):
            add(_lasting(m, m["n"], m["u"], m["n2"], bare=True))
    return sorted(found, key=lambda f: f.start)


def _stage(text: str) -> tuple[Due, Lasts | None] | None:
    """ "Week 1: ...", "days 3 to 5: ...", "from week 3: ...": when that stage begins, and how long it lasts."""
    m = _WEEK_N.match(text) or (_AT_WEEK_N.search(text) if _DOSED.search(text) else None)
    if not m:
        return _ordinal_stage(text)
    if _GOAL_BEFORE.search(text[: m.start()]):
        return None
    per = _unit_days(m["u"])
    first = _number(m["n"])
    last = _number(m["n2"]) or first
    if not 0 < first <= last <= 52 or per == 0:
        return None
    open_ended = bool(m["from"] or m["on"])
    begins = Due((first - 1) * per, "from", m.start("u"), m.end("n"), frozenset({(first - 1) * per}))
    days = (last - first + 1) * per
    return begins, None if open_ended else Lasts(days, frozenset({days}), m.end("n"), m.end())


def _ordinal_stage(text: str) -> tuple[Due, Lasts | None] | None:
    """ "From the second week": when that begins; "in the second week": and that it lasts one."""
    m = _ORDINAL_WEEK.search(text)
    if not m:
        return None
    per = _unit_days(m["u"])
    days = (_ORDINALS[m["o"]] - 1) * per
    begins = Due(days, "from", m.start("from"), m.end("o"), frozenset({days}))
    return begins, None if m["from"] == "from" else Lasts(per, frozenset({per}), m.start("u"), m.end())


def _until(text: str, named: NamedDay) -> Lasts | None:
    before = _UNTIL.search(text[: named.start])
    if not before or (
        re.match(r"to (?!finish|complete|end)", before.group())
        and not re.search(rf"(?:{MONTH}|\d) to ", text[: named.start])
    ):
        return None
    days = named.days or 7 if named.weekday is not None else named.days
    return Lasts(days + 1, frozenset({days, days + 1} - {0}), before.start(), named.end, fixed=True)


@remembered
def dues(text: str, day: date) -> Iterator[Due]:
    """Every moment to come, in order of kind: "in 2 weeks", "tomorrow", dates and weekdays, "6/52"."""
    for m in _IN.finditer(text):
        days, allowed = _length(_number(m["n"] or m["n3"]), m["u"] or m["u3"])
        if m["n2"]:
            allowed |= _length(_number(m["n2"]), m["u"])[1]
        if 0 < days <= 730:
            yield Due(days, "by" if m["how"] in {"within", "d'ici", "by"} else "in", m.start(), m.end(), allowed)
    stage = _stage(text)
    if stage:
        yield stage[0]
    for m in _FROM_DAY_N.finditer(text):
        if 0 < int(m["n"]) <= 90 and not (stage and stage[0].start < m.end() and m.start() < stage[0].end):
            yield Due(int(m["n"]) - 1, "from", m.start(), m.end(), frozenset({int(m["n"]) - 1}))
    for m in _LATER.finditer(text):
        days, allowed = _length(_number(m["n"]), m["u"])
        if m["n2"]:
            allowed |= _length(_number(m["n2"]), m["u"])[1]
        if 0 < days <= 730:
            yield Due(days, "in", m.start("n"), m.end("u"), allowed)
    for m in _BACK.finditer(text):
        days, allowed = _length(_number(m["n"]), m["u"])
        if 0 < days <= 730:
            yield Due(days, "in", m.start("n"), m.end(), allowed)
    for m in _ON_DAY_N.finditer(text):
        n = int(m["n"])
        if 0 < n <= 60:
            yield Due(n, "on", m.start(), m.end(), frozenset({n, n - 1}))
    for m in _IN_FRACTION.finditer(text):
        if not re.search(r"(?:\bfor|\bx|\bevery|\d)\s?$", text[: m.start()]):
            days, allowed = _length(int(m["f"]), {"7": "d", "52": "w", "12": "months"}[m["of"]])
            if 0 < days <= 730:
                yield Due(days, "by" if m["how"] == "within" else "in", m.start(), m.end(), allowed)
    for pattern, days in _SOON:
        for m in pattern.finditer(text):
            if days == 1 and "day after " in text[max(0, m.start() - 10) : m.start()]:
                continue
            how = "by" if _BY.search(text[: m.start()]) else "from" if _FROM.search(text[: m.start()]) else "on"
            yield Due(days, _how(how), m.start(), m.end(), frozenset({days}))
    for named in named_days(text, day):
        before = text[: named.start]
        how = "by" if _BY.search(before) else "from" if _FROM.search(before) else "on"
        if not _UNTIL.search(before):
            yield Due(named.days, _how(how), named.start, named.end, frozenset({named.days}))


def _how(word: str) -> Literal["from", "on", "by"]:
    return "by" if word == "by" else "from" if word == "from" else "on"
