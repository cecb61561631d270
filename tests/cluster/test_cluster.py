"""``make cluster``: what docker-compose.yml describes, as processes with the same configuration files, put to the test.

nginx, three mongods with a key file, Redis with a password, two web, two workers, two schedulers. The tests run in this
order on one cluster; each is a line of the table at the end.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import websocket_connect

from tests.cluster.conftest import Line
from tests.cluster.rush import ThroughNginx, rushing
from tests.cluster.topology import DAY_SECONDS, Cluster
from tests.faults.compare import HEAD, NOUGHT, Counts
from tests.faults.ground import count_all, settle
from tests.faults.ward import Ward, look_inside, spread
from tests.integration.test_backup import answers
from tests.support.channel import Channel
from tests.support.driver import Front, Person, free_port
from tests.support.processes import Command, Role, happens, run_main
from tests.support.wire_http import say

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

NOTE = "Take amoxicillin 500 mg once a day for 7 days. Book a chest X-ray."
RESTARTING = 1012
AROUND_THE_CLOCK_S = 45.0


async def admin(cluster: Cluster, *arguments: str, **changes: object) -> dict[str, object]:
    """An admin command beside the running cluster, as ``docker compose run admin`` runs it."""
    ran = await asyncio.to_thread(
        run_main,
        "admin",
        *arguments,
        "--json",
        "--yes",
        environment=cluster.environment(**changes),
        folder=cluster.folder,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, object] = json.loads(ran.stdout)
    return found


async def test_the_main_journey_through_nginx(cluster: Cluster, line: Line) -> None:
    people = cluster.people
    patient = await people.patient(name="Ada Brown")
    applicant = await people.sign_up("doctor")
    await admin(cluster, "approve-doctor", applicant["email"])
    doctor = await people.sign_in(applicant)
    line.hold(doctor.user["status"] == "active", "the doctor is not active")
    await people.assign(patient, doctor)
    async with patient.live() as page, doctor.live() as note_worker:
        began = time.monotonic()
        await people.submit(doctor, patient, NOTE)
        changed = await page.next("steps.changed", within_s=15)
        line.hold(len(changed["data"]["created"]) == 2, "not two steps")
        due = await page.next("reminder.due", within_s=15)
        line.seen = f"reminded {time.monotonic() - began:.1f} s after the note"
        step = due["data"]["step"]
        slot = {"step_id": step["id"], "slot": due["data"]["slot"]}
        reply = await page.ask({"type": "check_in", "id": "1", **slot})
        line.hold(reply["ok"] and reply["data"]["progress"]["done"] == 1, "the check-in did not count")
        heard = await note_worker.next("step.checked_in")
        line.hold(heard["data"]["step"]["id"] == step["id"], "the doctor heard of another step")
        again = await patient.post(f"/api/check-in/{step['id']}/", {"slot": due["data"]["slot"]})
        line.hold(again.body["progress"]["done"] == 1, "the same check-in counted twice")
        second = await page.next("reminder.due", within_s=DAY_SECONDS + 15)
        line.hold(second["data"]["slot"] > due["data"]["slot"], "not a later slot")
        await page.nothing_more()
        seqs = [event["seq"] for event in page.events]
        line.hold(seqs == list(range(seqs[0], seqs[0] + len(seqs))), "the feed has a gap")


async def test_the_same_by_tls(cluster: Cluster, line: Line) -> None:
    own: dict[str, Any] = {
        "ca_certs": str(cluster.servers.secrets / "tls/tls.crt"),
        "headers": {"Host": f"127.0.0.1:{cluster.port}"},
    }
    there = f"https://127.0.0.1:{cluster.tls_port}"
    answer = await AsyncHTTPClient().fetch(HTTPRequest(f"{there}/healthz", **own))
    line.hold(answer.code == 200, "no answer by TLS")
    patient = await cluster.people.patient()
    address = HTTPRequest(there.replace("https", "wss") + "/api/live/", **own)
    channel = Channel(await websocket_connect(address, subprotocols=["hospital-rt.v1"]))
    await channel.send({"type": "auth", "token": patient.access, "resume_after": None})
    line.hold((await channel.message("ready"))["user_id"] == patient.id, "not ready by TLS")
    channel.close()


async def test_what_nginx_keeps_from_the_house(cluster: Cluster, line: Line) -> None:
    """Sizes and slow senders; the latter wait beside the former."""
    head = b"POST /api/token/ HTTP/1.1\r\n{host}\r\nContent-Type: application/json\r\n"
    began = time.monotonic()
    half = asyncio.create_task(say(cluster.people, b"GET / HTTP/1.1\r\nHo", within_s=25, until_closed=True))
    slow = asyncio.create_task(
        say(cluster.people, head + b'Content-Length: 90\r\n\r\n{"em', within_s=30, until_closed=True)
    )
    patient, doctor = await pair(cluster)
    for size, source in ((257 * 1024, "the web role"), (400 * 1024, "nginx")):
        body = {"patient_id": patient.id, "text": "a" * size}
        refused = await doctor.post("/api/notes/", body)
        line.hold((refused.status, refused.slug) == (413, "too-large"), f"{size} bytes: {refused.status} of {source}")
    allowed = await doctor.post("/api/notes/", {"patient_id": patient.id, "text": "ä" * 20_000})
    line.hold(allowed.status == 202, f"the largest note: {allowed.status}")
    for path in ("/metrics", "/metrics/"):
        hidden = await cluster.people.anyone.get(path)
        line.hold((hidden.status, hidden.slug) == (404, "not-found"), f"{path}: {hidden.status}")
    ready = await cluster.people.anyone.get("/readyz")
    line.hold((ready.status, ready.body) == (200, {"status": "ready"}), f"/readyz shows {ready.raw!r}")
    heard = await half
    line.hold(heard.is_closed or 408 in heard.statuses, "half a head was waited for")
    halves_s = time.monotonic() - began
    heard = await slow
    line.hold(heard.is_closed or 408 in heard.statuses, "a body that does not come was waited for")
    line.seen = f"half a head ended after {halves_s:.0f} s, half a body after {time.monotonic() - began:.0f} s"


async def pair(cluster: Cluster) -> tuple[Person, Person]:
    """A patient and their doctor, who is active already."""
    async with look_inside(cluster) as app:
        ward = Ward(app, cluster.base)
        doctor = await ward.person("doctor")
        return (await ward.patients(1, doctor=doctor))[0], doctor


async def test_only_prometheus_reads_the_metrics_of_every_role(cluster: Cluster, line: Line) -> None:
    for role in cluster.roles:
        text = await figures(role)
        line.hold('hospital_rt_dependency_up{dependency="redis"} 1.0' in text, f"{role.name} does not reach Redis")
        mongodb = 'hospital_rt_dependency_up{dependency="mongodb"} 1.0' in text
        line.hold(mongodb or role.role == "scheduler", f"{role.name} does not reach MongoDB")
        for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 404)):
            heard = await say(Front(role.base), f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            line.hold(heard.statuses == [status], f"{role.name}{path}: {heard.statuses}")
            line.hold(path != "/readyz" or b'{"status": "ready"}' in heard.raw, f"{role.name} is not ready")


async def test_who_asks_is_believed_from_nginx_alone(cluster: Cluster, line: Line) -> None:
    patient, _ = await pair(cluster)
    direct = Front(cluster.webs[0].base)
    claimed = "198.51.100.7"
    came: list[str] = []
    async with look_inside(cluster) as app:
        audit = app.resources.database.collection("audit")
        for number, (door, come_from, expected) in enumerate(
            [
                (cluster.people, "127.0.0.9", "127.0.0.9"),
                (cluster.people, "127.0.0.10", "127.0.0.10"),
                (direct, "127.0.0.9", "127.0.0.9"),
                (direct, "127.0.0.2", claimed),
            ]
        ):
            request = f"GET /api/steps/ HTTP/1.1\r\nHost: 127.0.0.1:{cluster.port}\r\n".encode()
            request += f"Authorization: Bearer {patient.access}\r\nX-Forwarded-For: {claimed}\r\n".encode()
            request += f"X-Request-ID: who-asks-{number}\r\n\r\n".encode()
            heard = await say(door, request, come_from=come_from)
            line.hold(heard.statuses == [200], f"{come_from}: {heard.statuses}")
            [row] = await audit.find({"request": f"who-asks-{number}", "who": patient.id}).to_list(None)
            found = await app.store.vault.open_value(patient.id, f"audit|{row['_id']}|from", row["sealed_from"])
            line.hold(found == expected, f"from {come_from}: {found}")
            came.append(str(found))
    line.seen = "as heard: " + ", ".join(came)


async def test_a_rolling_restart_and_worse_under_load(cluster: Cluster, line: Line) -> None:
    """Every role is replaced, one after the other, and no request fails. Then the primary steps down, a worker and a
    scheduler are killed, Redis is restarted: and nothing is lost, doubled or missed. The load is what two cores can
    carry while processes start: beyond that, an answer of 503 is right.
    """
    async with look_inside(cluster) as app:
        ward = Ward(app, cluster.base)
        doctors = [await ward.person("doctor") for _ in range(2)]
        patients = await ward.patients(12, doctor=doctors[0])
        notes = [(doctor, one) for doctor in doctors for one in await ward.patients(20, doctor=doctor)]
        busy = await ward.patients(6, doctor=doctors[1])
        listeners = patients[:8]
        load = ThroughNginx(cluster)
        try:
            await load.listen([*listeners, *doctors])
            due = await ward.plan(patients, spread(300, over_s=AROUND_THE_CLOCK_S, begins_in_s=1.0), doctor=doctors[0])
            writing = asyncio.create_task(load.write_notes(notes, over_s=AROUND_THE_CLOCK_S))
            async with rushing(busy) as rush:
                for role in list(cluster.roles):
                    await in_its_turn(cluster, role)
                asked, failed = rush.asked, list(rush.failed)
            line.tried += asked + load.journal.notes_sent + load.journal.check_ins_sent
            line.wrong += failed + list(load.journal.again.elements())
            closed = sum((one.closed for one in load.journal.heard.values()), Counter())
            line.hold(set(closed) == {RESTARTING}, f"closed with {dict(closed)}")
            line.hold(closed[RESTARTING] >= len(load.journal.heard), f"only {closed[RESTARTING]} sockets were closed")
            line.seen = f"{asked} requests, {closed[RESTARTING]} sockets closed with 1012"
            await worse(cluster, line)
            await writing
            await settle(app, load, due)
            counts = Counts("rolled, stepped down, killed, Redis again", injected=len(cluster.roles) + 4)
            await count_all(counts, app, load, due, doctors=doctors, listeners=listeners)
        finally:
            await load.close()
    print(f"\n{HEAD}\n{counts.line()}")
    line.tried += counts.due + counts.notes + counts.check_ins + counts.heard
    line.wrong += [f"{name}: {found}" for name, found in counts.wrong.items()] + counts.found
    assert set(NOUGHT) >= set(counts.wrong) - {"broken"}


async def in_its_turn(cluster: Cluster, role: Role) -> None:
    """Replace one role, as a rolling update does, and go on when it works."""
    new = await cluster.replace(role)
    if new.role == "web":
        await happens(lambda: served(new), "nginx sends to the new web process", within_s=20)


async def served(web: Role) -> bool:
    """Whether it has answered anything but a probe."""
    text = await figures(web)
    counted = re.findall(r'^hospital_rt_request_seconds_count\{.*route="(?:Me|Steps)Handler".*\} (\S+)', text, re.M)
    return any(float(one) for one in counted)


async def figures(role: Role) -> str:
    """/metrics as Prometheus gets them: it comes from an address of its own."""
    heard = await say(
        Front(role.base), b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", come_from="127.0.0.3"
    )
    assert heard.statuses == [200], heard
    return heard.raw.decode()


async def worse(cluster: Cluster, line: Line) -> None:
    """Failures that are not planned."""
    before = await asyncio.to_thread(cluster.step_down)
    after = await happens(lambda: asyncio.to_thread(cluster.primary), "there is a primary again", within_s=30)
    line.hold(after != before, "the primary is still the same")
    for role in (cluster.workers[0], next(one for one in cluster.roles if one.role == "scheduler")):
        role.kill()
        await cluster.again(role)
    redis = cluster.servers.running["redis"]
    assert await redis.stop() == 0, redis.logged
    again: Command = cluster.servers.redis(cluster.redis_port)
    await happens(lambda: cluster.servers.redis_is_healthy(cluster.redis_port), "Redis takes writes again")
    line.hold(again.runs, "Redis does not run")


async def test_with_every_web_away_people_are_told_to_come_again(cluster: Cluster, line: Line) -> None:
    for role in list(cluster.webs):
        role.kill()
    refused = await cluster.people.anyone.get("/api/me/")
    line.hold((refused.status, refused.slug) == (503, "unavailable"), f"{refused.status}")
    line.hold(refused.headers.get("Retry-After") == "2", "no Retry-After")
    for role in list(cluster.webs):
        await cluster.again(role)

    async def answered() -> bool:
        return (await cluster.people.anyone.get("/api/me/")).status == 401

    await happens(answered, "the house answers again")
    line.tried += 1


async def test_a_backup_of_the_running_cluster_serves_the_same_answers_elsewhere(
    cluster: Cluster, line: Line, tmp_path: Path
) -> None:
    async with look_inside(cluster) as app:
        ward = Ward(app, cluster.base)
        doctor = await ward.person("doctor")
        patients = await ward.patients(2, doctor=doctor)
        due = await ward.plan(patients, spread(6, over_s=0.5), doctor=doctor)
        ledger = app.resources.database.collection("reminders")

        async def recorded() -> bool:
            steps = [one.step_id for one in due]
            return int(await ledger.count_documents({"step_id": {"$in": steps}, "recorded": True})) == len(due)

        await happens(recorded, "all is recorded", within_s=20)
    checked = await patients[0].post(f"/api/check-in/{due[0].step_id}/", {"outcome": "skipped", "reason": "no thirst"})
    line.hold(checked.status == 200, f"the check-in: {checked.status}")
    people = [doctor, *patients]
    before = {who.id: await answers(who) for who in people}
    files = (str(tmp_path / "records"), "--keys", str(tmp_path / "keys"))
    made = await admin(cluster, "backup", *files)

    mongod, port = free_port(), free_port()
    cluster.servers.mongod(mongod)
    await cluster.servers.begin([mongod])
    url = cluster.put("other_mongo_url", re.sub(r"@[^/]+/", f"@127.0.0.1:{mongod}/", cluster.mongo_url))
    elsewhere = {"mongo_url_file": url, "public_url": f"http://127.0.0.1:{port}"}
    restored = await admin(cluster, "restore", *files, **elsewhere)
    line.hold(restored["records"] == made["records"], "not as many records")
    [web] = await cluster.start("web", port=port, **elsewhere)
    for who in people:
        after = await answers(await Front(web.base).sign_in(who.user))
        for path, answer in before[who.id].items():
            line.hold(after[path] == answer, f"{path} differs")
    line.seen = f"{made['records']} records"
    assert await web.stop() == 0
    cluster.roles.remove(web)


async def test_every_role_stops_cleanly_and_none_has_complained(cluster: Cluster, line: Line) -> None:
    for role in list(cluster.roles):
        line.hold(await role.stop() == 0, f"{role.name} did not stop cleanly")
    excused = ("library.line",)
    line.wrong += [one for one in cluster.complaints() if not any(word in one for word in excused)]
