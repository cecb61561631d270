"""Train the weights of the local reader: ``python -m evaluation.train [--clinic FOLDER] [--short FOLDER]``.

Two models, both logistic regression: ``sentence`` (does it carry something for the patient) and ``candidate`` (is what
the rules made of it right). Deterministic; half a minute. The notes stay where they are; only weights are written.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from evaluation.linear import fit
from hospital_rt.extraction.api import Note
from hospital_rt.extraction.classifier.features import sentence_features
from hospital_rt.extraction.classifier.model import WEIGHTS, LinearModel
from hospital_rt.extraction.lexicon import LANGUAGES
from hospital_rt.extraction.local import LocalReader, Proposal
from hospital_rt.extraction.sentences import read_sentences

FOLDS = 5
SHORT_WEIGHT = 0.5
MUST_NOT_WEIGHT = 3.0
L2 = 1.5
KINDS = ("checklist", "plan")


@dataclass
class Labelled:
    """A labelled note, read into sentences. ``clinic``: a real clinic note, with ``ask`` and ``optional`` labels."""

    row: dict[str, Any]
    source: str
    clinic: bool
    note: Note
    fold: int
    proposals: list[Proposal] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    @cached_property
    def sentence_rows(self) -> list[tuple[set[str], float]]:
        """Features of each sentence, and whether it carries something wanted."""
        return sentence_rows(self)


def fold_text(text: str) -> str:
    """Case and accents taken off, as the scorers compare."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()


def load_notes(paths: Iterable[tuple[Path, bool]]) -> list[Labelled]:
    """The labelled notes of the files that exist."""
    found = []
    for path, clinic in paths:
        if not path.exists():
            continue
        for number, line in enumerate(filter(str.strip, path.read_text("utf-8").splitlines())):
            row = json.loads(line)
            day = date.fromisoformat(row.get("note_date") or "2026-03-02")
            note = read_sentences(row["note"], day=day)
            found.append(Labelled(row=row, source=source_of(path), clinic=clinic, note=note, fold=number % FOLDS))
    return found


def source_of(path: Path) -> str:
    """A short name of a file of notes: its folder's and its own."""
    return f"{path.parent.name}/{path.stem}"


@cache
def places(note: str, quote: str) -> list[tuple[int, int]]:
    """Where a quotation stands in a note, white space and case aside."""
    words = re.findall(r"\S+", quote or "")
    return [m.span() for m in re.finditer(r"\s+".join(map(re.escape, words)), note, re.I)] if words else []


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """The share of the shorter span that lies in the other."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared / max(1, min(one[1] - one[0], other[1] - other[0]))


def label_spans(row: dict[str, Any], label: Any) -> list[tuple[int, int]]:
    """All places of a label's quotations."""
    if isinstance(label, str):
        return places(row["note"], label)
    return [span for quote in (label["quote"], *label.get("also", ())) for span in places(row["note"], quote)]


def near(span: tuple[int, int], row: dict[str, Any], label: Any) -> float:
    """How much of a span lies on a label."""
    return max((overlap(span, at) for at in label_spans(row, label)), default=0.0)


def wanted_labels(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The labels of steps that a note must give."""
    return [label for kind in KINDS for label in row["expect"].get(kind, ()) if not label.get("optional")]


def sentence_rows(one: Labelled) -> list[tuple[set[str], float]]:
    """Features of each sentence, and whether it carries a wanted step or something to ask."""
    needs = [label_spans(one.row, label)[:1] for label in (*wanted_labels(one.row), *one.row.get("ask", ()))]
    spans = [span for found in needs for span in found]
    for label in (*wanted_labels(one.row), *one.row.get("ask", ())):
        for quote in label.get("also", ()):
            spans += places(one.row["note"], quote)[:1]
    return [
        (
            sentence_features(one.note.sentences, at, one.note.language if one.note.language in LANGUAGES else "en"),
            float(any(overlap(span, (sentence.start, sentence.end)) >= 0.5 for span in spans)),
        )
        for at, sentence in enumerate(one.note.sentences)
    ]


def candidate_label(one: Labelled, proposal: Proposal) -> float | None:
    """1 for a right candidate, 0 for a wrong one, -1 for one that must not be, None where it does not matter."""
    candidate, at = proposal.candidate, proposal.sentence.start
    span = (at + candidate.start, at + candidate.end)
    text = fold_text(f"{candidate.title} {candidate.detail or ''} {one.row['note'][span[0] : span[1]]}")
    right = optional = False
    for kind in KINDS:
        for label in one.row["expect"].get(kind, ()):
            if near(span, one.row, label) >= 0.3 and all(has_keyword(word, text) for word in label["match"]):
                right, optional = right or not label.get("optional"), optional or bool(label.get("optional"))
    asked = any(near(span, one.row, label) >= 0.3 for label in one.row.get("ask", ()))
    if candidate.question is not None:
        return 1.0 if asked else None if right or optional else 0.0
    if asked and not right:
        return 0.0
    if right:
        return 1.0
    if optional or any(near(span, one.row, label) >= 0.5 for label in one.row.get("optional", ())):
        return None
    return -1.0 if any(near(span, one.row, label) >= 0.5 for label in one.row.get("must_not", ())) else 0.0


def has_keyword(keyword: str, text: str) -> bool:
    """Whether one of the ``|``-alternatives is in the folded text; a number only as a whole number."""
    for part in fold_text(keyword).split("|"):
        if re.fullmatch(r"[\d.,]+", part):
            if re.search(r"(?<!\d)(?<!\d[.,])" + re.escape(part) + r"(?!\d)(?![.,]\d)", text):
                return True
        elif part in text:
            return True
    return False


def train_sentences(notes: Sequence[Labelled], *, leave_out: int | None) -> LinearModel:
    """The sentence model from all notes but those of one fold."""
    rows = [
        (x, y, 1.0 if one.clinic else SHORT_WEIGHT)
        for one in notes
        if one.fold != leave_out
        for x, y in one.sentence_rows
    ]
    return fit([r[0] for r in rows], [r[1] for r in rows], weight=[r[2] for r in rows], l2=L2)


def propose(notes: Sequence[Labelled], models: Sequence[LinearModel]) -> None:
    """Candidates of each note, its sentences scored by the model that has not seen it."""
    for one in notes:
        if one.note.language in LANGUAGES:
            one.proposals, one.scores = LocalReader({"sentence": models[one.fold]}).propose(one.note)


def train_candidates(notes: Sequence[Labelled], *, leave_out: int | None) -> LinearModel:
    """The candidate model from all notes but those of one fold. ``propose`` goes before."""
    rows = []
    for one in notes:
        if one.fold == leave_out:
            continue
        for proposal in one.proposals:
            label = candidate_label(one, proposal)
            if label is not None:
                part = (1.0 if one.clinic else SHORT_WEIGHT) * (MUST_NOT_WEIGHT if label < 0 else 1.0)
                rows.append((set(proposal.features), max(0.0, label), part))
    return fit([r[0] for r in rows], [r[1] for r in rows], weight=[r[2] for r in rows], l2=L2)


def cross_validated(notes: Sequence[Labelled]) -> list[dict[str, LinearModel]]:
    """For each fold the models that have not seen its notes."""
    sentences = [train_sentences(notes, leave_out=fold) for fold in range(FOLDS)]
    propose(notes, sentences)
    return [
        {"sentence": sentences[fold], "candidate": train_candidates(notes, leave_out=fold)} for fold in range(FOLDS)
    ]


def save(models: dict[str, LinearModel], path: Path) -> None:
    """Write weights as thousandths, so that the same training gives the same bytes."""
    raw = {
        name: {"bias": round(model.bias, 3), "weights": {k: round(v * 1000) for k, v in sorted(model.weights.items())}}
        for name, model in models.items()
    }
    text = json.dumps(raw, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def note_files(clinic: Path, short: Path) -> list[tuple[Path, bool]]:
    """The files of labelled notes: clinic's, the shared short ones, our own."""
    own = Path(__file__).parent
    return [
        (clinic / "dev.jsonl", True),
        (clinic / "field.jsonl", False),
        (clinic / "smallest.jsonl", False),
        (short / "notes.jsonl", False),
        (own / "notes.jsonl", False),
        (own / "variants.jsonl", False),
        (own / "held_out.jsonl", False),
        (own / "unread.jsonl", False),
        (own / "visits.jsonl", True),
    ]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--clinic", type=Path, default=Path("../shared/clinic"))
    words.add_argument("--short", type=Path, default=Path("../shared/notes"))
    given = words.parse_args()
    notes = load_notes(note_files(given.clinic, given.short))
    propose(notes, [train_sentences(notes, leave_out=fold) for fold in range(FOLDS)])
    models = {"sentence": train_sentences(notes, leave_out=None), "candidate": train_candidates(notes, leave_out=None)}
    save(models, WEIGHTS)
    sys.stdout.write(
        f"{len(notes)} notes, {sum(len(m.weights) for m in models.values())} weights, {WEIGHTS.stat().st_size} bytes\n"
    )


if __name__ == "__main__":
    main()
