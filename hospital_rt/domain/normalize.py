"""Names and addresses as people write them: one form for one address, and names that look like what they are."""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

# White space, and characters that take part in a text without being seen.
BLANK = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*"
)
# What makes a name look like another, or turns the text around it: soft hyphens, fillers, blanks of no width, orders of
# direction, separators of lines. Joiners stay, which names of some scripts and signs need.
_DECEIVING = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb]"
)


def normal_email(value: str) -> str:
    """One form for one address: NFKC, lower case, ASCII domain; no trailing dots.

    Lower case and not case folding, which makes ``ss`` of ``ß``: another domain, whose owner would get the letters.

    Raises:
        ValueError: with a sentence for a person.
    """
    folded = unicodedata.normalize("NFKC", value).strip().lower()
    try:
        found = validate_email(folded, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise ValueError("Write an address such as ruth@example.org.") from None
    return (found.ascii_email or found.normalized).lower()


def visible(value: str) -> str:
    """The text without white space around it: some character can be seen, and none is a line break or control.
    What two people can choose between by looking at it is for :func:`normal_name`.

    Raises:
        ValueError: with a sentence for a person.
    """
    stripped = value.strip()
    if BLANK.fullmatch(stripped):
        raise ValueError("Write something that can be seen.")
    if any(unicodedata.category(char) == "Cc" for char in stripped):
        raise ValueError("Leave control characters and line breaks out.")
    return stripped


def normal_name(value: str) -> str:
    """A person's name, NFC, with single blanks: one that looks like another is another, spelled so.

    Raises:
        ValueError: with a sentence for a person.
    """
    name = " ".join(visible(unicodedata.normalize("NFC", value)).split())
    if _DECEIVING.search(name):
        raise ValueError("Leave characters out that cannot be seen.")
    return name
