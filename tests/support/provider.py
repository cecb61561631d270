"""Identity providers of the tests: a certified one in Node.js, and a forged one that sends whatever it is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from hospital_rt.settings import Settings
from tests.support.driver import Answer, Caller, Clinic, free_port
from tests.support.patience import allowed

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
CLIENT, SECRET = "aftercare", "a-secret-of-the-client: with % and +"
SHARED_KEY = base64.urlsafe_b64encode(b"a key that two share: no signature").decode().rstrip("=")
PEOPLE: dict[str, dict[str, Any]] = {
    "noor": {"name": "Dr Noor Haddad", "groups": ["clinicians"], "email": "noor@hospital.example"},
    "ines": {"name": "Ines Ortega", "groups": ["staff", "patients"], "email": "ines@hospital.example"},
    "visitor": {"name": "Val Visitor", "groups": ["guests"], "email": "val@hospital.example"},
}
ROLES = ("groups:clinicians=doctor", "groups:patients=patient")


def why_not() -> str | None:
    """Why the certified provider cannot be started here; None when it can."""
    if shutil.which("node") is None:
        return "Node.js is missing"
    return None if (ROOT / "node_modules/oidc-provider").is_dir() else "npm's oidc-provider is missing (make js)"


def settings_for(issuer: str) -> dict[str, Any]:
    """The settings of a clinic whose people come from this provider."""
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_roles": ROLES,
        "oidc_name": "St Elsewhere",
    }


@dataclass
class Provider:
    """The certified provider, and what a browser does at it."""

    issuer: str

    async def tell(self, what: str) -> None:
        """``away``, ``slow``, ``back`` or ``new-keys``."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.issuer}/tests/{what}") as answer:
            assert answer.status == 200

    async def sign_in(self, http: aiohttp.ClientSession, url: str, login: str) -> str:
        """Sign in through its pages; the address to which it sends the browser back."""
        method, form = "GET", None
        for _ in range(12):
            async with http.request(method, url, data=form, allow_redirects=False) as answer:
                text = await answer.text()
                if answer.status in {302, 303}:
                    there = answer.headers["Location"]
                    url = there if "//" in there else self.issuer + there
                    method, form = "GET", None
                    if not url.startswith(self.issuer):
                        return url
                    continue
                prompt = re.search(r'name="prompt" value="(\w+)"', text)
                action = re.search(r'action="([^"]+)"', text)
                assert answer.status == 200 and prompt and action, text
                url = action.group(1) if "//" in action.group(1) else self.issuer + action.group(1)
                method, form = "POST", {"prompt": prompt.group(1), "login": login, "password": "any"}
        raise AssertionError("it never comes back")

    async def sign_out(self, http: aiohttp.ClientSession) -> None:
        """End the browser's session there; the provider tells its clients by the back channel."""
        async with http.get(f"{self.issuer}/session/end") as answer:
            text = await answer.text()
        found = re.search(r'name="xsrf" value="(\w+)"', text)
        assert found, text
        form = {"xsrf": found.group(1), "logout": "yes"}
        async with http.post(f"{self.issuer}/session/end/confirm", data=form, allow_redirects=False) as answer:
            assert answer.status in {302, 303}, await answer.text()


def write_provider(file: Path, base: str, *, claims_by_userinfo: bool = False) -> None:
    """The settings of the provider's process, for a clinic at ``base``."""
    settings = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uri": f"{base}/api/oidc/callback/",
        "logout_uri": f"{base}/api/oidc/logout/",
        "people": {login: {**claims, "email_verified": True} for login, claims in PEOPLE.items()},
        "claims_by_userinfo": claims_by_userinfo,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(settings), encoding="utf-8")


@contextlib.asynccontextmanager
async def certified(folder: Path, base: str, *, claims_by_userinfo: bool = False) -> AsyncIterator[Provider]:
    """The provider in a process of its own, for a clinic that is or will be at ``base``."""
    port = free_port()
    file = folder / "provider.json"
    write_provider(file, base, claims_by_userinfo=claims_by_userinfo)
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPT),
        str(port),
        str(file),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=(folder / "provider.err").open("wb"),
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), allowed(30))
    assert line.strip() == b"listens", (folder / "provider.err").read_text()
    try:
        yield Provider(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        await process.wait()


def browser() -> aiohttp.ClientSession:
    """A browser's cookies: like one, it sends those of this address to every port of it."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


@dataclass
class Began:
    """A sign-in that has begun: where the browser is sent, and the cookie that it keeps."""

    there: str
    cookie: str

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.there).query).items()}


async def begin(anyone: Caller, following: str = "/") -> Began:
    answer = await anyone.get(f"/api/oidc/start/?{urlencode({'next': following})}")
    assert answer.status == 302, answer.raw
    cookie = SimpleCookie(answer.headers["Set-Cookie"])["hrt_oidc"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/api/oidc/"
    return Began(answer.headers["Location"], f"hrt_oidc={cookie.value}")


async def come_back(anyone: Caller, began: Began, url: str) -> Answer:
    """The provider sends the browser back to this address."""
    parts = urlsplit(url)
    return await anyone.get(f"{parts.path}?{parts.query}", headers={"Cookie": began.cookie})


async def tokens_after(anyone: Caller, answer: Answer) -> Answer:
    """What the page does after coming back: it renews by the cookie."""
    cookies = SimpleCookie()
    for line in answer.headers.get_list("Set-Cookie"):
        cookies.load(line)
    cookie = cookies["hrt_refresh"]
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/api/token/"
    return await anyone.post("/api/token/refresh/", {}, headers={"Cookie": f"hrt_refresh={cookie.value}"})


async def enter(clinic: Clinic, provider: Provider, login: str, http: aiohttp.ClientSession | None = None) -> Caller:
    """The whole sign-in; the signed-in user."""
    async with contextlib.AsyncExitStack() as stack:
        page = http if http is not None else await stack.enter_async_context(browser())
        began = await begin(clinic.anyone)
        answer = await come_back(clinic.anyone, began, await provider.sign_in(page, began.there, login))
        assert answer.status == 302, answer.raw
        renewed = await tokens_after(clinic.anyone, answer)
        assert renewed.status == 200, renewed.body
    caller = Caller(clinic.base)
    caller.access = renewed.body["access"]
    return caller


# A provider that lies


@dataclass
class Forged:
    """A provider of which a test decides every word: ``id_token`` makes the token from the right claims."""

    port: int = field(default_factory=free_port)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    id_token: Callable[[dict[str, Any]], str] | None = None
    about: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    subject: str = "noor"
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        person = PEOPLE.get(self.subject, {"groups": ["clinicians"]})
        right = {"iss": self.issuer, "aud": CLIENT, "sub": self.subject, "iat": now, "exp": now + 300, **person}
        found = {**right, "nonce": self.nonce, **changes}
        return {name: value for name, value in found.items() if value is not None}

    def sign(self, claims: dict[str, Any], *, key: Any = None, algorithm: str = "RS256", kid: str = "one") -> str:
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers={"kid": kid})

    async def _about(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/auth",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                **self.about,
            }
        )

    async def _jwks(self, _request: web.Request) -> web.Response:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        shared = {"kty": "oct", "k": SHARED_KEY, "kid": "shared"}
        return web.json_response({"keys": [{**public, "kid": "one", "use": "sig"}, shared]})

    async def _token(self, request: web.Request) -> web.Response:
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        token = self.id_token(self.claims()) if self.id_token else self.sign(self.claims())
        return web.json_response({"id_token": token, "access_token": "x", "token_type": "Bearer"})

    async def come_back(self, anyone: Caller, began: Began, **changes: str) -> Answer:
        """The browser comes back from it with a code."""
        self.nonce = began.query["nonce"]
        query = {"code": "a-code", "state": began.query["state"], **changes}
        return await come_back(anyone, began, f"/api/oidc/callback/?{urlencode(query)}")

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Forged]:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._about)
        app.router.add_get("/jwks", self._jwks)
        app.router.add_post("/token", self._token)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()


def with_provider(settings: Settings, issuer: str, **changes: Any) -> Settings:
    return settings.model_copy(update={**settings_for(issuer), **changes})
