from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from guards.views import Folded, View, lowered, rebuilt, replaced

QUICK = settings(deadline=None, max_examples=200)


@QUICK
@given(st.text(min_size=1, max_size=40), st.data())
def test_what_is_replaced_comes_from_the_whole_stretch_and_the_rest_from_where_it_stood(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    read = data.draw(st.text(max_size=5))
    view = replaced("read", View("clean", text), [(start, end, read)])
    assert view.text == text[:start] + read + text[end:]
    for at in range(len(view.text)):
        span = view.span(at, at + 1)
        if start <= at < start + len(read):
            assert span == (start, end)
        else:
            assert text[slice(*span)] == view.text[at]


def test_a_view_of_a_view_leads_back_to_the_original() -> None:
    first = rebuilt("joined", View("clean", "x i n y"), [(0, "x"), (1, " "), (2, "i"), (4, "n"), (5, " "), (6, "y")])
    assert first.text == "x in y"
    assert first.span(2, 4) == (2, 5)
    second = replaced("read", first, [(2, 4, "out")])
    assert second.text == "x out y"
    assert second.span(2, 3) == (2, 5)
    assert second.span(6, 7) == (6, 7)


def test_neighbours_are_the_nearest_that_can_be_seen() -> None:
    folded = Folded("a\u200b\u0301b", ())
    assert (folded.before(3), folded.after(1)) == (0, 3)
    assert folded.is_word(3)
    assert not folded.is_word(4)


def test_text_is_not_in_the_repr_of_a_view() -> None:
    assert "canary" not in repr(View("clean", "canary"))


@QUICK
@given(st.text(max_size=40))
def test_lower_case_keeps_every_offset(text: str) -> None:
    assert len(lowered(text)) == len(text)
