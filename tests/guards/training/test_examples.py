"""Which examples are kept back is settled by what they say, not by where they stand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guards.training.examples import Example, kept_back, spoken_after

EXAMPLES = st.lists(st.text(min_size=1, max_size=20), max_size=40, unique=True).map(
    lambda texts: [Example(text, frozenset()) for text in texts]
)


@given(EXAMPLES, st.randoms())
def test_the_split_takes_all_and_does_not_depend_on_their_order(examples: list[Example], random: object) -> None:
    teaching, held = kept_back(examples, 0.3, 5)
    assert sorted(each.text for each in [*teaching, *held]) == sorted(each.text for each in examples)
    shuffled = list(examples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {each.text for each in kept_back(shuffled, 0.3, 5)[1]} == {each.text for each in held}


def test_what_grew_out_of_one_conversation_falls_on_one_side() -> None:
    turns = [Example(str(at), frozenset(), "user", spoken_after([("user", "so, the beginning")])) for at in range(30)]
    assert [] in kept_back(turns, 0.5, 0)
