"""A doctor with many notes that wait clears them with the keyboard alone; every stroke is counted."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.app import House, Person
from tests.browser.conftest import DESKTOP, live, sign_in, write
from tests.browser.test_doctor import confirmed_patient

WAITING = 20


def test_twenty_waiting_notes_are_cleared_by_the_keyboard(strict_house: House, open_page: Callable[..., Page]) -> None:
    doctor = strict_house.demo_doctor()
    for earlier in doctor.call("GET", "notes/?limit=200")["items"]:
        if earlier["status"] == "proposed":
            doctor.call("POST", f"notes/{earlier['id']}/reject/")
    for number in range(WAITING):
        patient = confirmed_patient(strict_house)
        patient.call("POST", "assign/", {"doctor_id": doctor.id})
        write(doctor, patient, f"Walk {20 + number} minutes every day.")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at="/#/notes"))
    expect(page.get_by_role("heading", name=f"Waits for you {WAITING}")).to_be_visible()
    strokes = 0
    for left in range(WAITING, 0, -1):
        page.keyboard.press("n")
        expect(page.locator(".approve")).to_be_visible()
        expect(page.get_by_role("button", name="Approve 1 step")).to_be_enabled()
        page.keyboard.press("Control+Enter")
        strokes += 2
        expect(page.get_by_text("1 step is now active")).to_be_visible()
        expect(page.locator(".approve")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        if left > 1:
            expect(page.locator(".next-waiting")).to_be_visible()
    print(f"\n{WAITING} notes cleared with {strokes} strokes")
    assert strokes == 2 * WAITING
    waiting = [one for one in doctor.call("GET", "notes/?limit=200")["items"] if one["status"] == "proposed"]
    assert waiting == []


def test_the_list_is_walked_searched_and_sorted_by_keyboard(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    doctor = pair[1]
    second = doctor.app.sign_up("patient", "Zoe Zimmer")
    second.call("POST", "assign/", {"doctor_id": doctor.id})
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at="/#/patients"))
    rows = page.locator(".patient-row .cell-name a")
    expect(rows).to_have_count(2)
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Find a patient")).to_be_focused()
    page.keyboard.type("zim zoe")
    expect(rows).to_have_count(1)
    page.get_by_label("Find a patient").fill("")
    page.get_by_role("button", name="Sort by name").click()
    expect(rows.first).to_have_text("Ruth Alvarez")
    page.keyboard.press("Escape")
    rows.nth(1).focus()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="New note for Zoe Zimmer")).to_be_visible()
    page.get_by_label("Your note").fill("Walk 20 minutes every day.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The note is being read").or_(page.get_by_text("Ready. 1 step."))).to_be_attached()
