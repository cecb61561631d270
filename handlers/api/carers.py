"""Carers: a patient invites them, they accept by the mailed link, and see for whom they care."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from handlers.api.account_handler import AccountHandler
from handlers.api.account_schemas import Email, Secret
from handlers.api.schemas import Body, GivenMoment, Id, Moment, PageQuery, PersonView, View
from handlers.base.cursors import page, page_of
from hospital_rt.domain.errors import Invalid
from hospital_rt.storage.documents import to_json
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import LINK_ADDRESS, MAIL_ACCOUNT, MAIL_ADDRESS
from hospital_rt.web.tokens import Tokens
from models.people.grants import Grant, May
from models.services.carers import (
    accept_invitation,
    cared_for_by,
    carers_of,
    change_alert,
    end_grant,
    invite_carer,
)

AlertMinutes = Annotated[
    int | None,
    Field(ge=5, le=1440, description="a slot that stays open for so long is told by mail; null: not at all"),
]


class InviteBody(Body):
    email: Email
    may: May
    notes: bool = Field(default=False, description="whether notes and the quotes of steps can be read too")
    until: GivenMoment | None = Field(
        default=None, description="when the access ends by itself; null: when it is ended"
    )
    alert_minutes: AlertMinutes = None


class AlertBody(Body):
    alert_minutes: AlertMinutes


class InvitationBody(Body):
    token: Secret


class CarerView(View):
    """A carer, or an invitation that waits: then ``carer`` is null and ``email`` is where it went."""

    id: Id
    status: Literal["pending", "active"]
    carer: PersonView | None
    email: str | None
    may: May
    notes: bool
    since: Moment
    until: Moment | None
    alert_minutes: int | None


class CaringView(View):
    """For whom you care: what you may do, and how long."""

    id: Id
    patient: PersonView
    may: May
    notes: bool
    until: Moment | None
    alert_minutes: int | None


class InvitationView(View):
    """What an invitation offers; its token gives access to this."""

    patient: str | None = Field(description="the name of the person who invites")
    email: str | None = Field(description="where the invitation went; sign-up as a carer uses this address")
    may: May
    notes: bool
    until: Moment | None


class _CarerHandler(AccountHandler):
    async def invitation(self, token: str) -> Grant:
        """The open invitation with this token.

        Raises:
            Problem: 400 ``invalid-token``, 429.
        """
        await self.limit_address(LINK_ADDRESS)
        grant = await self.store.grants.by_token(Tokens.hash_link(token), now=self.now())
        if grant is None:
            raise Problem("invalid-token")
        return grant

    async def end(self, grant_id: str) -> None:
        """End a grant of the caller, and respond."""
        await self.announce(
            await end_grant(self.store, grant_id, kind="care", user_id=self.who.id, now=self.now(), actor=self.actor)
        )
        self.respond(status=204)

    async def carer_views(self, grants: list[Grant]) -> list[dict[str, Any]]:
        names = await self.store.users.names({one.grantee_id for one in grants if one.grantee_id})
        return [
            {
                **to_json(one, "id", "may", "notes", "since", "until", "alert_minutes"),
                "status": one.state,
                "carer": {"id": one.grantee_id, "name": names[one.grantee_id]} if one.grantee_id else None,
                "email": await self.store.grants.invited_address(one) if one.state == "pending" else None,
            }
            for one in grants
        ]

    async def caring_views(self, grants: list[Grant]) -> list[dict[str, Any]]:
        names = await self.store.users.names({one.grantor_id for one in grants})
        return [
            {
                **to_json(one, "id", "may", "notes", "until", "alert_minutes"),
                "patient": {"id": one.grantor_id, "name": names[one.grantor_id]},
            }
            for one in grants
        ]


class CarersHandler(_CarerHandler):
    @Operation(allow="patient", responses={200: CarerView}, paginated=True)
    async def get(self, query: PageQuery) -> None:
        """Your carers, and the invitations that wait for an answer."""
        found = await carers_of(self.store, self.who.id, now=self.now())
        shown, following = page_of(found, cursor=query.cursor, limit=query.limit)
        self.respond(page(await self.carer_views(list(shown)), following))

    @Operation(
        allow="patient", responses={201: CarerView}, problems=("conflict", "rate-limited"), audit="carer.invited"
    )
    async def post(self, body: InviteBody) -> None:
        """Invite a person to care for you, by a one-time link that is mailed to them and works for seven days."""
        if body.until is not None and body.until <= self.now():
            raise Invalid("#/until", "Choose a later moment.")
        await self.limit_address(MAIL_ADDRESS)
        limits = self.resources.limits
        await limits.count(MAIL_ACCOUNT, self.account_hash(body.email))
        await limits.count(MAIL_ACCOUNT, self.context.tokens.keyed_hash(b"invites", self.who.id.encode()))
        grant = Grant.invitation(
            self.who.id,
            may=body.may,
            notes=body.notes,
            until=body.until,
            alert_minutes=body.alert_minutes,
            now=self.now(),
        )
        token = self.context.tokens.link_token(use="invitation", link_id=grant.id)
        letter_id = await invite_carer(
            self.store, grant, email=body.email, token_hash=Tokens.hash_link(token), actor=self.actor
        )
        await self.context.dispatcher.send_letter(letter_id)
        self.respond((await self.carer_views([grant]))[0], status=201)


class CarerHandler(_CarerHandler):
    @Operation(allow="patient", responses={200: CarerView}, problems=("not-found",), audit="carer.changed")
    async def patch(self, grant_id: str, body: AlertBody) -> None:
        """Change after how many minutes this carer is told of a slot that stays open."""
        found = [one for one in await carers_of(self.store, self.who.id, now=self.now()) if one.id == grant_id]
        if not found:
            raise Problem("not-found")
        done = await change_alert(self.store, found[0], alert_minutes=body.alert_minutes, actor=self.actor)
        self.respond((await self.carer_views([done.grant]))[0])

    @Operation(allow="patient", responses={204: None}, problems=("not-found",), audit="carer.ended")
    async def delete(self, grant_id: str) -> None:
        """End a carer's access at once, or withdraw an invitation."""
        await self.end(grant_id)


class InvitationHandler(_CarerHandler):
    @Operation(allow="anyone", responses={200: InvitationView}, problems=("invalid-token", "rate-limited"))
    async def post(self, body: InvitationBody) -> None:
        """What an invitation offers, before it is accepted. Nothing is changed."""
        grant = await self.invitation(body.token)
        names = await self.store.users.names({grant.grantor_id})
        self.respond(
            {
                **to_json(grant, "may", "notes", "until"),
                "patient": names[grant.grantor_id],
                "email": await self.store.grants.invited_address(grant),
            }
        )


class AcceptHandler(_CarerHandler):
    @Operation(
        allow="non_admin",
        responses={200: CaringView},
        problems=("invalid-token", "forbidden", "conflict", "rate-limited"),
        audit="carer.accepted",
    )
    async def post(self, body: InvitationBody) -> None:
        """Accept an invitation with the account that is signed in. The link works once."""
        grant = await self.invitation(body.token)
        carer = await self.store.users.read_row(self.who.row)
        done = await accept_invitation(self.store, grant, carer=carer, now=self.now(), actor=self.actor)
        await self.announce(done.users)
        self.respond((await self.caring_views([done.grant]))[0])


class CaringHandler(_CarerHandler):
    @Operation(allow="non_admin", responses={200: CaringView}, paginated=True)
    async def get(self, query: PageQuery) -> None:
        """For whom you care."""
        found = await cared_for_by(self.store, self.who.id, now=self.now())
        shown, following = page_of(found, cursor=query.cursor, limit=query.limit)
        self.respond(page(await self.caring_views(list(shown)), following))


class CaringForHandler(_CarerHandler):
    async def _mine(self, patient_id: str) -> Grant:
        for grant in await cared_for_by(self.store, self.who.id, now=self.now()):
            if grant.grantor_id == patient_id:
                return grant
        raise Problem("not-found")

    @Operation(allow="non_admin", responses={200: CaringView}, problems=("not-found",), audit="carer.changed")
    async def patch(self, patient_id: str, body: AlertBody) -> None:
        """Change after how many minutes you are told of a slot that stays open."""
        grant = await self._mine(patient_id)
        done = await change_alert(self.store, grant, alert_minutes=body.alert_minutes, actor=self.actor)
        self.respond((await self.caring_views([done.grant]))[0])

    @Operation(allow="non_admin", responses={204: None}, problems=("not-found",), audit="carer.ended")
    async def delete(self, patient_id: str) -> None:
        """Care for this person no more."""
        await self.end((await self._mine(patient_id)).id)
