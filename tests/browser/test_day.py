"""A patient's day on a phone: many medicines, what is put off, when it really was, another zone, a notification."""

from __future__ import annotations

import json
import re
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, Worker, expect

from tests.browser.app import House, Person, eventually
from tests.browser.conftest import DESKTOP, at_rest, live, sign_in, write

SEVEN = (
    "Take lisinopril 10 mg once a day. Take metformin 500 mg twice a day. Take atorvastatin 20 mg once a day. "
    "Take amoxicillin 500 mg three times a day. Take bisoprolol 5 mg once a day. Take furosemide 40 mg twice a day. "
    "Take pantoprazole 40 mg once a day."
)


def test_seven_medicines_over_a_day(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    page = live(sign_in(open_page(), patient))
    write(doctor, patient, SEVEN)
    expect(page.locator(".due-pill")).to_contain_text("7 due now")
    assert len(page.locator(".due-rows li").all()) == 7
    at_rest(page).locator(".due-rows li", has_text="lisinopril").locator("[data-answer]").click()
    expect(page.locator(".due-pill")).to_contain_text("6 due now")
    at_rest(page).get_by_role("button", name="All 6 done").click()
    expect(page.locator(".due-card")).to_have_count(0)
    done = page.locator("section", has=page.get_by_role("heading", name="Done today"))
    expect(done.locator("li")).to_have_count(7)
    # The day goes on: what comes three times, then what comes twice.
    expect(page.locator(".due-title")).to_contain_text("amoxicillin", timeout=30_000)
    at_rest(page).get_by_role("button", name="Done", exact=True).click()
    expect(page.locator(".due-pill")).to_contain_text("2 due now", timeout=30_000)
    at_rest(page).get_by_role("button", name="Both done").click()
    eventually(
        lambda: sum(step["progress"]["done"] for step in patient.call("GET", "steps/")["items"]) >= 10,
        "all of it is with the service",
    )


def test_a_reminder_is_put_off_and_comes_again(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    patient, doctor = pair
    page = live(sign_in(open_page(), patient))
    other = live(sign_in(open_page(), patient))
    write(doctor, patient, "Drink a glass of water every day.")
    expect(other.locator(".due-title")).to_contain_text("water")
    page.get_by_role("button", name="Later…").click()
    page.get_by_role("radio", name="3 hours").check(force=True)
    page.get_by_role("button", name="Remind me later").click()
    for one in (page, other):
        expect(one.locator(".due-card")).to_have_count(0)
    later = page.locator("section", has=page.get_by_role("heading", name="Later today"))
    expect(later).to_contain_text("put off from")
    # Three hours of a day of a minute are 7.5 s.
    for one in (page, other):
        expect(one.locator(".due-title")).to_contain_text("water")
    page.get_by_role("button", name="Done", exact=True).click()
    expect(other.get_by_role("heading", name="Done today")).to_be_visible()


def test_the_time_of_an_answer_is_changed(clinic: House, open_page: Callable[..., Page]) -> None:
    doctor = clinic.sign_up("doctor", "Amara Osei")
    patient = clinic.sign_up("patient", "Ruth Alvarez")
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    patient.call("PATCH", "me/", {"reminder_time": "23:59", "timezone": "Europe/Madrid"})
    write(doctor, patient, "Drink a glass of water every day.")
    (step,) = patient.call("GET", "steps/")["items"]
    slot = step["today"][0]["slot"]
    patient.call("POST", f"check-in/{step['id']}/", {"slot": slot})
    page = live(sign_in(open_page(), patient, at=f"/#/step/{step['id']}"))
    page.get_by_role("button", name="Change time").click()
    now = page.evaluate("new Date(Date.now() - 65 * 60000).toTimeString().slice(0, 5)")
    page.get_by_label("Time", exact=True).fill(now)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".row-words", has_text="checked in")).to_contain_text(re.compile(now))

    def told() -> bool:
        check_ins = patient.call("GET", f"steps/{step['id']}/")["check_ins"]
        return len(check_ins) == 1 and check_ins[0]["slot"] == slot and check_ins[0]["at"].endswith(":00Z")

    eventually(told, "the service has the time")


def test_in_another_zone_the_page_asks_once(app: House, open_page: Callable[..., Page]) -> None:
    patient = app.sign_up("patient", "Ruth Alvarez")
    page = live(sign_in(open_page(timezone_id="Europe/Lisbon"), patient))
    question = page.get_by_role("region", name="You seem to be in Lisbon. Remind you by the time there?")
    expect(question).to_be_visible()
    question.get_by_role("button", name="No, by the time in Madrid").click()
    expect(page.get_by_text("Your reminders stay on the time in Madrid.")).to_be_visible()
    page.reload()
    live(page)
    expect(question).to_have_count(0)
    moved = live(sign_in(open_page(timezone_id="Asia/Tokyo"), patient))
    moved.get_by_role("button", name="Always by this device").click()
    expect(moved.get_by_text("Your reminders now come by the time in Tokyo.")).to_be_visible()
    me = patient.call("GET", "me/")
    assert (me["timezone"], me["timezone_mode"]) == ("Asia/Tokyo", "follow")
    home = live(sign_in(open_page(), patient))
    expect(home.get_by_text("Your reminders now come by the time in Madrid.")).to_be_visible()


def treated(clinic: House, *, zone: str, note: str) -> tuple[Person, dict[str, Any]]:
    """A patient with a plan of one step, on calendar days."""
    doctor, patient = clinic.sign_up("doctor", "Amara Osei"), clinic.sign_up("patient", "Ruth Alvarez")
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    patient.call("PATCH", "me/", {"timezone": zone, "reminder_time": "08:00"})
    write(doctor, patient, note)
    (step,) = patient.call("GET", "steps/")["items"]
    return patient, step


def next_day(patient: Person, step: dict[str, Any]) -> datetime:
    """When the step is due next, on the patient's clock."""
    zone = ZoneInfo(patient.call("GET", "me/")["timezone"])
    at: str = patient.call("GET", f"steps/{step['id']}/")["next_reminder_at"]
    return datetime.fromisoformat(at).astimezone(zone)


def test_a_flight_from_berlin_to_los_angeles(clinic: House, open_page: Callable[..., Page]) -> None:
    patient, step = treated(clinic, zone="Europe/Berlin", note="Take lisinopril 10 mg once a day.")
    assert next_day(patient, step).hour == 8
    page = live(sign_in(open_page(timezone_id="America/Los_Angeles"), patient))
    question = page.get_by_role("region", name="You seem to be in Los Angeles. Remind you by the time there?")
    expect(question).to_contain_text("Berlin")
    question.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Your reminders now come by the time in Los Angeles.")).to_be_visible()
    assert patient.call("GET", "me/")["timezone"] == "America/Los_Angeles"
    due = next_day(patient, step)
    assert (due.hour, str(due.tzinfo)) == (8, "America/Los_Angeles"), "eight in the morning, over there"


def test_a_weekly_injection_is_one_step_with_its_weekday(clinic: House, open_page: Callable[..., Page]) -> None:
    note = "Inject methotrexate 15 mg every Monday."
    patient, step = treated(clinic, zone="Europe/Madrid", note=note)
    assert next_day(patient, step).strftime("%a %H:%M") == "Mon 08:00"
    page = live(sign_in(open_page(), patient, at=f"/#/step/{step['id']}"))
    expect(page.get_by_text(re.compile("every Monday at 08:00", re.IGNORECASE))).to_be_visible()
    expect(page.get_by_text(re.compile("The next reminder is .*(?:Monday|tomorrow).* at 08:00"))).to_be_visible()


def test_a_monthly_injection_on_the_31st_comes_on_the_last_day_of_a_shorter_month(
    clinic: House, open_page: Callable[..., Page]
) -> None:
    note = "Inject vitamin B12 1 mg on the 31st of every month."
    patient, step = treated(clinic, zone="Europe/Madrid", note=note)
    due = next_day(patient, step)
    assert due.day == monthrange(due.year, due.month)[1]
    assert (step["schedule"]["every_months"], step["schedule"]["on_day"]) == (1, 31)
    page = live(sign_in(open_page(), patient, at=f"/#/step/{step['id']}"))
    expect(page.get_by_text(re.compile("the 31st of every month", re.I)).first).to_be_visible()


def test_a_painkiller_too_soon_is_asked_about_recorded_and_told(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Take paracetamol 500 mg every 6 hours as needed for pain, max 4 a day.")
    page = live(sign_in(open_page(), patient))
    page.get_by_role("button", name=re.compile("^Log a use")).click()
    expect(page.get_by_text(re.compile("Last: today .* next .* 1 of 4"))).to_be_visible()
    at_rest(page).get_by_role("button", name=re.compile("^Log a use")).click()
    dialog = page.get_by_role("dialog", name="This is too soon")
    dialog.get_by_role("button", name="Go back").click()
    (step,) = patient.call("GET", "steps/")["items"]
    assert step["done_24h"] == 1
    at_rest(page).get_by_role("button", name=re.compile("^Log a use")).click()
    dialog.get_by_role("button", name="Record anyway").click()
    expect(page.get_by_text(re.compile("2 of 4"))).to_be_visible()
    at = f"/#/patients/{patient.id}"
    desk = live(sign_in(open_page(viewport=DESKTOP), doctor, at=at))
    expect(desk.get_by_text("1 over the limit")).to_be_visible()


def test_how_often_a_reminder_is_repeated_is_chosen_under_me(app: House, open_page: Callable[..., Page]) -> None:
    patient = app.sign_up("patient", "Ruth Alvarez")
    page = live(sign_in(open_page(), patient, at="/#/me"))
    page.get_by_label("Remind again when I have not answered").select_option(label="30 minutes")
    page.get_by_label("At most").select_option(label="5 times")
    eventually(
        lambda: page.title() and patient.call("GET", "me/")["repeat_most"] == 5, "the choice is with the service"
    )
    assert patient.call("GET", "me/")["repeat_minutes"] == 30


def worker_of(page: Page) -> Worker:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return page.context.service_workers[0]


def test_an_answer_from_a_notification_waits_for_a_network(app: House, open_page: Callable[..., Page]) -> None:
    """The worker itself, while no page need be open; the service's part is in the integration tests."""
    page = open_page(app.url, service_workers="allow")
    worker = worker_of(page)
    kept = "answersStore('readonly', (store) => store.getAll())"
    worker.evaluate(
        """async () => {
          self.sent = [];
          self.answers = [];
          // Each occasion to send is this test's own.
          Object.defineProperty(self.registration, "sync", { value: undefined });
          const real = self.fetch.bind(self);
          self.fetch = async (path, options) => {
            if (path !== "/api/answer/") return real(path, options);
            if (!self.answers.length) throw new TypeError("no network");
            self.sent.push(JSON.parse(options.body));
            return new Response(null, { status: self.answers.shift() });
          };
          await answerFrom({ data: { token: "t1" } }, "done");
        }"""
    )
    (entry,) = worker.evaluate(f"() => {kept}")
    assert (entry["token"], entry["outcome"]) == ("t1", "done")
    worker.evaluate("async () => { self.answers = [503]; await sendAnswers(); }")
    assert len(worker.evaluate(f"() => {kept}")) == 1, "the service was not there"
    worker.evaluate("async () => { self.answers = [422, 204]; await sendAnswers(); }")
    assert worker.evaluate(f"() => {kept}") == []
    sent = worker.evaluate("() => self.sent")
    assert sent[1] == entry and sent[2] == {"token": "t1", "outcome": "done"}, "a time that is refused is left out"
    worker.evaluate("async () => { self.answers = [400]; await answerFrom({ data: { token: 't2' } }, 'snooze'); }")
    assert worker.evaluate(f"() => {kept}") == [], "a token that is spent is not sent again"


def test_a_pushed_reminder_has_neutral_words_and_can_be_answered(app: House, open_page: Callable[..., Page]) -> None:
    page = open_page(app.url, service_workers="allow")
    page.context.grant_permissions(["notifications"], origin=app.url)
    worker = worker_of(page)
    session = page.context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    eventually(lambda: page.title() and found, "the worker is registered")

    def push(**data: Any) -> list[dict[str, Any]]:
        message = {"origin": app.url, "registrationId": found[0], "data": json.dumps({"type": "reminder", **data})}
        session.send("ServiceWorker.deliverPushMessage", message)
        shown = """async (tag) => (await self.registration.getNotifications({ tag })).map((one) => ({
          body: one.body, actions: one.actions.map((action) => action.title), data: one.data }))"""
        tag = data["tag"] if data["count"] == 1 else "reminder"
        seen: list[dict[str, Any]] = eventually(
            lambda: page.title() and worker.evaluate(shown, tag), "the notification is shown"
        )
        return seen

    (one,) = push(count=1, token="t", tag="abc")
    assert one == {"body": "You have a reminder", "actions": ["Done", "Later"], "data": {"token": "t"}}
    (several,) = push(count=3, token="t", tag="def")
    assert several == {"body": "You have 3 reminders", "actions": [], "data": None}, "one press is not for all"
