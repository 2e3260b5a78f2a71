"""Which of the known facts a turn needs: those it touches, then the most telling and latest, within a budget.

It stands apart as a pure function; a model that knows likeness of meaning is passed in where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from brain.memory.types import Fact
from brain.memory.vocabulary import listed

Embed = Callable[[list[str]], Any]
"""Texts to a matrix with one unit vector each."""

TOKENS_PER_WORD = 1.3
# Likeness from which a fact has to do with what is said.
_NEAR = 0.35
# How much facts tell though nothing touches them, by their kind or what it begins with; others 2.
_TELLING = {
    "name": 6, "home": 5, "job": 5, "relationship": 4, "birthday": 4, "allergy:": 4, "age": 3, "health:": 3,
    "shifts": 3, "name:": 3, "has:": 3, "plan:": 3, "moving": 3, "taste:": 1,
}  # fmt: skip
_LITTLE = listed(
    """they their them are is was have has had the a an and or of in on at to with for from i im my me you your it its
    that this what who how when where why do does did dont not so but just like about be been am were would can will
    going get got go still know remember there here than then too very really some any all out up down one said say
    tell called"""
)
# Words a fan uses for what a fact says in others.
_ALSO = {
    "dog": "pet puppy pup walk walkies", "cat": "pet kitten", "puppy": "dog pet", "work": "job shift boss office",
    "works": "job", "nights": "shift sleep tired night", "live": "home city town place",
    "nurse": "job work hospital shift",
    "birthday": "bday age old cake", "allergic": "eat food allergy cook dinner", "vegetarian": "eat food cook dinner",
    "vegan": "eat food cook dinner", "sister": "family", "brother": "family", "mum": "family mom", "mom": "family mum",
    "dad": "family", "kids": "family children", "son": "family kids", "daughter": "family kids",
    "married": "wedding wife husband",
    "single": "girlfriend relationship dating", "favourite": "favorite fav", "are": "", "old": "age",
}  # fmt: skip


def recall(query: str, facts: Sequence[Fact], budget: int, *, embed: Embed | None = None) -> list[Fact]:
    """The facts for a prompt, in the order they are known, at most about `budget` tokens of them.

    `query` is the text of the last turns. A fact that shares a word of meaning with it comes first, then (with `embed`)
    one that is near to it, then the most telling and latest of the rest.
    """
    if not facts:
        return []
    near = _likeness(query, facts, embed)
    asked = words(query)
    ranked = sorted(
        range(len(facts)),
        key=lambda index: (touch(facts[index].text, asked) + near[index], _telling(facts[index]), index),
        reverse=True,
    )
    chosen, spent = list[int](), 0.0
    for index in ranked:
        cost = tokens(facts[index].text)
        if spent + cost <= budget:
            chosen.append(index)
            spent += cost
    return [facts[index] for index in sorted(chosen)]


def tokens(text: str) -> float:
    """About how many tokens a text has."""
    return len(text.split()) * TOKENS_PER_WORD


def words(text: str) -> set[str]:
    """The words of a text that carry meaning, without their commonest endings."""
    plain = text.casefold().replace("’", "'").replace("'s", "").replace("'", "")
    return {_stem(word) for word in re.findall(r"\w+", plain) if word not in _LITTLE and len(word) > 1}


def _stem(word: str) -> str:
    word = word.removesuffix("s") if len(word) > 3 else word
    for ending in ("ing", "ie", "ed", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def touch(fact: str, asked: set[str]) -> float:
    """How much the text of a fact has to do with the words asked about: 2 for each it shares, 1 for related ones."""
    own = words(fact)
    related = words(" ".join(_ALSO.get(word, "") for word in fact.casefold().split()))
    return 2.0 * len(own & asked) + 1.0 * bool(related & asked)


def _telling(fact: Fact) -> int:
    # The fan's own name has the kind `name`, that of their dog `name:dog`.
    return _TELLING.get(fact.kind) or _TELLING.get(re.split(r"(?<=:)| ", fact.kind)[0], 2)


def _likeness(query: str, facts: Sequence[Fact], embed: Embed | None) -> list[float]:
    if embed is None or not query.strip():
        return [0.0] * len(facts)
    vectors = embed([query, *(fact.text for fact in facts)])
    scores = [float(vectors[0] @ vector) for vector in vectors[1:]]
    return [score if score >= _NEAR else 0.0 for score in scores]
