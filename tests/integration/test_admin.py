"""What an operator does with `python main.py admin`, beside a running service and without a database shell."""

from __future__ import annotations

import contextlib
import io
import re
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from main import make_parser
from tasks.mail import sweep_letters
from tests.support.admin_driver import admin
from tests.support.driver import PASSWORD, Clinic, item

pytestmark = pytest.mark.long

approval = pytest.mark.settings(doctor_signup="approval")
verifying = pytest.mark.settings(doctor_signup="approval", email_verification="on")


async def entries(clinic: Clinic, act: str) -> list[dict[str, Any]]:
    """What the audit has of one act."""
    found = clinic.app.resources.database.collection("audit").find({"act": act})
    return [row async for row in found]


def letters(clinic: Clinic) -> list[str]:
    """The texts of the letters that were sent."""
    folder = clinic.app.settings.data_dir / "mail"
    bodies = [message_from_bytes(path.read_bytes(), policy=default).get_body() for path in sorted(folder.glob("*.eml"))]
    return [body.get_content() for body in bodies if body]


async def test_a_doctor_made_by_the_operator_signs_in_and_is_listed(clinic: Clinic) -> None:
    made = await admin(
        clinic.app.settings,
        "create-doctor",
        "--name",
        "Dr Ada Quinn",
        "--email",
        "Ada.Quinn@Clinic.Example",
        "--json",
        typed=f"{PASSWORD}\n",
    )
    assert (made.code, made.complained) == (0, "")
    doctor = await clinic.sign_in({"email": "ada.quinn@clinic.example"})
    assert doctor.user["id"] == made.facts["user_id"] and doctor.user["status"] == "active"
    listed = await doctor.get("/api/doctors/?q=ada")
    assert [one["name"] for one in listed.body["items"]] == ["Dr Ada Quinn"]
    (entry,) = await entries(clinic, "doctor.created")
    assert entry["of"] == [doctor.id] and entry["role"] == "admin" and "@" in entry["operator"]


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "word"),
    [
        (("--name", "Dr A", "--email", "a@b.example"), "", 1, "no password"),
        (("--name", "Dr A", "--email", "a@b.example"), "short\n", 1, "12"),
        (("--name", "Dr A", "--email", "a@b.example"), "password1234\n", 1, "Many people"),
        (("--name", "Dr A", "--email", "nobody"), f"{PASSWORD}\n", 2, "email"),
        (("--name", "\u200b ", "--email", "a@b.example"), f"{PASSWORD}\n", 2, "name"),
        (("--name", "Dr A"), f"{PASSWORD}\n", 2, "--email"),
    ],
)
async def test_a_doctor_that_will_not_do_is_not_made(
    clinic: Clinic, arguments: tuple[str, ...], typed: str, code: int, word: str
) -> None:
    refused = await admin(clinic.app.settings, "create-doctor", *arguments, typed=typed)
    assert refused.code == code and word in refused.complained and refused.said == ""
    assert "Traceback" not in refused.complained
    assert await clinic.app.store.users.by_email("a@b.example") is None


async def test_a_taken_address_gets_no_second_account(clinic: Clinic) -> None:
    patient = await clinic.patient()
    refused = await admin(
        clinic.app.settings,
        "create-doctor",
        "--name",
        "Dr A",
        "--email",
        patient.email,
        "--json",
        typed=f"{PASSWORD}\n",
    )
    assert refused.code == 1 and refused.facts["done"] is False
    assert (await patient.get("/api/me/")).body["role"] == "patient"


async def test_a_doctor_invited_by_letter_chooses_a_password(clinic: Clinic) -> None:
    made = await admin(
        clinic.app.settings,
        "create-doctor",
        "--name",
        "Dr Ada",
        "--email",
        "ada@clinic.example",
        "--mail-link",
    )
    assert made.code == 0
    patient = await clinic.patient()
    assert [one["name"] for one in (await patient.get("/api/doctors/")).body["items"]] == []
    assert await sweep_letters(clinic.app) == 1
    token = letters(clinic)[0].split("token=")[1].split()[0]
    chosen = await clinic.anyone.post("/api/reset-password/", {"token": token, "password": PASSWORD})
    assert chosen.status == 204
    await clinic.sign_in({"email": "ada@clinic.example"})
    assert [one["name"] for one in (await patient.get("/api/doctors/")).body["items"]] == ["Dr Ada"]


@approval
async def test_a_waiting_doctor_begins_once_approved(clinic: Clinic) -> None:
    doctor, patient = await clinic.doctor(name="Dr Wait"), await clinic.patient()
    assert doctor.user["status"] == "pending"
    assert (await doctor.get("/api/my-patients/")).slug == "doctor-pending"
    done = await admin(clinic.app.settings, "approve-doctor", doctor.email)
    assert done.code == 0 and "Dr Wait" in done.said and "address confirmed" in done.said
    assert (await doctor.get("/api/my-patients/")).status == 200
    letters = clinic.app.resources.database.collection("letters")
    assert await letters.count_documents({"kind": "doctor-approved", "user_id": doctor.id}) == 1
    await clinic.assign(patient, doctor)
    again = await admin(clinic.app.settings, "approve-doctor", doctor.email, "--json")
    assert (again.code, again.facts["changed"]) == (0, False)
    assert len(await entries(clinic, "doctor.approved")) == 1


@approval
async def test_only_a_waiting_doctor_is_approved(clinic: Clinic) -> None:
    patient, doctor = await clinic.patient(), await clinic.doctor()
    for email in ("nobody@clinic.example", patient.email):
        assert (await admin(clinic.app.settings, "approve-doctor", email)).code == 1
    assert (await admin(clinic.app.settings, "deactivate", doctor.email)).code == 0
    assert (await admin(clinic.app.settings, "approve-doctor", doctor.email)).code == 1
    assert (await doctor.get("/api/me/")).status == 401


@approval
async def test_the_operator_sees_who_waits(clinic: Clinic) -> None:
    doctor, other = await clinic.doctor(name="Dr Wait"), await clinic.doctor()
    patient, leaving, erased = await clinic.patient(), await clinic.patient(), await clinic.patient()
    for one in (leaving, erased):
        assert (await admin(clinic.app.settings, "deactivate", one.email)).code == 0
    assert (await admin(clinic.app.settings, "erase", erased.id)).code == 0
    assert (await admin(clinic.app.settings, "approve-doctor", other.email)).code == 0
    found = (await admin(clinic.app.settings, "accounts", "--json")).facts
    assert [(one["user_id"], one["name"], one["email"]) for one in found["pending"]] == [
        (doctor.id, "Dr Wait", doctor.email)
    ]
    assert [(one["user_id"], one["role"]) for one in found["closed"]] == [(leaving.id, "patient")]
    said = (await admin(clinic.app.settings, "accounts")).said
    assert doctor.email in said and leaving.id in said
    for one in (patient, leaving, erased):
        assert one.email not in said and one.user["name"] not in said


def helped(*arguments: str) -> str:
    """What ``--help`` says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as left:
        make_parser().parse_args(["admin", *arguments, "--help"])
    assert left.value.code == 0
    return said.getvalue()


def test_every_command_explains_itself_and_its_exit_codes() -> None:
    commands = set(re.findall(r"^    ([a-z][a-z-]+)(?: {2,}|$)", helped(), re.MULTILINE))
    assert {
        "create-doctor",
        "approve-doctor",
        "accounts",
        "deactivate",
        "erase",
        "reset-link",
        "rotate-keys",
        "verify-audit",
        "backup",
        "restore",
        "new-epoch",
        "schema",
    } <= commands
    for command in commands:
        text = helped(command)
        assert "--json" in text and "--yes" in text and "Exit codes" in text, command
        bare = re.findall(r"^  (?:--[a-z]+ )?[A-Z]+ *$", text, re.MULTILINE)
        assert bare == [], f"{command}: {bare} is not explained"


@verifying
async def test_an_unconfirmed_doctor_is_approved_only_when_said_so(clinic: Clinic) -> None:
    body = {"name": "Dr Unseen", "email": "unseen@clinic.example", "password": PASSWORD, "role": "doctor"}
    assert (await clinic.anyone.post("/api/signup/", body)).status == 202
    refused = await admin(clinic.app.settings, "approve-doctor", "unseen@clinic.example")
    assert refused.code == 1 and "not confirmed" in refused.complained and "Dr Unseen" in refused.complained
    done = await admin(clinic.app.settings, "approve-doctor", "unseen@clinic.example", "--unverified", "--json")
    assert done.code == 0 and done.facts["email_confirmed"] is False and done.facts["status"] == "active"
    doctors = await clinic.app.store.users.accepting_doctors()
    assert doctors == [], "patients cannot choose a doctor whose address is not confirmed"


async def test_a_deactivated_doctor_loses_access_at_once_and_patients_get_an_event(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    async with doctor.live() as note_worker, patient.live() as page:
        done = await admin(clinic.app.settings, "deactivate", doctor.email, "--json")
        assert done.code == 0 and done.facts["sessions_ended"] == 1
        assert await note_worker.closed() == 4401
        ended = await page.next("assignment.changed")
        assert ended["data"]["doctor"] is None
    assert (await doctor.get("/api/me/")).status == 401
    assert (await clinic.anyone.post("/api/token/", {"email": doctor.email, "password": PASSWORD})).status == 401
    assert (await patient.get("/api/assign/")).slug == "not-assigned"
    assert len(await patient.steps()) == 1
    assert [one["of"] for one in await entries(clinic, "account.closed")] == [[doctor.id]]


async def test_without_redis_it_is_done_and_said_to_take_longer(clinic: Clinic) -> None:
    patient = await clinic.patient()
    deaf = clinic.app.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    done = await admin(deaf, "deactivate", patient.email)
    assert done.code == 0 and "Redis cannot be reached" in done.said
    assert (await patient.get("/api/me/")).status == 401


async def test_an_erased_patient_is_unreadable_everywhere_and_the_receipt_says_when(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    note = await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    async with patient.live() as page, doctor.live() as note_worker:
        done = await admin(clinic.app.settings, "erase", patient.id, "--json")
        assert done.code == 0 and done.facts["erased_at"].endswith("Z")
        assert await page.closed() == 4401
        told = await note_worker.next("assignment.changed")
        assert told["data"] == {"patient": {"id": patient.id, "name": None}, "doctor": None}
    assert (await patient.get("/api/me/")).status == 401
    held = await clinic.app.store.notes.get(note["id"])
    assert held is not None and await clinic.app.store.notes.text(held) is None
    events = (await doctor.get("/api/events/")).body["items"]
    kinds = {event["event"] for event in events}
    assert kinds == {"withdrawn", "assignment.changed"}, kinds
    again = await admin(clinic.app.settings, "erase", patient.id, "--json")
    assert (again.code, again.facts["erased_at"]) == (0, done.facts["erased_at"])
    assert (await admin(clinic.app.settings, "erase", "0b8e1e4e-0000-4000-8000-000000000000")).code == 1


@pytest.mark.settings(erasure="request")
async def test_where_records_must_be_kept_leaving_closes_and_the_operator_erases(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    note = await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    async with patient.live() as page:
        assert (await patient.delete("/api/me/", {"password": PASSWORD})).status == 204
        assert await page.closed() == 4401
    assert (await patient.get("/api/me/")).status == 401
    assert (await clinic.anyone.post("/api/token/", {"email": patient.email, "password": PASSWORD})).status == 401
    assert (await doctor.get(f"/api/notes/{note['id']}/")).status == 404
    held = await clinic.app.store.notes.get(note["id"])
    assert held is not None
    assert await clinic.app.store.notes.text(held) is not None, "the records are kept"
    assert (await admin(clinic.app.settings, "erase", patient.id)).code == 0
    clinic.app.store.vault.drop_cached_key(patient.id)
    assert await clinic.app.store.notes.text(held) is None


async def test_a_reset_link_is_printed_mailed_and_written_down(clinic: Clinic) -> None:
    patient = await clinic.patient()
    made = await admin(clinic.app.settings, "reset-link", patient.email, "--json")
    assert made.code == 0
    link = made.facts["link"]
    assert link.startswith(f"{clinic.base}/#/reset?token=")
    assert await sweep_letters(clinic.app) == 1
    assert link in letters(clinic)[0]
    new = "another-quiet-lantern-43"
    used = await clinic.anyone.post("/api/reset-password/", {"token": link.split("token=")[1], "password": new})
    assert used.status == 204
    assert (await patient.get("/api/me/")).status == 401, "every earlier session is over"
    await clinic.sign_in(patient.user, new)
    assert [one["of"] for one in await entries(clinic, "reset.linked")] == [[patient.id]]
    assert (await admin(clinic.app.settings, "reset-link", "nobody@clinic.example")).code == 1


async def test_a_new_epoch_makes_clients_reload(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    before = (await patient.get("/api/events/")).body
    done = await admin(clinic.app.settings, "new-epoch", "--json")
    assert done.code == 0 and done.facts["epoch"] != before["epoch"]
    resumed = await patient.get(f"/api/events/?after={before['seq']}&epoch={before['epoch']}")
    assert resumed.slug == "reset"
    assert len(await entries(clinic, "epoch.begun")) == 1
    assert doctor.id
