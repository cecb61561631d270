"""The page without a mouse."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.app import Person
from tests.browser.conftest import DESKTOP, live, sign_in, write

FOCUSED = """(() => {
  const e = document.activeElement;
  if (e === document.body) return "";
  return (e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent || "").trim();
})()"""
HAS_RING = """(() => {
  const style = getComputedStyle(document.activeElement.closest(".choice") || document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 3;
})()"""


def tabbing(page: Page) -> Callable[[str], None]:
    """Go on by Tab until something of that name has the focus, and shows it."""

    def tab_to(name: str) -> None:
        passed = []
        for _ in range(40):
            page.keyboard.press("Tab")
            label = page.evaluate(FOCUSED)
            passed.append(label)
            if label.startswith(name):
                assert page.evaluate(HAS_RING), f"no ring on {name}"
                return
        raise AssertionError(f"cannot reach {name} by Tab, only {passed}")

    return tab_to


def test_a_day_is_done_by_keyboard_alone(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day.")
    page = open_page(viewport=DESKTOP)
    page.goto(patient.app.url)
    page.get_by_role("heading", name="Welcome back").wait_for()

    tab_to = tabbing(page)
    tab_to("E-mail")
    page.keyboard.type(patient.email)
    tab_to("Password")
    page.keyboard.type(patient.password)
    tab_to("Sign in")
    page.keyboard.press("Enter")
    page.locator(".due-title").wait_for()
    tab_to("Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    tab_to("Skip this one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Skip this one")).to_be_focused()
    for name in ("Later…", "Done"):
        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_text("Done. Next ").wait_for()
    tab_to("Undo")
    page.keyboard.press("Enter")
    page.locator(".due-title").wait_for()


def test_a_note_is_written_and_looked_through_by_keyboard_alone(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    tab_to = tabbing(page)
    tab_to(patient.name)
    page.keyboard.press("Enter")
    tab_to("Write a note")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    tab_to("Your note")
    page.keyboard.type("Walk 20 minutes every day. Book a chest X-ray.")
    tab_to("Send note")
    page.keyboard.press("Enter")
    expect(page.locator(".review-row")).to_have_count(2)
    tab_to("Step 2: ")
    page.keyboard.press("Enter")
    expect(page.locator(".row-chosen")).to_contain_text("X-ray")
    tab_to("Withdraw this note")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Withdraw this note")).to_be_focused()
