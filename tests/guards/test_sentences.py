"""Where meaning is judged: at places that what comes later cannot move."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from guards.sentences import LONGEST, last_of, windows

TEXTS = st.lists(
    st.sampled_from(["hey", "so", "come over", ".", "! ", "? ", "...", "\n", " ", "word " * 60, "x" * 90, "ok then"]),
    max_size=30,
).map("".join)


def test_a_single_sentence_is_judged_as_it_is() -> None:
    assert list(windows("shall we say friday")) == [(0, 19)]


def test_each_sentence_is_judged_by_itself_and_together_with_those_before_it() -> None:
    text = "Nice. Where shall we meet?"
    judged = [text[start:end] for start, end in windows(text)]
    assert judged == ["Nice. ", "Where shall we meet?", "Nice. Where shall we meet?"]


@given(TEXTS | st.text(max_size=600))
@example("word " * 45 + "x")
def test_what_comes_later_moves_no_place_before_it(text: str) -> None:
    found = list(windows(text))
    for _, end in found:
        if end < len(text):
            assert list(windows(text[:end])) == [each for each in found if each[1] <= end]


@given(TEXTS | st.text(max_size=600))
def test_every_visible_character_is_judged_in_a_stretch_of_bounded_length(text: str) -> None:
    found = list(windows(text))
    assert all(0 <= start < end <= len(text) and end - start <= LONGEST for start, end in found)
    seen = {at for start, end in found for at in range(start, end)}
    assert all(at in seen for at, char in enumerate(text) if not char.isspace())


@given(st.integers(min_value=1, max_value=40))
def test_the_number_of_judgements_grows_with_the_text(times: int) -> None:
    assert len(list(windows("a longer sentence, really. " * times))) == 2 * times - 1


@given(TEXTS | st.text(max_size=600))
def test_the_end_of_a_text_is_short_and_begins_with_a_sentence_where_one_fits(text: str) -> None:
    end = last_of(text)
    assert text.endswith(end)
    assert len(end) <= LONGEST
    assert bool(end) == bool(text)


def test_the_end_of_a_long_text_is_its_last_whole_sentences() -> None:
    text = "this is where it began. " * 8 + "then came the rain! and then we went home."
    assert last_of(text).startswith("this is where it began. ")
    assert last_of("word " * 60 + "and so on") == ("word " * 60 + "and so on")[-LONGEST:]
