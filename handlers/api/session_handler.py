"""Starting a session after any kind of sign-in; the refresh token is in the answer or in a cookie."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Literal
from uuid import uuid4

from handlers.api.account_handler import AccountHandler
from handlers.api.account_schemas import ProofBody, RefreshBody
from handlers.base.base_handler import BaseHandler
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import FieldError
from hospital_rt.storage.database import Document, Session
from hospital_rt.storage.field_encryption import Unreadable
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import FACTOR_ACCOUNT
from hospital_rt.web.relying_party import NotGenuine, RelyingParty
from hospital_rt.web.tokens import Tokens
from models.identity.second_factors import SecondFactor
from models.services.second_factors import spend_assertion, spend_code
from models.sessions import DeviceSession
from models.users import User

COOKIE = "hrt_refresh"
COOKIE_PATH = "/api/token/"
FRESH = timedelta(minutes=10)
Within = Callable[[Session], Awaitable[None]]


class SessionTokenHandler(AccountHandler):
    """A resource that issues the refresh token, or reads it from the body or the cookie."""

    # Cookies: only refresh and revoke ever read one.

    def refresh_from(self, body: RefreshBody) -> tuple[str, bool]:
        """The refresh token and whether it came as a cookie.

        Raises:
            Problem: 403 ``cross-origin`` for a cookie from another origin, 401 for none.
        """
        if body.refresh is not None:
            return body.refresh, False
        cookie = self.get_cookie(COOKIE)
        if cookie is None:
            raise Problem("unauthenticated")
        if not self.origin_is_ours():
            raise Problem("cross-origin")
        return cookie, True

    @property
    def relying_party(self) -> RelyingParty:
        return RelyingParty(self.settings_.public_url)

    @staticmethod
    def challenge_id(challenge: str) -> str:
        """Under which a challenge is stored: a hash, as of every secret that a client holds."""
        return hashlib.sha256(b"challenge|" + challenge.encode("utf-8", "replace")).hexdigest()

    def password_mark(self, user: User) -> str:
        """A keyed hash that changes with the password and does not reveal it."""
        return self.context.tokens.keyed_hash(b"mark", user.id.encode(), user.password_hash.encode())

    async def check_proof(self, body: ProofBody) -> User:
        """The user signed in, who shows again who they are: before what cannot be taken back.

        Raises:
            Problem: 403 ``wrong-password`` or ``wrong-factor``, 422 for none or several, 429 after too many tries.
        """
        given = [name for name in ("password", "code", "assertion") if getattr(body, name) is not None]
        if not given:  # the provider's people have no password here: it has just confirmed who this is
            session = await self._fresh_session()
            if session and session.provider is not None:
                return await self.store.users.read_row(self.who.row)
        if len(given) != 1:
            raise Problem("invalid", errors=(FieldError("#", "Give a password, a code or an assertion."),))
        if body.password is not None:
            return await self.check_current(body.password)
        user = await self.store.users.read_row(self.who.row)
        limits, key = self.resources.limits, self.context.tokens.keyed_hash(b"proof", user.id.encode())
        await limits.count(FACTOR_ACCOUNT, key)

        async def work(session: Session) -> bool:
            if body.code is not None:
                return await spend_code(self.store, user.id, body.code, session=session) is not None
            return await self.spend_passkey(user, body.assertion or {}, challenge=None, session=session)

        if not await self.store.transaction(work):
            self.audit_later("second_factor.failed", user.id, by=self.actor)
            raise Problem("wrong-factor")
        await limits.reset(FACTOR_ACCOUNT, key)
        return user

    async def check_recent(self, body: ProofBody) -> None:
        """That the user has shown who they are of late: by signing in, or in this body.

        Raises:
            Problem: 403 ``proof-required``, or as :meth:`check_proof` for a proof that is wrong.
        """
        if any(value is not None for value in (body.password, body.code, body.assertion)):
            await self.check_proof(body)
        elif not await self._fresh_session():
            raise Problem("proof-required", "Send a password, a code or an assertion, or sign in again.")

    def proofs(self, user: User, factors: Sequence[SecondFactor]) -> list[str]:
        """By what this user can show again who they are: the members of :class:`ProofBody`."""
        kinds = {factor.kind for factor in factors}
        return [
            *(["password"] if user.password_hash else []),
            *(["code"] if kinds else []),  # of an app, or a recovery code
            *(["assertion"] if "passkey" in kinds else []),
        ]

    async def _fresh_session(self) -> DeviceSession | None:
        """The caller's session, if it began of late."""
        session = await self.store.sessions.get(self.who.session_id)
        return session if session and utcnow() - session.created_at <= FRESH else None

    async def spend_passkey(self, user: User, answer: Document, *, challenge: str | None, session: Session) -> bool:
        """Whether a passkey of this user signed the challenge; None: one of `POST /api/passkeys/options/`."""
        try:
            assertion = self.relying_party.read_assertion(answer)
        except NotGenuine:
            return False
        factors = await self.store.second_factors.of_user(user.id, session=session)
        factor = next((one for one in factors if one.credential_id == assertion.credential_id), None)
        if factor is None:
            return False
        if challenge is None:
            challenge, id = assertion.challenge, self.challenge_id(assertion.challenge)
            if not await self.store.challenges.close_open(id, now=utcnow(), session=session):
                return False
        return await spend_assertion(
            self.store, self.relying_party, factor, assertion, challenge=challenge, alone=False, session=session
        )

    def respond_signed_in(self, user: User, session: DeviceSession, where: Literal["body", "cookie"]) -> None:
        self.count_sign_in("right")
        self.respond_tokens(session, generation=0, in_cookie=where == "cookie", more={"user": user.as_json()})

    def respond_tokens(
        self, session: DeviceSession, *, generation: int, in_cookie: bool, more: Document | None = None
    ) -> None:
        """An access token, and the refresh token of this generation in the body or in the cookie."""
        tokens = self.context.tokens
        refresh = tokens.refresh_token(session_id=session.id, generation=generation, nonce=session.nonce)
        response: Document = {
            "access": tokens.issue_access(user_id=session.user_id, session_id=session.id, now=utcnow()),
            "expires_in": tokens.access_s,
            **(more or {}),
        }
        if in_cookie:
            set_refresh_cookie(self, refresh)
        else:
            response["refresh"] = refresh
        self.respond(response)


async def begin_session(
    handler: BaseHandler,
    user: User,
    *,
    newer_hash: str | None = None,
    within: Within | None = None,
    provider: str | None = None,
) -> DeviceSession:
    """A session for a user who has just been authenticated, unless the password was changed or the account closed
    since: both end every session, and a sign-in in progress must not add one.

    Args:
        newer_hash: of the password that was just found right.
        within: what else belongs to this sign-in, in the same transaction, such as spending a code.
        provider: the identity provider's session, when the sign-in comes from there.

    Raises:
        Problem: 401 as for a wrong password.
    """
    store, settings = handler.store, handler.settings_
    id, nonce = str(uuid4()), Tokens.new_nonce()
    actor = handler.actor_as(user.role, user_id=user.id, session_id=id)
    device = handler.request.headers.get("User-Agent", "")[:200]
    changes = {"password_hash": newer_hash or user.password_hash, "seen_at": handler.now()}

    async def work(session: Session) -> DeviceSession:
        as_it_was = {"password_hash": user.password_hash, "status": user.status}
        if not await store.users.compare_and_update(user.id, as_it_was, changes, session=session):
            raise Problem("wrong-credentials")
        if within is not None:
            await within(session)
        await store.audit.write(actor, "session.begun", of=[user.id], session=session)
        sealed = await store.vault.seal(user.id, f"sessions|{id}|device", device) if device else None
        return await store.sessions.start(
            user_id=user.id,
            nonce=nonce,
            now=utcnow(),
            refresh_s=min(settings.refresh_token_seconds, settings.session_max_seconds),
            session_id=id,
            sealed_device=sealed,
            provider=provider,
            session=session,
        )

    try:
        return await store.transaction(work)
    except Unreadable:  # erased a moment ago
        raise Problem("wrong-credentials") from None


def set_refresh_cookie(handler: BaseHandler, refresh: str) -> None:
    """The refresh token where no script can read it."""
    handler.set_cookie(
        COOKIE,
        refresh,
        path=COOKIE_PATH,
        httponly=True,
        samesite="Strict",
        secure=not handler.settings_.plain_on_loopback,
        max_age=handler.settings_.refresh_token_seconds,
        expires_days=None,
    )
