"""The shortest line of a prescription: a name, perhaps a bare number, and how often in Latin ("Doxycycline 100 BD").

One promise: only a few words that end in such an abbreviation are taken for a medicine that nobody's list knows; a
complaint, a test or an act is none. Works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.lexicon import ACT_NOUNS, SINGLE_NOUNS, SYMPTOMS, VERBS
from hospital_rt.extraction.text import words_of

_LATIN = (
    r"(?:o\.?d\.?|b\.?d\.?|b\.?i\.?d\.?|t\.?d\.?s?\.?|t\.?i\.?d\.?|q\.?d\.?s\.?|q\.?i\.?d\.?|q\.?d\.?|q\.?h\.?s\.?|"
    r"o\.?m\.?|nocte|noct|mane|q ?\d{1,2} ?h|hs|eod|qod|1-0-[01]|0-0-1|1-1-1|on(?=\W*(?:$|\d+/|x ?\d|for \d)))"
)
_SITE = (
    r"(?:(?:to |in )?(?:(?:the )?(?:r|l|rt|lt|right|left|both|b/l|affected) (?:eyes?|ears?|nostrils?|sides?)|"
    r"both|r|l|od|os|ou)[:,]? )?"
)
_LINE = re.compile(
    rf"\W*(?:[a-z][a-z /-]{{1,24}}: )?{_SITE}(?P<name>[a-z][a-z0-9'/-]+(?: (?!on\b)[a-z][a-z-]+){{0,2}}?)"
    r"(?: (?P<number>\d{1,4}(?:[.,/]\d{1,4})?)(?: ?(?:/|-) ?\d{1,4})?)?"
    rf"(?: (?:po|im|sc|s/c|iv|inh|pr|pv|top|sl|neb|eye|ear|r|l|re|le|be|both|drops?|cream|oint(?:ment)?|spray|gel|"
    rf"tabs?|caps?|x? ?[1-4]|[1-4] ?(?:puffs?|drops?|tabs?|caps?)))* (?P<often>{_LATIN})(?![\w/])"
)
_NO_NAME = words_of(
    "the and then for with bp obs weight temp pulse feeds feed up down reduce increase drop to from take day days week "
    "weeks dose doses change changes bowels well same"
)


def name_of_line(low: str) -> tuple[int, int] | None:
    """Where the name of the medicine stands in such a line; None when it is none.

    >>> name_of_line("r eye cosopt bd"), name_of_line("doxycycline 100 bd 7/7"), name_of_line("loose stools bd")
    ((6, 12), (0, 11), None)
    """
    m = _LINE.match(low)
    if not m:
        return None
    words = m["name"].split(" ")
    known = SYMPTOMS | SINGLE_NOUNS | ACT_NOUNS | VERBS | _NO_NAME
    return None if any(w in known for w in words) else m.span("name")
