"""Whether words that order nothing are a line of a prescription or a whole sentence that tells something.

One promise: a dose that is the subject or the object of somebody's verb ("the pharmacist suggested ...", "... made no
odds") is told, not ordered; a bare name with its dose stays a line of a prescription. Works on text made by
``same_length_plain``.
"""

from __future__ import annotations

import re
from typing import Literal

from hospital_rt.extraction.asking import unasked, unprescribed
from hospital_rt.extraction.lexicon import PEOPLE, STAFF, SYMPTOMS, VERBS, names_visit

Told = Literal["negated", "stopped", "past", "state", "someone-else", "undecided"]

_SUBJECT = re.compile(r"\b(?:s?he|they|we|i|il|elle|elles|nous|je|ella|ellos|nosotros|yo)\b(?! ?[/-])")
_COPULA = re.compile(
    r"(?<!')\b(?:is|are|was|were|has|have|had|been|being|did|does|isn't|aren't|est|sont|etait|etaient|avait|esta|"
    r"estaba|era|fue|ha|han|habia|a donne|a prescrit|a conseille|a mis|ont donne)\b(?! (?:to|due)\b)"
)
_BEFORE_NOW = re.compile(
    r"^since\b|^(?:[a-z]+ )?(?:medic\w+|meds|treatment|therapy|drugs) (?:before|prior to|until|up to) [a-z]|"
    r"^(?:usaba|tomaba|llevaba|inhalaba|ponia|prenait|utilisait)\b|^(?:back|off|fit) (?:to |for )?(?:work|"
    r"school|sport|driving|training|nursery)\b|\b(?:copied|pasted|"
    r"carried forward|imported)\b|\b(?:previous|old|last) (?:note|entry|letter|summary)\b|"
    r"\b(?:tomo|recibio|tuvo|uso|llevo|probo|inicio en|operad[oa] en)\b|"
    r"^(?:now |also |been )?(?:using|taking|having|getting|giving|applying|drinking|eating|smoking|wearing|feeding|"
    r"injecting|inhaling|needing)\b|(?:\w+-)?(?:adheren\w+|complian\w+|concordan\w+)|"
    r"^(?:two|three|four|several|many|multiple|repeated|numerous|various|a few|a couple of|\d) (?:[a-z]+ )?(?:courses|"
    r"cycles|"
    r"bursts|trials|doses|injections|prescriptions) of\b|^\W*(?:[a-z]+,? )?\d{1,3} ?(?:yo|y/o|yrs?|year[- ]olds?|m|"
    r"f)\b|^(?:(?:the|his|her|your|their|a|an) )?(?:off\b|under\b|despite|in spite of|apart from|except|following\b|"
    r"notwithstanding|"
    r"earlier|initially|at first\b|originally|formerly|prior to|before (?:admission|this|that|coming|pregnancy|"
    r"conception)|"
    r"(?:over|for|in|during|through|throughout) (?:the |these )?(?:past|last|winter|summer|spring|autumn|christmas|"
    r"easter|years|holidays?|weekend)|"
    r"throughout|during (?:his|her|the|this|that) (?:stay|admission|pregnancy|holiday)|as an in-?patient|"
    r"in (?:hospital|childhood|casualty|a&e|theatre|itu|icu|recovery)|(?:on|at) (?:arrival|admission)|"
    r"on the (?:ward|unit)|background|history of|h/o|"
    r"(?:usual|normal|regular|repeat|existing|home|long-?term|present|current|previous|old) (?:treatment|"
    r"medic\w+|meds|tablets|"
    r"drugs|pills|list|prescription|inhalers?|therapy)|lleva \w+ (?:dias|semanas|meses|anos)|le (?:recet|prescrib|"
    r"indic|pus|dier|mand)\w+|en tratamiento|en traitement|sous\b|au long cours|"
    r"auparavant|avant l|antes tomaba|previamente|habitualmente|d'habitude)"
)
_TABLETS_ARE = re.compile(
    r"\b(?:(?:his|her|their|my|ses|sus?|son|sa) (?:[a-z]+ )?(?:medicines?|medication|meds|tablets|drugs|pills|"
    r"medicaments?|"
    r"medicamentos|traitement|tratamiento|medicacion|pastillas)|(?<!discharge )(?<!new )(?<!home )(?:medicines?|"
    r"medication|"
    r"meds|tablets|drugs|pills|list)\b(?! (?:(?:up)?on|at|for|after|since) (?:discharge|leaving)\b| to (?:take|"
    r"start|go)\b)"
    r"[^:]{0,30}|(?:medicacion|tratamiento|traitement|medicaments?|medicamentos) (?:habitual\w*|actual\w*|actuels?|"
    r"habituels?|cronic\w+|de base|de fond|en cours|previ[oa])) ?: *$"
)
_OPENED_BY_PAST = re.compile(
    r"^(?:(?:well|best|partly|partially|poorly|newly|long|also|all|both|already|then|recently) )?"
    r"(?!(?:prescribed|issued|advised|recommended|added|needed|required|continued)\b)(?:[a-z]+ed|put|kept|left|got|"
    r"been|ran|felt|held|came|went|begun|grown|taking|using|having) (?:\w+ly )?(?:on|onto|with|by|from|for|down|off|"
    r"in|at|under|using|through|between|up|out|to|taking|herself|himself|themselves|it)\b"
)
_SOMEBODY = (
    rf"(?:{PEOPLE}|{STAFF}|(?:the|a|an|another|his|her|my|your|their|our|some|one|old|previous|last|local) "
    r"(?:[\w'-]+ ){0,2}[\w'-]+|someone|somebody|everyone|nobody|people|others|"
    r"[a-z]+ology|[a-z]+iatry|paediatrics|pediatrics|orthopaedics|surgeons?|physicians?|consultants?|internet|website)"
)
_BARE_PAST = r"(?:[a-z]{2,}ed|put|gave|took|told|said|thought|sent|left|kept|brought|lent|saw|got|bought|made|had|have)"
_SOMEBODY_DID = re.compile(
    rf"^(?:\w+ly )?{_SOMEBODY} (?:also |then |once |had |has |have |now |already |at [\w ]{{2,20}} |in [\w ]{{2,20}} )*"
    rf"(?!(?:affected|infected|injured|inflamed|involved|operated|coated|medicated)\b){_BARE_PAST}\b"
)
_SOMEBODY_DOES = re.compile(rf"\b{PEOPLE} (?!needs\b)[a-z]{{2,}}[^s\W]s\b (?!to\b)")
_BY_STAFF = re.compile(
    r"\b(?:is|are|being|gets?) (?:\w+ ){1,3}by (?:the |our |an? |his |her )?(?:\w+ )?(?:clinic|gp|pharmac\w+|"
    r"practice|hospital|"
    r"service|lab\w*|family|daughter|son|wife|husband)\b|"
    r"\b(?:by|par|por) (?:the |our |an? |l'|la |el |les |une )?(?:(?!the )[a-z]+ ){0,2}(?:nurses?|team|hca|ide|"
    r"infirmi\w+|enfermer\w+|carers?|"
    r"staff|matron|hv|d/?ns?|midwife|midwives|paramedics?|ambulance|anaesthetist|surgeons?)\b"
)
_SOMEBODY_DOES_IT = re.compile(
    r"\b(?:staff|carers|nurses|parents|children|sons|daughters|team|family|relatives|neighbours|friends) (?!to\b|"
    r"should\b|must\b)[a-z]+ (?:his|her|him|their|the|it|them)\b"
)
_ON_IT = re.compile(r"(?:^|[,;:(] ?|\b(?:still|already|currently|remains|stable|now) )on $")
_THIRD = re.compile(
    r"\b(?:shows|wants|requests|asks|wonders|thinks|says|recommends|suggests|mentions|reports|states|lists|includes|"
    r"contains|"
    r"involves|remains|swears|prefers|likes|hopes|plans to|intends|believes|describes|insists|expects|relies|lives|"
    r"works|falls to|drops to|rises to|ranges|varies|averages|fluctuates|hears|reads|read (?:online|that|about|in)|"
    r"enquire[sd]|inquire[sd]|queries|favours|tells|knows|"
    r"claims|veut|demande|souhaite|quiere|pide|prefiere|recomendo|sugirio|conseille par|camina|come|duerme|trabaja|"
    r"wondering|asking|wanting|hoping|thinking|tempted|curious|interested|swearing|been|wanted)\b"
)
_MUSED = re.compile(
    r"^\W*(?:either|query|keen|eager|hoping|wishes|desperate|anxious for|hesitant|curious|tempted)\b|"
    r"\b(?:options?|alternatives?|in reserve|possibility|possible|scope|whether|thoughts?|idea|plan b|"
    r"(?:second|third|next|2nd|3rd)[- ]line|next (?:step|option|move|line)|question of|prospect|down the (?:line|road|"
    r"track)|room to|depending on|subject to|provided|awaiting|pending|tb[cd]|to be (?:decided|discussed|considered|"
    r"confirmed|settled|agreed)|in mind|"
    r"eventual(?:ly)?|one day|some day|a discuter|habria que|pensar en|envisag\w+|valor(?:ar|are|aremos|ara)|"
    r"plante\w+|se discut\w+|"
    r"would|could|might|may|pourrai\w*|podria\w*|podra|faudra(?:it)? peut|peut-etre|quizas?|tal vez|"
    r"hold in mind|bear in mind|keep in mind|think of|undecided|left open|toy(?:ed|ing) with|mooted|contemplat\w+|"
    r"likely|ponder\w*)\b"
)
_STOPS = re.compile(
    r"\bse retira(?!n? (?:los |las )?(?:puntos|grapas))\b|\b(?:meds|medicines?|drugs?|tablets?) (?:stopped|"
    r"discontinued|ceased|withdrawn)\b|"
    r"\b(?:time to stop|fin d[eu']|fin de la|finaliz\w+|complet[oa]\b|termin[oa]\b|acab[oa]\b|arret d[eu']|"
    r"arret de la|arret de l'|suspension d[eu']|se (?:retira|suspende|interrumpe|deja|quita)|"
    r"retirada de(?!l? (?:l[oa]s )?(?:puntos|suturas?|grapas|drenaje|sonda|yeso|escayola|ferula|vendajes?|cateter)\b)|"
    r"withdraw(?:al|n)?(?! (?:schedule|plan|regimen?|programme|program|scheme)\b)|cessation of|"
    r"end of (?:the )?(?:treatment|course)|^d/?c'?d?\b|traitements? arretes?|stopping|dropping|"
    r"coming off|came off)\b|^off\b[: ]"
)
_TAPERS = re.compile(
    r"\b(?:com(?:e|ing)|wean\w*) off [^:.;]*\b(?:slowly|gradually|gently|stepwise|in steps|step by step)\b"
)
_REACTED = re.compile(
    r"\b(?:sensitiv\w+ to|reaction to|reacts? to|reacted to|rash (?:with|from|to|on)|anaphyla\w+|angio-?oedema|"
    r"swells? with|"
    r"hypersensib\w+|(?:unsuitable|unfit|not suitable|no candidate) for|(?:rash|hives|swelling|wheeze|vomiting|itch\w*|"
    r"upset|nausea|ill|sick|unwell) (?:after|with|on|from)|cannot have|can't have|avoid(?:s|ing)?)\b"
)
_NO_REASON = re.compile(
    r"\b(?:no|not any|little|any) (?:reason|point|call|benefit|value|sense|merit|cause|grounds|evidence|urgency|hurry|"
    r"need|use|advantage|case|place|justification)\b|\bnothing to (?:be )?gain\w*|\bil n'y a pas\b|\bno hace falta\b|"
    r"\bno hay\b"
)
_AFTER_IT = re.compile(
    r"^\W*(?:kg )?(?:(?:po|im|iv|pr|sc|stat|neb) )*(?:given|administered|injected|infused)\b(?! (?:if|when|as|by|once|"
    r"twice|every|with|at|before|after|for|until|in the)\b)|"
    r",? when (?:the |his |her |she |he |it |they )?\w+ (?:began|started|stopped|was|were|had|came|fell|got)\b|"
    r"^[\s,)]*(?:\w+ly )?(?:(?:is|are|was|were|has|have|had|did|does)(?! (?:to be (?:taken|used|applied|given|started|"
    r"continued)|due|needed|required|recommended|advised|(?:now |also |today )?been (?:prescribed|started|commenced|"
    r"added|"
    r"issued|recommended))\b)|would|could|might|"
    r"lasted|ended|expired|remains?|made|left|gave|caused|led|brought|took|kept|helped|worked|failed|upset|settled|"
    r"cleared|eased|"
    r"improved|helps|eases|settles|suits|"
    r"controlled|produced|resulted|seem(?:s|ed)|appear(?:s|ed)|proved|turned|suited|never|no (?:help|good|use|joy|"
    r"benefit|effect|"
    r"better|difference|change|relief|improvement)|with (?:little|no|some|good|partial|minimal|poor|mixed|limited|"
    r"moderate|excellent|great|only)|without (?:\w+ )?(?:benefit|effect|relief|improvement|success|response|joy|help|"
    r"result|difference)|to no avail|in vain|sans (?:effet|succes|amelioration|resultat|benefice)|sin (?:mejoria|"
    r"efecto|exito|respuesta|alivio|resultado|beneficio)|n'a |no (?:le )?(?:ayudo|mejoro|sirvio|funciono))\b|"
    r"^[\s,]*(?:but|and|which|, which|, but) (?:it |this |that |these |they |she |he |didn't|that )?"
    r"(?:did|made|gave|"
    r"caused|upset|has|had|was|were|didn't|couldn't|hasn't|helped|worked|failed|felt|stopped|came|got|found|still)\b"
)
_ENDED = re.compile(
    r"(?<!until )\b(?:discontinued|withdrawn|ceased|stopped|abandoned|cancelled|arrete|suspendid[oa])\b"
    r"(?! (?:if|when|once))|^\W*(?:now off(?: it| this| them| these)?|off (?:it|this|them|these)|[-–:] ?off|on hold|"
    r"paused|held|withheld|en pause|"
    r"hold)\W*$|\b(?:is|are) to (?:cease|end|stop|go)\b|"
    r"^\W*(?:(?:can|may|should|will|must|to|may now|can now) (?:now )?(?:come off|stop|go(?! on)|end|finish|cease)|"
    r"not (?:re)?(?:started|continued|given|needed|tolerated|taken|taking|available|prescribed|issued))\b"
)
_UNSURE = re.compile(
    r"\b(?:down the (?:line|road|track)|in reserve|next time|in (?:the )?future|would (?:only )?be|could be|"
    r"might (?:be|need)|"
    r"worth (?:trying|a try|considering|a go)|an option|to be (?:considered|discussed|thought|decided|talked)|"
    r"later on|at some point|one day|plus tard|mas adelante|en la proxima|a la prochaine|if ever)\b"
)
_ASIDE = re.compile(r"\((?:[\w,-]+ ){2,}[^)]*\)?")
_THIS_WINTER = re.compile(
    r"\b(?:packs?|cigarettes?|cigs|pints?|joints?|glasses of (?:wine|beer)|cans of \w+|bottles? of (?:wine|beer|"
    r"spirits|"
    r"vodka)|units of alcohol) ?(?:/|per|a|each|every) ?(?:day|night|week)\b|^\W*\d{1,3}[- ]year[- ]old\b|"
    r"\blasted\b|"
    r"\b(?:twice|once|times|already|so far) this (?:winter|year|month|season|summer|spring|autumn|term)\b"
)
_AVERAGES = re.compile(r"\b(?:averag\w+|ranging|ranges|runs|running)(?: of| at| around| between| from)? \d")
_MEASURED = re.compile(
    r"\W*(?:(?:home|mean|average|morning|fasting) )?(?:bp|blood pressures?|(?:blood )?(?:sugars?|glucose)|bgls?|bms?|"
    r"temp\w*|"
    r"(?:urine )?output|peak flows?|pefr?|pulse|hr|sats|spo2|weight|wt|inr|hb\w*|obs|resp\w*|apyrexial|tension|"
    r"glucemias?|"
    r"glycemies?)\W{0,3}"
    r"(?:of |around |about |was |is |between |in the )?(?!\d\d?/\d\d?\W*$)\d[\d./-]*\b(?! ?(?:x\b|times|hourly|min|"
    r"days?\b|/7|/52|fois|"
    r"veces|-hourly))"
)
"""A reading and its figure: what was measured, not what is to be."""
_NO_LINE = re.compile(
    r"\b(?:(?:her(?=\W*$| (?:on|to|a|an|some|up|off|about)\b)|him|them|us|me|lui|about|after|under|against|towards|"
    r"that|"
    r"which|because|between|upon|"
    r"(?:having|being|starting|stopping|taking|using|trying|considering|refusing|adding|changing|raising|finishing|"
    r"completing|awaiting|missing|giving))\b|"
    r"(?<!course )(?<!courses )(?<!trial )(?<!dose )(?<!doses )(?<!drop )(?<!drops )(?<!puff )(?<!puffs )(?<!tablet )"
    r"(?<!tablets )(?<!capsule )(?<!spoon )(?<!sachet )(?<!sachets )(?<!ml )(?<!mg )(?<!teaspoon )(?<!spoonful )"
    r"(?<!spray )(?<!sprays )(?<!ribbon )(?<!amount )(?<!layer )(?<!half )(?<!week )(?<!weeks )(?<!days )(?<!day )"
    r"(?<!months )(?<!month )(?<!supply )(?<!injection )(?<!units )(?<!patch )(?<!start )(?<!burst )(?<!view )"
    r"(?<!capsules )(?<!g )(?<!application )(?<!spoonfuls )(?<!teaspoonful )(?<!instead )of\b|"
    r"[\w'-]+ (?:his|her|their|my|our|sa|ses|sus?)$|day \d+ of|halfway|aron\b|ieron\b)"
)
"""Words that a line of a prescription has no use for before the name of a medicine."""
_ONLY_IF = re.compile(r"\bonly (?:if|when|should)\b|\bif funding\b|\bif (?:approved|accepted|listed)\b")
_LAST_RESORT = re.compile(r"\bif all else fails\b|\bfailing (?:that|this|all)\b|\bas a last resort\b|\bin extremis\b")
_AT_REVIEW = re.compile(
    r"\b(?:by then|hasn't|has not|not (?:better|settled|healed|resolved)|fails?|doesn't|does not|relapses?|recurs?|"
    r"still)\b"
)
_IS_SET = re.compile(
    r"\W*(?:(?:your|his|her|their|the|our) )?(?:[\w-]+ ){0,3}(?:checks?|check-?up|appointments?|appt|visit|review|"
    r"follow[- ]?up|scan|clinic|blood tests?|bloods|x-?ray|session|consultation|dressing|control|rendez-vous|rdv|"
    r"cita|revision) "
    r"(?:with [\w ]{2,30} )?(?:is|are|est|es) (?:(?:now|due|set|booked|planned|on|for|at|in|le|el|fixe) )*"
)
"""What sets a day for a visit: "your first check is tomorrow"."""
_ASKS_FOR = re.compile(
    r"(?:[a-z]+: ?)?(?:we|i) (?:would |do |kindly )?ask (?:you )?(?:for )?(?:a |an |the )?(?:control|checks?|repeat|"
    r"monitoring|"
    r"recheck|follow-up)\b"
)
SEES_AGAIN = re.compile(
    r"(?:and |so |then )?(?:we|i)(?:'ll| will| shall)? (?:see|review|meet) (?:you|him|her|them|the patient) (?:again|"
    r"back|"
    r"next|here)\b(?! if\b)"
)
"""What a doctor says of the next visit: the patient is to come."""
_FINDING_IS = re.compile(r"\b(?:normal|fine|ok|clear|done|over|missed|unchanged|cancelled)\b")
_ITS = r"(?:his|her|the|their|a|an|its|your|my|sus?|ses|sa|son|le|la)"


def told(low: str, first: int, last: int, *, medicine: bool = False) -> Told | None:
    """Why a clause without an order is told and not ordered; None when nothing says so.

    ``first`` and ``last`` are where its drug, doses and rhythm begin and end; ``medicine``: it has a drug
    or a dose.

    >>> a, b = "the pharmacist suggested cetirizine 10 mg", "ibuprofen 400 mg tds made no odds"
    >>> told(a, 25, len(a)), told(b, 0, 20), told("ibuprofen 400 mg tds", 0, 20)
    ('someone-else', 'past', None)
    """
    head = unasked(unprescribed(low[:first]))
    tail = _ASIDE.sub("", low[last:])
    if (_STOPS.search(head) and not _TAPERS.search(low)) or _ENDED.search(tail):
        return "stopped"
    if _REACTED.search(head) or _is_reaction(head) or _NO_REASON.search(head):
        return "negated"
    if _MUSED.search(head) or _UNSURE.search(tail):
        return "undecided"
    if _BY_STAFF.search(low):
        return "someone-else"
    if _SOMEBODY_DID.search(head) or _SOMEBODY_DOES.search(low[:first]) or _SOMEBODY_DOES_IT.search(low):
        return "someone-else"
    if _OPENED_BY_PAST.search(head) or _AFTER_IT.search(tail):
        return "past"
    if _MEASURED.match(low) or _AVERAGES.search(low) or _THIS_WINTER.search(low):
        return "state"
    if medicine and _is_no_line(re.split(r"[,:;]|\s[-–]\s", head)[-1].rstrip()):
        return "state"
    if _ON_IT.search(head):
        return "state"
    to_come = _IS_SET.fullmatch(head) or _ASKS_FOR.match(low) or SEES_AGAIN.match(low)
    if to_come and not medicine and not _FINDING_IS.search(tail):
        return None
    if _SUBJECT.search(head) or _COPULA.search(head) or _THIRD.search(head) or _BEFORE_NOW.search(head):
        return "state"
    if _TABLETS_ARE.search(head) or _is_third_person(low):
        return "state"
    return None


def _is_no_line(before: str) -> bool:
    """Whether what stands before the name of a medicine has no place in a line of a prescription."""
    if any(m[1] in VERBS for m in re.finditer(r"\bto ([a-z]+)", before)):
        return True
    return _NO_LINE.search(before) is not None or _NO_LINE.search(re.sub(r" [\w-]+$", "", before)) is not None


def _is_reaction(head: str) -> bool:
    """ "Cough on 5 mg od": a complaint laid to the medicine; "for cough on waking" is none."""
    m = re.search(r"(?:^|[,;:(] ?|\bbut |\band )([a-z]+) (?:on|with|from|after) $", head)
    return m is not None and m[1] in SYMPTOMS


def _is_third_person(low: str) -> bool:
    """ "Checks his sugars": what he does, without saying that it is he; "checks twice a day" may be a plural."""
    m = re.match(rf"([a-z]{{3,}}s) (?:{_ITS}|to (?:work|school|town|church|bed)|out|all (?:day|night))\b", low)
    return m is not None and any(m[1].removesuffix(ending) in VERBS for ending in ("s", "es"))


def hangs_on_a_review(low: str) -> bool:
    """ "Colposcopy only if the next smear is abnormal": what is decided when somebody looks again, and not now."""
    if _LAST_RESORT.search(low):
        return True
    at_review = _AT_REVIEW.search(low) or any(names_visit(w) for w in re.findall(r"[a-z][\w&/-]*", low))
    return bool(_ONLY_IF.search(low) and at_review)
