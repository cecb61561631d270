"""Words for tests of the feeds: events that simply happen, and tokens that end when a test wants it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from hospital_rt.domain.clock import utcnow
from hospital_rt.settings import Settings
from hospital_rt.storage.database import Session
from hospital_rt.web.tokens import Tokens
from models.app_context import AppContext
from models.events import NewEvent
from tests.support.channel import Channel
from tests.support.driver import SECRET, Clinic, Person, free_port


async def tell(
    app: AppContext, user_id: str, texts: list[Any], *, event: str = "assignment.changed", announce: bool = True
) -> None:
    """Have these happen to a user, in one transaction."""

    async def work(session: Session) -> None:
        new_events = [
            NewEvent(user_id=user_id, about=user_id, event=event, key=uuid4().hex, data={"text": text})
            for text in texts
        ]
        await app.store.events.append(new_events, at=app.now(), session=session)

    await app.store.transaction(work)
    if announce:
        await app.resources.wakeups.announce([user_id])


def token_for(clinic: Clinic, person: Person, *, lasts_s: float) -> str:
    """An access token of this person's session that ends in so many seconds (in whole seconds of the clock)."""
    tokens = clinic.app.resources.tokens
    access = tokens.read_access(person.access or "")
    maker = Tokens(SECRET, access_s=900)
    issued = utcnow() - timedelta(seconds=900 - lasts_s)
    return maker.issue_access(user_id=access.user_id, session_id=access.session_id, now=issued)


def seqs(channel: Channel) -> list[int]:
    """The numbers of the events that came."""
    return [event["seq"] for event in channel.events]


async def heard_up_to(channel: Channel, seq: int, *, within_s: float = 10.0) -> list[int]:
    """Wait until the event with this number has come; the numbers of all that came."""
    while not channel.events or channel.events[-1]["seq"] < seq:
        await channel.message("event", within_s=within_s)
    return seqs(channel)


def elsewhere(clinic: Clinic, **changes: Any) -> Settings:
    """The settings of another web server on the same records: ``open_clinic(elsewhere(clinic), clinic.model)``."""
    port = free_port()
    return clinic.app.settings.model_copy(update={"port": port, "public_url": f"http://127.0.0.1:{port}", **changes})
