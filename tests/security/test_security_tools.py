"""The tools that guard the code find nothing in it, and find what is planted for them."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

from tests.support.documentation import documentation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the tool reads patterns through a module that Python renamed
    from regexploit.ast.sre import SreOpParser
    from regexploit.redos import find

pytestmark = pytest.mark.long
HERE = Path(__file__).resolve().parents[2]
CODE = ("main.py", "hospital_rt", "models", "tasks", "handlers")
# Beyond this, matching a line of n characters takes more than about n squared steps.
WORST_POWER = 2
# Words such as "password" beside a string are texts for people there, or a test's own made-up secrets.
NO_KEYWORDS = re.compile(r"^(static/texts/|tests/|bench/|evaluation/)")
MADE_UP = {"Secret Keyword", "Base64 High Entropy String", "Hex High Entropy String", "JSON Web Token"}
# An address with "user:pass" that stands for what a reader puts there, or is made of variables.
SHOWN = re.compile(
    r"smtp://user:pass@(?:\(\?:|host|mail\.example)|hospital:(?:%s|PASSWORD)@mongo|user:pw@push\.example"
    r"|SECRET_KEY: secret_key|password_sign_in == \"on\"|^_ALPHABET = "
    r"|hospital:not-yet@127|put\(\) \{|in the Secret `old,new`|POST `/api/token/` \|"
)


def bandit(*paths: Path | str) -> list[str]:
    """What bandit finds at medium severity and above, by its number."""
    ran = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-ll", "-r", "-f", "json", *map(str, paths)],
        capture_output=True,
        text=True,
        cwd=HERE,
        check=False,
    )
    report = json.loads(ran.stdout[ran.stdout.index("{") :])
    assert not report["errors"] and report["metrics"]["_totals"]["loc"] > 0, "bandit read nothing"
    return [
        f"{one['test_id']} {one['filename']}:{one['line_number']}"
        for one in report["results"]
        if "noqa: S" not in one["code"]
    ]


def test_bandit_finds_nothing_and_finds_what_is_planted(tmp_path: Path) -> None:
    assert bandit(*CODE) == []
    planted = tmp_path / "planted.py"
    planted.write_text("import pickle\n\n\ndef load(data: bytes) -> object:\n    return pickle.loads(data)\n")
    assert [found.split()[0] for found in bandit(planted)] == ["B301"]


def secrets_in(*paths: Path | str) -> list[str]:
    """What detect-secrets finds, by kind and place."""
    collection = SecretsCollection()
    with default_settings():
        for path in paths:
            collection.scan_file(str(HERE / path))
    found = []
    for full, hit in collection:
        name = str(Path(full).relative_to(HERE)) if Path(full).is_relative_to(HERE) else full
        line = Path(full).read_text(encoding="utf-8", errors="replace").splitlines()[hit.line_number - 1]
        expected = hit.type in MADE_UP and NO_KEYWORDS.match(name)
        if not expected and not SHOWN.search(line) and "${" not in line:
            found.append(f"{hit.type} {name}:{hit.line_number}")
    return found


def test_no_secret_lies_in_the_repository_and_a_planted_one_is_found(tmp_path: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=HERE, check=True)
    kept = [
        name
        for name in tracked.stdout.split()
        if not name.endswith((".lock", ".png", ".gz", ".jsonl")) and "/vendor/" not in name and (HERE / name).is_file()
    ]
    assert len(kept) > 50
    assert secrets_in(*kept) == []
    planted = tmp_path / "planted.py"
    planted.write_text('AWS = "AKIA' + "IOSFODNN7EXAMPLF" + '"\n')
    assert any("AWS" in found for found in secrets_in(planted))


def test_the_documentation_counts_abuse_cases_right() -> None:
    said = re.search(r"\*\*Abuse\*\*: more than (\d+) cases", documentation())
    assert said is not None
    marked = [str(path) for path in (HERE / "tests").rglob("test_*.py") if "pytest.mark.abuse" in path.read_text()]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "abuse", *marked],
        capture_output=True,
        text=True,
        cwd=HERE,
        check=True,
    )
    cases = sum(int(line.rpartition(": ")[2]) for line in ran.stdout.splitlines() if line.startswith("tests/"))
    assert int(said.group(1)) < cases < int(said.group(1)) + 100


def patterns(value: Any, depth: int = 0) -> Iterator[re.Pattern[str]]:
    """The compiled patterns in a value."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from patterns(inner, depth + 1)
    elif depth < 4 and isinstance(value, dict):
        yield from patterns([*value, *value.values()], depth + 1)


def slow(pattern: re.Pattern[str]) -> bool:
    """Whether some text makes this pattern go back and forth for ever."""
    parsed = SreOpParser().parse_sre(pattern.pattern, pattern.flags & ~re.UNICODE)
    return any(found.starriness > WORST_POWER for found in find(parsed))


def test_no_regular_expression_can_be_made_to_run_for_ever() -> None:
    seen: dict[tuple[str, int], str] = {}
    for top in CODE[1:]:
        package = importlib.import_module(top)
        for module in pkgutil.walk_packages(package.__path__, f"{top}."):
            if module.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                for pattern in patterns(value):
                    seen.setdefault((pattern.pattern, pattern.flags), f"{module.name}.{name}")
    assert len(seen) > 100
    assert [where for (text, flags), where in seen.items() if slow(re.compile(text, flags))] == []
    assert slow(re.compile(r"(a+)+$")), "the check finds the textbook case"
