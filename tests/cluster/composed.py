"""What deploy/ and docker-compose.yml say, with other ports and folders put in: nothing else is changed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
NGINX_ADDRESS, PROMETHEUS_ADDRESS = "127.0.0.2", "127.0.0.3"
"""Where nginx and Prometheus come from here: every address of 127/8 is this machine's."""


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


def make_secrets(into: Path, public_url: str) -> Path:
    """What ``make-env.sh`` makes, in a folder of its own; the folder of the secrets."""
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    script = ["sh", str(DEPLOY / "make-env.sh"), public_url]
    subprocess.run(script, env={"PATH": "/usr/bin:/bin", "INTO": str(into)}, check=True, capture_output=True)
    return into / "secrets"


def environment_of_roles(secrets: Path) -> dict[str, str]:
    """The environment that compose gives web, worker and scheduler."""
    dotenv = dict(line.split("=", 1) for line in (secrets.parent / ".env").read_text().splitlines())
    given = {name: interpolated(str(value), dotenv) for name, value in compose()["x-service"]["environment"].items()}
    given = {name: value.replace("/run/secrets", str(secrets)) for name, value in given.items()}
    nginx = interpolated(compose()["services"]["nginx"]["networks"]["front"]["ipv4_address"], dotenv)
    prometheus = interpolated(compose()["services"]["prometheus"]["networks"]["inside"]["ipv4_address"], dotenv)
    assert given["TRUSTED_PROXIES"] == f"{nginx}," and given["OPS_ALLOW"] == f"127.0.0.0/8,{prometheus},"
    changed = {"TRUSTED_PROXIES": NGINX_ADDRESS, "OPS_ALLOW": PROMETHEUS_ADDRESS, "STEP_REVIEW": "auto"}
    return {**given, **changed}


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """``${NAME}``, ``${NAME:-default}``, ``${NAME:+instead}`` and ``${NAME:?why}``, as compose reads them."""

    def value(found: re.Match[str]) -> str:
        name, sign, word = found.groups()
        assert values.get(name) or sign != ":?", f"{name}: {word}"
        if sign == ":+":
            return word if values.get(name) else ""
        return values.get(name) or word or ""

    return re.sub(r"\$\{(\w+)(?:(:-|:\?|:\+)([^}]*))?\}", value, text)


def write_nginx(
    folder: Path, *, port: int, tls_port: int, webs: list[int], secrets: Path, others: tuple[int, int]
) -> Path:
    """The configuration of nginx for these ports; where nginx.conf lies.

    ``others`` are the ports of its health check and of the redirect to TLS.
    """
    (folder / "tmp" / "nginx.d").mkdir(parents=True)
    (folder / "tmp" / "nginx.d" / "tls.conf").write_text(
        f"map '' $public_url {{ default 'https://127.0.0.1:{tls_port}'; }}\ninclude {folder}/tls.conf;\n"
    )
    upstream = (DEPLOY / "nginx" / "upstream.conf").read_text()
    [server] = re.findall(r"^ +server web:8000 resolve .*$", upstream, re.MULTILINE)
    servers = [server.replace("web:8000 resolve", f"127.0.0.1:{one}") for one in webs]
    (folder / "upstream.conf").write_text(upstream.replace(server, "\n".join(servers)))
    service = (DEPLOY / "nginx" / "service.conf").read_text()
    (folder / "service.conf").write_text(f"proxy_bind {NGINX_ADDRESS};\n{service}")
    health, redirect = others
    for name in ("nginx.conf", "tls.conf"):
        text = (DEPLOY / "nginx" / name).read_text()
        for old, new in (
            ("/tmp/", f"{folder}/tmp/"),  # noqa: S108 - a path inside the container
            ("/etc/nginx/hospital_rt/", f"{folder}/"),
            ("/run/tls/", f"{secrets}/tls/"),
            ("listen 8080", f"listen 127.0.0.1:{port}"),
            ("listen 8443", f"listen 127.0.0.1:{tls_port}"),
            ("listen 8081", f"listen 127.0.0.1:{redirect}"),
            ("listen 127.0.0.1:8089", f"listen 127.0.0.1:{health}"),
        ):
            text = text.replace(old, new)
        (folder / name).write_text(text)
    return folder / "nginx.conf"


def write_mongod(folder: Path, *, port: int) -> Path:
    """The configuration of one mongod for this port; its data lie beside it."""
    (folder / "db").mkdir(parents=True)
    text = (DEPLOY / "mongo" / "mongod.conf").read_text()
    for old, new in (
        ("port: 27017", f"port: {port}"),
        ("bindIpAll: true", "bindIp: 127.0.0.1"),
        ("/tmp/keyfile", f"{folder}/keyfile"),  # noqa: S108 - a path inside the container
        ("/data/db", f"{folder}/db"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "mongod.conf").write_text(text)
    return folder / "mongod.conf"
