"""Signing in and staying signed in: access and refresh tokens, in the answer or with the refresh in a cookie."""

from __future__ import annotations

from uuid import uuid4

from tornado.web import RequestHandler

from handlers.api.account_handler import AccountHandler
from handlers.api.account_schemas import RefreshBody, RefreshedView, TokenBody, TokensView
from handlers.base.operation import Operation
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import DomainError
from hospital_rt.domain.normalize import normal_email
from hospital_rt.storage.database import Session
from hospital_rt.storage.field_encryption import Unreadable
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import LOG_IN_ACCOUNT, LOG_IN_ADDRESS, REFRESH_ADDRESS
from hospital_rt.web.tokens import InvalidToken, Tokens
from models.audit import Trace
from models.sessions import GRACE, DeviceSession
from models.users import User

COOKIE = "hrt_refresh"
COOKIE_PATH = "/api/token/"


class SessionTokenHandler(AccountHandler):
    """A resource that knows the refresh token, in the body or in the cookie."""

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

    def give_cookie(self, refresh: str) -> None:
        max_age_s = self.settings_.refresh_token_seconds
        set_refresh_cookie(self, refresh, secure=not self.settings_.plain_on_loopback, max_age_s=max_age_s)


def set_refresh_cookie(handler: RequestHandler, refresh: str, *, secure: bool, max_age_s: int) -> None:
    """The refresh token where no script can read it."""
    handler.set_cookie(
        COOKIE,
        refresh,
        path=COOKIE_PATH,
        httponly=True,
        samesite="Strict",
        secure=secure,
        max_age=max_age_s,
        expires_days=None,
    )


class TokenHandler(SessionTokenHandler):
    operations = {
        "POST": Operation(
            who="anyone",
            body=TokenBody,
            answers={200: TokensView},
            problems=("wrong-credentials", "email-unverified", "rate-limited", "busy"),
        )
    }

    async def post(self) -> None:
        """Sign in. The same answer, in the same time, for an unknown address and a wrong password."""
        body = self.body(TokenBody)
        try:
            email = normal_email(body.email)
        except ValueError:
            email = body.email
        limits, account = self.context.app.resources.limits, self.account_hash(email)
        await self.limit_address(LOG_IN_ADDRESS)
        try:
            await limits.count(LOG_IN_ACCOUNT, account)
        except DomainError:
            self._count("locked")
            self.context.dispatcher.later(self._note_locked(email))
            raise
        row = await self.store.users.row_by_email(email)
        held = row["password_hash"] if row and row["status"] != "deactivated" else None
        right, newer = await self.context.app.resources.passwords.verify(body.password, held or None)
        if row is None or not right:
            self._count("wrong")
            self.note_later("sign_in.failed", str(row["_id"]) if row else None)
            raise Problem("wrong-credentials")
        user = await self.store.users.read_row(row)
        await limits.forgive(LOG_IN_ACCOUNT, account)
        if not user.email_confirmed:
            raise Problem("email-unverified", "Open the link in the letter that we sent.")
        session = await self._start_session(user, newer)
        self._count("right")
        refresh = self.context.tokens.refresh_token(session_id=session.id, generation=0, nonce=session.nonce)
        answer = {
            "access": self.context.tokens.issue_access(user_id=user.id, session_id=session.id, now=utcnow()),
            "expires_in": self.context.tokens.access_s,
            "user": user.as_json(),
        }
        if body.session == "cookie":
            self.give_cookie(refresh)
        else:
            answer["refresh"] = refresh
        self.respond(answer)

    def _count(self, outcome: str) -> None:
        self.context.app.resources.metrics.sign_ins.labels(outcome).inc()

    async def _note_locked(self, email: str) -> None:
        row = await self.store.users.row_by_email(email)
        self.note_later("sign_in.locked", str(row["_id"]) if row else None)

    async def _start_session(self, user: User, newer: str | None) -> DeviceSession:
        """A session for the password that was just found right, unless it has been changed, or the account closed,
        since: whoever does so ends every session, and none may come up behind their back.

        Raises:
            Problem: 401 as for a wrong password.
        """
        id, nonce = str(uuid4()), Tokens.new_nonce()
        device = self.request.headers.get("User-Agent", "")[:200]
        changes = {"password_hash": newer or user.password_hash, "seen_at": self.now()}

        async def work(session: Session) -> DeviceSession:
            as_it_was = {"password_hash": user.password_hash, "status": user.status}
            if not await self.store.users.compare_and_update(user.id, as_it_was, changes, session=session):
                raise Problem("wrong-credentials")
            trace = self.trace_by(user, session_id=id)
            await self.store.audit.write(trace, "session.begun", of=[user.id], session=session)
            sealed = await self.store.vault.seal(user.id, f"sessions|{id}|device", device) if device else None
            return await self.store.sessions.start(
                user_id=user.id,
                nonce=nonce,
                now=utcnow(),
                refresh_s=self.settings_.refresh_token_seconds,
                session_id=id,
                sealed_device=sealed,
                session=session,
            )

        try:
            return await self.store.transaction(work)
        except Unreadable:  # erased a moment ago
            raise Problem("wrong-credentials") from None


class RefreshHandler(SessionTokenHandler):
    operations = {
        "POST": Operation(
            who="anyone",
            body=RefreshBody,
            body_optional=True,
            answers={200: RefreshedView},
            problems=("unauthenticated", "cross-origin", "rate-limited"),
        )
    }

    async def post(self) -> None:
        """Stay signed in: the refresh token is spent and a new one given. Using an old one later ends the family."""
        token, by_cookie = self.refresh_from(self.body(RefreshBody))
        await self.limit_address(REFRESH_ADDRESS)
        try:
            session, generation = await self._successor(token)
            row = await self.store.users.row(session.user_id)
            if row is None or row["status"] == "deactivated":
                raise Problem("unauthenticated")
        except DomainError:
            if by_cookie:
                self.clear_cookie(COOKIE, path=COOKIE_PATH)
            raise
        answer = {
            "access": self.context.tokens.issue_access(user_id=session.user_id, session_id=session.id, now=utcnow()),
            "expires_in": self.context.tokens.access_s,
        }
        refresh = self.context.tokens.refresh_token(session_id=session.id, generation=generation, nonce=session.nonce)
        if by_cookie:
            self.give_cookie(refresh)
        else:
            answer["refresh"] = refresh
        self.respond(answer)

    async def _successor(self, token: str) -> tuple[DeviceSession, int]:
        tokens, sessions = self.context.tokens, self.store.sessions
        try:
            refresh = tokens.read_refresh(token)
        except InvalidToken:
            raise Problem("unauthenticated") from None
        for _ in range(3):
            now = utcnow()
            session = await sessions.get(refresh.session_id)
            if session is None or session.ended_at or session.expires_at <= now:
                raise Problem("unauthenticated")
            if not tokens.is_genuine(refresh, nonce=session.nonce) or refresh.generation > session.generation:
                raise Problem("unauthenticated")
            if refresh.generation == session.generation:
                if await sessions.rotate(session, now=now, refresh_s=self.settings_.refresh_token_seconds):
                    return session, refresh.generation + 1
                continue
            if refresh.generation == session.generation - 1 and now - session.rotated_at <= GRACE:
                return session, session.generation
            await self._end_family(session)
            raise Problem("unauthenticated")
        raise Problem("unauthenticated")

    async def _end_family(self, session: DeviceSession) -> None:
        """Somebody used an old token: whoever holds this family, it is over."""
        if await self.store.sessions.end(session.id, user_id=session.user_id, now=utcnow()):
            await self.revoke([session.id])
            letter_id = await self.write_letter(session.user_id, "sign-in-reused")
            await self.context.dispatcher.send_letter(letter_id)
            trace = Trace(
                role="stranger", session_id=session.id, request_id=self.request_id, address=self.client_address
            )
            await self.store.audit.write(trace, "session.reused", of=[session.user_id])


class RevokeHandler(SessionTokenHandler):
    operations = {
        "POST": Operation(
            who="anyone",
            body=RefreshBody,
            body_optional=True,
            answers={204: None},
            problems=("unauthenticated", "cross-origin", "rate-limited"),
        )
    }

    async def post(self) -> None:
        """Sign out: the session's tokens and sockets end."""
        token, by_cookie = self.refresh_from(self.body(RefreshBody))
        await self.limit_address(REFRESH_ADDRESS)
        if by_cookie:
            self.clear_cookie(COOKIE, path=COOKIE_PATH)
        try:
            refresh = self.context.tokens.read_refresh(token)
        except InvalidToken:
            self.respond(status=204)
            return
        session = await self.store.sessions.get(refresh.session_id)
        if session and self.context.tokens.is_genuine(refresh, nonce=session.nonce):
            user = await self.store.users.row(session.user_id)
            if user is not None:
                trace = Trace(
                    role=user["role"],
                    user_id=session.user_id,
                    session_id=session.id,
                    request_id=self.request_id,
                    address=self.client_address,
                )
                await self.sign_out(session.id, trace)
        self.respond(status=204)
