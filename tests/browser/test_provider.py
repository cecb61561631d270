"""Signing in through the hospital's identity provider, in a browser: with it, while it is away, and when it is back."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import ROOT, House, eventually, free_port
from tests.browser.conftest import Watch, live
from tests.support.provider import ROLES, SCRIPT, settings_for, why_not, write_provider

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


class Hospital:
    """The certified provider as a process, and a service whose people come from it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        given = {**settings_for(f"http://127.0.0.1:{self.port}"), "oidc_roles": ",".join(ROLES)}
        (folder / "house").mkdir()
        self.house = House(folder / "house", **{name.upper(): str(value) for name, value in given.items()})
        self._file = folder / "provider.json"
        self._process: subprocess.Popen[bytes] | None = None
        write_provider(self._file, self.house.url)

    def open(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(SCRIPT), str(self.port), str(self._file)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == b"listens"

    def tell(self, what: str) -> None:
        """The provider is ``away`` or ``back``."""
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/tests/{what}", timeout=5).close()

    def close(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    running = Hospital(tmp_path)
    running.open()
    try:
        running.house.start()
        yield running
    finally:
        running.house.stop()
        running.close()


def enter(page: Page, login: str) -> Page:
    """By the one button, and through the provider's own pages."""
    page.get_by_role("button", name="Sign in with St Elsewhere").or_(
        page.get_by_role("link", name="Sign in with St Elsewhere")
    ).click()
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.locator("button[type=submit]").click()  # what the service may see
    expect(page.get_by_role("navigation")).to_be_visible()
    return page


def test_people_of_the_hospital_come_in_by_one_button_and_stay_in_while_it_is_away(
    hospital: Hospital, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("favicon", "/api/oidc/", "/api/token/", "fonts.googleapis.com")  # the provider's own pages
    page = live(enter(open_page(hospital.house.url), "ines"))
    expect(page.get_by_text("Ines")).to_be_visible()

    hospital.tell("away")
    page.reload()
    live(page)
    outside = open_page(hospital.house.url)

    def is_told() -> bool:
        outside.goto(hospital.house.url)
        outside.get_by_text("Sign in with St Elsewhere").click()
        return outside.get_by_text("does not answer").is_visible()

    eventually(is_told, "a clear page says that the hospital's sign-in does not answer")
    hospital.tell("back")
    other = live(enter(open_page(hospital.house.url), "noor"))
    expect(other.get_by_role("link", name="Patients")).to_be_visible()
