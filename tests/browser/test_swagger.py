"""The page on which the API is tried: it comes whole from this server, and a token pasted in is enough."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.app import Person
from tests.browser.conftest import DESKTOP


def test_a_token_pasted_in_is_enough_to_try_the_api(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    page = open_page(viewport=DESKTOP)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{patient.app.url}/swagger/")
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".modal-ux input").fill(patient.access)
    page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    page.locator(".modal-ux").get_by_role("button", name="Close").click()

    reading = page.locator("#operations-me-get_api_me")
    reading.locator("button.opblock-summary-control").click()
    reading.get_by_role("button", name="Execute").click()
    answer = reading.locator(".live-responses-table .response").first
    expect(answer.locator(".response-col_status").first).to_contain_text("200")
    assert json.loads(answer.locator("code").first.inner_text())["id"] == patient.id

    choosing = page.locator("#operations-assignments-post_api_assign")
    choosing.locator("button.opblock-summary-control").click()
    choosing.locator("textarea.body-param__text").fill(json.dumps({"doctor_id": doctor.id, "share_history": True}))
    choosing.get_by_role("button", name="Execute").click()
    expect(choosing.locator(".live-responses-table .response .response-col_status").first).to_contain_text("200")
    assert patient.call("GET", "assign/")["share_history"] is True
    assert {url for url in asked if not url.startswith((patient.app.url, "data:", "blob:"))} == set()
