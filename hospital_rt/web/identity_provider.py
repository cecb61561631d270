"""The hospital's identity provider: OpenID Connect as a client of it (authorization code with PKCE, S256).

Its documents come by discovery and are kept; unknown keys are looked for anew, at most twice a minute, so that the
provider can change its keys. Signatures are checked with its public keys alone, under a list of algorithms: a token
without signature, or signed by a shared secret, is refused whatever it says. What it sends is checked for issuer,
audience, time and nonce (OpenID Connect Core 3.1.3.7, RFC 9207, Back-Channel Logout 2.6).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import jwt

from hospital_rt.delivery.proxy import proxy_for
from hospital_rt.logs import describe_error, log
from hospital_rt.settings import Settings

ALGORITHMS = frozenset(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"])
WITHIN_S = 5.0
KEPT_S, LOOK_AGAIN_S, REACHED_S = 3600.0, 30.0, 1.0
MAX_BYTES = 1024 * 1024
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
Claims = Mapping[str, Any]


class ProviderAway(Exception):
    """The provider does not answer, or not in time, or not with what it should."""


class ProviderRefused(Exception):
    """An answer of the provider is not genuine, or is for another client."""


class IdentityProvider:
    """The provider of these settings and this service's registration at it. It is contacted at first use."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.oidc_issuer or ""
        self._client_id, self._client_secret = settings.oidc_client_id or "", settings.oidc_client_secret or ""
        self._redirect_uri = f"{settings.public_url}/api/oidc/callback/"
        self._scopes, self._leeway_s = settings.oidc_scopes, settings.clock_leeway_seconds
        self._about: dict[str, Any] = {}
        self._about_until = self._reached_until = 0.0
        self._keys: list[dict[str, Any]] = []
        self._keys_until = self._look_again_at = 0.0
        self._reading = asyncio.Lock()

    # The flow

    async def authorization_url(self, *, state: str, nonce: str, challenge: str) -> str:
        """Where the browser goes to sign in.

        Raises:
            ProviderAway: it does not respond, so that no user is redirected there, or its documents cannot be read.
        """
        if time.monotonic() >= self._reached_until:
            await self._read_about()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = await self._endpoint("authorization_endpoint")
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def check_issuer(self, given: str | None) -> None:
        """The ``iss`` of an authorization response: a provider that says it sends one must (RFC 9207).

        Raises:
            ProviderRefused: it is another's, or is missing.
        """
        about = await self._discover()
        wanted = bool(about.get("authorization_response_iss_parameter_supported"))
        if given != self.issuer and (wanted or given is not None):
            raise ProviderRefused("issuer")

    async def claims(self, *, code: str, verifier: str, nonce: str, wanted: frozenset[str]) -> Claims:
        """Who signed in: the claims of the ID token, and those of the user-info endpoint where ``wanted`` ones lack.

        Raises:
            ProviderAway, ProviderRefused
        """
        about = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        headers: dict[str, str] = {}
        methods = about.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" in methods:  # RFC 6749, 2.3.1: both parts form-encoded first
            credentials = [quote(part, safe="") for part in (self._client_id, self._client_secret)]
            headers["Authorization"] = aiohttp.encode_basic_auth(*credentials)
        else:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret}
        status, answer = await self._fetch("POST", await self._endpoint("token_endpoint"), data=form, headers=headers)
        token, access = answer.get("id_token"), answer.get("access_token")
        if status != 200 or not isinstance(token, str):
            raise ProviderRefused("code")
        found = await self._read(token, required=("exp", "iat", "sub"))
        if not hmac.compare_digest(str(found.get("nonce", "")).encode(), nonce.encode()):
            raise ProviderRefused("nonce")
        if not wanted <= set(found) and about.get("userinfo_endpoint") and isinstance(access, str):
            headers = {"Authorization": f"Bearer {access}"}
            status, more = await self._fetch("GET", await self._endpoint("userinfo_endpoint"), headers=headers)
            if status == 200 and more.get("sub") == found["sub"]:
                found = {**more, **found}
        return found

    async def read_logout(self, token: str) -> Claims:
        """The claims of a back-channel logout token.

        Raises:
            ProviderAway, ProviderRefused
        """
        found = await self._read(token, required=("iat", "jti", "events"))
        events = found["events"]
        if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in found:
            raise ProviderRefused("event")
        if not (isinstance(found.get("sub"), str) or isinstance(found.get("sid"), str)):
            raise ProviderRefused("subject")
        if "exp" not in found and abs(time.time() - found["iat"]) > 120 + self._leeway_s:
            raise ProviderRefused("time")
        return found

    # Tokens

    async def _read(self, token: str, *, required: tuple[str, ...]) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS or len(token) > 64 * 1024:
                raise ProviderRefused("algorithm")
            found: dict[str, Any] = jwt.decode(
                token,
                await self._key(header.get("kid"), algorithm),
                algorithms=[algorithm],
                audience=self._client_id,
                issuer=self.issuer,
                leeway=self._leeway_s,
                options={"require": ["iss", "aud", *required]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError) as error:
            raise ProviderRefused(type(error).__name__) from None
        audience = found["aud"]
        if isinstance(audience, list) and len(audience) > 1 and found.get("azp") != self._client_id:
            raise ProviderRefused("audience")
        if found.get("azp", self._client_id) != self._client_id:
            raise ProviderRefused("authorized party")
        return found

    async def _key(self, kid: Any, algorithm: str) -> jwt.PyJWK:
        found = await self._find_key(kid, algorithm, fresh=False) or await self._find_key(kid, algorithm, fresh=True)
        if found is None:
            raise ProviderRefused("key")
        return found

    async def _find_key(self, kid: Any, algorithm: str, *, fresh: bool) -> jwt.PyJWK | None:
        family = {"E": "EC", "R": "RSA", "P": "RSA"}[algorithm[0]] if algorithm != "EdDSA" else "OKP"
        fitting = [
            key
            for key in await self._read_keys(fresh=fresh)
            if key.get("kty") == family and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm
        ]
        if kid is not None:
            fitting = [key for key in fitting if key.get("kid") == kid]
        return jwt.PyJWK.from_dict(fitting[0], algorithm=algorithm) if len(fitting) == 1 else None

    # Documents

    async def _read_keys(self, *, fresh: bool) -> list[dict[str, Any]]:
        async with self._reading:
            now = time.monotonic()
            if (fresh and now >= self._look_again_at) or now >= self._keys_until:
                endpoint = await self._endpoint("jwks_uri")
                try:
                    status, answer = await self._fetch("GET", endpoint)
                    if status != 200 or not isinstance(answer.get("keys"), list):
                        raise ProviderAway
                except ProviderAway:
                    if not self._keys:
                        raise
                    self._keys_until = now + LOOK_AGAIN_S  # the last ones hold while it is away
                else:
                    self._keys = [key for key in answer["keys"] if isinstance(key, dict)]
                    self._keys_until = now + KEPT_S
                self._look_again_at = now + LOOK_AGAIN_S
            return self._keys

    async def _discover(self) -> dict[str, Any]:
        if time.monotonic() < self._about_until:
            return self._about
        try:
            return await self._read_about()
        except ProviderAway:
            if not self._about:
                raise
            self._about_until = time.monotonic() + LOOK_AGAIN_S
            return self._about

    async def _read_about(self) -> dict[str, Any]:
        status, about = await self._fetch("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:
            raise ProviderAway
        if about.get("issuer") != self.issuer:
            log.error("oidc.other_issuer")
            raise ProviderAway
        now = time.monotonic()
        self._about, self._about_until, self._reached_until = about, now + KEPT_S, now + REACHED_S
        return about

    async def _endpoint(self, name: str) -> str:
        """An address of the discovery document; on plain http only where the issuer is."""
        found = (await self._discover()).get(name)
        plain = urlsplit(self.issuer).scheme == "http"
        if not isinstance(found, str) or urlsplit(found).scheme not in ({"https", "http"} if plain else {"https"}):
            log.error("oidc.endpoint_missing", name=name)
            raise ProviderAway
        return found

    async def _fetch(self, method: str, url: str, **more: Any) -> tuple[int, dict[str, Any]]:
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        headers = {"Accept": "application/json", **more.pop("headers", {})}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(
                    method, url, headers=headers, allow_redirects=False, proxy=proxy_for(url), **more
                ) as answer,
            ):
                raw = await answer.content.read(MAX_BYTES)
                if answer.status >= 500:
                    raise ProviderAway
                found = json.loads(raw) if raw else {}
                return answer.status, found if isinstance(found, dict) else {}
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, RecursionError) as error:
            log.warning("oidc.away", **describe_error(error))
            raise ProviderAway from None


def make_identity_provider(settings: Settings) -> IdentityProvider | None:
    """The provider of these settings; None when there is none."""
    return None if settings.oidc_issuer is None else IdentityProvider(settings)
