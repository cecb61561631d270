"""Where an order to the patient begins in a clause: its verb, past "please", "she is to" and the like.

One promise: a word that is a noun as well as a verb orders something only before an object. Works on text made by
``same_length_plain``.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.asking import LEAD, base
from hospital_rt.extraction.lexicon import NOT_VERBS_BEFORE, STAFF, STOP_VERBS, VERBS
from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.text import words_of

_LEAD = re.compile(
    r"^(?:then|also|please|pls|plz|and|but|to|now|next|kindly|patient to|pt to|you should|you must|"
    r"you need to|"
    r"needs? to|should|must|ought to|to please|for now|in the meantime|meanwhile|today|from today|"
    r"from tomorrow|again|instead|so|therefore|only|just|always|unless (?:otherwise|told|advised|"
    r"instructed)(?: (?:otherwise|told|advised|instructed))*|veuillez|debe|il faut|merci de|"
    r"a(?= (?:revoir|refaire|faire|prendre|poursuivre|continuer|controler|recontroler)\b)|"
    rf"make (?:e|you|una|im|we|dem|him|she)|{LEAD})[,:]?\s+"
)
_OBJECT_AFTER = re.compile(
    r"[\s(\"'*]+(?:the|a|an|your|his|her|their|this|these|all|any|it|them|down|up|out|with|at|to|for|if|when|every|"
    r"each|twice|"
    r"once|again|me|us|in|on|by|until|home|\d+|from|back|la|le|les|el|los|las|su|sus|votre|vos|son|sa|ses|une?|una|"
    r"fasting|"
    r"blood|urine|bp|weight|temperature|dressing|dressings|outdoors|plenty|well|briskly|active|hydrated|mobile|"
    r"indoors|careful|daily|off|more|about|new|another|some|both|fresh|extra|further)\b"
)
_HAS_ITS_VERB = re.compile(r"(?: [a-z][\w-]*){1,3} (?:was|were|is|are|has|had|showed|shows)\b")
_OF_STAFF = words_of("write send ring call contact post see arrange book phone text email")
_LABELS = words_of("cycle step stage load point line grade")
_PARTS = words_of("head")
_WORD = re.compile(r"[a-z][\w'-]*")
_A_CALL = re.compile(r"\s+(?:call|review|consult\w*|check|follow|appointment|clinic|contact|from|back from)\b")


def order_at(low: str) -> int | None:
    """Where an order begins in a clause: the offset of its verb, past "please", "patient to" and the like.

    >>> order_at("please book a scan"), order_at("test normal"), order_at("patient is on aspirin")
    (7, None, None)
    """
    at = 0
    led = False
    while True:
        word = _WORD.match(low, at)
        if word and (at == 0 or low[at - 1].isspace() or low[at - 1] in "'\"("):
            if _is_order(low, word, word.group()):
                return at
            plain_form = base(word.group()) if led else None
            if plain_form and _is_order(low, word, plain_form):
                return at
        lead = _LEAD.match(low[at:])
        if not lead or lead.end() == 0:
            return None
        led = led or lead.group().rstrip().endswith((" he", " she", " they", " you", " that he", " that she"))
        at += lead.end()


def _is_order(low: str, word: re.Match[str], verb: str) -> bool:
    if verb in STOP_VERBS:
        return True
    if verb not in VERBS:
        return False
    after = low[word.end() :]
    if re.match(
        r"\s*(?:[:=]|\d+/\d+|x ?\d|is\b|was\b|are\b|were\b|has\b|normal\b|clear\b|ok\b|fine\b|poor\b|stable\b|good\b)",
        after,
    ):
        return False
    if verb in {"phone", "telephone", "email", "text", "call"} and _A_CALL.match(after):
        return verb == "call" and re.match(r" (?:clinic|consult\w*) *$", after) is not None
    if re.match(r"\s+of\b", after) and verb not in {"dispose", "get", "stop"}:
        return False
    if verb in _LABELS and re.match(r"\s+\d+\b(?! ?(?:times|min|km|miles|hours?|sets|laps|x))", after):
        return False
    if verb in _PARTS and not re.match(r" (?:to|for|straight|back|over|home|off) ", after):
        return False
    if verb == "be":
        return after.startswith(" seen ")
    if verb == "warm" and after.startswith(" water"):
        return False
    if verb == "lower" and re.match(r" (?:back|limb|leg|lip|jaw|lid|abdom|down)", after):
        return False
    if verb == "fit" and re.match(r" (?:and|for|to|well|as|enough|with|on|in)\b|\W|$", after):
        return False
    if verb == "self" and not after.startswith(" refer"):
        return False
    if verb == "make" and re.match(r" (?:e|you|una|am|im|we|dem|him) ", after):
        return False
    if verb in {"keep", "bear", "hold", "have"} and after.startswith(" in mind"):
        return False
    if verb == "cough" and re.match(r" (?:on|with|after|from) [a-z\d]", after):
        return False
    if re.search(r"\bthey(?:'ll| will) $", low[: word.start()]) and verb in _OF_STAFF:
        return False
    if verb == "have" and re.match(r" (?:been|had|got|not|never|no)\b", after):
        return False
    if verb in {"repeat", "review", "test", "check", "follow"} and _HAS_ITS_VERB.match(after):
        return False
    if verb == "check" and re.match(r" (?:xr|x-?rays?|films?|radiographs?|cystoscopy|scan|uss|ct|mri|echo)\b", after):
        return False
    if verb == "pour" and re.match(r" (?:le|la|les|l'|son|sa|ses|un|une|votre|vos|des|du|ce|cette|\d)", after):
        return False
    if verb == "practice" and re.match(rf" (?:{STAFF})\b", after):
        return False
    if verb == "leave" and re.match(r"\s+\d", after):
        return False
    if verb == "contact" and re.match(
        r" (?!lens|derm|tracing|allerg|detail|number|sport|with |burn|bleed)[a-z]", after
    ):
        return True
    if verb == "see" and re.match(rf" (?:{STAFF})\b", after):
        return True
    if verb in NOT_VERBS_BEFORE or verb in {"cough", "exercise", "weight", "sleep", "see", "drink", "fast", "dress"}:
        return after.strip() == "" or _OBJECT_AFTER.match(after) is not None or _next_is_drug(after)
    return True


def _next_is_drug(after: str) -> bool:
    word = re.match(r"\W*([a-z][\w-]*)", after)
    return bool(word and is_drug(word[1]))
