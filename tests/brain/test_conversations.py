"""Sample conversations: accepted whole, or refused with every broken place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from brain.conversations import Conversations, parse_conversations
from guards.errors import PolicyError

FILE = "conversations.json"


def parsed(data: Any) -> Conversations:
    return parse_conversations(json.dumps(data).encode(), FILE)


def test_every_reply_is_paired_with_the_fan_s_line_before_it(data: dict[str, Any]) -> None:
    exchanges = parsed(data).exchanges()
    assert len(exchanges) == 5
    assert (exchanges[1].fan, exchanges[1].reply) == ("what's your insta?", "all of me is right here")
    assert exchanges[1].slip == "my insta is @nora.boats"
    assert exchanges[0].slip is None


def test_an_exchange_knows_what_was_said_before_it_the_latest_first(data: dict[str, Any]) -> None:
    exchanges = parsed(data).exchanges()
    assert exchanges[0].before == ()
    assert exchanges[1].before == ("hey you, paint on my nose again", "hey")


def test_a_repr_shows_no_line(data: dict[str, Any]) -> None:
    conversations = parsed(data)
    shown = repr(conversations) + repr(conversations.exchanges())
    assert "insta" not in shown
    assert "paint" not in shown


def test_broken_json_is_named() -> None:
    with pytest.raises(PolicyError, match=r"conversations\.json: file: Invalid JSON"):
        parse_conversations(b"{", FILE)


def test_all_problems_are_reported_with_their_place(data: dict[str, Any]) -> None:
    del data["conversations"][0]["title"]
    data["conversations"][1]["turns"][2] = {"role": "fan"}
    with pytest.raises(PolicyError) as caught:
        parsed(data)
    text = str(caught.value)
    assert "conversations[0].title: Field required" in text
    assert "conversations[1].turns[2].text: Field required" in text


def test_an_unknown_key_is_refused(data: dict[str, Any]) -> None:
    data["conversations"][0]["titel"] = "x"
    with pytest.raises(PolicyError, match=r"conversations\[0\]\.titel"):
        parsed(data)


def test_fan_and_persona_must_alternate(data: dict[str, Any]) -> None:
    data["conversations"][0]["turns"].pop(1)
    with pytest.raises(PolicyError, match=r"conversations\[0\]\.turns: .*turn 1: fan and persona must alternate"):
        parsed(data)


def test_only_a_persona_can_slip(data: dict[str, Any]) -> None:
    data["conversations"][0]["turns"][0]["slip"] = {"rule": "meetup", "text": "x"}
    with pytest.raises(PolicyError, match="only a persona's line can have a slip"):
        parsed(data)


def test_a_file_without_a_single_reply_is_refused(data: dict[str, Any]) -> None:
    data["conversations"] = []
    with pytest.raises(PolicyError, match="at least one reply"):
        parsed(data)


def test_the_conversations_that_come_with_the_project_are_accepted() -> None:
    file = Path(__file__).parents[2] / "training_data" / FILE
    assert len(parse_conversations(file.read_bytes(), FILE).exchanges()) > 100
