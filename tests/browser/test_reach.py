"""A doctor's list as it is worked through: who is who, whom to call, why somebody skipped."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.app import House, Person, eventually
from tests.browser.conftest import DESKTOP, live, sign_in, write


def test_a_patient_gives_a_number_and_their_doctor_calls_and_notes_it(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    mine = live(sign_in(open_page(), patient, at="/#/me"))
    mine.get_by_label("Date of birth").fill("1948-03-02")
    mine.get_by_label("Phone").fill("call me")
    part = mine.locator(".part").filter(has=mine.get_by_role("heading", name="About you"))
    part.get_by_role("button", name="Save").click()
    expect(mine.get_by_text("Write digits, with + and blanks if you like.")).to_be_visible()
    mine.get_by_label("Phone").fill("+34 600 123 456")
    part.get_by_role("button", name="Save").click()
    expect(mine.get_by_text("Saved.")).to_be_visible()

    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    row = page.get_by_role("row", name=re.compile(patient.name))
    expect(row).to_contain_text("born 2 Mar 1948")
    expect(row.get_by_role("link", name="Call +34 600 123 456")).to_have_attribute("href", "tel:+34600123456")
    page.get_by_role("button", name="Note a call").first.click()
    page.get_by_role("button", name="No answer").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("The call is noted.")).to_be_visible()
    expect(row).to_contain_text("No answer")
    mine.reload()
    expect(mine.get_by_text("Amara Osei called you")).to_be_visible()


def test_why_a_patient_skipped_stands_in_their_row(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day.")
    step = eventually(lambda: [s for s in patient.call("GET", "steps/")["items"] if s["open_slot"]], "it is due")[0]
    said = {"slot": step["open_slot"], "outcome": "skipped", "reason": "My stomach hurts after it"}
    patient.call("POST", f"check-in/{step['id']}/", said)
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    expect(page.get_by_role("row", name=re.compile(patient.name))).to_contain_text("My stomach hurts after it")


def test_each_medicine_is_a_picture_by_day_and_hour_with_a_table_behind_it(
    strict_house: House, open_page: Callable[..., Page]
) -> None:
    doctor = strict_house.demo_doctor()
    tomas = next(one for one in doctor.call("GET", "my-patients/?q=rivera")["items"])
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/patients/{tomas['id']}/history"))
    picture = page.locator(".picture").filter(has_text=re.compile("metformin", re.IGNORECASE))
    expect(picture.locator(".grid-line svg")).to_have_count(2)
    expect(picture).to_contain_text("without an answer")
    expect(picture.locator(".picture-said")).to_be_visible()
    month = picture.locator(".grid-missed").count()
    page.get_by_role("button", name="90 days").click()
    expect(page.get_by_role("button", name="90 days")).to_have_attribute("aria-pressed", "true")
    assert picture.locator(".grid-missed").count() >= month > 0
    picture.get_by_text("As a table").click()
    rows = picture.get_by_role("row")
    expect(rows.filter(has_text="no answer").first).to_be_visible()
    assert rows.count() > 30
