"""Score an extractor on the labelled notes, and compare with the stored score.

    python -m evaluation                        the offline rules, against evaluation/score.json (exit 1 when worse)
    python -m evaluation --replay FILE          recorded answers of a model, against their own stored score
    python -m evaluation --record FILE          ask the model of OPENAI_API_KEY / OPENAI_BASE_URL / OPENAI_MODEL,
                                                and write down its answers
    python -m evaluation --store                keep this score as the one to compare with
    python -m evaluation --notes FILE           other labelled notes (nothing is compared)

What is scored is what the guard keeps: what a patient would see. Fewer notes than were scored before, or no stored
score to compare with, are a failure too, unless answers are being recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from evaluation.labels import Labelled, read_labels
from evaluation.replay import Recorder, Replayer
from evaluation.score import Tally, score
from hospital_rt.extraction import ExtractionFailed, Extractor, OfflineExtractor, make_extractor, run_extract_command

HERE = Path(__file__).parent
STORED = HERE / "score.json"
HIGHER_IS_BETTER = (
    "precision",
    "recall",
    "f1",
    "times_per_day",
    "every_days",
    "duration_days",
    "start_in_days",
    "as_needed",
    "quotes",
    "empty",
    "harmless",
)
COLUMNS = {
    "notes": "notes",
    "wanted": "want",
    "found": "got",
    "precision": "prec",
    "recall": "rec",
    "f1": "F1",
    "times_per_day": "times",
    "every_days": "every",
    "duration_days": "durat",
    "start_in_days": "start",
    "as_needed": "a-n",
    "quotes": "quote",
    "must_not": "must-not",
    "empty": "empty",
    "harmless": "harmless",
}
SLACK = 0.0005


async def evaluate(extractor: Extractor, notes: list[Labelled]) -> dict[str, Tally]:
    """A tally for each block, and "all"."""
    tallies: dict[str, Tally] = {}
    for note in notes:
        try:
            answer = await run_extract_command(note.text, day=note.day, extractor=extractor)
        except ExtractionFailed as failure:
            answer = {"checklist": [], "plan": []}
            tallies.setdefault("all", Tally()).remarks.append(f"{note.id}: failed: {failure.reason}")
        found = score(note, answer)
        for name in (note.block, "all"):
            tallies.setdefault(name, Tally()).add(found)
    return {**{name: t for name, t in tallies.items() if name != "all"}, "all": tallies["all"]}


def table(tallies: dict[str, Tally]) -> str:
    """The figures, a row for each block."""
    lines = ["block".ljust(24) + "".join(head.rjust(9) for head in COLUMNS.values())]
    for name, tally in tallies.items():
        row = tally.row()
        cells = [
            "-" if row[k] is None else f"{row[k]:.2f}" if isinstance(row[k], float) else str(row[k]) for k in COLUMNS
        ]
        lines.append(name.ljust(24) + "".join(cell.rjust(9) for cell in cells))
    return "\n".join(lines)


def worse(row: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """What is worse than it was, in words."""
    said = []
    for name in HIGHER_IS_BETTER:
        was, is_now = stored.get(name), row.get(name)
        if was is not None and (is_now is None or is_now < was - SLACK):
            said.append(f"{name} was {was}, is {is_now}")
    if row.get("notes", 0) < stored.get("notes", 0):
        said.append(f"notes were {stored['notes']}, are {row.get('notes', 0)}: fewer questions are no better answers")
    if row["must_not"] > stored.get("must_not", 0):
        said.append(f"must_not was {stored.get('must_not', 0)}, is {row['must_not']}")
    return said


def _extractor(given: argparse.Namespace) -> Extractor:
    if given.replay:
        return Replayer(given.replay)
    if given.record:
        model = make_extractor(
            api_key=os.environ.get("OPENAI_API_KEY"),
            base_url=os.environ.get("OPENAI_BASE_URL"),
            model=os.environ.get("OPENAI_MODEL"),
            timeout_s=float(os.environ.get("OPENAI_TIMEOUT_SECONDS", "30")),
        )
        return Recorder(model, given.record)
    return OfflineExtractor()


async def _run(given: argparse.Namespace) -> int:
    extractor = _extractor(given)
    try:
        tallies = await evaluate(extractor, read_labels(given.notes))
    finally:
        await extractor.close()
    if given.details:
        _print("\n".join(tallies["all"].remarks) + "\n")
    _print(f"{extractor.name}, {given.notes.name}\n{table(tallies)}")
    if given.notes.resolve() != (HERE / "notes.jsonl").resolve():
        return 0
    row = tallies["all"].row()
    scores: dict[str, Any] = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}
    if given.store:
        scores[extractor.name] = row
        STORED.write_text(json.dumps(scores, indent=2, sort_keys=True) + "\n", "utf-8")
        return 0
    if extractor.name not in scores:
        _print("no score is stored for this extractor: --store keeps this one")
        return 0 if given.record else 1
    said = worse(row, scores[extractor.name])
    for line in said:
        _print(f"worse: {line}")
    return 1 if said else 0


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def main() -> int:
    words = argparse.ArgumentParser(
        prog="python -m evaluation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--notes", type=Path, default=HERE / "notes.jsonl")
    words.add_argument("--replay", type=Path, metavar="FILE")
    words.add_argument("--record", type=Path, metavar="FILE")
    words.add_argument("--store", action="store_true")
    words.add_argument("--details", action="store_true", help="a line for each missed, extra or wrong step")
    return asyncio.run(_run(words.parse_args()))


if __name__ == "__main__":
    raise SystemExit(main())
