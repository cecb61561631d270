"""Under which heading a sentence of a note stands: the plan, the history, somebody else's tasks.

One promise: what stands under a heading of the past or of other people is never taken for an order to the patient.
Works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re

_PLAN_HEADINGS = (
    r"(?:medication|meds|medicines|drugs|treatment|therapy) (?:at|on|for) discharge|(?:therapy|"
    r"treatment) proposal|procedere|"
    r"home programme|adv|(?:(?!previous|prior|past|old|former|failed|current|usual|home|"
    r"existing)[a-z-]+ ){0,2}(?:schedule|regimen|regime|titration|schema)(?: (?:agreed|given|"
    r"signed|and|today|explained|"
    r"as follows)){0,4}|(?:rx|medication|treatment|meds?|drug) changes|please(?: have| do| arrange)?|to (?:arrange|"
    r"book|get|order|"
    r"organise|organize)|plan|rx|treatment|management|"
    r"advice|advised|tx|p|a/p|actions?|"
    r"to do(?: for [a-z][a-z .']{1,20})?|today|discharge(?: (?:meds|medication|"
    r"medications|plan))?|"
    r"recommendations?|tto|ttos|prescription|prescribed|prescriptions|follow[- ]?up|f/u|safety[- ]?net(?:ting)?|"
    r"homework|for the patient|patient to|"
    r"new (?:meds|medication|medications|drugs)|conduite(?: a tenir)?|traitement|ttt|cat|ordonnance|conducta|"
    r"tratamiento|indicaciones|"
    r"plan de (?:accion|traitement|tratamiento)|instructions?|medication changes|changes|next steps"
)
_OTHERS_HEADINGS = (
    r"(?:for |to |actions? for |requests? (?:to|for) |dear )?(?:the )?(?:gp|g\\.p\\.|general practitioner|practice|"
    r"district nurses?|"
    r"community (?:nurses?|team|matron)|nurses?|nursing|ward|staff|care home|carers?|pharmacy|pharmacist|team|"
    r"secretary|admin|surgery|us|hospital|clinic|doctor|dr|lab|team|"
    r"reception|medecin traitant|infirmiere|enfermera)(?: staff| team)?(?: to do| to| please| actions?| requests?| "
    r"tasks?| jobs)?|jobs|"
    r"ward jobs|action by [a-z ]+"
)
_OTHER_HEADINGS = (
    r"assessment|impression|imp|diagnosis|diagnoses|dx|dg|problems?|s|o|a|examination|exam|o/e|on examination|ix|"
    r"investigations?|results?|bloods|obs|vitals|"
    r"complaint|pc|c/o|hpc|presenting complaint|reason for visit|summary|findings|diagnostic|diagnostico|examen|"
    r"exploracion|motif|motivo|conclusion"
)
_HISTORY_HEADINGS = (
    r"(?:[a-z]+ ){0,2}history|hx|(?:previous|prior|past|old|failed|former) [a-z]+|tried(?: so far| before|"
    r" already)?|already tried|"
    r"treatment so far|so far|"
    r"(?:[a-z]+ )?course(?: in hospital)?|on|sleep|intake|alcohol|tobacco|smoking|caffeine|occupation|work|hobbies|"
    r"(?:rx|meds?|medication|treatment) hx|current [a-z]+|medications?(?! changes)|allergies ?/ ?meds|progress|"
    r"personal|"
    r"inpatient treatment|given (?:here|"
    r"today)|"
    r"before admission|on admission|(?:medication|meds|medicines|drugs|treatment|therapy|tablets) (?:before|"
    r"prior to|on|at|"
    r"until) (?:the )?(?:admission|arrival|hospital\w*)|pre-?admission [a-z]+|"
    r"pmh|pmhx|past (?:medical )?history|dh|dhx|drug history|current (?:meds|medication|medications|"
    r"treatment|drugs)|"
    r"regular (?:meds|medication|medications)|medications? on admission|home (?:meds|medications)|meds on arrival|"
    r"usual (?:meds|medication)|"
    r"options?(?: discussed)?|existing (?:meds|medications?|treatments?)|"
    r"background|bg|comorbidit(?:y|ies)|"
    r"adrs?|adverse (?:drug )?(?:reactions?|events?)|intolerances?|sensitivities|reactions|"
    r"fh|fhx|family history|sh|social|social history|allerg(?:y|ies)|past meds|previous (?:meds|medication|treatment)|"
    r"anciens? traitements?|traitements? (?:anterieurs?|precedents?)|tratamientos? (?:previos?|anteriores?)|"
    r"antecedents?|antecedentes|traitement (?:actuel|habituel|en cours)|tratamiento (?:actual|habitual)|alergias|"
    r"allergies connues|atcd"
)
_HEADING = re.compile(
    rf"^\W*(?:(?P<plan>{_PLAN_HEADINGS})|(?P<others>{_OTHERS_HEADINGS})|(?P<other>{_OTHER_HEADINGS})|"
    rf"(?P<history>{_HISTORY_HEADINGS}))\s*(?::|"
    rf"\s[-–]\s|->|=>)\s*"
)
_BARE_HEADING = re.compile(
    rf"^\W*(?:(?P<plan>{_PLAN_HEADINGS})|(?P<others>{_OTHERS_HEADINGS})(?=\W*:)|"
    rf"(?P<history>{_HISTORY_HEADINGS}))\W*$"
)
_LISTING = re.compile(r"^[^.;]{2,70}:\s*$")
"""Words that end a line with a colon: what stands below them is a list."""
_OF_BEFORE = re.compile(
    r"\b(?:current(?:ly)?|usual(?:ly)?|regular(?:ly)?|existing|previous(?:ly)?|past|prior|history|on admission|taking|"
    r"takes|"
    r"tried|stopped|discontinued|declined|refused|allerg\w+|before|was|were|repeat (?:meds|medic\w+|list|"
    r"prescription)|already|"
    r"had|given (?:in|on|by)|in hospital|considered|options?|ruled out|not|no|avoid|never|takes|actuel\w*|habituel\w*|"
    r"actual\w*|habitual\w*|antes|avant)\b"
)
_OF_NOW = re.compile(
    r"\b(?:to do|plan|home|advice|advised|drops|take|use|start\w*|new|discharge\w*|please|next|exercises?|"
    r"instructions?|"
    r"tablets|medic\w+|treatment|follow|weeks?|today|you|your|from (?:now|today|tomorrow)|changes?|prescri\w+|"
    r"recommend\w*|"
    r"steps|actions?|needs?|continue|a faire|a prendre|tomar|pauta)\b"
)
_RX = re.compile(r"^\W*(?:rx(?! de )|tx|imp(?:ression)?|plan|p)\b[.:\s]+")

_TO_THE_PATIENT = re.compile(r"^\W*(?:for )?(?:the )?(?:patient|pt|s?he|you|they|mr|mrs|ms|family|parents?)\b")
_MEDICINES = re.compile(r"\W*(?:medications?|meds|medicines|drugs)\W*")
"""What stands below it is to be taken once the plan has begun, and was taken before when it comes first."""
_LIST_NUMBER = re.compile(r"^\W*(?:\d{1,2}[.)]|\(?[a-h]\))\s+(?=[a-z])")


class Headings:
    """The section in which the sentences of a note stand, read in order.

    ``section`` is "plan", "history", "others" (tasks of other people), "other" (findings) or "".
    """

    def __init__(self) -> None:
        self.section = ""
        self._lasts = False
        self._planned = False

    def enter(self, low: str, gap: str) -> int | None:
        """Take up a sentence after ``gap``; returns where its own words begin, None for a mere heading."""
        if "\n\n" in gap or ("\n" in gap and not self._lasts) or (self.section == "history" and not self._lasts):
            self.section, self._lasts = "", False
        bare = _BARE_HEADING.match(low)
        if bare:
            self.section = next(name for name in ("history", "others", "plan") if bare[name])
            if self._planned and _MEDICINES.fullmatch(low):
                self.section = "plan"
            self._planned = self._planned or self.section == "plan"
            self._lasts = True
            return None
        listing = _LISTING.match(low)
        if listing and not re.search(r"\d ?(?:mg|g|ml|mcg)\b", low):
            self.section = "history" if _OF_BEFORE.search(low) else "plan" if _OF_NOW.search(low) else ""
            self._lasts = True
            return None
        if self.section == "others" and _TO_THE_PATIENT.match(low):
            self.section = ""
        heading = _HEADING.match(low)
        if heading:
            self.section = next(name for name in ("history", "others", "plan", "other") if heading[name])
            self._planned = self._planned or self.section == "plan"
            self._lasts = False
            label = _LIST_NUMBER.match(low[heading.end() :])
            return heading.end() + (label.end() if label else 0)
        other = _RX.match(low) or _LIST_NUMBER.match(low)
        return other.end() if other else 0
