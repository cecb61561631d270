"""Mail delivery: sends the letters of the outbox, retries while the server is away, never resends one on purpose."""

from __future__ import annotations

from datetime import timedelta

from hospital_rt.delivery.mail_templates import letter_text
from hospital_rt.delivery.mailer import Envelope, MailRefused, MailUnavailable
from hospital_rt.domain.clock import utcnow
from hospital_rt.logs import log
from models.app_context import AppContext
from models.letters import MAX_TRIES, Letter, LinkUse
from models.services.carer_alerts import is_carer_alert_due
from models.services.mail_reminders import is_reminder_letter_due
from tasks.dependencies import AppDep

SEND = "send_letter"
LEASE_S = 60.0
SWEEP_BATCH = 50
AT_MOST_ONCE = {"reminder", "carer-alert"}  # no letter rather than two


async def send_letter(app: AppDep, letter_id: str) -> None:
    """Send one letter. Safe to call repeatedly and concurrently."""
    letters, tries = app.store.letters, app.resources.metrics.letters
    letter = await letters.claim(letter_id, now=utcnow(), lease_s=LEASE_S)
    if letter is None:
        return
    is_reminder = letter.kind == "reminder"
    at_most_once = letter.kind in AT_MOST_ONCE
    if at_most_once and letter.in_doubt:
        await letters.done(letter.id, outcome="unknown")
        return
    envelope = await _envelope(app, letter)
    if envelope is None:
        await letters.done(letter.id, outcome="given-up")
        return
    if at_most_once:
        await letters.sending(letter.id)
    try:
        await app.resources.mailer.send(envelope)
    except MailRefused:
        log.warning("letter.refused", letter_id=letter.id, kind=letter.kind)
        tries.labels("refused").inc()
        await letters.done(letter.id, outcome="given-up")
        if is_reminder:
            await app.store.mail_reminders.record_refused(letter.user_id)
    except MailUnavailable as unavailable:
        if at_most_once and unavailable.in_doubt:
            log.warning("letter.in_doubt", letter_id=letter.id, kind=letter.kind)
            await letters.done(letter.id, outcome="unknown")
            return
        if letter.tries >= MAX_TRIES:
            log.error("letter.given_up", letter_id=letter.id, kind=letter.kind)
            tries.labels("given-up").inc()
            await letters.done(letter.id, outcome="given-up")
            return
        tries.labels("put-off").inc()
        wait_s = min(600, 2**letter.tries)
        log.warning("letter.put_off", letter_id=letter.id, attempt=letter.tries, delay_s=wait_s)
        await letters.defer(letter.id, until=utcnow() + timedelta(seconds=wait_s))
    else:
        tries.labels("sent").inc()
        await letters.done(letter.id, outcome="sent")
        if is_reminder:
            await app.store.mail_reminders.record_accepted(letter.user_id)


async def _envelope(app: AppContext, letter: Letter) -> Envelope | None:
    """Recipient and content, built only now: the outbox holds neither address nor link."""
    user = await app.store.users.get(letter.user_id)
    if user is None or user.email is None:
        return None
    base, tokens, link, page = app.settings.public_url, app.resources.tokens, "", "/"
    if letter.kind == "carer-invitation":
        return await _invitation(app, letter, language=user.language)
    if letter.kind == "carer-alert" and not await is_carer_alert_due(app.store, letter.link_id or "", now=app.now()):
        return None
    if letter.kind == "reminder":
        if letter.link_id is None or not await is_reminder_letter_due(app.store, letter.user_id, seq=letter.seq or 0):
            return None
        link = f"{base}/unsubscribe/{letter.link_id}.{tokens.link_token(use='unsubscribe', link_id=letter.link_id)}"
    elif letter.kind not in {"carer-alert", "doctor-approved", "doctor-refused"}:
        page = "/#/forgot"
        if letter.link_id:
            use: LinkUse = "verify" if letter.kind == "verify" else "reset"
            link = f"{base}/#/{use}?token={tokens.link_token(use=use, link_id=letter.link_id)}"
    text = letter_text(letter.kind, user.language, link=link, page=f"{base}{page}")
    unsubscribe = link if letter.kind == "reminder" else None
    return Envelope(id=letter.id, to=user.email, subject=text.subject, text=text.body, unsubscribe=unsubscribe)


async def _invitation(app: AppContext, letter: Letter, *, language: str) -> Envelope | None:
    """A letter to an address that may have no account, in the language of the patient who invites."""
    grant = await app.store.grants.get(letter.link_id or "")
    to = await app.store.grants.invited_address(grant) if grant and grant.is_open(app.now()) else None
    if grant is None or to is None:
        return None
    token = app.resources.tokens.link_token(use="invitation", link_id=grant.id)
    text = letter_text(
        letter.kind,
        language,
        link=f"{app.settings.public_url}/#/invitation?token={token}",
        page=app.settings.public_url,
    )
    return Envelope(id=letter.id, to=to, subject=text.subject, text=text.body)


async def sweep_letters(app: AppDep) -> int:
    """Send what is still waiting. Returns how many letters were found."""
    found = await app.store.letters.unsent(utcnow(), limit=SWEEP_BATCH)
    for letter_id in found:
        await send_letter(app, letter_id)
    return len(found)
