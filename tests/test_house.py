"""The house is as its picture says: five floors, imports go down only, small rooms, nothing clinical in a ``repr``."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path

import pytest

from handlers import account_shapes, routes, shapes
from hospital_rt.settings import Settings

HERE = Path(__file__).resolve().parent.parent
# From the ground up. A module may import from its own floor and those below.
FLOORS = {"hospital_rt": 1, "models": 2, "tasks": 3, "handlers": 4, "main": 5}
# Inside a floor features do not know each other. What several of them need, by floor:
SHARED = {
    "handlers": {"account_base", "account_shapes", "base", "door", "fhir_base", "fhir_shapes", "once", "operation",
                 "paging", "shapes", "views"},
    "tasks": {"admin", "broker", "context"},
    "models": {"course_rows"},
}
# ... and who gathers them. An act changes several collections at once, so it knows them, and acts build on each other.
GATHERERS = {"models.store", "models.reading", "models.house", "tasks.registry", "tasks.roles", "tasks.errands",
             "tasks.admin_run", "handlers.routes", "handlers.web"}  # fmt: skip
LARGEST = 350
# Imports inside a function, each with its reason.
LATE_IMPORTS = {
    "main.py": "a command loads only what it needs, and wrong settings are told before anything is loaded",
    "hospital_rt/processes.py": "uvloop is optional",
}


def modules() -> dict[str, Path]:
    """Every module of the service by its dotted name."""
    found = {"main": HERE / "main.py"}
    for floor in FLOORS:
        for path in sorted((HERE / floor).rglob("*.py")):
            found[".".join(path.relative_to(HERE).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the service that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{path}: say from where, not relative to here")
    return {name for name in found if name in known}


MODULES = modules()
GRAPH = {name: imports(path, MODULES) for name, path in MODULES.items()}


def floor_of(name: str) -> int:
    return FLOORS[name.split(".")[0]]


def test_imports_go_down_only() -> None:
    upward = [(name, other) for name, others in GRAPH.items() for other in others if floor_of(other) > floor_of(name)]
    assert upward == []


def test_there_is_no_circle() -> None:
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name in done:
            return
        for other in GRAPH[name] - {name}:
            if not other.endswith("__init__") and MODULES[other].name != "__init__.py":
                walk(other, (*path, name))
        done.add(name)

    for name in GRAPH:
        walk(name, ())


def test_features_of_one_floor_do_not_know_each_other() -> None:
    met = []
    for name, others in GRAPH.items():
        floor, _, feature = name.partition(".")
        if floor not in SHARED or name in GATHERERS or feature.startswith("acts."):
            continue
        for other in others - {name}:
            if other.startswith(f"{floor}.") and other.partition(".")[2] not in SHARED[floor]:
                met.append((name, other))
    assert met == []
    assert all(f"{floor}.{name}" in MODULES for floor, names in SHARED.items() for name in names)
    assert set(MODULES) >= GATHERERS


def test_what_features_share_knows_no_feature() -> None:
    for floor, names in SHARED.items():
        for name in names:
            near = {other for other in GRAPH[f"{floor}.{name}"] if other.startswith(f"{floor}.")}
            assert near <= {f"{floor}.{shared}" for shared in names}, name


def test_acts_go_by_the_store_and_not_by_the_house() -> None:
    for name, others in GRAPH.items():
        if name.startswith("models.acts."):
            assert not others & {"models.house", "models.reading"}, name


def test_nothing_is_imported_inside_a_function_without_its_reason() -> None:
    late, used = [], set()
    for path in MODULES.values():
        name = str(path.relative_to(HERE))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            inside = [inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
            used |= {name for _ in inside}
            late += [f"{name}:{inner.lineno}" for inner in inside if name not in LATE_IMPORTS]
    assert late == []
    assert used == set(LATE_IMPORTS), "a reason that nobody needs any more"


def test_no_room_is_too_large() -> None:
    large = {name: lines for name, path in MODULES.items() if (lines := path.read_text().count("\n")) > LARGEST}
    assert large == {}


def test_each_module_says_what_lives_there() -> None:
    silent = [
        name for name, path in MODULES.items()
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]  # fmt: skip
    assert silent == []


def test_each_setting_stands_in_the_readme() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    missing = [name.upper() for name in Settings.model_fields if f"`{name.upper()}`" not in readme]
    assert missing == []


def test_each_dependency_has_its_reason_in_the_readme() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8").lower()
    names = re.findall(r"^([A-Za-z0-9-]+)==", (HERE / "requirements.txt").read_text(), re.MULTILINE)
    names += re.findall(r"^([A-Za-z0-9-]+)==", (HERE / "requirements-embedded.txt").read_text(), re.MULTILINE)
    assert len(names) > 20
    assert [name for name in names if name.lower() not in readme] == []


@pytest.mark.parametrize("module", [shapes, account_shapes], ids=lambda module: module.__name__)
def test_a_body_is_never_shown(module: object) -> None:
    canary = "canary-word"
    bodies = [
        shape for _, shape in inspect.getmembers(module, inspect.isclass)
        if issubclass(shape, shapes.Body) and shape is not shapes.Body
    ]  # fmt: skip
    assert bodies
    for shape in bodies:
        shown = repr(shape.model_construct(**dict.fromkeys(shape.model_fields, canary)))
        assert canary not in shown, shape


CLINICAL = {"title", "detail", "quote", "text", "name", "email", "words", "data", "body", "item", "password_hash", "to",
            "nonce", "lease", "sealed", "sealed_text", "sealed_review", "sealed_reason", "sealed_device"}  # fmt: skip
HOLDS_WORDS = re.compile(r"\b(str|Document|dict|Any|Item|Words)\b")
# The name of a role, of a limit, of a setting, the sentence of a problem: nobody's own.
NOBODYS = {"hospital_rt.supervisor", "hospital_rt.limits", "hospital_rt.problems", "hospital_rt.settings"}


def records() -> list[type]:
    """Every dataclass of the service."""
    found = []
    for name in MODULES:
        if name == "main":
            continue
        module = importlib.import_module(name)
        found += [
            one for _, one in inspect.getmembers(module, dataclasses.is_dataclass)
            if isinstance(one, type) and one.__module__ == name and name not in NOBODYS
        ]  # fmt: skip
    return found


def test_no_record_shows_what_it_holds_of_a_person() -> None:
    shown = [
        f"{record.__module__}.{record.__qualname__}.{field.name}" for record in records()
        for field in dataclasses.fields(record)
        if field.name in CLINICAL and field.repr and HOLDS_WORDS.search(str(field.type))
    ]  # fmt: skip
    assert shown == []


def test_secrets_do_not_show_in_the_settings() -> None:
    canary = "canary-secret-of-thirty-two-bytes-and-more"
    settings = Settings(
        secret_key=canary, mongo_url=f"mongodb://u:{canary}@h/d", redis_url=f"redis://:{canary}@h",
        openai_api_key=canary, openai_model="m", smtp_url=f"smtp://u:{canary}@h",
    )  # fmt: skip
    assert canary not in repr(settings) and canary not in str(settings)


def test_every_operation_is_described() -> None:
    for described in routes.describe_routes():
        assert described.doc.strip(), (described.method, described.path)
        assert described.answers, (described.method, described.path)
