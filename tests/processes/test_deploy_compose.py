"""What compose, the image and the scripts of deploy/ promise an operator, seen without an engine.

Each test would have seen a defect that a hospital's engineer met; the rest of them is met by ``make compose``.
"""

from __future__ import annotations

import ipaddress
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
from pymongo import MongoClient

from hospital_rt.settings import PASSED_ON, Settings, drop_empty, load_settings, read_environment
from tests.cluster.composed import environment_of_roles, interpolated, make_secrets
from tests.cluster.topology import Servers, make_certificate
from tests.support.deployed import read_compose, tool
from tests.support.driver import Front, free_port
from tests.support.processes import ROOT, Command, System, happens

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = read_compose((ROOT / "docker-compose.yml").read_text())
TLS = read_compose((ROOT / "docker-compose.tls.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
ROLES = ("web", "worker", "scheduler")
ALWAYS = ("web", "worker", "scheduler", "nginx", "mongo1", "mongo2", "mongo3", "mongo-begin", "redis")
"""What runs without a profile."""
OF_THE_IMAGE = {"host", "port", "ops_port", "data_dir"}
"""Settings that the image has and compose does not pass on: nginx and the probes go by them."""
PLATFORMS = ("x86_64-manylinux_2_36", "aarch64-manylinux_2_36")
UNREACHED = re.compile(r"error sending request|dns error|failed to fetch|connection refused|timed out", re.IGNORECASE)


# The image


def install_flags() -> dict[str, list[str]]:
    """What the Dockerfile says to pip, by the lock file that it installs from."""
    text = DOCKERFILE.replace("\\\n", " ")
    found = {}
    for command in re.findall(r"pip (?:install|wheel) ([^&\n]*-r [^&\n]*)", text):
        words = [word for word in command.split() if word != "-r"]
        [lock] = [word for word in words if word.endswith(".lock")]
        if "--wheel-dir" in words:
            del words[words.index("--wheel-dir") : words.index("--wheel-dir") + 2]
        found[lock] = [word for word in words if word != lock]
    return found


def dry_run(lock: str, flags: list[str], platform: str, target: Path) -> subprocess.CompletedProcess[str]:
    """Resolve and plan the installation as the Dockerfile would, for the image's Python on a platform."""
    [version] = set(re.findall(r"^FROM python:(\d+\.\d+)", DOCKERFILE, re.MULTILINE))
    ran = subprocess.run(
        [
            tool("uv"),
            "pip",
            "install",
            "--dry-run",
            "--python-version",
            version,
            "--python-platform",
            platform,
            "--target",
            str(target),
            *flags,
            "-r",
            str(ROOT / lock),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=target.parent,
    )
    if ran.returncode and UNREACHED.search(ran.stderr):
        pytest.skip("the package index cannot be reached from here")
    return ran


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock"])
def test_the_image_can_be_built_from_the_lock_on_its_python(lock: str, platform: str, tmp_path: Path) -> None:
    flags = install_flags()[lock]
    assert "--require-hashes" in flags and "--only-binary=:all:" in flags
    ran = dry_run(lock, flags, platform, tmp_path / "packages")
    assert ran.returncode == 0, ran.stderr
    listed = re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE)
    assert len(re.findall(r"^ \+ ", ran.stderr, re.MULTILINE)) >= len(listed) - 3, "all but other systems' packages"


def test_a_package_without_a_wheel_is_seen_before_the_image_is_built(tmp_path: Path) -> None:
    flags = install_flags()["requirements.lock"]
    assert "--no-build-isolation" in flags, "a build fetches nothing by itself"
    [exception] = [word for word in flags if word.startswith("--no-binary=")]
    flags.remove(exception)
    ran = dry_run("requirements.lock", flags, PLATFORMS[0], tmp_path / "packages")
    assert ran.returncode != 0 and exception.partition("=")[2] in ran.stderr


def test_one_service_builds_the_image_and_the_others_take_it() -> None:
    own = {name for name, one in SERVICES.items() if "hospital_rt:local" in one["image"]}
    assert own >= {*ROLES, "admin", "mongo-begin"}
    assert [name for name, one in SERVICES.items() if "build" in one] == ["web"]
    assert {SERVICES[name]["pull_policy"] for name in own} == {"never"}, "our tag is never pulled from a registry"


# What waits for what


def test_no_service_waits_for_another_one() -> None:
    waiting = {name for name in ALWAYS if SERVICES[name].get("depends_on")} | {
        name for name in ("admin",) if SERVICES[name].get("depends_on")
    }
    assert waiting == set()


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Servers]:
    servers = Servers(tmp_path / "servers", make_secrets(tmp_path / "made", "http://localhost:8080"))
    yield servers
    servers.close()


async def test_a_majority_of_the_members_is_enough_and_the_last_one_joins_when_it_comes(members: Servers) -> None:
    ports = [free_port() for _ in range(3)]
    for port in ports[1:]:
        members.mongod(port)
    where = ",".join(f"127.0.0.1:{port}" for port in ports)
    script = [str(ROOT / "deploy/mongo/begin.py")]
    began = members.start("begin", script, program=sys.executable, MEMBERS=where, WAIT_FOR_ALL_S="1")
    assert await began.ended(within_s=90) == 0, began.logged
    assert "3 members, 2 of them answer" in began.said
    members.mongod(ports[0])
    key = (members.secrets / "mongo_keyfile").read_text()

    def joined() -> bool:
        with MongoClient[dict[str, Any]](
            "127.0.0.1", ports[1], username="__system", password=key, authSource="local", directConnection=True
        ) as client:
            states = [one["stateStr"] for one in client.admin.command("replSetGetStatus")["members"]]
        return sorted(states) == ["PRIMARY", "SECONDARY", "SECONDARY"]

    await happens(joined, "the first member has joined", within_s=60)


async def test_a_role_waits_for_a_database_that_does_not_know_its_user_yet(system: System, members: Servers) -> None:
    port = free_port()
    members.mongod(port)
    await members.begin([port])
    system.put("mongo_url", f"mongodb://hospital:not-yet@127.0.0.1:{port}/hospital_rt?authSource=admin&replicaSet=rs0")
    waiting = system.launch("web")
    await happens(lambda: "role.waits_for_database" in waiting.logged, "the role says that it waits", within_s=30)
    right = (members.secrets / "mongo_password").read_text()
    password = members.secrets / "mongo_password"
    password.chmod(0o600)
    password.write_text("not-yet")
    assert right != "not-yet"
    await members.begin([port])
    await waiting.ready()


async def test_while_the_password_of_mongodb_changes_a_request_may_be_sent_again(
    system: System, members: Servers
) -> None:
    port = free_port()
    member = members.mongod(port)
    await members.begin([port])
    password = members.secrets / "mongo_password"
    url = "mongodb://hospital:{}@127.0.0.1:" + f"{port}/hospital_rt?authSource=admin&replicaSet=rs0"
    system.put("mongo_url", url.format(password.read_text()))
    web = system.launch("web")
    await web.ready()
    password.chmod(0o600)
    password.write_text("another-password")
    await members.begin([port])
    await member.stop(within_s=20)  # each connection begins anew, with the old password
    members.mongod(port)
    await members.begin([port])
    anyone = Front(web.base).anyone

    async def is_told() -> bool:
        answer = await anyone.post("/api/forgot-password/", {"email": "ada@example.org"})
        assert (answer.status, answer.slug, "Retry-After" in answer.headers) == (503, "unavailable", True)
        return "OperationFailure" in web.logged

    await happens(is_told, "the old password was refused", within_s=60)
    assert (await anyone.get("/readyz")).status == 503


# Settings


def test_every_setting_stands_in_compose() -> None:
    given = COMPOSE["x-service"]["environment"]
    plain = set(given) - {one for one in given if one.removesuffix("_FILE") in given and one.endswith("_FILE")}
    assert plain - set(PASSED_ON) == {name.upper() for name in Settings.model_fields if name not in OF_THE_IMAGE}
    assert set(PASSED_ON) <= plain
    for name in OF_THE_IMAGE:
        assert re.search(rf"\b{name.upper()}=", DOCKERFILE), name
    for name in plain - {"PUBLIC_URL"}:
        assert f"${{{name}:-}}" in given[name] or f"${{{name}:+" in given[name], name


def test_a_setting_in_env_reaches_the_service_and_an_empty_one_counts_as_none(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "made", "https://clinic.example")
    plain = load_settings("web", read_environment(environment_of_roles(secrets)))
    assert plain == load_settings(
        "web", read_environment({name: value for name, value in environment_of_roles(secrets).items() if value})
    )
    with (secrets.parent / ".env").open("a") as dotenv:
        dotenv.write("ERASURE=request\nEVENT_RETENTION_DAYS=7\n")
    changed = load_settings("web", read_environment(environment_of_roles(secrets)))
    assert (plain.erasure, plain.event_retention_days) == ("immediate", 30)
    assert (changed.erasure, changed.event_retention_days) == ("request", 7)


def test_a_secret_in_env_is_reported_and_not_dropped() -> None:
    given = COMPOSE["x-service"]["environment"]
    names = [one.removesuffix("_FILE") for one in given if one.endswith("_FILE") and one not in PASSED_ON]
    assert "SMTP_URL" in names
    for name in names:
        assert interpolated(given[name], {}) == ""
        assert interpolated(given[name], {name: "value"}) == f"belongs into secrets/{name.lower()}"


def test_an_empty_proxy_or_certificate_file_is_none_at_all() -> None:
    environ = dict.fromkeys(PASSED_ON, "") | {"HTTPS_PROXY": "http://proxy.example:3128", "OTHER": ""}
    drop_empty(environ)
    assert environ == {"HTTPS_PROXY": "http://proxy.example:3128", "OTHER": ""}


# Files of a clone, whatever the umask


def test_a_clone_under_umask_077_is_readable_where_containers_need_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "clone/deploy")
    for path in (tmp_path / "clone").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    subprocess.run(
        ["sh", str(tmp_path / "clone/deploy/make-env.sh")],
        env={"PATH": "/usr/bin:/bin", "INTO": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    for path in (tmp_path / "clone/deploy").rglob("*"):
        assert path.stat().st_mode & 0o004, path
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert re.search(r"^RUN chmod -R a\+rX /srv\b", DOCKERFILE, re.MULTILINE)


# TLS


def put_certificate(into: Path, chain: Path, key: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ROOT / "deploy/certificate.sh"), str(chain), str(key)],
        env={"PATH": "/usr/bin:/bin", "INTO": str(into)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_key_that_only_root_can_read_is_put_where_nginx_can(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "made", "https://clinic.example")
    (tmp_path / "tls").mkdir()
    make_certificate(tmp_path)
    chain, key = tmp_path / "tls/tls.crt", tmp_path / "tls/tls.key"
    key.chmod(0o600)
    assert put_certificate(secrets.parent, chain, key).returncode == 0
    modes = {name: stat.S_IMODE((secrets / name).stat().st_mode) for name in ("tls", "tls/tls.crt", "tls/tls.key")}
    assert modes == {"tls": 0o755, "tls/tls.crt": 0o444, "tls/tls.key": 0o444}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700, "only its owner may enter"
    dotenv = (secrets.parent / ".env").read_text()
    assert "COMPOSE_FILE=docker-compose.yml:docker-compose.tls.yml" in dotenv.splitlines()
    assert put_certificate(secrets.parent, chain, key).returncode == 0
    assert (secrets.parent / ".env").read_text() == dotenv, "once"
    refused = put_certificate(secrets.parent, key, chain)
    assert refused.returncode == 1 and (secrets / "tls/tls.crt").read_bytes() == chain.read_bytes()
    assert [path.name for path in secrets.iterdir() if "tls" in path.name] == ["tls"]


def test_with_tls_nothing_is_served_in_clear_and_a_renewed_certificate_is_seen() -> None:
    nginx = TLS["services"]["nginx"]
    raw = (ROOT / "docker-compose.tls.yml").read_text()
    assert "ports: !override" in raw, "8080 is not published beside it"
    assert sorted(one.rpartition(":")[2] for one in nginx["ports"]) == ["8081", "8443"]
    conf = (ROOT / "deploy/nginx/tls.conf").read_text()
    [clear] = re.findall(r"server \{[^{}]*listen 8081;[^{}]*\}", conf)
    assert "return 308 $public_url$request_uri;" in clear and "proxy_pass" not in clear
    for volume in [*nginx["volumes"], *SERVICES["nginx"]["volumes"]]:
        source = volume.split(":")[0]
        assert Path(source).suffix == "", f"{source} is one file: a new one in its place is not seen by a reload"


# Health


def test_every_service_has_a_health_check_that_a_busy_host_passes() -> None:
    for name in ALWAYS:
        one = SERVICES[name]["healthcheck"]
        assert seconds(one["start_period"]) >= 60 and seconds(one["timeout"]) >= 10, name
        assert seconds(one["start_interval"]) <= 2, name
        if name != "mongo-begin":
            assert seconds(SERVICES[name]["stop_grace_period"]) >= 30, name
    for role in ROLES:
        assert SERVICES[role]["healthcheck"]["test"] == ["CMD", "python", "main.py", "healthy"], role
    assert 'CMD ["python", "main.py", "healthy"]' in DOCKERFILE
    podman = read_compose((ROOT / "docker-compose.podman.yml").read_text())["services"]
    assert set(podman) == set(ALWAYS), "Podman's API knows no start_interval"


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


async def test_healthy_asks_the_role_and_imports_nothing_of_the_service(system: System) -> None:
    def asks(**ports: int) -> int:
        # -S: without the packages that the service is made of.
        ran = subprocess.run(
            [sys.executable, "-S", str(ROOT / "main.py"), "healthy"],
            capture_output=True,
            text=True,
            check=False,
            env={name: str(port) for name, port in ports.items()},
            timeout=30,
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        return ran.returncode

    [web] = await system.start("web")
    assert asks(PORT=system.first_port) == 0
    port = free_port()
    [worker] = await system.start("worker", ops_port=port)
    assert asks(PORT=free_port(), OPS_PORT=port) == 0
    assert await worker.stop() == 0
    assert asks(PORT=free_port(), OPS_PORT=port) == 1
    web.kill()
    assert asks(PORT=system.first_port) == 1
    system.roles.clear()


# Limits of the host


def test_open_files_and_workers_are_bounded_by_us_and_not_by_the_host() -> None:
    for name in ALWAYS:
        if name != "mongo-begin":
            assert SERVICES[name]["ulimits"] == {"nofile": "${OPEN_FILES:-65536}"}, name
    conf = (ROOT / "deploy/nginx/nginx.conf").read_text()
    assert re.search(r"^worker_processes 2;", conf, re.MULTILINE), "`auto` on 48 cores is over the limit of memory"
    assert re.search(r"^worker_rlimit_nofile 65536;", conf, re.MULTILINE)


async def test_a_role_raises_its_limit_on_open_files_by_itself(system: System) -> None:
    started = Command(
        ["-c", f'ulimit -Sn 300; exec "{sys.executable}" "{ROOT}/main.py" web'],
        program="/bin/sh",
        folder=system.folder,
        environment=system.environment(port=system.first_port),
        name="web-of-300",
    )
    try:
        await started.ready()
        soft, hard = psutil.Process(started.pid).rlimit(psutil.RLIMIT_NOFILE)
        assert soft == hard > 300
    finally:
        started.end_for_good()


def test_two_copies_on_one_host_share_no_address_port_or_volume() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for line in text.splitlines():
        bare = re.sub(r"\$\{\w+:-[^}]*\}", "", line.partition(" # ")[0])
        assert not re.search(r"10\.\d+\.\d+", bare), line
    published = [port for one in SERVICES.values() for port in one.get("ports", [])] + TLS["services"]["nginx"]["ports"]
    for port in published:
        assert re.search(r":\$\{\w+_PORT:-\d+\}:\d+$", port), port
    assert COMPOSE["volumes"]["backups"]["name"] == "${COMPOSE_PROJECT_NAME:-hospital_rt}_backups"


def test_every_port_is_published_on_ipv4_alone() -> None:
    for one in [*SERVICES.values(), *TLS["services"].values()]:
        for port in one.get("ports", []):
            address = interpolated(port, {}).split(":")[0]
            assert ipaddress.ip_address(address).version == 4, port


def test_backups_outlive_the_volumes_and_no_volume_is_without_a_name() -> None:
    assert COMPOSE["volumes"]["backups"]["external"] is True
    for name in ("mongo1", "mongo2", "mongo3"):
        assert any(one.startswith("/data/configdb:") for one in SERVICES[name]["tmpfs"]), name


# nginx


def start_nginx(folder: Path, resolv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run start.sh up to the moment at which it becomes nginx."""
    folder.mkdir()
    (folder / "resolv.conf").write_text(resolv)
    (folder / "nginx").symlink_to("/bin/true")
    return subprocess.run(
        ["sh", str(ROOT / "deploy/nginx/start.sh")],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": f"{folder}:{os.environ['PATH']}",
            "RUN": str(folder),
            "RESOLV": str(folder / "resolv.conf"),
            **environment,
        },
    )


@pytest.mark.parametrize(
    ("resolv", "told"),
    [
        ("nameserver 127.0.0.11\noptions ndots:0\n", "resolver 127.0.0.11 valid=1s ipv6=off;\n"),
        ("search dns.podman\nnameserver 10.89.0.1\n", "resolver 10.89.0.1 valid=1s ipv6=off;\n"),
        ("nameserver fe80::1%eth0\nnameserver 10.0.0.2\n", "resolver [fe80::1] 10.0.0.2 valid=1s ipv6=off;\n"),
    ],
)
def test_nginx_uses_the_resolver_of_this_engine(resolv: str, told: str, tmp_path: Path) -> None:
    ran = start_nginx(tmp_path / "run", resolv)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "run/nginx.d/resolver.conf").read_text() == told
    assert not (tmp_path / "run/nginx.d/tls.conf").exists()
    assert "127.0.0.11" not in "".join(path.read_text() for path in (ROOT / "deploy/nginx").glob("*.conf"))


def test_nginx_redirects_to_the_public_address_and_to_no_other(tmp_path: Path) -> None:
    server = "nameserver 127.0.0.11\n"
    ran = start_nginx(tmp_path / "right", server, TLS="on", PUBLIC_URL="https://clinic.example/")
    assert ran.returncode == 0, ran.stderr
    written = (tmp_path / "right/nginx.d/tls.conf").read_text()
    assert "default 'https://clinic.example';" in written and "include /etc/nginx/hospital_rt/tls.conf;" in written
    for name, url in (("clear", "http://clinic.example"), ("odd", "https://a'; }"), ("none", "")):
        assert start_nginx(tmp_path / name, server, TLS="on", PUBLIC_URL=url).returncode == 1, url
    assert start_nginx(tmp_path / "lost", "", TLS="").returncode == 1


def test_what_nginx_logs_quotes_no_path() -> None:
    conf = (ROOT / "deploy/nginx/nginx.conf").read_text()
    assert re.findall(r"^\s*(?:error|access)_log [^;]+;", conf, re.MULTILINE) == [
        "error_log stderr crit;",
        "    access_log off;",
    ]


def test_a_request_that_no_node_was_sent_is_tried_once_more() -> None:
    """`make compose` counts what fails while nodes come and go; here: the rule for what may be repeated."""
    conf = (ROOT / "deploy/nginx/nginx.conf").read_text()
    [rule] = re.findall(r"'~(.+)' 0;", conf)
    pattern = re.compile(rule)
    for sent_nothing in ("", "-", "0", "0, 0", "0, 0 : 0"):
        assert pattern.search(sent_nothing), sent_nothing
    for sent in ("512", "0, 512", "512, 0", "0 : 17"):
        assert not pattern.search(sent), sent


def test_roll_takes_only_roles() -> None:
    for words in (["mongo1"], ["--no-build", "redis"]):
        ran = subprocess.run(
            ["sh", str(ROOT / "deploy/roll.sh"), *words],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin"},
        )
        assert ran.returncode == 2 and "there is no role" in ran.stderr
