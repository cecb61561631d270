"""How a doctor leads up to an order in whole sentences: "I have asked her to", "he should", "we have started him on".

One promise: what is taken for a lead asks something of the patient, now; a request to a colleague is none. Works on
text made by ``same_length_plain``.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.lexicon import VERBS

PATIENT = (
    r"(?:s?he|you|him|her|them|they|(?:the|this) (?:patient|family|child|boy|girl|lady|gentleman|man|woman)|patient|pt|"
    r"(?:mr|mrs|ms|miss|mme|m|sr|sra)\.? [a-z][\w'-]*|(?:his |her |the )?(?:mum|mom|mother|dad|father|mama|parents?|"
    r"carers?|wife|husband|family)|le patient|la patiente|el paciente|la paciente)"
)
_TO = (
    r"(?:is|are|am) going to|(?:has|have) agreed to|agrees to|"
    r"(?:is|was|has been|are|were|have been)(?: \w+ly)? (?:to|advised to|asked to|told to|instructed to|encouraged to|"
    r"reminded to|counsell?ed to|recommended to|due to|supposed to)|needs? to|has to|have to|had better|ought to|should"
    r"(?: now| also| then)?|must(?: now| also| then)?|will(?: now| also| then)?(?: need to| have to)?|shall|to|can|"
    r"may now|may(?: also| still| then)?(?= (?:also |still |then )?(?:take|use|apply|repeat)\b)|"
    r"est a|doit|devra|debe|debera|tiene que"
)
_ASKS = (
    r"(?:(?:i|we)(?: would|'d| have|'ve| had| will|'ll| do)?(?: also| again| therefore| strongly| now| then)*"
    r" (?:like|ask(?:ed)?|advised?|suggest(?:ed)?|recommend(?:ed)?|told|tell|encouraged?|instruct(?:ed)?|remind(?:ed)?|"
    rf"urged?|counsell?ed|want|prefer|agreed)(?: that)? (?:with )?{PATIENT}(?: (?:{_TO}))?"
    r"|(?:(?:i|we) (?:should|would|shall|will)(?: also)? be|i'd be|we'd be) (?:very |most )?(?:grateful|obliged|"
    r"thankful)"
    r" if you (?:would|could|can|will)(?: please| kindly| also)?"
    r"|(?:the |my |our )?(?:plan|advice|aim|recommendation|suggestion|intention) (?:is|was|will be)"
    rf"(?: now)?(?: for {PATIENT})? to|"
    r"(?:it (?:is|would be)|is) (?:important|advisable|sensible|best|wise|essential|vital) to"
    r"|(?:i|we)(?: would|'d| have|'ve)? (?:suggest(?:ed)?|recommend(?:ed)?|advised?|agreed to)"
    r"|(?:on lui|je lui|nous lui) (?:demande|conseille|recommande)(?:ons)? d[e']|se (?:le )?(?:recomienda|aconseja|"
    r"indica))"
)
LEAD = (
    rf"(?:{_ASKS}|{PATIENT}(?:'ll| (?:{_TO}))|(?:advised?|asked?|told|tell|encouraged?|instructed|reminded?|agreed|"
    rf"recommended?)"
    rf"(?: (?:{PATIENT}))? to|(?:mum|mother|dad|father|parents?|they|patient|pt))"
)
"""What may stand before an order, without the space after it."""
_ASKED = re.compile(rf"\b{LEAD}\s+")
_BEGINS = (
    r"(?:start|commence|begin|introduce|increase|raise|reduce|lower|switch|change|add|prescribe|issue|try|restart|put|"
    r"move|"
    r"double|halve|titrate)"
)
_PRESCRIBED = re.compile(
    r"^(?:(?:so|and|therefore|today|accordingly|after (?:\w+ )?discussion|following discussion),? )*"
    r"(?!.*\b(?:if|once(?! (?:a|per|daily|weekly|monthly|every|each|in|at|nightly)\b)|when|unless|later|"
    r"next (?:month|time|visit|review|appointment|year))\b)(?:"
    rf"(?:i|we) (?:propose|plan|intend|suggest|recommend|have decided|decided|aim|want|would like|am going|"
    rf"are going)(?: now)? to"
    rf"(?= {_BEGINS}\b)|(?:i'm|we're|i am|we are)(?: now| also| today| therefore)* (?:starting|commencing|beginning|"
    rf"introducing|increasing|raising|reducing|lowering|switching|changing|adding|prescribing|issuing|trying|"
    rf"restarting|putting|moving)(?: {PATIENT})?(?: on| onto)?|"
    rf"{PATIENT} (?:has |have |is )?(?:agreed|consented|decided|opted|elected|chosen)(?: to| on| for| upon)"
    rf"(?: a trial of| trying| taking)?(?! (?:not|stop|have surgery|wait))|"
    r"on (?:introduit|debute|commence|ajoute|augmente|diminue|passe (?:a|au)|reprend|met|prescrit)(?: (?:du|de la|le|"
    r"la|un|une))?|"
    r"(?:pauto|inicio|indico|receto|prescribo|anado|aumento|subo|bajo|mantengo)(?: con)?) |"
    rf"^(?:(?:i|we)(?: have|'ve)? (?:agreed|settled|decided)(?: today| together)? (?:on|upon|to (?:start|use|try))|"
    r"(?:je|nous) (?:lui |vous |te |leur )?(?:prescri\w+|donne|donnons|propose|proposons|mets|mettons)"
    r"(?: (?:du|de la|de l'|le|la|les|un|une))?|"
    r"(?:le|les|te) (?:receto|indico|prescribo|doy|pauto|pongo|recomiendo)|se (?:pauta|prescribe|indica|inicia|receta)|"
    r"(?:i|we) (?:(?:would )?ask for|request)(?: an?| the)?|"
    rf"{PATIENT}(?: will| now| also|'ll)* (?:needs?|requires?)|(?:given|issued|handed)(?: with)?(?: a| an)? "
    r"(?:script|prescription|rx|course|supply) (?:for|of)) |"
    r"^(?:(?:so|and|therefore|today|as a result|accordingly),? )*(?:i|we)(?:'ve| have)(?: today| now| also| therefore|"
    r" just)*"
    r" (?:(?:started|commenced|begun|put|placed|restarted|switched|changed|moved|increased|reduced|prescribed|issued|"
    rf"recommended|added)(?: (?:{PATIENT}))?(?: (?:on|onto|to|in))?|(?:given|issued|sent|faxed|e-?mailed|written|"
    rf"printed|posted|done|left)(?: {PATIENT})? (?:a |an |some |out a |off a "
    rf")?(?:\w+ )?"
    r"(?:prescription|script|course|supply) (?:for|of))\s+(?!.{0,80}\b(?:last|ago|previously)\b)"
)
_HAS_BEEN = re.compile(
    r" (?:has|have) (?:now |also |today )?been (?:prescribed|started|commenced|added|issued|"
    r"recommended)\W*$"
)
_TO_A_COLLEAGUE = re.compile(
    r"\b(?:grateful|obliged|appreciate|appreciated|thankful) (?:it )?(?:if|for|to have)\b|\bplease (?:could|would|"
    r"can) you\b|"
    r"^(?:could|would|can|might) (?:i ask )?you(?:r \w+)? |\b(?:kindly|please) ask your (?:nurse|team|staff|"
    r"practice)\b|"
    r"\b(?:reconnaissant|merci de bien vouloir|agradeceria|rogamos)\b"
)


_OF_ONESELF = re.compile(
    r"\b(?:grateful|obliged|appreciate(?:d)?|thankful) (?:it )?if you (?:would|could|can|will) (?:please |kindly |"
    r"also )?"
    r"(?:walk|take|keep|come|bring|drink|eat|exercise|attend|collect|return|send|post|fill|complete|let|tell|ring|call|"
    r"phone|use|apply|wear|rest|book|make|drop|hand|measure|weigh|note|write down|stop|cut|lose|join|go|stay|avoid)\b"
)


def prescribed_from(low: str) -> int:
    """Where what the doctor prescribes begins, after "I have started her on" and the like; 0 without such a lead."""
    m = _PRESCRIBED.match(low)
    return m.end() if m else 0


def unasked(low: str) -> str:
    """The text without leads: what is left says who acts, if anybody but the patient does."""
    return _ASKED.sub("", low)


def unprescribed(low: str) -> str:
    """The text without a lead that tells what the doctor has just prescribed ("I have started her on ...")."""
    return _HAS_BEEN.sub("", _PRESCRIBED.sub("", low))


def asks_a_colleague(low: str) -> bool:
    """Whether a letter asks its reader, a colleague, to do something; what only a patient can do is asked of them."""
    return _TO_A_COLLEAGUE.search(low) is not None and _OF_ONESELF.search(low) is None


def base(word: str) -> str | None:
    """The verb of a word: itself, or without the ending of "she takes"; None when it is no verb that we know.

    >>> base("takes"), base("carries"), base("washes"), base("was")
    ('take', 'carry', 'wash', None)
    """
    if word in VERBS:
        return word
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and word[: -len(ending)] + instead in VERBS:
            return word[: -len(ending)] + instead
    return None
