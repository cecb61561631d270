"""Notes that a language model reads, fails to read, or reads too much into; and a patient under another sky."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, expect

from tests.browser.app import House, Person, eventually
from tests.browser.conftest import DESKTOP, Model, live, make_pair, sign_in, write

TEXT = "Measure blood pressure once a day at 09:00 for 7 days. Book a chest X-ray."
FAR = "Asia/Tokyo"


def send_note(page: Page, doctor: Person, patient: Person, text: str = TEXT) -> None:
    live(sign_in(page, doctor, at=f"/#/patients/{patient.id}/write"))
    page.get_by_label("Your note").fill(text)
    page.get_by_role("button", name="Send note").click()


def test_each_way_in_which_a_model_fails_is_told_in_words_and_tried_again(
    clinic: House, model: Model, open_page: Callable[..., Page]
) -> None:
    patient, doctor = make_pair(clinic)
    model.will(
        {"do": "status", "status": 503, "retry_after": "3600"},
        {"do": "refuse"},
        {"do": "truncate"},
        {"do": "garbage"},
        {"do": "wrong"},
    )
    page = open_page(viewport=DESKTOP)
    send_note(page, doctor, patient)
    failure = page.locator(".review-steps")
    expect(failure).to_contain_text("The reading service could not be reached.")
    expect(failure).to_contain_text(f"Your note is safe, and {patient.first}’s earlier steps keep running.")
    expect(failure).to_contain_text("It is tried again by itself for a day")
    for words in ("declined this note", "The answer was cut off", "gave no usable answer"):
        page.get_by_role("button", name="Try again").click()
        expect(failure).to_contain_text(words)
        expect(failure).not_to_contain_text("by itself")
    expect(page.locator(".stages")).to_contain_text("Not read")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".review-row")).to_have_count(2)
    expect(page.get_by_text("Read by stand-in")).to_be_visible()
    assert len(patient.call("GET", "steps/")["items"]) == 2


def test_a_failure_reaches_its_author_on_whatever_page_they_are(
    clinic: House, model: Model, open_page: Callable[..., Page]
) -> None:
    patient, doctor = make_pair(clinic)
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    model.will({"do": "refuse"})
    note = write(doctor, patient, TEXT)
    banner = page.locator(".banner-error")
    expect(banner).to_contain_text("A note could not be read")
    expect(banner).to_contain_text("The reading service declined this note.")
    page.goto(f"{clinic.url}/#/notes")
    expect(page.get_by_text("Waits for you")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(f"{patient.name}.*not read"))).to_be_visible()
    doctor.call("POST", f"notes/{note}/retry/")
    expect(banner).to_be_hidden()


def test_what_a_model_adds_of_its_own_is_shown_left_out_and_never_becomes_a_step(
    clinic: House, model: Model, open_page: Callable[..., Page]
) -> None:
    patient, doctor = make_pair(clinic)
    quote = "Book a chest X-ray"
    answer = {
        "checklist": [{"title": quote, "detail": None, "quote": quote, "as_needed": False}],
        "plan": [
            {
                "title": "Take warfarin 5 mg",
                "detail": None,
                "quote": "Take warfarin 5 mg daily",
                "as_needed": False,
                "start_in_days": 0,
                "times_per_day": 1,
                "every_hours": None,
                "times": None,
                "every_days": 1,
                "duration_days": 7,
                "miss_policy": "extend",
            },
        ],
    }
    model.will({"do": "answer", "answer": answer})
    page = open_page(viewport=DESKTOP)
    send_note(page, doctor, patient)
    left_out = page.locator(".left-out")
    expect(left_out).to_contain_text("Take warfarin 5 mg")
    expect(left_out).to_contain_text(f"{patient.first} will not see this.")
    assert patient.call("GET", "steps/")["items"] == []
    # What the model passed over and the local reader found is a step too.
    page.get_by_role("button", name="Approve 2 steps").click()
    expect(page.get_by_text(f"2 steps are now active for {patient.first}.")).to_be_visible()
    titles = {step["title"] for step in patient.call("GET", "steps/")["items"]}
    assert titles == {"Book a chest X-ray", "Measure blood pressure once a day at 09:00 for 7 days"}


def test_a_patient_far_away_is_read_on_their_own_clock(clinic: House, open_page: Callable[..., Page]) -> None:
    doctor = clinic.sign_up("doctor", "Amara Osei")
    patient = clinic.sign_up("patient", "Ruth Tanaka", timezone=FAR)
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    write(doctor, patient, TEXT)
    step = eventually(
        lambda: next((s for s in patient.call("GET", "steps/")["items"] if s["schedule"]), None), "a plan"
    )
    assert step["schedule"]["times"] == ["09:00"]

    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/patients/{patient.id}"))
    line = page.locator(".panel > .secondary")
    expect(line).to_contain_text("the plan’s times are on that clock")
    there = re.search(r"there it is (\d\d):(\d\d)", line.inner_text())
    now = datetime.now(ZoneInfo(FAR))
    assert there, line.inner_text()
    assert (now.hour * 60 + now.minute - int(there[1]) * 60 - int(there[2])) % 1440 <= 2
    yesterday = now - timedelta(days=1)
    expect(page.locator(".three thead th").nth(1)).to_have_text(f"{yesterday:%a} {yesterday.day}")

    # The patient's own page keeps to the account, wherever the device says it is.
    mine = live(sign_in(open_page(timezone_id="America/Los_Angeles"), patient))
    expect(mine.get_by_text("09:00").first).to_be_visible()
    mine.goto(f"{clinic.url}/#/me")
    expect(mine.get_by_text("This device is set to Los Angeles.")).to_be_visible()
