"""What the offline persona says of its own accord: a word about the hour, a fact the fan once told, care in distress.

It stands apart because it reads what a language model would be told, in the system message, and finds a line of the
persona's own for it: so these things show without key or network, and only where they are really told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence

from brain.guidance import is_for, told_in
from brain.memory.recall import touch, words
from brain.persona_files import FACT, PersonaCard
from brain.signatures import Comfort, Reply

# Facts are told in the third person.
_SECOND_PERSON = {
    "they": "you", "them": "you", "their": "your", "theirs": "yours", "themselves": "yourself", "themself": "yourself",
    "they're": "you're", "they've": "you've", "they'd": "you'd", "they'll": "you'll",
}  # fmt: skip
_THIRD = re.compile(r"\bthe(?:y(?:['’](?:re|ve|d|ll))?|m|irs?|msel(?:f|ves))\b", re.IGNORECASE)
_ASKS = re.compile(
    r"\bremember\b|\bforg[eo]t|\bdo you (?:still )?know (?:my|what i|where i|who)\b|\bwhat(?:'s|’s|s| is| was) my\b"
    r"|\bwho(?:'s|’s|s| is) my\b|\bwhere do i\b|\bwhat do i\b",
    re.IGNORECASE,
)
# A question about the persona shares its words with facts about the fan, and asks for none of them.
_ABOUT_HER = re.compile(r"\b(?:you|your|yours|u|ur)\b.*\?", re.IGNORECASE | re.DOTALL)
# A word in common with what the fan says.
_SHARED = 2.0


def comforting(card: PersonaCard, system: str, said: Collection[str], salt: str) -> str:
    """The line for a fan in distress; empty where the system message asks for no such reply."""
    return one_of(card.comforts, said, salt) if is_for(system, Comfort) else ""


def remarking(card: PersonaCard, system: str, said: Collection[str], salt: str) -> str:
    """The line about the hour or the silence that the system message finds worth a word; empty where it does not."""
    remark = told_in(system, Reply, "remark").replace(" ", "_")
    return one_of(getattr(card.remarks, remark, ()), said, salt) if remark else ""


def recalling(card: PersonaCard, system: str, line: str, said: Collection[str], salt: str) -> str:
    """The line that names what the fan told once and now comes back to; empty where they do not, or where it was named
    in this conversation and nobody asks."""
    facts = [fact for fact in told_in(system, Reply, "fan").split("\n") if fact]
    asks = bool(_ASKS.search(line))
    touched = [(touch(fact, words(line)), at) for at, fact in enumerate(facts)]
    score, at = max(touched, default=(0.0, 0))
    is_touched = score >= _SHARED and not _ABOUT_HER.search(line)
    if not card.recalls or not facts or not (asks or is_touched):
        return ""
    fact = to_them(facts[at])
    if not asks and any(fact in each for each in said):
        return ""
    return one_of([recall.replace(FACT, fact) for recall in card.recalls], said, salt)


def to_them(fact: str) -> str:
    """A fact as it is said to the one it is about."""
    return _THIRD.sub(lambda match: _SECOND_PERSON.get(match[0].lower().replace("’", "'"), match[0]), fact)


def one_of(lines: Sequence[str], said: Collection[str], salt: str) -> str:
    """One of the lines, the same for the same `salt`, that is part of nothing `said` while there is such; empty where
    there are none."""
    fresh = [line for line in lines if not any(line in each for each in said)] or list(lines)
    digest = hashlib.blake2b(salt.encode("utf-8", "replace"), digest_size=8).digest()
    return fresh[int.from_bytes(digest, "big") % len(fresh)] if fresh else ""
