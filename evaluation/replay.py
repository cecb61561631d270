"""Recorded answers of a model, so that a score needs neither key nor network.

One promise: an answer is played back only for the very note, day, model and prompt that it was given for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from hospital_rt.extraction import Extraction, ExtractionFailed, Extractor, Meta
from hospital_rt.extraction.prompt import PROMPT_VERSION


class Recorder:
    """An extractor that writes down what another one answers, or fails with."""

    def __init__(self, extractor: Extractor, path: Path) -> None:
        self.name = extractor.name
        self._extractor, self._path = extractor, path
        self._lines: dict[str, str] = {}

    async def extract(self, text: str, *, day: date, names: Sequence[str] = ()) -> Extraction:
        key = _key(self.name, text, day)
        row: dict[str, object] = {"key": key, "model": self.name, "prompt": PROMPT_VERSION}
        try:
            answer = await self._extractor.extract(text, day=day, names=names)
        except ExtractionFailed as failure:
            self._lines[key] = json.dumps({**row, "failed": failure.reason})
            raise
        self._lines[key] = json.dumps({**row, "answer": answer.model_dump(mode="json")}, ensure_ascii=False)
        return answer

    async def warm(self) -> None:
        """Nothing is to be loaded."""

    async def close(self) -> None:
        await self._extractor.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text("".join(f"{line}\n" for line in self._lines.values()), "utf-8")


class Replayer:
    """An extractor that answers what was written down."""

    def __init__(self, path: Path) -> None:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        if not rows:
            raise ValueError(f"{path.name} holds no recorded answers")
        self.name = str(rows[0]["model"])
        self._rows = {row["key"]: row for row in rows}

    async def extract(self, text: str, *, day: date, names: Sequence[str] = ()) -> Extraction:
        row = self._rows.get(_key(self.name, text, day))
        if row is None:
            raise ExtractionFailed("unavailable", retry=False)
        if "failed" in row:
            raise ExtractionFailed(row["failed"], retry=False)
        answer = Extraction.model_validate_json(json.dumps(row["answer"]))
        return answer.with_meta(Meta(model=self.name, prompt_version=row["prompt"]))

    async def warm(self) -> None:
        """Nothing is to be loaded."""

    async def close(self) -> None:
        return None


def _key(model: str, text: str, day: date) -> str:
    return hashlib.sha256(json.dumps([model, PROMPT_VERSION, day.isoformat(), text]).encode()).hexdigest()[:24]
