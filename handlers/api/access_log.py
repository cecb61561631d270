"""The access log: a patient sees who read or changed what of theirs, and when."""

from __future__ import annotations

from pydantic import Field

from handlers.api.schemas import Moment, PageQuery, PersonView, View
from handlers.base.api_handler import ApiHandler
from handlers.base.cursors import cut_page, page, read_cursor, write_cursor
from hospital_rt.domain.audit_types import AuditRole
from hospital_rt.web.operation import Operation
from models.audit import Act


class AccessView(View):
    """One access: ``by`` is null for the service, the operator, a private link, and a caller who was
    not signed in.
    """

    at: Moment
    by: PersonView | None
    role: AuditRole
    act: Act
    item_id: str | None = Field(description="The note, step or doctor that it was about, where it was one")


class AccessLogHandler(ApiHandler):
    @Operation(allow="patient", responses={200: AccessView}, paginated=True)
    async def get(self, query: PageQuery) -> None:
        """Who read or changed what of yours, the newest first."""
        before = read_cursor(query.cursor, str)
        found = await self.store.audit.about(self.who.id, before=before[0] if before else None, limit=query.limit + 1)
        shown, following = cut_page(found, query.limit, lambda last: write_cursor(last.id))
        names = await self.store.users.names({one.user_id for one in shown if one.user_id})
        self.respond(page([one.as_json(names) for one in shown], following))
