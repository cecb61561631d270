"""Adds to a CycloneDX document what its generator cannot see: licences of installed packages, and vendored JavaScript.

Usage, within the developers' environment: ``python deploy/sbom.py FILE``. Run by ``make sbom``.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"


def main(path: Path) -> int:
    document = json.loads(path.read_text(encoding="utf-8"))
    for component in document["components"]:
        if licence := licence_of(component["name"], component["version"]):
            component["licenses"] = [licence]
    document["components"] += vendored()
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    without = [one["name"] for one in document["components"] if not one.get("licenses")]
    # A script's only words.
    print(
        f"{path}: {len(document['components'])} components, {len(without)} without a licence "
        f"{'(' + ', '.join(without) + ')' if without else ''}"
    )
    return 0


def licence_of(name: str, version: str) -> dict[str, Any] | None:
    """As the installed package says: an SPDX expression, else its words. None when another version is installed."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return None
    if found["Version"] != version:
        return None
    if expression := found.get("License-Expression"):
        return {"expression": expression}
    classified = [line.rpartition(":: ")[2] for line in found.get_all("Classifier") or [] if line.startswith("License")]
    said = (found.get("License") or "").strip().splitlines()
    name_of = " and ".join(classified) or (said[0][:80] if said else "")
    return {"license": {"name": name_of}} if name_of else None


def vendored() -> list[dict[str, Any]]:
    """The files of static/vendor, with the versions that its README tells."""
    row = re.compile(r"^\| `(\S+\.js)` \| (\w+), \S+ \| (\S+) \| ([\w.-]+), ", re.MULTILINE)
    found: list[dict[str, Any]] = []
    for file, package, version, licence in row.findall((VENDOR / "README.md").read_text(encoding="utf-8")):
        found.append(
            {
                "type": "library",
                "name": package,
                "version": version,
                "bom-ref": f"static/vendor/{file}",
                "purl": f"pkg:npm/{package}@{version}#{file}",
                "licenses": [{"license": {"id": licence}}],
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256((VENDOR / file).read_bytes()).hexdigest()}],
            }
        )
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
