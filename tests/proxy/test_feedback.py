"""The feedback store: one rating a turn, read back whole, erased by turn, by conversation and by age."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.feedback import FILE, Feedback, FeedbackError, FeedbackStore, Said, read_feedback

TALK = (Said("user", "what's for dinner?"), Said("assistant", "toast, again 🙈"))


def rated(turn: str, **more: Any) -> Feedback:
    return Feedback(**{"turn": turn, "time": "2026-01-02T03:04:05.678+00:00", "rating": "up", **more})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    one = FeedbackStore(tmp_path)
    yield one
    one.close()


def write(store: FeedbackStore, *given: Feedback) -> None:
    for each in given:
        asyncio.run(store.write(each))


def test_feedback_reads_back_as_it_was_given(store: FeedbackStore, tmp_path: Path) -> None:
    given = rated("t1", rating="down", model="mila", conversation="c-1", text="too short", messages=TALK)
    write(store, given)
    assert list(read_feedback(tmp_path)) == [given]
    assert given.as_json()["messages"][1] == {"role": "assistant", "content": "toast, again 🙈"}


def test_a_second_rating_of_a_turn_replaces_the_first(store: FeedbackStore, tmp_path: Path) -> None:
    write(store, rated("t1"), rated("t2"), rated("t1", rating="down"))
    assert {each.turn: each.rating for each in read_feedback(tmp_path)} == {"t1": "down", "t2": "up"}


def test_feedback_is_erased_by_turn_and_by_conversation_and_nothing_else_goes(
    store: FeedbackStore, tmp_path: Path
) -> None:
    write(
        store, rated("a1", conversation="a"), rated("a2", conversation="a"), rated("b1", conversation="b"), rated("c")
    )
    assert asyncio.run(store.erase(turn="c")) == 1
    assert asyncio.run(store.erase(conversation="a")) == 2
    assert asyncio.run(store.erase(conversation="nobody")) == 0
    assert [each.turn for each in read_feedback(tmp_path)] == ["b1"]


def test_what_is_erased_leaves_no_text_on_the_disk(store: FeedbackStore, tmp_path: Path) -> None:
    write(store, rated("t1", text="forget-me-not " * 200), rated("t2"))
    asyncio.run(store.erase(turn="t1"))
    assert not any(b"forget-me-not" in file.read_bytes() for file in tmp_path.iterdir())


def test_retention_takes_what_is_older(store: FeedbackStore, tmp_path: Path) -> None:
    write(store, rated("old", time="2025-01-01T00:00:00.000+00:00"), rated("new"))
    assert asyncio.run(store.forget_before("2025-06-01T00:00:00.000+00:00")) == 1
    assert [each.turn for each in read_feedback(tmp_path)] == ["new"]


def test_a_folder_without_feedback_has_none(tmp_path: Path) -> None:
    assert list(read_feedback(tmp_path)) == []


def test_a_row_that_is_no_feedback_is_refused_without_quoting_it(store: FeedbackStore, tmp_path: Path) -> None:
    write(store, rated("t1"))
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("UPDATE feedback SET body = 'hush'")
    other.close()
    with pytest.raises(FeedbackError) as caught:
        list(read_feedback(tmp_path))
    assert "hush" not in str(caught.value)


def test_a_repr_shows_no_text() -> None:
    assert "secret" not in repr(rated("t1", text="secret", messages=(Said("user", "secret"),)))
