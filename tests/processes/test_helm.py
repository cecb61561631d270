"""The Helm chart: rendered by Helm's own engine, judged by the schemas of Kubernetes, and the judge tried on mistakes.

The engine is a library from PyPI in an environment of its own, made by ``make helm``; where it is not, the tests that
need it are skipped.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hospital_rt.ops.metrics import Metrics
from hospital_rt.settings import Settings, load_settings, read_environment
from main import make_parser
from tests.support import helm_values
from tests.support.helm_values import CHART
from tests.support.processes import ROOT

JUDGE = ROOT / ".venv-helm" / "bin" / "python"
KUBERNETES = ["1.27", "1.31", "1.34"]
LEAST = {"publicUrl": "https://clinic.example"}
WHOLE = {
    **LEAST,
    "image": {"repository": "registry.hospital.example/hospital_rt", "digest": "sha256:" + "a" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {
        "STEP_REVIEW": "required",
        "DAY_SECONDS": 60,
        "REFRESH_TOKEN_SECONDS": 31_536_000,
        "OPENAI_TIMEOUT_SECONDS": 2.5,
        "RATE_LIMITS": "off",
        "OPS_ALLOW": "127.0.0.0/8,10.2.0.0/16",
    },
    "secrets": {"name": "clinic", "settings": {"SMTP_URL": "smtp_url"}},
    "proxy": {"https": "http://proxy.example:3128", "except": "models.clinic.example"},
    "caBundle": {"configMap": "hospital-ca"},
    "dataCa": {"configMap": "data-ca"},
    "web": {"autoscaling": {"enabled": True}},
    "worker": {"autoscaling": {"enabled": True}},
    "ingress": {"enabled": True, "tlsSecret": "clinic-tls"},
    "backup": {
        "enabled": True,
        "records": {"persistentVolumeClaim": {"claimName": "records"}},
        "keys": {"nfs": {"server": "vault.example", "path": "/keys"}},
    },
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "clinic", "operator": "Exists"}],
    "priorityClassName": "clinical",
    "podLabels": {"team": "clinic"},
    "podAnnotations": {"prometheus.io/scrape": "true"},
}


def judged(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    ran = subprocess.run(
        [str(JUDGE), str(ROOT / "tests" / "support" / "helm_judge.py")],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


@cache
def rendered() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The manifests with the fewest values, and with all of them."""
    least, whole = judged(
        {"chart": str(CHART), "values": LEAST, "kubernetes": KUBERNETES},
        {"chart": str(CHART), "values": WHOLE, "kubernetes": KUBERNETES},
    )
    assert least["findings"] == [] and whole["findings"] == []
    return least["documents"], whole["documents"]


def of_kind(documents: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    return {
        one["metadata"]["name"].removeprefix("demo-hospital-rt").lstrip("-"): one
        for one in documents
        if one["kind"] == kind
    }


def pods(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pod of each role and job."""
    roles = [one["spec"]["template"]["spec"] for one in of_kind(documents, "Deployment").values()]
    jobs = [one["spec"]["jobTemplate"]["spec"]["template"]["spec"] for one in of_kind(documents, "CronJob").values()]
    return [*roles, *jobs]


class TestValues:
    """What needs no Helm."""

    def test_every_setting_can_be_set_by_the_chart_and_a_secret_only_by_reference(self) -> None:
        assert helm_values.SCHEMA.read_text(encoding="utf-8") == helm_values.text(), (
            "run python -m tests.support.helm_values"
        )
        document = helm_values.schema()["properties"]
        secret = document["secrets"]["properties"]["settings"]["properties"]
        taken = set(document["settings"]["properties"]) | set(secret)
        fields = {name.upper() for name in Settings.model_fields}
        assert taken | {name.upper() for name in helm_values.OF_THE_CHART} == fields
        assert "SECRET_KEY" not in document["settings"]["properties"]

    def test_the_chart_has_the_version_of_the_project(self) -> None:
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert chart["appVersion"] == project["version"]

    def test_what_autoscaling_asks_for_is_in_the_metrics(self) -> None:
        exported = {family.name for family in Metrics().registry.collect()}
        asked = re.findall(r"name: (hospital_rt_\w+)", (CHART / "templates/autoscaling.yaml").read_text())
        assert len(asked) == 3 and set(asked) <= exported
        adapter = yaml.safe_load((CHART.parent / "prometheus-adapter.yaml").read_text())["rules"]
        assert {rule["name"]["as"] for rule in [*adapter["custom"], *adapter["external"]]} == set(asked)


@pytest.mark.helm
@pytest.mark.skipif(not JUDGE.exists(), reason="Helm's engine is not installed: make helm")
class TestChart:
    def test_the_chart_is_sound_with_few_values_and_with_all(self) -> None:
        least, whole = rendered()
        assert set(of_kind(least, "Deployment")) == {"web", "worker", "scheduler"} == set(of_kind(whole, "Deployment"))
        assert (
            set(of_kind(least, "PodDisruptionBudget"))
            == set(of_kind(least, "NetworkPolicy"))
            == {"web", "worker", "scheduler"}
        )
        assert not of_kind(least, "HorizontalPodAutoscaler") and not of_kind(least, "CronJob")
        assert set(of_kind(whole, "HorizontalPodAutoscaler")) == {"web", "worker"}
        assert set(of_kind(whole, "CronJob")) == {"backup", "drill"}

    def test_every_pod_runs_as_the_containers_of_compose_do(self) -> None:
        for pod in pods(rendered()[1]):
            [container] = pod["containers"]
            assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (10001, True)
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "privileged": False,
                "capabilities": {"drop": ["ALL"]},
            }
            assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
            assert container["volumeMounts"][0] == {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - of a pod
            assert container["image"] == f"registry.hospital.example/hospital_rt@sha256:{'a' * 64}"
            assert container["resources"].keys() == {"requests", "limits"}
            make_parser().parse_args(container["args"])

    def test_a_role_is_given_until_its_schema_is_up_and_is_then_watched(self) -> None:
        for name, one in of_kind(rendered()[0], "Deployment").items():
            [container] = one["spec"]["template"]["spec"]["containers"]
            probes = {kind: container[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")}
            assert [probe["httpGet"]["path"] for probe in probes.values()] == ["/healthz", "/healthz", "/readyz"], name
            assert probes["startup"]["periodSeconds"] * probes["startup"]["failureThreshold"] >= 600
            assert one["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}

    def test_the_environment_of_a_pod_is_one_that_a_role_starts_with(self, tmp_path: Path) -> None:
        for documents, expected in zip(rendered(), ("required", "required"), strict=True):
            [config] = of_kind(documents, "ConfigMap").values()
            secrets = {
                "MONGO_URL": "mongodb://a/b?tls=true",
                "REDIS_URL": "rediss://a",
                "SECRET_KEY": "s" * 32,
                "ENCRYPTION_KEYS": "A" * 43 + "=",
                "SMTP_URL": "smtp://mail",
            }
            for name, value in secrets.items():
                (tmp_path / name).write_text(value)
            (tmp_path / "ca.pem").write_text("a certificate")
            values = {
                name: re.sub(r"^(/run/secrets|/etc)/hospital_rt(/data-ca|/ca)?", str(tmp_path), value)
                for name, value in config["data"].items()
            }
            settings = load_settings("web", read_environment(values))
            assert settings.public_url == "https://clinic.example" and settings.step_review == expected
            assert (settings.port, settings.ops_port, settings.host) == (8000, 8000, "0.0.0.0")  # noqa: S104
            text = json.dumps(documents)
            assert not any(value in text for value in secrets.values() if len(value) > 20)
        assert settings.refresh_token_seconds == 31_536_000 and settings.openai_timeout_seconds == 2.5
        assert config["data"]["HTTPS_PROXY"] == "http://proxy.example:3128"

    def test_the_scheduler_and_backups_do_not_reach_the_outside(self) -> None:
        policies = of_kind(rendered()[1], "NetworkPolicy")
        ports = {
            name: {port["port"] for rule in one["spec"]["egress"] for port in rule["ports"]}
            for name, one in policies.items()
        }
        assert ports["web"] == ports["worker"] == {53, 27017, 6379, 443, 465, 587}
        assert ports["scheduler"] == ports["backup"] == {53, 27017, 6379}
        assert policies["backup"]["spec"]["ingress"] == []
        assert all(set(one["spec"]["policyTypes"]) == {"Ingress", "Egress"} for one in policies.values())

    def test_records_and_keys_of_a_backup_go_to_two_places(self) -> None:
        job = of_kind(rendered()[1], "CronJob")["backup"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        volumes = {one["name"]: one for one in job["volumes"]}
        assert volumes["records"]["persistentVolumeClaim"] == {"claimName": "records"}
        assert volumes["keys"]["nfs"]["server"] == "vault.example"
        same = {"persistentVolumeClaim": {"claimName": "one"}}
        one_place, none = judged(
            {"chart": str(CHART), "values": {**LEAST, "backup": {"enabled": True, "records": same, "keys": same}}},
            {"chart": str(CHART), "values": {**LEAST, "backup": {"enabled": True}}},
        )
        assert any("one volume" in line for line in one_place["findings"])
        assert any("volume source" in line for line in none["findings"])

    def test_a_wrong_value_is_refused_by_its_name(self) -> None:
        wrong: list[tuple[dict[str, Any], str]] = [
            ({}, "publicUrl"),
            ({"publicUrl": "clinic.example"}, "publicUrl"),
            ({**LEAST, "settings": {"STEP_REVEIW": "auto"}}, "STEP_REVEIW"),
            ({**LEAST, "settings": {"RATE_LIMITS": True}}, "RATE_LIMITS"),
            ({**LEAST, "settings": {"SECRET_KEY": "s" * 40}}, "SECRET_KEY"),
            ({**LEAST, "web": {"replica": 3}}, "replica"),
            ({**LEAST, "image": {"digest": "latest"}}, "digest"),
            ({**LEAST, "backup": {"schedule": "daily"}}, "schedule"),
        ]
        found = judged(*({"chart": str(CHART), "values": values} for values, _ in wrong))
        for (values, name), one in zip(wrong, found, strict=True):
            assert any(name in line for line in one["findings"]), values
            assert one["documents"] == [], values

    def test_a_mistake_in_the_chart_is_found(self, tmp_path: Path) -> None:
        mistakes = [
            ("templates/roles.yaml", "readinessProbe:", "readynessProbe:"),
            ("templates/roles.yaml", "maxUnavailable: 0", "maxUnavailable: []"),
            ("templates/roles.yaml", "apiVersion: policy/v1\n", "apiVersion: policy/v1beta1\n"),
            ("templates/roles.yaml", "{{- end }}\n{{- end }}", "{{- end }}"),
            ("templates/_helpers.tpl", "runAsUser: 10001", "runAsUser: hospital"),
            ("templates/_helpers.tpl", "readOnlyRootFilesystem: true", "readOnlyRootFilesystm: true"),
            ("templates/_helpers.tpl", "secretName:", "secretname:"),
            ("templates/networkpolicy.yaml", "policyTypes: [Ingress, Egress]", "policyTypes: Ingress"),
            ("templates/autoscaling.yaml", "type: Pods\n      pods:", "type: Pods\n      pod:"),
            ("templates/backup.yaml", "restartPolicy: Never", "restartPolicy: Never\n          restart: no"),
            ("values.yaml", 'publicUrl: ""', 'publicUrl: ""\npublicUrls: []'),
            ("Chart.yaml", "version: 0.1.0\n#", "version: one\n#"),
        ]
        cases = []
        for number, (path, right, wrong) in enumerate(mistakes):
            chart = tmp_path / str(number) / "hospital-rt"
            shutil.copytree(CHART, chart)
            text = (chart / path).read_text()
            assert right in text, right
            (chart / path).write_text(text.replace(right, wrong))
            cases.append({"chart": str(chart), "values": WHOLE})
        for mistake, one in zip(mistakes, judged(*cases), strict=True):
            assert one["findings"], mistake
