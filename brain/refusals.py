"""Tells a model's refusal ("I'm sorry, but I can't help with that") from the persona's own words, by how it begins.

It stands apart as pure text work with a grammar worth reading. A persona is sorry and unable too ("sorry i can't stop
smiling"), so an apology alone is none: what gives a refusal away is an assistant's verb behind it, or talk of being a
model. It is read word by word, so that a stream is held back only while its words may still become one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

# Characters of a stream that wait at most; the wordings below are clear within them.
MOST_HELD = 48

Words = tuple[str, ...]
Slot = tuple[Words, ...]

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = str.maketrans("", "", "'’‘`´")


class Sign(IntEnum):
    """What a beginning is: no refusal, open (it may become one), a refusal."""

    NO = 0
    OPEN = 1
    YES = 2


def sign_of(beginning: str, *, is_whole: bool = False) -> Sign:
    """Whether a reply that begins like this is a refusal; `is_whole` when nothing follows, which leaves nothing open.

    Only the first MOST_HELD characters are read, so that a stream and a whole reply are judged alike: once the answer
    is not OPEN, any longer beginning of the same reply gives the same.
    """
    is_longer = len(beginning) > MOST_HELD
    words, stem = _words(beginning[:MOST_HELD], is_whole and not is_longer)
    sign = max(_fit(slots, words, stem) for slots in _WORDINGS)
    return Sign.NO if sign is Sign.OPEN and (is_whole or is_longer) else sign


def is_refusal(text: str) -> bool:
    """True when a whole reply is a refusal."""
    return sign_of(text, is_whole=True) is Sign.YES


def _words(text: str, is_whole: bool) -> tuple[Words, str]:
    """The finished words, in lower case and without apostrophes, and the beginning of one that may go on."""
    plain = text.translate(_APOSTROPHES).casefold()
    words = tuple(_WORD.findall(plain))
    if is_whole or not words or not _WORD.match(plain[-1]):
        return words, ""
    return words[:-1], words[-1]


def _fit(slots: Sequence[Slot], words: Words, stem: str) -> Sign:
    """How the words fit a wording, each slot of which takes one of its alternatives; an empty one may be left out."""
    if not slots:
        return Sign.YES
    best = Sign.NO
    for alternative in slots[0]:
        head = words[: len(alternative)]
        if head != alternative[: len(head)]:
            continue
        if len(head) == len(alternative):
            sign = _fit(slots[1:], words[len(head) :], stem)
        else:
            sign = Sign.OPEN if alternative[len(head)].startswith(stem) else Sign.NO
        best = max(best, sign)
    return best


def _slot(*alternatives: str) -> Slot:
    return tuple(tuple(each.split()) for each in alternatives)


_APOLOGY = _slot(
    "im sorry", "im very sorry", "im so sorry", "im really sorry", "im truly sorry", "i am sorry", "i am very sorry",
    "sorry", "so sorry", "apologies", "my apologies", "unfortunately", "im afraid", "i am afraid", "regrettably",
    "thank you for understanding", "i understand", "i appreciate that", "i apologize", "i apologise",
)  # fmt: skip
_FORMAL = _slot("i apologize", "i apologise", "my apologies", "regrettably", "i sincerely apologize")
_LINK = _slot("", "but", "however", "but unfortunately", "but im afraid", "that", "but as an ai")
_STIFF = _slot("i cannot", "i can not", "i am unable to", "i am not able to", "i will not be able to")
_UNABLE = _slot(
    "i cant", "i cannot", "i can not", "im unable to", "i am unable to", "im not able to", "i am not able to",
    "i wont", "i will not", "i wont be able to", "i will not be able to", "im not comfortable", "i am not comfortable",
    "im not allowed to", "i am not allowed to", "im not programmed to", "im not designed to",
)  # fmt: skip
# An assistant's verbs: none of them alone is what a creator says of herself.
_VERB = _slot(
    "assist", "assisting", "help you with", "help with that", "help with this",
    "help with your request", "helping with that", "helping with this", "fulfill", "fulfil", "fulfilling", "comply",
    "complying", "generate", "generating", "create content", "create that", "create explicit", "create sexual",
    "create this", "creating", "produce", "producing", "engage in", "engaging in", "engage with", "participate",
    "participating", "provide", "providing", "continue with this", "continue this conversation",
    "continue this roleplay", "continue this role", "continue the roleplay", "continue with that", "continuing with",
    "roleplay", "role play", "write explicit", "write sexual", "write that", "write this kind", "respond to that",
    "respond to this", "respond to requests", "accommodate", "support this", "support that",
    "do that as an ai", "answer that question", "share explicit", "share sexual", "have sexual", "have romantic",
    "have this conversation", "have feelings", "have personal",
)  # fmt: skip
_AFTER_SORRY = _slot(
    "do that", "do this", "help you", "talk about that", "talk about this", "continue", "answer that", "discuss",
    "process",
)  # fmt: skip
_MODEL = _slot(
    "as an ai", "as an artificial intelligence", "as a language model", "as a large language model",
    "as an assistant", "as a virtual assistant", "as a helpful assistant", "as a responsible ai",
    "im just an ai", "i am just an ai", "im only an ai", "i am only an ai", "im an ai language", "i am an ai language",
    "im an ai model", "i am an ai model", "im an ai so", "im an ai and", "i am an ai and", "im an ai created",
    "im an ai developed", "im an ai designed", "im an ai trained", "i am an ai developed", "i am an ai assistant",
    "im an artificial intelligence", "i am an artificial intelligence", "im a language model",
    "i am a language model", "im a large language model", "i am a large language model", "im just a language model",
    "i am just a language model", "im an assistant", "im an ai assistant", "im a virtual assistant", "im a chatbot",
    "i am a chatbot", "im chatgpt", "i am chatgpt", "im claude", "i am claude",
)  # fmt: skip
_RULES = _slot(
    "i must decline", "i must respectfully decline", "i must politely decline", "i have to decline",
    "i have to respectfully decline", "i respectfully decline", "i need to decline", "i will have to decline",
    "this request violates", "that request violates", "your request violates", "this request goes against",
    "your request goes against", "this content violates", "this violates", "that violates my", "that goes against my",
    "its against my guidelines", "its against my programming", "it goes against my guidelines",
    "my guidelines dont", "my guidelines prevent", "my guidelines prohibit", "my programming doesnt",
    "im programmed to", "i am programmed to",
    "i aim to be helpful", "i strive to", "im designed to", "i am designed to", "im here to provide",
    "lets keep our conversation respectful", "lets keep our conversation appropriate",
    "lets keep this conversation respectful", "lets keep this conversation appropriate",
    "id prefer not to continue this", "id prefer not to engage", "i dont feel comfortable engaging",
    "i dont feel comfortable continuing this", "it is not appropriate for me", "its not appropriate for me",
    "it would not be appropriate", "it wouldnt be appropriate", "is there something else i can help you with",
)  # fmt: skip
_ELSEWHERE = _slot(
    "lo siento pero no puedo", "como modelo de lenguaje", "como una ia", "es tut mir leid aber ich kann dir dabei",
    "es tut mir leid aber dabei kann ich", "es tut mir leid aber ich kann nicht", "als ki", "als sprachmodell",
    "je suis désolé mais je ne peux pas", "je suis désolée mais je ne peux pas", "en tant quia",
    "en tant que modèle", "en tant quintelligence", "mi dispiace ma non posso", "come modello linguistico",
    "desculpe mas não posso", "como um modelo de linguagem",
)  # fmt: skip

_WORDINGS: tuple[tuple[Slot, ...], ...] = (
    (_UNABLE, _VERB),
    (_APOLOGY, _LINK, _UNABLE, (*_VERB, *_AFTER_SORRY)),
    (_FORMAL, _LINK, _UNABLE),
    (_APOLOGY, _slot("but", "however"), _STIFF),
    (_slot("", "im sorry but", "im sorry", "sorry", "sorry but", "unfortunately"), _MODEL),
    (_slot("", "im sorry but", "im sorry", "sorry but", "i apologize but"), _RULES),
    (_ELSEWHERE,),
)
