"""Moments as they go over the wire, and where a day of a zone begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hospital_rt.domain.clock import from_wire, local_day, start_of_day
from tests.support.slot_oracle import MINUTE

DAYS = 400
START = date(2027, 1, 1)


def test_a_wire_moment_is_read_as_it_was_written_or_refused() -> None:
    assert from_wire("2026-03-02T08:00:00Z") == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert from_wire("2026-03-02T08:00:00.25Z") == datetime(2026, 3, 2, 8, 0, 0, 250_000, tzinfo=UTC)
    for text in (
        "2026-03-02",
        "2026-03-02T08:00:00",
        "2026-03-02T08:00:00+00:00",
        "2026-02-30T08:00:00Z",
        "2026-03-02T08:00:00z",
        " 2026-03-02T08:00:00Z",
        "2026-03-02T08:00:60Z",
        "٢٠٢٦-03-02T08:00:00Z",
    ):
        with pytest.raises(ValueError):
            from_wire(text)


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Santiago", "Pacific/Apia"])
def test_a_day_begins_at_its_first_moment(name: str) -> None:
    zone = ZoneInfo(name)
    for number in range(DAYS):
        day = START + timedelta(days=number)
        began = start_of_day(day, zone)
        assert local_day(began, zone) == day and local_day(began - MINUTE, zone) < day
