"""The audit: every read and change of a person's data leaves one entry, and a removed entry is detected."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import bson
import pytest

from handlers.routes import API
from models.audit import PAGE, AuditActor
from tasks.audit import bind_audit
from tests.support.admin_driver import admin
from tests.support.channel import open_channel
from tests.support.driver import PASSWORD, Clinic, Person, item, plan_item

NOT_HEALTH_DATA = {
    "GET /api/me/",
    "GET /api/me/sessions/",
    "DELETE /api/me/sessions/{session_id}/",
    "GET /api/me/access-log/",
    "GET /api/me/push/",
    "POST /api/me/push/",
    "DELETE /api/me/push/",
    "GET /api/me/second-factors/",
    "POST /api/me/second-factors/",
    "GET /api/me/carers/",
    "GET /api/me/cover/",
    "GET /api/caring/",
    "GET /api/doctors/",
    "GET /api/assign/",
    "GET /api/me/email-reminders/",
    "GET /fhir/Practitioner",
    "GET /fhir/Practitioner/{id}",
    "POST /fhir/Practitioner/_search",
}


def collection(clinic: Clinic, name: str = "audit") -> Any:
    return clinic.app.resources.database.collection(name)


async def rows(clinic: Clinic, **wanted: Any) -> list[dict[str, Any]]:
    return [row async for row in collection(clinic).find(wanted).sort("_id", 1)]


async def left_by(clinic: Clinic, doing: Awaitable[Any]) -> list[dict[str, Any]]:
    """The entries that one request has left."""
    before = {row["_id"] for row in await rows(clinic)}
    answer = await doing
    assert answer.status < 300, answer.body
    return [row for row in await rows(clinic) if row["_id"] not in before]


def test_every_route_to_health_data_declares_its_audit_entry() -> None:
    silent = {
        f"{method} {route.path}"
        for route in API
        for method, operation in route.handler.operations.items()
        if operation.allow != "anyone" and operation.audit is None and not route.path.startswith("/fhir/metadata")
    }
    assert silent == NOT_HEALTH_DATA


async def test_each_look_and_each_change_leaves_one_entry(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    other = await clinic.patient()
    note = await clinic.note(
        doctor, patient, checklist=[item("Book a chest X-ray")], plan=[plan_item("Drink water", "Drink water daily")]
    )
    book, drink = await patient.step("Book"), await patient.step("Drink")
    async with patient.live() as page, doctor.live():
        joined = await rows(clinic, act="live.joined")
        assert [(one["who"], one["of"]) for one in joined] == [(id, [patient.id]) for id in (patient.id, doctor.id)]
        assert (await page.ask({"type": "check_in", "id": "1", "step_id": drink["id"]}))["ok"]
        assert [one["item"] for one in await rows(clinic, act="step.checked_in")] == [drink["id"]]
    submit = {"patient_id": patient.id, "text": "Rest a little."}
    table: list[tuple[Person, str, str, Any, str, str | None]] = [
        (doctor, "GET", "/api/notes/", None, "notes.listed", None),
        (patient, "GET", "/api/notes/", None, "notes.listed", None),
        (doctor, "GET", f"/api/notes/{note['id']}/", None, "note.read", note["id"]),
        (patient, "GET", f"/api/notes/{note['id']}/", None, "note.read", note["id"]),
        (doctor, "GET", "/api/steps/", None, "steps.listed", None),
        (doctor, "GET", f"/api/steps/{book['id']}/", None, "step.read", book["id"]),
        (doctor, "GET", "/api/my-patients/", None, "patients.listed", None),
        (doctor, "GET", "/fhir/Patient", None, "record.read", None),
        (doctor, "GET", f"/fhir/Patient/{patient.id}", None, "record.read", None),
        (doctor, "GET", "/fhir/CarePlan", None, "notes.listed", None),
        (doctor, "GET", f"/fhir/CarePlan/{note['id']}", None, "note.read", note["id"]),
        (doctor, "GET", "/fhir/Task", None, "steps.listed", None),
        (patient, "GET", f"/fhir/Task/{book['id']}", None, "step.read", book["id"]),
        (doctor, "GET", "/api/events/", None, "events.read", None),
        (patient, "GET", "/api/events/", None, "events.read", None),
        (doctor, "GET", f"/api/adherence/?patient_id={patient.id}", None, "adherence.read", None),
        (patient, "POST", f"/api/check-in/{drink['id']}/", None, "step.checked_in", drink["id"]),
        (patient, "POST", f"/api/check-in/{book['id']}/", None, "step.checked_in", book["id"]),
        (doctor, "GET", "/fhir/Communication", None, "events.read", None),
        (patient, "DELETE", f"/api/check-in/{book['id']}/", None, "step.undone", book["id"]),
        (doctor, "POST", f"/api/steps/{book['id']}/cancel/", {"reason": "not now"}, "step.cancelled", book["id"]),
        (doctor, "POST", "/api/notes/", submit, "note.written", None),
        (doctor, "POST", f"/api/notes/{note['id']}/withdraw/", {"reason": "wrong one"}, "note.withdrawn", note["id"]),
        (patient, "PATCH", "/api/me/", {"reminder_time": "10:00"}, "account.changed", None),
        (patient, "POST", "/api/me/calendar/", None, "calendar.changed", None),
        (patient, "POST", "/api/assign/", {"doctor_id": doctor.id}, "doctor.chosen", doctor.id),
        (patient, "DELETE", "/api/assign/", None, "doctor.left", doctor.id),
    ]
    for who, method, path, body, act, item_id in table:
        (entry,) = await left_by(clinic, who.call(method, path, body, headers={"X-Request-ID": "a-request-id"}))
        assert (entry["act"], entry["who"], entry["role"]) == (act, who.id, who.user["role"]), path
        assert entry["of"] == [patient.id] and other.id not in entry["of"], path
        assert entry["request"] == "a-request-id" and entry["session"], path
        assert item_id is None or entry["item"] == item_id, path
        opened = await clinic.app.store.vault.open_value(who.id, f"audit|{entry['_id']}|from", entry["sealed_from"])
        assert opened == "127.0.0.1"
    (system,) = await rows(clinic, act="note.extracted", item=note["id"])
    assert (system["role"], system["of"]) == ("system", [patient.id])


async def test_a_request_sent_twice_is_seen_twice(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    body = {"patient_id": patient.id, "text": "Rest a little."}
    headers = {"Idempotency-Key": "once"}
    (first,) = await left_by(clinic, doctor.post("/api/notes/", body, headers=headers))
    (second,) = await left_by(clinic, doctor.post("/api/notes/", body, headers=headers))
    assert (first["act"], second["act"]) == ("note.written", "answer.repeated")
    assert second["of"] == [patient.id]


async def test_what_was_refused_was_not_seen(clinic: Clinic) -> None:
    patient, _ = await clinic.pair()
    stranger = await clinic.doctor()
    before = len(await rows(clinic))
    assert (await stranger.get(f"/api/steps/?patient_id={patient.id}")).status == 404
    assert (await patient.get("/api/my-patients/")).status == 403
    assert len(await rows(clinic)) == before


async def test_the_audit_holds_no_content(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair(name="Zanzibarine Ostrowska")
    note = await clinic.note(doctor, patient, checklist=[item("Book a quibberflax scan")])
    step = await patient.step("Book")
    await patient.post(f"/api/check-in/{step['id']}/", {"outcome": "skipped", "reason": "too mumblewort"})
    await doctor.post(f"/api/notes/{note['id']}/withdraw/", {"reason": "for drizzlepatient"})
    raw = b"".join(bson.encode(row) for row in await rows(clinic)).lower()
    assert len(raw) > 1000
    for word in ("zanzibarine", "quibberflax", "mumblewort", "drizzlepatient", patient.email, "127.0.0.1"):
        assert word.encode() not in raw, word
    (withdrawn,) = await rows(clinic, act="note.withdrawn")
    place = f"audit|{withdrawn['_id']}|reason"
    kept = await clinic.app.store.vault.open_value(patient.id, place, withdrawn["sealed_reason"])
    assert kept == "for drizzlepatient", "the reason can be read with the key"


async def test_a_patient_sees_who_looked_and_when(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    note = await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    await doctor.get(f"/api/notes/{note['id']}/")
    other, _ = await clinic.pair()
    log = (await patient.get("/api/me/access-log/")).body
    newest = log["items"][0]
    assert newest["by"] == {"id": doctor.id, "name": doctor.user["name"]}
    assert (newest["act"], newest["item_id"], newest["role"]) == ("note.read", note["id"], "doctor")
    assert "system" in {one["role"] for one in log["items"]}, "the extractor's look shows too"
    assert await left_by(clinic, patient.get("/api/me/access-log/")) == [], "looking at the log does not make it grow"
    assert note["id"] not in {one["item_id"] for one in (await other.get("/api/me/access-log/")).body["items"]}
    paged: list[Any] = []
    query = "?limit=2"
    while query:
        page = (await patient.get(f"/api/me/access-log/{query}")).body
        assert len(page["items"]) <= 2
        paged += page["items"]
        query = f"?limit=2&cursor={page['next']}" if page["next"] else ""
    assert paged == log["items"]
    assert (await patient.get("/api/me/access-log/?cursor=nonsense")).status == 422
    assert (await admin(clinic.app.settings, "erase", doctor.id)).code == 0
    names = {one["by"]["name"] for one in (await patient.get("/api/me/access-log/")).body["items"] if one["by"]}
    assert names == {patient.user["name"], None}, "of an erased doctor the id stays"


async def test_what_an_operator_and_a_private_link_do_shows_to_the_patient(clinic: Clinic) -> None:
    patient = await clinic.patient()
    made = (await patient.post("/api/me/calendar/")).body["url"]
    assert (await clinic.anyone.get(made.removeprefix(clinic.base))).status == 200
    assert (await admin(clinic.app.settings, "reset-link", patient.email)).code == 0
    items = (await patient.get("/api/me/access-log/")).body["items"]
    assert [(one["role"], one["act"], one["by"]) for one in items[:2]] == [
        ("admin", "reset.linked", None),
        ("link", "calendar.read", None),
    ]


@pytest.fixture
async def unwritable(clinic: Clinic) -> Any:
    """Has MongoDB refuse every new entry until told otherwise."""

    async def switch(on: bool) -> None:
        rule = {"no_such_member": {"$exists": True}} if on else {}
        await clinic.app.resources.database.command("collMod", "audit", validator=rule)

    return switch


async def test_what_cannot_be_written_down_is_neither_shown_nor_changed(
    clinic: Clinic, unwritable: Callable[[bool], Awaitable[None]]
) -> None:
    patient, doctor = await clinic.pair()
    note = await clinic.note(doctor, patient, checklist=[item("Book a chest X-ray")])
    step = await patient.step("Book")
    secret = (await patient.post("/api/me/calendar/")).body["url"].removeprefix(clinic.base)
    await unwritable(True)
    for who, method, path, body in (
        (doctor, "GET", "/api/my-patients/", None),
        (doctor, "GET", f"/api/notes/{note['id']}/", None),
        (patient, "GET", "/api/steps/", None),
        (patient, "GET", f"/api/steps/{step['id']}/", None),
        (patient, "GET", "/api/events/", None),
        (patient, "GET", "/api/adherence/", None),
        (patient, "POST", f"/api/check-in/{step['id']}/", None),
        (doctor, "POST", "/api/notes/", {"patient_id": patient.id, "text": "Rest a little."}),
        (patient, "DELETE", "/api/assign/", None),
        (patient, "PATCH", "/api/me/", {"reminder_time": "11:00"}),
        (patient, "DELETE", "/api/me/", {"password": PASSWORD}),
        (patient, "GET", secret, None),
    ):
        refused = await who.call(method, path, body)
        assert (refused.status, refused.slug) == (503, "unavailable"), path
        assert refused.headers["Retry-After"] and b"X-ray" not in refused.raw, path
    channel = await open_channel(clinic.base)
    await channel.send({"type": "auth", "token": patient.access, "resume_after": None})
    assert await channel.closed() == 1012 and channel.events == []
    await unwritable(False)
    assert (await patient.step("Book"))["status"] == "active"
    assert len((await doctor.get("/api/notes/")).body["items"]) == 1
    assert (await patient.get("/api/assign/")).status == 200
    assert (await patient.get("/api/me/")).body["reminder_time"] == "09:00"


async def verdict(clinic: Clinic, *arguments: str) -> str:
    """What ``verify-audit`` finds; empty when the audit is whole."""
    ran = await admin(clinic.app.settings, "verify-audit", *arguments)
    assert ran.code == (1 if ran.complained else 0)
    return ran.complained


async def test_an_entry_that_is_removed_altered_moved_or_inserted_is_found(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    for _ in range(3):
        await doctor.get("/api/my-patients/")
        await patient.get("/api/steps/")
        await bind_audit(clinic.app)
    audit, pages, meta = collection(clinic), collection(clinic, "audit_pages"), collection(clinic, "meta")
    assert await verdict(clinic) == ""
    bound, newest_page = await rows(clinic), await pages.find_one({}, sort=[("_id", -1)])
    head = await meta.find_one({"_id": "audit"})
    first, last = bound[0], bound[-1]
    older = await pages.find_one({"_id": newest_page["_id"] - 1})

    async def cut_off() -> None:
        """The newest page goes with its entries, and the head is set back as well as it can be."""
        await audit.delete_many({"page": newest_page["_id"]})
        await pages.delete_one({"_id": newest_page["_id"]})
        await meta.update_one({"_id": "audit"}, {"$set": {"pages": older["_id"], "last": older["mac"]}})

    forged = {**first, "_id": "f" * 32, "who": doctor.id}
    tampering: dict[str, Callable[[], Awaitable[Any]]] = {
        "the first entry removed": lambda: audit.delete_one({"_id": first["_id"]}),
        "the last entry removed": lambda: audit.delete_one({"_id": last["_id"]}),
        "who": lambda: audit.update_one({"_id": last["_id"]}, {"$set": {"who": "somebody"}}),
        "when": lambda: audit.update_one({"_id": last["_id"]}, {"$set": {"at": first["at"]}}),
        "whose": lambda: audit.update_one({"_id": last["_id"]}, {"$set": {"of": []}}),
        "a member added": lambda: audit.update_one({"_id": first["_id"]}, {"$set": {"remark": "fine"}}),
        "its hash": lambda: audit.update_one({"_id": first["_id"]}, {"$set": {"mac": last["mac"]}}),
        "a forged entry in a page": lambda: audit.insert_one(forged),
        "a forged loose entry": lambda: audit.insert_one({**forged, "page": 0}),
        "a forged entry nowhere": lambda: audit.insert_one({**forged, "page": None}),
        "an entry moved": lambda: audit.update_one({"_id": last["_id"]}, {"$set": {"page": 1}}),
        "an entry made loose": lambda: audit.update_one({"_id": last["_id"]}, {"$set": {"page": 0}}),
        "an entry beyond the head": lambda: audit.update_one({"_id": last["_id"]}, {"$set": {"page": 99}}),
        "a page removed": lambda: pages.delete_one({"_id": 1}),
        "the last page removed": lambda: pages.delete_one({"_id": newest_page["_id"]}),
        "a page altered": lambda: pages.update_one({"_id": 1}, {"$inc": {"entries": -1}}),
        "a page added": lambda: pages.insert_one({**newest_page, "_id": newest_page["_id"] + 1}),
        "the head removed": lambda: meta.delete_one({"_id": "audit"}),
        "the head altered": lambda: meta.update_one({"_id": "audit"}, {"$inc": {"pages": -1}}),
        "the end cut off": cut_off,
        "everything removed": lambda: asyncio.gather(
            audit.delete_many({}), pages.delete_many({}), meta.delete_one({"_id": "audit"})
        ),
    }
    all_pages = [page async for page in pages.find({})]
    store = clinic.app.store
    for name, tamper in tampering.items():
        await tamper()
        found = await store.audit.verify()
        assert found.findings, name
        await audit.delete_many({})
        await audit.insert_many(bound)
        await pages.delete_many({})
        await pages.insert_many(all_pages)
        await meta.replace_one({"_id": "audit"}, head, upsert=True)
    assert await verdict(clinic) == ""
    await audit.delete_one({"_id": last["_id"]})
    assert "1 of" in await verdict(clinic) and "removed" in await verdict(clinic)


async def test_a_database_set_back_to_an_earlier_day_shows_by_the_head_that_was_kept(clinic: Clinic) -> None:
    patient = await clinic.patient()
    names = ("audit", "audit_pages", "meta")
    await patient.get("/api/steps/")
    await bind_audit(clinic.app)
    earlier = {name: [row async for row in collection(clinic, name).find({})] for name in names}
    await patient.get("/api/steps/")
    first = await admin(clinic.app.settings, "verify-audit", "--json")
    await patient.get("/api/steps/")
    second = await admin(clinic.app.settings, "verify-audit", "--json", "--head", first.facts["head"])
    assert (second.code, second.facts["loose"]) == (0, 1)
    assert second.facts["head"] != first.facts["head"]
    for name, found in earlier.items():
        await collection(clinic, name).delete_many({})
        await collection(clinic, name).insert_many(found)
    assert "the given head names page" in await verdict(clinic, "--head", second.facts["head"])
    assert await verdict(clinic) == "", "a keyed chain alone cannot know"
    for _ in range(3):
        await patient.get("/api/steps/")
        await bind_audit(clinic.app)
    assert "not the one" in await verdict(clinic, "--head", second.facts["head"]), "nor once it has grown again"


async def test_many_at_once_leave_an_entry_each_and_are_bound_once(clinic: Clinic) -> None:
    patient, doctor = await clinic.pair()
    before = len(await rows(clinic))
    answers = await asyncio.gather(
        *(who.get(path) for _ in range(20) for who, path in ((patient, "/api/steps/"), (doctor, "/api/my-patients/"))),
        *(patient.patch("/api/me/", {"reminder_time": f"{hour:02}:00"}) for hour in range(10, 16)),
    )
    assert [answer.status for answer in answers] == [200] * 46
    assert len(await rows(clinic)) == before + 46
    bound = await asyncio.gather(*(bind_audit(clinic.app) for _ in range(4)))
    assert sum(bound) == before + 46
    assert await rows(clinic, page=0) == []
    assert await verdict(clinic) == ""


async def test_a_page_holds_so_many_and_verifying_goes_on_under_load(clinic: Clinic) -> None:
    actor = AuditActor(role="system")
    await asyncio.gather(*(clinic.app.store.audit.write(actor, "steps.listed", of=[]) for _ in range(2 * PAGE + 10)))
    over = asyncio.Event()

    async def load() -> int:
        count = 0
        while not over.is_set():
            await clinic.app.store.audit.write(actor, "steps.listed", of=[])
            await bind_audit(clinic.app)
            count += 1
        return count

    loading = asyncio.create_task(load())
    try:
        await bind_audit(clinic.app)
        for _ in range(3):
            found = await clinic.app.store.audit.verify()
            assert found.findings == () and found.entries >= 2 * PAGE + 10 and found.pages >= 3
    finally:
        over.set()
        added = await loading
    assert added > 0
    assert (await clinic.app.store.audit.verify()).entries == 2 * PAGE + 10 + added
