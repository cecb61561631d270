"""FHIR date search: ``ge2027-03-01`` as an interval (R4B, section 3.1.1.4.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DATE = re.compile(
    r"(eq|ge|gt|le|lt|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?"
    r"(Z|[+ -]\d\d:\d\d)?)?)?)?\Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Span:
    """The interval from ``since`` until before ``until``, aware and UTC; None is unbounded."""

    since: datetime | None = None
    until: datetime | None = None

    def __contains__(self, moment: datetime) -> bool:
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)

    def within(self, other: Span) -> Span:
        """The intersection of both."""
        since = max((at for at in (self.since, other.since) if at), default=None)
        until = min((at for at in (self.until, other.until) if at), default=None)
        return Span(since, until)


def read_span(text: str) -> Span:
    """The interval of a date with its prefix. Without a zone it is UTC.

    >>> read_span("ge2027-03-01").since
    datetime.datetime(2027, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)

    Raises:
        ValueError: not a FHIR date, or a prefix that is not supported (``ne``, ``ap``).
    """
    found = _DATE.match(text)
    if not found:
        raise ValueError("not a date such as ge2027-03-01")
    prefix, year, month, day, hour, minute, second, fraction, zone = found.groups()
    micro = int((fraction or "0")[:6].ljust(6, "0"))  # finer than what is stored: .NET and Java write 7 and 9 digits
    first = datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), micro, tzinfo=UTC
    )
    try:
        if zone and zone != "Z":
            away = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
            first = first + away if zone[0] == "-" else first - away  # an unescaped plus arrives as a space
        after = _after(first, month, day, hour, second, fraction)
    except OverflowError:
        raise ValueError("beyond the calendar") from None
    match prefix:
        case "ge":
            return Span(first, None)
        case "gt" | "sa":
            return Span(after, None)
        case "le":
            return Span(None, after)
        case "lt" | "eb":
            return Span(None, first)
        case _:
            return Span(first, after)


def _after(
    first: datetime, month: str | None, day: str | None, hour: str | None, second: str | None, fraction: str | None
) -> datetime:
    """The end of what was named: a year, month, day, minute, second or millisecond."""
    if month is None:
        return first.replace(year=first.year + 1) if first.year < 9999 else first + timedelta(days=366)
    if day is None:
        return (first.replace(day=1) + timedelta(days=32)).replace(day=1)
    if hour is None:
        return first + timedelta(days=1)
    if second is None:
        return first + timedelta(minutes=1)
    return first + (timedelta(seconds=1) if fraction is None else timedelta(milliseconds=1))
