"""The README's pictures, made anew by each run: the pages at phone and desktop size, light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.app import ROOT, House
from tests.browser.conftest import DESKTOP, PHONE, Watch, live, make_pair, sign_in
from tests.browser.gallery import Gallery
from tests.browser.gallery_people import key

PICTURES = ROOT / "docs" / "pictures"


def hung(page: Page, app: House, role: str, path: str, *, reviewing: bool = False) -> Page:
    """A page with the pictures open."""
    patient, doctor = make_pair(app)
    patient.call("PATCH", "me/", {"name": "Ruth Alvarez"})
    gallery = Gallery(patient.id, {"id": doctor.id, "name": "Dr Amara Osei"})
    gallery.reviewing = reviewing
    gallery.hang(page)
    return live(sign_in(page, patient if role == "patient" else doctor, at=f"/#{path}"))


def take(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.mouse.move(0, 0)
    page.locator(".banner-info, .banner-good").evaluate_all("(all) => all.forEach((one) => one.remove())")
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", caret="hide")


def test_today_on_a_phone(app: House, open_page: Callable[..., Page], watch: Watch) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED|WebSocket")
    for scheme in ("light", "dark"):
        page = hung(open_page(viewport=PHONE, color_scheme=scheme, reduced_motion="reduce"), app, "patient", "/today")
        expect(page.locator(".due-title")).to_have_text("Take amoxicillin 500 mg")
        expect(page.get_by_text("Day 3 of 7").first).to_be_visible()
        take(page, f"today-phone-{scheme}")
    page.context.set_offline(True)
    page.get_by_text("You are offline").wait_for()
    # By key: the clock of this page stands still, and a second tap in one place at one time would be none.
    page.get_by_role("button", name="Done", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Waiting to be sent")).to_be_visible()
    take(page, "offline-phone-dark")


def test_the_calendar_on_a_desktop(app: House, open_page: Callable[..., Page]) -> None:
    page = hung(open_page(viewport=DESKTOP, color_scheme="dark", reduced_motion="reduce"), app, "patient", "/calendar")
    expect(page.get_by_role("heading", name="May 2026")).to_be_visible()
    expect(page.locator(".month .day-sign").first).to_be_visible()
    take(page, "calendar-desktop-dark")


def test_the_patients_on_a_desktop(app: House, open_page: Callable[..., Page]) -> None:
    page = hung(open_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce"), app, "doctor", "/patients")
    page.get_by_role("link", name="Ruth Alvarez").click()
    expect(page.get_by_role("heading", name="Last three days")).to_be_visible()
    take(page, "patients-desktop-light")


def test_a_review_on_a_desktop(app: House, open_page: Callable[..., Page]) -> None:
    page = hung(
        open_page(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce"),
        app,
        "doctor",
        f"/notes/{key('new note')}",
        reviewing=True,
    )
    expect(page.get_by_role("button", name="Answer one question first")).to_be_visible()
    expect(page.get_by_text("What changes for Ruth")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Edit: Measure")).click()
    take(page, "review-desktop-light")
