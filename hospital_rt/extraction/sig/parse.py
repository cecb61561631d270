"""Dose instructions: from the words of a clause to a schedule.

It fails closed: a match is ``complete`` only when every word that bears on the schedule was read, and what
was not is named in ``leftovers``; nothing that the words do not say is filled in.

The grammar is a trie over tokens (lexicon rows) and one pass that folds the rows found into drafts. A small grammar of
tokens is enough because the phrases are short, stand in any order and are mostly words that the lexicon lists; what does
not fit can be named as a leftover instead of failing the whole clause, and the time is linear in the tokens.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from hospital_rt.domain.schedule import PARTS
from hospital_rt.extraction.sig.lexicon import Lexicon, Row, medicines
from hospital_rt.extraction.sig.match import SigMatch
from hospital_rt.extraction.sig.tokens import WEEK

_AFTER_ONCE = frozenset(
    "a an and as at before by during for from if in in on only or per right the then to today when with".split()
)
_SUPPLY = frozenset("dispense dispensed disp refill refills".split())
MAX_NAME, MIN_NAME = 3, 4
"""Words of a medicine's name that is not listed, and letters of the longest of them."""


@dataclass(slots=True)
class Atom:
    """A row of the lexicon found in the text (or a medicine, dose, word, number, punctuation), tokens ``i`` to ``j``."""

    kind: str
    i: int
    j: int
    value: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """An instruction being read."""

    medicine: Atom | None = None
    inherited: bool = False
    continues: bool = False  # of the medicine of the sentence before
    linked: bool = False  # of the same medicine as the draft before it
    stage: bool = False  # comes after the draft before it
    joined: str = ""  # the word between this draft and the one before it
    atoms: list[Atom] = field(default_factory=list)
    doses: list[Atom] = field(default_factory=list)
    got: dict[str, Any] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    split: list[tuple[str, str]] = field(default_factory=list)
    weekdays: list[str] = field(default_factory=list)
    clocks: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    subject: list[Atom] = field(default_factory=list)
    leftovers: list[Atom] = field(default_factory=list)
    beside: list[list[Atom]] = field(default_factory=list)  # words that "and" joins to its name or dose, not listed
    asks: list[str] = field(default_factory=list)
    conflict: bool = False
    as_needed: bool = False
    stopped: bool = False
    pending: str = ""  # "max", "except", "from": how the next row is meant

    @property
    def when(self) -> bool:
        """Whether it says how often."""
        keys = ("times", "hours", "days", "per_week", "per_month", "on_day")
        return bool(self.parts or self.weekdays or self.clocks or any(k in self.got for k in keys))

    @property
    def only_condition(self) -> bool:
        """Whether nothing but a condition was read: "If the pain is bad ..."."""
        return bool("condition" in self.texts and not (self.medicine or self.doses or self.when))

    @property
    def core(self) -> bool:
        return bool(self.when or self.as_needed or self.medicine or self.doses)


class Parser:
    """Reads one sentence written on ``day`` with one language's lexicon."""

    def __init__(self, lex: Lexicon, text: str, day: date, after: SigMatch | None = None) -> None:
        self.lex, self.text, self.day, self.after = lex, text, day, after
        self.tokens = lex.joiner.join(text)
        self.drafts: list[Draft] = []
        self.draft = Draft()
        self.run: list[Atom] = []  # words not read since the last row
        self.link = ""  # the last connecting word or mark
        self.lead = ""  # the mark before the words not read

    # --- rows

    def scan(self) -> list[Atom]:
        """The sentence as atoms: the longest row, dose or medicine at each place."""
        out: list[Atom] = []
        i = 0
        while i < len(self.tokens):
            atom = self._atom(i, out[-1] if out else None)
            out.append(atom)
            i = atom.j
        return out

    def _atom(self, i: int, before: Atom | None) -> Atom:
        tokens, lex = self.tokens, self.lex
        best: Atom | None = None
        found = lex.match(tokens, i, lambda row, j: self._allowed(row, i, j, before))
        if found:
            row, j, slots = found
            best = Atom(row.kind, i, j, self._value(row, slots, i, j))
        if tokens[i].kind in ("num", "slash"):
            dose = self._dose(i, before)
            if dose and (best is None or dose.j > best.j):
                best = dose
        elif tokens[i].kind == "word" or tokens[i].lower in medicines().names:
            medicine = medicines().match(tokens, i)
            if medicine and (best is None or medicine[0] >= best.j):
                best = Atom("medicine", i, medicine[0], {"named": medicine[1]})
            elif best is None and (tokens[i].lower in lex.bare or tokens[i].lower in lex.forms):
                best = Atom("form", i, i + 1)
            elif best is None and (self._shaped(i) or self._prefixed(i)):
                best = Atom("medicine", i, i + 1, {"named": True, "shaped": True})
        if best is None:
            kind = tokens[i].kind if tokens[i].kind in ("word", "punct", "arrow") else "number"
            best = Atom(kind, i, i + 1)
        return best

    def _allowed(self, row: Row, i: int, j: int, before: Atom | None) -> bool:
        after = self.tokens[j] if j < len(self.tokens) else None
        match row.needs:
            case None:
                return True
            case "after_max":
                return before is not None and before.kind == "max"
            case "after_dose":  # "20 mg ON"
                return (
                    before is not None
                    and before.kind in ("dose", "medicine", "route")
                    and (
                        after is None
                        or after.kind in ("punct", "span")
                        or self.text[self.tokens[i].start : self.tokens[i].end] == "ON"
                    )
                )
            case "no_unit":
                return after is None or after.lower not in self.lex.measured
            case "before_frequency":  # "1 gtt OD BID"
                return after is not None and after.lower in tuple("bid tid qid bd tds qds daily q qhs".split())
        return False

    def _value(self, row: Row, slots: dict[str, Any], i: int, j: int) -> dict[str, Any]:
        out: dict[str, Any] = {"id": row.id}
        for key, value in row.value.items():
            if not isinstance(value, str) or not value.startswith("$"):
                out[key] = value
            elif value == "$text":
                out[key] = self._text(i, j)
            else:
                names = value[1:].split("*")
                got = [slots.get(name) for name in names]
                got = [int(name) if name.isdigit() else value for name, value in zip(names, got, strict=True)]
                low: Any = got[0][0] if isinstance(got[0], tuple) and names[0] in ("n", "m", "x", "s") else got[0]
                high = got[0][1] if isinstance(got[0], tuple) and names[0] in ("n", "m", "x", "s") else None
                if len(got) > 1 and low is not None:
                    low, high = low * got[1], high * got[1] if high else None
                out[key] = int(low) if isinstance(low, float) and low.is_integer() else low
                if high:
                    out[key + "_high"] = int(high) if float(high).is_integer() else high
        return out

    def _dose(self, i: int, before: Atom | None) -> Atom | None:
        """An amount: a number with its unit, a strength, sets of repetitions, or a bare number behind a medicine."""
        tokens, lex = self.tokens, self.lex
        t = tokens[i]
        j = i + 1
        after = tokens[j].lower if j < len(tokens) else ""
        if after in "-" and j + 1 < len(tokens) and tokens[j + 1].lower in lex.countable:
            after, j = tokens[j + 1].lower, j + 1  # 15-minute
        if after in ("x", "×") and j + 1 < len(tokens) and tokens[j + 1].kind == "num":
            k = j + 2
            if k >= len(tokens) or tokens[k].lower not in lex.units or tokens[k].lower in ("d", "w"):
                k += k < len(tokens) and tokens[k].lower in lex.amounts
                return Atom("dose", i, k, {"unit": "set", "amount": None})
        if after in lex.measured:
            unit = after
            j += 1
            if unit in lex.hours and t.kind == "num" and t.number >= 24:
                return None
            j = self._compound(j)
            while j < len(tokens) and tokens[j].lower in lex.bare and unit in lex.mass and tokens[j].lower in lex.forms:
                j += 1  # 500 mg tablet
            return Atom("dose", i, j, {"unit": unit, "amount": t.value if t.kind == "num" else None, "high": t.high})
        if before is not None and (
            before.kind == "medicine" or (before.kind == "form" and self.draft.medicine is None)
        ):
            return Atom("dose", i, j, {"unit": "", "amount": None, "strength": True})
        return None

    def _compound(self, j: int) -> int:
        """Past "/kg/day", "/5 mL", "/hour" behind a unit; "/day" alone is a frequency."""
        tokens = self.tokens
        weighed = False
        while j + 1 < len(tokens) and tokens[j].lower == "/":
            word = tokens[j + 1].lower
            if word in ("kg", "m", "ml", "h", "hr", "hour", "dose", "puff", "l", "spray", "act") or (
                weighed and word in ("day", "d", "j", "día")
            ):
                weighed = weighed or word in ("kg", "m")
                j += 2
                if j < len(tokens) and tokens[j - 1].lower == "m" and tokens[j].lower == "2":
                    j += 1
            elif (
                tokens[j + 1].kind == "num"
                and j + 2 < len(tokens)
                and tokens[j + 2].lower in self.lex.mass | self.lex.hours
            ):
                j += 3  # "/5 mL", "/24 h"
            else:
                break
        return j

    def _shaped(self, i: int) -> bool:
        """A word of no other kind with a dose right behind it: a medicine that is not listed."""
        tokens = self.tokens
        word = tokens[i].lower
        if len(word) < 4 or i + 2 >= len(tokens) or word in self.lex.units or word in self.lex.plain:
            return False
        j = i + 1
        return (
            tokens[j].kind == "num"
            and tokens[j + 1].lower in self.lex.mass
            and tokens[j + 1].lower not in ("k", "%", "l", "oz", "kg", "litres", "liters")
            and tokens[j].end + 3 > tokens[j + 1].start
        )

    def _prefixed(self, i: int) -> bool:
        """A word of no other kind behind "Tab." or "Syp." that opens a line: a medicine that is not listed."""
        tokens, lex = self.tokens, self.lex
        j = i - 1
        while j > 0 and tokens[j].lower == ".":
            j -= 1
        opens = j == 0 or (j > 0 and tokens[j - 1].kind == "punct")
        word = tokens[i].lower
        return (
            opens
            and tokens[j].lower.rstrip(".") in lex.prefixes
            and len(word) > 2
            and word not in lex.plain | lex.bare | lex.forms
        )

    def _text(self, i: int, j: int) -> str:
        return self.text[self.tokens[i].start : self.tokens[j - 1].end]

    # --- drafts

    def parse(self) -> list[Draft]:
        """Fold the atoms into drafts, one an instruction."""
        atoms = self.scan()
        k = 0
        while k < len(atoms):
            atom = atoms[k]
            step = getattr(self, f"_on_{atom.kind}", None)
            if atom.kind not in ("word", "number", "punct", "filler", "dose", "medicine", "form"):
                self._new_subject(atom)
                self._settle_run()
            eaten = step(atom, atoms, k) if step else self._on_word(atom, atoms, k)
            k += eaten or 1
        self._close("")
        for usual, other in itertools.pairwise(self.drafts):
            if other.joined == "except" and other.weekdays:
                usual.weekdays = [day for day in WEEK if day not in other.weekdays]
        if self.drafts and self.after is not None and self.after.medicine is not None:
            self._continue(self.drafts[0], atoms)
            for first, d in itertools.pairwise(self.drafts):
                bare = d.medicine is None and not d.subject and not d.stopped
                d.continues = first.continues and d.linked and bare and (d.when or bool(d.doses) or d.as_needed)
        return [
            d
            for d in self.drafts
            if (d.medicine and not d.inherited) or d.when or d.as_needed or d.doses or d.stopped or d.got
        ]

    def _continue(self, first: Draft, atoms: list[Atom]) -> None:
        """The first draft is of the medicine of the sentence before: "Then 30 mg daily", "Take 1 tablet by mouth daily"."""
        named = self._text(first.medicine.i, first.medicine.j).lower() if first.medicine is not None else ""
        if first.stage and named and self.after is not None and named == (self.after.medicine or "").lower():
            first.continues = True
        if (
            first.medicine is not None
            or first.subject
            or first.stopped
            or not (first.doses or first.when or first.as_needed)
        ):
            return
        opening = next((a.kind for a in atoms if a.kind not in ("punct", "number", "word")), "")
        unread = self.after is not None and not (self.after.scheduled or self.after.as_needed)
        if (
            first.stage
            or opening in ("then", "stage", "step_to")
            or (unread and any(dose.value.get("unit") not in self.lex.amounts for dose in first.doses))
            or opening == "other_days"
            or self.is_extra(first)
        ):
            first.continues = True
            first.stage = first.stage or opening == "then"

    def is_length(self, dose: Atom) -> bool:
        """Whether an amount of time is no dose but how often or how long: "every 20 minutes", "for 1 hour"."""
        before = self.tokens[dose.i - 1].lower if dose.i else ""
        after = self.tokens[dose.j].lower if dose.j < len(self.tokens) else ""
        timed = dose.value.get("unit") in self.lex.hours | self.lex.minutes
        return timed and (before in self.lex.lengths or after in self.lex.apart)

    def is_extra(self, draft: Draft) -> bool:
        """Whether it is taken beside the usual doses: "an extra 5 mg", "an extra tablet of furosemide"."""
        for atom in [*draft.doses, *filter(None, [draft.medicine])]:
            i = atom.i - 1
            while i > 0 and (
                self.tokens[i].kind == "num" or self.tokens[i].lower in self.lex.measured | {"of", "dose"}
            ):
                i -= 1
            if i >= 0 and self.tokens[i].lower in self.lex.on_top:
                return True
        return False

    def _close(self, joined: str, *, inherit: bool = False, stage: bool = False) -> None:
        draft = self.draft
        self._settle_run()
        if draft.pending == "max" and "duration" not in draft.got and not draft.texts.get("limit"):
            draft.leftovers.extend(a for a in draft.atoms if a.kind == "max")
        if draft.core or draft.got or draft.stopped:
            self.drafts.append(draft)
        self.draft = Draft(joined=joined, stage=stage, linked=inherit)
        if inherit:
            self.draft.medicine = draft.medicine
            self.draft.inherited = draft.medicine is not None
            self.draft.stopped = False
        self.link = ""

    def _new_subject(self, atom: Atom) -> None:
        """ "Rosuvastatin 10 mg qhs, lipids in 8 weeks": words between a full schedule and another one are another act."""
        draft = self.draft
        if atom.kind not in ("duration", "start", "until", "frequency", "part", "weekdays", "condition") or not (
            draft.when and self.run
        ):
            return
        words = [self.tokens[a.i].lower for a in self.run]
        apart = self.lead in (",", "-", "–", "and", "&", "+", "(", "/", "#") and words[0] not in self.lex.describe
        if not apart or (atom.kind == "condition" and self.lead != "and"):
            return
        run, self.run = self.run, []
        if not set(words) & set(self.lex.elsewhere) and atom.kind != "condition":
            draft.leftovers += run
        self._close(self.lead)
        self.run = run

    def _settle_run(self) -> None:
        """Words not read: harmless where they say what for, to whom or where; else a leftover."""
        run, self.run = self.run, []
        run = [a for a in run if self.tokens[a.i].lower not in _SUPPLY]
        draft = self.draft
        if not run:
            return
        if not (draft.when or draft.as_needed or draft.doses):
            draft.subject += run
            if draft.inherited and not draft.stage and not self._goes_on(run):
                draft.medicine, draft.inherited = None, False  # "...; saline mouth rinse 6 times a day"
            return
        words = [self.tokens[a.i].lower for a in run]
        if draft.atoms and draft.atoms[-1].kind == "as_needed" and not set(words) & self.lex.risk:
            draft.texts["condition"] = self._text(run[0].i, run[-1].j)  # "prn chest pain"
            return
        risk, describe = self.lex.risk, self.lex.describe
        risky = any(w in risk for w in words) or any(a.kind == "number" for a in run)
        led = words[0] in describe or self.lead in (",", "(", "-", ":", "–")
        if (
            not risky
            and not led
            and draft.medicine is None
            and not draft.doses
            and draft.atoms
            and draft.atoms[-1].value.get("loose")
        ):
            draft.subject += run  # "her daily weights"
        elif risky or (not led and draft.when):
            draft.leftovers.extend(run)
        elif self.lead in self.lex.joiner.joins and draft.medicine is not None and not draft.when:
            self._beside(run)

    def _beside(self, run: list[Atom]) -> None:
        """Words that name something beside the medicine: "aspirin 75 mg and zyxomab", "zyxomab and aspirin 75 mg"."""
        words = {self.tokens[a.i].lower for a in run}
        unknown = all(a.kind == "word" for a in run) and not words & (self.lex.plain | self.lex.elsewhere)
        if unknown and len(run) <= MAX_NAME:
            self.draft.leftovers.extend(run)
            self.draft.beside.append(run)

    def _goes_on(self, run: list[Atom]) -> bool:
        """Whether words that open an instruction are of its wording and name nothing."""
        return all(a.kind != "word" or self.tokens[a.i].lower in self.lex.plain for a in run)

    def _add(self, atom: Atom) -> None:
        self._settle_run()
        self.draft.atoms.append(atom)
        self.link = ""

    def _on_word(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        word = self.tokens[atom.i].lower
        verbs = self.lex.verbs
        draft = self.draft
        if word in self.lex.joiner.joins:
            self.link = "and"
            if self.run:
                self.run.append(atom)
            return 1
        if word in verbs["same"] | verbs["begin"] and draft.only_condition:
            return 1  # "If the temperature is above 38.5 give paracetamol"
        if word in verbs["same"] and draft.medicine is not None and not (draft.when or draft.as_needed):
            return 1  # "Nitrostat 0.4 mg: place 1 tablet under the tongue"
        if (draft.when or draft.as_needed or (draft.doses and draft.medicine)) and (
            word in verbs["new"] or word in verbs["same"]
        ):
            self._close("verb", inherit=word in verbs["same"])
            return 1
        if word not in verbs["same"]:
            if not self.run:
                self.lead = self.link
            self.run.append(atom)
        return 1

    def _on_number(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        following = atoms[k + 1].kind if k + 1 < len(atoms) else ""
        t = self.tokens[atom.i]
        if t.kind == "dial":
            return self._dial(atom)
        staged = k > 0 and atoms[k - 1].kind == "stage" and following in ("", "punct")  # "day 2 five, day 3 four"
        limit = self.draft.pending == "max" or (k > 0 and atoms[k - 1].kind == "max")
        counted = following == "medicine" and k + 2 < len(atoms) and atoms[k + 2].kind == "form" and not limit
        if t.kind == "num" and (
            staged
            or counted
            or following in tuple("frequency part route as_needed clock weekdays arrow dose form".split())
        ):
            return self._on_dose(
                Atom("dose", atom.i, atom.j, {"unit": "", "amount": t.value, "high": t.high}), atoms, k
            )
        self.run.append(atom)
        return 1

    def _on_punct(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        mark = self.tokens[atom.i].lower
        draft = self.draft
        nxt = atoms[k + 1] if k + 1 < len(atoms) else None
        if (
            mark == "."
            and nxt is not None
            and not self.text[self.tokens[nxt.i].start].isupper()
            and nxt.kind != "number"
        ):
            return 1  # "q.6h. p.r.n.": a full stop of shorthand
        if mark in ";.!?|" and not (mark == "|" and not draft.when):
            if (draft.when or draft.as_needed or draft.got) and nxt is not None:
                self._close(mark, inherit=mark == ";" or nxt.kind in ("then", "dose", "stage"))
                return 1
            if mark in ".!?" and self.run and not draft.core:
                self.run.clear()
        self._settle_run() if mark in "," and draft.when else None
        self.link = mark
        return 1

    def _on_arrow(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.doses.clear()
        return 1

    def _on_medicine(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        before = self.tokens[atom.i - 1].lower if atom.i else ""
        if before in ("the", "his", "her", "your", "their") and atom.i > 1:
            before = self.tokens[atom.i - 2].lower
        dosed = k + 1 < len(atoms) and atoms[k + 1].kind in ("dose", "frequency")
        if self._is_form_of(atom):
            return self._on_form(atom, atoms, k)
        mention = draft.pending == "from" or (
            draft.medicine is not None
            and draft.when
            and not dosed
            and before in ("of", "with", "after", "before", "than", "while", "from", "to")
        )
        if mention:
            self.run.append(atom)
            draft.pending = ""
            return 1
        if draft.medicine is None and (not draft.when or before == "of" or not draft.doses or before == "("):
            if not draft.when:
                run = self.run
                opened = run and run[0].i and self.tokens[run[0].i - 1].lower in self.lex.opens
                if opened and self.tokens[run[-1].i].lower in self.lex.joiner.joins:
                    self._beside(run[:-1])
                run.clear()
        elif (
            draft.medicine is not None
            and not draft.inherited
            and not draft.when
            and not draft.doses
            and (before in ("(", "/", "+") or (before == "-" and self._is_joined(atom.i)))
        ):
            if before == "(":
                self.run.append(atom)  # Maxidex (dexamethasone)
            else:
                self._combine(atom)  # sacubitril/valsartan
            return 1
        elif draft.medicine is not None and draft.inherited and not draft.when and not draft.doses:
            draft.inherited = False
        else:
            link = self.link
            opens = self.lex.opens
            for n, word in enumerate(self.run):
                if self.tokens[word.i].lower in opens:
                    del self.run[n:]  # "and start lisinopril"
                    break
            self._close(link or before)
            self.run.clear()
        self.draft.medicine = atom
        self._add(atom)
        return 1

    def is_release(self, at: int) -> bool:
        """Whether this token says how a tablet sets its medicine free, which is part of the name: "MR", "XL"."""
        return at < len(self.tokens) and self.tokens[at].lower in self.lex.release

    def _is_joined(self, at: int) -> bool:
        """Whether no space stands around the mark before this token: "amoxicillin-clavulanate"."""
        first, mark, token = self.tokens[at - 2 : at + 1] if at > 1 else (None, None, None)
        return bool(first and mark and token and first.end == mark.start and mark.end == token.start)

    def _combine(self, atom: Atom) -> None:
        """The second medicine of a combination is part of the name of the first."""
        draft = self.draft
        first = draft.medicine
        if first is not None:
            draft.medicine = replace(first, j=atom.j)
            draft.atoms = [draft.medicine if one is first else one for one in draft.atoms]

    def _is_form_of(self, atom: Atom) -> bool:
        """Whether a kind of medicine is the form of the one just named: "salbutamol inhaler", "chloramphenicol eye drops"."""
        draft = self.draft
        if (
            atom.value["named"]
            or draft.medicine is None
            or draft.inherited
            or draft.when
            or draft.as_needed
            or self.run
        ):
            return False
        words = {token.lower for token in self.tokens[atom.i : atom.j]}
        return self.link in ("", ",") and bool(words & (self.lex.forms | self.lex.bare))

    def _unlisted(self, before: int) -> Atom | None:
        """The words not read just before token ``before`` as the name of a medicine that is not listed."""
        run, tokens, lex = self.run, self.tokens, self.lex
        if not 1 <= len(run) <= MAX_NAME or any(a.kind != "word" for a in run) or self.draft.subject:
            return None
        words = [tokens[a.i].lower for a in run]
        between = {t.lower for t in tokens[run[-1].j : before]}
        opening = all(t.kind == "punct" or t.lower in lex.opens for t in tokens[: run[0].i])
        together = all(a.j == b.i for a, b in itertools.pairwise(run))
        if (
            not (opening and together and between <= {":", "-", "–", ","} | lex.verbs["same"])
            or any(w in lex.plain or w in lex.elsewhere or w in lex.never_names for w in words)
            or max(map(len, words)) < MIN_NAME
        ):
            return None
        self.run = []
        return Atom("medicine", run[0].i, run[-1].j, {"named": True, "shaped": True})

    def _on_dose(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        if (
            draft.medicine is None
            and not (draft.when or draft.doses)
            and (atom.value.get("unit") in self.lex.taken)
            and (name := self._unlisted(atom.i))
        ):
            draft.medicine = name
            self._add(name)
        if draft.inherited and not (draft.when or draft.as_needed or draft.doses):
            self._settle_run()  # "... and increase water consumption to 48 ounces": of something else
        if draft.pending == "from":
            draft.pending = ""
            return 1
        if draft.pending == "max":
            words = 2 if atom.i > 1 and self.tokens[atom.i - 2].lower == "up" else 1  # "up to", "max"
            draft.texts["limit"] = self._text(atom.i - words, atom.j)
            draft.pending = ""
            self._add(atom)
            return 1
        if (
            (draft.doses or draft.medicine is None)
            and (draft.when or "duration" in draft.got)
            and not (self.link == "(" or atom.value.get("strength"))
            and not (k and atoms[k - 1].kind == "stage")  # "day 2: five tablets": that day's dose
        ):
            link = self.link
            unknown = self.run[-1] if self.run and self.run[-1].j == atom.i else None
            word = self.tokens[unknown.i].lower if unknown else ""
            if unknown and unknown.kind == "word" and len(word) >= 4 and word not in self.lex.plain:
                self.run.pop()  # "..., metro 400 TDS": a medicine that is not listed
                self._close(self.lead or "and")
                self.draft.medicine = Atom("medicine", unknown.i, unknown.j, {"named": True, "shaped": True})
                self.draft.atoms.append(self.draft.medicine)
            elif draft.doses:
                self._close(link or "and", inherit=True, stage="duration" in draft.got)
            draft = self.draft
        if self._replaces(atom):
            draft.conflict = draft.conflict or not self._is_changed(draft.doses[-1])  # "sertraline 50 mg to 100 mg"
            draft.doses.clear()  # "change atorvastatin 20 mg to 40 mg"
        draft.doses.append(atom)
        self._add(atom)
        return 1

    def _replaces(self, atom: Atom) -> bool:
        """Whether this dose stands behind another and "to"."""
        last = self.draft.doses[-1] if self.draft.doses else None
        unit = atom.value.get("unit")
        if last is None or not unit or last.value.get("unit") not in (unit, ""):
            return False
        return [t.lower for t in self.tokens[last.j : atom.i]] == ["to"]

    def _is_changed(self, dose: Atom) -> bool:
        """Whether a verb of change stands before a dose."""
        return any(t.lower in self.lex.changes for t in self.tokens[max(0, dose.i - 6) : dose.i])

    def _dial(self, atom: Atom) -> int:
        amounts = self.tokens[atom.i].value
        names = PARTS if len(amounts) == 4 else PARTS[:3]
        draft = self.draft
        if draft.when:
            self._close(self.link, inherit=True, stage="duration" in draft.got)
            draft = self.draft
        given = [(a, p) for a, p in zip(amounts, names, strict=True) if a]
        draft.parts.extend(p for _, p in given)
        if len({a for a, _ in given}) > 1 or (given and given[0][0] != 1):
            draft.split = [(f"{a:g}", p) for a, p in given]
        self._add(atom)
        return 1

    def _on_form(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        if (
            draft.medicine is None
            and not (draft.when or draft.doses)
            and self._said(atom) in self.lex.applied
            and (name := self._unlisted(atom.i))
        ):
            draft.medicine = name
            self._add(name)
        if self.draft.medicine is not None or self.draft.doses:
            self.draft.texts.setdefault("form", self._text(atom.i, atom.j))
            self._add(atom)
        else:
            self.run.append(atom)
        return 1

    def _on_filler(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        word = self.tokens[atom.i].lower
        going_on = (self.draft.when or self.draft.as_needed) and not self.draft.only_condition
        if going_on and word in self.lex.verbs["same"] and atom.j == atom.i + 1:
            self._close("verb", inherit=True)
        elif (self.run and word in self.lex.describe) or (word in self.lex.describe and self.draft.when):
            self.run.append(atom)
        return 1

    _on_dispense = _on_filler

    def _on_ongoing(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        if self.draft.core and not self.draft.inherited:
            self._add(atom)
        return 1

    def _on_text_of(self, name: str, atom: Atom) -> int:
        draft = self.draft
        text = self._text(atom.i, atom.j)
        draft.texts[name] = (
            f"{draft.texts[name]}{', ' if name == 'limit' else ' '}{text}" if name in draft.texts else text
        )
        self._add(atom)
        return 1

    def _on_route(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        if atom.value["route"] == self._text(atom.i, atom.j):
            return self._on_text_of("route", atom)
        self.draft.texts["route"] = atom.value["route"]  # "OS": left eye
        self._add(atom)
        return 1

    def _on_meal(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        return self._on_text_of("meal", atom)

    def _on_frequency(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft, value = self.draft, atom.value
        if draft.pending == "max" or (draft.pending == "" and self.link == "max"):
            draft.pending = ""
            if "times_per_day" in value:
                draft.got["max_per_day"] = value.get("times_per_day_high") or value["times_per_day"]
                draft.as_needed = draft.as_needed or not draft.when
                draft.texts["limit"] = self._text(atom.i, atom.j)
            elif "every_hours" in value:
                draft.got["gap"] = value["every_hours"]
            else:
                draft.leftovers.append(atom)
            self._add(atom)
            return 1
        new = self._frequency(value)
        clash = [key for key in new if key in draft.got and draft.got[key] != new[key]]
        loose = draft.got.get("loose")
        if value.get("loose") and draft.when:
            if draft.weekdays and not draft.pending:
                draft.conflict = True
            self._add(atom)
            draft.got.setdefault("loose", True)
            return 1
        if loose and "times" in new:
            clash = [key for key in clash if key != "times"]
        if "days" in new and draft.got.get("times") == 1:
            clash = []
        if clash and ("duration" in draft.got or self.link in (",", "and", "then")) and "loose" not in new:
            self._close(self.link, inherit=True, stage="duration" in draft.got)
            draft = self.draft
        elif clash:
            draft.conflict = True
        draft.got.update(new)
        draft.parts += [part for part in value.get("parts", ()) if part not in draft.parts]
        self._add(atom)
        return 1

    def _frequency(self, value: dict[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        names = {
            "times_per_day": "times",
            "every_hours": "hours",
            "every_days": "days",
            "per_week": "per_week",
            "per_month": "per_month",
            "every_months": "months",
            "on_day": "on_day",
            "loose": "loose",
        }
        for key, name in names.items():
            if value.get(key) is not None:
                out[name] = value[key]
                if key + "_high" in value:
                    out[name + "_high"] = value[key + "_high"]
        return out

    def _is_replaced(self, atom: Atom) -> bool:
        """Whether a part of the day or a clock time is when a medicine is not taken: "instead of in the morning"."""
        before = [token.lower for token in self.tokens[max(0, atom.i - 2) : atom.i]]
        behind = self.tokens[atom.j].lower if atom.j < len(self.tokens) else ""
        instead = tuple(before) in self.lex.instead
        one_day = atom.kind == "part" and behind in self.lex.of  # "on the morning of the test"
        moved = before[-1:] == [self.lex.from_to[0]] and behind == self.lex.from_to[1]
        if instead or moved or one_day or (before and before[-1] in self.lex.negations | self.lex.off):
            self._add(atom)
            if not instead:
                self.draft.leftovers.append(atom)
            return True
        return False

    def _on_part(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        if self._is_replaced(atom):
            return 1
        parts = [p for p in atom.value["parts"] if p not in draft.parts]
        if not parts and draft.parts and "duration" in draft.got:
            self._close(self.link, inherit=True, stage=True)
            return self._on_part(atom, atoms, k)
        draft.parts.extend(parts)
        if self.tokens[atom.i].kind == "num" and atom.value["id"] == "breakfast":
            return self._on_text_of("meal", atom)  # "30 minutes before breakfast"
        if atom.value["id"] == "three-meals":
            draft.got["meals"] = self._text(atom.i, atom.j)
        self._add(atom)
        return 1

    def _on_clock(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        if self._is_replaced(atom):
            return 1
        at, hour = atom.value.get("at") or atom.value.get("clock"), atom.value.get("hour")
        if hour is not None and hour in range(1, 13):
            at = f"{hour % 12 + atom.value['from']:02d}:00"  # "at 8 in the evening"
        if at:
            self.draft.clocks.append(at)
        else:
            self.draft.leftovers.append(atom)
        self._add(atom)
        return 1

    def _on_weekdays(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft, days = self.draft, atom.value["weekdays"]
        draft.parts += [part for part in atom.value.get("parts", ()) if part not in draft.parts]
        if draft.pending == "except":
            draft.pending = ""
            draft.weekdays = [d for d in WEEK if d not in days]
        elif draft.weekdays and set(draft.weekdays) != set(days):
            self._close(self.link, inherit=True)
            self.draft.weekdays = list(days)
        elif self._begins_on(atom):
            draft.got["start"] = self._until_weekday(days[0])  # "start the drops on Wednesday"
        else:
            often = (draft.got.get("times") or 1) > 1 or "hours" in draft.got
            if draft.got.get("loose") or (often and self._is_one_day(atom)):
                draft.conflict = True  # "5 mg bd on Wednesday"
            draft.weekdays = list(days)
        self._add(atom)
        return 1

    def _begins_on(self, atom: Atom) -> bool:
        """Whether "on Wednesday" is the day on which something begins: once, behind a verb of beginning."""
        begun = any(t.lower in self.lex.verbs["begin"] for t in self.tokens[: atom.i])
        weekly = self.draft.weekdays or self.draft.got.get("days", 1) > 1
        first = not self.drafts and "start" not in self.draft.got
        return bool(begun and self._is_one_day(atom) and not weekly and first)

    def _is_one_day(self, atom: Atom) -> bool:
        words = self._said(atom).split()
        return len(words) == 2 and words[0] == "on" and not words[1].endswith("s")

    def _on_every_nth_weekday(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        day: list[str] = next((t.value for t in self.tokens[atom.i : atom.j] if t.kind == "weekdays"), [])
        self.draft.got["days"] = 14
        if len(day) == 1:
            self.draft.got["start"] = self._until_weekday(day[0])
        else:
            self.draft.leftovers.append(atom)
        self._add(atom)
        return 1

    def _on_other_days(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        named = {d for draft in self.drafts for d in draft.weekdays}
        if named and not self.draft.weekdays:
            self.draft.weekdays = [d for d in WEEK if d not in named]
        else:
            self.draft.leftovers.append(atom)
        self._add(atom)
        return 1

    def _on_except(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        following = atoms[k + 1].kind if k + 1 < len(atoms) else ""
        if following == "weekdays":
            self.draft.pending = "except"
        elif following == "dose" and k + 2 < len(atoms) and atoms[k + 2].kind == "weekdays" and self.draft.when:
            self._add(atom)
            self._close("except", inherit=True)  # "5 mg daily except 7.5 mg on Mondays"
            return 1
        else:
            self.draft.leftovers.append(atom)
        self._add(atom)
        return 1

    def _on_duration(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft, days = self.draft, int(atom.value["duration_days"])
        behind = self.tokens[atom.j : atom.j + 2]
        if (
            len(behind) == 2
            and behind[0].lower in self.lex.behind
            and behind[1].kind == "word"
            and behind[1].lower != "that"
        ):
            draft.leftovers.append(atom)  # "for 2 days after it clears"
            return self._on_until_event(atom, atoms, k)
        days = int(atom.value.get("duration_days_high") or days)
        if draft.texts.get("condition") and draft.atoms and draft.atoms[-1].j == atom.i:
            draft.leftovers.append(
                atom
            )  # "if the pulse stays above 80 for a week": of the condition, or of the course?
        draft.pending = "" if draft.pending == "max" else draft.pending
        if "duration" in draft.got and draft.got["duration"] != days:
            draft.conflict = True
        draft.got["duration"] = days
        if atom.value.get("stage") and (self.drafts or self.after is not None):
            draft.stage = True
        self._add(atom)
        return 1

    def _on_doses(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.got["doses"] = atom.value["doses"]
        self._add(atom)
        return 1

    def _on_until(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft, value = self.draft, atom.value
        if "until_in" in value:
            draft.got["until"] = value["until_in"]
        elif "until_day" in value:
            labelled = any(
                "labelled" in d.got for d in self.drafts
            )  # else a day of what? of the course, since the operation
            draft.got["until"] = int(value["until_day"]) - 1 if labelled else None
        else:
            draft.got["until"] = self._offset(value["until"], end=True)
        if draft.got["until"] is None:
            draft.leftovers.append(atom)
        self._add(atom)
        return 1

    def _on_start(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        value = atom.value
        if value.get("again") and self.draft.stopped:  # "hold ..., restart on Wednesday"
            self._close("then", inherit=True, stage=True)
        draft = self.draft
        if (
            not draft.core
            and not self.drafts
            and atoms[k + 1 : k + 2]
            and atoms[k + 1].kind not in ("punct", "dose", "medicine")
        ):
            self._add(atom)
        start: int | None = None
        if "start_in_days" in value:
            start = int(value["start_in_days"])
        elif "week_from" in value:
            start = (int(value["week_from"]) - 1) * 7
        elif "day_from" in value:
            start = int(value["day_from"]) - 1
        elif "next_week" in value:
            start = 7 - self.day.weekday()
        elif "start" in value:
            start = self._offset(value["start"], end=False)
            if "next" in self._said(atom).split() and isinstance(value["start"], list):
                if start:
                    draft.leftovers.append(atom)  # the coming Tuesday, or that of the week after?
                start = start or 7
            draft.got["dated"] = True
        if start is None or ("start" in draft.got and draft.got["start"] != start):
            draft.leftovers.append(atom)
        else:
            draft.got["start"] = start
        self._add(atom)
        return 1

    def _on_start_next(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        """ "The next day": the day after what came before."""
        if not self.drafts:
            self.draft.leftovers.append(atom)
        self.draft.stage = True
        self._add(atom)
        return 1

    def _on_start_more(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        following = atoms[k + 1].kind if k + 1 < len(atoms) else ""
        if self.draft.when and following in tuple("dose number frequency part step_to".split()):
            self._close(self.link or "then", inherit=True, stage=True)  # "..., after another 2 weeks 5 mg"
        self.draft.stage = self.draft.stage or bool(self.drafts)
        self.draft.got["start_more"] = int(atom.value["start_more"])
        self._add(atom)
        return 1

    def _on_stage(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        value = atom.value
        if self.draft.when or (self.draft.doses and "start" in self.draft.got):
            later = atoms[k + 1].kind if k + 1 < len(atoms) else "punct"
            if later in ("dose", "number") or "start" in self.draft.got:
                self._close("stage", inherit=True)
        key = "week" if "week" in value else "day"
        scale = 7 if key == "week" else 1
        first, last = int(value[key]), int(value.get(key + "_high") or value[key])
        self.draft.got["start"] = (first - 1) * scale
        self.draft.got["duration"] = (last - first + 1) * scale
        self.draft.got["labelled"] = True
        self._add(atom)
        return 1

    def _on_as_needed(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.as_needed = True
        self._add(atom)
        return 1

    def _clause(self, atoms: list[Atom], k: int, stops: tuple[str, ...]) -> int:
        """The atom at which the words that begin at atom ``k`` end."""
        end = k + 1
        while end < len(atoms):
            atom = atoms[end]
            if atom.kind in stops or (atom.kind == "punct" and self.tokens[atom.i].lower in ",;.()|"):
                break
            word = self.tokens[atom.i].lower
            if atom.kind in ("word", "filler") and word in self.lex.verbs["same"] | self.lex.verbs["begin"]:
                break
            if atom.kind == "medicine" and end + 1 < len(atoms) and atoms[end + 1].kind == "dose":
                break
            end += 1
        return end

    def _on_condition(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        end = self._clause(atoms, k, ("then", "as_needed", "duration", "max"))
        around = range(atom.i if self.draft.medicine else max(0, atom.i - 2), atoms[end - 1].j)
        if any(self.tokens[i].lower in self.lex.contact for i in around):
            self._close("if")  # "if no relief call 911", "let me know if it hurts": of another act
            return end - k
        self._settle_run()
        draft = self.draft
        first = atom.i - (atom.i > 0 and self.tokens[atom.i - 1].lower in self.lex.negations)
        if first < atom.i or any(
            self.tokens[i].lower in self.lex.no_reasons for i in range(atom.i, atoms[end - 1].j)
        ):  # no reason to take it now and then
            draft.texts.setdefault("until", self._text(first, atoms[end - 1].j))
            draft.leftovers.append(atom)
            draft.atoms.extend(atoms[k:end])
            return end - k
        draft.as_needed = True
        draft.texts["condition"] = self._text(atom.i, atoms[end - 1].j)
        draft.atoms.extend(atoms[k:end])
        return end - k

    def _on_until_event(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        end = self._clause(atoms, k, ("then",))
        self._settle_run()
        draft = self.draft
        draft.texts["until"] = self._text(atom.i, atoms[end - 1].j)
        draft.atoms.extend(atoms[k:end])
        return end - k

    def _on_max(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.pending = "max" if "duration" not in self.draft.got or k + 1 < len(atoms) else ""
        self._add(atom)
        return 1

    def _on_count_a_day(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        draft.pending = ""
        count = int(atom.value.get("count_high") or atom.value["count"])
        unit = self.tokens[atom.i + 1].lower if atom.i + 1 < atom.j else ""
        amount = next(
            (
                d.value.get("high") or d.value.get("amount")
                for d in draft.doses
                if d.value.get("unit") in self.lex.forms
            ),
            None,
        )
        uses = unit.startswith(("dose", "time", "applic", "toma", "dosis", "vez", "veces", "prise", "fois"))
        if not uses and amount and amount >= 1:  # "no more than 8 in 24 h" counts tablets where the dose does
            count = int(count // amount)
        draft.got["max_per_day"] = max(count, 1)
        draft.texts["limit"] = self._text(atom.i, atom.j)
        self._add(atom)
        return 1

    def _on_mass_a_day(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.pending = ""
        return self._on_text_of("limit", atom)

    def _on_gap(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.got["gap"] = atom.value["gap"]
        self._add(atom)
        return 1

    def _on_awake(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.got["awake"] = True
        if not self.draft.when:
            self.draft.got["times"] = 1
        self._add(atom)
        return 1

    def _on_once_only(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        after = atoms[k + 1] if k + 1 < len(atoms) else None
        is_next = after is not None and after.kind in ("word", "medicine") and after.i == atom.j
        if after and is_next and self._said(atom) == "once" and self._said(after) not in _AFTER_ONCE:
            self.draft.leftovers.append(atom)  # "once dry" says when, not how often
            return 1
        self.draft.got["once"] = True
        self._add(atom)
        return 1

    def _said(self, atom: Atom) -> str:
        return self.text[self.tokens[atom.i].start : self.tokens[atom.j - 1].end].lower()

    def _on_then(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        if draft.when or draft.doses or draft.got or draft.stopped:
            going_on = tuple("dose medicine number frequency part step_to word weekdays stop as_needed".split())
            trailing = k + 1 >= len(atoms) or atoms[k + 1].kind not in going_on
            if trailing and draft.stage is False and draft.inherited:
                draft.stage = True  # "300 mg tds thereafter"
                self._add(atom)
                return 1
            self._close("then", inherit=True, stage=True)
        elif self.drafts or self.after is not None:
            draft.stage = True
        self.link = "then"
        return 1

    def _on_step_to(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        if draft.when and draft.doses:
            self._close("then", inherit=True, stage=True)
        elif draft.inherited:
            draft.stage = True
        return 1

    def _on_step_by(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        """ "Reduce by 5 mg every week": the first dose lasts that long, what follows is asked."""
        draft = self.draft
        end = self._clause(atoms, k, ("then",))
        if draft.when and "duration" not in draft.got:
            step = next(
                (
                    a.value.get("every_days")
                    for a in atoms[k:end]
                    if a.kind == "frequency" and a.value.get("every_days")
                ),
                None,
            )
            if step:
                draft.got["duration"] = int(step)
        self._close("step", inherit=True, stage=True)
        self.draft.atoms.extend(atoms[k:end])
        self.draft.leftovers.extend(atoms[k:end])
        self.draft.got["step_by"] = True
        self._close("")
        return end - k

    def _on_from_dose(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        following = atoms[k + 1 : k + 3]
        if following and (
            following[0].kind in ("dose", "medicine")
            or (following[0].kind == "word" and following[1:] and following[1].kind == "medicine")
        ):
            self.draft.pending = "from"
        elif self.draft.when:
            self.run.append(atom)
        return 1

    def _on_stop(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        draft = self.draft
        if (
            draft.medicine is not None
            and not draft.inherited
            and (draft.when or draft.doses or k + 1 >= len(atoms) or atoms[k + 1].kind == "punct")
        ):
            after = atoms[k + 1].kind if k + 1 < len(atoms) else ""
            if after == "medicine":
                self._close("stop")
                self.draft.stopped = True
            else:
                draft.stopped = True
                self._add(atom)
        else:
            if draft.when or draft.doses:
                self._close("stop")
            self.draft.stopped = True
        return 1

    def _on_remark(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        """ "Even if he feels well": says nothing about the schedule."""
        return self._clause(atoms, k, ("then",)) - k

    def _on_end(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        """ "... for 1 week and off": an end that the length already says."""
        if "duration" not in self.draft.got and "doses" not in self.draft.got:
            self.draft.leftovers.append(atom)
        self._add(atom)
        return 1

    def _on_when(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        """ "When short of breath" behind a dose is as needed; behind a schedule it is a start that the words do not date."""
        draft = self.draft
        end = self._clause(atoms, k, ("then",))
        words = {self.tokens[i].lower for i in range(atom.i, atoms[end - 1].j)}
        if words & self.lex.events and (draft.when or draft.as_needed):
            draft.leftovers.extend(atoms[k:end])
            draft.atoms.extend(atoms[k:end])
            return end - k
        if draft.medicine is not None and not words & self.lex.events:
            return self._on_condition(atom, atoms, k)
        self.run.append(atom)
        return 1

    def _on_unread(self, atom: Atom, atoms: list[Atom], k: int) -> int:
        self.draft.leftovers.append(atom)
        self._add(atom)
        return 1

    # --- days

    def _until_weekday(self, name: str) -> int:
        return (WEEK.index(name) - self.day.weekday()) % 7

    def _offset(self, value: Any, *, end: bool) -> int | None:
        """Days from the note to a weekday or date; None when it lies behind."""
        if isinstance(value, list):
            days = self._until_weekday(value[0])
            return (days or 7 if end else days) if len(value) == 1 else None
        if isinstance(value, date):
            target = value
        else:
            month, day = value
            try:
                target = date(self.day.year, month, day)
                if target < self.day - timedelta(days=60):
                    target = date(self.day.year + 1, month, day)
            except ValueError:
                return None
        days = (target - self.day).days
        return days if 0 <= days <= 365 else None
