"""Whether an item says the opposite of the words that it quotes: stop for take, up for down, right for left.

One promise: only a plain contradiction is one; where the note speaks of neither side, nothing is doubted here. Works on
text made by ``same_length_plain``.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.evidence import Evidence
from hospital_rt.extraction.lexicon import STOP_VERBS
from hospital_rt.extraction.schema import Item
from hospital_rt.extraction.stance import stance
from hospital_rt.extraction.support import Doubt, naming
from hospital_rt.extraction.text import same_length_plain

_STOPS = "|".join(sorted(STOP_VERBS))
_REFUSES = re.compile(
    rf"^\W*(?:please |always |then |you (?:should|must) |veuillez |por favor )*(?:(?:do not|don't|dont|never|must not|"
    rf"should not|not to|no longer)\b(?! (?:forget|miss|worry|hesitate|delay|exceed|take more|use more|be afraid))|"
    rf"no (?!more|later|less)[a-z]|(?!hold\b.* (?:mouth|breath|minutes?|seconds?|on to)\b)(?:{_STOPS}|avoid|pause|"
    rf"halt|quit|come off|give up|refrain|abstain)\b|"
    r"ne (?!pas (?:oublie|hesite|depasse))[a-z]|n'|evite[rz]?\b|nunca\b|jamais\b|deja de\b)"
)
_ANY_REFUSAL = re.compile(
    rf"\b(?:{_STOPS}|stopp\w+|stops|not|no|never|nil|nothing|without|avoid\w*|off|out|paus\w+|halt\w*|refrain\w*|"
    r"abstain\w*|fast\w*|ceas\w+|discontinu\w+|with(?:held|holding)|omitted|contra-?indicated|limit\w*|max\w*|"
    r"cannot|nbm|npo|until|before|finish\w*|complete\w*|d/c|dc|rid|give up|free|wean\w*|"
    r"ne|pas|plus|sans|jamais|arret\w*|evit\w*|jeun|nunca|sin|dej\w+|suspen\w*|ayun\w*|nada|ningun\w*)\b|n't\b|\bn'"
)
_FORBIDS = re.compile(
    r"\b(?:ne [a-z]+(?:-vous)? (?:pas|plus|jamais)|n'[a-z]+ (?:pas|plus|jamais)|(?:do not|don't|must not|never) "
    r"(?:take|use|give|apply|eat|drink))\b"
)
_DIRECTIONS = {
    "up": r"increas\w+|rais\w+|up ?titrat\w*|step up|go up|put up|doubl\w+|augment\w+|subir|sub[ae]|aument\w+",
    "down": r"reduc\w+|decreas\w+|lower\w*|cut (?:down|back)|halv\w+|wean\w*|taper\w*|step down|go down|diminu\w+|"
    r"redui\w+|reduz\w+|bajar|baj[ae]|disminu\w+",
}
_SIDES = {
    "left": r"left(?! (?:over|out|off|in|on|to|at|for|with)\b)|gauche|izquierd[oa]|l(?=/e\b)",
    "right": r"right(?! (?:away|now|after|before|up|down|through|at|dose|time|to)\b)|droite?|derech[oa]",
    "both": r"both|bilateral(?:ly)?|each (?:eye|ear|nostril|side|foot|hand|knee|leg|arm)|les deux|amb[oa]s",
}
_PARTS = {
    "morning": r"mornings?|mane|qam|(?:once )?(?:each |every )?a\.?m\.?|breakfast|waking|matin|manana|desayuno|"
    r"petit[- ]dejeuner",
    "noon": r"noon|midday|lunch(?:time)?|midi|mediodia|dejeuner|almuerzo",
    "night": r"nights?|nocte|bed ?time|evenings?|bed|tonight|dinner|supper|tea ?time|p\.?m\.?|hs|qhs|qpm|soir|coucher|"
    r"noches?|acostarse|cena|diner",
}
_PLACES = {
    "eye": r"eyes?|eyelids?|yeux|oeil|ojos?",
    "ear": r"ears?|oreilles?|oidos?",
    "nose": r"nose|nostrils?|nasal(?:ly)?|narines?|nez|nariz",
    "bottom": r"rectal(?:ly)?|rectum|anal(?:ly)?|suppositor\w+|pr|back passage",
    "vagina": r"vaginal(?:ly)?|vagina|pv|pessar\w+",
    "mouth": r"mouth|oral(?:ly)?|po|p\.o\.?|bouche|boca",
    "skin": r"skin|topical(?:ly)?|peau|piel",
}
_MEAL = (
    r"(?: (?:the|a|your|each|every|evening|main|le|la|les|el|las|los|de|du|des))* ?(?:food|eating|meals?|breakfast|"
    r"lunch|dinner|supper|repas|petit|comidas?|desayuno|cena)"
)
_MEALS = {
    "before": rf"before{_MEAL}|empty stomach|a\.?c\.?|avant{_MEAL}|antes{_MEAL}|ayunas|a jeun",
    "after": rf"after{_MEAL}|p\.?c\.?|apres{_MEAL}|despues{_MEAL}",
    "with": rf"with{_MEAL}|avec{_MEAL}|con{_MEAL}|au repas|pendant{_MEAL}",
}
_MUCH = {
    "double": r"doubl\w+|2 ?x|x ?2|2 times the|dobl\w+",
    "times the dose": r"(?:twice|two times|three times|triple|treble|ten times) (?:the|your|as much|as many|this|that)",
    "extra": r"extra|additional|supplementa\w+|another|top-?up|suppl\w+",
    "couple": r"couple",
    "handful": r"handfuls?|lots of|plenty of",
    "at once": r"(?:all|whole|entire|every)(?: of)?(?: the| your| remaining)*(?: (?:tablets?|pills?|capsules?|"
    r"medicines?|medication|box|bottle|packet|pack|[a-z]+))? (?:at once|together|in one go|now)",
}
_OPPOSITES = (
    (_DIRECTIONS, "It turns the direction of a change round."),
    (_PARTS, "It names another part of the day than the words quoted."),
    (_PLACES, "It names another part of the body than the words quoted."),
    (_MEALS, "It says something else about meals than the words quoted."),
)


def contrary_doubt(item: Item, evidence: Evidence) -> Doubt | None:
    """An item that contradicts the words quoted, or gives an amount in words that they do not have."""
    title, detail = same_length_plain(item.title), same_length_plain(item.detail or "")
    said = f"{title} . {detail}"
    near = naming(title, evidence)
    heads = [title, *re.split(r"[.;\n]\s*", detail)]
    about = " . ".join(r.clause.low for r in near) or evidence.wide.low
    if any(_REFUSES.match(head) for head in heads) and not _ANY_REFUSAL.search(about):
        return "opposite", "It refuses what the words quoted order."
    stopped = bool(near) and all(
        r.why_not in {"stopped", "prohibited", "negated"} or _FORBIDS.search(r.clause.low) for r in near
    )
    if stopped and not (_ANY_REFUSAL.search(title) or stance(title) in {"stopped", "prohibited", "negated"}):
        return "opposite", "It orders what the words quoted stop or refuse."
    for words, why in _OPPOSITES:
        if _contradicts(words, said, evidence):
            return "opposite", why
    if _another_side(said, evidence):
        return "opposite", "It names another side of the body than the words quoted."
    theirs = evidence.wide.low + re.sub(r"\b(?:two|2)\b", " couple", evidence.wide.low)
    for pattern in _MUCH.values():
        if re.search(rf"\b(?:{pattern})\b", said) and not re.search(rf"\b(?:{pattern})\b", theirs):
            return "number-not-in-quote", "It gives an amount that the words quoted do not give."
    return None


def apart(a: str, b: str) -> bool:
    """Whether two titles are about different sides or places of the body, parts of the day, or meals."""
    return any(_sides(words, a) != _sides(words, b) for words in (_SIDES, _PLACES, _PARTS, _MEALS))


def _sides(words: dict[str, str], low: str) -> set[str]:
    return {name for name, pattern in words.items() if re.search(rf"(?<![\w.])(?:{pattern})(?!\w)", low)}


def _contradicts(words: dict[str, str], said: str, evidence: Evidence) -> bool:
    """Whether both speak of it, and of nothing in common. The clauses quoted count before their sentences, and alone
    for the part of the day at which they give a dose ("500 mg in the morning and 1 g at night")."""
    mine = _sides(words, said)
    theirs = _sides(words, (evidence.own or evidence.narrow).low) or _sides(words, evidence.wide.low)
    apart_from_it = words is _PARTS and evidence.narrow.doses and _sides(words, evidence.narrow.low)
    rest = evidence.narrow if apart_from_it else evidence.wide
    return bool(mine and theirs) and not mine & _sides(words, (evidence.own or rest).low)


def _another_side(said: str, evidence: Evidence) -> bool:
    mine = _sides(_SIDES, said)
    theirs = _sides(_SIDES, evidence.narrow.low) or _sides(_SIDES, evidence.wide.low)
    both = {"left", "right", "both"}
    return bool(mine and theirs) and not mine <= (both if "both" in theirs or {"left", "right"} <= theirs else theirs)
