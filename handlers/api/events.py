"""The feed over REST: the events that this user would have got on the live channel."""

from __future__ import annotations

from handlers.api.schemas import EventsQuery, EventsView
from handlers.base.api_handler import ApiHandler
from hospital_rt.domain.errors import Invalid
from hospital_rt.web.operation import Operation


class EventsHandler(ApiHandler):
    @Operation(allow="user", responses={200: EventsView}, problems=("reset",), allow_pending=True, audit="events.read")
    async def get(self, query: EventsQuery) -> None:
        """What happened after ``after``, in order; ``seq`` tells where the feed stands."""
        if query.after > 0 and query.epoch is None:
            raise Invalid("#/epoch", "Required with after.")
        epoch, seq = await self.context.app.feeds.resume(self.who.id, after=query.after, epoch=query.epoch)
        items, about = await self.context.app.feeds.page(self.who.id, query.after, limit=query.limit)
        await self.audit_read(of=about or [self.who.id])
        self.respond({"items": items, "epoch": epoch, "seq": seq})
