"""Names and addresses as people write them: one form for one address, and names that can be seen."""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

# White space, and characters that take part in a text without being seen.
BLANK = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*"
)


def normal_email(value: str) -> str:
    """One form for one address: NFKC, lower case, ASCII domain; no trailing dots.

    Raises:
        ValueError: with a sentence for a person.
    """
    folded = unicodedata.normalize("NFKC", value).strip().casefold()
    try:
        found = validate_email(
            folded, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False
        )
    except EmailNotValidError:
        raise ValueError("Write an address such as ruth@example.org.") from None
    return (found.ascii_email or found.normalized).casefold()


def visible(value: str) -> str:
    """The text without white space around it: some character can be seen, and none is a line break or control.

    Raises:
        ValueError: with a sentence for a person.
    """
    stripped = value.strip()
    if BLANK.fullmatch(stripped):
        raise ValueError("Write something that can be seen.")
    if any(unicodedata.category(char) == "Cc" for char in stripped):
        raise ValueError("Leave control characters and line breaks out.")
    return stripped
