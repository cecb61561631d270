"""De-identification: what names a person is taken out of a note before it is sent, and put back into the answer.

Masked are names, e-mail addresses, phone numbers, record numbers and birth dates that the rules below know, and the
names that the caller gives. A bare surname that is neither titled, labelled nor given can pass.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources

# Every repetition is bounded, so that the time is linear in the note's length.
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
_NOT_NAMES_LIST = """
monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
september october november december lundi mardi mercredi jeudi vendredi samedi dimanche take start stop continue
review follow plan diagnosis assessment impression history and the for with not no she he they in on at is was
has had to will clinic hospital ward surgery pharmacy
"""
_NOT_NAMES = frozenset(_NOT_NAMES_LIST.split())


@dataclass(frozen=True)
class Deidentified:
    """A note without what names a person. ``spans``: (start, end, placeholder), in order, in the original's offsets."""

    original: str = field(repr=False)
    spans: tuple[tuple[int, int, str], ...]

    @property
    def text(self) -> str:
        """The whole note, masked."""
        return self.slice(0, len(self.original))

    def slice(self, start: int, end: int) -> str:
        """``original[start:end]``, masked; a span that reaches over an edge is masked as a whole."""
        out: list[str] = []
        at = start
        first = bisect_right(self.spans, start, key=lambda span: span[1])
        for span_start, span_end, placeholder in self.spans[first:]:
            if span_start >= end:
                break
            out += [self.original[at : max(at, span_start)], placeholder]
            at = span_end
        return "".join([*out, self.original[at:end]])

    def restore(self, text: str) -> str:
        """``text`` with every placeholder replaced by what it stands for."""
        if "[" not in text:
            return text
        for placeholder, original in {p: self.original[s:e] for s, e, p in self.spans}.items():
            text = text.replace(placeholder, original)
        return text


def deidentify(text: str, names: Sequence[str] = ()) -> Deidentified:
    """Mask what names a person. ``names`` are whole names known to the caller.

    >>> deidentify("Mrs Okafor, call 0800 1234567.").text
    'Mrs [NAME-A], call [PHONE-A].'
    """
    found: list[tuple[int, int, str]] = []
    taken = bytearray(len(text))
    for start, end, what in _found(text, names):
        if end > start and not any(taken[start:end]):
            found.append((start, end, what))
            taken[start:end] = b"\1" * (end - start)
    placeholders: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = {}
    spans: list[tuple[int, int, str]] = []
    for start, end, what in sorted(found):
        placeholder = placeholders.get((what, text[start:end]))
        while placeholder is None:
            counts[what] = counts.get(what, 0) + 1
            candidate = f"[{what}-{_letters(counts[what])}]"
            if candidate not in text:
                placeholder = placeholders[(what, text[start:end])] = candidate
        spans.append((start, end, placeholder))
    return Deidentified(text, tuple(spans))


def _letters(n: int) -> str:
    """1 is A, 26 is Z, 27 is AA: no digit that could be taken for a dose."""
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
        if called and _plain(word.group()).split("-")[0].removesuffix("'s") in _given_names():
            span = _name_only(text, *called.span())
            if span:
                yield *span, "NAME"


def _known(text: str, names: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Whole names in any case; their parts where they are written as names are."""
    flat = _same_length_plain(text)
    for name in names:
        words = [w for w in re.split(r"[\s,]+", _same_length_plain(name)) if w]
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
        if _plain(m.group()).strip(".,") in _NOT_NAMES:
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


@cache
def _given_names() -> frozenset[str]:
    listing = resources.files(__package__).joinpath("given_names.txt").read_text("utf-8")
    return frozenset(word for line in listing.splitlines() if not line.startswith("#") for word in line.split())


def _plain(text: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def _same_length_plain(text: str) -> str:
    """``_plain``, one character for each of the original, so that offsets agree."""
    return text.lower() if text.isascii() else "".join(_plain_char(c) for c in text)


@lru_cache(maxsize=1024)
def _plain_char(char: str) -> str:
    base = _plain(char)
    return base if len(base) == 1 else char
