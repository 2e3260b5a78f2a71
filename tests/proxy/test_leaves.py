"""Every text is found with its place, and can be put back there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.leaves import fields, has_media, is_long_number, is_name_of, leaves, put, readings

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


@pytest.mark.parametrize(
    ("value", "reads"),
    [
        (["wom", "bat"], "wombat"),
        ([{"type": "text", "text": "wom"}, {"type": "text", "text": "bat"}], "wombat"),
        ({"args": '{"say": "wom\\u0062at"}'}, "wombat"),
        ("wom\\u0062at", "wombat"),
        ({"a wombat": True}, "a wombat"),
        ({"call": 4155550132}, "4155550132"),
        ([4, 1, 5, 5, 5, 5, 0, 1, 3, 2], "4 1 5 5 5 5 0 1 3 2"),
        (4155550132, "4155550132"),
    ],
)
def test_what_a_client_would_show_of_a_value_is_read(value: Any, reads: str) -> None:
    assert any(reads in reading for reading in readings(value))


@pytest.mark.parametrize("value", [None, True, {}, [], "plain text", {"content": "plain text"}, {"ok": False}])
def test_a_plain_value_has_no_other_reading(value: Any) -> None:
    assert all(reading == "plain text" for reading in readings(value))


@given(JSON)
def test_every_value_can_be_read(value: Any) -> None:
    assert all(isinstance(reading, str) for reading in readings(value))


def test_a_name_is_passed_over_only_while_it_looks_like_one() -> None:
    assert is_name_of("id", "chatcmpl-1")
    assert not is_name_of("id", "call me, wombat")
    assert not is_name_of("content", "chatcmpl-1")
    assert [leaf.text for leaf in leaves({"id": "call me, wombat", "role": "user"})] == ["call me, wombat"]


def test_only_numbers_that_could_be_dialled_are_long() -> None:
    assert is_long_number(4155550132)
    assert not any(map(is_long_number, (True, 17, "4155550132", None)))


def test_a_document_that_comes_as_text_is_text_and_what_is_sealed_is_none() -> None:
    written = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a wombat"}}
    assert not has_media(written)
    assert [leaf.text for leaf in leaves(written)] == ["a wombat"]
    assert has_media({"type": "document", "source": {"type": "base64", "data": "aGk="}})
    sealed = [{"type": "redacted_thinking", "data": "ab+/" * 2000}, {"type": "thinking", "signature": "ab+/" * 2000}]
    assert list(leaves(sealed)) == []
    assert [leaf.text for leaf in leaves({"type": "redacted_thinking", "data": "a wombat"})] == ["a wombat"]


MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "call me"]) | JSON, "content": st.none() | JSON},
    optional={
        "refusal": st.none() | st.sampled_from(["", "call me", 0, 7, False]),
        "annotations": st.lists(JSON, max_size=1),
        "add me": st.none(),
        "type": st.just("redacted_thinking"),
        "data": st.text(max_size=4),
    },
)
TEXTS = st.text(max_size=6) | st.sampled_from(['{"a": "call me"}', r"call\u0020me", "[1, 2]", '"call me"'])


@given(MESSAGES, TEXTS | st.none())
def test_a_message_that_only_says_something_reads_as_any_other(message: dict[str, Any], text: str | None) -> None:
    message = message if text is None else {**message, "content": text}
    assert [((0, *leaf.path), leaf.text) for leaf in leaves(message)] == [
        (leaf.path, leaf.text) for leaf in leaves([message])
    ]
    assert {text for _, value in fields(message) for text in readings(value)} == {
        text for key, value in message.items() for text in readings({key: value})
    }
