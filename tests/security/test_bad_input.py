"""Bad input: refused with a problem document, written nowhere, changing nothing, and never a fault of ours."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import pytest_asyncio
import structlog
from bson import encode

from hospital_rt.domain.clock import utcnow
from hospital_rt.web.tokens import AUDIENCE, ISSUER, Tokens
from tests.support.bad_requests import AROUND, BODIES, ODD, QUERIES, THEIRS, WORDS, Bad
from tests.support.driver import SECRET, Clinic, Person, plan_item
from tests.support.wire import RawAnswer, http, wire

pytestmark = pytest.mark.abuse


@dataclass
class Scene:
    """Two circles of people that have nothing to do with each other, and what the sender may name of both."""

    ward: Clinic
    people: dict[str, Person]
    names: dict[str, str]
    complaints: list[dict[str, Any]] = field(default_factory=list)

    def fill(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace("{" + name + "}", value)
        return text

    async def records(self) -> dict[str, str]:
        """Every collection, as one hash each."""
        database = self.ward.app.resources.database
        listing = await database.command("listCollections", nameOnly=True)
        found = {}
        for name in sorted(one["name"] for one in listing["cursor"]["firstBatch"]):
            digest = hashlib.sha256()
            async for row in database.collection(name).find({}).sort("_id", 1):
                digest.update(encode(row))
            found[name] = digest.hexdigest()
        return found

    async def send(self, bad: Bad) -> RawAnswer | None:
        body = b""
        if bad.body is not None:
            body = bad.body if isinstance(bad.body, bytes) else self.fill(json.dumps(bad.body)).encode()
        headers = {name: self.fill(value) for name, value in bad.headers.items()}
        host = headers.pop("Host", urlsplit(self.ward.base).netloc)
        if bad.who in self.people:
            headers.setdefault("Authorization", f"Bearer {self.people[bad.who].access}")
        if bad.body is not None:
            headers.setdefault("Content-Type", "application/json")
        elif bad.method in {"POST", "PATCH"}:
            headers.setdefault("Content-Length", "0")
        sent = http(bad.method, self.fill(bad.target), host=host, headers=headers, body=body, lines=bad.lines)
        async with wire(self.ward.base) as line:
            await line.send(sent)
            return await line.answer(to=bad.method)


async def circle(ward: Clinic) -> tuple[Person, Person, dict[str, str]]:
    patient, doctor = await ward.pair()
    plan = [plan_item("Walk 20 minutes", "Walk 20 minutes daily")]
    note = await ward.note(doctor, patient, plan=plan)
    sessions = (await patient.get("/api/me/sessions/")).body["items"]
    return (
        patient,
        doctor,
        {
            "patient": patient.id,
            "doctor": doctor.id,
            "note": note["id"],
            "step": note["steps"][0]["id"],
            "session": sessions[0]["id"],
        },
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _scene(_shared: Clinic) -> Scene:
    patient, doctor, own = await circle(_shared)
    _, _, theirs = await circle(_shared)
    names = {**own, **{f"their_{name}": value for name, value in theirs.items()}}
    names |= {"access": patient.access or "", "refresh": patient.refresh or "", "host": urlsplit(_shared.base).netloc}
    names |= {"PATIENT": patient.id.upper(), "STEP": own["step"].upper()}
    return Scene(_shared, {"patient": patient, "doctor": doctor}, names)


@pytest.fixture
def scene(ward: Clinic, _scene: Scene) -> Iterator[Scene]:
    """The scene, with an ear for whatever the service complains of as a fault of its own."""
    _scene.complaints = heard = []
    processors = structlog.get_config()["processors"]

    def hear(_logger: Any, method: str, line: Any) -> Any:
        if method in {"error", "critical", "exception"}:
            heard.append(dict(line))
        return line

    structlog.configure(processors=[hear, *processors])
    yield _scene
    structlog.configure(processors=processors)


def check_refusal(answer: RawAnswer | None, bad: Bad) -> None:
    assert answer is not None, "no answer"
    assert (answer.status, answer.slug) == (bad.status, bad.slug), answer.body[:300]
    if answer.status == 405:
        assert answer.headers["allow"]
    if answer.status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
    if bad.status == 400 and bad.slug is None:
        return  # refused by the HTTP parser, before there is a request
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] and len(answer.headers["x-request-id"]) <= 64


@pytest.mark.parametrize("bad", [*BODIES, *WORDS, *THEIRS, *QUERIES, *AROUND, *ODD], ids=str)
async def test_bad_input_is_refused_and_changes_nothing(scene: Scene, bad: Bad) -> None:
    before = await scene.records()
    check_refusal(await scene.send(bad), bad)
    assert await scene.records() == before, "something was written"
    assert scene.complaints == []


# Tokens


def signed(claims: dict[str, Any], key: bytes | str, algorithm: str = "HS256", **header: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "at+jwt", **header})


def tokens(scene: Scene) -> dict[str, str]:
    """Tokens that are not valid, by what is wrong with them; most are signed with the right key."""
    key = Tokens(SECRET, access_s=900)._access_key
    access = scene.people["patient"].access or ""
    good = jwt.decode(access, options={"verify_signature": False})
    head, body, signature = access.split(".")
    now = int(datetime.now(UTC).timestamp())

    def but(**changes: Any) -> str:
        return signed({name: value for name, value in {**good, **changes}.items() if value is not ...}, key)

    other = jwt.decode(scene.people["doctor"].access or "", options={"verify_signature": False})
    return {
        "no signature": f"{head}.{body}.",
        "another's body": ".".join([head, access.split(".")[1][:-2] + "xx", signature]),
        "one character off": access[:-2] + ("A" if access[-2] != "A" else "B") + access[-1],
        "alg none": signed(good, "", "none"),
        "alg None": access.replace(head, "eyJhbGciOiJOb25lIiwidHlwIjoiYXQrand0In0"),
        "HS512": signed(good, key, "HS512"),
        "HS384": signed(good, key, "HS384"),
        "the secret itself as key": signed(good, SECRET),
        "an empty key": signed(good, "\0"),
        "typ JWT": jwt.encode(good, key, headers={"typ": "JWT"}),
        "typ rt+jwt": jwt.encode(good, key, headers={"typ": "rt+jwt"}),
        "no exp": but(exp=...),
        "exp a string": but(exp=str(good["exp"])),
        "exp 1e30": but(exp=1e30),
        "exp a fraction": but(exp=good["exp"] + 0.5),
        "exp null": but(exp=None),
        "exp true": but(exp=True),
        "exp a list": but(exp=[good["exp"]]),
        "exp of 5,000 digits": but(exp=int("9" * 4000)),
        "exp negative": but(exp=-1),
        "ended a second ago": but(exp=now - 1, iat=now - 800, nbf=now - 800),
        "a lifetime of two days": but(exp=now + 172_800),
        "no iat": but(iat=...),
        "iat tomorrow": but(iat=now + 86_400, exp=now + 86_500),
        "iat a string": but(iat="now"),
        "no nbf": but(nbf=...),
        "nbf tomorrow": but(nbf=now + 86_400),
        "no iss": but(iss=...),
        "another iss": but(iss="evil"),
        "no aud": but(aud=...),
        "another aud": but(aud="evil"),
        "a list of aud": but(aud=[AUDIENCE, "evil"]),
        "no jti": but(jti=...),
        "no sub": but(sub=...),
        "sub a number": but(sub=1),
        "sub an operator": but(sub={"$gt": ""}),
        "sub of nobody": but(sub="00000000-0000-4000-8000-000000000000"),
        "sub of another": but(sub=other["sub"]),
        "no sid": but(sid=...),
        "sid of another": but(sid=other["sid"]),
        "sid an operator": but(sid={"$ne": None}),
        "sid NUL": but(sid="\0"),
        "sid of nobody": but(sid="00000000-0000-4000-8000-000000000000"),
        "crit": signed(good, key, crit=["x"], x=1),
        "unencoded": signed(good, key, b64=False, crit=["b64"]),
        "only dots": "..",
        "one dot": "a.b",
        "five parts": ".".join([head, body, "", "", signature]),
        "no JSON": "bm8.bm8.bm8",
        "a body that is a list": jwt.api_jws.encode(b"[1]", key, headers={"typ": "at+jwt"}),
        "a deep body": jwt.api_jws.encode(b"[" * 3000, key, headers={"typ": "at+jwt"}),
        "issued by us for another use": signed({**good, "iss": ISSUER}, Tokens(SECRET, access_s=900)._refresh_key),
    }


@pytest.mark.filterwarnings("ignore:The HMAC key is:jwt.warnings.InsecureKeyLengthWarning")
async def test_a_token_that_is_not_quite_one_opens_nothing(scene: Scene) -> None:
    before = await scene.records()
    for what, token in tokens(scene).items():
        answer = await scene.send(
            Bad(name=what, status=401, slug="unauthenticated", who="", headers={"Authorization": f"Bearer {token}"})
        )
        assert answer is not None and (answer.status, answer.slug) == (401, "unauthenticated"), what
    assert await scene.records() == before
    assert scene.complaints == []


async def test_headers_of_a_token_that_we_do_not_use_lead_nowhere(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Tokens(SECRET, access_s=900)._access_key
    good = jwt.decode(scene.people["patient"].access or "", options={"verify_signature": False})
    opened: list[str] = []
    monkeypatch.setattr("builtins.open", lambda *arguments, **_more: opened.append(str(arguments[0])))
    for header in (
        {"kid": "../../dev/null"},
        {"kid": "' or 1=1 --"},
        {"jku": f"{scene.ward.base}/openapi.json"},
        {"x5u": "file:///etc/passwd"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
    ):
        bearer = {"Authorization": f"Bearer {signed(good, key, **header)}"}
        answer = await scene.send(Bad(name="", status=200, slug=None, who="", headers=bearer))
        assert answer is not None and answer.status in {200, 401}
    assert opened == []


async def test_a_token_lives_to_the_second_and_dies_with_its_session_however_it_is_written(scene: Scene) -> None:
    person = await scene.ward.sign_in(scene.people["patient"].user)
    access = person.access or ""
    head, body, signature = access.split(".")
    padded = f"{head}.{body}.{signature}="
    assert (await person.get("/api/me/")).status == 200
    await person.post("/api/token/revoke/", {"refresh": person.refresh})
    for token in (access, padded, access.replace("_", "/").replace("-", "+")):
        assert (await person.get("/api/me/", token=token)).status == 401
    ended = scene.ward.app.resources.tokens.issue_access(
        user_id=person.id, session_id=scene.names["session"], now=utcnow() - timedelta(seconds=900)
    )
    assert (await person.get("/api/me/", token=ended)).status == 401


async def test_these_tests_would_notice(scene: Scene) -> None:
    """What is written, and what the service complains of, is seen by the scene."""
    before = await scene.records()
    good = Bad(name="", status=200, slug=None, method="POST", target="/api/check-in/{step}/", body={})
    answer = await scene.send(good)
    assert answer is not None and answer.status == 200
    assert await scene.send(Bad(name="", status=200, slug=None, method="PATCH", body={"language": "fr"})) is not None
    assert await scene.records() != before
    structlog.get_logger().error("request.failed")
    assert [line["event"] for line in scene.complaints] == ["request.failed"]
