"""Administration: accounts, what waits and what is late, and the audit. Nothing clinical, and all of it audited.

An administrator needs a second factor, as the base handler demands of every operation.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from handlers.api.account_handler import AccountHandler
from handlers.api.account_schemas import AcceptedView
from handlers.api.schemas import Body, GivenId, GivenMoment, Id, Moment, NothingBody, PageQuery, PersonView, View
from handlers.base.cursors import cut_page, page, read_cursor, read_time_cursor, write_cursor, write_time_cursor
from hospital_rt.domain.clock import to_wire
from hospital_rt.storage.database import Session
from hospital_rt.storage.documents import to_json
from hospital_rt.version import versions
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from models.audit import Act
from models.services.administration import (
    Waiting,
    accounts_page,
    approve,
    deactivate,
    read_overview,
    refuse,
)
from models.users import Role, Status, User


class AccountsQuery(PageQuery):
    status: Status | None = None
    q: str = Field(
        default="", max_length=254, description="an address, or the beginning of a name or of one of its words"
    )


class ApproveDoctorBody(Body):
    unverified: bool = Field(default=False, description="although the address is not confirmed")


class AdminAccountView(View):
    id: Id
    name: str | None
    email: str | None
    role: Role
    status: Status
    email_confirmed: bool
    created_at: Moment


class NodesView(View):
    role: str
    version: str | None
    count: int


class OverviewView(View):
    """Counts only. ``notes`` by status; ``reminders`` are late after a minute."""

    waiting: dict[str, Any] = Field(
        description="doctors (a count), notes by status and letters (count, oldest_seconds)"
    )
    late: dict[str, Any] = Field(description="reminders: due, late, oldest_seconds")
    nodes: list[NodesView] = Field(description="web and worker processes that were alive within a minute")
    version: str
    schema_version: int
    schema_known: int
    backup_at: Moment | None
    drill_at: Moment | None


class AuditQuery(PageQuery):
    of: GivenId | None = Field(default=None, description="an account: what was done to its data, and what it did")
    from_: GivenMoment | None = Field(default=None, alias="from", description="entries from this moment on")


class AuditEntryView(View):
    """One entry: who did what to whose data, when. Never with content."""

    id: str
    at: Moment
    by: PersonView | None
    role: str
    act: Act
    of: list[PersonView]
    item_id: str | None


class AccountsHandler(AccountHandler):
    @Operation(allow="admin", responses={200: AdminAccountView}, paginated=True, audit="accounts.listed")
    async def get(self, query: AccountsQuery) -> None:
        """Accounts that are not erased, the newest first."""
        before = read_time_cursor(query.cursor, str)
        users, following = await accounts_page(
            self.store, status=query.status, query=query.q, before=before, limit=query.limit
        )
        await self.audit_read(of=[user.id for user in users] or [self.who.id])
        cursor = write_time_cursor(*following) if following else None
        self.respond(page([_account(user) for user in users], cursor))


def _account(user: User) -> dict[str, Any]:
    return to_json(user, "id", "name", "email", "role", "status", "email_confirmed", "created_at")


def _account_act(audit: Act) -> Operation:
    """What an administrator does to one account; the answer is the account."""
    return Operation(
        allow="admin",
        body_optional=True,
        responses={200: AdminAccountView},
        problems=("not-found", "conflict"),
        audit=audit,
    )


class ApproveAccountHandler(AccountHandler):
    @_account_act("doctor.approved")
    async def post(self, user_id: str, body: ApproveDoctorBody) -> None:
        """Let a doctor who waits begin. They get a letter."""
        user, letter_id = await approve(
            self.store,
            user_id,
            unverified=body.unverified,
            verifies_email=self.settings_.verifies_email,
            actor=self.actor,
        )
        if letter_id is not None:
            await self.context.dispatcher.send_letter(letter_id)
        self.respond(_account(user))


class RefuseAccountHandler(AccountHandler):
    @_account_act("doctor.refused")
    async def post(self, user_id: str, body: NothingBody) -> None:
        """Refuse a doctor who waits: the account is closed, and they get a letter."""
        user, closed, letter_id = await refuse(self.store, user_id, now=self.now(), actor=self.actor)
        await self.context.app.announce_closed(closed)
        await self.context.dispatcher.send_letter(letter_id)
        self.respond(_account(user))


class DeactivateAccountHandler(AccountHandler):
    @_account_act("account.closed")
    async def post(self, user_id: str, body: NothingBody) -> None:
        """Close an account at once, on every node. Its records stay."""
        user, closed = await deactivate(self.store, user_id, by=self.who.id, now=self.now(), actor=self.actor)
        if closed is not None:
            await self.context.app.announce_closed(closed)
        self.respond(_account(user))


class ResetLinkHandler(AccountHandler):
    @Operation(
        allow="admin",
        body_optional=True,
        responses={202: AcceptedView},
        problems=("not-found", "conflict"),
        audit="reset.linked",
    )
    async def post(self, user_id: str, body: NothingBody) -> None:
        """Mail a user a link to choose a new password. The link is in the letter alone."""
        user = await self.store.users.get(user_id)
        if user is None or user.email is None:
            raise Problem("not-found")
        if user.status == "deactivated":
            raise Problem("conflict", "This account is deactivated.")

        async def work(session: Session) -> str:
            await self.store.audit.write(self.actor, "reset.linked", of=[user_id], session=session)
            return await self.write_letter(user_id, "reset-by-hospital", use="reset", session=session)

        await self.context.dispatcher.send_letter(await self.store.transaction(work))
        self.respond({"detail": "A letter with a link to choose a password is on its way."}, status=202)


class OverviewHandler(AccountHandler):
    @Operation(allow="admin", responses={200: OverviewView}, audit="overview.read")
    async def get(self) -> None:
        """What waits, what is late, which processes live, and when a backup was last written and tried."""
        seen = await read_overview(self.store, now=self.now())
        await self.audit_read(of=[])
        late = seen.reminders_late
        self.respond(
            {
                "waiting": {
                    "doctors": seen.doctors,
                    "notes": {status: _waiting(one) for status, one in seen.notes.items()},
                    "letters": _waiting(seen.letters),
                },
                "late": {
                    "reminders": {
                        "due": seen.reminders_due,
                        "late": late.count,
                        "oldest_seconds": round(late.oldest_s),
                    }
                },
                "nodes": [
                    {"role": role, "version": version or None, "count": count} for role, version, count in seen.nodes
                ],
                "version": versions()["version"],
                "schema_version": seen.schema,
                "schema_known": seen.schema_known,
                "backup_at": to_wire(seen.backup_at),
                "drill_at": to_wire(seen.drill_at),
            }
        )


def _waiting(one: Waiting) -> dict[str, int]:
    return {"count": one.count, "oldest_seconds": round(one.oldest_s)}


class AuditHandler(AccountHandler):
    @Operation(allow="admin", responses={200: AuditEntryView}, paginated=True, audit="audit.read")
    async def get(self, query: AuditQuery) -> None:
        """The audit by person and time, the newest entry first."""
        before = read_cursor(query.cursor, str)
        found = await self.store.audit.entries(
            of=query.of, since=query.from_, before=before[0] if before else None, limit=query.limit + 1
        )
        shown, following = cut_page(found, query.limit, lambda last: write_cursor(last.id))
        ids = {id for one in shown for id in (one.user_id, *one.of) if id}
        names = await self.store.users.names(ids)
        await self.audit_read(of=[query.of] if query.of else [])
        items = [
            {**one.as_json(names), "id": one.id, "of": [{"id": id, "name": names[id]} for id in one.of]}
            for one in shown
        ]
        self.respond(page(items, following))
