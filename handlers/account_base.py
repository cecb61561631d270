"""What sign-up, sign-in and passwords share: limits, letters, links, and what a password has to be."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

from handlers.base import ApiHandler
from hospital_rt.clock import utcnow
from hospital_rt.database import Session
from hospital_rt.limits import LOG_IN_ACCOUNT, Limit
from hospital_rt.passwords import is_common
from hospital_rt.problems import Problem, invalid
from hospital_rt.tokens import Tokens
from models.letters import LetterKind, Link, LinkUse
from models.users import User

QUIET_ANSWER_S = 0.15


class AccountHandler(ApiHandler):
    """A resource that has to do with who somebody is."""

    async def limit_address(self, limit: Limit) -> None:
        await self.doors.house.resources.limits.count(limit, self.client_hash)

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
