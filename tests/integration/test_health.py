"""For those who run it: probes, figures, hosts, origins, headers."""

from __future__ import annotations

from typing import Any

import pytest

from hospital_rt.version import versions
from tests.support.driver import PASSWORD, Clinic, plan_item
from tests.support.wire_http import say

pytestmark = pytest.mark.long

# Probes and figures


async def test_alive_and_ready_say_so(ward: Clinic) -> None:
    for path in ("/healthz", "/healthz/"):
        assert (await ward.anyone.get(path)).body == {"status": "alive", **versions()}
    for path in ("/readyz", "/readyz/"):
        answer = await ward.anyone.get(path)
        assert answer.status == 200
        assert answer.body == {"status": "ready", "mongodb": True, "keys": True, "redis": True, "sockets": 0}


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi/", "/swagger/"])
async def test_what_can_be_read_can_be_asked_for_without_its_body(ward: Clinic, path: str) -> None:
    answer = await ward.anyone.call("HEAD", path)
    assert (answer.status, answer.raw) == (200, b"")


@pytest.mark.settings(ops_allow=("10.0.0.0/8",), trusted_proxies=("127.0.0.1",))
async def test_details_and_figures_are_for_operators_alone(clinic: Clinic) -> None:
    # The address that counts is the socket's: what a proxy forwards proves nothing here.
    for headers in ({}, {"X-Forwarded-For": "10.0.0.1"}):
        assert (await clinic.anyone.get("/readyz", headers=headers)).body == {"status": "ready"}
        hidden = await clinic.anyone.get("/metrics", headers=headers)
        nothing = await clinic.anyone.get("/nothing", headers=headers)
        assert (hidden.status, hidden.raw) == (404, nothing.raw)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_a_proxy_on_this_machine_does_not_open_the_figures_to_everybody(ward: Clinic, header: str) -> None:
    headers = {header: "for=127.0.0.1" if header == "Forwarded" else "127.0.0.1"}
    assert (await ward.anyone.get("/metrics", headers=headers)).status == 404
    assert (await ward.anyone.get("/readyz", headers=headers)).body == {"status": "ready"}


async def test_metrics_count_requests_and_contain_no_names(ward: Clinic) -> None:
    patient, doctor = await ward.pair(name="Ruth Keller")
    note = await ward.note(doctor, patient, plan=[plan_item("Walk", "Walk daily")])
    answer = await ward.anyone.get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=")
    text = answer.raw.decode()
    assert 'hospital_rt_request_seconds_count{method="POST",route="NotesHandler",status="202"}' in text
    assert 'hospital_rt_notes_total{status="ready"}' in text
    for secret in (patient.id, doctor.id, note["id"], "Ruth", "Walk", "clinic.example"):
        assert secret not in text


@pytest.mark.settings(redis_url="redis://127.0.0.1:1")
async def test_without_redis_it_is_degraded_and_all_of_rest_answers(clinic: Clinic) -> None:
    ready = await clinic.anyone.get("/readyz")
    assert ready.status == 200
    assert ready.body == {"status": "degraded", "mongodb": True, "keys": True, "redis": False, "sockets": 0}
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, plan=[plan_item("Walk", "Walk daily")])
    step = await patient.step("Walk")
    await clinic.tick("2027-03-02T09:00")
    assert (await patient.post(f"/api/check-in/{step['id']}/")).body["progress"]["done"] == 1
    assert (await doctor.get("/api/my-patients/")).body["items"][0]["adherence"] == 1
    assert len((await doctor.get("/api/events/")).body["items"]) >= 4
    assert (await clinic.anyone.post("/api/forgot-password/", {"email": patient.email})).status == 202
    assert (await clinic.anyone.post("/api/token/refresh/", {"refresh": patient.refresh})).status == 200
    body = {"current": PASSWORD, "password": "brisk-otter-umbrella-7"}
    assert (await patient.post("/api/me/password/", body)).status == 204
    assert (await patient.delete("/api/assign/")).status == 204


# Hosts


@pytest.mark.settings(public_url="https://Care.example")
async def test_only_our_own_host_names_are_answered(clinic: Clinic) -> None:
    port = clinic.app.settings.port
    ours = ["care.example", "CARE.example", "care.example:443"]
    ours += [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    others = [
        "evil.example",
        "care.example:8443",
        "care.example.evil.example",
        "127.0.0.1",
        f"10.0.0.1:{port}",
        "",
        "care.example,evil.example",
        "user@care.example",
    ]
    for path in ("/api/doctors/", "/", "/swagger/", "/openapi.json", "/static/css/base.css", "/nothing"):
        for host in ours if path in {"/", "/api/doctors/"} else ours[:1]:
            assert (await clinic.anyone.get(path, headers={"Host": host})).status in {200, 401, 404}, (path, host)
        for host in others:
            heard = await say(clinic, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert heard.statuses == [400], (path, host)
    # A probe comes by whatever name the machine has.
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await clinic.anyone.get(path, headers={"Host": "10-1-2-3.pod.local"})).status == 200


# Origins


ALLOWED = "https://app.example"
with_origin = pytest.mark.settings(allowed_origins=(ALLOWED,))


def cors(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower().startswith("access-control-")}


@with_origin
async def test_a_page_of_an_allowed_origin_may_ask_and_read(clinic: Clinic) -> None:
    preflight = await clinic.anyone.call(
        "OPTIONS",
        "/api/notes/",
        headers={
            "Origin": ALLOWED,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )
    assert preflight.status == 204 and preflight.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert {"GET", "POST"} <= set(preflight.headers["Access-Control-Allow-Methods"].split(", "))
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key"))
    patient = await clinic.patient()
    refusals = [
        await clinic.anyone.get("/api/me/", headers={"Origin": ALLOWED}),
        await patient.get("/api/steps/?limit=0", headers={"Origin": ALLOWED}),
        await patient.call("PUT", "/api/me/", headers={"Origin": ALLOWED}),
    ]
    assert [answer.status for answer in refusals] == [401, 422, 405]
    for answer in (await patient.get("/api/me/", headers={"Origin": ALLOWED}), *refusals):
        assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED and answer.headers["Vary"] == "Origin"
        exposed = answer.headers["Access-Control-Expose-Headers"].lower()
        assert all(name in exposed for name in ("x-request-id", "x-feed", "retry-after"))
        assert "Access-Control-Allow-Credentials" not in answer.headers


@with_origin
async def test_a_page_of_another_origin_learns_nothing(clinic: Clinic) -> None:
    for origin in (
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "null",
        "",
        "https://app.example.evil.example",
        "https://sub.app.example",
    ):
        for method in ("OPTIONS", "GET"):
            answer = await clinic.anyone.call(method, "/api/me/", headers={"Origin": origin})
            assert cors(answer.headers) == {} and answer.headers["Vary"] == "Origin", origin
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_without_allowed_origins_no_other_page_reads_anything(ward: Clinic) -> None:
    for origin in (ward.base, ALLOWED):
        assert cors((await ward.anyone.get("/api/me/", headers={"Origin": origin})).headers) == {}


# Headers


@pytest.mark.parametrize(
    "path",
    [
        "/api/me/",
        "/nothing",
        "/",
        "/healthz",
        "/openapi.json",
        "/static/css/base.css",
        "/static/nothing.js",
        "/static/../main.py",
        "/static/%2e%2e/main.py",
    ],
)
async def test_every_answer_is_named_and_kept_from_harm(ward: Clinic, path: str) -> None:
    answer = await ward.anyone.get(path, headers={"X-Request-ID": "my-own-request-1"})
    assert answer.status in {200, 401, 404} and answer.headers["X-Request-ID"] == "my-own-request-1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Server" not in answer.headers and "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "with blank in it", 'quote"d-and-more', "<script>alert(1)"])
async def test_a_request_gets_a_name_of_ours_unless_its_own_will_do(ward: Clinic, given: str) -> None:
    names = {(await ward.anyone.get("/healthz", headers={"X-Request-ID": given})).headers["X-Request-ID"] for _ in "ab"}
    assert len(names) == 2 and all(len(name) == 32 and name.isalnum() for name in names)
