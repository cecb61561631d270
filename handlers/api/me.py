"""Me: the own account, its password, the devices signed in, and leaving."""

from __future__ import annotations

from handlers.api.account_handler import AccountHandler
from handlers.api.account_schemas import ChangeMeBody, ChangePasswordBody, DeviceView, ProofBody, UserView
from handlers.api.schemas import PageQuery
from handlers.api.session_handler import SessionTokenHandler
from handlers.base.cursors import page, page_of
from hospital_rt.domain.clock import utcnow
from hospital_rt.domain.errors import Invalid
from hospital_rt.storage.database import Session
from hospital_rt.storage.documents import to_json
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from models.services.accounts import change_settings, close_account
from models.users import CONTACT


class MeHandler(SessionTokenHandler):
    @Operation(allow="user", responses={200: UserView}, allow_pending=True, allow_without_factor=True)
    async def get(self) -> None:
        """Your account."""
        self.respond((await self.store.users.read_row(self.who.row)).as_json())

    @Operation(allow="user", responses={200: UserView}, allow_pending=True, audit="account.changed")
    async def patch(self, body: ChangeMeBody) -> None:
        """Change your settings. A new time zone or time of the day moves the reminders to come."""
        changes = body.model_dump(exclude_unset=True)
        for name in CONTACT:
            if changes.get(name) is not None and self.who.role != "patient":
                raise Invalid(f"#/{name}", "Only patients have one here.")
        nulls = [name for name, value in changes.items() if value is None and name not in ("repeat_minutes", *CONTACT)]
        nulls += [f"day_times/{part}" for part, at in (changes.get("day_times") or {}).items() if at is None]
        if nulls:
            raise Invalid(f"#/{nulls[0]}", "Cannot be null.")
        user = await change_settings(self.store, self.who.id, changes, now=self.now(), actor=self.actor)
        self.respond(user.as_json())

    @Operation(
        allow="user",
        responses={204: None},
        problems=("wrong-password", "wrong-factor", "rate-limited", "busy"),
        allow_pending=True,
        audit="account.closed",
    )
    async def delete(self, body: ProofBody) -> None:
        """Leave for good. Your key is destroyed: nothing of yours can be read again."""
        user = await self.check_proof(body)
        erase = self.settings_.erasure == "immediate"
        left = await close_account(self.store, user, now=self.now(), erase=erase, actor=self.actor)
        await self.context.app.announce_closed(left, erased=user.id if erase else None)
        self.respond(status=204)


class PasswordHandler(AccountHandler):
    @Operation(
        allow="user",
        responses={204: None},
        problems=("wrong-password", "rate-limited", "busy"),
        allow_pending=True,
        audit="password.changed",
    )
    async def post(self, body: ChangePasswordBody) -> None:
        """Change your password. Your other devices are signed out."""
        user = await self.check_current(body.current)
        self.check_new_password(body.password, email=user.email or "", name=user.name or "")
        hashed = await self.resources.passwords.hash(body.password)

        async def work(session: Session) -> list[str]:
            await self.store.users.update(user.id, {"password_hash": hashed}, session=session)
            await self.store.audit.write(self.actor, "password.changed", of=[user.id], session=session)
            await self.store.letters.revoke_all(user.id, session=session)
            return await self.store.sessions.revoke_all(user.id, now=utcnow(), but=self.who.session_id, session=session)

        await self.revoke(await self.while_signed_in(work))
        self.respond(status=204)


class SessionsHandler(AccountHandler):
    @Operation(allow="user", responses={200: DeviceView}, paginated=True, allow_pending=True)
    async def get(self, query: PageQuery) -> None:
        """The devices signed in, the last one used first."""
        devices = await self.store.sessions.of_user(self.who.id, now=utcnow())
        shown, following = page_of(devices, cursor=query.cursor, limit=query.limit)
        items = [
            {
                **to_json(session, "id", "created_at", "last_used_at"),
                "device": await self.store.vault.open_text_if_readable(
                    self.who.id, f"sessions|{session.id}|device", session.sealed_device
                ),
                "current": session.id == self.who.session_id,
            }
            for session in shown
        ]
        self.respond(page(items, following))


class SessionHandler(AccountHandler):
    @Operation(allow="user", responses={204: None}, problems=("not-found",), allow_pending=True)
    async def delete(self, session_id: str) -> None:
        """Sign a device out."""
        if not await self.sign_out(session_id, self.actor):
            raise Problem("not-found")
        self.respond(status=204)
