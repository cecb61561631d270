"""Everything in deploy/ is what it should be: judged by the tools that know, and each judge tried on a mistake."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from hospital_rt.settings import load_settings, read_environment
from tests.cluster.composed import environment_of_roles, interpolated, make_secrets, write_nginx
from tests.cluster.topology import Servers, adapt_urls, hears, make_certificate, nginx_program
from tests.support import deployed
from tests.support.driver import free_port
from tests.support.processes import ROOT, happens

COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ALERTS = (ROOT / "deploy/prometheus/alerts.yml").read_text()
BOARD = (ROOT / "deploy/grafana/dashboards/hospital_rt.json").read_text()
SCRIPTS = sorted((ROOT / "deploy").rglob("*.sh"))
JUDGES = {
    "compose": (deployed.of_compose, COMPOSE),
    "Dockerfile": (deployed.of_dockerfile, DOCKERFILE),
    "alerts": (deployed.of_alerts, ALERTS),
    "dashboard": (deployed.of_dashboard, BOARD),
}
MISTAKES = [
    ("compose", "read_only: true", "read_only: [perhaps]"),
    ("compose", "start_period:", "start_perod:"),
    ("compose", "healthcheck:", "helthcheck:"),
    ("compose", "mongo:8.0", "mongo"),
    ("compose", "cap_drop: [ALL]", "cap_drop: []"),
    ("compose", 'limits: {cpus: "0.2", memory: 256M}', 'limits: {cpus: "0.2"}'),
    ("compose", "SECRET_KEY: ${SECRET_KEY:+belongs into secrets/secret_key}", "SECRET_KEY: abcdefgh"),
    ("compose", "STEP_REVIEW:", "STEP_REVEIW:"),
    ("compose", "secrets: [redis_password]", "secrets: [redis_passwort]"),
    ("compose", "./secrets/secret_key", "./secrets/secret_kye"),
    ("compose", "./deploy/nginx:", "./deploy/ngnix:"),
    ("compose", "redis_data:/data", "redis:/data"),
    ("Dockerfile", "USER 10001\n", ""),
    ("Dockerfile", "USER 10001", "USER root"),
    ("Dockerfile", "FROM python:3.13-slim-bookworm\n", "FROM python\n"),
    ("Dockerfile", "--require-hashes", ""),
    ("Dockerfile", "WORKDIR /srv", "RUN cd /srv"),
    ("Dockerfile", "COPY static static/", "COPY . ."),
    ("Dockerfile", "HEALTHCHECK", "# "),
    ("Dockerfile", "RUN pip uninstall", "RUN apt-get update && apt-get install -y gcc && echo"),
    ("alerts", "max(hospital_rt_reminders_late) > 0", "max(hospital_rt_reminders_late > 0"),
    ("alerts", "[10m]", "[10 minutes]"),
    ("alerts", "for: 1m", "for: a while"),
    ("alerts", "severity: critical", "severity: dreadful"),
    ("alerts", "alert: RemindersSlow", "alert: RemindersLate"),
    ("dashboard", "sum by (le)", "sum by le"),
    ("dashboard", '"id": 2,', '"id": 1,'),
    ("dashboard", '"x": 16,', '"x": 20,'),
]


@pytest.mark.parametrize("what", JUDGES)
def test_what_is_deployed_is_well_formed(what: str) -> None:
    judge, text = JUDGES[what]
    assert judge(text) == []


@pytest.mark.parametrize(("what", "right", "wrong"), MISTAKES, ids=[f"{one[0]}: {one[2][:30]}" for one in MISTAKES])
def test_a_mistake_in_what_is_deployed_is_found(what: str, right: str, wrong: str) -> None:
    judge, text = JUDGES[what]
    assert right in text
    assert judge(text.replace(right, wrong, 1)) != []


def test_tls_is_a_second_compose_file_that_fits_the_first() -> None:
    found = deployed.of_compose(
        (ROOT / "docker-compose.tls.yml").read_text().replace("  nginx:\n", "  nginx:\n    image: nginx:1.28-alpine\n")
    )
    own = ("is without", "make-env.sh does not make it")  # those are the first file's, and the operator's
    assert [line for line in found if not any(word in line for word in own)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_script_is_sound(path: Path, tmp_path: Path) -> None:
    assert deployed.of_script(path) == []
    for mistake in ("if true; then\n", "rm -rf $1/*\n", "echo $nothing\n"):
        wrong = tmp_path / "wrong.sh"
        wrong.write_text(path.read_text() + mistake)
        assert deployed.of_script(wrong) != [], mistake


def test_the_image_holds_all_that_a_command_needs_and_nothing_of_the_developers(tmp_path: Path) -> None:
    """The files that the Dockerfile copies, if .dockerignore lets them through, alone in a folder."""
    let_through = re.findall(r"^!([\w.-]+)/?$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    parts = deployed.copied(DOCKERFILE)
    assert {*parts, "requirements.lock", "requirements-build.lock"} == set(let_through)

    def runs(parts: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        folder.mkdir()
        for part in parts:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part)
            else:
                shutil.copy(source, folder / part)
        return subprocess.run(
            [sys.executable, "main.py", "openapi"],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    whole = runs(parts, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert runs([part for part in parts if part != "tasks"], tmp_path / "part").returncode == 1


# The README


def test_every_compose_command_of_the_documents_fits_the_file() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs/operate").glob("*.md"))]
    readme = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    said = re.findall(r"^docker compose .+$", readme, re.MULTILINE) + re.findall(r"`(docker compose [^`]+)`", readme)
    assert len(said) >= 30
    assert [line for line in said if deployed.of_command(line)] == []
    for mistake in (
        "docker compose upp",
        "docker compose --profile dav up",
        "docker compose logs wbe",
        "docker compose -f docker-compose.tsl.yml up",
        "docker compose up --scale webb=2",
        "docker compose run --rm admin admin bakcup x",
        "docker compose run --rm admin backup x",
    ):
        assert deployed.of_command(mistake), mistake
    assert set(re.findall(r"\bsh (deploy/\w[\w-]*\.sh)", readme)) == {
        str(path.relative_to(ROOT)) for path in (ROOT / "deploy").glob("*.sh")
    }, "run below, in test_deploy_compose.py and by `make compose`"


# Secrets


def test_one_command_makes_all_that_compose_needs_and_never_again(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "made", "https://clinic.example")
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700, "only its owner may enter"
    values = environment_of_roles(secrets)
    settings = load_settings("web", read_environment(values))
    assert settings.public_url == "https://clinic.example" and settings.smtp_url is None
    assert settings.openai_api_key is None and settings.doctors_need_approval
    before = {path.name: path.read_text() for path in secrets.iterdir() if path.is_file()}
    again = subprocess.run(
        ["sh", str(ROOT / "deploy/make-env.sh")],
        env={"PATH": "/usr/bin:/bin", "INTO": str(tmp_path / "made")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1 and "nothing was changed" in again.stderr
    assert {path.name: path.read_text() for path in secrets.iterdir() if path.is_file()} == before
    other = make_secrets(tmp_path / "other", "http://localhost:8080")
    files = [path for path in other.iterdir() if path.is_file()]
    same = [path.name for path in files if path.read_text() and path.read_text() == before[path.name]]
    assert same == ["mongo_user"], "no two installations share a secret"


def test_without_its_env_compose_says_what_to_do() -> None:
    with pytest.raises(AssertionError, match="run sh deploy/make-env"):
        interpolated("${PUBLIC_URL:?run sh deploy/make-env.sh first}", {})
    assert interpolated("${A:-b} ${C}", {"C": "d"}) == "b d"


# The servers, by their own start.sh


@pytest.fixture
async def deployed_servers(tmp_path: Path) -> AsyncIterator[Servers]:
    servers = Servers(tmp_path / "servers", make_secrets(tmp_path / "made", "http://localhost:8080"))
    yield servers
    servers.close()


async def test_redis_takes_its_password_from_a_file_and_keeps_what_it_has_accepted(deployed_servers: Servers) -> None:
    port = free_port()
    running = deployed_servers.redis(port)
    await happens(lambda: hears(port), "Redis listens")
    assert await deployed_servers.redis_is_healthy(port)
    assert not await deployed_servers.redis_is_healthy(free_port()), "nothing listens there"
    password = (deployed_servers.secrets / "redis_password").read_text()
    assert password not in " ".join(psutil.Process(running.pid).cmdline())
    with redis.Redis(port=port) as unauthenticated, pytest.raises(redis.AuthenticationError):
        unauthenticated.ping()
    with redis.Redis(port=port, password=password, decode_responses=True) as client:
        client.set("kept", "1")
        for name, value in (("maxmemory-policy", "noeviction"), ("appendonly", "yes"), ("enable-debug-command", "no")):
            assert client.config_get(name) == {name: value}
    assert await running.stop() == 0
    deployed_servers.redis(port)
    await happens(lambda: hears(port), "Redis listens again")
    with redis.Redis(port=port, password=password) as client:
        assert client.get("kept")


async def test_a_mistake_in_the_settings_of_redis_ends_it(deployed_servers: Servers, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy/redis", tmp_path / "redis")
    conf = tmp_path / "redis/redis.conf"
    conf.write_text(conf.read_text().replace("appendonly yes", "appendonly perhaps"))
    wrong = deployed_servers.start("wrong", [str(tmp_path / "redis/start.sh")], DATA=tmp_path, RUN=tmp_path)
    assert await wrong.ended() == 1


async def test_mongod_begins_as_a_set_and_the_service_may_use_its_own_database_alone(deployed_servers: Servers) -> None:
    port = free_port()
    mongod = deployed_servers.mongod(port)
    await deployed_servers.begin([port])
    await deployed_servers.begin([port])  # again is harmless
    adapt_urls(deployed_servers.secrets, mongods=[port], redis=1)
    url = (deployed_servers.secrets / "mongo_url").read_text()
    with MongoClient[dict[str, Any]](url) as client, client.start_session() as session, session.start_transaction():
        client.get_default_database()["things"].insert_one({"a": 1}, session=session)
    with MongoClient[dict[str, Any]](url) as client:
        for refused in (client["other"]["things"].insert_one, client["admin"]["system.users"].insert_one):
            with pytest.raises(OperationFailure) as error:
                refused({"a": 1})
            assert error.value.code == 13
    direct = MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True)
    with direct as unauthenticated, pytest.raises(OperationFailure):
        unauthenticated["hospital_rt"]["things"].find_one()
    assert await mongod.stop(within_s=20) == 0


@pytest.mark.skipif(nginx_program() is None, reason="nginx is not installed here: apt-get install nginx-light")
def test_nginx_takes_its_settings_and_finds_a_mistake_in_them(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "made", "http://localhost:8080")
    make_certificate(secrets)

    def judge(name: str, *, mistake: tuple[str, str, str] | None = None) -> str:
        folder = tmp_path / name
        conf = write_nginx(
            folder,
            port=free_port(),
            tls_port=free_port(),
            webs=[1, 2],
            secrets=secrets,
            others=(free_port(), free_port()),
        )
        if mistake:
            file, right, wrong = mistake
            text = (folder / file).read_text()
            assert right in text
            (folder / file).write_text(text.replace(right, wrong))
        command = [str(nginx_program()), "-t", "-q", "-c", str(conf), "-p", str(folder)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return ran.stderr if ran.returncode else ""

    assert judge("right") == ""
    assert judge("a", mistake=("service.conf", "proxy_read_timeout 35s", "proxy_read_timout 35s"))
    assert judge("b", mistake=("nginx.conf", "client_max_body_size 300k", "client_max_body_size big"))
    assert judge("c", mistake=("upstream.conf", "upstream web", "upstream webb"))
    assert judge("d", mistake=("tls.conf", "TLSv1.3", "TLSv9"))


async def test_a_set_without_a_member_that_answers_is_reported_in_one_line(deployed_servers: Servers) -> None:
    script = ROOT / "deploy/mongo/begin.py"
    where = {"MEMBERS": f"127.0.0.1:{free_port()}", "WITHIN_S": "1"}
    began = deployed_servers.start("begin", [str(script)], program=sys.executable, **where)
    assert await began.ended(within_s=20) == 1
    assert "Traceback" not in began.logged and "answers (ServerSelectionTimeoutError)" in began.logged
