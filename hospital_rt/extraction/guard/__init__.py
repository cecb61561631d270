"""The guard: what of a reader's answer a patient may see, with whichever reader.

It is independent of the readers and of the dose grammar. An item is dropped, and listed with a reason, when the sentences that
it cites do not bear out its numbers, units, medicine, days or lengths, or when they say the opposite: stopped, refused,
past, somebody else's, only considered, or an order to the software. It lets a clinician's own wording pass: "Repeat CBC
was ordered", "I prescribed Protonix 40 mg once a day", "We will order a western blot".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from hospital_rt.domain.schedule import Kind
from hospital_rt.extraction.api import Dropped, Item, Note, PlanItem, Sentence
from hospital_rt.extraction.guard.facts import clear_caches, fold, pattern, read
from hospital_rt.extraction.guard.schedule import schedule_fault
from hospital_rt.extraction.guard.wording import named, wording_fault

REASONS: dict[str, str] = {
    "quote-not-in-note": "The sentences that it cites are not in the note.",
    "markup": "Its text holds characters that hide what it says.",
    "link": "It holds a link, an address or a number to call that the note does not give.",
    "software": "The note speaks to the software here, not to the patient.",
    "medicine": "It names a medicine that the cited sentences do not name.",
    "words": "It says something that the cited sentences do not say.",
    "number": "It gives a number that the cited sentences do not give.",
    "unit": "It gives a unit that the cited sentences do not give.",
    "frequency": "How often does not follow from the cited sentences.",
    "frequency-left-out": "The cited sentences say how often, and the step does not.",
    "duration": "How long does not follow from the cited sentences.",
    "duration-left-out": "The cited sentences say how long, and the step does not.",
    "start": "Its first day does not follow from the cited sentences.",
    "limits": "Its limits do not follow from the cited sentences.",
    "condition": "The cited sentences do not say that it is only for when it is needed.",
    "condition-left-out": "The cited sentences say that it is only for when it is needed.",
    "opposite": "The cited sentences say something opposite.",
    "stopped": "The cited sentences stop it.",
    "negated": "The cited sentences refuse it or rule it out.",
    "past": "The cited sentences tell what was, not what is to be done.",
    "someone-else": "The cited sentences speak of somebody else.",
    "undecided": "The cited sentences only consider it.",
    "no-order": "The cited sentences hold no order.",
    "duplicate": "Another step says the same.",
}
"""Reasons for dropping an item, each with a sentence for the doctor."""


def check(note: Note, kind: Kind, item: Item | PlanItem) -> Dropped | None:
    """None when the cited sentences bear the item out; else the item with the reason why not."""
    reason = _fault(note, item)
    return None if reason is None else Dropped(kind=kind, item=item, reason=reason, detail=REASONS[reason])


def judge(
    note: Note, items: Sequence[tuple[Kind, Item | PlanItem]]
) -> tuple[list[tuple[int, Item | PlanItem]], list[Dropped]]:
    """The items that stand, each with its index in ``items``, and those that do not. What is said twice stands once."""
    kept: list[tuple[int, Item | PlanItem]] = []
    dropped: list[Dropped] = []
    for index, (kind, item) in enumerate(items):
        verdict = check(note, kind, item)
        if verdict is None and any(_same(item, other) for _, other in kept):
            verdict = Dropped(kind=kind, item=item, reason="duplicate", detail=REASONS["duplicate"])
        if verdict is None:
            kept.append((index, tidy(note, item)))
        else:
            dropped.append(verdict)
    clear_caches()
    return kept, dropped


def tidy(note: Note, item: Item | PlanItem) -> Item | PlanItem:
    """Without clock times and hours that the note does not give: the service chooses those."""
    if not isinstance(item, PlanItem) or (item.times is None and item.every_hours is None):
        return item
    facts = read(fold(_cited(note, item)[0]), note.day)
    times = item.times if item.times and set(item.times) <= facts.clocks else None
    every_hours = item.every_hours if item.every_hours in facts.hours else None
    return item.model_copy(update={"times": times, "every_hours": every_hours})


def _same(a: Item | PlanItem, b: Item | PlanItem) -> bool:
    """Whether two items say one thing: of the same medicine (else in the same words) with the same dose and schedule."""
    fields = ("times_per_day", "every_days", "start_in_days", "duration_days", "weekdays", "parts")
    if a.as_needed != b.as_needed or any(getattr(a, f, None) != getattr(b, f, None) for f in fields):
        return False
    one, two = (fold(i.title) for i in (a, b))
    names = [{w[:5] for w, _, _ in named(t)} for t in (one, two)]
    if names[0] and names[0] == names[1]:
        doses = [read(t, date.min).doses for t in (one, two)]
        sides = [
            set(re.findall(r"\b(?:left|right|both|morning|night|evening|bedtime|noon|lunch)\b", t)) for t in (one, two)
        ]
        return (doses[0] == doses[1] or not all(doses)) and (sides[0] == sides[1] or not all(sides))
    plain = {"a", "the", "your"}
    return set(re.findall(r"[^\W_]+", one)) - plain == set(re.findall(r"[^\W_]+", two)) - plain


def _cited(note: Note, item: Item) -> tuple[str, list[Sentence]]:
    """The text that the item cites, and its sentences."""
    numbers = item.sentences or tuple(s.number for s in note.sentences if s.start < item.end and s.end > item.start)
    sentences = [s for n in numbers if (s := note.sentence(n)) is not None]
    return "\n".join(note.text[s.start : s.end] for s in sentences), sentences


def _fault(note: Note, item: Item | PlanItem) -> str | None:
    cited, sentences = _cited(note, item)
    if not sentences or note.text[item.start : item.end] != item.quote or not item.quote.strip():
        return "quote-not-in-note"
    title, detail = item.title, item.detail or ""
    if fault := _characters(f"{title}\n{detail}"):
        return fault
    evidence = fold(cited)
    if pattern("software").search(_plain(cited)) or pattern("software").search(_plain(f"{title} {detail}")):
        return "software"
    quote = fold(item.quote)
    return wording_fault(note, item, sentences, evidence, quote) or schedule_fault(note, item, sentences, evidence)


def _characters(text: str) -> str | None:
    """Characters that hide or disguise: format and control characters, stacked accents, markup."""
    for c in text:
        if (
            c not in "\n\t" and unicodedata.category(c) in ("Cf", "Cc", "Co", "Cn", "Zl", "Zp")
        ) or c in "\u3164\u115f\u1160\u2800":
            return "markup"
    marks = [c for n, c in enumerate(text) if unicodedata.combining(c) and n and text[n - 1].isalpha()]
    if (
        len(marks) > len(text) // 8
        or len(marks) < sum(map(bool, map(unicodedata.combining, text)))
        or re.search(r"<\s*/?[a-z!]|[{}\\]|&(?:#|lt|gt|amp)|```", text, re.I)
    ):
        return "markup"
    if re.search(r"(?<![a-z])(?:[a-z][-. ]){4,}[a-z](?![a-z])", text.lower()):
        return "markup"  # w-a-r-f-a-r-i-n
    return None


def _plain(text: str) -> str:
    """Folded, with letters that stand for others, spread letters and digits for letters undone: only for finding disguised orders."""
    text = fold(text).translate(str.maketrans("аеорсухіѕјԁ", "aeopcyxisjd"))
    text = re.sub(r"\b(?:[a-z] ){3,}[a-z]\b", lambda m: m[0].replace(" ", ""), text)
    digits = str.maketrans("013457", "oieast")
    return re.sub(r"(?<=[a-z])[013457]+(?=[a-z])|\b1(?=[a-z]{2})", lambda m: m[0].translate(digits), text)


__all__ = ["REASONS", "check", "judge", "tidy"]
