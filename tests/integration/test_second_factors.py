"""Second factors: apps, passkeys and recovery codes, from setting up to signing in, losing and removing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import time_machine

from handlers.routes import API
from hospital_rt.domain.clock import utcnow
from hospital_rt.web.rate_limits import FACTOR_ACCOUNT
from models.identity.second_factors import SET_UP_WITHIN
from tests.support.admin_driver import admin
from tests.support.channel import open_channel
from tests.support.driver import PASSWORD, Clinic, Person, until
from tests.support.factors import (
    FACTORS,
    STEP_TWO,
    add_app,
    add_passkey,
    code_of,
    device,
    first_step,
    second_step,
)
from tests.support.mailbox import letters
from tests.support.processes import System

pytestmark = pytest.mark.long

OPTIONS = "/api/passkeys/options/"


async def subjects(clinic: Clinic, person: Person) -> list[str]:
    return [str(letter["Subject"]) for letter in await letters(clinic, person.email)]


async def acts(clinic: Clinic, person: Person) -> list[str]:
    found = clinic.app.resources.database.collection("audit").find({"of": person.id}).sort("at", 1)
    return [row["act"] async for row in found]


# Setting up


async def test_an_app_counts_once_it_is_confirmed(ward: Clinic) -> None:
    patient = await ward.patient()
    begun = (await patient.post(FACTORS, {"kind": "totp"})).body
    assert begun["uri"].startswith("otpauth://totp/Aftercare:") and begun["secret"] in begun["uri"]
    assert begun["qr"].startswith("M4 4h1v1h-1z") and begun["qr_size"] > 30
    assert (await patient.get(FACTORS)).body["items"] == []
    await ward.sign_in(patient.user)  # nothing is asked yet
    confirm = f"{FACTORS}{begun['id']}/confirm/"
    wrong = await patient.post(confirm, {"code": code_of(begun["secret"], steps=9)})
    assert wrong.slug == "invalid" and wrong.body["errors"][0]["pointer"] == "#/code"
    right = code_of(begun["secret"])
    done = await patient.post(confirm, {"code": f" {right[:3]} {right[3:]} "})
    assert len(set(done.body["recovery_codes"])) == 10
    assert (await patient.post(confirm, {"code": right})).slug == "not-found", "it is confirmed"
    held = (await patient.get(FACTORS)).body
    assert [one["kind"] for one in held["items"]] == ["totp"] and held["recovery_codes_left"] == 10
    # The code that confirmed it is spent.
    asked = await first_step(ward.anyone, patient)
    assert asked["kinds"] == ["recovery", "totp"] and "options" not in asked
    assert (await second_step(ward.anyone, asked["challenge"], code=right)).slug == "wrong-code"
    later = code_of(begun["secret"], steps=1)
    assert (await second_step(ward.anyone, asked["challenge"], code=later)).status == 200
    assert await subjects(ward, patient) == ["A second factor was added"]
    assert "second_factor.added" in await acts(ward, patient)


async def test_what_is_not_confirmed_in_time_is_never(ward: Clinic) -> None:
    patient = await ward.patient()
    begun = (await patient.post(FACTORS, {"kind": "totp"})).body
    with time_machine.travel(utcnow() + SET_UP_WITHIN + timedelta(seconds=1), tick=True):
        again = await ward.sign_in(patient.user)
        late = await again.post(f"{FACTORS}{begun['id']}/confirm/", {"code": code_of(begun["secret"])})
        assert late.slug == "not-found"


async def test_a_second_factor_more_has_no_new_recovery_codes(ward: Clinic) -> None:
    patient = await ward.patient()
    assert len((await add_app(patient)).recovery_codes) == 10
    _, _, codes = await add_passkey(ward, patient)
    assert codes == []
    assert [one["kind"] for one in (await patient.get(FACTORS)).body["items"]] == ["totp", "passkey"]


@pytest.mark.abuse
async def test_factors_of_others_are_not_there(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    app = await add_app(patient)
    waiting = (await patient.post(FACTORS, {"kind": "totp"})).body
    code = code_of(waiting["secret"])
    assert (await other.post(f"{FACTORS}{waiting['id']}/confirm/", {"code": code})).slug == "not-found"
    for id in (app.id, waiting["id"]):
        assert (await other.delete(f"{FACTORS}{id}/", {"password": PASSWORD})).slug == "not-found"
    assert (await other.get(FACTORS)).body["items"] == []
    assert len((await patient.get(FACTORS)).body["items"]) == 1


# Signing in


async def test_signing_in_takes_the_code_of_the_app(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    asked = await first_step(ward.anyone, patient)
    done = await second_step(ward.anyone, asked["challenge"], code=code_of(app.secret), session="cookie")
    assert done.status == 200 and "refresh" not in done.body and "hrt_refresh=" in done.headers["Set-Cookie"]
    assert (await ward.anyone.get("/api/me/", token=done.body["access"])).status == 200
    assert (await patient.get("/api/me/")).status == 200, "who was in stays in"
    assert (await ward.anyone.post("/api/token/refresh/", {"refresh": patient.refresh})).status == 200
    over = await second_step(ward.anyone, asked["challenge"], code=code_of(app.secret, steps=1))
    assert over.slug == "challenge-ended"


async def test_a_code_is_spent_once_however_many_try_at_once(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    asked = [await first_step(ward.anyone, patient) for _ in range(4)]
    for given in (code_of(app.secret), app.recovery_codes[0]):
        answers = await asyncio.gather(*(second_step(ward.anyone, one["challenge"], code=given) for one in asked))
        assert sorted(answer.status for answer in answers) == [200, 401, 401, 401]
        asked = [await first_step(ward.anyone, patient) for _ in range(4)]
    assert (await patient.get(FACTORS)).body["recovery_codes_left"] == 9


async def test_a_code_is_spent_for_every_process(system: System) -> None:
    await system.start("web", "web")
    first, second = system.front(0), system.front(1)
    patient = await first.patient()
    app = await add_app(patient)
    asked = [await first_step(front.anyone, patient) for front in (first, second, first, second)]
    for codes, pair in ((code_of(app.secret), asked[:2]), (app.recovery_codes[0], asked[2:])):
        fronts = (first, second)
        answers = await asyncio.gather(
            *(second_step(front.anyone, one["challenge"], code=codes) for front, one in zip(fronts, pair, strict=True))
        )
        assert sorted(answer.status for answer in answers) == [200, 401]
    # A challenge of one process is answered at another, and its five tries are counted together.
    asked_once = await first_step(first.anyone, patient)
    tries = [await second_step(front.anyone, asked_once["challenge"], code="000000") for front in (first, second) * 3]
    assert [one.slug for one in tries] == ["wrong-code"] * 5 + ["challenge-ended"]


@pytest.mark.abuse
async def test_five_wrong_codes_void_the_challenge(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    asked = await first_step(ward.anyone, patient)
    for _ in range(5):
        assert (await second_step(ward.anyone, asked["challenge"], code="000000")).slug == "wrong-code"
    right = await second_step(ward.anyone, asked["challenge"], code=code_of(app.secret))
    assert right.slug == "challenge-ended"
    assert "Somebody may know your password" in await subjects(ward, patient)

    async def noted() -> bool:
        return "second_factor.failed" in await acts(ward, patient)

    await until(noted)


@pytest.mark.abuse
async def test_twenty_guesses_at_once_are_five(ward: Clinic) -> None:
    patient = await ward.patient()
    await add_app(patient)
    asked = await first_step(ward.anyone, patient)
    answers = await asyncio.gather(
        *(second_step(ward.anyone, asked["challenge"], code=f"{number:06}") for number in range(20))
    )
    assert sorted(answer.slug for answer in answers) == ["challenge-ended"] * 15 + ["wrong-code"] * 5


@pytest.mark.abuse
@pytest.mark.settings(rate_limits="on")
async def test_guessing_with_ever_new_challenges_is_limited(clinic: Clinic) -> None:
    patient = await clinic.patient()
    await add_app(patient)
    slugs = []
    for _ in range(FACTOR_ACCOUNT.most // 5 + 1):
        asked = await first_step(clinic.anyone, patient)
        slugs += [(await second_step(clinic.anyone, asked["challenge"], code="000000")).slug for _ in range(5)]
    assert slugs == ["wrong-code"] * FACTOR_ACCOUNT.most + ["rate-limited"] * 5


@pytest.mark.abuse
async def test_a_challenge_ends_with_its_time_the_password_and_the_account(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    asked = await first_step(ward.anyone, patient)
    with time_machine.travel(utcnow() + timedelta(seconds=301), tick=True):
        late = await second_step(ward.anyone, asked["challenge"], code=code_of(app.secret))
        assert late.slug == "challenge-ended"
    asked = await first_step(ward.anyone, patient)
    other = "brisk-otter-umbrella-7"
    assert (await patient.post("/api/me/password/", {"current": PASSWORD, "password": other})).status == 204
    answer = await second_step(ward.anyone, asked["challenge"], code=code_of(app.secret))
    assert answer.slug == "challenge-ended"
    asked = await first_step(ward.anyone, patient, other)
    assert (await patient.delete("/api/me/", {"code": app.recovery_codes[0]})).status == 204
    assert (await second_step(ward.anyone, asked["challenge"], code=app.recovery_codes[1])).slug == "challenge-ended"
    assert await ward.app.store.second_factors.of_user(patient.id) == []


@pytest.mark.abuse
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": "123456", "assertion": {}},
        {"code": None},
        {"code": 123456},
        {"code": ""},
        {"code": "1" * 65},
        {"code": "١٢٣٤٥٦", "more": 1},
        {"assertion": []},
        {"code": "123456", "session": "both"},
    ],
    ids=str,
)
async def test_a_malformed_second_step_is_refused_with_a_pointer(ward: Clinic, body: dict[str, object]) -> None:
    answer = await ward.anyone.post(STEP_TWO, {"challenge": "x" * 43, **body})
    assert answer.slug == "invalid" and answer.body["errors"]


@pytest.mark.abuse
@pytest.mark.parametrize("code", ["١٢٣٤٥٦", "\x01\x02", "0" * 64, "null", "-1", "1e6", "$ne"])
async def test_a_strange_code_is_a_wrong_one(ward: Clinic, code: str) -> None:
    patient = await ward.patient()
    await add_app(patient)
    asked = await first_step(ward.anyone, patient)
    assert (await second_step(ward.anyone, asked["challenge"], code=code)).slug in {"wrong-code", "invalid"}
    assert (await second_step(ward.anyone, "x" * 43, code="000000")).slug == "challenge-ended"


async def test_a_recovery_code_signs_in_once_and_the_user_gets_a_letter(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    code = app.recovery_codes[3]
    asked = await first_step(ward.anyone, patient)
    assert (await second_step(ward.anyone, asked["challenge"], code=code.upper().replace("-", " "))).status == 200
    asked = await first_step(ward.anyone, patient)
    assert (await second_step(ward.anyone, asked["challenge"], code=code)).slug == "wrong-code"
    assert (await patient.get(FACTORS)).body["recovery_codes_left"] == 9
    assert "A recovery code was used" in await subjects(ward, patient)
    assert "recovery_code.used" in await acts(ward, patient)
    refused = await patient.post("/api/me/recovery-codes/", {"password": PASSWORD + "!"})
    assert refused.slug == "wrong-password"
    newer = (await patient.post("/api/me/recovery-codes/", {"password": PASSWORD})).body["recovery_codes"]
    assert (await second_step(ward.anyone, asked["challenge"], code=app.recovery_codes[4])).slug == "wrong-code"
    assert (await second_step(ward.anyone, asked["challenge"], code=newer[0])).status == 200


async def test_nothing_of_a_factor_is_stored_in_the_clear(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    database = ward.app.resources.database
    stored = []
    for name in ("second_factors", "recovery_codes"):
        stored += await database.collection(name).find({}).to_list(None)
    words = repr(stored)
    assert app.secret not in words
    assert not [code for code in app.recovery_codes if code in words or code.replace("-", "") in words]


# Passkeys


async def test_a_passkey_is_a_second_factor(ward: Clinic) -> None:
    patient = await ward.patient()
    _, key, codes = await add_passkey(ward, patient)
    assert len(codes) == 10
    asked = await first_step(ward.anyone, patient)
    assert asked["kinds"] == ["passkey", "recovery"]
    assert len(asked["options"]["allowCredentials"]) == 1
    answer = key.get(asked["options"], verified=False)
    assert (await second_step(ward.anyone, asked["challenge"], assertion=answer)).status == 200
    asked = await first_step(ward.anyone, patient)
    assert (await second_step(ward.anyone, asked["challenge"], assertion=answer)).slug == "wrong-code", "replayed"


async def test_a_passkey_alone_signs_in(ward: Clinic) -> None:
    patient = await ward.patient()
    _, key, _ = await add_passkey(ward, patient)
    options = (await ward.anyone.post(OPTIONS)).body["options"]
    assert options["userVerification"] == "required" and not options["allowCredentials"]
    answer = key.get(options)
    done = await ward.anyone.post("/api/token/", {"assertion": answer})
    assert done.status == 200 and done.body["user"]["id"] == patient.id
    assert (await ward.anyone.post("/api/token/", {"assertion": answer})).slug == "wrong-credentials", "replayed"
    assert "session.begun" in await acts(ward, patient)


@pytest.mark.abuse
@pytest.mark.parametrize("case", ["unverified", "unknown", "other origin", "other site", "cloned", "other key", "late"])
async def test_a_passkey_that_is_not_quite_right_does_not_sign_in(ward: Clinic, case: str) -> None:
    patient = await ward.patient()
    _, key, _ = await add_passkey(ward, patient)
    options = (await ward.anyone.post(OPTIONS)).body["options"]
    if case == "unknown":
        key = device(ward)
    elif case == "other origin":
        key.origin = "https://aftercare.example"
    elif case == "other site":
        key.rp_id = "aftercare.example"
    elif case == "cloned":
        await ward.anyone.post("/api/token/", {"assertion": key.get(options)})
        options = (await ward.anyone.post(OPTIONS)).body["options"]
        key.count = 0
    elif case == "other key":
        key.key = device(ward).key
    answer = key.get(options, verified=case != "unverified")
    with time_machine.travel(utcnow() + timedelta(seconds=301 if case == "late" else 0), tick=True):
        assert (await ward.anyone.post("/api/token/", {"assertion": answer})).slug == "wrong-credentials"


@pytest.mark.abuse
@pytest.mark.parametrize("wrong", [{}, {"id": "x"}, {"response": {}}, {"rawId": "AA", "response": None}, {"type": [1]}])
async def test_an_assertion_of_nonsense_is_refused(ward: Clinic, wrong: dict[str, object]) -> None:
    patient = await ward.patient()
    _, key, _ = await add_passkey(ward, patient)
    answer = key.get((await ward.anyone.post(OPTIONS)).body["options"])
    for given in (wrong, {**answer, **wrong} if wrong else {}):
        assert (await ward.anyone.post("/api/token/", {"assertion": given})).slug == "wrong-credentials"


@pytest.mark.abuse
async def test_a_challenge_for_one_purpose_serves_no_other(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    _, key, _ = await add_passkey(ward, patient)
    _, strange, _ = await add_passkey(ward, other)
    asked = await first_step(ward.anyone, patient)
    # Of a second step, for signing in alone; the other way round; and another user's passkey in one's second step.
    alone = await ward.anyone.post("/api/token/", {"assertion": key.get(asked["options"])})
    assert alone.slug == "wrong-credentials"
    options = (await ward.anyone.post(OPTIONS)).body["options"]
    mixed = await second_step(ward.anyone, options["challenge"], assertion=key.get(options))
    assert mixed.slug == "challenge-ended"
    stranger = await second_step(ward.anyone, asked["challenge"], assertion=strange.get(asked["options"]))
    assert stranger.slug == "wrong-code"


@pytest.mark.abuse
async def test_a_passkey_cannot_be_set_up_for_another_challenge_or_twice(ward: Clinic) -> None:
    patient, other = await ward.patient(), await ward.patient()
    _, key, _ = await add_passkey(ward, patient)
    begun = (await other.post(FACTORS, {"kind": "passkey"})).body
    confirm = f"{FACTORS}{begun['id']}/confirm/"
    wrong = key.create(begun["options"], challenge="A" * 43)
    assert (await other.post(confirm, {"credential": wrong})).slug == "invalid"
    assert (await other.post(confirm, {"credential": key.create(begun["options"])})).slug == "conflict"
    assert (await other.post(confirm, {"credential": {"id": "x"}})).slug == "invalid"
    assert (await other.get(FACTORS)).body["items"] == []


async def test_some_time_after_signing_in_a_new_factor_takes_another_look_at_who_it_is(ward: Clinic) -> None:
    patient = await ward.patient()
    assert (await patient.get(FACTORS)).body["proofs"] == ["password"]
    first = await add_app(patient)
    assert (await patient.get(FACTORS)).body["proofs"] == ["password", "code"]
    sessions = ward.app.resources.database.collection("sessions")
    ago = utcnow() - timedelta(minutes=11)
    await sessions.update_many({"user_id": patient.id}, {"$set": {"created_at": ago}})
    for wish in ({"kind": "totp"}, {"kind": "passkey"}):
        assert (await patient.post(FACTORS, wish)).slug == "proof-required"
        assert (await patient.post(FACTORS, {**wish, "password": PASSWORD + "!"})).slug == "wrong-password"
        assert (await patient.post(FACTORS, {**wish, "code": "000000"})).slug == "wrong-factor"
        assert (await patient.post(FACTORS, {**wish, "password": PASSWORD, "code": "1"})).slug == "invalid"
    assert (await patient.post(FACTORS, {"kind": "totp", "code": code_of(first.secret)})).status == 201
    assert (await patient.post(FACTORS, {"kind": "totp", "password": PASSWORD})).status == 201


# Removing


async def test_removing_takes_the_password_or_a_factor(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    passkey, key, _ = await add_passkey(ward, patient)
    door = f"{FACTORS}{passkey}/"
    assert (await patient.delete(door, {})).slug == "invalid"
    assert (await patient.delete(door, {"password": "x", "code": "000000"})).slug == "invalid"
    assert (await patient.delete(door, {"password": PASSWORD + "!"})).slug == "wrong-password"
    assert (await patient.delete(door, {"code": "000000"})).slug == "wrong-factor"
    options = (await patient.post(OPTIONS)).body["options"]
    key.count, counted = key.count + 5, key.count
    unasked = key.get({**options, "challenge": "A" * 43})
    assert (await patient.delete(door, {"assertion": unasked})).slug == "wrong-factor"
    key.count = counted
    assert (await patient.delete(door, {"assertion": key.get(options)})).status == 204
    assert (await patient.delete(f"{FACTORS}{app.id}/", {"code": code_of(app.secret)})).status == 204
    held = (await patient.get(FACTORS)).body
    assert held["items"] == [] and held["recovery_codes_left"] == 0
    await ward.sign_in(patient.user)  # by the password alone again
    assert (await subjects(ward, patient)).count("A second factor was removed") == 2


async def test_two_removals_at_once_leave_no_account_that_asks_for_what_is_gone(ward: Clinic) -> None:
    patient = await ward.patient()
    app = await add_app(patient)
    passkey, _, _ = await add_passkey(ward, patient)
    answers = await asyncio.gather(
        *(patient.delete(f"{FACTORS}{id}/", {"password": PASSWORD}) for id in (app.id, passkey, passkey))
    )
    assert sorted(answer.status for answer in answers) == [204, 204, 404]
    row = await ward.app.store.users.row(patient.id)
    assert row is not None and row["second_factor"] is False
    await ward.sign_in(patient.user)


# Who must have one


@pytest.mark.settings(second_factor="doctors")
async def test_who_must_have_one_may_only_set_it_up(clinic: Clinic) -> None:
    patient, doctor = await clinic.patient(), await clinic.doctor()
    assert (await patient.get("/api/steps/")).status == 200
    assert (await patient.get(FACTORS)).body["required"] is False
    assert (await doctor.get(FACTORS)).body["required"] is True
    admitted = set()
    for route in API:
        for method, operation in route.handler.operations.items():
            if operation.allow == "anyone":
                continue
            path = route.path.replace("{", "").replace("}", "")
            answer = await doctor.call(method, path, None if method == "GET" else {})
            if answer.status != 403 or b"second-factor-required" not in answer.raw:
                admitted.add((method, route.path))
    assert admitted == {
        ("GET", "/api/me/"),
        ("GET", FACTORS),
        ("POST", FACTORS),
        ("DELETE", FACTORS + "{factor_id}/"),
        ("POST", FACTORS + "{factor_id}/confirm/"),
    }
    async with patient.live():
        pass
    channel = await open_channel(clinic.base)
    await channel.send({"type": "auth", "token": doctor.access})
    assert await channel.closed() == 4401
    await add_app(doctor)
    assert (await doctor.get("/api/my-patients/")).status == 200
    async with doctor.live():
        pass


@pytest.mark.settings(second_factor="all")
async def test_all_means_patients_too(clinic: Clinic) -> None:
    patient = await clinic.patient()
    assert (await patient.get("/api/steps/")).slug == "second-factor-required"


# A lost factor


async def test_a_lost_factor_ends_after_a_time_in_which_its_owner_can_object(clinic: Clinic) -> None:
    patient = await clinic.patient()
    app = await add_app(patient)
    told = await admin(clinic.app.settings, "reset-second-factor", patient.email, "--yes", "--json")
    assert told.code == 0, told
    assert "Your second factor is going to be removed" in await subjects(clinic, patient)
    asked = await first_step(clinic.anyone, patient)
    # A sign-in with the factor stops it.
    assert (await second_step(clinic.anyone, asked["challenge"], code=code_of(app.secret))).status == 200
    with time_machine.travel(utcnow() + timedelta(hours=25), tick=True):
        await first_step(clinic.anyone, patient)
        assert (await admin(clinic.app.settings, "reset-second-factor", patient.email, "--yes")).code == 0
    with time_machine.travel(utcnow() + timedelta(hours=48), tick=True):
        await first_step(clinic.anyone, patient)
    with time_machine.travel(utcnow() + timedelta(hours=50), tick=True):
        again = await clinic.sign_in(patient.user)
        assert (await again.get(FACTORS)).body == {
            "items": [],
            "next": None,
            "recovery_codes_left": 0,
            "required": False,
            "proofs": ["password"],
        }
    assert (await acts(clinic, patient)).count("second_factor.reset") == 2


async def test_an_operator_who_is_sure_ends_it_at_once_with_its_sessions(clinic: Clinic) -> None:
    patient = await clinic.patient()
    await add_app(patient)
    assert (await admin(clinic.app.settings, "reset-second-factor", patient.email, "--now", "--yes")).code == 0

    async def out() -> bool:
        return (await patient.get("/api/me/")).status == 401

    await until(out)
    await clinic.sign_in(patient.user)
    none = await admin(clinic.app.settings, "reset-second-factor", patient.email, "--yes")
    assert none.code == 1
