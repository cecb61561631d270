"""From words about the patient to words to the patient: "she will check her sugar" -> "check your sugar"."""

from __future__ import annotations

import re

_PATIENT = r"(?:(?:the |this )?patient(?! portal| education| leaflet| information| agreement)|pt\.?|he/she|s/he|he|she|they|(?<!see )(?<!under )(?<!with )(?<!from )(?<!by )(?:mr|mrs|ms|miss)\.? (?-i:[A-Z])(?:(?!['’]s)[\w'’-])+(?!['’]s))"
_SUBJECT = re.compile(
    rf"\b{_PATIENT}\s+((?:also|then|should|will|can|may|must|would|does|is|has|was|continues? to)\b)?\s*(?:(\w+))?",
    re.I,
)
_POSSESSIVE = re.compile(
    r"\b(?:the patient's|patient's|this patient's|pt's|his or her|his/her|his|their|(?:mr|mrs|ms|miss)\.? (?-i:[A-Z])\w+['’]s(?! (?:clinics?|lists?|team|rooms?|office|secretary|ward|practice|surgery)\b))\b",
    re.I,
)
_HER = re.compile(
    r"\bher\b(?=\s*(?:$|[,.;:)]|(?:to|with|for|in|on|at|and|if|as|back|from|by|or|that|when|about|out|through|off|up|know|today|again)\b))",
    re.I,
)
_REPLACE = (
    (re.compile(r"\b(?:himself|herself|themselves|themself|him/herself)\b", re.I), "yourself"),
    (re.compile(r"\b(?:my|our|the) office\b", re.I), "the clinic"),
    (re.compile(r"\b(?:me|us)\b", re.I), "the clinic"),
    (re.compile(r"\b(?:my|our)\b", re.I), "the clinic's"),
    (re.compile(r"\b(?:i|we)\b", re.I), "the clinic"),
    (re.compile(r"\b(?:him|them(?= (?:to|with|for|if)))\b", re.I), "you"),
    (
        re.compile(
            r"\b(?:the patient|this patient|the pt|patients?|pt)\b(?!s)(?! (?:portal|education|leaflet|information))",
            re.I,
        ),
        "you",
    ),
    (re.compile(r"\byou (?:is|are)\b", re.I), "you are"),
    (re.compile(r"\bthey\b", re.I), "these"),
)
ADDRESS = re.compile(
    r"((?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|gov|edu|info|health|nhs|uk|ie|ca|au|in|es|fr|de)\b(?:/\S*)?)",
    re.I,
)
_NOT_S = frozenset(["is", "was", "has", "does", "this", "always", "perhaps", "as", "less", "unless"])


def bare_verb(word: str) -> str:
    """The base form of a verb in the third person singular.

    >>> [bare_verb(w) for w in ("gains", "continues", "carries", "has", "is", "passes", "take")]
    ['gain', 'continue', 'carry', 'have', 'are', 'pass', 'take']
    """
    lower = word.lower()
    irregular = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}
    if lower in irregular:
        return irregular[lower]
    if lower.endswith("ies") and len(lower) > 4:
        return word[:-3] + "y"
    if lower.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if lower.endswith("s") and not lower.endswith(("ss", "us")) and lower not in _NOT_S and len(lower) > 3:
        return word[:-1]
    return word


def _subject(match: re.Match[str]) -> str:
    auxiliary, verb = match[1], match[2]
    if auxiliary:
        first = auxiliary.split()[0].lower()
        if first in ("also", "then"):
            return f"you {auxiliary}{' ' + bare_verb(verb) if verb else ''}"
        return f"you {' '.join([bare_verb(auxiliary.split()[0]), *auxiliary.split()[1:]])}{' ' + verb if verb else ''}"
    return f"you {bare_verb(verb)}" if verb else "you"


def to_patient(text: str) -> str:
    """The same words in the second person, the doctor as "the doctor" or "the clinic".

    >>> to_patient("call me if he gains 3 pounds in 2 days")
    'call the clinic if you gain 3 pounds in 2 days'
    >>> to_patient("follow up with me so that she can check her sugar")
    'follow up with the doctor so that you can check your sugar'
    >>> to_patient("the patient reads www.patient.info/my-advice")
    'you read www.patient.info/my-advice'
    """
    parts = ADDRESS.split(text)  # web and mail addresses stand at the odd places and stay as they are
    return "".join(part if n % 2 else _spoken(part) for n, part in enumerate(parts))


def _spoken(text: str) -> str:
    text = re.sub(r"\b(?:let) (?:me|us|my office|the office) know\b", "tell the clinic", text, flags=re.I)
    text = re.sub(r"\bwith (?:me|myself)\b", "with the doctor", text, flags=re.I)
    text = _POSSESSIVE.sub("your", text)
    text = _HER.sub("you", text)
    text = re.sub(r"\bher\b", "your", text, flags=re.I)
    text = _SUBJECT.sub(_subject, text)
    text = re.sub(
        r"\b(you [a-z]+ (?:or|and) )([a-z]+s)\b(?=\s*(?:$|[,.;]|if|when|at|in|during))",
        lambda m: m[1] + bare_verb(m[2]),
        text,
    )
    for pattern, replacement in _REPLACE:
        text = pattern.sub(replacement, text)
    return text
