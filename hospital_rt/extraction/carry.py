"""The clauses of a note, read one after the other: how far what one says of whose words they are holds for the next.

One promise: "currently on A and B, C at night" is a state to its end, "stop A 5 mg, B 10 mg" stops both, until an
order, a "now" or a "but" opens anew; nothing is carried into a clause that orders something itself.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from hospital_rt.extraction.clauses import clauses
from hospital_rt.extraction.lexicon import STAFF
from hospital_rt.extraction.reading import KEEP, Reading, first_fact, read
from hospital_rt.extraction.stance import stance
from hospital_rt.extraction.telling import told

_WIDE = frozenset({"state", "past", "someone-else"})
_OPENS_ANEW = re.compile(
    r"\b(?:but|so|therefore|hence|however|now|today|tonight|tomorrow|instead|from (?:now|today|tomorrow|monday|next)|"
    r"new|newly|plan|rx|start\w*|begin\w*|commenc\w*|add(?:ed|ing)?|prescribed|maintenant|desormais|ahora|a partir|"
    r"a present|mais|pero|donc|nouveau|hoy|aujourd'hui)\b|->|=>|→"
)
_STAFF_TO = re.compile(rf"(?:please )?{STAFF} to (?!be\b)")
_APART = re.compile(r"\s[-–]\s")
_GOES_ON = re.compile(r"^(?:also|and|plus|as well as|along with|in addition|ainsi que|et|y|tambien|aussi)\b")
_EITHER = re.compile(r"\b(?:or|nor|ni|ou|o)\b")


def readings(text: str, day: date) -> list[Reading]:
    """Every clause of a note in order, read, each with what it takes over from those before it."""
    out: list[Reading] = []
    open_one: Reading | None = None
    for clause in clauses(text):
        r = read(clause, day)
        if open_one is not None and r.why_not is None and _reaches(open_one, r, text):
            out.append(replace(r, why_not=open_one.why_not))
            continue
        out.append(r)
        if r.why_not is not None:
            open_one = r if _is_opener(r) else None
        elif r.verb is not None or r.clause.sentence != (open_one.clause.sentence if open_one else -1):
            open_one = None
    return out


def _is_opener(r: Reading) -> bool:
    """Whether the words before the first drug or dose already say whose words they are, so that a list may follow."""
    if r.why_not == "someone-else" and _STAFF_TO.match(r.clause.low):
        return True
    if not (r.drug or r.dosed or r.rhythm):
        return False
    head = r.clause.low[: first_fact(r)]
    return bool(head.strip()) and (stance(head) is not None or told(head, len(head), len(head)) is not None)


def _reaches(opener: Reading, r: Reading, text: str) -> bool:
    """Whether the opener still holds for a later clause."""
    if _STAFF_TO.match(opener.clause.low) and r.verb is not None:
        between = text[opener.clause.span.end : r.clause.span.start].strip()
        alone = r.clause.low.startswith(r.verb) and not _STAFF_TO.match(r.clause.low)
        return alone and between in {"and", "then", "and then"} and r.clause.sentence == opener.clause.sentence
    tells_on = r.clause.then and r.verb in KEEP and not r.dosed and r.rhythm is None and opener.why_not in _WIDE
    if (r.verb is not None and not tells_on) or not (r.drug or r.dosed or r.rhythm):
        return False
    apart = r.clause.sentence - opener.clause.sentence
    if apart > 1 or (apart == 1 and not _GOES_ON.match(r.clause.low)):
        return False
    between = text[opener.clause.span.end : r.clause.span.start].casefold()
    if _OPENS_ANEW.search(between) or _APART.search(between) or _OPENS_ANEW.search(r.clause.low):
        return False
    if opener.why_not in _WIDE:
        return r.clause.joined or r.clause.then or bool(opener.dosed and r.dosed)
    if _EITHER.search(between):
        return True
    return r.clause.joined and bool(opener.dosed or opener.rhythm) == bool(r.dosed or r.rhythm)
