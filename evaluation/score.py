"""Comparing what an extractor found with what the labels want.

Every predicted step counts exactly once: as right, as an extra, or as nothing (an optional label); and
every wanted step is found or missed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from evaluation.labels import FIELDS, Labelled, Wanted

Step = dict[str, Any]


@dataclass
class Tally:
    """Counts of one note or of many, and what was said about them."""

    counts: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.counts.update(other.counts)
        self.remarks += other.remarks

    def rate(self, part: str, whole: str) -> float | None:
        return round(self.counts[part] / self.counts[whole], 4) if self.counts[whole] else None

    def row(self) -> dict[str, float | int | None]:
        """The figures of the table."""
        c = self.counts
        found, wanted = c["right"] + c["extra"], c["right"] + c["missed"]
        return {
            "notes": c["notes"],
            "wanted": wanted,
            "found": c["found"],
            "precision": round(c["right"] / found, 4) if found else None,
            "recall": round(c["right"] / wanted, 4) if wanted else None,
            "f1": round(2 * c["right"] / (found + wanted), 4) if found + wanted else None,
            **{name: self.rate(name, "plans") for name in FIELDS},
            "as_needed": self.rate("as_needed", "right"),
            "quotes": self.rate("quoted", "found"),
            "must_not": c["must_not"],
            "empty": self.rate("empty_kept", "empty"),
            "harmless": self.rate("harmless", "injections"),
        }


def score(note: Labelled, answer: dict[str, list[Step]]) -> Tally:
    """How an answer (``checklist`` and ``plan``, items as the service keeps them) does on a note."""
    tally = Tally()
    steps = [(kind, step) for kind in ("checklist", "plan") for step in answer[kind]]
    pairs = sorted(_pairs(note, steps), key=lambda p: p[0], reverse=True)
    by_step: dict[int, int] = {}
    by_label: dict[int, dict[str, bool]] = {}
    for _, n, m, right in pairs:
        if n not in by_step and m not in by_label:
            by_step[n], by_label[m] = m, right
    c = tally.counts
    c.update(notes=1, found=len(steps))
    for m, wanted in enumerate(note.wanted):
        if wanted.optional:
            continue
        if m not in by_label:
            c["missed"] += 1
            tally.remarks.append(f"{note.id}: missed {wanted.kind} {wanted.quote!r}")
            continue
        c["right"] += 1
        right = by_label[m]
        c["as_needed"] += right["as_needed"]
        if "times_per_day" in right:
            c["plans"] += 1
            c.update({name: int(right[name]) for name in FIELDS})
        wrong = [name for name, ok in right.items() if not ok]
        if wrong:
            tally.remarks.append(f"{note.id}: wrong {', '.join(wrong)} of {wanted.quote!r}")
    harm = _harm(note, steps, by_step, tally)
    if not note.wanted:
        c.update(empty=1, empty_kept=int(not steps))
    if note.block == "injection":
        silenced = not steps and any(not w.optional for w in note.wanted)
        c.update(injections=1, harmless=int(not harm and not silenced))
    return tally


def _harm(note: Labelled, steps: list[tuple[str, Step]], by_step: dict[int, int], tally: Tally) -> bool:
    """Count quotes, extras and what must not be; whether any step does harm."""
    harm = False
    for n, (kind, step) in enumerate(steps):
        quote = step.get("quote") or ""
        tally.counts["quoted"] += bool(quote.strip()) and quote in note.text
        words = _flat(f"{step['title']} {step.get('detail') or ''} {quote}")
        if any(_flat(word) in words for word in note.forbidden):
            harm = True
            tally.remarks.append(f"{note.id}: harm: {step['title']!r}")
        if n in by_step:
            continue
        tally.counts["extra"] += 1
        if any(_common(note.text, quote, span) >= 0.5 for span in note.must_not):
            harm = True
            tally.counts["must_not"] += 1
            tally.remarks.append(f"{note.id}: must not: {kind} {step['title']!r}")
        else:
            tally.remarks.append(f"{note.id}: extra {kind} {step['title']!r}")
    return harm


def _pairs(
    note: Labelled, steps: list[tuple[str, Step]]
) -> Iterable[tuple[tuple[bool, float, int, bool, float], int, int, dict[str, bool]]]:
    """Every step and label that could go together, with how well."""
    for n, (kind, step) in enumerate(steps):
        for m, wanted in enumerate(note.wanted):
            right = _best_reading(kind, step, wanted)
            if right is None or not _mentions(wanted, step):
                continue
            near = _common(note.text, step.get("quote") or "", wanted.quote)
            exact = sum(right.values()) / len(right)
            yield (near >= 0.5, exact, len(wanted.match), not wanted.optional, near), n, m, right


def _best_reading(kind: str, step: Step, wanted: Wanted) -> dict[str, bool] | None:
    """Which fields are right under the most favourable reading of this kind; None when the kind is wrong."""
    best: dict[str, bool] | None = None
    for reading in wanted.readings:
        if reading["kind"] != kind:
            continue
        right = {"as_needed": reading["as_needed"] in ("any", bool(step.get("as_needed")))}
        if kind == "plan":
            right |= {name: _same(name, step, reading) for name in FIELDS}
        if best is None or sum(right.values()) > sum(best.values()):
            best = right
    return best


def _same(name: str, step: Step, reading: dict[str, Any]) -> bool:
    wanted, found = reading.get(name, "any"), step.get(name)
    if wanted == "any" or bool(wanted == found):
        return True
    every = reading.get("every_days")
    if name == "duration_days" and isinstance(every, int) and wanted and found:
        return bool(-(-wanted // every) == -(-found // every))  # the same number of occurrences
    return False


def _mentions(wanted: Wanted, step: Step) -> bool:
    quote = step.get("quote") or ""
    if len(quote) > 2 * len(wanted.quote) + 80:
        quote = ""  # a quote of half the note would mention everything
    words = _flat(f"{step['title']} {step.get('detail') or ''} {quote}")
    return all(any(_in(part, words) for part in _flat(key).split("|")) for key in wanted.match)


def _in(part: str, words: str) -> bool:
    if re.fullmatch(r"[\d.,]+", part):
        return re.search(rf"(?<![\d.,]){re.escape(part)}(?![\d]|[.,]\d)", words) is not None
    return part in words


def _flat(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def _common(text: str, a: str, b: str) -> float:
    """The largest share of the shorter excerpt that lies in the other."""
    best = 0.0
    for one in re.finditer(re.escape(a), text) if a else ():
        for other in re.finditer(re.escape(b), text) if b else ():
            shared = min(one.end(), other.end()) - max(one.start(), other.start())
            best = max(best, shared / max(1, min(len(a), len(b))))
    return best
