"""Sign-in through the hospital's identity provider (OpenID Connect): redirect, callback and back-channel logout."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlsplit

from pymongo.errors import DuplicateKeyError

from handlers.api.schemas import View
from handlers.api.session_handler import SessionTokenHandler, begin_session, set_refresh_cookie
from handlers.base.base_handler import BaseHandler
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import DomainError
from hospital_rt.logs import log
from hospital_rt.web.identity_provider import IdentityProvider, ProviderAway, ProviderRefused
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import OIDC_ADDRESS
from hospital_rt.web.tokens import InvalidToken, Tokens
from models.audit import AuditActor
from models.services.provider_sign_in import ProviderAccount, account_of, end_provider_sessions, role_of

COOKIE, COOKIE_PATH = "hrt_oidc", "/api/oidc/"
WITHIN = timedelta(minutes=10)
MAX_NEXT = 512
_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_WORDS = {
    "en": {
        "back": "Back to the sign-in page",
        "away": (
            "The hospital's sign-in does not answer",
            "Try again in a few minutes. Whoever is signed in stays signed in.",
        ),
        "over": ("This sign-in is over", "It took too long, or was used already. Begin again."),
        "refused": ("You are not signed in", "The hospital's sign-in did not confirm who you are. Begin again."),
        "no-role": (
            "You have no access to Aftercare yet",
            "The hospital's sign-in knows you, and has not given you a role here. Ask the hospital's IT service desk "
            "for access to Aftercare.",
        ),
        "closed": ("This account is closed", "Ask the hospital's IT service desk if you need it again."),
    },
    "es": {
        "back": "Volver a la página de inicio de sesión",
        "away": (
            "El inicio de sesión del hospital no responde",
            "Inténtelo de nuevo en unos minutos. Quien ya inició sesión sigue dentro.",
        ),
        "over": ("Este inicio de sesión ha terminado", "Tardó demasiado o ya se usó. Empiece de nuevo."),
        "refused": (
            "No se ha iniciado la sesión",
            "El inicio de sesión del hospital no confirmó quién es usted. Empiece de nuevo.",
        ),
        "no-role": (
            "Todavía no tiene acceso a Aftercare",
            "El hospital le conoce, pero no le ha dado un papel aquí. Pida acceso a Aftercare al servicio de "
            "informática del hospital.",
        ),
        "closed": ("Esta cuenta está cerrada", "Pregunte al servicio de informática del hospital si la necesita."),
    },
}


class ProviderView(View):
    name: str
    start: str


class SignInView(View):
    password: bool
    provider: ProviderView | None


class SignInOptionsHandler(SessionTokenHandler):
    @Operation(allow="anyone", responses={200: SignInView})
    async def get(self) -> None:
        """Which ways of signing in there are: by password, and through the hospital's identity provider."""
        settings, provider = self.settings_, None
        if settings.oidc_issuer:
            name = settings.oidc_name or urlsplit(settings.oidc_issuer).hostname or ""
            provider = {"name": name, "start": "/api/oidc/start/"}
        self.respond({"password": settings.signs_in_by_password, "provider": provider})


class ProviderHandler(BaseHandler):
    """A page on the way to the provider or back. Without a provider it does not exist."""

    methods = frozenset({"GET"})

    async def prepare(self) -> None:
        self.receive()
        if self.resources.identity_provider is None:
            raise Problem("not-found")
        if self.request.method not in self.methods:
            raise Problem("method-not-allowed")
        await self.resources.limits.count(OIDC_ADDRESS, self.client_hash)

    @property
    def provider(self) -> IdentityProvider:
        found = self.resources.identity_provider
        if found is None:
            raise Problem("not-found")
        return found

    def argument(self, name: str) -> str | None:
        """The only value of a parameter; None when there is none, or several."""
        given = self.request.arguments.get(name, [])
        with contextlib.suppress(UnicodeDecodeError):
            return given[0].decode() if len(given) == 1 else None
        return None

    def page(self, status: int, which: str) -> None:
        """An error page with a link to the sign-in page."""
        language = "es" if self.request.headers.get("Accept-Language", "").lower().startswith("es") else "en"
        words: dict[str, Any] = _WORDS[language]
        title, text = (escape(word) for word in words[which])
        self.set_status(status)
        if status == 503:
            self.set_header("Retry-After", "60")
        self.finish_page(
            f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
            "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem;"
            "color-scheme:light dark}</style>"
            f'<main><h1>{title}</h1><p>{text}</p><p><a href="/">{escape(words["back"])}</a></p></main>',
            csp=_CSP,
        )


def own_path(given: str | None) -> str:
    """A path on our own origin, ``/`` for anything else.

    >>> own_path("/#/today"), own_path("//evil.example"), own_path("/\\\\evil.example")
    ('/#/today', '/', '/')
    """
    if not given or len(given) > MAX_NEXT or given[0] != "/" or given[1:2] in {"/", "\\"}:
        return "/"
    if not given.isascii() or not given.isprintable() or "\\" in given or " " in given:
        return "/"
    return given


class OidcStartHandler(ProviderHandler):
    async def get(self) -> None:
        """To the provider: authorization code with PKCE, state and nonce."""
        state = Tokens.new_nonce()
        tokens, expires_at = self.context.tokens, utcnow() + WITHIN
        verifier = tokens.of_state(state, "verifier")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        try:
            there = await self.provider.authorization_url(
                state=state, nonce=tokens.of_state(state, "nonce"), challenge=challenge
            )
        except ProviderAway:
            self.count_sign_in("provider-away")
            self.page(503, "away")
            return
        cookie = tokens.issue_oidc(state=state, following=own_path(self.argument("next")), expires_at=expires_at)
        self.set_cookie(
            COOKIE,
            cookie,
            path=COOKIE_PATH,
            httponly=True,
            samesite="Lax",  # sent on the way back, which begins at another site
            secure=not self.settings_.plain_on_loopback,
            max_age=int(WITHIN.total_seconds()),
            expires_days=None,
        )
        self.set_header("Cache-Control", "no-store")
        self.redirect(there)


class OidcCallbackHandler(ProviderHandler):
    async def get(self) -> None:
        """Back from the provider: a session for the user who signed in there, then a redirect to ``next``."""
        cookie = self.get_cookie(COOKIE)
        self.clear_cookie(COOKIE, path=COOKIE_PATH)
        try:
            state, following = self.context.tokens.read_oidc(cookie or "")
        except InvalidToken:
            self.page(400, "over")
            return
        is_same = hmac.compare_digest((self.argument("state") or "").encode(), state.encode())
        used = hashlib.sha256(b"oidc|" + state.encode()).hexdigest()
        if not is_same or not await self.store.challenges.burn(used, until=utcnow() + WITHIN):
            self.page(400, "over")
            return
        try:
            claims = await self._claims(state)
        except ProviderAway:
            self.count_sign_in("provider-away")
            self.page(503, "away")
            return
        except ProviderRefused as refused:
            log.warning("oidc.refused", reason=str(refused))
            self.count_sign_in("wrong")
            self.page(400, "refused")
            return
        await self._sign_in(claims, following)

    async def _claims(self, state: str) -> dict[str, Any]:
        await self.provider.check_issuer(self.argument("iss"))
        code = self.argument("code")
        if code is None or self.argument("error") is not None:
            raise ProviderRefused("no code")
        tokens = self.context.tokens
        wanted = frozenset(rule.partition(":")[0] for rule in self.settings_.oidc_roles)
        return dict(
            await self.provider.claims(
                code=code,
                verifier=tokens.of_state(state, "verifier"),
                nonce=tokens.of_state(state, "nonce"),
                wanted=wanted,
            )
        )

    async def _sign_in(self, claims: dict[str, Any], following: str) -> None:
        issuer, actor = self.provider.issuer, AuditActor(role="system", request_id=self.request_id)
        role = role_of(claims, self.settings_.oidc_roles)
        if role is None:
            # A user who has lost the role is signed out here too.
            known = {"sub": claims["sub"]}
            await self.revoke(await end_provider_sessions(self.store, known, issuer=issuer, actor=actor))
            self.count_sign_in("no-role")
            self.page(403, "no-role")
            return
        account: ProviderAccount | None = None
        for _ in range(2):
            with contextlib.suppress(DuplicateKeyError):  # the same person twice at once, for the first time
                account = await account_of(
                    self.store,
                    claims,
                    role,
                    issuer=issuer,
                    timezone=self.settings_.default_timezone,
                    actor=actor,
                    now=self.now(),
                )
                break
        if account is None:
            self.page(403, "closed")
            return
        await self.revoke(account.ended)
        await self.announce(account.woken)
        try:
            session = await begin_session(self, account.user, provider=self._provider_session(claims))
        except DomainError:
            self.page(400, "over")
            return
        self.count_sign_in("right")
        refresh = self.context.tokens.refresh_token(session_id=session.id, generation=0, nonce=session.nonce)
        set_refresh_cookie(self, refresh)
        self.set_header("Cache-Control", "no-store")
        self.redirect(following)

    def _provider_session(self, claims: dict[str, Any]) -> str:
        """What a session keeps of the provider's, for the back channel; a session without an id there has one too."""
        sid = claims.get("sid")
        return self.store.identities.hash(self.provider.issuer, sid, use="session") if isinstance(sid, str) else "none"


class OidcLogoutHandler(ProviderHandler):
    methods = frozenset({"POST"})

    async def post(self) -> None:
        """Back-channel logout: the provider's session is over, and so are those that began with it."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "application/json")
        try:
            claims = await self.provider.read_logout(self.argument("logout_token") or "")
        except ProviderAway:
            raise Problem("unavailable", "The provider's keys cannot be read.", retry_after_s=30) from None
        except ProviderRefused as refused:
            log.warning("oidc.logout_refused", reason=str(refused))
            self._refuse()
            return
        used = hashlib.sha256(b"oidc-logout|" + str(claims["jti"]).encode()).hexdigest()
        if not await self.store.challenges.burn(used, until=_end_of(claims) + WITHIN):
            self._refuse()
            return
        actor = self.actor_as("system")
        await self.revoke(await end_provider_sessions(self.store, claims, issuer=self.provider.issuer, actor=actor))
        self.finish("{}")

    def _refuse(self) -> None:
        self.set_status(400)
        self.finish(json.dumps({"error": "invalid_request"}))


def _end_of(claims: Mapping[str, Any]) -> datetime:
    """Until when a logout token could be used again."""
    return utcnow() + WITHIN if "exp" not in claims else datetime.fromtimestamp(claims["exp"], utcnow().tzinfo)
