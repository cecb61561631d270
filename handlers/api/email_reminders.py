"""Reminders by e-mail: the patient subscribes, and unsubscribes here or by the link in every letter."""

from __future__ import annotations

import hmac
from html import escape

from handlers.api.schemas import Moment, NothingBody, View
from handlers.base.api_handler import ApiHandler
from handlers.base.base_handler import BaseHandler
from hospital_rt.domain.clock import to_wire
from hospital_rt.web.operation import Operation
from hospital_rt.web.plain_page import PLAIN_CSP, plain_page
from hospital_rt.web.problems import Problem
from hospital_rt.web.rate_limits import LINK_ADDRESS
from models.services.mail_reminders import set_mail_reminders

_WORDS = {
    "en": (
        "Reminders by e-mail",
        "Do you want no more reminders by e-mail?",
        "No more e-mails",
        "You get no more reminders by e-mail. You can switch them on again on your page, under Me.",
    ),
    "es": (
        "Avisos por correo",
        "¿No quiere recibir más avisos por correo?",
        "No más correos",
        "Ya no recibirá avisos por correo. Puede activarlos otra vez en su página, en Yo.",
    ),
}


class EmailRemindersView(View):
    on: bool
    since: Moment | None


class EmailRemindersHandler(ApiHandler):
    async def _view(self) -> dict[str, object]:
        subscription = await self.store.mail_reminders.get(self.who.id)
        return {"on": subscription is not None, "since": to_wire(subscription.since) if subscription else None}

    @Operation(allow="patient", responses={200: EmailRemindersView})
    async def get(self) -> None:
        """Whether a letter comes when a reminder waits and no page has shown it."""
        self.respond(await self._view())

    @Operation(
        allow="patient",
        body_optional=True,
        responses={200: EmailRemindersView},
        problems=("email-unverified",),
        audit="account.changed",
    )
    async def put(self, body: NothingBody) -> None:
        """Ask for letters, in neutral words, one at most for a slot; again is the same answer."""
        if not self.who.row.get("email_confirmed", True):
            raise Problem("email-unverified")
        await set_mail_reminders(self.store, self.who.id, on=True, now=self.now(), actor=self.actor)
        self.respond(await self._view())

    @Operation(allow="patient", responses={204: None}, audit="account.changed")
    async def delete(self) -> None:
        """No more letters."""
        await set_mail_reminders(self.store, self.who.id, on=False, now=self.now(), actor=self.actor)
        self.respond(status=204)


class UnsubscribeHandler(BaseHandler):
    """The link in a letter: a page that asks, and the one click of RFC 8058. The link alone is enough to end them."""

    methods = frozenset({"GET", "HEAD", "POST"})

    async def _whose(self, link_id: str, secret: str) -> str | None:
        """Whose letters the link ends; None when they have ended.

        Raises:
            Problem: 404: it is not one of our links.
        """
        await self.resources.limits.count(LINK_ADDRESS, self.client_hash)
        if not hmac.compare_digest(self.context.tokens.link_token(use="unsubscribe", link_id=link_id), secret):
            raise Problem("not-found")
        return await self.store.mail_reminders.of_link(link_id)

    async def get(self, link_id: str, secret: str) -> None:
        """Ask: a mail system that looks at links must not end anything."""
        await self._page(await self._whose(link_id, secret), asks=True)

    async def post(self, link_id: str, secret: str) -> None:
        """No more letters; again is the same answer."""
        user_id = await self._whose(link_id, secret)
        if user_id is not None:
            actor = self.actor_as("link")
            await set_mail_reminders(self.store, user_id, on=False, now=self.now(), actor=actor)
        await self._page(user_id, asks=False)

    async def _page(self, user_id: str | None, *, asks: bool) -> None:
        row = await self.store.users.row(user_id) if user_id else None
        language = row["language"].split("-")[0] if row else "en"
        language = language if language in _WORDS else "en"
        title, question, button, done = _WORDS[language]
        press = f'<form method="post"><button class="button button-main">{escape(button)}</button></form>'
        inside = f"<p>{escape(question)}</p>{press}" if asks else f"<p>{escape(done)}</p>"
        self.finish_page(plain_page(title, inside, language=language), csp=PLAIN_CSP)
