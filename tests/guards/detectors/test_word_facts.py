"""What entries ask of words is looked up together, and each reads its own answer."""

from __future__ import annotations

import pytest

from guards.detectors.demands import NEVER, words
from guards.detectors.word_facts import DemandGate, WordFacts


def test_a_gate_names_the_entries_of_which_a_way_is_met() -> None:
    ways = [(0, [words({"add"}), words({"me"})]), (1, [words({"snap"}), NEVER]), (2, [frozenset({"insta"})])]
    gate = DemandGate([*ways, (0, [words({"follow"})])], WordFacts())
    assert gate.open_for("please ADD something for me") == [0]
    assert gate.open_for("follow the others") == [0]
    assert gate.open_for("my snap is 5 (instagrams!)") == [1, 2]
    assert gate.open_for("add it to the snap") == []
    assert gate.open_for("") == []


def test_an_entry_that_asks_for_nothing_is_always_among_them() -> None:
    assert DemandGate([(0, [words({"add"})]), (1, [])], WordFacts()).open_for("the rain") == [1]


def test_what_one_asks_for_opens_nothing_of_another() -> None:
    facts = WordFacts()
    shouts = facts.ask(lambda word: word.endswith("!"))
    one = DemandGate([(0, [words({"add"}), words({"me"})])], facts)
    other = DemandGate([(0, [words({"snap"})])], facts)
    assert (one.open_for("Add me"), other.open_for("Add me")) == ([0], [])
    assert (one.open_for("my snap"), other.open_for("my snap")) == ([], [0])
    assert facts.of("add ME!") & shouts
    assert not facts.of("add ME") & shouts


def test_a_word_too_long_to_be_remembered_is_read_all_the_same() -> None:
    gate = DemandGate([(0, [frozenset({"insta"})])], WordFacts())
    assert gate.open_for("x" * 100 + "insta") == [0]


def test_nothing_new_is_asked_once_texts_are_read() -> None:
    facts = WordFacts()
    gate = DemandGate([(0, [words({"add"})])], facts)
    assert gate.open_for("add") == [0]
    facts.demand([words({"add"})])
    with pytest.raises(RuntimeError, match="something new"):
        facts.demand([words({"me"})])
    with pytest.raises(RuntimeError, match="something new"):
        facts.ask(str.isupper)
