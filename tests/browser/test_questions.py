"""A note that asks: the coloured note, answers as buttons, what runs on, and the next note that waits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.app import House, Person
from tests.browser.conftest import DESKTOP, PHONE, Model, Watch, live, make_pair, sign_in, write
from tests.browser.looks import sideways, violations
from tests.browser.test_doctor import confirmed_patient

WALK = "Walk 20 minutes every day."
FINE = "She is doing well."
DOSE = "Continue metoprolol 25-50 mg depending on pulse."
SCAN = "We will order a stress test."
CALL = "Her labs are sent to the clinic."
TEXT = "\n\n".join((f"{FINE} {WALK}", f"{DOSE} {SCAN}", CALL))


def span(words: str) -> dict[str, Any]:
    return {"quote": words, "start": TEXT.index(words), "end": TEXT.index(words) + len(words)}


def plan_option(label: str, **more: Any) -> dict[str, Any]:
    item = {
        "title": label,
        "detail": None,
        "as_needed": False,
        "limits": None,
        "start_in_days": 0,
        "times_per_day": 1,
        "every_hours": None,
        "times": None,
        "parts": None,
        "every_days": 1,
        "weekdays": None,
        "every_months": None,
        "on_day": None,
        "duration_days": None,
        "miss_policy": "extend",
        **span(DOSE),
        **more,
    }
    return {"label": label, "kind": "plan", "item": item}


ASKED: dict[str, Any] = {
    "questions": [
        {
            **span(DOSE),
            "question": "how-much",
            "text": "Which dose of metoprolol is to be taken?",
            "options": [
                plan_option("Take metoprolol 25 mg twice a day", times_per_day=2),
                plan_option("Take metoprolol 50 mg once a day", duration_days=30),
            ],
        },
        {
            **span(SCAN),
            "question": "which-day",
            "text": "Is the patient to book the stress test?",
            "options": [
                {
                    "label": "Go to your stress test",
                    "kind": "checklist",
                    "item": {"title": "Go to your stress test", "detail": None, "as_needed": False, **span(SCAN)},
                }
            ],
        },
    ],
    "account": [
        {"start": span(words)["start"], "end": span(words)["end"], "as": fate}
        for words, fate in (
            (FINE, "nothing"),
            (WALK, "step"),
            (DOSE, "question"),
            (SCAN, "question"),
            (CALL, "clinic"),
        )
    ],
    "unmatched": [],
}


def ask(page: Page, note: str) -> None:
    """Let a note's answer ask as above, while it waits: what the reader asks is tried elsewhere."""

    def pass_on(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        if body["status"] == "proposed":
            body |= ASKED | {"steps": [step for step in body["steps"] if step["quote"] in WALK]}
        route.fulfill(response=answer, json=body)

    page.route(re.compile(f"/api/notes/{note}/$"), pass_on)


def proposed(strict_house: House, *, before: str | None = None) -> tuple[Person, Person, str]:
    """A patient of the demo's doctor with a note that waits, and an earlier plan."""
    doctor, patient = strict_house.demo_doctor(), confirmed_patient(strict_house)
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    if before:
        doctor.call("POST", f"notes/{write(doctor, patient, before)}/approve/")
    return patient, doctor, write(doctor, patient, TEXT)


def review(page: Page, doctor: Person, note: str) -> Page:
    ask(page, note)
    live(sign_in(page, doctor, at=f"/#/notes/{note}"))
    expect(page.get_by_role("heading", name="Two questions to you")).to_be_visible()
    return page


def leave_only_walk(page: Page) -> None:
    """The rules of today may make steps of the sentences that the stand-in asks about: those are left out."""
    for button in page.get_by_role("button", name=re.compile("^Leave out: (?!Walk)")).all():
        button.click()


def test_questions_are_answered_changed_and_become_steps(strict_house: House, open_page: Callable[..., Page]) -> None:
    patient, doctor, note = proposed(strict_house)
    page = review(open_page(viewport=DESKTOP), doctor, note)
    leave_only_walk(page)
    expect(page.get_by_role("button", name="Answer two questions first")).to_be_disabled()
    first, second = page.locator(".question").all()
    first.get_by_role("button", name="Take metoprolol 50 mg once a day").click()
    expect(first).to_contain_text("every day, 30 days")
    expect(page.get_by_role("button", name="Answer one question first")).to_be_disabled()
    expect(second.get_by_role("heading")).to_be_focused()
    second.get_by_role("button", name="Nothing to do").click()
    expect(page.get_by_text("All answered")).to_be_visible()
    expect(page.locator("mark", has_text="metoprolol")).to_be_visible()

    page.get_by_role("button", name="Change the answer to question 1").click()
    expect(first.get_by_role("button", name="Take metoprolol 50 mg once a day")).to_have_attribute(
        "aria-pressed", "true"
    )
    first.get_by_role("button", name="Something else").click()
    expect(page.get_by_label("Step", exact=True)).to_have_value("Take metoprolol 50 mg once a day")
    page.get_by_label("Step", exact=True).fill("Take metoprolol 37.5 mg")
    page.get_by_label("At", exact=True).fill("8:00, 20:00")
    page.get_by_role("button", name="Save step").click()
    expect(page.locator(".review-row", has_text="37.5 mg")).to_contain_text("answered by you")
    page.get_by_role("button", name="Approve 2 steps").click()
    expect(page.get_by_text(f"2 steps are now active for {patient.first}.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    steps = {step["title"]: step for step in patient.call("GET", "steps/")["items"]}
    taken = steps.pop("Take metoprolol 37.5 mg")
    assert (taken["schedule"]["times"], taken["quote"], taken["by"]) == (["08:00", "20:00"], DOSE, "doctor")
    assert len(steps) == 1


def test_what_is_decided_outlives_leaving_the_page_and_live_events(
    strict_house: House, open_page: Callable[..., Page]
) -> None:
    patient, doctor, note = proposed(strict_house)
    page = review(open_page(viewport=DESKTOP), doctor, note)
    page.locator(".question").first.get_by_role("button", name="Take metoprolol 25 mg twice a day").click()
    page.get_by_role("button", name=re.compile("^Edit: Walk")).click()
    page.get_by_label("Step", exact=True).fill("Walk to the park")
    page.get_by_role("button", name="Save step").click()
    page.get_by_role("link", name=patient.name).click()
    expect(page.get_by_role("heading", name=patient.name)).to_be_visible()
    page.go_back()
    expect(page.locator(".review-row", has_text="Walk to the park")).to_contain_text("edited")
    expect(page.locator(".question-done")).to_contain_text("Take metoprolol 25 mg twice a day")
    write(doctor, confirmed_and_assigned(strict_house, doctor), "Rest well.")
    page.reload()
    expect(page.locator(".review-row", has_text="Walk to the park")).to_contain_text("edited")
    expect(page.locator(".question-done")).to_contain_text("twice a day")


def confirmed_and_assigned(strict_house: House, doctor: Person) -> Person:
    other = confirmed_patient(strict_house)
    other.call("POST", "assign/", {"doctor_id": doctor.id})
    return other


def test_earlier_steps_are_kept_and_the_next_note_is_one_press_away(
    strict_house: House, open_page: Callable[..., Page]
) -> None:
    patient, doctor, note = proposed(strict_house, before="Take amoxicillin 500 mg once a day. Book a chest X-ray.")
    other = confirmed_and_assigned(strict_house, doctor)
    waits = write(doctor, other, "Drink a glass of water every day.")
    page = review(open_page(viewport=DESKTOP), doctor, note)
    leave_only_walk(page)
    expect(page.locator(".way-count")).to_be_visible()
    page.locator(".keep").get_by_label("Take amoxicillin").check()
    expect(page.locator(".question")).to_have_count(2)
    for question in page.locator(".question").all():
        question.get_by_role("button", name="Nothing to do").click()
    expect(page.locator(".approve")).to_contain_text("one runs on")
    page.get_by_role("button", name="Approve 1 step").click()
    expect(page.get_by_text(f"1 step is now active for {patient.first}.")).to_be_visible()
    titles = {step["title"] for step in patient.call("GET", "steps/")["items"]}
    assert len(titles) == 2 and any("amoxicillin" in title for title in titles)
    page.get_by_role("link", name=re.compile("^Next: ")).click()
    expect(page).not_to_have_url(re.compile(note))
    page.goto(f"{strict_house.url}/#/notes")
    row = page.get_by_role("link", name=re.compile(other.name))
    expect(row).to_contain_text("to approve")
    doctor.call("POST", f"notes/{waits}/reject/")
    expect(row).to_contain_text("rejected")


def test_a_note_in_which_there_is_nothing_to_do_is_closed(
    strict_house: House, open_page: Callable[..., Page], watch: Watch
) -> None:
    patient, doctor, note = proposed(strict_house, before="Drink a glass of water every day.")
    page = open_page(viewport=DESKTOP)

    def only_asks(route: Route) -> None:
        answer = route.fetch()
        body = answer.json() | ASKED
        if body["status"] == "proposed":
            body["steps"] = []
        route.fulfill(response=answer, json=body)

    page.route(re.compile(f"/api/notes/{note}/$"), only_asks)
    page.route(re.compile("/approve/"), lambda route: route.fulfill(status=409, body="{}"))
    watch.allow("/approve/")
    live(sign_in(page, doctor, at=f"/#/notes/{note}"))
    expect(page.locator(".question")).to_have_count(2)
    for question in page.locator(".question").all():
        question.get_by_role("button", name="Nothing to do").click()
    expect(page.locator(".approve")).to_contain_text(f"There is nothing for {patient.first} to do")
    with page.expect_request(re.compile("/approve/")) as sent:
        page.get_by_role("button", name="Close the note").click()
    assert sent.value.post_data_json == {}, "all that is proposed, which is nothing"


def test_the_note_shows_what_became_of_each_sentence(strict_house: House, open_page: Callable[..., Page]) -> None:
    _, doctor, note = proposed(strict_house)
    page = review(open_page(viewport=DESKTOP), doctor, note)
    text = page.locator(".note-text")
    expect(text.locator(".as-clinic")).to_have_text(CALL)
    expect(text.locator(".as-nothing").first).to_have_text(FINE)
    expect(text.locator(".mark-question").last).to_contain_text("stress test")
    expect(page.locator("mark", has_text="Walk 20 minutes")).to_be_visible()
    legend = page.get_by_role("list", name="What the signs in the note mean")
    for words in ("a question", "the clinic’s own", "nothing to do", "a step’s words"):
        expect(legend).to_contain_text(words)
    page.get_by_role("button", name="Question 2: Is the patient to book the stress test?").click()
    expect(page.locator(".question-chosen")).to_contain_text("stress test")


def test_questions_are_answered_by_keyboard_alone(strict_house: House, open_page: Callable[..., Page]) -> None:
    _, doctor, note = proposed(strict_house)
    page = review(open_page(viewport=DESKTOP), doctor, note)
    page.locator(".question").first.get_by_role("button", name="Take metoprolol 25 mg twice a day").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".question .question-text")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Go to your stress test", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(".approve .button-main")).to_be_focused()


def test_a_review_reads_well_for_everybody(strict_house: House, open_page: Callable[..., Page]) -> None:
    """By axe, at phone and desktop size, light and dark; nothing sticks out at 320 pixels."""
    _, doctor, note = proposed(strict_house, before="Take amoxicillin 500 mg once a day. Book a chest X-ray.")
    found: dict[str, list[str]] = {}
    for size, scheme in ((PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")):
        page = open_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        review(page, doctor, note)
        found[f"{size['width']} {scheme} open"] = violations(page)
        page.locator(".question").first.get_by_role("button", name="Take metoprolol 25 mg twice a day").click()
        page.locator(".question").last.get_by_role("button", name="Something else").click()
        expect(page.get_by_label("Step", exact=True)).to_be_visible()
        found[f"{size['width']} {scheme} answering"] = violations(page)
        if size is PHONE:
            page.set_viewport_size({"width": 320, "height": 640})
            found[f"{scheme} sideways"] = sideways(page)
    assert not any(found.values()), found


def test_a_note_that_the_model_could_not_read_is_read_by_the_rules(
    clinic: House, model: Model, open_page: Callable[..., Page]
) -> None:
    patient, doctor = make_pair(clinic)
    model.will({"do": "refuse"})
    note = write(doctor, patient, "Walk 20 minutes every day.")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/notes/{note}"))
    page.get_by_role("button", name="Use the fixed rules").click()
    expect(page.get_by_role("button", name="Approve 1 step")).to_be_visible()
    expect(page.get_by_text("Read without an AI service, by fixed rules")).to_be_visible()
    assert patient.call("GET", "steps/")["items"] == []


def test_a_patient_sees_that_a_step_was_stopped(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day.")
    page = live(sign_in(open_page(), patient))
    (step,) = patient.call("GET", "steps/")["items"]
    doctor.call("POST", f"steps/{step['id']}/cancel/")
    expect(page.locator(".banner-info")).to_contain_text("A step is no longer on your list")


VISITS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "evaluation" / "visits.jsonl").read_text("utf-8").splitlines()
]
SHORTHAND = re.compile(
    r"\b(?:[bqt]\.?[di]\.?d?|o[dm]|on|prn|nocte|mane|stat|f/u|r/v|pt|rpt|appt|\d+/(?:7|12|52)|he|she|his|her|him)\b",
    re.I,
)


@pytest.mark.parametrize("note", VISITS, ids=lambda note: note["id"])
def test_a_long_clinic_note_becomes_a_plan_in_plain_words(
    strict_house: House, open_page: Callable[..., Page], note: dict[str, Any]
) -> None:
    """From the doctor's text through review and questions to the patient's phone."""
    patient, doctor = confirmed_patient(strict_house), strict_house.demo_doctor()
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    page = open_page(viewport=DESKTOP)
    live(sign_in(page, doctor, at=f"/#/patients/{patient.id}/write"))
    page.get_by_label("Your note").fill(note["note"])
    page.get_by_role("button", name="Send note").click()
    expect(page.locator(".review-row").first).to_be_visible()
    for _ in range(page.locator(".question").count()):
        page.locator(".question:not(.question-done)").get_by_role("button", name="Nothing to do").first.click()
    approve = page.get_by_role("button", name=re.compile("^Approve [0-9]+ steps$"))
    expect(approve).to_be_enabled()
    approve.click()
    expect(page.get_by_text(f"steps are now active for {patient.first}.")).to_be_visible()
    titles = [step["title"] for step in patient.call("GET", "steps/")["items"]]
    assert len(titles) > 10
    assert not [title for title in titles if SHORTHAND.search(title) or len(title) > 90]
    mine = live(sign_in(open_page(viewport=PHONE), patient, at="/#/today"))
    for title in titles:
        expect(mine.get_by_text(title, exact=True).first).to_be_attached()
