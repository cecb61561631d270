"""The offline extractor: rules over sentences. Deterministic, without a network, and a draft."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from hospital_rt.extraction.schema import Extraction, Item, Meta, PlanItem
from hospital_rt.extraction.text import same_length_plain, sentences

_WORDS = {"once": 1, "twice": 2, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_N = r"(\d+|one|two|three|four|five|six|seven)"
_NOT = re.compile(r"\b(no|not|denies|declined|refused|stopped|completed|finished|was|were)\b")
_AS_NEEDED = re.compile(r"\b(if|when|as needed|prn)\b")
_START = re.compile(r"^(take|start|continue|buy|book|call|measure|weigh|walk|apply|use|return|collect|repeat)\b")


def _n(text: str) -> int:
    return _WORDS.get(text) or int(text)


class OfflineExtractor:
    name = "offline"

    async def extract(self, text: str, *, day: date, names: Sequence[str] = ()) -> Extraction:
        checklist, plan = [], []
        for sentence in sentences(text):
            low = same_length_plain(sentence.text)
            if _NOT.search(low):
                continue
            often = re.search(
                rf"\b(?:{_N} times|(once|twice))(?: a day| daily)|\bdaily\b|\bevery (?:day|morning|night)", low
            )
            title = sentence.text.rstrip(".")[:120]
            if often and not _AS_NEEDED.search(low):
                times = _n(often.group(1) or often.group(2) or "1")
                last = re.search(rf"\bfor {_N} (day|week|month)s?", low)
                days = _n(last.group(1)) * {"day": 1, "week": 7, "month": 30}[last.group(2)] if last else None
                plan.append(PlanItem(title=title, quote=sentence.text, times_per_day=times, duration_days=days))
            elif _AS_NEEDED.search(low) or _START.search(low):
                checklist.append(Item(title=title, quote=sentence.text, as_needed=bool(_AS_NEEDED.search(low))))
        return Extraction(checklist=checklist, plan=plan).with_meta(Meta(model="offline", prompt_version="rules-0"))

    async def close(self) -> None:
        return None
