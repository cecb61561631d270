"""The words that make an act depend on something: "if", "when", "as needed", "in case of", and their like.

One promise: what only sounds like a condition ("if possible", "when you get home", "just in case") is none. Works on
text made by ``same_length_plain``.
"""

from __future__ import annotations

import re

CONDITION = re.compile(
    r"\b(?:^for(?= [^.;]{2,60}\b(?:come|call|ring|attend|go|see|phone|contact|dial|return)\b)|^should\b|at (?:the "
    r")?onset\b|at (?:the )?(?:first|start) (?:sign|signs|symptom|symptoms|hint|of|twinge|"
    r"tickle|tingle)|after (?:each|"
    r"every) (?:loose|liquid|watery|bowel|stool|motion|vomit\w*|episode|attack|seizure|"
    r"bout)|(?<!even )(?<!as )if(?! possible| tolerated| you can| able| available| agreeable)|"
    r"when(?!ever possible| possible| finished| you get| home| done)(?:ever)?|should (?=(?:the|you|it|he|she|"
    r"symptoms?|pain|this|any)\b)|"
    r"with any (?:worries|worry|concerns?|problems?|questions?|queries|side|new)|(?<!just )in case(?: of)?|in the "
    r"event (?:of|that)|unless(?! (?:otherwise|told|advised|instructed))|may (?:also )?be (?:added|taken|used|given|"
    r"applied|repeated)(?= (?:for|if|when|up|every|after))|(?:as|when|if) (?:needed|required|necessary|req'?d|nec)\b|"
    r"p\.?r\.?n\.?(?!\w)|"
    r"sos(?!\w)|"
    r"on demand|"
    r"for breakthrough|as soon as|"
    r"si(?! possible)(?=\s)|s'il|s'ils|en cas d(?:e|')|au besoin|a la demande|lors d(?:e|')|quand|a demanda|"
    r"en caso de|cuando|"
    r"siempre que|"
    r"a necesidad|segun necesidad)\b"
)
