"""A second factor on the page: an app, a passkey on a virtual authenticator, recovery codes, and who must have one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.app import House, Person
from tests.browser.conftest import DESKTOP, Watch, sign_in
from tests.support.factors import code_of

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """At a name: there are no passkeys at a bare address. Doctors must have a second factor."""
    running = House(tmp_path_factory.mktemp("factors"), SECOND_FACTOR="doctors")
    running.url = running.settings["PUBLIC_URL"] = f"http://localhost:{running.port}"
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def patient(house: House) -> Person:
    return house.sign_up("patient", "Ruth Alvarez")


def add_app(page: Page) -> tuple[str, list[str]]:
    """Through the dialog: the secret of the app, and the recovery codes if it is the first factor."""
    page.get_by_role("button", name="Add an app").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name="QR code")).to_be_visible()
    secret = str(dialog.locator("code").inner_text()).replace(" ", "")
    dialog.get_by_label("Code of your authenticator app").fill("000000")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog.get_by_text("That code is not right")).to_be_visible()
    dialog.get_by_label("Code of your authenticator app").fill(code_of(secret, steps=-1))
    dialog.get_by_role("button", name="Confirm").click()
    codes = page.get_by_role("dialog", name="Your recovery codes")
    expect(codes.get_by_role("listitem")).to_have_count(10)
    kept = codes.get_by_role("listitem").all_inner_texts()
    codes.get_by_role("button", name="I have kept them").click()
    expect(codes).to_have_count(0)
    return secret, kept


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_label("E-mail", exact=True)).to_be_visible()


def first_step(page: Page, who: Person) -> None:
    page.get_by_label("E-mail", exact=True).fill(who.email)
    page.get_by_label("Password", exact=True).fill(who.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()


def test_an_app_and_a_recovery_code_are_the_second_step(
    patient: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/token/", "/confirm/")
    page = sign_in(open_page(), patient)
    page.goto(f"{patient.app.url}/#/me")
    secret, codes = add_app(page)
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    sign_out(page)
    first_step(page, patient)
    page.get_by_label("Code of your authenticator app").fill(code_of(secret))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation")).to_be_visible()
    page.goto(f"{patient.app.url}/#/me")
    sign_out(page)
    first_step(page, patient)
    page.get_by_label("Code of your authenticator app").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation")).to_be_visible()
    page.goto(f"{patient.app.url}/#/me")
    expect(page.get_by_text("9 recovery codes are left.")).to_be_visible()


def test_a_passkey_signs_in_alone_and_can_be_removed(
    patient: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/token/")
    page = open_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(page, patient)
    page.goto(f"{patient.app.url}/#/me")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("button", name="I have kept them").click()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("navigation")).to_be_visible()
    page.goto(f"{patient.app.url}/#/me")
    sign_out(page)
    first_step(page, patient)
    page.get_by_role("button", name="Use my passkey").click()
    expect(page.get_by_role("navigation")).to_be_visible()
    page.goto(f"{patient.app.url}/#/me")
    page.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog", name=re.compile("Passkey"))
    dialog.get_by_label("Your password").fill(patient.password)
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("With a second factor nobody gets in")).to_be_visible()


def test_some_time_after_signing_in_a_new_factor_asks_who_it_is(
    patient: Person, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("403", "/second-factors/", "/confirm/")
    page = sign_in(open_page(), patient)
    asked: list[str] = []

    def refuse_without_proof(route: Route) -> None:
        body: dict[str, Any] = route.request.post_data_json or {}
        if route.request.method != "POST" or "password" in body:
            route.continue_()
            return
        asked.append(body["kind"])
        problem = {"type": "/problems/proof-required", "title": "", "status": 403, "detail": ""}
        route.fulfill(status=403, json=problem, content_type="application/problem+json")

    page.route("**/api/me/second-factors/", refuse_without_proof)
    page.goto(f"{patient.app.url}/#/me")
    page.get_by_role("button", name="Add an app").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill("not-the-password")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_text("That is not your present password.")).to_be_visible()
    dialog.get_by_label("Your password").fill(patient.password)
    dialog.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert asked == ["totp"]


def test_who_has_no_password_here_shows_a_code(patient: Person, open_page: Callable[..., Page], watch: Watch) -> None:
    watch.allow("403", "/confirm/", "/api/me/", "/api/token/")
    page = sign_in(open_page(), patient)
    page.goto(f"{patient.app.url}/#/me")
    _, codes = add_app(page)

    def without_password(route: Route) -> None:
        answer = route.fetch()
        shown = answer.json()
        if route.request.method == "GET":
            shown["proofs"].remove("password")
        route.fulfill(response=answer, json=shown)

    page.route("**/api/me/second-factors/", without_password)
    page.get_by_role("button", name="Erase my account").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Your password")).to_have_count(0)
    dialog.get_by_label("Code of your app, or a recovery code").fill("wrong")
    erase = dialog.get_by_role("button", name="Erase everything")
    erase.click()
    expect(dialog.get_by_text("That code is not right")).to_be_visible()
    dialog.get_by_label("Code of your app, or a recovery code").fill(codes[0])
    erase.click()
    expect(page.get_by_role("heading", name="Your account is erased")).to_be_visible()


def test_a_doctor_who_must_have_one_sets_it_up_first(
    house: House, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("403", "/confirm/", "/api/")
    doctor = house.sign_up("doctor", "Amara Osei")
    page = open_page(house.url, viewport=DESKTOP)
    page.get_by_label("E-mail", exact=True).fill(doctor.email)
    page.get_by_label("Password", exact=True).fill(doctor.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    add_app(page)
    expect(page.get_by_role("heading", name="No patients yet")).to_be_visible()
