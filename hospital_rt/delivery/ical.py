"""The calendar file (RFC 5545) of a patient's reminders, in their own time zone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event

LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """One slot to come. ``title`` None: the file does not say what for."""

    key: str
    at: datetime
    title: str | None = field(repr=False)


def calendar_file(entries: Iterable[CalendarEntry], *, zone: ZoneInfo, name: str, neutral: str, now: datetime) -> bytes:
    """The file: an event with an alarm for each slot, on the patient's clock."""
    calendar = Calendar()
    calendar.add("prodid", "-//hospital_rt//reminders//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval;value=duration", "PT1H")
    for entry in entries:
        event = Event()
        event.add("uid", hashlib.sha256(entry.key.encode()).hexdigest()[:32] + "@hospital_rt")
        event.add("dtstamp", now)
        start = entry.at.astimezone(zone)
        event.add("dtstart", start)
        event.add("dtend", start + LASTS)
        event.add("summary", entry.title or neutral)
        event.add("transp", "TRANSPARENT")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", entry.title or neutral)
        alarm.add("trigger", timedelta(0))
        event.add_component(alarm)
        calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())
