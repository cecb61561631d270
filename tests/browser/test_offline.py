"""A poor connection: airplane mode, a server that restarts, a page opened without a network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Error, Page, Route, expect

from tests.browser.app import Person, eventually
from tests.browser.conftest import PHONE, Watch, at_rest, live, sign_in, write

OFFLINE = (
    r"ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_FAILED"
    r"|WebSocket connection|status of 503"
)


def pill(page: Page, word: str) -> None:
    expect(page.locator("header [role=status]")).to_have_text(word)


def test_a_check_in_made_in_airplane_mode_is_sent_once(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(OFFLINE)
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day for 7 days.")
    page = live(sign_in(open_page(), patient))
    expect(page.locator(".due-title")).to_contain_text("water")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/check-in/" in request.url else None)

    page.context.set_offline(True)
    pill(page, "Offline")
    expect(page.get_by_text("You are offline. Carry on as usual.")).to_be_visible()
    at_rest(page).get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    expect(page.get_by_text("1 check-in is waiting and will be sent by itself.")).to_be_visible()
    assert sent == []

    page.context.set_offline(False)
    expect(page.get_by_text("Back online. 1 check-in sent.")).to_be_visible()
    pill(page, "Live")
    expect(page.get_by_role("heading", name="Waiting to be sent")).to_be_hidden()
    assert len(sent) == 1
    (step,) = patient.call("GET", "steps/")["items"]
    assert step["progress"]["done"] == 1


def test_a_waiting_check_in_can_be_taken_back(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(OFFLINE)
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day for 7 days.")
    page = live(sign_in(open_page(), patient))
    expect(page.locator(".due-title")).to_contain_text("water")
    page.context.set_offline(True)
    at_rest(page).get_by_role("button", name="Done", exact=True).click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".due-title")).to_contain_text("water")
    page.context.set_offline(False)
    pill(page, "Live")
    (step,) = patient.call("GET", "steps/")["items"]
    assert step["progress"]["done"] == 0


def test_the_page_opens_without_a_network_and_sends_later(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(OFFLINE)
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day for 7 days.")
    page = live(sign_in(open_page(service_workers="allow"), patient))
    expect(page.locator(".due-title")).to_contain_text("water")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    eventually(lambda: page.evaluate("localStorage.getItem('aftercare.last')?.includes('water')"), "the state is kept")
    page.reload()  # now through the service worker
    live(page)
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_text("You are offline. Carry on as usual.")).to_be_visible()
    expect(page.locator(".due-title")).to_contain_text("water")
    at_rest(page).get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    page.context.set_offline(False)
    pill(page, "Live")
    eventually(lambda: patient.call("GET", "steps/")["items"][0]["progress"]["done"] == 1, "the check-in arrives")


def test_a_line_that_answers_nothing_shows_the_last_state_meanwhile(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    """No error and no answer, as at the edge of a mobile network."""
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day for 7 days.")
    page = live(sign_in(open_page(), patient))
    expect(page.locator(".due-title")).to_contain_text("water")
    eventually(lambda: page.evaluate("localStorage.getItem('aftercare.last')?.includes('water')"), "the state is kept")
    held: list[Route] = []
    page.route("**/api/**", lambda route: held.append(route))
    page.reload()
    expect(page.locator(".due-title")).to_contain_text("water")
    pill(page, "Reconnecting")
    at_rest(page).get_by_role("button", name="Done", exact=True).click()
    page.unroute("**/api/**")
    for route in held:
        with contextlib.suppress(Error):  # of the page before the reload
            route.continue_()
    pill(page, "Live")
    eventually(lambda: patient.call("GET", "steps/")["items"][0]["progress"]["done"] == 1, "the check-in arrives")


def test_a_restart_of_the_server_is_survived_with_nothing_lost(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(OFFLINE)
    patient, doctor = pair
    page = live(sign_in(open_page(), patient))
    patient.app.stop()
    pill(page, "Reconnecting")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ruth")
    patient.app.start()
    write(doctor, patient, "Drink a glass of water every day for 7 days.")
    expect(page.locator("header [role=status]")).to_have_text("Live", timeout=40_000)
    expect(page.locator(".due-title")).to_contain_text("water")
    at_rest(page).get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_role("heading", name="Done today")).to_be_visible()


def test_two_windows_send_a_waiting_check_in_once(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(OFFLINE)
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day for 7 days.")
    one = live(sign_in(open_page(viewport=PHONE), patient))
    context: BrowserContext = one.context
    two = open_page(f"{patient.app.url}/", context=context)
    live(two)
    sent: list[str] = []
    for page in (one, two):
        page.on("request", lambda request: sent.append(request.url) if "/check-in/" in request.url else None)
    context.set_offline(True)
    at_rest(one).get_by_role("button", name="Done", exact=True).click()
    expect(two.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    context.set_offline(False)
    for page in (one, two):
        pill(page, "Live")
        expect(page.get_by_role("heading", name="Done today")).to_be_visible()
    assert len(sent) == 1
