"""Assignments: the doctors to choose from, and the one chosen."""

from __future__ import annotations

from typing import Any

from handlers.api.schemas import AssignBody, AssignmentView, DoctorsQuery, PersonView
from handlers.base.api_handler import ApiHandler
from handlers.base.cursors import page, page_of
from handlers.base.idempotent_handler import IdempotentHandler
from hospital_rt.domain.clock import to_wire
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from models.assignments import Assignment
from models.idempotency import StoredResponse
from models.services.assignments import assign_doctor, leave_doctor
from models.services.covers import covers_by
from models.users import fold


class DoctorsHandler(ApiHandler):
    @Operation(allow="user", responses={200: PersonView}, paginated=True, allow_pending=True)
    async def get(self, query: DoctorsQuery) -> None:
        """Doctors that accept patients; ``q`` is the beginning of a name or of one of its words."""
        wanted = fold(query.q)
        found = [
            {"id": id, "name": name}
            for id, name in await self.store.users.accepting_doctors()
            if not wanted
            or fold(name).startswith(wanted)
            or any(word.startswith(wanted) for word in fold(name).split())
        ]
        items, following = page_of(found, cursor=query.cursor, limit=query.limit)
        self.respond(page(items, following))


class AssignHandler(IdempotentHandler):
    async def _view(self, assignment: Assignment) -> dict[str, Any]:
        covers = await covers_by(self.store, assignment.doctor_id, now=self.now())
        now = [one for one in covers if one.is_active(self.now())]
        names = await self.store.users.names({assignment.doctor_id, *(one.grantee_id for one in now if one.grantee_id)})
        cover = [
            {"id": one.grantee_id, "name": names[one.grantee_id], "until": to_wire(one.until)}
            for one in now
            if one.grantee_id and one.until
        ]
        return {
            "id": assignment.id,
            "doctor": {"id": assignment.doctor_id, "name": names[assignment.doctor_id]},
            "since": to_wire(assignment.since),
            "share_history": assignment.share_history,
        } | ({"cover": cover} if cover else {})

    @Operation(allow="patient", responses={200: AssignmentView}, problems=("not-assigned",), feed=True)
    async def get(self) -> None:
        """The doctor you have chosen."""
        current = await self.store.assignments.current(self.who.id)
        if current is None:
            raise Problem("not-assigned")
        self.respond(await self._view(current))

    @Operation(
        allow="patient",
        responses={200: AssignmentView, 201: AssignmentView},
        problems=("not-found", "conflict"),
        idempotent=True,
        audit="doctor.chosen",
    )
    async def post(self, body: AssignBody) -> StoredResponse:
        """Choose a doctor. Another one takes the first one's place at once."""
        done = await assign_doctor(
            self.store,
            patient_id=self.who.id,
            doctor_id=body.doctor_id,
            share_history=body.share_history,
            now=self.now(),
            claim=self.claim,
            actor=self.actor,
        )
        await self.announce(done.users)
        if done.assignment is None:
            raise Problem("not-assigned")
        return StoredResponse(201 if done.is_new else 200, await self._view(done.assignment))

    @Operation(
        allow="patient",
        responses={204: None},
        problems=("not-assigned", "conflict"),
        idempotent=True,
        audit="doctor.left",
    )
    async def delete(self) -> StoredResponse:
        """Leave your doctor. Your steps run on."""
        done = await leave_doctor(
            self.store, patient_id=self.who.id, now=self.now(), claim=self.claim, actor=self.actor
        )
        await self.announce(done.users)
        return StoredResponse(204)

    async def lost_response(self, *ids: str) -> StoredResponse:
        if self.request.method == "DELETE":
            return StoredResponse(204)
        current = await self.store.assignments.current(self.who.id)
        if current is None or self.claim is None:
            raise Problem("not-assigned")
        return StoredResponse(201 if current.id == self.claim.subject_id else 200, await self._view(current))
