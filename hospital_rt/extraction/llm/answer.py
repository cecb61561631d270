"""The model's answer: its schema, as servers take it, and the way from a parsed answer to a reading of the note."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hospital_rt.domain.schedule import Part, Weekday
from hospital_rt.extraction.agreement import amounts
from hospital_rt.extraction.api import (
    MAX_ITEMS,
    ClockTime,
    Item,
    Limits,
    Note,
    Option,
    PlanItem,
    Question,
    QuestionKind,
    Reading,
    Sentence,
)

MAX_ANSWER_CHARS = 128 * 1024
MAX_QUOTE_CHARS = 600
MAX_READ = 100
"""Rows of each list that are read: more than a note may have, so that it is still found to have too many."""
_TOKENS_PER_ITEM, _TOKENS_AROUND = 160, 300
_HOW_OFTEN = "Is this done once, or how often? The model gave no frequency."
_ONCE = re.compile(
    r"(?:follow[ -]up|see|have|get|book|schedule|make an?|come|return|go (?:to|for|and)|call|contact|bring|visit|"
    r"attend|undergo|obtain|repeat)\b",
    re.IGNORECASE,
)
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(?P<it>.*?)\n?```\s*", re.DOTALL | re.IGNORECASE)
_THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
_MAX_NUMBERS, _MAX_GRAMMAR_CHARS = 40, 200
_T = TypeVar("_T")

Text = StringConstraints(strip_whitespace=True, min_length=1)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class AnswerLimits(_Shape):
    """Bounds on a medicine taken when needed. A gap of 0, which a schema cannot rule out everywhere, is none."""

    min_gap_hours: float | None = Field(default=None, ge=0, le=168)
    max_per_day: int | None = Field(default=None, ge=1, le=48)


class AnswerItem(_Shape):
    """An item that cites sentences by number. What is left out is null."""

    s: list[int] | None = None
    title: Annotated[str, Text, StringConstraints(max_length=120)] = Field(repr=False)
    detail: Annotated[str, StringConstraints(max_length=500)] | None = Field(default=None, repr=False)
    as_needed: bool | None = None
    limits: AnswerLimits | None = None


class AnswerPlanItem(AnswerItem):
    """An item with a schedule."""

    start_in_days: int | None = Field(default=None, ge=0, le=365)
    times_per_day: int | None = Field(default=None, ge=1, le=24)
    every_hours: int | None = Field(default=None, ge=1, le=24)
    times: list[ClockTime] | None = None
    parts: list[Part] | None = None
    every_days: int | None = Field(default=None, ge=1, le=366)
    weekdays: list[Weekday] | None = None
    every_months: int | None = Field(default=None, ge=1, le=24)
    on_day: Annotated[int, Field(ge=1, le=31)] | Literal["last"] | None = None
    duration_days: int | None = Field(default=None, ge=1, le=1000)
    miss_policy: Literal["extend", "fixed"] | None = None


class Unclear(_Shape):
    """What the model could not settle."""

    s: list[int] | None = None
    question: QuestionKind | None = None
    text: Annotated[str, Text, StringConstraints(max_length=500)] | None = Field(default=None, repr=False)


class Answer(_Shape):
    """A whole answer. At least one of the lists is there."""

    plan: list[AnswerPlanItem] | None = None
    checklist: list[AnswerItem] | None = None
    unclear: list[Unclear] | None = None


class _MemberTwice(Exception):
    """An object has a member twice: whichever is taken, the other is lost."""


def parse_answer(content: str) -> Answer | list[str]:
    """The answer, or what is wrong with its form, by place and rule and without content."""
    if len(content) > MAX_ANSWER_CHARS:
        return ["the answer is too long"]
    thought = _THOUGHT.match(content)
    if thought:
        content = content[thought.end() :]
    fenced = _FENCED.fullmatch(content)
    content = fenced["it"] if fenced else content
    try:
        answer = Answer.model_validate_json(content)
        json.loads(content, object_pairs_hook=_refuse_twice)
    except _MemberTwice:
        return ["JSON: a member is given twice"]
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return [f"{'.'.join(str(part)[:40] for part in e['loc']) or 'JSON'}: {e['type']}" for e in found]
    if answer.plan is None and answer.checklist is None and answer.unclear is None:
        return ["JSON: plan, checklist and unclear are missing"]
    return answer


def _refuse_twice(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise _MemberTwice


def read_answer(answer: Answer, note: Note, *, restore: Callable[[str], str] = str) -> Reading:
    """The answer as a reading of ``note``; ``restore`` undoes the de-identification of a text.

    Quotes are cut from the note. An item that cites no sentence of it has an empty quote, for the guard to drop; a
    question that cites none is left out. A plan item without any frequency is a visit or a test, or else a question.
    """
    checklist: list[Item] = []
    plan: list[PlanItem] = []
    questions: list[Question] = []
    for given in (answer.checklist or [])[:MAX_READ]:
        checklist.append(Item(**_common(given, note, restore)))
    for row in (answer.plan or [])[:MAX_READ]:
        common = _common(row, note, restore)
        times_per_day = _times_per_day(row) or (None if common["quote"] else 1)
        if times_per_day is None:
            item = Item(**common)
            if _ONCE.match(item.title) and not amounts(item) and row.duration_days is None:
                checklist.append(item)  # a visit or a test, in the wrong list
            else:
                questions.append(_ask_how_often(item))
            continue
        plan.append(
            PlanItem(
                **common,
                times_per_day=times_per_day,
                start_in_days=row.start_in_days or 0,
                every_hours=row.every_hours,
                times=_unique(row.times),
                parts=_parts(row, times_per_day),
                every_days=row.every_days or 1,
                weekdays=_unique(row.weekdays),
                every_months=row.every_months,
                on_day=row.on_day if row.every_months else None,
                duration_days=row.duration_days,
                miss_policy=row.miss_policy or "extend",
            )
        )
    for unclear in (answer.unclear or [])[:MAX_READ]:
        cited = cite(note, unclear.s, unclear.text or "")
        if cited:
            text = _within(restore(unclear.text or "The model could not settle what this sentence orders."), 500)
            questions.append(Question(**_place(note, cited), question=unclear.question or "other", text=text))
    return Reading(checklist=checklist, plan=plan, questions=questions)


def _ask_how_often(item: Item) -> Question:
    """The question how often, with the item without a schedule as a ready answer."""
    option = Option(label=item.title[:80].strip(), kind="checklist", item=item)
    return Question(
        quote=item.quote, start=item.start, end=item.end, question="how-often", text=_HOW_OFTEN, options=[option]
    )


def cite(note: Note, numbers: list[int] | None, title: str) -> tuple[Sentence, ...]:
    """The cited sentences that are in the note, those of the quote first.

    Neighbours are quoted together, while that is short; of scattered ones the one nearest to the title is quoted.
    Small models miscount: where no word of the title is in what they cite, and one sentence alone holds most of them,
    that one is meant.
    """
    cited = [s for n in sorted(set((numbers or [])[:_MAX_NUMBERS])) if (s := note.sentence(n))]
    if not cited:
        return ()
    words = _words(title)
    if words and not any(words & _words(s.text) for s in cited):
        meant = [s for s in note.sentences if len(words & _words(s.text)) > len(words) / 2]
        cited = meant if len(meant) == 1 else cited
    together = cited[-1].number - cited[0].number == len(cited) - 1
    if together and cited[-1].end - cited[0].start <= MAX_QUOTE_CHARS:
        return tuple(cited)
    best = max(cited, key=lambda s: (len(words & _words(s.text)), -s.number))
    return (best, *(s for s in cited if s is not best))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.casefold())) - {"the", "and", "for", "your", "with", "have", "take", "day"}


def _place(note: Note, cited: tuple[Sentence, ...]) -> dict[str, Any]:
    """Quote, start and end of what ``cite`` found."""
    if not cited:
        return {"quote": "", "start": 0, "end": 0}
    start, end = cited[0].start, cited[0].end
    for before, after in pairwise(cited):
        if after.number != before.number + 1 or after.end - start > MAX_QUOTE_CHARS:
            break
        end = after.end
    return {"quote": note.text[start:end], "start": start, "end": end}


def _common(given: AnswerItem, note: Note, restore: Callable[[str], str]) -> dict[str, Any]:
    """The members of an ``Item``."""
    cited = cite(note, given.s, given.title)
    gap, most = (given.limits.min_gap_hours or None, given.limits.max_per_day) if given.limits else (None, None)
    return {
        **_place(note, cited),
        "title": _within(restore(given.title), 120),
        "detail": None if not given.detail or not given.detail.strip() else _within(restore(given.detail), 500),
        "as_needed": bool(given.as_needed),
        "limits": Limits(min_gap_hours=gap, max_per_day=most) if gap or most else None,
        "sentences": tuple(sorted(s.number for s in cited)),
    }


def _times_per_day(row: AnswerPlanItem) -> int | None:
    """How often a day; None when no member says anything about frequency and the item needs one."""
    if row.times_per_day is not None:
        return row.times_per_day
    for listed in (row.parts, row.times):
        if listed:
            return min(24, len(set(listed)))
    if row.every_hours:
        return -(-24 // row.every_hours)
    if row.every_days or row.weekdays or row.every_months or row.as_needed:
        return 1
    return None


def _parts(row: AnswerPlanItem, times_per_day: int) -> list[Part] | None:
    """The parts of the day, unless they are not as many as the times a day."""
    parts = _unique(row.parts)
    return parts if parts and len(parts) == times_per_day else None


def _unique(values: Iterable[_T] | None) -> list[_T] | None:
    return list(dict.fromkeys(values)) or None if values is not None else None


def _within(text: str, max_chars: int) -> str:
    """``text``, cut at a word where the restored names made it too long."""
    return text if len(text) <= max_chars else text[:max_chars].rsplit(" ", 1)[0]


def max_items(note: Note) -> int:
    """A bound on the items of an answer, from the note's length: no note seen had half as many."""
    return min(MAX_ITEMS, 6 + len(note.text) // 150)


def max_tokens(note: Note) -> int:
    """A bound on the tokens of an answer, from the note's length."""
    return _TOKENS_AROUND + _TOKENS_PER_ITEM * max_items(note)


@cache
def strict_schema() -> dict[str, Any]:
    """The schema for strict structured output: every member required, none else allowed, no limits on lengths."""
    schema: dict[str, Any] = _tidy(Answer.model_json_schema(), required=None)
    return schema


def lean_schema(items: int) -> dict[str, Any]:
    """The schema for servers that allow optional members, so that nulls cost no tokens; at most ``items`` a list."""
    schema: dict[str, Any] = _tidy(
        Answer.model_json_schema(),
        required={"s", "title", "as_needed", "times_per_day", "every_days", "question", "text", "plan", "checklist"},
    )
    for name in ("plan", "checklist", "unclear"):
        schema["properties"][name]["maxItems"] = items
    return schema


_LEFT_OUT = frozenset({"minLength", "default", "title", "description"})


def _tidy(node: Any, *, required: set[str] | None) -> Any:
    """A schema of pydantic's as servers take it.

    ``required`` None: every member is required and may be null, and lengths have no limit (some servers refuse them).
    """
    if isinstance(node, list):
        return [_tidy(part, required=required) for part in node]
    if not isinstance(node, dict):
        return node
    left_out = {"properties", "$defs", *_LEFT_OUT} | (set() if required else {"maxLength"})
    out = {k: _tidy(v, required=required) for k, v in node.items() if k not in left_out}
    if "maxLength" in out:  # a grammar has a rule for each character
        out["maxLength"] = min(out["maxLength"], _MAX_GRAMMAR_CHARS)
    if "$defs" in node:
        out["$defs"] = {name: _tidy(part, required=required) for name, part in node["$defs"].items()}
    if "properties" in node:
        members = {name: _tidy(part, required=required) for name, part in node["properties"].items()}
        for name in ("s", "plan", "checklist", "unclear"):
            if name in members:  # a list, never null
                members[name] = next(part for part in members[name]["anyOf"] if part.get("type") == "array")
        out["properties"] = members
        out["required"] = [name for name in members if required is None or name in required]
        out["additionalProperties"] = False
    return out
