"""Forty messages through `chaperone up` with OpenAI's client and no language model: what is known as they go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.forty import Exchange, night_zone, talk
from brain.persona_files import read_personas
from guards.guard import Guard
from proxy.rule_files import load

ROOT = Path(__file__).parents[2]
KEY = "open-up"


@pytest.fixture(scope="module")
def talked(start_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Exchange]]:
    """The exchanges by the number that the reply has among all messages."""
    with start_in(tmp_path_factory.mktemp("forty")) as start:
        running = start("up", "--persona-port", "0", "--offline-delay", "0", CHAPERONE_OPERATOR_KEY=KEY)
        number, exchanges = 0, {}
        for exchange in talk(running.url, KEY):
            number += len(exchange.said) + 1
            exchanges[number] = exchange
        yield exchanges


def test_every_message_counts_once_and_stages_change_at_the_messages_that_the_persona_names(
    talked: dict[int, Exchange],
) -> None:
    assert {number: each.messages for number, each in talked.items()} == {number: number for number in talked}
    assert max(talked) == 40
    card = next(each.card for each in read_personas(ROOT / "training_data") if each.card.model_id == "mila")
    for number, exchange in talked.items():
        due = [stage.name for stage in card.stages if stage.messages <= number]
        assert exchange.stage == due[-1], number


def test_the_hour_where_the_fan_is_is_known(talked: dict[int, Exchange]) -> None:
    card = next(each.card for each in read_personas(ROOT / "training_data") if each.card.model_id == "mila")
    said = [exchange.reply for exchange in talked.values()]
    assert sum(any(line in reply for line in card.remarks.up_late) for reply in said) == 1


def test_what_was_told_in_message_3_is_known_in_message_35(talked: dict[int, Exchange]) -> None:
    assert "my dog is called Biscuit" in talked[4].said[0]
    assert talked[35].said == ("do you remember my dog?",)
    assert "Biscuit" in talked[35].reply


def test_a_story_comes_beat_by_beat(talked: dict[int, Exchange]) -> None:
    (story,) = [each for each in talked.values() if each.said[0].startswith("tell me a story")]
    assert len(story.reply.split("\n\n")) == 3
    assert len(story.pieces) > 3


def test_nothing_off_platform_and_no_meeting_gets_out(talked: dict[int, Exchange]) -> None:
    guard: Guard = load(ROOT / "rules")
    assert not [each.reply for each in talked.values() if guard.check(each.reply, "output").withholds]


@pytest.mark.parametrize("hour", range(24))
def test_the_fan_writes_at_two_in_the_morning(hour: int) -> None:
    ahead = -int(night_zone(hour).removeprefix("Etc/GMT") or 0)
    assert (hour + ahead) % 24 == 2
