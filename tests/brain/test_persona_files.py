"""Persona files: accepted whole, or refused with every problem of every file and its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brain.persona_files import DEFAULT_STAGES, PersonaCard, PersonaData, read_personas
from guards.errors import PolicyError

WriteCard = Callable[..., Path]


def problems(folder: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        read_personas(folder)
    return [str(problem) for problem in caught.value.problems]


def only(folder: Path) -> PersonaData:
    [persona] = read_personas(folder)
    return persona


def test_a_file_is_a_persona_with_its_conversations(training_data: Path) -> None:
    persona = only(training_data)
    assert (persona.card.name, persona.card.facts) == ("Nora", ("Nora paints boats.",))
    assert len(persona.conversations.exchanges()) == 5


def test_what_a_file_leaves_out_is_the_settings_to_say(training_data: Path) -> None:
    card = only(training_data).card
    assert (card.lm, card.fallback_lm, card.temperature, card.max_tokens, card.time_zone) == (None,) * 5
    assert (card.n_candidates, card.several_messages, card.silence) == (None, False, None)
    assert [(stage.name, stage.messages) for stage in card.stages] == [
        ("ice_breaker", 0), ("warming_up", 10), ("close", 30),
    ]  # fmt: skip


def test_everything_that_a_file_may_say_is_read(
    training_data: Path, card: dict[str, Any], write_card: WriteCard
) -> None:
    more = {
        "boundaries": ["no shellfish"],
        "lm": "groq/m",
        "fallback_lm": "offline",
        "temperature": 0.2,
        "max_tokens": 50,
        "n_candidates": 3,
        "stages": [{"name": "new", "messages": 0, "guidance": "be shy"}, {"name": "old", "messages": 5}],
        "time_zone": "UTC",
        "several_messages": True,
        "silence": {"after": 12, "until": 99, "quiet": [23, 8], "lines": ["still there?"]},
        "facts_budget": 40,
        "core_facts": 0,
        "comforts": ["i heard that"],
        "remarks": {"up_late": ["up late?"], "back_already": ["back?"], "long_time": ["you!"], "good_morning": ["hi"]},
        "recalls": ["i remember, {fact}"],
    }
    write_card(training_data, {**card, **more})
    read = only(training_data).card.model_dump(mode="json")
    more["stages"][1]["guidance"] = ""  # type: ignore[index]
    assert {key: read[key] for key in more} == more


def test_the_name_is_the_model_id(card: dict[str, Any]) -> None:
    assert PersonaCard.model_validate({**card, "name": "Nora  Lee"}).model_id == "nora-lee"


def test_all_problems_of_all_files_are_told_with_their_lines(
    training_data: Path, card: dict[str, Any], write_card: WriteCard
) -> None:
    write_card(
        training_data, {"name": "A", "voise": "x", "temperature": 3, "conversations": "conversations.json"}, "a.yaml"
    )
    write_card(training_data, {**card, "name": "B", "time_zone": "Mars/Base"}, "b.yaml")
    told = problems(training_data)
    assert any(each.startswith("personas/a.yaml:2: unknown key voise") for each in told)
    assert any(each.startswith("personas/a.yaml:3: temperature:") for each in told)
    assert any(each.startswith("personas/a.yaml:1: voice: Field required") for each in told)
    assert any(each.startswith("personas/b.yaml:7: time_zone: is no time zone") for each in told)


def test_a_problem_shows_nothing_of_a_value(training_data: Path, card: dict[str, Any], write_card: WriteCard) -> None:
    write_card(training_data, {**card, "facts": [{"canary": "canary"}], "temperature": "canary"})
    assert "canary" not in "".join(problems(training_data)).replace("facts.0.canary", "")
    write_card(training_data, card)
    assert "Nora" not in repr(only(training_data))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"conversations": "gone.json"}, "personas/nora.yaml:4: conversations: gone.json: cannot be read"),
        ({"conversations": "../x.json"}, "a path below the training data is needed"),
        ({"conversations": "/etc/passwd"}, "a path below the training data is needed"),
        ({"name": "Persona"}, "the model name persona stands for the default persona"),
        ({"stages": []}, "stages begin at 0 messages"),
        ({"stages": [{"name": "a", "messages": 3}]}, "stages begin at 0 messages"),
        ({"stages": [{"name": "a", "messages": 0}, {"name": "b", "messages": 0}]}, "stages begin at 0 messages"),
        ({"silence": {"after": 0}}, "silence.after"),
        ({"silence": {"after": 48, "until": 48}}, "later than after"),
        ({"silence": {"after": 48, "quiet": [22, 22]}}, "a fan has a night"),
        ({"silence": {"after": 48, "quiet": [22, 24]}}, "silence.quiet"),
        ({"n_candidates": 0}, "n_candidates"),
        ({"recalls": ["i remember"]}, "each line has {fact} once"),
        ({"remarks": {"tea_time": ["tea?"]}}, "unknown key remarks.tea_time"),
    ],
)
def test_what_cannot_be_used_is_refused(
    training_data: Path, card: dict[str, Any], write_card: WriteCard, changed: dict[str, Any], said: str
) -> None:
    write_card(training_data, {**card, **changed})
    assert any(said in each for each in problems(training_data))


def test_conversations_that_are_broken_are_named(training_data: Path) -> None:
    (training_data / "conversations.json").write_text("{", encoding="utf-8")
    assert problems(training_data)[0].startswith("conversations.json: file: Invalid JSON")


def test_two_files_with_one_name_are_refused(training_data: Path, card: dict[str, Any], write_card: WriteCard) -> None:
    write_card(training_data, {**card, "name": "NORA"}, "other.yaml")
    assert problems(training_data) == [
        "personas/other.yaml:1: name: the model name nora is also that of personas/nora.yaml"
    ]


def test_a_folder_without_personas_says_what_is_needed(tmp_path: Path) -> None:
    assert "no persona here: a persona is a .yaml file" in problems(tmp_path)[0]


def test_bytes_that_are_no_text_are_refused(training_data: Path) -> None:
    (training_data / "personas" / "nora.yaml").write_bytes(b"name: \xff")
    assert problems(training_data) == ["personas/nora.yaml: cannot be read: not UTF-8"]


def test_the_version_changes_with_either_file(training_data: Path, card: dict[str, Any], write_card: WriteCard) -> None:
    first = only(training_data).version
    write_card(training_data, {**card, "voice": "Loud."})
    second = only(training_data).version
    conversations = training_data / "conversations.json"
    conversations.write_text(conversations.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert len({first, second, only(training_data).version}) == 3


def test_the_stages_of_a_file_without_them_ask_for_nothing_of_their_own() -> None:
    assert all(stage.guidance == "" for stage in DEFAULT_STAGES)
