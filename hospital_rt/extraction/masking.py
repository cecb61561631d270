"""Masking: what names a person is taken out of a note before it leaves, and put back into the answer.

One promise: names, e-mail addresses, phone numbers, record numbers and birth dates that these rules know are not in
``Masked.text``, and ``restore`` puts back exactly what was taken. The rules are honest, not complete: a bare surname
that nobody told us of can pass, so the house hands in the names it knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hospital_rt.extraction.given_names import GIVEN_NAMES
from hospital_rt.extraction.text import plain, same_length_plain, words_of

# Everything open is bounded, so that no note costs more than its length.
_CAP = r"[^\W\d_a-zß-öø-ÿ][\w'’]{0,40}(?:-[^\W\d_a-zß-öø-ÿ][\w'’]{0,40}){0,3}"
_SURNAMES = rf"(?:(?:de|del|della|di|da|dos|du|van|von|der|den|la|le|al|el|bin|ben|ibn|O|[A-Z]\.)[ ]+){{0,2}}{_CAP}"
_NAME = rf"{_CAP}(?:[ ]+{_SURNAMES}){{0,2}}"

_EMAIL = re.compile(r"[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_TITLED = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Mister|Dr|Doctor|Prof|Professor|Mme|Mlle|M\.|Monsieur|Madame|Docteur|Dre|Sr|Sra|Srta|"
    rf"Dra|Don|Doña|Señora?|Señorita|Doctora?|Nurse|Sister|Chief|Alhaji|Mama|Baba)\.?[ ]+(?P<it>{_NAME})"
)
_LABELLED = re.compile(
    r"\b(?i:patient(?:e|[ ]name)?|pt|name|nom(?:[ ]et[ ]prénom)?|prénom|nombre|apellidos|paciente|next[ ]of[ ]kin|"
    rf"carer|guardian|signed(?:[ ]by)?|seen[ ]by|dictated[ ]by|referred[ ]by|gp|signé|firmado)"
    rf"[ ]*[:=][ ]*(?P<it>{_NAME})"
)
_AGED = re.compile(
    rf"\b(?P<it>{_CAP}(?:[ ]+{_SURNAMES}){{1,2}})"
    r"(?=,?[ ]*\(?\d{1,3}[ -]*(?:y\b|yo\b|yrs?\b|years?\b|ans\b|años\b|,|\)))"
)
_WORD = re.compile(rf"\b{_CAP}")
_CALLED = re.compile(_NAME)
_DIGITS = r"\+?\(?\d[\d ().\u00a0-]{4,}\d"
_PHONE = re.compile(
    rf"(?P<cue>\b(?i:tel|phone|telephone|téléphone|tél|teléfono|mobile|mob|cell|portable|fax|call|ring|text|appeler|"
    rf"llamar(?:[ ]al)?|whatsapp)\b[^\d\n+(]{{0,30}})?(?P<it>{_DIGITS})(?![\d/]|[ ]?(?:mg|ml|mcg|g|%|units?|u)\b)"
)
_RECORD = re.compile(
    r"\b(?i:mrn|nhs(?:[ ](?:no|number))?|chi(?:[ ](?:no|number))?|hospital[ ](?:no|number|id)|record[ ](?:no|number)|"
    r"chart(?:[ ](?:no|number))?|patient[ ](?:id|no|number)|case[ ](?:no|number)|unit[ ](?:no|number)|file[ ]no|"
    r"folder[ ](?:no|number)|accession(?:[ ]no)?|insurance[ ](?:no|number)|policy[ ](?:no|number)|ssn|nir|"
    r"n[°ºo]\.?[ ]*(?:de[ ]+)?(?:dossier|sécu|sécurité[ ]sociale|historia|expediente)|dossier|ipp|nhc|"
    r"historia[ ]clínica|expediente|dni|nie|cip)\b"
    r"[ ]{0,4}(?:no\.?|n[°º])?[ ]{0,4}[:#=.]?[ ]{0,4}(?P<it>[A-Z]{0,4}[ -]?\d(?:[\w/-]|[ ](?=\d)){2,}\b)"
)
_RECORD_BARE = re.compile(r"\b(?:\d{3}[ -]\d{3}[ -]\d{4}|\d{3}-\d{2}-\d{4}|[A-Z]{1,3}\d{5,}|\d{8,})\b")
_BIRTH = re.compile(
    r"\b(?i:dob|d\.o\.b\.?|born(?:[ ]on)?|date[ ]of[ ]birth|née?[ ]le|ddn|nacid[oa][ ]el|fecha[ ]de[ ]nacimiento|fn)"
    r"[ ]*[:=]?[ ]*(?P<it>\d{1,4}[/. -](?:\d{1,2}|[A-Za-zéû]{3,10})[/. -]\d{2,4})"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[. -]\d{1,2}[. -]\d{4}|(?:19|20)\d\d ?- ?(?:19|20)\d\d")
_NOT_NAMES = words_of(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december lundi mardi mercredi jeudi vendredi samedi dimanche take start stop continue
    review follow plan diagnosis assessment impression history and the for with not no she he they in on at is was
    has had to will clinic hospital ward surgery pharmacy"""
)


@dataclass(frozen=True)
class Masked:
    """A note without what names a person; ``originals`` says what each placeholder stands for."""

    text: str = field(repr=False)
    originals: dict[str, str] = field(repr=False)

    def restore(self, text: str) -> str:
        """``text`` with every placeholder replaced by what it stands for."""
        for placeholder, original in self.originals.items():
            text = text.replace(placeholder, original)
        return text


def mask(text: str, names: Sequence[str] = ()) -> Masked:
    """Take out of ``text`` what names a person. ``names`` are those that the house knows, whole.

    >>> mask("Mrs Okafor, call 0800 1234567.").text
    'Mrs [NAME-A], call [PHONE-A].'
    """
    spans: list[tuple[int, int, str]] = []
    for start, end, what in _found(text, names):
        if end > start and all(end <= s or start >= e for s, e, _ in spans):
            spans.append((start, end, what))
    placeholders: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = {}
    out: list[str] = []
    at = 0
    for start, end, what in sorted(spans):
        original = text[start:end]
        placeholder = placeholders.get((what, original))
        while placeholder is None:
            counts[what] = counts.get(what, 0) + 1
            candidate = f"[{what}-{_letters(counts[what])}]"
            if candidate not in text:
                placeholder = placeholders[(what, original)] = candidate
        out += [text[at:start], placeholder]
        at = end
    out.append(text[at:])
    return Masked("".join(out), {p: original for (_, original), p in placeholders.items()})


def _letters(n: int) -> str:
    """1 is A, 26 is Z, 27 is AA: a placeholder holds no digit that could be taken for a dose."""
    out = ""
    while n:
        n, rest = divmod(n - 1, 26)
        out = chr(ord("A") + rest) + out
    return out


def _found(text: str, names: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Every span to mask, the surest first; of two that overlap the first counts."""
    for m in _EMAIL.finditer(text):
        yield *m.span(), "EMAIL"
    for m in _BIRTH.finditer(text):
        yield *m.span("it"), "BIRTH"
    for m in _RECORD.finditer(text):
        if sum(c.isdigit() for c in m["it"]) >= 4:
            yield *m.span("it"), "RECORD"
    for m in _PHONE.finditer(text):
        if _is_phone(text, m):
            yield *m.span("it"), "PHONE"
    for m in _RECORD_BARE.finditer(text):
        yield *m.span(), "RECORD"
    yield from _known(text, names)
    for pattern in (_TITLED, _LABELLED, _AGED):
        for m in pattern.finditer(text):
            span = _name_only(text, *m.span("it"))
            if span:
                yield *span, "NAME"
    for word in _WORD.finditer(text):
        called = _CALLED.match(text, word.start())
        if called and plain(word.group()).split("-")[0].removesuffix("'s") in GIVEN_NAMES:
            span = _name_only(text, *called.span())
            if span:
                yield *span, "NAME"


def _known(text: str, names: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Whole names in any case; their parts where they are written as names are."""
    flat = same_length_plain(text)
    for name in names:
        words = [w for w in re.split(r"[\s,]+", same_length_plain(name)) if w]
        if len("".join(words)) < 3:
            continue
        whole = r"[\s,]+".join(re.escape(w) for w in words)
        for m in re.finditer(rf"(?<!\w){whole}(?!\w)", flat):
            yield *m.span(), "NAME"
        for word in words:
            if len(word) < 3 or word in _NOT_NAMES:
                continue
            for m in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", flat):
                if text[m.start()].isupper():
                    yield *m.span(), "NAME"


def _name_only(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A span cut before the first word that is no name ("Maria Start" is Maria)."""
    stop = start
    for m in re.finditer(r"\S+", text[start:end]):
        if plain(m.group()).strip(".,") in _NOT_NAMES:
            break
        stop = start + m.end()
    return (start, stop) if stop > start else None


def _is_phone(text: str, m: re.Match[str]) -> bool:
    number: str = m["it"]
    digits = sum(c.isdigit() for c in number)
    if _DATE.fullmatch(number.strip()) or digits > 15:
        return False
    before = text[: m.start("it")][-1:]
    if before.isalnum() or before in {"/", ".", ",", "#"}:
        return False
    if m["cue"]:
        return digits >= 6
    grouped = re.fullmatch(r"\d{3}[ .-]\d{3}[ .-]\d{4}", number) is not None
    return digits >= 7 and (grouped or number[0] in "+0(")
