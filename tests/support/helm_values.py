"""The values of the Helm chart as a JSON Schema; its settings are those of ``Settings``.

``python -m tests.support.helm_values`` writes the chart's values.schema.json anew after a change of the settings.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args, get_origin

from hospital_rt.settings import Settings

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "hospital-rt"
SCHEMA = CHART / "values.schema.json"
OF_THE_CHART = {"public_url": "publicUrl", "port": "port", "ops_port": "port", "data_ca_path": "dataCa"}
"""Settings that have a value of their own in the chart."""

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 1}
BOOLEAN = {"type": "boolean"}
RESOURCES = {"type": "object", "required": ["requests", "limits"]}
MAP = {"type": "object"}


def secret_settings() -> set[str]:
    """Settings that are kept out of ``repr``: given by reference to a Secret and in no other way."""
    return {name for name, field in Settings.model_fields.items() if not field.repr}


def plain_settings() -> set[str]:
    """Settings that the chart takes under ``settings``."""
    return set(Settings.model_fields) - secret_settings() - OF_THE_CHART.keys()


def schema() -> dict[str, Any]:
    """The whole schema of values.yaml."""
    budget = closed(enabled=BOOLEAN, minAvailable={"type": ["integer", "string"]})
    scaling = {"enabled": BOOLEAN, "minReplicas": COUNT, "maxReplicas": COUNT}
    role = {"replicas": {"type": "integer", "minimum": 0}, "resources": RESOURCES, "podDisruptionBudget": budget}
    schedule = {"type": "string", "pattern": r"^\S+ \S+ \S+ \S+ \S+$"}
    peers = {"type": "array", "items": MAP}
    reach = closed(to=peers, ports={"type": "array", "items": {**COUNT, "maximum": 65535}, "minItems": 1})
    config_map = closed(configMap=TEXT, key=TEXT)
    properties = {
        "image": closed(
            repository=TEXT,
            tag=TEXT,
            digest={"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
            pullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
        ),
        "imagePullSecrets": {"type": "array", "items": MAP},
        "publicUrl": {"type": "string", "pattern": "^https?://[^/]+$"},
        "secrets": closed(
            name={"type": "string", "minLength": 1},
            settings={
                "type": "object",
                "additionalProperties": False,
                "required": ["MONGO_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS"],
                "properties": {name.upper(): {"type": "string", "minLength": 1} for name in sorted(secret_settings())},
            },
        ),
        "settings": {
            "type": "object",
            "additionalProperties": False,
            "properties": {name.upper(): of_setting(name) for name in sorted(plain_settings())},
        },
        "port": {**COUNT, "maximum": 65535},
        "proxy": closed(https=TEXT, http=TEXT, **{"except": TEXT}),
        "caBundle": config_map,
        "dataCa": config_map,
        "web": closed(**role, autoscaling=closed(**scaling, sockets=COUNT)),
        "worker": closed(**role, autoscaling=closed(**scaling, notesWaiting=COUNT, oldestDueSeconds=COUNT)),
        "scheduler": closed(**role),
        "startupSeconds": {"type": "integer", "minimum": 60},
        "terminationGracePeriodSeconds": {"type": "integer", "minimum": 20},
        "service": closed(type={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}, port=COUNT),
        "ingress": closed(enabled=BOOLEAN, className=TEXT, annotations=MAP, tlsSecret=TEXT),
        "networkPolicy": closed(enabled=BOOLEAN, ingressFrom=peers, metricsFrom=peers, data=reach, outside=reach),
        "backup": closed(
            enabled=BOOLEAN,
            schedule=schedule,
            keep=COUNT,
            records=MAP,
            keys=MAP,
            resources=RESOURCES,
            drill=closed(enabled=BOOLEAN, schedule=schedule, sample=COUNT),
        ),
        "serviceAccount": closed(create=BOOLEAN, name=TEXT, annotations=MAP),
        "podAnnotations": MAP,
        "podLabels": MAP,
        "nodeSelector": MAP,
        "priorityClassName": TEXT,
        "tolerations": {"type": "array", "items": MAP},
        "global": MAP,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the chart hospital-rt",
        "type": "object",
        "required": ["publicUrl"],
        "additionalProperties": False,
        "properties": properties,
    }


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def of_setting(name: str) -> dict[str, Any]:
    """What a setting may be in YAML: its choices as text, numbers as numbers or text, anything else as text."""
    kinds = get_args(Settings.model_fields[name].annotation)
    annotation = Settings.model_fields[name].annotation
    choices = [one for kind in (annotation, *kinds) for one in get_args(kind) if isinstance(one, str)]
    if choices and get_origin(annotation) is not tuple:
        return {"enum": choices}
    if {int, float} & {annotation, *kinds}:
        return {"type": ["integer", "number", "string"]}
    return {"type": "string"}


def text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
