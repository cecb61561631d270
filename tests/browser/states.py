"""Every page and state of the dashboard, one after another: for axe, for narrow windows, and for an album of pictures.

Each walk is an iterator of names: its caller examines the page in the state just named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import at_rest
from tests.browser.gallery import NOTE, Gallery
from tests.browser.gallery_people import NOW, key, moment, wire

CAUSED = r"/api/|ERR_INTERNET_DISCONNECTED|WebSocket"  # what these states have the console say


def at(page: Page, path: str, heading: str | re.Pattern[str]) -> None:
    """Go to a page of this one, and wait until it stands there."""
    page.evaluate("path => { location.hash = `#${path}`; }", path)
    arrived(page, heading)


def arrived(page: Page, heading: str | re.Pattern[str]) -> None:
    expect(page.locator("h1:not(.hidden), .panel-name").filter(has_text=heading).first).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)


def anew(page: Page, heading: str | re.Pattern[str]) -> None:
    page.reload()
    expect(page.locator("header [role=status]")).to_have_text("Live")
    arrived(page, heading)


def hear(page: Page, event: str, **data: Any) -> None:
    """Have the page hear of an event as the live channel would tell it."""
    told = {"event": event, "at": wire(NOW), "data": data}
    page.evaluate("async told => (await import('/static/js/feed.js')).receive(told)", told)


def connection(page: Page, word: str) -> None:
    page.evaluate("async word => (await import('/static/js/store.js')).set({ connection: word })", word)


def open_pages(page: Page, url: str) -> Iterator[str]:
    """What stands before sign-in."""
    page.goto(f"{url}/#/signin")
    arrived(page, "Welcome back")
    yield "signin"
    page.get_by_label("E-mail").fill("ruth.alvarez@example.org")
    page.get_by_label("Password", exact=True).fill("not the right one")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    yield "signin-wrong"
    at(page, "/signup", "Create your account")
    yield "signup"
    page.get_by_label("E-mail").fill("ruth.alvarez@example")
    page.get_by_label("Password", exact=True).fill("too short")
    page.get_by_role("button", name="Create account").click()
    page.locator(".summary").wait_for()
    yield "signup-errors"
    at(page, "/forgot", "Forgotten password")
    yield "forgot"
    page.get_by_label("E-mail").fill("ruth.alvarez@example.org")
    page.get_by_role("button", name="Send me the link").click()
    arrived(page, "Look at your mail")
    yield "forgot-sent"
    at(page, "/reset?token=spent", "Choose a new password")
    yield "reset"
    page.get_by_label("New password").fill("another walk by the lake")
    page.get_by_role("button", name="Set password").click()
    page.get_by_role("alert").wait_for()
    yield "reset-spent"
    at(page, "/verify?token=x", "Confirm your address")
    yield "verify"


def patient_pages(page: Page, gallery: Gallery) -> Iterator[str]:
    """A patient's, who stands on today."""
    arrived(page, "Good afternoon")
    expect(page.get_by_text("Day 3 of 7").first).to_be_visible()
    yield "today"
    page.get_by_role("button", name="Skip this one").click()
    page.get_by_role("dialog").get_by_label("Another reason").check()
    yield "skip"
    page.keyboard.press("Escape")
    hear(page, "steps.changed", created=[gallery.walk], cancelled=[], completed=[], note_id=gallery.note_id)
    page.get_by_text("Your plan changed").wait_for()
    yield "plan-changed"
    page.locator(".banner .icon-button").first.click()

    yield from _connection_states(page, gallery)

    gallery.due(gallery.amoxicillin, gallery.pressure, gallery.walk)
    anew(page, "Good afternoon")
    page.locator(".due-several").wait_for()
    yield "several-due"
    gallery.due()
    anew(page, "Good afternoon")
    page.get_by_text("Nothing now").wait_for()
    yield "nothing-now"
    for step in gallery.active:
        for slot in step["today"]:
            slot["state"] = "done"
    gallery.pressure["today"][0]["state"] = "missed"
    gallery.walk["today"][0]["state"] = "skipped"
    anew(page, "Good afternoon")
    page.get_by_text("Earlier today").wait_for()
    yield "all-answered"

    gallery.due(gallery.amoxicillin)
    at(page, "/calendar", "Your calendar")
    page.locator(".month .day-sign").first.wait_for()
    yield "calendar"
    hear(page, "reminder.due", step=gallery.amoxicillin, slot=gallery.amoxicillin["open_slot"], repeat=0)
    page.locator(".toast").wait_for()
    yield "toast"
    page.locator(".toast .icon-button").click()
    page.get_by_role("button", name="Get the private link").click()
    page.get_by_label("Your private link").wait_for()
    yield "calendar-link"
    page.get_by_role("button", name="Switch it off").click()
    page.get_by_role("dialog").wait_for()
    yield "calendar-link-off"
    page.keyboard.press("Escape")

    at(page, "/notes", "Notes")
    yield "notes"
    at(page, f"/notes/{gallery.note_id}?step={gallery.amoxicillin['id']}", "’s note")
    page.locator(".readers").wait_for()
    yield "note"
    at(page, f"/step/{gallery.pressure['id']}", "Measure blood pressure")
    page.get_by_role("heading", name="What you answered").wait_for()
    yield "step"
    page.get_by_role("button", name="Stop this step").click()
    yield "step-stop"
    page.keyboard.press("Escape")
    at(page, "/me", "Me")
    page.get_by_text("Chrome on Android").wait_for()
    page.get_by_text("Amara Osei read a note").wait_for()
    yield "me"
    page.get_by_role("button", name="Erase my account").click()
    yield "erase"
    page.keyboard.press("Escape")
    at(page, "/doctor", "Change doctor")
    page.get_by_role("button", name="Choose Dr Chiara Lombardi").wait_for()
    yield "doctors"
    page.get_by_role("button", name="Choose Dr Chiara Lombardi").click()
    yield "doctor-chosen"
    page.keyboard.press("Escape")
    at(page, "/nowhere", "There is nothing here")
    yield "nowhere"
    gallery.instead = {"steps/": [], "notes/": []}
    at(page, "/today", "Good afternoon")
    anew(page, "Good afternoon")
    page.get_by_text("your steps appear here").wait_for()
    yield "waiting-for-a-note"
    gallery.instead["assign/"] = None
    anew(page, "Good afternoon")
    page.get_by_role("link", name="Choose my doctor").wait_for()
    yield "without-doctor"
    gallery.instead = {}


def _connection_states(page: Page, gallery: Gallery) -> Iterator[str]:
    connection(page, "reconnecting")
    page.get_by_text("What you see is from").wait_for()
    yield "reconnecting"
    connection(page, "paused")
    page.get_by_text("This page has stopped listening.").wait_for()
    yield "paused"
    connection(page, "live")
    page.context.set_offline(True)
    page.get_by_text("You are offline").wait_for()
    at_rest(page).get_by_role("button", name="Done", exact=True).click()
    page.get_by_text("Waiting to be sent").wait_for()
    yield "offline"
    page.context.set_offline(False)
    page.get_by_text("Back online").wait_for()
    yield "back-online"
    page.locator(".banner-good .icon-button").click()
    gallery.due(gallery.amoxicillin)
    anew(page, "Good afternoon")
    slot = gallery.amoxicillin["open_slot"]
    hear(page, "step.checked_in", step={**gallery.amoxicillin, "open_slot": None}, slot=slot, outcome="done")
    page.get_by_text("Done on another device.").wait_for()
    yield "answered-elsewhere"
    page.evaluate(
        "async () => (await import('/static/js/messages.js')).showError("
        "'That did not go through', 'The step was stopped by a newer note.')"
    )
    yield "refused"


def doctor_pages(page: Page, gallery: Gallery) -> Iterator[str]:
    """A doctor's, who stands on the patients."""
    arrived(page, "Patients")
    page.locator(".patient-row").first.wait_for()
    yield "patients"
    connection(page, "reconnecting")
    page.get_by_text("What you see is from").wait_for()
    yield "patients-reconnecting"
    connection(page, "live")
    at(page, f"/patients/{gallery.patient['id']}", "Ruth Alvarez")
    page.get_by_role("heading", name="Last three days").wait_for()
    yield "patient"
    at(page, f"/patients/{gallery.patient['id']}/history", "notes and answers")
    page.get_by_role("heading", name="90 days").wait_for()
    page.get_by_text("Stopped 1").first.wait_for()
    yield "history"
    at(page, f"/patients/{gallery.patient['id']}/write", "New note for")
    page.get_by_role("button", name="Send note").click()
    page.get_by_text("Write the note first.").wait_for()
    yield "write-empty"
    page.get_by_label("Your note").fill(NOTE)
    yield "write"

    new = key("new note")
    gallery.reviewing = True
    proposed = gallery.proposed()
    for name, stage, change in (
        ("reading", "Ready", {"status": "processing", "steps": [], "dropped": [], "unmatched": []}),
        ("failed", "Not read", {"status": "failed", "failure": "timeout", "steps": [], "dropped": [], "unmatched": []}),
        ("superseded", "replaced", {"status": "superseded", "steps": [], "dropped": [], "unmatched": []}),
        (
            "ready",
            "Ready",
            {
                "status": "ready",
                "steps": [{**step, "status": "active"} for step in proposed["steps"]],
                "dropped": [],
                "unmatched": proposed["unmatched"][:1],
            },
        ),
        ("proposed", "Approve", {}),
    ):
        gallery.instead[f"notes/{new}/"] = {**proposed, **change}
        at(page, "/notes", "Notes")  # a page between, so that the next is made anew
        at(page, f"/notes/{new}", "note for")
        expect(page.locator(".stages li").last).to_have_text(stage)
        yield f"note-{name}"
    page.get_by_role("button", name=re.compile("^Edit: Measure")).click()
    yield "review-editing"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name=re.compile("^Leave out: Walk")).click()
    page.get_by_role("button", name="Add a step: Take paracetamol 500 mg").click()
    yield "review-adding"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Reject all").click()
    yield "reject"
    page.keyboard.press("Escape")

    listed = gallery.answer("notes/", "")
    assert listed is not None
    gallery.instead["notes/"] = [
        {
            **listed["items"][0],
            "id": key(f"listed {status}"),
            "status": status,
            "created_at": wire(moment(-days, "09:00") + timedelta(minutes=days)),
        }
        for days, status in enumerate(("failed", "proposed", "processing", "ready", "superseded", "withdrawn"))
    ]
    at(page, "/notes", "Notes")
    page.get_by_text("Waits for you").wait_for()
    yield "notes-of-doctor"
    page.get_by_label("Find by patient").fill("ruth")
    page.get_by_role("heading", name="Found").wait_for()
    yield "notes-found"
    gallery.instead["notes/"] = []
    page.get_by_role("button", name="Withdrawn").click()
    page.get_by_role("heading", name="No note found").wait_for()
    yield "no-note-found"
    at(page, "/account", "Account")
    page.get_by_text("Chrome on Android").wait_for()
    yield "account"
    gallery.instead = {"my-patients/": []}
    at(page, "/patients", "Patients")
    anew(page, "Patients")
    yield "no-patients"
    gallery.instead = {
        "me/": {**page.evaluate("async () => (await import('/static/js/store.js')).state.user"), "status": "pending"}
    }
    page.reload()
    arrived(page, "waiting for approval")
    yield "pending"
