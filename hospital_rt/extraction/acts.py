"""What a sentence orders: tests, imaging, referrals, visits, advice with a condition, home acts, errands, orders to stop.

Medicines come from ``sig``; everything else is found here, as candidates with their place and the wording of a title.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from hospital_rt.extraction.api import Sentence
from hospital_rt.extraction.compose import CLOCK, order, plain, shorten, turn_to, with_condition
from hospital_rt.extraction.context.assertion import assertions, categories_at
from hospital_rt.extraction.lexicon import load
from hospital_rt.extraction.second_person import to_patient

Act = Literal[
    "test", "imaging", "procedure", "referral", "visit", "if", "home", "monitor", "device", "errand", "stop", "medicine", "vague"
]  # fmt: skip
ORDERS = frozenset(("plan", "instructions", "assessment", ""))
"""Sections in which a bare noun phrase is an order."""
TELLS = frozenset(("previous", "stopped", "allergies"))
"""Sections in which nothing is an order."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something that a sentence may order. Offsets are in the sentence's text."""

    act: Act
    start: int
    end: int
    title: str = field(repr=False)
    detail: str | None = field(default=None, repr=False)
    key: str = field(default="", repr=False)  # what makes it the same act as another mention
    as_needed: bool = False
    question: str | None = None  # slug: what is open, where it is no item
    text: str = field(default="", repr=False)  # the question's wording
    schedule: dict[str, Any] | None = field(default=None, repr=False)  # PlanItem fields
    answers: tuple[tuple[str, str, dict[str, Any] | None, bool], ...] = field(default=(), repr=False)
    """Ready answers to the question: label, title, PlanItem fields or None, as needed."""
    changes: bool = False  # an order that changes how a medicine is taken
    named_in: int | None = None  # the number of the sentence that names the medicine
    cues: frozenset[str] = frozenset()  # for the gate and for tests
    sure: bool = False


def _words(*terms: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{'|'.join(terms)})(?![\w])", re.I)


@dataclass(frozen=True)
class Frames:
    """The wording around acts (``lexicon/<language>/frames.yaml``), compiled; ``verbs`` in the order they are tried."""

    order: re.Pattern[str]
    future: re.Pattern[str]
    strong: re.Pattern[str]
    split: re.Pattern[str]
    when: re.Pattern[str]
    condition: re.Pattern[str]
    contact: re.Pattern[str]
    visit: re.Pattern[str]
    phrase: re.Pattern[str]
    medicine_order: re.Pattern[str]
    medicine_strong: re.Pattern[str]
    stop_order: re.Pattern[str]
    before_act: re.Pattern[str]
    title_verbs: re.Pattern[str]
    repeats: re.Pattern[str]
    measured: re.Pattern[str]
    dated: re.Pattern[str]
    books: re.Pattern[str]
    must_show: re.Pattern[str]
    verbs: tuple[tuple[str, re.Pattern[str]], ...]


@cache
def frames(language: str) -> Frames:
    """The frames of a language."""
    raw = load(language, "frames")
    patterns = {
        {"if": "condition"}.get(name, name): re.compile(text.replace("{patient}", raw["patient"]), re.I)
        for name, text in raw.items()
        if isinstance(text, str) and name not in ("patient", "other_verbs")
    }
    verbs = [(act, re.compile(rf"(?:{text})\b", re.I)) for act, text in raw["verbs"].items()]
    verbs.append(("other", re.compile(rf"(?:{re.sub(chr(92) + 's+', '', raw['other_verbs'])})\b(?!['’-])", re.I)))
    return Frames(**patterns, verbs=tuple(verbs))


@dataclass(frozen=True)
class ActTerms:
    """The act terms of a language, compiled: by group the pattern of all and each term's title; nouns of bare terms."""

    groups: dict[str, re.Pattern[str]]
    says: dict[str, list[tuple[re.Pattern[str], str | None]]]
    nouns: list[tuple[re.Pattern[str], str]]


@cache
def act_terms(language: str) -> ActTerms:
    """The terms of ``lexicon/<language>/acts.yaml``."""
    raw = load(language, "acts")
    return ActTerms(
        groups={name: _words(*(row["term"] for row in rows)) for name, rows in raw.items()},
        says={name: [(_words(row["term"]), row.get("say")) for row in rows] for name, rows in raw.items()},
        nouns=[(_words(row["term"]), row["noun"]) for rows in raw.values() for row in rows if "noun" in row],
    )


_CLAUSE_LEAD = re.compile(
    r"^(?:[^:]{1,40}:\s+|(?:at|by|around) \d{1,2}(?:[:.]\d\d)? ?(?:[ap]\.?m\.?)?,? |"
    r"(?:tonight|today|tomorrow(?: \w+)?|this \w+|on \w+day),? )?",
    re.I,
)
_LABEL = re.compile(
    r"(?:Medical|Specialist|Patient|Additional|Counsel|Education|Treatment|Follow|Diet|Testing|Medication)[A-Za-z ,/&-]{0,50}:\s+(?=\S)"
)


def clauses(text: str, language: str) -> list[tuple[int, int]]:
    """Spans of the coordinated parts of a sentence, split where a new verb or subject begins."""
    spans, at = [], 0
    for match in frames(language).split.finditer(text):
        if match.start() - at >= 3:
            spans.append((at, match.start()))
            at = match.end()
    spans.append((at, len(text)))
    return [part for a, b in spans if text[a:b].strip() for part in _appointments(text, a, b, frames(language).dated)]


def _appointments(text: str, start: int, end: int, dated: re.Pattern[str]) -> list[tuple[int, int]]:
    """The parts of a clause that have each a date ahead: "Cardiology in 2 weeks, then the GP in 3 months"."""
    dates = list(dated.finditer(text, start, end))
    parts = []
    for one, other in pairwise(dates):
        joint = _JOINT.match(text, one.end(), other.start())
        if joint and other.start() - joint.end() >= 3:
            parts.append((start, one.end()))
            start = joint.end()
    return [*parts, (start, end)]


class Finder:
    """Finds the acts of one sentence. ``active``: assertion scopes that make an order of nothing."""

    BAD = frozenset(("negated", "refused", "past", "state", "other-person", "supply", "software", "considered"))

    def __init__(self, sentence: Sentence, language: str) -> None:
        self.sentence, self.text, self.language = sentence, sentence.text, language
        self.scopes = assertions(sentence.text, language)
        self.terms = act_terms(language)
        self.frames = frames(language)
        self.clauses = clauses(sentence.text, language)
        lead = _LABEL.match(sentence.text)
        self.label_end = lead.end() if lead else 0
        self.found: list[Candidate] = []
        self.nouns: list[tuple[int, int]] = []  # the terms that became acts, without the verb of their order
        self.ordering = sentence.section in ORDERS

    @property
    def to_software(self) -> bool:
        """Whether the sentence speaks to software instead of a person."""
        return any(category == "software" for category, *_ in self.scopes)

    def find(self) -> list[Candidate]:
        """All candidates of the sentence, in order of their place."""
        if self.sentence.section in TELLS:
            return []
        self._conditions()
        for start, end in self.clauses:
            self._phrase(start, end, ("stop", "errand"))
        for start, end in self.clauses:
            opening = self.frames.visit.match(self.text, start, end)
            if opening and not _LOOK_AGAIN.fullmatch(opening[0]):
                self._visit(start, end)
        self._terms()
        for start, end in self.clauses:
            self._visit(start, end)
            self._phrase(start, end, ("monitor", "home", "other"))
            self._dated(start, end)
            self._vague(start, end)
        governed = self._governed()
        return sorted((self._under(c, governed) for c in self.found), key=lambda c: (c.start, c.end))

    # -- what stands around ---------------------------------------------------------------------------------------

    def _cats(self, start: int, end: int) -> set[str]:
        return categories_at(self.scopes, start, end)

    def _rows_at(self, start: int, end: int) -> set[str]:
        """The rows by which words are only considered."""
        return {
            row for category, low, high, row in self.scopes if category == "considered" and low < end and start < high
        }

    def _bad(self, start: int, end: int, *, allow: frozenset[str] = frozenset()) -> set[str]:
        return (self._cats(start, end) & self.BAD) - allow

    def _taken(self, start: int, end: int) -> bool:
        return any(c.start < end and start < c.end for c in self.found)

    def _named(self, start: int, end: int) -> bool:
        """Whether these words are in an act already; terms that share one order's verb are each their own act."""
        terms = ("test", "imaging", "procedure", "referral", "visit")
        if any(b <= start and not self.text[b:start].strip() for _, b in self.nouns):
            return True  # "U+E blood test"
        return any(a < end and start < b for a, b in self.nouns) or any(
            c.start < end and start < c.end and (c.act not in terms or not self.nouns) for c in self.found
        )

    def _clause(self, at: int) -> tuple[int, int]:
        return next(((a, b) for a, b in self.clauses if a <= at < b), (0, len(self.text)))

    def _cues(self, start: int, end: int, *names: str) -> frozenset[str]:
        before = self.text[max(0, start - 40) : start]
        cues = {f"sec={self.sentence.section}", *names, *(f"cat={c}" for c in self._cats(start, end))}
        if self.frames.strong.search(self.text):
            cues.add("strong")
        if order_word := list(self.frames.order.finditer(before)):
            cues.add(f"verb={order_word[-1][0].lower()[:7]}")
        cues.add(f"words={min(30, len(self.text.split())) // 5}")
        if self.sentence.bullet:
            cues.add("bullet")
        return frozenset(cues)

    def _add(self, act: Act, start: int, end: int, title: str, **more: Any) -> None:
        while start < end and self.text[start] in " ,.;:-–—\t\n":
            start += 1
        while end > start and self.text[end - 1] in " ,;:-–—\t\n":
            end -= 1
        if start >= end or len(title.split()) < 2:
            return
        words = " ".join(plain(self.text[start:end], self.language).split())
        more.setdefault("detail", words if words.lower() not in title.lower() else None)
        names = more.pop("names", ())
        self.found.append(
            Candidate(
                act=act, start=start, end=end, title=title, cues=self._cues(start, end, f"act={act}", *names), **more
            )
        )

    # -- tests, imaging, procedures, referrals --------------------------------------------------------------------

    def _terms(self) -> None:
        for group in ("specialty", "imaging", "test", "procedure"):
            for match in self.terms.groups[group].finditer(self.text):
                if (
                    group == "specialty"
                    and _OWN_DOCTOR.fullmatch(match[0])
                    and not _SEES.search(self.text[max(0, match.start() - 50) : match.start()])
                ):
                    continue
                if (
                    match.start() >= self.label_end
                    and not self._named(match.start(), match.end())
                    and self._licensed(group, match)
                ):
                    self._term(group, match)

    def _licensed(self, group: str, match: re.Match[str]) -> bool:
        start, end = self._clause(match.start())
        before, clause = self.text[start : match.start()], self.text[start:end]
        if self._bad(match.start(), match.end()) or (group == "test" and _RESULT.match(self.text, match.end())):
            return False
        if group == "test" and _ON_RESULT.search(before):
            return False
        if group != "specialty" and _CONDITIONAL.match(self.text, match.end()):
            return False  # "CXR if still coughing": the author is shown it
        if self.ordering:
            dated = match.start() == start and self.frames.dated.search(clause)
            bare = len(clause.split()) <= (15 if dated else 9) and not re.search(
                r"\b(?:is|are|was|were|has|had|have|shows?|showed|of \d)\b", clause, re.I
            )
            follows = bool(self.frames.future.search(self.text[match.end() : end]))
            licensed = (
                bool(self.frames.order.search(before))
                or follows
                or bare
                or bool(self.frames.order.search(self.text[: match.start()]))
            )
            if group == "procedure":
                return self._booked(match.start()) is not None or (
                    bool(self.frames.future.search(self.text))
                    and bool(
                        re.search(
                            r"\b(?:proceed|schedul\w+|order\w*|book|recommend\w*|due|get|have|arrange|plan is|come)\b",
                            self.text,
                            re.I,
                        )
                    )
                )
            if group == "specialty":
                return (
                    bool(
                        re.search(
                            r"\b(?:refer\w*|consult\w*|see|seen|attend|follow\w*|f/?u|recommend\w*|order\w*|initiate|start|"
                            r"continue|evaluat\w+|appointment|review|contact|schedul\w+|self|begin|placed|book|urgent|"
                            r"send|for|with|will|eval|treat|physio\w*)\b",
                            self.text,
                            re.I,
                        )
                    )
                    or bare
                )
            return licensed
        return bool(self.frames.strong.search(self.text[: match.start()])) and bool(self.frames.order.search(before))

    def _term(self, group: str, match: re.Match[str]) -> None:
        start, end = match.span()
        clause_start, clause_end = self._clause(start)
        left, right = self._noun_phrase(start, end, clause_start, clause_end)
        measured = _MEASURES.match(self.text, start) if group == "test" else None
        if measured and self.terms.groups["test"].search(self.text, measured.start("what"), measured.end()):
            right = measured.end()  # "blood test for kidney function and potassium" is one test
        say = next((title for pattern, title in self.terms.says[group] if title and pattern.fullmatch(match[0])), None)
        when = self._when(right, len(self.text)) if measured else self._when(end, clause_end)
        phrase = self.text[left:right]
        self.nouns.append((left, right))
        if phrase[1:2].islower() and not self.text[:left].strip(" ,.:;-0123456789)"):
            phrase = phrase[:1].lower() + phrase[1:]  # the first word of its sentence
        if group == "specialty":
            act: Act = "referral"
            who = say or f"the {plain(match[0].lower(), self.language)}"
            if re.search(r"(?:ology|surgery|istry|medicine|cessation)$", who):
                who += " clinic"
            verb = (
                "Go to"
                if who
                in ("physical therapy", "occupational therapy", "speech therapy", "cardiac rehab", "diabetes education")
                else "See"
            )
            title = f"{verb} {who}" + (" (referral)" if re.search(r"refer", self.text, re.I) else "")
            if re.search(r"follow[- ]?up|f/?u|visit|appoint", self.text[clause_start:start], re.I):
                title = f"See {who} for a follow-up visit"
            if match[0].lower() in ("gp", "pcp", "primary care", "family doctor") or match[0].lower().startswith(
                "primary care"
            ):
                act, title = "visit", "See your primary care doctor" if match[0].lower() != "gp" else "See the GP"
        else:
            act = "test" if group == "test" else "imaging" if group == "imaging" else "procedure"
            noun = say or self._article(to_patient(plain(self._whole_noun(match[0], phrase), self.language)))
            noun = (
                noun
                if not (say and re.search(r"\b(?:repeat|another|recheck)", phrase, re.I))
                else "a repeat " + re.sub(r"^an? ", "", noun)
            )
            booked = self._booked(left)
            title = f"{booked.capitalize() if booked else 'Have'} {noun}"
        if when and "every" not in self.text[slice(*when)].lower():
            spoken = _date_words(plain(self.text[slice(*when)], self.language))
            if spoken.strip(" (,)").lower() not in title.lower() and not spoken.startswith("for"):
                title += f" {spoken}"
            right = max(right, when[1])
        if group == "test" and (fasting := _FASTING.search(self.text, end)) and "fast" not in title:
            title += f", {fasting[0].lower()}"
        lead = self._lead(clause_start, left)
        names = [f"group={group}"]
        if group != "specialty" and booked:
            names.append("booked")
        if when:
            names.append("when")
        if lead == left:
            names.append("bare")
        if not self.text[clause_start:lead].strip(" ,.:;-"):
            names.append("opens")
        if not self.text[right:clause_end].strip(" ,.:;-"):
            names.append("closes")
        key = re.sub(r"\W+", " ", (say or (phrase if measured else match[0])).lower()).strip()
        title = self._said(act, left, right) or shorten(title)
        self._add(act, lead, right, title, key=f"{act}:{key}", names=tuple(names))

    def _when(self, start: int, end: int) -> tuple[int, int] | None:
        """Where the words say when an act is due, with the time of day behind a date."""
        dates = self.frames.when.finditer(self.text, start, end)
        said = next((one for one in dates if not _FROM_DOSE.match(self.text, one.end())), None)
        if said is None:
            return None
        if _OTHER_ACT.search(self.text, start, said.start()):
            return None  # "eye exam overdue: she will call the office this week"
        clock = _AT_CLOCK.match(self.text, said.end(), end)
        return said.start(), clock.end() if clock else said.end()

    def _said(self, act: str, start: int, end: int) -> str:
        """An act in the note's own words behind its language's wording of an order; empty where titles are composed."""
        frame = load(self.language, "titles")["orders"].get(act, "")
        words = plain(self.text[start:end], self.language)
        words = words[:1].lower() + words[1:] if words[1:2].islower() else words
        return shorten(frame.format(what=words)) if frame else ""

    def _booked(self, at: int) -> str | None:
        """The verb of an order to the patient that opens the clause around ``at``: "Book a chest X-ray"."""
        said = self.frames.books.match(self.text, self._clause(at)[0], at + 1)
        return said["verb"].lower() if said and self.ordering else None

    def _lead(self, clause_start: int, left: int) -> int:
        """Where the order's verb stands before a noun phrase, so that the quote holds it."""
        verbs = list(self.frames.order.finditer(self.text, max(clause_start, left - 60), left))
        return verbs[-1].start() if verbs else left

    def _noun_phrase(self, start: int, end: int, low: int, high: int) -> tuple[int, int]:
        """The term with the adjectives before it and "of the ..." behind it."""
        left = start
        for match in reversed(list(re.finditer(r"[\w/-]+", self.text[low:start]))):
            word = match[0].lower()
            gap = self.text[low + match.end() : left]
            if (
                gap.strip()
                or (self.frames.order.fullmatch(word) and word not in ("repeat", "follow-up", "urgent"))
                or word in _STOPS
            ):
                break
            left = low + match.start()
            if start - left > 45:
                break
        tail = _OF_WHAT.match(self.text, end, high)
        return left, tail.end() if tail else end

    def _whole_noun(self, term: str, phrase: str) -> str:
        """A noun phrase, with what it is where only what is measured is named: "total IgE", "total IgE blood test"."""
        noun = next((noun for pattern, noun in self.terms.nouns if pattern.fullmatch(term)), None)
        return phrase if noun is None or _NAMES_TEST.search(phrase) else f"{_LEVELS.sub('', phrase)} {noun}"

    def _article(self, noun: str) -> str:
        noun = re.sub(r"^(?:an?|the|some|his|her|your|their)\s+", "", noun.strip(), flags=re.I)
        if not noun:
            return noun
        last = (
            re.split(r" (?:of|for|to|including|such as|like|namely) |,? ?\(| ?: ?| [-–] ", noun)[0]
            .split(" ")[-1]
            .lower()
        )
        if re.search(r"(?:s|work|imaging|testing|monitoring|surgery|bloods|ometry)$", last) and not last.endswith(
            ("ss", "sis", "us")
        ):
            return noun
        first = noun.split()[0]
        vowel = (
            first[0].lower() in "aeiou" and not first.lower().startswith(("ura", "ure", "uri", "uro", "uni", "us"))
        ) or first in tuple("MRI MRA X-ray x-ray ECG EKG EMG MSU LFT HCG FBC".split())
        return f"{'an' if vowel else 'a'} {noun}"

    # -- visits ---------------------------------------------------------------------------------------------------

    def _visit(self, start: int, end: int) -> None:
        clause = self.text[start:end]
        match = self.frames.visit.search(clause)
        if not match and self.frames.visit.fullmatch(self.sentence.heading):
            self._visit_at(start, end)
        if not match or (
            self._taken(start, end)
            and any(c.act in ("if", "visit", "referral") and c.start < end and start < c.end for c in self.found)
        ):
            return
        at = start + match.start()
        tested = any(c.act in ("test", "imaging") and c.start < end and start < c.end for c in self.found)
        if tested and _LOOK_AGAIN.fullmatch(match[0]):
            return  # "recheck FBC": the test says it all
        if _NO_VISIT.match(self.text, at) or _UP_TO_VISIT.search(self.text[start:at]):
            return
        bare = len(clause.split()) <= (25 if not at else 12) and not re.search(
            r"\b(?:was|were|has|had|have been|is|are|of)\b", clause[: match.start()], re.I
        )
        licensed = (self.ordering and (bare or self.frames.future.search(clause))) or (
            not self.ordering and self.frames.strong.search(clause)
        )
        bad = self._bad(at, at + len(match[0]))
        if bad == {"considered"} and self._rows_at(at, at + len(match[0])) == {"once-known"}:
            bad = set()  # "follow up with me once the MRI results are available"
        if not licensed or bad:
            return
        if (
            not self.frames.when.search(clause)
            and not re.search(
                r"\b(?:with|by|to|for|clinic|appointment|book|arrange|needs?|gp|once|when|after|as scheduled|as needed|doctor|dr)\b",
                clause,
                re.I,
            )
            and len(clause.split()) > 3
        ):
            return
        when = self._when(start + match.end(), end) or self._when(start, end)
        said = self.text[slice(*when)] if when else ""
        verb = re.search(
            r"\b(?:follow[- ]?up|return|come back|be seen|see (?:dr|the|a|your|his|her)\b|book|arrange|schedule|attend|make)\b.*",
            clause,
            re.I,
        )
        title = ""
        if verb and not re.match(r"follow-?up (?:visit|appointment|examination|labs?)", verb[0], re.I):
            words = re.sub(r"^be seen", "be seen", verb[0], flags=re.I)
            title = order(words, self.language)
            title = re.sub(r"^(?:Follow-up|Followup)\b", "Follow up", title)
            title = re.sub(r"^Be seen", "Come to be seen", title)
            title = re.sub(r"^See you\b", "Come back", title)
        if not title or len(title) < 12:
            spoken = f" {_date_words(plain(said, self.language))}" if when else ""
            kind = _VISIT_FOR.fullmatch(clause[: match.end()])
            what = f"the {to_patient(plain(kind[0], self.language)).lower()}" if kind else "a follow-up visit"
            title = f"Come back for {what}{spoken}"
            if match[0].lower().startswith("app") and (clinic := _CLINIC_NAMED.fullmatch(clause[: match.start()])):
                title, bare = f"Keep this appointment: {clinic[1]}{spoken}", False
        begin = start + match.start() if bare else start
        self._add(
            "visit",
            begin,
            end,
            self._said("visit", begin, end) or shorten(title),
            key=f"visit:{said.lower()}",
        )

    def _visit_at(self, start: int, end: int) -> None:
        """A date alone, under a heading that says what it is of: "Follow-up: 4 weeks"."""
        when = self._when(start, end)
        if (
            when
            and self.ordering
            and not self.text[start : when[0]].strip()
            and not self.text[when[1] : end].strip(" .")
        ):
            spoken = _date_words(plain(self.text[slice(*when)], self.language))
            title = self._said("visit", start, end) or f"Come back for a follow-up visit {spoken}"
            self._add("visit", start, end, title, key=f"visit:{spoken.lower()}")

    # -- advice with a condition ----------------------------------------------------------------------------------

    def _conditions(self) -> None:
        text = self.text
        if self.sentence.section in ("exam", "results", "medications", "past") and not self.frames.strong.search(text):
            return
        if not self.ordering and not self.frames.strong.search(text):
            return
        for start, end, act, condition in self._conditional_acts():
            if self._taken(start, end):
                rest = [c for c in self.found if not (c.start < end and start < c.end and _is_class(c))]
                if any(c.start < end and start < c.end for c in rest) or not self.frames.contact.match(text, *act):
                    continue
                self.found = rest  # "call if the fever lasts more than 48 hours on antibiotics"
            if self._bad(*act, allow=frozenset(("considered", "state"))):
                continue
            if _CLINIC_SUBJECT.search(text[max(0, act[0] - 40) : act[0]]) or (
                _NO_ORDER.match(text, act[0]) and not (condition[0] < act[0] and _NUMBER_TO_CALL.match(text, act[0]))
            ):
                continue
            what = self._condition_words(condition)
            title = turn_to(text[act[0] : act[1]], self.language)
            if what:
                title = with_condition(title, what)
            if len(title) < 5:
                continue
            soon = self.frames.when.search(text, *act)
            condition_word = self.frames.condition.search(text, start, end)
            early = condition_word and re.match(r"(?:sooner|earlier|as needed|prn)", condition_word[0], re.I)
            as_needed = not (soon and early and condition_word and soon.start() < condition_word.start())
            if condition_word is None and self._books(text[slice(*condition)] or text[slice(*act)], text[slice(*act)]):
                as_needed = False
                if what:
                    what = f"({re.sub(r'^(?:if|si) ', '', what)})"
                    title = shorten(f"{order(text[act[0] : act[1]], self.language)} {what}")
            later = any(row == "if-we" and low < act[1] and act[0] < high for _, low, high, row in self.scopes)
            names = ("later",) if later else ()  # "if it fails we will ...": for the doctor to say
            self._add("if", start, end, title, key=f"if:{title.lower()[:60]}", as_needed=as_needed, names=names)

    def _governed(self) -> list[tuple[int, int, tuple[int, int]]]:
        """Clauses under the condition that opens the one before: "If it bleeds, press on it and call us"."""
        found, condition = [], None
        for (_, last), (start, end) in pairwise([(0, 0), *self.clauses]):
            opens = _IF.match(self.text, start, end)
            if opens:
                act = self._imperative(opens.end(), end)
                medicine = next((c.start for c in self.found if start < c.start < end), None)
                begins = min((at for at in (act, medicine) if at is not None), default=None)
                condition = None if begins is None else (opens.start("if"), begins)
            elif condition is not None:
                goes_on = _GOES_ON.fullmatch(self.text, last, start) and not self.frames.condition.search(
                    self.text, start, end
                )
                if goes_on and self._imperative(start, end) == start:
                    found.append((start, end, condition))
                else:
                    condition = None
        return found

    def _under(self, candidate: Candidate, governed: list[tuple[int, int, tuple[int, int]]]) -> Candidate:
        """A candidate with the condition that governs its clause: what is done only then is no daily action."""
        condition = next((c for start, end, c in governed if start <= candidate.start < end), None)
        if condition is None or candidate.as_needed or candidate.question is not None:
            return candidate
        title = with_condition(candidate.title, self._condition_words(condition))
        key = f"if:{title.lower()[:60]}"
        return replace(candidate, title=title, key=key, as_needed=True, schedule=None, sure=False)

    def _books(self, head: str, act: str) -> bool:
        """Whether the words before an act name an appointment to be made, no condition: "Cardiology referral: ring us"."""
        appointment = re.search(r"\b(?:referral|appointment|appt|clinic|vaccine|jab|jabs)\b", head, re.I)
        booked = re.search(
            r"\b(?:to (?:book|schedule|arrange)|book|set up|(?:by|before) (?!you|it|the pain))", act, re.I
        )
        return bool(appointment or booked) or self._terms_in(head)

    def _conditional_acts(self) -> list[tuple[int, int, tuple[int, int], tuple[int, int]]]:
        """(start, end, span of the act, span of the condition): "if X, do Y", "do Y if X", "X: call", "call for X"."""
        text, found = self.text, []
        for part_start, part_end in self._parts():
            condition = self.frames.condition.search(text, part_start, part_end)
            contact = self._imperative(part_start, part_end, contact=True)
            if condition:
                later = self._imperative(condition.end(), part_end)
                if contact is not None and contact < condition.start():
                    found.append((contact, part_end, (contact, part_end), (part_end, part_end)))
                elif later is not None:
                    found.append((condition.start(), part_end, (later, part_end), (condition.start(), later)))
            elif contact is not None:
                head = text[part_start:contact].strip()
                if (
                    re.search(r"[:=→–>-]$", head)
                    and 4 < len(head) < 100
                    and not self.frames.when.fullmatch(head.strip(":=→–>- "))
                ):
                    found.append((part_start, part_end, (contact, part_end), (part_start, contact)))
                elif (
                    re.search(r"\b(?:for|about|with (?:any|new|worsening|questions)|:)\s", text[contact:part_end])
                    and self.frames.contact.match(text, contact)
                    and re.match(
                        r"(?:call|ring|phone|contact|seek|message|notify|sos|rted|er\b|ed\b|a&e|999|911|attend|report|let|come|go)",
                        text[contact:],
                        re.I,
                    )
                ):
                    found.append((contact, part_end, (contact, part_end), (part_end, part_end)))
        return found

    def _parts(self) -> list[tuple[int, int]]:
        """Clauses, with a leading condition kept together with the act that follows it."""
        parts: list[tuple[int, int]] = []
        for start, end in self.clauses:
            if parts and self._opens_condition(*parts[-1], start):
                parts[-1] = (parts[-1][0], end)
            else:
                parts.append((start, end))
        return parts

    def _opens_condition(self, start: int, end: int, after: int) -> bool:
        """Whether a clause is the condition of the next: "if worse ...", "Any bleeding - ring us"."""
        if self.frames.condition.match(self.text, start) and self._imperative(start + 3, end) is None:
            return True
        sign = self.terms.groups["symptom"].search(self.text, start, end) or _ANY.match(self.text, start)
        turns_to = self.frames.contact.match(self.text, after)
        return bool(sign and turns_to and "-" in self.text[end:after] and self._imperative(start, end) is None)

    def _imperative(self, start: int, end: int, *, contact: bool = False) -> int | None:
        """Where an order to the patient begins: at the start, after a comma, colon or dash, or after a frame."""
        text = self.text
        patterns = (
            [self.frames.contact] if contact else [self.frames.contact, *(verbs for _, verbs in self.frames.verbs)]
        )
        for match in _OPENING.finditer(text[start:end]):
            for pattern in patterns:
                if pattern.match(text, start + match.end(), end):
                    return start + match.end()
        for frame in self.frames.phrase.finditer(text[start:end]):
            if frame[0].strip() and any(pattern.match(text, start + frame.end(), end) for pattern in patterns):
                return start + frame.end()
        found = self.frames.contact.search(text, start, end)
        if found and _COMES_BACK.search(text, max(start, found.start() - 30), found.end()):
            return None  # "if symptoms return"
        if found and not re.search(
            r"\b(?:the|a|an|his|her|my|our|of|no|was|were|is)\s+$", text[start : found.start()], re.I
        ):
            return found.start()
        return None

    def _condition_words(self, condition: tuple[int, int]) -> str:
        words = self.text[condition[0] : condition[1]]
        if not words.strip():
            return ""
        words = _REASONS.sub("", words)
        words = re.sub(r"^\W*should (?=you\b)", "if ", words, flags=re.I)
        words = re.sub(
            r"[,:=→–>-]\s*(?:then|please|pt|patient|she|he|you|they|to|and|should|will|needs? to|is to|are to|may|\s)*\s*$",
            "",
            words,
            flags=re.I,
        )
        words = re.sub(
            r"\s+(?:she|he|you|they|the patient|pt|patient)\s+(?:should|will|is to|are to|needs? to|must|can|may)\s*(?:need to)?\s*$",
            "",
            words,
            flags=re.I,
        )
        words = re.sub(r"\s+(?:please|then|to|for|needs?|should be|would|will need to)\s*$", "", words, flags=re.I)
        said = order(words, self.language)
        said = said[:1].lower() + said[1:]
        return said if self.frames.condition.match(said) else f"{load(self.language, 'titles')['if']} {said}"

    # -- verb phrases: home acts, errands, monitoring, stopping ---------------------------------------------------

    def _phrase(self, start: int, end: int, acts: tuple[str, ...]) -> None:
        clause = self.text[start:end]
        lead = _CLAUSE_LEAD.match(clause)
        begins = {start, start + lead.end()} if lead and self.ordering else {start}
        for begin in sorted(begins):
            for frame in self.frames.phrase.finditer(self.text[begin:end]):
                for act, verbs in self.frames.verbs:
                    at = begin + frame.end()
                    if (
                        act in acts
                        and (verb := verbs.match(self.text, at, end))
                        and (frame[0].strip() or self.ordering)
                    ):
                        self._verb(act, verb, end)
                        return

    def _verb(self, act: str, verb: re.Match[str], end: int) -> None:
        at = verb.start()
        taken = (
            any(c.act != "home" for c in self.found if c.start < end and at < c.end)
            if act == "errand"
            else self._taken(at, end)
        )
        if taken or self._bad(at, verb.end()) or _CLINIC_SUBJECT.search(self.text[max(0, at - 25) : at]):
            return
        words = self.text[at:end]
        if act in ("home", "other", "monitor") and self.frames.visit.match(words):
            return
        if act != "stop" and self._terms_in(words) and _HAS_DONE.match(words):
            return  # the test or the appointment says it all
        if _NO_ORDER.match(words) or _VERB_ONLY.fullmatch(words.strip(" .,;:")):
            return
        if act in ("home", "other") and _BY_DOSE.match(words):
            self._add("vague", at, end, order(words, self.language), key=f"dose:{words.lower()}", question="how-much")
            return
        title = self._with_noun(order(words, self.language), at)
        if act == "stop":
            if re.match(r"d/c\s+(?:back|to|home|from|with)\b", words, re.I):
                return  # discharged
            if self.frames.condition.search(self.text[:at]) or re.search(
                r"\bsmok|tobacco|drink|alcohol|vap", words, re.I
            ):
                return
            title = re.sub(r"^(?:Discontinue|D/c|Cease|Hold)\b(?: the use of| taking| use of)?", "Stop taking", title)
            if unnamed := _STOPS_IT.match(words):
                joint = ""
                if self._shares_condition(verb, end):  # "discontinue use and call us if a rash develops": one act
                    end, joint = next(b for a, b in self.clauses if a >= end), "and "
                    self.found = [c for c in self.found if not at <= c.start < c.end <= end]
                elif not self.frames.condition.match(words[unnamed.end() :].strip()):
                    return  # the author is shown it
                rest = order(self.text[at + unnamed.end() : end], self.language)
                title = shorten(f"Stop taking the medicine {joint}{rest[:1].lower()}{rest[1:]}")
            self._add("stop", at, end, title, key=f"stop:{title.lower()}", as_needed=bool(unnamed))
            return
        vague = (
            act != "errand"
            and not self._as_needed(words)
            and next(
                (
                    (group, match)
                    for group in ("monitor", "device", "exercise", "vague_medicine")
                    if (match := self.terms.groups[group].search(words))
                ),
                None,
            )
        )
        if vague and re.match(
            r"(?:monitor|check|track|record|measure|log|wear|use|continu|do\b|perform|take|keep|watch|test|resume|follow|remain|start|ice|apply)",
            words,
            re.I,
        ):
            group, match = vague
            if re.search(
                r"\b(?:daily|every (?:day|morning|evening|night)|each (?:day|morning|evening|night))\b", words, re.I
            ):
                self._add(
                    "home",
                    at,
                    end,
                    title,
                    key=f"daily:{match[0].lower()}",
                    schedule={"times_per_day": 1, "every_days": 1},
                    names=("daily",),
                )
                return
            slug = "which-medicine" if group == "vague_medicine" else "how-often"
            kind: Act = "monitor" if group == "monitor" else "device" if group == "device" else "vague"
            self._add(
                kind,
                at,
                end,
                title,
                key=f"vague:{match[0].lower()}",
                question=slug,
                names=(f"group={group}",),
            )
            return
        shared = self._shares_condition(verb, end)
        if shared:
            title = with_condition(title, f"{shared[:1].lower()}{shared[1:]}")
        self._add(
            "errand" if act == "errand" else "home",
            at,
            end,
            title,
            key=f"{act}:{title.lower()[:50]}",
            as_needed=bool(shared) or self._as_needed(words),
            names=(f"v={verb[0].lower()[:8]}",),
        )

    def _with_noun(self, title: str, at: int) -> str:
        """A title with the noun that "it" stands for, where the sentence names it before place ``at``."""
        said = _PRONOUN.match(title)
        if not said:
            return title
        before = self.text[:at]
        head = re.match(r"\W*(?:\d+[.)]\s*)?([^:,.;]{3,40}):[^:]*$", before)
        terms = [m for g in ("monitor", "device", "test", "imaging") for m in self.terms.groups[g].finditer(before)]
        last = max(terms, key=lambda m: m.start(), default=None)
        record = (
            re.compile(r"\s+(?:diary|log|chart|journal|readings|form|stockings?|hose)\b", re.I).match(
                before, last.end()
            )
            if last
            else None
        )
        noun = head[1] if head else last[0] + (record[0] if record else "") if last else ""
        noun = noun or next((m[1] for m in _OBJECT.finditer(before)), "")
        if not noun or len(noun.split()) > 5:
            return title
        noun = re.sub(r"^(?:a|an|the|his|her|your)\s+", "", plain(to_patient(noun), self.language), flags=re.I)
        noun = noun[:1].lower() + noun[1:] if noun[1:2].islower() else noun
        return shorten(f"{title[: said.start(1)]}the {noun}{title[said.end(1) :]}")

    def _shares_condition(self, verb: re.Match[str], end: int) -> str:
        """The condition of the next act where it holds here too: "take an extra tablet and call us if you gain weight"."""
        following = next(((a, b) for a, b in self.clauses if a >= end), None)
        if following is None or not re.match(r"(?:take|use|double|skip|apply|stop|discontinue|hold)\b", verb[0], re.I):
            return ""
        joined = self.text[end : following[0]].strip().lower() == "and"
        condition = re.search(r"\w\s+((?:if|when)\b.*)", self.text[following[0] : following[1]], re.I)
        return order(condition[1], self.language) if joined and condition else ""

    def _as_needed(self, words: str) -> bool:
        return bool(
            re.search(
                r"\b(?:as needed|as-needed|prn|when needed|if needed|as required|for comfort|when(?:ever)?|if|si|cuando)\b",
                words,
                re.I,
            )
        )

    def _terms_in(self, words: str) -> bool:
        return any(self.terms.groups[group].search(words) for group in ("test", "imaging", "specialty", "procedure"))

    def _dated(self, start: int, end: int) -> None:
        """A noun phrase with a date ahead ("asthma nurse in 4 weeks"): an appointment."""
        if self.sentence.section not in ("plan", "instructions", "") or self._taken(start, end):
            return
        clause = self.text[start:end]
        when = self.frames.dated.search(clause)
        if (
            not when
            or len(clause.split()) > 12
            or when.start() < 3
            or self._bad(start, end)
            or _NOT_DATED.search(clause)
            or self.frames.repeats.search(clause[when.start() :])
        ):
            return
        self._add(
            "visit",
            start,
            end,
            self._said("visit", start, end)
            or shorten(
                "Keep this appointment: "
                + re.sub(r"\s+on (?=(?:the )?\d)", ", ", plain(to_patient(clause), self.language))
            ),
            key=f"dated:{clause.lower()}",
        )

    # -- what is ordered without a name or a schedule ---------------------------------------------------------------

    def _vague(self, start: int, end: int) -> None:
        clause = self.text[start:end]
        ordering = re.search(
            r"\b(?:continu\w+|start\w*|initiat\w+|prescri\w+|increas\w+|decreas\w+|resum\w+|restart\w*|keep|tak(?:e|ing)|use|using|adjust\w*|"
            r"add\w*|refill\w*|begin|recommend\w*|advised?|send|given|provided|trial|regular|wear|placed|put|place|needs?|will|can|monitor\w*|"
            r"treat\w*|course|rx|wean|taper|titrat\w+|complete|finish|remain|stay|maintain)\b",
            clause,
            re.I,
        )
        if not ordering or not (self.ordering or self.frames.strong.search(clause)) or self._as_needed(clause):
            return
        for group, slug in (
            ("device", "how-often"),
            ("monitor", "how-often"),
            ("exercise", "how-often"),
            ("vague_medicine", "which-medicine"),
        ):
            for match in self.terms.groups[group].finditer(self.text, start, end):
                if self._taken(match.start(), match.end()) or self._bad(match.start(), match.end()):
                    continue
                if _PURPOSE.search(clause[: match.start() - start]) and any(
                    c.act == "medicine" and start <= c.start < end for c in self.found
                ):
                    continue  # "lisinopril 10 mg daily for her blood pressure"
                self._add(
                    "vague",
                    min(start + ordering.start(), match.start()),
                    max(match.end(), start + ordering.end()),
                    order(clause, self.language),
                    key=f"vague:{match[0].lower()}",
                    question=slug,
                    names=(f"group={group}",),
                )


def _is_class(candidate: Candidate) -> bool:
    """Whether it asks about a medicine that the words only mention: "antibiotics"."""
    return candidate.act == "medicine" and candidate.question is not None and not {"named", "medverb"} & candidate.cues


def _date_words(said: str) -> str:
    """When an act is due, as a title says it.

    >>> _date_words("2 weeks"), _date_words("on Monday"), _date_words("on the 3rd"), _date_words("tomorrow")
    ('in 2 weeks', 'this Monday', '(the 3rd)', 'tomorrow')
    """
    said = said.removesuffix(" later")
    if re.match(
        r"(?:in|within|after|today|tomorrow|tonight|this|next|urgent|as|before|prior|ahead|at|every|for)\b", said, re.I
    ):
        return said
    day = re.fullmatch(r"(?:on )?(\w+day)", said, re.I)
    if day:
        return f"this {day[1]}"
    said, dated = re.subn(r"^(?:on|booked for) ", "", said, flags=re.I)
    return f"({said})" if dated or re.match(r"\w+day\b", said, re.I) else f"in {said}"


_HAS_DONE = re.compile(
    r"(?:get|have|obtain|see|attend|go|continue|complete(?! (?:[\w'’-]+ ){0,3}(?:questionnaire|form|survey|course|diary)))\b",
    re.I,
)
_FASTING = re.compile(
    r"\b(?:non-?)?fast(?:ing|ed)\b(?! (?:glucose|lipids?|sugars?|cholesterol|bloods?|labs?))|\bfast (?:from|for) [^,.;]{3,30}|"
    r"\bnothing to eat(?: or drink)? (?:from|after) [^,.;]{3,30}",
    re.I,
)
"""How a patient is to come to a test."""
_NAMES_TEST = re.compile(r"\b(?:tests?|panel|profile|studies|screen|check|bloods?|culture|sample)\b", re.I)
_LEVELS = re.compile(r"\s+levels?$", re.I)
_CLINIC_NAMED = re.compile(r"\s*((?:(?!the |an? |in |to )[\w'’-]+ ){1,3}(?:clinic|unit|team|nurse))\s+", re.I)
_BY_DOSE = re.compile(
    r"(?:increase|decrease|reduce|titrate|raise|lower|go (?:up|down)|adjust|double|halve)\b[^.;]*\b(?:units?|mg|mcg|micrograms?|tablets?|puffs?|doses?)\b",
    re.I,
)
"""A change of dose without a medicine's name."""
_STOPS_IT = re.compile(
    r"(?:\w+|d/c)(?: (?:taking|using|the use of|use of))?(?: (?:it|them|this|that|use)|(?: (?:this|these|the))? (?:medicines?|medications?|meds|drugs?|tablets?)|(?= (?:for|until|till|before|from)\b)(?!.*\b(?:mg|mcg|tablets?)\b))(?=\W*$| (?:if|when|in case|for|until|till|before|from)\b)",
    re.I,
)
"""An order to stop that does not name what."""
_VERB_ONLY = re.compile(r"\w+ (?:in|up|off|out|down|on|over)", re.I)
"""An order without its object: "then send in"."""
_COMES_BACK = re.compile(
    r"\b(?:symptoms?|pain|fever|bleeding|rash|cough|swelling|it|they|these|problems?|infection|\w+ness)\s+returns?$",
    re.I,
)
_OTHER_ACT = re.compile(r"\b(?:he|she|they|you|we|i) (?:will|is|are|to|should)\b", re.I)
_FROM_DOSE = re.compile(
    r"\s*(?:post|after|before|pre|from|since)[- ]?(?:the |your |last |his |her )*(?:dose|meal|food)\b", re.I
)
"""Behind a length of time that says how long after a dose a sample is taken."""
_AT_CLOCK = re.compile(CLOCK, re.I)
_IF = re.compile(r"\W*(?P<if>(?:if|should|in case|in the event|si|en caso|en cas)\b)", re.I)
"""A condition that may govern more than one clause."""
_GOES_ON = re.compile(r"\W*(?:,|\b(?:and|then|y|et|puis|luego)\b)\W*(?:(?:and|then)\W*)?", re.I)
_JOINT = re.compile(r"(?: (?:for|by|with) [\w-]+(?: [\w-]+)?)?(?:,? (?:and then|then|and)|,) ", re.I)
_OF_WHAT = re.compile(
    r"\s+(?:scan|test|panel|study|(?:of|to(?! be\b)) (?:the |his |her |both |your )?(?:[\w-]+ ){0,3}[\w-]+(?= for| to|[,.;]| and|$| in))",
    re.I,
)
"""What goes on a term: "X-ray of the left knee"."""
_MEASURED = r"(?!(?:in|at|on|within|before|after|if|when|next|today|tomorrow|this|which|because|as|to|will|see|review)\b|\d+/)\w[\w+&/'’-]*"
_MEASURES = re.compile(
    r"(?:blood (?:tests?|work|levels?)|bloodwork|bloods|labs?|lab ?work)"
    r"(?:\s+(?:for|to check|such as|like|namely)\s+|,?\s+(?:including|to include)\s+|\s*:\s*|\s+[-–]\s+|\s*\((?:i\.?e\.?,? )?)(?:an? |the )?(?!checking|testing)"
    rf"(?P<what>{_MEASURED}(?:(?:, ?| ){_MEASURED}){{0,12}})\)?",
    re.I,
)
"""A blood test and what it is to measure."""
_LOOK_AGAIN = re.compile(r"re-?check|re-?evaluat\w+", re.I)
_CONDITIONAL = re.compile(
    r"(?: (?!if\b|unless\b|and\b|or\b|in\b|for\b|to\b)[\w/-]+){0,3}\s*(?:only )?(?:if|unless|si|sauf)\b", re.I
)
_ON_RESULT = re.compile(
    r"\b(?:if|unless|once|when|until|depending on|based on) (?:the |his |her |your |repeat )?$", re.I
)
"""Before a test: what is to happen on its result."""
_RESULT = re.compile(
    r"\s*(?:is|was|of|at|came back|:|=)?\s*[<>]?\d+(?:\.\d+)?(?!\d)(?!\s*(?:/\d|-\d|days?|d\b|weeks?|wks?|w\b|months?|mo\b|mths?|monthly|weekly|hours?|hrs?|h\b|times|x|st|nd|rd|th|sets?|visits?))",
    re.I,
)
"""A number behind a test: its result."""
_REASONS = re.compile(
    r"^\W*(?:red flags?|safety[- ]?net\w*|sn|return precautions|warning signs)(?: [a-z]+){0,3}:\s*", re.I
)
"""What introduces reasons to call."""
_NOT_DATED = re.compile(
    r"\b\d-\d-\d\b|\b(?:(?:per)?centile|is|are|was|were|has|had|have|will|shall|would|should|may|can|if|i|we|he|she|they|phone|recalled|for \d|history|hx|ago|x ?\d|since|old|pain|fever|cough|started|ended|due to|last|until|till|over|wean|[nptf]?t?wb|wbat|weight[- ]?bear\w*|off work|(?:fit|sick|work) (?:note|cert\w*)|med3|reps?|sling|cast|splint|brace|boot|\d+ ?mg)\b",
    re.I,
)
_VISIT_FOR = re.compile(
    r"\s*(?!(?:the|daily|last|this|urgent|routine|regular|further|medical|clinical|for|needs?|gp|to|no|next|please|early|repeat|in|book|arrange)\b)"
    r"[a-z]{3,}(?: (?!for\b|in\b)[a-z]{3,}){0,2} (?:review|recheck|check[- ]?up|assessment)",
    re.I,
)
_OBJECT = re.compile(
    r"\b(?:keep|wear|use|collect|write|complete|record|provide|do|fill in) (?:the|your|an?|his|her) ([\w-]+(?: (?:form|sample|brace|boot|monitor))?)",
    re.I,
)
_NUMBER_TO_CALL = re.compile(r"(?:call|ring|phone|dial|text)\s+(?:us\s+)?(?:on\s+|at\s+)?[\d\s()+-]{6,}", re.I)
_PRONOUN = re.compile(r"[A-Z]\w+(?: (?:up|in|back|down|off))? (it|them)\b")
_UP_TO_VISIT = re.compile(
    r"\b(?:before|until|till|at|to|since|by)(?: (?:the|your|his|her|their|our|next|that))+(?: [\w-]+)?\s*$|\b(?:before|until|on|at|for|by) next\s*$",
    re.I,
)
_NO_VISIT = re.compile(
    r"(?:review|r/v|rv) (?:aft(?:er)?|post|following) (?!\d|an? |one|two|three|four|six|the |results?|bloods?|tests?|scan|your|that)|follow[- ]?(?:up|ing up) (?:on(?! (?:the )?\d| \w+day)|and|of|x-?ray|imaging|labs?|with (?:you|the patient|him|her|them))\b|review(?:ed|ing)? (?:of|the|his|her|your) |examination (?:of|reveal|show|is|was)|visits? (?:by|from) (?:the|an?|our|your|district|community)\b(?! end)",
    re.I,
)
_PURPOSE = re.compile(r"\bfor (?:[\w-]+ ){0,3}$", re.I)
_OWN_DOCTOR = re.compile(
    r"gp|pcp|primary care.*|family (?:doctor|physician)|specialist|dentist|dental|practice nurse|district nurse|health visitor|social worker",
    re.I,
)
_SEES = re.compile(
    r"\b(?:see|follow(?:ing)?[- ]?up|f/?u|refer\w*|visit|appointment|contact|call|back to|return to|consult|book|attend)\b[^.;]*$",
    re.I,
)
_NO_ORDER = re.compile(
    r"hold (?:for|until|till)\b|(?:use|take|apply) as (?:directed|instructed|prescribed)\b|phone (?:call|number|consult\w*|review)\b|(?:do|make|don't|does|see|start|begin|continue|have|get|look|test|rest|read|note|keep)\s+(?:(?:an?|the|our|their) (?:letter|text|(?:phone )?call|e-?mail)|not|no|you no|she no|if|to (?:improve|have|be|feel|notice|experience|do well|monitor (?!his|her|your))|"
    r"date|worse|better|it|that|a history)\b|(?:start|end|test|record|plan|note|order|record|exercise|diet|follow|report|rest|walk|sleep|drink|measure)s?\s*(?:date)?\s*:|plan(?:s|ned)?\b(?! to)|"
    r"(?:call|ring|phone|dial|text)\s+(?:us\s+)?(?:on\s+|at\s+)?[\d\s()+-]{6,}(?!.*\b(?:if|when|for|to|should|with)\b)|"
    r"(?:walk|sleep|drink|eat|live|work|use|take)s\b|do (?:he|she|they)\b|\w+\s+(?:was|were|is|are|showed|reviewed|negative|normal)\b",
    re.I,
)
_OPENING = re.compile(
    r"(?:^|[,:;=→(–-]|-+>|\s-)\s*(?:(?:please|then|and|also|to|pt to|you (?:will )?(?:should|need to)|por favor)\s+)*"
)
_ANY = re.compile(r"(?:any|new|severe|worsening|persistent)\b", re.I)
_CLINIC_SUBJECT = re.compile(
    r"\b(?:i|we|gp|nurse|surgeon|hospital|team|doctor|staff|office)\s+(?:will|would|may|might|can|could|then|should|am|are|is|to|'ll)?\s*(?:then |also |need to |going to |likely |be able to )*$",
    re.I,
)
_STOPS = frozenset(
    (
        "a an the to of for in with his her their your and or we i he she will also be is was are were that this "
        "these any some on at by from as it has had patient him them today including obtain her our my us another"
    ).split()
) - {"another"}
