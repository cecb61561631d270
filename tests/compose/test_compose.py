"""``make compose``: docker-compose.yml by a real engine, by the commands of docs/operate, put to the test.

The tests run in this order on one deployment; each is a line of the table at the end.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from tests.cluster.conftest import Line
from tests.cluster.rush import Rush, rushing
from tests.cluster.topology import make_certificate
from tests.compose.deployment import MEMBERS, ROLES, Deployment
from tests.support.driver import Person
from tests.support.processes import happens, listens

pytestmark = [pytest.mark.compose, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

NOTE = "Take amoxicillin 500 mg once a day for 7 days. Book a chest X-ray."
UP = ("up", "--detach", "--wait")
STRAY = 1
"""Requests that may fail while nodes are replaced: one that was being sent to a node as it went."""
PASSING = (
    "503",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "StreamClosedError",
    "HTTPStreamClosedError",
    "HTTPTimeoutError",
)
"""What a client may see, and try again after, while the door or the primary is gone."""
SECRET_PATH = "/calendar/a-secret-that-opens-somebodys-calendar.ics"


class Known:
    """People of this deployment and what was acknowledged to them."""

    patient: Person
    doctor: Person
    notes: list[str]
    patients: list[Person]


@pytest.fixture(scope="module")
def known() -> Iterator[Known]:
    found = Known()
    found.notes = []
    yield found


async def test_up_from_a_clone_under_umask_027(site: Deployment, line: Line) -> None:
    site.clone(umask=0o027)
    await site.run("sh", "deploy/make-env.sh", site.base)
    site.settings_of_the_engine()
    site.settings(RATE_LIMITS="off", LOG_LEVEL="warning", ERASURE="request", STEP_REVIEW="auto")
    site.settings(ACCESS_TOKEN_SECONDS="86400")
    began = time.monotonic()
    await site.compose(*UP, "--build")
    line.seen = f"up after {time.monotonic() - began:.0f} s"
    for name, health in (await site.healthy()).items():
        line.hold(health == "healthy", f"{name} is {health}")
    images = (await site.run("docker", "images", "--quiet", "--filter", "dangling=true")).stdout.split()
    line.hold(not images, f"{len(images)} images without a name")
    volumes = (await site.run("docker", "volume", "ls", "--quiet")).stdout.split()
    line.hold(all(name.startswith("hospital_rt_") for name in volumes), f"volumes without a name: {volumes}")


async def test_what_runs_and_as_whom(site: Deployment, line: Line) -> None:
    for role in ROLES:
        for container in await site.containers(role):
            shown = (await site.run("docker", "top", container, "-eo", "pid,uid,args")).stdout
            process = re.search(rf"(\d+) +10001 +python main.py {role}", shown)
            line.hold(process is not None, f"{role} runs as another: {shown}")
            limits = (await site.run("cat", f"/proc/{process[1] if process else 'self'}/limits")).stdout
            [(soft, hard)] = re.findall(r"Max open files +(\d+) +(\d+)", limits)
            line.hold(soft == hard, f"{role} may open {soft} files of {hard}")
            asked = await site.run("docker", "exec", container, "python", "main.py", "healthy", check=False)
            line.hold(asked.returncode == 0, f"{role} is not healthy: {asked.stdout}")
    [nginx] = await site.containers("nginx")
    workers = (await site.run("docker", "top", nginx, "-eo", "pid,args")).stdout.count("worker process")
    line.hold(workers == 2, f"nginx has {workers} workers, whatever the number of cores")
    line.hold(not await asyncio.to_thread(answers_by_ipv6), "published over IPv6, as the bridge's one address")


def answers_by_ipv6() -> bool:
    import socket

    with socket.socket(socket.AF_INET6) as probe:
        return probe.connect_ex(("::1", 8080)) == 0


async def test_a_note_from_submission_to_check_in(site: Deployment, line: Line, known: Known) -> None:
    people = site.people
    known.patient = await people.patient(name="Ada Brown")
    applicant = await people.sign_up("doctor")
    waiting = await site.admin("accounts")
    line.hold([one["email"] for one in waiting["pending"]] == [applicant["email"]], "the doctor does not wait")
    approved = await site.admin("approve-doctor", applicant["email"])
    line.hold(approved["done"], "not approved")
    known.doctor = await people.sign_in(applicant)
    await people.assign(known.patient, known.doctor)
    known.patients = [await people.patient() for _ in range(3)]
    for one in known.patients:
        await people.assign(one, known.doctor)
    async with known.patient.live() as page, known.doctor.live() as note_worker:
        began = time.monotonic()
        sent = await people.submit(known.doctor, known.patient, NOTE)
        known.notes.append(sent["id"])
        changed = await page.next("steps.changed", within_s=30)
        line.seen = f"steps on the page after {time.monotonic() - began:.1f} s"
        line.hold(len(changed["data"]["created"]) == 2, "not two steps")
        step = next(one for one in changed["data"]["created"] if one["kind"] == "checklist")
        reply = await page.ask({"type": "check_in", "id": "1", "step_id": step["id"]})
        line.hold(reply["ok"], "the check-in did not count")
        heard = await note_worker.next("step.checked_in")
        line.hold(heard["data"]["step"]["id"] == step["id"], "the doctor heard of another step")


async def test_a_setting_in_env_is_a_setting_of_the_service(site: Deployment, line: Line) -> None:
    leaving = await site.people.patient()
    answer = await leaving.delete("/api/me/", {"password": leaving.password})
    line.hold(answer.status == 204, f"leaving: {answer.status}")
    found = await site.admin("accounts")
    line.hold([one["user_id"] for one in found["closed"]] == [leaving.id], "ERASURE=request was not followed")
    before = (site.folder / ".env").read_text()
    site.settings(SMTP_URL="smtp://mail:25", SECRET_KEY="x")
    refused = await site.compose("run", "--rm", "-T", "--no-deps", "web", "web", check=False)
    line.hold(refused.returncode == 2, f"exit code {refused.returncode}")
    for name in ("SMTP_URL", "SECRET_KEY"):
        line.hold(f"{name}: given twice" in refused.stdout, f"{name} in .env was dropped in silence")
    (site.folder / ".env").write_text(before)


KEYS = "/backup-keys/hospital_rt.keys.json"


async def test_admin_and_backup(site: Deployment, line: Line) -> None:
    for words in (("verify-audit",), ("schema",)):
        line.hold((await site.admin(*words))["done"], words[0])
    for _ in range(2):
        made = await site.admin("backup", "/backup/records.bak", "--keys", KEYS)
        line.hold(made["done"], "no backup")
    await site.walk("backup.md", "Take files out of a volume")
    taken = ("records.bak", "hospital_rt.keys.json")
    line.hold(all((site.folder / name).stat().st_size for name in taken), "empty files")
    line.seen = f"{made['records']} records, {made['keys']} keys"


async def test_restore_onto_empty_volumes(site: Deployment, line: Line, known: Known) -> None:
    before = sorted(step["id"] for step in await known.patient.steps("?status=all"))
    await site.compose("down")
    for name in (*MEMBERS, "redis"):
        await site.run("docker", "volume", "rm", f"hospital_rt_{name}_data")
    began = time.monotonic()
    await site.walk("backup.md", "Restore", block=2)
    line.seen = f"served after {time.monotonic() - began:.0f} s"
    known.patient = await site.people.sign_in(known.patient.user)
    known.doctor = await site.people.sign_in(known.doctor.user)
    known.patients = [await site.people.sign_in(one.user) for one in known.patients]
    line.hold(sorted(step["id"] for step in await known.patient.steps("?status=all")) == before, "other steps")
    note = await known.doctor.get(f"/api/notes/{known.notes[0]}/")
    line.hold(note.status == 200 and note.body["text"] == NOTE, "the note is not back")
    again = await site.admin("restore", "/backup/records.bak", "--keys", KEYS)
    line.hold(not again["done"], "restored over records")


async def test_scale_under_load(site: Deployment, line: Line, known: Known) -> None:
    async with rushing(known.patients) as rush:
        for web, worker in ((3, 3), (2, 2)):
            scale = ("--scale", f"web={web}", "--scale", f"worker={worker}")
            await site.compose(*UP, "--no-deps", "--no-recreate", *scale, "web", "worker")
            line.hold(len(await site.containers("web")) == web, f"not {web} web nodes")
        await more(rush, 50)
    judge(line, rush, stray=STRAY)


async def more(rush: Rush, count: int) -> None:
    """Let some more be asked."""
    goal = rush.asked + count
    await happens(lambda: rush.asked >= goal, f"{count} more requests", within_s=60)


def judge(line: Line, rush: Rush, *, stray: int) -> None:
    """Into the line: what was asked, and what failed beyond a stray one."""
    line.tried += rush.asked
    failed = rush.failed if len(rush.failed) > stray else []
    line.wrong += failed
    line.seen = f"{line.seen}; " * bool(line.seen) + f"{len(rush.failed)} of {rush.asked} requests failed"


async def test_upgrade_by_roll_under_load(site: Deployment, line: Line, known: Known) -> None:
    before = {role: set(await site.containers(role)) for role in ROLES}
    image = await site.inspect((await site.containers("web"))[0], "{{.Image}}")
    page = site.folder / "static" / "index.html"
    page.write_text(page.read_text() + "<!-- another version -->\n")
    began = time.monotonic()
    async with known.patient.live() as channel, rushing(known.patients) as rush:
        rolled = await site.roll()
        took_s = time.monotonic() - began
        line.hold(await channel.closed() == 1012, "the live channel was not told to come back")
        await more(rush, 50)
    line.seen = f"three roles in {took_s:.0f} s"
    for role in ROLES:
        now = await site.containers(role)
        line.hold(len(now) == len(before[role]) and not before[role] & set(now), f"{role}: not all replaced")
        for one in now:
            line.hold(await site.inspect(one, "{{.Image}}") != image, f"{role}: the old image: {rolled.stdout}")
    images = (await site.run("docker", "images", "--quiet", "--filter", "dangling=true")).stdout.split()
    line.hold(not images, f"{len(images)} images without a name")
    judge(line, rush, stray=STRAY)


async def test_a_new_version_that_does_not_start_leaves_the_old_one_serving(site: Deployment, line: Line) -> None:
    before = set(await site.containers("web"))
    kept = (site.folder / ".env").read_text()
    site.settings(RATE_LIMITS="perhaps")
    rolled = await site.roll("--no-build", "web", check=False)
    line.hold(rolled.returncode == 1 and "RATE_LIMITS" in rolled.stdout, f"{rolled.returncode}: {rolled.stdout[-400:]}")
    line.hold(set(await site.containers("web")) == before, "the old nodes are not those that serve")
    (site.folder / ".env").write_text(kept)
    answer = await site.people.anyone.get("/readyz")
    line.hold(answer.status == 200, f"/readyz {answer.status}")


@pytest.mark.parametrize("service", ["web", "worker", "scheduler", "redis", "nginx", "primary"])
async def test_kill_9_of(site: Deployment, line: Line, known: Known, service: str) -> None:
    line.what = f"kill -9 of {service}"
    victim = await primary(site) if service == "primary" else (await site.containers(service))[0]
    async with rushing(known.patients) as rush:
        await more(rush, 20)
        note = await site.people.submit(known.doctor, known.patient, f"{NOTE} {service}")
        known.notes.append(note["id"])
        began = time.monotonic()
        await site.kill(victim)
        back_s = [0.0]

        async def served() -> bool:
            answer = await asyncio.wait_for(known.patients[0].get("/api/me/"), 5)
            return answer.status == 200

        async def is_back() -> bool:
            try:
                return await served()
            except (OSError, TimeoutError, AssertionError, HTTPClientError):
                return False

        await happens(is_back, "served again", within_s=120)
        back_s[0] = time.monotonic() - began

        async def is_healthy() -> bool:
            return set((await site.healthy()).values()) == {"healthy"}

        await happens(is_healthy, "everything is healthy again", within_s=300)
        await more(rush, 50)
    line.seen = f"served {back_s[0]:.1f} s later"
    kinds = {one.rsplit(" ", 1)[1] for one in rush.failed}
    line.hold(kinds <= set(PASSING), f"refused otherwise: {kinds}")
    # What a killed web node was answering, one request of each client at most, is not sent again when it changes data.
    stray = {"web": len(known.patients), "nginx": len(rush.failed), "primary": len(rush.failed)}.get(service, 0)
    judge(line, rush, stray=stray)


async def primary(site: Deployment) -> str:
    """The container of the member that takes writes, as the service's own driver finds it."""
    script = (
        "from pymongo import MongoClient; c = MongoClient(open('/run/secrets/mongo_url').read().strip());"
        "c.admin.command('ping'); print('primary', c.primary[0])"
    )
    ran = await site.compose("exec", "-T", "worker", "python", "-c", script)
    [name] = re.findall(r"primary (\w+)", ran.stdout)
    return (await site.containers(name))[0]


async def test_no_note_that_was_accepted_is_lost(site: Deployment, line: Line, known: Known) -> None:
    for note_id in known.notes:

        async def is_read(note_id: str = note_id) -> bool:
            answer = await known.doctor.get(f"/api/notes/{note_id}/")
            return answer.status == 200 and answer.body["status"] in {"ready", "superseded", "proposed"}

        try:
            await happens(is_read, "read", within_s=60)
            line.tried += 1
        except AssertionError:
            line.hold(False, f"note {note_id} is not read")
    line.hold((await site.admin("verify-audit"))["done"], "the audit is not whole")


async def test_a_database_member_that_cannot_start_stops_nothing_else(
    site: Deployment, line: Line, known: Known
) -> None:
    first = await primary(site)
    [member] = [name for name in MEMBERS if await site.containers(name) != [first]][:1]
    data = site.volume(f"{member}_data")
    await site.compose("stop", member)
    owner = data.stat()
    await asyncio.to_thread(own, data, 0, 0, 0o700)
    await site.compose("start", member)
    page = site.folder / "static" / "index.html"
    page.write_text(page.read_text() + "<!-- one more version -->\n")
    async with rushing(known.patients) as rush:
        await more(rush, 20)
        rolled = await site.roll(check=False)
        line.hold(rolled.returncode == 0, f"the upgrade stops: {rolled.stdout[-400:]}")
        line.hold((await site.admin("accounts"))["done"], "no admin command runs")
        scaled = await site.compose(*UP, "--no-deps", "--no-recreate", "--scale", "worker=3", "worker", check=False)
        line.hold(scaled.returncode == 0, "no scaling")
        await site.compose("up", "--detach", "--no-build", check=False)
        await more(rush, 50)
    judge(line, rush, stray=STRAY)
    await asyncio.to_thread(own, data, owner.st_uid, owner.st_gid, 0o755)

    async def is_healthy() -> bool:
        return set((await site.healthy()).values()) == {"healthy"}

    await happens(is_healthy, "the member is back", within_s=300)


def own(folder: Path, uid: int, gid: int, mode: int) -> None:
    import os

    os.chown(folder, uid, gid)
    folder.chmod(mode)


async def test_rotation_of_the_encryption_keys(site: Deployment, line: Line, known: Known) -> None:
    old, new = site.secret("encryption_keys"), Fernet.generate_key().decode()
    site.secret("encryption_keys", f"{new},{old}")
    refused = await site.admin("rotate-keys")
    line.hold(not refused["done"] and "2 web" in refused["error"], f"not refused: {refused}")
    async with rushing(known.patients) as rush:
        site.secret("encryption_keys", f"{old},{new}")
        await site.roll("--no-build", "web", "worker")
        site.secret("encryption_keys", f"{new},{old}")
        await site.roll("--no-build", "web", "worker")
        done = await site.admin("rotate-keys")
        line.hold(done["done"] and done["old_keys_removable"], str(done))
        site.secret("encryption_keys", new)
        await site.roll("--no-build", "web", "worker")
        note = await site.people.submit(known.doctor, known.patient, NOTE)
        known.notes.append(note["id"])
        await more(rush, 50)
    judge(line, rush, stray=3 * STRAY)
    line.hold(await known.patient.steps("?status=all"), "no steps any more")
    ready = await site.people.anyone.get("/readyz")
    line.hold(ready.status == 200, f"/readyz {ready.status}")


async def test_rotation_of_passwords_by_the_commands_of_the_page(site: Deployment, line: Line, known: Known) -> None:
    old = {name: site.secret(f"{name}_password") for name in ("mongo", "redis")}
    async with rushing(known.patients) as rush:
        await site.walk(
            "passwords.md", "Rotate passwords, keys and certificates", "Password of MongoDB", "Password of Redis"
        )
        note = await site.people.submit(known.doctor, known.patient, NOTE)
        known.notes.append(note["id"])
        await more(rush, 50)
    kinds = {one.rsplit(" ", 1)[1] for one in rush.failed}
    line.hold(kinds <= {"503"}, f"refused otherwise: {rush.failed}")
    judge(line, rush, stray=len(rush.failed))
    ping = await site.compose("exec", "-T", "redis", "redis-cli", "--no-auth-warning", "-a", old["redis"], "ping")
    line.hold("WRONGPASS" in ping.stdout, "the old password of Redis still opens it")
    script = "from pymongo import MongoClient; import sys; MongoClient(sys.stdin.read()).admin.command('ping')"
    url = site.secret("mongo_url").replace(site.secret("mongo_password"), old["mongo"])
    old_login = await site.compose("exec", "-T", "worker", "python", "-c", script, check=False, stdin=url)
    line.hold("Authentication failed" in old_login.stdout, "the old password of MongoDB still opens it")


@pytest.mark.parametrize(
    ("page", "heading"),
    [
        ("backup.md", "By hand"),
        ("backup.md", "Drill"),
        ("upgrade.md", "nginx"),
        ("rotate.md", "Encryption keys"),
        ("rotate.md", "SECRET_KEY"),
    ],
)
async def test_commands_of_the_page(site: Deployment, line: Line, known: Known, page: str, heading: str) -> None:
    line.what = f"commands of {page}, {heading}"
    await site.walk(page, heading)
    known.doctor = await site.people.sign_in(known.doctor.user)
    known.patients = [await site.people.sign_in(one.user) for one in known.patients]
    known.patient = await site.people.sign_in(known.patient.user)
    known.notes.append((await site.people.submit(known.doctor, known.patient, NOTE))["id"])
    line.hold(await known.patient.steps("?status=all"), "no steps any more")
    line.hold(set((await site.healthy()).values()) == {"healthy"}, "something is not healthy")


async def test_with_no_web_node_nothing_secret_is_logged(site: Deployment, line: Line) -> None:
    await site.compose("stop", "web")
    answer = await site.people.anyone.get(SECRET_PATH)
    line.hold((answer.status, answer.slug) == (503, "unavailable"), f"{answer.status}")
    await site.compose(*UP, "--no-deps", "--no-recreate", "web")
    logged = (await site.compose("logs", "--no-color")).stdout
    line.hold("a-secret-that-opens" not in logged, "the log has the path of a calendar")
    for name in ("mongo_password", "redis_password", "secret_key", "encryption_keys"):
        line.hold(site.secret(name) not in logged, f"the log has {name}")


async def test_a_second_copy_on_one_host(site: Deployment, line: Line) -> None:
    other = Deployment(site.engine, "staging", port=8180)
    other.clone(umask=0o077)
    await other.run("sh", "deploy/make-env.sh", other.base, environment={"COMPOSE_PROJECT_NAME": "staging"})
    other.settings_of_the_engine()
    other.settings(COMPOSE_PROJECT_NAME="staging", FRONT_NET="10.203.17", INSIDE_NET="10.203.18", HTTP_PORT="8180")
    await other.compose(*UP, "nginx", "redis")
    for one, wanted in ((other, 503), (site, 200)):
        answer = await one.people.anyone.get("/readyz")
        line.hold(answer.status == wanted, f"{one.base} answers {answer.status}")
    await other.compose("down", "--volumes")
    line.hold(len(await site.containers("redis")) == 1, "the first copy lost a service")


async def test_tls_redirect_and_renewal(site: Deployment, line: Line, tmp_path: Path) -> None:
    secure = site.base.replace("http", "https").replace("8080", "8443")

    async def put_certificate() -> bytes:
        (site.folder / "tls").mkdir(exist_ok=True)
        make_certificate(site.folder)
        chain, key = site.folder / "tls/tls.crt", site.folder / "tls/tls.key"
        key.chmod(0o600)  # as every tool of a certificate authority leaves it
        await site.run("sh", "deploy/certificate.sh", "tls/tls.crt", "tls/tls.key")
        (tmp_path / "ca.pem").write_bytes(chain.read_bytes())
        return chain.read_bytes()

    async def served() -> bytes:
        text = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", 8443))
        return text.encode()

    first = await put_certificate()
    site.settings(PUBLIC_URL=secure, HTTPS_PORT="8443", HTTP_PORT="8080")
    await site.compose("up", "--detach", "--wait")
    line.hold(await served() == first, "another certificate")
    ready = await fetch(f"{secure}/readyz", ca_certs=str(tmp_path / "ca.pem"))
    line.hold(ready.code == 200, f"by TLS {ready.code}")
    line.hold(
        "Strict-Transport-Security" in (await fetch(f"{secure}/", ca_certs=str(tmp_path / "ca.pem"))).headers,
        "no Strict-Transport-Security",
    )
    for method in ("GET", "POST"):
        clear = await fetch(f"{site.base}/api/token/", method=method, body=b"{}" if method == "POST" else None)
        line.hold(clear.code == 308 and clear.headers["Location"] == f"{secure}/api/token/", f"in clear {clear.code}")
    before = await site.inspect((await site.containers("nginx"))[0], "{{.Id}} {{.State.StartedAt}}")
    second = await put_certificate()

    async def is_renewed() -> bool:
        return await served() == second != first

    await happens(is_renewed, "the renewed certificate is served", within_s=15)
    after = await site.inspect((await site.containers("nginx"))[0], "{{.Id}} {{.State.StartedAt}}")
    line.hold(after == before, "nginx was started anew for it")
    await site.compose("up", "--detach")
    line.hold(await served() == second, "a later command took TLS away")
    line.hold(not listens(8080) or (await fetch(f"{site.base}/healthz")).code == 308, "served in clear")
    wrong = await site.run("sh", "deploy/certificate.sh", "tls/tls.crt", "secrets/tls/tls.crt", check=False)
    line.hold(wrong.returncode == 1 and await served() == second, "took a certificate without its key")


async def fetch(url: str, **more: Any) -> Any:
    request = HTTPRequest(url, follow_redirects=False, request_timeout=15, **more)
    return await AsyncHTTPClient().fetch(request, raise_error=False)


async def test_down_and_up_and_down_with_volumes(site: Deployment, line: Line, known: Known) -> None:
    kept = [one for one in (site.folder / ".env").read_text().splitlines() if not one.startswith("COMPOSE_FILE=")]
    await site.compose("down")
    (site.folder / ".env").write_text("\n".join(kept) + "\n")
    site.settings(PUBLIC_URL=site.base)
    began = time.monotonic()
    await site.compose(*UP)
    line.seen = f"up again after {time.monotonic() - began:.0f} s"
    steps = await known.patient.steps("?status=all")
    line.hold(len(steps) >= 2, "the steps are not there")
    await site.compose("down", "--volumes")
    volumes = (await site.run("docker", "volume", "ls", "--quiet")).stdout.split()
    kept = [f"{name}_{kind}" for name in ("hospital_rt", "staging") for kind in ("backup_keys", "backups")]
    line.hold(volumes == kept, f"left: {volumes}")
