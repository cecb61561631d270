"""Mail reminders: a neutral letter for an open reminder that no page has displayed. A second channel, best effort.

A page acknowledges how far it has displayed its feed (``ack``), and opening a page counts as seen: neither gets a
letter.
"""

from __future__ import annotations

from datetime import timedelta

from models.services.mail_reminders import queue_reminder_letter
from tasks.dependencies import AppDep

MAIL_AFTER = timedelta(minutes=10)  # without a display, of a day of 24 hours; less where a day is shortened
DAY_S = 86_400
PAGE = 500


async def sweep_mail_reminders(app: AppDep) -> int:
    """Write the letters that are due to the outbox. Returns how many. Safe to run concurrently."""
    store, last, written = app.store, "", 0
    until = app.now() - MAIL_AFTER * ((app.settings.day_seconds or DAY_S) / DAY_S)
    while users := await store.mail_reminders.subscribers(after=last, limit=PAGE):
        last = users[-1]
        for user_id, shown in (await store.events.unshown(users)).items():
            if await store.events.named(user_id, "reminder.due", after=shown, until=until, limit=1):
                written += await queue_reminder_letter(store, user_id, until=until) is not None
    return written
