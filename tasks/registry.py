"""Registers all tasks on one broker."""

from __future__ import annotations

from tasks import accounts, audit, carer_alerts, mail, mail_reminders, notes, push, reminders
from tasks.broker import ReliableStreamBroker


def register_all(broker: ReliableStreamBroker, *, tick_s: int) -> None:
    """Register the tasks. Sweeps carry their schedule as a label."""
    reminders.register(broker, tick_s)
    notes.register(broker, tick_s)
    mail.register(broker, tick_s)
    mail_reminders.register(broker, tick_s)
    carer_alerts.register(broker, tick_s)
    push.register(broker, tick_s)
    audit.register(broker, tick_s)
    accounts.register(broker)
