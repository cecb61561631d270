"""Whether the note bears out what an item says: its words, its numbers, its schedule.

One promise: every check either passes or names a reason, with a sentence that a doctor understands; no check repairs.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from hospital_rt.extraction.amounts import DOSE_UNITS, amounts
from hospital_rt.extraction.conditions import condition
from hospital_rt.extraction.evidence import Evidence, Scope
from hospital_rt.extraction.lexicon import ACT_NOUNS, FORMS, SINGLE_NOUNS, VERBS, names_visit
from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.often import rhythm
from hospital_rt.extraction.reading import CLOCK, Reading
from hospital_rt.extraction.schema import Item, PlanItem
from hospital_rt.extraction.text import same_length_plain, words_of

Doubt = tuple[str, str]
"""A reason (slug) and a sentence for the doctor."""

_ALIASES = {
    "gtn": "glyceryl trinitrate",
    "bp": "blood pressure",
    "mtx": "methotrexate",
    "pcm": "paracetamol",
    "fbc": "full blood count",
    "cbc": "blood count",
    "ue": "urea electrolytes kidney",
    "lft": "liver",
    "lfts": "liver",
    "tft": "thyroid",
    "tfts": "thyroid",
    "hba1c": "sugar",
    "cxr": "chest x-ray film",
    "ecg": "electrocardiogram heart tracing",
    "uss": "ultrasound",
    "rv": "review return",
    "fu": "follow-up",
    "rtc": "return clinic",
    "rtn": "return",
    "tci": "come",
    "rpt": "repeat",
    "msu": "urine",
    "abx": "antibiotics",
    "appt": "appointment",
    "physio": "physiotherapy",
    "gp": "doctor practice",
    "ed": "emergency",
    "er": "emergency",
    "a&e": "emergency",
    "inr": "warfarin blood test",
    "crp": "blood test",
    "tsh": "thyroid blood test",
    "bloods": "blood test",
    "neb": "nebuliser",
    "nebs": "nebuliser",
    "inh": "inhaler",
    "od": "day",
    "kinesitherapeute": "kine",
    "wt": "weight",
}
"""What abbreviations of notes stand for."""
_COMMON = words_of("""
the and for with your you have has take use apply from that this then than when until every each once twice times time
daily weekly day days week weeks month months hour hours minutes morning evening night noon bedtime breakfast lunch
dinner meal meals food water tablet tablets capsule capsules dose doses needed only into both after before during
without more most least maximum oral orally mouth skin under tongue affected area areas eye eyes ear ears nose left
right according course total start finish make sure keep will need their them her his its one two three four five six
seven eight nine ten first second next last today tomorrow tonight monday tuesday wednesday thursday friday saturday
sunday january february march april june july august september october november december medicine medication treatment
drug doctor nurse clinic appointment follow instructions continue step steps part prescribed recommended directed
increase reduce change switch long term regularly empty stomach prendre pendant jours jour semaines semaine fois matin
soir avec sans pour dans comprime comprimes chaque toutes heures apres avant tomar durante dias semanas veces manana
noche cada horas con sin para comprimido comprimidos despues antes hasta
""")
_LINK = re.compile(
    r"https?://[^\s<>\"')]+|www\.[^\s<>\"')]+|\b[\w.+-]+@[\w-]+\.[\w.]+|\b[\w-]+\.(?:com|org|net|io|"
    r"example|ru|info|co)\b[^\s]*",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"<[/!a-z][^>]*>?|\]\([^)]*\)|```|\{\{|\}\}|&(?:#\d+|[a-z]+);|javascript:|\$\{", re.IGNORECASE)
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufeff\u200b]")


def words_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """Markup, links, drugs and subjects that the note does not name."""
    said = f"{item.title}\n{item.detail or ''}"
    note = evidence.note.text.casefold()
    if _UNSEEN.search(said.replace("\n", " ").replace("\t", " ")):
        return "markup", "It holds characters that cannot be seen."
    for m in _MARKUP.finditer(said):
        if m.group().casefold() not in note or m.group().startswith("<"):
            return "markup", "It holds markup, which has no place in a step."
    for m in _LINK.finditer(said):
        if m.group().casefold().rstrip(".,;") not in note:
            return "link-not-in-note", "It holds a link or an address that the note does not give."
    low = same_length_plain(said)
    here = _vocabulary(evidence.wide.low)
    for word in dict.fromkeys(re.findall(r"[a-z][a-z-]{2,}", low)):
        if is_drug(word) and not _known(word, here) and not _named_before(word, evidence):
            return "drug-not-in-quote", "It names a medicine that the words quoted do not name."
    for word in _dosed_names(low):
        if not _known(word, here) and not _named_before(word, evidence):
            return "drug-not-in-quote", "It gives a dose of something that the words quoted do not name."
    content = [
        w for w in re.findall(r"[a-z][a-z&-]{2,}", same_length_plain(item.title)) if w not in _COMMON and w not in VERBS
    ]
    if content and not any(_known(w, here) for w in content) and not _shares_verb(item.title, here):
        return "words-not-in-note", "Its title says something else than the words quoted."
    return None


def _vocabulary(low: str) -> set[str]:
    """The words of the evidence, and what its abbreviations stand for."""
    found = set(re.findall(r"[a-z][\w&-]*", low))
    for word in list(found):
        found |= set(_ALIASES.get(word, "").split())
        found |= set(word.split("-"))
    return found


def _known(word: str, here: set[str]) -> bool:
    """Whether a word is among the words here, but for endings, typing errors and the next language."""
    if word in here or set(_ALIASES.get(word, "-").split()) & here:
        return True
    if any(part in here for part in word.split("-") if len(part) > 3):
        return True
    for other in here:
        if len(other) >= 4 and len(word) >= 4 and other[0] == word[0]:
            shorter = min(len(other), len(word))
            if other[:shorter] == word[:shorter] and (shorter >= 5 or not is_drug(word)):
                return True
            if abs(len(other) - len(word)) <= 3 and SequenceMatcher(None, other, word, autojunk=False).ratio() >= 0.84:
                return True
    return False


def _named_before(word: str, evidence: Evidence) -> bool:
    """Whether the sentences just before name it, for a dose that names none of its own."""
    own = any(r.drug and any(is_drug(w) for w in r.drug.split()) for r in evidence.readings)
    return not own and _known(word, _vocabulary(evidence.before(2)))


def _dosed_names(low: str) -> list[str]:
    """The words before a dose that are no plain words: what the dose is of."""
    found = []
    for amount in amounts(low):
        if amount.unit in DOSE_UNITS:
            before = re.findall(r"[a-z][a-z-]{3,}", re.split(r"[,;:.\n]", low[: amount.start])[-1])[-2:]
            found += [
                w
                for w in before
                if w not in _COMMON and w not in VERBS and w not in FORMS and not w.endswith(("ing", "ly"))
            ]
    return found


def _shares_verb(title: str, here: set[str]) -> bool:
    """Whether the order itself stands in the words quoted ("Call us": "ring the practice" does not)."""
    low = same_length_plain(title)
    return any(_known(w, here) for w in re.findall(r"[a-z]{3,}", low) if w in VERBS or w in SINGLE_NOUNS)


def order_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """Words that order nothing, and orders turned into another kind: a course into one tick, a need into a habit."""
    read = evidence.readings
    if read and not any(_orders(r) for r in read) and not _shares_verb(item.title, _vocabulary(evidence.quote.low)):
        return "no-order", "The words quoted do not order anything of the patient."
    conditional = any(r.condition is not None for r in read) or condition(evidence.wide.low) is not None
    if isinstance(item, PlanItem):
        if item.as_needed and not conditional and not any(f.limit for f in evidence.wide.often):
            return "condition-not-in-quote", "The words quoted do not make it depend on anything."
        if not item.as_needed and read and all(r.condition is not None for r in read):
            return "condition-left-out", "The words quoted order it only when it is needed."
    elif not conditional and _all_repeat([r for r in read if r.why_not is None]):
        return "frequency-left-out", "The words quoted order it again and again, and it would be done once."
    return None


def _all_repeat(read: list[Reading]) -> bool:
    return bool(read) and all(_repeats(r) for r in read)


def _repeats(r: Reading) -> bool:
    """Whether a clause says a number of times, and not only a part of the day; or a dose for a stretch of time."""
    if r.dosed and r.lasts is not None and r.verb is None and r.rhythm is None:
        return not r.single and r.due is None
    numbered = any(f.slot is None and not f.limit for f in r.facts)
    return r.rhythm is not None and not r.single and (r.dosed or bool(r.verb and numbered))


def _orders(r: Reading) -> bool:
    """Whether anything in a clause could be an order: a verb, a dose, a rhythm, a date, a condition, a test, an act."""
    if r.verb or r.dosed or r.rhythm or r.due or r.condition or r.lasts or r.single or r.drug or r.clause.plan:
        return True
    words = re.findall(r"[a-z][\w&/-]*", r.clause.low)
    return any(w in VERBS or w in ACT_NOUNS or w in FORMS or names_visit(w) for w in words)


def numbers_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """Numbers in title and detail that the quote and its sentences do not give."""
    for said in (item.title, item.detail or ""):
        low = same_length_plain(said)
        scope = Scope(low, evidence.note.day)
        doubt = _times_doubt(item, scope, evidence) or _spans_doubt(item, scope, evidence)
        if doubt:
            return doubt
        left = _without_facts(scope)
        own = {a.key for a in evidence.narrow.amounts}
        near = {a.key for a in evidence.wide.amounts}
        own_doses = evidence.narrow.doses
        for amount in amounts(left):
            allowed = own if amount.unit in DOSE_UNITS and own_doses else near
            if amount.key in allowed:
                continue
            if not amount.unit and any(number == amount.number for number, _ in near):
                continue
            if any(number == amount.number for number, _ in near) and amount.key not in near:
                return "unit-not-in-quote", "It gives a number with a unit that the words quoted do not give."
            return "number-not-in-quote", "It gives a number that the words quoted do not give."
    return None


def _times_doubt(item: Item, said: Scope, evidence: Evidence) -> Doubt | None:
    """A frequency in the words of an item that neither the note nor its own (checked) schedule has."""
    found = rhythm(said.often)
    if found is None:
        stated = {(f.times, f.every_days) for f in said.often}
        allowed = evidence.wide.rhythms(with_limits=True)
        if stated - allowed:
            return "frequency-not-in-quote", "It gives a limit that the words quoted do not give."
        return None
    pair = (found.times, found.every_days)
    hours = {f.every_hours for f in said.often if f.every_hours} - {f.every_hours for f in evidence.wide.often}
    scheduled = isinstance(item, PlanItem) and pair == (item.times_per_day, item.every_days)
    if hours or not (scheduled or pair in evidence.wide.rhythms(with_limits=True)):
        return "frequency-not-in-quote", "It says how often in a way that the words quoted do not."
    return None


def _spans_doubt(item: Item, said: Scope, evidence: Evidence) -> Doubt | None:
    """Durations, dates and clock times in the words of an item that the note does not give."""
    wide, near = evidence.wide, (evidence.wide, evidence.narrow)
    lengths = {n for s in near for d in s.durations for n in d.allowed}
    lengths |= {n for s in near for d in s.dues for n in (d.days, *d.allowed)}
    for d in said.durations:
        if not d.allowed & lengths and d.count is None:
            return "duration-not-in-quote", "It gives a length of time that the words quoted do not give."
    starts = wide.named_starts() | lengths | evidence.taper_starts()
    for due in said.dues:
        if due.days not in starts and due.days != 0 and not due.allowed & starts:
            return (
                "date-not-in-quote",
                "It gives a date that does not follow from the words quoted.",
            )
    if set(said.clock) - set(wide.clock):
        return "number-not-in-quote", "It gives a clock time that the words quoted do not give."
    return None


def _without_facts(scope: Scope) -> str:
    """The words without the expressions of time, which are compared by what they mean."""
    text = list(scope.low)
    spans = [(f.start, f.end) for f in scope.often] + [(d.start, d.end) for d in scope.durations if d.count is None]
    spans += [(d.start, d.end) for d in scope.dues]
    spans += [m.span() for m in CLOCK.finditer(scope.low)]
    for start, end in spans:
        text[start:end] = " " * (end - start)
    return "".join(text)
