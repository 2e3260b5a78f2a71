from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from guards.redact import MASK, merged, redact

QUICK = settings(deadline=None, max_examples=150)
SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)).map(lambda s: (s[0], s[0] + s[1])), max_size=8)


def test_each_span_becomes_one_mask_whatever_its_length() -> None:
    assert redact("call 555 0132 or 7", [(5, 13), (17, 18)]) == f"call {MASK} or {MASK}"


def test_overlapping_spans_become_one_mask() -> None:
    assert redact("abcdef", [(1, 3), (2, 5)]) == f"a{MASK}f"


def test_touching_spans_become_one_mask() -> None:
    assert redact("abcdef", [(1, 3), (3, 5)]) == f"a{MASK}f"


def test_a_span_inside_another_adds_no_mask() -> None:
    assert redact("abcdef", [(0, 6), (2, 3)]) == MASK


def test_nothing_to_hide_leaves_the_text_alone() -> None:
    assert redact("as it was", []) == "as it was"


@QUICK
@given(SPANS)
def test_merged_spans_cover_the_same_places_in_order_and_never_touch(spans: list[tuple[int, int]]) -> None:
    joined = merged(spans)
    assert {at for span in joined for at in range(*span)} == {at for span in spans for at in range(*span)}
    assert all(first[1] < second[0] for first, second in pairwise(joined))


@QUICK
@given(SPANS, st.randoms())
def test_the_order_in_which_spans_arrive_makes_no_difference(spans: list[tuple[int, int]], random: object) -> None:
    shuffled = sorted(spans, key=lambda _: random.random())  # type: ignore[attr-defined]
    text = "abcdefghij" * 6
    assert redact(text, shuffled) == redact(text, spans)


@QUICK
@given(SPANS)
def test_no_masked_character_survives_and_every_other_one_does(spans: list[tuple[int, int]]) -> None:
    text = "".join(chr(0x4E00 + at) for at in range(60))
    hidden = {at for span in spans for at in range(*span)}
    shown = redact(text, spans).replace(MASK, "")
    assert shown == "".join(char for at, char in enumerate(text) if at not in hidden)
