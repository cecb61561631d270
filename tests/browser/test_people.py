"""The people around a patient: a carer's way in and day, a doctor's cover, an administrator's pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import PASSWORD, House, Person, eventually
from tests.browser.conftest import DESKTOP, PHONE, Watch, live, sign_in, write
from tests.browser.looks import sideways, violations
from tests.support.factors import code_of


def look_at(page: Page, name: str, pictures: Path) -> None:
    """Readable by axe, at 320 px too, and a picture to look at."""
    expect(page.locator(".skeleton")).to_have_count(0)
    assert violations(page) == [], name
    size = page.viewport_size
    page.screenshot(path=pictures / f"{name}.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 640})
    assert sideways(page) == [], name
    if size:
        page.set_viewport_size(size)


def test_a_carer_comes_in_by_a_letter_answers_and_leaves(
    pair: tuple[Person, Person], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    patient, doctor = pair
    write(doctor, patient, "Book a chest X-ray. Drink a glass of water every day.")
    email = f"ana.{uuid4().hex[:6]}@example.org"
    page = live(sign_in(open_page(reduced_motion="reduce"), patient, at="/#/me"))
    page.get_by_role("button", name="Invite somebody").click()
    page.get_by_label("Their e-mail address").fill(email)
    page.get_by_label("see and answer for me").check()
    look_at(page, "patient-invites", tmp_path)
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("has not answered yet")).to_be_visible()

    (letter,) = eventually(lambda: patient.app.letters(email), "the letter is written")
    link = re.search(r"http\S+token=\S+", letter)
    assert link and patient.name not in letter
    carer = open_page(link[0], reduced_motion="reduce")
    expect(carer.get_by_text(f"{patient.name} asks you to help")).to_be_visible()
    look_at(carer, "invitation", tmp_path)
    carer.get_by_role("button", name="Create an account for this").click()
    carer.get_by_label("Name").fill("Ana Alvarez")
    carer.get_by_label("Password", exact=True).fill(PASSWORD)
    carer.get_by_role("button", name="Create an account for this").click()
    expect(carer.get_by_role("heading", name=f"{patient.name}’s day")).to_be_visible()
    expect(carer.get_by_text("Book a chest X-ray").first).to_be_visible()
    look_at(carer, "carer-day", tmp_path)
    live(carer)
    carer.get_by_role("button", name=re.compile("^Done .*chest X-ray")).click()
    expect(carer.get_by_text("Your answer is kept, with your name.")).to_be_visible()
    expect(carer.get_by_role("button", name=re.compile("^Done .*chest X-ray"))).to_have_count(0)

    page.reload()
    expect(page.get_by_text("Ana Alvarez").first).to_be_visible()
    expect(page.get_by_text(re.compile("Ana Alvarez checked in")).first).to_be_visible()
    page.get_by_role("button", name="End Ana Alvarez").click()
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("Nobody yet.").first).to_be_visible()
    expect(carer.get_by_role("heading", name="Nobody has asked for your help")).to_be_visible()


def test_a_doctor_names_a_colleague_who_sees_the_patients(
    pair: tuple[Person, Person], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    patient, doctor = pair
    colleague = doctor.app.sign_up("doctor", f"Noor Haddad {uuid4().hex[:4]}")
    page = sign_in(open_page(viewport=DESKTOP, reduced_motion="reduce"), doctor, at="/#/account")
    page.get_by_label("Colleague").select_option(label=colleague.name)
    last = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    page.get_by_label("Until and including").fill(last)
    look_at(page, "doctor-cover", tmp_path)
    page.get_by_role("button", name="Arrange cover").click()
    expect(page.get_by_text("Cover is arranged.")).to_be_visible()
    other = sign_in(open_page(viewport=DESKTOP), colleague)
    expect(other.get_by_role("link", name=patient.name)).to_be_visible()
    page.get_by_role("button", name=f"End {colleague.name}").click()
    expect(page.get_by_text("It has ended.")).to_be_visible()
    expect(other.get_by_role("link", name=patient.name)).to_have_count(0)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_an_administrator_finds_closes_and_reads_the_audit(
    app: House, open_page: Callable[..., Page], watch: Watch, tmp_path: Path, size: dict[str, int]
) -> None:
    watch.allow("/api/me/sessions/")  # refused while the second factor is missing
    tag = uuid4().hex[:6]
    waits = app.sign_up("doctor", f"Waiting Doctor {tag}")
    email = f"admin.{tag}@example.org"
    app.admin("create-admin", "--name", f"Ada Admin {tag}", "--email", email, "--mail-link", "--yes")
    (letter,) = eventually(lambda: app.letters(email), "the letter is written")
    token = re.search(r"token=(\S+)", letter)
    assert token
    app.call("POST", "reset-password/", {"token": token[1], "password": PASSWORD})
    admin = app.sign_in(email, PASSWORD)
    factor = admin.call("POST", "me/second-factors/", {"kind": "totp"})
    page = sign_in(open_page(viewport=size, reduced_motion="reduce"), admin, at="/#/account")
    admin.call("POST", f"me/second-factors/{factor['id']}/confirm/", {"code": code_of(factor["secret"])})
    page.goto(f"{app.url}/#/overview")
    expect(page.get_by_role("heading", name="Processes alive")).to_be_visible()
    look_at(page, "admin-overview", tmp_path)
    page.get_by_role("link", name="Accounts").click()
    page.get_by_label("All accounts").check()
    page.get_by_label("Name or e-mail address").fill(waits.name)
    expect(page.get_by_text(waits.email)).to_be_visible()
    look_at(page, "admin-accounts", tmp_path)
    page.get_by_role("button", name=f"Close account {waits.name}").click()
    look_at(page, "admin-sure", tmp_path)
    page.get_by_role("dialog").get_by_role("button", name="Close account").click()
    expect(page.get_by_text("Done.").first).to_be_visible()
    page.get_by_role("link", name=f"Audit {waits.name}").click()
    expect(page.get_by_text("closed the account").first).to_be_visible()
    look_at(page, "admin-audit", tmp_path)
