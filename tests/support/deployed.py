"""What is wrong with a file in deploy/, as sentences; nothing when all is well. The tests look at the real files, and
at the same with a mistake put in.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import promql_parser
import yaml

from hospital_rt.settings import PASSED_ON, Settings
from main import make_parser

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json")
ROLES = ("web", "worker", "scheduler")
DURATION = re.compile(r"\d+[smhd]\Z")
SECRET = re.compile(r"password|secret|key|token(?!_seconds)", re.IGNORECASE)
OWN_IMAGE = "${IMAGE:-hospital_rt:local}"


class ComposeLoader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    """YAML with the tags of compose files: ``!override`` and ``!reset`` stand before plain values."""


def _untagged(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


for _tag in ("!override", "!reset"):
    ComposeLoader.add_constructor(_tag, _untagged)


def read_compose(text: str) -> dict[str, Any]:
    """A compose file as a document."""
    found: dict[str, Any] = yaml.load(text, ComposeLoader)  # noqa: S506 - a SafeLoader
    return found


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def of_compose(text: str) -> list[str]:
    """Against the schema of compose files, and against our own rules."""
    document = read_compose(text)
    schema = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    found = [f"schema: {'/'.join(map(str, error.instance_path))}" for error in schema.iter_errors(document)]
    if found:
        return found
    scripts = "".join((ROOT / "deploy" / name).read_text() for name in ("make-env.sh", "add-secrets.sh"))
    made = set(re.findall(r"^put ([\w.]+) ", scripts, re.MULTILINE))
    for name, one in document.get("secrets", {}).items():
        if one["file"] != f"./secrets/{name}" or name not in made:
            found.append(f"secret {name}: make-env.sh does not make it")
    for name, service in document["services"].items():
        found += [f"{name}: {line}" for line in _of_service(service, document)]
    return found


def _of_service(service: dict[str, Any], document: dict[str, Any]) -> list[str]:
    found = []
    if not re.search(r":[\w.-]*\d", service["image"]) and service["image"] != OWN_IMAGE:
        found.append("its image has no version")
    for wanted, holds in (
        ("restarts by itself", "restart" in service),
        ("limits", service.get("deploy", {}).get("resources", {}).get("limits", {}).keys() >= {"cpus", "memory"}),
        ("no capabilities", service.get("cap_drop") == ["ALL"]),
        ("no new privileges", "no-new-privileges:true" in service.get("security_opt", [])),
        ("bounded logs", "max-size" in service.get("logging", {}).get("options", {})),
        ("networks of its own choice", service.get("networks")),
        ("a read-only root", service.get("read_only") or service["image"].startswith("grafana/")),
    ):
        if not holds:
            found.append(f"is without {wanted}")
    for secret in service.get("secrets", []):
        if secret not in document.get("secrets", {}):
            found.append(f"secret {secret} is not defined")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            if not (ROOT / source).exists() and source != "./secrets/tls":
                found.append(f"{source} is not there")
        elif source not in document.get("volumes", {}):
            found.append(f"volume {source} is not defined")
    for name, value in service.get("environment", {}).items():
        is_setting = name.removesuffix("_FILE").lower() in Settings.model_fields or name in PASSED_ON
        if service["image"] == OWN_IMAGE and not is_setting:
            found.append(f"{name} is no setting")
        elsewhere = f"${{{name}:+belongs"
        if (
            SECRET.search(name)
            and name != "PASSWORD_SIGN_IN"
            and not name.endswith("_FILE")
            and value
            and not value.startswith(elsewhere)
        ):
            found.append(f"{name} is a secret, and no file")
    return found


def of_dockerfile(text: str) -> list[str]:
    """By hadolint, and by what an image of ours must be."""
    ran = subprocess.run([tool("hadolint"), "--no-color", "-"], input=text, capture_output=True, text=True, check=False)
    found = ran.stdout.splitlines() + ran.stderr.splitlines()
    last = text.split("\nFROM ")[-1]
    users = re.findall(r"^USER (\S+)$", last, re.MULTILINE)
    if not users or users[-1] in {"0", "root"}:
        found.append("it runs as root")
    if "HEALTHCHECK" not in last:
        found.append("it has no health check")
    commands = re.findall(r"pip (?:install|wheel) [^&]*", text.replace("\\\n", " "))
    if not commands or not all("--require-hashes" in one for one in commands):
        found.append("what it installs is not checked by hashes")
    if "pip uninstall" not in last or re.search(r"apt-get install|apk add|gcc|make ", last):
        found.append("build tools stay in the image")
    if re.search(r"^COPY (?!--from)(?:\.|\./) ", text, re.MULTILINE):
        found.append("it copies whatever lies there")
    return found


def copied(dockerfile: str) -> list[str]:
    """What of this folder gets into the image."""
    return re.findall(r"^COPY (\w[\w.]*) ", dockerfile.split("\nFROM ")[-1], re.MULTILINE)


def of_script(path: Path) -> list[str]:
    """By the shell that runs it, and by shellcheck."""
    first = path.read_text().splitlines()[0]
    shell = "bash" if "bash" in first else "sh"
    said: list[str] = [] if first.startswith("#!") else ["it does not say which shell runs it"]
    for command in ([shell, "-n", str(path)], [tool("shellcheck"), "-s", shell, "-f", "gcc", str(path)]):
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        said += ran.stdout.splitlines() + ran.stderr.splitlines()
    return said


def of_alerts(text: str) -> list[str]:
    found = []
    names = set()
    for group in yaml.safe_load(text)["groups"]:
        for rule in group["rules"]:
            name = rule.get("alert", "?")
            found += [f"{name}: {line}" for line in of_expression(rule.get("expr", ""))]
            if name in names:
                found.append(f"{name}: twice")
            names.add(name)
            if not DURATION.match(rule.get("for", "")):
                found.append(f"{name}: for how long?")
            if rule.get("labels", {}).get("severity") not in {"critical", "warning"}:
                found.append(f"{name}: how bad is it?")
            if not rule.get("annotations", {}).keys() >= {"summary", "description"}:
                found.append(f"{name}: what is to be done?")
            if set(rule) - {"alert", "expr", "for", "labels", "annotations"}:
                found.append(f"{name}: unknown words")
    return found


def of_dashboard(text: str) -> list[str]:
    board = json.loads(text)
    found = [f"without {name}" for name in ("uid", "title", "schemaVersion", "panels") if name not in board]
    ids = [panel["id"] for panel in board["panels"]]
    if len(ids) != len(set(ids)):
        found.append("two panels have one id")
    for panel in board["panels"]:
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24 or panel["datasource"] != {"type": "prometheus", "uid": "prometheus"}:
            found.append(f"{panel['title']}: out of place, or of another source")
        for target in panel["targets"]:
            found += [f"{panel['title']}: {line}" for line in of_expression(target["expr"])]
    return found


def of_expression(expression: str) -> list[str]:
    try:
        promql_parser.parse(expression)
    except ValueError as error:
        return [str(error)]
    return []


VALUED = ("--entrypoint", "--signal", "--tail", "--format")
VERBS = {"up", "run", "logs", "ps", "restart", "stop", "down", "build", "exec", "kill", "pull", "rm", "version"}


def of_command(line: str) -> list[str]:
    """A command line for compose: its files, profiles, services, and what is said to ``main.py``."""
    lexer = shlex.shlex(line.partition(" #")[0], posix=True, punctuation_chars=";&<>|")
    lexer.whitespace_split = True
    words = list(itertools.takewhile(lambda word: word[0] not in ";&<>|", lexer))[2:]
    document = read_compose((ROOT / "docker-compose.yml").read_text())
    services = document["services"]
    profiles = {name for service in services.values() for name in service.get("profiles", [])} | {"*"}
    found = []
    while words and words[0].startswith("-"):
        option, value, *words = words
        if option == "-f" and not (ROOT / value).exists():
            found.append(f"{value} is not there")
        if option == "--profile" and value not in profiles:
            found.append(f"there is no profile {value}")
    verb, *words = words
    if verb not in VERBS:
        found.append(f"what is {verb}?")
    found += [f"there is no {one}" for one in re.findall(r"--scale (\w+)=", line) if one not in services]
    entry = "--entrypoint" in words
    for option in VALUED:
        if option in words:
            del words[words.index(option) : words.index(option) + 2]
    named = [word for word in words if not word.startswith(("-", "$", "<", ">")) and "=" not in word]
    named = [word for word in named if not word.isupper()]
    if named and named[0] not in services:
        found.append(f"there is no service {named[0]}")
    if verb == "run" and not entry and not found:
        said = words[words.index(named[0]) + 1 :]
        with contextlib.redirect_stderr(io.StringIO()):
            try:
                make_parser().parse_args(said)
            except SystemExit:
                found.append(f"main.py does not take {said}")
    return found


def expressions() -> dict[str, str]:
    """Every expression of the alerts and the dashboard, by where it stands."""
    alerts = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    found = {rule["alert"]: rule["expr"] for group in alerts["groups"] for rule in group["rules"]}
    board = json.loads((ROOT / "deploy/grafana/dashboards/hospital_rt.json").read_text())
    for panel in board["panels"]:
        found |= {f"{panel['title']} {target['refId']}": target["expr"] for target in panel["targets"]}
    return found


def selected(expression: str) -> list[tuple[str, dict[str, str]]]:
    """The metrics that an expression asks for, with the labels that it names and their values."""
    text = promql_parser.parse(expression).prettify()
    found = []
    for name, labels in re.findall(r"\b((?:hospital_rt|process)_\w+|up)\b(?:\{([^}]*)\})?", text):
        found.append((name, dict(re.findall(r'(\w+)(?:=|!=|=~|!~)"([^"]*)"', labels))))
    return found
