"""What watches the service: rules, routes and exporters, by the tools that run them, and a page for each alert."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import yaml
from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest

from tests.cluster.composed import DEPLOY, ROOT, compose, make_secrets
from tests.support.driver import free_port
from tests.support.processes import Command, happens

RULES = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"][0]["rules"]
PAGE = (ROOT / "docs/operate/monitor.md").read_text(encoding="utf-8")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
PROMTOOL, AMTOOL = shutil.which("promtool"), shutil.which("amtool")


# The page


def without_a_section(rules: list[dict[str, Any]], page: str) -> list[str]:
    """The alerts whose runbook leads nowhere."""
    found = []
    for rule in rules:
        file, _, anchor = rule["annotations"].get("runbook", "").partition("#")
        sections = re.findall(r"^### (\w+)\n(\S.{40,})", page, re.MULTILINE)
        if file != "docs/operate/monitor.md" or anchor not in {name.lower() for name, _ in sections}:
            found.append(rule["alert"])
    return found


def test_each_alert_names_a_section_that_says_what_to_do() -> None:
    assert without_a_section(RULES, PAGE) == []
    sections = re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)
    assert sorted(sections) == sorted(rule["alert"] for rule in RULES), "no section of an alert that there is not"
    assert without_a_section(RULES, PAGE.replace("### MongoAway\n", "### MongoAwry\n")) == ["MongoAway"]
    assert len(without_a_section([{"alert": "New", "annotations": {}}], PAGE)) == 1


def test_each_exporter_is_scraped_and_its_figures_are_asked_for_by_a_rule() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    targets = [one["targets"] for job in jobs for one in job.get("static_configs", [])]
    scraped = {target.split(":")[0] for some in targets for target in some}
    services = compose()["services"]
    assert scraped == {name for name in services if name.endswith("-exporter")} | {"alertmanager"}
    asked = " ".join(rule["expr"] for rule in RULES)
    assert all(re.search(rf"\b{name}_up\b", asked) for name in ("mongodb", "redis", "nginx"))
    for name in (*scraped, "backup"):
        assert services[name]["profiles"] == (["backup"] if name == "backup" else ["watch"])
        if name != "backup":
            assert re.search(r":v?\d+\.\d+\.\d+$", services[name]["image"]), "pinned to a version"


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
def test_prometheus_itself_takes_the_configuration_and_finds_a_mistake_in_it(tmp_path: Path) -> None:
    def judge(name: str, right: str = "", wrong: str = "") -> int:
        folder = tmp_path / name
        shutil.copytree(DEPLOY / "prometheus", folder)
        for path in folder.iterdir():
            text = path.read_text().replace("/etc/prometheus/", f"{folder}/")
            path.write_text(text.replace(right, wrong) if right else text)
        checked = [str(PROMTOOL), "check", "config", str(folder / "prometheus.yml")]
        return subprocess.run(checked, capture_output=True, check=False).returncode

    assert judge("right") == 0
    assert judge("a", "alertmanagers:", "alertmanager:") != 0
    assert judge("b", "static_configs:", "static_config:") != 0
    assert judge("c", "min(mongodb_rs_members_health)", "min(mongodb_rs_members_health") != 0


# Alerts are delivered


class Receiver:
    """A webhook and a mail server that keep what they are sent."""

    def __init__(self) -> None:
        self.hooks: list[dict[str, Any]] = []
        self.letters: list[str] = []

    async def webhook(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length
        self.hooks.append(json.loads(await reader.readexactly(int(length[1]))))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go\r\n")
                letter = await reader.readuntil(b"\r\n.\r\n")
                self.letters.append(str(message_from_bytes(letter)["To"]))
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if verb == b"QUIT":
                break
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, int, int]]:
    """It, the port of its webhook and that of its mail server."""
    found = Receiver()
    async with (
        await asyncio.start_server(found.webhook, "127.0.0.1", 0) as hook,
        await asyncio.start_server(found.mail, "127.0.0.1", 0) as mail,
    ):
        yield found, hook.sockets[0].getsockname()[1], mail.sockets[0].getsockname()[1]


def judged(conf: Path) -> bool:
    """What amtool says of a configuration."""
    ran = subprocess.run([str(AMTOOL), "check-config", str(conf)], capture_output=True, check=False)
    return ran.returncode == 0


@pytest.mark.skipif(
    ALERTMANAGER is None or AMTOOL is None,
    reason="alertmanager is not installed: apt-get install prometheus-alertmanager",
)
async def test_a_critical_alert_reaches_webhook_and_mailbox(
    tmp_path: Path, receiver: tuple[Receiver, int, int]
) -> None:
    heard, hook, mail = receiver
    secrets = make_secrets(tmp_path / "made", "http://localhost:8080")
    url = secrets / "alert_webhook_url"
    url.chmod(0o600)
    url.write_text(f"http://127.0.0.1:{hook}/it's?token=secret\n")
    port = free_port()
    given = {
        "SECRETS": str(secrets),
        "RUN": str(tmp_path),
        "ALERTMANAGER": str(ALERTMANAGER),
        "PATH": os.environ["PATH"],
        "ALERT_EMAIL_TO": "on-call@clinic.example",
        "ALERT_SMARTHOST": f"127.0.0.1:{mail}",
        "ALERT_SMTP_TLS": "off",
    }
    words = [
        str(DEPLOY / "alertmanager/start.sh"),
        f"--storage.path={tmp_path}/data",
        "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    running = Command(words, folder=tmp_path, environment=given, name="alertmanager", program="/bin/sh")
    try:
        here = f"http://127.0.0.1:{port}"

        async def answers() -> bool:
            with contextlib.suppress(OSError, HTTPError):
                return (await AsyncHTTPClient().fetch(f"{here}/-/ready")).code == 200
            return False

        await happens(answers, "alertmanager is ready", within_s=40)
        conf = tmp_path / "alertmanager.yml"
        assert conf.stat().st_mode & 0o077 == 0, "it holds secrets"
        assert await asyncio.to_thread(judged, conf)
        labels = {"alertname": "MongoAway", "severity": "critical"}
        alert = [{"labels": labels, "startsAt": datetime.now(UTC).isoformat()}]
        await AsyncHTTPClient().fetch(
            HTTPRequest(
                f"{here}/api/v2/alerts",
                method="POST",
                body=json.dumps(alert),
                headers={"Content-Type": "application/json"},
            )
        )
        await happens(lambda: heard.hooks and heard.letters, "both have it", within_s=60)
        assert heard.hooks[0]["alerts"][0]["labels"] == labels
        assert heard.letters == ["on-call@clinic.example"]
    finally:
        running.end_for_good()
    assert "secret" not in running.logged


@pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed: apt-get install prometheus-alertmanager")
def test_a_mistake_in_the_routes_is_found(tmp_path: Path) -> None:
    text = (DEPLOY / "alertmanager/alertmanager.yml").read_text()
    for number, (right, wrong) in enumerate(
        [
            ("", ""),
            ("receiver: people", "receiver: peple"),
            ("group_wait: 30s", "group_wait: thirty"),
            ("source_matchers", "source_matcher"),
        ]
    ):
        path = tmp_path / f"{number}.yml"
        path.write_text(text.replace(right, wrong, 1) if right else text)
        assert judged(path) is (number == 0), wrong
    known = {rule["alert"] for rule in RULES}
    named = {name for line in re.findall(r'alertname=~?"([^"]+)"', text) for name in line.split("|")}
    assert named <= known, "it inhibits only what there is"


def test_secrets_that_a_newer_version_wants_are_added_and_none_is_changed(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "made", "http://localhost:8080")
    before = {path.name: path.read_text() for path in secrets.iterdir() if path.is_file()}
    assert set(compose()["secrets"]) <= set(before)
    new = ("mongo_monitor_password", "redis_exporter_passwords", "alert_webhook_url", "mongo_exporter.env")
    for name in new:
        (secrets / name).unlink()
    add = ["sh", str(DEPLOY / "add-secrets.sh"), str(secrets)]
    subprocess.run(add, check=True, env={"PATH": "/usr/bin:/bin"})
    after = {path.name: path.read_text() for path in secrets.iterdir() if path.is_file()}
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"mongo_monitor_password", "mongo_exporter.env"}
    assert json.loads(after["redis_exporter_passwords"]) == {"redis://redis:6379": before["redis_password"]}
    assert after["mongo_monitor_password"] in after["mongo_exporter.env"]


def test_certificates_for_the_servers_are_renewed_by_the_same_authority(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "made", "http://localhost:8080")
    make = [sys.executable, str(DEPLOY / "make_data_tls.py"), str(secrets)]
    subprocess.run(make, check=True, capture_output=True)
    first = {path.name: path.read_text() for path in secrets.iterdir() if path.is_file()}
    subprocess.run(make, check=True, capture_output=True)
    for name in ("data_ca", "data_ca_key", "mongo_url_tls", "redis_url_tls"):
        assert (secrets / name).read_text() == first[name], name
    for name in ("mongo_tls", "redis_tls_cert", "redis_tls_key"):
        assert (secrets / name).read_text() != first[name], name
    assert (secrets / "data_ca_key").stat().st_mode & 0o077 == 0
    assert first["mongo_url_tls"].endswith("&tls=true") and first["redis_url_tls"].startswith("rediss://")
