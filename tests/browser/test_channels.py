"""What reaches a patient beside the page, who looked, and the live channel's own ups and downs."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import House, Person, eventually
from tests.browser.conftest import Watch, live, sign_in, write


def test_a_private_calendar_link_is_made_shown_once_and_switched_off(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day for 7 days.")
    page = live(sign_in(open_page(), patient, at="/#/calendar"))
    page.get_by_role("button", name="Get the private link").click()
    link = page.get_by_label("Your private link").input_value()
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - the link that the page gave
        calendar = answer.read().decode()
    assert "BEGIN:VEVENT" in calendar and "water" not in calendar
    page.get_by_role("button", name="Switch it off").click()
    page.get_by_role("dialog").get_by_role("button", name="Switch it off").click()
    expect(page.get_by_text("The link is switched off.")).to_be_visible()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(link)  # noqa: S310 - the link that the page gave


def test_reminders_by_e_mail_are_asked_for_and_stopped(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, _ = pair
    page = live(sign_in(open_page(), patient, at="/#/me"))
    switch = page.get_by_role("switch", name="By e-mail")
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    assert patient.call("GET", "me/email-reminders/")["on"] is True
    page.reload()
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    assert patient.call("GET", "me/email-reminders/")["on"] is False


def test_push_is_allowed_and_taken_back(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    """The browser's own part (its push service) is stood in for; keys and endpoint are of the right kind."""
    patient, _ = pair
    page = open_page(service_workers="allow")
    page.add_init_script(
        """
        const keys = { p256dh: "B" + "A".repeat(86), auth: "A".repeat(22) };
        let held = null;
        Notification.requestPermission = async () => "granted";
        PushManager.prototype.getSubscription = async () => held;
        PushManager.prototype.subscribe = async (options) => held = {
          endpoint: "https://push.example.org/send/1", options, unsubscribe: async () => { held = null; return true; },
          toJSON: () => ({ endpoint: "https://push.example.org/send/1", keys }),
        };
        """
    )
    live(sign_in(page, patient, at="/#/me"))
    switch = page.get_by_role("switch", name="When the page is closed")
    with page.expect_response(
        lambda answer: answer.url.endswith("/api/me/push/") and answer.request.method == "POST"
    ) as told:
        switch.click()
    assert told.value.status in {200, 201}, told.value.text()
    assert len(patient.call("GET", "me/push/")["items"]) == 1
    expect(switch).to_be_enabled()
    expect(switch).to_be_checked()
    switch.click()
    eventually(lambda: patient.call("GET", "me/push/")["items"] == [], "the subscription is gone")


def test_a_subscription_that_the_service_lost_is_sent_again(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, _ = pair
    endpoint = "https://push.example.org/send/lost"
    page = open_page(service_workers="allow")
    page.add_init_script(
        """
        const keys = { p256dh: "B" + "A".repeat(86), auth: "A".repeat(22) };
        PushManager.prototype.getSubscription = async () => ({
          endpoint: "ENDPOINT", toJSON: () => ({ endpoint: "ENDPOINT", keys }),
        });
        """.replace("ENDPOINT", endpoint)
    )
    posted: list[str] = []
    page.on(
        "request",
        lambda asked: posted.append(asked.url) if asked.method == "POST" and "/me/push/" in asked.url else None,
    )
    live(sign_in(page, patient, at="/#/me"))
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    expect(live(page).get_by_role("switch", name="When the page is closed")).to_be_checked()
    posted.clear()
    (device,) = patient.call("GET", "me/push/")["items"]
    patient.call("DELETE", "me/push/", {"id": device["id"]})
    for _ in range(2):
        page.reload()
        expect(live(page).get_by_role("switch", name="When the page is closed")).to_be_checked()
        eventually(lambda: len(patient.call("GET", "me/push/")["items"]) == 1, "the service has it again")
    assert len(posted) == 1, "once, since after that it was there"


def test_a_patient_sees_who_read_their_notes(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    note = write(doctor, patient, "Drink a glass of water every day.")
    doctor.call("GET", f"notes/{note}/")
    page = live(sign_in(open_page(), patient, at="/#/me"))
    log = page.locator(".part", has_text="Who read my notes")
    expect(log).to_contain_text("Amara Osei read a note")
    expect(log).to_contain_text("Amara Osei wrote a note")
    page.goto(f"{patient.app.url}/#/notes/{note}")
    readers = page.locator(".readers")
    expect(readers).to_contain_text("Amara Osei")
    expect(readers).to_contain_text("Only you and Amara Osei can open it.")


def test_a_device_is_signed_out_from_another(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/")  # the device that is signed out is told so by any of its requests
    patient, _ = pair
    lost = live(sign_in(open_page(), patient))
    page = live(sign_in(open_page(), patient, at="/#/me"))
    ends = page.get_by_role("button", name="Sign it out")
    # The fixture's own sign-in by REST is a device too.
    expect(ends).to_have_count(2)
    ends.first.click()
    expect(ends).to_have_count(1)
    ends.first.click()
    expect(ends).to_have_count(0)
    expect(lost.get_by_role("heading", name="Welcome back")).to_be_visible()
    expect(lost.get_by_text("You were signed out. Please sign in again.")).to_be_visible()


def test_the_token_is_renewed_before_it_ends(strict_house: House, open_page: Callable[..., Page]) -> None:
    doctor = strict_house.demo_doctor()
    page = open_page()
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(str(frame))))
    with page.expect_response(lambda answer: answer.url.endswith("/api/token/refresh/"), timeout=20_000) as renewed:
        live(sign_in(page, doctor))
    assert renewed.value.ok
    # Looking at the page lets the browser's events come in.
    eventually(lambda: page.title() and sum('"auth"' in frame for frame in frames) >= 2, "the new token is handed in")
    live(page)


def passing(page: Page) -> dict[str, Any]:
    """The live channel of this page, in the test's hands."""
    held: dict[str, Any] = {"count": 0}

    def relay(route: Any) -> None:
        route.connect_to_server()
        held["route"] = route
        held["count"] += 1

    page.route_web_socket(re.compile("/api/live/"), relay)
    return held


def test_a_page_closed_for_another_waits_until_it_is_wanted(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    page = open_page()
    held = passing(page)
    live(sign_in(page, pair[0]))
    held["route"].close(code=4409)
    expect(page.get_by_text("This page has stopped listening.")).to_be_visible()
    assert held["count"] == 1
    page.get_by_role("button", name="Use it here").click()
    live(page)
    assert held["count"] == 2


def test_a_slow_reader_resumes_and_misses_nothing(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    page = open_page()
    held = passing(page)
    live(sign_in(page, patient))
    held["route"].close(code=1013)
    write(doctor, patient, "Drink a glass of water every day.")
    expect(page.locator(".due-title")).to_contain_text("water")
    live(page)
    assert held["count"] >= 2


def test_a_refused_channel_renews_once_and_then_waits(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    page = open_page()
    held = passing(page)
    refreshed: list[str] = []
    page.on("request", lambda request: refreshed.append(request.url) if "/token/refresh/" in request.url else None)
    live(sign_in(page, pair[0]))
    held["route"].close(code=4401)
    eventually(lambda: page.title() and held["count"] == 2, "the channel is opened anew")
    live(page)
    assert len(refreshed) == 1


def test_a_page_whose_token_ended_renews_it_and_comes_back_each_time(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    page = open_page()
    held = passing(page)
    refreshed: list[str] = []
    page.on("request", lambda request: refreshed.append(request.url) if "/token/refresh/" in request.url else None)
    live(sign_in(page, pair[0]))

    def reopened(count: int) -> bool:
        return bool(page.title()) and held["count"] == count

    for times in (1, 2):
        held["route"].close(code=4403)
        eventually(partial(reopened, times + 1), "the channel is opened anew")
        live(page)
        assert len(refreshed) == times


def test_the_page_can_be_installed(app: House, open_page: Callable[..., Page]) -> None:
    page = open_page(app.url, service_workers="allow")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == [] and manifest["url"] == f"{app.url}/manifest.webmanifest"
    problems = [error["errorId"] for error in session.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert [problem for problem in problems if problem != "in-incognito"] == []
