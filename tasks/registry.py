"""Registers all tasks on one broker."""

from __future__ import annotations

from tasks import accounts, audit, carer_alerts, mail, mail_reminders, notes, push, reminders
from tasks.broker import ReliableStreamBroker


def register_all(broker: ReliableStreamBroker, *, tick_s: int) -> None:
    """Register the tasks that requests send, and those that ticks start, with their intervals in seconds."""
    broker.register_task(notes.read_task, task_name=notes.READ)
    broker.register_task(mail.send_letter, task_name=mail.SEND)
    for task, name, every_s in (
        (reminders.remind_due, reminders.NAME, tick_s),
        (notes.sweep_task, notes.SWEEP, tick_s),
        (mail.sweep_letters, "sweep_letters", tick_s),
        (mail_reminders.sweep_mail_reminders, "sweep_mail_reminders", max(5, tick_s)),
        (carer_alerts.sweep_carer_alerts, "sweep_carer_alerts", max(15, tick_s)),
        (push.sweep_push, "sweep_push", max(5, tick_s)),
        (audit.bind_audit, "bind_audit", tick_s),
    ):
        broker.register_tick(task, name, tick_s=tick_s, every_s=every_s)
    broker.register_tick(accounts.delete_expired_sign_ups, "forget_sign_ups", tick_s=3600, every_s=3600)
