"""Whose words a clause are, and when: an order to the patient, or what was, is refused, is only thought of, or is
somebody else's.

One promise: a clause that carries a reason not to be a step is given that reason, and a condition ("if it has not
gone") is never taken for a refusal. Works on text made by ``same_length_plain``.
"""

from __future__ import annotations

import re
from typing import Literal

from hospital_rt.extraction.amounts import doses
from hospital_rt.extraction.asking import asks_a_colleague, unasked, unprescribed
from hospital_rt.extraction.conditions import COMPANION, condition
from hospital_rt.extraction.lexicon import PEOPLE, STAFF, STOP_VERBS, names_visit
from hospital_rt.extraction.orders import order_at
from hospital_rt.extraction.telling import SEES_AGAIN
from hospital_rt.extraction.waiting import is_called_for, is_form_line, is_left_open, spoken_otherwise

Stance = Literal["negated", "prohibited", "stopped", "past", "state", "someone-else", "undecided"]

WHY: dict[str, str] = {
    "negated": "The note says that this is refused, not wanted or not needed.",
    "prohibited": "The note forbids this; it does not order it.",
    "stopped": "The note stops this; a stopped drug gets no schedule.",
    "past": "The note tells of it as something that was done before.",
    "state": "The note describes what the patient does; it does not order it.",
    "someone-else": "The note says that somebody else does this.",
    "undecided": "The note only considers this.",
    "software": "These words of the note address the software, not the patient.",
}

_MONTH_OR_DAY = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*|spring|summer|autumn|winter|fall|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|19\d\d|20\d\d|childhood|school"
)

_NEGATED = re.compile(
    r"^(?:nothing(?! (?:to eat|by mouth))|no(?! (?:more|later|less|longer) than)|nil(?! by mouth)|not(?! (?:before|"
    r"until|later))|without|none|"
    r"neither|never|"
    r"pas d|aucune?\b|sans |sin |ningun|inutile|n'|nor)\b|^(?:pas d'|n'a)|"
    r"\b(?:not|isn't|aren't|wasn't|non|no)(?: (?:currently|yet|at present|felt|thought|considered|deemed|clinically|"
    r"really|strictly|usually|be|been|se|es|est))* (?:needed|required|indicated|necessary|advised|wanted|recommended|"
    r"warranted|appropriate|for|keen|taking|given|started|prescribed|offered|arranged|planned|done|used|justified|"
    r"suitable|useful|helpful|tolerated|available|effective|desire[sd]?|indique\w*|necessaire|requi\w+|indicad\w+|"
    r"necesari\w+|precisa|requiere|quiere|desea)\b|"
    r"\b(?:declin|refus|reject|rechaz)\w*|\b(?:deny|denies|denied|denying|nie|niega)\b|"
    r"\b(?:does|do|did|would|has|have|had|was|were|is|are|will|could|can)(?: not\b|n't\b|not\b)|\bcannot\b|\bcan't\b|"
    r"\bwon't\b(?! (?:stop|settle|go|clear|heal|come|shift|wake))|\bshan't\b|"
    r"\b(?:no need|needn't|need not|no indication|no role|no plans?|no longer)\b|"
    r"\b(?:rather not|prefers? not|not keen|reluctant|unwilling|against|not to be|to be (?:stopped|discontinued|"
    r"withheld|avoided)|withheld|discouraged|forbidden|inappropriate|"
    r"unnecessary|contra-?indicat\w+)\b|"
    r"\ballerg(?:y|ies|ic|ique|ico|ica|ie|ia)s?(?: ?: ?| to | a | au | aux | al )|\bintoleran\w+|"
    r"\bne (?!pas\b)\w+ (?:pas|plus|jamais)\b|\bn'\w+ (?:pas|plus|jamais)\b|"
    r"\bno (?:le |se |la |lo |los )?(?:toler|soport|quier|quis|dese|necesit|precis|acept|consig|pued)\w+|"
    r"\bne (?:veut|souhaite|prend|desire|necessite)|\bn'(?:est|a|ont|y)\b[^.]{0,12}\bpas\b|\b(?:no|nunca) (?:toma|"
    r"quiere|desea|hay|tiene|ha)\b|"
    r"\b(?:so|hence|therefore|thus),? (?:no|avoid|not|never)\b|\bpas (?:d'indication|necessaire|indique|besoin|de "
    r"nouveau|d')"
)
_PROHIBITED = re.compile(
    r"^(?:do not|don't|dont|never|avoid|refrain|abstain|stay off|keep off|keep away|stay away|must not|should not|"
    r"shouldn't|"
    r"mustn't|cannot|can't|no (?!more than|later than)|not to |ne pas|n'|eviter|evitez|evitar|evite|no (?:tomar|"
    r"tome|usar|"
    r"use|conducir|beber|fumar|coger|levantar|mojar))\b|"
    r"\b(?:do not|don't|must not|should not|shouldn't|mustn't|ne pas|never)\b|"
    r"\bmake (?:e|you|una|im|we|dem|him|she|he|am) no\b|"
    r"\b(?:is|are|remains?|stays?|be|est|sont|queda\w*|esta\w*)(?: \w+ly| encore| aun)? (?:prohibited|forbidden|banned|"
    r"disallowed|taboo|inadvisable|off[- ]limits|off the (?:menu|table|cards)|out of (?:the question|bounds)|ruled out|"
    r"not (?:permitted|allowed|advisable)|avoided|to be (?:avoided|refrained from|shunned|eschewed)|"
    r"best (?:avoided|left alone|"
    r"kept away)|interdite?s?|proscrite?s?|deconseillee?s?|contre-indiquee?s?|prohibid\w+|desaconsejad\w+|"
    r"contraindicad\w+)\b|"
    r"[:,–-] ?(?:strictly |absolutely |still )?(?:prohibited|forbidden|banned|not (?:allowed|permitted)|interdit\w*|"
    r"prohibid\w+)\b|^(?:interdi\w+|interdiction|defense|prohibid\w+|prohibicion) (?:de |d'|du |el |la |los |las )?|"
    r"^(?:under no circumstances|on no account|en aucun cas|bajo ningun concepto)\b"
)
_STOPPED = re.compile(
    rf"^(?:(?:{'|'.join(sorted(STOP_VERBS))})\b(?! (?:by|in|at|off at)\b)|(?:come|leave|cut|take \w+) (?:off|"
    rf"out)\b(?!.*:)|"
    r"get rid of\b)"
)
_PAST_START = re.compile(
    r"^(?:was|were|had|has had|has been|have been|completed|finished|stopped|started(?! today)|took|taken|tried|"
    r"given|received|"
    r"treated|vaccinated|immuni[sz]ed|self-treated|self-medicated|underwent|previous(?:ly)?|recent(?:ly)?|used to|"
    r"discontinued|ceased|"
    r"diagnosed|"
    r"reviewed|assessed|examined|referred|counselled|admitted|seen|attended|ran out|failed|status post|s/p|"
    r"last(?! dose)|post|trialled|switched|changed|increased|"
    r"reduced|"
    r"bought|"
    r"borrowed|got|ended|saw|went|had|copied|a ete|ont ete|avait|a eu|a pris|a recu|a termine|a arrete|prenait|"
    r"termino|tomo|tomaba|"
    r"recibio|tuvo|fue|estuvo|ya |acabo|completo|presento|ha (?:tomado|terminado|recibido|completado))\b"
)
_PAST = re.compile(
    r"\b(?:ago|already|yesterday|previously|in the past|used to|was|were|had been|has been|have been|(?<!')had|took|"
    r"tried|"
    r"received|"
    r"underwent|deja|gave|told|wrote|came|began|grew|helped|worked|failed|caused|in (?:19|20)\d\d|(?:booked|arranged|"
    r"ordered|"
    r"requested|sent) already|"
    r"(?:already|last|been|being|recently|just) (?:taken|done|had|given|completed|started|stopped|finished)|"
    rf"last (?:week|month|year|night|time|visit|admission|appointment|taken|dose was|{_MONTH_OR_DAY})|until last|"
    r"hier|la semaine derniere|l'an dernier|le mois dernier|avant-hier|il y a \d|ayer|anoche|la semana pasada|"
    r"el mes pasado|el ano pasado|hace \w+ (?:dias|semanas|meses|anos)|pasad[oa])\b|\(done\b|\(completed|\(finished|"
    r"\b(?:at|from|since|by) (?:the |his |her |their )?(?:previous|last|prior|initial) |\bdone[),]|\b(?:ordered|"
    r"requested|arranged|booked|done|sent|written|made) by (?!\w*day|the \d|\d|end)|"
    r"\bby (?:me|us|myself)\b|\b(?:changed|dressed|removed|applied|fitted|cleaned|taken|given) here\b|\btriall?ed\b|"
    r"\bmade (?:him|her|them|me|you) \w+|\bunder (?:ga|la|sedation|\w+ block)\b|"
    r"\bin (?:the )?(?:ambulance|department|theatre|resus|recovery)\b|"
    r"\b(?:fait|faite|faits|effectue|realise|administre|pose)e?s? (?:aujourd'hui|ce jour|hier|ce matin)\b|"
    r"\b(?:hech|puest|administrad|realizad|colocad)[oa]s? (?:hoy|ayer|esta manana)\b|"
    r"\byest\b|\bmade (?:no|little|any|some) (?:difference|change)|\bcarried out\b|"
    r"\b(?:stopped|discontinued|paused|held|omitted|ceased) (?:because|due to|owing to|as|since|after|secondary|"
    r"for(?! (?:\w+ ){0,2}(?:minutes?|mins?|seconds?|secs?)\b)|on account)\b|(?<!first )(?<!dose )\b(?:given|"
    r"administered|completed|stopped|finished|discontinued|removed|"
    r"injected|applied|"
    r"inserted|"
    r"performed|done|undertaken|"
    r"sent|made|issued|provided|obtained|excised|drained|taken) (?:this (?:morning|afternoon|evening)|in|by|today|at|"
    r"on|this|for|yesterday|over|during|"
    r"from|"
    r"earlier|here|hier|ayer|two|three|\d)\b(?! (?:be|bed|night|the morning|mornings?|empty|food|with))|"
    r"\b(?:given|administered|completed|stopped|finished|done|removed|tolerated well|issued|booked|arranged|ordered|"
    r"requested|referred|scheduled|sent|made|here|intact)(?: today| already)?\)?$"
)
_TO_BE = re.compile(
    r"\b(?:after|as soon as|till?|'til|until|once|when) (?:the |her |his |your |this |their )?(?:[\w-]+ ){1,3}(?:is|"
    r"are|has "
    r"been|have been) (?:all )?(?:given|taken|done|over|completed|finished|stopped|used up)\b|"
    r"\b(?:to be|until|once|when|should be|must be|be|as|a) (?:\w+ )?(?:(?:the|her|his|your|this) (?:\w+ ){1,3}(?:is|"
    r"are) )?(?:given|taken|booked|arranged|ordered|"
    r"scheduled|sent|changed|done|completed|finished|removed|"
    r"stopped|applied|used)\b"
)
_STATE = re.compile(
    r"^(?:who\b|which\b|pmhx?\b|existing\b|"
    r"currently|at present|presently|still|usually|normally|already|on (?!mon|tue|wed|thu|fri|sat|"
    r"sun|"
    r"day|the|each|"
    r"every|waking|rising|alternate|week|an empty|\d)|is |are |has |have |gets |known|presents|brought|came|comes|"
    r"lives|works|"
    r"dear |thank(?:s| you)|many thanks|it was (?:a pleasure|good|nice)|here (?:for|with)|c/o|complains|he |she |"
    r"they |patient |pt |who |il |elle |el (?!\d|mon|tue|lunes|martes|"
    r"miercoles|"
    r"jueves|viernes|sabado|domingo|proximo)|ella |actuellement|actualmente|sous |en tratamiento)"
)
_STATE_NOW = re.compile(r"(?:\s[-–]|[:,]) (?:currently|at present|presently|actuellement|actualmente)\b")
_STATE_ANYWHERE = re.compile(
    r"\b(?:uses|takes|observes|delivers|gives|administers|visits|brings|collects|supervises|applies|injects|removes|"
    r"prepares|wears|"
    r"worn|attends|does|goes(?! (?:up|down))|keeps|sees|puts|buys|wakes|smokes|drinks|gets|"
    r"(?<!with )(?<!bring )(?<!your )(?<!get )(?<!old )(?<!all )reports|misses|walks|"
    r"sleeps|complains|feels|says|eats|forgets|admits|"
    r"describes|remains|tolerates|tolerating|manages|struggles|finds|passes|vomits|coughs|needs his|needs her|taking|"
    r"(?:is|are|am) on(?! (?:the )?(?:\d|(?:mon|tues|wednes|thurs|fri|satur|sun)day))|prend|fume|boit|dort|toma|fuma|"
    r"bebe|duerme|refiere|presenta|usa)\b"
)
_OTHERS = re.compile(
    r"^they(?:'ll| will) (?:write|send|ring|call|contact|post|be|"
    r"let|see|arrange|book|phone|text|email|invite)\b|"
    rf"\b{PEOPLE}(?:'s)?\b(?! to\b| should\b| must\b)[^.;]{{0,30}}?\b(?:takes?|is on|is taking|on|was|has|had|have|"
    rf"uses?|used|given|got|will|"
    rf"asked|also|died|being|received|started|swears|gave|gives?|manages?|does|do|helps?|administers?|puts?|brings?|"
    rf"prend|"
    rf"a pris|toma|tomaba|est sous|utilise|usa|tiene)\b|"
    rf"\b{PEOPLE}'s\b|"
    rf"^(?!(?:\w+ )?(?:mother|father|mum|mom|dad|mama|parents)\b){PEOPLE} (?!to |should |must |aged|with |in |on |"
    rf"and )[a-z]+|"
    r"^[a-z]+(?:ology|iatry|iatrics|aedics|opedics|surgery|medicine) (?:to|will|are|have|has)\b(?! be\b)|"
    r"\b(?:i|we|i'll|we'll|i'm|we're|i've|we've|nous|je|j'|yo|nosotros)\b(?: (?:will|shall|would|am|are|have|had|"
    r"may|might|"
    r"can|could|should|plan|intend|hope|also|then|now|allons|vais|avons|ai|voy|vamos|hemos|he))+\b|\b(?:i'll|we'll|"
    r"i've|we've)\b|\b(?:i'm|we're) (?:going|planning|hoping|not|waiting|awaiting|asking|writing|referring)\b|"
    r"^(?:le|la|l'|les|son|sa|el|los|las|su) ?[a-z]\w+ (?:[a-z]\w+ ){0,2}(?:\w{2,}(?:era|ira|ront|eront|aran|eran|"
    r"iran)|\w{3,}ara)\b|"
    rf"^(?:for |to |request to |dear )?{STAFF}(?: please)?(?: ?:|,? (?:please|kindly)\b)|"
    rf"^(?:(?:the|her|his|our|my|a|their) )?(?:[a-z]+ )?{STAFF} (?!(?:tues|weds|thurs|(?:mon|tues|wednes|thurs|fri|"
    rf"satur|sun)days)\b)(?:\w+ed|gave|put|took|did|saw|made|sent|told|found|"
    rf"\w+s) |"
    rf"\b{STAFF} (?:will|to(?! be\b)|shall|would|is going to|has|have|had|may|can|is to|are to|va|doit|fera|passera|"
    rf"viendra|"
    rf"retirera|vendra|llamara|hara|retirara)\b|"
    r"^(?:le |la |l'|les |el |los |las |son |sa |su )(?:pharmacien\w*|infirmi\w+|aide-soignante|kine\w*|enfermer\w+|"
    r"farmaceutic\w+|cuidador\w*|auxiliar|medecin(?: traitant)?|medico(?: de cabecera)?) (?!doit|debe|du\b|"
    r"des?\b|a\b|para\b|"
    r"en\b|si\b)[a-z]+(?:e|a|ent|an)\b|"
    r"^(?:letter|copy|cc|refer(?:red)?|discussed|d/w|writing|written|dictated|copies|courrier|carta|derivad[oa]|"
    r"derivar)\b|"
    r"^(?:the |a |our |la |le |el )?(?!(?:s?he|you|they|patient|pt|it|this|these|mum|mother|dad|"
    r"parents?)\b)(?:[a-z][\w'/&-]* ){1,5}will "
    r"(?!need|require|have to|be needed|be required)|^will (?!need|take|use|start|continue|book|have|do|stop|"
    r"measure|check|monitor|keep|try)|"
    rf"^(?:(?:elder|younger|older|eldest|youngest|twin|half|big|little) )?(?!(?:\w+ )?(?:mother|father|mum|mom|"
    rf"dad|mama|"
    rf"parents|carers?|caregivers?)\b){PEOPLE} ?:|"
    r"\bwill (?:be (?:sent|arranged|contacted|called|phoned|posted|notified|visited|done by|collected by)|write|"
    r"ring you|call you|"
    r"phone (?:him|her|you|them|the|with)|contact (?:him|her|you))\b"
)
_THEY_DO = re.compile(
    r"\b(?:team|nurses|carers|staff|paramedics|services?|midwives|physios|parents|therapists|district nurses|wheels) "
    r"(?:deliver|give|"
    r"administer|visit|bring|collect|manage|apply|inject|remove|supervise|do|change|see|provide|check|dress|help|"
    r"support)\b"
)
_UNDECIDED = re.compile(
    r"^\?|\b(?:may (?:go|step|titrate|consider|need|try|add|start|require|increase|"
    r"be(?! (?:added|taken|used|given|applied|repeated) "
    r"(?:for|if|when|up|every|after))|have)|might|could (?:consider|try|add|start|step|go|repeat|"
    r"increase|be)|consider(?:ing|ed)?|"
    r"think(?:ing)? about|will think|discuss(?:ed|ing)?|possibl[ey]|perhaps|maybe|an option|options? (?:include|are|"
    r"discussed)|would (?:need|repeat|benefit|be|like|"
    r"consider|start|add)|awaiting|awaited|pending|waiting (?:list|time)|on the list|in (?:the )?future|eventually|"
    r"later on|in mind|(?:can|may|could|"
    r"might)(?: then| later)? (?:go up|be increased|increase|step up|be doubled|"
    r"double|be titrated|be raised)|not decided|"
    r"undecided|"
    r"deferred|postponed|shelved|parked|probably|to decide|for consideration|if (?:we|i) |envisager|a discuter|"
    r"on (?:pourra|pourrait|verra|discutera)|"
    r"pourrait|peut-etre|"
    r"valorar|considerar|consideraremos|quizas?|tal vez|podria|se (?:valorara|considerara)|plan to|planning to|"
    r"hopes to|wants to|"
    r"would rather|unsure|deciding|keen to|worried|afraid|asked (?:about|for|whether|if)|offered|asks? about)\b"
)

_IN_MIND = re.compile(
    r"^(?:hold|keep|bear) in mind\b|\b(?:would|could|might) be (?:next|the next|an? (?:option|possibility)|my|our|"
    r"worth|reasonable|"
    r"possible)\b"
)
_ALLOWED = re.compile(
    r"(?:s?he|you|they|patient|pt|[a-z]+) (?:can|may)(?: now| still| safely)? (?:go on|keep|eat|drink|return to|"
    r"go back|go home|"
    r"drive|have|stop|resume|do|play|swim|travel|fly|bathe|shower|wash|carry on)\b"
)
_DROPPED = re.compile(
    r"drop (?!off|in|by|into|round|your|a |an |it|this|(?:the )?(?:sample|form|letter|specimen))(?!.*\b(?:to|by) )"
)
_LEFT_ALONE = re.compile(r"leave .*\b(?:alone|as (?:it|they) (?:is|are)|unchanged|off|for now)\W*$")
_CONSIDERED = re.compile(
    r"^(?:consider|envisager|valorar)\b|\b(?:will|would|can|could|may|might|to) be (?:considered|discussed|decided)\b"
)


_WHILE = re.compile(
    r"(?<=\w),? (?:while|whilst|(?:for )?as long as)(?: (?:you are|you're|s?he is|they are|still))? (?:taking|"
    r"on|using|wearing) "
    r"(?:the |your |his |her )?[\w-]+(?: [\w-]+)?\W*$|,? held (?:for|in) (?:an? |one |the )?(?:minute|mouth|"
    r"\d)[\w ]{0,8}?(?= |$)"
)
_SO = re.compile(r"^(?:(?:so|and|but|therefore|hence|thus)[, ]+)+(?=(?:no|not|nil|never)\b)")
_OF_WHICH = re.compile(r",? of (?:which|whom) .*$")
_REPLACED = re.compile(
    r" \((?:this )?(?:replac\w+|instead of|in place of|previously|was|up from|down from|increased from|reduced from|"
    r"switch\w* from|chang\w+ from|not|in lieu of|stops?|remplace|sustituye)\b[^)]*\)?"
)
GOES_ON = re.compile(
    r"(?:[,:(–-] ?|\d ?(?:mg|mcg|g|ml|units) )(?:to )?(?:please )?(?:a )?(?P<it>continue|carry on|keep going|"
    r"poursuivre|continuar|continuer)\W*$"
)
_FOR_OTHERS = re.compile(rf" \((?:{STAFF}|[a-z]{{1,4}}) to [^)]*\)?")
_TICKED_OFF = re.compile(
    r"\((?:all )?(?:done|completed|finished|sent|given|booked)\b|\b(?:done|completed)\)|\balready done\b|"
    r"\s[-–:] ?(?:attended|done|completed|seen|sent|booked|given|had|taken|cancelled|dna|passed|finished|"
    r"not needed)\W*$"
)


def stance(low: str) -> Stance | None:
    """The reason why a clause is no order to the patient; None when there is none in sight."""
    return stance_beside(low, condition(low))


def stance_beside(low: str, span: tuple[int, int] | None) -> Stance | None:
    """``stance`` of a clause whose condition lies at ``span`` (None: it has none)."""
    main = low if span is None else (low[: span[0]] + " " + low[span[1] :]).strip(" ,:")
    main = _OF_WHICH.sub("", main)
    beside = COMPANION.search(main)
    if beside and doses(main[: beside.start()]):
        main = main[: beside.start()] + main[beside.end() :]
    if SEES_AGAIN.match(main):
        return None
    main = _REPLACED.sub("", main)
    main = _FOR_OTHERS.sub("", main)
    main = _SO.sub("", main)
    main = _WHILE.sub("", main)
    if is_form_line(main):
        return "state"
    if is_left_open(low, span is not None):
        return "undecided"
    at = order_at(main)
    verb = main[at:] if at is not None else ""
    first = verb.split(" ")[0]
    if (at is None or names_visit(first) or first in {"repeat", "follow", "recheck"}) and is_called_for(main):
        return "someone-else"
    if at is not None and span is None and _ALLOWED.match(main) and not doses(main):
        return "state"
    if _DROPPED.match(verb):
        return "stopped"
    if _LEFT_ALONE.match(verb):
        return "negated"
    if at is not None and _STOPPED.match(verb):
        return "stopped" if span is None or span[0] > 1 else None
    forbids = main if at is None else main[:at] + verb[:14]
    if (_PROHIBITED.search(forbids) or verb.startswith("avoid ")) and not _fasting(main):
        return "prohibited" if not main.startswith(("no ", "not ")) else "negated"
    before = unprescribed(main) if at is None else unasked(main[:at])
    if re.search(r"\bno longer\W*$", main):
        return "negated"
    if _OTHERS.search(before) or _THEY_DO.search(before) or asks_a_colleague(low):
        return "someone-else"
    main = before if at is None else main
    if _TICKED_OFF.search(main):
        return "past"
    if at is not None:
        return "undecided" if _CONSIDERED.search(verb) or _IN_MIND.search(verb) else None
    if _fasting(main):
        return None
    if GOES_ON.search(main):
        return None
    if _NEGATED.search(main):
        return "negated"
    if _PAST_START.search(main):
        return "past"
    if _UNDECIDED.search(main):
        return "undecided"
    if _PAST.search(_TO_BE.sub("", main)):
        return "past"
    if _STATE.search(main) or _STATE_NOW.search(main) or _STATE_ANYWHERE.search(main):
        return "state"
    return spoken_otherwise(main)


def _fasting(main: str) -> bool:
    return (
        re.match(
            r"(?:nothing (?:to eat|by mouth)|nil by mouth|no (?:food|breakfast|eating) (?:or drink )?(?:from|after|"
            r"before|on the))",
            main,
        )
        is not None
    )
