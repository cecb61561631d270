"""The dose grammar against the plan labels of notes: ``python -m evaluation.sig [FILE ...] [--all] [--details]``.

Each plan label's quote is read in its sentence (its note's line cut at sentence ends); the match that overlaps the
quote is compared with the label and its alternatives, field by field. Two figures count: of the matches that the
grammar calls ``complete``, the share with every field right, and the labels that get one. From a file of clinic notes
(ids ``...dev-N``) every third note (N divisible by 3) is left out unless ``--held`` asks for those alone.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from hospital_rt.extraction import sig
from hospital_rt.extraction.sentences import read_sentences

FIELDS = ("times_per_day", "every_days", "duration_days", "start_in_days")


def _sentences(note: str, quote: str, day: date) -> list[tuple[str, int, int]]:
    """The sentences up to the quote, each with where the quote stands in it (ahead of it: beyond its end)."""
    at = note.find(quote)
    if at < 0:
        return []
    return [
        (s.text, at - s.start, at + len(quote) - s.start)
        for s in read_sentences(note, day=day).sentences
        if s.start < at + len(quote)
    ]


def _same(field: str, got: Any, want: Any, every: Any) -> bool:
    if want == "any" or got == want:
        return True
    if field == "duration_days" and isinstance(got, int) and isinstance(want, int) and isinstance(every, int):
        return -(-got // every) == -(-want // every)
    return False


def wrong_fields(match: sig.SigMatch, label: dict[str, Any]) -> list[str]:
    """The fields in which a match differs from the nearest reading of a label."""
    readings = [label] + [{**label, **a} for a in label.get("alternatives", [])]
    misses: list[list[str]] = []
    for reading in readings:
        missed = []
        if reading.get("as_needed") != "any" and bool(reading.get("as_needed")) != match.as_needed:
            missed.append("as_needed")
        if not (match.as_needed and reading.get("as_needed")):
            missed += [
                f for f in FIELDS if not _same(f, getattr(match, f), reading.get(f, "any"), reading.get("every_days"))
            ]
        misses.append(missed)
    return min(misses, key=len)


def cases(paths: list[str], held: bool) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each note with each of its plan labels."""
    for path in paths:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            clinic = re.search(r"(?:^|-)dev-(\d+)$", row["id"])
            if clinic and (int(clinic[1]) % 3 == 0) != held:
                continue
            for label in row["expect"].get("plan", []):
                yield row, label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--held", action="store_true", help="clinic notes: only every third one")
    parser.add_argument("--details", action="store_true")
    arguments = parser.parse_args()
    count = {"labels": 0, "found": 0, "complete": 0, "complete_right": 0, "right": 0, "fields": 0, "fields_right": 0}
    for row, label in cases(arguments.files, arguments.held):
        language = row.get("language", "en").split("-")[0]
        if sig.lexicon(language) is None:
            continue
        day = date.fromisoformat(row.get("note_date") or "2026-03-02")
        places = _sentences(row["note"], label["quote"], day)
        if not places:
            continue
        count["labels"] += 1
        matches: list[tuple[sig.SigMatch, str]] = []
        after: sig.SigMatch | None = None
        for text, start, end in places:
            found = sig.find(text, day=day, language=language, after=after)
            matches += [(m, text) for m in found if m.start < end and m.end > start]
            after = found[-1] if found else None
        if not matches:
            if arguments.details and not label.get("optional"):
                print(f"{row['id']:9} NONE      {label['quote']!r}")
            continue
        count["found"] += 1
        match, sentence = min(matches, key=lambda m: (len(wrong_fields(m[0], label)), not m[0].complete))
        missed = wrong_fields(match, label)
        if match.complete:
            count["complete"] += 1
            count["complete_right"] += not missed
            count["fields"] += len(FIELDS) + 1
            count["fields_right"] += len(FIELDS) + 1 - len(missed)
        count["right"] += not missed
        if arguments.details and (missed or not match.complete) and not (label.get("optional") and not missed):
            state = "WRONG    " if match.complete and missed else "wrong    " if missed else "open     "
            left = [sentence[s:e] for s, e in match.leftovers]
            told = {f: getattr(match, f) for f in ("as_needed", *FIELDS) if f in missed}
            print(f"{row['id']:9} {state} {label['quote']!r} {told or ''} asks={match.asks} left={left}")
    ratio = count["complete_right"] / max(count["complete"], 1)
    fields = count["fields_right"] / max(count["fields"], 1)
    print(
        json.dumps(
            {
                **count,
                "complete_right_share": round(ratio, 4),
                "complete_fields_share": round(fields, 4),
                "complete_share": round(count["complete"] / max(count["labels"], 1), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
