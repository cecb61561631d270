"""Every page and state, looked at: by axe, at 320 px, and, where ``ALBUM`` names a folder, by a camera.

``ALBUM=/tmp/album pytest -m browser tests/browser/test_states.py`` leaves a picture of each state there: phone and
desktop, light and dark.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser.app import House
from tests.browser.conftest import DESKTOP, PHONE, Watch, live, make_pair, sign_in
from tests.browser.gallery import Gallery
from tests.browser.looks import sideways, violations
from tests.browser.states import CAUSED, doctor_pages, open_pages, patient_pages

ALBUM = os.environ.get("ALBUM")
NARROW = {"width": 320, "height": 640}


def walk(page: Page, app: House, who: str) -> Iterator[str]:
    if who == "anonymous":
        return open_pages(page, app.url)
    patient, doctor = make_pair(app)
    patient.call("PATCH", "me/", {"name": "Ruth Alvarez"})
    gallery = Gallery(patient.id, {"id": doctor.id, "name": "Dr Amara Osei"})
    gallery.hang(page)
    live(sign_in(page, patient if who == "patient" else doctor))
    return patient_pages(page, gallery) if who == "patient" else doctor_pages(page, gallery)


def photograph(page: Page, name: str, size: str) -> None:
    folder = Path(str(ALBUM))
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(
            path=folder / f"{name}-{size}-{scheme}.png", full_page=True, animations="disabled", caret="hide"
        )


@pytest.mark.parametrize("who", ["anonymous", "patient", "doctor"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_axe_finds_nothing_in_any_state(
    app: House, open_page: Callable[..., Page], watch: Watch, who: str, size: str
) -> None:
    watch.allow(CAUSED)
    scheme: Literal["dark", "light"] = "dark" if (size == "phone") == (who == "doctor") else "light"
    page = open_page(viewport=PHONE if size == "phone" else DESKTOP, color_scheme=scheme, reduced_motion="reduce")
    found = {}
    for name in walk(page, app, who):
        found[name] = violations(page) + sideways(page)
        if ALBUM:
            photograph(page, name, size)
            page.emulate_media(color_scheme=scheme)
    assert not any(found.values()), json.dumps(found, indent=1)


@pytest.mark.parametrize("who", ["anonymous", "patient", "doctor"])
def test_no_state_scrolls_sideways_at_320_pixels(
    app: House, open_page: Callable[..., Page], watch: Watch, who: str
) -> None:
    """200 % of a window of 640 px is a window of 320 px with twice the dots.."""
    watch.allow(CAUSED)
    page = open_page(viewport=NARROW, device_scale_factor=2, reduced_motion="reduce")
    wide = {name: sideways(page) for name in walk(page, app, who)}
    assert not any(wide.values()), json.dumps(wide, indent=1)
