"""Run by an interpreter that has Helm's engine and the schemas of Kubernetes (``make helm``): no import of ours.

Standard input: a JSON list of cases ``{"chart": path, "values": {...}, "kubernetes": [versions]}``. Standard output:
for each, ``{"findings": [sentence], "documents": [manifest]}``.
"""

import json
import sys
from typing import Any

import helm_python as helm
import kubernetes_validate
import yaml

INFO = 1


def judge(case: dict[str, Any]) -> dict[str, Any]:
    """Lint strictly, render as an install would, and check each manifest against its schema, unknown fields refused."""
    chart, values = case["chart"], case["values"]
    linted = helm.lint(chart, values, strict=True, namespace="clinic")
    findings = [f"lint: {one['path']}: {one['error']}" for one in linted["messages"] if one["severity"] > INFO]
    documents: list[dict[str, Any]] = []
    try:
        with helm.Chart.load(chart) as loaded:
            rendered = loaded.render(values, name="demo", namespace="clinic", is_install=True)
    except helm.HelmError as error:
        return {"findings": [*findings, f"render: {error}"], "documents": []}
    for path, text in sorted(rendered.items()):
        if path.endswith(".yaml"):
            try:
                documents += [one for one in yaml.safe_load_all(text) if one]
            except yaml.YAMLError as error:
                findings.append(f"YAML: {path}: {error}")
    for document in documents:
        for version in case.get("kubernetes", ["1.31"]):
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                findings.append(f"schema {version}: {document.get('kind')}: {error.message}")
            except kubernetes_validate.SchemaNotFoundError as error:
                findings.append(f"schema {version}: {document.get('kind')}: {error}")
    return {"findings": findings, "documents": documents}


if __name__ == "__main__":
    json.dump([judge(case) for case in json.load(sys.stdin)], sys.stdout)
