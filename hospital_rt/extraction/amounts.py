"""Numbers as notes write them: digits, words (English, French, Spanish), fractions, and amounts with a unit.

One promise: two ways of writing the same amount compare equal ("1 g" and "1000 mg", "two tablets" and "2 tab."), and
nothing else does. Everything here works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from hospital_rt.extraction.memo import remembered

_UNITS_OF_TEN = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
}
WORDS: dict[str, int] = {
    **_UNITS_OF_TEN,
    "zero": 0,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "dozen": 12,
    "un": 1,
    "une": 1,
    "deux": 2,
    "trois": 3,
    "quatre": 4,
    "cinq": 5,
    "sept": 7,
    "huit": 8,
    "neuf": 9,
    "dix": 10,
    "onze": 11,
    "douze": 12,
    "quatorze": 14,
    "quinze": 15,
    "vingt": 20,
    "trente": 30,
    "quarante": 40,
    "soixante": 60,
    "uno": 1,
    "una": 1,
    "dos": 2,
    "tres": 3,
    "cuatro": 4,
    "cinco": 5,
    "seis": 6,
    "siete": 7,
    "ocho": 8,
    "nueve": 9,
    "diez": 10,
    "once_": 11,
    "doce": 12,
    "catorce": 14,
    "quince": 15,
    "veinte": 20,
    "treinta": 30,
    "cuarenta": 40,
    "sesenta": 60,
}
WORDS.pop("once_")  # "once" is English before it is Spanish
_MARKS = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3)}
_HALVES = {
    "half": Fraction(1, 2),
    "quarter": Fraction(1, 4),
    "demi": Fraction(1, 2),
    "demie": Fraction(1, 2),
    "medio": Fraction(1, 2),
    "media": Fraction(1, 2),
    "moitie": Fraction(1, 2),
}
_ARTICLES = frozenset({"one", "un", "une", "una", "uno"})

_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ONES = "|".join(_UNITS_OF_TEN)
_WORD = "|".join(sorted(WORDS, key=len, reverse=True))
WORD_NUMBER = rf"(?:(?:{_TENS})[- ](?:{'|'.join(_UNITS_OF_TEN)})|(?:{_ONES}) hundred|{_WORD})"
DIGITS = r"(?:\d{1,3}(?:[, \u00a0]\d{3})+(?!\d)|\d+(?:[.,]\d+)?)"
NUMBER = rf"(?:{DIGITS}|\b{WORD_NUMBER}\b)"
"""A number, to be used inside larger patterns; ``value`` reads it."""


def value(text: str) -> Fraction | None:
    """What a single number is worth.

    >>> [str(value(t)) for t in ("0,5", "1,000", "twenty-one", "½", "quinze")]
    ['1/2', '1000', '21', '1/2', '15']
    """
    text = text.strip().casefold()
    if text in _MARKS:
        return _MARKS[text]
    if text in _HALVES:
        return _HALVES[text]
    if text in WORDS:
        return Fraction(WORDS[text])
    if re.fullmatch(r"\d{1,3}(?:[, \u00a0]\d{3})+", text) and not text.startswith("0"):
        return Fraction(re.sub(r"\D", "", text))
    if re.fullmatch(r"\d+(?:[.,]\d+)?", text):
        return Fraction(text.replace(",", "."))
    parts = re.split(r"[- ]", text)
    if len(parts) == 2 and parts[0] in _UNITS_OF_TEN and parts[1] == "hundred":
        return Fraction(100 * WORDS[parts[0]])
    if len(parts) == 2 and parts[0] in WORDS and parts[1] in _UNITS_OF_TEN:
        return Fraction(WORDS[parts[0]] + _UNITS_OF_TEN[parts[1]])
    return None


def whole(text: str) -> int:
    """A number that must be whole and small; 0 when it is neither (no schedule has zero of anything)."""
    if text in {"a", "an", "each", "per", "le", "la", "al"}:
        return 1
    found = value(text)
    return int(found) if found is not None and found.denominator == 1 and found < 10_000 else 0


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit ("" when it has none), masses in mg and volumes in ml; where it stands in the text."""

    number: Fraction
    unit: str
    start: int
    end: int

    @property
    def key(self) -> tuple[Fraction, str]:
        return self.number, self.unit


_UNIT_WORDS = {
    "mg": "mg|mgs|milligrams?|milligrammes?|miligramos?",
    "g": "g|gm|gms|gr|grams?|grammes?|gramos?",
    "mcg": "mcg|mcgs|ug|µg|μg|micrograms?|microgrammes?|microgramos?|micro",
    "kg": "kg|kgs|kilos?",
    "ml": "ml|mls|cc|millilitres?|milliliters?|mililitros?",
    "oz": "oz|ounces?",
    "l": "l|litres?|liters?|litros?",
    "unit": "units?|iu|ui|u|unites?|unidades?",
    "mmol": "mmol|meq",
    "%": "%|percent|per cent",
    "tablet": "tablets?|tabs?|pills?|cp|cps|comprimes?|comprimidos?|comp|pastillas?|cpr",
    "capsule": "capsules?|caps?|gelules?|capsulas?",
    "puff": "puffs?|inhalations?|bouffees?|inhalacion(?:es)?|pulsaciones|actuations?",
    "drop": "drops?|gtts?|gouttes?|gotas?",
    "spray": "sprays?|pulverisations?|squirts?",
    "sachet": "sachets?|sobres?|packets?",
    "patch": "patch(?:es)?|parches?",
    "spoon": "spoons?|spoonfuls?|teaspoons?|tablespoons?|tsp|tbsp|cuilleres?|cucharadas?|cucharaditas?",
    "ampoule": "ampoules?|vials?|ampollas?",
    "dose": "doses?|dosis|prises?",
    "minute": "minutes?|mins?|minutos?",
    "hour": "hours?|hrs?|heures?|horas?|h",
    "day": "days?|jours?|dias?",
    "week": "weeks?|wks?|semaines?|semanas?",
    "month": "months?|mths?|mois|mes|meses",
    "glass": "glass(?:es)?|verres?|vasos?",
    "cup": "cups?|tazas?|tasses?",
    "step": "steps",
    "session": "sessions?|seances?|sesiones|sets?|reps?|repetitions?",
}
_UNIT_OF = re.compile("|".join(f"(?P<u{n}>{words})" for n, words in enumerate(_UNIT_WORDS.values())))
_ANY_UNIT = "|".join(_UNIT_WORDS.values())
_SCALE = {
    "g": (Fraction(1000), "mg"),
    "mcg": (Fraction(1, 1000), "mg"),
    "kg": (Fraction(1_000_000), "mg"),
    "l": (Fraction(1000), "ml"),
}
_HALF_WORD = r"\b(?:(?:one[- ]|a )?(?:half|quarter)|demie?|medi[oa]|moitie)\b"
_AMOUNT = re.compile(
    rf"(?:(?<![\w.,·])|(?<=[a-z][a-z][a-z][a-z])(?=\d+(?:\.\d+)?(?:mg|mcg|g|"
    rf"ml)\b))(?:(?P<mixed>\d+)\s?(?P<mark>[½¼¾⅓⅔])|(?P<only>[½¼¾⅓⅔]|\.\d{{1,3}}(?![\d.]))|(?P<half>{_HALF_WORD})|"
    rf"(?P<parts>[13]/[234])(?=\s?(?:of )?(?:an? )?(?:{_ANY_UNIT})(?!\w))|"
    rf"(?P<range>(?!(?:{_TENS})[- ](?:{_ONES})\b){NUMBER})(?=\s?(?:-|to|a|or|ou|o)\s?(?:{NUMBER}))|"
    rf"(?P<number>{NUMBER}))"
    rf"(?:[ \u00a0-]?(?:of |an? |de |d')*(?P<unit>{_ANY_UNIT})(?![\w]))?"
)
_RANGED = re.compile(rf"\s?(?:-|to|a|or|ou|o)\s?{NUMBER}[ \u00a0-]?(?P<unit>{_ANY_UNIT})(?!\w)")


@remembered
def amounts(text: str) -> Iterator[Amount]:
    """Every number of a text with its unit, in order. "One" without a unit is a pronoun, and left out.

    >>> [(str(a.number), a.unit) for a in amounts("1 g or 1-2 puffs, half a tablet, twenty-one days")]
    [('1000', 'mg'), ('1', 'puff'), ('2', 'puff'), ('1/2', 'tablet'), ('21', 'day')]
    """
    for m in _AMOUNT.finditer(text):
        number = _number_of(m)
        if number is None:
            continue
        unit_text = m["unit"]
        if unit_text is None and m["range"] is not None:
            ranged = _RANGED.match(text, m.end())
            unit_text = ranged["unit"] if ranged else None
        unit = unit_of(unit_text)
        if not unit and m.group().strip() in _ARTICLES:
            continue
        scale, unit = _SCALE.get(unit, (Fraction(1), unit))
        yield Amount(number * scale, unit, m.start(), m.end())


def _number_of(m: re.Match[str]) -> Fraction | None:
    if m["mixed"]:
        return Fraction(m["mixed"]) + _MARKS[m["mark"]]
    if m["only"]:
        return _MARKS.get(m["only"]) or Fraction(f"0{m['only']}")
    if m["parts"]:
        return Fraction(m["parts"])
    if m["half"]:
        return value(re.sub(r"^(?:one[- ]|a )", "", m["half"]))
    return value(m["range"] or m["number"])


def unit_of(text: str | None) -> str:
    """The unit that a word stands for; "" when it is none."""
    if not text:
        return ""
    found = _UNIT_OF.fullmatch(text)
    if found is None or found.lastgroup is None:
        return ""
    return list(_UNIT_WORDS)[int(found.lastgroup[1:])]


DOSE_UNITS = frozenset(
    {
        "mg",
        "ml",
        "unit",
        "mmol",
        "%",
        "tablet",
        "capsule",
        "puff",
        "drop",
        "spray",
        "sachet",
        "patch",
        "spoon",
        "ampoule",
    }
)


def doses(text: str) -> list[Amount]:
    """The amounts that are doses of something."""
    return [a for a in amounts(text) if a.unit in DOSE_UNITS]
