"""Whether numbers, units and the schedule of an item follow from what it cites."""

from __future__ import annotations

import re
from datetime import date

from hospital_rt.domain.schedule import WEEKDAYS
from hospital_rt.extraction.api import Item, Note, PlanItem, Sentence
from hospital_rt.extraction.guard.facts import Facts, days_of, fold, pattern, read, words
from hospital_rt.extraction.guard.wording import alike, named, segment

_TYPED = re.compile(  # what `facts` reads as a frequency, a length, a clock time or a date: left out of the plain numbers
    r"\d+(?:\.\d+)?(?:-\d+)? ?(?:times?|x|veces|vez|fois|doses)\b|(?:every|each|cada|toutes? les|tous les) \d+(?:\.\d+)? ?-?\w+|"
    r"\d+(?:\.\d+)?(?:\s?(?:-|to|or)\s?\d+)? ?-?(?:more )?(?:days?|weeks?|months?|years?|hours?|nights?|dias?|semanas?|mes(?:es)?|horas?|jours?|semaines?|mois|heures?|mornings?|evenings?)\b|"
    r"\b\d{1,2}(?:[:.]\d\d)? ?[ap]m\b|\b\d{1,2}:\d\d\b"
)


def schedule_fault(note: Note, item: Item | PlanItem, sentences: list[Sentence], evidence: str) -> str | None:
    """The first number, unit, day or length that does not follow; None when all do."""
    claim = fold(f"{item.title} ; {item.detail or ''}")
    evidence = _without_old(evidence, claim)
    about = _about(note, claim, evidence)
    facts, said = read(about, note.day), read(claim, note.day)
    wide = read(_wide(note, sentences), note.day)
    narrow = fold(item.quote) if len(item.quote) < 0.8 * sum(len(s.text) for s in sentences) else about
    verbatim = fold(item.title) in evidence and fold(item.detail or "") in evidence
    fault = (
        None
        if verbatim
        else _pairs_fault(claim, evidence, narrow, note.day)
        or _figures_fault(said, facts, wide, claim, note.day, getattr(item, "start_in_days", 0))
    )
    if fault is None and isinstance(item, PlanItem):
        fault = _plan_fault(item, facts, wide, note.day)
    if fault is None:
        fault = (
            _condition_fault(item, about, evidence)
            or _opposite_fault(claim, evidence if about in evidence and len(named(evidence)) < 2 else about)
            or _opposite_fault(claim, narrow)
        )
    if (
        fault is None
        and not isinstance(item, PlanItem)
        and not item.as_needed
        and _repeated(facts)
        and not _NOT_DOING.search(claim)
        and named(fold(item.title))
    ):
        fault = "frequency-left-out"
    if fault is None and item.limits is not None:
        numbers = facts.numbers | facts.hours | facts.times | wide.limits
        wanted = [x for x in (item.limits.min_gap_hours, item.limits.max_per_day) if x is not None]
        fault = None if all(x in numbers or any(h and 24 // h == x for h in facts.hours) for x in wanted) else "limits"
    return fault


_NOT_DOING = re.compile(r"^(?:stop|do not|don't|avoid|hold|ask|call|tell|bring|buy|collect|pick up|discuss)")


def _about(note: Note, claim: str, evidence: str) -> str:
    """The stretch of the evidence about the medicine that the item names, and what is shared behind it."""
    names = [w for w, _, _ in named(claim)]
    if not names or not any(alike(names[0], w) for w, _, _ in named(evidence)):
        return evidence
    about = " ; ".join(
        dict.fromkeys(segment(evidence, name) for name in names if any(alike(name, w) for w, _, _ in named(evidence)))
    )
    if shared := re.search(r"\b(?:all|both|each|todos|ambos) (?:for |x |durante )?\d+[^.;,]*", evidence):
        about = f"{about} ; {shared[0]}"  # "A 1 g bd and B 500 mg bd, both for 7 days"
    facts = read(about, note.day)
    if not (
        facts.times or facts.hours or facts.every or facts.weekdays or facts.per_week or facts.parts or facts.clocks
    ):
        end = evidence.find(about.split(" ; ")[-1]) + len(about.split(" ; ")[-1])
        rest = re.split(r"(?<=[a-z\d]{2})[.;]\s|\bthen\b", evidence[end:])[0] if end > 0 else ""
        tail = re.sub(r"\d+(?:\.\d+)? ?(?:mg|g|mcg|ml|units?|tablets?|tabs?)\b", " ", rest)
        about = f"{about} {tail}"
    return about


def _wide(note: Note, sentences: list[Sentence]) -> str:
    """The cited sentences with those just before: lengths of earlier stages, the day that a course counts from."""
    first, last = min(s.number for s in sentences), max(s.number for s in sentences)
    return fold("\n".join(s.text for s in note.sentences if first - 3 <= s.number <= last + 1))


def _without_old(evidence: str, claim: str) -> str:
    """Without the doses that are not the new one: "from 5 mg to 10 mg", "by 5 mg", "5 -> 10 mg"; a title may name them with the same word."""
    dose = r"\d+(?:\.\d+)? ?(?:mg|mcg|g|ml|units?|tablets?)?"
    for word, old in (
        ("from", rf"\bfrom {dose} ?(?=to\b|twice|bid|once)"),
        ("by", rf"(?<!followed )\bby {dose}"),
        ("->", rf"{dose} ?-+>"),
    ):
        if word not in claim:
            evidence = re.sub(old, " ", evidence)
    if "from" not in claim and " to " not in claim:  # "change atorvastatin 20 mg to 40 mg": 40 is the new dose
        evidence = re.sub(
            rf"\b((?:chang|switch|increas|decreas|reduc|rais|lower|titrat)\w* (?:[a-z-]+ ){{0,4}}){dose} (?=to \d)",
            r"\1",
            evidence,
        )
    return evidence


def _pairs_fault(claim: str, evidence: str, narrow: str, day: date) -> str | None:
    """Each dose of the item stands with its own medicine in the evidence, and in the words that are quoted."""
    found = named(claim)
    if re.search(r"\d (?:thousand|million|billion)\b", claim) and not re.search(r"thousand|million|billion", evidence):
        return "number"
    for n, (name, start, _) in enumerate(found if len(found) > 1 else ()):
        own = claim[start : found[n + 1][1] if n + 1 < len(found) else len(claim)]
        if (
            any(alike(name, w) for w, _, _ in named(evidence))
            and not read(own, day).doses <= read(segment(evidence, name), day).doses
        ):
            return "number"
    quoted = read(narrow, day).doses
    same_kind = {k for k, _ in quoted}
    return (
        "number"
        if quoted and any(k in same_kind and (k, a) not in quoted for k, a in read(claim, day).doses) and len(found) < 2
        else None
    )


def _figures_fault(said: Facts, facts: Facts, wide: Facts, claim: str, day: date, start: int) -> str | None:
    kinds = {k for k, _ in facts.doses}
    for kind, amount in said.doses:
        if (kind, amount) in facts.doses:
            continue
        known = {round(a, 3) for _, a in facts.doses} | facts.numbers
        return "unit" if kind not in kinds and amount in known else "number"
    times = facts.times | {24 // h for h in facts.hours if h <= 24} | ({len(facts.clocks)} if facts.clocks else set())
    times |= _awake(facts)
    parts = len(facts.parts & {"morning", "noon", "evening", "bedtime"})
    times |= set(range(1, parts + 1)) if parts else set()
    times |= {1} if facts.every or facts.weekdays or facts.per_week or parts else set()
    if not said.times <= times | {1} or (said.times == {1} and facts.times and 1 not in times):
        return "frequency"
    every = facts.every | ({7, 14} if facts.weekdays or facts.per_week else set()) | {1}
    if (
        not said.hours <= facts.hours
        or not said.every <= every
        or not said.per_week <= facts.per_week | ({1} if 7 in every else set())
    ):
        return "frequency"
    lengths = (
        set(facts.durations)
        | _borrowed(facts, wide)
        | facts.starts
        | wide.ends
        | {e + 1 for e in wide.ends}
        | facts.every
        | wide.starts
    )
    lengths |= {round(7 * n) for n in facts.numbers} if re.search(r"\bwks?\b|weeks", facts.text) else set()
    if not set(said.durations) <= lengths | _counted(facts):
        return "duration"
    ahead = {days_of(m[1], m[2]) for m in re.finditer(r"\bin (\d+) (day|week|month|year)s?\b", claim)}
    if not ahead <= facts.starts | wide.starts | lengths | {start}:
        return "start"
    clocks = facts.clocks | ({"12:00"} if "noon" in facts.parts else set())
    if not said.weekdays <= facts.weekdays | wide.weekdays or not said.clocks <= clocks:
        return "frequency" if said.clocks - clocks else "start"
    plain = {float(n) for n in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", _TYPED.sub(" ", claim))}
    known_numbers = facts.numbers if facts.doses or named(claim) else facts.numbers | wide.numbers
    known_numbers = (
        known_numbers | {a for _, a in facts.doses} | {float(t) for t in times} | {float(d) for d in facts.durations}
    )
    amounts = {a for _, a in said.doses}
    dated = {float(d.day) for d in (_day(day, e) for e in wide.ends | wide.starts)} | {
        float(_day(day, e).year) for e in wide.ends
    }
    left = {n for n in plain if n not in known_numbers and n not in amounts and n not in dated and n != 1}
    left -= {n for n in plain if any(abs(n * f - a) < 1e-9 for _, a in said.doses for f in (1000, 0.001, 1))}
    return "number" if left else None


def _day(day: date, offset: int) -> date:
    return date.fromordinal(day.toordinal() + max(min(offset, 2000), -2000))


def _counted(facts: Facts) -> set[int]:
    """Lengths that follow from a number of doses."""
    per_day = (facts.times | {24 // h for h in facts.hours if 0 < h <= 24}) or {1}
    every = facts.every or {1}
    return {round(c / t * e) for c in facts.counts for t in per_day for e in every if c % t == 0}


def _plan_fault(item: PlanItem, facts: Facts, wide: Facts, day: date) -> str | None:
    return (
        _frequency_fault(item, facts, wide) or _length_fault(item, facts, wide) or _start_fault(item, facts, wide, day)
    )


def _frequency_fault(item: PlanItem, facts: Facts, wide: Facts) -> str | None:
    n = item.times_per_day
    here = facts if _says_when(facts) or re.search(r"\b(?:prn|needed|required)\b", facts.text) else wide
    times = (
        set(here.times) | {24 // h for h in here.hours if 0 < h <= 24} | {len(here.clocks)}
        if here.clocks
        else set(here.times) | {24 // h for h in here.hours if 0 < h <= 24}
    )
    times |= _awake(here)
    if here.times and max(here.times) > 1 and not here.hours:
        times -= (
            {1}
            if not (here.parts and re.search(r"\b(?:daily|1 times)\b", here.text) and len(here.parts) == 1)
            and not _single(here)
            else set()
        )
    parts = here.parts
    if parts and (not times - {1} or re.search(r"meals?\b|comidas|repas", here.text)):
        times |= set(range(1, len(parts) + 1))
    if here.every or here.weekdays or here.per_week or (here.open and not times):
        times |= {1}
    if here.per_week and n in here.per_week and item.every_days == 7:
        times.add(n)
    if (
        not item.as_needed
        and n not in times
        and not (n == 1 and item.duration_days == 1 and (facts.starts or facts.weekdays))
    ):
        lasting = n == 1 and (facts.durations or facts.open) and not facts.doses and not facts.times - {1}
        if not lasting:
            return "frequency"
    if item.as_needed and n > 1 and times and n not in times and not any(n <= t for t in times | facts.limits):
        return "frequency"
    if item.parts and not set(item.parts) <= parts | facts.parts:
        return "frequency"
    every = (
        here.every
        | {d for d in (7, 14) if here.weekdays}
        | {x for p in here.per_week if p for x in (7 // p, -(-7 // p), 7, 1)}
    )
    daily = (
        bool(here.times | here.hours | here.parts | here.clocks | set(here.durations)) or here.open or item.as_needed
    )
    weekly_only = here.every and 1 not in here.times and min(here.every) > 1 and not here.hours
    if (
        item.every_days != 1
        and item.every_days not in every
        and not any(abs(item.every_days - e) <= e // 20 for e in every)
    ):
        return "frequency"
    if (
        item.every_days == 1
        and not item.as_needed
        and ((weekly_only and not here.per_week) or (here.weekdays and not daily))
        and not (item.weekdays or item.duration_days == 1)
    ):
        return "frequency"
    if (
        item.weekdays
        and not {WEEKDAYS.index(w) for w in item.weekdays} <= here.weekdays | facts.weekdays | wide.weekdays
    ):
        return "frequency"
    if (
        item.on_day is not None
        and item.on_day != "last"
        and item.on_day not in facts.numbers
        and not re.search(r"1st|first|primer", facts.text)
    ):
        return "frequency"
    return None


def _awake(facts: Facts) -> set[int]:
    """How often "every 2 hours while awake" may be."""
    if not re.search(r"awake|by day|daytime|waking", facts.text):
        return set()
    return {t for h in facts.hours if h for t in range(10 // h, 18 // h + 1)}


def _single(facts: Facts) -> bool:
    """Whether the text also gives a stage taken once a day."""
    return bool(
        re.search(
            r"\b(?:then|followed by|week \d|day \d|thereafter|1 times|daily|od|nocte|mane|night|morning)\b", facts.text
        )
    )


def _says_when(facts: Facts) -> bool:
    return bool(
        facts.times or facts.hours or facts.every or facts.weekdays or facts.per_week or facts.clocks or facts.parts
    )


_COURSE = re.compile(
    r"(?:\bfor|\bx|×|\bdurante|\bpendant|\bdaily|\bday|\b[btq]i?d|\b[tq]ds|\bod|\bnocte|\bmane) (?:the |a |another |further |next )*"
    r"\d+(?:\.\d+)? (?:more )?(?:days?|weeks?|months?|dias|semanas|meses|jours)\b(?! before| ago| old)"
)
_FOLLOWED = re.compile(
    r"\b(?:then|thereafter|after that|followed|luego|despues|puis|ensuite|first|from|repeat|review|history)\b"
)


def _length_fault(item: PlanItem, facts: Facts, wide: Facts) -> str | None:
    days, start = item.duration_days, item.start_in_days
    if days is None:
        said = _COURSE.findall(facts.text)
        if len(said) == 1 and not facts.open and not item.as_needed and not _FOLLOWED.search(facts.text):
            return "duration-left-out"
        return None
    lengths = set(facts.durations) | _borrowed(facts, wide) | _counted(facts)
    if re.search(r"\b(?:reduc|decreas|increas|taper|wean|titrat|step)\w* .*\bby\b|\bby \d", facts.text):
        lengths |= facts.every  # "reduce by 5 mg every week": the first stage lasts a week
    lengths |= {d for s in (*facts.starts, *wide.starts) for d in (s, s - start) if d > 0}
    if facts.open or re.search(
        r"\b(?:through|to|stop|finish\w*|ending|ends|last|up to|complete|inclusive)\b", facts.text
    ):
        lengths |= {e - start + extra for e in facts.ends | wide.ends for extra in (0, 1)}
        lengths |= {e - s + 1 for e in facts.ends for s in facts.starts | wide.starts}
    if days in lengths or (
        days == 1
        and (facts.starts or facts.weekdays or re.search(r"\b(?:1 times|stat|today|tonight|single)\b", facts.text))
    ):
        return None
    step = max(item.every_days, 1)
    if any(abs(days - n) <= max(n // 20, 0) or -(-days // step) == -(-n // step) for n in lengths if n > 0):
        return None
    if re.search(r"\bcouple|\bfew|varios|quelques", facts.text) and 2 <= days <= 7:
        return None
    if re.search(r"\bweeks?\b", facts.text) and facts.open and days % 7 == 0:
        return None
    return "duration"


def _borrowed(facts: Facts, wide: Facts) -> set[int]:
    """Lengths said of something else that this one goes with: "while on steroids", "for the same 12 weeks"."""
    if not (
        facts.open
        or re.search(r"\b(?:same|then|thereafter|following|finish\w*|until then|alongside|also)\b", facts.text)
    ):
        return set()
    return (
        set(wide.durations)
        | {sum(wide.durations[:n]) for n in range(2, 6)}
        | {sum(wide.durations[-n:]) for n in (2, 3)}
    )


_STAGED = re.compile(
    r"\b(?:then|after(?! (?:the )?(?:meals?|food|breakfast|lunch|dinner|eating|each|every|rinse|bath\w*|surgery))|afterwards|follow\w*|thereafter|reduc\w*|increas\w*|drop|week \d|day \d|next|complete\w*|luego|despues|resume|restart|start\w*|begin\w*)\b"
)


def _start_fault(item: PlanItem, facts: Facts, wide: Facts, day: date) -> str | None:
    start = item.start_in_days
    sums, total = {0}, 0
    staged = len(facts.durations) > 1 or _STAGED.search(facts.text)
    for length in (*wide.durations, *_counted(wide)) if staged else ():
        total += length
        sums |= {total, *(length + s for s in list(sums)[:64])}
    if wide.weekdays and staged:
        sums |= {s + (w - day.weekday()) % 7 for s in list(sums)[:64] for w in wide.weekdays}
    if start == 0:
        later = re.search(
            r"\b(?:starting|start|from|beginning|begin) (?:tomorrow|next week|in \d)|\bfrom tomorrow\b|\ba partir de manana\b",
            facts.text,
        )
        single = len(facts.weekdays) == 1 and item.every_days == 7 and (min(facts.weekdays) - day.weekday()) % 7
        return (
            "start"
            if (later or (single and not facts.times - {1})) and not (item.as_needed or item.duration_days == 1)
            else None
        )
    named = facts.weekday_starts if len(facts.weekdays) == 1 or item.every_days == 7 else set()
    known = (
        facts.starts | (wide.starts | wide.weekday_starts if staged else named) | sums | {s + 1 for s in facts.starts}
    )
    if staged:
        known |= {a + b for a in list(wide.starts)[:16] for b in list(sums)[:64]}
    return None if start in known or (item.duration_days == 1 and start - 1 in known) else "start"


def _condition_fault(item: Item | PlanItem, about: str, evidence: str) -> str | None:
    if item.as_needed:
        plain = isinstance(item, PlanItem) or pattern("often").search(about)
        return "condition" if plain and not pattern("condition").search(evidence) else None
    text = re.sub(r"\b(?:call|return|come back|phone|see|go to|ring|contact|review)\b[^.;]*", " ", about)
    needed = pattern("prn").search(text.split(" then ")[0])
    return "condition-left-out" if needed and isinstance(item, PlanItem) else None


def _opposite_fault(claim: str, about: str) -> str | None:
    """ "Right" where only the left is spoken of, "after" where only before is."""
    for one, other in words()["opposites"]:
        a, b = (re.compile(rf"(?<![\w/-])(?:{row})(?![\w/-])") for row in (one, other))
        for x, y in ((a, b), (b, a)):
            if x.search(claim) and not y.search(claim) and y.search(about) and not x.search(about):
                return "opposite"
    return None


def _repeated(facts: Facts) -> bool:
    return bool(facts.times - {1} or facts.hours) and bool(facts.doses or facts.times - {1})
