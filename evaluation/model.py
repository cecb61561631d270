"""Score a real language model beside the local reader on 20 clinic notes; its answers are recorded and played back.

    make eval-model                               plays back what is recorded, and asks for the rest where OPENAI_MODEL
                                                  is set (with OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_TIMEOUT_SECONDS)
    python -m evaluation.model --clinic FOLDER    the notes; ../shared/clinic unless said

The notes are not part of this repository. Where the folder is absent the command says so and ends with 0: it cannot be
judged there. A recording holds no text of a note: a hash of it, the model's answer (numbers of sentences, titles in the
model's words), and the offsets of the cited sentences, so that an answer stays good when sentences are numbered anew.
The command ends with 1 when a figure is worse than the floor stored for the model in ``score.json``.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

from hospital_rt.extraction.api import ExtractionFailed, Note
from hospital_rt.extraction.command import run_extract_command
from hospital_rt.extraction.llm.prompt import PROMPT_VERSION
from hospital_rt.extraction.llm.reader import ModelReader
from hospital_rt.extraction.llm.transport import CallFailed, Completion
from hospital_rt.extraction.local import LocalReader
from hospital_rt.extraction.sentences import read_sentences

HERE = Path(__file__).parent
RECORDINGS = HERE / "recordings" / "clinic.jsonl"
STORED = HERE / "score.json"
CLINIC = HERE.parent.parent / "shared" / "clinic"
DAY = date(2026, 3, 2)
MODEL = "qwen2.5-coder-1.5b-instruct-q4_k_m"
SAMPLE = 20
MAX_COPIED_WORDS = 9
FLOORS = {"f1": 1, "asked": 1, "readable": 1, "schedule": 1, "must_not": -1, "silent": -1, "guessed": -1}
"""Figures that are compared with the stored ones, and in which direction better is."""
_SLACK = 0.0005


def sample(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The 20 notes whose ids have the smallest hashes, the shortest first: not chosen by hand."""
    chosen = sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest())[:SAMPLE]
    return sorted(chosen, key=lambda row: len(row["note"]))


class Recording:
    """A transport that answers from a file, or asks another one and writes its answer down."""

    def __init__(self, path: Path, model: str, asks: ModelReader | None) -> None:
        self._path, self._model, self._asks = path, model, asks
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines if line.strip()]
        self._rows = {row["key"]: row for row in rows if (row["model"], row["prompt"]) == (model, PROMPT_VERSION)}
        self.note: Note | None = None

    def has(self, text: str) -> bool:
        """Whether the answer for this note is written down."""
        return _key(text) in self._rows

    async def call(self, body: dict[str, Any], *, timeout_s: float) -> Completion:
        """The recorded answer for the note that is read, or a new one."""
        if self.note is None:
            raise CallFailed("rejected")
        row = self._rows.get(_key(self.note.text))
        if row is None:
            if self._asks is None:
                raise CallFailed("rejected")
            transport = await self._asks.open_transport()
            completion = await transport.call(body, timeout_s=timeout_s)
            row = self._write(completion, self.note)
            if row is None:  # no JSON: the reader asks for a repair, and that answer is written down
                return completion
        return Completion(
            content=json.dumps(_renumbered(row["answer"], row["spans"], self.note)) if row["answer"] else None,
            finish=row["finish"],
            model=self._model,
            tokens_in=row["tokens_in"],
            tokens_out=row["tokens_out"],
        )

    async def close(self) -> None: ...

    def _write(self, completion: Completion, note: Note) -> dict[str, Any] | None:
        answer = None
        if completion.finish != "length":
            try:
                answer = json.loads(completion.content or "")
            except ValueError:
                return None
        spans = {str(s.number): [s.start, s.end] for s in note.sentences if s.number in _cited(answer)}
        row = {
            "key": _key(note.text),
            "model": self._model,
            "prompt": PROMPT_VERSION,
            "finish": completion.finish,
            "tokens_in": completion.tokens_in,
            "tokens_out": completion.tokens_out,
            "spans": spans,
            "answer": _own_words(answer, note.text),
        }
        self._rows[row["key"]] = row
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        return row


def _key(text: str) -> str:
    return hashlib.sha256(json.dumps([DAY.isoformat(), text]).encode()).hexdigest()[:24]


def _mapped(answer: Any, change: Callable[[str, Any], Any]) -> Any:
    """The answer with each member of each item changed."""
    if not isinstance(answer, dict):
        return answer
    return {
        kind: [
            {name: change(name, value) for name, value in item.items()} if isinstance(item, dict) else item
            for item in items
        ]
        if isinstance(items, list)
        else items
        for kind, items in answer.items()
    }


def _cited(answer: Any) -> set[int]:
    numbers: set[int] = set()

    def collect(name: str, value: Any) -> Any:
        if name == "s" and isinstance(value, list):
            numbers.update(n for n in value if isinstance(n, int))
        return value

    _mapped(answer, collect)
    return numbers


def _own_words(answer: Any, text: str) -> Any:
    """The answer, its texts cut where they copy more than a few words of the note in a row."""
    flat = " ".join(re.findall(r"\w+", text.casefold()))

    def cut(name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        words = list(re.finditer(r"\w+", value))
        for first in range(len(words) - MAX_COPIED_WORDS):
            run = " ".join(m.group().casefold() for m in words[first : first + MAX_COPIED_WORDS + 1])
            if run in flat:
                return value[: words[first + MAX_COPIED_WORDS - 1].end()]
        return value

    return _mapped(answer, cut)


def _renumbered(answer: Any, spans: dict[str, list[int]], note: Note) -> Any:
    """The answer with the sentences' numbers of today."""

    def change(name: str, value: Any) -> Any:
        if name != "s" or not isinstance(value, list):
            return value
        places = [spans[str(n)] for n in value if str(n) in spans]
        return [s.number for s in note.sentences if any(s.start < end and start < s.end for start, end in places)]

    return _mapped(answer, change)


def scorer(folder: Path) -> ModuleType:
    """The scorer that lies beside the notes."""
    spec = importlib.util.spec_from_file_location("clinic_score", folder / "score.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def record(rows: list[dict[str, Any]], recording: Recording, reader: ModelReader) -> list[str]:
    """Ask for the answers that are not written down. Returns the failures that another attempt may mend."""
    failed = []
    for row in rows:
        if recording.has(row["note"]):
            continue
        recording.note = read_sentences(row["note"], day=DAY)
        try:
            await reader.read(recording.note)
        except ExtractionFailed as failure:
            if not recording.has(row["note"]):
                failed.append(f"{row['id']}: {failure.reason}")
        _print(f"{row['id']}: asked")
    return failed


async def run(folder: Path, model: str, asks: ModelReader | None, *, store: bool = False) -> int:
    """Read the sample with both readers, and print the figures of each beside the other's."""
    rows = sample([json.loads(line) for line in (folder / "dev.jsonl").read_text("utf-8").splitlines()])
    recording = Recording(RECORDINGS, model, asks)
    reader = ModelReader(api_key=None, base_url="recorded", model=model, timeout_s=_timeout_s(), transport=recording)
    failed = await record(rows, recording, reader) if asks else []
    score = scorer(folder)
    both, alone = [], []
    for row in rows:
        if not recording.has(row["note"]):
            continue
        recording.note = read_sentences(row["note"], day=DAY)
        try:
            answer = await run_extract_command(row["note"], day=DAY, reader=reader)
        except ExtractionFailed as failure:
            failed.append(f"{row['id']}: {failure.reason}")
            answer = {}
        local = await run_extract_command(row["note"], day=DAY, reader=LocalReader())
        both.append(score.score(row, answer)[0])
        alone.append(score.score(row, local)[0])
    if not both:
        _print(f"no answer of {model} to prompt {PROMPT_VERSION} is recorded")
        return 1
    figures = score.totals(both)
    _print(f"{len(both)} of the {SAMPLE} notes of the sample, {len(failed)} without an answer: {failed}")
    _print(f"local reader alone       {json.dumps(score.totals(alone))}")
    _print(f"with {model}  {json.dumps(figures)}")
    if store:
        scores = json.loads(STORED.read_text("utf-8"))
        scores[f"clinic:{model}"] = figures
        STORED.write_text(json.dumps(scores, indent=2, sort_keys=True) + "\n", "utf-8")
    return compare(f"clinic:{model}", figures)


def compare(name: str, figures: dict[str, Any]) -> int:
    """1 when a figure is worse than the stored one."""
    stored = json.loads(STORED.read_text("utf-8")).get(name)
    if stored is None:
        _print(f"no floor is stored for {name}")
        return 0
    worse = [
        f"{key} was {stored[key]}, is {figures[key]}"
        for key, sign in FLOORS.items()
        if stored.get(key) is not None and (figures[key] is None or sign * (figures[key] - stored[key]) < -_SLACK)
    ]
    if figures["notes"] < stored["notes"]:
        worse.append(f"notes were {stored['notes']}, are {figures['notes']}")
    for line in worse:
        _print(f"worse: {line}")
    return 1 if worse else 0


def _timeout_s() -> float:
    return float(os.environ.get("OPENAI_TIMEOUT_SECONDS", "30"))


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    words = argparse.ArgumentParser(
        prog="python -m evaluation.model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--clinic", type=Path, default=CLINIC)
    words.add_argument("--model", default=MODEL, help="whose recorded answers are read")
    words.add_argument("--store", action="store_true", help="keep these figures as the floor")
    given = words.parse_args()
    if not (given.clinic / "dev.jsonl").exists():
        _print(f"the clinic notes are not here ({given.clinic.name}/dev.jsonl): the model's answers are not judged")
        return 0
    asked = os.environ.get("OPENAI_MODEL")
    asks = None
    if asked:
        asks = ModelReader(
            api_key=os.environ.get("OPENAI_API_KEY"),
            base_url=os.environ.get("OPENAI_BASE_URL"),
            model=asked,
            timeout_s=_timeout_s(),
        )
    return asyncio.run(run(given.clinic, asked or given.model, asks, store=given.store))


if __name__ == "__main__":
    raise SystemExit(main())
