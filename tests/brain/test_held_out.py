"""Held out are whole conversations, and always the same ones."""

from __future__ import annotations

from typing import Any

import pytest

from brain.conversations import Conversations
from brain.held_out import parted, turns_of


def conversations(count: int) -> Conversations:
    lines = ("fan", "persona", "fan", "persona", "fan")
    return Conversations.model_validate(
        {
            "conversations": [
                {
                    "id": f"c{number}",
                    "title": "t",
                    "turns": [{"role": role, "text": f"{role} {number}.{at}"} for at, role in enumerate(lines)],
                }
                for number in range(count)
            ]
        }
    )


def ids(part: Conversations) -> list[str]:
    return [each.id for each in part.conversations]


def test_a_quarter_is_held_out_whole_and_nothing_is_on_both_sides() -> None:
    split = parted(conversations(40))
    assert split is not None
    assert len(ids(split.held)) == 10
    assert sorted([*ids(split.held), *ids(split.shown)]) == sorted(ids(conversations(40)))


def test_the_seed_alone_decides() -> None:
    whole = conversations(40)
    turned = Conversations(conversations=whole.conversations[::-1])
    first, again, other = parted(whole), parted(turned), parted(whole, seed=1)
    assert first
    assert again
    assert other
    assert set(ids(first.held)) == set(ids(again.held)) != set(ids(other.held))


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_conversations_are_not_parted(count: int) -> None:
    assert parted(conversations(count)) is None


def test_a_turn_is_what_was_said_up_to_a_fan_s_line_and_the_answer() -> None:
    turns = {turn.said: turn.transcript for turn in turns_of(conversations(1), seed=0, limit=9)}
    assert set(turns) == {"persona 0.1", "persona 0.3"}
    said: Any = [(each.role, each.text) for each in turns["persona 0.3"]]
    assert said == [("user", "fan 0.0"), ("assistant", "persona 0.1"), ("user", "fan 0.2")]


def test_a_limit_takes_turns_of_many_conversations_and_the_same_ones_again() -> None:
    whole = conversations(30)
    few = turns_of(whole, seed=0, limit=10)
    assert few == turns_of(whole, seed=0, limit=10) == turns_of(whole, seed=0, limit=60)[:10]
    assert len({turn.transcript[0].text for turn in few}) > 5
