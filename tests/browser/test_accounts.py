"""Accounts: creating them, getting in, getting in again, waiting for approval."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.browser.app import PASSWORD, House, Person, eventually
from tests.browser.conftest import DESKTOP, Watch, sign_in


def fill_sign_up(page: Page, app: House, *, role: str, name: str, email: str) -> None:
    page.goto(f"{app.url}/#/signup")
    page.get_by_label(role).check()
    page.get_by_label("Name").fill(name)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()


def test_a_form_that_a_password_manager_fills_and_sends_at_once_signs_in(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, _ = pair
    page = open_page()
    page.goto(f"{patient.app.url}/")
    expect(page.get_by_label("E-mail")).to_be_visible()
    page.evaluate(
        """([email, password]) => {
          document.getElementById("email").value = email;
          document.getElementById("password").value = password;
          document.querySelector("form").requestSubmit();
        }""",
        [patient.email, patient.password],
    )
    expect(page.get_by_role("navigation")).to_be_visible()


def test_a_doctor_and_a_patient_sign_up_and_find_each_other(app: House, open_page: Callable[..., Page]) -> None:
    tag = uuid4().hex[:6]
    doctor = open_page(viewport=DESKTOP)
    fill_sign_up(doctor, app, role="a doctor", name=f"Dr Noor {tag}", email=f"noor.{tag}@example.org")
    expect(doctor.get_by_role("heading", name="No patients yet")).to_be_visible()

    patient = open_page()
    fill_sign_up(patient, app, role="a patient", name=f"Ines {tag}", email=f"ines.{tag}@example.org")
    expect(patient.get_by_role("heading", name="Nothing for you to do yet")).to_be_visible()
    patient.get_by_role("link", name="Choose my doctor").click()
    patient.get_by_label("Find a doctor").fill(f"dr noor {tag}")
    patient.get_by_role("button", name=f"Choose Dr Noor {tag}").click()
    patient.get_by_role("dialog").get_by_role("button", name=f"Choose Dr Noor {tag}").click()
    expect(patient.get_by_text(f"Dr Noor {tag} is now your doctor.")).to_be_visible()
    expect(doctor.get_by_role("link", name=f"Ines {tag}")).to_be_visible()


def test_a_form_says_how_to_mend_it(app: House, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/#/signup", viewport=DESKTOP)
    page.get_by_label("Name").fill("Ruth Alvarez")
    page.get_by_label("E-mail").fill("ruth.alvarez@example")
    page.get_by_label("Password", exact=True).fill("too short")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("Two things to put right")).to_be_visible()
    expect(page.get_by_text("Add the part after the dot, like .org or .com.")).to_be_visible()
    expect(page.get_by_text("Three more characters, please: 12 or more.")).to_be_visible()
    page.get_by_role("link", name="E-mail").click()
    expect(page.get_by_label("E-mail")).to_be_focused()


def test_an_address_with_an_account_and_a_common_password_are_refused_in_words(
    app: House, pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/signup/", "/api/token/")
    page = open_page()
    fill_sign_up(page, app, role="a patient", name="Ruth", email=pair[0].email)
    expect(page.get_by_text("This address has an account already.")).to_be_visible()
    page.goto(f"{app.url}/#/signin")
    page.get_by_label("E-mail").fill(pair[0].email)
    page.get_by_label("Password", exact=True).fill("not the right one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")


def test_a_forgotten_password_is_changed_by_the_letter(
    app: House, pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    patient, _ = pair
    page = open_page(f"{app.url}/#/signin")
    page.get_by_role("link", name="I forgot my password").click()
    page.get_by_label("E-mail").fill(patient.email)
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_visible()
    letter = eventually(lambda: app.letters(patient.email), "the letter is written")[-1]
    link = re.search(r"https?://\S*/#/reset\?token=[\w.~-]+", letter)
    assert link, letter
    page.goto(link[0])
    new = "another walk by the lake"
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("heading", name="Your password is changed")).to_be_visible()
    patient.password = new
    page.get_by_role("button", name="Sign in").click()
    sign_in(page, patient)


def test_a_doctor_confirms_the_address_and_waits_for_approval(
    strict_house: House, open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/verify-email/")
    email = f"noor.{uuid4().hex[:6]}@example.org"
    page = open_page(viewport=DESKTOP)
    page.clock.install()
    fill_sign_up(page, strict_house, role="a doctor", name="Dr Noor", email=email)
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_visible()
    letter = eventually(lambda: strict_house.letters(email), "the letter is written")[-1]
    link = re.search(r"https?://\S*/#/verify\?token=[\w.~-]+", letter)
    assert link, letter
    page.goto(link[0])
    page.get_by_label("Password", exact=True).fill("not this one at all")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("The link or the password is not right")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your address is confirmed")).to_be_visible()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Your account is waiting for approval")).to_be_visible()
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("heading", name="Your account is waiting for approval")).to_be_visible()
    strict_house.admin("approve-doctor", email, "--yes")
    page.clock.fast_forward(31_000)  # the page looks by itself
    expect(page.get_by_role("heading", name="No patients yet")).to_be_visible()


def test_a_person_stays_signed_in_over_a_reload_and_leaves_nothing_behind(
    pair: tuple[Person, Person], open_page: Callable[..., Page]
) -> None:
    page = sign_in(open_page(), pair[0])
    page.reload()
    expect(page.get_by_role("heading", name=re.compile("Good .*, Ruth"))).to_be_visible()
    page.goto(f"{pair[0].app.url}/#/me")
    expect(page.locator("#second-factors")).to_be_visible()  # the part that is loaded last
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    left = page.evaluate("Object.keys(localStorage).filter((key) => !/language|theme|choice/.test(key))")
    assert left == []


def test_a_password_changed_here_ends_the_other_devices(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/")  # the ended page may be told so by any of its requests
    patient, _ = pair
    other = sign_in(open_page(), patient)
    page = sign_in(open_page(), patient, at="/#/me")
    page.get_by_label("Present password").fill(patient.password)
    page.get_by_label("New password").fill("one more walk by the river")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed. Other devices are signed out.")).to_be_visible()
    expect(other.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_erasing_asks_for_the_password_and_then_nothing_is_left(
    pair: tuple[Person, Person], open_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow("/api/")
    patient, _ = pair
    page = sign_in(open_page(), patient, at="/#/me")
    page.get_by_role("button", name="Erase my account").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your password").fill("not the right one")
    dialog.get_by_role("button", name="Erase everything").click()
    expect(dialog.get_by_text("That is not your present password.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Erase my account").click()
    dialog.get_by_label("Your password").fill(patient.password)
    dialog.get_by_role("button", name="Erase everything").click()
    expect(page.get_by_role("heading", name="Your account is erased")).to_be_visible()


def test_the_page_speaks_spanish(pair: tuple[Person, Person], open_page: Callable[..., Page]) -> None:
    page = open_page(pair[0].app.url, locale="es-ES")
    expect(page.get_by_role("heading", name="Bienvenido de nuevo")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.get_by_role("button", name="Español").click()
    page.get_by_label("Correo").fill(pair[0].email)
    page.get_by_label("Contraseña", exact=True).fill(pair[0].password)
    page.get_by_role("button", name="Entrar").click()
    page.get_by_role("link", name="Yo").click()
    page.get_by_label("Español").check()
    expect(page.get_by_role("heading", name="Avisos")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "es"
