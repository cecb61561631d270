"""From drafts to matches: what follows from what was read, what contradicts, what is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

from hospital_rt.domain.schedule import PARTS
from hospital_rt.extraction.sig.match import SigMatch
from hospital_rt.extraction.sig.parse import Atom, Draft, Parser
from hospital_rt.extraction.sig.tokens import WEEK

AWAKE_HOURS = 16
MOST_A_DOSE = {
    "mg": 6000,
    "mcg": 5000,
    "g": 100,
    "ml": 1000,
    "l": 4,
    "tablet": 16,
    "puff": 12,
    "drop": 30,
    "unit": 600_000,
}
"""Above these an amount is a slip of the pen (or of the microphone), and is asked about."""
MOST_A_DAY = {"tablet": 40, "puff": 60}
_UNITS = {
    "tablet": "tablet tablets tab tabs capsule capsules cap caps pill pills caplet caplets comprimido comprimidos cápsula cápsulas",
    "puff": "puff puffs spray sprays inhalation inhalations inhalación inhalaciones",
    "drop": "drop drops gtt gtts gota gotas",
    "unit": "unit units iu u ui unidades",
    "mg": "mg mgs milligram milligrams miligramos",
    "mcg": "mcg mcgs µg μg ug microgram micrograms microgramos",
    "g": "g gm gms gram grams gramos",
    "ml": "ml mls cc millilitres milliliters mililitros",
    "l": "l litre litres liter liters litro litros",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
PER_WEEK = {1: 7, 2: 3, 3: 2, 4: 2, 5: 1, 6: 1, 7: 1}
"""The nearest interval in days to so many times a week, when the days are not named; it is always asked about."""


_CLOCKS = {
    "morning": ("03:00", "12:00"),
    "noon": ("11:00", "15:59"),
    "evening": ("15:00", "23:59"),
    "bedtime": ("18:00", "24:00"),
}
"""The clock times that a part of the day may mean."""


def _is_named(part: str, clocks: tuple[str, ...]) -> bool:
    """Whether a part of the day is what one of the clock times beside it says: "at 8 in the morning"."""
    first, last = _CLOCKS[part]
    return any(first <= clock <= last or (part == "bedtime" and clock < "03:00") for clock in clocks)


def _frequency(d: Draft, f: dict[str, Any]) -> None:
    """How often: numbers, hours, parts, clock times and weekdays that say the same thing or contradict."""
    got = d.got
    times, parts = got.get("times"), sorted(d.parts, key=PARTS.index)
    if got.get("times_high") or got.get("hours_high"):
        if got.get("times_high"):
            f["times_range"] = (int(times or 1), int(got["times_high"]))
        else:
            f["times_range"] = (int(24 // got["hours_high"]), int(24 // got["hours"]))
        if not d.as_needed:
            d.asks.append("how-often")
    if got.get("hours"):
        _hours(d, f, times)
        times = f["times_per_day"]
    if times is None and got.get("loose"):
        times = max(len(parts), len(d.clocks)) or 1
    if d.clocks and parts == ["noon"]:
        d.clocks.append("12:00")
    if d.clocks:
        f["times"] = tuple(sorted(set(d.clocks)))
        beside = tuple(part for part in parts if not _is_named(part, f["times"]))
        if beside:
            f["parts"] = beside  # "before breakfast and at 6 pm"
        if times not in (None, len(f["times"]) + len(beside)):
            d.conflict = True
        times, parts = len(f["times"]) + len(beside), []
    if parts:
        times = _parts(d, f, times, parts)
    if times is None and got.get("labelled") and got.get("duration") == 1 and d.doses and not got.get("once"):
        times = 1  # "day 1 six tablets": the day's dose
    if times is None and (
        got.get("days") or got.get("per_week") or got.get("per_month") or d.weekdays or got.get("on_day")
    ):
        times = 1
    if times is not None:
        f["times_per_day"] = int(times)
        if not 1 <= times <= 24:
            d.asks.append("implausible")
            f["times_per_day"] = None


def _hours(d: Draft, f: dict[str, Any], times: int | None) -> None:
    hours = int(d.got["hours"])
    if hours > 24 or hours < 1:
        d.conflict = True
        f["times_per_day"] = None
    elif d.got.get("awake"):
        f["times_per_day"] = max(AWAKE_HOURS // hours, 1)
    else:
        f["times_per_day"] = max(24 // hours, 1)
        if 24 % hours == 0:
            f["every_hours"] = hours
        elif not d.as_needed:
            d.asks.append("how-often")
    if times is not None and not d.got.get("loose") and times != f["times_per_day"]:
        d.conflict = True


def _parts(d: Draft, f: dict[str, Any], times: int | None, parts: list[str]) -> int | None:
    if d.got.get("meals") and times is not None and times != len(parts):
        f["meal"] = d.got["meals"]  # "twice daily before meals": the parts are not named
        return times
    if times is None or (d.got.get("loose") and "times" in d.got and times == 1):
        times = len(parts)
    if times == len(parts):
        f["parts"] = tuple(parts)
    elif not f.get("every_hours"):
        d.conflict = True
    return times


def _days(d: Draft, f: dict[str, Any], day: date) -> None:
    """On which days: every so many, weekdays, days of the month, and the first of them."""
    got = d.got
    f["start_in_days"] = got.get("start", got.get("start_more", 0))
    if got.get("on_day") is not None:
        f["every_months"], f["on_day"], f["every_days"] = got.get("months", 1), got["on_day"], 30
    elif d.weekdays:
        _weekdays(d, f, day)
    elif got.get("per_week") is not None:
        if got.get("per_week_high"):
            d.asks.append("how-often")
        f["per_week"] = int(got["per_week"])
        f["every_days"] = PER_WEEK.get(f["per_week"])
        if f["per_week"] not in (1, 7):
            d.asks.append("which-day")
    elif got.get("per_month") is not None:
        f["every_days"] = max(30 // int(got["per_month"]), 1)
        if f["every_days"] != 30:
            d.asks.append("which-day")
    elif f.get("times_per_day") is not None:
        f["every_days"] = int(got.get("days", 1))
        if got.get("days_high"):
            d.asks.append("how-often")


def _weekdays(d: Draft, f: dict[str, Any], day: date) -> None:
    count = len(d.weekdays)
    if d.got.get("per_week") not in (None, count) or d.got.get("days", 7) not in (1, 7, 14):
        d.conflict = True
    if count == 7:
        f["every_days"] = 1
        return
    earliest = f["start_in_days"] or 0
    offset = min((WEEK.index(w) - day.weekday() - earliest) % 7 for w in d.weekdays) + earliest
    if d.got.get("days") == 14:
        if count > 1:
            d.conflict = True
        f["every_days"] = 14
    else:
        f["every_days"], f["weekdays"] = 7, tuple(d.weekdays)
    f["start_in_days"] = offset


def _length(d: Draft, f: dict[str, Any]) -> None:
    """How long: days, a number of doses, or a day on which it ends."""
    got = d.got
    if "duration" in got:
        f["duration_days"] = int(got["duration"])
    if got.get("doses") and f.get("times_per_day") and not d.as_needed:
        days, rest = divmod(int(got["doses"]) * (f["every_days"] or 1), f["times_per_day"])
        if f.get("duration_days") not in (None, days + bool(rest)):
            d.conflict = True
        elif rest:
            d.asks.append("how-long")
        else:
            f["duration_days"] = days
    if got.get("until") is not None:
        days = got["until"] - (f["start_in_days"] or 0) + 1
        if "duration" in got and abs(got["duration"] - days) > max(1, days // 20):
            d.conflict = True
        elif days >= 1:
            f["duration_days"], f["miss_policy"] = days, "fixed"
        else:
            d.conflict = True
    if f.get("duration_days") and not 1 <= f["duration_days"] <= 1000:
        d.asks.append("implausible")
        f["duration_days"] = None


def _limits(d: Draft, f: dict[str, Any]) -> None:
    got = d.got
    if got.get("gap"):
        f["min_gap_hours"] = float(got["gap"])
    if got.get("max_per_day"):
        f["max_per_day"] = int(got["max_per_day"])
    if d.as_needed:
        if got.get("hours"):
            f["min_gap_hours"] = float(got["hours"])
        elif f.get("times_per_day") and not f.get("parts") and (f.get("every_days") or 1) == 1 and not got.get("loose"):
            f.setdefault("max_per_day", f.get("times_range", (0, f["times_per_day"]))[1])
    elif got.get("max_per_day") and f.get("times_per_day") and got["max_per_day"] < f["times_per_day"]:
        d.conflict = True


def _written(parser: Parser, d: Draft, doses: list[Atom]) -> str:
    """The doses as the note writes them, each once: "500 mg, 2 tablets", "160/4.5"."""
    parts: list[str] = []
    for atom in doses:
        start, end = parser.tokens[atom.i].start, parser.tokens[atom.j - 1].end
        words, mark = parser.text[start:end], parser.text[start - 1 : start]
        close = bool(parts) and parser.text[: start - 1].endswith(parts[-1])
        if close and mark == "/":
            parts[-1] += f"/{words}"
        elif words not in parts:
            parts.append(words)
        if close and mark == "-":
            d.asks.append("implausible")  # "reduce 10-5 mg": to which of them?
    return ", ".join(parts)


def _amounts(d: Draft, f: dict[str, Any], parser: Parser) -> None:
    doses = [a for a in d.doses if a.value.get("unit") or a.value.get("amount") or a.value.get("strength")]
    if d.medicine:
        lengths = [a for a in doses if parser.is_length(a)]
        doses = [a for a in doses if a not in lengths]
        d.leftovers += lengths
    if doses:
        f["dose"] = _written(parser, d, doses)
    f["extra"] = parser.is_extra(d)
    for atom in doses:
        unit = _UNIT_OF.get(atom.value.get("unit", ""))
        amount = atom.value.get("high") or atom.value.get("amount") or 0
        if unit and (
            amount > MOST_A_DOSE[unit] or amount * (f.get("times_per_day") or 1) > MOST_A_DAY.get(unit, 10**9)
        ):
            d.asks.append("implausible")


def build(parser: Parser, drafts: list[Draft]) -> list[SigMatch]:
    """The matches of the drafts, in order; stages of a taper follow one another."""
    out: list[SigMatch] = []
    drafts = _joined(_shared(parser, _all_for(parser, drafts)))
    after = parser.after
    at: dict[str, Any] = {"start": after.start_in_days, "days": after.duration_days} if after else {}
    stage = after.stage if after else 0
    for n, d in enumerate(drafts):
        f: dict[str, Any] = {}
        same = d.inherited or (n > 0 and d.stage) or (n > 0 and _named(parser, d) == _named(parser, drafts[n - 1]))
        follows = n > 0 and same and (d.stage or d.got.get("labelled") or drafts[n - 1].stopped)
        staged = bool(follows or (n == 0 and d.continues and d.stage))
        stage = stage + 1 if staged else 0
        before = drafts[n - 1] if n else None
        if staged and not d.when and d.doses and not (d.got.get("labelled") and d.got.get("duration") == 1):
            _inherit(d, before, after if before is None else None)
        if staged and d.when and not d.doses and before is not None:
            d.doses = list(before.doses)  # "1 drop every 2 hours for 2 days, then 4 times a day"
        if staged and before is not None and "route" in before.texts:
            d.texts.setdefault("route", before.texts["route"])
        _frequency(d, f)
        _days(d, f, parser.day)
        if staged and at and not d.got.get("labelled"):
            _follow(d, f, at, out)
        if n and not staged and "start_more" in d.got and "start" not in d.got:
            f["start_in_days"] = None  # "a week later" than the end of another medicine
            d.asks.append("which-day")
        _length(d, f)
        if (staged or _followed(drafts, n)) and f.get("duration_days"):
            f["miss_policy"] = "fixed"
        _limits(d, f)
        _amounts(d, f, parser)
        at = {"start": f["start_in_days"], "days": f.get("duration_days"), "cumulative": d.got.get("until_more")}
        if same and before is not None and "form" in before.texts:
            d.texts.setdefault("form", before.texts["form"])
        out.append(_match(parser, d, f, stage))
    return _ended(out)


def _ended(matches: list[SigMatch]) -> list[SigMatch]:
    """With the end of what another dose of the same medicine replaces: "750 mg bd after 2 weeks and 1 g bd after 4"."""
    for n, (one, other) in enumerate(pairwise(matches)):
        same = one.medicine_span and one.medicine_span == other.medicine_span and one.dose != other.dose
        when = (one.parts, one.times, one.weekdays) == (other.parts, other.times, other.weekdays)
        open_end = one.scheduled and other.scheduled and not (one.as_needed or one.duration_days or one.until)
        if (
            same
            and when
            and open_end
            and one.start_in_days is not None
            and (other.start_in_days or 0) > one.start_in_days
        ):
            days = (other.start_in_days or 0) - one.start_in_days
            matches[n] = replace(one, duration_days=days, miss_policy="fixed")
    return matches


def _named(parser: Parser, d: Draft) -> str:
    """The medicine's name in lower case; of a draft that goes on from the sentence before, that sentence's."""
    if d.medicine is None:
        return (parser.after.medicine or "").lower() if d.continues and parser.after else ""
    return parser.text[parser.tokens[d.medicine.i].start : parser.tokens[d.medicine.j - 1].end].lower()


def _followed(drafts: list[Draft], n: int) -> bool:
    return n + 1 < len(drafts) and drafts[n + 1].inherited and drafts[n + 1].stage


def _inherit(d: Draft, before: Draft | None, after: SigMatch | None) -> None:
    """A stage that gives only a dose is taken as often as the stage before it (``after``: in the sentence before)."""
    if before is None:
        if after is not None and after.times_per_day and not after.weekdays and not after.per_week:
            d.got.update({"times": after.times_per_day, "days": after.every_days or 1})
            if after.parts:
                d.parts = list(after.parts)
        return
    for key in ("times", "hours", "days", "loose", "per_week"):
        if key in before.got:
            d.got[key] = before.got[key]
    d.parts, d.weekdays, d.clocks = list(before.parts), list(before.weekdays), list(before.clocks)


def _follow(d: Draft, f: dict[str, Any], at: dict[str, Any], out: list[SigMatch]) -> None:
    """Where a stage begins: behind the stage before it; a stage of no length ends where the next one says it begins."""
    start, days = at["start"], at["days"]
    given = d.got.get("start") if "start" in d.got else None
    more = d.got.get("start_more")
    if d.got.get("dated") and days is not None:
        return
    if more is not None or (given is not None and given > (start or 0) and days is None):
        length = int(more if more is not None else (given or 0) - (start or 0))
        if days is None and out and start is not None:
            out[-1] = replace(out[-1], duration_days=length, miss_policy="fixed")
            days = length
        elif more is not None:
            length += days or 0  # "for 2 weeks, ... a week later"
        f["start_in_days"] = start + length if start is not None and more is not None else given
    elif given in (None, 0, 1) or days is None:
        f["start_in_days"] = start + days if start is not None and days else None
        if f["start_in_days"] is None:
            d.asks.append("which-day")


def _all_for(parser: Parser, drafts: list[Draft]) -> list[Draft]:
    """ "A 1 g bd, B 500 mg bd and C 20 mg bd, all for 7 days": the length holds for each of them."""
    for n, d in enumerate(drafts):
        said = next((a for a in d.atoms if a.kind == "duration"), None)
        if (
            n
            and said is not None
            and said.i
            and parser.tokens[said.i - 1].lower in ("all", "both", "each", "todos", "ambos")
        ):
            for before in drafts[:n]:
                if before.medicine and before.when and "start" not in before.got:
                    before.got.setdefault("duration", d.got["duration"])
    return drafts


def _for_both(parser: Parser, d: Draft) -> bool:
    """Whether an instruction holds for what was named before it too: "A 5 mg, and B 10 mg, twice daily"; "both daily"."""
    often = next((a.i for a in d.atoms if a.kind in ("frequency", "part")), 0)
    said = (token.lower for token in parser.tokens[d.atoms[0].i : d.atoms[-1].j])
    return parser.tokens[often - 1].lower == "," or any(w in ("all", "both", "each", "todos", "ambos") for w in said)


def _shared(parser: Parser, drafts: list[Draft]) -> list[Draft]:
    """ "A 75 mg and B 80 mg once daily": what is said behind the last of them holds for all."""
    for n in range(len(drafts) - 2, -1, -1):
        d, after = drafts[n], drafts[n + 1]
        general = d.medicine is not None and not d.medicine.value["named"]
        if general and not d.when and "start" in d.got and after.medicine is not None and not after.inherited:
            after.got.setdefault("start", d.got["start"])  # "start the drops on Wednesday: ofloxacin ..."
        joined = after.joined in ("and", ",", "/", "&", "+")
        bare = not (d.when or d.as_needed or d.stopped) and d.medicine is not None
        often = after.as_needed or bool(after.got.get("hours")) or (after.got.get("times") or 1) > 1
        if bare and often and d.doses and after.doses and not _for_both(parser, after):
            continue  # "A 15 mg and B 800 mg twice daily": whether A is taken as often is asked
        if (
            joined
            and bare
            and after.medicine is not None
            and not after.inherited
            and (after.when or after.as_needed)
            and (d.doses or not after.doses)
        ):
            for key, value in after.got.items():
                d.got.setdefault(key, value)
            d.parts, d.weekdays, d.clocks = list(after.parts), list(after.weekdays), list(after.clocks)
            d.as_needed, d.texts = after.as_needed, {**after.texts, **d.texts}
            d.asks, d.conflict = list(after.asks), after.conflict
            d.leftovers = d.leftovers + [a for a in after.leftovers if a not in d.leftovers]
        if (
            after.joined == "and"
            and after.got.get("duration")
            and d.when
            and "duration" not in d.got
            and after.medicine
            and not after.inherited
        ):
            d.asks.append("how-long")  # "A every 6 hours and B every 8 hours for one week"
    return drafts


def _joined(drafts: list[Draft]) -> list[Draft]:
    """ "20 units in the morning and 12 units at night": one instruction whose dose differs in the day."""
    out: list[Draft] = []
    for d in drafts:
        before = out[-1] if out else None
        if before is not None and _is_next_clock(before, d):
            before.split = before.split or [(_amount(before), before.clocks[-1])]
            at = d.clocks[0] if d.clocks else "12:00"
            before.split.append((_amount(d), at))
            before.clocks.append(at)
            before.atoms += d.atoms
            before.doses += d.doses
            before.leftovers += d.leftovers
            continue
        if (
            before is not None
            and d.inherited
            and not d.stage
            and d.joined in ("and", ",", "+", "&")
            and before.parts
            and d.parts
            and not set(before.parts) & set(d.parts)
            and not {"times", "hours", "days", "duration", "per_week", "start"} & before.got.keys()
            and not {"times", "hours", "days", "per_week", "start"} & d.got.keys()
            and not before.weekdays
            and not d.weekdays
        ):
            before.split = before.split or [(_amount(before), part) for part in before.parts]
            before.split.extend((_amount(d), part) for part in d.parts)
            before.parts += d.parts
            before.atoms += d.atoms
            before.doses += d.doses
            before.leftovers += d.leftovers
            before.got.update(d.got)
            before.as_needed |= d.as_needed
            continue
        out.append(d)
    return out


def _is_next_clock(before: Draft, d: Draft) -> bool:
    """ "10 mg at 8 am, 5 mg at noon": a further clock time of one day, with its own dose."""
    other = {"times", "hours", "days", "duration", "per_week", "start"}
    return bool(
        d.inherited
        and not d.stage
        and d.joined in ("and", ",", "+", "&")
        and before.clocks
        and not before.parts
        and d.doses
        and ((len(d.clocks) == 1 and not d.parts) or (d.parts == ["noon"] and not d.clocks))
        and not other & before.got.keys()
        and not other & d.got.keys()
        and not before.weekdays
        and not d.weekdays
        and not set(d.clocks) & set(before.clocks)
    )


def _amount(d: Draft) -> str:
    return "\0".join(f"{a.i}:{a.j}" for a in d.doses[-1:])


def _match(parser: Parser, d: Draft, f: dict[str, Any], stage: int) -> SigMatch:
    tokens, text = parser.tokens, parser.text

    def words(i: int, j: int) -> str:
        return text[tokens[i].start : tokens[j - 1].end]

    split = []
    for amount, part in d.split:
        if ":" in amount:
            i, j = amount.split(":")
            amount = words(int(i), int(j))
        split.append((amount, part))
    own = [a for a in d.atoms if not (d.inherited and a is d.medicine)]
    spans = [(tokens[a.i].start, tokens[a.j - 1].end) for a in own] or [(0, 0)]
    medicine = d.medicine
    asks = list(dict.fromkeys(d.asks))
    if d.conflict:
        asks.append("contradiction")
    if d.got.get("once") and d.got.get("duration") and len(d.parts) + len(d.clocks) > 1:
        asks.append("how-often")  # "before dinner, and at 3 am once this week"
    once = bool(d.got.get("once")) and not (d.parts and not d.got.get("times"))
    if once and f.get("times_per_day") is not None:
        asks.append("contradiction")
    if f.get("times_per_day") is None and not d.as_needed and not once and not d.stopped and "implausible" not in asks:
        asks.insert(0, "how-often")
    leftovers = tuple(sorted({(tokens[a.i].start, tokens[a.j - 1].end) for a in d.leftovers}))
    beside = tuple((tokens[run[0].i].start, tokens[run[-1].j - 1].end) for run in d.beside if run)
    doses = f.pop("dose", None)
    subject = [a for a in d.subject if a.kind == "word"]
    return SigMatch(
        start=min(s for s, _ in spans),
        end=max(e for _, e in spans),
        medicine=words(medicine.i, medicine.j + parser.is_release(medicine.j))
        if medicine
        else parser.after.medicine
        if d.continues and parser.after
        else None,
        medicine_span=(tokens[medicine.i].start, tokens[medicine.j - 1].end) if medicine else None,
        named=bool(medicine and medicine.value["named"]),
        subject=words(subject[0].i, subject[-1].j) if subject and not medicine else None,
        dose=doses,
        doses_by_part=tuple(split) if len({a for a, _ in split}) > 1 or (split and not doses) else (),
        form=d.texts.get("form"),
        route=d.texts.get("route"),
        meal=f.pop("meal", None) or d.texts.get("meal"),
        until=d.texts.get("until"),
        condition=d.texts.get("condition"),
        limit=d.texts.get("limit"),
        as_needed=d.as_needed,
        once=once,
        stopped=d.stopped,
        stage=stage,
        conflict=d.conflict or "contradiction" in asks,
        asks=tuple(dict.fromkeys(asks)),
        leftovers=leftovers,
        beside=beside,
        complete=not leftovers and not asks and not d.stopped,
        **f,
    )
