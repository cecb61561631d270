"""Recorded answers of a real model are played back through the product, and hold no text of a note."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evaluation import model as command
from hospital_rt.extraction.api import Note
from hospital_rt.extraction.llm.reader import ModelReader
from tests.extraction.notes import note_of
from tests.support.model_server import ModelServer

NOTE = note_of("Chest infection.", "Take amoxicillin 500 mg three times a day for 7 days.", "Book a chest X-ray.")
COPIED = "Take amoxicillin 500 mg three times a day for 7 days"
ANSWER = {
    "plan": [{"s": [2], "title": "Take amoxicillin 500 mg 3 times a day", "detail": COPIED, "times_per_day": 3}],
    "checklist": [{"s": [3], "title": "Have a chest X-ray"}],
}


async def read(path: Path, asks: ModelReader | None, note: Note = NOTE) -> Any:
    recording = command.Recording(path, "m", asks)
    recording.note = note
    reader = ModelReader(api_key=None, base_url="recorded", model="m", timeout_s=5, transport=recording)
    return await reader.read(note)


async def test_an_answer_is_asked_for_once_and_played_back_when_sentences_are_numbered_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    async with ModelServer({"do": "answer", "answer": ANSWER}) as server:
        asks = ModelReader(api_key=None, base_url=server.base_url, model="m", timeout_s=5)
        first = await read(path, asks)
        again = await read(path, asks)
        await asks.close()
        assert server.calls == 1
    assert first.plan == again.plan
    shorter = Note(text=NOTE.text, day=NOTE.day, language="en", sentences=NOTE.sentences[1:])
    anew = await read(path, None, Note(**{**vars(shorter), "sentences": _numbered(shorter)}))
    assert [i.quote for i in (*anew.plan, *anew.checklist)] == [i.quote for i in (*first.plan, *first.checklist)]
    assert anew.plan[0].sentences == (1,)


def _numbered(note: Note) -> tuple[Any, ...]:
    return tuple(type(s)(**{**_fields(s), "number": n}) for n, s in enumerate(note.sentences, 1))


def _fields(sentence: Any) -> dict[str, Any]:
    return {name: getattr(sentence, name) for name in sentence.__slots__}


async def test_what_a_model_copies_from_a_note_is_cut_before_it_is_written_down(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    async with ModelServer({"do": "answer", "answer": ANSWER}) as server:
        asks = ModelReader(api_key=None, base_url=server.base_url, model="m", timeout_s=5)
        await read(path, asks)
        await asks.close()
    row = json.loads(path.read_text("utf-8"))
    assert row["answer"]["plan"][0]["detail"] == "Take amoxicillin 500 mg three times a day for"
    assert row["answer"]["checklist"][0]["title"] == "Have a chest X-ray"
    assert NOTE.text not in path.read_text("utf-8")


def test_the_sample_does_not_depend_on_the_order_of_the_notes() -> None:
    rows = [{"id": f"note-{n}", "note": "x" * n} for n in range(100)]
    assert command.sample(rows) == command.sample(rows[::-1])
    assert len(command.sample(rows)) == command.SAMPLE


@pytest.mark.long
async def test_a_real_models_recorded_answers_are_read_as_well_as_when_they_were_stored() -> None:
    if not (command.CLINIC / "dev.jsonl").exists():
        pytest.skip("the clinic notes are not here")
    assert await command.run(command.CLINIC, command.MODEL, None) == 0


def test_no_recording_holds_the_text_of_a_clinic_note() -> None:
    notes = command.CLINIC / "dev.jsonl"
    if not notes.exists() or not command.RECORDINGS.exists():
        pytest.skip("the clinic notes or recordings of them are not here")
    texts = [" ".join(re.findall(r"\w+", json.loads(line)["note"].casefold())) for line in notes.open(encoding="utf-8")]
    for line in command.RECORDINGS.read_text("utf-8").splitlines():
        for words in map(str.split, _strings(json.loads(line)["answer"])):
            runs = (" ".join(words[n : n + command.MAX_COPIED_WORDS + 1]) for n in range(len(words)))
            long = [run for run in runs if run.count(" ") == command.MAX_COPIED_WORDS]
            assert not any(run in text for run in long for text in texts)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [" ".join(re.findall(r"\w+", value.casefold()))]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in _strings(part)]
