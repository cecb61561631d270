"""Score the local reader on labelled notes, and compare with the stored floors: ``python -m evaluation``.

Trained weights are cross-validated by note: each is read with weights that have not seen it (five folds). Sets that are
not there are left out. What is scored is what the guard keeps: what a patient would see.

    python -m evaluation                    all sets that are there, against evaluation/score.json (exit 1 when worse)
    python -m evaluation --store            keep these figures as the floors
    python -m evaluation --details PREFIX   and tell each miss of the notes whose id begins so
    python -m evaluation --committed        with the committed weights, which have seen the notes (faster); so also
                                            where the clinic notes are not there to train on
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.labels import read_label
from evaluation.score import Tally, score
from evaluation.train import Labelled, cross_validated, load_notes, near, note_files
from hospital_rt.extraction.api import Result
from hospital_rt.extraction.classifier.model import LinearModel, load_models
from hospital_rt.extraction.command import result_json
from hospital_rt.extraction.local import LocalReader
from hospital_rt.extraction.pipeline import settle

HERE = Path(__file__).parent
STORED = HERE / "score.json"
SLACK = 0.005
HIGHER = (
    "f1",
    "schedule",
    "asked",
    "readable",
    "times_per_day",
    "every_days",
    "duration_days",
    "start_in_days",
    "as_needed",
    "empty",
    "harmless",
)
LOWER = ("silent", "guessed", "shown_for_nothing", "must_not", "live_wrong")


@dataclass
class Set:
    """The notes of one table row with what was read of them."""

    notes: list[Labelled] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


def read_all(notes: Sequence[Labelled], models: Sequence[dict[str, LinearModel]]) -> list[Result]:
    """Each note read with the models of its fold, and guarded."""
    readers = [LocalReader(one) for one in models]
    results = []
    for one in notes:
        reader = readers[one.fold % len(readers)]
        results.append(settle(one.note, reader.read_now(one.note), reader))
    return results


def clinic_row(one: Set, scorer: Any) -> dict[str, Any]:
    """Figures of notes with ``ask`` labels, by the scorer that lies beside them."""
    counts, for_nothing = [], 0
    for labelled, result in zip(one.notes, one.results, strict=True):
        answer = result_json(result)
        counts.append(scorer.score(labelled.row, answer)[0])
        for_nothing += shown_for_nothing(labelled, result)
    totals = scorer.totals(counts)
    names = (
        "notes",
        "wanted",
        "precision",
        "recall",
        "f1",
        "schedule",
        "silent",
        "asked",
        "guessed",
        "must_not",
        "readable",
    )
    return {
        **{name: totals[name] for name in names},
        "shown_for_nothing": round(for_nothing / max(1, len(one.notes)), 2),
    }


def shown_for_nothing(labelled: Labelled, result: Result) -> int:
    """How many sentences the author is shown in which no label lies."""
    row = labelled.row
    labels = [*row["expect"]["checklist"], *row["expect"]["plan"], *row.get("ask", ()), *row.get("optional", ())]
    spans = [(one.start, one.end) for one in result.unmatched] + [(one.start, one.end) for one in result.questions]
    return sum(not any(near(span, row, label) >= 0.3 for label in labels) for span in spans)


def short_row(one: Set) -> dict[str, Any]:
    """Figures of the short notes."""
    tally = Tally()
    for labelled, result in zip(one.notes, one.results, strict=True):
        tally.add(score(read_label(labelled.row), result_json(result)))
    return tally.row()


def live_row(one: Set) -> dict[str, Any]:
    """What goes live without review in ``unsure``: share of notes, and wrong steps among those steps."""
    live = wrong = 0
    for labelled, result in zip(one.notes, one.results, strict=True):
        open_ = result.questions or result.dropped or result.unmatched or result.too_many
        if not open_ and all(kept.sure for kept in result.kept):
            live += 1
            labels = [label for kind in ("checklist", "plan") for label in labelled.row["expect"][kind]]
            labels += labelled.row.get("optional", [])
            wrong += sum(
                not any(near((k.item.start, k.item.end), labelled.row, label) >= 0.3 for label in labels)
                for k in result.kept
            )
    return {"live": live, "live_wrong": wrong}


def worse(row: dict[str, Any], floor: dict[str, Any]) -> list[str]:
    """What is worse than its floor, in words."""
    said = []
    for name, was in floor.items():
        now = row.get(name)
        if name in HIGHER and was is not None and (now is None or now < was - SLACK):
            said.append(f"{name} was {was}, is {now}")
        if name in LOWER and was is not None and (now is None or now > was + (0 if isinstance(was, int) else SLACK)):
            said.append(f"{name} was {was}, is {now}")
    if row.get("notes", 0) < floor.get("notes", 0):
        said.append(f"notes were {floor['notes']}, are {row.get('notes', 0)}: fewer questions are no better answers")
    return said


def load_scorer(folder: Path) -> Any:
    """The scorer that lies beside the clinic notes, or None."""
    path = folder / "score.py"
    if not path.exists():
        return None
    sys.path.insert(0, str(folder.parent / "notes"))
    spec = importlib.util.spec_from_file_location("clinic_score", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def group(notes: Sequence[Labelled], results: Sequence[Result]) -> dict[str, Set]:
    """Sets by file; clinic notes also by their source."""
    sets: dict[str, Set] = defaultdict(Set)
    for one, result in zip(notes, results, strict=True):
        names = [one.source]
        if one.clinic:
            kind, number = one.row["id"].rsplit("-", 1)
            seen = "unread" if int(number) % 6 == 3 else "read"  # while the rules were written
            names += [f"{one.source}/{kind}", f"{one.source}/{seen}"]
        for name in names:
            sets[name].notes.append(one)
            sets[name].results.append(result)
    return dict(sets)


def run(given: argparse.Namespace) -> int:
    notes = load_notes(note_files(given.clinic, given.short))
    committed = given.committed or not (given.clinic / "dev.jsonl").exists()
    models = [load_models()] if committed else cross_validated(notes)
    scorer = load_scorer(given.clinic)
    rows: dict[str, dict[str, Any]] = {}
    for name, one in group(notes, read_all(notes, models)).items():
        clinic = one.notes[0].clinic
        if clinic and scorer is None:
            continue
        rows[name] = {**(clinic_row(one, scorer) if clinic else short_row(one)), **live_row(one)}
        _print(f"{name:26}", json.dumps(rows[name]))
        if given.details is not None:
            tell(one, scorer, given.details)
    stored = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}  # those of models too
    if given.store:
        STORED.write_text(json.dumps({**stored, "local": rows}, indent=2, sort_keys=True) + "\n", "utf-8")
        return 0
    floors = stored.get("local", {})
    said = [f"{name}: {line}" for name, row in rows.items() for line in worse(row, floors.get(name, {}))]
    if not floors:
        said.append("no floors are stored: --store keeps these")
    for line in said:
        _print(f"worse: {line}")
    return 1 if said else 0


def tell(one: Set, scorer: Any, prefix: str) -> None:
    """Each miss of the notes whose id begins with ``prefix``."""
    for labelled, result in zip(one.notes, one.results, strict=True):
        if labelled.row["id"].startswith(prefix):
            answer = result_json(result)
            remarks = (
                scorer.score(labelled.row, answer)[1]
                if labelled.clinic
                else score(read_label(labelled.row), answer).remarks
            )
            for line in remarks:
                _print("  ", labelled.row["id"], line)


def _print(*parts: str) -> None:
    sys.stdout.write(" ".join(parts) + "\n")
    sys.stdout.flush()


def main() -> int:
    words = argparse.ArgumentParser(
        prog="python -m evaluation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--clinic", type=Path, default=Path("../shared/clinic"))
    words.add_argument("--short", type=Path, default=Path("../shared/notes"))
    words.add_argument("--store", action="store_true")
    words.add_argument("--committed", action="store_true")
    words.add_argument("--details", metavar="PREFIX")
    return run(words.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
