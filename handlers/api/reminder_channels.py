"""Reminders outside of the page: a private calendar link, and Web Push."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from handlers.api.schemas import Body, GivenId, Moment, View
from handlers.base.api_handler import ApiHandler
from handlers.base.base_handler import BaseHandler
from hospital_rt.delivery.ical import CalendarEntry, calendar_file
from hospital_rt.delivery.web_push import EndpointRefused
from hospital_rt.domain.clock import local_day, to_wire
from hospital_rt.domain.course import ANSWERED, slot_id
from hospital_rt.domain.errors import Invalid
from hospital_rt.storage.database import Session
from hospital_rt.web.operation import Operation
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import CALENDAR_ADDRESS
from hospital_rt.web.tokens import Tokens
from models.calendars import CalendarLink
from models.steps import Step
from tasks.push import push_sender

AHEAD = 90  # slots of a step in the file
AHEAD_DAYS = 400
PAST_DAYS = 60  # how long what came due or was answered stays there
NAMES = {"en": ("Aftercare", "You have a reminder"), "es": ("Aftercare", "Tiene un aviso")}
_B64 = r"^[A-Za-z0-9_-]+={0,2}$"


class CalendarBody(Body):
    titles: bool = False


class CalendarView(View):
    url: str


class PushKeysBody(Body):
    p256dh: Annotated[str, Field(min_length=80, max_length=100, pattern=_B64)]
    auth: Annotated[str, Field(min_length=20, max_length=30, pattern=_B64)]


class PushBody(Body):
    """A browser's PushSubscription, as its ``toJSON`` gives it."""

    endpoint: Annotated[str, Field(min_length=10, max_length=2000)]
    keys: PushKeysBody
    expirationTime: float | None = None  # noqa: N815 - the browser's name


class PushDeviceBody(Body):
    id: GivenId | None = None
    endpoint: Annotated[str, Field(min_length=10, max_length=2000)] | None = None


class PushDeviceView(View):
    id: str
    host: str
    created_at: Moment


class PushView(View):
    public_key: str
    items: list[PushDeviceView]


class CalendarHandler(ApiHandler):
    @Operation(allow="patient", body_optional=True, responses={201: CalendarView}, audit="calendar.changed")
    async def post(self, body: CalendarBody) -> None:
        """Make a private link to your reminders for a calendar program. It is shown once; an older one ends."""
        secret = secrets.token_urlsafe(32)

        async def work(session: Session) -> None:
            await self.store.audit.write(self.actor, "calendar.changed", of=[self.who.id], session=session)
            await self.store.calendars.make(
                patient_id=self.who.id,
                token_hash=Tokens.hash_link(secret),
                titles=body.titles,
                now=self.now(),
                session=session,
            )

        await self.while_signed_in(work)
        self.respond({"url": f"{self.settings_.public_url}/calendar/{secret}.ics"}, status=201)

    @Operation(allow="patient", responses={204: None}, audit="calendar.changed")
    async def delete(self) -> None:
        """End the link."""
        await self.audit_read(of=[self.who.id])
        await self.store.calendars.revoke(self.who.id)
        self.respond(status=204)


class CalendarFileHandler(BaseHandler):
    """The file behind a private link. The link alone gives access to it, and to nothing else."""

    async def get(self, secret: str) -> None:
        await self.resources.limits.count(CALENDAR_ADDRESS, self.client_hash)
        link = await self.store.calendars.find(Tokens.hash_link(secret))
        row = await self.store.users.row(link.patient_id) if link else None
        if link is None or row is None or row["status"] == "deactivated":
            raise Problem("not-found")
        zone, now = ZoneInfo(row["timezone"]), self.now()
        steps = await self.store.steps.page(
            {"patient_id": link.patient_id, "status": "active", "kind": "plan"}, after=None, limit=200
        )
        actor = self.actor_as("link")
        await self.store.audit.write(actor, "calendar.read", of=[link.patient_id])
        name, neutral = NAMES.get(row["language"].split("-")[0], NAMES["en"])
        moved_at = row.get("day_changed_at") or row["created_at"]
        coming = [entry for step in steps for entry in _entries(step, titles=link.titles, moved_at=moved_at, now=now)]
        past = await self._past(link, known={entry.key for entry in coming}, zone=zone, now=now)
        self.set_header("Content-Type", "text/calendar; charset=utf-8")
        self.set_header("Cache-Control", "private, no-cache")
        self.finish(calendar_file([*past, *coming], zone=zone.key, name=name, neutral=neutral))

    async def _past(self, link: CalendarLink, *, known: set[str], zone: ZoneInfo, now: datetime) -> list[CalendarEntry]:
        """What came due or was answered of late, also of steps that are over."""
        since = local_day(now, zone) - timedelta(days=PAST_DAYS)
        rows = await self.store.reminders.slots_since(link.patient_id, since)
        rows = [one for one in rows if one.state != "withdrawn" and one.id not in known]
        steps = await self.store.steps.by_ids(list({one.step_id for one in rows})) if link.titles else {}
        return [
            CalendarEntry(
                key=one.id,
                at=one.slot_at,
                title=steps[one.step_id].words.title if one.step_id in steps else None,
                changed_at=one.answered_at or one.slot_at,
                rings=False,
            )
            for one in rows
        ]


def _entries(step: Step, *, titles: bool, moved_at: datetime, now: datetime) -> list[CalendarEntry]:
    """The slots of one step from its newest on, as many as the course still needs."""
    course = step.course
    if course is None or course.ended:
        return []
    timeline = course.timeline(step.zone)
    found: list[CalendarEntry] = []
    left = AHEAD if course.total is None or course.schedule.is_fixed else min(AHEAD, course.total - course.done)
    slot = course.open_slot.number if course.open_slot else timeline.after(course.passed)
    changed_at = max(course.activated_at, moved_at)
    horizon = now + timedelta(days=AHEAD_DAYS)
    while slot is not None and len(found) < left and timeline.moment(slot) < horizon:
        held = course.known(slot)
        if held is None or held.state not in ANSWERED:
            found.append(
                CalendarEntry(
                    key=slot_id(step.id, timeline.key(slot)),
                    at=held.at if held else timeline.moment(slot),
                    title=step.words.title if titles else None,
                    changed_at=changed_at,
                )
            )
        slot = timeline.after(slot)
    return found


class PushHandler(ApiHandler):
    async def _view(self) -> dict[str, object]:
        sender = await push_sender(self.context.app)
        return {
            "public_key": sender.public_key,
            "items": [
                {"id": one.id, "host": one.endpoint.split("/")[2], "created_at": to_wire(one.created_at)}
                for one in await self.store.subscriptions.of_user(self.who.id)
            ],
        }

    @Operation(allow="patient", responses={200: PushView})
    async def get(self) -> None:
        """The key to subscribe with, and your devices."""
        self.respond(await self._view())

    @Operation(allow="patient", responses={201: PushView}, problems=("conflict",))
    async def post(self, body: PushBody) -> None:
        """Have a device told, in neutral words, when a reminder waits and no page is open."""
        sender = await push_sender(self.context.app)
        try:
            await sender.check(body.endpoint)
        except EndpointRefused:
            raise Invalid("#/endpoint", "Only https endpoints at public addresses can be reached.") from None
        pushed = await self.store.events.newest(self.who.id)

        async def work(session: Session) -> bool:
            return await self.store.subscriptions.add(
                id=_device_id(self.who.id, body.endpoint),
                user_id=self.who.id,
                endpoint=body.endpoint,
                p256dh=body.keys.p256dh,
                auth=body.keys.auth,
                now=self.now(),
                pushed=pushed,
                session=session,
            )

        if not await self.while_signed_in(work):
            raise Problem("conflict", "You have too many devices. Remove one first.")
        self.respond(await self._view(), status=201)

    @Operation(allow="patient", responses={204: None}, problems=("not-found",))
    async def delete(self, body: PushDeviceBody) -> None:
        """Forget a device, by its id or its endpoint."""
        id = body.id or (_device_id(self.who.id, body.endpoint) if body.endpoint else "")
        if not await self.store.subscriptions.delete(id, user_id=self.who.id):
            raise Problem("not-found")
        self.respond(status=204)


def _device_id(user_id: str, endpoint: str) -> str:
    """The same device of the same user has the same id, which does not reveal its endpoint."""
    return str(UUID(bytes=hashlib.sha256(f"{user_id}|{endpoint}".encode()).digest()[:16]))
