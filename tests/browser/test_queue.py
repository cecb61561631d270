"""A doctor with many notes that wait clears them with the keyboard alone; every stroke is counted."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.app import House, Person
from tests.browser.conftest import DESKTOP, Model, Watch, live, make_pair, sign_in, write
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


def test_a_doctor_finds_notes_by_the_name_of_a_patient_and_by_what_became_of_them(
    clinic: House, open_page: Callable[..., Page]
) -> None:
    patient, doctor = make_pair(clinic)
    zoe = clinic.sign_up("patient", "Zoë Zimmer")
    zoe.call("POST", "assign/", {"doctor_id": doctor.id})
    write(doctor, patient, "Drink a glass of water every day.")
    kept = write(doctor, zoe, "Drink a glass of water every day.")
    taken_back = write(doctor, zoe, "Walk 20 minutes every day.")
    doctor.call("POST", f"notes/{taken_back}/withdraw/")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at="/#/notes"))
    rows = page.locator(".rows .row-open")
    expect(rows).to_have_count(3)
    page.keyboard.press("/")
    page.keyboard.type("zimmer zoe")
    expect(page.get_by_role("heading", name="Found 2")).to_be_visible()
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="Withdrawn").click()
    expect(page.get_by_role("heading", name="Found 1")).to_be_visible()
    expect(rows).to_contain_text("withdrawn")
    page.get_by_role("button", name="Waiting").click()
    expect(page.get_by_role("heading", name="No note found")).to_be_visible()
    page.get_by_role("button", name="Ready").click()
    expect(rows).to_have_count(1)
    page.keyboard.press("j")
    expect(rows).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(kept))


def test_notes_that_could_not_be_read_are_read_again_with_one_press(
    clinic: House, model: Model, open_page: Callable[..., Page]
) -> None:
    patients, doctor = [], None
    for _ in range(3):
        patient, doctor = make_pair(clinic) if doctor is None else (clinic.sign_up("patient", "Ruth Alvarez"), doctor)
        patient.call("POST", "assign/", {"doctor_id": doctor.id})
        patients.append(patient)
        model.will({"do": "refuse"})
        write(doctor, patient, "Drink a glass of water every day.")
    assert doctor
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at="/#/notes"))
    expect(page.get_by_role("heading", name="Waits for you 3")).to_be_visible()
    page.get_by_role("button", name="Read 3 failed notes again").click()
    expect(page.get_by_text("3 notes are being read again.")).to_be_visible()
    expect(page.get_by_role("heading", name="Waits for you")).to_have_count(0)
    for patient in patients:
        assert [step["title"] for step in patient.call("GET", "steps/")["items"]] == [
            "Drink a glass of water every day"
        ]


def test_nothing_is_approved_before_one_sees_what_it_replaces(
    strict_house: House, open_page: Callable[..., Page], watch: Watch
) -> None:
    """A plan that could not be read is no empty plan."""
    doctor = strict_house.demo_doctor()
    patient = confirmed_patient(strict_house)
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    earlier = write(doctor, patient, "Walk 20 minutes every day.")
    doctor.call("POST", f"notes/{earlier}/approve/")
    note = write(doctor, patient, "Drink a glass of water every day.")
    page = open_page(viewport=DESKTOP)
    away = re.compile(rf"/api/steps/\?patient_id={patient.id}&status=active")
    watch.allow("503")

    def unavailable(route: Route) -> None:
        route.fulfill(status=503, json={"type": "/problems/unavailable", "title": "Not now", "status": 503})

    page.route(away, unavailable)
    live(sign_in(page, doctor, at=f"/#/notes/{note}"))
    approval = page.locator(".approve")
    expect(approval).to_contain_text("What runs now could not be read. Nothing can be approved before.")
    expect(page.get_by_role("button", name="Approve 1 step")).to_be_disabled()
    page.keyboard.press("Control+Enter")
    page.unroute(away)
    page.get_by_role("button", name="Read it again").click()
    expect(approval).to_contain_text("Approving replaces 1 active step.")
    assert doctor.call("GET", f"notes/{note}/")["status"] == "proposed"
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("1 step is now active")).to_be_visible()


def test_a_note_that_waits_for_long_is_not_lost_behind_newer_ones(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    """The queue is asked of the service as such, not picked from the latest notes."""
    patient, doctor = pair
    write(doctor, patient, "Continue metoprolol 25-50 mg depending on pulse.")
    page = open_page(viewport=DESKTOP)

    def without_the_oldest(route: Route) -> None:
        route.fulfill(json={"items": [], "next": None})

    page.route(re.compile(r"/api/notes/\?limit=200$"), without_the_oldest)
    live(sign_in(page, doctor, at="/#/notes"))
    expect(page.get_by_role("heading", name="Waits for you 1")).to_be_visible()
