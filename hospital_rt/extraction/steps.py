"""From a reading to a step: whether it orders something, once or repeatedly, and on which days.

One promise: every number of a step comes from its own clause or, for a shared rhythm, from its own sentence.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from hospital_rt.extraction.amounts import NUMBER
from hospital_rt.extraction.dates import MONTH, days_to, named_days
from hospital_rt.extraction.lexicon import ACT_NOUNS, FORMS, NOT_VERBS_BEFORE, SYMPTOMS, VERBS, names_visit
from hospital_rt.extraction.often import Rhythm
from hospital_rt.extraction.reading import KEEP, Reading, names_a_visit
from hospital_rt.extraction.schema import PlanItem
from hospital_rt.extraction.text import words_of

_FINDING = re.compile(
    r"\b(?:normal|clear|negative|positive|unremarkable|show(?:s|ed)|stable|satisfactory|raised|elevated|reduced|"
    r"intact|unchanged|explained|"
    r"reviewed|improved|improving|(?<!until )resolved|(?<!until )healed|(?<!until )seen|up to date|tolerat\w+|"
    r"confirmed|reported|explique|normale?s?|"
    r"negativ[oa]s?)\b|= ?\d"
)
_COUNTED = re.compile(
    r"\b(?:first|second|third|fourth|fifth|sixth|several|many|few|lost|gained|gain|loss|weight|up|down|"
    r"since|attacks?|episodes?)\b"
)
_HAS_FORM = re.compile(
    r"\b(?:puffs?|tablets?|spray|ice pack|cream|drops?|gel|inhaler|sachets?|lozenges?|bouffees|"
    r"gotas|gouttes|patch|mouthwash|ointment)\b"
)
_EMERGENCY = re.compile(
    r"\b(?:999|112|911|a&e|er|ed|ambulance|emergency|hospital|surgical|assessment unit|same day|"
    r"urgences|urgencias)\b"
)
_FORM_FIRST = re.compile(r"\W*(?:tab|cap|syp|syr|inj)s?\b\.? [a-z]{3,}")
_AT_ONCE = re.compile(
    r"\b(?:immediate|urgent|prompt) (?:re-?presentation|presentation|attendance|return|review|readmission)\b"
)
_ADVICE = re.compile(
    r"^(?:carry on|keep going)\W*$|^(?:remember|try|aim|ensure|maintain)\b|^(?:finish|complete|keep|"
    r"continue) (?:taking |using |on )?(?:with )?"
    r"(?:it|them|this|the (?:full |whole )?(?:course|rest|pack))\b"
)
_AT_AN_AGE = re.compile(
    rf"\b{NUMBER} (?:hours?|days?|weeks?|months?) (?:before|after|prior to|following) (?!the last)[a-z]|"
    r"\b(?:a|vers) \d{1,2} sa\b|\b(?:at|from|after|by) \d{1,2}(?: (?:and|to|or|-) \d{1,2})? (?:weeks|months)\b|"
    r"\b\d{1,2} ?/ ?40\b|\bbefore (?:leaving|you (?:leave|go))\b|"
    r"\bon (?:the|your) way out\b|\bat the end of\b|\bon completion\b|\bbefore (?:the |your )?(?:1st|first|"
    r"next) (?:dose|tablet|injection|infusion|cycle)\b|\b(?:before|at|for) (?:the |"
    r"your )?next (?:visit|appointment|review|clinic)\b"
)
_TIMED = re.compile(rf"{NUMBER}[- ]?(?:minut[eo]s?|mins?)\b")
_TO_COME_OFF = re.compile(
    r"\b(?:dressings?|cast|plaster|stitch(?:es)?|sutures?|clips|drain|catheter|boot|splint|sling|pack|packing|patch|"
    r"bandage|"
    r"staples|tube) (?:to come )?(?:off|out|removal|change)\b|\b(?:tape|monitor) (?:to be )?(?:fitted|fitting|off)\b"
)
_FOR_LIFE = re.compile(
    r"\b(?:lifelong|life[- ]long|for life|long[- ]term|indefinitely|a vie|au long cours|de por "
    r"vida)\b"
)
_IN_A_MONTH = re.compile(rf"\b(?:due|in|by|for)(?: early| mid| late| the end of)?[ -]{MONTH}\b")
_TO_DO = re.compile(
    r"\b(?:sample|specimen|swab|urine|stool|sputum|msu)s? to (?:the |our )?(?:lab|laboratory|reception|surgery|clinic|"
    r"practice)\b|"
    r"\bto be (?:picked up|collected|returned|handed in|fitted|repeated)\b|\ba (?:faire|prevoir|programmer|refaire|"
    r"prendre|realiser)"
    r"\b|\bpor hacer\b|\bonce\W*$"
)
_A_DOSE = re.compile(
    r"\b(?:(?:next|first|second|third|2nd|3rd|booster|repeat|last|final|another|one) (?:dose|injection|jab|vaccine|"
    r"infusion|"
    r"tablet|application)|(?:prochaine|deuxieme|segunda|proxima) (?:dose|injection|dosis|inyeccion))\b"
)
_ON_NEED = re.compile(
    r"\b(?:prn|p\.r\.n|sos|as (?:needed|required|necessary)|when (?:needed|required)|si besoin|au besoin)"
)
_KEPT = re.compile(r"(?:\w+ ){0,3}(?:diary|chart|log|record|journal|diario|calendar)\b")
_HAS_NUMBER = re.compile(NUMBER)


def is_plan(r: Reading, *, in_plan: bool = False) -> bool:
    """Whether a clause orders something repeated. ``in_plan``: it stands after other orders, or under "Plan"."""
    if r.condition is not None or r.single:
        return False
    head = " ".join(r.clause.low.split()[:3])
    if r.due and r.due.how == "in" and not r.dosed and names_a_visit(head) and (not r.drug or "level" in head):
        return False
    if r.rhythm is None:
        if r.drug and r.verb is None and _FOR_LIFE.search(r.clause.low):
            return True
        undated = r.due is None or r.due.how == "from" or r.dosed
        if r.lasts and _KEPT.match(r.clause.low):
            return True
        return bool(r.drug and r.verb in KEEP and undated and not _is_test(r)) or bool(
            r.drug and r.dosed and r.lasts and r.verb is None
        )
    if r.verb is not None:
        return True
    if r.dosed or r.drug:
        return True
    return _acts(r, in_plan=in_plan)


def _acts(r: Reading, *, in_plan: bool) -> bool:
    """Whether a clause without a verb names an act, and not a complaint."""
    first = min((f.start for f in r.facts), default=len(r.clause.low))
    words = re.findall(r"[a-z][\w-]*", r.clause.low[:first])
    if not words and r.facts:  # "Weekly weight on Sundays"
        words = re.findall(r"[a-z][\w-]*", r.clause.low[r.facts[0].end :])[:6]
    if not words or len(words) > 14:
        return False
    if any(w in SYMPTOMS for w in words) and not any(w in ACT_NOUNS or w in FORMS for w in words[:3]):
        return False
    if _TIMED.search(r.clause.low) and not any(w in SYMPTOMS for w in re.findall(r"[a-z]+", r.clause.low)):
        return True
    if _is_spelled_out(r, words):
        return True
    if in_plan and len(words) <= 8 and not _FINDING.search(r.clause.low):
        return True
    return any(w in ACT_NOUNS or w in FORMS or w in VERBS for w in words)


def _is_spelled_out(r: Reading, words: list[str]) -> bool:
    """Whether a name that nobody's list knows has both a rhythm and a length ("bell alarm nightly for 12 weeks")."""
    lasts = r.lasts
    if lasts is None or _FINDING.search(r.clause.low) or _COUNTED.search(r.clause.low) or "old" in words:
        return False
    apart = any(f.end <= lasts.start or f.start >= lasts.end for f in r.facts)
    told = any(w in SYMPTOMS or w.endswith(("ed", "ing")) for w in words)
    return apart and not told


def _is_test(r: Reading) -> bool:
    words = re.findall(r"[a-z][\w&/-]*", r.clause.low)
    return any(names_visit(w) for w in words[:5]) and not r.dosed


def is_single(r: Reading, *, in_plan: bool = False) -> bool:
    """Whether a clause orders something done once, or only when needed. ``in_plan`` as for ``is_plan``."""
    low = r.clause.low
    if r.condition is not None:
        span = r.condition
        main = low if span == (0, 0) else low[: span[0]] + " " + low[span[1] :]
        return bool(
            r.verb
            or r.dosed
            or r.drug
            or _dose_without_unit(r, main)
            or names_a_visit(main)
            or _HAS_FORM.search(main)
            or _EMERGENCY.search(main)
            or _AT_ONCE.search(low)
            or _FORM_FIRST.match(main)
            or (_ON_NEED.search(low) and _plain_appointment(main))
            or (in_plan and re.match(r"whenever\b|each time\b", low[span[0] :]) and _is_short_act(main))
        )
    if r.single and (r.dosed or r.drug):
        return True
    if r.verb is not None:
        bare = r.verb in NOT_VERBS_BEFORE or r.verb in KEEP or r.verb in {"finish", "complete"}
        return not (bare and len(low.split()) < 2) and not _ADVICE.match(low)
    if names_a_visit(low) and _AT_AN_AGE.search(low):
        return not _FINDING.search(low)
    if r.clause.plan and r.rhythm is None and names_a_visit(" ".join(low.split()[:4])) and not _FINDING.search(low):
        return True
    if (
        in_plan
        and r.due is not None
        and r.due.how == "in"
        and r.due.days > 1
        and _plain_appointment(low[: r.due.start])
    ):
        return True
    if r.due is not None and r.due.days > 0 and r.drug and r.rhythm is None and _A_DOSE.search(low):
        return True
    if r.due is not None and r.due.days > 0 and _TO_COME_OFF.search(low):
        return True
    if names_a_visit(low) and _TO_DO.search(low) and not _FINDING.search(low):
        return True
    if names_a_visit(low) and _IN_A_MONTH.search(low) and not _FINDING.search(low):
        return True
    if r.due is not None and r.due.days >= 0 and names_a_visit(low) and not _FINDING.search(low):
        return r.due.days > 0 or r.due.how == "by"
    return r.dosed and r.due is not None and (r.due.days == 0 or r.due.how == "on") and r.drug is not None


def _is_short_act(main: str) -> bool:
    """ "A fan to the face", "cryo-cuff 15 minutes": a few words, and no finding or complaint."""
    words = re.findall(r"[a-z][a-z-]*", main)
    return 0 < len(words) <= 7 and not _FINDING.search(main) and not any(w in SYMPTOMS for w in words)


def _dose_without_unit(r: Reading, main: str) -> bool:
    """A name, a bare number and a rhythm: "motrin 400 q6h"."""
    return r.rhythm is not None and re.match(r"\W*[a-z][a-z-]{3,} \d{1,4}\b", main) is not None


def _plain_appointment(words: str) -> bool:
    """A few words without a number or a complaint before "in six months"."""
    found = words.split()
    return (
        0 < len(found) <= 6
        and not _HAS_NUMBER.search(words)
        and not _COUNTED.search(words)
        and not any(w.strip(",.") in SYMPTOMS for w in found)
    )


def starts_in(r: Reading, day: date) -> list[int]:
    """The days on which a plan begins: one for each weekday that it names, else one."""
    if r.rhythm and r.rhythm.weekdays:
        first = r.due.days if r.due and r.due.how in {"from", "in"} else 0
        days = []
        for weekday in r.rhythm.weekdays:
            start = days_to(weekday, day)
            while start < first:
                start += 7
            days.append(start)
        return sorted(days)
    if r.rhythm and r.rhythm.every_days % 7 == 0:
        named = [
            n
            for n in named_days(r.clause.low, day)
            if n.weekday is not None and not (r.lasts and r.lasts.start <= n.start < r.lasts.end)
        ]
        if named:
            return [named[0].days]
    if r.due and "this week" in r.clause.low[r.due.start : r.due.end]:
        return [0]
    if r.due and r.due.how in {"from", "in", "on"} and not (r.due.how == "on" and r.due.days == 0):
        return [r.due.days]
    return [0]


def lasting_days(r: Reading, start: int) -> int | None:
    """``duration_days`` of a plan that begins on ``start``; None when it is open-ended."""
    if r.lasts is None:
        return None
    times = r.rhythm.times if r.rhythm else 1
    every = r.rhythm.every_days if r.rhythm else 1
    if r.lasts.count is not None:
        return min(730, -(-r.lasts.count // times) * every)
    if r.lasts.fixed:
        return max(1, r.lasts.days - start)
    return r.lasts.days


_CHANGES = words_of(
    "drop reduce increase raise lower cut go step titrate taper decrease double halve wean augmenter "
    "reduire passer "
    "aumentar reducir subir bajar up down"
)
_FOLLOWS_ON = re.compile(
    r"\b(?:following|after that|after this|thereafter|subsequently)\W*$|\bfor the following |\b(?:days?|weeks?|"
    r"fortnight|"
    r"months?) (?:following|after)\W*$"
)
_LATER_STILL = re.compile(r"\b(?:another|a further|further|more|autres?|otras?)\b")


def changes_dose(r: Reading) -> bool:
    """ "Drop to 20 mg bd after 2 weeks": the next dose of what was named before, from a day of its own."""
    return r.dosed and r.verb in _CHANGES and r.due is not None and r.due.how in {"in", "from"} and r.due.days > 0


def follows_on(low: str) -> bool:
    """ "For the fortnight after that": begins when the dose before ends, in a sentence of its own."""
    return _FOLLOWS_ON.search(low) is not None


def is_later_still(r: Reading) -> bool:
    """ "After another 2 weeks": counted from where the dose before begins."""
    return changes_dose(r) and _LATER_STILL.search(r.clause.low) is not None


def ended_by(item: PlanItem, next_start: int) -> PlanItem:
    """A dose without an end of its own, as far as the next one lets it last."""
    if item.duration_days is not None or next_start <= item.start_in_days:
        return item
    return item.model_copy(update={"duration_days": next_start - item.start_in_days, "miss_policy": "fixed"})


def inherit(r: Reading, drug: str | None, pace: Rhythm | None) -> Reading:
    """A reading that takes over the drug (a taper's next dose) or the rhythm (a shared one) of its neighbour."""
    return replace(r, drug=r.drug or drug, rhythm=r.rhythm or pace)
