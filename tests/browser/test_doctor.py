"""A doctor's four minutes: who needs me, a note whose steps appear, review, history, taking a note back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.app import House, Person, eventually
from tests.browser.conftest import DESKTOP, PHONE, Watch, live, sign_in, write
from tests.browser.looks import covered

TEXT = """Recovering well from her chest infection.

Take amoxicillin 500 mg three times a day for 7 days. Measure your blood pressure every morning for 7 days.

Book a chest X-ray at the hospital desk."""


@pytest.fixture
def reviewed(strict_house: House) -> tuple[Person, Person]:
    """A patient and the demo's doctor, in the house where steps are reviewed."""
    doctor = strict_house.demo_doctor()
    return confirmed_patient_of(doctor), doctor


def confirmed_patient(app: House) -> Person:
    """A patient whose address is confirmed by the letter."""
    from uuid import uuid4

    from tests.browser.app import PASSWORD

    email = f"ruth.{uuid4().hex[:8]}@example.org"
    app.call("POST", "signup/", {"name": f"Ruth {email[5:9]}", "email": email, "password": PASSWORD, "role": "patient"})
    letter = eventually(lambda: app.letters(email), "the letter is written")[-1]
    found = re.search(r"#/verify\?token=([\w.~-]+)", letter)
    assert found, letter
    app.call("POST", "verify-email/", {"token": found[1], "password": PASSWORD})
    return app.sign_in(email, PASSWORD)


def confirmed_patient_of(doctor: Person) -> Person:
    patient = confirmed_patient(doctor.app)
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    return patient


def test_a_note_is_written_and_its_steps_appear_while_one_looks(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    page.get_by_role("link", name=patient.name).click()
    page.get_by_role("link", name="Write a note").click()
    page.get_by_label("Your note").fill(TEXT)
    page.get_by_role("button", name="Send note").click()
    expect(page.locator(".review-row")).to_have_count(3)
    expect(page.get_by_text("Read without an AI service, by fixed rules")).to_be_visible()
    expect(page.locator("mark").first).to_contain_text("amoxicillin")
    expect(page.locator(".stages [aria-current=step]")).to_have_text("Ready")
    page.get_by_role("button", name=re.compile("^Step 3: ")).click()
    expect(page.locator(".row-chosen")).to_contain_text("X-ray")


def test_a_draft_survives_a_reload_and_is_gone_once_sent(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/patients/{patient.id}/write"))
    page.get_by_label("Your note").fill("Walk 20 minutes every day.")
    page.reload()
    expect(page.get_by_label("Your note")).to_have_value("Walk 20 minutes every day.")
    page.get_by_role("button", name="Send note").click()
    expect(page.locator(".review-row")).to_have_count(1)
    page.goto(f"{doctor.app.url}/#/patients/{patient.id}/write")
    expect(page.get_by_label("Your note")).to_have_value("")


def test_the_list_shows_at_once_that_a_patient_answered(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day.")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    row = page.get_by_role("row", name=re.compile(patient.name))
    expect(row).to_contain_text("never")
    (step,) = patient.call("GET", "steps/")["items"]
    patient.call("POST", f"check-in/{step['id']}/")
    expect(row).to_contain_text("today")


def test_steps_are_reviewed_edited_added_and_approved(
    reviewed: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = reviewed
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/patients/{patient.id}/write"))
    page.get_by_label("Your note").fill(TEXT)
    page.get_by_role("button", name="Send note").click()
    expect(page.get_by_role("button", name="Approve 3 steps")).to_be_visible()
    watching = live(sign_in(open_page(), patient))
    expect(watching.get_by_role("heading", name="Nothing for you to do yet")).to_be_visible()

    page.get_by_role("button", name=re.compile("^Edit: Measure")).click()
    page.get_by_label("Step", exact=True).fill("Measure blood pressure, sitting")
    page.get_by_label("At", exact=True).fill("8:00, 20:00")
    page.get_by_label("Days", exact=True).fill("5")
    page.get_by_label("If one is missed").select_option("fixed")
    page.get_by_role("button", name="Save step").click()
    expect(page.locator(".review-row", has_text="sitting")).to_contain_text("5 days")
    page.get_by_role("button", name=re.compile("^Leave out: .*X-ray")).click()
    page.get_by_role("button", name="Add a step", exact=True).click()
    page.get_by_label("Step", exact=True).fill("Call me if you have a fever")
    page.get_by_role("button", name="Save step").click()
    page.get_by_role("button", name="Approve 3 steps").click()
    expect(page.get_by_text(f"3 steps are now active for {patient.first}.")).to_be_visible()

    steps = {step["title"]: step for step in patient.call("GET", "steps/")["items"]}
    assert steps["Measure blood pressure, sitting"]["schedule"] | {"start_date": ""} == {
        "start_date": "",
        "times": ["08:00", "20:00"],
        "times_from": "note",
        "parts": None,
        "every_days": 1,
        "weekdays": None,
        "every_months": None,
        "on_day": None,
        "rrule": "FREQ=DAILY;COUNT=5",
        "occurrences": 10,
        "miss_policy": "fixed",
    }
    assert steps["Call me if you have a fever"]["by"] == "doctor"
    assert not any("X-ray" in title for title in steps)
    expect(watching.get_by_text("Call me if you have a fever")).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_good_news_covers_neither_the_stages_nor_the_way_to_the_next_note(
    reviewed: tuple[Person, Person], open_page: Callable[..., Page], viewport: dict[str, int]
) -> None:
    patient, doctor = reviewed
    write(doctor, confirmed_patient_of(doctor), TEXT)
    note = write(doctor, patient, TEXT)
    page = live(sign_in(open_page(viewport=viewport), doctor, at=f"/#/notes/{note}"))
    page.get_by_role("button", name="Approve 3 steps").click()
    expect(page.locator(".banner-good")).to_contain_text(f"3 steps are now active for {patient.first}.")
    expect(page.locator(".next-waiting")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    assert covered(page, ".banner-good", "h1", ".stages", ".next-waiting", ".main-nav", "main button") == []


def test_a_proposal_is_rejected_and_the_old_plan_runs_on(
    reviewed: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = reviewed
    note = write(doctor, patient, "Walk 20 minutes every day.")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/notes/{note}"))
    page.get_by_role("button", name="Reject all").click()
    page.get_by_role("dialog").get_by_role("button", name="Reject all").click()
    expect(page.locator("main").get_by_text("Rejected. The earlier steps keep running.")).to_be_visible()
    assert doctor.call("GET", f"notes/{note}/")["status"] == "rejected"


def test_a_ready_note_is_withdrawn_and_closed_to_the_patient(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/notes/")
    patient, doctor = pair
    note = write(doctor, patient, "Walk 20 minutes every day.")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/notes/{note}"))
    page.get_by_role("button", name="Withdraw this note").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_text("The note is withdrawn.")).to_be_visible()
    read = sign_in(open_page(), patient, at=f"/#/notes/{note}")
    expect(read.get_by_role("heading", name="This note is not here any more")).to_be_visible()
    assert patient.call("GET", "steps/")["items"] == []


def test_the_history_tells_what_each_note_changed(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Take ibuprofen 400 mg once a day. Walk 20 minutes every day.")
    write(doctor, patient, "Drink a glass of water every day. Walk 20 minutes every day.")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/patients/{patient.id}/history"))
    newest = page.locator(".history > li").first
    expect(newest).to_contain_text("New 1")
    expect(newest).to_contain_text("Stopped 1")
    expect(newest).to_contain_text("Same 1")
    expect(page.get_by_role("heading", name="90 days")).to_be_visible()


def test_silence_shows_without_a_reload_though_it_sends_no_event(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    page = open_page(viewport=DESKTOP)
    page.clock.install()
    live(sign_in(page, doctor))
    row = page.get_by_role("row", name=re.compile(patient.name))
    write(doctor, patient, "Drink a glass of water 12 times a day.")
    eventually(lambda: doctor.call("GET", "my-patients/")["items"][0]["need"] == "silent", "the patient falls silent")
    page.mouse.move(0, 0)
    page.clock.fast_forward(80_000)
    expect(row).to_contain_text(re.compile(r"silent \d+ slots"))
    expect(row).to_contain_text("Never checked in")


def test_a_reason_is_shown_with_its_numbers(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water 12 times a day.")
    (step,) = patient.call("GET", "steps/")["items"]
    slots = [slot["slot"] for slot in step["today"]]
    for number, slot in enumerate(slots[:9]):
        answer = {"slot": slot} if number % 3 else {"slot": slot, "outcome": "skipped", "reason": "I have none left"}
        patient.call("POST", f"check-in/{step['id']}/", answer)
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    row = page.get_by_role("row", name=re.compile(patient.name))
    expect(row).to_contain_text("One step skipped 3 times or more, 3 skipped in all")
    expect(row).to_contain_text("67 %")


def test_every_reason_has_its_words_in_both_languages(app: House, open_page: Callable[..., Page]) -> None:
    """Fourteen days kept, then fourteen by half: what the list makes of it."""
    page = open_page(app.url)
    told = page.evaluate(
        """async () => {
          const { useLanguage } = await import("/static/js/texts.js");
          const { reasonWords } = await import("/static/js/doctor/need.js");
          const day = (done) => ({ due: 2, done, skipped: 0 });
          const days = [...Array(16).fill(day(2)), ...Array(14).fill(day(1))];
          const all = [];
          for (const tag of ["en", "es"]) {
            await useLanguage(tag);
            for (const reason of ["two-unanswered", "under-60", "down-20", "skipped-3"]) {
              const patient = { reason, need: "slipping", last_check_in_at: null, adherence: 0.55, days };
              all.push(reasonWords(patient));
            }
          }
          return all;
        }"""
    )
    assert told == [
        "Never checked in",
        "55 % kept in 30 days",
        "Down 50 points in two weeks, to 50 %",
        "One step skipped 3 times or more, 0 skipped in all",
        "Nunca ha respondido",
        "55 % cumplido en 30 días",
        "Bajó 50 puntos en dos semanas, al 50 %",
        "Un paso saltado 3 veces o más; 0 saltados en total",
    ]


def change_notes(page: Page, change: Callable[[dict[str, Any]], None]) -> None:
    """Let a note's answer pass through ``change``: for what the fixed rules cannot be brought to do."""

    def pass_on(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        change(body)
        route.fulfill(response=answer, json=body)

    page.route(re.compile(r"/api/notes/[0-9a-f-]{36}/$"), pass_on)


def test_a_note_that_could_not_be_read_is_safe_and_tried_again(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/retry/")
    patient, doctor = pair
    note = write(doctor, patient, "Walk 20 minutes every day.")
    page = open_page(viewport=DESKTOP)
    change_notes(page, lambda body: body.update(status="failed", failure="timeout", steps=[]))
    live(sign_in(page, doctor, at=f"/#/notes/{note}"))
    expect(page.get_by_role("heading", name="The note could not be read")).to_be_visible()
    expect(page.get_by_text(f"Your note is safe, and {patient.first}’s earlier steps keep running.")).to_be_visible()
    with page.expect_response(lambda answer: answer.url.endswith(f"/notes/{note}/retry/")) as answer:
        page.get_by_role("button", name="Try again").click()
    assert answer.value.status == 409  # it was read, in truth
    expect(page.get_by_role("alert")).to_contain_text("Something changed in the meantime")


def test_dropped_and_stepless_sentences_are_shown_and_become_steps(
    reviewed: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = reviewed
    text = "Walk 20 minutes every day. The fever is gone. Her daughter collects the prescription."
    note = write(doctor, patient, text)
    start = text.index("Her daughter")
    page = open_page(viewport=DESKTOP)
    change_notes(
        page,
        lambda body: body.update(
            dropped=[
                {
                    "kind": "checklist",
                    "reason": "number-not-in-quote",
                    "detail": "“500 mg” is not in your note.",
                    "item": {
                        "title": "Take paracetamol 500 mg",
                        "detail": None,
                        "quote": "The fever is gone.",
                        "as_needed": True,
                    },
                }
            ],
            unmatched=[{"quote": text[start:], "start": start, "end": len(text)}],
        ),
    )
    live(sign_in(page, doctor, at=f"/#/notes/{note}"))
    expect(page.locator(".note-text .mark-dropped").first).to_have_text("The fever is gone.")
    expect(page.locator(".mark-none").first).to_have_text(text[start:])
    expect(page.get_by_text(f"“500 mg” is not in your note. {patient.first} will not see this.")).to_be_visible()
    page.get_by_role("button", name="Add a step: Take paracetamol 500 mg").click()
    page.get_by_label("Step", exact=True).fill("Take paracetamol for fever")
    page.get_by_label("Detail").fill("As on the packet.")
    page.get_by_role("button", name="Save step").click()
    page.get_by_role("button", name="Approve 2 steps").click()
    eventually(
        lambda: any(step["title"] == "Take paracetamol for fever" for step in patient.call("GET", "steps/")["items"]),
        "added",
    )


def test_rows_move_only_when_the_hand_is_elsewhere(
    app: House, pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    calm = app.sign_up("patient", "Anna Calm")
    calm.call("POST", "assign/", {"doctor_id": doctor.id})
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    page.get_by_role("link", name="Anna Calm").hover()
    # Two times due and unanswered: this patient falls silent. A note to the other one has the page look again.
    write(doctor, patient, "Drink a glass of water 12 times a day.")
    eventually(lambda: doctor.call("GET", "my-patients/")["items"][0]["need"] == "silent", "the patient falls silent")
    write(doctor, calm, "Walk 20 minutes every day.")
    expect(page.get_by_text("Never checked in")).to_be_visible()
    page.get_by_role("button", name=re.compile("changes?, show")).click()
    expect(page.locator("tbody").first).to_contain_text(patient.name)
    expect(page.locator("tbody").first).to_contain_text("Silent")


@pytest.mark.parametrize("width", [390, 820, 1200, 1280, 1440])
def test_a_step_can_be_stopped_on_every_width(
    pair: tuple[Person, Person], open_page: Callable[..., Page], width: int
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Walk 20 minutes every day.")
    page = open_page(viewport={"width": width, "height": 900})
    live(sign_in(page, doctor, at=f"/#/patients/{patient.id}"))
    page.get_by_role("button", name="Stop: Walk 20 minutes").click()
    page.get_by_role("button", name="Stop this step").click()
    expect(page.get_by_text("has no step running now")).to_be_visible()
    assert patient.call("GET", "steps/")["items"] == []


def test_a_plan_that_could_not_be_read_is_not_shown_as_none(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Walk 20 minutes every day.")
    watch.allow("503")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor))
    unavailable = {"type": "/problems/unavailable", "title": "Not now", "status": 503}
    page.route(re.compile(r"/api/steps/"), lambda route: route.fulfill(status=503, json=unavailable))
    page.goto(f"{doctor.app.url}/#/patients/{patient.id}/write")
    expect(page.get_by_text("The plan could not be read just now. It may hold steps.")).to_be_visible()
    expect(page.get_by_text("No steps yet")).to_have_count(0)


def test_a_draft_is_named_in_the_list_and_a_saved_step_keeps_the_keyboards_place(
    reviewed: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = reviewed
    note = write(doctor, patient, TEXT)
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/patients/{patient.id}/write"))
    page.get_by_label("Your note").fill("Ask about the cough")
    page.goto(f"{doctor.app.url}/#/patients")
    row = page.locator(".patient-row", has_text=patient.name)
    expect(row).to_contain_text("draft")
    page.goto(f"{doctor.app.url}/#/notes/{note}")
    page.get_by_role("button", name=re.compile("^Edit: Measure")).click()
    page.get_by_role("button", name="Save step").click()
    expect(page.locator(".review-row", has_text="Measure").locator(".row-plain")).to_be_focused()


def test_a_doctor_reads_that_a_step_was_stopped_not_that_it_left_their_list(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    note = write(doctor, patient, "Walk 20 minutes every day.")
    (step,) = patient.call("GET", "steps/")["items"]
    doctor.call("POST", f"steps/{step['id']}/cancel/")
    page = live(sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/notes/{note}"))
    row = page.locator(".review-row", has_text="Walk")
    expect(row).to_contain_text("stopped")
    expect(row).not_to_contain_text("your list")
