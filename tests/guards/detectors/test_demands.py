"""The rarest of what an entry asks for is what tells most."""

from __future__ import annotations

from guards.detectors.demands import NEVER, DemandGate, rarest, tokens_of, words


def test_the_demand_without_everyday_words_is_the_rarest() -> None:
    assert rarest([words({"you", "me"}), words({"snapchat"}), words({"my"})]) == words({"snapchat"})


def test_where_every_demand_has_an_everyday_word_none_is_rare() -> None:
    assert rarest([words({"you"}), words({"cinema", "the"}), frozenset({"<at"})]) is None


def test_what_no_plain_word_is_is_rarest_of_all() -> None:
    assert rarest([words({"snapchat"}), NEVER]) == NEVER


def test_tokens_are_runs_of_letters_and_digits() -> None:
    assert tokens_of("it's sun-kissed, no_joke 2day") == ["it", "s", "sun", "kissed", "no", "joke", "2day"]


def test_a_gate_names_the_entries_of_which_a_way_is_met() -> None:
    ways = [(0, [words({"add"}), words({"me"})]), (1, [words({"snap"}), NEVER]), (2, [frozenset({"insta"})])]
    gate = DemandGate([*ways, (0, [words({"follow"})])])
    assert gate.open_for("please ADD something for me") == [0]
    assert gate.open_for("follow the others") == [0]
    assert gate.open_for("my snap is 5 (instagrams!)") == [1, 2]
    assert gate.open_for("add it to the snap") == []
    assert gate.open_for("") == []


def test_an_entry_that_asks_for_nothing_is_always_among_them() -> None:
    assert DemandGate([(0, [words({"add"})]), (1, [])]).open_for("the rain") == [1]
