"""Trimming: the model never speaks for the fan, nothing stands around the reply, and no cut changes that."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.persona_files import PersonaData, read_personas
from brain.settings import default_training_data
from brain.trim import MOST_STOPS, Trim, is_finished, stops, trimmed, whole_sentences

FAN, OWN = ("Bob",), ("Nora",)


def trim(text: str) -> str:
    return trimmed(text, fan=FAN, own=OWN)


@pytest.mark.parametrize(
    "tail",
    [
        "\nFan: and you?",
        "\n\nUser: ok",
        "\nhuman:ok",
        "\nThem : ok",
        "\nBob: ok",
        "\n**Bob:** ok",
        "\n[User]: ok",
        "\n\n### Instruction\nwrite",
        "\n##User",
        "<|im_end|>",
        "\n<|im_start|>user\nok",
        "<|eot_id|><|start_header_id|>user",
        "</s>",
        "[INST] ok",
        "<end_of_turn>",
        "\n\n",
        "\nFan: ok\nNora: again",
    ],
)
def test_a_reply_ends_where_the_model_begins_to_speak_for_the_fan(tail: str) -> None:
    assert trim(f"hey you{tail}") == "hey you"


@pytest.mark.parametrize(
    "text",
    [
        "Nora: hey you",
        "nora : hey you",
        "**Nora:** hey you",
        "Assistant: hey you",
        "<|im_start|>assistant\nhey you",
        "<|im_start|>assistant\nNora: hey you",
        '"hey you"',
        "“hey you”",
        'Nora: "hey you"',
        '"Nora: hey you"',
        "Here is my reply: hey you",
        "Here's my next message:\n\nhey you",
        'Sure, here is a short reply in Nora\'s voice:\n\n"hey you"',
        '"hey you',
        "  \n hey you",
        "<think>they say hey.\nUser: so what</think>\n\nhey you",
        "<thinking>hm</thinking>Nora: hey you",
        "hey you�",
    ],
)
def test_what_stands_around_a_reply_goes(text: str) -> None:
    assert trim(text) == "hey you"


@pytest.mark.parametrize(
    "text",
    [
        "hey you <3",
        "ask my number one fan: pickle",
        "fans: i love them",
        "two things:\n- clay\n- coffee",
        "one\n\ntwo\nthree",
        "“mug” is a strange word",
        '"mug" is a strange word, "bowl" is not',
        "here's the thing: i like you",
        "sure, here we go",
        "[laughs] ok",
        "a < b and [c]",
        "user friendly\nhuman after all",
        "me: one mug. also me: nine mugs",
        "# clay",
        "hm � hm",
        "",
    ],
)
def test_a_persona_s_own_words_stay(text: str) -> None:
    assert trim(text) == text


@pytest.mark.parametrize("text", ["Bob: hey\nNora: hey you", "<think>what would nora say", "Nora:", '""', " \n"])
def test_a_text_without_a_reply_in_it_is_empty(text: str) -> None:
    assert trim(text) == ""


def test_the_persona_s_label_before_a_later_line_goes_and_the_line_stays() -> None:
    assert trim("Nora: one\n\nNora: two") == "one\n\ntwo"


@pytest.mark.parametrize("persona", read_personas(default_training_data()), ids=lambda persona: persona.card.name)
def test_every_sample_reply_stays_what_it_is(persona: PersonaData) -> None:
    replies = [exchange.reply for exchange in persona.conversations.exchanges()]
    assert len(replies) >= 60
    assert [reply for reply in replies if trimmed(reply, own=(persona.card.name,)) != reply] == []


def test_a_name_nobody_knows_is_an_ordinary_word() -> None:
    assert trimmed("hey\nBob: ok") == "hey\nBob: ok"


def test_once_the_fan_s_turn_begins_nothing_more_is_read() -> None:
    made = Trim(fan=FAN, own=OWN)
    assert made.feed("hey\nBo") == "hey"
    assert not made.done
    assert made.feed("b: x") == ""
    assert made.done
    assert made.feed(" more") + made.finish() == ""


@pytest.mark.parametrize(
    ("pieces", "out"),
    [
        (["hey ", "you"], ["hey ", "you"]),
        (["hey\n", "you"], ["hey", "\nyou"]),
        (["hey\nus", "e it"], ["hey", "\nuse it"]),
        (["No", "ra is tired"], ["", "Nora is tired"]),
        (["<", "3"], ["", "<3"]),
        (["it is here", "'s"], ["it is here", "'s"]),
    ],
)
def test_only_what_may_still_become_a_label_waits(pieces: list[str], out: list[str]) -> None:
    made = Trim(fan=FAN, own=OWN)
    assert [made.feed(piece) for piece in pieces] == out
    assert made.finish() == ""


PARTS = st.sampled_from(
    [
        "Nora", ":", "Bob", "Fan", "User", "\n", "\n\n", " ", "**", "##", "###", " Instruction", "<|im_", "start|>",
        "<", "|im_end|>", "assistant", "[", "INST]", '"', "“", "”", "hey", "you.", "Here's", " my reply", "Sure, ",
        "here is a", "<think>", "</think>", "�", "😏", "e", "\x00", "me", "in Nora's voice and manner", "]",
    ]
)  # fmt: skip


@settings(max_examples=600)
@given(st.lists(PARTS, max_size=14).map("".join), st.data())
def test_every_cut_of_a_text_gives_the_same_reply(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    ends = [0, *cuts, len(text)]
    made = Trim(fan=FAN, own=OWN)
    fed = [made.feed(text[start:end]) for start, end in pairwise(ends)]
    assert "".join(fed) + made.finish() == trim(text)


@given(st.lists(PARTS, max_size=14).map("".join))
def test_no_line_of_a_reply_begins_with_the_fan_s_label(text: str) -> None:
    lines = [line.strip("*[( \t").casefold() for line in trim(text).splitlines()]
    assert not any(line.startswith(("bob:", "fan:", "user:")) for line in lines)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("i like clay. and then i", "i like clay."),
        ("i like clay! 😏 and the", "i like clay! 😏"),
        ("hm. and then i went all the way down to the sea", "hm. and then i went all the way down to the sea"),
        ("no end at all", "no end at all"),
        ("one line\ntwo li", "one line"),
        ("it costs 3.50 at the", "it costs 3.50 at the"),
    ],
)
def test_a_reply_cut_off_for_its_length_goes_back_to_its_last_sentence(text: str, kept: str) -> None:
    assert whole_sentences(text) == kept


@pytest.mark.parametrize(
    ("text", "finished"),
    [("hey.", True), ("hey 😏", True), ('"no."', True), ("", True), ("hey", False), ("hey, ", False), ("hm…", True)],
)
def test_a_text_is_finished_where_a_sentence_ends(text: str, finished: bool) -> None:
    assert is_finished(text) is finished


def test_stop_sequences_are_the_request_s_and_ours_behind_it_at_most_four() -> None:
    assert stops([], FAN)[0] == "\nBob:"
    assert stops(["x", "y"], FAN) == ["x", "y", "\nBob:", "\nFan:"]
    assert stops(["a", "b", "c", "d"], FAN) == ["a", "b", "c", "d"]
    assert len(stops([])) == MOST_STOPS


def test_names_of_one_turn_are_not_those_of_the_next() -> None:
    text = "hey\nTom: and me?"
    assert trimmed(text, fan=["Tom"]) == "hey"
    assert trimmed(text) == text
    assert trimmed(text, fan=["Ben"]) == text
