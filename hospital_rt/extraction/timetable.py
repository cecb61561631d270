"""Whether a schedule follows from the words quoted, their sentences, and the day of the note.

One promise: a number a day, an interval, a length and a first day each pass only when the nearest words that speak of
them allow it; what the service may choose itself (clock times) is left to it rather than doubted.
"""

from __future__ import annotations

from hospital_rt.extraction.courses import agreed_days, lengths_elsewhere, pregnancy, starts_elsewhere
from hospital_rt.extraction.dates import days_to
from hospital_rt.extraction.evidence import Evidence, Scope
from hospital_rt.extraction.often import often, rhythm
from hospital_rt.extraction.schema import PlanItem
from hospital_rt.extraction.steps import is_later_still
from hospital_rt.extraction.support import Doubt


def schedule_doubt(item: PlanItem, evidence: Evidence) -> Doubt | None:
    """A schedule that does not follow from the quote, its sentences, and the day of the note."""
    doubt = _rhythm_doubt(item, evidence) or _start_doubt(item, evidence)
    return doubt or _duration_doubt(item, evidence)


def _rhythm_doubt(item: PlanItem, evidence: Evidence) -> Doubt | None:
    pair = (item.times_per_day, item.every_days)
    for scope in filter(None, (evidence.own, evidence.narrow, evidence.wide)):
        allowed = scope.rhythms(with_limits=item.as_needed)
        if allowed:
            once = item.duration_days == 1 and not rhythm(scope.often)
            if pair in allowed or (once and item.times_per_day == 1):
                return None
            if item.as_needed and pair == (1, 1):
                return None
            return "frequency-not-in-quote", "How often does not follow from the words quoted."
    once = item.times_per_day == 1 and (item.every_days == 1 or item.duration_days == 1)
    return None if once else ("frequency-not-in-quote", "The words quoted do not say how often.")


def _start_doubt(item: PlanItem, evidence: Evidence) -> Doubt | None:
    late = (
        "start-not-in-quote",
        "The day on which it begins does not follow from the words quoted and the day of the note.",
    )
    start = item.start_in_days
    if any(is_later_still(r) and r.due and start - r.due.days in evidence.earlier_starts() for r in evidence.readings):
        return None
    taper = evidence.taper_starts()
    agreed = {n for r in evidence.course_before() for n in agreed_days(r.clause.low, evidence)}
    taper |= {n + first for n in taper for first in agreed}

    elsewhere = starts_elsewhere(evidence)
    if start in elsewhere or (evidence.own and start in _begins(evidence.own)):
        return None
    if taper and any(r.clause.then or (r.clause.joined and r.dosed and not r.drug) for r in evidence.readings):
        return None if start in taper or start in evidence.narrow.named_starts() else late
    weekdays = {day for f in evidence.narrow.often for day in f.weekdays}
    if weekdays and item.every_days % 7 == 0:
        first = {days_to(weekday, evidence.note.day) for weekday in weekdays}
        later = {r.due.days for r in evidence.readings if r.due and r.due.how in {"from", "in"}}
        given = first | {begin + (n - begin) % 7 for n in first for begin in later}
        return None if start in given else late
    begins = [r.due for r in evidence.readings if r.due and r.due.how in {"from", "in"} and r.due.days > 0]
    if begins and not item.as_needed:
        return None if start in {n for d in begins for n in (d.days, *d.allowed)} or start in taper else late
    if not rhythm(evidence.narrow.often):  # a single dated act, as a plan of one
        return None if start in {0} | evidence.wide.named_starts() | taper | pregnancy(evidence) else late
    allowed = {0} | {r.due.days for r in evidence.readings if r.due} | taper
    following = any(d.fixed for d in evidence.wide.durations) and start <= 1
    return None if start in allowed or following else late


def _begins(scope: Scope) -> set[int]:
    return {n for d in scope.dues if d.how in {"from", "in"} for n in (d.days, *d.allowed)}


def _duration_doubt(item: PlanItem, evidence: Evidence) -> Doubt | None:
    times, every, start = item.times_per_day, item.every_days, item.start_in_days
    stated = [r.lasts for r in evidence.readings if r.lasts is not None]
    if evidence.own is not None:
        stated = evidence.own.durations
    if item.duration_days is None:
        whole = len(evidence.readings) == 1 or len(stated) == len(evidence.readings)
        if stated and whole and not item.as_needed and not evidence.readings[0].single:
            return "duration-left-out", "The words quoted give an end, and it gives none."
        return None
    if item.duration_days == 1 and times == 1 and not rhythm(evidence.narrow.often):
        return None
    if not stated and item.duration_days in evidence.until_next_dose(start):
        return None
    if item.duration_days in lengths_elsewhere(evidence, times=times, start=start):
        return None
    for scope in (evidence.lengths, evidence.shared):
        allowed = scope.lasting(times=times, every=every, start=start)
        if allowed:
            occurrences = {-(-n // every) for n in allowed}
            right = item.duration_days in allowed or (every > 1 and -(-item.duration_days // every) in occurrences)
            return None if right else ("duration-not-in-quote", "How long does not follow from the words quoted.")
    return "duration-not-in-quote", "The words quoted do not say how long."


def clock_kept(item: PlanItem, evidence: Evidence) -> list[str] | None:
    """The clock times of an item as far as the note gives them: all of them, or none (the service chooses)."""
    if not item.times or len(item.times) != item.times_per_day or len(set(item.times)) != len(item.times):
        return None
    given = set(evidence.narrow.clock) or set(evidence.wide.clock)
    return item.times if set(item.times) <= given else None


def hours_kept(item: PlanItem, evidence: Evidence) -> int | None:
    """``every_hours`` where the note says so and the number a day agrees; else None."""
    if item.every_hours is None or -(-24 // item.every_hours) != item.times_per_day:
        return None
    given = {f.every_hours for f in often(evidence.wide.low)}
    return item.every_hours if item.every_hours in given else None
