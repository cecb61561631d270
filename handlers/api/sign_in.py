"""Signing in and staying signed in: by password and second factor, by a passkey alone, by a refresh token."""

from __future__ import annotations

from datetime import timedelta

from handlers.api.account_schemas import (
    PasskeyOptionsView,
    RefreshBody,
    RefreshedView,
    SecondStepBody,
    TokenBody,
    TokensView,
)
from handlers.api.schemas import NothingBody
from handlers.api.session_handler import COOKIE, COOKIE_PATH, SessionTokenHandler, begin_session
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import DomainError, FieldError
from hospital_rt.domain.normalize import normal_email
from hospital_rt.storage.database import Document, Session
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import (
    FACTOR_ACCOUNT,
    FACTOR_ADDRESS,
    LOG_IN_ACCOUNT,
    LOG_IN_ADDRESS,
    PASSKEY_ADDRESS,
    REFRESH_ADDRESS,
)
from hospital_rt.web.relying_party import NotGenuine
from hospital_rt.web.tokens import InvalidToken, Tokens
from models.audit import AuditActor
from models.identity.challenges import Challenge
from models.services.second_factors import end_factors, is_reset_due, spend_assertion, spend_code
from models.sessions import GRACE, DeviceSession
from models.users import User


class TokenHandler(SessionTokenHandler):
    @Operation(
        allow="anyone",
        responses={200: TokensView},
        problems=(
            "wrong-credentials",
            "second-factor",
            "email-unverified",
            "password-sign-in-off",
            "rate-limited",
            "busy",
        ),
    )
    async def post(self, body: TokenBody) -> None:
        """Sign in, by address and password or by a passkey. The same answer, in the same time, for an unknown address
        and a wrong password. Where a second factor is set up, 401 `second-factor` has a `challenge`, the `kinds` that
        are set up and, for passkeys, the `options` to hand to the browser.
        """
        if body.assertion is not None:
            user, session = await self._by_passkey(body.assertion)
        else:
            user, session = await self._by_password(body)
        self.respond_signed_in(user, session, body.session)

    async def _by_password(self, body: TokenBody) -> tuple[User, DeviceSession]:
        given = {"email": body.email, "password": body.password}
        if body.email is None or body.password is None:
            missing = [FieldError(f"#/{name}", "Field required") for name, value in given.items() if value is None]
            raise Problem("invalid", errors=tuple(missing))
        try:
            email = normal_email(body.email)
        except ValueError:
            email = body.email
        limits, account = self.resources.limits, self.account_hash(email)
        await self.limit_address(LOG_IN_ADDRESS)
        try:
            await limits.count(LOG_IN_ACCOUNT, account)
        except DomainError:
            self.count_sign_in("locked")
            self.context.dispatcher.run_in_background(self._audit_locked(email))
            raise
        row = await self.store.users.row_by_email(email)
        held = row["password_hash"] if row and row["status"] != "deactivated" else None
        right, newer = await self.resources.passwords.verify(body.password, held or None)
        if row is None or not right:
            self.count_sign_in("wrong")
            self.audit_later("sign_in.failed", str(row["_id"]) if row else None)
            raise Problem("wrong-credentials")
        user = await self.store.users.read_row(row)
        await limits.reset(LOG_IN_ACCOUNT, account)
        if not user.email_confirmed:
            raise Problem("email-unverified", "Open the link in the letter that we sent.")
        self.check_password_sign_in(user.role)
        if row.get("second_factor"):
            await self._ask_second_factor(user, row)
        return user, await begin_session(self, user, newer_hash=newer)

    async def _audit_locked(self, email: str) -> None:
        row = await self.store.users.row_by_email(email)
        self.audit_later("sign_in.locked", str(row["_id"]) if row else None)

    async def _ask_second_factor(self, user: User, row: Document) -> None:
        """Returns when there is no second factor to ask for.

        Raises:
            Problem: 401 ``second-factor``, with the challenge.
        """
        if is_reset_due(row.get("factors_end_at"), now=utcnow()):
            await self.revoke(await end_factors(self.store, user.id, actor=AuditActor(role="system")))
        factors = await self.store.second_factors.of_user(user.id)
        if not factors:
            return
        challenge = Tokens.new_nonce()
        mark = self.password_mark(user)
        await self.store.challenges.open(
            self.challenge_id(challenge), user_id=user.id, password_mark=mark, now=utcnow()
        )
        kinds = {factor.kind for factor in factors}
        more: Document = {"challenge": challenge, "kinds": sorted({*kinds, "recovery"})}
        passkeys = [factor.credential_id for factor in factors if factor.credential_id]
        if passkeys:
            more["options"] = self.relying_party.request_options(challenge=challenge, allowed=passkeys)
        self.count_sign_in("second-factor")
        raise Problem("second-factor", "Send a code or a passkey's assertion with this challenge.", more=more)

    async def _by_passkey(self, answer: Document) -> tuple[User, DeviceSession]:
        """A passkey alone: the device has verified its user, so it is both factors.

        Raises:
            Problem: 401, whatever is wrong.
        """
        await self.limit_address(PASSKEY_ADDRESS)
        try:
            assertion = self.relying_party.read_assertion(answer)
        except NotGenuine:
            raise Problem("wrong-credentials") from None
        challenge = await self.store.challenges.attempt(self.challenge_id(assertion.challenge), now=utcnow())
        if challenge is None or challenge.user_id is not None:
            raise Problem("wrong-credentials")
        factor = await self.store.second_factors.by_credential(assertion.credential_id)
        user = await self.store.users.get(factor.user_id) if factor else None
        if factor is None or user is None or user.status == "deactivated" or not user.email_confirmed:
            raise Problem("wrong-credentials")
        if assertion.user_id not in {None, user.id}:
            raise Problem("wrong-credentials")

        self.check_password_sign_in(user.role)

        async def within(session: Session) -> None:
            right = await spend_assertion(
                self.store,
                self.relying_party,
                factor,
                assertion,
                challenge=assertion.challenge,
                alone=True,
                session=session,
            )
            if not right or not await self.store.challenges.close(challenge.id, session=session):
                raise Problem("wrong-credentials")
            await self.store.users.update(user.id, {"factors_end_at": None}, session=session)

        try:
            return user, await begin_session(self, user, within=within)
        except Problem:
            self.count_sign_in("wrong")
            self.audit_later("sign_in.failed", user.id)
            raise


class SecondStepHandler(SessionTokenHandler):
    @Operation(
        allow="anyone",
        responses={200: TokensView},
        problems=("wrong-code", "challenge-ended", "wrong-credentials", "rate-limited"),
    )
    async def post(self, body: SecondStepBody) -> None:
        """Sign in with the second factor: the challenge of `POST /api/token/` with a code (of an authenticator app, or
        a recovery code) or with a passkey's assertion. Five wrong ones void the challenge; a code works once.
        """
        if (body.code is None) == (body.assertion is None):
            raise Problem("invalid", errors=(FieldError("#/code", "Give a code or an assertion."),))
        await self.limit_address(FACTOR_ADDRESS)
        challenge = await self.store.challenges.attempt(self.challenge_id(body.challenge), now=utcnow())
        if challenge is None or challenge.user_id is None:
            raise Problem("challenge-ended")
        limits = self.resources.limits
        account = self.context.tokens.keyed_hash(b"factor", challenge.user_id.encode())
        await limits.count(FACTOR_ACCOUNT, account)
        user = await self.store.users.get(challenge.user_id)
        if user is None or user.status == "deactivated" or self.password_mark(user) != challenge.password_mark:
            raise Problem("challenge-ended")
        letters: list[str] = []

        async def within(session: Session) -> None:
            letters.clear()  # the transaction may run again
            if body.code is not None:
                kind = await spend_code(self.store, user.id, body.code, session=session)
                if kind == "recovery":
                    letters.append(await self._write_recovery_letter(user, session=session))
                is_right = kind is not None
            else:
                answer = body.assertion or {}
                is_right = await self.spend_passkey(user, answer, challenge=body.challenge, session=session)
            if not is_right:
                raise Problem("wrong-code")
            if not await self.store.challenges.close(challenge.id, session=session):
                raise Problem("challenge-ended")
            await self.store.users.update(user.id, {"factors_end_at": None}, session=session)

        try:
            session = await begin_session(self, user, within=within)
        except Problem as refused:
            await self._audit_wrong_code(user, challenge, refused)
            raise
        await limits.reset(FACTOR_ACCOUNT, account)
        for letter_id in letters:
            await self.context.dispatcher.send_letter(letter_id)
        self.respond_signed_in(user, session, body.session)

    async def _write_recovery_letter(self, user: User, *, session: Session) -> str:
        await self.store.audit.write(self.actor_for(user), "recovery_code.used", of=[user.id], session=session)
        return await self.write_letter(user.id, "recovery-code-used", session=session)

    async def _audit_wrong_code(self, user: User, challenge: Challenge, refused: Problem) -> None:
        """The password was right: the failure is audited, and after five the user gets a letter."""
        if refused.slug != "wrong-code":
            return
        self.count_sign_in("wrong")
        self.audit_later("second_factor.failed", user.id)
        if challenge.tries_left == 0:
            await self.store.challenges.close(challenge.id)
            await self.context.dispatcher.send_letter(await self.write_letter(user.id, "second-factor-guessed"))


class PasskeyOptionsHandler(SessionTokenHandler):
    @Operation(allow="anyone", body_optional=True, responses={200: PasskeyOptionsView}, problems=("rate-limited",))
    async def post(self, body: NothingBody) -> None:
        """Options for a passkey's assertion (WebAuthn), for signing in with it alone or for showing again who you are.
        Any passkey that the device offers for this site may answer, within five minutes.
        """
        await self.limit_address(PASSKEY_ADDRESS)
        challenge = Tokens.new_nonce()
        await self.store.challenges.open(self.challenge_id(challenge), user_id=None, password_mark=None, now=utcnow())
        self.respond({"options": self.relying_party.request_options(challenge=challenge)})


class RefreshHandler(SessionTokenHandler):
    @Operation(
        allow="anyone",
        body_optional=True,
        responses={200: RefreshedView},
        problems=("unauthenticated", "cross-origin", "rate-limited"),
    )
    async def post(self, body: RefreshBody) -> None:
        """Stay signed in: the refresh token is spent and a new one given. Using an old one later ends the family."""
        token, by_cookie = self.refresh_from(body)
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
        self.respond_tokens(session, generation=generation, in_cookie=by_cookie)

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
            if now - session.created_at >= timedelta(seconds=self.settings_.session_max_seconds):
                raise Problem("unauthenticated")
            if not tokens.is_genuine(refresh, nonce=session.nonce) or refresh.generation > session.generation:
                raise Problem("unauthenticated")
            if refresh.generation == session.generation:
                lives_s = {
                    "refresh_s": self.settings_.refresh_token_seconds,
                    "max_s": self.settings_.session_max_seconds,
                }
                if await sessions.rotate(session, now=now, **lives_s):
                    return session, refresh.generation + 1
                continue
            if refresh.generation == session.generation - 1 and now - session.rotated_at <= GRACE:
                return session, session.generation
            await self._end_family(session)
            raise Problem("unauthenticated")
        raise Problem("unauthenticated")

    async def _end_family(self, session: DeviceSession) -> None:
        """An old token was used: end its whole family of sessions."""
        if await self.store.sessions.revoke(session.id, user_id=session.user_id, now=utcnow()):
            await self.revoke([session.id])
            letter_id = await self.write_letter(session.user_id, "sign-in-reused")
            await self.context.dispatcher.send_letter(letter_id)
            actor = self.actor_as("stranger", session_id=session.id)
            await self.store.audit.write(actor, "session.reused", of=[session.user_id])


class RevokeHandler(SessionTokenHandler):
    @Operation(
        allow="anyone",
        body_optional=True,
        responses={204: None},
        problems=("unauthenticated", "cross-origin", "rate-limited"),
    )
    async def post(self, body: RefreshBody) -> None:
        """Sign out: the session's tokens and sockets end."""
        token, by_cookie = self.refresh_from(body)
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
                actor = self.actor_as(user["role"], user_id=session.user_id, session_id=session.id)
                await self.sign_out(session.id, actor)
        self.respond(status=204)
