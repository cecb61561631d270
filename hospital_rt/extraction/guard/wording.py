"""Whether the words of an item follow from what it cites: links, medicines, words, and whether it is affirmed at all."""

from __future__ import annotations

import itertools
import re
from datetime import date
from functools import cache

from hospital_rt.extraction.api import Item, Note, PlanItem, Sentence
from hospital_rt.extraction.guard.facts import fold, pattern, read, words
from hospital_rt.extraction.lexicon import load

_LINK = re.compile(
    r"h\w\wps?:|www\.|\b[\w-]+\.(?:com|org|net|xyz|test|example|io|co|info|uk|biz)\b(?:/\S*)?|@|\(at\)|\(dot\)|tel:|"
    r"\+?\d[\d -]{7,}\d"
)
_WORD = re.compile(r"[^\W_]+(?:[-'&/][^\W_]+)*")
_CLAUSE = re.compile(
    r"[.;!?\n]+(?=\s|$)|\bbut\b|\bthen\b|\bhowever\b|,\s+and\b|,\s+(?=(?:restart|resum|recommenc)\w*\b)|\s[-|]\s(?!stop|discontinued|stopped|hold)"
)
_NOT_REFUSED = re.compile(
    r"\b(?:do not|don't|never|not to|no) (?:stop|miss|skip|forget|delay|hesitate)|\bno (?:later|longer|more|less|missed|change\w*|refills?|earlier)\b"
    r"|\bif (?:\w+ ){0,4}(?:not|no|does not|do not|without)\b[^,.;]*|\bnot (?:only|just|improv\w*|better|resol\w*|go\w* away|more than|exceed|to exceed|less)\b"
    r"|\b(?:even|with or) without\b|\bwithout (?:fail|delay|food)\b|\bnot been\b|\bnot drive\b|\b(?:do|should|must|to) not (?:exceed|take more)\b|\bno more than\b"
)
_ASIDE = re.compile(
    r"\b(?:if|when|while|whilst|until|till|because|as|since|even|that|which|who|unless|si|cuando|mientras)\b[^,;.]*"
)
_NEGATIVE = re.compile(
    r"^(?:please )?(?:stop|do not|don't|avoid|hold(?! \d)|no\b|never|dejar|suspender|evitar|arreter|ne |eviter|keep off|keep .{3,30} dry|stay off|remain non|refrain|"
    r"leave|pause|skip|limit|come off|quit|discontinue|reduce|cut)"
)

_CONDITION = re.compile(r"\b(?:if|when|whenever|unless|in case|while|during|si|cuando)\b")
# "Stop A and B if vomiting": what joins A to the condition are other names, not another order.
_CONDITION_FOLLOWS = re.compile(
    r"[\w-]+(?: ?(?:,|/|&|\+|\band\b|\bor\b|\by\b|\bo\b)(?: (?:and|or|the|your|any))* ?[\w-]+){0,5},? "
    r"(?:if|when|whenever|unless|in case|si|cuando)\b"
)
# "Amoxicillin for 5 days, if no better switch to doxycycline": the condition opens the clause of the order.
_CONDITION_BEFORE = re.compile(
    r"(?:^|[,;:.(-]\s*|\b(?:and|but|then)\s+)(?:only )?(?:if|unless|si)\b(?! (?:tolerat|possible|available|needed))[^;.]*$"
)


@cache
def medicines() -> tuple[frozenset[str], re.Pattern[str]]:
    """Single words that are, or end as, the name of a medicine."""
    data = load("", "medicines")
    names = frozenset(
        w
        for name in data["names"].split(",")
        for w in fold(name).split()
        if len(w) > 3 and not w.replace(".", "").isdigit()
    )
    common = set(
        (
            "acid vitamin iron oral cream drops nasal spray saline infant advance strong sodium calcium potassium "
            "chloride patch ointment tablet olive simple artificial tears fibre supplement prenatal with vitamins nose "
            "sulfate sulphate oxide hydroxide glycinate ethyl glycol gluconate succinate tartrate urea renal acido forte magnesium zinc lubricating contin alfa iodine drop"
        ).split()
    )
    stems = re.compile(r"[a-z]{2,}(?:" + "|".join(data["stems"]) + r")s?$")
    return names - common, stems


def named(text: str) -> list[tuple[str, int, int]]:
    """The medicines of a folded text with their places."""
    names, stems = medicines()
    never = set("examine example provide provider amide april combine decline vitamine cholesterol".split())
    return [
        (m[0], m.start(), m.end())
        for m in re.finditer(r"[a-z][a-z-]{3,}", text)
        if (
            m[0] in names
            or any(p in names for p in m[0].split("-") if len(p) > 4)
            or (len(m[0]) > 6 and stems.match(m[0]))
        )
        and m[0] not in never
    ]


def alike(a: str, b: str) -> bool:
    """Whether two words are one, give or take a slip or an ending."""
    n = 4 if min(len(a), len(b)) < 7 else 5
    return (
        a == b
        or (len(a) > 3 and len(b) > 3 and a[:n] == b[:n])
        or (len(a) > 6 and len(b) > 6 and (a[1:6] == b[1:6] or (a[0], a[-4:]) == (b[0], b[-4:])))
    )


def segment(evidence: str, name: str) -> str:
    """The stretch of the evidence about one medicine: from its name to the next medicine's; the whole when it is not named."""
    found = named(evidence)
    stretches = []
    for n, (word, start, _end) in enumerate(found):
        if alike(word, name):
            after = next((s for w, s, _ in found[n + 1 :] if not alike(w, name)), len(evidence))
            ahead = re.split(r"[.;,\n](?!\d)", evidence[:start])[-1] if n == 0 else ""
            counted = re.search(r"\d+(?:\.\d+)? (?:\w+ (?:of )?)?$", evidence[:start])
            stretches.append((ahead or (counted[0] if counted else "")) + evidence[start:after])
    return " ; ".join(stretches) if stretches else evidence


def wording_fault(note: Note, item: Item, sentences: list[Sentence], evidence: str, quote: str) -> str | None:
    """The first way in which the words of the item do not follow from what it cites."""
    claim = fold(f"{item.title} ; {item.detail or ''}")
    short = not isinstance(item, PlanItem) and len(_WORD.findall(item.title)) < 2
    if short and not pattern("order").fullmatch(fold(item.title).strip(" .")):
        return "no-order"  # "Amoxicillin", "Physio": a word is no order
    for match in _LINK.finditer(claim):
        if match[0] not in evidence and match[0].strip() not in fold(note.text):
            return "link"
    if any(ord(c) > 0x24F and c.isalpha() and c not in note.text for c in item.title + (item.detail or "")):
        return "words"
    return (
        _medicine_fault(note, claim, sentences, evidence)
        or _carried_fault(fold(item.title), sentences)
        or _words_fault(note, fold(item.title), fold(item.detail or ""), evidence)
        or assertion_fault(fold(item.title), item.as_needed, sentences, evidence, quote, note.day)
    )


def _medicine_fault(note: Note, claim: str, sentences: list[Sentence], evidence: str) -> str | None:
    others = named(evidence)
    cited = [w for w, _, _ in others] + re.findall(r"[a-z][a-z-]{3,}", evidence)
    cited += [w for group in words()["same"] for w in group.split() if any(x in evidence for x in group.split())]
    for name, _, _ in named(claim):
        if any(alike(name, word) for word in cited):
            continue
        first = min(s.number for s in sentences)
        near = fold(" ".join(s.text for s in note.sentences if first - 4 <= s.number < first))
        if others or not any(alike(name, w) for w, _, _ in named(near)):
            return "medicine"
    return None


def _carried_fault(title: str, sentences: list[Sentence]) -> str | None:
    """A number of the title that a later sentence gives, which does not go on with the medicine: "Aim for 1.5 L"."""
    naming = [s for s in sentences if any(alike(w, n) for w, _, _ in named(fold(s.text)) for n, _, _ in named(title))]
    if not naming:
        return None
    first = naming[0]
    known = {number for s in naming for number in _NUMBER.findall(fold(s.text))}
    carried = set(_NUMBER.findall(title)) - known
    for sentence in sentences:
        text = fold(sentence.text)
        if sentence in naming or not carried & set(_NUMBER.findall(text)):
            continue
        if (sentence.bullet and first.bullet) or not pattern("goes_on").match(text.lstrip(_MARKS)):
            return "words"
    return None


_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_MARKS = " -*\u2022:>)("


def _words_fault(note: Note, title: str, detail: str, evidence: str) -> str | None:
    """A title or detail most of whose words are nowhere in the note says something else."""
    cited = set(re.findall(r"[a-z0-9]+", evidence)) | set(_WORD.findall(evidence))
    cited |= {w for group in words()["same"] if set(group.split()) & cited for w in group.split()}
    acts = bool(pattern("acts").search(evidence))
    everywhere = cited | set(re.findall(r"[a-z0-9]+", fold(note.text)))
    for part in (title, detail):
        if part in evidence:
            continue
        content = [
            w for w in _WORD.findall(part) if len(w) > 2 and w not in _neutral() and not w.replace(".", "").isdigit()
        ]
        if any(re.search(r"[a-z]\d|\d[a-z]", w) and w not in evidence and not _AMOUNT.fullmatch(w) for w in content):
            return "words"
        strange = [w for w in content if not (pattern("lay").fullmatch(w) or (acts and pattern("acts").fullmatch(w)))]
        foreign = [w for w in strange if not _is_frame(w) and not any(alike(w, k) for k in everywhere)]
        absent = not any(alike(w, k) for w in content for k in cited)
        if len(foreign) * 2 > len(content) - (len(content) > 1 and not acts) or (content and absent and not acts):
            return "words"
    return None


def _is_frame(word: str) -> bool:
    """Whether a word says how an order is put or when, not what it is about."""
    return (
        word in words()["months"]
        or word == "dejar"
        or any(pattern(p).fullmatch(word) for p in ("often", "strong", "stop", "order"))
    )


@cache
def _neutral() -> frozenset[str]:
    return frozenset(words()["neutral"].split("|")) | set(words()["weekdays"])


_AMOUNT = re.compile(r"\d+(?:mg|mcg|ml|g|h|st|nd|rd|th|am|pm|d|u|iu|x)?|\d+-\w+")


def _act_clause(title: str, evidence: str, quote: str) -> tuple[str, int]:
    """The clause of the evidence that shares most words with the title, and where the first shared word stands in it."""
    content = [w for w in _WORD.findall(title) if len(w) > 2 and w not in _neutral()] or _WORD.findall(title)
    at = evidence.find(quote)
    ends = [0, *(m.end() for m in _CLAUSE.finditer(evidence)), len(evidence)]
    best: tuple[float, str, int] = (-1.0, evidence, 0)
    for start, end in itertools.pairwise(ends):
        clause = evidence[start:end]
        places = [m.start() for m in _WORD.finditer(clause) if any(alike(m[0], w) for w in content)]
        shared = len({w for w in content if any(alike(w, k) for k in _WORD.findall(clause))})
        near = 1.5 if at >= 0 and start < at + len(quote) and end > at else 0.0
        if shared + near > best[0]:
            best = (shared + near, clause, min(places, default=0))
    medicine = next((start for w, start, _ in named(best[1]) if any(alike(w, n) for n, _, _ in named(title))), None)
    return best[1], best[2] if medicine is None else medicine


def assertion_fault(
    title: str, as_needed: bool, sentences: list[Sentence], evidence: str, quote: str, note_day: date
) -> str | None:
    """Stopped, refused, past, somebody else's, only considered, or no order at all."""
    clause, at = _act_clause(title, evidence, quote)
    negative = bool(_NEGATIVE.search(title))
    before, after = clause[:at], clause[at:]
    stopped = _stopped(before, after)
    if negative:
        if not _bears_out_negative(title, clause, before, stopped):
            return "opposite"
        if _CONDITION_FOLLOWS.match(after) and not _CONDITION.search(title):
            return "condition-left-out"
        is_now = not (_CONDITION.search(title) or pattern("later").search(title))
        if is_now and pattern("later").search(re.split(r"[.;\n]", clause)[0]):
            return "start"
    else:
        if (stopped and not pattern("stop").search(title)) or (
            any(s.section == "stopped" for s in sentences) and named(title)
        ):
            return "stopped"
        if not as_needed and named(title) and not _CONDITION.search(title) and _CONDITION_BEFORE.search(before):
            return "condition-left-out"
        if _last_is(_ASIDE.sub(" ", _NOT_REFUSED.sub(" ", before)), "refuse") or pattern("refused").search(
            _NOT_REFUSED.sub(" ", clause)
        ):
            return "negated"
    if (cue := pattern("someone").search(clause)) and cue.start() <= at:
        return "someone-else"
    strong = pattern("strong").search(clause)
    if pattern("done").search(clause) or (pattern("past").search(_ASIDE.sub(" ", clause)) and not strong):
        return "past"
    if (
        (cue := pattern("undecided").search(clause))
        and not as_needed
        and not pattern("firm").search(clause, 0, cue.start())
        and (cue.start() < at or not strong or "considered" in cue[0])
    ):
        return "undecided"
    facts = read(_ASIDE.sub(" ", clause), note_day)
    ordered = bool(
        facts.times
        or facts.hours
        or facts.every
        or facts.durations
        or facts.starts
        or facts.weekdays
        or facts.parts
        or facts.clocks
    )
    if (
        pattern("state").search(_ASIDE.sub(" ", clause))
        and not strong
        and not negative
        and not ((ordered and facts.doses) or facts.starts or facts.weekdays or facts.clocks)
    ):
        told = any(s.section in ("history", "past", "exam", "results", "allergies", "previous") for s in sentences)
        if told or not pattern("strong").search(evidence):
            return "no-order"
    known = (
        strong
        or ordered
        or as_needed
        or any(pattern(p).search(evidence) for p in ("order", "acts", "often"))
        or (pattern("imperative").match(title) and title in evidence)
        or named(evidence)
    )
    return None if known or negative else "no-order"


def _bears_out_negative(title: str, clause: str, before: str, stopped: bool) -> bool:
    """Whether the evidence stops or forbids what a title such as "Stop taking ramipril" names."""
    if named(title) and not re.search(r"\bno |\bnot ", title):
        return stopped or _last_is(before, "refuse") or bool(re.match(r"(?:reduce|cut|limit)", title))
    return bool(stopped or pattern("refuse").search(clause) or pattern("stop").search(clause) or _softer(title, clause))


def _softer(title: str, clause: str) -> bool:
    return bool(
        re.search(
            r"eat|drink|limit|reduc|cut|less|low|leave|dry|only|fast|nbm|npo|light|rest|quit|smok|weight", f"{title}"
        )
        and re.search(r"limit|reduc|cut|less|low|leave|dry|only|fast|nbm|npo|light|rest|quit|smok|weight|non-", clause)
    )


def _last_is(before: str, name: str) -> bool:
    """Whether the last cue before the act refuses rather than orders; a comma ends a refusal."""
    before = before.rsplit(",", 1)[-1]
    refusals = list(pattern(name).finditer(before))
    orders = list(pattern("strong").finditer(before))
    if not refusals:
        return False
    later = [m for m in orders if m.start() >= refusals[-1].end()]
    if later and re.match(r"rather|instead", refusals[-1][0]):
        return False
    return not later or (
        later[-1].start() - refusals[-1].end() < 14
        and " and " not in before[refusals[-1].end() : later[-1].start() + 1]
    )


def _stopped(before: str, after: str) -> bool:
    stops = list(pattern("stop").finditer(_NOT_REFUSED.sub(" ", before)))
    orders = [
        m
        for m in pattern("strong").finditer(_NOT_REFUSED.sub(" ", before))
        if not stops or m.start() != stops[-1].start()
    ]
    if stops and (not orders or stops[-1].start() > orders[-1].start()) and len(before) - stops[-1].end() < 60:
        return True
    tail = re.search(
        r"(?:[-(|:/]\s*|\b(?:was|were|is|been|be|now|to|should be) )(?:"
        + words()["stop"]
        + r")(?!\w)|\bheld for (?!an? |\d+ (?:minute|second))",
        after,
    )
    return bool(tail)
