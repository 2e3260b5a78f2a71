"""The rarest of what an entry asks for is what tells most."""

from __future__ import annotations

from guards.detectors.demands import NEVER, rarest, tokens_of, words


def test_the_demand_without_everyday_words_is_the_rarest() -> None:
    assert rarest([words({"you", "me"}), words({"snapchat"}), words({"my"})]) == words({"snapchat"})


def test_where_every_demand_has_an_everyday_word_none_is_rare() -> None:
    assert rarest([words({"you"}), words({"cinema", "the"}), frozenset({"<at"})]) is None


def test_what_no_plain_word_is_is_rarest_of_all() -> None:
    assert rarest([words({"snapchat"}), NEVER]) == NEVER


def test_tokens_are_runs_of_letters_and_digits() -> None:
    assert tokens_of("it's sun-kissed, no_joke 2day") == ["it", "s", "sun", "kissed", "no", "joke", "2day"]
