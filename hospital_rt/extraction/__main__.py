"""``python -m hospital_rt.extraction [FILE] [--date YYYY-MM-DD]``: one note in, its steps out, by the rules alone."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from hospital_rt.extraction import OfflineExtractor, run_extract_command


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m hospital_rt.extraction", description=__doc__)
    words.add_argument("file", nargs="?", help="the note; standard input when left out")
    words.add_argument("--date", default=os.environ.get("NOTE_DATE") or None, help="the day of the note")
    given = words.parse_args()
    text = Path(given.file).read_text("utf-8") if given.file else sys.stdin.buffer.read().decode("utf-8")
    day = date.fromisoformat(given.date) if given.date else datetime.now(UTC).date()
    answer = asyncio.run(run_extract_command(text, day=day, extractor=OfflineExtractor()))
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
