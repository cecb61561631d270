"""Accounts: sign up, confirm an address, choose a new password by a mailed link."""

from __future__ import annotations

from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from handlers.api.account_handler import AccountHandler
from handlers.api.account_schemas import (
    AcceptedView,
    ForgotPasswordBody,
    ResetPasswordBody,
    SignUpBody,
    UserView,
    VerifyEmailBody,
)
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import Invalid
from hospital_rt.storage.database import Session
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import LINK_ADDRESS, MAIL_ACCOUNT, MAIL_ADDRESS, SIGN_UP_ADDRESS
from hospital_rt.web.tokens import Tokens
from models.people.grants import Grant
from models.services.accounts import delete_unconfirmed
from models.services.carers import GrantOutcome, accept_within
from models.users import User


class SignUpHandler(AccountHandler):
    @Operation(
        allow="anyone",
        responses={201: UserView, 202: AcceptedView},
        problems=("email-taken", "password-sign-in-off", "rate-limited", "busy"),
    )
    async def post(self, body: SignUpBody) -> None:
        """Sign up. Where addresses are confirmed the answer is always 202, and a letter tells the rest.

        A carer signs up with the token of an invitation and the address to which it was mailed: the answer is 201, the
        address counts as confirmed, and the invitation as accepted.
        """
        self.check_password_sign_in()
        invitation = await self._invitation(body)
        self.check_new_password(body.password, email=body.email, name=body.name)
        await self.limit_address(SIGN_UP_ADDRESS)
        if self.settings_.verifies_email:
            await self.resources.limits.count(MAIL_ACCOUNT, self.account_hash(body.email))
        settings, resources = self.settings_, self.resources
        pending = body.role == "doctor" and settings.doctors_need_approval
        user = User(
            id=str(uuid4()),
            role=body.role,
            status="pending" if pending else "active",
            name=body.name,
            email=body.email,
            password_hash=await resources.passwords.hash(body.password),
            timezone=body.timezone or settings.default_timezone,
            language=body.language,
            created_at=utcnow(),
            email_confirmed=invitation is not None or not settings.verifies_email,
        )
        if invitation is not None:
            await self._sign_up_carer(user, invitation)
            return
        if settings.verifies_email:
            await self._sign_up_unconfirmed(user)
            return
        try:
            await self.store.transaction(lambda session: self._insert(user, session=session))
        except DuplicateKeyError:
            raise Problem("email-taken") from None
        self.respond(user.as_json(), status=201)

    async def _invitation(self, body: SignUpBody) -> Grant | None:
        """The invitation with which a carer signs up; None for others.

        Raises:
            Invalid: 422: a carer needs a valid one and uses the invited address; others have none.
        """
        if body.role != "carer":
            if body.invitation is not None:
                raise Invalid("#/invitation", "Sign up without it, then accept it.")
            return None
        await self.limit_address(LINK_ADDRESS)
        given = body.invitation or ""
        grant = await self.store.grants.by_token(Tokens.hash_link(given), now=self.now()) if given else None
        if grant is None:
            raise Invalid("#/invitation", "Carers sign up with an invitation that is valid.")
        if await self.store.grants.invited_address(grant) != body.email:
            raise Invalid("#/email", "Use the address to which the invitation was sent.")
        return grant

    async def _sign_up_carer(self, user: User, invitation: Grant) -> None:
        """Only the owner of the address has the token, so an answer may tell whether the address is known."""

        async def work(session: Session) -> GrantOutcome:
            held = await self.store.users.by_email(user.email or "", session=session)
            if held and not held.email_confirmed:
                await delete_unconfirmed(self.store, held.id, session=session)
            await self._insert(user, session=session)
            return await accept_within(
                self.store, session, invitation, carer=user, now=self.now(), actor=self.actor_for(user)
            )

        try:
            done = await self.store.transaction(work)
        except DuplicateKeyError:
            raise Problem("email-taken") from None
        await self.announce(done.users)
        self.respond(user.as_json(), status=201)

    async def _insert(self, user: User, *, session: Session) -> None:
        await self.store.users.insert(user, session=session)
        await self.store.audit.write(self.actor_for(user), "account.created", of=[user.id], session=session)

    async def _sign_up_unconfirmed(self, user: User) -> None:
        """The same answer whether or not the address is known: only the letter differs."""

        async def work(session: Session) -> str:
            held = await self.store.users.by_email(user.email or "", session=session)
            if held and held.email_confirmed:
                return await self.write_letter(held.id, "already", session=session)
            if held:
                await delete_unconfirmed(self.store, held.id, session=session)
            await self._insert(user, session=session)
            return await self.write_letter(user.id, "verify", use="verify", session=session)

        letter_id = await self.store.transaction(work)
        await self.context.dispatcher.send_letter(letter_id)
        await self.delay_response()
        self.respond({"detail": "If all is well, a letter to this address tells the rest."}, status=202)


class VerifyEmailHandler(AccountHandler):
    @Operation(allow="anyone", responses={204: None}, problems=("invalid-token", "rate-limited", "busy"))
    async def post(self, body: VerifyEmailBody) -> None:
        """Confirm an address, by the link in its letter and the password chosen at sign-up."""
        await self.limit_address(LINK_ADDRESS)
        link = await self.store.letters.find_link(Tokens.hash_link(body.token), use="verify", now=utcnow())
        user = await self.store.users.get(link.user_id) if link else None
        hashed = user.password_hash if user else None
        right, _ = await self.resources.passwords.verify(body.password, hashed)
        if link is None or user is None or not right:
            raise Problem("invalid-token")

        async def work(session: Session) -> bool:
            if not await self.store.letters.spend_link(link.id, session=session):
                return False
            await self.store.users.update(user.id, {"email_confirmed": True}, session=session)
            await self.store.audit.write(self.actor_for(user), "address.confirmed", of=[user.id], session=session)
            return True

        if not await self.store.transaction(work):
            raise Problem("invalid-token")
        self.respond(status=204)


class ForgotPasswordHandler(AccountHandler):
    @Operation(allow="anyone", responses={202: AcceptedView}, problems=("rate-limited",))
    async def post(self, body: ForgotPasswordBody) -> None:
        """Ask for a link to choose a new password. The same answer whether or not the address is known."""
        await self.limit_address(MAIL_ADDRESS)
        await self.resources.limits.count(MAIL_ACCOUNT, self.account_hash(body.email))
        row = await self.store.users.row_by_email(body.email)
        # Without an account the same writes are made, for an id that no user has; the letter is then dropped.
        known = row is not None and row["status"] != "deactivated"
        target = str(row["_id"]) if row and known else str(uuid4())
        letter_id = await self.write_letter(target, "reset", use="reset")
        await self.context.dispatcher.send_letter(letter_id)
        await self.delay_response()
        self.respond({"detail": "If this address has an account, a letter is on its way."}, status=202)
        self.audit_later("reset.asked", target if known else None)


class ResetPasswordHandler(AccountHandler):
    @Operation(allow="anyone", responses={204: None}, problems=("invalid-token", "rate-limited", "busy"))
    async def post(self, body: ResetPasswordBody) -> None:
        """Choose a new password by the link in a letter. Every token of the user is dead afterwards."""
        await self.limit_address(LINK_ADDRESS)
        link = await self.store.letters.find_link(Tokens.hash_link(body.token), use="reset", now=utcnow())
        user = await self.store.users.get(link.user_id) if link else None
        if link is None or user is None or user.status == "deactivated":
            raise Problem("invalid-token")
        self.check_new_password(body.password, email=user.email or "", name=user.name or "")
        hashed = await self.resources.passwords.hash(body.password)

        async def work(session: Session) -> list[str] | None:
            if not await self.store.letters.spend_link(link.id, session=session):
                return None
            await self.store.users.update(user.id, {"password_hash": hashed, "email_confirmed": True}, session=session)
            await self.store.letters.revoke_all(user.id, session=session)
            await self.store.calendars.revoke(user.id, session=session)
            await self.store.answer_tokens.revoke_all(user.id, session=session)
            await self.store.audit.write(self.actor_for(user), "password.reset", of=[user.id], session=session)
            return await self.store.sessions.revoke_all(user.id, now=utcnow(), session=session)

        ended = await self.store.transaction(work)
        if ended is None:
            raise Problem("invalid-token")
        await self.revoke(ended)
        self.respond(status=204)
