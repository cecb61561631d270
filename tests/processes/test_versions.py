"""Which version runs, and what it is made of: of a node, the command line, the image and its bill of materials."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from hospital_rt import version as versions
from tests.support.driver import Clinic
from tests.support.processes import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


async def test_only_an_operator_sees_the_version_of_a_node(clinic: Clinic) -> None:
    seen = (await clinic.anyone.get("/healthz")).body
    assert seen == {"status": "alive", "version": VERSION, "revision": "unknown"}
    through = await clinic.anyone.get("/healthz", headers={"X-Forwarded-For": "127.0.0.1"})
    assert through.body == {"status": "alive"}


def test_the_command_line_says_its_version_and_revision() -> None:
    ran = subprocess.run(
        [sys.executable, "main.py", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOSPITAL_RT_REVISION": "abc123"},
    )
    assert ran.stdout == f"hospital_rt {VERSION} (abc123)\n"


def test_the_version_stands_in_one_place() -> None:
    assert versions.version() == VERSION
    assert (
        json.loads(
            subprocess.run(
                [sys.executable, "main.py", "openapi"], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
        )["info"]["version"]
        == VERSION
    )
    written = subprocess.run(
        ["git", "grep", "-l", "-F", f'"{VERSION}"', "--", "*.py", "*.toml", "Dockerfile", "docker-compose*.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in written.stdout.splitlines() if line != "hospital_rt/web/asyncapi.py"] == ["pyproject.toml"]


def test_the_image_carries_labels_and_the_file_that_holds_the_version() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    last = dockerfile.split("\nFROM ")[-1]
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", last))
    assert labels >= {"title", "description", "licenses", "version", "revision", "source"}
    assert "COPY pyproject.toml" in last and "!pyproject.toml" in (ROOT / ".dockerignore").read_text()
    arguments = set(re.findall(r"^ARG (\w+)=", last, re.MULTILINE))
    given = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["web"]["build"]["args"]
    assert set(given) <= arguments and {"VERSION", "REVISION"} <= arguments


def test_the_bill_of_materials_names_licences_and_the_vendored_javascript(tmp_path: Path) -> None:
    """What make sbom adds to the generator's document; the generator itself is fetched by uv and not tried here."""
    locked = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps({"components": [{"name": name, "version": version} for name, version in locked]}))
    subprocess.run([sys.executable, str(ROOT / "deploy/sbom.py"), str(path)], check=True, capture_output=True)
    components = json.loads(path.read_text())["components"]
    assert {one["name"] for one in components} == {name for name, _ in locked} | {"preact", "htm"}
    without = {one["name"] for one in components if not one.get("licenses")}
    assert len(without) <= 6, f"of other platforms, or silent themselves: {without}"
    files = {one["bom-ref"] for one in components if "bom-ref" in one}
    assert files == {f"static/vendor/{path.name}" for path in (ROOT / "static/vendor").glob("*.js")}


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")
def test_images_are_pinned_by_the_digests_that_the_engine_tells(tmp_path: Path) -> None:
    """An engine that reaches a registry cannot be had here: a program of the same name answers what it would."""
    stand_in = tmp_path / "docker"
    stand_in.write_text(
        '#!/bin/sh\ncase "$*" in *bad:1*) exit 1 ;; esac\n'
        'for last in "$@"; do :; done\nprintf "sha256:%s\\n" "$(printf %s "$last" | sha256sum | cut -d" " -f1)"\n'
    )
    stand_in.chmod(0o755)
    given = {"PATH": f"{tmp_path}:/usr/bin:/bin", "OUT": str(tmp_path / "pinned.yml")}
    script = ["sh", str(ROOT / "deploy/pin-images.sh")]
    subprocess.run(script, env=given, check=True, capture_output=True)
    pinned = yaml.safe_load((tmp_path / "pinned.yml").read_text())["services"]
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    foreign = {name: one["image"] for name, one in composed.items() if "hospital_rt" not in one["image"]}
    assert set(pinned) == {*foreign, "web"}
    for name, image in foreign.items():
        assert re.fullmatch(re.escape(image) + r"@sha256:[0-9a-f]{64}", pinned[name]["image"])
    contexts = pinned["web"]["build"]["additional_contexts"]
    base = {line.split()[1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("FROM ")}
    assert set(contexts) == base and all("@sha256:" in one for one in contexts.values())
    (tmp_path / "compose.yml").write_text("services:\n  one:\n    image: bad:1\n")
    before = (tmp_path / "pinned.yml").read_text()
    failed = subprocess.run(
        script, env={**given, "COMPOSE": str(tmp_path / "compose.yml")}, check=False, capture_output=True, text=True
    )
    assert failed.returncode == 1 and "bad:1" in failed.stderr and (tmp_path / "pinned.yml").read_text() == before
