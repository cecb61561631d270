"""The words that make an act depend on something: "if", "when", "as needed", "in case of", and their like.

One promise: what only sounds like a condition ("if possible", "when you get home", "just in case") is none. Works on
text made by ``same_length_plain``.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.lexicon import NOT_VERBS_BEFORE, PEOPLE, STAFF
from hospital_rt.extraction.orders import order_at

CONDITION = re.compile(
    r"^[a-z][^:.;]{0,24}? ?(?:\b(?:below|above|over|under|(?:less|more|higher|lower|greater) than|at least)|[<>≥≤]=?) ?"
    r"\d[^:;]{0,30}(?=: )|^[a-z][^:.;]{0,20} \d[\d./]* (?:or|and) (?:over|above|below|under|more|less|"
    r"higher)[^:;]{0,30}(?=: )|^(?:more|less|fewer|greater) than \d[^:;.]{0,40}(?=: )|"
    r"^any (?:[a-z-]+,? ){0,5}[a-z-]+(?=: )|"
    r"^(?:(?:an?|any) (?:[a-z]+ ){1,2}of )?\d[\d./]* ?\S{0,4}(?:,? or (?:more|above|over|higher|less|below|"
    r"under|lower))+[^:;]{0,40}"
    r"(?=: )|^with \d[\d.]* ?\S{0,3} or (?:above|over|more|higher|below|under|less)\b|"
    r"\b(?:^for(?= [^.;]{2,60}\b(?:come|call|ring|attend|go|see|phone|contact|dial|return)\b)|^should\b|at (?:the "
    r")?onset\b|at (?:the )?(?:first|start) (?:sign|signs|symptom|symptoms|hint|of|twinge|"
    r"tickle|tingle)|after (?:each|"
    r"every)(?: further| subsequent| such| new)? (?:feed\b|nappy|diaper|loose|liquid|watery|bowel|stool|motion|"
    r"vomit\w*|episode|"
    r"attack|seizure|"
    r"bout)|(?<!even )(?<!as )(?<!grateful )(?<!thankful )(?<!obliged )"
    r"(?<!appreciated )(?<!appreciate it )if(?! possible| tolerated| you can| able| available| agreeable)|"
    r"(?<!even )when(?! (?:the |his |her |she |he |it |they )?\w+ (?:began|started|stopped|was|were|had|came|fell|"
    r"got)\b)(?!ever possible| possible| finished| you get| home| done)(?:ever)?|should (?=(?:the|you|it|he|she|"
    r"symptoms?|pain|this|any)\b)|"
    r"with any (?:worries|worry|concerns?|problems?|questions?|queries|side|new)|with any (?!food|drink|meal|juice|"
    r"other|of |water|milk)[a-z]+|(?<!just )in case(?: of)?|in the "
    r"event (?:of|that)|unless(?! (?:otherwise|told|advised|instructed)| [^.,;]{1,30} otherwise)|"
    r"may (?:also )?be (?:added|taken|used|given|"
    r"applied|repeated)(?= (?:for|if|when|up|every|after))|(?:as|when|if) (?:needed|required|necessary|req'?d|nec)\b|"
    r"p\.?r\.?n\.?(?!\w)|"
    r"sos(?!\w)|"
    r"on demand|"
    r"for breakthrough|as soon as|"
    r"si(?! possible)(?=\s)|s'il|s'ils|en cas d(?:e|')|au besoin|a la demande|lors d(?:e|')|quand|a demanda|"
    r"en caso de|cuando|(?:en|durante) (?:las )?crisis|(?:lors|pendant) (?:des|les) crises|(?:during|for|at) (?:an |"
    r"the )?attacks?|"
    r"siempre que|"
    r"a necesidad|segun necesidad)\b"
)

COMPANION = re.compile(
    r"\b(?:while|whilst|(?:for )?(?:as|so) long as|until|till?|during) (?:(?:you|he|she|they|patient|is|are|you're|"
    r"he's|"
    r"she's|still|also|the|your|his|her) )*(?:(?:tak(?:ing|e|es)|on|us(?:ing|e|es)|having|receiving) (?:(?:the|your|"
    r"his|her) )?"
    r"[a-z][\w-]*(?: (?:and|or) [a-z][\w-]*)?|[a-z][\w-]* (?:is|are) (?:being )?(?:taken|used|given|continued|finished|"
    r"completed|stopped|over))\b|"
    r"\b(?:after|once|as soon as) (?:(?:the|your|his|her) )?[a-z][\w-]* (?:is|are) (?:finished|completed?|stopped|"
    r"over)\b"
)
"""The other medicine that an order goes with: "docusate 100 mg bd while taking codeine"."""


def condition(low: str) -> tuple[int, int] | None:
    """The span of a condition in a clause: to the comma when it leads, to the end when it follows."""
    m = CONDITION.search(low)
    if not m:
        return None
    if m.start() <= 1 or (order_at(low[: m.start()]) is None and not re.search(r"[a-z]{3}", low[: m.start()])):
        comma = re.search(r",\s(?!(?:or|and|ou|et|o|y) )|:\s|\s(?:then|alors|entonces)\s", low[m.end() :])
        inside = _order_inside(low, m.end())
        if comma and inside < m.end() + comma.start():
            rest = low[m.end() + comma.end() :]
            comma = comma if order_at(rest) is not None or _SOMEBODY_WILL.match(rest) else None
        elif comma is None and (told := _SOMEBODY_WILL.search(low, m.end())) and told.start() < inside:
            return m.start(), told.start()
        return m.start(), m.end() + comma.start() if comma else inside
    return m.start(), len(low)


_SOMEBODY_WILL = re.compile(
    rf"\b(?:{PEOPLE}|{STAFF}|(?:the|her|his|our|my|your) (?:[a-z-]+ ){{0,2}}[a-z-]+)(?: then| also)? (?:will|"
    rf"would|shall|"
    r"is going to|are going to|is to|are to) (?!need|require|have to)"
)
_MODAL = r"(?: (?:would|will|may|might|can|could|should|must|shall|then|to|\w+ons))"
_SUBJECT_BEFORE = re.compile(rf"\b(?:(?:i|we|nous|on|je)(?:'ll|'d)?{_MODAL}*|(?:s?he|they|it|the \w+){_MODAL}+) $")


_MUST_BEFORE = re.compile(r"\b(?:please|must|should|needs? to|has to|ought to) $")


def _order_inside(low: str, start: int) -> int:
    """Where the order begins after a leading condition without a comma ("if fever above 38.5 call the clinic")."""
    for word in re.finditer(r"(?<=\s)[a-z][\w'-]*", low[start:]):
        at = start + word.start()
        noun = word.group() in NOT_VERBS_BEFORE and not _MUST_BEFORE.search(low[start:at])
        near = 0 if low.startswith("with ") else 3
        if word.start() > near and not noun and order_at(low[at:]) == 0:
            subject = _SUBJECT_BEFORE.search(low[start:at])
            return start + subject.start() if subject else at
    return len(low)
