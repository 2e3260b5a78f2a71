"""Plain facts about the fan, found in what they type: "my dogs called biscuit" -> "their dog is called Biscuit".

It stands apart as the reader of a message: which of its clauses state something as true, now, about the fan or somebody
of theirs. What such a clause can state is in `statements`. No language model is needed, and what is unclear is left
out: a wrong fact is worse than none. Contact details are never kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from brain.memory.statements import state
from brain.memory.types import Fact

MOST_FACTS = 150
# A fan who pastes a novel tells no more about themselves than its beginning.
_READ = 4000
_LONGEST = 140

_QUOTED = re.compile(
    r"[\"“”„«»][^\"“”„«»\n]{0,400}[\"“”„«»]|^\s*>.*$|(?<!\w)['‘][^'’\n]{2,200}['’](?!\w)", re.MULTILINE
)
_SENTENCE = re.compile(r"[^.!?\n;…]+(?:\.(?=\d)[^.!?\n;…]+)*[.!?\n;…]*")
_EMOJI = re.compile(r"[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]+|(?<!\w)[:;=]['-]?[)(DPpoO3|/]+|<3")
_SUBJECT = (
    r"(?:i|im|ive|i'm|i've|id|i'd|my|mine|we|were|we're|our|it's|its|he|she|they|you|u|ur|the|this|that|her|his|name's|"
    r"call|just|got|do|does|did|are|is|what|who|where|why|how|when)\b"
)
_CLAUSE = re.compile(
    rf"\s*(?:,|:|–|—|\s-\s|\(|\)|/(?=\s))\s*|\s+(?=(?:and|but|so|cos|cuz|because|bc|coz|tho|though|"
    rf"plus|since|while|then)"
    rf"\s+(?:then\s+|also\s+|now\s+)?{_SUBJECT})|\s+(?=(?:if|unless|lol|haha+|lmao|tbh|btw|ngl|fyi)\b)",
    re.IGNORECASE,
)
# What makes a whole sentence say nothing about what is.
_UNREAL = re.compile(
    r"\b(?:imagine|imagin|pretend(?:ing|s)?|suppose|supposing|wish(?:ed|es)?|let'?s say|"
    r"lets play|role ?play(?:ing)?|"
    r"dream(?:t|ed|s|ing)?|jk|just kidding|j/k|kidding|joking|in (?:the|my|this|a) (?:story|book|film|"
    r"movie|novel|game|script|song)|"
    r"my character|lyrics?|fictional|hypothetically|sarcasm|/s)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"(?:and |but |so |what |as |even |only )*(?:if|unless)\b", re.IGNORECASE)
# A clause that begins so asks.
_ASKS = re.compile(
    r"^(?:(?:and|but|so|hey|ok|okay|well|wait|hi|hmm|um+|babe|baby|yo)\s+)*(?:do|does|did|are|is|was|"
    r"were|can|could|would|should|"
    r"will|shall|what|whats|what's|who|whos|where|wheres|why|how|hows|when|which|have|has|had|am i|ru|"
    r"r u|u think|you think|"
    r"guess|ask me|tell me|know what)\b",
    re.IGNORECASE,
)
# What may not stand before a statement in its clause: doubt, denial, somebody else's words.
_DOUBT = re.compile(
    r"\b(?:not|never|no|none|nobody|noone|don'?t|doesn'?t|didn'?t|isn'?t|aren'?t|wasn'?t|won'?t|"
    r"can'?t|cannot|nor|neither|without|"
    r"maybe|perhaps|probably|possibly|might|may|would|could|should|almost|nearly|hardly|like|though?t|"
    r"thinks?|believes?d?|"
    r"assumed?s?|reckons?|guess(?:ed)?|said|says?|sayin[g']?|told|tells?|tellin[g']?|asks?|asked|"
    r"asking|claims?|claimed|hopes?|"
    r"hoped|hoping|feels?|felt|whether|until|till|before|once|when|where|what|who|which|why|how|"
    r"unsure|joke|supposed|want|wanna|"
    r"convinced|accused|called|texted|wrote|swears?)\b",
    re.IGNORECASE,
)
_OWN_WORDS = re.compile(
    r"\b(?:i|i'?ve|have i|did i)\s+(?:already\s+|just\s+)?(?:said|told|tell|mention(?:ed)?|"
    r"say)(?:\s+(?:you|u|ya))?(?:\s+that)?\b|"
    r"\b(?:like|as)\s+i\s+said\b|^like\b|\bnot (?:gonna|going to) lie\b|\bcan'?t lie\b|"
    r"\bno (?:joke|cap|lie)\b|\bfeels? like home\b",
    re.IGNORECASE,
)
_ENDED = re.compile(
    r"\b(?:any ?more|no longer|no more|anymore|not really|or (?:not|something|whatever)|in (?:a|my) "
    r"(?:past|previous) life|"
    r"for halloween)\b|\bnot$",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"@|https?:|www\.|\b\w+\.(?:com|net|org|me|co|io|uk|de)\b|(?:\d[\s().-]*){6,}|"
    r"\b(?:insta(?:gram)?|ig|snap(?:chat)?|telegram|whats ?app|kik|discord|signal|tik ?tok|twitter|"
    r"facebook|fb|messenger|"
    r"my (?:number|cell|phone|digits|email|e-mail|mail|handle|username|user name|address|postcode|zip))\b",
    re.IGNORECASE,
)


def extract(text: str, turn: str, at: datetime | None = None) -> list[Fact]:
    """The facts a fan's message states, in its order; `at` is when it was said (for "my birthday is today")."""
    found = (
        Fact(statement.text, turn, statement.kind)
        for clause in _clauses(text[:_READ])
        for statement in state(clause, at)
        if _is_plain(clause[: statement.start]) and len(statement.text) <= _LONGEST
    )
    return list(join((), found))


def join(known: Iterable[Fact], new: Iterable[Fact]) -> tuple[Fact, ...]:
    """All facts, oldest first: a new one replaces those of its kind or with its words. The oldest beyond MOST_FACTS are
    dropped."""
    joined = list(known)
    for fact in new:
        same = [each for each in joined if _alike(each, fact)]
        joined = [each for each in joined if each not in same]
        joined.append(fact)
    return tuple(joined[-MOST_FACTS:])


def _alike(left: Fact, right: Fact) -> bool:
    return left.text.casefold() == right.text.casefold() or bool(left.kind and left.kind == right.kind)


def _clauses(text: str) -> Iterator[str]:
    text = text.replace("’", "'").replace("`", "'")
    text = _EMOJI.sub(" . ", _QUOTED.sub(" . ", text))
    for sentence in _SENTENCE.findall(text):
        if _UNREAL.search(sentence) or _CONTACT.search(sentence):
            continue
        asks = sentence.rstrip().endswith("?")
        clauses = [part.strip(" .!?;…\n\t") for part in _CLAUSE.split(sentence)]
        clauses = [part for part in clauses if part]
        for index, clause in enumerate(clauses):
            if _CONDITION.match(clause):
                break  # what follows holds under it
            last = index == len(clauses) - 1
            if not ((asks and last) or _ASKS.match(clause) or _ENDED.search(clause)):
                yield " ".join(clause.split())


def _is_plain(before: str) -> bool:
    """True where nothing before a statement in its clause takes it back."""
    return not _DOUBT.search(_OWN_WORDS.sub(" ", before))
