"""A change that makes the steps worse fails ``python -m evaluation``, and with it CI: shown with seeded defects."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import evaluation.__main__ as command
from evaluation.labels import read_labels
from hospital_rt.extraction import Extraction, Guarded, Kept, PlanItem, prompt, support
from hospital_rt.extraction.guard import guard
from hospital_rt.extraction.offline import OfflineExtractor

pytestmark = pytest.mark.long
RECORDED = command.HERE / "recordings" / "obedient.jsonl"
Change = Callable[[PlanItem], PlanItem | None]
Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command on every fourth note, with the score of the code as it is stored to compare with."""
    notes = read_labels(command.HERE / "notes.jsonl")[::4]
    monkeypatch.setattr(command, "read_labels", lambda _path: notes)
    monkeypatch.setattr(command, "STORED", tmp_path / "score.json")

    def run(*words: str) -> tuple[int, list[str]]:
        """The exit code of the command, and what it says is worse."""
        monkeypatch.setattr(sys, "argv", ["evaluation", *words])
        code = command.main()
        return code, [line for line in capsys.readouterr().out.splitlines() if line.startswith("worse: ")]

    return run


def seed_rules(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    """Rules that get one thing wrong in some plan items."""
    right = OfflineExtractor.extract

    async def wrong(self: OfflineExtractor, text: str, **words: Any) -> Extraction:
        answer = await right(self, text, **words)
        plan = [changed for p in answer.plan if (changed := change(p)) is not None]
        return answer.model_copy(update={"plan": plan})

    monkeypatch.setattr(OfflineExtractor, "extract", wrong)


def without_weeklies(p: PlanItem) -> PlanItem | None:
    return None if p.every_days == 7 else p


def without_ends(p: PlanItem) -> PlanItem:
    return p.model_copy(update={"duration_days": None}) if p.duration_days == 7 else p


@pytest.mark.parametrize(("change", "name"), [(without_weeklies, "recall"), (without_ends, "recall")])
def test_a_worse_rule_fails(monkeypatch: pytest.MonkeyPatch, run: Run, change: Change, name: str) -> None:
    assert run("--store")[0] == 0
    assert run() == (0, [])
    seed_rules(monkeypatch, change)
    code, worse = run()
    assert code == 1
    assert any(line.startswith(f"worse: {name} was ") for line in worse)


def keep_all(text: str, extraction: Extraction, *, day: date) -> Guarded:
    """A guard that sleeps."""
    kept = [Kept(kind="checklist", item=i, start=0, end=1) for i in extraction.checklist]
    kept += [Kept(kind="plan", item=p, start=0, end=1) for p in extraction.plan]
    return Guarded(kept=kept, dropped=[], unmatched=[], too_many=False)


def keep_none(text: str, extraction: Extraction, *, day: date) -> Guarded:
    return guard(text, Extraction(checklist=[], plan=[]), day=day)


@pytest.mark.parametrize(("seeded", "name"), [(keep_all, "must_not"), (keep_none, "recall")])
def test_a_worse_guard_fails_the_recorded_answers(
    monkeypatch: pytest.MonkeyPatch, run: Run, seeded: Any, name: str
) -> None:
    run("--replay", str(RECORDED), "--store")
    monkeypatch.setattr("hospital_rt.extraction.command.guard", seeded)
    code, worse = run("--replay", str(RECORDED))
    assert code == 1
    assert any(line.startswith(f"worse: {name} was ") for line in worse)


def test_a_guard_without_one_of_its_checks_fails_the_recorded_answers(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    run("--replay", str(RECORDED), "--store")
    monkeypatch.setattr(support, "order_doubt", lambda *_: None)
    code, worse = run("--replay", str(RECORDED))
    assert code == 1
    assert any(line.startswith("worse: precision was ") for line in worse)


def test_answers_to_another_prompt_are_no_answers(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    run("--replay", str(RECORDED), "--store")
    monkeypatch.setattr("evaluation.replay.PROMPT_VERSION", "another")
    code, worse = run("--replay", str(RECORDED))
    assert code == 1
    assert worse


def test_words_of_the_prompt_do_not_change_under_its_version() -> None:
    """Who changes a word gives it a new version here and there, and records answers anew."""
    said = json.dumps([prompt.ask("note", date(2026, 1, 2)), prompt.answer_schema()], sort_keys=True)
    assert (prompt.PROMPT_VERSION, hashlib.sha256(said.encode()).hexdigest()[:16]) == ("2026-03", "fafc30b5af2b6224")


def test_leaving_hard_notes_out_is_no_better_score(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    run("--store")
    fewer = command.read_labels(command.STORED)[:10]
    monkeypatch.setattr(command, "read_labels", lambda _path: fewer)
    code, worse = run()
    assert code == 1
    assert any(line.startswith("worse: notes were ") for line in worse)


def test_no_stored_score_is_no_pass(run: Run) -> None:
    assert run()[0] == 1
