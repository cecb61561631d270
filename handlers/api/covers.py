"""Cover: the colleagues who stand in for a doctor, and when."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from handlers.api.schemas import Body, GivenId, GivenMoment, Id, Moment, PageQuery, PersonView, View
from handlers.base.api_handler import ApiHandler
from handlers.base.cursors import page, page_of
from hospital_rt.domain.clock import to_wire
from hospital_rt.web.operation import Operation
from models.people.grants import Grant
from models.services.carers import end_grant
from models.services.covers import begin_cover, covers_by


class CoverBody(Body):
    doctor_id: GivenId
    from_: GivenMoment | None = Field(default=None, alias="from", description="null: from now on")
    until: GivenMoment


class CoverView(View):
    id: Id
    doctor: PersonView = Field(description="the colleague who covers")
    from_: Moment = Field(alias="from")
    until: Moment
    now: bool = Field(description="whether it is in force")


class _CoverHandler(ApiHandler):
    async def views(self, grants: list[Grant]) -> list[dict[str, Any]]:
        names = await self.store.users.names({one.grantee_id for one in grants if one.grantee_id})
        return [
            {
                "id": one.id,
                "doctor": {"id": one.grantee_id, "name": names.get(one.grantee_id or "")},
                "from": to_wire(one.since),
                "until": to_wire(one.until),
                "now": one.is_active(self.now()),
            }
            for one in grants
        ]


class CoversHandler(_CoverHandler):
    @Operation(allow="doctor", responses={200: CoverView}, paginated=True)
    async def get(self, query: PageQuery) -> None:
        """Who covers for you, now or later."""
        found = await covers_by(self.store, self.who.id, now=self.now())
        shown, following = page_of(found, cursor=query.cursor, limit=query.limit)
        self.respond(page(await self.views(list(shown)), following))

    @Operation(allow="doctor", responses={201: CoverView}, problems=("not-found", "conflict"), audit="cover.begun")
    async def post(self, body: CoverBody) -> None:
        """Name a colleague who covers for you. Meanwhile they may do for your patients what you may."""
        now = self.now()
        done = await begin_cover(
            self.store,
            doctor_id=self.who.id,
            colleague_id=body.doctor_id,
            since=body.from_ or now,
            until=body.until,
            now=now,
            actor=self.actor,
        )
        await self.announce(done.users)
        self.respond((await self.views([done.grant]))[0], status=201)


class CoverHandler(_CoverHandler):
    @Operation(allow="doctor", responses={204: None}, problems=("not-found",), audit="cover.ended")
    async def delete(self, grant_id: str) -> None:
        """End a cover at once. Either of the two doctors can."""
        users = await end_grant(
            self.store, grant_id, kind="cover", user_id=self.who.id, now=self.now(), actor=self.actor
        )
        await self.announce(users)
        self.respond(status=204)
