"""Accounts: sign up, sign in, stay signed in, choose a new password, change or leave."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

from pymongo.errors import DuplicateKeyError
from tornado.web import RequestHandler

from handlers.base import ApiHandler
from handlers.operation import Operation
from handlers.paging import page
from handlers.shapes import (
    AcceptedView,
    ChangeMeBody,
    ChangePasswordBody,
    DeviceView,
    ForgotPasswordBody,
    LeaveBody,
    RefreshBody,
    RefreshedView,
    ResetPasswordBody,
    SignUpBody,
    TokenBody,
    TokensView,
    UserView,
    VerifyEmailBody,
    normal_email,
)
from hospital_rt.clock import to_wire, utcnow
from hospital_rt.database import Session
from hospital_rt.limits import (
    LINK_ADDRESS,
    LOG_IN_ACCOUNT,
    LOG_IN_ADDRESS,
    MAIL_ACCOUNT,
    MAIL_ADDRESS,
    REFRESH_ADDRESS,
    SIGN_UP_ADDRESS,
)
from hospital_rt.passwords import is_common
from hospital_rt.problems import Problem, invalid
from hospital_rt.tokens import InvalidToken, Tokens
from hospital_rt.vault import Unreadable
from models.acts.accounts import change_settings, leave_for_good
from models.letters import LetterKind, Link, LinkUse
from models.sessions import GRACE, SignIn
from models.users import User

COOKIE = "hrt_refresh"
COOKIE_PATH = "/api/token/"
QUIET_ANSWER_S = 0.15


class AccountHandler(ApiHandler):
    """What sign-up, sign-in and passwords share."""

    async def limit_address(self, limit: object) -> None:
        await self.doors.house.resources.limits.count(limit, self.client_hash)  # type: ignore[arg-type]

    def account_hash(self, email: str) -> str:
        return self.doors.tokens.keyed_hash(b"account", email.encode())

    @staticmethod
    def check_new_password(password: str, *, email: str = "", name: str = "", pointer: str = "#/password") -> None:
        """Length is the shape's; here is what too many others would choose.

        Raises:
            Problem: 422.
        """
        if is_common(password, email=email, name=name):
            raise invalid(pointer, "Many people use this password. Choose another one.")

    async def no_sooner(self) -> None:
        """Answer no sooner than after a set time, so that what was found or written does not show in it."""
        await asyncio.sleep(max(0.0, QUIET_ANSWER_S - (time.perf_counter() - self.began)))

    async def write_letter(
        self, user_id: str, kind: LetterKind, *, use: LinkUse | None = None, session: Session = None
    ) -> str:
        """Put a letter into the outbox, with a fresh one-time link if it carries one; its id."""
        now, link_id = utcnow(), None
        if use:
            link_id = str(uuid4())
            token = self.doors.tokens.link_token(use=use, link_id=link_id)
            await self.store.letters.make_link(
                link_id=link_id, user_id=user_id, use=use, token_hash=Tokens.hash_link(token), now=now, session=session
            )
        return await self.store.letters.write(user_id=user_id, kind=kind, link_id=link_id, now=now, session=session)

    async def find_link(self, token: str, use: LinkUse) -> Link:
        link = await self.store.letters.find_link(Tokens.hash_link(token), use=use, now=utcnow())
        if link is None:
            raise Problem("invalid-token")
        return link

    async def revoke(self, sessions: list[str] | tuple[str, ...]) -> None:
        await self.doors.house.resources.wakeups.revoke(sessions)

    async def check_current(self, password: str) -> User:
        """The user, if the password is theirs.

        Raises:
            Problem: 403 ``wrong-password``, 429 after too many tries.
        """
        user = await self.store.users.read_row(dict(self.who.row))
        limits, key = self.doors.house.resources.limits, self.doors.tokens.keyed_hash(b"current", user.id.encode())
        await limits.count(LOG_IN_ACCOUNT, key)
        right, _ = await self.doors.house.resources.passwords.verify(password, user.password_hash)
        if not right:
            raise Problem("wrong-password")
        await limits.forgive(LOG_IN_ACCOUNT, key)
        return user

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
        COOKIE, refresh, path=COOKIE_PATH, httponly=True, samesite="Strict", secure=secure, max_age=max_age_s,
        expires_days=None,
    )  # fmt: skip


class SignUpHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="anyone", body=SignUpBody, answers={201: UserView, 202: AcceptedView},
            problems=("email-taken", "rate-limited", "busy"),
        )
    }  # fmt: skip

    async def post(self) -> None:
        """Sign up. Where addresses are confirmed the answer is always 202, and a letter tells the rest."""
        body = self.body(SignUpBody)
        self.check_new_password(body.password, email=body.email, name=body.name)
        await self.limit_address(SIGN_UP_ADDRESS)
        settings, resources = self.settings_, self.doors.house.resources
        pending = body.role == "doctor" and settings.doctors_need_approval
        user = User(
            id=str(uuid4()), role=body.role, status="pending" if pending else "active", name=body.name,
            email=body.email, password_hash=await resources.passwords.hash(body.password),
            timezone=body.timezone or settings.default_timezone, reminder_time="09:00", language=body.language,
            created_at=utcnow(), email_confirmed=not settings.verifies_email,
        )  # fmt: skip
        if settings.verifies_email:
            await self._sign_up_quietly(user)
            return

        async def work(session: Session) -> None:
            await self.store.users.insert(user, session=session)

        try:
            await self.store.transaction(work)
        except DuplicateKeyError:
            raise Problem("email-taken") from None
        self.respond(user.as_json(), status=201)

    async def _sign_up_quietly(self, user: User) -> None:
        """The same answer whether or not the address is known: the letter to it tells."""

        async def work(session: Session) -> str:
            held = await self.store.users.by_email(user.email or "", session=session)
            if held and held.email_confirmed:
                return await self.write_letter(held.id, "already", session=session)
            if held:
                await self.store.letters.void(held.id, session=session)
                await self.store.users.remove(held.id, session=session)
            await self.store.users.insert(user, session=session)
            return await self.write_letter(user.id, "verify", use="verify", session=session)

        letter_id = await self.store.transaction(work)
        await self.doors.errands.send_letter(letter_id)
        await self.no_sooner()
        self.respond({"detail": "If all is well, a letter to this address tells the rest."}, status=202)


class VerifyEmailHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="anyone", body=VerifyEmailBody, answers={204: None}, problems=("invalid-token", "rate-limited", "busy")
        )
    }

    async def post(self) -> None:
        """Confirm an address, by the link in its letter and the password chosen at sign-up."""
        body = self.body(VerifyEmailBody)
        await self.limit_address(LINK_ADDRESS)
        link = await self.store.letters.find_link(Tokens.hash_link(body.token), use="verify", now=utcnow())
        user = await self.store.users.get(link.user_id) if link else None
        hashed = user.password_hash if user else None
        right, _ = await self.doors.house.resources.passwords.verify(body.password, hashed)
        if link is None or user is None or not right:
            raise Problem("invalid-token")

        async def work(session: Session) -> bool:
            if not await self.store.letters.spend_link(link.id, session=session):
                return False
            await self.store.users.update(user.id, {"email_confirmed": True}, session=session)
            return True

        if not await self.store.transaction(work):
            raise Problem("invalid-token")
        self.respond(status=204)


class TokenHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="anyone", body=TokenBody, answers={200: TokensView},
            problems=("wrong-credentials", "email-unverified", "rate-limited", "busy"),
        )
    }  # fmt: skip

    async def post(self) -> None:
        """Sign in. The same answer, in the same time, for an unknown address and a wrong password."""
        body = self.body(TokenBody)
        try:
            email = normal_email(body.email)
        except ValueError:
            email = body.email
        limits, account = self.doors.house.resources.limits, self.account_hash(email)
        await self.limit_address(LOG_IN_ADDRESS)
        await limits.count(LOG_IN_ACCOUNT, account)
        row = await self.store.users.row_by_email(email)
        held = row["password_hash"] if row and row["status"] != "deactivated" else None
        right, newer = await self.doors.house.resources.passwords.verify(body.password, held or None)
        if row is None or not right:
            raise Problem("wrong-credentials")
        user = await self.store.users.read_row(row)
        await limits.forgive(LOG_IN_ACCOUNT, account)
        if not user.email_confirmed:
            raise Problem("email-unverified", "Open the link in the letter that we sent.")
        if newer:
            await self.store.users.compare_and_update(
                user.id, {"password_hash": user.password_hash}, {"password_hash": newer}, session=None
            )
        session = await self._start_session(user)
        refresh = self.doors.tokens.refresh_token(session_id=session.id, generation=0, nonce=session.nonce)
        answer = {
            "access": self.doors.tokens.issue_access(user_id=user.id, session_id=session.id, now=utcnow()),
            "expires_in": self.doors.tokens.access_s, "user": user.as_json(),
        }  # fmt: skip
        if body.session == "cookie":
            self.give_cookie(refresh)
        else:
            answer["refresh"] = refresh
        self.respond(answer)

    async def _start_session(self, user: User) -> SignIn:
        id = str(uuid4())
        device = self.request.headers.get("User-Agent", "")[:200]
        sealed = await self.store.vault.seal(user.id, f"sessions|{id}|device", device) if device else None
        return await self.store.sessions.start(
            user_id=user.id, nonce=Tokens.new_nonce(), now=utcnow(), refresh_s=self.settings_.refresh_token_seconds,
            session_id=id, sealed_device=sealed,
        )  # fmt: skip


class RefreshHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="anyone", body=RefreshBody, body_optional=True, answers={200: RefreshedView},
            problems=("unauthenticated", "cross-origin", "rate-limited"),
        )
    }  # fmt: skip

    async def post(self) -> None:
        """Stay signed in: the refresh token is spent and a new one given. Using an old one later ends the family."""
        token, by_cookie = self.refresh_from(self.body(RefreshBody))
        await self.limit_address(REFRESH_ADDRESS)
        session, generation = await self._successor(token)
        row = await self.store.users.row(session.user_id)
        if row is None or row["status"] == "deactivated":
            raise Problem("unauthenticated")
        answer = {
            "access": self.doors.tokens.issue_access(user_id=session.user_id, session_id=session.id, now=utcnow()),
            "expires_in": self.doors.tokens.access_s,
        }
        refresh = self.doors.tokens.refresh_token(session_id=session.id, generation=generation, nonce=session.nonce)
        if by_cookie:
            self.give_cookie(refresh)
        else:
            answer["refresh"] = refresh
        self.respond(answer)

    async def _successor(self, token: str) -> tuple[SignIn, int]:
        tokens, sessions = self.doors.tokens, self.store.sessions
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

    async def _end_family(self, session: SignIn) -> None:
        """Somebody used an old token: whoever holds this family, it is over."""
        if await self.store.sessions.end(session.id, user_id=session.user_id, now=utcnow()):
            await self.revoke([session.id])
            letter_id = await self.write_letter(session.user_id, "sign-in-reused")
            await self.doors.errands.send_letter(letter_id)


class RevokeHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="anyone", body=RefreshBody, body_optional=True, answers={204: None},
            problems=("unauthenticated", "cross-origin", "rate-limited"),
        )
    }  # fmt: skip

    async def post(self) -> None:
        """Sign out: the session's tokens and sockets end."""
        token, by_cookie = self.refresh_from(self.body(RefreshBody))
        await self.limit_address(REFRESH_ADDRESS)
        if by_cookie:
            self.clear_cookie(COOKIE, path=COOKIE_PATH)
        try:
            refresh = self.doors.tokens.read_refresh(token)
        except InvalidToken:
            self.respond(status=204)
            return
        session = await self.store.sessions.get(refresh.session_id)
        if session and self.doors.tokens.is_genuine(refresh, nonce=session.nonce):
            await self.store.sessions.end(session.id, user_id=session.user_id, now=utcnow())
            await self.revoke([session.id])
        self.respond(status=204)


class ForgotPasswordHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="anyone", body=ForgotPasswordBody, answers={202: AcceptedView}, problems=("rate-limited",)
        )
    }

    async def post(self) -> None:
        """Ask for a link to choose a new password. The same answer whether or not the address is known."""
        body = self.body(ForgotPasswordBody)
        await self.limit_address(MAIL_ADDRESS)
        await self.doors.house.resources.limits.count(MAIL_ACCOUNT, self.account_hash(body.email))
        row = await self.store.users.row_by_email(body.email)
        # For a stranger the same writes are made, for an id that no user has: the letter is given up unread.
        known = row is not None and row["status"] != "deactivated"
        target = str(row["_id"]) if row and known else str(uuid4())
        letter_id = await self.write_letter(target, "reset", use="reset")
        await self.doors.errands.send_letter(letter_id)
        await self.no_sooner()
        self.respond({"detail": "If this address has an account, a letter is on its way."}, status=202)


class ResetPasswordHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="anyone", body=ResetPasswordBody, answers={204: None},
            problems=("invalid-token", "rate-limited", "busy"),
        )
    }

    async def post(self) -> None:
        """Choose a new password by the link in a letter. Every token of the user is dead afterwards."""
        body = self.body(ResetPasswordBody)
        await self.limit_address(LINK_ADDRESS)
        link = await self.find_link(body.token, "reset")
        user = await self.store.users.get(link.user_id)
        if user is None or user.status == "deactivated":
            raise Problem("invalid-token")
        self.check_new_password(body.password, email=user.email or "", name=user.name or "")
        hashed = await self.doors.house.resources.passwords.hash(body.password)

        async def work(session: Session) -> list[str] | None:
            if not await self.store.letters.spend_link(link.id, session=session):
                return None
            await self.store.users.update(
                user.id, {"password_hash": hashed, "email_confirmed": True}, session=session
            )
            await self.store.letters.void(user.id, session=session)
            return await self.store.sessions.end_all(user.id, now=utcnow(), session=session)

        ended = await self.store.transaction(work)
        if ended is None:
            raise Problem("invalid-token")
        await self.revoke(ended)
        self.respond(status=204)


class MeHandler(AccountHandler):
    operations = {
        "GET": Operation(who="user", answers={200: UserView}, pending_too=True),
        "PATCH": Operation(who="user", body=ChangeMeBody, answers={200: UserView}, pending_too=True),
        "DELETE": Operation(
            who="user", body=LeaveBody, answers={204: None}, problems=("wrong-password", "rate-limited", "busy"),
            pending_too=True,
        ),
    }  # fmt: skip

    async def get(self) -> None:
        """Your account."""
        self.respond((await self.store.users.read_row(dict(self.who.row))).as_json())

    async def patch(self) -> None:
        """Change your settings. A new time zone or reminder time moves the reminders to come."""
        changes = self.body(ChangeMeBody).model_dump(exclude_unset=True)
        nulls = [name for name, value in changes.items() if value is None]
        if nulls:
            raise invalid(f"#/{nulls[0]}", "Cannot be null.")
        user = await change_settings(self.store, self.who.id, changes)
        self.respond(user.as_json())

    async def delete(self) -> None:
        """Leave for good. Your key is destroyed: nothing of yours can be read again, by anybody."""
        user = await self.check_current(self.body(LeaveBody).password)
        erase = self.settings_.erasure == "immediate"
        left = await leave_for_good(self.store, user, now=self.now(), erase=erase)
        await self.revoke(left.sessions)
        if erase:
            await self.doors.house.resources.wakeups.forget(user.id)
        await self.announce(left.users)
        self.respond(status=204)


class PasswordHandler(AccountHandler):
    operations = {
        "POST": Operation(
            who="user", body=ChangePasswordBody, answers={204: None},
            problems=("wrong-password", "rate-limited", "busy"), pending_too=True,
        )
    }  # fmt: skip

    async def post(self) -> None:
        """Change your password. Your other devices are signed out."""
        body = self.body(ChangePasswordBody)
        user = await self.check_current(body.current)
        self.check_new_password(body.password, email=user.email or "", name=user.name or "")
        hashed = await self.doors.house.resources.passwords.hash(body.password)

        async def work(session: Session) -> list[str]:
            await self.store.users.update(user.id, {"password_hash": hashed}, session=session)
            await self.store.letters.void(user.id, session=session)
            return await self.store.sessions.end_all(
                user.id, now=utcnow(), but=self.who.session_id, session=session
            )

        await self.revoke(await self.store.transaction(work))
        self.respond(status=204)


class SessionsHandler(AccountHandler):
    operations = {"GET": Operation(who="user", answers={200: DeviceView}, listed=True, pending_too=True)}

    async def get(self) -> None:
        """The devices signed in."""
        items = []
        for session in await self.store.sessions.of_user(self.who.id, now=utcnow()):
            items.append({
                "id": session.id, "device": await self._device(session), "created_at": to_wire(session.created_at),
                "last_used_at": to_wire(session.last_used_at), "current": session.id == self.who.session_id,
            })  # fmt: skip
        self.respond(page(items, None))

    async def _device(self, session: SignIn) -> str | None:
        if session.sealed_device is None:
            return None
        try:
            return str(
                await self.store.vault.open_value(
                    session.user_id, f"sessions|{session.id}|device", session.sealed_device
                )
            )
        except Unreadable:
            return None


class SessionHandler(AccountHandler):
    operations = {"DELETE": Operation(who="user", answers={204: None}, problems=("not-found",), pending_too=True)}

    async def delete(self, session_id: str) -> None:
        """Sign a device out."""
        id = self.id_from_path(session_id)
        if not await self.store.sessions.end(id, user_id=self.who.id, now=utcnow()):
            raise Problem("not-found")
        await self.revoke([id])
        self.respond(status=204)


