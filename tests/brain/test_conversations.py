"""The persona file: accepted whole, or refused with every broken place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from brain.conversations import Conversations, read_conversations
from guards.errors import PolicyError


def written(folder: Path, data: Any) -> Path:
    (folder / "conversations.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def test_every_reply_is_paired_with_the_fan_s_line_before_it(data: dict[str, Any]) -> None:
    exchanges = Conversations.model_validate(data).exchanges()
    assert len(exchanges) == 5
    assert (exchanges[1].fan, exchanges[1].reply) == ("what's your insta?", "all of me is right here")
    assert exchanges[1].slip == "my insta is @nora.boats"
    assert exchanges[0].slip is None


def test_the_persona_s_name_is_its_model_id(data: dict[str, Any]) -> None:
    data["persona"]["name"] = "Nora Lee"
    assert Conversations.model_validate(data).persona.model_id == "nora-lee"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"conversations\.json: cannot be read"):
        read_conversations(tmp_path)


def test_broken_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "conversations.json").write_text("{", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"conversations\.json: file: Invalid JSON"):
        read_conversations(tmp_path)


def test_all_problems_are_reported_with_their_place(tmp_path: Path, data: dict[str, Any]) -> None:
    del data["persona"]["voice"]
    data["conversations"][1]["turns"][2] = {"role": "fan"}
    with pytest.raises(PolicyError) as caught:
        read_conversations(written(tmp_path, data))
    text = str(caught.value)
    assert "persona.voice: Field required" in text
    assert "conversations[1].turns[2].text: Field required" in text


def test_an_unknown_key_is_refused(tmp_path: Path, data: dict[str, Any]) -> None:
    data["persona"]["voise"] = "x"
    with pytest.raises(PolicyError, match=r"persona\.voise"):
        read_conversations(written(tmp_path, data))


def test_fan_and_persona_must_alternate(tmp_path: Path, data: dict[str, Any]) -> None:
    data["conversations"][0]["turns"].pop(1)
    with pytest.raises(PolicyError, match=r"conversations\[0\]\.turns: .*turn 1: fan and persona must alternate"):
        read_conversations(written(tmp_path, data))


def test_only_a_persona_can_slip(tmp_path: Path, data: dict[str, Any]) -> None:
    data["conversations"][0]["turns"][0]["slip"] = {"rule": "meetup", "text": "x"}
    with pytest.raises(PolicyError, match="only a persona's line can have a slip"):
        read_conversations(written(tmp_path, data))


def test_a_file_without_a_single_reply_is_refused(tmp_path: Path, data: dict[str, Any]) -> None:
    data["conversations"] = []
    with pytest.raises(PolicyError, match="at least one reply"):
        read_conversations(written(tmp_path, data))


def test_the_conversations_that_come_with_the_project_are_accepted() -> None:
    folder = Path(__file__).parents[2] / "training_data"
    assert len(read_conversations(folder).exchanges()) > 100
