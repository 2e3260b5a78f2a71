"""Which facts a turn is told: those it touches first, within the budget."""

from __future__ import annotations

import pytest

from brain.embedding import Embedding
from brain.memory.recall import recall, tokens, words
from brain.memory.types import Fact

FACTS = [
    Fact("they live in Leeds", "1", "home"), Fact("their dog is called Biscuit", "2", "name:dog"),
    Fact("they hate mondays", "3", "taste:mondays"), Fact("they are allergic to nuts", "4", "allergy:nuts"),
    Fact("they love thai food", "5", "taste:thai food"), Fact("they fix old radios", "6", "hobby:fix radios"),
    Fact("they are called Sam", "7", "name"), Fact("they work nights", "8", "shifts"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("how's the dog", "their dog is called Biscuit"),
        ("took biscuit for a walk", "their dog is called Biscuit"),
        ("still fiddling with that radio", "they fix old radios"),
        ("what should i cook for dinner", "they are allergic to nuts"),
        ("its monday again", "they hate mondays"),
        ("so tired after my shift", "they work nights"),
    ],
)
def test_the_fact_a_turn_touches_comes_first(query: str, text: str) -> None:
    assert [fact.text for fact in recall(query, FACTS, 7)] == [text]


def test_what_room_is_left_goes_to_what_tells_most() -> None:
    chosen = [fact.text for fact in recall("hey", FACTS, 12)]
    assert chosen == ["they live in Leeds", "they are called Sam"]


def test_facts_keep_their_order_and_the_budget() -> None:
    for budget in range(60):
        chosen = recall("the dog and my radio", FACTS, budget)
        assert sum(tokens(fact.text) for fact in chosen) <= budget
        assert [FACTS.index(fact) for fact in chosen] == sorted(FACTS.index(fact) for fact in chosen)
    assert recall("hey", FACTS, 1000) == FACTS


def test_a_newer_fact_goes_before_an_older_that_tells_as_much() -> None:
    facts = [Fact("they love chess", "1", "taste:chess"), Fact("they love rugby", "2", "taste:rugby")]
    assert recall("hey", facts, 4) == facts[1:]


def test_no_facts_are_no_facts() -> None:
    assert recall("hey", [], 100) == []


def test_likeness_of_meaning_counts_where_it_is_known() -> None:
    embed = Embedding([*(fact.text for fact in FACTS), "mechanic"])
    facts = [Fact("they are a mechanic", "1", "job"), Fact("they are called Sam", "2", "name")]
    assert recall("mechanics mechanical", facts, 6, embed=embed)[0].turn == "1"


def test_words_of_meaning_come_without_their_endings() -> None:
    assert words("I'm fixing old radios, Sam's dogs!") == {"fix", "old", "radio", "sam", "dog"}
