"""The local reader: candidates of every sentence, judged with the whole note in view. Offline, the same each time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hospital_rt.domain.schedule import Kind
from hospital_rt.extraction.acts import TELLS, Candidate, Finder
from hospital_rt.extraction.api import Item, Note, Option, PlanItem, Question, QuestionKind, Reading, Sentence
from hospital_rt.extraction.classifier import LinearModel, load_models, sentence_scores
from hospital_rt.extraction.classifier.features import candidate_features
from hospital_rt.extraction.context.assertion import assertions
from hospital_rt.extraction.lexicon import LANGUAGES
from hospital_rt.extraction.medicines import Carried, medicine_candidates

SHOW = 0.12
"""A sentence this likely to carry something, of which nothing was made, is shown."""
SKIP = 0.012
"""Sentences less likely than this are not searched for acts, in notes of more than ``SHORT_NOTE`` sentences."""
SHORT_NOTE = 12
KEEP = 0.55
KEEP_BARE = 0.77
"""For a test or specialty without an order's verb."""
KEEP_TEST = 0.7
"""For a test that an order's verb names: the clinic often speaks of what it will do itself, at a later visit."""
KEEP_BOOKED = 0.1
"""For what the note tells the patient to book, in words that open their sentence."""
KEEP_DOUBTFUL = 0.95
"""For what a trigger of history or somebody else's act reaches."""
KEEP_NO_VERB, KEEP_NO_VERB_SHORT = 0.85, 0.8
"""For a frequency without a verb ("Ankle pumps every hour"): in notes, and in notes of at most ``SHORT_NOTE`` sentences."""
ASK = 0.15
ASK_ORDERED = 0.04
"""Of a medicine that an order verb names, the lowest probability at which its open question is asked."""
ASK_WITHHELD = 0.3
"""From here on an act that is not likely enough to be a step is asked about."""
ASK_STOP = 0.04
"""The same for an order to stop a medicine: one that is passed over is taken on."""
SURE, SURE_ALONE = 0.8, 0.97
"""A candidate is sure from here on: with its whole clause read by the dose grammar, and without."""


@dataclass
class Proposal:
    """A candidate with its sentence, the gate's probability, and how likely its sentence is."""

    candidate: Candidate
    sentence: Sentence
    likely: float
    passed: float = 1.0
    short: bool = False  # in a note of few sentences
    injected: bool = False  # behind words that speak to software, on their line
    features: frozenset[str] = field(default_factory=frozenset)


class LocalReader:
    """Reads numbered sentences with lexicon, grammar and trained weights. ``models`` replaces the committed weights."""

    name = "local"

    def __init__(self, models: Mapping[str, LinearModel] | None = None) -> None:
        self._models = models

    @property
    def models(self) -> Mapping[str, LinearModel]:
        """The weights by name."""
        if self._models is None:
            self._models = load_models()
        return self._models

    async def read(self, note: Note, *, names: Sequence[str] = ()) -> Reading:
        """The note's reading. ``names`` are not used: nothing leaves the process."""
        return await asyncio.to_thread(self.read_now, note)

    async def warm(self) -> None:
        """Load weights and lexicon."""
        await asyncio.to_thread(lambda: self.models)

    async def close(self) -> None: ...

    def read_now(self, note: Note) -> Reading:
        """As ``read``, in the calling thread."""
        if note.language not in LANGUAGES:
            return _unreadable(note)
        proposals, scores = self.propose(note)
        return _decide(note, proposals, scores)

    def propose(self, note: Note) -> tuple[list[Proposal], list[float]]:
        """Every candidate of the note with its probability, and each sentence's score."""
        sentences = note.sentences
        scores = (
            sentence_scores(sentences, self.models["sentence"], note.language)
            if "sentence" in self.models
            else [1.0] * len(sentences)
        )
        gate = self.models.get("candidate")
        found = []
        injected = -1  # where the line ends on which the note speaks to software
        carried: Carried | None = None
        before = -1  # the sentence that ends on ``carried``
        for at, sentence in enumerate(sentences):
            unlikely = (
                scores[at] < SKIP and len(sentences) > SHORT_NOTE and sentence.section not in ("plan", "instructions")
            )
            if sentence.section in TELLS or unlikely:
                continue
            finder = Finder(sentence, note.language)
            if finder.to_software:
                injected = _line_end(note.text, sentence.end)
                continue
            goes_on = before == at - 1 and sentences[before].section == sentence.section
            goes_on = goes_on and not (sentence.bullet and sentences[before].bullet)  # a point of a list is its own
            finder.found, carried = medicine_candidates(sentence, note, finder, carried if goes_on else None)
            before = at
            for candidate in finder.find():
                proposal = Proposal(candidate=candidate, sentence=sentence, likely=scores[at])
                proposal.short, proposal.injected = len(sentences) <= SHORT_NOTE, sentence.start < injected
                proposal.features = frozenset(
                    candidate_features(
                        candidate.cues, sentence.text, candidate.start, candidate.end, scores[at], note.language
                    )
                )
                if gate is not None:
                    proposal.passed = gate.probability(proposal.features)
                found.append(proposal)
        return found, scores


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _unreadable(note: Note) -> Reading:
    first = note.sentences[0] if note.sentences else None
    if first is None:
        return Reading()
    name = _NAMES.get(note.language)
    said = f"This note seems to be in {name}, which" if name else "This note is in a language that"
    text = f"{said} is not read here: no steps were made. Please read it yourself and write the steps."
    quote = note.text[first.start : first.end]
    return Reading(questions=[Question(quote=quote, start=first.start, end=first.end, question="other", text=text)])


_NAMES = {
    "ar": "Arabic",
    "de": "German",
    "el": "Greek",
    "he": "Hebrew",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pcm": "Nigerian Pidgin",
    "pt": "Portuguese",
    "th": "Thai",
    "zh": "Chinese",
}


def _decide(note: Note, proposals: list[Proposal], scores: list[float]) -> Reading:
    """Items and questions of the proposals that pass: one an act, a contradiction asked and not chosen."""
    checklist: list[Item] = []
    plan: list[PlanItem] = []
    questions: list[Question] = []
    unnamed: list[Question] = []
    sure: set[tuple[Kind, int]] = set()
    clinic = _clinic_acts(note, scores)
    kept: set[str] = set()
    for proposal, rivals in _once(proposals):
        candidate = proposal.candidate
        place = _place(note, proposal)
        if candidate.question is not None or proposal.passed < _threshold(proposal):
            question = _question(note, proposal, place)
            if question is not None:
                questions.append(question)
                if question.question in ("how-often", "which-medicine") and "named" not in candidate.cues:
                    unnamed.append(question)
            continue
        if rivals:
            options = [
                Option(label=p.candidate.title[:80], kind="plan", item=_item(note, p)) for p in (proposal, *rivals)
            ]
            text = "The note orders this in two ways. Which is right?"
            questions.append(Question(**place, question="contradiction", text=text, options=options[:4]))
            continue
        item = _item(note, proposal)
        kept.add(candidate.key)
        if isinstance(item, PlanItem):
            plan.append(item)
        else:
            checklist.append(item)
        read = candidate.schedule is None or candidate.sure  # a schedule of which words are left over is never sure
        if read and proposal.passed >= (SURE if _is_whole(proposal) else SURE_ALONE):
            sure.add(("plan", len(plan) - 1) if isinstance(item, PlanItem) else ("checklist", len(checklist) - 1))
    for question in unnamed:  # of the same words one thing is asked
        if any(_overlap(question, other) for other in questions if other is not question):
            questions.remove(question)
    understood = frozenset(number for item in (*checklist, *plan) for number in item.sentences[:-1])
    understood |= _said_again(proposals, kept)
    questions = [q for q in questions if q.question != "how-often" or _number_at(note, q.start) not in understood]
    return Reading(
        checklist=checklist,
        plan=plan,
        questions=questions,
        clinic=clinic,
        understood=understood,
        sure=frozenset(sure),
        scores=tuple(scores),
    )


def _said_again(proposals: Sequence[Proposal], kept: set[str]) -> frozenset[int]:
    """The sentences that say nothing but an act that another sentence orders too."""
    return frozenset(
        p.sentence.number
        for p in proposals
        if p.candidate.key in kept
        and not p.sentence.text[: p.candidate.start].strip()
        and not p.sentence.text[p.candidate.end :].strip(" .;")
    )


def _number_at(note: Note, at: int) -> int:
    """The number of the sentence at a place of the note."""
    return next((s.number for s in note.sentences if s.start <= at < s.end), 0)


def _overlap(one: Question, other: Question) -> bool:
    """Whether two are about the same words."""
    return one.start < other.end and other.start < one.end


def _clinic_acts(note: Note, scores: list[float]) -> list[tuple[int, int]]:
    """Sentences of the clinic's own acts that are unlikely to hold anything for the patient."""
    return [
        (sentence.start, sentence.end)
        for sentence, score in zip(note.sentences, scores, strict=True)
        if score < CLINIC_BELOW
        and _CLINIC_SPEAKS.search(sentence.text)
        and any(category == "clinic" for category, *_ in assertions(sentence.text, note.language))
    ]


def _is_whole(proposal: Proposal) -> bool:
    """Whether all of the clause was understood: by the dose grammar, or an order that is its whole sentence."""
    candidate, text = proposal.candidate, proposal.sentence.text
    if candidate.sure:
        return True
    named = candidate.act in ("test", "imaging", "referral", "visit") and "bare" not in candidate.cues
    return named and candidate.start == 0 and candidate.end >= len(text.rstrip(" .;"))


def _question(note: Note, proposal: Proposal, place: dict[str, Any]) -> Question | None:
    """What is open of a candidate, or whether one that is withheld is to be done; None when it is unlikely."""
    candidate = proposal.candidate
    if candidate.question is not None:
        if proposal.passed < (ASK_ORDERED if _is_ordered_medicine(candidate) else ASK):
            return None
        options = [_option(place, *answer) for answer in candidate.answers]
        slug, text = candidate.question, candidate.text or _ask(candidate)
        return Question(**place, question=cast(QuestionKind, slug), text=text, options=options)
    if proposal.passed < (ASK_STOP if candidate.act == "stop" else ASK_WITHHELD):
        return None
    kind: Kind = "checklist" if candidate.schedule is None else "plan"
    option = Option(label=candidate.title[:80], kind=kind, item=_item(note, proposal))
    return Question(**place, question="other", text="Is the patient to do this?", options=[option])


def _is_ordered_medicine(candidate: Candidate) -> bool:
    """Whether an order verb governs a medicine that is named: what is left open of it is asked even if unlikely."""
    return {"medverb", "named"} <= candidate.cues and not candidate.cues & _AWAY and "later" not in candidate.cues


def _threshold(proposal: Proposal) -> float:
    """From which probability a candidate is kept: higher where a step of history or of a mere mention is likelier."""
    candidate = proposal.candidate
    cues = candidate.cues
    if proposal.injected or "later" in cues or ("bare" in cues and candidate.act == "procedure"):
        return NEVER
    if "bare" in cues:
        return KEEP_BARE
    if "booked" in cues and not cues & _AWAY:
        return KEEP_BOOKED
    if candidate.act == "test":
        return KEEP_TEST
    if "no-verb" in cues:
        return KEEP_NO_VERB_SHORT if proposal.short else KEEP_NO_VERB
    if candidate.act == "visit" and cues & _AWAY:
        return KEEP_DOUBTFUL
    return KEEP


CLINIC_BELOW = 0.3
_CLINIC_SPEAKS = re.compile(r"\b(?:i|we)\b", re.I)
NEVER = 2.0
_AWAY = frozenset(("cat=past", "cat=state", "cat=negated", "cat=refused"))


def _place(note: Note, proposal: Proposal) -> dict[str, Any]:
    start = proposal.sentence.start + proposal.candidate.start
    end = proposal.sentence.start + proposal.candidate.end
    return {"quote": note.text[start:end], "start": start, "end": end}


def _item(note: Note, proposal: Proposal) -> Item | PlanItem:
    candidate = proposal.candidate
    fields = {
        **_place(note, proposal),
        "title": candidate.title[:120],
        "detail": (candidate.detail or "")[:500] or None,
        "as_needed": candidate.as_needed,
        "sentences": tuple(sorted({candidate.named_in or proposal.sentence.number, proposal.sentence.number})),
    }
    return Item(**fields) if candidate.schedule is None else PlanItem(**{**fields, **candidate.schedule})


def _option(place: dict[str, Any], label: str, title: str, schedule: dict[str, Any] | None, as_needed: bool) -> Option:
    fields = {**place, "title": title[:120], "as_needed": as_needed}
    if schedule is None:
        return Option(label=label[:80], kind="checklist", item=Item(**fields))
    return Option(label=label[:80], kind="plan", item=PlanItem(**{**fields, **schedule}))


def _once(proposals: list[Proposal]) -> list[tuple[Proposal, list[Proposal]]]:
    """One proposal an act, at the place of the one chosen, with those that contradict its schedule.

    Of several mentions with one key an item goes before a question, and the likeliest before the others.
    """
    groups: dict[str, list[Proposal]] = {}
    proposals = _without_replaced(proposals)
    for number, proposal in enumerate(proposals):
        groups.setdefault(proposal.candidate.key or f"#{number}", []).append(proposal)
    chosen: dict[int, list[Proposal]] = {}
    for group in groups.values():
        best = max(
            group,
            key=lambda p: (
                p.candidate.question is None and p.passed >= _threshold(p),
                round(p.passed, 1),
                -p.sentence.number,
            ),
        )
        rivals = [p for p in group if best.candidate.act == "medicine" and _contradicts(best, p)]
        chosen[id(best)] = rivals
        chosen.update((id(p), []) for p in group if best.candidate.question is None and _is_another_dose(p, best))
    return [(p, chosen[id(p)]) for p in proposals if id(p) in chosen]


def _without_replaced(proposals: list[Proposal]) -> list[Proposal]:
    """Without what the note says of a medicine before an order that changes it: "Donepezil 5 mg. ... Increase to 10 mg"."""
    changed = {
        _medicine(p): p.sentence.number
        for p in proposals
        if p.candidate.changes and p.candidate.question is None and p.passed >= _threshold(p)
    }
    return [p for p in proposals if p.candidate.changes or p.sentence.number >= changed.get(_medicine(p), 0)]


def _medicine(proposal: Proposal) -> str:
    """The medicine that a candidate is about; empty where it is about none."""
    act, _, rest = proposal.candidate.key.partition(":")
    return rest.partition(":")[0] if act == "medicine" else ""


def _is_another_dose(one: Proposal, best: Proposal) -> bool:
    """Whether it is a further dose, not to be placed, of the same sentence: "10 units in the morning, 6 units later"."""
    candidate = one.candidate
    return (
        candidate.question is not None
        and "dose" in candidate.cues
        and one.sentence.number == best.sentence.number
        and candidate.start >= best.candidate.end
    )


def _contradicts(one: Proposal, other: Proposal) -> bool:
    first, second = one.candidate.schedule, other.candidate.schedule
    if (
        first is None
        or second is None
        or other.candidate.question
        or other.passed < 0.6
        or one.candidate.as_needed != other.candidate.as_needed
    ):
        return False
    return any(first[name] != second[name] for name in ("times_per_day", "every_days", "weekdays", "every_months"))


def _ask(candidate: Candidate) -> str:
    return {
        "how-often": "How often, and for how long?",
        "which-medicine": "Which medicine, at what dose and how often?",
        "how-much": "What dose?",
    }.get(candidate.question or "", "What is the patient to do here?")
