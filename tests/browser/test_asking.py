"""A patient asks a short word about a step; the doctor answers it, or marks it as seen."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.app import Person
from tests.browser.conftest import DESKTOP, live, sign_in, write
from tests.browser.looks import sideways, violations


def test_a_word_about_a_step_is_asked_and_answered(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Walk 20 minutes every day.")
    (step,) = patient.call("GET", "steps/")["items"]
    desk = live(sign_in(open_page(viewport=DESKTOP), doctor, at="/#/patients"))
    page = live(sign_in(open_page(), patient, at=f"/#/step/{step['id']}"))
    expect(page.get_by_text("call your clinic, or the emergency number")).to_be_visible()
    page.get_by_label("What is the matter with this step?").fill("makes me dizzy")
    page.get_by_role("button", name="Send to").click()
    expect(page.get_by_text("waits to be read")).to_be_visible()
    assert violations(page) == [] and sideways(page) == []

    expect(desk.locator(".banner-info")).to_contain_text("Ruth Alvarez asks you something")
    row = desk.locator(".patient-row", has_text="Ruth Alvarez")
    expect(row).to_contain_text("asks you")
    tab = desk.get_by_role("navigation").get_by_role("link", name="Notes")
    expect(tab).to_contain_text("1")
    tab.click()
    expect(desk.get_by_role("heading", name="Asked by patients")).to_be_visible()
    expect(desk.get_by_text("“makes me dizzy”")).to_be_visible()
    assert violations(desk) == []
    desk.goto(f"{doctor.app.url}/#/patients")
    expect(desk.locator(".panel-asked")).to_contain_text("makes me dizzy")
    desk.get_by_label("Your answer").fill("Take it in the evening.")
    desk.get_by_role("button", name="Answer", exact=True).click()
    expect(desk.get_by_text("The answer is sent.")).to_be_visible()
    expect(desk.locator(".panel-asked")).to_have_count(0)
    expect(row).not_to_contain_text("asks you")

    expect(page.locator(".banner-info")).to_contain_text("answered you")
    expect(page.locator(".asked-answer")).to_have_text("Take it in the evening.")


def test_a_word_is_marked_as_seen(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Walk 20 minutes every day.")
    (step,) = patient.call("GET", "steps/")["items"]
    patient.call("POST", "questions/", {"step_id": step["id"], "text": "my knee hurts"})
    page = live(sign_in(open_page(), patient, at=f"/#/step/{step['id']}"))
    desk = live(sign_in(open_page(viewport=DESKTOP), doctor, at="/#/notes"))
    desk.get_by_role("button", name=re.compile("^Mark as seen ?: my knee hurts")).click()
    expect(desk.get_by_text("my knee hurts")).to_have_count(0)
    expect(page.locator(".asked")).to_contain_text("has seen it")
