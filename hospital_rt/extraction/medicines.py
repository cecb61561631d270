"""Medicines and schedules of a sentence as candidates: what the dose grammar read, with title and question."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

from hospital_rt.extraction import sig
from hospital_rt.extraction.acts import ORDERS, Candidate, Finder, act_terms, frames
from hospital_rt.extraction.api import Note, Sentence
from hospital_rt.extraction.compose import MAX_TITLE, order, plain, shorten, with_condition
from hospital_rt.extraction.lexicon import load
from hospital_rt.extraction.second_person import to_patient
from hospital_rt.extraction.sig import SigMatch


def _joined(matches: list[SigMatch]) -> list[SigMatch]:
    """A dose and a schedule of one medicine that the sentence gives apart ("Motrin, 800 mg to take every 6 hours")."""
    joined: list[SigMatch] = []
    for match in matches:
        last = joined[-1] if joined else None
        if (
            last
            and last.medicine
            and last.medicine == match.medicine
            and not last.scheduled
            and not last.as_needed
            and last.dose
            and match.scheduled
            and not match.dose
            and not match.stage
        ):
            joined[-1] = replace(match, start=last.start, dose=last.dose, form=match.form or last.form)
        elif last and (slots := _two_doses(last, match)):
            joined[-1] = replace(
                last,
                end=match.end,
                times_per_day=2,
                parts=last.parts or match.parts,
                times=last.times or match.times,
                doses_by_part=slots,
            )
        else:
            joined.append(match)
    return joined


def _two_doses(one: SigMatch, other: SigMatch) -> tuple[tuple[str, str], ...]:
    """Each dose and its place in the day, where one is at a part of the day and the next at a clock time: "80 mg om and
    40 mg at 2 pm"; else nothing.
    """
    same = one.medicine_span and one.medicine_span == other.medicine_span and 0 <= other.start - one.end <= 5
    plain_days = not (one.duration_days or other.duration_days or one.stage or other.stage or other.as_needed)
    when, then = (one.parts or one.times or ()), (other.parts or other.times or ())
    mixed = bool(one.parts) != bool(other.parts) and bool(one.times) != bool(other.times)
    if not (same and plain_days and mixed and one.dose and other.dose and len(when) == len(then) == 1):
        return ()
    return ((one.dose, when[0]), (other.dose, then[0]))


@dataclass(frozen=True)
class Carried:
    """The medicine on which a sentence ends, and the number of the sentence that names it."""

    match: SigMatch
    named_in: int


def medicine_candidates(
    sentence: Sentence, note: Note, finder: Finder, before: Carried | None = None
) -> tuple[list[Candidate], Carried | None]:
    """Candidates for every medicine and every frequency of the sentence, and the medicine that it ends on.

    ``before``: the medicine of the sentence before, of which this one may go on ("Then 20 mg daily").
    """
    matches = _joined(
        sig.find(sentence.text, day=note.day, language=note.language, after=before.match if before else None)
    )
    matches = _unsettled(matches, sentence.text)
    found: list[Candidate] = []
    last: Carried | None = None
    for match in matches:
        if before and not match.medicine_span and not before.match.scheduled and before.match.dose and match.dose:
            match = _with_strength(match, before.match.dose)
        named_in = before.named_in if before and match.medicine and not match.medicine_span else sentence.number
        candidate = _candidate(match, finder, note.day)
        if candidate is not None:
            found.append(replace(candidate, named_in=named_in))
            found += [_beside(finder, *span) for span in match.beside]
        ordered = match.dose or match.scheduled or match.as_needed  # a mention alone is nothing to go on with
        last = Carried(match, named_in) if match.medicine and ordered and not match.stopped else None
    return found, last


def _beside(finder: Finder, start: int, end: int) -> Candidate:
    """A question about words that are not known and stand beside a medicine with "and"."""
    words = finder.text[start:end]
    return Candidate(
        act="vague",
        start=start,
        end=end,
        title=words,
        key=f"beside:{words.lower()}",
        cues=finder._cues(start, end, "act=medicine", "medverb", "named"),
        question="which-medicine",
        text=f"Is “{words}” to be taken or done too, and how often?",
    )


def _unsettled(matches: list[SigMatch], text: str) -> list[SigMatch]:
    """With what the words between medicines leave open: of two with "or" between them one is meant; one "with" another
    that is as needed may be as needed too; a second dose behind one that was not read belongs to it.
    """
    found = list(matches)
    for n, one in enumerate(matches):
        dose = _SECOND_DOSE.match(text, one.end)
        if one.medicine and dose and not any(one.end <= other.start < dose.end() for other in matches):
            found[n] = replace(one, asks=("how-often", *one.asks))
    for n, (one, other) in enumerate(pairwise(matches)):
        between = text[one.end : other.start]
        turns = _ALTERNATE.search(text)
        if one.medicine and other.medicine and turns and turns.start() <= one.start:
            for at in (n, n + 1):
                found[at] = replace(found[at], asks=("how-often", *found[at].asks))
        if one.medicine and other.medicine and one.named and other.named and re.fullmatch(r",? or ", between, re.I):
            for at in (n, n + 1):
                if "which-medicine" not in found[at].asks:
                    found[at] = replace(found[at], asks=("which-medicine", *found[at].asks))
        again = one.medicine_span and one.medicine_span == other.medicine_span and one.dose and one.dose != other.dose
        placed = (other.parts or other.times) and not (other.stage or other.start_in_days or other.as_needed)
        if again and placed and other.dose and not (one.weekdays or other.weekdays):
            for at in (n, n + 1):
                found[at] = replace(found[at], asks=("how-often", *found[at].asks))
        if one.medicine and other.as_needed and not one.as_needed and re.fullmatch(r" (?:with|plus) ", between, re.I):
            found[n] = replace(found[n], asks=("how-often", *found[n].asks))
    return found


def _with_strength(match: SigMatch, strength: str) -> SigMatch:
    """A count ("one") with the strength that the sentence before gives ("500 mg tablets")."""
    counted = match.dose and not re.search(r"\d\s*(?:m?c?g|ml|units?|iu|%)\b", match.dose, re.I)
    return replace(match, dose=f"{strength}, {match.dose}") if counted else match


def _candidate(match: SigMatch, finder: Finder, day: date) -> Candidate | None:
    text, sentence = finder.text, finder.sentence
    at, stop = (
        match.medicine_span
        if match.medicine_span and match.medicine_span[0] >= match.start - 3
        else (match.start, match.end)
    )
    last = text.find(match.until, at) if match.until else match.end  # an end that is an event is no doubt
    stop = min(stop, last) if last > at else stop
    bad = finder._bad(at, stop) | (finder._bad(match.start, last) if match.medicine else set())
    cats = finder._cats(at, stop)
    ordering = sentence.section in ORDERS
    before = text[max(0, match.start - 80) : match.start]
    verbs = list(finder.frames.medicine_order.finditer(text, max(0, match.start - 60), match.start))
    start = (
        verbs[-1].start() if verbs and not re.search(r"[.;]|\d", text[verbs[-1].end() : match.start]) else match.start
    )
    strong = bool(finder.frames.medicine_strong.search(text[: match.end]))
    if match.stopped or "stopped" in cats:
        return _stop(match, finder, ordering)
    if match.scheduled and not match.duration_days and _LAST_DOSE.search(text, match.start):
        return None  # its last day is over
    needed = {
        row for category, low, high, row in finder.scopes if category == "considered" and low < stop and at < high
    }
    if match.as_needed and (re.search(r"\bmay\b", before, re.I) or needed == {"if-needed"}):
        bad = bad - {"considered"}
    if bad:
        return None
    if not ordering and not strong:
        return None
    name = None if _REPEATED.search(match.dose or "") else match.medicine
    if name is None:
        return _unnamed(match, finder) or _scheduled_act(match, finder)
    if (
        not match.dose
        and (not verbs or verbs[-1][0].lower() == "for")
        and finder.frames.measured.search(text)
        and _ANALYTE.fullmatch(name)
    ):
        return None
    cues = finder._cues(
        start,
        match.end,
        "act=medicine",
        *(("scheduled",) if match.scheduled else ()),
        *(("complete",) if match.complete else ()),
        *(("prn",) if match.as_needed else ()),
        *(("named",) if match.named else ()),
        *(("dose",) if match.dose else ()),
        *(("medverb",) if verbs else ()),
        *(("strongmed",) if strong else ()),
        *(f"ask={slug}" for slug in match.asks),
    )
    title, detail = medicine_title(match, finder.language, text)
    if complaint := _rescue(match, finder.language, text):
        asks = tuple(a for a in match.asks if a != "how-often")
        match = replace(
            match, as_needed=True, condition=complaint, end=text.index(complaint, match.end) + len(complaint), asks=asks
        )
        title, detail = medicine_title(match, finder.language, text)
    detail = _own_words(match, finder) or detail
    question = _question(match, text, before, held="conditional" in cats)
    if match.dose and not match.scheduled and finder._terms_in(name):
        return None  # "OGTT 75 g": a test
    turned_to = finder.frames.contact.search(text, match.end)
    if (
        not match.named
        and not match.scheduled
        and not match.dose
        and turned_to
        and finder.frames.condition.search(text)
    ):
        return None  # "Use the inhaler and call 911 if ...": advice with a condition
    if last_dose := _last_dose(match, finder, day):
        return last_dose
    if not match.named and _HOURS.search(text, match.start, match.end):
        return None
    if (
        not verbs
        and not match.scheduled
        and not match.as_needed
        and not match.once
        and not match.dose
        and not match.asks
    ):
        return None
    common: dict[str, Any] = {
        "act": "medicine",
        "start": start,
        "end": match.end,
        "title": title,
        "detail": detail,
        "key": _key(match),
        "as_needed": match.as_needed,
        "changes": bool(verbs) and bool(_CHANGES.match(verbs[-1][0])),
        "cues": cues,
        "sure": match.complete
        and not match.leftovers
        and not (match.as_needed and match.start_in_days)
        and not _dose_passed_over(match, text)
        and not _BARE_COUNT.fullmatch(match.dose or "")
        and (match.doses_by_part or len(set(_MASS.findall(match.dose or ""))) < 2)
        and not (match.until and not match.duration_days),
    }
    if question:
        answers = _answers(match, finder.language, question)
        return Candidate(**common, question=question, text=_question_text(question, match), answers=answers)
    bare = match.as_needed and not (match.scheduled or match.dose or match.doses_by_part)
    schedule = None if bare or (match.once and not match.as_needed) else _schedule(match)
    return Candidate(**common, schedule=schedule)


def _own_words(match: SigMatch, finder: Finder) -> str | None:
    """The note's words of a medicine as needed of which not all were read: "every 5 minutes as needed, max 3 doses"."""
    if not match.leftovers or not match.as_needed:
        return None
    said = finder.text[match.start : max(match.end, finder._clause(match.end - 1)[1])]
    return plain(to_patient(said), finder.language)[:300]


def _dose_passed_over(match: SigMatch, text: str) -> bool:
    """Whether the instruction says an amount behind the medicine's name, of which its dose was not read."""
    if match.dose or match.doses_by_part or match.as_needed or match.medicine_span is None:
        return False
    return bool(_AMOUNT.search(text, match.medicine_span[1], match.end))


_AMOUNT = re.compile(r"\d ?(?:mg|mcg|micrograms?|µg|g|units?|iu|ml)\b", re.I)


def _question(match: SigMatch, text: str, before: str, *, held: bool) -> str | None:
    """The slug of what is open in the instruction or by the words around it, or None when an item can be made.

    ``held``: the words around it keep the medicine in reserve.
    """
    if slug := _open(match):
        return slug
    if match.limit and re.fullmatch(r"(?:a|per|each|in a) day|daily", match.limit.strip(), re.I):
        return "how-much"  # "up to 8 tablets a day": the number went elsewhere
    if match.as_needed and match.max_per_day is None and _UP_TO_A_DAY.search(text, match.start, match.end + 25):
        return "how-much"
    if match.duration_days and _RUNNING.search(text, match.start, match.end + 40):
        return "how-long"
    if not match.start_in_days and not match.stage and _AFTERWARDS.search(before):
        return "which-day"
    if not match.start_in_days and _SKIPS.search(text, match.start):
        return "which-day"
    if match.as_needed and match.start_in_days and match.condition and len(set(_MASS.findall(match.dose or ""))) > 1:
        return "how-much"  # "1.25 mg, up to 2.5 mg after 2 weeks if the pulse is above 60"
    if match.as_needed:
        return None
    if not match.start_in_days and (_AFTER_EVENT.search(text[: match.start]) or _NEXT_IN.match(text, match.end)):
        return "which-day"
    return "other" if held else "which-day" if _SEASON.search(text, match.start, match.end + 40) else None


def _open(match: SigMatch) -> str | None:
    """The slug of what is open, or None when an item can be made."""
    if match.conflict:
        return "contradiction"
    for slug in ("implausible", "contradiction"):
        if slug in match.asks:
            return slug
    if match.start_in_days is None:
        return "which-day"
    plain_class = match.scheduled and _CLASS.search(match.medicine or "")
    if match.medicine and not match.named and not match.form and not match.dose and not plain_class:
        return "which-medicine"
    if match.scheduled or match.as_needed or match.once:
        loose = {"how-long", "how-much"} | ({"which-day"} if match.per_week and match.medicine is None else set())
        if match.scheduled and _CLASS.search(f"{match.medicine or ''} {match.form or ''}"):
            loose |= {"which-medicine"}
        blocking = [slug for slug in match.asks if slug not in loose]
        return blocking[0] if blocking and not match.as_needed else None
    return match.asks[0] if match.asks else "how-often"


Answer = tuple[str, str, dict[str, Any] | None, bool]


def _answers(match: SigMatch, language: str, question: str) -> tuple[Answer, ...]:
    """Ready answers to what is open of a medicine: how often, on which days, or which of two schedules."""
    words = load(language, "titles")
    answers: list[Answer] = []

    def add(**fields: Any) -> None:
        said = replace(match, as_needed=False, asks=(), conflict=False, **fields)
        label = frequency_words(said, words)
        answers.append((label[:1].upper() + label[1:], medicine_title(said, language)[0], _schedule(said), False))

    if not match.named:
        return ()
    if question == "which-day" and match.per_week in _DAYS_OF:
        for days in _DAYS_OF[match.per_week]:
            add(weekdays=days, every_days=7, per_week=None)
        return tuple(answers)
    if question == "contradiction" and match.times and match.times_per_day == len(match.times):
        for clocks in dict.fromkeys(((), match.times)):
            add(times=clocks or None, times_per_day=len(clocks) or 1, every_days=1)
        return tuple(answers)
    if question not in ("how-often", "other"):
        return ()
    for times in (1, 2, 3) if question == "how-often" else ():
        add(times_per_day=times, every_days=1)
    needed = replace(match, as_needed=True, asks=())
    label = words["when_needed"]
    answers.append((label[:1].upper() + label[1:], medicine_title(needed, language)[0], None, True))
    return tuple(answers)


_DAYS_OF: dict[int, tuple[tuple[str, ...], ...]] = {
    2: (("mon", "thu"), ("tue", "fri"), ("wed", "sat")),
    3: (("mon", "wed", "fri"), ("tue", "thu", "sat")),
    5: (("mon", "tue", "wed", "thu", "fri"),),
}
"""Usual weekdays of so many times a week, as ready answers."""


def _rescue(match: SigMatch, language: str, text: str) -> str:
    """The complaint for which a medicine that is only ever taken in an attack is ordered, else nothing.

    "Use the GTN spray for chest pain": for chest pain.
    """
    said = _FOR.match(text, match.end)
    if match.scheduled or match.as_needed or match.once or match.stopped or said is None:
        return ""
    known = sig.medicines().rescue.fullmatch((match.medicine or "").lower())
    return said[1] if known and act_terms(language).groups["symptom"].search(said[1]) else ""


_FOR = re.compile(r"[^.;]{0,40}?\b((?:for|para|pour)\s+[^.;,]{3,60})", re.I)


def _unnamed(match: SigMatch, finder: Finder) -> Candidate | None:
    """Tablets, puffs or drops at set times, of a medicine that is not named: which one is asked."""
    said = match.dose or finder.text[finder._clause(match.start)[0] : match.start].strip()
    dosed = bool(match.dose) and not match.subject and not _OF_WHAT.search(finder.text, match.start, match.end + 30)
    if not match.scheduled or not _COUNTED.search(said) or not (dosed or _A_PILL.fullmatch(said)):
        return None
    return Candidate(
        act="vague",
        start=match.start if match.dose else finder._clause(match.start)[0],
        end=match.end,
        title=_act_title(finder.text[match.start : match.end], finder.language),
        key=f"unnamed:{said.lower()}:{match.start}",
        cues=finder._cues(match.start, match.end, "act=unnamed", "medverb"),
        question="which-medicine",
        text=f"Which medicine is meant by “{said}”?",
    )


_A_PILL = re.compile(
    r"(?:take |use )?(?:an?|the|this|your|his|her) (?:[a-z]+ )?(?:tablet|capsule|pill|puff|sachet)s?", re.I
)
_COUNTED = re.compile(
    r"\b(?:tab(?:let)?s?|cap(?:sule)?s?|pills?|puffs?|drops?|gtts?|sachets?|units?|lozenges?|comprimidos?|gotas?|cápsulas?)\b"
    r"|\d ?(?:mg|mcg|micrograms?|g)\b",
    re.I,
)
_OF_WHAT = re.compile(r"\bof (?!it\b|this\b|the\b|each\b|every\b)[a-z]{3,}", re.I)


def _last_dose(match: SigMatch, finder: Finder, day: date) -> Candidate | None:
    """ "Warfarin: last dose on March 6": an act of that day."""
    said = _LAST_DOSE.search(finder.text)
    weekly = match.scheduled and match.weekdays and len(match.weekdays) == 1 and match.times_per_day == 1
    if not said or (match.scheduled and not weekly) or match.as_needed or not match.medicine:
        return None
    ahead = sig.schedule(f"until {said[1]}", day=day, language=finder.language)
    if ahead is None or not ahead.duration_days:
        return None
    title = load(finder.language, "titles")["last_dose"].format(
        name=match.medicine, day=plain(said[1], finder.language)
    )
    return Candidate(
        act="errand",
        start=max(0, min(match.start, said.start())),
        end=max(match.end, said.end()),
        title=shorten(title),
        key=f"last:{match.medicine.lower()}",
        cues=finder._cues(match.start, match.end, "act=errand", "named"),
        sure=not match.leftovers,
    )


_LAST_DOSE = re.compile(
    r"\blast (?:dose|tablet|day)\b(?: of [\w-]+)?(?: (?:is|on|the|this))*\s+((?:\w+day,? )?(?:\d{1,2}(?:st|nd|rd|th)? \w+|\w+ \d{1,2}(?:st|nd|rd|th)?|\w+day))",
    re.I,
)


def _key(match: SigMatch) -> str:
    when = (
        ",".join(match.weekdays or ()) + f"/{match.stage}/{match.start_in_days}"
        if match.stage or match.start_in_days or match.weekdays
        else ""
    )
    return f"medicine:{(match.medicine or '').lower()}:{when}{'+' if match.extra else ''}"


def _schedule(match: SigMatch) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "start_in_days": match.start_in_days or 0,
        "times_per_day": match.times_per_day or (match.times_range or (1,))[0],
        "every_hours": match.every_hours,
        "times": list(match.times) if match.times else None,
        "parts": list(match.parts) if match.parts else None,
        "every_days": match.every_days or 1,
        "weekdays": list(match.weekdays) if match.weekdays else None,
        "every_months": match.every_months,
        "on_day": match.on_day,
        "duration_days": match.duration_days,
        "miss_policy": match.miss_policy,
    }
    if fields["parts"] and len(fields["parts"]) + len(fields["times"] or ()) != fields["times_per_day"]:
        fields["parts"] = None
    if match.min_gap_hours or match.max_per_day:
        fields["limits"] = {"min_gap_hours": match.min_gap_hours, "max_per_day": match.max_per_day}
    return fields


def _stop(match: SigMatch, finder: Finder, ordering: bool) -> Candidate | None:
    if not ordering or match.medicine is None:
        return None
    verb = list(finder.frames.stop_order.finditer(finder.text, max(0, match.start - 70), match.start))
    behind = _STOP_BEHIND.match(finder.text, match.medicine_span[1] if match.medicine_span else match.end)
    if behind and not verb and not finder._bad(match.start, behind.end()):
        title = load(finder.language, "titles")["stop"].format(name=match.medicine)
        return Candidate(
            act="stop",
            start=match.start,
            end=behind.end(),
            title=title,
            key=f"stop:{match.medicine.lower()}",
            cues=finder._cues(match.start, behind.end(), "act=stop"),
        )
    if (
        not verb
        or (finder._bad(verb[-1].start(), verb[-1].end()) and not _is_of_next(finder, *verb[-1].span()))
        or finder.frames.condition.search(finder.text[: verb[-1].start()])
    ):
        return None  # "if you are sick, stop ...": advice with a condition
    title = load(finder.language, "titles")["stop"].format(name=match.medicine)
    period = _PERIOD.match(finder.text, match.medicine_span[1] if match.medicine_span else match.end)
    if period:
        title = shorten(f"{title} {_without_on(plain(to_patient(period[1]), finder.language))}")
    start, end = verb[-1].start(), match.medicine_span[1] if match.medicine_span else match.end
    head, tail = _STOP_HEAD.match(finder.text[:start]), _STOP_TAIL.match(finder.text, end)
    condition = head[1] if head else tail[2] if tail else ""
    if tail and tail[1] and not head:  # whether the stop waits for it too is the reader's to see: the note's own words
        end = tail.end()
        title = shorten(order(plain(to_patient(finder.text[start:end]), finder.language), finder.language))
    elif condition:  # "Any rash: stop lamotrigine", "stop Ozempic and ring if the pain is severe"
        words = order(condition, finder.language)
        words = words[:1].lower() + words[1:]
        title = with_condition(title, words if finder.frames.condition.match(words) else f"if {words}")
        end = max(end, tail.end()) if tail else end
    return Candidate(
        act="stop",
        start=start,
        end=end,
        title=title,
        detail=plain(finder.text, finder.language)[:300],
        key=f"stop:{match.medicine.lower()}",
        as_needed=bool(condition),
        cues=finder._cues(start, match.end, "act=stop"),
    )


def _is_of_next(finder: Finder, start: int, end: int) -> bool:
    """Whether the condition that reaches these words is that of another clause: "stop ibuprofen and start naproxen if ..."."""
    clause = finder.text[slice(*finder._clause(start))]
    considered = finder._bad(start, end) == {"considered"} and finder._rows_at(start, end) == {"if-needed"}
    return considered and not finder.frames.condition.search(clause)


_STOP_BEHIND = re.compile(
    r"(?:,? ?\d+(?:\.\d+)? ?(?:mg|mcg|g|ml|units?|%))?(?:\s+(?=held\b|stopped\b|discontinued\b|on hold\b)|\s*[(\[:=→–—-]+\s*)(?:to )?(?:on hold|stop(?:ped)?|discontinued?|d/c(?:'?d)?|hold|held)\b[)\]]?",
    re.I,
)
"""An order to stop behind the name of the medicine: "Ibuprofen (STOP)"."""
_STOP_HEAD = re.compile(
    r"\s*((?:any|new|severe|worsening|persistent|for any)\b[^:→–-]{2,60}?)\s*(?::|→|[-–]+>?)\s*$", re.I
)


def _without_on(said: str) -> str:
    return re.sub(r"^on (?=\w+day)", "this ", said)


_PERIOD = re.compile(
    r"\s+((?:for (?:the )?(?:\d+|one|two|three|four|five|a) (?:days?|weeks?|hours?|hrs?|months?)(?: (?:before|prior to|after) [^.;,]{3,40})?|"
    r"(?:\d+|one|two|three|five|seven) (?:days?|weeks?|hours?) (?:before|prior to) [^.;,]{3,40}|"
    r"(?:before|until|till|on the morning of|the (?:day|night|morning) (?:of|before)|from|after) [^.;,]{3,40}|today|tomorrow|tonight|on \w+day))",
    re.I,
)
"""When, or how long, a medicine is not to be taken."""
_STOP_TAIL = re.compile(
    r"(?:(?:,\s*|\s+(?:and|or|&)\s+|/)(?!(?:if|when|ring|call|contact|see|phone|return|come|go|seek|tell|immediately|at)\b)[\w-]+){0,4}?"
    r"\s*(?:(?:immediately|at once|and|&|,)\s+)*((?:ring|call|contact|see|phone|return|come|go|seek|tell)\b[^.;]{0,60}?)?"
    r"\s*\b((?:if|when)\b[^.;]*)",
    re.I,
)


def _scheduled_act(match: SigMatch, finder: Finder) -> Candidate | None:
    """A home act, monitoring or therapy with a frequency."""
    lasting = match.duration_days and not match.scheduled and not match.once
    if match.once or not (match.scheduled or lasting or match.times_range):
        return None
    if (match.every_days or 1) >= 7 and _TOTAL.search(finder.text[max(0, match.start - 60) : match.end]):
        return None  # "150 minutes of walking a week": an amount, not how often
    if not lasting and not finder.frames.repeats.search(finder.text, match.start, match.end):
        return None  # "by Sunday", "at 6 pm", "the night before": its one day
    clause_start, clause_end = finder._clause(match.start)
    text = finder.text
    lead = re.compile(r"\s*(?:[^:]{1,40}:\s+)?").match(text, clause_start, clause_end)
    begin = lead.end() if lead and finder.ordering and lead.end() <= match.start else min(clause_start, match.start)
    words = text[begin : max(clause_end if clause_end - match.end < 60 else match.end, match.end)]
    groups = finder.terms.groups
    therapy = groups["therapy"].search(words) if "therapy" in groups else None
    if (
        therapy
        and finder.ordering
        and begin + therapy.end() <= match.start
        and _STARTS.search(words[: therapy.start()])
    ):
        begin += therapy.start()  # "We will start physical therapy twice a week"
        words = words[therapy.start() :]
    doing = groups["exercise"].search(words) or groups["monitor"].search(words)
    last = text.find(match.until, match.start) if match.until else match.end
    if re.search(r"\bi am\b", finder.text[max(0, match.start - 3) : match.end], re.I) or finder._bad(begin, last):
        return None
    if not doing and (
        (finder._terms_in(words) and (match.every_days or 1) >= 7)
        or finder.frames.visit.search(words)
        or _CLINIC.search(words)
    ):
        return None
    if lasting and ((match.duration_days or 0) > 14 or re.search(r"\b(?:surg|post-?op|operat)", finder.text, re.I)):
        return None
    if lasting and not (
        groups["device"].search(words) or re.search(r"weight[- ]bearing|\b(?:rest|wear|use|keep)\b", words, re.I)
    ):
        return None
    title = _scheduled_title(words, text[clause_start:begin], finder)
    verb = title.split(" ")[0].lower() if title else ""
    if not title or not (
        doing
        or (verb != "do" and _is_verb(verb, finder.language))
        or finder._terms_in(words)
        or groups["device"].search(words)
        or ((match.complete or (match.per_week and not match.leftovers)) and finder.ordering)
    ):
        return None
    if verb in ("call", "see", "return", "come") or not re.search(r"[^\W\d_]{3}", words):
        return None
    if not lasting and re.search(
        r"\b(?:after|following) (?:the |your |his |her )?(?:surgery|operation|procedure)|post-?operative",
        finder.text[: match.end],
        re.I,
    ):
        return Candidate(
            act="home",
            start=begin,
            end=match.end,
            title=title,
            key=f"scheduled:{title.lower()[:50]}",
            cues=finder._cues(begin, match.end, "act=scheduled"),
            question="which-day",
            text="On which day does this start?",
        )
    ranged = match.times_range is not None and match.medicine is None
    question = None if lasting or ranged else _open(match)
    stages = re.split(r"\bthen\b", text[clause_start:clause_end], flags=re.I)
    if sum(bool(finder.frames.repeats.search(stage)) for stage in stages) > 1:
        question = question or "how-often"  # it goes on in another way
    no_verb = title.split(" ")[0].lower() not in words.lower().split()
    if no_verb and (_TOLD.match(words) or _DID.search(words) or (not doing and groups["symptom"].search(words))):
        return None  # "worse at night", "stools 3 times a day", "he walks daily": a finding
    cues = finder._cues(
        begin,
        match.end,
        "act=scheduled",
        *(("no-verb",) if no_verb else ()),
        *(("complete",) if match.complete else ()),
        *(f"ask={s}" for s in match.asks),
    )
    common: dict[str, Any] = {
        "act": "home",
        "start": begin,
        "end": match.end,
        "title": title,
        "detail": plain(to_patient(words), finder.language)[:400],
        "key": f"scheduled:{title.lower()[:50]}",
        "as_needed": match.as_needed,
        "cues": cues,
        "sure": match.complete
        and not _NO_OBJECT.match(title)
        and match.every_hours != 1
        and text.count(",", begin, match.start) < 2,  # several acts in a row: of which of them?
    }
    if question:
        return Candidate(**common, question=question, text=_question_text(question, match))
    return Candidate(**common, schedule=_schedule(match))


def _scheduled_title(words: str, head: str, finder: Finder) -> str:
    """The title of an act with a frequency; empty where its words open with a condition. ``head``: what stands before."""
    if finder.frames.condition.match(words.lstrip(" -–—")):
        return ""  # "if it upsets you take it in the morning": advice
    title = _act_title(words, finder.language)
    about = _HEAD.fullmatch(head) if _VERB_ALONE.match(title) else None
    if about is None:
        return title
    verb, rest = title.split(" ", 1)
    return shorten(f"{verb} the {plain(about[1], finder.language)} {rest}")


_STARTS = re.compile(
    r"\b(?:i|we) (?:will|would like to|want to|are going to) (?:\w+ )?(?:start|begin|initiate|order|continue|arrange|schedule|refer|send|get)\b[^.;]*$",
    re.I,
)
"""The clinic's wording of an order before a therapy."""
_VERB_ALONE = re.compile(r"\w+ (?:once|twice|thrice|daily|weekly|every|each|\d)\b", re.I)
"""A title whose verb has no object."""
_NO_OBJECT = re.compile(
    r"(?:check|test|record|apply|use|change|log|wear|give|repeat|do) (?:once|twice|daily|every|each)\b", re.I
)
"""The same where the verb needs one: "Check daily"."""
_HEAD = re.compile(r"\W*(?:(?:start|begin|use|continue|the|your|his|her)\s+)*((?:[\w-]+ ){0,2}[\w-]+):\s+", re.I)
"""The words before a colon, which name what follows: "Start HRT patch: change twice a week"."""
_DID = re.compile(
    r"\b(?!(?:need|unaffected|affected)\b)[a-z]{2,}ed (?:his|her|their|your|the|an?|it|him|them|by|up|out)\b", re.I
)
"""A verb in the past with its object."""
_TOLD = re.compile(
    r"\W*[a-z]+(?<!s)(?<!u)(?<!i)s (?:the|his|her|their|a|an)\b|\W*(?:the |this |his |her )?(?:patient|pt|boy|girl|child|baby|mother|father|mum|mom|dad|he|she|they|i|we|it|this|there)(?:'\w+)?\b",
    re.I,
)
"""An opening that tells of somebody."""
_ANALYTE = re.compile(
    r"potassium|sodium|calcium|magnesium|iron|ferritin|folate|glucose|b12|vitamin d|lithium|digoxin|zinc|urea|creatinine",
    re.I,
)
"""Names of medicines that are also what a blood test measures."""
_CLASS = re.compile(r"\b(?:emollient|moisturi[sz]er|sunscreen|steroid|barrier|lubricant|saline)", re.I)
"""Kinds of medicine that a patient can be told to use without a name, where it is said how often."""
_TOTAL = re.compile(
    r"\d+ ?(?:min\w*|hours?|hrs?|units?|portions) (?:[\w-]+ ){0,4}(?:a|per|each|/) ?(?:week|wk)\b", re.I
)
_HOURS = re.compile(r"\b\d+ (?:hours?|hrs?) (?:a|per|each|every) day\b", re.I)
_SEASON = re.compile(
    r"\b(?:during|in|over|through(?:out)?|every) (?:the )?(?:summer|winter|spring|autumn|fall|(?:hay ?fever|pollen|flu|allergy) season)\b",
    re.I,
)
_HAS_OBJECT = re.compile(
    r"(?!(?:on|in|at|with|for|of|to|by|as|from|per|and|or|all|both|if)\b)[a-z]{3,}(?<![^s]s)(?<!ed)(?<!ing) (?:the|your|an?|his|her|both|each) ",
    re.I,
)
"""A word with an object behind it opens an order, listed or not: "Tape the eye shut"."""
_GERUND = re.compile(r"^(?:continu|us|tak|monitor|check|apply|perform|do|walk|weigh|record|wear|ic|keep)ing\b", re.I)


def _is_verb(word: str, language: str) -> bool:
    """Whether a word opens an order to the patient."""
    known = frames(language)
    return bool(known.title_verbs.fullmatch(word)) or any(
        verbs.fullmatch(word) for act, verbs in known.verbs if act != "stop"
    )


_VERB_OF = (
    ("therapy", "Go to"),
    ("applied", "Use"),
    ("exercise", "Do"),
    ("monitor", "Check"),
    ("device", "Use"),
    ("eaten", "Have"),
)
"""The verb of an act that the note words without one, by what it is about."""


def _act_title(words: str, language: str) -> str:
    words = frames(language).before_act.sub("", words, count=1)
    title = order(words, language)
    first = title.split(" ")[0].lower() if title else ""
    if language == "en" and not _is_verb(first, language) and not _HAS_OBJECT.match(title):
        if _GERUND.match(title):
            return shorten(title)
        groups = act_terms(language).groups
        verb = next((verb for group, verb in _VERB_OF if group in groups and groups[group].search(title)), "Do")
        title = shorten(f"{verb} {title[:1].lower() + title[1:] if not title[:2].isupper() else title}")
    elif not _is_verb(first, language) and (frame := load(language, "titles")["orders"].get("other")):
        title = shorten(frame.format(what=title[:1].lower() + title[1:]))
    return title


_CLINIC = re.compile(r"\b(?:i|we) (?:will|am|are)\b|\bopen\b", re.I)


def _written_verb(match: SigMatch, words: dict[str, Any], text: str) -> str | None:
    """The verb that the sentence itself gives the medicine, where it says how: "apply", "inject", "chew"."""
    if match.medicine_span is None:
        return None
    for say, pattern in words["written_verbs"].items():
        if re.search(
            rf"\b(?:{pattern})(?: (?!and\b|then\b|or\b)[^\s,;.:]+){{0,4}} $", text[: match.medicine_span[0]], re.I
        ):
            return str(say)
    return None


def _has_any(looked: str, names: list[str]) -> bool:
    """Whether a name is among the words; one of two letters ("sc") stands by itself."""
    alone = looked.replace("/", "").replace(".", "").split()
    return any(name in (alone if len(name) < 3 else looked) for name in names)


def medicine_title(match: SigMatch, language: str, text: str = "") -> tuple[str, str | None]:
    """The title of a medicine's step, and the detail: what did not fit. ``text``: its sentence."""
    words = load(language, "titles")
    form = (match.form or "").lower()
    looked = f"{form} {match.medicine or ''} {match.dose or ''} {match.route or ''}".lower()
    default, applied, written = words["default_verb"], words["applied"], _written_verb(match, words, text)
    verb = next((say for say, names in words["verbs"].items() if _has_any(looked, names)), default)
    verb = written if written and written != default else verb
    name = (match.medicine or match.subject or "").strip()
    brand = _IN_BRACKETS.match(text, match.medicine_span[1]) if match.medicine_span and not match.named else None
    if brand and sig.medicines().knows(brand[1]):
        name = f"{name} ({brand[1]})"  # "the new eye drops (latanoprost)"
    name = name.capitalize() if name.isupper() and len(name) > 5 else name
    dose = plain(match.dose, language) if match.dose else ""
    dose = dose[:1].lower() + dose[1:] if dose[1:2].islower() else dose
    if dose.isupper() and name[1:2].islower() and not re.search(r"\b(?:IU|UI)\b", dose):
        dose = dose.lower()
    if form and _BARE_COUNT.fullmatch(dose):
        dose, form = f"{dose} {form}", ""
    dose = re.sub(r"\s+injections?$", "", dose) if verb == "Inject" else dose
    if form and not dose and form not in name.lower():
        name = f"{name} {form}"
        if form == "injection" and not written:
            verb = "Have"  # "vitamin B12 injection every 3 months"
    elif form and dose and not sig.medicines().knows(name) and match.named and form not in f"{name} {dose}".lower():
        name = f"{name} {form}"  # "cough syrup 10 ml"
    elif form and dose.endswith("%"):
        dose = f"{dose} {form}"
    site = _SITE.search(text, match.medicine_span[1] if match.medicine_span else match.start, match.end)
    site = site or _SITE.match(text, match.end + 1)
    side = _SIDE.search(match.route or "")
    if verb == default and not written:
        verb = words.get("into_side" if side else "on_body" if site and site["body"] else "", default)
    where = plain(to_patient(site[0]), language) if site and verb in applied else ""
    if side:
        one = (side["side"] or "").lower()
        where = f"in the {_SIDES.get(one, one)} {side['what'].lower()}" if one else f"in {side[0].lower()}"
    one_day = match.duration_days == 1 and match.times_per_day == 1 and not match.as_needed
    one_day = one_day and not (match.parts or match.times or match.doses_by_part)
    when = str(words["once"]) if one_day else frequency_words(match, words, text)
    if match.doses_by_part and (match.parts or match.times):
        at = {**words["part"], **{time: f"{words['at']} {time}" for time in match.times or ()}}
        each = [f"{plain(amount, language)} {at[part]}" for amount, part in match.doses_by_part]
        dose, when = f"{', '.join(each[:-1])} {words['and']} {each[-1]}" if len(each) > 1 else each[0], ""
    parts = [
        f"{verb} {words['extra']}" if match.extra and "extra" in words else verb,
        name[:1].lower() + name[1:] if name.istitle() and " " in name and not match.named else name,
        dose,
        where,
        when,
    ]
    extra = []
    if match.duration_days and not match.once and not one_day:
        extra.append(duration_words(match.duration_days, words, text[match.start : match.end]))
    if match.start_in_days and not (match.weekdays and match.start_in_days < 7):
        n, table = match.start_in_days, words["on_day" if one_day else "start"]
        extra.append(table.get(n) or table["n"].format(n=n))
    if match.as_needed:
        condition = plain(to_patient(match.condition or ""), language)
        condition = re.sub(r"(?:^|\s)(?:for|with|to|para|pour)$|^for (?=in case\b)", "", condition)
        condition = "" if re.fullmatch(r"(?:was|were|is|are|given|provided)", condition, re.I) else condition
        condition = condition[:1].lower() + condition[1:] if condition[1:2].islower() else condition
        condition = re.sub(
            r"^(?:only |solo |seulement |uniquement )?(?:if|when) (?:you )?need(?:ed)?(?: it| to)?$|^(?:only |solo |seulement |uniquement )?(?=(?:if|when|si|cuando|en cas)\b)|^(?:as needed|when needed|if needed|prn|as required|when required|sos)\s*",
            "",
            condition,
            flags=re.I,
        )
        extra.append(
            condition
            if re.match(r"(?:if|when|at|before|after|in case|si|cuando|en cas|en caso|quand|s'il)\b", condition, re.I)
            else f"{words['when_needed']} {condition}"
            if re.match(r"(?:for|para|with)\b", condition, re.I)
            else f"{words['when_needed']} {words['for']} {condition}"
            if condition
            else words["when_needed"]
        )
    meal = words["meals"].get((match.meal or "").lower(), match.meal)
    full = " ".join(part for part in [*parts, *extra, plain(meal or "", language)] if part)
    short = " ".join(part for part in [*parts, *extra] if part)  # food stands in the detail where both do not fit
    titles = [full, short]
    if not match.as_needed:
        titles += [" ".join(part for part in [*parts, *extra[:more]] if part) for more in (1, 0)]
    fits = next((said for said in titles if len(said) <= MAX_TITLE), short)
    title = shorten(re.sub(r"\s+on\s+(?=every |once |twice |at |\d+ times)", " ", fits))
    route = None if (match.route or "").lower() == "apply" or side else match.route
    limit = match.limit and re.sub(r"^(?=\d|once|twice)", f"{words['at_most']} ", plain(match.limit, language))
    swap = _REPLACES.search(text[: match.medicine_span[1]]) if match.medicine_span else None
    replaced = swap[0] if swap and sig.medicines().knows(swap[1]) else None
    details = [
        part
        for part in (route, meal, limit, match.until and to_patient(match.until), replaced)
        if part and part.lower() not in title.lower()
    ]
    detail = plain("; ".join(details), language) if details else None
    return title, detail if title == full or detail else full[:400]


_SECOND_DOSE = re.compile(
    r"\s*(?:,|and|plus|&|\+)\s*\d[\d.]* ?(?:mg|mcg|micrograms?|g|ml|units?|tab(?:let)?s?|puffs?)\b", re.I
)
_MASS = re.compile(r"(\d[\d.,]*) ?(?:mg|mcg|micrograms?|µg|g)\b", re.I)
_BARE_COUNT = re.compile(r"[1-4]|[½¼]")
"""A dose that says how many, but not of what."""
_CHANGES = re.compile(r"(?:in|de)creas|reduc|switch|chang|up-?titrat|titrat", re.I)
_SKIPS = re.compile(
    r"(?<!if you )(?<!if he )(?<!if she )\b(?:miss|skip|omit)\b (?:one|the (?:next|first)|tonight'?s|today'?s|tomorrow'?s) (?:dose|tablet)",
    re.I,
)
"""A dose that is left out."""
_AFTER_EVENT = re.compile(
    r"(?:^|[.;]\s*)\W*(?:once|after|as soon as)\s(?!(?:an?|daily|per|every|each|breakfast|lunch|dinner|tea|supper|meals?|food|"
    r"eating|waking)\b)[^,;.]{3,60},[^,;.]*$",
    re.I,
)
"""Words before an order that begins after something else: "Once the pain settles, reduce naproxen ..."."""
_UP_TO_A_DAY = re.compile(
    r"\b(?:up to|max(?:imum)?(?: of)?|no more than|at most|not more than) \d+ (?!m?c?g\b|ml\b)[a-z]+ (?:a|per|each|in a|in any) day\b",
    re.I,
)
"""A limit a day, of whatever is counted."""
_ALTERNATE = re.compile(r"\balternat(?:e|ing|ely)\b(?! (?:day|night|morning|evening|week))", re.I)
"""Two medicines by turns: each is taken half as often as the words say."""
_IN_BRACKETS = re.compile(r"\s*\(([a-z][\w-]+)\)", re.I)
_NEXT_IN = re.compile(
    r"[\s,;(–-]{1,4}next (?:one |dose |due |injection |infusion )*(?:in|is in|due) "
    r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|the (?:spring|summer|autumn|winter))",
    re.I,
)
"""What is repeated begins in some month ahead, no day given."""
_RUNNING = re.compile(r"\b(?:started|begun) (?:on )?(?:the )?\d", re.I)
"""A course that runs already: how much of it is left is not said."""
_AFTERWARDS = re.compile(
    r"\b(?:then|afterwards|followed by)\s+(?:(?:start|take|begin|switch to|change to|go on to)\s+)?$", re.I
)
"""What comes after something else whose end the note does not count in days."""
_REPEATED = re.compile(r"\b(?:reps?|repetitions?|sets?|lengths?|laps?|steps?)\b", re.I)
"""What an exercise is counted in, and no medicine."""
_REPLACES = re.compile(
    r"\b(?:swap(?:ped)?|switch(?:ed)?(?: from)?|chang(?:e|ed)(?: from)?|replaced?|substituted?)(?: (?:her|his|the|your))? "
    r"([a-z][\w-]+)(?: \d[\w.]*(?: ?mc?g)?)? (?:for|to|with|by) [^\s,;.]+$",
    re.I,
)
"""The medicine that another one replaces, to the latter's name."""
_SIDE = re.compile(
    r"\b(?:(?P<side>left|right|l|r) (?P<what>eye|ear|nostril)|(?:both|each) (?:eyes?|ears?|nostrils?))\b", re.I
)
_SIDES = {"l": "left", "r": "right"}
_SITE = re.compile(
    r"\b(?:in)?to (?:the|your|his|her|both|each|any) (?:(?:left|right|affected|sore|dry|itchy|red|upper|lower|inner|outer|whole)\s+){0,2}"
    r"[a-z]{3,}|\b(?:on|onto|in|around|over|between|behind) (?:the|your|his|her|both|each) "
    r"(?:(?:left|right|affected|sore|dry|itchy|red|upper|lower|inner|outer|whole)\s+){0,2}"
    r"(?!morning|evening|afternoon|night|day|week|month|same|next|first|last)[a-z]{3,}"
    r"|\b(?:to|on|onto) (?:(?:left|right|affected|sore|dry|itchy|both)\s+)*(?P<body>ankles?|areas?|arms?|back|body|chest|elbows?|"
    r"eyelids?|face|feet|fingers?|foot|groins?|hands?|heels?|hips?|knees?|legs?|neck|nails?|scalp|shins?|shoulders?|skin|"
    r"soles?|toes?|toenails?|trunk|wrists?|wounds?)\b",
    re.I,
)
"""Where on the body something goes."""


def _pick(table: dict[Any, str], n: int | str) -> str:
    """The wording of a number or a word, or the one of any number."""
    return table.get(n) or table["n"].format(n=n)


def _weekday_words(match: SigMatch, words: dict[str, Any], text: str) -> str:
    """On which days of the week: "every Monday and Friday", "every day except Sunday in the morning"."""
    named = match.weekdays or ()
    days = [words["weekday"][day] for day in named]
    left = [day for day in words["weekday"] if day not in named]
    if len(left) == 1 and _EXCEPT.search(text):
        days = [words["except"].format(day=words["weekday"][left[0]])]
    listed = days[0] if len(days) == 1 else f"{', '.join(days[:-1])} {words['and']} {days[-1]}"
    said = f"{words['every']} {words['workdays'] if left == ['sat', 'sun'] else listed}"
    if match.parts and len(match.parts) == 1:
        return f"{said} {words['in_part'][match.parts[0]]}"
    return said if (match.times_per_day or 1) == 1 else f"{_pick(words['times'], match.times_per_day or 1)} {said}"


_EXCEPT = re.compile(r"\b(?:except|apart from|but not|excluding|not on|other than|excepto|menos|salvo)\b", re.I)


def frequency_words(match: SigMatch, words: dict[str, Any], text: str = "") -> str:
    """How often, in words: "twice a day", "every Monday", "every 6 hours"."""
    if match.once:
        return str(words["once"])
    if not match.scheduled:
        return ""
    if match.weekdays:
        return _weekday_words(match, words, text)
    if match.every_months:
        said = _pick(words["months"], match.every_months)
        return f"{said} {_pick(words['month_day'], match.on_day)}" if match.on_day else said
    if match.per_week and match.per_week < 7:
        return _pick(words["week"], match.per_week)
    days_said = _pick(words["days"], match.every_days) if match.every_days and match.every_days > 1 else ""
    if match.times:
        clocks = " ".join(filter(None, [words["at"], f" {words['and']} ".join(match.times), days_said]))
        return f" {words['and']} ".join([*(str(words["part"][part]) for part in match.parts or ()), clocks])
    if match.every_hours and (match.times_per_day or 1) > 1:
        spread = match.times_range and all(24 % times == 0 for times in match.times_range) and words.get("hours_range")
        low, high = (24 // match.times_range[1], 24 // match.times_range[0]) if spread and match.times_range else (0, 0)
        said = str(spread).format(low=low, high=high) if spread else _pick(words["hours"], match.every_hours)
        return " ".join(filter(None, [said, days_said]))
    if match.parts and not days_said:
        if len(match.parts) == 1:
            return str(words["part"][match.parts[0]])
        named = [words["part_and"][part] for part in match.parts]
        return f"{words['every']} {', '.join(named[:-1])} {words['and']} {named[-1]}"
    times = match.times_per_day or 1
    if days_said and match.parts and len(match.parts) == 1:
        return f"{days_said} {words['in_part'][match.parts[0]]}"
    if days_said:
        return days_said if times == 1 else f"{_pick(words['times'], times)}, {days_said}"
    return _pick(words["times"], times)


def duration_words(days: int, words: dict[str, Any], said: str = "") -> str:
    """A duration in days: in the unit that the note says it in, else in the largest that divides it."""
    table = words["duration"]
    if days > 1 and re.search(rf"(?<![\d.,/]){days}[ -]?(?:days?|días)\b", said, re.I):
        return str(table["days"].format(n=days))
    if days > 7 and days % 7 == 0 and re.search(rf"(?<![\d.,/]){days // 7}[ -]?(?:weeks?|semanas)\b", said, re.I):
        return str(table["weeks"].format(n=days // 7))
    if days == 1:
        return str(table["day"])
    if days % 7 == 0 and days < 84:
        return str(table["week"]) if days == 7 else table["weeks"].format(n=days // 7)
    if days % 30 == 0:
        return str(table["months"].format(n=days // 30)) if days > 30 else str(table["days"].format(n=days))
    return str(table["days"].format(n=days))


def _question_text(slug: str, match: SigMatch) -> str:
    name = match.medicine or match.subject or "this"
    return {
        "how-often": f"How often is {name} to be taken or done, and for how long?",
        "how-much": f"What dose of {name}?",
        "which-medicine": f'Which medicine is meant by "{name}", at what dose and how often?',
        "which-day": f"From which day does {name} start, or on which days?",
        "contradiction": f"The note says two different things about {name}. Which is right?",
        "implausible": f"The amount or frequency of {name} looks wrong. What is meant?",
        "how-long": f"For how long is {name} to be taken?",
        "other": f"When is {name} to be taken: now, or only if something happens?",
    }.get(slug, f"What is the patient to do about {name}?")
