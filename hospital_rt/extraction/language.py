"""Which language a note is written in, by its function words and its script."""

from __future__ import annotations

import re
from collections import Counter

_WORDS = {
    "en": "a the of to and in for with is was on his her he she has at by not this that will be no patient if "
    "daily twice day days week weeks take tablet tablets as needed pain follow up start stop continue history every",
    "es": "el la los las de del que en con por para un una se su al es no cada día días dia dias vez veces horas "
    "tomar durante si hay dolor noche mañana comprimido tableta semana semanas control revisión cita y o",
    "fr": "le la les des du de et en pour avec une un est pas par jour jours matin soir fois pendant si ne prendre "
    "comprimé gélule semaines semaine contrôle dans chez au aux il elle",
    "de": "der die das und mit für nicht ist ein eine bei im zur täglich morgens abends mal je tage tagen wochen "
    "tablette bitte wenn kein keine einnehmen kontrolle sonst auf",
    "nl": "de het een en van met voor niet is bij dag dagen dd gedurende weken indien controle over tablet per",
    "it": "il lo la gli di del e con per non un una al die giorni giorno volte se controllo compressa bisogno assumere",
    "pt": "o a os as do da de e com por para não um uma ao dia dias vezes tomar se horas durante dor semana comprimido",
    "pcm": "dey wey make am abeg dem una don sabi comot pikin belle waka",
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]{3}")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
_SAMPLE = 6000


def detect(text: str) -> str:
    """The language as a BCP 47 code: ``en`` for Latin script without a sign of another, ``und`` for no words at all."""
    sample = text[:_SAMPLE]
    letters = sum(map(str.isalpha, sample))
    if not letters:
        return "und"
    for language, script in _SCRIPTS:
        if sum(1 for _ in script.finditer(sample)) * (3 if language == "el" else 1) > letters * 0.3:
            return language
    counts = Counter(_WORD.findall(sample.lower()))
    scores = {language: sum(n for word, n in counts.items() if word in words) for language, words in _SETS.items()}
    best = max(scores, key=lambda language: (scores[language], language == "en"))
    distinct = sum(1 for word in counts if word in _SETS[best])  # one word said twice is no sign of a language
    if distinct < 2 or scores["en"] >= scores[best]:
        return "en"
    return best if scores[best] >= 1.3 * scores["en"] else "en"
