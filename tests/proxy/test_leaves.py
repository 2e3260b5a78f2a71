"""Every text is found with its place, and can be put back there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.leaves import has_media, leaves, put

NAMES = st.text(max_size=6) | st.sampled_from(["content", "text", "role", "type", "id", "image_url", "url"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["image_url", "text", "file"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@given(JSON)
def test_every_leaf_is_the_text_at_its_place(value: Any) -> None:
    found = list(leaves(value))
    assert all(leaf.text and at(value, leaf.path) == leaf.text for leaf in found)
    assert len({leaf.path for leaf in found}) == len(found)


@given(JSON, st.text(min_size=1, max_size=8), st.data())
def test_a_text_put_at_a_leafs_place_is_found_there_and_nothing_else_changes(
    value: Any, text: str, data: st.DataObject
) -> None:
    found = list(leaves(value))
    before = copy.deepcopy(value)
    if found:
        leaf = data.draw(st.sampled_from(found))
        changed = put(value, leaf.path, text)
        assert at(changed, leaf.path) == text
        assert put(changed, leaf.path, leaf.text) == before
    assert value == before


@given(JSON)
def test_putting_every_text_back_gives_an_equal_value(value: Any) -> None:
    same = value
    for leaf in list(leaves(value)):
        same = put(same, leaf.path, leaf.text)
    assert same == value


def test_names_are_passed_over_and_unknown_text_is_not() -> None:
    message = {"role": "user", "id": "a", "content": "b", "odd": {"type": "c", "deep": ["d", {"e": "f"}]}}
    assert [leaf.text for leaf in leaves(message)] == ["b", "d", "f"]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "AAAA"}},
    ],
)
def test_encoded_media_is_passed_over_but_not_the_words_beside_it(part: dict[str, Any]) -> None:
    assert has_media(part)
    assert [leaf.text for leaf in leaves({**part, "caption": "look"})] == ["look"]


def test_a_text_part_cannot_hide_its_text_under_a_medias_key() -> None:
    part = {"type": "text", "image_url": {"url": "hidden"}, "text": "shown"}
    assert not has_media(part)
    assert [leaf.text for leaf in leaves(part)] == ["hidden", "shown"]


def test_a_leaf_does_not_show_its_text() -> None:
    (leaf,) = leaves(["secret words"])
    assert "secret" not in repr(leaf)
