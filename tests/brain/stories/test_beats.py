"""Messages come apart into the beats they spell out, and a beat calls up the characters it needs."""

from __future__ import annotations

import pytest

from brain.stories.beats import MAX_BEATS, Character, asks, beats_of, relevant, theme_of


@pytest.mark.parametrize(
    ("text", "beats"),
    [
        (
            "tell me a story about a fox who finds a hat, then it starts to rain, and then he gives it to a mole",
            ["a fox who finds a hat", "it starts to rain", "he gives it to a mole"],
        ),
        ("1. Theo is late\n2. the tram is gone\n3) he walks", ["Theo is late", "the tram is gone", "he walks"]),
        ("write me a story: Ana loses a ring -> a crow has it", ["Ana loses a ring", "a crow has it"]),
        ("- the power goes out\n- someone knocks", ["the power goes out", "someone knocks"]),
        ("the lamp dies\nthe cat knows why", ["the lamp dies", "the cat knows why"]),
        ("a baker oversleeps, the town is hungry", ["a baker oversleeps", "the town is hungry"]),
        ("can you tell me a bedtime story about a dragon", ["a dragon"]),
        ("tell me a story please", []),
        ("a small, grumpy dragon", ["a small, grumpy dragon"]),
        ("", []),
    ],
)  # fmt: skip
def test_a_message_comes_apart_where_it_says_so(text: str, beats: list[str]) -> None:
    assert beats_of(text) == beats


def test_no_message_makes_more_beats_than_a_story_may_have() -> None:
    assert len(beats_of("\n".join(f"thing number {at} happens" for at in range(200)))) == MAX_BEATS


def test_a_theme_is_what_stands_behind_the_asking() -> None:
    assert theme_of("heyy babe could you tell me a story about two rival bakers?") == "two rival bakers?"


CAST = [
    Character("Theo Brandt", "a night porter with a bad knee"),
    Character("Ana", "his sister, runs the harbour bakery"),
    Character("Captain", ""),
    Character("Lu", "a crow"),
]


@pytest.mark.parametrize(
    ("beat", "so_far", "names"),
    [
        ("Theo opens the door", "", ["Theo Brandt"]),
        ("ana's bread burns", "", ["Ana"]),
        ("the porter limps home", "", ["Theo Brandt"]),
        ("the bakery is dark", "theo came in", ["Theo Brandt", "Ana"]),
        ("a crow steals the key", "", ["Lu"]),
        ("everyone sings", "", ["Theo Brandt", "Ana", "Captain", "Lu"]),
        ("the banana luncheon", "", []),
        ("rain", "", []),
    ],
)
def test_only_who_is_named_or_meant_is_relevant(beat: str, so_far: str, names: list[str]) -> None:
    assert [each.name for each in relevant(CAST, beat, so_far)] == names


@pytest.mark.parametrize("text", ["tell me a story", "ok, can you tell me a story about a fox?", "write me a tale"])
def test_a_message_that_asks_for_a_story_is_known(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize("text", ["go on", "what happened to the fox?", "i love your story", ""])
def test_a_message_that_asks_for_more_of_one_or_for_none_asks_for_no_story(text: str) -> None:
    assert not asks(text)
