"""What in a note addresses the software instead of the patient.

One promise: such words are never a step, whoever reads the note; and what stands beside them is read as usual, so that
nobody can silence a prescription with a sentence.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.text import Span, respelt, same_length_plain, sentences

_MACHINE = (
    r"(?:ai|a\.i\.|llm|chat ?gpt|gpt|chat ?bot|bot|language model|model|assistant|software|parser|extractor|algorithm|"
    r"computer|machine|automation|agent|system|app|ia|modele|modelo|asistente|logiciel|sistema|systeme)"
)
_STRONG = re.compile(
    "|".join(
        (
            r"\b(?:ignore|disregard|forget|override|bypass|skip|ignorez|oubliez|ignora|ignore[sz]?|olvida|olvide|"
            r"ignorier\w*|vergiss|missachte\w*|ignorare|dimentica|esqueca|desconsidere|negeer)\b"
            r"[^.]{0,40}\b(?:instructions?|prompts?|rules|guidelines|safety|consignes|instrucciones|reglas|"
            r"anweisung\w*|vorgaben|istruzioni|instrucoes|instructies|"
            r"(?:previous|prior|earlier|above|preceding) (?:text|notes?|orders|messages?|steps?))\b",
            r"\b(?:ignore|disregard|forget) (?:all|everything|anything|the rest|what|whatever|the above|the note)\b",
            # Bounded: three open runs of the same characters would be tried in every way.
            rf"^\W{{0,12}}(?:note|message|attention|instructions?|command|order|for|to|dear|hey|hi|"
            rf"hello)?\W{{0,12}}(?:to|"
            rf"for)?\W{{0,12}}(?:the )?"
            rf"(?:{_MACHINE} ?){{1,3}}(?: ?(?:note|message|prompt|instructions?|command|override|update|notice|"
            rf"admin))?\s*[:>,!\]]",
            rf"\b(?:nota|mensaje|aviso|note|message|consigne|instrucci\w+) (?:para|pour|au?|aux|for|to) "
            rf"(?:el |la |le |l'|the |los |les |un |une )?{_MACHINE}\b",
            r"\b(?:whoever|whomever|anyone|anything|whatever|software|who|that) (?:parses|processes|extracts|scrapes|"
            r"ingests)\b",
            r"\b(?:all|any|every) (?:of the )?(?:previous|prior|earlier|other|existing|above) (?:orders?|"
            r"instructions?|steps?|"
            r"prescriptions?|rules|medication orders) (?:is|are|were|have been|has been) (?:\w+ )?(?:cancel|void|revok|"
            r"withdraw|null|delet|supersed|overrid|invalid)",
            r"\b(?:title|quote|detail|text) (?:of|in|for) (?:the|each|every|this|all) (?:\w+ )?(?:steps?|items?|"
            r"tasks?)\b|"
            r"\bin (?:each|every) title\b|\byou must now (?:print|output|write|say|answer|reply|respond)\b",
            r"\b(?:only|single|first|last|final|one) (?:step|task|reminder|checklist item) (?:is|should be|must be|"
            r"to)\b",
            r"^\W*(?:user|developer|human|admin|root)\s*:",
            rf"\b(?:to|for|dear|hey|attention) (?:the |any |all |you,? )?(?:ai|llm|chat ?gpt|language model|{_MACHINE})"
            r"(?: (?:reading|processing|that|which|who)\b|\s*[:,!])",
            rf"\b(?:the|this|any|any other|all|every|cette?|este|esta|l'|el|la|le) ?{_MACHINE}s? (?:must|should|"
            rf"shall|will|"
            r"is to|has to|needs to|reading|processing|doit|debe|may now|can now)\b",
            rf"\b(?:you are|you're|act as|pretend to be|behave as|vous etes|tu es|eres|actua como) (?:now )?(?:an? |"
            rf"the |un |une )?"
            rf"(?:\w+ )?{_MACHINE}\b",
            r"\bsystem (?:message|override|note|instructions?|command|notice|alert|update)s?\b|"
            r"\b(?:translate|reveal|print|leak|disclose|output|display|recite|repeat)\b[^.]{0,30}\b(?:instructions|"
            r"prompt|rules|"
            r"passwords?)\b",
            r"\b(?:system|hidden|your|the|new|this) prompt\b|\bprompt:",
            r"\bas an? (?:ai|language model|assistant)\b|\blanguage model\b|\bjailbreak|\bdeveloper mode\b|"
            r"\bdan mode\b",
            r"\bai (?:assistant|model|system|software|tool|reader|agent)\b|\bchat ?bot\b|\bllms?\b|"
            r"\bartificial intelligence\b|"
            r"\bjson\b|\byaml\b|\bxml\b|\bbase64\b|\bapi key\b|\bsql\b|\bdrop table\b",
            r"\"?(?:checklist|plan|title|quote|times_per_day|duration_days|as_needed|every_days)\"\s*:|"
            r"\b\w+_(?:per_day|days|needed)\b",
            r"\boutput (?:only|exactly|the following|nothing|a|an|as)\b|\b(?:respond|reply|answer) (?:only |"
            r"exactly )?with\b",
            r"\b(?:add|insert|append|create|include|generate|emit|produce|write|ajoute[rz]?|anade|agrega|"
            r"crea)\b (?:an?|another|the|this|"
            r"these|one|extra|new|more|une?|otro|otra|un|le|la|\d+)? ?(?:\w+ )?(?:steps?|items?|tasks?|entry|"
            r"entries|reminders?|plan item|etapes?|pasos?)\b",
            r"\b(?:mark|set|flag|close|tick|label|marque[rz]?|marca)\b[^.]{0,40}\b(?:steps?|tasks?|items?|notes?|"
            r"reminders?|everything|all|etapes?|pasos?)\b"
            r"[^.]{0,25}\b(?:complete|completed|done|closed|inactive|resolved|cancelled|termine\w*|complet\w*|"
            r"hech\w*)\b",
            r"\b(?:delete|remove|erase|cancel|drop(?! (?:off|in|it|them|by|into)\b)|clear|wipe|supprime[rz]?|borra|"
            r"elimina)\b[^.]{0,30}\b(?:steps?|"
            r"reminders?|records?|notes?|"
            r"items|checklist|database|patients? data|plan|etapes?|pasos?|rappels?)\b",
            r"\b(?:e-?mail|send|forward|post|upload|leak|copy|export|transmit)\b (?:\w+ ){0,3}(?:full|entire|whole|"
            r"this|these|all|every|patient|"
            r"medical|the) (?:\w+ ){0,2}(?:text|notes?|transcripts?|contents?|data|database|conversation|everything|"
            r"passwords?)\b[^.]{0,25}\bto\b|"
            r"\b(?:e-?mail|send|forward|post|upload|leak|export|transmit|transfer)\b[^.]{0,60}(?:\w@\w|https?:|www\.)",
            r"\bthe note (?:ends|is over|stops|finishes) here\b|\bend of (?:the )?(?:note|document|input|"
            r"instructions)\b|"
            r"\bnew instructions?\b|\bbegin instructions?\b|\breal instructions?\b|\binstructions? (?:above|below|"
            r"follow)",
            r"<\s*/?\s*(?:script|system|note|instructions?|img|iframe|a|div|svg|prompt|user|assistant|style|b|"
            r"i)\b[^>]*>|<!--|-->|<\||\|>|"
            r"\[/?inst\]|\{\{|\}\}|javascript:|#{2,}\s*(?:system|instruction|assistant|user|new)",
            r"\b(?:click|open|go to|visit|browse|download)\b[^.]{0,30}(?:https?:|www\.)",
            r"\bunsubscribe\w*\b|\ball (?:\w+ )?reminders (?:are|is|have|from)\b|\b(?:your|the) output\b|"
            r"\b(?:duration|frequency|dose|title|date)s? (?:of|for|in) (?:every|each|all|any) (?:item|step|"
            r"entry|task|drug|"
            r"medicine|order)|\bfrom (?:the|your|this|that) (?:list|plan|schedule|checklist|record|chart)\b|"
            r"\b(?:make|force|convince|get|trick) the (?:patient|user)\b(?! (?:a|an|up|in|to (?:sit|stand|walk)))|"
            r"\b(?:dis|dites|dile|diga(?:le)?) (?:au|a la|al|a) (?:patiente?|paciente)\b",
            # No honest line has fifteen tablets swallowed at once.
            r"\b(?:take|swallow|have|give|prendre|prenez|tomar|tome|trague) (?:\w+ )?(?:1[5-9]|[2-9]\d|"
            r"\d{3,}) (?:tablets?|"
            r"pills|capsules|tabs|caps|comprim\w+|cachets|gelules|pastillas|puffs)\b(?! (?:over|in all|left|suppl))",
            r"\b(?:times|duration|frequency|dose|schedule) (?:field|value|column|parameter)\b|\b(?:all|"
            r"every) (?:earlier|previous|existing|other) steps?\b",
        )
    )
)
_WEAK = re.compile(
    r"\b(?:tell|instruct|inform|order|remind|notify|warn|make|force|convince|dites? au|dile al|diga al) (?:the |le |"
    r"la |al )?"
    r"(?:patient|user|paciente)\b|"
    r"\b(?:patient|user) (?:must|should|is to|has to|needs to) (?:stop|take|transfer|pay|send|double|delete)\b|"
    r"\ball (?:of )?(?:the |your |their |his |her )?(?:medicines|medication|medications|drugs|steps|reminders|"
    r"treatments?)\b|"
    r"https?:|www\.|\w@\w|\b(?:instead|instructions?|steps?|prompt|override|confidential|password|bitcoin|"
    r"transfer|this note|the note|full text|obey|comply|without (?:asking|review|question|approval))\b|"
    r"^\W*(?:then |also |and |next,? |finally,? |now,? )*(?:mark|delete|forward|e-?mail|upload|replace|set|append|"
    r"insert|output|ignore|print|"
    r"execute|run|approve|confirm|prescribe)\b|^\W*(?:then|also|next|finally),? "
)
_BANNER = re.compile(r"^[#=*<>\[{_~|-]{2,}|[#=*>_~|-]{2,}$|[:\]}]\s*$")
"""A line of its own that leads up to what the next one says."""
_FENCED = re.compile(r"```.*?(?:```(?=\s|$)|\n(?=[^`{}\[\]\"]*$)|\Z)", re.DOTALL)
_OBJECT = re.compile(r"[{\[][^{}\[\]]*\"[^{}]*?\}(?:[\s\]},]*[\]}])?", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1>|/\*.*?\*/", re.DOTALL | re.IGNORECASE)


def intrusions(text: str) -> list[Span]:
    """The parts of a note that address the software: sentences, code blocks, comments, objects."""
    found = _blocks(text)
    text = without_blocks(text)
    after_strong = banner = False
    last_end = 0
    for sentence in sentences(text):
        low = same_length_plain(sentence.text)
        if "\n" in text[last_end : sentence.start]:
            after_strong = banner and "\n\n" not in text[last_end : sentence.start]
            banner = False
        last_end = sentence.end
        if _addresses(low):
            after_strong = True
            banner = _BANNER.search(low) is not None
            found.append(sentence)
        elif after_strong and _WEAK.search(low):
            found.append(sentence)
        else:
            after_strong = False
    return found


def _blocks(text: str) -> list[Span]:
    """Code blocks, comments and objects."""
    return [Span(m.start(), m.end(), m.group()) for p in (_FENCED, _COMMENT, _OBJECT) for m in p.finditer(text)]


def without_blocks(text: str) -> str:
    """The note with its code blocks, comments and objects as blank lines, letter for letter: what stands beside them is
    a sentence of its own."""
    for span in _blocks(text):
        text = text[: span.start] + "\n" + " " * (span.end - span.start - 1) + text[span.end :]
    return text


def is_intrusion(words: str) -> bool:
    """Whether words of an answer address the software."""
    return _addresses(same_length_plain(words))


def _addresses(low: str) -> bool:
    """Whether a sentence addresses the software, as it stands or with its words spelt as usual."""
    if _STRONG.search(low):
        return True
    plainly = respelt(low)
    return plainly != low and _STRONG.search(plainly) is not None
