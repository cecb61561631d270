"""Whether the note bears out what an item says: its words, its medicines, what kind of order it is.

One promise: every check either passes or names a reason, with a sentence that a doctor understands; no check repairs.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from hospital_rt.extraction.amounts import DOSE_UNITS, WORDS, amounts
from hospital_rt.extraction.conditions import COMPANION, condition
from hospital_rt.extraction.evidence import Evidence
from hospital_rt.extraction.lexicon import ACT_NOUNS, FORMS, SINGLE_NOUNS, VERBS, names_visit
from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.orders import order_at
from hospital_rt.extraction.reading import Reading
from hospital_rt.extraction.schema import Item, PlanItem
from hospital_rt.extraction.text import respelt, same_length_plain, words_of

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
    "again": "back return",
    "gp": "doctor practice family",
    "pcp": "doctor practice family",
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
    "suture": "stitch stitches",
    "sutures": "stitches",
    "stitches": "sutures",
    "puntos": "stitches",
    "fils": "stitches",
    "ros": "removal of sutures stitches",
    "vit": "vitamin",
    "amox": "amoxicillin",
    "doxy": "doxycycline",
    "pred": "prednisolone prednisone",
    "apap": "acetaminophen paracetamol",
    "acetaminophen": "paracetamol",
    "paracetamol": "acetaminophen",
    "albuterol": "salbutamol",
    "salbutamol": "albuterol",
    "asa": "aspirin",
    "hctz": "hydrochlorothiazide",
    "ntg": "nitroglycerin glyceryl trinitrate",
    "npo": "nothing by mouth eat drink",
    "nbm": "nothing by mouth eat drink",
    "bm": "blood sugar glucose",
    "bms": "blood sugar glucose",
    "mw": "mouthwash",
    "m/w": "mouthwash",
    "fever": "temperature",
    "febrile": "temperature fever",
}
"""What abbreviations of notes stand for."""
_COMMON = words_of("""
the and for with your you have has take use apply from that this then than when until every each once twice times time
daily weekly day days week weeks month months hour hours minutes morning evening night noon bedtime breakfast lunch
dinner meal meals food water tablet tablets capsule capsules dose doses needed only into both after before during
less fewer than
without more most least maximum oral orally mouth skin under tongue affected area areas eye eyes ear ears nose left
right according course total start finish make sure keep will need their them her his its one two three four five six
seven eight nine ten first second next last today tomorrow tonight monday tuesday wednesday thursday friday saturday
sunday january february march april june july august september october november december medicine medication treatment
drug doctor nurse clinic appointment follow instructions continue step steps part prescribed recommended directed
increase reduce change switch long term regularly empty stomach prendre pendant jours jour semaines semaine fois matin
soir avec sans pour dans comprime comprimes chaque toutes heures apres avant tomar durante dias semanas veces manana
noche cada horas con sin para comprimido comprimidos despues antes hasta
""")
_BESIDE_THE_POINT = words_of("""
not whole full entire even well more less than exceed pas depasser tout toute prises exceder todo toda dosis tomas
""")
_SAYS_NOTHING = words_of("""
mg ml mcg ug gm iu cc units unit take takes use apply give gives have has do does be is are will must should can may
keep get go put need needs please patient pt she he they you we it of on in to at by as or if so no not tomar tome
prenez prendre
""")


def quote_doubt(evidence: Evidence) -> Doubt | None:
    """A quote that says nothing by itself: a unit, a bare number, "take"."""
    low = evidence.quote.low
    said = [w for w in re.findall(r"[a-z][\w&-]+", low) if w not in _COMMON and w not in _SAYS_NOTHING]
    told = any(a.unit for a in amounts(low)) or evidence.quote.often or evidence.quote.durations or evidence.quote.dues
    spans = [r.clause.span for r in evidence.readings]
    if said or told or any(s.start >= evidence.start and s.end <= evidence.end for s in spans):
        return None
    return "quote-too-short", "It quotes so little of the note that nothing follows from it."


def words_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """Drugs and subjects that the note does not name."""
    low = same_length_plain(f"{item.title}\n{item.detail or ''}")
    low = COMPANION.sub(" ", f"{low}\n{respelt(low)}")
    own = evidence.own is not None and any(is_drug(w) for w in re.findall(r"[a-z-]{3,}", evidence.quote.low))
    here = vocabulary(COMPANION.sub(" ", evidence.quote.low if own else evidence.wide.low))
    for word in dict.fromkeys(re.findall(r"[a-z][a-z-]{2,}", low)):
        if is_drug(word) and not known(word, here) and not _named_before(word, evidence):
            return "drug-not-in-quote", "It names a medicine that the words quoted do not name."
    for word in _dosednames(low):
        if not known(word, here) and not _named_before(word, evidence):
            return "drug-not-in-quote", "It gives a dose of something that the words quoted do not name."
    content = [
        w for w in re.findall(r"[a-z][a-z&-]{2,}", same_length_plain(item.title)) if w not in _COMMON and w not in VERBS
    ]
    borne_out = any(known(w, here) or (is_drug(w) and _named_before(w, evidence)) for w in content)
    if content and not borne_out and not _shares_verb(item.title, here):
        return "words-not-in-note", "Its title says something else than the words quoted."
    return _advice_doubt(item, evidence)


def _advice_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """A detail that orders or tells something of which the note has no word."""
    here = vocabulary(same_length_plain(evidence.note.text))
    for sentence in re.split(r"[.;\n]\s*", same_length_plain(item.detail or "")):
        words = re.findall(r"[a-z][a-z&-]{2,}", sentence)
        own = [w for w in words if w not in _COMMON and w not in VERBS | _BESIDE_THE_POINT | set(WORDS)]
        if not own or (len(own) < 2 and order_at(sentence) is None):
            continue
        if not any(known(w, here) for w in [*own, *VERBS.intersection(words)]):
            return "words-not-in-note", "Its detail gives advice that the note does not give."
    return None


def vocabulary(low: str) -> set[str]:
    """The words of the evidence, and what its abbreviations stand for."""
    found = set(re.findall(r"[a-z][\w&-]*", low))
    for word in list(found):
        found |= set(_ALIASES.get(word, "").split())
        found |= set(word.split("-"))
    return found


def known(word: str, here: set[str]) -> bool:
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
    return not own and known(word, vocabulary(evidence.before(2)))


def naming(low: str, evidence: Evidence) -> list[Reading]:
    """The clauses quoted that are about the medicines which ``low`` names; all of them where no clause names one.

    A clause that names no medicine goes with what it stands beside.
    """
    named = [w for w in re.findall(r"[a-z][a-z-]{2,}", low) if is_drug(w)] + _dosednames(low)
    if not any(names(r, named) for r in evidence.readings):
        return evidence.readings
    return [r for r in evidence.readings if names(r, named) or not own_drug(r)]


def names(r: Reading, named: list[str]) -> bool:
    here = vocabulary(r.clause.low)
    return any(known(word, here) for word in named)


def own_drug(r: Reading) -> bool:
    return r.drug is not None and r.drug not in FORMS


def _dosednames(low: str) -> list[str]:
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
    return any(known(w, here) for w in re.findall(r"[a-z]{3,}", low) if w in VERBS or w in SINGLE_NOUNS)


def order_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """Words that order nothing, and orders turned into another kind: a course into one tick, a need into a habit."""
    read = evidence.readings
    if read and not any(_orders(r) for r in read) and not _shares_verb(item.title, vocabulary(evidence.quote.low)):
        return "no-order", "The words quoted do not order anything of the patient."
    conditional = any(r.condition is not None for r in read) or condition(evidence.wide.low) is not None
    if isinstance(item, PlanItem):
        if item.as_needed and not conditional and not any(f.limit for f in evidence.wide.often):
            return "condition-not-in-quote", "The words quoted do not make it depend on anything."
        ordering = [r for r in read if r.why_not is None]
        if item.duration_days != 1 and not item.as_needed and ordering and all(_is_dated_act(r) for r in ordering):
            return (
                "frequency-not-in-quote",
                "The words quoted order it once, on a day; it would be done again and again.",
            )
        if not item.as_needed and read and all(r.condition is not None for r in read):
            return "condition-left-out", "The words quoted order it only when it is needed."
    elif not conditional and _all_repeat([r for r in read if r.why_not is None]):
        return "frequency-left-out", "The words quoted order it again and again, and it would be done once."
    return None


def _is_dated_act(r: Reading) -> bool:
    """Whether a clause orders one act with a date of its own, and no medicine ("take the form to X-ray this week")."""
    bare = r.rhythm is None and r.lasts is None and not r.dosed and r.drug is None
    return bare and r.verb is not None and r.due is not None and r.due.how in {"on", "by"}


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
