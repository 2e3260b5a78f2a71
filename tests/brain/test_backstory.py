"""Backstory: the facts that a turn is about, within the budget, and always the core."""

from __future__ import annotations

from typing import Any

import pytest

from brain.backstory import Backstory, content_words
from brain.embedding import Embedding
from brain.persona_files import PersonaCard

FACTS = [
    "Nora is 30 and paints boats.",
    "She lives with a cat called Biscuit.",
    "She has a tattoo of an anchor on her arm.",
    "She drinks tea with far too much honey.",
]


def backstory(card: dict[str, Any], **more: Any) -> Backstory:
    made = PersonaCard.model_validate({**card, "facts": FACTS, **more})
    return Backstory(made, Embedding(FACTS))


def test_only_the_core_and_what_the_turn_mentions_is_told(card: dict[str, Any]) -> None:
    assert backstory(card).relevant(["how is your cat?"]) == (FACTS[0], FACTS[1])


def test_words_are_known_in_their_other_forms(card: dict[str, Any]) -> None:
    assert backstory(card).relevant(["any tattoos?"]) == (FACTS[0], FACTS[2])


def test_what_was_said_just_before_counts_as_well(card: dict[str, Any]) -> None:
    assert FACTS[1] in backstory(card).relevant(["what's his name?", "my cat is asleep on the paint"])


def test_an_answer_in_a_like_place_says_what_a_turn_needs(card: dict[str, Any]) -> None:
    asked = ["do you have pets?"]
    assert backstory(card).relevant(asked) == (FACTS[0],)
    assert backstory(card).relevant(asked, hints=["biscuit the cat owns the sofa"]) == (FACTS[0], FACTS[1])


def test_small_talk_needs_nothing_but_the_core(card: dict[str, Any]) -> None:
    assert backstory(card).relevant(["hey, how are you?"]) == (FACTS[0],)


@pytest.mark.parametrize("core", [0, 2, 9])
def test_the_file_says_how_many_facts_are_core(card: dict[str, Any], core: int) -> None:
    assert backstory(card, core_facts=core).relevant(["hey"]) == tuple(FACTS[:core])


def test_the_nearest_facts_come_first_where_the_budget_is_short(card: dict[str, Any]) -> None:
    about = ["tell me about your cat and the anchor tattoo on your arm"]
    assert backstory(card, facts_budget=100).relevant(about) == (FACTS[0], FACTS[1], FACTS[2])
    assert backstory(card, facts_budget=6 + 10).relevant(about) == (FACTS[0], FACTS[2])
    assert backstory(card, facts_budget=0).relevant(about) == ()


def test_nothing_said_and_nothing_to_tell_are_no_trouble(card: dict[str, Any]) -> None:
    assert backstory(card).relevant([]) == (FACTS[0],)
    assert backstory(card, facts=[]).relevant(["hey"]) == ()


def test_content_words_leave_out_what_says_nothing() -> None:
    assert content_words("What do you think about the boats and Nora?", but="Nora") == {"boat"}
