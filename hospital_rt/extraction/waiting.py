"""What in a note waits for a later decision, for somebody who will call, or is a form's own words.

One promise: such a line orders nothing of the patient today, verb or not. Works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re
from typing import Literal

from hospital_rt.extraction.lexicon import STAFF

_CALLED_FOR = re.compile(
    rf"\b(?:something|which|that|for which|about which) (?:(?:(?:your |my |her |his )?{STAFF}|you|the [a-z]+|"
    rf"[a-z]+ology|they|we) )?(?:will|shall|"
    r"is to|are to) (?:be )?(?:call|ring|phone|write|send|sent|invite|arrange|book|contact|post|organi[sz]e|"
    r"see to|do)\w*\b|"
    r"\bby invitation\b|\b(?:you|s?he|they)(?: will|'ll) be (?:called|invited|sent|contacted|rung|phoned|written to|"
    r"notified|recalled)\b|\b(?:vous serez|il sera|elle sera|tu seras) (?:convoq|appel|contact|rappel|invit)\w*|"
    r"\b(?:on|nous) vous (?:appeller\w+|rappeller\w+|convoquer\w+|ecrir\w+|contacter\w+)|"
    r"\b(?:le|la|les|te|os) (?:citar|llamar|avisar|convocar|contactar|escribir)(?:an|emos|a)\b"
)
"""A visit that somebody else will call the patient for."""
_FORM_LINE = re.compile(
    r"^(?:per (?:the )?(?:label|leaflet|bnf|box|packet|packaging)|ref(?:erence)?|e\.?g\.?|(?:for )?example|sample text|"
    r"test(?:ing)?(?: message| entry| line| only)?|template(?: text)?|placeholder|lorem ipsum|(?:max(?:imum)?|"
    r"usual|standard|"
    r"recommended|typical|adult|licensed) (?:\w+ )?dos(?:e|age|ing)|correction|corrected|amend(?:ed|ment)\w*|erratum|"
    r"(?:dose|quantity|frequency|duration) field|auto-?(?:generated|text|fill\w*)|exemple|ejemplo|"
    r"plantilla)(?: [a-z.]+)? ?:|"
    r"_{2,}|\.{4,}|\bx{3,}\b|^[a-z ]{0,20}\[[a-z ]+\]"
)
"""A line of a form, or what stands there as an example."""
_WHEN_SEEN = re.compile(
    r"\b(?:if|when|once|unless|should|si|cuando|quand)\b.{2,60}\b(?:(?:at|on|by|a|en|lors de) (?:the |his |her |"
    r"your |our |"
    r"their |la |el |su |sa |votre )?(?:(?:next |prochaine? |proxim[oa] )(?:\w+ )?(?:visit|review|check|clinic|"
    r"appointment|"
    r"follow[- ]?up|bloods?|tests?|consultation|visite|controle|visita|consulta|revision|cita)|"
    r"(?:[\w-]+ ){0,3}(?:review|check|"
    r"follow[- ]?up|revision))\b|next time\b|"
    r"(?:seen|looked at) (?:again|next)\b|la prochaine fois\b|la proxima vez\b)|"
    r"\bonce (?:(?:it|this|that|funding) (?:is|has been) )?(?:approved|funded|agreed|available|licensed|"
    r"(?:\w+ ){1,4}(?:has|have) "
    r"(?:approved|agreed|decided|met))\b"
)
"""What hangs on what is found when the patient is seen again."""
_LEFT_OPEN = re.compile(
    r"\b(?:if|once|when|should|subject to|provided) (?:the |his |her )?(?:mri|ct|scan|biopsy|x-?ray|insur\w+|"
    r"fund\w+|panel|board|"
    r"mdt|consultant|surgeons?|committee|team)(?: \w+){0,2} (?:confirm|agree|approve|show|allow|permit|accept)\w*\b|"
    r"\bthere (?:will|shall) be no\b|^(?:a voir (?:si|avec)|reste a|(?:queda\w* )?pendiente (?:de )?(?:decidir|"
    r"valorar|ver))\b"
)
_WILL_THINK = re.compile(
    r"(?:s?he|they|(?:the )?patient|pt)(?:'ll| will| is going to) (?:let us know|think|consider|decide|get back|mull)\b"
)
_NEGATED = re.compile(
    r"\bnot (?:reqd|req'd|due|nec|willing)\b|\bthere (?:will|is to|shall) be no\b|^pas d[eu]\b|[:,] ?(?:strictly|"
    r"absolutely) (?:none|not|no)\b"
)
_PROHIBITED = re.compile(r"\bno (?:debe|debera|deben|puede|ha de)\b|\bbe (?:refrained from|shunned|foregone|forgone)\b")
_PAST = re.compile(
    r"\b(?:a|ont) ete (?:arret|donn|prescr|pos|fait|retir|trait|administr)\w*|^se (?:administr|realiz|coloc|hiz|"
    r"inici|extraj)\w*o\b|"
    r"\b(?:she|he|e|dem|im) don [a-z]+|\bused up\b|\b(?:course|treatment) (?:is |was |now )*(?:complete|over|"
    r"at an end)\W*$|"
    r"\b(?:pulled|drained|transfused|irrigated|placed) (?:this morning|today|one unit|\d units?|here)\b|"
    r"\bfrom (?:the |a |his |her )?(?:local )?(?:chemist|market|neighbou?r|friend) x ?\d|\bceased\b"
)
_UNDECIDED = re.compile(
    r"\bsera (?:re)?(?:discut|decid|evalu|vu\b)\w*|\bbe decided\b|\b(?:can|could|may|"
    r"might) be (?:looked (?:into|at)|revisited)\b"
)


def spoken_otherwise(low: str) -> Literal["negated", "prohibited", "past", "undecided"] | None:
    """Why a clause without an order, of which nothing else says so, is none: wordings that are rarer."""
    if _NEGATED.search(low):
        return "negated"
    if _PROHIBITED.search(low):
        return "prohibited"
    if _PAST.search(low):
        return "past"
    return "undecided" if _UNDECIDED.search(low) else None


def waits_for_a_visit(low: str) -> bool:
    """ "Insulin if HbA1c > 9 on next visit", "once approved": what depends on what is found or settled later."""
    return _WHEN_SEEN.search(low) is not None


def is_called_for(low: str) -> bool:
    """ "Smear in three months is something your GP will call you for": somebody else sees to the visit."""
    return _CALLED_FOR.search(low) is not None


def is_form_line(low: str) -> bool:
    """ "Max BNF dose: 4 g daily", "take ___ mg", "Correction: dose is 10 tablets": a form or an example speaks."""
    return _FORM_LINE.search(low) is not None


def is_left_open(low: str, conditional: bool) -> bool:
    """ "Surgery if the insurance agrees", "a voir si ...": a decision that somebody has yet to take."""
    return _LEFT_OPEN.search(low) is not None or (not conditional and _WILL_THINK.match(low) is not None)
