"""Two readings of one note, the local reader's and the model's, made into one.

- Both say the same: one step, in the model's words, sure when the local reader was.
- They differ about one act: no step but a question, ``readers-differ``, with both as ready answers.
- One alone found the act: a step that is not sure. Where the other reader took the sentence for something else (the
  clinic's own act, history, an open question), a question.

An item that the note does not bear out, by the judgement of ``passes``, neither unseats a step nor makes a question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hospital_rt.domain.schedule import Kind
from hospital_rt.extraction.api import Item, Note, Option, PlanItem, Question, Reading

MAX_LABEL = 80
_MAX_OPTIONS = 4
_SIMILAR = 0.6
_DIFFER = "The two readings of this note differ here. Which is right?"
_ONLY_MODEL = "The model reads a step here, the rules do not. Is there anything for the patient to do?"
_ALWAYS_ASKED = frozenset({"contradiction", "implausible"})
_WORD = re.compile(r"[^\W\d_]{3,}")
_AMOUNT = re.compile(
    r"(\d+(?:[.,]\d+)*)\s?(mg|mcg|µg|micrograms?|g|ml|units?|iu|%|mmol|meq|"
    r"tab(?:let)?s?|cap(?:sule)?s?|puffs?|drops?|sprays?|patch(?:es)?|comprimidos?|cápsulas?|gotas?)(?!\w)",
    re.IGNORECASE,
)
_NO_ORDER = re.compile(
    r"\b(?:i|we|he|she|him|his|her|hers|they|their|patient|pt)\b|^(?:the|a|an|this|that|it|will|would|should|is|are|was|has|"
    r"had|and|or|but|with|for|in|on|at|of|as|to|no|if|when|any|initiate|commence|prescribe|order|administer|encourage|advise|"
    r"recommend|titrate|refill|refer)\b|\b(?:ordered|obtained|prescribed|will be)\b",
    re.IGNORECASE,
)
"""A title that speaks about the patient or to the clinic, or does not begin as an order."""
_STOPS = re.compile(
    r"\b(?:stop|discontinue|hold|avoid|quit|no more|do not|don['’]t|deje|suspenda|arrêtez)\b", re.IGNORECASE
)
_TAKES = re.compile(r"(?:take|use|apply|inhale|inject|give|put|tome|tomar|usar|prenez)\b", re.IGNORECASE)
_SHORTHAND = re.compile(r"\b(?:po|bid|tid|qid|qhs|prn|bd|tds|qds|od|q\d+h|f/?u|\d+/7)\b", re.IGNORECASE)
_COMMON = """
the your you and for with from until when then than take taking use using have get see one once two twice three four
times time day days daily every each hour hours week weeks weekly month months morning noon evening night nightly
bedtime needed need make book before after more only not tablet tablets capsule capsules puff puffs dose doses by mouth
again start continue keep stop please any this that are has been will
tome tomar use usar una vez veces dos tres cada día dia días dias hora horas semana semanas mes meses por con para los
las del mañana noche tarde
"""
_COMMON_WORDS = frozenset(_COMMON.split())


@dataclass(frozen=True, kw_only=True)
class _Found:
    """An item as one reader found it."""

    kind: Kind
    item: Item | PlanItem = field(repr=False)
    sure: bool = False
    words: frozenset[str] = field(repr=False)
    sentences: frozenset[int]
    question: Question | None = field(default=None, repr=False)  # what the model asks about its own item


def agree(
    note: Note, local: Reading, model: Reading, *, passes: Callable[[Kind, Item], bool] = lambda kind, item: True
) -> Reading:
    """One reading of both. ``passes`` is the guard's judgement of a single item."""
    ours, theirs = _found(note, local), _unique([*_found(note, model), *_asked(note, model)])
    twins = _pair(ours, theirs)
    steps: list[_Found] = []
    questions = list(local.questions)
    for number, mine in enumerate(ours):
        other = theirs[twins[number]] if number in twins else None
        if other is None or not passes(other.kind, other.item):
            steps.append(_unsure(mine))
        elif same(mine.kind, mine.item, other.kind, other.item):
            steps.append(_in_words_of(other, mine, passes))
        elif other.question is not None or _nearly(mine, other):
            steps.append(_unsure(mine))  # the rules found what the model left out
        elif not passes(mine.kind, mine.item):
            steps.append(_unsure(other))
        else:
            questions.append(_differ(mine.item, _DIFFER, [mine, other]))
    used = set(twins.values())
    confirmed: set[int] = set()  # questions of the local reader that the model's item answers
    doubts = [question for question in model.questions if not question.options]
    for number, other in enumerate(theirs):
        if number in used:
            continue
        if other.question is not None:
            doubts.append(other.question)
            continue
        if not passes(other.kind, other.item):
            steps.append(_unsure(other))  # the guard drops it, and says why
        elif (asked := _question_about(note, other, local.questions)) is not None:
            if _confirms(local.questions[asked], other):
                steps.append(_unsure(other))
                confirmed.add(asked)
            else:
                questions[asked] = _with_option(questions[asked], other)
        elif _taken_for_else(note, other, local, ours) or _NO_ORDER.search(other.item.title):
            questions.append(_differ(other.item, _ONLY_MODEL, [other]))
        else:
            steps.append(_unsure(other))
    questions = [question for number, question in enumerate(questions) if number not in confirmed]
    questions += [
        question
        for question in doubts
        if all(passes(option.kind, option.item) for option in question.options)
        and not _settled(note, question, local.questions, ours)
    ]
    steps.sort(key=lambda step: (step.item.start, step.item.end))
    listed: dict[Kind, list[_Found]] = {kind: [s for s in steps if s.kind == kind] for kind in ("checklist", "plan")}
    return Reading(
        checklist=[step.item for step in listed["checklist"]],
        plan=[step.item for step in listed["plan"] if isinstance(step.item, PlanItem)],
        questions=sorted(questions, key=lambda question: question.start),
        clinic=local.clinic,
        understood=local.understood,
        sure=frozenset((kind, n) for kind, rows in listed.items() for n, step in enumerate(rows) if step.sure),
        meta=model.meta,
    )


def same(kind: Kind, item: Item, other_kind: Kind, other: Item) -> bool:
    """Whether two items order the same: kind, schedule, condition and amounts. Wording does not count.

    What is taken when needed has no reminders, so that its schedule does not count either; an amount or a part of the
    day that one of them leaves out is no difference.
    """
    if item.as_needed != other.as_needed or _opposed(item, other):
        return False
    if item.as_needed:
        return item.limits is None or other.limits is None or item.limits == other.limits
    if kind != other_kind:
        return False
    if not (isinstance(item, PlanItem) and isinstance(other, PlanItem)):
        return True
    if _clash(item.parts, other.parts) or _clash(item.times, other.times) or _clash(item.on_day, other.on_day):
        return False
    return _schedule(item) == _schedule(other)


def _nearly(mine: _Found, other: _Found) -> bool:
    """Whether two steps without reminders, none of them a medicine's, differ in the condition alone."""
    if any(_TAKES.match(one.item.title) for one in (mine, other)):
        return False
    return mine.kind == other.kind == "checklist" and not _opposed(mine.item, other.item)


def _opposed(item: Item, other: Item) -> bool:
    """Whether one stops what the other does, or they give other amounts."""
    stops = [_STOPS.search(one.title) is not None for one in (item, other)]
    return stops[0] != stops[1] or _clash(amounts(item), amounts(other))


def amounts(item: Item) -> frozenset[tuple[str, str]]:
    """Amounts with their units in title and detail: "500 mg" is ("500", "mg").

    >>> sorted(amounts(Item(title="Take 2 tablets of 1,000 mg", quote="", start=0, end=0)))
    [('1000', 'mg'), ('2', 'tab')]
    """
    text = f"{item.title} {item.detail or ''}"
    return frozenset((_plain(m[1]), m[2].casefold().rstrip("s")[:3]) for m in _AMOUNT.finditer(text))


def _plain(number: str) -> str:
    number = re.sub(r"[.,](?=\d{3}(?!\d))", "", number).replace(",", ".")
    return number.rstrip("0").rstrip(".") if "." in number else number


def _schedule(item: PlanItem) -> tuple[Any, ...]:
    weekdays = frozenset(item.weekdays or ())
    every_days = 1 if weekdays or item.every_months else item.every_days
    return (
        item.start_in_days,
        item.times_per_day,
        every_days,
        weekdays,
        item.every_months,
        item.duration_days,
    )


def _clash(one: Any, other: Any) -> bool:
    return bool(one and other and one != other)


def _found(note: Note, reading: Reading) -> list[_Found]:
    listed: tuple[tuple[Kind, Sequence[Item]], ...] = (("checklist", reading.checklist), ("plan", reading.plan))
    return [
        _Found(
            kind=kind,
            item=item,
            sure=(kind, number) in reading.sure,
            words=_words(item.title),
            sentences=frozenset(item.sentences) or _sentences(note, item.start, item.end),
        )
        for kind, items in listed
        for number, item in enumerate(items)
    ]


def _asked(note: Note, reading: Reading) -> list[_Found]:
    """The items that are ready answers to a question of the same reader."""
    return [
        _Found(
            kind=option.kind,
            item=option.item,
            words=_words(option.item.title),
            sentences=frozenset(option.item.sentences) or _sentences(note, option.item.start, option.item.end),
            question=question,
        )
        for question in reading.questions
        for option in question.options[:1]
    ]


def _words(text: str) -> frozenset[str]:
    """The words that say what is to be done, cut so that endings count little."""
    return frozenset(w.rstrip("s")[:7] for w in _WORD.findall(text.casefold()) if w not in _COMMON_WORDS)


def _sentences(note: Note, start: int, end: int) -> frozenset[int]:
    return frozenset(s.number for s in note.sentences if s.start < end and start < s.end)


def _likeness(mine: _Found, other: _Found) -> float:
    """How likely two items are the same act: above 0 they may be."""
    shared = len(mine.words & other.words) / max(1, min(len(mine.words), len(other.words)))
    together = bool(mine.sentences & other.sentences)
    if shared == 0 or (not together and shared < _SIMILAR):
        return 0.0
    return shared + together + same(mine.kind, mine.item, other.kind, other.item)


def _pair(ours: Sequence[_Found], theirs: Sequence[_Found]) -> dict[int, int]:
    """Which of ``theirs`` is the same act as each of ``ours``: the likest first, then what is alone in its sentence."""
    scored = sorted(
        ((likeness, -i, -j) for i, a in enumerate(ours) for j, b in enumerate(theirs) if (likeness := _likeness(a, b))),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    used: set[int] = set()
    for _, i, j in scored:
        if -i not in pairs and -j not in used:
            pairs[-i] = -j
            used.add(-j)
    for i, mine in enumerate(ours):
        if i in pairs:
            continue
        beside = [j for j, b in enumerate(theirs) if j not in used and mine.sentences & b.sentences]
        rivals = [n for n, a in enumerate(ours) if n not in pairs and a.sentences & mine.sentences]
        if len(beside) == 1 and len(rivals) == 1:
            pairs[i] = beside[0]
            used.add(beside[0])
    return pairs


def _unique(found: Iterable[_Found]) -> list[_Found]:
    """One of items that a reader gave twice."""
    kept: list[_Found] = []
    for one in found:
        if not any(
            one.words == k.words and one.sentences & k.sentences and same(one.kind, one.item, k.kind, k.item)
            for k in kept
        ):
            kept.append(one)
    return kept


def _unsure(found: _Found) -> _Found:
    return _Found(kind=found.kind, item=found.item, words=found.words, sentences=found.sentences)


def _in_words_of(model: _Found, local: _Found, passes: Callable[[Kind, Item], bool]) -> _Found:
    """The local item with the model's title and detail, unless it leaves out an amount or is no order."""
    detail = model.item.detail or local.item.detail
    worded = local.item.model_copy(update={"title": model.item.title, "detail": detail})
    if (
        amounts(local.item) <= amounts(worded)
        and not (_NO_ORDER.search(worded.title) or _SHORTHAND.search(worded.title))
        and passes(local.kind, worded)
    ):
        return _Found(kind=local.kind, item=worded, sure=local.sure, words=local.words, sentences=local.sentences)
    return local


def _differ(at: Item, text: str, found: Sequence[_Found]) -> Question:
    titles = {f.item.title.casefold() for f in found}
    options = [Option(label=_label(f, telling=len(titles) < len(found)), kind=f.kind, item=f.item) for f in found]
    return Question(quote=at.quote, start=at.start, end=at.end, question="readers-differ", text=text, options=options)


def _label(found: _Found, *, telling: bool) -> str:
    """The title; with the schedule behind it when ``telling`` titles apart needs that."""
    told = ""
    if telling:
        told = f" ({_told(found.item)})"
    return f"{found.item.title[: MAX_LABEL - len(told)].strip()}{told}"


def _told(item: Item) -> str:
    if item.as_needed:
        return "when needed"
    if not isinstance(item, PlanItem):
        return "once"
    days = ", ".join(item.weekdays) if item.weekdays else f"every {item.every_days} days" if item.every_days > 1 else ""
    ends = f"{item.duration_days} days" if item.duration_days else ""
    begins = f"from day {item.start_in_days}" if item.start_in_days else ""
    return ", ".join(filter(None, [f"{item.times_per_day} a day", days, begins, ends]))


def _question_about(note: Note, found: _Found, questions: Sequence[Question]) -> int | None:
    """Which of the local reader's questions is about the act of ``found``."""
    for number, question in enumerate(questions):
        if found.sentences & _sentences(note, question.start, question.end) and (
            found.words & _words(question.quote) or not found.words
        ):
            return number
    return None


def _confirms(question: Question, found: _Found) -> bool:
    """Whether the question only asks if something is to be done, and the model reads just that as a step."""
    if question.question != "other" or len(question.options) != 1:
        return False
    [option] = question.options
    return same(option.kind, option.item, found.kind, found.item)


def _with_option(question: Question, found: _Found) -> Question:
    """The question with the model's reading as one more ready answer."""
    known = any(same(o.kind, o.item, found.kind, found.item) for o in question.options)
    if known or len(question.options) >= _MAX_OPTIONS:
        return question
    option = Option(label=_label(found, telling=False), kind=found.kind, item=found.item)
    return question.model_copy(update={"options": [*question.options, option]})


def _taken_for_else(note: Note, found: _Found, local: Reading, ours: Sequence[_Found]) -> bool:
    """Whether the local reader understood all the cited sentences, and found no act in them for the patient."""
    if any(found.sentences & mine.sentences for mine in ours):
        return False
    cited = [s for n in found.sentences if (s := note.sentence(n))]
    return bool(cited) and all(
        s.number in local.understood or any(start < s.end and s.start < end for start, end in local.clinic)
        for s in cited
    )


def _settled(note: Note, question: Question, asked: Sequence[Question], ours: Sequence[_Found]) -> bool:
    """Whether a question of the model's is asked already, or answered by a clause that was understood whole."""
    at = _sentences(note, question.start, question.end)
    if any(at & _sentences(note, q.start, q.end) for q in asked):
        return True
    return question.question not in _ALWAYS_ASKED and any(at & mine.sentences and mine.sure for mine in ours)
