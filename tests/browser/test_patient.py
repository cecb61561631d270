"""A patient's day: reminders that arrive, are answered, skipped, undone, and stay in step on every device."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.app import Person, eventually
from tests.browser.conftest import DESKTOP, PHONE, Watch, live, sign_in, write
from tests.browser.looks import covered

SMALL = {"width": 320, "height": 640}
NOTE = "Take amoxicillin 500 mg three times a day for 7 days, with food. Book a chest X-ray at the hospital desk."


def test_a_reminder_arrives_without_reload_and_clears_on_both_pages(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    one = live(sign_in(open_page(), patient))
    two = live(sign_in(open_page(viewport=DESKTOP), patient))
    write(doctor, patient, "Drink a glass of water every day.")
    for page in (one, two):
        expect(page.locator(".due-title")).to_contain_text("water")
        expect(page.get_by_text("Your plan changed at")).to_be_visible()
    one.get_by_role("button", name="Done", exact=True).click()
    expect(one.get_by_role("heading", name="Done today")).to_be_visible()
    expect(two.get_by_text("Done on another device.")).to_be_visible()
    expect(two.get_by_role("heading", name="Done today")).to_be_visible()
    expect(two.locator(".due-card")).to_have_count(0)
    expect(two.get_by_text("Done on another device.")).to_be_hidden()


def test_a_reminder_comes_as_a_toast_over_another_page(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    page = live(sign_in(open_page(), patient, at="/#/calendar"))
    page.get_by_role("heading", name="Your calendar").wait_for()
    write(doctor, patient, "Drink a glass of water every day.")
    toast = page.locator(".toast")
    expect(toast).to_contain_text("water")
    expect(page.get_by_role("navigation")).to_contain_text("1 due now")
    assert page.evaluate("!document.querySelector('.toast').contains(document.activeElement)")
    toast.get_by_role("button", name="Done").click()
    expect(toast).to_be_hidden()
    expect(page.get_by_text("Done. Next ")).to_be_visible()


def test_an_answer_that_was_overtaken_by_a_reminder_does_not_take_it_away(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    """What was read before the reminder and arrives after it, as on a slow line."""
    patient, doctor = pair
    page = live(sign_in(open_page(), patient))
    held: list[Route] = []
    page.route(re.compile(r"/api/steps/[0-9a-f-]{36}/$"), lambda route: held.append(route))
    write(doctor, patient, "Drink a glass of water every day.")
    expect(page.locator(".due-title")).to_contain_text("water")
    eventually(lambda: page.title() and held, "the step is asked for")
    for route in held:
        answer = route.fetch()
        old = {**answer.json(), "open_slot": None, "today": [], "detail": "Of before."}
        epoch = answer.headers["x-feed"].rpartition(":")[0]
        route.fulfill(response=answer, json=old, headers={**answer.headers, "x-feed": f"{epoch}:1"})
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    expect(page.get_by_text("One thing now.")).to_be_visible()
    expect(page.locator(".due-title")).to_contain_text("water")
    expect(page.get_by_text("Of before.")).to_have_count(0)


def test_a_reminder_is_heard_and_felt_only_where_that_was_allowed(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    listen = """
        window.felt = []; window.heard = 0;
        navigator.vibrate = (pattern) => { felt.push(pattern); return true; };
        const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...when) { heard += 1; return start.apply(this, when); };
    """
    quiet, loud = open_page(), open_page()
    for page in (quiet, loud):
        page.add_init_script(listen)
        live(sign_in(page, patient, at="/#/me"))
    for name in ("Sound", "Vibration"):
        loud.get_by_role("switch", name=name).check()
    expect(loud.get_by_role("switch", name="Vibration")).to_be_checked()
    eventually(lambda: loud.evaluate("heard") >= 1 and loud.evaluate("felt.length") >= 1, "a try of each")
    before = loud.evaluate("[heard, felt.length]")
    write(doctor, patient, "Drink a glass of water every day.")
    for page in (quiet, loud):
        expect(page.locator(".toast")).to_contain_text("water")
    eventually(lambda: loud.evaluate("[heard, felt.length]") > before, "the reminder")
    assert loud.evaluate("felt.at(-1)") == [120, 80, 120]
    assert loud.evaluate("heard") > before[0]
    assert quiet.evaluate("[heard, felt.length]") == [0, 0]


def test_skipping_asks_for_a_reason_and_the_doctor_reads_it(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day.")
    page = live(sign_in(open_page(), patient))
    page.get_by_role("button", name="Skip this one").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Amara Osei will see the reason.")
    dialog.get_by_label("Another reason").check()
    dialog.get_by_label("Reason").last.fill("The water was <b>cold</b>")
    dialog.get_by_role("button", name="Skip this one").click()
    expect(page.get_by_text("Skipped.")).to_be_visible()
    expect(page.locator(".due-card")).to_have_count(0)
    seen = sign_in(open_page(viewport=DESKTOP), doctor, at=f"/#/patients/{patient.id}")
    expect(seen.get_by_text("“The water was <b>cold</b>”")).to_be_visible()


def test_a_check_in_is_taken_back(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Drink a glass of water every day.")
    page = live(sign_in(open_page(), patient))
    page.get_by_role("button", name="Done", exact=True).click()
    page.locator(".banner").get_by_role("button", name="Undo").click()
    expect(page.locator(".due-title")).to_contain_text("water")
    (step,) = patient.call("GET", "steps/")["items"]
    assert step["progress"]["done"] == 0


def test_a_checklist_and_several_things_at_once(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Measure your weight every morning for 7 days. Walk 20 minutes every day. " + NOTE)
    page = live(sign_in(open_page(), patient))
    expect(page.get_by_text("3 due now", exact=True).first).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("Done: .*X-ray")).click()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.get_by_role("button", name="All 3 done").click()
    expect(page.locator(".due-card")).to_have_count(0)
    eventually(
        lambda: sum(s["progress"]["done"] for s in patient.call("GET", "steps/")["items"]) == 3, "three are counted"
    )


def test_a_second_tap_in_the_same_place_answers_nothing_else(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    """Hands that tremble tap twice, and the next medicine's Done has moved up to where the first one was."""
    patient, doctor = pair
    write(doctor, patient, "Measure your weight every morning for 7 days. Walk 20 minutes every day. " + NOTE)
    page = live(sign_in(open_page(), patient))
    rows = page.locator(".due-rows li")
    expect(rows).to_have_count(3)
    # The second tap may take its time: how fast this machine is, is not what is tried.
    page.evaluate(
        "import('/static/js/stray-taps.js')"
        ".then(({ windows }) => Object.assign(windows, { second_ms: 6e4, moved_ms: 6e4 }))"
    )
    place = rows.first.get_by_role("button", name="Done").bounding_box()
    assert place
    page.evaluate(
        """() => {
          const list = document.querySelector(".due-rows");
          const tell = () => { document.body.dataset.moved = list.children.length; };
          new MutationObserver(tell).observe(list, { childList: true });
        }"""
    )
    at = (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.click(*at)
    page.wait_for_selector("body[data-moved='2']")
    page.mouse.click(*at)
    assert page.evaluate("async () => (await import('/static/js/store.js')).state.outbox.length") == 0
    expect(page.get_by_text("Done. Next ")).to_be_visible()
    expect(rows).to_have_count(2)
    assert sum(step["progress"]["done"] for step in patient.call("GET", "steps/")["items"]) == 1
    rows.first.get_by_role("button", name="Done").click(position={"x": 6, "y": 6})
    expect(rows).not_to_have_count(2)


def test_good_news_moves_nothing_under_the_finger(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Measure your weight every morning for 7 days. " + NOTE)
    page = live(sign_in(open_page(), patient))
    expect(page.locator(".due-rows li")).to_have_count(2)
    place = page.locator(".due-rows li").first.get_by_role("button", name="Done").bounding_box()
    before = page.locator("h1").bounding_box()
    assert place
    page.mouse.click(place["x"] + 6, place["y"] + 6)
    expect(page.get_by_text("Done. Next ")).to_be_visible()
    assert page.locator("h1").bounding_box() == before


@pytest.mark.parametrize("viewport", [PHONE, SMALL, DESKTOP], ids=["phone", "small phone", "desktop"])
def test_good_news_covers_neither_the_greeting_nor_what_comes_next(
    pair: tuple[Person, Person], open_page: Callable[..., Page], viewport: dict[str, int]
) -> None:
    patient, doctor = pair
    write(doctor, patient, NOTE)
    page = live(sign_in(open_page(viewport=viewport), patient))
    page.get_by_role("button", name="Done", exact=True).click()
    good = page.locator(".banner-good")
    expect(good).to_contain_text("Done. Next ")
    expect(good).to_contain_text("Take amoxicillin 500 mg")
    expect(page.get_by_role("heading", name="Done today")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    assert covered(page, ".banner-good", "h1", ".page-head", "main h2", "main button", ".main-nav") == []


def test_the_note_shows_where_each_step_comes_from(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, NOTE)
    page = live(sign_in(open_page(), patient))
    page.get_by_role("link", name="Why? See Amara Osei’s note").click()
    expect(page.get_by_role("heading", name="In Amara Osei’s words")).to_be_visible()
    page.get_by_role("link", name="Read the note").click()
    expect(page.locator(".mark-chosen")).to_contain_text("amoxicillin 500 mg")
    page.get_by_role("button", name=re.compile("^Step 2: ")).click()
    expect(page.locator(".note-step-on")).to_contain_text("X-ray")


def test_a_new_note_says_what_stopped_and_what_is_new(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Take ibuprofen 400 mg once a day. Walk 20 minutes every day.")
    page = live(sign_in(open_page(), patient))
    write(doctor, patient, "Drink a glass of water every day. Walk 20 minutes every day.")
    expect(page.get_by_role("heading", name="What changed today")).to_be_visible()
    changed = page.locator(".changed")
    expect(changed.locator("div", has_text="New").last).to_contain_text("water")
    expect(changed.locator("div", has_text="Stopped").last).to_contain_text("ibuprofen")
    expect(changed).to_contain_text("It is no longer on your list.")
    expect(changed).not_to_contain_text("do not")


def test_the_calendar_is_walked_with_arrow_keys(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, NOTE)
    page = live(sign_in(open_page(), patient, at="/#/calendar"))
    today = page.locator("button[aria-current=date]")
    today.focus()
    expect(today).to_be_focused()
    name = today.get_attribute("aria-label")
    for _ in range(7):
        page.keyboard.press("ArrowLeft")
    focused = page.locator("button.day:focus")
    expect(focused).not_to_have_attribute("aria-label", name or "")
    expect(focused).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("heading", name="Your plan")).to_be_visible()


def test_reminder_time_and_doctor_are_changed(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, _ = pair
    page = live(sign_in(open_page(), patient, at="/#/me"))
    part = page.locator(".part", has_text="Reminders come at these times")
    part.get_by_label("Morning").fill("07:30")
    part.get_by_label("Evening").fill("19:15")
    part.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    me = patient.call("GET", "me/")
    assert (me["reminder_time"], me["day_times"]["evening"]) == ("07:30", "19:15")
    expect(page.get_by_text("this device", exact=True)).to_be_visible()
    other = patient.app.sign_up("doctor", f"Zoltan {patient.id[:6]}")
    page.get_by_role("link", name="Change doctor").click()
    page.get_by_label("Find a doctor").fill(other.name)
    page.get_by_role("button", name=f"Choose {other.name}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your steps run on.")
    dialog.get_by_role("button", name=f"Choose {other.name}").click()
    expect(page.get_by_text(f"{other.name} is now your doctor.")).to_be_visible()
    assert patient.call("GET", "assign/")["doctor"]["id"] == other.id


def test_a_use_of_something_as_needed_is_logged_and_never_completes_it(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Take paracetamol 500 mg as needed for pain.")
    page = live(sign_in(open_page(), patient))
    expect(page.get_by_text("Not used yet")).to_be_visible()
    expect(page.locator(".due-card")).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Log a use")).click()
    expect(page.get_by_text(re.compile("Last: today"))).to_be_visible()
    (step,) = patient.call("GET", "steps/")["items"]
    assert step["status"] == "active"


def test_the_window_says_how_much_is_due_and_never_what(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    page = live(sign_in(open_page(), patient))
    expect(page).to_have_title("Today · Aftercare")
    write(doctor, patient, "Drink a glass of water every day.")
    expect(page).to_have_title("(1) Today · Aftercare")
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page).to_have_title("Today · Aftercare")
    # The keyboard's place is not lost with the card.
    expect(page.locator("h1")).to_be_focused()


def test_a_reminder_that_arrives_under_the_finger_is_not_answered(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    """The finger is on its way to a row; a reminder moves the list, and its Done lies there now."""
    patient, doctor = pair
    things = "Book a chest X-ray. Book a blood test. Buy a thermometer. Collect the prescription. Bring your papers."
    write(doctor, patient, f"Walk 20 minutes every day. {things}")
    page = live(sign_in(open_page(), patient))
    (walk,) = [step for step in patient.call("GET", "steps/")["items"] if step["kind"] == "plan"]
    patient.call("POST", f"check-in/{walk['id']}/")
    expect(page.locator(".due-card")).to_have_count(0)
    watch.allow(r"/api/check-in/")  # the slot is invented
    # The finger may take its time: how fast this machine is, is not what is tried.
    page.evaluate(
        "import('/static/js/stray-taps.js')"
        ".then(({ windows }) => Object.assign(windows, { second_ms: 6e4, moved_ms: 6e4 }))"
    )
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/check-in/" in request.url else None)
    # What reminders do to the page, without the wait for the next day; the last of them is of the real step.
    page.evaluate(
        """async (id) => {
          const { receive } = await import("/static/js/feed.js");
          const { state } = await import("/static/js/store.js");
          const rows = [...document.querySelectorAll("main .rows a, main .rows button")];
          window.wasThere = rows.map((row) => row.getBoundingClientRect().toJSON());
          for (const number of [1, 2, 3, 4]) {
            const slot = new Date(Date.now() + number * 1000).toISOString();
            const step = {
              ...state.steps[id],
              id: number === 4 ? id : `${id}-${number}`,
              open_slot: slot,
              today: [{ slot, state: "open" }],
            };
            receive({ event: "reminder.due", seq: 10 ** 6 + number, at: slot, data: { step, slot, repeat: 0 } });
          }
        }""",
        walk["id"],
    )
    # A point of the last Done, of the real step, at which a row lay a moment ago.
    x, y = page.evaluate(
        """() => {
          const done = [...document.querySelectorAll(".due-rows [data-answer]")].at(-1);
          done.scrollIntoView({ block: "center" });
          const { left, right, top, bottom } = done.getBoundingClientRect();
          const overlaps = window.wasThere.map((row) => [
            Math.max(left, row.left), Math.min(right, row.right),
            Math.max(top + window.scrollY, row.top), Math.min(bottom + window.scrollY, row.bottom),
          ]);
          const [from, to, above, below] = overlaps.find(([a, b, c, d]) => b - a > 8 && d - c > 8);
          return [(from + to) / 2, (above + below) / 2 - window.scrollY];
        }"""
    )
    page.mouse.click(x, y)
    assert page.evaluate("async () => (await import('/static/js/store.js')).state.outbox.length") == 0
    assert sent == []
    page.evaluate(
        "import('/static/js/stray-taps.js')"
        ".then(({ windows }) => Object.assign(windows, { second_ms: 0, moved_ms: 0 }))"
    )
    page.mouse.click(x, y)
    # Requests are told while something is asked of the page.
    eventually(lambda: page.evaluate("1") and sent, "a tap on what has lain there is an answer")


def test_the_plan_is_one_sheet_by_part_of_the_day_and_the_answers_are_a_file(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Take ramipril 5 mg at 08:00 and at 22:00. Book a chest X-ray.")
    step = next(one for one in patient.call("GET", "steps/")["items"] if one["kind"] == "plan")
    patient.call("POST", f"check-in/{step['id']}/", {"slot": step["today"][0]["slot"], "outcome": "done"})
    page = live(sign_in(open_page(), patient, at="/#/me"))
    page.get_by_role("link", name="Print or download").click()
    for part in ("Morning", "Bedtime", "Once, when you can"):
        expect(page.get_by_role("heading", name=part)).to_be_visible()
    with page.expect_download() as found:
        page.get_by_role("button", name="Download all my answers").click()
    lines = Path(found.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == '"Step","Due (UTC)","Answered (UTC)","Answer","Reason"'
    assert len(lines) == 2 and '"done"' in lines[1] and "ramipril" in lines[1]
    page.emulate_media(media="print")
    for name in ("nav", ".top", ".no-print"):
        assert page.locator(name).first.is_hidden(), name
    expect(page.get_by_text("ramipril").first).to_be_visible()


def test_see_what_changed_leads_to_it(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Book an eye test.")
    page = live(sign_in(open_page(), patient, at="/#/calendar"))
    page.get_by_role("heading", name="Your calendar").wait_for()
    parts = ("chest", "left knee", "right knee", "left hand", "right hand", "left foot", "right foot")
    write(doctor, patient, " ".join(f"Book an X-ray of the {part}." for part in parts))
    page.get_by_role("link", name="See what changed").click()
    card = page.locator("#changed")
    expect(card).to_be_in_viewport()
    expect(card).to_be_focused()


def test_today_on_paper_has_the_steps_and_no_buttons(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, NOTE)
    page = live(sign_in(open_page(), patient))
    expect(page.locator(".due-title")).to_contain_text("amoxicillin")
    page.emulate_media(media="print")
    expect(page.locator(".due-title")).to_be_visible()
    assert page.locator(".due-title").evaluate("(e) => getComputedStyle(e).color") == "rgb(0, 0, 0)"
    expect(page.get_by_role("checkbox", name=re.compile("X-ray"))).to_be_visible()
    for what in ("nav", ".top", ".button", ".day-question", ".main-nav"):
        for one in page.locator(what).all():
            expect(one).to_be_hidden()


def test_two_notes_of_one_day_are_told_apart_and_their_state_stands_below(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Walk 20 minutes every day.")
    write(doctor, patient, "Continue metoprolol 25-50 mg depending on pulse.")
    page = live(sign_in(open_page(), patient, at="/#/notes"))
    rows = page.locator(".note-line")
    expect(rows).to_have_count(2)
    for row in rows.all():
        expect(row).to_contain_text(re.compile(r", \d\d:\d\d"))
    waits = rows.filter(has=page.locator(".chip"))
    words, chip = waits.locator(".row-words").bounding_box(), waits.locator(".chip").bounding_box()
    assert words and chip and words["width"] > 200 and chip["y"] >= words["y"] + words["height"]


def test_where_several_are_due_each_can_be_skipped(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    write(doctor, patient, "Measure your weight every morning for 7 days. " + NOTE)
    page = live(sign_in(open_page(), patient))
    rows = page.locator(".due-rows li")
    expect(rows).to_have_count(2)
    expect(rows.first.get_by_text("Skip…")).to_be_visible()
    rows.first.locator(".due-row").click()
    expect(page.get_by_role("dialog")).to_be_visible()
