"""Medicines and schedules of a sentence as candidates: what the dose grammar read, with title and question."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

from hospital_rt.extraction import sig
from hospital_rt.extraction.acts import ORDERS, Candidate, Finder, frames, lexicon
from hospital_rt.extraction.compose import order, plain, shorten, with_condition
from hospital_rt.extraction.lexicon import load
from hospital_rt.extraction.person import to_patient
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
        else:
            joined.append(match)
    return joined


def medicine_candidates(sentence: Any, note: Any, finder: Finder) -> list[Candidate]:
    """Candidates for every medicine and every frequency of the sentence."""
    found = []
    for match in _joined(sig.find(sentence.text, day=note.day, language=note.language)):
        candidate = _candidate(match, finder, note.day)
        if candidate is not None:
            found.append(candidate)
    return found


def _candidate(match: SigMatch, finder: Finder, day: date) -> Candidate | None:
    text, sentence = finder.text, finder.sentence
    at, stop = (
        match.medicine_span
        if match.medicine_span and match.medicine_span[0] >= match.start - 3
        else (match.start, match.end)
    )
    bad = finder._bad(at, stop) | (finder._bad(match.start, match.end) if match.medicine else set())
    cats = finder._cats(at, stop)
    ordering = sentence.section in ORDERS
    before = text[max(0, match.start - 80) : match.start]
    verbs = list(finder.frames.medicine_order.finditer(text, max(0, match.start - 60), match.start))
    start = (
        verbs[-1].start() if verbs and not re.search(r"[.;]|\d", text[verbs[-1].end() : match.start]) else match.start
    )
    strong = bool(finder.frames.medicine_strong.search(text[: match.end]))
    if match.stopped or "stopped" in cats:
        return _stop(match, finder, ordering, before)
    needed = {
        row for category, low, high, row in finder.scopes if category == "considered" and low < stop and at < high
    }
    if match.as_needed and (re.search(r"\bmay\b", before, re.I) or needed == {"if-needed"}):
        bad = bad - {"considered"}
    if bad:
        return None
    if not ordering and not strong:
        return None
    name = match.medicine
    if name is None:
        return _scheduled_act(match, finder)
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
    question = _open(match)
    if not match.named and _HOURS.search(text, match.start, match.end):
        return None
    if question is None and not match.as_needed and _SEASON.search(text, match.start, match.end + 40):
        question = "which-day"
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
        "cues": cues,
        "sure": match.complete and not match.leftovers and not (match.as_needed and match.start_in_days),
    }
    if question:
        answers = _answers(match, finder.language) if question == "how-often" and match.named else ()
        return Candidate(
            **common, question=question, text=_question_text(question, match, finder.language), answers=answers
        )
    bare = match.as_needed and not (match.scheduled or match.dose or match.doses_by_part)
    schedule = None if bare or (match.once and not match.as_needed) else _schedule(match)
    return Candidate(**common, schedule=schedule)


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


def _answers(match: SigMatch, language: str) -> tuple[tuple[str, str, dict[str, Any] | None, bool], ...]:
    """Ready answers to "how often?": once, twice, three times a day, and only when needed."""
    words = load(language, "titles")
    answers: list[tuple[str, str, dict[str, Any] | None, bool]] = []
    for times in (1, 2, 3):
        said = replace(match, times_per_day=times, every_days=1, as_needed=False, asks=())
        label = words["times"].get(times) or words["times"]["n"].format(n=times)
        answers.append((label[:1].upper() + label[1:], medicine_title(said, language)[0], _schedule(said), False))
    needed = replace(match, as_needed=True, asks=())
    label = words["when_needed"]
    answers.append((label[:1].upper() + label[1:], medicine_title(needed, language)[0], None, True))
    return tuple(answers)


def _key(match: SigMatch) -> str:
    when = (
        ",".join(match.weekdays or ()) + f"/{match.stage}/{match.start_in_days}"
        if match.stage or match.start_in_days or match.weekdays
        else ""
    )
    return f"medicine:{(match.medicine or '').lower()}:{when}"


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
    if fields["parts"] and len(fields["parts"]) != fields["times_per_day"]:
        fields["parts"] = None
    if match.min_gap_hours or match.max_per_day:
        fields["limits"] = {"min_gap_hours": match.min_gap_hours, "max_per_day": match.max_per_day}
    return fields


def _stop(match: SigMatch, finder: Finder, ordering: bool, before: str) -> Candidate | None:
    if not ordering or match.medicine is None:
        return None
    verb = list(finder.frames.stop_order.finditer(finder.text, max(0, match.start - 70), match.start))
    if (
        not verb
        or finder._bad(verb[-1].start(), verb[-1].end())
        or finder.frames.condition.search(finder.text[: verb[-1].start()])
    ):
        return None  # "if you are sick, stop ...": advice with a condition
    title = load(finder.language, "titles")["stop"].format(name=match.medicine)
    start, end = verb[-1].start(), match.medicine_span[1] if match.medicine_span else match.end
    head, tail = _STOP_HEAD.match(finder.text[:start]), _STOP_TAIL.match(finder.text, end)
    condition = head[1] if head else tail[1] if tail else ""
    if condition:  # "Any rash: stop lamotrigine", "stop Ozempic and ring if the pain is severe"
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


_STOP_HEAD = re.compile(
    r"\s*((?:any|new|severe|worsening|persistent|for any)\b[^:→–-]{2,60}?)\s*(?::|→|[-–]+>?)\s*$", re.I
)
_STOP_TAIL = re.compile(
    r"\s*(?:(?:immediately|at once|and|&|,)\s+)*(?:(?:ring|call|contact|see|phone|return|come|go|seek|tell)\b[^.;]{0,60}?)?"
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
    groups = finder.lexicon.groups
    doing = groups["exercise"].search(words) or groups["monitor"].search(words)
    if re.search(r"\bi am\b", finder.text[max(0, match.start - 3) : match.end], re.I) or finder._bad(begin, match.end):
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
    title = _act_title(words, finder.language)
    verb = title.split(" ")[0].lower() if title else ""
    if not title or not (
        doing
        or (verb != "do" and _is_verb(verb, finder.language))
        or finder._terms_in(words)
        or groups["device"].search(words)
        or (match.complete and finder.sentence.section in ("plan", "instructions"))
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
    no_verb = title.split(" ")[0].lower() not in words.lower().split()
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
        "sure": match.complete,
    }
    if question:
        return Candidate(**common, question=question, text=_question_text(question, match, finder.language))
    return Candidate(**common, schedule=_schedule(match))


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
_GERUND = re.compile(r"^(?:continu|us|tak|monitor|check|apply|perform|do|walk|weigh|record|wear|ic|keep)ing\b", re.I)


def _is_verb(word: str, language: str) -> bool:
    """Whether a word opens an order to the patient."""
    known = frames(language)
    return bool(known.title_verbs.fullmatch(word)) or any(
        verbs.fullmatch(word) for act, verbs in known.verbs if act != "stop"
    )


def _act_title(words: str, language: str) -> str:
    words = frames(language).before_act.sub("", words, count=1)
    title = order(words, language)
    first = title.split(" ")[0].lower() if title else ""
    if language == "en" and not _is_verb(first, language):
        if _GERUND.match(title):
            return shorten(title)
        groups = lexicon(language).groups
        verb = "Check" if groups["monitor"].search(title) else "Use" if groups["device"].search(title) else "Do"
        title = shorten(f"{verb} {title[:1].lower() + title[1:] if not title[:2].isupper() else title}")
    return title


_CLINIC = re.compile(r"\b(?:i|we) (?:will|am|are)\b|\bopen\b", re.I)


def medicine_title(match: SigMatch, language: str, text: str = "") -> tuple[str, str | None]:
    """The title of a medicine's step, and the detail: what did not fit. ``text``: its sentence."""
    words = load(language, "titles")
    form = (match.form or "").lower()
    looked = f"{form} {(match.medicine or '').lower()} {(match.dose or '').lower()}"
    verb = next(
        (say for name, say in words["verbs"].items() if name != "default" and name in looked), words["verbs"]["default"]
    )
    name = (match.medicine or match.subject or "").strip()
    dose = plain(match.dose, language) if match.dose else ""
    if form and not dose and form not in name.lower():
        name = f"{name} {form}"
    elif form and dose.endswith("%"):
        dose = f"{dose} {form}"
    site = _SITE.search(text, match.medicine_span[1] if match.medicine_span else match.start, match.end)
    where = plain(to_patient(site[0]), language) if site and verb in words["applied"] else ""
    when = frequency_words(match, words)
    if match.doses_by_part and match.parts:
        each = [f"{plain(amount, language)} {words['part'][part]}" for amount, part in match.doses_by_part]
        dose, when = f"{', '.join(each[:-1])} {words['and']} {each[-1]}" if len(each) > 1 else each[0], ""
    parts = [
        verb,
        name[:1].lower() + name[1:] if name.istitle() and " " in name and not match.named else name,
        dose,
        where,
        when,
    ]
    extra = []
    if match.as_needed:
        condition = plain(to_patient(match.condition or ""), language)
        condition = re.sub(
            r"^(?:only )?(?:if|when) (?:you )?need(?:ed)?(?: it| to)?$|^(?:only )?(?=if\b|when\b)|^(?:as needed|when needed|if needed|prn|as required|when required|sos)\s*",
            "",
            condition,
            flags=re.I,
        )
        extra.append(
            condition
            if re.match(r"(?:if|when|at|before|after|si|cuando)\b", condition, re.I)
            else f"{words['when_needed']} {condition}"
            if re.match(r"(?:for|para|with)\b", condition, re.I)
            else f"{words['when_needed']} {words['for']} {condition}"
            if condition
            else words["when_needed"]
        )
    if match.duration_days and not match.once:
        extra.append(duration_words(match.duration_days, words, text[match.start : match.end]))
    if match.start_in_days:
        n = match.start_in_days
        extra.append(words["start"].get(n) or words["start"]["n"].format(n=n))
    full = " ".join(part for part in [*parts, *extra] if part)
    if match.meal:
        full += f" {plain(match.meal, language)}"
    title = shorten(re.sub(r"\s+on\s+", " ", full))
    route = None if (match.route or "").lower() == "apply" else match.route
    details = [
        part for part in (route, match.meal, match.limit, match.until) if part and part.lower() not in title.lower()
    ]
    detail = plain("; ".join(details), language) if details else None
    return title, detail if title == full or detail else full[:400]


_SITE = re.compile(
    r"\b(?:in)?to (?:the|your|his|her|both|each|any) (?:(?:left|right|affected|sore|dry|itchy|red|upper|lower|inner|outer|whole)\s+){0,2}"
    r"[a-z]{3,}|\b(?:on|onto|in|around|over|between|behind) (?:the|your|his|her|both|each) "
    r"(?:(?:left|right|affected|sore|dry|itchy|red|upper|lower|inner|outer|whole)\s+){0,2}"
    r"(?!morning|evening|afternoon|night|day|week|month|same|next|first|last)[a-z]{3,}",
    re.I,
)
"""Where on the body something goes."""


def frequency_words(match: SigMatch, words: dict[str, Any]) -> str:
    """How often, in words: "twice a day", "every Monday", "every 6 hours"."""
    if match.once:
        return str(words["once"])
    if not match.scheduled:
        return ""

    def pick(table: dict[Any, str], n: int) -> str:
        return table.get(n) or table["n"].format(n=n)

    if match.weekdays:
        days = [words["weekday"][day] for day in match.weekdays]
        listed = days[0] if len(days) == 1 else f"{', '.join(days[:-1])} {words['and']} {days[-1]}"
        said = f"{words['every']} {listed}"
        return said if (match.times_per_day or 1) == 1 else f"{pick(words['times'], match.times_per_day or 1)} {said}"
    if match.every_months:
        return pick(words["months"], match.every_months)
    if match.per_week and match.per_week < 7:
        return pick(words["week"], match.per_week)
    days_said = pick(words["days"], match.every_days) if match.every_days and match.every_days > 1 else ""
    if match.times:
        return " ".join(filter(None, [words["at"], f" {words['and']} ".join(match.times), days_said]))
    if match.every_hours and (match.times_per_day or 1) > 1:
        return " ".join(filter(None, [pick(words["hours"], match.every_hours), days_said]))
    if match.parts and not days_said:
        if len(match.parts) == 1:
            return str(words["part"][match.parts[0]])
        named = [words["part_and"][part] for part in match.parts]
        return f"{words['every']} {', '.join(named[:-1])} {words['and']} {named[-1]}"
    times = match.times_per_day or 1
    if days_said:
        return days_said if times == 1 else f"{pick(words['times'], times)}, {days_said}"
    return pick(words["times"], times)


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


def _question_text(slug: str, match: SigMatch, language: str) -> str:
    name = match.medicine or match.subject or "this"
    return {
        "how-often": f"How often is {name} to be taken or done, and for how long?",
        "how-much": f"What dose of {name}?",
        "which-medicine": f'Which medicine is meant by "{name}", at what dose and how often?',
        "which-day": f"From which day does {name} start, or on which days?",
        "contradiction": f"The note says two different things about {name}. Which is right?",
        "implausible": f"The amount or frequency of {name} looks wrong. What is meant?",
        "how-long": f"For how long is {name} to be taken?",
    }.get(slug, f"What is the patient to do about {name}?")
