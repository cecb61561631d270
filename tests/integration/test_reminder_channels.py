"""Other ways to hear: the private calendar, and Web Push when no page is open."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import time
from typing import Any

import http_ece
import icalendar
import jwt
import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hospital_rt.delivery.web_push import EndpointRefused, PushSender, is_public
from tasks.push import sweep_push
from tests.support.driver import Clinic, item, plan_item

pytestmark = pytest.mark.long


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Device:
    """A browser's push service and the device behind it: it can open what was meant for it."""

    def __init__(self) -> None:
        self.key, self.secret = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        self.received: list[dict[str, Any]] = []
        self.status, self.retry_after = 201, ""
        device = self

        class Endpoint(tornado.web.RequestHandler):
            def post(self, _path: str) -> None:
                headers = dict(self.request.headers.get_all())
                opened = http_ece.decrypt(
                    self.request.body, private_key=device.key, auth_secret=device.secret, version="aes128gcm"
                )
                device.received.append({"headers": headers, "data": opened})
                self.set_status(device.status)
                if device.retry_after:
                    self.set_header("Retry-After", device.retry_after)
                if device.status == 302:
                    self.set_header("Location", f"http://127.0.0.1:{device.port}/elsewhere")

        sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self.server = tornado.httpserver.HTTPServer(tornado.web.Application([(r"/(.*)", Endpoint)]))
        self.server.add_sockets(sockets)

    def subscription(self) -> dict[str, Any]:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": f"http://127.0.0.1:{self.port}/device",
            "expirationTime": None,
            "keys": {"p256dh": b64(point), "auth": b64(self.secret)},
        }


async def test_a_calendar_program_shows_the_reminders_at_the_patients_times(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair(timezone="Europe/Berlin")
    await clinic.note(
        doctor,
        patient,
        checklist=[item("Book a chest X-ray")],
        plan=[
            plan_item("Take amoxicillin", "Take amoxicillin twice a day for 2 days", times_per_day=2, duration_days=2)
        ],
    )
    made = await patient.post("/api/me/calendar/")
    path = made.body["url"].removeprefix(clinic.base)
    answer = await clinic.anyone.get(path)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/calendar")
    calendar = icalendar.Calendar.from_ical(answer.raw)
    events = list(calendar.walk("VEVENT"))
    assert [str(event["summary"]) for event in events] == ["You have a reminder"] * 4
    assert events[0].decoded("dtstart").isoformat() == "2027-03-01T20:00:00+00:00"
    assert b"amoxicillin" not in answer.raw
    assert len({str(event["uid"]) for event in events}) == 4

    titled = await patient.post("/api/me/calendar/", {"titles": True})
    assert (await clinic.anyone.get(path)).status == 404, "the older link ended"
    assert b"amoxicillin" in (await clinic.anyone.get(titled.body["url"].removeprefix(clinic.base))).raw


async def test_a_calendar_link_ends_when_it_is_revoked_or_its_patient_leaves(clinic: Clinic) -> None:
    patient = await clinic.patient()
    path = (await patient.post("/api/me/calendar/")).body["url"].removeprefix(clinic.base)
    assert (await patient.delete("/api/me/calendar/")).status == 204
    assert (await clinic.anyone.get(path)).slug == "not-found"
    path = (await patient.post("/api/me/calendar/")).body["url"].removeprefix(clinic.base)
    assert (await clinic.anyone.get(path)).status == 200
    assert (await patient.delete("/api/me/", {"password": patient.password})).status == 204
    assert (await clinic.anyone.get(path)).slug == "not-found"


@pytest.mark.settings(push_hosts=("127.0.0.1",))
async def test_a_closed_page_gets_one_neutral_push_for_a_reminder(clinic: Clinic) -> None:
    device = Device()
    patient, doctor = await clinic.pair()
    made = await patient.post("/api/me/push/", device.subscription())
    assert made.status == 201 and len(made.body["items"]) == 1
    await clinic.plan_daily(doctor, patient, "Take amoxicillin")
    await clinic.tick("2027-03-02T09:00")
    assert await sweep_push(clinic.app) == 0, "the page has a moment to show it"
    clinic.set_clock("2027-03-02T09:01")
    assert sorted(await asyncio.gather(sweep_push(clinic.app), sweep_push(clinic.app))) == [0, 1]
    assert await sweep_push(clinic.app) == 0
    (push,) = device.received
    said = json.loads(push["data"])
    assert set(said) == {"type", "count", "token", "tag"} and (said["type"], said["count"]) == ("reminder", 1)
    assert len(said["token"]) == 43 and re.fullmatch("[0-9a-f]{16}", said["tag"]), "nothing that tells of the step"
    assert push["headers"]["Authorization"].startswith("vapid ") and push["headers"]["Ttl"] == "3600"


@pytest.mark.settings(push_hosts=("127.0.0.1",))
async def test_what_the_page_showed_or_the_patient_answered_is_not_pushed(clinic: Clinic) -> None:
    device = Device()
    patient, doctor = await clinic.pair()
    await patient.post("/api/me/push/", device.subscription())
    step = await clinic.plan_daily(doctor, patient, "Take amoxicillin")
    async with patient.live() as page:
        await clinic.tick("2027-03-02T09:00")
        due = await page.next("reminder.due")
        await page.send({"type": "ack", "seq": due["seq"]})
        await page.nothing_more()
    clinic.set_clock("2027-03-02T09:01")
    assert await sweep_push(clinic.app) == 0
    await clinic.tick("2027-03-03T09:00")
    assert (await patient.post(f"/api/check-in/{step['id']}/")).status == 200
    clinic.set_clock("2027-03-03T09:01")
    assert await sweep_push(clinic.app) == 0
    assert device.received == []


@pytest.mark.settings(push_hosts=("127.0.0.1",))
async def test_a_device_that_unsubscribed_is_forgotten_and_no_redirect_is_followed(clinic: Clinic) -> None:
    device = Device()
    patient, doctor = await clinic.pair()
    await patient.post("/api/me/push/", device.subscription())
    await clinic.plan_daily(doctor, patient, "Take amoxicillin")
    device.status = 302
    await clinic.tick("2027-03-02T09:00")
    clinic.set_clock("2027-03-02T09:01")
    assert await sweep_push(clinic.app) == 0 and len(device.received) == 1
    device.status = 410
    clinic.set_clock("2027-03-02T09:02")
    await sweep_push(clinic.app)
    assert len(device.received) == 2
    assert (await patient.get("/api/me/push/")).body["items"] == []


@pytest.mark.settings(push_hosts=("127.0.0.1",), vapid_subject="mailto:ops@clinic.example")
async def test_a_push_service_that_refuses_is_left_alone_and_keeps_the_device(clinic: Clinic) -> None:
    device = Device()
    patient, doctor = await clinic.pair()
    await patient.post("/api/me/push/", device.subscription())
    await clinic.plan_daily(doctor, patient, "Take amoxicillin")
    await clinic.tick("2027-03-02T09:00")
    device.status = 403
    tries = []
    for minute in range(1, 16):
        clinic.set_clock(f"2027-03-02T09:{minute:02}")
        await sweep_push(clinic.app)
        tries.append(len(device.received))
    assert tries == [1, 2, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5], "the waits grow"
    device.status, device.retry_after = 503, "7200"
    clinic.set_clock("2027-03-02T10:00")
    await sweep_push(clinic.app)
    clinic.set_clock("2027-03-02T11:59")
    assert await sweep_push(clinic.app) == 0 and len(device.received) == 6, "as long as it asked for"
    device.status, device.retry_after = 201, ""
    clinic.set_clock("2027-03-02T12:01")
    assert await sweep_push(clinic.app) == 1
    assert len((await patient.get("/api/me/push/")).body["items"]) == 1
    signed = device.received[-1]["headers"]["Authorization"].removeprefix("vapid t=").split(",")[0]
    claims = jwt.decode(signed, options={"verify_signature": False})
    assert claims["sub"] == "mailto:ops@clinic.example" and claims["exp"] - time.time() <= 12 * 3600
    counted = clinic.app.resources.metrics.registry.get_sample_value
    assert [counted("hospital_rt_pushes_total", {"status": one}) for one in ("403", "503", "201")] == [5, 1, 1]


async def test_trouble_of_our_own_is_no_reason_to_forget_a_device() -> None:
    sender = PushSender(private_key=PushSender.new_private_key(), subject="mailto:a@example.org", hosts=("127.0.0.2",))
    keys = Device().subscription()["keys"]
    for endpoint, device_keys, status in (
        ("https://push.invalid/x", keys, "no-address"),
        ("https://10.0.0.5/x", keys, "no-address"),
        ("http://127.0.0.2:9/x", keys, "not-sent"),
        ("http://127.0.0.2:9/x", {"p256dh": "B" * 87, "auth": "A" * 22}, "not-made"),
    ):
        outcome = await sender.send(endpoint=endpoint, **device_keys, data=b"{}")
        assert (outcome.result, outcome.status) == ("later", status), endpoint
    await sender.close()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example.org/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[64:ff9b::a9fe:a9fe]/x",
        "https://0x7f.1/x",
        "https://0177.0.0.1/x",
        "https://127.1/x",
        "https://127.0.0.1./x",
        "https://[fec0::1]/x",
        "https://1.1.1.1\\@127.0.0.1/x",
        "https://%31%32%37.0.0.1/x",
        "https://\uff11\uff12\uff17.0.0.1/x",
        "https://[::1%25lo]/x",
        "file:///etc/passwd",
        "https://169.254.169.254/latest",
        "https://0.0.0.0/x",
        "https://user:pw@push.example.org/x",
        "ftp://push.example.org/x",
        "https://2130706433/x",
        "https://[/x",
    ],
)
async def test_an_endpoint_inside_the_network_is_refused(clinic: Clinic, endpoint: str) -> None:
    patient = await clinic.patient()
    subscription = {"endpoint": endpoint, "keys": {"p256dh": "B" * 87, "auth": "A" * 22}}
    answer = await patient.post("/api/me/push/", subscription)
    assert answer.slug == "invalid" and answer.body["errors"][0]["pointer"] == "#/endpoint"


async def test_a_name_that_turns_private_after_it_was_checked_is_not_connected_to() -> None:
    sender = PushSender(private_key=PushSender.new_private_key(), subject="mailto:a@example.org", hosts=())
    with pytest.raises(OSError, match="no public address"):
        # The session's own resolver is private to aiohttp, which types its connector as one of several kinds.
        await sender._open().connector._resolver.resolve("localhost", 443)  # type: ignore[union-attr]
    with pytest.raises(EndpointRefused):
        await sender.check("https://localhost/x")
    with pytest.raises(OSError) as refused:  # an address in the URL itself is never looked up
        await sender._open().get("https://127.0.0.1:9/x")
    assert "no public address" in repr(refused.value.__cause__)
    await sender.close()


def test_public_means_public() -> None:
    assert is_public("93.184.216.34") and is_public("2606:2800:220:1::1")
    assert not any(map(is_public, ("10.1.2.3", "fe80::1%eth0", "::", "224.0.0.1", "::ffff:10.0.0.1", "nonsense")))
    # IPv4 inside IPv6, sites, segments, relays and examples: by one of these a push would come home.
    inward = (
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "2001:0:a00:1::",
        "fec0::1",
        "fd00:ec2::254",
        "5f00::1",
        "3fff::1",
        "192.88.99.1",
        "100.64.0.1",
    )
    assert [address for address in inward if is_public(address)] == []
    assert is_public("64:ff9b::5db8:d822"), "a public address as an IPv6-only network sees it"
