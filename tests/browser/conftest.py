"""A real system, a real browser, and people in it. A page that says an error on its console fails its test."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.app import ROOT, House, Person, eventually, free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}

# Answers that the contract gives on purpose and that a browser logs as errors: no doctor chosen yet, a part not served.
EXPECTED = [r"/api/assign/", r"/api/me/access-log/", r"/api/me/push/", "blocked by Playwright"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The system as `demo` runs it: a day of a minute, steps active as soon as they are read."""
    running = House(tmp_path_factory.mktemp("house"), PUSH_HOSTS="push.example.org", STEP_REVIEW="auto")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def strict_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A stricter one: doctors are approved, addresses confirmed, steps reviewed, tokens short."""
    running = House(
        tmp_path_factory.mktemp("strict"),
        EMAIL_VERIFICATION="on",
        DOCTOR_SIGNUP="approval",
        STEP_REVIEW="required",
        DAY_SECONDS="86400",
        ACCESS_TOKEN_SECONDS="64",
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


@dataclass
class Model:
    """The language model of the clinic, that does as it is told."""

    port: int

    def will(self, *script: dict[str, Any]) -> None:
        """The next answers, one a call; then the rules again."""
        body = json.dumps({"script": script, "default": {"do": "rules"}}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/control", method="POST", data=body)
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - our own server


@pytest.fixture(scope="session")
def model() -> Iterator[Model]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.model_server", "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    running = Model(port)

    def answers() -> bool:
        with contextlib.suppress(OSError):
            running.will()
            return True
        return False

    try:
        eventually(answers, "the model answers")
        yield running
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[House]:
    """As a hospital runs it: calendar days, and a language model that reads the notes."""
    running = House(
        tmp_path_factory.mktemp("clinic"),
        command="all",
        DOCTOR_SIGNUP="open",
        STEP_REVIEW="auto",
        OPENAI_BASE_URL=f"http://127.0.0.1:{model.port}/v1",
        OPENAI_API_KEY="for-tests",
        OPENAI_MODEL="stand-in",
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield running
        running.close()


@dataclass
class Watch:
    """What the pages of a test said on their consoles."""

    errors: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=lambda: list(EXPECTED))

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(f"uncaught: {error.error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def allow(self, *patterns: str) -> None:
        """Errors that this test brings about."""
        self.allowed += patterns

    def check(self) -> None:
        said = [error for error in self.errors if not any(re.search(pattern, error) for pattern in self.allowed)]
        assert not said, "\n".join(said)


@pytest.fixture
def watch() -> Iterator[Watch]:
    watching = Watch()
    yield watching
    watching.check()


@pytest.fixture
def open_page(browser: Browser, watch: Watch) -> Iterator[Callable[..., Page]]:
    """A new window of a new browser profile: ``open_page(url, viewport=PHONE, color_scheme="dark")``."""
    contexts: list[BrowserContext] = []

    def open_one(url: str = "", *, context: BrowserContext | None = None, **wishes: Any) -> Page:
        if context is None:
            context = browser.new_context(
                **{
                    "viewport": PHONE,
                    "locale": "en-GB",
                    "timezone_id": "Europe/Madrid",
                    "service_workers": "block",
                    **wishes,
                }
            )
            context.set_default_timeout(20_000)
            watch.listen(context)
            contexts.append(context)
        page = context.new_page()
        if url:
            page.goto(url)
        return page

    expect.set_options(timeout=20_000)
    yield open_one
    for context in contexts:
        context.close()


def sign_in(page: Page, who: Person, *, at: str = "/") -> Page:
    """Through the form, as people do."""
    page.goto(f"{who.app.url}{at}")
    page.get_by_label("E-mail").fill(who.email)
    page.get_by_label("Password", exact=True).fill(who.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("navigation")).to_be_visible()
    return page


def live(page: Page) -> Page:
    """Once its channel is open."""
    expect(page.locator("header [role=status]")).to_have_text("Live")
    return page


def at_rest(page: Page) -> Page:
    """Once nothing has moved for as long as a finger is on its way: taps on what has just moved are ignored."""
    page.evaluate(
        """async () => {
          const { windows } = await import("/static/js/stray-taps.js");
          await new Promise((done) => {
            let timer;
            const wait = () => {
              clearTimeout(timer);
              timer = setTimeout(done, 1.2 * windows.moved_ms);
            };
            new MutationObserver(wait).observe(document.body, { childList: true, subtree: true });
            wait();
          });
        }"""
    )
    return page


@pytest.fixture
def pair(app: House) -> tuple[Person, Person]:
    """A patient and their doctor, new for this test."""
    return make_pair(app)


def make_pair(app: House) -> tuple[Person, Person]:
    doctor = app.sign_up("doctor", "Amara Osei")
    patient = app.sign_up("patient", "Ruth Alvarez")
    patient.call("POST", "assign/", {"doctor_id": doctor.id})
    return patient, doctor


def write(doctor: Person, patient: Person, text: str) -> str:
    """Have a note written and read; its id."""
    note = doctor.call("POST", "notes/", {"patient_id": patient.id, "text": text})["id"]
    eventually(
        lambda: doctor.call("GET", f"notes/{note}/")["status"] not in {"queued", "processing"}, "the note is read"
    )
    return str(note)
