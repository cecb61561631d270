"""Base of sign-up, sign-in and passwords: rate limits, letters, links, rules for passwords."""

from __future__ import annotations

import asyncio
import time

from handlers.base.api_handler import ApiHandler
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import Invalid
from hospital_rt.storage.database import Session
from hospital_rt.web.passwords import is_common
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import LOG_IN_ACCOUNT, Limit
from models.audit import Act, AuditActor
from models.letters import LetterKind, LinkUse
from models.users import User

RESPONSE_INTERVAL_S = 0.15
AUDIT_ONCE_EVERY_S = 900  # audit entries of one kind that unauthenticated requests cause


class AccountHandler(ApiHandler):
    """A resource of accounts and sign-in."""

    async def limit_address(self, limit: Limit) -> None:
        await self.resources.limits.count(limit, self.client_hash)

    def check_password_sign_in(self, role: str = "") -> None:
        """Only role ``admin`` signs in here where the identity provider is the only way: it has no such accounts.

        Raises:
            Problem: 403 ``password-sign-in-off``.
        """
        if not self.settings_.signs_in_by_password and role != "admin":
            raise Problem("password-sign-in-off")

    def account_hash(self, email: str) -> str:
        return self.context.tokens.keyed_hash(b"account", email.encode())

    @staticmethod
    def check_new_password(password: str, *, email: str = "", name: str = "") -> None:
        """The length is checked by the body's type; here, that it is not among the most common passwords.

        Raises:
            Invalid: 422.
        """
        if is_common(password, email=email, name=name):
            raise Invalid("#/password", "Many people use this password. Choose another one.")

    def actor_for(self, user: User) -> AuditActor:
        """For the audit: a user whom this very request authenticates."""
        return self.actor_as(user.role, user_id=user.id)

    def audit_later(self, act: Act, user_id: str | None, *, by: AuditActor | None = None) -> None:
        """Audit what was tried at an account, if there is one: after the response, whose time must not depend on it,
        and once in an interval, since unauthenticated requests are unlimited.
        """
        actor = by or self.actor_as("stranger")
        if user_id is not None:
            self.context.dispatcher.run_in_background(
                self.store.audit.write_once(actor, act, of=user_id, every_s=AUDIT_ONCE_EVERY_S)
            )

    async def delay_response(self) -> None:
        """Respond only at multiples of an interval after the request: its time must not reveal what was found or
        written, also on a machine so busy that the first of them is over.
        """
        took = time.perf_counter() - self.began
        await asyncio.sleep(
            RESPONSE_INTERVAL_S - took % RESPONSE_INTERVAL_S
        )  # equally long with and without an account

    async def write_letter(
        self, user_id: str, kind: LetterKind, *, use: LinkUse | None = None, session: Session | None = None
    ) -> str:
        """Put a letter into the outbox, with a fresh one-time link if it carries one; its id."""
        letters, now = self.store.letters, utcnow()
        if use is None:
            return await letters.write(user_id=user_id, kind=kind, now=now, session=session)
        letter_id, _ = await letters.write_with_link(
            self.context.tokens, user_id=user_id, kind=kind, use=use, now=now, session=session
        )
        return letter_id

    async def sign_out(self, session_id: str, actor: AuditActor) -> bool:
        """End one session of the user who is acting. False when it is not theirs or had ended."""

        async def work(session: Session) -> bool:
            user_id = actor.user_id or ""
            if not await self.store.sessions.revoke(session_id, user_id=user_id, now=utcnow(), session=session):
                return False
            await self.store.audit.write(actor, "session.ended", of=[user_id], item=session_id, session=session)
            return True

        ended = await self.store.transaction(work)
        if ended:
            await self.revoke([session_id])
        return ended

    async def check_current(self, password: str) -> User:
        """The user, if the password is theirs.

        Raises:
            Problem: 403 ``wrong-password``, 429 after too many tries.
        """
        user = await self.store.users.read_row(self.who.row)
        limits, key = self.resources.limits, self.context.tokens.keyed_hash(b"current", user.id.encode())
        await limits.count(LOG_IN_ACCOUNT, key)
        right, _ = await self.resources.passwords.verify(password, user.password_hash)
        if not right:
            self.audit_later("sign_in.failed", user.id, by=self.actor)
            raise Problem("wrong-password")
        await limits.reset(LOG_IN_ACCOUNT, key)
        return user
