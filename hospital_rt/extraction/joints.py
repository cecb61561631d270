"""Joints of a sentence: commas, "and", colons, dashes, and whether one parts two acts.

One promise: what belongs to the act before (how to take it, what it is for, a complaint and whom to call) stays with
it. Works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re
from datetime import date

from hospital_rt.extraction.amounts import NUMBER, doses
from hospital_rt.extraction.conditions import CONDITION
from hospital_rt.extraction.lasting import durations
from hospital_rt.extraction.lexicon import (
    ACT_NOUNS,
    SEEK_VERBS,
    SINGLE_NOUNS,
    STAFF,
    SYMPTOMS,
    is_medicine_word,
    names_visit,
)
from hospital_rt.extraction.often import often
from hospital_rt.extraction.orders import order_at
from hospital_rt.extraction.shorthand import name_of_line
from hospital_rt.extraction.stance import stance

THEN = re.compile(
    r"(?:[,:]?\s*(?:-\s*)?(?:\b(?:and|et|y|but)\s+)?\b(?:then|thereafter|after that|afterwards|followed by|puis|"
    r"ensuite|luego|despues(?! de)|"
    r"y luego|et puis|subsequently)\b[,:]?\s*)|"
    r",?\s+(?:and )?(?:reducing|decreasing|increasing|tapering|stepping|dropping|going|lowering|weaning)(?: down|"
    r" up)? to\s+(?=\d)"
)
SOFT = re.compile(
    r"\s*,\s*(?:(?:and|et|y|but|with(?= [a-z-]+ \d)|(?:so|hence|therefore|donc)(?! that| as)|also|plus|"
    r"as well as)\s+)?|\s+(?:and|&|\+|et|"
    r"y|plus|but|as well as|together with|"
    r"along with|with|avec|con)\s+(?:also\s+)?|"
    r"\s+(?:so|hence|therefore|donc)\s+(?!that\b|as\b|far\b|much\b)|"
    r"\s+[-–]\s+|\s*\.\s+"
)
_PROHIBITS = re.compile(
    r"(?:do not|don't|never|avoid|not (?!longer|more|less|later)|no (?!more|later|less|longer)|ne pas|n'|eviter|"
    r"evitar|but not|pas d|sin |"
    r"rather than|never |make (?:e|you|una|im|we|dem|him|she) no )"
)
_BOOKS = re.compile(
    r"(?:attend|go|drop|book|arrange|make|ring|call|phone|ask|schedule|request|hand|drop|organise|organize|via|"
    r"prendre|pedir|"
    r"solicitar)\b"
)
_HEAD = re.compile(r"(?:the |her |his |your |a |an |le |la |les |el |los |las |su |un |une |una )?[a-z][\w'’-]*")
_NO_HEAD = re.compile(
    r"(?:max|maximum|up|about|at|no|not|from|to|for|in|x|over|or|half|of|with|on|by|per|each|every|once|twice|then|"
    r"until|before|after|when|if|as|"
    r"days?|weeks?|months?|pour|pendant|durant|jusqu|max|durante|hasta|cada|chaque|par|por|con|avec|food|water|both|"
    r"under|into|through|"
    rf"morning|noon|evening|night|midday|breakfast|lunch|dinner|supper|bedtime|soir|matin|midi|noche|tarde|manana|"
    rf"today|tomorrow|increase\w*|{NUMBER})\b"
)


def parts(joint: str, left: str, right: str) -> bool:
    """Whether a comma, an "and" or the like parts two acts."""
    if _complains(left, right):
        return False
    if ":" in joint and CONDITION.match(right):
        return True
    if ":" in joint and _VALUE.fullmatch(left):
        return False
    if ":" in joint:
        named = any(is_medicine_word(w) or w in ACT_NOUNS for w in re.findall(r"[a-z][\w-]*", left))
        short = len(left.split()) <= 5 and not named and not _is_title(left)
        if orders_the_left(left, right):
            return False
        return order_at(right) == 0 and short and not doses(_chunk(right)) and not _ADDRESSED.match(left)
    comma = "," in joint or "-" in joint or "–" in joint
    if comma and often(left) and _labels_its_own(right):
        return True
    if _TURNS.search(joint) and (order_at(right) is not None or often(_chunk(right)) or doses(_chunk(right))):
        return True
    if comma and _PROHIBITS.match(right) and not re.fullmatch(r"not \w+ed\W*", right):
        return True
    conditional = CONDITION.search(left) is not None
    order = order_at(right)
    if order and _POLITE.fullmatch(right[:order]):
        if (
            _FINITE.search(left) is None
            and order_at(left) is None
            and not doses(left)
            and not often(left)
            and len(left.split()) <= 7
        ):
            return False  # "eye screening overdue, please attend": the left is what the order is about
        order = 0
    if right.startswith("to ") and order == 3 and _own_dose(_chunk(right[order:]), left):
        return True
    if order == 0 and "with" not in joint:
        if conditional and not comma:
            return False
        if re.match(r"[a-z-]+ (?:off|out)\W*$", right) and (order_at(left) is not None or doses(left)):
            return False
        if "," in joint and stance(left) == "negated":
            return True
        if len(left.split()) == 1 or (
            _names_drug(left) and order_at(left) is None and not often(left) and often(right)
        ):
            return False
        if re.match(
            r"[a-z-]+(?: \w+ing)?(?: off| down| up| on| out)? (?:it|them|this|these|"
            r"one(?! [a-z0-9]))\b(?! ?is)",
            right,
        ) and (order_at(left) is not None or often(left)):
            return False
        if doses(left) and not often(left) and often(_chunk(right)) and not doses(_chunk(right)):
            return False
        how = _HOW_TO_TAKE.match(right)
        if how and (doses(left) or often(left)) and not (often(left) and often(_chunk(right))):
            return False
        if _GOES_ON_WITH_IT.fullmatch(right) and (_names_drug(left) or doses(left) or often(left)):
            return False
        return not (_is_title(left) and _BOOKS.match(right)) and not orders_the_left(left, right)
    if comma and _MAY_GO_UP.match(right):
        return True
    if _WHEN_NEEDED.match(right) and often(left):
        return True
    if _OF_THE_LEFT.match(right):
        return False
    if "," in joint and not conditional and often(_chunk(right)) and _refuses(left):
        return True
    if _NEW_SUBJECT.match(right) and not (conditional and not _WE_WILL.match(right)):
        return True
    if conditional and not often(left) and not (doses(left) and _own_dose(_chunk(right), left)):
        return False
    if _next_dose(re.split(r"[,;]| and then | then ", right)[0], left):
        return True
    head = _HEAD.match(right)
    if not head or _NO_HEAD.match(right):
        return False
    chunk = _chunk(right)
    named = any(w in ACT_NOUNS or names_visit(w) for w in re.findall(r"[a-z][\w-]*", chunk)[:3])
    if named and any(d.count for d in durations(chunk, _ANY_DAY)) and often(left):
        return True
    return _own_dose(chunk, left) or _own_rhythm(chunk, left) or ((comma or "and" in joint) and _own_date(chunk, left))


def _labels_its_own(right: str) -> bool:
    """Whether the right names a complaint and its medicine ("..., constipation - laxido 1 bd")."""
    label = re.match(r"(?:for )?(?P<of>[a-z]+)(?: -|:) (?P<rest>[a-z]+.*)", right)
    return label is not None and label["of"] in SYMPTOMS and bool(often(_chunk(label["rest"])))


def _refuses(left: str) -> bool:
    """Whether the left is a refusal and no more ("antibiotics not needed")."""
    return stance(left) == "negated" and not doses(left) and not often(left)


def orders_the_left(left: str, right: str) -> bool:
    """Whether the right orders something without naming it, since the left is its name ("Diary: fill in daily")."""
    words = left.split()
    if _WITHOUT_OBJECT.match(right) is None:
        return False
    told = _FINITE.search(left) is not None or order_at(left) is not None
    return 0 < len(words) <= 7 and not told and not doses(left) and not often(left)


def _complains(left: str, right: str) -> bool:
    """Whether the left is a complaint and the right says whom to turn to for it ("Any bleeding - call the clinic")."""
    verb = re.match(r"(?:please )?([a-z-]+)", right)
    if verb is None or verb[1] not in SEEK_VERBS or _DATED.search(right):
        return False
    words = re.findall(r"[a-z][a-z-]*", left)
    return (
        len(words) <= 8
        and (words[:1] == ["any"] or any(w in SYMPTOMS for w in words))
        and not doses(left)
        and not often(left)
        and order_at(left) is None
    )


_WITHOUT_OBJECT = re.compile(
    r"(?:please )?(?:book|arrange|order|collect|pick|fill|give|submit|self|join|ring|call|phone|email|text|make|"
    r"request|register|"
    r"enrol|enroll|complete|bring|post|send|hand|drop|organi[sz]e|schedule|use|wear|apply|keep|remove|repeat|do|"
    r"practi[sc]e|"
    r"perform|record|write|print|get|buy|self-refer)(?: (?:in|up|off|out|back|down|one|refer|an appointment|"
    r"appointments?))?"
    r"(?: (?:to (?:book|join|arrange|order|register|self|make|confirm|start|the)|in|by|for|with|from|at|via|through|"
    r"using|"
    r"daily|weekly|monthly|every|each|online|before|after|when|on|as|here|now|today|tomorrow|this (?:week|month|"
    r"morning)|"
    r"next|until|once|twice|\d[\w-]*)\b|\W*$)"
)
_VALUE = re.compile(
    r"[a-z][^.;:]{0,24}? ?(?:\b(?:below|above|over|under|(?:less|more|higher|lower|greater) than|at least)|"
    r"[<>≥≤]=?) ?\d[^:;]*|"
    r"[a-z][^:.;]{0,20} \d[\d.]* (?:or|and) (?:over|above|below|under|more|less|higher)\b[^:;]*"
)
"""A reading to act on ("sugar below 4")."""
_WHEN_NEEDED = re.compile(
    r"[a-z][\w-]{2,}(?: [\w-]+){0,4} (?:prn|sos|as (?:needed|required)|when (?:needed|required)|si besoin)\b"
)
_MAY_GO_UP = re.compile(
    r"(?:then )?(?:up|down|increasing|reducing|going up) by \d|"
    r"(?:can|may|could|might|to|with a view to|aim(?:ing)? to)(?: then| later)? (?:go up|go to|be increased|increase|"
    r"increasing|"
    r"step up|be doubled|double|titrate|be titrated|be raised|build up)\b"
)
_FINITE = re.compile(r"\b(?:will|is|are|was|were|has|have|had|does|did|can|should|may|not|no)\b")
_GOES_ON_WITH_IT = re.compile(
    r"(?:please )?(?:continue|carry on|keep going|to continue|continuar|a continuer)"
    r"(?: (?:for|until|till|pendant|jusqu|durante|hasta)\b.*)?\W*"
)
_TURNS = re.compile(r"\b(?:but|so|hence|therefore|donc)\b")
_POLITE = re.compile(r"(?:(?:please|pls|plz|kindly|you should|you must|s?he should|s?he must|(?:patient|pt) to) )+")
_CANNOT = re.compile(r"(?:can't|cannot|unable to)\b")
_ADDRESSED = re.compile(
    rf"(?:for |to |request to )?{STAFF}(?: please)?$|[a-z ]*(?:pain|loss|bleeding|swelling|fever|"
    rf"rash|weakness)$"
)
_HOW_TO_TAKE = re.compile(
    r"(?:take|taken|swallow|use|apply|chew|inhale|drink)(?: it| them| this| these| each| every dose)?(?: (?:with|"
    r"without|before|"
    r"after|on|an|one|half|at least|first thing|whole|regularly|as|\d+ (?:minutes|hours?)|away|separately|in the)\b|"
    r"\W*$)(?!.*\bdose)"
)
_OF_THE_LEFT = re.compile(r"(?:i|we)(?: have|'ve)? (?:\w+ )?\w+ed (?:this|it|these|that|them)\b")
_WE_WILL = re.compile(r"(?:i|we)(?: (?:will|shall|would|have|are|am)|'ll|'ve)\b")
_NEW_SUBJECT = re.compile(
    r"(?:i|we|s?he|they|you|(?:the|his|her|my|our|their|this) [\w'-]+(?: [\w'-]+)?)(?:'ll|'ve| (?:also |then |now "
    r")?(?:will|shall|"
    r"would|can|could|should|must|has|have|had|is|are|was|were|may|might|needs?))\b"
)


def _is_title(left: str) -> bool:
    """Whether the left is a mere name of a test or a visit, which the right then orders."""
    words = re.findall(r"[a-z][\w&/-]*", left)
    return bool(words) and order_at(left) is None and not often(left) and any(names_visit(w) for w in words)


def _chunk(right: str) -> str:
    """The right up to its next joint."""
    m = SOFT.search(right) or THEN.search(right)
    return right[: m.start()] if m else right


def _own_dose(chunk: str, left: str) -> bool:
    """A drug of its own: "... and clarithromycin 500 mg ..."."""
    found = doses(chunk)
    if not found or not (doses(left) or often(left)):
        return False
    before = chunk[: found[0].start].strip()
    words = before.split()
    return (
        0 < len(words) <= 4
        and any(is_medicine_word(w) or len(w) > 3 for w in words)
        and (before.endswith(" up to") or not before.endswith((" to", " of")))
    )


def _next_dose(chunk: str, left: str) -> bool:
    """The next dose of a taper without a "then": "25 mg once daily for 14 days, 50 mg once daily for 14 days"."""
    staged = re.match(r"(?:from|on) (?:day|week) \d+:? (?=\d)", chunk)
    if staged and durations(left, _ANY_DAY):
        chunk = chunk[staged.end() :]
    both_last = durations(left, _ANY_DAY) and durations(chunk, _ANY_DAY)
    if both_last and often(left) and any(f.start <= 1 for f in often(chunk)) and not _own_dose(chunk, left):
        return True
    found, before = doses(chunk), doses(left)
    if not found or found[0].start > 1 or not before or found[0].unit != before[-1].unit:
        return False
    if any(f.slot for f in often(left)) and any(f.slot for f in often(chunk)) and before[-1].key != found[0].key:
        return True
    if often(left) and often(chunk) and re.search(r"\b(?:from|after) ", chunk):
        return True
    onward = (
        often(chunk) or durations(chunk, _ANY_DAY) or re.search(r"\b(?:thereafter|after that|from then on)\W*$", chunk)
    )
    return bool(durations(left, _ANY_DAY) and onward)


_ANY_DAY = date(2000, 1, 1)


def _own_rhythm(chunk: str, left: str) -> bool:
    """An act with a rhythm of its own, after one that has one."""
    found = [f for f in often(chunk) if not f.limit]
    if not found or not often(left):
        return False
    words = re.findall(r"[a-z][\w-]*", chunk[: found[0].start])
    known = any(w in ACT_NOUNS or w in SINGLE_NOUNS or is_medicine_word(w) for w in words)
    return known or name_of_line(chunk) is not None


_DATED = re.compile(
    r"\b(?:in|within|dans|en|dentro de) (?:\w+ ){1,3}(?:days?|weeks?|months?|jours?|semaines?|mois|"
    r"dias|semanas|meses)\b|\b\d/(?:7|52|12)\b|"
    r"\b(?:tomorrow|next week|on \w+day|by \w+day)\b"
)


def _own_date(chunk: str, left: str) -> bool:
    """A test or visit with a date of its own, after one that has one or after a rhythm."""
    words = re.findall(r"[a-z][\w&/-]*", chunk)
    if not any(names_visit(w) for w in words[:4]) or not _DATED.search(chunk):
        return False
    return _DATED.search(left) is not None or bool(often(left)) or bool(doses(left))


def _names_drug(left: str) -> bool:
    return any(is_medicine_word(w) for w in re.findall(r"[a-z][a-z-]*", left))
