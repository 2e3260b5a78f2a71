from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guards.spelled import spelled
from guards.views import View

QUICK = settings(deadline=None, max_examples=250)
WORDS = ["one", "five", "oh", "to", "double", "4", "555", "(dot)", "dot", "at", "[at]", "com", "gmail", "mila", "slash",
         "пять", "cinco", "zero1three", "twenty", ",", ".", " ", " ", "\n", "@", "point", "me"]  # fmt: skip


def read(text: str) -> str | None:
    view = spelled(View("clean", text))
    return view and view.text


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("call five five five oh one three four", "call ☎5550134"),
        ("Five-Five-Five. Oh, one three four!", "☎5550134!"),
        ("for one five five 5 5 won", "☎4155551"),
        ("double five seven, triple six", "☎557666"),
        ("fivefivefive zero1three4", "☎5550134"),
        ("415 five5five 01 34", "☎4155550134"),
        ("oh seven nine eleven forty two", "☎0791142"),
        ("f1ve f1ve thr33 zero 9", "☎55309"),
        ("seis cinco cinco cero uno", "☎65501"),
        ("zwei drei drei null acht", "☎23308"),
        ("девять один пять пять семь", "☎91557"),
    ],
)
def test_a_number_in_words_reads_as_a_telephone_and_its_digits(text: str, reads: str) -> None:
    assert read(text) == reads


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("mila dot dark at gmail dot com", "mila.dark@gmail.com"),
        ("mila (at) gmail [dot] com", "mila@gmail.com"),
        ("mila at gmail d0t com", "mila@gmail.com"),
        ("mila@gmail dott com", "mila@gmail.com"),
        ("mila arroba gmail punto com", "mila@gmail.com"),
        ("t dot me slash milaxo", "t.me/milaxo"),
    ],
)
def test_dots_and_ats_in_words_read_as_signs_where_an_address_can_stand(text: str, reads: str) -> None:
    assert read(text) == reads


@pytest.mark.parametrize(
    "text",
    ["one two three four five six seven", "ten nine eight seven six five", "one for you, two for me", "i was at home",
     "what's the point of it", "nineteen ninety four", "at seven or at eight tonight", "a dot on the map",
     "4155550134", "two to one, free for all", "3 2 1 go", "she came at me, dot dot dot"],
)  # fmt: skip
def test_counting_times_and_ordinary_words_stay(text: str) -> None:
    assert read(text) is None


@QUICK
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=30).map(" ".join))
def test_every_place_leads_back_into_the_text_in_order(text: str) -> None:
    view = spelled(View("clean", text))
    if view is not None:
        spans = [view.span(at, at + 1) for at in range(len(view.text))]
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert spans == sorted(spans)


@pytest.mark.parametrize(
    "piece", ["one ", "dot ", "a dot ", "(at) ", "x at ", "five", "com dot ", "double ", "1", "slash "]
)
def test_long_monotonous_text_is_read_to_the_end(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    view = spelled(View("clean", text))
    assert view is None or view.span(len(view.text) - 1, len(view.text))[1] == len(text)
