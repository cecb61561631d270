"""The calendar file (RFC 5545) of a patient's reminders. Times are in UTC: single events need no time zone rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneStandard

LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """One slot, to come or past. ``title`` None: the file does not say what for.

    Args:
        changed_at: when it last changed; two files of the same entries are the same, byte for byte.
        rings: whether the calendar program is to give an alarm; not for what is answered.
    """

    key: str
    at: datetime
    title: str | None = field(repr=False)
    changed_at: datetime
    rings: bool = True


def calendar_file(entries: Iterable[CalendarEntry], *, zone: str, name: str, neutral: str) -> bytes:
    """The file: an event for each slot, in the order of time. ``zone`` is only a hint for showing them."""
    calendar = Calendar()
    calendar.add("prodid", "-//hospital_rt//reminders//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", zone)
    calendar.add("refresh-interval;value=duration", "PT1H")
    for entry in sorted(entries, key=lambda one: (one.at, one.key)):
        calendar.add_component(_event(entry, neutral))
    if not calendar.subcomponents:
        calendar.add_component(_utc())
    return bytes(calendar.to_ical())


def _event(entry: CalendarEntry, neutral: str) -> Event:
    event = Event()
    event.add("uid", hashlib.sha256(entry.key.encode()).hexdigest()[:32] + "@hospital_rt")
    event.add("dtstamp", entry.changed_at)
    event.add("last-modified", entry.changed_at)
    start = entry.at.astimezone(UTC)
    event.add("dtstart", start)
    event.add("dtend", start + LASTS)
    event.add("summary", entry.title or neutral)
    event.add("transp", "TRANSPARENT")
    if entry.rings:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", entry.title or neutral)
        alarm.add("trigger", timedelta(0))
        event.add_component(alarm)
    return event


def _utc() -> Timezone:
    """A calendar has one component at least (RFC 5545, 3.4)."""
    timezone, standard = Timezone(), TimezoneStandard()
    timezone.add("tzid", "UTC")
    standard.add("dtstart", datetime(1970, 1, 1))  # noqa: DTZ001 - the standard wants local time
    standard.add("tzoffsetfrom", timedelta(0))
    standard.add("tzoffsetto", timedelta(0))
    timezone.add_component(standard)
    return timezone
