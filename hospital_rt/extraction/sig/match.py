"""What a dose instruction says, as fields."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SigMatch:
    """A dose instruction read from a sentence. Offsets are code points in the sentence.

    The fields of the schedule are those of a plan item; None where the words do not say. ``asks``: slugs of questions that
    the words leave open (how-often, how-much, how-long, which-day, contradiction, implausible).
    """

    start: int
    end: int
    medicine: str | None = field(default=None, repr=False)
    medicine_span: tuple[int, int] | None = None
    named: bool = False  # a name, not a class such as "antibiotics"
    subject: str | None = field(default=None, repr=False)  # words before the schedule, when there is no medicine
    dose: str | None = field(default=None, repr=False)  # as written: "40 mg", "500 mg, 2 tablets"
    doses_by_part: tuple[tuple[str, str], ...] = field(
        default=(), repr=False
    )  # (dose, part) where the dose differs in the day
    form: str | None = field(default=None, repr=False)
    route: str | None = field(default=None, repr=False)
    meal: str | None = field(default=None, repr=False)
    times_per_day: int | None = None
    times_range: tuple[int, int] | None = None  # "3-4 times a day"
    every_hours: int | None = None
    times: tuple[str, ...] | None = None
    parts: tuple[str, ...] | None = None
    every_days: int | None = None
    per_week: int | None = None  # "3 times a week", days not named; every_days is the nearest
    weekdays: tuple[str, ...] | None = None
    every_months: int | None = None
    on_day: int | str | None = None
    duration_days: int | None = None
    start_in_days: int | None = 0  # None: after something whose end the words do not say
    miss_policy: str = "extend"
    until: str | None = field(default=None, repr=False)  # an end that is an event: "until the urine is clear"
    once: bool = False  # a single dose
    extra: bool = False  # beside the usual doses: "an extra tablet"
    as_needed: bool = False
    condition: str | None = field(default=None, repr=False)  # "if your throat swells", "for pain"
    min_gap_hours: float | None = None
    max_per_day: int | None = None
    limit: str | None = field(default=None, repr=False)  # the limit as written
    stopped: bool = False
    stage: int = 0  # place in a taper, from 0
    conflict: bool = False
    asks: tuple[str, ...] = ()
    leftovers: tuple[tuple[int, int], ...] = ()
    beside: tuple[tuple[int, int], ...] = ()  # what stands beside the medicine with "and", and was not read
    complete: bool = False

    @property
    def scheduled(self) -> bool:
        """Whether the words say how often."""
        return self.times_per_day is not None
