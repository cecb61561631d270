"""The architecture: imports go down only, no cycle, folders of one role, nothing clinical in a ``repr``."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from docs.generate import PAGES, REFERENCE
from handlers import routes
from handlers.api import account_schemas, schemas
from hospital_rt.settings import Settings

HERE = Path(__file__).resolve().parents[2]
# Layers from the ground up. A module may import from its own layer and those below.
LAYERS = {"hospital_rt": 1, "models": 2, "tasks": 3, "handlers": 4, "cli": 5, "main": 5}
MAX_MODULES = 20
# Within a layer features do not import each other. What several of them need, by layer:
SHARED = {
    "handlers": {
        "api.account_handler",
        "api.account_schemas",
        "api.schemas",
        "api.session_handler",
        "base",
        "fhir.handler",
        "fhir.mapping",
        "fhir.search_dates",
    },
    "tasks": {"broker", "dependencies"},
    "models": {"course_codec", "schema_versions"},
}
# ... and what puts them together. A service changes several collections at once, so it imports them.
COMPOSERS = {
    "models.store",
    "models.feed_reader",
    "models.app_context",
    "models.visibility",
    "tasks.registry",
    "tasks.worker",
    "tasks.dispatcher",
    "handlers.routes",
    "handlers.server",
}
# Imports inside a function, each with its reason.
LATE_IMPORTS = {
    "main.py": "a command loads only what it needs, and wrong settings are told before anything is loaded",
    "hospital_rt/runtime/role_process.py": "uvloop is optional",
    "cli/backup_arguments.py": "help comes at once, and one command loads only what it needs",
}
# Modules that share a name, each with its reason. A feature has one name on every layer.
FEATURES = {
    "accounts",
    "administration",
    "assignments",
    "audit",
    "carer_alerts",
    "carers",
    "covers",
    "events",
    "mail",
    "mail_reminders",
    "notes",
    "push",
    "reminders",
    "second_factors",
    "steps",
}
SAME_NAME = {
    "health": "the probes, and the endpoints that answer them",
    "schemas": "the bodies of REST, and the messages of the live channel",
    "handler": "what is common to FHIR handlers, and the handler of the live channel",
}


def modules() -> dict[str, Path]:
    """Every module of the service by its dotted name."""
    found = {"main": HERE / "main.py"}
    for layer in LAYERS:
        for path in sorted((HERE / layer).rglob("*.py")):
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
            raise AssertionError(f"{path}: an import is absolute here, never relative")
    return {name for name in found if name in known}


MODULES = modules()
GRAPH = {name: imports(path, MODULES) for name, path in MODULES.items()}


def layer_of(name: str) -> int:
    return LAYERS[name.split(".")[0]]


def package_of(name: str) -> str:
    """The folder of a layer in which a module lies, or the module itself where it lies on the layer."""
    return ".".join(name.split(".")[:2])


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """The first cycle of a graph, as a path; empty when there is none."""
    done: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph.get(name, ())):
            if found := walk(other, (*path, name)):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, ()))), [])


def test_imports_go_down_only() -> None:
    upward = [(name, other) for name, others in GRAPH.items() for other in others if layer_of(other) > layer_of(name)]
    assert upward == []


def test_there_is_no_cycle_between_modules() -> None:
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert cycle_in({name: others - packages - {name} for name, others in GRAPH.items()}) == []


def test_there_is_no_cycle_between_packages() -> None:
    imports: dict[str, set[str]] = {}
    for name, others in GRAPH.items():
        imports.setdefault(package_of(name), set()).update(package_of(other) for other in others)
    assert cycle_in({package: others - {package} for package, others in imports.items()}) == []


def test_the_domain_imports_nothing_but_itself() -> None:
    beyond = {
        (name, other)
        for name, others in GRAPH.items()
        if name.startswith("hospital_rt.domain")
        for other in others
        if not other.startswith("hospital_rt.domain")
    }
    assert beyond == set()


def test_no_folder_has_more_than_twenty_modules() -> None:
    sizes: dict[str, int] = {}
    for path in MODULES.values():
        if path.name != "__init__.py":
            sizes[str(path.parent.relative_to(HERE))] = sizes.get(str(path.parent.relative_to(HERE)), 0) + 1
    assert {folder: size for folder, size in sizes.items() if size > MAX_MODULES} == {}


def test_modules_have_names_of_their_own() -> None:
    places: dict[str, list[str]] = {}
    for path in MODULES.values():
        if path.name != "__init__.py" and "extraction" not in path.parts:
            places.setdefault(path.stem, []).append(str(path.relative_to(HERE)))
    shared = {name for name, where in places.items() if len(where) > 1}
    assert shared - FEATURES == set(SAME_NAME)


def test_public_classes_have_names_of_their_own() -> None:
    places: dict[str, list[str]] = {}
    for path in MODULES.values():
        if "extraction" in path.parts:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(HERE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_features_of_one_layer_do_not_import_each_other() -> None:
    met = []
    for name, others in GRAPH.items():
        layer, _, feature = name.partition(".")
        if layer not in SHARED or name in COMPOSERS or feature.startswith("services.") or not feature:
            continue
        for other in others - {name}:
            if other.startswith(f"{layer}.") and not _is_shared(other):
                met.append((name, other))
    assert met == []
    assert set(MODULES) >= COMPOSERS


def _is_shared(name: str) -> bool:
    layer, _, feature = name.partition(".")
    return any(feature == shared or feature.startswith(f"{shared}.") for shared in SHARED[layer])


def test_what_features_share_imports_no_feature() -> None:
    for name, others in GRAPH.items():
        layer = name.split(".")[0]
        if layer in SHARED and _is_shared(name):
            near = {other for other in others if other.startswith(f"{layer}.") and not _is_shared(other)}
            assert near == set(), name


def test_services_use_the_store_and_not_the_application() -> None:
    for name, others in GRAPH.items():
        if name.startswith("models.services."):
            assert not others & {"models.app_context", "models.feed_reader"}, name


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
    assert used == set(LATE_IMPORTS), "a reason that no longer applies"


def test_each_module_says_what_lives_there() -> None:
    silent = [
        name
        for name, path in MODULES.items()
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_each_setting_has_a_meaning() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_reference_pages_are_what_the_code_says() -> None:
    """Word by word: where argparse breaks a line differs between versions of Python."""
    pages = {name: (REFERENCE / name).read_text(encoding="utf-8") for name in PAGES}
    stale = [name for name, make in PAGES.items() if pages[name].split() != make().split()]
    assert stale == [], "run make docs"


def test_the_readme_is_short() -> None:
    assert (HERE / "README.md").read_text(encoding="utf-8").count("\n") <= 200


def test_each_dependency_has_its_reason_in_the_documentation() -> None:
    page = (HERE / "docs/reference/dependencies.md").read_text(encoding="utf-8").lower()
    names = re.findall(r"^([A-Za-z0-9-]+)==", (HERE / "requirements.txt").read_text(), re.MULTILINE)
    names += re.findall(r"^([A-Za-z0-9-]+)==", (HERE / "requirements-embedded.txt").read_text(), re.MULTILINE)
    assert len(names) > 20
    assert [name for name in names if name.lower() not in page] == []


@pytest.mark.parametrize("module", [schemas, account_schemas], ids=lambda module: module.__name__)
def test_a_body_is_never_shown(module: object) -> None:
    canary = "canary-word"
    bodies = [
        shape
        for _, shape in inspect.getmembers(module, inspect.isclass)
        if issubclass(shape, schemas.Body) and shape is not schemas.Body
    ]
    assert bodies
    for shape in bodies:
        given: dict[str, Any] = dict.fromkeys(shape.model_fields, canary)
        shown = repr(shape.model_construct(**given))
        assert canary not in shown, shape


CLINICAL = {
    "title",
    "detail",
    "quote",
    "text",
    "name",
    "email",
    "words",
    "data",
    "body",
    "item",
    "password_hash",
    "to",
    "nonce",
    "lease",
    "sealed",
    "sealed_text",
    "sealed_review",
    "sealed_reason",
    "sealed_device",
    "birth_date",
    "phone",
}
HOLDS_WORDS = re.compile(r"\b(str|Document|dict|Any|Item|Words)\b")
# Names of roles, limits and settings, and sentences of problems: about no person.
IMPERSONAL = {
    "hospital_rt.runtime.supervisor",
    "hospital_rt.web.rate_limits",
    "hospital_rt.web.problems",
    "hospital_rt.domain.errors",
    "hospital_rt.settings",
    "hospital_rt.extraction.sig.lexicon",
}


def records() -> list[type]:
    """Every dataclass of the service."""
    found = []
    for name in MODULES:
        if name == "main":
            continue
        module = importlib.import_module(name)
        found += [
            one
            for _, one in inspect.getmembers(module, dataclasses.is_dataclass)
            if isinstance(one, type) and one.__module__ == name and name not in IMPERSONAL
        ]
    return found


def test_no_record_shows_what_it_holds_of_a_person() -> None:
    shown = [
        f"{record.__module__}.{record.__qualname__}.{field.name}"
        for record in records()
        for field in dataclasses.fields(record)
        if field.name in CLINICAL and field.repr and HOLDS_WORDS.search(str(field.type))
    ]
    assert shown == []


def test_secrets_do_not_show_in_the_settings() -> None:
    canary = "canary-secret-of-thirty-two-bytes-and-more"
    settings = Settings(
        secret_key=canary,
        mongo_url=f"mongodb://u:{canary}@h/d",
        redis_url=f"redis://:{canary}@h",
        openai_api_key=canary,
        oidc_issuer="https://idp.example",
        oidc_client_id="aftercare",
        oidc_client_secret=canary,
        oidc_roles=("groups:clinicians=doctor",),
        openai_model="m",
        smtp_url=f"smtp://u:{canary}@h",
    )
    assert canary not in repr(settings) and canary not in str(settings)


def test_every_operation_is_described() -> None:
    for described in routes.describe_routes():
        assert described.doc.strip(), (described.method, described.path)
        assert described.operation.responses, (described.method, described.path)


def test_each_reference_to_the_contract_names_one_of_its_headings() -> None:
    headings = re.findall(r"^#+ (.+)$", (HERE / "docs/reference/contract.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = [
        (str(path.relative_to(HERE)), " ".join(heading.split()))
        for path in MODULES.values()
        for heading in re.findall(r'contract,\s+"([^"]+)"', path.read_text(encoding="utf-8"))
    ]
    assert len(named) > 10
    assert [(name, heading) for name, heading in named if heading not in headings] == []
