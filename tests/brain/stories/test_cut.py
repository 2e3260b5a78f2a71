"""A text comes apart into its beats, however it is cut into pieces and whatever the model made of its orders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.stories.cut import Cutter, spread

STORY = "[1] theo wakes up.\n\nhe is late.\n\n[2] the tram is gone [as ever].\n[3] he walks, *slowly*."
BEATS = ["theo wakes up.\n\nhe is late.", "the tram is gone [as ever].", "he walks, *slowly*."]


def cut(text: str, count: int, size: int = 1) -> list[str]:
    cutter, proses = Cutter(count), [""] * count
    last = 0
    for at in range(0, len(text), size):
        for beat, piece in cutter.feed(text[at : at + size]):
            assert beat >= last
            last = beat
            proses[beat] += piece
    for beat, piece in cutter.finish():
        proses[beat] += piece
    return proses


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_numbers_begin_beats_wherever_the_text_is_cut(size: int) -> None:
    assert cut(STORY, 3, size) == BEATS


def test_a_beat_comes_out_while_it_is_written() -> None:
    cutter = Cutter(2)
    assert [*cutter.feed("[1] one"), *cutter.feed(" word "), *cutter.feed("more")] == [
        (0, "one"), (0, " word"), (0, " more"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "beats"),
    [
        ("[1] one. [3] three.", ["one.", "three.", ""]),
        ("[1] one. [2] two. [3] three. [4] four.", ["one.", "two.", "three. four."]),
        ("**[1]** one. **[2]** two. **[3]** three.", ["one.", "two.", "three."]),
        ("[Beat 1] one. [Beat 2]: two. [beat 3] three.", ["one.", "two.", "three."]),
        ("[1] [2] one. [3] two.", ["one.", "two.", ""]),
        ("one.\n\ntwo.\n\nthree.", ["one.", "two.", "three."]),
        ("a.\n\nb.\n\nc.\n\nd.", ["a.", "b.", "c.\n\nd."]),
        ("one. two. three! four?", ["one.", "two.", "three! four?"]),
        ("nothing but one sentence", ["nothing but one sentence", "", ""]),
        ("", ["", "", ""]),
        ("[1]", ["", "", ""]),
    ],
)
def test_too_many_too_few_or_no_numbers_still_make_a_story(text: str, beats: list[str]) -> None:
    joined = [each.replace("\n\n", " ") if "[" in text else each for each in cut(text, 3)]
    assert joined == beats


def test_a_single_beat_needs_no_number_and_loses_one() -> None:
    assert cut("it rains.\n\nand rains.", 1) == ["it rains.\n\nand rains."]
    assert cut("[4] it rains.", 1) == ["it rains."]


@given(st.text("[]1* b\na.", max_size=60), st.integers(1, 4), st.integers(1, 9))
def test_how_a_text_arrives_changes_nothing_and_loses_no_letter(text: str, count: int, size: int) -> None:
    proses = cut(text, count, size)
    assert proses == cut(text, count, 1000)
    assert sum(prose.count("a") for prose in proses) >= text.count("a") - text.lower().count("bea")


def test_spread_never_gives_more_than_it_was_asked_for() -> None:
    assert [len(spread("a. b. c.", count)) for count in (1, 2, 3, 4)] == [1, 2, 3, 3]
